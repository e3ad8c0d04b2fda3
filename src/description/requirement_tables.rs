//! spec/description.md · 4.5, 4.6
//!
//! The tables of the page of requirements, made of the dialogues that programs carry.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use crate::dialogue::conform;
use crate::dialogue::requirements::coverage::{self, ShownRequirement};

/// The rules of the specification, with the dialogues that show them.
pub fn rules() -> String {
    table(&["requirement", "the server", "shown by"], |one| {
        let shown = || vec![format!("`{}`", one.id), one.sentence.clone(), shown_by(one)];
        (!one.id.contains('/')).then(shown)
    })
}

/// What follows from the table of instructions, with the dialogues that show it.
pub fn answers() -> String {
    table(&["requirement", "section", "shown by"], |one| {
        let shown = || vec![format!("`{}`", one.id), one.section.clone(), shown_by(one)];
        (one.id.contains('/') && one.why.is_none()).then(shown)
    })
}

/// What nothing shows, with the reasons.
pub fn not_shown() -> String {
    table(&["requirement", "why"], |one| {
        let why = one.why?;
        Some(vec![format!("`{}`", one.id), why.to_owned()])
    })
}

fn table(head: &[&str], row: impl Fn(&ShownRequirement) -> Option<Vec<String>>) -> String {
    // The dialogues that the program carries are parsed by tests; where one cannot be, the table is
    // without rows, and the test of tables fails.
    let scripts = conform::built_in().unwrap_or_default();
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let mut lines = vec![line(&head), format!("|{}", "---|".repeat(head.len()))];
    lines.extend(
        coverage::all(&scripts)
            .iter()
            .filter_map(row)
            .map(|cells| line(&cells)),
    );
    lines.join("\n")
}

/// The dialogues without `.pt`, or the test.
fn shown_by(one: &ShownRequirement) -> String {
    if let Some(test) = one.test {
        return format!("`{test}`");
    }
    let names = one
        .dialogues
        .iter()
        .map(|name| name.trim_end_matches(".pt"));
    names.collect::<Vec<_>>().join(", ")
}
