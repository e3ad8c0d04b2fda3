//! spec/testkit.md · 3.1.5 Worker Management
//!
//! Runs `papertraderctl` on a deployment.

use super::deployment::Deployment;
use super::eventually;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Output;

impl Deployment {
    /// The path of the control socket.
    pub fn socket(&self) -> PathBuf {
        self.layout().control_socket()
    }

    /// Runs a command of `papertraderctl`; returns its output.
    pub fn ctl(&self, line: &str) -> Output {
        let socket = self.socket();
        let mut arguments = vec!["--socket", socket.to_str().unwrap()];
        arguments.extend(line.split_whitespace());
        self.run("papertraderctl", &arguments)
    }

    /// Runs a command that must succeed; returns what it printed.
    pub fn done(&self, line: &str) -> String {
        let output = self.ctl(line);
        let (text, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{line}: {text}{errors}");
        assert_eq!(errors, "", "{line}");
        text
    }

    /// Runs a command with `--json`; returns what it printed.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.done(&format!("--json {line}"))).unwrap()
    }

    /// Runs a command that must fail with exit code 1; returns its error text.
    pub fn refused(&self, line: &str) -> String {
        let output = self.ctl(line);
        let (text, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{line}: {text}{errors}");
        errors
    }

    /// Asserts that `verify` finds no difference between the ledger and what follows from it.
    /// `what` names the case.
    pub fn assert_sound(&self, what: &str) {
        let report = self.json("verify");
        let differences = report["differences"].as_array().unwrap();
        assert!(differences.is_empty(), "{what}: {report}");
    }

    /// Waits until a worker has this state.
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
