//! spec/master/storage.md · 3.1.2 Database Management
//!
//! Copies a database that may be in use, and replaces a database with a copy.

use super::files::{self, beside, create_file, delete_file, sync_folder};
use super::schema;
use super::sqlite::{self, SqliteStorage, other_version};
use super::{Storage, StorageError, StorageLock, VersionMismatch};
use crate::config::DatabaseUrl;
use crate::runtime::ownership::{OwnershipError, open_given_file};
use rustix::process::geteuid;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The first bytes of every database of SQLite.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Appended to the database's name: a copy that is made to be sent.
const SENDING: &str = ".sending";
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
    let source = &SqliteStorage::open_reader(file_of(from)?)?;
    let io = |error| StorageError::Io(to.to_owned(), error);
    if stands(to) {
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
        if stands(to) {
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

/// The file of a database. One on a server is backed up and restored by the server's own programs.
///
/// # Errors
/// It is on a server: the error says how a backup is made there.
pub fn file_of(database: &DatabaseUrl) -> Result<&Path, StorageError> {
    database.file().ok_or_else(|| {
        StorageError::Other(format!(
            "the database is on a PostgreSQL server: back it up with pg_dump --format=custom --file=FILE '{url}', and \
             restore it with pg_restore while no master runs",
            url = database.shown()
        ))
    })
}

/// Makes a consistent copy of a database, which may be in use, for who sends it. The copy has no name
/// when this returns: it goes with its last descriptor. Stops when `cancelled` returns true.
///
/// # Errors
/// The copy cannot be written beside the database, or was cancelled.
pub fn copy_to_send(
    from: &DatabaseUrl,
    cancelled: &dyn Fn() -> bool,
) -> Result<File, StorageError> {
    let database = file_of(from)?;
    let source = &SqliteStorage::open_reader(database)?;
    delete_sending(from);
    let named = beside(database, SENDING);
    let io = |error| StorageError::Io(named.clone(), error);
    create_file(&named, b"").map_err(io)?;
    let opened = sqlite::copy_pages(source, &named, &named, cancelled)
        .and_then(|()| File::open(&named).map_err(io));
    delete_sending(from);
    opened
}

/// Deletes what a master that was killed has left of a copy to send.
pub fn delete_sending(database: &DatabaseUrl) {
    let Some(file) = database.file() else {
        return;
    };
    for end in ["", "-journal", "-wal", "-shm"] {
        // Most of them are never there.
        let _ = delete_file(&beside(&beside(file, SENDING), end));
    }
}

/// The most bytes that a copy of a database takes now.
///
/// # Errors
/// The database cannot be looked at.
pub fn copied_bytes_max(database: &DatabaseUrl) -> Result<u64, StorageError> {
    let file = file_of(database)?;
    let size = |path: &Path| fs::metadata(path).map(|it| it.len());
    let whole = size(file).map_err(|error| StorageError::Io(file.to_owned(), error))?;
    // The log may have pages that the file has not.
    Ok(whole.saturating_add(size(&beside(file, "-wal")).unwrap_or(0)))
}

/// Where a database's header says in which mode it is written.
const MODE_AT: u64 = 18;
/// The mode with a write-ahead log.
const WAL_MODE: u8 = 2;

/// Whether a database file expects a write-ahead log, and `path` has none with content beside it.
/// A master that stops moves the log into the file; a copy of a running master's file alone lacks
/// what is newest.
///
/// # Errors
/// The file cannot be read.
pub fn lacks_log(file: &File, path: &Path) -> io::Result<bool> {
    let mut mode = [0];
    file.read_exact_at(&mut mode, MODE_AT)?;
    Ok(mode == [WAL_MODE] && !has_content(&beside(path, "-wal")))
}

fn has_content(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|it| it.len() > 0)
}

/// A backup that is open for reading.
#[derive(Debug)]
pub struct BackupFile {
    file: File,
    path: PathBuf,
}

impl BackupFile {
    /// Opens a backup with the rights that this process has.
    ///
    /// # Errors
    /// It is a link, no regular file or no database; it cannot be opened; or a journal stands
    /// beside it, so that the file alone is not the whole database.
    pub fn open(path: &Path) -> Result<BackupFile, StorageError> {
        let file = open_given_file(path)?;
        let mut magic = [0; MAGIC.len()];
        if file.read_exact_at(&mut magic, 0).is_err() || magic != *MAGIC {
            return Err(StorageError::OtherVersion(other_version(path, 0)));
        }
        for end in ["-wal", "-journal"] {
            let journal = beside(path, end);
            if has_content(&journal) {
                let text = "this journal stands beside the backup: the backup is in use, or was not closed; \
                            restore a file that `papertraderctl backup` has written";
                return Err(StorageError::Io(journal, io::Error::other(text)));
            }
        }
        Ok(BackupFile::opened(file, path))
    }

    /// A backup that another process has opened; `path` is its name in messages.
    pub fn opened(file: File, path: &Path) -> BackupFile {
        BackupFile {
            file,
            path: path.to_owned(),
        }
    }

    /// The open file, for a process that may not open it.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// See [`lacks_log`].
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn lacks_log(&self) -> Result<bool, StorageError> {
        lacks_log(&self.file, &self.path).map_err(|e| StorageError::Io(self.path.clone(), e))
    }

    /// Its name in messages.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A locked database that is to be replaced.
#[derive(Debug)]
pub struct RestoreTarget<'a> {
    database: &'a Path,
    _held: StorageLock,
}

/// A copy of a backup beside the database that it is to replace. It is deleted on drop.
#[derive(Debug)]
pub struct StagedCopy {
    path: PathBuf,
    /// The number of its migrations when it was an older version's.
    older: Option<usize>,
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
    /// The database's folder is another user's; a master holds the lock; or the lock file cannot be
    /// created.
    pub fn lock(url: &DatabaseUrl) -> Result<RestoreTarget<'_>, StorageError> {
        let database = file_of(url)?;
        // A master could not read a database of ours in a folder of its own.
        let folder = database.parent().unwrap_or(Path::new("/"));
        if let Ok(found) = fs::metadata(folder)
            && found.uid() != geteuid().as_raw()
        {
            return Err(StorageError::Ownership(OwnershipError::NotOurs {
                path: folder.to_owned(),
                owner: found.uid(),
            }));
        }
        let held = Storage::lock(url)?;
        Ok(RestoreTarget {
            database,
            _held: held,
        })
    }

    /// Whether a backup is the database itself.
    pub fn is(&self, backup: &BackupFile) -> bool {
        let identity = |it: fs::Metadata| (it.dev(), it.ino());
        let database = fs::symlink_metadata(self.database).map(identity).ok();
        database.is_some() && database == backup.file.metadata().map(identity).ok()
    }

    /// Copies a backup beside the database, byte for byte: it may be unreadable by name for us.
    /// The copy of an older version's backup is brought forward. What is checked afterwards is what
    /// comes into force.
    ///
    /// # Errors
    /// The backup is no database of this or an older version, or the file system returns an error.
    pub fn stage(&self, backup: &BackupFile) -> Result<StagedCopy, StorageError> {
        let mut staged = StagedCopy {
            path: beside(self.database, ".new"),
            older: None,
        };
        staged.remove();
        let io = |error| StorageError::Io(staged.path.clone(), error);
        create_file(&staged.path, b"").map_err(io)?;
        let mut copy = OpenOptions::new()
            .write(true)
            .open(&staged.path)
            .map_err(io)?;
        let size = backup.file.metadata().map_err(io)?.len();
        let mut bytes = &backup.file;
        bytes.seek(SeekFrom::Start(0)).map_err(io)?;
        io::copy(&mut bytes.take(size), &mut copy).map_err(io)?;
        copy.sync_all().map_err(io)?;
        let named = |error| match error {
            StorageError::OtherVersion(mismatch) => StorageError::OtherVersion(VersionMismatch {
                path: backup.path.clone(),
                ..mismatch
            }),
            error => error.at(&backup.path),
        };
        staged.older = bring_forward(&staged.path).map_err(named)?;
        let opened = SqliteStorage::open_given_copy(&staged.path).map_err(named)?;
        opened.leave_wal().map_err(named)?;
        opened.close().map_err(named)?;
        Ok(staged)
    }

    /// Replaces the database with a staged copy without its sessions. The replaced database stays
    /// in the folder, with `.old` appended to its name.
    ///
    /// # Errors
    /// The file system returns an error. The database is then unchanged, except if the very last
    /// rename fails: it then has its new name.
    pub fn replace(&self, staged: StagedCopy) -> Result<Replacement, String> {
        let database = self.database;
        let ended = staged.end_sessions_and_codes()?;
        let replaced = move_aside(database)?;
        fs::rename(&staged.path, database).map_err(|error| with_path(database, &error))?;
        files::sync_folder(database).map_err(|error| with_path(database, &error))?;
        Ok(Replacement { ended, replaced })
    }
}

impl StagedCopy {
    /// Where the copy stands.
    pub fn url(&self) -> DatabaseUrl {
        DatabaseUrl::Sqlite(self.path.clone())
    }

    /// The number of its migrations where it was an older version's, and was brought forward.
    pub fn older(&self) -> Option<usize> {
        self.older
    }

    /// Deletes the sessions, the codes of resets, and the mails that wait: one that ended, was used or
    /// sent after the backup must not come back. Returns how many sessions there were.
    fn end_sessions_and_codes(&self) -> Result<usize, String> {
        let end = || -> Result<usize, StorageError> {
            let mut storage = Storage::Sqlite(SqliteStorage::open_given_copy(&self.path)?);
            let mut tx = storage.begin()?;
            let ended = tx.delete_all_sessions()?;
            tx.delete_codes_and_mails()?;
            tx.commit()?;
            if let Storage::Sqlite(sqlite) = storage {
                sqlite.close()?;
            }
            Ok(ended)
        };
        end().map_err(|error| format!("{}: {error}", self.path.display()))
    }

    /// Deletes the copy, with what a killed restore may have left beside it.
    fn remove(&self) {
        for end in ["", "-journal", "-wal", "-shm"] {
            let _ = delete_file(&beside(&self.path, end));
        }
    }
}

impl Drop for StagedCopy {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Brings a copy of an older version forward. Nothing is run on a schema that is not that version's,
/// since somebody else may have made it. Returns the number of its migrations before, where it was
/// an older one.
fn bring_forward(path: &Path) -> Result<Option<usize>, StorageError> {
    let (mut opened, found) = SqliteStorage::open_older_copy(path)?;
    if found == sqlite::known() {
        return Ok(None);
    }
    let mut first = None;
    schema::differences(&opened.connection, &sqlite::fresh_of(found)?, |text| {
        first.get_or_insert(text);
    })?;
    if let Some(first) = first {
        return Err(StorageError::Corrupt(format!(
            "made by an older version (migration {found}), and {first}"
        )));
    }
    sqlite::apply_missing(&mut opened.connection, found)?;
    opened.leave_wal()?;
    opened.close()?;
    Ok(Some(found))
}

fn with_path(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Whether something stands there, be it a link that leads nowhere.
fn stands(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Renames the database and SQLite's files next to it. Returns the new path.
fn move_aside(database: &Path) -> Result<Option<PathBuf>, String> {
    if !stands(database) {
        return Ok(None);
    }
    let free = |name: &PathBuf| !stands(name);
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
        if stands(&part) {
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
    fn a_copy_to_send_has_no_name_and_removes_what_was_left() {
        let engine = Engine::sqlite();
        let left = || {
            let names = fs::read_dir(engine.folder()).unwrap();
            let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
            names.filter(|name| name.contains(SENDING)).count()
        };
        let database = engine.url().file().unwrap();
        for end in ["", "-journal"] {
            fs::write(beside(&beside(database, SENDING), end), "left").unwrap();
        }
        let sent = copy_to_send(engine.url(), &|| false).unwrap();
        assert_eq!(left(), 0);
        let size = sent.metadata().unwrap().len();
        assert!(size > 0 && size <= copied_bytes_max(engine.url()).unwrap());
        let mut bytes = Vec::new();
        (&sent).read_to_end(&mut bytes).unwrap();
        let written = engine.folder().join("written.db");
        fs::write(&written, bytes).unwrap();
        Storage::migrate(&DatabaseUrl::Sqlite(written)).unwrap();
        assert!(copy_to_send(engine.url(), &|| true).is_err());
        assert_eq!(left(), 0);
        fs::write(beside(database, SENDING), "left").unwrap();
        delete_sending(engine.url());
        assert_eq!(left(), 0);
    }

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
