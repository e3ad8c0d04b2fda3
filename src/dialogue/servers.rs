//! spec/dialogue/servers.md · 4.3 The Connection
//!
//! How a run reaches what a fixture calls `worker` and `master`.

use super::peer::{Peer, Tcp};
use std::collections::BTreeMap;
use std::time::Duration;

/// How a run reaches the servers, and what it can have done from outside.
pub trait Dialer {
    /// Connects to what a fixture calls `target`: `worker`, `worker2`, `master`, or `HOST:PORT`.
    ///
    /// # Errors
    /// No such target, or nobody there.
    fn connect(&mut self, target: &str, within: Duration) -> Result<Box<dyn Peer>, String>;

    /// Does what `do NAME` asks for.
    ///
    /// # Errors
    /// Unknown, or it failed.
    fn hook(&mut self, name: &str) -> Result<(), String>;
}

/// The servers that a command line names, over plain TCP.
#[derive(Debug, Clone, Default)]
pub struct Servers {
    /// `HOST:PORT` of the workers, `worker` or `worker1` first.
    pub workers: Vec<String>,
    /// `HOST:PORT` of the master.
    pub master: Option<String>,
    /// Shell commands for `do NAME`.
    pub hooks: BTreeMap<String, String>,
}

impl Servers {
    /// What a target's name stands for.
    ///
    /// # Errors
    /// A name that stands for nothing here.
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
        let number = number.ok_or(format!("{target}: neither worker, workerN, master nor HOST:PORT"))?;
        self.workers.get(number - 1).cloned().ok_or(format!(
            "{target}: the address of that worker was not given (--worker)"
        ))
    }
}

impl Dialer for Servers {
    fn connect(&mut self, target: &str, within: Duration) -> Result<Box<dyn Peer>, String> {
        Ok(Box::new(Tcp::connect(&self.resolve(target)?, within)?))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        let command = self
            .hooks
            .get(name)
            .ok_or(format!("nothing is given that does {name} (--on)"))?;
        let status = std::process::Command::new("sh").arg("-c").arg(command).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{command}: {status}")),
            Err(e) => Err(format!("{command}: {e}")),
        }
    }
}
