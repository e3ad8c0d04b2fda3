//! spec/model.md · 3.1.5 Worker Management (GPG keys), 4.3 The Connection
//!
//! Until when a key or a certificate can be used, and when an administrator is warned.

use super::Timestamp;
use super::word_list::word_list;
use std::time::Duration;

/// From this long before its end on, a key or certificate is warned of.
pub const EXPIRY_WARNING: Duration = Duration::from_secs(30 * DAY_SECONDS);

const DAY_SECONDS: u64 = 86_400;
const DAY_MILLIS: i64 = 86_400_000;

word_list! {
    /// What ends.
    ExpiryKind {
        /// The daemon's own GPG key.
        OwnKey = "own-key",
        /// The GPG key of the other side of a link.
        PeerKey = "peer-key",
        /// A certificate of TLS.
        Certificate = "certificate",
    }
}

/// A key or certificate that ends at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    pub kind: ExpiryKind,
    /// The key's fingerprint, or the certificate's file.
    pub name: String,
    /// Whose it is where that is not this daemon: in words: `worker eu1`, `the master`.
    pub owner: Option<String>,
    /// Wall time of its end.
    pub until: Timestamp,
}

impl Expiry {
    /// The time left, in milliseconds; below 0 once it has ended.
    pub fn left(&self, now: Timestamp) -> i64 {
        self.until.since(now)
    }

    /// What an administrator is told; `None` while there is time enough.
    pub fn warning(&self, now: Timestamp) -> Option<String> {
        let left = self.left(now);
        let warned = i64::try_from(EXPIRY_WARNING.as_millis()).unwrap_or(i64::MAX);
        if left > warned {
            return None;
        }
        let what = match (self.kind, &self.owner) {
            (ExpiryKind::Certificate, None) => format!("the certificate {}", self.name),
            (ExpiryKind::Certificate, Some(owner)) => format!("the certificate of {owner}"),
            (ExpiryKind::OwnKey | ExpiryKind::PeerKey, None) => {
                format!("the own key {}", self.name)
            }
            (ExpiryKind::OwnKey | ExpiryKind::PeerKey, Some(owner)) => {
                format!("the key {} of {owner}", self.name)
            }
        };
        let until = self.until;
        Some(match left / DAY_MILLIS {
            _ if left <= 0 => format!("{what} has expired, at {until}: replace it"),
            0 => format!("{what} expires within a day, at {until}: replace it now"),
            1 => format!("{what} expires in a day, at {until}: replace it before"),
            days => format!("{what} expires in {days} days, at {until}: replace it before"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_days_before_its_end_it_is_warned_of() {
        let expiry = |kind, owner: Option<&str>| Expiry {
            kind,
            name: "X".to_owned(),
            owner: owner.map(str::to_owned),
            until: Timestamp(100 * DAY_MILLIS),
        };
        let own = expiry(ExpiryKind::OwnKey, None);
        assert_eq!(own.warning(Timestamp(70 * DAY_MILLIS - 1)), None);
        let at = "1970-04-11T00:00:00.000Z";
        for (day, told) in [
            (
                70,
                format!("the own key X expires in 30 days, at {at}: replace it before"),
            ),
            (
                99,
                format!("the own key X expires in a day, at {at}: replace it before"),
            ),
            (
                100,
                format!("the own key X has expired, at {at}: replace it"),
            ),
            (
                200,
                format!("the own key X has expired, at {at}: replace it"),
            ),
        ] {
            assert_eq!(own.warning(Timestamp(day * DAY_MILLIS)), Some(told));
        }
        let later = Timestamp(99 * DAY_MILLIS + 1);
        for (expiry, what) in [
            (
                expiry(ExpiryKind::PeerKey, Some("worker eu1")),
                "the key X of worker eu1",
            ),
            (expiry(ExpiryKind::Certificate, None), "the certificate X"),
            (
                expiry(ExpiryKind::Certificate, Some("worker eu1")),
                "the certificate of worker eu1",
            ),
        ] {
            let told = expiry.warning(later).unwrap();
            assert_eq!(
                told,
                format!("{what} expires within a day, at {at}: replace it now")
            );
        }
    }
}
