//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! What a provider of identities does instead of vouching for a person.

use thiserror::Error;

/// Why a call to a provider brought nothing. The texts are for the administrator's log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VouchError {
    /// It cannot be reached, has trouble of its own, or answers in another form. May pass.
    #[error("{0}")]
    Unavailable(String),
    /// It does not accept this deployment's request. The configuration, here or there, is wrong.
    #[error("{0}")]
    Refused(String),
    /// Its token proves nothing.
    #[error("its ID token is not accepted: {0}")]
    Untrusted(String),
    /// The person has not decided yet (`authorization_pending`).
    #[error("the person has not decided yet")]
    Pending,
    /// It wants to be asked less often (`slow_down`).
    #[error("it wants to be asked less often")]
    SlowDown,
    /// The person declined (`access_denied`).
    #[error("the person declined")]
    Denied,
    /// The person was too slow (`expired_token`).
    #[error("the code has expired")]
    Expired,
}
