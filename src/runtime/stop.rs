//! spec/runtime.md · 3.1.1, 3.2.1 Main Module: running stage
//!
//! The signal that stops the threads of a process.

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A signal to stop. Clones share it.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Signal>);

#[derive(Debug)]
struct Signal {
    requested: AtomicBool,
    /// Never sends. Dropping it disconnects all receivers, which wakes their threads at once.
    sender: Mutex<Option<Sender<()>>>,
    receiver: Receiver<()>,
}

impl Stop {
    /// A signal that is not given yet.
    pub fn new() -> Stop {
        let (sender, receiver) = bounded(0);
        Stop(Arc::new(Signal {
            requested: AtomicBool::new(false),
            sender: Mutex::new(Some(sender)),
            receiver,
        }))
    }

    /// Gives the signal. It cannot be withdrawn; giving it again does nothing.
    pub fn request(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
        self.0.sender.lock().take();
    }

    /// Whether the signal was given.
    pub fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
    }

    /// A channel for `select!`. It never carries a value; it is disconnected, and so ready, once
    /// the signal was given.
    pub fn receiver(&self) -> &Receiver<()> {
        &self.0.receiver
    }

    /// Waits for the signal, at most `timeout`. Returns whether it was given.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::spawn;
    use std::time::Instant;

    #[test]
    fn the_signal_wakes_all_threads_and_stays() {
        let stop = Stop::new();
        assert!(!stop.wait(Duration::from_millis(1)));
        let waiting = stop.clone();
        let handle = spawn("waiter", move || {
            assert!(waiting.wait(Duration::from_secs(30)))
        })
        .unwrap();
        stop.request();
        stop.request();
        assert!(stop.is_requested());
        assert!(handle.join(Instant::now() + Duration::from_secs(30)));
        crossbeam_channel::select! {
            recv(stop.receiver()) -> got => assert!(got.is_err()),
            default => panic!("not woken"),
        }
    }
}
