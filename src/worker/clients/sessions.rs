//! spec/worker/clients.md · 2.4.7 WorkerState Structure (sessions), 3.2.3 "keep track of sessions"
//!
//! The session cache: bounded, the least recently used session is dropped first. Ended sessions are
//! remembered, so that a late answer of the master does not revive them.

use super::super::client::CachedSession;
use crate::link::message::ActiveSession;
use crate::model::{SessionHash, Timestamp};
use hashlink::{LinkedHashMap, LinkedHashSet};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Cached sessions at most. There are more only while connections hold more: each holds at most 10,
/// one of its data state, one of `orders`, and 8 of its topics of quotes.
pub const CACHED_MAX: usize = 100_000;
/// Ended sessions that are remembered at most.
pub const ENDED_MAX: usize = 65_536;

/// The cached and the ended sessions.
#[derive(Debug, Default)]
pub struct SessionCache {
    /// The least recently used first.
    known: LinkedHashMap<SessionHash, Arc<CachedSession>>,
    by_expiry: BTreeSet<(Timestamp, SessionHash)>,
    /// The earliest end first.
    ended: LinkedHashSet<SessionHash>,
}

impl SessionCache {
    /// Cached sessions.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether no session is cached.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// A cached session. It becomes the most recently used.
    pub fn get(&mut self, hash: SessionHash) -> Option<Arc<CachedSession>> {
        self.known.to_back(&hash).cloned()
    }

    /// Whether a session is remembered as ended.
    pub fn has_ended(&self, hash: SessionHash) -> bool {
        self.ended.contains(&hash)
    }

    /// Adds a session that the master called active. `None` where it is remembered as ended.
    pub fn learn(
        &mut self,
        hash: SessionHash,
        session: ActiveSession,
    ) -> Option<Arc<CachedSession>> {
        if self.has_ended(hash) {
            return None;
        }
        if let Some(known) = self.get(hash) {
            return Some(known);
        }
        self.make_room();
        self.by_expiry.insert((session.expiry, hash));
        let known = CachedSession::new(hash, session);
        self.known.insert(hash, Arc::clone(&known));
        Some(known)
    }

    /// Ends a session, cached or not.
    pub fn end(&mut self, hash: SessionHash) {
        if let Some(known) = self.forget(hash) {
            known.end();
        }
        // A second end does not move the session.
        if !self.ended.contains(&hash) {
            self.ended.insert(hash);
        }
        if self.ended.len() > ENDED_MAX {
            self.ended.pop_front();
        }
    }

    /// Ends the sessions that have expired by `now`.
    pub fn expire(&mut self, now: Timestamp) {
        while let Some((expiry, hash)) = self.by_expiry.first().copied()
            && expiry <= now
        {
            self.end(hash);
            self.by_expiry.remove(&(expiry, hash));
        }
    }

    /// Drops the sessions that no connection is bound to, and returns the others.
    pub fn keep_bound(&mut self) -> Vec<SessionHash> {
        let free: Vec<SessionHash> = self
            .known
            .values()
            .filter(|known| !is_bound(known))
            .map(|known| known.hash)
            .collect();
        for hash in free {
            self.forget(hash);
        }
        self.known.keys().copied().collect()
    }

    fn forget(&mut self, hash: SessionHash) -> Option<Arc<CachedSession>> {
        let known = self.known.remove(&hash)?;
        self.by_expiry.remove(&(known.session.expiry, hash));
        Some(known)
    }

    /// Drops the least recently used session that is not bound. Bound sessions stay, because their
    /// ends must reach their connections. Those that are passed count as used, so that the next
    /// search begins behind them.
    fn make_room(&mut self) {
        if self.known.len() < CACHED_MAX {
            return;
        }
        for _ in 0..self.known.len() {
            let Some((hash, is_bound)) = self.known.front().map(|(hash, it)| (*hash, is_bound(it)))
            else {
                return;
            };
            if !is_bound {
                self.forget(hash);
                return;
            }
            self.known.to_back(&hash);
        }
    }
}

/// Whether a connection holds the session.
fn is_bound(known: &Arc<CachedSession>) -> bool {
    Arc::strong_count(known) > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u32) -> SessionHash {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        SessionHash(bytes)
    }

    fn session(expiry: i64) -> ActiveSession {
        ActiveSession {
            username: "alice".into(),
            expiry: Timestamp(expiry),
            expirable: false,
        }
    }

    #[test]
    fn the_least_recently_used_is_dropped_unless_bound() {
        let mut sessions = SessionCache::default();
        let bound = sessions.learn(hash(0), session(9)).unwrap();
        for number in 1..u32::try_from(CACHED_MAX).unwrap() {
            sessions.learn(hash(number), session(9)).unwrap();
        }
        assert!(sessions.get(hash(1)).is_some());
        sessions.learn(hash(u32::MAX), session(9)).unwrap();
        assert_eq!(sessions.len(), CACHED_MAX);
        assert!(sessions.get(hash(0)).is_some(), "it is bound");
        assert!(sessions.get(hash(1)).is_some(), "it was used");
        assert!(sessions.get(hash(2)).is_none(), "it was the oldest");
        assert!(bound.is_active(Timestamp(8)) && !bound.is_active(Timestamp(9)));
        assert_eq!(sessions.keep_bound(), [hash(0)]);
    }

    #[test]
    fn an_ended_session_is_not_revived() {
        let mut sessions = SessionCache::default();
        let known = sessions.learn(hash(1), session(9)).unwrap();
        sessions.end(hash(1));
        assert!(!known.is_active(Timestamp(0)));
        assert!(sessions.learn(hash(1), session(9)).is_none());
        assert!(sessions.is_empty() && sessions.has_ended(hash(1)));
        for number in 2..u32::try_from(ENDED_MAX).unwrap() + 2 {
            sessions.end(hash(number));
        }
        assert!(
            !sessions.has_ended(hash(1)),
            "the number of remembered ones is bounded"
        );
    }

    #[test]
    fn sessions_end_when_they_expire() {
        let mut sessions = SessionCache::default();
        let early = sessions.learn(hash(1), session(5)).unwrap();
        let late = sessions.learn(hash(2), session(6)).unwrap();
        sessions.expire(Timestamp(5));
        assert!(!early.is_active(Timestamp(0)) && late.is_active(Timestamp(5)));
        assert_eq!(sessions.len(), 1);
    }
}
