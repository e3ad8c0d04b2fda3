//! `papertraderctl accounts`: what an administrator sees and does of accounts, and a class that
//! comes in with its cards. Real daemons, and a browser that prints the cards.

use crate::client::cli::{Person, Ran};
use papertrader::testkit::Deployment;
use papertrader::testkit::trader::{hashed, reason, username};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

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
    let warning =
        "Alice is locked: nobody logs in to it until `papertraderctl accounts unlock Alice`";
    assert!(told.contains(warning), "{told}");
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
        "has locked the account Alice",
        "has unlocked the account Alice",
    ] {
        let line = log.lines().find(|line| line.contains(act)).unwrap();
        assert!(line.contains(&number.to_string()), "{line}");
    }
    deployment.done("workers boot worker-1");
    deployment.done("sessions end --all");
    let log = deployment.done("log tail");
    assert!(log.contains("has booted worker worker-1"), "{log}");
    assert!(log.contains("sessions: those of everybody"), "{log}");
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

    assert_eq!(deployment.done(import), "30 accounts made\n");
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
    let (name, code) = &class[0];
    let line = format!("--server {server} password reset {name} --password-stdin");
    let again = with_input(&Person::new(), &line, &format!("{code}\nanother one\n"));
    assert_eq!(again.code, 5, "a code works once: {}", again.err);
    let log = deployment.done("log tail 1000");
    assert!(
        log.contains("accounts with codes from a roster: pupil0, "),
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
