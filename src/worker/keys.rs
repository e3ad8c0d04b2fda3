//! spec/worker.md · 3.2.1 Main Module ("authorize"), 4.3.2
//!
//! Looks at the worker's key, the master's key and the certificate, on a thread of its own: a link
//! whose keys are not fit any more ends.
//!
//! Tests: `tests/suite/reload.rs`.

use super::messages::MasterLinkMessage;
use crate::link::key_watch::key_expiry;
use crate::link::keyring::Keyring;
use crate::model::Fingerprint;
use crate::model::expiry::{Expiry, ExpiryKind};
use crate::net::tls::ServerTls;
use crossbeam_channel::Sender;
use std::sync::Arc;
use std::time::Duration;

/// How long news of a key wait for room in the inbox of `master_link`.
const NEWS_TIMEOUT: Duration = Duration::from_secs(10);

/// What a look at keys and certificate needs.
pub(super) struct WorkerKeys {
    pub(super) keyring: Keyring,
    /// The worker's own.
    pub(super) own: Fingerprint,
    pub(super) master: Fingerprint,
    pub(super) tls: Option<Arc<ServerTls>>,
    pub(super) master_link: Sender<MasterLinkMessage>,
}

impl WorkerKeys {
    /// Looks at each, and has the link end if a key is not fit any more. Returns those that end at
    /// some time.
    pub(super) fn look(&self, last: &[Expiry]) -> Vec<Expiry> {
        let keys = [
            (self.own, ExpiryKind::OwnKey, None, "gpg.key"),
            (
                self.master,
                ExpiryKind::PeerKey,
                Some("the master"),
                "gpg.master_key",
            ),
        ];
        let mut found = Vec::new();
        for (fingerprint, kind, owner, setting) in keys {
            let state = self.keyring.state(fingerprint);
            if let Err(error) = &state.fit
                && !error.is_passing()
            {
                let why = format!("{setting}, {fingerprint}: {error}");
                let news = MasterLinkMessage::Unfit(why);
                if self.master_link.send_timeout(news, NEWS_TIMEOUT).is_err() {
                    crate::error!("the link could not be ended: {setting}: {error}");
                }
            }
            let owner = owner.map(str::to_owned);
            found.extend(key_expiry((kind, fingerprint), owner, &state, last));
        }
        found.extend(self.tls.as_ref().and_then(|tls| tls.expiry()));
        found
    }
}
