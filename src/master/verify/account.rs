//! spec/master/verify.md · 3.1.7
//!
//! Rebuilds one account after the other from its starting cash, in the order in which its
//! transactions took effect.
//!
//! Tests: `src/master/verify/tests.rs`.

use super::{ActionsByAsset, AssetActions, Findings, VerifyError, position};
use crate::master::storage::Snapshot;
use crate::master::storage::verify::{LedgerLine, StoredAccount};
use crate::master::transactions::entitlement::Trade;
use crate::model::{
    ActionKind, Holdings, Money, Quantity, Reason, Side, Symbol, Timestamp, TransactionStatus,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Rows between two checks for cancellation.
const YIELD_ROWS: u64 = 4096;

/// Checks the accounts and keeps their totals.
pub(super) struct Books<'a> {
    actions: &'a ActionsByAsset,
    /// The last update whose splits and dividends the ledger should have.
    actions_applied: i64,
    read: u64,
    /// Starting cash of all accounts, plus what their ledgers add and less what they remove.
    flow: i128,
    /// Stored cash of all accounts.
    cash: i128,
}

/// An account that is being rebuilt.
struct RebuiltAccount<'a> {
    holdings: Holdings,
    actions: &'a ActionsByAsset,
    /// The update that opened each position now held.
    held_from: HashMap<Symbol, i64>,
    /// Splits and dividends in the account's ledger, and how many of each.
    applied: HashMap<(Symbol, Side, Timestamp), u32>,
    /// Filled orders of assets with late or corrected actions.
    trades: HashMap<Symbol, Vec<Trade>>,
    /// Units and cash that late and corrected actions should have moved, by asset, in millionths.
    corrected: HashMap<Symbol, (i128, i128)>,
    /// Messages about splits and dividends that are missing in the ledger.
    missed: Vec<String>,
}

impl<'a> Books<'a> {
    pub(super) fn new(actions: &'a ActionsByAsset, actions_applied: i64) -> Books<'a> {
        Books {
            actions,
            actions_applied,
            read: 0,
            flow: 0,
            cash: 0,
        }
    }

    /// Checks one account.
    pub(super) fn check(
        &mut self,
        moment: &mut Snapshot<'_>,
        holder: &StoredAccount,
        findings: &mut Findings,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(), VerifyError> {
        let who = format!("{} (account {})", holder.username, holder.account);
        let mut rebuilt = RebuiltAccount::new(holder.starting_cash, self.actions);
        findings.report.accounts += 1;
        self.flow += i128::from(holder.starting_cash.0);
        self.cash += i128::from(holder.cash.0);
        moment.ledger_lines(holder.account, |line| {
            self.read += 1;
            if self.read.is_multiple_of(YIELD_ROWS) && cancelled() {
                return Err(VerifyError::Cancelled);
            }
            let report = &mut findings.report;
            report.transactions += 1;
            match TransactionStatus::from_number(line.status) {
                Some(TransactionStatus::Queued) => report.queued += 1,
                Some(TransactionStatus::Settled) => report.settled += 1,
                Some(TransactionStatus::Rejected) => report.rejected += 1,
                None => {}
            }
            self.flow += flow(line);
            if let Err(why) = check_form(line).and_then(|()| rebuilt.apply(line)) {
                findings.differs(format!("{who}: transaction {}: {why}", line.number));
            }
            Ok(())
        })?;
        rebuilt.finish(self.actions_applied);
        for missed in &rebuilt.missed {
            findings.differs(format!("{who}: {missed}"));
        }
        if rebuilt.holdings.cash != holder.cash {
            findings.differs(format!(
                "{who}: the cash stored is {}, and the ledger makes {}",
                holder.cash, rebuilt.holdings.cash
            ));
        }
        let stored = moment.stored_positions(holder.account)?;
        compare_positions(&stored, &who, &rebuilt.holdings, findings);
        Ok(())
    }

    /// Checks the total: the cash of all accounts is their starting cash, plus sales and dividends,
    /// less purchases.
    pub(super) fn close(self, findings: &mut Findings) {
        if self.flow != self.cash {
            findings.differs(format!(
                "all accounts together have {} millionths of cash, and the ledger makes {}",
                self.cash, self.flow
            ));
        }
        let cash = i64::try_from(self.cash).map(|cash| Money(cash).to_string());
        findings.report.cash = cash.unwrap_or_else(|_| format!("{} millionths", self.cash));
    }
}

fn compare_positions(
    stored: &BTreeMap<String, (Quantity, Money)>,
    who: &str,
    rebuilt: &Holdings,
    findings: &mut Findings,
) {
    for (symbol, (units, cost)) in &rebuilt.positions {
        findings.report.positions += 1;
        match stored.get(symbol.as_str()) {
            Some(found) if *found == (*units, *cost) => {}
            Some((has, had)) => findings.differs(format!(
                "{who}: the position stored in {symbol} is {}, and the ledger makes {}",
                position(*has, *had),
                position(*units, *cost)
            )),
            None => findings.differs(format!(
                "{who}: no position is stored in {symbol}, and the ledger makes {}",
                position(*units, *cost)
            )),
        }
    }
    for (symbol, (units, cost)) in stored {
        let known =
            Symbol::parse(symbol).is_ok_and(|symbol| rebuilt.positions.contains_key(&symbol));
        if !known {
            findings.report.positions += 1;
            findings.differs(format!(
                "{who}: the position stored in {symbol} is {}, and the ledger makes none",
                position(*units, *cost)
            ));
        }
    }
}

/// The amount that a row adds to the account's cash.
fn flow(line: &LedgerLine) -> i128 {
    let total = i128::from(line.total.unwrap_or(0));
    match (
        TransactionStatus::from_number(line.status),
        Side::from_number(line.side),
    ) {
        (Some(TransactionStatus::Settled), Some(Side::Buy)) => -total,
        (Some(TransactionStatus::Settled), Some(Side::Sell | Side::Dividend)) => total,
        _ => 0,
    }
}

/// `Ok` if `good`, and else an error with this text.
fn need(good: bool, text: &str) -> Result<(), String> {
    if good { Ok(()) } else { Err(text.to_owned()) }
}

/// Checks that a row has the columns that its side and status require, and no others.
fn check_form(line: &LedgerLine) -> Result<(), String> {
    let side = Side::from_number(line.side).ok_or("no such side")?;
    let status = TransactionStatus::from_number(line.status).ok_or("no such status")?;
    Symbol::parse(&line.symbol).map_err(|_| "its asset is none")?;
    let order = matches!(side, Side::Buy | Side::Sell);
    if order {
        need(
            line.origin.is_some() && line.sequence.is_some(),
            "an order that no message brought",
        )?;
        need(line.quantity > 0 && line.asked > 0, "an order of nothing")?;
        need(line.written_off.is_none(), "an order that was written off")?;
        need(
            line.ordered <= line.accepted,
            "its turn is after its acceptance",
        )?;
    } else {
        need(
            line.origin.is_none() && line.sequence.is_none(),
            "a message brought what no client orders",
        )?;
        need(
            status == TransactionStatus::Settled,
            "a split or dividend that is not settled",
        )?;
    }
    let millis = line
        .id
        .iter()
        .take(6)
        .fold(0i64, |sum, byte| sum << 8 | i64::from(*byte));
    need(
        millis == line.accepted,
        "its ID is not of the time of its acceptance",
    )?;
    check_outcome(line, side, status)
}

/// Checks the columns of a row's outcome.
fn check_outcome(line: &LedgerLine, side: Side, status: TransactionStatus) -> Result<(), String> {
    match status {
        TransactionStatus::Queued => need(
            line.settled.is_none()
                && line.price.is_none()
                && line.total.is_none()
                && line.priced.is_none()
                && line.reason.is_none()
                && line.update.is_none(),
            "it is queued and has an outcome",
        ),
        TransactionStatus::Settled => {
            need(
                line.settled.is_some()
                    && line.total.is_some()
                    && line.priced.is_some()
                    && line.update.is_some(),
                "it is settled and lacks its outcome",
            )?;
            need(
                line.price.is_some() || side == Side::Split || line.written_off.is_some(),
                "it is settled without a price",
            )?;
            need(
                line.reason.is_none(),
                "it is settled and has a reason of rejection",
            )
        }
        TransactionStatus::Rejected => {
            let reason = line.reason.as_deref().and_then(Reason::from_name);
            need(reason.is_some(), "it is rejected without a reason")?;
            need(
                line.settled.is_some() && line.update.is_some(),
                "it is rejected and lacks the time or update",
            )?;
            need(
                line.price.is_none() && line.total.is_none() && line.priced.is_none(),
                "it is rejected and has a price",
            )
        }
    }
}

impl<'a> RebuiltAccount<'a> {
    fn new(cash: Money, actions: &'a ActionsByAsset) -> RebuiltAccount<'a> {
        RebuiltAccount {
            holdings: Holdings {
                cash,
                ..Holdings::default()
            },
            actions,
            held_from: HashMap::new(),
            applied: HashMap::new(),
            trades: HashMap::new(),
            corrected: HashMap::new(),
            missed: Vec::new(),
        }
    }

    /// Applies a settled row. Returns an error if the row does not fit, but still applies it as far
    /// as possible, so that one wrong row does not hide the next.
    fn apply(&mut self, line: &LedgerLine) -> Result<(), String> {
        if TransactionStatus::from_number(line.status) != Some(TransactionStatus::Settled) {
            return Ok(());
        }
        let (Ok(symbol), Some(side)) = (Symbol::parse(&line.symbol), Side::from_number(line.side))
        else {
            return Ok(());
        };
        let quantity = Quantity(line.quantity);
        let price = Money(line.price.unwrap_or(0));
        let total = Money(line.total.unwrap_or(0));
        let update = line.update.unwrap_or(0);
        let before = self.holdings.positions.contains_key(&symbol);
        let done = match side {
            Side::Split | Side::Dividend if line.written_off.is_some() => {
                self.correction(symbol, line)
            }
            Side::Buy | Side::Sell => match self.holdings.fill(side, symbol, quantity, price) {
                Ok(made) if made == total => Ok(()),
                Ok(made) => Err(format!(
                    "its total is {total}, and quantity and price make {made}"
                )),
                Err(reason) => Err(format!("it cannot have settled: {reason}")),
            },
            Side::Split => self.split(symbol, quantity, total, line.priced),
            Side::Dividend => self.dividend(symbol, quantity, price, total),
        };
        self.note(symbol, side, line);
        match (before, self.holdings.positions.contains_key(&symbol)) {
            (false, true) => {
                self.held_from.insert(symbol, update);
            }
            (true, false) => {
                // A split that removed the position took effect before the other actions of its
                // update.
                let until = if side == Side::Split {
                    update - 1
                } else {
                    update
                };
                self.held_until(symbol, until);
            }
            _ => {}
        }
        done
    }

    /// Remembers what later checks need of a row.
    fn note(&mut self, symbol: Symbol, side: Side, line: &LedgerLine) {
        let priced = Timestamp(line.priced.unwrap_or(0));
        match side {
            Side::Split | Side::Dividend => {
                if line.written_off.is_none() {
                    *self.applied.entry((symbol, side, priced)).or_default() += 1;
                }
            }
            Side::Buy | Side::Sell => {
                let is_changed = |actions: &AssetActions| !actions.changed.is_empty();
                if self.actions.get(&symbol).is_some_and(is_changed) {
                    let trade = Trade {
                        side,
                        quantity: Quantity(line.quantity),
                        price: Money(line.price.unwrap_or(0)),
                        priced,
                        update: u64::try_from(line.update.unwrap_or(0)).unwrap_or(0),
                    };
                    self.trades.entry(symbol).or_default().push(trade);
                }
            }
        }
    }

    /// Applies the row of a late or corrected action. [`RebuiltAccount::finish`] checks what they
    /// add up to.
    fn correction(&mut self, symbol: Symbol, line: &LedgerLine) -> Result<(), String> {
        let (units, cash) = if line.side == Side::Split as u8 {
            (line.quantity, 0)
        } else {
            (0, line.total.unwrap_or(0))
        };
        let left = i128::from(line.written_off.unwrap_or(0));
        let wanted = self.corrected.entry(symbol).or_default();
        if line.side == Side::Split as u8 {
            wanted.0 += i128::from(units) - left;
        } else {
            wanted.1 += i128::from(cash) - left;
        }
        let (held, cost) = self
            .holdings
            .positions
            .get(&symbol)
            .copied()
            .unwrap_or_default();
        let after = Quantity(held.0.saturating_add(units));
        if after.0 > 0 {
            self.holdings.positions.insert(symbol, (after, cost));
        } else {
            self.holdings.positions.remove(&symbol);
        }
        self.holdings.cash = Money(self.holdings.cash.0.saturating_add(cash));
        if after.0 < 0 || self.holdings.cash.0 < 0 {
            return Err("a correction took what was not there".to_owned());
        }
        Ok(())
    }

    /// Whether `added` units are what a split of this time makes of those held.
    fn is_split(
        &self,
        symbol: Symbol,
        held: Quantity,
        added: Quantity,
        priced: Option<i64>,
    ) -> bool {
        let revisions = self
            .actions
            .get(&symbol)
            .map_or(&[][..], |actions| &actions.revisions);
        let mut ratios = revisions
            .iter()
            .filter_map(|(_, action)| match action.kind {
                ActionKind::Split(ratio) => (Some(action.time.0) == priced).then_some(ratio),
                ActionKind::Dividend(_) | ActionKind::Cancel => None,
            });
        ratios.any(|ratio| ratio.units(held).0 == held.0.saturating_add(added.0))
    }

    fn split(
        &mut self,
        symbol: Symbol,
        added: Quantity,
        total: Money,
        priced: Option<i64>,
    ) -> Result<(), String> {
        let Some((held, cost)) = self.holdings.positions.get(&symbol).copied() else {
            return Err(format!("a split of {symbol} that the account did not hold"));
        };
        let after = Quantity(held.0.saturating_add(added.0));
        if after.0 > 0 {
            self.holdings.positions.insert(symbol, (after, cost));
        } else {
            self.holdings.positions.remove(&symbol);
        }
        if after.0 < 0 {
            return Err(format!("a split took {added} units of {held}"));
        }
        if !self.is_split(symbol, held, added, priced) {
            return Err(format!("no split of its time adds {added} units to {held}"));
        }
        if total != Money::ZERO {
            return Err("a split moved cash".to_owned());
        }
        Ok(())
    }

    fn dividend(
        &mut self,
        symbol: Symbol,
        units: Quantity,
        price: Money,
        total: Money,
    ) -> Result<(), String> {
        let held = self
            .holdings
            .positions
            .get(&symbol)
            .map_or(Quantity::ZERO, |held| held.0);
        self.holdings.cash = Money(self.holdings.cash.0.saturating_add(total.0));
        if held != units {
            return Err(format!(
                "a dividend was paid on {units} units, and {held} were held"
            ));
        }
        match units.worth_at(price) {
            Some(made) if made == total => Ok(()),
            _ => Err(format!(
                "a dividend of {price} on {units} units paid {total}"
            )),
        }
    }

    /// Checks a position that was held up to and including update `until`: the ledger has each
    /// split and dividend of that time.
    fn held_until(&mut self, symbol: Symbol, until: i64) {
        let Some(from) = self.held_from.remove(&symbol) else {
            return;
        };
        let Some(actions) = self.actions.get(&symbol) else {
            return;
        };
        for (update, action) in actions.plain() {
            let side = match action.kind {
                ActionKind::Split(_) => Side::Split,
                ActionKind::Dividend(_) => Side::Dividend,
                ActionKind::Cancel => continue,
            };
            let number = i64::try_from(*update).unwrap_or(i64::MAX);
            if number <= from || number > until {
                continue;
            }
            match self.applied.get_mut(&(symbol, side, action.time)) {
                Some(left) if *left > 0 => *left -= 1,
                Some(_) | None => self.missed.push(format!(
                    "the {} of {symbol} of {} came with update {update} and is not in the ledger",
                    side.as_str(),
                    action.time,
                )),
            }
        }
    }

    /// Checks that late and corrected actions moved what they should: nothing where the account
    /// traded nothing.
    fn check_corrections(&mut self, actions_applied: i64) {
        let touched = self.trades.keys().chain(self.corrected.keys());
        let touched: BTreeSet<Symbol> = touched.copied().collect();
        for symbol in touched {
            let Some(actions) = self.actions.get(&symbol) else {
                continue;
            };
            let trades = self.trades.remove(&symbol).unwrap_or_default();
            let mut wanted = (0_i128, 0_i128);
            for (update, in_force) in &actions.changed {
                let number = i64::try_from(*update).unwrap_or(i64::MAX);
                if number > actions_applied {
                    continue;
                }
                let earlier = trades.partition_point(|trade| trade.update < *update);
                let (units, cash) = in_force.change(&trades[..earlier]);
                wanted = (wanted.0 + units, wanted.1 + cash);
            }
            let found = self.corrected.remove(&symbol).unwrap_or_default();
            if found != wanted {
                self.missed.push(format!(
                    "late and corrected actions of {symbol} should have moved {} millionths of \
                     units and {} of cash, and the ledger has {} and {}",
                    wanted.0, wanted.1, found.0, found.1
                ));
            }
        }
        for symbol in self.corrected.keys() {
            self.missed
                .push(format!("{symbol} had no action that was late or corrected"));
        }
    }

    /// Checks the positions still held, up to the last update whose splits and dividends the ledger
    /// has.
    fn finish(&mut self, actions_applied: i64) {
        let held: Vec<Symbol> = self.held_from.keys().copied().collect();
        for symbol in held {
            self.held_until(symbol, actions_applied);
        }
        self.check_corrections(actions_applied);
    }
}
