//! spec/cli/papertrader/commands.md · 2.1.4 User/Client
//!
//! `tui`: the session of the full-screen view, and what its end means.

use super::{CommandError, ReadySession};
use crate::cli::papertrader::arguments::GlobalArgs;
use crate::cli::papertrader::tui::{self, ViewEnd};
use crate::cli::terminal::ScreenSize;
use crate::client::{ClientError, WorkerPool};
use std::io::IsTerminal;

/// Shows the full-screen view until it is left.
pub fn tui(global: &GlobalArgs) -> Result<(), CommandError> {
    if global.json {
        let text = "tui draws on a terminal and prints no JSON";
        return Err(CommandError::bad_usage(text, "Leave --json out."));
    }
    let is_there = std::io::stdin().is_terminal() && ScreenSize::that_redraws().is_some();
    if !is_there {
        return Err(CommandError::bad_usage(
            "tui wants a terminal that can move its cursor, for input and output",
            "The other commands print what it shows: papertrader --help",
        ));
    }
    let mut session = ReadySession::acting(global)?;
    // What fails at once fails as with any command, before the terminal is taken over.
    let told = session.call(tui::market)?;
    let rest = WorkerPool::new(Vec::new(), None, session.pool.options().clone());
    let pool = std::mem::replace(&mut session.pool, rest);
    let end = tui::show(pool, session.saved.username.clone(), told)
        .map_err(|error| ClientError::Local(format!("the terminal: {error}")))?;
    match end {
        ViewEnd::Left => Ok(()),
        ViewEnd::Failed(error) => Err(session.failed(error)),
        ViewEnd::Unconfirmed(form) => Err(match form.id {
            Some(order) => session.failed(ClientError::Unknown {
                order,
                text: "the view was left before its answer came".to_owned(),
            }),
            None => CommandError::already_shown(super::OUTCOME_UNKNOWN),
        }),
    }
}
