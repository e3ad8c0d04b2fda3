//! spec/cli.md · 4.7 Communication
//!
//! `ptcat decode`: frames to text.

use super::arguments::{FilterArgs, included, values};
use super::failure::Failure;
use crate::dialogue::filter::follower::RequestFollower;
use crate::dialogue::filter::{self, Requests};
use crate::dialogue::script::Script;
use clap::Args;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor};
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

/// The lines of a dialogue. One that includes files is written out; all others are read as they are
/// written, so that they may be a FIFO.
fn dialogue(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    let named = |e: io::Error| format!("{}: {e}", path.display());
    let is_file = std::fs::metadata(path).map_err(named)?.is_file();
    if is_file {
        let text = std::fs::read_to_string(path).map_err(named)?;
        if Script::has_includes(&text) {
            let script = Script::parse_with(&path.display().to_string(), &text, &included)?;
            return Ok(Box::new(Cursor::new(script.to_string())));
        }
    }
    let file = File::open(path).map_err(named)?;
    Ok(Box::new(BufReader::new(file)))
}

/// Runs the subcommand; `true` where all bytes were messages.
pub(super) fn run(args: &DecodeArgs) -> Result<bool, Failure> {
    let named = |path: &Path, e: io::Error| format!("{}: {e}", path.display());
    let requests = match (&args.requests, &args.sent) {
        (Some(path), _) => Requests::Dialogue(Box::new(RequestFollower::new(
            dialogue(path)?,
            args.filter.connection,
            values(&args.filter.set),
        ))),
        (None, Some(path)) => Requests::Sent(std::fs::read(path).map_err(|e| named(path, e))?),
        (None, None) => Requests::Unknown,
    };
    filter::decode(io::stdin().lock(), requests, &mut io::stdout().lock())
        .map(|()| true)
        .map_err(Failure::from)
}
