//! spec/master/verify.md · 3.1.7 ("log transactions to users profiles"): the ledger is the truth
//!
//! Rebuilds every account from its starting cash and its transactions, and compares with what is stored.
//! Reads one moment of the database, also while a master writes to it, and changes nothing.

mod account;

use crate::admin::model::Verification;
use crate::admin::protocol::DIFFERENCES_MAX;
use crate::model::{Money, Quantity, Side, Symbol, Timestamp};
use account::Books;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Complaints of SQLite's own that are passed on.
const COMPLAINTS_MAX: usize = 100;
/// KiB of pages kept in memory.
const CACHE_KIB: i64 = 64 * 1024;
/// How long a busy database is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why nothing was found out.
#[derive(Debug)]
pub enum VerifyError {
    /// Whoever asked has gone, or the master is stopping.
    Cancelled,
    /// The database cannot be read.
    Sqlite(rusqlite::Error),
    /// The file holds no database of this version.
    Foreign(PathBuf),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VerifyError::Cancelled => f.write_str("the check was broken off"),
            VerifyError::Sqlite(error) => write!(f, "the database cannot be read: {error}"),
            VerifyError::Foreign(path) => write!(
                f,
                "{}: not a PaperTrader database of this version; name another file",
                path.display()
            ),
        }
    }
}

impl std::error::Error for VerifyError {}

impl From<rusqlite::Error> for VerifyError {
    fn from(error: rusqlite::Error) -> VerifyError {
        if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) {
            VerifyError::Cancelled
        } else {
            VerifyError::Sqlite(error)
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
pub fn open(path: &Path) -> Result<Connection, VerifyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let version: i64 = match connection.query_row("PRAGMA user_version", [], |row| row.get(0)) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            return Err(VerifyError::Foreign(path.to_owned()));
        }
        version => version?,
    };
    if usize::try_from(version) != Ok(super::database::MIGRATIONS.len()) {
        return Err(VerifyError::Foreign(path.to_owned()));
    }
    // Only now: it reads the file's header, which may be nobody's.
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

/// Checks everything, asking `cancelled` now and then whether to go on.
///
/// # Errors
/// The check was broken off, or the database cannot be read. A damaged one is a finding, no error.
pub fn check(connection: &mut Connection, cancelled: &dyn Fn() -> bool) -> Result<Verification, VerifyError> {
    let began = Instant::now();
    let mut findings = Findings::default();
    // One transaction: everything below is of the moment of its first read.
    let moment = connection.transaction()?;
    let mut step = |outcome: &dyn Fn(&Connection, &mut Findings) -> Result<(), VerifyError>| match outcome(
        &moment,
        &mut findings,
    ) {
        Err(VerifyError::Sqlite(error)) if is_damage(&error) => {
            findings.differs(format!("the database is damaged: {error}"));
            Ok(())
        }
        other => other,
    };
    step(&complaints)?;
    step(&foreign_keys)?;
    step(&|moment, findings| accounts(moment, findings, cancelled))?;
    let mut report = findings.report;
    report.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    ) || matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    )
}

/// SQLite's own check: of pages, of indexes (so, that places, IDs and names are unique), of constraints.
fn complaints(moment: &Connection, findings: &mut Findings) -> Result<(), VerifyError> {
    let mut statement = moment.prepare(&format!("PRAGMA integrity_check({COMPLAINTS_MAX})"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let said: String = row.get(0)?;
        if said != "ok" {
            findings.differs(format!("SQLite: {said}"));
        }
    }
    Ok(())
}

/// Rows that name a row that is not there.
fn foreign_keys(moment: &Connection, findings: &mut Findings) -> Result<(), VerifyError> {
    let mut statement = moment.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, number, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let number = number.map_or_else(String::new, |number| format!(" {number}"));
        findings.differs(format!(
            "{table}: row{number} names a row of {parent} that is not there"
        ));
    }
    Ok(())
}

fn accounts(
    moment: &Connection,
    findings: &mut Findings,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), VerifyError> {
    let forces = forces(moment)?;
    let acted: i64 = moment.query_row("SELECT acted FROM ledger_position", [], |row| row.get(0))?;
    let mut statement = moment.prepare(
        "SELECT account, username, starting_cash, cash FROM accounts LEFT JOIN balances USING (account)
         ORDER BY account",
    )?;
    let mut rows = statement.query([])?;
    let mut books = Books::new(moment, &forces, acted)?;
    while let Some(row) = rows.next()? {
        if cancelled() {
            return Err(VerifyError::Cancelled);
        }
        let starting_cash = Money(row.get(2)?);
        let stored = row.get::<_, Option<i64>>(3)?.map_or(starting_cash, Money);
        let holder = account::Holder {
            account: row.get(0)?,
            username: row.get(1)?,
            starting_cash,
            cash: stored,
        };
        books.check(&holder, findings, cancelled)?;
    }
    books.close(findings);
    Ok(())
}

fn forces(moment: &Connection) -> Result<Forces, VerifyError> {
    let mut forces = Forces::new();
    let mut statement = moment.prepare("SELECT symbol, time, kind, number FROM actions ORDER BY number")?;
    let read = |row: &Row<'_>| -> rusqlite::Result<(String, i64, u8, i64)> {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    };
    for row in statement.query_map([], read)? {
        let (symbol, time, kind, update) = row?;
        if let (Ok(symbol), Some(side)) = (Symbol::parse(&symbol), Side::from_number(kind)) {
            let time = Timestamp(time);
            forces
                .entry(symbol)
                .or_default()
                .push(Force { update, time, side });
        }
    }
    Ok(forces)
}

/// A position, as a person reads it.
fn position(units: Quantity, cost: Money) -> String {
    format!("{units} units that cost {cost}")
}

#[cfg(test)]
mod tests;
