//! spec/runtime/ownership.md · 3.1.2 Database Management ("create, delete, write and read files")
//!
//! Files and folders that another user may have prepared: root opens them from folder to folder
//! and follows no link, and learns whose they are before it does anything there. Nothing here
//! changes an owner.

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use thiserror::Error;

/// Permission bits with which group or others may write.
const OTHERS_WRITE: u32 = 0o022;
/// Permission bit of a folder whose files only their owners may rename and delete.
const STICKY: u32 = 0o1000;
/// Mode of a folder that is the daemon's alone.
const PRIVATE_FOLDER: u32 = 0o700;
/// Mode of a file that is the daemon's alone.
const PRIVATE_FILE: u32 = 0o600;

/// Why a file or folder is not used.
#[derive(Debug, Error)]
pub enum OwnershipError {
    /// A symbolic link stands in its place, or in the place of a folder above it.
    #[error("{0}: a symbolic link, which is not followed here; name what it leads to")]
    Link(PathBuf),
    /// A folder, socket, pipe or device.
    #[error("{0}: no regular file")]
    Irregular(PathBuf),
    /// Another user owns it.
    #[error("{path}: it belongs to user {owner}; run this as that user, or as root")]
    NotOurs { path: PathBuf, owner: u32 },
    /// Root's folder in which others may put links and files.
    #[error(
        "{0}: others may write to this folder, so root does not: name one that is root's alone, such as /root, or give the \
         command as the user who is to have the file"
    )]
    OpenToOthers(PathBuf),
    /// Root's folder below a folder of another user, who could replace it at any time.
    #[error(
        "{0}: this folder is root's, and one above it is not: give it to the user who owns that one, or move it"
    )]
    Unguarded(PathBuf),
    /// The system returned an error.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// Whose rights suffice for work in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderActor {
    /// This process does the work with the rights that it has.
    Ourselves,
    /// We are root, and the folder is another user's: the work is done with that user's rights.
    Owner {
        /// The folder's owner.
        user: u32,
        /// The owner's first group; the folder's, if the system does not know its owner.
        group: u32,
    },
}

impl FolderActor {
    /// Finds out for the folder of `file`. Without root's rights the answer is always
    /// [`FolderActor::Ourselves`].
    ///
    /// # Errors
    /// We are root, and: the folder is absent; a link is in its path; or it is root's, and others
    /// can write to it or replace it.
    pub fn of(file: &Path) -> Result<FolderActor, OwnershipError> {
        if !geteuid().is_root() {
            return Ok(FolderActor::Ourselves);
        }
        OpenFolder::of(file)?.0.actor()
    }
}

/// A folder, held open.
struct OpenFolder {
    fd: OwnedFd,
    path: PathBuf,
    /// Whether root alone can replace it: root owns all folders above it, and nobody else may
    /// write to them, or they are sticky.
    guarded: bool,
}

impl OpenFolder {
    /// Opens the folder of `file`; returns it with the file's name. Root follows no link.
    fn of(file: &Path) -> Result<(OpenFolder, &OsStr), OwnershipError> {
        let failed = |error| OwnershipError::Io(file.to_owned(), error);
        let whole = std::path::absolute(file).map_err(failed)?;
        let (Some(folder), Some(name)) = (whole.parent(), file.file_name()) else {
            return Err(OwnershipError::Irregular(file.to_owned()));
        };
        let root = open_folder(rustix::fs::CWD, Path::new("/"), true)
            .map_err(|error| failed(error.into()))?;
        let mut opened = OpenFolder {
            fd: root,
            path: PathBuf::from("/"),
            guarded: true,
        };
        for component in folder.components() {
            match component {
                Component::Normal(_) | Component::ParentDir => {
                    opened.enter(component.as_os_str())?
                }
                Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
            }
        }
        Ok((opened, name))
    }

    /// Goes on to a folder below.
    fn enter(&mut self, name: &OsStr) -> Result<(), OwnershipError> {
        let path = self.path.join(name);
        let above = self.stat()?;
        self.guarded &=
            above.st_uid == 0 && (above.st_mode & OTHERS_WRITE == 0 || above.st_mode & STICKY != 0);
        let below = open_folder(&self.fd, Path::new(name), !geteuid().is_root());
        self.fd = below.map_err(|error| self.explain(name, error))?;
        self.path = path;
        Ok(())
    }

    /// Opens a regular file for reading.
    fn open_file(&self, name: &OsStr) -> Result<File, OwnershipError> {
        // Without NONBLOCK, opening a pipe waits for its writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.fd, name, flags, Mode::empty())
            .map(File::from)
            .map_err(|error| self.explain(name, error))?;
        regular(&file, &self.path.join(name))?;
        Ok(file)
    }

    fn stat(&self) -> Result<rustix::fs::Stat, OwnershipError> {
        fstat(&self.fd).map_err(|error| OwnershipError::Io(self.path.clone(), error.into()))
    }

    /// The error of a name in this folder: a link is called by its name.
    fn explain(&self, name: &OsStr, error: Errno) -> OwnershipError {
        let path = self.path.join(name);
        let found = statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        let is_link = found.is_ok_and(|it| {
            rustix::fs::FileType::from_raw_mode(it.st_mode) == rustix::fs::FileType::Symlink
        });
        if is_link && matches!(error, Errno::LOOP | Errno::NOTDIR) {
            return OwnershipError::Link(path);
        }
        OwnershipError::Io(path, error.into())
    }

    fn actor(&self) -> Result<FolderActor, OwnershipError> {
        let folder = self.stat()?;
        if folder.st_uid != 0 {
            let known = uzers::get_user_by_uid(folder.st_uid);
            return Ok(FolderActor::Owner {
                user: folder.st_uid,
                group: known.map_or(folder.st_gid, |user| user.primary_group_id()),
            });
        }
        if folder.st_mode & OTHERS_WRITE != 0 {
            return Err(OwnershipError::OpenToOthers(self.path.clone()));
        }
        if !self.guarded {
            return Err(OwnershipError::Unguarded(self.path.clone()));
        }
        Ok(FolderActor::Ourselves)
    }
}

/// A user's name, or the number where the system knows none.
pub fn user_name(user: u32) -> String {
    let known = uzers::get_user_by_uid(user);
    known.map_or_else(
        || user.to_string(),
        |known| known.name().to_string_lossy().into_owned(),
    )
}

/// A group's name, or the number where the system knows none.
pub fn group_name(group: u32) -> String {
    let known = uzers::get_group_by_gid(group);
    known.map_or_else(
        || group.to_string(),
        |known| known.name().to_string_lossy().into_owned(),
    )
}

/// Opens a folder without the right to read it.
fn open_folder(from: impl AsFd, path: &Path, follow: bool) -> rustix::io::Result<OwnedFd> {
    let mut flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    flags.set(OFlags::NOFOLLOW, !follow);
    openat(from, path, flags, Mode::empty())
}

fn regular(file: &File, path: &Path) -> Result<std::fs::Metadata, OwnershipError> {
    let found = file
        .metadata()
        .map_err(|error| OwnershipError::Io(path.to_owned(), error))?;
    if !found.is_file() {
        return Err(OwnershipError::Irregular(path.to_owned()));
    }
    Ok(found)
}

/// Opens a regular file for reading. A link in its place is refused; root follows no link on the
/// way to it either.
///
/// # Errors
/// It is a link, no regular file, or cannot be opened.
pub fn open_given_file(path: &Path) -> Result<File, OwnershipError> {
    let (folder, name) = OpenFolder::of(path)?;
    folder.open_file(name)
}

/// Opens a lock file, and creates it with mode 0600 if necessary.
///
/// # Errors
/// A link or something else than a regular file stands there; another user owns it; it cannot be
/// created.
pub fn open_lock_file(path: &Path) -> Result<File, OwnershipError> {
    let no_link = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(PRIVATE_FILE)
        .custom_flags(no_link.cast_signed())
        .open(path)
        .map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => OwnershipError::Link(path.to_owned()),
            Some(Errno::NXIO) => OwnershipError::Irregular(path.to_owned()),
            _ => OwnershipError::Io(path.to_owned(), error),
        })?;
    let found = regular(&file, path)?;
    if found.uid() != geteuid().as_raw() {
        return Err(OwnershipError::NotOurs {
            path: path.to_owned(),
            owner: found.uid(),
        });
    }
    Ok(file)
}

/// Creates a folder and those above it that are missing, with mode 0700. One that is there keeps
/// its mode.
///
/// # Errors
/// A folder cannot be created.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_FOLDER)
        .create(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn what_is_created_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        create_private_folder(&deep).unwrap();
        create_private_folder(&deep).unwrap();
        assert_eq!([mode(&folder.path().join("a")), mode(&deep)], [0o700; 2]);
        let lock = deep.join("lock");
        open_lock_file(&lock).unwrap();
        open_lock_file(&lock).unwrap();
        assert_eq!(mode(&lock), 0o600);
        // One that stood there before keeps its mode.
        fs::set_permissions(&deep, Permissions::from_mode(0o750)).unwrap();
        create_private_folder(&deep).unwrap();
        assert_eq!(mode(&deep), 0o750);
    }

    #[test]
    fn a_lock_is_a_file_of_ours_and_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, target) = (folder.path().join("lock"), folder.path().join("target"));
        symlink(&target, &lock).unwrap();
        assert!(matches!(
            open_lock_file(&lock),
            Err(OwnershipError::Link(_))
        ));
        assert!(!target.exists());
        fs::write(&target, "").unwrap();
        assert!(matches!(
            open_lock_file(&lock),
            Err(OwnershipError::Link(_))
        ));
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        assert!(matches!(
            open_lock_file(&pipe),
            Err(OwnershipError::Irregular(_))
        ));
        assert!(open_lock_file(folder.path()).is_err());
        if geteuid().is_root() {
            std::os::unix::fs::chown(&target, Some(65_534), None).unwrap();
            assert!(matches!(
                open_lock_file(&target),
                Err(OwnershipError::NotOurs { owner: 65_534, .. })
            ));
        } else {
            eprintln!("skipped: only root can make a lock file of another user's");
        }
    }

    #[test]
    fn a_given_file_is_a_regular_file_and_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "text").unwrap();
        symlink(&file, &link).unwrap();
        assert!(open_given_file(&file).is_ok());
        let why = open_given_file(&link).unwrap_err().to_string();
        assert!(why.contains("link: a symbolic link"), "{why}");
        for irregular in [folder.path(), Path::new("/dev/null")] {
            assert!(matches!(
                open_given_file(irregular),
                Err(OwnershipError::Irregular(_))
            ));
        }
        assert!(open_given_file(&folder.path().join("absent")).is_err());
    }

    #[test]
    fn root_works_as_itself_only_where_nobody_else_can_interfere() {
        let folder = tempfile::tempdir().unwrap();
        let of = |path: &Path| FolderActor::of(&path.join("file"));
        if !geteuid().is_root() {
            eprintln!("skipped: only root has another user's folders");
            assert_eq!(of(folder.path()).unwrap(), FolderActor::Ourselves);
            return;
        }
        let deep = folder.path().join("deep");
        fs::create_dir(&deep).unwrap();
        assert_eq!(of(&deep).unwrap(), FolderActor::Ourselves);
        fs::set_permissions(&deep, Permissions::from_mode(0o1777)).unwrap();
        assert!(matches!(of(&deep), Err(OwnershipError::OpenToOthers(_))));
        fs::set_permissions(&deep, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(of(&deep).unwrap(), FolderActor::Ourselves);
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(of(&deep), Err(OwnershipError::Unguarded(_))));
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let link = folder.path().join("link");
        symlink(&deep, &link).unwrap();
        assert!(matches!(of(&link), Err(OwnershipError::Link(at)) if at == link));
        assert!(matches!(
            open_given_file(&link.join("file")),
            Err(OwnershipError::Link(_))
        ));
        std::os::unix::fs::chown(&deep, Some(4_000_000), Some(7)).unwrap();
        let owner = FolderActor::Owner {
            user: 4_000_000,
            group: 7,
        };
        assert_eq!(of(&deep).unwrap(), owner);
        assert!(matches!(
            of(&folder.path().join("absent")),
            Err(OwnershipError::Io(..))
        ));
    }
}
