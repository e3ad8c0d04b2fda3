//! spec/master/mail.md · 4.1 (basic error handling)
//!
//! A socket to the mail server, plain or in TLS. Each wait has a deadline that no trickle extends,
//! ends soon after the signal to stop, and keeps a bounded number of bytes.
//!
//! Tests: `src/master/mail/smtp/tests.rs`.

use crate::config::HostPort;
use crate::net::deadline::{self, is_passing, left, remaining};
use crate::runtime::{self, Stop};
use crossbeam_channel::{bounded, select};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroize;

/// How often a wait looks at the signal to stop.
const STOP_LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The most addresses of the server that are tried.
const ADDRESSES_MAX: usize = 4;
/// Bytes of one read.
const CHUNK_BYTES: usize = 4096;

/// Why a wait for the mail server ended without what was waited for.
#[derive(Debug, thiserror::Error)]
pub(super) enum WaitError {
    #[error("the master stops")]
    Stopped,
    #[error("no answer in time")]
    TimedOut,
    #[error("the connection was closed")]
    Closed,
    #[error("{0}")]
    Nonsense(String),
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for WaitError {
    fn from(error: io::Error) -> WaitError {
        match error.kind() {
            ErrorKind::ConnectionAborted => WaitError::Stopped,
            ErrorKind::TimedOut => WaitError::TimedOut,
            ErrorKind::UnexpectedEof => WaitError::Closed,
            _ => WaitError::Io(error),
        }
    }
}

/// A TCP socket that waits in short steps.
struct PatientSocket {
    socket: TcpStream,
    stop: Stop,
    deadline: Instant,
}

impl PatientSocket {
    /// The time-out of the next step.
    fn step(&self) -> io::Result<Duration> {
        if self.stop.is_requested() {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(left(self.deadline)?.min(STOP_LOOK_INTERVAL))
    }
}

impl Read for PatientSocket {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        loop {
            self.socket.set_read_timeout(Some(self.step()?))?;
            match self.socket.read(chunk) {
                Err(error) if is_passing(&error) => {}
                // To rustls, and to us, it is no sign of ours.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {
                    return Err(ErrorKind::ConnectionReset.into());
                }
                other => return other,
            }
        }
    }
}

impl Write for PatientSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            self.socket.set_write_timeout(Some(self.step()?))?;
            match self.socket.write(bytes) {
                Err(error) if is_passing(&error) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {
                    return Err(ErrorKind::ConnectionReset.into());
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Carrier {
    Plain(PatientSocket),
    Tls(Box<StreamOwned<ClientConnection, PatientSocket>>),
    /// TLS failed while it was turned on.
    Lost,
}

/// A connection to the mail server.
pub(super) struct SmtpSocket {
    carrier: Carrier,
    local: IpAddr,
    /// Bytes that were received behind the last line.
    received: Vec<u8>,
}

impl Drop for SmtpSocket {
    fn drop(&mut self) {
        self.received.zeroize();
    }
}

impl SmtpSocket {
    /// Looks the server's name up and connects to the first of its addresses that answers: they
    /// share the time. Both happen on a thread of their own, which is left alone once the time is
    /// up: a look-up cannot be cancelled.
    pub(super) fn connect(
        server: &HostPort,
        timeout: Duration,
        stop: &Stop,
    ) -> Result<SmtpSocket, WaitError> {
        let (done, connected) = bounded(1);
        let server = server.clone();
        let deadline = Instant::now() + timeout;
        runtime::spawn("mail_connect", move || {
            let _ = done.send(connect(&server, deadline));
        })?;
        let socket = select! {
            recv(connected) -> socket => {
                socket.map_err(|_| WaitError::Closed)??
            }
            recv(stop.receiver()) -> _ => return Err(WaitError::Stopped),
            default(remaining(deadline)) => return Err(WaitError::TimedOut),
        };
        let local = socket
            .local_addr()
            .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |local| local.ip());
        let _ = socket.set_nodelay(true);
        Ok(SmtpSocket {
            carrier: Carrier::Plain(PatientSocket {
                socket,
                stop: stop.clone(),
                deadline: Instant::now() + timeout,
            }),
            local,
            received: Vec::new(),
        })
    }

    /// The address of this end.
    pub(super) fn local_ip(&self) -> IpAddr {
        self.local.to_canonical()
    }

    /// Turns TLS on. What came before it must be read by then: somebody in between may have sent it.
    pub(super) fn turn_tls_on(
        &mut self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        timeout: Duration,
    ) -> Result<(), WaitError> {
        if !self.received.is_empty() {
            return Err(WaitError::Nonsense(
                "it answers before TLS is on".to_owned(),
            ));
        }
        let Carrier::Plain(mut socket) = std::mem::replace(&mut self.carrier, Carrier::Lost) else {
            return Err(WaitError::Closed);
        };
        socket.deadline = Instant::now() + timeout;
        let tls =
            ClientConnection::new(config, name).map_err(|e| WaitError::Nonsense(e.to_string()))?;
        let mut stream = StreamOwned::new(tls, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        self.carrier = Carrier::Tls(Box::new(stream));
        Ok(())
    }

    fn set_deadline(&mut self, deadline: Instant) {
        match &mut self.carrier {
            Carrier::Plain(socket) => socket.deadline = deadline,
            Carrier::Tls(stream) => stream.sock.deadline = deadline,
            Carrier::Lost => {}
        }
    }

    /// Writes all bytes.
    pub(super) fn write(&mut self, bytes: &[u8], timeout: Duration) -> Result<(), WaitError> {
        self.set_deadline(Instant::now() + timeout);
        match &mut self.carrier {
            Carrier::Plain(socket) => socket.write_all(bytes)?,
            Carrier::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()?;
            }
            Carrier::Lost => return Err(WaitError::Closed),
        }
        Ok(())
    }

    /// Reads one line, without its end. A longer one than `most` bytes is nonsense.
    pub(super) fn line(&mut self, most: usize, deadline: Instant) -> Result<Vec<u8>, WaitError> {
        self.set_deadline(deadline);
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n')
                && end <= most
            {
                let rest = self.received.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.received, rest);
                line.pop();
                if line.ends_with(b"\r") {
                    line.pop();
                }
                return Ok(line);
            }
            if self.received.len() > most {
                let text = format!("a line of more than {most} bytes; is this a mail server?");
                return Err(WaitError::Nonsense(text));
            }
            let mut chunk = [0; CHUNK_BYTES];
            let size = match &mut self.carrier {
                Carrier::Plain(socket) => socket.read(&mut chunk)?,
                Carrier::Tls(stream) => stream.read(&mut chunk)?,
                Carrier::Lost => 0,
            };
            if size == 0 {
                return Err(WaitError::Closed);
            }
            self.received.extend_from_slice(&chunk[..size]);
        }
    }
}

fn connect(server: &HostPort, deadline: Instant) -> io::Result<TcpStream> {
    let addresses: Vec<_> = server.resolve()?.into_iter().take(ADDRESSES_MAX).collect();
    deadline::connect(&addresses, deadline).map(|(socket, _)| socket)
}
