//! spec/config/database.md · 2.3 Global Deployment Variables

use std::path::{Path, PathBuf};

/// Where the master's data are; the scheme of `database.url` chooses the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:FILE`
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Reads a URL; a relative file is one below `data_dir`.
    ///
    /// # Errors
    /// No engine's, or without a file.
    pub fn parse(text: &str, data_dir: &Path) -> Result<DatabaseUrl, String> {
        text.strip_prefix("sqlite:")
            .filter(|path| !path.is_empty() && !path.contains('\0') && !path.ends_with('/'))
            .map(|path| DatabaseUrl::Sqlite(data_dir.join(path)))
            .ok_or_else(|| format!("{text:?} is not sqlite:FILE, and there is no other database"))
    }

    /// The URL, with a file below `data_dir` as a relative one.
    pub fn to_text(&self, data_dir: &Path) -> String {
        let DatabaseUrl::Sqlite(file) = self;
        format!("sqlite:{}", file.strip_prefix(data_dir).unwrap_or(file).display())
    }

    /// The database's file.
    pub fn file(&self) -> &Path {
        let DatabaseUrl::Sqlite(file) = self;
        file
    }
}
