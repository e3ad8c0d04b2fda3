//! spec/master/verify.md · 3.1.7 ("log transactions to users profiles"): the ledger is the truth
//!
//! Rebuilds every account from its starting cash and its transactions, and compares with what is stored.
//! Reads one moment of the database, also while a master writes to it, and changes nothing.

mod account;

use super::storage::verify::StoredAction;
use super::storage::{Reader, Snapshot, StorageError};
use crate::admin::model::Verification;
use crate::admin::protocol::DIFFERENCES_MAX;
use crate::model::{Money, Quantity, Side, Symbol, Timestamp};
use account::Books;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Why nothing was found out.
#[derive(Debug)]
pub enum VerifyError {
    /// Whoever asked has gone, or the master is stopping.
    Cancelled,
    /// The database cannot be read.
    Storage(StorageError),
    /// The file holds no database of this version.
    OtherVersion(PathBuf),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VerifyError::Cancelled => f.write_str("the check was broken off"),
            VerifyError::Storage(error) => write!(f, "the database cannot be read: {error}"),
            VerifyError::OtherVersion(path) => StorageError::OtherVersion(path.clone()).fmt(f),
        }
    }
}

impl std::error::Error for VerifyError {}

impl From<StorageError> for VerifyError {
    fn from(error: StorageError) -> VerifyError {
        match error {
            StorageError::Interrupted(_) => VerifyError::Cancelled,
            StorageError::OtherVersion(path) => VerifyError::OtherVersion(path),
            error => VerifyError::Storage(error),
        }
    }
}

/// What is found on the way.
#[derive(Debug, Default)]
struct Findings {
    report: Verification,
}

impl Findings {
    fn differs(&mut self, text: impl fmt::Display) {
        if self.report.differences.len() < DIFFERENCES_MAX {
            self.report.differences.push(text.to_string());
        } else {
            self.report.more += 1;
        }
    }

    /// A damaged database is a finding; any other error ends the check.
    fn damage(&mut self, step: Result<(), VerifyError>) -> Result<(), VerifyError> {
        match step {
            Err(VerifyError::Storage(StorageError::Corrupt(error))) => {
                self.differs(format!("the database is damaged: {error}"));
                Ok(())
            }
            other => other,
        }
    }
}

/// A split or dividend that came into force.
#[derive(Debug, Clone, Copy)]
struct Force {
    /// With which update.
    update: i64,
    /// Market time.
    time: Timestamp,
    /// Split or dividend.
    side: Side,
}

/// Splits and dividends by asset, those of one asset in the order of their updates.
type Forces = HashMap<Symbol, Vec<Force>>;

/// Opens a file to be checked while no master needs to run. Nothing is written to it.
///
/// # Errors
/// It cannot be opened, or is not of this version.
pub fn open(path: &Path) -> Result<Reader, VerifyError> {
    Ok(Reader::open_file(path)?)
}

/// Checks everything, asking `cancelled` now and then whether to go on.
///
/// # Errors
/// The check was broken off, or the database cannot be read. A damaged one is a finding, no error.
pub fn check(reader: &mut Reader, cancelled: &dyn Fn() -> bool) -> Result<Verification, VerifyError> {
    let began = Instant::now();
    let mut findings = Findings::default();
    // Everything below is of the moment of its first read.
    let mut moment = reader.snapshot()?;
    let complained = moment.complaints(|text| findings.differs(text));
    findings.damage(complained.map_err(VerifyError::from))?;
    let dangling = moment.dangling_rows(|text| findings.differs(text));
    findings.damage(dangling.map_err(VerifyError::from))?;
    let checked = accounts(&mut moment, &mut findings, cancelled);
    findings.damage(checked)?;
    let mut report = findings.report;
    report.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

fn accounts(
    moment: &mut Snapshot<'_>,
    findings: &mut Findings,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), VerifyError> {
    let forces = forces(moment.stored_actions()?);
    let mut books = Books::new(&forces, moment.actions_applied()?);
    let mut last = i64::MIN;
    loop {
        let page = moment.accounts_after(last)?;
        let Some(end) = page.last() else { break };
        last = end.account;
        for holder in &page {
            if cancelled() {
                return Err(VerifyError::Cancelled);
            }
            books.check(moment, holder, findings, cancelled)?;
        }
    }
    books.close(findings);
    Ok(())
}

fn forces(actions: Vec<StoredAction>) -> Forces {
    let mut forces = Forces::new();
    for StoredAction {
        symbol,
        update,
        time,
        side,
    } in actions
    {
        forces
            .entry(symbol)
            .or_default()
            .push(Force { update, time, side });
    }
    forces
}

/// A position, as a person reads it.
fn position(units: Quantity, cost: Money) -> String {
    format!("{units} units that cost {cost}")
}

#[cfg(test)]
mod tests;
