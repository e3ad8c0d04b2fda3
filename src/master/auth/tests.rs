//! spec/master/auth.md · 3.1.3 Account Management & Authorization

use super::*;
use crate::master::messages::{AuthRequest, LinkRequest};
use crate::master::storage::accounts::SESSION_WORKERS_MAX;
use crate::master::testing::{
    FakeLink, MasterRig, login, pass, quantity, reason, register, symbol,
};
use crate::model::{ResetCode, SessionId, Side, Username};
use crate::wire::{Reply, Request};
use crossbeam_channel::bounded;
use uuid::Uuid;

fn ask<T>(
    rig: &mut MasterRig,
    message: impl FnOnce(crossbeam_channel::Sender<T>) -> AuthMessage,
) -> T {
    let (sender, answer) = bounded(1);
    rig.auth.on_message(message(sender));
    rig.auth.on_turn_end();
    answer.try_recv().unwrap()
}

/// The administrator who asks.
fn caller() -> String {
    "user root (0)".to_owned()
}

fn log_in(rig: &mut MasterRig, link: &mut FakeLink, name: &str, expirable: bool) -> SessionId {
    match rig.ask(link, login(name, expirable)) {
        Reply::Session { id, .. } => id,
        reply => panic!("{reply:?}"),
    }
}

fn users(rows: &[SessionRow]) -> Vec<&str> {
    rows.iter()
        .map(|row| row.session.username.as_str())
        .collect()
}

#[test]
fn administrators_see_the_sessions_of_all_or_of_one() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "Alice");
    rig.user(&mut link, "bob");
    let all = ask(&mut rig, |reply| AuthMessage::List(None, reply));
    assert_eq!(users(&all), ["Alice", "bob"]);
    let hers = ask(&mut rig, |reply| {
        AuthMessage::List(Some("aLICE".into()), reply)
    });
    assert_eq!(users(&hers), ["Alice"]);
    assert_eq!(hers[0].prefix, alice.session.hash().prefix());
    let nobodys = ask(&mut rig, |reply| {
        AuthMessage::List(Some("carol".into()), reply)
    });
    assert!(nobodys.is_empty());
}

#[test]
fn administrators_end_sessions_by_their_beginning_their_user_or_their_worker() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let mut other = rig.link("eu2");
    let alice = rig.user(&mut link, "Alice");
    rig.user(&mut link, "bob");
    rig.user(&mut link, "carol");
    rig.user(&mut other, "dave");
    other.heard();
    let mut end = |filter: SessionFilter| {
        let ended = ask(&mut rig, |reply| AuthMessage::End(filter, caller(), reply));
        ended.unwrap().logins
    };
    assert_eq!(end(SessionFilter::Prefix("zz".into())), 0);
    assert_eq!(end(SessionFilter::Prefix(alice.session.hash().prefix())), 1);
    assert_eq!(other.ended_sessions().0, [alice.session.hash()]);
    assert_eq!(end(SessionFilter::User("BOB".into())), 1);
    assert_eq!(end(SessionFilter::Worker(other.peer.worker.uuid)), 1);
    assert_eq!(end(SessionFilter::User("bob".into())), 0);
    let left = ask(&mut rig, |reply| AuthMessage::List(None, reply));
    assert_eq!(users(&left), ["carol"]);
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 1);
    let acts = "SELECT group_concat(username || ' ' || act || ' ' || caller || ' ' || detail, '|'
                    ORDER BY number) FROM acts JOIN accounts USING (account)";
    let told = rig.engine.reader().snapshot().unwrap().text(acts);
    let of = |name| format!("{name} end-sessions user root (0) sessions and tokens ended: 1");
    assert_eq!(told, [of("Alice"), of("bob"), of("dave")].join("|"));
}

#[test]
fn a_worker_that_a_session_has_passed_is_remembered_over_a_restart() {
    let mut rig = MasterRig::new();
    let mut maker = rig.link("eu1");
    let alice = rig.user(&mut maker, "alice");
    let bob = rig.user(&mut maker, "bob");
    rig.user(&mut maker, "carol");
    // A question, an order, a login with the session: each by another worker.
    let mut asking = rig.link("eu2");
    let reply_to = asking.reply_to();
    let question = AuthRequest::Session(alice.session.hash());
    rig.handle(vec![(reply_to, LinkRequest::Auth(question))]);
    let mut ordering = rig.link("eu3");
    let order = Request::Order {
        session: alice.session.clone(),
        side: Side::Buy,
        symbol: symbol("AAPL"),
        quantity: quantity("1"),
        id: None,
    };
    rig.ask(&mut ordering, order.clone());
    rig.ask(&mut ordering, order);
    let mut resuming = rig.link("eu4");
    let resume = Request::Resume {
        session: bob.session.clone(),
    };
    rig.ask(&mut resuming, resume);
    // A session that is none is not noted.
    let guess = Request::Resume {
        session: SessionId::from_bytes([1; 32]),
    };
    rig.ask(&mut resuming, guess);
    assert_eq!(rig.engine.number("SELECT count(*) FROM session_workers"), 3);
    let mut rig = rig.restart();
    let mut end = |filter: SessionFilter| {
        let ended = ask(&mut rig, |reply| AuthMessage::End(filter, caller(), reply));
        ended.unwrap().logins
    };
    let by = |link: &FakeLink| SessionFilter::Worker(link.peer.worker.uuid);
    assert_eq!(end(by(&asking)), 1);
    assert_eq!(end(by(&ordering)), 0, "alice's has ended");
    assert_eq!(end(by(&resuming)), 1);
    assert_eq!(end(SessionFilter::All), 1);
    assert_eq!(end(SessionFilter::All), 0);
    assert_eq!(rig.engine.number("SELECT count(*) FROM session_workers"), 0);
}

#[test]
fn a_session_that_has_passed_too_many_workers_has_passed_any() {
    let mut rig = MasterRig::new();
    let mut maker = rig.link("eu1");
    let alice = rig.user(&mut maker, "alice");
    let resume = || Request::Resume {
        session: alice.session.clone(),
    };
    for number in 0..SESSION_WORKERS_MAX + 3 {
        let mut link = rig.link(&format!("us{number}"));
        rig.ask(&mut link, resume());
    }
    let rows = i64::try_from(SESSION_WORKERS_MAX).unwrap() + 1;
    let stored = rig.engine.number("SELECT count(*) FROM session_workers");
    assert_eq!(stored, rows);
    let last = rig.link(&format!("us{}", SESSION_WORKERS_MAX + 2));
    let filter = SessionFilter::Worker(last.peer.worker.uuid);
    let ended = ask(&mut rig, |reply| AuthMessage::End(filter, caller(), reply)).unwrap();
    assert_eq!((ended.logins, ended.tokens), (1, 0));
}

#[test]
fn a_worker_that_could_not_be_stored_is_stored_with_the_next_commit() {
    let mut rig = MasterRig::new();
    let mut maker = rig.link("eu1");
    let alice = rig.user(&mut maker, "alice");
    let mut link = rig.link("eu2");
    let resume = Request::Resume {
        session: alice.session.clone(),
    };
    rig.refuse_changes("INSERT", "session_workers");
    rig.ask(&mut link, resume);
    rig.allow_changes();
    rig.auth.on_turn_end();
    let stored = rig.engine.number("SELECT count(*) FROM session_workers");
    assert_eq!(stored, 1);
}

#[test]
fn an_act_that_could_not_be_stored_is_stored_with_the_next_commit() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    rig.refuse_changes("INSERT", "acts");
    let mut end = || {
        let all = SessionFilter::All;
        ask(&mut rig, |reply| AuthMessage::End(all, caller(), reply))
    };
    let why = end().unwrap_err();
    assert!(
        why.starts_with("1 sessions and 0 tokens have ended"),
        "{why}"
    );
    let why = end().unwrap_err();
    assert!(why.starts_with("0 sessions"), "it is not stored yet: {why}");
    assert!(ask(&mut rig, |reply| AuthMessage::List(None, reply)).is_empty());
    rig.allow_changes();
    let all = SessionFilter::All;
    let ended = ask(&mut rig, |reply| AuthMessage::End(all, caller(), reply));
    assert_eq!(ended, Ok(EndedCount::default()));
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 0);
    assert_eq!(rig.engine.number("SELECT count(*) FROM acts"), 1);
}

#[test]
fn administrators_see_how_auth_is_doing() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    rig.account("bob");
    let resume = Request::Resume {
        session: SessionId::from_bytes([1; 32]),
    };
    rig.ask(&mut link, resume);
    let status = ask(&mut rig, AuthMessage::Status);
    assert_eq!(
        (status.accounts, status.sessions, status.inactive),
        (2, 1, 1)
    );
}

#[test]
fn sessions_outlive_the_master() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    let resume = Request::Resume {
        session: alice.session.clone(),
    };
    let Reply::Session { id, .. } = rig.ask(&mut link, resume.clone()) else {
        panic!()
    };
    assert_eq!(id, alice.session);
    // What expired meanwhile did not.
    rig.engine.execute("UPDATE sessions SET expiry = 1");
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    assert_eq!(rig.refused(&mut link, resume), Reason::SessionExpired);
}

#[test]
fn a_worker_that_starts_again_loses_the_expirable_sessions_of_its_earlier_process() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let (alice, mut other) = (rig.user(&mut link, "alice"), rig.link("eu2"));
    let ending = log_in(&mut rig, &mut link, "alice", true);
    let foreign = log_in(&mut rig, &mut other, "alice", true);
    // The same process over a new link keeps them.
    let worker = link.peer.worker.clone();
    let same = rig.open_link(&worker, link.peer.boot);
    rig.tell_linked(&same);
    assert_eq!(rig.auth.sessions.len(), 3);
    let newer = rig.open_link(&worker, Uuid::from_u128(5));
    rig.tell_linked(&newer);
    assert_eq!(other.ended_sessions().0, [ending.hash()]);
    assert_eq!(rig.auth.sessions.len(), 2);
    for kept in [&alice.session, &foreign] {
        assert!(rig.auth.sessions.get(&kept.hash(), Timestamp(0)).is_some());
    }
    // And one that stays away loses those of all its processes.
    rig.auth
        .on_message(AuthMessage::WorkerAway(other.peer.worker.uuid, None));
    rig.auth.on_turn_end();
    assert_eq!(other.ended_sessions().0, [foreign.hash()]);
}

#[test]
fn the_limits_of_a_configuration_that_was_reloaded_count_at_once() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let mut limits = rig.config.limits.clone();
    limits.failed_logins_per_minute = 1;
    limits.registrations_per_minute_per_address = 1;
    rig.auth.on_message(AuthMessage::Limits(limits.clone()));
    assert_eq!(
        rig.refused(&mut link, login("alice", false)),
        Reason::BadCredentials
    );
    assert_eq!(
        rig.refused(&mut link, login("alice", false)),
        Reason::TooManyAttempts
    );
    assert_eq!(
        rig.refused(&mut link, login("bob", false)),
        Reason::BadCredentials
    );
    limits.failed_logins_per_minute_per_address = 2;
    rig.auth.on_message(AuthMessage::Limits(limits));
    assert_eq!(
        rig.refused(&mut link, login("carol", false)),
        Reason::TooManyAttempts
    );
    assert_eq!(rig.ask(&mut link, register("dave")), Reply::RegisterSuccess);
    let reply = rig.ask(&mut link, register("erin"));
    assert_eq!(reason(&reply), Reason::TooManyAttempts);
}

#[test]
fn what_fails_and_what_ends_is_counted() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    let bob = rig.user(&mut link, "bob");
    rig.user(&mut link, "carol");
    let mut limits = rig.config.limits.clone();
    limits.failed_logins_per_minute = 1;
    rig.auth.on_message(AuthMessage::Limits(limits));
    let reset = |name: &str| Request::ResetPassword {
        username: Username::parse(name).unwrap(),
        code: ResetCode::from_bytes(&[1; 20]),
        new: pass("new"),
    };
    for (request, why) in [
        (login("dave", false), Reason::BadCredentials),
        (login("dave", false), Reason::TooManyAttempts),
        (reset("erin"), Reason::CodeInvalid),
        (reset("erin"), Reason::TooManyAttempts),
    ] {
        assert_eq!(rig.refused(&mut link, request), why);
    }
    let logout = Request::Logout {
        session: bob.session.clone(),
    };
    assert_eq!(rig.ask(&mut link, logout), Reply::LogoutSuccess);
    let erin = rig.ask(&mut link, register("erin"));
    assert_eq!(erin, Reply::RegisterSuccess);
    let carols = SessionFilter::User("carol".into());
    let ended = ask(&mut rig, |reply| AuthMessage::End(carols, caller(), reply));
    assert!(ended.is_ok());
    let status = ask(&mut rig, AuthMessage::Status);
    let counted = [
        (AccountEvent::Login, 3),
        (AccountEvent::FailedLogin, 1),
        (AccountEvent::RefusedLogin, 2),
        (AccountEvent::Registration, 1),
        (AccountEvent::RefusedCode, 1),
        (AccountEvent::SessionEnd, 2),
    ];
    assert_eq!(status.events, counted);
}

#[test]
fn messages_to_auth_carry_no_printable_secret() {
    let request = Request::Login {
        username: Username::parse("alice").unwrap(),
        hashed_pass: pass("alice"),
        expirable: false,
    };
    assert!(!format!("{request:?}").contains(pass("alice").expose()));
}

#[test]
fn sessions_of_a_clock_that_was_ahead_begin_anew_when_it_is_set_back_and_after_a_restart() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.account("Alice");
    log_in(&mut rig, &mut link, "Alice", false);
    let length = rig.engine.number("SELECT expiry - since FROM sessions");
    let expiry = |rig: &MasterRig| rig.engine.number("SELECT expiry FROM sessions");
    // The clock goes back by an hour.
    let now = Timestamp::now();
    rig.auth.looked = now;
    rig.auth.look_at_clock(Timestamp(now.0 - 1_000));
    assert!(
        expiry(&rig) > now.0 - 1_000 + length,
        "it is merely adjusted"
    );
    rig.auth.looked = now;
    let earlier = Timestamp(now.0 - 3_600_000);
    rig.auth.look_at_clock(earlier);
    let begin = accounts::no_longer_fresh(earlier);
    assert_eq!(expiry(&rig), begin.0 + length);
    let row = rig.auth.sessions.iter().next().unwrap().session.clone();
    assert_eq!((row.since, row.expiry.0), (begin, begin.0 + length));
    assert!(earlier.since(row.since) > 900_000, "it is no fresh login");
    // One of the year 2099 is there when the master starts.
    rig.engine.execute(
        "UPDATE sessions SET since = since + 2300000000000, expiry = expiry + 2300000000000",
    );
    let rig = rig.restart();
    let left = Timestamp(expiry(&rig)).since(Timestamp::now());
    let most = length - 900_001;
    assert!((most - 60_000..=most).contains(&left), "{left}");
}
