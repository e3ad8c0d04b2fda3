//! spec/runtime.md · 3.1.1, 3.2.1 (start the threads), 2.3.3 (a crash dumps the log)
//!
//! What all threads of a daemon use: starting, module loop, heartbeat, log, stopping.

pub mod backoff;
pub mod clock;
pub mod dynamic_share;
pub mod failpoint;
pub mod fair_queue;
pub mod log;
pub mod metrics;
pub mod module;
pub mod neighbourhood;
pub mod ownership;
pub mod passing;
pub mod process_limits;
pub mod published;
pub mod rate_limiter;
pub mod scheduling;
pub mod spawn;
pub mod stop;
pub mod watchdog;

pub use module::{Module, ThreadGroup, yield_once};
pub use passing::is_passing;
pub use spawn::{ThreadHandle, install_panic_hook, join_all, spawn, spawn_small};
pub use stop::Stop;
pub use watchdog::{Heartbeat, LONG_STEP, STEPS_PER_BEAT, StepBeats, Watchdog};

use std::time::Duration;

/// Every module's loop wakes at least this often, to beat and for work that is due.
pub const TICK: Duration = Duration::from_secs(1);
