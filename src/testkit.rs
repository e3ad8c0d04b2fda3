//! spec/testkit.md · 2.2 Infrastructure Model
//!
//! Whole deployments as processes, for the sandbox, the bench and all tests of running daemons.
//!
//! The lower part makes a deployment in a folder and runs its daemons as children. It returns
//! errors, because `papertrader-sandbox` and `papertrader-bench` are programs that people run. The
//! upper part is for tests and panics where something is wrong; functions that the bench uses too
//! have a twin that returns an error.
//!
//! Tests: `tests/suite/daemons.rs`.

pub mod layout;
pub mod market;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod program;
pub mod resources;
pub mod setup;
pub mod state;

#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod admin;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod daemon;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod deployment;
pub mod error;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod eventually;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod fixture_rig;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod mock_exchange;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod mock_provider;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod own_clock;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod proxy;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod small_disk;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod task_limit;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests"
)]
pub mod trader;
pub mod websocket;

pub use daemon::{Daemon, Place};
pub use deployment::{Deployment, DeploymentBuilder, folder};
pub use error::SandboxError;
pub use eventually::{TEST_TIMEOUT, busy, eventually, until};
pub use layout::{LOOPBACK, Layout, WORKERS_MAX};
pub use market::Market;
pub use resources::{Resources, processes_about};
pub use setup::{SandboxOptions, init};
