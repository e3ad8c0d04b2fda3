//! spec/cli.md · 2.1.4 (what people type), 3.1.5 (what administrators type)
//!
//! The programs for a terminal: command lines, tables and texts. Each calls a library and prints.

pub mod bench;
pub mod ctl;
pub mod input;
pub mod output;
pub mod papertrader;
pub mod ptcat;
pub mod sandbox;
pub mod signals;
pub mod table;
pub mod terminal;
pub mod usage;
