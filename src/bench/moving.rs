//! spec/bench/moving.md · 3.1.2 Database Management
//!
//! Measures `papertrader-master migrate-store`: a million accounts and ten million transactions from a
//! file to a server and back.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::fill::Filler;
use super::measure::grouped;
use super::rivals::Postgres;
use super::table::{Figure, ResultRow};
use crate::config::DatabaseUrl;
use crate::master::storage::Storage;
use crate::testkit::{deployment, program};
use serde_json::Value;
use std::process::{Command, Stdio};

/// The asset that all accounts have bought.
const SYMBOL: &str = "SIM001";

/// How much is moved.
struct Counts {
    accounts: u64,
    transactions: u64,
}

const FULL: Counts = Counts {
    accounts: 1_000_000,
    transactions: 10_000_000,
};
const SHORT: Counts = Counts {
    accounts: 500,
    transactions: 5_000,
};

/// Measures both ways.
///
/// # Errors
/// The server fails, or a move; what was moved is not what was written.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let counts = if scale.is_short { SHORT } else { FULL };
    let Some(postgres) = scale.rival("postgresql", Postgres::start())? else {
        return Ok(Vec::new());
    };
    let folder = deployment::folder();
    let (first, back) = (
        folder.path().join("first.db"),
        folder.path().join("back.db"),
    );
    tell(&format!(
        "moving: writing {} accounts and {} transactions …",
        grouped(counts.accounts),
        grouped(counts.transactions)
    ));
    let failed = |error: crate::master::storage::StorageError| error.to_string();
    Storage::migrate(&DatabaseUrl::Sqlite(first.clone())).map_err(failed)?;
    let mut filler = Filler::open(&first)?;
    filler.buyers(counts.accounts, counts.transactions, SYMBOL)?;
    filler.close()?;
    let server = postgres.database("moved")?;
    let file = |path: &std::path::Path| format!("sqlite:{}", path.display());
    let mut rows = Vec::new();
    for (what, from, to) in [
        ("from a file to a server", file(&first), server.clone()),
        ("from a server to a file", server, file(&back)),
    ] {
        tell(&format!("moving: {what} …"));
        rows.extend(moved(what, &from, &to, &counts)?);
        if from.starts_with("sqlite:") {
            // The disk need not have room for three.
            std::fs::remove_file(&first).map_err(|e| e.to_string())?;
        }
    }
    Ok(rows)
}

/// Moves a database, and compares what was moved with what there was.
fn moved(what: &str, from: &str, to: &str, counts: &Counts) -> Result<[ResultRow; 3], String> {
    let output = Command::new(program::find("papertrader-master"))
        .args(["migrate-store", from, to, "--json"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("papertrader-master: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "papertrader-master migrate-store: {}",
            output.status
        ));
    }
    let report: Value = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let verification = &report["verification"];
    let found = (
        number(&verification["accounts"]),
        number(&verification["settled"]),
    );
    if found != (counts.accounts, counts.transactions) {
        return Err(format!(
            "{what}: {found:?} accounts and transactions were verified"
        ));
    }
    let (rows, rows_ms) = (number(&report["rows"]), number(&report["rows_ms"]));
    let row = |text: &str, figure| ResultRow::ours(format!("{what}: {text}"), figure, None);
    let milliseconds = |count: u64| Figure::Nanoseconds(count.saturating_mul(1_000_000));
    Ok([
        row(
            "rows",
            Figure::PerSecond(rows.saturating_mul(1000) / rows_ms.max(1)),
        ),
        row(
            "indexes, references, verify",
            milliseconds(number(&report["took_ms"]).saturating_sub(rows_ms)),
        ),
        row("all of it", milliseconds(number(&report["took_ms"]))),
    ])
}
