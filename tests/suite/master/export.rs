//! The export of an account: what a person who did everything reads, beside the database.

use super::mail::{ask_for, code, send_to};
use super::mail_servers::{Aiosmtpd, has_aiosmtpd};
use super::third_party_accounts::{stranger, unstarted_with};
use crate::client::cli::Person;
use papertrader::bench::fill::Filler;
use papertrader::client::Client;
use papertrader::master::storage::bulk::EvenAccounts;
use papertrader::model::{HashedPass, Timestamp, TokenName, TokenScope};
use papertrader::testkit::mock_provider::MockProvider;
use papertrader::testkit::trader::{buy, hashed, reason, sell, username};
use papertrader::testkit::{Deployment, Market, eventually};
use papertrader::wire::ConnectionState;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
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

/// The tables with a column `account`, each with the lines that tell its rows.
const TOLD: [(&str, &str); 12] = [
    ("accounts", "account"),
    ("acts", "act"),
    ("balances", "account"),
    ("identities", "identity"),
    ("login_places", "login place"),
    ("outbox", "mail"),
    ("positions", "position"),
    ("proven_emails", "proven address"),
    ("reset_codes", "code"),
    ("sessions", "session and token"),
    ("transactions", "transaction"),
    ("used_codes", "used code"),
];
/// Tables with such a column that the export leaves out, each with the reason.
const LEFT_OUT: [(&str, &str); 0] = [];

/// Who adds a table about accounts adds it to the export, or says here why not.
fn every_table_of_accounts_is_known(database: &Connection) {
    let sql = "SELECT name FROM sqlite_schema AS tables WHERE type = 'table' AND EXISTS
               (SELECT 1 FROM pragma_table_info(tables.name) AS columns WHERE columns.name = 'account')
               ORDER BY name";
    let tables: Vec<String> = rows(database, sql).into_iter().flatten().collect();
    let mut known: Vec<&str> = TOLD.iter().chain(&LEFT_OUT).map(|it| it.0).collect();
    known.sort_unstable();
    assert_eq!(tables, known);
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
    let deployment = Deployment::builder().in_a_file().start();
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
    let shown = run("--json transactions --limit 1", "").json();
    let row = &shown["transactions"][0];
    let told = ["side", "reason", "total", "quantity"].map(|field| row[field].clone());
    let grant = serde_json::json!(["grant", "prize", "12.5", null]);
    assert_eq!(serde_json::json!(told), grant, "{shown}");
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
        let stored = rows(&database, &sql).len();
        assert!(stored > 0, "{kind}");
        assert_eq!(of_kind(&lines, kind).len(), stored, "{kind}");
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
    holds("act", "SELECT 1 FROM acts WHERE account = ?");
    let user = format!("({})", rustix::process::geteuid().as_raw());
    let mut acts = Vec::new();
    for act in of_kind(&lines, "act") {
        let text = |field: &str| act[field].as_str().unwrap();
        assert!(text("caller").ends_with(&user), "{act}");
        assert!(Timestamp::parse(text("at")).is_ok(), "{act}");
        acts.push((text("act"), text("detail")));
    }
    assert_eq!(acts[0], ("grant", "12.5: prize"));
    assert!(
        acts[1]
            .1
            .starts_with("orders cancelled: 0; positions sold: 1; cash ")
    );
    assert!(acts[2].1.starts_with("code valid until "), "{acts:?}");
    let kinds: Vec<&str> = acts.iter().map(|act| act.0).collect();
    assert_eq!(kinds, ["grant", "restart", "reset"]);
    every_table_of_accounts_is_known(&database);
    assert_eq!(of_kind(&lines, "token")[0]["name"], "desk");
    assert_eq!(of_kind(&lines, "token")[0]["elsewhere"], false);
    assert_eq!(
        of_kind(&lines, "token")[0]["passed"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
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

    let listed = deployment.json("sessions list --user ada");
    let kinds = listed["sessions"].as_array().unwrap().iter();
    assert_eq!(kinds.filter(|it| it["kind"] == "token").count(), 1);
    let ended = deployment.done("sessions end --user ada");
    assert!(ended.ends_with("and 1 token ended\n"), "{ended}");
}

#[test]
fn mails_codes_and_identities_are_told_with_all_that_is_stored() {
    if !has_aiosmtpd() {
        return;
    }
    let (server, provider) = (Aiosmtpd::start(&[]), MockProvider::start());
    let deployment = unstarted_with(&provider);
    send_to(&server, &deployment);
    deployment.start_all();
    deployment.trader(1, "ada");
    let mut ada = deployment.connect(1);
    ask_for(&mut ada, "ada");
    let code = code(&server.mail(1));
    ada.reset_password(&username("ada"), &code, &hashed("new"))
        .unwrap();
    ada.login(&username("ada"), &hashed("new"), false).unwrap();
    let handle = stranger(&mut ada);
    ada.link_third_party(&handle).unwrap();
    deployment.done("accounts reset ada");
    eventually("all mails are sent", || {
        let mail = deployment.json("status")["mail"].clone();
        (mail["sent"] == 3 && mail["waiting"] == 0).then_some(())
    });
    let lines = parsed(&ada.account_export().unwrap());
    let database = Connection::open(deployment.database_path()).unwrap();
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(is_so) => u8::from(*is_so).to_string(),
        other => other.to_string(),
    };
    let moment = |millis: &str| Timestamp(millis.parse().unwrap()).to_string();
    let told = |kind: &str, fields: &[&str]| -> Vec<Vec<String>> {
        let row = |line: &&Value| fields.iter().map(|field| text(&line[field])).collect();
        of_kind(&lines, kind).iter().map(row).collect()
    };
    // Kind, fields, those that are times, and the rows.
    for (kind, fields, times, sql) in [
        (
            "mail",
            &["notice", "username", "address", "detail", "folded", "attempts", "sent", "created", "ended"][..],
            2,
            "SELECT kind, username, address, detail, folded, attempts, sent, created, ended FROM outbox
             WHERE account = 1 ORDER BY created, number",
        ),
        (
            "identity",
            &["issuer", "subject", "provider", "linked"],
            1,
            "SELECT issuer, subject, provider, linked FROM identities WHERE account = 1",
        ),
        (
            "proven address",
            &["address", "proven"],
            1,
            "SELECT address_key, proven FROM proven_emails WHERE account = 1",
        ),
        (
            "used code",
            &["used"],
            1,
            "SELECT used FROM used_codes WHERE account = 1",
        ),
        (
            "code",
            &["printed", "created", "expiry"],
            2,
            "SELECT address_key IS NULL, created, expiry FROM reset_codes WHERE account = 1
             ORDER BY created",
        ),
    ] {
        let mut stored = rows(&database, sql);
        for row in &mut stored {
            let first = row.len() - times;
            row[first..].iter_mut().for_each(|it| *it = moment(it));
        }
        assert!(!stored.is_empty(), "{kind}");
        assert_eq!(told(kind, fields), stored, "{kind}");
    }
    assert_eq!(told("identity", &["provider"]), [["mock"]]);
    assert_eq!(told("proven address", &["address"]), [["ada@example.org"]]);
    // A person reads whom the mails told of what.
    assert!(
        told("mail", &["detail"])
            .concat()
            .contains(&"mock".to_owned())
    );
}

/// `make export-load` runs it.
#[test]
#[ignore = "takes minutes"]
fn an_export_of_400_000_rows_comes_whole_while_others_are_answered() {
    exports_whole(400_000);
}

#[test]
fn a_long_export_comes_whole_in_slices() {
    exports_whole(ROWS);
}

/// Fills an account with transactions, and reads its export.
fn exports_whole(count: u64) {
    let deployment = Deployment::builder()
        .in_a_file()
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
    filler.transactions(count, one, "UP").unwrap();
    filler.close().unwrap();
    deployment.start_all();
    let mut client = deployment.connect(1);
    client.set_session(Some(filled[0].session.clone()));
    client.enter(ConnectionState::Data).unwrap();
    let mut other = deployment.trader(1, "bob");
    let is_over = AtomicBool::new(false);
    let (lines, longest) = std::thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !is_over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                other.history(&username("bob")).unwrap();
                longest = longest.max(asked.elapsed());
            }
            longest
        });
        let began = Instant::now();
        let lines = client.account_export_telling(|text| println!("{:?} {text}", began.elapsed()));
        println!("{count} transactions: {:?}", began.elapsed());
        is_over.store(true, Ordering::Relaxed);
        (lines, others.join().unwrap())
    });
    println!("the longest wait of another for a history: {longest:?}");
    let lines = parsed(&lines.unwrap());
    let numbers: Vec<i64> = of_kind(&lines, "transaction")
        .into_iter()
        .map(|line| line["number"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers.len() as u64, count);
    assert!(numbers.is_sorted_by(|newer, older| newer > older));
}
