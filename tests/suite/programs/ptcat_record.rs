//! `ptcat record`: the real client and a dialogue through it, and the recordings run again.

use crate::programs::ptcat::{ANSWERS, ptcat, server, text};
use papertrader::testkit::Deployment;
use papertrader::testkit::program::find;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A recording under way.
struct Recorder {
    child: Child,
    said: BufReader<ChildStderr>,
    address: String,
}

impl Recorder {
    fn start(worker: &str, file: &Path) -> Recorder {
        let mut child = Command::new(find("ptcat"))
            .args(["record", "--listen", "0", "--to", worker, "-o"])
            .arg(file)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let behind = line.split_once("listening on ").unwrap().1;
        let address = behind.split_once(',').unwrap().0.to_owned();
        Recorder {
            child,
            said,
            address,
        }
    }

    /// Ends it as Ctrl-C does. What it said.
    fn end(mut self) -> String {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        said
    }
}

/// The client of a person, whose sessions are in this folder.
fn papertrader(folder: &Path, server: &str, arguments: &[&str], password: &str) -> String {
    let mut child = Command::new(find("papertrader"))
        .args(["--server", server])
        .args(arguments)
        .env("HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .env("XDG_STATE_HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = writeln!(child.stdin.take().unwrap(), "{password}");
    let out = child.wait_with_output().unwrap();
    assert!(
        out.status.success(),
        "{arguments:?}: {}{}",
        text(&out.stdout),
        text(&out.stderr)
    );
    text(&out.stdout).to_owned()
}

fn runs_again(file: &Path, deployment: &Deployment) {
    let worker = deployment.worker(1).address();
    for _ in 0..2 {
        let out = ptcat(&["run", "-v", file.to_str().unwrap(), &worker], b"");
        let recording = std::fs::read_to_string(file).unwrap();
        assert!(out.status.success(), "{}\n{recording}", text(&out.stderr));
    }
}

#[test]
fn the_real_client_is_recorded_and_the_recording_runs_again() {
    let recorded = Deployment::running(1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.pt");
    let recorder = Recorder::start(&recorded.worker(1).address(), &file);
    let person = |arguments: &[&str]| {
        papertrader(
            folder.path(),
            &recorder.address,
            arguments,
            "a pass phrase of mine",
        )
    };
    person(&[
        "register",
        "alice",
        "alice@home.example",
        "--password-stdin",
    ]);
    person(&["login", "alice", "--password-stdin"]);
    person(&["buy", "AAPL", "2", "--yes"]);
    person(&["portfolio"]);
    person(&["logout"]);
    let said = recorder.end();
    assert!(said.contains(" messages recorded"), "{said}");
    let recording = std::fs::read_to_string(&file).unwrap();
    for part in [
        "> register {alice} {alice}.0@example.org {hash:alice}",
        "> login {alice} {hash:alice} ",
        "< sessionID {sid} *",
        " {sid} AAPL 2",
        "> logout {sid}",
    ] {
        assert!(recording.contains(part), "{part} is not in\n{recording}");
    }
    assert!(!recording.contains("home.example"), "{recording}");
    drop(recorded);
    // Nothing of the recording is left but its file.
    runs_again(&file, &Deployment::running(1));
}

#[test]
fn dialogues_are_recorded_and_their_recordings_run_again() {
    let deployment = Deployment::running(1);
    let folder = tempfile::tempdir().unwrap();
    for name in ["purchase", "frames", "states", "password-change"] {
        let file = folder.path().join(format!("{name}.pt"));
        let recorder = Recorder::start(&deployment.worker(1).address(), &file);
        let fixture = format!("{}/tests/fixtures/{name}.pt", env!("CARGO_MANIFEST_DIR"));
        let out = ptcat(
            &["run", &fixture, &recorder.address, "--within", "60s"],
            b"",
        );
        assert!(out.status.success(), "{name}: {}", text(&out.stderr));
        recorder.end();
        runs_again(&file, &deployment);
    }
}

#[test]
fn what_is_wrong_is_told() {
    let address = server(ANSWERS);
    let both = ["--listen", "0", "--listen", "0", "--to", &address];
    let out = ptcat(&[&["record"], &both[..]].concat(), b"");
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("each --listen needs its --to"));
    let out = ptcat(
        &[
            "record",
            "--listen",
            "0",
            "--to",
            &address,
            "-o",
            "/nowhere/r.pt",
        ],
        b"",
    );
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("/nowhere/r.pt: "));
    // Nobody is at the other end: the client is told by the end, and the operator in words.
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start("127.0.0.1:1", &folder.path().join("r.pt"));
    let out = ptcat(
        &["run", "-", &recorder.address],
        b"1 connect worker\n1 closed\n",
    );
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert!(recorder.end().contains("127.0.0.1:1: Connection refused"));
}
