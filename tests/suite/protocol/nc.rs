//! A dialogue's connections as a person without our library has them: `ptcat encode | nc HOST PORT
//! | ptcat decode`.

use papertrader::dialogue::peer::{Arrival, Peer};
use papertrader::dialogue::servers::{Dialer, Servers};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Reaches the servers through nc.
pub struct Nc(pub Servers);

impl Dialer for Nc {
    fn connect(&mut self, target: &str, _within: Duration) -> Result<Box<dyn Peer>, String> {
        Ok(Box::new(Pipe::open(&self.0.resolve(target)?)))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        Err(format!("{name}: nobody does it here"))
    }
}

/// The three processes of a connection.
struct Pipe {
    /// Lines to `ptcat encode`; gone once our side has ended.
    lines: Option<ChildStdin>,
    /// The same lines to `ptcat decode`, which learns from them what a transfer carries.
    requests: File,
    arrivals: Receiver<String>,
    processes: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Pipe {
    fn open(address: &str) -> Pipe {
        let (host, port) = address.rsplit_once(':').unwrap();
        let ptcat = papertrader::testkit::program::find("ptcat");
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("requests");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        let piped = |command: &mut Command| {
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap()
        };
        let mut encode = piped(Command::new(&ptcat).arg("encode").stdin(Stdio::piped()));
        let frames = encode.stdout.take().unwrap();
        // -N: an end of what is sent becomes an end of the connection's sending side.
        let mut nc = piped(Command::new("nc").args(["-N", host, port]).stdin(frames));
        let bytes = nc.stdout.take().unwrap();
        let mut decode = piped(
            Command::new(&ptcat)
                .args(["decode", "--requests"])
                .arg(&fifo)
                .stdin(bytes),
        );
        let requests = OpenOptions::new().write(true).open(&fifo).unwrap();
        let (told, arrivals) = channel();
        let out = BufReader::new(decode.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines() {
                let Ok(line) = line else { return };
                if told.send(line).is_err() {
                    return;
                }
            }
        });
        Pipe {
            lines: encode.stdin.take(),
            requests,
            arrivals,
            processes: vec![encode, nc, decode],
            _folder: folder,
        }
    }
}

impl Peer for Pipe {
    fn send(&mut self, _bytes: &[u8], line: &str) -> Result<(), String> {
        let lines = self.lines.as_mut().ok_or("nothing more can be sent")?;
        writeln!(self.requests, "{line}").map_err(|e| e.to_string())?;
        writeln!(lines, "{line}").map_err(|e| e.to_string())
    }

    fn half(&mut self) -> Result<(), String> {
        self.lines = None;
        Ok(())
    }

    /// nc ends only when both sides have.
    fn expect_end(&mut self) {
        self.lines = None;
    }

    fn receive(&mut self, until: Instant) -> Option<Arrival> {
        match self
            .arrivals
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            Ok(line) if line.starts_with("malformed:") => Some(Arrival::Broken(line)),
            Ok(line) => Some(Arrival::Message(line)),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Arrival::End),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
