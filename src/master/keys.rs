//! spec/master.md · 3.1.5 Worker Management (verify with GPG keys)
//!
//! Looks at the master's own key and at those of the registered workers, on a thread of its own: a
//! link whose key is revoked, has expired or is gone ends.
//!
//! Tests: `tests/suite/reload.rs`.

use super::messages::{MasterChannels, WorkersMessage};
use super::workers::registry::Registry;
use crate::link::handshake::MasterIdentity;
use crate::link::key_watch::key_expiry;
use crate::link::keyring::Keyring;
use crate::model::Fingerprint;
use crate::model::expiry::{Expiry, ExpiryKind};
use crate::runtime::Stop;
use crate::runtime::published::Published;
use crossbeam_channel::Sender;
use std::sync::Arc;
use std::time::Duration;

/// How long news of a key wait for room in the inbox of workers.
const NEWS_TIMEOUT: Duration = Duration::from_secs(10);

/// What a look at all keys needs.
pub(super) struct MasterKeys {
    keyring: Keyring,
    /// The master's own.
    own: Fingerprint,
    registry: Arc<Published<Registry>>,
    workers: Sender<WorkersMessage>,
}

impl MasterKeys {
    pub(super) fn new(identity: &MasterIdentity, inboxes: &MasterChannels) -> MasterKeys {
        MasterKeys {
            keyring: identity.keyring().clone(),
            own: identity.fingerprint(),
            registry: Arc::clone(&inboxes.shared.registry),
            workers: inboxes.workers.clone(),
        }
    }

    /// Looks at each key, and has the links end whose key is not fit any more. Returns those that end
    /// at some time.
    pub(super) fn look(&self, stop: &Stop, last: &[Expiry]) -> Vec<Expiry> {
        let mut found = Vec::new();
        let own = self.keyring.state(self.own);
        if let Err(error) = &own.fit
            && !error.is_passing()
        {
            crate::error!(
                "no worker can link: the master's own key {}: {error}",
                self.own
            );
        }
        found.extend(key_expiry((ExpiryKind::OwnKey, self.own), None, &own, last));
        for worker in self.registry.load().all() {
            if stop.is_requested() {
                break;
            }
            let state = self.keyring.state(worker.fingerprint);
            if let Err(error) = &state.fit
                && !error.is_passing()
            {
                let news = WorkersMessage::Unfit {
                    worker: worker.uuid,
                    fingerprint: worker.fingerprint,
                    why: error.to_string(),
                };
                if self.workers.send_timeout(news, NEWS_TIMEOUT).is_err() {
                    crate::error!(
                        "workers could not be told that the key of worker {} is not fit: {error}",
                        worker.name
                    );
                }
            }
            let key = (ExpiryKind::PeerKey, worker.fingerprint);
            let owner = Some(format!("worker {}", worker.name));
            found.extend(key_expiry(key, owner, &state, last));
        }
        found
    }
}
