//! spec/testkit.md · 2.2 Infrastructure Model
//!
//! Whole deployments as processes: what the sandbox, the bench and all tests of running daemons stand on.
//!
//! The floor of it makes a deployment in a folder and runs its daemons as children; it answers with errors, since
//! `papertrader-sandbox` and `papertrader-bench` are programs that people run. What stands above is for tests, and
//! panics at the first thing that is not as it should be.

pub mod layout;
pub mod market;
pub mod ports;
pub mod process;
pub mod program;
pub mod resources;
pub mod setup;
pub mod state;

pub use layout::Layout;
pub use resources::Resources;
pub use setup::{Failure, LOOPBACK, Options, WORKERS_MAX, init};

use setup::at;
