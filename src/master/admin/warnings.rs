//! spec/master/admin.md · 3.1.1, 3.1.5, 3.1.6
//!
//! What an administrator should act on: the one list that `status`, `check` and the metrics have.
//!
//! Tests: `tests/suite/master/admin.rs`, `tests/suite/master/full_disk.rs`.

use super::AdminChannels;
use super::workers::{self, expiry_warning};
use crate::admin::warning::{StatusWarning, WarningKind as Kind};
use crate::daemon::reload::FileState;
use crate::master::assets::update::{LAST_UPDATES, PAUSED_TEXT};
use crate::master::messages::{AssetsStatus, AuthStatus, MailStatus, QueueStatus, WorkerRow};
use crate::master::storage::disk::DiskSpace;
use crate::master::storage::metrics::file_sizes;
use crate::master::transactions::disk_floor::{DiskLevel, refused_below};
use crate::master::workers::{ABSENCE_GRACE, START_GRACE};
use crate::model::Timestamp;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Inputs that were passed over and are named in the warnings of the status.
pub(super) const INPUT_WARNINGS_SHOWN_MAX: usize = 5;
/// Missing workers that are named.
const WORKERS_NAMED_MAX: usize = 5;
/// A module whose last beat is longer ago is stalled; each beats every second.
const STALLED_AFTER: Duration = Duration::from_secs(10);
/// The difference between a worker's clock and the master's that is told, in milliseconds.
const CLOCK_DIFFERENCE_MS: i64 = 5_000;
/// An update that is so much behind its time is overdue, in milliseconds.
const OVERDUE_MS: i64 = 60_000;
/// The size from which on the write-ahead log counts as not folded: four times that at which
/// commits fold it.
const LOG_BYTES_WARNED: u64 = 256 << 20;
/// The part of the database's disk that should be free.
const FREE_PART: u64 = 10;

/// What the modules say of themselves.
pub(super) struct ModuleReports {
    pub(super) queue: QueueStatus,
    pub(super) accounts: AuthStatus,
    pub(super) prices: AssetsStatus,
    pub(super) mail: Option<MailStatus>,
    pub(super) workers: Vec<WorkerRow>,
}

/// The warnings of the master, in the order in which they are shown.
/// `uptime`: since when it serves.
pub(super) fn warnings(
    channels: &AdminChannels,
    reports: &ModuleReports,
    uptime: Duration,
) -> Vec<StatusWarning> {
    let mut all = Vec::new();
    for (name, age) in channels.watchdog.stalled(STALLED_AFTER) {
        let seconds = age.as_secs();
        let text =
            format!("the master's module {name} has not beaten for {seconds} s; see its log");
        all.push(StatusWarning::critical(Kind::ModuleStalled, text));
    }
    all.extend(file(&channels.file));
    all.extend(away(channels, &reports.workers, uptime, Timestamp::now()));
    all.extend(clocks(&reports.workers));
    let now = Timestamp::now();
    let expiries = channels.inboxes.keys.expiries();
    all.extend(expiries.iter().filter_map(|it| expiry_warning(it, now)));
    all.extend(workers::warnings(&reports.workers, now));
    prices(&reports.prices, &mut all);
    if reports.queue.is_failing {
        let text = "an update could not be settled: orders are refused until it is; see the log";
        all.push(StatusWarning::critical(Kind::NotSettled, text));
    }
    if let Some((space, level)) = reports.queue.disk {
        all.extend(disk(space, level));
    }
    if let (_, Some(bytes)) = file_sizes(&channels.database)
        && bytes >= LOG_BYTES_WARNED
    {
        let text = format!(
            "the database's write-ahead log has {} MiB: something reads for long and keeps it from \
             being folded; restart what does, such as a backup",
            bytes >> 20
        );
        all.push(StatusWarning::new(Kind::LogNotFolded, text));
    }
    all.extend(channels.server.warnings());
    all.extend(channels.backups.warning(now));
    all.extend(reports.mail.as_ref().and_then(mail));
    let lost = channels.log.lost();
    if lost > 0 {
        let text =
            format!("{lost} entries of the log were lost because its file could not be written");
        all.push(StatusWarning::new(Kind::LogLost, text));
    }
    all
}

/// What is said of the file of the configuration.
fn file(state: &FileState) -> Vec<StatusWarning> {
    let refused = state.refused().map(|time| {
        let text = format!(
            "the reload at {time} was refused, and the configuration stays as it was: mend the file, \
             and send SIGHUP again; the log and --check-config say what is wrong"
        );
        StatusWarning::new(Kind::ReloadRefused, text)
    });
    let unfit = state.unfit().map(|problem| {
        let text = format!("the next start would be refused: {problem}");
        StatusWarning::new(Kind::StartRefused, text)
    });
    refused.into_iter().chain(unfit).collect()
}

/// What is said of workers that are missing: those that were linked and left, and, once they have
/// had time to come, those that are registered. A worker that is booted off is not missed.
fn away(
    channels: &AdminChannels,
    rows: &[WorkerRow],
    uptime: Duration,
    now: Timestamp,
) -> Vec<StatusWarning> {
    let had_time = uptime >= START_GRACE;
    let is_missed = |row: &&WorkerRow| {
        let grace = i64::try_from(ABSENCE_GRACE.as_millis()).unwrap_or(i64::MAX);
        let is_long = row.left.map_or(had_time, |left| now.since(left) >= grace);
        row.linked.is_none() && !row.worker.booted && is_long
    };
    let missed: Vec<&WorkerRow> = rows.iter().filter(is_missed).collect();
    let linked = rows.iter().filter(|row| row.linked.is_some()).count();
    let shared = &channels.inboxes.shared;
    let expected = shared.expected.load(Ordering::Relaxed);
    let named = missed.iter().take(WORKERS_NAMED_MAX).map(|row| {
        let name = &row.worker.name;
        match row.left {
            Some(left) => format!("worker {name} is away since {left}"),
            None => format!("worker {name} is away, and has not linked since the master started"),
        }
    });
    let mut texts: Vec<String> = named.collect();
    let more = missed.len().saturating_sub(WORKERS_NAMED_MAX);
    if more > 0 {
        texts.push(format!("and {more} more workers"));
    }
    if had_time && linked + missed.len() < expected {
        texts.push(format!(
            "{linked} of {expected} expected workers are connected"
        ));
    }
    let all = texts.into_iter().map(|text| {
        let text = format!("{text}; see `papertraderctl workers list`");
        match linked {
            0 => StatusWarning::critical(Kind::WorkersAway, text),
            _ => StatusWarning::new(Kind::WorkersAway, text),
        }
    });
    all.collect()
}

/// What is said of workers' clocks.
fn clocks(rows: &[WorkerRow]) -> Vec<StatusWarning> {
    let mut all = Vec::new();
    for row in rows {
        if let Some((_, _, difference)) = row.report
            && difference.abs() > CLOCK_DIFFERENCE_MS
        {
            let text = format!(
                "the clock of worker {} is {} s {} the master's: set both by NTP",
                row.worker.name,
                difference.abs() / 1000,
                if difference > 0 { "ahead of" } else { "behind" },
            );
            all.push(StatusWarning::new(Kind::ClockOff, text));
        }
    }
    all
}

/// What is said of prices, updates and the market.
fn prices(prices: &AssetsStatus, all: &mut Vec<StatusWarning>) {
    for (provider, reason) in &prices.failures {
        let text = format!("provider {provider}: {reason}");
        all.push(StatusWarning::new(Kind::ProviderFailing, text));
    }
    if let Some(error) = &prices.store_error {
        let text = format!("the latest update could not be stored, and prices stay: {error}");
        all.push(StatusWarning::critical(Kind::UpdateNotStored, text));
    }
    let texts = &prices.input_warnings;
    let shown = texts.iter().take(INPUT_WARNINGS_SHOWN_MAX).cloned();
    let more = texts.len().saturating_sub(INPUT_WARNINGS_SHOWN_MAX);
    let more = (more > 0)
        .then(|| format!("and {more} more lines about market files and prices; --json has them"));
    let input = shown.chain(more);
    all.extend(input.map(|text| StatusWarning::new(Kind::MarketInput, text)));
    if let (Some(left @ 1..=LAST_UPDATES), Some(_)) = (prices.steps_left, prices.ends_in) {
        let text = format!(
            "the replay ends after {left} more updates: then prices stay, and orders are refused"
        );
        all.push(StatusWarning::new(Kind::MarketEnding, text));
    }
    if prices.paused.is_some() {
        all.push(StatusWarning::new(Kind::MarketPaused, PAUSED_TEXT));
    } else if let Some(next) = prices.next {
        let late = Timestamp::now().since(next);
        if late > OVERDUE_MS {
            let text = format!(
                "the next update is overdue by {} s; see the log",
                late / 1000
            );
            all.push(StatusWarning::critical(Kind::UpdateOverdue, text));
        }
    } else {
        let text = "the replay has ended: no update follows, and orders are refused";
        all.push(StatusWarning::critical(Kind::MarketEnded, text));
    }
}

fn disk(space: DiskSpace, level: DiskLevel) -> Option<StatusWarning> {
    let mib = space.free >> 20;
    if level == DiskLevel::Full {
        let text = format!(
            "the disk of the database is almost full, {mib} MiB are free: orders are refused"
        );
        Some(StatusWarning::critical(Kind::DiskFull, text))
    } else if level == DiskLevel::Low || space.free < space.total / FREE_PART {
        let bound = refused_below(space.total) >> 20;
        let text = format!(
            "the disk of the database has only {mib} MiB left; below {bound} MiB orders are refused"
        );
        Some(StatusWarning::new(Kind::DiskLow, text))
    } else {
        None
    }
}

fn mail(mail: &MailStatus) -> Option<StatusWarning> {
    match (mail.waiting, &mail.last_error) {
        (waiting @ 1.., Some((_, why))) => {
            let text = format!("mails wait: {waiting}; the last failed attempt met with: {why}");
            Some(StatusWarning::new(Kind::MailWaiting, text))
        }
        _ => None,
    }
}
