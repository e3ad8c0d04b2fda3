//! spec/testkit/setup.md · 2.2 Infrastructure Model

use super::*;
use crate::config::DatabaseUrl;
use crate::master;
use crate::master::storage::Reader;
use crate::testkit::folder;

#[test]
fn a_path_that_sockets_cannot_have_is_refused_with_its_length() {
    let folder = folder();
    let most = crate::link::keyring::HOME_MAX - "/gpg/worker-1".len();
    let longest = |length: usize| {
        let prefix = folder.path().join("d");
        let missing = length - prefix.as_os_str().len();
        std::path::PathBuf::from(format!("{}{}", prefix.display(), "x".repeat(missing)))
    };
    assert!(Layout::new(&longest(most)).unwrap().check_length(9).is_ok());
    // The name of the tenth worker is longer.
    assert!(
        Layout::new(&longest(most))
            .unwrap()
            .check_length(10)
            .is_err()
    );
    let dir = longest(most + 1);
    let refused = init(&SandboxOptions::new(&dir), &mut |_| {}).unwrap_err();
    assert_eq!(refused.code, crate::daemon::FAILED);
    assert!(
        refused.text.contains(&format!("{} bytes", most + 1)),
        "{refused}"
    );
    assert!(!dir.exists());
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let folder = folder();
    fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
    let refused = init(&SandboxOptions::new(folder.path()), &mut |_| {}).unwrap_err();
    assert_eq!(refused.code, crate::daemon::FAILED);
    assert!(refused.text.contains("not empty"), "{refused}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_fails_leaves_nothing() {
    let folder = folder();
    let market = folder.path().join("market");
    fs::create_dir(&market).unwrap();
    fs::write(market.join("notes.txt"), "").unwrap();
    let (there, absent) = (folder.path().join("there"), folder.path().join("absent"));
    create_private_folder(&there).unwrap();
    for (dir, stays) in [(&there, true), (&absent, false)] {
        let options = SandboxOptions {
            market: Some(market.clone()),
            ..SandboxOptions::new(dir)
        };
        let refused = init(&options, &mut |_| {}).unwrap_err();
        assert!(refused.text.contains("no market"), "{refused}");
        assert_eq!(dir.exists(), stays);
    }
    assert!(Layout::new(&there).unwrap().is_empty().unwrap());
}

#[test]
fn a_sandbox_has_its_settings_and_can_be_moved() {
    let folder = folder();
    let options = SandboxOptions {
        workers: 2,
        update_interval: Duration::from_millis(250),
        bcrypt_cost: 4,
        start: Timestamp::parse("2012-06-01").ok(),
        ..SandboxOptions::new(folder.path().join("a"))
    };
    let mut told = Vec::new();
    init(&options, &mut |line| told.push(line.to_owned())).unwrap();
    assert!(
        told.iter().any(|line| line == "making 3 keys …"),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|line| line.starts_with("warning")),
        "{told:?}"
    );
    // Everything is relative to the folder.
    let moved = folder.path().join("b");
    fs::rename(folder.path().join("a"), &moved).unwrap();
    let layout = Layout::new(&moved).unwrap();
    let (master, warnings) = MasterConfig::load(&layout.master_config()).unwrap();
    assert_eq!(warnings.len(), 1, "the quick hash alone: {warnings:?}");
    assert_eq!(master.update_interval, Duration::from_millis(250));
    assert_eq!(master.expected_workers, 2);
    assert_eq!(master.accounts.bcrypt_cost, 4);
    assert_eq!(
        master.assets.replay.as_ref().map(|r| r.start),
        options.start
    );
    assert_eq!(master.limits.failed_logins_per_minute, 10);
    assert_eq!(master.limits.failed_logins_per_minute_per_address, 100_000);
    assert_eq!(master.limits.failed_logins_per_minute_per_worker, 100_000);
    assert_eq!(master.limits.registrations_per_minute_per_address, 100_000);
    assert_eq!(master.limits.orders_per_minute_per_account, 10_000_000);
    assert_eq!(
        master.limits.rejected_orders_per_hour_per_account,
        10_000_000
    );
    assert_eq!(master.limits.max_open_per_account, 10_000);
    assert_eq!(master.control_socket, moved.join("master.sock"));
    assert!(master::start::check(&master).is_ok());
    let registry = registered(&master.database);
    for number in [1, 2] {
        let (worker, _) = WorkerConfig::load(&layout.worker_config(number)).unwrap();
        assert_eq!(worker.limits.max_connections_per_ip, 10_000);
        assert_eq!(worker.master.to_string(), master.listen.to_string());
        assert_eq!(worker.gpg.master_key, master.gpg.key);
        let row = registry.by_uuid(&worker.uuid).unwrap();
        assert_eq!(
            (&row.name, &row.address),
            (&worker.name, &worker.listen.to_string())
        );
        assert_eq!(row.fingerprint, worker.gpg.key);
    }
    ports_move(&layout, &master);
    layout.stop_agents();
}

fn registered(url: &DatabaseUrl) -> master::workers::registry::Registry {
    master::workers::registry::Registry::read(&mut Reader::open(url).unwrap()).unwrap()
}

/// A taken port is replaced, in the configurations and in the list of workers.
fn ports_move(layout: &Layout, master: &MasterConfig) {
    assert_eq!(ports::settle(layout, false).unwrap(), []);
    let (worker, _) = WorkerConfig::load(&layout.worker_config(2)).unwrap();
    let _masters = std::net::TcpListener::bind(master.listen).unwrap();
    let _workers = std::net::TcpListener::bind(worker.listen).unwrap();
    let moves = ports::settle(layout, false).unwrap();
    assert_eq!(
        moves.iter().map(|(old, _)| *old).collect::<Vec<_>>(),
        [master.listen, worker.listen]
    );
    let (new_master, _) = MasterConfig::load(&layout.master_config()).unwrap();
    assert_eq!(new_master.listen, moves[0].1);
    for number in [1, 2] {
        let (moved, _) = WorkerConfig::load(&layout.worker_config(number)).unwrap();
        assert_eq!(moved.master.to_string(), new_master.listen.to_string());
        let row = registered(&master.database)
            .by_uuid(&moved.uuid)
            .unwrap()
            .clone();
        assert_eq!(row.address, moved.listen.to_string());
        assert_eq!(moved.advertise.to_string(), moved.listen.to_string());
        assert_eq!(moved.listen == moves[1].1, number == 2);
    }
}

#[test]
fn ports_are_free_different_and_no_outgoing_ones() {
    let ports = ports::free(50).unwrap();
    let mut different = ports.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 50);
    assert!(ports.iter().all(|port| (12_000..61_000).contains(port)));
    // Returned once, whether something listens there yet or not.
    assert!(
        ports::free(50)
            .unwrap()
            .iter()
            .all(|port| !ports.contains(port))
    );
}

#[test]
fn another_market_starts_at_its_first_bar() {
    let folder = folder();
    let head = "Date,Open,High,Low,Close,Volume\n";
    fs::write(
        folder.path().join("B.csv"),
        format!("{head}2020-01-03,1,1,1,1,1\n"),
    )
    .unwrap();
    fs::write(
        folder.path().join("A.csv"),
        format!("{head}2020-01-02,1,1,1,1,1\n"),
    )
    .unwrap();
    fs::write(folder.path().join("C.csv"), format!("{head}nonsense\n")).unwrap();
    assert_eq!(
        market::first_bar(folder.path()),
        Timestamp::parse("2020-01-02").ok()
    );
    assert_eq!(market::SAMPLE_START, Timestamp::parse("2012-01-03").ok());
}
