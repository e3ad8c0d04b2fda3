//! spec/testkit.md · 3.1.1, 3.2.1 deployment and running stage
//!
//! Memory, processor time and descriptors of a process, from `/proc`; and which processes
//! there are.

use super::error::{SandboxError, at};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Clock ticks a second in `/proc/PID/stat`: the same on every Linux that Rust runs on.
const TICKS: u64 = 100;

/// The resources of a process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resources {
    /// Resident memory, in bytes.
    pub resident: u64,
    /// The most resident memory so far, in bytes.
    pub resident_peak: u64,
    /// Processor time so far, in user and kernel mode, to 10 ms.
    pub processor: Duration,
    /// Open descriptors.
    pub descriptors: usize,
}

impl Resources {
    /// Reads the resources of a process.
    ///
    /// # Errors
    /// The process has ended, or belongs to another user.
    pub fn of(pid: u32) -> Result<Resources, SandboxError> {
        Resources::below(Path::new(&format!("/proc/{pid}")))
    }

    /// Reads the resources of this process.
    ///
    /// # Errors
    /// There is no `/proc`.
    pub fn own() -> Result<Resources, SandboxError> {
        Resources::below(Path::new("/proc/self"))
    }

    fn below(folder: &Path) -> Result<Resources, SandboxError> {
        let read = |path: PathBuf| fs::read_to_string(&path).map_err(at(&path));
        let descriptors = folder.join("fd");
        let status = read(folder.join("status"))?;
        let memory = |name: &str| {
            memory(&status, name)
                .ok_or_else(|| SandboxError::failed(format!("{}: no {name}", folder.display())))
        };
        Ok(Resources {
            resident: memory("VmRSS:")?,
            resident_peak: memory("VmHWM:")?,
            processor: processor(&read(folder.join("stat"))?),
            descriptors: fs::read_dir(&descriptors)
                .map_err(at(&descriptors))?
                .count(),
        })
    }
}

/// Bytes of memory in the text of `/proc/PID/status`.
fn memory(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// Processor time in the text of `/proc/PID/stat`.
fn processor(stat: &str) -> Duration {
    // The name in parentheses may hold anything; the fields behind it are numbers.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|number| number.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * (1000 / TICKS))
}

/// The command lines of running processes that have this path among their arguments.
pub fn processes_about(path: &Path) -> Vec<String> {
    let text = path.to_string_lossy();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Ok(line) = fs::read(entry.path().join("cmdline")) {
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(text.as_ref()) {
                found.push(line);
            }
        }
    }
    found
}

/// The ID of a running daemon of PaperTrader whose command line names this configuration, however it
/// was started; `None` if this user sees none.
pub fn daemon_with(config: &Path) -> Option<u32> {
    let config = fs::canonicalize(config).ok()?;
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_it = |entry: &fs::DirEntry| is_daemon_with(&entry.path(), &config).unwrap_or(false);
    entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry)))
        .find_map(|(pid, entry)| is_it(&entry).then_some(pid))
}

/// Looks at one process by its folder below `/proc`.
fn is_daemon_with(process: &Path, config: &Path) -> Option<bool> {
    let line = fs::read(process.join("cmdline")).ok()?;
    let mut arguments = line.split(|byte| *byte == 0);
    let program = Path::new(OsStr::from_bytes(arguments.next()?)).file_name()?;
    if !program.as_bytes().starts_with(b"papertrader-") {
        return None;
    }
    // The command line may name it from the folder in which the daemon was started.
    let folder = fs::read_link(process.join("cwd")).unwrap_or_default();
    Some(arguments.any(|argument| {
        let path = argument.strip_prefix(b"--config=").unwrap_or(argument);
        let path = folder.join(OsStr::from_bytes(path));
        fs::canonicalize(path).is_ok_and(|path| path == config)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        assert_eq!(processor(stat), Duration::from_secs(2));
        assert_eq!(
            memory("Name:\tx\nVmRSS:\t   12 kB\n", "VmRSS:"),
            Some(12 * 1024)
        );
    }

    #[test]
    fn this_process_takes_something() {
        let own = Resources::own().unwrap();
        assert!(own.resident > 0 && own.descriptors > 2, "{own:?}");
        assert!(own.resident_peak > 0);
        assert_eq!(
            Resources::of(std::process::id()).unwrap().resident > 0,
            own.resident > 0
        );
        assert!(Resources::of(0).is_err());
    }
}
