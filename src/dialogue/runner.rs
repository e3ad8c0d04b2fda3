//! spec/dialogue/runner.md · 4.7 Communication
//!
//! Runs the steps of a fixture in order, until the first one that is not met.

mod connection;
pub mod log;
pub mod play;
mod retry;
mod rows;

use super::compare::{self, Comparison};
use super::message;
use super::pattern;
use super::peer::Arrival;
use super::raw;
use super::script::{ConnectionNumber, Script, Step, StepAction};
use super::servers::Dialer;
use super::variables::{CAME, Variables};
use crate::model::Timestamp;
use connection::{ScriptedConnection, TimedArrival, describe, is_notice};
use log::RunLog;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use thiserror::Error;

/// The time limit of a step whose line, fixture and command line set none.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(5);

/// The most words of an expectation that a difference shows whole; in a longer one it names the
/// word that differs.
const WHOLE_WORDS_MAX: usize = 4;

/// The first line of a fixture that was not met.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{fixture}:{line}: expected `{expected}`, came {came}")]
pub struct Difference {
    /// The fixture's name. Where the line stands in a file that it includes, that file's name
    /// behind it: `login.pt, common/alice.pt`.
    pub fixture: String,
    /// The step's index in the script; the number of steps if it came after the last.
    pub step: usize,
    /// The line's number in its file, from 1.
    pub line: usize,
    /// The specification's sections that the line covers.
    pub sections: Vec<String>,
    /// The line, with the values of known names filled in.
    pub expected: String,
    /// What was received instead, or why the step failed.
    pub came: String,
}

/// One run of one fixture.
pub struct Runner<'a> {
    dialer: &'a mut dyn Dialer,
    /// Values that were set or captured.
    pub values: Variables,
    within: Duration,
    connections: BTreeMap<ConnectionNumber, ScriptedConnection>,
    log: RunLog<'a>,
    /// How much longer a line waits that waits for an update of prices.
    update_interval: Duration,
    /// Steps that were met.
    pub met: usize,
}

impl<'a> Runner<'a> {
    /// Prepares a run with these values; a step without a time limit of its own has `within`.
    pub fn new(dialer: &'a mut dyn Dialer, values: Variables, within: Duration) -> Runner<'a> {
        Runner {
            dialer,
            values,
            within,
            connections: BTreeMap::new(),
            log: RunLog::default(),
            update_interval: Duration::ZERO,
            met: 0,
        }
    }

    /// Passes each message that is sent or received to `tell`, as a line of text.
    pub fn with_transcript(mut self, tell: &'a mut dyn FnMut(&str)) -> Runner<'a> {
        self.log.tell = Some(tell);
        self
    }

    /// Keeps the messages of each step for [`Runner::play`].
    pub fn keeping(mut self) -> Self {
        self.log.kept = Some(Vec::new());
        self
    }

    /// Lets lines that wait for an update of prices, of which the server announces no time, wait as
    /// much longer.
    pub fn with_update_interval(mut self, interval: Duration) -> Self {
        self.update_interval = interval;
        self
    }

    /// Runs the fixture.
    ///
    /// # Errors
    /// The first line that was not met. An unexpected message after the last line is a difference
    /// of that line.
    pub fn run(&mut self, script: &Script) -> Result<(), Difference> {
        let play = self.play(script, false);
        self.met = play.met();
        match play.differences.into_iter().next() {
            Some(difference) => Err(difference),
            None => Ok(()),
        }
    }

    /// The step's line, with the values of known names filled in.
    fn filled_line(&mut self, step: &Step) -> String {
        let word = |word: &str, values: &mut Variables| {
            let name = word.find('{').and_then(|from| {
                let to = from + word.get(from..)?.find('}')?;
                Some((from, to))
            });
            match name.and_then(|(from, to)| {
                Some((from, to, values.get(word.get(from + 1..to)?)?.to_owned()))
            }) {
                Some((from, to, value)) => format!("{}{value}{}", &word[..from], &word[to + 1..]),
                None => word.to_owned(),
            }
        };
        let words: Vec<String> = step
            .text
            .split(' ')
            .map(|w| word(w, &mut self.values))
            .collect();
        words.join(" ")
    }

    fn step(&mut self, script: &Script, step: &Step) -> Result<(), String> {
        let within = step.within.unwrap_or(self.within);
        match &step.action {
            StepAction::Connect(number, target) => self.connect(script, *number, target, within),
            StepAction::Send(number, words) => self.send_message(*number, words),
            StepAction::Await(number, words, answer) => self.retry(*number, words, answer, within),
            StepAction::Raw(number, words) => self.send_raw(*number, words),
            StepAction::Expect(number, words) => {
                let earliest = self.earliest(step)?;
                let within = within + self.longer(words);
                let received = self.receive(*number, within)?;
                self.expect(*number, words, earliest, received, within)
            }
            StepAction::Notice(number, words) => {
                let earliest = self.earliest(step)?;
                let within = within + self.update_interval;
                let received = self.receive_notice(*number, within)?;
                self.expect(*number, words, earliest, received, within)
            }
            StepAction::Row(number, choice, pattern) => self.rows(*number, *choice, pattern),
            StepAction::Packets(number, words) => self.packets(*number, words),
            StepAction::Stamp(number, time) => {
                let time = self.values.fill(time)?;
                let time = Timestamp::parse(&time).map_err(|e| format!("{time}: {e}"))?;
                self.connection(*number)?.stamp(time)
            }
            StepAction::Closed(number) => {
                let earliest = self.earliest(step)?;
                self.connection(*number)?.expect_end();
                match self.receive(*number, within)? {
                    Some(end) if end.arrival == Arrival::End => {
                        in_time(earliest, end.at, "the end")
                    }
                    other => Err(describe(arrival(other.as_ref()), within)),
                }
            }
            StepAction::Half(number) => {
                self.log.add(&format!("{number} half"));
                self.connection(*number)?.half_close()
            }
            StepAction::Close(number) => {
                self.log.add(&format!("{number} close"));
                self.connections
                    .remove(number)
                    .map(|_| ())
                    .ok_or_else(|| unknown_connection(*number))
            }
            StepAction::Silence(number, time) => self.silence(*number, *time),
            StepAction::Pause(time) => {
                std::thread::sleep(*time);
                Ok(())
            }
            StepAction::Do(name) => {
                self.log.add(&format!("do {name}"));
                self.dialer.hook(name)
            }
            StepAction::Let(name, value) => {
                if self.values.get(name).is_none() {
                    let value = self.values.fill(value)?;
                    self.values.set(name, &value);
                }
                Ok(())
            }
            StepAction::Check(left, comparison, right) => self.check(left, comparison, right),
        }
    }

    /// Compares two values.
    ///
    /// # Errors
    /// They do not compare so: both, as they are.
    fn check(&mut self, left: &str, comparison: &Comparison, right: &str) -> Result<(), String> {
        let (left, right) = (self.values.fill(left)?, self.values.fill(right)?);
        let comparison = match comparison {
            Comparison::Within(tolerance) => Comparison::Within(self.values.fill(tolerance)?),
            sign => sign.clone(),
        };
        if compare::holds(&left, &comparison, &right)? {
            Ok(())
        } else {
            Err(format!("`{left}` and `{right}`"))
        }
    }

    /// The time before which the step's message must not come.
    fn earliest(&mut self, step: &Step) -> Result<Option<Timestamp>, String> {
        let Some(time) = &step.not_before else {
            return Ok(None);
        };
        let text = self.values.fill(time)?;
        let time = Timestamp::parse(&text).map_err(|e| format!("{text}: {e}"))?;
        Ok(Some(time))
    }

    fn connect(
        &mut self,
        script: &Script,
        number: ConnectionNumber,
        target: &str,
        within: Duration,
    ) -> Result<(), String> {
        let target = self.values.fill(target)?;
        self.log.add(&format!("{number} connect {target}"));
        let peer = self.dialer.connect(&target, within)?;
        let connection = ScriptedConnection::new(number, peer, script.has_notices(number));
        self.connections.insert(number, connection);
        Ok(())
    }

    fn connection(&mut self, number: ConnectionNumber) -> Result<&mut ScriptedConnection, String> {
        self.connections
            .get_mut(&number)
            .ok_or_else(|| unknown_connection(number))
    }

    /// Sends an instruction with its arguments, values filled in.
    fn send_message(&mut self, number: ConnectionNumber, words: &[String]) -> Result<(), String> {
        let words = words
            .iter()
            .map(|w| self.values.fill(w))
            .collect::<Result<Vec<_>, _>>()?;
        let bytes = message::encode(&words)?;
        let line: Vec<String> = words.iter().map(|w| raw::escape(w)).collect();
        self.send(number, &bytes, &format!("> {}", line.join(" ")))
    }

    /// Sends the bytes of an `x` line.
    fn send_raw(&mut self, number: ConnectionNumber, words: &[String]) -> Result<(), String> {
        let words = words
            .iter()
            .map(|w| self.values.fill_raw(w))
            .collect::<Result<Vec<_>, _>>()?;
        self.send(
            number,
            &raw::bytes(&words)?,
            &format!("x {}", words.join(" ")),
        )
    }

    fn send(&mut self, number: ConnectionNumber, bytes: &[u8], line: &str) -> Result<(), String> {
        self.log.sent(number, line, bytes);
        self.connection(number)?.send(bytes, line)
    }

    fn receive(
        &mut self,
        number: ConnectionNumber,
        within: Duration,
    ) -> Result<Option<TimedArrival>, String> {
        let connection = self.connections.get_mut(&number);
        connection
            .ok_or_else(|| unknown_connection(number))?
            .receive(within, &mut self.log)
    }

    /// Expects not a byte for a time.
    fn silence(&mut self, number: ConnectionNumber, time: Duration) -> Result<(), String> {
        if let Some(came) = self.listen(number, time)? {
            return Err(describe(arrival(Some(&came)), time));
        }
        match self.connection(number)?.unfinished() {
            0 => Ok(()),
            count => Err(format!("{count} bytes that are no whole message")),
        }
    }

    /// The next arrival within just that time, whatever the server has announced.
    fn listen(
        &mut self,
        number: ConnectionNumber,
        time: Duration,
    ) -> Result<Option<TimedArrival>, String> {
        let connection = self.connections.get_mut(&number);
        connection
            .ok_or_else(|| unknown_connection(number))?
            .receive_until(Instant::now() + time, &mut self.log)
    }

    fn receive_notice(
        &mut self,
        number: ConnectionNumber,
        within: Duration,
    ) -> Result<Option<TimedArrival>, String> {
        let connection = self.connections.get_mut(&number);
        connection
            .ok_or_else(|| unknown_connection(number))?
            .receive_notice(within, &mut self.log)
    }

    /// How much longer a line waits for this message, which may come with an update of prices.
    fn longer(&self, words: &[String]) -> Duration {
        let is_of_an_update = words
            .first()
            .is_some_and(|word| is_notice(word) && word != "transactionQueued");
        if is_of_an_update {
            self.update_interval
        } else {
            Duration::ZERO
        }
    }

    /// Compares what came with the expected words, and keeps it for `row` and `packets`.
    fn expect(
        &mut self,
        number: ConnectionNumber,
        words: &[String],
        earliest: Option<Timestamp>,
        received: Option<TimedArrival>,
        within: Duration,
    ) -> Result<(), String> {
        let Some(received) = received else {
            return Err(describe(None, within));
        };
        let Arrival::Message(text) = &received.arrival else {
            return Err(describe(Some(&received.arrival), within));
        };
        self.compare(words, text)?;
        in_time(earliest, received.at, &format!("`{text}`"))?;
        self.values.set(CAME, &received.at.to_string());
        self.connection(number)?.last = Some(received);
        Ok(())
    }

    /// Compares a received message with the expected words.
    ///
    /// # Errors
    /// The message, and for an expectation of more than [`WHOLE_WORDS_MAX`] words the word that
    /// differs.
    fn compare(&mut self, words: &[String], text: &str) -> Result<(), String> {
        match pattern::differs(words, text, &mut self.values)? {
            None => Ok(()),
            Some(_) if words.len() <= WHOLE_WORDS_MAX => Err(format!("`{text}`")),
            Some(place) => {
                let came = text.split(' ').nth(place).unwrap_or("nothing");
                let expected = words.get(place).map_or("nothing", String::as_str);
                Err(format!(
                    "`{text}` (word {}: `{expected}` expected, `{came}` came)",
                    place + 1
                ))
            }
        }
    }

    /// Checks after the last step that no connection but these has received a message that no line
    /// expects.
    fn check_nothing_left(&mut self, spoilt: &BTreeSet<ConnectionNumber>) -> Result<(), String> {
        let judged = self
            .connections
            .iter_mut()
            .filter(|(number, _)| !spoilt.contains(number));
        for (number, connection) in judged {
            if let Some(other) = connection.unexpected() {
                return Err(format!(
                    "{} on connection {number}",
                    describe(Some(&other), STEP_TIMEOUT)
                ));
            }
        }
        Ok(())
    }
}

fn arrival(received: Option<&TimedArrival>) -> Option<&Arrival> {
    received.map(|received| &received.arrival)
}

/// Checks that what came at `at` did not come before `earliest`.
fn in_time(earliest: Option<Timestamp>, at: Timestamp, what: &str) -> Result<(), String> {
    match earliest {
        Some(earliest) if at < earliest => Err(format!(
            "{what} at {at}, {} ms too soon",
            earliest.since(at)
        )),
        _ => Ok(()),
    }
}

fn unknown_connection(number: ConnectionNumber) -> String {
    format!("no connection {number}: it was never opened, or has been closed here")
}

#[cfg(test)]
mod tests {
    use super::super::message::{MessageDecoder, StreamPart, encode};
    use super::super::servers::Servers;
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// A server that answers each line from a list, and closes a connection that sends no valid
    /// message.
    fn server(answers: &'static [(&'static str, &'static [&'static str])]) -> Servers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut decoder = MessageDecoder::default();
                    let mut bytes = [0; 4096];
                    while let Ok(size @ 1..) = stream.read(&mut bytes) {
                        decoder.extend(&bytes[..size]);
                        while let Some(decoded) = decoder.next_message() {
                            let StreamPart::Message(line) = decoded else {
                                let words =
                                    ["protocolError", "bad-frame", "no message"].map(str::to_owned);
                                stream.write_all(&encode(&words).unwrap()).unwrap();
                                return;
                            };
                            for reply in answers
                                .iter()
                                .filter(|a| line.starts_with(a.0))
                                .flat_map(|a| a.1)
                            {
                                let bytes = match reply.strip_prefix("x ") {
                                    Some(hex) => raw::bytes(&raw::words(hex)).unwrap(),
                                    None => encode(&raw::words(reply)).unwrap(),
                                };
                                stream.write_all(&bytes).unwrap();
                            }
                        }
                    }
                });
            }
        });
        Servers {
            workers: vec![address],
            ..Servers::default()
        }
    }

    fn run(servers: &mut Servers, text: &str) -> Result<(), Difference> {
        let script = Script::parse("f.pt", text).unwrap();
        Runner::new(servers, Variables::new(), Duration::from_millis(400)).run(&script)
    }

    const ANSWERS: &[(&str, &[&str])] = &[
        ("ping", &["pong"]),
        ("login", &["loginFail bad-credentials who are you"]),
        (
            "getAssetValueCurrent",
            &["x 03 030b 00000010 0000 00000001 00000001 0000000000000000 0000000000000001"],
        ),
        (
            "purchaseAsset",
            &["transactionQueued 01890a5d-ac96-774b-bcce-b302099a8057 - 2026-01-02T03:04:06.000Z"],
        ),
        ("sellAsset", &["loginFail no_code text"]),
        // A pong, and two bytes of something else.
        (
            "logout",
            &["x 04 0402 00000000 0000 00000001 00000001 0404"],
        ),
        (
            "getAssetList",
            &[
                "040f quotes 3",
                "dataFail scope a token does not reach that",
                "040c x",
            ],
        ),
    ];

    #[test]
    fn a_dialogue_that_matches_passes() {
        let text = "user alice\n1 connect worker\n2 connect worker1\n1 > ping\n1 < pong\n2 silence 50ms\n\
            1 > login {alice} {hash:alice} true\n1 < loginFail {code} {why...}\n2 > login {alice} x true\n\
            2 < loginFail {code} {why...}\n2 > getAssetValueCurrent X\n\
            2 < data Quote time={t} value=0.000001\n1 x 05 \"abc\"*10\n1 < protocolError bad-frame *\n1 closed\n\
            2 half\n2 closed\n";
        run(&mut server(ANSWERS), text).unwrap();
        let again = "1 connect worker\n1 > ping\n1 > purchaseAsset a b c\n1 > login a b true\n1 await ping < loginFail *";
        run(&mut server(ANSWERS), again).unwrap_err();
        let again = again.to_owned() + "\n1 < pong";
        let outcome = run(
            &mut server(ANSWERS),
            &again.replace("ping < loginFail", "ping < transactionQueued"),
        );
        // Each request takes the next received message: first the pong, then the notice.
        assert_eq!(outcome.unwrap_err().line, 6);
    }

    #[test]
    fn a_notice_is_found_at_any_place_between_replies() {
        let text = "1 connect worker\n1 > purchaseAsset s A 1\n1 > ping\n1 < pong\n1 ~ transactionQueued {tx} - *\n";
        run(&mut server(ANSWERS), text).unwrap();
        let swapped = "1 connect worker\n1 > ping\n1 > purchaseAsset s A 1\n1 ~ transactionQueued {tx} - *\n1 < pong";
        run(&mut server(ANSWERS), swapped).unwrap();
    }

    #[test]
    fn notices_of_a_later_edition_are_passed_over() {
        let text = "1 connect worker\n1 > getAssetList\n1 < dataFail scope *\n1 silence 50ms\n\
            1 > ping\n1 < pong\n1 > getAssetList\n1 < dataFail {code} {why...}\npause 100ms";
        run(&mut server(ANSWERS), text).unwrap();
    }

    #[test]
    fn the_first_line_that_differs_is_named() {
        let start = "section 4.6.1\n1 connect worker\n";
        for (lines, line, came) in [
            ("1 > ping\n1 < pang", 4, "`pong`"),
            ("1 > nothing", 3, "no instruction has this name"),
            ("1 > ping {sid}", 3, "nothing was captured as {sid}"),
            ("1 < pong", 3, "nothing within 400ms"),
            ("1 > ping\n1 silence 200ms", 4, "`pong`"),
            (
                "1 > logout a\n1 < pong\n1 silence 50ms",
                5,
                "2 bytes that are no whole message",
            ),
            ("1 > ping\n1 closed", 4, "`pong`"),
            ("1 closed", 3, "nothing within 400ms"),
            ("1 > sellAsset a b c\n1 < sellFail *", 4, "no message"),
            ("1 > ping", 3, "`pong` on connection 1"),
            ("2 > ping", 3, "no connection 2"),
            (
                "1 x 09*17\n1 < protocolError *\n1 > ping\n1 < pong",
                6,
                "connection",
            ),
            ("3 connect worker2", 3, "was not given"),
            ("3 connect master", 3, "was not given"),
            ("do what", 3, "nothing is given that does what"),
        ] {
            // The unread reply must arrive before the runner checks that nothing is left.
            let settle = if lines == "1 > ping" {
                "\npause 100ms"
            } else {
                ""
            };
            let difference =
                run(&mut server(ANSWERS), &format!("{start}{lines}{settle}")).unwrap_err();
            assert_eq!(
                difference.line,
                line + usize::from(!settle.is_empty()),
                "{lines}: {difference}"
            );
            assert!(difference.came.contains(came), "{lines}: {difference}");
            assert_eq!(difference.sections, ["4.6.1"]);
            assert!(difference.to_string().starts_with("f.pt:"));
        }
    }

    #[test]
    fn do_runs_its_command() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("done");
        let mut servers = server(ANSWERS);
        servers
            .hooks
            .insert("mark".into(), format!("touch {}", file.display()));
        run(&mut servers, "do mark").unwrap();
        assert!(file.exists());
        servers.hooks.insert("fail".into(), "exit 3".into());
        assert!(
            run(&mut servers, "do fail")
                .unwrap_err()
                .came
                .contains("exit status: 3")
        );
    }

    #[test]
    fn a_refused_connection_is_a_difference() {
        let mut servers = Servers {
            workers: vec!["127.0.0.1:1".into()],
            ..Servers::default()
        };
        assert!(
            run(&mut servers, "1 connect worker")
                .unwrap_err()
                .came
                .contains("refused")
        );
    }
}
