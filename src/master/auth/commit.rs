//! spec/master/auth/commit.md · 3.1.3, 3.1.2
//!
//! `impl Auth`, the end of a turn: what was decided is committed, told to the workers, and answered, in this order.

use super::{Auth, TOUCH, active};
use crate::link::message::{self, HASHES_MAX, SessionHashes, SessionState};
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::master::storage::accounts::{NewAccount, StoredSession};
use crate::master::storage::{Storage, StorageError};
use crate::model::{SessionHash, SessionId, Timestamp};
use crate::wire::{Instruction, Refusal, Reply, reply};
use std::time::Instant;

/// A change that the next commit makes.
pub(super) enum AuthWrite {
    Account(NewAccount),
    Session(StoredSession),
    Ended(SessionHash),
}

/// A reply that waits for the commit.
pub(super) struct PendingReply {
    pub(super) reply_to: ReplyTo,
    pub(super) instruction: Instruction,
    pub(super) success: AuthSuccess,
}

pub(super) enum AuthSuccess {
    Registered,
    Session(SessionId, StoredSession),
    LoggedOut,
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
            let stored = store(&mut self.storage, &self.writes, &used);
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
                    .filter(|write| matches!(write, AuthWrite::Ended(_))),
            );
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
                AuthSuccess::LoggedOut => replies.add(reply_to, |out| Reply::LogoutSuccess.write(out)),
                AuthSuccess::Registered => replies.add(reply_to, |out| Reply::RegisterSuccess.write(out)),
                AuthSuccess::Session(id, kept) => {
                    let state = SessionState {
                        hash: kept.session.hash,
                        active: Some(active(&kept)),
                    };
                    replies.add(reply_to, |out| {
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
        for peer in self.channels.peers.load().iter() {
            for part in ended.chunks(HASHES_MAX) {
                let hashes = SessionHashes(part.to_vec());
                peer.push(|out| message::write(out, Instruction::LinkSessionsEnded, &hashes));
            }
        }
    }
}

fn store(
    storage: &mut Storage,
    writes: &[AuthWrite],
    used: &[(SessionHash, Timestamp)],
) -> Result<(), StorageError> {
    storage.write(|tx| {
        for write in writes {
            match write {
                AuthWrite::Account(new) => tx.insert_account(new)?,
                AuthWrite::Session(kept) => tx.insert_session(kept)?,
                AuthWrite::Ended(hash) => tx.delete_session(hash)?,
            }
        }
        for (hash, when) in used {
            tx.touch_session(hash, *when)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
