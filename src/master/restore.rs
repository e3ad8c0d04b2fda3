//! spec/master/restore.md · 3.1.2 Database Management
//!
//! Checks a database file, and replaces a database with a backup, while no master runs.

use super::storage::backup::{Replacement, RestoreTarget};
use super::verify;
use crate::admin::model::{RestoreSummary, Verification};
use crate::config::{DatabaseUrl, MasterConfig};
use std::path::Path;

/// Checks a database file, which may be a backup or in use.
///
/// # Errors
/// The file is not a database of this version, or cannot be read.
pub fn verify_file(file: &Path) -> Result<Verification, String> {
    let failed = |error: verify::VerifyError| match error {
        verify::VerifyError::OtherVersion(_) => error.to_string(),
        other => format!("{}: {other}", file.display()),
    };
    let mut reader = verify::open(file).map_err(failed)?;
    verify::check(&mut reader, &|| false).map_err(failed)
}

/// Replaces the database that the master's configuration `config` names with the backup `file`. The
/// backup is checked first and is not moved. The replaced database stays in the folder, with `.old`
/// appended to its name.
///
/// # Errors
/// The configuration is wrong, a master holds the lock, the backup is damaged or of another
/// version, or the file system returns an error. The database is then unchanged, except if the very
/// last rename fails: it then has its new name.
pub fn restore(file: &Path, config: &Path) -> Result<RestoreSummary, String> {
    let (config, _) = MasterConfig::load(config).map_err(|error| error.to_string())?;
    restore_to(file, &config.database)
}

fn restore_to(file: &Path, database: &DatabaseUrl) -> Result<RestoreSummary, String> {
    let target = RestoreTarget::lock(database).map_err(|error| error.to_string())?;
    if target.is(file) {
        return Err(format!("{}: this is the database itself", file.display()));
    }
    let verification = verify_file(file)?;
    if let Some(first) = verification.differences.first() {
        return Err(format!(
            "{}: the backup does not add up, so nothing was changed: {first}; see `papertraderctl verify --database`",
            file.display()
        ));
    }
    let Replacement { ended, replaced } = target.replace(file)?;
    Ok(RestoreSummary {
        database: database.file().to_owned(),
        replaced,
        ended,
        verification,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::testing::{execute, execute_all};
    use crate::master::storage::{Reader, Storage, backup};
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
                "INSERT INTO accounts VALUES (1, '{username}', '{username}', 'e', 'e', 0, NULL, 0, 5, zeroblob(16), 1, NULL);
                 INSERT INTO sessions VALUES (zeroblob(32), 1, 0, 9, '::1', zeroblob(16), zeroblob(16), 0, 0);"
            ),
        );
        path
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
}
