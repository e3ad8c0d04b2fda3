//! spec/admin.md · 3.1.3, 4.1 (basic error handling)
//!
//! A roster: people who get accounts with one-time codes, as a request and its answer have them.
//!
//! Tests: `tests/suite/master/accounts.rs`.

use super::model::CodeSummary;
use serde::{Deserialize, Serialize};

/// The most people in a roster, so that a request and a commit stay short.
pub const ROSTER_MAX: usize = 1_000;
/// The most faults of a roster that an answer names. It counts the others.
pub const FAULTS_MAX: usize = 100;

/// Somebody who gets an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterRow {
    /// The line of the roster, from 1 on, for faults.
    pub line: u64,
    pub username: String,
    /// `None`: the account has no address.
    pub email: Option<String>,
}

/// Why a row of a roster gets no account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterFault {
    /// The line of the roster, from 1 on.
    pub line: u64,
    pub text: String,
}

/// Somebody in a roster who has entered the account that an earlier roster made, and gets no code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterPass {
    /// The line of the roster, from 1 on.
    pub line: u64,
    /// As the roster has it.
    pub user: String,
}

/// What became of a roster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterSummary {
    /// The deployment's name.
    pub deployment: String,
    /// `host:port` of each registered worker.
    pub servers: Vec<String>,
    /// The accounts that were made, or have new codes, in the roster's order, with their codes. None where the roster
    /// was only checked, or has a fault.
    pub accounts: Vec<CodeSummary>,
    /// The rows that were passed over, by line. There are none unless new codes were asked for.
    #[serde(default)]
    pub passed: Vec<RosterPass>,
    /// By line, at most [`FAULTS_MAX`]. If there is one, no account was made.
    pub faults: Vec<RosterFault>,
    /// Faults beyond those listed.
    pub more: usize,
}
