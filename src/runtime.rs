//! spec/runtime.md · 3.1.1, 3.2.1 (start the threads), 2.3.3 (a crash dumps the log)
//!
//! Named threads, the stop signal, heartbeats, and what a panic does.

pub mod backoff;
pub mod failpoint;
pub mod log;
pub mod published;
pub mod rate_limiter;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded, select};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Every module's loop wakes at least this often, to beat and to look around.
pub const TICK: Duration = Duration::from_secs(1);

/// A process that panicked and has not ended by itself after this long is aborted.
const PANIC_DEADLINE: Duration = Duration::from_secs(5);

/// Tells every thread of the process that it is time to stop. Clones share one signal.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Signal>);

#[derive(Debug)]
struct Signal {
    requested: AtomicBool,
    /// Never sends: dropping it disconnects the receivers, which wakes all of them at once.
    sender: Mutex<Option<Sender<()>>>,
    receiver: Receiver<()>,
}

impl Stop {
    /// A signal that nobody has given yet.
    pub fn new() -> Stop {
        let (sender, receiver) = bounded(0);
        Stop(Arc::new(Signal {
            requested: AtomicBool::new(false),
            sender: Mutex::new(Some(sender)),
            receiver,
        }))
    }

    /// Gives the signal, for good. Giving it again does nothing.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
        self.0.sender.lock().take();
    }

    /// Whether the signal was given.
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// For `select!`: never carries anything, and is disconnected (so, ready) once the signal was given.
    pub fn receiver(&self) -> &Receiver<()> {
        &self.0.receiver
    }

    /// Waits for the signal, at most `timeout`; whether it was given.
    pub fn wait(&self, timeout: Duration) -> bool {
        !matches!(
            self.0.receiver.recv_timeout(timeout),
            Err(RecvTimeoutError::Timeout)
        )
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

/// What a module's loop turns to next.
#[derive(Debug, PartialEq, Eq)]
pub enum NextEvent<T> {
    /// Something came.
    Message(T),
    /// Nothing came for [`TICK`]: time to look around.
    Tick,
    /// The signal to stop was given, or nobody is left who could send anything.
    Stop,
}

/// Lets the other threads run once where a module finds nothing to do, before it goes to sleep.
///
/// On a busy machine somebody has something for it by then, and need not wake it for that: waking a thread is
/// dearer than what most messages ask for (spec/performance.md has the figures).
pub fn yield_once(is_idle: impl FnOnce() -> bool) {
    if is_idle() {
        std::thread::yield_now();
    }
}

/// Waits for what a module turns to next. The signal to stop comes before whatever else is there.
pub fn next<T>(inbox: &Receiver<T>, stop: &Stop) -> NextEvent<T> {
    yield_once(|| inbox.is_empty());
    if stop.is_requested() {
        return NextEvent::Stop;
    }
    match inbox.try_recv() {
        Ok(message) => return NextEvent::Message(message),
        Err(TryRecvError::Disconnected) => return NextEvent::Stop,
        Err(TryRecvError::Empty) => {}
    }
    select! {
        recv(inbox) -> message => message.map_or(NextEvent::Stop, NextEvent::Message),
        recv(stop.receiver()) -> _ => NextEvent::Stop,
        default(TICK) => NextEvent::Tick,
    }
}

/// A thread that was started here: its name, and the means to wait for its end with a deadline.
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

    /// Waits until the thread has ended, at most until `deadline`; whether it has.
    pub fn join(self, deadline: Instant) -> bool {
        if let Err(RecvTimeoutError::Timeout) = self.ended.recv_deadline(deadline) {
            return false;
        }
        // The function has returned, so this is immediate. A panic has ended the process already,
        // or (in tests, without the hook) is that thread's own affair.
        let _ = self.thread.join();
        true
    }
}

/// Starts a named thread with the system's default stack.
///
/// # Errors
/// The system has no room for another thread.
pub fn spawn(name: impl Into<String>, body: impl FnOnce() + Send + 'static) -> io::Result<ThreadHandle> {
    start(Builder::new(), name.into(), body)
}

/// Starts a named thread with a stack of `stack` bytes: for connection readers, of which there may be
/// ten thousand.
///
/// # Errors
/// The system has no room for another thread.
pub fn spawn_small(
    name: impl Into<String>,
    stack: usize,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<ThreadHandle> {
    start(Builder::new().stack_size(stack), name.into(), body)
}

fn start(builder: Builder, name: String, body: impl FnOnce() + Send + 'static) -> io::Result<ThreadHandle> {
    let (alive, ended) = bounded::<()>(0);
    let thread = builder.name(name.clone()).spawn(move || {
        // Dropped last, also while unwinding.
        let _alive = alive;
        body();
    })?;
    Ok(ThreadHandle { name, thread, ended })
}

/// Waits for all of them, in the order given (from the top of the channel graph down), at most until
/// `deadline` altogether. The names of those that had not ended then.
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

/// One module thread's sign of life. Its loop calls [`Heartbeat::beat`] on each turn, at least every [`TICK`].
#[derive(Debug, Clone)]
pub struct Heartbeat {
    begun: Instant,
    beat: Arc<AtomicU64>,
}

impl Heartbeat {
    /// The thread is alive now.
    pub fn beat(&self) {
        self.beat.store(millis(self.begun.elapsed()), Ordering::Relaxed);
    }
}

/// The hearts of a process. Clones share one register.
///
/// A heart stays registered when its thread ends, and so counts as stalled: a module that ended without
/// being told to is as bad as one that hangs.
#[derive(Debug, Clone)]
pub struct Watchdog {
    begun: Instant,
    all: Arc<Mutex<Vec<Named>>>,
}

/// A thread's name, and when it last beat: milliseconds since the register began.
type Named = (String, Arc<AtomicU64>);

impl Watchdog {
    /// An empty register.
    pub fn new() -> Watchdog {
        Watchdog {
            begun: Instant::now(),
            all: Arc::default(),
        }
    }

    /// A heart for the module thread of this name, which has beaten just now.
    pub fn register(&self, name: impl Into<String>) -> Heartbeat {
        let heartbeat = Heartbeat {
            begun: self.begun,
            beat: Arc::default(),
        };
        heartbeat.beat();
        self.all.lock().push((name.into(), Arc::clone(&heartbeat.beat)));
        heartbeat
    }

    /// Those whose last beat is longer ago than `limit`, with how long ago it was.
    pub fn stalled(&self, limit: Duration) -> Vec<(String, Duration)> {
        let now = millis(self.begun.elapsed());
        let age = |beat: &AtomicU64| Duration::from_millis(now.saturating_sub(beat.load(Ordering::Relaxed)));
        self.all
            .lock()
            .iter()
            .map(|(name, beat)| (name.clone(), age(beat)))
            .filter(|(_, age)| *age > limit)
            .collect()
    }
}

impl Default for Watchdog {
    fn default() -> Self {
        Self::new()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// From now on, a panic in any thread is logged, the log is flushed, and the process ends with code 1.
///
/// It speaks to the log through the `log` facade, and it cannot hang: should the flush block, the process
/// is aborted after 5 seconds; should the logger itself panic, the runtime aborts at once.
pub fn install_panic_hook() {
    static ENDING: AtomicBool = AtomicBool::new(false);
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if ENDING.swap(true, Ordering::SeqCst) {
            // Another thread is ending the process; this one must not run on meanwhile.
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
    use std::process::{Command, Stdio};

    #[test]
    fn stop_wakes_everyone_once_and_for_good() {
        let stop = Stop::new();
        assert!(!stop.wait(Duration::from_millis(1)));
        let waiting = stop.clone();
        let handle = spawn("waiter", move || assert!(waiting.wait(Duration::from_secs(30)))).unwrap();
        stop.request();
        stop.request();
        assert!(stop.is_requested());
        assert!(handle.join(Instant::now() + Duration::from_secs(30)));
        crossbeam_channel::select! {
            recv(stop.receiver()) -> got => assert!(got.is_err()),
            default => panic!("not woken"),
        }
    }

    #[test]
    fn a_module_hears_what_came_and_stops_when_told_or_left_alone() {
        let stop = Stop::new();
        let (tell, told) = bounded(2);
        tell.send(1).unwrap();
        assert_eq!(next(&told, &stop), NextEvent::Message(1));
        let begun = Instant::now();
        assert_eq!(next(&told, &stop), NextEvent::Tick);
        assert!(begun.elapsed() >= TICK);
        let late = tell.clone();
        let handle = spawn("sender", move || late.send(2).unwrap()).unwrap();
        assert_eq!(next(&told, &stop), NextEvent::Message(2));
        assert!(handle.join(Instant::now() + Duration::from_secs(30)));
        // What still waits is not begun any more.
        tell.send(3).unwrap();
        stop.request();
        assert_eq!(next(&told, &stop), NextEvent::Stop);
        let alone = Stop::new();
        drop(tell);
        assert_eq!(next(&told, &alone), NextEvent::Message(3));
        assert_eq!(next(&told, &alone), NextEvent::Stop);
    }

    #[test]
    fn joining_has_a_deadline_and_names_the_late() {
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
    fn threads_bear_their_names() {
        let (tell, told) = bounded(1);
        spawn("reader", move || {
            tell.send(std::thread::current().name().map(str::to_owned))
                .unwrap();
        })
        .unwrap();
        assert_eq!(
            told.recv_timeout(Duration::from_secs(10)).unwrap().as_deref(),
            Some("reader")
        );
    }

    #[test]
    fn hearts_that_stop_are_named() {
        let watchdog = Watchdog::new();
        let (alive, _ended) = (watchdog.register("alive"), watchdog.register("ended"));
        let limit = Duration::from_millis(50);
        let begun = Instant::now();
        while watchdog.stalled(limit).len() != 1 {
            alive.beat();
            assert!(begun.elapsed() < Duration::from_secs(10));
            std::thread::yield_now();
        }
        assert_eq!(watchdog.stalled(limit)[0].0, "ended");
    }

    /// Does something only where the test below runs it, in a process of its own.
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
    fn a_panic_ends_the_process_with_1() {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "runtime::tests::child_panics", "--nocapture"])
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
