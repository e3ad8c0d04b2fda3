//! spec/master/auth/accounts.md · 3.1.3, 4.1

use crate::master::auth::hashing::testing as hashing;
use crate::master::messages::{AccountChange, AuthMessage, AuthRequest, RouterMessage};
use crate::master::reply_to::ReplyTo;
use crate::master::testing::{
    FakeLink, MasterRig, act, link_request, login, pass, quantity, reason, symbol,
};
use crate::model::{
    AccountValue, Email, Reason, SessionHash, SessionId, SessionSelection, Side, TokenName,
    TokenScope, Username,
};
use crate::runtime::Module;
use crate::wire::payload::UserInfo;
use crate::wire::{Instruction, Reply, Request};
use std::sync::atomic::Ordering;
use std::time::Instant;

fn log_in(rig: &mut MasterRig, link: &mut FakeLink, name: &str) -> SessionId {
    match rig.ask(link, login(name, false)) {
        Reply::Session { id, .. } => id,
        reply => panic!("{reply:?}"),
    }
}

/// changePassword with passwords that these names have.
fn change(session: &SessionId, old: Option<&str>, new: &str) -> Request {
    Request::ChangePassword {
        session: session.clone(),
        old: old.map(pass),
        new: pass(new),
    }
}

fn end(session: &SessionId, which: &str) -> Request {
    Request::EndSessions {
        session: session.clone(),
        selection: SessionSelection::parse(which).unwrap(),
    }
}

fn login_with(name: &str, password: &str) -> Request {
    Request::Login {
        username: Username::parse(name).unwrap(),
        hashed_pass: pass(password),
        expirable: false,
    }
}

/// What a client is answered whose request was sent before, over a link that broke.
fn ask_again(rig: &mut MasterRig, link: &mut FakeLink, request: Request) -> Reply {
    let again = ReplyTo {
        again: true,
        ..link.reply_to()
    };
    rig.ask_as(link, again, request)
}

/// Hands a request over, and leaves its passwords to be hashed. Its number.
fn put(rig: &mut MasterRig, link: &mut FakeLink, request: Request) -> u64 {
    let reply_to = link.reply_to();
    let sequence = reply_to.sequence;
    let request = link_request(request);
    rig.router
        .on_message(RouterMessage(vec![(reply_to, request)]));
    rig.run_modules();
    sequence
}

const DONE: Reply = Reply::AccountSuccess(None);

fn ended(count: u32) -> Reply {
    Reply::AccountSuccess(Some(AccountValue::Count(count)))
}

fn is_active(rig: &mut MasterRig, link: &mut FakeLink, session: &SessionId) -> bool {
    let session = session.clone();
    matches!(
        rig.ask(link, Request::Resume { session }),
        Reply::Session { .. }
    )
}

#[test]
fn a_changed_password_ends_all_other_sessions_everywhere() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let mut other = rig.link("us1");
    let alice = rig.user(&mut link, "alice");
    let bob = rig.user(&mut link, "bob");
    let thief = log_in(&mut rig, &mut other, "alice");
    other.heard();
    assert_eq!(
        rig.ask(&mut link, change(&alice.session, Some("alice"), "new")),
        DONE
    );
    assert_eq!(other.ended_sessions().0, [thief.hash()]);
    assert!(!is_active(&mut rig, &mut other, &thief));
    assert!(is_active(&mut rig, &mut link, &alice.session));
    assert!(is_active(&mut rig, &mut link, &bob.session));
    let old = rig.ask(&mut link, login("alice", false));
    assert_eq!(reason(&old), Reason::BadCredentials);
    assert!(matches!(
        rig.ask(&mut link, login_with("alice", "new")),
        Reply::Session { .. }
    ));
    // Also after a restart.
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    assert!(!is_active(&mut rig, &mut link, &thief));
    assert!(is_active(&mut rig, &mut link, &alice.session));
}

#[test]
fn a_wrong_password_changes_nothing_and_counts_as_a_failed_login() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_minute = 2);
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    for expected in [
        Reason::BadCredentials,
        Reason::BadCredentials,
        Reason::TooManyAttempts,
    ] {
        let reply = rig.ask(&mut link, change(&alice.session, Some("guess"), "new"));
        assert_eq!(reason(&reply), expected);
    }
    // Logins count with them.
    let refused = rig.ask(&mut link, login("alice", false));
    assert_eq!(reason(&refused), Reason::TooManyAttempts);
    let sessions = rig.engine.number("SELECT count(*) FROM sessions");
    assert_eq!(sessions, 1);
}

#[test]
fn a_right_password_is_no_failed_login() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_minute = 1);
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    for (old, new) in [("alice", "new"), ("new", "newer"), ("newer", "alice")] {
        assert_eq!(
            rig.ask(&mut link, change(&alice.session, Some(old), new)),
            DONE
        );
    }
}

#[test]
fn who_has_no_password_gets_one_after_a_fresh_login() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    // An account with a password is asked for it.
    let reply = rig.ask(&mut link, change(&alice.session, None, "new"));
    assert_eq!(reason(&reply), Reason::BadCredentials);
    let none = "UPDATE accounts SET is_password = 0, pass_hash = NULL";
    rig.engine.execute(none);
    let info = |rig: &mut MasterRig, link: &mut FakeLink| {
        let (session, username) = (alice.session.clone(), Username::parse("alice").unwrap());
        rig.payload::<UserInfo>(link, Request::UserInfo { session, username })
            .is_password
    };
    assert!(!info(&mut rig, &mut link));
    let reply = rig.ask(&mut link, change(&alice.session, Some("alice"), "new"));
    assert_eq!(reason(&reply), Reason::BadCredentials);
    assert_eq!(
        rig.ask(&mut link, change(&alice.session, None, "new")),
        DONE
    );
    assert!(
        info(&mut rig, &mut link),
        "what is remembered of it is renewed"
    );
    assert!(matches!(
        rig.ask(&mut link, login_with("alice", "new")),
        Reply::Session { .. }
    ));
    rig.engine.execute(none);
    rig.engine
        .execute("UPDATE sessions SET since = since - 900001");
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    let reply = rig.ask(&mut link, change(&alice.session, None, "newer"));
    assert_eq!(reason(&reply), Reason::LoginAgain);
}

#[test]
fn a_change_that_is_sent_again_is_done_once() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let request = change(&alice.session, Some("alice"), "new");
    assert_eq!(rig.ask(&mut link, request.clone()), DONE);
    assert_eq!(ask_again(&mut rig, &mut link, request.clone()), DONE);
    // Without a broken link it is a wrong password.
    assert_eq!(reason(&rig.ask(&mut link, request)), Reason::BadCredentials);
    let all = end(&alice.session, "all");
    assert_eq!(rig.ask(&mut link, all.clone()), ended(1));
    assert_eq!(ask_again(&mut rig, &mut link, all.clone()), ended(0));
    assert_eq!(reason(&rig.ask(&mut link, all)), Reason::SessionExpired);
}

#[test]
fn a_login_and_a_change_that_are_hashed_at_once_leave_no_session_of_the_old_password() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    // Both are verified; the change is done first.
    let change = put(
        &mut rig,
        &mut link,
        change(&alice.session, Some("alice"), "new"),
    );
    let login_first = put(&mut rig, &mut link, login("alice", false));
    let jobs: Vec<_> = std::iter::from_fn(|| rig.hash_jobs.take_done()).collect();
    assert_eq!(jobs.len(), 2);
    for job in jobs {
        rig.of_auth.sender.send(hashing::done(job)).unwrap();
    }
    rig.run();
    let replies = link.replies();
    assert_eq!(replies[0], (change, DONE));
    assert_eq!(replies[1].0, login_first);
    assert_eq!(reason(&replies[1].1), Reason::BadCredentials);
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 1);
}

#[test]
fn sessions_end_by_their_digits_or_but_one_or_all() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let bob = rig.user(&mut link, "bob");
    let [second, third, fourth] = [(); 3].map(|()| log_in(&mut rig, &mut link, "alice"));
    let digits = |session: &SessionId| session.hash().short();
    assert_eq!(
        rig.ask(&mut link, end(&alice.session, &digits(&second))),
        ended(1)
    );
    assert!(!is_active(&mut rig, &mut link, &second));
    // Another's is none.
    for which in [&digits(&bob.session), &digits(&second)] {
        let reply = rig.ask(&mut link, end(&alice.session, which));
        assert_eq!(reason(&reply), Reason::NoData);
    }
    assert_eq!(rig.ask(&mut link, end(&third, "others")), ended(2));
    assert!(is_active(&mut rig, &mut link, &third));
    for gone in [&alice.session, &fourth] {
        assert!(!is_active(&mut rig, &mut link, gone));
    }
    assert_eq!(rig.ask(&mut link, end(&third, "all")), ended(1));
    assert!(is_active(&mut rig, &mut link, &bob.session));
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 1);
}

#[test]
fn digits_that_fit_two_sessions_end_none() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let second = log_in(&mut rig, &mut link, "alice");
    let hash = second.hash();
    let mut twin = rig.auth.sessions.remove(&hash).unwrap();
    let mut bytes = hash.0;
    bytes[31] ^= 1;
    rig.auth.sessions.insert(twin.clone());
    twin.session.hash = SessionHash(bytes);
    rig.auth.sessions.insert(twin);
    let reply = rig.ask(&mut link, end(&alice.session, &hash.short()));
    assert_eq!(reason(&reply), Reason::ArgumentInvalid);
    assert!(is_active(&mut rig, &mut link, &second));
}

#[test]
fn what_cannot_be_stored_changes_nothing() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let second = log_in(&mut rig, &mut link, "alice");
    rig.refuse_changes("DELETE", "sessions");
    for request in [
        change(&alice.session, Some("alice"), "new"),
        end(&alice.session, "others"),
    ] {
        assert_eq!(reason(&rig.ask(&mut link, request)), Reason::InternalError);
    }
    assert!(is_active(&mut rig, &mut link, &second));
    assert!(matches!(
        rig.ask(&mut link, login("alice", false)),
        Reply::Session { .. }
    ));
}

#[test]
fn an_inactive_session_changes_nothing() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    let guess = SessionId::from_bytes([1; 32]);
    for request in [change(&guess, Some("alice"), "new"), end(&guess, "all")] {
        assert_eq!(reason(&rig.ask(&mut link, request)), Reason::SessionExpired);
    }
    let order = Request::Order {
        session: guess,
        side: Side::Buy,
        symbol: symbol("AAPL"),
        quantity: quantity("1"),
        id: None,
    };
    assert_eq!(reason(&rig.ask(&mut link, order)), Reason::SessionExpired);
    assert_eq!(
        AccountChange::Password.instruction(),
        Instruction::ChangePassword
    );
}

fn change_email(session: &SessionId, password: Option<&str>, email: Option<&str>) -> Request {
    Request::ChangeEmail {
        session: session.clone(),
        pass: password.map(pass),
        email: email.map(|email| Email::parse(email).unwrap()),
    }
}

#[test]
fn an_address_is_changed_taken_away_and_free_again() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let bob = rig.user(&mut link, "bob");
    let info = |rig: &mut MasterRig, link: &mut FakeLink| {
        let (session, username) = (alice.session.clone(), Username::parse("alice").unwrap());
        let info = Request::UserInfo { session, username };
        rig.payload::<UserInfo>(link, info).private.unwrap().0
    };
    assert_eq!(info(&mut rig, &mut link), "alice@example.org");
    let taken = change_email(&alice.session, Some("alice"), Some("BOB@example.org"));
    assert_eq!(rig.refused(&mut link, taken), Reason::EmailTaken);
    let hidden = change_email(&alice.session, Some("alice"), Some("a@b\u{e0001}"));
    assert_eq!(rig.refused(&mut link, hidden), Reason::EmailInvalid);
    let wrong = change_email(&alice.session, Some("guess"), Some("new@example.org"));
    assert_eq!(rig.refused(&mut link, wrong), Reason::BadCredentials);
    // One's own in another spelling, and another.
    for email in ["Alice@Example.org", "new@example.org"] {
        let request = change_email(&alice.session, Some("alice"), Some(email));
        assert_eq!(rig.ask(&mut link, request), DONE);
        assert_eq!(info(&mut rig, &mut link), email);
    }
    let freed = change_email(&bob.session, Some("bob"), Some("alice@example.org"));
    assert_eq!(rig.ask(&mut link, freed), DONE);
    assert_eq!(
        rig.ask(&mut link, change_email(&alice.session, Some("alice"), None)),
        DONE
    );
    assert_eq!(info(&mut rig, &mut link), "");
    assert_eq!(
        rig.ask(&mut link, change_email(&bob.session, Some("bob"), None)),
        DONE
    );
}

#[test]
fn an_address_is_changed_after_a_fresh_login_alone() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    rig.engine
        .execute("UPDATE sessions SET since = since - 900001");
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    let request = change_email(&alice.session, Some("alice"), None);
    assert_eq!(rig.refused(&mut link, request.clone()), Reason::LoginAgain);
    // login(sessionID) is no login.
    assert!(is_active(&mut rig, &mut link, &alice.session));
    assert_eq!(rig.refused(&mut link, request), Reason::LoginAgain);
    let fresh = log_in(&mut rig, &mut link, "alice");
    assert_eq!(
        rig.ask(&mut link, change_email(&fresh, Some("alice"), None)),
        DONE
    );
}

#[test]
fn who_tries_many_addresses_pays_for_it() {
    let mut rig = MasterRig::with(|config| config.limits.registrations_per_minute_per_address = 2);
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    for expected in [None, None, Some(Reason::TooManyAttempts)] {
        let request = change_email(&alice.session, Some("alice"), Some("new@example.org"));
        let reply = rig.ask(&mut link, request);
        match expected {
            None => assert_eq!(reply, DONE),
            Some(why) => assert_eq!(reason(&reply), why),
        }
    }
}

#[test]
fn a_session_that_is_none_splits_no_commit() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    link.heard();
    let guess = SessionId::from_bytes([9; 32]);
    let name = TokenName::parse("bot").unwrap();
    let logout = Request::Logout {
        session: alice.session.clone(),
    };
    let create = Request::CreateToken {
        session: guess.clone(),
        name: name.clone(),
        scope: TokenScope::Read,
        days: 1,
    };
    let revoke = Request::RevokeToken {
        session: guess.clone(),
        name,
    };
    let asked = [logout, create, revoke, end(&guess, "all")]
        .map(|request| (link.reply_to(), AuthRequest::Request(request)));
    rig.auth.on_message(AuthMessage::Requests(asked.into()));
    let reasons: Vec<Reason> = link.replies().iter().map(|it| reason(&it.1)).collect();
    assert_eq!(reasons, [Reason::SessionExpired; 3]);
    rig.auth.on_turn_end();
    assert_eq!(link.replies()[0].1, Reply::LogoutSuccess);
}

#[test]
fn only_a_changed_record_has_others_forget_what_they_have_read() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let changes = |rig: &MasterRig| rig.auth.channels.account_changes.load(Ordering::Acquire);
    let begun = Instant::now();
    let nothing = rig.ask(&mut link, end(&alice.session, "others"));
    assert_eq!(nothing, Reply::AccountSuccess(Some(AccountValue::Count(0))));
    assert!(rig.auth.is_shut_out(alice.account, begun));
    rig.user_again(&mut link, "alice");
    let one = rig.ask(&mut link, end(&alice.session, "others"));
    assert_eq!(one, Reply::AccountSuccess(Some(AccountValue::Count(1))));
    assert_eq!(changes(&rig), 0);
    let changed = change(&alice.session, Some("alice"), "new");
    assert_eq!(rig.ask(&mut link, changed), DONE);
    assert_eq!(changes(&rig), 1);
    let email = Request::ChangeEmail {
        session: alice.session.clone(),
        pass: Some(pass("new")),
        email: None,
    };
    assert_eq!(rig.ask(&mut link, email), DONE);
    assert_eq!(changes(&rig), 2);
}

#[test]
fn a_locked_account_is_told_so_to_the_right_password_alone() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_minute = 2);
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let bob = rig.user(&mut link, "bob");
    let name = |text: &str| Username::parse(text).unwrap();
    let set_locked = |rig: &mut MasterRig, text: &str, is_locked| {
        let end = rig
            .auth
            .set_locked(&name(text), is_locked, &act())
            .map(|set| set.0);
        end.map(|end| end.sessions)
    };
    assert_eq!(set_locked(&mut rig, "ALICE", true), Ok(1));
    assert!(set_locked(&mut rig, "carol", true).is_err());
    let twice = set_locked(&mut rig, "alice", true);
    assert_eq!(twice, Err("alice is locked already".to_owned()));
    assert_eq!(link.ended_sessions().0, [alice.session.hash()]);
    assert!(!is_active(&mut rig, &mut link, &alice.session));
    assert!(is_active(&mut rig, &mut link, &bob.session));
    let wrong = rig.ask(&mut link, login_with("alice", "guess"));
    assert_eq!(reason(&wrong), Reason::BadCredentials);
    // The right one is no failed login.
    for _ in 0..3 {
        let right = rig.ask(&mut link, login("alice", false));
        assert_eq!(reason(&right), Reason::AccountLocked);
    }
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    let right = rig.ask(&mut link, login("alice", false));
    assert_eq!(reason(&right), Reason::AccountLocked);
    assert_eq!(set_locked(&mut rig, "alice", false), Ok(0));
    log_in(&mut rig, &mut link, "alice");
}

#[test]
fn a_right_password_takes_the_failure_before_it_on_its_connection_back() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_minute = 2);
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    // A client tries the normal form of a password, and then the form as typed.
    for _ in 0..5 {
        let wrong = rig.ask(&mut link, login_with("alice", "normal"));
        assert_eq!(reason(&wrong), Reason::BadCredentials);
        log_in(&mut rig, &mut link, "alice");
    }
    // One failure alone: a second before it stays.
    for _ in 0..2 {
        rig.ask(&mut link, login_with("alice", "guess"));
    }
    let refused = rig.ask(&mut link, login("alice", false));
    assert_eq!(reason(&refused), Reason::TooManyAttempts);
}

#[test]
fn a_hash_that_is_made_anew_never_undoes_a_change() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let renew = |rig: &mut MasterRig, new: &str| {
        let job = rig.hash_jobs.take_done().unwrap();
        let AuthMessage::Verified(pending, true, None) = hashing::done(job) else {
            panic!("another job")
        };
        let renewed = AuthMessage::Verified(pending, true, Some(new.to_owned()));
        rig.of_auth.sender.send(renewed).unwrap();
    };
    put(&mut rig, &mut link, login("alice", false));
    put(&mut rig, &mut link, login("alice", false));
    // Both of two logins that were verified against the old hash are right.
    renew(&mut rig, "new");
    renew(&mut rig, "newer");
    rig.run();
    let sessions = link.replies();
    assert!(
        sessions
            .iter()
            .all(|(_, reply)| matches!(reply, Reply::Session { .. }))
    );
    let hash = |rig: &MasterRig, hash: &str| {
        rig.engine.number(&format!(
            "SELECT count(*) FROM accounts WHERE pass_hash = '{hash}'"
        ))
    };
    assert_eq!(hash(&rig, "new"), 1);
    rig.engine.execute(&format!(
        "UPDATE accounts SET pass_hash = '{}'",
        hashing::hash(&pass("alice"))
    ));
    put(&mut rig, &mut link, login("alice", false));
    put(
        &mut rig,
        &mut link,
        change(&alice.session, Some("alice"), "other"),
    );
    let login = rig.hash_jobs.take_done().unwrap();
    let change = rig.hash_jobs.take_done().unwrap();
    rig.of_auth.sender.send(hashing::done(change)).unwrap();
    let AuthMessage::Verified(pending, true, None) = hashing::done(login) else {
        panic!("another job")
    };
    let late = AuthMessage::Verified(pending, true, Some("late".to_owned()));
    rig.of_auth.sender.send(late).unwrap();
    rig.run();
    assert_eq!(hash(&rig, &hashing::hash(&pass("other"))), 1);
}
