//! spec/client/session.md · 4.2, 4.5.1, 4.5.2 and 4.7.2 to 4.7.5
//!
//! Typed calls over one connection. The state a call needs is entered for the caller.

use super::connection::{Answer, PIPELINE_WINDOW};
use super::{Connection, Error, Options};
use crate::model::{Bar, Email, HashedPass, Quote, Reason, SessionId, Stamp, Symbol, Username};
use crate::wire::payload::{AssetInfo, Forecast, History, Payload, Portfolio, Receipt, TextList, UserInfo};
use crate::wire::{Refusal, Reply, Request, State, Window};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What a login gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The session's secret.
    pub session: SessionId,
    /// `host:port` of each worker that serves now.
    pub workers: Vec<String>,
}

/// A connection, and the session whose calls go over it.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    session: Option<SessionId>,
}

impl Client {
    /// Calls over `connection`, in the name of `session` if there is one.
    pub fn new(connection: Connection, session: Option<SessionId>) -> Client {
        Client { connection, session }
    }

    /// Connects to `address`.
    ///
    /// # Errors
    /// [`Error::Unreachable`] or [`Error::Tls`].
    pub fn open(address: &str, options: &Options, session: Option<SessionId>) -> Result<Client, Error> {
        Ok(Client::new(Connection::open(address, options)?, session))
    }

    /// The connection below.
    pub fn connection(&mut self) -> &mut Connection {
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

    fn need_session(&self) -> Result<SessionId, Error> {
        self.session.clone().ok_or(Error::NoSession)
    }

    /// Brings the connection into `state`, if it is in the other.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn enter(&mut self, state: State) -> Result<(), Error> {
        if self.connection.state() == state {
            return Ok(());
        }
        let session = self.need_session()?;
        self.connection.call(&Request::SwitchState { session, state })?;
        Ok(())
    }

    fn command(&mut self, request: &Request) -> Result<Reply, Error> {
        self.enter(State::Command)?;
        match self.connection.call(request)? {
            Answer::Message(reply) => Ok(reply),
            Answer::Payload(_) => Err(self.odd()),
        }
    }

    fn data<T: Payload>(&mut self, request: &Request) -> Result<T, Error> {
        self.enter(State::Data)?;
        let answer = self.connection.call(request)?;
        self.decode(answer)
    }

    fn decode<T: Payload>(&self, answer: Answer) -> Result<T, Error> {
        match answer {
            Answer::Payload(bytes) => T::from_bytes(&bytes).map_err(|e| Error::Nonsense {
                address: self.address().to_owned(),
                text: e.0.to_owned(),
            }),
            Answer::Message(_) => Err(self.odd()),
        }
    }

    fn odd(&self) -> Error {
        Error::Nonsense {
            address: self.address().to_owned(),
            text: "an answer of another kind".to_owned(),
        }
    }

    /// 4.6.3: a new account.
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn register(&mut self, username: &Username, email: &Email, pass: &HashedPass) -> Result<(), Error> {
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
    pub fn login(&mut self, username: &Username, pass: &HashedPass, expirable: bool) -> Result<Login, Error> {
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
    pub fn resume(&mut self, session: &SessionId) -> Result<Login, Error> {
        let reply = self.command(&Request::Resume {
            session: session.clone(),
        })?;
        self.logged_in(reply)
    }

    fn logged_in(&mut self, reply: Reply) -> Result<Login, Error> {
        let Reply::Session { id, workers } = reply else {
            return Err(self.odd());
        };
        self.session = Some(id.clone());
        Ok(Login { session: id, workers })
    }

    /// Ends the session.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn logout(&mut self) -> Result<(), Error> {
        let session = self.need_session()?;
        self.command(&Request::Logout { session })?;
        self.session = None;
        Ok(())
    }

    /// 4.6.8: the latest value of an asset.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn quote(&mut self, symbol: Symbol) -> Result<Quote, Error> {
        self.data(&Request::AssetCurrent { symbol })
    }

    /// The latest values of many assets, asked for without waiting in between. A refusal concerns its own
    /// asset only, unless it is `session-expired` or `master-unavailable`.
    ///
    /// # Errors
    /// [`Error::NoSession`], those two refusals, or a broken connection.
    pub fn quotes(&mut self, symbols: &[Symbol]) -> Result<Vec<Result<Quote, Refusal>>, Error> {
        self.enter(State::Data)?;
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
                    Err(Error::Refused(refusal))
                }
                Err(refusal) => Ok(Err(refusal)),
            })
            .collect()
    }

    /// 4.6.7: an asset and its latest day.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn info(&mut self, symbol: Symbol) -> Result<AssetInfo, Error> {
        self.data(&Request::AssetInfo { symbol })
    }

    /// 4.6.9 to 4.6.13: past values, oldest first.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn bars(&mut self, symbol: Symbol, window: Window, adjusted: bool) -> Result<Vec<Bar>, Error> {
        self.data(&Request::AssetWindow {
            symbol,
            window,
            adjusted,
        })
    }

    /// 4.2.2: the value expected at `date`.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn predicted(&mut self, symbol: Symbol, date: Stamp) -> Result<Forecast, Error> {
        self.data(&Request::AssetPredicted { symbol, date })
    }

    /// 3.1.6: every asset, sorted by byte.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn list(&mut self) -> Result<Vec<Symbol>, Error> {
        let TextList(names) = self.data(&Request::AssetList)?;
        names
            .iter()
            .map(|name| Symbol::parse(name).map_err(|_| self.odd()))
            .collect()
    }

    /// 4.6.14: what may be known of an account.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn user_info(&mut self, username: &Username) -> Result<UserInfo, Error> {
        let session = self.need_session()?;
        self.data(&Request::UserInfo {
            session,
            username: username.clone(),
        })
    }

    /// 4.6.15: an account's portfolio.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn portfolio(&mut self, username: &Username) -> Result<Portfolio, Error> {
        let session = self.need_session()?;
        self.data(&Request::UserPortfolio {
            session,
            username: username.clone(),
        })
    }

    /// 4.6.16: an account's transactions, newest first.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn history(&mut self, username: &Username) -> Result<History, Error> {
        let session = self.need_session()?;
        self.data(&Request::UserHistory {
            session,
            username: username.clone(),
        })
    }

    /// What explains one of the session's own transactions.
    ///
    /// # Errors
    /// [`Error::NoSession`], a refusal, or a broken connection.
    pub fn receipt(&mut self, id: Uuid) -> Result<Receipt, Error> {
        let session = self.need_session()?;
        self.data(&Request::Receipt { session, id })
    }

    /// How long an empty message takes there and back.
    ///
    /// # Errors
    /// A broken connection.
    pub fn ping(&mut self) -> Result<Duration, Error> {
        let start = Instant::now();
        self.connection.call(&Request::Ping)?;
        Ok(start.elapsed())
    }

    /// 3.1.5: the workers that serve now. Needs no session; a master answers it too.
    ///
    /// # Errors
    /// A broken connection.
    pub fn workers(&mut self) -> Result<Vec<String>, Error> {
        match self.connection.call(&Request::GetWorkerList)? {
            Answer::Message(Reply::WorkerList(workers)) => Ok(workers),
            _ => Err(self.odd()),
        }
    }
}
