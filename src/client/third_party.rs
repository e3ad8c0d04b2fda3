//! spec/client.md · 3.1.3 (third parties)
//!
//! Typed calls for signing in with a provider of identities.
//!
//! Tests: `tests/suite/client/third_party.rs`.

use super::session::{Client, LoginResult};
use super::{ClientError, WorkerPool};
use crate::model::{
    BrowserSecret, Email, IdentityProviderName, SignInHandle, SignInMethod, Timestamp, Username,
};
use crate::wire::payload::{OwnIdentities, OwnIdentity};
use crate::wire::{Reply, Request};
use std::time::Duration;

/// A sign-in that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThirdPartyStart {
    /// Its secret name.
    pub handle: SignInHandle,
    /// Asking more often than this is no use.
    pub poll: Duration,
    /// When it ends (wall time of the server).
    pub expiry: Timestamp,
    /// What the person types at the provider; `None`: nothing.
    pub user_code: Option<String>,
    /// Where the person goes.
    pub url: String,
}

/// How far a sign-in is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThirdPartyProgress {
    /// The person has an account, and is logged in.
    LoggedIn(LoginResult),
    /// The person is not done yet.
    Pending,
    /// The person is known and has no account yet; the server suggests a username, free or not.
    Unknown(Option<Username>),
}

impl Client {
    /// Begins a sign-in. A redirect flow names where the browser comes back to.
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn begin_third_party(
        &mut self,
        provider: &IdentityProviderName,
        method: SignInMethod,
        redirect_uri: Option<&str>,
    ) -> Result<ThirdPartyStart, ClientError> {
        let reply = self.command(&Request::BeginThirdParty {
            provider: provider.clone(),
            method,
            redirect_uri: redirect_uri.map(str::to_owned),
        })?;
        match reply {
            Reply::ThirdPartyStarted {
                handle,
                poll,
                expiry,
                user_code,
                url,
            } => Ok(ThirdPartyStart {
                handle,
                poll: Duration::from_secs(poll.into()),
                expiry,
                user_code,
                url,
            }),
            _ => Err(self.unexpected_answer()),
        }
    }

    /// Asks how far a sign-in is. Later calls use the session that it may lead to.
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn await_third_party(
        &mut self,
        handle: &SignInHandle,
    ) -> Result<ThirdPartyProgress, ClientError> {
        let reply = self.command(&Request::AwaitThirdParty {
            handle: handle.clone(),
        })?;
        self.third_party_progress(reply)
    }

    /// Gives what the browser of a redirect flow has brought back.
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn complete_third_party(
        &mut self,
        handle: &SignInHandle,
        code: &BrowserSecret,
        state: &BrowserSecret,
    ) -> Result<ThirdPartyProgress, ClientError> {
        let reply = self.command(&Request::CompleteThirdParty {
            handle: handle.clone(),
            code: code.clone(),
            state: state.clone(),
        })?;
        self.third_party_progress(reply)
    }

    fn third_party_progress(&mut self, reply: Reply) -> Result<ThirdPartyProgress, ClientError> {
        match reply {
            Reply::ThirdPartyPending => Ok(ThirdPartyProgress::Pending),
            Reply::ThirdPartyUnknown { suggestion, .. } => {
                Ok(ThirdPartyProgress::Unknown(suggestion))
            }
            reply => self.logged_in(reply).map(ThirdPartyProgress::LoggedIn),
        }
    }

    /// Makes an account without a password for the person of a sign-in. Later calls use its
    /// session.
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn register_third_party(
        &mut self,
        handle: &SignInHandle,
        username: &Username,
        email: Option<&Email>,
    ) -> Result<LoginResult, ClientError> {
        let reply = self.command(&Request::RegisterThirdParty {
            handle: handle.clone(),
            username: username.clone(),
            email: email.cloned(),
        })?;
        self.logged_in(reply)
    }

    /// Lets the person of a sign-in log in to the session's account.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn link_third_party(&mut self, handle: &SignInHandle) -> Result<(), ClientError> {
        let session = self.need_session()?;
        let handle = handle.clone();
        self.command(&Request::LinkThirdParty { session, handle })
            .map(|_| ())
    }

    /// With whom the owner of the session's account signs in beside a password, oldest first.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn identities(&mut self) -> Result<Vec<OwnIdentity>, ClientError> {
        let session = self.need_session()?;
        let OwnIdentities(all) = self.data(&Request::Identities { session })?;
        Ok(all)
    }

    /// Takes a provider's identities from the session's account.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn unlink_third_party(
        &mut self,
        provider: &IdentityProviderName,
    ) -> Result<(), ClientError> {
        let session = self.need_session()?;
        let provider = provider.clone();
        self.command(&Request::UnlinkThirdParty { session, provider })
            .map(|_| ())
    }
}

impl WorkerPool {
    /// Asks how far a sign-in is, or completes it, and takes in the workers of a session that it
    /// leads to, as [`WorkerPool::login`] does.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn sign_in(
        &mut self,
        ask: impl FnMut(&mut Client) -> Result<ThirdPartyProgress, ClientError>,
    ) -> Result<ThirdPartyProgress, ClientError> {
        let progress = self.call(ask)?;
        if let ThirdPartyProgress::LoggedIn(login) = &progress {
            self.take_login(login);
        }
        Ok(progress)
    }
}
