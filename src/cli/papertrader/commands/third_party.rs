//! spec/cli/papertrader/commands/third_party.md · 3.1.3 (third parties)
//!
//! Signing in with a provider of identities, and what the person is shown.
//!
//! Tests: `tests/suite/client/third_party.rs`.

mod way_back;

use super::account::{saved_session, tell_market};
use super::{CommandError, KnownServers, ReadySession, advise, known_servers, note, program, tell};
use crate::cli::papertrader::arguments::{GlobalArgs, LinkArgs, LoginArgs, UnlinkArgs};
use crate::cli::papertrader::view::LoginView;
use crate::cli::terminal::{ScreenSize, is_utf8};
use crate::client::third_party::{ThirdPartyProgress, ThirdPartyStart};
use crate::client::{Client, ClientError, SessionFile, WorkerPool};
use crate::model::third_party::HANDLE_BYTES;
use crate::model::{IdentityProviderName, Reason, SignInHandle, SignInMethod, Timestamp, Username};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use std::io::{BufRead, IsTerminal, Read};
use std::time::{Duration, Instant};
use way_back::WayBack;

/// The longest line that is read from a person, in bytes.
const LINE_BYTES_MAX: u64 = 1_024;

/// What a sign-in has come to.
enum Person {
    /// Logged in to the account that the person has.
    Known,
    /// No account yet.
    Unknown(SignInHandle, Option<Username>),
}

/// Logs in with a provider, makes the account at the first time, and saves the session.
pub fn login(
    global: &GlobalArgs,
    args: &LoginArgs,
    provider: &IdentityProviderName,
) -> Result<(), CommandError> {
    let store = SessionFile::standard()?;
    let KnownServers {
        mut pool,
        servers,
        least,
    } = known_servers(global, &store)?;
    // A session that could not be saved should not be made.
    store.load()?;
    pool.set_session(None);
    let named = args.name.as_ref().or(global.user.as_ref()).cloned();
    let name = match sign_in(&program(global), &mut pool, provider, args.method)? {
        Person::Known => own_name(global, &mut pool, named)?,
        Person::Unknown(handle, suggestion) => {
            let name = match named {
                Some(name) => name,
                None => ask_name(
                    global,
                    "You have no account here yet. Choose a username",
                    suggestion,
                )?,
            };
            let register = |client: &mut Client| {
                let login = client.register_third_party(&handle, &name, None)?;
                Ok(ThirdPartyProgress::LoggedIn(login))
            };
            pool.sign_in(register)
                .map_err(|error| advise(&program(global), error))?;
            note(&format!("Made the account {name}."));
            name
        }
    };
    let Some(session) = pool.session().cloned() else {
        return Err(ClientError::NoSession.into());
    };
    let saved = saved_session(global, &pool, servers, least, &name, &session)?;
    store.put(saved)?;
    let server = pool.address().unwrap_or_default().to_owned();
    let view = LoginView {
        username: name.to_string(),
        server: Some(server.clone()),
        expirable: Some(false),
        workers: Some(pool.workers().to_vec()),
    };
    tell(global, &view, || {
        format!("Logged in as {name} at {server}, by {provider}.\n")
    })?;
    if !global.json {
        tell_market(&mut pool);
    }
    Ok(())
}

/// Links a provider's person to the account.
pub fn link(global: &GlobalArgs, args: &LinkArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let name = session.saved.username.clone();
    // Before the person goes to the provider and back in vain.
    let from_stdin = args.password.password_stdin;
    session.freshly_asking(global, from_stdin, is_fresh)?;
    let own = session.saved.session.clone();
    let program = session.program.clone();
    let result = sign_in(&program, &mut session.pool, &args.provider, args.method);
    match result {
        Ok(Person::Unknown(handle, _)) => {
            session.pool.set_session(Some(own));
            // The way to the provider may have taken long.
            session.freshly_asking(global, from_stdin, |pool| {
                pool.call(|client| client.link_third_party(&handle))
            })?;
        }
        // The sign-in has led into an account: nothing is left open there.
        Ok(Person::Known) => {
            let is_own = session
                .pool
                .call(|client| client.user_info(&name))
                .is_ok_and(|info| info.private.is_some());
            let ended = session.pool.logout();
            session.pool.set_session(Some(own));
            ended.map_err(|error| advise(&session.program, error))?;
            if !is_own {
                return Err(ClientError::Local(format!(
                    "this person of {} has another account here",
                    args.provider
                ))
                .into());
            }
        }
        Err(error) => return Err(error),
    }
    let view = LoginView {
        username: name.to_string(),
        server: session.pool.address().map(str::to_owned),
        expirable: None,
        workers: None,
    };
    tell(global, &view, || {
        format!("{name} can log in with {} now.\n", args.provider)
    })
}

/// Asks whether the login is fresh enough to link: the server refuses an old one before it looks for
/// the sign-in, which is none here.
fn is_fresh(pool: &mut WorkerPool) -> Result<(), ClientError> {
    let none = SignInHandle::from_bytes([0; HANDLE_BYTES]);
    match pool.call(|client| client.link_third_party(&none)) {
        Err(ClientError::Refused(refusal)) if refusal.reason == Reason::CodeInvalid => Ok(()),
        other => other,
    }
}

/// Takes a provider's identities from the account.
pub fn unlink(global: &GlobalArgs, args: &UnlinkArgs) -> Result<(), CommandError> {
    let provider = &args.provider;
    let mut session = ReadySession::acting(global)?;
    let name = session.saved.username.clone();
    session.freshly_asking(global, args.password.password_stdin, |pool| {
        pool.call(|client| client.unlink_third_party(provider))
    })?;
    let view = LoginView {
        username: name.to_string(),
        server: session.pool.address().map(str::to_owned),
        expirable: None,
        workers: None,
    };
    tell(global, &view, || {
        format!("{name} cannot log in with {provider} any more.\n")
    })
}

/// The name of the account that the session is of. The server does not say it, so the person does,
/// and the server then shows what only the owner sees.
fn own_name(
    global: &GlobalArgs,
    pool: &mut WorkerPool,
    named: Option<Username>,
) -> Result<Username, CommandError> {
    let name = match named {
        Some(name) => Ok(name),
        None => ask_name(global, "Your username here", None),
    };
    let checked = name.and_then(|name| {
        let info = pool
            .call(|client| client.user_info(&name))
            .map_err(|error| advise(&program(global), error))?;
        if info.private.is_some() {
            Ok(name)
        } else {
            let text = format!("{name} is not the account that this person has here");
            Err(ClientError::Local(text).into())
        }
    });
    if checked.is_err() {
        // A session that cannot be saved is not left open. It would end by itself, too.
        let _ = pool.logout();
    }
    checked
}

/// A sign-in from its beginning to the provider's word.
fn sign_in(
    program: &str,
    pool: &mut WorkerPool,
    provider: &IdentityProviderName,
    method: Option<SignInMethod>,
) -> Result<Person, CommandError> {
    let failed = |error| advise(program, error);
    let wanted = method.unwrap_or_else(likely_method);
    match sign_in_by(pool, provider, wanted) {
        // The provider may have the other way alone.
        Err(ClientError::Refused(refusal))
            if method.is_none() && refusal.reason == Reason::ArgumentInvalid =>
        {
            let other = match wanted {
                SignInMethod::Device => SignInMethod::Redirect,
                SignInMethod::Redirect => SignInMethod::Device,
            };
            sign_in_by(pool, provider, other).map_err(failed)
        }
        result => result.map_err(failed),
    }
}

/// The way that fits this terminal: a browser on this machine, where there is one.
fn likely_method() -> SignInMethod {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_screen = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    if is_set("BROWSER") || (has_screen && !is_set("SSH_CONNECTION")) {
        SignInMethod::Redirect
    } else {
        SignInMethod::Device
    }
}

fn sign_in_by(
    pool: &mut WorkerPool,
    provider: &IdentityProviderName,
    method: SignInMethod,
) -> Result<Person, ClientError> {
    match method {
        SignInMethod::Device => by_device(pool, provider),
        SignInMethod::Redirect => by_redirect(pool, provider),
    }
}

fn by_device(
    pool: &mut WorkerPool,
    provider: &IdentityProviderName,
) -> Result<Person, ClientError> {
    let start =
        pool.call(|client| client.begin_third_party(provider, SignInMethod::Device, None))?;
    show_start(provider, &start);
    let until = deadline(&start);
    loop {
        std::thread::sleep(start.poll.min(Duration::from_secs(60)));
        match pool.sign_in(|client| client.await_third_party(&start.handle))? {
            ThirdPartyProgress::Pending if Instant::now() < until => {}
            ThirdPartyProgress::Pending => return Err(too_late()),
            ThirdPartyProgress::LoggedIn(_) => return Ok(Person::Known),
            ThirdPartyProgress::Unknown(suggestion) => {
                return Ok(Person::Unknown(start.handle, suggestion));
            }
        }
    }
}

fn by_redirect(
    pool: &mut WorkerPool,
    provider: &IdentityProviderName,
) -> Result<Person, ClientError> {
    let way_back = WayBack::open()?;
    let uri = way_back.redirect_uri();
    let start =
        pool.call(|client| client.begin_third_party(provider, SignInMethod::Redirect, Some(&uri)))?;
    show_start(provider, &start);
    way_back.open_browser(&start.url);
    note("Waiting for the browser to come back…");
    let until = deadline(&start);
    let Some((code, state)) = way_back.wait(&start.url, until)? else {
        return Err(too_late());
    };
    let mut ask = |client: &mut Client| client.complete_third_party(&start.handle, &code, &state);
    loop {
        match pool.sign_in(&mut ask)? {
            // An earlier try of ours is under way.
            ThirdPartyProgress::Pending if Instant::now() < until => {
                std::thread::sleep(Duration::from_secs(1));
            }
            ThirdPartyProgress::Pending => return Err(too_late()),
            ThirdPartyProgress::LoggedIn(_) => return Ok(Person::Known),
            ThirdPartyProgress::Unknown(suggestion) => {
                return Ok(Person::Unknown(start.handle, suggestion));
            }
        }
    }
}

/// When a sign-in ends. The clocks here and there may differ, so the server has the last word.
fn deadline(start: &ThirdPartyStart) -> Instant {
    let left = u64::try_from(start.expiry.since(Timestamp::now())).unwrap_or(0);
    Instant::now() + Duration::from_millis(left).min(Duration::from_secs(3_600))
}

fn too_late() -> ClientError {
    ClientError::Local("the sign-in has expired; begin anew".to_owned())
}

/// Shows where the person goes.
fn show_start(provider: &IdentityProviderName, start: &ThirdPartyStart) {
    note(&format!(
        "To sign in with {provider}, open\n\n  {}\n",
        start.url
    ));
    if let Some(code) = &start.user_code {
        note(&format!("and enter, or compare, this code:\n\n  {code}\n"));
        show_code(&start.url);
        note("Agree only if you have just begun this yourself. Waiting…");
    }
}

/// Shows a QR code of an address on a terminal that has room for it.
fn show_code(url: &str) {
    let Some(screen) = ScreenSize::of_stderr().filter(|_| is_utf8()) else {
        return;
    };
    let Ok(code) = QrCode::new(url) else {
        return;
    };
    // Most terminals are dark, and a reader wants the quiet zone light.
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .build();
    let columns = drawn.lines().map(|line| line.chars().count()).max();
    if columns.is_some_and(|columns| columns <= screen.columns)
        && drawn.lines().count() < screen.rows
    {
        note(&drawn);
    }
}

/// Asks the person at the terminal for a username.
fn ask_name(
    global: &GlobalArgs,
    question: &str,
    suggestion: Option<Username>,
) -> Result<Username, CommandError> {
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::with_advice(
            ClientError::Local("there is nobody to ask for a username".to_owned()),
            format!(
                "Name it:\n  {0} login NAME --with PROVIDER\nThe providers that there are:\n  {0} server",
                program(global)
            ),
        ));
    }
    let offered = suggestion
        .as_ref()
        .map_or(String::new(), |name| format!(" [{name}]"));
    note(&format!("{question}{offered}:"));
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .take(LINE_BYTES_MAX)
        .read_line(&mut line)
        .map_err(|error| ClientError::Local(format!("standard input: {error}")))?;
    match (line.trim(), suggestion) {
        ("", Some(name)) => Ok(name),
        (text, _) => {
            Username::parse(text).map_err(|why| ClientError::Local(why.0.to_owned()).into())
        }
    }
}
