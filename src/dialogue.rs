//! spec/dialogue.md · 4.7 Communication
//!
//! Scripted dialogues with a worker or a master: the language of the fixtures, and the library of
//! `ptcat`, which runs them. [`crate::client`] hides the protocol from a person who trades; this
//! module shows it to a person who tests.

pub mod blame;
pub mod check;
pub mod compare;
pub mod conform;
pub mod filter;
pub mod fixtures;
pub mod link_peer;
pub mod message;
pub mod pattern;
pub mod payload_text;
pub mod peer;
pub mod pieces;
pub mod probe;
pub mod raw;
pub mod recording;
pub mod report;
pub mod requirements;
pub mod runner;
pub mod script;
pub mod sections;
pub mod servers;
pub mod variables;

pub use runner::{Difference, Runner};
pub use script::Script;
pub use servers::Dialer;
pub use variables::Variables;
