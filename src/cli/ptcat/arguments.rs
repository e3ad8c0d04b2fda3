//! spec/cli.md · 4.7 Communication
//!
//! The options that several subcommands of `ptcat` share.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use crate::dialogue::script::{ConnectionNumber, TIME_MAX};
use crate::dialogue::servers::Servers;
use crate::dialogue::variables::Variables;
use crate::net::ClientTls;
use crate::net::client_tls::TlsMode;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The text of a file that a dialogue includes.
pub(super) fn included(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|e| e.to_string())
}

/// What both filters take.
#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// The connection whose lines count, where a dialogue has several [default: the first]
    #[arg(long, value_name = "NUMBER")]
    pub(super) connection: Option<ConnectionNumber>,

    /// Give {NAME} a value; may be given more than once
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) set: Vec<(String, String)>,
}

/// Whether a worker is spoken to with TLS.
#[derive(Debug, Args)]
pub(super) struct TlsArgs {
    /// Speak TLS with workers; their certificates must be valid for the HOST by the system's roots
    #[arg(long)]
    tls: bool,

    /// Speak TLS with workers, and trust the certificates of this PEM file too
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl TlsArgs {
    /// The settings for connections. Without an option they are plain, beyond loopback too: a tester
    /// says what is tested.
    pub(super) fn settings(&self) -> ClientTls {
        if self.tls || self.ca.is_some() {
            ClientTls::new(TlsMode::Always, self.ca.clone(), Vec::new())
        } else {
            ClientTls::plain()
        }
    }
}

/// What one dialogue is run against.
#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// The worker, which dialogues call `worker` or `worker1`
    #[arg(value_name = "HOST:PORT")]
    pub(super) worker: String,

    #[command(flatten)]
    pub(super) running: RunningArgs,
}

/// What is told of a deployment that runs, beside the first worker's address.
#[derive(Debug, Args)]
pub(super) struct RunningArgs {
    /// A further worker (`worker2` and so on); may be given more than once
    #[arg(long = "worker", value_name = "HOST:PORT")]
    workers: Vec<String>,

    /// The master, for dialogues that speak to port 2048
    #[arg(long, value_name = "HOST:PORT")]
    master: Option<String>,

    /// The configuration of a registered worker that does not run, for dialogues that speak to the
    /// master as a worker
    #[arg(long, value_name = "FILE")]
    pub(super) link_worker: Option<PathBuf>,

    /// Give {NAME} a value; may be given more than once
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    pub(super) set: Vec<(String, String)>,

    /// The shell command that does what a dialogue's `do NAME` asks for; may be given more than
    /// once
    #[arg(long = "on", value_name = "NAME=COMMAND", value_parser = pair)]
    hooks: Vec<(String, String)>,

    #[command(flatten)]
    tls: TlsArgs,

    /// How long a line may take that does not say so itself; for an order, from the time on at
    /// which the server expects to settle it
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub(super) within: Duration,
}

/// A time such as `300ms` or `5s`, up to an hour, as a line of a dialogue takes it.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    (time <= TIME_MAX)
        .then_some(time)
        .ok_or_else(|| "a time is at most an hour".to_owned())
}

/// The parts of `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is expected")?;
    if name.is_empty() {
        return Err("a name is missing before the =".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The values of `--set`.
pub(super) fn values(set: &[(String, String)]) -> Variables {
    let mut values = Variables::new();
    for (name, value) in set {
        values.set(name, value);
    }
    values
}

impl RunningArgs {
    /// The deployment that the command line names.
    pub(super) fn servers(&self, worker: &str) -> Servers {
        let others = self.workers.iter().cloned();
        Servers {
            workers: [worker.to_owned()].into_iter().chain(others).collect(),
            master: self.master.clone(),
            security: self.tls.settings(),
            hooks: self.hooks.iter().cloned().collect(),
            link: self.link_worker.clone(),
            handshake: Vec::new(),
            recorder: None,
        }
    }
}
