//! spec/master/auth/login.md · 3.1.3, 4.6.1, 4.6.3, 4.7.2, 4.7.4
//!
//! `impl Auth`, logging in and registering: what is checked before a password is hashed, and what follows from the hash.

use super::commit::{AuthSuccess, AuthWrite, PendingReply};
use super::{Auth, taken_refusal};
use crate::master::messages::{HashJob, PendingLogin, PendingRegistration};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::accounts::{Credentials, NameConflict, NewAccount, StoredSession};
use crate::model::{Email, HashedPass, Reason, Session, SessionId, Timestamp, Username};
use crate::net::connection_limiter::neighbourhood;
use crate::wire::{Instruction, Refusal, Reply};
use std::net::IpAddr;
use std::time::Instant;

impl Auth {
    /// Failed logins are counted before the hash is computed, and alike for names that exist and names
    /// that do not; who turns out to be right is forgiven.
    pub(super) fn login(
        &mut self,
        reply_to: ReplyTo,
        username: Username,
        hashed_pass: HashedPass,
        expirable: bool,
    ) {
        let now = Instant::now();
        let address = neighbourhood(reply_to.client_ip());
        let key = (username.key(), address);
        if !self.logins.allows(&key, now) || !self.logins_by_address.allows(&address, now) {
            let text = "too many failed logins; wait a minute and try again";
            reply_to.fail(Instruction::Login, &Refusal::new(Reason::TooManyAttempts, text));
            return;
        }
        let credentials = match self.storage.read(|snapshot| snapshot.credentials(&username)) {
            Ok(credentials) => credentials,
            Err(error) => {
                crate::error!("an account could not be read: {error}");
                reply_to.fail(Instruction::Login, &Refusal::not_stored());
                return;
            }
        };
        self.logins.count(&key, now);
        self.logins_by_address.count(&address, now);
        let stored = credentials.as_ref().and_then(|c| c.pass_hash.clone());
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.pool.decoy());
        let credentials = credentials.filter(|_| known);
        self.submit(HashJob::Verify {
            hashed_pass,
            stored,
            pending: Box::new(PendingLogin {
                reply_to,
                credentials,
                expirable,
                counted: (key.0, address, now),
            }),
        });
    }

    pub(super) fn register(
        &mut self,
        reply_to: ReplyTo,
        username: Username,
        email: Email,
        hashed_pass: HashedPass,
    ) {
        if reply_to.again {
            let (boot, sequence) = (reply_to.peer.boot, reply_to.sequence);
            match self
                .storage
                .read(|snapshot| snapshot.registered_by(&username, &boot, sequence))
            {
                Ok(false) => {}
                Ok(true) => return reply_to.send(|out| Reply::RegisterSuccess.write(out)),
                Err(error) => {
                    crate::error!("whether an account was registered could not be read: {error}");
                    return reply_to.fail(Instruction::Register, &Refusal::not_stored());
                }
            }
        }
        let now = Instant::now();
        let address = neighbourhood(reply_to.client_ip());
        if !self.registrations.allows(&address, now) {
            let text = "too many registrations from this address; wait a minute and try again";
            reply_to.fail(
                Instruction::Register,
                &Refusal::new(Reason::TooManyAttempts, text),
            );
            return;
        }
        match self
            .storage
            .read(|snapshot| snapshot.name_conflict(&username, &email))
        {
            Ok(NameConflict::Neither) => {
                self.registrations.count(&address, now);
                self.submit(HashJob::Hash {
                    hashed_pass,
                    pending: Box::new(PendingRegistration {
                        reply_to,
                        username,
                        email,
                    }),
                });
            }
            Ok(taken) => reply_to.fail(Instruction::Register, &taken_refusal(taken)),
            Err(error) => {
                crate::error!("whether a name is taken could not be read: {error}");
                reply_to.fail(Instruction::Register, &Refusal::not_stored());
            }
        }
    }

    fn submit(&mut self, job: HashJob) {
        let Err(job) = self.pool.submit(job) else { return };
        match *job {
            HashJob::Verify { pending, .. } => {
                // It was never tried, so it is no failure.
                self.forgive(pending.counted);
                pending
                    .reply_to
                    .fail(Instruction::Login, &Refusal::master_overloaded());
            }
            HashJob::Hash { pending, .. } => pending
                .reply_to
                .fail(Instruction::Register, &Refusal::master_overloaded()),
        }
    }

    fn forgive(&mut self, (name, address, at): (String, IpAddr, Instant)) {
        self.logins.forgive(&(name, address), at);
        self.logins_by_address.forgive(&address, at);
    }

    /// A login's password has been verified.
    pub(super) fn verified(&mut self, pending: PendingLogin, fits: bool) {
        let PendingLogin {
            reply_to,
            credentials,
            expirable,
            counted,
        } = pending;
        let Some(credentials) = credentials.filter(|_| fits) else {
            let text = "unknown username or wrong password";
            reply_to.fail(Instruction::Login, &Refusal::new(Reason::BadCredentials, text));
            return;
        };
        self.forgive(counted);
        self.create_session(reply_to, credentials, expirable);
    }

    /// A registration's password has been hashed, or could not be.
    pub(super) fn hashed(&mut self, pending: PendingRegistration, pass_hash: Option<String>) {
        let reply_to = pending.reply_to;
        let Some(pass_hash) = pass_hash else {
            return reply_to.fail(Instruction::Register, &Refusal::not_stored());
        };
        let new = NewAccount {
            username: pending.username,
            email: pending.email,
            pass_hash,
            created: Timestamp::now(),
            starting_cash: self.starting_cash,
            boot: reply_to.peer.boot,
            sequence: reply_to.sequence,
        };
        // Another registration of the name may have been committed, or be about to be.
        let undecided = self.writes.iter().find_map(|write| match write {
            AuthWrite::Account(other) if other.username.key() == new.username.key() => {
                Some(NameConflict::Username)
            }
            AuthWrite::Account(other) if other.email.key() == new.email.key() => Some(NameConflict::Email),
            _ => None,
        });
        let stored = || {
            self.storage
                .read(|snapshot| snapshot.name_conflict(&new.username, &new.email))
        };
        match undecided.map_or_else(stored, Ok) {
            Ok(NameConflict::Neither) => {
                self.writes.push(AuthWrite::Account(new));
                let instruction = Instruction::Register;
                self.answers.push(PendingReply {
                    reply_to,
                    instruction,
                    success: AuthSuccess::Registered,
                });
            }
            Ok(taken) => reply_to.fail(Instruction::Register, &taken_refusal(taken)),
            Err(error) => {
                crate::error!("whether a name is taken could not be read: {error}");
                reply_to.fail(Instruction::Register, &Refusal::not_stored());
            }
        }
    }

    fn create_session(&mut self, reply_to: ReplyTo, credentials: Credentials, expirable: bool) {
        let mut bytes = [0; crate::model::session::SESSION_ID_BYTES];
        if let Err(error) = getrandom::fill(&mut bytes) {
            crate::error!("no session can be made without random bytes: {error}");
            reply_to.fail(Instruction::Login, &Refusal::not_stored());
            return;
        }
        let id = SessionId::from_bytes(bytes);
        zeroize::Zeroize::zeroize(&mut bytes);
        let now = Timestamp::now();
        let session = Session {
            hash: id.hash(),
            account: credentials.account,
            username: credentials.username,
            since: now,
            expiry: Timestamp(now.0.saturating_add(self.lifetime)),
            client: reply_to.client_ip(),
            worker: reply_to.peer.worker.uuid,
            expirable,
            is_active: true,
            last_used: now,
        };
        for hash in self.sessions.surplus(session.account) {
            self.end(&hash);
        }
        let kept = StoredSession {
            session,
            boot: reply_to.peer.boot,
        };
        self.writes.push(AuthWrite::Session(kept.clone()));
        let success = AuthSuccess::Session(id, kept);
        self.answers.push(PendingReply {
            reply_to,
            instruction: Instruction::Login,
            success,
        });
    }
}

#[cfg(test)]
mod tests;
