//! spec/runtime/module.md · 2.1.6 Module, 3.1.1, 3.2.1
//!
//! The trait of a module, the loop that runs it, and the group of threads that make up a daemon.
//! Knows no module by name.

use super::{Heartbeat, Stop, TICK, ThreadHandle, Watchdog, join_all, spawn};
use crossbeam_channel::{Receiver, TryRecvError, never, select};
use std::io;
use std::time::{Duration, Instant};

/// Exit code of a process after one of its modules ended without the signal to stop.
const FAILED: i32 = 1;

/// A module: its whole state and the handler of each message. [`run`] is the loop of its thread.
pub trait Module {
    /// The messages of its inbox. The daemon's `messages.rs` has all inboxes.
    type Message;

    /// Messages of one turn at most.
    const BATCH_MAX: usize = 1;

    /// The shortest time between two calls of [`on_tick`](Module::on_tick).
    const TICK_INTERVAL: Duration = TICK;

    /// Handles one message. Must not wait for a network, a password hash or a slow disk.
    fn on_message(&mut self, message: Self::Message);

    /// Ends the turn early, before it has taken [`BATCH_MAX`](Module::BATCH_MAX) messages.
    fn is_turn_full(&self) -> bool {
        false
    }

    /// Ends a turn, after its messages, or without any where [`has_work`](Module::has_work) is
    /// true. Does the work that the messages of a turn share: one commit, one write.
    fn on_turn_end(&mut self) {}

    /// Whether work is left that needs no message. The loop then does not wait for one.
    fn has_work(&self) -> bool {
        false
    }

    /// Does the work that is due at `now`. Called between two turns.
    fn on_tick(&mut self, _now: Instant) {}

    /// Whether the module works. If false, its heartbeat stops and systemd restarts the daemon.
    fn is_alive(&self) -> bool {
        true
    }

    /// Finishes or cancels work under way. Called once, after the signal to stop or when no sender
    /// is left.
    fn on_stop(&mut self) {}
}

/// Runs a module until the signal to stop, or until no sender of its inbox is left.
pub fn run<M: Module>(
    name: &str,
    module: &mut M,
    inbox: &Receiver<M::Message>,
    stop: &Stop,
    heartbeat: &Heartbeat,
) {
    run_with_urgent(name, module, &never(), inbox, stop, heartbeat);
}

/// Runs a module with a second inbox, whose messages come first. Each turn takes one of them at
/// most, so that neither inbox starves the other.
fn run_with_urgent<M: Module>(
    name: &str,
    module: &mut M,
    urgent: &Receiver<M::Message>,
    inbox: &Receiver<M::Message>,
    stop: &Stop,
    heartbeat: &Heartbeat,
) {
    let mut tick_due = Instant::now() + M::TICK_INTERVAL;
    heartbeat.note_capacity(inbox.capacity());
    loop {
        let now = Instant::now();
        if module.is_alive() {
            heartbeat.beat_at(now);
        }
        if now >= tick_due {
            tick_due = now + M::TICK_INTERVAL;
            module.on_tick(now);
        }
        let taken = match next(urgent, inbox, stop, module.has_work(), tick_due) {
            TurnEvent::Message(message) => {
                module.on_message(message);
                let mut taken = 1;
                while taken < M::BATCH_MAX
                    && !module.is_turn_full()
                    && let Ok(message) = inbox.try_recv()
                {
                    module.on_message(message);
                    taken += 1;
                }
                taken
            }
            TurnEvent::Work => 0,
            TurnEvent::Tick => {
                heartbeat.note_turn(0, inbox.len());
                continue;
            }
            TurnEvent::Stop => break,
        };
        module.on_turn_end();
        heartbeat.note_turn(taken, inbox.len());
        log::trace!(target: "module", "{name}: {taken} messages in {} µs", now.elapsed().as_micros());
    }
    module.on_stop();
}

/// What a module's loop does next.
#[derive(Debug, PartialEq, Eq)]
enum TurnEvent<T> {
    Message(T),
    /// No message waits, but work does.
    Work,
    /// The next tick is due.
    Tick,
    /// The signal to stop was given, or no sender is left.
    Stop,
}

/// Yields the processor once, if a module is idle, before it blocks.
///
/// On a busy machine another thread often sends a message meanwhile and need not wake the module:
/// waking a thread costs more than most messages (figures in spec/performance.md).
pub fn yield_once(is_idle: impl FnOnce() -> bool) {
    if is_idle() {
        std::thread::yield_now();
    }
}

/// Waits for a message, work, the tick or the signal to stop. The signal comes before everything
/// else.
fn next<T>(
    urgent: &Receiver<T>,
    inbox: &Receiver<T>,
    stop: &Stop,
    has_work: bool,
    tick_due: Instant,
) -> TurnEvent<T> {
    if !has_work {
        yield_once(|| urgent.is_empty() && inbox.is_empty());
    }
    if stop.is_requested() {
        return TurnEvent::Stop;
    }
    if let Ok(message) = urgent.try_recv() {
        return TurnEvent::Message(message);
    }
    match inbox.try_recv() {
        Ok(message) => return TurnEvent::Message(message),
        Err(_) if has_work => return TurnEvent::Work,
        Err(TryRecvError::Disconnected) => return TurnEvent::Stop,
        Err(TryRecvError::Empty) => {}
    }
    select! {
        recv(urgent) -> message => message.map_or(TurnEvent::Stop, TurnEvent::Message),
        recv(inbox) -> message => message.map_or(TurnEvent::Stop, TurnEvent::Message),
        recv(stop.receiver()) -> _ => TurnEvent::Stop,
        default(tick_due.saturating_duration_since(Instant::now())) => TurnEvent::Tick,
    }
}

/// The threads of a daemon: started from the bottom of the channel graph up, joined from the top
/// down.
///
/// A thread of the group that ends before the signal to stop ends the process with exit code 1,
/// after it has flushed the log: a daemon without one of its modules is worse than none.
#[derive(Debug)]
pub struct ThreadGroup {
    stop: Stop,
    watchdog: Watchdog,
    handles: Vec<ThreadHandle>,
}

impl ThreadGroup {
    /// A group without threads. `stop` ends its threads, `watchdog` watches them.
    pub fn new(stop: &Stop, watchdog: &Watchdog) -> ThreadGroup {
        ThreadGroup {
            stop: stop.clone(),
            watchdog: watchdog.clone(),
            handles: Vec::new(),
        }
    }

    /// Starts a module's thread.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn module<M>(
        &mut self,
        name: &'static str,
        inbox: Receiver<M::Message>,
        module: M,
    ) -> io::Result<()>
    where
        M: Module + Send + 'static,
        M::Message: Send + 'static,
    {
        self.module_with(name, inbox, |_| module)
    }

    /// Starts the thread of a module with a second inbox, `urgent`, whose messages come first. Each
    /// inbox has its own bound, so their senders do not compete.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn module_with_urgent<M>(
        &mut self,
        name: &'static str,
        urgent: Receiver<M::Message>,
        inbox: Receiver<M::Message>,
        mut module: M,
    ) -> io::Result<()>
    where
        M: Module + Send + 'static,
        M::Message: Send + 'static,
    {
        self.thread(name, move |stop, heartbeat| {
            run_with_urgent(name, &mut module, &urgent, &inbox, stop, heartbeat);
        })
    }

    /// Starts the thread of a module that also beats during long work.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn module_with<M>(
        &mut self,
        name: &'static str,
        inbox: Receiver<M::Message>,
        build: impl FnOnce(&Heartbeat) -> M,
    ) -> io::Result<()>
    where
        M: Module + Send + 'static,
        M::Message: Send + 'static,
    {
        let heartbeat = self.watchdog.register(name);
        let mut module = build(&heartbeat);
        self.start(name, move |stop| {
            run(name, &mut module, &inbox, stop, &heartbeat)
        })
    }

    /// Starts a thread with its own loop.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn thread(
        &mut self,
        name: &'static str,
        body: impl FnOnce(&Stop, &Heartbeat) + Send + 'static,
    ) -> io::Result<()> {
        let heartbeat = self.watchdog.register(name);
        self.start(name, move |stop| body(stop, &heartbeat))
    }

    /// Starts a thread that the watchdog does not watch, because it waits for peers.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn unwatched(
        &mut self,
        name: &'static str,
        body: impl FnOnce(&Stop) + Send + 'static,
    ) -> io::Result<()> {
        self.start(name, body)
    }

    /// Adds threads that were started elsewhere. They are joined before the others.
    pub fn extend(&mut self, handles: impl IntoIterator<Item = ThreadHandle>) {
        self.handles.extend(handles);
    }

    /// Joins all threads, the last started first, at most until `deadline` altogether. Returns the
    /// names of those that have not ended.
    pub fn join(mut self, deadline: Instant) -> Vec<String> {
        self.handles.reverse();
        join_all(self.handles, deadline)
    }

    fn start(
        &mut self,
        name: &'static str,
        body: impl FnOnce(&Stop) + Send + 'static,
    ) -> io::Result<()> {
        let stop = self.stop.clone();
        self.handles.push(spawn(name, move || {
            body(&stop);
            // A failed start closes channels shortly before it gives the signal.
            if !stop.wait(TICK) {
                crate::error!("module {name} ended without the signal to stop: ending the process");
                log::logger().flush();
                std::process::exit(FAILED);
            }
        })?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{Sender, bounded};

    /// Records the calls of its loop in order.
    struct Recorder {
        calls: Sender<String>,
        work: usize,
        alive: bool,
        full: bool,
    }

    /// The message that ends a turn early.
    const LAST_OF_TURN: u32 = 100;

    impl Recorder {
        fn record(&self, text: impl Into<String>) {
            self.calls.send(text.into()).unwrap();
        }
    }

    impl Module for Recorder {
        type Message = u32;
        const BATCH_MAX: usize = 3;
        const TICK_INTERVAL: Duration = Duration::from_millis(20);

        fn on_message(&mut self, message: u32) {
            self.full = message == LAST_OF_TURN;
            self.record(message.to_string());
        }

        fn is_turn_full(&self) -> bool {
            self.full
        }

        fn on_turn_end(&mut self) {
            self.work = self.work.saturating_sub(1);
            self.record("end");
        }

        fn has_work(&self) -> bool {
            self.work > 0
        }

        fn on_tick(&mut self, _now: Instant) {
            self.record("tick");
        }

        fn is_alive(&self) -> bool {
            self.alive
        }

        fn on_stop(&mut self) {
            self.record("stop");
        }
    }

    fn recorder(work: usize) -> (Recorder, Receiver<String>) {
        let (calls, recorded) = bounded(1000);
        let recorder = Recorder {
            calls,
            work,
            alive: true,
            full: false,
        };
        (recorder, recorded)
    }

    /// All recorded calls without the ticks, whose number depends on the machine.
    fn without_ticks(recorded: &Receiver<String>) -> Vec<String> {
        recorded.try_iter().filter(|text| text != "tick").collect()
    }

    #[test]
    fn a_turn_takes_waiting_messages_up_to_its_bound() {
        let (sender, inbox) = bounded(8);
        (1..=5).for_each(|number| sender.send(number).unwrap());
        drop(sender);
        let (mut module, recorded) = recorder(0);
        let heartbeat = Watchdog::new().register("recorder");
        run("recorder", &mut module, &inbox, &Stop::new(), &heartbeat);
        assert_eq!(
            without_ticks(&recorded),
            ["1", "2", "3", "end", "4", "5", "end", "stop"]
        );
    }

    #[test]
    fn a_turn_that_is_full_ends_before_its_bound() {
        let (sender, inbox) = bounded(8);
        [1, LAST_OF_TURN, 2, 3]
            .iter()
            .for_each(|number| sender.send(*number).unwrap());
        drop(sender);
        let (mut module, recorded) = recorder(0);
        let heartbeat = Watchdog::new().register("recorder");
        run("recorder", &mut module, &inbox, &Stop::new(), &heartbeat);
        assert_eq!(
            without_ticks(&recorded),
            ["1", "100", "end", "2", "3", "end", "stop"]
        );
    }

    #[test]
    fn urgent_messages_come_first_one_a_turn() {
        let ((urgent_sender, urgent), (sender, inbox)) = (bounded(8), bounded(8));
        (1..=4).for_each(|number| sender.send(number).unwrap());
        (11..=12).for_each(|number| urgent_sender.send(number).unwrap());
        drop(sender);
        let (mut module, recorded) = recorder(0);
        let heartbeat = Watchdog::new().register("recorder");
        run_with_urgent(
            "recorder",
            &mut module,
            &urgent,
            &inbox,
            &Stop::new(),
            &heartbeat,
        );
        let order = ["11", "1", "2", "end", "12", "3", "4", "end", "stop"];
        assert_eq!(without_ticks(&recorded), order);
    }

    #[test]
    fn work_without_messages_is_done_and_messages_come_before_it() {
        let (sender, inbox) = bounded(8);
        sender.send(1).unwrap();
        drop(sender);
        let (mut module, recorded) = recorder(3);
        let heartbeat = Watchdog::new().register("recorder");
        run("recorder", &mut module, &inbox, &Stop::new(), &heartbeat);
        assert_eq!(without_ticks(&recorded), ["1", "end", "end", "end", "stop"]);
    }

    #[test]
    fn an_idle_module_ticks_and_the_signal_to_stop_comes_first() {
        let (sender, inbox) = bounded(8);
        let (mut module, recorded) = recorder(0);
        let (stop, watchdog) = (Stop::new(), Watchdog::new());
        let (stopping, heartbeat) = (stop.clone(), watchdog.register("recorder"));
        let thread = spawn("recorder", move || {
            run("recorder", &mut module, &inbox, &stopping, &heartbeat);
        })
        .unwrap();
        let timeout = Duration::from_secs(30);
        assert_eq!(recorded.recv_timeout(timeout).unwrap(), "tick");
        assert_eq!(recorded.recv_timeout(timeout).unwrap(), "tick");
        stop.request();
        assert!(thread.join(Instant::now() + timeout));
        let _ = sender.send(1);
        assert_eq!(
            without_ticks(&recorded),
            ["stop"],
            "no message is handled after the signal"
        );
    }

    #[test]
    fn a_module_that_is_not_alive_counts_as_stalled() {
        let (sender, inbox) = bounded(8);
        let (mut module, recorded) = recorder(0);
        module.alive = false;
        let (stop, watchdog) = (Stop::new(), Watchdog::new());
        let (stopping, heartbeat) = (stop.clone(), watchdog.register("recorder"));
        let thread = spawn("recorder", move || {
            run("recorder", &mut module, &inbox, &stopping, &heartbeat);
        })
        .unwrap();
        let timeout = Duration::from_secs(30);
        let begun = Instant::now();
        while watchdog.stalled(Duration::from_millis(50)).is_empty() {
            assert_eq!(recorded.recv_timeout(timeout).unwrap(), "tick");
            assert!(begun.elapsed() < timeout);
        }
        stop.request();
        assert!(thread.join(Instant::now() + timeout));
        drop(sender);
    }

    #[test]
    fn a_group_joins_the_last_started_thread_first() {
        let (stop, watchdog) = (Stop::new(), Watchdog::new());
        let mut group = ThreadGroup::new(&stop, &watchdog);
        let (ended, order) = bounded(2);
        let (below, above) = (ended.clone(), ended);
        let (end_above, above_ended) = bounded::<()>(0);
        group
            .thread("below", move |stop, _| {
                stop.wait(Duration::from_secs(30));
                let _ = above_ended.recv();
                below.send("below").unwrap();
            })
            .unwrap();
        group
            .thread("above", move |stop, _| {
                stop.wait(Duration::from_secs(30));
                above.send("above").unwrap();
                drop(end_above);
            })
            .unwrap();
        stop.request();
        assert!(
            group
                .join(Instant::now() + Duration::from_secs(30))
                .is_empty()
        );
        assert_eq!(order.try_iter().collect::<Vec<_>>(), ["above", "below"]);
    }
}
