//! PaperTrader: practise investing with play money.
//!
//! The floors, in reading order. Each imports only from those above it; see `spec/README.md` for
//! the bird's-eye view, the invariants, and the table from the specification's sections to these
//! files.
#![cfg_attr(
    test,
    allow(clippy::too_many_lines, reason = "a test is a list of steps")
)]

pub mod model;
pub mod wire;

pub mod runtime;

pub mod config;

pub mod net;
pub mod page;

pub mod link;

pub mod admin;

pub mod client;
pub mod daemon;
pub mod master;
pub mod worker;

pub mod testkit;

pub mod dialogue;

pub mod description;

pub mod bench;
pub mod course;

pub mod cli;
