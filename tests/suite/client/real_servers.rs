//! `papertrader`, the built program, with a master and workers as real processes.

use super::cli::Person;
use crate::protocol::fixture_needs::{FixtureRig, need};
use papertrader::dialogue::servers::Dialer;
use papertrader::model::{Money, Quantity, Symbol};
use papertrader::testkit::proxy::Proxy;
use papertrader::testkit::until;
use papertrader::wire::Request;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr};
use std::time::{Duration, Instant};

/// A registered person, logged in through a worker.
pub(super) fn person(name: &str, server: &str, more: &[&str]) -> Person {
    let person = Person::new();
    let email = format!("{name}@example.org");
    for args in [&["register", name, &email][..], &["login", name]] {
        let mut line = vec!["--server", server];
        line.extend(more);
        line.extend(args);
        line.push("--password-stdin");
        let ran = person.run_with(&line, "correct horse\n");
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    person
}

fn money(value: &Value) -> Money {
    Money::parse_rounded(value.as_str().unwrap()).unwrap()
}

/// A symbol's closing price of a day, as the sample market's file has it.
fn close(symbol: &str, day: &str) -> Money {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("etc/market/{symbol}.csv"));
    let text = std::fs::read_to_string(path).unwrap();
    let row = text.lines().find(|line| line.starts_with(day)).unwrap();
    Money::parse_rounded(row.split(',').nth(4).unwrap()).unwrap()
}

#[test]
fn a_person_trades_through_two_workers() {
    let running = FixtureRig::start(&[need("workers 2")]);
    let [one, two] = running.servers.workers.as_slice() else {
        panic!("two workers");
    };
    let alice = person("alice", one, &[]);

    let quote = &alice.run("--json quote aapl").json()[0];
    let day = &quote["time"].as_str().unwrap()[..10];
    assert_eq!(money(&quote["value"]), close("AAPL", day));
    assert_eq!(
        alice.run("assets --symbols").out,
        "AAPL\nFB\nGOOG\nIBM\nMSFT\n"
    );
    let week = alice.run("--json chart IBM --week").json();
    let bars = week["bars"].as_array().unwrap();
    assert!(!bars.is_empty() && bars.len() <= 7);
    for bar in bars {
        assert_eq!(
            money(&bar["close"]),
            close("IBM", &bar["time"].as_str().unwrap()[..10])
        );
    }
    for window in ["day", "month", "year", "all"] {
        assert!(
            alice
                .run(&format!("chart AAPL --{window}"))
                .out
                .contains("volume")
        );
    }
    let forecast = alice.run("--json forecast AAPL 2013-06-03").json();
    assert!(money(&forecast["low"]) < money(&forecast["value"]));

    // What is bought on one worker is seen on the other, and adds up.
    let bought = alice.run("--json buy AAPL 10").json();
    let sold = alice
        .run_with(&["--json", "--server", two, "sell", "AAPL", "2.5"], "")
        .json();
    for fill in [&bought, &sold] {
        let quantity = Quantity::parse_quantity(fill["quantity"].as_str().unwrap()).unwrap();
        let total = money(&fill["total"]);
        let price = money(&fill["price"]);
        let expected = if fill["side"] == "buy" {
            quantity.cost_at(price)
        } else {
            quantity.worth_at(price)
        };
        assert_eq!(Some(total), expected);
    }
    let shown = alice
        .run_with(&["--json", "--server", two, "portfolio", "--realised"], "")
        .json();
    let cash = Money(100_000_000_000 - money(&bought["total"]).0 + money(&sold["total"]).0);
    assert_eq!(money(&shown["cash"]), cash);
    assert_eq!(shown["positions"][0]["quantity"], "7.5");
    assert_eq!(shown["starting_cash"], "100000");

    // The history has both, each at the price of its market day, and explains them.
    let history = alice.run("--json transactions").json();
    let entries = history["transactions"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    for entry in entries {
        let day = &entry["priced"].as_str().unwrap()[..10];
        assert_eq!(money(&entry["price"]), close("AAPL", day));
    }
    assert_eq!(entries[1]["id"], bought["transaction"]);
    let receipt = alice.run("transactions --receipt last").out;
    assert!(
        receipt.contains("worker-2") && receipt.contains("rule"),
        "{receipt}"
    );
    assert_eq!(alice.run("transactions --csv").out.lines().count(), 3);

    // An order repeated under its ID is the same order; other terms are refused.
    let again = [
        "--json",
        "buy",
        "AAPL",
        "10",
        "--order-id",
        bought["order_id"].as_str().unwrap(),
    ];
    assert_eq!(alice.run_with(&again, "").json(), bought);
    let other = [
        "buy",
        "AAPL",
        "11",
        "--order-id",
        bought["order_id"].as_str().unwrap(),
    ];
    let ran = alice.run_with(&other, "");
    assert!(
        ran.code == 5 && ran.err.contains("clientOrderID-reused"),
        "{}",
        ran.err
    );
    let ran = alice.run("buy MSFT 1000000");
    assert!(ran.code == 5 && ran.err.contains("in cash"), "{}", ran.err);
    let ran = alice.run("sell AAPL 8");
    assert!(
        ran.code == 5 && ran.err.contains("alice holds 7.5 units"),
        "{}",
        ran.err
    );

    // Another person sees shares, and nothing of the money.
    let bob = person("bob", two, &[]);
    let public = bob.run("--json portfolio --of Alice").json();
    assert_eq!(public["private"], false);
    assert!(public.get("cash").is_none() && public["positions"][0]["share_percent"].is_string());
    assert_eq!(bob.run("--json user alice").json()["email"], Value::Null);
    assert!(!bob.run("transactions --of alice").out.contains("10.00"));

    // Ended on one worker, a session is ended on the other.
    let copy = copied(&alice);
    assert_eq!(copy.run_with(&["--server", two, "user"], "").code, 0);
    assert_eq!(alice.run_with(&["--server", one, "logout"], "").code, 0);
    ends_soon(&copy, two);

    // One that is expirable ends with the command that made it.
    let mut holding = alice.spawn(&[
        "--server",
        one,
        "login",
        "alice",
        "--expirable",
        "--password-stdin",
    ]);
    let mut stdin = holding.stdin.take().unwrap();
    stdin.write_all(b"correct horse\n").unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(holding.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let copy = copied(&alice);
    assert_eq!(copy.run_with(&["--server", two, "user"], "").code, 0);
    drop(stdin);
    assert!(holding.wait().unwrap().success());
    ends_soon(&copy, two);
}

/// Somebody with the same sessions.
fn copied(person: &Person) -> Person {
    let copy = Person::new();
    let folder = |person: &Person| person.home.path().join(".local/state/papertrader");
    std::fs::create_dir_all(folder(&copy)).unwrap();
    let file = "sessions.json";
    std::fs::copy(folder(person).join(file), folder(&copy).join(file)).unwrap();
    copy
}

/// A session that was ended is refused within a second; here with some more, for a busy machine.
fn ends_soon(person: &Person, server: &str) {
    let until = Instant::now() + Duration::from_secs(3);
    loop {
        let ran = person.run_with(&["--server", server, "user"], "");
        if ran.code == 4 {
            let login = format!("papertrader --server {server} login alice");
            assert!(ran.err.contains(&login), "{}", ran.err);
            return;
        }
        assert!(Instant::now() < until, "{}", ran.out);
    }
}

#[test]
fn watching_asks_for_a_price_once_and_is_told_the_others() {
    let running = FixtureRig::start(&[need("interval 200ms")]);
    let proxy = Proxy::start(running.servers.workers[0].parse().unwrap());
    let address = proxy.address.to_string();
    let alice = person("alice", &address, &[]);
    let line = ["--server", &address, "watch", "AAPL", "--interval", "100ms"];
    let mut watching = alice.spawn(&line);
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    // Only a new value makes a line.
    let values: Vec<String> = lines.by_ref().take(4).map(Result::unwrap).collect();
    let pid = rustix::process::Pid::from_child(&watching);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(0));
    assert!(
        values.iter().all(|it| it.starts_with("AAPL ")),
        "{values:?}"
    );

    let mut question = Vec::new();
    let symbol = Symbol::parse("AAPL").unwrap();
    Request::AssetCurrent { symbol }.write(&mut question);
    let sent = proxy.captured();
    let asked = sent.windows(question.len()).filter(|it| *it == question);
    assert_eq!(asked.count(), 1);
}

#[test]
fn watching_tells_the_ends_of_orders() {
    let running = FixtureRig::start(&[need("interval 200ms")]);
    let address = running.servers.workers[0].clone();
    let alice = person("alice", &address, &[]);
    let mut watching = alice.spawn(&["watch", "AAPL", "--interval", "100ms"]);
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    // The second value is told by a notice, so that the watcher has subscribed.
    assert_eq!(lines.by_ref().take(2).map(Result::unwrap).count(), 2);
    let bought = alice.run("buy AAPL 5");
    assert_eq!(bought.code, 0, "{}", bought.err);
    let end = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.starts_with("order"));
    assert!(end.unwrap().starts_with("order settled: 5 AAPL at "));
    let pid = rustix::process::Pid::from_child(&watching);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

/// Starts an order and waits until it is on the queue.
fn order_underway(person: &Person) -> (Child, BufReader<ChildStderr>) {
    let mut child = person.spawn(&["--json", "buy", "AAPL", "5"]);
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert!(line.starts_with("queued for"), "{line}");
    (child, err)
}

/// Its end, with what it said meanwhile.
fn order_ended((mut child, mut err): (Child, BufReader<ChildStderr>)) -> (Value, String) {
    let (mut out, mut said) = (String::new(), String::new());
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    err.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    (serde_json::from_str(&out).unwrap(), said)
}

#[test]
fn orders_outlive_the_worker_and_the_master_that_took_them() {
    let needs = [need("workers 2"), need("interval 4s")];
    let mut running = FixtureRig::start(&needs);
    let alice = person("alice", &running.servers.workers[0], &[]);

    // Behind an update, so that the next one is some seconds away.
    alice.run("--json buy MSFT 1").json();
    let order = order_underway(&alice);
    running.hook("kill-worker").unwrap();
    let (first, said) = order_ended(order);
    assert!(
        said.contains("asking again under the same order ID"),
        "{said}"
    );
    assert_eq!(first["status"], "settled");

    let order = order_underway(&alice);
    running.hook("kill-master").unwrap();
    let ran = alice.run("portfolio");
    assert!(ran.code == 5 && ran.err.contains("master"), "{}", ran.err);
    running.hook("start-master").unwrap();
    let (second, _) = order_ended(order);
    assert_eq!(second["status"], "settled");

    let history = alice.run("--json transactions").json();
    let ids: Vec<&Value> = history["transactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| &t["id"])
        .collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[..2], [&second["transaction"], &first["transaction"]]);
    let portfolio = alice.run("--json portfolio --realised").json();
    assert_eq!(portfolio["starting_cash"], "100000");
    assert_eq!(portfolio["positions"][0]["quantity"], "10");
}

#[test]
fn a_worker_behind_tls_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    let mut file = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    let mut file = file.write(true).create_new(true).open(&key).unwrap();
    file.write_all(made.signing_key.serialize_pem().as_bytes())
        .unwrap();
    let running = FixtureRig::start(&[
        need(&format!(
            "worker tls.certificate=\"{}\"",
            certificate.display()
        )),
        need(&format!("worker tls.key=\"{}\"", key.display())),
    ]);
    let server = running.servers.workers[0].as_str();
    let ca = certificate.to_str().unwrap();
    let pin = hex::encode(Sha256::digest(made.cert.der()));

    let alice = person("alice", server, &["--ca", ca]);
    for trust in [["--ca", ca], ["--pin", &pin]] {
        let ran = alice.run_with(&[trust[0], trust[1], "--json", "buy", "AAPL", "1"], "");
        assert_eq!(ran.json()["status"], "settled");
        assert_eq!(
            alice
                .run_with(&[trust[0], trust[1], "chart", "AAPL", "--all"], "")
                .code,
            0
        );
    }
    // What the login was made with holds without being said, and is not undone by what is said.
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(alice.file()).unwrap()).unwrap();
    assert_eq!(kept["sessions"][0]["tls"], true);
    assert_eq!(kept["sessions"][0]["ca"], ca);
    assert_eq!(kept["sessions"][0]["servers"], serde_json::json!([server]));
    assert_eq!(alice.run("portfolio").code, 0);
    let ran = alice.run("--plain portfolio");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("made over TLS"), "{}", ran.err);
    let stranger = Person::new();
    for (args, hint) in [
        (vec!["ping", "--tls"], "--ca"),
        (vec!["ping", "--pin", &"00".repeat(32)], "pinned"),
        (vec!["ping", "--plain"], "--tls"),
    ] {
        let mut line = vec!["--server", server];
        line.extend(args);
        let ran = stranger.run_with(&line, "");
        assert!(
            ran.code == 3 && ran.out.contains(hint),
            "{}{}",
            ran.out,
            ran.err
        );
    }
    // A server answers, and why it is not used is said.
    for (trust, hints) in [
        ("--tls", ["--ca FILE", "/etc/papertrader/ca/ca.crt"]),
        ("--pin=00", ["pin", "pin"]),
    ] {
        let trust = trust.replace("=00", &format!("={}", "00".repeat(32)));
        let line = [
            &trust,
            "--server",
            server,
            "login",
            "alice",
            "--password-stdin",
        ];
        let ran = stranger.run_with(&line, "correct horse\n");
        assert_eq!(ran.code, 3, "{}", ran.err);
        assert!(ran.err.contains("no secure connection"), "{}", ran.err);
        assert!(
            hints.iter().all(|hint| ran.err.contains(hint)),
            "{}",
            ran.err
        );
    }
    // Who does not speak TLS is told so and let go.
    let mut plain = TcpStream::connect(server).unwrap();
    plain
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    plain.write_all(&[4; 17]).unwrap();
    let mut said = Vec::new();
    plain.read_to_end(&mut said).unwrap();
    assert_eq!(said[..3], [0x15, 3, 3]);
}

#[test]
fn a_chart_as_csv_is_a_market_file_again() {
    let running = FixtureRig::start(&[]);
    let alice = person("alice", &running.servers.workers[0], &[]);
    let chart = alice.run("chart IBM --month --csv").out;
    let rows = chart.lines().count() - 1;
    assert!(rows > 10, "{chart}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("IBM.csv"), &chart).unwrap();
    let checked =
        std::process::Command::new(papertrader::testkit::program::find("papertrader-sandbox"))
            .arg("check-market")
            .arg(folder.path())
            .arg("--json")
            .output()
            .unwrap();
    let shown: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(0), "{shown}");
    assert_eq!(shown["files"][0]["rows"], rows);
}

/// On a day on which an asset has no price, an order for it waits for the next one.
#[test]
fn an_order_waits_for_its_assets_next_price() {
    let needs = [
        need("market orders"),
        need("start 2024-03-05"),
        need("interval 1h"),
    ];
    let mut running = FixtureRig::start(&needs);
    let alice = person("alice", &running.servers.workers[0].clone(), &[]);
    running.hook("update").unwrap();

    let mut child = alice.spawn(&["--json", "buy", "REST", "3"]);
    until("the order is stored", || {
        let history = alice.run("--json transactions").json();
        !history["transactions"].as_array().unwrap().is_empty()
    });
    // Its last price is of 2024-03-05, its next one of 2024-03-08: a close of 106.
    running.hook("update").unwrap();
    let waiting = &alice.run("--json transactions").json()["transactions"][0];
    assert_eq!(waiting["settled"], Value::Null, "{waiting}");
    running.hook("update").unwrap();
    let err = BufReader::new(child.stderr.take().unwrap());
    let (bought, _) = order_ended((child, err));
    assert_eq!(
        (&bought["price"], &bought["total"]),
        (&"106".into(), &"318".into())
    );
}
