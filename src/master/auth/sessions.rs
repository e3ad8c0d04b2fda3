//! spec/master/auth/sessions.md · 2.4.2 Session Structure, 2.4.6 activeSessions
//!
//! The active sessions in memory, by hash, by account and by expiry.

use crate::master::storage::accounts::StoredSession;
use crate::model::{AccountId, SessionHash, Timestamp};
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Sessions that one account may have; one more ends its oldest.
pub const PER_ACCOUNT_MAX: usize = 1000;

/// Every active session.
#[derive(Debug, Default)]
pub struct SessionTable {
    by_hash: HashMap<SessionHash, StoredSession>,
    by_account: HashMap<AccountId, Vec<SessionHash>>,
    by_expiry: BTreeSet<(Timestamp, SessionHash)>,
    used: HashSet<SessionHash>,
}

impl SessionTable {
    /// Takes a session in.
    pub fn insert(&mut self, kept: StoredSession) {
        let (hash, session) = (kept.session.hash, &kept.session);
        self.by_account.entry(session.account).or_default().push(hash);
        self.by_expiry.insert((session.expiry, hash));
        self.by_hash.insert(hash, kept);
    }

    /// An active session.
    pub fn get(&self, hash: &SessionHash, now: Timestamp) -> Option<&StoredSession> {
        self.by_hash.get(hash).filter(|kept| kept.session.expiry > now)
    }

    /// An active session, which is noted as used.
    pub fn use_it(&mut self, hash: &SessionHash, now: Timestamp) -> Option<&StoredSession> {
        let kept = self
            .by_hash
            .get_mut(hash)
            .filter(|kept| kept.session.expiry > now)?;
        if kept.session.last_used < now {
            kept.session.last_used = now;
            self.used.insert(*hash);
        }
        Some(kept)
    }

    /// Takes a session out.
    pub fn remove(&mut self, hash: &SessionHash) -> Option<StoredSession> {
        let kept = self.by_hash.remove(hash)?;
        self.by_expiry.remove(&(kept.session.expiry, *hash));
        self.used.remove(hash);
        if let Some(of_account) = self.by_account.get_mut(&kept.session.account) {
            of_account.retain(|other| other != hash);
            if of_account.is_empty() {
                self.by_account.remove(&kept.session.account);
            }
        }
        Some(kept)
    }

    /// Those that have expired.
    pub fn expired(&self, now: Timestamp) -> Vec<SessionHash> {
        self.by_expiry
            .iter()
            .take_while(|(expiry, _)| *expiry <= now)
            .map(|(_, hash)| *hash)
            .collect()
    }

    /// The sessions of an account that make one more too many, oldest first.
    pub fn surplus(&self, account: AccountId) -> Vec<SessionHash> {
        self.by_account
            .get(&account)
            .map(|all| {
                all.iter()
                    .take((all.len() + 1).saturating_sub(PER_ACCOUNT_MAX))
                    .copied()
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Those for which `wanted` holds.
    pub fn filter(&self, wanted: impl Fn(&StoredSession) -> bool) -> Vec<SessionHash> {
        self.by_hash
            .values()
            .filter(|kept| wanted(kept))
            .map(|kept| kept.session.hash)
            .collect()
    }

    /// The expirable ones that hang on a worker, made before its process `boot`, or by any where it is
    /// `None`.
    pub fn orphans(&self, worker: &Uuid, boot: Option<&Uuid>) -> Vec<SessionHash> {
        self.filter(|kept| {
            kept.session.expirable && kept.session.worker == *worker && boot != Some(&kept.boot)
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &StoredSession> {
        self.by_hash.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// Those used since this was last asked, with when.
    pub fn take_used(&mut self) -> Vec<(SessionHash, Timestamp)> {
        let used = std::mem::take(&mut self.used);
        used.into_iter()
            .filter_map(|hash| self.by_hash.get(&hash).map(|kept| (hash, kept.session.last_used)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
