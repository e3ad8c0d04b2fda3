//! spec/client.md · 4.2 to 4.7 seen from the client (2.1.4)
//!
//! The protocol from the other side: used by `papertrader`, the benches and the tests. From below to above:
//! [`stream`] moves bytes and
//! [`connection`] frames, [`session`] makes typed calls of them, [`failover`] finds a worker that
//! answers, [`order`] sees an order through to its outcome, [`store`] remembers sessions between runs, and
//! [`cli`] and [`commands`] are the program.

pub mod chart;
pub mod cli;
pub mod commands;
pub mod connection;
pub mod failover;
pub mod order;
pub mod password;
pub mod session;
pub mod store;
pub mod stream;
pub mod table;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod view;

pub use connection::{Answer, Connection, Incoming, Notice, Options};
pub use failover::Pool;
pub use order::{Order, Outcome, Patience, Progress};
pub use session::Client;
pub use store::Store;
pub use tls::Security;

use crate::model::{ClientOrderId, ProtocolFault, Reason};
use crate::wire::{Fault, Refusal};
use std::fmt;

/// Why a call has no answer that it could give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// No connection came about: nothing was sent.
    Unreachable {
        /// Where to.
        address: String,
        /// Why not.
        text: String,
    },
    /// TLS was refused by one side: nothing was sent.
    Tls {
        /// Where to.
        address: String,
        /// Why.
        text: String,
    },
    /// The connection ended, broke, or stayed silent beyond its deadline. What was asked may have happened.
    Lost {
        /// Where to.
        address: String,
        /// How.
        text: String,
    },
    /// The server sent `protocolError`, and closes.
    Protocol {
        /// Which server.
        address: String,
        /// Its code.
        code: ProtocolFault,
        /// Its text.
        text: String,
    },
    /// The server sent what no server of this protocol sends.
    Nonsense {
        /// Which server.
        address: String,
        /// What is wrong with it.
        text: String,
    },
    /// A Fail return.
    Refused(Refusal),
    /// Every known worker was tried, and this is how each ended.
    NoWorker(Vec<Error>),
    /// The call needs a session, and there is none.
    NoSession,
    /// An order was sent, and what became of it could not be found out in time.
    Unknown {
        /// The order's own name: repeating it under this name cannot trade twice.
        order: ClientOrderId,
        /// What was seen last.
        text: String,
    },
    /// Something on this machine: a file, the terminal, the clock.
    Local(String),
}

impl Error {
    /// Whether another worker may well answer what this one did not.
    pub fn is_about_the_worker(&self) -> bool {
        match self {
            Error::Unreachable { .. }
            | Error::Tls { .. }
            | Error::Lost { .. }
            | Error::Nonsense { .. }
            | Error::NoWorker(_) => true,
            Error::Protocol { code, .. } => matches!(
                code,
                ProtocolFault::Timeout | ProtocolFault::TooManyConnections | ProtocolFault::ShuttingDown
            ),
            Error::Refused(refusal) => refusal.reason == Reason::MasterUnavailable,
            Error::NoSession | Error::Unknown { .. } | Error::Local(_) => false,
        }
    }

    /// Whether the request may have taken effect although no answer came.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Error::Lost { .. } | Error::Protocol { .. } | Error::Nonsense { .. } | Error::Unknown { .. } => {
                true
            }
            Error::NoWorker(causes) => causes.iter().any(Error::is_ambiguous),
            Error::Unreachable { .. }
            | Error::Tls { .. }
            | Error::Refused(_)
            | Error::NoSession
            | Error::Local(_) => false,
        }
    }

    /// The code of a refusal or a protocol error, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Refused(refusal) => refusal.reason.as_str(),
            Error::Protocol { code, .. } => code.as_str(),
            Error::Unreachable { .. } | Error::NoWorker(_) => "unreachable",
            Error::Tls { .. } => "tls",
            Error::Lost { .. } => "connection-lost",
            Error::Nonsense { .. } => "nonsense",
            Error::NoSession => "not-logged-in",
            Error::Unknown { .. } => "outcome-unknown",
            Error::Local(_) => "local",
        }
    }

    fn nonsense(address: &str, fault: Fault) -> Error {
        Error::Nonsense {
            address: address.to_owned(),
            text: fault.text.to_owned(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unreachable { address, text } => write!(f, "{address}: cannot connect: {text}"),
            Error::Tls { address, text } => write!(f, "{address}: TLS: {text}"),
            Error::Lost { address, text } => write!(f, "{address}: {text}"),
            Error::Protocol { address, code, text } => write!(f, "{address}: {code}: {text}"),
            Error::Nonsense { address, text } => {
                write!(f, "{address}: does not speak PaperTrader: {text}")
            }
            Error::Refused(refusal) => refusal.fmt(f),
            Error::NoWorker(causes) => {
                f.write_str("no worker answers")?;
                for cause in causes {
                    write!(f, "\n  {cause}")?;
                }
                Ok(())
            }
            Error::NoSession => f.write_str("not logged in"),
            Error::Unknown { order, text } => {
                write!(f, "what became of order {order} is not known: {text}")
            }
            Error::Local(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}
