//! spec/cli/papertrader/commands.md · 2.1.4 User/Client
//!
//! Runs a command of `papertrader`. A command collects its output and prints it at the end; `watch`
//! and `login --expirable` print while they run.
//!
//! Tests: `tests/suite/client/cli.rs`.

mod account;
pub mod completion;
pub(super) mod estimate;
mod export;
mod full_screen;
mod holdings;
mod market;
mod market_state;
pub(super) mod order_words;
mod orders;
mod own_account;
mod reset;
mod suggestions;
mod third_party;
mod trading;

use super::advised::{TRIAL_CA, program};
use super::arguments::{ClientCli, ClientCommand, GlobalArgs, PasswordCommand, WORKER_PORT};
use super::outcome_words::error_words;
use crate::cli::output::{clean_lines, json};
use crate::cli::table::wrapped;
use crate::cli::terminal::{for_people, wrapped_for_stderr};
use crate::client::connection::NO_ANSWER;
use crate::client::store::{SavedSession, SessionEnd};
use crate::client::{ClientError, ConnectOptions, SessionFile, WorkerPool};
use crate::model::{OpenValue, ProtocolFault, Reason, SessionId, Username};
use crate::net::ClientTls;
use crate::net::client_tls::TlsMode;
use serde::Serialize;
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::process::ExitCode;
use std::time::Duration;
use zeroize::Zeroizing;

/// Exit codes beside 0. Something on this machine failed, or a part of what was asked for.
const FAILED: u8 = 1;
/// The command line is invalid.
const BAD_USAGE: u8 = 2;
/// No server could be reached. No order was sent.
const UNREACHABLE: u8 = 3;
/// There is no session, or it has ended.
const NOT_LOGGED_IN: u8 = 4;
/// The server refused.
const REFUSED: u8 = 5;
/// An order was sent, and its outcome is unknown.
const OUTCOME_UNKNOWN: u8 = 6;

/// A failed command, with advice for the user.
#[derive(Debug)]
pub struct CommandError {
    /// `None` if the command's output already shows the failure.
    error: Option<Box<ClientError>>,
    advice: Option<String>,
    /// The account that the command acted for, if it had its session.
    account: Option<Username>,
    /// Whether standard output has the failure as JSON already.
    is_told: bool,
    /// The exit code, where the error does not tell it.
    code: Option<u8>,
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> CommandError {
        CommandError {
            error: Some(Box::new(error)),
            advice: None,
            account: None,
            is_told: false,
            code: None,
        }
    }
}

impl CommandError {
    fn with_advice(error: ClientError, advice: impl Into<String>) -> CommandError {
        CommandError {
            advice: Some(advice.into()),
            ..CommandError::from(error)
        }
    }

    /// The failure with other advice, if the server refused for this reason.
    fn advised(self, reason: Reason, advice: String) -> CommandError {
        match self.error.as_deref() {
            Some(ClientError::Refused(refusal)) if refusal.reason == reason => CommandError {
                advice: Some(advice),
                ..self
            },
            _ => self,
        }
    }

    /// Whether the server refused for this reason.
    fn is_refused_for(&self, reason: Reason) -> bool {
        matches!(self.error.as_deref(), Some(ClientError::Refused(refusal)) if refusal.reason == reason)
    }

    /// Whether there is no session that the command could use.
    fn is_without_session(&self) -> bool {
        matches!(self.error.as_deref(), Some(ClientError::NoSession))
    }

    /// A command line whose parts do not go together.
    fn bad_usage(text: &str, advice: impl Into<String>) -> CommandError {
        CommandError {
            code: Some(BAD_USAGE),
            ..CommandError::with_advice(ClientError::Local(text.to_owned()), advice)
        }
    }

    /// A failure with this exit code that the command's output already shows.
    fn already_shown(code: u8) -> CommandError {
        CommandError {
            error: None,
            advice: None,
            account: None,
            is_told: true,
            code: Some(code),
        }
    }

    /// The process's exit code: see the page.
    fn exit_code(&self) -> u8 {
        let of_error = || self.error.as_deref().map_or(FAILED, CommandError::code_of);
        self.code.unwrap_or_else(of_error)
    }

    fn code_of(error: &ClientError) -> u8 {
        match error {
            ClientError::Unreachable { .. }
            | ClientError::Tls { .. }
            | ClientError::Lost { .. }
            | ClientError::NoWorker(_)
            | ClientError::OnlyHearsay { .. } => UNREACHABLE,
            ClientError::NoSession => NOT_LOGGED_IN,
            ClientError::Refused(refusal) if refusal.reason == Reason::SessionExpired => {
                NOT_LOGGED_IN
            }
            ClientError::Refused(_) | ClientError::Protocol { .. } => REFUSED,
            // Whatever the cause: a script that repeats the command on another code buys twice.
            ClientError::Unknown { .. } | ClientError::Standing { .. } => OUTCOME_UNKNOWN,
            ClientError::Nonsense { .. } | ClientError::Local(_) => FAILED,
        }
    }
}

/// An error as `--json` writes it to standard output and standard error.
#[derive(Serialize)]
struct ErrorView<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    text: String,
    advice: Option<&'a str>,
    account: Option<&'a str>,
}

/// Runs the command line and returns the exit code: 0 for success, else why it failed.
pub fn run(cli: ClientCli) -> ExitCode {
    let as_json = cli.global.json;
    let failure = match execute(cli) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(failure) => failure,
    };
    let code = ExitCode::from(failure.exit_code());
    report(as_json, &failure);
    code
}

/// Tells a failure: on standard error, and to programs on standard output too. A terminal that both
/// lead to has the object once.
fn report(as_json: bool, failure: &CommandError) {
    let Some(error) = &failure.error else {
        return;
    };
    // The line breaks are the library's; the texts of servers within a line are cleaned.
    let text = if as_json {
        error.to_string()
    } else {
        error_words(error)
    };
    let account = failure.account.as_ref().map(Username::as_str);
    let mut stderr = std::io::stderr().lock();
    if as_json {
        let view = ErrorView {
            error: ErrorBody {
                code: error.code(),
                text: clean_lines(&text),
                advice: failure.advice.as_deref(),
                account,
            },
        };
        let line = json(&view).unwrap_or_default();
        let mut stdout = std::io::stdout().lock();
        // If an output is closed, the exit code still reports the failure.
        if !(stdout.is_terminal() && stderr.is_terminal()) {
            let _ = writeln!(stderr, "{line}");
        }
        if !failure.is_told {
            let _ = writeln!(stdout, "{line}");
        }
    } else {
        let advice = failure.advice.as_deref();
        let advice = advice.map_or(String::new(), |a| format!("\n{a}"));
        let account = account.map_or(String::new(), |name| format!("{name}: "));
        let line = for_people(&format!("papertrader: {account}{text}{advice}"));
        let _ = stderr.write_all(wrapped_for_stderr(&line).as_bytes());
    }
}

fn execute(cli: ClientCli) -> Result<(), CommandError> {
    let global = cli.global;
    match cli.command {
        ClientCommand::Register(args) => account::register(&global, &args),
        ClientCommand::Login(args) => match &args.with {
            Some(provider) => third_party::login(&global, &args, provider),
            None => account::login(&global, &args),
        },
        ClientCommand::Logout => account::logout(&global),
        ClientCommand::Account(args) => own_account::account(&global, &args),
        ClientCommand::Password(args) => match &args.command {
            PasswordCommand::Change(args) => own_account::change_password(&global, args),
            PasswordCommand::Forgot(args) => reset::forgot(&global, args),
            PasswordCommand::Reset(args) => reset::reset(&global, args),
        },
        ClientCommand::Sessions(args) => own_account::sessions(&global, &args),
        ClientCommand::Tokens(args) => own_account::tokens(&global, &args),
        ClientCommand::User(args) => account::user(&global, &args),
        ClientCommand::Market => market_state::market(&global),
        ClientCommand::Server => account::server(&global),
        ClientCommand::Workers => account::workers(&global),
        ClientCommand::Ping => account::ping(&global),
        ClientCommand::Assets(args) => market::assets(&global, &args),
        ClientCommand::Quote(args) => market::quote(&global, &args),
        ClientCommand::Watch(args) => market::watch(&global, &args),
        ClientCommand::Info(args) => market::info(&global, &args),
        ClientCommand::Chart(args) => market::chart(&global, &args),
        ClientCommand::Forecast(args) => market::forecast(&global, &args),
        ClientCommand::Buy(args) => trading::buy(&global, &args),
        ClientCommand::Sell(args) => trading::sell(&global, &args),
        ClientCommand::Orders => orders::orders(&global),
        ClientCommand::Cancel(args) => orders::cancel(&global, &args),
        ClientCommand::Replace(args) => orders::replace(&global, &args),
        ClientCommand::Portfolio(args) => holdings::portfolio(&global, &args),
        ClientCommand::Transactions(args) => holdings::transactions(&global, &args),
        ClientCommand::Tui => full_screen::tui(&global),
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
        for_people(&human())
    };
    print(&text)
}

/// As [`show`], for sentences, which break between words where the terminal ends.
fn tell(
    global: &GlobalArgs,
    view: &impl Serialize,
    human: impl FnOnce() -> String,
) -> Result<(), CommandError> {
    show(global, view, || wrapped(&human()))
}

/// Writes lines to standard output, cleaned: no command needs to trust the words that it prints.
fn print(text: &str) -> Result<(), CommandError> {
    write_out(&clean_lines(text))
}

/// Writes a line beside the output, to standard error.
fn note(line: &str) {
    // If standard error is closed, the output is what was asked for all the same.
    let line = wrapped_for_stderr(&for_people(line));
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
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
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(CommandError::already_shown(FAILED)),
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
    /// Whether the command acts for the account, so that its errors name it too.
    acts: bool,
    /// Whether the session is a token of the command line, of which the file knows nothing.
    is_token: bool,
    /// How commands that are advised begin.
    program: String,
}

impl ReadySession {
    /// As [`ReadySession::open`], for a command that acts for the session's account.
    fn acting(global: &GlobalArgs) -> Result<ReadySession, CommandError> {
        let session = ReadySession::open(global)?;
        Ok(ReadySession {
            acts: true,
            ..session
        })
    }

    /// Opens the saved session that the command line selects.
    fn open(global: &GlobalArgs) -> Result<ReadySession, CommandError> {
        let store = SessionFile::standard()?;
        if let Some(token) = given_token(global)? {
            return ReadySession::of_token(global, store, token);
        }
        let found = store.find(&global.server, global.user.as_ref())?;
        let saved = match found {
            Some(saved) if saved.ended.is_none() => saved,
            found => return Err(not_logged_in(global, &store, found.as_ref())),
        };
        if global.plain && saved.tls {
            return Err(CommandError::with_advice(
                ClientError::Local(
                    "this session was made over TLS, and in plain text others could read it"
                        .to_owned(),
                ),
                format!(
                    "Leave --plain out, or make another:\n  {} --plain login {}",
                    program(global),
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
        Ok(ReadySession {
            pool,
            store,
            saved,
            acts: false,
            is_token: false,
            program: program(global),
        })
    }

    /// The session that is a token of the command line. Whose it is, the command line says too.
    fn of_token(
        global: &GlobalArgs,
        store: SessionFile,
        session: SessionId,
    ) -> Result<ReadySession, CommandError> {
        let Some(username) = global.user.clone() else {
            return Err(CommandError::with_advice(
                ClientError::Local("whose token?".to_owned()),
                "Name its account: --user NAME, or PAPERTRADER_USER",
            ));
        };
        let KnownServers {
            mut pool, servers, ..
        } = known_servers(global, &store)?;
        pool.set_session(Some(session.clone()));
        let saved = SavedSession {
            username,
            session,
            servers,
            workers: pool.workers().to_vec(),
            master: pool.master().map(str::to_owned),
            tls: pool.is_tls(),
            ca: None,
            pins: Vec::new(),
            ended: None,
        };
        Ok(ReadySession {
            pool,
            store,
            saved,
            acts: false,
            is_token: true,
            program: program(global),
        })
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

    /// Marks the session as ended in the file.
    fn end(&self, how: SessionEnd) -> Result<(), ClientError> {
        if self.is_token {
            return Ok(());
        }
        self.store.end(&self.saved.session, how)
    }

    /// Saves the list of known workers if it has changed.
    fn save_workers(&mut self) -> Result<(), ClientError> {
        if self.is_token || self.pool.workers() == self.saved.workers {
            return Ok(());
        }
        self.saved.workers = self.pool.workers().to_vec();
        self.store.update(&self.saved)
    }

    /// Adds the account and advice to an error, and marks the session as ended in the file if it
    /// has.
    fn failed(&self, error: ClientError) -> CommandError {
        let failure = match self.advice_on(&error) {
            Some(advice) => CommandError::with_advice(error, advice),
            None => advise(&self.program, error),
        };
        CommandError {
            account: self.acts.then(|| self.saved.username.clone()),
            ..failure
        }
    }

    /// The advice on an error that means something else where there is a session.
    fn advice_on(&self, error: &ClientError) -> Option<String> {
        let ClientError::Refused(refusal) = error else {
            return None;
        };
        let (name, program) = (&self.saved.username, &self.program);
        match refusal.reason.known() {
            Some(Reason::SessionExpired) if self.is_token => Some(format!(
                "The token has ended or was revoked; its owner makes another, which may read or trade:\n  \
                 {program} tokens create NAME --scope read\n  {program} tokens create NAME --scope trade"
            )),
            Some(Reason::SessionExpired) => {
                let failed = self.end(SessionEnd::Expired).err();
                let failed = failed.map_or(String::new(), |error| format!(" ({error})"));
                Some(format!("Log in again{failed}:\n  {program} login {name}"))
            }
            Some(Reason::Scope) => Some(format!(
                "A token does not allow this. Leave --token-file, PAPERTRADER_TOKEN_FILE and PAPERTRADER_TOKEN out, \
                 and log in:\n  {program} login {name}"
            )),
            Some(Reason::LoginAgain) => Some(format!(
                "This needs a login of the last 15 minutes:\n  {program} login {name}\nFor an account without \
                 a password:\n  {program} login {name} --with PROVIDER"
            )),
            Some(Reason::EmailTaken) => {
                Some("Another account has this address; take another one.".to_owned())
            }
            Some(Reason::BadCredentials) => Some(format!(
                "That is not the password of {name}. With a code a forgotten one is set anew:\n  \
                 {program} password forgot {name}"
            )),
            _ => None,
        }
    }
}

/// The longest file of a token, in bytes: its digits and a line end.
const TOKEN_FILE_MAX: u64 = 66;

/// Whether the command line gives a token in place of a session.
fn is_token_given(global: &GlobalArgs) -> bool {
    let variable = std::env::var_os("PAPERTRADER_TOKEN");
    global.token_file.is_some() || variable.is_some_and(|token| !token.is_empty())
}

/// The token of the command line: of the file that it names, else of the environment.
fn given_token(global: &GlobalArgs) -> Result<Option<SessionId>, ClientError> {
    let (from, text) = match &global.token_file {
        Some(path) => {
            let failed =
                |e: &dyn std::fmt::Display| ClientError::Local(format!("{}: {e}", path.display()));
            let file = File::open(path).map_err(|e| failed(&e))?;
            let mode = file.metadata().map_err(|e| failed(&e))?.mode();
            if mode & 0o077 != 0 {
                return Err(failed(&format!(
                    "others can read it (mode {:04o}); say: chmod 600 {}",
                    mode & 0o7777,
                    path.display()
                )));
            }
            let mut text = Zeroizing::new(String::new());
            file.take(TOKEN_FILE_MAX + 1)
                .read_to_string(&mut text)
                .map_err(|e| failed(&e))?;
            (path.display().to_string(), text)
        }
        None => match std::env::var("PAPERTRADER_TOKEN") {
            Ok(text) if !text.is_empty() => ("PAPERTRADER_TOKEN".to_owned(), Zeroizing::new(text)),
            _ => return Ok(None),
        },
    };
    let token = SessionId::parse(text.trim_ascii());
    let token = token.map_err(|_| ClientError::Local(format!("{from}: no token: 64 of 0-9 a-f")));
    token.map(Some)
}

/// The failure of a command whose session is not there, or has ended. No other account's session
/// takes its place: the advice names the accounts that could be chosen.
fn not_logged_in(
    global: &GlobalArgs,
    store: &SessionFile,
    ended: Option<&SavedSession>,
) -> CommandError {
    let name = ended.map(|saved| &saved.username).or(global.user.as_ref());
    let login = name.map_or("NAME", Username::as_str);
    let login = format!("{} login {login}", program(global));
    let mut advice = match ended.map(|saved| (&saved.username, saved.ended)) {
        Some((name, Some(SessionEnd::Expired))) => {
            format!("The session of {name} has ended. Log in again:\n  {login}")
        }
        Some((name, Some(SessionEnd::Deleted))) => format!(
            "The account {name} was deleted from here, and its name is free. Log in to another:\n  {} login NAME",
            program(global)
        ),
        Some((name, _)) => format!("{name} has logged out. Log in again:\n  {login}"),
        None => format!("Log in first:\n  {login}"),
    };
    if let (None, Some(name)) = (ended, &global.user)
        && let Some(question) = suggestions::meant_account(name, store)
    {
        advice = format!("{question}\n{advice}");
    }
    let others = store.load().unwrap_or_default();
    let mut names: Vec<&str> = others
        .iter()
        .filter(|saved| saved.ended.is_none())
        .map(|saved| saved.username.as_str())
        .collect();
    names.dedup();
    if !names.is_empty() {
        advice.push_str(&format!(
            "\nNo other account is taken in its place; logged in are: {}. Choose with --user NAME.",
            names.join(", ")
        ));
    }
    CommandError::with_advice(ClientError::NoSession, advice)
}

/// Adds the advice that needs no session. `program` is how a command begins that is advised.
fn advise(program: &str, error: ClientError) -> CommandError {
    let advice = match &error {
        ClientError::Refused(refusal) => {
            match refusal
                .reason
                .known()
                .and_then(|reason| advice_on_refusal(program, reason))
            {
                Some(advice) => advice,
                None => return error.into(),
            }
        }
        ClientError::Protocol {
            code: OpenValue::Known(ProtocolFault::UnknownInstruction),
            ..
        } => "This server is of an earlier version, which does not know the command.".to_owned(),
        // What helps stands in the text of each of them.
        ClientError::NoWorker(_) if error.is_tls() => {
            if !error.to_string().contains("--ca") {
                return error.into();
            }
            format!(
                "Where `papertraderctl setup` has made the server's certificate, its CA is {TRIAL_CA} on the server's \
                 machine: say --ca with that file, or with a copy of it."
            )
        }
        ClientError::NoWorker(_) if error.to_string().contains(NO_ANSWER) => {
            "The server takes connections and does not answer: perhaps its master is gone. Try again in a minute."
                .to_owned()
        }
        ClientError::NoWorker(_) => {
            "Is a server running there? Name another with --server HOST:PORT, or the master with --master HOST:PORT."
                .to_owned()
        }
        ClientError::OnlyHearsay { names, .. } => {
            // A person may paste it into a shell.
            let is_plain = |name: &&String| {
                let good = |b: u8| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b);
                name.bytes().all(good) && !name.starts_with('-')
            };
            let name = names.iter().find(is_plain);
            let name = name.map_or("HOST:PORT", String::as_str);
            format!(
                "If it is yours, accept it: --server {name}. With --pin SHA256 or --ca FILE what a master \
                 names is tried, if it proves to be yours."
            )
        }
        ClientError::Unknown { order, .. } => format!(
            "It may have been traded. This shows it if so:\n  {program} transactions\nRepeating it with \
             --order-id {order} cannot trade twice."
        ),
        _ => return error.into(),
    };
    CommandError::with_advice(error, advice)
}

/// The advice on a refusal that needs no session; `None`: its text says all.
fn advice_on_refusal(program: &str, reason: Reason) -> Option<String> {
    Some(match reason {
        Reason::BadCredentials => {
            format!("Check name and password; a new account:\n  {program} register NAME EMAIL")
        }
        Reason::TooManyAttempts => "Wait a minute, then try again.".to_owned(),
        Reason::Scope => format!("A token does not allow this; log in:\n  {program} login NAME"),
        Reason::LoginAgain => format!(
            "This needs a login of the last 15 minutes:\n  {program} login NAME\nFor an account without a \
             password:\n  {program} login NAME --with PROVIDER"
        ),
        Reason::NameInvalid => {
            format!(
                "Take another name, or revoke that token first:\n  {program} tokens revoke NAME"
            )
        }
        Reason::UsernameTaken => {
            format!("Choose another name, or log in:\n  {program} login NAME")
        }
        Reason::EmailTaken => {
            format!("That address has an account already:\n  {program} login NAME")
        }
        Reason::UnknownAsset => format!("The assets there are:\n  {program} assets"),
        Reason::Overloaded => "The server is busy; try again in a moment.".to_owned(),
        Reason::InternalError => "Try again in a moment.".to_owned(),
        Reason::MasterUnavailable => {
            "The workers have lost their master; nothing was done. Try again later.".to_owned()
        }
        Reason::NoPrice => format!(
            "It has no price, or no new one came. How old the last one is:\n  {program} quote SYMBOL"
        ),
        Reason::NotOpen => format!("It has ended. How:\n  {program} transactions"),
        Reason::DateInvalid => format!(
            "A forecast is for a day after the latest value. When that was:\n  {program} quote SYMBOL"
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_that_is_advised_names_the_server() {
        let program = "papertrader --server x:1";
        for reason in Reason::ALL {
            let advice = advice_on_refusal(program, *reason).unwrap_or_default();
            let commands = advice.matches("papertrader").count();
            assert_eq!(commands, advice.matches(program).count(), "{advice}");
            // A line that can be copied.
            let whole = advice
                .lines()
                .filter(|line| line.starts_with("  papertrader"));
            assert_eq!(commands, whole.count(), "{advice}");
        }
        let advice = advice_on_refusal(program, Reason::LoginAgain).unwrap();
        assert!(advice.contains("login NAME --with PROVIDER"), "{advice}");
    }
}
