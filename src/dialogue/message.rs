//! spec/dialogue/message.md · 4.4 and 4.5
//!
//! Messages as text. [`encode`] turns an instruction's name and arguments into a frame;
//! [`MessageDecoder`] turns received bytes into one line a message.

use super::{payload_text, raw};
use crate::wire::instruction::{Arity, TABLE};
use crate::wire::{
    Direction, FrameBuffer, FrameHeader, Instruction, MessageType, Reassembly, Reply, frame,
};
use std::cell::Cell;
use std::collections::VecDeque;

/// The most bytes that a line shows of data that it cannot decode.
const HEX_BYTES_MAX: usize = 64;

/// The frame of an instruction, given by its name or its number as four hexadecimal digits. The
/// arguments are not checked, since a fixture must be able to send what a server refuses. Two
/// instructions are called `login`; the number of arguments selects one.
///
/// # Errors
/// An unknown name, or more arguments or bytes than a header can count.
pub fn encode(words: &[String]) -> Result<Vec<u8>, String> {
    let Some((name, arguments)) = words.split_first() else {
        return Err("an instruction's name is missing".to_owned());
    };
    let count = arguments.len();
    let named = || TABLE.iter().filter(|row| row.name == name);
    let row = named()
        .find(|row| match row.arity {
            Arity::Between(least, most) => {
                (usize::from(least)..=usize::from(most)).contains(&count)
            }
            Arity::AtLeast(_) | Arity::Binary => true,
        })
        .or_else(|| named().next());
    let number = match row {
        Some(row) => row.number,
        None => number(name).ok_or(format!("{name}: no instruction has this name"))?,
    };
    let mut arguments = arguments.to_vec();
    // The last argument of a return may contain spaces. Only a mock server encodes returns.
    if let Some(row) =
        row.filter(|row| matches!(row.direction, Direction::Return | Direction::Notice))
        && let Arity::Between(_, most) = row.arity
        && most > 0
        && count > usize::from(most)
    {
        let rest = arguments.split_off(usize::from(most) - 1).join(" ");
        arguments.push(rest);
    }
    let data = arguments.join(" ").into_bytes();
    let header = FrameHeader {
        message_type: number.to_be_bytes()[0],
        instruction: number,
        data_size: u32::try_from(data.len()).map_err(|_| "too many bytes".to_owned())?,
        argument_count: u16::try_from(arguments.len())
            .map_err(|_| "too many arguments".to_owned())?,
        number: 1,
        max: 1,
    };
    Ok([&header.bytes()[..], &data].concat())
}

fn number(name: &str) -> Option<u16> {
    u16::from_str_radix(name, 16)
        .ok()
        .filter(|_| name.len() == 4)
}

/// A part of a decoded stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamPart {
    /// A message, as a line of text.
    Message(String),
    /// An invalid message, with the reason and its first bytes. After an invalid header nothing
    /// more can be decoded; after other errors the next message can.
    Broken(String),
}

/// Turns the bytes of one side of a connection into lines of text. It needs the other side's
/// requests to know which payload a data transfer carries.
#[derive(Debug, Default)]
pub struct MessageDecoder {
    buffer: FrameBuffer,
    reassembly: Reassembly,
    /// The other side's bytes.
    sent: FrameBuffer,
    /// Requests without a reply, oldest first. `None` is one of a later edition.
    asked: VecDeque<Option<Instruction>>,
    /// Whether an invalid header has ended the decoding.
    broken: bool,
    /// The sizes of the packets so far, of the transfer that is under way.
    sizes: Vec<usize>,
    /// The sizes of the packets of the message that was returned last.
    packets: Vec<usize>,
}

impl MessageDecoder {
    /// Records requests among bytes that the other side sent.
    pub fn note(&mut self, sent: &[u8]) {
        self.sent.extend(sent);
        loop {
            match self.sent.next(FrameHeader::check) {
                Ok(Some((header, _))) => {
                    let instruction = Instruction::from_number(header.instruction);
                    let answered = match instruction {
                        Some(instruction) => !instruction.row().success.is_empty(),
                        None => header.message_type < MessageType::ServerReturn as u8,
                    };
                    self.asked.extend(answered.then_some(instruction));
                }
                Ok(None) => return,
                // The server closes the connection after it, so it answers nothing that follows.
                Err(_) => return self.sent.clear(),
            }
        }
    }

    /// Whether the next message is a reply whose request has not been recorded.
    pub fn lacks_request(&self) -> bool {
        let header = self.buffer.header();
        self.asked.is_empty() && header.is_some_and(|h| is_reply(h.instruction))
    }

    /// Adds received bytes.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.buffer.extend(bytes);
    }

    /// The number of received bytes of which no message has been made yet.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the received bytes end inside a message or a transfer.
    pub fn is_partial(&self) -> bool {
        !self.broken && (self.buffer.is_partial() || self.reassembly.progress() != (0, 0))
    }

    /// The sizes in bytes of the packets in which the last message came that
    /// [`MessageDecoder::next_message`] returned. Empty if it was no data transfer.
    pub fn packets(&self) -> &[usize] {
        &self.packets
    }

    /// The next complete message.
    pub fn next_message(&mut self) -> Option<StreamPart> {
        if self.broken {
            return None;
        }
        self.packets.clear();
        loop {
            let head = Cell::new([0; frame::HEADER_BYTES]);
            let check = |header: &FrameHeader| {
                head.set(header.bytes());
                header.check()
            };
            let (why, data) = match self.buffer.next(check) {
                Ok(None) => return None,
                Ok(Some((header, data))) => {
                    let outcome = message(&header, data, &mut self.reassembly, &mut self.asked);
                    if header.instruction == Instruction::Data.number() && outcome.is_ok() {
                        self.sizes.push(data.len());
                        if matches!(outcome, Ok(Some(_))) {
                            self.packets = std::mem::take(&mut self.sizes);
                        }
                    }
                    // A Fail or an error has ended the transfer.
                    if self.reassembly.progress() == (0, 0) {
                        self.sizes.clear();
                    }
                    match outcome {
                        Ok(Some(text)) => return Some(StreamPart::Message(text)),
                        Ok(None) => continue,
                        Err(why) => (why, data),
                    }
                }
                Err(fault) => {
                    self.broken = true;
                    (fault.to_string(), &[][..])
                }
            };
            let bytes = [&head.get()[..], &data[..data.len().min(HEX_BYTES_MAX)]].concat();
            return Some(StreamPart::Broken(format!(
                "{why} · {}",
                hex::encode(bytes)
            )));
        }
    }
}

/// Whether the instruction with this number answers a request. Of later editions, returns do and
/// control messages do not.
fn is_reply(number: u16) -> bool {
    match Instruction::from_number(number) {
        Some(Instruction::Pong) => true,
        Some(other) => other.row().direction == Direction::Return,
        None => number.to_be_bytes()[0] == MessageType::ServerReturn as u8,
    }
}

/// Whether a message's text is that of a notice of a later edition: a control message that has a
/// number in place of a name.
pub fn is_unknown_notice(text: &str) -> bool {
    let name = text.split(' ').next().unwrap_or_default();
    number(name).is_some_and(|number| number.to_be_bytes()[0] == MessageType::Control as u8)
}

/// The text of one message; `None` for a packet that is not the last of its transfer.
fn message(
    header: &FrameHeader,
    data: &[u8],
    reassembly: &mut Reassembly,
    asked: &mut VecDeque<Option<Instruction>>,
) -> Result<Option<String>, String> {
    let direction = Instruction::from_number(header.instruction).map(|i| i.row().direction);
    let by_server = matches!(direction, Some(Direction::Return | Direction::Notice));
    if !by_server && header.instruction != Instruction::Pong.number() {
        if direction.is_none() && is_reply(header.instruction) {
            asked.pop_front();
        }
        return plain(header, data).map(Some);
    }
    let reply = Reply::read(header, data).map_err(|fault| fault.to_string())?;
    if let Reply::Data(..) = reply {
        let Some(payload) = reassembly
            .push(header, data)
            .map_err(|fault| fault.to_string())?
        else {
            return Ok(None);
        };
        return transfer(&payload, asked.pop_front().flatten()).map(Some);
    }
    let (instruction, arguments) =
        frame::read_return(header, data).map_err(|fault| fault.to_string())?;
    if is_reply(instruction.number()) {
        asked.pop_front();
        reassembly.abandon();
    }
    let mut text = instruction.name().to_owned();
    for argument in arguments.iter().take(arguments.count()) {
        text.push(' ');
        text.push_str(&raw::escape_controls(argument));
    }
    Ok(Some(text))
}

fn transfer(payload: &[u8], asked: Option<Instruction>) -> Result<String, String> {
    match asked.map(|asked| (asked, asked.row().payload)) {
        Some((asked, Some(kind))) => match payload_text::text(kind, payload) {
            Ok(text) => Ok(format!("data {text}")),
            Err(why) => Err(format!("data for {asked}: {why}: {}", hex_prefix(payload))),
        },
        Some((asked, None)) => Err(format!(
            "data where {asked} was asked: {}",
            hex_prefix(payload)
        )),
        None => Ok(
            format!("data bytes={} {}", payload.len(), hex_prefix(payload))
                .trim_end()
                .to_owned(),
        ),
    }
}

fn hex_prefix(payload: &[u8]) -> String {
    hex::encode(&payload[..payload.len().min(HEX_BYTES_MAX)])
}

/// The text of a request or of a message of a later edition: its name, or its number where that is
/// unknown, and its arguments.
fn plain(header: &FrameHeader, data: &[u8]) -> Result<String, String> {
    let name = match Instruction::from_number(header.instruction) {
        Some(instruction) => instruction.name().to_owned(),
        None => format!("{:04x}", header.instruction),
    };
    let text = std::str::from_utf8(data)
        .ok()
        .filter(|_| header.argument_count > 0 || data.is_empty());
    let Some(text) = text else {
        return Ok(format!("{name} bytes={} {}", data.len(), hex_prefix(data)));
    };
    let mut out = name;
    if header.argument_count > 0 {
        for argument in text.splitn(usize::from(header.argument_count), ' ') {
            out.push(' ');
            out.push_str(&raw::escape(argument));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Quote, Timestamp};
    use crate::wire::packet;
    use crate::wire::payload::Payload;

    fn words(text: &str) -> Vec<String> {
        raw::words(text)
            .iter()
            .map(|w| raw::unescape(w).unwrap())
            .collect()
    }

    fn decode(bytes: &[u8]) -> Vec<StreamPart> {
        let mut decoder = MessageDecoder::default();
        decoder.extend(bytes);
        std::iter::from_fn(|| decoder.next_message()).collect()
    }

    #[test]
    fn a_name_and_its_argument_count_select_the_number() {
        let head = |text: &str| encode(&words(text)).unwrap()[1..3].to_vec();
        assert_eq!(head("login a b true"), [1, 1]);
        assert_eq!(head("login a"), [1, 2]);
        assert_eq!(head("login a b"), [1, 1]);
        assert_eq!(head("01ff a"), [1, 0xff]);
        assert_eq!(head("purchaseAsset"), [1, 4]);
        assert!(encode(&words("nothing")).is_err());
        assert!(encode(&[]).is_err());
    }

    #[test]
    fn messages_and_lines_convert_both_ways() {
        for text in [
            "login alice {x} true",
            "getAssetList",
            "ping",
            "pong",
            "loginFail bad-credentials unknown username or wrong password",
            "workerList 127.0.0.1:2049",
            "registerSuccess",
            "transactionQueued 01890a5d-ac96-774b-bcce-b302099a8057 - 2026-01-02T03:04:06.000Z",
            "01ff a b",
            "loginFail of-edition-9 sign in with the school",
            "protocolError upgrade-required this server is of edition 9",
            "0399 a b\\sc",
            "040f quotes 3",
        ] {
            let bytes = encode(&words(text)).unwrap();
            assert_eq!(
                decode(&bytes),
                [StreamPart::Message(text.to_owned())],
                "{text}"
            );
        }
    }

    #[test]
    fn a_transfer_is_decoded_as_its_request_says() {
        let quote = Quote {
            time: Timestamp(0),
            value: crate::model::Money(1_500_000),
        };
        let mut bytes = Vec::new();
        packet::write(&mut bytes, &quote.to_bytes());
        let mut decoder = MessageDecoder::default();
        decoder.note(&encode(&words("ping")).unwrap());
        decoder.note(&encode(&words("getAssetValueCurrent X")).unwrap());
        decoder.extend(&encode(&words("pong")).unwrap());
        decoder.extend(&bytes);
        assert_eq!(
            decoder.next_message(),
            Some(StreamPart::Message("pong".to_owned()))
        );
        let expected = "data Quote time=1970-01-01T00:00:00.000Z value=1.5";
        assert_eq!(
            decoder.next_message(),
            Some(StreamPart::Message(expected.to_owned()))
        );
        assert!(
            matches!(&decode(&bytes)[..], [StreamPart::Message(text)] if text.starts_with("data bytes=16 "))
        );
    }

    #[test]
    fn the_packets_of_a_transfer_are_told_with_it() {
        let mut decoder = MessageDecoder::default();
        for _ in 0..3 {
            decoder.note(&encode(&words("getAssetList")).unwrap());
        }
        // Two lists of 8,197 bytes: a whole one, with a notice between its packets, and one that a
        // Fail ends.
        let mut list = vec![0, 0, 0, 1, 0x1f, 0xff];
        list.extend([b'a'; 0x1fff]);
        let mut packets = Vec::new();
        packet::write(&mut packets, &list);
        let notice = encode(&words("noticesDropped orders 3")).unwrap();
        let (first, last) = packets.split_at(frame::HEADER_BYTES + 8192);
        let fail = encode(&words("dataFail overloaded later")).unwrap();
        let mut small = Vec::new();
        packet::write(&mut small, &[0; 4]);
        decoder.extend(&[first, &notice, last, first, &fail, &small].concat());
        let mut shown = Vec::new();
        while let Some(StreamPart::Message(text)) = decoder.next_message() {
            let name = text.split(' ').next().unwrap().to_owned();
            shown.push((name, decoder.packets().to_vec()));
        }
        let expected = [
            ("noticesDropped", &[][..]),
            ("data", &[8192, 5]),
            ("dataFail", &[]),
            ("data", &[4]),
        ];
        let expected = expected.map(|(name, sizes)| (name.to_owned(), sizes.to_vec()));
        assert_eq!(shown, expected);
    }

    #[test]
    fn replies_of_a_later_edition_keep_their_turn() {
        let mut decoder = MessageDecoder::default();
        for request in ["getAssetList", "02ff x", "040f", "getAssetList"] {
            decoder.note(&encode(&words(request)).unwrap());
        }
        let mut bytes = encode(&words("040f quotes 3")).unwrap();
        packet::write(&mut bytes, &[0; 4]);
        bytes.extend(encode(&words("0399 a")).unwrap());
        packet::write(&mut bytes, &[0; 4]);
        decoder.extend(&bytes);
        let lines: Vec<_> = std::iter::from_fn(|| decoder.next_message()).collect();
        let list = "data List count=0";
        let expected = ["040f quotes 3", list, "0399 a", list];
        assert_eq!(
            lines,
            expected.map(|text| StreamPart::Message(text.to_owned()))
        );
        assert!(decoder.asked.is_empty());
        assert!(is_unknown_notice("040f quotes 3") && !is_unknown_notice("0399 a"));
        assert!(!is_unknown_notice("pong") && !is_unknown_notice(""));
    }

    #[test]
    fn an_invalid_message_is_named() {
        let mut bytes = encode(&words("ping")).unwrap();
        bytes.extend(encode(&words("loginFail no_code text")).unwrap());
        bytes.extend(encode(&words("ping")).unwrap());
        let decoded = decode(&bytes);
        assert_eq!(decoded.len(), 3, "{decoded:?}");
        assert!(
            matches!(&decoded[1], StreamPart::Broken(why) if why.contains("a code is 1 to 64"))
        );
        assert!(
            matches!(&decode(&[9; 34])[..], [StreamPart::Broken(why)] if why.contains("messageType"))
        );
    }
}
