//! spec/master/transactions.md · 3.1.7

use super::*;
use crate::config::{MasterConfig, Percentage};
use crate::master::assets::unsettled::UnsettledUpdates;
use crate::master::messages::{
    AccountCancellation, CancelOrder, OrderRequest, ReplaceOrder, TransactionsMessage,
};
use crate::master::storage::bars::{BarStore, UnsettledUpdate, UpdateChanges, UpdatePosition};
use crate::master::testing::{
    FakeLink, MasterRig, bar, money, order, order_id, quantity, reason, symbol,
};
use crate::master::transactions::sequence::Sequencer;
use crate::model::{Action, ActionId, ActionKind, Bar, OpenValue, OrderKind, Ratio};
use crate::runtime::{Module, STEPS_PER_BEAT, Watchdog};
use crate::wire::Reply;
use std::time::Duration;

/// A master with a worker's link and an account of 1,000.
struct Desk {
    rig: MasterRig,
    link: FakeLink,
    alice: AccountId,
}

const LIMIT_90: Prices<'static> = (OrderKind::Limit, Some("90"), None);
const STOP_500: Prices<'static> = (OrderKind::Stop, None, Some("500"));

/// A sale or purchase of AAPL by Alice: kind, limit, stop.
type Prices<'a> = (OrderKind, Option<&'a str>, Option<&'a str>);

impl Desk {
    fn new() -> Desk {
        Desk::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut MasterConfig)) -> Desk {
        let mut rig = MasterRig::with(|config| {
            config.starting_cash = money("1000");
            change(config);
        });
        let link = rig.link("eu1");
        let alice = rig.account("alice");
        Desk { rig, link, alice }
    }

    fn restart(self) -> Desk {
        let mut rig = self.rig.restart();
        let link = rig.link("eu2");
        Desk {
            rig,
            link,
            alice: self.alice,
        }
    }

    fn order(&mut self, side: Side, amount: &str, prices: Prices<'_>) -> PlaceOrder {
        let (kind, limit, stop) = prices;
        PlaceOrder {
            reply_to: self.link.reply_to(),
            account: Ok(self.alice),
            side,
            symbol: symbol("AAPL"),
            amount: OrderAmount::parse(amount).unwrap(),
            kind,
            limit: limit.map(money),
            stop: stop.map(|stop| TrailDistance::parse(stop).unwrap()),
            time_in_force: TimeInForce::Gtc,
            client_order_id: None,
        }
    }

    fn ask(&mut self, request: OrderRequest) -> Reply {
        let sequence = request.reply_to().sequence;
        self.rig.request_all(vec![request]);
        self.link.reply(sequence)
    }

    fn place(&mut self, order: PlaceOrder) -> Reply {
        self.ask(OrderRequest::Place(order))
    }

    /// Places an order that is accepted.
    fn placed(&mut self, side: Side, amount: &str, prices: Prices<'_>) -> Uuid {
        let order = self.order(side, amount, prices);
        placed(&self.place(order)).0
    }

    /// The reason for which an order is refused.
    fn refused(&mut self, side: Side, amount: &str, prices: Prices<'_>) -> Reason {
        let order = self.order(side, amount, prices);
        reason(&self.place(order))
    }

    fn cancel(&mut self, id: Uuid) -> OrderRequest {
        OrderRequest::Cancel(CancelOrder {
            reply_to: self.link.reply_to(),
            account: Ok(self.alice),
            id,
        })
    }

    fn cancelled(&mut self, id: Uuid) -> Reply {
        let cancel = self.cancel(id);
        self.ask(cancel)
    }

    fn replace(&mut self, id: Uuid, amount: Option<&str>, limit: Option<&str>) -> ReplaceOrder {
        ReplaceOrder {
            reply_to: self.link.reply_to(),
            account: Ok(self.alice),
            id,
            amount: amount.map(|amount| OrderAmount::parse(amount).unwrap()),
            limit: limit.map(money),
            stop: None,
            client_order_id: None,
        }
    }

    fn entry(&self, id: Uuid) -> LedgerEntry {
        let mut storage = self.rig.engine.storage();
        let read = storage.read(|snapshot| snapshot.transaction(self.alice, &id));
        read.unwrap().unwrap()
    }

    fn status(&self, id: Uuid) -> (TransactionStatus, Option<Reason>) {
        let transaction = self.entry(id).transaction;
        (transaction.status, transaction.reason)
    }

    /// An update with a bar of AAPL: open, high, low, close.
    fn bar(&mut self, prices: [&str; 4]) {
        let number = i64::try_from(self.rig.assets.prices().number).unwrap() + 1;
        let [open, high, low, close] = prices.map(money);
        let bar = Bar {
            open,
            high,
            low,
            close,
            ..bar(number, "1")
        };
        let update = self.rig.update_with(&[(symbol("AAPL"), bar)]);
        self.rig.tell(&update);
    }

    fn cash(&self) -> Money {
        self.rig.holdings(self.alice).cash
    }

    fn give(&mut self, cash: &str, units: &str) {
        let positions = [("AAPL", units, "1")];
        self.rig.give(self.alice, cash, &positions);
    }

    /// Places sales of one unit that no bar reaches, in messages of so many.
    fn place_many(&mut self, messages: usize, orders: usize) {
        for _ in 0..messages {
            let sale = |_| self.order(Side::Sell, "1", limit("500"));
            let sales = (0..orders).map(sale).map(OrderRequest::Place).collect();
            self.rig.request_all(sales);
            self.link.heard();
        }
    }

    /// How often the module beats while it settles an update with this action.
    fn beats_with(&mut self, name: &str, kind: ActionKind) -> u64 {
        let heartbeat = Watchdog::new().register("transactions");
        self.rig.transactions.heartbeat = heartbeat.clone();
        let mut update = self.rig.update(&[]);
        let action = Action {
            id: ActionId::parse(&kind.number().to_string()).ok(),
            ..Action::new(bar(1, "1").time, symbol(name), kind, None)
        };
        self.rig.act(&mut update, &[action]);
        self.rig.tell(&update);
        heartbeat.beats()
    }

    /// What an account may buy with, beside its orders that wait.
    fn standing(&self) -> Money {
        let book = self.rig.transactions.state.waiting.book();
        book.reserves().standing(self.alice)
    }

    /// Whether the ledger adds up. Not where a test gave something.
    fn verify(&self) {
        let checked = crate::master::verify::check(&mut self.rig.engine.reader(), &|| false);
        let report = checked.unwrap();
        assert!(report.is_clean(), "{report:?}");
    }
}

fn placed(reply: &Reply) -> (Uuid, TransactionStatus) {
    match reply {
        Reply::OrderPlaced {
            id,
            status: OpenValue::Known(status),
            ..
        } => (*id, *status),
        other => panic!("{other:?}"),
    }
}

fn limit(price: &str) -> Prices<'_> {
    (OrderKind::Limit, Some(price), None)
}

fn stop(price: &str) -> Prices<'_> {
    (OrderKind::Stop, None, Some(price))
}

const MARKET: Prices<'static> = (OrderKind::Market, None, None);
const OPEN: (TransactionStatus, Option<Reason>) = (TransactionStatus::Open, None);

#[test]
fn a_limit_order_waits_and_fills_at_its_limit() {
    let mut desk = Desk::new();
    let order = desk.order(Side::Buy, "2", limit("90"));
    let (id, status) = placed(&desk.place(order));
    assert_eq!(status, TransactionStatus::Open);
    desk.bar(["100", "105", "90.000001", "101"]);
    assert_eq!(desk.status(id), OPEN);
    // It is in the book of the next process, too.
    let mut desk = desk.restart();
    desk.bar(["100", "105", "89", "101"]);
    let entry = desk.entry(id);
    assert_eq!(entry.transaction.price, Some(money("90")));
    assert_eq!(entry.transaction.total, Some(money("180")));
    let low = desk.rig.engine.number("SELECT low FROM fill_bars");
    assert_eq!(low, money("89").0);
    assert_eq!((desk.cash(), desk.standing()), (money("820"), Money::ZERO));
    desk.verify();
}

#[test]
fn a_market_order_of_placeorder_is_queued_and_answered_once() {
    let mut desk = Desk::new();
    let order = desk.order(Side::Buy, "2", MARKET);
    let (id, status) = placed(&desk.place(order));
    assert_eq!(status, TransactionStatus::Queued);
    desk.bar(["100", "105", "89", "101"]);
    assert_eq!(desk.entry(id).transaction.price, Some(money("101")));
    assert_eq!(desk.link.replies(), [], "its end is told by notices");
    desk.verify();
}

#[test]
fn a_stop_limit_and_a_trailing_order_go_on_after_a_kill() {
    let mut desk = Desk::new();
    desk.give("1000", "5");
    let prices = (OrderKind::StopLimit, Some("96"), Some("95"));
    let stop_limit = desk.placed(Side::Sell, "1", prices);
    let prices = (OrderKind::Trailing, None, Some("10"));
    let trailing = desk.placed(Side::Sell, "2", prices);
    let percent = desk.placed(Side::Sell, "1", (OrderKind::Trailing, None, Some("20%")));
    desk.bar(["100", "121", "100", "120"]);
    let settled = desk.rig.engine.storage().read(|it| it.settled_update());
    assert_eq!(
        settled.unwrap(),
        desk.rig.assets.prices().number,
        "no start tests this bar again, although it ended no order"
    );
    let mut desk = desk.restart();
    desk.bar(["115", "115", "110", "111"]);
    let entry = desk.entry(trailing).transaction;
    assert_eq!(entry.price, Some(money("110")), "120 - 10");
    assert_eq!(desk.status(percent), OPEN, "120 - 24 is 96");
    desk.bar(["97", "97", "94", "95.5"]);
    assert_eq!(desk.entry(percent).transaction.price, Some(money("96")));
    assert_eq!(desk.status(stop_limit), OPEN, "a limit order by now");
    let mut desk = desk.restart();
    desk.bar(["95", "97", "95", "95"]);
    assert_eq!(desk.entry(stop_limit).transaction.price, Some(money("96")));
}

#[test]
fn closes_stay_few_over_a_restart_and_go_with_the_last_trailing_order() {
    let mut desk = Desk::new();
    desk.give("1000", "5");
    let id = desk.placed(Side::Sell, "1", (OrderKind::Trailing, None, Some("10")));
    let closes = |desk: &Desk| {
        let sql = "SELECT count(*) FROM trail_closes";
        desk.rig.engine.number(sql)
    };
    for _ in 0..150 {
        desk.bar(["100", "100", "100", "100"]);
    }
    assert_eq!(closes(&desk), 150);
    let mut desk = desk.restart();
    for _ in 0..110 {
        desk.bar(["100", "100", "100", "100"]);
    }
    assert!(closes(&desk) < 10, "{}", closes(&desk));
    desk.cancelled(id);
    // Also where the process ends before an update finds it.
    let mut desk = desk.restart();
    desk.bar(["100", "100", "100", "100"]);
    assert_eq!(closes(&desk), 0);
}

#[test]
fn trailing_orders_of_two_names_that_become_one_keep_their_levels_after_a_kill() {
    let mut desk = Desk::new();
    let positions = [("AAPL", "5", "1"), ("IBM", "5", "1")];
    desk.rig.give(desk.alice, "1000", &positions);
    let trailing = |distance| (OrderKind::Trailing, None, Some(distance));
    let own = desk.placed(Side::Sell, "1", trailing("10"));
    let mut moved = desk.order(Side::Sell, "1", trailing("20"));
    moved.symbol = symbol("IBM");
    let moved = placed(&desk.place(moved)).0;
    desk.bar(["130", "130", "130", "130"]);
    let prices = bar(2, "128");
    let mut update = desk.rig.update_with(&[(symbol("AAPL"), prices)]);
    let rename = ActionKind::Rename(symbol("AAPL"));
    let rename = Action::new(prices.time, symbol("IBM"), rename, None);
    desk.rig.act(&mut update, &[rename]);
    desk.rig.tell(&update);
    let mut desk = desk.restart();
    desk.bar(["128", "128", "109", "109"]);
    assert_eq!(desk.entry(own).transaction.price, Some(money("120")));
    assert_eq!(desk.status(moved), OPEN, "it has not followed 130");
    desk.bar(["109", "109", "107", "107"]);
    let entry = desk.entry(moved).transaction;
    assert_eq!(entry.price, Some(money("108")), "128 - 20");
}

#[test]
fn an_action_beats_while_it_changes_and_ends_many_open_orders() {
    let mut desk = Desk::with(|config| config.limits.max_open_per_account = 5_000);
    desk.give("1000", "5000");
    desk.place_many(2, STEPS_PER_BEAT);
    let split = |ratio| ActionKind::Split(Ratio::parse(ratio).unwrap());
    // What it stores of orders that stay; what it stores, forgets and answers of those that end.
    for (kind, least) in [(split("2"), 2), (split("3"), 8)] {
        let alone = desk.beats_with("IBM", kind);
        let beats = desk.beats_with("AAPL", kind);
        assert!(beats >= alone + least, "{kind:?}: {beats}, {alone} alone");
    }
    assert_eq!(desk.rig.transactions_status().open, 0, "it was corrected");
    desk.place_many(2, STEPS_PER_BEAT);
    let delisted = ActionKind::Delist(money("1"));
    let alone = desk.beats_with("IBM", delisted);
    let beats = desk.beats_with("AAPL", delisted);
    assert!(beats >= alone + 8, "{beats}, {alone} alone");
    assert_eq!(desk.rig.transactions_status().open, 0);
}

#[test]
fn what_orders_hold_back_cannot_be_spent_twice() {
    let mut desk = Desk::new();
    let first = desk.placed(Side::Buy, "6", limit("100"));
    assert_eq!(
        desk.refused(Side::Buy, "4.000001", limit("100")),
        Reason::InsufficientFunds
    );
    let sequence = {
        let market = order(desk.link.reply_to(), desk.alice, Side::Buy, "AAPL", "5");
        let sequence = market.reply_to.sequence;
        desk.rig.order_all(vec![market]);
        sequence
    };
    let reply = desk.link.reply(sequence);
    assert_eq!(
        reason(&reply),
        Reason::InsufficientFunds,
        "nor by version 1"
    );
    desk.placed(Side::Buy, "4", stop("100"));
    assert_eq!(desk.standing(), money("1000"));
    desk.verify();
    assert!(matches!(desk.cancelled(first), Reply::OrderCancelled { id } if id == first));
    desk.placed(Side::Buy, "2", limit("300"));
    let mut desk = desk.restart();
    assert_eq!(desk.standing(), money("1000"));
    assert_eq!(
        desk.refused(Side::Buy, "0.1", MARKET),
        Reason::InsufficientFunds
    );
}

#[test]
fn an_amount_of_cash_is_held_back_without_a_price_too() {
    let mut desk = Desk::new();
    let new = |desk: &mut Desk| PlaceOrder {
        symbol: symbol("NEW"),
        ..desk.order(Side::Buy, "cash:600", MARKET)
    };
    let order = new(&mut desk);
    let (id, _) = placed(&desk.place(order));
    assert_eq!(desk.entry(id).reserve, Some(money("600")));
    let order = new(&mut desk);
    assert_eq!(reason(&desk.place(order)), Reason::InsufficientFunds);
    desk.verify();
}

#[test]
fn what_a_settlement_changes_between_two_commits_is_seen_by_the_next_one() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.refused(Side::Sell, "6", MARKET),
        Reason::InsufficientHoldings
    );
    desk.placed(Side::Buy, "6", MARKET);
    desk.bar(["100", "100", "100", "100"]);
    assert_eq!(
        desk.refused(Side::Buy, "5", MARKET),
        Reason::InsufficientFunds
    );
    desk.placed(Side::Buy, "4", MARKET);
    desk.placed(Side::Sell, "6", limit("500"));
    // So it is where a commit has failed that had read them.
    desk.bar(["100", "100", "100", "100"]);
    desk.rig.refuse_changes("INSERT", "order_terms");
    assert_eq!(
        desk.refused(Side::Sell, "4", limit("500")),
        Reason::InternalError
    );
    desk.rig.allow_changes();
    desk.bar(["500", "500", "500", "500"]);
    assert_eq!(
        desk.refused(Side::Sell, "5", limit("600")),
        Reason::InsufficientHoldings
    );
    desk.placed(Side::Buy, "6", MARKET);
    desk.verify();
}

#[test]
fn units_are_promised_once() {
    let mut desk = Desk::new();
    desk.give("1000", "3");
    desk.placed(Side::Sell, "2", limit("110"));
    assert_eq!(
        desk.refused(Side::Sell, "1.5", stop("90")),
        Reason::InsufficientHoldings
    );
    // What a queued purchase brings may be sold.
    desk.placed(Side::Buy, "1", MARKET);
    desk.placed(Side::Sell, "1.5", stop("90"));
}

#[test]
fn a_market_order_does_not_spend_what_others_hold_back() {
    let mut desk = Desk::new();
    let standing = desk.placed(Side::Buy, "5", limit("100"));
    let market = desk.placed(Side::Buy, "5", MARKET);
    desk.bar(["110", "111", "110", "110"]);
    let rejected = (TransactionStatus::Rejected, Some(Reason::InsufficientFunds));
    assert_eq!(desk.status(market), rejected);
    assert_eq!(desk.status(standing), OPEN);
    // A stop that gaps spends what is free, and no more.
    let gaps = desk.placed(Side::Buy, "4", stop("120"));
    desk.bar(["126", "130", "126", "126"]);
    assert_eq!(desk.status(gaps), rejected);
    desk.verify();
}

#[test]
fn a_cancel_takes_effect_after_the_update_under_way() {
    let mut desk = Desk::new();
    let (touched, missed) = (
        desk.placed(Side::Buy, "1", limit("95")),
        desk.placed(Side::Buy, "1", limit("50")),
    );
    let update = desk.rig.update(&[("AAPL", "90")]);
    let (first, second) = (desk.cancel(touched), desk.cancel(missed));
    let (one, two) = (first.reply_to().sequence, second.reply_to().sequence);
    desk.rig.request_all(vec![first, second]);
    assert_eq!(desk.link.replies(), [], "they wait");
    desk.rig.tell(&update);
    let replies = desk.link.replies();
    assert_eq!((replies[0].0, replies[1].0), (one, two));
    assert_eq!(reason(&replies[0].1), Reason::NotOpen);
    assert!(matches!(replies[1].1, Reply::OrderCancelled { .. }));
    assert_eq!(desk.status(touched).0, TransactionStatus::Settled);
    let cancelled = (TransactionStatus::Cancelled, Some(Reason::Cancelled));
    assert_eq!(desk.status(missed), cancelled);
    // It stays so, however often it is asked.
    assert!(matches!(
        desk.cancelled(missed),
        Reply::OrderCancelled { .. }
    ));
    assert_eq!(reason(&desk.cancelled(touched)), Reason::NotOpen);
    assert_eq!(reason(&desk.cancelled(Uuid::nil())), Reason::NoData);
    desk.verify();
}

/// How an order ends between two updates.
#[derive(Debug, Clone, Copy)]
enum Withdrawal {
    Cancelled,
    Replaced,
    /// By an administrator, or with its account.
    WithOthers,
}

#[test]
fn no_order_ends_before_the_last_was_accepted_though_the_clock_is_set_back() {
    for withdrawal in [
        Withdrawal::Cancelled,
        Withdrawal::Replaced,
        Withdrawal::WithOthers,
    ] {
        let mut desk = Desk::new();
        desk.bar(["100", "100", "100", "100"]);
        let purchase = desk.placed(Side::Buy, "2", MARKET);
        // The clock is ahead for one order, and is set back then.
        let sequencer = &mut desk.rig.transactions.state.sequencer;
        let ahead = Timestamp(Timestamp::now().0 + 7_200_000);
        *sequencer = Sequencer::after(sequencer.last(), ahead);
        let sale = desk.placed(Side::Sell, "2", limit("500"));
        match withdrawal {
            Withdrawal::Cancelled => {
                let reply = desk.cancelled(purchase);
                assert!(matches!(reply, Reply::OrderCancelled { .. }), "{reply:?}");
            }
            Withdrawal::Replaced => {
                let replace = desk.replace(purchase, Some("1"), None);
                placed(&desk.ask(OrderRequest::Replace(replace)));
            }
            Withdrawal::WithOthers => {
                let (sender, answer) = crossbeam_channel::bounded(1);
                let cancellation = AccountCancellation {
                    account: desk.alice,
                    order: Some(desk.entry(purchase).rank.number),
                    by: None,
                    is_deletion: false,
                    writes: None,
                    done: Box::new(move |outcome| sender.send(outcome).unwrap()),
                };
                let transactions = &mut desk.rig.transactions;
                transactions.on_message(TransactionsMessage::Cancel(cancellation));
                transactions.on_turn_end();
                assert_eq!(answer.try_recv().unwrap(), Ok(1));
            }
        }
        let ended = desk.entry(purchase).transaction.settled.unwrap();
        let accepted = desk.entry(sale).transaction.accepted;
        assert!(accepted >= ahead && ended >= accepted, "{withdrawal:?}");
        desk.verify();
    }
}

#[test]
fn a_cancelled_order_of_version_1_tells_who_waits() {
    let mut desk = Desk::new();
    let market = order(desk.link.reply_to(), desk.alice, Side::Buy, "AAPL", "5");
    let sequence = market.reply_to.sequence;
    desk.rig.order_all(vec![market]);
    let Reply::Queued { id, .. } = desk.link.reply(sequence) else {
        panic!("it is queued")
    };
    let cancel = desk.cancel(id);
    desk.rig.request_all(vec![cancel]);
    let replies = desk.link.replies();
    assert_eq!(replies[0].0, sequence);
    assert_eq!(reason(&replies[0].1), Reason::Cancelled);
    assert!(matches!(replies[1].1, Reply::OrderCancelled { .. }));
    desk.bar(["100", "100", "100", "100"]);
    assert_eq!(desk.cash(), money("1000"));
}

#[test]
fn a_replaced_order_gives_its_place_to_one_with_a_new_turn() {
    let mut desk = Desk::new();
    let old = desk.placed(Side::Buy, "6", limit("100"));
    // It may use what the old one holds back.
    let replace = desk.replace(old, Some("8"), Some("120"));
    let (new, status) = placed(&desk.ask(OrderRequest::Replace(replace)));
    assert_eq!(status, TransactionStatus::Open);
    assert_eq!(
        desk.status(old),
        (TransactionStatus::Cancelled, Some(Reason::Replaced))
    );
    assert!(desk.entry(new).rank > desk.entry(old).rank);
    assert_eq!(desk.standing(), money("960"));
    // Where it cannot be, the old one stays.
    let replace = desk.replace(new, Some("9"), None);
    let reply = desk.ask(OrderRequest::Replace(replace));
    assert_eq!(reason(&reply), Reason::InsufficientFunds);
    assert_eq!((desk.status(new), desk.standing()), (OPEN, money("960")));
    let replace = desk.replace(old, None, None);
    assert_eq!(
        reason(&desk.ask(OrderRequest::Replace(replace))),
        Reason::NotOpen
    );
    // While an update is under way it waits, and finds the order filled.
    let update = desk.rig.update(&[("AAPL", "90")]);
    let replace = desk.replace(new, None, Some("1"));
    let sequence = replace.reply_to.sequence;
    desk.rig.request_all(vec![OrderRequest::Replace(replace)]);
    desk.rig.tell(&update);
    assert_eq!(reason(&desk.link.reply(sequence)), Reason::NotOpen);
    assert_eq!(desk.status(new).0, TransactionStatus::Settled);
    desk.verify();
}

#[test]
fn a_repeat_gets_the_same_order_and_its_status_of_now() {
    let mut desk = Desk::new();
    let named = |desk: &mut Desk, amount: &str| PlaceOrder {
        client_order_id: order_id("mine"),
        ..desk.order(Side::Buy, amount, limit("90"))
    };
    let first = named(&mut desk, "2");
    let (id, _) = placed(&desk.place(first));
    let again = named(&mut desk, "2.0");
    assert_eq!(placed(&desk.place(again)), (id, TransactionStatus::Open));
    let other = named(&mut desk, "3");
    assert_eq!(reason(&desk.place(other)), Reason::ClientOrderIdReused);
    let mut market = order(desk.link.reply_to(), desk.alice, Side::Buy, "AAPL", "2");
    market.client_order_id = order_id("mine");
    let sequence = market.reply_to.sequence;
    desk.rig.order_all(vec![market]);
    let reply = desk.link.reply(sequence);
    assert_eq!(
        reason(&reply),
        Reason::ClientOrderIdReused,
        "another instruction"
    );
    desk.bar(["80", "80", "80", "80"]);
    // Looked up before anything about money or openness.
    desk.rig.give(desk.alice, "0", &[]);
    let again = named(&mut desk, "2");
    assert_eq!(placed(&desk.place(again)), (id, TransactionStatus::Settled));
}

#[test]
fn prices_amounts_and_times_are_checked() {
    let mut desk = Desk::new();
    desk.give("1000", "5");
    use OrderKind::{Limit, Market, Stop, StopLimit, Trailing};
    for prices in [
        (Limit, None, None),
        (Limit, Some("1"), Some("1")),
        (Market, Some("1"), None),
        (Stop, Some("1"), None),
        (Stop, None, Some("1%")),
        (StopLimit, Some("1"), None),
        (Trailing, None, None),
        (Trailing, None, Some("100")),
    ] {
        let refused = desk.refused(Side::Sell, "1", prices);
        assert_eq!(refused, Reason::PriceInvalid, "{prices:?}");
    }
    let unknown = PlaceOrder {
        symbol: Symbol::parse("NONE").unwrap(),
        time_in_force: TimeInForce::Until(Timestamp(0)),
        ..desk.order(Side::Buy, "1", (Limit, None, None))
    };
    assert_eq!(
        reason(&desk.place(unknown)),
        Reason::UnknownAsset,
        "an unknown name comes first"
    );
    let cash = desk.refused(Side::Sell, "cash:10", MARKET);
    assert_eq!(cash, Reason::QuantityInvalid);
    let nothing = desk.refused(Side::Buy, "cash:0.00005", MARKET);
    assert_eq!(nothing, Reason::QuantityInvalid, "less than a millionth");
    let now = desk.rig.assets.prices().market_now;
    let mut timed = |until| {
        let order = PlaceOrder {
            time_in_force: TimeInForce::Until(until),
            ..desk.order(Side::Buy, "1", limit("90"))
        };
        desk.place(order)
    };
    assert_eq!(reason(&timed(now)), Reason::DateInvalid);
    let (id, _) = placed(&timed(Timestamp(now.0 + 60_000)));
    // It ends with the first update at its time, untested by it.
    desk.bar(["80", "80", "80", "80"]);
    let expired = (TransactionStatus::Expired, Some(Reason::Expired));
    assert_eq!((desk.status(id), desk.standing()), (expired, Money::ZERO));
}

#[test]
fn an_order_for_cash_buys_the_most_units_fees_included() {
    let mut desk = Desk::with(|config| config.fees.per_order = money("1"));
    let id = desk.placed(Side::Buy, "cash:100", MARKET);
    desk.bar(["30", "30", "30", "30"]);
    let entry = desk.entry(id);
    assert_eq!(entry.transaction.quantity, quantity("3.3"));
    assert_eq!(entry.transaction.total, Some(money("100")));
    assert_eq!(entry.fee, Some(money("1")));
    desk.verify();
}

#[test]
fn a_fill_names_the_schedule_of_its_fee_and_slippage() {
    let mut desk = Desk::with(|config| {
        config.fees.per_order = money("1");
        config.fees.slippage = Percentage(500_000);
    });
    let id = desk.placed(Side::Buy, "2", MARKET);
    let rejected = desk.placed(Side::Buy, "7", MARKET);
    desk.bar(["110", "115", "110", "115"]);
    let schedule = desk.entry(id).fee_schedule;
    assert!(schedule.is_some());
    assert_eq!(desk.status(rejected).0, TransactionStatus::Rejected);
    assert_eq!(desk.entry(rejected).fee_schedule, None);
    desk.verify();

    let mut desk = desk.restart();
    let id = desk.placed(Side::Buy, "1", MARKET);
    desk.bar(["100", "100", "100", "100"]);
    assert_eq!(desk.entry(id).fee_schedule, schedule, "the same fees");
    assert_eq!(
        desk.rig.engine.number("SELECT count(*) FROM fee_schedules"),
        1
    );
    desk.verify();

    let mut free = Desk::new();
    let id = free.placed(Side::Buy, "1", MARKET);
    free.bar(["100", "100", "100", "100"]);
    assert_eq!(free.status(id).0, TransactionStatus::Settled);
    assert_eq!(free.entry(id).fee_schedule, None);
    assert_eq!(
        free.rig.engine.number("SELECT count(*) FROM fee_schedules"),
        0
    );
}

#[test]
fn verify_makes_each_fee_again_from_its_schedule() {
    let mut desk = Desk::with(|config| {
        config.fees.per_order = money("1");
        config.fees.slippage = Percentage(500_000);
    });
    desk.placed(Side::Buy, "2", MARKET);
    desk.bar(["100", "100", "100", "100"]);
    let differences = |desk: &Desk, sql: &[&str]| {
        for sql in sql {
            assert_eq!(desk.rig.engine.execute(sql), 1, "{sql}");
        }
        let checked = crate::master::verify::check(&mut desk.rig.engine.reader(), &|| false);
        checked.unwrap().differences
    };
    let is_alone = |found: &[String], part: &str| {
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains(part), "{found:?}");
    };
    assert_eq!(differences(&desk, &[]), Vec::<String>::new());
    // Whoever changes cash and cost with the fee is not found by the sums.
    let dearer = [
        "UPDATE transactions SET fee = fee + 1, total = total + 1",
        "UPDATE balances SET cash = cash - 1",
        "UPDATE positions SET cost = cost + 1",
    ];
    let found = differences(&desk, &dearer);
    is_alone(&found, "its fee is 1.000001, and fee schedule 1 makes 1");
    let cheaper = [
        "UPDATE transactions SET fee = NULL, total = total - 1000001",
        "UPDATE balances SET cash = cash + 1000001",
        "UPDATE positions SET cost = cost - 1000001",
    ];
    let found = differences(&desk, &cheaper);
    is_alone(&found, "its fee is 0, and fee schedule 1 makes 1");
    let slipped = [
        "UPDATE transactions SET fee = 1000000, total = total + 1000000, quoted = quoted + 1000000",
        "UPDATE balances SET cash = cash - 1000000",
        "UPDATE positions SET cost = cost + 1000000",
    ];
    let found = differences(&desk, &slipped);
    is_alone(
        &found,
        "its price is 100.5, and 101 with the slippage of fee schedule 1 is 101.505",
    );
    let unlike = ["UPDATE fee_schedules SET percent = 50000001"];
    let found = differences(&desk, &unlike);
    is_alone(&found, "fee schedule 1 is none");
}

#[test]
fn limits_of_open_orders_and_cancels_hold() {
    let mut desk = Desk::with(|config| {
        config.limits.max_open_per_account = 2;
        config.limits.cancels_per_minute_per_account = 1;
        config.limits.min_order_value = money("5");
    });
    let first = desk.placed(Side::Buy, "1", limit("5"));
    let second = desk.placed(Side::Buy, "1", limit("5"));
    assert_eq!(desk.refused(Side::Buy, "1", limit("5")), Reason::Overloaded);
    assert_eq!(
        desk.refused(Side::Buy, "0.01", MARKET),
        Reason::QuantityInvalid
    );
    desk.placed(Side::Buy, "1", MARKET);
    desk.cancelled(first);
    assert_eq!(reason(&desk.cancelled(second)), Reason::Overloaded);
    desk.placed(Side::Buy, "1", limit("5"));
}

#[test]
fn orders_that_come_and_go_without_an_update_are_forgotten() {
    let mut desk = Desk::new();
    let kept = desk.placed(Side::Buy, "1", limit("5"));
    for _ in 0..3 {
        let gone = desk.placed(Side::Buy, "1", limit("5"));
        desk.cancelled(gone);
    }
    let number = desk.entry(kept).rank.number;
    assert_eq!(desk.rig.transactions.state.newcomers.len(), 4);
    let later = Instant::now() + Duration::from_secs(60);
    desk.rig.transactions.on_tick(later);
    assert_eq!(desk.rig.transactions.state.newcomers, [number]);
    desk.bar(["100", "100", "100", "100"]);
    assert!(desk.rig.transactions.state.newcomers.is_empty());
}

#[test]
fn a_full_book_is_told_from_a_full_queue() {
    let mut desk = Desk::with(|config| {
        config.limits.max_open = 1;
        config.limits.max_queued = 1;
    });
    let text = |reply: &Reply| match reply {
        Reply::Fail(_, refusal) => refusal.text.clone(),
        other => panic!("{other:?}"),
    };
    desk.placed(Side::Buy, "1", limit("5"));
    let order = desk.order(Side::Buy, "1", limit("5"));
    let reply = desk.place(order);
    assert_eq!(reason(&reply), Reason::Overloaded);
    assert!(text(&reply).contains("orders are open"), "{reply:?}");
    assert!(text(&reply).contains("cancel one"), "{reply:?}");
    desk.placed(Side::Buy, "1", MARKET);
    let order = desk.order(Side::Buy, "1", MARKET);
    let reply = desk.place(order);
    assert_eq!(reason(&reply), Reason::Overloaded);
    assert!(text(&reply).contains("queue"), "{reply:?}");
}

#[test]
fn what_could_not_be_stored_holds_nothing_back() {
    let mut desk = Desk::new();
    let kept = desk.placed(Side::Buy, "1", limit("10"));
    desk.rig.refuse_changes("INSERT", "order_terms");
    assert_eq!(
        desk.refused(Side::Buy, "1", limit("90")),
        Reason::InternalError
    );
    let replace = desk.replace(kept, None, Some("20"));
    let reply = desk.ask(OrderRequest::Replace(replace));
    assert_eq!(reason(&reply), Reason::InternalError);
    desk.rig.allow_changes();
    assert_eq!((desk.standing(), desk.status(kept)), (money("10"), OPEN));
    desk.rig.refuse_changes("UPDATE", "transactions");
    assert_eq!(reason(&desk.cancelled(kept)), Reason::InternalError);
    desk.rig.allow_changes();
    desk.bar(["9", "9", "9", "9"]);
    assert_eq!(desk.status(kept).0, TransactionStatus::Settled);
    desk.verify();
}

#[test]
fn a_settlement_that_fails_is_made_up_for_bar_by_bar() {
    let mut desk = Desk::new();
    let id = desk.placed(Side::Buy, "1", limit("95"));
    desk.rig.refuse_changes("INSERT", "positions");
    desk.bar(["100", "100", "94", "100"]);
    assert_eq!((desk.status(id), desk.standing()), (OPEN, money("95")));
    desk.rig.allow_changes();
    desk.bar(["100", "100", "100", "100"]);
    let entry = desk.entry(id).transaction;
    assert_eq!(
        (entry.price, entry.priced),
        (Some(money("95")), entry.priced)
    );
    desk.verify();
}

/// Publishes updates with these closes of AAPL, and none of them is settled before a kill.
fn killed_before_it_settled(desk: Desk, closes: &[&str]) -> Desk {
    let mut rig = desk.rig;
    let mut store = BarStore::open(rig.engine.storage(), None).unwrap();
    let listed: Vec<Symbol> = rig.assets.prices().symbols().collect();
    store.set_assets(&listed).unwrap();
    for close in closes {
        let update = rig.update(&[("AAPL", close)]);
        let position = UpdatePosition {
            number: update.number,
            time: None,
            exhausted: false,
        };
        let bar = bar(update.number.cast_signed(), close);
        let changes = UpdateChanges {
            bars: vec![(symbol("AAPL"), bar)],
            unsettled: Some(UnsettledUpdate {
                number: update.number,
                began: update.began_stamp,
                published: update.published,
                market_time: Some(bar.time),
                exhausted: false,
                real_time: false,
            }),
            ..UpdateChanges::default()
        };
        store.commit(&position, &changes).unwrap();
    }
    let mut desk = Desk { rig, ..desk }.restart();
    let left = store.unsettled().unwrap();
    let unsettled = UnsettledUpdates::new(left, desk.rig.assets.prices(), Vec::new());
    desk.rig.transactions = desk.rig.transactions.taking_over(unsettled);
    desk
}

#[test]
fn what_came_too_late_for_an_update_binds_nothing_of_it_after_a_kill() {
    let mut desk = Desk::new();
    let bought = desk.placed(Side::Buy, "8", MARKET);
    // The retrieval of update 2 has begun, which the next order is too late for.
    desk.rig.assets.progress.set_first(3);
    let late = desk.placed(Side::Buy, "1", limit("150"));
    let desk = killed_before_it_settled(desk, &["120", "121"]);
    let ends = desk.rig.entries(desk.alice).into_iter();
    let ends: Vec<_> = ends
        .map(|it| {
            (
                it.transaction.id,
                it.transaction.status,
                it.transaction.reason,
            )
        })
        .collect();
    let short = Some(Reason::InsufficientFunds);
    assert_eq!(
        ends,
        [
            (bought, TransactionStatus::Settled, None),
            (late, TransactionStatus::Rejected, short)
        ]
    );
}

#[test]
fn what_a_kill_left_unanswered_is_told_the_same_afterwards() {
    let mut desk = Desk::new();
    let named = |desk: &mut Desk| PlaceOrder {
        client_order_id: order_id("mine"),
        ..desk.order(Side::Buy, "1", limit("95"))
    };
    let order = named(&mut desk);
    let (id, _) = placed(&desk.place(order));
    // A cancel that waits for an update is lost with the process; the update was published.
    let update = desk.rig.update(&[("AAPL", "90")]);
    let cancel = desk.cancel(id);
    desk.rig.request_all(vec![cancel]);
    assert_eq!(desk.link.replies(), []);
    drop(update);
    let mut desk = desk.restart();
    // Here nothing of the update is left to settle: the worker asks again, and the order ends once.
    let reply = desk.cancelled(id);
    assert!(matches!(reply, Reply::OrderCancelled { .. }), "{reply:?}");
    desk.bar(["90", "90", "90", "90"]);
    let mut desk = desk.restart();
    let order = named(&mut desk);
    assert_eq!(
        placed(&desk.place(order)),
        (id, TransactionStatus::Cancelled)
    );
    assert!(matches!(desk.cancelled(id), Reply::OrderCancelled { .. }));
    assert_eq!(desk.cash(), money("1000"));
    desk.verify();
}

#[test]
fn market_orders_that_wait_keep_their_places_among_the_queued() {
    let mut desk = Desk::with(|config| {
        config.limits.max_queued_per_account = 2;
        config.limits.max_open_per_account = 1;
    });
    let first = desk.placed(Side::Buy, "1", MARKET);
    desk.placed(Side::Buy, "1", MARKET);
    // The update has no price of theirs. However many updates have none, there are no more of them.
    for _ in 0..3 {
        desk.rig.settle(&[("IBM", "50")]);
        assert_eq!(desk.status(first), OPEN);
        assert_eq!(desk.refused(Side::Buy, "1", MARKET), Reason::Overloaded);
    }
    // They take no place from those that wait for their price.
    desk.placed(Side::Buy, "1", limit("5"));
    assert_eq!(desk.refused(Side::Buy, "1", limit("5")), Reason::Overloaded);
    let mut desk = desk.restart();
    assert_eq!(desk.refused(Side::Buy, "1", MARKET), Reason::Overloaded);
    // A cancel that is not stored frees nothing.
    desk.rig.refuse_changes("UPDATE", "transactions");
    assert_eq!(reason(&desk.cancelled(first)), Reason::InternalError);
    desk.rig.allow_changes();
    assert_eq!(desk.refused(Side::Buy, "1", MARKET), Reason::Overloaded);
    desk.cancelled(first);
    desk.placed(Side::Buy, "1", MARKET);
    assert_eq!(desk.refused(Side::Buy, "1", MARKET), Reason::Overloaded);
    desk.bar(["9", "9", "9", "9"]);
    desk.placed(Side::Buy, "1", MARKET);
    desk.placed(Side::Buy, "1", MARKET);
    desk.verify();
}

#[test]
fn all_that_is_held_may_be_sold_however_little_it_is_worth() {
    let mut desk = Desk::with(|config| config.limits.min_order_value = money("50"));
    desk.give("0", "0.4");
    // 0.1 is for 10, all of it for 40.
    assert_eq!(
        desk.refused(Side::Sell, "0.1", MARKET),
        Reason::QuantityInvalid
    );
    desk.placed(Side::Sell, "0.4", MARKET);
    assert_eq!(
        desk.refused(Side::Sell, "0.4", MARKET),
        Reason::QuantityInvalid
    );
}

/// An update with a split of AAPL, or a correction of it, at the time of the second update.
fn split_by(desk: &mut Desk, kind: ActionKind, is_late: bool, close: &str) {
    let mut update = desk.rig.update(&[("AAPL", close)]);
    let action = Action {
        is_late,
        ..Action::new(
            bar(2, "1").time,
            symbol("AAPL"),
            kind,
            ActionId::parse("it").ok(),
        )
    };
    desk.rig.act(&mut update, &[action]);
    desk.rig.tell(&update);
}

#[test]
fn a_corrected_split_cancels_the_orders_whose_prices_it_has_changed_whatever_their_amount() {
    let split = |text| ActionKind::Split(Ratio::parse(text).unwrap());
    for (right, restarts) in [(ActionKind::Cancel, false), (split("2"), true)] {
        let mut desk = Desk::new();
        desk.rig.settle(&[("AAPL", "100")]);
        let before: Vec<Uuid> = ["1", "cash:90"]
            .into_iter()
            .flat_map(|amount| {
                [
                    desk.placed(Side::Buy, amount, LIMIT_90),
                    desk.placed(Side::Buy, amount, STOP_500),
                ]
            })
            .collect();
        split_by(&mut desk, split("10"), false, "10");
        desk.rig.settle(&[("AAPL", "10")]);
        if restarts {
            desk = desk.restart();
        }
        let limit = (OrderKind::Limit, Some("5"), None);
        let later = ["1", "cash:5"].map(|amount| desk.placed(Side::Buy, amount, limit));
        split_by(&mut desk, right, true, "10");
        for id in before {
            let cancelled = (TransactionStatus::Cancelled, Some(Reason::Cancelled));
            assert_eq!(desk.status(id), cancelled, "{right:?}");
        }
        for id in later {
            assert_eq!(
                desk.status(id),
                (TransactionStatus::Open, None),
                "{right:?}"
            );
        }
    }
}

#[test]
fn a_deletion_ends_open_orders_and_forgets_what_was_asked() {
    let mut desk = Desk::new();
    let named = PlaceOrder {
        client_order_id: order_id("my-plan"),
        ..desk.order(Side::Buy, "1", limit("95"))
    };
    let (id, _) = placed(&desk.place(named));
    let texts = "SELECT count(asked) FROM order_terms";
    assert_eq!(desk.rig.engine.number(texts), 1);
    let (sender, answer) = crossbeam_channel::bounded(1);
    let deletion = AccountCancellation {
        account: desk.alice,
        order: None,
        by: None,
        is_deletion: true,
        writes: None,
        done: Box::new(move |outcome| sender.send(outcome).unwrap()),
    };
    let transactions = &mut desk.rig.transactions;
    transactions.on_message(TransactionsMessage::Cancel(deletion));
    transactions.on_turn_end();
    assert_eq!(answer.try_recv().unwrap(), Ok(1));
    let cancelled = (TransactionStatus::Cancelled, Some(Reason::Cancelled));
    assert_eq!((desk.status(id), desk.standing()), (cancelled, Money::ZERO));
    assert_eq!(desk.rig.engine.number(texts), 0);
    assert_eq!(desk.entry(id).transaction.client_order_id, None);
    let mut desk = desk.restart();
    assert_eq!(desk.rig.transactions_status().open, 0);
    desk.verify();
}
