//! spec/dialogue/conform.md · 4 The Protocol
//!
//! All fixtures against one deployment, told by the sections of the specification that they show.

use super::play::{Difference, Player, Servers};
use super::script::{Mistake, Script};
use super::values::Values;
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

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

macro_rules! fixtures {
    ($($name:literal)*) => {
        /// The fixtures that this program carries, by file name.
        pub const BUILT_IN: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../tests/fixtures/", $name))),)*
        ];
    };
}

fixtures! {
    "asset-all-time.pt"
    "asset-current.pt"
    "asset-day.pt"
    "asset-info.pt"
    "asset-list.pt"
    "asset-month.pt"
    "asset-predicted.pt"
    "asset-week.pt"
    "asset-year.pt"
    "client-order-id-queued.pt"
    "client-order-id.pt"
    "expirable.pt"
    "frames.pt"
    "login-session.pt"
    "login.pt"
    "logout.pt"
    "master-port.pt"
    "master-unavailable.pt"
    "no-data.pt"
    "order-of-replies.pt"
    "overloaded.pt"
    "packets.pt"
    "ping.pt"
    "purchase-fail.pt"
    "purchase.pt"
    "receipt.pt"
    "register.pt"
    "replay-over.pt"
    "sell-fail.pt"
    "sell.pt"
    "shutting-down.pt"
    "states.pt"
    "timeout.pt"
    "too-many-attempts.pt"
    "too-many-connections-of-one.pt"
    "too-many-connections.pt"
    "too-many-registrations.pt"
    "two-workers-expirable.pt"
    "two-workers.pt"
    "user-history-queued.pt"
    "user-history.pt"
    "user-info.pt"
    "user-portfolio.pt"
    "worker-list.pt"
}

/// The fixtures that this program carries.
///
/// # Errors
/// None of them is wrong unless the program was built from a broken tree.
pub fn built_in() -> Result<Vec<Script>, Mistake> {
    BUILT_IN
        .iter()
        .map(|(name, text)| Script::parse(name, text))
        .collect()
}

/// The fixtures of a folder, by name.
///
/// # Errors
/// The folder or a file that cannot be read, or a line that is not of the language.
pub fn folder(path: &Path) -> Result<Vec<Script>, String> {
    let named = |path: &Path, e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let mut scripts = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| named(path, &e))? {
        let file = entry.map_err(|e| named(path, &e))?.path();
        if file.extension().is_some_and(|e| e == "pt") {
            let text = std::fs::read_to_string(&file).map_err(|e| named(&file, &e))?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            scripts.push(Script::parse(&name, &text).map_err(|e| e.to_string())?);
        }
    }
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scripts)
}

/// What the deployment is, and how it is to be asked.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where it is.
    pub servers: Servers,
    /// What was set from outside.
    pub values: Values,
    /// How long a line may take.
    pub within: Duration,
    /// Whether it trades the sample market.
    pub sample_market: bool,
    /// Fixtures that run at the same time, each with users of its own.
    pub jobs: usize,
}

impl Plan {
    /// Why a fixture cannot run against this deployment; `None` where it can.
    pub fn lacks(&self, script: &Script) -> Option<String> {
        let need = script
            .needs
            .iter()
            .find(|need| match (need.what.as_str(), need.words.as_slice()) {
                ("market", [name]) => name != "sample" || !self.sample_market,
                ("master-port", _) => self.servers.master.is_none(),
                ("workers", [count]) => count
                    .parse::<usize>()
                    .map_or(true, |n| n > self.servers.workers.len()),
                _ => true,
            });
        if let Some(need) = need {
            return Some(format!("needs {need}"));
        }
        script
            .hooks()
            .find(|hook| !self.servers.hooks.contains_key(*hook))
            .map(|hook| format!("needs someone who does {hook}"))
    }
}

/// What became of one fixture.
#[derive(Debug, Clone)]
enum Outcome {
    Skipped(String),
    /// The steps that were met, and the first that was not.
    Ran(usize, Option<Difference>),
}

/// What is said of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every line that shows it was met.
    Pass,
    /// A line that shows it was not met.
    Fail,
    /// A fixture failed before it came to it, and no other shows it.
    NotReached,
    /// Only fixtures that were skipped show it.
    Skipped,
}

impl Verdict {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::NotReached => "not reached",
            Verdict::Skipped => "skipped",
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
    pub result: Verdict,
    /// The fixtures that showed it and ran.
    pub fixtures: Vec<String>,
    /// The first difference, where there is one.
    pub difference: Option<String>,
}

/// A fixture that did not run.
#[derive(Debug, Clone, Serialize)]
pub struct Skipped {
    /// Its name.
    pub fixture: String,
    /// Why.
    pub why: String,
}

/// The whole report.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// By section, in the specification's order.
    pub sections: Vec<SectionReport>,
    /// Fixtures that ran.
    pub ran: usize,
    /// Fixtures in which a line differed.
    pub failed: usize,
    /// Fixtures that the deployment has not what they need for.
    pub skipped: Vec<Skipped>,
}

impl Report {
    /// Whether no line of any fixture that ran differed, and any ran at all.
    pub fn is_good(&self) -> bool {
        self.failed == 0 && self.ran > 0
    }
}

/// Runs fixtures against a deployment.
pub fn run(plan: &Plan, scripts: &[Script]) -> Report {
    let outcomes = Mutex::new(BTreeMap::new());
    let next = Mutex::new(scripts.iter().enumerate());
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let Some((index, script)) = next.lock().next() else {
                        return;
                    };
                    let outcome = one(plan, script);
                    outcomes.lock().insert(index, outcome);
                }
            });
        }
    });
    report(scripts, &outcomes.into_inner())
}

fn one(plan: &Plan, script: &Script) -> Outcome {
    if let Some(why) = plan.lacks(script) {
        return Outcome::Skipped(why);
    }
    let mut servers = plan.servers.clone();
    let mut player = Player::new(&mut servers, plan.values.of_another_run(), plan.within);
    let difference = player.run(script).err();
    Outcome::Ran(player.met, difference)
}

fn report(scripts: &[Script], outcomes: &BTreeMap<usize, Outcome>) -> Report {
    let mut sections: BTreeMap<Vec<u8>, SectionReport> = BTreeMap::new();
    let mut whole = Report {
        sections: Vec::new(),
        ran: 0,
        failed: 0,
        skipped: Vec::new(),
    };
    for (index, script) in scripts.iter().enumerate() {
        let (met, difference) = match outcomes.get(&index) {
            Some(Outcome::Ran(met, difference)) => {
                whole.ran += 1;
                whole.failed += usize::from(difference.is_some());
                (Some(*met), difference.as_ref())
            }
            Some(Outcome::Skipped(why)) => {
                whole.skipped.push(Skipped {
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
                    None => Verdict::Skipped,
                    Some(met) if at < met => Verdict::Pass,
                    Some(met) if at == met => Verdict::Fail,
                    Some(_) => Verdict::NotReached,
                };
                entry.take(verdict, &script.name, difference);
            }
        }
        // What came after the last line belongs to that line's sections.
        if let Some(difference) = difference.filter(|_| met == Some(script.steps.len())) {
            for section in &difference.sections {
                let entry = sections.entry(order(section)).or_insert_with(|| blank(section));
                entry.take(Verdict::Fail, &script.name, Some(difference));
            }
        }
    }
    whole.sections = sections.into_values().collect();
    whole
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
        result: Verdict::Skipped,
        fixtures: Vec::new(),
        difference: None,
    }
}

impl SectionReport {
    /// Takes one line's verdict in: a failure outweighs everything, and being shown outweighs not being reached.
    fn take(&mut self, verdict: Verdict, fixture: &str, difference: Option<&Difference>) {
        let weight = |verdict: Verdict| match verdict {
            Verdict::Fail => 3,
            Verdict::Pass => 2,
            Verdict::NotReached => 1,
            Verdict::Skipped => 0,
        };
        if verdict != Verdict::Skipped && !self.fixtures.iter().any(|name| name == fixture) {
            self.fixtures.push(fixture.to_owned());
        }
        if verdict == Verdict::Fail && self.difference.is_none() {
            self.difference = difference.map(ToString::to_string);
        }
        if weight(verdict) > weight(self.result) {
            self.result = verdict;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message;
    use super::super::script::Action;
    use super::*;
    use crate::model::{ProtocolFault, Reason};
    use crate::wire::Direction;
    use crate::wire::instruction::TABLE;
    use std::collections::BTreeSet;

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
            (0, Outcome::Ran(1, Some(difference))),
            (1, Outcome::Skipped("needs workers 2".into())),
        ]);
        let report = report(&scripts, &outcomes);
        let got: Vec<_> = report
            .sections
            .iter()
            .map(|s| (s.section.as_str(), s.result))
            .collect();
        assert_eq!(
            got,
            [
                ("4.4", Verdict::NotReached),
                ("4.6.3", Verdict::Pass),
                ("4.6.9", Verdict::NotReached),
                ("4.6.10", Verdict::Fail),
                ("4.7.1", Verdict::Skipped),
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

    #[test]
    fn every_fixture_of_the_folder_is_carried_and_shows_known_sections() {
        let folder = folder(Path::new("tests/fixtures")).unwrap();
        let names: Vec<_> = folder.iter().map(|s| s.name.as_str()).collect();
        let carried: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, carried);
        for script in &folder {
            for step in &script.steps {
                let shown = !step.sections.is_empty() || step.action.connection().is_none();
                assert!(shown, "{}:{}: shows no section", script.name, step.line);
                for section in &step.sections {
                    let known = SECTIONS.iter().any(|(number, _)| number == section);
                    assert!(known, "{}:{}: {section} is unknown", script.name, step.line);
                }
            }
        }
    }

    /// The first words of everything that the fixtures expect.
    fn expected() -> BTreeSet<(String, String)> {
        let scripts = built_in().unwrap();
        let steps = scripts.iter().flat_map(|script| &script.steps);
        let words = steps.filter_map(|step| match &step.action {
            Action::Expect(_, words) | Action::Notice(_, words) => Some(words),
            _ => None,
        });
        let word = |words: &[String], at: usize| words.get(at).cloned().unwrap_or_default();
        words.map(|words| (word(words, 0), word(words, 1))).collect()
    }

    #[test]
    fn every_instruction_is_sent_and_expected_somewhere() {
        let scripts = built_in().unwrap();
        let steps = scripts.iter().flat_map(|script| &script.steps);
        let sent: BTreeSet<u16> = steps
            .filter_map(|step| match &step.action {
                Action::Send(_, words) => Some(message::encode(words).unwrap()),
                _ => None,
            })
            .map(|frame| u16::from_be_bytes([frame[1], frame[2]]))
            .collect();
        let expected: BTreeSet<String> = expected().into_iter().map(|(name, _)| name).collect();
        for row in TABLE {
            if matches!(row.direction, Direction::Request | Direction::Both) {
                assert!(
                    sent.contains(&row.number),
                    "{:04X} {} is never sent",
                    row.number,
                    row.name
                );
            }
            if row.direction == Direction::Return {
                assert!(expected.contains(row.name), "{} is never expected", row.name);
            }
        }
        assert!(expected.contains("pong"));
    }

    #[test]
    fn every_code_that_a_client_can_cause_is_expected_somewhere() {
        let expected = expected();
        let codes: BTreeSet<&str> = expected.iter().map(|(_, code)| code.as_str()).collect();
        for reason in Reason::ALL
            .iter()
            .filter(|reason| **reason != Reason::InternalError)
        {
            assert!(codes.contains(reason.as_str()), "{reason} is never expected");
        }
        for fault in ProtocolFault::ALL {
            let pair = ("protocolError".to_owned(), fault.to_string());
            assert!(
                expected.contains(&pair),
                "protocolError {fault} is never expected"
            );
        }
        let payloads = [
            "AssetInfo",
            "Quote",
            "Bars",
            "UserInfo",
            "Portfolio",
            "Transactions",
            "Forecast",
            "List",
            "Receipt",
        ];
        for kind in payloads {
            assert!(
                expected.contains(&("data".to_owned(), kind.to_owned())),
                "data {kind} is never expected"
            );
        }
    }
}
