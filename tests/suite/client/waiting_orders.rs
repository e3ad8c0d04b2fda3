//! `papertrader`, the built program, and orders that wait: with a master and a worker as real
//! processes, and with workers of both editions that the tests make.

use super::cli::Person;
use super::fake_worker::Fake;
use super::real_servers::person;
use super::screen::interrupted;
use super::terminal::Terminal;
use crate::protocol::fixture_needs::{FixtureRig, need};
use papertrader::testkit::eventually::until;
use serde_json::Value;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value}"))
}

/// The open orders of a person.
fn open(person: &Person) -> Vec<Value> {
    let told = person.run("--json orders").json();
    told["orders"].as_array().unwrap().clone()
}

/// The status of a transaction.
fn status(person: &Person, id: &str) -> (String, Value) {
    let told = person.run("--json transactions").json();
    let rows = told["transactions"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == id).unwrap();
    (text(&row["status"]).to_owned(), row["reason"].clone())
}

#[test]
fn an_order_is_placed_listed_changed_filled_and_explained() {
    let running = FixtureRig::start(&[]);
    let alice = person("alice", &running.servers.workers[0], &[]);

    let told = alice.run("buy AAPL 1,000 --limit 1.50");
    assert_eq!(told.code, 0, "{}", told.err);
    let estimate = "buy 1,000 AAPL, limit 1.50, gtc: at 1.50 or less it takes at most 1,500.00 and \
                    leaves 98,500.00 in cash\n";
    let end = told.err.strip_prefix(estimate).unwrap_or_default();
    assert!(
        end.starts_with("it stands ") && end.contains("in market time, 180 d from now, which is "),
        "{}",
        told.err
    );
    assert_eq!(told.err.lines().count(), 2, "{}", told.err);
    assert!(
        told.out.starts_with("The order is open: buy 1,000 AAPL"),
        "{}",
        told.out
    );
    let listed = open(&alice);
    assert_eq!(listed.len(), 1);
    let first = text(&listed[0]["transaction"]).to_owned();
    assert!(
        told.out.contains(&format!("papertrader cancel {first}\n")),
        "{}",
        told.out
    );
    for (name, value) in [
        ("status", "open"),
        ("side", "buy"),
        ("symbol", "AAPL"),
        ("quantity", "1000"),
        ("kind", "limit"),
        ("limit", "1.5"),
        ("time_in_force", "gtc"),
        ("reserve", "1500"),
    ] {
        assert_eq!(listed[0][name], value, "{listed:?}");
    }
    let table = alice.run("orders").out;
    assert!(
        table.contains(&first) && table.contains("limit 1.50") && table.contains("1,500.00"),
        "{table}"
    );
    let portfolio = alice.run("portfolio").out;
    assert!(
        portfolio.contains("held back for orders  1,500.00\n")
            && portfolio.contains("buying power          98,500.00\n"),
        "{portfolio}"
    );
    assert_eq!(alice.run("--json portfolio").json()["reserved"], "1500");

    // In its place another one, which the next bar fills at its open.
    let end = &first[24..];
    let ran = alice.run(&format!("--json replace {end} --limit 9,000 --quantity 2"));
    let placed = ran.json();
    assert_eq!(
        (&placed["status"], &placed["limit"]),
        (&"open".into(), &"9000".into())
    );
    let second = text(&placed["transaction"]).to_owned();
    assert_ne!(first, second);
    until("the fill", || open(&alice).is_empty());
    assert_eq!(status(&alice, &second).0, "settled");
    assert_eq!(status(&alice, &first).1, "replaced");
    let receipt = alice
        .run(&format!("--json transactions --receipt {second}"))
        .json();
    let lines = receipt["lines"].as_array().unwrap();
    let line = |name: &str| {
        let found = lines.iter().find(|line| line["name"] == name);
        text(&found.unwrap_or_else(|| panic!("{name}: {receipt}"))["value"])
    };
    assert_eq!((line("kind"), line("limit")), ("limit", "9000 USD"));
    assert_eq!(line("price"), line("open"), "the lower of open and limit");
    assert!(line("rule").contains("low was at the limit or below"));

    // What has ended cannot be changed any more.
    for line in [
        format!("cancel {second}"),
        format!("replace {second} --limit 5"),
    ] {
        let ran = alice.run(&line);
        assert_eq!(ran.code, 5, "{}", ran.err);
        assert!(ran.err.contains("not-open"), "{}", ran.err);
        assert!(ran.err.contains("papertrader"), "advice: {}", ran.err);
    }
    let ran = alice.run("cancel 00000000");
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("00000000: no open order of yours"),
        "{}",
        ran.err
    );
}

#[test]
fn orders_of_all_kinds_are_placed_and_cancelled() {
    let running = FixtureRig::start(&[need("interval 1s")]);
    let alice = person("alice", &running.servers.workers[0], &[]);

    // As many units as the money buys, and all of them sold.
    let bought = alice.run("--json buy AAPL --for 10,000").json();
    assert_eq!(
        (&bought["status"], &bought["cash"]),
        (&"settled".into(), &"10000".into())
    );
    let total: f64 = text(&bought["total"]).parse().unwrap();
    assert!((9_999.0..=10_000.0).contains(&total), "{bought}");

    for line in [
        "sell AAPL 1 --limit 100,000 --tif 2099-12-31",
        "sell AAPL 1 --stop 0.01 --order-id mine.1",
        "sell AAPL 1 --stop 0.02 --limit 0.01",
        "sell AAPL 1 --trail 90%",
        "buy AAPL 1 --limit 0.01 --no-wait",
    ] {
        let ran = alice.run(line);
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        assert!(
            ran.out.starts_with("The order is open"),
            "{line}: {}",
            ran.out
        );
    }
    let orders = open(&alice);
    let kinds: Vec<&str> = orders.iter().map(|order| text(&order["kind"])).collect();
    assert_eq!(kinds, ["limit", "trailing", "stop-limit", "stop", "limit"]);
    assert_eq!(orders[1]["stop"], "90%");
    let table = alice.run("orders").out;
    for part in [
        "trailing 90%",
        "stop 0.02, limit 0.01",
        "through 2099-12-31 UTC",
        "mine.1",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }

    // Units that are promised are not sold twice; what is left is all there is to sell.
    let units: f64 = text(&bought["quantity"]).parse().unwrap();
    let ran = alice.run(&format!(
        "sell AAPL {}",
        bought["quantity"].as_str().unwrap()
    ));
    assert_eq!(ran.code, 5, "{}", ran.out);
    assert!(
        ran.err.contains("insufficient-holdings") && ran.err.contains("have been promised"),
        "{}",
        ran.err
    );
    let portfolio = alice.run("portfolio").out;
    assert!(portfolio.contains("free"), "{portfolio}");
    let sold = alice.run("--json sell AAPL --all").json();
    let left: f64 = text(&sold["quantity"]).parse().unwrap();
    assert!((units - left - 4.0).abs() < 1e-6, "{sold}");

    let ran = alice.run("--json cancel mine.1").json();
    assert_eq!(ran["cancelled"].as_array().unwrap().len(), 1);
    let again = format!("cancel {}", text(&ran["cancelled"][0]));
    assert_eq!(alice.run(&again).code, 0, "it stays cancelled");
    // The order ID that buy and sell print is a UUID as the transaction's is.
    let placed = alice.run("--json sell AAPL 1 --limit 100,000").json();
    let ran = alice.run(&format!("--json cancel {}", text(&placed["order_id"])));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.json()["cancelled"][0], placed["transaction"]);
    let ran = alice.run("cancel 0");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("at least 8 hexadecimal"), "{}", ran.err);
    let ran = alice.run("--json cancel --all").json();
    assert_eq!(ran["cancelled"].as_array().unwrap().len(), 4);
    assert_eq!(alice.run("orders").out, "no open orders of alice\n");
    assert_eq!(alice.run("cancel --all").code, 0);
}

#[test]
fn refusals_say_what_to_do() {
    let running = FixtureRig::start(&[]);
    let alice = person("alice", &running.servers.workers[0], &[]);
    let refused = |line: &str, told: &[&str]| {
        let ran = alice.run(line);
        assert_eq!(ran.code, 5, "{line}: {}{}", ran.out, ran.err);
        for part in told {
            assert!(ran.err.contains(part), "{line}: {part}: {}", ran.err);
        }
    };
    refused(
        "buy AAPL 1 --trail 999,999",
        &["price-invalid", "papertrader quote AAPL"],
    );
    refused(
        "buy AAPL 1 --limit 5 --tif 2000-01-01",
        &["date-invalid", "papertrader market"],
    );
    refused(
        "cancel 01997a3e-8a4e-7c21-9d1c-2f60c1d4b7aa",
        &["no-data", "papertrader orders"],
    );
    assert_eq!(alice.run("buy AAPL 1 --limit 1").code, 0);
    refused(
        "buy AAPL 1 --limit 200,000",
        &["insufficient-funds", "hold 1.00 back", "papertrader orders"],
    );
    let ran = alice.run("sell AAPL --all");
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("alice has no units of AAPL to sell"),
        "{}",
        ran.err
    );
    let ran = alice.run("--json buy AAPL 1 --limit 200,000");
    assert_eq!(ran.code, 5);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["status"], "rejected");
    assert_eq!(told["error"]["code"], "insufficient-funds");

    let told = alice.run("--json market").json();
    assert_eq!(
        (&told["market"], &told["state"]),
        (&"replay".into(), &"open".into())
    );
    assert_eq!(told["prices"]["assets"], 5);
    assert!(
        told["steps_left"].is_u64() && told["prices"]["newest"].is_string(),
        "{told}"
    );
    let told = alice.run("market").out;
    for part in [
        "market        replay, open",
        "next update",
        "newest price",
        "steps left",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // Who is not logged in reads what needs no session.
    let server = &running.servers.workers[0];
    let ran = Person::new().run_with(&["--server", server, "market"], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("next update") && !ran.out.contains("newest"),
        "{}",
        ran.out
    );
}

#[test]
fn a_large_purchase_is_confirmed_at_a_terminal() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    // The fake's alice is worth 2,334.50, and a unit costs some 100.
    let line = "buy AAPL 12 --order-id mine.1";
    let question = "more than half of the 2,334.50 that alice is worth";
    for (answer, code) in [("n", 1), ("y", 0)] {
        let terminal = Terminal::run(&person, &fake.address, line, false);
        let shown = terminal.shows(question);
        assert!(shown.contains("buy 12 AAPL: at about"), "{shown}");
        let (ended, shown) = terminal.answer("Go on? [y/N]", answer).end();
        assert_eq!(ended, code, "{shown}");
        let sent = fake.told.lock().unwrap().order_ids.len();
        assert_eq!(sent, usize::from(code == 0), "{shown}");
        assert_eq!(shown.contains("no order was sent"), code == 1, "{shown}");
    }
    // Half of it is nobody's question, nor is it one with --yes.
    for line in ["buy AAPL 1", "buy AAPL 12 --yes", "sell AAPL 12"] {
        let terminal = Terminal::run(&person, &fake.address, line, false);
        let (code, shown) = terminal.end();
        assert_eq!(code, 0, "{shown}");
        assert!(!shown.contains("Go on?"), "{line}: {shown}");
    }
    // Nobody can be asked elsewhere.
    assert_eq!(person.run("buy AAPL 12").code, 0);
}

#[test]
fn a_server_of_the_first_edition_takes_market_orders_as_before() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    fake.tell(|t| t.facts = None);
    let ran = person.run("buy AAPL 1 --order-id mine.1");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.starts_with("Bought 1 AAPL") && ran.err.contains("in cash"),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_eq!(person.run("sell AAPL --all --order-id mine.2").code, 0);
    for line in [
        "buy AAPL 1 --limit 5",
        "buy AAPL --for 500",
        "buy AAPL 1 --tif day",
    ] {
        let ran = person.run(line);
        assert_eq!(ran.code, 5, "{line}: {}", ran.err);
        assert!(ran.err.contains("of an earlier version"), "{}", ran.err);
    }
    assert_eq!(fake.told.lock().unwrap().order_ids, ["mine.1", "mine.2"]);
    let ran = person.run("market");
    assert!(
        ran.code == 0 && ran.out.contains("first edition"),
        "{}",
        ran.out
    );
}

#[test]
fn ctrl_c_says_how_to_cancel_an_order_that_was_placed() {
    let running = FixtureRig::start(&[need("interval 60s")]);
    let alice = person("alice", &running.servers.workers[0], &[]);
    let line = "buy AAPL --for 500";
    let (code, shown) = interrupted(&alice, (160, 24), "C.UTF-8", line, "settles in");
    assert_eq!(code, 6, "{shown}");
    let order = &open(&alice)[0];
    let id = text(&order["transaction"]);
    for part in [
        "the order is queued and stands",
        "buy AAPL for 500.00",
        &format!("papertrader cancel {id}\n"),
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(alice.run(&format!("cancel {id}")).code, 0);
    assert_eq!(status(&alice, id).1, "cancelled");
}
