//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module: the binary is run
//!
//! Root and the daemons: they do not run as root unless that is asked for, root leaves no files of
//! its own in another user's folder, and a check of the configuration is made with the rights of
//! the user whom the daemon runs as.
//!
//! Tests: `tests/suite/starts.rs`.

use super::other_user::{self, AnswerOutput, OtherUserRun};
use super::{BAD_CONFIG, FAILED, StartError};
use crate::model::printable::clean;
use rustix::process::geteuid;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// The longest time for the check of a configuration with its market's files: its user can stop it.
const CHECK_DEADLINE: Duration = Duration::from_secs(600);
/// Tells the child that checks a configuration that it is one.
const CHECK_VARIABLE: &str = "PAPERTRADER_CHECKS_AS_OWNER";
/// Where the child finds GPG.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Most bytes of what a check says that are passed on.
const SAID_MAX: u64 = 1 << 20;

/// A path that a daemon writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedPath<'a> {
    /// The key in the configuration.
    pub key: &'static str,
    /// The file or folder; it need not be there yet.
    pub path: &'a Path,
}

/// The user whom a file or folder belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathOwner {
    user: u32,
    /// The user's first group; the file's, if the system does not know its owner.
    group: u32,
}

impl fmt::Display for PathOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match uzers::get_user_by_uid(self.user) {
            Some(user) => write!(f, "{} ({})", user.name().to_string_lossy(), self.user),
            None => write!(f, "{}", self.user),
        }
    }
}

/// The owner of a path, or of the folder in which it would be made.
fn owner(path: &Path) -> Option<PathOwner> {
    let found = path
        .ancestors()
        .find_map(|path| std::fs::metadata(path).ok())?;
    let user = uzers::get_user_by_uid(found.uid());
    Some(PathOwner {
        user: found.uid(),
        group: user.map_or(found.gid(), |user| user.primary_group_id()),
    })
}

/// Refuses to run as root unless that is `allowed`, and to write as root to what is another
/// user's. Does nothing for another user.
///
/// # Errors
/// We are root, and one of these holds: exit code [`BAD_CONFIG`]. Nothing has been written.
pub(super) fn check(
    program: &str,
    user: &str,
    allowed: bool,
    paths: &[NamedPath<'_>],
) -> Result<(), StartError> {
    if !geteuid().is_root() {
        return Ok(());
    }
    if !allowed {
        return Err(StartError::misconfigured(format!(
            "this is root, and whoever finds a hole in a daemon of root's has the whole machine: start it by its unit \
             (systemctl start), or as its user (runuser -u {user} -- {program} …); --allow-root, or allow_root = true \
             in the configuration, runs it as root all the same"
        )));
    }
    check_owners(user, paths)
}

/// Refuses paths that are not root's.
fn check_owners(user: &str, paths: &[NamedPath<'_>]) -> Result<(), StartError> {
    for NamedPath { key, path } in paths {
        if let Some(owner) = owner(path).filter(|owner| owner.user != 0) {
            return Err(StartError::misconfigured(format!(
                "{key}: {} belongs to user {owner}, and root would leave files there that this user cannot write: \
                 start it by its unit, or as that user (the packaged one is {user})",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Refuses a command of a terminal that would write, as root, to what is another user's.
///
/// # Errors
/// We are root, and the path is another user's: exit code [`BAD_CONFIG`].
pub fn check_command(program: &str, path: NamedPath<'_>) -> Result<(), StartError> {
    let Some(owner) = other_owner(&[path]) else {
        return Ok(());
    };
    let name = uzers::get_user_by_uid(owner.user);
    let name = name.map_or(format!("#{}", owner.user), |it| {
        it.name().to_string_lossy().into_owned()
    });
    Err(StartError::misconfigured(format!(
        "{}: {} belongs to user {owner}, and root would leave files there that this user cannot write: run it as that \
         user: runuser -u {name} -- {program} …",
        path.key,
        path.path.display()
    )))
}

/// The owner of the first of `paths` that is not root's, if we are root.
pub(super) fn other_owner(paths: &[NamedPath<'_>]) -> Option<PathOwner> {
    if !geteuid().is_root() {
        return None;
    }
    let mut owners = paths.iter().filter_map(|named| owner(named.path));
    owners.find(|owner| owner.user != 0)
}

/// Checks a configuration in a child with the rights of `owner` alone, as the daemon would have
/// them, so that root writes nothing there, and nobody's files are taken for readable that only
/// root can read. Returns the exit code, and what the child said. That user can steer the child: it
/// gets no terminal, no environment and no other descriptor of ours.
///
/// # Errors
/// The child cannot be started, or does not end within [`CHECK_DEADLINE`]: exit code [`FAILED`].
pub(super) fn check_as(owner: &PathOwner, config: &Path) -> Result<(u8, String), StartError> {
    let failed = |error: io::Error| {
        StartError::failed(format!("the check as user {owner} cannot be made: {error}"))
    };
    let config = std::path::absolute(config).map_err(failed)?;
    let child = OtherUserRun {
        user: owner.user,
        group: owner.group,
        arguments: &[
            OsStr::new("--config"),
            config.as_os_str(),
            OsStr::new("--check-config"),
        ],
        variables: &[("PATH", PATH), (CHECK_VARIABLE, "1")],
        input: Stdio::null(),
        answers_on: AnswerOutput::Errors,
        answer_max: SAID_MAX,
        deadline: Some(CHECK_DEADLINE),
    };
    let (said, status) = child.answer().map_err(failed)?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    let mut text: String = String::from_utf8_lossy(&said)
        .lines()
        .map(|line| clean(line) + "\n")
        .collect();
    if code == Some(BAD_CONFIG) {
        text += &format!("(checked with the rights of user {owner})\n");
    }
    Ok((code.unwrap_or(FAILED), text))
}

/// In the child that checks a configuration for root: ends with its parent, and is not readable for
/// others of its user. It has left root's terminal before it became that user's.
///
/// # Errors
/// The system does not allow it.
pub(super) fn detach_check() -> io::Result<()> {
    if std::env::var_os(CHECK_VARIABLE).is_none() {
        return Ok(());
    }
    other_user::detach()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_yet_has_the_owner_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let own = owner(folder.path()).unwrap();
        assert_eq!(own.user, geteuid().as_raw());
        assert_eq!(owner(&folder.path().join("a/b")), Some(own));
        assert_eq!(owner(Path::new("/none/such")).unwrap().user, 0);
    }

    #[test]
    fn root_is_refused_unless_allowed_and_never_writes_to_what_is_another_s() {
        if !geteuid().is_root() {
            check("p", "u", false, &[]).unwrap();
            return;
        }
        let refused = check("papertrader-master", "papertrader", false, &[]).unwrap_err();
        assert_eq!(refused.code, BAD_CONFIG);
        assert!(refused.text.contains("--allow-root"), "{refused}");
        let folder = tempfile::tempdir().unwrap();
        let paths = [NamedPath {
            key: "data_dir",
            path: &folder.path().join("data"),
        }];
        check("p", "u", true, &paths).unwrap();
        assert_eq!(other_owner(&paths), None);
        std::os::unix::fs::chown(folder.path(), Some(65_534), None).unwrap();
        let refused = check("p", "u", true, &paths).unwrap_err().text;
        assert!(refused.starts_with("data_dir: "), "{refused}");
        assert!(refused.contains("65534"), "{refused}");
        assert_eq!(other_owner(&paths).unwrap().user, 65_534);
    }
}
