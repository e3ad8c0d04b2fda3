//! The export of an account: what a person who did everything reads, beside the database.

use crate::client::cli::Person;
use papertrader::bench::fill::Filler;
use papertrader::client::Client;
use papertrader::master::storage::bulk::EvenAccounts;
use papertrader::model::{HashedPass, TokenName, TokenScope};
use papertrader::testkit::trader::{buy, reason, sell, username};
use papertrader::testkit::{Deployment, Market};
use papertrader::wire::ConnectionState;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use zeroize::Zeroizing;

/// More transactions than are counted in a slice, and than one read takes.
const ROWS: u64 = 5_000;

fn parsed(lines: &[String]) -> Vec<Value> {
    let parse = |line: &String| serde_json::from_str(line).unwrap();
    lines.iter().map(parse).collect()
}

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

/// The rows of a query, as texts.
fn rows(database: &Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statement = database.prepare(sql).unwrap();
    let columns = statement.column_count();
    let read = statement.query_map([], |row| {
        let text = |column| {
            let value: rusqlite::types::Value = row.get(column)?;
            Ok(match value {
                rusqlite::types::Value::Null => String::new(),
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => format!("{other:?}"),
            })
        };
        (0..columns).map(text).collect::<rusqlite::Result<_>>()
    });
    read.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

/// A decimal of the export in millionths.
fn millionths(text: &str) -> i64 {
    let text = text.split(' ').next().unwrap();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole: i64 = whole.parse().unwrap();
    let fraction: i64 = format!("{fraction:0<6}").parse().unwrap();
    sign * (whole * 1_000_000 + fraction)
}

#[test]
fn a_person_who_did_everything_reads_everything() {
    let deployment = Deployment::running(1);
    let server = deployment.worker(1).address();
    let person = Person::new();
    let run = |line: &str, input: &str| {
        let line = format!("--server {server} {line}");
        let ran = person.run_with(&line.split(' ').collect::<Vec<_>>(), input);
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        ran
    };
    let password = "correct horse battery\n";
    run("register Ada ada@example.org --password-stdin", password);
    run("login Ada --password-stdin", password);
    let mut ada = deployment.connect(1);
    let name = username("Ada");
    let secret = Zeroizing::new(password.trim().to_owned());
    let pass = HashedPass::derive(&name, &secret);
    ada.login(&name, &pass, false).unwrap();
    let token = TokenName::parse("desk").unwrap();
    let token = ada.create_token(&token, TokenScope::Trade, 30).unwrap();
    buy(&mut ada, "AAPL", "3");
    sell(&mut ada, "AAPL", "1");
    deployment.done("accounts grant ada 12.5 --reason prize");
    deployment.done("accounts restart ada --yes");
    buy(&mut ada, "AAPL", "2");
    deployment.done("accounts reset ada");
    deployment.trader(1, "bob");

    let lines = parsed(&ada.account_export().unwrap());
    assert_eq!(lines[0]["kind"], "export");
    let account = of_kind(&lines, "account");
    assert_eq!(account.len(), 1);
    assert_eq!(account[0]["username"], "Ada");
    assert_eq!(account[0]["email"], "ada@example.org");
    assert_eq!(account[0]["password"], true);
    let file = deployment.database_path();
    let database = Connection::open(file).unwrap();
    let number = account[0]["number"].as_i64().unwrap();
    let holds = |kind: &str, sql: &str| {
        let sql = sql.replace('?', &number.to_string());
        assert_eq!(
            of_kind(&lines, kind).len(),
            rows(&database, &sql).len(),
            "{kind}"
        );
    };
    holds(
        "session",
        "SELECT 1 FROM sessions WHERE account = ? AND token IS NULL",
    );
    holds(
        "token",
        "SELECT 1 FROM sessions WHERE account = ? AND token IS NOT NULL",
    );
    holds(
        "login place",
        "SELECT 1 FROM login_places WHERE account = ?",
    );
    holds("code", "SELECT 1 FROM reset_codes WHERE account = ?");
    holds("mail", "SELECT 1 FROM outbox WHERE account = ?");
    holds("identity", "SELECT 1 FROM identities WHERE account = ?");
    assert_eq!(of_kind(&lines, "token")[0]["name"], "desk");
    assert_eq!(of_kind(&lines, "session").len(), 2);
    assert_eq!(of_kind(&lines, "session")[0]["made"]["client"], "127.0.0.1");
    assert_eq!(of_kind(&lines, "session")[0]["made"]["worker"], "worker-1");

    let stored: BTreeMap<String, (i64, i64)> = rows(
        &database,
        &format!("SELECT symbol, quantity, cost FROM positions WHERE account = {number}"),
    )
    .into_iter()
    .map(|row| {
        (
            row[0].clone(),
            (row[1].parse().unwrap(), row[2].parse().unwrap()),
        )
    })
    .collect();
    let text = |line: &Value, key: &str| line[key].as_str().unwrap().to_owned();
    let told: BTreeMap<String, (i64, i64)> = of_kind(&lines, "position")
        .into_iter()
        .map(|line| {
            let amounts = (
                millionths(&text(line, "quantity")),
                millionths(&text(line, "cost")),
            );
            (text(line, "symbol"), amounts)
        })
        .collect();
    assert_eq!((stored.len(), told), (1, stored));

    let stored = rows(
        &database,
        &format!(
            "SELECT number, symbol, quantity, coalesce(total, 0), coalesce(note, '') FROM transactions
             WHERE account = {number} ORDER BY id DESC"
        ),
    );
    let told: Vec<Vec<String>> = of_kind(&lines, "transaction")
        .into_iter()
        .map(|line| {
            let receipt = &line["receipt"];
            let total = receipt["total"].as_str().map_or(0, millionths);
            let reason = receipt["reason"].as_str().unwrap_or_default();
            vec![
                line["number"].to_string(),
                text(receipt, "asset"),
                millionths(&text(receipt, "quantity")).to_string(),
                total.to_string(),
                reason.to_owned(),
            ]
        })
        .collect();
    assert_eq!(told.len(), 6);
    assert_eq!(told, stored);

    // What lets somebody in is not in it.
    let whole = ada.account_export().unwrap().join("\n");
    let hash: String = rows(&database, "SELECT pass_hash FROM accounts")[0][0].clone();
    let session = ada.session().unwrap().expose().to_string();
    for secret in [hash, session, token.expose().to_string()] {
        assert!(!whole.contains(&secret));
    }
    assert!(!whole.contains("bob"));
    let mut by_token: Client = deployment.connect(1);
    by_token.resume(&token).unwrap();
    assert_eq!(reason(by_token.account_export()), "scope");

    let out = run("account export", "").out;
    assert_eq!(out.lines().count(), lines.len());
    let file = deployment.dir().join("ada.jsonl");
    let line = format!("account export {}", file.display());
    let told = run(&line, "").err;
    assert!(told.contains("lines about Ada written to"), "{told}");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written.lines().count(), out.lines().count());
    assert!(!deployment.dir().join("ada.jsonl.part").exists());
    let line = format!("--server {server} {line}");
    let again = person.run(&line);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("it is there already"), "{}", again.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
}

#[test]
fn a_long_export_comes_whole_in_slices() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 1000, 600))
        .make();
    let mut filler = Filler::open(&deployment.database_path()).unwrap();
    filler.accounts(1, "UP").unwrap();
    let one = EvenAccounts {
        first: 1,
        accounts: 1,
        step: 1,
    };
    let filled = filler.sessions(one).unwrap();
    filler.transactions(ROWS, one, "UP").unwrap();
    filler.close().unwrap();
    deployment.start_all();
    let mut client = deployment.connect(1);
    client.set_session(Some(filled[0].session.clone()));
    client.enter(ConnectionState::Data).unwrap();
    let lines = parsed(&client.account_export().unwrap());
    let numbers: Vec<i64> = of_kind(&lines, "transaction")
        .into_iter()
        .map(|line| line["number"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers.len() as u64, ROWS);
    assert!(numbers.is_sorted_by(|newer, older| newer > older));
}
