//! The tests that run real daemons.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "suite/assets.rs"]
mod assets;
#[path = "suite/bench.rs"]
mod bench;
#[path = "suite/cli.rs"]
mod cli;
#[path = "suite/cli_fake.rs"]
mod cli_fake;
#[path = "suite/cli_real.rs"]
mod cli_real;
#[path = "suite/ctl.rs"]
mod ctl;
#[path = "suite/demo.rs"]
mod demo;
#[path = "suite/fixtures.rs"]
mod fixtures;
#[path = "suite/forecast.rs"]
mod forecast;
#[path = "suite/fuzz.rs"]
mod fuzz;
#[path = "suite/golden.rs"]
mod golden;
#[path = "suite/harness.rs"]
mod harness;
#[path = "suite/markets.rs"]
mod markets;
#[path = "suite/nc.rs"]
mod nc;
#[path = "suite/needs.rs"]
mod needs;
#[path = "suite/packaging.rs"]
mod packaging;
#[path = "suite/pairs.rs"]
mod pairs;
#[path = "suite/ptcat.rs"]
mod ptcat;
#[path = "suite/roundtrip.rs"]
mod roundtrip;
#[path = "suite/sandbox.rs"]
mod sandbox;
#[path = "suite/secrets.rs"]
mod secrets;
#[path = "suite/service.rs"]
mod service;
#[path = "suite/stand_in.rs"]
mod stand_in;
#[path = "suite/storage.rs"]
mod storage;
#[path = "suite/together.rs"]
mod together;
#[path = "suite/trading_day.rs"]
mod trading_day;
#[path = "suite/worker.rs"]
mod worker;
