//! spec/link.md · 4.3.1 Master-Worker Server Connection
//!
//! What stands between a worker's socket and the master's: who may link, and how what they exchange is sealed.

pub mod connection;
pub mod envelope;
pub mod handshake;
pub mod keyring;
pub mod message;
pub mod record;
