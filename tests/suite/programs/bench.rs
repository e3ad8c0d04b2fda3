//! The measurements run, and their answers are right: a few hundred requests each, and no word
//! about times.

use serde_json::Value;
use std::process::Command;

fn bench(arguments: &[&str]) -> Value {
    let output = Command::new(papertrader::testkit::program::find("papertrader-bench"))
        .args(["--json", "--short"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {}: {said}",
        output.status
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_measurement_runs_and_hears_right_answers() {
    let plot = tempfile::tempdir().unwrap();
    let file = plot.path().join("growth.svg");
    let rows = bench(&["all", "--plot", file.to_str().unwrap()]);
    let rows = rows.as_array().unwrap();
    let beginnings = [
        "quotes, 1 × 1",
        "quotes, 500 × 16",
        "orders, 8 × 1000",
        "one update settles",
        "100 clients get in",
        "the worker's memory",
        "the master starts",
        "logins",
        "session checks by the master",
    ];
    for beginning in beginnings {
        let row = rows
            .iter()
            .find(|row| row["what"].as_str().unwrap().starts_with(beginning));
        let row = row.unwrap_or_else(|| panic!("no line of {beginning:?} in {rows:#?}"));
        assert!(row["ours"]["value"].as_u64().unwrap() > 0, "{row:#}");
    }
    let picture = std::fs::read_to_string(file).unwrap();
    for direction in ["accounts", "transactions", "assets", "workers"] {
        assert!(picture.contains(direction), "{picture}");
    }
}

/// On PostgreSQL, too, where it is installed.
#[test]
fn orders_on_either_engine_are_answered() {
    let rows = bench(&["postgres"]);
    let rows = rows.as_array().unwrap();
    assert!([3, 9].contains(&rows.len()), "{rows:#?}");
    for row in rows {
        assert!(row["ours"]["value"].as_u64().unwrap() > 0, "{row:#}");
    }
}

#[test]
fn a_database_is_moved_to_a_server_and_back() {
    let rows = bench(&["moving"]);
    let rows = rows.as_array().unwrap();
    // Without PostgreSQL there is nothing to measure.
    assert!(rows.len() == 6 || rows.is_empty(), "{rows:?}");
}

#[test]
fn quotes_by_websocket_are_right() {
    let rows = bench(&["websocket"]);
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert!(
        rows.iter().all(|row| row["theirs"].is_object()),
        "{rows:#?}"
    );
}

#[test]
fn sizes_are_those_of_what_was_made() {
    let rows = bench(&["sizes"]);
    for what in ["account", "transaction", "price"] {
        let row = rows.as_array().unwrap().iter().find(|row| {
            let said = row["what"].as_str().unwrap();
            said.starts_with("the database") && said.contains(what)
        });
        let bytes = row.unwrap_or_else(|| panic!("{rows:#}"))["ours"]["value"].as_u64();
        assert!((10..10_000).contains(&bytes.unwrap()), "{rows:#}");
    }
}

#[test]
fn a_load_counts_every_answer_once() {
    let trades = bench(&[
        "load",
        "-c",
        "3",
        "-i",
        "20",
        "-n",
        "300",
        "--mix",
        "trade=2,resume=1",
    ]);
    assert_eq!(trades["replies"]["count"], 300, "{trades:#}");
    assert!(
        trades["notices"]["count"].as_u64().unwrap() >= 200,
        "{trades:#}"
    );
    let reads = bench(&[
        "load",
        "-c",
        "3",
        "-r",
        "500",
        "-n",
        "300",
        "-m",
        "current=3,day,user,history,list",
    ]);
    assert_eq!(reads["replies"]["count"], 300, "{reads:#}");
    assert_eq!(reads["refused"], 0, "{reads:#}");
}

#[test]
fn who_else_asks_is_measured_beside_a_long_history() {
    let rows = bench(&["histories"]);
    let rows = rows.as_array().unwrap();
    for beginning in ["infos beside histories, p99", "longest time between"] {
        let row = rows
            .iter()
            .find(|row| row["what"].as_str().unwrap().starts_with(beginning));
        assert!(row.unwrap()["ours"]["value"].as_u64().unwrap() > 0);
    }
}

#[test]
fn subscribers_are_measured_beside_a_bare_loop() {
    let rows = bench(&["notices"]);
    let rows = rows.as_array().unwrap();
    for beginning in ["40 subscribers", "quotes beside", "logins beside"] {
        let row = rows
            .iter()
            .find(|row| row["what"].as_str().unwrap().starts_with(beginning));
        assert!(row.unwrap()["theirs"]["value"].as_u64().unwrap() > 0);
    }
}

#[test]
fn later_starts_parse_no_market_file_again() {
    let rows = bench(&["market"]);
    let rows = rows.as_array().unwrap();
    for beginning in ["first start beside a bare", "a later start beside"] {
        let row = rows
            .iter()
            .find(|row| row["what"].as_str().unwrap().starts_with(beginning));
        assert!(row.unwrap()["theirs"]["value"].as_u64().unwrap() > 0);
    }
}

#[test]
fn an_update_fills_open_orders_beside_one_of_market_orders() {
    let rows = bench(&["open-orders"]);
    let rows = rows.as_array().unwrap();
    let row = |beginning: &str| {
        let row = rows
            .iter()
            .find(|row| row["what"].as_str().unwrap().starts_with(beginning));
        row.unwrap_or_else(|| panic!("no line of {beginning:?} in {rows:#?}"))
    };
    for beginning in ["one update fills 1,000 of 100,000", "a start with 100,000"] {
        assert!(row(beginning)["theirs"]["value"].as_u64().unwrap() > 0);
    }
    // How long it may be is the measurement's word, in a release build: `make bench`.
    for beginning in [
        "the longest time between two pings",
        "its check of the ledger",
        "getOpenOrders",
        "its stop",
    ] {
        assert!(row(beginning)["ours"]["value"].as_u64().unwrap() > 0);
    }
}

#[test]
fn every_kind_of_account_is_asked_about_and_refused() {
    let rows = bench(&["account-times"]);
    let rows = rows.as_array().unwrap();
    let kinds = [
        "another known name",
        "an unknown name",
        "a locked account",
        "an account without a password",
        "a hash of an older cost",
    ];
    assert_eq!(rows.len(), 2 * kinds.len(), "{rows:#?}");
    for (at, row) in rows.iter().enumerate() {
        let what = row["what"].as_str().unwrap();
        assert!(what.contains(kinds[at % kinds.len()]), "{what}");
        assert!(row["ours"]["value"].as_u64().unwrap() > 0, "{what}");
    }
}
