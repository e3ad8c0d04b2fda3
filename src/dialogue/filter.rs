//! spec/dialogue/filter.md · 4.4 Message Structure
//!
//! `ptcat encode` and `ptcat decode`: text to frames, and frames to text. Both work line by line
//! without delay, so that plain `nc` between them drives a server.

pub mod follower;
pub mod lines;
pub mod pipe;

use super::message::{self, MessageDecoder, StreamPart};
use super::raw;
use super::script::{ConnectionNumber, StepAction};
use super::variables::Variables;
use follower::RequestFollower;
use lines::{FilterError, line_actions};
use std::io::{self, BufRead, Read, Write};

/// Size of the read buffer in bytes.
const READ_BYTES: usize = 64 * 1024;

/// An iterator over the frames that the lines of a fixture send on one connection.
pub struct FrameSource<R> {
    lines: io::Lines<R>,
    line: usize,
    connection: Option<ConnectionNumber>,
    values: Variables,
}

impl<R: BufRead> FrameSource<R> {
    /// Reads fixture lines, or instructions alone, and selects what they send on `connection`.
    /// `None` selects the first connection that a line names.
    pub fn new(
        input: R,
        connection: Option<ConnectionNumber>,
        values: Variables,
    ) -> FrameSource<R> {
        FrameSource {
            lines: input.lines(),
            line: 0,
            connection,
            values,
        }
    }

    /// The frames of the next line that sends any; `None` at the end of the input, at `half` and at
    /// `close`.
    ///
    /// # Errors
    /// An invalid line, a name without a value, or a read that fails.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FilterError> {
        while let Some(line) = self.lines.next() {
            self.line += 1;
            let line = line?;
            let place = self.line;
            let mistake = |text: String| FilterError::Mistake(format!("line {place}: {text}"));
            let actions = line_actions(&line).map_err(mistake)?;
            let mut out = Vec::new();
            for action in actions {
                let chosen = self.connection.or(action.connection());
                self.connection = chosen;
                if action.connection().is_some() && action.connection() != chosen {
                    continue;
                }
                match action {
                    StepAction::Send(_, words) | StepAction::Await(_, words, _) => {
                        let words: Result<Vec<_>, _> =
                            words.iter().map(|w| self.values.fill(w)).collect();
                        out.extend(
                            words
                                .and_then(|words| message::encode(&words))
                                .map_err(mistake)?,
                        );
                    }
                    StepAction::Raw(_, words) => {
                        let words: Result<Vec<_>, _> =
                            words.iter().map(|w| self.values.fill_raw(w)).collect();
                        out.extend(
                            words
                                .and_then(|words| raw::bytes(&words))
                                .map_err(mistake)?,
                        );
                    }
                    StepAction::Let(name, value) if self.values.get(&name).is_none() => {
                        let value = self.values.fill(&value).map_err(mistake)?;
                        self.values.set(&name, &value);
                    }
                    StepAction::Half(_) | StepAction::Close(_) => return Ok(None),
                    StepAction::Connect(..)
                    | StepAction::Expect(..)
                    | StepAction::Notice(..)
                    | StepAction::Row(..)
                    | StepAction::Packets(..)
                    | StepAction::Stamp(..)
                    | StepAction::Check(..)
                    | StepAction::Closed(_)
                    | StepAction::Silence(..)
                    | StepAction::Pause(_)
                    | StepAction::Do(_)
                    | StepAction::Let(..) => {}
                }
            }
            if !out.is_empty() {
                return Ok(Some(out));
            }
        }
        Ok(None)
    }
}

/// Writes the frame of each line as soon as the line has been read.
///
/// # Errors
/// An invalid line, or a failed read or write.
pub fn encode<R: BufRead>(
    mut source: FrameSource<R>,
    out: &mut impl Write,
) -> Result<(), FilterError> {
    while let Some(frame) = source.next_frame()? {
        out.write_all(&frame)?;
        out.flush()?;
    }
    Ok(())
}

/// What tells a decoder the requests that a stream of replies answers.
#[derive(Debug)]
pub enum Requests<R> {
    /// Nothing: payloads are shown as bytes.
    Unknown,
    /// The bytes that the client sent.
    Sent(Vec<u8>),
    /// The dialogue, which is read no further than the replies need.
    Dialogue(Box<RequestFollower<R>>),
}

/// Writes a line for each message as soon as it is complete. `requests` say which payload a data
/// transfer carries.
///
/// # Errors
/// Invalid messages, after all valid ones have been written; or a failed read or write.
pub fn decode<R: BufRead>(
    mut input: impl Read,
    mut requests: Requests<R>,
    out: &mut impl Write,
) -> Result<(), FilterError> {
    let mut decoder = MessageDecoder::default();
    if let Requests::Sent(bytes) = &requests {
        decoder.note(bytes);
    }
    let mut bytes = vec![0; READ_BYTES];
    let mut broken = None;
    loop {
        let size = match input.read(&mut bytes) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        decoder.extend(bytes.get(..size).unwrap_or_default());
        while let Some(part) = next_part(&mut decoder, &mut requests)? {
            match part {
                StreamPart::Message(text) => {
                    writeln!(out, "{text}")?;
                    if let Requests::Dialogue(follower) = &mut requests {
                        follower.came(&text);
                    }
                }
                StreamPart::Broken(why) => {
                    writeln!(out, "malformed: {why}")?;
                    broken.get_or_insert(why);
                }
            }
        }
        out.flush()?;
        if size == 0 {
            break;
        }
    }
    if decoder.is_partial() {
        writeln!(out, "malformed: the stream ends inside a message")?;
        broken.get_or_insert("the stream ends inside a message".to_owned());
    }
    broken.map_or(Ok(()), |why| Err(FilterError::Mistake(why)))
}

/// The next message, after its request was told to the decoder.
fn next_part<R: BufRead>(
    decoder: &mut MessageDecoder,
    requests: &mut Requests<R>,
) -> Result<Option<StreamPart>, FilterError> {
    while decoder.lacks_request()
        && let Requests::Dialogue(follower) = requests
    {
        match follower.next_request()? {
            Some(frame) => decoder.note(&frame),
            None => break,
        }
    }
    Ok(decoder.next_message())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str, connection: Option<ConnectionNumber>) -> FrameSource<&[u8]> {
        FrameSource::new(text.as_bytes(), connection, Variables::new())
    }

    fn encoded(text: &str, connection: Option<ConnectionNumber>) -> Vec<u8> {
        let mut out = Vec::new();
        encode(source(text, connection), &mut out).unwrap();
        out
    }

    #[test]
    fn a_fixture_becomes_frames_and_frames_become_lines() {
        let text = "# a dialogue\nlet asset AAPL\n1 connect worker\n1 > ping\n2 > getAssetList\n1 < pong\n\
            getAssetInfo {asset}\nx 04 0401 00000000 0000 00000001 00000001\n1 half\n1 > ping\n";
        let mut lines = Vec::new();
        decode(
            &encoded(text, None)[..],
            Requests::<&[u8]>::Unknown,
            &mut lines,
        )
        .unwrap();
        assert_eq!(
            String::from_utf8(lines).unwrap(),
            "ping\ngetAssetInfo AAPL\nping\n"
        );
        assert_eq!(encoded(text, Some(2)).len(), 17);
    }

    #[test]
    fn invalid_lines_and_missing_values_are_named() {
        for (text, part) in [
            ("nonsense", "line 1"),
            ("> ping\n> login {sid}", "line 2: nothing was captured"),
        ] {
            let mut out = Vec::new();
            match encode(source(text, None), &mut out) {
                Err(FilterError::Mistake(why)) => assert!(why.contains(part), "{why}"),
                other => panic!("{other:?}"),
            }
        }
        let mut out = Vec::new();
        let cut = &encoded("ping", None)[..5];
        assert!(decode(cut, Requests::<&[u8]>::Unknown, &mut out).is_err());
        assert!(String::from_utf8(out).unwrap().contains("ends inside"));
    }

    #[test]
    fn a_transfer_is_read_as_its_request_says() {
        let mut bytes = Vec::new();
        crate::wire::frame::write(&mut bytes, crate::wire::Instruction::Pong, &[]);
        crate::wire::packet::write(&mut bytes, &[0, 0, 0, 1, 0, 1, b'X']);
        let text = "1 connect worker\n1 > ping\n1 > getAssetList\n";
        let follower = RequestFollower::new(text.as_bytes(), None, Variables::new());
        for requests in [
            Requests::Dialogue(Box::new(follower)),
            Requests::Sent(encoded(text, None)),
        ] {
            let mut out = Vec::new();
            decode(&bytes[..], requests, &mut out).unwrap();
            assert_eq!(
                String::from_utf8(out).unwrap(),
                "pong\ndata List count=1 X\n"
            );
        }
    }
}
