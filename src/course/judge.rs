//! spec/course.md · 4 The Protocol
//!
//! Runs the stages in order against a student's server, until the first one that is not met.
//!
//! Tests: `tests/suite/programs/course.rs`.

use super::children::CourseChildren;
use super::failure::StageFailure;
use super::our_master::OurMaster;
use super::stages::{STAGES, Stage};
use super::student::{StudentProgram, is_open};
use super::traffic::CourseDialer;
use crate::dialogue::{Runner, Script, Variables};
use serde::Serialize;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// The stage of the student's worker on our master.
const YOUR_WORKER: u8 = 14;
/// The stage that needs two workers.
const ORDER_OF_TIME: u8 = 15;
/// The stage in which the program is killed.
const KILL: u8 = 16;
/// How long a person may take to do what they are asked for.
const PERSON_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Between two looks at whether they have.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The most lines of a stage's messages that are kept.
const TRANSCRIPT_MAX: usize = 10_000;

/// Whom to judge, and how.
#[derive(Debug, Clone)]
pub struct CoursePlan {
    /// `HOST:PORT` of the student's worker.
    pub target: String,
    /// `HOST:PORT` of the second one, if there is one.
    pub second: Option<String>,
    /// The shell command that runs the student's server, if the course is to start and kill it.
    pub run: Option<String>,
    /// The shell command that runs the student's worker, with names in braces for what the course
    /// tells it.
    pub run_worker: Option<String>,
    /// The time limit of a line that sets none.
    pub within: Duration,
    /// The stages that are asked for.
    pub stages: RangeInclusive<u8>,
    /// Whether there is a person who can be asked to do something.
    pub has_person: bool,
    /// What the course has started.
    pub children: CourseChildren,
}

/// What happened to a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum StageResult {
    /// All its lines were met.
    Met,
    /// One was not.
    NotMet(Box<StageFailure>),
    /// It could not be judged, for this reason.
    Skipped { why: String },
    /// An earlier stage was not met.
    NotReached,
}

/// A stage and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageOutcome {
    pub stage: u8,
    pub name: &'static str,
    #[serde(flatten)]
    pub result: StageResult,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// The results of all stages that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CourseReport {
    pub stages: Vec<StageOutcome>,
    /// How many were met.
    pub met: usize,
    /// How many were asked for.
    pub asked: usize,
}

impl CourseReport {
    /// Whether all stages that were asked for were met.
    pub fn is_good(&self) -> bool {
        self.met == self.asked
    }
}

/// What the course tells while it runs.
#[derive(Debug)]
pub enum CourseEvent<'a> {
    /// A stage begins.
    Begins(&'a Stage),
    /// A stage has ended.
    Ends(&'a StageOutcome),
    /// A line for the person.
    Says(&'a str),
}

/// Runs the stages that are asked for.
///
/// # Errors
/// The course was interrupted, or cannot do its own part; a stage that is not met is no error.
pub fn run(
    plan: &CoursePlan,
    tell: &mut dyn FnMut(CourseEvent<'_>),
) -> Result<CourseReport, String> {
    let mut course = CourseRun {
        plan,
        program: None,
        start_failure: None,
    };
    course.start_program()?;
    let mut stages = Vec::new();
    let mut stopped = false;
    for stage in STAGES
        .iter()
        .filter(|stage| plan.stages.contains(&stage.number))
    {
        let begun = Instant::now();
        let result = if stopped {
            StageResult::NotReached
        } else {
            tell(CourseEvent::Begins(stage));
            course.stage(stage, tell)?
        };
        if plan.children.is_interrupted() {
            return Err("interrupted".to_owned());
        }
        let outcome = StageOutcome {
            stage: stage.number,
            name: stage.name,
            millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            result,
        };
        if !stopped {
            tell(CourseEvent::Ends(&outcome));
        }
        stopped |= matches!(outcome.result, StageResult::NotMet(_));
        stages.push(outcome);
    }
    Ok(CourseReport {
        met: stages
            .iter()
            .filter(|outcome| outcome.result == StageResult::Met)
            .count(),
        asked: stages.len(),
        stages,
    })
}

/// A running course.
struct CourseRun<'a> {
    plan: &'a CoursePlan,
    /// The student's server, if the course runs it.
    program: Option<StudentProgram>,
    /// Why it does not serve.
    start_failure: Option<String>,
}

impl CourseRun<'_> {
    /// The addresses of the student's workers.
    fn addresses(&self) -> Vec<String> {
        let first = std::iter::once(&self.plan.target);
        first.chain(&self.plan.second).cloned().collect()
    }

    fn start_program(&mut self) -> Result<(), String> {
        // Stage 14 alone needs the worker's program, and not the server.
        let needs_server = self.plan.stages.clone().any(|stage| stage != YOUR_WORKER);
        if let Some(command) = self.plan.run.as_ref().filter(|_| needs_server) {
            let mut program = StudentProgram::new(command, self.addresses(), &self.plan.children)?;
            program.check_free()?;
            self.start_failure = program.start().err();
            self.program = Some(program);
        }
        Ok(())
    }

    fn stage(
        &mut self,
        stage: &Stage,
        tell: &mut dyn FnMut(CourseEvent<'_>),
    ) -> Result<StageResult, String> {
        if let Some(why) = self.lacks(stage) {
            return Ok(StageResult::Skipped { why });
        }
        if stage.number == YOUR_WORKER {
            return self.your_worker(stage, tell);
        }
        if let Some(why) = &self.start_failure {
            let failure = StageFailure::of_start(stage, &self.addresses(), why);
            return Ok(StageResult::NotMet(Box::new(failure)));
        }
        let (addresses, plan) = (self.addresses(), self.plan);
        let program = &mut self.program;
        let mut hook = |name: &str| restart(name, plan, program.as_mut(), tell);
        let result = judged(stage, plan.within, addresses, &mut hook);
        Ok(with_output(result, self.program.as_ref()))
    }

    /// Why a stage cannot be judged.
    fn lacks(&self, stage: &Stage) -> Option<String> {
        let plan = self.plan;
        let why = match stage.number {
            YOUR_WORKER if plan.run_worker.is_none() && !plan.has_person => {
                "--run-worker COMMAND starts your worker"
            }
            ORDER_OF_TIME if plan.second.is_none() => {
                "--worker HOST:PORT is your second worker's address"
            }
            KILL if plan.run.is_none() && !plan.has_person => {
                "--run COMMAND starts your server, so that it can be killed"
            }
            _ => return None,
        };
        Some(why.to_owned())
    }

    /// The stage of the student's worker on our master.
    fn your_worker(
        &mut self,
        stage: &Stage,
        tell: &mut dyn FnMut(CourseEvent<'_>),
    ) -> Result<StageResult, String> {
        let plan = self.plan;
        let master = OurMaster::start(&plan.children)?;
        let address = master.workers_address();
        let mut worker = None;
        let started = match &plan.run_worker {
            Some(command) => {
                let command = master.filled(command);
                let program = StudentProgram::new(&command, vec![address.clone()], &plan.children)?;
                worker.insert(program).start()
            }
            None => {
                tell(CourseEvent::Says(
                    "PaperTrader's master runs now. Start your worker, in another terminal, with:",
                ));
                for (name, value) in master.facts() {
                    tell(CourseEvent::Says(&format!("    {name:<12}{value}")));
                }
                wait_for(plan, "your worker's port is not open", || is_open(&address))
            }
        };
        if let Err(why) = started {
            let mut failure = StageFailure::of_start(stage, std::slice::from_ref(&address), &why);
            let script = Script::parse(&stage.file(), stage.dialogue).map_err(|e| e.to_string())?;
            let line = script
                .steps
                .iter()
                .find(|step| step.action.connection().is_some());
            failure.note = super::notes::note_at(stage.dialogue, line.map_or(0, |step| step.line));
            return Ok(StageResult::NotMet(Box::new(failure)));
        }
        let mut hook = |name: &str| Err(format!("{name}: not in this stage"));
        let result = judged(stage, plan.within, vec![address], &mut hook);
        Ok(with_output(result, worker.as_ref()))
    }
}

/// Adds to a failure what the program has printed.
fn with_output(mut result: StageResult, program: Option<&StudentProgram>) -> StageResult {
    if let (StageResult::NotMet(failure), Some(program)) = (&mut result, program) {
        failure.output = program.output();
    }
    result
}

/// Does what `do kill` and `do start` ask for.
fn restart(
    name: &str,
    plan: &CoursePlan,
    program: Option<&mut StudentProgram>,
    tell: &mut dyn FnMut(CourseEvent<'_>),
) -> Result<(), String> {
    match (name, program) {
        ("kill", Some(program)) => {
            program.kill();
            Ok(())
        }
        ("start", Some(program)) => program
            .start()
            .map_err(|why| format!("a program that does not serve again: {why}")),
        ("kill", None) => {
            tell(CourseEvent::Says(
                "Kill your program with kill -9 now, while an order waits, and start it again.",
            ));
            wait_for(plan, "your program runs on", || !is_open(&plan.target))
        }
        ("start", None) => wait_for(plan, "your program does not serve again", || {
            is_open(&plan.target)
        }),
        _ => Err(format!("{name}: kill or start")),
    }
}

/// Waits for what a person does.
fn wait_for(plan: &CoursePlan, lack: &str, is_done: impl Fn() -> bool) -> Result<(), String> {
    let until = Instant::now() + PERSON_TIMEOUT;
    while !is_done() {
        if plan.children.is_interrupted() || Instant::now() >= until {
            return Err(format!(
                "{lack} after {} minutes",
                PERSON_TIMEOUT.as_secs() / 60
            ));
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}

/// Runs a stage's dialogue.
fn judged(
    stage: &Stage,
    within: Duration,
    addresses: Vec<String>,
    hook: &mut dyn FnMut(&str) -> Result<(), String>,
) -> StageResult {
    let script = match Script::parse(&stage.file(), stage.dialogue) {
        Ok(script) => script,
        // A test rules it out.
        Err(error) => {
            return StageResult::Skipped {
                why: error.to_string(),
            };
        }
    };
    let mut dialer = CourseDialer::new(addresses, hook);
    let mut transcript = Vec::new();
    let mut keep = |line: &str| {
        if transcript.len() < TRANSCRIPT_MAX {
            transcript.push(line.to_owned());
        }
    };
    let outcome = Runner::new(&mut dialer, Variables::new(), within)
        .with_transcript(&mut keep)
        .run(&script);
    match outcome {
        Ok(()) => StageResult::Met,
        Err(difference) => {
            let failure = StageFailure::of(stage, &script, &difference, &dialer, &transcript);
            StageResult::NotMet(Box::new(failure))
        }
    }
}
