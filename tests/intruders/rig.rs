//! A master, an honest worker with a person who trades through it, and helpers for intruders.

use crate::trade::{self, Latency, Trader};
use papertrader::client::{Client, ConnectOptions};
use papertrader::link::handshake::{
    self, HandshakeError, ProvenLink, VERSION, WorkerHandshake, WorkerIdentity,
};
use papertrader::link::keyring::Keyring;
use papertrader::master::workers::{register_offline, registry::Registration};
use papertrader::model::Fingerprint;
use papertrader::model::{Email, HashedPass, Timestamp, Username};
use papertrader::testkit::Place;
use papertrader::testkit::{Deployment, eventually};
use papertrader::wire::{FrameHeader, Instruction, frame};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

pub const PATIENCE: Duration = Duration::from_secs(20);

/// Lines a minute that the master logs for one reason, at most.
pub const LOGGED_MAX: usize = 20;

/// Reasons of the master for refusing more checks than its budget. A fast machine exceeds the
/// budget: the attempt is then repeated, and these refusals are counted separately.
const OVERLOADED: [&str; 2] = ["gpg-budget", "too-many-under-way"];

pub struct IntruderRig {
    pub deployment: Deployment,
    /// Lines of the log about refusals that were checked.
    seen: usize,
    /// Refusals that were checked, by reason.
    counted: BTreeMap<String, u64>,
    /// Refusals that said the master is overloaded.
    overloaded: Cell<u64>,
    began: Instant,
}

/// A key pair in a GPG home of its own that trusts the master's key.
pub struct Party {
    pub home: Keyring,
    pub key: Fingerprint,
}

pub fn gpg(home: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("gpg")
        .arg("--homedir")
        .arg(home)
        .args(["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"])
        .args(["--passphrase", ""])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "gpg {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

pub fn username() -> Username {
    Username::parse("alice").unwrap()
}

pub fn pass() -> HashedPass {
    HashedPass::parse(&"a".repeat(64)).unwrap()
}

impl IntruderRig {
    pub fn new(deployment: Deployment) -> IntruderRig {
        IntruderRig {
            deployment,
            seen: 0,
            counted: BTreeMap::new(),
            overloaded: Cell::new(0),
            began: Instant::now(),
        }
    }

    /// Starts all daemons, and registers a person.
    pub fn begin(&mut self) {
        self.deployment.restart_killed();
        let email = Email::parse("alice@example.org").unwrap();
        self.client()
            .register(&username(), &email, &pass())
            .unwrap();
    }

    pub fn party(&self, name: &str) -> Party {
        let home = Keyring::create(&self.deployment.dir().join(name)).unwrap();
        let key = home.generate(name).unwrap();
        self.trust_master(&home);
        Party { home, key }
    }

    pub fn trust_master(&self, home: &Keyring) {
        let master = &self.deployment.keyring(Place::Master);
        home.import(&master.export(self.deployment.master_key()).unwrap())
            .unwrap();
    }

    /// Registers a key, as `papertraderctl workers register` would.
    pub fn enlist(&self, name: &str, file: &[u8], ip: &str) -> Uuid {
        let key = self.deployment.keyring(Place::Master).import(file).unwrap();
        register_offline(
            &self.deployment.database(),
            &Registration {
                name: name.into(),
                fingerprint: key,
                ip: ip.parse().unwrap(),
                address: "127.0.0.1:9".into(),
            },
        )
        .unwrap()
        .uuid
    }

    /// The party as the worker with this UUID.
    pub fn side(&self, party: &Party, uuid: Uuid) -> WorkerIdentity {
        WorkerIdentity::new(
            party.home.clone(),
            party.key,
            self.deployment.master_key(),
            uuid,
        )
        .unwrap()
    }

    pub fn attempt(
        &self,
        party: &Party,
        uuid: Uuid,
    ) -> Result<ProvenLink<Fingerprint>, HandshakeError> {
        self.attempt_over(party, uuid).map(|(_, link)| link)
    }

    /// As [`IntruderRig::attempt`], with the socket. It repeats the attempt while the master is
    /// overloaded.
    pub fn attempt_over(
        &self,
        party: &Party,
        uuid: Uuid,
    ) -> Result<(TcpStream, ProvenLink<Fingerprint>), HandshakeError> {
        let side = self.side(party, uuid);
        eventually("the master has room", || {
            let socket = self.dial();
            match handshake::connect(&socket, &side, Instant::now() + PATIENCE) {
                Err(HandshakeError::Refused(told, _)) if self.is_overloaded(&told) => None,
                attempted => Some(attempted.map(|link| (socket, link))),
            }
        })
    }

    /// Whether the reason says that the master is overloaded; then it waits a moment.
    pub fn is_overloaded(&self, told: &str) -> bool {
        if told == "overloaded" {
            self.overloaded.set(self.overloaded.get() + 1);
            // The budget grows with time alone.
            thread::sleep(Duration::from_millis(100));
        }
        told == "overloaded"
    }

    /// Runs the party's handshake up to the master's answer to its proof.
    pub fn answered<'a>(
        &self,
        side: &'a WorkerIdentity,
    ) -> (Vec<u8>, WorkerHandshake<'a>, TcpStream) {
        eventually("the master has room", || {
            let (mut socket, handshake, proof) = self.proof(side);
            socket.write_all(&proof).unwrap();
            let answer = whole(&mut socket).expect("an answer");
            let header = FrameHeader::read(answer.first_chunk().unwrap());
            if header.instruction == Instruction::LinkRefused.number() {
                let text = String::from_utf8_lossy(&answer);
                assert!(
                    text.contains("overloaded") && self.is_overloaded("overloaded"),
                    "{text}"
                );
                return None;
            }
            Some((answer, handshake, socket))
        })
    }

    /// Checks that the master counted exactly the refusals that said it is overloaded.
    pub fn overloads_are_counted(&self) {
        let counts = self.counts();
        let counted: u64 = OVERLOADED
            .iter()
            .filter_map(|reason| counts.get(*reason))
            .sum();
        assert_eq!(counted, self.overloaded.get(), "{counts:?}");
    }

    /// Lines that the master's log may have by now for one reason, at most.
    pub fn logged_max(&self) -> usize {
        (self.began.elapsed().as_secs() / 60 + 2) as usize * LOGGED_MAX
    }

    /// A connection to the master's port.
    pub fn dial(&self) -> TcpStream {
        let socket = TcpStream::connect(self.deployment.proxy().target()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket
    }

    /// Runs the party's handshake up to its proof; returns the socket, the handshake and the unsent
    /// proof.
    pub fn proof<'a>(&self, side: &'a WorkerIdentity) -> (TcpStream, WorkerHandshake<'a>, Vec<u8>) {
        let (mut socket, mut bytes) = (self.dial(), Vec::new());
        let mut handshake = WorkerHandshake::start(side, &mut bytes).unwrap();
        socket.write_all(&bytes).unwrap();
        let challenge = whole(&mut socket).expect("a challenge");
        bytes.clear();
        assert!(
            handshake
                .receive(&challenge, Timestamp::now(), &mut bytes)
                .unwrap()
                .is_none()
        );
        (socket, handshake, bytes)
    }

    /// The master's counts of refusals, by reason.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut list = self.status()["refused_links"].take();
        let counts = list.as_array_mut().unwrap().iter();
        counts
            .map(|row| {
                (
                    row["reason"].as_str().unwrap().into(),
                    row["count"].as_u64().unwrap(),
                )
            })
            .collect()
    }

    /// The output of `papertraderctl status`.
    pub fn status(&self) -> serde_json::Value {
        let mut control = UnixStream::connect(self.deployment.layout().control_socket()).unwrap();
        control.set_read_timeout(Some(PATIENCE)).unwrap();
        control.write_all(b"\"status\"\n").unwrap();
        let mut line = String::new();
        BufReader::new(control).read_line(&mut line).unwrap();
        let mut answer: serde_json::Value = serde_json::from_str(&line).unwrap();
        answer["done"]["status"].take()
    }

    /// New lines of the master's log about refusals, and about links ended for wrong messages.
    pub fn lines(&mut self) -> Vec<String> {
        let log = self.log();
        let mut lines: Vec<String> = log
            .lines()
            .filter(|line| line.contains("was refused (") || line.contains("was cut ("))
            .filter(|line| {
                !OVERLOADED
                    .iter()
                    .any(|reason| line.contains(&format!("({reason})")))
            })
            .map(str::to_owned)
            .collect();
        let new = lines.split_off(self.seen);
        self.seen += new.len();
        new
    }

    pub fn log(&self) -> String {
        self.deployment.master().logged()
    }

    /// New refusals by reason. It waits until there are `least`, and checks that no more follow.
    pub fn refused(&mut self, least: u64) -> BTreeMap<String, u64> {
        let new = |rig: &IntruderRig| -> BTreeMap<String, u64> {
            let mut counts = rig.counts();
            for (reason, before) in &rig.counted {
                *counts.get_mut(reason).unwrap() -= before;
            }
            counts.retain(|reason, count| *count > 0 && !OVERLOADED.contains(&reason.as_str()));
            counts
        };
        let found = eventually("refusals are counted", || {
            let found = new(self);
            (found.values().sum::<u64>() >= least).then_some(found)
        });
        assert_eq!(found.values().sum::<u64>(), least, "{found:?}");
        self.counted = self.counts();
        found
    }

    /// Expects one refusal for this reason, counted once and logged once, while the real worker
    /// serves.
    pub fn expect(&mut self, what: &str, reason: &str) {
        let refused = self.refused(1);
        assert!(refused.contains_key(reason), "{what}: {refused:?}");
        let mut lines = Vec::new();
        eventually("the refusal is logged", || {
            lines.extend(self.lines());
            (!lines.is_empty()).then_some(())
        });
        assert_eq!(lines.len(), 1, "{what}: {lines:?}");
        assert!(
            lines[0].contains(&format!("({reason})")),
            "{what}: {lines:?}"
        );
        self.serves();
        println!("intruders: {what}: {reason}");
    }

    pub fn client(&self) -> Client {
        Client::open(
            &self.deployment.worker(1).address(),
            &ConnectOptions::default(),
            None,
        )
        .unwrap()
    }

    /// Checks that the real worker serves: a login reaches the master.
    pub fn serves(&self) {
        eventually("the worker serves", || {
            let mut client = self.client();
            client.login(&username(), &pass(), true).ok()
        });
    }

    /// Times of orders without intruders.
    pub fn usual(&self) -> Latency {
        let mut client = self.client();
        client.login(&username(), &pass(), false).unwrap();
        trade::usual(client)
    }

    /// Starts a person who trades through the worker until stopped.
    pub fn trader(&self) -> Trader {
        let mut client = self.client();
        client.login(&username(), &pass(), false).unwrap();
        Trader::start(client)
    }
}

pub fn send(socket: &mut TcpStream, instruction: Instruction, data: &[u8]) {
    let mut bytes = Vec::new();
    frame::write_binary(&mut bytes, instruction, data);
    socket.write_all(&bytes).unwrap();
}

/// The next frame's bytes.
pub fn whole(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = vec![0; frame::HEADER_BYTES];
    socket.read_exact(&mut bytes).ok()?;
    let size = FrameHeader::read(bytes.first_chunk().unwrap()).data_size as usize;
    bytes.resize(frame::HEADER_BYTES + size, 0);
    socket.read_exact(&mut bytes[frame::HEADER_BYTES..]).ok()?;
    Some(bytes)
}

/// The next frame.
pub fn receive(socket: &mut TcpStream) -> Option<(FrameHeader, Vec<u8>)> {
    let mut bytes = whole(socket)?;
    let header = FrameHeader::read(bytes.first_chunk().unwrap());
    Some((header, bytes.split_off(frame::HEADER_BYTES)))
}

/// Closes the sending side; returns the bytes until the master closes.
pub fn finish(socket: &mut TcpStream) -> Vec<u8> {
    let _ = socket.shutdown(Shutdown::Write);
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest);
    rest
}

pub fn hello(uuid: Uuid) -> Vec<u8> {
    let mut data = VERSION.to_be_bytes().to_vec();
    data.extend_from_slice(uuid.as_bytes());
    data.extend_from_slice(&[7; handshake::NONCE_LEN]);
    data
}
