//! Peers that are no workers, or not the workers they say they are, against a running master with real GPG
//! keys: each is refused, logged with its reason, and costs the worker beside them nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a test program ends at the first thing that is not as it should be"
)]

#[path = "chaos/deployment.rs"]
#[allow(dead_code, reason = "shared with other programs")]
mod deployment;
#[path = "chaos/disk.rs"]
#[allow(dead_code, reason = "shared with other programs")]
mod disk;
#[path = "chaos/proxy.rs"]
mod proxy;

use deployment::Deployment;
use papertrader::client::{Client, Options};
use papertrader::link::envelope::{Decoder, Header as Envelope};
use papertrader::link::handshake::{
    self, BudgetLimits, Established, GpgBudget, HandshakeError, MasterSide, WorkerIdentity, WorkerSide,
};
use papertrader::link::keyring::{Fingerprint, Keyring};
use papertrader::master::workers::{register_offline, registry::Registration};
use papertrader::model::{Amount, Email, HashedPass, Reason, SessionId, Side, Stamp, Symbol, Username};
use papertrader::wire::{Header, Instruction, Reply, Request, frame};
use proxy::Tamper;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);

/// The stage: a master, a worker that behaves, and room for those that do not.
struct Stage {
    deployment: Deployment,
    folder: PathBuf,
    seen: usize,
}

/// A key pair in a home of its own that trusts the master's key.
struct Party {
    home: Keyring,
    key: Fingerprint,
}

fn gpg(home: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("gpg")
        .arg("--homedir")
        .arg(home)
        .args([
            "--batch",
            "--yes",
            "--quiet",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ])
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

impl Stage {
    fn party(&self, name: &str) -> Party {
        let home = Keyring::create(&self.folder.join(name)).unwrap();
        let key = home.generate(name).unwrap();
        home.import(
            &self.deployment.homes[0]
                .export(self.deployment.master_key)
                .unwrap(),
        )
        .unwrap();
        Party { home, key }
    }

    /// Registers a key, as `papertraderctl workers register` would.
    fn enlist(&self, name: &str, file: &[u8], ip: &str) -> Uuid {
        let key = self.deployment.homes[0].import(file).unwrap();
        register_offline(
            &self.deployment.database,
            &Registration {
                name: name.into(),
                fingerprint: key.to_string(),
                ip: ip.parse().unwrap(),
                address: "127.0.0.1:9".into(),
            },
        )
        .unwrap()
        .uuid
    }

    fn attempt(&self, party: &Party, uuid: Uuid) -> Result<Established<Fingerprint>, HandshakeError> {
        let side = WorkerSide::new(party.home.clone(), party.key, self.deployment.master_key, uuid).unwrap();
        let socket = TcpStream::connect(self.deployment.proxy.target()).unwrap();
        handshake::connect(&socket, &side, Instant::now() + PATIENCE)
    }

    /// New refusals in the master's log.
    fn refusals(&mut self) -> Vec<String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = fs::read_to_string(self.folder.join("master.log")).unwrap_or_default();
            let all: Vec<String> = log
                .lines()
                .filter(|line| line.contains("was refused"))
                .map(str::to_owned)
                .collect();
            if all.len() > self.seen {
                let new = all[self.seen..].to_vec();
                self.seen = all.len();
                return new;
            }
            assert!(Instant::now() < until, "nothing was refused");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// One refusal, once, for this reason; and the worker beside it serves.
    fn expect(&mut self, what: &str, reason: &str) {
        let refused = self.refusals();
        assert_eq!(refused.len(), 1, "{what}: {refused:?}");
        assert!(refused[0].contains(&format!("({reason})")), "{what}: {refused:?}");
        self.serves();
        println!("intruders: {what}: {reason}");
    }

    fn serves(&self) {
        let mut client = Client::open(&self.deployment.addresses[0], &Options::default(), None).unwrap();
        let username = Username::parse("alice").unwrap();
        let pass = HashedPass::parse(&"a".repeat(64)).unwrap();
        let until = Instant::now() + PATIENCE;
        while let Err(error) = client.login(&username, &pass, true) {
            assert!(Instant::now() < until, "the worker does not serve: {error}");
            thread::sleep(Duration::from_millis(100));
            client = Client::open(&self.deployment.addresses[0], &Options::default(), None).unwrap();
        }
    }
}

fn main() {
    let folder = tempfile::Builder::new().prefix("pt").tempdir_in("/tmp").unwrap();
    let deployment = Deployment::make(folder.path(), 1, "1s");
    let mut stage = Stage {
        deployment,
        folder: folder.path().to_owned(),
        seen: 0,
    };
    let cast = Cast::make(&stage);
    stage.deployment.heal();
    let mut client = Client::open(&stage.deployment.addresses[0], &Options::default(), None).unwrap();
    let (username, pass) = (
        Username::parse("alice").unwrap(),
        HashedPass::parse(&"a".repeat(64)).unwrap(),
    );
    client
        .register(&username, &Email::parse("alice@example.org").unwrap(), &pass)
        .unwrap();

    keys(&mut stage, &cast);
    messages(&mut stage, &cast);
    inside(&stage, &cast);
    records(&mut stage, &pass);
    println!("intruders: all refused, and the worker beside them served throughout");
}

/// Everyone who will try.
struct Cast {
    unknown: Party,
    expired: (Party, Uuid),
    revoked: (Party, Uuid),
    one: (Party, Uuid),
    other: (Party, Uuid),
    elsewhere: (Party, Uuid),
}

impl Cast {
    fn make(stage: &Stage) -> Cast {
        let listed = |name: &str, ip: &str| {
            let party = stage.party(name);
            let uuid = stage.enlist(name, &party.home.export(party.key).unwrap(), ip);
            (party, uuid)
        };
        // Its owner's copy is good for ever; the copy that the master has ran out, or was revoked.
        let spoilt = |name: &str, spoil: &dyn Fn(&Path, &str)| {
            let party = stage.party(name);
            let uuid = stage.enlist(name, &party.home.export(party.key).unwrap(), "127.0.0.1");
            let copy = stage.folder.join(format!("{name}-copy"));
            assert!(
                Command::new("cp")
                    .arg("-a")
                    .arg(party.home.home())
                    .arg(&copy)
                    .status()
                    .unwrap()
                    .success()
            );
            spoil(&copy, &party.key.to_string());
            let public = gpg(&copy, &["--armor", "--export", &party.key.to_string()]);
            let file = stage.folder.join(format!("{name}.asc"));
            fs::write(&file, public).unwrap();
            gpg(
                stage.deployment.homes[0].home(),
                &["--import", file.to_str().unwrap()],
            );
            let _ = Command::new("gpgconf")
                .arg("--homedir")
                .arg(&copy)
                .args(["--kill", "all"])
                .status();
            (party, uuid)
        };
        Cast {
            unknown: stage.party("unknown"),
            expired: spoilt("expired", &|home, key| {
                gpg(home, &["--quick-set-expire", key, "seconds=1"]);
                thread::sleep(Duration::from_millis(1100));
            }),
            revoked: spoilt("revoked", &|home, key| {
                let certificate = home.join(format!("openpgp-revocs.d/{key}.rev"));
                let text = fs::read_to_string(&certificate)
                    .unwrap()
                    .replace(":-----BEGIN", "-----BEGIN");
                fs::write(&certificate, text).unwrap();
                gpg(home, &["--import", certificate.to_str().unwrap()]);
            }),
            one: listed("one", "127.0.0.1"),
            other: listed("other", "127.0.0.1"),
            elsewhere: listed("elsewhere", "127.0.0.99"),
        }
    }
}

/// Keys and names that do not belong together.
fn keys(stage: &mut Stage, cast: &Cast) {
    let refused = |stage: &Stage, party: &Party, uuid: Uuid| {
        assert!(stage.attempt(party, uuid).is_err(), "let in");
    };
    refused(stage, &cast.unknown, Uuid::new_v4());
    stage.expect("a UUID that nobody has", "unknown-uuid");
    refused(stage, &cast.unknown, cast.one.1);
    let log = stage.refusals();
    assert!(!log[0].contains("(gpg-budget)"), "{log:?}");
    println!(
        "intruders: an unknown key under a stolen UUID: {}",
        reason(&log[0])
    );
    refused(stage, &cast.one.0, cast.other.1);
    let log = stage.refusals();
    println!("intruders: two workers' keys swapped: {}", reason(&log[0]));
    refused(stage, &cast.elsewhere.0, cast.elsewhere.1);
    stage.expect("the right key from the wrong IP", "wrong-ip");
    for (what, (party, uuid)) in [("expired", &cast.expired), ("revoked", &cast.revoked)] {
        refused(stage, party, *uuid);
        let log = stage.refusals();
        assert!(log[0].contains(what), "{log:?}");
        stage.serves();
        println!("intruders: a key that is {what}: {}", reason(&log[0]));
    }
    false_master(cast);
}

fn reason(line: &str) -> &str {
    line.split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .map_or("?", |(reason, _)| reason)
}

/// A worker's key used as the master's: the worker turns away.
fn false_master(cast: &Cast) {
    let (impostor, victim) = (&cast.one.0, &cast.other.0);
    impostor
        .home
        .import(&victim.home.export(victim.key).unwrap())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let side = MasterSide::new(
        impostor.home.clone(),
        impostor.key,
        GpgBudget::new(BudgetLimits::default()),
    )
    .unwrap();
    let identity = WorkerIdentity {
        uuid: cast.other.1,
        name: "other".into(),
        fingerprint: victim.key,
    };
    let served = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let lookup = move |_: Uuid, _: IpAddr| Ok(identity.clone());
        handshake::accept(&socket, &[], &side, &lookup, Instant::now() + PATIENCE).map(|_| ())
    });
    let master_key = victim.home.clone();
    let real = cast.master_key(&master_key);
    let side = WorkerSide::new(victim.home.clone(), victim.key, real, cast.other.1).unwrap();
    let socket = TcpStream::connect(address).unwrap();
    assert!(
        handshake::connect(&socket, &side, Instant::now() + PATIENCE).is_err(),
        "a false master was believed"
    );
    drop(socket);
    assert!(served.join().unwrap().is_err());
    println!("intruders: a worker's key used as the master's: refused by the worker");
}

impl Cast {
    /// The one key in a party's home that is not its own.
    fn master_key(&self, home: &Keyring) -> Fingerprint {
        let listing = gpg(home.home(), &["--with-colons", "--list-keys"]);
        let listing = String::from_utf8(listing).unwrap();
        let mut primary = false;
        for line in listing.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            primary = fields[0] == "pub" || (primary && fields[0] == "fpr");
            if fields[0] == "fpr" && primary {
                let key = Fingerprint::parse(fields[9]).unwrap();
                if key != self.one.0.key && key != self.other.0.key {
                    return key;
                }
                primary = false;
            }
        }
        panic!("no master's key in {listing}");
    }
}

fn send(socket: &mut TcpStream, instruction: Instruction, data: &[u8]) {
    let mut bytes = Vec::new();
    frame::write_binary(&mut bytes, instruction, data);
    socket.write_all(&bytes).unwrap();
}

fn receive(socket: &mut TcpStream) -> Option<(Header, Vec<u8>)> {
    let mut head = [0; frame::HEADER];
    socket.read_exact(&mut head).ok()?;
    let header = Header::read(&head);
    let mut data = vec![0; header.data_size as usize];
    socket.read_exact(&mut data).ok()?;
    Some((header, data))
}

fn hello(uuid: Uuid) -> Vec<u8> {
    let mut data = handshake::VERSION.to_be_bytes().to_vec();
    data.extend_from_slice(uuid.as_bytes());
    data.extend_from_slice(&[7; handshake::NONCE_LEN]);
    data
}

/// Handshake messages that are not what they should be.
fn messages(stage: &mut Stage, cast: &Cast) {
    let target = stage.deployment.proxy.target();
    let (party, uuid) = &cast.one;
    // Well signed by the right key, but saying something else.
    let mut socket = TcpStream::connect(target).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    send(&mut socket, Instruction::LinkHello, &hello(*uuid));
    let (challenge, _) = receive(&mut socket).unwrap();
    assert_eq!(challenge.instruction, Instruction::LinkChallenge.number());
    let own = party.home.own(party.key).unwrap();
    let master = party.home.peer(stage.deployment.master_key).unwrap();
    let letter = party
        .home
        .sign_and_encrypt(&own, &master, b"I like PaperTrader.")
        .unwrap();
    send(&mut socket, Instruction::LinkProof, &letter);
    let (answer, _) = receive(&mut socket).unwrap();
    assert_eq!(answer.instruction, Instruction::LinkRefused.number());
    let log = stage.refusals();
    println!(
        "intruders: signed by the right key for another purpose: {}",
        reason(&log[0])
    );
    stage.serves();

    // What the worker beside us once said, said again.
    let said = stage.deployment.proxy.recorded();
    let mut socket = TcpStream::connect(target).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(&said[..said.len().min(8192)]).unwrap();
    let mut last = 0;
    while let Some((header, _)) = receive(&mut socket) {
        last = header.instruction;
    }
    assert_eq!(
        last,
        Instruction::LinkRefused.number(),
        "a replayed handshake went on"
    );
    let log = stage.refusals();
    println!("intruders: a handshake replayed: {}", reason(&log[0]));
    stage.serves();

    // Cut after every byte of the first message.
    let mut first = Vec::new();
    frame::write_binary(&mut first, Instruction::LinkHello, &hello(*uuid));
    for cut in 0..first.len() {
        let mut socket = TcpStream::connect(target).unwrap();
        socket.write_all(&first[..cut]).unwrap();
    }
    assert!(
        stage.attempt(&cast.other.0, cast.other.1).is_ok(),
        "cuts keep an honest worker out"
    );
    println!(
        "intruders: a handshake cut at each of {} bytes: the next one stands",
        first.len()
    );
    stage.serves();
}

/// A registered worker that is not honest.
fn inside(stage: &Stage, cast: &Cast) {
    let target = stage.deployment.proxy.target();
    let link = |party: &Party, uuid: Uuid| {
        let side = WorkerSide::new(party.home.clone(), party.key, stage.deployment.master_key, uuid).unwrap();
        let socket = TcpStream::connect(target).unwrap();
        let link = handshake::connect(&socket, &side, Instant::now() + PATIENCE).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        (socket, link.sealed)
    };
    let (party, uuid) = &cast.other;
    let envelope = |sequence| Envelope {
        worker: *uuid,
        boot: Uuid::from_bytes([9; 16]),
        sequence,
        stamp: Stamp::now(),
        client: None,
    };
    let until_closed = |socket: &mut TcpStream| {
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).is_ok() || rest.is_empty()
    };
    type Write<'a> = &'a dyn Fn(&mut Vec<u8>);
    let nonsense: [(&str, Write<'_>); 3] = [
        ("bytes that are no message", &|out| {
            out.extend_from_slice(&[0xFF; 300])
        }),
        ("a frame that no client may send", &|out| {
            envelope(1)
                .append_with(out, |out| Reply::Pong.write(out))
                .unwrap();
            envelope(2)
                .append_with(out, |out| Reply::RegisterSuccess.write(out))
                .unwrap();
        }),
        ("another worker's UUID", &|out| {
            let other = Envelope {
                worker: cast.one.1,
                ..envelope(1)
            };
            other.append_with(out, |out| Request::Ping.write(out)).unwrap();
        }),
    ];
    for (what, write) in nonsense {
        let (mut socket, mut sealed) = link(party, *uuid);
        let (mut plain, mut out) = (Vec::new(), Vec::new());
        write(&mut plain);
        sealed.sealer.seal(&plain, &mut out).unwrap();
        socket.write_all(&out).unwrap();
        assert!(until_closed(&mut socket), "{what}: the link stands");
        stage.serves();
        println!("intruders: inside the link, {what}: cut");
    }
    // A session that it made up buys nothing.
    let (mut socket, mut sealed) = link(party, *uuid);
    let request = Request::Order {
        session: SessionId::from_bytes([1; 32]),
        side: Side::Buy,
        symbol: Symbol::parse("SIM1").unwrap(),
        quantity: Amount(1),
        id: None,
    };
    let (mut plain, mut out) = (Vec::new(), Vec::new());
    envelope(5)
        .append_with(&mut plain, |out| request.write(out))
        .unwrap();
    sealed.sealer.seal(&plain, &mut out).unwrap();
    socket.write_all(&out).unwrap();
    let mut decoder = Decoder::new(*uuid);
    let mut chunk = [0; 65536];
    let answer = 'read: loop {
        let size = socket.read(&mut chunk).unwrap();
        assert!(size > 0, "the link ended without an answer");
        sealed.opener.open(&chunk[..size], decoder.input()).unwrap();
        while let Some(envelope) = decoder.next().unwrap() {
            if envelope.header.sequence == 5 {
                let header = Header::read(envelope.body.first_chunk().unwrap());
                break 'read Reply::read(&header, &envelope.body[frame::HEADER..]).unwrap();
            }
        }
    };
    let Reply::Fail(Instruction::PurchaseFail, refusal) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(refusal.reason, Reason::SessionExpired);
    println!(
        "intruders: inside the link, a session that was made up: {}",
        refusal.reason
    );
}

/// The sealed stream between a worker and the master, touched.
fn records(stage: &mut Stage, pass: &HashedPass) {
    for tamper in [
        Tamper::Flip,
        Tamper::Drop,
        Tamper::Repeat,
        Tamper::Swap,
        Tamper::Cut,
    ] {
        let before = stage.deployment.proxy.connections();
        stage.deployment.proxy.tamper(tamper);
        stage.serves();
        let until = Instant::now() + PATIENCE;
        while stage.deployment.proxy.connections() == before {
            assert!(Instant::now() < until, "{tamper:?}: the link goes on");
            stage.serves();
            thread::sleep(Duration::from_millis(50));
        }
        stage.serves();
        println!("intruders: a record of the link, {tamper:?}: the link ended and stood again");
    }
    // What went over it holds no secret.
    let mut client = Client::open(&stage.deployment.addresses[0], &Options::default(), None).unwrap();
    let session = client
        .login(&Username::parse("alice").unwrap(), pass, false)
        .unwrap()
        .session;
    let wire = stage.deployment.proxy.captured();
    assert!(wire.len() > 10_000, "only {} bytes were captured", wire.len());
    let holds = |secret: &[u8]| wire.windows(secret.len()).any(|window| window == secret);
    for secret in [session.expose(), pass.expose().to_owned()] {
        assert!(
            !holds(secret.as_bytes()) && !holds(&hex::decode(&secret).unwrap()),
            "a secret in clear"
        );
    }
    println!(
        "intruders: {} bytes of the link hold neither a session ID nor a hashedPass",
        wire.len()
    );
    let _: SocketAddr = stage.deployment.proxy.target();
}
