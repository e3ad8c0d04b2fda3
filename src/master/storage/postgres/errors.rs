//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! What PostgreSQL's errors mean for a module, and for who reads the log.
//!
//! Tests: `src/master/storage/postgres/tests.rs`.

use crate::config::PostgresUrl;
use crate::master::storage::StorageError;
use postgres::error::{DbError, Severity, SqlState};
use std::error::Error;

/// What a module can do about an error of a statement. Values of rows, which PostgreSQL names in an
/// error's details, are left out.
pub(super) fn storage_error(error: &postgres::Error) -> StorageError {
    let text = text(error);
    match error.code() {
        Some(code) => of_code(code, text),
        // Without a code the connection is gone, or a value has not the type that was expected.
        None if is_lost(error) => StorageError::Busy(text),
        None => StorageError::Corrupt(text),
    }
}

fn of_code(code: &SqlState, text: String) -> StorageError {
    if *code == SqlState::QUERY_CANCELED {
        return StorageError::Interrupted(text);
    }
    if *code == SqlState::DISK_FULL || *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return StorageError::Full(text);
    }
    if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED {
        return StorageError::Corrupt(text);
    }
    let passing = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        SqlState::OUT_OF_MEMORY,
    ];
    if passing.contains(code) || code.code().starts_with("08") {
        return StorageError::Busy(text);
    }
    StorageError::Other(text)
}

/// Whether the connection is gone, so that another one may find the database.
pub(super) fn is_lost(error: &postgres::Error) -> bool {
    match error.as_db_error() {
        Some(told) => is_fatal(told),
        None => error.is_closed() || has_io(error),
    }
}

/// Whether the server ended the session with this error. Any other one ends a statement alone.
fn is_fatal(told: &DbError) -> bool {
    matches!(
        told.parsed_severity(),
        Some(Severity::Fatal | Severity::Panic)
    )
}

fn has_io(error: &postgres::Error) -> bool {
    error
        .source()
        .is_some_and(|source| source.is::<std::io::Error>())
}

/// The server's message and its code, or why there was none.
fn text(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(told) => format!("{} (SQLSTATE {})", told.message(), told.code().code()),
        None => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

/// An error of an attempt to connect, with the URL and what to do.
pub(super) fn connect_error(url: &PostgresUrl, error: &postgres::Error) -> StorageError {
    let (user, database) = (url.user(), url.database());
    let advice = match error.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD => match url.password_file() {
            Some(file) => format!("is the password of {user} in {} right?", file.display()),
            None => format!("name a file with {user}'s password in database.password_file"),
        },
        Some(code) if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => format!(
            "the server does not let {user} in from here: see its pg_hba.conf, and whether it has the user"
        ),
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
            format!(
                "make it, on the server: createdb --owner={user} --encoding=UTF8 --template=template0 {database}"
            )
        }
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => {
            "raise max_connections of the server; a master needs 16".to_owned()
        }
        Some(_) => "see the server's log".to_owned(),
        None if text(error).contains("TLS") => {
            "the server must have TLS with a certificate for its name: see sslmode and sslrootcert of database.url"
                .to_owned()
        }
        None if text(error).contains("password missing") => {
            format!("name a file with {user}'s password in database.password_file")
        }
        None => "does the server run, and does it listen there? With several hosts: is one of them the primary?"
            .to_owned(),
    };
    let text = format!("{}: {}: {advice}", url.text(), text(error));
    match storage_error(error) {
        StorageError::Busy(_) => StorageError::Busy(text),
        _ => StorageError::Other(text),
    }
}
