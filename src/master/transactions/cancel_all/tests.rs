//! spec/master/transactions/cancel_all.md · 3.1.7, 3.1.3

use crate::master::messages::{AccountCancellation, AdminCancellation, TransactionsMessage};
use crate::master::storage::Reader;
use crate::master::testing::{MasterRig, act_within, order, order_id};
use crate::master::verify;
use crate::model::{AccountId, Reason, Side, Username};
use crate::runtime::Module;
use crate::wire::Refusal;
use crossbeam_channel::{Receiver, bounded};
use proptest::prelude::*;
use std::time::Duration;

/// Has the orders of an account cancelled, in a commit that refuses where `refusal` says so.
fn cancel(
    rig: &mut MasterRig,
    account: AccountId,
    refusal: Option<Refusal>,
) -> Receiver<Result<usize, Refusal>> {
    let (sender, answer) = bounded(1);
    let cancellation = AccountCancellation {
        account,
        order: None,
        by: None,
        is_deletion: true,
        writes: Some(Box::new(move |_| Ok(refusal.map_or(Ok(()), Err)))),
        done: Box::new(move |outcome| sender.send(outcome).unwrap()),
    };
    rig.transactions
        .on_message(TransactionsMessage::Cancel(cancellation));
    rig.transactions.on_turn_end();
    answer
}

#[test]
fn a_refused_commit_cancels_nothing() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    for account in [alice, bob, alice] {
        rig.order_all(vec![order(
            link.reply_to(),
            account,
            Side::Buy,
            "AAPL",
            "1",
        )]);
    }
    let refused = cancel(&mut rig, alice, Some(Refusal::session_expired()));
    let refused = refused.try_recv().unwrap().unwrap_err();
    assert_eq!(refused.reason, Reason::SessionExpired);
    assert_eq!(rig.transactions_status().queued, 3);
    let done = cancel(&mut rig, alice, None);
    assert_eq!(done.try_recv().unwrap(), Ok(2));
    assert_eq!(rig.transactions_status().queued, 1, "bob's stays");
    assert_eq!(cancel(&mut rig, alice, None).try_recv().unwrap(), Ok(0));
}

#[derive(Debug, Clone)]
enum Step {
    Order {
        account: usize,
        is_sale: bool,
        units: u32,
    },
    Update {
        price: u32,
    },
    Cancel {
        account: usize,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let account = 0..3_usize;
    prop_oneof![
        6 => (account.clone(), any::<bool>(), 1..50_u32).prop_map(|(account, is_sale, units)| {
            Step::Order { account, is_sale, units }
        }),
        2 => (1..90_u32).prop_map(|price| Step::Update { price }),
        2 => account.prop_map(|account| Step::Cancel { account }),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whenever accounts lose their orders among others' trades, the ledger adds up, and every order
    /// has one outcome.
    #[test]
    fn the_ledger_adds_up_whenever_accounts_lose_their_orders(steps in prop::collection::vec(step(), 1..40)) {
        let mut rig = MasterRig::new();
        let mut link = rig.link("eu1");
        let accounts = ["alice", "bob", "carol"].map(|name| rig.account(name));
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Order { account, is_sale, units } => {
                    let side = if is_sale { Side::Sell } else { Side::Buy };
                    let mut new = order(link.reply_to(), accounts[account], side, "AAPL", &units.to_string());
                    new.client_order_id = order_id(&format!("order-{at}"));
                    rig.order_all(vec![new]);
                }
                Step::Update { price } => {
                    rig.settle(&[("AAPL", &price.to_string())]);
                }
                Step::Cancel { account } => {
                    let waiting = rig.entries(accounts[account]);
                    let waiting = waiting.iter().filter(|it| it.transaction.settled.is_none()).count();
                    let done = cancel(&mut rig, accounts[account], None);
                    prop_assert_eq!(done.try_recv().unwrap(), Ok(waiting));
                }
                Step::Restart => {
                    let before = rig.transactions_status().queued;
                    rig = rig.restart();
                    link = rig.link("eu1");
                    prop_assert_eq!(rig.transactions_status().queued, before);
                }
            }
        }
        let mut reader = Reader::open_for_check(rig.engine.url()).unwrap();
        let report = verify::check(&mut reader, &|| false).unwrap();
        prop_assert_eq!(report.differences, Vec::<String>::new());
    }
}

/// Has an administrator cancel one order.
fn cancel_one(
    rig: &mut MasterRig,
    account: AccountId,
    number: i64,
) -> Receiver<Result<usize, Refusal>> {
    let (sender, answer) = bounded(1);
    let cancellation = AccountCancellation {
        account,
        order: Some(number),
        by: Some(AdminCancellation {
            username: Username::parse("alice").unwrap(),
            act: act_within(Duration::from_secs(60)),
        }),
        is_deletion: false,
        writes: None,
        done: Box::new(move |outcome| sender.send(outcome).unwrap()),
    };
    rig.transactions
        .on_message(TransactionsMessage::Cancel(cancellation));
    rig.transactions.on_turn_end();
    answer
}

#[test]
fn one_order_is_cancelled_after_the_update_that_is_under_way() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let (alice, bob) = (rig.account("alice"), rig.account("bob"));
    for symbol in ["AAPL", "IBM", "IBM"] {
        let order = order(link.reply_to(), alice, Side::Buy, symbol, "1");
        rig.order_all(vec![order]);
    }
    let done = cancel_one(&mut rig, alice, 3);
    assert_eq!(done.try_recv().unwrap(), Ok(1));
    let strangers = cancel_one(&mut rig, bob, 2);
    assert!(strangers.try_recv().unwrap().is_err());
    // Whoever knows the prices withdraws nothing from them.
    let update = rig.update(&[("AAPL", "1")]);
    let filled = cancel_one(&mut rig, alice, 1);
    let open = cancel_one(&mut rig, alice, 2);
    assert!(filled.try_recv().is_err() && open.try_recv().is_err());
    rig.tell(&update);
    let refusal = filled.try_recv().unwrap().unwrap_err();
    assert_eq!(refusal.reason, Reason::NotOpen);
    assert_eq!(open.try_recv().unwrap(), Ok(1), "it waited for a price");
    let status = rig.transactions_status();
    assert_eq!((status.queued, status.open, status.reserved), (0, 0, 0));
    // What was refused is not kept.
    let kept = rig.engine.storage().read(|s| s.acts_of(alice)).unwrap();
    let ids = [2, 1].map(|at: usize| rig.entries(alice)[at].transaction.id);
    let details: Vec<String> = kept.into_iter().map(|act| act.detail).collect();
    assert_eq!(details, ids.map(|id| format!("order {id}")));
}
