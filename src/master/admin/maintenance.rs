//! spec/master/admin.md · 3.1.2 Database Management, 3.1.7
//!
//! Verifies the database while the master runs.

use super::{AdminShared, CancelToken};
use crate::admin::model::Verification;
use crate::admin::protocol::AdminAnswer;
use crate::master::storage::Reader;
use crate::master::verify;

/// The refusal of a second verify or backup.
pub(super) const BUSY_TEXT: &str = "another verify or backup is under way; wait for it";

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
