//! spec/master/admin.md · 3.1.2 Database Management, 3.1.7
//!
//! Verifies and backs up the database while the master runs.

use super::{AdminShared, CancelToken};
use crate::admin::model::{BackupSummary, Verification};
use crate::admin::protocol::AdminAnswer;
use crate::master::storage::{Reader, backup};
use crate::master::verify;
use std::path::PathBuf;

/// The refusal of a second verify or backup.
const BUSY_TEXT: &str = "another verify or backup is under way; wait for it";

/// Compares all accounts with their ledger.
pub(super) fn verify(shared: &AdminShared, cancel: &CancelToken) -> Result<AdminAnswer, String> {
    let Some(_alone) = shared.maintenance.try_lock() else {
        return Err(BUSY_TEXT.to_owned());
    };
    let mut reader =
        Reader::open_for_check(&shared.channels.database).map_err(|error| error.to_string())?;
    cancel.interrupts(reader.interrupter());
    let report =
        verify::check(&mut reader, &|| cancel.is_cancelled()).map_err(|error| error.to_string())?;
    if report.is_clean() {
        crate::info!(
            "verify found {} accounts as their ledger has them",
            report.accounts
        );
    } else {
        let more = count(&report);
        crate::error!("verify found {more} differences between ledger and accounts");
    }
    Ok(AdminAnswer::Verification(Box::new(report)))
}

/// The number of differences, with those that the report leaves out.
fn count(report: &Verification) -> u64 {
    u64::try_from(report.differences.len())
        .unwrap_or(u64::MAX)
        .saturating_add(report.more)
}

/// Writes a copy of the database to `file`.
pub(super) fn backup(
    shared: &AdminShared,
    file: PathBuf,
    cancel: &CancelToken,
) -> Result<AdminAnswer, String> {
    if !file.is_absolute() {
        return Err(format!("{}: an absolute path is needed", file.display()));
    }
    let Some(_alone) = shared.maintenance.try_lock() else {
        return Err(BUSY_TEXT.to_owned());
    };
    backup::copy(&shared.channels.database, &file, &|| cancel.is_cancelled())
        .map_err(|error| format!("{error} (the master's user must be able to write there)"))?;
    let bytes = std::fs::metadata(&file)
        .map_err(|error| error.to_string())?
        .len();
    crate::info!("the database was copied to {}", file.display());
    Ok(AdminAnswer::Backup(BackupSummary { file, bytes }))
}
