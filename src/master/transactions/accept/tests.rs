//! spec/master/transactions.md · 3.1.7

use super::*;
use crate::config::MasterConfig;
use crate::master::messages::TransactionsMessage;
use crate::master::testing::{FakeLink, MasterRig, order, order_id, quantity, reason, symbol};
use crate::model::{Quantity, Side};
use crate::runtime::Module;

/// A master with a worker's link and an account.
struct Desk {
    rig: MasterRig,
    link: FakeLink,
    alice: AccountId,
}

impl Desk {
    fn new() -> Desk {
        Desk::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut MasterConfig)) -> Desk {
        let mut rig = MasterRig::with(change);
        let link = rig.link("eu1");
        let alice = rig.account("alice");
        Desk { rig, link, alice }
    }

    /// One unit of AAPL, to be bought by Alice.
    fn one(&mut self) -> Order {
        order(self.link.reply_to(), self.alice, Side::Buy, "AAPL", "1")
    }

    fn send(&mut self, order: Order) -> Reply {
        let sequence = order.reply_to.sequence;
        self.rig.order_all(vec![order]);
        self.link.reply(sequence)
    }

    fn refused(&mut self, order: Order) -> Reason {
        reason(&self.send(order))
    }

    fn queued(&self) -> usize {
        self.rig.transactions.state.queue.len()
    }

    fn stored(&self) -> i64 {
        self.rig.engine.number("SELECT count(*) FROM transactions")
    }
}

/// The ID under which an order was announced.
fn announced(reply: &Reply) -> Uuid {
    match reply {
        Reply::Queued { id, .. } => *id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_is_announced_once_it_is_stored() {
    let mut state = Desk::new();
    let order = Order {
        client_order_id: order_id("mine"),
        ..state.one()
    };
    let sequence = order.reply_to.sequence;
    let reply = state.send(order);
    let expected = state.rig.assets.next_update().unwrap();
    let entry = state.rig.entry(&state.link, sequence).unwrap();
    assert_eq!(
        reply,
        Reply::Queued {
            id: entry.transaction.id,
            client_order_id: order_id("mine"),
            expected
        }
    );
    assert_eq!(entry.transaction.status, Stage::Queued);
    assert_eq!((state.queued(), state.stored()), (1, 1));
}

#[test]
fn each_refusal_has_its_reason_and_stores_nothing() {
    let mut state = Desk::new();
    let refusal = Refusal::new(Reason::SessionExpired, "the test says so");
    let expired = Order {
        account: Err(refusal.clone()),
        symbol: symbol("NONE"),
        ..state.one()
    };
    let reply = state.send(expired);
    assert_eq!(
        reply,
        Reply::Fail(Instruction::PurchaseFail, refusal),
        "the session comes before the asset"
    );
    let unknown = Order {
        symbol: symbol("NONE"),
        quantity: Quantity(i64::MAX),
        ..state.one()
    };
    assert_eq!(state.refused(unknown), Reason::UnknownAsset);
    let dear = Order {
        quantity: quantity("999999999999"),
        ..state.one()
    };
    assert_eq!(state.refused(dear), Reason::QuantityInvalid);
    let selling = Order {
        side: Side::Sell,
        symbol: symbol("NONE"),
        ..state.one()
    };
    let Reply::Fail(instruction, _) = state.send(selling) else {
        panic!("an unknown asset is sold")
    };
    assert_eq!(instruction, Instruction::SellFail);
    assert_eq!((state.queued(), state.stored()), (0, 0));
}

#[test]
fn an_asset_without_a_price_can_be_ordered() {
    let mut state = Desk::new();
    let new = Order {
        symbol: symbol("NEW"),
        quantity: quantity("999999999999"),
        ..state.one()
    };
    announced(&state.send(new));
}

#[test]
fn a_market_that_has_ended_takes_no_orders() {
    let mut state = Desk::new();
    let mut last = state.rig.update(&[("AAPL", "1")]);
    std::sync::Arc::make_mut(&mut last.snapshot).exhausted = true;
    state.rig.publish(&last);
    let order = state.one();
    assert_eq!(state.refused(order), Reason::NoPrice);
    assert_eq!(state.stored(), 0);
}

#[test]
fn an_account_has_so_many_orders_queued_also_within_one_read() {
    let mut state = Desk::with(|config| config.limits.max_queued_per_account = 2);
    let bob = state.rig.account("bob");
    let mut orders: Vec<Order> = (0..3).map(|_| state.one()).collect();
    orders.push(Order {
        account: Ok(bob),
        ..state.one()
    });
    state.rig.order_all(orders);
    let replies = state.link.replies();
    assert_eq!(replies.len(), 4);
    announced(&replies[0].1);
    announced(&replies[1].1);
    assert_eq!(reason(&replies[2].1), Reason::Overloaded);
    announced(&replies[3].1);
    let more = state.one();
    assert_eq!(
        state.refused(more),
        Reason::Overloaded,
        "those that are queued count"
    );
    // What has settled makes room.
    state.rig.settle(&[("AAPL", "1")]);
    state.link.heard();
    let more = state.one();
    announced(&state.send(more));
}

#[test]
fn all_accounts_together_have_so_many_orders_queued() {
    let mut state = Desk::with(|config| config.limits.max_queued = 2);
    let bob = state.rig.account("bob");
    let (first, second) = (state.one(), state.one());
    announced(&state.send(first));
    let third = Order {
        account: Ok(bob),
        ..state.one()
    };
    state.rig.order_all(vec![second, third]);
    let replies = state.link.replies();
    announced(&replies[0].1);
    assert_eq!(reason(&replies[1].1), Reason::Overloaded);
    // The limits of a configuration that was reloaded count from then on.
    let mut limits = state.rig.config.limits.clone();
    limits.max_queued = 3;
    state
        .rig
        .transactions
        .on_message(TransactionsMessage::Limits(limits));
    let more = state.one();
    announced(&state.send(more));
}

#[test]
fn an_account_orders_so_often_within_a_minute() {
    let mut state = Desk::with(|config| config.limits.orders_per_minute_per_account = 2);
    for _ in 0..5 {
        let unknown = Order {
            symbol: symbol("NONE"),
            ..state.one()
        };
        assert_eq!(
            state.refused(unknown),
            Reason::UnknownAsset,
            "it counts as no order"
        );
    }
    for _ in 0..2 {
        let order = state.one();
        announced(&state.send(order));
    }
    let more = state.one();
    assert_eq!(state.refused(more), Reason::Overloaded);
    let bob = state.rig.account("bob");
    let other = Order {
        account: Ok(bob),
        ..state.one()
    };
    announced(&state.send(other));
}

#[test]
fn an_order_of_the_same_name_and_terms_is_the_same_order() {
    let mut state = Desk::new();
    let named = |state: &mut Desk| Order {
        client_order_id: order_id("mine"),
        ..state.one()
    };
    let (first, second) = (named(&mut state), named(&mut state));
    state.rig.order_all(vec![first, second]);
    let replies = state.link.replies();
    let id = announced(&replies[0].1);
    assert_eq!(announced(&replies[1].1), id, "also within one read");
    let third = named(&mut state);
    assert_eq!(announced(&state.send(third)), id);
    assert_eq!((state.queued(), state.stored()), (1, 1));
    // Whoever asked is answered.
    state.rig.settle(&[("AAPL", "7")]);
    let fills = state.link.replies();
    assert_eq!(
        fills.iter().map(|(sequence, _)| *sequence).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(fills.iter().all(|(_, reply)| *reply == fills[0].1));
    // And so is who asks afterwards, whatever has become of the market.
    let fourth = Order {
        symbol: symbol("AAPL"),
        ..named(&mut state)
    };
    assert_eq!(state.send(fourth), fills[0].1);
}

#[test]
fn a_name_with_other_terms_is_refused_before_anything_else_is_looked_at() {
    let mut state = Desk::new();
    let named = |state: &mut Desk| Order {
        client_order_id: order_id("mine"),
        ..state.one()
    };
    let first = named(&mut state);
    announced(&state.send(first));
    let side = Order {
        side: Side::Sell,
        ..named(&mut state)
    };
    let asset = Order {
        symbol: symbol("NONE"),
        ..named(&mut state)
    };
    let units = Order {
        quantity: quantity("2"),
        ..named(&mut state)
    };
    for other in [side, asset, units] {
        assert_eq!(state.refused(other), Reason::ClientOrderIdReused);
    }
    // Another account's names are its own.
    let bob = state.rig.account("bob");
    let other = Order {
        account: Ok(bob),
        ..named(&mut state)
    };
    announced(&state.send(other));
    assert_eq!(state.stored(), 2);
}

#[test]
fn a_message_that_comes_again_is_one_order_even_after_its_session() {
    let mut state = Desk::new();
    let first = state.one();
    let again = |state: &Desk| {
        let mut reply_to = state.link.message(first.reply_to.sequence);
        reply_to.again = true;
        Order {
            account: Err(Refusal::new(Reason::SessionExpired, "it has ended meanwhile")),
            ..order(reply_to, state.alice, Side::Buy, "AAPL", "1")
        }
    };
    let repeated = [again(&state), again(&state), again(&state)];
    let [second, third, mut other_process] = repeated;
    let id = announced(&state.send(first));
    assert_eq!(announced(&state.send(second)), id);
    assert_eq!((state.queued(), state.stored()), (1, 1));
    state.rig.settle(&[("AAPL", "7")]);
    let filled = state.link.replies().remove(0).1;
    assert!(matches!(filled, Reply::Filled(_)), "{filled:?}");
    assert_eq!(state.send(third), filled);
    // The number alone is not the message: another process of the worker counts for itself.
    let worker = state.link.peer.worker.clone();
    let mut other = state.rig.open_link(&worker, Uuid::from_u128(9));
    other_process.reply_to = other.message(1);
    other_process.reply_to.again = true;
    state.rig.order_all(vec![other_process]);
    assert_eq!(reason(&other.reply(1)), Reason::SessionExpired);
}

#[test]
fn a_message_that_comes_again_and_never_came_is_a_new_order() {
    let mut state = Desk::new();
    let mut order = state.one();
    order.reply_to.again = true;
    announced(&state.send(order));
    assert_eq!(state.stored(), 1);
}

#[test]
fn only_so_many_wait_for_one_order() {
    let mut state = Desk::new();
    for _ in 0..WAITERS_MAX + 2 {
        let order = Order {
            client_order_id: order_id("mine"),
            ..state.one()
        };
        announced(&state.send(order));
    }
    // A link that is over waits for nothing.
    let mut gone = state.rig.link("eu2");
    let order = Order {
        reply_to: gone.reply_to(),
        client_order_id: order_id("mine"),
        ..state.one()
    };
    state.rig.order_all(vec![order]);
    gone.peer.link.cut();
    let last = Order {
        client_order_id: order_id("mine"),
        ..state.one()
    };
    let last_sequence = last.reply_to.sequence;
    state.send(last);
    state.rig.settle(&[("AAPL", "7")]);
    let answered: Vec<u64> = state
        .link
        .replies()
        .into_iter()
        .map(|(sequence, _)| sequence)
        .collect();
    assert_eq!(answered.len(), WAITERS_MAX);
    assert_eq!(answered.last(), Some(&last_sequence));
}

#[test]
fn a_stamp_counts_within_limits_and_is_stored_as_it_came() {
    let mut state = Desk::new();
    let mut accept = |seconds: i64| {
        let mut order = state.one();
        let stamped = Timestamp(Timestamp::now().0 + seconds * 1_000);
        order.reply_to.timestamp = stamped;
        let sequence = order.reply_to.sequence;
        announced(&state.send(order));
        let entry = state.rig.entry(&state.link, sequence).unwrap();
        assert_eq!(entry.stamped, stamped);
        entry.transaction.accepted.since(entry.turn.timestamp)
    };
    let behind = accept(-3_600);
    assert_eq!(behind, super::super::queue::BEHIND_MAX, "an hour behind");
    let late = accept(-10);
    assert!((9_000..=10_000).contains(&late), "{late}");
    assert_eq!(accept(3_600), 0, "an hour ahead");
    // What a worker's later message counts as is never before what its earlier one did.
    let backwards = accept(-20);
    assert!((0..5_000).contains(&backwards), "{backwards}");
}

#[test]
fn a_wrong_clock_is_reported_once_a_minute() {
    let mut state = Desk::new();
    let worker = state.link.peer.worker.uuid;
    let reported = |state: &Desk| state.rig.transactions.state.clocks[&worker].1;
    let stamp = |state: &mut Desk, off: i64, again: bool| {
        let mut order = state.one();
        order.reply_to.timestamp = Timestamp(Timestamp::now().0 + off);
        order.reply_to.again = again;
        announced(&state.send(order));
    };
    stamp(&mut state, 0, false);
    stamp(&mut state, -2 * CLOCK_TOLERANCE_MS, true);
    assert_eq!(
        reported(&state),
        None,
        "a message that comes again is old, and its clock right"
    );
    stamp(&mut state, -2 * CLOCK_TOLERANCE_MS, false);
    let first = reported(&state);
    assert!(first.is_some());
    stamp(&mut state, 2 * CLOCK_TOLERANCE_MS, false);
    assert_eq!(reported(&state), first);
}

#[test]
fn orders_that_cannot_be_stored_are_not_queued() {
    let mut state = Desk::new();
    state.rig.refuse_changes("INSERT", "transactions");
    let (first, mut second) = (state.one(), state.one());
    second.reply_to.again = true;
    state.rig.order_all(vec![first, second]);
    let replies = state.link.replies();
    assert_eq!(reason(&replies[0].1), Reason::InternalError);
    assert_eq!(
        reason(&replies[1].1),
        Reason::Overloaded,
        "what was sent before may be queued: its worker asks again"
    );
    assert_eq!(state.queued(), 0);
    state.rig.allow_changes();
    let order = state.one();
    announced(&state.send(order));
    assert_eq!((state.queued(), state.stored()), (1, 1));
}
