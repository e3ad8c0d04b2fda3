//! spec/dialogue/filter.md · 4.7 Communication
//!
//! The lines of a dialogue as filters read them: one connection of it, one line at a time, or an
//! instruction alone.

use crate::dialogue::message;
use crate::dialogue::raw;
use crate::dialogue::script::{ConnectionNumber, Script, Step, StepAction};
use crate::dialogue::variables::Variables;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// Why a filter stopped.
#[derive(Debug)]
pub enum FilterError {
    /// An invalid line or message, with its place.
    Mistake(String),
    /// Reading or writing failed.
    Io(io::Error),
}

impl From<io::Error> for FilterError {
    fn from(e: io::Error) -> FilterError {
        FilterError::Io(e)
    }
}

/// The steps of a line, which may also be an instruction and its arguments alone.
///
/// # Errors
/// The line is neither.
pub(super) fn line_actions(line: &str) -> Result<Vec<StepAction>, String> {
    match Script::parse("", line) {
        Ok(script) => Ok(script.steps.into_iter().map(|step| step.action).collect()),
        Err(mut fault) => {
            let first = fault.told.drain(..).next();
            let text = first.map_or(String::new(), |first| first.text);
            Ok(vec![bare_instruction(line).ok_or(text)?])
        }
    }
}

/// The dialogue of one connection of `text`, whose lines may also be instructions alone, and which
/// may leave out the `connect`. `None` selects the only connection. `read` returns the text of a
/// file that a line includes, by its path.
///
/// # Errors
/// The mistakes, with their places; or several connections, none of which was chosen.
pub fn dialogue_of_one(
    name: &str,
    text: &str,
    read: &dyn Fn(&Path) -> Result<String, String>,
    connection: Option<ConnectionNumber>,
    values: &Variables,
) -> Result<Script, String> {
    let line = |line: &str| match bare_instruction(line) {
        Some(_) if Script::parse("", line).is_err() => format!("> {line}\n"),
        _ => format!("{line}\n"),
    };
    let lines: String = text.lines().map(line).collect();
    let mut script = Script::parse_with(name, &lines, read).map_err(|e| e.to_string())?;
    let numbers: BTreeSet<_> = script
        .steps
        .iter()
        .filter_map(|step| step.action.connection())
        .collect();
    let number = match (connection, numbers.first()) {
        (Some(number), _) => number,
        (None, Some(number)) if numbers.len() == 1 => *number,
        (None, None) => 1,
        (None, Some(_)) => {
            let numbers: Vec<String> = numbers.iter().map(u16::to_string).collect();
            return Err(format!(
                "{name}: it has connections {}, and a pipeline is one: choose it with --connection, \
                 or let `ptcat run --through 'nc -N %h %p'` play all of them",
                numbers.join(", ")
            ));
        }
    };
    script
        .steps
        .retain(|step| step.action.connection().is_none_or(|n| n == number));
    let is_connect = |step: &Step| matches!(step.action, StepAction::Connect(..));
    if !script.steps.iter().any(is_connect) {
        script.steps.insert(
            0,
            Step {
                file: name.into(),
                line: 0,
                column: 0,
                text: String::new(),
                sections: Vec::new(),
                rules: Vec::new(),
                within: None,
                not_before: None,
                action: StepAction::Connect(number, "worker".to_owned()),
            },
        );
    }
    script.check(values).map_err(|e| e.to_string())?;
    Ok(script)
}

/// Parses a line that is an instruction and its arguments alone.
fn bare_instruction(line: &str) -> Option<StepAction> {
    let words = raw::words(raw::without_comment(line));
    let known = words
        .first()
        .is_some_and(|name| message::encode(std::slice::from_ref(name)).is_ok());
    known.then_some(StepAction::Send(1, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_one_connection() {
        let text = "let a 1\nping\n2 connect worker\n2 > ping\n";
        let none = Variables::new();
        let dialogue_of_one = |name: &str, text: &str, connection, values: &Variables| {
            let read = |path: &Path| match path.to_str() {
                Some("common.pt") => Ok("2 > ping\n".to_owned()),
                _ => Err("no such file".to_owned()),
            };
            super::dialogue_of_one(name, text, &read, connection, values)
        };
        let refused = dialogue_of_one("f.pt", text, None, &none).unwrap_err();
        assert!(refused.contains("connections 1, 2"), "{refused}");
        let first = dialogue_of_one("f.pt", text, Some(1), &none).unwrap();
        let actions: Vec<_> = first.steps.iter().map(|step| &step.action).collect();
        assert_eq!(
            actions,
            [
                &StepAction::Connect(1, "worker".into()),
                &StepAction::Let("a".into(), "1".into()),
                &StepAction::Send(1, vec!["ping".into()])
            ]
        );
        assert_eq!(
            dialogue_of_one("f.pt", text, Some(2), &none)
                .unwrap()
                .steps
                .len(),
            3
        );
        let including = dialogue_of_one("f.pt", "include common.pt\n", None, &none).unwrap();
        assert_eq!(
            including.steps.last().unwrap().action,
            StepAction::Send(2, vec!["ping".into()])
        );
        let bad = dialogue_of_one("f.pt", "ping\nnonsense\n", None, &none).unwrap_err();
        assert!(bad.starts_with("f.pt:2:1: "), "{bad}");
    }
}
