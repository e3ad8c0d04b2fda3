//! spec/master/transactions.md · 3.1.7, 3.1.3

use super::*;
use crate::master::messages::{AccountEvent, AdminAct, TransactionsMessage};
use crate::master::storage::ledger::LedgerEntry;
use crate::master::testing::{FakeLink, MasterRig, act, act_within, money, order, reason, symbol};
use crate::master::verify;
use crate::model::money::MILLIONTHS_MAX;
use crate::model::{Cause, Side, Symbol, Timestamp, TransactionStatus};
use crate::runtime::Module;
use crate::wire::Reply;
use crossbeam_channel::bounded;
use std::time::Duration;

/// A master with a worker's link and an account of 1,000.
struct Desk {
    rig: MasterRig,
    link: FakeLink,
    alice: AccountId,
}

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

impl Desk {
    fn new() -> Desk {
        let mut rig = MasterRig::with(|config| config.starting_cash = money("1000"));
        let link = rig.link("eu1");
        let alice = rig.account("alice");
        Desk { rig, link, alice }
    }

    fn queue(&mut self, side: Side, asset: &str, units: &str) -> u64 {
        let order = order(self.link.reply_to(), self.alice, side, asset, units);
        let sequence = order.reply_to.sequence;
        self.rig.order_all(vec![order]);
        self.link.heard();
        sequence
    }

    fn grant(&mut self, amount: Money) -> Result<GrantOutcome, String> {
        self.grant_as(amount, act())
    }

    fn grant_as(&mut self, amount: Money, act: AdminAct) -> Result<GrantOutcome, String> {
        let (reply, answer) = bounded(1);
        let grant = Grant {
            username: name("ALICE"),
            amount,
            reason: "first prize".to_owned(),
        };
        let message = TransactionsMessage::Grant(grant, act, reply);
        self.rig.transactions.on_message(message);
        answer.try_recv().unwrap()
    }

    fn restart(&mut self, user: &str) -> Result<RestartOutcome, String> {
        self.restart_as(user, act())
    }

    fn restart_as(&mut self, user: &str, act: AdminAct) -> Result<RestartOutcome, String> {
        let (reply, answer) = bounded(1);
        let message = TransactionsMessage::Restart(name(user), act, reply);
        self.rig.transactions.on_message(message);
        answer.try_recv().unwrap()
    }

    fn entries(&self) -> Vec<LedgerEntry> {
        let report = verify::check(&mut self.rig.engine.reader(), &|| false).unwrap();
        assert!(report.is_clean(), "{:#?}", report.differences);
        self.rig.entries(self.alice)
    }
}

#[test]
fn cash_is_given_and_taken_down_to_nothing_and_the_ledger_tells_it() {
    let mut desk = Desk::new();
    let given = desk.grant(money("0.5")).unwrap();
    assert_eq!(
        (given.username.as_str(), given.cash),
        ("alice", money("1000.5"))
    );
    let taken = desk.grant(Money(-money("1000.5").0)).unwrap();
    assert_eq!(taken.cash, Money::ZERO);
    let refused = desk.grant(Money(-1)).unwrap_err();
    assert!(refused.contains("alice has 0 of cash"), "{refused}");
    desk.grant(Money(1)).unwrap();
    assert!(desk.grant(Money(MILLIONTHS_MAX)).is_err());
    let (reply, answer) = bounded(1);
    let nobody = Grant {
        username: name("carol"),
        amount: Money(1),
        reason: "x".to_owned(),
    };
    let message = TransactionsMessage::Grant(nobody, act(), reply);
    desk.rig.transactions.on_message(message);
    let refused = answer.try_recv().unwrap().unwrap_err();
    assert_eq!(refused, "there is no user carol");

    let entries = desk.entries();
    let totals: Vec<Option<Money>> = entries.iter().map(|e| e.transaction.total).collect();
    assert_eq!(
        totals,
        [
            Some(money("0.5")),
            Some(Money(-1_000_500_000)),
            Some(Money(1))
        ]
    );
    let first = &entries[0];
    assert_eq!(first.transaction.id, given.id);
    assert_eq!(
        (first.transaction.side, first.transaction.symbol),
        (Side::Dividend, Symbol::NONE)
    );
    assert_eq!(first.transaction.price, None);
    assert_eq!(first.cause, Some(Cause::Grant));
    assert_eq!(first.note.as_deref(), Some("first prize"));
    let events = desk.rig.transactions_status().account_events;
    assert_eq!(
        events,
        [(AccountEvent::Grant, 3), (AccountEvent::Restart, 0)]
    );
}

#[test]
fn an_account_begins_anew_without_orders_and_units() {
    let mut desk = Desk::new();
    desk.rig.begin_at("20");
    desk.queue(Side::Buy, "AAPL", "10");
    desk.queue(Side::Buy, "IBM", "2");
    desk.rig.settle(&[("AAPL", "20"), ("IBM", "100")]);
    desk.rig.settle(&[("AAPL", "25")]);
    desk.grant(Money(7)).unwrap();
    let waiting = [
        desk.queue(Side::Buy, "AAPL", "1"),
        desk.queue(Side::Sell, "IBM", "2"),
    ];
    desk.link.replies();
    let other = desk.rig.account("bob");
    let others = order(desk.link.reply_to(), other, Side::Buy, "AAPL", "1");
    let others_sequence = others.reply_to.sequence;
    desk.rig.order_all(vec![others]);
    desk.link.heard();

    let done = desk.restart("Alice").unwrap();
    assert_eq!((done.cancelled, done.sold), (2, 2));
    assert_eq!(
        (done.before, done.cash),
        (money("600.000007"), money("1000"))
    );
    assert!(done.unpriced.is_empty());
    let told = desk.link.replies();
    let told: Vec<(u64, &str)> = told
        .iter()
        .map(|(sequence, reply)| (*sequence, reason(reply).as_str()))
        .collect();
    assert_eq!(told, waiting.map(|sequence| (sequence, "cancelled")));
    let holdings = desk.rig.holdings(desk.alice);
    assert_eq!(holdings.cash, money("1000"));
    assert!(holdings.positions.is_empty());

    let entries = desk.entries();
    let told: Vec<String> = entries
        .iter()
        .skip(3)
        .map(|entry| {
            let row = &entry.transaction;
            let total = row.total.map_or("-".to_owned(), |total| total.to_string());
            let cause = entry.cause.map_or("order", Cause::as_str);
            format!(
                "{} {} {} {total} {cause}",
                row.side, row.symbol, row.quantity
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "buy AAPL 1 - order",
            "sell IBM 2 - order",
            "sell AAPL 10 250 restart",
            "sell IBM 2 200 restart",
            "dividend - 1 -50.000007 restart",
        ]
    );
    assert_eq!(
        entries[3].transaction.status,
        TransactionStatus::Cancelled,
        "version 1 is told that it was rejected"
    );
    desk.link.heard();

    // What was cancelled never settles, and others' orders do.
    desk.rig.settle(&[("AAPL", "30"), ("IBM", "1")]);
    let replies = desk.link.replies();
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert_eq!(replies[0].0, others_sequence);
    assert!(matches!(replies[0].1, Reply::Filled(_)));
    let again = desk.restart("alice").unwrap();
    assert_eq!((again.cancelled, again.sold), (0, 0));
    assert_eq!(
        desk.entries().len(),
        9,
        "a restart is told, whatever it does"
    );
    assert!(desk.restart("carol").is_err());
}

#[test]
fn a_restart_ends_no_order_before_the_last_was_accepted() {
    let mut desk = Desk::new();
    let first = desk.queue(Side::Buy, "AAPL", "1");
    // The clock is ahead for one order, and is set back then.
    let sequencer = &mut desk.rig.transactions.state.sequencer;
    let ahead = Timestamp(Timestamp::now().0 + 7_200_000);
    *sequencer = Sequencer::after(sequencer.last(), ahead);
    desk.queue(Side::Buy, "AAPL", "1");
    desk.restart("alice").unwrap();
    let entry = desk.rig.entry(&desk.link, first).unwrap();
    let ended = entry.transaction.settled.unwrap();
    assert!(ended >= ahead, "{ended:?}");
}

#[test]
fn what_is_changed_of_a_grant_or_a_restart_afterwards_is_found() {
    for (change, told) in [
        (
            "UPDATE transactions SET note = NULL WHERE cause = 6",
            "a grant without its reason",
        ),
        (
            "UPDATE transactions SET total = total + 1 WHERE cause = 6",
            "the cash stored",
        ),
        (
            "UPDATE transactions SET symbol = 'AAPL' WHERE cause = 6",
            "no grant makes this row",
        ),
        (
            "UPDATE transactions SET quantity = quantity - 1 WHERE cause = 7 AND side = 2",
            "no restart makes this row",
        ),
        (
            "DELETE FROM transactions WHERE cause = 7 AND side = 2",
            "no restart makes this row",
        ),
        (
            "DELETE FROM transactions WHERE cause = 7 AND side = 4",
            "the cash stored",
        ),
    ] {
        let mut desk = Desk::new();
        desk.queue(Side::Buy, "AAPL", "10");
        desk.rig.settle(&[("AAPL", "20")]);
        desk.grant(Money(7)).unwrap();
        desk.restart("alice").unwrap();
        desk.entries();
        desk.rig.engine.execute(change);
        let report = verify::check(&mut desk.rig.engine.reader(), &|| false).unwrap();
        let found = report.differences.join("\n");
        assert!(found.contains(told), "{change}: {found}");
    }
}

#[test]
fn no_account_begins_anew_at_prices_whose_actions_it_lacks() {
    let mut desk = Desk::new();
    desk.queue(Side::Buy, "AAPL", "10");
    desk.rig.settle(&[("AAPL", "20")]);
    let mut update = desk.rig.update(&[("AAPL", "10")]);
    let ratio = crate::model::Ratio::new(2, 1).unwrap();
    let kind = crate::model::ActionKind::Split(ratio);
    let time = update.snapshot.market_now;
    let split = crate::model::Action::new(time, symbol("AAPL"), kind, None);
    desk.rig.act(&mut update, &[split]);
    let refused = desk.restart("alice").unwrap_err();
    assert!(refused.contains("try again"), "{refused}");
    desk.rig.tell(&update);
    let done = desk.restart("alice").unwrap();
    assert_eq!((done.before, done.sold), (money("800"), 1));
    let sold = desk.entries().into_iter().rev().nth(1).unwrap();
    assert_eq!(sold.transaction.total, Some(money("200")), "20 at 10");
}

#[test]
fn units_without_a_price_are_sold_for_nothing() {
    let mut desk = Desk::new();
    desk.rig.give(desk.alice, "5", &[("NEW", "1", "5")]);
    let done = desk.restart("alice").unwrap();
    assert_eq!(done.unpriced, [symbol("NEW")]);
    assert_eq!(desk.rig.holdings(desk.alice).cash, money("1000"));
    let row = &desk.rig.entries(desk.alice)[0].transaction;
    assert_eq!(
        (row.price, row.total),
        (Some(Money::ZERO), Some(Money::ZERO))
    );
}

#[test]
fn a_change_that_cannot_be_stored_changes_nothing() {
    let mut desk = Desk::new();
    desk.queue(Side::Buy, "AAPL", "1");
    desk.rig.settle(&[("AAPL", "20")]);
    let waiting = desk.queue(Side::Buy, "AAPL", "1");
    desk.link.replies();
    desk.rig.refuse_changes("UPDATE", "balances");
    assert!(desk.grant(Money(5)).unwrap_err().contains("nothing"));
    assert!(desk.restart("alice").unwrap_err().contains("nothing"));
    desk.rig.allow_changes();
    assert!(desk.link.replies().is_empty());
    assert_eq!(desk.entries().len(), 2);
    desk.rig.settle(&[("AAPL", "20")]);
    assert!(matches!(desk.link.reply(waiting), Reply::Filled(_)));
    desk.entries();
}

#[test]
fn what_nobody_waits_for_any_more_is_not_done() {
    let mut desk = Desk::new();
    let late = || act_within(Duration::ZERO);
    let refused = desk.grant_as(money("5"), late()).unwrap_err();
    assert_eq!(refused, "a grant came too late, and was not done");
    let refused = desk.restart_as("alice", late()).unwrap_err();
    assert_eq!(refused, "a restart came too late, and was not done");
    assert_eq!(desk.entries().len(), 0);
    assert_eq!(desk.rig.holdings(desk.alice).cash, money("1000"));
}
