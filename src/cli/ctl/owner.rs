//! spec/cli/ctl.md · 3.1.2 Database Management
//!
//! What works on files without a master. Root does not work in another user's folder: it starts
//! this program again with that user's rights alone, and gives it the open backup.
//!
//! Tests: `tests/suite/master/restore.rs`.

use super::backup_file;
use super::client::Conversation;
use crate::admin::model::{BackupSummary, RestoreSummary, Verification};
use crate::admin::protocol::RESPONSE_MAX;
use crate::config::DatabaseUrl;
use crate::daemon;
use crate::master::restore;
use crate::master::storage::backup::BackupFile;
use crate::runtime::ownership::FolderActor;
use rustix::process::{Signal, set_parent_process_death_signal, setsid};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// The program that runs, even if its file has been replaced, or stands in a folder that the other
/// user may not enter.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// The first argument of the child; no command of the command line has this name.
const CHILD: &str = "as-owner";
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
            run_child(user, group, &task, Stdio::null())
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
    match FolderActor::of(database.file()).map_err(|error| error.to_string())? {
        FolderActor::Ourselves => restore::restore(&backup, &database, consent),
        FolderActor::Owner { user, group } => {
            let open = backup.file().try_clone();
            let open = open.map_err(|error| format!("{}: {error}", file.display()))?;
            let whole = std::path::absolute(database.file()).map_err(|error| error.to_string())?;
            let task = if consent { RESTORE_ANYWAY } else { RESTORE };
            let task = [OsStr::new(task), whole.as_os_str(), file.as_os_str()];
            run_child(user, group, &task, Stdio::from(open))
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
) -> Result<BackupSummary, String> {
    let keep = keep.map_or_else(String::new, |keep| keep.to_string());
    let task = [
        OsStr::new(BACKUP),
        file.as_os_str(),
        socket.as_os_str(),
        OsStr::new(&keep),
    ];
    run_child(owner.0, owner.1, &task, Stdio::from(OwnedFd::from(source)))
}

/// Runs a task in a child with the rights of `user` alone, and waits for its answer. That user can
/// steer the child: it gets no terminal, no environment and no other descriptor of ours, and its
/// answer is read like anything from outside.
fn run_child<T: DeserializeOwned>(
    user: u32,
    group: u32,
    task: &[&OsStr],
    input: Stdio,
) -> Result<T, String> {
    let failed = |error: &dyn std::fmt::Display| format!("the work as user {user} failed: {error}");
    // Where root names a user, the standard library drops all supplementary groups.
    let mut child = Command::new(THIS_PROGRAM)
        .arg(CHILD)
        .args(task)
        .uid(user)
        .gid(group)
        .env_clear()
        .current_dir("/")
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(&error))?;
    let most = u64::try_from(RESPONSE_MAX).unwrap_or(u64::MAX);
    let mut answer = Vec::new();
    let mut read = Ok(0);
    // At the end of this block the pipe is closed, so that a child that says too much ends.
    if let Some(output) = child.stdout.take() {
        read = output.take(most).read_to_end(&mut answer);
    }
    let status = child.wait().map_err(|error| failed(&error))?;
    read.map_err(|error| failed(&error))?;
    serde_json::from_slice::<Result<T, String>>(&answer)
        .map_err(|_| failed(&format!("it ended without an answer ({status})")))?
}

/// Does the task of a command line that [`run_child`] made, and writes the answer on standard
/// output; `None` for any other command line.
pub(super) fn child_main() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != CHILD {
        return None;
    }
    let arguments: Vec<OsString> = arguments.collect();
    let answered = detach().and_then(|()| perform(&arguments));
    Some(match answered {
        Ok(()) => ExitCode::from(super::DONE),
        Err(_) => ExitCode::from(super::REFUSED),
    })
}

/// Leaves the terminal of root, ends with the parent, and is no longer readable for others of this
/// user.
fn detach() -> io::Result<()> {
    setsid()?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    daemon::forbid_cores()
}

fn perform(arguments: &[OsString]) -> io::Result<()> {
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

fn answer<T: Serialize>(result: &Result<T, String>) -> io::Result<()> {
    io::stdout().write_all(&serde_json::to_vec(result)?)
}
