//! spec/client.md · 4.2 to 4.7 seen from the client (2.1.4)
//!
//! The protocol from the other side: used by `papertrader`, the benches and the tests. From below to above:
//! [`stream`] moves bytes and
//! [`connection`] frames, [`session`] makes typed calls of them, [`failover`] finds a worker that
//! answers, [`order`] sees an order through to its outcome, and [`store`] remembers sessions between runs.
//! The program `papertrader` stands on it: see `cli`.

pub mod connection;
pub mod failover;
pub mod order;
pub mod session;
pub mod store;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod tls;

pub use connection::{Answer, ConnectOptions, QueuedNotice, ServerConnection, ServerMessage};
pub use failover::WorkerPool;
pub use order::{OrderOutcome, OrderProgress, OrderTicket, OrderTimeouts};
pub use session::Client;
pub use store::SessionFile;
pub use tls::ClientTls;

use crate::model::{ClientOrderId, ProtocolFault, Reason};
use crate::wire::{ProtocolError, Refusal};
use std::fmt;
use thiserror::Error;

/// Why a call has no answer that it could give.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    /// No connection came about: nothing was sent.
    #[error("{address}: cannot connect: {text}")]
    Unreachable {
        /// Where to.
        address: String,
        /// Why not.
        text: String,
    },
    /// TLS was refused by one side: nothing was sent.
    #[error("{address}: TLS: {text}")]
    Tls {
        /// Where to.
        address: String,
        /// Why.
        text: String,
    },
    /// The connection ended, broke, or stayed silent beyond its deadline. What was asked may have happened.
    #[error("{address}: {text}")]
    Lost {
        /// Where to.
        address: String,
        /// How.
        text: String,
    },
    /// The server sent `protocolError`, and closes.
    #[error("{address}: {code}: {text}")]
    Protocol {
        /// Which server.
        address: String,
        /// Its code.
        code: ProtocolFault,
        /// Its text.
        text: String,
    },
    /// The server sent what no server of this protocol sends.
    #[error("{address}: does not speak PaperTrader: {text}")]
    Nonsense {
        /// Which server.
        address: String,
        /// What is wrong with it.
        text: String,
    },
    /// A Fail return.
    #[error("{0}")]
    Refused(Refusal),
    /// Every known worker was tried, and this is how each ended.
    #[error(fmt = no_worker)]
    NoWorker(Vec<ClientError>),
    /// The call needs a session, and there is none.
    #[error("not logged in")]
    NoSession,
    /// An order was sent, and what became of it could not be found out in time.
    #[error("what became of order {order} is not known: {text}")]
    Unknown {
        /// The order's own name: repeating it under this name cannot trade twice.
        order: ClientOrderId,
        /// What was seen last.
        text: String,
    },
    /// Something on this machine: a file, the terminal, the clock.
    #[error("{0}")]
    Local(String),
}

impl ClientError {
    /// Whether another worker may well answer what this one did not.
    pub fn is_about_the_worker(&self) -> bool {
        match self {
            ClientError::Unreachable { .. }
            | ClientError::Tls { .. }
            | ClientError::Lost { .. }
            | ClientError::Nonsense { .. }
            | ClientError::NoWorker(_) => true,
            ClientError::Protocol { code, .. } => matches!(
                code,
                ProtocolFault::Timeout | ProtocolFault::TooManyConnections | ProtocolFault::ShuttingDown
            ),
            ClientError::Refused(refusal) => refusal.reason == Reason::MasterUnavailable,
            ClientError::NoSession | ClientError::Unknown { .. } | ClientError::Local(_) => false,
        }
    }

    /// Whether the request may have taken effect although no answer came.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            ClientError::Lost { .. }
            | ClientError::Protocol { .. }
            | ClientError::Nonsense { .. }
            | ClientError::Unknown { .. } => true,
            ClientError::NoWorker(causes) => causes.iter().any(ClientError::is_ambiguous),
            ClientError::Unreachable { .. }
            | ClientError::Tls { .. }
            | ClientError::Refused(_)
            | ClientError::NoSession
            | ClientError::Local(_) => false,
        }
    }

    /// The code of a refusal or a protocol error, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            ClientError::Refused(refusal) => refusal.reason.as_str(),
            ClientError::Protocol { code, .. } => code.as_str(),
            ClientError::Unreachable { .. } | ClientError::NoWorker(_) => "unreachable",
            ClientError::Tls { .. } => "tls",
            ClientError::Lost { .. } => "connection-lost",
            ClientError::Nonsense { .. } => "nonsense",
            ClientError::NoSession => "not-logged-in",
            ClientError::Unknown { .. } => "outcome-unknown",
            ClientError::Local(_) => "local",
        }
    }

    fn nonsense(address: &str, fault: ProtocolError) -> ClientError {
        ClientError::Nonsense {
            address: address.to_owned(),
            text: fault.text.to_owned(),
        }
    }
}

fn no_worker(causes: &[ClientError], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("no worker answers")?;
    for cause in causes {
        write!(f, "\n  {cause}")?;
    }
    Ok(())
}
