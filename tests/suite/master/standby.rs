//! Two masters with one database: one leads and one stands by, whichever is killed, stopped or steps
//! down. Real daemons, on the server of `tests/with-postgres`; without one the tests pass over it.

use super::orders::{LOW, placed};
use crate::programs::metrics::{metrics_now, value};
use papertrader::client::{Answer, Client, ClientError, ConnectOptions, ServerConnection};
use papertrader::link::keyring::Keyring;
use papertrader::model::{OrderKind, Quantity, Reason, Side, Symbol};
use papertrader::testkit::trader::{buy, history, order, portfolio, sell, trade};
use papertrader::testkit::{
    Daemon, Deployment, DeploymentBuilder, Market, TEST_TIMEOUT, eventually, until,
};
use papertrader::wire::{ConnectionState, Reply, Request};
use rustix::process::Signal;
use serde_json::Value;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The exit code of a master that leads no more.
const SUPERSEDED: i32 = 75;
/// The exit code of a bad configuration.
const BAD_CONFIG: i32 = 78;
/// Longer than any wait of a test: who takes over within it has not waited for the lease's end.
const LONG_LEASE: &str = "60s";

fn builder() -> DeploymentBuilder {
    Deployment::builder()
        .workers(2)
        .standby()
        .set("database.lease", "3s")
}

/// A deployment with two masters that is not started; `None`, aloud, where there is no server.
fn made(builder: DeploymentBuilder) -> Option<Deployment> {
    let deployment = builder.make();
    if deployment.standby().is_none() {
        println!("skipped: run by tests/with-postgres");
        return None;
    }
    Some(deployment)
}

/// The same, started: the first one leads.
fn started(builder: DeploymentBuilder) -> Option<Deployment> {
    made(builder).inspect(Deployment::start_all)
}

/// The master that is started first, and the other one.
fn both(deployment: &Deployment) -> (&Daemon, &Daemon) {
    (deployment.master(), deployment.standby().unwrap())
}

/// What `papertraderctl` prints of a command to one of the masters; `None` where it is refused.
fn ctl(deployment: &Deployment, master: &Daemon, words: &[&str]) -> Option<Value> {
    let socket = deployment.dir().join(format!("{}.sock", master.name()));
    let mut arguments = vec!["--socket", socket.to_str().unwrap(), "--json"];
    arguments.extend(words);
    let output = deployment.run("papertraderctl", &arguments);
    output
        .status
        .success()
        .then(|| serde_json::from_slice(&output.stdout).unwrap())
}

fn leads(deployment: &Deployment, master: &Daemon) -> bool {
    let status = ctl(deployment, master, &["status"]);
    status.is_some_and(|status| status.get("queue_depth").is_some())
}

fn stands_by(deployment: &Deployment, master: &Daemon) -> bool {
    let status = ctl(deployment, master, &["status"]);
    status.is_some_and(|status| status.get("leader").is_some())
}

/// The workers that a master tells clients of.
fn listed(master: &Daemon) -> usize {
    let mut connection = ServerConnection::connect(&master.address(), TEST_TIMEOUT).unwrap();
    match connection.call(&Request::GetWorkerList).unwrap() {
        Answer::Message(Reply::WorkerList(workers)) => workers.len(),
        other => panic!("{other:?}"),
    }
}

/// Asks again while the worker has no link to a master that leads: then nothing was sent.
fn patiently<T>(mut ask: impl FnMut() -> Result<T, ClientError>) -> T {
    eventually("the worker is linked to who leads", || match ask() {
        Ok(done) => Some(done),
        Err(error) if error.code() == "master-unavailable" => None,
        Err(error) => panic!("{error}"),
    })
}

/// Whether a worker says that it has no link to a master that leads.
fn is_unavailable(answer: &Answer) -> bool {
    let unavailable = Some(Reason::MasterUnavailable);
    matches!(answer, Answer::Message(Reply::Fail(_, refusal)) if refusal.reason.known() == unavailable)
}

/// Buys or sells one, as soon as a master leads.
fn traded(client: &mut Client, side: Side, symbol: &str) {
    patiently(|| trade(client, side, symbol, "1"));
}

/// A statement in the deployment's database, as a process.
fn sql(deployment: &Deployment, statement: &str) -> Child {
    Command::new("psql")
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
        .arg(deployment.database().shown())
        .stdin(Stdio::null())
        .args(["-c", statement])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Where the market of a leader is: update, steps that are left, and seconds of the market's time.
fn position(deployment: &Deployment, master: &Daemon) -> (i64, i64, i64) {
    let status = ctl(deployment, master, &["status"]).unwrap();
    let prices = &status["assets"];
    let time = prices["market_time"].as_str().unwrap();
    let time = papertrader::model::Timestamp::parse(time).unwrap();
    let number = |value: &Value| value.as_i64().unwrap();
    (
        number(&status["update"]),
        number(&prices["steps_left"]),
        time.0 / 1000,
    )
}

#[test]
fn a_leader_that_is_killed_is_replaced_and_all_goes_on_where_it_was() {
    let Some(deployment) = started(
        Deployment::builder()
            .workers(2)
            .standby()
            .market(Market::seconds("UP", 100, 3600))
            .update_interval(Duration::from_millis(500)),
    ) else {
        return;
    };
    let (master, standby) = both(&deployment);
    assert!(leads(&deployment, master) && stands_by(&deployment, standby));
    assert_eq!((listed(master), listed(standby)), (2, 2));
    assert!(ctl(&deployment, standby, &["workers", "list"]).is_none());
    let mut ada = deployment.trader(1, "ada");
    let mut bob = deployment.trader(2, "bob");
    let price = buy(&mut ada, "UP", "3").price;
    buy(&mut bob, "UP", "2");
    let low = placed(&mut ada, Side::Buy, "2", LOW);
    // The Nth price is N more than the first one, so this waits for 24 updates.
    let high = (price.0 / 1_000_000 + 24).to_string();
    placed(
        &mut bob,
        Side::Sell,
        "1",
        (OrderKind::Limit, Some(&high), None),
    );
    ada.enter(ConnectionState::Command).unwrap();
    bob.enter(ConnectionState::Command).unwrap();
    // Somebody who is known, and not connected.
    let carol = deployment.trader(1, "carol").session().cloned();
    let before = position(&deployment, master);

    // One order is queued, and one is on its way.
    let queued = order(&ada, Side::Sell, "UP", "1", None);
    let sent = order(&bob, Side::Buy, "UP", "1", None);
    ada.connection().send(&queued).unwrap();
    let (told, waits) = mpsc::channel();
    let filled = std::thread::scope(|scope| {
        let answer = scope.spawn(|| ada.connection().reply(|_| told.send(()).unwrap()));
        waits.recv().unwrap();
        bob.connection().send(&sent).unwrap();
        master.kill();
        let killed = Instant::now();
        // Meanwhile prices are those of the cache, for those too who come back.
        while !leads(&deployment, standby) {
            let address = deployment.worker(1).address();
            let options = ConnectOptions::default();
            let mut client = Client::open(&address, &options, carol.clone()).unwrap();
            client.quote(Symbol::parse("UP").unwrap()).unwrap();
        }
        let on_its_way = bob.connection().reply(|_| ()).unwrap();
        // Where the kill was quicker than the order, nothing was sent, and he sends it again.
        let on_its_way = if is_unavailable(&on_its_way) {
            patiently(|| bob.connection().call(&sent))
        } else {
            on_its_way
        };
        let filled = [answer.join().unwrap().unwrap(), on_its_way];
        println!(
            "the orders of before the kill are filled {:?} after it",
            killed.elapsed()
        );
        filled
    });
    for answer in filled {
        let is_filled = matches!(answer, Answer::Message(Reply::Filled(_)));
        assert!(is_filled, "{answer:?}");
    }
    let after = position(&deployment, standby);
    let updates = after.0 - before.0;
    assert!(updates > 0, "{before:?}, {after:?}");
    assert_eq!((before.1 - after.1, after.2 - before.2), (updates, updates));

    // Sessions and open orders go on.
    traded(&mut ada, Side::Buy, "UP");
    patiently(|| ada.cancel_order(low));
    until("the price of the limit has come", || {
        let status = ctl(&deployment, standby, &["status"]).unwrap();
        status["open_orders"] == 0
    });
    let units = |client: &mut Client, name| portfolio(client, name).1[0].quantity;
    assert_eq!(units(&mut ada, "ada"), Quantity(3_000_000));
    assert_eq!(units(&mut bob, "bob"), Quantity(2_000_000));
    // With the one that she cancelled.
    let entries = [
        history(&mut ada, "ada").len(),
        history(&mut bob, "bob").len(),
    ];
    assert_eq!(entries, [4, 3]);

    // Killed again, while nobody else stands by: whoever is started first leads.
    standby.kill();
    master.start();
    until("it leads again", || leads(&deployment, master));
    standby.start();
    assert!(stands_by(&deployment, standby));
    traded(&mut bob, Side::Sell, "UP");
    deployment.assert_sound("after two changes of the master");
    deployment.stop_all();
}

#[test]
fn who_steps_down_stands_by_at_once_and_tells_monitors_so() {
    let Some(deployment) = started(
        builder()
            .set("database.lease", LONG_LEASE)
            .set("metrics.listen", "127.0.0.1:0"),
    ) else {
        return;
    };
    let (master, standby) = both(&deployment);
    let mut ada = deployment.trader(1, "ada");
    buy(&mut ada, "AAPL", "3");
    let led = |master: &Daemon| Some(value(&metrics_now(master)?, "papertrader_leads"));
    assert_eq!((led(master), led(standby)), (Some(1.0), Some(0.0)));
    let told = ctl(&deployment, standby, &["metrics"]).unwrap();
    assert!(told.to_string().contains("papertrader_leads 0"), "{told}");

    let pid = master.pid();
    until("the leader knows its standby", || {
        let status = ctl(&deployment, master, &["status"]).unwrap();
        status["standbys"].as_array().unwrap().len() == 1
    });
    let asked = Instant::now();
    let successor = ctl(&deployment, master, &["step-down"]).unwrap();
    let successor = successor.as_str().unwrap();
    assert!(successor.contains(&standby.address()), "{successor}");
    until("the other one leads", || leads(&deployment, standby));
    let took = asked.elapsed();
    println!("the other one led {took:?} after step-down");
    // Two seconds on an idle machine; who waits for the lease's end takes a minute.
    assert!(took < Duration::from_secs(30), "{took:?}");
    traded(&mut ada, Side::Sell, "AAPL");
    println!("an order was filled {:?} after step-down", asked.elapsed());
    until("it stands by", || stands_by(&deployment, master));
    assert_eq!((master.pid(), master.fallen()), (pid, None));
    until("both tell monitors", || {
        (led(master), led(standby)) == (Some(0.0), Some(1.0))
    });
    assert!(
        ctl(&deployment, master, &["step-down"]).is_none(),
        "it does not lead"
    );

    // Nobody is there any more: it goes on leading.
    let standbys = || {
        let status = ctl(&deployment, standby, &["status"]).unwrap();
        status["standbys"].as_array().unwrap().len()
    };
    until("the new leader knows its standby", || standbys() == 1);
    master.kill();
    until("the other one is gone", || standbys() == 0);
    assert!(ctl(&deployment, standby, &["step-down"]).is_none());
    assert!(leads(&deployment, standby));
    sell(&mut ada, "AAPL", "1");
    master.start();
    assert_eq!(history(&mut ada, "ada").len(), 3);
    deployment.stop_all();
}

#[test]
fn a_master_that_was_stopped_beyond_its_lease_ends_and_writes_nothing() {
    let Some(deployment) = started(builder()) else {
        return;
    };
    let (master, standby) = both(&deployment);
    let mut ada = deployment.trader(1, "ada");
    buy(&mut ada, "AAPL", "2");
    master.signal(Signal::STOP);
    until("the other one leads", || leads(&deployment, standby));
    // The worker still waits for the one that is stopped, or has gone on: the order is filled once.
    master.signal(Signal::CONT);
    let ended = master.wait_exit(TEST_TIMEOUT).unwrap();
    assert_eq!(ended.code(), Some(SUPERSEDED), "{}", master.log());
    traded(&mut ada, Side::Sell, "AAPL");
    master.start();
    assert!(stands_by(&deployment, master));
    assert_eq!(history(&mut ada, "ada").len(), 2);
    let verified = ctl(&deployment, standby, &["verify"]).unwrap();
    assert_eq!(
        verified["differences"],
        Value::Array(Vec::new()),
        "{verified}"
    );
    // Both end as told.
    deployment.stop_all();
}

#[test]
fn of_two_that_start_at_once_one_leads_and_another_key_is_refused() {
    let Some(deployment) = made(builder()) else {
        return;
    };
    let (master, standby) = both(&deployment);
    master.spawn();
    standby.spawn();
    master.wait_ready();
    standby.wait_ready();
    until("one of the two leads", || {
        deployment
            .masters()
            .filter(|it| leads(&deployment, it))
            .count()
            == 1
    });
    let (first, second) = if leads(&deployment, master) {
        (master, standby)
    } else {
        (standby, master)
    };
    assert!(stands_by(&deployment, second));
    assert!(second.stop().0.success());
    // It is of a newer version, and stands by as well as another one.
    older_database(&deployment);
    second.start();
    assert!(stands_by(&deployment, second));
    assert_eq!(listed(second), 2);
    assert!(second.stop().0.success());
    // It has another market than the leader.
    let other = deployment.dir().join("other");
    std::fs::create_dir(&other).unwrap();
    for file in std::fs::read_dir(deployment.layout().market()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), other.join(file.file_name())).unwrap();
    }
    std::fs::write(other.join("NOTE.txt"), "another").unwrap();
    let market = deployment.layout().market();
    let refused = |says: &str, code: i32| {
        second.spawn();
        assert!(!second.serves());
        let ended = second.wait_exit(TEST_TIMEOUT).unwrap();
        let said = second.log();
        let last = said.rfind("cannot stand by").map_or("", |at| &said[at..]);
        assert!(last.contains(says), "{says}: {said}");
        assert_eq!(ended.code(), Some(code), "{said}");
    };
    second.set("assets.replay.directory", other.to_str().unwrap());
    // A next start may find them alike.
    refused("assets.replay.directory", 1);
    second.set("assets.replay.directory", market.to_str().unwrap());
    // It has a secret that the leader has not.
    let secret = deployment.dir().join("mail.key");
    std::fs::write(&secret, "ada\nsecret\n").unwrap();
    std::fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    second.set("mail.url", "smtps://mail.example.org");
    second.set("mail.from", "a@example.org");
    second.set("mail.credentials", secret.to_str().unwrap());
    refused("mail.credentials", 1);
    // It has another key, with which no worker would link to it.
    let home = Keyring::open(&deployment.layout().home(second.name())).unwrap();
    let key = home.generate("another master").unwrap();
    second.set("gpg.key", key.to_string().as_str());
    refused("gpg.key", BAD_CONFIG);
    home.stop().unwrap();
    assert!(leads(&deployment, first));
}

/// Has the database look as one of an older version, as to a standby that is upgraded first.
fn older_database(deployment: &Deployment) {
    let statement = "UPDATE schema_version SET number = number - 1 RETURNING 1";
    let done = sql(deployment, statement).wait_with_output().unwrap();
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "1\n");
}

#[test]
fn a_clock_that_is_an_hour_off_changes_nothing() {
    let Some(deployment) = made(builder().own_clocks()) else {
        return;
    };
    let (master, standby) = both(&deployment);
    if std::env::var_os("WITHOUT_FAKETIME").is_some() {
        return println!("skipped: WITHOUT_FAKETIME is set");
    }
    // The database's clock and the standby's are the machine's.
    for daemon in deployment.workers().iter().chain([master]) {
        daemon.set_clock(3_600_000);
    }
    deployment.start_all();
    assert!(leads(&deployment, master) && stands_by(&deployment, standby));
    let mut ada = deployment.trader(1, "ada");
    buy(&mut ada, "AAPL", "1");
    assert!(leads(&deployment, master) && stands_by(&deployment, standby));
    master.kill();
    until("the other one leads", || leads(&deployment, standby));
}

#[test]
fn a_standby_of_an_older_version_ends_and_the_leader_goes_on() {
    let Some(deployment) = started(builder()) else {
        return;
    };
    let (master, standby) = both(&deployment);
    let mut ada = deployment.trader(1, "ada");
    buy(&mut ada, "AAPL", "1");
    // What a leader of a newer version does to the database as it takes over.
    let version = |number: &str| {
        let statement = format!("UPDATE schema_version SET number = {number} RETURNING 1");
        let done = sql(&deployment, &statement).wait_with_output().unwrap();
        assert_eq!(String::from_utf8(done.stdout).unwrap(), "1\n");
    };
    version("number + 1000");
    let ended = standby.wait_exit(TEST_TIMEOUT).unwrap();
    assert_eq!(ended.code(), Some(1), "{}", standby.log());
    let said = standby.log();
    assert!(said.contains("a newer version"), "{said}");
    standby.spawn();
    assert!(!standby.serves(), "nor does it start");
    assert_eq!(standby.wait_exit(TEST_TIMEOUT).unwrap().code(), Some(1));
    sell(&mut ada, "AAPL", "1");
    version("number - 1000");
    standby.start();
    assert!(leads(&deployment, master) && stands_by(&deployment, standby));
    deployment.assert_sound("beside a standby of another version");
}

#[test]
fn who_cannot_take_the_lease_says_why_and_leads_as_soon_as_it_can() {
    let Some(deployment) = started(builder()) else {
        return;
    };
    let (master, standby) = both(&deployment);
    let mut ada = deployment.trader(1, "ada");
    buy(&mut ada, "AAPL", "1");
    // Somebody holds the row of the lease, so it is neither renewed nor taken.
    let hold = "BEGIN; SELECT name FROM master_lease FOR UPDATE; SELECT pg_sleep(600)";
    let mut holder = sql(&deployment, hold);
    let ended = master.wait_exit(TEST_TIMEOUT).unwrap();
    assert_eq!(ended.code(), Some(SUPERSEDED), "{}", master.log());
    until("the standby says why it does not lead", || {
        let status = ctl(&deployment, standby, &["status"]).unwrap();
        status["problem"].to_string().contains("lock timeout")
    });
    let free = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%'
                        AND pid <> pg_backend_pid()";
    assert!(sql(&deployment, free).wait().unwrap().success());
    holder.wait().unwrap();
    until("it leads", || leads(&deployment, standby));
    master.start();
    assert!(stands_by(&deployment, master));
    traded(&mut ada, Side::Sell, "AAPL");
    assert_eq!(history(&mut ada, "ada").len(), 2);
}

#[test]
fn the_key_of_a_worker_that_is_registered_later_comes_to_the_other_keyring() {
    let Some(deployment) = started(builder()) else {
        return;
    };
    let (master, standby) = both(&deployment);
    let folder = papertrader::testkit::folder();
    let new = Keyring::create(&folder.path().join("new")).unwrap();
    let key = new.generate("eu9").unwrap();
    let file = folder.path().join("eu9.asc");
    std::fs::write(&file, new.export(key).unwrap()).unwrap();
    let words = ["workers", "register", "eu9", "--ip", "192.0.2.9"];
    let more = ["--address", "eu9.example.org:2049", "--key"];
    let words: Vec<&str> = words.into_iter().chain(more).collect();
    let words = [words.as_slice(), &[file.to_str().unwrap()]].concat();
    ctl(&deployment, master, &words).unwrap();
    let home = |name: &str| Keyring::open(&deployment.layout().home(name)).unwrap();
    assert!(home("master").peer(key).is_ok());
    until("the standby has the key", || {
        home("standby").peer(key).is_ok()
    });
    // A home that was copied before learns it, at the latest, when its master leads.
    standby.kill();
    home("standby").delete(key).unwrap();
    master.kill();
    standby.start();
    until("the other one leads", || leads(&deployment, standby));
    assert!(home("standby").peer(key).is_ok());
    new.stop().unwrap();
}
