//! spec/testkit.md · 4.3.2 Client-Worker Server Connection
//!
//! A client of a worker's WebSocket, and a bridge by which clients of TCP use it.
//!
//! Tests: `tests/suite/worker/websocket.rs`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// The longest payload of a frame that a client sends here.
const PAYLOAD_MAX: usize = 64 * 1024;
/// Longest head of an answer.
const HEAD_MAX: usize = 8 * 1024;
/// Bytes of one read.
const CHUNK_BYTES: usize = 64 * 1024;

/// The first bytes of frames: the last of their message, and what they are.
pub const BINARY: u8 = 0x82;
/// A close frame.
pub const CLOSE: u8 = 0x88;
/// A ping.
pub const PING: u8 = 0x89;

/// A client's frame with this first byte.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let size = payload.len();
    let mut bytes = vec![first];
    match (u8::try_from(size), u16::try_from(size)) {
        (Ok(short @ 0..126), _) => bytes.push(0x80 | short),
        (_, Ok(long)) => {
            bytes.push(0xfe);
            bytes.extend(long.to_be_bytes());
        }
        (_, Err(_)) => {
            bytes.push(0xff);
            bytes.extend((size as u64).to_be_bytes());
        }
    }
    let mask = getrandom::u32().unwrap_or_default().to_be_bytes();
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    bytes
}

/// Takes the first frame of a server off `bytes`: its first byte and its payload; `None` while it is
/// not whole.
pub fn take_frame(bytes: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (first, short) = (*bytes.first()?, *bytes.get(1)?);
    let (head, size) = match short {
        126 => (
            4,
            u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        ),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    let end = head + usize::try_from(size).ok()?;
    let payload = bytes.get(head..end)?.to_vec();
    bytes.drain(..end);
    Some((first, payload))
}

/// A connection to a worker's WebSocket.
#[derive(Debug)]
pub struct WebSocketClient {
    pub socket: TcpStream,
    received: Vec<u8>,
}

impl WebSocketClient {
    /// Connects to `page`, `HOST:PORT`, as programs do, without an origin.
    ///
    /// # Errors
    /// The server cannot be reached, or does not accept the upgrade; the text has its answer.
    pub fn connect(page: &str) -> io::Result<WebSocketClient> {
        WebSocketClient::open(TcpStream::connect(page)?, page)
    }

    /// The same on a connected socket.
    ///
    /// # Errors
    /// As [`WebSocketClient::connect`].
    pub fn open(mut socket: TcpStream, host: &str) -> io::Result<WebSocketClient> {
        socket.set_nodelay(true)?;
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\
             Sec-WebSocket-Protocol: papertrader.1\r\n\r\n",
            STANDARD.encode(key)
        );
        socket.write_all(request.as_bytes())?;
        let mut received = Vec::new();
        let mut chunk = [0; 1024];
        loop {
            let end = received.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                if !received.starts_with(b"HTTP/1.1 101 ") {
                    let answer = String::from_utf8_lossy(&received).into_owned();
                    return Err(io::Error::other(answer));
                }
                received.drain(..end + 4);
                return Ok(WebSocketClient { socket, received });
            }
            let size = socket.read(&mut chunk)?;
            received.extend_from_slice(chunk.get(..size).unwrap_or_default());
            if size == 0 || received.len() > HEAD_MAX {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Sends bytes of the stream.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for payload in bytes.chunks(PAYLOAD_MAX) {
            self.socket.write_all(&frame(BINARY, payload))?;
        }
        Ok(())
    }

    /// The next frame of the server: its first byte and payload; `None` at the end of the stream.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn next_frame(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            if let Some(frame) = take_frame(&mut self.received) {
                return Ok(Some(frame));
            }
            match self.socket.read(&mut chunk)? {
                0 => return Ok(None),
                size => self
                    .received
                    .extend_from_slice(chunk.get(..size).unwrap_or_default()),
            }
        }
    }
}

/// Listens on loopback, and passes the stream of each connection on to the WebSocket of `page`.
/// Returns where it listens.
///
/// # Errors
/// No port is free.
pub fn bridge(page: &str) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (address, page) = (listener.local_addr()?, page.to_owned());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let page = page.clone();
            thread::spawn(move || pass_on(client, &page));
        }
    });
    Ok(address)
}

fn pass_on(mut client: TcpStream, page: &str) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut server = WebSocketClient::connect(page)?;
    let (mut from, mut to) = (client.try_clone()?, server.socket.try_clone()?);
    thread::spawn(move || -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            match from.read(&mut chunk)? {
                0 => return to.write_all(&frame(CLOSE, &1000_u16.to_be_bytes())),
                size => to.write_all(&frame(BINARY, chunk.get(..size).unwrap_or_default()))?,
            }
        }
    });
    while let Ok(Some((first, payload))) = server.next_frame() {
        if first == BINARY {
            client.write_all(&payload)?;
        }
    }
    client.shutdown(Shutdown::Write)?;
    // Until the client has closed, too: the other thread then ends.
    server.socket.shutdown(Shutdown::Read)
}
