//! spec/master/auth.md · 3.1.3, 3.1.2
//!
//! `impl Auth`: the end of a turn. It commits the changes, tells the workers of ended sessions, and
//! sends the replies, in this order.

use super::accounts::tell_owner_of;
use super::{
    Auth, CHANGE_AGE_MAX, FORGET_INTERVAL, TOUCH_INTERVAL, active_session, client_of, oldest_place,
};
use crate::link::message::{self, HASHES_MAX, SessionHashes, SessionState};
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::master::storage::accounts::{NewAccount, StoredSession};
use crate::master::storage::acts::AccountAct;
use crate::master::storage::login_places::LoginPlace;
use crate::master::storage::{Storage, StorageError};
use crate::model::{
    AccountId, OwnerNotice, SessionHash, SessionId, SessionKind, SessionUse, SignInHash, TokenName,
};
use crate::runtime::log::SuppressedCount;
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::{Instruction, Refusal, Reply, reply};
use std::time::Instant;
use uuid::Uuid;

/// A change that the next commit stores.
pub(super) enum AuthWrite {
    Account(NewAccount),
    Session(StoredSession),
    Ended(SessionHash),
    /// A session has passed through a worker that did not make it.
    Passed(SessionHash, Uuid),
    /// The hash of an account's password is made anew, from a hash to another.
    Renewed(AccountId, String, String),
    /// A token of this account is used elsewhere than where it was made, for the first time.
    Elsewhere(SessionHash, AccountId, TokenName),
    /// An administrator has ended sessions of this account.
    Act(AccountId, AccountAct),
}

/// A reply that waits for the commit.
pub(super) struct PendingReply {
    pub(super) reply_to: ReplyTo,
    pub(super) instruction: Instruction,
    pub(super) success: AuthSuccess,
}

/// A success that the commit makes true.
pub(super) enum AuthSuccess {
    Registered,
    Session {
        id: SessionId,
        session: Box<StoredSession>,
        /// The sign-in that the session uses up.
        sign_in: Option<SignInHash>,
    },
    LoggedOut,
}

impl Auth {
    /// Commits the turn's changes, and sends their replies. Stores times of last use once in
    /// [`TOUCH_INTERVAL`]. Returns whether all is stored; what a failed commit leaves to the next one
    /// is not.
    pub(super) fn commit(&mut self) -> bool {
        let now = Instant::now();
        let mut used = Vec::new();
        if now.saturating_duration_since(self.touched) >= TOUCH_INTERVAL {
            self.touched = now;
            used = self.sessions.take_used();
            self.attempts.tidy(now);
            self.registrations.tidy(now);
            self.sign_ins.tidy(now);
            for noted in [&mut self.changed_passwords, &mut self.shut_out] {
                noted.retain(|_, at| now.saturating_duration_since(*at) < CHANGE_AGE_MAX);
            }
        }
        self.forget_places(now);
        if !self.writes.is_empty() || !used.is_empty() {
            let stored = store(&mut self.storage, &self.writes, &used);
            if let Err(error) = &stored {
                crate::error!("accounts and sessions could not be stored: {error}");
            }
            // Workers first: a client that reads a success finds the session ended at every worker.
            self.push_ended();
            self.reply_all(stored.is_ok());
            return stored.is_ok();
        }
        if !self.answers.is_empty() {
            self.reply_all(true);
        }
        true
    }

    /// Deletes places from which nobody has logged in for long, once in [`FORGET_INTERVAL`].
    fn forget_places(&mut self, now: Instant) {
        let is_due = self
            .forgot
            .is_none_or(|at| now.saturating_duration_since(at) >= FORGET_INTERVAL);
        if is_due {
            self.forgot = Some(now);
            let before = oldest_place();
            if let Err(error) = self.storage.write(|tx| tx.delete_login_places(before)) {
                crate::error!("old places of logins could not be deleted: {error}");
            }
        }
    }

    fn reply_all(&mut self, stored: bool) {
        let writes = std::mem::take(&mut self.writes);
        if !stored {
            // Ended sessions stay ended in memory, and workers noted; the next commit stores it.
            self.writes.extend(writes.into_iter().filter(|write| {
                matches!(
                    write,
                    AuthWrite::Ended(_)
                        | AuthWrite::Passed(..)
                        | AuthWrite::Elsewhere(..)
                        | AuthWrite::Act(..)
                )
            }));
        }
        let workers = self.channels.addresses.load();
        let mut replies = ReplyBatch::new();
        for PendingReply {
            reply_to,
            instruction,
            success,
        } in std::mem::take(&mut self.answers)
        {
            match success {
                _ if !stored => {
                    replies.add(reply_to, |out| {
                        reply::write_fail(out, instruction, &Refusal::not_stored())
                    });
                }
                AuthSuccess::LoggedOut => {
                    replies.add(reply_to, |out| Reply::LogoutSuccess.write(out))
                }
                AuthSuccess::Registered => {
                    replies.add(reply_to, |out| Reply::RegisterSuccess.write(out))
                }
                AuthSuccess::Session {
                    id,
                    session,
                    sign_in,
                } => {
                    if let Some(sign_in) = sign_in {
                        let made = Some(session.session.hash);
                        let sign_ins = self.third_parties.sign_ins();
                        sign_ins.done(&sign_in, made, Instant::now());
                    }
                    let state = SessionState {
                        hash: session.session.hash,
                        active: Some(active_session(&session)),
                    };
                    if let Some(more) = self.ends_logged.allow("login") {
                        log_login(&session, &reply_to, more);
                    }
                    replies.add(reply_to, |out| {
                        message::write(out, Instruction::LinkSession, &state);
                        Reply::Session {
                            id,
                            workers: workers.to_vec(),
                        }
                        .write(out);
                    });
                    self.sessions.insert(*session);
                }
            }
        }
        replies.send();
    }

    /// Pushes the ended sessions to all linked workers, which no longer watch orders with them.
    pub(super) fn push_ended(&mut self) {
        if self.ended.is_empty() {
            return;
        }
        let ended = std::mem::take(&mut self.ended);
        self.channels.order_watchers.end(&ended);
        for peer in self.channels.peers.load().iter() {
            for part in ended.chunks(HASHES_MAX) {
                let hashes = SessionHashes(part.to_vec());
                peer.push(|out| message::write(out, Instruction::LinkSessionsEnded, &hashes));
            }
        }
    }
}

fn log_login(stored: &StoredSession, reply_to: &ReplyTo, more: SuppressedCount) {
    let session = &stored.session;
    let method = match &session.kind {
        SessionKind::Login(method) => method.as_str(),
        SessionKind::Token { .. } => "token",
    };
    crate::audit!(
        "login ok",
        user = session.username,
        worker = reply_to.peer.worker.name,
        client = client_of(reply_to),
        session = session.hash.prefix(),
        method = method;
        more
    );
}

fn store(
    storage: &mut Storage,
    writes: &[AuthWrite],
    used: &[(SessionHash, SessionUse)],
) -> Result<(), StorageError> {
    storage.write(|tx| {
        for write in writes {
            match write {
                AuthWrite::Account(new) => {
                    let account = tx.insert_account(new)?;
                    let place = LoginPlace::of(&new.username.key(), &new.worker, new.near);
                    tx.store_login_place(account, &place, new.created)?;
                }
                AuthWrite::Session(stored) => {
                    let session = &stored.session;
                    // Transactions has deleted it: the session ends with the news of that.
                    if tx.is_deleted(session.account)? {
                        continue;
                    }
                    tx.insert_session(stored)?;
                    let near = Neighbourhood::of(session.client);
                    let place = LoginPlace::of(&session.username.key(), &session.worker, near);
                    tx.store_login_place(session.account, &place, session.since)?;
                }
                AuthWrite::Ended(hash) => tx.delete_session(hash)?,
                AuthWrite::Act(account, act) => tx.insert_access_act(*account, act)?,
                AuthWrite::Passed(hash, worker) => tx.insert_session_worker(hash, worker)?,
                AuthWrite::Renewed(account, old, new) => tx.renew_hash(*account, old, new)?,
                AuthWrite::Elsewhere(hash, account, name) => {
                    tx.set_token_elsewhere(hash)?;
                    tell_owner_of(tx, *account, OwnerNotice::TokenElsewhere, name.as_str())?;
                }
            }
        }
        for (hash, last) in used {
            tx.touch_session(hash, last)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
