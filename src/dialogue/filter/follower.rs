//! spec/dialogue/filter.md · 4.4 Message Structure
//!
//! Which requests a dialogue has sent by the time that each reply comes: what `ptcat decode` must
//! know to read a data transfer, from the dialogue and the replies alone.

use super::lines::{FilterError, line_actions};
use crate::dialogue::message;
use crate::dialogue::pattern;
use crate::dialogue::pieces::{PatternPiece, pieces};
use crate::dialogue::raw;
use crate::dialogue::script::{ConnectionNumber, StepAction};
use crate::dialogue::variables::Variables;
use std::collections::VecDeque;
use std::io::{self, BufRead};

/// The most messages that are kept until a line of the dialogue expects them; the oldest go first.
const KEPT_MAX: usize = 10_000;

/// Functions whose value follows from what was captured. Others are drawn anew by each program, as
/// unique names are, so that any value is taken for theirs.
const COMPUTED: &[&str] = &["plus", "minus", "cost", "worth", "each", "day", "days"];

/// A request that `await` repeats until the words match its reply.
#[derive(Debug)]
struct Repeated {
    frame: Vec<u8>,
    answer: Vec<String>,
}

/// Goes through a dialogue as its replies come. Lines are read no earlier than they are needed, so
/// the dialogue may be a FIFO that is written meanwhile.
#[derive(Debug)]
pub struct RequestFollower<R> {
    lines: io::Lines<R>,
    line: usize,
    connection: Option<ConnectionNumber>,
    values: Variables,
    /// Steps of the line that was read last.
    steps: VecDeque<StepAction>,
    repeated: Option<Repeated>,
    /// Messages that no line has expected yet, oldest first.
    came: VecDeque<String>,
    has_ended: bool,
}

impl<R: BufRead> RequestFollower<R> {
    /// Follows `connection`; `None` selects the first one that a line names.
    pub fn new(
        input: R,
        connection: Option<ConnectionNumber>,
        values: Variables,
    ) -> RequestFollower<R> {
        RequestFollower {
            lines: input.lines(),
            line: 0,
            connection,
            values,
            steps: VecDeque::new(),
            repeated: None,
            came: VecDeque::new(),
            has_ended: false,
        }
    }

    /// Takes a message of the server: a later line may expect it and capture values.
    pub fn came(&mut self, message: &str) {
        if self.came.len() >= KEPT_MAX {
            self.came.pop_front();
        }
        self.came.push_back(message.to_owned());
    }

    /// The bytes that the dialogue sends next, after all messages that have come; `None` at its end
    /// and at a `close`.
    ///
    /// # Errors
    /// An invalid line, a name without a value in raw bytes, or a read that fails.
    pub fn next_request(&mut self) -> Result<Option<Vec<u8>>, FilterError> {
        if let Some(Repeated { frame, answer }) = self.repeated.take()
            && !self.expect(&answer)
        {
            self.repeated = Some(Repeated {
                frame: frame.clone(),
                answer,
            });
            return Ok(Some(frame));
        }
        while !self.has_ended {
            let Some(step) = self.next_step()? else {
                break;
            };
            if let Some(frame) = self.follow(step)? {
                return Ok(Some(frame));
            }
        }
        self.has_ended = true;
        Ok(None)
    }

    /// The next step of the connection.
    fn next_step(&mut self) -> Result<Option<StepAction>, FilterError> {
        loop {
            while let Some(step) = self.steps.pop_front() {
                self.connection = self.connection.or(step.connection());
                if step.connection().is_none() || step.connection() == self.connection {
                    return Ok(Some(step));
                }
            }
            let Some(line) = self.lines.next() else {
                return Ok(None);
            };
            self.line += 1;
            self.steps = line_actions(&line?)
                .map_err(|why| self.mistake(&why))?
                .into();
        }
    }

    /// What a step sends.
    fn follow(&mut self, step: StepAction) -> Result<Option<Vec<u8>>, FilterError> {
        match step {
            StepAction::Send(_, words) => return self.frame(&words).map(Some),
            StepAction::Await(_, words, answer) => {
                let frame = self.frame(&words)?;
                self.repeated = Some(Repeated {
                    frame: frame.clone(),
                    answer,
                });
                return Ok(Some(frame));
            }
            StepAction::Raw(_, words) => {
                let filled: Result<Vec<_>, _> =
                    words.iter().map(|w| self.values.fill_raw(w)).collect();
                let bytes = filled.and_then(|words| raw::bytes(&words));
                return bytes.map(Some).map_err(|why| self.mistake(&why));
            }
            StepAction::Expect(_, words) | StepAction::Notice(_, words) => {
                if !self.expect(&words) {
                    // It differs, and `ptcat encode` or `run` says so.
                    self.came.pop_front();
                }
            }
            StepAction::Let(name, value) => {
                if self.values.get(&name).is_none()
                    && self.without_drawn(&value) == value
                    && let Ok(value) = self.values.fill(&value)
                {
                    self.values.set(&name, &value);
                }
            }
            StepAction::Close(_) => self.has_ended = true,
            StepAction::Connect(..)
            | StepAction::Half(_)
            | StepAction::Row(..)
            | StepAction::Packets(..)
            | StepAction::Stamp(..)
            | StepAction::Check(..)
            | StepAction::Closed(_)
            | StepAction::Silence(..)
            | StepAction::Pause(_)
            | StepAction::Do(_) => {}
        }
        Ok(None)
    }

    /// Takes the first message that matches, and what the words capture of it.
    fn expect(&mut self, words: &[String]) -> bool {
        let words: Vec<String> = words.iter().map(|word| self.without_drawn(word)).collect();
        let values = &mut self.values;
        let matches = |came: &String| matches!(pattern::differs(&words, came, values), Ok(None));
        let found = self.came.iter().position(matches);
        found.and_then(|at| self.came.remove(at)).is_some()
    }

    /// The word with `*` in place of what another program has drawn.
    fn without_drawn(&self, word: &str) -> String {
        let mut out = String::new();
        let mut rest = word;
        while let Some((before, behind)) = rest.split_once('{') {
            let Some((inside, after)) = behind.split_once('}') else {
                break;
            };
            let is_set = self.values.get(inside).is_some();
            let function = inside.split_once(':').map(|(function, _)| function);
            let is_drawn = match function {
                Some(function) => !COMPUTED.contains(&function),
                None => !is_set && ["run", "now", "random", "uuid"].contains(&inside),
            };
            out.push_str(before);
            out.push_str(&if is_drawn {
                "*".to_owned()
            } else {
                format!("{{{inside}}}")
            });
            rest = after;
        }
        out + rest
    }

    /// The frame of an instruction. A value that is not known, because another connection captures
    /// it, changes nothing of what is answered.
    fn frame(&mut self, words: &[String]) -> Result<Vec<u8>, FilterError> {
        let words: Vec<String> = words.iter().map(|word| self.filled(word)).collect();
        message::encode(&words).map_err(|why| self.mistake(&why))
    }

    /// The word with its values; a name without a value stays as it is written.
    fn filled(&mut self, word: &str) -> String {
        self.values
            .fill(word)
            .unwrap_or_else(|_| match pieces(word).as_deref() {
                Ok([PatternPiece::Text(text)]) => text.clone(),
                _ => word.replace(' ', ""),
            })
    }

    fn mistake(&self, why: &str) -> FilterError {
        FilterError::Mistake(format!("line {}: {why}", self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(frame: &[u8]) -> String {
        let mut decoder = message::MessageDecoder::default();
        decoder.extend(frame);
        match decoder.next_message() {
            Some(message::StreamPart::Message(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_follow_from_the_dialogue_and_the_replies() {
        let text = "user alice\n1 connect worker\n2 connect worker\n1 > login {alice} x true\n\
            1 < sessionID {sid} *\n2 > getAssetList\n1 await ping {other} < pong {n}\n\
            1 > logout {sid}{other}\n1 half\n1 close\n1 > ping\n";
        let mut values = Variables::new();
        values.set("alice", "a");
        let mut follower = RequestFollower::new(text.as_bytes(), None, values);
        let mut next = || follower.next_request().unwrap().map(|frame| name(&frame));
        assert_eq!(next().unwrap(), "login a x true");
        follower.came("sessionID 77 *");
        let mut next = |came: &str| {
            follower.came(came);
            follower.next_request().unwrap().map(|frame| name(&frame))
        };
        assert_eq!(next("transactionQueued x").unwrap(), "ping {other}");
        assert_eq!(next("error").unwrap(), "ping {other}");
        assert_eq!(next("pong 1").unwrap(), "logout {sid}{other}");
        assert_eq!(next(""), None);
        assert_eq!(next("pong 1"), None);
    }

    #[test]
    fn a_value_that_raw_bytes_lack_is_a_mistake() {
        let text = "1 connect worker\n1 x 01 \"{sid}\"\n";
        let mut follower = RequestFollower::new(text.as_bytes(), None, Variables::new());
        match follower.next_request() {
            Err(FilterError::Mistake(why)) => assert!(why.starts_with("line 2: "), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}
