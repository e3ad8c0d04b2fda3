//! spec/client.md · 4.2 to 4.7 seen from the client (2.1.4)
//!
//! The client library of the protocol, used by `papertrader`, the benches and the tests. Each
//! module uses the ones before it: [`stream`] sends and receives bytes, [`connection`] frames,
//! [`session`] makes typed calls, [`failover`] selects a worker that answers, and [`order`] follows
//! an order to its outcome. [`store`] keeps sessions in a file between runs. The library reads and
//! prints nothing; `cli` does.

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

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientError {
    /// No connection could be made. Nothing was sent.
    Unreachable { address: String, text: String },
    /// The TLS handshake failed on one of the two sides. No request was sent.
    Tls { address: String, text: String },
    /// The connection ended, broke, or was silent past its deadline. The request may have taken
    /// effect.
    Lost { address: String, text: String },
    /// The server sent `protocolError`, after which it closes the connection.
    Protocol {
        address: String,
        code: ProtocolFault,
        text: String,
    },
    /// The server sent bytes or a reply that the protocol does not allow.
    Nonsense { address: String, text: String },
    /// The server refused the request with a Fail return.
    Refused(Refusal),
    /// Every known worker was tried and failed, each with its own error.
    NoWorker(Vec<ClientError>),
    /// The call needs a session and there is none.
    NoSession,
    /// An order was sent and its outcome could not be determined in time.
    Unknown {
        /// The order's ID. An order that is repeated under this ID cannot trade twice.
        order: ClientOrderId,
        /// The last error.
        text: String,
    },
    /// An error of this machine: a file, the terminal, a setting.
    Local(String),
}

impl ClientError {
    /// Whether another worker may answer the request.
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

    /// Whether the request may have taken effect although no answer was received.
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

    /// A code for programs: that of the refusal or protocol error, or one of this library.
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

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Unreachable { address, text } => write!(f, "{address}: cannot connect: {text}"),
            ClientError::Tls { address, text } => write!(f, "{address}: TLS: {text}"),
            ClientError::Lost { address, text } => write!(f, "{address}: {text}"),
            ClientError::Protocol { address, code, text } => write!(f, "{address}: {code}: {text}"),
            ClientError::Nonsense { address, text } => {
                write!(f, "{address}: does not speak PaperTrader: {text}")
            }
            ClientError::Refused(refusal) => refusal.fmt(f),
            ClientError::NoWorker(causes) => {
                f.write_str("no worker answers")?;
                for cause in causes {
                    write!(f, "\n  {cause}")?;
                }
                Ok(())
            }
            ClientError::NoSession => f.write_str("not logged in"),
            ClientError::Unknown { order, text } => {
                write!(f, "what became of order {order} is not known: {text}")
            }
            ClientError::Local(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for ClientError {}
