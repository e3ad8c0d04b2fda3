//! spec/net.md · 4.3 The Connection
//!
//! Reads and writes on blocking sockets with a deadline that holds over any number of system calls,
//! so that a peer cannot extend it byte by byte.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// The shortest time-out of a socket; the system takes 0 for none.
const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// Whether a call failed because its time-out passed.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Whether a call failed because its time-out passed or a signal came, so that it may be repeated.
pub fn is_passing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Interrupted || is_timeout(error)
}

/// The time until `deadline`, as a time-out of a socket: at least a millisecond.
pub fn remaining(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .max(TIMEOUT_MIN)
}

/// The time until `deadline`, as a time-out of a socket.
///
/// # Errors
/// [`ErrorKind::TimedOut`] where the deadline has passed.
pub fn left(deadline: Instant) -> io::Result<Duration> {
    if Instant::now() >= deadline {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(remaining(deadline))
}

/// Connects to the first of these addresses that answers, and says which. They share the time until
/// `deadline`: each has an equal part of what is left, so that a silent one leaves time for the next.
///
/// # Errors
/// That of the last address that was tried; [`ErrorKind::NotFound`] where there is none.
pub fn connect(addresses: &[SocketAddr], deadline: Instant) -> io::Result<(TcpStream, SocketAddr)> {
    let mut failed = io::Error::new(ErrorKind::NotFound, "the name has no address");
    let mut untried = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let part = left(deadline)? / untried.max(1);
        untried = untried.saturating_sub(1);
        match TcpStream::connect_timeout(address, part.max(TIMEOUT_MIN)) {
            Ok(socket) => return Ok((socket, *address)),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// A blocking socket with time-outs.
pub trait TimedSocket {
    /// Sets the time-out of each read.
    ///
    /// # Errors
    /// The system rejects the time-out.
    fn read_within(&self, timeout: Duration) -> io::Result<()>;

    /// Sets the time-out of each write.
    ///
    /// # Errors
    /// The system rejects the time-out.
    fn write_within(&self, timeout: Duration) -> io::Result<()>;
}

impl TimedSocket for TcpStream {
    fn read_within(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))
    }

    fn write_within(&self, timeout: Duration) -> io::Result<()> {
        self.set_write_timeout(Some(timeout))
    }
}

impl TimedSocket for UnixStream {
    fn read_within(&self, timeout: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(timeout))
    }

    fn write_within(&self, timeout: Duration) -> io::Result<()> {
        self.set_write_timeout(Some(timeout))
    }
}

/// Reads once; 0 at the end of the stream.
///
/// # Errors
/// [`ErrorKind::TimedOut`] at the deadline; any error of the socket.
pub fn read<S: TimedSocket>(
    mut socket: &S,
    chunk: &mut [u8],
    deadline: Instant,
) -> io::Result<usize>
where
    for<'a> &'a S: Read,
{
    loop {
        socket.read_within(left(deadline)?)?;
        match socket.read(chunk) {
            Err(error) if is_passing(&error) => {}
            other => return other,
        }
    }
}

/// Writes all bytes.
///
/// # Errors
/// [`ErrorKind::TimedOut`] where the deadline passes first, also if there is nothing to write; any
/// error of the socket.
pub fn write_all<S: TimedSocket>(
    mut socket: &S,
    mut bytes: &[u8],
    deadline: Instant,
) -> io::Result<()>
where
    for<'a> &'a S: Write,
{
    loop {
        let left = left(deadline)?;
        if bytes.is_empty() {
            return Ok(());
        }
        socket.write_within(left)?;
        match socket.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(size) => bytes = bytes.get(size..).unwrap_or_default(),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(30)
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn bytes_and_the_end_of_the_stream_arrive() {
        let (left, right) = UnixStream::pair().unwrap();
        write_all(&left, b"ab", later()).unwrap();
        let mut chunk = [0; 8];
        assert_eq!(read(&right, &mut chunk, later()).unwrap(), 2);
        drop(left);
        assert_eq!(read(&right, &mut chunk, later()).unwrap(), 0);
        let error = write_all(&right, b"c", later()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn no_call_waits_past_its_deadline() {
        let (left, _right) = UnixStream::pair().unwrap();
        let error = read(&left, &mut [0; 8], soon()).unwrap_err();
        assert!(is_timeout(&error) && is_passing(&error));
        // More bytes than the socket takes while the peer does not read.
        let error = write_all(&left, &vec![7; 16 << 20], soon()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let passed = Instant::now();
        assert!(super::left(passed).is_err() && write_all(&left, b"", passed).is_err());
        assert_eq!(remaining(passed), TIMEOUT_MIN);
        assert!(!is_passing(&ErrorKind::ConnectionReset.into()));
    }

    #[test]
    fn a_silent_address_leaves_time_for_the_next() {
        let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (silent, good) = (listener(), listener());
        // The system answers nobody whom the backlog has no room for.
        rustix::net::listen(&silent, 0).unwrap();
        let at = |listener: &TcpListener| listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(more) = TcpStream::connect_timeout(&at(&silent), Duration::from_millis(200)) {
            filling.push(more);
        }
        let deadline = Instant::now() + Duration::from_secs(4);
        let (_, reached) = connect(&[at(&silent), at(&good)], deadline).unwrap();
        assert_eq!(reached, at(&good));
        let error = connect(&[at(&silent)], soon()).unwrap_err();
        assert!(is_timeout(&error), "{error}");
        let error = connect(&[], later()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_trickle_does_not_extend_a_deadline() {
        let (left, right) = UnixStream::pair().unwrap();
        let deadline = Instant::now() + Duration::from_millis(100);
        let writer = std::thread::spawn(move || while write_all(&right, b"x", later()).is_ok() {});
        let mut chunk = [0; 1];
        let error = loop {
            if let Err(error) = read(&left, &mut chunk, deadline) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(left);
        writer.join().unwrap();
    }
}
