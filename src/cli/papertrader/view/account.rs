//! spec/cli/papertrader/view.md · 3.1.3 (what can act for an account)
//!
//! The output of `account`, `password`, `sessions` and `tokens` under `--json`.
//!
//! Tests: `tests/suite/client/accounts.rs`.

use super::text;
use crate::model::{Timestamp, Username};
use crate::wire::payload::{OwnSession, OwnToken, UserInfo};
use serde::Serialize;

/// An account with what can act for it.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct AccountView {
    pub account: String,
    pub is_password: bool,
    pub created: String,
    pub email: Option<String>,
    pub cash: Option<String>,
    pub sessions: Option<usize>,
    pub tokens: Option<usize>,
    pub providers: Option<Vec<String>>,
}

impl AccountView {
    /// Converts what was asked; what stands behind the cash is `None` for a
    /// token.
    pub fn new(
        account: &Username,
        info: &UserInfo,
        sessions: Option<usize>,
        tokens: Option<usize>,
        providers: Option<Vec<String>>,
    ) -> AccountView {
        let email = info.private.as_ref().map(|(email, _)| email.clone());
        AccountView {
            account: text(account),
            is_password: info.is_password,
            created: text(info.created),
            email: email.filter(|email| !email.is_empty()),
            cash: info.private.as_ref().map(|(_, cash)| text(cash)),
            sessions,
            tokens,
            providers,
        }
    }
}

/// A change of an account that was made.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct AccountChangeView {
    pub account: String,
    pub changed: &'static str,
}

/// The sessions of an account.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct OwnSessionsView {
    pub account: String,
    pub sessions: Vec<OwnSessionView>,
}

/// A session of an account.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct OwnSessionView {
    pub id: String,
    pub current: bool,
    pub expirable: bool,
    pub method: String,
    pub made: String,
    pub made_address: String,
    pub made_worker: String,
    pub used: String,
    pub used_address: String,
    pub used_worker: String,
    pub expires: String,
}

impl From<&OwnSession> for OwnSessionView {
    fn from(session: &OwnSession) -> OwnSessionView {
        OwnSessionView {
            id: session.id.clone(),
            current: session.is_current,
            expirable: session.expirable,
            method: session.method.clone(),
            made: text(session.made.at),
            made_address: session.made.client.clone(),
            made_worker: session.made.worker.clone(),
            used: text(session.used.at),
            used_address: session.used.client.clone(),
            used_worker: session.used.worker.clone(),
            expires: text(session.expiry),
        }
    }
}

/// The number of sessions that have ended.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct EndedView {
    pub account: String,
    pub ended: u32,
}

/// A new token, or one that was revoked.
#[derive(Debug, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct NewTokenView<'a> {
    pub account: String,
    pub name: String,
    pub scope: &'static str,
    pub days: u16,
    pub token: &'a str,
}

/// A token that was revoked.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct RevokedTokenView {
    pub account: String,
    pub revoked: String,
}

/// The tokens of an account.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct OwnTokensView {
    pub account: String,
    pub tokens: Vec<OwnTokenView>,
}

/// A token of an account.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct OwnTokenView {
    pub name: String,
    pub id: String,
    pub scope: String,
    pub made: String,
    pub made_address: String,
    pub made_worker: String,
    pub used: Option<String>,
    pub used_address: Option<String>,
    pub used_worker: Option<String>,
    pub expires: String,
}

impl From<&OwnToken> for OwnTokenView {
    fn from(token: &OwnToken) -> OwnTokenView {
        let used = Some(&token.used).filter(|used| used.at != Timestamp(0));
        OwnTokenView {
            name: text(&token.name),
            id: token.id.clone(),
            scope: text(&token.scope),
            made: text(token.made.at),
            made_address: token.made.client.clone(),
            made_worker: token.made.worker.clone(),
            used: used.map(|used| text(used.at)),
            used_address: used.map(|used| used.client.clone()),
            used_worker: used.map(|used| used.worker.clone()),
            expires: text(token.expiry),
        }
    }
}
