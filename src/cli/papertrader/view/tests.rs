//! spec/cli/papertrader/view.md · its tests

use super::super::age::ReferenceTime;
use super::orders::OrderView;
use super::portfolio::*;
use super::*;
use crate::client::{OrderForm, QueuedNotice};
use crate::model::{
    ClientOrderId, Money, OpenValue, OrderAmount, OrderTerms, Quantity, Reason, Side, TimeInForce,
    Timestamp, Username,
};
use crate::wire::payload::{EntryDetail, Holding, Portfolio};
use uuid::Uuid;

fn entry(side: Side, status: TransactionStatus, total: i64, reason: &str) -> HistoryEntry {
    HistoryEntry {
        id: Uuid::from_u128(7),
        side: side.into(),
        status: status.into(),
        symbol: Symbol::parse("AAPL").unwrap(),
        accepted: Timestamp(1000),
        settled: Timestamp(if status == TransactionStatus::Queued {
            0
        } else {
            2000
        }),
        detail: Some(EntryDetail {
            quantity: Quantity(1_500_000),
            price: Money(2_000_000),
            total: Money(total),
            priced: Timestamp(0),
            client_order_id: Some(ClientOrderId::parse("-my-order").unwrap()),
            reason: Reason::from_name(reason).map(OpenValue::Known),
        }),
    }
}

#[test]
fn a_history_becomes_csv() {
    let entries = [
        entry(Side::Buy, TransactionStatus::Settled, 3_000_000, ""),
        entry(
            Side::Sell,
            TransactionStatus::Rejected,
            0,
            "insufficient-holdings",
        ),
        HistoryEntry {
            detail: None,
            ..entry(Side::Buy, TransactionStatus::Queued, 0, "")
        },
    ];
    let csv = entries_csv(entries.iter().map(EntryView::from).collect()).unwrap();
    let id = "00000000-0000-0000-0000-000000000007";
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines,
        [
            "id,side,status,symbol,accepted,settled,quantity,price,total,priced,order_id,reason",
            &format!(
                "{id},buy,settled,AAPL,1970-01-01T00:00:01.000Z,1970-01-01T00:00:02.000Z,1.5,2,3,\
                 1970-01-01T00:00:00.000Z,'-my-order,"
            ),
            &format!(
                "{id},sell,rejected,AAPL,1970-01-01T00:00:01.000Z,1970-01-01T00:00:02.000Z,1.5,,,,\
                 '-my-order,insufficient-holdings"
            ),
            &format!("{id},buy,queued,AAPL,1970-01-01T00:00:01.000Z,,,,,,,"),
        ]
    );
}

#[test]
fn bars_become_csv() {
    let bar = Bar {
        time: Timestamp::parse("2013-03-01").unwrap(),
        open: Money(1_500_000),
        high: Money(2_000_000),
        low: Money(1_000_000),
        close: Money(1_000_001),
        volume: 12,
    };
    assert_eq!(
        bars_csv(&[bar]).unwrap(),
        "time,open,high,low,close,volume\n2013-03-01T00:00:00.000Z,1.5,2,1,1.000001,12\n"
    );
    assert_eq!(bars_csv(&[]).unwrap().lines().count(), 1);
}

#[test]
fn totals_and_profits_are_computed_from_positions() {
    let holding = |quantity, average_cost, value| Holding {
        symbol: Symbol::parse("AAPL").unwrap(),
        quantity: Quantity(quantity),
        average_cost: Money(average_cost),
        value: Money(value),
    };
    let holdings = [
        holding(2_000_000, 100_000_000, 230_000_000),
        holding(1_000_000, 50_000_000, 40_000_000),
        holding(1_000_000, 50_000_000, 0),
    ];
    let cash = Money(1_000_000_000);
    let own = OwnPortfolio::of(cash, &holdings);
    let totals = Totals::of(cash, &own.positions);
    assert_eq!(totals.value, Money(270_000_000));
    assert_eq!(totals.cost, Money(250_000_000));
    assert_eq!(totals.profit, Money(20_000_000));
    assert_eq!(totals.total, Money(1_270_000_000));
    assert_eq!(totals.unpriced, 1);
    let alice = Username::parse("alice").unwrap();
    let portfolio = Portfolio::Private(cash, holdings.to_vec());
    let view = PortfolioView::new(&alice, &alice, &portfolio, Some(Money(1_200_000_000)));
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["total_profit"], "70");
    assert_eq!(json["realised_profit"], "50");
    assert_eq!(json["positions"][0]["profit_percent"], "15.00");
    assert_eq!(json["positions"][1]["profit"], "-10");
    assert!(json["positions"][2].get("value").is_none());
}

#[test]
fn the_starting_cash_reverses_the_history() {
    let entries = [
        entry(Side::Buy, TransactionStatus::Settled, 30, ""),
        entry(Side::Sell, TransactionStatus::Settled, 7, ""),
        entry(Side::Dividend, TransactionStatus::Settled, 2, ""),
        entry(Side::Buy, TransactionStatus::Rejected, 0, "no-price"),
    ];
    assert_eq!(starting_cash(Money(979), &entries), Some(Money(1000)));
    let by_administrator = |quantity: i64, total: i64| {
        let mut row = entry(Side::Dividend, TransactionStatus::Settled, total, "");
        row.symbol = Symbol::NONE;
        let detail = row.detail.as_mut().unwrap();
        (detail.price, detail.quantity) = (Money::ZERO, Quantity(quantity));
        row
    };
    let bought = entry(Side::Buy, TransactionStatus::Settled, 30, "");
    let rows = [
        by_administrator(0, 5),
        bought.clone(),
        by_administrator(1_000_000, 250),
        bought,
    ];
    let acts: Vec<Option<&str>> = rows.iter().map(act_of_administrator).collect();
    assert_eq!(acts, [Some("grant"), None, Some("restart"), None]);
    let view = EntryView::from(&rows[0]);
    assert_eq!(
        (view.side.as_str(), view.quantity, view.price),
        ("grant", None, None)
    );
    let public = HistoryEntry {
        detail: None,
        ..rows[2].clone()
    };
    assert_eq!(EntryView::from(&public).side, "grant or restart");
    assert_eq!(
        starting_cash(Money(975), &rows),
        Some(Money(1005)),
        "what was granted since the restart is no profit"
    );
    let mut later = entry(Side::Buy, TransactionStatus::Settled, 1, "");
    later.side = OpenValue::Unknown(7);
    assert_eq!(starting_cash(Money(979), &[later]), None);
}

#[test]
fn json_field_names_are_stable() {
    let alice = Username::parse("alice").unwrap();
    let keys = |value: serde_json::Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    let order = OrderForm {
        side: Side::Buy,
        symbol: Symbol::parse("AAPL").unwrap(),
        amount: OrderAmount::Units(Quantity(1_000_000)),
        terms: OrderTerms::Market,
        time_in_force: TimeInForce::Gtc,
        id: ClientOrderId::parse("x").ok(),
    };
    let notice = QueuedNotice {
        id: Uuid::from_u128(7),
        client_order_id: None,
        expected: Timestamp(0),
    };
    assert_eq!(
        keys(serde_json::to_value(OrderView::queued(&alice, &order, &notice)).unwrap()),
        "account cash expected kind limit order_id price quantity reason settled side status stop symbol \
         text time_in_force total transaction"
    );
    let view = EntryView::from(&entry(Side::Buy, TransactionStatus::Settled, 1, ""));
    let mut columns = ENTRY_COLUMNS.to_vec();
    columns.sort_unstable();
    assert_eq!(keys(serde_json::to_value(view).unwrap()), columns.join(" "));
    let quote = Quote {
        time: Timestamp(0),
        value: Money(1_500_000),
    };
    let now = ReferenceTime::of(None, Timestamp(61_000), None);
    let view = QuoteView::new(order.symbol, &Ok(quote), &now);
    assert_eq!(
        serde_json::to_string(&view).unwrap(),
        r#"{"symbol":"AAPL","value":"1.5","time":"1970-01-01T00:00:00.000Z","age_seconds":61,"reason":null}"#
    );
    let info = UserInfo {
        username: "alice".to_owned(),
        is_password: true,
        created: Timestamp(0),
        private: None,
    };
    assert_eq!(
        keys(serde_json::to_value(UserView::new(&alice, &info)).unwrap()),
        "account cash created email is_password private username"
    );
}
