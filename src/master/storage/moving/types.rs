//! spec/master/storage/moving.md · 3.1.2 Database Management
//!
//! What a move of a database is told of, and what it tells.

use crate::master::storage::StorageError;
use thiserror::Error;

/// Why a database was not moved. Nothing of it is in the target then.
#[derive(Debug, Error)]
pub enum MoveError {
    /// Whoever asked for it broke it off.
    #[error("broken off")]
    Cancelled,
    /// Source or target is not as it must be: what, and what to do.
    #[error("{0}")]
    Refused(String),
    /// A database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// How far a move is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoveStep {
    /// So many of all rows have been written.
    Rows { done: u64, total: u64 },
    /// So many of the target's indexes and references have been made.
    Indexes { done: u64, total: u64 },
    /// All is written and is checked.
    Checking,
}

/// Is told how far a move is, several times a second while it goes on; an error ends it.
pub type MoveWatch<'a> = dyn FnMut(MoveStep) -> Result<(), MoveError> + 'a;

/// A table whose rows are moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::master::storage) struct MovedTable {
    pub name: String,
    /// Its columns, by which rows are read and written: engines may have them in another order.
    pub columns: Vec<String>,
    /// The columns of its primary key: rows are read and written in this order.
    pub key: Vec<String>,
}

impl MovedTable {
    /// Reads all rows in the order of the key.
    pub fn select(&self) -> String {
        format!(
            "SELECT {} FROM {} ORDER BY {}",
            self.columns.join(", "),
            self.name,
            self.key.join(", ")
        )
    }
}
