//! spec/cli/ctl/setup.md · 2.2 Infrastructure Model
//!
//! The machine that is set up: its paths, its users, and how folders and files are made there, with
//! owner and mode, so that a set-up that is interrupted leaves nothing half written.

use super::report::{SetupReport, StepState};
use crate::runtime::ownership::{FolderActor, group_name, user_name};
use rustix::fs::{FlockOperation, Gid, Mode, OFlags, Uid, fchmod, fchown, flock, open};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The largest file that a set-up reads: a certificate's chain has some 10 KiB.
pub(super) const FILE_MAX: u64 = 256 * 1024;
/// The user of the master, and the group that owns what it reads.
pub(super) const MASTER_USER: &str = "papertrader";
/// The user of all workers, and the group that owns what they read.
pub(super) const WORKER_USER: &str = "papertrader-worker";
/// The package that makes both users.
const PACKAGE: &str = "papertrader-server";
/// Where a set-up makes something below its root; what is deeper is made by it.
const PLACES: [&str; 4] = ["etc/papertrader", "var/lib", "var/log", "run"];
/// What is locked in the folder of configurations. Nobody but root, or the caller, opens it: whoever
/// opens a file can lock it.
const LOCK_FILE: &str = ".setup.lock";
/// What a log file has: its group reads it.
pub(super) const LOG_MODE: u32 = 0o640;
/// Permission bits of group and others.
const OTHERS: u32 = 0o077;
/// Permission bits of all.
const MODE: u32 = 0o7777;

/// A user and group of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SystemUser {
    pub(super) user: u32,
    pub(super) group: u32,
}

/// Root and its group.
const ROOT: SystemUser = SystemUser { user: 0, group: 0 };

/// Whose a folder or file is, and who may do what with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rights {
    user: u32,
    group: u32,
    mode: u32,
}

impl Rights {
    pub(super) fn user(self) -> u32 {
        self.user
    }

    pub(super) fn mode(self) -> u32 {
        self.mode
    }

    /// The same owner's, with another mode.
    pub(super) fn with_mode(self, mode: u32) -> Rights {
        Rights { mode, ..self }
    }
}

/// The machine that is set up.
#[derive(Debug)]
pub(super) struct SetupHost {
    /// `/`, or the folder that everything is made below.
    root: PathBuf,
    /// Whether everything belongs to the caller.
    pub(super) is_own: bool,
}

impl SetupHost {
    /// This machine, or the folder `root` for the caller alone.
    ///
    /// # Errors
    /// It is this machine, and the caller is not root; the folder's path is not known; the caller is
    /// root, and somebody else could put links in the way.
    pub(super) fn new(root: Option<&Path>) -> Result<SetupHost, String> {
        match root {
            Some(folder) => {
                let root = std::path::absolute(folder).map_err(|error| at(folder, &error))?;
                for place in PLACES {
                    check_nobody_interferes(&root.join(place))?;
                }
                Ok(SetupHost { root, is_own: true })
            }
            None if geteuid().is_root() => Ok(SetupHost {
                root: PathBuf::from("/"),
                is_own: false,
            }),
            None => Err(
                "a set-up makes users' folders and services, so it needs root: run it with sudo; or try it with \
                 --root DIR, which makes everything in a folder of yours"
                    .to_owned(),
            ),
        }
    }

    /// A path of a packaged machine, below this one's root.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The folder of configurations.
    pub(super) fn etc(&self) -> PathBuf {
        self.path("/etc/papertrader")
    }

    /// The master's configuration.
    pub(super) fn master_config(&self) -> PathBuf {
        self.etc().join("master.toml")
    }

    /// A worker's configuration.
    pub(super) fn worker_config(&self, name: &str) -> PathBuf {
        self.etc().join(format!("worker-{name}.toml"))
    }

    /// The user of this name; ourselves where everything is the caller's.
    ///
    /// # Errors
    /// The system has no such user.
    pub(super) fn user(&self, name: &str) -> Result<SystemUser, String> {
        if self.is_own {
            return Ok(SystemUser {
                user: geteuid().as_raw(),
                group: rustix::process::getegid().as_raw(),
            });
        }
        let found = uzers::get_user_by_name(name).ok_or_else(|| {
            format!(
                "there is no user {name}, whom the package {PACKAGE} makes: install it; after `make install`, run \
                 `systemd-sysusers` first"
            )
        })?;
        Ok(SystemUser {
            user: found.uid(),
            group: found.primary_group_id(),
        })
    }

    /// Whether root runs the daemons: all of it is the caller's, who is root.
    pub(super) fn daemons_are_roots(&self) -> bool {
        self.is_own && geteuid().is_root()
    }

    /// Of root, for everybody to read.
    pub(super) fn public(&self, mode: u32) -> Rights {
        let root = self.user_or_root();
        Rights {
            user: root.user,
            group: root.group,
            mode,
        }
    }

    /// Of root, for a daemon's group to read; of the caller alone where everything is.
    pub(super) fn readable_by(&self, reader: SystemUser) -> Rights {
        Rights {
            user: self.user_or_root().user,
            group: reader.group,
            mode: if self.is_own { 0o600 } else { 0o640 },
        }
    }

    /// Of a daemon's user.
    pub(super) fn owned_by(&self, owner: SystemUser, mode: u32) -> Rights {
        Rights {
            user: owner.user,
            group: owner.group,
            mode,
        }
    }

    fn user_or_root(&self) -> SystemUser {
        if self.is_own {
            SystemUser {
                user: geteuid().as_raw(),
                group: rustix::process::getegid().as_raw(),
            }
        } else {
            ROOT
        }
    }

    /// Lets no other set-up run beside this one, until the file is closed. Makes the folder of
    /// configurations, and the file there that is locked.
    ///
    /// # Errors
    /// Another set-up runs; the folder or the file cannot be made; something else stands in the file's
    /// place.
    pub(super) fn lock(&self, report: &mut SetupReport) -> Result<File, String> {
        let etc = self.etc();
        if let Some(above) = etc.parent() {
            fs::create_dir_all(above).map_err(|error| at(above, &error))?;
        }
        self.folder(&etc, self.public(0o755), report)?;
        let (path, rights) = (etc.join(LOCK_FILE), self.public(0o600));
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = open(&path, flags, Mode::RUSR | Mode::WUSR);
        let file = File::from(opened.map_err(|error| at(&path, &error.into()))?);
        let found = file.metadata().map_err(|error| at(&path, &error))?;
        if !found.is_file() || found.uid() != rights.user {
            return Err(format!(
                "{}: this must be a file of user {}: remove what is there",
                path.display(),
                name_of(rights.user)
            ));
        }
        give(&file, rights).map_err(|error| at(&path, &error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(Errno::WOULDBLOCK) => Err(format!(
                "{}: another set-up runs here; wait for its end",
                path.display()
            )),
            Err(error) => Err(at(&path, &error.into())),
        }
    }

    /// Makes a folder, or mends its owner and mode. The folder above it is there.
    ///
    /// # Errors
    /// A link stands there whose target has another owner or mode, or something else; the system
    /// refuses.
    pub(super) fn folder(
        &self,
        path: &Path,
        rights: Rights,
        report: &mut SetupReport,
    ) -> Result<(), String> {
        let failed = |error: io::Error| at(path, &error);
        let made = match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(failed(error)),
        };
        let found = fs::symlink_metadata(path).map_err(failed)?;
        if found.is_symlink() {
            // An administrator has put it on another disk. Whose that is was decided there.
            let target = fs::metadata(path).map_err(failed)?;
            if target.is_dir() && is_right(&target, rights) {
                report.there(format!("{} (a link)", path.display()));
                return Ok(());
            }
            return Err(format!(
                "{}: a link, whose target must be a folder of user {} and group {} with mode {:04o}: mend that, or \
                 remove the link",
                path.display(),
                name_of(rights.user),
                group_name(rights.group),
                rights.mode
            ));
        }
        if !found.is_dir() {
            return Err(format!(
                "{}: this must be a folder; move what is there away",
                path.display()
            ));
        }
        let what = format!("{} ({:04o})", path.display(), rights.mode);
        if is_right(&found, rights) {
            report.step(
                if made {
                    StepState::Made
                } else {
                    StepState::There
                },
                what,
            );
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = open(path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        give(&File::from(opened), rights).map_err(failed)?;
        report.step(
            if made {
                StepState::Made
            } else {
                StepState::Mended
            },
            what,
        );
        Ok(())
    }

    /// Makes a folder at a path of a packaged machine, and those above it that are missing.
    ///
    /// # Errors
    /// As [`SetupHost::folder`].
    pub(super) fn folder_below(
        &self,
        path: &str,
        rights: Rights,
        report: &mut SetupReport,
    ) -> Result<(), String> {
        let path = self.path(path);
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(|error| at(above, &error))?;
        }
        self.folder(&path, rights, report)
    }

    /// Writes a file whole, or not at all, unless it is there with these bytes and rights. The folder
    /// is root's, or the caller's.
    ///
    /// # Errors
    /// The system refuses, such as for want of space. What was there before is there still.
    pub(super) fn file(
        &self,
        path: &Path,
        bytes: &[u8],
        rights: Rights,
        report: &mut SetupReport,
    ) -> Result<(), String> {
        let what = format!("{} ({:04o})", path.display(), rights.mode);
        let found = fs::symlink_metadata(path);
        let is_there = found.is_ok();
        let same = found.is_ok_and(|found| found.is_file() && is_right(&found, rights))
            && read_file(path).is_ok_and(|found| found == bytes);
        if same {
            report.there(what);
            return Ok(());
        }
        self.stage(path, bytes, rights)?.commit()?;
        let state = if is_there {
            StepState::Mended
        } else {
            StepState::Made
        };
        report.step(state, what);
        Ok(())
    }

    /// Writes a file beside its place.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn stage(
        &self,
        path: &Path,
        bytes: &[u8],
        rights: Rights,
    ) -> Result<StagedFile, String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let staged = StagedFile {
            place: path.to_owned(),
            path: path.with_file_name(format!(".{name}.new")),
        };
        let write = || -> io::Result<()> {
            // One that is left from a set-up that was killed.
            match fs::remove_file(&staged.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&staged.path)?;
            file.write_all(bytes)?;
            give(&file, rights)?;
            file.sync_all()
        };
        write().map_err(|error| at(path, &error))?;
        Ok(staged)
    }
}

/// A file that is written, and not in its place yet. Dropping it removes it.
#[derive(Debug)]
pub(super) struct StagedFile {
    place: PathBuf,
    path: PathBuf,
}

impl StagedFile {
    /// Where it is until then.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it in its place.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn commit(self) -> Result<(), String> {
        let sync = || {
            fs::rename(&self.path, &self.place)?;
            let folder = self.place.parent().unwrap_or(Path::new("/"));
            File::open(folder)?.sync_all()
        };
        sync().map_err(|error| at(&self.place, &error))
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // After a commit nothing is there any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Checks that nobody but us can put a link in a folder's path, as far as that is there: root follows
/// none.
fn check_nobody_interferes(folder: &Path) -> Result<(), String> {
    let is_there = |path: &&Path| fs::symlink_metadata(path).is_ok();
    let deepest = folder.ancestors().find(is_there).unwrap_or(Path::new("/"));
    // The question is for a file's folder.
    match FolderActor::of(&deepest.join("x")).map_err(|error| error.to_string())? {
        FolderActor::Ourselves => Ok(()),
        FolderActor::Owner { user, .. } => {
            let owner = name_of(user);
            Err(format!(
                "{}: it belongs to {owner}, who could put links in root's way: give the command as {owner}, or name a \
                 folder of root's",
                deepest.display()
            ))
        }
    }
}

/// The text of an error at a path.
pub(super) fn at(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// The bytes of a file of at most [`FILE_MAX`].
///
/// # Errors
/// It cannot be read, or is larger; the text names it.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes));
    let size = read.map_err(|error| at(path, &error))?;
    if u64::try_from(size).is_ok_and(|size| size <= FILE_MAX) {
        Ok(bytes)
    } else {
        Err(format!(
            "{}: more than {} KiB, which no such file has",
            path.display(),
            FILE_MAX / 1024
        ))
    }
}

/// Whether a file or folder has this owner, group and mode.
pub(super) fn is_right(found: &fs::Metadata, rights: Rights) -> bool {
    found.uid() == rights.user && found.gid() == rights.group && found.mode() & MODE == rights.mode
}

/// Gives an open file or folder its owner and mode. Nobody else reads it in between.
pub(super) fn give(file: &File, rights: Rights) -> io::Result<()> {
    let found = file.metadata()?;
    if found.uid() != rights.user || found.gid() != rights.group {
        fchmod(file, Mode::from_raw_mode(found.mode() & MODE & !OTHERS))?;
        fchown(
            file,
            Some(Uid::from_raw(rights.user)),
            Some(Gid::from_raw(rights.group)),
        )?;
    }
    Ok(fchmod(file, Mode::from_raw_mode(rights.mode))?)
}

/// A user's name, or the number where the system knows none.
pub(super) fn name_of(user: u32) -> String {
    user_name(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn host(folder: &Path) -> SetupHost {
        SetupHost::new(Some(folder)).unwrap()
    }

    #[test]
    fn folders_are_made_and_mended_once() {
        let folder = tempfile::tempdir().unwrap();
        let host = host(folder.path());
        let (path, mut report) = (folder.path().join("f"), SetupReport::new(true));
        let rights = host.owned_by(host.user("anybody").unwrap(), 0o750);
        for state in [StepState::Made, StepState::There] {
            report = SetupReport::new(true);
            host.folder(&path, rights, &mut report).unwrap();
            assert!(report.has(state, "/f (0750)"));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        host.folder(&path, rights, &mut report).unwrap();
        assert!(report.has(StepState::Mended, "/f (0750)"));
        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        host.folder(&link, rights, &mut report).unwrap();
        let other = host.owned_by(host.user("anybody").unwrap(), 0o700);
        assert!(host.folder(&link, other, &mut report).is_err());
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(
            host.folder(&folder.path().join("file"), other, &mut report)
                .is_err()
        );
    }

    #[test]
    fn root_makes_nothing_where_others_can_put_links() {
        if !geteuid().is_root() {
            eprintln!("skipped: only root can make a folder of another user's");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str| SetupHost::new(Some(&folder.path().join(name)));
        let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
        fs::create_dir(&theirs).unwrap();
        fs::create_dir_all(ours.join("etc")).unwrap();
        of("ours").unwrap();
        of("ours/not/yet").unwrap();
        std::os::unix::fs::chown(&theirs, Some(65_534), None).unwrap();
        for wrong in ["theirs", "theirs/not/yet"] {
            let why = of(wrong).unwrap_err();
            assert!(why.contains("theirs: it belongs to"), "{why}");
        }
        std::os::unix::fs::chown(ours.join("etc"), Some(65_534), None).unwrap();
        let why = of("ours").unwrap_err();
        assert!(why.contains("ours/etc: it belongs to"), "{why}");
        symlink(&theirs, folder.path().join("link")).unwrap();
        assert!(of("link").unwrap_err().contains("a symbolic link"));
    }

    #[test]
    fn a_file_is_written_whole_and_once_and_one_set_up_runs_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let host = host(folder.path());
        let mut report = SetupReport::new(true);
        let lock = host.lock(&mut report).unwrap();
        assert!(
            host.lock(&mut report)
                .unwrap_err()
                .contains("another set-up")
        );
        drop(lock);
        host.lock(&mut report).unwrap();
        // Everybody may open the folder, and so lock it; that is nothing to a set-up.
        let everybody_s = File::open(host.etc()).unwrap();
        flock(&everybody_s, FlockOperation::NonBlockingLockExclusive).unwrap();
        let locked = host.etc().join(LOCK_FILE);
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o666)).unwrap();
        host.lock(&mut report).unwrap();
        assert_eq!(fs::metadata(&locked).unwrap().mode() & MODE, 0o600);
        // No link is followed, and another's file is not taken.
        fs::remove_file(&locked).unwrap();
        symlink(folder.path().join("elsewhere"), &locked).unwrap();
        assert!(host.lock(&mut report).is_err());
        assert!(!folder.path().join("elsewhere").exists());
        fs::remove_file(&locked).unwrap();
        if geteuid().is_root() {
            fs::write(&locked, "").unwrap();
            std::os::unix::fs::chown(&locked, Some(65_534), None).unwrap();
            let why = host.lock(&mut report).unwrap_err();
            assert!(why.contains("must be a file of user"), "{why}");
            fs::remove_file(&locked).unwrap();
        }
        let (path, rights) = (host.etc().join("x.toml"), host.public(0o644));
        // Left by a set-up that was killed.
        fs::write(host.etc().join(".x.toml.new"), "half").unwrap();
        host.file(&path, b"one", rights, &mut report).unwrap();
        assert!(report.has(StepState::Made, "x.toml (0644)"));
        host.file(&path, b"one", rights, &mut report).unwrap();
        assert!(report.has(StepState::There, "x.toml (0644)"));
        host.file(&path, b"two", rights, &mut report).unwrap();
        assert!(report.has(StepState::Mended, "x.toml (0644)"));
        assert_eq!(fs::read(&path).unwrap(), b"two");
        drop(host.stage(&path, b"three", rights).unwrap());
        assert_eq!(fs::read_dir(host.etc()).unwrap().count(), 1);
        assert!(
            host.file(&folder.path().join("no/x"), b"", rights, &mut report)
                .is_err()
        );
    }
}
