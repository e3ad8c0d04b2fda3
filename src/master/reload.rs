//! spec/master.md · 3.1.1 Main Module, 2.3 Global Deployment Variables
//!
//! SIGHUP: takes over the keys of a new configuration that can change while the master runs, and has
//! the keys of GPG looked at. What it has read and checked comes from `daemon::reload`.
//!
//! Tests: `tests/suite/reload.rs`.

use super::Master;
use super::acceptor::MasterAcceptor;
use super::messages::{AuthMessage, TransactionsMessage};
use super::start::raise_descriptors;
use crate::config::MasterConfig;
use crate::daemon::reload::{self, FileState};
use crate::daemon::run::ServiceContext;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A module must accept its new settings within this time.
const MODULE_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the configuration again and applies it to `current`, the one in force. An invalid one is
/// logged, and nothing changes. `file` learns what is wrong with it. Whether it was taken over.
pub fn reload(
    master: &Master,
    context: &ServiceContext<'_, MasterConfig>,
    current: &mut MasterConfig,
    file: &FileState,
) -> bool {
    // A key may have been revoked, whatever the file says.
    master.inboxes.keys.look();
    let Some(new) = reload::reread::<Master>(context, current, Some(file)) else {
        return false;
    };
    let before = current.clone();
    // First, since a file is taken over whole or not at all.
    if !apply_limits(master, &new, current) {
        return false;
    }
    if new.log.level != current.log.level {
        context.log.set_level(new.log.level);
        current.log.level = new.log.level;
    }
    if new.expected_workers != current.expected_workers {
        let expected = &master.inboxes.shared.expected;
        expected.store(new.expected_workers, Ordering::Relaxed);
        current.expected_workers = new.expected_workers;
    }
    reload::tell(&before, current, &new);
    true
}

/// Limits, and what new accounts and sessions get. False where a module did not take them.
fn apply_limits(master: &Master, new: &MasterConfig, current: &mut MasterConfig) -> bool {
    let (limits, inboxes) = (&new.limits, &master.inboxes);
    let terms = (new.session_lifetime, new.starting_cash);
    if *limits == current.limits && terms == (current.session_lifetime, current.starting_cash) {
        return true;
    }
    let accepted = inboxes
        .auth
        .send_timeout(AuthMessage::Limits(limits.clone()), MODULE_TIMEOUT)
        .is_ok()
        && inboxes
            .auth
            .send_timeout(AuthMessage::Terms(terms.0, terms.1), MODULE_TIMEOUT)
            .is_ok()
        && inboxes
            .transactions
            .send_timeout(TransactionsMessage::Limits(limits.clone()), MODULE_TIMEOUT)
            .is_ok();
    if !accepted {
        crate::error!(
            "a module did not take the new limits: some may be in force, and nothing else of the file \
             is; send SIGHUP again"
        );
        return false;
    }
    raise_descriptors(limits.max_connections);
    let acceptor = &master.acceptor;
    acceptor
        .limiter
        .set_limits(MasterAcceptor::connection_limits(limits.max_connections));
    acceptor.limits.store(limits.clone());
    current.limits = limits.clone();
    (current.session_lifetime, current.starting_cash) = terms;
    true
}
