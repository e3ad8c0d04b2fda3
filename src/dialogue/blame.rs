//! spec/dialogue.md · 4 The Protocol
//!
//! Which sections of the specification a line of a dialogue shows: those of its `section` and `rule`
//! lines, those of the reply that it expects, and that of the request which the reply answers. And
//! which edition of the protocol a dialogue needs.

use super::raw;
use super::script::{ConnectionNumber, Script, Step, StepAction};
use super::sections;
use crate::wire::frame::HEADER_BYTES;
use crate::wire::instruction::{Arity, Destination, InstructionRow, TABLE};
use crate::wire::{Direction, FrameHeader, Instruction};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The section of connections between clients and workers.
const CLIENTS: &str = "4.3.2";
/// The section of transfers in packets.
const TRANSFERS: &str = "4.7.1";
/// The section of connections to the master.
const MASTER: &str = "4.3.1";

/// The sections that dialogues prepare by logging in and switching, whatever they are about.
const OF_PREPARATION: &[&str] = &[CLIENTS, "4.6.1", "4.6.3", "4.6.6"];

/// What a step shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The sections that are to blame where the step is not met, in the specification's order.
    pub sections: Vec<String>,
    /// Whether the step shows something where it is met. One that only acts (sends, waits, sets a
    /// value) shows nothing.
    pub counts: bool,
}

/// What each step of a script shows.
pub fn of_steps(script: &Script) -> Vec<Shown> {
    let mut asked = Asked::default();
    let shown: Vec<Shown> = script
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| asked.shown(script, index, step))
        .collect();
    shown
}

/// A line of a script, with the steps that it has: `repeat` makes several.
pub struct ShownLine {
    /// The indices of its steps.
    pub steps: std::ops::Range<usize>,
    /// The sections that it shows.
    pub sections: Vec<String>,
}

/// The lines that show something.
pub fn lines(script: &Script, shown: &[Shown]) -> Vec<ShownLine> {
    let mut lines: Vec<ShownLine> = Vec::new();
    for (index, (step, shown)) in script.steps.iter().zip(shown).enumerate() {
        if !shown.counts || shown.sections.is_empty() {
            continue;
        }
        let is_same = |line: &&mut ShownLine| {
            let before = script.steps.get(line.steps.start);
            line.steps.end == index
                && before.is_some_and(|b| b.line == step.line && b.file == step.file)
        };
        match lines.last_mut().filter(is_same) {
            Some(line) => line.steps.end += 1,
            None => lines.push(ShownLine {
                steps: index..index + 1,
                sections: shown.sections.clone(),
            }),
        }
    }
    lines
}

/// Whether a script is about a section, or one below it: it has a line of it that is more than its
/// preparation.
pub fn is_about(script: &Script, shown: &[Shown], section: &str) -> bool {
    script.steps.iter().zip(shown).any(|(step, shown)| {
        let has_it = shown
            .sections
            .iter()
            .any(|s| sections::is_within(s, section));
        has_it && shown.counts && !is_preparation(step)
    })
}

/// Whether a script has a line of a section, or of one below it.
pub fn has_line_of(shown: &[Shown], section: &str) -> bool {
    let is_it = |shown: &Shown| {
        let mut found = shown.sections.iter();
        shown.counts && found.any(|s| sections::is_within(s, section))
    };
    shown.iter().any(is_it)
}

fn is_preparation(step: &Step) -> bool {
    let mut named = step.sections.iter();
    named.all(|section| OF_PREPARATION.contains(&section.as_str()))
        && step.rules.is_empty()
        && match &step.action {
            StepAction::Connect(..) => true,
            StepAction::Expect(_, words) => words.first().is_some_and(|word| {
                ["registerSuccess", "sessionID", "stateSwitchSuccess"].contains(&word.as_str())
            }),
            _ => false,
        }
}

/// The first instruction of a script that is of a later edition than this one: its name, and its
/// edition.
pub fn later_instruction(script: &Script, edition: u8) -> Option<(&'static str, u8)> {
    script.steps.iter().find_map(|step| {
        let mut rows = rows_of(step).into_iter();
        let row = rows.find(|row| row.edition > edition)?;
        Some((row.name, row.edition))
    })
}

/// Whether the script has an order that is to settle: it needs a market that moves.
pub fn needs_settlement(script: &Script) -> bool {
    let settled = [
        Instruction::PurchaseSuccess.name(),
        Instruction::SellSuccess.name(),
    ];
    script.steps.iter().any(|step| match &step.action {
        StepAction::Expect(_, words) | StepAction::Await(_, _, words) => words
            .first()
            .is_some_and(|word| settled.contains(&word.as_str())),
        _ => false,
    })
}

/// The rows of the table that a step names.
fn rows_of(step: &Step) -> Vec<&'static InstructionRow> {
    match &step.action {
        StepAction::Send(_, words) => request(words).into_iter().collect(),
        StepAction::Raw(_, words) => raw_request(words).into_iter().collect(),
        StepAction::Expect(_, words) | StepAction::Notice(_, words) => {
            reply(words).into_iter().collect()
        }
        StepAction::Await(_, words, answer) => {
            request(words).into_iter().chain(reply(answer)).collect()
        }
        _ => Vec::new(),
    }
}

/// The row of an instruction that is sent, by its name and the number of its arguments.
fn request(words: &[String]) -> Option<&'static InstructionRow> {
    let (name, arguments) = words.split_first()?;
    let count = arguments.len();
    let fits = |row: &&InstructionRow| match row.arity {
        Arity::Between(least, most) => (usize::from(least)..=usize::from(most)).contains(&count),
        Arity::AtLeast(_) | Arity::Binary => true,
    };
    let named = || TABLE.iter().filter(|row| row.name == name);
    named().find(fits).or_else(|| named().next())
}

/// The row of an instruction that is sent as raw bytes, if they begin with a whole header.
fn raw_request(words: &[String]) -> Option<&'static InstructionRow> {
    let bytes = raw::bytes(words).ok()?;
    let header: &[u8; HEADER_BYTES] = bytes.get(..HEADER_BYTES)?.try_into().ok()?;
    let number = FrameHeader::read(header).instruction;
    Some(Instruction::from_number(number)?.row())
}

/// The row of a message that is expected.
fn reply(words: &[String]) -> Option<&'static InstructionRow> {
    let name = words.first()?;
    TABLE.iter().find(|row| {
        let comes = matches!(row.direction, Direction::Return | Direction::Notice);
        row.name == name && (comes || row.instruction == Instruction::Pong)
    })
}

/// The section that a rule's ID begins with. The IDs of the table's requirements begin with an
/// instruction, whose sections are found by its lines.
fn section_of_rule(id: &str) -> Option<String> {
    let (section, _) = id.split_once('-')?;
    sections::find(section).map(|section| section.number.to_owned())
}

/// What the lines so far have asked and expected, by connection.
#[derive(Default)]
struct Asked {
    /// Requests without a reply so far, oldest first.
    open: BTreeMap<ConnectionNumber, VecDeque<&'static InstructionRow>>,
    /// The sections of the message that was expected last.
    last: BTreeMap<ConnectionNumber, Vec<String>>,
}

impl Asked {
    fn shown(&mut self, script: &Script, index: usize, step: &Step) -> Shown {
        let of_rules = step.rules.iter().filter_map(|id| section_of_rule(id));
        let mut found: BTreeSet<String> = step.sections.iter().cloned().chain(of_rules).collect();
        let mut counts = true;
        match &step.action {
            StepAction::Connect(number, target) => {
                self.open.insert(*number, VecDeque::new());
                let section = if target == "master" { MASTER } else { CLIENTS };
                found.insert(section.to_owned());
                counts = is_answered(script, index, *number);
            }
            StepAction::Send(number, words) => {
                found.extend(self.ask(*number, request(words)));
                counts = false;
            }
            StepAction::Raw(number, words) => {
                found.extend(self.ask(*number, raw_request(words)));
                counts = false;
            }
            StepAction::Expect(number, words) | StepAction::Notice(number, words) => {
                if let Some(row) = reply(words) {
                    let mut sections = vec![row.section.to_owned()];
                    sections.extend(self.answer(*number, row, words));
                    found.extend(sections.iter().cloned());
                    self.last.insert(*number, sections);
                }
            }
            StepAction::Await(_, words, answer) => {
                let rows = [request(words), reply(answer)];
                found.extend(rows.into_iter().flatten().map(|row| row.section.to_owned()));
            }
            StepAction::Row(number, ..) => found.extend(self.last(*number)),
            StepAction::Packets(number, _) => {
                found.extend(self.last(*number));
                found.insert(TRANSFERS.to_owned());
            }
            // Whoever runs the dialogue does it; the server is not to blame.
            StepAction::Do(_) | StepAction::Let(..) | StepAction::Pause(_) => {
                return Shown::default();
            }
            StepAction::Half(_) | StepAction::Close(_) => counts = false,
            _ => {}
        }
        let mut found: Vec<String> = found.into_iter().collect();
        found.sort_by_key(|section| sections::order(section));
        Shown {
            sections: found,
            counts,
        }
    }

    /// The sections of the message that was expected last on a connection.
    fn last(&self, number: ConnectionNumber) -> Vec<String> {
        self.last.get(&number).cloned().unwrap_or_default()
    }

    /// Notes a request; returns its section.
    fn ask(
        &mut self,
        number: ConnectionNumber,
        row: Option<&'static InstructionRow>,
    ) -> Option<String> {
        let row = row?;
        if !row.success.is_empty() || row.failure.is_some() {
            self.open.entry(number).or_default().push_back(row);
        }
        Some(row.section.to_owned())
    }

    /// The section of the request that this message answers, or is about. A reply takes its request
    /// away.
    fn answer(
        &mut self,
        number: ConnectionNumber,
        reply: &InstructionRow,
        words: &[String],
    ) -> Option<String> {
        let asked = self.open.get_mut(&number)?;
        if reply.direction == Direction::Notice {
            if reply.instruction != Instruction::TransactionQueued {
                return None;
            }
            let mut orders = asked.iter();
            let order = orders.find(|row| row.destination == Some(Destination::Orders))?;
            return Some(order.section.to_owned());
        }
        let payload = words.get(1).map(String::as_str).unwrap_or_default();
        let answers = |row: &InstructionRow| {
            row.success.contains(&reply.instruction) || row.failure == Some(reply.instruction)
        };
        let carries = |row: &InstructionRow| {
            row.payload
                .is_some_and(|kind| format!("{kind:?}") == payload)
        };
        let exact = asked.iter().position(|row| answers(row) && carries(row));
        let at = exact.or_else(|| asked.iter().position(|row| answers(row)))?;
        asked.remove(at).map(|row| row.section.to_owned())
    }
}

/// Whether a message is expected on a connection before it is opened anew.
fn is_answered(script: &Script, opened: usize, number: ConnectionNumber) -> bool {
    let later = script.steps.iter().skip(opened + 1);
    let mut on_it = later.filter(|step| step.action.connection() == Some(number));
    on_it
        .by_ref()
        .take_while(|step| !matches!(step.action, StepAction::Connect(..)))
        .any(is_answer)
}

/// Whether a step is met only if a message has come.
pub fn is_answer(step: &Step) -> bool {
    matches!(
        step.action,
        StepAction::Expect(..) | StepAction::Notice(..) | StepAction::Await(..)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(String, bool)> {
        let script = Script::parse("f.pt", text).unwrap();
        let found = of_steps(&script).into_iter();
        found.map(|s| (s.sections.join(" "), s.counts)).collect()
    }

    #[test]
    fn a_line_shows_the_reply_and_the_request_that_it_answers() {
        let text = "1 connect worker\nsection 3.1.7\n1 > purchaseAsset {sid} A 1\n1 > sellAsset {sid} A 1\n\
            1 < transactionQueued {tx} - *\n1 < purchaseSuccess *\n1 < sellFail *\nsection 4.2\n1 > login {sid}\n\
            1 < sessionID {sid} *\n1 > login a b true\n1 < loginFail *\n1 < protocolError *\n1 closed\n1 close\n\
            1 await getAssetList < data List *\nlet a b\n2 connect master\n2 < {anything} *";
        let expected = [
            ("4.3.2", true),
            ("3.1.7 4.6.4", false),
            ("3.1.7 4.6.5", false),
            ("3.1.7 4.1 4.6.4", true),
            ("3.1.7 4.6.4 4.6.21", true),
            ("3.1.7 4.6.5 4.6.24", true),
            ("4.2 4.6.2", false),
            ("4.2 4.6.2 4.6.18", true),
            ("4.2 4.6.1", false),
            ("4.2 4.6.1 4.6.17", true),
            ("4.1 4.2", true),
            ("4.2", true),
            ("4.2", false),
            ("3.1.6 4.2 4.6.27", true),
            ("", false),
            ("4.2 4.3.1", true),
            ("4.2", true),
        ];
        let expected: Vec<(String, bool)> = expected
            .iter()
            .map(|(s, c)| ((*s).to_owned(), *c))
            .collect();
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn a_connection_that_nothing_comes_on_shows_nothing() {
        let text = "1 connect worker\n1 half\n1 closed\n1 connect worker\n1 > ping\n1 < pong";
        let counts: Vec<bool> = shown(text).into_iter().map(|(_, counts)| counts).collect();
        assert_eq!(counts, [false, false, true, true, false, true]);
    }

    #[test]
    fn a_repeated_line_counts_once() {
        let text = "section 4.1\n1 connect worker\n1 repeat 3 > ping\n1 repeat 3 < pong\n1 < pong";
        let script = Script::parse("f.pt", text).unwrap();
        let lines = lines(&script, &of_steps(&script));
        let steps: Vec<_> = lines.iter().map(|line| line.steps.clone()).collect();
        assert_eq!(steps, [0..1, 4..7, 7..8]);
    }

    #[test]
    fn the_edition_is_that_of_all_instructions() {
        let later = |text: &str| later_instruction(&Script::parse("f", text).unwrap(), 1);
        assert_eq!(later("> ping\n< pong"), None);
        assert_eq!(later("> ping\n> getServerInfo"), Some(("getServerInfo", 2)));
        assert_eq!(
            later("x 04 0407 00000000 0000 00000001 00000001").map(|l| l.0),
            Some("getServerInfo")
        );
        assert_eq!(
            later("await ping < orderFail *").map(|l| l.0),
            Some("orderFail")
        );
    }

    #[test]
    fn what_only_prepares_is_about_nothing() {
        let text = "section 4.6.3\n1 connect worker\n1 > register a b c\n1 < registerSuccess\nsection 4.6.4\n\
            1 > purchaseAsset a b c\n1 < purchaseFail *";
        let script = Script::parse("f.pt", text).unwrap();
        let shown = of_steps(&script);
        assert!(!is_about(&script, &shown, "4.6.3") && has_line_of(&shown, "4.6.3"));
        assert!(is_about(&script, &shown, "4.6.4") && is_about(&script, &shown, "4.6"));
        assert!(!has_line_of(&shown, "4.7.1"));
        assert!(!needs_settlement(&script));
    }
}
