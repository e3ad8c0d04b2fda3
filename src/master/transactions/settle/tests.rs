//! spec/master/transactions.md · 3.1.7 ("the queue is cleared every update interval")

use super::super::SETTLE_RETRY_INTERVAL;
use super::*;
use crate::master::messages::{Order, TransactionsMessage};
use crate::master::testing::{
    FakeLink, MasterRig, bar, money, order, order_id, quantity, reason, symbol,
};
use crate::model::{Money, Ratio, Side, Symbol, TransactionStatus};
use crate::runtime::{Module, Watchdog};
use crate::wire::Reply;
use crate::wire::reply::Fill;
use crossbeam_channel::bounded;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MARCH: Timestamp = Timestamp(1_362_096_000_000);

/// A master with a worker's link and an account of 1,000.
struct Desk {
    rig: MasterRig,
    link: FakeLink,
    alice: AccountId,
}

impl Desk {
    fn new() -> Desk {
        let mut rig = MasterRig::with(|config| config.starting_cash = money("1000"));
        let link = rig.link("eu1");
        let alice = rig.account("alice");
        Desk { rig, link, alice }
    }

    /// Puts an order on the queue; the number of its message.
    fn queue(&mut self, side: Side, name: &str, units: &str) -> u64 {
        let order = order(self.link.reply_to(), self.alice, side, name, units);
        self.queue_this(order)
    }

    fn queue_this(&mut self, order: Order) -> u64 {
        let sequence = order.reply_to.sequence;
        self.rig.order_all(vec![order]);
        let reply = self.link.reply(sequence);
        assert!(matches!(reply, Reply::Queued { .. }), "{reply:?}");
        sequence
    }

    /// What an update answers, in its order.
    fn settle(&mut self, closes: &[(&str, &str)]) -> Vec<(u64, Reply)> {
        self.rig.settle(closes);
        self.link.replies()
    }

    fn cash(&self) -> Money {
        self.rig.holdings(self.alice).cash
    }

    fn units(&self, name: &str) -> Option<(Quantity, Money)> {
        self.rig
            .holdings(self.alice)
            .positions
            .get(&symbol(name))
            .copied()
    }

    fn count(&self, side: Side) -> i64 {
        let sql = format!(
            "SELECT count(*) FROM transactions WHERE side = {}",
            side as u8
        );
        self.rig.engine.number(&sql)
    }
}

fn fill(reply: &Reply) -> &Fill {
    match reply {
        Reply::Filled(fill) => fill,
        other => panic!("{other:?}"),
    }
}

fn split(name: &str, ratio: &str) -> Action {
    let kind = ActionKind::Split(Ratio::parse(ratio).unwrap());
    Action::new(MARCH, symbol(name), kind, None)
}

fn dividend(name: &str, per_unit: &str) -> Action {
    let kind = ActionKind::Dividend(money(per_unit));
    Action::new(MARCH, symbol(name), kind, None)
}

#[test]
fn an_order_fills_at_the_close_of_the_next_update() {
    let mut desk = Desk::new();
    let sequence = desk.queue(Side::Buy, "AAPL", "3");
    let update = desk.rig.settle(&[("AAPL", "101.5")]);
    let reply = desk.link.reply(sequence);
    let entry = desk.rig.entry(&desk.link, sequence).unwrap();
    assert_eq!(
        *fill(&reply),
        Fill {
            side: Side::Buy,
            id: entry.transaction.id,
            symbol: symbol("AAPL"),
            quantity: quantity("3"),
            price: money("101.5"),
            total: money("304.5"),
            settled: update.published,
        }
    );
    let quote = update
        .snapshot
        .entry(&symbol("AAPL"))
        .unwrap()
        .quote
        .unwrap();
    assert_eq!(
        (
            entry.transaction.status,
            entry.transaction.priced,
            entry.update
        ),
        (
            TransactionStatus::Settled,
            Some(quote.time),
            Some(update.number)
        )
    );
    assert_eq!(desk.cash(), money("695.5"));
    assert_eq!(desk.units("AAPL"), Some((quantity("3"), money("304.5"))));
    assert_eq!(desk.settle(&[("AAPL", "1")]), [], "it settles once");
    assert_eq!(desk.cash(), money("695.5"));
}

#[test]
fn what_an_account_lacks_rejects_its_order() {
    let mut desk = Desk::new();
    // Both could be hoped for: at the latest price, and once the purchase is there.
    let (dear, short) = (
        desk.queue(Side::Buy, "AAPL", "10"),
        desk.queue(Side::Sell, "AAPL", "1"),
    );
    let replies = desk.settle(&[("AAPL", "100.000001")]);
    assert_eq!(replies[0].0, dear);
    assert_eq!(reason(&replies[0].1), Reason::InsufficientFunds);
    assert_eq!(reason(&replies[1].1), Reason::InsufficientHoldings);
    let entry = desk.rig.entry(&desk.link, short).unwrap().transaction;
    assert_eq!(
        (entry.status, entry.reason, entry.price, entry.total),
        (
            TransactionStatus::Rejected,
            Some(Reason::InsufficientHoldings),
            None,
            None
        )
    );
    assert_eq!((desk.cash(), desk.units("AAPL")), (money("1000"), None));
}

#[test]
fn a_value_beyond_its_limit_rejects_the_order() {
    let mut desk = Desk::new();
    let sequence = desk.queue(Side::Buy, "NEW", "999999999999");
    let replies = desk.settle(&[("NEW", "1000")]);
    assert_eq!(replies[0].0, sequence);
    assert_eq!(reason(&replies[0].1), Reason::QuantityInvalid);
}

#[test]
fn an_order_without_a_new_price_waits_for_the_next_one() {
    let mut desk = Desk::new();
    let first = desk.queue(Side::Buy, "AAPL", "1");
    let second = desk.queue(Side::Buy, "NEW", "1");
    // The prices from before are no prices of this update.
    assert_eq!(desk.settle(&[("IBM", "1")]), []);
    let status = |desk: &Desk, sequence| {
        let entry = desk.rig.entry(&desk.link, sequence).unwrap();
        entry.transaction.status
    };
    assert_eq!(status(&desk, first), TransactionStatus::Open);
    assert_eq!(status(&desk, second), TransactionStatus::Open);
    let replies = desk.settle(&[("AAPL", "90")]);
    assert_eq!(replies.len(), 1);
    assert_eq!(
        (replies[0].0, fill(&replies[0].1).price),
        (first, money("90"))
    );
    let Desk { rig, link, alice } = desk;
    let mut desk = Desk {
        rig: rig.restart(),
        link,
        alice,
    };
    desk.settle(&[("NEW", "7")]);
    assert_eq!(status(&desk, second), TransactionStatus::Settled);
    assert_eq!(desk.cash(), money("903"));
    let report = crate::master::verify::check(&mut desk.rig.engine.reader(), &|| false).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

/// An update in which a price of AAPL is held, `day` days after the market's first.
fn held_update(desk: &mut Desk, day: i64, is_last: bool) -> Update {
    let mut update = desk.rig.update(&[]);
    let snapshot = Arc::make_mut(&mut update.snapshot);
    let far = bar(day * 24 * 60, "9000");
    snapshot.set_held(&symbol("AAPL"), Some(&far));
    snapshot.exhausted = is_last;
    desk.rig.publish(&update);
    update
}

/// An update that ends the hold, with prices.
fn after_hold(desk: &mut Desk, closes: &[(&str, &str)]) -> Vec<(u64, Reply)> {
    let mut update = desk.rig.update(closes);
    Arc::make_mut(&mut update.snapshot).set_held(&symbol("AAPL"), None);
    desk.rig.publish(&update);
    desk.rig.tell(&update);
    desk.link.replies()
}

#[test]
fn orders_for_an_asset_whose_price_is_held_wait_until_one_is_believed() {
    let mut desk = Desk::new();
    desk.queue(Side::Buy, "AAPL", "1");
    let other = desk.queue(Side::Buy, "IBM", "1");
    let update = held_update(&mut desk, 1, false);
    desk.queue(Side::Buy, "AAPL", "2");
    desk.rig.tell(&update);
    assert_eq!(desk.link.replies(), [], "{other} waits, too");
    let update = held_update(&mut desk, 2, false);
    desk.rig.tell(&update);
    assert_eq!(desk.link.replies(), []);
    // Both wait on disk: after a kill they still do, also where the hold ended without a price.
    let number = desk
        .rig
        .engine
        .number("SELECT count(*) FROM transactions WHERE waits_since > 0");
    assert_eq!(number, 3);
    let Desk { rig, alice, .. } = desk;
    let mut rig = rig.restart();
    let link = rig.link("eu2");
    let mut desk = Desk { rig, link, alice };
    // So does one that came while it was held and whose first update ends the hold.
    desk.queue(Side::Buy, "AAPL", "1");
    after_hold(&mut desk, &[("IBM", "1")]);
    assert_eq!(desk.units("AAPL"), None);
    let third = desk.queue(Side::Buy, "AAPL", "4");
    let replies = desk.settle(&[("AAPL", "10")]);
    assert_eq!(
        (replies[1].0, fill(&replies[1].1).price),
        (third, money("10"))
    );
    assert_eq!(desk.units("AAPL"), Some((quantity("8"), money("80"))));
    let report = crate::master::verify::check(&mut desk.rig.engine.reader(), &|| false).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn a_repeat_of_an_order_that_waits_waits_with_it() {
    let mut desk = Desk::new();
    let named = |desk: &mut Desk| {
        let mut order = order(desk.link.reply_to(), desk.alice, Side::Buy, "AAPL", "1");
        order.client_order_id = order_id("mine");
        desk.queue_this(order)
    };
    let first = named(&mut desk);
    let update = held_update(&mut desk, 1, false);
    desk.rig.tell(&update);
    let again = named(&mut desk);
    let replies = after_hold(&mut desk, &[("AAPL", "10")]);
    let ids: Vec<_> = replies.iter().map(|(_, reply)| fill(reply).id).collect();
    assert_eq!((replies[0].0, replies[1].0), (first, again));
    assert!(ids[0] == ids[1], "one order");
    assert_eq!(desk.units("AAPL"), Some((quantity("1"), money("10"))));
}

#[test]
fn an_order_that_is_too_late_for_the_last_prices_is_rejected_after_a_kill() {
    let mut desk = Desk::new();
    let mut last = desk.rig.update(&[("IBM", "10")]);
    Arc::make_mut(&mut last.snapshot).exhausted = true;
    desk.rig.assets.progress.set_first(last.number + 1);
    desk.queue(Side::Buy, "IBM", "1");
    desk.rig.publish(&last);
    desk.rig = desk.rig.restart();
    desk.rig.tell(&last);
    let queue = &desk.rig.transactions.state.queue;
    assert_eq!(queue.len(), 0, "no update follows");
}

#[test]
fn an_order_waits_for_fourteen_days_of_the_market_and_no_longer_than_it() {
    let mut desk = Desk::new();
    let sequence = desk.queue(Side::Buy, "AAPL", "1");
    for day in [1, 2, 15] {
        let update = held_update(&mut desk, day, false);
        desk.rig.tell(&update);
        assert_eq!(desk.link.replies(), [], "day {day}");
    }
    let late = desk.queue(Side::Buy, "AAPL", "1");
    let update = held_update(&mut desk, 16, false);
    desk.rig.tell(&update);
    let replies = desk.link.replies();
    assert_eq!(replies.len(), 1);
    assert_eq!(
        (replies[0].0, reason(&replies[0].1)),
        (sequence, Reason::NoPrice)
    );
    let update = held_update(&mut desk, 17, true);
    desk.rig.tell(&update);
    let replies = desk.link.replies();
    assert_eq!(
        (replies[0].0, reason(&replies[0].1)),
        (late, Reason::NoPrice),
        "the last step"
    );
}

#[test]
fn a_split_changes_an_order_that_waits() {
    let mut desk = Desk::new();
    desk.queue(Side::Buy, "AAPL", "3");
    let update = held_update(&mut desk, 1, false);
    desk.rig.tell(&update);
    let mut update = desk.rig.update(&[("AAPL", "5")]);
    Arc::make_mut(&mut update.snapshot).set_held(&symbol("AAPL"), None);
    desk.rig.act(&mut update, &[split("AAPL", "2")]);
    desk.rig.tell(&update);
    let replies = desk.link.replies();
    assert_eq!(fill(&replies[0].1).quantity, quantity("6"));
}

/// An update with an action of AAPL at the time of the second one; its price stays held.
fn held_with(desk: &mut Desk, kind: ActionKind, is_late: bool) -> Vec<(u64, Reply)> {
    let mut update = held_update(desk, 1, false);
    let id = crate::model::ActionId::parse("it").unwrap();
    let time = bar(2, "1").time;
    let action = Action {
        is_late,
        ..Action::new(time, symbol("AAPL"), kind, Some(id))
    };
    desk.rig.act(&mut update, &[action]);
    desk.rig.tell(&update);
    desk.link.replies()
}

#[test]
fn an_order_that_waits_follows_the_correction_of_a_split() {
    let kind = |text| ActionKind::Split(Ratio::parse(text).unwrap());
    for (right, units) in [
        (ActionKind::Cancel, "3"),
        (kind("2"), "6"),
        (kind("10"), "30"),
    ] {
        let mut desk = Desk::new();
        desk.queue(Side::Buy, "AAPL", "3");
        assert_eq!(held_with(&mut desk, kind("10"), false), []);
        // One at a price after the split, which the correction leaves.
        desk.queue(Side::Buy, "AAPL", "7");
        assert_eq!(held_with(&mut desk, right, true), []);
        let Desk { rig, alice, .. } = desk;
        let mut rig = rig.restart();
        let link = rig.link("eu2");
        let mut desk = Desk { rig, link, alice };
        after_hold(&mut desk, &[("AAPL", "1")]);
        let held = desk.units("AAPL").unwrap().0;
        assert_eq!(held.0 - quantity("7").0, quantity(units).0, "{right:?}");
    }
}

#[test]
fn an_order_that_several_splits_have_changed_is_rejected_with_a_correction() {
    let mut desk = Desk::new();
    let sequence = desk.queue(Side::Buy, "AAPL", "3");
    let kind = |text| ActionKind::Split(Ratio::parse(text).unwrap());
    assert_eq!(held_with(&mut desk, kind("10"), false), []);
    let mut update = held_update(&mut desk, 1, false);
    desk.rig.act(&mut update, &[split("AAPL", "2")]);
    desk.rig.tell(&update);
    let replies = held_with(&mut desk, ActionKind::Cancel, true);
    assert_eq!(
        (replies[0].0, reason(&replies[0].1)),
        (sequence, Reason::NoPrice)
    );
}

#[test]
fn orders_that_wait_follow_a_late_rename_and_end_with_a_late_end() {
    let new = symbol("IBM");
    let one = Ratio::parse("1").unwrap();
    for kind in [
        ActionKind::Rename(new),
        ActionKind::Delist(money("1")),
        ActionKind::Merge {
            new,
            ratio: one,
            cash: Money::ZERO,
        },
    ] {
        for is_late in [false, true] {
            let mut desk = Desk::new();
            desk.queue(Side::Buy, "AAPL", "3");
            let update = held_update(&mut desk, 1, false);
            desk.rig.tell(&update);
            let mut update = held_update(&mut desk, 1, false);
            // Nor does one fill that came after the retrieval began.
            desk.queue(Side::Buy, "AAPL", "4");
            let action = Action {
                is_late,
                ..Action::new(bar(2, "1").time, symbol("AAPL"), kind, None)
            };
            desk.rig.act(&mut update, &[action]);
            desk.rig.tell(&update);
            let replies = desk.link.replies();
            if matches!(kind, ActionKind::Rename(_)) {
                desk.settle(&[("IBM", "1")]);
                assert_eq!(desk.units("IBM").unwrap().0, quantity("7"));
            } else {
                assert_eq!(replies.len(), 2, "{kind:?}");
                assert!(replies.iter().all(|(_, it)| reason(it) == Reason::NoPrice));
            }
        }
    }
}

#[test]
fn an_order_that_came_after_the_retrieval_began_waits_for_the_next_update() {
    let mut desk = Desk::new();
    let update = desk.rig.update(&[("AAPL", "1")]);
    let sequence = desk.queue(Side::Buy, "AAPL", "1");
    desk.rig.tell(&update);
    assert_eq!(desk.link.replies(), [], "its price could be seen");
    let replies = desk.settle(&[("AAPL", "2")]);
    assert_eq!(
        (replies[0].0, fill(&replies[0].1).price),
        (sequence, money("2"))
    );
}

#[test]
fn the_last_prices_of_a_market_reject_what_came_too_late_for_them() {
    let mut desk = Desk::new();
    let early = desk.queue(Side::Buy, "AAPL", "1");
    let mut update = desk.rig.update(&[("AAPL", "2")]);
    let late = desk.queue(Side::Buy, "AAPL", "1");
    Arc::make_mut(&mut update.snapshot).exhausted = true;
    desk.rig.tell(&update);
    let replies = desk.link.replies();
    assert_eq!(
        (replies[0].0, fill(&replies[0].1).price),
        (early, money("2"))
    );
    assert_eq!(
        (replies[1].0, reason(&replies[1].1)),
        (late, Reason::NoPrice)
    );
}

#[test]
fn a_price_of_the_real_world_that_is_older_than_the_order_is_waited_out() {
    let mut desk = Desk::new();
    let sequence = desk.queue(Side::Buy, "AAPL", "1");
    let accepted = desk
        .rig
        .entry(&desk.link, sequence)
        .unwrap()
        .transaction
        .accepted;
    let at = |desk: &mut Desk, time: Timestamp, limit: i64| {
        let mut update = desk.rig.update(&[("AAPL", "2")]);
        Arc::make_mut(&mut update.snapshot).set_real_time(&symbol("AAPL"), time, limit);
        desk.rig.tell(&update);
        desk.link.replies()
    };
    assert_eq!(at(&mut desk, Timestamp(accepted.0 - 1), 60_000), []);
    let replies = at(&mut desk, accepted, 60_000);
    assert_eq!(
        (replies[0].0, fill(&replies[0].1).price),
        (sequence, money("2"))
    );
    // One that is too old to trade at at all is no price.
    let sequence = desk.queue(Side::Buy, "AAPL", "1");
    assert_eq!(at(&mut desk, Timestamp(accepted.0 - 60_001), 60_000), []);
    let entry = desk.rig.entry(&desk.link, sequence).unwrap();
    assert_eq!(entry.transaction.status, TransactionStatus::Open);
}

#[test]
fn a_clock_that_is_set_back_by_hours_makes_no_order_wait_for_hours() {
    let mut desk = Desk::new();
    let sequence = desk.queue(Side::Buy, "AAPL", "1");
    let before = Timestamp::now();
    let mut update = desk.rig.update(&[("AAPL", "2")]);
    // The order came before retrieval began; the clock was set back by two hours in between.
    let set_back = |time: Timestamp| Timestamp(time.0 - 7_200_000);
    update.began_stamp = set_back(update.began_stamp);
    let snapshot = Arc::make_mut(&mut update.snapshot);
    snapshot.published = set_back(snapshot.published);
    snapshot.set_real_time(
        &symbol("AAPL"),
        Timestamp(set_back(before).0 - 1_000),
        60_000,
    );
    desk.rig.tell(&update);
    assert_eq!(
        desk.link.replies(),
        [],
        "a price from before retrieval began"
    );
    let mut update = desk.rig.update(&[("AAPL", "3")]);
    update.began_stamp = set_back(update.began_stamp);
    let price_time = update.began_stamp;
    let snapshot = Arc::make_mut(&mut update.snapshot);
    snapshot.published = price_time;
    snapshot.set_real_time(&symbol("AAPL"), price_time, 60_000);
    desk.rig.tell(&update);
    let replies = desk.link.replies();
    assert_eq!(
        (replies[0].0, fill(&replies[0].1).price),
        (sequence, money("3"))
    );
}

#[test]
fn a_clock_that_jumps_ahead_lets_no_order_fill_at_a_price_older_than_itself() {
    let mut desk = Desk::new();
    let sequence = desk.queue(Side::Buy, "AAPL", "1");
    let ahead = |time: Timestamp| Timestamp(time.0 + 7_200_000);
    let at = |desk: &mut Desk, price: &str, before: i64| {
        let mut update = desk.rig.update(&[("AAPL", price)]);
        update.began_stamp = ahead(update.began_stamp);
        let traded = Timestamp(update.began_stamp.0 - before);
        let snapshot = Arc::make_mut(&mut update.snapshot);
        snapshot.published = ahead(snapshot.published);
        snapshot.set_real_time(&symbol("AAPL"), traded, 7_200_000);
        desk.rig.tell(&update);
        desk.link.replies()
    };
    // Later than the time of acceptance, and yet an hour older than the order.
    assert_eq!(at(&mut desk, "2", 3_600_000), []);
    let replies = at(&mut desk, "3", 0);
    let [(told, bytes)] = &replies[..] else {
        panic!("{replies:?}")
    };
    assert_eq!((*told, fill(bytes).price), (sequence, money("3")));
}

#[test]
fn what_a_clock_set_back_settles_is_not_settled_before_it_was_accepted() {
    let mut desk = Desk::new();
    desk.queue(Side::Buy, "AAPL", "1");
    let mut update = desk.rig.update(&[("AAPL", "2")]);
    Arc::make_mut(&mut update.snapshot).published.0 -= 7_200_000;
    update.published = update.snapshot.published;
    desk.rig.tell(&update);
    let early = "SELECT count(*) FROM transactions WHERE status = 1 AND settled < accepted";
    assert_eq!(desk.rig.engine.number(early), 0);
    let settled = "SELECT count(*) FROM transactions WHERE status = 1";
    assert_eq!(desk.rig.engine.number(settled), 1);
    let replies = desk.link.replies();
    let fill = fill(&replies[0].1);
    let accepted = desk.rig.engine.number("SELECT accepted FROM transactions");
    assert!(fill.settled.0 >= accepted, "{fill:?}");
}

#[test]
fn orders_keep_their_order_of_time_while_the_clock_of_the_master_is_set_back() {
    let mut desk = Desk::new();
    let mut other = desk.rig.link("eu2");
    let sequencer = &mut desk.rig.transactions.state.sequencer;
    let two_hours_ahead = Timestamp(Timestamp::now().0 + 7_200_000);
    *sequencer =
        crate::master::transactions::sequence::Sequencer::after(sequencer.last(), two_hours_ahead);
    let alice = desk.alice;
    desk.rig.give(alice, "2000", &[]);
    let arrived_first = desk.queue(Side::Buy, "AAPL", "9");
    let mut order = order(other.reply_to(), desk.alice, Side::Buy, "AAPL", "9");
    order.reply_to.timestamp = Timestamp(Timestamp::now().0 - 2_000);
    desk.rig.order_all(vec![order]);
    other.heard();
    // A worker on the same machine, whose stamps go on from the time before, too.
    let mut last = self::order(desk.link.reply_to(), desk.alice, Side::Buy, "AAPL", "0.1");
    last.reply_to.timestamp = two_hours_ahead;
    let sequence = desk.queue_this(last);
    let off = |desk: &Desk, sequence| {
        let entry = desk.rig.entry(&desk.link, sequence).unwrap();
        entry.transaction.accepted.since(entry.rank.timestamp)
    };
    assert!((0..60_000).contains(&off(&desk, sequence)));
    assert!((0..60_000).contains(&off(&desk, arrived_first)));
    desk.rig.give(alice, "1000", &[]);
    desk.rig.settle(&[("AAPL", "100")]);
    let total = fill(&other.replies()[0].1).total;
    assert_eq!(total, money("900"), "stamped first");
    let replies = desk.link.replies();
    let (_, first) = replies
        .iter()
        .find(|(told, _)| *told == arrived_first)
        .unwrap();
    assert_eq!(reason(first), Reason::InsufficientFunds, "stamped last");
}

#[test]
fn orders_settle_in_the_order_of_their_stamps_and_not_of_their_arrival() {
    let mut desk = Desk::new();
    let mut other = desk.rig.link("eu2");
    let alice = desk.alice;
    desk.rig.give(alice, "2000", &[]);
    let arrived_first = desk.queue(Side::Buy, "AAPL", "9");
    let mut order = order(other.reply_to(), desk.alice, Side::Buy, "AAPL", "9");
    order.reply_to.timestamp = Timestamp(Timestamp::now().0 - 2_000);
    desk.rig.order_all(vec![order]);
    other.heard();
    desk.rig.give(alice, "1000", &[]);
    desk.rig.settle(&[("AAPL", "100")]);
    assert_eq!(
        fill(&other.replies()[0].1).total,
        money("900"),
        "stamped first"
    );
    assert_eq!(
        reason(&desk.link.reply(arrived_first)),
        Reason::InsufficientFunds,
        "stamped last"
    );
}

#[test]
fn what_one_order_leaves_is_there_for_the_next_of_the_same_update() {
    let mut desk = Desk::new();
    let alice = desk.alice;
    desk.rig.give(alice, "0", &[("IBM", "2", "10")]);
    let hopeless = order(desk.link.reply_to(), alice, Side::Buy, "AAPL", "1");
    let sequence = hopeless.reply_to.sequence;
    desk.rig.order_all(vec![hopeless]);
    let reply = desk.link.reply(sequence);
    assert_eq!(reason(&reply), Reason::InsufficientFunds);
    desk.queue(Side::Sell, "IBM", "2");
    // The latest prices say that the sale will pay for it.
    desk.queue(Side::Buy, "AAPL", "1");
    let replies = desk.settle(&[("AAPL", "100"), ("IBM", "50")]);
    assert_eq!(fill(&replies[0].1).side, Side::Sell);
    assert_eq!(fill(&replies[1].1).total, money("100"));
    assert_eq!((desk.cash(), desk.units("IBM")), (money("0"), None));
}

#[test]
fn a_split_changes_positions_and_the_orders_from_before_it() {
    let mut desk = Desk::new();
    let (alice, bob) = (desk.alice, desk.rig.account("bob"));
    desk.rig.give(alice, "1000", &[("AAPL", "3", "90")]);
    let queued = Order {
        client_order_id: order_id("mine"),
        ..order(desk.link.reply_to(), bob, Side::Buy, "AAPL", "2")
    };
    let sequence = desk.queue_this(queued);
    let mut update = desk.rig.update(&[("AAPL", "50")]);
    desk.rig.act(&mut update, &[split("AAPL", "2")]);
    desk.rig.tell(&update);
    let reply = desk.link.reply(sequence);
    assert_eq!(
        (fill(&reply).quantity, fill(&reply).total),
        (quantity("4"), money("200"))
    );
    assert_eq!(
        desk.units("AAPL"),
        Some((quantity("6"), money("90"))),
        "its cost stays"
    );
    assert_eq!(desk.count(Side::Split), 1, "of holders alone");
    // The order's name still stands for the terms that it was given with.
    let again = Order {
        client_order_id: order_id("mine"),
        ..order(desk.link.reply_to(), bob, Side::Buy, "AAPL", "2")
    };
    desk.rig.order_all(vec![again]);
    assert_eq!(desk.link.replies()[0].1, reply);
}

#[test]
fn whole_units_stay_whole_after_a_split_of_any_two_numbers() {
    for (ratio, held, after) in [
        ("1/3", "90", "30"),
        ("1/7", "21", "3"),
        ("1/15", "75", "5"),
        ("4:3", "6", "8"),
        ("0.333333333333", "900000", "300000"),
    ] {
        let mut desk = Desk::new();
        let alice = desk.alice;
        desk.rig.give(alice, "1000", &[("AAPL", held, "90")]);
        let sequence = desk.queue(Side::Sell, "AAPL", held);
        let mut update = desk.rig.update(&[("AAPL", "1")]);
        desk.rig.act(&mut update, &[split("AAPL", ratio)]);
        desk.rig.tell(&update);
        assert_eq!(
            fill(&desk.link.reply(sequence)).quantity,
            quantity(after),
            "{ratio}"
        );
        assert_eq!(desk.units("AAPL"), None, "{ratio}: all of it was sold");
    }
}

#[test]
fn a_split_that_leaves_less_than_a_millionth_leaves_no_position() {
    let mut desk = Desk::new();
    let alice = desk.alice;
    desk.rig.give(alice, "1000", &[("AAPL", "0.000001", "1")]);
    let sequence = desk.queue(Side::Buy, "AAPL", "0.000001");
    let mut update = desk.rig.update(&[("AAPL", "50")]);
    desk.rig.act(&mut update, &[split("AAPL", "0.1")]);
    desk.rig.tell(&update);
    let reply = desk.link.reply(sequence);
    assert_eq!(
        fill(&reply).quantity,
        Quantity(1),
        "an order is of something"
    );
    assert_eq!(
        desk.units("AAPL").unwrap().0,
        Quantity(1),
        "what was bought after the split"
    );
}

#[test]
fn a_dividend_is_paid_on_what_was_held_before_the_updates_orders() {
    let mut desk = Desk::new();
    let alice = desk.alice;
    desk.rig.give(alice, "100", &[("AAPL", "3", "90")]);
    desk.queue(Side::Buy, "AAPL", "1");
    let mut update = desk.rig.update(&[("AAPL", "50")]);
    desk.rig.act(
        &mut update,
        &[dividend("AAPL", "1.5"), dividend("IBM", "7")],
    );
    desk.rig.tell(&update);
    assert_eq!(desk.cash(), money("54.5"), "100 + 4.5 - 50");
    assert_eq!(desk.count(Side::Dividend), 1, "of holders alone");
    let number = desk.rig.settle(&[("AAPL", "50")]).number;
    assert_eq!(desk.cash(), money("54.5"), "it is paid once");
    assert_eq!(
        desk.rig.engine.number("SELECT acted FROM ledger_position"),
        i64::try_from(number).unwrap() - 1
    );
}

#[test]
fn several_splits_and_dividends_of_one_update_come_in_the_order_of_their_times() {
    let mut desk = Desk::new();
    let alice = desk.alice;
    desk.rig.give(alice, "0", &[("AAPL", "1", "90")]);
    let later = |action: Action| Action {
        time: Timestamp(MARCH.0 + 1),
        ..action
    };
    let mut update = desk.rig.update(&[("AAPL", "50")]);
    let actions = [later(dividend("AAPL", "1")), split("AAPL", "10")];
    desk.rig.act(&mut update, &actions);
    desk.rig.tell(&update);
    assert_eq!(
        (desk.cash(), desk.units("AAPL").unwrap().0),
        (money("10"), quantity("10"))
    );
}

#[test]
fn a_settlement_that_fails_leaves_the_orders_queued_and_says_nothing() {
    let mut desk = Desk::new();
    let sequence = desk.queue(Side::Buy, "AAPL", "1");
    desk.rig.refuse_changes("INSERT", "positions");
    assert_eq!(desk.settle(&[("AAPL", "10")]), []);
    assert_eq!(desk.cash(), money("1000"));
    let entry = desk.rig.entry(&desk.link, sequence).unwrap();
    assert_eq!(entry.transaction.status, TransactionStatus::Queued);
    desk.rig.allow_changes();
    // It saw the first price, and gets it.
    let replies = desk.settle(&[("AAPL", "20")]);
    assert_eq!(
        (replies[0].0, fill(&replies[0].1).price),
        (sequence, money("10"))
    );
    assert_eq!(desk.cash(), money("990"));
}

#[test]
fn a_split_that_could_not_be_stored_is_applied_later_and_spares_who_saw_its_prices() {
    let mut desk = Desk::new();
    let alice = desk.alice;
    desk.rig.give(alice, "1000", &[("AAPL", "3", "90")]);
    let before = desk.queue(Side::Buy, "AAPL", "1");
    desk.rig.refuse_changes("UPDATE", "ledger_position");
    let mut update = desk.rig.update(&[("AAPL", "50")]);
    desk.rig.act(&mut update, &[split("AAPL", "2")]);
    desk.rig.tell(&update);
    assert_eq!(desk.link.replies(), []);
    assert_eq!(desk.units("AAPL").unwrap().0, quantity("3"));
    desk.rig.allow_changes();
    // The update is settled before anything is accepted.
    let later = Instant::now() + SETTLE_RETRY_INTERVAL;
    desk.rig.transactions.on_tick(later);
    let after = order(desk.link.reply_to(), desk.alice, Side::Buy, "AAPL", "1");
    let after_sequence = after.reply_to.sequence;
    desk.rig.order_all(vec![after]);
    let mut replies = desk.link.replies();
    let after = after_sequence;
    replies.retain(|(_, reply)| matches!(reply, Reply::Filled(_)));
    replies.extend(desk.settle(&[("AAPL", "50")]));
    let quantities: Vec<(u64, Quantity)> = replies
        .iter()
        .map(|(sequence, reply)| (*sequence, fill(reply).quantity))
        .collect();
    assert_eq!(
        quantities,
        [(before, quantity("2")), (after, quantity("1"))]
    );
    assert_eq!(desk.units("AAPL").unwrap().0, quantity("9"), "6 + 2 + 1");
    assert_eq!(desk.count(Side::Split), 1);
}

#[test]
fn a_split_that_an_earlier_process_left_behind_comes_with_the_next_update() {
    let mut desk = Desk::new();
    let alice = desk.alice;
    desk.rig.give(alice, "1000", &[("AAPL", "3", "90")]);
    let sequence = desk.queue(Side::Buy, "AAPL", "1");
    // Stored by assets, and the process ends before it is settled.
    let mut update = desk.rig.update(&[("AAPL", "50")]);
    desk.rig.act(&mut update, &[split("AAPL", "2")]);
    let Desk { rig, link, alice } = desk;
    let mut desk = Desk {
        rig: rig.restart(),
        link,
        alice,
    };
    desk.rig.settle(&[("AAPL", "50")]);
    assert_eq!(desk.link.replies(), [], "nobody waits for it any more");
    let entry = desk.rig.entry(&desk.link, sequence).unwrap().transaction;
    assert_eq!(
        (entry.status, entry.quantity),
        (TransactionStatus::Settled, quantity("2"))
    );
    assert_eq!(desk.units("AAPL").unwrap().0, quantity("8"));
}

#[test]
fn many_orders_of_one_update_are_one_commit() {
    let mut desk = Desk::new();
    let alice = desk.alice;
    desk.rig.give(alice, "20000", &[]);
    let orders: Vec<Order> = (0..200)
        .map(|_| order(desk.link.reply_to(), alice, Side::Buy, "AAPL", "1"))
        .collect();
    desk.rig.order_all(orders);
    desk.link.heard();
    desk.rig.give(alice, "1000", &[]);
    let replies = desk.settle(&[("AAPL", "10")]);
    let (filled, rejected): (Vec<_>, Vec<_>) = replies
        .iter()
        .partition(|(_, reply)| matches!(reply, Reply::Filled(_)));
    assert_eq!((filled.len(), rejected.len()), (100, 100));
    assert!(filled.iter().all(|(sequence, _)| *sequence <= 100));
    assert_eq!(desk.cash(), money("0"));
    let stamps = desk
        .rig
        .engine
        .number("SELECT count(DISTINCT settled || ' ' || update_number) FROM transactions");
    assert_eq!(stamps, 1);
}

#[test]
fn an_order_of_an_earlier_process_was_before_every_retrieval() {
    let mut desk = Desk::new();
    let update = desk.rig.update(&[("AAPL", "2")]);
    let queued = |since: Option<Instant>, name: Symbol| {
        let rank = crate::model::SettlementRank {
            timestamp: Timestamp(0),
            worker: uuid::Uuid::nil(),
            sequence: 1,
            number: 1,
        };
        QueuedOrder {
            rank,
            id: uuid::Uuid::nil(),
            account: AccountId(1),
            side: Side::Buy,
            symbol: name,
            quantity: Quantity(1),
            asked: Quantity(1),
            accepted: Timestamp(0),
            since,
            near: None,
            client_order_id: None,
            waits_since: None,
            reserve: None,
            first_update: 1,
            details: None,
            waiters: Vec::new(),
        }
    };
    let decided = |since, name: &str| {
        let order = queued(since, symbol(name));
        match decide(&update, &order, order.symbol, None) {
            Ok(quote) => Ok(quote.value),
            Err(TurnDecision::Ends(outcome)) => Err(outcome.reason().unwrap()),
            Err(_) => panic!("it goes on"),
        }
    };
    assert_eq!(decided(None, "AAPL"), Ok(money("2")));
    assert_eq!(
        decided(None, "GONE"),
        Err(Reason::NoPrice),
        "no more on the list"
    );
    assert_eq!(decided(Some(update.began), "AAPL"), Err(Reason::NoPrice));
}

#[test]
fn a_long_settlement_beats_as_it_goes() {
    let mut desk = Desk::new();
    let alice = desk.alice;
    let heartbeat = Watchdog::new().register("transactions");
    desk.rig.transactions.heartbeat = heartbeat.clone();
    desk.rig.give(alice, "0", &[("AAPL", "100000", "1")]);
    let orders = 3 * STEPS_PER_BEAT;
    for _ in 0..3 {
        let batch: Vec<Order> = (0..STEPS_PER_BEAT)
            .map(|_| order(desk.link.reply_to(), alice, Side::Sell, "AAPL", "1"))
            .collect();
        desk.rig.order_all(batch);
        desk.link.heard();
    }
    let update = desk.rig.update(&[("AAPL", "50")]);
    let before = heartbeat.beats();
    desk.rig
        .transactions
        .on_message(TransactionsMessage::Update(update));
    // Filling, storing and answering each beat once for so many orders, and the waits besides.
    let beats = heartbeat.beats() - before;
    assert!(beats >= 3 * 3, "{beats} for {orders} orders");
    assert_eq!(desk.link.replies().len(), orders);
}

#[test]
fn actions_of_other_assets_beat_while_they_pass_the_queue() {
    let mut desk = Desk::new();
    let alice = desk.alice;
    let heartbeat = Watchdog::new().register("transactions");
    desk.rig.transactions.heartbeat = heartbeat.clone();
    desk.rig.give(alice, "0", &[("AAPL", "100000", "1")]);
    let batch: Vec<Order> = (0..STEPS_PER_BEAT)
        .map(|_| order(desk.link.reply_to(), alice, Side::Sell, "AAPL", "1"))
        .collect();
    desk.rig.order_all(batch);
    desk.link.heard();
    let mut update = desk.rig.update(&[("AAPL", "50")]);
    let named = |number: i32| Action {
        id: crate::model::ActionId::parse(&number.to_string()).ok(),
        ..split("MSFT", "2")
    };
    let splits: Vec<Action> = (0..50).map(named).collect();
    desk.rig.act(&mut update, &splits);
    let before = heartbeat.beats();
    desk.rig.tell(&update);
    let beats = heartbeat.beats() - before;
    assert!(beats >= 50, "{beats} for {} actions", splits.len());
}

#[test]
fn an_action_that_changes_no_order_passes_the_queue_by() {
    let target = symbol("MSFT");
    let ratio = Ratio::parse("3").unwrap();
    let kinds = [
        ActionKind::Split(ratio),
        ActionKind::Split(Ratio::parse("2").unwrap()),
        ActionKind::Dividend(money("1")),
        ActionKind::SpinOff { new: target, ratio },
        ActionKind::Rename(target),
        ActionKind::Merge {
            new: target,
            ratio,
            cash: money("1"),
        },
        ActionKind::Delist(money("1")),
        ActionKind::Cancel,
    ];
    let action = |kind| Action::new(MARCH, symbol("AAPL"), kind, None);
    let earlier = kinds.map(|kind| Some(action(kind)));
    for before in earlier.into_iter().chain([None]) {
        for (kind, is_late) in kinds.into_iter().flat_map(|it| [(it, false), (it, true)]) {
            let action = Action {
                is_late,
                ..action(kind)
            };
            let brought = BroughtAction {
                action,
                before,
                split_at: None,
            };
            let mut units = ["1", "2", "3", "7"].map(quantity).into_iter();
            let is_changed = units.any(|now| {
                !matches!(
                    order_change(&brought, quantity("1"), now),
                    OrderChange::None
                )
            });
            assert_eq!(may_change_orders(&brought), is_changed, "{brought:?}");
        }
    }
}

#[test]
fn a_slow_step_of_the_database_misses_no_beat() {
    let mut desk = Desk::new();
    let watchdog = Watchdog::new();
    desk.rig.transactions.heartbeat = watchdog.register("transactions");
    desk.queue(Side::Buy, "AAPL", "1");
    let mut other = desk.rig.engine.storage();
    let (locked, is_locked) = bounded(0);
    let deadline = Instant::now() + Duration::from_secs(20);
    let wait_for = |done: &dyn Fn() -> bool| {
        while !done() {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    };
    let limit = Duration::from_millis(50);
    std::thread::scope(|scope| {
        // Another writer holds the database until its own heartbeat counts as stalled.
        let slow = scope.spawn(|| {
            let change = |_: &mut Tx<'_>| {
                locked.send(()).unwrap();
                wait_for(&|| !watchdog.at_one_step(Duration::ZERO).is_empty());
                let _writer = watchdog.register("writer");
                wait_for(&|| {
                    watchdog
                        .stalled(limit)
                        .iter()
                        .any(|(name, _)| name == "writer")
                });
                Ok(watchdog.stalled(limit))
            };
            other.write(change).unwrap()
        });
        is_locked.recv().unwrap();
        desk.rig.settle(&[("AAPL", "50")]);
        let stalled = slow.join().unwrap();
        assert!(
            stalled.iter().all(|(name, _)| name == "writer"),
            "{stalled:?}"
        );
    });
    assert_eq!(desk.link.replies().len(), 1, "it was settled");
}
