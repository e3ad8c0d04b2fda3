//! spec/client.md · 4.2, 4.5.1, 4.5.2 and 4.7.2 to 4.7.5
//!
//! Typed calls over one connection. A call switches the connection to the state that it needs.
//!
//! Tests: `tests/suite/client/cli.rs`.

use super::connection::{Answer, PIPELINE_MAX};
use super::{ClientError, ConnectOptions, ServerConnection, ServerInfo};
use crate::model::{
    Bar, Email, HashedPass, OpenValue, ProtocolFault, Quote, Reason, ResetCode, SessionId, Symbol,
    Timestamp, Username, UsernameOrEmail,
};
use crate::wire::payload::{
    AssetInfo, Forecast, History, OpenOrders, OwnSummary, Payload, Portfolio, QuoteList, Receipt,
    TextList, TransactionPage, UserInfo,
};
use crate::wire::{ConnectionState, Refusal, Reply, Request, Window};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long an export may take until its first piece comes, over all tries.
pub const EXPORT_TIMEOUT: Duration = Duration::from_secs(1800);
/// The longest wait for a piece of an export: longer than a worker waits for its master.
const EXPORT_PIECE_TIMEOUT: Duration = Duration::from_secs(45);
/// A server that refuses an export after so long has worked at it. One that refuses at once has not.
const EXPORT_TRY_MIN: Duration = Duration::from_secs(10);

/// The result of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginResult {
    /// The session ID, which is a secret.
    pub session: SessionId,
    /// `host:port` of each worker that serves.
    pub workers: Vec<String>,
}

/// A connection, and the session that its calls use.
#[derive(Debug)]
pub struct Client {
    connection: ServerConnection,
    session: Option<SessionId>,
    /// Whether the server has turned out to be of version 1, which knows no getServerInfo.
    is_version_1: bool,
}

impl Client {
    /// Makes a client of an open connection. Without a session, calls that need one fail.
    pub fn new(connection: ServerConnection, session: Option<SessionId>) -> Client {
        Client {
            connection,
            session,
            is_version_1: false,
        }
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
        Ok(Client::new(
            ServerConnection::open(address, options)?,
            session,
        ))
    }

    /// The underlying connection.
    pub fn connection(&mut self) -> &mut ServerConnection {
        &mut self.connection
    }

    /// The server's address as the caller gave it.
    pub fn address(&self) -> &str {
        self.connection.address()
    }

    /// Whether the connection uses TLS.
    pub fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }

    /// Whether nobody on the way can change what the server says: see
    /// [`ServerConnection::is_protected`].
    pub fn is_protected(&self) -> bool {
        self.connection.is_protected()
    }

    /// The session that calls use.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// Sets the session that later calls use. The connection's state does not change until a call
    /// needs the other one.
    pub fn set_session(&mut self, session: Option<SessionId>) {
        self.session = session;
    }

    pub(super) fn need_session(&self) -> Result<SessionId, ClientError> {
        self.session.clone().ok_or(ClientError::NoSession)
    }

    /// Switches the connection to `state` (4.6.6) if it is in the other one.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn enter(&mut self, state: ConnectionState) -> Result<(), ClientError> {
        if self.connection.state() == state {
            return Ok(());
        }
        let session = self.need_session()?;
        self.connection
            .call(&Request::SwitchState { session, state })?;
        Ok(())
    }

    pub(super) fn command(&mut self, request: &Request) -> Result<Reply, ClientError> {
        self.enter(ConnectionState::Command)?;
        match self.connection.call(request)? {
            Answer::Message(reply) => Ok(reply),
            Answer::Payload(_) => Err(self.unexpected_answer()),
        }
    }

    pub(super) fn data<T: Payload>(&mut self, request: &Request) -> Result<T, ClientError> {
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
            Answer::Message(_) => Err(self.unexpected_answer()),
        }
    }

    /// The error for a reply whose kind does not fit the call.
    pub(super) fn unexpected_answer(&self) -> ClientError {
        ClientError::Nonsense {
            address: self.address().to_owned(),
            text: "an answer of another kind".to_owned(),
        }
    }

    /// Registers an account (4.6.3).
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

    /// Asks for a code for a new password, which goes to the account's e-mail address. The server
    /// answers the same, whether there is such an account or not. One of an earlier edition closes
    /// the connection with [`ClientError::Protocol`].
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn request_reset(&mut self, name: &UsernameOrEmail) -> Result<(), ClientError> {
        let request = Request::RequestReset { name: name.clone() };
        self.command(&request).map(|_| ())
    }

    /// Sets a new password with a code. All sessions of the account end, and none is made.
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn reset_password(
        &mut self,
        username: &Username,
        code: &ResetCode,
        new: &HashedPass,
    ) -> Result<(), ClientError> {
        let request = Request::ResetPassword {
            username: username.clone(),
            code: code.clone(),
            new: new.clone(),
        };
        self.command(&request).map(|_| ())
    }

    /// Logs in (4.6.1). Later calls use the new session. An `expirable` one ends with this
    /// connection.
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

    /// Continues a session on this connection (4.6.2).
    ///
    /// # Errors
    /// A refusal, or a broken connection.
    pub fn resume(&mut self, session: &SessionId) -> Result<LoginResult, ClientError> {
        let reply = self.command(&Request::Resume {
            session: session.clone(),
        })?;
        self.logged_in(reply)
    }

    pub(super) fn logged_in(&mut self, reply: Reply) -> Result<LoginResult, ClientError> {
        let Reply::Session { id, workers } = reply else {
            return Err(self.unexpected_answer());
        };
        self.session = Some(id.clone());
        Ok(LoginResult {
            session: id,
            workers,
        })
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

    /// The latest value of an asset (4.6.8).
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn quote(&mut self, symbol: Symbol) -> Result<Quote, ClientError> {
        self.data(&Request::AssetCurrent { symbol })
    }

    /// The latest values of many assets, by pipelined requests. A refusal concerns its own asset
    /// alone, unless it is `session-expired` or `master-unavailable`.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], those two refusals, or a broken connection.
    pub fn quotes(
        &mut self,
        symbols: &[Symbol],
    ) -> Result<Vec<Result<Quote, Refusal>>, ClientError> {
        self.enter(ConnectionState::Data)?;
        let requests: Vec<Request> = symbols
            .iter()
            .map(|symbol| Request::AssetCurrent { symbol: *symbol })
            .collect();
        let mut answers = Vec::with_capacity(symbols.len());
        self.connection
            .pipeline(&requests, PIPELINE_MAX, |_, answer| answers.push(answer))?;
        answers
            .into_iter()
            .map(|answer| match answer {
                Ok(answer) => self.decode(answer).map(Ok),
                // These two concern all assets.
                Err(refusal)
                    if matches!(
                        refusal.reason.known(),
                        Some(Reason::SessionExpired | Reason::MasterUnavailable)
                    ) =>
                {
                    Err(ClientError::Refused(refusal))
                }
                Err(refusal) => Ok(Err(refusal)),
            })
            .collect()
    }

    /// An asset and its latest daily bar (4.6.7).
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn info(&mut self, symbol: Symbol) -> Result<AssetInfo, ClientError> {
        self.data(&Request::AssetInfo { symbol })
    }

    /// Past bars, oldest first (4.6.9 to 4.6.13).
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn bars(
        &mut self,
        symbol: Symbol,
        window: Window,
        adjusted: bool,
    ) -> Result<Vec<Bar>, ClientError> {
        self.data(&Request::AssetWindow {
            symbol,
            window,
            adjusted,
        })
    }

    /// The forecast for `date` (4.2.2).
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn predicted(&mut self, symbol: Symbol, date: Timestamp) -> Result<Forecast, ClientError> {
        self.data(&Request::AssetPredicted { symbol, date })
    }

    /// All assets, sorted by byte (3.1.6).
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn list(&mut self) -> Result<Vec<Symbol>, ClientError> {
        let TextList(names) = self.data(&Request::AssetList)?;
        names
            .iter()
            .map(|name| Symbol::parse(name).map_err(|_| self.unexpected_answer()))
            .collect()
    }

    /// All assets, sorted by byte, with their prices and what they are called. A server of an earlier
    /// edition closes the connection with [`ClientError::Protocol`].
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn quote_list(&mut self) -> Result<QuoteList, ClientError> {
        self.data(&Request::QuoteList)
    }

    /// The data of an account that the session may see (4.6.14).
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

    /// An account's portfolio (4.6.15).
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

    /// An account's transactions, newest first (4.6.16).
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

    /// A page of an account's transactions, newest first: at most `count` (1 to 1,000) that are older
    /// than `before`; without it the newest. A server of an earlier edition closes the connection
    /// with [`ClientError::Protocol`].
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn history_page(
        &mut self,
        username: &Username,
        before: Option<Uuid>,
        count: u16,
    ) -> Result<TransactionPage, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::UserHistoryPage {
            session,
            username: username.clone(),
            before,
            count,
        })
    }

    /// The account's orders that have no outcome yet, newest first. A server of an earlier edition
    /// closes the connection with [`ClientError::Protocol`].
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn open_orders(&mut self) -> Result<OpenOrders, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::OpenOrders { session })
    }

    /// What the account has, may spend and has gained. A server of an earlier edition closes the
    /// connection with [`ClientError::Protocol`].
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn account_summary(&mut self) -> Result<OwnSummary, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::AccountSummary { session })
    }

    /// The receipt of one of the account's own transactions.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn receipt(&mut self, id: Uuid) -> Result<Receipt, ClientError> {
        let session = self.need_session()?;
        self.data(&Request::Receipt { session, id })
    }

    /// All that the deployment has on the account's owner: lines of JSON. A server of the first
    /// edition closes the connection. A long one takes minutes: where the server has begun to make it
    /// ready, it is asked again, for at most [`EXPORT_TIMEOUT`].
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection.
    pub fn account_export(&mut self) -> Result<Vec<String>, ClientError> {
        self.account_export_telling(|_| {})
    }

    /// The same; `tell` gets what the server says each time that it is to be asked again.
    ///
    /// # Errors
    /// As [`Client::account_export`].
    pub fn account_export_telling(
        &mut self,
        mut tell: impl FnMut(&str),
    ) -> Result<Vec<String>, ClientError> {
        let session = self.need_session()?;
        self.enter(ConnectionState::Data)?;
        let request = Request::AccountExport { session };
        let until = Instant::now() + EXPORT_TIMEOUT;
        loop {
            let asked = Instant::now();
            match self.connection.call_bulk(&request, EXPORT_PIECE_TIMEOUT) {
                Err(ClientError::Refused(refusal))
                    if refusal.reason == Reason::Overloaded
                        && asked.elapsed() >= EXPORT_TRY_MIN
                        && Instant::now() < until =>
                {
                    tell(&refusal.text);
                }
                answer => {
                    let TextList(lines) = self.decode(answer?)?;
                    return Ok(lines);
                }
            }
        }
    }

    /// Measures the round trip of a `ping`.
    ///
    /// # Errors
    /// A broken connection.
    pub fn ping(&mut self) -> Result<Duration, ClientError> {
        let start = Instant::now();
        self.connection.call(&Request::Ping)?;
        Ok(start.elapsed())
    }

    /// Whether the server reaches its master. It asks the master to end a session that nobody has,
    /// which changes nothing.
    ///
    /// # Errors
    /// A broken connection.
    pub fn has_master(&mut self) -> Result<bool, ClientError> {
        let session = SessionId::NOBODYS;
        match self.command(&Request::Logout { session }) {
            Ok(_) => Ok(true),
            Err(ClientError::Refused(refusal)) => Ok(refusal.reason != Reason::MasterUnavailable),
            Err(error) => Err(error),
        }
    }

    /// The workers that serve now (3.1.5). This call needs no session, and a master's port 2048
    /// answers it too.
    ///
    /// # Errors
    /// A broken connection.
    pub fn workers(&mut self) -> Result<Vec<String>, ClientError> {
        match self.connection.call(&Request::GetWorkerList)? {
            Answer::Message(Reply::WorkerList(workers)) => Ok(workers),
            _ => Err(self.unexpected_answer()),
        }
    }

    /// What the server tells about itself; `None`: it is of version 1, which tells nothing. This
    /// call needs no session. It is to come first: a server of version 1 ends the connection, and
    /// with it expirable sessions. The client then connects again, and does not ask again.
    ///
    /// # Errors
    /// A broken connection, or the server is not reached again.
    pub fn server_info(&mut self) -> Result<Option<ServerInfo>, ClientError> {
        if self.is_version_1 {
            return Ok(None);
        }
        match self.connection.call(&Request::GetServerInfo) {
            Ok(Answer::Message(Reply::ServerInfo(facts))) => Ok(Some(ServerInfo::of(&facts))),
            Ok(_) => Err(self.unexpected_answer()),
            Err(ClientError::Protocol {
                code: OpenValue::Known(ProtocolFault::UnknownInstruction),
                ..
            }) => {
                self.connection = self.connection.again()?;
                self.is_version_1 = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
