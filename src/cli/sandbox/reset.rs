//! spec/cli/sandbox/reset.md · 2.3 Global Deployment Variables
//!
//! Lets the market of a sandbox begin anew at another date. What is to be done is written down
//! first, so that a run that is killed is completed by the next.
//!
//! Tests: `tests/suite/programs/sandbox.rs`.

use crate::cli::terminal::{for_people, wrapped_for_stderr};
use crate::config::{AssetSettings, MasterConfig, ProviderKind, ReplaySettings};
use crate::daemon;
use crate::master::assets::providers::replay::ReplayProvider;
use crate::master::storage::Storage;
use crate::master::storage::files;
use crate::master::storage::reset::reset_offline;
use crate::model::Timestamp;
use crate::runtime::failpoint;
use crate::testkit::error::at;
use crate::testkit::resources::daemon_with;
use crate::testkit::state::SandboxState;
use crate::testkit::{Layout, SandboxError, ports};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// The longest file that says what is to be done, in bytes.
const INTENT_BYTES_MAX: u64 = 4096;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ResetIntent {
    /// Where the replay begins, as text.
    start: String,
    /// Whether the accounts go, too.
    accounts: bool,
}

/// The file that says what is to be done. It exists from the decision until all is done.
fn intent_path(layout: &Layout) -> PathBuf {
    layout.dir().join("reset.json")
}

/// Asks whether the market is to begin anew at `start`, on a terminal; elsewhere `yes` must say so.
///
/// # Errors
/// The answer is no, or there is nobody to ask.
pub(super) fn confirm(start: Timestamp, accounts: bool, yes: bool) -> Result<(), SandboxError> {
    if yes {
        return Ok(());
    }
    let what = if accounts {
        "All accounts, with all orders, portfolios and histories"
    } else {
        "All orders, portfolios and histories"
    };
    let question = format!("{what} are deleted, and the market begins anew at {start}");
    if !io::stdin().is_terminal() {
        return Err(SandboxError {
            code: daemon::BAD_USAGE,
            text: format!("{question}: there is no terminal to confirm it at, so add --yes"),
        });
    }
    let question = wrapped_for_stderr(&for_people(&format!("{question}. Go on? [y/N]")));
    // A closed standard error is no answer.
    let _ = write!(io::stderr(), "{} ", question.trim_end());
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(SandboxError::failed)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(SandboxError::failed("nothing was changed"))
    }
}

/// Checks that the market of a sandbox can begin anew at `start`. What is no sandbox is left to who
/// holds it.
///
/// # Errors
/// The market is no replay, is faulty or has no bar at or after `start`; or the configuration cannot
/// be changed.
pub(super) fn check(layout: &Layout, start: Timestamp) -> Result<(), SandboxError> {
    if !layout.master_config().exists() {
        return Ok(());
    }
    check_market(&configuration(layout)?, start)?;
    configuration_with(layout, start).map(drop)
}

/// Lets the market begin anew at `start`, with all accounts as they began, or without accounts. The
/// caller holds the sandbox's lock.
///
/// # Errors
/// A daemon runs; the market is no replay, is faulty or has no bar at or after `start`; or the disk
/// fails. Nothing was changed then, or the next [`complete`] goes on.
pub(super) fn reset(
    layout: &Layout,
    start: Timestamp,
    accounts: bool,
    tell: &mut dyn FnMut(&str),
) -> Result<(), SandboxError> {
    check_ports(layout)?;
    check_daemons(layout, "nothing was changed")?;
    let config = configuration(layout)?;
    check_market(&config, start)?;
    // Tried before anything is decided.
    configuration_with(layout, start)?;
    let intent = ResetIntent {
        start: start.to_string(),
        accounts,
    };
    let text = serde_json::to_string(&intent).map_err(SandboxError::failed)?;
    let path = intent_path(layout);
    // A master that somebody has started holds the lock; better to know before the decision.
    let free = Storage::lock(&config.database);
    drop(free.map_err(SandboxError::failed)?);
    files::write_file(&path, text.as_bytes()).map_err(at(&path))?;
    failpoint::point("reset-decided");
    complete(layout, tell)
}

/// Does what an earlier run has decided and not completed; nothing if there is nothing.
///
/// # Errors
/// A daemon runs, or the disk fails.
pub(super) fn complete(layout: &Layout, tell: &mut dyn FnMut(&str)) -> Result<(), SandboxError> {
    let path = intent_path(layout);
    let bytes = match files::read_file(&path, INTENT_BYTES_MAX) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(at(&path))?,
    };
    let wrong = |why: &dyn std::fmt::Display| {
        SandboxError::failed(format!(
            "{}: not written by this program: {why}",
            path.display()
        ))
    };
    let intent: ResetIntent = serde_json::from_slice(&bytes).map_err(|e| wrong(&e))?;
    let start = Timestamp::parse(&intent.start).map_err(|e| wrong(&e))?;
    // Another program at one of the ports is none of these; the daemons move to other ports.
    check_daemons(
        layout,
        &format!("the next run completes that the market begins anew at {start}"),
    )?;
    let config = configuration(layout)?;
    reset_offline(&config.database, intent.accounts).map_err(SandboxError::failed)?;
    failpoint::point("reset-stored");
    let file = layout.master_config();
    let text = configuration_with(layout, start)?;
    files::write_file(&file, text.as_bytes()).map_err(at(&file))?;
    failpoint::point("reset-configured");
    SandboxState::planned(layout)?.write(layout)?;
    fs::remove_file(&path).map_err(at(&path))?;
    files::sync_folder(&path).map_err(at(&path))?;
    tell(&format!("the market begins anew at {start}"));
    Ok(())
}

fn configuration(layout: &Layout) -> Result<MasterConfig, SandboxError> {
    let loaded = MasterConfig::load(&layout.master_config());
    loaded
        .map(|(config, _)| config)
        .map_err(|error| misconfigured(&error))
}

fn misconfigured(error: &dyn std::fmt::Display) -> SandboxError {
    SandboxError {
        code: daemon::BAD_CONFIG,
        text: error.to_string(),
    }
}

/// Workers keep prices and histories in memory, so none may outlive the market that they are of.
/// The master's lock of the database says the same of the master.
fn check_daemons(layout: &Layout, so_far: &str) -> Result<(), SandboxError> {
    for program in SandboxState::planned(layout)?.programs() {
        if let Some(pid) = daemon_with(&program.config) {
            return Err(SandboxError::failed(format!(
                "{} runs as process {pid}: stop it first; {so_far}",
                program.name
            )));
        }
    }
    Ok(())
}

/// Before anything is decided, whoever is at a daemon's port may as well be one, of another user or
/// container.
fn check_ports(layout: &Layout) -> Result<(), SandboxError> {
    for program in SandboxState::planned(layout)?.programs() {
        let taken = program.address.parse().is_ok_and(|it| !ports::is_free(it));
        if taken {
            return Err(SandboxError::failed(format!(
                "{}, or another program, serves at {}: stop it first; nothing was changed",
                program.name, program.address
            )));
        }
    }
    Ok(())
}

/// Checks that a replay can begin at `start`.
fn check_market(config: &MasterConfig, start: Timestamp) -> Result<(), SandboxError> {
    let AssetSettings {
        providers,
        symbols,
        replay: Some(replay),
        ..
    } = &config.assets
    else {
        return Err(no_replay());
    };
    if providers[..] != [ProviderKind::Replay] {
        return Err(no_replay());
    }
    let settings = ReplaySettings {
        start,
        ..replay.clone()
    };
    ReplayProvider::open(&settings, symbols, config.update_interval, None)
        .map(|_| ())
        .map_err(SandboxError::from)
}

fn no_replay() -> SandboxError {
    misconfigured(
        &"this sandbox's market is no replay of files, and so cannot begin anew at a date",
    )
}

/// The text of the master's configuration with another start of the replay, and all else as it is.
fn configuration_with(layout: &Layout, start: Timestamp) -> Result<String, SandboxError> {
    let file = layout.master_config();
    let old = fs::read_to_string(&file).map_err(at(&file))?;
    let new = with_start(&old, start);
    let is_set = MasterConfig::parse(&new, &file).is_ok_and(|(config, _)| {
        let replay = config.assets.replay;
        replay.is_some_and(|replay| replay.start == start)
    });
    if is_set {
        return Ok(new);
    }
    Err(misconfigured(&format!(
        "{}: the start of the replay cannot be set here: write it as start = \"…\" on a line of its \
         own below [assets.replay]",
        file.display()
    )))
}

/// Sets the key `start` of the table `[assets.replay]`, in its line or in one behind the table's
/// header.
fn with_start(text: &str, start: Timestamp) -> String {
    let is_key = |line: &str| {
        let rest = line.trim_start().strip_prefix("start");
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let set = format!("start = \"{start}\"\n");
    let mut lines: Vec<String> = Vec::new();
    let (mut header, mut is_inside) = (None, false);
    for line in text.split_inclusive('\n') {
        let bare = line.split('#').next().unwrap_or_default().trim();
        if bare.starts_with('[') {
            is_inside = bare == "[assets.replay]";
            if is_inside {
                header = Some(lines.len());
            }
        }
        if is_inside && is_key(line) {
            lines.push(set.clone());
            header = None;
        } else {
            lines.push(line.to_owned());
        }
    }
    if let Some(header) = header {
        lines.insert(header + 1, set);
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_set_in_its_table_and_nothing_else_changes() {
        let start = Timestamp::parse("2013-01-02").unwrap();
        let set = "start = \"2013-01-02T00:00:00.000Z\"\n";
        for (before, after) in [
            ("a = 1\n[assets.replay] # x\n", ""),
            (
                "[other]\nstart = 1\n[assets.replay]\ndirectory = \"m\"\n# start = \"x\"\n",
                "at_end = \"stop\"\n[z]\nstart = 2\n",
            ),
        ] {
            let with_key = format!("{before}  start=\"2012-01-01\" # y\n{after}");
            assert_eq!(
                with_start(&with_key, start),
                format!("{before}{set}{after}")
            );
        }
        let without = "[assets.replay]\ndirectory = \"m\"\n[z]\n";
        let expected = format!("[assets.replay]\n{set}directory = \"m\"\n[z]\n");
        assert_eq!(with_start(without, start), expected);
        assert_eq!(with_start("x = 1\n", start), "x = 1\n");
    }
}
