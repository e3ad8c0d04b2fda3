//! spec/dialogue.md · 4.3 The Connection
//!
//! Resolves the names `worker` and `master` of a fixture to servers.
//!
//! Tests: `src/dialogue/runner.rs`.

use super::link_peer;
use super::peer::{ConnectionRecorder, Peer, Tcp};
use crate::net::ClientTls;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Connects a run to its servers, and runs the hooks that `do NAME` names.
pub trait Dialer {
    /// Connects to a target as a fixture names it: `worker`, `worker2`, `master`, or `HOST:PORT`.
    ///
    /// # Errors
    /// An unknown target, or one that refuses the connection.
    fn connect(&mut self, target: &str, within: Duration) -> Result<Box<dyn Peer>, String>;

    /// Runs the hook of `do NAME` and waits for its end.
    ///
    /// # Errors
    /// An unknown hook, or one that failed.
    fn hook(&mut self, name: &str) -> Result<(), String>;
}

/// The servers that a command line names, reached over TCP, plain or with TLS.
#[derive(Debug, Clone)]
pub struct Servers {
    /// `HOST:PORT` of each worker; the first one is `worker` and `worker1`.
    pub workers: Vec<String>,
    /// `HOST:PORT` of the master.
    pub master: Option<String>,
    /// Whether workers are spoken to with TLS, and which certificates are trusted.
    pub security: ClientTls,
    /// The shell command of each hook, by its name.
    pub hooks: BTreeMap<String, String>,
    /// The configuration of a registered worker that does not run, in whose name dialogues link.
    pub link: Option<PathBuf>,
    /// What the last handshake of a link sent.
    pub handshake: Vec<u8>,
    /// Keeps the bytes of every connection, if they are wanted.
    pub recorder: Option<ConnectionRecorder>,
}

impl Default for Servers {
    /// None, in plain text.
    fn default() -> Servers {
        Servers {
            workers: Vec::new(),
            master: None,
            security: ClientTls::plain(),
            hooks: BTreeMap::new(),
            link: None,
            handshake: Vec::new(),
            recorder: None,
        }
    }
}

impl Servers {
    /// The `HOST:PORT` of a target.
    ///
    /// # Errors
    /// An unknown target, or one whose address was not given.
    pub fn resolve(&self, target: &str) -> Result<String, String> {
        if target == "master" {
            return self
                .master
                .clone()
                .ok_or("the master's address was not given (--master)".to_owned());
        }
        if target.contains(':') {
            return Ok(target.to_owned());
        }
        let number = match target.strip_prefix("worker") {
            Some("") => Some(1),
            Some(number) => number.parse::<usize>().ok().filter(|n| *n > 0),
            None => None,
        };
        let number = number.ok_or(format!(
            "{target}: neither worker, workerN, master nor HOST:PORT"
        ))?;
        self.workers.get(number - 1).cloned().ok_or(format!(
            "{target}: the address of that worker was not given (--worker)"
        ))
    }
}

impl Dialer for Servers {
    fn connect(&mut self, target: &str, within: Duration) -> Result<Box<dyn Peer>, String> {
        if link_peer::is_link(target) {
            let config = self.link.as_deref().ok_or(
                "the configuration of a worker that does not run was not given (--link-worker)",
            )?;
            return link_peer::connect(config, target, within, &mut self.handshake);
        }
        // The specification defines the master's port as plain text.
        let plain = ClientTls::plain();
        let security = if target == "master" {
            &plain
        } else {
            &self.security
        };
        let tcp = Tcp::connect(&self.resolve(target)?, within, security)?;
        Ok(Box::new(tcp.recorded(self.recorder.clone())))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        let command = self
            .hooks
            .get(name)
            .ok_or(format!("nothing is given that does {name} (--on)"))?;
        let status = Command::new("sh")
            .arg("-c")
            .arg(command)
            .stdin(Stdio::null())
            // Standard output is the report's.
            .stdout(io::stderr())
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{command}: {status}")),
            Err(e) => Err(format!("{command}: {e}")),
        }
    }
}
