//! `papertraderctl accounts`: what an administrator sees and does of accounts, and a class that
//! comes in with its cards. Real daemons, and a browser that prints the cards.

use crate::client::cli::{Person, Ran};
use papertrader::runtime::failpoint::GRANT_POINTS;
use papertrader::testkit::trader::{buy, hashed, history, portfolio, reason, username};
use papertrader::testkit::{Deployment, TEST_TIMEOUT};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// The signal by which a process ends that calls `abort`.
const SIGABRT: i32 = 6;

#[test]
fn accounts_are_listed_shown_locked_and_unlocked() {
    let deployment = Deployment::running(2);
    let alice = deployment.trader(1, "Alice");
    deployment.trader(2, "bob");
    let all = deployment.json("accounts list");
    let users: Vec<&str> = all["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["user"].as_str().unwrap())
        .collect();
    assert_eq!((users, &all["more"]), (vec!["Alice", "bob"], &0.into()));
    for text in ["LIC", "alice@EX"] {
        let found = deployment.done(&format!("accounts list --search {text}"));
        assert!(found.contains("Alice") && !found.contains("bob"), "{found}");
    }
    assert_eq!(
        deployment.done("accounts list --search %"),
        "no account is found\n"
    );

    let shown = deployment.json("accounts show aLICE");
    assert_eq!(
        (&shown["user"], &shown["state"]),
        (&"Alice".into(), &"active".into())
    );
    assert_eq!(
        (&shown["sessions"], &shown["tokens"]),
        (&1.into(), &0.into())
    );
    assert_eq!(
        (&shown["positions"], &shown["password"]),
        (&0.into(), &true.into())
    );
    assert!(
        deployment
            .refused("accounts show carol")
            .contains("no user carol")
    );

    let locked = deployment.done("accounts lock alice");
    assert_eq!(locked, "Alice is locked; 1 session or token ended\n");
    assert!(
        deployment
            .refused("accounts lock alice")
            .contains("locked already")
    );
    let session = alice.session().cloned().unwrap();
    let mut again = deployment.connect(2);
    assert_eq!(reason(again.resume(&session)), "session-expired");
    let login = again.login(&username("Alice"), &hashed("Alice"), false);
    assert_eq!(reason(login), "account-locked");
    let reset = deployment.ctl("accounts reset alice");
    let told = String::from_utf8_lossy(&reset.stderr).into_owned();
    let socket = format!(" --socket {}", deployment.socket().display());
    let warning = format!(
        "Alice is locked: nobody logs in to it until `papertraderctl{socket} accounts unlock Alice`"
    );
    assert!(told.contains(&warning), "{told}");
    let told = deployment.refused("workers show nobody");
    let advice = format!("see `papertraderctl{socket} workers list`");
    assert!(told.contains(&advice), "{told}");
    assert_eq!(
        deployment.done("accounts unlock alice"),
        "Alice is active\n"
    );
    again
        .login(&username("Alice"), &hashed("Alice"), false)
        .unwrap();
    assert_eq!(deployment.json("accounts show alice")["state"], "active");
    let log = deployment.done("log tail");
    let number = rustix::process::geteuid().as_raw();
    for act in [
        "audit: account lock user=Alice by=\"user ",
        "audit: account unlock user=Alice by=\"user ",
    ] {
        let line = log.lines().find(|line| line.contains(act)).unwrap();
        assert!(line.contains(&number.to_string()), "{line}");
    }
    deployment.done("workers boot worker-1");
    deployment.done("sessions end --all");
    let shown = deployment.json("accounts show alice");
    let told: Vec<(&str, bool)> = shown["acts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| {
            let caller = act["caller"].as_str().unwrap();
            let is_ours = caller.contains(&number.to_string());
            (act["act"].as_str().unwrap(), is_ours)
        })
        .collect();
    let newest_first = ["end-sessions", "unlock", "reset", "lock"];
    assert_eq!(told, newest_first.map(|act| (act, true)));
    let ended = "sessions and tokens ended: 1";
    assert_eq!(
        (&shown["acts"][0]["detail"], &shown["acts"][3]["detail"]),
        (&ended.into(), &ended.into())
    );
    for act in ["lock", "unlock"].iter().cycle().take(8) {
        deployment.done(&format!("accounts {act} alice"));
    }
    let text = deployment.done("accounts show alice");
    let acts = text.split("done at (UTC)").nth(1).unwrap();
    assert_eq!(acts.lines().count(), 13, "{text}");
    assert!(
        acts.ends_with("and 2 earlier ones; --json has them\n"),
        "{text}"
    );
    assert_eq!(
        deployment.json("accounts show bob")["acts"][0]["act"],
        "end-sessions"
    );
    let log = deployment.done("log tail");
    let booted = "audit: worker boot worker=worker-1 by=\"user ";
    assert!(log.contains(booted), "{log}");
    assert!(log.contains("audit: sessions end which=all by="), "{log}");
}

#[test]
fn a_grant_and_a_restart_are_read_by_whom_they_concern() {
    let deployment = Deployment::running(1);
    let mut alice = deployment.trader(1, "Alice");
    buy(&mut alice, "AAPL", "2");
    let grant = |arguments: &[&str]| {
        let name = ["accounts", "grant", "alice"];
        let socket = deployment.socket();
        let socket = ["--socket", socket.to_str().unwrap()];
        deployment.run("papertraderctl", &[&socket, &name[..], arguments].concat())
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let given = grant(&["500.25", "--reason", "first prize, März"]);
    let told = text(&given.stdout);
    assert!(
        told.starts_with("500.25 given to Alice, who has "),
        "{told}"
    );
    let taken = grant(&["-0.25", "--reason", "a mistake"]);
    assert!(text(&taken.stdout).starts_with("0.25 taken from Alice"));
    for (arguments, told) in [
        (["-99999999999", "--reason", "x"], "it cannot fall below 0"),
        (["1", "--reason", " "], "a reason is 1 to 200 bytes"),
        (
            ["1", "--reason", "a\u{1b}[2J"],
            "a reason is 1 to 200 bytes",
        ),
    ] {
        let refused = grant(&arguments);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        let error = text(&refused.stderr);
        assert!(error.contains(told), "{error}");
    }

    for wrong in ["0", "1e3", "1,50"] {
        let refused = grant(&[wrong, "--reason", "x"]);
        assert_eq!(refused.status.code(), Some(2), "{wrong}");
        let error = text(&refused.stderr);
        assert!(error.contains(&format!("'{wrong}'")), "{error}");
        assert!(error.contains("such as 1500 or 1,500.50"), "{error}");
    }

    let rows = history(&mut alice, "Alice");
    let shown: Vec<(&str, i64)> = rows
        .iter()
        .map(|row| (row.symbol.as_str(), row.detail.as_ref().unwrap().total.0))
        .take(2)
        .collect();
    assert_eq!(shown, [("-", -250_000), ("-", 500_250_000)]);
    let receipt = alice.receipt(rows[1].id).unwrap();
    let has = |name: &str, value: &str| {
        let mut lines = receipt.0.iter();
        lines.any(|(key, text)| key == name && text == value)
    };
    assert!(has("cause", "grant") && has("reason", "first prize, März"));
    assert!(has("side", "grant"), "{receipt:?}");

    // Nobody is there to confirm it.
    let told = deployment.refused("accounts restart alice");
    assert!(told.contains("add --yes"), "{told}");
    let anew = deployment.done("accounts restart ALICE --yes");
    assert!(anew.starts_with("Alice begins anew with "), "{anew}");
    assert!(anew.contains("0 orders cancelled, units of 1 asset sold"));
    let (cash, held) = portfolio(&mut alice, "Alice");
    assert!(held.is_empty());
    let shown = deployment.json("accounts show alice");
    assert_eq!(shown["cash"], cash.to_string());
    assert!(deployment.done("verify").contains("every balance"));
    let log = deployment.done("log tail");
    for act in [
        "audit: account grant user=Alice amount=500.25 cash=",
        "audit: account restart user=Alice orders=0 sold=1 cash_before=",
    ] {
        assert!(log.contains(act), "{log}");
    }
    let status = deployment.json("status");
    let counted = |event: &str| {
        let mut events = status["account_events"].as_array().unwrap().iter();
        events.any(|it| it["reason"] == event && it["count"].as_u64() >= Some(1))
    };
    assert!(counted("grants") && counted("restarts"), "{status}");
}

#[test]
fn a_kill_leaves_a_restart_done_or_undone() {
    if !cfg!(debug_assertions) {
        return;
    }
    let deployment = Deployment::running(1);
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "AAPL", "2");
    for point in GRANT_POINTS {
        for (command, rows) in [
            ("accounts grant alice 5 --reason prize", 1),
            ("accounts restart alice --yes", 1),
        ] {
            let count = || {
                let verified = deployment.json("verify");
                assert_eq!(verified["differences"], serde_json::json!([]));
                verified["settled"].as_u64().unwrap()
            };
            let before = count();
            deployment.master().kill();
            deployment
                .master()
                .spawn_with_failpoint(&format!("{point}:1"));
            deployment.master().wait_ready();
            let failed = deployment.ctl(command);
            assert_ne!(failed.status.code(), Some(0), "{point}: {command}");
            let ended = deployment.master().wait_exit(TEST_TIMEOUT);
            let ended = ended.unwrap_or_else(|| panic!("{point} was armed and never reached"));
            assert_eq!(ended.signal(), Some(SIGABRT), "{point}: {ended}");
            deployment.master().start();
            let made = count() - before;
            let is_done = *point == "grant-committed";
            assert_eq!(made > 0, is_done, "{point}: {command}: {made} rows");
            assert!(made == 0 || made >= rows, "{point}: {command}: {made}");
        }
    }
}

fn with_input(person: &Person, line: &str, input: &str) -> Ran {
    person.run_with(&line.split(' ').collect::<Vec<_>>(), input)
}

/// Names and codes on the cards.
fn cards(page: &str) -> Vec<(String, String)> {
    let between = |text: &str, class: &str| {
        let start = format!("<p class=\"{class}\">");
        let (_, rest) = text.split_once(start.as_str()).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    };
    let each = page.split("<div class=\"card\">").skip(1);
    each.map(|card| (between(card, "user"), between(card, "code")))
        .collect()
}

/// Prints a page as PDF, and counts its pages.
fn printed_pages(page: &Path) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("cards.pdf");
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-pdf-header-footer",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(page)
        .output()
        .unwrap_or_else(|error| panic!("chromium: {error}; `make test` installs it"));
    let errors = String::from_utf8_lossy(&output.stderr);
    let bytes = std::fs::read(&pdf).unwrap_or_else(|error| panic!("{error}: {errors}"));
    let text = String::from_utf8_lossy(&bytes);
    text.matches("/Type /Page\n").count()
}

#[test]
fn a_class_of_thirty_comes_in_with_its_cards() {
    let deployment = Deployment::new(1);
    deployment.master().set("name", "Börse 7b");
    deployment.start_all();
    deployment.trader(1, "pupil7");
    let dir = deployment.dir();
    let roster = |skip: usize| {
        let row = |number: usize| format!("pupil{number};Pupil no. {number}\n");
        let rows: String = (0..31).filter(|number| *number != skip).map(row).collect();
        std::fs::write(dir.join("class.csv"), format!("username;name\n{rows}")).unwrap();
    };
    let import = "accounts import class.csv --cards cards.html";

    // One name is taken: its line is told, and nothing is made.
    roster(30);
    let told = deployment.refused(import);
    assert!(
        told.contains("class.csv, line 9: there is an account pupil7 already"),
        "{told}"
    );
    assert!(!dir.join("cards.html").exists());
    assert_eq!(deployment.json("status")["accounts"], 1);
    // No file is written over, and nothing is made before there is a place for the codes.
    roster(7);
    std::fs::write(dir.join("there.html"), "notes").unwrap();
    let told = deployment.refused("accounts import class.csv --cards there.html");
    assert!(told.contains("there.html: it is there already"), "{told}");
    let told = deployment.refused("accounts import none.csv --cards cards.html");
    assert!(told.contains("none.csv: No such file"), "{told}");
    let told = deployment.refused("accounts import - --cards cards.html");
    assert!(
        told.contains("standard input, line 1: ") && told.contains("1 fault in"),
        "{told}"
    );
    deployment.refused("accounts import class.csv --cards cards.html --valid 400d");
    assert_eq!(std::fs::read(dir.join("there.html")).unwrap(), b"notes");
    assert_eq!(deployment.json("status")["accounts"], 1);

    let both = deployment.refused("--json accounts import class.csv --cards -");
    assert!(both.contains("name a file for the cards"), "{both}");
    let made = "30 accounts made, with the cards in cards.html\n";
    assert_eq!(deployment.done(import), made);
    // The cards are lost, and nobody has used one.
    let told = deployment.refused("accounts import class.csv --cards more.html");
    assert!(told.contains("--again makes a new one"), "{told}");
    let again = deployment.ctl("accounts import class.csv --cards - --again --format csv");
    let told = String::from_utf8_lossy(&again.stderr);
    let renewed = "30 codes made, with the cards in";
    assert_eq!(
        told,
        format!("{renewed} standard output; earlier cards of these people are void\n")
    );
    let table = String::from_utf8_lossy(&again.stdout).into_owned();
    assert_eq!(table.lines().count(), 31, "{table}");
    assert!(!dir.join("-").exists());
    std::fs::remove_file(dir.join("cards.html")).unwrap();
    let told = deployment.done(&format!("{import} --again"));
    assert_eq!(
        told,
        format!("{renewed} cards.html; earlier cards of these people are void\n")
    );
    let shown = deployment.json("accounts show pupil3");
    let acts = shown["acts"].as_array().unwrap();
    let made = |act: &serde_json::Value| {
        assert_eq!(act["act"], "import");
        let detail = act["detail"].as_str().unwrap();
        assert!(detail.contains("code valid until "), "{act}");
        detail.starts_with("account made; ")
    };
    let told: Vec<bool> = acts.iter().map(made).collect();
    assert_eq!(told, [false, false, true], "newest first");
    let file = dir.join("cards.html");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let page = std::fs::read_to_string(&file).unwrap();
    assert_eq!(page.matches("Börse 7b").count(), 30);
    let server = deployment.worker(1).address();
    let class = cards(&page);
    assert_eq!(class.len(), 30);
    for (name, code) in &class {
        let person = Person::new();
        let line = format!("--server {server} password reset {name} --password-stdin");
        let set = with_input(&person, &line, &format!("{code}\nhorse battery {name}\n"));
        assert_eq!(set.code, 0, "{name}: {}", set.err);
        let line = format!("--server {server} login {name} --password-stdin");
        let entered = with_input(&person, &line, &format!("horse battery {name}\n"));
        assert_eq!(entered.code, 0, "{name}: {}", entered.err);
    }
    let told = deployment.refused("accounts import class.csv --cards more.html --again");
    assert!(
        told.contains("everybody in class.csv has entered"),
        "{told}"
    );
    assert!(!dir.join("more.html").exists());
    let (name, code) = &class[0];
    let line = format!("--server {server} password reset {name} --password-stdin");
    let again = with_input(&Person::new(), &line, &format!("{code}\nanother one\n"));
    assert_eq!(again.code, 5, "a code works once: {}", again.err);
    let log = deployment.done("log tail 1000");
    assert!(
        log.contains("audit: accounts import by=") && log.contains(" users=pupil0,"),
        "{log}"
    );
    assert!(class.iter().all(|(_, code)| !log.contains(code.as_str())));
    assert!(deployment.done("verify").contains("every balance"));
}

#[test]
fn cards_are_printed_ten_to_a_sheet() {
    if std::env::var_os("WITHOUT_CHROMIUM").is_some() {
        println!("skipped: WITHOUT_CHROMIUM is set");
        return;
    }
    let deployment = Deployment::running(1);
    let dir = deployment.dir();
    let row = |number: usize| {
        format!("a-quite-long.name-{number:06},Somebody With A Very Long Name Indeed {number}\n")
    };
    let rows: String = (0..21).map(row).collect();
    std::fs::write(dir.join("class.csv"), format!("username,name\n{rows}")).unwrap();
    deployment.done("accounts import class.csv --cards cards.html");
    assert_eq!(printed_pages(&dir.join("cards.html")), 3);
}
