//! spec/ctl.md · 3.1.5 Worker Management, 3.1.2, 3.1.3, 3.1.4: the administrator's side
//!
//! `papertraderctl`: asks a running master over its control socket, and shows what it says. What works on
//! files while no master runs is the master's own code, which the program hands in.

pub mod cli;
mod client;
mod show;

use crate::control::{Answer, Request, Response, Restored, Verification, Which};
use cli::{Cli, Command, LogCommand, SessionsCommand, WorkersCommand};
use client::Trouble;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code: done.
pub const DONE: u8 = 0;
/// Exit code: refused, or failed.
pub const REFUSED: u8 = 1;
/// Exit code: no master there.
pub const NO_MASTER: u8 = 3;

/// The longest file that a public key is looked for in.
const KEY_MAX: u64 = 256 * 1024;

/// What can be done while no master runs.
#[derive(Debug, Clone, Copy)]
pub struct Offline {
    /// Checks a database's file.
    pub verify: fn(&Path) -> Result<Verification, String>,
    /// Puts a copy (the first path) in the place of the database that a configuration (the second) names.
    pub restore: fn(&Path, &Path) -> Result<Restored, String>,
}

/// Why a command did not do what it should, and the exit code that says it.
struct Failure {
    code: u8,
    text: String,
}

fn refused(text: impl Into<String>) -> Failure {
    Failure {
        code: REFUSED,
        text: text.into(),
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        let code = match trouble {
            Trouble::NoMaster(_) => NO_MASTER,
            _ => REFUSED,
        };
        Failure {
            code,
            text: trouble.to_string(),
        }
    }
}

/// Does what the command line says; the process's exit code.
pub fn run(cli: &Cli, offline: Offline) -> ExitCode {
    match execute(cli, offline) {
        Ok(()) => ExitCode::from(DONE),
        Err(failure) => {
            eprintln!("papertraderctl: {}", crate::client::table::clean(&failure.text));
            ExitCode::from(failure.code)
        }
    }
}

fn execute(cli: &Cli, offline: Offline) -> Result<(), Failure> {
    match &cli.command {
        Command::Verify { database: Some(file) } => {
            let report = (offline.verify)(file).map_err(refused)?;
            verified(cli, &report)
        }
        Command::Restore { file, config } => {
            let restored = (offline.restore)(file, config).map_err(refused)?;
            print(cli, &restored, &show::restored(&restored))
        }
        command => {
            let request = request(command)?;
            let answer = match client::ask(&cli.socket, &request)? {
                Response::Done(answer) => answer,
                Response::Refused(why) => return Err(refused(why)),
                Response::Working => return Err(refused("the master answered nothing")),
            };
            told(cli, &request, answer)
        }
    }
}

/// What the command asks of a running master.
fn request(command: &Command) -> Result<Request, Failure> {
    Ok(match command {
        Command::Status => Request::Status,
        Command::Workers { command } => match command.clone() {
            WorkersCommand::List => Request::WorkersList,
            WorkersCommand::Show { name } => Request::WorkersShow { name },
            WorkersCommand::Register {
                name,
                key,
                ip,
                address,
            } => Request::WorkersRegister {
                name,
                key: read_key(&key)?,
                ip,
                address,
            },
            WorkersCommand::Boot { name } => Request::WorkersBoot { name },
            WorkersCommand::Admit { name } => Request::WorkersAdmit { name },
            WorkersCommand::Unregister { name } => Request::WorkersUnregister { name },
        },
        Command::Sessions { command } => match command.clone() {
            SessionsCommand::List { user } => Request::SessionsList { user },
            SessionsCommand::End(which) => Request::SessionsEnd(match (which.id, which.user, which.worker) {
                (Some(prefix), ..) => Which::Prefix(prefix),
                (_, Some(user), _) => Which::User(user),
                (.., Some(worker)) => Which::Worker(worker),
                _ => return Err(refused("say which sessions")),
            }),
        },
        Command::Verify { .. } | Command::Restore { .. } => Request::Verify,
        Command::Backup { file } => Request::Backup { file: whole(file)? },
        Command::Log { command } => match command {
            LogCommand::Tail { entries } => Request::LogTail { entries: *entries },
            LogCommand::Flush => Request::LogFlush,
        },
    })
}

/// The master works in a folder of its own, so it needs whole paths.
fn whole(file: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(file).map_err(|error| refused(format!("{}: {error}", file.display())))
}

fn read_key(file: &Path) -> Result<String, Failure> {
    let failed = |why: String| refused(format!("{}: {why}", file.display()));
    let mut text = String::new();
    let opened: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| failed(error.to_string()))?)
    };
    let hint = "a public key as `gpg --armor --export FINGERPRINT` writes it is needed";
    let size = opened
        .take(KEY_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => failed(hint.to_owned()),
            _ => failed(error.to_string()),
        })?;
    if u64::try_from(size).is_ok_and(|size| size <= KEY_MAX) && text.contains("-----BEGIN PGP") {
        Ok(text)
    } else {
        Err(failed(hint.to_owned()))
    }
}

/// Prints what the master answered.
fn told(cli: &Cli, request: &Request, answer: Answer) -> Result<(), Failure> {
    match answer {
        Answer::Status(status) => print(cli, &status, &show::status(&status)),
        Answer::Workers(workers) => print(cli, &workers, &show::workers(&workers)),
        Answer::Worker(worker) => {
            let text = match request {
                // Alone, for scripts.
                Request::WorkersRegister { .. } => format!("{}\n", worker.uuid),
                Request::WorkersShow { .. } => show::worker(&worker),
                _ => format!("{} is {}\n", worker.name, worker.state),
            };
            print(cli, &worker, &text)
        }
        Answer::Sessions(sessions) => print(cli, &sessions, &show::sessions(&sessions)),
        Answer::Ended(ended) => {
            let noun = if ended.ended == 1 { "session" } else { "sessions" };
            print(cli, &ended, &format!("{} {noun} ended\n", ended.ended))
        }
        Answer::Verification(report) => verified(cli, &report),
        Answer::Backup(backup) => {
            let text = format!("{}: {} bytes\n", backup.file.display(), backup.bytes);
            print(cli, &backup, &text)
        }
        Answer::Log(log) => print(cli, &log, &show::log(&log)),
        Answer::Flushed(flushed) => {
            let lost = match flushed.lost {
                0 => String::new(),
                lost => format!("; {lost} entries were lost before because the file could not be written"),
            };
            print(cli, &flushed, &format!("the log is written out{lost}\n"))
        }
    }
}

fn verified(cli: &Cli, report: &Verification) -> Result<(), Failure> {
    print(cli, report, &show::verification(report))?;
    if report.is_clean() {
        return Ok(());
    }
    let found = u64::try_from(report.differences.len())
        .unwrap_or(u64::MAX)
        .saturating_add(report.more);
    Err(refused(format!(
        "{found} differences between the ledger and what is stored; keep the database as it is, and look into the newest backup with `papertraderctl verify --database FILE`"
    )))
}

fn print(cli: &Cli, answer: &impl Serialize, text: &str) -> Result<(), Failure> {
    let text = if cli.json {
        let json = serde_json::to_string_pretty(answer).map_err(|error| refused(error.to_string()))?;
        json + "\n"
    } else {
        text.to_owned()
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads has enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| refused(format!("standard output: {error}"))),
    }
}
