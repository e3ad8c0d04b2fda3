//! spec/net.md · 4.3 The Connection, 4.7 Communication
//!
//! Sockets for both daemons: who may come in, a reader thread a connection, and a send side that no
//! module ever waits on.

pub mod connection;
pub mod connection_limiter;
pub mod deadline;
pub mod flusher;
pub mod limits;
pub mod listener;
pub mod reader;
pub mod rejecter;
pub mod send_half;
mod send_queue;
pub mod tls;
pub mod write_buffer;

pub use connection::{Connection, ReplyWriter, SendLimits};
pub use connection_limiter::{ConnectionLimiter, ConnectionLimits};
pub use flusher::Flusher;
pub use listener::Listener;
pub use reader::{ConnectionReader, ReadEnd, ReaderLimits};

#[cfg(test)]
mod tests;
