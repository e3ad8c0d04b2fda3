//! spec/runtime.md · 3.2.1 Main Module: deployment stage
//!
//! The scheduling policy of a process with a thread for each client.

use rustix::process::getpriority_process;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};

/// A thread that wakes does not push aside the one that is at work.
const BATCH: ThreadSchedulePolicy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);

/// Has this thread, and those that it starts from now on, run under the policy `batch`. Its
/// niceness stays.
///
/// # Errors
/// The system forbids it, and why. Everything goes on as before then.
pub fn run_in_batch() -> Result<(), String> {
    let nice = getpriority_process(None).map_err(|error| error.to_string())?;
    // The library sets the niceness, too, and has values of its own for it.
    let priority = (ThreadPriorityValue::MIN.into()..=ThreadPriorityValue::MAX.into())
        .filter_map(|value: u8| ThreadPriority::try_from(value).ok())
        .find(|priority| priority.to_posix(BATCH).ok() == Some(nice))
        .ok_or_else(|| format!("a niceness of {nice} cannot be kept"))?;
    set_thread_priority_and_policy(thread_native_id(), priority, BATCH)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use thread_priority::thread_schedule_policy;

    #[test]
    fn threads_that_are_started_afterwards_have_the_policy_and_the_niceness() {
        let (policy, before, after) = std::thread::spawn(|| {
            let before = getpriority_process(None).unwrap();
            run_in_batch().unwrap();
            std::thread::spawn(move || {
                let policy = thread_schedule_policy().unwrap();
                (policy, before, getpriority_process(None).unwrap())
            })
            .join()
            .unwrap()
        })
        .join()
        .unwrap();
        assert_eq!((policy, after), (BATCH, before));
    }
}
