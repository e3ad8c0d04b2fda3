//! spec/client/stream.md · 4.3.2
//!
//! The bytes of a connection, plain or TLS, blocking with a deadline that holds over any number of system
//! calls.

use super::tls;
use crate::net::deadline::{is_timeout, remaining};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

/// A connected socket.
#[derive(Debug)]
pub enum ClientStream {
    /// Bytes as they are.
    Plain(TcpStream),
    /// TLS 1.3 around them.
    Tls(Box<rustls::ClientConnection>, TcpStream),
}

/// A text for an error, TLS's own ones in words that help.
pub fn explain(error: &io::Error) -> String {
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(inner) => tls::explain(inner),
        None if is_timeout(error) => "the handshake was not done in time".to_owned(),
        None if error.kind() == ErrorKind::UnexpectedEof => "the connection ended early".to_owned(),
        None => error.to_string(),
    }
}

impl ClientStream {
    /// The socket below.
    pub fn tcp(&self) -> &TcpStream {
        match self {
            ClientStream::Plain(tcp) | ClientStream::Tls(_, tcp) => tcp,
        }
    }

    /// Does TLS's handshake, where there is TLS.
    ///
    /// # Errors
    /// The other side's refusal, an untrusted certificate, or no end of it before `until`.
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

    /// Reads some bytes; 0 at the end.
    ///
    /// # Errors
    /// A time-out at `until`; a broken connection, or one cut without TLS's closing words.
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

    /// Writes all of them.
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
                    // Takes what its buffer has room for.
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

/// Takes what the socket has into the TLS session. Its end comes out of the session's reader: as an end where
/// the server said so, as an error where the connection was cut.
fn feed(session: &mut rustls::ClientConnection, tcp: &mut TcpStream, until: Instant) -> io::Result<()> {
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
        // The alert that says why; that it cannot be sent changes nothing.
        let _ = session.write_tls(tcp);
        return Err(io::Error::new(ErrorKind::InvalidData, e));
    }
    Ok(())
}

fn flush(session: &mut rustls::ClientConnection, tcp: &mut TcpStream, until: Instant) -> io::Result<()> {
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
