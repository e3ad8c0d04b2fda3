//! spec/runtime/spawn.md · 3.1.1, 3.2.1 (start the threads), 2.3.3 (a crash dumps the log)
//!
//! Starts named threads and joins them with a deadline. A panic in any of them ends the process.

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A process that has not ended this long after a panic is aborted.
const PANIC_DEADLINE: Duration = Duration::from_secs(5);

/// A thread that can be joined with a deadline.
#[derive(Debug)]
pub struct ThreadHandle {
    name: String,
    thread: JoinHandle<()>,
    /// Disconnected when the thread's function has returned.
    ended: Receiver<()>,
}

impl ThreadHandle {
    /// The thread's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the thread's function has returned.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until the thread has ended, at most until `deadline`. Returns whether it has.
    pub fn join(self, deadline: Instant) -> bool {
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_deadline(deadline) {
            return false;
        }
        // The function has returned, so this does not block. After a panic the process has ended,
        // except in tests without the hook, which ignore the panic of this thread.
        let _ = self.thread.join();
        true
    }
}

/// Starts a named thread with the system's default stack.
///
/// # Errors
/// The system cannot start another thread.
pub fn spawn(
    name: impl Into<String>,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<ThreadHandle> {
    start(Builder::new(), name.into(), body)
}

/// Starts a named thread with a stack of `stack` bytes. For connection readers: there may be ten
/// thousand.
///
/// # Errors
/// The system cannot start another thread.
pub fn spawn_small(
    name: impl Into<String>,
    stack: usize,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<ThreadHandle> {
    start(Builder::new().stack_size(stack), name.into(), body)
}

fn start(
    builder: Builder,
    name: String,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<ThreadHandle> {
    let (alive, ended) = bounded::<()>(0);
    let thread = builder.name(name.clone()).spawn(move || {
        // Dropped last, also when the stack unwinds.
        let _alive = alive;
        body();
    })?;
    Ok(ThreadHandle {
        name,
        thread,
        ended,
    })
}

/// Joins threads in the given order, from the top of the channel graph down, at most until
/// `deadline` altogether. Returns the names of those that have not ended.
pub fn join_all(handles: impl IntoIterator<Item = ThreadHandle>, deadline: Instant) -> Vec<String> {
    let mut late = Vec::new();
    for handle in handles {
        let name = handle.name().to_owned();
        if !handle.join(deadline) {
            late.push(name);
        }
    }
    late
}

/// Installs a panic hook for all threads: it logs the panic, flushes the log and ends the process
/// with exit code 1.
///
/// The hook uses the `log` facade and cannot hang: if the flush blocks, the process is aborted
/// after 5 seconds; if the logger panics, the runtime aborts at once.
pub fn install_panic_hook() {
    static ENDING: AtomicBool = AtomicBool::new(false);
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if ENDING.swap(true, Ordering::SeqCst) {
            // Another thread is ending the process. This one must not continue.
            loop {
                std::thread::sleep(PANIC_DEADLINE);
            }
        }
        let _ = Builder::new().name("panic-guard".to_owned()).spawn(|| {
            std::thread::sleep(PANIC_DEADLINE);
            std::process::abort();
        });
        report(info);
        let payload = info.payload();
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without a message");
        let thread = std::thread::current();
        let (file, line) = info
            .location()
            .map_or(("unknown", 0), |at| (at.file(), at.line()));
        ::log::logger().log(
            &::log::Record::builder()
                .level(::log::Level::Error)
                .target("panic")
                .file(Some(file))
                .line(Some(line))
                .args(format_args!(
                    "thread {} panicked, the process ends: {text}",
                    thread.name().unwrap_or("unnamed")
                ))
                .build(),
        );
        ::log::logger().flush();
        std::process::exit(1);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Stop;
    use std::process::{Command, Stdio};

    #[test]
    fn a_join_has_a_deadline_and_names_late_threads() {
        let stop = Stop::new();
        let (waiting, name) = (stop.clone(), "late");
        let late = spawn_small(name, 64 * 1024, move || {
            waiting.wait(Duration::from_secs(60));
        })
        .unwrap();
        let quick = spawn("quick", || {}).unwrap();
        let begun = Instant::now();
        assert_eq!(
            join_all([late, quick], begun + Duration::from_millis(300)),
            ["late"]
        );
        assert!(begun.elapsed() < Duration::from_secs(10));
        stop.request();
    }

    #[test]
    fn threads_have_their_names() {
        let (sender, receiver) = bounded(1);
        spawn("reader", move || {
            sender
                .send(std::thread::current().name().map(str::to_owned))
                .unwrap();
        })
        .unwrap();
        assert_eq!(
            receiver
                .recv_timeout(Duration::from_secs(10))
                .unwrap()
                .as_deref(),
            Some("reader")
        );
    }

    /// Runs only as a child process of the test below.
    #[test]
    fn child_panics() {
        if std::env::var_os("PAPERTRADER_TEST_CHILD").is_none() {
            return;
        }
        install_panic_hook();
        let quiet = Stop::new();
        let handle = spawn("doomed", || {
            panic!("on purpose");
        })
        .unwrap();
        handle.join(Instant::now() + Duration::from_secs(30));
        quiet.wait(Duration::from_secs(30));
        std::process::exit(0);
    }

    #[test]
    fn a_panic_ends_the_process_with_exit_code_1() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "runtime::spawn::tests::child_panics",
                "--nocapture",
            ])
            .env("PAPERTRADER_TEST_CHILD", "1")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("on purpose"),
            "{output:?}"
        );
    }
}
