//! Both daemons while they run: SIGHUP, keys that are revoked, certificates that end, registrations
//! that change, and a configuration that no longer fits its database.

use papertrader::client::{Answer, ConnectOptions, ServerConnection};
use papertrader::model::{Money, Side, Timestamp};
use papertrader::net::ClientTls;
use papertrader::net::client_tls::TlsMode;
use papertrader::testkit::own_clock::WITHOUT_FAKETIME;
use papertrader::testkit::trader::{buy, portfolio, trade};
use papertrader::testkit::{Daemon, Deployment, Market, Place, TEST_TIMEOUT, until};
use papertrader::wire::{Reply, Request};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const DAY: i64 = 86_400_000;

/// Waits until a daemon's log has a text.
fn says(daemon: &Daemon, text: &str) {
    until(&format!("{} says {text:?}", daemon.name()), || {
        daemon.log().contains(text)
    });
}

/// How often the file of a daemon's log has a text.
fn count(daemon: &Daemon, text: &str) -> usize {
    daemon.logged().matches(text).count()
}

/// Sends SIGHUP and waits until the log has one line more with this text.
fn reload(daemon: &Daemon, text: &str) {
    let before = count(daemon, text);
    daemon.signal(Signal::HUP);
    let deadline = Instant::now() + TEST_TIMEOUT;
    while count(daemon, text) == before {
        let log = daemon.logged();
        assert!(Instant::now() < deadline, "{text:?} once more: {log}");
        // Reads what the daemon tells its service manager, whose socket holds few messages.
        daemon.pings();
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What `--check-config` says of the master's file.
fn check_config(deployment: &Deployment) -> (Option<i32>, String) {
    let line = ["--config", "master.toml", "--check-config"];
    let checked = deployment.run("papertrader-master", &line);
    (
        checked.status.code(),
        String::from_utf8_lossy(&checked.stderr).into_owned(),
    )
}

const UNCHANGED: &str = "no key of the configuration has changed";
const IN_DOLLARS: &str = "all amounts of the database are in USD: set currency = \"USD\"";
const REFUSED: &str = "is not taken over, the configuration stays as it was";

#[test]
fn a_reload_takes_over_what_it_can_names_the_rest_and_keeps_the_old_where_the_new_is_wrong() {
    let deployment = Deployment::running(1);
    let (master, worker) = (deployment.master(), deployment.worker(1));
    let mut alice = deployment.trader(1, "alice");
    reload(master, UNCHANGED);
    reload(worker, UNCHANGED);

    let good = fs::read_to_string(master.config()).unwrap();
    master.set("limits.max_queued", 7);
    master.set("expected_workers", 3);
    master.set("starting_cash", "5");
    master.set("log.level", "debug");
    master.set("update_interval", "77s");
    reload(master, "limits.max_queued is 7 now");
    let log = master.log();
    for text in [
        "expected_workers is 3 now, and was 1",
        "starting_cash is \"5\" now",
        "log.level is \"debug\" now, and was \"info\"",
        "a restart is needed before these take effect: update_interval (was ",
    ] {
        assert!(log.contains(text), "{text}: {log}");
    }
    assert_eq!(deployment.json("status")["workers_expected"], 3);
    let mut bob = deployment.trader(1, "bob");
    assert_eq!(portfolio(&mut bob, "bob").0, Money(5_000_000));
    fs::write(master.config(), &good).unwrap();
    reload(master, "expected_workers is 1 now, and was 3");

    // The next start would refuse it, so a reload and a check do, too.
    let warns = || {
        deployment.json("status")["warnings"]
            .to_string()
            .contains("was refused, and the configuration stays")
    };
    let next_start = || {
        deployment.json("status")["warnings"]
            .to_string()
            .contains("the next start would be refused: ")
    };
    assert!(!warns() && !next_start());
    master.set("currency", "EUR");
    reload(master, REFUSED);
    says(master, IN_DOLLARS);
    assert!(warns() && next_start());
    let (code, said) = check_config(&deployment);
    assert!(
        code == Some(78) && said.contains(IN_DOLLARS),
        "{code:?}: {said}"
    );
    fs::write(master.config(), &good).unwrap();
    reload(master, UNCHANGED);
    assert!(!warns());
    let (code, said) = check_config(&deployment);
    assert_eq!(code, Some(0), "{said}");

    // A right key beside a wrong one, and files and keys as a check looks at them.
    for (daemon, wrong) in [
        (master, ("lisen", "\"127.0.0.1:1\"", "lisen")),
        (master, ("gpg.home", "\"nowhere\"", "gpg.home")),
        (
            master,
            ("gpg.key", &format!("\"{}\"", "A".repeat(40)), "gpg: "),
        ),
        (
            worker,
            ("limits.frame_timeout", "\"soon\"", "frame_timeout"),
        ),
        (
            worker,
            (
                "gpg.master_key",
                &format!("\"{}\"", "A".repeat(40)),
                "gpg: ",
            ),
        ),
        (worker, ("tls.certificate", "\"none.pem\"", "tls.")),
    ] {
        let good = fs::read_to_string(daemon.config()).unwrap();
        daemon.set("log.level", "trace");
        daemon.set_toml(wrong.0, wrong.1);
        reload(daemon, REFUSED);
        let log = daemon.log();
        assert!(log.contains(wrong.2), "{wrong:?}: {log}");
        assert!(
            !log.contains("log.level is \"trace\" now"),
            "{wrong:?}: {log}"
        );
        fs::write(daemon.config(), &good).unwrap();
        reload(daemon, UNCHANGED);
    }

    worker.set("limits.max_connections", 1);
    worker.set("name", "other");
    reload(worker, "limits.max_connections is 1 now");
    says(worker, "before these take effect: name (was ");
    let turned_away = deployment.connect(1).ping().is_err();
    assert!(turned_away, "alice and bob have all places");
    buy(&mut alice, "AAPL", "1");

    // What the file says is true at the next start.
    master.set("currency", "EUR");
    master.stop();
    master.spawn();
    let status = master.wait_exit(TEST_TIMEOUT).unwrap();
    assert_eq!(status.code(), Some(78), "{}", master.log());
    says(master, IN_DOLLARS);
    fs::write(master.config(), &good).unwrap();
    master.set("assets.replay.start", "2012-06-01");
    master.start();
    says(master, "assets.replay.start = \"2012-06-01");
}

#[test]
fn workers_that_have_no_time_to_come_yet_are_not_missed() {
    let deployment = Deployment::builder()
        .workers(1)
        .set("expected_workers", 2)
        .start();
    buy(&mut deployment.trader(1, "alice"), "AAPL", "1");
    let status = deployment.json("status");
    assert_eq!(status["workers_expected"], 2);
    assert!(
        !status["warnings"].to_string().contains("expected workers"),
        "{status}"
    );
    deployment.stop_all();
    let log = deployment.master().log();
    assert!(!log.contains("expected workers"), "{log}");
}

#[test]
fn a_worker_that_leaves_is_missed_by_its_name() {
    let deployment = Deployment::running(2);
    // How many are missed, and what `check` says by its exit code.
    let missed = || {
        let status = deployment.json("status");
        let all = status["warnings"].as_array().unwrap();
        let of_workers = all
            .iter()
            .filter(|it| it.to_string().contains("workers list"));
        (
            of_workers.count(),
            deployment
                .ctl("check --ignore database-unsafe")
                .status
                .code()
                .unwrap(),
        )
    };
    assert_eq!(missed(), (0, 0));
    deployment.worker(2).stop();
    until("the second worker is missed", || missed() == (1, 1));
    let told = deployment.json("status")["warnings"].to_string();
    assert!(told.contains("worker worker-2 is away since"), "{told}");
    deployment.worker(1).kill();
    until("both are missed", || missed() == (2, 2));
    deployment.done("workers boot worker-1");
    until("who is booted off is not missed", || missed() == (1, 2));
    deployment.worker(2).start();
    until("all who are to be there are", || missed() == (0, 0));
}

/// Imports the revocation that GPG made along with a key into a home that has the public half.
fn revoke(deployment: &Deployment, owner: &str, home: &str) {
    let key = if owner == "master" {
        deployment.master_key().to_string()
    } else {
        key_of(deployment, owner)
    };
    let file = deployment
        .layout()
        .home(owner)
        .join(format!("openpgp-revocs.d/{key}.rev"));
    // GPG writes it so that nobody imports it unawares.
    let text = fs::read_to_string(file)
        .unwrap()
        .replace(":-----BEGIN", "-----BEGIN");
    let revocation = deployment.dir().join("revocation.asc");
    fs::write(&revocation, text).unwrap();
    gpg(
        &deployment.layout().home(home),
        &["--import", revocation.to_str().unwrap()],
    );
}

/// The fingerprint of the key that a worker is registered with.
fn key_of(deployment: &Deployment, worker: &str) -> String {
    let shown = deployment.json(&format!("workers show {worker}"));
    shown["fingerprint"].as_str().unwrap().to_owned()
}

/// Runs `gpg` on a home.
fn gpg(home: &Path, arguments: &[&str]) {
    let output = Command::new("gpg")
        .arg("--homedir")
        .arg(home)
        .args(["--batch", "--no-tty", "--quiet", "--yes"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
}

#[test]
fn a_link_whose_key_is_revoked_ends_at_sighup_and_workers_set_gives_it_another() {
    let deployment = Deployment::running(2);
    let master = deployment.master();
    revoke(&deployment, "worker-1", "master");
    let before = deployment.json("workers show worker-1");
    assert_eq!(before["state"], "connected", "a look is what finds it");
    reload(master, "the link of worker worker-1 ends: its key ");
    deployment.await_state("worker-1", "away");
    says(master, "(key-revoked)");
    says(deployment.worker(1), "key-unusable");
    assert_eq!(
        deployment.json("workers show worker-2")["state"],
        "connected"
    );

    // A new key under the same name and UUID.
    let keyring = deployment.keyring(Place::Worker(1));
    let key = keyring.generate("worker-1 anew").unwrap();
    let public = deployment.dir().join("new.asc");
    fs::write(&public, keyring.export(key).unwrap()).unwrap();
    let set = format!("workers set worker-1 --key {}", public.display());
    let changed = deployment.json(&set);
    assert_eq!(changed["fingerprint"], key.to_string());
    assert_eq!(changed["uuid"], before["uuid"]);
    says(
        master,
        "audit: worker set worker=worker-1 ip=- address=- new_key=true by=",
    );
    deployment.worker(1).set("gpg.key", key.to_string());
    deployment.worker(1).stop();
    deployment.worker(1).start();
    deployment.await_state("worker-1", "connected");
    let other = deployment.refused(&format!("workers set worker-2 --key {}", public.display()));
    assert!(
        other.contains("worker worker-1 has this key already"),
        "{other}"
    );

    // The other way round: a worker that knows that the master's key is revoked.
    revoke(&deployment, "master", "worker-2");
    reload(
        deployment.worker(2),
        "the link to the master ends: gpg.master_key",
    );
    deployment.await_state("worker-2", "away");
    says(
        deployment.worker(2),
        "no link to the master: gpg.master_key ",
    );
}

#[test]
fn workers_set_changes_addresses_and_both_sides_say_what_does_not_fit() {
    let deployment = Deployment::running(1);
    let (master, worker) = (deployment.master(), deployment.worker(1));
    let address = worker.address();
    let uuid = deployment.json("workers show worker-1")["uuid"].clone();
    let output = deployment.ctl("workers set worker-1");
    assert_eq!(output.status.code(), Some(2));
    for (line, why) in [
        (
            "workers set nobody --ip 127.0.0.1",
            "no worker is registered as nobody",
        ),
        ("workers set worker-1 --address nowhere", "HOST:PORT"),
    ] {
        let said = deployment.refused(line);
        assert!(said.contains(why), "{line}: {said}");
    }

    // What clients are told changes while it is linked.
    let told = || deployment.connect(1).workers().unwrap();
    let shown = deployment.done("workers set worker-1 --address eu1.example.org:2049");
    assert!(shown.contains("eu1.example.org:2049"), "{shown}");
    assert_eq!(
        deployment.json("workers show worker-1")["state"],
        "connected"
    );
    until("clients are told", || told() == ["eu1.example.org:2049"]);
    let advice = format!("workers set worker-1 --address {address}`");
    says(
        worker,
        &format!("advertise = {address:?}, but clients are told eu1.example.org:2049"),
    );
    says(worker, &advice);
    let warned = || deployment.json("status")["warnings"].to_string();
    until("the status says so", || {
        warned().contains("worker worker-1 has advertise = ")
    });
    worker.set("advertise", "eu1.example.org:2049");
    worker.set("name", "eu1");
    reload(worker, "advertise is \"eu1.example.org:2049\" now");
    until("they agree", || !warned().contains("advertise"));
    worker.stop();
    worker.start();
    says(
        worker,
        "name = \"eu1\", but the master has registered this worker as worker-1",
    );
    says(master, "worker worker-1 calls itself \"eu1\"");
    deployment.done(&format!("workers set worker-1 --address {address}"));

    // Another IP address: the link ends, and both logs say why none follows.
    deployment.done("workers set worker-1 --ip 127.0.0.9");
    says(
        master,
        "the link of worker worker-1 ends: it is registered with another key or address",
    );
    says(
        master,
        "no worker is registered at this address; worker worker-1, whose UUID it sends, is registered at 127.0.0.9",
    );
    says(worker, "the master takes this worker for a client");
    says(worker, "This machine connects from 127.0.0.1");
    // Where another worker is registered at the address, its UUID tells them apart.
    let keyring = deployment.keyring(Place::Worker(1));
    let other = keyring.generate("other").unwrap();
    let public = deployment.dir().join("other.asc");
    fs::write(&public, keyring.export(other).unwrap()).unwrap();
    deployment.done(&format!(
        "workers register other --key {} --ip 127.0.0.1 --address o:1",
        public.display()
    ));
    says(
        master,
        "(wrong-ip): worker worker-1 is registered at 127.0.0.9",
    );
    deployment.done("workers set worker-1 --ip 127.0.0.1");
    deployment.await_state("worker-1", "connected");
    assert_eq!(deployment.json("workers show worker-1")["uuid"], uuid);
}

/// A new certificate for 127.0.0.1 that lasts until the first of January of a year.
fn certify(folder: &Path, name: &str, until: i32) {
    let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
    let file = folder.join(format!("{name}.key"));
    fs::write(&file, key.serialize_pem()).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A connection over TLS that believes one certificate alone.
fn over_tls(address: &str, ca: &Path) -> Option<ServerConnection> {
    let options = ConnectOptions {
        security: ClientTls::new(TlsMode::Always, Some(ca.to_owned()), Vec::new()),
        ..ConnectOptions::default()
    };
    ServerConnection::open(address, &options).ok()
}

#[test]
fn a_certificate_is_swapped_under_a_connected_client() {
    let deployment = Deployment::new(1);
    let worker = deployment.worker(1);
    certify(deployment.dir(), "old", 2090);
    certify(deployment.dir(), "new", 2091);
    let pem = |name: &str| deployment.dir().join(format!("{name}.pem"));
    worker.set("tls.certificate", "old.pem");
    worker.set("tls.key", "old.key");
    deployment.start_all();
    let mut connected = over_tls(&worker.address(), &pem("old")).unwrap();
    let pong = Answer::Message(Reply::Pong);
    assert_eq!(connected.call(&Request::Ping).unwrap(), pong);
    // Half of the pair is no pair.
    worker.set("tls.certificate", "new.pem");
    reload(worker, REFUSED);
    worker.set("tls.key", "new.key");
    reload(worker, "new.pem is valid until 2091-01-01");
    assert_eq!(connected.call(&Request::Ping).unwrap(), pong);
    let mut anew = over_tls(&worker.address(), &pem("new")).unwrap();
    assert_eq!(anew.call(&Request::Ping).unwrap(), pong);
    assert!(over_tls(&worker.address(), &pem("old")).is_none());
    // One that has ended takes the place of none that lasts. Nothing else is taken over with it.
    certify(deployment.dir(), "ended", 2020);
    worker.set("tls.certificate", "ended.pem");
    worker.set("tls.key", "ended.key");
    worker.set("log.level", "debug");
    reload(
        worker,
        "ended.pem: has expired, at 2020-01-01T00:00:00.000Z",
    );
    assert!(
        !worker.log().contains("reloaded: log.level"),
        "{}",
        worker.log()
    );
    let mut still = over_tls(&worker.address(), &pem("new")).unwrap();
    assert_eq!(still.call(&Request::Ping).unwrap(), pong);
    worker.set("tls.certificate", "new.pem");
    worker.set("tls.key", "new.key");
    worker.set("log.level", "info");
    reload(worker, "new.pem is valid until 2091-01-01");
    for garbage in [
        "garbage",
        "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n",
    ] {
        fs::write(pem("new"), garbage).unwrap();
        reload(worker, REFUSED);
    }
    let log = worker.log();
    assert!(
        log.contains("new.pem: holds no certificate in PEM form"),
        "{log}"
    );
    assert!(
        log.contains("new.pem: its first certificate is none"),
        "{log}"
    );
    assert!(over_tls(&worker.address(), &deployment.dir().join("old.pem")).is_none());
    assert_eq!(anew.call(&Request::Ping).unwrap(), pong);
}

#[test]
fn thirty_days_before_its_end_a_key_or_certificate_is_warned_of() {
    if std::env::var_os(WITHOUT_FAKETIME).is_some() {
        println!("skipped: {WITHOUT_FAKETIME} is set");
        return;
    }
    let deployment = Deployment::builder().workers(1).own_clocks().make();
    let (master, worker) = (deployment.master(), deployment.worker(1));
    certify(deployment.dir(), "c", 2090);
    worker.set("tls.certificate", "c.pem");
    worker.set("tls.key", "c.key");
    let home = deployment.layout().home("worker-1");
    deployment.start_all();
    let key = key_of(&deployment, "worker-1");
    // 40 days are left, and one where the clocks are 39 days ahead.
    gpg(&home, &["--quick-set-expire", &key, "40d"]);
    gpg(&home, &["--quick-set-expire", &key, "40d", "*"]);
    let public = deployment.dir().join("k.asc");
    gpg(
        &home,
        &[
            "--armor",
            "--output",
            public.to_str().unwrap(),
            "--export",
            &key,
        ],
    );
    gpg(
        &deployment.layout().home("master"),
        &["--import", public.to_str().unwrap()],
    );
    reload(master, UNCHANGED);
    reload(worker, UNCHANGED);
    let warned = || deployment.json("status")["warnings"].to_string();
    assert!(!warned().contains("expires"), "{}", warned());
    for daemon in deployment.daemons() {
        daemon.set_clock(15 * DAY);
    }
    reload(
        master,
        &format!("the key {key} of worker worker-1 expires in 2"),
    );
    reload(worker, &format!("the own key {key} expires in 2"));
    until("the status says so", || {
        warned().contains("of worker worker-1 expires in 2")
    });
    // It has ended: so does the link, and the worker says what is wrong with it.
    for daemon in deployment.daemons() {
        daemon.set_clock(41 * DAY);
    }
    reload(master, "the link of worker worker-1 ends: its key");
    reload(worker, &format!("the own key {key} has expired"));
    says(worker, &format!("no link to the master: gpg.key {key}: "));
    // With more time it links again, and needs no restart.
    gpg(&home, &["--quick-set-expire", &key, "never"]);
    gpg(&home, &["--quick-set-expire", &key, "never", "*"]);
    gpg(
        &home,
        &[
            "--armor",
            "--output",
            public.to_str().unwrap(),
            "--export",
            &key,
        ],
    );
    gpg(
        &deployment.layout().home("master"),
        &["--import", public.to_str().unwrap()],
    );
    deployment.await_state("worker-1", "connected");
    // The worker reports its certificate.
    for daemon in deployment.daemons() {
        let end = Timestamp::parse("2089-12-20").unwrap();
        daemon.set_clock(end.since(Timestamp::now()));
    }
    reload(worker, "c.pem expires in 11 days");
    until("the status says so", || {
        warned().contains("the certificate of worker worker-1 expires in 11")
    });
}

#[test]
fn a_link_is_made_anew_each_day_and_no_client_notices() {
    if std::env::var_os(WITHOUT_FAKETIME).is_some() {
        println!("skipped: {WITHOUT_FAKETIME} is set");
        return;
    }
    let deployment = Deployment::builder()
        .workers(1)
        .own_clocks()
        .update_interval(Duration::from_millis(200))
        .market(Market::seconds("UP", 1000, 3_600))
        .start();
    let worker = deployment.worker(1);
    let mut alice = deployment.trader(1, "alice");
    let renewed = "takes the place of";
    for day in 1..=3 {
        for daemon in deployment.daemons() {
            daemon.set_clock(day * DAY);
        }
        let before = count(worker, renewed);
        until("the link is made anew", || {
            trade(&mut alice, Side::Buy, "UP", "1").unwrap();
            assert!(alice.server_info().is_ok());
            count(worker, renewed) > before
        });
        trade(&mut alice, Side::Buy, "UP", "1").unwrap();
    }
    says(
        deployment.master(),
        "worker worker-1 has made its link anew",
    );
    let log = deployment.master().log();
    assert!(
        !log.contains("is away") && !log.contains("was cut"),
        "{log}"
    );
    let log = worker.log();
    assert!(!log.contains("ended:"), "{log}");
    deployment.assert_sound("renewed links");
}
