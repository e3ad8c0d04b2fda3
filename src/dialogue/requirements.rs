//! spec/dialogue/requirements.md · 4 The Protocol
//!
//! What a server must do, one requirement a line, each with an ID. Those of the instructions follow
//! from the table: each answer and each reason of a failure is one. The others are sentences of the
//! specification's sections, marked by hand; [`rules`] has them.

pub mod coverage;
pub mod rules;

use crate::model::Reason;
use crate::wire::instruction::{InstructionRow, TABLE};
use crate::wire::{Destination, Direction};
use rules::RULES;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// A requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// `SECTION-WORDS` of a rule, `INSTRUCTION/ANSWER` or `INSTRUCTION/REASON` of the table, or
    /// `DESTINATION/REASON` of a reason that all instructions of a destination share.
    pub id: String,
    /// The specification's section.
    pub section: String,
    /// What the server does.
    pub sentence: String,
    /// The edition of the protocol that brought it: 1 or 2.
    pub edition: u8,
}

/// What a request is refused for because of how the server is, whatever it asks: one requirement of
/// a destination, and not of each of its instructions.
const OF_THE_SERVER: &[Reason] = &[
    Reason::Overloaded,
    Reason::MasterUnavailable,
    Reason::InternalError,
];

/// All requirements: the rules in the specification's order, then the table's.
pub fn all() -> Vec<Requirement> {
    let rules = RULES.iter().map(|rule| Requirement {
        id: rule.id.to_owned(),
        section: rule.section().to_owned(),
        sentence: rule.sentence.to_owned(),
        edition: 1,
    });
    let shared = Destination::ALL.iter().flat_map(|destination| {
        let reasons = OF_THE_SERVER.iter();
        reasons.filter_map(|reason| of_destination(*destination, *reason))
    });
    rules
        .chain(TABLE.iter().flat_map(of_row))
        .chain(shared)
        .collect()
}

/// The sections of all requirements by their IDs, made once: every dialogue asks for each of its
/// requirements.
static SECTION_OF: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let pairs = all().into_iter().map(|other| (other.id, other.section));
    pairs.collect()
});

/// Whether a requirement has this ID.
pub fn is_known(id: &str) -> bool {
    SECTION_OF.contains_key(id)
}

/// The section of the requirement with this ID.
pub fn section_of(id: &str) -> Option<&'static str> {
    SECTION_OF.get(id).map(String::as_str)
}

/// A row's name in IDs. Two instructions are called `login`; the second is `login-session` here.
pub fn row_name(row: &InstructionRow) -> String {
    let is_second = TABLE
        .iter()
        .any(|other| other.name == row.name && other.number < row.number);
    if is_second {
        format!("{}-session", row.name)
    } else {
        row.name.to_owned()
    }
}

/// The ID of a request's success, given by the answer's name.
pub fn success_id(row: &InstructionRow, answer: &str) -> String {
    format!("{}/{answer}", row_name(row))
}

/// The ID of a request's failure for this reason.
pub fn failure_id(row: &InstructionRow, reason: &str) -> String {
    let is_shared = OF_THE_SERVER.iter().any(|shared| shared.as_str() == reason);
    match row.destination.filter(|_| is_shared) {
        Some(destination) => destination_id(destination, reason),
        None => format!("{}/{reason}", row_name(row)),
    }
}

fn destination_id(destination: Destination, reason: &str) -> String {
    format!("{}/{reason}", destination.as_str().replace(' ', "-"))
}

/// The requirements of a row: those that clients cannot ask for have none.
fn of_row(row: &'static InstructionRow) -> Vec<Requirement> {
    if !matches!(row.direction, Direction::Request | Direction::Both) {
        return Vec::new();
    }
    let requirement = |id: String, sentence: String| Requirement {
        id,
        section: row.section.to_owned(),
        sentence,
        edition: row.edition,
    };
    let answers = row.success.iter().map(|answer| {
        let name = answer.name();
        let sentence = format!("{} that succeeds is answered with {name}.", row.name);
        requirement(success_id(row, name), sentence)
    });
    let failures = row.reasons().into_iter().filter_map(|reason| {
        let failure = row.failure?.name();
        if OF_THE_SERVER.contains(&reason) {
            return None;
        }
        let sentence = format!("{} is refused with {failure} {reason}.", row.name);
        Some(requirement(failure_id(row, reason.as_str()), sentence))
    });
    answers.chain(failures).collect()
}

/// Where an instruction of the destination may be refused for this reason.
fn of_destination(destination: Destination, reason: Reason) -> Option<Requirement> {
    let mut rows = TABLE
        .iter()
        .filter(|row| row.destination == Some(destination));
    let row = rows.find(|row| row.reasons().contains(&reason))?;
    Some(Requirement {
        id: destination_id(destination, reason.as_str()),
        section: row.section.to_owned(),
        sentence: format!(
            "A request to the {} is refused with its Fail {reason}.",
            destination.as_str()
        ),
        edition: row.edition,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_id_is_unique_and_its_sentence_is_one() {
        let mut ids = BTreeSet::new();
        for requirement in all() {
            assert!(
                ids.insert(requirement.id.clone()),
                "{} stands twice",
                requirement.id
            );
            assert!(requirement.sentence.ends_with('.'), "{}", requirement.id);
        }
    }

    #[test]
    fn ids_come_of_the_table_and_of_the_rules() {
        for id in [
            "login/bad-credentials",
            "login-session/sessionID",
            "getAssetInfo/data",
            "orders/overloaded",
            "account-queries/master-unavailable",
            "4.7.1-packet-size",
        ] {
            assert!(is_known(id), "{id}");
        }
        // No client sends these, or the destination has it for all.
        for id in [
            "loginFail/wrong-state",
            "linkHello/linkRefused",
            "login/overloaded",
        ] {
            assert!(!is_known(id), "{id}");
        }
    }
}
