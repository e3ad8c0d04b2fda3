//! spec/course.md · 2.2 Infrastructure Model
//!
//! The programs that the course has started, so that a signal can end them, too: they are in process
//! groups of their own, which Ctrl-C at the terminal does not reach.
//!
//! Tests: `tests/suite/programs/course.rs`.

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The process groups that run now, and whether the course is to end. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct CourseChildren(Arc<ChildrenState>);

#[derive(Debug, Default)]
struct ChildrenState {
    groups: Mutex<Vec<Pid>>,
    /// Things that are to be tidied up before the process ends.
    busy: Mutex<usize>,
    interrupted: AtomicBool,
}

impl CourseChildren {
    /// Adds a process group, named by its first process.
    pub fn add(&self, group: Pid) {
        self.0.groups.lock().push(group);
    }

    /// Forgets a process group whose first process has been waited for.
    pub fn remove(&self, group: Pid) {
        self.0.groups.lock().retain(|known| *known != group);
    }

    /// Notes that there is something to tidy up, until the guard is dropped.
    pub fn tidy_up(&self) -> TidyUpGuard {
        *self.0.busy.lock() += 1;
        TidyUpGuard(self.clone())
    }

    /// Kills all that run, and asks the course to end. Returns whether it has something to tidy up
    /// first; if not, the process may end at once.
    pub fn interrupt(&self) -> bool {
        self.0.interrupted.store(true, Ordering::SeqCst);
        for group in self.0.groups.lock().iter() {
            // It may have ended by itself.
            let _ = kill_process_group(*group, Signal::KILL);
        }
        *self.0.busy.lock() > 0
    }

    /// Whether the course is to end.
    pub fn is_interrupted(&self) -> bool {
        self.0.interrupted.load(Ordering::SeqCst)
    }
}

/// Something to tidy up, while it exists.
#[derive(Debug)]
pub struct TidyUpGuard(CourseChildren);

impl Drop for TidyUpGuard {
    fn drop(&mut self) {
        *self.0.0.busy.lock() -= 1;
    }
}
