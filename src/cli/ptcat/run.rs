//! spec/cli.md · 4.7 Communication
//!
//! `ptcat run`: one dialogue.

use super::arguments::{TargetArgs, included, values};
use super::failure::Failure;
use crate::dialogue::filter::pipe::CommandDialer;
use crate::dialogue::runner::Runner;
use crate::dialogue::script::Script;
use crate::dialogue::servers::Dialer;
use crate::model::printable::clean;
use clap::Args;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct RunDialogueArgs {
    /// The dialogue, or `-` for standard input
    file: PathBuf,

    #[command(flatten)]
    target: TargetArgs,

    /// Reach each server through this shell command, in which `%h` and `%p` are its host and port:
    /// `nc -N %h %p`
    #[arg(long, value_name = "COMMAND")]
    through: Option<String>,

    /// Tell every message that is sent and that comes, on standard error
    #[arg(short, long)]
    verbose: bool,
}

/// Runs the subcommand; `true` where every line was met.
pub(super) fn run(args: &RunDialogueArgs) -> Result<bool, Failure> {
    let RunDialogueArgs {
        file,
        target,
        through,
        verbose,
    } = args;
    let script = read(file)?;
    let given = values(&target.running.set);
    script.check(&given)?;
    let reached = target.running.servers(&target.worker);
    let mut servers: Box<dyn Dialer> = match through.clone() {
        Some(command) => Box::new(CommandDialer {
            servers: reached,
            command,
        }),
        None => Box::new(reached),
    };
    let mut tell = |line: &str| {
        let _ = writeln!(io::stderr(), "{}", clean(line));
    };
    let mut runner = Runner::new(servers.as_mut(), given, target.running.within);
    if *verbose {
        runner = runner.with_transcript(&mut tell);
    }
    runner
        .run(&script)
        .map(|()| true)
        .map_err(|difference| Failure::Failed(difference.to_string()))
}

/// Reads the dialogue. What standard input includes is looked for from the current folder.
fn read(file: &Path) -> Result<Script, Failure> {
    if file != Path::new("-") {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        return Ok(Script::parse_with(
            &file.display().to_string(),
            &text,
            &included,
        )?);
    }
    let mut text = String::new();
    io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|e| format!("standard input: {e}"))?;
    Ok(Script::parse_with("standard input", &text, &included)?)
}
