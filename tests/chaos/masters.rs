//! spec/chaos.md
//!
//! The masters of a run: which of two leads, what has ended by itself and is started again as systemd
//! does, and how long the other one takes to lead.

use crate::cluster::Cluster;
use papertrader::admin::protocol::{AdminAnswer, AdminRequest, AdminResponse};
use papertrader::daemon::{FAILED, SUPERSEDED};
use papertrader::testkit::{Daemon, Deployment, busy};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

/// For how long a master of two leads once it has said that it does. Rounds are short, so it is.
pub const LEASE: &str = "3s";
/// How long it may take until a master leads, whose database may be on its way to another node.
const PATIENCE: Duration = Duration::from_secs(180);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(50);
/// A master that has ended by itself is started again after this time.
const RESTART_DELAY: Duration = Duration::from_millis(500);
/// How long a master may take to answer on its control socket. One that is stopped never does.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// A successor that does not come keeps others away for one lease. Then the one before may lead again.
const SUCCESSION_TIMEOUT: Duration = Duration::from_secs(20);
/// How soon the other master leads where its database is there and no other work keeps the machine.
const TAKE_OVER_MAX: Duration = Duration::from_secs(10);

/// What is counted of the masters.
#[derive(Debug, Default)]
pub struct MasterCounts {
    /// Masters that served, and ended by themselves with exit code 1: their server did not tell
    /// whether something was stored.
    pub failed: u64,
    /// The same with exit code 75: their lease was over, or the server silent.
    pub superseded: u64,
    /// Starts of a master that did not reach its server.
    pub failed_starts: u64,
    /// How often a master stepped down and led again, since its successor did not come.
    pub in_vain: u64,
    /// How long the other master took to lead, by what had happened.
    take_overs: BTreeMap<&'static str, Vec<Duration>>,
}

/// The masters of a run.
#[derive(Debug, Default)]
pub struct Masters {
    pub counts: MasterCounts,
    /// When each one was started last, by name.
    started: BTreeMap<String, Instant>,
}

/// A take-over that is under way.
#[derive(Debug)]
pub struct TakeOver {
    what: &'static str,
    since: Instant,
    /// Whether the database and the other master were there when it began.
    was_whole: bool,
}

impl Masters {
    /// The master that leads, which is waited for. Masters that have ended by themselves, or were
    /// killed, are started again.
    pub fn leader<'a>(&mut self, deployment: &'a Deployment) -> &'a Daemon {
        if deployment.standby().is_none() {
            return deployment.master();
        }
        self.wait(deployment, "a master leads", |masters| {
            masters.revive(deployment);
            let leads = |master: &&Daemon| leads(deployment, master);
            deployment.masters().find(leads)
        })
    }

    /// The one that leads, which is waited for, and the other one.
    pub fn both<'a>(&mut self, deployment: &'a Deployment) -> (&'a Daemon, &'a Daemon) {
        let leader = self.leader(deployment);
        (leader, other(deployment, leader))
    }

    /// Waits until one master leads and the other one stands by.
    pub fn until_whole(&mut self, deployment: &Deployment) {
        if deployment.standby().is_none() {
            return;
        }
        self.wait(deployment, "one leads and one stands by", |masters| {
            masters.revive(deployment);
            is_whole(deployment).then_some(())
        });
    }

    /// Waits until all workers serve, which they do once they have had a link.
    pub fn until_workers_serve(&mut self, deployment: &Deployment) {
        self.wait(deployment, "the workers serve", |masters| {
            masters.revive(deployment);
            for worker in deployment.workers() {
                assert!(worker.fallen().is_none(), "{}", worker.log());
            }
            let serves = |worker: &Daemon| worker.has_served();
            deployment.workers().iter().all(serves).then_some(())
        });
    }

    /// Starts the masters that do not run.
    pub fn revive(&mut self, deployment: &Deployment) {
        for master in deployment.masters() {
            self.revive_one(master);
        }
    }

    fn revive_one(&mut self, master: &Daemon) {
        let had_served = master.is_started() && master.has_served();
        if let Some(status) = master.fallen() {
            self.ended(master, status, had_served);
            master.kill();
        }
        let is_early = |started: &Instant| started.elapsed() < RESTART_DELAY;
        if master.is_started() || self.started.get(master.name()).is_some_and(is_early) {
            return;
        }
        master.spawn();
        self.started
            .insert(master.name().to_owned(), Instant::now());
    }

    /// Counts a master that has ended by itself, which it may with exit codes 1 and 75 alone.
    pub fn ended(&mut self, master: &Daemon, status: ExitStatus, had_served: bool) {
        let log = || master.log();
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        let lost = "commits that the server has acknowledged";
        assert!(!log().contains(lost), "commits are lost:\n{}", log());
        let count = match (code, had_served) {
            (Some(FAILED), true) => &mut self.counts.failed,
            (Some(FAILED), false) => &mut self.counts.failed_starts,
            (Some(SUPERSEDED), _) => &mut self.counts.superseded,
            _ => panic!("{} has ended with {status}:\n{}", master.name(), log()),
        };
        *count += 1;
    }

    /// Begins to measure a take-over. Call it right before what causes it.
    pub fn take_over(
        &self,
        what: &'static str,
        deployment: &Deployment,
        cluster: Option<&Cluster>,
    ) -> TakeOver {
        let was_whole = cluster.is_none_or(Cluster::is_whole) && is_whole(deployment);
        TakeOver {
            what,
            since: Instant::now(),
            was_whole,
        }
    }

    /// Waits until this master leads, which is started again where it ends.
    pub fn until_leads(&mut self, deployment: &Deployment, master: &Daemon, take_over: TakeOver) {
        self.wait(deployment, "the other master leads", |masters| {
            masters.revive_one(master);
            leads(deployment, master).then_some(())
        });
        self.record(&take_over);
    }

    /// Waits until this master leads, or the one before does again.
    pub fn until_succeeds(
        &mut self,
        deployment: &Deployment,
        master: &Daemon,
        take_over: TakeOver,
    ) {
        let before = other(deployment, master);
        let is_successor = self.wait(deployment, "the successor leads", |masters| {
            masters.revive(deployment);
            if leads(deployment, master) {
                return Some(true);
            }
            let is_late = take_over.since.elapsed() > SUCCESSION_TIMEOUT;
            (is_late && leads(deployment, before)).then_some(false)
        });
        if is_successor {
            self.record(&take_over);
        } else {
            self.counts.in_vain += 1;
        }
    }

    fn record(&mut self, take_over: &TakeOver) {
        let took = take_over.since.elapsed();
        let what = if take_over.was_whole {
            assert!(took < busy(TAKE_OVER_MAX), "{take_over:?} took {took:?}");
            take_over.what
        } else {
            "while the database or the standby was away too"
        };
        self.counts.take_overs.entry(what).or_default().push(took);
    }

    fn wait<T>(
        &mut self,
        deployment: &Deployment,
        what: &str,
        mut is_so: impl FnMut(&mut Masters) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = is_so(self) {
                return found;
            }
            let log = || deployment.masters().map(Daemon::log).collect::<String>();
            assert!(
                Instant::now() < deadline,
                "waited {PATIENCE:?}: {what}\n{}",
                log()
            );
            thread::sleep(POLL);
        }
    }
}

impl MasterCounts {
    /// A line for each cause of take-overs.
    pub fn take_overs(&self) -> Vec<String> {
        let line = |(what, took): (&&str, &Vec<Duration>)| {
            let mut took = took.clone();
            took.sort();
            let seconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f32);
            format!(
                "{what}: {}, median {:.1} s, longest {:.1} s",
                took.len(),
                seconds(took.get(took.len() / 2)),
                seconds(took.last())
            )
        };
        self.take_overs.iter().map(line).collect()
    }
}

/// The master that is not this one.
fn other<'a>(deployment: &'a Deployment, master: &Daemon) -> &'a Daemon {
    let is_other = |it: &&Daemon| it.name() != master.name();
    deployment.masters().find(is_other).unwrap()
}

/// Whether one master leads, and the other one stands by and sees it.
fn is_whole(deployment: &Deployment) -> bool {
    let (mut leading, mut standing_by) = (0, 0);
    for master in deployment.masters() {
        match ask(deployment, master, &AdminRequest::Status) {
            Some(AdminAnswer::Status(_)) => leading += 1,
            Some(AdminAnswer::StandingBy(status)) if status.problem.is_none() => standing_by += 1,
            _ => {}
        }
    }
    (leading, standing_by) == (1, 1)
}

fn leads(deployment: &Deployment, master: &Daemon) -> bool {
    let answer = ask(deployment, master, &AdminRequest::Status);
    matches!(answer, Some(AdminAnswer::Status(_)))
}

/// Has the leader step down, if it knows somebody who stands by.
pub fn step_down(deployment: &Deployment, leader: &Daemon) -> bool {
    let answer = ask(deployment, leader, &AdminRequest::StepDown);
    matches!(answer, Some(AdminAnswer::SteppingDown { .. }))
}

/// Asks a master over its control socket. `None`: it does not run, does not answer, or refuses.
fn ask(deployment: &Deployment, master: &Daemon, request: &AdminRequest) -> Option<AdminAnswer> {
    let path = deployment.dir().join(format!("{}.sock", master.name()));
    let mut stream = UnixStream::connect(path).ok()?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
    let mut line = serde_json::to_vec(request).unwrap();
    line.push(b'\n');
    stream.write_all(&line).ok()?;
    let mut lines = BufReader::new(stream).lines();
    loop {
        match serde_json::from_str(&lines.next()?.ok()?).unwrap() {
            AdminResponse::Working | AdminResponse::Piece(_) => {}
            AdminResponse::Done(answer) => return Some(answer),
            AdminResponse::Refused(_) => return None,
        }
    }
}
