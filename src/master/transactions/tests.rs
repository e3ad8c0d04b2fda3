//! spec/master/transactions.md · 3.1.7 Assets Buy & Sell

use super::*;
use crate::master::messages::CancelOrder;
use crate::master::storage::testing::Engine;
use crate::master::testing::{MasterRig, config, money, order, reason};
use crate::model::{Side, TransactionStatus};
use crate::runtime::Watchdog;
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
fn a_settlement_that_failed_is_not_repeated_by_each_order_but_by_the_clock() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.account("alice");
    rig.order_all(vec![order(link.reply_to(), alice, Side::Buy, "AAPL", "1")]);
    rig.refuse_changes("INSERT", "positions");
    rig.settle(&[("AAPL", "2")]);
    assert!(rig.transactions.failed.is_some());
    rig.allow_changes();
    link.heard();
    // A moment that is not over, however slow this machine is.
    let failed = Instant::now() + Duration::from_secs(3600);
    rig.transactions.failed = Some(failed);
    for _ in 0..2 {
        let next = order(link.reply_to(), alice, Side::Buy, "AAPL", "1");
        let sequence = next.reply_to.sequence;
        rig.order_all(vec![next]);
        assert_eq!(reason(&link.reply(sequence)), Reason::Overloaded);
    }
    let almost = SETTLE_RETRY_INTERVAL - Duration::from_millis(1);
    rig.transactions.on_tick(failed + almost);
    assert_eq!(
        status(&mut rig).last_settled,
        0,
        "it is not tried again yet"
    );
    rig.transactions.on_tick(failed + SETTLE_RETRY_INTERVAL);
    assert_eq!(status(&mut rig).last_settled, 1);
    assert!(rig.transactions.failed.is_none());
    rig.order_all(vec![order(link.reply_to(), alice, Side::Buy, "AAPL", "1")]);
    assert_eq!(status(&mut rig).queued, 1);
}

#[test]
fn many_cancels_that_waited_are_stored_in_commits_that_beat() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.account("alice");
    let heartbeat = Watchdog::new().register("transactions");
    rig.transactions.heartbeat = heartbeat.clone();
    let moment = rig.transactions.state.moment();
    let mut beats_with = |count: usize| {
        for _ in 0..count {
            rig.transactions.state.deferred.push(PendingRequest {
                request: OrderRequest::Cancel(CancelOrder {
                    reply_to: link.reply_to(),
                    account: Ok(alice),
                    id: Uuid::nil(),
                }),
                moment: Some(moment),
            });
        }
        let before = heartbeat.beats();
        rig.transactions.take_deferred();
        assert_eq!(link.replies().len(), count);
        heartbeat.beats() - before
    };
    let of_one = beats_with(1);
    assert_eq!(beats_with(COMMIT_BATCH_MAX), of_one);
    assert_eq!(beats_with(2 * COMMIT_BATCH_MAX + 1), 3 * of_one);
    assert_eq!(beats_with(0), 0);
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

/// A queued purchase of one unit, as versions before open orders stored it.
fn old_order(number: i64, account: i64, symbol: &str) -> String {
    format!(
        "INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked,
             accepted, origin, sequence, stamped, ordered)
         VALUES ({number}, x'{number:012x}70008000000000000000', {account}, 1, 0, '{symbol}', 1000000, 1000000, {number},
             1, {number}, {number}, {number});"
    )
}

#[test]
fn queued_orders_of_earlier_versions_settle_or_wait_after_an_upgrade() {
    // Before orders could wait, with those that could, before open orders, and the last one.
    for migrations in [3, 10, 13, 18] {
        let orders: String = [(1, "AAPL"), (2, "NEW"), (3, "AAPL"), (4, "IBM")]
            .map(|(number, symbol)| old_order(number, 1, symbol))
            .concat();
        let mut sql = format!(
            "INSERT INTO accounts (account, username, username_key, email, email_key, is_password,
                 created, starting_cash, boot, sequence)
             VALUES (1, 'ada', 'ada', 'a@b.example', 'a@b.example', 0, 0, 120000000, zeroblob(16), 1);
             INSERT INTO origins (origin, worker, boot) VALUES (1, zeroblob(16), zeroblob(16));
             {orders}"
        );
        if migrations >= 10 {
            // A market time of the day before.
            let since = crate::master::testing::bar(1, "1").time.0 - 86_400_000;
            sql +=
                &format!("UPDATE transactions SET waits_since = {since} WHERE number IN (2, 3);");
        }
        if migrations == 18 {
            // As version 18 was first made.
            sql += "DROP INDEX transactions_open;
                 CREATE INDEX transactions_open ON transactions (number) WHERE status = 3;";
        }
        let mut rig = MasterRig::on(Engine::upgraded(migrations, &sql), config());
        assert_eq!(status(&mut rig).queued, 4, "{migrations}");
        rig.settle(&[("AAPL", "50"), ("IBM", "30")]);
        let ended = |rig: &MasterRig| -> Vec<(TransactionStatus, Option<Reason>)> {
            let entries = rig.entries(AccountId(1)).into_iter();
            let ends = entries.map(|it| (it.transaction.status, it.transaction.reason));
            ends.collect()
        };
        let settled = (TransactionStatus::Settled, None);
        let short = (TransactionStatus::Rejected, Some(Reason::InsufficientFunds));
        let waits = (TransactionStatus::Open, None);
        assert_eq!(
            ended(&rig),
            [settled, waits, settled, short],
            "{migrations}"
        );
        let mut rig = rig.restart();
        assert_eq!(status(&mut rig).open, 1);
        rig.settle(&[("NEW", "20")]);
        assert_eq!(
            ended(&rig),
            [settled, settled, settled, short],
            "{migrations}"
        );
        let report = crate::master::verify::check(&mut rig.engine.reader(), &|| false).unwrap();
        assert!(report.is_clean(), "{migrations}: {report:?}");
    }
}
