//! spec/client.md · 3.1.3, 4.1 (what an owner changes of an account)
//!
//! Typed calls about the account of the session: passwords, sessions, tokens, e-mail address.
//!
//! Tests: `tests/suite/client/accounts.rs`.

use super::{Client, ClientError, WorkerPool};
use crate::model::account::normal_password;
use crate::model::{
    AccountValue, Email, HashedPass, Reason, SessionId, SessionSelection, TokenName, TokenScope,
    Username,
};
use crate::wire::payload::{OwnSessions, OwnTokens};
use crate::wire::{Reply, Request};

impl Client {
    /// Sends a change of the account.
    fn change(&mut self, request: &Request) -> Result<Option<AccountValue>, ClientError> {
        match self.command(request)? {
            Reply::AccountSuccess(value) => Ok(value),
            _ => Err(self.unexpected_answer()),
        }
    }

    /// Changes the account's password; `old` is `None` where it has none. All other sessions and
    /// all tokens of the account end.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn change_password(
        &mut self,
        old: Option<&HashedPass>,
        new: &HashedPass,
    ) -> Result<(), ClientError> {
        let request = Request::ChangePassword {
            session: self.need_session()?,
            old: old.cloned(),
            new: new.clone(),
        };
        self.change(&request).map(|_| ())
    }

    /// Changes the account's e-mail address; `None` takes it away. `pass` is `None` where the
    /// account has no password.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn change_email(
        &mut self,
        pass: Option<&HashedPass>,
        email: Option<&Email>,
    ) -> Result<(), ClientError> {
        let request = Request::ChangeEmail {
            session: self.need_session()?,
            pass: pass.cloned(),
            email: email.cloned(),
        };
        self.change(&request).map(|_| ())
    }

    /// Deletes the account. `pass` is `None` where it has no password.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn delete_account(&mut self, pass: Option<&HashedPass>) -> Result<(), ClientError> {
        let request = Request::DeleteAccount {
            session: self.need_session()?,
            pass: pass.cloned(),
        };
        self.change(&request).map(|_| ())
    }

    /// Ends sessions of the account, and returns their number.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn end_sessions(&mut self, selection: &SessionSelection) -> Result<u32, ClientError> {
        let request = Request::EndSessions {
            session: self.need_session()?,
            selection: selection.clone(),
        };
        match self.change(&request)? {
            Some(AccountValue::Count(count)) => Ok(count),
            Some(AccountValue::Token(_)) | None => Err(self.unexpected_answer()),
        }
    }

    /// Makes a token, which is told this once.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn create_token(
        &mut self,
        name: &TokenName,
        scope: TokenScope,
        days: u16,
    ) -> Result<SessionId, ClientError> {
        let request = Request::CreateToken {
            session: self.need_session()?,
            name: name.clone(),
            scope,
            days,
        };
        match self.change(&request)? {
            Some(AccountValue::Token(token)) => Ok(token),
            Some(AccountValue::Count(_)) | None => Err(self.unexpected_answer()),
        }
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn revoke_token(&mut self, name: &TokenName) -> Result<(), ClientError> {
        let request = Request::RevokeToken {
            session: self.need_session()?,
            name: name.clone(),
        };
        self.change(&request).map(|_| ())
    }

    /// The sessions of the account's logins.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn sessions(&mut self) -> Result<OwnSessions, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::Sessions { session })
    }

    /// The account's tokens.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn tokens(&mut self) -> Result<OwnTokens, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::Tokens { session })
    }
}

/// Runs `call` with the hashedPass of a password. If that is refused as wrong, and the password was
/// typed in another form than the normal one, runs it once more with the form as typed: so older
/// clients have hashed it.
///
/// # Errors
/// Those of `call`.
pub fn with_password<T>(
    username: &Username,
    password: &str,
    mut call: impl FnMut(&HashedPass) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    match call(&HashedPass::derive(username, password)) {
        Err(error)
            if is_refused(&error, Reason::BadCredentials)
                && *normal_password(password) != *password =>
        {
            call(&HashedPass::derive_as_typed(username, password))
        }
        other => other,
    }
}

/// Whether a refusal has this reason.
fn is_refused(error: &ClientError, reason: Reason) -> bool {
    matches!(error, ClientError::Refused(refusal) if refusal.reason == reason)
}

impl WorkerPool {
    /// Changes the password. If an attempt's connection broke and a later attempt finds the old
    /// password wrong, the new one tells whether the broken attempt has changed it.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn change_password(
        &mut self,
        old: Option<&HashedPass>,
        new: &HashedPass,
    ) -> Result<(), ClientError> {
        let mut uncertain = false;
        self.call(|client| match client.change_password(old, new) {
            Err(error) if error.is_about_the_worker() => {
                uncertain |= error.is_ambiguous();
                Err(error)
            }
            Err(error) if uncertain && is_refused(&error, Reason::BadCredentials) => {
                match client.change_password(Some(new), new) {
                    Err(again) if again.is_about_the_worker() => Err(again),
                    Err(_) => Err(error),
                    Ok(()) => Ok(()),
                }
            }
            other => other,
        })
    }

    /// Ends sessions of the account, and returns their number. If an attempt's connection broke and
    /// a later one finds the session ended that was to end, that is success.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn end_sessions(&mut self, selection: &SessionSelection) -> Result<u32, ClientError> {
        let mut uncertain = false;
        self.call(|client| match client.end_sessions(selection) {
            Err(error) if error.is_about_the_worker() => {
                uncertain |= error.is_ambiguous();
                Err(error)
            }
            Err(error)
                if uncertain
                    && (is_refused(&error, Reason::NoData)
                        || (*selection == SessionSelection::All
                            && is_refused(&error, Reason::SessionExpired))) =>
            {
                Ok(0)
            }
            other => other,
        })
    }

    /// Ends a token. If an attempt's connection broke and a later one finds no token, that is
    /// success.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn revoke_token(&mut self, name: &TokenName) -> Result<(), ClientError> {
        let mut uncertain = false;
        self.call(|client| match client.revoke_token(name) {
            Err(error) if error.is_about_the_worker() => {
                uncertain |= error.is_ambiguous();
                Err(error)
            }
            Err(error) if uncertain && is_refused(&error, Reason::NoData) => Ok(()),
            other => other,
        })
    }
}
