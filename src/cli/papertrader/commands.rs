//! spec/cli/papertrader/commands.md · 2.1.4 User/Client
//!
//! Runs a command of `papertrader`. A command collects its output and prints it at the end; `watch`
//! and `login --expirable` print while they run.
//!
//! Tests: `tests/suite/client/cli.rs`.

mod account;
mod holdings;
mod market;
mod trading;

use super::arguments::{ClientCli, ClientCommand, GlobalArgs, WORKER_PORT};
use crate::cli::output::{clean_lines, json};
use crate::client::store::SavedSession;
use crate::client::tls::TlsMode;
use crate::client::{ClientError, ClientTls, ConnectOptions, SessionFile, WorkerPool};
use crate::model::{Reason, Username};
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::time::Duration;

/// A failed command, with advice for the user.
#[derive(Debug)]
pub struct CommandError {
    /// `None` if the command's output already shows the failure.
    error: Option<ClientError>,
    advice: Option<String>,
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> CommandError {
        CommandError {
            error: Some(error),
            advice: None,
        }
    }
}

impl CommandError {
    fn with_advice(error: ClientError, advice: impl Into<String>) -> CommandError {
        CommandError {
            error: Some(error),
            advice: Some(advice.into()),
        }
    }

    /// A failure that the command's output already shows.
    fn already_shown() -> CommandError {
        CommandError {
            error: None,
            advice: None,
        }
    }
}

/// An error as `--json` writes it to standard error.
#[derive(Serialize)]
struct ErrorView<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    text: String,
    advice: Option<&'a str>,
}

/// Runs the command line and returns exit code 0 for success, 1 for a failure.
pub fn run(cli: ClientCli) -> ExitCode {
    let as_json = cli.global.json;
    let failure = match execute(cli) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    if let Some(error) = &failure.error {
        // The line breaks are the library's; the texts of servers within a line are cleaned.
        let text = clean_lines(&error.to_string());
        let mut stderr = std::io::stderr().lock();
        // If standard error is closed, the exit code still reports the failure.
        let _ = if as_json {
            let view = ErrorView {
                error: ErrorBody {
                    code: error.code(),
                    text,
                    advice: failure.advice.as_deref(),
                },
            };
            writeln!(stderr, "{}", json(&view).unwrap_or_default())
        } else {
            let advice = failure
                .advice
                .map_or(String::new(), |a| format!("\n{}", clean_lines(&a)));
            writeln!(stderr, "papertrader: {text}{advice}")
        };
    }
    ExitCode::FAILURE
}

fn execute(cli: ClientCli) -> Result<(), CommandError> {
    let global = cli.global;
    match cli.command {
        ClientCommand::Register(args) => account::register(&global, &args),
        ClientCommand::Login(args) => account::login(&global, &args),
        ClientCommand::Logout => account::logout(&global),
        ClientCommand::User(args) => account::user(&global, &args),
        ClientCommand::Server => account::server(&global),
        ClientCommand::Workers => account::workers(&global),
        ClientCommand::Ping => account::ping(&global),
        ClientCommand::Assets(args) => market::assets(&global, &args),
        ClientCommand::Quote(args) => market::quote(&global, &args),
        ClientCommand::Watch(args) => market::watch(&global, &args),
        ClientCommand::Info(args) => market::info(&global, &args),
        ClientCommand::Chart(args) => market::chart(&global, &args),
        ClientCommand::Forecast(args) => market::forecast(&global, &args),
        ClientCommand::Buy(args) => trading::trade(&global, &args, crate::model::Side::Buy),
        ClientCommand::Sell(args) => trading::trade(&global, &args, crate::model::Side::Sell),
        ClientCommand::Portfolio(args) => holdings::portfolio(&global, &args),
        ClientCommand::Transactions(args) => holdings::transactions(&global, &args),
    }
}

/// Prints `view` as JSON under `--json`, else the text for people.
fn show(
    global: &GlobalArgs,
    view: &impl Serialize,
    human: impl FnOnce() -> String,
) -> Result<(), CommandError> {
    let text = if global.json {
        json(view).map_err(|e| ClientError::Local(e.to_string()))? + "\n"
    } else {
        human()
    };
    print(&text)
}

/// Writes lines to standard output, cleaned: no command needs to trust the words that it prints.
fn print(text: &str) -> Result<(), CommandError> {
    write_out(&clean_lines(text))
}

/// Writes to standard output as it is: control sequences of this program's own.
fn write_out(text: &str) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(()),
        // The reader has closed the pipe: `papertrader transactions | head`.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(CommandError::already_shown()),
        Err(e) => Err(ClientError::Local(format!("standard output: {e}")).into()),
    }
}

/// The connection options of the command line. Those of an earlier login at the same server are the
/// least: TLS stays on, and a CA file or pins hold until the command line names others.
fn options(global: &GlobalArgs, least: Option<&SavedSession>) -> ConnectOptions {
    let security = if global.plain {
        ClientTls::plain()
    } else {
        let is_tls = global.tls || least.is_some_and(|saved| saved.tls);
        let mode = if is_tls {
            TlsMode::Always
        } else {
            TlsMode::BeyondLoopback
        };
        let (ca, pins) = match least {
            Some(saved) if global.ca.is_none() && global.pin.is_empty() => (&saved.ca, &saved.pins),
            _ => (&global.ca, &global.pin),
        };
        ClientTls::new(mode, ca.clone(), pins.clone())
    };
    ConnectOptions {
        security,
        deadline: Duration::from_secs(global.timeout),
    }
}

/// The workers for a command without a session.
struct KnownServers {
    pool: WorkerPool,
    /// The servers that the person named, now or at the last login. None if only a master was
    /// named.
    servers: Vec<String>,
    /// The login whose options are the least for these servers.
    least: Option<SavedSession>,
}

/// The workers for a command without a session: the named ones, else those of the last login, else
/// the one of this machine.
fn known_servers(global: &GlobalArgs, store: &SessionFile) -> Result<KnownServers, ClientError> {
    if !global.server.is_empty() {
        let least = store.find_named(&global.server)?;
        let options = options(global, least.as_ref());
        return Ok(KnownServers {
            pool: WorkerPool::new(global.server.clone(), global.master.clone(), options),
            servers: global.server.clone(),
            least,
        });
    }
    let least = store.find(&[], global.user.as_ref())?;
    let options = options(global, least.as_ref());
    let here = format!("127.0.0.1:{WORKER_PORT}");
    let (workers, servers, master) = match &least {
        Some(last) => (
            last.workers.clone(),
            last.servers.clone(),
            last.master.clone(),
        ),
        None if global.master.is_some() => (vec![here], Vec::new(), None),
        None => (vec![here.clone()], vec![here], None),
    };
    Ok(KnownServers {
        pool: WorkerPool::new(workers, global.master.clone().or(master), options),
        servers,
        least,
    })
}

/// A saved session with the workers that accept it.
struct ReadySession {
    pool: WorkerPool,
    store: SessionFile,
    saved: SavedSession,
}

impl ReadySession {
    /// Opens the saved session that the command line selects.
    fn open(global: &GlobalArgs) -> Result<ReadySession, CommandError> {
        let store = SessionFile::standard()?;
        let found = store.find(&global.server, global.user.as_ref())?;
        let Some(saved) = found else {
            let name = global.user.as_ref().map_or("NAME", Username::as_str);
            let place = if global.server.is_empty() {
                String::new()
            } else {
                format!(" --server {}", global.server.join(","))
            };
            return Err(CommandError::with_advice(
                ClientError::NoSession,
                format!("Log in first: papertrader{place} login {name}"),
            ));
        };
        if global.plain && saved.tls {
            return Err(CommandError::with_advice(
                ClientError::Local(
                    "this session was made over TLS, and in plain text others could read it"
                        .to_owned(),
                ),
                format!(
                    "Leave --plain out, or make another: papertrader --plain login {}",
                    saved.username
                ),
            ));
        }
        // Named servers come first, then the others of the session's deployment.
        let named = global
            .server
            .iter()
            .filter(|s| saved.workers.contains(s))
            .cloned();
        let workers = named.chain(saved.workers.iter().cloned()).collect();
        let master = global.master.clone().or_else(|| saved.master.clone());
        let mut pool = WorkerPool::new(workers, master, options(global, Some(&saved)));
        pool.set_session(Some(saved.session.clone()));
        Ok(ReadySession { pool, store, saved })
    }

    /// Runs a call. A failure gets advice, and an ended session is removed from the file.
    fn call<T>(
        &mut self,
        call: impl FnMut(&mut crate::client::Client) -> Result<T, ClientError>,
    ) -> Result<T, CommandError> {
        let result = self.pool.call(call);
        match result {
            Ok(value) => {
                self.save_workers()?;
                Ok(value)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Saves the list of known workers if it has changed.
    fn save_workers(&mut self) -> Result<(), ClientError> {
        if self.pool.workers() == self.saved.workers {
            return Ok(());
        }
        self.saved.workers = self.pool.workers().to_vec();
        self.store.update(&self.saved)
    }

    /// Adds advice to an error, and removes the session from the file if it has ended.
    fn failed(&self, error: ClientError) -> CommandError {
        let name = &self.saved.username;
        match &error {
            ClientError::Refused(refusal) if refusal.reason == Reason::SessionExpired => {
                let advice = match self.store.forget(&self.saved.session) {
                    Ok(()) => format!("Log in again: papertrader login {name}"),
                    Err(e) => format!("Log in again: papertrader login {name} ({e})"),
                };
                CommandError::with_advice(error, advice)
            }
            _ => advise(error),
        }
    }
}

/// Adds the advice that needs no session.
fn advise(error: ClientError) -> CommandError {
    let advice = match &error {
        ClientError::Refused(refusal) => match refusal.reason.known() {
            Some(Reason::BadCredentials) => {
                "Check name and password; a new account: papertrader register NAME EMAIL"
            }
            Some(Reason::TooManyAttempts) => "Wait a minute, then try again.",
            Some(Reason::UsernameTaken) => "Choose another name, or log in: papertrader login NAME",
            Some(Reason::EmailTaken) => {
                "That address has an account already: papertrader login NAME"
            }
            Some(Reason::UnknownAsset) => "The assets there are: papertrader assets",
            Some(Reason::UnknownUser) => "Nobody is registered under that name.",
            Some(Reason::Overloaded) => "The server is busy; try again in a moment.",
            Some(Reason::MasterUnavailable) => {
                "The workers have lost their master; nothing was done. Try again later."
            }
            Some(Reason::NoPrice) => {
                "There is no price for it now; papertrader quote shows how old the last one is."
            }
            Some(Reason::DateInvalid) => {
                "A forecast is for a day after the latest value; papertrader quote shows when that was."
            }
            _ => return error.into(),
        },
        ClientError::NoWorker(_) => {
            "Is a worker running there? Name another with --server HOST:PORT, or the master with --master HOST:PORT."
        }
        ClientError::OnlyHearsay { names, .. } => {
            // A person may paste it into a shell.
            let is_plain = |name: &&String| {
                let good = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
                name.bytes().all(good) && !name.starts_with('-')
            };
            let name = names.iter().find(is_plain);
            let name = name.map_or("HOST:PORT", String::as_str);
            return CommandError {
                advice: Some(format!(
                    "If it is yours, accept it: --server {name}. With --pin SHA256 or --ca FILE what a master \
                     names is tried, if it proves to be yours."
                )),
                error: Some(error),
            };
        }
        ClientError::Unknown { order, .. } => {
            return CommandError {
                advice: Some(format!(
                    "It may have been traded. papertrader transactions shows it if so; repeating it with \
                     --order-id {order} cannot trade twice."
                )),
                error: Some(error),
            };
        }
        _ => return error.into(),
    };
    CommandError::with_advice(error, advice)
}
