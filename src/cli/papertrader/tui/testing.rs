//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! A view of a small market, for tests.

use super::news::NetworkNews;
use super::state::{ScreenLook, ViewState};
use super::update::{ViewEffect, ViewEvent, update};
use crate::client::ServerInfo;
use crate::model::{
    Bar, MarketKind, MarketState, Money, OrderKind, Quantity, Quote, Reason, Side, Symbol,
    TimeInForce, Timestamp, TransactionStatus, Username,
};
use crate::wire::payload::{
    EntryDetail, OpenOrder, OrderParameters, OwnSummary, PageDetail, PageEntry, PositionSummary,
    QuoteList, QuoteListRow,
};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use uuid::Uuid;

/// A time.
pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// An asset's symbol.
pub fn symbol(text: &str) -> Symbol {
    Symbol::parse(text).unwrap()
}

fn cents(cents: i64) -> Money {
    Money(cents * 10_000)
}

fn asset(name: &str, full_name: &str, prices: Option<(i64, i64)>) -> QuoteListRow {
    let day = prices.map(|(price, before)| Bar {
        time: at("2012-03-01"),
        open: cents(before),
        high: cents(price.max(before) + 5),
        low: cents(price.min(before) - 5),
        close: cents(price),
        volume: 1_234_567,
    });
    QuoteListRow {
        symbol: symbol(name),
        name: full_name.to_owned(),
        factor: 1,
        flags: QuoteListRow::flags(true, false),
        quote: day.map(|day| Quote {
            time: at("2012-03-01"),
            value: day.close,
        }),
        previous_close: prices.map(|(_, before)| cents(before)),
        day,
    }
}

/// Assets of a small market.
pub fn quotes() -> QuoteList {
    QuoteList {
        rows: vec![
            asset("AAPL", "Apple Inc.", Some((54_447, 54_244))),
            asset("FB", "", None),
            asset("GOOG", "Google", Some((60_000, 62_240))),
            asset(
                "IBM",
                "International Business Machines",
                Some((19_730, 19_730)),
            ),
        ],
        update: 7,
    }
}

/// An order that waits.
pub fn open_order(id: u128, name: &str) -> OpenOrder {
    OpenOrder {
        id: Uuid::from_u128(id),
        side: Side::Buy.into(),
        status: TransactionStatus::Open.into(),
        symbol: symbol(name),
        accepted: at("2026-03-01T10:00:00Z"),
        quantity: Quantity(5_000_000),
        order: OrderParameters {
            kind: Some(OrderKind::Limit.into()),
            limit: Some(cents(19_000)),
            time_in_force: Some(TimeInForce::Gtc),
            ..OrderParameters::default()
        },
        until: Timestamp(0),
        is_triggered: false,
        reserve: cents(95_000),
        client_order_id: None,
    }
}

/// A row of a history.
pub fn row(id: u128, status: TransactionStatus) -> PageEntry {
    let is_settled = status == TransactionStatus::Settled;
    let filled = |cents: i64| Money(if is_settled { cents * 10_000 } else { 0 });
    PageEntry {
        id: Uuid::from_u128(id),
        side: Side::Buy.into(),
        status: status.into(),
        symbol: symbol("AAPL"),
        accepted: at("2026-03-01T10:00:00Z"),
        settled: if status == TransactionStatus::Open {
            Timestamp(0)
        } else {
            at("2026-03-01T10:00:07Z")
        },
        detail: Some(PageDetail {
            entry: EntryDetail {
                quantity: Quantity(10_000_000),
                price: filled(54_000),
                total: filled(540_000),
                priced: Timestamp(0),
                client_order_id: None,
                reason: (status == TransactionStatus::Rejected)
                    .then(|| Reason::InsufficientFunds.into()),
            },
            order: OrderParameters::default(),
            fee: Money::ZERO,
            cause: String::new(),
            note: String::new(),
        }),
    }
}

/// What the account has.
pub fn summary() -> OwnSummary {
    OwnSummary {
        cash: cents(9_460_000),
        reserved: cents(95_000),
        buying_power: cents(9_365_000),
        value: cents(544_470),
        equity: cents(10_004_470),
        day_change: cents(2_030),
        realised: cents(-1_250),
        unrealised: cents(4_470),
        fees: Money::ZERO,
        positions: vec![PositionSummary {
            symbol: symbol("AAPL"),
            units: Quantity(10_000_000),
            promised: Quantity(2_000_000),
            cost: cents(540_000),
            value: cents(544_470),
            previous_close: cents(54_244),
            realised: cents(-1_250),
        }],
        update: 7,
    }
}

/// A view of that market on a screen of 80 × 24, in colour.
pub fn state() -> ViewState {
    sized((80, 24), true, false)
}

/// A view on a screen of this size.
pub fn sized(size: (u16, u16), has_colour: bool, is_plain: bool) -> ViewState {
    let market = ServerInfo {
        market: Some(MarketKind::Replay.into()),
        state: Some(MarketState::Open.into()),
        market_time: Some(at("2012-03-01")),
        next_update: Some(at("2026-03-01T10:01:05Z")),
        steps_left: Some(41),
        ..ServerInfo::default()
    };
    let look = ScreenLook {
        has_colour,
        is_plain,
    };
    let mut state = ViewState::new(
        Username::parse("ada").unwrap(),
        look,
        size,
        at("2026-03-01T10:00:00Z"),
        ("eu1.example.org:2049".to_owned(), market),
    );
    let history = vec![
        row(9, TransactionStatus::Open),
        row(8, TransactionStatus::Rejected),
        row(7, TransactionStatus::Settled),
    ];
    for news in [
        NetworkNews::Quotes(quotes()),
        NetworkNews::Summary(Box::new(summary())),
        NetworkNews::OpenOrders(vec![open_order(9, "IBM")]),
        NetworkNews::History(history, true),
        NetworkNews::Closes(
            symbol("AAPL"),
            [50, 51, 49, 52, 54].map(|it| cents(it * 1000)).to_vec(),
        ),
        NetworkNews::Closes(
            symbol("GOOG"),
            [63, 62, 61, 60].map(|it| cents(it * 1000)).to_vec(),
        ),
    ] {
        update(&mut state, ViewEvent::News(news));
    }
    state
}

/// Daily bars of these closes.
pub fn bars(closes: &[i64]) -> Vec<Bar> {
    let bar = |(day, close): (usize, &i64)| Bar {
        time: at("2012-02-01").plus_days(i64::try_from(day).unwrap()),
        open: cents(*close),
        high: cents(*close),
        low: cents(*close),
        close: cents(*close),
        volume: u64::try_from(*close).unwrap(),
    };
    closes.iter().enumerate().map(bar).collect()
}

/// Presses a key.
pub fn press(state: &mut ViewState, key: KeyCode) -> Vec<ViewEffect> {
    let key = KeyEvent::new(key, KeyModifiers::NONE);
    update(state, ViewEvent::Key(key))
}

/// Types a text; what its last key has done.
pub fn type_text(state: &mut ViewState, text: &str) -> Vec<ViewEffect> {
    let mut effects = Vec::new();
    for c in text.chars() {
        effects = press(state, KeyCode::Char(c));
    }
    effects
}
