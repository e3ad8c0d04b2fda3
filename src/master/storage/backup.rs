//! spec/master/storage.md · 3.1.2 Database Management
//!
//! Copies a database that may be in use, and replaces a database with a copy.

use super::files::{self, beside, create_file, delete_file, sync_folder};
use super::sqlite::{self, SqliteStorage};
use super::{Reader, Storage, StorageError, StorageLock};
use crate::config::DatabaseUrl;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

/// Replaced databases that are kept in the folder.
const KEPT_MAX: u32 = 99;

/// Writes a consistent copy of a database, which may be in use, to a new file. Stops when
/// `cancelled` returns true.
///
/// # Errors
/// The file exists or cannot be written, or the copy was cancelled. A partial copy is deleted.
pub fn copy(
    from: &DatabaseUrl,
    to: &Path,
    cancelled: &dyn Fn() -> bool,
) -> Result<(), StorageError> {
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

/// A locked database that is to be replaced.
#[derive(Debug)]
pub struct RestoreTarget<'a> {
    database: &'a Path,
    lock: PathBuf,
    lock_is_new: bool,
    _held: StorageLock,
}

/// The result of a restore.
#[derive(Debug)]
pub struct Replacement {
    /// Number of sessions deleted from the restored database.
    pub ended: usize,
    /// New path of the replaced database, if there was one.
    pub replaced: Option<PathBuf>,
}

impl RestoreTarget<'_> {
    /// Locks the database.
    ///
    /// # Errors
    /// A master holds the lock, or the lock file cannot be created.
    pub fn lock(url: &DatabaseUrl) -> Result<RestoreTarget<'_>, StorageError> {
        let DatabaseUrl::Sqlite(database) = url;
        let lock = sqlite::lock_path(database);
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

    /// Replaces the database with a copy of `file` without its sessions. The replaced database
    /// stays in the folder, with `.old` appended to its name.
    ///
    /// # Errors
    /// The file is damaged or of another version, or the file system returns an error. The database
    /// is then unchanged, except if the very last rename fails: it then has its new name.
    pub fn replace(&self, file: &Path) -> Result<Replacement, String> {
        let database = self.database;
        let new = beside(database, ".new");
        let _ = delete_file(&new);
        let source = Reader::open_file(file).map_err(|error| error.to_string())?;
        copy_from(&source, &new, &|| false).map_err(|error| error.to_string())?;
        let placed = end_sessions(&new).and_then(|ended| {
            copy_owner(&new, database)?;
            if self.lock_is_new {
                copy_owner(&self.lock, database)?;
            }
            let replaced = move_aside(database)?;
            fs::rename(&new, database).map_err(|error| with_path(database, &error))?;
            files::sync_folder(database).map_err(|error| with_path(database, &error))?;
            Ok(Replacement { ended, replaced })
        });
        placed.inspect_err(|_| {
            let _ = delete_file(&new);
        })
    }
}

fn with_path(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Deletes the sessions: one that ended after the backup must not become valid again.
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

/// Sets the file's owner to that of the database or, without one, of the folder: root may restore a
/// file that the daemon's user must be able to open.
fn copy_owner(file: &Path, database: &Path) -> Result<(), String> {
    let folder = database.parent().unwrap_or(Path::new("/"));
    let model = fs::metadata(database)
        .or_else(|_| fs::metadata(folder))
        .map_err(|error| with_path(database, &error))?;
    let now = fs::metadata(file).map_err(|error| with_path(file, &error))?;
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

/// Renames the database and SQLite's files next to it. Returns the new path.
fn move_aside(database: &Path) -> Result<Option<PathBuf>, String> {
    if !database.exists() {
        return Ok(None);
    }
    let free = |name: &PathBuf| !name.exists();
    let names = std::iter::once(".old".to_owned())
        .chain((2..=KEPT_MAX).map(|number| format!(".old{number}")));
    let old = names
        .map(|end| beside(database, &end))
        .find(free)
        .ok_or_else(|| {
            format!(
                "{} and {KEPT_MAX} others are there; move them away",
                beside(database, ".old").display()
            )
        })?;
    // Closing the last connection checkpoints the write-ahead log, if the database can be opened at
    // all.
    drop(SqliteStorage::open(database).map(|whole| whole.touch()));
    // A write-ahead log that was not checkpointed belongs to the database next to it.
    for end in ["-wal", "-shm"] {
        let part = beside(database, end);
        if part.exists() {
            fs::rename(&part, beside(&old, end)).map_err(|error| with_path(&part, &error))?;
        }
    }
    fs::rename(database, &old).map_err(|error| with_path(database, &error))?;
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
