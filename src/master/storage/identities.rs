//! spec/master/storage/identities.md · 3.1.3 (third parties)
//!
//! Which accounts people of third parties have.
//!
//! Tests: `tests/suite/master/third_party_accounts.rs`.

use super::accounts::Credentials;
use super::engine::params;
use super::{Snapshot, StorageError, Tx};
use crate::model::{AccountId, Identity, Timestamp, Username};

/// The state of an account that an administrator has locked.
const LOCKED: i64 = 1;

/// An identity of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIdentity {
    pub identity: Identity,
    /// The name that its provider had then; empty where that is not known.
    pub provider: String,
    /// When the account got it (wall time).
    pub linked: Timestamp,
}

impl Snapshot<'_> {
    /// The account that an identity logs in to.
    ///
    /// # Errors
    /// The database fails.
    pub fn account_of(&mut self, identity: &Identity) -> Result<Option<Credentials>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT account, username, pass_hash, state FROM identities JOIN accounts USING (account)
             WHERE issuer = ?1 AND subject = ?2",
        )?;
        let found = statement.query_optional([&identity.issuer, &identity.subject], |row| {
            Ok((
                AccountId(row.get(0)?),
                row.get::<String>(1)?,
                row.get(2)?,
                row.get::<i64>(3)?,
            ))
        })?;
        // A damaged name is no account.
        Ok(found.and_then(|(account, username, pass_hash, state)| {
            Some(Credentials {
                account,
                username: Username::parse(&username).ok()?,
                pass_hash,
                is_locked: state == LOCKED,
            })
        }))
    }

    /// The identities of an account, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn identities(&mut self, account: AccountId) -> Result<Vec<StoredIdentity>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT issuer, subject, linked, provider FROM identities WHERE account = ?1
             ORDER BY linked, issuer, subject",
        )?;
        let rows = statement.query_map([account.0], |row| {
            Ok(StoredIdentity {
                identity: Identity {
                    issuer: row.get(0)?,
                    subject: row.get(1)?,
                },
                linked: Timestamp(row.get(2)?),
                provider: row.get(3)?,
            })
        })?;
        rows.collect()
    }
}

impl Tx<'_> {
    /// Stores that an identity, of the provider of this name, logs in to an account.
    ///
    /// # Errors
    /// The identity has an account already, or the database fails.
    pub fn insert_identity(
        &mut self,
        account: AccountId,
        identity: &Identity,
        provider: &str,
        linked: Timestamp,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let sql = "INSERT INTO identities (issuer, subject, account, linked, provider)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        database.prepare_cached(sql)?.execute(params![
            identity.issuer,
            identity.subject,
            account.0,
            linked.0,
            provider
        ])?;
        Ok(())
    }

    /// Takes all identities from an account. Whether it had any.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_all_identities(&mut self, account: AccountId) -> Result<bool, StorageError> {
        let database = &self.snapshot;
        let sql = "DELETE FROM identities WHERE account = ?1";
        Ok(database.prepare_cached(sql)?.execute([account.0])? > 0)
    }

    /// Takes the identities of an issuer from an account.
    ///
    /// # Errors
    /// The database fails.
    pub fn delete_identities(
        &mut self,
        account: AccountId,
        issuer: &str,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let sql = "DELETE FROM identities WHERE account = ?1 AND issuer = ?2";
        database
            .prepare_cached(sql)?
            .execute(params![account.0, issuer])?;
        Ok(())
    }
}
