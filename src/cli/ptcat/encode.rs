//! spec/cli.md · 4.7 Communication
//!
//! `ptcat encode`: text to frames.
//!
//! Tests: `tests/suite/programs/ptcat_pipes.rs`.

use super::arguments::{FilterArgs, included, pair, time, values};
use super::failure::Failure;
use crate::dialogue::filter::lines;
use crate::dialogue::filter::pipe::{PipePeer, PipelineDialer};
use crate::dialogue::filter::{self, FrameSource};
use crate::dialogue::runner::Runner;
use crate::dialogue::servers::Servers;
use crate::model::printable::clean;
use clap::Args;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a dialogue on standard input is called in messages.
const INPUT_NAME: &str = "standard input";

#[derive(Debug, Args)]
pub(super) struct EncodeArgs {
    #[command(flatten)]
    filter: FilterArgs,

    /// The FIFO that brings what the server says: lines that expect are compared with it, and what
    /// they capture is known to the lines below
    #[arg(long, value_name = "FIFO")]
    replies: Option<PathBuf>,

    /// The shell command that does what a dialogue's `do NAME` asks for; may be given more than
    /// once
    #[arg(long = "on", value_name = "NAME=COMMAND", value_parser = pair, requires = "replies")]
    hooks: Vec<(String, String)>,

    /// How long a line may take that does not say so itself
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    within: Duration,

    /// Tell every message that is sent and that comes, on standard error
    #[arg(short, long, requires = "replies")]
    verbose: bool,
}

/// Runs the subcommand; `true` where all went well.
pub(super) fn run(args: &EncodeArgs) -> Result<bool, Failure> {
    if let Some(replies) = &args.replies {
        return play(args, replies);
    }
    let source = FrameSource::new(
        io::stdin().lock(),
        args.filter.connection,
        values(&args.filter.set),
    );
    filter::encode(source, &mut io::stdout().lock())
        .map(|()| true)
        .map_err(Failure::from)
}

/// Plays the dialogue's side of one connection, and compares what comes.
fn play(args: &EncodeArgs, replies: &Path) -> Result<bool, Failure> {
    // First of all: whoever writes the replies waits until it is opened, also where a line is wrong.
    let peer = PipePeer::standard(replies.to_owned()).map_err(Failure::Mistake)?;
    let mut text = String::new();
    io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|e| e.to_string())?;
    let given = values(&args.filter.set);
    // Standard input is in no folder: what it includes is looked for in the current one.
    let script =
        lines::dialogue_of_one(INPUT_NAME, &text, &included, args.filter.connection, &given)
            .map_err(Failure::Mistake)?;
    let mut dialer = PipelineDialer {
        peer: Some(peer),
        servers: Servers {
            hooks: args.hooks.iter().cloned().collect(),
            ..Servers::default()
        },
    };
    let mut tell = |line: &str| {
        let _ = writeln!(io::stderr(), "{}", clean(line));
    };
    let mut runner = Runner::new(&mut dialer, given, args.within);
    if args.verbose {
        runner = runner.with_transcript(&mut tell);
    }
    runner
        .run(&script)
        .map(|()| true)
        .map_err(|difference| Failure::Failed(difference.to_string()))
}
