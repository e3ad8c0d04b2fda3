//! spec/cli/ctl/setup.md · 3.1.1 and 3.2.1 Main Module: deployment and running stage
//!
//! The services of systemd: enabled, started without waiting for them, and then watched for a while,
//! so that a set-up never hangs on a daemon that does not come up.
//!
//! Tests: `tests/system`.

use super::report::SetupReport;
use crate::config::DatabaseUrl;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The master's service.
pub(super) const MASTER_UNIT: &str = "papertrader-master.service";
/// Starts a backup each night.
const BACKUP_TIMER: &str = "papertrader-backup.timer";
/// What is said where the database is on a server.
const NO_BACKUPS: &str =
    "a database on a PostgreSQL server: no backup is made here, see papertrader-setup(7)";
/// Where systemd tells that it runs this machine.
const SYSTEMD_RUNS: &str = "/run/systemd/system";
/// How long a set-up watches a service that it has started.
const START_WATCH: Duration = Duration::from_secs(60);
/// How often it looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// The service of a worker.
pub(super) fn worker_unit(name: &str) -> String {
    format!("papertrader-worker@{name}.service")
}

/// Whether systemd runs this machine.
pub(super) fn systemd_runs() -> bool {
    Path::new(SYSTEMD_RUNS).is_dir()
}

/// What systemd calls a service's state: `active`, `activating`, `inactive`, `failed`, or another.
fn state(unit: &str) -> String {
    let asked = Command::new("systemctl")
        .args(["is-active", unit])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    asked.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Whether a service runs, or is about to.
pub(super) fn is_up(unit: &str) -> bool {
    matches!(state(unit).as_str(), "active" | "activating" | "reloading")
}

fn systemctl(arguments: &[&str]) -> Result<(), String> {
    let failed = |why: String| format!("systemctl {}: {why}", arguments.join(" "));
    let output = Command::new("systemctl")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(said.trim().to_owned()))
}

/// What a service that runs has to do about its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServiceRefresh {
    /// They are as they were when it started.
    Nothing,
    /// Those that a reload takes may be new.
    Reload,
    /// The configuration has new keys that only a start takes.
    Restart,
}

/// What systemd is told for a service in `state`; `None` if it just runs.
fn verb(state: &str, refresh: ServiceRefresh) -> Option<&'static str> {
    match (state, refresh) {
        (_, ServiceRefresh::Restart) => Some("restart"),
        ("active" | "reloading", ServiceRefresh::Nothing) => None,
        ("active" | "reloading", ServiceRefresh::Reload) => Some("reload"),
        // It has not come up yet, perhaps because of what is mended by now, and is of use to nobody.
        ("activating", ServiceRefresh::Reload) => Some("restart"),
        _ => Some("start"),
    }
}

/// What systemd calls this start of a service: another text after each start.
fn invocation(unit: &str) -> String {
    let asked = Command::new("systemctl")
        .args(["show", "--property=InvocationID", "--value", unit])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    asked.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Enables a service, starts it or has it take its files over, and watches a start.
///
/// # Errors
/// systemd refuses.
pub(super) fn start(
    unit: &str,
    refresh: ServiceRefresh,
    report: &mut SetupReport,
) -> Result<(), String> {
    let verb = verb(&state(unit), refresh);
    if verb.is_some_and(|verb| verb != "reload") {
        // A unit that has given up starts again.
        let _ = systemctl(&["reset-failed", unit]);
    }
    let before = invocation(unit);
    systemctl(&["enable", "--quiet", unit])?;
    let Some(verb) = verb else {
        report.there(format!("{unit} runs"));
        return Ok(());
    };
    systemctl(&[verb, "--no-block", unit])?;
    match verb {
        "reload" => {
            report.there(format!("{unit} runs, and reads its files again"));
            Ok(())
        }
        "restart" => {
            report.progress(&format!("{unit} is restarted"));
            // Until systemd gets to it, the service is up as it was.
            watch(unit, || invocation(unit) != before, report);
            Ok(())
        }
        _ => {
            report.progress(&format!("{unit} starts"));
            watch(unit, || true, report);
            Ok(())
        }
    }
}

/// Watches a service that comes up, and tells what became of it. `is_new` says whether it is the start
/// that is meant.
fn watch(unit: &str, is_new: impl Fn() -> bool, report: &mut SetupReport) {
    let deadline = Instant::now() + START_WATCH;
    loop {
        match state(unit).as_str() {
            "active" if is_new() => {
                report.made(format!("{unit} is enabled, and runs"));
                return;
            }
            "failed" => {
                report.warn(format!("{unit} has failed"));
                break;
            }
            _ if Instant::now() >= deadline => {
                report.warn(format!(
                    "{unit} is not up after {} s, and goes on trying",
                    START_WATCH.as_secs()
                ));
                break;
            }
            _ => std::thread::sleep(LOOK_INTERVAL),
        }
    }
    report.left(format!("Find out why {unit} is not up:"));
    report.left(format!("  systemctl status {unit}"));
    report.left(format!("  journalctl --unit {unit} --lines 20"));
}

/// Enables the nightly backup of a database in a file; one on a server is its administrator's to back
/// up. Where that fails the set-up goes on: people can trade without it.
pub(super) fn enable_backups(database: Option<&DatabaseUrl>, report: &mut SetupReport) {
    // A configuration that was made now names a file.
    if database.is_some_and(|it| it.file().is_none()) {
        report.there(NO_BACKUPS);
        return;
    }
    if state(BACKUP_TIMER) == "active" {
        report.there(format!("{BACKUP_TIMER}: a backup each night"));
        return;
    }
    match systemctl(&["enable", "--quiet", "--now", BACKUP_TIMER]) {
        Ok(()) => report.made(format!(
            "{BACKUP_TIMER} is enabled: a backup each night, in /var/backups/papertrader"
        )),
        Err(why) => report.warn(format!("there is no nightly backup: {why}")),
    }
}

/// Waits until `is_there` or a service gives up, at most [`START_WATCH`].
pub(super) fn wait_for(unit: &str, mut is_there: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + START_WATCH;
    loop {
        if is_there() {
            return true;
        }
        if Instant::now() >= deadline || !is_up(unit) {
            return false;
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::StepState;
    use super::*;

    #[test]
    fn no_backup_is_turned_on_for_a_database_on_a_server() {
        let server = DatabaseUrl::parse("postgres://pt@db/pt", Path::new("/d")).unwrap();
        let mut report = SetupReport::new(true);
        enable_backups(Some(&server), &mut report);
        assert!(report.has(StepState::There, "PostgreSQL server"));
        assert!(!report.has_changed());
    }

    #[test]
    fn a_service_is_started_reloaded_or_restarted_by_its_state_and_what_is_new() {
        let (nothing, reload, restart) = (
            ServiceRefresh::Nothing,
            ServiceRefresh::Reload,
            ServiceRefresh::Restart,
        );
        for (state, refresh, told) in [
            ("active", nothing, None),
            ("active", reload, Some("reload")),
            ("active", restart, Some("restart")),
            // A master that takes long is left alone; `start` does nothing to it.
            ("activating", nothing, Some("start")),
            // A worker that has never linked, whose key, certificate or UUID was mended.
            ("activating", reload, Some("restart")),
            ("activating", restart, Some("restart")),
            ("inactive", nothing, Some("start")),
            ("inactive", reload, Some("start")),
            ("failed", reload, Some("start")),
            ("failed", restart, Some("restart")),
        ] {
            assert_eq!(verb(state, refresh), told, "{state} {refresh:?}");
        }
    }
}
