//! spec/cli.md · 4.5 Instructions
//!
//! `ptcat instructions`: the table of instructions on the screen, as the description has it.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::failure::Failure;
use super::print::print;
use crate::cli::output::pretty_json;
use crate::cli::table::{self, Column};
use crate::cli::terminal::for_people;
use crate::description::{
    self, AnswerEntry, ArgumentEntry, ArgumentTypeEntry, Description, InstructionEntry,
};
use clap::Args;
use std::fmt::Write;

#[derive(Debug, Args)]
pub(super) struct InstructionsArgs {
    /// An instruction's name, or its number as four hexadecimal digits [default: all, a line each]
    #[arg(value_name = "NAME|NUMBER")]
    which: Option<String>,

    /// Print JSON: the entries of `ptcat describe`, with the types of their arguments
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand; always `true`.
pub(super) fn run(args: &InstructionsArgs) -> Result<bool, Failure> {
    let description = description::describe();
    let all = &description.instructions;
    let chosen: Vec<&InstructionEntry> = match &args.which {
        None => all.iter().collect(),
        Some(which) => all.iter().filter(|entry| is_it(entry, which)).collect(),
    };
    if let (true, Some(which)) = (chosen.is_empty(), &args.which) {
        return Err(Failure::Mistake(unknown(all, which)));
    }
    if args.json {
        let types: serde_json::Map<String, serde_json::Value> = types_of(&description, &chosen)
            .map(|(name, entry)| (name.clone(), serde_json::json!(entry)))
            .collect();
        let all = serde_json::json!({ "instructions": chosen, "argumentTypes": types });
        print(&pretty_json(&all).map_err(|e| e.to_string())?)?;
        return Ok(true);
    }
    let text = if args.which.is_some() {
        let told: Vec<String> = chosen.iter().map(|e| details(&description, e)).collect();
        told.join("\n")
    } else {
        overview(&chosen)
    };
    print(for_people(&text).trim_end())?;
    Ok(true)
}

fn is_it(entry: &InstructionEntry, which: &str) -> bool {
    let digits = which.strip_prefix("0x").unwrap_or(which);
    let number = u16::from_str_radix(digits, 16).ok();
    entry.name.eq_ignore_ascii_case(which) || (digits.len() == 4 && number == Some(entry.number))
}

/// What is said of a name that there is not: those that hold it, if any do.
fn unknown(all: &[InstructionEntry], which: &str) -> String {
    let part = which.to_ascii_lowercase();
    let alike: Vec<&str> = all
        .iter()
        .map(|entry| entry.name)
        .filter(|name| name.to_ascii_lowercase().contains(&part))
        .collect();
    if alike.is_empty() {
        format!("{which}: no instruction has this name or number; `ptcat instructions` lists all")
    } else {
        format!(
            "{which}: no instruction has this name; is one of these meant: {}",
            alike.join(", ")
        )
    }
}

/// `purchaseAsset(sessionID, name, quantity[, clientOrderID])`
fn call(name: &str, arguments: &[ArgumentEntry]) -> String {
    let mut out = format!("{name}(");
    let mut optional = 0;
    for (index, argument) in arguments.iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        if argument.optional {
            optional += 1;
            out.push('[');
        }
        out.push_str(comma);
        out.push_str(argument.name);
        if argument.repeated {
            out.push_str(" …");
        }
    }
    out.push_str(&"]".repeat(optional));
    out.push(')');
    out
}

/// A line for each instruction.
fn overview(chosen: &[&InstructionEntry]) -> String {
    let columns = [
        Column::text("number", 0),
        Column::text("instruction", 0),
        Column::text("section", 2),
        Column::text("edition", 1),
        Column::text("direction", 4),
        Column::text("states", 3),
    ];
    let rows: Vec<Vec<String>> = chosen
        .iter()
        .map(|entry| {
            vec![
                format!("{:04X}", entry.number),
                call(entry.name, &entry.arguments),
                entry.section.to_owned(),
                entry.edition.to_string(),
                entry.direction.to_owned(),
                entry.states.join(", "),
            ]
        })
        .collect();
    table::table(&columns, &rows)
}

/// All of one instruction.
fn details(description: &Description, entry: &InstructionEntry) -> String {
    let mut pairs = vec![
        ("", call(entry.name, &entry.arguments)),
        ("number", format!("{:04X}", entry.number)),
        ("about", entry.about.to_owned()),
        ("section", entry.section.to_owned()),
        ("edition", entry.edition.to_string()),
        ("direction", entry.direction.to_owned()),
    ];
    if !entry.states.is_empty() {
        pairs.push(("states", entry.states.join(", ")));
        let scope = entry.scope.unwrap_or("needs no session");
        pairs.push(("scope", scope.to_owned()));
    }
    if let Some(destination) = entry.destination {
        pairs.push(("answered by", destination.to_owned()));
    }
    if entry.binary {
        pairs.push(("data", "binary, without arguments".to_owned()));
    }
    let mut out = String::new();
    // The call stands alone in the first line.
    if let Some((_, first)) = pairs.first() {
        let _ = writeln!(out, "{first}");
    }
    out.push_str(&table::list(pairs.get(1..).unwrap_or_default()));
    if !entry.arguments.is_empty() {
        out.push_str("\narguments\n");
        let told: Vec<(&str, String)> = entry
            .arguments
            .iter()
            .map(|argument| (argument.name, grammar(description, argument)))
            .collect();
        out.push_str(&table::list(&told));
    }
    if !entry.answers.is_empty() {
        out.push_str("\nanswers\n");
        let told: Vec<(&str, String)> = entry.answers.iter().map(|a| (a.name, answer(a))).collect();
        out.push_str(&table::list(&told));
    }
    out
}

fn answer(answer: &AnswerEntry) -> String {
    let mut parts = vec![answer.outcome.to_owned()];
    if let Some(payload) = answer.payload {
        parts.push(format!("payload {payload}"));
    } else if answer.reasons.is_empty() && !answer.arguments.is_empty() {
        parts.push(call(answer.name, &answer.arguments));
    }
    if !answer.reasons.is_empty() {
        parts.push(answer.reasons.join(", "));
    }
    parts.join(": ")
}

/// The type of an argument with its grammar, and what refuses it.
fn grammar(description: &Description, argument: &ArgumentEntry) -> String {
    let mut parts = vec![argument.kind.clone()];
    if let Some(entry) = description.argument_types.get(argument.kind.as_str()) {
        parts.push(entry.about.to_owned());
        parts.extend(form(entry));
    }
    for (is_so, word) in [
        (argument.optional, "may be left out"),
        (argument.repeated, "any number of times"),
        (argument.last, "the rest, spaces included"),
    ] {
        if is_so {
            parts.push(word.to_owned());
        }
    }
    if let Some(reason) = argument.reason {
        parts.push(format!("else {reason}"));
    }
    parts.join("; ")
}

fn form(entry: &ArgumentTypeEntry) -> Vec<String> {
    let length = match (entry.min_length, entry.max_length) {
        (Some(least), Some(most)) => Some(format!("{least} to {most} characters")),
        (None, Some(most)) => Some(format!("at most {most} characters")),
        (Some(least), None) => Some(format!("at least {least} characters")),
        (None, None) => None,
    };
    let all = [
        entry.pattern.map(|pattern| format!("pattern {pattern}")),
        length,
        entry.max_bytes.map(|most| format!("at most {most} bytes")),
        entry
            .exclusive_minimum
            .map(|least| format!("above {least}")),
        entry.maximum.map(|most| format!("at most {most}")),
        entry.list.map(|list| format!("a word of the list {list}")),
        entry.none.map(|none| format!("{none} for none")),
    ];
    all.into_iter().flatten().collect()
}

/// The types that arguments of these instructions and of their answers have, by name.
fn types_of<'a>(
    description: &'a Description,
    chosen: &'a [&InstructionEntry],
) -> impl Iterator<Item = (&'a String, &'a ArgumentTypeEntry)> {
    let is_used = |name: &str| {
        chosen.iter().any(|entry| {
            let answers = entry.answers.iter().flat_map(|answer| &answer.arguments);
            entry
                .arguments
                .iter()
                .chain(answers)
                .any(|a| a.kind == name)
        })
    };
    let types = description.argument_types.iter();
    types.filter(move |(name, _)| is_used(name))
}
