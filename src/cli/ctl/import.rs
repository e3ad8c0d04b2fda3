//! spec/cli/ctl.md · 3.1.3, 4.1 (basic error handling)
//!
//! `accounts import`: reads a roster, has the master check it, makes the file of the cards, has the
//! accounts made, and writes the cards. Nothing is made before the file is there.
//!
//! Tests: `tests/suite/master/accounts.rs`.

use super::arguments::{CardFormat, CtlCli};
use super::{CtlFailure, ask, cards, millis, print, refused, roster, show};
use crate::admin::protocol::{AdminAnswer, AdminRequest};
use crate::admin::roster::{RosterFault, RosterRow, RosterSummary};
use crate::cli::terminal::for_people;
use crate::model::printable::clean;
use crate::runtime::ownership::FolderActor;
use std::fs::{File, OpenOptions};
use std::io::Write;
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
    let people = match roster::read(file) {
        Ok(people) => people,
        Err(faults) => return Err(told(file, &faults, 0)),
    };
    let checked = send(cli, &people.rows, valid, true)?;
    if !checked.faults.is_empty() {
        return Err(told(file, &checked.faults, checked.more));
    }
    let mut out = create(cards)?;
    let made = match send(cli, &people.rows, valid, false) {
        Ok(made) if made.faults.is_empty() => made,
        Ok(made) => {
            eprintln!("papertraderctl: {}", for_people(&unused(cards)));
            return Err(told(file, &made.faults, made.more));
        }
        Err(failure) => {
            eprintln!("papertraderctl: {}", for_people(&unused(cards)));
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
    opened.map_err(|error| failed(error.to_string()))
}

/// What is said of a file that stays empty.
fn unused(cards: &Path) -> String {
    clean(&format!("{} stays empty; remove it", cards.display()))
}

/// Tells each fault with its line on standard error; the failure that ends the command.
fn told(file: &Path, faults: &[RosterFault], more: usize) -> CtlFailure {
    let name = file.display();
    for fault in faults {
        let text = clean(&format!("{name}, line {}: {}", fault.line, fault.text));
        eprintln!("papertraderctl: {}", for_people(&text));
    }
    let count = faults.len().saturating_add(more);
    refused(format!("{count} faults in {name}; no account was made"))
}
