//! A daemon as the first process of a container: no zombies, its signals, its exit code.

use papertrader::testkit::{Deployment, TEST_TIMEOUT, eventually, program, until};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

/// Handshakes of a worker; each starts several processes of GnuPG.
const HANDSHAKES: usize = 10;

/// A program that is the first process of a process namespace. What is left of it is killed on drop.
struct FirstProcess {
    unshare: Child,
}

impl FirstProcess {
    fn start(name: &str, arguments: &[&str]) -> FirstProcess {
        let mut command = Command::new("unshare");
        if !geteuid().is_root() {
            command.args(["--user", "--map-current-user"]);
        }
        let unshare = command
            .args(["--pid", "--fork", "--mount-proc", "--kill-child=KILL"])
            .arg(program::find(name))
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        FirstProcess { unshare }
    }

    /// The first process itself, for one that goes on until it is ended.
    fn first(&self) -> Pid {
        let parent = self.unshare.id();
        eventually("the first process is there", || {
            children(parent).into_iter().next().map(|(pid, _)| pid)
        })
    }

    /// Processes whose parent has ended and that nobody has waited for.
    fn zombies(&self) -> usize {
        let children = children(self.first().as_raw_pid().unsigned_abs());
        children.iter().filter(|(_, state)| *state == 'Z').count()
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + TEST_TIMEOUT;
        loop {
            if let Some(status) = self.unshare.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the first process does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for FirstProcess {
    fn drop(&mut self) {
        let _ = self.unshare.kill();
        let _ = self.unshare.wait();
    }
}

/// The children of a process, with their states, as `/proc/PID/stat` has them.
fn children(parent: u32) -> Vec<(Pid, char)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let name = entry.unwrap().file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // It may have ended meanwhile.
        let stat = fs::read_to_string(Path::new("/proc").join(&name).join("stat"));
        let stat = stat.unwrap_or_default();
        let mut fields = stat.rsplit_once(") ").unwrap_or_default().1.split(' ');
        if let (Some(state), Some(of)) = (fields.next(), fields.next())
            && of.parse() == Ok(parent)
        {
            found.push((Pid::from_raw(pid).unwrap(), state.chars().next().unwrap()));
        }
    }
    found
}

/// Whether this machine has no namespaces: `tests/run` says it aloud.
fn is_without_namespaces() -> bool {
    std::env::var_os("WITHOUT_NAMESPACES").is_some()
}

#[test]
fn handshakes_leave_no_zombies() {
    if is_without_namespaces() {
        return;
    }
    let deployment = Deployment::new(1);
    let config = |name: &str| deployment.dir().join(name).to_str().unwrap().to_owned();
    let mut master =
        FirstProcess::start("papertrader-master", &["--config", &config("master.toml")]);
    until("the master serves", || {
        deployment.ctl("status").status.success()
    });
    let mut worker = FirstProcess::start(
        "papertrader-worker",
        &["--config", &config("worker-1.toml")],
    );
    deployment.await_state("worker-1", "connected");
    for _ in 0..HANDSHAKES {
        deployment.done("workers boot worker-1");
        deployment.await_state("worker-1", "booted");
        deployment.done("workers admit worker-1");
        deployment.await_state("worker-1", "connected");
    }
    for daemon in [&mut worker, &mut master] {
        // The last ones may end now.
        until("no zombie is left", || daemon.zombies() == 0);
        kill_process(daemon.first(), Signal::TERM).unwrap();
        assert_eq!(daemon.wait().code(), Some(0));
    }
}

#[test]
fn the_exit_code_is_the_programs_own() {
    if is_without_namespaces() {
        return;
    }
    let mut wrong = FirstProcess::start("papertrader-master", &["--config", "/nonexistent"]);
    assert_eq!(wrong.wait().code(), Some(78));

    let deployment = Deployment::new(1);
    let config = deployment.dir().join("master.toml");
    let arguments = ["--config", config.to_str().unwrap()];
    let mut killed = FirstProcess::start("papertrader-master", &arguments);
    until("the master serves", || {
        deployment.ctl("status").status.success()
    });
    // The daemon is the child that is no process of GnuPG.
    let daemon = children(killed.first().as_raw_pid().unsigned_abs())
        .into_iter()
        .map(|(pid, _)| pid)
        .find(|pid| {
            let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_pid()));
            name.is_ok_and(|name| name.starts_with("papertrader"))
        })
        .unwrap();
    kill_process(daemon, Signal::KILL).unwrap();
    assert_eq!(killed.wait().code(), Some(128 + 9));
}
