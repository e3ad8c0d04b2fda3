//! spec/testkit/admin.md · 3.1.1 deployment and running stage
//!
//! What an administrator does to a deployment, by `papertraderctl`.

use super::deployment::Deployment;
use super::eventually;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Output;

impl Deployment {
    /// The control socket.
    pub fn socket(&self) -> PathBuf {
        self.layout().control_socket()
    }

    /// Runs a command of `papertraderctl`, and what came of it.
    pub fn ctl(&self, line: &str) -> Output {
        let socket = self.socket();
        let mut arguments = vec!["--socket", socket.to_str().unwrap()];
        arguments.extend(line.split_whitespace());
        self.run("papertraderctl", &arguments)
    }

    /// A command that is done: what it printed.
    pub fn done(&self, line: &str) -> String {
        let output = self.ctl(line);
        let (text, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{line}: {text}{errors}");
        assert_eq!(errors, "", "{line}");
        text
    }

    /// What a command tells programs.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.done(&format!("--json {line}"))).unwrap()
    }

    /// A command that is refused with exit code 1: why.
    pub fn refused(&self, line: &str) -> String {
        let output = self.ctl(line);
        let (text, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{line}: {text}{errors}");
        errors
    }

    /// Waits until a worker is in a state.
    pub fn await_state(&self, name: &str, state: &str) {
        eventually(&format!("{name} is {state}"), || {
            (self.json(&format!("workers show {name}"))["state"] == state).then_some(())
        });
    }
}

/// Standard output and standard error.
pub fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}
