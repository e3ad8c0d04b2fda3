//! spec/net.md · 4.3 The Connection
//!
//! Sockets for both daemons: who may come in, a reader thread a connection, and a send side that no
//! module ever waits on.

pub mod connection;
pub mod drainer;
pub mod limits;
pub mod listener;
pub mod outbox;
pub mod reader;
pub mod refusal;
mod side;
pub mod tls;

pub use connection::{Connection, ReplyWriter, SendLimits};
pub use drainer::Flusher;
pub use limits::{ConnectionLimiter, ConnectionLimits};
pub use listener::Listener;
pub use reader::{ConnectionReader, ReadEnd, ReaderLimits};

#[cfg(test)]
mod tests;
