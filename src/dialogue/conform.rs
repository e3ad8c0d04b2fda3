//! spec/dialogue/conform.md · 4 The Protocol
//!
//! Runs all fixtures against one deployment and reports the result by section of the specification.

use super::blame;
use super::fixtures;
use super::report::{ConformReport, FixtureOutcome, OUR_EDITION, ServerFacts};
use super::runner::{Runner, STEP_TIMEOUT};
use super::script::{Need, Script, ScriptError, ScriptErrors};
use super::sections;
use super::servers::{Dialer, Servers};
use super::variables::Variables;
use crate::model::server_info::MarketState;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many dialogues run at the same time, unless somebody asks for another number. They wait more
/// than they work.
pub const JOBS: usize = 6;

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

/// Where dialogues run: what is offered, and the connections to it.
pub trait Testbed: Sync {
    /// Why a dialogue cannot run here; `None` where it can.
    fn lacks(&self, script: &Script) -> Option<String>;

    /// The dialer of one run of a dialogue.
    ///
    /// # Errors
    /// What the dialogue needs cannot be started.
    fn dialer(&self, script: &Script) -> Result<Box<dyn Dialer>, String>;

    /// What is known of the servers.
    fn facts(&self) -> &ServerFacts;
}

/// A deployment that runs already.
#[derive(Debug, Clone)]
pub struct RunningTestbed {
    pub servers: Servers,
    /// What the worker has told of itself.
    pub facts: ServerFacts,
    /// Whether the deployment trades the sample market.
    pub sample_market: bool,
}

impl RunningTestbed {
    /// Servers of which nothing is known but that they are of this edition, on the sample market.
    pub fn of(servers: Servers) -> RunningTestbed {
        let facts = ServerFacts {
            worker: servers.workers.first().cloned().unwrap_or_default(),
            edition: OUR_EDITION,
            ..ServerFacts::default()
        };
        RunningTestbed {
            servers,
            facts,
            sample_market: true,
        }
    }

    /// Why nothing settles, where the server has told that its market does not move.
    fn stands(&self) -> Option<String> {
        let state = self.facts.state.as_deref()?;
        // A state that nobody knows excuses nothing.
        let stands = [MarketState::Closed, MarketState::Paused, MarketState::Ended];
        stands
            .iter()
            .any(|stands| stands.as_str() == state)
            .then(|| format!("needs a market that moves, and the server's is {state}"))
    }

    /// What is missing of a need; `None` where it is met.
    fn missing(&self, need: &Need) -> Option<String> {
        match (need.what.as_str(), need.words.as_slice()) {
            ("market", [name]) if name == "sample" => {
                (!self.sample_market).then(|| "needs the prices of the sample market".to_owned())
            }
            ("market", [name]) => Some(format!("needs the market `{name}` (--sandbox has it)")),
            ("master-port", _) => self
                .servers
                .master
                .is_none()
                .then(|| "needs the master's port (--master HOST:PORT)".to_owned()),
            ("workers", [count]) => {
                let offered = self.servers.workers.len();
                let is_met = count.parse::<usize>().is_ok_and(|count| count <= offered);
                (!is_met).then(|| format!("needs {count} workers (--worker HOST:PORT)"))
            }
            ("interval", [time]) => {
                let needed = humantime::parse_duration(time).ok()?;
                let is_met = self.facts.update_interval() >= Some(needed);
                (!is_met)
                    .then(|| format!("needs {time} or more between two updates (--sandbox has it)"))
            }
            ("link", _) => self.servers.link.is_none().then(|| {
                "needs a registered worker that does not run (--link-worker FILE, or --sandbox)"
                    .to_owned()
            }),
            // Where the server does not tell how its market stands, it is taken to go on.
            ("updates", _) => self.stands(),
            _ => Some(format!("needs {need} (--sandbox has it)")),
        }
    }
}

impl Testbed for RunningTestbed {
    fn lacks(&self, script: &Script) -> Option<String> {
        let edition = self.facts.edition;
        if let Some((name, of)) = blame::later_instruction(script, edition) {
            return Some(format!(
                "the server is of edition {edition}, and {name} of edition {of}"
            ));
        }
        let mut needs = script.needs.iter();
        if let Some(why) = needs.find_map(|need| self.missing(need)) {
            return Some(why);
        }
        let mut hooks = script.hooks();
        if let Some(hook) = hooks.find(|hook| !self.servers.hooks.contains_key(*hook)) {
            return Some(format!(
                "needs a command for `do {hook}` (--on {hook}=COMMAND, or --sandbox)"
            ));
        }
        self.stands().filter(|_| blame::needs_settlement(script))
    }

    fn dialer(&self, _script: &Script) -> Result<Box<dyn Dialer>, String> {
        Ok(Box::new(self.servers.clone()))
    }

    fn facts(&self) -> &ServerFacts {
        &self.facts
    }
}

/// How dialogues are run.
#[derive(Debug, Clone)]
pub struct ConformOptions {
    /// Values set on the command line.
    pub values: Variables,
    /// The time limit of a line that sets none.
    pub within: Duration,
    /// The number of dialogues that run at the same time, each with accounts of its own.
    pub jobs: usize,
    /// Whether a dialogue goes on after a difference with what can still be judged.
    pub keeps_going: bool,
}

impl Default for ConformOptions {
    /// As `ptcat conform` without options.
    fn default() -> ConformOptions {
        ConformOptions {
            values: Variables::new(),
            within: STEP_TIMEOUT,
            jobs: JOBS,
            keeps_going: false,
        }
    }
}

/// Runs dialogues, and skips those that need more than is offered. `told` hears of each that is
/// done. Returns the outcome of each by its index.
pub fn outcomes(
    testbed: &dyn Testbed,
    options: &ConformOptions,
    scripts: &[Script],
    told: &(dyn Fn(&Script, &FixtureOutcome) + Sync),
) -> BTreeMap<usize, FixtureOutcome> {
    let outcomes = Mutex::new(BTreeMap::new());
    let next = Mutex::new(scripts.iter().enumerate());
    // Two links in one worker's name would close each other.
    let link_turn = Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let Some((index, script)) = next.lock().next() else {
                        return;
                    };
                    let is_link = script.needs.iter().any(|need| need.what == "link");
                    let turn = is_link.then(|| link_turn.lock());
                    let outcome = run_one(testbed, options, script);
                    drop(turn);
                    told(script, &outcome);
                    outcomes.lock().insert(index, outcome);
                }
            });
        }
    });
    outcomes.into_inner()
}

/// Runs dialogues and reports on them.
pub fn run(testbed: &dyn Testbed, options: &ConformOptions, scripts: &[Script]) -> ConformReport {
    let outcomes = outcomes(testbed, options, scripts, &|_, _| {});
    ConformReport::of(testbed.facts().clone(), scripts, &outcomes)
}

fn run_one(testbed: &dyn Testbed, options: &ConformOptions, script: &Script) -> FixtureOutcome {
    if let Some(why) = testbed.lacks(script) {
        return FixtureOutcome::Skipped(why);
    }
    let mut dialer = match testbed.dialer(script) {
        Ok(dialer) => dialer,
        Err(why) => return FixtureOutcome::NotStarted(why),
    };
    let values = options.values.of_another_run();
    let interval = testbed.facts().update_interval().unwrap_or_default();
    let begun = Instant::now();
    let play = Runner::new(dialer.as_mut(), values, options.within)
        .keeping()
        .with_update_interval(interval)
        .play(script, options.keeps_going);
    FixtureOutcome::Ran(Box::new(play), begun.elapsed())
}

/// The dialogues that a person asks for: by sections of the specification (`4.6`, `4.6.3`), or by
/// parts of their names. All if nothing is named. For a section, those that are about it; where
/// none is, those that have a line of it.
///
/// # Errors
/// A word that is neither, or a section that no dialogue shows, with the reason.
pub fn choose(scripts: Vec<Script>, words: &[String]) -> Result<Vec<Script>, String> {
    if words.is_empty() {
        return Ok(scripts);
    }
    let shown: Vec<_> = scripts.iter().map(blame::of_steps).collect();
    let mut chosen = vec![false; scripts.len()];
    for word in words {
        let found: Vec<bool> = if let Some(section) = sections::find(word) {
            let all = || scripts.iter().zip(&shown);
            let about: Vec<bool> = all()
                .map(|(script, shown)| blame::is_about(script, shown, word))
                .collect();
            if about.contains(&true) {
                about
            } else {
                let any: Vec<bool> = all()
                    .map(|(_, shown)| blame::has_line_of(shown, word))
                    .collect();
                if !any.contains(&true) {
                    return Err(format!(
                        "{word} {}: no dialogue shows it ({})",
                        section.title,
                        sections::why_no_dialogue(word)
                    ));
                }
                any
            }
        } else {
            scripts
                .iter()
                .map(|script| script.name.contains(word.as_str()))
                .collect()
        };
        if !found.contains(&true) {
            return Err(format!(
                "{word}: neither a section of the specification nor a part of a dialogue's name; \
                 --list shows all"
            ));
        }
        for (is_chosen, is_found) in chosen.iter_mut().zip(found) {
            *is_chosen |= is_found;
        }
    }
    let kept = scripts.into_iter().zip(chosen);
    Ok(kept.filter(|(_, c)| *c).map(|(script, _)| script).collect())
}

#[cfg(test)]
mod tests {
    use super::super::message;
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
                    let known = sections::find(section);
                    assert!(
                        known.is_some(),
                        "{}:{}: {section} is unknown",
                        script.name,
                        step.line
                    );
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
