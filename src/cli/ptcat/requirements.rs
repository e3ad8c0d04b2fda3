//! spec/cli.md · 4.7 Communication
//!
//! `ptcat requirements`: what a server must do, and which dialogues show it.

use super::failure::Failure;
use super::print::print;
use crate::dialogue::conform;
use crate::dialogue::requirements::coverage::{self, ShownRequirement};
use clap::Args;
use serde_json::json;

#[derive(Debug, Args)]
pub(super) struct RequirementsArgs {
    /// Print JSON: `requirements`, each with `id`, `section`, `sentence`, `edition`, the
    /// `dialogues` that show it, and where none does the `test` that shows it or `why` none does
    #[arg(long)]
    json: bool,
    /// Only those of this section, or with this text in their IDs
    #[arg(value_name = "SECTION|TEXT")]
    wanted: Option<String>,
}

/// Runs the subcommand; always `true`.
pub(super) fn run(args: &RequirementsArgs) -> Result<bool, Failure> {
    let scripts = conform::built_in().map_err(|e| e.to_string())?;
    let mut all = coverage::all(&scripts);
    if let Some(wanted) = &args.wanted {
        all.retain(|one| one.section == *wanted || one.id.contains(wanted.as_str()));
        if all.is_empty() {
            let text = format!("{wanted}: no requirement has this section, or this text in its ID");
            return Err(Failure::Mistake(text));
        }
    }
    if args.json {
        let text = serde_json::to_string_pretty(&json!({ "requirements": all }));
        print(&text.map_err(|e| e.to_string())?)?;
    } else {
        let lines: Vec<String> = all.iter().map(for_people).collect();
        print(&lines.join("\n"))?;
    }
    Ok(true)
}

/// Its ID, its sentence, and what shows it, in three lines.
fn for_people(one: &ShownRequirement) -> String {
    let shown = match (&one.test, &one.why) {
        (Some(test), _) => format!("shown by a test: {test}"),
        (_, Some(why)) => format!("not shown: {why}"),
        _ => one.dialogues.join(" "),
    };
    format!(
        "{} [{}]\n    {}\n    {shown}",
        one.id, one.section, one.sentence
    )
}
