//! Mails and codes: real daemons, a real mail server, and one that lies.

use super::mail_servers::{Aiosmtpd, has_aiosmtpd};
use super::third_party_accounts::{mock, stranger, unstarted_with};
use papertrader::client::{Client, ClientError};
use papertrader::model::{
    OpenValue, Reason, ResetCode, SessionId, Side, TokenName, TokenScope, UsernameOrEmail,
};
use papertrader::runtime::failpoint::MAIL_POINTS;
use papertrader::testkit::mock_provider::MockProvider;
use papertrader::testkit::trader::{buy, hashed, register, trade, username};
use papertrader::testkit::{Deployment, TEST_TIMEOUT, busy, eventually, until};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

/// The signal by which a process ends that calls `abort`.
const SIGABRT: i32 = 6;
/// How long a stop may take.
const STOP_TIME: Duration = Duration::from_secs(5);

/// A deployment that sends its mails to this server.
fn with_mail(server: &Aiosmtpd) -> Deployment {
    let deployment = Deployment::new(1);
    send_to(server, &deployment);
    deployment
}

pub fn send_to(server: &Aiosmtpd, deployment: &Deployment) {
    let master = deployment.master();
    master.set("mail.url", format!("smtp://127.0.0.1:{}", server.port));
    master.set("mail.from", "Class 7b <no-reply@example.org>");
}

#[test]
fn status_tells_of_mail_where_it_is_configured() {
    if !has_aiosmtpd() {
        return;
    }
    let server = Aiosmtpd::start(&[]);
    let deployment = with_mail(&server);
    deployment.start_all();
    let status = deployment.json("status");
    assert_eq!(status["mail"]["waiting"], 0, "{status}");
    assert!(
        deployment
            .done("status")
            .contains("mails: 0 wait, 0 sent, 0 given up")
    );
}

#[test]
fn a_mail_configuration_that_is_wrong_is_refused_at_the_start() {
    let check = |key: &str, value: &str| {
        let deployment = Deployment::new(1);
        let folder = deployment.dir().join("texts");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("reset-code.txt"), "Subject: x\n\n{username}\n").unwrap();
        let master = deployment.master();
        master.set("mail.from", "no-reply@example.org");
        master.set("mail.url", "smtp://127.0.0.1:25");
        master.set(key, value);
        let line = ["--config", "master.toml", "--check-config"];
        let output = deployment.run("papertrader-master", &line);
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(check("mail.from", "a@example.org").0, Some(0));
    for (key, value, says) in [
        ("mail.url", "smtp://mail.example.org", "is not encrypted"),
        ("mail.url", "mail.example.org", "is not a URL"),
        (
            "mail.url",
            "smtps://me:geheim@mail.example.org",
            "credentials",
        ),
        ("mail.from", "x\r\nBcc: y@z", "is not a sender"),
        ("mail.credentials", "absent.key", "cannot be read"),
        (
            "mail.templates",
            "texts",
            "reset-code.txt, line 3: the text lacks {code}",
        ),
    ] {
        let (code, text) = check(key, value);
        assert_eq!(code, Some(78), "{key} = {value}: {text}");
        assert!(text.contains(says), "{key} = {value}: {text}");
    }
}

pub fn ask_for(client: &mut Client, name: &str) {
    client
        .request_reset(&UsernameOrEmail::parse(name).unwrap())
        .unwrap();
}

/// The code in a mail.
pub fn code(mail: &str) -> ResetCode {
    let is_code = |line: &&str| line.starts_with("    ") && line.trim().len() == 23;
    let line = mail.lines().find(is_code);
    ResetCode::parse(line.unwrap_or_else(|| panic!("{mail}")).trim()).unwrap()
}

fn refused(result: Result<(), ClientError>) -> Reason {
    match result {
        Err(ClientError::Refused(refusal)) => match refusal.reason {
            OpenValue::Known(reason) => reason,
            OpenValue::Unknown(word) => panic!("{word}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_forgotten_password_is_reset_by_mail_and_every_session_is_dead_within_a_second() {
    if !has_aiosmtpd() {
        return;
    }
    let server = Aiosmtpd::start(&[]);
    let deployment = with_mail(&server);
    deployment.master().set("name", "B\u{f6}rse 7b");
    deployment.start_all();
    let mut alice = deployment.trader(1, "alice");
    let mut stranger = deployment.connect(1);
    for name in ["nobody", "nobody@example.org", "Alice@example.org"] {
        ask_for(&mut stranger, name);
    }
    let mail = server.mail(1);
    assert!(
        mail.starts_with("FROM no-reply@example.org\nTO alice@example.org\n"),
        "{mail}"
    );
    assert!(
        mail.contains("From: \"Class 7b\" <no-reply@example.org>"),
        "{mail}"
    );
    assert!(mail.contains("the account alice at"), "{mail}");
    let code = code(&mail);
    stranger
        .reset_password(&username("alice"), &code, &hashed("new"))
        .unwrap();
    let began = Instant::now();
    until("the session is dead", || {
        alice.user_info(&username("alice")).is_err()
    });
    assert!(began.elapsed() < busy(Duration::from_secs(1)));
    let again = stranger.reset_password(&username("alice"), &code, &hashed("newer"));
    assert_eq!(refused(again), Reason::CodeInvalid);
    stranger
        .login(&username("alice"), &hashed("new"), false)
        .unwrap();
    assert!(server.mail(2).contains("has a new password since"));
    // What is counted and what is logged.
    eventually("both are counted", || {
        let status = deployment.json("status");
        (status["mail"]["sent"] == 2 && status["mail"]["waiting"] == 0).then_some(())
    });
    deployment.done("log flush");
    let log = deployment.log();
    assert!(
        log.contains("(reset-code) was handed to the mail server"),
        "{log}"
    );
    assert!(
        !log.contains("alice@example.org") && !log.contains(&code.expose()),
        "{log}"
    );
    assert_eq!(server.count(), 2, "the unknown got none");
}

/// A way to a code for an account.
type CodeFor = fn(&Deployment, &Aiosmtpd, &str) -> ResetCode;

#[test]
fn a_reset_ends_the_thief_s_session_and_token_on_all_workers_within_a_second() {
    if !has_aiosmtpd() {
        return;
    }
    let server = Aiosmtpd::start(&[]);
    let deployment = Deployment::new(2);
    send_to(&server, &deployment);
    deployment.start_all();
    let ways: [(&str, CodeFor); 2] = [
        ("alice", |deployment, server, name| {
            // A token was made, which is told first.
            ask_for(&mut deployment.connect(2), name);
            code(&server.mail(2))
        }),
        ("bob", |deployment, _, name| {
            ResetCode::parse(deployment.done(&format!("accounts reset {name}")).trim()).unwrap()
        }),
    ];
    for (name, code_for) in ways {
        let owner = deployment.trader(1, name);
        // The thief has the password.
        let mut thief = deployment.connect(2);
        thief.login(&username(name), &hashed(name), false).unwrap();
        let token = TokenName::parse("bot").unwrap();
        let token = thief.create_token(&token, TokenScope::Trade, 366).unwrap();
        let own = |client: &Client| client.session().unwrap().clone();
        let all: [SessionId; 3] = [own(&owner), own(&thief), token];
        let mut uses: Vec<(Client, &SessionId)> = Vec::new();
        for worker in [1, 2] {
            for session in &all {
                let mut client = deployment.connect(worker);
                client.resume(session).unwrap();
                uses.push((client, session));
            }
        }
        let code = code_for(&deployment, &server, name);
        let mut client = deployment.connect(1);
        client
            .reset_password(&username(name), &code, &hashed("new"))
            .unwrap();
        let began = Instant::now();
        until("all have ended", || {
            let mut uses = uses.iter_mut();
            uses.all(|(client, session)| client.resume(session).is_err())
        });
        assert!(began.elapsed() < busy(Duration::from_secs(1)), "{name}");
        for (client, session) in &mut uses {
            let refused = client.resume(session).unwrap_err();
            assert_eq!(refused.code(), "session-expired", "{name}");
        }
        let traded = trade(&mut thief, Side::Buy, "AAPL", "1").unwrap_err();
        assert_eq!(traded.code(), "session-expired", "{name}");
        let old = thief.login(&username(name), &hashed(name), false);
        assert_eq!(old.unwrap_err().code(), "bad-credentials", "{name}");
        client
            .login(&username(name), &hashed("new"), false)
            .unwrap();
    }
}

#[test]
fn a_kill_between_commit_and_mail_loses_no_mail_and_a_code_works_once() {
    if !has_aiosmtpd() || !cfg!(debug_assertions) {
        return;
    }
    for point in MAIL_POINTS {
        let server = Aiosmtpd::start(&[]);
        let deployment = with_mail(&server);
        deployment.start_all();
        register(&mut deployment.connect(1), "alice");
        deployment.master().kill();
        deployment
            .master()
            .spawn_with_failpoint(&format!("{point}:1"));
        deployment.master().wait_ready();
        let name = UsernameOrEmail::parse("alice").unwrap();
        eventually("the worker passes the request on", || {
            deployment.connect(1).request_reset(&name).ok()
        });
        let ended = deployment.master().wait_exit(TEST_TIMEOUT);
        let ended = ended.unwrap_or_else(|| panic!("{point} was armed and never reached"));
        assert_eq!(ended.signal(), Some(SIGABRT), "{point}: {ended}");
        deployment.master().start();
        // Of an attempt whose outcome the master did not see there is a second mail.
        let number = if *point == "mail-attempted" { 2 } else { 1 };
        let last = code(&server.mail(number));
        let mut client = deployment.connect(1);
        let mut use_code = |code: &ResetCode, new: &str| {
            eventually("the link stands", || {
                match client.reset_password(&username("alice"), code, &hashed(new)) {
                    Err(ClientError::Refused(refusal))
                        if refusal.reason == Reason::MasterUnavailable =>
                    {
                        None
                    }
                    other => Some(other),
                }
            })
        };
        use_code(&code(&server.mail(1)), "new").unwrap();
        assert_eq!(
            refused(use_code(&last, "newer")),
            Reason::CodeInvalid,
            "{point}"
        );
    }
}

#[test]
fn a_mail_server_that_is_silent_slows_nobody_and_no_stop() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let deployment = Deployment::new(1);
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    deployment.master().set("mail.url", url);
    deployment.master().set("mail.from", "no-reply@example.org");
    deployment.start_all();
    let mut alice = deployment.trader(1, "alice");
    ask_for(&mut alice, "alice");
    let (mut connection, _) = silent.accept().unwrap();
    // The master waits for the greeting now.
    let began = Instant::now();
    ask_for(&mut alice, "alice");
    buy(&mut alice, "AAPL", "1");
    let status = deployment.json("status");
    assert_eq!(status["mail"]["waiting"], 2, "{status}");
    assert!(began.elapsed() < busy(STOP_TIME));
    let (status, took) = deployment.master().stop();
    assert!(status.success(), "{status}");
    assert!(took < busy(STOP_TIME), "{took:?}");
    let mut heard = Vec::new();
    let _ = connection.read_to_end(&mut heard);
    assert!(heard.is_empty(), "nothing is said before the greeting");
    // After the next start they are tried again; now nobody listens there.
    drop((connection, silent));
    deployment.master().start();
    let status = eventually("the error is shown", || {
        let status = deployment.json("status");
        status["mail"]["last_error"].is_string().then_some(status)
    });
    assert_eq!(status["mail"]["waiting"], 2, "{status}");
    let warnings = status["warnings"].to_string();
    assert!(
        warnings.contains("mails wait: 2; the last failed attempt"),
        "{warnings}"
    );
}

#[test]
fn an_administrator_s_code_works_without_mail() {
    let deployment = Deployment::running(1);
    let mut alice = deployment.trader(1, "alice");
    let printed = |line: &str| ResetCode::parse(deployment.done(line).trim()).unwrap();
    let first = printed("accounts reset ALICE");
    let view = deployment.json("accounts reset alice --valid 30d");
    assert_eq!(view["user"], "alice");
    let second = ResetCode::parse(view["code"].as_str().unwrap()).unwrap();
    let mut client = deployment.connect(1);
    // The second took the place of the first.
    let reply = client.reset_password(&username("alice"), &first, &hashed("new"));
    assert_eq!(refused(reply), Reason::CodeInvalid);
    deployment.done("log flush");
    deployment.master().kill();
    deployment.master().start();
    eventually("the code works after a kill", || {
        client
            .reset_password(&username("alice"), &second, &hashed("new"))
            .ok()
    });
    client
        .login(&username("alice"), &hashed("new"), false)
        .unwrap();
    until("the session is dead", || {
        alice.user_info(&username("alice")).is_err()
    });
    for (line, says) in [
        ("accounts reset nobody", "there is no user nobody"),
        ("accounts reset a/b", "a username is"),
        ("accounts reset alice --valid 367d", "1 ms to 366 days"),
        ("accounts reset alice --valid 0s", "for 1 ms to 366 days"),
    ] {
        assert!(deployment.refused(line).contains(says), "{line}");
    }
    let log = deployment.log();
    assert!(
        log.contains("audit: account reset user=alice by=\"user "),
        "{log}"
    );
    assert!(!log.contains(&second.expose()), "{log}");
}

#[test]
fn the_mail_about_an_identity_names_its_provider() {
    if !has_aiosmtpd() {
        return;
    }
    let server = Aiosmtpd::start(&[]);
    let provider = MockProvider::start();
    let deployment = unstarted_with(&provider);
    send_to(&server, &deployment);
    deployment.start_all();
    let mut bob = deployment.trader(1, "bob");
    let handle = stranger(&mut bob);
    bob.link_third_party(&handle).unwrap();
    let linked = server.mail(1);
    assert!(linked.contains("\nmock."), "{linked}");
    bob.unlink_third_party(&mock()).unwrap();
    let unlinked = server.mail(2);
    assert!(unlinked.contains("mock"), "{unlinked}");
}
