//! spec/master/admin.md · 3.1.2 Database Management
//!
//! When the newest backup was made that somebody has written, over restarts too: a small file beside the
//! database. Who writes a backup says so afterwards; the master reads no folder of backups.

use crate::admin::model::BackupDigest;
use crate::admin::warning::{StatusWarning, WarningKind};
use crate::config::DatabaseUrl;
use crate::master::storage::files::{read_file, write_file};
use crate::model::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The file beside the database.
const FILE: &str = "last-backup.json";
/// The most bytes of it that are read.
const FILE_MAX: u64 = 4096;
/// How long after the end of the sending a backup that was not said to be written counts as failed, in
/// milliseconds. Its disk may be slow.
const WRITTEN_WITHIN_MS: i64 = 10 * 60 * 1000;

/// One backup is sent at a time, so that one copy takes room on the disk.
#[derive(Default)]
pub(super) struct BackupTurn(Arc<AtomicBool>);

/// The right to make and send a backup. It ends on drop.
pub(super) struct TakenTurn(Arc<AtomicBool>);

impl BackupTurn {
    /// Whether a backup is made or sent now.
    pub(super) fn is_taken(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Takes it; `None` while somebody else has it.
    pub(super) fn take(&self) -> Option<TakenTurn> {
        let was_taken = self.0.swap(true, Ordering::SeqCst);
        (!was_taken).then(|| TakenTurn(Arc::clone(&self.0)))
    }
}

impl Drop for TakenTurn {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// What is known of backups.
pub struct BackupRecord {
    /// `None`: the database is on a server, of which a master makes no backup.
    file: Option<PathBuf>,
    /// From which age on status warns; zero: never.
    warn_after: Duration,
    pub(super) turn: BackupTurn,
    known: Mutex<KnownBackups>,
}

/// Times in milliseconds since 1970.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct KnownBackups {
    /// When the newest copy was begun.
    begun: Option<i64>,
    /// When the newest copy was begun that is written.
    written: Option<i64>,
    /// What was sent last, and when it was begun.
    #[serde(skip)]
    sent: Option<(BackupDigest, i64)>,
}

/// What an earlier process knew.
fn known_before(file: &Path) -> KnownBackups {
    match read_file(file, FILE_MAX) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            crate::warn!("{}: {error}; it is written anew", file.display());
            KnownBackups::default()
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => KnownBackups::default(),
        Err(error) => {
            crate::warn!("{}: {error}", file.display());
            KnownBackups::default()
        }
    }
}

impl BackupRecord {
    /// Reads what an earlier process knew. `warn_after`: the age from which on status warns; zero: never.
    pub fn open(database: &DatabaseUrl, warn_after: Duration) -> BackupRecord {
        let file = database.file().map(|file| file.with_file_name(FILE));
        let known = file.as_deref().map(known_before).unwrap_or_default();
        BackupRecord {
            file,
            warn_after,
            turn: BackupTurn::default(),
            known: Mutex::new(known),
        }
    }

    /// When the newest backup was begun that is written.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.known.lock().written.map(Timestamp)
    }

    /// Takes note that a copy is begun.
    pub(super) fn begin(&self) {
        let mut known = self.known.lock();
        known.begun = Some(Timestamp::now().0);
        known.sent = None;
        self.store(&known);
    }

    /// Takes note that the copy was sent.
    pub(super) fn sent(&self, digest: &BackupDigest) {
        let mut known = self.known.lock();
        known.sent = known.begun.map(|begun| (digest.clone(), begun));
    }

    /// Takes note that what was sent is written.
    ///
    /// # Errors
    /// It is not what was sent last.
    pub(super) fn written(&self, digest: &BackupDigest) -> Result<(), String> {
        let mut known = self.known.lock();
        match &known.sent {
            Some((sent, begun)) if sent == digest => known.written = Some(*begun),
            _ => {
                return Err(
                    "another backup was sent meanwhile, or the master was restarted".to_owned(),
                );
            }
        }
        self.store(&known);
        Ok(())
    }

    fn store(&self, known: &KnownBackups) {
        let Some(file) = &self.file else {
            return;
        };
        let stored = serde_json::to_vec(known)
            .map_err(std::io::Error::from)
            .and_then(|bytes| write_file(file, &bytes));
        if let Err(error) = stored {
            crate::warn!(
                "{}: {error}; after a restart this backup is not known",
                file.display()
            );
        }
    }

    /// What an administrator should act on at a time.
    pub(super) fn warning(&self, now: Timestamp) -> Option<StatusWarning> {
        let known = self.known.lock().clone();
        if self.warn_after.is_zero() {
            return None;
        }
        let age_max = i64::try_from(self.warn_after.as_millis()).unwrap_or(i64::MAX);
        let text = match (known.begun, known.written) {
            (_, Some(written)) if now.0.saturating_sub(written) > age_max => format!(
                "the newest backup is of {}, more than {} ago: see `systemctl status papertrader-backup.timer \
                 papertrader-backup`",
                Timestamp(written),
                humantime::format_duration(self.warn_after)
            ),
            (Some(begun), written)
                if written.is_none_or(|written| written < begun)
                    && now.0.saturating_sub(begun) > WRITTEN_WITHIN_MS
                    && !self.turn.is_taken() =>
            {
                format!(
                    "the backup that was begun at {} was not written: see `journalctl -u papertrader-backup`",
                    Timestamp(begun)
                )
            }
            _ => return None,
        };
        Some(StatusWarning::new(WarningKind::BackupMissing, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_backup_and_one_that_failed_are_told_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("master.db"));
        let day = Duration::from_secs(86_400);
        let open = |after| BackupRecord::open(&url, after);
        let digest = BackupDigest {
            bytes: 7,
            sha256: "00".to_owned(),
        };
        let after = |record: &BackupRecord, hours: i64| {
            let now = Timestamp(Timestamp::now().0 + hours * 3_600_000);
            record.warning(now).map(|it| it.text)
        };
        let record = open(day);
        // Nobody makes backups.
        assert_eq!((after(&record, 1000), record.newest()), (None, None));
        assert!(record.written(&digest).is_err());
        record.begin();
        assert_eq!(after(&record, 0), None);
        assert!(after(&record, 1).unwrap().contains("was not written"));
        record.sent(&digest);
        assert!(
            record
                .written(&BackupDigest {
                    bytes: 8,
                    ..digest.clone()
                })
                .is_err()
        );
        record.written(&digest).unwrap();
        for record in [record, open(day)] {
            assert!(record.newest().is_some());
            assert_eq!(after(&record, 23), None);
            assert!(after(&record, 25).unwrap().contains("more than 1day ago"));
        }
        let record = open(day);
        std::thread::sleep(Duration::from_millis(2));
        record.begin();
        assert!(after(&open(day), 1).unwrap().contains("was not written"));
        assert_eq!(after(&open(Duration::ZERO), 100), None);
        std::fs::write(folder.path().join(FILE), "garbage").unwrap();
        assert_eq!(open(day).newest(), None);
    }
    #[test]
    fn one_backup_has_its_turn() {
        let turn = BackupTurn::default();
        let taken = turn.take().unwrap();
        assert!(turn.take().is_none());
        drop(taken);
        assert!(turn.take().is_some());
    }
}
