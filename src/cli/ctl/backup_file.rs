//! spec/cli/ctl.md · 3.1.2 Database Management
//!
//! The file of a backup: received in pieces, whole or not there, never over another.

use super::client::{Conversation, CtlError};
use super::{CtlFailure, refused};
use crate::admin::model::{BackupDigest, BackupSummary};
use crate::admin::protocol::{AdminAnswer, AdminResponse, BackupPiece, PIECE_BYTES_MAX};
use crate::master::storage::files::{beside, sync_folder};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Appended to the name of a file while it is written.
const PART: &str = ".part";
/// How the name of a backup in a folder begins.
pub(super) const NAME_START: &str = "papertrader-";
/// How such a name ends.
pub(super) const NAME_END: &str = ".db";
/// The time between, as digits stand in it.
const NAME_TIME: &str = "00000000T000000Z";
/// How often the progress is shown.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// Writes a backup that comes from a socket whose request another process has sent.
///
/// # Errors
/// The file is there, or cannot be written; what came is not whole.
pub(super) fn write_as_owner(
    file: &Path,
    mut source: Conversation,
    keep: Option<u32>,
) -> Result<WrittenBackup, String> {
    let part = PartFile::create(file)?;
    let summary = part
        .fill(&mut source, &mut Progress::hidden())
        .map_err(|failure| failure.text)?;
    Ok(rotated(summary, keep))
}

/// A backup that is whole, and what became of the older ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WrittenBackup {
    pub(super) summary: BackupSummary,
    /// Why older ones are still there that should not be.
    pub(super) not_deleted: Option<String>,
}

/// Why a backup did not come whole.
pub(super) enum ReceiveError {
    /// The master, or what it sent.
    Master(CtlError),
    /// The master's reason, or what is wrong with what it sent.
    Refused(String),
    /// The bytes cannot be written.
    Write(io::Error),
}

impl From<ReceiveError> for CtlFailure {
    fn from(error: ReceiveError) -> CtlFailure {
        match error {
            ReceiveError::Master(error) => error.into(),
            ReceiveError::Refused(text) => refused(text),
            ReceiveError::Write(error) => refused(error.to_string()),
        }
    }
}

/// Receives all pieces, and compares them with what the master says that they are.
pub(super) fn receive(
    source: &mut Conversation,
    output: &mut impl Write,
    progress: &mut Progress,
) -> Result<BackupDigest, ReceiveError> {
    let odd =
        |text: &str| ReceiveError::Refused(format!("the master sent no whole backup: {text}"));
    let (mut hash, mut bytes) = (Sha256::new(), 0_u64);
    loop {
        match source.next_line().map_err(ReceiveError::Master)? {
            AdminResponse::Working => progress.show("the master copies its database"),
            AdminResponse::Piece(BackupPiece { data, of }) => {
                let piece = STANDARD
                    .decode(&data)
                    .map_err(|_| odd("a piece is not base64"))?;
                if piece.is_empty() || piece.len() > PIECE_BYTES_MAX {
                    return Err(odd("a piece has another size than pieces have"));
                }
                hash.update(&piece);
                output.write_all(&piece).map_err(ReceiveError::Write)?;
                bytes = bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                progress.show(&format!("{} of {} MiB", bytes >> 20, of >> 20));
            }
            AdminResponse::Done(AdminAnswer::BackupSent(whole)) => {
                let got = BackupDigest {
                    bytes,
                    sha256: hex::encode(hash.finalize()),
                };
                if got != whole {
                    return Err(odd("its SHA-256 is another; try again"));
                }
                return Ok(whole);
            }
            AdminResponse::Done(_) => return Err(odd("it answered something else")),
            AdminResponse::Refused(why) => return Err(ReceiveError::Refused(why)),
        }
    }
}

/// A backup under way, its owner's alone and locked. Dropped before it is whole it is deleted.
pub(super) struct PartFile {
    open: File,
    part: PathBuf,
    file: PathBuf,
    is_placed: bool,
}

impl PartFile {
    /// Makes the file that is renamed to `file` later. What a killed process left there is deleted.
    pub(super) fn create(file: &Path) -> Result<PartFile, String> {
        let part = beside(file, PART);
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", part.display());
        check_absent(file)?;
        let open = match create_new(&part) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                delete_left(&part).map_err(|error| failed(&error))?;
                create_new(&part)
            }
            opened => opened,
        };
        let open = open.map_err(|error| failed(&error))?;
        open.try_lock().map_err(|error| failed(&error))?;
        Ok(PartFile {
            open,
            part,
            file: file.to_owned(),
            is_placed: false,
        })
    }

    /// Receives the backup, syncs it and gives it its name.
    pub(super) fn fill(
        mut self,
        source: &mut Conversation,
        progress: &mut Progress,
    ) -> Result<BackupSummary, CtlFailure> {
        let digest = receive(source, &mut self.open, progress).map_err(|error| match error {
            ReceiveError::Write(error) => refused(format!(
                "{}: {error}; no backup was made",
                self.part.display()
            )),
            error => error.into(),
        })?;
        let failed = |error: io::Error| refused(format!("{}: {error}", self.file.display()));
        self.open.sync_all().map_err(failed)?;
        check_is(&self.part, &self.open).map_err(failed)?;
        rename_new(&self.part, &self.file).map_err(failed)?;
        self.is_placed = true;
        sync_folder(&self.file)
            .map_err(|error| refused(format!("{}: {error}", self.file.display())))?;
        Ok(BackupSummary {
            file: self.file.clone(),
            bytes: digest.bytes,
            sha256: digest.sha256,
            deleted: Vec::new(),
        })
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_placed {
            let _ = delete_locked(&self.part, &self.open);
        }
    }
}

fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn check_absent(file: &Path) -> Result<(), String> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("{}: {error}", file.display())),
        Ok(_) => Err(format!(
            "{}: the file exists, and no backup is written over another; name another file",
            file.display()
        )),
    }
}

/// Deletes what a killed process has left, unless somebody still writes it.
fn delete_left(part: &Path) -> io::Result<()> {
    let nofollow = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
    let left = OpenOptions::new()
        .write(true)
        .custom_flags(nofollow)
        .open(part)?;
    match left.try_lock() {
        Ok(()) => delete_locked(part, &left),
        Err(TryLockError::WouldBlock) => Err(io::Error::other(
            "another backup is being written there; wait for it, or name another file",
        )),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Deletes a file that is open and locked. Another that has taken its place meanwhile stays.
fn delete_locked(path: &Path, open: &File) -> io::Result<()> {
    check_is(path, open)?;
    fs::remove_file(path)
}

/// Fails unless the path names the file that is open.
fn check_is(path: &Path, open: &File) -> io::Result<()> {
    let (there, ours) = (fs::symlink_metadata(path)?, open.metadata()?);
    if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) {
        return Ok(());
    }
    let text = format!(
        "another file has taken the place of {} meanwhile",
        path.display()
    );
    Err(io::Error::other(text))
}

/// Renames a file and never replaces one.
fn rename_new(part: &Path, file: &Path) -> io::Result<()> {
    match renameat_with(CWD, part, CWD, file, RenameFlags::NOREPLACE) {
        // A file system without this.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            check_absent(file).map_err(io::Error::other)?;
            fs::rename(part, file)
        }
        renamed => Ok(renamed?),
    }
}

/// Whether this is the name of a backup in a folder.
fn is_backup_name(name: &str) -> bool {
    let time = name
        .strip_prefix(NAME_START)
        .and_then(|rest| rest.strip_suffix(NAME_END));
    time.is_some_and(|time| {
        time.len() == NAME_TIME.len()
            && time
                .bytes()
                .zip(NAME_TIME.bytes())
                .all(|(is, model)| match model {
                    b'0' => is.is_ascii_digit(),
                    other => is == other,
                })
    })
}

/// Deletes older backups beside a new one, and what killed processes have left, where a number to
/// keep is given. The new one stays and counts, also where others have later times in their names.
pub(super) fn rotated(mut summary: BackupSummary, keep: Option<u32>) -> WrittenBackup {
    let mut deleted = Vec::new();
    let done = keep.map_or(Ok(()), |keep| {
        delete_older(&summary.file, keep, &mut deleted)
    });
    let not_deleted = done.err().map(|why| {
        format!(
            "{} is whole, but older backups were not deleted: {why}",
            summary.file.display()
        )
    });
    summary.deleted = deleted;
    WrittenBackup {
        summary,
        not_deleted,
    }
}

fn delete_older(new: &Path, keep: u32, deleted: &mut Vec<PathBuf>) -> Result<(), String> {
    let Some(folder) = new.parent() else {
        return Ok(());
    };
    let failed = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let entry = entry.map_err(|error| failed(folder, error))?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if let Ok(name) = entry.file_name().into_string()
            && is_file
        {
            names.push(name);
        }
    }
    for name in &names {
        if name.strip_suffix(PART).is_some_and(is_backup_name) {
            // One that is being written is locked and stays.
            let _ = delete_left(&folder.join(name));
        }
    }
    let new = new.file_name();
    names.retain(|name| is_backup_name(name) && new != Some(OsStr::new(name)));
    names.sort_unstable();
    let kept = usize::try_from(keep)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    for name in names.iter().rev().skip(kept).rev() {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Ok(()) => deleted.push(path),
            // Another backup, or a person, was first.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&path, error)),
        }
    }
    Ok(())
}

/// One line of a terminal that says how far the backup is.
pub(super) struct Progress {
    is_shown: bool,
    due: Option<Instant>,
}

impl Progress {
    /// Shown where standard error is a terminal.
    pub(super) fn new() -> Progress {
        Progress {
            is_shown: io::stderr().is_terminal(),
            due: None,
        }
    }

    pub(super) fn hidden() -> Progress {
        Progress {
            is_shown: false,
            due: None,
        }
    }

    fn show(&mut self, text: &str) {
        let now = Instant::now();
        if self.is_shown && self.due.is_none_or(|due| now >= due) {
            self.due = Some(now + PROGRESS_INTERVAL);
            // A closed standard error is no reason to stop.
            let _ = write!(io::stderr(), "\r{text}\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.due.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    /// What comes of these lines of a master.
    fn received(lines: &[&str]) -> Result<Vec<u8>, String> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        for line in lines {
            writeln!(theirs, "{line}").unwrap();
        }
        drop(theirs);
        let mut source = Conversation::of(ours, Path::new("s"));
        let mut bytes = Vec::new();
        receive(&mut source, &mut bytes, &mut Progress::hidden())
            .map(|_| bytes)
            .map_err(|error| CtlFailure::from(error).text)
    }

    const PIECE: &str = r#"{"piece":{"data":"YWJj","of":3}}"#;
    const WHOLE: &str = r#"{"done":{"backup-sent":{"bytes":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}}"#;

    #[test]
    fn what_is_not_whole_is_no_backup() {
        assert_eq!(received(&["\"working\"", PIECE, WHOLE]).unwrap(), b"abc");
        for (lines, says) in [
            (&[PIECE, PIECE, WHOLE][..], "SHA-256"),
            (&[WHOLE], "SHA-256"),
            (&[PIECE], "closed the connection"),
            (&[r#"{"piece":{"data":"?","of":3}}"#], "base64"),
            (&[r#"{"piece":{"data":"","of":3}}"#], "size"),
            (&[PIECE, r#"{"refused":"the disk"}"#], "the disk"),
            (&[r#"{"done":{"ended":{"ended":2}}}"#], "something else"),
        ] {
            let why = received(lines).unwrap_err();
            assert!(why.contains(says), "{lines:?}: {why}");
        }
    }

    #[test]
    fn a_part_that_nobody_writes_is_replaced_and_a_file_never() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.db");
        let part = beside(&file, PART);
        fs::write(&part, "left by a kill").unwrap();
        let first = PartFile::create(&file).unwrap();
        let why = PartFile::create(&file).err().unwrap();
        assert!(why.contains("being written"), "{why}");
        assert!(part.exists());
        drop(first);
        assert!(!part.exists(), "what is not whole goes");
        fs::write(&file, "mine").unwrap();
        assert!(PartFile::create(&file).is_err());
        fs::write(&part, "whole").unwrap();
        assert!(rename_new(&part, &file).is_err());
        assert_eq!(fs::read(&file).unwrap(), b"mine");
        let none = Path::new("/nonexistent/folder/copy.db");
        let why = PartFile::create(none).err().unwrap();
        assert!(why.contains("/nonexistent/folder/copy.db"), "{why}");
    }

    #[test]
    fn the_newest_backups_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let now = "papertrader-20261126T030000Z.db".to_owned();
        assert!(is_backup_name(&now));
        let strangers = [
            "papertrader-x.db",
            "papertrader-20260101T000000Z.db.old",
            "notes",
        ];
        for name in [
            "papertrader-20260101T000000Z.db",
            "papertrader-20260102T000000Z.db",
        ]
        .into_iter()
        .chain(strangers)
        .chain(["papertrader-20260101T000000Z.db.part", &now])
        {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        let summary = BackupSummary {
            file: folder.path().join(&now),
            bytes: 1,
            sha256: String::new(),
            deleted: Vec::new(),
        };
        assert_eq!(rotated(summary.clone(), None).summary.deleted.len(), 0);
        let deleted = rotated(summary, Some(2)).summary.deleted;
        assert_eq!(
            deleted,
            [folder.path().join("papertrader-20260101T000000Z.db")]
        );
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, strangers.len() + 2);
    }

    #[test]
    fn the_backup_just_made_stays_where_others_seem_newer() {
        let folder = tempfile::tempdir().unwrap();
        let path = |year: u32| {
            let name = format!("papertrader-{year}0101T000000Z.db");
            folder.path().join(name)
        };
        // The clock was ahead when two of them were made.
        for year in [2025, 2026, 2031, 2032] {
            fs::write(path(year), "x").unwrap();
        }
        let summary = BackupSummary {
            file: path(2026),
            bytes: 1,
            sha256: String::new(),
            deleted: Vec::new(),
        };
        let deleted = rotated(summary.clone(), Some(2)).summary.deleted;
        assert_eq!(deleted, [path(2025), path(2031)]);
        assert_eq!(rotated(summary, Some(1)).summary.deleted, [path(2032)]);
        assert!(path(2026).exists());
    }

    #[test]
    fn a_backup_is_whole_where_older_ones_cannot_be_deleted() {
        let summary = BackupSummary {
            file: PathBuf::from("/nonexistent/papertrader-20260101T000000Z.db"),
            bytes: 1,
            sha256: "x".to_owned(),
            deleted: Vec::new(),
        };
        let written = rotated(summary.clone(), Some(1));
        assert_eq!(written.summary, summary);
        let why = written.not_deleted.unwrap();
        assert!(why.contains("is whole, but older backups"), "{why}");
        assert_eq!(rotated(summary, None).not_deleted, None);
    }

    #[test]
    fn a_file_in_the_place_of_ours_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("copy.db");
        let part = PartFile::create(&file).unwrap();
        let path = beside(&file, PART);
        check_is(&path, &part.open).unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        fs::write(&path, "another's").unwrap();
        let why = check_is(&path, &part.open).unwrap_err().to_string();
        assert!(why.contains("another file"), "{why}");
        drop(part);
        assert_eq!(fs::read(&path).unwrap(), b"another's");
    }
}
