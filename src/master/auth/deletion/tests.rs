//! spec/master/auth/deletion.md · 3.1.3, 4.1

use super::CANCELLATIONS_MAX;
use crate::master::auth::hashing::testing as hashing;
use crate::master::messages::{
    AccountEnd, AccountEvent, AdminAct, AuthMessage, Grant, RouterMessage, TransactionsMessage,
};
use crate::master::storage::testing::Engine;
use crate::master::storage::{Reader, backup};
use crate::master::testing::{
    FakeLink, MasterRig, act, act_within, config, link_request, login, money, order_id, pass,
    quantity, reason, register, symbol,
};
use crate::master::verify;
use crate::model::{
    AccountId, AccountValue, Reason, SessionId, Side, Timestamp, TokenName, TokenScope,
    TransactionStatus, Username,
};
use crate::runtime::Module;
use crate::wire::{Refusal, Reply, Request};
use crossbeam_channel::{Receiver, bounded};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

const DONE: Reply = Reply::AccountSuccess(None);

fn delete(session: &SessionId, password: Option<&str>) -> Request {
    Request::DeleteAccount {
        session: session.clone(),
        pass: password.map(pass),
    }
}

fn buy(session: &SessionId, units: &str, id: &str) -> Request {
    Request::Order {
        session: session.clone(),
        side: Side::Buy,
        symbol: symbol("AAPL"),
        quantity: quantity(units),
        id: order_id(id),
    }
}

fn info(session: &SessionId, name: &str) -> Request {
    Request::UserInfo {
        session: session.clone(),
        username: Username::parse(name).unwrap(),
    }
}

/// Hands a request over that is not answered at once. Its number.
fn put(rig: &mut MasterRig, link: &mut FakeLink, request: Request) -> u64 {
    let reply_to = link.reply_to();
    let sequence = reply_to.sequence;
    rig.handle(vec![(reply_to, link_request(request))]);
    sequence
}

/// An update is under way from now on, or is over without new prices.
fn set_updating(rig: &mut MasterRig, is_updating: bool) {
    rig.assets.progress.set_under_way(is_updating);
    rig.transactions.on_tick(Instant::now());
    rig.run();
}

fn delete_named(rig: &mut MasterRig, name: &str) -> Receiver<Result<AccountEnd, String>> {
    delete_named_as(rig, name, act())
}

fn delete_named_as(
    rig: &mut MasterRig,
    name: &str,
    act: AdminAct,
) -> Receiver<Result<AccountEnd, String>> {
    let (sender, answer) = bounded(1);
    let name = Username::parse(name).unwrap();
    rig.auth.on_message(AuthMessage::Delete(name, act, sender));
    rig.run();
    answer
}

fn lock(rig: &mut MasterRig, name: &str) -> Receiver<Result<AccountEnd, String>> {
    lock_as(rig, name, act())
}

fn lock_as(rig: &mut MasterRig, name: &str, act: AdminAct) -> Receiver<Result<AccountEnd, String>> {
    let (sender, answer) = bounded(1);
    let name = Username::parse(name).unwrap();
    rig.auth
        .on_message(AuthMessage::Lock(name, true, act, sender));
    rig.run();
    answer
}

fn differences(rig: &MasterRig) -> Vec<String> {
    let mut reader = Reader::open_for_check(rig.engine.url()).unwrap();
    verify::check(&mut reader, &|| false).unwrap().differences
}

/// What tables still have of an account.
fn left(rig: &MasterRig, account: i64) -> i64 {
    let tables = [
        "sessions",
        "login_places",
        "identities",
        "reset_codes",
        "used_codes",
        "proven_emails",
        "outbox",
        "acts",
    ];
    let count = |table| {
        rig.engine.number(&format!(
            "SELECT count(*) FROM {table} WHERE account = {account}"
        ))
    };
    tables.into_iter().map(count).sum()
}

#[test]
fn a_deleted_account_leaves_its_ledger_and_nothing_that_tells_whose_it_was() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let mut other = rig.link("eu2");
    let mut storage = rig.engine.storage();
    storage.write(|tx| tx.set_outbox_open(true)).unwrap();
    let alice = rig.user(&mut link, "alice");
    let bob = rig.user(&mut other, "bob");
    let number = alice.account.0;
    let token = rig.ask(
        &mut link,
        Request::CreateToken {
            session: alice.session.clone(),
            name: TokenName::parse("desk").unwrap(),
            scope: TokenScope::Trade,
            days: 30,
        },
    );
    let Reply::AccountSuccess(Some(AccountValue::Token(token))) = token else {
        panic!("{token:?}");
    };
    rig.engine.execute(&format!(
        "INSERT INTO identities VALUES ('https://id.example', '1', {number}, 0, 'example')"
    ));
    rig.engine.execute(&format!(
        "INSERT INTO reset_codes VALUES (zeroblob(32), {number}, NULL, 0, 1)"
    ));
    rig.engine.execute(&format!(
        "INSERT INTO used_codes VALUES ({number}, zeroblob(32), 0)"
    ));
    rig.engine.execute(&format!(
        "INSERT INTO proven_emails VALUES ({number}, 'x', 0)"
    ));
    put(&mut rig, &mut link, buy(&alice.session, "1", "filled"));
    rig.settle(&[("AAPL", "2")]);
    for name in ["alice", "bob"] {
        let (sender, granted) = bounded(1);
        let grant = Grant {
            username: Username::parse(name).unwrap(),
            amount: money("5"),
            reason: format!("{name} has won"),
        };
        let message = TransactionsMessage::Grant(grant, act(), sender);
        rig.transactions.on_message(message);
        granted.try_recv().unwrap().unwrap();
    }
    let waits = put(&mut rig, &mut link, buy(&alice.session, "2", "waits"));
    link.heard();

    assert_eq!(
        rig.refused(&mut link, delete(&token, Some("alice"))),
        Reason::Scope
    );
    let wrong = delete(&alice.session, Some("guess"));
    assert_eq!(rig.refused(&mut link, wrong), Reason::BadCredentials);
    let none = delete(&alice.session, None);
    assert_eq!(rig.refused(&mut link, none), Reason::BadCredentials);
    assert_eq!(left(&rig, number), 9, "nothing has gone yet");

    let asked = put(&mut rig, &mut link, delete(&alice.session, Some("alice")));
    let replies = link.replies();
    assert_eq!(
        (replies[0].0, reason(&replies[0].1)),
        (waits, Reason::Cancelled)
    );
    assert_eq!(replies[1], (asked, DONE));
    assert_eq!(left(&rig, number), 0);
    let row = format!(
        "SELECT count(*) FROM accounts WHERE account = {number} AND username = '~{number}'
         AND username_key = '~{number}' AND email IS NULL AND email_key IS NULL
         AND pass_hash IS NULL AND state = 2"
    );
    assert_eq!(rig.engine.number(&row), 1);
    let mails = "SELECT count(*) FROM outbox WHERE kind = 'account-deleted' AND username = 'alice'";
    assert_eq!(rig.engine.number(mails), 1);
    let entries = rig.entries(alice.account);
    let ends: Vec<_> = entries.iter().map(|it| it.transaction.status).collect();
    assert_eq!(
        ends,
        [
            TransactionStatus::Settled,
            TransactionStatus::Settled,
            TransactionStatus::Cancelled
        ]
    );
    assert!(
        entries
            .iter()
            .all(|it| it.transaction.client_order_id.is_none())
    );
    assert_eq!(
        entries[1].note.as_deref(),
        Some("-"),
        "it may name a person"
    );
    let others = rig.entries(bob.account);
    assert_eq!(others[0].note.as_deref(), Some("bob has won"));
    assert_eq!(differences(&rig), Vec::<String>::new());
    assert_eq!(rig.transactions_status().queued, 0);
    assert_eq!(rig.holdings(alice.account).positions.len(), 1);

    // Every door is closed, at every worker.
    assert_eq!(other.ended_sessions().0.len(), 2);
    for session in [&alice.session, &token] {
        let refused = rig.refused(&mut other, info(session, "alice"));
        assert_eq!(refused, Reason::SessionExpired);
    }
    assert_eq!(
        rig.refused(&mut link, login("alice", false)),
        Reason::BadCredentials
    );
    assert_eq!(
        rig.refused(&mut other, info(&bob.session, "alice")),
        Reason::UnknownUser
    );
    // Its request may have lost its answer, and another session's has not asked for this.
    assert_eq!(
        rig.ask(&mut other, delete(&alice.session, Some("alice"))),
        DONE
    );
    let late = delete(&token, Some("alice"));
    assert_eq!(rig.refused(&mut other, late), Reason::SessionExpired);
    // Name and address are free.
    assert_eq!(
        rig.ask(&mut link, register("alice")),
        Reply::RegisterSuccess
    );
    let again = rig.ask(&mut link, login("alice", false));
    assert!(matches!(again, Reply::Session { .. }), "{again:?}");
    assert_eq!(
        rig.ask(&mut other, delete(&alice.session, Some("alice"))),
        DONE
    );
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    assert_eq!(
        rig.ask(&mut link, delete(&alice.session, Some("alice"))),
        DONE
    );
    assert_eq!(
        rig.engine
            .number("SELECT count(*) FROM accounts WHERE state = 2"),
        1
    );
}

/// Which of the texts some file of the database, or a backup of it, still has.
fn found(rig: &MasterRig, texts: &[String]) -> Vec<String> {
    let file = rig.engine.url().file().unwrap();
    let backup = rig.engine.folder().join("backup.db");
    let _ = fs::remove_file(&backup);
    backup::copy(rig.engine.url(), &backup, &|| false).unwrap();
    let log = file.with_extension("db-wal");
    let mut found = Vec::new();
    for file in [file, &log, &backup] {
        let bytes = fs::read(file).unwrap();
        let stands = |text: &&String| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        found.extend(texts.iter().filter(stands).cloned());
    }
    found
}

/// A server's files are its administrator's: see its page.
#[test]
fn no_file_has_the_bytes_of_who_was_deleted() {
    let mut rig = MasterRig::on(Engine::sqlite(), config());
    let mut link = rig.link("eu1");
    let mut storage = rig.engine.storage();
    storage.write(|tx| tx.set_outbox_open(true)).unwrap();
    rig.user(&mut link, "bob");
    let alice = rig.user(&mut link, "Alice-of-the-test");
    let number = alice.account.0;
    rig.engine.execute(&format!(
        "INSERT INTO identities (issuer, subject, account, linked)
         VALUES ('https://id.example', 'her-own-subject', {number}, 0)"
    ));
    put(
        &mut rig,
        &mut link,
        buy(&alice.session, "1", "her-own-order"),
    );
    link.heard();
    let column = |column: &str| {
        let sql = format!("SELECT {column} FROM accounts WHERE account = {number}");
        let mut reader = rig.engine.reader();
        reader.read(|snapshot| Ok(snapshot.text(&sql))).unwrap()
    };
    let texts = [
        "username",
        "username_key",
        "email",
        "email_key",
        "pass_hash",
    ];
    let mut texts: Vec<String> = texts.into_iter().map(column).collect();
    texts.push("her-own-subject".to_owned());
    texts.push("her-own-order".to_owned());
    assert_ne!(found(&rig, &texts), Vec::<String>::new());

    delete_named(&mut rig, "alice-of-the-test")
        .try_recv()
        .unwrap()
        .unwrap();
    // The mail of it is sent.
    let mail = rig
        .engine
        .number("SELECT number FROM outbox WHERE ended IS NULL");
    storage
        .write(|tx| tx.end_mail(mail, true, Timestamp::now()))
        .unwrap();
    let mut reader = rig.engine.reader();
    let reading = reader.snapshot().map(|mut it| {
        it.account_count().unwrap();
        it
    });
    let now = Instant::now();
    rig.auth.on_tick(now);
    assert_ne!(
        found(&rig, &texts),
        Vec::<String>::new(),
        "a reader needs the log"
    );
    drop(reading);
    rig.auth.on_tick(now + Duration::from_secs(60));
    assert_eq!(found(&rig, &texts), Vec::<String>::new());
    assert_eq!(
        rig.engine
            .number("SELECT count(*) FROM accounts WHERE username = 'bob'"),
        1
    );
}

#[test]
fn few_ends_of_an_account_wait_for_an_update_and_a_bounded_number_of_all() {
    let mut rig = MasterRig::new();
    for name in ["alice", "bob", "carol"] {
        rig.account(name);
    }
    set_updating(&mut rig, true);
    let asked: Vec<_> = (0..5).map(|_| delete_named(&mut rig, "alice")).collect();
    let (held, refused) = asked.split_at(4);
    assert!(held.iter().all(|answer| answer.try_recv().is_err()));
    let why = refused[0].try_recv().unwrap().unwrap_err();
    assert_eq!(why, Refusal::master_overloaded().text);
    let others: Vec<_> = (0..CANCELLATIONS_MAX - 5).map(|_| Arc::new(())).collect();
    let pending = others.iter().map(|it| (AccountId(9), Arc::downgrade(it)));
    rig.auth.pending_ends.extend(pending);
    let last = lock(&mut rig, "bob");
    assert!(last.try_recv().is_err(), "it waits");
    let too_many = lock(&mut rig, "carol").try_recv().unwrap();
    assert_eq!(too_many.unwrap_err(), Refusal::master_overloaded().text);
    set_updating(&mut rig, false);
    assert!(last.try_recv().unwrap().is_ok());
    assert!(lock(&mut rig, "carol").try_recv().unwrap().is_ok());
    assert_eq!(rig.auth.events[&AccountEvent::Lock], 2);
    let name = Username::parse("carol").unwrap();
    rig.auth.set_locked(&name, false, &act()).unwrap();
    assert_eq!(rig.auth.events[&AccountEvent::Lock], 2, "it is unlocked");
}

#[test]
fn a_deletion_follows_the_update_that_is_under_way() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let order = put(&mut rig, &mut link, buy(&alice.session, "1", "a"));
    // Its prices are out, and the queue has not seen them.
    let update = rig.update(&[("AAPL", "3")]);
    let late = put(&mut rig, &mut link, buy(&alice.session, "1", "b"));
    link.heard();
    let asked = put(&mut rig, &mut link, delete(&alice.session, Some("alice")));
    assert_eq!(link.replies(), [], "it waits");
    rig.tell(&update);
    let replies = link.replies();
    let numbers: Vec<u64> = replies.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [order, late, asked]);
    assert!(matches!(replies[0].1, Reply::Filled(_)), "{replies:?}");
    assert_eq!(reason(&replies[1].1), Reason::Cancelled);
    assert_eq!(replies[2].1, DONE);
    assert_eq!(differences(&rig), Vec::<String>::new());
}

#[test]
fn an_update_that_brings_nothing_holds_no_deletion_up() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    set_updating(&mut rig, true);
    let asked = put(&mut rig, &mut link, delete(&alice.session, Some("alice")));
    assert_eq!(link.replies(), []);
    set_updating(&mut rig, false);
    assert_eq!(link.replies(), [(asked, DONE)]);
}

#[test]
fn of_two_deletions_at_once_both_succeed_and_a_session_that_ends_meanwhile_deletes_nothing() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let second = rig.user_again(&mut link, "alice");
    let bob = rig.user(&mut link, "bob");
    set_updating(&mut rig, true);
    let asked = [
        put(&mut rig, &mut link, delete(&alice.session, Some("alice"))),
        put(&mut rig, &mut link, delete(&second, Some("alice"))),
        put(&mut rig, &mut link, delete(&bob.session, Some("bob"))),
    ];
    let logout = Request::Logout {
        session: bob.session.clone(),
    };
    assert_eq!(rig.ask(&mut link, logout), Reply::LogoutSuccess);
    let by_administrator = delete_named(&mut rig, "alice");
    set_updating(&mut rig, false);
    let replies = link.replies();
    let numbers: Vec<u64> = replies.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, asked);
    assert_eq!((&replies[0].1, &replies[1].1), (&DONE, &DONE));
    assert_eq!(reason(&replies[2].1), Reason::SessionExpired);
    let told = by_administrator.try_recv().unwrap();
    assert_eq!(
        told.unwrap_err(),
        "there is no user alice",
        "it was too late"
    );
    assert_eq!(rig.auth.events[&AccountEvent::Deletion], 1);
    assert_eq!(
        rig.engine
            .number("SELECT count(*) FROM accounts WHERE state = 2"),
        1
    );
    let again = rig.ask(&mut link, login("bob", false));
    assert!(matches!(again, Reply::Session { .. }), "{again:?}");
}

#[test]
fn a_login_that_crosses_a_deletion_leaves_no_session() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    set_updating(&mut rig, true);
    put(&mut rig, &mut link, delete(&alice.session, Some("alice")));
    let reply_to = link.reply_to();
    let sequence = reply_to.sequence;
    let request = link_request(login("alice", false));
    rig.router
        .on_message(RouterMessage(vec![(reply_to, request)]));
    rig.run_modules();
    // The password is right, and then the account goes before the session is stored.
    let job = rig.hash_jobs.take_done().unwrap();
    rig.auth.on_message(hashing::done(job));
    rig.assets.progress.set_under_way(false);
    rig.transactions.on_tick(Instant::now());
    rig.auth.on_turn_end();
    assert_eq!(left(&rig, alice.account.0), 0);
    let Reply::Session { id, .. } = link.reply(sequence) else {
        panic!()
    };
    rig.run();
    link.heard();
    let refused = rig.refused(&mut link, info(&id, "alice"));
    assert_eq!(refused, Reason::SessionExpired);
    assert_eq!(left(&rig, alice.account.0), 0);
}

#[test]
fn what_crosses_a_deletion_changes_nothing_of_it() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    set_updating(&mut rig, true);
    put(&mut rig, &mut link, delete(&alice.session, Some("alice")));
    rig.assets.progress.set_under_way(false);
    rig.transactions.on_tick(Instant::now());
    // Auth has not heard of it, and takes this for a session still.
    let reply_to = link.reply_to();
    let late = reply_to.sequence;
    let order = link_request(buy(&alice.session, "1", "late"));
    rig.router
        .on_message(RouterMessage(vec![(reply_to, order)]));
    let token = Request::CreateToken {
        session: alice.session.clone(),
        name: TokenName::parse("desk").unwrap(),
        scope: TokenScope::Trade,
        days: 30,
    };
    let reply_to = link.reply_to();
    let sequence = reply_to.sequence;
    rig.router
        .on_message(RouterMessage(vec![(reply_to, link_request(token))]));
    let waiting: Vec<AuthMessage> = rig.of_auth.receiver.try_iter().collect();
    let (news, crossing): (Vec<_>, Vec<_>) = waiting
        .into_iter()
        .partition(|message| matches!(message, AuthMessage::Deleted(..)));
    assert_eq!((news.len(), crossing.len()), (1, 2));
    for message in crossing {
        rig.auth.on_message(message);
    }
    rig.run();
    let replies = link.replies();
    let of = |wanted| {
        replies
            .iter()
            .find(|(number, _)| *number == wanted)
            .unwrap()
    };
    assert_eq!(reason(&of(sequence).1), Reason::SessionExpired);
    assert_eq!(reason(&of(late).1), Reason::SessionExpired);
    assert_eq!(rig.transactions_status().queued, 0);
    assert_eq!(left(&rig, alice.account.0), 0);
}

#[test]
fn an_account_without_a_password_is_deleted_after_a_fresh_login_alone() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    rig.engine
        .execute("UPDATE accounts SET is_password = 0, pass_hash = NULL");
    rig.engine
        .execute("UPDATE sessions SET since = since - 900001");
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    let stale = delete(&alice.session, None);
    assert_eq!(rig.refused(&mut link, stale.clone()), Reason::LoginAgain);
    let guess = delete(&alice.session, Some("alice"));
    assert_eq!(rig.refused(&mut link, guess), Reason::BadCredentials);
    let now = Timestamp::now().0 - 1_000;
    rig.engine
        .execute(&format!("UPDATE sessions SET since = {now}"));
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    assert_eq!(rig.ask(&mut link, stale), DONE);
}

#[test]
fn a_deletion_that_cannot_be_stored_changes_nothing() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    put(&mut rig, &mut link, buy(&alice.session, "1", "a"));
    link.heard();
    rig.refuse_changes("UPDATE", "transactions");
    let request = delete(&alice.session, Some("alice"));
    assert_eq!(
        rig.refused(&mut link, request.clone()),
        Reason::InternalError
    );
    rig.allow_changes();
    assert_eq!(
        rig.engine
            .number("SELECT count(*) FROM accounts WHERE state = 2"),
        0
    );
    rig.settle(&[("AAPL", "2")]);
    assert!(matches!(link.replies()[0].1, Reply::Filled(_)));
    assert_eq!(rig.ask(&mut link, request), DONE);
}

#[test]
fn an_administrator_deletes_an_account_once() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "Alice");
    put(&mut rig, &mut link, buy(&alice.session, "1", "a"));
    let end = delete_named(&mut rig, "alice").try_recv().unwrap().unwrap();
    let expected = AccountEnd {
        account: alice.account,
        username: Username::parse("Alice").unwrap(),
        sessions: 1,
        orders: 1,
    };
    assert_eq!(end, expected);
    let why = delete_named(&mut rig, "alice").try_recv().unwrap();
    assert_eq!(why.unwrap_err(), "there is no user alice");
}

#[test]
fn a_deletion_or_lock_that_nobody_waits_for_any_more_is_not_made() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let late = || act_within(Duration::ZERO);
    let why = lock_as(&mut rig, "alice", late()).try_recv().unwrap();
    assert_eq!(why.unwrap_err(), "a lock came too late, and was not done");
    // It was in time when auth took it, and an update held it up.
    set_updating(&mut rig, true);
    let answer = delete_named_as(&mut rig, "alice", act_within(Duration::from_millis(1)));
    assert!(answer.try_recv().is_err());
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2) {
        std::thread::yield_now();
    }
    set_updating(&mut rig, false);
    let why = answer.try_recv().unwrap().unwrap_err();
    assert_eq!(why, "a deletion came too late, and was not done");
    assert_eq!(
        left(&rig, alice.account.0),
        2,
        "its session, and from where"
    );
    let again = rig.ask(&mut link, login("alice", false));
    assert!(matches!(again, Reply::Session { .. }), "{again:?}");
}

#[test]
fn a_strangers_address_is_told_of_few_deletions() {
    let mut rig = MasterRig::new();
    let mut storage = rig.engine.storage();
    storage.write(|tx| tx.set_outbox_open(true)).unwrap();
    let mut told = Vec::new();
    for _ in 0..5 {
        rig.account("alice");
        delete_named(&mut rig, "alice").try_recv().unwrap().unwrap();
        // As when it is sent.
        told.push(rig.engine.execute("DELETE FROM outbox"));
    }
    assert_eq!(told, [1, 1, 1, 0, 0]);
}

#[test]
fn a_lock_ends_sessions_at_once_and_orders_after_the_update() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let order = put(&mut rig, &mut link, buy(&alice.session, "1", "a"));
    link.heard();
    set_updating(&mut rig, true);
    let answer = lock(&mut rig, "alice");
    assert!(answer.try_recv().is_err(), "it waits");
    let refused = rig.refused(&mut link, info(&alice.session, "alice"));
    assert_eq!(refused, Reason::SessionExpired);
    set_updating(&mut rig, false);
    let end = answer.try_recv().unwrap().unwrap();
    assert_eq!((end.sessions, end.orders), (1, 1));
    let replies = link.replies();
    assert_eq!(
        (replies[0].0, reason(&replies[0].1)),
        (order, Reason::Cancelled)
    );
    assert_eq!(
        rig.entries(alice.account)[0].transaction.reason,
        Some(Reason::Cancelled)
    );
    // The name of the order is used up.
    assert!(
        rig.entries(alice.account)[0]
            .transaction
            .client_order_id
            .is_some()
    );
}

#[test]
fn a_start_cancels_what_a_kill_left_of_a_lock() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    put(&mut rig, &mut link, buy(&alice.session, "1", "a"));
    rig.engine.execute("UPDATE accounts SET state = 1");
    let mut rig = rig.restart();
    assert_eq!(rig.transactions_status().queued, 1);
    rig.transactions.on_tick(Instant::now());
    assert_eq!(rig.transactions_status().queued, 0);
    let entries = rig.entries(alice.account);
    assert_eq!(entries[0].transaction.status, TransactionStatus::Cancelled);
}
