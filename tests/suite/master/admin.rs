//! `papertraderctl` against real masters and workers.

use papertrader::client::{Answer, Client, ServerMessage};
use papertrader::link::keyring::Keyring;
use papertrader::model::{Fingerprint, OpenValue, ProtocolFault, Side, Symbol};
use papertrader::testkit::admin::texts;
use papertrader::testkit::trader::{buy, hashed, history, order, sell, username};
use papertrader::testkit::{Deployment, TEST_TIMEOUT, busy, eventually, folder, program};
use papertrader::wire::{Reply, Request};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A user who is in no group of ours.
const NOBODY: u32 = 65_534;

/// Whether a worker takes this client's session.
fn is_active(deployment: &Deployment, worker: u16, client: &Client) -> bool {
    let session = client.session().unwrap();
    deployment.connect(worker).resume(session).is_ok()
}

#[test]
fn every_command_speaks_to_people_and_to_scripts() {
    let deployment = Deployment::builder().in_a_file().start();
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "AAPL", "10");

    let status = deployment.json("status");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["accounts"], 1);
    assert_eq!(status["sessions"], 1);
    assert_eq!(status["workers_connected"], 1);
    assert_eq!(status["workers_expected"], 1);
    assert_eq!(status["queue_depth"], 0);
    assert_eq!(status["last_place"], 1);
    assert_eq!(status["listen"], deployment.master().address());
    assert_eq!(status["assets"]["served_by"][0], "replay");
    assert!(status["next_update"].is_string(), "{status}");
    assert!(status["update"].as_u64().unwrap() > 0);
    // How full the machine's disk is, is the machine's, and what its server loses the test server's.
    let mut conditions = status["conditions"].as_array().unwrap().iter();
    let is_ours = |kind: &str| ["disk-low", "disk-full", "database-unsafe"].contains(&kind);
    let other = conditions.find(|it| !is_ours(it["kind"].as_str().unwrap()));
    assert_eq!(other, None, "{status}");
    let text = deployment.done("status");
    assert!(
        text.contains("workers connected  1 of 1 registered, 1 expected"),
        "{text}"
    );

    assert!(deployment.done("workers list").contains("connected"));
    let listed = deployment.json("workers list");
    assert_eq!(listed[0]["name"], "worker-1");
    eventually("the worker reports", || {
        deployment.json("workers show worker-1")["report"]
            .as_object()
            .map(|report| {
                assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
                assert!(report["clock_difference_ms"].as_i64().unwrap().abs() < 5_000);
            })
    });
    assert!(
        deployment
            .done("workers show worker-1")
            .contains("clock difference")
    );

    let sessions = deployment.json("sessions list --user ALICE");
    assert_eq!(sessions["sessions"][0]["user"], "alice");
    assert_eq!(sessions["sessions"][0]["worker"], "worker-1");
    assert_eq!(sessions["sessions"][0]["client"], "127.0.0.1");
    let id = sessions["sessions"][0]["id"].as_str().unwrap();
    assert_eq!(id.len(), 8);
    assert!(
        !alice.session().unwrap().expose().starts_with(id),
        "the ID itself is secret"
    );
    assert!(deployment.done("sessions list").contains(id));

    let report = deployment.json("verify");
    assert_eq!(
        (&report["settled"], &report["positions"]),
        (&1.into(), &1.into())
    );
    assert!(
        deployment
            .done("verify")
            .contains("every balance and position")
    );

    let backup = deployment.json("backup copy.db");
    let copy = deployment.dir().join("copy.db");
    assert_eq!(backup["file"], copy.to_str().unwrap());
    assert_eq!(backup["bytes"], fs::metadata(&copy).unwrap().len());
    assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o777, 0o600);
    assert!(
        deployment
            .done("verify --database copy.db")
            .contains("every balance")
    );
    assert_eq!(deployment.json("verify --database copy.db")["accounts"], 1);
    assert!(deployment.refused("backup copy.db").contains("exists"));
    assert!(
        deployment
            .refused("backup no/such/folder.db")
            .contains("folder.db")
    );

    let log = deployment.json("log tail 2");
    assert_eq!(log["entries"].as_array().unwrap().len(), 2);
    assert!(
        log["entries"][1]["funcname"]
            .as_str()
            .unwrap()
            .contains("papertrader"),
        "{log}"
    );
    assert_eq!(deployment.done("log tail 3").lines().count(), 3);
    assert!(deployment.done("log flush").contains("written out"));
    assert_eq!(deployment.json("log flush")["lost"], 0);

    assert!(
        deployment
            .refused("workers show eu9")
            .contains("workers list")
    );
    assert!(
        deployment
            .refused("sessions list --user nobody")
            .contains("there is no user nobody")
    );
    assert!(deployment.refused("sessions end xyz").contains("0-9 a-f"));
    for wrong in [
        "",
        "reboot",
        "workers",
        "sessions end",
        "backup",
        "log tail many",
    ] {
        assert_eq!(deployment.ctl(wrong).status.code(), Some(2), "{wrong}");
    }
    for page in ["--help", "--version", "workers register --help"] {
        assert_eq!(deployment.ctl(page).status.code(), Some(0), "{page}");
    }
}

#[test]
fn without_a_master_there_is_nobody_to_ask() {
    let deployment = Deployment::new(1);
    let nobody = |deployment: &Deployment| {
        let output = deployment.ctl("status");
        assert_eq!(output.status.code(), Some(3));
        assert!(texts(&output).1.contains("no master listens at"));
    };
    nobody(&deployment);
    deployment.master().start();
    deployment.done("status");
    assert!(
        fs::metadata(deployment.socket())
            .unwrap()
            .file_type()
            .is_socket()
    );
    deployment.master().stop();
    assert!(
        !deployment.socket().exists(),
        "a master that stops removes its socket"
    );
    nobody(&deployment);

    // One that was killed leaves it behind, and the next one takes it over.
    deployment.master().start();
    deployment.master().kill();
    assert!(deployment.socket().exists());
    nobody(&deployment);
    deployment.master().start();
    deployment.done("status");

    // A second master does not take it away from a living one.
    let second = Deployment::new(1);
    let socket = deployment.socket();
    second
        .master()
        .set("control_socket", socket.to_str().unwrap());
    second.master().spawn();
    assert_eq!(
        second.master().wait_exit(TEST_TIMEOUT).unwrap().code(),
        Some(1)
    );
    assert!(
        second
            .master()
            .log()
            .contains("another process listens there"),
        "{}",
        second.master().log()
    );
    deployment.done("status");
}

#[test]
fn the_socket_is_the_administrators_alone() {
    let deployment = Deployment::new(1);
    let open = folder();
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let socket = open.path().join("master.sock");
    deployment
        .master()
        .set("control_socket", socket.to_str().unwrap());
    deployment.master().set("control_group", "no-such-group");
    deployment.master().start();
    assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o7777, 0o660);
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let stranger = Command::new(program::find("papertraderctl"))
        .args(["--socket", socket.to_str().unwrap(), "status"])
        .uid(NOBODY)
        .gid(NOBODY)
        .current_dir("/")
        .output();
    // Where the program lies in a folder that a stranger cannot enter, there is nothing to try.
    if let Ok(output) = stranger {
        assert_eq!(output.status.code(), Some(1));
        assert!(
            texts(&output).1.contains("you may not use"),
            "{:?}",
            texts(&output)
        );
    }
    drop(deployment);
}

#[test]
fn junk_is_answered_and_harms_nobody() {
    let deployment = Deployment::running(1);
    let ask = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(deployment.socket()).unwrap();
        stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        // Where the master has heard enough it closes, and the rest cannot be sent.
        let _ = stream.write_all(bytes);
        let mut line = String::new();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut line).unwrap();
        (line, reader)
    };
    for junk in [
        &b"\n"[..],
        b"status\n",
        b"\"reboot\"\n",
        b"{\"workers-show\":{\"name\":7}}\n",
        b"\xff\xfe\0\n",
        b"GET / HTTP/1.1\r\n",
        b"[[[[[[[[[[[[[[[[[[[[[[[[[[\n",
    ] {
        let (line, _) = ask(junk);
        assert!(
            line.starts_with("{\"refused\":\"this is no request"),
            "{junk:?}: {line}"
        );
    }
    let deep = [vec![b'['; 400_000], b"\n".to_vec()].concat();
    let (line, _) = ask(&deep);
    assert!(
        line.starts_with("{\"refused\":"),
        "a deep nest is no reason to fall over: {line}"
    );
    let (line, mut reader) = ask(&vec![b'x'; 700_000]);
    assert!(line.contains("one line of at most"), "{line}");
    let mut rest = Vec::new();
    // Closed, or reset since not all that was sent was read.
    let _ = reader.read_to_end(&mut rest);
    assert!(rest.is_empty());
    // After junk the same connection still serves, and several requests may come at once.
    let (_, mut reader) = ask(b"junk\n\"log-flush\"\n\"status\"\n");
    for expected in ["{\"done\":{\"flushed\"", "{\"done\":{\"status\""] {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        assert!(line.starts_with(expected), "{line}");
    }
    // Who says nothing is let go, and who is cut in the middle of a line too.
    drop(ask(b"\"stat\n"));
    let mut half = UnixStream::connect(deployment.socket()).unwrap();
    half.write_all(b"\"sta").unwrap();
    half.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    let begun = Instant::now();
    assert_eq!(half.read_to_end(&mut Vec::new()).unwrap(), 0);
    assert!(begun.elapsed() < Duration::from_secs(30));
    deployment.done("status");
    deployment.done("verify");
}

#[test]
fn administrators_who_hang_leave_room_for_another() {
    let deployment = Deployment::new(1);
    deployment.master().start();
    let connect = || UnixStream::connect(deployment.socket()).unwrap();
    let mut hanging = vec![connect()];
    hanging[0].write_all(b"\"stat").unwrap();
    deployment.done("status");
    // All places taken: the next is told so, at once.
    hanging.extend((1..papertrader::master::admin::CONNECTIONS_MAX).map(|_| connect()));
    let why = eventually("all places are taken", || {
        let output = deployment.ctl("status");
        let is_full = output.status.code() == Some(1);
        if !is_full {
            // One of them may have come while an earlier command still had its place.
            hanging.push(connect());
        }
        is_full.then(|| texts(&output).1)
    });
    assert!(why.contains("too many administrators"), "{why}");
    drop(hanging);
    eventually("places come free", || {
        deployment.ctl("status").status.success().then_some(())
    });
    // A master that stops waits for none of them.
    let idle = UnixStream::connect(deployment.socket()).unwrap();
    let (status, took) = deployment.master().stop();
    assert!(
        status.success() && took < Duration::from_secs(5),
        "{status} {took:?}"
    );
    drop(idle);
}

#[test]
fn a_worker_is_registered_linked_booted_admitted_and_unregistered() {
    let deployment = Deployment::new(1);
    deployment.master().start();
    // What the sandbox has registered goes, and the name, the key and the address come free.
    let old = deployment.json("workers show worker-1");
    deployment.done("workers unregister worker-1");
    assert!(
        deployment
            .done("workers list")
            .contains("no worker is registered")
    );
    assert!(
        deployment
            .refused("workers boot worker-1")
            .contains("no worker is registered as")
    );
    deployment.worker(1).spawn();
    eventually("a worker that is not registered is refused", || {
        let refused = deployment.json("status")["refused_links"].clone();
        (!refused.as_array().unwrap().is_empty()).then_some(())
    });
    deployment.worker(1).kill();

    let home = Keyring::open(&deployment.layout().home("worker-1")).unwrap();
    let key = Fingerprint::parse(old["fingerprint"].as_str().unwrap()).unwrap();
    let file = deployment.dir().join("worker-1.asc");
    fs::write(&file, home.export(key).unwrap()).unwrap();
    let address = deployment.worker(1).address();
    let register =
        format!("workers register worker-1 --key worker-1.asc --ip 127.0.0.1 --address {address}");
    let uuid = deployment.done(&register);
    let uuid = uuid.strip_suffix('\n').unwrap();
    assert!(
        uuid::Uuid::parse_str(uuid).is_ok(),
        "the UUID alone: {uuid:?}"
    );
    assert_ne!(uuid, old["uuid"], "a UUID is never given out again");

    let again = "workers register worker-2 --key worker-1.asc --ip 127.0.0.1 --address 127.0.0.1:1";
    assert!(
        deployment
            .refused(&register)
            .contains("registered as worker-1 already")
    );
    assert!(
        deployment
            .refused(again)
            .contains("worker-1 has this key already")
    );
    assert!(
        deployment
            .refused("workers register a:b --key worker-1.asc --ip ::1 --address h:1")
            .contains("name")
    );
    fs::write(deployment.dir().join("text.asc"), "a letter, no key").unwrap();
    let text = "workers register worker-2 --key text.asc --ip ::1 --address h:1";
    assert!(deployment.refused(text).contains("gpg --armor --export"));
    let broken =
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n";
    fs::write(deployment.dir().join("text.asc"), broken).unwrap();
    assert!(deployment.refused(text).contains("the key:"));
    assert!(
        deployment
            .refused("workers register w --key absent --ip ::1 --address h:1")
            .contains("absent")
    );

    deployment.worker(1).set("uuid", uuid);
    deployment.worker(1).start();
    deployment.await_state("worker-1", "connected");
    let shown = deployment.json("workers show worker-1");
    assert_eq!(shown["uuid"], uuid);
    assert_eq!(shown["fingerprint"], old["fingerprint"]);
    buy(&mut deployment.trader(1, "alice"), "AAPL", "1");

    assert_eq!(
        deployment.done("workers boot worker-1"),
        "worker-1 is booted\n"
    );
    assert_eq!(deployment.json("workers show worker-1")["state"], "booted");
    assert_eq!(deployment.json("status")["workers_connected"], 0);
    // It outlives the master: a restart does not let the worker in.
    deployment.master().stop();
    deployment.master().start();
    assert_eq!(deployment.json("workers show worker-1")["state"], "booted");
    assert_eq!(
        deployment.done("workers admit worker-1"),
        "worker-1 is away\n"
    );
    deployment.await_state("worker-1", "connected");
    buy(&mut deployment.trader(1, "bob"), "AAPL", "1");

    assert_eq!(
        deployment.done("workers unregister worker-1"),
        "worker-1 is unregistered\n"
    );
    assert!(
        deployment
            .refused("workers show worker-1")
            .contains("no worker")
    );
    let master = Keyring::open(&deployment.layout().home("master")).unwrap();
    assert!(
        master.peer(key).is_err(),
        "its key is gone from the keyring"
    );
}

#[test]
fn booting_ends_a_workers_clients_and_no_session() {
    let deployment = Deployment::running(2);
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "AAPL", "1");
    let mut witness = deployment.trader(2, "witness");
    assert_eq!(witness.workers().unwrap().len(), 2);

    deployment.done("workers boot worker-1");
    let ended = eventually("the booted worker's client is told", || {
        match alice.connection().recv() {
            Ok(ServerMessage::Fault(fault, _)) => Some(Some(fault)),
            Ok(ServerMessage::Closed) | Err(_) => Some(None),
            Ok(_) => None,
        }
    });
    assert!(
        matches!(
            ended,
            None | Some(OpenValue::Known(ProtocolFault::ShuttingDown))
        ),
        "{ended:?}"
    );
    // Trading goes on through the other, with the same session.
    let session = alice.session().unwrap().clone();
    let mut alice = deployment.connect(2);
    let login = alice.resume(&session).unwrap();
    assert_eq!(login.workers, [deployment.worker(2).address()]);
    assert_eq!(witness.workers().unwrap(), [deployment.worker(2).address()]);
    buy(&mut alice, "AAPL", "1");
    eventually("the booted worker listens no more", || {
        std::net::TcpStream::connect(deployment.worker(1).address()).err()
    });

    deployment.done("workers admit worker-1");
    deployment.await_state("worker-1", "connected");
    eventually("it serves again", || {
        let mut client = std::net::TcpStream::connect(deployment.worker(1).address()).ok()?;
        client.write_all(&[]).ok()
    });
    assert!(is_active(&deployment, 1, &alice));
    assert_eq!(deployment.json("verify")["settled"], 2);
}

#[test]
fn sessions_end_everywhere_within_a_second() {
    let deployment = Deployment::running(2);
    let gone = |client: &Client| {
        let begun = Instant::now();
        for worker in [1, 2] {
            eventually("the session is gone", || {
                (!is_active(&deployment, worker, client)).then_some(())
            });
        }
        // Two connections and four answers are among it.
        assert!(
            begun.elapsed() < busy(Duration::from_secs(2)),
            "{:?}",
            begun.elapsed()
        );
    };
    let (alice, bob, carol) = (
        deployment.trader(1, "alice"),
        deployment.trader(1, "bob"),
        deployment.trader(2, "carol"),
    );
    let dave = deployment.trader(2, "dave");
    let id = |user: &str| {
        let list = deployment.json(&format!("sessions list --user {user}"));
        list["sessions"][0]["id"].as_str().unwrap().to_owned()
    };
    assert!(is_active(&deployment, 2, &alice) && is_active(&deployment, 1, &carol));

    assert_eq!(
        deployment.done(&format!("sessions end {}", id("alice"))),
        "1 session ended\n"
    );
    gone(&alice);
    assert_eq!(deployment.json("sessions end --user Bob")["ended"], 1);
    gone(&bob);
    assert!(is_active(&deployment, 1, &carol));
    // Those that a worker made or that passed through it, which need not be registered any more.
    let (erin, frank) = (deployment.trader(1, "erin"), deployment.trader(1, "frank"));
    assert!(is_active(&deployment, 2, &erin));
    deployment.done("workers boot worker-2");
    deployment.done("workers unregister worker-2");
    assert_eq!(
        deployment.json("sessions end --worker worker-2")["ended"],
        3
    );
    for client in [&carol, &dave, &erin] {
        eventually("the session is gone", || {
            (!is_active(&deployment, 1, client)).then_some(())
        });
    }
    assert!(is_active(&deployment, 1, &frank));
    assert_eq!(deployment.json("sessions end --all")["ended"], 1);
    assert_eq!(
        deployment.json("sessions list")["sessions"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert!(
        deployment
            .done("sessions list")
            .contains("no session is active")
    );
    assert!(
        deployment
            .refused(&format!("sessions end {}", "0".repeat(64)))
            .contains("no session's ID")
    );
    assert!(
        deployment
            .refused("sessions end --worker nobody")
            .contains("ever registered")
    );
    assert_eq!(deployment.json("sessions end --user bob")["ended"], 0);
}

#[test]
fn a_prefix_that_fits_several_sessions_ends_none() {
    let deployment = Deployment::running(1);
    // Seventeen first digits of sixteen: two of them are the same.
    let clients: Vec<Client> = (0..17)
        .map(|number| deployment.trader(1, &format!("user{number}")))
        .collect();
    let list = deployment.json("sessions list");
    let mut digits: Vec<char> = list["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap().chars().next().unwrap())
        .collect();
    digits.sort_unstable();
    let twice = digits.windows(2).find(|pair| pair[0] == pair[1]).unwrap()[0];
    let why = deployment.refused(&format!("sessions end {twice}"));
    assert!(why.contains("give more of it"), "{why}");
    assert_eq!(deployment.json("status")["sessions"], clients.len());
}

/// Buys and sells until told to stop; how many orders were queued. Others are refused at once.
fn trade_until(mut client: Client, stop: &AtomicBool) -> u32 {
    let mut queued = 0;
    while !stop.load(Ordering::SeqCst) {
        let orders: Vec<Request> = (0..50)
            .map(|number| {
                let side = if number % 3 == 2 {
                    Side::Sell
                } else {
                    Side::Buy
                };
                order(
                    &client,
                    side,
                    ["AAPL", "IBM", "MSFT"][number % 3],
                    "0.37",
                    None,
                )
            })
            .collect();
        client.connection().send_all(&orders).unwrap();
        for _ in &orders {
            let answer = client.connection().reply(|_| queued += 1).unwrap();
            assert!(
                matches!(
                    answer,
                    Answer::Message(Reply::Filled(_) | Reply::Fail { .. })
                ),
                "{answer:?}"
            );
        }
    }
    queued
}

#[test]
fn backups_under_load_are_whole_and_take_the_databases_place() {
    let deployment = Deployment::builder().in_a_file().start();
    let stop = AtomicBool::new(false);
    // Logged in before the first copy is made, so that each copy has all three sessions.
    let clients = ["alice", "bob", "carol"].map(|name| deployment.trader(1, name));
    let session = clients[0].session().unwrap().clone();
    let queued: u32 = std::thread::scope(|scope| {
        let stop = &stop;
        let traders = clients.map(|client| scope.spawn(move || trade_until(client, stop)));
        for number in 0..5 {
            deployment.done(&format!("backup copy-{number}.db"));
            assert!(deployment.done("verify").contains("every balance"));
        }
        stop.store(true, Ordering::SeqCst);
        traders
            .into_iter()
            .map(|trader| trader.join().unwrap())
            .sum()
    });
    let mut before = 0;
    for number in 0..5 {
        let report = deployment.json(&format!("verify --database copy-{number}.db"));
        let transactions = report["transactions"].as_u64().unwrap();
        assert!(transactions >= before);
        before = transactions;
    }
    let whole = deployment.json("verify");
    assert_eq!(whole["transactions"], queued);
    assert_eq!(whole["queued"], 0);

    // In use, a database is not replaced.
    let restore = "restore copy-2.db --config master.toml";
    assert!(
        deployment
            .refused(restore)
            .contains("in use by another master")
    );
    deployment.stop_all();
    let copied = deployment.json("verify --database copy-2.db");
    let restored = deployment.json(restore);
    assert_eq!(
        restored["verification"]["transactions"],
        copied["transactions"]
    );
    assert_eq!(restored["ended"], 3, "sessions of the backup are over");
    let replaced = PathBuf::from(restored["replaced"].as_str().unwrap());
    let old = deployment.json(&format!("verify --database {}", replaced.display()));
    assert_eq!(
        old["transactions"], queued,
        "what was replaced is kept, whole"
    );

    deployment.start_all();
    let mut alice = deployment.connect(1);
    let over = alice.resume(&session).unwrap_err();
    assert!(over.to_string().contains("session"), "{over}");
    alice
        .login(&username("alice"), &hashed("alice"), false)
        .unwrap();
    let history = history(&mut alice, "alice");
    assert!(history.len() as u64 <= copied["transactions"].as_u64().unwrap());
    buy(&mut alice, "AAPL", "1");
    assert!(deployment.done("verify").contains("every balance"));
}

#[test]
fn tampering_is_found_in_a_running_master_and_in_a_file() {
    let deployment = Deployment::builder().in_a_file().start();
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "AAPL", "10");
    sell(&mut alice, "AAPL", "3");
    let database = deployment.dir().join("data/master/master.db");
    let tamper = |sql: &str| {
        let connection = rusqlite::Connection::open(&database).unwrap();
        connection.busy_timeout(TEST_TIMEOUT).unwrap();
        assert!(connection.execute(sql, []).unwrap() > 0, "{sql}");
    };
    for (sql, back, says) in [
        (
            "UPDATE balances SET cash = cash + 1000000",
            "UPDATE balances SET cash = cash - 1000000",
            "the cash stored is",
        ),
        (
            "UPDATE positions SET quantity = quantity * 2",
            "UPDATE positions SET quantity = quantity / 2",
            "the position stored in AAPL is 14 units",
        ),
        (
            "UPDATE transactions SET status = 2 WHERE side = 2",
            "UPDATE transactions SET status = 1 WHERE side = 2",
            "rejected without a reason",
        ),
    ] {
        assert!(deployment.done("verify").contains("every balance"));
        tamper(sql);
        let output = deployment.ctl("verify");
        let (text, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{sql}");
        assert!(
            text.contains("difference: ") && text.contains(says),
            "{text}"
        );
        assert!(
            errors.contains("differences between the ledger"),
            "{errors}"
        );
        assert!(
            deployment
                .refused(&format!("verify --database {}", database.display()))
                .contains("ledger")
        );
        let json = deployment.ctl("--json verify");
        assert_eq!(json.status.code(), Some(1));
        let report: Value = serde_json::from_slice(&json.stdout).unwrap();
        assert!(report["differences"].to_string().contains(says), "{report}");
        tamper(back);
    }
    deployment.done("backup copy.db");
    tamper("UPDATE balances SET cash = cash - 1");
    deployment.done("backup spoilt.db");
    deployment.stop_all();
    assert!(
        deployment
            .refused("restore spoilt.db --config master.toml")
            .contains("does not add up")
    );
    deployment.done("restore copy.db --config master.toml");
    deployment.start_all();
    assert!(deployment.done("verify").contains("every balance"));
}

#[test]
fn a_signal_takes_over_what_can_change() {
    let deployment = Deployment::running(1);
    let moved = deployment.dir().join("log/master.log.1");
    fs::rename(deployment.dir().join("log/master.log"), &moved).unwrap();
    deployment.master().set("limits.max_queued_per_account", 2);
    deployment.master().set("log.level", "debug");
    deployment.master().set("name", "Another school");
    deployment.master().signal(Signal::HUP);
    let log = eventually("the log says so in its new file", || {
        let log = deployment.master().log();
        log.contains("reloaded: limits.max_queued_per_account is 2 now")
            .then_some(log)
    });
    assert!(
        log.contains("reloaded: log.level is \"debug\" now"),
        "{log}"
    );
    assert!(
        log.contains("a restart is needed before these take effect: name"),
        "{log}"
    );

    deployment.master().set("update_interval", "never");
    deployment.master().signal(Signal::HUP);
    eventually("a wrong configuration changes nothing", || {
        deployment
            .master()
            .log()
            .contains("the configuration stays as it was")
            .then_some(())
    });
    deployment.master().set("update_interval", "1s");
    let mut alice = deployment.trader(1, "alice");
    let orders: Vec<Request> = (0..20)
        .map(|_| order(&alice, Side::Buy, "AAPL", "1", None))
        .collect();
    alice.connection().send_all(&orders).unwrap();
    let mut refused = 0;
    for _ in &orders {
        if let Answer::Message(Reply::Fail { .. }) = alice.connection().reply(|_| {}).unwrap() {
            refused += 1;
        }
    }
    assert!(
        refused > 0,
        "the new limit of two queued orders is in force"
    );
    assert!(Symbol::parse("AAPL").is_ok());
    deployment.done("status");
    deployment.stop_all();
}
