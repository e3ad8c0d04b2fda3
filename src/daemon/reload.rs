//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module: deployment and running stage
//!
//! SIGHUP, as both daemons handle it: reads and checks the configuration as a start does, has the
//! daemon take over what it can, and says in the log what took effect and what did not.
//!
//! Tests: `tests/suite/reload.rs`.

use super::run::{Service, ServiceContext};
use crate::config::{Comparable, ConfigChange};
use crate::model::Timestamp;
use crate::runtime;
use crossbeam_channel::{bounded, select};
use parking_lot::Mutex;
use std::path::Path;
use std::time::Duration;

/// The most changed keys that one line names.
const NAMED_MAX: usize = 32;
/// How often a running daemon checks the file that its next start will read.
pub const FILE_LOOK_INTERVAL: Duration = Duration::from_secs(3_600);

/// What is wrong with the file of a running daemon's configuration, for who asks for its status.
#[derive(Debug, Default)]
pub struct FileState {
    /// When the last reload was refused, unless a later one was not.
    refused: Mutex<Option<Timestamp>>,
    /// The first problem that the last look found.
    unfit: Mutex<Option<String>>,
}

impl FileState {
    /// Notes what became of a reload.
    pub fn note_reload(&self, is_taken: bool) {
        *self.refused.lock() = (!is_taken).then(Timestamp::now);
        if is_taken {
            *self.unfit.lock() = None;
        }
    }

    /// Notes the first problem that a reload found, which has said it in the log.
    fn note_read(&self, problem: Option<&String>) {
        *self.unfit.lock() = problem.cloned();
    }

    /// When the last reload was refused; `None` where the configuration is that of the last SIGHUP
    /// or of the start.
    pub fn refused(&self) -> Option<Timestamp> {
        *self.refused.lock()
    }

    /// Why the next start would be refused, as far as the last look knows.
    pub fn unfit(&self) -> Option<String> {
        self.unfit.lock().clone()
    }

    /// Checks the file as the next start will, and notes what is wrong with it. Changes nothing else.
    pub fn look<S: Service>(&self, context: &ServiceContext<'_, S::Config>, current: &S::Config)
    where
        S::Config: Clone + Send + 'static,
    {
        let problem = match checked::<S>(context, current) {
            None => return,
            Some(Ok(_)) => None,
            Some(Err(problems)) => problems.into_iter().next(),
        };
        self.note_look(problem);
    }

    /// Notes the first problem of the file, and says in the log what is new: once that it is unfit,
    /// once that it is not any more.
    fn note_look(&self, problem: Option<String>) {
        let mut unfit = self.unfit.lock();
        match &problem {
            Some(problem) if unfit.is_none() => {
                crate::warn!("the next start would be refused: {problem}");
            }
            None if unfit.is_some() => crate::info!("the next start would be accepted again"),
            Some(_) | None => {}
        }
        *unfit = problem;
    }
}

/// Opens the log file again, and reads and checks the configuration as `--check-config` does. Warns
/// of what a check warns of. `None` if the configuration is wrong, which is logged with each problem,
/// or if the daemon is to stop meanwhile. `state`, of a daemon that has one, learns what the next
/// start would say.
pub fn reread<S: Service>(
    context: &ServiceContext<'_, S::Config>,
    current: &S::Config,
    state: Option<&FileState>,
) -> Option<S::Config>
where
    S::Config: Clone + Send + 'static,
{
    if let Err(error) = context.log.reopen() {
        crate::error!("the log file could not be opened again: {error}");
    }
    let name = context.file.display();
    let checked = checked::<S>(context, current)?;
    if let Some(state) = state {
        state.note_read(checked.as_ref().err().and_then(|problems| problems.first()));
    }
    match checked {
        Ok((config, warnings)) => {
            for warning in warnings {
                crate::warn!("{name}: {warning}");
            }
            Some(config)
        }
        Err(problems) => {
            for problem in problems {
                crate::error!("{problem}");
            }
            crate::error!(
                "{name} is not taken over, the configuration stays as it was: mend what stands \
                 above, and send SIGHUP again"
            );
            None
        }
    }
}

/// The configuration with its warnings, or its problems.
type Checked<C> = Result<(C, Vec<String>), Vec<String>>;

/// Reads and checks the file on a thread of its own. `None` where the daemon is to stop meanwhile,
/// or there is no thread, which is logged.
fn checked<S: Service>(
    context: &ServiceContext<'_, S::Config>,
    current: &S::Config,
) -> Option<Checked<S::Config>>
where
    S::Config: Clone + Send + 'static,
{
    let (done, result) = bounded(1);
    let (file, current) = (context.file.to_owned(), current.clone());
    // A check reads files and calls GPG. A stop does not wait for that.
    let started = runtime::spawn("reload", move || {
        let _ = done.send(check::<S>(&file, &current));
    });
    if let Err(error) = started {
        crate::error!("the configuration stays as it was: no thread to read it: {error}");
        return None;
    }
    select! {
        recv(result) -> checked => checked.ok(),
        recv(context.stop.receiver()) -> _ => None,
    }
}

fn check<S: Service>(file: &Path, current: &S::Config) -> Checked<S::Config> {
    let (config, warnings) = S::load(file).map_err(|error| {
        let text = error.to_string();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    })?;
    let mut told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let more = S::check_again(&config, current)
        .map_err(|error| vec![format!("{}: {error}", file.display())])?;
    told.extend(more);
    Ok((config, told))
}

/// Logs what a reload has done: `before` is the configuration in force before it, `after` the one
/// since, and `file` the one in the file. What differs between the last two needs a restart.
pub fn tell<C: Comparable>(before: &C, after: &C, file: &C) {
    let (applied, fixed) = (before.changes_to(after), after.changes_to(file));
    for change in &applied {
        crate::info!(
            "reloaded: {} is {} now, and was {}",
            change.key,
            change.new_text(),
            change.old_text()
        );
    }
    if !fixed.is_empty() {
        crate::warn!(
            "a restart is needed before these take effect: {}",
            list(&fixed)
        );
    }
    if applied.is_empty() && fixed.is_empty() {
        crate::info!("reloaded: no key of the configuration has changed");
    }
}

fn list(changes: &[ConfigChange]) -> String {
    let shown = changes.iter().take(NAMED_MAX).map(ToString::to_string);
    let mut text = shown.collect::<Vec<_>>().join(", ");
    let more = changes.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        text.push_str(&format!(", and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfit_file_is_known_until_it_is_fit_or_taken_over() {
        let state = FileState::default();
        assert_eq!((state.refused(), state.unfit()), (None, None));
        state.note_look(Some("line 3".to_owned()));
        state.note_reload(false);
        assert!(state.refused().is_some());
        assert_eq!(state.unfit().as_deref(), Some("line 3"));
        state.note_look(None);
        assert!(state.refused().is_some() && state.unfit().is_none());
        state.note_look(Some("line 4".to_owned()));
        state.note_reload(true);
        assert_eq!((state.refused(), state.unfit()), (None, None));
    }

    #[test]
    fn many_changes_are_one_bounded_line() {
        let change = |n: usize| ConfigChange {
            key: format!("k{n}"),
            old: None,
            new: Some(n.to_string()),
        };
        let changes: Vec<ConfigChange> = (0..NAMED_MAX + 2).map(change).collect();
        let text = list(&changes);
        assert!(
            text.starts_with("k0 (was absent, is 0 in the file), k1 "),
            "{text}"
        );
        assert!(
            text.ends_with("k31 (was absent, is 31 in the file), and 2 more"),
            "{text}"
        );
    }
}
