//! spec/cli/ctl.md · 3.1.5 ("print information about worker servers")
//!
//! The master's answers as tables and lists for people.
//!
//! Tests: `tests/suite/master/admin.rs`.

use crate::admin::model::{
    DiskStatus, LogTail, MasterStatus, RestoreSummary, SessionList, Verification, WorkerStatus,
};
use crate::cli::table::{Column, NONE, list, span, table};
use crate::master::restore::LACKS_LOG;
use crate::model::printable::clean;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// An RFC 3339 time as `2026-11-23 19:28:17`.
fn moment(text: &str) -> String {
    text.get(..19).unwrap_or(text).replace('T', " ")
}

/// A time, or [`NONE`].
fn optional_moment(text: Option<&str>) -> String {
    text.map_or_else(|| NONE.to_owned(), moment)
}

/// A duration in milliseconds, as [`span`] writes it.
fn millis(millis: u64) -> String {
    span(Duration::from_millis(millis))
}

/// The state of the master: a list of values, then a line for each condition that needs attention.
pub(super) fn status(status: &MasterStatus) -> String {
    let mut out = list(&status_values(status));
    for calls in &status.assets.calls {
        let _ = writeln!(
            out,
            "calls of {}: {} of {} in the last minute, {} of {} in 24 hours",
            clean(&calls.provider),
            calls.minute,
            calls.per_minute,
            calls.day,
            calls.per_day
        );
    }
    if status.assets.unfilled > 0 {
        let _ = writeln!(
            out,
            "past days still being fetched: of {} assets",
            status.assets.unfilled
        );
    }
    if status.inactive_sessions > 0 {
        let _ = writeln!(
            out,
            "requests with a session that was not active: {}",
            status.inactive_sessions
        );
    }
    for count in &status.refused_links {
        let _ = writeln!(
            out,
            "links refused, {}: {}",
            clean(&count.reason),
            count.count
        );
    }
    for warning in &status.warnings {
        let _ = writeln!(out, "warning: {}", clean(warning));
    }
    out
}

fn status_values(status: &MasterStatus) -> [(&'static str, String); 17] {
    let assets = &status.assets;
    let settled = format!(
        "{} orders in {}.{:03} ms",
        status.last_settled,
        status.last_settlement_us / 1000,
        status.last_settlement_us % 1000
    );
    let updated = format!("{} at {}", status.update, moment(&status.last_update));
    let workers = format!(
        "{} of {} registered, {} expected",
        status.workers_connected, status.workers_registered, status.workers_expected
    );
    let priced = format!(
        "{} listed, {} with a price, {} new in the last update",
        assets.listed, assets.priced, assets.fresh
    );
    [
        ("version", status.version.clone()),
        ("process", status.pid.to_string()),
        ("uptime", millis(status.uptime_ms)),
        ("listens at", status.listen.clone()),
        ("queue depth", status.queue_depth.to_string()),
        ("last settlement", settled),
        ("last update", updated),
        (
            "next update",
            optional_moment(status.next_update.as_deref()),
        ),
        ("workers connected", workers),
        ("accounts", status.accounts.to_string()),
        ("sessions", status.sessions.to_string()),
        ("assets", priced),
        ("prices from", assets.served_by.join(", ")),
        ("prices refused", assets.refused.to_string()),
        ("updates left out", assets.missed.to_string()),
        ("market ends", market_end(status)),
        ("free disk", disk(status.disk.as_ref())),
    ]
}

/// The room on the database's disk, or [`NONE`].
fn disk(disk: Option<&DiskStatus>) -> String {
    disk.map_or_else(
        || NONE.to_owned(),
        |disk| {
            format!(
                "{} of {}",
                mebibytes(disk.free_bytes),
                mebibytes(disk.total_bytes)
            )
        },
    )
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// When a market that ends does.
fn market_end(status: &MasterStatus) -> String {
    let assets = &status.assets;
    match (assets.steps_left, assets.ends_in_ms) {
        _ if status.next_update.is_none() => "it has ended".to_owned(),
        (Some(steps), Some(left)) => format!("in {}, after {steps} more updates", millis(left)),
        (Some(steps), None) => format!("no; it is simulated after {steps} more updates"),
        (None, _) => "no".to_owned(),
    }
}

/// The table of registered workers.
pub(super) fn workers(workers: &[WorkerStatus]) -> String {
    if workers.is_empty() {
        return "no worker is registered; see `papertraderctl workers register --help`\n"
            .to_owned();
    }
    let row = |worker: &WorkerStatus| {
        let report = worker.report.as_ref();
        vec![
            worker.name.clone(),
            worker.state.clone(),
            worker.address.clone(),
            worker.ip.clone(),
            optional_moment(worker.linked_since.as_deref()),
            report.map_or_else(|| NONE.to_owned(), |report| report.connections.to_string()),
            worker.uuid.clone(),
        ]
    };
    let columns = [
        Column::text("worker", 0),
        Column::text("state", 0),
        Column::text("address", 2),
        Column::text("from", 4),
        Column::text("connected since", 3),
        Column::number("clients", 1),
        Column::text("UUID", 5),
    ];
    table(&columns, &workers.iter().map(row).collect::<Vec<_>>())
}

/// One worker with its last report, as a list.
pub(super) fn worker(worker: &WorkerStatus) -> String {
    let mut pairs = vec![
        ("worker", worker.name.clone()),
        ("state", worker.state.clone()),
        ("UUID", worker.uuid.clone()),
        ("key", worker.fingerprint.clone()),
        ("may connect from", worker.ip.clone()),
        ("clients are told", worker.address.clone()),
    ];
    if let Some(since) = &worker.linked_since {
        pairs.push(("connected since", moment(since)));
    }
    if let Some(from) = &worker.linked_from {
        pairs.push(("connected from", from.clone()));
    }
    if let Some(report) = &worker.report {
        pairs.extend([
            ("reported", moment(&report.at)),
            ("version", report.version.clone()),
            (
                "uptime",
                millis(u64::try_from(report.uptime_ms).unwrap_or(0)),
            ),
            ("clients connected", report.connections.to_string()),
            ("sessions known", report.sessions.to_string()),
            (
                "cache",
                format!("{} windows, {} bytes", report.cached, report.cached_bytes),
            ),
            ("waiting for master", report.parked.to_string()),
            (
                "clock difference",
                format!("{} ms", report.clock_difference_ms),
            ),
        ]);
    }
    list(&pairs)
}

/// The table of active sessions.
pub(super) fn sessions(sessions: &SessionList) -> String {
    if sessions.sessions.is_empty() {
        return "no session is active\n".to_owned();
    }
    let rows: Vec<Vec<String>> = sessions
        .sessions
        .iter()
        .map(|session| {
            vec![
                session.id.clone(),
                session.user.clone(),
                session.worker.clone(),
                session.client.clone(),
                moment(&session.since),
                moment(&session.until),
                moment(&session.last_used),
                if session.expirable { "yes" } else { "no" }.to_owned(),
            ]
        })
        .collect();
    let columns = [
        Column::text("ID", 0),
        Column::text("account", 0),
        Column::text("worker", 1),
        Column::text("client", 2),
        Column::text("since", 4),
        Column::text("until", 5),
        Column::text("last used", 3),
        Column::text("ends with connection", 6),
    ];
    let mut out = table(&columns, &rows);
    if sessions.more > 0 {
        let _ = writeln!(
            out,
            "and {} more; --user shows those of one account",
            sessions.more
        );
    }
    out
}

/// A time that another user's process may have written.
fn dated(text: Option<&str>) -> String {
    text.map_or_else(|| NONE.to_owned(), |text| moment(&clean(text)))
}

/// The result of a verification, with each difference.
pub(super) fn verification(report: &Verification) -> String {
    let mut out = list(&[
        ("accounts", report.accounts.to_string()),
        (
            "transactions",
            format!(
                "{}: {} settled, {} rejected, {} queued",
                report.transactions, report.settled, report.rejected, report.queued
            ),
        ),
        ("positions", report.positions.to_string()),
        ("cash", clean(&report.cash)),
        (
            "newest transaction",
            dated(report.newest_transaction.as_deref()),
        ),
        (
            "last update",
            match report.update {
                0 => NONE.to_owned(),
                number => {
                    let time = dated(report.update_time.as_deref());
                    format!("number {number}, market time {time}")
                }
            },
        ),
        (
            "database",
            format!(
                "{}, {} free beside it",
                mebibytes(report.database_bytes),
                report.free_bytes.map_or_else(|| NONE.to_owned(), mebibytes)
            ),
        ),
        ("took", millis(report.took_ms)),
    ]);
    if report.lacks_log {
        let _ = writeln!(out, "note: {LACKS_LOG}");
    }
    if report.is_clean() {
        out.push_str("every balance and position is what its transactions make\n");
    }
    for difference in &report.differences {
        let _ = writeln!(out, "difference: {}", clean(difference));
    }
    if report.more > 0 {
        let _ = writeln!(out, "and {} more", report.more);
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {}", clean(note));
    }
    out
}

/// The result of a restore.
pub(super) fn restored(restored: &RestoreSummary) -> String {
    let mut out = verification(&restored.verification);
    // For root, another user's process may have written this summary.
    let shown = |path: &Path| clean(&path.display().to_string());
    let _ = writeln!(out, "{} is in place", shown(&restored.database));
    if let Some(replaced) = &restored.replaced {
        let _ = writeln!(out, "what was there is kept as {}", shown(replaced));
    }
    if let Some(older) = restored.older {
        let _ = writeln!(
            out,
            "an older version made the backup (migration {older}); the copy was brought forward"
        );
    }
    let _ = writeln!(out, "{} sessions of the backup were ended", restored.ended);
    out
}

/// Log entries, one a line.
pub(super) fn log(log: &LogTail) -> String {
    let mut out = String::new();
    for entry in &log.entries {
        let _ = writeln!(out, "{}", clean(&entry.line));
    }
    out
}
