//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module: deployment and running stage
//!
//! Watches a start. A process that was ready before, and starts again or takes another one's place,
//! owes systemd's watchdog its pings, and systemd bounds its start no more.

use super::{START_EXTENSION_TIMEOUT, watchdog};
use crate::runtime::clock::boot_millis;
use crate::runtime::{self, Stop, Watchdog};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often it is looked whether a start stands still.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// When a start of this process has said last how far it is, in [`boot_millis`].
static TOLD: AtomicI64 = AtomicI64::new(0);

/// Notes that a start goes on.
pub(super) fn note_progress() {
    TOLD.store(boot_millis(), Ordering::SeqCst);
}

/// What a process does that is not ready, or is about to do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StartStage {
    /// It starts: systemd is pinged as long as it makes progress.
    Starts,
    /// It waits for its turn, for as long as that takes.
    Waits,
    /// It keeps others from serving: it ends where it makes no progress.
    HasTurn,
}

/// Watches a start until this is dropped or ended.
#[derive(Debug)]
pub struct StartWatch {
    stage: Arc<Mutex<StartStage>>,
    stop: Stop,
}

impl StartWatch {
    /// Watches the start that begins now. `end` ends the process, which makes no progress although it
    /// keeps others from serving.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn begin(end: fn(&str) -> !) -> io::Result<StartWatch> {
        note_progress();
        let (stage, stop) = (Arc::new(Mutex::new(StartStage::Starts)), Stop::new());
        let watched = Arc::clone(&stage);
        let check = move || stands_still(*watched.lock(), told_ago()).map_or(Ok(()), Err);
        watchdog(&stop, &Watchdog::new(), check)?;
        let (watched, stopped) = (Arc::clone(&stage), stop.clone());
        runtime::spawn("start-watch", move || {
            if let Some(why) = stood_still(&watched, &stopped, told_ago) {
                end(&why);
            }
        })?;
        Ok(StartWatch { stage, stop })
    }

    /// The process waits for its turn from now on, and need not come on.
    pub fn waits(&self) {
        *self.stage.lock() = StartStage::Waits;
    }

    /// It is its turn: nobody else serves until it does, or ends.
    pub fn has_turn(&self) {
        note_progress();
        *self.stage.lock() = StartStage::HasTurn;
    }

    /// The start is over.
    pub fn end(&self) {
        self.stop.request();
    }
}

impl Drop for StartWatch {
    fn drop(&mut self) {
        self.end();
    }
}

fn told_ago() -> Duration {
    let ago = boot_millis().saturating_sub(TOLD.load(Ordering::SeqCst));
    Duration::from_millis(u64::try_from(ago).unwrap_or(0))
}

/// Waits until a process that has its turn makes no progress, and returns why it must end. `None`: it
/// need not be watched any more.
fn stood_still(
    stage: &Mutex<StartStage>,
    stop: &Stop,
    told_ago: impl Fn() -> Duration,
) -> Option<String> {
    while !stop.wait(LOOK_INTERVAL) {
        let stage = *stage.lock();
        let why = stands_still(stage, told_ago());
        if why.is_some() && stage == StartStage::HasTurn {
            return why;
        }
    }
    None
}

/// Why a start does not go on; `None`: it does.
fn stands_still(stage: StartStage, told_ago: Duration) -> Option<String> {
    let is_late = stage != StartStage::Waits && told_ago > START_EXTENSION_TIMEOUT;
    is_late.then(|| {
        format!(
            "the start has made no progress for {} s",
            told_ago.as_secs()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_without_progress_stands_still_and_one_that_waits_does_not() {
        let late = START_EXTENSION_TIMEOUT + Duration::from_secs(1);
        for stage in [StartStage::Starts, StartStage::HasTurn] {
            assert_eq!(stands_still(stage, START_EXTENSION_TIMEOUT), None);
            let why = stands_still(stage, late).unwrap();
            assert!(why.contains("no progress for 91 s"), "{why}");
        }
        assert_eq!(stands_still(StartStage::Waits, late), None);
    }

    #[test]
    fn who_has_its_turn_and_stands_still_ends_and_nobody_else() {
        let (stop, late) = (Stop::new(), START_EXTENSION_TIMEOUT * 2);
        let stage = Mutex::new(StartStage::HasTurn);
        assert!(stood_still(&stage, &stop, || late).is_some());
        for other in [StartStage::Starts, StartStage::Waits] {
            let (stage, stop) = (Mutex::new(other), Stop::new());
            let told_ago = || {
                stop.request();
                late
            };
            assert_eq!(stood_still(&stage, &stop, told_ago), None);
        }
    }

    #[test]
    fn each_word_of_a_start_is_progress() {
        TOLD.store(boot_millis() - 100_000, Ordering::SeqCst);
        super::super::notify_starting("some of it is read");
        assert!(told_ago() < Duration::from_secs(100));
    }
}
