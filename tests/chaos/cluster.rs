//! spec/chaos.md
//!
//! The PostgreSQL cluster that `tests/with-patroni` has started: two nodes of Patroni, three members
//! of etcd. What dies is started again by that program; here it is killed and stopped.

use crate::random::Random;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Names the folder of the cluster.
const FOLDER: &str = "PAPERTRADER_TEST_PATRONI";
/// The URL of its primary.
const DATABASE: &str = "PAPERTRADER_TEST_POSTGRES";
/// The cluster's name on the page.
const SCOPE: &str = "papertrader";
/// Members of etcd.
const ETCDS: u64 = 3;
/// How long the cluster may take to have a primary, or a standby that has all. It takes some seconds.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(100);
/// How long Patroni may take to answer a question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// One of the two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    One,
    Two,
}

impl Node {
    const ALL: [Node; 2] = [Node::One, Node::Two];

    fn name(self) -> &'static str {
        match self {
            Node::One => "node1",
            Node::Two => "node2",
        }
    }

    fn other(self) -> Node {
        match self {
            Node::One => Node::Two,
            Node::Two => Node::One,
        }
    }
}

/// The running cluster.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    /// Where Patroni answers, by node.
    addresses: [String; 2],
}

/// What happens to the cluster. Numbers of time are milliseconds.
#[derive(Debug, Clone)]
pub enum ClusterFault {
    /// PostgreSQL of the primary is killed; Patroni starts it again, or makes the other one primary.
    KillPrimary,
    /// Patroni of the primary is killed; its PostgreSQL is ended when it is started again.
    KillPatroni,
    /// Both are killed, and stay away until the other node is the primary.
    LosePrimary,
    /// PostgreSQL of the replica is killed.
    KillReplica,
    /// A member of etcd is killed.
    KillEtcd(u64),
    /// `patronictl switchover`.
    SwitchOver,
    /// All of the primary's processes stand still until the other node is the primary, and go on
    /// this much later.
    StopPrimary(u64),
    /// The same for a while that Patroni may not notice.
    PausePrimary(u64),
    /// Patroni of the primary stands still until the other node is the primary: there are two that
    /// take connections.
    StopPatroni(u64),
}

impl ClusterFault {
    pub fn draw(random: &mut Random) -> ClusterFault {
        match random.between(0, 11) {
            0..=2 => ClusterFault::KillPrimary,
            3 => ClusterFault::KillPatroni,
            4 | 5 => ClusterFault::LosePrimary,
            6 => ClusterFault::KillReplica,
            7 => ClusterFault::KillEtcd(random.between(1, ETCDS)),
            8 => ClusterFault::SwitchOver,
            9 => ClusterFault::StopPrimary(random.between(0, 3_000)),
            10 => ClusterFault::PausePrimary(random.between(50, 3_000)),
            _ => ClusterFault::StopPatroni(random.between(0, 3_000)),
        }
    }

    /// Each once, for the first rounds of a run: so that a short one has them all.
    pub fn first(random: &mut Random) -> Vec<ClusterFault> {
        vec![
            ClusterFault::KillPrimary,
            ClusterFault::KillPatroni,
            ClusterFault::KillEtcd(random.between(1, ETCDS)),
            ClusterFault::SwitchOver,
            ClusterFault::StopPrimary(random.between(0, 2_000)),
            ClusterFault::LosePrimary,
            ClusterFault::StopPatroni(random.between(0, 2_000)),
        ]
    }

    /// Processes that it kills.
    pub fn kills(&self) -> u64 {
        match self {
            ClusterFault::KillPrimary
            | ClusterFault::KillPatroni
            | ClusterFault::KillReplica
            | ClusterFault::KillEtcd(_) => 1,
            ClusterFault::LosePrimary => 2,
            ClusterFault::SwitchOver
            | ClusterFault::StopPrimary(_)
            | ClusterFault::PausePrimary(_)
            | ClusterFault::StopPatroni(_) => 0,
        }
    }

    /// Whether the replica is to become the primary.
    fn lets_take_over(&self) -> bool {
        matches!(
            self,
            ClusterFault::LosePrimary
                | ClusterFault::SwitchOver
                | ClusterFault::StopPrimary(_)
                | ClusterFault::StopPatroni(_)
        )
    }

    /// Lets it happen.
    pub fn inject(&self, cluster: &Cluster) {
        // Who is to take over must have all that was acknowledged.
        if self.lets_take_over() {
            cluster.until_whole();
        }
        let primary = cluster.primary();
        match self {
            ClusterFault::KillPrimary => cluster.kill_server(primary),
            ClusterFault::KillPatroni => {
                cluster.kill_daemon(primary.name());
            }
            ClusterFault::LosePrimary => {
                cluster.kill_daemon(primary.name());
                // The new Patroni has not looked at its server yet.
                let stopped = cluster.stop(&[cluster.daemon(primary.name())]);
                cluster.kill_server(primary);
                cluster.until_primary(primary.other());
                drop(stopped);
            }
            ClusterFault::KillReplica => cluster.kill_server(primary.other()),
            ClusterFault::KillEtcd(number) => {
                cluster.kill_daemon(&format!("etcd{number}"));
            }
            ClusterFault::SwitchOver => cluster.switch_over(),
            ClusterFault::StopPrimary(millis) => {
                let stopped = cluster.stop(&cluster.all_of(primary));
                cluster.until_primary(primary.other());
                thread::sleep(Duration::from_millis(*millis));
                drop(stopped);
            }
            ClusterFault::PausePrimary(millis) => {
                let stopped = cluster.stop(&cluster.all_of(primary));
                thread::sleep(Duration::from_millis(*millis));
                drop(stopped);
            }
            ClusterFault::StopPatroni(millis) => {
                let stopped = cluster.stop(&[cluster.daemon(primary.name())]);
                cluster.until_primary(primary.other());
                thread::sleep(Duration::from_millis(*millis));
                drop(stopped);
            }
        }
    }
}

/// Processes that stand still until this is dropped.
struct Stopped(Vec<Pid>);

impl Drop for Stopped {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}

impl Cluster {
    /// The cluster that runs beside this program; `None`: there is none.
    pub fn running() -> Option<Cluster> {
        let folder = PathBuf::from(std::env::var_os(FOLDER)?);
        let addresses = Node::ALL.map(|node| {
            let text = fs::read_to_string(folder.join(format!("{}.yml", node.name()))).unwrap();
            let (_, rest) = text.split_once("\nrestapi:\n  listen: ").unwrap();
            rest.lines().next().unwrap().to_owned()
        });
        Some(Cluster { folder, addresses })
    }

    /// The primary, which is waited for.
    fn primary(&self) -> Node {
        self.wait("there is a primary", || {
            Node::ALL.into_iter().find(|node| self.is(*node, "primary"))
        })
    }

    /// Waits until there is a primary, and a replica that has all that it answers: else orders would be
    /// lost by right.
    pub fn until_whole(&self) {
        self.wait("a primary and its synchronous replica", || {
            self.is_whole().then_some(())
        });
        let waits = self.waits_for_replica();
        // Patroni's word may be of a moment ago.
        assert!(
            waits || !self.is_whole(),
            "no commit waits for the replica that Patroni calls synchronous\n{}",
            self.log()
        );
    }

    /// Whether the primary's commits wait for a replica.
    fn waits_for_replica(&self) -> bool {
        let url = std::env::var(DATABASE).unwrap();
        let shown = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--command", "SHOW synchronous_standby_names", &url])
            .output()
            .unwrap();
        // One that cannot be asked is on its way.
        !shown.status.success() || shown.stdout != b"\n"
    }

    /// Whether there is a primary, and a replica that has all that it answers.
    pub fn is_whole(&self) -> bool {
        let is_primary = |node: &Node| self.is(*node, "primary");
        let primary = Node::ALL.into_iter().find(is_primary);
        primary.is_some_and(|primary| self.is(primary.other(), "synchronous"))
    }

    fn until_primary(&self, node: Node) {
        self.wait(&format!("{} is the primary", node.name()), || {
            self.is(node, "primary").then_some(())
        });
    }

    /// Whether Patroni says that its node is a `primary`, or `synchronous`.
    fn is(&self, node: Node, role: &str) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut connection = TcpStream::connect(&self.addresses[node as usize])?;
            connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
            write!(connection, "GET /{role} HTTP/1.0\r\n\r\n")?;
            let mut line = [0; 12];
            connection.read_exact(&mut line)?;
            Ok(line.ends_with(b" 200"))
        };
        ask().unwrap_or(false)
    }

    fn wait<T>(&self, what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = is_so() {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "waited {PATIENCE:?}: {what}\n{}",
                self.log()
            );
            thread::sleep(POLL);
        }
    }

    /// The ends of the nodes' logs.
    fn log(&self) -> String {
        let end = |node: Node| {
            let name = format!("{}.log", node.name());
            let text = fs::read_to_string(self.folder.join(&name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(40)..];
            format!("-- {name}\n{}\n", last.join("\n"))
        };
        Node::ALL.map(end).concat()
    }

    /// The process of a daemon that is started again by itself.
    fn daemon(&self, name: &str) -> Pid {
        let file = self.folder.join(format!("{name}.pid"));
        number(&fs::read_to_string(file).unwrap()).unwrap()
    }

    /// Kills a daemon, and waits until it has been started again.
    fn kill_daemon(&self, name: &str) {
        let old = self.daemon(name);
        let _ = kill_process(old, Signal::KILL);
        self.wait(&format!("{name} is started again"), || {
            (self.daemon(name) != old).then_some(())
        });
    }

    /// The first process of a node's PostgreSQL, while there is one.
    fn server(&self, node: Node) -> Option<Pid> {
        let file = self.folder.join(node.name()).join("postmaster.pid");
        let process = number(&fs::read_to_string(file).ok()?)?;
        // The file of a server that was killed stays.
        let name = fs::read_to_string(format!("/proc/{}/comm", process.as_raw_nonzero())).ok()?;
        (name.trim_end() == "postgres").then_some(process)
    }

    /// Kills a node's PostgreSQL: its other processes end by themselves where the first one is gone.
    fn kill_server(&self, node: Node) {
        if let Some(process) = self.server(node) {
            let _ = kill_process(process, Signal::KILL);
        }
    }

    /// All processes of a node: Patroni, PostgreSQL, and its sessions.
    fn all_of(&self, node: Node) -> Vec<Pid> {
        let mut all = vec![self.daemon(node.name())];
        if let Some(server) = self.server(node) {
            let first = server.as_raw_nonzero();
            let path = format!("/proc/{first}/task/{first}/children");
            let children = fs::read_to_string(path).unwrap_or_default();
            all.push(server);
            all.extend(children.split_whitespace().filter_map(number));
        }
        all
    }

    fn stop(&self, processes: &[Pid]) -> Stopped {
        for process in processes {
            let _ = kill_process(*process, Signal::STOP);
        }
        Stopped(processes.to_vec())
    }

    /// Lets Patroni exchange primary and replica.
    fn switch_over(&self) {
        let config = self.folder.join("node1.yml");
        let done = Command::new("patronictl")
            .arg("--config-file")
            .arg(config)
            .args(["switchover", "--force", SCOPE])
            .env("HOME", &self.folder)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(
            done.status.success(),
            "patronictl: {said}{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}

/// A process's number, at the beginning of a text. That of a server in its single-user mode, in which
/// Patroni has it recover from a crash, stands there below zero: nobody connects to it.
fn number(text: &str) -> Option<Pid> {
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    Pid::from_raw(Some(number).filter(|it| *it > 0)?)
}
