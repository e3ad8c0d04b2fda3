//! spec/master/restore.md · 3.1.2 Database Management
//!
//! Checks a database file, and replaces a database with a backup, while no master runs.

use super::storage::backup::{self, BackupFile, Replacement, RestoreTarget};
use super::storage::{Reader, VersionMismatch};
use super::verify::{self, VerifyError};
use crate::admin::model::{RestoreSummary, Verification};
use crate::config::{DatabaseUrl, MasterConfig};
use std::fs::File;
use std::path::Path;

/// What is said of a file that [lacks its log](backup::lacks_log).
pub const LACKS_LOG: &str = "this database is written with a log, and has none beside it. If it was copied with cp \
     while a master ran, it lacks what was newest: use `papertraderctl backup`, which writes whole files. The file of \
     a stopped master is whole";

/// Checks a database file, which may be a backup or in use.
///
/// # Errors
/// The file is not a database of this version, or cannot be read.
pub fn verify_file(file: &Path) -> Result<Verification, String> {
    let mut report = check(verify::open(file), file)?;
    let lacks_log = File::open(file).and_then(|open| backup::lacks_log(&open, file));
    report.lacks_log = lacks_log.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(report)
}

/// Checks an opened database, which messages call `shown`.
fn check(opened: Result<Reader, VerifyError>, shown: &Path) -> Result<Verification, String> {
    let failed = |error: VerifyError| match error {
        VerifyError::OtherVersion(mismatch) => VersionMismatch {
            path: shown.to_owned(),
            ..mismatch
        }
        .to_string(),
        other => format!("{}: {other}", shown.display()),
    };
    let mut reader = opened.map_err(failed)?;
    verify::check(&mut reader, &|| false).map_err(failed)
}

/// The database that a master's configuration file names. What else it names, such as a log's
/// folder, may be missing on a machine that is restored.
///
/// # Errors
/// The configuration cannot be read, or is wrong.
pub fn configured_database(config: &Path) -> Result<DatabaseUrl, String> {
    let text = std::fs::read_to_string(config)
        .map_err(|error| format!("{}: this file cannot be read: {error}", config.display()))?;
    let (config, _) = MasterConfig::parse(&text, config).map_err(|error| error.to_string())?;
    Ok(config.database)
}

/// Replaces a database with a backup. The backup is copied, the copy brought forward where an older
/// version made it, and checked first; the backup itself is neither moved nor changed. The
/// replaced database stays in the folder, with `.old` appended to its name. This process must have
/// the rights of the folder's owner, and no more.
///
/// # Errors
/// A master holds the lock; the backup is damaged, of a newer version or declares what its version
/// does not; it [lacks its log](backup::lacks_log) and `consent` does not say to take it all the
/// same; or the file system returns an error. The database is then unchanged, except if the
/// very last rename fails: it then has its new name.
pub fn restore(
    backup: &BackupFile,
    database: &DatabaseUrl,
    consent: bool,
) -> Result<RestoreSummary, String> {
    let target = RestoreTarget::lock(database).map_err(|error| error.to_string())?;
    let shown = backup.path();
    if target.is(backup) {
        return Err(format!("{}: this is the database itself", shown.display()));
    }
    let staged = target.stage(backup).map_err(|error| error.to_string())?;
    let opened = Reader::open_for_check(&staged.url()).map_err(VerifyError::from);
    let mut verification = check(opened, shown)?;
    verification.lacks_log = backup.lacks_log().map_err(|error| error.to_string())?;
    if let Some(first) = verification.differences.first() {
        return Err(format!(
            "{}: the backup does not add up, so nothing was changed: {first}; see `papertraderctl verify --database`",
            shown.display()
        ));
    }
    if verification.lacks_log && !consent {
        let newest = verification.newest_transaction.as_deref().unwrap_or("none");
        return Err(format!(
            "{}: {LACKS_LOG}. Its newest transaction: {newest}; its last update: number {}. Nothing was changed; to \
             restore it all the same, add --yes",
            shown.display(),
            verification.update,
        ));
    }
    let older = staged.older();
    let Replacement { ended, replaced } = target.replace(staged)?;
    Ok(RestoreSummary {
        older,
        database: backup::file_of(database)
            .map_err(|error| error.to_string())?
            .to_owned(),
        replaced,
        ended,
        verification,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::Storage;
    use crate::master::storage::testing::{
        execute, execute_all, execute_in, known_migrations, older,
    };
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    fn url(path: &Path) -> DatabaseUrl {
        DatabaseUrl::Sqlite(path.to_owned())
    }

    fn database(folder: &Path, name: &str, username: &str) -> PathBuf {
        let path = folder.join(name);
        Storage::migrate(&url(&path)).unwrap();
        execute_all(
            &mut Storage::open(&url(&path)).unwrap(),
            &format!(
                "INSERT INTO accounts VALUES (1, '{username}', '{username}', 'e', 'e', 0, NULL, 0, 5, zeroblob(16), 1, NULL, NULL, 0, NULL);
                 INSERT INTO sessions (hash, account, since, expiry, client, worker, boot, expirable, last_used)
                 VALUES (zeroblob(32), 1, 0, 9, '::1', zeroblob(16), zeroblob(16), 0, 0);"
            ),
        );
        path
    }

    fn restore_to(file: &Path, database: &DatabaseUrl) -> Result<RestoreSummary, String> {
        let backup = BackupFile::open(file).map_err(|error| error.to_string())?;
        restore(&backup, database, true)
    }

    fn username(path: &Path) -> String {
        let mut reader = Reader::open_file(path).unwrap();
        reader
            .snapshot()
            .unwrap()
            .text("SELECT username FROM accounts")
    }

    #[test]
    fn a_restore_replaces_the_database_and_keeps_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let here = database(folder.path(), "master.db", "now");
        let then = database(folder.path(), "then.db", "then");
        let backup = folder.path().join("backup.db");
        backup::copy(&url(&then), &backup, &|| false).unwrap();
        let before = fs::read(&backup).unwrap();

        let restored = restore_to(&backup, &url(&here)).unwrap();
        assert_eq!(restored.ended, 1);
        assert_eq!(restored.replaced, Some(folder.path().join("master.db.old")));
        assert_eq!(username(&here), "then");
        assert_eq!(username(&folder.path().join("master.db.old")), "now");
        assert_eq!(
            fs::read(&backup).unwrap(),
            before,
            "the backup is untouched"
        );
        assert_eq!(fs::metadata(&here).unwrap().mode() & 0o777, 0o600);
        let mut reader = Reader::open_file(&here).unwrap();
        let sessions = reader
            .snapshot()
            .unwrap()
            .number("SELECT count(*) FROM sessions");
        assert_eq!(sessions, 0);

        let again = restore_to(&backup, &url(&here)).unwrap();
        assert_eq!(again.replaced, Some(folder.path().join("master.db.old2")));
        // A master can use the restored database.
        Storage::migrate(&url(&here)).unwrap();

        let fresh = folder.path().join("other/master.db");
        assert_eq!(restore_to(&backup, &url(&fresh)).unwrap().replaced, None);
        assert_eq!(username(&fresh), "then");
    }

    #[test]
    fn a_database_in_use_or_a_wrong_backup_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let here = database(folder.path(), "master.db", "now");
        let backup = database(folder.path(), "backup.db", "then");
        let held = Storage::lock(&url(&here)).unwrap();
        assert!(
            restore_to(&backup, &url(&here))
                .unwrap_err()
                .contains("in use")
        );
        drop(held);
        assert!(
            restore_to(&here, &url(&here))
                .unwrap_err()
                .contains("itself")
        );
        execute(
            &mut Storage::open(&url(&backup)).unwrap(),
            "INSERT INTO balances VALUES (1, 4)",
        );
        assert!(
            restore_to(&backup, &url(&here))
                .unwrap_err()
                .contains("does not add up")
        );
        let text = folder.path().join("text");
        fs::write(&text, "no database").unwrap();
        assert!(restore_to(&text, &url(&here)).is_err());
        assert!(restore_to(&folder.path().join("absent"), &url(&here)).is_err());
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

    #[test]
    fn a_copy_without_its_log_is_restored_with_consent_alone() {
        let folder = tempfile::tempdir().unwrap();
        let here = database(folder.path(), "master.db", "now");
        let source = database(folder.path(), "source.db", "then");
        // A running master, and a copy of its file alone.
        let mut open = Storage::open(&url(&source)).unwrap();
        execute(&mut open, "UPDATE accounts SET username = 'later'");
        let raw = folder.path().join("raw.db");
        fs::copy(&source, &raw).unwrap();
        let report = verify_file(&raw).unwrap();
        assert!(report.lacks_log && report.is_clean());
        assert!(!verify_file(&source).unwrap().lacks_log, "its log is there");
        let taken = BackupFile::open(&raw).unwrap();
        let why = restore(&taken, &url(&here), false).unwrap_err();
        assert!(
            why.contains("papertraderctl backup") && why.contains("--yes"),
            "{why}"
        );
        assert_eq!(username(&here), "now");
        restore(&taken, &url(&here), true).unwrap();
        assert_eq!(username(&here), "then");
        // What the program writes itself needs no consent.
        let whole = folder.path().join("whole.db");
        backup::copy(&url(&source), &whole, &|| false).unwrap();
        assert!(!verify_file(&whole).unwrap().lacks_log);
        restore(&BackupFile::open(&whole).unwrap(), &url(&here), false).unwrap();
        assert_eq!(username(&here), "later");
    }

    /// A backup with the sessions and accounts of `database`, changed by `sql`.
    fn prepared(folder: &Path, sql: &str) -> PathBuf {
        let path = database(folder, "prepared.db", "then");
        execute_all(&mut Storage::open(&url(&path)).unwrap(), sql);
        path
    }

    #[test]
    fn a_backup_that_declares_what_this_version_does_not_is_refused() {
        for (sql, says) in [
            (
                "CREATE TRIGGER keep BEFORE DELETE ON sessions BEGIN SELECT RAISE(IGNORE); END",
                "the trigger keep on sessions is none of this version's",
            ),
            (
                "CREATE VIEW rich AS SELECT * FROM accounts",
                "the view rich is none of this version's",
            ),
            (
                "CREATE TABLE notes (text TEXT)",
                "the table notes is none of this version's",
            ),
            (
                "ALTER TABLE sessions ADD COLUMN note TEXT",
                "the table sessions is not as this version makes it",
            ),
            (
                "PRAGMA ignore_check_constraints = ON;
                 UPDATE accounts SET is_password = 1",
                "SQLite: CHECK constraint failed in accounts",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let here = database(folder.path(), "master.db", "now");
            let backup = prepared(folder.path(), sql);
            let why = restore_to(&backup, &url(&here)).unwrap_err();
            assert!(why.contains(says), "{why}");
            assert_eq!(username(&here), "now");
            assert!(!folder.path().join("master.db.new").exists());
        }
    }

    #[test]
    fn the_backup_of_an_older_version_is_brought_forward_as_a_copy() {
        for migrations in 1..known_migrations() {
            let folder = tempfile::tempdir().unwrap();
            let here = database(folder.path(), "master.db", "now");
            let backup = folder.path().join("older.db");
            older(&backup, migrations);
            execute_in(
                &backup,
                "INSERT INTO accounts (account, username, username_key, email, email_key,
                     is_password, created, starting_cash, boot, sequence)
                 VALUES (1, 'then', 'then', 'e', 'e', 0, 0, 5, zeroblob(16), 1)",
            );
            execute_in(
                &backup,
                match migrations {
                    ..2 => "",
                    2..8 => "INSERT INTO actions VALUES ('A', 5, 3, 333333, 7)",
                    8 => "INSERT INTO actions VALUES ('A', 'split 5 1', 7, 5, 3, 1, 3, 0)",
                    _ => {
                        "INSERT INTO actions VALUES ('A', 'split 5 1', 7, 5, 3, 1, 3, NULL, 0, 0, 0, 7)"
                    }
                },
            );
            let before = fs::read(&backup).unwrap();
            let restored = restore_to(&backup, &url(&here)).unwrap();
            assert_eq!(restored.older, Some(migrations));
            assert_eq!(username(&here), "then");
            let mut reader = Reader::open_file(&here).unwrap();
            let actions =
                "SELECT coalesce(max(symbol || ' ' || id || ' ' || number), '') FROM actions";
            let actions = reader.snapshot().unwrap().text(actions);
            if migrations >= 2 {
                assert_eq!(actions, "A split 5 1 7");
            }
            assert_eq!(
                fs::read(&backup).unwrap(),
                before,
                "the backup is untouched"
            );
            // One that declares what its version does not gets no migration.
            execute_in(
                &backup,
                "CREATE TRIGGER keep BEFORE DELETE ON sessions BEGIN SELECT RAISE(IGNORE); END",
            );
            let why = restore_to(&backup, &url(&here)).unwrap_err();
            assert!(
                why.contains("older.db") && why.contains("the trigger keep"),
                "{why}"
            );
            assert!(!folder.path().join("master.db.new").exists());
        }
    }

    #[test]
    fn the_backup_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let here = database(folder.path(), "master.db", "now");
        let backup = prepared(folder.path(), "PRAGMA user_version = 1000");
        let why = restore_to(&backup, &url(&here)).unwrap_err();
        assert!(why.contains("made by a newer version"), "{why}");
        assert_eq!(username(&here), "now");
    }

    #[test]
    fn what_a_killed_restore_left_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let here = database(folder.path(), "master.db", "now");
        let backup = prepared(folder.path(), "ANALYZE");
        for end in ["", "-journal", "-wal", "-shm"] {
            fs::write(folder.path().join(format!("master.db.new{end}")), "left").unwrap();
        }
        assert_eq!(restore_to(&backup, &url(&here)).unwrap().ended, 1);
        assert_eq!(username(&here), "then");
        let left = fs::read_dir(folder.path()).unwrap();
        let left = left.filter(|name| {
            let name = name.as_ref().unwrap().file_name();
            name.to_string_lossy().contains(".new")
        });
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn a_backup_is_one_closed_file() {
        let folder = tempfile::tempdir().unwrap();
        let here = database(folder.path(), "master.db", "now");
        let backup = database(folder.path(), "backup.db", "then");
        let mut open = Storage::open(&url(&backup)).unwrap();
        execute(&mut open, "UPDATE accounts SET username = 'later'");
        let why = restore_to(&backup, &url(&here)).unwrap_err();
        assert!(why.contains("backup.db-wal: this journal"), "{why}");
        drop(open);
        restore_to(&backup, &url(&here)).unwrap();
        assert_eq!(username(&here), "later");
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&backup, &link).unwrap();
        let why = restore_to(&link, &url(&here)).unwrap_err();
        assert!(why.contains("symbolic link"), "{why}");
    }
}
