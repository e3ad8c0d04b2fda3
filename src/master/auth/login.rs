//! spec/master/auth/login.md · 3.1.3, 4.6.1, 4.6.3, 4.7.2, 4.7.4
//!
//! Logging in and registering: what is checked before a password is hashed, and what follows from the hash.

use super::accounts::{self, Credentials, Kept, NewAccount, Taken};
use super::attempts::neighbourhood;
use super::commit::{Answer, Success, Write, internal};
use super::hashing::{Job, Outcome};
use super::{Auth, Pending, What, taken_refusal};
use crate::master::route::Route;
use crate::master::router::overloaded;
use crate::model::{Email, HashedPass, Reason, Session, SessionId, Stamp, Username};
use crate::wire::{Instruction, Refusal, Reply};
use std::time::Instant;

impl Auth {
    /// Failed logins are counted before the hash is computed, and alike for names that exist and names
    /// that do not; who turns out to be right is forgiven.
    pub(super) fn login(
        &mut self,
        route: Route,
        username: Username,
        hashed_pass: HashedPass,
        expirable: bool,
    ) {
        let now = Instant::now();
        let address = neighbourhood(route.client_ip());
        let key = (username.key(), address);
        if !self.logins.allows(&key, now) || !self.logins_by_address.allows(&address, now) {
            let text = "too many failed logins; wait a minute and try again";
            route.fail(Instruction::Login, &Refusal::new(Reason::TooManyAttempts, text));
            return;
        }
        let credentials = match accounts::credentials(&self.database, &username) {
            Ok(credentials) => credentials,
            Err(error) => {
                crate::error!("an account could not be read: {error}");
                route.fail(Instruction::Login, &internal());
                return;
            }
        };
        self.logins.count(&key, now);
        self.logins_by_address.count(&address, now);
        let stored = credentials.as_ref().and_then(|c| c.pass_hash.clone());
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.pool.decoy());
        let credentials = credentials.filter(|_| known);
        let what = What::Login {
            credentials,
            expirable,
            counted: (key.0, address, now),
        };
        self.submit(Job::Verify {
            hashed_pass,
            stored,
            pending: Pending { route, what },
        });
    }

    pub(super) fn register(
        &mut self,
        route: Route,
        username: Username,
        email: Email,
        hashed_pass: HashedPass,
    ) {
        let boot = route.peer.boot;
        if route.again
            && accounts::registered_by(&self.database, &username, &boot, route.sequence) == Ok(true)
        {
            route.send(|out| Reply::RegisterSuccess.write(out));
            return;
        }
        let now = Instant::now();
        let address = neighbourhood(route.client_ip());
        if !self.registrations.allows(&address, now) {
            let text = "too many registrations from this address; wait a minute and try again";
            route.fail(
                Instruction::Register,
                &Refusal::new(Reason::TooManyAttempts, text),
            );
            return;
        }
        match accounts::taken(&self.database, &username, &email) {
            Ok(Taken::Neither) => {
                self.registrations.count(&address, now);
                let what = What::Register { username, email };
                self.submit(Job::Hash {
                    hashed_pass,
                    pending: Pending { route, what },
                });
            }
            Ok(taken) => route.fail(Instruction::Register, &taken_refusal(taken)),
            Err(error) => {
                crate::error!("whether a name is taken could not be read: {error}");
                route.fail(Instruction::Register, &internal());
            }
        }
    }

    fn submit(&mut self, job: Job) {
        if let Err(pending) = self.pool.submit(job) {
            match pending.what {
                What::Login {
                    counted: (name, address, at),
                    ..
                } => {
                    // It was never tried, so it is no failure.
                    self.logins.forgive(&(name, address), at);
                    self.logins_by_address.forgive(&address, at);
                    pending.route.fail(Instruction::Login, &overloaded());
                }
                What::Register { .. } => pending.route.fail(Instruction::Register, &overloaded()),
            }
        }
    }

    /// A hash has been computed.
    pub(super) fn computed(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Verified(
                Pending {
                    route,
                    what:
                        What::Login {
                            credentials,
                            expirable,
                            counted,
                        },
                },
                fits,
            ) => {
                let Some(credentials) = credentials.filter(|_| fits) else {
                    let text = "unknown username or wrong password";
                    route.fail(Instruction::Login, &Refusal::new(Reason::BadCredentials, text));
                    return;
                };
                let (name, address, at) = counted;
                self.logins.forgive(&(name, address), at);
                self.logins_by_address.forgive(&address, at);
                self.mint(route, credentials, expirable);
            }
            Outcome::Hashed(
                Pending {
                    route,
                    what: What::Register { username, email },
                },
                Some(pass_hash),
            ) => {
                let new = NewAccount {
                    username,
                    email,
                    pass_hash,
                    created: Stamp::now(),
                    starting_cash: self.starting_cash,
                    boot: route.peer.boot,
                    sequence: route.sequence,
                };
                // Another registration of the name may have been committed, or be about to be.
                let pending = self.writes.iter().find_map(|write| match write {
                    Write::Account(other) if other.username.key() == new.username.key() => {
                        Some(Taken::Username)
                    }
                    Write::Account(other) if other.email.key() == new.email.key() => Some(Taken::Email),
                    _ => None,
                });
                match pending.map_or_else(|| accounts::taken(&self.database, &new.username, &new.email), Ok) {
                    Ok(Taken::Neither) => {
                        self.writes.push(Write::Account(new));
                        let instruction = Instruction::Register;
                        self.answers.push(Answer {
                            route,
                            instruction,
                            success: Success::Registered,
                        });
                    }
                    Ok(taken) => route.fail(Instruction::Register, &taken_refusal(taken)),
                    Err(_) => route.fail(Instruction::Register, &internal()),
                }
            }
            Outcome::Hashed(pending, _) | Outcome::Verified(pending, _) => {
                pending.route.fail(Instruction::Register, &internal());
            }
        }
    }

    fn mint(&mut self, route: Route, credentials: Credentials, expirable: bool) {
        let mut bytes = [0; crate::model::session::SESSION_ID_BYTES];
        if let Err(error) = getrandom::fill(&mut bytes) {
            crate::error!("no session can be made without random bytes: {error}");
            route.fail(Instruction::Login, &internal());
            return;
        }
        let id = SessionId::from_bytes(bytes);
        zeroize::Zeroize::zeroize(&mut bytes);
        let now = Stamp::now();
        let session = Session {
            hash: id.hash(),
            account: credentials.account,
            username: credentials.username,
            since: now,
            expiry: Stamp(now.0.saturating_add(self.lifetime)),
            client: route.client_ip(),
            worker: route.peer.worker.uuid,
            expirable,
            is_active: true,
            last_used: now,
        };
        for hash in self.sessions.surplus(session.account) {
            self.end(&hash);
        }
        let kept = Kept {
            session,
            boot: route.peer.boot,
        };
        self.writes.push(Write::Session(kept.clone()));
        let success = Success::Session(id, kept);
        self.answers.push(Answer {
            route,
            instruction: Instruction::Login,
            success,
        });
    }
}
