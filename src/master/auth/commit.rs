//! spec/master/auth/commit.md · 3.1.3, 3.1.2
//!
//! What was decided is committed, told to the workers, and answered, in this order.

use super::accounts::{self, Kept, NewAccount};
use super::{Auth, TOUCH, active};
use crate::link::message::{self, HASHES_MAX, SessionHashes, SessionState};
use crate::master::database;
use crate::master::route::{Replies, Route};
use crate::model::{Reason, SessionHash, SessionId, Stamp};
use crate::wire::{Instruction, Refusal, Reply, reply};
use rusqlite::Connection;
use std::time::Instant;

/// A change that the next commit makes.
pub(super) enum Write {
    Account(NewAccount),
    Session(Kept),
    Ended(SessionHash),
}

/// A reply that waits for the commit.
pub(super) struct Answer {
    pub(super) route: Route,
    pub(super) instruction: Instruction,
    pub(super) success: Success,
}

pub(super) enum Success {
    Registered,
    Session(SessionId, Kept),
    LoggedOut,
}

pub(super) fn internal() -> Refusal {
    Refusal::new(
        Reason::InternalError,
        "the master could not store it; try again later",
    )
}

impl Auth {
    /// Commits what was decided, and then says so.
    pub(super) fn commit(&mut self) {
        let now = Instant::now();
        let mut used = Vec::new();
        if now.saturating_duration_since(self.touched) >= TOUCH {
            self.touched = now;
            used = self.sessions.take_used();
            self.logins.tidy(now);
            self.logins_by_address.tidy(now);
            self.registrations.tidy(now);
        }
        if !self.writes.is_empty() || !used.is_empty() {
            let stored = store(&mut self.database, &self.writes, &used);
            if let Err(error) = &stored {
                crate::error!("accounts and sessions could not be stored: {error}");
            }
            // First the workers: whoever hears of a success finds the session gone everywhere.
            self.tell_ended();
            self.settle(stored.is_ok());
        } else if !self.answers.is_empty() {
            self.settle(true);
        }
    }

    fn settle(&mut self, stored: bool) {
        let writes = std::mem::take(&mut self.writes);
        if !stored {
            // What ended stays ended in memory, and its row goes with the next commit.
            self.writes.extend(
                writes
                    .into_iter()
                    .filter(|write| matches!(write, Write::Ended(_))),
            );
        }
        let workers = self.neighbours.addresses.load();
        let mut replies = Replies::new();
        for Answer {
            route,
            instruction,
            success,
        } in std::mem::take(&mut self.answers)
        {
            match success {
                _ if !stored => {
                    replies.add(route, |out| reply::write_fail(out, instruction, &internal()));
                }
                Success::LoggedOut => replies.add(route, |out| Reply::LogoutSuccess.write(out)),
                Success::Registered => replies.add(route, |out| Reply::RegisterSuccess.write(out)),
                Success::Session(id, kept) => {
                    let state = SessionState {
                        hash: kept.session.hash,
                        active: Some(active(&kept)),
                    };
                    replies.add(route, |out| {
                        message::write(out, Instruction::LinkSession, &state);
                        Reply::Session {
                            id,
                            workers: workers.to_vec(),
                        }
                        .write(out);
                    });
                    self.sessions.insert(kept);
                }
            }
        }
        replies.send();
    }

    /// Every worker is told of every session that has ended.
    fn tell_ended(&mut self) {
        if self.ended.is_empty() {
            return;
        }
        let ended = std::mem::take(&mut self.ended);
        for peer in self.neighbours.peers.load().iter() {
            for part in ended.chunks(HASHES_MAX) {
                let hashes = SessionHashes(part.to_vec());
                peer.push(|out| message::write(out, Instruction::LinkSessionsEnded, &hashes));
            }
        }
    }
}

fn store(database: &mut Connection, writes: &[Write], used: &[(SessionHash, Stamp)]) -> rusqlite::Result<()> {
    let transaction = database::begin(database)?;
    for write in writes {
        match write {
            Write::Account(new) => accounts::insert(&transaction, new)?,
            Write::Session(kept) => accounts::insert_session(&transaction, kept)?,
            Write::Ended(hash) => accounts::delete_session(&transaction, hash)?,
        }
    }
    for (hash, when) in used {
        accounts::touch_session(&transaction, hash, *when)?;
    }
    database::commit(transaction)
}
