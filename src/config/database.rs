//! spec/config.md · 2.3 Global Deployment Variables

use super::postgres::PostgresUrl;
use std::path::{Path, PathBuf};

/// Engine and place of the master's database. The scheme of `database.url` chooses the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:FILE`
    Sqlite(PathBuf),
    /// `postgres://USER@HOST/DATABASE`
    Postgres(Box<PostgresUrl>),
}

impl DatabaseUrl {
    /// Parses a URL. A relative file is relative to `data_dir`.
    ///
    /// # Errors
    /// The scheme is unknown, or the URL names no file or no database.
    pub fn parse(text: &str, data_dir: &Path) -> Result<DatabaseUrl, String> {
        if PostgresUrl::is_one(text) {
            return Ok(DatabaseUrl::Postgres(Box::new(PostgresUrl::parse(text)?)));
        }
        text.strip_prefix("sqlite:")
            .filter(|path| !path.is_empty() && !path.contains('\0') && !path.ends_with('/'))
            .map(|path| DatabaseUrl::Sqlite(data_dir.join(path)))
            .ok_or_else(|| {
                format!(
                    "{text:?} is neither sqlite:FILE nor postgres://USER@HOST/DATABASE, and there is no other database"
                )
            })
    }

    /// The URL. A file below `data_dir` is written relative to it.
    pub fn to_text(&self, data_dir: &Path) -> String {
        match self {
            DatabaseUrl::Sqlite(file) => format!(
                "sqlite:{}",
                file.strip_prefix(data_dir).unwrap_or(file).display()
            ),
            DatabaseUrl::Postgres(url) => url.text().to_owned(),
        }
    }

    /// The path of the database's file; `None` where it is on a server.
    pub fn file(&self) -> Option<&Path> {
        match self {
            DatabaseUrl::Sqlite(file) => Some(file),
            DatabaseUrl::Postgres(_) => None,
        }
    }

    /// The file with the password; `None` where there is none.
    pub fn password_file(&self) -> Option<&Path> {
        match self {
            DatabaseUrl::Sqlite(_) => None,
            DatabaseUrl::Postgres(url) => url.password_file().map(PathBuf::as_path),
        }
    }

    /// The file, or the URL of a database on a server, as people read it.
    pub fn shown(&self) -> String {
        match self {
            DatabaseUrl::Sqlite(file) => file.display().to_string(),
            DatabaseUrl::Postgres(url) => url.text().to_owned(),
        }
    }
}
