//! spec/config.md · 2.3 Global Deployment Variables, 2.1.1 (the inner world is under lockdown)
//!
//! Checks the files and folders that a configuration names.

use super::database::DatabaseUrl;
use super::reader::ConfigReport;
use crate::runtime::log::LogConfig;
use crate::runtime::ownership::{group_name, user_name};
use rustix::fs::{Access, access};
use rustix::process::{getegid, geteuid};
use std::fs::{File, Metadata};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;
/// The permission bit that lets the group read.
const GROUP_READS: u32 = 0o040;
/// The user ID of root.
const ROOT: u32 = 0;

/// The lowest port that everybody may listen on, where the system does not say another.
const OPEN_PORT_MIN: u16 = 1024;
/// Where Linux says which one it is; absent where a unit hides it.
const OPEN_PORT_MIN_FILE: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
/// The bit of the capability to listen on lower ones, CAP_NET_BIND_SERVICE.
const BIND_CAPABILITY: u64 = 1 << 10;

/// Environment variable with systemd's folder of a unit's credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The most bytes in the path of a GPG home. The path of a socket has at most 108 bytes, and
/// `gpg-agent` first binds its sockets there under longer names. Found by experiment. The keyring
/// refuses a longer one.
pub const GPG_HOME_MAX: usize = 86;

/// Requires a readable file that is closed to others, and to its group unless root owns it. A file
/// below systemd's folder of credentials is taken as it is.
pub(super) fn secret_file(report: &ConfigReport, key: &str, path: &Path) {
    if let Some(it) = readable_file(report, key, path)
        && is_open(it.mode(), it.uid())
        && !is_credential(path)
    {
        let reason = format!(
            "others can read the secret in {} (mode {:04o}): {}",
            path.display(),
            it.mode() & 0o7777,
            closing(it.uid(), path)
        );
        report.problem(key, reason);
    }
}

/// Checks what a database on a server needs: its password's file, the certificate of its authority.
pub(super) fn database(report: &ConfigReport, database: &DatabaseUrl) {
    let DatabaseUrl::Postgres(url) = database else {
        return;
    };
    if let Some(file) = url.password_file() {
        secret_file(report, "database.password_file", file);
    }
    if let Some(file) = url.root_certificate() {
        readable_file(report, "database.url", file);
    }
    if let Some(text) = url.weakness() {
        report.warn("database.url", text);
    }
}

/// Checks what a database of a command line needs. Returns warnings.
///
/// # Errors
/// The reasons of all problems, a line each.
pub fn check_database(database: &DatabaseUrl) -> Result<Vec<String>, String> {
    let report = ConfigReport::new(Path::new(""), "");
    self::database(&report, database);
    match report.conclude(()) {
        Ok(((), warnings)) => Ok(warnings.into_iter().map(|it| it.reason).collect()),
        Err(error) => {
            let reasons: Vec<String> = error.problems.into_iter().map(|it| it.reason).collect();
            Err(reasons.join("\n"))
        }
    }
}

/// The command that closes a secret's file to others, and leaves it to the daemon. A file of root's is
/// the daemon's to read by its group.
fn closing(owner: u32, path: &Path) -> String {
    let shown = path.display();
    let group = getegid().as_raw();
    if owner != ROOT || geteuid().is_root() || group == ROOT {
        return format!("chmod 600 {shown}");
    }
    let group = group_name(group);
    format!("as root, chown root:{group} {shown} && chmod 640 {shown}")
}

/// What makes a path readable for this process, whom the system has refused it.
fn opening(path: &Path) -> String {
    let (user, group) = (user_name(geteuid().as_raw()), getegid().as_raw());
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() && found.uid() == ROOT && group != ROOT => {
            format!("as user {user}; {}", closing(ROOT, path))
        }
        Ok(_) => format!(
            "as user {user}, whose it must be: as root, chown {user} {}",
            path.display()
        ),
        Err(_) => format!("as user {user}, who must be able to enter the folders above it"),
    }
}

/// The text of a path that cannot be read.
fn unreadable(report: &ConfigReport, key: &str, path: &Path, why: &io::Error) {
    let help = match why.kind() {
        io::ErrorKind::PermissionDenied => opening(path),
        _ => String::new(),
    };
    report.unreadable(key, path, why, &help);
}

/// Whether a file is open to others than those whom its owner trusts with secrets. Only root hands
/// a secret to a group. An access list shows in the group's bits, so the same holds for it.
fn is_open(mode: u32, owner: u32) -> bool {
    if owner == ROOT {
        mode & (OTHERS & !GROUP_READS) != 0
    } else {
        mode & OTHERS != 0
    }
}

/// Whether a file lies below the folder in which systemd hands its unit credentials. The folder is
/// the unit's alone, and its files belong to root, with an access list for the unit's user.
fn is_credential(path: &Path) -> bool {
    let folder = std::env::var_os(CREDENTIALS).map(std::fs::canonicalize);
    match (folder, std::fs::canonicalize(path)) {
        (Some(Ok(folder)), Ok(path)) => path.starts_with(&folder) && is_closed(&folder),
        _ => false,
    }
}

/// Whether others than owner and group may neither read nor enter a folder.
fn is_closed(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o007 == 0)
}

/// The file, or systemd's credential of the same name if the file cannot be opened: it is not there,
/// or it is root's alone.
pub(super) fn or_credential(path: PathBuf) -> PathBuf {
    if File::open(&path).is_ok() {
        return path;
    }
    let given = std::env::var_os(CREDENTIALS)
        .zip(path.file_name())
        .map(|(folder, name)| Path::new(&folder).join(name));
    given.filter(|given| given.exists()).unwrap_or(path)
}

/// Requires a readable regular file.
pub(super) fn readable_file(report: &ConfigReport, key: &str, path: &Path) -> Option<Metadata> {
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(it) if it.is_file() => Some(it),
        Ok(_) => {
            report.problem(key, format!("{} is not a file", path.display()));
            None
        }
        Err(why) => {
            unreadable(report, key, path, &why);
            None
        }
    }
}

/// Requires a folder that exists.
pub(super) fn folder(report: &ConfigReport, key: &str, path: &Path) -> Option<Metadata> {
    match std::fs::metadata(path) {
        Ok(it) if it.is_dir() => Some(it),
        Ok(_) => {
            report.problem(key, format!("{} is not a folder", path.display()));
            None
        }
        Err(why) => {
            unreadable(report, key, path, &why);
            None
        }
    }
}

/// Requires a folder that this user may write to, or may make.
pub(super) fn written_folder(report: &ConfigReport, key: &str, path: &Path) {
    if path.exists() {
        if folder(report, key, path).is_some() {
            require_writable(report, key, path);
        }
    } else if let Some(above) = path.ancestors().find(|above| above.exists()) {
        require_writable(report, key, above);
    }
}

/// Requires a log file, where one is written, that this user may write, in a folder that is there and
/// where it may be made again.
pub(super) fn log_file(report: &ConfigReport, log: &LogConfig) {
    const KEY: &str = "log.file";
    let Some(path) = log.written_file() else {
        return;
    };
    if path.is_dir() {
        report.problem(KEY, format!("{} is a folder", path.display()));
    } else if path.exists() {
        if let Err(why) = access(path, Access::WRITE_OK) {
            report.unwritable(KEY, path, &why.into());
        }
    } else if let Some(above) = path.parent()
        && folder(report, KEY, above).is_some()
    {
        require_writable(report, KEY, above);
    }
}

fn require_writable(report: &ConfigReport, key: &str, folder: &Path) {
    if let Err(why) = access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        report.unwritable(key, folder, &io::Error::from(why));
    }
}

/// Warns of a port to listen on for which this process has no right. The unit may have it.
pub(super) fn port(report: &ConfigReport, key: &str, listen: SocketAddr) {
    let (port, least) = (listen.port(), open_port_min());
    if port != 0 && port < least && !may_bind_any() {
        report.warn(
            key,
            format!(
                "port {port} is below {least}, for which the daemon needs CAP_NET_BIND_SERVICE (this check runs without \
                 it): see ports-below-1024.conf among the examples of drop-ins for the units"
            ),
        );
    }
}

/// The lowest port that everybody may listen on.
fn open_port_min() -> u16 {
    std::fs::read_to_string(OPEN_PORT_MIN_FILE)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(OPEN_PORT_MIN)
}

/// Whether this process may listen on every port.
fn may_bind_any() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    lines
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & BIND_CAPABILITY != 0)
}

/// Requires a folder without permissions for group and others. Warns if its path is too long for
/// the sockets of GPG's agent.
pub(super) fn gpg_home(report: &ConfigReport, path: &Path) {
    const KEY: &str = "gpg.home";
    if let Some(it) = folder(report, KEY, path)
        && it.mode() & OTHERS != 0
    {
        let reason = format!(
            "others can enter {} (mode {:04o}), which holds the secret key: chmod 700 {}",
            path.display(),
            it.mode() & 0o7777,
            path.display()
        );
        report.problem(KEY, reason);
    }
    let length = path.as_os_str().len();
    if length > GPG_HOME_MAX {
        let reason = format!(
            "its path has {length} bytes; with more than {GPG_HOME_MAX} GPG's agent does not start"
        );
        report.warn(KEY, reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_reads_a_secret_only_where_root_gives_it_to_it() {
        for (mode, owner, open) in [
            (0o100_600, 1000, false),
            (0o100_400, ROOT, false),
            (0o100_640, ROOT, false),
            (0o100_440, ROOT, false),
            (0o100_640, 1000, true),
            (0o100_440, 1000, true),
            (0o100_660, ROOT, true),
            (0o100_644, ROOT, true),
            (0o100_604, 1000, true),
            (0o100_601, ROOT, true),
        ] {
            assert_eq!(is_open(mode, owner), open, "{mode:o} of {owner}");
        }
    }

    #[test]
    fn what_closes_a_secret_keeps_it_readable_for_the_daemon() {
        let path = Path::new("/etc/papertrader/tls/eu1.key");
        let command = closing(ROOT, path);
        let own = "chmod 600 /etc/papertrader/tls/eu1.key";
        if geteuid().is_root() {
            assert_eq!(command, own);
        } else {
            assert!(
                command.contains("chown root:") && command.contains("chmod 640"),
                "{command}"
            );
        }
        assert_eq!(closing(1000, path), own);
    }
}
