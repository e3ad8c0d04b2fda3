//! spec/cli/ctl.md · 3.1.5 Worker Management, 3.1.2, 3.1.3, 3.1.4
//!
//! `papertraderctl`, the administrator's client: sends a request to a running master over its
//! control socket and prints the answer. `verify --database` and `restore` work on files, by the
//! master's own code, with the rights of whoever owns their folder.
//!
//! Tests: `tests/suite/master/admin.rs`.

pub mod arguments;
mod backup;
mod backup_file;
mod cards;
mod check;
mod child;
mod client;
mod import;
mod order_id;
mod owner;
mod roster;
mod setup;
mod show;

use crate::admin::model::Verification;
use crate::admin::protocol::{
    AdminAnswer, AdminRequest, AdminResponse, DEFAULT_SOCKET, OrderSelector, ROWS_MAX,
    SessionSelector,
};
use crate::cli::output::pretty_json;
use crate::cli::terminal::{confirm, for_people, wrapped_for_stderr};
use crate::cli::usage::{refuse, with_own_usage};
use crate::daemon::other_user::become_user;
use crate::model::printable::clean;
use arguments::{
    AccountsCommand, CtlCli, CtlCommand, LogCommand, MarketCommand, OrdersCommand, OrdersToCancel,
    SessionsCommand, WorkerSettings, WorkersCommand,
};
use clap::{CommandFactory, FromArgMatches};
use client::CtlError;
use serde::Serialize;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Exit code: the command succeeded.
pub const DONE: u8 = 0;
/// Exit code: the command was refused or failed.
pub const REFUSED: u8 = 1;
/// Exit code: no master listens at the socket.
pub const NO_MASTER: u8 = 3;

/// The state of an account that nobody logs in to, as the master tells it.
const LOCKED: &str = "locked";

/// The largest file of a public key, in bytes.
const KEY_MAX: u64 = 256 * 1024;

/// A failed command: its exit code and its text.
struct CtlFailure {
    code: u8,
    text: String,
}

fn refused(text: impl Into<String>) -> CtlFailure {
    CtlFailure {
        code: REFUSED,
        text: text.into(),
    }
}

impl From<CtlError> for CtlFailure {
    fn from(error: CtlError) -> CtlFailure {
        let code = match error {
            CtlError::NoMaster(_) => NO_MASTER,
            _ => REFUSED,
        };
        CtlFailure {
            code,
            text: error.to_string(),
        }
    }
}

/// Writes a line to standard error, cleaned. A closed one is no reason to fail.
fn tell(text: &str) {
    let line = for_people(&format!("papertraderctl: {}", clean(text)));
    let _ = io::stderr()
        .lock()
        .write_all(wrapped_for_stderr(&line).as_bytes());
}

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    if let Some(code) = child_main() {
        return code;
    }
    let matches = with_own_usage(CtlCli::command()).try_get_matches();
    let cli = match matches.and_then(|matches| CtlCli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && is_check(std::env::args_os()) => {
            refuse(&error);
            return ExitCode::from(check::BAD_CHECK);
        }
        Err(error) => return refuse(&error),
    };
    if let CtlCommand::Check(thresholds) = &cli.command {
        return check::main(&cli, thresholds);
    }
    match execute(&cli) {
        Ok(()) => ExitCode::from(DONE),
        Err(failure) => {
            tell(&failure.text);
            ExitCode::from(failure.code)
        }
    }
}

/// Whether a command line, which need not be right, is one of `check`.
fn is_check(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut arguments = arguments.skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--socket" {
            arguments.next();
        } else if !argument.as_encoded_bytes().starts_with(b"-") {
            return argument == "check";
        }
    }
    false
}

/// Does the task of a command line that is a child's; `None` for any other command line.
fn child_main() -> Option<ExitCode> {
    if let Some(error) = become_user() {
        tell(&format!("this program cannot run as another user: {error}"));
        return Some(ExitCode::from(REFUSED));
    }
    let done = child::task()?.and_then(|task| {
        owner::perform(&task)
            .or_else(|| setup::perform(&task))
            .unwrap_or_else(|| Err(io::ErrorKind::InvalidInput.into()))
    });
    let code = if done.is_ok() { DONE } else { REFUSED };
    Some(ExitCode::from(code))
}

fn execute(cli: &CtlCli) -> Result<(), CtlFailure> {
    match &cli.command {
        CtlCommand::Verify {
            file: Some(file), ..
        }
        | CtlCommand::Verify {
            database: Some(file),
            ..
        } => {
            let report = owner::verify(file).map_err(refused)?;
            print_verification(cli, &report)
        }
        CtlCommand::Restore { file, config, yes } => {
            let restored = owner::restore(file, config, *yes).map_err(refused)?;
            print(cli, &restored, &show::restored(&restored))
        }
        CtlCommand::Backup(place) => backup::backup(cli, place),
        CtlCommand::Setup { command } => setup::setup(cli, command).map_err(refused),
        CtlCommand::Workers {
            command: WorkersCommand::Accept { file, ip },
        } => setup::accept(cli, file, *ip),
        CtlCommand::Accounts {
            command:
                AccountsCommand::Import {
                    roster,
                    cards,
                    format,
                    valid,
                    again,
                },
        } => {
            let roster = import::RosterFile {
                file: roster,
                valid: *valid,
                again: *again,
            };
            import::import(cli, &roster, cards, *format)
        }
        CtlCommand::Accounts {
            command: AccountsCommand::Restart { name, yes },
        } => restart(cli, name, *yes),
        CtlCommand::Orders {
            command: OrdersCommand::Cancel(OrdersToCancel { id: Some(part), .. }),
        } if !order_id::is_whole(part) => cancel_part(cli, part),
        command => {
            let request = request(command)?;
            let answer = ask(cli, &request)?;
            print_answer(cli, &request, answer)
        }
    }
}

/// Lets an account begin anew, once that is confirmed.
fn restart(cli: &CtlCli, name: &str, yes: bool) -> Result<(), CtlFailure> {
    let request = AdminRequest::AccountsShow {
        name: name.to_owned(),
    };
    // An account that is not there is said before anything is asked.
    let AdminAnswer::Account(account) = ask(cli, &request)? else {
        return Err(refused("the master answered something else"));
    };
    let (user, positions, cash) = (&account.account.user, account.positions, &account.cash);
    let noun = if positions == 1 { "asset" } else { "assets" };
    let what = clean(&format!(
        "{user} has units of {positions} {noun} and {cash} of cash; all units are sold, its \
         orders are cancelled, and the account begins anew"
    ));
    confirm(&what, yes).map_err(|error| refused(error.to_string()))?;
    let request = AdminRequest::AccountsRestart { name: user.clone() };
    let answer = ask(cli, &request)?;
    print_answer(cli, &request, answer)
}

/// Cancels the one order that waits whose ID has this part.
fn cancel_part(cli: &CtlCli, part: &str) -> Result<(), CtlFailure> {
    let all = AdminRequest::OrdersList {
        account: None,
        symbol: None,
        most: ROWS_MAX,
    };
    let AdminAnswer::Orders(list) = ask(cli, &all)? else {
        return Err(refused("the master answered something else"));
    };
    let id = order_id::select(&list, part)
        .map_err(|why| refused(format!("{why}:\n  {} orders list", program(&cli.socket))))?;
    let request = AdminRequest::OrdersCancel(OrderSelector::Id(id.to_owned()));
    let answer = ask(cli, &request)?;
    print_answer(cli, &request, answer)
}

/// The master's answer to a request.
fn ask(cli: &CtlCli, request: &AdminRequest) -> Result<AdminAnswer, CtlFailure> {
    match client::ask(&cli.socket, request)? {
        AdminResponse::Done(answer) => Ok(answer),
        AdminResponse::Refused(why) => Err(refused(advised(cli, &why))),
        AdminResponse::Working | AdminResponse::Piece(_) => {
            Err(refused("the master answered something else"))
        }
    }
}

/// A text with the commands that it advises as this master is asked: with its socket, unless the
/// next command line finds it without.
fn advised(cli: &CtlCli, text: &str) -> String {
    text.replace("`papertraderctl ", &format!("`{} ", program(&cli.socket)))
}

/// How a command begins that is advised.
fn program(socket: &Path) -> String {
    let usual = std::env::var_os("PAPERTRADER_SOCKET").filter(|path| !path.is_empty());
    let usual = usual.map_or_else(|| PathBuf::from(DEFAULT_SOCKET), PathBuf::from);
    let path = socket.display().to_string();
    // A person may paste it into a shell.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:".contains(c);
    if socket == usual {
        "papertraderctl".to_owned()
    } else if path.chars().all(is_plain) {
        format!("papertraderctl --socket {path}")
    } else {
        format!("papertraderctl --socket '{}'", path.replace('\'', r"'\''"))
    }
}

/// A time as requests have it.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The request of a command. `Verify` with a file and `Restore` need no master, and `Backup` reads
/// pieces; they do not come here.
fn request(command: &CtlCommand) -> Result<AdminRequest, CtlFailure> {
    Ok(match command {
        CtlCommand::Status | CtlCommand::Check(_) => AdminRequest::Status,
        CtlCommand::StepDown => AdminRequest::StepDown,
        CtlCommand::Metrics => AdminRequest::Metrics,
        CtlCommand::Workers { command } => match command.clone() {
            WorkersCommand::List => AdminRequest::WorkersList,
            WorkersCommand::Show { name } => AdminRequest::WorkersShow { name },
            WorkersCommand::Register {
                name,
                key,
                ip,
                address,
            } => AdminRequest::WorkersRegister {
                name,
                key: read_key(&key)?,
                ip,
                address,
            },
            WorkersCommand::Set(WorkerSettings { name, new }) => AdminRequest::WorkersSet {
                name,
                key: new.key.as_deref().map(read_key).transpose()?,
                ip: new.ip,
                address: new.address,
            },
            WorkersCommand::Boot { name } => AdminRequest::WorkersBoot { name },
            WorkersCommand::Admit { name } => AdminRequest::WorkersAdmit { name },
            WorkersCommand::Unregister { name } => AdminRequest::WorkersUnregister { name },
            WorkersCommand::Accept { .. } => return Err(refused("a request is read first")),
        },
        CtlCommand::Setup { .. } => return Err(refused("a set-up asks for what it needs")),
        CtlCommand::Sessions { command } => match command.clone() {
            SessionsCommand::List { user } => AdminRequest::SessionsList { user },
            SessionsCommand::End(which) => {
                AdminRequest::SessionsEnd(match (which.id, which.user, which.worker) {
                    _ if which.all => SessionSelector::All,
                    (Some(prefix), ..) => SessionSelector::Prefix(prefix),
                    (_, Some(user), _) => SessionSelector::User(user),
                    (.., Some(worker)) => SessionSelector::Worker(worker),
                    _ => return Err(refused("say which sessions")),
                })
            }
        },
        CtlCommand::Accounts { command } => accounts_request(command)?,
        CtlCommand::Orders { command } => orders_request(command)?,
        CtlCommand::Market { command } => match command.clone() {
            MarketCommand::Review {
                symbol: Some(symbol),
                verdict: Some(verdict),
            } => AdminRequest::MarketReview {
                symbol,
                verdict: verdict.verdict(),
            },
            MarketCommand::Review { .. } => AdminRequest::MarketHeld,
            MarketCommand::Pause => AdminRequest::MarketPause { paused: true },
            MarketCommand::Resume => AdminRequest::MarketPause { paused: false },
        },
        CtlCommand::Verify { .. } | CtlCommand::Restore { .. } => AdminRequest::Verify,
        CtlCommand::Backup(_) => AdminRequest::BackupSend,
        CtlCommand::Log { command } => match command {
            LogCommand::Tail { entries } => AdminRequest::LogTail { entries: *entries },
            LogCommand::Flush => AdminRequest::LogFlush,
        },
    })
}

/// The request of a command about orders.
fn orders_request(command: &OrdersCommand) -> Result<AdminRequest, CtlFailure> {
    Ok(match command.clone() {
        OrdersCommand::List {
            account,
            symbol,
            newest,
        } => AdminRequest::OrdersList {
            account,
            symbol,
            most: newest,
        },
        OrdersCommand::Cancel(which) => {
            AdminRequest::OrdersCancel(match (which.id, which.account) {
                (Some(id), _) => OrderSelector::Id(id),
                (None, Some(account)) => OrderSelector::Account(account),
                (None, None) => return Err(refused("say which orders")),
            })
        }
    })
}

/// The request of a command about accounts. `Import` needs two and does not come here.
fn accounts_request(command: &AccountsCommand) -> Result<AdminRequest, CtlFailure> {
    let lock = |name: &String, locked| AdminRequest::AccountsLock {
        name: name.clone(),
        locked,
    };
    Ok(match command {
        AccountsCommand::List { search } => AdminRequest::AccountsList {
            search: search.clone(),
        },
        AccountsCommand::Show { name } => AdminRequest::AccountsShow { name: name.clone() },
        AccountsCommand::Lock { name } => lock(name, true),
        AccountsCommand::Unlock { name } => lock(name, false),
        AccountsCommand::Reset { name, valid } => AdminRequest::AccountsReset {
            name: name.clone(),
            valid_ms: millis(*valid),
        },
        AccountsCommand::Grant {
            name,
            amount,
            reason,
        } => AdminRequest::AccountsGrant {
            name: name.clone(),
            amount: amount.clone(),
            reason: reason.clone(),
        },
        AccountsCommand::Restart { name, .. } => {
            AdminRequest::AccountsRestart { name: name.clone() }
        }
        AccountsCommand::Delete { name, yes: true } => {
            AdminRequest::AccountsDelete { name: name.clone() }
        }
        AccountsCommand::Delete { name, yes: false } => {
            return Err(refused(format!(
                "this deletes the account {name} for good: its name, e-mail address and ways in go, \
                 its orders are cancelled, and nobody can undo it; say --yes if you want that"
            )));
        }
        AccountsCommand::Import { .. } => return Err(refused("a roster is read first")),
    })
}

fn read_key(file: &Path) -> Result<String, CtlFailure> {
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

/// Prints the master's answer.
fn print_answer(
    cli: &CtlCli,
    request: &AdminRequest,
    answer: AdminAnswer,
) -> Result<(), CtlFailure> {
    match answer {
        AdminAnswer::Status(status) => print(cli, &status, &advised(cli, &show::status(&status))),
        AdminAnswer::StandingBy(status) => {
            print(cli, &status, &advised(cli, &show::standby(&status)))
        }
        AdminAnswer::SteppingDown { successor } => {
            let text = format!(
                "this master stops, and {} leads from now on\n",
                clean(&successor)
            );
            print(cli, &successor, &text)
        }
        AdminAnswer::Metrics(text) => print(cli, &text, &text),
        AdminAnswer::Workers(workers) => {
            print(cli, &workers, &advised(cli, &show::workers(&workers)))
        }
        AdminAnswer::Worker(worker) => {
            let text = match request {
                // The UUID alone, for scripts.
                AdminRequest::WorkersRegister { .. } => format!("{}\n", worker.uuid),
                AdminRequest::WorkersShow { .. } | AdminRequest::WorkersSet { .. } => {
                    show::worker(&worker)
                }
                _ => format!("{} is {}\n", worker.name, worker.state),
            };
            print(cli, &worker, &text)
        }
        AdminAnswer::Sessions(sessions) => print(cli, &sessions, &show::sessions(&sessions)),
        AdminAnswer::Ended(ended) => print(cli, &ended, &show::ended_sessions(&ended)),
        AdminAnswer::Accounts(list) => print(cli, &list, &show::accounts(&list)),
        AdminAnswer::Account(account) => print(cli, &account, &show::account(&account)),
        AdminAnswer::Locked(locked) => print(cli, &locked, &show::locked(&locked)),
        AdminAnswer::Deleted(deleted) => print(cli, &deleted, &show::deleted(&deleted)),
        AdminAnswer::Roster(_)
        | AdminAnswer::BackupSent(_)
        | AdminAnswer::BackupNoted(_)
        | AdminAnswer::MasterKey(_) => Err(refused("the master answered something else")),
        // The code alone, for scripts that print it.
        AdminAnswer::Code(code) => {
            print(cli, &code, &format!("{}\n", code.code))?;
            tell_lock(cli, &code.user);
            Ok(())
        }
        AdminAnswer::Granted(granted) => print(cli, &granted, &show::granted(&granted)),
        AdminAnswer::Restarted(restarted) => print(cli, &restarted, &show::restarted(&restarted)),
        AdminAnswer::Orders(list) => print(cli, &list, &show::orders(&list)),
        AdminAnswer::OrdersCancelled(done) => print(cli, &done, &show::orders_cancelled(&done)),
        AdminAnswer::Verification(report) => print_verification(cli, &report),
        AdminAnswer::Held(list) => print(cli, &list, &show::held(&list)),
        AdminAnswer::Reviewed(asset) => print(cli, &asset, &show::reviewed(&asset)),
        AdminAnswer::Pause(summary) => print(cli, &summary, &show::pause(&summary)),
        AdminAnswer::Log(log) => print(cli, &log, &show::log(&log)),
        AdminAnswer::Flushed(flushed) => {
            let lost = match flushed.lost {
                0 => String::new(),
                lost => format!(
                    "; {lost} entries were lost before because the file could not be written"
                ),
            };
            print(cli, &flushed, &format!("the log is written out{lost}\n"))
        }
    }
}

/// Says that a code does not let anybody in to an account that is locked. The code is printed; where
/// this cannot be asked, nothing is said.
fn tell_lock(cli: &CtlCli, name: &str) {
    let request = AdminRequest::AccountsShow {
        name: name.to_owned(),
    };
    if let Ok(AdminAnswer::Account(details)) = ask(cli, &request)
        && details.account.state == LOCKED
    {
        tell(&advised(
            cli,
            &format!(
                "{name} is locked: nobody logs in to it until `papertraderctl accounts unlock {name}`"
            ),
        ));
    }
}

/// Prints the result of a verification; differences are a failure.
fn print_verification(cli: &CtlCli, report: &Verification) -> Result<(), CtlFailure> {
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

/// Prints an answer: JSON under `--json`, else `text`.
fn print(cli: &CtlCli, answer: &impl Serialize, text: &str) -> Result<(), CtlFailure> {
    let text = if cli.json {
        pretty_json(answer).map_err(|error| refused(error.to_string()))? + "\n"
    } else {
        for_people(text)
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        // The reader has closed the pipe: `papertraderctl log tail | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| refused(format!("standard output: {error}"))),
    }
}
