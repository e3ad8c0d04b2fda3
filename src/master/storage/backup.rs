//! spec/master/storage/backup.md · 3.1.2 Database Management
//!
//! Copies a database that may be in use, and puts a copy in a database's place.

use super::files::{self, beside, create_file, delete_file, sync_folder};
use super::sqlite::{self, SqliteStorage};
use super::{Reader, Storage, StorageError, StorageLock};
use crate::config::DatabaseUrl;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

/// Replaced databases that are kept beside.
const KEPT_MAX: u32 = 99;

/// Writes a consistent copy of a database, which may be in use, to a file that does not exist yet,
/// until `cancelled` says otherwise.
///
/// # Errors
/// The file exists, or cannot be written; or the copy was broken off. Nothing of it stays.
pub fn copy(from: &DatabaseUrl, to: &Path, cancelled: &dyn Fn() -> bool) -> Result<(), StorageError> {
    copy_from(&Reader::open(from)?, to, cancelled)
}

fn copy_from(from: &Reader, to: &Path, cancelled: &dyn Fn() -> bool) -> Result<(), StorageError> {
    let Reader::Sqlite(source) = from;
    let io = |error| StorageError::Io(to.to_owned(), error);
    if to.exists() {
        return Err(io(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the file exists; name another",
        )));
    }
    let part = beside(to, ".part");
    let _ = delete_file(&part);
    create_file(&part, b"").map_err(io)?;
    let placed = sqlite::copy_pages(source, &part, to, cancelled).and_then(|()| {
        File::open(&part).and_then(|f| f.sync_all()).map_err(io)?;
        if to.exists() {
            return Err(io(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the file has appeared meanwhile",
            )));
        }
        fs::rename(&part, to).map_err(io)?;
        sync_folder(to).map_err(io)
    });
    if placed.is_err() {
        let _ = delete_file(&part);
        let _ = delete_file(&beside(&part, "-journal"));
    }
    placed
}

/// A database that no master has and that is to be replaced.
#[derive(Debug)]
pub struct RestoreTarget<'a> {
    database: &'a Path,
    lock: PathBuf,
    lock_is_new: bool,
    _held: StorageLock,
}

/// What a restore did.
#[derive(Debug)]
pub struct Replacement {
    /// Sessions that were ended in the restored database.
    pub ended: usize,
    /// Where the replaced database is now.
    pub replaced: Option<PathBuf>,
}

impl RestoreTarget<'_> {
    /// Takes the right to use the database.
    ///
    /// # Errors
    /// A master has it, or the lock file cannot be made.
    pub fn lock(url: &DatabaseUrl) -> Result<RestoreTarget<'_>, StorageError> {
        let DatabaseUrl::Sqlite(database) = url;
        let lock = sqlite::beside_lock(database);
        let lock_is_new = !lock.exists();
        let held = Storage::lock(url)?;
        Ok(RestoreTarget {
            database,
            lock,
            lock_is_new,
            _held: held,
        })
    }

    /// Whether a file is the database itself.
    pub fn is(&self, file: &Path) -> bool {
        let identity = |path: &Path| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
        identity(file).is_some() && identity(file) == identity(self.database)
    }

    /// Puts a copy of `file`, without its sessions, in the database's place; what it replaces is
    /// kept beside with `.old` at its end.
    ///
    /// # Errors
    /// The file is damaged or of another version, or the file system refuses. The database is then
    /// untouched.
    pub fn replace(&self, file: &Path) -> Result<Replacement, String> {
        let database = self.database;
        let new = beside(database, ".new");
        let _ = delete_file(&new);
        let source = Reader::open_file(file).map_err(|error| error.to_string())?;
        copy_from(&source, &new, &|| false).map_err(|error| error.to_string())?;
        let placed = end_sessions(&new).and_then(|ended| {
            own(&new, database)?;
            if self.lock_is_new {
                own(&self.lock, database)?;
            }
            let replaced = put_aside(database)?;
            fs::rename(&new, database).map_err(|error| said(database, &error))?;
            files::sync_folder(database).map_err(|error| said(database, &error))?;
            Ok(Replacement { ended, replaced })
        });
        placed.inspect_err(|_| {
            let _ = delete_file(&new);
        })
    }
}

fn said(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// A session that was ended after the backup was made must not come to life again.
fn end_sessions(new: &Path) -> Result<usize, String> {
    let end = || -> Result<usize, StorageError> {
        let mut storage = Storage::Sqlite(SqliteStorage::open_plain(new)?);
        let mut tx = storage.begin()?;
        let ended = tx.delete_all_sessions()?;
        tx.commit()?;
        let Storage::Sqlite(sqlite) = storage;
        sqlite.close()?;
        Ok(ended)
    };
    end().map_err(|error| format!("{}: {error}", new.display()))
}

/// Root may restore what the daemon's user must be able to open: the file gets the owner of the
/// database that it replaces, or of the folder.
fn own(file: &Path, database: &Path) -> Result<(), String> {
    let folder = database.parent().unwrap_or(Path::new("/"));
    let model = fs::metadata(database)
        .or_else(|_| fs::metadata(folder))
        .map_err(|error| said(database, &error))?;
    let now = fs::metadata(file).map_err(|error| said(file, &error))?;
    if (now.uid(), now.gid()) == (model.uid(), model.gid()) {
        return Ok(());
    }
    chown(file, Some(model.uid()), Some(model.gid())).map_err(|error| {
        format!(
            "{}: it cannot be given to the database's owner ({error}); run this as that user, or as root",
            file.display()
        )
    })
}

/// Moves the database and what SQLite keeps beside it out of the way. Where it is now.
fn put_aside(database: &Path) -> Result<Option<PathBuf>, String> {
    if !database.exists() {
        return Ok(None);
    }
    let free = |name: &PathBuf| !name.exists();
    let names =
        std::iter::once(".old".to_owned()).chain((2..=KEPT_MAX).map(|number| format!(".old{number}")));
    let old = names
        .map(|end| beside(database, &end))
        .find(free)
        .ok_or_else(|| {
            format!(
                "{} and {KEPT_MAX} others are there; move them away",
                beside(database, ".old").display()
            )
        })?;
    // Closing the last connection folds the write-ahead log in, where the database can be opened at
    // all.
    drop(SqliteStorage::open(database).map(|whole| whole.touch()));
    // A log that was not folded in belongs to the database that it stands beside.
    for end in ["-wal", "-shm"] {
        let part = beside(database, end);
        if part.exists() {
            fs::rename(&part, beside(&old, end)).map_err(|error| said(&part, &error))?;
        }
    }
    fs::rename(database, &old).map_err(|error| said(database, &error))?;
    Ok(Some(old))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::testing::Engine;

    #[test]
    fn a_backup_is_whole_and_overwrites_nothing() {
        let engine = Engine::sqlite();
        let to = engine.folder().join("copy.db");
        let go_on = || false;
        copy(engine.url(), &to, &go_on).unwrap();
        Storage::migrate(&DatabaseUrl::Sqlite(to.clone())).unwrap();
        assert!(copy(engine.url(), &to, &go_on).is_err());
        assert!(!beside(&to, ".part").exists());
        let other = engine.folder().join("other.db");
        assert!(copy(engine.url(), &other, &|| true).is_err());
        let names = fs::read_dir(engine.folder()).unwrap();
        let left = names.filter(|name| {
            let name = name.as_ref().unwrap().file_name();
            name.to_string_lossy().starts_with("other")
        });
        assert_eq!(left.count(), 0);
    }
}
