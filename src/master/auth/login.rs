//! spec/master/auth/login.md · 3.1.3, 4.6.1, 4.6.3, 4.7.2, 4.7.4
//!
//! Logging in and registering: what is checked before a password is hashed, and what follows from the hash.

use super::accounts::{self, Credentials, NameConflict, NewAccount, StoredSession};
use super::commit::{AuthSuccess, AuthWrite, PendingReply, internal};
use super::hashing::{HashJob, HashOutcome};
use super::{Auth, HashPurpose, PendingHash, taken_refusal};
use crate::master::reply_to::ReplyTo;
use crate::master::router::overloaded;
use crate::model::{Email, HashedPass, Reason, Session, SessionId, Timestamp, Username};
use crate::net::connection_limiter::neighbourhood;
use crate::wire::{Instruction, Refusal, Reply};
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
        let credentials = match accounts::credentials(&self.database, &username) {
            Ok(credentials) => credentials,
            Err(error) => {
                crate::error!("an account could not be read: {error}");
                reply_to.fail(Instruction::Login, &internal());
                return;
            }
        };
        self.logins.count(&key, now);
        self.logins_by_address.count(&address, now);
        let stored = credentials.as_ref().and_then(|c| c.pass_hash.clone());
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.pool.decoy());
        let credentials = credentials.filter(|_| known);
        let what = HashPurpose::Login {
            credentials,
            expirable,
            counted: (key.0, address, now),
        };
        self.submit(HashJob::Verify {
            hashed_pass,
            stored,
            pending: PendingHash { reply_to, what },
        });
    }

    pub(super) fn register(
        &mut self,
        reply_to: ReplyTo,
        username: Username,
        email: Email,
        hashed_pass: HashedPass,
    ) {
        let boot = reply_to.peer.boot;
        if reply_to.again
            && accounts::registered_by(&self.database, &username, &boot, reply_to.sequence) == Ok(true)
        {
            reply_to.send(|out| Reply::RegisterSuccess.write(out));
            return;
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
        match accounts::taken(&self.database, &username, &email) {
            Ok(NameConflict::Neither) => {
                self.registrations.count(&address, now);
                let what = HashPurpose::Register { username, email };
                self.submit(HashJob::Hash {
                    hashed_pass,
                    pending: PendingHash { reply_to, what },
                });
            }
            Ok(taken) => reply_to.fail(Instruction::Register, &taken_refusal(taken)),
            Err(error) => {
                crate::error!("whether a name is taken could not be read: {error}");
                reply_to.fail(Instruction::Register, &internal());
            }
        }
    }

    fn submit(&mut self, job: HashJob) {
        if let Err(pending) = self.pool.submit(job) {
            match pending.what {
                HashPurpose::Login {
                    counted: (name, address, at),
                    ..
                } => {
                    // It was never tried, so it is no failure.
                    self.logins.forgive(&(name, address), at);
                    self.logins_by_address.forgive(&address, at);
                    pending.reply_to.fail(Instruction::Login, &overloaded());
                }
                HashPurpose::Register { .. } => pending.reply_to.fail(Instruction::Register, &overloaded()),
            }
        }
    }

    /// A hash has been computed.
    pub(super) fn computed(&mut self, outcome: HashOutcome) {
        match outcome {
            HashOutcome::Verified(
                PendingHash {
                    reply_to,
                    what:
                        HashPurpose::Login {
                            credentials,
                            expirable,
                            counted,
                        },
                },
                fits,
            ) => {
                let Some(credentials) = credentials.filter(|_| fits) else {
                    let text = "unknown username or wrong password";
                    reply_to.fail(Instruction::Login, &Refusal::new(Reason::BadCredentials, text));
                    return;
                };
                let (name, address, at) = counted;
                self.logins.forgive(&(name, address), at);
                self.logins_by_address.forgive(&address, at);
                self.create_session(reply_to, credentials, expirable);
            }
            HashOutcome::Hashed(
                PendingHash {
                    reply_to,
                    what: HashPurpose::Register { username, email },
                },
                Some(pass_hash),
            ) => {
                let new = NewAccount {
                    username,
                    email,
                    pass_hash,
                    created: Timestamp::now(),
                    starting_cash: self.starting_cash,
                    boot: reply_to.peer.boot,
                    sequence: reply_to.sequence,
                };
                // Another registration of the name may have been committed, or be about to be.
                let pending = self.writes.iter().find_map(|write| match write {
                    AuthWrite::Account(other) if other.username.key() == new.username.key() => {
                        Some(NameConflict::Username)
                    }
                    AuthWrite::Account(other) if other.email.key() == new.email.key() => {
                        Some(NameConflict::Email)
                    }
                    _ => None,
                });
                match pending.map_or_else(|| accounts::taken(&self.database, &new.username, &new.email), Ok) {
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
                    Err(_) => reply_to.fail(Instruction::Register, &internal()),
                }
            }
            HashOutcome::Hashed(pending, _) | HashOutcome::Verified(pending, _) => {
                pending.reply_to.fail(Instruction::Register, &internal());
            }
        }
    }

    fn create_session(&mut self, reply_to: ReplyTo, credentials: Credentials, expirable: bool) {
        let mut bytes = [0; crate::model::session::SESSION_ID_BYTES];
        if let Err(error) = getrandom::fill(&mut bytes) {
            crate::error!("no session can be made without random bytes: {error}");
            reply_to.fail(Instruction::Login, &internal());
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
