//! spec/cli/ctl/setup.md · 2.3 Global Deployment Variables, 3.1.5 Worker Management
//!
//! The command lines of `papertraderctl setup`. Their doc comments are the texts of `--help`.
//!
//! Tests: `tests/suite/programs/setup.rs`.

use crate::config::HostPort;
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What is set up.
#[derive(Debug, Clone, Subcommand)]
pub enum SetupCommand {
    /// Set up this machine's master: folders, key, configuration, service
    #[command(
        after_help = "Run again, it changes nothing that is right, and mends what is missing. papertrader-setup(7) leads
from a bare machine to a person who trades.
Example: papertraderctl setup master --worker eu1"
    )]
    Master(Box<SetupMasterArgs>),
    /// Set up a worker of this machine: folders, key, certificate, registration, configuration,
    /// service
    #[command(
        after_help = "With the master on this machine, that is all. With the master elsewhere, it writes a request, which
`papertraderctl workers accept` answers there, and --answer ends the set-up. Nothing in either file
is secret. Run again, it changes nothing that is right, and mends what is missing.
Example: papertraderctl setup worker eu1 --address eu1.example.org:2049"
    )]
    Worker(Box<SetupWorkerArgs>),
}

/// What both set-ups have.
#[derive(Debug, Clone, Default, Args)]
pub struct SetupArgs {
    /// Ask nothing: take the defaults of what is not given; so it is where there is no terminal
    #[arg(long)]
    pub yes: bool,
    /// Leave the service as it is: neither enabled nor started
    #[arg(long)]
    pub no_start: bool,
    /// Make everything below this folder, for yourself: no service, no other users, no root
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: Option<PathBuf>,
    /// Use this secret key of the GPG home; `new` makes one. A daemon that is configured gets it in the
    /// place of its key
    #[arg(long, value_name = "FINGERPRINT|new")]
    pub gpg_key: Option<String>,
}

/// Where prices come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SetupMarket {
    /// Files of past days, one step each update interval
    Replay,
    /// A random walk
    Simulated,
    /// Stocks, from alpaca.markets; needs --credentials and --symbols
    Alpaca,
    /// Coins, from binance.com; needs --symbols
    Binance,
}

impl SetupMarket {
    /// The provider's name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            SetupMarket::Replay => "replay",
            SetupMarket::Simulated => "simulated",
            SetupMarket::Alpaca => "alpaca",
            SetupMarket::Binance => "binance",
        }
    }
}

/// What a master's set-up is told.
#[derive(Debug, Clone, Args)]
pub struct SetupMasterArgs {
    /// Also set up a worker of this name here, with its defaults
    #[arg(long, value_name = "NAME")]
    pub worker: Option<String>,
    /// Where workers connect; 0.0.0.0:2048 lets workers of other machines in [default: 127.0.0.1:2048]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// The deployment's name, as mails and cards have it [default: PaperTrader]
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// Where prices come from [default: replay]
    #[arg(long, value_enum)]
    pub provider: Option<SetupMarket>,
    /// The folder of market files of a replay [default: the sample market]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub market: Option<PathBuf>,
    /// The assets, such as AAPL,IBM [default: all that the provider has]
    #[arg(long, value_name = "SYMBOL,…", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// The file with the provider's key ID and secret, two lines; it is copied
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub credentials: Option<PathBuf>,
    /// How often prices change and orders are settled, such as 1s, 60s [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub update_interval: Option<Duration>,
    /// Cash of a new account [default: 100000]
    #[arg(long, value_name = "AMOUNT")]
    pub starting_cash: Option<String>,
    /// What both set-ups have.
    #[command(flatten)]
    pub common: SetupArgs,
}

/// What a worker's set-up is told.
#[derive(Debug, Clone, Default, Args)]
pub struct SetupWorkerArgs {
    /// What it will be called: 1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first
    pub name: String,
    /// Where clients reach it [default: this machine's name, port 2049]
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<HostPort>,
    /// Where it listens for them [default: the port of its address, on all of this machine's addresses,
    /// or on loopback alone where its address is there]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// A master on another machine
    #[arg(long, value_name = "HOST:PORT")]
    pub master: Option<HostPort>,
    /// The address that the master sees the worker come from [default: the one from which this machine
    /// reaches it]
    #[arg(long)]
    pub ip: Option<IpAddr>,
    /// Write the request to the master again, for a worker that is set up: its answer has the key that
    /// the master has now
    #[arg(long, conflicts_with_all = ["answer", "gpg_key"])]
    pub request: bool,
    /// What `papertraderctl workers accept` printed on the master's machine
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub answer: Option<PathBuf>,
    /// A certificate with its chain, PEM; it is copied [default: one of a CA for trials, which is made
    /// here]
    #[arg(long, value_name = "FILE", requires = "tls_key", value_hint = ValueHint::FilePath)]
    pub certificate: Option<PathBuf>,
    /// The certificate's private key, PEM; it is copied
    #[arg(long, value_name = "FILE", requires = "certificate", value_hint = ValueHint::FilePath)]
    pub tls_key: Option<PathBuf>,
    /// No TLS: only on loopback
    #[arg(long, conflicts_with = "certificate")]
    pub plain: bool,
    /// Serve the page for browsers here, too
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub web: Option<SocketAddr>,
    /// What both set-ups have.
    #[command(flatten)]
    pub common: SetupArgs,
}
