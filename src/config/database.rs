//! spec/config.md · 2.3 Global Deployment Variables

use std::path::{Path, PathBuf};

/// Engine and file of the master's database. The scheme of `database.url` chooses the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:FILE`
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Parses a URL. A relative file is relative to `data_dir`.
    ///
    /// # Errors
    /// The scheme is unknown, or the URL names no file.
    pub fn parse(text: &str, data_dir: &Path) -> Result<DatabaseUrl, String> {
        text.strip_prefix("sqlite:")
            .filter(|path| !path.is_empty() && !path.contains('\0') && !path.ends_with('/'))
            .map(|path| DatabaseUrl::Sqlite(data_dir.join(path)))
            .ok_or_else(|| format!("{text:?} is not sqlite:FILE, and there is no other database"))
    }

    /// The URL. A file below `data_dir` is written relative to it.
    pub fn to_text(&self, data_dir: &Path) -> String {
        let DatabaseUrl::Sqlite(file) = self;
        format!(
            "sqlite:{}",
            file.strip_prefix(data_dir).unwrap_or(file).display()
        )
    }

    /// The path of the database's file.
    pub fn file(&self) -> &Path {
        let DatabaseUrl::Sqlite(file) = self;
        file
    }
}
