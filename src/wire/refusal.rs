//! spec/wire.md · 4.6.17 to 4.6.28 (the reason in a Fail's arguments)
//!
//! Why a request is refused. A refusal that several modules give has its one text here.

use crate::model::{OpenValue, Reason, Symbol};
use thiserror::Error;

/// Why a well-formed request is refused: the two arguments of its Fail.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}: {text}")]
pub struct Refusal {
    /// A server writes codes of its list. A client may read one of a later edition.
    pub reason: OpenValue<Reason>,
    /// A sentence for people: what is wrong and what would be right. Never empty.
    pub text: String,
}

impl Refusal {
    /// A refusal with this text. An empty text becomes the code, because no argument may be empty.
    pub fn new(reason: Reason, text: impl Into<String>) -> Refusal {
        let text = text.into();
        let text = if text.is_empty() {
            reason.to_string()
        } else {
            text
        };
        Refusal {
            reason: reason.into(),
            text,
        }
    }

    /// A queue of the worker is full.
    pub fn worker_overloaded() -> Refusal {
        Refusal::new(
            Reason::Overloaded,
            "the worker has too much to do; try again in a moment",
        )
    }

    /// A queue of the master is full.
    pub fn master_overloaded() -> Refusal {
        Refusal::new(
            Reason::Overloaded,
            "the master has too much to do; try again in a moment",
        )
    }

    /// The worker needs the master for this request and has no link to it.
    pub fn master_unavailable() -> Refusal {
        Refusal::new(
            Reason::MasterUnavailable,
            "the worker has no link to the master now; nothing was sent to it",
        )
    }

    /// The session in the request is unknown, ended or expired.
    pub fn session_expired() -> Refusal {
        Refusal::new(
            Reason::SessionExpired,
            "the session is not active; log in again",
        )
    }

    /// The session is a token that does not allow this.
    pub fn scope() -> Refusal {
        Refusal::new(
            Reason::Scope,
            "a token does not allow this; use a session of a login, or a token of scope trade for orders",
        )
    }

    /// An administrator has locked the account. Said to who proves to be its owner alone.
    pub fn account_locked() -> Refusal {
        Refusal::new(
            Reason::AccountLocked,
            "an administrator of this deployment has locked the account; ask there",
        )
    }

    /// The login of the session is too long ago.
    pub fn login_again() -> Refusal {
        Refusal::new(
            Reason::LoginAgain,
            "this needs a login of the last 15 minutes; log in anew and try again",
        )
    }

    /// The market has no such asset.
    pub fn unknown_asset(symbol: &Symbol) -> Refusal {
        Refusal::new(Reason::UnknownAsset, format!("there is no asset {symbol}"))
    }

    /// The asset has no price yet.
    pub fn no_price(symbol: &Symbol) -> Refusal {
        Refusal::new(
            Reason::NoPrice,
            format!("{symbol} has no price yet; try again after the next update"),
        )
    }

    /// The asset has no daily bar yet.
    pub fn no_bar(symbol: &Symbol) -> Refusal {
        Refusal::new(Reason::NoData, format!("{symbol} has no bar yet"))
    }

    /// The master could not read its database. Its log has the cause.
    pub fn not_read() -> Refusal {
        Refusal::new(
            Reason::InternalError,
            "the master could not read its database; try again later",
        )
    }

    /// The master could not do what a login, a registration or a logout needs: read or write its
    /// database, hash a password, draw random bytes. Its log has the cause.
    pub fn not_stored() -> Refusal {
        Refusal::new(
            Reason::InternalError,
            "the master could not store it; try again later",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_becomes_the_code() {
        assert_eq!(Refusal::new(Reason::NoData, "").text, "no-data");
        assert_eq!(
            Refusal::new(Reason::NoData, "why").to_string(),
            "no-data: why"
        );
    }

    #[test]
    fn refusals_about_an_asset_name_it() {
        let symbol = Symbol::parse("BRK.B").unwrap();
        for refusal in [
            Refusal::unknown_asset(&symbol),
            Refusal::no_price(&symbol),
            Refusal::no_bar(&symbol),
        ] {
            assert!(refusal.text.contains("BRK.B"), "{refusal}");
        }
    }
}
