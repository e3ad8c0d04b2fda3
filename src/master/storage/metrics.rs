//! spec/master/storage.md · 3.1.2 Database Management
//!
//! How long commits take, and the size of the database.

use super::Reader;
use super::files::beside;
use crate::config::DatabaseUrl;
use crate::runtime::metrics::{Counter, Histogram, MetricFamily, MetricsText};
use std::fs;

/// Commits that were made, by the time that they took.
pub(super) static COMMIT_TIMES: Histogram = Histogram::new();
/// Commits that failed. Nothing was stored by them.
pub(super) static FAILED_COMMITS: Counter = Counter::new();

const COMMITS: MetricFamily = MetricFamily::times(
    "papertrader_commit_seconds",
    "Times of the database's commits.",
);
const COMMITS_FAILED: MetricFamily = MetricFamily::counter(
    "papertrader_commits_failed_total",
    &[],
    "Commits that failed; nothing was stored by them.",
);

/// The size of the database's file and of its write-ahead log, in bytes; `None` where it is not
/// there. Of a database on a server the size as the server tells it, and no log.
pub fn file_sizes(url: &DatabaseUrl) -> (Option<u64>, Option<u64>) {
    let size = |path| fs::metadata(path).ok().map(|it| it.len());
    match url {
        DatabaseUrl::Sqlite(file) => (size(file.clone()), size(beside(file, "-wal"))),
        DatabaseUrl::Postgres(_) => {
            let told =
                Reader::open(url).and_then(|mut reader| reader.read(|it| it.database_bytes()));
            (told.ok(), None)
        }
    }
}

/// Writes the families of this file.
pub fn write_metrics(out: &mut MetricsText) {
    out.times(&COMMITS, &COMMIT_TIMES);
    out.one(&COMMITS_FAILED, FAILED_COMMITS.get());
}
