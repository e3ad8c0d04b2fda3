//! spec/net.md · 4.3 The Connection, 4.7 Communication
//!
//! Sockets of both daemons: a listener with limits, a reader thread for each connection, and a send
//! side that never blocks a module.

pub mod certificate;
mod client_cipher;
pub mod client_stream;
pub mod client_tls;
pub mod connection;
pub mod connection_limiter;
pub mod deadline;
pub mod flusher;
pub mod held_bytes;
pub mod http;
pub mod limits;
pub mod listener;
pub mod metrics;
mod notice_bytes;
pub mod proxy_header;
pub mod reader;
pub mod rejecter;
pub mod send_half;
mod send_queue;
pub mod tls;
pub mod websocket;
pub mod write_buffer;

pub use client_cipher::Transport;
pub use client_stream::ClientStream;
pub use client_tls::ClientTls;
pub use connection::{Connection, ReplyWriter, SendLimits};
pub use connection_limiter::{ConnectionLimiter, ConnectionLimits};
pub use flusher::Flusher;
pub use listener::Listener;
pub use reader::{ConnectionReader, ReadEnd, ReaderLimits};

#[cfg(test)]
mod tests;
