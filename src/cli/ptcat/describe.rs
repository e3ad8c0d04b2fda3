//! spec/cli.md · 4.7 Communication
//!
//! `ptcat describe`: the protocol as data.

use super::failure::Failure;
use super::print::print;
use crate::description::{self, pages, wireshark};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct DescribeArgs {
    /// Instead write it and the tables made from it into the pages of this folder
    #[arg(long, value_name = "DIR")]
    pages: Option<PathBuf>,

    /// Print the dissector for Wireshark and tshark that is made from it
    #[arg(long, conflicts_with = "pages")]
    wireshark: bool,
}

/// Runs the subcommand; always `true`.
pub(super) fn run(args: &DescribeArgs) -> Result<bool, Failure> {
    match &args.pages {
        Some(folder) => {
            for page in pages::update(folder)? {
                print(&format!("{}", page.display()))?;
            }
        }
        None => {
            let description = description::describe();
            let text = if args.wireshark {
                wireshark::dissector(&description)
            } else {
                description.json().map_err(|e| e.to_string())?
            };
            print(text.trim_end())?;
        }
    }
    Ok(true)
}
