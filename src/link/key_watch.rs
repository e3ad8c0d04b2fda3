//! spec/link/key_watch.md · 3.1.5 Worker Management (verify with GPG keys), 4.1 Design Goals
//!
//! Looks at keys and certificates each hour and when it is asked to, publishes when they end, and
//! warns before. What a key that is not fit any more has for a consequence is the caller's.

use super::keyring::{KeyState, KeyringError};
use crate::model::expiry::{Expiry, ExpiryKind};
use crate::model::{Fingerprint, Timestamp};
use crate::runtime::Stop;
use crate::runtime::published::Published;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two looks that nobody asks for.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(3_600);
/// A warning is repeated after this time; it is also given at each look that somebody asks for.
const WARNING_INTERVAL: Duration = Duration::from_secs(86_400);

/// Asks for a look, and reads what the last one found. Clones share it.
#[derive(Debug, Clone)]
pub struct KeyWatchHandle {
    looks: Sender<()>,
    expiries: Arc<Published<Vec<Expiry>>>,
}

/// The other end of a [`KeyWatchHandle`], for the thread that looks.
#[derive(Debug)]
pub struct KeyWatch {
    looks: Receiver<()>,
    expiries: Arc<Published<Vec<Expiry>>>,
}

/// When a key ends, of what a look at it has found; `None`: never, or it is not known. Where the
/// look has failed in passing, what the `last` one found stands.
pub fn key_expiry(
    (kind, fingerprint): (ExpiryKind, Fingerprint),
    owner: Option<String>,
    state: &KeyState,
    last: &[Expiry],
) -> Option<Expiry> {
    let name = fingerprint.to_string();
    if state.fit.as_ref().is_err_and(KeyringError::is_passing) {
        let same = |it: &&Expiry| it.kind == kind && it.name == name;
        return last.iter().find(same).cloned();
    }
    Some(Expiry {
        kind,
        name,
        owner,
        until: state.until?,
    })
}

/// Both ends. Nothing is published before the first look.
pub fn key_watch() -> (KeyWatchHandle, KeyWatch) {
    let (asks, looks) = bounded(1);
    let expiries = Arc::<Published<Vec<Expiry>>>::default();
    let handle = KeyWatchHandle {
        looks: asks,
        expiries: Arc::clone(&expiries),
    };
    (handle, KeyWatch { looks, expiries })
}

impl KeyWatchHandle {
    /// Asks for a look now. Does not wait for it.
    pub fn look(&self) {
        let _ = self.looks.try_send(());
    }

    /// What ends at some time, as of the last look.
    pub fn expiries(&self) -> Arc<Vec<Expiry>> {
        self.expiries.load()
    }
}

impl KeyWatch {
    /// The thread's loop, until the signal to stop. `look` gets what the last one has returned, and
    /// returns what ends at some time.
    pub fn run(&self, stop: &Stop, mut look: impl FnMut(&[Expiry]) -> Vec<Expiry>) {
        let mut warned: Option<Instant> = None;
        let mut is_asked = true;
        loop {
            let found = look(&self.expiries.load());
            if is_asked || warned.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL) {
                warned = Some(Instant::now());
                let now = Timestamp::now();
                for warning in found.iter().filter_map(|expiry| expiry.warning(now)) {
                    crate::warn!("{warning}");
                }
            }
            self.expiries.store(found);
            is_asked = select! {
                recv(self.looks) -> asked => asked.is_ok(),
                recv(stop.receiver()) -> _ => return,
                default(LOOK_INTERVAL) => false,
            };
            if stop.is_requested() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_fails_in_passing_forgets_nothing() {
        let key = Fingerprint::parse(&"A".repeat(40)).unwrap();
        let state = |fit, until| KeyState { fit, until };
        let found = |state: &KeyState, last: &[Expiry]| {
            key_expiry((ExpiryKind::OwnKey, key), None, state, last)
        };
        let first = found(&state(Ok(()), Some(Timestamp(7))), &[]).unwrap();
        let last = [first.clone()];
        let passing = state(Err(KeyringError::Timeout), None);
        assert_eq!(found(&passing, &last), Some(first));
        assert_eq!(found(&passing, &[]), None);
        assert_eq!(
            found(&state(Ok(()), None), &last),
            None,
            "it never ends now"
        );
    }

    #[test]
    fn a_look_is_made_at_once_and_whenever_it_is_asked_for() {
        let (handle, watch) = key_watch();
        let stop = Stop::new();
        let (looked, looks) = bounded(8);
        let stopping = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut count = 0;
            watch.run(&stopping, |_| {
                count += 1;
                looked.send(()).unwrap();
                vec![Expiry {
                    kind: ExpiryKind::OwnKey,
                    name: count.to_string(),
                    owner: None,
                    until: Timestamp(0),
                }]
            });
        });
        let timeout = Duration::from_secs(60);
        looks.recv_timeout(timeout).unwrap();
        handle.look();
        looks.recv_timeout(timeout).unwrap();
        stop.request();
        thread.join().unwrap();
        assert_eq!(handle.expiries()[0].name, "2");
    }
}
