//! spec/net/http.md · 4.3.2 Client-Worker Server Connection
//!
//! What a small server needs of HTTP/1.1: the heads of requests, within bounds, and answers. Knows
//! no path and no host.
//!
//! Tests: `src/net/http/tests.rs`.

use super::Transport;
use super::deadline;
use super::tls;
use crate::model::Timestamp;
use crate::runtime::Stop;
use crate::wire::wipe;
use rustls::ServerConnection;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// Longest head of a request, in bytes, with the empty line at its end.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Time from a connection's beginning to the end of the first head; TLS's handshake has as long for
/// itself.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Most header fields of a request.
pub const FIELDS_MAX: usize = 64;
/// How often a connection that waits for a request looks at the signal to stop.
const STOP_INTERVAL: Duration = Duration::from_millis(250);
/// Bytes that one read returns at most.
const CHUNK_BYTES: usize = 4 * 1024;
/// Bytes of an answer that are written within one time-out.
const PIECE_BYTES: usize = 16 * 1024;
/// How the field Date is written.
const DATE: &[BorrowedFormatItem<'static>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// The status of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpStatus {
    SwitchingProtocols,
    Ok,
    NotModified,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    UpgradeRequired,
    HeadTooLarge,
    Unavailable,
}

impl HttpStatus {
    /// The status line's code and phrase.
    pub fn as_str(self) -> &'static str {
        match self {
            HttpStatus::SwitchingProtocols => "101 Switching Protocols",
            HttpStatus::Ok => "200 OK",
            HttpStatus::NotModified => "304 Not Modified",
            HttpStatus::BadRequest => "400 Bad Request",
            HttpStatus::Forbidden => "403 Forbidden",
            HttpStatus::NotFound => "404 Not Found",
            HttpStatus::MethodNotAllowed => "405 Method Not Allowed",
            HttpStatus::RequestTimeout => "408 Request Timeout",
            HttpStatus::UpgradeRequired => "426 Upgrade Required",
            HttpStatus::HeadTooLarge => "431 Request Header Fields Too Large",
            HttpStatus::Unavailable => "503 Service Unavailable",
        }
    }

    /// Whether the answer has a body and its length.
    fn has_body(self) -> bool {
        !matches!(
            self,
            HttpStatus::SwitchingProtocols | HttpStatus::NotModified
        )
    }
}

/// Why no head of a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadError {
    /// The peer closed the connection, or it broke.
    Closed,
    /// The head was not whole in time. `begun`: whether a byte of it had come.
    Timeout { begun: bool },
    /// It has more than [`HEAD_BYTES_MAX`] bytes or [`FIELDS_MAX`] fields.
    TooLarge,
    /// It is none, and why.
    Malformed(&'static str),
}

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    pub method: String,
    /// A path, with its query.
    pub target: String,
    /// Whether its version is 1.1, and not 1.0.
    pub is_http11: bool,
    /// Names in lower case, with their values.
    fields: Vec<(String, Vec<u8>)>,
}

impl RequestHead {
    /// Reads a head that ends with an empty line.
    ///
    /// # Errors
    /// It is none, or announces a body.
    pub fn read(head: &[u8]) -> Result<RequestHead, HeadError> {
        // httparse takes a bare line feed for the end of a line, and others do not.
        let is_bare = |pair: &[u8]| pair.last() == Some(&b'\n') && pair.first() != Some(&b'\r');
        if head.first() == Some(&b'\n') || head.windows(2).any(is_bare) {
            return Err(HeadError::Malformed("a line does not end with CR and LF"));
        }
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(head) {
            Ok(httparse::Status::Complete(size)) if size == head.len() => {}
            Ok(_) => return Err(HeadError::Malformed("the request is incomplete")),
            Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLarge),
            Err(_) => return Err(HeadError::Malformed("this is no request of HTTP/1.1")),
        }
        let (Some(method), Some(target)) = (request.method, request.path) else {
            return Err(HeadError::Malformed("the request line is incomplete"));
        };
        let field =
            |field: &httparse::Header<'_>| (field.name.to_ascii_lowercase(), field.value.to_vec());
        let head = RequestHead {
            method: method.to_owned(),
            target: target.to_owned(),
            is_http11: request.version == Some(1),
            fields: request.headers.iter().map(field).collect(),
        };
        if head.has_body()? {
            return Err(HeadError::Malformed("a request here has no body"));
        }
        Ok(head)
    }

    /// Whether it announces a body.
    fn has_body(&self) -> Result<bool, HeadError> {
        let length = self.only("content-length")?;
        let is_chunked = self.all("transfer-encoding").next().is_some();
        Ok(is_chunked || length.is_some_and(|length| length != "0"))
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_slice())
    }

    /// The value of a field that a head has at most once; `None` where it has none. `name` is in
    /// lower case.
    ///
    /// # Errors
    /// It has two, or the value is not visible ASCII.
    pub fn only<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, HeadError> {
        let mut values = self.all(name);
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(HeadError::Malformed("a field stands twice"));
        }
        let is_visible = value.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let text = std::str::from_utf8(value).ok().filter(|_| is_visible);
        text.map(Some)
            .ok_or(HeadError::Malformed("a field is not visible ASCII"))
    }

    /// The elements of a field whose values are lists, such as Connection, without the space around
    /// them. `name` is in lower case.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name)
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(|element| element.trim_matches([' ', '\t']))
            .filter(|element| !element.is_empty())
    }

    /// Whether the list has this element, in any case.
    pub fn lists(&self, name: &str, wanted: &str) -> bool {
        self.list(name)
            .any(|element| element.eq_ignore_ascii_case(wanted))
    }
}

/// An answer.
#[derive(Debug)]
pub struct HttpAnswer<'a> {
    pub status: HttpStatus,
    pub fields: Vec<(&'static str, String)>,
    pub body: Cow<'a, [u8]>,
    /// Whether the connection ends with it.
    pub closes: bool,
}

impl HttpAnswer<'_> {
    /// Appends its bytes. `now` is for the field Date.
    pub fn write(&self, now: Timestamp, out: &mut Vec<u8>) {
        let mut head = format!("HTTP/1.1 {}\r\n", self.status.as_str());
        // Writing to a String cannot fail.
        let date = OffsetDateTime::from_unix_timestamp(now.0.div_euclid(1000))
            .ok()
            .and_then(|now| now.format(DATE).ok());
        if let Some(date) = date {
            let _ = write!(head, "Date: {date}\r\n");
        }
        for (name, value) in &self.fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if self.status.has_body() {
            let _ = write!(head, "Content-Length: {}\r\n", self.body.len());
        }
        if self.closes {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        out.extend_from_slice(head.as_bytes());
        if self.status.has_body() {
            out.extend_from_slice(&self.body);
        }
    }
}

/// The answer to a browser for which there is no room.
pub fn unavailable(text: &str) -> Vec<u8> {
    let answer = HttpAnswer {
        status: HttpStatus::Unavailable,
        fields: vec![
            ("Content-Type", "text/plain; charset=utf-8".to_owned()),
            ("Retry-After", "5".to_owned()),
        ],
        body: Cow::Borrowed(text.as_bytes()),
        closes: true,
    };
    let mut bytes = Vec::new();
    answer.write(Timestamp::now(), &mut bytes);
    bytes
}

/// A connection that speaks HTTP: a socket that blocks, with TLS or without.
#[derive(Debug)]
pub struct HttpStream {
    socket: TcpStream,
    tls: Option<Box<ServerConnection>>,
    /// Received bytes that no head has taken.
    received: Vec<u8>,
    chunk: Vec<u8>,
    /// The peer has closed its TLS session.
    is_closed: bool,
}

impl HttpStream {
    /// A stream on an accepted socket, with its TLS state where it speaks TLS.
    pub fn new(socket: TcpStream, tls: Option<Box<ServerConnection>>) -> HttpStream {
        // Answers are written whole.
        let _ = socket.set_nodelay(true);
        HttpStream {
            socket,
            tls,
            received: Vec::new(),
            chunk: vec![0; CHUNK_BYTES],
            is_closed: false,
        }
    }

    /// Reads the head of the next request, within `timeout`. A TLS handshake may take as long
    /// before it.
    ///
    /// # Errors
    /// No head came, and why. After the signal to stop the connection counts as closed.
    pub fn head(&mut self, timeout: Duration, stop: &Stop) -> Result<RequestHead, HeadError> {
        let mut by = Instant::now() + timeout;
        let mut searched = 0;
        let mut passed_over = 0;
        loop {
            // Empty lines before a request are passed over, as RFC 9112 wishes.
            // They count as bytes of its head.
            let (lines, _) = self.received.as_chunks::<2>();
            let empty = 2 * lines.iter().take_while(|line| *line == b"\r\n").count();
            if empty > 0 {
                wipe::drop_front(&mut self.received, empty);
                passed_over += empty;
                searched = 0;
            }
            if let Some(end) = head_end(&self.received, searched) {
                if passed_over + end > HEAD_BYTES_MAX {
                    return Err(HeadError::TooLarge);
                }
                let head = RequestHead::read(&self.received[..end]);
                wipe::drop_front(&mut self.received, end);
                return head;
            }
            if passed_over + self.received.len() > HEAD_BYTES_MAX {
                return Err(HeadError::TooLarge);
            }
            searched = self.received.len();
            let was_handshaking = self.is_handshaking();
            match self.receive(by) {
                Ok(true) => {}
                Ok(false) => return Err(HeadError::Closed),
                Err(error) if error.kind() == ErrorKind::TimedOut && Instant::now() < by => {
                    if stop.is_requested() {
                        return Err(HeadError::Closed);
                    }
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    let begun = !self.received.is_empty();
                    return Err(HeadError::Timeout { begun });
                }
                Err(_) => return Err(HeadError::Closed),
            }
            if was_handshaking && !self.is_handshaking() {
                by = Instant::now() + timeout;
            }
        }
    }

    fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Reads once, and waits for [`STOP_INTERVAL`] at most; false at the end of the stream.
    fn receive(&mut self, by: Instant) -> io::Result<bool> {
        if self.is_closed {
            return Ok(false);
        }
        let read_by = by.min(Instant::now() + STOP_INTERVAL);
        let size = deadline::read(&self.socket, &mut self.chunk, read_by)?;
        let Some(tls) = &mut self.tls else {
            wipe::append(&mut self.received, &self.chunk[..size]);
            return Ok(size > 0);
        };
        let mut bytes = &self.chunk[..size];
        let progress = tls::receive(tls, &mut bytes, &mut self.received);
        // Also an alert of a handshake that failed.
        let mut records = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut records)?;
        }
        if !records.is_empty() {
            deadline::write_all(&self.socket, &records, by)?;
        }
        self.is_closed = progress?.closed;
        Ok(size > 0)
    }

    /// Writes an answer. The peer has `timeout` for each piece of 16 KiB.
    ///
    /// # Errors
    /// The peer does not take it, or TLS has failed.
    pub fn write(&mut self, bytes: &[u8], timeout: Duration) -> io::Result<()> {
        let mut records = Vec::new();
        for piece in bytes.chunks(PIECE_BYTES) {
            let sealed = match &mut self.tls {
                Some(tls) => {
                    records.clear();
                    tls.writer().write_all(piece)?;
                    while tls.wants_write() {
                        tls.write_tls(&mut records)?;
                    }
                    records.as_slice()
                }
                None => piece,
            };
            deadline::write_all(&self.socket, sealed, Instant::now() + timeout)?;
        }
        Ok(())
    }

    /// Whether the peer speaks TLS.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The socket.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Ends the stream: tells TLS, shuts the sending side, and discards what comes until the peer
    /// closes or `timeout` has passed.
    pub fn finish(mut self, timeout: Duration) {
        let by = Instant::now() + timeout;
        if let Some(tls) = &mut self.tls {
            let mut records = Vec::new();
            tls.send_close_notify();
            while tls.wants_write() && tls.write_tls(&mut records).is_ok() {}
            let _ = deadline::write_all(&self.socket, &records, by);
        }
        if self.socket.shutdown(std::net::Shutdown::Write).is_ok() {
            while matches!(deadline::read(&self.socket, &mut self.chunk, by), Ok(1..)) {}
        }
    }

    /// The parts of a stream that goes on as a WebSocket: the socket, its transport, and the bytes
    /// that came behind the handshake.
    pub fn into_websocket(mut self) -> (TcpStream, Transport, Vec<u8>) {
        let transport = Transport {
            tls: self.tls,
            is_websocket: true,
        };
        // The first requests may have come with the handshake, and secrets in them.
        wipe::clear(&mut self.chunk);
        (self.socket, transport, self.received)
    }
}

/// Where the head that begins `bytes` ends; `None` where its empty line has not come. The first
/// `searched` bytes were looked at before.
fn head_end(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    let rest = bytes.get(from..)?;
    let at = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(from + at + 4)
}

#[cfg(test)]
mod tests;
