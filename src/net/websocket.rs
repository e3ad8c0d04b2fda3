//! spec/net/websocket.md · 4.3.2 Client-Worker Server Connection
//!
//! Frames of WebSocket (RFC 6455), as a server reads and writes them: binary messages whose borders
//! mean nothing, control frames, no extensions. Reads no HTTP.
//!
//! Tests: `src/net/websocket/tests.rs`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use std::io::{self, IoSlice, Write};

/// Longest payload of a client's frame, in bytes. A message may have any number of frames.
pub const FRAME_PAYLOAD_MAX: usize = 64 * 1024;
/// Longest payload of a message that is sent, in bytes. Some clients refuse one of a MiB.
pub const SENT_PAYLOAD_MAX: usize = 64 * 1024;
/// Longest payload of a control frame, in bytes.
pub const CONTROL_PAYLOAD_MAX: usize = 125;
/// Longest header of a client's frame: two bytes, the length, and the mask.
const CLIENT_HEADER_BYTES: usize = 2 + 8 + 4;
/// Longest header of a frame that is sent.
const SENT_HEADER_BYTES: usize = 2 + 8;
/// What follows the client's key in the text whose SHA-1 accepts the handshake.
const ACCEPT_SUFFIX: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a client's key, before base64.
const KEY_BYTES: usize = 16;

const FIN: u8 = 0x80;
const RESERVED_BITS: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
/// A length of 16 bits follows.
const LENGTH_16: u8 = 126;
/// A length of 64 bits follows.
const LENGTH_64: u8 = 127;

/// The status code of a close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The connection has done what it was for.
    pub const NORMAL: CloseCode = CloseCode(1000);
    /// The server stops.
    pub const GOING_AWAY: CloseCode = CloseCode(1001);
    /// The client violated WebSocket, or this protocol.
    pub const PROTOCOL_ERROR: CloseCode = CloseCode(1002);
    /// A text message.
    pub const UNSUPPORTED_DATA: CloseCode = CloseCode(1003);
    /// The reason of a close frame is not UTF-8.
    pub const INVALID_PAYLOAD: CloseCode = CloseCode(1007);
    /// A frame of more than [`FRAME_PAYLOAD_MAX`] bytes.
    pub const TOO_BIG: CloseCode = CloseCode(1009);

    /// The number.
    pub fn number(self) -> u16 {
        self.0
    }

    /// The code that a close frame of this payload tells.
    ///
    /// # Errors
    /// The payload is of one byte, its code may not be sent, or its reason is not UTF-8.
    fn read(payload: &[u8]) -> Result<CloseCode, CloseCode> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            let empty = payload.is_empty();
            return empty
                .then_some(CloseCode::NORMAL)
                .ok_or(CloseCode::PROTOCOL_ERROR);
        };
        let code = u16::from_be_bytes(*code);
        // 1004, 1005, 1006 and 1015 are never sent; 1016 to 2999 are not assigned.
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            return Err(CloseCode::PROTOCOL_ERROR);
        }
        if std::str::from_utf8(reason).is_err() {
            return Err(CloseCode::INVALID_PAYLOAD);
        }
        Ok(CloseCode(code))
    }
}

/// The payload of a control frame.
#[derive(Clone, Copy)]
pub struct ControlPayload {
    bytes: [u8; CONTROL_PAYLOAD_MAX],
    size: usize,
}

impl ControlPayload {
    const EMPTY: ControlPayload = ControlPayload {
        bytes: [0; CONTROL_PAYLOAD_MAX],
        size: 0,
    };

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.size).unwrap_or_default()
    }

    /// Appends what fits of `bytes`.
    fn extend(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(place) = self.bytes.get_mut(self.size) {
                *place = *byte;
                self.size += 1;
            }
        }
    }
}

impl std::fmt::Debug for ControlPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ControlPayload({} bytes)", self.size)
    }
}

/// What a client's bytes bring.
#[derive(Debug)]
pub enum WebSocketEvent<'a> {
    /// Bytes of the protocol's stream, unmasked in place.
    Data(&'a [u8]),
    /// A ping, to be answered with its payload.
    Ping(ControlPayload),
    /// The client closes the connection. Nothing that follows is to be read.
    Close(CloseCode),
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Header,
    /// The payload of a data frame.
    Data,
    /// The payload of a control frame.
    Control,
}

/// Reads a client's frames from pieces of any size. Keeps no payload but a control frame's.
#[derive(Debug)]
pub struct WebSocketDecoder {
    place: Place,
    header: [u8; CLIENT_HEADER_BYTES],
    header_size: usize,
    /// Bytes of the payload that have not come.
    left: usize,
    /// The mask, turned so that its first byte is the next payload byte's.
    mask: [u8; 4],
    /// Whether a message has begun whose last frame has not come.
    is_fragmented: bool,
    control: ControlPayload,
    /// Frames whose header has begun.
    begun: u64,
}

impl Default for WebSocketDecoder {
    fn default() -> WebSocketDecoder {
        WebSocketDecoder {
            place: Place::Header,
            header: [0; CLIENT_HEADER_BYTES],
            header_size: 0,
            left: 0,
            mask: [0; 4],
            is_fragmented: false,
            control: ControlPayload::EMPTY,
            begun: 0,
        }
    }
}

impl WebSocketDecoder {
    /// The number of the frame whose header or control payload is incomplete; `None` between frames,
    /// and inside the payload of a data frame, which is a stream of its own.
    pub fn incomplete(&self) -> Option<u64> {
        let is_incomplete = match self.place {
            Place::Header => self.header_size > 0,
            Place::Data => false,
            Place::Control => true,
        };
        is_incomplete.then_some(self.begun)
    }

    /// Takes bytes from the front of `bytes` until they bring something; `None` once all are taken.
    ///
    /// # Errors
    /// The client violates WebSocket; the connection is to be closed with this code.
    pub fn next<'a>(
        &mut self,
        bytes: &mut &'a mut [u8],
    ) -> Result<Option<WebSocketEvent<'a>>, CloseCode> {
        loop {
            match self.place {
                Place::Header => {
                    if !self.take_header(bytes)? {
                        return Ok(None);
                    }
                }
                Place::Data => {
                    let piece = self.take_payload(bytes);
                    if self.left == 0 {
                        self.end_frame();
                    }
                    if !piece.is_empty() {
                        return Ok(Some(WebSocketEvent::Data(piece)));
                    }
                    if self.place == Place::Data {
                        return Ok(None);
                    }
                }
                Place::Control => {
                    let piece = self.take_payload(bytes);
                    self.control.extend(piece);
                    if self.left > 0 {
                        return Ok(None);
                    }
                    let opcode = self.header[0] & OPCODE;
                    self.end_frame();
                    match opcode {
                        CLOSE => {
                            let code = CloseCode::read(self.control.bytes())?;
                            return Ok(Some(WebSocketEvent::Close(code)));
                        }
                        PING => return Ok(Some(WebSocketEvent::Ping(self.control))),
                        // A pong answers nothing of ours.
                        _ => {}
                    }
                }
            }
        }
    }

    fn end_frame(&mut self) {
        self.place = Place::Header;
        self.header_size = 0;
    }

    /// Takes bytes of a header, and each check as soon as its bytes are there. Returns whether the
    /// header is complete.
    fn take_header(&mut self, bytes: &mut &mut [u8]) -> Result<bool, CloseCode> {
        while let Some((first, rest)) = std::mem::take(bytes).split_first_mut() {
            *bytes = rest;
            self.begun += u64::from(self.header_size == 0);
            self.header[self.header_size] = *first;
            self.header_size += 1;
            match self.header_size {
                1 => self.check_opcode()?,
                2 => self.check_control_size()?,
                _ => {}
            }
            let length_bytes = match self.header[1] & !MASKED {
                LENGTH_16 => 2,
                LENGTH_64 => 8,
                _ => 0,
            };
            if self.header_size == 2 + length_bytes {
                self.left = self.payload_size()?;
            }
            if self.header_size == 2 + length_bytes + 4 {
                self.begin_payload(2 + length_bytes);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn check_opcode(&self) -> Result<(), CloseCode> {
        let first = self.header[0];
        if first & RESERVED_BITS != 0 {
            return Err(CloseCode::PROTOCOL_ERROR);
        }
        match first & OPCODE {
            CONTINUATION if self.is_fragmented => Ok(()),
            BINARY if !self.is_fragmented => Ok(()),
            TEXT if !self.is_fragmented => Err(CloseCode::UNSUPPORTED_DATA),
            CLOSE | PING | PONG if first & FIN != 0 => Ok(()),
            _ => Err(CloseCode::PROTOCOL_ERROR),
        }
    }

    fn check_control_size(&self) -> Result<(), CloseCode> {
        let is_control = self.header[0] & CLOSE != 0;
        let is_long = self.header[1] & !MASKED >= LENGTH_16;
        if self.header[1] & MASKED == 0 || is_control && is_long {
            return Err(CloseCode::PROTOCOL_ERROR);
        }
        Ok(())
    }

    /// The payload's size, whose bytes are all there.
    fn payload_size(&self) -> Result<usize, CloseCode> {
        let [_, short, long @ ..] = self.header;
        let (size, least) = match short & !MASKED {
            LENGTH_16 => (u64::from(u16::from_be_bytes([long[0], long[1]])), 126),
            LENGTH_64 => {
                let [a, b, c, d, e, f, g, h, ..] = long;
                (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 1 << 16)
            }
            short => (u64::from(short), 0),
        };
        // A size has one form, the shortest; the highest bit is never set.
        if size < least || size >> 63 != 0 {
            return Err(CloseCode::PROTOCOL_ERROR);
        }
        usize::try_from(size)
            .ok()
            .filter(|size| *size <= FRAME_PAYLOAD_MAX)
            .ok_or(CloseCode::TOO_BIG)
    }

    fn begin_payload(&mut self, mask_at: usize) {
        for (place, byte) in self.mask.iter_mut().zip(&self.header[mask_at..]) {
            *place = *byte;
        }
        let first = self.header[0];
        if first & CLOSE != 0 {
            self.place = Place::Control;
            self.control.size = 0;
        } else {
            self.place = Place::Data;
            self.is_fragmented = first & FIN == 0;
        }
    }

    /// Takes and unmasks what is there of the payload.
    fn take_payload<'a>(&mut self, bytes: &mut &'a mut [u8]) -> &'a mut [u8] {
        let size = self.left.min(bytes.len());
        let (piece, rest) = std::mem::take(bytes).split_at_mut(size);
        *bytes = rest;
        self.left -= size;
        unmask(piece, self.mask);
        self.mask.rotate_left(size % 4);
        piece
    }
}

/// Unmasks bytes in place, eight at a time.
fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// The header of a frame that is sent.
struct SentHeader {
    bytes: [u8; SENT_HEADER_BYTES],
    size: usize,
}

impl SentHeader {
    /// That of a whole message, or of a control frame.
    fn new(opcode: u8, payload: usize) -> SentHeader {
        let mut bytes = [0; SENT_HEADER_BYTES];
        bytes[0] = FIN | opcode;
        let size = if let Ok(short @ 0..LENGTH_16) = u8::try_from(payload) {
            bytes[1] = short;
            2
        } else if let Ok(long) = u16::try_from(payload) {
            bytes[1] = LENGTH_16;
            bytes[2..4].copy_from_slice(&long.to_be_bytes());
            4
        } else {
            bytes[1] = LENGTH_64;
            bytes[2..].copy_from_slice(&(payload as u64).to_be_bytes());
            SENT_HEADER_BYTES
        };
        SentHeader { bytes, size }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.size).unwrap_or_default()
    }
}

/// Writes bytes of the stream as messages of at most [`SENT_PAYLOAD_MAX`] bytes, each in one call
/// where `out` takes it whole.
///
/// # Errors
/// Those of `out`.
pub fn write_data(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    for payload in bytes.chunks(SENT_PAYLOAD_MAX) {
        write_frame(BINARY, payload, out)?;
    }
    Ok(())
}

/// Writes a pong.
///
/// # Errors
/// Those of `out`.
pub fn write_pong(payload: &ControlPayload, out: &mut impl Write) -> io::Result<()> {
    write_frame(PONG, payload.bytes(), out)
}

/// Writes a close frame.
///
/// # Errors
/// Those of `out`.
pub fn write_close(code: CloseCode, out: &mut impl Write) -> io::Result<()> {
    write_frame(CLOSE, &code.0.to_be_bytes(), out)
}

fn write_frame(opcode: u8, payload: &[u8], out: &mut impl Write) -> io::Result<()> {
    let header = SentHeader::new(opcode, payload.len());
    let header = header.bytes();
    // One call, so that TLS makes one record of both.
    let parts = [IoSlice::new(header), IoSlice::new(payload)];
    let written = out.write_vectored(&parts)?;
    let payload_written = written.saturating_sub(header.len());
    out.write_all(header.get(written..).unwrap_or_default())?;
    out.write_all(payload.get(payload_written..).unwrap_or_default())
}

/// What accepts a client's key; `None` where the key is not 16 bytes in base64.
pub fn accept_key(key: &str) -> Option<String> {
    let bytes = STANDARD.decode(key).ok()?;
    if bytes.len() != KEY_BYTES {
        return None;
    }
    let mut sha1 = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    sha1.update(key.as_bytes());
    sha1.update(ACCEPT_SUFFIX.as_bytes());
    Some(STANDARD.encode(sha1.finish()))
}

#[cfg(test)]
mod tests;
