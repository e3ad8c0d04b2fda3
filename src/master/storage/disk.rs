//! spec/master/storage.md · 3.1.2 Database Management
//!
//! The room on the file system of the database.

use crate::config::DatabaseUrl;
use rustix::fs::statvfs;
use std::io;
use std::path::Path;

/// The size of a file system and what of it is free for this process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    pub free: u64,
    pub total: u64,
}

impl DiskSpace {
    /// The file system of a database's folder, now; `None` where the database is on a server, which
    /// does not tell.
    ///
    /// # Errors
    /// The folder does not exist, or the system does not say.
    pub fn of(url: &DatabaseUrl) -> io::Result<Option<DiskSpace>> {
        url.file().map(DiskSpace::beside).transpose()
    }

    /// The file system of a file's folder, now.
    ///
    /// # Errors
    /// The folder does not exist, or the system does not say.
    pub fn beside(file: &Path) -> io::Result<DiskSpace> {
        let folder = file.parent().filter(|path| !path.as_os_str().is_empty());
        let told = statvfs(folder.unwrap_or(Path::new(".")))?;
        Ok(DiskSpace {
            free: told.f_bavail.saturating_mul(told.f_frsize),
            total: told.f_blocks.saturating_mul(told.f_frsize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_of_a_folder_has_a_size() {
        let folder = tempfile::tempdir().unwrap();
        let space = DiskSpace::beside(&folder.path().join("x.db")).unwrap();
        assert!(space.total > 0 && space.free <= space.total, "{space:?}");
        assert!(DiskSpace::beside(Path::new("/nonexistent/x.db")).is_err());
        assert!(DiskSpace::beside(Path::new("x.db")).is_ok());
    }
}
