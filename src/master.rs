//! spec/master.md · 3.1 Master Server
//!
//! The master's modules.

pub mod assets;
