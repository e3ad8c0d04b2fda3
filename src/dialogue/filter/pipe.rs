//! spec/dialogue/filter.md · 4.3 The Connection
//!
//! A dialogue's connection through another program, such as `nc`: what is sent goes into a pipe,
//! and what the server says comes out of one.
//!
//! Tests: `tests/suite/protocol/nc.rs`, `tests/suite/programs/ptcat_pipes.rs`.

use crate::dialogue::message::{MessageDecoder, StreamPart};
use crate::dialogue::peer::{Arrival, ConnectionBytes, ConnectionRecorder, Peer};
use crate::dialogue::servers::{Dialer, Servers};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Size of the read buffer in bytes.
const READ_BYTES: usize = 64 * 1024;
/// Chunks that wait on either side of a connection. More make the program between wait.
const CHUNKS_MAX: usize = 64;
/// How long a send may wait for the program between.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the program between may take to pass on what was sent before a `close` or the end of a
/// dialogue, and to end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long whoever writes the replies may take to open their FIFO. It waits at its end until ours is
/// opened, also where a dialogue is refused.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is looked whether it has ended.
const CLOSE_INTERVAL: Duration = Duration::from_millis(2);

/// What a reader of a pipe found: bytes, none of them once it is open, or why it can read no more. The
/// end of the pipe closes the channel.
type PipeChunk = Result<Vec<u8>, String>;

/// A connection whose two directions are pipes.
#[derive(Debug)]
pub struct PipePeer {
    /// Bytes to the server; `None` once our side has ended.
    sending: Option<Sender<Vec<u8>>>,
    received: Receiver<PipeChunk>,
    decoder: MessageDecoder,
    /// Decoded and not yet returned, oldest first, each with its bytes and the sizes of its packets.
    waiting: VecDeque<(Arrival, Vec<u8>, Vec<usize>)>,
    /// Received bytes of messages that are not decoded yet.
    undecoded: Vec<u8>,
    /// Those of the arrival that was returned last.
    last: Vec<u8>,
    /// The sizes of its packets.
    packets: Vec<usize>,
    is_open: bool,
    has_ended: bool,
    /// The program between, where it was started for this connection.
    process: Option<Child>,
    recording: Option<(ConnectionRecorder, ConnectionBytes)>,
}

impl PipePeer {
    /// A connection that writes to `to`, and reads what `open` opens. Both are used by threads of
    /// their own: the other end of a FIFO may be opened later. Dropping `to` must end the sending
    /// side.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn new<R: Read>(
        to: impl Write + Send + 'static,
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) -> Result<PipePeer, String> {
        let (sending, to_write) = bounded(CHUNKS_MAX);
        let (told, received) = bounded(CHUNKS_MAX);
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            thread.spawn(work).map_err(|e| e.to_string())
        };
        spawn("pipe-write", Box::new(move || write_all(to, &to_write)))?;
        spawn(
            "pipe-read",
            Box::new(move || match open() {
                Ok(from) => {
                    let _ = told.send(Ok(Vec::new()));
                    read_all(from, &told);
                }
                Err(e) => drop(told.send(Err(e.to_string()))),
            }),
        )?;
        Ok(PipePeer {
            sending: Some(sending),
            received,
            decoder: MessageDecoder::default(),
            waiting: VecDeque::new(),
            undecoded: Vec::new(),
            last: Vec::new(),
            packets: Vec::new(),
            is_open: false,
            has_ended: false,
            process: None,
            recording: None,
        })
    }

    /// A connection through `command`, which the shell runs with `%h` and `%p` replaced by the host
    /// and the port of `address`. It must send what it reads on its standard input, and write what
    /// comes to its standard output, as `nc -N %h %p` does.
    ///
    /// # Errors
    /// The address is not `HOST:PORT`, or the shell cannot be started.
    pub fn spawn(command: &str, address: &str) -> Result<PipePeer, String> {
        let (host, port) = host_and_port(address)
            .ok_or_else(|| format!("{address}: not HOST:PORT, which %h and %p stand for"))?;
        let line = command.replace("%h", host).replace("%p", port);
        let named = |e: io::Error| format!("{line}: {e}");
        let mut child = Command::new("sh")
            .args(["-c", &line])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A `close` ends all processes of the command.
            .process_group(0)
            .spawn()
            .map_err(named)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{line}: it has no pipes"));
        };
        let mut peer = PipePeer::new(to, || Ok(from))?;
        peer.process = Some(child);
        Ok(peer)
    }

    /// A connection through the standard output and a FIFO that brings what the server says.
    ///
    /// # Errors
    /// The path is no FIFO.
    pub fn standard(replies: PathBuf) -> Result<PipePeer, String> {
        use std::os::unix::fs::FileTypeExt;
        let named = |e: io::Error| format!("{}: {e}", replies.display());
        if !std::fs::metadata(&replies)
            .map_err(named)?
            .file_type()
            .is_fifo()
        {
            return Err(format!(
                "{0}: not a FIFO; `mkfifo {0}` makes one",
                replies.display()
            ));
        }
        PipePeer::new(StandardOutput, move || File::open(replies))
    }

    /// Hands the bytes to the recorder when the connection is dropped.
    pub fn record(&mut self, recorder: ConnectionRecorder) {
        self.recording = Some((recorder, ConnectionBytes::default()));
    }

    /// Takes a chunk that was read.
    fn take(&mut self, chunk: Result<PipeChunk, RecvTimeoutError>) {
        match chunk {
            Ok(Ok(bytes)) => {
                self.is_open = true;
                if let Some((_, recorded)) = &mut self.recording {
                    recorded.received.extend_from_slice(&bytes);
                }
                self.undecoded.extend_from_slice(&bytes);
                self.decoder.extend(&bytes);
                while let Some(part) = self.decoder.next_message() {
                    let arrival = match part {
                        StreamPart::Message(text) => Arrival::Message(text),
                        StreamPart::Broken(why) => Arrival::Broken(why),
                    };
                    let left = self.decoder.buffered();
                    let taken = self.undecoded.len().saturating_sub(left);
                    let bytes = self.undecoded.drain(..taken).collect();
                    let packets = self.decoder.packets().to_vec();
                    self.waiting.push_back((arrival, bytes, packets));
                }
            }
            Ok(Err(why)) => self.end(Arrival::Failed(why)),
            Err(RecvTimeoutError::Disconnected) if self.decoder.is_partial() => {
                let why = "the connection ends inside a message".to_owned();
                self.end(Arrival::Broken(why));
            }
            Err(RecvTimeoutError::Disconnected) => self.end(Arrival::End),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }

    fn end(&mut self, arrival: Arrival) {
        self.has_ended = true;
        let bytes = std::mem::take(&mut self.undecoded);
        self.waiting.push_back((arrival, bytes, Vec::new()));
    }
}

impl Peer for PipePeer {
    fn send(&mut self, bytes: &[u8], _line: &str) -> Result<(), String> {
        let sending = self
            .sending
            .as_ref()
            .ok_or("our side of the connection has ended")?;
        sending
            .send_timeout(bytes.to_vec(), SEND_TIMEOUT)
            .map_err(|_| "the program between takes no more bytes".to_owned())?;
        self.decoder.note(bytes);
        if let Some((_, recorded)) = &mut self.recording {
            recorded.sent.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn half(&mut self) -> Result<(), String> {
        self.sending = None;
        Ok(())
    }

    /// `nc` ends when both sides have ended, and not when the server alone has.
    fn expect_end(&mut self) {
        self.sending = None;
    }

    fn receive(&mut self, until: Instant) -> Option<Arrival> {
        loop {
            if let Some((arrival, bytes, packets)) = self.waiting.pop_front() {
                self.last = bytes;
                self.packets = packets;
                return Some(arrival);
            }
            if self.has_ended {
                self.last.clear();
                self.packets.clear();
                return Some(Arrival::End);
            }
            let chunk = self.received.recv_deadline(until);
            self.take(chunk);
            if self.waiting.is_empty() && Instant::now() >= until {
                return None;
            }
        }
    }

    fn bytes_of_last(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.last)
    }

    fn packets_of_last(&self) -> &[usize] {
        &self.packets
    }
}

impl Drop for PipePeer {
    fn drop(&mut self) {
        self.sending = None;
        if let Some(process) = &mut self.process {
            let until = Instant::now() + CLOSE_TIMEOUT;
            while matches!(process.try_wait(), Ok(None)) && Instant::now() < until {
                // What still comes is read, so that the program between is not kept from ending.
                let _ = self.received.recv_timeout(CLOSE_INTERVAL);
            }
            let group = i32::try_from(process.id()).ok().and_then(Pid::from_raw);
            if let (Ok(None), Some(group)) = (process.try_wait(), group) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = process.wait();
        } else {
            if !self.is_open {
                let _ = self.received.recv_timeout(OPEN_TIMEOUT);
            }
            // Whoever writes the replies is not cut off before the last of them.
            let until = Instant::now() + CLOSE_TIMEOUT;
            while let Ok(Ok(_)) = self.received.recv_deadline(until) {}
        }
        if let Some((recorder, recorded)) = self.recording.take() {
            recorder.add(recorded);
        }
    }
}

/// Writes what comes until the channel is closed. After a failure it takes no more.
fn write_all(mut to: impl Write, chunks: &Receiver<Vec<u8>>) {
    for bytes in chunks {
        if to.write_all(&bytes).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}

/// Reads until the end, also when nobody takes it any more: the other end would be stopped.
fn read_all(mut from: impl Read, told: &Sender<PipeChunk>) {
    let mut bytes = vec![0; READ_BYTES];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => return,
            Ok(size) => {
                let _ = told.send(Ok(bytes.get(..size).unwrap_or_default().to_vec()));
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                let _ = told.send(Err(e.to_string()));
                return;
            }
        }
    }
}

/// Host and port of `HOST:PORT` or `[HOST]:PORT`, if they can stand in a command without quotes. An
/// address may come from a server.
fn host_and_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    let inside = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host = inside.unwrap_or(host);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".:-_".contains(c);
    let good = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':')
        && host.chars().all(is_plain)
        && port.parse::<u16>().is_ok()
        && port.bytes().all(|c| c.is_ascii_digit());
    good.then_some((host, port))
}

/// The standard output, which ends when this is dropped.
struct StandardOutput;

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

impl Drop for StandardOutput {
    fn drop(&mut self) {
        let _ = io::stdout().flush();
        if let Ok(nothing) = File::options().write(true).open("/dev/null") {
            let _ = rustix::stdio::dup2_stdout(nothing);
        }
    }
}

/// Reaches the servers through a command: one process for each connection.
#[derive(Debug, Clone)]
pub struct CommandDialer {
    pub servers: Servers,
    /// As in [`PipePeer::spawn`].
    pub command: String,
}

impl Dialer for CommandDialer {
    fn connect(&mut self, target: &str, _within: Duration) -> Result<Box<dyn Peer>, String> {
        let mut peer = PipePeer::spawn(&self.command, &self.servers.resolve(target)?)?;
        if let Some(recorder) = &self.servers.recorder {
            peer.record(recorder.clone());
        }
        Ok(Box::new(peer))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        self.servers.hook(name)
    }
}

/// One connection that is there already, whatever a dialogue calls its target: `ptcat encode
/// --replies` between a dialogue and `nc`.
#[derive(Debug)]
pub struct PipelineDialer {
    pub peer: Option<PipePeer>,
    /// Runs the hooks.
    pub servers: Servers,
}

impl Dialer for PipelineDialer {
    fn connect(&mut self, _target: &str, _within: Duration) -> Result<Box<dyn Peer>, String> {
        let peer = self
            .peer
            .take()
            .ok_or("a pipeline has one connection, and it was opened before")?;
        Ok(Box::new(peer))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        self.servers.hook(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gets_host_and_port_and_nothing_that_a_shell_would_read() {
        let good = [
            ("localhost:2049", ("localhost", "2049")),
            ("[::1]:7", ("::1", "7")),
            ("h_1.example.org:65535", ("h_1.example.org", "65535")),
        ];
        for (address, parts) in good {
            assert_eq!(host_and_port(address), Some(parts));
        }
        for bad in [
            "a;b:1", "-e:1", "$(x):1", "a:99999", "a:+1", "a", ":1x", "a b:1",
        ] {
            assert_eq!(host_and_port(bad), None, "{bad}");
        }
    }
}
