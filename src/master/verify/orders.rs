//! spec/master/verify.md · 3.1.7
//!
//! Checks the orders that have not ended, and what replaced what.
//!
//! Tests: `src/master/verify/tests.rs`.

use super::{Findings, VerifyError};
use crate::master::storage::Snapshot;
use crate::master::storage::verify::{LedgerLine, WaitingLine};
use crate::master::transactions::entitlement::Families;
use crate::model::{Holdings, Money, OrderKind, Quantity, Side, Symbol, TransactionStatus};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Rows between two checks for cancellation.
const YIELD_ROWS: u64 = 4096;

/// Checks the orders of all accounts that have not ended, and the replacements.
///
/// # Errors
/// The check was cancelled, or the database cannot be read.
pub(super) fn check(
    moment: &mut Snapshot<'_>,
    findings: &mut Findings,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), VerifyError> {
    let mut read = 0_u64;
    moment.waiting_lines(|line| {
        read += 1;
        if read.is_multiple_of(YIELD_ROWS) && cancelled() {
            return Err(VerifyError::Cancelled);
        }
        if let Err(why) = check_terms(line) {
            findings.differs(format!("transaction {}: {why}", line.number));
        }
        Ok(())
    })?;
    moment.replacement_faults(|number, why| {
        findings.differs(format!("transaction {number}: {why}"));
    })?;
    Ok(())
}

/// Checks the terms of an order that has not ended.
fn check_terms(line: &WaitingLine) -> Result<(), &'static str> {
    let is_open = line.status == TransactionStatus::Open as u8;
    let Some(kind) = line.kind else {
        // purchaseAsset and sellAsset.
        return need(
            !is_open || line.waits_since.is_some(),
            "it is open, and nothing says what it waits for",
        );
    };
    let kind = OrderKind::from_number(kind).ok_or("no such kind of order")?;
    let is_purchase = line.side == Side::Buy as u8;
    need(
        is_purchase || line.side == Side::Sell as u8,
        "terms of what nobody ordered",
    )?;
    need(
        kind == OrderKind::Market || is_open,
        "an order that waits for its price is on the queue",
    )?;
    need(
        kind != OrderKind::Market || !is_open || line.waits_since.is_some(),
        "it is open, and nothing says since when it waits",
    )?;
    need(
        kind == OrderKind::StopLimit || line.triggered.is_none(),
        "an order has triggered that is no stop-limit",
    )?;
    need(
        line.first_update.is_some(),
        "nothing says from which update on it takes part",
    )?;
    need(
        line.time_in_force != Some(2) || line.until.is_some(),
        "it ends at a time, and has none",
    )?;
    need(
        is_purchase || line.cash.is_none(),
        "a sale for an amount of money",
    )?;
    if !is_purchase {
        return Ok(());
    }
    let reserve = line.reserve.ok_or("a purchase that holds nothing back")?;
    need(reserve >= 0, "it holds less than nothing back")?;
    match line.cash {
        Some(cash) => need(cash == reserve, "it holds back other than its amount"),
        None => need(
            least_reserve(kind, line).is_none_or(|least| least.0 <= reserve),
            "it holds less back than its units take at its price",
        ),
    }
}

/// What a purchase of units has to hold back at least: their value at the limit, or at the stop.
/// `None` where a price of now counted, or where splits have rounded the price up.
fn least_reserve(kind: OrderKind, line: &WaitingLine) -> Option<Money> {
    let price = match kind {
        OrderKind::Limit | OrderKind::StopLimit => line.limit,
        OrderKind::Stop => line.stop,
        OrderKind::Market | OrderKind::Trailing => None,
    };
    let price = price.filter(|price| *price > 1)?;
    Quantity(line.quantity).cost_at(Money(price))
}

/// `Ok` if `good`, and else an error with this text.
fn need(good: bool, text: &'static str) -> Result<(), &'static str> {
    if good { Ok(()) } else { Err(text) }
}

/// The units that an account's open sales promise, and why it may not hold them.
#[derive(Debug, Default)]
pub(super) struct PromisedUnits {
    /// By asset, with the first update that one of the sales takes part in.
    sales: BTreeMap<String, (i128, i64)>,
    /// The last update that a market purchase without a fill took part in, by asset.
    unfilled: HashMap<String, i64>,
    /// Assets whose units a late or corrected action took.
    corrected: HashSet<String>,
}

impl PromisedUnits {
    /// Notes a row of the ledger.
    pub(super) fn note(&mut self, line: &LedgerLine) {
        let (status, side) = (
            TransactionStatus::from_number(line.status),
            Side::from_number(line.side),
        );
        let is_market = line.kind.is_none_or(|kind| kind == OrderKind::Market as u8);
        if line.written_off.is_some() {
            self.corrected.insert(line.symbol.clone());
        }
        match (side, status) {
            (Some(Side::Sell), Some(TransactionStatus::Open)) => {
                let first = line.first_update.unwrap_or(0);
                let (units, since) = self.sales.entry(line.symbol.clone()).or_insert((0, first));
                *units += i128::from(line.quantity);
                *since = (*since).min(first);
            }
            (Some(Side::Buy), Some(TransactionStatus::Settled)) | (_, None) => {}
            // Units of a market purchase alone may be sold before they come.
            (Some(Side::Buy), Some(_)) if is_market => {
                // One that waits, or was cancelled, has no update.
                let until = line.update.unwrap_or(i64::MAX);
                let last = self.unfilled.entry(line.symbol.clone()).or_insert(until);
                *last = (*last).max(until);
            }
            _ => {}
        }
    }

    /// What is promised beyond what is held, though no purchase was to bring it: in words.
    pub(super) fn beyond(&self, holdings: &Holdings, families: &Families) -> Vec<String> {
        let mut found = Vec::new();
        for (symbol, (units, since)) in &self.sales {
            let Ok(asset) = Symbol::parse(symbol) else {
                continue;
            };
            let held = holdings.positions.get(&asset);
            let held = held.map_or(Quantity::ZERO, |(held, _)| *held);
            let is_same = |other: &String| {
                let other = Symbol::parse(other);
                other.is_ok_and(|other| families.first(other) == families.first(asset))
            };
            // The sale may have been accepted while the update of the purchase was under way.
            let was_to_come = self
                .unfilled
                .iter()
                .any(|(other, last)| is_same(other) && last.saturating_add(1) >= *since);
            if *units > i128::from(held.0) && !was_to_come && !self.corrected.iter().any(is_same) {
                found.push(format!(
                    "open sales of {symbol} promise {units} millionths of units, and {held} units are held"
                ));
            }
        }
        found
    }
}
