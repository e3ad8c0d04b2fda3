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
    /// The open sales by asset.
    sales: BTreeMap<String, Vec<OpenSale>>,
    /// Market purchases without a fill by asset.
    unfilled: HashMap<String, Vec<UnfilledPurchase>>,
    /// Assets whose units a late or corrected action took.
    corrected: HashSet<String>,
}

/// A sale that waits.
#[derive(Debug, Clone, Copy)]
struct OpenSale {
    number: i64,
    units: i64,
    accepted: i64,
    /// The first update that it takes part in.
    first_update: i64,
}

/// A market purchase that has not filled, or not yet.
#[derive(Debug, Clone, Copy)]
struct UnfilledPurchase {
    number: i64,
    /// When it ended; the greatest time if it has not.
    ended: i64,
    /// The update that ended it; the least number if none did.
    update: i64,
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
                let sales = self.sales.entry(line.symbol.clone()).or_default();
                sales.push(OpenSale {
                    number: line.number,
                    units: line.quantity,
                    accepted: line.accepted,
                    first_update: line.first_update.unwrap_or(0),
                });
            }
            (Some(Side::Buy), Some(TransactionStatus::Settled)) | (_, None) => {}
            // Units of a market purchase alone may be sold before they come.
            (Some(Side::Buy), Some(_)) if is_market => {
                let unfilled = self.unfilled.entry(line.symbol.clone()).or_default();
                unfilled.push(UnfilledPurchase {
                    number: line.number,
                    ended: line.settled.unwrap_or(i64::MAX),
                    update: line.update.unwrap_or(i64::MIN),
                });
            }
            _ => {}
        }
    }

    /// What is promised beyond what is held, though no purchase was to bring it: in words.
    pub(super) fn beyond(&self, holdings: &Holdings, families: &Families) -> Vec<String> {
        let mut found = Vec::new();
        for (symbol, sales) in &self.sales {
            let Ok(asset) = Symbol::parse(symbol) else {
                continue;
            };
            let held = holdings.positions.get(&asset);
            let held = held.map_or(Quantity::ZERO, |(held, _)| *held);
            let units: i128 = sales.iter().map(|sale| i128::from(sale.units)).sum();
            let is_same = |other: &String| {
                let other = Symbol::parse(other);
                other.is_ok_and(|other| families.first(other) == families.first(asset))
            };
            if units <= i128::from(held.0) || self.corrected.iter().any(is_same) {
                continue;
            }
            let unfilled = self.unfilled.iter().filter(|(other, _)| is_same(other));
            let unfilled = unfilled.flat_map(|(_, unfilled)| unfilled).copied();
            if !was_to_come(sales.clone(), unfilled.collect()) {
                found.push(format!(
                    "open sales of {symbol} promise {units} millionths of units, and {held} units are held"
                ));
            }
        }
        found
    }
}

/// Whether one of the sales was accepted while one of the purchases was to bring it units: after that
/// purchase was accepted, and before it ended.
fn was_to_come(mut sales: Vec<OpenSale>, mut unfilled: Vec<UnfilledPurchase>) -> bool {
    sales.sort_unstable_by_key(|sale| sale.number);
    unfilled.sort_unstable_by_key(|purchase| purchase.number);
    let mut earlier = unfilled.iter().peekable();
    // When the last one ended of those that were accepted before a sale.
    let (mut ended, mut update) = (i64::MIN, i64::MIN);
    sales.iter().any(|sale| {
        while let Some(purchase) = earlier.next_if(|it| it.number < sale.number) {
            ended = ended.max(purchase.ended);
            update = update.max(purchase.update);
        }
        // The sale may have been accepted while the update was under way that ended the purchase.
        ended >= sale.accepted || update.saturating_add(1) >= sale.first_update
    })
}
