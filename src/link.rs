//! spec/link.md · 4.3.1 Master-Worker Server Connection
//!
//! The link between a worker and the master: which workers may link, and how their messages are
//! encrypted and authenticated.

pub mod connection;
pub mod envelope;
pub mod handshake;
pub mod key_watch;
pub mod keyring;
pub mod layout;
pub mod message;
pub mod metrics;
pub mod record;
