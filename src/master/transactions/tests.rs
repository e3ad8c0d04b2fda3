//! spec/master/transactions.md · 3.1.7 Assets Buy & Sell

use super::*;
use crate::master::testing::{MasterRig, money, order, reason};
use crate::model::Side;
use crossbeam_channel::bounded;

fn status(rig: &mut MasterRig) -> QueueStatus {
    let (sender, answer) = bounded(1);
    rig.transactions
        .on_message(TransactionsMessage::Status(sender));
    answer.try_recv().unwrap()
}

#[test]
fn the_queue_says_how_it_is_doing() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.account("alice");
    for _ in 0..3 {
        rig.order_all(vec![order(link.reply_to(), alice, Side::Buy, "AAPL", "1")]);
    }
    let before = status(&mut rig);
    assert_eq!(
        (before.queued, before.last_number, before.last_settled),
        (3, 3, 0)
    );
    rig.settle(&[("AAPL", "1")]);
    let after = status(&mut rig);
    assert_eq!(
        (after.queued, after.last_number, after.last_settled),
        (0, 3, 3)
    );
    assert!(after.last_micros > 0);
}

#[test]
fn an_update_settles_the_orders_that_came_before_it_in_the_same_turn() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.account("alice");
    let first = order(link.reply_to(), alice, Side::Buy, "AAPL", "1");
    rig.transactions
        .on_message(TransactionsMessage::Orders(vec![OrderRequest::Order(
            first,
        )]));
    assert!(
        !rig.transactions.is_turn_full(),
        "more orders may join the commit"
    );
    assert!(
        link.answers().is_empty(),
        "nothing is said before it is stored"
    );
    let mut update = rig.update(&[("AAPL", "2")]);
    // Retrieved after the order came, which has not been accepted yet.
    update.began = Instant::now() + Duration::from_secs(1);
    rig.transactions
        .on_message(TransactionsMessage::Update(update));
    assert!(rig.transactions.is_turn_full(), "nothing waits");
    let replies = link.replies();
    assert!(matches!(replies[0].1, Reply::Queued { .. }), "{replies:?}");
    assert!(matches!(replies[1].1, Reply::Filled(_)), "{replies:?}");
}

#[test]
fn a_queue_outlives_its_process_and_its_places_go_on() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.account("alice");
    let first = order(link.reply_to(), alice, Side::Buy, "AAPL", "1");
    rig.order_all(vec![first]);
    link.heard();
    let mut rig = rig.restart();
    let kept = status(&mut rig);
    assert_eq!((kept.queued, kept.last_number), (1, 1));
    // Its worker asks again, and hears of the end.
    let mut again = link.message(1);
    again.again = true;
    rig.order_all(vec![order(again, alice, Side::Buy, "AAPL", "1")]);
    let Reply::Queued { id, .. } = link.reply(1) else {
        panic!()
    };
    rig.settle(&[("AAPL", "2")]);
    let Reply::Filled(fill) = link.reply(1) else {
        panic!()
    };
    assert_eq!((fill.id, fill.price), (id, money("2")));
    rig.order_all(vec![order(link.reply_to(), alice, Side::Buy, "AAPL", "1")]);
    assert_eq!(status(&mut rig).last_number, 2);
}

#[test]
fn the_outcome_of_an_order_is_the_same_frame_each_time() {
    let mut transaction = Transaction {
        id: Uuid::from_u128(1),
        account: AccountId(1),
        side: Side::Sell,
        status: crate::model::TransactionStatus::Rejected,
        symbol: crate::master::testing::symbol("AAPL"),
        quantity: crate::model::Quantity(1),
        accepted: Timestamp(1),
        settled: Some(Timestamp(2)),
        price: None,
        total: None,
        priced: None,
        client_order_id: None,
        reason: Some(Reason::NoPrice),
    };
    let read = |transaction: &Transaction| {
        let mut out = Vec::new();
        write_outcome(&mut out, transaction);
        let header = crate::wire::FrameHeader::read(out.first_chunk().unwrap());
        Reply::read(&header, &out[crate::wire::frame::HEADER_BYTES..]).unwrap()
    };
    assert_eq!(reason(&read(&transaction)), Reason::NoPrice);
    assert!(matches!(
        read(&transaction),
        Reply::Fail(Instruction::SellFail, _)
    ));
    transaction.reason = None;
    assert_eq!(
        reason(&read(&transaction)),
        Reason::InternalError,
        "a damaged row has no reason"
    );
}
