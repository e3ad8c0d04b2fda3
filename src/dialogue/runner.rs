//! spec/dialogue/runner.md · 4.7 Communication
//!
//! Runs a fixture: step by step, until the first that differs.

use super::message;
use super::pattern;
use super::peer::{Arrival, Peer};
use super::raw;
use super::script::{ConnectionNumber, Script, Step, StepAction};
use super::servers::Dialer;
use super::variables::Variables;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How long a line may take unless it, its fixture or the command line says otherwise.
pub const WITHIN: Duration = Duration::from_secs(5);

/// Expectations of no more words than this are compared by a person at a glance; of longer ones the word is named.
const SHORT: usize = 4;

/// How long `await` waits before it asks again.
const AGAIN: Duration = Duration::from_millis(50);

/// The most messages that wait on one connection for a line that expects them.
const WAITING_MAX: usize = 200_000;

/// The first line of a fixture that was not met.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{fixture}:{line}: expected `{expected}`, came {came}")]
pub struct Difference {
    /// The fixture's name.
    pub fixture: String,
    /// The line's number, from 1.
    pub line: usize,
    /// The sections that the line shows.
    pub sections: Vec<String>,
    /// The line, with the values that were known.
    pub expected: String,
    /// What came in its place.
    pub came: String,
}

/// A connection, and what came on it that no line has expected yet.
struct ScriptedConnection {
    peer: Box<dyn Peer>,
    waiting: VecDeque<Arrival>,
    notices: VecDeque<String>,
    /// Notices are expected on their own, with `~`.
    apart: bool,
}

/// One run of one fixture.
pub struct Runner<'a> {
    dialler: &'a mut dyn Dialer,
    /// What was captured and set.
    pub values: Variables,
    within: Duration,
    connections: BTreeMap<ConnectionNumber, ScriptedConnection>,
    transcript: Option<&'a mut dyn FnMut(&str)>,
    /// The steps that were met.
    pub met: usize,
}

impl<'a> Runner<'a> {
    /// A run with these values, in which a line may take `within`.
    pub fn new(dialler: &'a mut dyn Dialer, values: Variables, within: Duration) -> Runner<'a> {
        Runner {
            dialler,
            values,
            within,
            connections: BTreeMap::new(),
            transcript: None,
            met: 0,
        }
    }

    /// Has every step told as it happens.
    pub fn with_transcript(mut self, tell: &'a mut dyn FnMut(&str)) -> Runner<'a> {
        self.transcript = Some(tell);
        self
    }

    /// Runs the fixture.
    ///
    /// # Errors
    /// The first line that differs.
    pub fn run(&mut self, script: &Script) -> Result<(), Difference> {
        for step in &script.steps {
            if let Err(came) = self.step(script, step) {
                return Err(Difference {
                    fixture: script.name.clone(),
                    line: step.line,
                    sections: step.sections.clone(),
                    expected: self.shown(step),
                    came,
                });
            }
            self.met += 1;
        }
        self.nothing_left().map_err(|came| Difference {
            fixture: script.name.clone(),
            line: script.steps.last().map_or(0, |step| step.line),
            sections: script
                .steps
                .last()
                .map(|step| step.sections.clone())
                .unwrap_or_default(),
            expected: "nothing more".to_owned(),
            came,
        })
    }

    /// The step's line, with the values of names that are known.
    fn shown(&mut self, step: &Step) -> String {
        let word = |word: &str, values: &mut Variables| {
            let name = word.find('{').and_then(|from| {
                let to = from + word.get(from..)?.find('}')?;
                Some((from, to))
            });
            match name
                .and_then(|(from, to)| Some((from, to, values.get(word.get(from + 1..to)?)?.to_owned())))
            {
                Some((from, to, value)) => format!("{}{value}{}", &word[..from], &word[to + 1..]),
                None => word.to_owned(),
            }
        };
        let words: Vec<String> = step.text.split(' ').map(|w| word(w, &mut self.values)).collect();
        words.join(" ")
    }

    fn tell(&mut self, text: &str) {
        if let Some(tell) = self.transcript.as_mut() {
            tell(text);
        }
    }

    fn step(&mut self, script: &Script, step: &Step) -> Result<(), String> {
        let within = step.within.unwrap_or(self.within);
        match &step.action {
            StepAction::Connect(number, target) => {
                let target = self.values.fill(target)?;
                self.tell(&format!("{number} connect {target}"));
                let peer = self.dialler.connect(&target, within)?;
                let apart = script.has_notices(*number);
                let connection = ScriptedConnection {
                    peer,
                    waiting: VecDeque::new(),
                    notices: VecDeque::new(),
                    apart,
                };
                self.connections.insert(*number, connection);
                Ok(())
            }
            StepAction::Send(number, words) => self.say(*number, words),
            StepAction::Await(number, words, answer) => self.ask_until(*number, words, answer, within),
            StepAction::Raw(number, words) => {
                let words = words
                    .iter()
                    .map(|w| self.values.fill_raw(w))
                    .collect::<Result<Vec<_>, _>>()?;
                self.send(*number, &raw::bytes(&words)?, &format!("x {}", words.join(" ")))
            }
            StepAction::Expect(number, words) => self.expect(*number, words, within),
            StepAction::Notice(number, words) => self.notice(*number, words, within),
            StepAction::Closed(number) => {
                self.connection(*number)?.peer.expect_end();
                match self.receive(*number, within)? {
                    Some(Arrival::End) => Ok(()),
                    other => Err(describe(other.as_ref(), within)),
                }
            }
            StepAction::Half(number) => {
                self.tell(&format!("{number} half"));
                self.connection(*number)?.peer.half()
            }
            StepAction::Close(number) => {
                self.tell(&format!("{number} close"));
                self.connections
                    .remove(number)
                    .map(|_| ())
                    .ok_or_else(|| unknown(*number))
            }
            StepAction::Silence(number, time) => match self.receive(*number, *time)? {
                None => Ok(()),
                other => Err(describe(other.as_ref(), *time)),
            },
            StepAction::Pause(time) => {
                std::thread::sleep(*time);
                Ok(())
            }
            StepAction::Do(name) => {
                self.tell(&format!("do {name}"));
                self.dialler.hook(name)
            }
            StepAction::Let(name, value) => {
                if self.values.get(name).is_none() {
                    let value = self.values.fill(value)?;
                    self.values.set(name, &value);
                }
                Ok(())
            }
        }
    }

    fn say(&mut self, number: ConnectionNumber, words: &[String]) -> Result<(), String> {
        let words = words
            .iter()
            .map(|w| self.values.fill(w))
            .collect::<Result<Vec<_>, _>>()?;
        let bytes = message::encode(&words)?;
        let line: Vec<String> = words.iter().map(|w| raw::escape(w)).collect();
        self.send(number, &bytes, &format!("> {}", line.join(" ")))
    }

    /// Asks again and again until the answer is the one expected; the last other one is the difference.
    fn ask_until(
        &mut self,
        number: ConnectionNumber,
        words: &[String],
        answer: &[String],
        within: Duration,
    ) -> Result<(), String> {
        let until = Instant::now() + within;
        loop {
            self.say(number, words)?;
            let outcome = match self.receive(number, WITHIN.max(within))? {
                Some(Arrival::Message(text)) => self.compare(answer, &text),
                other => return Err(describe(other.as_ref(), within)),
            };
            if outcome.is_ok() || Instant::now() >= until {
                return outcome;
            }
            std::thread::sleep(AGAIN);
        }
    }

    fn connection(&mut self, number: ConnectionNumber) -> Result<&mut ScriptedConnection, String> {
        self.connections.get_mut(&number).ok_or_else(|| unknown(number))
    }

    fn send(&mut self, number: ConnectionNumber, bytes: &[u8], line: &str) -> Result<(), String> {
        self.tell(&format!("{number} {line}"));
        let sent = self.connection(number)?.peer.send(bytes, line);
        // A server that refused something closes; what it said before is what the fixture is about.
        sent.or_else(|why| {
            let connection = self.connection(number)?;
            match connection.peer.receive(Instant::now()) {
                Some(arrival) => {
                    connection.waiting.push_back(arrival);
                    Ok(())
                }
                None => Err(format!("a connection that takes nothing: {why}")),
            }
        })
    }

    fn expect(&mut self, number: ConnectionNumber, words: &[String], within: Duration) -> Result<(), String> {
        match self.receive(number, within)? {
            Some(Arrival::Message(text)) => self.compare(words, &text),
            other => Err(describe(other.as_ref(), within)),
        }
    }

    fn compare(&mut self, words: &[String], text: &str) -> Result<(), String> {
        match pattern::differs(words, text, &mut self.values)? {
            None => Ok(()),
            Some(_) if words.len() <= SHORT => Err(format!("`{text}`")),
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

    fn notice(&mut self, number: ConnectionNumber, words: &[String], within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        let text = loop {
            let connection = self.connection(number)?;
            if let Some(text) = connection.notices.pop_front() {
                break text;
            }
            let arrival = connection.next(until)?;
            if let Some(arrival) = &arrival {
                let text = format!("{number} < {}", plain(arrival));
                self.tell(&text);
            }
            match arrival {
                Some(Arrival::Message(text)) if is_notice(&text) => break text,
                Some(arrival @ Arrival::Message(_)) => self.connection(number)?.waiting.push_back(arrival),
                other => return Err(describe(other.as_ref(), within)),
            }
        };
        self.compare(words, &text)
    }

    /// What comes next on a connection, notices left aside where the fixture expects them apart.
    fn receive(&mut self, number: ConnectionNumber, within: Duration) -> Result<Option<Arrival>, String> {
        let until = Instant::now() + within;
        let connection = self.connection(number)?;
        if let Some(arrival) = connection.waiting.pop_front() {
            return Ok(Some(arrival));
        }
        loop {
            let connection = self.connection(number)?;
            let Some(arrival) = connection.next(until)? else {
                return Ok(None);
            };
            let text = format!("{number} < {}", plain(&arrival));
            let connection = self.connection(number)?;
            match arrival {
                Arrival::Message(notice) if connection.apart && is_notice(&notice) => {
                    connection.notices.push_back(notice);
                    self.tell(&text);
                }
                arrival => {
                    self.tell(&text);
                    return Ok(Some(arrival));
                }
            }
        }
    }

    /// At the end of a fixture, nothing has come that it does not speak of.
    fn nothing_left(&mut self) -> Result<(), String> {
        for (number, connection) in &mut self.connections {
            let waiting = connection
                .waiting
                .pop_front()
                .or_else(|| connection.peer.receive(Instant::now()));
            let notice = connection.notices.pop_front().map(Arrival::Message);
            match notice.or(waiting) {
                None | Some(Arrival::End | Arrival::Failed(_)) => {}
                Some(other) => {
                    return Err(format!(
                        "{} on connection {number}",
                        describe(Some(&other), WITHIN)
                    ));
                }
            }
        }
        Ok(())
    }
}

impl ScriptedConnection {
    fn next(&mut self, until: Instant) -> Result<Option<Arrival>, String> {
        if self.waiting.len() + self.notices.len() > WAITING_MAX {
            return Err("more messages than this program keeps".to_owned());
        }
        Ok(self.peer.receive(until))
    }
}

fn unknown(number: ConnectionNumber) -> String {
    format!("no connection {number}: it was never opened, or has been closed here")
}

fn is_notice(text: &str) -> bool {
    text.split(' ').next() == Some("transactionQueued")
}

/// What came, for a transcript.
fn plain(arrival: &Arrival) -> String {
    match arrival {
        Arrival::Message(text) => text.clone(),
        Arrival::Broken(why) => format!("malformed: {why}"),
        Arrival::End => "closed".to_owned(),
        Arrival::Failed(why) => format!("failed: {why}"),
    }
}

/// What came, for a report of a difference.
fn describe(arrival: Option<&Arrival>, within: Duration) -> String {
    match arrival {
        Some(Arrival::Message(text)) => format!("`{text}`"),
        Some(Arrival::Broken(why)) => format!("what is no message: {why}"),
        Some(Arrival::End) => "the end of the connection".to_owned(),
        Some(Arrival::Failed(why)) => format!("a broken connection: {why}"),
        None => format!("nothing within {}", humantime::format_duration(within)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{MessageDecoder, StreamPart, encode};
    use super::super::servers::Servers;
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// A server that gives each line its answers from a list, and ends the connection over what is no message.
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
                                let words = ["protocolError", "bad-frame", "no message"].map(str::to_owned);
                                stream.write_all(&encode(&words).unwrap()).unwrap();
                                return;
                            };
                            for reply in answers.iter().filter(|a| line.starts_with(a.0)).flat_map(|a| a.1) {
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
        ("sellAsset", &["loginFail nonsense code"]),
    ];

    #[test]
    fn a_dialogue_that_fits_passes() {
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
        // Each time it asks it takes one more of what came: pong, then the notice.
        assert_eq!(outcome.unwrap_err().line, 6);
    }

    #[test]
    fn notices_are_found_where_they_come() {
        let text =
            "1 connect worker\n1 > purchaseAsset s A 1\n1 > ping\n1 < pong\n1 ~ transactionQueued {tx} - *\n";
        run(&mut server(ANSWERS), text).unwrap();
        let swapped =
            "1 connect worker\n1 > ping\n1 > purchaseAsset s A 1\n1 ~ transactionQueued {tx} - *\n1 < pong";
        run(&mut server(ANSWERS), swapped).unwrap();
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
            // Something unread must have arrived before the end is looked at.
            let settle = if lines == "1 > ping" { "\npause 100ms" } else { "" };
            let difference = run(&mut server(ANSWERS), &format!("{start}{lines}{settle}")).unwrap_err();
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
    fn what_is_to_be_done_is_done_by_a_command() {
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
    fn nobody_there_is_a_difference() {
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
