//! spec/master/migrate_store.md · 3.1.2 Database Management
//!
//! The command `papertrader-master migrate-store`: moves a database that no master uses to another
//! engine, shows how far it is, and checks what it has written.
//!
//! Tests: `src/master/migrate_store/tests.rs`, `tests/suite/master/migrate_store.rs`.

mod progress;
#[cfg(test)]
mod tests;

use self::progress::{MoveProgress, grouped, rate};
use super::storage::moving::{MoveError, MoveSource, MoveStep};
use super::verify::{self, VerifyError};
use crate::admin::model::Verification;
use crate::config::{DatabaseUrl, check_database};
use crate::daemon::cli::MigrateStoreArguments;
use crate::daemon::root::{NamedPath, check_command};
use crate::daemon::{BAD_USAGE, DONE, FAILED, StartError, forbid_cores};
use crate::model::printable::clean;
use serde::Serialize;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The name of the program, before what it says.
const PROGRAM: &str = "papertrader-master";

/// What was moved, as `--json` prints it.
#[derive(Debug, Serialize)]
struct MoveReport {
    from: String,
    to: String,
    /// Rows of all tables.
    rows: u64,
    /// Rows of each table.
    tables: BTreeMap<String, u64>,
    /// The time for the rows alone, and for all of it, in milliseconds.
    rows_ms: u64,
    took_ms: u64,
    /// What the check of the new database has found.
    verification: Verification,
}

/// Does what the command line asks for. Returns the exit code.
pub fn run(arguments: &MigrateStoreArguments) -> u8 {
    let done = moved(arguments);
    let text = match done {
        Ok(report) if arguments.json => match serde_json::to_string_pretty(&report) {
            Ok(text) => text,
            Err(error) => return told(&StartError::failed(error)),
        },
        Ok(report) => shown(&report),
        Err(error) => return told(&error),
    };
    // A closed standard output is no failure: the database is moved.
    let _ = writeln!(io::stdout(), "{text}");
    DONE
}

/// Says why nothing was moved. Returns the exit code.
fn told(error: &StartError) -> u8 {
    say(&error.to_string());
    error.code
}

/// Says something on standard error, each line of which a terminal can show.
fn say(text: &str) {
    for line in text.lines() {
        // A closed standard error is no reason to stop.
        let _ = writeln!(io::stderr(), "{PROGRAM}: {}", clean(line));
    }
}

fn moved(arguments: &MigrateStoreArguments) -> Result<MoveReport, StartError> {
    let (from, to) = databases(arguments)?;
    for (key, url) in [("FROM", &from), ("TO", &to)] {
        if let Some(path) = url.file() {
            check_command(PROGRAM, NamedPath { key, path })?;
        }
        for warning in check_database(url).map_err(StartError::failed)? {
            say(&format!("warning: {}: {warning}", url.shown()));
        }
    }
    // Passwords and addresses pass through this process.
    forbid_cores()?;
    let stop = stop_flag()?;
    let is_stopped = || stop.load(Ordering::Relaxed);
    let mut progress = MoveProgress::new();
    let report = move_database(&from, &to, &is_stopped, &mut |step| progress.tell(step));
    progress.end();
    report.map_err(|error| StartError::failed(why(&error, &to)))
}

/// What has gone wrong, and how the target is.
fn why(error: &MoveError, to: &DatabaseUrl) -> String {
    match error {
        MoveError::Cancelled => format!("broken off: {} has nothing", to.shown()),
        error => error.to_string(),
    }
}

/// The two databases of a command line.
fn databases(arguments: &MigrateStoreArguments) -> Result<(DatabaseUrl, DatabaseUrl), StartError> {
    let bad_usage = |text: String| StartError {
        code: BAD_USAGE,
        text,
    };
    let folder = std::env::current_dir()?;
    let parse = |key: &str, text: &str| {
        let url = DatabaseUrl::parse(text, &folder).map_err(|why| format!("{key}: {why}"));
        url.map(|url| with_password(url, arguments.password_file.clone()))
    };
    let from = parse("FROM", &arguments.from).map_err(bad_usage)?;
    let to = parse("TO", &arguments.to).map_err(bad_usage)?;
    match (&from, &to) {
        (from, to) if from == to => Err(bad_usage(format!(
            "FROM and TO are the same database, {}",
            from.shown()
        ))),
        (DatabaseUrl::Sqlite(_), DatabaseUrl::Sqlite(_)) => Err(bad_usage(
            "FROM and TO are both files: papertraderctl backup and restore move those".to_owned(),
        )),
        (DatabaseUrl::Postgres(_), DatabaseUrl::Postgres(_)) => Err(bad_usage(
            "FROM and TO are both on a server: pg_dump and pg_restore move those".to_owned(),
        )),
        _ => Ok((from, to)),
    }
}

fn with_password(url: DatabaseUrl, file: Option<PathBuf>) -> DatabaseUrl {
    match url {
        DatabaseUrl::Postgres(url) => DatabaseUrl::Postgres(Box::new(url.with_password_file(file))),
        file => file,
    }
}

/// Set by the first SIGINT or SIGTERM; a second one ends the process at once.
fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, i32::from(FAILED), Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Moves a database, checks the new one, and brings it into force.
///
/// # Errors
/// See [`MoveSource::move_to`]; or what was written does not add up.
fn move_database(
    from: &DatabaseUrl,
    to: &DatabaseUrl,
    is_stopped: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(MoveStep),
) -> Result<MoveReport, MoveError> {
    let began = Instant::now();
    let mut source = MoveSource::open(from)?;
    let mut rows_took = Duration::ZERO;
    let mut watch = |step: MoveStep| {
        if is_stopped() {
            return Err(MoveError::Cancelled);
        }
        if let MoveStep::Rows { .. } = step {
            rows_took = began.elapsed();
        }
        tell(step);
        Ok(())
    };
    let mut verification = None;
    let moved = source.move_to(to, &mut watch, &mut |moment| {
        let found = verify::check_moment(moment, is_stopped).map_err(|error| match error {
            VerifyError::Cancelled => MoveError::Cancelled,
            VerifyError::Storage(error) => MoveError::Storage(error),
            error @ VerifyError::OtherVersion(_) => MoveError::Refused(error.to_string()),
        })?;
        if let Some(first) = found.differences.first() {
            return Err(MoveError::Refused(format!(
                "{}: what was moved does not add up, so nothing of it was kept: {first}; see what `papertraderctl \
                 verify` says of {}",
                to.shown(),
                from.shown()
            )));
        }
        verification = Some(found);
        Ok(())
    })?;
    Ok(MoveReport {
        from: from.shown(),
        to: to.shown(),
        rows: moved.iter().map(|(_, rows)| rows).sum(),
        tables: moved.into_iter().collect(),
        rows_ms: milliseconds(rows_took),
        took_ms: milliseconds(began.elapsed()),
        verification: verification.unwrap_or_default(),
    })
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The report for people.
fn shown(report: &MoveReport) -> String {
    let MoveReport {
        from,
        to,
        rows,
        verification: found,
        ..
    } = report;
    let (rows_took, took) = (
        Duration::from_millis(report.rows_ms),
        Duration::from_millis(report.took_ms),
    );
    clean(&format!(
        "moved {} rows of {} tables in {:.1} s ({} rows/s without indexes and check)",
        grouped(*rows),
        report.tables.len(),
        took.as_secs_f64(),
        grouped(rate(*rows, rows_took)),
    )) + "\n"
        + &clean(&format!(
            "verify of {to}: {} accounts and {} transactions add up",
            grouped(found.accounts),
            grouped(found.transactions)
        ))
        + "\n"
        + &clean(&format!(
            "next: name {to} in database.url of master.toml, and start the master; never start one on {from} again"
        ))
}
