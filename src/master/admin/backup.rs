//! spec/master/admin.md · 3.1.2 Database Management
//!
//! Sends a consistent copy of the database to an administrator, who writes it. The master writes no
//! file for its callers.
//!
//! Tests: `tests/suite/master/backups.rs`.

use super::backup_record::{BackupRecord, TakenTurn};
use super::caller::AdminCaller;
use super::maintenance::BUSY_TEXT;
use super::send::{SEND_TIMEOUT, send as send_line, send_by};
use super::{AdminShared, CancelToken};
use crate::admin::model::BackupDigest;
use crate::admin::protocol::{AdminAnswer, AdminResponse, BackupPiece, PIECE_BYTES_MAX};
use crate::master::storage::backup;
use crate::master::storage::disk::DiskSpace;
use crate::master::transactions::disk_floor;
use crate::runtime::Stop;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many bytes of a backup a client reads each second at least, on average. A slower one would
/// keep the only turn for as long as it likes.
const RATE_MIN: u32 = 256 << 10;
/// What a client may be behind that rate.
const RATE_GRACE: Duration = Duration::from_secs(60);

/// The refusal of a request for a backup as earlier clients send it.
const WRITTEN_BY_THE_CALLER: &str = "this master sends a backup to whoever asks for it, and writes none itself; use the \
     papertraderctl of its version, which writes the file with your rights";

/// Refuses a request for a backup that the master would write.
pub(super) fn refuse() -> Result<AdminAnswer, String> {
    Err(WRITTEN_BY_THE_CALLER.to_owned())
}

/// Takes note that a backup was written.
///
/// # Errors
/// It is not what was sent last.
pub(super) fn note_written(
    shared: &AdminShared,
    digest: BackupDigest,
) -> Result<AdminAnswer, String> {
    shared.channels.backups.written(&digest)?;
    Ok(AdminAnswer::BackupNoted(digest))
}

/// A copy of the database without a name.
pub(super) struct BackupCopy {
    file: File,
    bytes: u64,
    _turn: TakenTurn,
}

/// Makes a copy of the database in its folder.
pub(super) fn copy(shared: &AdminShared, cancel: &CancelToken) -> Result<BackupCopy, String> {
    let turn = shared
        .channels
        .backups
        .turn
        .take()
        .ok_or("another backup is made or sent; wait for it")?;
    let _alone = shared.maintenance.try_lock().ok_or(BUSY_TEXT)?;
    let url = &shared.channels.database;
    let database = backup::file_of(url).map_err(|error| error.to_string())?;
    shared.channels.backups.begin();
    check_room(database, backup::copied_bytes_max(url))?;
    let file = backup::copy_to_send(url, &|| cancel.is_cancelled())
        .map_err(|error| format!("the master could not copy its database: {error}"))?;
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    Ok(BackupCopy {
        file,
        bytes,
        _turn: turn,
    })
}

/// Refuses a copy that would leave too little room for orders.
fn check_room(database: &Path, needed: Result<u64, impl std::fmt::Display>) -> Result<(), String> {
    let needed = needed.map_err(|error| error.to_string())?;
    // Where the system does not tell the room, the copy finds out.
    match DiskSpace::beside(database) {
        Ok(space) if disk_floor::fills(space, needed) => Err(format!(
            "the master copies its database first, {} MiB, and the disk of {} has {} MiB free, of which orders need \
             some; make room",
            (needed >> 20) + 1,
            database.display(),
            space.free >> 20
        )),
        _ => Ok(()),
    }
}

/// Sends the pieces and what they must be together. A client that does not take a piece in time, or
/// reads slower than [`RATE_MIN`], is given up.
///
/// # Errors
/// The client has gone, or the master stops.
pub(super) fn send(
    copy: BackupCopy,
    record: &BackupRecord,
    caller: AdminCaller,
    stream: &mut UnixStream,
    stop: &Stop,
) -> io::Result<()> {
    let sent = send_pieces(&copy, stream, stop);
    match &sent {
        Ok(digest) => crate::audit!(
            "backup",
            by = caller,
            bytes = digest.bytes,
            sha256 = digest.sha256
        ),
        Err(error) => crate::warn!("{caller} has not got the backup that was asked for: {error}"),
    }
    if let Ok(digest) = &sent {
        record.sent(digest);
    }
    // Who has the answer may ask for another.
    drop(copy);
    let answer = AdminResponse::Done(AdminAnswer::BackupSent(sent?));
    send_line(stream, &answer)
}

fn send_pieces(
    copy: &BackupCopy,
    stream: &mut UnixStream,
    stop: &Stop,
) -> io::Result<BackupDigest> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    let (begun, mut at) = (Instant::now(), 0);
    while at < copy.bytes {
        if stop.is_requested() {
            return Err(io::Error::other("the master is stopping"));
        }
        let size = copy.file.read_at(&mut buffer, at)?;
        let piece = buffer.get(..size).unwrap_or_default();
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hash.update(piece);
        at = at.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        let piece = BackupPiece {
            data: STANDARD.encode(piece),
            of: copy.bytes,
        };
        let due = (begun + time_for(at)).min(Instant::now() + SEND_TIMEOUT);
        send_by(stream, &AdminResponse::Piece(piece), due)?;
    }
    Ok(BackupDigest {
        bytes: at,
        sha256: hex::encode(hash.finalize()),
    })
}

/// The time within which a client has read this many bytes.
fn time_for(bytes: u64) -> Duration {
    RATE_GRACE + Duration::from_secs(bytes) / RATE_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_reader_has_a_time_that_its_bytes_decide() {
        assert_eq!(time_for(0), RATE_GRACE);
        let mib = time_for(1 << 20) - RATE_GRACE;
        assert_eq!(mib, Duration::from_secs(4));
        let gib = time_for(1 << 30);
        assert!(gib < Duration::from_secs(75 * 60), "{gib:?}");
    }

    #[test]
    fn no_copy_takes_the_room_that_orders_need() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("master.db");
        let needs = |bytes| check_room(&database, Ok::<u64, String>(bytes));
        needs(1).unwrap();
        let why = needs(u64::MAX).unwrap_err();
        assert!(
            why.contains("MiB free") && why.contains("make room"),
            "{why}"
        );
    }
}
