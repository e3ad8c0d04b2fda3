//! spec/master/verify/account.md · 3.1.7
//!
//! One account after the other: its transactions in the order in which they took effect, from what it
//! began with to what it has.

use super::{Findings, Forces, VerifyError, position};
use crate::master::storage::Snapshot;
use crate::master::storage::verify::{LedgerLine, StoredAccount};
use crate::model::{Holdings, Money, Quantity, Reason, Side, Symbol, Timestamp, TransactionStatus};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Rows between two questions whether to go on.
const YIELD_ROWS: u64 = 4096;

/// Goes through the accounts, and adds all of them up.
pub(super) struct Books<'a> {
    forces: &'a Forces,
    /// The last update whose splits and dividends the ledger is said to have.
    acted: i64,
    read: u64,
    /// What all accounts began with, plus what the ledger says came in and less what went out.
    flow: i128,
    /// What all accounts have.
    cash: i128,
}

/// One account on its way.
struct RebuiltAccount<'a> {
    holdings: Holdings,
    forces: &'a Forces,
    /// By which update each position now held was begun.
    held_from: HashMap<Symbol, i64>,
    /// Splits and dividends that the ledger has.
    applied: HashSet<(Symbol, Side, Timestamp)>,
    /// What should be there and is not.
    missed: Vec<String>,
}

impl<'a> Books<'a> {
    pub(super) fn new(forces: &'a Forces, acted: i64) -> Books<'a> {
        Books {
            forces,
            acted,
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
        let mut rebuilt = RebuiltAccount::new(holder.starting_cash, self.forces);
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
            if let Err(why) = form(line).and_then(|()| rebuilt.take(line)) {
                findings.differs(format!("{who}: transaction {}: {why}", line.number));
            }
            Ok(())
        })?;
        rebuilt.finish(self.acted);
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

    /// Adds all accounts up: money comes from starting cash, sales and dividends, and goes into purchases.
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
        let known = Symbol::parse(symbol).is_ok_and(|symbol| rebuilt.positions.contains_key(&symbol));
        if !known {
            findings.report.positions += 1;
            findings.differs(format!(
                "{who}: the position stored in {symbol} is {}, and the ledger makes none",
                position(*units, *cost)
            ));
        }
    }
}

/// What a row says that it moved into the account's cash.
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

fn need(good: bool, what: &str) -> Result<(), String> {
    if good { Ok(()) } else { Err(what.to_owned()) }
}

/// Whether a row has what its side and status require, and nothing else.
fn form(line: &LedgerLine) -> Result<(), String> {
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
        need(line.ordered <= line.accepted, "its turn is after its acceptance")?;
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
    outcome_form(line, side, status)
}

/// Whether a row has the outcome that its side and status require, and no other.
fn outcome_form(line: &LedgerLine, side: Side, status: TransactionStatus) -> Result<(), String> {
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
                line.price.is_some() || side == Side::Split,
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
    fn new(cash: Money, forces: &'a Forces) -> RebuiltAccount<'a> {
        RebuiltAccount {
            holdings: Holdings {
                cash,
                ..Holdings::default()
            },
            forces,
            held_from: HashMap::new(),
            applied: HashSet::new(),
            missed: Vec::new(),
        }
    }

    /// Does what a settled row did; what does not fit is said, and what the row says is believed.
    fn take(&mut self, line: &LedgerLine) -> Result<(), String> {
        if TransactionStatus::from_number(line.status) != Some(TransactionStatus::Settled) {
            return Ok(());
        }
        let (Ok(symbol), Some(side)) = (Symbol::parse(&line.symbol), Side::from_number(line.side)) else {
            return Ok(());
        };
        let quantity = Quantity(line.quantity);
        let price = Money(line.price.unwrap_or(0));
        let total = Money(line.total.unwrap_or(0));
        let update = line.update.unwrap_or(0);
        let before = self.holdings.positions.contains_key(&symbol);
        let done = match side {
            Side::Buy | Side::Sell => match self.holdings.fill(side, symbol, quantity, price) {
                Ok(made) if made == total => Ok(()),
                Ok(made) => Err(format!(
                    "its total is {total}, and quantity and price make {made}"
                )),
                Err(reason) => Err(format!("it cannot have settled: {reason}")),
            },
            Side::Split => self.split(symbol, quantity, total),
            Side::Dividend => self.dividend(symbol, quantity, price, total),
        };
        if let (Side::Split | Side::Dividend, Some(priced)) = (side, line.priced) {
            self.applied.insert((symbol, side, Timestamp(priced)));
        }
        match (before, self.holdings.positions.contains_key(&symbol)) {
            (false, true) => {
                self.held_from.insert(symbol, update);
            }
            (true, false) => {
                // A split that left nothing came before what else its update brought.
                let until = if side == Side::Split { update - 1 } else { update };
                self.held_until(symbol, until);
            }
            _ => {}
        }
        done
    }

    fn split(&mut self, symbol: Symbol, added: Quantity, total: Money) -> Result<(), String> {
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
            _ => Err(format!("a dividend of {price} on {units} units paid {total}")),
        }
    }

    /// A position was held up to and with what came into force in `until`: the ledger has all of it.
    fn held_until(&mut self, symbol: Symbol, until: i64) {
        let Some(from) = self.held_from.remove(&symbol) else {
            return;
        };
        let forces: &[super::Force] = self.forces.get(&symbol).map_or(&[], Vec::as_slice);
        let first = forces.partition_point(|force| force.update <= from);
        for force in forces
            .iter()
            .skip(first)
            .take_while(|force| force.update <= until)
        {
            if !self.applied.contains(&(symbol, force.side, force.time)) {
                self.missed.push(format!(
                    "the {} of {symbol} of {} came with update {} and is not in the ledger",
                    force.side.as_str(),
                    force.time,
                    force.update
                ));
            }
        }
    }

    /// What is still held was held through all updates whose splits and dividends the ledger has.
    fn finish(&mut self, acted: i64) {
        let held: Vec<Symbol> = self.held_from.keys().copied().collect();
        for symbol in held {
            self.held_until(symbol, acted);
        }
    }
}
