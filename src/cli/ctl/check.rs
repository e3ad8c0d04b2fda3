//! spec/cli/ctl.md · 3.1.1, 3.1.5
//!
//! `papertraderctl check`: the state of the master in one line, as monitoring plugins have it, with
//! their exit codes.

use super::arguments::{CheckFigure, CheckThreshold, CheckThresholds, CtlCli};
use super::client::{self, CtlError};
use crate::admin::model::MasterStatus;
use crate::admin::protocol::{AdminAnswer, AdminRequest, AdminResponse};
use crate::admin::warning::{StatusWarning, WarningKind};
use crate::cli::output::pretty_json;
use crate::model::Timestamp;
use crate::model::printable::clean;
use crate::runtime;
use crossbeam_channel::bounded;
use serde::Serialize;
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// So long after its start a master may miss workers: they link then. In milliseconds.
const START_MS: u64 = 60_000;

/// What a check has found, in the order of the exit codes 0 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum CheckState {
    Ok,
    Warning,
    Critical,
    /// The check could not be made.
    Unknown,
}

impl CheckState {
    fn as_str(self) -> &'static str {
        match self {
            CheckState::Ok => "OK",
            CheckState::Warning => "WARNING",
            CheckState::Critical => "CRITICAL",
            CheckState::Unknown => "UNKNOWN",
        }
    }
}

/// The result of a check, as `--json` prints it.
#[derive(Debug, Serialize)]
struct CheckReport {
    state: CheckState,
    /// What is not as it should be, most urgent first; the figures where all is well.
    text: Vec<String>,
    /// Performance data as plugins have them.
    performance: String,
}

/// The exit code for a command line that is wrong: plugins have 2 for something else.
pub(super) const BAD_CHECK: u8 = CheckState::Unknown as u8;

/// Makes the check, prints its line, and returns its exit code.
pub(super) fn main(cli: &CtlCli, thresholds: &CheckThresholds) -> ExitCode {
    let report = within(thresholds, {
        let socket = cli.socket.clone();
        move || client::ask(&socket, &AdminRequest::Status)
    });
    let text = if cli.json {
        pretty_json(&report).map_or_else(|error| error.to_string(), |text| text + "\n")
    } else {
        line(&report)
    };
    let is_written = io::stdout().lock().write_all(text.as_bytes()).is_ok();
    if is_written {
        ExitCode::from(report.state as u8)
    } else {
        ExitCode::from(BAD_CHECK)
    }
}

/// The report on what `ask` returns, unless it takes too long.
fn within(
    thresholds: &CheckThresholds,
    ask: impl FnOnce() -> Result<AdminResponse, CtlError> + Send + 'static,
) -> CheckReport {
    let (done, answer) = bounded(1);
    // Nobody waits for the thread any more when the time is over: the process ends.
    let started = runtime::spawn("check", move || {
        let _ = done.send(ask());
    });
    let seconds = thresholds.timeout;
    let unknown = |text| CheckReport {
        state: CheckState::Unknown,
        text: vec![text],
        performance: String::new(),
    };
    if let Err(error) = started {
        return unknown(format!("no thread to ask the master: {error}"));
    }
    match answer.recv_timeout(Duration::from_secs(u64::from(seconds))) {
        Ok(answer) => report(answer, thresholds),
        Err(_) => unknown(format!(
            "the master has not answered within {seconds} s (--timeout)"
        )),
    }
}

/// The line of a report. A bar begins performance data, so the text has none.
fn line(report: &CheckReport) -> String {
    let text = clean(&report.text.join("; ")).replace('|', "/");
    let mut line = format!("PAPERTRADER {} - {text}", report.state.as_str());
    if !report.performance.is_empty() {
        let _ = write!(line, " | {}", report.performance);
    }
    line + "\n"
}

fn report(answer: Result<AdminResponse, CtlError>, thresholds: &CheckThresholds) -> CheckReport {
    let failed = |state, text| CheckReport {
        state,
        text: vec![text],
        performance: String::new(),
    };
    match answer {
        Ok(AdminResponse::Done(AdminAnswer::Status(status))) => judged(&status, thresholds),
        Ok(AdminResponse::Done(AdminAnswer::StandingBy(status))) => match status.problem {
            None => failed(
                CheckState::Ok,
                format!("standing by, {} leads", status.leader),
            ),
            Some(why) => failed(CheckState::Warning, why),
        },
        Ok(AdminResponse::Refused(why)) => failed(CheckState::Critical, why),
        Ok(_) => failed(
            CheckState::Unknown,
            "the master answered something else".to_owned(),
        ),
        Err(error @ (CtlError::NoMaster(_) | CtlError::Silent(_) | CtlError::Gone)) => {
            failed(CheckState::Critical, error.to_string())
        }
        Err(error) => failed(CheckState::Unknown, error.to_string()),
    }
}

/// What a status is worth.
fn judged(status: &MasterStatus, thresholds: &CheckThresholds) -> CheckReport {
    let mut found: Vec<(CheckState, String)> = Vec::new();
    for (warning, is_known) in warnings(status) {
        let is_ignored = |kind: &WarningKind| is_known && kind.as_str() == warning.kind;
        if !thresholds.ignore.iter().any(is_ignored) {
            let state = if warning.is_critical() {
                CheckState::Critical
            } else {
                CheckState::Warning
            };
            found.push((state, warning.text));
        }
    }
    let figures = figures(status);
    let mut performance = Vec::new();
    for (figure, value, unit) in &figures {
        let of = |all: &[CheckThreshold]| {
            let own = all.iter().rfind(|it| it.figure == *figure);
            own.map(|it| it.value)
        };
        let (warning, critical) = (of(&thresholds.warning), of(&thresholds.critical));
        let name = figure.as_str();
        let is_beyond = |bound: Option<f64>| bound.filter(|bound| beyond(*figure, *value, *bound));
        let reached = is_beyond(critical).map(|bound| (CheckState::Critical, bound));
        let reached = reached.or(is_beyond(warning).map(|bound| (CheckState::Warning, bound)));
        if let Some((state, bound)) = reached {
            found.push((
                state,
                format!("{name} is {value}{unit}, and the bound is {bound}"),
            ));
        }
        // A range `N:` alerts below N.
        let range = |bound: Option<f64>| match bound {
            Some(bound) if is_low_bad(*figure) => format!("{bound}:"),
            Some(bound) => bound.to_string(),
            None => String::new(),
        };
        performance.push(format!(
            "{name}={value}{unit};{};{};0",
            range(warning),
            range(critical)
        ));
    }
    found.sort_by_key(|(state, _)| Reverse(*state));
    let state = found.first().map_or(CheckState::Ok, |(state, _)| *state);
    let mut text: Vec<String> = found.into_iter().map(|(_, text)| text).collect();
    if text.is_empty() {
        let is_starting =
            status.uptime_ms < START_MS && status.workers_connected < status.workers_expected;
        let starting = if is_starting { "starting: " } else { "" };
        text.push(format!(
            "{starting}{} of {} workers linked, update {}, {} orders queued",
            status.workers_connected, status.workers_expected, status.update, status.queue_depth
        ));
    }
    CheckReport {
        state,
        text,
        performance: performance.join(" "),
    }
}

/// The warnings of a status, and whether their kinds are known: an earlier master tells none.
fn warnings(status: &MasterStatus) -> Vec<(StatusWarning, bool)> {
    if !status.conditions.is_empty() {
        let known = status.conditions.iter().cloned();
        return known.map(|warning| (warning, true)).collect();
    }
    let texts = status.warnings.iter();
    texts
        .map(|text| (StatusWarning::new(WarningKind::MarketInput, text), false))
        .collect()
}

fn is_low_bad(figure: CheckFigure) -> bool {
    matches!(figure, CheckFigure::Disk | CheckFigure::Workers)
}

/// Whether a figure has reached its bound.
fn beyond(figure: CheckFigure, value: f64, bound: f64) -> bool {
    if is_low_bad(figure) {
        value < bound
    } else {
        value >= bound
    }
}

/// The figures of a status with their units. What the master does not tell is left out.
#[allow(
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    reason = "figures for people and for graphs"
)]
fn figures(status: &MasterStatus) -> Vec<(CheckFigure, f64, &'static str)> {
    let percent = |free: u64, total: u64| {
        // To a tenth.
        (free as f64 * 1000.0 / total.max(1) as f64).round() / 10.0
    };
    // A master that has made no update since its start, and knows of none before, tells 1970.
    let age = Timestamp::parse(&status.last_update)
        .ok()
        .filter(|at| at.0 > 0)
        .map(|at| (Timestamp::now().since(at).max(0) / 1000) as f64);
    let disk = status.disk.as_ref();
    [
        (CheckFigure::Queue, Some(status.queue_depth as f64), ""),
        (
            CheckFigure::Open,
            status.open_orders.map(|it| it as f64),
            "",
        ),
        (
            CheckFigure::Disk,
            disk.map(|disk| percent(disk.free_bytes, disk.total_bytes)),
            "%",
        ),
        (
            CheckFigure::Settlement,
            Some(status.last_settlement_us as f64 / 1000.0),
            "ms",
        ),
        (CheckFigure::Update, age, "s"),
        (
            CheckFigure::Mails,
            status.mail.as_ref().map(|mail| mail.waiting as f64),
            "",
        ),
        (
            CheckFigure::Workers,
            Some(status.workers_connected as f64),
            "",
        ),
    ]
    .into_iter()
    .filter_map(|(figure, value, unit)| Some((figure, value?, unit)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn thresholds() -> CheckThresholds {
        CheckThresholds {
            warning: Vec::new(),
            critical: Vec::new(),
            ignore: Vec::new(),
            timeout: 10,
        }
    }

    fn threshold(figure: CheckFigure, value: f64) -> CheckThreshold {
        CheckThreshold { figure, value }
    }

    /// The status of a master on whose disk a twentieth is free.
    fn status() -> MasterStatus {
        serde_json::from_value(serde_json::json!({
            "version": "0.1.0", "pid": 1, "since": "2026-01-01T00:00:00.000Z", "uptime_ms": 1,
            "listen": "x", "queue_depth": 7, "last_place": 0, "last_settled": 0,
            "last_settlement_us": 1500, "update": 9, "last_update": "2026-01-01T00:00:01.000Z",
            "next_update": null, "workers_connected": 2,
            "workers_registered": 2, "workers_expected": 2, "accounts": 0, "sessions": 0,
            "inactive_sessions": 0, "refused_links": [], "log_lost": 0, "warnings": [],
            "disk": {"free_bytes": 5, "total_bytes": 100, "state": "low"},
            "assets": {
                "listed": 1, "priced": 1, "fresh": 1, "served_by": [], "failures": [],
                "refused": 0, "missed": 0
            }
        }))
        .unwrap()
    }

    fn told(status: &MasterStatus, thresholds: &CheckThresholds) -> (CheckState, String) {
        let report = judged(status, thresholds);
        (report.state, line(&report))
    }

    #[test]
    fn a_line_has_the_state_what_is_wrong_and_the_figures() {
        let mut status = status();
        let mut bounds = thresholds();
        let (state, text) = told(&status, &bounds);
        assert_eq!(state, CheckState::Ok);
        assert!(
            text.starts_with("PAPERTRADER OK - 2 of 2 workers linked, update 9, 7 orders queued | queue=7;;;0 disk=5%;;;0 "),
            "{text}"
        );
        assert!(
            text.ends_with(" workers=2;;;0\n") && text.lines().count() == 1,
            "{text}"
        );

        bounds.warning = vec![
            threshold(CheckFigure::Disk, 10.0),
            threshold(CheckFigure::Queue, 8.0),
        ];
        let (state, text) = told(&status, &bounds);
        assert_eq!(state, CheckState::Warning);
        assert!(
            text.contains("WARNING - disk is 5%, and the bound is 10 |"),
            "{text}"
        );
        assert!(text.contains("queue=7;8;;0 disk=5%;10:;;0"), "{text}");
        bounds.critical = vec![threshold(CheckFigure::Queue, 7.0)];

        status.conditions = vec![
            StatusWarning::new(WarningKind::MarketPaused, "paused | now\n"),
            StatusWarning::critical(WarningKind::DiskFull, "full"),
        ];
        let (state, text) = told(&status, &bounds);
        assert_eq!(state, CheckState::Critical);
        assert!(
            text.starts_with("PAPERTRADER CRITICAL - full; queue is 7"),
            "{text}"
        );
        assert!(text.contains("; paused / now"), "{text}");
        assert_eq!(text.matches('|').count(), 1, "{text}");
        bounds = thresholds();
        bounds.ignore = vec![WarningKind::DiskFull, WarningKind::MarketPaused];
        assert_eq!(told(&status, &bounds).0, CheckState::Ok);
    }

    #[test]
    fn no_answer_is_critical_and_no_right_to_ask_is_unknown() {
        let path = || PathBuf::from("master.sock");
        for (answer, state) in [
            (Err(CtlError::NoMaster(path())), CheckState::Critical),
            (Err(CtlError::Silent(path())), CheckState::Critical),
            (Err(CtlError::NotAllowed(path())), CheckState::Unknown),
            (
                Ok(AdminResponse::Refused("hangs".into())),
                CheckState::Critical,
            ),
            (Ok(AdminResponse::Working), CheckState::Unknown),
        ] {
            assert_eq!(report(answer, &thresholds()).state, state);
        }
        assert_eq!(BAD_CHECK, 3);
    }

    #[test]
    fn a_master_that_starts_is_well_and_its_first_update_has_no_age() {
        let mut status = status();
        status.workers_connected = 0;
        status.last_update = "1970-01-01T00:00:00.000Z".to_owned();
        let mut bounds = thresholds();
        bounds.critical = vec![threshold(CheckFigure::Update, 60.0)];
        let (state, text) = told(&status, &bounds);
        assert_eq!(state, CheckState::Ok);
        assert!(
            text.contains(" OK - starting: 0 of 2 workers linked, "),
            "{text}"
        );
        assert!(!text.contains("update="), "{text}");
        status.uptime_ms = START_MS;
        status.last_update = "2026-01-01T00:00:00.000Z".to_owned();
        let (state, text) = told(&status, &bounds);
        assert_eq!(state, CheckState::Critical);
        assert!(!text.contains("starting"), "{text}");
        assert!(text.contains(" update="), "{text}");
    }

    #[test]
    fn a_check_that_takes_too_long_is_unknown() {
        let mut bounds = thresholds();
        bounds.timeout = 0;
        let (end, ended) = bounded::<()>(0);
        let report = within(&bounds, move || {
            let _ = ended.recv();
            Err(CtlError::Gone)
        });
        drop(end);
        assert_eq!(report.state, CheckState::Unknown);
        assert!(report.text[0].contains("within 0 s (--timeout)"));
        bounds.timeout = 3_600;
        let report = within(&bounds, || Err(CtlError::Gone));
        assert_eq!(report.state, CheckState::Critical);
    }

    #[test]
    fn warnings_of_a_master_without_kinds_count() {
        let mut status = status();
        status.warnings = vec!["something".to_owned()];
        let mut bounds = thresholds();
        bounds.ignore = WarningKind::ALL.to_vec();
        assert_eq!(told(&status, &bounds).0, CheckState::Warning);
    }
}
