//! spec/master/auth.md · 2.4.2 Session Structure, 2.4.6 activeSessions

use super::*;
use crate::model::{Session, SessionKind, Username};

/// A session of an account that expires then.
fn session(byte: u8, account: i64, expiry: i64) -> StoredSession {
    StoredSession {
        session: Session {
            hash: SessionHash([byte; 32]),
            account: AccountId(account),
            username: Username::parse("alice").unwrap(),
            since: Timestamp(i64::from(byte)),
            expiry: Timestamp(expiry),
            client: [127, 0, 0, 1].into(),
            worker: Uuid::from_u128(1),
            expirable: byte.is_multiple_of(2),
            is_active: true,
            kind: SessionKind::Login("password".to_owned()),
            last_use: used(0),
        },
        boot: Uuid::from_u128(u128::from(byte)),
        passed: Vec::new(),
    }
}

/// A use at this time.
fn used(at: i64) -> SessionUse {
    SessionUse {
        at: Timestamp(at),
        client: [127, 0, 0, 1].into(),
        worker: Uuid::from_u128(1),
    }
}

fn hash(byte: u8) -> SessionHash {
    SessionHash([byte; 32])
}

#[test]
fn a_session_is_active_until_it_expires() {
    let mut table = SessionTable::default();
    table.insert(session(1, 1, 100));
    table.insert(session(2, 1, 50));
    assert!(table.get(&hash(1), Timestamp(99)).is_some());
    assert!(table.get(&hash(1), Timestamp(100)).is_none());
    assert!(table.touch(&hash(1), used(100)).is_none());
    assert_eq!(table.expired(Timestamp(49)), []);
    assert_eq!(table.expired(Timestamp(50)), [hash(2)]);
    assert_eq!(
        table.expired(Timestamp(100)),
        [hash(2), hash(1)],
        "the earliest first"
    );
}

#[test]
fn sessions_of_a_clock_that_was_ahead_last_no_longer_than_they_are_long() {
    let mut table = SessionTable::default();
    for begin in [10, 100] {
        table.insert(session(begin, 1, i64::from(begin) + 7));
    }
    assert_eq!(table.set_back(Timestamp(60), Timestamp(50)), 1);
    assert_eq!(table.expired(Timestamp(17)), [hash(10)]);
    assert_eq!(table.expired(Timestamp(56)), [hash(10)]);
    assert_eq!(table.expired(Timestamp(57)), [hash(10), hash(100)]);
    assert_eq!(
        table.get(&hash(100), Timestamp(56)).unwrap().session.since,
        Timestamp(50)
    );
    assert_eq!(table.set_back(Timestamp(60), Timestamp(50)), 0);
    assert!(table.remove(&hash(100)).is_some());
    assert_eq!(table.expired(Timestamp(117)), [hash(10)]);
}

#[test]
fn one_more_than_an_account_may_have_is_at_the_cost_of_its_oldest() {
    let mut table = SessionTable::default();
    for number in 0..PER_ACCOUNT_MAX {
        let mut kept = session(0, 1, 100);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        kept.session.hash = SessionHash(bytes);
        assert_eq!(table.surplus(AccountId(1)), []);
        table.insert(kept);
    }
    assert_eq!(table.surplus(AccountId(1)), [SessionHash([0; 32])]);
    assert_eq!(table.surplus(AccountId(2)), []);
    assert!(table.remove(&SessionHash([0; 32])).is_some());
    assert_eq!(table.surplus(AccountId(1)), []);
}

#[test]
fn what_is_removed_is_gone_from_every_index() {
    let mut table = SessionTable::default();
    table.insert(session(1, 1, 100));
    table.touch(&hash(1), used(10));
    assert!(table.remove(&hash(1)).is_some());
    assert!(table.remove(&hash(1)).is_none());
    assert!(table.is_empty());
    assert_eq!(table.expired(Timestamp(1_000)), []);
    assert_eq!(table.take_used(), []);
    assert!(table.by_account.is_empty());
}

#[test]
fn uses_are_noted_once_and_never_back_in_time() {
    let mut table = SessionTable::default();
    table.insert(session(1, 1, 100));
    table.insert(session(2, 1, 100));
    table.touch(&hash(1), used(20));
    table.touch(&hash(1), used(10));
    assert_eq!(table.take_used(), [(hash(1), used(20))]);
    assert_eq!(table.take_used(), []);
}

#[test]
fn the_orphans_of_a_worker_are_its_expirable_ones_of_other_processes() {
    let mut table = SessionTable::default();
    for byte in 1..=4 {
        table.insert(session(byte, 1, 100));
    }
    let worker = Uuid::from_u128(1);
    let sorted = |mut hashes: Vec<SessionHash>| {
        hashes.sort_unstable();
        hashes
    };
    assert_eq!(sorted(table.orphans(&worker, None)), [hash(2), hash(4)]);
    let second = Uuid::from_u128(2);
    assert_eq!(table.orphans(&worker, Some(&second)), [hash(4)]);
    assert_eq!(table.orphans(&Uuid::nil(), None), []);
    assert_eq!(table.iter().count(), 4);
}
