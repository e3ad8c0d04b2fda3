//! spec/master/verify.md · 3.1.7
//!
//! Rebuilds one account after the other from its starting cash, in the order in which its
//! transactions took effect.
//!
//! Tests: `src/master/verify/tests.rs`.

use super::orders::PromisedUnits;
use super::{AssetActions, Findings, StoredActions, VerifyError, position};
use crate::config::FeeSettings;
use crate::master::storage::Snapshot;
use crate::master::storage::verify::{LedgerLine, StoredAccount};
use crate::master::transactions::entitlement::Trade;
use crate::master::transactions::fill::ActionRow;
use crate::model::{
    Action, ActionKind, Cause, Holdings, Money, OrderKind, Quantity, Reason, Side, Symbol,
    Timestamp, TransactionStatus,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Rows between two checks for cancellation.
const YIELD_ROWS: u64 = 4096;

/// Checks accounts by what one snapshot has.
pub(super) struct Books<'a> {
    actions: &'a StoredActions,
    /// What trades cost, by the ID that fills name.
    schedules: &'a BTreeMap<i64, FeeSettings>,
    /// The last update whose actions the ledger should have.
    actions_applied: i64,
    totals: &'a mut DeploymentTotals,
}

/// The totals of all accounts that were checked.
#[derive(Debug, Default)]
pub(super) struct DeploymentTotals {
    read: u64,
    /// Starting cash of all accounts, plus what their ledgers add and less what they remove.
    flow: i128,
    /// Stored cash of all accounts.
    cash: i128,
}

/// An account that is being rebuilt.
struct RebuiltAccount<'a> {
    holdings: Holdings,
    actions: &'a StoredActions,
    schedules: &'a BTreeMap<i64, FeeSettings>,
    /// The update that opened each position now held.
    held_from: HashMap<Symbol, i64>,
    /// Actions in the account's ledger, by asset, number of the kind and time, and how many of each.
    applied: HashMap<(Symbol, u8, Timestamp), u32>,
    /// Rows that must follow, since the row before them is of the same action.
    expected: VecDeque<ActionRow>,
    /// Filled orders of families with late or corrected actions, by the asset that stands for it.
    trades: HashMap<Symbol, Vec<Trade>>,
    /// Units and cash that late and corrected actions should have moved, by asset, in millionths.
    corrected: HashMap<Symbol, (i128, i128)>,
    /// Messages about actions that are missing in the ledger.
    missed: Vec<String>,
    /// The cash with which the account begins, also after a restart.
    starting_cash: Money,
    /// What limit, stop, stop-limit and trailing purchases hold back, in millionths.
    reserved: i128,
    promised: PromisedUnits,
}

impl<'a> Books<'a> {
    pub(super) fn new(
        actions: &'a StoredActions,
        schedules: &'a BTreeMap<i64, FeeSettings>,
        actions_applied: i64,
        totals: &'a mut DeploymentTotals,
    ) -> Books<'a> {
        Books {
            actions,
            schedules,
            actions_applied,
            totals,
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
        let mut rebuilt = RebuiltAccount::new(holder.starting_cash, self.actions, self.schedules);
        findings.report.accounts += 1;
        self.totals.flow += i128::from(holder.starting_cash.0);
        self.totals.cash += i128::from(holder.cash.0);
        moment.ledger_lines(holder.account, |line| {
            self.totals.read += 1;
            if self.totals.read.is_multiple_of(YIELD_ROWS) && cancelled() {
                return Err(VerifyError::Cancelled);
            }
            let report = &mut findings.report;
            report.transactions += 1;
            match TransactionStatus::from_number(line.status) {
                Some(TransactionStatus::Queued) => report.queued += 1,
                Some(TransactionStatus::Settled) => report.settled += 1,
                Some(TransactionStatus::Rejected) => report.rejected += 1,
                Some(TransactionStatus::Open) => report.open += 1,
                Some(TransactionStatus::Cancelled | TransactionStatus::Expired) => {
                    report.ended += 1;
                }
                None => {}
            }
            self.totals.flow += flow(line);
            rebuilt.hold(line);
            rebuilt.promised.note(line);
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
        if rebuilt.reserved > i128::from(holder.cash.0) {
            findings.differs(format!(
                "{who}: open orders hold {} millionths back, and the cash is {}",
                rebuilt.reserved, holder.cash
            ));
        }
        let beyond = &rebuilt.promised;
        for beyond in beyond.beyond(&rebuilt.holdings, &self.actions.families) {
            findings.differs(format!("{who}: {beyond}"));
        }
        let stored = moment.stored_positions(holder.account)?;
        compare_positions(&stored, &who, &rebuilt.holdings, findings);
        Ok(())
    }
}

impl DeploymentTotals {
    /// Checks the total: the cash of all accounts is their starting cash, plus sales and dividends,
    /// less purchases.
    pub(super) fn close(&self, findings: &mut Findings) {
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

/// The row of an action as a line of the ledger has it.
fn action_row(symbol: Symbol, line: &LedgerLine) -> Result<ActionRow, String> {
    let source = line.source.as_deref().map(Symbol::parse).transpose();
    Ok(ActionRow {
        side: Side::from_number(line.side).ok_or("no such side")?,
        symbol,
        quantity: Quantity(line.quantity),
        price: line.price.map(Money),
        total: Money(line.total.unwrap_or(0)),
        cause: line.cause.and_then(Cause::from_number),
        source: source.map_err(|_| "the asset of its action is none")?,
        moved_cost: Money(line.moved_cost.unwrap_or(0)),
    })
}

/// The price of an action's fractions, if its own update or an earlier one brought it.
fn in_lieu(action: &Action, line: &LedgerLine) -> Option<Money> {
    let update = line.update.and_then(|update| u64::try_from(update).ok())?;
    let price = action.in_lieu.filter(|price| price.update <= update)?;
    Some(price.value)
}

/// The asset and the number of the kind of the action that a row tells; an action of several rows
/// is told by the one of its own asset.
fn told_action(symbol: Symbol, side: Side, line: &LedgerLine) -> Option<(Symbol, u8)> {
    if line.written_off.is_some() {
        return None;
    }
    let source = line.source.as_deref().map(Symbol::parse).transpose().ok()?;
    let cause = line.cause.and_then(Cause::from_number);
    match (cause, side) {
        (None, Side::Split) => Some((symbol, ActionKind::SPLIT)),
        (None, Side::Dividend) => Some((symbol, ActionKind::DIVIDEND)),
        (Some(Cause::SpinOff), _) => Some((source?, ActionKind::SPIN_OFF)),
        (Some(Cause::Rename), _) if source.is_none() => Some((symbol, ActionKind::RENAME)),
        (Some(Cause::Merger), Side::Split) if source.is_none() => Some((symbol, ActionKind::MERGE)),
        (Some(Cause::Delisting), _) => Some((symbol, ActionKind::DELIST)),
        (
            Some(Cause::Rename | Cause::Merger | Cause::InLieu | Cause::Grant | Cause::Restart),
            _,
        )
        | (None, Side::Buy | Side::Sell) => None,
    }
}

/// Whether an administrator made a row, and no action.
fn is_administrators(line: &LedgerLine) -> bool {
    let cause = line.cause.and_then(Cause::from_number);
    matches!(cause, Some(Cause::Grant | Cause::Restart))
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
    if side.is_order(line.cause.is_some()) {
        need(
            line.origin.is_some() && line.sequence.is_some(),
            "an order that no message brought",
        )?;
        let is_something = line.quantity > 0 && line.asked > 0;
        need(is_something || line.is_for_cash, "an order of nothing")?;
        let is_reserved = line.reserve.is_none() || side == Side::Buy;
        need(is_reserved, "a sale that holds cash back")?;
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
            "a row of an action that is not settled",
        )?;
    }
    need(
        line.has_note == (line.cause == Some(Cause::Grant as u8)),
        "a grant without its reason, or a reason without a grant",
    )?;
    let is_fill = status == TransactionStatus::Settled && side.is_order(line.cause.is_some());
    need(
        line.fee_schedule.is_none() || is_fill,
        "a fee schedule of what is no fill",
    )?;
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
        TransactionStatus::Queued | TransactionStatus::Open => need(
            line.settled.is_none()
                && line.price.is_none()
                && line.total.is_none()
                && line.priced.is_none()
                && line.reason.is_none()
                && line.update.is_none(),
            "it has not ended and has an outcome",
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
                line.price.is_some()
                    || side == Side::Split
                    || line.written_off.is_some()
                    || line.has_note,
                "it is settled without a price",
            )?;
            need(
                line.reason.is_none(),
                "it is settled and has a reason of rejection",
            )
        }
        TransactionStatus::Rejected | TransactionStatus::Cancelled | TransactionStatus::Expired => {
            let word = status.as_str();
            let reason = line.reason.as_deref().and_then(Reason::from_name);
            need(reason.is_some(), &format!("it is {word} without a reason"))?;
            let is_its_own = match status {
                TransactionStatus::Cancelled => {
                    matches!(reason, Some(Reason::Cancelled | Reason::Replaced))
                }
                TransactionStatus::Expired => reason == Some(Reason::Expired),
                TransactionStatus::Rejected
                | TransactionStatus::Queued
                | TransactionStatus::Open
                | TransactionStatus::Settled => true,
            };
            need(is_its_own, &format!("it is {word} for another reason"))?;
            // An order may be cancelled between two updates.
            let is_timed = line.update.is_some() || status == TransactionStatus::Cancelled;
            need(
                line.settled.is_some() && is_timed,
                &format!("it is {word} and lacks the time or update"),
            )?;
            need(
                line.price.is_none() && line.total.is_none() && line.priced.is_none(),
                &format!("it is {word} and has a price"),
            )
        }
    }
}

impl<'a> RebuiltAccount<'a> {
    fn new(
        cash: Money,
        actions: &'a StoredActions,
        schedules: &'a BTreeMap<i64, FeeSettings>,
    ) -> RebuiltAccount<'a> {
        RebuiltAccount {
            holdings: Holdings {
                cash,
                ..Holdings::default()
            },
            actions,
            schedules,
            held_from: HashMap::new(),
            applied: HashMap::new(),
            expected: VecDeque::new(),
            trades: HashMap::new(),
            corrected: HashMap::new(),
            missed: Vec::new(),
            starting_cash: cash,
            reserved: 0,
            promised: PromisedUnits::default(),
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
        self.check_expected(line);
        let quantity = Quantity(line.quantity);
        let price = Money(line.price.unwrap_or(0));
        let total = Money(line.total.unwrap_or(0));
        let update = line.update.unwrap_or(0);
        let before = self.holdings.positions.contains_key(&symbol);
        let done = match side {
            Side::Split | Side::Dividend if line.written_off.is_some() => {
                self.correction(symbol, line)
            }
            _ if is_administrators(line) => self.by_administrator(symbol, line),
            _ if line.cause.is_some() => self.other_action(symbol, line),
            Side::Buy | Side::Sell => self.trade(symbol, side, line),
            Side::Split => self.split(symbol, quantity, total, line),
            Side::Dividend => self.dividend(symbol, quantity, price, total),
        };
        self.note(symbol, side, line);
        match (before, self.holdings.positions.contains_key(&symbol)) {
            (false, true) => {
                self.held_from.insert(symbol, update);
            }
            (true, false) => {
                // An action that removed the position took effect before the other actions of its
                // update.
                let is_action = line.cause.is_some() && !is_administrators(line);
                let until = if side == Side::Split || is_action {
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
        if let Some((asset, kind)) = told_action(symbol, side, line) {
            *self.applied.entry((asset, kind, priced)).or_default() += 1;
        }
        match side {
            Side::Split | Side::Dividend => {}
            Side::Buy | Side::Sell => {
                let family = self.actions.changed_family(symbol);
                let is_trade = line.cause.is_none() || is_administrators(line);
                if let Some(family) = family.filter(|_| is_trade) {
                    let trade = Trade {
                        symbol,
                        side,
                        quantity: Quantity(line.quantity),
                        price: Money(line.price.unwrap_or(0)),
                        priced,
                        update: u64::try_from(line.update.unwrap_or(0)).unwrap_or(0),
                    };
                    self.trades.entry(family).or_default().push(trade);
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
        let cost = Money(cost.0.saturating_add(line.moved_cost.unwrap_or(0)));
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

    /// The split of this time that makes `added` units of those held.
    fn split_of(
        &self,
        symbol: Symbol,
        held: Quantity,
        added: Quantity,
        priced: Option<i64>,
    ) -> Option<&'a Action> {
        let revisions = self.actions.revisions(symbol).iter();
        let mut actions = revisions.map(|(_, action)| action);
        actions.find(|action| match action.kind {
            ActionKind::Split(ratio) => {
                Some(action.time.0) == priced
                    && ratio.units(held).0 == held.0.saturating_add(added.0)
            }
            ActionKind::Dividend(_)
            | ActionKind::SpinOff { .. }
            | ActionKind::Rename(_)
            | ActionKind::Merge { .. }
            | ActionKind::Delist(_)
            | ActionKind::Cancel => false,
        })
    }

    fn split(
        &mut self,
        symbol: Symbol,
        added: Quantity,
        total: Money,
        line: &LedgerLine,
    ) -> Result<(), String> {
        let Some((held, cost)) = self.holdings.positions.get(&symbol).copied() else {
            return Err(format!("a split of {symbol} that the account did not hold"));
        };
        let split = self.split_of(symbol, held, added, line.priced);
        if let Some(split) = split {
            let mut before = self.holdings.clone();
            let rows = before.act(split, in_lieu(split, line));
            self.expected.extend(rows.into_iter().skip(1));
        }
        let after = Quantity(held.0.saturating_add(added.0));
        if after.0 > 0 {
            self.holdings.positions.insert(symbol, (after, cost));
        } else {
            self.holdings.positions.remove(&symbol);
        }
        if after.0 < 0 {
            return Err(format!("a split took {added} units of {held}"));
        }
        if split.is_none() {
            return Err(format!("no split of its time adds {added} units to {held}"));
        }
        if total != Money::ZERO {
            return Err("a split moved cash".to_owned());
        }
        Ok(())
    }

    /// Applies a row that names its cause: the next one of its action, or the first of another.
    fn other_action(&mut self, symbol: Symbol, line: &LedgerLine) -> Result<(), String> {
        let row = action_row(symbol, line)?;
        let source = row.source.unwrap_or(symbol);
        if self.expected.is_empty() {
            let revisions = self.actions.revisions(source).iter();
            let of_row = revisions.filter(|(update, action)| {
                i64::try_from(*update).ok() == line.update
                    && Some(action.time.0) == line.priced
                    && action.kind.cause() == row.cause
            });
            let made = of_row.map(|(_, action)| {
                let mut before = self.holdings.clone();
                before.act(action, in_lieu(action, line))
            });
            let found = made.into_iter().find(|rows| rows.first() == Some(&row));
            self.expected = found.unwrap_or_default().into();
        }
        let is_expected = self.expected.pop_front() == Some(row);
        let (held, cost) = self
            .holdings
            .positions
            .get(&symbol)
            .copied()
            .unwrap_or_default();
        let units = match row.side {
            Side::Split => row.quantity.0,
            Side::Sell => row.quantity.0.saturating_neg(),
            Side::Buy | Side::Dividend => 0,
        };
        let after = Quantity(held.0.saturating_add(units));
        let cost = Money(cost.0.saturating_add(row.moved_cost.0));
        if after.0 > 0 {
            self.holdings.positions.insert(symbol, (after, cost));
        } else {
            self.holdings.positions.remove(&symbol);
        }
        self.holdings.cash = Money(self.holdings.cash.0.saturating_add(row.total.0));
        if is_expected {
            return Ok(());
        }
        self.expected.clear();
        let cause = row.cause.map_or("action", Cause::as_str);
        Err(format!("no {cause} of {source} of its time makes this row"))
    }

    /// Applies the row of a filled order: its total is units × price, and the fee.
    fn trade(&mut self, symbol: Symbol, side: Side, line: &LedgerLine) -> Result<(), String> {
        let quantity = Quantity(line.quantity);
        let price = Money(line.price.unwrap_or(0));
        let total = Money(line.total.unwrap_or(0));
        let fee = Money(line.fee.unwrap_or(0));
        let made = if side == Side::Buy {
            quantity.cost_at(price).and_then(|value| value.plus(fee))
        } else {
            quantity.worth_at(price).and_then(|value| value.minus(fee))
        };
        let cash = self.holdings.cash;
        let traded = self.holdings.trade(side, symbol, quantity, (total, cash));
        match (made, traded) {
            (_, Err(reason)) => Err(format!("it cannot have settled: {reason}")),
            (Some(made), Ok(())) if made == total => self.check_fee(side, line),
            (made, Ok(())) => Err(format!(
                "its total is {total}, and quantity, price and fee make {}",
                made.map_or("too much".to_owned(), |made| made.to_string())
            )),
        }
    }

    /// Checks that the fee of a fill, and its price where that has slipped, are what its schedule
    /// makes them.
    fn check_fee(&self, side: Side, line: &LedgerLine) -> Result<(), String> {
        let Some(id) = line.fee_schedule else {
            return Ok(());
        };
        let schedule = self.schedules.get(&id);
        let schedule = schedule.ok_or_else(|| format!("fee schedule {id} is none"))?;
        let price = Money(line.price.unwrap_or(0));
        let fee = Money(line.fee.unwrap_or(0));
        let made = schedule.fill(side, Quantity(line.quantity), price);
        let made = made.map(|made| made.fee);
        if made != Some(fee) {
            return Err(format!(
                "its fee is {fee}, and fee schedule {id} makes {}",
                made.map_or("too much".to_owned(), |made| made.to_string())
            ));
        }
        let Some(quoted) = line.quoted.map(Money) else {
            return Ok(());
        };
        // Of all kinds that slip the price is that of a market order.
        let made = schedule.fill_price(side, OrderKind::Market, quoted);
        if made == Some(price) {
            return Ok(());
        }
        Err(format!(
            "its price is {price}, and {quoted} with the slippage of fee schedule {id} is {}",
            made.map_or("too much".to_owned(), |made| made.to_string())
        ))
    }

    /// Notes what an open order holds back.
    fn hold(&mut self, line: &LedgerLine) {
        let is_open = TransactionStatus::from_number(line.status) == Some(TransactionStatus::Open);
        let is_standing = line
            .kind
            .is_some_and(|kind| kind != OrderKind::Market as u8);
        if is_open && is_standing {
            self.reserved += i128::from(line.reserve.unwrap_or(0));
        }
    }

    /// Applies the row of a grant or of a restart.
    fn by_administrator(&mut self, symbol: Symbol, line: &LedgerLine) -> Result<(), String> {
        let row = action_row(symbol, line)?;
        let mut made = self.holdings.clone();
        let expected = match (row.cause, row.side) {
            (Some(Cause::Grant), _) => made.grant(row.total),
            (_, Side::Sell) => made.sell_for_restart(symbol, row.price.unwrap_or_default()),
            _ if made.positions.is_empty() => Some(made.restart_cash(self.starting_cash)),
            _ => None,
        };
        if expected == Some(row) {
            self.holdings = made;
            return Ok(());
        }
        self.holdings.positions.remove(&symbol);
        self.holdings.cash = Money(self.holdings.cash.0.saturating_add(row.total.0));
        let cause = row.cause.map_or("row", Cause::as_str);
        let held = self.holdings.cash;
        Err(format!(
            "no {cause} makes this row, after which the cash is {held}"
        ))
    }

    /// Reports the rows that should be there and are not, where another action or an order follows.
    fn check_expected(&mut self, line: &LedgerLine) {
        let symbol = Symbol::parse(&line.symbol).ok();
        let row = symbol.and_then(|symbol| action_row(symbol, line).ok());
        if row.is_none() || self.expected.front() != row.as_ref() {
            self.miss_expected();
        }
    }

    fn miss_expected(&mut self) {
        for row in std::mem::take(&mut self.expected) {
            self.missed.push(format!(
                "the {} of {} is not whole: a row of {} units and {} of cash is missing",
                row.cause.map_or("action", Cause::as_str),
                row.symbol,
                row.quantity,
                row.total
            ));
        }
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
    /// action of that time.
    fn held_until(&mut self, symbol: Symbol, until: i64) {
        let Some(from) = self.held_from.remove(&symbol) else {
            return;
        };
        let actions: Option<&AssetActions> = self.actions.by_asset.get(&symbol);
        for (update, action) in actions.into_iter().flat_map(AssetActions::plain) {
            let number = i64::try_from(*update).unwrap_or(i64::MAX);
            if action.kind == ActionKind::Cancel || number <= from || number > until {
                continue;
            }
            let kind = action.kind.number();
            match self.applied.get_mut(&(symbol, kind, action.time)) {
                Some(left) if *left > 0 => *left -= 1,
                Some(_) | None => self.missed.push(format!(
                    "the {} of {symbol} of {} came with update {update} and is not in the ledger",
                    action.kind.word(),
                    action.time,
                )),
            }
        }
    }

    /// Checks that late and corrected actions moved what they should: nothing where the account
    /// traded nothing.
    fn check_corrections(&mut self, actions_applied: i64) {
        let corrected = self.corrected.keys();
        let families = corrected.filter_map(|symbol| self.actions.changed_family(*symbol));
        let touched: BTreeSet<Symbol> = families.chain(self.trades.keys().copied()).collect();
        for first in touched {
            let Some(actions) = self.actions.by_family.get(&first) else {
                continue;
            };
            let trades = self.trades.remove(&first).unwrap_or_default();
            let mut wanted: BTreeMap<Symbol, (i128, i128)> = BTreeMap::new();
            for (update, in_force) in &actions.changed {
                let number = i64::try_from(*update).unwrap_or(i64::MAX);
                if number > actions_applied {
                    continue;
                }
                let earlier = trades.partition_point(|trade| trade.update < *update);
                for (symbol, (units, cash)) in in_force.change(&trades[..earlier]) {
                    let sum = wanted.entry(symbol).or_default();
                    *sum = (sum.0 + units, sum.1 + cash);
                }
            }
            for symbol in self.actions.families.members(first) {
                let wanted = wanted.remove(&symbol).unwrap_or_default();
                let found = self.corrected.remove(&symbol).unwrap_or_default();
                if found != wanted {
                    self.missed.push(format!(
                        "late and corrected actions of {symbol} should have moved {} millionths \
                         of units and {} of cash, and the ledger has {} and {}",
                        wanted.0, wanted.1, found.0, found.1
                    ));
                }
            }
        }
        for symbol in self.corrected.keys() {
            self.missed
                .push(format!("{symbol} had no action that was late or corrected"));
        }
    }

    /// Checks the positions still held, up to the last update whose actions the ledger has.
    fn finish(&mut self, actions_applied: i64) {
        self.miss_expected();
        let held: Vec<Symbol> = self.held_from.keys().copied().collect();
        for symbol in held {
            self.held_until(symbol, actions_applied);
        }
        self.check_corrections(actions_applied);
    }
}
