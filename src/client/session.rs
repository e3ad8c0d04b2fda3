//! spec/client/session.md · 4.2, 4.5.1, 4.5.2 and 4.7.2 to 4.7.5
//!
//! Typed calls over one connection. The state a call needs is entered for the caller.

use super::connection::{Answer, PIPELINE_WINDOW};
use super::{ClientError, ConnectOptions, ServerConnection};
use crate::model::{Bar, Email, HashedPass, Quote, Reason, SessionId, Symbol, Timestamp, Username};
use crate::wire::payload::{AssetInfo, Forecast, History, Payload, Portfolio, Receipt, TextList, UserInfo};
use crate::wire::{ConnectionState, Refusal, Reply, Request, Window};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What a login gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginResult {
    /// The session's secret.
    pub session: SessionId,
    /// `host:port` of each worker that serves now.
    pub workers: Vec<String>,
}

/// A connection, and the session whose calls go over it.
#[derive(Debug)]
pub struct Client {
    connection: ServerConnection,
    session: Option<SessionId>,
}

impl Client {
    /// Calls over `connection`, in the name of `session` if there is one.
    pub fn new(connection: ServerConnection, session: Option<SessionId>) -> Client {
        Client { connection, session }
    }

    /// Connects to `address`.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] or [`ClientError::Tls`].
    pub fn open(
        address: &str,
        options: &ConnectOptions,
        session: Option<SessionId>,
    ) -> Result<Client, ClientError> {
        Ok(Client::new(ServerConnection::open(address, options)?, session))
    }

    /// The connection below.
    pub fn connection(&mut self) -> &mut ServerConnection {
        &mut self.connection
    }

    /// Where it goes.
    pub fn address(&self) -> &str {
        self.connection.address()
    }

    /// The session in whose name calls are made.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// Makes later calls in the name of another session. The connection goes back to the command state with
    /// the next call that needs it.
    pub fn set_session(&mut self, session: Option<SessionId>) {
        self.session = session;
    }

    fn need_session(&self) -> Result<SessionId, ClientError> {
        self.session.clone().ok_or(ClientError::NoSession)
    }

    /// Brings the connection into `state`, if it is in the other.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn enter(&mut self, state: ConnectionState) -> Result<(), ClientError> {
        if self.connection.state() == state {
            return Ok(());
        }
        let session = self.need_session()?;
        self.connection.call(&Request::SwitchState { session, state })?;
        Ok(())
    }

    fn command(&mut self, request: &Request) -> Result<Reply, ClientError> {
        self.enter(ConnectionState::Command)?;
        match self.connection.call(request)? {
            Answer::Message(reply) => Ok(reply),
            Answer::Payload(_) => Err(self.odd()),
        }
    }

    fn data<T: Payload>(&mut self, request: &Request) -> Result<T, ClientError> {
        self.enter(ConnectionState::Data)?;
        let answer = self.connection.call(request)?;
        self.decode(answer)
    }

    fn decode<T: Payload>(&self, answer: Answer) -> Result<T, ClientError> {
        match answer {
            Answer::Payload(bytes) => T::from_bytes(&bytes).map_err(|e| ClientError::Nonsense {
                address: self.address().to_owned(),
                text: e.0.to_owned(),
            }),
            Answer::Message(_) => Err(self.odd()),
        }
    }

    fn odd(&self) -> ClientError {
        ClientError::Nonsense {
            address: self.address().to_owned(),
            text: "an answer of another kind".to_owned(),
        }
    }

    /// 4.6.3: a new account.
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn register(
        &mut self,
        username: &Username,
        email: &Email,
        pass: &HashedPass,
    ) -> Result<(), ClientError> {
        let request = Request::Register {
            username: username.clone(),
            email: email.clone(),
            hashed_pass: pass.clone(),
        };
        self.command(&request).map(|_| ())
    }

    /// 4.6.1: a new session, which later calls are made in. An `expirable` one ends with this connection.
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn login(
        &mut self,
        username: &Username,
        pass: &HashedPass,
        expirable: bool,
    ) -> Result<LoginResult, ClientError> {
        let reply = self.command(&Request::Login {
            username: username.clone(),
            hashed_pass: pass.clone(),
            expirable,
        })?;
        self.logged_in(reply)
    }

    /// 4.6.2: the same session, on this connection.
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn resume(&mut self, session: &SessionId) -> Result<LoginResult, ClientError> {
        let reply = self.command(&Request::Resume {
            session: session.clone(),
        })?;
        self.logged_in(reply)
    }

    fn logged_in(&mut self, reply: Reply) -> Result<LoginResult, ClientError> {
        let Reply::Session { id, workers } = reply else {
            return Err(self.odd());
        };
        self.session = Some(id.clone());
        Ok(LoginResult { session: id, workers })
    }

    /// Ends the session.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn logout(&mut self) -> Result<(), ClientError> {
        let session = self.need_session()?;
        self.command(&Request::Logout { session })?;
        self.session = None;
        Ok(())
    }

    /// 4.6.8: the latest value of an asset.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn quote(&mut self, symbol: Symbol) -> Result<Quote, ClientError> {
        self.data(&Request::AssetCurrent { symbol })
    }

    /// The latest values of many assets, asked for without waiting in between. A refusal concerns its own
    /// asset only, unless it is `session-expired` or `master-unavailable`.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], those two refusals, or a broken connection.
    pub fn quotes(&mut self, symbols: &[Symbol]) -> Result<Vec<Result<Quote, Refusal>>, ClientError> {
        self.enter(ConnectionState::Data)?;
        let requests: Vec<Request> = symbols
            .iter()
            .map(|symbol| Request::AssetCurrent { symbol: *symbol })
            .collect();
        let mut answers = Vec::with_capacity(symbols.len());
        self.connection
            .pipeline(&requests, PIPELINE_WINDOW, |_, answer| answers.push(answer))?;
        answers
            .into_iter()
            .map(|answer| match answer {
                Ok(answer) => self.decode(answer).map(Ok),
                // These are no matter of one asset.
                Err(refusal)
                    if matches!(refusal.reason, Reason::SessionExpired | Reason::MasterUnavailable) =>
                {
                    Err(ClientError::Refused(refusal))
                }
                Err(refusal) => Ok(Err(refusal)),
            })
            .collect()
    }

    /// 4.6.7: an asset and its latest day.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn info(&mut self, symbol: Symbol) -> Result<AssetInfo, ClientError> {
        self.data(&Request::AssetInfo { symbol })
    }

    /// 4.6.9 to 4.6.13: past values, oldest first.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn bars(&mut self, symbol: Symbol, window: Window, adjusted: bool) -> Result<Vec<Bar>, ClientError> {
        self.data(&Request::AssetWindow {
            symbol,
            window,
            adjusted,
        })
    }

    /// 4.2.2: the value expected at `date`.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn predicted(&mut self, symbol: Symbol, date: Timestamp) -> Result<Forecast, ClientError> {
        self.data(&Request::AssetPredicted { symbol, date })
    }

    /// 3.1.6: every asset, sorted by byte.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn list(&mut self) -> Result<Vec<Symbol>, ClientError> {
        let TextList(names) = self.data(&Request::AssetList)?;
        names
            .iter()
            .map(|name| Symbol::parse(name).map_err(|_| self.odd()))
            .collect()
    }

    /// 4.6.14: what may be known of an account.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn user_info(&mut self, username: &Username) -> Result<UserInfo, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::UserInfo {
            session,
            username: username.clone(),
        })
    }

    /// 4.6.15: an account's portfolio.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn portfolio(&mut self, username: &Username) -> Result<Portfolio, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::UserPortfolio {
            session,
            username: username.clone(),
        })
    }

    /// 4.6.16: an account's transactions, newest first.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn history(&mut self, username: &Username) -> Result<History, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::UserHistory {
            session,
            username: username.clone(),
        })
    }

    /// What explains one of the session's own transactions.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn receipt(&mut self, id: Uuid) -> Result<Receipt, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::Receipt { session, id })
    }

    /// How long an empty message takes there and back.
    ///
    /// # Errors
    /// A broken connection.
    pub fn ping(&mut self) -> Result<Duration, ClientError> {
        let start = Instant::now();
        self.connection.call(&Request::Ping)?;
        Ok(start.elapsed())
    }

    /// 3.1.5: the workers that serve now. Needs no session; a master answers it too.
    ///
    /// # Errors
    /// A broken connection.
    pub fn workers(&mut self) -> Result<Vec<String>, ClientError> {
        match self.connection.call(&Request::GetWorkerList)? {
            Answer::Message(Reply::WorkerList(workers)) => Ok(workers),
            _ => Err(self.odd()),
        }
    }
}
