//! spec/cli/sandbox.md · 2.2 Infrastructure Model
//!
//! `papertrader-sandbox`: makes a deployment in one folder and runs it in the foreground, with
//! [`crate::testkit`].

pub mod arguments;
mod reset;
pub mod supervisor;
