//! spec/master/storage/files.md · 3.1.2 Database Management ("create, delete, write and read files")

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The path with more at its end.
pub fn beside(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Makes a file that its owner alone may read, and that is not there yet.
///
/// # Errors
/// It exists, or cannot be written.
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
/// It is larger, or cannot be read.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > limit {
        let text = format!("{size} bytes are more than the {limit} that are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    fs::read(path)
}

/// Replaces a file whole: who reads it sees the old bytes or the new, whatever happens in between.
///
/// # Errors
/// It cannot be written; the old one is then untouched.
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
/// It is not there, or cannot be deleted.
pub fn delete_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Makes what was renamed in a file's folder last.
///
/// # Errors
/// The disk refuses.
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
