//! spec/cli/ctl/setup.md · 2.2 Infrastructure Model
//!
//! What belongs to a daemon's user, or is for its group to read, and was given to somebody else: by a
//! command that was run as root, or a copy. It gets its owner and mode again.

use super::host::{Rights, SetupHost, at, give, is_right, name_of};
use super::report::{SetupReport, StepState};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How deep a daemon's folder is looked through.
const DEPTH_MAX: usize = 4;
/// How many of its files and folders are looked at.
const ENTRIES_MAX: usize = 100_000;

/// Gives a file its owner and mode where it has others. One that is missing, and a link, stay.
///
/// # Errors
/// The system refuses.
pub(super) fn mend_file(
    host: &SetupHost,
    path: &Path,
    rights: Rights,
    report: &mut SetupReport,
) -> Result<(), String> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() && !is_right(&found, rights) => found,
        _ => return Ok(()),
    };
    let Some(above) = path.parent().filter(|above| above.starts_with(host.etc())) else {
        return Ok(());
    };
    let mend = || -> io::Result<()> {
        let folder = File::open(above)?;
        let file = openat(
            &folder,
            path.file_name().unwrap_or_default(),
            open_flags(),
            Mode::empty(),
        )?;
        give(&File::from(file), rights)
    };
    mend().map_err(|error| at(path, &error))?;
    report.step(
        StepState::Mended,
        format!(
            "{} ({:04o} of {}; it was {:04o} of {})",
            path.display(),
            rights.mode(),
            name_of(rights.user()),
            found.mode() & 0o7777,
            name_of(found.uid())
        ),
    );
    Ok(())
}

/// Gives all in a daemon's folder to the daemon's user. `mode`: what its files have; absent, they keep
/// theirs. Links, and files of several names, stay as they are: that user can put another's there.
///
/// # Errors
/// The system refuses.
pub(super) fn mend_below(
    folder: &Path,
    owner: Rights,
    mode: Option<u32>,
    report: &mut SetupReport,
) -> Result<(), String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match rustix::fs::open(folder, flags, Mode::empty()) {
        Ok(opened) => opened,
        // A link was put there by an administrator, and what is behind it is for that one to decide.
        Err(Errno::NOENT | Errno::LOOP | Errno::NOTDIR) => return Ok(()),
        Err(error) => return Err(at(folder, &error.into())),
    };
    let mut walk = Walk {
        owner,
        mode,
        looked: 0,
        mended: 0,
        first: None,
    };
    walk.below(&opened, 1).map_err(|error| at(folder, &error))?;
    if let Some(first) = walk.first {
        report.step(
            StepState::Mended,
            format!(
                "{}: {} of it belong to {} now, {first} first",
                folder.display(),
                walk.mended,
                name_of(owner.user())
            ),
        );
    }
    Ok(())
}

struct Walk {
    owner: Rights,
    mode: Option<u32>,
    looked: usize,
    mended: usize,
    first: Option<String>,
}

impl Walk {
    fn below(&mut self, folder: &OwnedFd, depth: usize) -> io::Result<()> {
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            self.looked += 1;
            if self.looked > ENTRIES_MAX {
                return Ok(());
            }
            if name == c"." || name == c".." {
                continue;
            }
            match self.entry(folder.as_fd(), name, depth) {
                // A running daemon removes files of its own.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, folder: impl AsFd, name: &CStr, depth: usize) -> io::Result<()> {
        let found = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let is_folder = match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => true,
            FileType::RegularFile => false,
            _ => return Ok(()),
        };
        let flags = if is_folder {
            open_flags() | OFlags::DIRECTORY
        } else {
            open_flags()
        };
        let opened = openat(&folder, name, flags, Mode::empty())?;
        let file = File::from(opened);
        let found = file.metadata()?;
        let mode = match self.mode {
            Some(mode) if !is_folder => mode,
            _ => found.mode() & 0o7777,
        };
        let rights = self.owner.with_mode(mode);
        if !is_right(&found, rights) && (is_folder || found.nlink() == 1) {
            give(&file, rights)?;
            self.mended += 1;
            let shown = || name.to_string_lossy().into_owned();
            self.first.get_or_insert_with(shown);
        }
        if is_folder && depth < DEPTH_MAX {
            self.below(&OwnedFd::from(file), depth + 1)?;
        }
        Ok(())
    }
}

/// For a file that the daemon's user may have put there: no link is followed, and no pipe is waited for.
fn open_flags() -> OFlags {
    OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode_of(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn files_get_their_modes_again_and_what_a_link_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let host = SetupHost::new(Some(folder.path())).unwrap();
        let user = host.user("anybody").unwrap();
        let logs = folder.path().join("logs");
        fs::create_dir_all(logs.join("old")).unwrap();
        let far = folder.path().join("far");
        for file in [
            &far,
            &logs.join("a.log"),
            &logs.join("old/b.log"),
            &logs.join("twice"),
        ] {
            fs::write(file, "").unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
        }
        symlink(&far, logs.join("link")).unwrap();
        fs::hard_link(logs.join("twice"), folder.path().join("name")).unwrap();
        let mut report = SetupReport::new(true);
        let owner = host.owned_by(user, 0o750);
        mend_below(&logs, owner, Some(0o640), &mut report).unwrap();
        assert!(report.has(StepState::Mended, "2 of it"), "{report:?}");
        assert_eq!(mode_of(&logs.join("a.log")), 0o640);
        assert_eq!(mode_of(&logs.join("old/b.log")), 0o640);
        assert_eq!(
            (mode_of(&far), mode_of(&logs.join("twice"))),
            (0o666, 0o666)
        );
        report = SetupReport::new(true);
        mend_below(&logs, owner, Some(0o640), &mut report).unwrap();
        mend_below(&folder.path().join("none"), owner, None, &mut report).unwrap();
        assert!(!report.has_changed());

        let file = host.etc().join("master.toml");
        fs::create_dir_all(host.etc()).unwrap();
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let rights = host.readable_by(user);
        mend_file(&host, &file, rights, &mut report).unwrap();
        assert!(report.has(StepState::Mended, "it was 0644"), "{report:?}");
        assert_eq!(mode_of(&file), 0o600);
        // No file elsewhere is touched.
        mend_file(&host, &far, rights, &mut report).unwrap();
        assert_eq!(mode_of(&far), 0o666);
    }
}
