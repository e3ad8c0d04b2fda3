//! spec/cli/papertrader/commands.md · 2.1.4 User/Client
//!
//! What `papertrader` does once its command line is read. A command gathers what it wants to say and prints it
//! at the end; the two that go on for a while print as they go.

mod account;
mod holdings;
mod market;
mod trading;

use super::arguments::{ClientCli, ClientCommand, GlobalArgs, WORKER_PORT};
use crate::client::store::SavedSession;
use crate::client::tls::TlsMode;
use crate::client::{ClientError, ClientTls, ConnectOptions, SessionFile, WorkerPool};
use crate::model::{Reason, Username};
use serde::Serialize;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::time::Duration;

/// A command that failed, with what a person may do about it.
#[derive(Debug)]
pub struct CommandError {
    /// What went wrong; `None` where all has been said.
    error: Option<ClientError>,
    /// What to do next.
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
    fn with(error: ClientError, advice: impl Into<String>) -> CommandError {
        CommandError {
            error: Some(error),
            advice: Some(advice.into()),
        }
    }

    /// Failed, and what was printed says how.
    fn already_told() -> CommandError {
        CommandError {
            error: None,
            advice: None,
        }
    }
}

/// The form of an error under `--json`, on standard error.
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

/// Does what the command line says: 0 done, 1 failed.
pub fn run(cli: ClientCli) -> ExitCode {
    let json = cli.global.json;
    let failure = match execute(cli) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    if let Some(error) = &failure.error {
        // Lines of our own making; what servers said in them is cleaned.
        let text: Vec<String> = error.to_string().lines().map(crate::cli::table::clean).collect();
        let text = text.join("\n");
        let mut stderr = std::io::stderr().lock();
        // Where standard error is closed, the exit code still tells.
        let _ = if json {
            let view = ErrorView {
                error: ErrorBody {
                    code: error.code(),
                    text,
                    advice: failure.advice.as_deref(),
                },
            };
            writeln!(stderr, "{}", serde_json::to_string(&view).unwrap_or_default())
        } else {
            let advice = failure.advice.map_or(String::new(), |a| format!("\n{a}"));
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

/// Prints, as JSON or for a person.
fn show(
    global: &GlobalArgs,
    view: &impl Serialize,
    human: impl FnOnce() -> String,
) -> Result<(), CommandError> {
    let text = if global.json {
        let mut text = serde_json::to_string(view).map_err(|e| ClientError::Local(e.to_string()))?;
        text.push('\n');
        text
    } else {
        human()
    };
    print(&text)
}

/// Prints text as it is.
fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(()),
        // Whoever reads us has read enough: `papertrader transactions | head`.
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(CommandError::already_told()),
        Err(e) => Err(ClientError::Local(format!("standard output: {e}")).into()),
    }
}

/// The options that the command line asks for.
fn options(global: &GlobalArgs) -> ConnectOptions {
    let mode = match (global.plain, global.tls) {
        (true, _) => TlsMode::Plain,
        (false, true) => TlsMode::Always,
        (false, false) => TlsMode::BeyondLoopback,
    };
    ConnectOptions {
        security: ClientTls::new(mode, global.ca.clone(), global.pin.clone()),
        deadline: Duration::from_secs(global.timeout),
    }
}

/// The workers to speak to where no session says which: those named, else those of the last login, else this
/// machine's.
fn known_pool(global: &GlobalArgs, store: &SessionFile) -> Result<WorkerPool, ClientError> {
    let last = if global.server.is_empty() {
        store.find(&[], global.user.as_ref())?
    } else {
        None
    };
    let (workers, master) = match last {
        Some(last) => (last.workers, last.master),
        None if global.server.is_empty() => (vec![format!("127.0.0.1:{WORKER_PORT}")], None),
        None => (global.server.clone(), None),
    };
    Ok(WorkerPool::new(
        workers,
        global.master.clone().or(master),
        options(global),
    ))
}

/// A remembered session, ready for calls.
struct ReadySession {
    pool: WorkerPool,
    store: SessionFile,
    remembered: SavedSession,
}

impl ReadySession {
    /// The session that the command line means.
    fn open(global: &GlobalArgs) -> Result<ReadySession, CommandError> {
        let store = SessionFile::standard()?;
        let found = store.find(&global.server, global.user.as_ref())?;
        let Some(remembered) = found else {
            let name = global.user.as_ref().map_or("NAME", Username::as_str);
            let place = if global.server.is_empty() {
                String::new()
            } else {
                format!(" --server {}", global.server.join(","))
            };
            return Err(CommandError::with(
                ClientError::NoSession,
                format!("Log in first: papertrader{place} login {name}"),
            ));
        };
        // Named servers come first, then those that are known to be of the same deployment.
        let named = global
            .server
            .iter()
            .filter(|s| remembered.workers.contains(s))
            .cloned();
        let workers = named.chain(remembered.workers.iter().cloned()).collect();
        let master = global.master.clone().or_else(|| remembered.master.clone());
        let mut pool = WorkerPool::new(workers, master, options(global));
        pool.set_session(Some(remembered.session.clone()));
        Ok(ReadySession {
            pool,
            store,
            remembered,
        })
    }

    /// Calls, with advice where it fails; a session that has ended is forgotten.
    fn call<T>(
        &mut self,
        call: impl FnMut(&mut crate::client::Client) -> Result<T, ClientError>,
    ) -> Result<T, CommandError> {
        let result = self.pool.call(call);
        match result {
            Ok(value) => {
                self.remember()?;
                Ok(value)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Keeps the workers as they are known now, where that changed.
    fn remember(&mut self) -> Result<(), ClientError> {
        if self.pool.workers() == self.remembered.workers {
            return Ok(());
        }
        self.remembered.workers = self.pool.workers().to_vec();
        self.store.update(&self.remembered)
    }

    fn failed(&self, error: ClientError) -> CommandError {
        let name = &self.remembered.username;
        match &error {
            ClientError::Refused(refusal) if refusal.reason == Reason::SessionExpired => {
                let advice = match self.store.forget(&self.remembered.session) {
                    Ok(()) => format!("Log in again: papertrader login {name}"),
                    Err(e) => format!("Log in again: papertrader login {name} ({e})"),
                };
                CommandError::with(error, advice)
            }
            _ => advise(error),
        }
    }
}

/// Advice that needs no session.
fn advise(error: ClientError) -> CommandError {
    let advice = match &error {
        ClientError::Refused(refusal) => match refusal.reason {
            Reason::BadCredentials => {
                "Check name and password; a new account: papertrader register NAME EMAIL"
            }
            Reason::TooManyAttempts => "Wait a minute, then try again.",
            Reason::UsernameTaken => "Choose another name, or log in: papertrader login NAME",
            Reason::EmailTaken => "That address has an account already: papertrader login NAME",
            Reason::UnknownAsset => "The assets there are: papertrader assets",
            Reason::UnknownUser => "Nobody is registered under that name.",
            Reason::Overloaded => "The server is busy; try again in a moment.",
            Reason::MasterUnavailable => {
                "The workers have lost their master; nothing was done. Try again later."
            }
            Reason::NoPrice => {
                "There is no price for it now; papertrader quote shows how old the last one is."
            }
            Reason::DateInvalid => {
                "A forecast is for a day after the latest value; papertrader quote shows when that was."
            }
            _ => return error.into(),
        },
        ClientError::NoWorker(_) => {
            "Is a worker running there? Name another with --server HOST:PORT, or the master with --master HOST:PORT."
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
    CommandError::with(error, advice)
}
