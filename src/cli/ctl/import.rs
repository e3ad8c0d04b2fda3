//! spec/cli/ctl.md · 3.1.3, 4.1 (basic error handling)
//!
//! `accounts import`: reads a roster, has the master check it, makes the file of the cards, has the
//! accounts made, and writes the cards. Nothing is made before the file is there.
//!
//! Tests: `tests/suite/master/accounts.rs`.

use super::arguments::{CardFormat, CtlCli};
use super::client::{self, CtlError};
use super::{CtlFailure, advised, ask, cards, millis, print, refused, roster, show, tell};
use crate::admin::protocol::{AdminAnswer, AdminRequest, AdminResponse};
use crate::admin::roster::{RosterFault, RosterPass, RosterRow, RosterSummary};
use crate::cli::terminal::wrapped_for_stderr;
use crate::runtime::ownership::FolderActor;
use roster::Roster;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// What the command line says of a roster.
pub(super) struct RosterFile<'a> {
    pub(super) file: &'a Path,
    /// For how long the codes are valid.
    pub(super) valid: Duration,
    /// Whether accounts that are there from a roster get new codes, unless their owners have entered
    /// them.
    pub(super) again: bool,
}

/// Makes the accounts of a roster, and their cards.
pub(super) fn import(
    cli: &CtlCli,
    roster: &RosterFile<'_>,
    cards: &Path,
    format: CardFormat,
) -> Result<(), CtlFailure> {
    let is_stdout = cards == Path::new("-");
    if is_stdout && cli.json {
        let text = "with --json the answer is on standard output: name a file for the cards";
        return Err(refused(text));
    }
    let name = roster::name_of(roster.file);
    let bytes = roster::load(roster.file).map_err(|why| refused(format!("{name}: {why}")))?;
    let people = roster::read(&bytes).map_err(|faults| told(&name, &faults, 0))?;
    let request = request(&people.rows, roster, true);
    let checked = match ask(cli, &request)? {
        AdminAnswer::Roster(summary) => *summary,
        _ => return Err(refused("the master answered something else")),
    };
    if !checked.faults.is_empty() {
        return Err(told(&name, &checked.faults, checked.more));
    }
    if checked.passed.len() == people.rows.len() {
        return Err(refused(nobody_left(&name)));
    }
    let out = if is_stdout {
        None
    } else {
        Some(create(cards)?)
    };
    let made = make(cli, &people.rows, roster).and_then(|made| {
        if !made.faults.is_empty() {
            Err(told(&name, &made.faults, made.more))
        } else if made.accounts.is_empty() {
            Err(refused(nobody_left(&name)))
        } else {
            Ok(made)
        }
    });
    let made = made.inspect_err(|_| {
        if !is_stdout {
            tell(&format!("{} stays empty; remove it", cards.display()));
        }
    })?;
    let names = names_of_cards(&people, &made.passed);
    let text = match format {
        CardFormat::Html => cards::html(&made, &names),
        CardFormat::Csv => cards::csv(&made, &names).map_err(refused)?,
    };
    let (written, place) = match out {
        Some(mut out) => {
            let written = out.write_all(text.as_bytes()).and_then(|()| out.sync_all());
            (written, cards.display().to_string())
        }
        None => {
            let mut out = io::stdout().lock();
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            (written, "standard output".to_owned())
        }
    };
    written.map_err(|error| {
        let text = format!("{place}: {error}; the accounts are made. {FURTHER}");
        refused(advised(cli, &text))
    })?;
    tell_passed(cli, &made.passed);
    let summary = show::roster(&made, roster.again, &place);
    if is_stdout {
        // If standard error is closed, the cards are what was asked for all the same.
        let line = wrapped_for_stderr(&summary);
        let _ = io::stderr().lock().write_all(line.as_bytes());
        return Ok(());
    }
    print(cli, &made, &summary)
}

/// Why there are no cards.
fn nobody_left(name: &str) -> String {
    format!("everybody in {name} has entered an account already; no code was made")
}

/// The name for the card of each row that was not passed over.
fn names_of_cards(people: &Roster, passed: &[RosterPass]) -> Vec<String> {
    let passed: HashSet<u64> = passed.iter().map(|it| it.line).collect();
    let rows = people.rows.iter().zip(&people.names);
    rows.filter(|(row, _)| !passed.contains(&row.line))
        .map(|(_, name)| name.clone())
        .collect()
}

/// Says whose rows were passed over, and how one of them gets a code all the same.
fn tell_passed(cli: &CtlCli, passed: &[RosterPass]) {
    for RosterPass { user, .. } in passed.iter().take(PASSED_TOLD_MAX) {
        let text = format!(
            "{user} has entered already: `papertraderctl accounts reset {user}` makes a code"
        );
        tell(&advised(cli, &text));
    }
    let more = passed.len().saturating_sub(PASSED_TOLD_MAX);
    if more > 0 {
        tell(&format!("{more} more have entered already"));
    }
}

/// The most people of whom a line says that they have entered already.
const PASSED_TOLD_MAX: usize = 100;

/// How there are codes when they were lost.
const FURTHER: &str = "The same command with --again makes new codes for those who have not used theirs; \
                       `papertraderctl accounts reset NAME` makes one";

fn request(rows: &[RosterRow], roster: &RosterFile<'_>, check: bool) -> AdminRequest {
    AdminRequest::AccountsImport {
        rows: rows.to_vec(),
        valid_ms: millis(roster.valid),
        check,
        again: roster.again,
    }
}

/// Has the accounts made. Where the answer is lost it says that nobody knows whether they are.
fn make(
    cli: &CtlCli,
    rows: &[RosterRow],
    roster: &RosterFile<'_>,
) -> Result<RosterSummary, CtlFailure> {
    let unknown = |why: &str| {
        let text = format!("{why}. Whether the accounts are made is not known. {FURTHER}");
        refused(advised(cli, &text))
    };
    match client::ask(&cli.socket, &request(rows, roster, false)) {
        Ok(AdminResponse::Done(AdminAnswer::Roster(summary))) => Ok(*summary),
        Ok(AdminResponse::Done(_) | AdminResponse::Working | AdminResponse::Piece(_)) => {
            Err(unknown("the master answered something else"))
        }
        // One of its modules may hang, and go on later.
        Ok(AdminResponse::Refused(why)) => Err(refused(advised(
            cli,
            &format!("{why}. If accounts are made all the same: {FURTHER}"),
        ))),
        Err(error @ (CtlError::NoMaster(_) | CtlError::NotAllowed(_) | CtlError::TooLong)) => {
            Err(error.into())
        }
        Err(
            error @ (CtlError::Io(..)
            | CtlError::Silent(_)
            | CtlError::Gone
            | CtlError::Nonsense(_)),
        ) => Err(unknown(&error.to_string())),
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

/// Tells each fault with its line on standard error; the failure that ends the command.
fn told(name: &str, faults: &[RosterFault], more: usize) -> CtlFailure {
    for fault in faults {
        tell(&format!("{name}, line {}: {}", fault.line, fault.text));
    }
    let count = faults.len().saturating_add(more);
    let noun = if count == 1 { "fault" } else { "faults" };
    refused(format!("{count} {noun} in {name}; no account was made"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;

    /// Imports somebody from a master that checks the roster, answers the second request so, and
    /// closes.
    fn imported(answer: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (socket, roster) = (folder.path().join("s"), folder.path().join("class.csv"));
        std::fs::write(&roster, "username\nada\n").unwrap();
        let cards = folder.path().join("cards.html");
        let listener = UnixListener::bind(&socket).unwrap();
        let mut line = vec!["papertraderctl".into(), "--socket".into(), socket.clone()];
        line.extend(["accounts".into(), "import".into(), roster.clone()]);
        line.extend(["--cards".into(), cards.clone()]);
        let cli = CtlCli::try_parse_from(line).unwrap();
        let checked = r#"{"done":{"roster":{"deployment":"x","servers":[],"accounts":[],"faults":[],"more":0}}}"#;
        let file = RosterFile {
            file: &roster,
            valid: Duration::from_secs(60),
            again: false,
        };
        let failure = std::thread::scope(|scope| {
            scope.spawn(|| {
                for answer in [checked, answer] {
                    let (mut stream, _) = listener.accept().unwrap();
                    let mut request = String::new();
                    BufReader::new(&stream).read_line(&mut request).unwrap();
                    writeln!(stream, "{answer}").unwrap();
                }
            });
            import(&cli, &file, &cards, CardFormat::Html).err().unwrap()
        });
        let socket = format!("`papertraderctl --socket {} accounts", socket.display());
        failure.text.replace(&socket, "`SOCKET accounts")
    }

    #[test]
    fn names_of_cards_leave_out_whom_the_master_passed_over() {
        let text = b"username,name\nada,Ada\nbob,Bob\ncleo,Cleo\n";
        let people = roster::read(text).unwrap();
        let passed = [RosterPass {
            line: 3,
            user: "bob".to_owned(),
        }];
        assert_eq!(names_of_cards(&people, &passed), ["Ada", "Cleo"]);
    }

    #[test]
    fn an_answer_that_is_lost_is_said_with_the_way_to_codes() {
        for answer in ["\"working\"", "{}"] {
            let told = imported(answer);
            assert!(
                told.contains("Whether the accounts are made is not known"),
                "{told}"
            );
            assert!(told.contains("--again"), "{told}");
            assert!(told.contains("`SOCKET accounts reset NAME`"), "{told}");
        }
        let told = imported(r#"{"refused":"no"}"#);
        assert!(
            told.starts_with("no. If accounts are made all the same"),
            "{told}"
        );
    }
}
