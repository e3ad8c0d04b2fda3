//! spec/wire/frame.md · 4.4 Message Structure
//!
//! ```text
//!  0        1                 3                                   7
//! +--------+-----------------+-----------------------------------+
//! | type   | instruction     | dataSize                          |
//! +--------+--------+--------+-----------------+-----------------+---------- - -
//! | argumentCount   | dataMessageNumber | dataMessageMax         | data
//! +-----------------+-------------------+------------------------+---------- - -
//!  7                 9                   13                       17
//! ```
//! Unsigned, big-endian.

use super::argument_type::ArgumentText;
use super::instruction::{Arity, InstructionRow, LINK_FIRST};
use super::{Arguments, Direction, Instruction, MessageType, ProtocolError, wipe};
use crate::model::ProtocolFault as P;
use byteorder::{BigEndian, ByteOrder};
use std::fmt;

/// Bytes of a header.
pub const HEADER: usize = 17;

/// The most bytes of data that a request, or one packet of a data transfer, carries.
pub const MAX_DATA: usize = 8192;

/// The fixed part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// messageType as it came.
    pub message_type: u8,
    /// instruction as it came.
    pub instruction: u16,
    /// Bytes of data that follow.
    pub data_size: u32,
    /// Arguments in the data.
    pub argument_count: u16,
    /// 1-based number of this packet.
    pub number: u32,
    /// Packets in the set.
    pub max: u32,
}

impl FrameHeader {
    /// The header of a message that is one packet.
    pub fn single(instruction: Instruction, data_size: usize, argument_count: usize) -> FrameHeader {
        FrameHeader {
            message_type: instruction.message_type() as u8,
            instruction: instruction.number(),
            data_size: u32::try_from(data_size).unwrap_or(u32::MAX),
            argument_count: u16::try_from(argument_count).unwrap_or(u16::MAX),
            number: 1,
            max: 1,
        }
    }

    /// Reads 17 bytes; any are a header, and what they mean is checked after.
    pub fn read(bytes: &[u8; HEADER]) -> FrameHeader {
        FrameHeader {
            message_type: bytes[0],
            instruction: BigEndian::read_u16(&bytes[1..3]),
            data_size: BigEndian::read_u32(&bytes[3..7]),
            argument_count: BigEndian::read_u16(&bytes[7..9]),
            number: BigEndian::read_u32(&bytes[9..13]),
            max: BigEndian::read_u32(&bytes[13..17]),
        }
    }

    /// The 17 bytes.
    pub fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0] = self.message_type;
        BigEndian::write_u16(&mut bytes[1..3], self.instruction);
        BigEndian::write_u32(&mut bytes[3..7], self.data_size);
        BigEndian::write_u16(&mut bytes[7..9], self.argument_count);
        BigEndian::write_u32(&mut bytes[9..13], self.number);
        BigEndian::write_u32(&mut bytes[13..17], self.max);
        bytes
    }

    /// What is wrong with any message, seen on its header alone: checks 1 and 2 of the page.
    ///
    /// # Errors
    /// `bad-frame` or `too-large`.
    pub fn check(&self) -> Result<(), ProtocolError> {
        if MessageType::from_byte(self.message_type).is_none() {
            return Err(ProtocolError::new(P::BadFrame, "unknown messageType"));
        }
        if self.instruction >> 8 != u16::from(self.message_type) {
            return Err(ProtocolError::new(
                P::BadFrame,
                "the instruction's high byte differs from the messageType",
            ));
        }
        if usize::try_from(self.data_size).unwrap_or(usize::MAX) > MAX_DATA {
            return Err(ProtocolError::new(P::TooLarge, "dataSize is over 8192"));
        }
        Ok(())
    }

    /// What is wrong with a request, seen on its header alone: checks 1 to 4 of the page, in their order.
    ///
    /// # Errors
    /// `bad-frame`, `too-large` or `not-allowed`.
    pub fn check_request(&self) -> Result<(), ProtocolError> {
        self.check()?;
        if self.number != 1 || self.max != 1 {
            return Err(ProtocolError::new(
                P::BadFrame,
                "a request is one packet: dataMessageNumber and dataMessageMax are 1",
            ));
        }
        if self.message_type == MessageType::ServerReturn as u8 {
            return Err(ProtocolError::new(
                P::NotAllowed,
                "a server return does not come from a client",
            ));
        }
        if self.message_type == MessageType::Control as u8 && self.instruction >= LINK_FIRST {
            return Err(ProtocolError::new(
                P::NotAllowed,
                "an instruction of the worker link",
            ));
        }
        match InstructionRow::find(self.instruction).map(|row| row.direction) {
            Some(Direction::Return | Direction::Link) => Err(ProtocolError::new(
                P::NotAllowed,
                "an instruction that only servers send",
            )),
            Some(Direction::Request | Direction::Both) | None => Ok(()),
        }
    }
}

/// Checks 5 to 7 of the page: the data of a request whose header has passed.
///
/// # Errors
/// `bad-frame`, `unknown-instruction` or `argument-count`.
pub fn read_request<'a>(
    header: &FrameHeader,
    data: &'a [u8],
) -> Result<(Instruction, Arguments<'a>), ProtocolError> {
    let arguments = Arguments::read(header.argument_count, data)?;
    if arguments.last_has_space() {
        return Err(ProtocolError::new(
            P::BadFrame,
            "a space in a request's last argument",
        ));
    }
    named(header, arguments)
}

/// The same for an argument message that a server sends, whose last argument may hold spaces.
///
/// # Errors
/// `bad-frame`, `unknown-instruction` or `argument-count`.
pub fn read_return<'a>(
    header: &FrameHeader,
    data: &'a [u8],
) -> Result<(Instruction, Arguments<'a>), ProtocolError> {
    named(header, Arguments::read(header.argument_count, data)?)
}

fn named<'a>(
    header: &FrameHeader,
    arguments: Arguments<'a>,
) -> Result<(Instruction, Arguments<'a>), ProtocolError> {
    let row = InstructionRow::find(header.instruction).ok_or(ProtocolError::new(
        P::UnknownInstruction,
        "no instruction has this number",
    ))?;
    let count = header.argument_count;
    let fits = match row.arity {
        Arity::Between(least, most) => (least..=most).contains(&count),
        Arity::AtLeast(least) => count >= least,
        Arity::Binary => count == 0,
    };
    if fits {
        Ok((row.instruction, arguments))
    } else {
        Err(ProtocolError::new(
            P::ArgumentCount,
            "not the number of arguments that this instruction takes",
        ))
    }
}

/// Appends a message of text arguments. The caller gives arguments that are not empty, and spaces in
/// the last one at most.
pub fn write(out: &mut Vec<u8>, instruction: Instruction, arguments: &[&str]) {
    write_each(out, instruction, arguments.iter().copied());
}

/// The same of arguments of which some are left out.
pub(super) fn write_texts(out: &mut Vec<u8>, instruction: Instruction, arguments: &[ArgumentText<'_>]) {
    let there = arguments.iter().map(|argument| &**argument);
    write_each(out, instruction, there.filter(|text| !text.is_empty()));
}

fn write_each<'a>(
    out: &mut Vec<u8>,
    instruction: Instruction,
    arguments: impl Iterator<Item = &'a str> + Clone,
) {
    let (count, bytes) = arguments
        .clone()
        .fold((0, 0), |(count, bytes), text| (count + 1, bytes + text.len()));
    let size = bytes + usize::saturating_sub(count, 1);
    // At once: what would have to move later may be a secret by then.
    wipe::reserve(out, HEADER + size);
    out.extend_from_slice(&FrameHeader::single(instruction, size, count).bytes());
    for (index, argument) in arguments.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(argument.as_bytes());
    }
}

/// Appends a binary message of one packet.
pub fn write_binary(out: &mut Vec<u8>, instruction: Instruction, data: &[u8]) {
    out.extend_from_slice(&FrameHeader::single(instruction, data.len(), 0).bytes());
    out.extend_from_slice(data);
}

/// Received bytes on their way to whole frames. Holds at most the frame that is coming and what one read
/// brought behind it. What was taken is wiped, at the latest when `next` finds no further frame.
#[derive(Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    start: usize,
    /// A frame was taken since bytes last came.
    given: bool,
}

impl Drop for FrameBuffer {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for FrameBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameBuffer({} bytes)", self.len())
    }
}

impl FrameBuffer {
    /// An empty buffer.
    pub fn new() -> FrameBuffer {
        FrameBuffer::default()
    }

    /// Takes what a read brought.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.compact();
        self.given = false;
        wipe::append(&mut self.bytes, bytes);
    }

    /// Wipes what was taken.
    fn compact(&mut self) {
        wipe::drop_front(&mut self.bytes, self.start);
        self.start = 0;
    }

    /// Whether frames were taken since bytes last came.
    pub fn has_given(&self) -> bool {
        self.given
    }

    /// Whether bytes of a frame that is not whole yet are here.
    pub fn is_partial(&self) -> bool {
        self.start < self.bytes.len()
    }

    /// Bytes that are here and not taken.
    pub fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Whether nothing is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next whole frame, once `check` has passed its header; `None` while it is not whole. The header
    /// is checked as soon as it is here, so that nobody waits for data that would be refused.
    ///
    /// # Errors
    /// What `check` found.
    pub fn next(
        &mut self,
        check: impl Fn(&FrameHeader) -> Result<(), ProtocolError>,
    ) -> Result<Option<(FrameHeader, &[u8])>, ProtocolError> {
        let here = &self.bytes[self.start..];
        let Some(head) = here.first_chunk::<HEADER>() else {
            self.compact();
            return Ok(None);
        };
        let header = FrameHeader::read(head);
        check(&header)?;
        let size = usize::try_from(header.data_size).unwrap_or(usize::MAX);
        let Some(end) = HEADER.checked_add(size).filter(|end| *end <= here.len()) else {
            self.compact();
            return Ok(None);
        };
        let from = self.start + HEADER;
        self.start += end;
        self.given = true;
        let to = self.start;
        Ok(Some((header, &self.bytes[from..to])))
    }

    /// The header of the frame that is coming, once its bytes are here; nothing about it is checked.
    pub fn header(&self) -> Option<FrameHeader> {
        self.bytes[self.start..]
            .first_chunk::<HEADER>()
            .map(FrameHeader::read)
    }

    /// What is here and not taken: for those who go on reading in another way.
    pub fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or(&[])
    }

    /// Forgets everything, keeping the room.
    pub fn clear(&mut self) {
        wipe::clear(&mut self.bytes);
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(message_type: u8, instruction: u16) -> FrameHeader {
        FrameHeader {
            message_type,
            instruction,
            data_size: 0,
            argument_count: 0,
            number: 1,
            max: 1,
        }
    }

    #[test]
    fn the_first_check_that_fails_is_told() {
        let code = |h: FrameHeader| h.check_request().map_err(|f| f.code);
        assert_eq!(code(header(5, 0x0501)), Err(P::BadFrame));
        assert_eq!(code(header(1, 0x0201)), Err(P::BadFrame));
        assert_eq!(
            code(FrameHeader {
                data_size: 8193,
                number: 2,
                ..header(1, 0x0101)
            }),
            Err(P::TooLarge)
        );
        assert_eq!(
            code(FrameHeader {
                number: 0,
                ..header(3, 0x0301)
            }),
            Err(P::BadFrame)
        );
        assert_eq!(code(header(3, 0x03FF)), Err(P::NotAllowed));
        assert_eq!(code(header(4, 0x0404)), Err(P::NotAllowed));
        assert_eq!(code(header(4, 0x0410)), Err(P::NotAllowed));
        assert_eq!(code(header(4, 0x04FF)), Err(P::NotAllowed));
        assert_eq!(code(header(4, 0x0402)), Ok(()));
        assert_eq!(code(header(1, 0x01FF)), Ok(()));
    }

    #[test]
    fn data_is_checked_before_the_name() {
        let code = |h: FrameHeader, data: &[u8]| read_request(&h, data).map(|_| ()).map_err(|f| f.code);
        let two = FrameHeader {
            argument_count: 2,
            ..header(1, 0x01FF)
        };
        assert_eq!(code(two, b"a"), Err(P::BadFrame));
        assert_eq!(code(two, b"a b"), Err(P::UnknownInstruction));
        assert_eq!(code(two, b"a "), Err(P::BadFrame));
        assert_eq!(code(two, b"a b c"), Err(P::BadFrame));
        assert_eq!(code(two, b"a \xff"), Err(P::BadFrame));
        assert_eq!(
            code(
                FrameHeader {
                    argument_count: 2,
                    ..header(1, 0x0101)
                },
                b"a b"
            ),
            Err(P::ArgumentCount)
        );
        assert_eq!(code(header(4, 0x0401), b"x"), Err(P::BadFrame));
    }

    #[test]
    fn frames_come_out_of_any_chunks() {
        let mut stream = Vec::new();
        write(&mut stream, Instruction::GetAssetInfo, &["AAPL"]);
        write(&mut stream, Instruction::Ping, &[]);
        for size in 1..stream.len() {
            let mut buffer = FrameBuffer::new();
            let mut seen = Vec::new();
            for chunk in stream.chunks(size) {
                buffer.extend(chunk);
                while let Some((header, data)) = buffer.next(FrameHeader::check_request).unwrap() {
                    seen.push((header.instruction, data.to_vec()));
                }
            }
            assert_eq!(seen, [(0x0201, b"AAPL".to_vec()), (0x0401, vec![])]);
            assert!(!buffer.is_partial());
            assert!(buffer.has_given(), "until bytes come again");
            buffer.extend(&[4]);
            assert!(buffer.is_partial() && !buffer.has_given());
        }
    }
}
