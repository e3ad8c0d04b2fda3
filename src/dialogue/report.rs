//! spec/dialogue.md · 4 The Protocol
//!
//! The conformance report: the outcomes of fixtures, by section of the specification.

use super::runner::Difference;
use super::script::Script;
use serde::Serialize;
use std::collections::BTreeMap;

/// The sections that fixtures may cover, with their titles.
pub const SECTIONS: &[(&str, &str)] = &[
    ("2.1.8", "Worker Servers"),
    ("2.4.1", "Account Structure"),
    ("2.4.2", "Session Structure"),
    ("2.4.3", "Asset Structure"),
    ("3.1.1", "Master Server: Main Module"),
    ("3.1.3", "Account Management & Authorization"),
    ("3.1.5", "Worker Management"),
    ("3.1.6", "Assets Data Retrieval"),
    ("3.1.7", "Assets Buy & Sell"),
    ("3.2.2", "Master Server Communication"),
    ("3.2.3", "Client Management"),
    ("3.2.6", "Cache Management"),
    ("4.1", "Design Goals"),
    ("4.2", "States"),
    ("4.2.1", "Command State"),
    ("4.2.2", "Data Transfer State"),
    ("4.3.1", "Master-Worker Server Connection"),
    ("4.3.2", "Client-Worker Server Connection"),
    ("4.4", "Message Structure"),
    ("4.5", "Instructions"),
    ("4.5.1", "Command State Instructions"),
    ("4.5.2", "Data Transfer State Instructions"),
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
    ("4.7", "Communication"),
    ("4.7.1", "Data Transfer Mechanism"),
    ("4.7.2", "Login - First Method"),
    ("4.7.3", "Login - Second Method"),
    ("4.7.4", "Register"),
    ("4.7.5", "Purchase"),
];

/// The outcome of one fixture.
#[derive(Debug, Clone)]
pub enum FixtureOutcome {
    /// The fixture did not run, for this reason.
    Skipped(String),
    /// The number of steps that were met, and the first one that was not.
    Ran(usize, Option<Difference>),
}

/// The result of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionResult {
    /// Every line that covers the section was met.
    Pass,
    /// A line that covers the section was not met.
    Fail,
    /// Fixtures failed before such a line, and no other fixture covers the section.
    NotReached,
    /// Only skipped fixtures cover the section.
    Skipped,
}

impl SectionResult {
    /// The result as the report for people shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            SectionResult::Pass => "pass",
            SectionResult::Fail => "FAIL",
            SectionResult::NotReached => "not reached",
            SectionResult::Skipped => "skipped",
        }
    }
}

/// The report of one section.
#[derive(Debug, Clone, Serialize)]
pub struct SectionReport {
    /// The section's number.
    pub section: String,
    pub title: String,
    pub result: SectionResult,
    /// The fixtures that cover the section and ran.
    pub fixtures: Vec<String>,
    /// The first difference in a line that covers the section.
    pub difference: Option<String>,
}

/// A fixture that did not run.
#[derive(Debug, Clone, Serialize)]
pub struct SkippedFixture {
    /// The fixture's name.
    pub fixture: String,
    pub why: String,
}

/// The report of a whole run.
#[derive(Debug, Clone, Serialize)]
pub struct ConformReport {
    /// In the specification's order.
    pub sections: Vec<SectionReport>,
    /// The number of fixtures that ran.
    pub ran: usize,
    /// The number of fixtures with a difference.
    pub failed: usize,
    /// Fixtures that need more than the deployment offers.
    pub skipped: Vec<SkippedFixture>,
}

impl ConformReport {
    /// Whether at least one fixture ran, and none of them differed.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.ran > 0
    }
}

impl ConformReport {
    /// Builds the report. `outcomes` has the outcome of each fixture by its index in `scripts`.
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
                    let entry = sections
                        .entry(order(section))
                        .or_insert_with(|| blank(section));
                    let result = match met {
                        None => SectionResult::Skipped,
                        Some(met) if at < met => SectionResult::Pass,
                        Some(met) if at == met => SectionResult::Fail,
                        Some(_) => SectionResult::NotReached,
                    };
                    entry.record(result, &script.name, difference);
                }
            }
            // An unexpected message after the last line counts against that line's sections.
            if let Some(difference) = difference.filter(|_| met == Some(script.steps.len())) {
                for section in &difference.sections {
                    let entry = sections
                        .entry(order(section))
                        .or_insert_with(|| blank(section));
                    entry.record(SectionResult::Fail, &script.name, Some(difference));
                }
            }
        }
        whole.sections = sections.into_values().collect();
        whole
    }
}

/// A section's number as a key that sorts 4.6.9 before 4.6.10.
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
    /// Adds the result of one line. A failure outweighs a pass, and a pass outweighs a line that
    /// was not reached.
    fn record(&mut self, result: SectionResult, fixture: &str, difference: Option<&Difference>) {
        let weight = |result: SectionResult| match result {
            SectionResult::Fail => 3,
            SectionResult::Pass => 2,
            SectionResult::NotReached => 1,
            SectionResult::Skipped => 0,
        };
        if result != SectionResult::Skipped && !self.fixtures.iter().any(|name| name == fixture) {
            self.fixtures.push(fixture.to_owned());
        }
        if result == SectionResult::Fail && self.difference.is_none() {
            self.difference = difference.map(ToString::to_string);
        }
        if weight(result) > weight(self.result) {
            self.result = result;
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
    fn a_failing_line_fails_its_own_sections_alone() {
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
            step: 1,
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
