//! spec/master/auth/accounts.md · 3.1.3, 4.1 (what an owner changes of an account)
//!
//! `impl Auth`: changes of accounts by their owners: who may make one, the password that confirms
//! it, and its commit, which ends sessions with it and tells the owner.

use super::{Auth, conflict_refusal, oldest_place};
use crate::master::messages::{
    AccountChange, AccountEvent, CountedLogin, HashJob, HashOutcome, PendingChange,
};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::accounts::NameConflict;
use crate::master::storage::login_places::LoginPlace;
use crate::master::storage::{StorageError, Tx};
use crate::model::email_key::hidden_character;
use crate::model::session::FRESH_LOGIN_MAX;
use crate::model::{
    AccountId, AccountValue, Email, HashedPass, OwnerNotice, Reason, SessionHash, SessionId,
    SessionSelection, Timestamp, Username,
};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::{Instruction, Refusal, Reply};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// When a session began at the latest that is no fresh login at `now`.
pub(super) fn no_longer_fresh(now: Timestamp) -> Timestamp {
    now.before(FRESH_LOGIN_MAX + Duration::from_millis(1))
}

/// Who asks for a change of an account: the session of a login.
#[derive(Debug, Clone)]
pub(super) struct AccountOwner {
    pub(super) account: AccountId,
    pub(super) username: Username,
    /// The session that asks.
    pub(super) session: SessionHash,
    /// Whether its login is at most [`FRESH_LOGIN_MAX`] old.
    pub(super) is_fresh: bool,
}

impl Auth {
    /// Whose session this is, for an instruction that only the session of a login may give. `None`:
    /// it is not active, or a token, and the request was refused.
    pub(super) fn owner(
        &mut self,
        reply_to: &ReplyTo,
        instruction: Instruction,
        session: &SessionId,
    ) -> Option<AccountOwner> {
        let hash = session.hash();
        if let Err(refusal) = self.account(reply_to, instruction, &hash) {
            reply_to.fail(instruction, &refusal);
            return None;
        }
        self.owner_of(&hash)
    }

    /// The owner whose session this is; `None` if it is not active.
    fn owner_of(&self, hash: &SessionHash) -> Option<AccountOwner> {
        let now = Timestamp::now();
        let stored = self.sessions.get(hash, now)?;
        let age = now.since(stored.session.since);
        Some(AccountOwner {
            account: stored.session.account,
            username: stored.session.username.clone(),
            session: *hash,
            is_fresh: u128::try_from(age).is_ok_and(|age| age <= FRESH_LOGIN_MAX.as_millis()),
        })
    }

    /// Changes the password of an account, or gives one to an account that has none.
    pub(super) fn change_password(
        &mut self,
        reply_to: ReplyTo,
        session: &SessionId,
        old: Option<HashedPass>,
        new: HashedPass,
    ) {
        if let Some(owner) = self.owner(&reply_to, Instruction::ChangePassword, session) {
            self.confirm(reply_to, &owner, old, Some(new), AccountChange::Password);
        }
    }

    /// Changes the e-mail address of an account, or takes it away.
    pub(super) fn change_email(
        &mut self,
        reply_to: ReplyTo,
        session: &SessionId,
        given: Option<HashedPass>,
        email: Option<Email>,
    ) {
        let instruction = Instruction::ChangeEmail;
        let Some(owner) = self.owner(&reply_to, instruction, session) else {
            return;
        };
        if let Some(refusal) = email.as_ref().and_then(hidden_email) {
            return reply_to.fail(instruction, &refusal);
        }
        if !owner.is_fresh {
            return reply_to.fail(instruction, &Refusal::login_again());
        }
        self.confirm(reply_to, &owner, given, None, AccountChange::Email(email));
    }

    /// Ends sessions of the asker's account. Tokens stay.
    pub(super) fn end_own_sessions(
        &mut self,
        reply_to: ReplyTo,
        session: &SessionId,
        selection: &SessionSelection,
    ) {
        let instruction = Instruction::EndSessions;
        let repeats_itself = reply_to.again && *selection == SessionSelection::All;
        if repeats_itself && self.owner_of(&session.hash()).is_none() {
            return succeed(&reply_to, Some(AccountValue::Count(0)));
        }
        let Some(owner) = self.owner(&reply_to, instruction, session) else {
            return;
        };
        // What this turn has made is to be found. A session that is none commits nothing.
        self.commit();
        let logins = self.sessions.logins(owner.account);
        let chosen: Vec<SessionHash> = match selection {
            SessionSelection::All => logins,
            SessionSelection::Others => logins
                .into_iter()
                .filter(|it| *it != owner.session)
                .collect(),
            SessionSelection::Prefix(prefix) => {
                let fits = |hash: &SessionHash| hash.short().starts_with(prefix.as_str());
                let fitting: Vec<SessionHash> = logins.into_iter().filter(fits).collect();
                let refusal = match fitting.len() {
                    0 if !reply_to.again => {
                        Refusal::new(Reason::NoData, "no session of yours begins with this")
                    }
                    0 | 1 => return self.end_chosen(&reply_to, &owner, &fitting),
                    _ => Refusal::new(
                        Reason::ArgumentInvalid,
                        "several sessions begin with this; give more digits",
                    ),
                };
                return reply_to.fail(instruction, &refusal);
            }
        };
        self.end_chosen(&reply_to, &owner, &chosen);
    }

    fn end_chosen(&mut self, reply_to: &ReplyTo, owner: &AccountOwner, chosen: &[SessionHash]) {
        if chosen.is_empty() {
            // Who fears that somebody else gets in shuts out what was begun before all the same.
            self.shut_out(owner.account);
            return succeed(reply_to, Some(AccountValue::Count(0)));
        }
        match self.change_account(owner.account, chosen, |_| Ok(())) {
            Ok(()) => {
                self.shut_out(owner.account);
                let count = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
                crate::audit!(
                    "sessions end",
                    user = owner.username,
                    by = "owner",
                    sessions = count
                );
                succeed(reply_to, Some(AccountValue::Count(count)));
            }
            Err(refusal) => reply_to.fail(Instruction::EndSessions, &refusal),
        }
    }

    /// Has the pool verify the account's password, and hash the new one where the change has one;
    /// [`Auth::on_confirmed`] goes on. An account without a password is confirmed by a fresh login.
    /// A wrong password counts as a failed login.
    pub(super) fn confirm(
        &mut self,
        reply_to: ReplyTo,
        owner: &AccountOwner,
        given: Option<HashedPass>,
        new: Option<HashedPass>,
        change: AccountChange,
    ) {
        let instruction = change.instruction();
        let read = self.storage.read(|s| s.credentials(&owner.username));
        let stored = match read {
            Ok(Some(credentials)) => credentials.pass_hash,
            Ok(None) => return reply_to.fail(instruction, &Refusal::session_expired()),
            Err(error) => {
                crate::error!("an account could not be read: {error}");
                return reply_to.fail(instruction, &Refusal::not_stored());
            }
        };
        let old = match (given, &stored) {
            (Some(given), Some(stored)) => Some((given, stored.clone())),
            (None, None) if owner.is_fresh => None,
            (None, None) => return reply_to.fail(instruction, &Refusal::login_again()),
            (Some(_), None) | (None, Some(_)) => return refuse_password(&reply_to, instruction),
        };
        let counted = if old.is_some() {
            match self.count_attempt(&reply_to, &owner.username.key()) {
                Ok(counted) => Some(counted),
                Err(refusal) => return reply_to.fail(instruction, &refusal),
            }
        } else {
            None
        };
        self.submit(HashJob::Change {
            old,
            new,
            pending: Box::new(PendingChange {
                reply_to,
                counted,
                account: owner.account,
                username: owner.username.clone(),
                session: Some(owner.session),
                asked: Instant::now(),
                change,
            }),
        });
    }

    /// Counts an attempt as failed before its password is verified, as logins are.
    ///
    /// # Errors
    /// Too many have failed, or the database fails.
    fn count_attempt(&mut self, reply_to: &ReplyTo, name: &str) -> Result<CountedLogin, Refusal> {
        let mut counted = CountedLogin {
            worker: reply_to.peer.worker.uuid,
            name: name.to_owned(),
            near: Neighbourhood::of(reply_to.client_ip()),
            is_stranger: false,
            at: Instant::now(),
        };
        let text = "too many wrong passwords; wait a minute and try again";
        if !self.attempts.count_address(&counted) {
            self.count_failed(
                reply_to,
                AccountEvent::RefusedLogin,
                "too-many-of-address",
                None,
            );
            return Err(Refusal::new(Reason::TooManyAttempts, text));
        }
        let place = LoginPlace::of(name, &counted.worker, counted.near);
        let known = self
            .storage
            .read(|snapshot| snapshot.has_login_place(&place, oldest_place()));
        match known {
            Ok(known) => counted.is_stranger = !known,
            Err(error) => {
                crate::error!("the places of an account could not be read: {error}");
                self.attempts.forgive(counted);
                return Err(Refusal::not_stored());
            }
        }
        if counted.is_stranger && !self.attempts.count_stranger(&counted) {
            self.count_failed(
                reply_to,
                AccountEvent::RefusedLogin,
                "too-many-of-name",
                None,
            );
            return Err(Refusal::new(Reason::TooManyAttempts, text));
        }
        Ok(counted)
    }

    /// The pool has verified and hashed what a change needs.
    pub(super) fn on_confirmed(&mut self, pending: PendingChange, outcome: HashOutcome) {
        let instruction = pending.change.instruction();
        let new_hash = match outcome {
            HashOutcome::Wrong => {
                self.count_failed(
                    &pending.reply_to,
                    AccountEvent::FailedLogin,
                    "wrong-password-of-a-session",
                    Some(&pending.username),
                );
                return pending.change.refuse(&pending.reply_to);
            }
            HashOutcome::Failed => {
                return pending.reply_to.fail(instruction, &Refusal::not_stored());
            }
            HashOutcome::Right(new_hash) => new_hash,
            HashOutcome::Repeated => {
                if let Some(counted) = pending.counted {
                    self.attempts.forgive(counted);
                }
                return succeed(&pending.reply_to, None);
            }
        };
        // What this turn has changed counts: the account may be another's by now.
        self.commit();
        let is_active = |session| self.sessions.get(session, Timestamp::now()).is_some();
        if pending.session.as_ref().is_some_and(|it| !is_active(it)) {
            return pending
                .reply_to
                .fail(instruction, &Refusal::session_expired());
        }
        let read = self.storage.read(|s| s.credentials(&pending.username));
        match read {
            Ok(Some(now)) if now.account == pending.account && now.is_locked => {
                // What was given is right.
                if let Some(counted) = pending.counted {
                    self.attempts.forgive(counted);
                }
                let refusal = Refusal::account_locked();
                return pending.reply_to.fail(instruction, &refusal);
            }
            Ok(Some(now))
                if now.account == pending.account
                    && !self.was_changed(pending.account, pending.asked) => {}
            Ok(_) => return pending.change.refuse(&pending.reply_to),
            Err(error) => {
                crate::error!("an account could not be read: {error}");
                return pending.reply_to.fail(instruction, &Refusal::not_stored());
            }
        }
        if let Some(counted) = pending.counted.clone() {
            self.attempts.forgive(counted);
        }
        let done = match &pending.change {
            AccountChange::Password => self.store_password(&pending, new_hash),
            AccountChange::Reset(code) => self.store_reset(&pending, new_hash, code),
            // The password that it sets is the account's.
            AccountChange::ResetAgain => Ok(()),
            AccountChange::Email(email) => self.store_email(&pending, email.as_ref()),
            // Transactions commits it, and the answer follows.
            AccountChange::Deletion => return self.delete_confirmed(pending),
        };
        match done {
            Ok(()) => succeed(&pending.reply_to, None),
            Err(refusal) => pending.reply_to.fail(instruction, &refusal),
        }
    }

    /// Stores a new password, and ends all sessions of the account, tokens too, but the one that
    /// asks.
    fn store_password(
        &mut self,
        pending: &PendingChange,
        new_hash: Option<String>,
    ) -> Result<(), Refusal> {
        let Some(new_hash) = new_hash else {
            return Err(Refusal::not_stored());
        };
        let account = pending.account;
        let ended = self.sessions.all_but(account, pending.session.as_ref());
        self.change_account(account, &ended, |tx| {
            tx.set_password(account, &new_hash)?;
            tx.end_reset_codes(account, Timestamp::now())?;
            tell_owner(tx, account, OwnerNotice::PasswordChanged)
        })?;
        self.note_changed_password(account);
        self.count(AccountEvent::PasswordChange, 1);
        crate::audit!(
            "password change",
            user = pending.username,
            sessions = ended.len()
        );
        Ok(())
    }

    /// Stores a new e-mail address. The old one is told.
    fn store_email(
        &mut self,
        pending: &PendingChange,
        email: Option<&Email>,
    ) -> Result<(), Refusal> {
        let account = pending.account;
        if let Some(email) = email {
            // Who asks whether an address has an account pays for it, as at registration.
            let worker = pending.reply_to.peer.worker.uuid;
            let near = Neighbourhood::of(pending.reply_to.client_ip());
            let now = Instant::now();
            if !self.registrations.allows(worker, near, now) {
                let text = "too many addresses tried from here; wait a minute and try again";
                return Err(Refusal::new(Reason::TooManyAttempts, text));
            }
            self.registrations.count(worker, near, now);
            match self.storage.read(|s| s.email_owner(email)) {
                Ok(owner) if owner.is_none_or(|owner| owner == account) => {}
                Ok(_) => return Err(conflict_refusal(NameConflict::Email)),
                Err(error) => {
                    crate::error!("whether an address is taken could not be read: {error}");
                    return Err(Refusal::not_stored());
                }
            }
        }
        self.change_account(account, &[], |tx| {
            tell_owner(tx, account, OwnerNotice::EmailChanged)?;
            tx.end_mailed_codes(account, Timestamp::now())?;
            tx.set_email(account, email)
        })?;
        self.note_changed_record();
        crate::audit!("email change", user = pending.username);
        Ok(())
    }

    /// Commits a change of an account together with the end of these sessions of it, and tells the
    /// workers at once. Nothing else is pending then: who calls it has committed the turn, so that
    /// no session of this turn is missed.
    ///
    /// # Errors
    /// The account is deleted, or the database fails: nothing has changed, and no session has ended.
    pub(super) fn change_account(
        &mut self,
        account: AccountId,
        ended: &[SessionHash],
        change: impl FnOnce(&mut Tx<'_>) -> Result<(), StorageError>,
    ) -> Result<(), Refusal> {
        let stored = self.storage.write(|tx| {
            // Transactions may have deleted it, and auth has not heard of it yet.
            if tx.is_deleted(account)? {
                return Ok(false);
            }
            change(tx)?;
            ended.iter().try_for_each(|hash| tx.delete_session(hash))?;
            Ok(true)
        });
        match stored {
            Ok(true) => {}
            Ok(false) => return Err(Refusal::session_expired()),
            Err(error) => {
                crate::error!(
                    "a change of account {} could not be stored: {error}",
                    account.0
                );
                return Err(Refusal::not_stored());
            }
        }
        for hash in ended {
            if let Some(stored) = self.sessions.remove(hash) {
                // The act that ends it has a line of its own.
                self.log_end(&stored, "account-changed");
            }
        }
        self.count(AccountEvent::SessionEnd, ended.len());
        self.ended.extend_from_slice(ended);
        // Before the answer, so that its reader finds the sessions ended at every worker.
        self.push_ended();
        Ok(())
    }

    /// Has account queries forget what they have read: the record of an account has changed.
    pub(super) fn note_changed_record(&self) {
        self.channels
            .account_changes
            .fetch_add(1, Ordering::Release);
    }
}

/// Tells the owner of an account by e-mail what has changed, in the commit of the change. Nothing is
/// queued where no mail is configured, the account has no address, or the outbox has no room, which it
/// counts: the change is made all the same.
pub(super) fn tell_owner(
    tx: &mut Tx<'_>,
    account: AccountId,
    notice: OwnerNotice,
) -> Result<(), StorageError> {
    tell_owner_of(tx, account, notice, "")
}

/// The same for a notice about one of several, such as a token, by its name.
pub(super) fn tell_owner_of(
    tx: &mut Tx<'_>,
    account: AccountId,
    notice: OwnerNotice,
    name: &str,
) -> Result<(), StorageError> {
    tx.insert_notice(account, notice, name, Timestamp::now())
        .map(drop)
}

pub(super) fn succeed(reply_to: &ReplyTo, value: Option<AccountValue>) {
    reply_to.send(|out| Reply::AccountSuccess(value).write(out));
}

impl AccountChange {
    /// Refuses the change for what was to confirm it.
    fn refuse(&self, reply_to: &ReplyTo) {
        match self {
            AccountChange::Password | AccountChange::Email(_) | AccountChange::Deletion => {
                refuse_password(reply_to, self.instruction());
            }
            AccountChange::Reset(_) | AccountChange::ResetAgain => refuse_code(reply_to),
        }
    }
}

/// The refusal of an address with a character that nobody sees.
pub(super) fn hidden_email(email: &Email) -> Option<Refusal> {
    let hidden = hidden_character(email.as_str())?.escape_unicode();
    let text = format!("the email has {hidden}, which people cannot see");
    Some(Refusal::new(Reason::EmailInvalid, text))
}

fn refuse_password(reply_to: &ReplyTo, instruction: Instruction) {
    let refusal = Refusal::new(Reason::BadCredentials, "the password is wrong");
    reply_to.fail(instruction, &refusal);
}

/// Refuses a code. A wrong one, one that was used or has ended, and one of another account are
/// answered alike, as is a name without an account.
pub(super) fn refuse_code(reply_to: &ReplyTo) {
    reply_to.fail(Instruction::ResetPassword, &code_refusal());
}

pub(super) fn code_refusal() -> Refusal {
    let text = "this code is not valid for this account: it may be mistyped, used or too old; ask for a new one";
    Refusal::new(Reason::CodeInvalid, text)
}

#[cfg(test)]
mod tests;
