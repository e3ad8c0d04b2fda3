//! `papertrader`, the built program, against a worker of the tests' own: what it prints, keeps, and
//! exits with.

use super::fake_worker::{Fake, Orders};
use papertrader::model::{NameValue, OpenValue, ProtocolFault, Reason};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A person at a machine of their own.
pub struct Person {
    pub home: TempDir,
}

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Person {
    pub fn new() -> Person {
        Person {
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// Logged in as alice at `fake`.
    pub fn at(fake: &Fake) -> Person {
        let person = Person::new();
        let ran = person.run_with(
            &[
                "--server",
                &fake.address,
                "login",
                "alice",
                "--password-stdin",
            ],
            "secret word\n",
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
        person
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(papertrader::testkit::program::find("papertrader"));
        command
            .args(args)
            .env_clear()
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", self.home.path());
        command
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut child = self.spawn(args);
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn run(&self, line: &str) -> Ran {
        self.run_with(&line.split(' ').collect::<Vec<_>>(), "")
    }

    /// The file of its sessions.
    pub fn file(&self) -> PathBuf {
        self.home
            .path()
            .join(".local/state/papertrader/sessions.json")
    }
}

/// An address where nobody listens.
pub fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

#[test]
fn accounts_begin_and_end() {
    let fake = Fake::start();
    let person = Person::new();
    let server = fake.address.as_str();
    let ran = person.run_with(
        &[
            "--server",
            server,
            "register",
            "alice",
            "a@example.org",
            "--password-stdin",
        ],
        "secret word\n",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let next = format!("papertrader --server {server} login alice\n");
    assert!(ran.out.contains(&next), "{}", ran.out);
    let ran = person.run_with(
        &[
            "--server",
            server,
            "register",
            "taken",
            "a@example.org",
            "--password-stdin",
        ],
        "secret word\n",
    );
    assert_eq!(ran.code, 5);
    assert!(
        ran.err.contains("username-taken") && ran.err.contains(" login taken\n"),
        "{}",
        ran.err
    );
    let ran = person.run_with(
        &["--server", server, "login", "wrong", "--password-stdin"],
        "secret word\n",
    );
    assert_eq!(ran.code, 5);
    let card = format!("papertrader --server {server} password reset wrong\n");
    assert!(ran.err.contains(&card), "{}", ran.err);
    assert!(!person.file().exists());

    let ran = person.run_with(
        &[
            "--json",
            "--server",
            server,
            "login",
            "alice",
            "--password-stdin",
        ],
        "secret word\n",
    );
    let login = ran.json();
    assert_eq!(login["username"], "alice");
    assert_eq!(login["workers"][0], server);
    assert!(
        !ran.out.contains("abab"),
        "the session is a secret: {}",
        ran.out
    );
    let mode = std::fs::metadata(person.file())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    // From now on the server need not be named.
    assert_eq!(
        person.run("--json user").json()["email"],
        "alice@example.org"
    );
    assert!(person.run("user bob").out.contains("bob"));
    assert_eq!(person.run("logout").code, 0);
    let ran = person.run("quote AAPL");
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("papertrader login alice"), "{}", ran.err);
}

#[test]
fn sessions_that_ended_are_forgotten_with_advice() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    fake.tell(|t| t.expired = true);
    let ran = person.run("--json portfolio");
    assert_eq!(ran.code, 4);
    let error: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["error"]["code"], "session-expired");
    assert!(
        error["error"]["advice"]
            .as_str()
            .unwrap()
            .contains("papertrader login alice")
    );
    // Programs find it on standard output as well.
    assert_eq!(ran.out, ran.err);
    let kept = std::fs::read_to_string(person.file()).unwrap();
    assert!(!kept.contains("abab"), "the ended session's ID: {kept}");
}

/// Logs a person in at `server` as `name`.
fn login(person: &Person, server: &str, name: &str) {
    let line = ["--server", server, "login", name, "--password-stdin"];
    let ran = person.run_with(&line, "secret word\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
}

/// Two accounts at one server, alice's login the last.
fn bob_and_alice(fake: &Fake) -> Person {
    let person = Person::new();
    for name in ["bob", "alice"] {
        login(&person, &fake.address, name);
    }
    person
}

#[test]
fn an_ended_session_is_not_replaced_by_another_accounts() {
    let fake = Fake::start();
    let person = bob_and_alice(&fake);
    assert_eq!(person.run("--json portfolio").json()["account"], "alice");
    fake.tell(|t| t.expired = true);
    assert_eq!(person.run("portfolio").code, 4);
    // The server takes sessions again; bob's is as good as before.
    fake.tell(|t| t.expired = false);
    let orders = || fake.told.lock().unwrap().order_ids.len();
    for line in [
        "portfolio".to_owned(),
        "buy AAPL 1".to_owned(),
        "transactions".to_owned(),
        "user".to_owned(),
        "quote AAPL".to_owned(),
        "--user alice portfolio".to_owned(),
        format!("--server {} portfolio", fake.address),
    ] {
        let ran = person.run(&line);
        assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{line}: {}", ran.err);
        assert!(
            ran.err.contains("The session of alice has ended"),
            "{}",
            ran.err
        );
        assert!(
            ran.err.contains("login alice") && ran.err.contains("bob"),
            "{}",
            ran.err
        );
    }
    assert_eq!(orders(), 0);
    let bob = person.run("--user bob --json portfolio").json();
    assert_eq!(bob["account"], "bob");
    let by_variable = |name: &str, args: &[&str]| {
        let mut command = person.command(args);
        command.env("PAPERTRADER_USER", name).output().unwrap()
    };
    let ran = by_variable("bob", &["--json", "portfolio"]);
    let bob: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(bob["account"], "bob");
    assert_eq!(by_variable("alice", &["portfolio"]).status.code(), Some(4));
    // A login needs neither the server's name nor --user, and is the last one again.
    let ran = person.run_with(&["login", "alice", "--password-stdin"], "secret word\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(person.run("--json portfolio").json()["account"], "alice");
}

#[test]
fn after_the_last_logins_logout_nobody_else_is_acted_for() {
    let fake = Fake::start();
    let person = bob_and_alice(&fake);
    assert_eq!(person.run("logout").out, "Logged out alice.\n");
    for line in ["portfolio", "sell AAPL 1", "logout"] {
        let ran = person.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{line}");
        assert!(ran.err.contains("alice has logged out"), "{}", ran.err);
    }
    assert_eq!(person.run("--user bob portfolio").code, 0);
    // The logout of another leaves the choice as it is.
    login(&person, &fake.address, "alice");
    assert_eq!(person.run("--user bob logout").code, 0);
    assert_eq!(person.run("--json portfolio").json()["account"], "alice");
    // One that the server has ended before is logged out once.
    fake.tell(|t| t.expired = true);
    assert_eq!(person.run("portfolio").code, 4);
    let ran = person.run("logout");
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "The session of alice had ended already.\n")
    );
    assert_eq!(person.run("logout").code, 4);
}

#[test]
fn what_acts_for_an_account_names_it() {
    let fake = Fake::start();
    let person = bob_and_alice(&fake);
    for line in [
        "buy AAPL 1",
        "sell AAPL 1",
        "buy AAPL 1 --no-wait",
        "portfolio",
        "portfolio --realised",
        "transactions",
        "transactions --receipt last",
        "user",
    ] {
        let ran = person.run(line);
        assert!(
            ran.code == 0 && ran.out.contains("alice"),
            "{line}: {}{}",
            ran.out,
            ran.err
        );
        assert_eq!(
            person.run(&format!("--json {line}")).json()["account"],
            "alice",
            "{line}"
        );
    }
    let csv = person.run("transactions --csv");
    assert_eq!(csv.err, "transactions of alice\n");
    assert!(csv.out.starts_with("id,"), "{}", csv.out);
    // Another's, seen by alice.
    let seen = person.run("--json portfolio --of carol").json();
    assert_eq!(
        (&seen["account"], &seen["username"]),
        (&"alice".into(), &"carol".into())
    );
    // Failures too.
    fake.tell(|t| t.orders = Orders::Reject(Reason::InsufficientFunds.into()));
    let ran = person.run("buy AAPL 1");
    assert!(
        ran.err.contains("papertrader: alice: 1 AAPL cost about ")
            && ran.err.contains("(insufficient-funds)"),
        "{}",
        ran.err
    );
}

#[test]
fn a_session_file_that_others_can_read_is_refused() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    std::fs::set_permissions(person.file(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = person.run("quote AAPL");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("chmod 600"), "{}", ran.err);
}

#[test]
fn an_expirable_session_lives_as_long_as_its_command() {
    let fake = Fake::start();
    let person = Person::new();
    let mut child = person.spawn(&[
        "--server",
        &fake.address,
        "login",
        "alice",
        "--expirable",
        "--password-stdin",
    ]);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"secret word\n").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("ends with this command"), "{line}");
    assert_eq!(person.run("quote AAPL").code, 0);
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(person.run("quote AAPL").code, 4);
}

#[test]
fn prices_are_shown_and_told_to_programs() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    let quotes = person.run("--json quote aapl IBM").json();
    assert_eq!(quotes[0]["symbol"], "AAPL");
    assert_eq!(quotes[0]["value"], "100.5");
    assert_eq!(quotes[0]["time"], "2013-03-01T00:00:00.000Z");
    assert_eq!(quotes[0]["age_seconds"], 0);
    let ran = person.run("quote AAPL NONE");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("no asset NONE"), "{}", ran.out);
    let ran = person.run("quote AAPL");
    assert!(
        ran.out.contains("2013-03-01")
            && ran.out.contains(" 0 s")
            && ran.out.contains("behind this machine's clock"),
        "{}",
        ran.out
    );

    assert_eq!(person.run("assets --symbols").out, "AAPL\nIBM\n");
    assert_eq!(
        person
            .run("--json assets ap")
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let info = person.run("--json info AAPL").json();
    assert_eq!(info["close"], "101.5");
    let forecast = person.run("--json forecast AAPL 2013-03-05").json();
    assert_eq!(forecast["low"], "90");

    let chart = person.run("chart AAPL --month --ascii").out;
    assert!(
        chart.starts_with("AAPL, month to 2013-03-01 UTC: 122.50 (+20.68 % since 2013-03-01)"),
        "{chart}"
    );
    assert!(
        chart.contains('*') && chart.contains("2013-03-22"),
        "{chart}"
    );
    let csv = person.run("chart AAPL --week --date 2013-03-07 --csv").out;
    assert_eq!(csv.lines().count(), 8);
    assert!(csv.starts_with(
        "time,open,high,low,close,volume\n2013-03-01T00:00:00.000Z,100,110,90,101.5,1000\n"
    ));
    let all = person.run("chart AAPL --all --json").json();
    assert_eq!(all["bars"].as_array().unwrap().len(), 240);
    assert_eq!(all["date"], Value::Null);
}

/// What the server tells of its market.
fn facts(texts: &[&str]) -> Option<Vec<NameValue>> {
    let fact = |text: &&str| NameValue::parse(text).unwrap();
    Some(texts.iter().map(fact).collect())
}

#[test]
fn prices_say_of_which_market_they_are_and_have_one_age() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    let time = "market-time=2013-03-04T00:00:00.000Z";
    for (kind, told) in [
        ("market=replay", "Market time is 2013-03-04 UTC"),
        ("market=replay", "the market is a replay"),
        ("market=simulated", "the market is simulated"),
    ] {
        fake.tell(|t| t.facts = facts(&[kind, "state=open", time]));
        let login = ["login", "alice", "--password-stdin"];
        let ran = person.run_with(&login, "secret word\n");
        let note = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(note.contains(told), "told once, at the login: {note}");
        assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
        let shown = person.run("quote AAPL").out;
        assert!(
            shown.contains(" 3 d\n") && shown.contains(" market time (UTC) "),
            "{shown}"
        );
        assert!(!shown.contains("the market is"), "{shown}");
        let quotes = person.run("--json quote AAPL").json();
        assert_eq!(quotes[0]["age_seconds"], 3 * 86_400);
    }
    let shown = person.run("portfolio").out;
    assert!(shown.contains("simulated, open, 2013-03-04 UTC"), "{shown}");

    fake.tell(|t| {
        t.facts = facts(&["market=replay", "state=ended", time]);
        t.orders = Orders::Reject(Reason::NoPrice.into());
    });
    let shown = person.run("quote AAPL").out;
    assert!(
        shown.contains(" –\n") && shown.contains("The market has ended: its last prices, of 2013"),
        "{shown}"
    );
    let quotes = person.run("--json quote AAPL").json();
    assert_eq!(quotes[0]["age_seconds"], Value::Null);
    let ran = person.run("buy AAPL 1");
    assert_eq!(ran.code, 5);
    assert!(
        ran.err.contains("The market has ended") && !ran.err.contains("papertrader quote"),
        "{}",
        ran.err
    );
    fake.tell(|t| t.facts = facts(&["market=replay", "state=open", time]));
    let ran = person.run("buy AAPL 1");
    assert!(ran.err.contains("papertrader quote AAPL"), "{}", ran.err);
}

#[test]
fn watching_prints_changes_and_stops_at_a_signal() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    let ran = person.run("watch AAPL --count 3 --interval 100ms --json");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let values: Vec<Value> = ran
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(values.len(), 3);
    assert_eq!(values[2]["quotes"][0]["value"], "101.5");
    assert_eq!(person.run("watch NONE --count 3").code, 5);

    let mut child = person.spawn(&["watch", "AAPL", "--interval", "100ms"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        assert!(lines.next().unwrap().unwrap().starts_with("AAPL 10"));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn orders_are_followed_to_their_end() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    let ran = person.run("buy aapl 2");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out
            .starts_with("Bought 2 AAPL at 100.50: 201.00 in all.\n"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("settles in about 2 s"), "{}", ran.err);
    let sold = person.run("--json sell AAPL 0.5 --order-id mine.1").json();
    assert_eq!(sold["status"], "settled");
    assert_eq!(sold["order_id"], "mine.1");
    assert_eq!(sold["total"], "50.25");
    assert_eq!(sold["side"], "sell");

    fake.tell(|t| t.orders = Orders::Queue);
    let queued = person.run("--json buy AAPL 1 --no-wait").json();
    assert_eq!(queued["status"], "queued");
    assert!(queued["expected"].is_string());

    fake.tell(|t| t.orders = Orders::Reject(Reason::InsufficientFunds.into()));
    let ran = person.run("--json buy AAPL 1");
    assert_eq!(ran.code, 5);
    let rejected: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(rejected["status"], "rejected");
    assert_eq!(rejected["reason"], "insufficient-funds");
    assert_eq!(rejected["error"]["code"], "insufficient-funds");
    assert_eq!(rejected["account"], "alice");
    assert!(
        ran.err
            .contains("1 AAPL cost about 101.00; alice has 1,234.50 in cash: at most 12 units."),
        "{}",
        ran.err
    );
    let advice = rejected["error"]["advice"].as_str().unwrap();
    assert!(advice.contains("in cash"), "{advice}");
    fake.tell(|t| t.orders = Orders::Reject(Reason::InsufficientHoldings.into()));
    let ran = person.run("sell AAPL 11");
    assert_eq!(ran.code, 5);
    assert!(
        ran.out.is_empty()
            && ran
                .err
                .contains("The order sells 11 units; alice holds 10 units of AAPL."),
        "{}",
        ran.err
    );
}

#[test]
fn an_order_moves_on_to_the_next_worker_under_its_id() {
    let (first, second) = (Fake::start(), Fake::start());
    first.tell(|t| t.workers = vec![first.address.clone(), second.address.clone()]);
    let person = Person::at(&first);
    // The first worker takes the order and dies with it.
    first.tell(|t| t.orders = Orders::CutOnce);
    let ran = person.run("buy AAPL 1");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("asking again under the same order ID"),
        "{}",
        ran.err
    );
    let ids = |fake: &Fake| fake.told.lock().unwrap().order_ids.clone();
    let mut seen = ids(&first);
    seen.extend(ids(&second));
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0], seen[1]);
    // One that stops is passed over by reads too.
    first.tell(|t| t.fault = Some(ProtocolFault::ShuttingDown.into()));
    assert_eq!(person.run("quote AAPL").code, 0);
    second.tell(|t| t.fault = Some(ProtocolFault::ShuttingDown.into()));
    let ran = person.run("quote AAPL");
    assert_eq!(ran.code, 3);
    assert!(
        ran.err.contains("shutting-down") && ran.err.contains("--server"),
        "{}",
        ran.err
    );
}

#[test]
fn what_may_have_been_meant_is_asked() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    for (line, question) in [
        ("quote IBM APPL", "APPL: Did you mean AAPL?"),
        ("chart APPL", "Did you mean AAPL?"),
        ("--user alcie portfolio", "Did you mean alice?"),
        ("portfolo", "'portfolio'"),
        ("quote AAPL --jsn", "'--json'"),
    ] {
        let ran = person.run(line);
        let told = ran.out.clone() + &ran.err;
        assert_ne!(ran.code, 0, "{told}");
        assert!(told.contains(question), "{line}: {told}");
    }
}

#[test]
fn a_shell_is_told_names_quickly_and_nothing_else() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    let told = |line: &str| {
        let ran = person.run(line);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
        ran.out
    };
    assert_eq!(told("__complete symbols a"), "AAPL\n");
    assert_eq!(told("__complete users al"), "alice\n");
    assert_eq!(
        told("__complete users b") + &told("__complete nonsense"),
        ""
    );
    let cache = person.home.path().join(".cache/papertrader/symbols");
    let mode = std::fs::metadata(&cache).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Without a server what is known is told, and without a session nothing.
    drop(fake);
    let all = person.run_with(&["__complete", "symbols", ""], "").out;
    assert_eq!(all, "AAPL\nIBM\n");
    let hour = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    let file = std::fs::File::options().write(true).open(&cache).unwrap();
    file.set_modified(hour).unwrap();
    assert_eq!(told("__complete symbols I"), "IBM\n");
    let stranger = Person::new();
    let ran = stranger.run("__complete symbols A");
    assert_eq!((ran.code, ran.out + &ran.err), (0, String::new()));
}

#[test]
fn portfolio_and_history_are_shown_and_exported() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    let shown = person.run("portfolio").out;
    for part in [
        "AAPL",
        "1,100.00",
        "+100.00",
        "+10.00 %",
        "1,234.50",
        "2,334.50",
        "day's change",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let all = person.run("--json portfolio --realised").json();
    assert_eq!(all["starting_cash"], "2234.5");
    assert_eq!(all["total_profit"], "100");
    assert_eq!(all["realised_profit"], "0");
    let public = person.run("--json portfolio --of bob").json();
    assert_eq!(public["positions"][0]["share_percent"], "12.34");
    assert_eq!(public["private"], false);

    let table = person.run("transactions").out;
    assert!(
        table.contains("rejected: too few units") && table.contains("1,000.00"),
        "{table}"
    );
    let csv = person.run("transactions --csv").out;
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.starts_with(
        "id,side,status,symbol,accepted,settled,quantity,price,total,priced,order_id,reason\n"
    ));
    assert_eq!(
        person
            .run("transactions --csv --limit 1")
            .out
            .lines()
            .count(),
        2
    );
    let json = person.run("transactions --json").json();
    assert_eq!(json["transactions"][1]["total"], "1000");
    assert_eq!(json["transactions"][0]["price"], Value::Null);

    let last = person.run("--json transactions --receipt last").json();
    assert_eq!(last["transaction"], "01900000-0000-7000-8000-000000000002");
    let by_end = person.run("--json transactions --receipt 0001").json();
    assert_eq!(
        by_end["lines"][0]["value"],
        "01900000-0000-7000-8000-000000000001"
    );
    for (which, why) in [("0190", "several"), ("ffff", "no transaction")] {
        let ran = person.run(&format!("transactions --receipt {which}"));
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains(why), "{}", ran.err);
    }
}

#[test]
fn servers_are_listed_and_measured() {
    let fake = Fake::start();
    let person = Person::new();
    let down = nowhere();
    fake.tell(|t| t.workers = vec!["eu1:2049".to_owned(), "eu2:2049".to_owned()]);
    let list = person
        .run(&format!("--json --server {down},{} workers", fake.address))
        .json();
    assert_eq!(list["workers"], serde_json::json!(["eu1:2049", "eu2:2049"]));
    assert_eq!(list["from"], fake.address);
    let list = person.run(&format!("--master {} workers", fake.address));
    assert_eq!(list.out, "eu1:2049\neu2:2049\n");
    let pings = person
        .run(&format!(
            "--json --server {down} --server {} ping",
            fake.address
        ))
        .json();
    assert!(
        pings[0]["error"].is_string() && pings[1]["microseconds"].is_u64(),
        "{pings}"
    );
    assert_eq!(person.run(&format!("--server {down} ping")).code, 3);
    let ran = person.run(&format!("--server {down} workers"));
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains(&down), "{}", ran.err);
}

#[test]
fn the_command_line_is_refused_before_anything_is_done() {
    let person = Person::new();
    for line in [
        "nonsense",
        "buy AAPL 0",
        "chart AAPL --day --year",
        "--pin 12 ping",
        "--server a:0 ping",
        "--timeout 0 ping",
        "transactions --limit 0",
    ] {
        let ran = person.run(line);
        assert_eq!(ran.code, 2, "{line}: {}{}", ran.out, ran.err);
    }
    // What a variable says is not asked for, and options for every command stand apart.
    let mut command = person.command(&["quote"]);
    command.env("PAPERTRADER_SERVER", "eu1:2049");
    command.env("PAPERTRADER_USER", "alice");
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let usage = "\nUsage: papertrader quote [OPTIONS] <SYMBOL>...\n";
    assert!(told.contains(usage), "{told}");
    let help = person.run("buy --help").out;
    let (own, others) = help.split_once("Options for every command:").unwrap();
    assert!(
        own.contains("--patience") && !own.contains("--server"),
        "{help}"
    );
    assert!(others.contains("--server"), "{help}");
    for line in ["--help", "--version", "buy --help", "help chart"] {
        let ran = person.run(line);
        assert_eq!(ran.code, 0, "{line}");
        assert!(!ran.out.is_empty());
    }
    assert!(person.run("--help").out.contains("Examples:"));
    assert!(person.run("login").err.contains("papertrader login NAME"));
    let ran = person.run_with(&["login", "alice", "--password-stdin"], "\n");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("the password is empty"), "{}", ran.err);
}

#[test]
fn a_server_is_shown_in_80_columns_as_far_as_it_tells() {
    let fake = Fake::start();
    let person = Person::new();
    let server = |extra: &str| person.run(&format!("--server {} server{extra}", fake.address));
    let ran = server("");
    assert_eq!(
        (ran.code, ran.out),
        (0, format!("server  {}\n", fake.address))
    );
    let told = [
        "version=0.1.0",
        "wire=1",
        "edition=2",
        "currency=USD",
        "market=replay",
        "state=paused",
        "market-time=2013-03-01T00:00:00.000Z",
        "update-interval=5000",
        "next-update=2000-01-02T03:04:05.000Z",
        "steps-left=812",
        "login=password,google,university",
        "reset=mail",
        "fees=no",
        "of-later=x",
    ];
    let facts = told.map(|fact| NameValue::parse(fact).unwrap()).to_vec();
    fake.tell(|told| told.facts = Some(facts));
    let ran = server("");
    let lines = [
        &format!("server        {}", fake.address),
        "market        replay, paused",
        "market time   2013-03-01 UTC",
        "next update   2000-01-02 03:04:05 UTC, in 0 s",
        "update every  5 s",
        "steps left    812, for 1 h 7 min",
        "currency      USD",
        "sign in by    password, google, university",
        "reset by      a code by mail",
        "fees          no",
        "version       0.1.0, wire format 1, edition 2\n",
    ];
    assert_eq!((ran.code, ran.out), (0, lines.join("\n")), "{}", ran.err);
    assert!(lines.iter().all(|line| line.len() <= 80));
    let facts = ["market=replay", "state=ended", "steps-left=0"];
    let ended = facts.map(|fact| NameValue::parse(fact).unwrap()).to_vec();
    let told_before = fake.told.lock().unwrap().facts.replace(ended);
    let ran = server("");
    assert!(
        ran.out.contains("replay, ended\n") && ran.out.contains("steps left  0\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("orders are refused"), "{}", ran.out);
    fake.tell(|told| told.facts = told_before);
    let view = server(" --json").json();
    let expected = serde_json::json!({
        "server": fake.address,
        "version": "0.1.0",
        "wire": 1,
        "edition": 2,
        "market": "replay",
        "state": "paused",
        "market_time": "2013-03-01T00:00:00.000Z",
        "update_interval_ms": 5000,
        "next_update": "2000-01-02T03:04:05.000Z",
        "steps_left": 812,
        "currency": "USD",
        "login": ["password", "google", "university"],
        "reset": "mail",
        "fees": false,
    });
    assert_eq!(view, expected);
}

#[test]
fn a_forgotten_password_is_set_anew_with_a_code() {
    let fake = Fake::start();
    let person = Person::new();
    let at = |line: &str| format!("--server {} password {line}", fake.address);
    let facts = |reset: &str| Some(vec![NameValue::parse(&format!("reset={reset}")).unwrap()]);
    fake.tell(|told| told.facts = facts("mail"));
    let ran = person.run(&at("forgot alice"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("If alice has an account"), "{}", ran.out);
    fake.tell(|told| told.facts = facts("administrator"));
    let ran = person.run(&at("forgot alice@example.org"));
    assert!(
        ran.out.contains("Ask its administrator for a code"),
        "{}",
        ran.out
    );
    let view = person.run(&at("forgot alice --json")).json();
    assert_eq!(view["reset"], "administrator");
    assert_eq!(person.run(&at("forgot a@b@c")).code, 2);

    let line = at("reset alice --password-stdin");
    let line: Vec<&str> = line.split(' ').collect();
    let ran = person.run_with(&line, "abcde-olfgh-jkmnp-qrstv\nnew password\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("alice has a new password"), "{}", ran.out);
    let refused = || {
        let ran = person.run_with(&line, "00000-00000-00000-00000\nnew password\n");
        assert_eq!(ran.code, 5, "{}", ran.err);
        ran.err
    };
    let err = refused();
    assert!(err.contains("ask its administrator"), "{err}");
    fake.tell(|told| told.facts = facts("mail"));
    let err = refused();
    let forgot = format!("papertrader {}\n", at("forgot alice"));
    assert!(err.contains(&forgot), "{err}");
    let ran = person.run_with(&line, "00000\nnew password\n");
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("a code is 20 letters and digits"),
        "{}",
        ran.err
    );
    let ran = person.run_with(&line, "abcde-olfgh-jkmnp-qrstv\n");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("the password is empty"), "{}", ran.err);
}

#[test]
fn a_server_of_the_first_edition_is_no_failure() {
    let fake = Fake::start();
    fake.tell(|told| told.facts = None);
    let person = Person::new();
    let ran = person.run(&format!("--server {} server", fake.address));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("first edition"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.len() <= 80), "{}", ran.out);
    let view = person
        .run(&format!("--server {} --json server", fake.address))
        .json();
    assert_eq!(
        (view["wire"].as_u64(), view["edition"].as_u64()),
        (Some(1), Some(1))
    );
    assert_eq!(view["state"], Value::Null);
    // Another error is one.
    fake.tell(|told| told.fault = Some(OpenValue::Known(ProtocolFault::NotAllowed)));
    let ran = person.run(&format!("--server {} server", fake.address));
    assert_eq!(ran.code, 5);
    assert!(ran.err.contains("not-allowed"), "{}", ran.err);
}

#[test]
fn variables_stand_for_options() {
    let fake = Fake::start();
    let person = Person::new();
    let ran = person
        .command(&["ping"])
        .env(
            "PAPERTRADER_SERVER",
            format!("{},{}", nowhere(), fake.address),
        )
        .output()
        .unwrap();
    assert!(ran.status.success());
    let ran = person
        .command(&["login", "--password-stdin"])
        .env("PAPERTRADER_SERVER", &fake.address)
        .env("PAPERTRADER_USER", "alice")
        .env("XDG_STATE_HOME", person.home.path().join("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            child.stdin.take().unwrap().write_all(b"secret word\n")?;
            child.wait()
        })
        .unwrap();
    assert!(ran.success());
    assert!(
        person
            .home
            .path()
            .join("state/papertrader/sessions.json")
            .exists()
    );
}

#[test]
fn a_pipe_that_is_closed_early_is_no_crash() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    let mut child = person.spawn(&["watch", "AAPL", "--interval", "100ms"]);
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 4]).unwrap();
    drop(stdout);
    let mut err = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(err, "");
}
