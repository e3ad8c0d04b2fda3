//! spec/cli.md · 4.7 Communication
//!
//! `ptcat encode`: text to frames.

use super::arguments::{FilterArgs, values};
use super::failure::Failure;
use crate::dialogue::filter::{self, FrameSource};
use std::io;

/// Runs the subcommand; `true` where all went well.
pub(super) fn run(args: &FilterArgs) -> Result<bool, Failure> {
    let source = FrameSource::new(io::stdin().lock(), args.connection, values(&args.set));
    filter::encode(source, &mut io::stdout().lock())
        .map(|()| true)
        .map_err(Failure::from)
}
