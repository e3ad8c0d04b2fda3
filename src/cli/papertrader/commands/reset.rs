//! spec/cli/papertrader/commands.md · 3.1.3, 4.1 (basic error handling)
//!
//! Commands for who has forgotten a password.
//!
//! Tests: `tests/suite/client/cli.rs`.

use super::{CommandError, advise, known_servers, program, tell};
use crate::cli::papertrader::arguments::{ForgotArgs, GlobalArgs, ResetArgs};
use crate::cli::papertrader::password;
use crate::cli::papertrader::view::ResetView;
use crate::client::{ClientError, SessionFile, WorkerPool};
use crate::model::{HashedPass, Reason, Username};

/// What a server says in serverInfo that sends no mail.
const BY_ADMINISTRATOR: &str = "administrator";

/// Asks for a code by e-mail.
pub fn forgot(global: &GlobalArgs, args: &ForgotArgs) -> Result<(), CommandError> {
    let store = SessionFile::standard()?;
    let mut pool = known_servers(global, &store)?.pool;
    let failed = |error| advise(&program(global), error);
    let info = pool.server_info().map_err(failed)?;
    pool.request_reset(&args.name).map_err(failed)?;
    let reset = info.and_then(|info| info.reset);
    let server = pool.address().unwrap_or_default().to_owned();
    let view = ResetView {
        username: args.name.as_str().to_owned(),
        server: Some(server.clone()),
        reset: reset.clone(),
    };
    let name = args.name.as_str();
    let name = if name.contains('@') { "NAME" } else { name };
    let next = format!("Then: {} password reset {name}", program(global));
    tell(global, &view, || {
        if reset.as_deref() == Some(BY_ADMINISTRATOR) {
            format!("The server {server} sends no mail. Ask its administrator for a code. {next}\n")
        } else {
            format!(
                "If {} has an account at {server} with an e-mail address, a code is on its way \
                 there. It is valid for 20 minutes. {next}\n",
                args.name.as_str()
            )
        }
    })
}

/// Sets a new password with a code.
pub fn reset(global: &GlobalArgs, args: &ResetArgs) -> Result<(), CommandError> {
    let store = SessionFile::standard()?;
    let mut pool = known_servers(global, &store)?.pool;
    let code = password::ask_code(&args.name, args.password_stdin)?;
    let password = password::ask_new(&args.name, None, args.password_stdin, !global.json)?;
    let pass = HashedPass::derive(&args.name, &password);
    drop(password);
    if let Err(error) = pool.reset_password(&args.name, &code, &pass) {
        return Err(advise_code(global, &mut pool, &args.name, error));
    }
    let view = ResetView {
        username: args.name.to_string(),
        server: pool.address().map(str::to_owned),
        reset: None,
    };
    tell(global, &view, || {
        format!(
            "{0} has a new password, and all its sessions have ended. Next: {1} login {0}\n",
            args.name,
            program(global)
        )
    })
}

/// Adds to the failure of a code where the next one comes from.
fn advise_code(
    global: &GlobalArgs,
    pool: &mut WorkerPool,
    name: &Username,
    error: ClientError,
) -> CommandError {
    match &error {
        ClientError::Refused(refusal) if refusal.reason == Reason::CodeInvalid => {}
        _ => return advise(&program(global), error),
    }
    // Where the server does not say it, its answer to the request does.
    let reset = pool
        .server_info()
        .ok()
        .flatten()
        .and_then(|info| info.reset);
    let advice = if reset.as_deref() == Some(BY_ADMINISTRATOR) {
        "A code works once, and until its time is over. This server sends no mail: ask its administrator \
         for a new one."
            .to_owned()
    } else {
        format!(
            "Ask for a new one: {} password forgot {name}",
            program(global)
        )
    };
    CommandError::with_advice(error, advice)
}
