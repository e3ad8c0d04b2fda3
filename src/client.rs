//! spec/client.md · 4.2 to 4.7 seen from the client (2.1.4)
//!
//! The client library of the protocol, used by `papertrader`, the benches and the tests. Each
//! module uses the ones before it: [`connection`] sends and receives frames, [`session`] makes typed calls, [`account`] those that change an account, [`failover`] selects a worker that answers, and [`order`] follows
//! an order to its outcome, and [`password_strength`] advises who chooses a password. [`store`] keeps sessions in a file between runs. The library reads and
//! prints nothing; `cli` does.

pub mod account;
pub mod book_order;
pub mod connection;
pub mod failover;
pub mod order;
pub mod password_strength;
pub mod quote_feed;
pub mod server_info;
pub mod session;
pub mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod third_party;

pub use book_order::{OrderChange, OrderForm, PlacedOrder};
pub use connection::{Answer, ConnectOptions, QueuedNotice, ServerConnection, ServerMessage};
pub use failover::WorkerPool;
pub use order::{BookRequest, HoldCause, OrderOutcome, OrderProgress, OrderTicket, OrderTimeouts};
pub use password_strength::PasswordStrength;
pub use server_info::ServerInfo;
pub use session::Client;
pub use store::SessionFile;

use crate::model::{ClientOrderId, OpenValue, ProtocolFault, Reason};
use crate::wire::{ProtocolError, Refusal};
use std::fmt;
use thiserror::Error;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ClientError {
    /// No connection could be made. Nothing was sent.
    #[error("{address}: cannot connect: {text}")]
    Unreachable { address: String, text: String },
    /// The TLS handshake failed on one of the two sides. No request was sent.
    #[error("{address}: TLS: {text}")]
    Tls { address: String, text: String },
    /// The connection ended, broke, or was silent past its deadline. The request may have taken
    /// effect.
    #[error("{address}: {text}")]
    Lost { address: String, text: String },
    /// The server sent `protocolError`, after which it closes the connection.
    #[error("{address}: {code}: {text}")]
    Protocol {
        address: String,
        code: OpenValue<ProtocolFault>,
        text: String,
    },
    /// The server sent bytes or a reply that the protocol does not allow.
    #[error("{address}: does not speak PaperTrader: {text}")]
    Nonsense { address: String, text: String },
    /// The server refused the request with a Fail return.
    #[error("{0}")]
    Refused(Refusal),
    /// Every known worker was tried and failed, each with its own error.
    #[error(fmt = no_worker)]
    NoWorker(Vec<ClientError>),
    /// No known worker answers, and those that were heard of were not tried, because nobody vouches
    /// for them.
    #[error(fmt = only_hearsay)]
    OnlyHearsay {
        /// Where the names come from: the master's address, or a worker in plain text.
        from: String,
        /// `host:port` of each worker that was not tried.
        names: Vec<String>,
        /// The errors of what was tried.
        causes: Vec<ClientError>,
    },
    /// The call needs a session and there is none.
    #[error("not logged in")]
    NoSession,
    /// An order was sent and its outcome could not be determined in time.
    #[error("what became of order {order} is not known: {text}")]
    Unknown {
        /// The order's ID. An order that is repeated under this ID cannot trade twice.
        order: ClientOrderId,
        /// The last error.
        text: String,
    },
    /// An order is in the durable queue, and was not followed to its outcome.
    #[error("the order is queued and stands; its outcome was not seen: {}", unseen(.cause.as_deref()))]
    Standing {
        notice: QueuedNotice,
        /// The last error; `None`: the caller stopped following it.
        cause: Option<Box<ClientError>>,
    },
    /// An error of this machine: a file, the terminal, a setting.
    #[error("{0}")]
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
            | ClientError::NoWorker(_)
            | ClientError::OnlyHearsay { .. } => true,
            ClientError::Protocol { code, .. } => matches!(
                code.known(),
                Some(
                    ProtocolFault::Timeout
                        | ProtocolFault::TooManyConnections
                        | ProtocolFault::ShuttingDown
                )
            ),
            ClientError::Refused(refusal) => refusal.reason == Reason::MasterUnavailable,
            ClientError::NoSession
            | ClientError::Unknown { .. }
            | ClientError::Standing { .. }
            | ClientError::Local(_) => false,
        }
    }

    /// Whether the request may have taken effect although no answer was received.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            ClientError::Lost { .. }
            | ClientError::Protocol { .. }
            | ClientError::Nonsense { .. }
            | ClientError::Unknown { .. }
            | ClientError::Standing { .. } => true,
            ClientError::NoWorker(causes) | ClientError::OnlyHearsay { causes, .. } => {
                causes.iter().any(ClientError::is_ambiguous)
            }
            ClientError::Unreachable { .. }
            | ClientError::Tls { .. }
            | ClientError::Refused(_)
            | ClientError::NoSession
            | ClientError::Local(_) => false,
        }
    }

    /// Whether a server answered with which no secure connection could be made.
    pub fn is_tls(&self) -> bool {
        match self {
            ClientError::Tls { .. } => true,
            ClientError::NoWorker(causes) | ClientError::OnlyHearsay { causes, .. } => {
                causes.iter().any(ClientError::is_tls)
            }
            _ => false,
        }
    }

    /// A code for programs: that of the refusal or protocol error, or one of this library.
    pub fn code(&self) -> &str {
        match self {
            ClientError::Refused(refusal) => refusal.reason.as_str(),
            ClientError::Protocol { code, .. } => code.as_str(),
            ClientError::Unreachable { .. }
            | ClientError::NoWorker(_)
            | ClientError::OnlyHearsay { .. } => "unreachable",
            ClientError::Tls { .. } => "tls",
            ClientError::Lost { .. } => "connection-lost",
            ClientError::Nonsense { .. } => "nonsense",
            ClientError::NoSession => "not-logged-in",
            ClientError::Unknown { .. } | ClientError::Standing { .. } => "outcome-unknown",
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

/// Why the outcome of an order that stands was not seen.
fn unseen(cause: Option<&ClientError>) -> String {
    match cause {
        None => "interrupted".to_owned(),
        Some(ClientError::Unknown { text, .. }) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn no_worker(causes: &[ClientError], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(if causes.iter().any(ClientError::is_tls) {
        "no secure connection to a server"
    } else {
        "no server answers"
    })?;
    for cause in causes {
        write!(f, "\n  {cause}")?;
    }
    Ok(())
}

fn only_hearsay(
    from: &str,
    names: &[String],
    causes: &[ClientError],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    no_worker(causes, f)?;
    write!(
        f,
        "\n  heard from {from} and not tried, because nobody vouches for it: {}",
        names.join(", ")
    )
}
