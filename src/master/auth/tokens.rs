//! spec/master/auth/tokens.md · 3.1.3, 2.4.2 (sessions that programs use)
//!
//! `impl Auth`: tokens are made and revoked, and what can act for an account is listed.

use super::Auth;
use super::accounts::{AccountOwner, succeed, tell_owner_of};
use super::commit::AuthWrite;
use crate::master::messages::AccountEvent;
use crate::master::reply_to::ReplyTo;
use crate::master::storage::accounts::StoredSession;
use crate::model::session::SESSION_ID_BYTES;
use crate::model::token::TOKENS_MAX;
use crate::model::{
    AccountId, AccountValue, OpenValue, OwnerNotice, Reason, Session, SessionHash, SessionId,
    SessionKind, SessionUse, Timestamp, TokenName, TokenScope,
};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::payload::{OwnSession, OwnSessions, OwnToken, OwnTokens, Payload, SessionMoment};
use crate::wire::{Instruction, Refusal};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long after its creation a token may be made anew by the request that made it, sent again
/// after a broken link. The worker gives up long before.
const REPEAT_MAX: Duration = Duration::from_secs(120);

impl Auth {
    /// Makes a token, which is told this once.
    pub(super) fn create_token(
        &mut self,
        reply_to: &ReplyTo,
        session: &SessionId,
        name: &TokenName,
        (scope, days): (TokenScope, u16),
    ) {
        let instruction = Instruction::CreateToken;
        let Some(owner) = self.owner(reply_to, instruction, session) else {
            return;
        };
        // A session that is none commits nothing.
        self.commit();
        match self.try_create_token(reply_to, &owner, name, (scope, days)) {
            Ok(token) => succeed(reply_to, Some(AccountValue::Token(token))),
            Err(refusal) => reply_to.fail(instruction, &refusal),
        }
    }

    fn try_create_token(
        &mut self,
        reply_to: &ReplyTo,
        owner: &AccountOwner,
        name: &TokenName,
        (scope, days): (TokenScope, u16),
    ) -> Result<SessionId, Refusal> {
        if !owner.is_fresh {
            return Err(Refusal::login_again());
        }
        self.may_make_token(owner.account)?;
        let now = Timestamp::now();
        let same = self.token(owner, name);
        let replaced = same.filter(|it| reply_to.again && is_unused_of(it, reply_to, now));
        if same.is_some() && replaced.is_none() {
            let text = format!("the account has a token {name}; revoke it, or take another name");
            return Err(Refusal::new(Reason::NameInvalid, text));
        }
        let replaced: Vec<SessionHash> = replaced.map(|it| it.session.hash).into_iter().collect();
        let tokens = self.sessions.of(owner.account);
        let count = tokens.filter(|it| it.session.kind.is_token()).count();
        if count - replaced.len() >= TOKENS_MAX {
            let text = format!("an account has at most {TOKENS_MAX} tokens; revoke one");
            return Err(Refusal::new(Reason::ArgumentInvalid, text));
        }
        let mut bytes = [0; SESSION_ID_BYTES];
        if let Err(error) = getrandom::fill(&mut bytes) {
            crate::error!("no token can be made without random bytes: {error}");
            return Err(Refusal::not_stored());
        }
        let token = SessionId::from_bytes(bytes);
        zeroize::Zeroize::zeroize(&mut bytes);
        let made = SessionUse {
            at: now,
            client: reply_to.client_ip(),
            worker: reply_to.peer.worker.uuid,
        };
        let stored = StoredSession {
            session: Session {
                hash: token.hash(),
                account: owner.account,
                username: owner.username.clone(),
                since: now,
                expiry: now.plus_days(i64::from(days)),
                client: made.client,
                worker: made.worker,
                expirable: false,
                is_active: true,
                kind: SessionKind::Token {
                    name: name.clone(),
                    scope,
                    is_elsewhere: false,
                },
                last_use: made,
            },
            boot: reply_to.peer.boot,
            passed: Vec::new(),
        };
        self.change_account(owner.account, &replaced, |tx| {
            // The name is unique in its account.
            for hash in &replaced {
                tx.delete_session(hash)?;
            }
            tx.insert_session(&stored)?;
            let notice = OwnerNotice::TokenCreated;
            tell_owner_of(tx, owner.account, notice, name.as_str())
        })?;
        self.new_tokens.count(&owner.account, Instant::now());
        self.sessions.insert(stored);
        self.count(AccountEvent::TokenCreation, 1);
        crate::audit!(
            "token create",
            user = owner.username,
            token = name,
            scope = scope,
            days = days,
        );
        Ok(token)
    }

    /// # Errors
    /// The account has made too many in this hour.
    fn may_make_token(&mut self, account: AccountId) -> Result<(), Refusal> {
        let now = Instant::now();
        self.new_tokens.tidy(now);
        if self.new_tokens.allows(&account, now) {
            return Ok(());
        }
        let text = "too many tokens made; wait an hour and try again";
        Err(Refusal::new(Reason::TooManyAttempts, text))
    }

    fn token(&self, owner: &AccountOwner, wanted: &TokenName) -> Option<&StoredSession> {
        let has_name = |kind: &SessionKind| match kind {
            SessionKind::Token { name, .. } => name == wanted,
            SessionKind::Login(_) => false,
        };
        self.sessions
            .of(owner.account)
            .find(|stored| has_name(&stored.session.kind))
    }

    /// Ends a token.
    pub(super) fn revoke_token(
        &mut self,
        reply_to: &ReplyTo,
        session: &SessionId,
        name: &TokenName,
    ) {
        let instruction = Instruction::RevokeToken;
        let Some(owner) = self.owner(reply_to, instruction, session) else {
            return;
        };
        // A session that is none commits nothing.
        self.commit();
        let Some(hash) = self.token(&owner, name).map(|it| it.session.hash) else {
            if reply_to.again {
                return succeed(reply_to, None);
            }
            let refusal = Refusal::new(Reason::NoData, format!("the account has no token {name}"));
            return reply_to.fail(instruction, &refusal);
        };
        match self.change_account(owner.account, &[hash], |_| Ok(())) {
            Ok(()) => {
                crate::audit!("token revoke", user = owner.username, token = name);
                succeed(reply_to, None);
            }
            Err(refusal) => reply_to.fail(instruction, &refusal),
        }
    }

    /// Notes the first use of a token from another neighbourhood than the one that made it, of
    /// which the owner is told.
    pub(super) fn note_elsewhere(&mut self, reply_to: &ReplyTo, hash: &SessionHash) {
        if reply_to.client.is_none() {
            return;
        }
        let near = Neighbourhood::of(reply_to.client_ip());
        let Some(account) = self.sessions.move_elsewhere(hash, near) else {
            return;
        };
        let stored = self.sessions.get(hash, Timestamp::now());
        if let Some(SessionKind::Token { name, .. }) = stored.map(|it| &it.session.kind) {
            let write = AuthWrite::Elsewhere(*hash, account, name.clone());
            self.writes.push(write);
        }
    }

    /// Answers getSessions: the sessions of the account's logins, newest first.
    pub(super) fn send_own_sessions(&mut self, reply_to: &ReplyTo, session: &SessionId) {
        let Some(owner) = self.owner(reply_to, Instruction::GetSessions, session) else {
            return;
        };
        let of_login = |stored: &StoredSession| {
            let session = &stored.session;
            let SessionKind::Login(method) = &session.kind else {
                return None;
            };
            Some(OwnSession {
                id: session.hash.short(),
                is_current: session.hash == owner.session,
                expirable: session.expirable,
                method: method.clone(),
                expiry: session.expiry,
                made: self.moment(&made(session)),
                used: self.moment(&session.last_use),
            })
        };
        let mut all: Vec<OwnSession> = self
            .sessions
            .of(owner.account)
            .filter_map(of_login)
            .collect();
        all.reverse();
        reply_to.data(&OwnSessions(all).to_bytes());
    }

    /// Answers getTokens: the account's tokens, newest first.
    pub(super) fn send_own_tokens(&mut self, reply_to: &ReplyTo, session: &SessionId) {
        let Some(owner) = self.owner(reply_to, Instruction::GetTokens, session) else {
            return;
        };
        let of_token = |stored: &StoredSession| {
            let session = &stored.session;
            let SessionKind::Token { name, scope, .. } = &session.kind else {
                return None;
            };
            let mut used = self.moment(&session.last_use);
            if session.last_use.at == session.since {
                used.at = Timestamp(0);
            }
            Some(OwnToken {
                name: name.clone(),
                id: session.hash.short(),
                scope: OpenValue::Known(*scope),
                expiry: session.expiry,
                made: self.moment(&made(session)),
                used,
            })
        };
        let mut all: Vec<OwnToken> = self
            .sessions
            .of(owner.account)
            .filter_map(of_token)
            .collect();
        all.reverse();
        reply_to.data(&OwnTokens(all).to_bytes());
    }

    fn moment(&self, of: &SessionUse) -> SessionMoment {
        SessionMoment {
            at: of.at,
            client: of.client.to_string(),
            worker: self.worker_name(&of.worker),
        }
    }

    /// The name of a worker; its UUID if it is registered no more.
    fn worker_name(&self, uuid: &Uuid) -> String {
        let registry = self.channels.registry.load();
        registry
            .by_uuid(uuid)
            .map_or_else(|| uuid.to_string(), |worker| worker.name.clone())
    }
}

/// How a session was made.
fn made(session: &Session) -> SessionUse {
    SessionUse {
        at: session.since,
        client: session.client,
        worker: session.worker,
    }
}

/// Whether a token was made just now by the same worker's process, and has not been used: its maker
/// has not heard of it.
fn is_unused_of(stored: &StoredSession, reply_to: &ReplyTo, now: Timestamp) -> bool {
    let session = &stored.session;
    let age = u128::try_from(now.since(session.since)).unwrap_or(u128::MAX);
    session.worker == reply_to.peer.worker.uuid
        && stored.boot == reply_to.peer.boot
        && age <= REPEAT_MAX.as_millis()
        && session.last_use.at == session.since
}

#[cfg(test)]
mod tests;
