//! spec/dialogue.md · 4.7 Communication
//!
//! Dialogues with a worker or a master, as scripts that a person can read aloud: the language of the fixtures,
//! and what `ptcat` does with it. Where `client` serves a person who trades, this serves a person who tests.

pub mod conform;
pub mod filter;
pub mod message;
pub mod pattern;
pub mod payload_text;
pub mod peer;
pub mod raw;
pub mod report;
pub mod runner;
pub mod script;
pub mod servers;
pub mod variables;

pub use runner::{Difference, Runner};
pub use script::Script;
pub use servers::Dialer;
pub use variables::Variables;
