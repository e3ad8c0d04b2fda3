//! `etc/course`: the course's reference solution, a deployment of the base protocol in Python, which
//! also runs as a worker of our master.

use super::ptcat::ptcat;
use crate::client::cli::Person;
use papertrader::client::{Client, ServerConnection};
use papertrader::model::Side;
use papertrader::testkit::{Deployment, Place, TEST_TIMEOUT, eventually, ports, trader};
use papertrader::wire::ConnectionState;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The most lines of the solution, and columns of each of its files.
const LINES_MAX: usize = 800;
const COLUMNS_MAX: usize = 100;
const FILES: [&str; 4] = ["link.py", "noise.py", "solution.py", "wire.py"];
/// From here the sample market has seven minutes of updates, at one a second, for slow machines.
const START: &str = "2011-06-01";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/course")
}

fn source(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// Whether these tests run. `tests/run` sets the variable where there is no Python, and counts them
/// as skipped.
fn has_python() -> bool {
    let skipped = std::env::var_os("WITHOUT_PYTHON").is_some();
    if skipped {
        println!("skipped: WITHOUT_PYTHON is set");
    }
    !skipped
}

fn python(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command
        .args(arguments)
        .current_dir(folder())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn free() -> String {
    format!("127.0.0.1:{}", ports::free(1).unwrap()[0])
}

/// A running `solution.py`, which is killed when it is dropped.
struct Running {
    child: Child,
}

impl Running {
    /// Starts it, and waits until it says that it serves.
    fn start(arguments: &[&str]) -> Running {
        let mut child = python(&["solution.py"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("python3: {error}; `make deps` installs it"));
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Running { child }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A deployment of the solution: where it listens, and its data.
struct Deployed {
    address: String,
    data: TempDir,
}

impl Deployed {
    fn new() -> Deployed {
        Deployed {
            address: free(),
            data: tempfile::tempdir().unwrap(),
        }
    }

    fn start(&self, more: &[&str]) -> Running {
        let data = self.data.path().to_str().unwrap();
        let first = ["serve", "--listen", &self.address, "--data", data];
        Running::start(&[&first, more].concat())
    }

    fn connect(&self) -> Client {
        let connection = ServerConnection::connect(&self.address, TEST_TIMEOUT).unwrap();
        Client::new(connection, None)
    }
}

/// Runs dialogues against it, each of which must be met.
fn run(address: &str, names: &[&str]) {
    for name in names {
        let file = format!("{}/tests/fixtures/{name}.pt", env!("CARGO_MANIFEST_DIR"));
        let ran = ptcat(&["run", "--within", "60s", &file, address], b"");
        let told = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{name}: {told}");
    }
}

/// Takes the notice that an order is on disk.
fn queued(client: &mut Client) {
    let notice = format!("{:?}", client.connection().recv().unwrap());
    assert!(notice.contains("Queued"), "{notice}");
}

#[test]
fn the_solution_is_short() {
    assert!(source("solution.py").lines().count() <= LINES_MAX);
    for name in FILES {
        for line in source(name).lines() {
            assert!(line.chars().count() <= COLUMNS_MAX, "{name}: {line}");
        }
    }
}

#[test]
fn python_compiles_it() {
    if !has_python() {
        return;
    }
    for name in FILES {
        let check = "import pathlib, sys; name = sys.argv[1]; \
                     compile(pathlib.Path(name).read_text(encoding='utf-8'), name, 'exec')";
        let mut compiles = python(&["-W", "error", "-c", check, name]);
        assert!(compiles.status().unwrap().success(), "{name}");
    }
}

/// The test vectors of RFC 7748, section 5.2, and of RFC 8439, section 2.8.2.
#[test]
fn its_cryptography_is_that_of_the_rfcs() {
    if !has_python() {
        return;
    }
    let check = r#"
import noise
hexed = bytes.fromhex
secret = hexed("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
point = hexed("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
assert noise.x25519(secret, point) == hexed(
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
plain = (b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
         b"future, sunscreen would be it.")
nonce, extra = hexed("070000004041424344454647"), hexed("50515253c0c1c2c3c4c5c6c7")
cipher = noise.Cipher(bytes(range(0x80, 0xa0)))
sealed = noise.chacha20(cipher.key, 1, nonce, plain)
assert sealed.startswith(hexed("d31a8d34648e60db7b86afbc53ef7ec2"))
assert cipher.tag(nonce, sealed, extra) == hexed("1ae10b594f09e26a7e902ecbd0600691")
seals, opens = noise.Cipher(cipher.key), noise.Cipher(cipher.key)
assert opens.open(seals.seal(plain, extra), extra) == plain
seals.rekey(), opens.rekey()
assert opens.open(seals.seal(b"")) == b""
forged = bytearray(seals.seal(plain))
forged[3] ^= 1
try:
    opens.open(bytes(forged))
    raise SystemExit("a forged message was opened")
except ConnectionError:
    pass
"#;
    assert!(python(&["-c", check]).status().unwrap().success());
}

#[test]
fn it_meets_all_dialogues_of_the_base_edition() {
    if !has_python() {
        return;
    }
    let (deployed, second) = (Deployed::new(), free());
    let market = ["--market", "../market", "--start", START];
    let _running = deployed.start(&[&market[..], &["--listen", &second]].concat());
    let ran = ptcat(
        &[
            "conform",
            "--within",
            "60s",
            "--worker",
            &second,
            &deployed.address,
        ],
        b"",
    );
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{told}");
    // Those of a later edition are named, not forgotten.
    assert!(told.contains("edition 1"), "{told}");
}

#[test]
fn it_meets_the_dialogues_about_limits_and_other_markets() {
    if !has_python() {
        return;
    }
    // Where a dialogue waits beside a limit or an update, these leave room on both sides.
    let deployments: [(&str, &[&str]); 6] = [
        ("--limit connections=2", &["too-many-connections"]),
        (
            "--limit connectionsPerAddress=1",
            &["too-many-connections-of-one"],
        ),
        ("--limit firstFrameTime=4000", &["first-frame"]),
        ("--limit frameTime=1800 --limit idleTime=2700", &["timeout"]),
        ("--limit registrations=2", &["too-many-registrations"]),
        (
            "--interval 6",
            &["client-order-id-queued", "user-history-queued"],
        ),
    ];
    for (options, names) in deployments {
        let deployed = Deployed::new();
        let options: Vec<_> = options.split(' ').collect();
        let market = ["--market", "../market", "--start", START];
        let _running = deployed.start(&[&market[..], &options].concat());
        run(&deployed.address, names);
    }
    for (market, start, name) in [
        ("late", "2012-01-02", "no-data"),
        ("over", "2012-01-05", "replay-over"),
    ] {
        let deployed = Deployed::new();
        let market = format!("../../tests/fixtures/markets/{market}");
        // An order without a price waits from the next update on, and for 14 of these days.
        let interval = ["--interval", "0.7"];
        let more = ["--market", &market, "--start", start];
        let _running = deployed.start(&[&more[..], &interval].concat());
        run(&deployed.address, &[name]);
    }
}

#[test]
fn a_kill_loses_no_order_and_doubles_none() {
    if !has_python() {
        return;
    }
    let deployed = Deployed::new();
    // No update comes by itself: only a start makes one.
    let market = ["--market", "../market", "--interval", "3600"];
    let mut running = deployed.start(&market);
    let mut alice = deployed.connect();
    trader::register(&mut alice, "alice");
    let (name, hashed) = (trader::username("alice"), trader::hashed("alice"));
    alice.login(&name, &hashed, false).unwrap();
    let session = alice.session().unwrap().clone();
    for round in 1..=3 {
        let id = format!("order-{round}");
        alice.enter(ConnectionState::Command).unwrap();
        let order = trader::order(&alice, Side::Buy, "AAPL", "2", Some(&id));
        alice.connection().send(&order).unwrap();
        // It is on disk once it is announced.
        queued(&mut alice);
        running.kill();
        running = deployed.start(&market);
        alice = deployed.connect();
        alice.resume(&session).unwrap();
        // The same order again gets its outcome, and trades no second time.
        for _ in 0..2 {
            let again = trader::order(&alice, Side::Buy, "AAPL", "2.0", Some(&id));
            let reply = alice.connection().call(&again).unwrap();
            let told = format!("{reply:?}");
            assert!(told.contains("Filled"), "{told}");
        }
        let history = alice.history(&name).unwrap();
        assert_eq!(history.entries.len(), round, "{history:?}");
        let (_, holdings) = trader::portfolio(&mut alice, "alice");
        assert_eq!(holdings[0].quantity.to_string(), (2 * round).to_string());
    }
}

#[test]
fn a_person_trades_through_it_as_a_worker_of_our_master() {
    if !has_python() {
        return;
    }
    // The second worker's place is the solution's: its registration, its GPG home, its address.
    let deployment = Deployment::new(2);
    let (master, place) = (deployment.master(), deployment.worker(2));
    master.start();
    deployment.worker(1).start();
    let config: toml::Table = fs::read_to_string(place.config()).unwrap().parse().unwrap();
    let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
    let home = deployment.layout().home(&Place::Worker(2).name());
    let _running = Running::start(&[
        "worker",
        "--listen",
        &place.address(),
        "--master",
        &text(&config["master"]),
        "--id",
        &text(&config["uuid"]),
        "--key",
        &text(&config["gpg"]["key"]),
        "--master-key",
        &deployment.master_key().to_string(),
        "--gnupghome",
        home.to_str().unwrap(),
    ]);
    let person = Person::new();
    let server = place.address();
    let papertrader = |arguments: &[&str]| {
        let ran = person.run_with(
            &[&["--server", &server], arguments].concat(),
            "secret word\n",
        );
        assert_eq!(ran.code, 0, "{arguments:?}: {}{}", ran.out, ran.err);
        ran.out
    };
    papertrader(&["register", "alice", "alice@example.org", "--password-stdin"]);
    papertrader(&["login", "alice", "--password-stdin"]);
    let bought = papertrader(&["buy", "AAPL", "3"]);
    assert!(bought.contains("Bought 3 AAPL at "), "{bought}");
    papertrader(&["sell", "AAPL", "1"]);
    let portfolio = papertrader(&["portfolio"]);
    assert!(portfolio.contains("AAPL"), "{portfolio}");

    // Both workers are one service.
    let names: Vec<_> = deployment.connect(1).workers().unwrap();
    assert_eq!(names, deployment.addresses());
    // The master is killed while an order is queued: what the solution sent, it sends again.
    let mut bob = deployment.trader(2, "bob");
    let order = trader::order(&bob, Side::Buy, "AAPL", "2", Some("before-the-kill"));
    bob.connection().send(&order).unwrap();
    queued(&mut bob);
    master.kill();
    master.start();
    let outcome = format!("{:?}", bob.connection().recv().unwrap());
    assert!(outcome.contains("Filled"), "{outcome}");
    let history = eventually("the solution has its master again", || {
        bob.history(&trader::username("bob")).ok()
    });
    assert_eq!(history.entries.len(), 1, "{history:?}");
    deployment.assert_sound("orders through the solution");
}
