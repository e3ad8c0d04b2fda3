//! spec/master/storage.md · 3.1.3 Account Management & Authorization
//!
//! What administrators did with accounts: kept for the owner's export and for other administrators.

use super::engine::params;
use super::{Snapshot, StorageError, Tx};
use crate::model::word_list::word_list;
use crate::model::{AccountId, Timestamp};

/// Most acts that an account keeps: the latest.
pub const ACTS_KEPT_MAX: u32 = 100;

/// Stores an act of an account that is not deleted.
const INSERT: &str = "INSERT INTO acts (account, at, act, caller, detail)
     SELECT account, ?2, ?3, ?4, ?5 FROM accounts WHERE account = ?1 AND state < 2";
/// Deletes what an account has beyond its latest.
const DELETE_OLD: &str = "DELETE FROM acts WHERE account = ?1 AND number <=
     (SELECT number FROM acts WHERE account = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)";

word_list! {
    /// What an administrator did with an account.
    ActKind {
        /// Locked it.
        Lock = "lock",
        /// Unlocked it.
        Unlock = "unlock",
        /// Printed a code for a new password.
        Reset = "reset",
        /// Made it, or printed a new code for it, from a roster.
        Import = "import",
        /// Ended sessions or tokens.
        EndSessions = "end-sessions",
        /// Gave it cash, or took some.
        Grant = "grant",
        /// Let it begin anew.
        Restart = "restart",
        /// Cancelled orders of it.
        CancelOrders = "cancel-orders",
    }
}

/// An act of an administrator, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountAct {
    /// Wall time.
    pub at: Timestamp,
    /// A word of [`ActKind`].
    pub act: String,
    /// The user of the master's machine who asked, as the log names one.
    pub caller: String,
    /// What came of it, without secrets; may be empty.
    pub detail: String,
}

impl AccountAct {
    /// An act of this moment.
    pub fn now(kind: ActKind, caller: &str, detail: String) -> AccountAct {
        AccountAct {
            at: Timestamp::now(),
            act: kind.as_str().to_owned(),
            caller: caller.to_owned(),
            detail,
        }
    }
}

impl Snapshot<'_> {
    /// The acts that an account keeps, oldest first: at most [`ACTS_KEPT_MAX`].
    ///
    /// # Errors
    /// The database fails.
    pub fn acts_of(&mut self, account: AccountId) -> Result<Vec<AccountAct>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT at, act, caller, detail FROM acts WHERE account = ?1 ORDER BY number",
        )?;
        let rows = statement.query_map([account.0], |row| {
            Ok(AccountAct {
                at: Timestamp(row.get(0)?),
                act: row.get(1)?,
                caller: row.get(2)?,
                detail: row.get(3)?,
            })
        })?;
        rows.collect()
    }
}

impl Tx<'_> {
    /// Stores what an administrator did with who may enter an account. Of a deleted account nothing
    /// is stored.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_access_act(
        &mut self,
        account: AccountId,
        act: &AccountAct,
    ) -> Result<(), StorageError> {
        insert(self, account, act)
    }

    /// Stores what an administrator did with what an account has. Of a deleted account nothing is
    /// stored.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_grant_act(
        &mut self,
        account: AccountId,
        act: &AccountAct,
    ) -> Result<(), StorageError> {
        insert(self, account, act)
    }
}

fn insert(tx: &mut Tx<'_>, account: AccountId, act: &AccountAct) -> Result<(), StorageError> {
    let database = &tx.snapshot;
    let values = params![account.0, act.at.0, act.act, act.caller, act.detail];
    database.prepare_cached(INSERT)?.execute(values)?;
    database
        .prepare_cached(DELETE_OLD)?
        .execute(params![account.0, ACTS_KEPT_MAX])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::testing::MasterRig;

    fn act(n: u32) -> AccountAct {
        AccountAct::now(ActKind::Grant, "user root (0)", n.to_string())
    }

    #[test]
    fn an_account_keeps_its_latest_acts() {
        let mut rig = MasterRig::new();
        let (alice, bob) = (rig.account("alice"), rig.account("bob"));
        let mut storage = rig.engine.storage();
        let count = ACTS_KEPT_MAX + 3;
        storage
            .write(|tx| {
                tx.insert_access_act(bob, &act(0))?;
                (0..count).try_for_each(|n| tx.insert_grant_act(alice, &act(n)))
            })
            .unwrap();
        let kept = storage.read(|snapshot| snapshot.acts_of(alice)).unwrap();
        let told: Vec<String> = kept.iter().map(|act| act.detail.clone()).collect();
        let latest: Vec<String> = (3..count).map(|n| n.to_string()).collect();
        assert_eq!(told, latest);
        let of_bob = storage.read(|snapshot| snapshot.acts_of(bob)).unwrap();
        assert_eq!(of_bob.len(), 1, "each account has its own");
    }

    #[test]
    fn a_deleted_account_keeps_no_act_and_gets_none() {
        let mut rig = MasterRig::new();
        let bob = rig.account("bob");
        let mut storage = rig.engine.storage();
        storage
            .write(|tx| {
                tx.insert_grant_act(bob, &act(0))?;
                tx.erase_account(bob, None, Timestamp::now())?;
                // Its module has not heard of the deletion yet.
                tx.insert_access_act(bob, &act(1))
            })
            .unwrap();
        let kept = storage.read(|snapshot| snapshot.acts_of(bob)).unwrap();
        assert_eq!(kept, []);
    }
}
