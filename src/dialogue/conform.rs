//! spec/dialogue.md · 4 The Protocol
//!
//! Runs all fixtures against one deployment and reports the result by section of the specification.

use super::fixtures;
use super::report::{ConformReport, FixtureOutcome};
use super::runner::Runner;
use super::script::{Script, ScriptError, ScriptErrors};
use super::servers::Servers;
use super::variables::Variables;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Parses the fixtures that this program carries.
///
/// # Errors
/// A line that is not of the language; the tests of this module rule it out.
pub fn built_in() -> Result<Vec<Script>, ScriptErrors> {
    let parsed = fixtures::dialogues()
        .map(|(name, text)| Script::parse_with(name, text, &fixtures::included));
    all(parsed)
}

/// Reads the fixtures of a folder (`*.pt`), sorted by file name. What they include may lie in
/// folders below it.
///
/// # Errors
/// The lines that are not of the language. A folder or file that cannot be read is a mistake in
/// line 1.
pub fn folder(path: &Path) -> Result<Vec<Script>, ScriptErrors> {
    let unread = |path: &Path, e: &dyn fmt::Display| {
        let mut mistakes = ScriptErrors::default();
        mistakes.add(ScriptError {
            file: path.display().to_string(),
            line: 1,
            column: 1,
            text: e.to_string(),
        });
        mistakes
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| unread(path, &e))? {
        let file = entry.map_err(|e| unread(path, &e))?.path();
        if file.extension().is_some_and(|e| e == "pt") {
            files.push(file);
        }
    }
    files.sort();
    let read = |file: &Path| std::fs::read_to_string(path.join(file)).map_err(|e| e.to_string());
    all(files.iter().map(|file| {
        let text = std::fs::read_to_string(file).map_err(|e| unread(file, &e))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        Script::parse_with(&name, &text, &read)
    }))
}

/// All scripts, or the mistakes of all.
fn all(
    scripts: impl Iterator<Item = Result<Script, ScriptErrors>>,
) -> Result<Vec<Script>, ScriptErrors> {
    let mut mistakes = ScriptErrors::default();
    let mut good = Vec::new();
    for script in scripts {
        match script {
            Ok(script) => good.push(script),
            Err(of_one) => mistakes.add_all(of_one),
        }
    }
    mistakes.or(good)
}

/// Checks scripts before anything is sent. `values` are those that are set from outside.
///
/// # Errors
/// The mistakes of all scripts.
pub fn check(scripts: &[Script], values: &Variables) -> Result<(), ScriptErrors> {
    let mut mistakes = ScriptErrors::default();
    for script in scripts {
        if let Err(of_one) = script.check(values) {
            mistakes.add_all(of_one);
        }
    }
    mistakes.or(())
}

/// The deployment to run against, and how to run.
#[derive(Debug, Clone)]
pub struct ConformPlan {
    pub servers: Servers,
    /// Values set on the command line.
    pub values: Variables,
    /// The time limit of a line that sets none.
    pub within: Duration,
    /// Whether the deployment trades the sample market.
    pub sample_market: bool,
    /// The number of fixtures that run at the same time, each with accounts of its own.
    pub jobs: usize,
}

impl ConformPlan {
    /// The reason why a fixture cannot run against this deployment; `None` where it can.
    pub fn lacks(&self, script: &Script) -> Option<String> {
        let need =
            script
                .needs
                .iter()
                .find(|need| match (need.what.as_str(), need.words.as_slice()) {
                    ("market", [name]) => name != "sample" || !self.sample_market,
                    // The market is taken to go on.
                    ("updates", _) => false,
                    ("link", _) => self.servers.link.is_none(),
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

/// Runs fixtures against a deployment, and skips those that need more than it offers.
pub fn run(plan: &ConformPlan, scripts: &[Script]) -> ConformReport {
    let outcomes = Mutex::new(BTreeMap::new());
    let next = Mutex::new(scripts.iter().enumerate());
    // Two links in one worker's name would close each other.
    let link_turn = Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..plan.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let Some((index, script)) = next.lock().next() else {
                        return;
                    };
                    let is_link = script.needs.iter().any(|need| need.what == "link");
                    let turn = is_link.then(|| link_turn.lock());
                    let outcome = run_one(plan, script);
                    drop(turn);
                    outcomes.lock().insert(index, outcome);
                }
            });
        }
    });
    ConformReport::of(scripts, &outcomes.into_inner())
}

fn run_one(plan: &ConformPlan, script: &Script) -> FixtureOutcome {
    if let Some(why) = plan.lacks(script) {
        return FixtureOutcome::Skipped(why);
    }
    let mut servers = plan.servers.clone();
    let mut runner = Runner::new(&mut servers, plan.values.of_another_run(), plan.within);
    let difference = runner.run(script).err();
    FixtureOutcome::Ran(runner.met, difference)
}

#[cfg(test)]
mod tests {
    use super::super::message;
    use super::super::report::SECTIONS;
    use super::super::script::StepAction;
    use super::*;
    use crate::model::{ProtocolFault, Reason};
    use crate::wire::Direction;
    use crate::wire::instruction::TABLE;
    use std::collections::BTreeSet;
    use std::ffi::OsString;

    #[test]
    fn every_fixture_of_the_folder_is_built_in_and_covers_known_sections() {
        let folder = folder(Path::new("tests/fixtures")).unwrap();
        let names: Vec<_> = folder.iter().map(|s| s.name.as_str()).collect();
        let carried: Vec<_> = fixtures::dialogues().map(|(name, _)| name).collect();
        assert_eq!(names, carried);
        let frames = std::fs::read_dir("tests/fixtures/frames").unwrap();
        let mut frames: Vec<_> = frames.map(|file| file.unwrap().file_name()).collect();
        frames.sort();
        let carried: Vec<_> = fixtures::golden_frames()
            .map(|(name, _)| OsString::from(format!("{name}.hex")))
            .collect();
        assert_eq!(
            frames, carried,
            "`touch src/dialogue/fixtures.rs` makes them current"
        );
        for script in &folder {
            let checked = script.check(&Variables::new());
            assert!(checked.is_ok(), "{}", checked.unwrap_err());
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

    /// The first two words of every message that the fixtures expect.
    fn expected() -> BTreeSet<(String, String)> {
        let scripts = built_in().unwrap();
        let steps = scripts.iter().flat_map(|script| &script.steps);
        let words = steps.filter_map(|step| match &step.action {
            StepAction::Expect(_, words) | StepAction::Notice(_, words) => Some(words),
            _ => None,
        });
        let word = |words: &[String], at: usize| words.get(at).cloned().unwrap_or_default();
        words
            .map(|words| (word(words, 0), word(words, 1)))
            .collect()
    }

    /// What only a deployment with a provider of identities, or an administrator's command, brings.
    /// The tests of `master/auth` and of `tests/suite/master` show them.
    const ELSEWHERE: &[&str] = &[
        "thirdPartyStarted",
        "thirdPartyPending",
        "thirdPartyUnknown",
        "third-party-login",
        "identity-taken",
        "account-locked",
        "login-again",
        "noticesDropped",
    ];

    /// The reasons of the orders in the histories that the fixtures expect.
    fn reasons_in_histories() -> BTreeSet<String> {
        let scripts = built_in().unwrap();
        let steps = scripts.iter().flat_map(|script| &script.steps);
        let words = steps.filter_map(|step| match &step.action {
            StepAction::Expect(_, words) => Some(words),
            _ => None,
        });
        let fields = words.flatten().flat_map(|word| word.split(','));
        fields
            .filter_map(|field| field.strip_prefix("reason=").map(str::to_owned))
            .collect()
    }

    /// What comes with an update of the market, and not on one that has ended.
    const WITH_AN_UPDATE: &[&str] = &["purchaseSuccess", "sellSuccess", "quoteNotice"];

    #[test]
    fn a_dialogue_that_waits_for_an_update_of_a_plain_market_says_so() {
        for script in built_in().unwrap() {
            let has = |what: &str| script.needs.iter().any(|need| need.what == what);
            let own = script
                .needs
                .iter()
                .any(|need| need.what == "market" && need.words != ["sample"]);
            let waits = script.steps.iter().any(|step| match &step.action {
                StepAction::Expect(_, words)
                | StepAction::Notice(_, words)
                | StepAction::Await(_, _, words) => WITH_AN_UPDATE.contains(&words[0].as_str()),
                _ => false,
            });
            let says = own || has("updates") || has("interval");
            assert!(says || !waits, "{}: needs updates", script.name);
        }
    }

    #[test]
    fn every_instruction_is_sent_and_expected_somewhere() {
        let scripts = built_in().unwrap();
        let steps = scripts.iter().flat_map(|script| &script.steps);
        let sent: BTreeSet<u16> = steps
            .filter_map(|step| match &step.action {
                StepAction::Send(_, words) => Some(message::encode(words).unwrap()),
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
            if matches!(row.direction, Direction::Return | Direction::Notice) {
                assert!(
                    expected.contains(row.name) || ELSEWHERE.contains(&row.name),
                    "{} is never expected",
                    row.name
                );
            }
        }
        assert!(expected.contains("pong"));
    }

    #[test]
    fn every_code_that_a_client_can_cause_is_expected_somewhere() {
        let expected = expected();
        let in_histories = reasons_in_histories();
        let codes = expected.iter().map(|(_, code)| code.as_str());
        let codes: BTreeSet<&str> = codes
            .chain(in_histories.iter().map(String::as_str))
            .collect();
        for reason in Reason::ALL
            .iter()
            .filter(|reason| **reason != Reason::InternalError)
        {
            assert!(
                codes.contains(reason.as_str()) != ELSEWHERE.contains(&reason.as_str()),
                "{reason} is never expected, or is said to be never expected"
            );
        }
        for fault in ProtocolFault::ALL {
            let pair = ("protocolError".to_owned(), fault.to_string());
            assert!(
                expected.contains(&pair),
                "protocolError {fault} is never expected"
            );
        }
        for kind in TABLE.iter().filter_map(|row| row.payload) {
            assert!(
                expected.contains(&("data".to_owned(), format!("{kind:?}"))),
                "data {kind:?} is never expected"
            );
        }
    }
}
