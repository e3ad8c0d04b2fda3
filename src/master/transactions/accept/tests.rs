//! spec/master/transactions.md · 3.1.7, 4.6.4, 4.6.5, 4.7.5

use super::*;
use crate::config::MasterConfig;
use crate::master::messages::TransactionsMessage;
use crate::master::testing::{FakeLink, MasterRig, order, order_id, quantity, reason, symbol};
use crate::master::transactions::queue::WAITERS_MAX;
use crate::model::{AccountId, Quantity, Side, TransactionStatus};
use crate::runtime::Module;
use crate::wire::Instruction;

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
    let mut desk = Desk::new();
    let order = Order {
        client_order_id: order_id("mine"),
        ..desk.one()
    };
    let sequence = order.reply_to.sequence;
    let reply = desk.send(order);
    let expected = desk.rig.assets.next_update().unwrap();
    let entry = desk.rig.entry(&desk.link, sequence).unwrap();
    assert_eq!(
        reply,
        Reply::Queued {
            id: entry.transaction.id,
            client_order_id: order_id("mine"),
            expected
        }
    );
    assert_eq!(entry.transaction.status, TransactionStatus::Queued);
    assert_eq!((desk.queued(), desk.stored()), (1, 1));
}

#[test]
fn each_refusal_has_its_reason_and_stores_nothing() {
    let mut desk = Desk::new();
    let refusal = Refusal::new(Reason::SessionExpired, "the test says so");
    let expired = Order {
        account: Err(refusal.clone()),
        symbol: symbol("NONE"),
        ..desk.one()
    };
    let reply = desk.send(expired);
    assert_eq!(
        reply,
        Reply::Fail(Instruction::PurchaseFail, refusal),
        "the session comes before the asset"
    );
    let unknown = Order {
        symbol: symbol("NONE"),
        quantity: Quantity(i64::MAX),
        ..desk.one()
    };
    assert_eq!(desk.refused(unknown), Reason::UnknownAsset);
    let dear = Order {
        quantity: quantity("999999999999"),
        ..desk.one()
    };
    assert_eq!(desk.refused(dear), Reason::QuantityInvalid);
    let short = Order {
        quantity: quantity("1000.000001"),
        ..desk.one()
    };
    assert_eq!(desk.refused(short), Reason::InsufficientFunds);
    let bare = Order {
        side: Side::Sell,
        ..desk.one()
    };
    assert_eq!(desk.refused(bare), Reason::InsufficientHoldings);
    let selling = Order {
        side: Side::Sell,
        symbol: symbol("NONE"),
        ..desk.one()
    };
    let Reply::Fail(instruction, _) = desk.send(selling) else {
        panic!("an unknown asset is sold")
    };
    assert_eq!(instruction, Instruction::SellFail);
    assert_eq!((desk.queued(), desk.stored()), (0, 0));
}

#[test]
fn an_asset_without_a_price_can_be_ordered() {
    let mut desk = Desk::new();
    let new = Order {
        symbol: symbol("NEW"),
        quantity: quantity("999999999999"),
        ..desk.one()
    };
    announced(&desk.send(new));
}

#[test]
fn a_market_that_has_ended_takes_no_orders() {
    let mut desk = Desk::new();
    let mut last = desk.rig.update(&[("AAPL", "1")]);
    std::sync::Arc::make_mut(&mut last.snapshot).exhausted = true;
    desk.rig.publish(&last);
    let order = desk.one();
    assert_eq!(desk.refused(order), Reason::NoPrice);
    assert_eq!(desk.stored(), 0);
}

#[test]
fn an_account_has_so_many_orders_queued_also_within_one_read() {
    let mut desk = Desk::with(|config| config.limits.max_queued_per_account = 2);
    let bob = desk.rig.account("bob");
    let mut orders: Vec<Order> = (0..3).map(|_| desk.one()).collect();
    orders.push(Order {
        account: Ok(bob),
        ..desk.one()
    });
    desk.rig.order_all(orders);
    let replies = desk.link.replies();
    assert_eq!(replies.len(), 4);
    announced(&replies[0].1);
    announced(&replies[1].1);
    assert_eq!(reason(&replies[2].1), Reason::Overloaded);
    announced(&replies[3].1);
    let more = desk.one();
    assert_eq!(
        desk.refused(more),
        Reason::Overloaded,
        "those that are queued count"
    );
    // What has settled makes room.
    desk.rig.settle(&[("AAPL", "1")]);
    desk.link.heard();
    let more = desk.one();
    announced(&desk.send(more));
}

#[test]
fn all_accounts_together_have_so_many_orders_queued() {
    let mut desk = Desk::with(|config| config.limits.max_queued = 2);
    let bob = desk.rig.account("bob");
    let (first, second) = (desk.one(), desk.one());
    announced(&desk.send(first));
    let third = Order {
        account: Ok(bob),
        ..desk.one()
    };
    desk.rig.order_all(vec![second, third]);
    let replies = desk.link.replies();
    announced(&replies[0].1);
    assert_eq!(reason(&replies[1].1), Reason::Overloaded);
    // The limits of a configuration that was reloaded count from then on.
    let mut limits = desk.rig.config.limits.clone();
    limits.max_queued = 3;
    desk.rig
        .transactions
        .on_message(TransactionsMessage::Limits(limits));
    let more = desk.one();
    announced(&desk.send(more));
}

#[test]
fn an_account_orders_so_often_within_a_minute() {
    let mut desk = Desk::with(|config| config.limits.orders_per_minute_per_account = 2);
    for _ in 0..5 {
        let unknown = Order {
            symbol: symbol("NONE"),
            ..desk.one()
        };
        assert_eq!(
            desk.refused(unknown),
            Reason::UnknownAsset,
            "it counts as no order"
        );
    }
    for _ in 0..2 {
        let order = desk.one();
        announced(&desk.send(order));
    }
    let more = desk.one();
    assert_eq!(desk.refused(more), Reason::Overloaded);
    let bob = desk.rig.account("bob");
    let other = Order {
        account: Ok(bob),
        ..desk.one()
    };
    announced(&desk.send(other));
}

#[test]
fn an_order_of_the_same_name_and_terms_is_the_same_order() {
    let mut desk = Desk::new();
    let named = |desk: &mut Desk| Order {
        client_order_id: order_id("mine"),
        ..desk.one()
    };
    let (first, second) = (named(&mut desk), named(&mut desk));
    desk.rig.order_all(vec![first, second]);
    let replies = desk.link.replies();
    let id = announced(&replies[0].1);
    assert_eq!(announced(&replies[1].1), id, "also within one read");
    let third = named(&mut desk);
    assert_eq!(announced(&desk.send(third)), id);
    assert_eq!((desk.queued(), desk.stored()), (1, 1));
    // Whoever asked is answered.
    desk.rig.settle(&[("AAPL", "7")]);
    let fills = desk.link.replies();
    assert_eq!(
        fills
            .iter()
            .map(|(sequence, _)| *sequence)
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert!(fills.iter().all(|(_, reply)| *reply == fills[0].1));
    // And so is who asks afterwards, whatever has become of the market.
    let fourth = Order {
        symbol: symbol("AAPL"),
        ..named(&mut desk)
    };
    assert_eq!(desk.send(fourth), fills[0].1);
}

#[test]
fn a_name_with_other_terms_is_refused_before_anything_else_is_looked_at() {
    let mut desk = Desk::new();
    let named = |desk: &mut Desk| Order {
        client_order_id: order_id("mine"),
        ..desk.one()
    };
    let first = named(&mut desk);
    announced(&desk.send(first));
    let side = Order {
        side: Side::Sell,
        ..named(&mut desk)
    };
    let asset = Order {
        symbol: symbol("NONE"),
        ..named(&mut desk)
    };
    let units = Order {
        quantity: quantity("2"),
        ..named(&mut desk)
    };
    for other in [side, asset, units] {
        assert_eq!(desk.refused(other), Reason::ClientOrderIdReused);
    }
    // Another account's names are its own.
    let bob = desk.rig.account("bob");
    let other = Order {
        account: Ok(bob),
        ..named(&mut desk)
    };
    announced(&desk.send(other));
    assert_eq!(desk.stored(), 2);
}

#[test]
fn a_message_that_comes_again_is_one_order_even_after_its_session() {
    let mut desk = Desk::new();
    let first = desk.one();
    let again = |desk: &Desk| {
        let mut reply_to = desk.link.message(first.reply_to.sequence);
        reply_to.again = true;
        Order {
            account: Err(Refusal::new(
                Reason::SessionExpired,
                "it has ended meanwhile",
            )),
            ..order(reply_to, desk.alice, Side::Buy, "AAPL", "1")
        }
    };
    let repeated = [again(&desk), again(&desk), again(&desk)];
    let [second, third, mut other_process] = repeated;
    let id = announced(&desk.send(first));
    assert_eq!(announced(&desk.send(second)), id);
    assert_eq!((desk.queued(), desk.stored()), (1, 1));
    desk.rig.settle(&[("AAPL", "7")]);
    let filled = desk.link.replies().remove(0).1;
    assert!(matches!(filled, Reply::Filled(_)), "{filled:?}");
    assert_eq!(desk.send(third), filled);
    // The number alone is not the message: another process of the worker counts for itself.
    let worker = desk.link.peer.worker.clone();
    let mut other = desk.rig.open_link(&worker, Uuid::from_u128(9));
    other_process.reply_to = other.message(1);
    other_process.reply_to.again = true;
    desk.rig.order_all(vec![other_process]);
    assert_eq!(reason(&other.reply(1)), Reason::SessionExpired);
}

#[test]
fn a_message_that_comes_again_and_never_came_is_a_new_order() {
    let mut desk = Desk::new();
    let mut order = desk.one();
    order.reply_to.again = true;
    announced(&desk.send(order));
    assert_eq!(desk.stored(), 1);
}

#[test]
fn only_so_many_wait_for_one_order() {
    let mut desk = Desk::new();
    for _ in 0..WAITERS_MAX + 2 {
        let order = Order {
            client_order_id: order_id("mine"),
            ..desk.one()
        };
        announced(&desk.send(order));
    }
    // A link that is over waits for nothing.
    let mut gone = desk.rig.link("eu2");
    let order = Order {
        reply_to: gone.reply_to(),
        client_order_id: order_id("mine"),
        ..desk.one()
    };
    desk.rig.order_all(vec![order]);
    gone.peer.link.cut();
    let last = Order {
        client_order_id: order_id("mine"),
        ..desk.one()
    };
    let last_sequence = last.reply_to.sequence;
    desk.send(last);
    desk.rig.settle(&[("AAPL", "7")]);
    let answered: Vec<u64> = desk
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
    let mut desk = Desk::new();
    let mut accept = |seconds: i64| {
        let mut order = desk.one();
        let stamped = Timestamp(Timestamp::now().0 + seconds * 1_000);
        order.reply_to.timestamp = stamped;
        let sequence = order.reply_to.sequence;
        announced(&desk.send(order));
        let entry = desk.rig.entry(&desk.link, sequence).unwrap();
        assert_eq!(entry.stamped, stamped);
        entry.transaction.accepted.since(entry.rank.timestamp)
    };
    let behind = accept(-3_600);
    assert_eq!(behind, super::super::queue::BEHIND_MAX, "an hour behind");
    // What passes between the stamp and the acceptance, on a busy machine too, comes on top.
    let late = accept(-10);
    assert!(
        (10_000..super::super::queue::BEHIND_MAX).contains(&late),
        "{late}"
    );
    assert_eq!(accept(3_600), 0, "an hour ahead");
    // What a worker's later message counts as is never before what its earlier one did.
    let backwards = accept(-20);
    assert!((0..20_000).contains(&backwards), "{backwards}");
}

#[test]
fn a_wrong_clock_is_reported_once_a_minute() {
    let mut desk = Desk::new();
    let worker = desk.link.peer.worker.uuid;
    let reported = |desk: &Desk| desk.rig.transactions.state.clocks[&worker].1;
    let stamp = |desk: &mut Desk, off: i64, again: bool| {
        let mut order = desk.one();
        order.reply_to.timestamp = Timestamp(Timestamp::now().0 + off);
        order.reply_to.again = again;
        announced(&desk.send(order));
    };
    stamp(&mut desk, 0, false);
    stamp(&mut desk, -2 * CLOCK_TOLERANCE_MS, true);
    assert_eq!(
        reported(&desk),
        None,
        "a message that comes again is old, and its clock right"
    );
    stamp(&mut desk, -2 * CLOCK_TOLERANCE_MS, false);
    let first = reported(&desk);
    assert!(first.is_some());
    stamp(&mut desk, 2 * CLOCK_TOLERANCE_MS, false);
    assert_eq!(reported(&desk), first);
}

#[test]
fn orders_that_cannot_be_stored_are_not_queued() {
    let mut desk = Desk::new();
    desk.rig.refuse_changes("INSERT", "transactions");
    let (first, mut second) = (desk.one(), desk.one());
    second.reply_to.again = true;
    desk.rig.order_all(vec![first, second]);
    let replies = desk.link.replies();
    assert_eq!(reason(&replies[0].1), Reason::InternalError);
    assert_eq!(
        reason(&replies[1].1),
        Reason::Overloaded,
        "what was sent before may be queued: its worker asks again"
    );
    assert_eq!(desk.queued(), 0);
    desk.rig.allow_changes();
    let order = desk.one();
    announced(&desk.send(order));
    assert_eq!((desk.queued(), desk.stored()), (1, 1));
}

#[test]
fn a_number_that_is_used_twice_is_the_first_order_and_nobody_elses_error() {
    let mut desk = Desk::new();
    let mut other = desk.rig.link("us1");
    let bob = desk.rig.account("bob");
    let twice = |desk: &Desk, number, units| {
        let reply_to = desk.link.message(number);
        order(reply_to, desk.alice, Side::Buy, "AAPL", units)
    };
    let mut batch = vec![twice(&desk, 7, "1"), twice(&desk, 7, "2")];
    // Both are i64::MAX in the database.
    batch.extend([twice(&desk, 1 << 63, "3"), twice(&desk, (1 << 63) + 1, "4")]);
    batch.push(order(other.reply_to(), bob, Side::Buy, "AAPL", "5"));
    desk.rig.order_all(batch);
    let own: Vec<Uuid> = desk
        .link
        .replies()
        .iter()
        .map(|(_, reply)| announced(reply))
        .collect();
    assert_eq!((own[0] == own[1], own[2] == own[3]), (true, true));
    announced(&other.reply(1));
    assert_eq!((desk.queued(), desk.stored()), (3, 3));
    let stored = desk.rig.entry(&desk.link, 7).unwrap();
    assert_eq!(stored.transaction.quantity, quantity("1"));
    // In a later batch too, and after its settlement.
    desk.rig.settle(&[("AAPL", "100")]);
    let settled = desk.link.replies();
    let late = vec![
        twice(&desk, 7, "6"),
        order(other.reply_to(), bob, Side::Buy, "AAPL", "7"),
    ];
    other.replies();
    desk.rig.order_all(late);
    assert_eq!(desk.link.replies()[0].1, settled[0].1);
    announced(&other.reply(2));
}

#[test]
fn a_worker_that_knows_anothers_boot_id_gets_nothing_of_it() {
    let mut desk = Desk::new();
    let own = desk.one();
    let number = own.reply_to.sequence;
    let first = announced(&desk.send(own));
    let stranger = desk.rig.register_worker("us1");
    let mut other = desk.rig.open_link(&stranger, desk.link.peer.boot);
    let refusal = Refusal::new(Reason::SessionExpired, "the test says so");
    let mut guess = order(other.message(number), desk.alice, Side::Buy, "AAPL", "1");
    guess.account = Err(refusal);
    guess.reply_to.again = true;
    desk.rig.order_all(vec![guess]);
    assert_eq!(reason(&other.reply(number)), Reason::SessionExpired);
    // Its own orders are its own, under the same boot ID and number.
    let same = order(other.message(number), desk.alice, Side::Buy, "AAPL", "2");
    desk.rig.order_all(vec![same]);
    assert_ne!(announced(&other.reply(number)), first);
    let entry = desk.rig.entry(&other, number).unwrap();
    assert_eq!(entry.rank.worker, stranger.uuid);
    let entry = desk.rig.entry(&desk.link, number).unwrap();
    assert_eq!(entry.rank.worker, desk.link.peer.worker.uuid);
}

/// A queue of 2,000 places, and a hundred accounts beside Alice that may each have 20 of them.
struct Crowd {
    desk: Desk,
    accounts: Vec<AccountId>,
}

impl Crowd {
    fn new(change: impl FnOnce(&mut MasterConfig)) -> Crowd {
        let mut desk = Desk::with(|config| {
            config.limits.max_queued = 2_000;
            config.limits.max_queued_per_account = 20;
            change(config);
        });
        let name = |number: usize| format!("crowd{number}");
        let accounts = (0..100).map(|n| desk.rig.account(&name(n))).collect();
        Crowd { desk, accounts }
    }

    /// What comes over `link` for an account whose client's address the worker calls this one.
    fn from(link: &mut FakeLink, account: AccountId, address: &str) -> Order {
        let mut reply_to = link.reply_to();
        reply_to.client = Some(format!("{address}:40000").parse().unwrap());
        order(reply_to, account, Side::Buy, "AAPL", "1")
    }

    /// Each account sends orders until it is refused, from the address that `of` gives it.
    fn fill(&mut self, of: impl Fn(usize) -> String) {
        let mut link = self.desk.rig.link("eu1");
        for (number, account) in self.accounts.clone().into_iter().enumerate() {
            let orders = (0..25).map(|_| Crowd::from(&mut link, account, &of(number)));
            let orders = orders.collect();
            self.desk.rig.order_all(orders);
            let refused = link.replies().into_iter().filter(|(_, reply)| {
                matches!(reply, Reply::Fail(_, refusal) if refusal.reason == Reason::Overloaded)
            });
            assert!(refused.count() > 0, "it is at its limit");
        }
    }

    /// Alice's order over the link of the crowd, from this address.
    fn honest(&mut self, address: &str) -> Reply {
        let mut link = self.desk.rig.link("eu1");
        let order = Crowd::from(&mut link, self.desk.alice, address);
        let sequence = order.reply_to.sequence;
        self.desk.rig.order_all(vec![order]);
        link.reply(sequence)
    }
}

#[test]
fn beside_a_hundred_accounts_of_one_address_an_order_is_queued_at_once() {
    let mut crowd = Crowd::new(|_| {});
    for _ in 0..2 {
        crowd.fill(|_| "192.0.2.66".to_owned());
        announced(&crowd.honest("198.51.100.1"));
        // The account's own limit holds beside the shares.
        let of_one = crowd
            .desk
            .rig
            .transactions
            .state
            .queue
            .of_account(crowd.accounts[0]);
        assert_eq!(of_one, 20);
        // Also from the crowd's address, and after an update.
        crowd.desk.rig.settle(&[("AAPL", "1")]);
        crowd.fill(|_| "192.0.2.66".to_owned());
        announced(&crowd.honest("192.0.2.66"));
        let Reply::Fail(_, refusal) = crowd.honest("192.0.2.66") else {
            panic!("a second order of a full neighbourhood is queued");
        };
        assert!(refusal.text.contains("this address"), "{refusal:?}");
        crowd.desk.rig.settle(&[("AAPL", "1")]);
    }
}

#[test]
fn beside_a_hundred_accounts_at_as_many_addresses_an_order_is_queued_at_once() {
    let mut crowd = Crowd::new(|_| {});
    crowd.fill(|number| format!("203.0.{number}.1"));
    announced(&crowd.honest("198.51.100.1"));
    let mut crowd = crowd.desk.rig.restart();
    // What is queued is counted again, by account and worker.
    let mut link = crowd.link("eu1");
    let first = crowd.account("bob");
    let order = Crowd::from(&mut link, first, "203.0.7.1");
    crowd.order_all(vec![order]);
    announced(&link.reply(1));
    assert!(crowd.transactions.state.queue.len() > 1_500);
}

#[test]
fn a_worker_that_invents_addresses_leaves_the_others_room() {
    // Where no account has a limit of its own.
    let mut crowd = Crowd::new(|config| {
        config.limits.max_queued = 160;
        config.limits.max_queued_per_account = 2_000;
    });
    let mut liar = crowd.desk.rig.link("liar");
    let mut refused = 0;
    for round in 0..3_u32 {
        for (number, account) in crowd.accounts.clone().into_iter().enumerate() {
            let address = format!("10.{round}.{number}.9");
            let orders = (0..20).map(|_| Crowd::from(&mut liar, account, &address));
            let orders = orders.collect();
            crowd.desk.rig.order_all(orders);
            refused += liar
                .replies()
                .iter()
                .filter(|(_, reply)| matches!(reply, Reply::Fail(..)))
                .count();
        }
    }
    assert!(refused > 0);
    let free = 160 - crowd.desk.queued();
    assert!(free >= 160 / 16 - 1, "{free}");
    announced(&crowd.honest("198.51.100.1"));
}

#[test]
fn an_order_that_could_not_be_stored_holds_no_place() {
    let mut desk = Desk::with(|config| config.limits.max_queued = 1);
    desk.rig.refuse_changes("INSERT", "transactions");
    let order = desk.one();
    assert_eq!(desk.refused(order), Reason::InternalError);
    desk.rig.allow_changes();
    let order = desk.one();
    announced(&desk.send(order));
    let order = desk.one();
    let Reply::Fail(_, refusal) = desk.send(order) else {
        panic!("the queue has one place");
    };
    assert!(refusal.text.contains("full"), "{refusal:?}");
}

#[test]
fn an_account_whose_orders_are_rejected_too_often_waits() {
    let mut desk = Desk::with(|config| config.limits.rejected_orders_per_hour_per_account = 3);
    let bob = desk.rig.account("bob");
    let alice = desk.alice;
    desk.rig.give(alice, "400", &[]);
    // What is filled does not count.
    let bought = desk.one();
    announced(&desk.send(bought));
    desk.rig.settle(&[("AAPL", "1")]);
    desk.rig.settle(&[("AAPL", "99")]);
    desk.link.heard();
    // The price rises beyond the account's cash.
    for _ in 0..4 {
        let more = desk.one();
        announced(&desk.send(more));
    }
    let stored = desk.stored();
    desk.rig.settle(&[("AAPL", "400")]);
    desk.link.heard();
    desk.rig.settle(&[("AAPL", "99")]);
    let more = desk.one();
    let Reply::Fail(_, refusal) = desk.send(more) else {
        panic!("the budget is spent");
    };
    assert_eq!(refusal.reason, Reason::Overloaded);
    assert!(refusal.text.contains("wait until 20"), "{refusal:?}");
    assert_eq!(desk.stored(), stored, "nothing is stored");
    let other = Order {
        account: Ok(bob),
        ..desk.one()
    };
    announced(&desk.send(other));
}
