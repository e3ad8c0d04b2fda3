//! spec/bench.md · 2.4.1 Account Structure, 3.1.2 Database Management
//!
//! Fills a sandbox's database while nothing runs, so that a million accounts need no million
//! password hashes.
//!
//! Tests: `tests/suite/programs/bench.rs`, and below.

use crate::config::DatabaseUrl;
use crate::master::storage::StorageError;
use crate::master::storage::bulk::{BulkLoader, BulkOrder, EvenAccounts};
use crate::model::{AccountId, Quantity, SessionId, Symbol, Timestamp, Username};
use std::path::Path;

/// Lifetime of a session that is written here: a day, in milliseconds.
const LIFETIME: i64 = 24 * 60 * 60 * 1000;

/// An account that was written here, with a session.
#[derive(Debug, Clone)]
pub struct FilledAccount {
    pub username: Username,
    pub session: SessionId,
}

/// A database that is being filled.
#[derive(Debug)]
pub struct Filler {
    loader: BulkLoader,
    now: i64,
}

/// The result of filling; the error is a sentence.
pub type FillResult<T> = Result<T, String>;

fn words(error: StorageError) -> String {
    format!("filling the database: {error}")
}

/// The name of the account with this number.
///
/// # Errors
/// Never: the text has the form.
pub fn name(number: u64) -> FillResult<Username> {
    Username::parse(&format!("user-{number}")).map_err(|e| e.to_string())
}

/// The key of the account with this number.
pub fn account(number: u64) -> AccountId {
    AccountId(i64::try_from(number).unwrap_or(i64::MAX))
}

impl Filler {
    /// Opens the database of a sandbox that does not run.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open(path: &Path) -> FillResult<Filler> {
        let url = DatabaseUrl::Sqlite(path.to_owned());
        Ok(Filler {
            loader: BulkLoader::open(&url).map_err(words)?,
            now: Timestamp::now().0,
        })
    }

    /// Writes `count` accounts, numbered from 1, each with cash and one position.
    ///
    /// # Errors
    /// The database fails.
    pub fn accounts(&mut self, count: u64, symbol: &str) -> FillResult<()> {
        let created = Timestamp(self.now - LIFETIME);
        self.loader
            .accounts(count, Some(symbol), created)
            .map_err(words)
    }

    /// Writes `count` accounts, numbered from 1, which have bought so many units of their assets. The
    /// ledger adds up.
    ///
    /// # Errors
    /// The database fails.
    pub fn holders(
        &mut self,
        count: u64,
        assets_of: impl Fn(u64) -> Vec<Symbol>,
        units: Quantity,
    ) -> FillResult<()> {
        let created = Timestamp(self.now - LIFETIME);
        self.loader.accounts(count, None, created).map_err(words)?;
        let holders = (1..=count).map(|number| (account(number), assets_of(number)));
        self.loader
            .purchases(holders, units, created)
            .map_err(words)
    }

    /// Writes `count` accounts, numbered from 1, and settled purchases of them in turn. The ledger adds
    /// up.
    ///
    /// # Errors
    /// The database fails.
    pub fn buyers(&mut self, count: u64, purchases: u64, symbol: &str) -> FillResult<()> {
        let created = Timestamp(self.now - LIFETIME);
        self.loader.accounts(count, None, created).map_err(words)?;
        let all = EvenAccounts {
            first: 1,
            accounts: count,
            step: 1,
        };
        self.transactions(purchases, all, symbol)?;
        self.loader.add_up(symbol).map_err(words)
    }

    /// Writes orders that have not ended.
    ///
    /// # Errors
    /// The database fails.
    pub fn orders(&mut self, orders: impl Iterator<Item = BulkOrder>) -> FillResult<()> {
        let since = Timestamp(self.now - LIFETIME / 2);
        self.loader.orders(orders, since).map_err(words)
    }

    /// Writes a session for each of these accounts.
    ///
    /// # Errors
    /// The database fails.
    pub fn sessions(&mut self, of: EvenAccounts) -> FillResult<Vec<FilledAccount>> {
        let mut filled = Vec::new();
        let mut rows = Vec::new();
        for number in 0..of.accounts {
            let account = of.first + number * of.step;
            let session = SessionId::from_bytes(uuid_pair());
            rows.push((session.hash(), account));
            filled.push(FilledAccount {
                username: name(account)?,
                session,
            });
        }
        let (now, expiry) = (Timestamp(self.now), Timestamp(self.now + LIFETIME));
        self.loader.sessions(&rows, now, expiry).map_err(words)?;
        Ok(filled)
    }

    /// Writes `count` settled purchases, for these accounts in turn.
    ///
    /// # Errors
    /// The database fails.
    pub fn transactions(&mut self, count: u64, of: EvenAccounts, symbol: &str) -> FillResult<()> {
        let since = Timestamp(self.now - LIFETIME);
        self.loader
            .transactions(count, of, symbol, since)
            .map_err(words)
    }

    /// Moves everything from the write-ahead log into the database file.
    ///
    /// # Errors
    /// The database fails.
    pub fn close(self) -> FillResult<()> {
        self.loader.close().map_err(words)
    }
}

/// Random bytes for a session.
fn uuid_pair() -> [u8; 32] {
    let mut bytes = [0; 32];
    let (first, second) = bytes.split_at_mut(16);
    first.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    second.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::Storage;
    use crate::master::verify;

    #[test]
    fn what_buyers_have_adds_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        Storage::migrate(&DatabaseUrl::Sqlite(path.clone())).unwrap();
        let mut filler = Filler::open(&path).unwrap();
        filler.buyers(3, 10, "SIM001").unwrap();
        filler.close().unwrap();
        let report = verify::check(&mut verify::open(&path).unwrap(), &|| false).unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert_eq!((report.accounts, report.settled), (3, 10));
    }
}
