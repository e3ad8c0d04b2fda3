//! spec/cli.md · 4.7 Communication
//!
//! `ptcat decode`: frames to text.

use super::arguments::{FilterArgs, values};
use super::failure::Failure;
use crate::dialogue::filter::{self, FrameSource};
use clap::Args;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct DecodeArgs {
    /// The dialogue that asked: says which payload each data transfer carries
    #[arg(long, value_name = "FILE")]
    requests: Option<PathBuf>,

    #[command(flatten)]
    filter: FilterArgs,
}

/// Runs the subcommand; `true` where all bytes were messages.
pub(super) fn run(args: &DecodeArgs) -> Result<bool, Failure> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok::<_, String>(FrameSource::new(
            BufReader::new(file),
            args.filter.connection,
            values(&args.filter.set),
        ))
    };
    let requests = args.requests.as_deref().map(open).transpose()?;
    filter::decode(io::stdin().lock(), requests, &mut io::stdout().lock())
        .map(|()| true)
        .map_err(Failure::from)
}
