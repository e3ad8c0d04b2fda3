//! spec/master/storage/accounts.md · 2.4.1, 2.4.2

use super::*;
use crate::master::storage::Storage;
use crate::master::storage::testing::{Engine, each_engine};

fn account(name: &str, sequence: u64) -> NewAccount {
    NewAccount {
        username: Username::parse(name).unwrap(),
        email: Some(Email::parse(&format!("{name}@example.org")).unwrap()),
        pass_hash: Some("hash".to_owned()),
        created: Timestamp(1_000),
        starting_cash: Money(5_000_000),
        worker: Uuid::from_u128(6),
        boot: Uuid::from_u128(7),
        sequence,
        near: Neighbourhood::of(std::net::Ipv4Addr::LOCALHOST.into()),
    }
}

/// A use at this time, elsewhere than where sessions are made.
fn used(at: i64) -> SessionUse {
    SessionUse {
        at: Timestamp(at),
        client: [192, 0, 2, 7].into(),
        worker: Uuid::from_u128(5),
    }
}

fn session(byte: u8, account: AccountId, expiry: i64) -> StoredSession {
    let session = Session {
        hash: SessionHash([byte; 32]),
        account,
        username: Username::parse("Alice").unwrap(),
        since: Timestamp(10),
        expiry: Timestamp(expiry),
        client: "2001:db8::1".parse().unwrap(),
        worker: Uuid::from_u128(3),
        expirable: byte % 2 == 1,
        is_active: true,
        kind: SessionKind::Login("password".to_owned()),
        last_use: used(20),
    };
    StoredSession {
        session,
        boot: Uuid::from_u128(4),
        passed: Vec::new(),
    }
}

#[test]
fn names_are_found_without_regard_to_case_and_taken_once() {
    each_engine(|engine: &Engine| {
        let mut storage = engine.storage();
        storage
            .write(|tx| tx.insert_account(&account("Alice", 1)))
            .unwrap();
        let read = |storage: &mut Storage, name: &str, email: &str| {
            let (name, email) = (Username::parse(name).unwrap(), Email::parse(email).unwrap());
            storage
                .read(|s| s.name_conflict(&name, Some(&email)))
                .unwrap()
        };
        assert_eq!(read(&mut storage, "ALICE", "x@y"), NameConflict::Username);
        assert_eq!(
            read(&mut storage, "bob", "Alice@Example.org"),
            NameConflict::Email
        );
        assert_eq!(read(&mut storage, "bob", "x@y"), NameConflict::Neither);
        assert!(
            storage
                .write(|tx| tx.insert_account(&account("aLICE", 2)))
                .is_err()
        );
        assert_eq!(storage.read(|s| s.account_count()).unwrap(), 1);

        let found = storage.read(|s| s.credentials(&Username::parse("alice").unwrap()));
        let found = found.unwrap().unwrap();
        assert_eq!(found.username.as_str(), "Alice");
        assert_eq!(
            (found.account, found.pass_hash.as_deref()),
            (AccountId(1), Some("hash"))
        );
        let nobody = storage.read(|s| s.credentials(&Username::parse("bob").unwrap()));
        assert!(nobody.unwrap().is_none());

        let record = storage.read(|s| s.user_record("alice")).unwrap().unwrap();
        assert_eq!(
            (record.username.as_str(), record.email.as_deref()),
            ("Alice", Some("Alice@example.org"))
        );
        assert!(record.is_password && record.created == Timestamp(1_000));
        assert!(
            storage.read(|s| s.user_record("Alice")).unwrap().is_none(),
            "it is no key"
        );
    });
}

#[test]
fn the_message_that_registered_an_account_is_known() {
    each_engine(|engine| {
        let mut storage = engine.storage();
        storage
            .write(|tx| tx.insert_account(&account("Alice", 9)))
            .unwrap();
        let name = Username::parse("alice").unwrap();
        let mut by = |worker, boot, sequence| {
            let (worker, boot) = (Uuid::from_u128(worker), Uuid::from_u128(boot));
            storage
                .read(|s| s.registered_by(&name, &worker, &boot, sequence))
                .unwrap()
        };
        assert!(by(6, 7, 9));
        assert!(!by(6, 7, 8) && !by(6, 8, 9) && !by(5, 7, 9));
    });
}

#[test]
fn sessions_are_stored_touched_and_deleted() {
    each_engine(|engine| {
        let mut storage = engine.storage();
        let kept = session(1, AccountId(1), 500);
        storage
            .write(|tx| {
                tx.insert_account(&account("Alice", 1))?;
                tx.insert_session(&kept)?;
                tx.insert_session(&session(2, AccountId(1), 100))
            })
            .unwrap();
        storage
            .write(|tx| tx.touch_session(&kept.session.hash, &used(77)))
            .unwrap();
        let found = storage.read(|s| s.sessions(Timestamp(100))).unwrap();
        assert_eq!(found.len(), 1, "an expired one is not read");
        let (found, expected) = (&found[0].session, &kept.session);
        assert_eq!((found.hash, found.expiry), (expected.hash, expected.expiry));
        assert_eq!(
            (found.client, found.worker),
            (expected.client, expected.worker)
        );
        assert_eq!((found.expirable, found.last_use), (true, used(77)));
        storage
            .write(|tx| tx.delete_session(&kept.session.hash))
            .unwrap();
        assert!(
            storage
                .read(|s| s.sessions(Timestamp(100)))
                .unwrap()
                .is_empty()
        );
        assert_eq!(storage.write(|tx| tx.delete_all_sessions()).unwrap(), 1);
        let nobody = session(3, AccountId(8), 500);
        assert!(
            storage.write(|tx| tx.insert_session(&nobody)).is_err(),
            "of no account"
        );
    });
}

#[test]
fn a_write_that_fails_stores_nothing() {
    each_engine(|engine| {
        let mut storage = engine.storage();
        let twice = storage.write(|tx| {
            tx.insert_account(&account("Alice", 1))?;
            tx.insert_account(&account("alice", 2))
        });
        assert!(twice.is_err());
        let refused: Result<(), StorageError> = storage.write(|tx| {
            tx.insert_account(&account("Alice", 1))?;
            assert_eq!(tx.account_count()?, 1, "a transaction reads what it wrote");
            Err(StorageError::Other(
                "the module thinks better of it".to_owned(),
            ))
        });
        assert!(refused.is_err());
        let mut reader = engine.reader();
        assert_eq!(reader.read(|s| s.account_count()).unwrap(), 0);
        storage
            .write(|tx| tx.insert_account(&account("Alice", 1)))
            .unwrap();
        assert_eq!(reader.read(|s| s.account_count()).unwrap(), 1);
    });
}

#[test]
fn a_snapshot_is_of_one_moment_and_makes_no_writer_wait() {
    each_engine(|engine| {
        let (mut storage, mut reader) = (engine.storage(), engine.reader());
        let mut moment = reader.snapshot().unwrap();
        assert_eq!(moment.account_count().unwrap(), 0);
        storage
            .write(|tx| tx.insert_account(&account("Alice", 1)))
            .unwrap();
        assert_eq!(moment.account_count().unwrap(), 0);
        drop(moment);
        assert_eq!(reader.read(|s| s.account_count()).unwrap(), 1);
    });
}

#[test]
fn the_sixteen_latest_places_of_an_account_are_kept() {
    each_engine(|engine: &Engine| {
        let mut storage = engine.storage();
        storage
            .write(|tx| {
                tx.insert_account(&account("Alice", 1))?;
                tx.insert_account(&account("Bob", 2))
            })
            .unwrap();
        let worker = Uuid::from_u128(3);
        let place = |name: &str, host: u8| {
            LoginPlace::of(name, &worker, Neighbourhood::of([192, 0, 2, host].into()))
        };
        let store = |storage: &mut Storage, id, name: &str, host, last| {
            let stored = storage.write(|tx| {
                tx.store_login_place(AccountId(id), &place(name, host), Timestamp(last))
            });
            stored.unwrap();
        };
        let has = |storage: &mut Storage, name: &str, host, since| {
            let read = storage.read(|s| s.has_login_place(&place(name, host), Timestamp(since)));
            read.unwrap()
        };
        store(&mut storage, 2, "bob", 0, 1);
        for host in 0..16 {
            store(&mut storage, 1, "alice", host, i64::from(host));
        }
        // The first is used again, so the second is the oldest.
        store(&mut storage, 1, "alice", 0, 100);
        store(&mut storage, 1, "alice", 16, 101);
        assert!(has(&mut storage, "alice", 0, 100) && !has(&mut storage, "alice", 0, 101));
        assert!(!has(&mut storage, "alice", 1, 0), "it made room");
        assert!(has(&mut storage, "alice", 2, 0) && has(&mut storage, "alice", 16, 0));
        assert!(has(&mut storage, "bob", 0, 0) && !has(&mut storage, "bob", 2, 0));
        let other = Uuid::from_u128(4);
        let near = Neighbourhood::of([192, 0, 2, 0].into());
        assert_ne!(LoginPlace::of("bob", &other, near), place("bob", 0));
        storage
            .write(|tx| tx.delete_login_places(Timestamp(101)))
            .unwrap();
        assert_eq!(engine.number("SELECT count(*) FROM login_places"), 1);
    });
}
