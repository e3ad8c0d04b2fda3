//! spec/master/mail.md · 4.1

use super::*;
use crate::config::HostPort;
use crate::runtime;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Instant;

/// Long enough for a busy machine.
const LONG: Duration = Duration::from_secs(60);
/// A time-out that is waited for.
const SHORT: Duration = Duration::from_millis(300);

const PATIENT: SmtpTimeouts = SmtpTimeouts {
    connect: LONG,
    answer: LONG,
    delivery: LONG,
};
const HASTY: SmtpTimeouts = SmtpTimeouts {
    connect: LONG,
    answer: SHORT,
    delivery: SHORT,
};

fn server(listener: &TcpListener, security: MailSecurity, timeouts: SmtpTimeouts) -> MailServer {
    let address = listener.local_addr().unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    MailServer {
        url: MailUrl {
            security,
            server: address.to_string().parse::<HostPort>().unwrap(),
        },
        credentials: None,
        tls: Some(Arc::new(tls)),
        timeouts,
    }
}

fn mail(text: &str) -> OutgoingMail {
    OutgoingMail {
        number: 1,
        from: "no-reply@example.org".parse().unwrap(),
        to: "alice@example.org".parse().unwrap(),
        bytes: Zeroizing::new(text.as_bytes().to_vec()),
    }
}

/// Sends a mail to a server that behaves as `serve` does, which gets the one connection.
fn send_to(
    security: MailSecurity,
    timeouts: SmtpTimeouts,
    serve: impl FnOnce(TcpStream) + Send + 'static,
) -> Result<(), SmtpError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server(&listener, security, timeouts);
    let served = runtime::spawn("a mail server", move || {
        serve(listener.accept().unwrap().0);
    });
    let sent = server.send(&mail("Subject: x\r\n\r\ny\r\n"), &Stop::new());
    drop(served);
    sent
}

/// Answers the commands in order; a command is what the client sends up to a line end. Returns
/// them, and then waits for the client's end.
fn play(stream: &TcpStream, answers: &[&str]) -> Vec<String> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    let mut commands = Vec::new();
    for (at, answer) in answers.iter().enumerate() {
        if at > 0 {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                break;
            }
            commands.push(line.trim_end().to_owned());
        }
        if writer.write_all(answer.as_bytes()).is_err() {
            break;
        }
    }
    commands
}

/// Plays, and then holds the connection open until the client closes it.
fn play_and_hold(stream: TcpStream, answers: &[&str]) {
    play(&stream, answers);
    let mut rest = stream;
    let _ = rest.read_to_end(&mut Vec::new());
}

#[test]
fn a_mail_is_handed_over_with_its_dots() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut server = server(&listener, MailSecurity::Plain, PATIENT);
    server.credentials = Some(Credentials::new("me".to_owned(), "secret".to_owned()));
    let (seen, told) = crossbeam_channel::bounded(1);
    let served = runtime::spawn("a mail server", move || {
        let (stream, _) = listener.accept().unwrap();
        let answers = [
            "220 mail ESMTP\r\n",
            // lettre's own reader of abilities panics at a line of blanks.
            "250-mail\r\n250-   \r\n250-\r\n250-auth login CRAM-MD5\r\n250 SIZE\r\n",
            "334 VXNlcm5hbWU6\r\n",
            "334 UGFzc3dvcmQ6\r\n",
            "235 ok\r\n",
            "250 ok\r\n",
            "250 ok\r\n",
            "354 go on\r\n",
            "",
            "",
            "",
            "",
            "250 taken\r\n",
            "",
        ];
        seen.send(play(&stream, &answers)).unwrap();
    })
    .unwrap();
    let text = "Subject: x\r\n\r\n.hidden\r\n..\r\n";
    server.send(&mail(text), &Stop::new()).unwrap();
    let commands = told.recv_timeout(LONG).unwrap();
    assert!(served.join(Instant::now() + LONG));
    assert_eq!(
        commands,
        [
            "EHLO [127.0.0.1]",
            "AUTH LOGIN",
            "bWU=",
            "c2VjcmV0",
            "MAIL FROM:<no-reply@example.org>",
            "RCPT TO:<alice@example.org>",
            "DATA",
            "Subject: x",
            "",
            "..hidden",
            "...",
            ".",
            "QUIT"
        ]
    );
}

#[test]
fn refusals_are_told_apart() {
    let hello = ["220 x\r\n", "250 x\r\n"];
    let case = |more: &[&'static str]| {
        let answers = [&hello, more].concat();
        send_to(MailSecurity::Plain, PATIENT, move |stream| {
            play_and_hold(stream, &answers)
        })
        .unwrap_err()
    };
    for (more, says) in [
        (
            &["250 x\r\n", "550 5.1.1 no such person\r\n"][..],
            "RCPT: 550 5.1.1 no such person",
        ),
        (
            &[
                "250 x\r\n",
                "550 <Alice@XN--BCHER-kva.example>: no alice@b\u{fc}cher.example\r\n",
            ],
            "RCPT: 550 (an address) no (an address)",
        ),
        (&["552 too much\r\n"], "MAIL: 552 too much"),
        (&["250 x\r\n", "250 x\r\n", "554 no\r\n"], "DATA: 554 no"),
        (
            &["250 x\r\n", "250 x\r\n", "250 what\r\n"],
            "DATA: 250 what",
        ),
        (
            &["250 x\r\n", "450 later\x1b[31m\r\n"],
            "RCPT: 450 later\u{fffd}[31m",
        ),
        (&["421 closing\r\n"], "MAIL: 421 closing"),
    ] {
        let error = case(more);
        assert_eq!(error.to_string(), says);
        let right = match says.split(' ').nth(1) {
            Some("450") => matches!(error, SmtpError::Deferred(_)),
            Some("421" | "250") => matches!(error, SmtpError::Server(_)),
            _ => matches!(error, SmtpError::Refused(_)),
        };
        assert!(right, "{error:?}");
    }
    let taken = [
        "250 x\r\n",
        "250 x\r\n",
        "354 x\r\n",
        "",
        "",
        "",
        "552 full\r\n",
    ];
    assert_eq!(
        case(&taken),
        SmtpError::Refused("the mail: 552".to_owned()),
        "its text may quote the mail"
    );
    let long = format!("550 {}\r\n", "x".repeat(1_900));
    let error = send_to(MailSecurity::Plain, PATIENT, move |stream| {
        play_and_hold(stream, &["220 x\r\n", "250 x\r\n", &long]);
    });
    assert!(error.unwrap_err().to_string().len() < 250);
}

#[test]
fn a_lying_server_costs_a_bounded_time_and_memory() {
    let server_says = |timeouts, serve: fn(TcpStream)| {
        let error = send_to(MailSecurity::Plain, timeouts, serve).unwrap_err();
        let SmtpError::Server(text) = error else {
            panic!("{error:?}");
        };
        text
    };
    // A line of 10 MB, and 10 MB of lines.
    let text = server_says(PATIENT, |mut stream| {
        let _ = stream.write_all(&vec![b'2'; 10 << 20]);
    });
    assert!(text.contains("a line of more than 2000 bytes"), "{text}");
    let text = server_says(PATIENT, |mut stream| {
        let _ = stream.write_all(&b"220-welcome\r\n".repeat(800_000));
    });
    assert!(text.contains("more than 100 lines"), "{text}");
    // Silence; and a trickle, which extends nothing.
    let text = server_says(HASTY, |stream| play_and_hold(stream, &[""; 0]));
    assert!(text.contains("the greeting: no answer in time"), "{text}");
    let text = server_says(HASTY, |mut stream| {
        // Some five lines before the time is up.
        let _ = stream.set_read_timeout(Some(SHORT / 5));
        while stream.write_all(b"220-x\r\n").is_ok() {
            let _ = stream.read(&mut [0; 1]);
        }
    });
    assert!(text.contains("no answer in time"), "{text}");
    // What is no mail server.
    let text = server_says(PATIENT, |stream| {
        play_and_hold(stream, &["HTTP/1.1 400\r\n\r\n"])
    });
    assert!(text.contains("is this a mail server?"), "{text}");
    let text = server_says(PATIENT, |stream| {
        play_and_hold(stream, &["\u{e4}\u{e4}\u{e4}\r\n"])
    });
    assert!(text.contains("is this a mail server?"), "{text}");
    let text = server_says(PATIENT, drop);
    assert!(text.contains("the greeting: "), "{text}");
    let text = server_says(PATIENT, |stream| {
        play_and_hold(stream, &["554 go away\r\n"])
    });
    assert!(text.contains("the greeting: 554 go away"), "{text}");
}

#[test]
fn a_file_of_roots_holds_at_least_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for (text, says) in [
        ("", "holds no certificate"),
        ("a note\n", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\n", "not a PEM file"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = roots(Some(&file)).unwrap_err();
        assert!(error.contains("ca.pem") && error.contains(says), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(roots(Some(&file)).is_err());
}

#[test]
fn whether_a_mail_was_taken_may_stay_unknown() {
    let until_data = [
        "220 x\r\n",
        "250 x\r\n",
        "250 x\r\n",
        "250 x\r\n",
        "354 x\r\n",
    ];
    let hasty = SmtpTimeouts {
        delivery: SHORT,
        ..PATIENT
    };
    let error = send_to(MailSecurity::Plain, hasty, move |stream| {
        play_and_hold(stream, &until_data);
    });
    let Err(SmtpError::Unknown(text)) = error else {
        panic!("{error:?}");
    };
    assert!(text.contains("the mail: no answer in time"), "{text}");
    let error = send_to(MailSecurity::Plain, PATIENT, move |stream| {
        let mut more = until_data.to_vec();
        more.extend(["", "", "", ""]);
        play(&stream, &more);
    });
    assert!(matches!(error, Err(SmtpError::Unknown(_))), "{error:?}");
}

#[test]
fn the_signal_to_stop_ends_a_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server(&listener, MailSecurity::Plain, PATIENT);
    let stop = Stop::new();
    let stopping = stop.clone();
    let served = runtime::spawn("a mail server", move || {
        let (stream, _) = listener.accept().unwrap();
        // The client waits for the greeting by now, or will.
        stopping.request();
        play_and_hold(stream, &[""; 0]);
    })
    .unwrap();
    let began = Instant::now();
    assert_eq!(server.send(&mail("x"), &stop), Err(SmtpError::Stopped));
    assert!(began.elapsed() < LONG / 2);
    assert!(served.join(Instant::now() + LONG));
}

#[test]
fn nothing_is_sent_before_tls_is_on() {
    let says = |answers: &'static [&'static str]| {
        let error = send_to(MailSecurity::StartTls, PATIENT, move |stream| {
            let commands = play(&stream, answers);
            let secret = |line: &String| line.starts_with("AUTH") || line.starts_with("MAIL");
            assert!(!commands.iter().any(secret), "{commands:?}");
        })
        .unwrap_err();
        let SmtpError::Server(text) = error else {
            panic!("{error:?}");
        };
        text
    };
    let text = says(&["220 x\r\n", "250 x\r\n", ""]);
    assert!(text.contains("it does not offer STARTTLS"), "{text}");
    let text = says(&[
        "220 x\r\n",
        "250-x\r\n250 STARTTLS\r\n",
        "454 not now\r\n",
        "",
    ]);
    assert!(text.contains("STARTTLS: 454 not now"), "{text}");
    // Somebody in between adds an answer to what is encrypted later.
    let text = says(&[
        "220 x\r\n",
        "250-x\r\n250 STARTTLS\r\n",
        "220 go\r\n250 evil\r\n",
        "",
    ]);
    assert!(text.contains("it answers before TLS is on"), "{text}");
    let text = says(&[
        "220 x\r\n",
        "250-x\r\n250 STARTTLS\r\n",
        "220 go\r\n",
        "220 plain\r\n",
    ]);
    assert!(text.contains("TLS: "), "{text}");
}

#[test]
fn who_does_not_know_us_gets_no_mail_and_no_log_gets_the_password() {
    let says = |answers: &'static [&'static str]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = server(&listener, MailSecurity::Plain, PATIENT);
        server.credentials = Some(Credentials::new("me".to_owned(), "geheim".to_owned()));
        let _served = runtime::spawn("a mail server", move || {
            play_and_hold(listener.accept().unwrap().0, answers);
        });
        let error = server.send(&mail("x"), &Stop::new()).unwrap_err();
        let SmtpError::Server(text) = error else {
            panic!("{error:?}");
        };
        assert!(!text.contains("geheim"), "{text}");
        text
    };
    let text = says(&["220 x\r\n", "250 x\r\n"]);
    assert!(text.contains("neither AUTH PLAIN nor AUTH LOGIN"), "{text}");
    let text = says(&[
        "220 x\r\n",
        "250-x\r\n250 AUTH PLAIN\r\n",
        "535 wrong password\r\n",
    ]);
    assert!(text.contains("AUTH: 535 wrong password"), "{text}");
    for challenge in ["334 \r\n", "334 !!!!\r\n", "334 V2hvPw==\r\n"] {
        let answers: &'static [&'static str] = Box::leak(Box::new([
            "220 x\r\n",
            "250-x\r\n250 AUTH LOGIN\r\n",
            challenge,
        ]));
        let text = says(answers);
        assert!(text.contains("AUTH: "), "{text}");
    }
}

#[test]
fn an_address_of_other_characters_needs_a_server_that_can() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server(&listener, MailSecurity::Plain, PATIENT);
    let _served = runtime::spawn("a mail server", move || {
        play_and_hold(listener.accept().unwrap().0, &["220 x\r\n", "250 x\r\n"]);
    });
    let mut mail = mail("x");
    mail.to = "\u{e4}@example.org".parse().unwrap();
    let error = server.send(&mail, &Stop::new()).unwrap_err();
    assert!(matches!(error, SmtpError::Refused(_)), "{error:?}");
}
