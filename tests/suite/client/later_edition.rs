//! `papertrader` and `ptcat` against a worker of a later edition: they show codes, sides and
//! statuses that they do not know by text or number, and go on.

use super::cli::Person;
use super::fake_worker::{Fake, Orders, later_history, later_refusal};
use crate::programs::ptcat::ptcat;
use papertrader::dialogue::message::encode;
use papertrader::model::{OpenValue, ProtocolFault};
use papertrader::wire::packet;
use papertrader::wire::payload::Payload;
use serde_json::Value;

/// A worker of a later edition, and alice logged in there.
fn later() -> (Fake, Person) {
    let fake = Fake::start();
    fake.tell(|t| t.later = true);
    let person = Person::at(&fake);
    (fake, person)
}

fn error(err: &str) -> Value {
    let line = err.lines().last().unwrap();
    serde_json::from_str::<Value>(line).unwrap()["error"].take()
}

#[test]
fn an_unknown_reason_is_shown_with_its_sentence() {
    let (fake, person) = later();
    let login = |json: &[&str]| {
        let mut line = json.to_vec();
        line.extend(["--server", &fake.address, "login", "later"]);
        line.push("--password-stdin");
        person.run_with(&line, "secret word\n")
    };
    let ran = login(&[]);
    assert_eq!(ran.code, 5);
    let told = "papertrader: sign in with the school (of-edition-9)\n";
    assert_eq!(ran.err, told);
    let ran = login(&["--json"]);
    assert_eq!(ran.code, 5);
    assert_eq!(error(&ran.err)["code"], "of-edition-9");
    assert_eq!(
        error(&ran.err)["text"],
        "of-edition-9: sign in with the school"
    );

    let reason = later_refusal("of-edition-9", "").reason;
    fake.tell(|t| t.orders = Orders::Reject(reason));
    let ran = person.run("buy AAPL 1");
    assert_eq!((ran.code, ran.out.as_str()), (5, ""));
    let told = "papertrader: alice: not this time (of-edition-9)\n";
    assert!(ran.err.ends_with(told), "{}", ran.err);
    let ran = person.run("--json buy AAPL 1");
    assert_eq!(ran.code, 5);
    let order: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(order["status"], "rejected");
    assert_eq!(order["reason"], "of-edition-9");
    assert_eq!(order["text"], "not this time");
    assert_eq!(error(&ran.err)["code"], "of-edition-9");
    // The session and the worker are as good as before.
    fake.tell(|t| t.orders = Orders::Fill);
    assert_eq!(person.run("--json buy AAPL 1").json()["status"], "settled");
}

#[test]
fn an_unknown_reason_is_one_of_many_answers() {
    let (_fake, person) = later();
    let ran = person.run("quote AAPL HALTED");
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("100.50") && ran.out.contains("HALTED is not traded today"),
        "{}",
        ran.out
    );
    let ran = person.run("--json quote AAPL HALTED");
    let quotes: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(quotes[0]["reason"], Value::Null);
    assert_eq!(quotes[1]["reason"], "asset-halted");
    let ran = person.run("--json watch HALTED --count 1");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let watched: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(watched["quotes"][0]["reason"], "asset-halted");
}

#[test]
fn unknown_sides_and_statuses_are_shown_by_number() {
    let (_fake, person) = later();
    let table = person.run("transactions");
    assert_eq!(table.code, 0, "{}", table.err);
    let words = |text: &str, line: usize| -> Vec<String> {
        let line = text.lines().nth(line).unwrap();
        line.split_whitespace().map(str::to_owned).collect()
    };
    let has = |text: &str, line: usize, expected: [&str; 2]| {
        let words = words(text, line);
        for word in expected {
            assert!(words.iter().any(|w| w == word), "{word}: {text}");
        }
    };
    let public = person.run("transactions --of bob");
    assert_eq!(public.code, 0, "{}", public.err);
    let rows = [
        ["205", "settled"],
        ["buy", "203"],
        ["209", "204"],
        ["0", "200"],
        ["sell", "rejected"],
    ];
    for out in [&table.out, &public.out] {
        // Whose history it is stands behind the own one's table.
        let rule = out.lines().position(|line| line.starts_with('─')).unwrap();
        let first = rule + 1;
        for (row, expected) in rows.into_iter().enumerate() {
            has(out, first + row, expected);
        }
    }
    for line in ["--json transactions", "--json transactions --of bob"] {
        let history = person.run(line).json();
        let told: Vec<[&str; 2]> = history["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| [t["side"].as_str().unwrap(), t["status"].as_str().unwrap()])
            .collect();
        assert_eq!(told, rows);
        assert_eq!(history["transactions"][1]["settled"], Value::Null);
        assert!(history["transactions"][3]["settled"].is_string());
    }
    let csv = person.run("transactions --csv").out;
    for (line, [side, status]) in csv.lines().skip(1).zip(rows) {
        assert!(line.contains(&format!(",{side},{status},AAPL,")), "{csv}");
    }
    assert!(person.run("transactions --receipt last").code == 0);
    // A sum over what nobody here can add up is refused, and nothing else is.
    let ran = person.run("portfolio --realised");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("--realised"), "{}", ran.err);
    assert_eq!(person.run("portfolio").code, 0);
}

#[test]
fn an_unknown_protocol_error_is_shown_with_its_sentence() {
    let (fake, person) = later();
    let code = OpenValue::parse("edition-ended", ProtocolFault::from_name).unwrap();
    fake.tell(|t| t.fault = Some(code));
    let ran = person.run("quote AAPL");
    assert_eq!(ran.code, 5);
    let told = format!("papertrader: {}: as told (edition-ended)\n", fake.address);
    assert_eq!(ran.err, told);
    let ran = person.run("--json quote AAPL");
    assert_eq!(ran.code, 5);
    assert_eq!(error(&ran.err)["code"], "edition-ended");
}

#[test]
fn ptcat_decodes_what_it_does_not_know() {
    let line = |text: &str| {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        encode(&words).unwrap()
    };
    let lines = [
        "040f quotes 3",
        "loginFail of-edition-9 sign in with the school",
        "purchaseFail of-edition-9 not this time",
        "0399 code text",
        "protocolError edition-ended come back with another program",
    ];
    let mut bytes: Vec<u8> = lines.iter().flat_map(|text| line(text)).collect();
    for private in [true, false] {
        packet::write(&mut bytes, &later_history(private).to_bytes());
    }
    bytes.extend(line("pong"));
    let requests = "1 connect worker\n1 > login a b true\n1 > purchaseAsset a b c\n1 > 01ff\n\
        1 > getUserTransactionHistory a b\n1 > getUserTransactionHistory a b\n1 > ping\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.pt");
    std::fs::write(&file, requests).unwrap();
    let out = ptcat(&["decode", "--requests", file.to_str().unwrap()], &bytes);
    assert!(out.status.success(), "{out:?}");
    let told = String::from_utf8(out.stdout).unwrap();
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told[..5], lines);
    for history in &told[5..7] {
        assert!(history.starts_with("data Transactions "), "{history}");
        for part in [
            ",205,settled,",
            ",buy,203,",
            ",209,204,",
            ",0,200,",
            ",sell,rejected,",
        ] {
            assert!(history.contains(part), "{part}: {history}");
        }
    }
    assert_eq!(told[7..], ["pong"]);
}

#[test]
fn ptcat_runs_a_dialogue_on() {
    let fake = Fake::start();
    fake.tell(|t| t.later = true);
    let text = "1 connect worker\n1 > login later ab true\n1 < loginFail {code} {why...}\n\
        check {code} = of-edition-9\n1 > ping\n1 < pong\n";
    let hash = "0".repeat(64);
    let text = text.replace(" ab ", &format!(" {hash} "));
    let out = ptcat(&["run", "-v", "-", &fake.address], text.as_bytes());
    let told = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.success(), "{told}");
    let shown = told.lines().filter(|line| *line == "1 < 040f quotes 3");
    assert_eq!(shown.count(), 2, "{told}");
}
