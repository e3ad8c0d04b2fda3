//! spec/net.md · 4.3.2
//!
//! A blocking byte stream, plain or TLS. Each operation has a deadline, however many system calls
//! it takes.
//!
//! Tests: `tests/suite/client/cli.rs`.

use super::client_tls;
use super::deadline::{is_timeout, remaining};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// A connected socket.
#[derive(Debug)]
pub enum ClientStream {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS 1.3 over TCP.
    Tls(Box<rustls::ClientConnection>, TcpStream),
}

/// The text of an error; that of a TLS error says what helps.
pub fn explain(error: &io::Error) -> String {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(inner) => client_tls::explain(inner),
        None if is_timeout(error) => "the handshake was not done in time".to_owned(),
        None if error.kind() == ErrorKind::UnexpectedEof => "the connection ended early".to_owned(),
        None => error.to_string(),
    }
}

impl ClientStream {
    /// The TCP socket.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            ClientStream::Plain(tcp) | ClientStream::Tls(_, tcp) => tcp,
        }
    }

    /// Performs the TLS handshake; does nothing for plain TCP.
    ///
    /// # Errors
    /// The server's refusal, an untrusted certificate, or a time-out at `until`.
    pub fn handshake(&mut self, until: Instant) -> io::Result<()> {
        let ClientStream::Tls(session, tcp) = self else {
            return Ok(());
        };
        while session.is_handshaking() {
            if Instant::now() >= until {
                return Err(ErrorKind::TimedOut.into());
            }
            if session.wants_write() {
                tcp.set_write_timeout(Some(remaining(until)))?;
                session.write_tls(tcp)?;
            } else {
                feed(session, tcp, until)?;
            }
        }
        flush(session, tcp, until)
    }

    /// Reads at least one byte; returns 0 at the end of the stream.
    ///
    /// # Errors
    /// A time-out at `until`; a broken connection, or a TLS connection that ended without
    /// `close_notify`.
    pub fn read(&mut self, into: &mut [u8], until: Instant) -> io::Result<usize> {
        loop {
            let result = match self {
                ClientStream::Plain(tcp) => {
                    tcp.set_read_timeout(Some(remaining(until)))?;
                    tcp.read(into)
                }
                ClientStream::Tls(session, tcp) => match session.reader().read(into) {
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {
                        feed(session, tcp, until)?;
                        flush(session, tcp, until)?;
                        continue;
                    }
                    other => other,
                },
            };
            match result {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if is_timeout(&e) && Instant::now() < until => {}
                other => return other,
            }
        }
    }

    /// Writes all bytes.
    ///
    /// # Errors
    /// A time-out at `until`, or a broken connection.
    pub fn write_all(&mut self, bytes: &[u8], until: Instant) -> io::Result<()> {
        match self {
            ClientStream::Plain(tcp) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    tcp.set_write_timeout(Some(remaining(until)))?;
                    match tcp.write(rest) {
                        Ok(0) => return Err(ErrorKind::WriteZero.into()),
                        Ok(size) => rest = &rest[size..],
                        Err(e) if e.kind() == ErrorKind::Interrupted => {}
                        Err(e) => return Err(e),
                    }
                }
                Ok(())
            }
            ClientStream::Tls(session, tcp) => {
                let mut rest = bytes;
                while !rest.is_empty() {
                    // Accepts as many bytes as its buffer has room for.
                    let size = session.writer().write(rest)?;
                    rest = &rest[size..];
                    flush(session, tcp, until)?;
                }
                Ok(())
            }
        }
    }

    /// Closes the sending side.
    ///
    /// # Errors
    /// A time-out at `until`, or a broken connection.
    pub fn finish(&mut self, until: Instant) -> io::Result<()> {
        if let ClientStream::Tls(session, tcp) = self {
            session.send_close_notify();
            flush(session, tcp, until)?;
        }
        self.tcp().shutdown(Shutdown::Write)
    }
}

/// Passes received bytes to the TLS session. After the end of the stream the session's reader
/// returns 0 if the server sent `close_notify`, else an error.
fn feed(
    session: &mut rustls::ClientConnection,
    tcp: &mut TcpStream,
    until: Instant,
) -> io::Result<()> {
    loop {
        tcp.set_read_timeout(Some(remaining(until)))?;
        match session.read_tls(tcp) {
            Ok(0) if session.is_handshaking() => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => break,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    if let Err(e) = session.process_new_packets() {
        // Sends the alert that states the error. The result does not matter: the connection ends in
        // any case.
        let _ = session.write_tls(tcp);
        return Err(io::Error::new(ErrorKind::InvalidData, e));
    }
    Ok(())
}

fn flush(
    session: &mut rustls::ClientConnection,
    tcp: &mut TcpStream,
    until: Instant,
) -> io::Result<()> {
    while session.wants_write() {
        if Instant::now() >= until {
            return Err(ErrorKind::TimedOut.into());
        }
        tcp.set_write_timeout(Some(remaining(until)))?;
        match session.write_tls(tcp) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
