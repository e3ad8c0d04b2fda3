//! spec/cli/papertrader/commands.md · 3.1.3 (what the deployment has on a person)
//!
//! `account export`: writes all that the deployment has on the account's owner.
//!
//! Tests: `tests/suite/master/export.rs`.

use super::super::arguments::GlobalArgs;
use super::{CommandError, ReadySession, note};
use crate::client::{Client, ClientError};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Writes the export to a new file, or to standard output for `-`.
pub fn export(global: &GlobalArgs, file: &Path) -> Result<(), CommandError> {
    let failed = |error: &io::Error| {
        CommandError::from(ClientError::Local(format!("{}: {error}", file.display())))
    };
    let is_file = file != Path::new("-");
    if is_file && file.symlink_metadata().is_ok() {
        let there = io::Error::new(io::ErrorKind::AlreadyExists, "it is there already");
        return Err(failed(&there));
    }
    let mut session = ReadySession::acting(global)?;
    let lines = session.call(Client::account_export)?;
    if !is_file {
        return match write_lines(io::stdout().lock(), &lines) {
            // The reader has closed the pipe.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map(drop).map_err(|error| failed(&error)),
        };
    }
    store(file, &lines).map_err(|error| failed(&error))?;
    let name = &session.saved.username;
    note(&format!(
        "{} lines about {name} written to {}",
        lines.len(),
        file.display()
    ));
    Ok(())
}

/// Writes the lines to a file of the user alone, which has its name once it is whole.
fn store(file: &Path, lines: &[String]) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(&part);
    let opened = opened
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", part.display())))?;
    let written = write_lines(opened, lines)
        .and_then(|opened: File| opened.sync_all())
        // Unlike a rename, a link takes no place of a file that has come meanwhile.
        .and_then(|()| std::fs::hard_link(&part, file));
    let removed = std::fs::remove_file(&part);
    written.and(removed)
}

/// Writes each line, and gives back what it was written to.
fn write_lines<W: Write>(out: W, lines: &[String]) -> io::Result<W> {
    let mut out = BufWriter::new(out);
    for line in lines {
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}
