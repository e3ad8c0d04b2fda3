//! spec/testkit.md · 2.4.2, 3.1.1
//!
//! A clock of its own for a program that a test runs: libfaketime stands between the program and the
//! machine's clock. Its monotonic clocks stay the machine's.
//!
//! Tests: `tests/suite/clocks.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set by `tests/run` where libfaketime cannot be had; tests that need it pass over it, aloud.
pub const WITHOUT_FAKETIME: &str = "WITHOUT_FAKETIME";

/// A place with summer time: clocks of its programs change twice a year.
const ZONE: &str = "America/New_York";

/// A clock that a test sets, also while its programs run.
#[derive(Debug)]
pub struct OwnClock {
    library: PathBuf,
    file: PathBuf,
}

impl OwnClock {
    /// A clock in this file, which shows what the machine's does until it is set. `None` where
    /// [`WITHOUT_FAKETIME`] is set.
    pub fn new(file: &Path) -> Option<OwnClock> {
        if std::env::var_os(WITHOUT_FAKETIME).is_some() {
            println!("skipped: {WITHOUT_FAKETIME} is set");
            return None;
        }
        let clock = OwnClock {
            library: library().expect("there is no libfaketime; `make deps` installs it"),
            file: file.to_owned(),
        };
        clock.set(0);
        Some(clock)
    }

    /// Sets the clock this many milliseconds ahead of the machine's, or behind it.
    pub fn set(&self, ahead: i64) {
        let new = self.file.with_extension("new");
        let sign = if ahead < 0 { '-' } else { '+' };
        let ahead = ahead.unsigned_abs();
        let text = format!("{sign}{}.{:03}\n", ahead / 1_000, ahead % 1_000);
        fs::write(&new, text).unwrap();
        // A program never reads half of it.
        fs::rename(&new, &self.file).unwrap();
    }

    /// Gives the clock to a program and to those that it starts.
    pub fn give(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
            .env("TZ", ZONE);
    }
}

/// libfaketime for programs with threads, where Debian has it.
fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?;
    folders
        .filter_map(|folder| Some(folder.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| path.exists())
}
