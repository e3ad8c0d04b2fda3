//! spec/master/storage.md · 3.1.2 Database Management
//!
//! Lets one master alone use a folder, where its database is on a server, and tells the next one that
//! the one before has ended.

use super::StorageError;
use super::files::read_file;
use super::sqlite::lock;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use uuid::Uuid;

/// The file, in `data_dir`.
const NAME: &str = "master.lock";
/// Largest such file, in bytes.
const BYTES_MAX: u64 = 256;

/// A folder that one master uses. The kernel releases it when the process ends.
#[derive(Debug)]
pub struct ProcessLock {
    _file: File,
    /// The process that held it last. It has ended.
    pub before: Option<Uuid>,
}

impl ProcessLock {
    /// Locks a folder for this process, and creates it if necessary.
    ///
    /// # Errors
    /// Another process holds it, or the file cannot be written.
    pub fn take(folder: &Path, process: Uuid) -> Result<ProcessLock, StorageError> {
        let path = folder.join(NAME);
        let mut file = lock(&path)?;
        let at = |error: io::Error| StorageError::Io(path.clone(), error);
        // Of a folder that was copied while its master ran, the copy has another number.
        let number = file.metadata().map_err(at)?.ino();
        let written = read_file(&path, BYTES_MAX).map_err(at)?;
        let written = String::from_utf8_lossy(&written).into_owned();
        let before = match written.split_whitespace().collect::<Vec<_>>().as_slice() {
            [process, of] if *of == number.to_string() => Uuid::try_parse(process).ok(),
            _ => None,
        };
        file.rewind().map_err(at)?;
        file.set_len(0).map_err(at)?;
        writeln!(file, "{process} {number}").map_err(at)?;
        Ok(ProcessLock {
            _file: file,
            before,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_one_learns_who_has_ended_and_a_copy_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (here, copy) = (folder.path().join("a"), folder.path().join("b"));
        let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
        let held = ProcessLock::take(&here, first).unwrap();
        assert_eq!(held.before, None);
        std::fs::create_dir(&copy).unwrap();
        std::fs::copy(here.join(NAME), copy.join(NAME)).unwrap();
        assert_eq!(ProcessLock::take(&copy, second).unwrap().before, None);
        drop(held);
        let held = ProcessLock::take(&here, second).unwrap();
        assert_eq!(held.before, Some(first));
        let refused = ProcessLock::take(&here, first);
        assert!(matches!(refused, Err(StorageError::InUse(_))));
    }
}
