//! spec/cli/ctl.md · 3.1.2 Database Management
//!
//! What works on files without a master. Root does not work in another user's folder: a child does,
//! with that user's rights alone, and gets the open backup.
//!
//! Tests: `tests/suite/master/restore.rs`.

use super::backup_file::{self, WrittenBackup};
use super::child::{self, answer};
use super::client::Conversation;
use crate::admin::model::{RestoreSummary, Verification};
use crate::config::DatabaseUrl;
use crate::master::restore;
use crate::master::storage::backup::{self, BackupFile};
use crate::runtime::ownership::FolderActor;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;

/// The child's task: replace a database with the backup on standard input.
const RESTORE: &str = "restore";
/// As [`RESTORE`], with consent to a file that lacks its log.
const RESTORE_ANYWAY: &str = "restore-anyway";
/// The child's task: write the backup that comes over the socket on standard input.
const BACKUP: &str = "backup";
/// The child's task: check a database file.
const VERIFY: &str = "verify";

/// Checks a database file.
///
/// # Errors
/// See [`restore::verify_file`]; we are root, and nobody's rights suffice for the file's folder.
pub(super) fn verify(file: &Path) -> Result<Verification, String> {
    match FolderActor::of(file).map_err(|error| error.to_string())? {
        FolderActor::Ourselves => restore::verify_file(file),
        FolderActor::Owner { user, group } => {
            let whole = std::path::absolute(file).map_err(|error| error.to_string())?;
            let task = [OsStr::new(VERIFY), whole.as_os_str()];
            child::run(user, group, &task, Stdio::null())
        }
    }
}

/// Replaces the database of the master's configuration with a backup.
///
/// # Errors
/// See [`restore::restore`]; we are root, and nobody's rights suffice for the database's folder.
pub(super) fn restore(file: &Path, config: &Path, consent: bool) -> Result<RestoreSummary, String> {
    let database = restore::configured_database(config)?;
    let backup = BackupFile::open(file).map_err(|error| error.to_string())?;
    let in_place = backup::file_of(&database).map_err(|error| error.to_string())?;
    match FolderActor::of(in_place).map_err(|error| error.to_string())? {
        FolderActor::Ourselves => restore::restore(&backup, &database, consent),
        FolderActor::Owner { user, group } => {
            let open = backup.file().try_clone();
            let open = open.map_err(|error| format!("{}: {error}", file.display()))?;
            let whole = std::path::absolute(in_place).map_err(|error| error.to_string())?;
            let task = if consent { RESTORE_ANYWAY } else { RESTORE };
            let task = [OsStr::new(task), whole.as_os_str(), file.as_os_str()];
            child::run(user, group, &task, Stdio::from(open))
        }
    }
}

/// Writes a backup in the folder of `owner`, a user and a group. The child gets the open socket, which
/// sends nothing any more: nobody but root makes requests with root's connection.
///
/// # Errors
/// See [`backup_file::write_as_owner`].
pub(super) fn backup(
    file: &Path,
    socket: &Path,
    keep: Option<u32>,
    source: UnixStream,
    owner: (u32, u32),
) -> Result<WrittenBackup, String> {
    let keep = keep.map_or_else(String::new, |keep| keep.to_string());
    let task = [
        OsStr::new(BACKUP),
        file.as_os_str(),
        socket.as_os_str(),
        OsStr::new(&keep),
    ];
    child::run(owner.0, owner.1, &task, Stdio::from(OwnedFd::from(source)))
}

/// Does a child's task on files and answers it; `None` if it is none of these.
pub(super) fn perform(arguments: &[OsString]) -> Option<io::Result<()>> {
    let [task, ..] = arguments else {
        return None;
    };
    let ours = [VERIFY, RESTORE, RESTORE_ANYWAY, BACKUP]
        .iter()
        .any(|it| task == it);
    ours.then(|| work_on_files(arguments))
}

fn work_on_files(arguments: &[OsString]) -> io::Result<()> {
    match arguments {
        [task, file] if task == VERIFY => answer(&restore::verify_file(Path::new(file))),
        [task, database, shown] if task == RESTORE || task == RESTORE_ANYWAY => {
            let open = File::from(io::stdin().as_fd().try_clone_to_owned()?);
            let backup = BackupFile::opened(open, Path::new(shown));
            let database = DatabaseUrl::Sqlite(database.into());
            answer(&restore::restore(
                &backup,
                &database,
                task == RESTORE_ANYWAY,
            ))
        }
        [task, file, socket, keep] if task == BACKUP => {
            let source = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
            let source = Conversation::of(source, Path::new(socket));
            let keep = keep.to_str().and_then(|keep| keep.parse().ok());
            answer(&backup_file::write_as_owner(Path::new(file), source, keep))
        }
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}
