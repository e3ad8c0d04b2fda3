//! spec/master/auth.md · 3.1.3, 4.1 (basic error handling)
//!
//! `impl Auth`: codes for new passwords. Who asks for one, who uses one, and those that an
//! administrator prints.
//!
//! Tests: `src/master/auth/codes/tests.rs`, `tests/suite/master/mail.rs`.

use super::Auth;
use super::accounts::{code_refusal, refuse_code, succeed, tell_owner, tell_owner_of};
use crate::master::mail::draw_code;
use crate::master::messages::{
    AccountChange, AccountEvent, CodePrinting, CountedLogin, HashJob, MailMessage, PendingChange,
    PrintedCode, ResetRequest,
};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::acts::{AccountAct, ActKind};
use crate::model::{
    HashedPass, OwnerNotice, Reason, ResetCode, ResetCodeHash, Timestamp, Username, UsernameOrEmail,
};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::{Instruction, Refusal};
use std::time::{Duration, Instant};

/// How long after its use a code is answered again, to a request that is sent again after a broken
/// link. The worker gives up long before.
pub const CODE_REPEAT_MAX: Duration = Duration::from_secs(120);

impl Auth {
    /// Answers, and then has mail look the account up: nothing of the answer depends on what is
    /// found. A request that finds no room is passed over.
    pub(super) fn request_reset(&mut self, reply_to: &ReplyTo, name: &UsernameOrEmail) {
        succeed(reply_to, None);
        self.count(AccountEvent::ResetRequest, 1);
        let Some(mail) = &self.channels.mail else {
            return;
        };
        let request = ResetRequest {
            name_or_address: name.as_str().to_owned(),
            worker: reply_to.peer.worker.uuid,
            near: Neighbourhood::of(reply_to.client_ip()),
        };
        if mail.try_send(MailMessage::Reset(request)).is_err()
            && let Some(more) = self.throttle.allow("reset")
        {
            crate::warn!("a request for a code was passed over: mail has no room{more}");
        }
    }

    /// Has the pool hash a new password whose code is valid. The attempt counts as a failed login of
    /// its neighbourhood, and of nothing else: who guesses elsewhere keeps no owner from a code.
    pub(super) fn reset_password(
        &mut self,
        reply_to: ReplyTo,
        username: &Username,
        code: &ResetCode,
        new: HashedPass,
    ) {
        let instruction = Instruction::ResetPassword;
        let counted = CountedLogin {
            worker: reply_to.peer.worker.uuid,
            name: username.key(),
            near: Neighbourhood::of(reply_to.client_ip()),
            is_stranger: false,
            at: Instant::now(),
        };
        if !self.attempts.count_address(&counted) {
            let text = "too many wrong codes or passwords; wait a minute and try again";
            self.count_failed(
                &reply_to,
                AccountEvent::RefusedLogin,
                "too-many-codes",
                None,
            );
            return reply_to.fail(instruction, &Refusal::new(Reason::TooManyAttempts, text));
        }
        let (hash, again) = (code.hash(), reply_to.again);
        let since = Timestamp::now().before(CODE_REPEAT_MAX);
        let read = self.storage.read(|snapshot| {
            let account = snapshot.account_of_code(username, &hash, Timestamp::now())?;
            let credentials = snapshot.credentials(username)?;
            let repeats = match &credentials {
                Some(found) if again => snapshot.was_last_code(found.account, &hash, since)?,
                Some(_) | None => false,
            };
            Ok((account, credentials, repeats))
        });
        let (account, credentials, repeats) = match read {
            Ok(read) => read,
            Err(error) => {
                crate::error!("a code could not be read: {error}");
                self.attempts.forgive(counted);
                return reply_to.fail(instruction, &Refusal::not_stored());
            }
        };
        let (old, new, account, change) = match (account, credentials) {
            (Some(account), Some(found)) if found.account == account => {
                if found.is_locked {
                    // As with the right password of a locked account, nothing has failed.
                    self.attempts.forgive(counted);
                    return reply_to.fail(instruction, &Refusal::account_locked());
                }
                let change = AccountChange::Reset(hash);
                (None, Some(new), account, change)
            }
            // Its answer was lost with the link: if this is the password now, it was set. Who has
            // not the code that set it learns nothing about the password.
            (None, Some(found)) if repeats => match found.pass_hash {
                Some(stored) => {
                    let old = Some((new, stored));
                    (old, None, found.account, AccountChange::ResetAgain)
                }
                None => return self.refuse_code(&reply_to),
            },
            _ => return self.refuse_code(&reply_to),
        };
        self.submit(HashJob::Change {
            old,
            new,
            pending: Box::new(PendingChange {
                reply_to,
                counted: Some(counted),
                account,
                username: username.clone(),
                session: None,
                asked: Instant::now(),
                change,
            }),
        });
    }

    fn refuse_code(&mut self, reply_to: &ReplyTo) {
        self.count_failed(reply_to, AccountEvent::RefusedCode, "wrong-code", None);
        refuse_code(reply_to);
    }

    /// Stores the password that a code sets, ends all sessions of the account, tokens too, and takes
    /// its identities away: who proves the address is the owner, and another may have linked them.
    /// The code may have been used meanwhile.
    pub(super) fn store_reset(
        &mut self,
        pending: &PendingChange,
        new_hash: Option<String>,
        code: &ResetCodeHash,
    ) -> Result<(), Refusal> {
        let Some(new_hash) = new_hash else {
            return Err(Refusal::not_stored());
        };
        let (account, username, now) = (pending.account, &pending.username, Timestamp::now());
        let read = self
            .storage
            .read(|snapshot| snapshot.account_of_code(username, code, now));
        match read {
            Ok(found) if found == Some(account) => {}
            Ok(_) => return Err(code_refusal()),
            Err(error) => {
                crate::error!("a code could not be read: {error}");
                return Err(Refusal::not_stored());
            }
        }
        let ended = self.sessions.all_but(account, None);
        self.change_account(account, &ended, |tx| {
            tx.set_password(account, &new_hash)?;
            tx.use_reset_code(account, code, now)?;
            if tx.delete_all_identities(account)? {
                tell_owner_of(
                    tx,
                    account,
                    OwnerNotice::IdentityUnlinked,
                    "any third party",
                )?;
            }
            tell_owner(tx, account, OwnerNotice::PasswordReset)
        })?;
        self.note_changed_password(account);
        self.count(AccountEvent::PasswordReset, 1);
        crate::audit!("password reset", user = username, sessions = ended.len());
        Ok(())
    }

    /// Makes a code for an account, in place of the one that was printed before it. The error is a
    /// sentence for the administrator.
    pub(super) fn print_code(&mut self, printing: &CodePrinting) -> Result<PrintedCode, String> {
        let CodePrinting {
            name,
            valid,
            caller,
        } = printing;
        let username = Username::parse(name).map_err(|error| error.to_string())?;
        let code = draw_code().map_err(|error| format!("no random bytes: {error}"))?;
        let now = Timestamp::now();
        let until = now.after(*valid);
        let stored = self.storage.write(|tx| {
            let Some(account) = tx.credentials(&username)? else {
                return Ok(None);
            };
            tx.store_printed_code(account.account, &code.hash(), (now, until))?;
            let detail = format!("code valid until {until}");
            let act = AccountAct::now(ActKind::Reset, caller, detail);
            tx.insert_access_act(account.account, &act)?;
            Ok(Some(account.username))
        });
        match stored {
            Ok(Some(username)) => Ok(PrintedCode {
                username,
                code,
                until,
            }),
            Ok(None) => Err(format!("there is no user {name}")),
            Err(error) => Err(format!("the database failed: {error}")),
        }
    }
}

#[cfg(test)]
mod tests;
