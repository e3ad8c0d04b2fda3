//! spec/cli.md · 2.1.4 (what people type), 3.1.5 (what administrators type)
//!
//! The programs that a terminal touches: command lines, tables, texts. Each stands on the library below it.

pub mod ctl;
pub mod papertrader;
pub mod ptcat;
pub mod table;
