//! spec/cli/ctl.md · 3.1.5 Worker Management
//!
//! Sends one request to the control socket and waits for its answer.

use crate::admin::protocol::{
    AdminRequest, AdminResponse, CALLER_NAME, REQUEST_MAX, RESPONSE_MAX, SILENCE_MAX,
};
use crate::net::deadline;
use rustix::process::getuid;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;

/// The time limit for connecting and for sending the request.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that this process has made, for their names.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
/// Size of the read buffer in bytes.
const READ_BYTES: usize = 64 * 1024;

/// Why a request has no answer.
#[derive(Debug, Error)]
pub(super) enum CtlError {
    /// The socket does not exist, or no process listens at it.
    #[error(
        "no master listens at {0}: it may be starting; else start one, or name its control_socket with --socket"
    )]
    NoMaster(PathBuf),
    /// The caller may not open the socket.
    #[error("you may not use {0}; become root, or a member of the group that it belongs to")]
    NotAllowed(PathBuf),
    /// Another error of the socket.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The request exceeds [`REQUEST_MAX`].
    #[error("the request has more than {REQUEST_MAX} bytes")]
    TooLong,
    /// The master accepts the connection and sends nothing.
    #[error("the master at {0} has said nothing for {secs} s: it hangs or is stopped; what was asked may still be done", secs = SILENCE_MAX.as_secs())]
    Silent(PathBuf),
    /// The master closed the connection before the answer.
    #[error(
        "the master closed the connection without an answer: it is stopping; look whether what was asked was done"
    )]
    Gone,
    /// The answer is not one that this version knows.
    #[error("the answer is none that version {version} knows: {0}", version = env!("CARGO_PKG_VERSION"))]
    Nonsense(String),
}

/// A request that was sent, and what comes back.
pub(super) struct Conversation {
    stream: UnixStream,
    /// The socket, for messages.
    path: PathBuf,
    /// What was received and is not read.
    received: Vec<u8>,
    /// Why sending failed. A master that refuses the connection sends the reason before it reads the
    /// request, so what came is read all the same.
    failure: Option<io::Error>,
}

impl Conversation {
    /// Sends a request.
    ///
    /// # Errors
    /// No connection, or the request is too long.
    pub(super) fn begin(path: &Path, request: &AdminRequest) -> Result<Conversation, CtlError> {
        let mut line =
            serde_json::to_vec(request).map_err(|error| CtlError::Nonsense(error.to_string()))?;
        line.push(b'\n');
        if line.len() > REQUEST_MAX {
            return Err(CtlError::TooLong);
        }
        let mut conversation = Conversation::of(connect(path)?, path);
        conversation.failure = conversation.stream.write_all(&line).err();
        Ok(conversation)
    }

    /// One whose request somebody else has sent.
    pub(super) fn of(stream: UnixStream, path: &Path) -> Conversation {
        Conversation {
            stream,
            path: path.to_owned(),
            received: Vec::new(),
            failure: None,
        }
    }

    /// The socket, which sends nothing any more: whoever gets it can only read the answer.
    ///
    /// # Errors
    /// The socket fails.
    pub(super) fn into_reading_end(self) -> io::Result<UnixStream> {
        self.stream.shutdown(Shutdown::Write)?;
        Ok(self.stream)
    }

    /// The next line of the master.
    ///
    /// # Errors
    /// None came, or no valid one; see [`CtlError`].
    pub(super) fn next_line(&mut self) -> Result<AdminResponse, CtlError> {
        let line = match read_line(&self.stream, &mut self.received) {
            Ok(Some(line)) => line,
            Ok(None) => return Err(CtlError::Gone),
            Err(error) => return Err(self.broken(error)),
        };
        serde_json::from_slice(&line).map_err(|error| CtlError::Nonsense(error.to_string()))
    }

    fn broken(&mut self, error: io::Error) -> CtlError {
        let error = self.failure.take().unwrap_or(error);
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                CtlError::Silent(self.path.clone())
            }
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => CtlError::Gone,
            _ => CtlError::Io(self.path.clone(), error),
        }
    }
}

/// Sends a request and waits for its answer, as long as the master reports that it works on it.
///
/// # Errors
/// No connection, or no valid answer; see [`CtlError`].
pub(super) fn ask(path: &Path, request: &AdminRequest) -> Result<AdminResponse, CtlError> {
    let mut conversation = Conversation::begin(path, request)?;
    loop {
        match conversation.next_line()? {
            AdminResponse::Working => {}
            response => return Ok(response),
        }
    }
}

fn connect(path: &Path) -> Result<UnixStream, CtlError> {
    let open = || -> io::Result<UnixStream> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // This also limits connecting, which blocks while the master's backlog is full.
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        // A master in a user namespace does not see whose process this is. Where the name cannot be
        // had, the master names the user that it sees.
        let (user, process) = (getuid().as_raw(), std::process::id());
        let turn = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let name = format!("\0{CALLER_NAME}{user}/{process}/{turn}");
        let _ = SockAddr::unix(name).and_then(|name| socket.bind(&name));
        socket.connect(&SockAddr::unix(path)?)?;
        Ok(socket.into())
    };
    open().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            CtlError::NoMaster(path.to_owned())
        }
        io::ErrorKind::PermissionDenied => CtlError::NotAllowed(path.to_owned()),
        io::ErrorKind::WouldBlock => CtlError::Silent(path.to_owned()),
        _ => CtlError::Io(path.to_owned(), error),
    })
}

/// The next line without its line feed; `None` if the stream ends first.
fn read_line(stream: &UnixStream, received: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut chunk = vec![0; READ_BYTES];
    let mut seen = 0;
    loop {
        if let Some(end) = received.iter().skip(seen).position(|byte| *byte == b'\n') {
            let rest = received.split_off(seen + end + 1);
            let mut line = std::mem::replace(received, rest);
            line.pop();
            return Ok(Some(line));
        }
        seen = received.len();
        if seen > RESPONSE_MAX {
            let text = format!("the answer has more than {RESPONSE_MAX} bytes");
            return Err(io::Error::other(text));
        }
        match deadline::read(stream, &mut chunk, Instant::now() + SILENCE_MAX)? {
            0 => return Ok(None),
            size => received.extend_from_slice(&chunk[..size]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixListener;

    fn answered(bytes: &'static [u8]) -> Result<AdminResponse, CtlError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut one = [0; 9];
                stream.read_exact(&mut one).unwrap();
                assert_eq!(&one, b"\"status\"\n");
                stream.write_all(bytes).unwrap();
            });
            ask(&path, &AdminRequest::Status)
        })
    }

    #[test]
    fn an_answer_is_awaited_and_checked() {
        let refused = answered(b"\"working\"\n\"working\"\n{\"refused\":\"no\"}\n").unwrap();
        assert_eq!(refused, AdminResponse::Refused("no".to_owned()));
        assert!(matches!(answered(b"\"working\"\n"), Err(CtlError::Gone)));
        assert!(matches!(answered(b""), Err(CtlError::Gone)));
        assert!(matches!(
            answered(b"{\"done\":{\"new\":1}}\n"),
            Err(CtlError::Nonsense(_))
        ));
        assert!(matches!(answered(b"\xff\n"), Err(CtlError::Nonsense(_))));
    }

    #[test]
    fn a_missing_master_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        assert!(matches!(
            ask(&path, &AdminRequest::Status),
            Err(CtlError::NoMaster(_))
        ));
        drop(UnixListener::bind(&path).unwrap());
        assert!(matches!(
            ask(&path, &AdminRequest::Status),
            Err(CtlError::NoMaster(_))
        ));
        let long = AdminRequest::WorkersShow {
            name: "x".repeat(REQUEST_MAX),
        };
        assert!(matches!(ask(&path, &long), Err(CtlError::TooLong)));
    }
}
