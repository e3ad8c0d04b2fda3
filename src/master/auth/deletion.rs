//! spec/master/auth/deletion.md · 3.1.3, 4.1 (basic error handling)
//!
//! `impl Auth`: accounts that are deleted, by their owners or administrators, or locked. Transactions
//! commits a deletion, with the end of the account's orders.
//!
//! Tests: `src/master/auth/deletion/tests.rs`, `tests/suite/master/deletion.rs`.

use super::Auth;
use super::accounts::{succeed, tell_owner};
use crate::master::messages::{
    AccountCancellation, AccountChange, AccountEnd, AccountEvent, AdminAct, AuthMessage,
    CancellationWrites, DeletionAsker, PendingChange, PendingDeletion, TransactionsMessage,
};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::Tx;
use crate::master::storage::accounts::Credentials;
use crate::master::storage::acts::{AccountAct, ActKind};
use crate::model::{
    AccountId, Email, HashedPass, OwnerNotice, Reason, SessionHash, SessionId, Timestamp, Username,
};
use crate::runtime::failpoint;
use crate::wire::{Instruction, Refusal};
use crossbeam_channel::{Sender, TrySendError};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Mails in an hour that tell an address, which nobody has proven to be the account's, of deletions:
/// it may be a stranger's, and its accounts be made to be deleted.
pub const DELETION_MAILS_PER_HOUR_MAX: u32 = 3;
/// Deletions and locks that are asked for and not made yet: an update comes first. Further ones are
/// refused.
const CANCELLATIONS_MAX: usize = 1024;
/// Those of one account: a request that is sent again over another worker is one more.
const CANCELLATIONS_PER_ACCOUNT_MAX: usize = 4;
/// What the log calls it.
const DELETION: &str = "a deletion";

impl Auth {
    /// Deletes the account of a session, once its password is verified.
    pub(super) fn delete_account(
        &mut self,
        reply_to: ReplyTo,
        session: &SessionId,
        given: Option<HashedPass>,
    ) {
        let (instruction, hash) = (Instruction::DeleteAccount, session.hash());
        if self.sessions.get(&hash, Timestamp::now()).is_none() {
            match self.storage.read(|snapshot| snapshot.deleted_by(&hash)) {
                // A repeat, perhaps over another worker: its answer was lost.
                Ok(Some(_)) => return succeed(&reply_to, None),
                Ok(None) => {}
                Err(error) => {
                    crate::error!("an account could not be read: {error}");
                    return reply_to.fail(instruction, &Refusal::not_stored());
                }
            }
        }
        if let Some(owner) = self.owner(&reply_to, instruction, session) {
            self.confirm(reply_to, &owner, given, None, AccountChange::Deletion);
        }
    }

    /// Deletes an account whose owner has confirmed it.
    pub(super) fn delete_confirmed(&mut self, pending: PendingChange) {
        let deletion = PendingDeletion {
            account: pending.account,
            username: pending.username,
            asker: DeletionAsker::Owner(pending.reply_to),
            is_made: Arc::default(),
        };
        self.begin_deletion(deletion, pending.session);
    }

    /// Deletes the account with this name for an administrator.
    pub(super) fn delete_named(
        &mut self,
        username: &Username,
        act: AdminAct,
        reply: Sender<Result<AccountEnd, String>>,
    ) {
        match self.account_named(username) {
            Ok(found) => {
                let deletion = PendingDeletion {
                    account: found.account,
                    username: found.username,
                    asker: DeletionAsker::Administrator(act, reply),
                    is_made: Arc::default(),
                };
                self.begin_deletion(deletion, None);
            }
            Err(why) => {
                let _ = reply.try_send(Err(why));
            }
        }
    }

    /// The account with this name, after the commit of what the turn has brought.
    fn account_named(&mut self, username: &Username) -> Result<Credentials, String> {
        self.commit();
        let found = self.storage.read(|s| s.credentials(username));
        let found = found.map_err(|error| format!("the database failed: {error}"))?;
        found.ok_or_else(|| format!("there is no user {username}"))
    }

    /// Has transactions delete an account, once no update is under way. `by` is the session that
    /// asks for it; it must be active then.
    fn begin_deletion(&mut self, deletion: PendingDeletion, by: Option<SessionHash>) {
        let account = deletion.account;
        let Some(held) = self.room_for_end(account) else {
            return deletion.asker.refuse(&Refusal::master_overloaded());
        };
        let is_told = self.may_tell_deletion(account, &deletion.username);
        let is_made = Arc::clone(&deletion.is_made);
        let (username, act) = (deletion.username.clone(), deletion.asker.act());
        let writes: CancellationWrites = Box::new(move |tx: &mut Tx<'_>| {
            if let Some(Err(text)) = act.as_ref().map(|act| act.in_time(DELETION, &username)) {
                return Ok(Err(Refusal::new(Reason::Overloaded, text)));
            }
            // Two have asked for it at once.
            if tx.is_deleted(account)? {
                return Ok(Ok(()));
            }
            if let Some(by) = &by
                && !tx.has_session(by)?
            {
                return Ok(Err(Refusal::session_expired()));
            }
            // Before the address goes, and the mails that wait.
            if is_told {
                tell_owner(tx, account, OwnerNotice::AccountDeleted)?;
            }
            let is_there = tx.erase_account(account, by.as_ref(), Timestamp::now())?;
            is_made.store(is_there, Ordering::Relaxed);
            failpoint::point("deletion-stored");
            Ok(Ok(()))
        });
        let inbox = self.channels.auth.clone();
        self.end_orders(AccountCancellation {
            account,
            order: None,
            by: None,
            is_deletion: true,
            writes: Some(writes),
            // Auth waits for nobody, so it takes this soon.
            done: Box::new(move |outcome| {
                let _held = held;
                let _ = inbox.send(AuthMessage::Deleted(Box::new(deletion), outcome));
            }),
        });
    }

    /// Whether the owner of an account is told by mail that it is deleted.
    fn may_tell_deletion(&mut self, account: AccountId, username: &Username) -> bool {
        let read = self.storage.read(|snapshot| {
            let record = snapshot.user_record(&username.key())?;
            Ok((record, snapshot.has_proven_email(account)?))
        });
        let Ok((Some(record), is_proven)) = read else {
            return false;
        };
        let address = record.email.and_then(|email| Email::parse(&email).ok());
        let Some(address) = address.filter(|_| !is_proven) else {
            return true;
        };
        let (key, now) = (address.key(), Instant::now());
        let is_told = self.deletion_mails.allows(&key, now);
        if is_told {
            self.deletion_mails.count(&key, now);
        }
        is_told
    }

    /// An account is deleted, or not.
    pub(super) fn on_deleted(
        &mut self,
        deletion: PendingDeletion,
        outcome: Result<usize, Refusal>,
    ) {
        let PendingDeletion {
            account,
            username,
            asker,
            is_made,
        } = deletion;
        let orders = match outcome {
            Ok(orders) => orders,
            Err(refusal) => return asker.refuse(&refusal),
        };
        // Sessions that were begun before auth heard of it.
        self.commit();
        let ended = self.sessions.all_but(account, None);
        self.end_all(&ended, "deletion");
        // Before the answer, so that its reader finds the sessions ended at every worker.
        self.push_ended();
        self.note_changed_password(account);
        let sessions = ended.len();
        let is_made = is_made.load(Ordering::Relaxed);
        if is_made {
            self.count(AccountEvent::Deletion, 1);
            self.log_emptying.ask();
        }
        match asker {
            DeletionAsker::Owner(reply_to) => {
                if is_made {
                    crate::audit!(
                        "account delete",
                        user = username,
                        account = account.0,
                        by = "owner",
                        sessions = sessions,
                        orders = orders,
                    );
                }
                succeed(&reply_to, None);
            }
            DeletionAsker::Administrator(_, reply) if !is_made => {
                let _ = reply.try_send(Err(format!("there is no user {username}")));
            }
            DeletionAsker::Administrator(act, reply) => {
                crate::audit!(
                    "account delete",
                    user = username,
                    account = account.0,
                    by = act.caller,
                    sessions = sessions,
                    orders = orders,
                );
                let end = AccountEnd {
                    account,
                    username,
                    sessions,
                    orders,
                };
                let _ = reply.try_send(Ok(end));
            }
        }
    }

    /// Locks an account, which ends its sessions and tokens at once and then its orders, or unlocks
    /// it. Answers when all is done, or why it is not: no account has the name, it is so already, or
    /// the database fails.
    pub(super) fn lock(
        &mut self,
        username: &Username,
        is_locked: bool,
        act: AdminAct,
        reply: Sender<Result<AccountEnd, String>>,
    ) {
        let what = if is_locked { "a lock" } else { "an unlock" };
        let in_time = act.in_time(what, username);
        let (end, held) = match in_time.and_then(|()| self.set_locked(username, is_locked, &act)) {
            Ok(set) => set,
            Err(why) => {
                let _ = reply.try_send(Err(why));
                return;
            }
        };
        if !is_locked {
            crate::audit!("account unlock", user = end.username, by = act.caller);
            let _ = reply.try_send(Ok(end));
            return;
        }
        // Transactions says how many orders end, which may be long after.
        crate::audit!(
            "account lock",
            user = end.username,
            by = act.caller,
            sessions = end.sessions,
        );
        self.end_orders(AccountCancellation {
            account: end.account,
            order: None,
            by: None,
            is_deletion: false,
            writes: None,
            done: Box::new(move |outcome| {
                if let Ok(orders) = &outcome {
                    crate::audit!(
                        "account lock: orders cancelled",
                        user = end.username,
                        orders = orders
                    );
                }
                let _held = held;
                let ended = outcome.map(|orders| AccountEnd { orders, ..end });
                let _ = reply.try_send(ended.map_err(|refusal| {
                    format!(
                        "the account is locked, but its orders stay until the master is started \
                         anew: {}",
                        refusal.text
                    )
                }));
            }),
        });
    }

    /// Ends the sessions of a locked account. The second value is held until its orders have ended.
    pub(super) fn set_locked(
        &mut self,
        username: &Username,
        is_locked: bool,
        act: &AdminAct,
    ) -> Result<(AccountEnd, Arc<()>), String> {
        let found = self.account_named(username)?;
        if found.is_locked == is_locked {
            let state = if is_locked { "locked" } else { "active" };
            return Err(format!("{} is {state} already", found.username));
        }
        let account = found.account;
        let held = self
            .room_for_end(account)
            .ok_or_else(|| Refusal::master_overloaded().text)?;
        let ended = if is_locked {
            self.sessions.all_but(account, None)
        } else {
            Vec::new()
        };
        let (kind, detail) = if is_locked {
            (ActKind::Lock, ended_detail(ended.len()))
        } else {
            (ActKind::Unlock, String::new())
        };
        let act = AccountAct::now(kind, &act.caller, detail);
        let change = |tx: &mut Tx<'_>| {
            tx.set_locked(account, is_locked)?;
            tx.insert_access_act(account, &act)
        };
        self.change_account(account, &ended, change)
            .map_err(|refusal| refusal.text)?;
        self.shut_out(account);
        self.count(AccountEvent::Lock, usize::from(is_locked));
        let end = AccountEnd {
            account,
            username: found.username,
            sessions: ended.len(),
            orders: 0,
        };
        Ok((end, held))
    }

    /// Room for one more deletion or lock of an account, held until it is made; `None`: too many are
    /// not made yet, of this account or of all.
    fn room_for_end(&mut self, account: AccountId) -> Option<Arc<()>> {
        self.pending_ends
            .retain(|(_, pending)| pending.strong_count() > 0);
        let own = self.pending_ends.iter().filter(|(of, _)| *of == account);
        if own.count() >= CANCELLATIONS_PER_ACCOUNT_MAX
            || self.pending_ends.len() >= CANCELLATIONS_MAX
        {
            return None;
        }
        let held = Arc::new(());
        self.pending_ends.push((account, Arc::downgrade(&held)));
        Some(held)
    }

    /// Has transactions cancel orders. The request waits where there is no room now.
    fn end_orders(&mut self, cancellation: AccountCancellation) {
        self.cancellations.push_back(cancellation);
        self.send_cancellations();
    }

    /// Sends what waits for room at transactions, in order.
    pub(super) fn send_cancellations(&mut self) {
        while let Some(cancellation) = self.cancellations.pop_front() {
            let message = TransactionsMessage::Cancel(cancellation);
            if let Err(TrySendError::Full(TransactionsMessage::Cancel(unsent))) =
                self.channels.transactions.try_send(message)
            {
                self.cancellations.push_front(unsent);
                return;
            }
        }
    }
}

/// What an act says of so many sessions and tokens that ended.
pub(super) fn ended_detail(count: usize) -> String {
    format!("sessions and tokens ended: {count}")
}

impl DeletionAsker {
    fn refuse(&self, refusal: &Refusal) {
        match self {
            DeletionAsker::Owner(reply_to) => reply_to.fail(Instruction::DeleteAccount, refusal),
            DeletionAsker::Administrator(_, reply) => {
                let _ = reply.try_send(Err(refusal.text.clone()));
            }
        }
    }

    /// The act of an administrator; `None` of an owner.
    fn act(&self) -> Option<AdminAct> {
        match self {
            DeletionAsker::Owner(_) => None,
            DeletionAsker::Administrator(act, _) => Some(act.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
