//! spec/dialogue/recording.md · 4.3 The Connection
//!
//! A proxy between clients and servers that records what passes by. It changes nothing.
//!
//! Tests: `tests/suite/programs/ptcat_record.rs`.

use super::DialogueRecording;
use crate::dialogue::script::ConnectionNumber;
use parking_lot::Mutex;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Size of the read buffers in bytes.
const READ_BYTES: usize = 64 * 1024;
/// The most connections at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 256;
/// How long a connection to a server may take to open, for each of its addresses.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait after an accept that failed, for example without a free descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One of the servers between which and its clients a recording stands.
#[derive(Debug, Clone)]
pub struct RecordedServer {
    /// Its place among the recorded servers, from 0.
    pub index: usize,
    /// `HOST:PORT`.
    pub address: String,
}

/// Where a proxy says what an operator must know.
pub type ProxyNews = Arc<dyn Fn(&str) + Send + Sync>;

/// What the threads of all proxies share.
#[derive(Clone)]
pub struct RecordingProxy {
    recording: Arc<Mutex<DialogueRecording>>,
    open: Arc<AtomicUsize>,
    news: ProxyNews,
}

impl std::fmt::Debug for RecordingProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} connections", self.open.load(Ordering::Relaxed))
    }
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PassingSide {
    Client,
    Server,
}

impl RecordingProxy {
    /// A proxy with an empty recording.
    pub fn new(news: ProxyNews) -> RecordingProxy {
        RecordingProxy {
            recording: Arc::default(),
            open: Arc::default(),
            news,
        }
    }

    /// The recording so far.
    pub fn recording<T>(&self, read: impl FnOnce(&DialogueRecording) -> T) -> T {
        read(&self.recording.lock())
    }

    /// Passes on what clients of `listener` and the server say, in threads of their own, until the
    /// process ends.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(&self, listener: TcpListener, server: RecordedServer) -> io::Result<()> {
        let proxy = self.clone();
        let accept = move || loop {
            match listener.accept() {
                Ok((client, _)) => proxy.accept(client, &server),
                Err(e) => {
                    (proxy.news)(&format!("a client could not be accepted: {e}"));
                    thread::sleep(ACCEPT_PAUSE);
                }
            }
        };
        spawn("record-accept", accept)
    }

    fn accept(&self, client: TcpStream, server: &RecordedServer) {
        if self.open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            (self.news)(&format!(
                "more than {CONNECTIONS_MAX} connections: one was closed"
            ));
            return;
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        let (proxy, server) = (self.clone(), server.clone());
        let serve = move || {
            if let Err(e) = proxy.serve(client, &server) {
                (proxy.news)(&format!("{}: {e}", server.address));
            }
            proxy.open.fetch_sub(1, Ordering::Relaxed);
        };
        if let Err(e) = spawn("record-client", serve) {
            self.open.fetch_sub(1, Ordering::Relaxed);
            (self.news)(&format!("a client could not be served: {e}"));
        }
    }

    /// Serves a client to the end of its connection.
    fn serve(&self, client: TcpStream, server: &RecordedServer) -> io::Result<()> {
        let upstream = connect(&server.address)?;
        client.set_nodelay(true)?;
        upstream.set_nodelay(true)?;
        let number = self.change(|recording| recording.connect(server.index));
        let (to_client, from_client) = (client.try_clone()?, client);
        let (to_server, from_server) = (upstream.try_clone()?, upstream);
        let replies = {
            let proxy = self.clone();
            let pass = move || proxy.pass(PassingSide::Server, number, from_server, to_client);
            thread::Builder::new()
                .name("record-server".to_owned())
                .spawn(pass)?
        };
        self.pass(PassingSide::Client, number, from_client, to_server);
        let _ = replies.join();
        Ok(())
    }

    /// Passes bytes on until their sender ends or either connection breaks. They are recorded
    /// before they are passed on, so that no reply is recorded before its request.
    fn pass(
        &self,
        side: PassingSide,
        number: Option<ConnectionNumber>,
        mut from: TcpStream,
        mut to: TcpStream,
    ) {
        let mut bytes = vec![0; READ_BYTES];
        let is_broken = loop {
            let size = match from.read(&mut bytes) {
                Ok(0) => break false,
                Ok(size) => size,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(_) => break true,
            };
            let bytes = bytes.get(..size).unwrap_or_default();
            if let Some(number) = number {
                self.change(|recording| match side {
                    PassingSide::Client => recording.sent(number, bytes),
                    PassingSide::Server => recording.came(number, bytes),
                });
            }
            if to.write_all(bytes).is_err() {
                break true;
            }
        };
        if let Some(number) = number {
            self.change(|recording| match side {
                PassingSide::Client => recording.client_ended(number),
                PassingSide::Server => recording.server_ended(number),
            });
        }
        let how = if is_broken {
            Shutdown::Both
        } else {
            Shutdown::Write
        };
        let _ = to.shutdown(how);
        if is_broken {
            let _ = from.shutdown(Shutdown::Both);
        }
    }

    /// Adds to the recording; says it once when no more fits.
    fn change<T>(&self, add: impl FnOnce(&mut DialogueRecording) -> T) -> T {
        let mut recording = self.recording.lock();
        let was_full = recording.is_full();
        let outcome = add(&mut recording);
        let is_full = recording.is_full();
        drop(recording);
        if is_full && !was_full {
            (self.news)("the recording is full: what follows is passed on, and not recorded");
        }
        outcome
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop)
}

/// Connects to the first address of the name that accepts.
fn connect(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "no such address");
    for target in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&target, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}
