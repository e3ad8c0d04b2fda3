//! spec/master/auth.md · 3.1.3, 4.6.1
//!
//! The limits of failed logins: by name and address, by address, by name over all addresses, and by
//! worker. A name without an account counts as any other.
//!
//! Tests: `src/master/auth/login/tests.rs`.

use crate::config::MasterLimits;
use crate::master::messages::CountedLogin;
use crate::master::reply_to::ReplyTo;
use crate::runtime::neighbourhood::Neighbourhood;
use crate::runtime::rate_limiter::{KeyedRateLimiter, NeighbourhoodRateLimiter};
use hashlink::LruCache;
use std::net::SocketAddr;
use std::time::Instant;
use uuid::Uuid;

/// The failed logins of the last minute and hour.
#[derive(Debug)]
pub(super) struct LoginAttempts {
    near: KeyedRateLimiter<(Uuid, String, Neighbourhood)>,
    by_address: NeighbourhoodRateLimiter<Uuid>,
    /// Of the last hour, from where the account has not logged in lately.
    by_name: KeyedRateLimiter<String>,
    /// Likewise, of the last minute.
    by_worker: KeyedRateLimiter<Uuid>,
    /// The last failed login of each connection and name, which a right one that follows takes
    /// back: a client tries a password in a second form.
    wrong: LruCache<(Uuid, SocketAddr, String), CountedLogin>,
}

/// Most connections whose last failed login is remembered.
const WRONG_MAX: usize = 4096;

impl LoginAttempts {
    pub(super) fn new(limits: &MasterLimits) -> LoginAttempts {
        LoginAttempts {
            near: KeyedRateLimiter::per_minute(limits.failed_logins_per_minute),
            by_address: NeighbourhoodRateLimiter::per_minute(
                limits.failed_logins_per_minute_per_address,
            ),
            by_name: KeyedRateLimiter::per_hour(limits.failed_logins_per_hour_per_name),
            by_worker: KeyedRateLimiter::per_minute(limits.failed_logins_per_minute_per_worker),
            wrong: LruCache::new(WRONG_MAX),
        }
    }

    /// Sets the limits. Earlier attempts still count.
    pub(super) fn set_limits(&mut self, limits: &MasterLimits) {
        self.near.set_limit(limits.failed_logins_per_minute);
        self.by_address
            .set_limit(limits.failed_logins_per_minute_per_address);
        self.by_name
            .set_limit(limits.failed_logins_per_hour_per_name);
        self.by_worker
            .set_limit(limits.failed_logins_per_minute_per_worker);
    }

    /// Counts a login as failed, before anything is known of it, where its address may fail once
    /// more. False: it may not, and nothing was counted.
    pub(super) fn count_address(&mut self, login: &CountedLogin) -> bool {
        let key = (login.worker, login.name.clone(), login.near);
        let fits = self.near.allows(&key, login.at)
            && self.by_address.allows(login.worker, login.near, login.at);
        if fits {
            self.near.count(&key, login.at);
            self.by_address.count(login.worker, login.near, login.at);
        }
        fits
    }

    /// Counts a login as failed for its name and its worker. False: one of them may not fail once
    /// more, and nothing was counted for either.
    pub(super) fn count_stranger(&mut self, login: &CountedLogin) -> bool {
        let fits = self.by_name.allows(&login.name, login.at)
            && self.by_worker.allows(&login.worker, login.at);
        if fits {
            self.by_name.count(&login.name, login.at);
            self.by_worker.count(&login.worker, login.at);
        }
        fits
    }

    /// Takes back what [`LoginAttempts::count_address`] and, for a stranger,
    /// [`LoginAttempts::count_stranger`] have counted.
    pub(super) fn forgive(&mut self, login: CountedLogin) {
        if login.is_stranger {
            self.by_name.forgive(&login.name, login.at);
            self.by_worker.forgive(&login.worker, login.at);
        }
        self.by_address.forgive(login.worker, login.near, login.at);
        self.near
            .forgive(&(login.worker, login.name, login.near), login.at);
    }

    /// Remembers a failed login, which stays counted unless the right password follows on its
    /// connection.
    pub(super) fn keep_wrong(&mut self, reply_to: &ReplyTo, counted: CountedLogin) {
        if let Some(client) = reply_to.client {
            let key = (counted.worker, client, counted.name.clone());
            self.wrong.insert(key, counted);
        }
    }

    /// Takes back the failed login that came just before a right one on its connection.
    pub(super) fn forgive_wrong(&mut self, reply_to: &ReplyTo, right: &CountedLogin) {
        let Some(client) = reply_to.client else {
            return;
        };
        let key = (right.worker, client, right.name.clone());
        if let Some(wrong) = self.wrong.remove(&key) {
            self.forgive(wrong);
        }
    }

    /// Drops what counts no more.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.near.tidy(now);
        self.by_address.tidy(now);
        self.by_name.tidy(now);
        self.by_worker.tidy(now);
    }
}
