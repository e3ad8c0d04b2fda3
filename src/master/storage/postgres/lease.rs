//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! Who leads of the masters that share a database: one row says so, until a time by the server's clock.
//!
//! Tests: `src/master/storage/postgres/lease/tests.rs`.

#[cfg(test)]
mod tests;

use super::migrations;
use super::session::ServerSession;
use crate::config::PostgresUrl;
use crate::master::storage::StorageError;
use crate::runtime::clock::boot_millis;
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// The server's clock, in milliseconds since 1970.
const NOW: &str = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/// The longest time that a lease may have before it, in milliseconds: the longest that can be
/// configured, twice.
const LEFT_MAX_MS: i64 = 120_000;
/// A standby that has not said for so long that it is there is gone, in milliseconds.
const STANDBY_SEEN_MS: i64 = 5_000;
/// The rows of standbys that are gone for so long are deleted, in milliseconds.
const STANDBY_KEPT_MS: i64 = 86_400_000;
/// For what may be lost when a replica takes over: it waits for none. A renewal does wait: the replica
/// knows then until when this master may answer, before the master counts on it.
const WITHOUT_REPLICA: &str = "SET synchronous_commit = local";
/// Where it took longer than the lease divided by this to take it, it is renewed at once.
const LATE_DIVISOR: u32 = 3;
/// A release waits so long for a renewal that is under way, which may wait for a replica. Then the lease
/// runs out.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);
/// Most standbys that are listed.
const STANDBYS_MAX: usize = 16;

/// The epoch in which this process leads or has led, by the database's URL.
static TAKEN: Mutex<BTreeMap<String, i64>> = Mutex::new(BTreeMap::new());

/// The epoch in which this process leads or has led; `None`: it never did. Who opens a connection in
/// another one would write in the place of its successor.
pub(super) fn taken_epoch(url: &PostgresUrl) -> Option<i64> {
    TAKEN.lock().get(url.text()).copied()
}

/// Why a master that leads no more stores nothing.
pub(super) fn superseded(url: &str) -> StorageError {
    StorageError::Superseded(format!(
        "{url}: another master has taken the database; this one stores nothing any more"
    ))
}

/// Who wants to lead.
#[derive(Debug, Clone)]
pub struct LeaseClaim {
    pub holder: Uuid,
    /// A process of which is known that it has ended: its lease need not run out.
    pub ended: Option<Uuid>,
    /// Whether a master that stands by goes first: it has read its market already.
    pub yields: bool,
    /// Where this one runs, for people.
    pub name: String,
    /// For how long the lease holds when it is taken or renewed.
    pub lease: Duration,
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHolder {
    /// Where it runs. A master that has stepped down, while its successor has not begun.
    pub name: String,
    /// Until its lease runs out, by the server's clock.
    pub left: Duration,
}

/// A master that stands by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbyMaster {
    pub holder: Uuid,
    /// Where it runs, for people.
    pub name: String,
    /// The version of its program.
    pub version: String,
}

/// What came of an attempt to lead.
#[derive(Debug)]
pub enum LeaseAttempt {
    Taken(Box<PostgresLease>),
    /// Another one leads.
    Held(LeaseHolder),
}

/// The row of the lease.
struct LeaseRow {
    holder: Option<Uuid>,
    name: String,
    left_ms: i64,
    successor: Option<Uuid>,
}

impl LeaseRow {
    /// Reads the row; `lock` waits for those who take it, until the transaction's end.
    fn read(session: &mut ServerSession, lock: bool) -> Result<LeaseRow, StorageError> {
        let lock = if lock { "FOR UPDATE" } else { "" };
        let sql = format!(
            "SELECT coalesce(encode(holder, 'hex'), ''), name, expires - {NOW},
                    coalesce(encode(successor, 'hex'), '') FROM master_lease {lock}"
        );
        let wrong = |what: &str| StorageError::Corrupt(format!("master_lease: {what}"));
        let texts = session.texts(&sql)?;
        let [holder, name, left, successor] = texts.as_slice() else {
            return Err(wrong("not one row"));
        };
        let uuid = |text: &str| match text {
            "" => Ok(None),
            text => Uuid::try_parse(text)
                .map(Some)
                .map_err(|_| wrong("a process that is none")),
        };
        Ok(LeaseRow {
            holder: uuid(holder)?,
            name: name.clone(),
            left_ms: left.parse().map_err(|_| wrong("a time that is none"))?,
            successor: uuid(successor)?,
        })
    }

    /// Whether this process may lead now.
    fn is_free_for(&self, claim: &LeaseClaim) -> bool {
        // No lease is that long: the server's clock was set back, or the server is another one.
        if self.left_ms <= 0 || self.left_ms > LEFT_MAX_MS {
            return true;
        }
        match (self.holder, self.successor) {
            (Some(holder), _) => holder == claim.holder || claim.ended == Some(holder),
            (None, Some(successor)) => successor == claim.holder,
            (None, None) => true,
        }
    }

    fn shown(&self) -> LeaseHolder {
        LeaseHolder {
            name: self.name.clone(),
            left: Duration::from_millis(u64::try_from(self.left_ms).unwrap_or(0)),
        }
    }
}

/// The lease of the master that leads. It is released when this is dropped.
pub struct PostgresLease {
    url: PostgresUrl,
    claim: LeaseClaim,
    /// The connection that renews it.
    session: Mutex<Option<ServerSession>>,
    /// Until when it holds for certain, in [`boot_millis`]: counted from before it was taken or
    /// renewed, so that it ends here before it does on the server, whatever the clocks show.
    holds_until: AtomicI64,
    successor: Mutex<Option<Uuid>>,
    is_released: AtomicBool,
}

impl fmt::Debug for PostgresLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresLease({})", self.url.text())
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A text as a literal of SQL.
fn literal(text: &str) -> String {
    let plain: String = text.chars().filter(|it| *it != '\0').collect();
    format!("'{}'", plain.replace('\'', "''"))
}

/// A connection whose statements are [bounded](bound).
fn connect(url: &PostgresUrl, lease: Duration) -> Result<ServerSession, StorageError> {
    let mut session = ServerSession::connect_within(url, lease / 3)?;
    bound(&mut session, lease)?;
    Ok(session)
}

/// Lets no statement run longer than a lease lasts. A commit has no bound: it waits for the replica.
fn bound(session: &mut ServerSession, lease: Duration) -> Result<(), StorageError> {
    session.batch(&format!(
        "SET statement_timeout = '{0}ms'; SET lock_timeout = '{0}ms'",
        lease.as_millis()
    ))
}

impl PostgresLease {
    /// Takes the lease, if it is free or has run out, and begins a new epoch: the writers of every
    /// other master store nothing any more. Makes and brings forward the tables in the same transaction.
    /// Sessions of the last holder are ended, so that none keeps a lock. `migrates` is called before the
    /// tables are made or brought forward, which takes as long as it takes.
    ///
    /// # Errors
    /// The database is not one that this program can bring forward, the server only reads, or it fails.
    pub fn attempt(
        url: &PostgresUrl,
        claim: &LeaseClaim,
        migrates: &dyn Fn(),
    ) -> Result<LeaseAttempt, StorageError> {
        let within = |error: StorageError| error.within(url.text());
        let mut session = ServerSession::connect_within(url, claim.lease / 3)?;
        migrations::begin(&mut session, url)?;
        let found = migrations::checked_version(&mut session, url)?;
        if found.is_some() {
            let row = LeaseRow::read(&mut session, true).map_err(within)?;
            let yields = claim.yields && !standbys(&mut session, claim)?.is_empty();
            if yields || !row.is_free_for(claim) {
                return Ok(LeaseAttempt::Held(row.shown()));
            }
            if let Some(last) = row.holder.filter(|last| *last != claim.holder) {
                session.batch(&end_sessions(last)).map_err(within)?;
            }
        }
        if found != Some(migrations::known()) {
            migrates();
            migrations::apply(&mut session, url)?;
        }
        session.batch(&take_over(claim)).map_err(within)?;
        let from = boot_millis();
        session.batch(&set(claim)).map_err(within)?;
        let epoch = session.numbers("SELECT epoch FROM master_epoch");
        let epoch = epoch.map_err(within)?.first().copied();
        session.batch("COMMIT").map_err(within)?;
        if let Some(epoch) = epoch {
            TAKEN.lock().insert(url.text().to_owned(), epoch);
        }
        bound(&mut session, claim.lease).map_err(within)?;
        let lease = Box::new(PostgresLease {
            url: url.clone(),
            claim: claim.clone(),
            session: Mutex::new(Some(session)),
            holds_until: AtomicI64::new(from.saturating_add(millis(claim.lease))),
            successor: Mutex::default(),
            is_released: AtomicBool::new(false),
        });
        // A commit that waited for a replica has used it up.
        if boot_millis().saturating_sub(from) > millis(claim.lease / LATE_DIVISOR) {
            lease.renew()?;
        }
        Ok(LeaseAttempt::Taken(lease))
    }

    /// Until when it holds for certain, in milliseconds of [`boot_millis`].
    pub fn holds_until(&self) -> i64 {
        self.holds_until.load(Ordering::SeqCst)
    }

    /// For how long it holds when it is renewed.
    pub fn duration(&self) -> Duration {
        self.claim.lease
    }

    /// Renews it. All that was opened since it was taken is then of one epoch.
    ///
    /// # Errors
    /// `Superseded`: another one has taken it. Else the server was not reached, and it holds until
    /// [`PostgresLease::holds_until`].
    pub fn renew(&self) -> Result<(), StorageError> {
        let sql = format!(
            "UPDATE master_lease SET expires = {NOW} + {} WHERE holder = '\\x{}' RETURNING 1",
            self.claim.lease.as_millis(),
            self.claim.holder.simple()
        );
        // From here on, and not from before a connection was made, which may have taken long.
        let mut from = boot_millis();
        let renewed = self.on_session(|session| {
            from = boot_millis();
            session.numbers(&sql)
        })?;
        if renewed != [1] {
            return Err(superseded(self.url.text()));
        }
        let until = from.saturating_add(millis(self.claim.lease));
        self.holds_until.fetch_max(until, Ordering::SeqCst);
        Ok(())
    }

    /// The masters that stand by, the one that has said so last first.
    ///
    /// # Errors
    /// The server fails.
    pub fn standbys(&self) -> Result<Vec<StandbyMaster>, StorageError> {
        self.on_session(|session| standbys(session, &self.claim))
    }

    /// Names who takes it when this one releases it.
    pub fn name_successor(&self, successor: Uuid) {
        *self.successor.lock() = Some(successor);
    }

    /// Releases it, for the named successor if there is one. Where that fails it runs out. Only the first
    /// call does something.
    pub fn release(&self) {
        if self.is_released.swap(true, Ordering::SeqCst) {
            return;
        }
        let successor = self.successor.lock().take();
        let successor = successor.map_or_else(
            || "NULL".to_owned(),
            |it| format!("'\\x{}'::bytea", it.simple()),
        );
        let reserved = if successor == "NULL" {
            "0".to_owned()
        } else {
            format!("{NOW} + {}", self.claim.lease.as_millis())
        };
        // Where the release is lost with its server, the lease runs out.
        let sql = format!(
            "{WITHOUT_REPLICA};
             UPDATE master_lease SET holder = NULL, successor = {successor}, expires = {reserved}
                 WHERE holder = '\\x{}'",
            self.claim.holder.simple()
        );
        let released = match self.session.try_lock_for(RELEASE_TIMEOUT) {
            Some(kept) => self.on_kept(kept, |session| session.batch(&sql)),
            None => Err(StorageError::Busy("it is being renewed".to_owned())),
        };
        if let Err(error) = released {
            crate::warn!("the lease of the database runs out, and was not released: {error}");
        }
    }

    fn on_session<T>(
        &self,
        run: impl FnMut(&mut ServerSession) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        self.on_kept(self.session.lock(), run)
    }

    /// Runs something that may run twice: where the session was lost since its last use, on a new one.
    fn on_kept<T>(
        &self,
        mut kept: MutexGuard<'_, Option<ServerSession>>,
        mut run: impl FnMut(&mut ServerSession) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        if let Some(mut session) = kept.take() {
            let done = run(&mut session);
            if !session.is_lost() {
                *kept = done.is_ok().then_some(session);
                return done;
            }
        }
        let mut session = connect(&self.url, self.claim.lease)?;
        let done = run(&mut session)?;
        *kept = Some(session);
        Ok(done)
    }
}

impl Drop for PostgresLease {
    fn drop(&mut self) {
        self.release();
    }
}

/// The masters that stand by, but the one that claims, the one that has said so last first.
fn standbys(
    session: &mut ServerSession,
    claim: &LeaseClaim,
) -> Result<Vec<StandbyMaster>, StorageError> {
    let sql = format!(
        "SELECT encode(holder, 'hex'), name, version FROM master_standbys
             WHERE seen > {NOW} - {STANDBY_SEEN_MS} AND holder <> '\\x{}'
             ORDER BY seen DESC LIMIT {STANDBYS_MAX}",
        claim.holder.simple()
    );
    let texts = session.texts(&sql)?;
    let standby = |row: &[String]| match row {
        [holder, name, version] => Some(StandbyMaster {
            holder: Uuid::try_parse(holder).ok()?,
            name: name.clone(),
            version: version.clone(),
        }),
        _ => None,
    };
    Ok(texts.chunks(3).filter_map(standby).collect())
}

/// Ends the sessions of a master that leads no more: one that is stopped in a transaction would keep
/// its locks.
fn end_sessions(holder: Uuid) -> String {
    format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
                 AND application_name LIKE '% {}'",
        holder.simple()
    )
}

/// Counts the epoch up. Rows of connections of long ago go; those of the last ones may still be asked
/// for.
fn take_over(claim: &LeaseClaim) -> String {
    format!(
        "UPDATE master_epoch SET epoch = epoch + 1 WHERE one = 1;
         DELETE FROM writers WHERE epoch < (SELECT epoch - 16 FROM master_epoch);
         DELETE FROM master_standbys WHERE holder = '\\x{}' OR seen < {NOW} - {STANDBY_KEPT_MS}",
        claim.holder.simple()
    )
}

fn set(claim: &LeaseClaim) -> String {
    format!(
        "UPDATE master_lease SET holder = '\\x{}', name = {}, expires = {NOW} + {}, successor = NULL",
        claim.holder.simple(),
        literal(&claim.name),
        claim.lease.as_millis()
    )
}

/// What a master that stands by knows of the one that leads.
pub struct LeaseWatch {
    url: PostgresUrl,
    claim: LeaseClaim,
    session: Option<ServerSession>,
}

impl fmt::Debug for LeaseWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseWatch({})", self.url.text())
    }
}

impl LeaseWatch {
    /// A watch, not connected yet.
    pub fn new(url: &PostgresUrl, claim: &LeaseClaim) -> LeaseWatch {
        LeaseWatch {
            url: url.clone(),
            claim: claim.clone(),
            session: None,
        }
    }

    /// Says that this master stands by, and looks who leads; `None`: this one may.
    ///
    /// # Errors
    /// The database is of a newer version than this program, or the server fails.
    pub fn look(&mut self) -> Result<Option<LeaseHolder>, StorageError> {
        let mut session = match self.session.take().filter(|it| !it.is_lost()) {
            Some(session) => session,
            None => {
                let mut session = connect(&self.url, self.claim.lease)?;
                session.batch(WITHOUT_REPLICA)?;
                session
            }
        };
        migrations::checked_version(&mut session, &self.url)?;
        let within = |error: StorageError| error.within(self.url.text());
        session.batch(&self.note()).map_err(within)?;
        let row = LeaseRow::read(&mut session, false).map_err(within)?;
        self.session = Some(session);
        Ok((!row.is_free_for(&self.claim)).then(|| row.shown()))
    }

    fn note(&self) -> String {
        format!(
            "INSERT INTO master_standbys (holder, name, version, seen) VALUES ('\\x{}', {}, {}, {NOW})
                 ON CONFLICT (holder) DO UPDATE SET seen = excluded.seen",
            self.claim.holder.simple(),
            literal(&self.claim.name),
            literal(env!("CARGO_PKG_VERSION"))
        )
    }
}

impl Drop for LeaseWatch {
    /// Takes its row back, so that nobody is told of a standby that is not there.
    fn drop(&mut self) {
        let sql = format!(
            "DELETE FROM master_standbys WHERE holder = '\\x{}'",
            self.claim.holder.simple()
        );
        if let Some(session) = self.session.as_mut().filter(|it| !it.is_lost()) {
            // Without it the row counts for some seconds.
            let _ = session.batch(&sql);
        }
    }
}
