//! spec/cli/ctl.md · 3.1.3, 4.1 (basic error handling)
//!
//! `accounts import`: reads a roster, has the master check it, makes the file of the cards, has the
//! accounts made, and writes the cards. Nothing is made before the file is there.
//!
//! Tests: `tests/suite/master/accounts.rs`.

use super::arguments::{CardFormat, CtlCli};
use super::{CtlFailure, ask, cards, millis, print, refused, roster, show, tell};
use crate::admin::protocol::{AdminAnswer, AdminRequest};
use crate::admin::roster::{RosterFault, RosterRow, RosterSummary};
use crate::runtime::ownership::FolderActor;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// Makes the accounts of a roster, and their cards.
pub(super) fn import(
    cli: &CtlCli,
    file: &Path,
    cards: &Path,
    format: CardFormat,
    valid: Duration,
) -> Result<(), CtlFailure> {
    let name = roster::name_of(file);
    let bytes = roster::load(file).map_err(|why| refused(format!("{name}: {why}")))?;
    let people = roster::read(&bytes).map_err(|faults| told(&name, &faults, 0))?;
    let checked = send(cli, &people.rows, valid, true)?;
    if !checked.faults.is_empty() {
        return Err(told(&name, &checked.faults, checked.more));
    }
    let mut out = create(cards)?;
    let made = match send(cli, &people.rows, valid, false) {
        Ok(made) if made.faults.is_empty() => made,
        Ok(made) => {
            tell(&unused(cards));
            return Err(told(&name, &made.faults, made.more));
        }
        Err(failure) => {
            tell(&unused(cards));
            return Err(failure);
        }
    };
    let text = match format {
        CardFormat::Html => cards::html(&made, &people.names),
        CardFormat::Csv => cards::csv(&made, &people.names).map_err(refused)?,
    };
    let written = out.write_all(text.as_bytes()).and_then(|()| out.sync_all());
    written.map_err(|error| {
        refused(format!(
            "{}: {error}; the accounts are made: `papertraderctl accounts reset NAME` prints a new code for each",
            cards.display()
        ))
    })?;
    print(cli, &made, &show::roster(&made))
}

/// Sends the rows to be checked, or to be made.
fn send(
    cli: &CtlCli,
    rows: &[RosterRow],
    valid: Duration,
    check: bool,
) -> Result<RosterSummary, CtlFailure> {
    let request = AdminRequest::AccountsImport {
        rows: rows.to_vec(),
        valid_ms: millis(valid),
        check,
    };
    match ask(cli, &request)? {
        AdminAnswer::Roster(summary) => Ok(*summary),
        _ => Err(refused("the master answered something else")),
    }
}

/// The new file of the cards, its owner's alone.
fn create(file: &Path) -> Result<File, CtlFailure> {
    let failed = |why: String| refused(format!("{}: {why}", file.display()));
    match FolderActor::of(file) {
        Ok(FolderActor::Ourselves) => {}
        Ok(FolderActor::Owner { .. }) => {
            let text = "this folder is another user's, and you are root; name a file in a folder of root's";
            return Err(failed(text.to_owned()));
        }
        Err(error) => return Err(failed(error.to_string())),
    }
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => failed(
            "it is there already, and no cards are written over; name another file, or remove it"
                .to_owned(),
        ),
        _ => failed(error.to_string()),
    })
}

/// What is said of a file that stays empty.
fn unused(cards: &Path) -> String {
    format!("{} stays empty; remove it", cards.display())
}

/// Tells each fault with its line on standard error; the failure that ends the command.
fn told(name: &str, faults: &[RosterFault], more: usize) -> CtlFailure {
    for fault in faults {
        tell(&format!("{name}, line {}: {}", fault.line, fault.text));
    }
    let count = faults.len().saturating_add(more);
    let noun = if count == 1 { "fault" } else { "faults" };
    refused(format!("{count} {noun} in {name}; no account was made"))
}
