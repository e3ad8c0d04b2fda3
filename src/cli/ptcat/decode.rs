//! spec/cli.md · 4.7 Communication
//!
//! `ptcat decode`: frames to text.

use super::arguments::{FilterArgs, values};
use super::failure::Failure;
use crate::dialogue::filter::follower::RequestFollower;
use crate::dialogue::filter::{self, Requests};
use clap::Args;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct DecodeArgs {
    /// The dialogue that asked: says which payload each data transfer carries
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,

    /// The bytes that the client sent, in place of a dialogue
    #[arg(long, value_name = "FILE", conflicts_with = "requests")]
    sent: Option<PathBuf>,

    #[command(flatten)]
    filter: FilterArgs,
}

/// Runs the subcommand; `true` where all bytes were messages.
pub(super) fn run(args: &DecodeArgs) -> Result<bool, Failure> {
    let named = |path: &Path, e: io::Error| format!("{}: {e}", path.display());
    let requests = match (&args.requests, &args.sent) {
        (Some(path), _) => {
            let file = File::open(path).map_err(|e| named(path, e))?;
            Requests::Dialogue(Box::new(RequestFollower::new(
                BufReader::new(file),
                args.filter.connection,
                values(&args.filter.set),
            )))
        }
        (None, Some(path)) => Requests::Sent(std::fs::read(path).map_err(|e| named(path, e))?),
        (None, None) => Requests::Unknown,
    };
    filter::decode(io::stdin().lock(), requests, &mut io::stdout().lock())
        .map(|()| true)
        .map_err(Failure::from)
}
