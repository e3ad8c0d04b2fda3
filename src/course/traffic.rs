//! spec/course.md · 4.4 Message Structure
//!
//! The bytes of a stage's connections, and a message's bytes field by field, as a person reads them.

use crate::dialogue::Dialer;
use crate::dialogue::peer::{ConnectionRecorder, Peer, Tcp};
use crate::dialogue::script::{ConnectionNumber, Script, StepAction};
use crate::net::client_tls::ClientTls;
use crate::wire::frame::HEADER_BYTES;
use crate::wire::{DATA_MAX, FrameHeader, Instruction};
use std::time::{Duration, Instant};

/// How long a stage tries again to connect where nobody listens yet: who starts the server and the
/// course with one command starts both at once.
const START_TIMEOUT: Duration = Duration::from_secs(3);
/// Between two attempts.
const ATTEMPT_INTERVAL: Duration = Duration::from_millis(100);
/// The most bytes of data that are shown.
const SHOWN_MAX: usize = 96;

/// Connects a stage to the student's workers, and keeps the bytes of each connection.
pub struct CourseDialer<'a> {
    /// `HOST:PORT` of the workers, the first one first.
    workers: Vec<String>,
    hook: &'a mut dyn FnMut(&str) -> Result<(), String>,
    /// A recorder for each connection, in the order of the `connect` lines.
    recorders: Vec<ConnectionRecorder>,
}

impl<'a> CourseDialer<'a> {
    /// A dialer to these workers; `hook` does what `do NAME` asks for.
    pub fn new(
        workers: Vec<String>,
        hook: &'a mut dyn FnMut(&str) -> Result<(), String>,
    ) -> CourseDialer<'a> {
        CourseDialer {
            workers,
            hook,
            recorders: Vec::new(),
        }
    }

    /// Connects; the first connection of a stage waits a little for the server to listen.
    fn dial(&self, address: &str, within: Duration) -> Result<Tcp, String> {
        let until = Instant::now() + START_TIMEOUT.min(within);
        loop {
            let peer = Tcp::connect(address, within, &ClientTls::plain());
            if peer.is_ok() || !self.recorders.is_empty() || Instant::now() >= until {
                return peer;
            }
            std::thread::sleep(ATTEMPT_INTERVAL);
        }
    }

    /// The bytes that the server has sent on a connection, by its place among the `connect` lines.
    /// They are there once the run has dropped its connections.
    pub fn received(&self, place: usize) -> Vec<u8> {
        let recorder = self.recorders.get(place);
        let mut bytes = recorder.map(ConnectionRecorder::take).unwrap_or_default();
        bytes.pop().map(|bytes| bytes.received).unwrap_or_default()
    }
}

impl Dialer for CourseDialer<'_> {
    fn connect(&mut self, target: &str, within: Duration) -> Result<Box<dyn Peer>, String> {
        let number = match target {
            "worker" => 1,
            other => other
                .strip_prefix("worker")
                .and_then(|number| number.parse::<usize>().ok())
                .ok_or(format!("{target}: a stage speaks to workers alone"))?,
        };
        let address = number.checked_sub(1).and_then(|at| self.workers.get(at));
        let address = address.ok_or(format!("{target}: its address was not given (--worker)"))?;
        let peer = self.dial(address, within)?;
        let recorder = ConnectionRecorder::default();
        self.recorders.push(recorder.clone());
        Ok(Box::new(peer.recorded(Some(recorder))))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        (self.hook)(name)
    }
}

/// The connection of the step at a line: its number, and its place among the `connect` lines. A line
/// that compares values is about the message before it.
pub fn connection_at(script: &Script, line: usize) -> Option<(ConnectionNumber, usize)> {
    let until = script.steps.iter().position(|step| step.line == line)?;
    let mut before = script.steps.iter().take(until + 1).rev();
    let number = match before.next().map(|step| &step.action)? {
        StepAction::Check(..) => before.find_map(|step| step.action.connection())?,
        action => action.connection()?,
    };
    let opened = script
        .steps
        .iter()
        .take_while(|step| step.line <= line)
        .filter_map(|step| match step.action {
            StepAction::Connect(number, _) => Some(number),
            _ => None,
        });
    let place = opened
        .enumerate()
        .filter(|(_, opened)| *opened == number)
        .last()?
        .0;
    Some((number, place))
}

/// What came in the place of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symptom {
    /// Nothing, until the time was over.
    Nothing,
    /// The end of the connection.
    End,
    /// A reset, or another failure of the connection.
    Broken,
}

impl Symptom {
    /// That of a difference; none where a message came, or what should be one.
    pub fn of(came: &str) -> Option<Symptom> {
        let begins = [
            ("nothing within ", Symptom::Nothing),
            ("the end of the connection", Symptom::End),
            ("a broken connection", Symptom::Broken),
            // Of a line that sends.
            ("connection reset", Symptom::Broken),
            ("broken pipe", Symptom::Broken),
        ];
        let came = came.to_lowercase();
        let found = begins.into_iter().find(|(text, _)| came.starts_with(text));
        found.map(|(_, symptom)| symptom)
    }

    /// What it usually means, whatever the line.
    pub fn meaning(self) -> &'static str {
        match self {
            Symptom::Nothing => {
                "Nothing came in time. Your program waits for more bytes, has answered nothing, or \
                 is slow: `--within 30s` waits longer."
            }
            Symptom::End => {
                "Your program closed the connection, or ended. Often an exception has ended the \
                 thread of the connection: look at what your program has printed."
            }
            Symptom::Broken => {
                "The connection was reset: your program closed the socket while bytes of the client \
                 lay unread, or it ended. Look at what your program has printed."
            }
        }
    }
}

/// A part of a stream: the bytes of a message, or what is left at its end.
struct Piece<'a> {
    head: &'a [u8],
    data: &'a [u8],
}

/// Cuts a stream into messages. Bytes whose header cannot be one are one piece.
fn pieces(mut bytes: &[u8]) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at(bytes.len().min(HEADER_BYTES));
        let size = header(head)
            .filter(|header| header.check().is_ok())
            .map(|header| usize::try_from(header.data_size).unwrap_or(usize::MAX));
        let size = size.unwrap_or(usize::MAX).min(rest.len());
        let (data, rest) = rest.split_at(size);
        found.push(Piece { head, data });
        bytes = rest;
    }
    found
}

fn header(head: &[u8]) -> Option<FrameHeader> {
    let head: &[u8; HEADER_BYTES] = head.try_into().ok()?;
    Some(FrameHeader::read(head))
}

impl Piece<'_> {
    /// Whether it is a message, with all its data.
    fn is_whole(&self) -> bool {
        header(self.head).is_some_and(|header| {
            header.check().is_ok() && u32::try_from(self.data.len()) == Ok(header.data_size)
        })
    }

    /// Whether the text of a difference shows this message.
    fn is_in(&self, came: &str) -> bool {
        let name = header(self.head)
            .and_then(|header| Instruction::from_number(header.instruction))
            .map(Instruction::name);
        let data: String = String::from_utf8_lossy(self.data)
            .chars()
            .take(40)
            .collect();
        name.is_some_and(|name| {
            came.contains(format!("{name} {data}").trim())
                || name == "data" && came.contains("`data ")
        })
    }
}

/// The message that a difference is about, field by field: the last one that the text shows, or else
/// the last one at all. A line has the bytes, the field, and what they say. Empty where no byte came;
/// and where no message came and the bytes before are all of whole messages, which were met already.
pub fn explained(received: &[u8], came: &str) -> Vec<String> {
    let pieces = pieces(received);
    let is_no_message = Symptom::of(came).is_some();
    if is_no_message && pieces.last().is_some_and(Piece::is_whole) {
        return Vec::new();
    }
    let shown = pieces.iter().rev().find(|piece| piece.is_in(came));
    shown.or(pieces.last()).map(fields).unwrap_or_default()
}

/// The fields of the header: name and size in bytes.
const FIELDS: [(&str, usize); 6] = [
    ("messageType", 1),
    ("instruction", 2),
    ("dataSize", 4),
    ("argumentCount", 2),
    ("dataMessageNumber", 4),
    ("dataMessageMax", 4),
];

fn fields(piece: &Piece<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = piece.head;
    for (name, size) in FIELDS {
        let Some((bytes, more)) = rest.split_at_checked(size) else {
            lines.push(format!(
                "{:<13}{name:<19}the bytes end inside the header",
                hex::encode(rest)
            ));
            return lines;
        };
        rest = more;
        let value = bytes
            .iter()
            .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        lines.push(format!(
            "{:<13}{name:<19}{}",
            hex::encode(bytes),
            meaning(name, value, piece)
        ));
    }
    if !piece.data.is_empty() {
        let shown = piece.data.get(..SHOWN_MAX).unwrap_or(piece.data);
        let more = if shown.len() < piece.data.len() {
            " …"
        } else {
            ""
        };
        let text = match std::str::from_utf8(shown) {
            Ok(text) if !text.contains(is_binary) => format!("`{}`{more}", text.escape_debug()),
            _ => format!("{}{more}", hex::encode(shown)),
        };
        lines.push(format!("{:<13}{:<19}{text}", "", "data"));
    }
    lines
}

/// Whether a character is in no text.
fn is_binary(c: char) -> bool {
    c.is_control() && !matches!(c, '\r' | '\n' | '\t')
}

/// What the value of a field says.
fn meaning(name: &str, value: u64, piece: &Piece<'_>) -> String {
    match name {
        "messageType" => match value {
            1 => "1, a command".to_owned(),
            2 => "2, a data transfer".to_owned(),
            3 => "3, a server return".to_owned(),
            4 => "4, control".to_owned(),
            _ => format!(
                "{value}: neither 1, 2, 3 nor 4; as text: `{}`",
                String::from_utf8_lossy(piece.head).escape_debug()
            ),
        },
        "instruction" => {
            let known = u16::try_from(value).ok().and_then(Instruction::from_number);
            known.map_or("no instruction has this number".to_owned(), |known| {
                known.name().to_owned()
            })
        }
        "dataSize" if value > DATA_MAX as u64 => format!("{value}, above {DATA_MAX}"),
        "dataSize" if value > piece.data.len() as u64 => {
            format!("{value}, of which {} came", piece.data.len())
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::write;

    #[test]
    fn a_message_is_told_field_by_field() {
        let mut bytes = Vec::new();
        write(&mut bytes, Instruction::Pong, &[]);
        write(
            &mut bytes,
            Instruction::LoginFail,
            &["bad-credentials", "who is it"],
        );
        let lines = explained(&bytes, "`loginFail bad-credentials who is it`");
        assert_eq!(
            lines,
            [
                "03           messageType        3, a server return",
                "0301         instruction        loginFail",
                "00000019     dataSize           25",
                "0002         argumentCount      2",
                "00000001     dataMessageNumber  1",
                "00000001     dataMessageMax     1",
                "             data               `bad-credentials who is it`",
            ]
        );
        // The text says which message is meant.
        assert!(explained(&bytes, "`pong`")[1].contains("pong"));
        assert!(explained(&bytes, "something else")[1].contains("loginFail"));
        assert!(explained(&[], "nothing within 5s").is_empty());
        // A message that was met already is not what is wrong.
        assert!(explained(&bytes, "nothing within 5s").is_empty());
        assert!(explained(&bytes, "the end of the connection").is_empty());
        // One that is not whole is.
        bytes.pop();
        assert!(explained(&bytes, "nothing within 5s")[2].contains("25, of which 24 came"));
    }

    #[test]
    fn what_came_in_the_place_of_a_message_has_a_meaning() {
        assert_eq!(Symptom::of("nothing within 5s"), Some(Symptom::Nothing));
        assert_eq!(Symptom::of("the end of the connection"), Some(Symptom::End));
        let reset = Symptom::of("a broken connection: Connection reset by peer");
        assert!(reset.unwrap().meaning().contains("lay unread"));
        assert_eq!(Symptom::of("`pong`"), None);
    }

    #[test]
    fn bytes_that_are_no_message_are_told_as_well() {
        let lines = explained(b"HTTP/1.1 400 Bad Request\r\n", "what is no message");
        assert!(lines[0].contains("neither 1, 2, 3 nor 4; as text: `HTTP/1.1 400 Bad `"));
        let lines = explained(&[4, 4], "what is no message");
        assert_eq!(lines.len(), 2);
        assert!(
            lines[1].contains("the bytes end inside the header"),
            "{lines:?}"
        );
        let mut bytes = Vec::new();
        write(
            &mut bytes,
            Instruction::LoginFail,
            &["bad-credentials", "x"],
        );
        bytes.pop();
        assert!(explained(&bytes, "")[2].contains("17, of which 16 came"));
    }

    #[test]
    fn a_line_finds_its_connection() {
        let text = "1 connect worker\n2 connect worker\n1 close\n1 connect worker\n1 > ping\n2 > ping\n\
            check 1 < 2\ndo x\n";
        let script = Script::parse("f.pt", text).unwrap();
        assert_eq!(connection_at(&script, 5), Some((1, 2)));
        assert_eq!(connection_at(&script, 6), Some((2, 1)));
        assert_eq!(connection_at(&script, 7), Some((2, 1)));
        assert_eq!(connection_at(&script, 8), None);
    }
}
