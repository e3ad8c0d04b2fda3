//! spec/master/auth.md · 3.1.3, 4.1

use super::*;
use crate::master::auth::hashing::testing as hashing;
use crate::master::messages::{AuthMessage, RouterMessage};
use crate::master::testing::{FakeLink, MasterRig, TestUser, link_request, login, pass, reason};
use crate::model::{Email, SessionId, TokenName, TokenScope};
use crate::runtime::Module;
use crate::wire::{Reply, Request};
use crossbeam_channel::bounded;

const DONE: Reply = Reply::AccountSuccess(None);
const HOUR: Duration = Duration::from_secs(3600);

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn code(byte: u8) -> ResetCode {
    ResetCode::from_bytes(&[byte; 20])
}

fn ask_for(text: &str) -> Request {
    let name = UsernameOrEmail::parse(text).unwrap();
    Request::RequestReset { name }
}

fn reset(username: &str, code: &ResetCode, new: &str) -> Request {
    Request::ResetPassword {
        username: name(username),
        code: code.clone(),
        new: pass(new),
    }
}

fn login_with(username: &str, password: &str) -> Request {
    Request::Login {
        username: name(username),
        hashed_pass: pass(password),
        expirable: false,
    }
}

fn logs_in(rig: &mut MasterRig, link: &mut FakeLink, password: &str) -> bool {
    let reply = rig.ask(link, login_with("alice", password));
    matches!(reply, Reply::Session { .. })
}

fn is_active(rig: &mut MasterRig, link: &mut FakeLink, session: &SessionId) -> bool {
    let session = session.clone();
    matches!(
        rig.ask(link, Request::Resume { session }),
        Reply::Session { .. }
    )
}

/// What an administrator is given.
fn printed(rig: &mut MasterRig, username: &str, valid: Duration) -> Result<ResetCode, String> {
    let (sender, answer) = bounded(1);
    let printing = CodePrinting {
        name: username.to_owned(),
        valid,
        caller: "user root (0)".to_owned(),
    };
    let message = AuthMessage::PrintCode(printing, sender);
    rig.auth.on_message(message);
    answer.try_recv().unwrap().map(|printed| printed.code)
}

/// A code that was sent by mail to the account's address.
fn mailed(rig: &mut MasterRig, user: &TestUser, byte: u8) -> ResetCode {
    let code = code(byte);
    let mut storage = rig.engine.storage();
    let now = Timestamp::now();
    let found = storage
        .read(|s| s.mail_recipient("alice"))
        .unwrap()
        .unwrap();
    let times = (now, Timestamp(now.0 + 60_000));
    storage
        .write(|tx| tx.store_mailed_code(user.account, &code.hash(), &found.address, times))
        .unwrap();
    code
}

#[test]
fn a_request_for_a_code_is_answered_the_same_whatever_is_known() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    for text in [
        "alice",
        "ALICE",
        "alice@example.org",
        "nobody",
        "nobody@example.org",
    ] {
        assert_eq!(rig.ask(&mut link, ask_for(text)), DONE);
        let MailMessage::Reset(request) = rig.of_mail.receiver.try_recv().unwrap() else {
            panic!("another message");
        };
        assert_eq!(request.name_or_address, text);
        assert_eq!(request.worker, link.peer.worker.uuid);
    }
    // Also where mail has no room.
    while rig
        .of_mail
        .sender
        .try_send(MailMessage::Status(bounded(1).0))
        .is_ok()
    {}
    assert_eq!(rig.ask(&mut link, ask_for("alice")), DONE);
}

#[test]
fn a_code_sets_a_password_once_and_ends_every_session() {
    let mut rig = MasterRig::new();
    let (mut link, mut other) = (rig.link("eu1"), rig.link("us1"));
    let alice = rig.user(&mut link, "alice");
    let bob = rig.user(&mut link, "bob");
    let code = printed(&mut rig, "Alice", HOUR).unwrap();
    let waiting = mailed(&mut rig, &alice, 1);
    other.heard();
    assert_eq!(rig.ask(&mut link, reset("ALICE", &code, "new")), DONE);
    assert_eq!(other.ended_sessions().0, [alice.session.hash()]);
    assert!(!is_active(&mut rig, &mut link, &alice.session));
    assert!(is_active(&mut rig, &mut link, &bob.session));
    assert_eq!(
        rig.engine.number("SELECT count(*) FROM sessions"),
        1,
        "nobody is logged in"
    );
    assert!(!logs_in(&mut rig, &mut link, "alice") && logs_in(&mut rig, &mut link, "new"));
    for code in [&code, &waiting] {
        let reply = rig.ask(&mut link, reset("alice", code, "newer"));
        assert_eq!(reason(&reply), Reason::CodeInvalid);
    }
    let proven = "SELECT count(*) FROM proven_emails";
    assert_eq!(
        rig.engine.number(proven),
        0,
        "an administrator proves no address"
    );
    let by_mail = mailed(&mut rig, &alice, 2);
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    assert_eq!(rig.ask(&mut link, reset("alice", &by_mail, "newest")), DONE);
    assert_eq!(rig.engine.number(proven), 1);
    assert!(logs_in(&mut rig, &mut link, "newest"));
}

#[test]
fn all_that_is_no_code_of_the_account_is_answered_alike() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    rig.user(&mut link, "bob");
    let code_of_bob = printed(&mut rig, "bob", HOUR).unwrap();
    let ended = printed(&mut rig, "alice", Duration::ZERO).unwrap();
    let wrong = code(9);
    let mut texts = Vec::new();
    for (username, code) in [
        ("alice", &wrong),
        ("alice", &code_of_bob),
        ("alice", &ended),
        ("nobody", &wrong),
        ("nobody", &code_of_bob),
    ] {
        let Reply::Fail(Instruction::AccountFail, refusal) =
            rig.ask(&mut link, reset(username, code, "new"))
        else {
            panic!("{username}");
        };
        texts.push((refusal.reason, refusal.text));
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    assert_eq!(rig.ask(&mut link, reset("bob", &code_of_bob, "new")), DONE);
    let error = printed(&mut rig, "nobody", HOUR).unwrap_err();
    assert_eq!(error, "there is no user nobody");
}

#[test]
fn wrong_codes_count_as_failed_logins_of_their_neighbourhood_alone() {
    let mut rig = MasterRig::with(|config| {
        config.limits.failed_logins_per_minute = 2;
        config.limits.failed_logins_per_hour_per_name = 1;
    });
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    let right = printed(&mut rig, "alice", HOUR).unwrap();
    for expected in [
        Reason::CodeInvalid,
        Reason::CodeInvalid,
        Reason::TooManyAttempts,
    ] {
        let reply = rig.ask(&mut link, reset("alice", &code(9), "new"));
        assert_eq!(reason(&reply), expected);
    }
    let reply = rig.ask(&mut link, login("alice", false));
    assert_eq!(
        reason(&reply),
        Reason::TooManyAttempts,
        "logins count with them"
    );
    // Elsewhere the right code works, whatever was guessed here.
    let mut elsewhere = rig.link("us1");
    assert_eq!(rig.ask(&mut elsewhere, reset("alice", &right, "new")), DONE);
    for (old, new) in [("new", 1), ("new", 2), ("new", 3)] {
        let right = printed(&mut rig, "alice", HOUR).unwrap();
        let reply = rig.ask(&mut elsewhere, reset("alice", &right, old));
        assert_eq!(reply, DONE, "{new}: a right code is no failed login");
    }
}

#[test]
fn of_two_requests_with_one_code_one_succeeds() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    let code = printed(&mut rig, "alice", HOUR).unwrap();
    for new in ["first", "second"] {
        let request = link_request(reset("alice", &code, new));
        let reply_to = link.reply_to();
        rig.router
            .on_message(RouterMessage(vec![(reply_to, request)]));
        rig.run_modules();
    }
    let jobs: Vec<_> = std::iter::from_fn(|| rig.hash_jobs.take_done()).collect();
    assert_eq!(jobs.len(), 2);
    for job in jobs {
        rig.of_auth.sender.send(hashing::done(job)).unwrap();
    }
    rig.run();
    let replies = link.replies();
    assert_eq!(replies[0].1, DONE);
    assert_eq!(reason(&replies[1].1), Reason::CodeInvalid);
    assert!(logs_in(&mut rig, &mut link, "first"));
}

#[test]
fn a_reset_that_is_sent_again_is_done_once() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    let code = printed(&mut rig, "alice", HOUR).unwrap();
    let again = |rig: &mut MasterRig, link: &mut FakeLink, request| {
        let reply_to = ReplyTo {
            again: true,
            ..link.reply_to()
        };
        rig.ask_as(link, reply_to, request)
    };
    // The first time it was lost.
    assert_eq!(
        again(&mut rig, &mut link, reset("alice", &code, "new")),
        DONE
    );
    assert_eq!(
        again(&mut rig, &mut link, reset("alice", &code, "new")),
        DONE
    );
    let reply = again(&mut rig, &mut link, reset("alice", &code, "newer"));
    assert_eq!(reason(&reply), Reason::CodeInvalid);
    // Without the code nobody learns whether this is the password, and no hash is made.
    let wrong = self::code(9);
    let reply = again(&mut rig, &mut link, reset("alice", &wrong, "new"));
    assert_eq!(reason(&reply), Reason::CodeInvalid);
    rig.engine
        .execute("UPDATE used_codes SET used = used - 120000");
    let reply = again(&mut rig, &mut link, reset("alice", &code, "new"));
    assert_eq!(reason(&reply), Reason::CodeInvalid, "too late");
    rig.engine
        .execute("UPDATE used_codes SET used = used + 120000");
    let reply = again(&mut rig, &mut link, reset("nobody", &code, "new"));
    assert_eq!(reason(&reply), Reason::CodeInvalid);
    let reply = rig.ask(&mut link, reset("alice", &code, "new"));
    assert_eq!(reason(&reply), Reason::CodeInvalid);
}

#[test]
fn that_an_account_is_locked_is_told_to_the_right_code_alone() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_minute_per_address = 2);
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    let right = printed(&mut rig, "alice", HOUR).unwrap();
    rig.engine.execute("UPDATE accounts SET state = 1");
    // The right one is no failed attempt.
    for _ in 0..3 {
        let reply = rig.ask(&mut link, reset("alice", &right, "new"));
        assert_eq!(reason(&reply), Reason::AccountLocked);
    }
    let reply = rig.ask(&mut link, reset("alice", &code(9), "new"));
    assert_eq!(reason(&reply), Reason::CodeInvalid);
    rig.engine.execute("UPDATE accounts SET state = 0");
    assert_eq!(
        rig.ask(&mut link, reset("alice", &right, "new")),
        DONE,
        "it was not used up"
    );
}

#[test]
fn who_has_no_password_gets_one_and_the_owner_is_told() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    rig.engine
        .execute("UPDATE accounts SET is_password = 0, pass_hash = NULL");
    let told = "SELECT count(*) FROM outbox WHERE kind = 'password-reset' AND ended IS NULL";
    let code = mailed(&mut rig, &alice, 1);
    assert_eq!(rig.ask(&mut link, reset("alice", &code, "new")), DONE);
    assert_eq!(rig.engine.number(told), 0, "no mail is sent here");
    let mut storage = rig.engine.storage();
    storage.write(|tx| tx.set_outbox_open(true)).unwrap();
    let found = storage
        .read(|s| s.mail_recipient("alice"))
        .unwrap()
        .unwrap();
    storage
        .write(|tx| tx.insert_reset_mail(&found, Timestamp::now()))
        .unwrap();
    let code = mailed(&mut rig, &alice, 2);
    assert_eq!(rig.ask(&mut link, reset("alice", &code, "newer")), DONE);
    assert_eq!(rig.engine.number(told), 1);
    let codes = "SELECT count(*) FROM outbox WHERE kind = 'reset-code' AND ended IS NULL";
    assert_eq!(rig.engine.number(codes), 0, "no further code leaves");
    assert!(logs_in(&mut rig, &mut link, "newer"));
}

#[test]
fn the_mail_of_each_change_goes_where_its_owner_reads_and_names_what_it_is_about() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let mut storage = rig.engine.storage();
    storage.write(|tx| tx.set_outbox_open(true)).unwrap();
    let (session, pass) = (alice.session.clone(), Some(pass("alice")));
    let token = Request::CreateToken {
        session: session.clone(),
        name: TokenName::parse("bot").unwrap(),
        scope: TokenScope::Read,
        days: 1,
    };
    let email = |address: Option<&str>, pass| Request::ChangeEmail {
        session: session.clone(),
        pass,
        email: address.map(|address| Email::parse(address).unwrap()),
    };
    assert!(matches!(
        rig.ask(&mut link, token),
        Reply::AccountSuccess(Some(_))
    ));
    let new = "alice@new.example.org";
    assert_eq!(rig.ask(&mut link, email(Some(new), pass.clone())), DONE);
    assert_eq!(rig.ask(&mut link, email(None, pass.clone())), DONE);
    // Nobody is left to be told.
    assert_eq!(rig.ask(&mut link, email(Some(new), pass)), DONE);
    let told = "SELECT group_concat(kind || ' ' || detail || ' ' || address, '; ') FROM outbox";
    let told = storage.read(|snapshot| Ok(snapshot.text(told))).unwrap();
    assert_eq!(
        told,
        "token-created bot alice@example.org; email-changed  alice@example.org; \
         email-changed  alice@new.example.org"
    );
}

#[test]
fn no_code_outlives_a_change_of_the_password_nor_a_mailed_one_that_of_the_address() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let mut storage = rig.engine.storage();
    storage.write(|tx| tx.set_outbox_open(true)).unwrap();
    let waits = "SELECT count(*) FROM outbox WHERE kind = 'reset-code' AND ended IS NULL";
    let wait = |rig: &MasterRig| {
        let mut storage = rig.engine.storage();
        let to = storage.read(|s| s.mail_recipient("alice")).unwrap();
        let queued = storage.write(|tx| tx.insert_reset_mail(&to.unwrap(), Timestamp::now()));
        assert!(queued.unwrap());
        assert_eq!(rig.engine.number(waits), 1);
    };
    let by_hand = printed(&mut rig, "alice", HOUR).unwrap();
    let by_mail = mailed(&mut rig, &alice, 1);
    wait(&rig);
    // To another spelling of the same address: its key stays.
    let change = Request::ChangeEmail {
        session: alice.session.clone(),
        pass: Some(pass("alice")),
        email: Some(Email::parse("alice@EXAMPLE.org").unwrap()),
    };
    assert_eq!(rig.ask(&mut link, change), DONE);
    assert_eq!(rig.engine.number(waits), 0);
    let reply = rig.ask(&mut link, reset("alice", &by_mail, "x"));
    assert_eq!(reason(&reply), Reason::CodeInvalid);
    wait(&rig);
    let by_mail = mailed(&mut rig, &alice, 2);
    let change = Request::ChangePassword {
        session: alice.session.clone(),
        old: Some(pass("alice")),
        new: pass("new"),
    };
    assert_eq!(rig.ask(&mut link, change), DONE);
    assert_eq!(rig.engine.number(waits), 0);
    for code in [&by_hand, &by_mail] {
        let reply = rig.ask(&mut link, reset("alice", code, "x"));
        assert_eq!(reason(&reply), Reason::CodeInvalid);
    }
    assert!(logs_in(&mut rig, &mut link, "new"));
}

#[test]
fn an_account_that_is_locked_while_the_password_is_hashed_keeps_its_own() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    rig.user(&mut link, "alice");
    let code = printed(&mut rig, "alice", HOUR).unwrap();
    let request = link_request(reset("alice", &code, "new"));
    let reply_to = link.reply_to();
    rig.router
        .on_message(RouterMessage(vec![(reply_to, request)]));
    rig.run_modules();
    let job = rig.hash_jobs.take_done().unwrap();
    rig.engine.execute("UPDATE accounts SET state = 1");
    rig.of_auth.sender.send(hashing::done(job)).unwrap();
    rig.run();
    assert_eq!(reason(&link.replies()[0].1), Reason::AccountLocked);
    rig.engine.execute("UPDATE accounts SET state = 0");
    assert!(logs_in(&mut rig, &mut link, "alice"));
}

#[test]
fn who_holds_a_session_cannot_silence_what_its_owner_is_told() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let mut storage = rig.engine.storage();
    storage.write(|tx| tx.set_outbox_open(true)).unwrap();
    let mut made = 0;
    let refused = loop {
        let session = alice.session.clone();
        let name = TokenName::parse("bot").unwrap();
        let create = Request::CreateToken {
            session: session.clone(),
            name: name.clone(),
            scope: TokenScope::Read,
            days: 1,
        };
        match rig.ask(&mut link, create) {
            Reply::AccountSuccess(Some(_)) => made += 1,
            refused => break refused,
        }
        let revoke = Request::RevokeToken { session, name };
        assert_eq!(rig.ask(&mut link, revoke), DONE);
    };
    assert_eq!(reason(&refused), Reason::TooManyAttempts);
    assert_eq!(made, crate::model::token::NEW_TOKENS_PER_HOUR_MAX);
    let change = Request::ChangeEmail {
        session: alice.session.clone(),
        pass: Some(pass("alice")),
        email: None,
    };
    assert_eq!(rig.ask(&mut link, change), DONE);
    let told = "SELECT group_concat(kind || ' ' || detail || ' ' || folded, '; ') FROM outbox";
    let told = storage.read(|snapshot| Ok(snapshot.text(told))).unwrap();
    assert_eq!(told, "token-created bot 99; email-changed  0");
}
