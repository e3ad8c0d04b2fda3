//! spec/master/storage/before.md · 3.1.2 Database Management
//!
//! Keeps a copy of a database as it was before migrations: the way back to the version before.

use super::StorageError;
use super::disk::DiskSpace;
use super::files::{beside, create_file, delete_file, sync_folder};
use super::sqlite::{self, SqliteStorage};
use crate::daemon::StartProgress;
use bytesize::ByteSize;
use std::cell::RefCell;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The copy of a database as it was before.
#[derive(Debug)]
pub(super) struct CopyBefore {
    /// Where it is, or was made by an earlier start.
    pub(super) path: PathBuf,
    /// False where an earlier start made it and somebody has taken it away since.
    pub(super) is_there: bool,
}

/// Copies a database that has `found` migrations to `NAME.before-N` beside it, where N is the
/// migration that comes next, and returns that path. A copy of that name is replaced once the new one
/// is whole. The start's timeout is extended while it copies. Where an earlier start has applied some
/// migrations and not all, its copy is the one of before, and no other is made.
///
/// # Errors
/// The file system has no room for the copy and the migrations, or fails. The database is as it was.
pub(super) fn keep(database: &Path, found: usize) -> Result<CopyBefore, StorageError> {
    let begun = sqlite::begun_at(database)?;
    let next = begun.unwrap_or(found.saturating_add(1));
    let copy = beside(database, &format!(".before-{next}"));
    let fail = |error| StorageError::Io(copy.clone(), error);
    let part = beside(&copy, ".part");
    // What a start that was killed has left.
    let _ = delete_file(&part);
    let needed = size(database).saturating_add(size(&beside(database, "-wal")));
    let free = DiskSpace::beside(database).map_err(fail)?.free;
    // Migrations write the tables that they make anew to the write-ahead log first.
    let files = if begun.is_some() { 1 } else { 2 };
    check_room(needed.saturating_mul(files), free).map_err(fail)?;
    if begun.is_some() {
        let is_there = copy.is_file();
        return Ok(CopyBefore {
            path: copy,
            is_there,
        });
    }

    create_file(&part, b"").map_err(fail)?;
    let progress = RefCell::new(StartProgress::default());
    let step = || {
        progress.borrow_mut().step(|| {
            let (done, all) = (ByteSize(size(&part)), ByteSize(needed));
            format!("the database is copied before it is brought forward: {done} of {all}")
        });
        false
    };
    let placed = SqliteStorage::open_scanner(database)
        .and_then(|source| sqlite::copy_pages(&source, &part, &copy, &step))
        .and_then(|()| place(&part, &copy).map_err(fail));
    if placed.is_err() {
        let _ = delete_file(&part);
        let _ = delete_file(&beside(&part, "-journal"));
    }
    placed.map(|()| CopyBefore {
        path: copy,
        is_there: true,
    })
}

/// Makes a whole copy durable, and gives it its name.
fn place(part: &Path, copy: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, copy)?;
    sync_folder(copy)
}

fn check_room(needed: u64, free: u64) -> io::Result<()> {
    if needed <= free {
        return Ok(());
    }
    let (needed, free) = (ByteSize(needed), ByteSize(free));
    let text = format!(
        "this version brings the database forward, and keeps a copy of before: together that needs {needed}, and \
         {free} are free; make room, or move older copies (*.before-*) away"
    );
    Err(io::Error::new(io::ErrorKind::StorageFull, text))
}

/// A file's length in bytes, 0 if there is none.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |it| it.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DatabaseUrl;
    use crate::master::storage::Storage;
    use rusqlite::Connection;
    use std::os::unix::fs::PermissionsExt;

    fn migrate(path: &Path) -> Result<(), StorageError> {
        Storage::migrate(&DatabaseUrl::Sqlite(path.to_owned()))
    }

    /// A database with the first `count` migrations and one asset.
    fn older(path: &Path, count: usize, text: &str) {
        let made = sqlite::fresh_of(count).unwrap();
        made.execute_batch(&format!(
            "PRAGMA user_version = {count}; INSERT INTO assets (symbol) VALUES ('{text}')"
        ))
        .unwrap();
        let _ = delete_file(path);
        made.execute("VACUUM INTO ?1", [path.to_str().unwrap()])
            .unwrap();
    }

    fn symbol(path: &Path) -> String {
        let read = Connection::open(path).unwrap();
        read.query_row("SELECT symbol FROM assets", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_database_is_kept_as_it_was_before_it_is_brought_forward() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        let last = sqlite::known() - 1;
        older(&path, last, "OLD");
        migrate(&path).unwrap();
        let copy = beside(&path, &format!(".before-{}", last + 1));
        let (_, found) = SqliteStorage::open_older_copy(&copy).unwrap();
        assert_eq!((found, symbol(&copy).as_str()), (last, "OLD"));
        let mode = fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!beside(&copy, ".part").exists() && !beside(&copy, "-wal").exists());

        // A start that changes nothing keeps nothing.
        let _ = delete_file(&copy);
        migrate(&path).unwrap();
        assert!(!copy.exists());
        // Nor is there anything to keep of a new database.
        let new = folder.path().join("new.db");
        migrate(&new).unwrap();
        let names = fs::read_dir(folder.path()).unwrap();
        let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
        assert_eq!(names.filter(|it| it.contains("before")).count(), 0);
    }

    #[test]
    fn a_later_copy_of_the_same_version_replaces_the_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        older(&path, 20, "FIRST");
        let copy = keep(&path, 20).unwrap().path;
        assert_eq!(copy, folder.path().join("master.db.before-21"));
        older(&path, 20, "SECOND");
        // What a kill has left is no obstacle.
        fs::write(beside(&copy, ".part"), "half").unwrap();
        assert_eq!(keep(&path, 20).unwrap().path, copy);
        assert_eq!(symbol(&copy), "SECOND");
        assert!(!beside(&copy, ".part").exists());
    }

    #[test]
    fn a_start_that_goes_on_with_migrations_makes_no_second_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        older(&path, 20, "OLD");
        let run = |sql| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        // A later migration fails, as on a full disk: its table is there already.
        run("CREATE TABLE deployment_facts (name TEXT)");
        assert!(migrate(&path).is_err());
        let stopped = sqlite::older_version(&path).unwrap().unwrap();
        assert!(stopped > 20, "{stopped}");
        assert_eq!(sqlite::begun_at(&path).unwrap(), Some(21));
        let copy = beside(&path, ".before-21");
        assert_eq!(symbol(&copy), "OLD");
        assert!(migrate(&path).is_err());
        assert!(!beside(&path, &format!(".before-{}", stopped + 1)).exists());

        assert!(keep(&path, stopped).unwrap().is_there);
        let elsewhere = beside(&path, ".moved");
        fs::rename(&copy, &elsewhere).unwrap();
        assert!(!keep(&path, stopped).unwrap().is_there);
        fs::rename(&elsewhere, &copy).unwrap();
        // What a killed master has left of a copy to send takes no room from the migrations.
        let left = beside(&path, ".sending");
        fs::write(&left, "half").unwrap();

        run("DROP TABLE deployment_facts");
        migrate(&path).unwrap();
        assert_eq!(sqlite::begun_at(&path).unwrap(), None);
        let (_, found) = SqliteStorage::open_older_copy(&copy).unwrap();
        assert_eq!(found, 20, "the way back is still the version before");
        assert!(!left.exists());
    }

    #[test]
    fn without_room_it_is_said_what_is_needed() {
        assert!(check_room(5, 5).is_ok());
        let text = check_room(3 << 30, 1 << 30).unwrap_err().to_string();
        assert!(
            text.contains("needs 3.0 GiB, and 1.0 GiB are free"),
            "{text}"
        );
    }
}
