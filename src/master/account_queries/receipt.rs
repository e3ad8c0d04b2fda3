//! spec/master/account_queries.md · 3.1.7 Assets Buy & Sell
//!
//! The lines that explain a transaction to its owner.
//!
//! Tests: `src/master/account_queries/tests.rs`.
use crate::config::{FeeSettings, Percentage};
use crate::master::storage::ledger::LedgerEntry;
use crate::master::storage::order_details::{FillBar, OrderDetails};
use crate::master::storage::{Snapshot, StorageError};
use crate::model::{
    Cause, Money, OrderKind, OrderTerms, Reason, Side, Symbol, TrailDistance, TransactionStatus,
};
use crate::wire::payload::Receipt;

/// What a receipt tells of an order beyond its row of the ledger.
#[derive(Debug, Default)]
pub(super) struct OrderFacts {
    /// `None` of purchaseAsset, sellAsset, and what nobody ordered.
    details: Option<OrderDetails>,
    /// The bar that filled it, where it waited in the book.
    bar: Option<FillBar>,
    /// What its fill cost, where that is known.
    schedule: Option<FeeSettings>,
}

impl OrderFacts {
    /// Reads what the ledger has of this row.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn read(
        snapshot: &mut Snapshot<'_>,
        entry: &LedgerEntry,
    ) -> Result<OrderFacts, StorageError> {
        if !is_order(entry) {
            return Ok(OrderFacts::default());
        }
        let number = entry.rank.number;
        Ok(OrderFacts {
            details: snapshot.order_details(number)?,
            bar: snapshot.fill_bar(number)?,
            schedule: match entry.fee_schedule {
                Some(id) => snapshot.fee_schedule(id)?,
                None => None,
            },
        })
    }

    fn kind(&self) -> OrderKind {
        let details = self.details.as_ref();
        details.map_or(OrderKind::Market, |details| details.terms.kind())
    }

    /// The level at which a trailing order's stop was reached; `None` where the bar opened beyond
    /// it.
    fn level(&self, quoted: Money) -> Option<Money> {
        let bar = self.bar.filter(|_| self.kind() == OrderKind::Trailing)?;
        (bar.open != quoted).then_some(quoted)
    }
}

/// Whether a client ordered what the row is about.
fn is_order(entry: &LedgerEntry) -> bool {
    entry.transaction.side.is_order(entry.cause.is_some())
}

/// Names and values in reading order.
struct ReceiptRows<'a> {
    rows: Vec<(String, String)>,
    currency: &'a str,
}

impl ReceiptRows<'_> {
    fn row(&mut self, name: &str, value: impl ToString) {
        self.rows.push((name.to_owned(), value.to_string()));
    }

    fn money(&mut self, name: &str, value: Option<Money>) {
        if let Some(value) = value {
            self.row(name, format!("{value} {}", self.currency));
        }
    }
}

/// The lines of a row of the ledger that came by this worker.
pub(super) fn receipt(
    entry: &LedgerEntry,
    facts: &OrderFacts,
    worker: Option<&str>,
    currency: &str,
) -> Receipt {
    let transaction = &entry.transaction;
    let mut out = ReceiptRows {
        rows: Vec::new(),
        currency,
    };
    out.row("transaction", transaction.id.hyphenated());
    out.row("side", side(entry));
    out.row("status", transaction.status.as_str());
    out.row("asset", transaction.symbol);
    out.row("quantity", transaction.quantity);
    if let Some(details) = &facts.details {
        add_terms(&mut out, details);
    }
    if let Some(id) = &transaction.client_order_id {
        out.row("client order ID", id);
    }
    if let Some(cause) = entry.cause {
        let source = entry.source.unwrap_or(transaction.symbol);
        if source == Symbol::NONE {
            out.row("cause", cause);
        } else {
            out.row("cause", format!("{cause} of {source}"));
        }
    }
    if let Some(note) = &entry.note {
        out.row("reason", note);
    }
    if is_order(entry) {
        out.row("worker", worker.unwrap_or("-"));
        out.row("worker timestamp", entry.stamped);
        out.row("timestamp counted as", entry.rank.timestamp);
        out.row("queue position", entry.rank.number);
    }
    out.row("accepted", transaction.accepted);
    if let Some(update) = entry.update {
        out.row("update", update);
    }
    if let Some(settled) = transaction.settled {
        out.row("settled", settled);
    }
    add_price(&mut out, entry, facts);
    if let Some(reason) = transaction.reason {
        out.row("reason", reason);
    }
    let rule = match (entry.written_off, entry.cause) {
        (None, None) if transaction.status == TransactionStatus::Settled && is_order(entry) => {
            fill_rule(transaction.side, facts, currency)
        }
        (None, None) => rule(transaction.side, transaction.status, transaction.reason).to_owned(),
        (None, Some(cause)) => cause_rule(cause).to_owned(),
        (Some(left), _) => {
            if left > 0 {
                out.row("written off", Money(left));
            }
            if left < 0 {
                out.row("kept back", Money(left.saturating_neg()));
            }
            CORRECTION_RULE.to_owned()
        }
    };
    out.row("rule", rule);
    Receipt(out.rows)
}

/// What an order of placeOrder or replaceOrder said, in the units of now.
fn add_terms(out: &mut ReceiptRows<'_>, details: &OrderDetails) {
    out.row("kind", details.terms.kind().as_str());
    out.money("for", details.cash);
    out.money("limit", details.terms.limit());
    out.money("stop", details.terms.stop());
    if let OrderTerms::Trailing { distance } = details.terms {
        match distance {
            TrailDistance::Money(money) => out.money("trailing distance", Some(money)),
            TrailDistance::Percent(_) => out.row("trailing distance", distance),
        }
    }
    out.row("time in force", details.time_in_force);
}

/// The bar that filled an order, and what came of it.
fn add_price(out: &mut ReceiptRows<'_>, entry: &LedgerEntry, facts: &OrderFacts) {
    let transaction = &entry.transaction;
    // A row that is about no asset has no quote.
    let is_priced = transaction.symbol != Symbol::NONE;
    if let Some(priced) = transaction.priced.filter(|_| is_priced) {
        out.row("quote time", priced);
    }
    out.money("open", facts.bar.map(|bar| bar.open));
    out.money("high", facts.bar.map(|bar| bar.high));
    out.money("low", facts.bar.map(|bar| bar.low));
    let quoted = entry.quoted.or(transaction.price);
    out.money("stop level", quoted.and_then(|quoted| facts.level(quoted)));
    out.money("price before slippage", entry.quoted);
    out.money("price", transaction.price.filter(|_| is_priced));
    if let (Some(fee), Some(total)) = (entry.fee, transaction.total) {
        let value = match transaction.side {
            Side::Buy => total.minus(fee),
            Side::Sell | Side::Split | Side::Dividend => total.plus(fee),
        };
        out.money("value", value);
        out.money("fee", Some(fee));
        add_fee_parts(out, entry, facts);
    }
    out.money("total", transaction.total);
}

/// What the fee is made of, where its schedule is known.
fn add_fee_parts(out: &mut ReceiptRows<'_>, entry: &LedgerEntry, facts: &OrderFacts) {
    let transaction = &entry.transaction;
    let (Some(schedule), Some(price)) = (&facts.schedule, transaction.price) else {
        return;
    };
    let Some(parts) = schedule.parts(transaction.side, transaction.quantity, price) else {
        return;
    };
    let lines = [
        ("fee per order", parts.per_order),
        ("fee per unit", parts.per_unit),
        ("fee percent", parts.percent),
        ("added by minimum", parts.added),
        ("cut to value", parts.cut),
    ];
    for (name, amount) in lines {
        if !amount.is_zero() {
            out.row(name, format!("{amount} {}", out.currency));
        }
    }
}

/// How a fee is made; `None` where there is none.
fn fee_rule(schedule: &FeeSettings, is_sale: bool, currency: &str) -> Option<String> {
    let mut terms = Vec::new();
    if schedule.per_order > Money::ZERO {
        terms.push(format!("{} {currency}", schedule.per_order));
    }
    if schedule.per_unit > Money::ZERO {
        terms.push(format!("quantity × {} {currency}", schedule.per_unit));
    }
    if schedule.percent != Percentage::default() {
        terms.push(format!("quantity × price × {} %", schedule.percent));
    }
    let mut rule = match (terms.is_empty(), schedule.minimum) {
        (true, Money::ZERO) => return None,
        (true, minimum) => format!("fee = {minimum} {currency}"),
        (false, Money::ZERO) => format!("fee = {}, rounded up", terms.join(" + ")),
        (false, minimum) => format!(
            "fee = {}, rounded up, at least {minimum} {currency}",
            terms.join(" + ")
        ),
    };
    if is_sale {
        rule.push_str(", at most the value");
    }
    Some(rule)
}

/// The side that a receipt shows. Of cash that an administrator gave, took or set it is the cause: no
/// dividend was paid.
fn side(entry: &LedgerEntry) -> String {
    let transaction = &entry.transaction;
    match entry.cause {
        Some(cause @ (Cause::Grant | Cause::Restart)) if transaction.symbol == Symbol::NONE => {
            cause.to_string()
        }
        Some(_) | None => transaction.side.to_string(),
    }
}

/// The rule of a late or corrected split or dividend.
const CORRECTION_RULE: &str = "a split or dividend was announced late, corrected or cancelled: what the account is owed now \
     less what it was owed before, from its trades by market time; no more is taken than is there, and no \
     more is given than was taken";

fn cause_rule(cause: Cause) -> &'static str {
    match cause {
        Cause::Rename => "all units, with their cost, go on under the asset's new symbol",
        Cause::Delisting => {
            "all units held were paid at this price; total = quantity × price, rounded down to a \
             millionth"
        }
        Cause::Merger => {
            "units held × the merger's ratio are units of the other asset, with the cost; and units \
             held × its cash a unit are paid; both rounded down to a millionth"
        }
        Cause::SpinOff => {
            "units held × the spin-off's ratio come, rounded down to a millionth; the cost stays with \
             the units held"
        }
        Cause::InLieu => {
            "what the ratio left below a millionth of a unit is paid at the first price after, rounded \
             down to a millionth"
        }
        Cause::Grant => "an administrator gave this cash; below zero, it was taken",
        Cause::Restart => {
            "an administrator let the account begin anew: queued and open orders were cancelled, all \
             units sold at the last price, for nothing without one, and the cash was set to the cash it began with"
        }
    }
}

/// What is to be known of a row with this side and status; the reason counts where it is rejected.
pub(super) fn rule(side: Side, status: TransactionStatus, reason: Option<Reason>) -> &'static str {
    match (side, status) {
        (_, TransactionStatus::Queued) => {
            "waits for the first update whose retrieval begins after the order was accepted"
        }
        (_, TransactionStatus::Open) => "waits for a price that fills it",
        (_, TransactionStatus::Cancelled) => "was cancelled before it was filled",
        (_, TransactionStatus::Expired) => "its time in force ended before it was filled",
        (Side::Buy | Side::Sell, TransactionStatus::Settled) => {
            "filled at the close of the asset's bar in the first update retrieved after acceptance"
        }
        (Side::Split, _) => {
            "units held before the split × its ratio, rounded down to a millionth; the cost stays"
        }
        (Side::Dividend, _) => "units held × cash a unit, rounded down to a millionth",
        (Side::Buy | Side::Sell, TransactionStatus::Rejected)
            if reason == Some(Reason::NoPrice) =>
        {
            "no price came that could fill it: the market or the asset ended first, or it had waited for \
             as long as an order may"
        }
        (Side::Buy | Side::Sell, TransactionStatus::Rejected) => {
            "funds and holdings are checked when the order settles"
        }
    }
}

/// Why an order was filled at its price: by which values of the bar that filled it.
fn fill_rule(side: Side, facts: &OrderFacts, currency: &str) -> String {
    let is_sale = side == Side::Sell;
    let price = match (facts.kind(), is_sale) {
        (OrderKind::Market, _) if facts.bar.is_none() => {
            rule(side, TransactionStatus::Settled, None)
        }
        (OrderKind::Market, _) => "waited, and filled at the close of the asset's next new price",
        (OrderKind::Limit, false) => {
            "the bar's low was at the limit or below: filled at the lower of open and limit"
        }
        (OrderKind::Limit, true) => {
            "the bar's high was at the limit or above: filled at the higher of open and limit"
        }
        (OrderKind::Stop, false) => {
            "the bar's high was at the stop or above: filled at the higher of open and stop"
        }
        (OrderKind::Stop, true) => {
            "the bar's low was at the stop or below: filled at the lower of open and stop"
        }
        (OrderKind::StopLimit, false) => {
            "an earlier bar reached the stop, so that it was a limit order; this bar's low was at the \
             limit or below: filled at the lower of open and limit"
        }
        (OrderKind::StopLimit, true) => {
            "an earlier bar reached the stop, so that it was a limit order; this bar's high was at the \
             limit or above: filled at the higher of open and limit"
        }
        (OrderKind::Trailing, false) => {
            "the stop follows the lowest close since the acceptance at the distance; the bar's high was \
             at this level or above: filled at the higher of open and level"
        }
        (OrderKind::Trailing, true) => {
            "the stop follows the highest close since the acceptance at the distance; the bar's low was \
             at this level or below: filled at the lower of open and level"
        }
    };
    let total = if is_sale {
        "total = quantity × price, rounded down to a millionth, less the fee"
    } else {
        "total = quantity × price, rounded up to a millionth, and the fee"
    };
    let schedule = facts.schedule.as_ref();
    match schedule.and_then(|schedule| fee_rule(schedule, is_sale, currency)) {
        Some(fee) => format!("{price}; {total}; {fee}"),
        None => format!("{price}; {total}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, Quantity, SettlementRank, TimeInForce, Timestamp, Transaction};
    use uuid::Uuid;

    const NONE: Timestamp = Timestamp(0);

    fn money(text: &str) -> Money {
        Money::parse_rounded(text).unwrap()
    }

    /// A fill of 2 units at this price.
    fn filled(side: Side, price: &str, quoted: Option<&str>, fee: Option<&str>) -> LedgerEntry {
        let price = money(price);
        let total = Money(price.0 * 2 + fee.map_or(0, |fee| money(fee).0));
        LedgerEntry {
            transaction: Transaction {
                id: Uuid::from_u128(7),
                account: AccountId(1),
                side,
                status: TransactionStatus::Settled,
                symbol: Symbol::parse("AAPL").unwrap(),
                quantity: Quantity(2_000_000),
                accepted: NONE,
                settled: Some(NONE),
                price: Some(price),
                total: Some(total),
                priced: Some(NONE),
                client_order_id: None,
                reason: None,
            },
            rank: SettlementRank {
                timestamp: NONE,
                worker: Uuid::nil(),
                sequence: 0,
                number: 1,
            },
            stamped: NONE,
            update: Some(3),
            asked: Quantity(2_000_000),
            written_off: None,
            cause: None,
            source: None,
            waits_since: None,
            reserve: None,
            first_update: None,
            quoted: quoted.map(money),
            fee: fee.map(money),
            fee_schedule: None,
            note: None,
        }
    }

    fn facts(terms: OrderTerms, cash: Option<&str>) -> OrderFacts {
        OrderFacts {
            details: Some(OrderDetails {
                terms,
                cash: cash.map(money),
                time_in_force: TimeInForce::Day,
                until: None,
                best: None,
                triggered: None,
                asked: None,
                replaces: None,
            }),
            bar: Some(FillBar {
                open: money("97"),
                high: money("98"),
                low: money("94"),
            }),
            schedule: None,
        }
    }

    fn told(entry: &LedgerEntry, facts: &OrderFacts) -> Vec<String> {
        let Receipt(lines) = receipt(entry, facts, Some("eu1"), "USD");
        let lines = lines.into_iter();
        lines
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    }

    fn has(lines: &[String], expected: &[&str]) {
        for line in expected {
            assert!(lines.iter().any(|it| it == line), "{line}: {lines:?}");
        }
    }

    #[test]
    fn a_limit_fill_is_explained_by_its_bar_and_its_limit() {
        let limit = OrderTerms::Limit { limit: money("95") };
        let entry = filled(Side::Buy, "95", None, Some("1.5"));
        let lines = told(&entry, &facts(limit, None));
        has(
            &lines,
            &[
                "kind: limit",
                "limit: 95 USD",
                "time in force: day",
                "open: 97 USD",
                "high: 98 USD",
                "low: 94 USD",
                "price: 95 USD",
                "value: 190 USD",
                "fee: 1.5 USD",
                "total: 191.5 USD",
            ],
        );
        let rule = lines.last().unwrap();
        assert!(
            rule.contains("low was at the limit or below") && rule.contains("and the fee"),
            "{rule}"
        );
        // Where nothing slips and nothing costs, nothing is told of it.
        let lines = told(&filled(Side::Buy, "95", None, None), &facts(limit, None));
        for name in [
            "price before slippage",
            "value",
            "fee",
            "stop",
            "stop level",
        ] {
            let begins = |line: &String| line.starts_with(&format!("{name}: "));
            assert!(!lines.iter().any(begins), "{name}: {lines:?}");
        }
    }

    #[test]
    fn a_fee_is_told_part_by_part() {
        let schedule = FeeSettings {
            per_order: money("1"),
            per_unit: money("0.25"),
            percent: Percentage(100_001),
            minimum: money("5"),
            slippage: Percentage(0),
        };
        let bought = filled(Side::Buy, "95", None, Some("5"));
        let mut facts = facts(OrderTerms::Market, None);
        facts.schedule = Some(schedule);
        let lines = told(&bought, &facts);
        // 2 × 95 × 0.100001 % is 0.1900019; with 1 and 0.5 that is 1.690002, rounded up.
        let at = lines.iter().position(|line| line == "fee: 5 USD").unwrap();
        let expected = [
            "fee per order: 1 USD",
            "fee per unit: 0.5 USD",
            "fee percent: 0.1900019 USD",
            "added by minimum: 3.309998 USD",
            "total: 195 USD",
        ];
        assert_eq!(lines[at + 1..][..expected.len()], expected);
        let rule = lines.last().unwrap();
        let fee = "; fee = 1 USD + quantity × 0.25 USD + quantity × price × 0.100001 %, rounded up, at \
                   least 5 USD";
        assert!(rule.ends_with(fee), "{rule}");

        // A sale for 0.000002 cannot pay 5.
        let mut sold = filled(Side::Sell, "0.000001", None, Some("0.000002"));
        sold.transaction.total = Some(Money::ZERO);
        let lines = told(&sold, &facts);
        has(&lines, &["cut to value: 4.999998 USD", "total: 0 USD"]);
        let rule = lines.last().unwrap();
        assert!(rule.ends_with("least 5 USD, at most the value"), "{rule}");

        facts.schedule = Some(FeeSettings {
            minimum: money("5"),
            ..FeeSettings::default()
        });
        let lines = told(&bought, &facts);
        has(&lines, &["added by minimum: 5 USD"]);
        assert!(lines.last().unwrap().ends_with("; fee = 5 USD"));
        for name in [
            "fee per order",
            "fee per unit",
            "fee percent",
            "cut to value",
        ] {
            assert!(
                !lines.iter().any(|line| line.starts_with(name)),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn a_trailing_fill_tells_the_level_unless_the_bar_opened_beyond_it() {
        let trailing = OrderTerms::Trailing {
            distance: TrailDistance::Percent(50_000),
        };
        let entry = filled(Side::Sell, "95.9", Some("96"), None);
        let lines = told(&entry, &facts(trailing, None));
        has(
            &lines,
            &[
                "trailing distance: 5%",
                "stop level: 96 USD",
                "price before slippage: 96 USD",
                "price: 95.9 USD",
            ],
        );
        let gapped = filled(Side::Sell, "97", None, None);
        let lines = told(&gapped, &facts(trailing, None));
        assert!(
            !lines.iter().any(|line| line.starts_with("stop level")),
            "{lines:?}"
        );
    }

    #[test]
    fn each_kind_and_side_has_a_rule_of_its_own() {
        let (limit, stop) = (money("95"), money("96"));
        let distance = TrailDistance::Money(money("5"));
        let kinds = [
            OrderTerms::Market,
            OrderTerms::Limit { limit },
            OrderTerms::Stop { stop },
            OrderTerms::StopLimit { limit, stop },
            OrderTerms::Trailing { distance },
        ];
        let mut rules = std::collections::BTreeSet::new();
        for terms in kinds {
            for side in [Side::Buy, Side::Sell] {
                rules.insert(fill_rule(side, &facts(terms, None), "USD"));
            }
        }
        let plain = OrderFacts::default();
        rules.insert(fill_rule(Side::Buy, &plain, "USD"));
        assert_eq!(rules.len(), 2 * kinds.len() + 1);
        let lines = told(
            &filled(Side::Buy, "95", None, None),
            &facts(OrderTerms::Market, Some("500")),
        );
        has(&lines, &["kind: market", "for: 500 USD"]);
    }
}
