//! spec/master/storage.md · 3.1.2 Database Management ("create, delete, write and read files")

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The path with `more` appended to its name.
pub fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Creates a new file with mode 0600.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn create_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Reads a file of at most `limit` bytes.
///
/// # Errors
/// The file is larger, or cannot be read.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > limit {
        let text = format!("{size} bytes are more than the {limit} that are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    fs::read(path)
}

/// Replaces a file atomically: a reader sees the old bytes or the new ones, even after a crash.
///
/// # Errors
/// The file cannot be written; the old one is then unchanged.
pub fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let _ = delete_file(&part);
    create_file(&part, bytes)?;
    fs::rename(&part, path)?;
    sync_folder(path)
}

/// Deletes a file.
///
/// # Errors
/// The file does not exist, or cannot be deleted.
pub fn delete_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Syncs a file's folder, so that a rename in it survives a crash.
///
/// # Errors
/// The disk fails.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.csv");
        create_file(&path, b"one").unwrap();
        assert!(create_file(&path, b"two").is_err());
        write_file(&path, b"three").unwrap();
        assert_eq!(read_file(&path, 5).unwrap(), b"three");
        assert!(read_file(&path, 4).is_err());
        delete_file(&path).unwrap();
        assert!(delete_file(&path).is_err());
    }
}
