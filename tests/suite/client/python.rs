//! `etc/python`: the client in Python, its own tests against real servers, its types, and its bot,
//! under which a worker and the master are killed.

use super::cli::Ran;
use papertrader::client::{Client, ConnectOptions, WorkerPool};
use papertrader::model::{HashedPass, Username};
use papertrader::testkit::{Deployment, Market, until};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The password of the accounts.
const PASSWORD: &str = "a long password";

/// Updates that the bot sees, and updates from one kill of a worker to the next, with one of the
/// master between them. `make bot` sets `BOT_UPDATES` for a longer run.
const SHORT_RUN: u32 = 60;
const SHORT_PAUSE: u32 = 20;
const LONG_PAUSE: u32 = 50;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/python")
}

/// Whether the tests run. `tests/run` sets the variable where there is no Python, and counts them
/// as skipped.
fn is_skipped() -> bool {
    let skipped = std::env::var_os("WITHOUT_PYTHON").is_some();
    if skipped {
        println!("skipped: WITHOUT_PYTHON is set");
    }
    skipped
}

/// Whether there are mypy, pandas and polars. Without them tests fail, unless `tests/run` has set the
/// variable, and counts them as skipped.
fn has_tools() -> bool {
    let skipped = std::env::var_os("WITHOUT_PYTHON_TOOLS").is_some();
    if skipped {
        println!("skipped: WITHOUT_PYTHON_TOOLS is set");
    }
    !skipped
}

/// Python with the package, and with mypy, pandas and polars where they are.
fn python() -> Command {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/python/bin/python3");
    let mut command = if has_tools() {
        assert!(
            tools.exists(),
            "there is no {}; `make python-tools` makes it",
            tools.display()
        );
        let mut command = Command::new(tools);
        command.env("PAPERTRADER_TEST_FRAMES", "1");
        command
    } else {
        Command::new("python3")
    };
    command
        .current_dir(folder())
        .env("PYTHONPATH", folder())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs Python to its end, with a line of input.
fn run(command: &mut Command, input: &str) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not read its input has ended already, and says why.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the package's command line for alice.
fn command_line(servers: &str, arguments: &str) -> Ran {
    let mut command = python();
    command.args(["-m", "papertrader", "--server", servers, "--user", "alice"]);
    command.args(["--password-stdin", "--json", "--timeout", "60"]);
    command.args(arguments.split(' '));
    run(&mut command, &format!("{PASSWORD}\n"))
}

#[test]
fn its_own_tests_pass_against_real_servers() {
    if is_skipped() {
        return;
    }
    // The sample market goes on after its last bar, should the machine be slow.
    let deployment = Deployment::builder()
        .workers(2)
        .set("assets.replay.at_end", "simulate")
        .start();
    let mut command = python();
    command.args(["-m", "unittest", "discover", "--top-level-directory", "."]);
    command.env("PAPERTRADER_TEST_SERVERS", deployment.addresses().join(","));
    let ran = run(&mut command, "");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    // Those that need servers ran, and nothing else was left out.
    let skipped = ran.err.contains("skipped=");
    assert_eq!(skipped, !has_tools(), "{}", ran.err);
    deployment.assert_sound("after the tests of the package");
}

#[test]
fn its_types_hold() {
    if is_skipped() || !has_tools() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let mut command = python();
    command.args(["-m", "mypy", "--strict", "--cache-dir"]);
    command.arg(cache.path()).arg("papertrader");
    let ran = run(&mut command, "");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn it_speaks_tls_and_believes_the_certificates_that_it_is_told_to() {
    if is_skipped() {
        return;
    }
    let deployment = Deployment::new(1);
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (certificate, key) = (
        deployment.dir().join("cert.pem"),
        deployment.dir().join("key.pem"),
    );
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&key, mode).unwrap();
    deployment.worker(1).set("tls.certificate", "cert.pem");
    deployment.worker(1).set("tls.key", "key.pem");
    deployment.start_all();
    let server = deployment.worker(1).address();

    let ca = certificate.to_str().unwrap();
    let register = format!("--ca {ca} register alice alice@example.org");
    assert_eq!(command_line(&server, &register).code, 0);
    let ran = command_line(&server, &format!("--ca {ca} buy AAPL 1"));
    assert_eq!(ran.json()["status"], "settled");
    // In plain text to a port that speaks TLS alone, and over TLS without the certificate.
    for (options, why) in [
        ("--timeout 2 --plain", "no worker could be reached"),
        (
            "--ca /etc/hostname",
            "cannot be used as a file of certificates",
        ),
    ] {
        let ran = command_line(&server, &format!("{options} server"));
        assert_eq!(ran.code, 3, "{options}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&certificate, other.cert.pem()).unwrap();
    let ran = command_line(&server, &format!("--ca {ca} server"));
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("its certificate is not accepted"),
        "{}",
        ran.err
    );
}

/// One asset whose price goes up and down every 4 bars, so that the bot has an order in flight half
/// of the time.
fn waves(bars: u32) -> Market {
    let mut rows = String::new();
    for bar in 0..bars {
        let (minutes, phase) = (bar / 60, bar % 4);
        let price = 100 + 5 * phase.min(4 - phase) + bar * 7919 % 3;
        let day = 1 + minutes / (24 * 60);
        let (hour, minute, second) = (minutes / 60 % 24, minutes % 60, bar % 60);
        let time = format!("2020-01-{day:02} {hour:02}:{minute:02}:{second:02}");
        writeln!(rows, "{time},{price},{price},{price},{price},1000").unwrap();
    }
    Market::files("2020-01-01", &[("WAVE", &rows)])
}

/// The bot, and the lines that it prints.
struct Bot {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Bot {
    fn start(servers: &str, updates: u32) -> Bot {
        let mut child = python()
            .arg("examples/moving_average.py")
            .args([servers, "alice", "WAVE", &updates.to_string()])
            .env("PASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Bot { child, lines }
    }

    /// The next line; what it says on standard error if there is none.
    fn line(&mut self) -> String {
        let Some(line) = self.lines.next() else {
            let mut text = String::new();
            let errors = self.child.stderr.as_mut().unwrap();
            errors.read_to_string(&mut text).unwrap();
            panic!("the bot has ended: {text}");
        };
        line.unwrap()
    }
}

/// Waits until the bot has an order on the queue: who dies now takes its answer along.
fn await_order(pool: &mut WorkerPool) {
    until("the bot has an order in flight", || {
        // A master or a worker that has just been started may not answer yet.
        let orders = pool.call(Client::open_orders);
        orders.is_ok_and(|orders| !orders.0.is_empty())
    });
}

/// A worker and the master are killed in turn while the bot waits for the outcome of an order. What
/// it has booked is what the ledger has.
#[test]
fn a_bots_book_is_the_servers_although_worker_and_master_are_killed() {
    if is_skipped() {
        return;
    }
    let long: Option<u32> = std::env::var("BOT_UPDATES")
        .ok()
        .map(|updates| updates.parse().unwrap());
    let (updates, pause) = long.map_or((SHORT_RUN, SHORT_PAUSE), |n| (n, LONG_PAUSE));
    let deployment = Deployment::builder()
        .workers(2)
        .update_interval(Duration::from_millis(200))
        .market(waves(2 * updates + 2000))
        .start();
    let servers = deployment.addresses().join(",");
    let registered = command_line(&servers, "register alice alice@example.org");
    assert_eq!(registered.code, 0, "{}", registered.err);
    let alice = Username::parse("alice").unwrap();
    let mut pool = WorkerPool::new(deployment.addresses(), None, ConnectOptions::default());
    let pass = HashedPass::derive(&alice, PASSWORD);
    pool.login(&alice, &pass, false).unwrap();

    let mut bot = Bot::start(&servers, updates);
    let (mut worker, mut kills) = (1, 0);
    for update in 1..=updates {
        let line = bot.line();
        assert!(line.contains(" WAVE "), "{line}");
        // In the last moments there may be no order any more.
        if update + pause / 2 > updates {
            continue;
        }
        if update.is_multiple_of(pause) {
            await_order(&mut pool);
            deployment.worker(worker).kill();
            deployment.worker(worker).start();
            worker = 3 - worker;
            kills += 1;
        } else if update % pause == pause / 2 {
            await_order(&mut pool);
            deployment.master().kill();
            deployment.master().start();
            kills += 1;
        }
    }
    let book = bot.line();
    assert!(bot.child.wait().unwrap().success());

    deployment.assert_sound("after the bot");
    let portfolio = command_line(&servers, "portfolio").json();
    let units = portfolio["positions"]
        .as_array()
        .unwrap()
        .first()
        .map_or("0", |position| position["quantity"].as_str().unwrap());
    let history = command_line(&servers, "transactions").json();
    let rows = history["transactions"].as_array().unwrap();
    let cash = portfolio["cash"].as_str().unwrap();
    let said = format!("cash {cash} units {units} fills {}", rows.len());
    assert_eq!(book, said);
    assert!(
        rows.iter().all(|row| row["status"] == "settled"),
        "{rows:?}"
    );
    assert!(rows.len() >= 4, "the bot hardly traded: {book}");
    println!(
        "{updates} updates, {kills} kills, {} orders: {book}",
        rows.len()
    );
}
