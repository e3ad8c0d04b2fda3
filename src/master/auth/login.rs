//! spec/master/auth.md · 3.1.3, 4.6.1, 4.6.3, 4.7.2, 4.7.4
//!
//! `impl Auth`: logins and registrations, before and after the hashing pool computes.

use super::accounts::hidden_email;
use super::commit::{AuthSuccess, AuthWrite, PendingReply};
use super::{Auth, client_of, conflict_refusal, oldest_place};
use crate::master::messages::{
    AccountEvent, CountedLogin, HashJob, PendingLogin, PendingRegistration,
};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::accounts::{Credentials, NameConflict, NewAccount, StoredSession};
use crate::master::storage::login_places::LoginPlace;
use crate::model::session::PASSWORD_METHOD;
use crate::model::{
    AccountId, Email, HashedPass, Reason, Session, SessionId, SessionKind, SessionUse, SignInHash,
    Timestamp, Username,
};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::{Instruction, Refusal, Reply};
use std::time::Instant;

impl Auth {
    /// Checks the rate limits and hands the password to the pool. A login counts as failed before
    /// its hash is computed, for known and unknown names alike; a correct password takes the count
    /// back.
    pub(super) fn login(
        &mut self,
        reply_to: ReplyTo,
        username: Username,
        hashed_pass: HashedPass,
        expirable: bool,
    ) {
        let mut counted = CountedLogin {
            worker: reply_to.peer.worker.uuid,
            name: username.key(),
            near: Neighbourhood::of(reply_to.client_ip()),
            is_stranger: true,
            at: Instant::now(),
        };
        if !self.attempts.count_address(&counted) {
            self.count_failed(
                &reply_to,
                AccountEvent::RefusedLogin,
                "too-many-of-address",
                None,
            );
            return refuse_attempt(
                reply_to,
                "too many failed logins; wait a minute and try again",
            );
        }
        let place = LoginPlace::of(&counted.name, &counted.worker, counted.near);
        let since = oldest_place();
        let read = self.storage.read(|snapshot| {
            let is_known = snapshot.has_login_place(&place, since)?;
            Ok((is_known, snapshot.credentials(&username)?))
        });
        let (is_known, credentials) = match read {
            Ok(read) => read,
            Err(error) => {
                crate::error!("an account could not be read: {error}");
                // Nothing was counted for the name and the worker.
                counted.is_stranger = false;
                self.attempts.forgive(counted);
                return reply_to.fail(Instruction::Login, &Refusal::not_stored());
            }
        };
        counted.is_stranger = !is_known;
        if counted.is_stranger && !self.attempts.count_stranger(&counted) {
            // It stays counted for its address, so that trying on is not free.
            let text = "too many failed logins with this name, or through this worker, from where it has not logged \
                        in lately; try again later, or from where you logged in before";
            let user = credentials.as_ref().map(|it| &it.username);
            self.count_failed(
                &reply_to,
                AccountEvent::RefusedLogin,
                "too-many-of-name",
                user,
            );
            return refuse_attempt(reply_to, text);
        }
        let stored = credentials.as_ref().and_then(|c| c.pass_hash.clone());
        let known = stored.is_some();
        // An account without a password costs the same time, and is told whom to sign in with.
        let without = credentials.as_ref().filter(|_| !known);
        let third_party = without.and_then(|it| self.third_party_login(it.account));
        let stored = stored.unwrap_or_else(|| self.pool.decoy());
        let credentials = credentials.filter(|_| known);
        self.submit(HashJob::Verify {
            hashed_pass,
            stored,
            pending: Box::new(PendingLogin {
                reply_to,
                credentials,
                expirable,
                counted,
                third_party,
            }),
        });
    }

    /// Checks rate limit and name, and hands the password to the pool. A repeat of a stored
    /// registration gets its success.
    pub(super) fn register(
        &mut self,
        reply_to: ReplyTo,
        username: Username,
        email: Email,
        hashed_pass: HashedPass,
    ) {
        if reply_to.again {
            let (worker, boot) = (reply_to.peer.worker.uuid, reply_to.peer.boot);
            match self.storage.read(|snapshot| {
                snapshot.registered_by(&username, &worker, &boot, reply_to.sequence)
            }) {
                Ok(false) => {}
                Ok(true) => return reply_to.send(|out| Reply::RegisterSuccess.write(out)),
                Err(error) => {
                    crate::error!("whether an account was registered could not be read: {error}");
                    return reply_to.fail(Instruction::Register, &Refusal::not_stored());
                }
            }
        }
        if let Some(refusal) = hidden_email(&email) {
            return reply_to.fail(Instruction::Register, &refusal);
        }
        let now = Instant::now();
        let worker = reply_to.peer.worker.uuid;
        let near = Neighbourhood::of(reply_to.client_ip());
        if !self.registrations.allows(worker, near, now) {
            let text = "too many registrations from this address; wait a minute and try again";
            self.log_unregistered(&reply_to, "too-many-of-its-address");
            reply_to.fail(
                Instruction::Register,
                &Refusal::new(Reason::TooManyAttempts, text),
            );
            return;
        }
        match self
            .storage
            .read(|snapshot| snapshot.name_conflict(&username, Some(&email)))
        {
            Ok(NameConflict::Neither) => {
                self.registrations.count(worker, near, now);
                self.submit(HashJob::Hash {
                    hashed_pass,
                    pending: Box::new(PendingRegistration {
                        reply_to,
                        counted: now,
                        username,
                        email,
                    }),
                });
            }
            Ok(conflict) => {
                // Who asks whether a name or an e-mail address is taken pays for it.
                self.registrations.count(worker, near, now);
                self.log_unregistered(&reply_to, "taken");
                reply_to.fail(Instruction::Register, &conflict_refusal(conflict));
            }
            Err(error) => {
                crate::error!("whether a name is taken could not be read: {error}");
                reply_to.fail(Instruction::Register, &Refusal::not_stored());
            }
        }
    }

    /// Logs a registration that is refused, at most
    /// [`ATTEMPTS_LOGGED_MAX`](super::ATTEMPTS_LOGGED_MAX) times a minute for each reason.
    fn log_unregistered(&self, reply_to: &ReplyTo, reason: &'static str) {
        if let Some(more) = self.throttle.allow(reason) {
            let (worker, client) = (&reply_to.peer.worker.name, client_of(reply_to));
            crate::audit!("registration refused", reason = reason, worker = worker, client = client; more);
        }
    }

    /// Hands a job to the pool, and refuses the one that finds no room there: this one or
    /// another's.
    pub(super) fn submit(&mut self, job: HashJob) {
        let Some(job) = self.pool.submit(job) else {
            return;
        };
        match job {
            HashJob::Verify { pending, .. } => {
                // The password was never verified, so this is not a failed login.
                self.attempts.forgive(pending.counted);
                pending
                    .reply_to
                    .fail(Instruction::Login, &Refusal::master_overloaded());
            }
            HashJob::Change { pending, .. } => {
                let instruction = pending.change.instruction();
                if let Some(counted) = pending.counted {
                    self.attempts.forgive(counted);
                }
                pending
                    .reply_to
                    .fail(instruction, &Refusal::master_overloaded());
            }
            HashJob::Hash { pending, .. } => {
                // The master had no room: that is not the person's doing.
                let reply_to = pending.reply_to;
                let near = Neighbourhood::of(reply_to.client_ip());
                let worker = reply_to.peer.worker.uuid;
                self.registrations.forgive(worker, near, pending.counted);
                reply_to.fail(Instruction::Register, &Refusal::master_overloaded());
            }
        }
    }

    /// The pool has verified a login's password, and has made its hash anew if that was old.
    pub(super) fn on_verified(
        &mut self,
        pending: PendingLogin,
        matches: bool,
        renewed: Option<String>,
    ) {
        let PendingLogin {
            reply_to,
            credentials,
            expirable,
            counted,
            third_party,
        } = pending;
        if let Some(refusal) = third_party {
            self.count_failed(
                &reply_to,
                AccountEvent::FailedLogin,
                "has-no-password",
                None,
            );
            return reply_to.fail(Instruction::Login, &refusal);
        }
        let credentials = match credentials {
            Some(credentials) if matches => credentials,
            other => {
                self.attempts.keep_wrong(&reply_to, counted);
                let user = other.as_ref().map(|it| &it.username);
                let reason = user.map_or("unknown-name", |_| "wrong-password");
                self.count_failed(&reply_to, AccountEvent::FailedLogin, reason, user);
                return refuse_credentials(&reply_to);
            }
        };
        // Meanwhile the password may have been changed, or the account locked.
        let account = credentials.account;
        let now = self.storage.read(|s| s.credentials(&credentials.username));
        match now {
            Ok(Some(now)) if now.account == account && !self.was_changed(account, counted.at) => {
                self.attempts.forgive_wrong(&reply_to, &counted);
                self.attempts.forgive(counted);
                if now.is_locked {
                    let user = Some(&credentials.username);
                    self.count_failed(&reply_to, AccountEvent::FailedLogin, "locked", user);
                    return reply_to.fail(Instruction::Login, &Refusal::account_locked());
                }
            }
            Ok(_) => return refuse_credentials(&reply_to),
            Err(error) => {
                crate::error!("an account could not be read: {error}");
                return reply_to.fail(Instruction::Login, &Refusal::not_stored());
            }
        }
        if let (Some(new), Some(old)) = (renewed, credentials.pass_hash.clone()) {
            self.writes.push(AuthWrite::Renewed(account, old, new));
        }
        let method = PASSWORD_METHOD.to_owned();
        let instruction = Instruction::Login;
        self.create_session(reply_to, instruction, credentials, method, expirable, None);
    }

    /// Whether the password of an account was changed after that moment.
    pub(super) fn was_changed(&self, account: AccountId, asked: Instant) -> bool {
        let changed = self.changed_passwords.get(&account);
        changed.is_some_and(|changed| *changed >= asked)
    }

    /// The pool has hashed a registration's password; `None` if it failed.
    pub(super) fn on_hashed(&mut self, pending: PendingRegistration, pass_hash: Option<String>) {
        let reply_to = pending.reply_to;
        let Some(pass_hash) = pass_hash else {
            return reply_to.fail(Instruction::Register, &Refusal::not_stored());
        };
        let new = NewAccount {
            username: pending.username,
            email: Some(pending.email),
            pass_hash: Some(pass_hash),
            created: Timestamp::now(),
            starting_cash: self.starting_cash,
            worker: reply_to.peer.worker.uuid,
            boot: reply_to.peer.boot,
            sequence: reply_to.sequence,
            near: Neighbourhood::of(reply_to.client_ip()),
        };
        // Another registration may have taken the name since: in this turn, or in a committed one.
        let uncommitted = self.writes.iter().find_map(|write| match write {
            AuthWrite::Account(other) if other.username.key() == new.username.key() => {
                Some(NameConflict::Username)
            }
            AuthWrite::Account(other) if has_same_email(other, &new) => Some(NameConflict::Email),
            _ => None,
        });
        let committed = || {
            self.storage
                .read(|snapshot| snapshot.name_conflict(&new.username, new.email.as_ref()))
        };
        match uncommitted.map_or_else(committed, Ok) {
            Ok(NameConflict::Neither) => {
                if let Some(more) = self.throttle.allow("registration") {
                    let (worker, client) = (&reply_to.peer.worker.name, client_of(&reply_to));
                    crate::audit!("registration", user = new.username, worker = worker, client = client; more);
                }
                self.writes.push(AuthWrite::Account(new));
                self.count(AccountEvent::Registration, 1);
                let instruction = Instruction::Register;
                self.answers.push(PendingReply {
                    reply_to,
                    instruction,
                    success: AuthSuccess::Registered,
                });
            }
            Ok(conflict) => reply_to.fail(Instruction::Register, &conflict_refusal(conflict)),
            Err(error) => {
                crate::error!("whether a name is taken could not be read: {error}");
                reply_to.fail(Instruction::Register, &Refusal::not_stored());
            }
        }
    }

    /// Creates the session of a login by this method, which the commit stores and which answers the
    /// instruction. It uses the sign-in up once it is stored. The oldest sessions of an account that
    /// has too many end.
    pub(super) fn create_session(
        &mut self,
        reply_to: ReplyTo,
        instruction: Instruction,
        credentials: Credentials,
        method: String,
        expirable: bool,
        sign_in: Option<SignInHash>,
    ) {
        let mut bytes = [0; crate::model::session::SESSION_ID_BYTES];
        if let Err(error) = getrandom::fill(&mut bytes) {
            crate::error!("no session can be made without random bytes: {error}");
            return reply_to.fail(instruction, &Refusal::not_stored());
        }
        self.count(AccountEvent::Login, 1);
        let id = SessionId::from_bytes(bytes);
        zeroize::Zeroize::zeroize(&mut bytes);
        let now = Timestamp::now();
        let session = Session {
            hash: id.hash(),
            account: credentials.account,
            username: credentials.username,
            since: now,
            expiry: now.after(self.lifetime),
            client: reply_to.client_ip(),
            worker: reply_to.peer.worker.uuid,
            expirable,
            is_active: true,
            kind: SessionKind::Login(method),
            last_use: SessionUse {
                at: now,
                client: reply_to.client_ip(),
                worker: reply_to.peer.worker.uuid,
            },
        };
        for hash in self.sessions.surplus(session.account) {
            self.end(&hash, "too-many-sessions");
        }
        let stored = StoredSession {
            session,
            boot: reply_to.peer.boot,
            passed: Vec::new(),
        };
        self.writes.push(AuthWrite::Session(stored.clone()));
        let success = AuthSuccess::Session {
            id,
            session: Box::new(stored),
            sign_in,
        };
        self.answers.push(PendingReply {
            reply_to,
            instruction,
            success,
        });
    }
}

/// Whether two new accounts have the same e-mail address.
fn has_same_email(one: &NewAccount, other: &NewAccount) -> bool {
    let key = |account: &NewAccount| account.email.as_ref().map(Email::key);
    key(one).is_some() && key(one) == key(other)
}

fn refuse_credentials(reply_to: &ReplyTo) {
    let text = "unknown username or wrong password";
    let refusal = Refusal::new(Reason::BadCredentials, text);
    reply_to.fail(Instruction::Login, &refusal);
}

fn refuse_attempt(reply_to: ReplyTo, text: &'static str) {
    let refusal = Refusal::new(Reason::TooManyAttempts, text);
    reply_to.fail(Instruction::Login, &refusal);
}

#[cfg(test)]
mod tests;
