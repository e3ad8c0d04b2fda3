//! spec/cli.md · 4.7 Communication
//!
//! `ptcat describe`: the protocol as data.

use super::failure::Failure;
use super::print::print;
use crate::description::{self, pages};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct DescribeArgs {
    /// Instead write it and the tables made from it into the pages of this folder
    #[arg(long, value_name = "DIR")]
    pages: Option<PathBuf>,
}

/// Runs the subcommand; always `true`.
pub(super) fn run(args: &DescribeArgs) -> Result<bool, Failure> {
    match &args.pages {
        Some(folder) => {
            for page in pages::update(folder)? {
                print(&format!("{}", page.display()))?;
            }
        }
        None => print(
            description::describe()
                .json()
                .map_err(|e| e.to_string())?
                .trim_end(),
        )?,
    }
    Ok(true)
}
