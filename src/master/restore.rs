//! spec/master/restore.md · 3.1.2 Database Management
//!
//! What an administrator does with a database while no master has it: check a file, and put a backup in the
//! database's place.

use super::{database, verify};
use crate::admin::model::{RestoreSummary, Verification};
use crate::config::MasterConfig;
use rusqlite::Connection;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

/// Replaced databases that are kept beside.
const KEPT_MAX: u32 = 99;

/// Checks a database's file, which may be a backup or one in use.
///
/// # Errors
/// It is no database of this version, or cannot be read.
pub fn verify_file(file: &Path) -> Result<Verification, String> {
    let failed = |error: verify::VerifyError| match error {
        verify::VerifyError::Foreign(_) => error.to_string(),
        other => format!("{}: {other}", file.display()),
    };
    let mut connection = verify::open(file).map_err(failed)?;
    verify::check(&mut connection, &|| false).map_err(failed)
}

/// Puts the backup `file` in the place of the database of the master that `config` configures. The backup is
/// checked first and stays where it is; what it replaces is kept beside with `.old` at its end.
///
/// # Errors
/// The configuration is wrong, a master has the database, the backup is damaged or of another version, or the
/// file system refuses. The database is then untouched.
pub fn restore(file: &Path, config: &Path) -> Result<RestoreSummary, String> {
    let (config, _) = MasterConfig::load(config).map_err(|error| error.to_string())?;
    restore_to(file, &config.database)
}

fn restore_to(file: &Path, database: &Path) -> Result<RestoreSummary, String> {
    let lock = database::beside_lock(database);
    let lock_is_new = !lock.exists();
    let _held = database::lock(database).map_err(|error| error.to_string())?;
    if same(file, database) {
        return Err(format!("{}: this is the database itself", file.display()));
    }
    let verification = verify_file(file)?;
    if let Some(first) = verification.differences.first() {
        return Err(format!(
            "{}: the backup does not add up, so nothing was changed: {first}; see `papertraderctl verify --database`",
            file.display()
        ));
    }
    let new = database::beside(database, ".new");
    let _ = database::delete_file(&new);
    let source = verify::open(file).map_err(|error| error.to_string())?;
    database::copy(&source, &new, &|| false).map_err(|error| error.to_string())?;
    let placed = end_sessions(&new).and_then(|ended| {
        own(&new, database)?;
        if lock_is_new {
            own(&lock, database)?;
        }
        let replaced = put_aside(database)?;
        fs::rename(&new, database).map_err(|error| said(database, &error))?;
        database::sync_folder(database).map_err(|error| said(database, &error))?;
        Ok((ended, replaced))
    });
    let (ended, replaced) = placed.inspect_err(|_| {
        let _ = database::delete_file(&new);
    })?;
    Ok(RestoreSummary {
        database: database.to_owned(),
        replaced,
        ended,
        verification,
    })
}

fn said(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

fn same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
    identity(one).is_some() && identity(one) == identity(other)
}

/// A session that was ended after the backup was made must not come to life again.
fn end_sessions(new: &Path) -> Result<usize, String> {
    let end = || -> rusqlite::Result<usize> {
        let connection = Connection::open(new)?;
        let ended = connection.execute("DELETE FROM sessions", [])?;
        connection.close().map_err(|(_, error)| error)?;
        Ok(ended)
    };
    end().map_err(|error| format!("{}: {error}", new.display()))
}

/// Root may restore what the daemon's user must be able to open: the file gets the owner of the database that
/// it replaces, or of the folder.
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
        .map(|end| database::beside(database, &end))
        .find(free)
        .ok_or_else(|| {
            format!(
                "{} and {KEPT_MAX} others are there; move them away",
                database::beside(database, ".old").display()
            )
        })?;
    // Closing the last connection folds the write-ahead log in, where the database can be opened at all.
    drop(database::open(database).map(|whole| {
        whole.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
            row.get::<_, i64>(0)
        })
    }));
    // A log that was not folded in belongs to the database that it stands beside.
    for end in ["-wal", "-shm"] {
        let part = database::beside(database, end);
        if part.exists() {
            fs::rename(&part, database::beside(&old, end)).map_err(|error| said(&part, &error))?;
        }
    }
    fs::rename(database, &old).map_err(|error| said(database, &error))?;
    Ok(Some(old))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(folder: &Path, name: &str, username: &str) -> PathBuf {
        let path = folder.join(name);
        database::migrate(&path).unwrap();
        let connection = database::open(&path).unwrap();
        connection
            .execute_batch(&format!(
                "INSERT INTO accounts VALUES (1, '{username}', '{username}', 'e', 'e', 0, NULL, 0, 5, zeroblob(16), 1);
                 INSERT INTO sessions VALUES (zeroblob(32), 1, 0, 9, '::1', zeroblob(16), zeroblob(16), 0, 0);"
            ))
            .unwrap();
        path
    }

    fn username(path: &Path) -> String {
        let connection = verify::open(path).unwrap();
        connection
            .query_row("SELECT username FROM accounts", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_backup_takes_the_place_and_the_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let here = database(folder.path(), "master.db", "now");
        let then = database(folder.path(), "then.db", "then");
        let backup = folder.path().join("backup.db");
        database::backup(&then, &backup).unwrap();
        let before = fs::read(&backup).unwrap();

        let restored = restore_to(&backup, &here).unwrap();
        assert_eq!(restored.ended, 1);
        assert_eq!(restored.replaced, Some(folder.path().join("master.db.old")));
        assert_eq!(username(&here), "then");
        assert_eq!(username(&folder.path().join("master.db.old")), "now");
        assert_eq!(fs::read(&backup).unwrap(), before, "the backup is untouched");
        assert_eq!(fs::metadata(&here).unwrap().mode() & 0o777, 0o600);
        let sessions: i64 = verify::open(&here)
            .unwrap()
            .query_row("SELECT count(*) FROM sessions", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sessions, 0);

        let again = restore_to(&backup, &here).unwrap();
        assert_eq!(again.replaced, Some(folder.path().join("master.db.old2")));
        // A master can use it.
        database::migrate(&here).unwrap();

        let fresh = folder.path().join("other/master.db");
        assert_eq!(restore_to(&backup, &fresh).unwrap().replaced, None);
        assert_eq!(username(&fresh), "then");
    }

    #[test]
    fn what_is_in_use_or_does_not_add_up_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let here = database(folder.path(), "master.db", "now");
        let backup = database(folder.path(), "backup.db", "then");
        let held = database::lock(&here).unwrap();
        assert!(restore_to(&backup, &here).unwrap_err().contains("in use"));
        drop(held);
        assert!(restore_to(&here, &here).unwrap_err().contains("itself"));
        database::open(&backup)
            .unwrap()
            .execute("INSERT INTO balances VALUES (1, 4)", [])
            .unwrap();
        assert!(
            restore_to(&backup, &here)
                .unwrap_err()
                .contains("does not add up")
        );
        let text = folder.path().join("text");
        fs::write(&text, "no database").unwrap();
        assert!(restore_to(&text, &here).is_err());
        assert!(restore_to(&folder.path().join("absent"), &here).is_err());
        assert_eq!(username(&here), "now");
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("master.db"))
            .collect();
        names.sort();
        assert_eq!(names[0], "master.db");
        assert!(
            names
                .iter()
                .all(|name| !name.contains("old") && !name.contains("new")),
            "{names:?}"
        );
    }
}
