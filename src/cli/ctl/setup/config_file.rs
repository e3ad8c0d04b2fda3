//! spec/cli/ctl/setup.md · 2.3 Global Deployment Variables
//!
//! A daemon's configuration: written beside its place, checked there as the daemon's user would, and
//! put in its place if it is right. So no wrong one ever stands there.
//!
//! Tests: `tests/suite/programs/setup.rs`.

use super::belongings::mend_file;
use super::host::{SetupHost, SystemUser, at, read_file};
use super::report::{SetupReport, StepState};
use super::tasks::{DaemonKind, SetupTask, run_as};
use std::io;
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// A configuration's file.
#[derive(Debug)]
pub(super) struct ConfigFile {
    pub(super) kind: DaemonKind,
    pub(super) path: PathBuf,
    /// The daemon's user, whose group reads it.
    pub(super) reader: SystemUser,
}

impl ConfigFile {
    /// The text of a configuration; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn read(path: &Path) -> Result<Option<String>, String> {
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(at(path, &error)),
            Ok(_) => String::from_utf8(read_file(path)?)
                .map(Some)
                .map_err(|_| format!("{}: this file is not UTF-8", path.display())),
        }
    }

    /// Writes a configuration that the daemon accepts.
    ///
    /// # Errors
    /// The daemon would refuse it, or it cannot be written; then nothing is there.
    pub(super) fn write(
        &self,
        host: &SetupHost,
        text: &str,
        report: &mut SetupReport,
    ) -> Result<(), String> {
        let is_there = self.path.exists();
        let staged = host.stage(&self.path, text.as_bytes(), host.readable_by(self.reader))?;
        self.check_at(host, staged.path(), report)?;
        staged.commit()?;
        let what = format!("{}, and checked", self.path.display());
        report.step(
            if is_there {
                StepState::Mended
            } else {
                StepState::Made
            },
            what,
        );
        Ok(())
    }

    /// Writes a new configuration, with a line that says what has made it. As [`ConfigFile::write`].
    ///
    /// # Errors
    /// As [`ConfigFile::write`].
    pub(super) fn write_new(
        &self,
        host: &SetupHost,
        text: &str,
        report: &mut SetupReport,
    ) -> Result<(), String> {
        let (version, today) = (env!("CARGO_PKG_VERSION"), OffsetDateTime::now_utc().date());
        let made = format!(
            "# Made by papertraderctl setup {version} on {today}; see papertrader-setup(7). It is yours to edit: a set-up that\n\
             # is given again checks it.\n#\n"
        );
        self.write(host, &(made + text), report)
    }

    /// Mends owner and mode of the configuration that is there, and checks it.
    ///
    /// # Errors
    /// The daemon would refuse it.
    pub(super) fn check(&self, host: &SetupHost, report: &mut SetupReport) -> Result<(), String> {
        mend_file(host, &self.path, host.readable_by(self.reader), report)?;
        self.check_at(host, &self.path, report)?;
        report.there(format!("{}, and checked", self.path.display()));
        Ok(())
    }

    fn check_at(
        &self,
        host: &SetupHost,
        file: &Path,
        report: &mut SetupReport,
    ) -> Result<(), String> {
        let task = SetupTask::Check {
            kind: self.kind,
            file: file.to_owned(),
        };
        // What a person mends is the file in its place.
        let named = |text: &str| {
            let staged = file.display().to_string();
            text.replace(&staged, &self.path.display().to_string())
        };
        let warnings: Vec<String> =
            run_as(host, self.reader, &task).map_err(|why: String| named(&why))?;
        for warning in warnings {
            report.warn(named(&warning));
        }
        Ok(())
    }
}

/// Says that an option was given whose value only a new configuration gets.
pub(super) fn given_values_are_not_taken(
    file: &Path,
    option: Option<&str>,
    report: &mut SetupReport,
) {
    if let Some(option) = option {
        report.warn(format!(
            "{} is there, and stays as it is: {option} changes nothing; edit the file",
            file.display()
        ));
    }
}
