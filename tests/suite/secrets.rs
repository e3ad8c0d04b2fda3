//! Session IDs and hashedPass are nowhere but where they are needed: no file of a deployment has
//! them, no core could, and the daemons' memory forgets them.

use papertrader::client::{Client, ServerConnection};
use papertrader::model::{Email, HashedPass, SessionId, Symbol, TokenName, TokenScope};
use papertrader::testkit::trader::{buy, portfolio, username};
use papertrader::testkit::{Deployment, TEST_TIMEOUT, eventually};
use papertrader::wire::{Instruction, Request, frame};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What was found, and how often.
type Found = HashMap<String, usize>;

/// Bytes that are looked for, with what they are.
#[derive(Default)]
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    /// In each form in which they might be written somewhere.
    fn add(&mut self, what: &str, digits: &str) {
        let bytes = hex::decode(digits).unwrap();
        self.0.push((format!("{what} in bytes"), bytes));
        self.0.push((
            format!("{what} in capitals"),
            digits.to_uppercase().into_bytes(),
        ));
        self.0.push((
            format!("{what} as it travels"),
            digits.to_owned().into_bytes(),
        ));
    }

    fn add_session(&mut self, what: &str, session: &SessionId) {
        self.add(what, &session.expose());
    }

    /// Which of them are in `bytes`, and how often.
    fn found_in(&self, bytes: &[u8]) -> Found {
        let heads: HashSet<&[u8]> = self.0.iter().map(|(_, secret)| &secret[..8]).collect();
        // What a position begins with decides quickly almost everywhere.
        let firsts: HashSet<u16> = heads
            .iter()
            .map(|head| u16::from_be_bytes([head[0], head[1]]))
            .collect();
        let table: Vec<bool> = (0..=u16::MAX)
            .map(|first| firsts.contains(&first))
            .collect();
        let mut found = HashMap::new();
        for at in 0..bytes.len().saturating_sub(7) {
            let first = u16::from_be_bytes([bytes[at], bytes[at + 1]]);
            if table[usize::from(first)] && heads.contains(&bytes[at..at + 8]) {
                for (what, secret) in &self.0 {
                    if bytes[at..].starts_with(secret) {
                        *found.entry(what.clone()).or_default() += 1;
                    }
                }
            }
        }
        found
    }

    /// Which of them are in which file below `folder`; how many files were read.
    fn found_below(&self, folder: &Path) -> (Vec<(PathBuf, Found)>, usize) {
        let (mut found, mut read) = (Vec::new(), 0);
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    // A journal may go while it is looked at.
                    let Ok(bytes) = std::fs::read(entry.path()) else {
                        continue;
                    };
                    read += 1;
                    let here = self.found_in(&bytes);
                    if !here.is_empty() {
                        found.push((entry.path(), here));
                    }
                }
            }
        }
        (found, read)
    }
}

/// A hashedPass that nobody else has.
fn fresh_pass() -> HashedPass {
    HashedPass::parse(&hex::encode(rand_bytes())).unwrap()
}

fn rand_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// Everything that a client can do with secrets, rightly and wrongly.
fn trade(deployment: &Deployment, secrets: &mut Secrets, sessions: &mut Vec<SessionId>) {
    for (worker, name) in [(1, "alice"), (2, "bob"), (1, "carol")] {
        let pass = fresh_pass();
        secrets.add(&format!("{name}'s hashedPass"), pass.expose());
        let mut client = deployment.connect(worker);
        let email = Email::parse(&format!("{name}@example.org")).unwrap();
        client.register(&username(name), &email, &pass).unwrap();
        assert!(
            client.register(&username(name), &email, &pass).is_err(),
            "taken"
        );

        let wrong = fresh_pass();
        secrets.add(&format!("{name}'s wrong hashedPass"), wrong.expose());
        assert!(client.login(&username(name), &wrong, false).is_err());

        for expirable in [false, true] {
            let login = client.login(&username(name), &pass, expirable).unwrap();
            secrets.add_session(&format!("{name}'s session"), &login.session);
            sessions.push(login.session);
        }
        client.set_session(Some(sessions[sessions.len() - 2].clone()));
        buy(&mut client, "AAPL", "3");
        portfolio(&mut client, name);
        client.quote(Symbol::parse("AAPL").unwrap()).unwrap();
        let mut other = deployment.connect(3 - worker);
        other.resume(client.session().unwrap()).unwrap();
        buy(&mut other, "IBM", "1");
        let token = TokenName::parse("desk").unwrap();
        let token = client.create_token(&token, TokenScope::Read, 7).unwrap();
        secrets.add_session(&format!("{name}'s token"), &token);
        if name == "carol" {
            let new = fresh_pass();
            secrets.add("carol's next hashedPass", new.expose());
            assert!(client.change_password(Some(&wrong), &new).is_err());
            client.change_password(Some(&pass), &new).unwrap();
            let session = client.session().unwrap().clone();
            client.logout().unwrap();
            let mut late = Client::new(
                ServerConnection::connect(&deployment.worker(1).address(), TEST_TIMEOUT).unwrap(),
                Some(session),
            );
            assert!(late.portfolio(&username(name)).is_err());
        }
        misbehave(deployment, worker, &pass, &sessions[sessions.len() - 2]);
    }
}

/// Frames with secrets in them that are refused, or never end.
fn misbehave(deployment: &Deployment, worker: u16, pass: &HashedPass, session: &SessionId) {
    let session = session.expose();
    let mut frames = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    frame::write(
        &mut frames[0],
        Instruction::Login,
        &["no/name", pass.expose(), "false"],
    );
    frame::write(
        &mut frames[1],
        Instruction::Resume,
        &[&session, &session, &session],
    );
    frame::write(&mut frames[2], Instruction::SessionId, &[&session]);
    frame::write(
        &mut frames[3],
        Instruction::Login,
        &["alice", pass.expose(), "false"],
    );
    frames[3].pop();
    for (number, frame) in frames.iter().enumerate() {
        for address in [
            deployment.worker(worker).address(),
            deployment.master().address(),
        ] {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.write_all(frame).unwrap();
            // A refusal, an end, or for the unfinished one nothing: then we are the ones to go.
            if number < 3 {
                let _ = std::io::Read::read(&mut socket, &mut [0; 1024]);
            }
        }
    }
}

#[test]
fn no_file_of_a_deployment_holds_a_secret() {
    let deployment = Deployment::builder().workers(2).in_a_file().make();
    for daemon in deployment.daemons() {
        daemon.set("log.level", "debug");
    }
    deployment.start_all();
    let (mut secrets, mut sessions) = (Secrets::default(), Vec::new());
    trade(&deployment, &mut secrets, &mut sessions);

    let socket = deployment.layout().control_socket();
    let backup = deployment.dir().join("backup.db");
    for arguments in [
        &["backup", backup.to_str().unwrap()][..],
        &["sessions", "list"],
        &["log", "flush"],
    ] {
        let arguments = [&["--socket", socket.to_str().unwrap()], arguments].concat();
        let output = deployment.run("papertraderctl", &arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert_eq!(secrets.found_in(&output.stdout), HashMap::new());
    }
    assert!(backup.is_file());

    // While everything runs, the journals beside the databases are full.
    let (found, read) = secrets.found_below(deployment.dir());
    assert_eq!(found, [], "in clear, of {read} files");

    // A kill leaves what a crash would.
    deployment.worker(1).kill();
    deployment.master().kill();
    let (found, _) = secrets.found_below(deployment.dir());
    assert_eq!(found, [], "in clear after a kill");
    deployment.master().start();
    deployment.stop_all();
    let (found, _) = secrets.found_below(deployment.dir());
    assert_eq!(found, [], "in clear after a stop");

    // The search finds what is there: the hash of a session that stands, and a secret that is
    // planted.
    let mut hashes = Secrets::default();
    hashes
        .0
        .push(("hash".into(), sessions[0].hash().0.to_vec()));
    let (found, _) = hashes.found_below(deployment.dir());
    let names: Vec<_> = found
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert!(
        names.contains(&"master.db") && names.contains(&"backup.db"),
        "{names:?}"
    );
    std::fs::write(
        deployment.dir().join("planted"),
        format!("x{}", sessions[0].expose()),
    )
    .unwrap();
    assert_eq!(secrets.found_below(deployment.dir()).0.len(), 1);
    let log = deployment.worker(1).log() + &deployment.master().log();
    assert!(
        log.contains("INFO"),
        "nothing was logged that could hold a secret"
    );
}

#[test]
fn daemons_leave_no_core() {
    let deployment = Deployment::running(1);
    for daemon in deployment.daemons() {
        let pid = daemon.pid();
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        let values: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
        assert_eq!(values, ["0", "0"], "{core}");
    }
}

/// What a process can write to, a mapping at a time; `None` where the system does not let us.
fn memory(pid: u32) -> Option<Vec<Vec<u8>>> {
    let file = match File::open(format!("/proc/{pid}/mem")) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::PermissionDenied => return None,
        Err(e) => panic!("{e}"),
    };
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut parts = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // A stack or a heap may shrink while it is read.
        if file.read_exact_at(&mut bytes, from).is_ok() {
            parts.push(bytes);
        }
    }
    Some(parts)
}

#[test]
fn the_daemons_forget_a_password_that_they_have_checked() {
    let deployment = Deployment::running(1);
    let mut secrets = Secrets::default();
    let mut client = deployment.connect(1);
    let pass = fresh_pass();
    secrets.add("hashedPass", pass.expose());
    let email = Email::parse("dora@example.org").unwrap();
    client.register(&username("dora"), &email, &pass).unwrap();
    client.login(&username("dora"), &pass, false).unwrap();
    client.connection().call(&Request::Ping).unwrap();
    for daemon in deployment.daemons() {
        let pid = daemon.pid();
        if memory(pid).is_none() {
            println!("skipped: this user may not read the daemons' memory");
            return;
        }
        eventually("the hashedPass is nowhere in a daemon's memory", || {
            let parts = memory(pid)?;
            parts
                .iter()
                .all(|part| secrets.found_in(part).is_empty())
                .then_some(())
        });
    }
}
