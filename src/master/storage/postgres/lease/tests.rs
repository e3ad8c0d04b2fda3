//! spec/master/storage/postgres.md · 3.1.2 Database Management

use super::{LeaseAttempt, LeaseClaim, LeaseWatch, PostgresLease};
use crate::config::{DatabaseUrl, PostgresUrl};
use crate::master::storage::StorageError;
use crate::master::storage::postgres::PostgresStorage;
use crate::master::storage::postgres::session::process_id;
use crate::master::storage::testing::Engine;
use crate::runtime::clock::boot_millis;
use std::time::{Duration, Instant};
use uuid::Uuid;

fn url(engine: &Engine) -> PostgresUrl {
    match engine.url() {
        DatabaseUrl::Postgres(url) => (**url).clone(),
        DatabaseUrl::Sqlite(_) => unreachable!(),
    }
}

fn claim(name: &str) -> LeaseClaim {
    LeaseClaim {
        holder: Uuid::new_v4(),
        ended: None,
        yields: false,
        name: name.to_owned(),
        lease: Duration::from_secs(60),
    }
}

fn taken(url: &PostgresUrl, claim: &LeaseClaim) -> Box<PostgresLease> {
    match PostgresLease::attempt(url, claim, &|| ()).unwrap() {
        LeaseAttempt::Taken(lease) => lease,
        LeaseAttempt::Held(holder) => panic!("{} leads", holder.name),
    }
}

fn held_by(url: &PostgresUrl, claim: &LeaseClaim) -> String {
    match PostgresLease::attempt(url, claim, &|| ()).unwrap() {
        LeaseAttempt::Taken(_) => panic!("it was free"),
        LeaseAttempt::Held(holder) => holder.name,
    }
}

/// Lets the lease run out, as time does.
fn expire(engine: &Engine) {
    let sql = "UPDATE master_lease SET expires = expires - 3600000";
    engine.on_server().unwrap().execute(sql);
}

#[test]
fn one_leads_until_it_releases_or_its_time_is_over() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let (at, a, b) = (url(&engine), claim("it's a"), claim("b"));
    let first = taken(&at, &a);
    assert_eq!(held_by(&at, &b), "it's a");
    first.renew().unwrap();
    let left = first.holds_until() - boot_millis();
    assert!((1..=60_000).contains(&left), "{left}");
    drop(first);
    let second = taken(&at, &b);
    assert_eq!(held_by(&at, &a), "b");
    expire(&engine);
    // Nobody came meanwhile.
    second.renew().unwrap();
    assert_eq!(held_by(&at, &a), "b");
    expire(&engine);
    let third = taken(&at, &a);
    let lost = second.renew().unwrap_err();
    assert!(matches!(lost, StorageError::Superseded(_)), "{lost:?}");
    drop(second);
    assert_eq!(held_by(&at, &b), "it's a", "who lost it releases nothing");
    drop(third);
}

#[test]
fn who_takes_over_ends_the_sessions_and_the_writes_of_the_one_before() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let at = url(&engine);
    // The sessions of this process are those of the first one.
    let a = LeaseClaim {
        holder: process_id(),
        ..claim("a")
    };
    let _first = taken(&at, &a);
    let mut writer = PostgresStorage::open(&at).unwrap();
    // It is stopped within a transaction, and keeps the row of the epoch locked.
    let stopped = writer.begin().unwrap();
    expire(&engine);
    let began = Instant::now();
    let b = claim("b");
    let _second = taken(&at, &b);
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "it waited for the other"
    );
    assert!(stopped.commit().is_err());
    let refused = writer.begin().unwrap_err();
    assert!(
        matches!(refused, StorageError::Superseded(_)),
        "{refused:?}"
    );
}

#[test]
fn a_process_that_has_ended_need_not_run_out() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let (at, a) = (url(&engine), claim("a"));
    let first = taken(&at, &a);
    let b = LeaseClaim {
        ended: Some(a.holder),
        ..claim("b")
    };
    let _second = taken(&at, &b);
    assert!(first.renew().is_err());
}

#[test]
fn a_named_successor_takes_over_and_nobody_else_does() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let (at, a, b, c) = (url(&engine), claim("a"), claim("b"), claim("c"));
    let first = taken(&at, &a);
    assert_eq!(first.standbys().unwrap(), []);
    let mut watch = LeaseWatch::new(&at, &b);
    assert_eq!(watch.look().unwrap().unwrap().name, "a");
    let standbys = first.standbys().unwrap();
    assert_eq!(standbys.len(), 1);
    assert_eq!(
        (standbys[0].holder, standbys[0].name.as_str()),
        (b.holder, "b")
    );
    first.name_successor(b.holder);
    drop(first);
    for other in [&a, &c] {
        held_by(&at, other);
    }
    assert_eq!(watch.look().unwrap(), None);
    let second = taken(&at, &b);
    assert_eq!(second.standbys().unwrap(), [], "it stands by no more");
    // A successor that never comes keeps the others away for the time of a lease.
    second.name_successor(Uuid::new_v4());
    drop(second);
    held_by(&at, &c);
    expire(&engine);
    let third = taken(&at, &c);
    let mut watch = LeaseWatch::new(&at, &a);
    watch.look().unwrap();
    drop(watch);
    assert_eq!(third.standbys().unwrap(), [], "it has said that it goes");
}

#[test]
fn of_many_who_begin_at_once_on_an_empty_database_one_leads() {
    const MASTERS: usize = 6;
    let Some(empty) = crate::master::storage::postgres::testing::PostgresDatabase::new() else {
        return;
    };
    let leads = std::thread::scope(|scope| {
        let start = || {
            scope.spawn(
                || match PostgresLease::attempt(&empty.url, &claim("one"), &|| ()) {
                    Ok(LeaseAttempt::Taken(lease)) => Some(lease),
                    Ok(LeaseAttempt::Held(_)) => None,
                    Err(error) => panic!("{error}"),
                },
            )
        };
        let started: Vec<_> = (0..MASTERS).map(|_| start()).collect();
        // All of them are kept until the last one has tried.
        let leases: Vec<_> = started.into_iter().map(|it| it.join().unwrap()).collect();
        leases.into_iter().flatten().count()
    });
    assert_eq!(leads, 1);
}

#[test]
fn a_standby_of_an_older_version_says_so() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let (at, a) = (url(&engine), claim("a"));
    let mut watch = LeaseWatch::new(&at, &a);
    watch.look().unwrap();
    engine
        .on_server()
        .unwrap()
        .execute("UPDATE schema_version SET number = 1000");
    let newer = watch.look().unwrap_err();
    assert!(
        matches!(newer, StorageError::NewerVersion { .. }),
        "{newer:?}"
    );
}

#[test]
fn nobody_opens_a_connection_in_the_epoch_of_a_successor() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let at = url(&engine);
    let _first = taken(&at, &claim("a"));
    PostgresStorage::open(&at).unwrap();
    // Another process takes the database.
    engine
        .on_server()
        .unwrap()
        .execute("UPDATE master_epoch SET epoch = epoch + 1");
    let refused = PostgresStorage::open(&at).unwrap_err();
    assert!(matches!(refused, StorageError::Superseded(_)), "{refused}");
}

#[test]
fn a_lease_longer_than_any_is_of_another_clock_and_over() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let at = url(&engine);
    let _first = taken(&at, &claim("a"));
    assert_eq!(held_by(&at, &claim("b")), "a");
    // As where the server's clock is set back by an hour.
    engine
        .on_server()
        .unwrap()
        .execute("UPDATE master_lease SET expires = expires + 3600000");
    taken(&at, &claim("b"));
}

#[test]
fn one_that_starts_lets_a_master_that_stands_by_go_first() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let at = url(&engine);
    let (a, b) = (claim("a"), claim("b"));
    let first = taken(&at, &a);
    let mut watch = LeaseWatch::new(&at, &b);
    watch.look().unwrap();
    // It ends, and is started again.
    let again = LeaseClaim {
        ended: Some(a.holder),
        yields: true,
        ..claim("a")
    };
    assert_eq!(held_by(&at, &again), "a");
    drop(first);
    held_by(&at, &again);
    // The one that stood by is gone.
    drop(watch);
    taken(&at, &again);
}
