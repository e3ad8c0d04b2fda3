//! spec/cli/papertrader/commands.md · 4.6.1 to 4.6.3, 4.6.14, 3.1.5
//!
//! Commands for accounts, sessions and servers.
//!
//! Tests: `tests/suite/client/cli.rs`.

use super::suggestions::meant_account;
use super::{
    CommandError, FAILED, KnownServers, ReadySession, UNREACHABLE, advise, is_token_given,
    known_servers, note, options, print, program, show, tell,
};
use crate::cli::papertrader::age::{ended_note, has_ended, login_note};
use crate::cli::papertrader::arguments::{GlobalArgs, LoginArgs, RegisterArgs, UserArgs};
use crate::cli::papertrader::password;
use crate::cli::papertrader::view::{LoginView, PingView, ServerView, UserView, WorkersView};
use crate::cli::table;
use crate::cli::terminal::for_people;
use crate::client::account::with_password;
use crate::client::store::{SavedSession, SessionEnd};
use crate::client::{Client, ClientError, ServerInfo, SessionFile, WorkerPool};
use crate::model::printable::clean;
use crate::model::{HashedPass, Reason, SessionId, Timestamp, Username};
use crate::wire::payload::UserInfo;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

/// The interval of pings on the connection of an expirable session; it is well below a worker's
/// idle timeout.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Registers an account.
pub fn register(global: &GlobalArgs, args: &RegisterArgs) -> Result<(), CommandError> {
    let store = SessionFile::standard()?;
    let mut pool = known_servers(global, &store)?.pool;
    let email = Some(args.email.as_str());
    let from_stdin = args.password.password_stdin;
    let password = password::ask_new(&args.name, email, from_stdin, !global.json)?;
    let pass = HashedPass::derive(&args.name, &password);
    pool.register(&args.name, &args.email, &pass)
        .map_err(|error| advise_name(global, &store, &args.name, error))?;
    let view = LoginView {
        username: args.name.to_string(),
        server: pool.address().map(str::to_owned),
        expirable: None,
        workers: None,
    };
    tell(global, &view, || {
        let (name, program) = (&args.name, program(global));
        format!("Registered {name}. Next:\n  {program} login {name}\n")
    })
}

/// Adds advice to the failure of a login or a registration of this name.
fn advise_name(
    global: &GlobalArgs,
    store: &SessionFile,
    name: &Username,
    error: ClientError,
) -> CommandError {
    let program = program(global);
    let ClientError::Refused(refusal) = &error else {
        return advise(&program, error);
    };
    let advice = match refusal.reason.known() {
        Some(Reason::BadCredentials) => format!(
            "{}Check name and password.\n\
             With a card or a code:\n  {program} password reset {name}\n\
             A forgotten password:\n  {program} password forgot {name}\n\
             A new account:\n  {program} register NAME EMAIL",
            meant_account(name, store).map_or(String::new(), |question| question + " ")
        ),
        Some(Reason::UsernameTaken) => {
            format!("Choose another name, or log in:\n  {program} login {name}")
        }
        _ => return advise(&program, error),
    };
    CommandError::with_advice(error, advice)
}

/// Logs in and saves the session.
pub fn login(global: &GlobalArgs, args: &LoginArgs) -> Result<(), CommandError> {
    let store = SessionFile::standard()?;
    let Some(name) = args.name.as_ref().or(global.user.as_ref()) else {
        return Err(CommandError::with_advice(
            ClientError::Local("whose session?".to_owned()),
            format!("Name the account:\n  {} login NAME", program(global)),
        ));
    };
    let KnownServers {
        mut pool,
        servers,
        least,
    } = known_servers(global, &store)?;
    // A session that could not be saved should not be made.
    store.load()?;
    let password = password::ask(name, args.password.password_stdin)?;
    let log_in = |pass: &HashedPass| pool.login(name, pass, args.expirable);
    let login = with_password(name, &password, log_in)
        .map_err(|error| advise_name(global, &store, name, error))?;
    drop(password);
    store.put(saved_session(
        global,
        &pool,
        servers,
        least,
        name,
        &login.session,
    )?)?;
    let server = pool.address().unwrap_or_default().to_owned();
    let view = LoginView {
        username: name.to_string(),
        server: Some(server.clone()),
        expirable: Some(args.expirable),
        workers: Some(login.workers.clone()),
    };
    tell(global, &view, || {
        let until = if args.expirable {
            "; the session ends with this command"
        } else {
            ""
        };
        format!("Logged in as {name} at {server}{until}.\n")
    })?;
    // A server of the first edition ends the connection on the question, and the session with it.
    if !global.json && !args.expirable {
        tell_market(&mut pool);
    }
    if args.expirable {
        let result = hold(global, &mut pool);
        store.end(&login.session, SessionEnd::Expired)?;
        result?;
    }
    Ok(())
}

/// Tells once, at the login, that the market is not of today, if so.
pub(super) fn tell_market(pool: &mut WorkerPool) {
    let told = pool.server_info().ok().flatten();
    let told = told.and_then(|info| login_note(&info, Timestamp::now()));
    if let Some(told) = told {
        note(told.trim_end());
    }
}

/// The entry of a login. What the command line said of TLS, or else an earlier login at the same
/// servers, is the least for later commands.
pub(super) fn saved_session(
    global: &GlobalArgs,
    pool: &WorkerPool,
    servers: Vec<String>,
    least: Option<SavedSession>,
    name: &Username,
    session: &SessionId,
) -> Result<SavedSession, ClientError> {
    let (ca, pins) = match least.filter(|_| pool.is_tls()) {
        Some(saved) if global.ca.is_none() && global.pin.is_empty() => (saved.ca, saved.pins),
        _ => {
            let absolute = |named: &PathBuf| {
                std::path::absolute(named)
                    .map_err(|e| ClientError::Local(format!("{}: {e}", named.display())))
            };
            (
                global.ca.as_ref().map(absolute).transpose()?,
                global.pin.clone(),
            )
        }
    };
    Ok(SavedSession {
        username: name.clone(),
        session: session.clone(),
        servers,
        workers: pool.workers().to_vec(),
        master: pool.master().map(str::to_owned),
        tls: pool.is_tls(),
        ca,
        pins,
        ended: None,
    })
}

/// Keeps the connection of an expirable session open until standard input ends or a signal arrives.
fn hold(global: &GlobalArgs, pool: &mut WorkerPool) -> Result<(), CommandError> {
    let stop = super::market::on_signal()?;
    let (ended, end) = crossbeam_channel::bounded::<()>(1);
    // The thread ends with the process at the latest; it holds only standard input.
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            let mut byte = [0];
            while matches!(std::io::stdin().lock().read(&mut byte), Ok(1)) {}
            drop(ended);
        })
        .map_err(|e| ClientError::Local(e.to_string()))?;
    let mut since = std::time::Instant::now();
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        match end.recv_timeout(Duration::from_millis(100)) {
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(crossbeam_channel::RecvTimeoutError::Disconnected) => break,
        }
        if since.elapsed() >= PING_INTERVAL {
            since = std::time::Instant::now();
            // If this connection broke, the pool moves to another worker, but the session has
            // ended.
            let before = pool.address().map(str::to_owned);
            pool.call(Client::ping)
                .map_err(|error| advise(&program(global), error))?;
            if pool.address() != before.as_deref() {
                return Err(ClientError::Local(
                    "the connection broke, and the session ended with it".to_owned(),
                )
                .into());
            }
        }
    }
    Ok(())
}

/// Ends the session and removes it from the file. A token is not ended by the way: the server would
/// revoke it, and no login brings it back.
pub fn logout(global: &GlobalArgs) -> Result<(), CommandError> {
    if is_token_given(global) {
        return Err(CommandError::bad_usage(
            "a token is not logged out, since that would end it for good",
            format!(
                "Its owner, logged in with the password, ends it by its name:\n  {} tokens revoke NAME\n\
                 To log out of a session leave --token-file, PAPERTRADER_TOKEN_FILE and PAPERTRADER_TOKEN out.",
                program(global)
            ),
        ));
    }
    if let Some(ended) = ended_session(global)? {
        return show_logout(global, &ended.username, None, true);
    }
    let mut session = ReadySession::acting(global)?;
    let name = session.saved.username.clone();
    let had_ended = match session.pool.logout() {
        Ok(()) => false,
        Err(ClientError::Refused(refusal)) if refusal.reason == Reason::SessionExpired => true,
        // Whoever answers there is not who was trusted at the login: nothing is sent, and what was
        // remembered of that server does not hold for ever.
        Err(error) if error.is_tls() => {
            session.end(SessionEnd::LoggedOut)?;
            return Err(CommandError::with_advice(
                error,
                "The session is forgotten here, with what was remembered of this server; there it \
                 stays valid until it expires",
            ));
        }
        Err(error) => return Err(session.failed(error)),
    };
    session.end(SessionEnd::LoggedOut)?;
    show_logout(global, &name, session.pool.address(), had_ended)
}

/// The selected account's entry if its session has ended without a logout. Then it is marked as
/// logged out, so that nothing remembered of its server holds for ever.
fn ended_session(global: &GlobalArgs) -> Result<Option<SavedSession>, CommandError> {
    let store = SessionFile::standard()?;
    let found = store.find(&global.server, global.user.as_ref())?;
    let ended = found.filter(|saved| saved.ended == Some(SessionEnd::Expired));
    if let Some(ended) = &ended {
        store.forget_ended(ended)?;
    }
    Ok(ended)
}

fn show_logout(
    global: &GlobalArgs,
    name: &Username,
    server: Option<&str>,
    had_ended: bool,
) -> Result<(), CommandError> {
    let view = LoginView {
        username: name.to_string(),
        server: server.map(str::to_owned),
        expirable: None,
        workers: None,
    };
    tell(global, &view, || {
        if had_ended {
            format!("The session of {name} had ended already.\n")
        } else {
            format!("Logged out {name}.\n")
        }
    })
}

/// Shows an account.
pub fn user(global: &GlobalArgs, args: &UserArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let name: Username = args
        .name
        .clone()
        .unwrap_or_else(|| session.saved.username.clone());
    let info: UserInfo = session.call(|client| client.user_info(&name))?;
    show(
        global,
        &UserView::new(&session.saved.username, &info),
        || {
            let login = if info.is_password {
                "password"
            } else {
                "third party"
            };
            let mut lines = vec![
                ("user", info.username.clone()),
                ("registered", table::utc(info.created)),
                ("signs in by", login.to_owned()),
            ];
            if let Some((email, cash)) = &info.private {
                lines.push(("email", email.clone()));
                lines.push(("cash", table::money(*cash)));
            }
            table::list(&lines)
        },
    )
}

/// Lists the workers that serve now.
pub fn workers(global: &GlobalArgs) -> Result<(), CommandError> {
    let store = SessionFile::standard()?;
    // If only the master is named, only the master is asked.
    let mut pool = if global.server.is_empty() && global.master.is_some() {
        WorkerPool::new(Vec::new(), global.master.clone(), options(global, None))
    } else {
        known_servers(global, &store)?.pool
    };
    let listed = pool.list_workers();
    let (workers, from) = listed.map_err(|error| advise(&program(global), error))?;
    let view = WorkersView {
        from,
        workers: workers.clone(),
    };
    show(global, &view, || {
        if workers.is_empty() {
            "no worker serves now\n".to_owned()
        } else {
            workers.iter().map(|w| format!("{}\n", clean(w))).collect()
        }
    })
}

/// Shows what a server tells about itself.
pub fn server(global: &GlobalArgs) -> Result<(), CommandError> {
    let store = SessionFile::standard()?;
    let mut pool = known_servers(global, &store)?.pool;
    let ask = |client: &mut Client| Ok((client.address().to_owned(), client.server_info()?));
    let asked = pool.call(ask);
    let (address, info) = asked.map_err(|error| advise(&program(global), error))?;
    let lines = info
        .as_ref()
        .map(|info| server_lines(info, Timestamp::now()));
    let ended = info.as_ref().filter(|info| has_ended(info));
    let end = ended.map_or(String::new(), |info| ended_note(info.market_time));
    let view = ServerView::new(address.clone(), info);
    show(global, &view, || {
        let server = [("server", address)];
        match lines {
            Some(lines) => table::list(&[&server[..], &lines].concat()) + &table::wrapped(&end),
            None => {
                table::list(&server)
                    + &table::wrapped(
                        "It speaks the first edition of the protocol, which tells no more of itself.\n",
                    )
            }
        }
    })
}

/// What a server tells of its market, in lines for people. What it does not tell is left out.
pub(super) fn market_lines(info: &ServerInfo, now: Timestamp) -> Vec<(&'static str, String)> {
    let next_update = info.next_update.map(|next| {
        let wait = u64::try_from(next.since(now)).unwrap_or(0);
        let wait = table::span(Duration::from_millis(wait));
        format!("{}, in {wait}", table::utc(next))
    });
    let market = [
        info.market.as_ref().map(ToString::to_string),
        info.state.as_ref().map(ToString::to_string),
    ];
    let market: Vec<String> = market.into_iter().flatten().collect();
    let lines = [
        (
            "market",
            Some(market.join(", ")).filter(|it| !it.is_empty()),
        ),
        ("market time", info.market_time.map(table::utc)),
        ("next update", next_update),
        ("update every", info.update_interval.map(interval)),
        ("steps left", info.steps_left.map(|n| steps_left(info, n))),
    ];
    let told = |(name, value): (_, Option<String>)| Some((name, value?));
    lines.into_iter().filter_map(told).collect()
}

/// What a server tells, in lines for people. What it does not tell is left out.
fn server_lines(info: &ServerInfo, now: Timestamp) -> Vec<(&'static str, String)> {
    let words = |words: [Option<String>; 3]| {
        let there: Vec<String> = words.into_iter().flatten().collect();
        Some(there.join(", ")).filter(|line| !line.is_empty())
    };
    let fees = |has: bool| if has { "yes" } else { "no" }.to_owned();
    let lines = [
        ("currency", info.currency.clone()),
        (
            "sign in by",
            info.login.as_ref().map(|ways| ways.join(", ")),
        ),
        (
            "reset by",
            info.reset.as_ref().map(|way| match way.as_str() {
                "mail" => "a code by mail".to_owned(),
                "administrator" => "a code from the administrator".to_owned(),
                other => other.to_owned(),
            }),
        ),
        ("fees", info.fees.map(fees)),
        (
            "version",
            words([
                info.version.clone(),
                info.wire.map(|n| format!("wire format {n}")),
                info.edition.map(|n| format!("edition {n}")),
            ]),
        ),
    ];
    let told = |(name, value): (_, Option<String>)| Some((name, value?));
    let lines = lines.into_iter().filter_map(told);
    market_lines(info, now).into_iter().chain(lines).collect()
}

/// The steps that a replay has left, and how long they take.
fn steps_left(info: &ServerInfo, steps: u64) -> String {
    let left = u32::try_from(steps).ok().zip(info.update_interval);
    match left.map(|(steps, interval)| interval.saturating_mul(steps)) {
        Some(time) if steps > 0 => format!("{steps}, for {}", table::span(time)),
        _ => steps.to_string(),
    }
}

/// The time between two updates.
fn interval(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        table::span(duration)
    } else {
        format!("{} ms", duration.as_millis())
    }
}

/// Measures the round trip to each known worker, and asks whether it reaches its master. Fails if
/// none does.
pub fn ping(global: &GlobalArgs) -> Result<(), CommandError> {
    let store = SessionFile::standard()?;
    let pool = known_servers(global, &store)?.pool;
    let measure = |server: &String| {
        let asked = |mut client: Client| Ok((client.ping()?, client.has_master().ok()));
        let result = Client::open(server, pool.options(), None).and_then(asked);
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let told = result.as_ref().ok();
        PingView {
            server: server.clone(),
            microseconds: told.map(|(time, _)| micros(*time)),
            master: told.and_then(|(_, master)| *master),
            error: result.as_ref().err().map(ToString::to_string),
        }
    };
    let views: Vec<PingView> = pool.workers().iter().map(measure).collect();
    let line = |view: &PingView| match (view.microseconds, &view.error) {
        (Some(time), _) => format!(
            "{}: {}.{:03} ms{}\n",
            clean(&view.server),
            time / 1000,
            time % 1000,
            match view.master {
                Some(false) => ", no master",
                Some(true) | None => "",
            }
        ),
        (None, error) => format!("{}\n", clean(error.as_deref().unwrap_or_default())),
    };
    if global.json {
        show(global, &views, String::new)?;
    } else {
        print(&for_people(&views.iter().map(line).collect::<String>()))?;
    }
    let serves = |view: &PingView| view.microseconds.is_some() && view.master != Some(false);
    if views.iter().any(serves) {
        return Ok(());
    }
    let answers = views.iter().any(|view| view.microseconds.is_some());
    Err(CommandError::already_shown(if answers {
        FAILED
    } else {
        UNREACHABLE
    }))
}
