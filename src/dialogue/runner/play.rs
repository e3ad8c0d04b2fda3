//! spec/dialogue/runner.md · 4.7 Communication
//!
//! Plays a dialogue to its end or to the first line that is not met, and tells of each step what
//! became of it. Where it goes on after a difference, it leaves out what cannot be judged any more:
//! the rest of a connection whose replies are out of step, and lines that use a value which never
//! came.

use super::super::pieces::{PatternPiece, pieces};
use super::super::script::{ConnectionNumber, Script, Step, StepAction};
use super::connection::is_notice;
use super::log::Exchanged;
use super::{Difference, Runner};
use std::collections::BTreeSet;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// It was met.
    Met,
    /// It was not met.
    Differed,
    /// The run did not come to it, because of a difference before it.
    NotReached,
}

/// A step as it was played.
#[derive(Debug, Clone)]
pub struct PlayedStep {
    pub outcome: StepOutcome,
    /// The messages that were sent and received meanwhile, where the runner keeps them.
    pub exchanged: Vec<Exchanged>,
}

/// A dialogue as it was played.
#[derive(Debug, Clone, Default)]
pub struct Play {
    /// As many as the script has.
    pub steps: Vec<PlayedStep>,
    /// The differences, in order. [`Difference::step`] says where.
    pub differences: Vec<Difference>,
}

impl Play {
    /// The number of steps that were met.
    pub fn met(&self) -> usize {
        let is_met = |step: &&PlayedStep| step.outcome == StepOutcome::Met;
        self.steps.iter().filter(is_met).count()
    }
}

/// What cannot be judged any more after a difference.
#[derive(Default)]
struct Spoilt {
    /// Connections whose next message may answer another line. Opening one anew mends it.
    connections: BTreeSet<ConnectionNumber>,
    /// Names that a line should have captured or set.
    names: BTreeSet<String>,
    /// Nothing can be judged: the dialogue stops, or a hook has failed.
    all: bool,
}

impl Spoilt {
    fn covers(&self, step: &Step) -> bool {
        let is_opened = matches!(step.action, StepAction::Connect(..));
        let connection = step.action.connection().filter(|_| !is_opened);
        self.all
            || connection.is_some_and(|number| self.connections.contains(&number))
            || names(&step.text).any(|name| self.names.contains(&name))
    }

    /// Adds a step that was not met, or that was left out.
    fn add(&mut self, step: &Step) {
        self.names.extend(captures(step));
        self.connections.extend(step.action.connection());
    }
}

impl Runner<'_> {
    /// Plays the dialogue. Without `keeps_going`, it stops at the first difference.
    pub fn play(&mut self, script: &Script, keeps_going: bool) -> Play {
        let mut play = Play::default();
        let mut spoilt = Spoilt::default();
        let mut is_prepared = false;
        for (index, step) in script.steps.iter().enumerate() {
            if !is_prepared && matches!(step.action, StepAction::Connect(..)) {
                self.hash_passwords(script);
                is_prepared = true;
            }
            let outcome = if spoilt.covers(step) {
                spoilt.add(step);
                StepOutcome::NotReached
            } else {
                match self.step(script, step) {
                    Ok(()) => {
                        if let StepAction::Connect(number, _) = &step.action {
                            spoilt.connections.remove(number);
                        }
                        StepOutcome::Met
                    }
                    Err(came) => {
                        play.differences
                            .push(self.difference(script, index, step, came));
                        self.spoil(&mut spoilt, step, keeps_going);
                        StepOutcome::Differed
                    }
                }
            };
            let exchanged = self.log.take();
            play.steps.push(PlayedStep { outcome, exchanged });
        }
        if !spoilt.all
            && let Err(came) = self.check_nothing_left(&spoilt.connections)
        {
            let last = script.steps.last();
            play.differences.push(Difference {
                fixture: last.map_or(script.name.clone(), |step| place(script, step)),
                step: script.steps.len(),
                line: last.map_or(0, |step| step.line),
                sections: last.map(|step| step.sections.clone()).unwrap_or_default(),
                expected: "nothing more".to_owned(),
                came,
            });
        }
        play
    }

    /// Makes the hashed passwords of the users that are known. A hash takes a good part of a second,
    /// and a server closes a connection that says nothing for long.
    fn hash_passwords(&mut self, script: &Script) {
        for step in &script.steps {
            let (StepAction::Send(_, words) | StepAction::Await(_, words, _)) = &step.action else {
                continue;
            };
            for word in words {
                let inside = word
                    .strip_prefix("{hash:")
                    .and_then(|w| w.strip_suffix('}'));
                let user = inside.and_then(|inside| inside.split(':').next());
                if let Some(user) = user
                    && self.values.get(user).is_some()
                {
                    // The line itself tells what is wrong with it.
                    let _ = self.values.fill(word);
                }
            }
        }
    }

    fn difference(
        &mut self,
        script: &Script,
        index: usize,
        step: &Step,
        came: String,
    ) -> Difference {
        Difference {
            fixture: place(script, step),
            step: index,
            line: step.line,
            sections: step.sections.clone(),
            expected: self.filled_line(step),
            came,
        }
    }

    /// Notes what a step that was not met makes impossible.
    fn spoil(&self, spoilt: &mut Spoilt, step: &Step, keeps_going: bool) {
        let acts_for_all = matches!(step.action, StepAction::Do(_) | StepAction::Pause(_));
        spoilt.all = !keeps_going || acts_for_all;
        spoilt.names.extend(captures(step));
        let Some(number) = step.action.connection() else {
            return;
        };
        // A reply in place of another reply leaves the connection in step: the next line's reply is
        // the next one.
        let is_in_step = match &step.action {
            StepAction::Expect(_, words) => {
                !words.first().is_some_and(|word| is_notice(word))
                    && self
                        .connections
                        .get(&number)
                        .is_some_and(|c| c.is_in_step())
            }
            StepAction::Await(..) => self
                .connections
                .get(&number)
                .is_some_and(|c| c.is_in_step()),
            _ => false,
        };
        let receives = !matches!(step.action, StepAction::Row(..) | StepAction::Packets(..));
        if receives && !is_in_step {
            spoilt.connections.insert(number);
        }
    }
}

/// The fixture's name, and behind it that of the step's file, if it is another.
fn place(script: &Script, step: &Step) -> String {
    if *step.file == *script.name {
        script.name.clone()
    } else {
        format!("{}, {}", script.name, step.file)
    }
}

/// The names that a step captures or sets.
fn captures(step: &Step) -> Vec<String> {
    let words = match &step.action {
        StepAction::Expect(_, words)
        | StepAction::Notice(_, words)
        | StepAction::Packets(_, words)
        | StepAction::Await(_, _, words) => words.as_slice(),
        StepAction::Row(_, choice, pattern) if choice.captures() => std::slice::from_ref(pattern),
        StepAction::Let(name, _) => return vec![name.clone()],
        _ => return Vec::new(),
    };
    let found = words
        .iter()
        .flat_map(|word| pieces(word).unwrap_or_default());
    found
        .filter_map(|piece| match piece {
            PatternPiece::Name(name) if !name.contains(':') => {
                Some(name.trim_end_matches("...").to_owned())
            }
            _ => None,
        })
        .collect()
}

/// The names that a line mentions in braces, those within functions included.
fn names(text: &str) -> impl Iterator<Item = String> {
    let found = pieces(text).unwrap_or_default();
    found.into_iter().flat_map(|piece| match piece {
        PatternPiece::Name(inside) => inside
            .trim_end_matches("...")
            .split(':')
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::message;
    use super::super::super::peer::{Arrival, Peer};
    use super::super::super::servers::Dialer;
    use super::super::super::variables::Variables;
    use super::*;
    use std::collections::VecDeque;
    use std::time::{Duration, Instant};

    /// A server that answers a ping, refuses a login, tells a session, and says nothing else.
    struct Echo;

    struct EchoPeer(VecDeque<Arrival>);

    impl Dialer for Echo {
        fn connect(&mut self, target: &str, _: Duration) -> Result<Box<dyn Peer>, String> {
            match target {
                "worker" => Ok(Box::new(EchoPeer(VecDeque::new()))),
                other => Err(format!("{other}: refused")),
            }
        }

        fn hook(&mut self, name: &str) -> Result<(), String> {
            Err(format!("{name}: nobody does it"))
        }
    }

    impl Peer for EchoPeer {
        fn send(&mut self, _: &[u8], line: &str) -> Result<(), String> {
            let answer = match line.split(' ').nth(1) {
                Some("ping") => "pong",
                Some("login") => "loginFail bad-credentials no",
                Some("getWorkerList") => "workerList 127.0.0.1:1",
                _ => return Ok(()),
            };
            self.0.push_back(Arrival::Message(answer.to_owned()));
            Ok(())
        }

        fn half(&mut self) -> Result<(), String> {
            Ok(())
        }

        fn receive(&mut self, _until: Instant) -> Option<Arrival> {
            self.0.pop_front()
        }

        fn bytes_of_last(&mut self) -> Vec<u8> {
            message::encode(&["pong".to_owned()]).unwrap()
        }
    }

    /// What became of each step, as a letter, and the lines that differed.
    fn played(text: &str, keeps_going: bool) -> (String, Vec<usize>) {
        let script = Script::parse("f.pt", text).unwrap();
        let mut echo = Echo;
        let within = Duration::from_millis(50);
        let mut runner = Runner::new(&mut echo, Variables::new(), within).keeping();
        let play = runner.play(&script, keeps_going);
        let letter = |step: &PlayedStep| match step.outcome {
            StepOutcome::Met => 'm',
            StepOutcome::Differed => 'D',
            StepOutcome::NotReached => '-',
        };
        let differed = play.differences.iter().map(|d| d.line).collect();
        (play.steps.iter().map(letter).collect(), differed)
    }

    #[test]
    fn it_stops_at_the_first_difference_unless_it_is_told_to_go_on() {
        let text =
            "1 connect worker\n1 > login a b true\n1 < sessionID {sid} *\n1 > ping\n1 < pong";
        assert_eq!(played(text, false), ("mmD--".to_owned(), vec![3]));
        // A reply came in place of another: the next line's reply is the next one.
        assert_eq!(played(text, true), ("mmDmm".to_owned(), vec![3]));
    }

    #[test]
    fn what_cannot_be_judged_is_left_out() {
        // A value that did not come, and what is made of it.
        let text = "1 connect worker\n1 > login a b true\n1 < sessionID {sid} *\nlet twice {plus:sid:sid}\n\
            1 > ping\n1 < pong";
        assert_eq!(played(text, true), ("mmD-mm".to_owned(), vec![3]));
        // What is not sent has no reply, and the lines behind it expect one.
        let text = "1 connect worker\n1 > login a b true\n1 < sessionID {sid} *\n1 > login {sid}\n1 > ping\n1 < pong";
        assert_eq!(played(text, true), ("mmD---".to_owned(), vec![3]));
        // After silence nobody knows which line the next reply answers, until it is opened anew.
        let text = "1 connect worker\n2 connect worker\n1 > getAssetList\n1 < data *\n1 > ping\n1 < pong\n\
            2 > ping\n2 < pong\n1 connect worker\n1 > ping\n1 < pong";
        assert_eq!(played(text, true), ("mmmD--mmmmm".to_owned(), vec![4]));
        // Without a connection, nothing on it.
        let text = "1 connect nowhere:1\n1 > ping\n1 < pong\n2 connect worker\n2 > ping\n2 < pong";
        assert_eq!(played(text, true), ("D--mmm".to_owned(), vec![1]));
        // A hook is for all.
        let text = "1 connect worker\ndo stop-master\n1 > ping\n1 < pong";
        assert_eq!(played(text, true), ("mD--".to_owned(), vec![2]));
    }

    #[test]
    fn what_is_left_on_a_connection_in_step_is_a_difference() {
        let text = "1 connect worker\n1 > ping\n1 > ping\n1 < pong";
        assert_eq!(played(text, true), ("mmmm".to_owned(), vec![4]));
    }

    #[test]
    fn messages_are_kept_with_the_step_that_saw_them() {
        let script = Script::parse("f.pt", "1 connect worker\n1 > ping\n1 < pong").unwrap();
        let mut echo = Echo;
        let within = Duration::from_millis(50);
        let mut runner = Runner::new(&mut echo, Variables::new(), within).keeping();
        let play = runner.play(&script, false);
        let kept: Vec<Vec<(bool, &str, usize)>> = play
            .steps
            .iter()
            .map(|step| {
                let all = step.exchanged.iter();
                all.map(|e| (e.is_sent, e.text.as_str(), e.size)).collect()
            })
            .collect();
        assert_eq!(
            kept,
            [
                vec![],
                vec![(true, "> ping", 17)],
                vec![(false, "pong", 17)]
            ]
        );
        assert_eq!(play.met(), 3);
    }
}
