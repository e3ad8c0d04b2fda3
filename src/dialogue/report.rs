//! spec/dialogue/report.md · 4 The Protocol
//!
//! What the outcomes of dialogues say of the specification's sections.

use super::runner::Difference;
use super::script::Script;
use serde::Serialize;
use std::collections::BTreeMap;

/// The sections that dialogues can show, with their titles.
pub const SECTIONS: &[(&str, &str)] = &[
    ("2.4.2", "Session Structure"),
    ("3.1.1", "Master Server: Main Module"),
    ("3.1.3", "Account Management & Authorization"),
    ("3.1.5", "Worker Management"),
    ("3.1.6", "Assets Data Retrieval"),
    ("3.1.7", "Assets Buy & Sell"),
    ("3.2.3", "Client Management"),
    ("4.1", "Design Goals"),
    ("4.2", "States"),
    ("4.2.1", "Command State"),
    ("4.2.2", "Data Transfer State"),
    ("4.3.1", "Master-Worker Server Connection"),
    ("4.3.2", "Client-Worker Server Connection"),
    ("4.4", "Message Structure"),
    ("4.5", "Instructions"),
    ("4.5.3", "Server Return Instructions"),
    ("4.6.1", "login(name, hashedPass, isExpirable)"),
    ("4.6.2", "login(sessionID)"),
    ("4.6.3", "register(username, email, hashedPass)"),
    ("4.6.4", "purchaseAsset(sessionID, name, quantity)"),
    ("4.6.5", "sellAsset(sessionID, name, quantity)"),
    ("4.6.6", "switchState(sessionID, state)"),
    ("4.6.7", "getAssetInfo(asset)"),
    ("4.6.8", "getAssetValueCurrent(asset)"),
    ("4.6.9", "getAssetValueDay(asset, date)"),
    ("4.6.10", "getAssetValueWeek(asset, date)"),
    ("4.6.11", "getAssetValueMonth(asset, date)"),
    ("4.6.12", "getAssetValueYear(asset, date)"),
    ("4.6.13", "getAssetValueAllTime(asset)"),
    ("4.6.14", "getUserInfo(sessionID, username)"),
    ("4.6.15", "getUserPortfolio(sessionID, username)"),
    ("4.6.16", "getUserTransactionHistory(sessionID, username)"),
    ("4.6.17", "loginFail"),
    ("4.6.18", "sessionID"),
    ("4.6.19", "registerSuccess"),
    ("4.6.20", "registerFail"),
    ("4.6.21", "purchaseSuccess"),
    ("4.6.22", "purchaseFail"),
    ("4.6.23", "sellSuccess"),
    ("4.6.24", "sellFail"),
    ("4.6.25", "stateSwitchSuccess"),
    ("4.6.26", "stateSwitchFail"),
    ("4.6.27", "data"),
    ("4.6.28", "dataFail"),
    ("4.7.1", "Data Transfer Mechanism"),
    ("4.7.2", "Login - First Method"),
    ("4.7.3", "Login - Second Method"),
    ("4.7.4", "Register"),
    ("4.7.5", "Purchase"),
];

/// What became of one fixture.
#[derive(Debug, Clone)]
pub enum FixtureOutcome {
    /// Why it did not run.
    Skipped(String),
    /// The steps that were met, and the first that was not.
    Ran(usize, Option<Difference>),
}

/// What is said of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionResult {
    /// Every line that shows it was met.
    Pass,
    /// A line that shows it was not met.
    Fail,
    /// A fixture failed before it came to it, and no other shows it.
    NotReached,
    /// Only fixtures that were skipped show it.
    Skipped,
}

impl SectionResult {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            SectionResult::Pass => "pass",
            SectionResult::Fail => "FAIL",
            SectionResult::NotReached => "not reached",
            SectionResult::Skipped => "skipped",
        }
    }
}

/// A section's line of the report.
#[derive(Debug, Clone, Serialize)]
pub struct SectionReport {
    /// Its number.
    pub section: String,
    /// Its title.
    pub title: String,
    /// What is said of it.
    pub result: SectionResult,
    /// The fixtures that showed it and ran.
    pub fixtures: Vec<String>,
    /// The first difference, where there is one.
    pub difference: Option<String>,
}

/// A fixture that did not run.
#[derive(Debug, Clone, Serialize)]
pub struct SkippedFixture {
    /// Its name.
    pub fixture: String,
    /// Why.
    pub why: String,
}

/// The whole report.
#[derive(Debug, Clone, Serialize)]
pub struct ConformReport {
    /// By section, in the specification's order.
    pub sections: Vec<SectionReport>,
    /// Fixtures that ran.
    pub ran: usize,
    /// Fixtures in which a line differed.
    pub failed: usize,
    /// Fixtures that the deployment has not what they need for.
    pub skipped: Vec<SkippedFixture>,
}

impl ConformReport {
    /// Whether no line of any fixture that ran differed, and any ran at all.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.ran > 0
    }
}

impl ConformReport {
    /// What the outcomes of these fixtures, by their places, say of the sections.
    pub fn of(scripts: &[Script], outcomes: &BTreeMap<usize, FixtureOutcome>) -> ConformReport {
        let mut sections: BTreeMap<Vec<u8>, SectionReport> = BTreeMap::new();
        let mut whole = ConformReport {
            sections: Vec::new(),
            ran: 0,
            failed: 0,
            skipped: Vec::new(),
        };
        for (index, script) in scripts.iter().enumerate() {
            let (met, difference) = match outcomes.get(&index) {
                Some(FixtureOutcome::Ran(met, difference)) => {
                    whole.ran += 1;
                    whole.failed += usize::from(difference.is_some());
                    (Some(*met), difference.as_ref())
                }
                Some(FixtureOutcome::Skipped(why)) => {
                    whole.skipped.push(SkippedFixture {
                        fixture: script.name.clone(),
                        why: why.clone(),
                    });
                    (None, None)
                }
                None => continue,
            };
            for (at, step) in script.steps.iter().enumerate() {
                for section in &step.sections {
                    let entry = sections.entry(order(section)).or_insert_with(|| blank(section));
                    let verdict = match met {
                        None => SectionResult::Skipped,
                        Some(met) if at < met => SectionResult::Pass,
                        Some(met) if at == met => SectionResult::Fail,
                        Some(_) => SectionResult::NotReached,
                    };
                    entry.take(verdict, &script.name, difference);
                }
            }
            // What came after the last line belongs to that line's sections.
            if let Some(difference) = difference.filter(|_| met == Some(script.steps.len())) {
                for section in &difference.sections {
                    let entry = sections.entry(order(section)).or_insert_with(|| blank(section));
                    entry.take(SectionResult::Fail, &script.name, Some(difference));
                }
            }
        }
        whole.sections = sections.into_values().collect();
        whole
    }
}

/// Sections in the order of their numbers, not of their digits.
fn order(section: &str) -> Vec<u8> {
    section
        .split('.')
        .map(|part| part.parse().unwrap_or(u8::MAX))
        .collect()
}

fn blank(section: &str) -> SectionReport {
    let title = SECTIONS
        .iter()
        .find(|(number, _)| *number == section)
        .map_or("", |(_, title)| title);
    SectionReport {
        section: section.to_owned(),
        title: title.to_owned(),
        result: SectionResult::Skipped,
        fixtures: Vec::new(),
        difference: None,
    }
}

impl SectionReport {
    /// Takes one line's verdict in: a failure outweighs everything, and being shown outweighs not being reached.
    fn take(&mut self, verdict: SectionResult, fixture: &str, difference: Option<&Difference>) {
        let weight = |verdict: SectionResult| match verdict {
            SectionResult::Fail => 3,
            SectionResult::Pass => 2,
            SectionResult::NotReached => 1,
            SectionResult::Skipped => 0,
        };
        if verdict != SectionResult::Skipped && !self.fixtures.iter().any(|name| name == fixture) {
            self.fixtures.push(fixture.to_owned());
        }
        if verdict == SectionResult::Fail && self.difference.is_none() {
            self.difference = difference.map(ToString::to_string);
        }
        if weight(verdict) > weight(self.result) {
            self.result = verdict;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(name: &str, text: &str) -> Script {
        Script::parse(name, text).unwrap()
    }

    #[test]
    fn the_failing_line_names_its_section_alone() {
        let scripts = [
            script(
                "a.pt",
                "section 4.6.3\n1 < a\nsection 4.6.10\n1 < b\nsection 4.6.9 4.4\n1 < c",
            ),
            script(
                "b.pt",
                "needs workers 2\nsection 4.7.1\n1 < a\nsection 4.4\n1 < d",
            ),
        ];
        let difference = Difference {
            fixture: "a.pt".into(),
            line: 4,
            sections: vec!["4.6.10".into()],
            expected: "1 < b".into(),
            came: "nothing".into(),
        };
        let outcomes = BTreeMap::from([
            (0, FixtureOutcome::Ran(1, Some(difference))),
            (1, FixtureOutcome::Skipped("needs workers 2".into())),
        ]);
        let report = ConformReport::of(&scripts, &outcomes);
        let got: Vec<_> = report
            .sections
            .iter()
            .map(|s| (s.section.as_str(), s.result))
            .collect();
        assert_eq!(
            got,
            [
                ("4.4", SectionResult::NotReached),
                ("4.6.3", SectionResult::Pass),
                ("4.6.9", SectionResult::NotReached),
                ("4.6.10", SectionResult::Fail),
                ("4.7.1", SectionResult::Skipped),
            ]
        );
        assert!(
            report.sections[3]
                .difference
                .as_ref()
                .unwrap()
                .starts_with("a.pt:4: expected `1 < b`")
        );
        assert_eq!((report.ran, report.failed, report.is_good()), (1, 1, false));
    }
}
