//! spec/master/auth.md · 2.4.2 Session Structure, 2.4.6 activeSessions
//!
//! The active sessions in memory, indexed by hash, by account, by expiry, and those that are
//! expirable by the process of a worker.

use crate::master::storage::accounts::StoredSession;
use crate::model::{AccountId, SessionHash, SessionKind, SessionUse, Timestamp};
use crate::runtime::neighbourhood::Neighbourhood;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Most sessions of one account's logins. One more ends the oldest.
pub const PER_ACCOUNT_MAX: usize = 1000;

/// All active sessions.
#[derive(Debug, Default)]
pub struct SessionTable {
    by_hash: HashMap<SessionHash, StoredSession>,
    by_account: HashMap<AccountId, Vec<SessionHash>>,
    by_expiry: BTreeSet<(Timestamp, SessionHash)>,
    /// Expirable sessions, by the worker and the boot ID of its process that made them.
    by_process: HashMap<Uuid, HashMap<Uuid, HashSet<SessionHash>>>,
    /// Sessions used since the last `take_used`.
    used: HashSet<SessionHash>,
}

impl SessionTable {
    /// Adds a session.
    pub fn insert(&mut self, stored: StoredSession) {
        let (hash, session) = (stored.session.hash, &stored.session);
        self.by_account
            .entry(session.account)
            .or_default()
            .push(hash);
        self.by_expiry.insert((session.expiry, hash));
        if session.expirable {
            let processes = self.by_process.entry(session.worker).or_default();
            processes.entry(stored.boot).or_default().insert(hash);
        }
        self.by_hash.insert(hash, stored);
    }

    /// A session that has not expired at `now`.
    pub fn get(&self, hash: &SessionHash, now: Timestamp) -> Option<&StoredSession> {
        self.by_hash
            .get(hash)
            .filter(|stored| stored.session.expiry > now)
    }

    /// A session that has not expired at the time of this use, which becomes its last one.
    pub fn touch(&mut self, hash: &SessionHash, last: SessionUse) -> Option<&StoredSession> {
        let stored = self
            .by_hash
            .get_mut(hash)
            .filter(|stored| stored.session.expiry > last.at)?;
        // A use is later than the making, by which one that was never used is known.
        let at = last
            .at
            .max(Timestamp(stored.session.since.0.saturating_add(1)));
        if stored.session.last_use.at <= at {
            stored.session.last_use = SessionUse { at, ..last };
            self.used.insert(*hash);
        }
        Some(stored)
    }

    /// Notes that a worker knows a session from now on. `Some` is to be stored: the worker, or the
    /// nil UUID for any.
    pub fn pass(&mut self, hash: &SessionHash, worker: Uuid) -> Option<Uuid> {
        self.by_hash.get_mut(hash)?.pass(worker)
    }

    /// Notes that a token is used near there, if that is not where it was made, for the first time.
    /// Its account.
    pub fn move_elsewhere(&mut self, hash: &SessionHash, near: Neighbourhood) -> Option<AccountId> {
        let session = &mut self.by_hash.get_mut(hash)?.session;
        match &mut session.kind {
            SessionKind::Token { is_elsewhere, .. }
                if !*is_elsewhere && near != Neighbourhood::of(session.client) =>
            {
                *is_elsewhere = true;
                Some(session.account)
            }
            SessionKind::Token { .. } | SessionKind::Login(_) => None,
        }
    }

    /// Removes a session.
    pub fn remove(&mut self, hash: &SessionHash) -> Option<StoredSession> {
        let stored = self.by_hash.remove(hash)?;
        self.by_expiry.remove(&(stored.session.expiry, *hash));
        self.used.remove(hash);
        if stored.session.expirable {
            self.forget_process(&stored);
        }
        if let Some(of_account) = self.by_account.get_mut(&stored.session.account) {
            of_account.retain(|other| other != hash);
            if of_account.is_empty() {
                self.by_account.remove(&stored.session.account);
            }
        }
        Some(stored)
    }

    fn forget_process(&mut self, stored: &StoredSession) {
        let Some(processes) = self.by_process.get_mut(&stored.session.worker) else {
            return;
        };
        if let Some(hashes) = processes.get_mut(&stored.boot) {
            hashes.remove(&stored.session.hash);
            if hashes.is_empty() {
                processes.remove(&stored.boot);
            }
        }
        if processes.is_empty() {
            self.by_process.remove(&stored.session.worker);
        }
    }

    /// Has sessions whose begin is after `now` begin at `begin`, because the clock was set back: none
    /// lasts longer than its own length from there on. Returns their number.
    pub fn set_back(&mut self, now: Timestamp, begin: Timestamp) -> usize {
        let mut moved = 0;
        for stored in self.by_hash.values_mut() {
            let session = &mut stored.session;
            if session.since <= now {
                continue;
            }
            self.by_expiry.remove(&(session.expiry, session.hash));
            session.expiry = Timestamp(begin.0.saturating_add(session.expiry.since(session.since)));
            session.since = begin;
            session.last_use.at = session.last_use.at.min(now);
            self.by_expiry.insert((session.expiry, session.hash));
            moved += 1;
        }
        moved
    }

    /// Sessions whose expiry has passed.
    pub fn expired(&self, now: Timestamp) -> Vec<SessionHash> {
        self.by_expiry
            .iter()
            .take_while(|(expiry, _)| *expiry <= now)
            .map(|(_, hash)| *hash)
            .collect()
    }

    /// The oldest sessions of an account that must end before it gets one more. Tokens stay.
    pub fn surplus(&self, account: AccountId) -> Vec<SessionHash> {
        let mut logins = self.logins(account);
        logins.truncate((logins.len() + 1).saturating_sub(PER_ACCOUNT_MAX));
        logins
    }

    /// The sessions of an account's logins, the oldest first, without its tokens.
    pub fn logins(&self, account: AccountId) -> Vec<SessionHash> {
        self.of(account)
            .filter(|stored| !stored.session.kind.is_token())
            .map(|stored| stored.session.hash)
            .collect()
    }

    /// All sessions of an account, tokens too, but one.
    pub fn all_but(&self, account: AccountId, kept: Option<&SessionHash>) -> Vec<SessionHash> {
        self.of(account)
            .map(|stored| stored.session.hash)
            .filter(|hash| Some(hash) != kept)
            .collect()
    }

    /// The sessions of an account, tokens too, the oldest first.
    pub fn of(&self, account: AccountId) -> impl Iterator<Item = &StoredSession> {
        let hashes = self.by_account.get(&account).into_iter().flatten();
        hashes.filter_map(|hash| self.by_hash.get(hash))
    }

    /// Sessions for which `wanted` holds.
    pub fn filter(&self, wanted: impl Fn(&StoredSession) -> bool) -> Vec<SessionHash> {
        self.by_hash
            .values()
            .filter(|stored| wanted(stored))
            .map(|stored| stored.session.hash)
            .collect()
    }

    /// Expirable sessions that were made through this worker by another process of it than `boot`;
    /// by any process where that is `None`.
    pub fn orphans(&self, worker: &Uuid, boot: Option<&Uuid>) -> Vec<SessionHash> {
        let processes = self.by_process.get(worker).into_iter().flatten();
        processes
            .filter(|(process, _)| boot != Some(*process))
            .flat_map(|(_, hashes)| hashes.iter().copied())
            .collect()
    }

    /// All sessions.
    pub fn iter(&self) -> impl Iterator<Item = &StoredSession> {
        self.by_hash.values()
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// Whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// Sessions used since the last call, with their last use.
    pub fn take_used(&mut self) -> Vec<(SessionHash, SessionUse)> {
        let used = std::mem::take(&mut self.used);
        used.into_iter()
            .filter_map(|hash| {
                self.by_hash
                    .get(&hash)
                    .map(|stored| (hash, stored.session.last_use))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
