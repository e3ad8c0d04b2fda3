//! spec/cli/ctl.md · 3.1.2 Database Management
//!
//! Writes a backup that the master sends, with the rights of whoever runs this program.
//!
//! Tests: `tests/suite/master/backups.rs`.

use super::arguments::{BackupPlace, CtlCli};
use super::backup_file::{
    NAME_END, NAME_START, PartFile, Progress, ReceiveError, receive, rotated,
};
use super::client::Conversation;
use super::{CtlFailure, advised, ask, owner, print, refused, show, tell};
use crate::admin::model::{BackupDigest, BackupSummary};
use crate::admin::protocol::AdminRequest;
use crate::runtime::ownership::FolderActor;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use time::OffsetDateTime;
use time::macros::format_description;

/// Writes a backup to where the command line says.
///
/// # Errors
/// No master, or its refusal; the file is there, or cannot be written; what came is not whole.
pub(super) fn backup(cli: &CtlCli, place: &BackupPlace) -> Result<(), CtlFailure> {
    let file = match (&place.file, &place.folder) {
        (Some(file), _) if file == Path::new("-") => return to_standard_output(cli),
        (Some(file), _) => file.clone(),
        (None, Some(folder)) => folder.join(name_now()?),
        (None, None) => return Err(refused("name a file, a folder or -")),
    };
    let failed = |error: &dyn std::fmt::Display| refused(format!("{}: {error}", file.display()));
    let whole = std::path::absolute(&file).map_err(|error| failed(&error))?;
    let request = AdminRequest::BackupSend;
    let written = match FolderActor::of(&whole).map_err(|error| failed(&error))? {
        FolderActor::Ourselves => {
            let part = PartFile::create(&whole).map_err(refused)?;
            let mut source = Conversation::begin(&cli.socket, &request)?;
            let summary = part
                .fill(&mut source, &mut Progress::new())
                .map_err(|failure| with_socket(cli, failure))?;
            // Before anything else can fail: the master warns of a backup that it does not know of.
            say_written(cli, &summary);
            rotated(summary, place.keep)
        }
        FolderActor::Owner { user, group } => {
            let source = Conversation::begin(&cli.socket, &request)?.into_reading_end();
            let source = source.map_err(|error| refused(error.to_string()))?;
            let written = owner::backup(&whole, &cli.socket, place.keep, source, (user, group))
                .map_err(|why| refused(advised(cli, &why)))?;
            say_written(cli, &written.summary);
            written
        }
    };
    if let Some(why) = written.not_deleted {
        return Err(refused(why));
    }
    print(cli, &written.summary, &show::backup(&written.summary))
}

/// Tells the master that its backup is written, so that it knows how old the newest one is. The backup
/// is whole without that.
fn say_written(cli: &CtlCli, summary: &BackupSummary) {
    say_sent(
        cli,
        BackupDigest {
            bytes: summary.bytes,
            sha256: summary.sha256.clone(),
        },
    );
}

fn say_sent(cli: &CtlCli, digest: BackupDigest) {
    if let Err(failure) = ask(cli, &AdminRequest::BackupWritten(digest)) {
        tell(&format!(
            "the backup is whole, and the master does not know of it: {}",
            failure.text
        ));
    }
}

fn with_socket(cli: &CtlCli, failure: CtlFailure) -> CtlFailure {
    CtlFailure {
        text: advised(cli, &failure.text),
        ..failure
    }
}

fn to_standard_output(cli: &CtlCli) -> Result<(), CtlFailure> {
    let mut output = io::stdout().lock();
    if cli.json {
        let text = "the backup itself goes to standard output, so --json has no place there";
        return Err(refused(text));
    }
    if output.is_terminal() {
        let text = "standard output is a terminal; send it to a file or a program: `papertraderctl backup - | zstd > FILE`";
        return Err(refused(text));
    }
    let mut source = Conversation::begin(&cli.socket, &AdminRequest::BackupSend)?;
    let received = receive(&mut source, &mut output, &mut Progress::new());
    let digest = received.map_err(|error| match error {
        ReceiveError::Write(error) => refused(format!("standard output: {error}")),
        error => with_socket(cli, error.into()),
    })?;
    output
        .flush()
        .map_err(|error| refused(format!("standard output: {error}")))?;
    say_sent(cli, digest);
    Ok(())
}

/// The name of a backup in a folder: the time in UTC.
fn name_now() -> Result<String, CtlFailure> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let time = OffsetDateTime::now_utc()
        .format(format)
        .map_err(|error| refused(error.to_string()))?;
    Ok(format!("{NAME_START}{time}{NAME_END}"))
}
