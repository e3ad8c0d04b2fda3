//! spec/master/account_queries.md · 4.6.15, 3.1.7

use crate::master::messages::TransactionsMessage;
use crate::master::testing::{FakeLink, MasterRig, TestUser, money, order, quantity, symbol};
use crate::model::{
    Money, OpenValue, OrderAmount, OrderKind, Quantity, Side, TimeInForce, Timestamp,
    TrailDistance, TransactionStatus, Username,
};
use crate::runtime::Module;
use crate::wire::payload::{OpenOrders, OwnSummary, PositionSummary, TransactionPage};
use crate::wire::{Reply, Request};
use crossbeam_channel::bounded;
use uuid::Uuid;

struct Desk {
    rig: MasterRig,
    link: FakeLink,
    alice: TestUser,
}

impl Desk {
    fn new() -> Desk {
        Desk::with_fee("0")
    }

    /// Each order costs this.
    fn with_fee(fee: &str) -> Desk {
        let mut rig = MasterRig::with(|config| {
            config.starting_cash = money("1000");
            config.fees.per_order = money(fee);
        });
        let mut link = rig.link("eu1");
        let alice = rig.user(&mut link, "alice");
        Desk { rig, link, alice }
    }

    fn order(&mut self, side: Side, name: &str, units: &str) {
        let order = order(self.link.reply_to(), self.alice.account, side, name, units);
        self.rig.order_all(vec![order]);
        self.link.heard();
    }

    fn settle(&mut self, closes: &[(&str, &str)]) {
        self.rig.settle(closes);
        self.link.heard();
    }

    fn summary(&mut self) -> OwnSummary {
        let session = self.alice.session.clone();
        let request = Request::AccountSummary { session };
        self.rig.payload(&mut self.link, request)
    }

    fn open_orders(&mut self) -> OpenOrders {
        let session = self.alice.session.clone();
        self.rig
            .payload(&mut self.link, Request::OpenOrders { session })
    }

    fn page(&mut self, asker: &TestUser, before: Option<Uuid>, count: u16) -> TransactionPage {
        let request = Request::UserHistoryPage {
            session: asker.session.clone(),
            username: Username::parse("alice").unwrap(),
            before,
            count,
        };
        self.rig.payload(&mut self.link, request)
    }

    /// A row of the ledger, whose ID is made of its number: side, status, symbol, quantity, total,
    /// and a cause.
    fn row(&self, number: i64, columns: &str, values: &str) {
        let account = self.alice.account.0;
        self.rig.engine.execute(&format!(
            "INSERT INTO transactions (number, id, account, asked, accepted, stamped, ordered, {columns})
             VALUES ({number}, CAST(printf('%016d', {number}) AS BLOB), {account}, 1, 1, 1, 1, {values})"
        ));
    }
}

#[test]
fn a_summary_adds_up() {
    let mut desk = Desk::new();
    let empty = desk.summary();
    assert_eq!(
        (empty.cash, empty.buying_power, empty.equity),
        (money("1000"), money("1000"), money("1000"))
    );
    assert_eq!((empty.realised, empty.positions.len()), (Money::ZERO, 0));
    desk.order(Side::Buy, "AAPL", "2");
    desk.settle(&[("AAPL", "20")]);
    desk.order(Side::Buy, "AAPL", "1");
    desk.settle(&[("AAPL", "30")]);
    desk.order(Side::Sell, "AAPL", "1");
    desk.settle(&[("AAPL", "40")]);
    let told = desk.summary();
    let expected = OwnSummary {
        cash: money("970"),
        reserved: Money::ZERO,
        buying_power: money("970"),
        value: money("80"),
        equity: money("1050"),
        day_change: told.day_change,
        realised: money("16.666667"),
        unrealised: money("33.333333"),
        fees: Money::ZERO,
        positions: vec![PositionSummary {
            symbol: symbol("AAPL"),
            units: quantity("2"),
            promised: Quantity::ZERO,
            cost: money("46.666667"),
            value: money("80"),
            previous_close: told.positions[0].previous_close,
            realised: money("16.666667"),
        }],
        update: told.update,
    };
    assert_eq!(told, expected);
    // What is sold whole stays in the sum of all assets.
    desk.order(Side::Sell, "AAPL", "2");
    desk.settle(&[("AAPL", "10")]);
    let told = desk.summary();
    assert_eq!(told.positions, []);
    assert_eq!((told.cash, told.realised), (money("990"), money("-10")));
    assert_eq!(told.unrealised, Money::ZERO);
}

#[test]
fn a_queued_sale_counts_for_what_is_left_of_it_after_fees() {
    let mut desk = Desk::with_fee("1");
    desk.order(Side::Buy, "AAPL", "2");
    desk.settle(&[("AAPL", "20")]);
    let told = desk.summary();
    assert_eq!((told.buying_power, told.fees), (money("959"), money("1")));
    desk.order(Side::Sell, "AAPL", "2");
    // 959 + 2 x 20 - 1.
    assert_eq!(desk.summary().buying_power, money("998"));
}

#[test]
fn a_summary_tells_what_the_next_order_is_accepted_by() {
    let mut desk = Desk::with_fee("1");
    desk.order(Side::Buy, "AAPL", "9");
    desk.settle(&[("AAPL", "20")]);
    desk.order(Side::Sell, "AAPL", "2");
    desk.order(Side::Buy, "AAPL", "3");
    for (side, amount, kind, limit) in [
        (Side::Buy, "2", OrderKind::Limit, Some("15")),
        (Side::Buy, "cash:7", OrderKind::Limit, Some("11")),
        (Side::Sell, "1", OrderKind::Limit, Some("99")),
        (Side::Sell, "1.5", OrderKind::Market, None),
    ] {
        let request = Request::PlaceOrder {
            session: desk.alice.session.clone(),
            side,
            symbol: symbol("AAPL"),
            amount: OrderAmount::parse(amount).unwrap(),
            kind,
            limit: limit.map(money),
            stop: None,
            time_in_force: TimeInForce::Gtc,
            id: None,
        };
        let reply = desk.rig.ask(&mut desk.link, request);
        assert!(matches!(reply, Reply::OrderPlaced { .. }), "{reply:?}");
    }
    let told = desk.summary();
    let (reply, means) = bounded(1);
    let asked = TransactionsMessage::Means(desk.alice.account, reply);
    desk.rig.transactions.on_message(asked);
    let means = means.try_recv().unwrap().unwrap();
    assert_eq!((means.queued, means.open), (3, 3));
    assert_eq!(
        (told.reserved, told.buying_power),
        (means.reserved, means.buying_power)
    );
    assert!(told.reserved > money("37"), "{told:?}");
    // Two and one and a half at 20, less a fee each.
    let proceeds = money("39").plus(money("29")).unwrap();
    let left = told.cash.minus(told.reserved).unwrap();
    assert_eq!(told.buying_power, left.plus(proceeds).unwrap());
    assert_eq!(told.positions[0].promised, quantity("4.5"));
}

/// A step of a sequence that looks random and is the same at each run.
fn next(random: &mut u64) -> u64 {
    *random = random
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *random >> 33
}

#[test]
fn what_is_counted_in_parts_is_what_is_counted_at_once() {
    let mut desk = Desk::new();
    let mut random = 7;
    for _ in 0..12 {
        for _ in 0..next(&mut random) % 6 {
            let side = [Side::Buy, Side::Sell][usize::try_from(next(&mut random) % 2).unwrap()];
            let name = ["AAPL", "IBM"][usize::try_from(next(&mut random) % 2).unwrap()];
            let units = format!("0.{}", 1 + next(&mut random) % 999_999);
            desk.order(side, name, &units);
        }
        // Asked while orders are queued, and after they have settled.
        desk.summary();
        let price = |random: &mut u64| format!("{}.{}", 1 + next(random) % 90, next(random) % 99);
        let (apple, ibm) = (price(&mut random), price(&mut random));
        desk.settle(&[("AAPL", &apple), ("IBM", &ibm)]);
        let told = desk.summary();
        let gained = told.realised.0 + told.unrealised.0;
        assert_eq!(told.equity.0, money("1000").0 + gained, "{told:?}");
    }
    let told = desk.summary();
    assert!(told.realised != Money::ZERO && !told.positions.is_empty());
    let mut rig = desk.rig.restart();
    let mut link = rig.link("eu1");
    let session = rig.user_again(&mut link, "alice");
    let again: OwnSummary = rig.payload(&mut link, Request::AccountSummary { session });
    assert_eq!(again, told);
}

#[test]
fn orders_without_an_outcome_are_counted_once_they_have_one() {
    let mut desk = Desk::new();
    let (settled, unended) = ("settled, price, priced, update_number", 300);
    for number in 1..=unended {
        desk.row(number, "side, status, symbol, quantity", "2, 3, 'AAPL', 1");
    }
    desk.row(
        unended + 1,
        &format!("side, status, symbol, quantity, total, {settled}"),
        "4, 1, 'AAPL', 1, 5, 1, 1, 1, 1",
    );
    assert_eq!(desk.summary().realised, Money(5));
    assert_eq!(desk.summary().realised, Money(5));
    desk.rig.engine.execute(
        "UPDATE transactions SET status = 1, total = 2, settled = 1, price = 1, priced = 1,
         update_number = 2 WHERE status = 3 AND number % 2 = 0",
    );
    assert_eq!(desk.summary().realised, Money(5 + 2 * unended / 2));
    desk.rig.engine.execute(
        "UPDATE transactions SET status = 4, settled = 1, reason = 'cancelled' WHERE status = 3",
    );
    assert_eq!(desk.summary().realised, Money(5 + 2 * unended / 2));
}

#[test]
fn a_grant_is_no_profit_and_a_restart_begins_anew() {
    let mut desk = Desk::new();
    let columns =
        "side, status, symbol, quantity, total, settled, price, priced, update_number, fee, cause";
    desk.row(1, columns, "2, 1, 'AAPL', 1, 70, 1, 1, 1, 1, 3, NULL");
    desk.row(2, columns, "4, 1, '-', 0, 500, 1, 1, 1, 1, NULL, 6");
    let told = desk.summary();
    assert_eq!((told.realised, told.fees), (Money(70), Money(3)));
    desk.row(3, columns, "2, 1, 'AAPL', 1, 9, 1, 1, 1, 1, NULL, 7");
    desk.row(4, columns, "4, 1, '-', 0, -9, 1, 1, 1, 1, NULL, 7");
    let told = desk.summary();
    assert_eq!((told.realised, told.fees), (Money::ZERO, Money::ZERO));
    desk.row(5, columns, "2, 1, 'AAPL', 1, 8, 1, 1, 1, 1, 1, NULL");
    let told = desk.summary();
    assert_eq!((told.realised, told.fees), (Money(8), Money(1)));
    let alice = desk.alice.clone();
    let causes: Vec<String> = desk
        .page(&alice, None, 5)
        .entries
        .into_iter()
        .map(|entry| entry.detail.unwrap().cause)
        .collect();
    assert_eq!(causes, ["", "restart", "restart", "grant", ""]);
}

#[test]
fn what_waits_is_listed_and_holds_back_cash_and_units() {
    let mut desk = Desk::new();
    let account = desk.alice.account;
    desk.rig.give(account, "1000", &[("AAPL", "5", "10")]);
    let columns = "side, status, symbol, quantity, reserve, client_order_id";
    desk.row(1, columns, "1, 3, 'IBM', 2000000, 90000000, 'dip'");
    desk.row(2, columns, "2, 3, 'AAPL', 1500000, NULL, NULL");
    desk.row(3, columns, "2, 0, 'AAPL', 1000000, NULL, NULL");
    desk.row(4, columns, "2, 4, 'AAPL', 1000000, NULL, NULL");
    desk.rig.engine.execute(
        "INSERT INTO order_terms (number, kind, limit_price, stop_price, time_in_force, until, triggered)
         VALUES (1, 3, 45000000, 44000000, 0, 7, 4)",
    );
    desk.rig.engine.execute(
        "INSERT INTO order_terms (number, kind, trail_percent, time_in_force, best)
         VALUES (2, 4, 25000, 1, 1)",
    );
    let told = desk.summary();
    assert_eq!(
        (told.cash, told.reserved, told.buying_power),
        // The queued sale would bring 100.
        (money("1000"), money("90"), money("1010"))
    );
    assert_eq!(told.positions[0].promised, quantity("2.5"));
    let OpenOrders(orders) = desk.open_orders();
    let [market, trailing, limit] = &orders[..] else {
        panic!("{orders:?}")
    };
    assert_eq!(market.status, TransactionStatus::Queued);
    assert_eq!(market.order.kind, Some(OpenValue::Known(OrderKind::Market)));
    assert_eq!(market.order.time_in_force, None);
    assert_eq!(trailing.order.stop, Some(TrailDistance::Percent(25_000)));
    assert_eq!(trailing.order.time_in_force, Some(TimeInForce::Day));
    assert_eq!(
        (trailing.until, trailing.is_triggered),
        (Timestamp(0), false)
    );
    assert_eq!(
        limit.order.kind,
        Some(OpenValue::Known(OrderKind::StopLimit))
    );
    assert_eq!(limit.order.limit, Some(money("45")));
    assert_eq!(limit.order.stop, Some(TrailDistance::Money(money("44"))));
    assert_eq!((limit.until, limit.is_triggered), (Timestamp(7), true));
    assert_eq!(
        (limit.reserve, limit.quantity),
        (money("90"), quantity("2"))
    );
    assert_eq!(limit.client_order_id.as_ref().unwrap().as_str(), "dip");
    assert_eq!(limit.status, TransactionStatus::Open);
}

#[test]
fn pages_go_on_from_each_other_and_show_others_less() {
    let mut desk = Desk::new();
    let bob = desk.rig.user(&mut desk.link, "bob");
    let alice = desk.alice.clone();
    for number in 1..=7 {
        desk.row(
            number,
            "side, status, symbol, quantity, settled, reason",
            "1, 5, 'AAPL', 1, 1, 'expired'",
        );
    }
    let all = desk.page(&alice, None, 1000).entries;
    assert_eq!(all.len(), 7);
    let mut paged = Vec::new();
    loop {
        let before = paged
            .last()
            .map(|entry: &crate::wire::payload::PageEntry| entry.id);
        let page = desk.page(&alice, before, 3);
        let is_last = page.entries.len() < 3;
        paged.extend(page.entries);
        if is_last {
            break;
        }
    }
    assert_eq!(paged, all);
    assert_eq!(all[0].status, TransactionStatus::Expired);
    let told = desk.page(&bob, None, 2);
    assert!(!told.private);
    let whole = all[..2].iter().cloned();
    let public: Vec<_> = whole
        .map(|entry| crate::wire::payload::PageEntry {
            detail: None,
            ..entry
        })
        .collect();
    assert_eq!(told.entries, public);
}
