//! spec/master/account_queries.md · 4.6.16 (public and private)

use super::*;
use crate::link::envelope::BODY_MAX;
use crate::master::messages::{AccountQuery, AccountQueryKind};
use crate::master::storage::ledger::{FillDetails, Settlement};
use crate::master::testing::{FakeLink, HeardMessage, MasterRig, TestUser};
use crate::model::{Money, Timestamp, Username};
use crate::runtime::Module;
use crate::wire::payload::{History, Payload, TextList};
use crate::wire::{Reply, packet};
use std::sync::Arc;

/// What names are filled up with.
const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

struct Desk {
    rig: MasterRig,
    link: FakeLink,
    alice: TestUser,
    bob: TestUser,
    /// Number of the newest transaction.
    newest: i64,
}

impl Desk {
    fn new() -> Desk {
        let mut rig = MasterRig::new();
        let mut link = rig.link("eu1");
        let alice = rig.user(&mut link, "alice");
        let bob = rig.user(&mut link, "bob");
        link.heard();
        Desk {
            rig,
            link,
            alice,
            bob,
            newest: 0,
        }
    }

    /// Gives Alice transactions: of every `queued`th one an order that is queued, else filled and
    /// rejected ones in turn. IDs and names have gaps and differ in length.
    fn trade(&mut self, rows: i64, queued: i64) {
        let (first, last) = (self.newest + 1, self.newest + rows);
        self.newest = last;
        if rows == 0 {
            return;
        }
        self.rig.engine.execute(&format!(
            "WITH RECURSIVE numbers (n) AS (VALUES ({first}) UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}),
             kinds (n, kind) AS (SELECT n, CASE WHEN n % {queued} = 0 THEN 0 ELSE 1 + n % 2 END FROM numbers)
             INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted, settled,
             price, total, priced, client_order_id, reason, stamped, ordered, update_number)
             SELECT n, CAST(printf('%016d', n * 3) AS BLOB), {}, 1 + n % 2, kind,
             CASE WHEN n % 3 <> 0 THEN 'AAPL' ELSE 'NEW' END, n, n, n, CASE WHEN kind <> 0 THEN n END,
             CASE kind WHEN 1 THEN n END, CASE kind WHEN 1 THEN n END, CASE kind WHEN 1 THEN n END,
             CASE n % 5 WHEN 0 THEN substr('{ZEROS}', 1, CAST(10 + n % 50 - length(CAST(n AS TEXT)) AS INTEGER)) || n END,
             CASE kind WHEN 2 THEN 'insufficient-funds' END, n, n, CASE WHEN kind <> 0 THEN 1 END FROM kinds",
            self.alice.account.0
        ));
        self.rig
            .engine
            .execute("UPDATE ledger_position SET settled = 1 WHERE settled < 1");
    }

    /// Settles the queued order of this number at an update.
    fn settle(&mut self, number: i64, update: u64) {
        let outcome = if number % 2 == 0 {
            Settlement::Rejected(Reason::NoPrice)
        } else {
            Settlement::Settled {
                price: Money(5),
                total: Money(35),
                priced: Timestamp(6),
                details: FillDetails::default(),
            }
        };
        let mut storage = self.rig.engine.storage();
        storage
            .write(|tx| tx.settle_orders(&[(number, outcome)], Timestamp(9), update))
            .unwrap();
    }

    /// Asks for Alice's history over the desk's link; returns the number of the request.
    fn ask(&mut self, asker: AccountId) -> u64 {
        let reply_to = self.link.reply_to();
        let sequence = reply_to.sequence;
        self.ask_as(reply_to, asker);
        sequence
    }

    fn ask_as(&mut self, reply_to: ReplyTo, asker: AccountId) {
        let kind = AccountQueryKind::History(Username::parse("alice").unwrap());
        self.query(reply_to, AccountQuery { asker, kind });
    }

    fn query(&mut self, reply_to: ReplyTo, query: AccountQuery) {
        let message = AccountQueriesMessage::Queries(vec![(reply_to, query)]);
        self.rig.account_queries.on_message(message);
    }

    /// Reads a slice; false where none can be read.
    fn slice(&mut self) -> bool {
        let has_work = self.rig.account_queries.has_work();
        if has_work {
            self.rig.account_queries.on_turn_end();
        }
        has_work
    }

    /// Reads slices, and what they say over the link, until none is left; returns their number.
    fn slices(&mut self, heard: &mut Vec<HeardMessage>) -> usize {
        let mut count = 0;
        while self.slice() {
            count += 1;
            heard.extend(self.link.heard());
        }
        count
    }

    /// The answer as it is in one piece.
    fn expected(&self, private: bool) -> Vec<u8> {
        let mut storage = self.rig.engine.storage();
        let account = self.alice.account;
        let mut entries = Vec::new();
        storage
            .read(|snapshot| {
                let Some(bound) = snapshot.history_bound(account)? else {
                    return Ok(());
                };
                snapshot.history(account, &bound, bound.newest, usize::MAX, |transaction| {
                    entries.push(history_line(transaction, private));
                    ControlFlow::Continue(())
                })
            })
            .unwrap();
        let mut out = Vec::new();
        packet::write(&mut out, &History { private, entries }.to_bytes());
        out
    }

    fn histories(&mut self) -> &mut Histories {
        &mut self.rig.account_queries.histories
    }
}

/// The frames that answer a request, as bytes.
fn bytes_of(heard: &[HeardMessage], sequence: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in heard.iter().filter(|heard| heard.sequence == sequence) {
        let before = bytes.len();
        for (header, data) in &message.frames {
            bytes.extend_from_slice(&header.bytes());
            bytes.extend_from_slice(data);
        }
        assert!(bytes.len() - before <= BODY_MAX);
    }
    bytes
}

fn reason_of(heard: &[HeardMessage], sequence: u64) -> Option<Reason> {
    let last = heard.iter().rfind(|heard| heard.sequence == sequence)?;
    if let Reply::Fail(_, refusal) = last.reply() {
        refusal.reason.known()
    } else {
        None
    }
}

#[test]
fn an_answer_in_slices_is_byte_for_byte_what_the_history_was_when_it_began() {
    for (rows, queued) in [
        (0, 1),
        (1, 1),
        (1, 2),
        (97, 1),
        (600, 7),
        (2048, 5),
        (2049, 3),
        (7000, 11),
        (9000, 10_000),
    ] {
        for private in [true, false] {
            let mut desk = Desk::new();
            desk.trade(rows, queued);
            let asker = if private { &desk.alice } else { &desk.bob };
            let sequence = desk.ask(asker.account);
            let expected = desk.expected(private);
            assert!(desk.slice());
            let (mut heard, mut update) = (Vec::new(), 2);
            loop {
                // Meanwhile an order settles, oldest and newest in turn, and others come.
                let open = "FROM transactions WHERE status = 0 AND number <=";
                let find = if update % 2 == 0 { "min" } else { "max" };
                let sql = format!("SELECT coalesce({find}(number), 0) {open} {rows}");
                let number = desk.rig.engine.number(&sql);
                if number > 0 {
                    desk.settle(number, update);
                }
                update += 1;
                desk.trade(3, 2);
                heard.extend(desk.link.heard());
                if !desk.slice() {
                    break;
                }
            }
            assert!(update > 2 + u64::try_from(rows).unwrap() / 2048);
            let came = bytes_of(&heard, sequence);
            assert!(came == expected, "{rows} rows, {queued}, {private}");
            // What was counted is known to the next, which is as right.
            let (again, expected) = (desk.ask(asker_of(&desk, private)), desk.expected(private));
            desk.slices(&mut heard);
            assert!(bytes_of(&heard, again) == expected, "{rows}, {queued}");
        }
    }
}

fn asker_of(desk: &Desk, private: bool) -> AccountId {
    if private {
        desk.alice.account
    } else {
        desk.bob.account
    }
}

#[test]
fn settled_transactions_are_counted_once() {
    let mut desk = Desk::new();
    desk.trade(20_000, 30_000);
    let mut heard = Vec::new();
    desk.ask(desk.alice.account);
    let first = desk.slices(&mut heard);
    desk.trade(10, 1);
    desk.ask(desk.alice.account);
    let second = desk.slices(&mut heard);
    let counted = 20_000usize.div_ceil(COUNTED_MAX);
    assert_eq!(first, second + counted - 1, "{first} and {second} slices");
    // One that began before an order settled does not count it as settled.
    let then = desk.expected(true);
    let early = desk.ask(desk.alice.account);
    assert!(desk.slice());
    (1..=10).for_each(|number| desk.settle(20_000 + number, 2));
    let mut late = desk.link.reply_to();
    late.client = Some("198.51.100.7:1".parse().unwrap());
    let late_sequence = late.sequence;
    desk.ask_as(late, desk.alice.account);
    let now = desk.expected(true);
    desk.slices(&mut heard);
    assert!(bytes_of(&heard, early) == then);
    assert!(bytes_of(&heard, late_sequence) == now);
}

#[test]
fn short_answers_come_between_the_slices_of_a_history() {
    let mut desk = Desk::new();
    desk.trade(20_000, 30_000);
    let sequence = desk.ask(desk.alice.account);
    assert!(desk.slice());
    let portfolio = desk.link.reply_to();
    let portfolio_sequence = portfolio.sequence;
    let asker = desk.bob.account;
    let kind = AccountQueryKind::Portfolio(Username::parse("alice").unwrap());
    desk.query(portfolio, AccountQuery { asker, kind });
    let heard = desk.link.heard();
    assert_eq!(heard.last().unwrap().sequence, portfolio_sequence);
    // A short history of somebody else takes one turn.
    let short = desk.link.reply_to();
    let (short_sequence, asker) = (short.sequence, desk.bob.account);
    let kind = AccountQueryKind::History(Username::parse("bob").unwrap());
    desk.query(short, AccountQuery { asker, kind });
    assert!(desk.slice() && desk.slice());
    let heard = desk.link.heard();
    assert!(heard.iter().any(|heard| heard.sequence == short_sequence));
    let mut rest = Vec::new();
    assert!(desk.slices(&mut rest) > 9);
    assert_eq!(rest.last().unwrap().sequence, sequence);
}

#[test]
fn orders_that_a_summary_looks_at_again_count_in_its_slice() {
    const WAITING: usize = 200;
    let mut desk = Desk::new();
    desk.trade(200, 1);
    let ask = |desk: &mut Desk| {
        let (reply_to, asker) = (desk.link.reply_to(), desk.alice.account);
        let kind = AccountQueryKind::Summary;
        desk.query(reply_to, AccountQuery { asker, kind });
    };
    ask(&mut desk);
    desk.slices(&mut Vec::new());
    (0..20).for_each(|_| ask(&mut desk));
    assert!(desk.slice());
    // Each reads its orders twice: whether they have ended, and what they hold back.
    let answered = desk.link.heard().len();
    assert_eq!(answered, COUNTED_MAX.div_ceil(2 * WAITING));
}

#[test]
fn an_asker_has_one_history_under_way_and_a_few_that_wait() {
    let mut desk = Desk::new();
    desk.trade(2500, 10_000);
    let asked: Vec<u64> = (0..HISTORIES_OF_ASKER_MAX + 2)
        .map(|_| desk.ask(desk.alice.account))
        .collect();
    let (fitting, beyond) = asked.split_at(HISTORIES_OF_ASKER_MAX);
    let mut heard = desk.link.heard();
    for sequence in beyond {
        assert_eq!(reason_of(&heard, *sequence), Some(Reason::Overloaded));
    }
    assert!(desk.slice());
    let other = desk.ask(desk.bob.account);
    desk.slices(&mut heard);
    let last = |sequence: u64| heard.iter().rposition(|heard| heard.sequence == sequence);
    let first = |sequence: u64| heard.iter().position(|heard| heard.sequence == sequence);
    for pair in fitting.windows(2) {
        assert!(last(pair[0]) < first(pair[1]), "one after the other");
    }
    assert!(last(other) < first(fitting[3]), "others take turns with it");
    let expected = desk.expected(true);
    for sequence in fitting {
        assert!(bytes_of(&heard, *sequence) == expected);
    }
}

#[test]
fn a_link_that_does_not_read_holds_up_its_own_histories_alone() {
    let mut desk = Desk::new();
    desk.trade(150_000, 200_000);
    let mut other = desk.rig.link("eu2");
    let expected = desk.expected(true);
    let sequence = desk.ask(desk.alice.account);
    let second = desk.ask(desk.bob.account);
    while desk.slice() {}
    let link = Arc::clone(&desk.link.peer.link);
    assert!(link.is_congested(LINK_UNSENT_BYTES, || {}) && link.is_open());
    assert!(!link.is_congested(LINK_UNSENT_BYTES + 2 * SLICE_BYTES, || {}));
    assert!(!desk.histories().congested.is_empty());
    // Its own short answers go on, and others' histories.
    let reply_to = other.reply_to();
    let theirs = reply_to.sequence;
    desk.ask_as(reply_to, desk.alice.account);
    let mut heard = Vec::new();
    while desk.slice() {
        heard.extend(other.heard());
    }
    assert!(bytes_of(&heard, theirs) == expected);
    // It reads on, and hears the rest.
    desk.histories().look_at_links();
    let mut heard = Vec::new();
    while reason_of(&heard, sequence).is_none() && !desk.histories().congested.is_empty() {
        heard.extend(desk.link.heard());
        let message = desk.rig.of_account_queries.receiver.try_recv().unwrap();
        assert!(matches!(message, AccountQueriesMessage::LinkDrained(_)));
        desk.rig.account_queries.on_message(message);
        while desk.slice() {}
    }
    heard.extend(desk.link.heard());
    assert!(bytes_of(&heard, sequence) == expected);
    assert!(bytes_of(&heard, second) == desk.expected(false));
}

#[test]
fn a_history_whose_link_ends_is_forgotten() {
    let mut desk = Desk::new();
    desk.trade(150_000, 200_000);
    desk.ask(desk.alice.account);
    while desk.slice() {}
    assert!(!desk.histories().congested.is_empty());
    desk.ask(desk.alice.account);
    desk.link.peer.link.cut();
    let message = desk.rig.of_account_queries.receiver.try_recv().unwrap();
    desk.rig.account_queries.on_message(message);
    while desk.slice() {}
    assert!(desk.histories().congested.is_empty() && desk.histories().queue.is_empty());
}

#[test]
fn a_history_that_finds_no_turn_in_time_is_refused() {
    let mut desk = Desk::new();
    desk.trade(10, 20);
    let sequence = desk.ask(desk.alice.account);
    let queue = &mut desk.histories().queue;
    let (turn, mut cursor) = queue.take().unwrap();
    cursor.asked = cursor.asked.checked_sub(FIRST_PIECE_TIMEOUT).unwrap();
    queue.put_back(turn, cursor);
    let mut heard = Vec::new();
    desk.slices(&mut heard);
    assert_eq!(reason_of(&heard, sequence), Some(Reason::Overloaded));
}

/// The lines of an export, without the first, which has the time.
fn lines_of(heard: &[HeardMessage], sequence: u64) -> Vec<String> {
    let mut payload = Vec::new();
    for message in heard.iter().filter(|heard| heard.sequence == sequence) {
        for (_, data) in &message.frames {
            payload.extend_from_slice(data);
        }
    }
    TextList::from_bytes(&payload).unwrap().0.split_off(1)
}

#[test]
fn an_export_that_takes_longer_than_a_try_goes_on_with_the_next() {
    let mut desk = Desk::new();
    // The oldest order waits: what is older or newer changes nothing of it.
    desk.trade(3000, 2990);
    let export = |desk: &mut Desk| {
        let reply_to = desk.link.reply_to();
        let (sequence, asker) = (reply_to.sequence, desk.alice.account);
        let kind = AccountQueryKind::Export;
        desk.query(reply_to, AccountQuery { asker, kind });
        sequence
    };
    let mut heard = Vec::new();
    let whole = export(&mut desk);
    let slices = desk.slices(&mut heard);
    let whole = lines_of(&heard, whole);
    assert!(whole.len() > 3000 && slices > 10, "{slices}");
    // A few slices a try.
    let mut tries = 0;
    let mut counted = 0;
    let last = loop {
        let sequence = export(&mut desk);
        tries += 1;
        for _ in 0..5 {
            counted += usize::from(desk.slice());
        }
        if let Some((turn, mut cursor)) = desk.histories().queue.take() {
            cursor.asked = cursor.asked.checked_sub(FIRST_PIECE_TIMEOUT).unwrap();
            desk.histories().queue.put_back(turn, cursor);
        }
        counted += desk.slices(&mut heard);
        heard.extend(desk.link.heard());
        if tries == 1 {
            // What ends meanwhile is told as it was when the export began.
            let queued = "SELECT max(number) FROM transactions WHERE status = 0";
            let number = desk.rig.engine.number(queued);
            let mut storage = desk.rig.engine.storage();
            storage
                .write(|tx| tx.cancel_orders(&[number], Timestamp(9)))
                .unwrap();
        }
        if reason_of(&heard, sequence).is_none() {
            break sequence;
        }
        assert_eq!(reason_of(&heard, sequence), Some(Reason::Overloaded));
        let Reply::Fail(_, refusal) = heard.last().unwrap().reply() else {
            panic!("no refusal");
        };
        assert!(
            refusal.text.contains("transactions are counted"),
            "{}",
            refusal.text
        );
        assert!(tries < 20, "nothing is counted twice");
    };
    assert!(tries > 2, "{tries}");
    assert!(
        counted < slices + 4 * tries,
        "{counted} slices, {slices} in one try"
    );
    assert!(lines_of(&heard, last) == whole);
    // What is whole is not kept.
    desk.trade(1, 2);
    let next = export(&mut desk);
    desk.slices(&mut heard);
    assert_eq!(lines_of(&heard, next).len(), whole.len() + 1);
    assert!(desk.histories().counted.exports.is_empty());
}

#[test]
fn a_history_between_two_updates_is_told_as_it_was_when_it_began() {
    for is_export in [false, true] {
        let mut desk = Desk::new();
        desk.trade(4000, 10);
        let reply_to = desk.link.reply_to();
        let (sequence, asker) = (reply_to.sequence, desk.alice.account);
        let kind = if is_export {
            AccountQueryKind::Export
        } else {
            AccountQueryKind::History(Username::parse("alice").unwrap())
        };
        let expected = desk.expected(true);
        desk.query(reply_to, AccountQuery { asker, kind });
        let mut heard = Vec::new();
        for _ in 0..2 {
            assert!(desk.slice());
        }
        // A lock or a restart ends all that is queued.
        let mut storage = desk.rig.engine.storage();
        let numbers: Vec<i64> = (1..=400).map(|n| n * 10).collect();
        storage
            .write(|tx| tx.cancel_orders(&numbers, Timestamp(9)))
            .unwrap();
        heard.extend(desk.link.heard());
        desk.slices(&mut heard);
        assert_eq!(reason_of(&heard, sequence), None);
        if is_export {
            let lines = lines_of(&heard, sequence);
            let queued = lines.iter().filter(|line| line.contains("\"queued\""));
            assert_eq!(queued.count(), 400);
        } else {
            assert!(bytes_of(&heard, sequence) == expected);
        }
    }
}

#[test]
fn a_database_that_fails_ends_a_history_in_place_of_its_next_packet() {
    let mut desk = Desk::new();
    desk.trade(9000, 10_000);
    let sequence = desk.ask(desk.alice.account);
    let mut heard = Vec::new();
    while heard.is_empty() {
        assert!(desk.slice());
        heard.extend(desk.link.heard());
    }
    desk.rig.break_table("transactions");
    desk.slices(&mut heard);
    assert!(heard.len() > 1);
    assert_eq!(reason_of(&heard, sequence), Some(Reason::InternalError));
    desk.rig.mend_table("transactions");
    let again = desk.ask(desk.alice.account);
    desk.slices(&mut heard);
    assert!(bytes_of(&heard, again) == desk.expected(true));
}

#[test]
fn a_link_has_a_bound_of_histories_that_are_set_aside() {
    let mut desk = Desk::new();
    desk.trade(150_000, 200_000);
    desk.ask(desk.alice.account);
    while desk.slice() {}
    for client in 0..SET_ASIDE_MAX {
        let mut reply_to = desk.link.reply_to();
        let client = u32::try_from(client).unwrap();
        reply_to.client = Some((std::net::Ipv4Addr::from(client << 8), 1).into());
        desk.ask_as(reply_to, desk.alice.account);
        while desk.slice() {}
    }
    let link = desk.link.peer.link.number;
    assert_eq!(desk.histories().congested[&link].len(), SET_ASIDE_MAX);
    let refused = desk.link.reply_to().sequence - 1;
    let heard = desk.link.heard();
    assert_eq!(reason_of(&heard, refused), Some(Reason::Overloaded));
}
