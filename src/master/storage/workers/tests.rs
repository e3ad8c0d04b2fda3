//! spec/master/storage.md · 3.1.5

use super::*;
use crate::master::storage::testing::each_engine;

fn worker(number: u128, name: &str, digit: &str) -> WorkerServer {
    WorkerServer {
        name: name.to_owned(),
        uuid: Uuid::from_u128(number),
        fingerprint: Fingerprint::parse(&digit.repeat(40)).unwrap(),
        ip: "127.0.0.1".parse().unwrap(),
        address: "127.0.0.1:2049".to_owned(),
        booted: false,
    }
}

#[test]
fn a_name_and_a_key_are_one_worker_s_while_it_is_registered() {
    each_engine(|engine| {
        let mut storage = engine.storage();
        let now = Timestamp(5);
        let first = worker(1, "eu1", "A");
        storage.write(|tx| tx.insert_worker(&first, now)).unwrap();
        for other in [
            worker(2, "eu1", "B"),
            worker(2, "eu2", "A"),
            worker(1, "eu2", "B"),
        ] {
            assert!(
                storage.write(|tx| tx.insert_worker(&other, now)).is_err(),
                "{other:?}"
            );
        }
        storage
            .write(|tx| tx.unregister_worker(&first.uuid, now))
            .unwrap();
        let second = worker(2, "eu1", "A");
        storage.write(|tx| tx.insert_worker(&second, now)).unwrap();
        let (found, ever) = storage
            .read(|s| Ok((s.workers()?, s.workers_ever_named("eu1", &Uuid::nil())?)))
            .unwrap();
        assert_eq!(found, [second]);
        assert_eq!(ever.len(), 2, "{ever:?}");
        let by_uuid = storage
            .read(|s| s.workers_ever_named("-", &first.uuid))
            .unwrap();
        assert_eq!(by_uuid, [first.uuid]);
        let mut name = |uuid| storage.read(|s| s.worker_name(&uuid)).unwrap();
        assert_eq!(
            name(first.uuid).as_deref(),
            Some("eu1"),
            "its receipts name it"
        );
        assert_eq!(name(Uuid::from_u128(9)), None);
    });
}

#[test]
fn workers_are_listed_by_name_with_what_was_changed() {
    each_engine(|engine| {
        let mut storage = engine.storage();
        let (b, a) = (worker(1, "b", "A"), worker(2, "a", "B"));
        storage
            .write(|tx| {
                tx.insert_worker(&b, Timestamp(0))?;
                tx.insert_worker(&a, Timestamp(0))?;
                tx.set_worker_booted(&b.uuid, true)?;
                tx.set_worker_address(&a.uuid, "example.org:7")
            })
            .unwrap();
        let found = storage.read(|s| s.workers()).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|worker| (worker.name.as_str(), worker.booted, worker.address.as_str()))
            .collect();
        assert_eq!(
            shown,
            [("a", false, "example.org:7"), ("b", true, "127.0.0.1:2049")]
        );
        storage
            .write(|tx| tx.set_worker_booted(&b.uuid, false))
            .unwrap();
        assert!(
            storage
                .read(|s| s.workers())
                .unwrap()
                .iter()
                .all(|worker| !worker.booted)
        );
    });
}

#[test]
fn keys_of_registered_workers_are_kept_for_other_masters() {
    each_engine(|engine| {
        let mut storage = engine.storage();
        let (first, second) = (worker(1, "eu1", "A"), worker(2, "eu2", "B"));
        storage
            .write(|tx| {
                tx.insert_worker(&first, Timestamp(5))?;
                tx.keep_worker_key(&first.fingerprint, b"old")?;
                tx.keep_worker_key(&first.fingerprint, b"key")?;
                tx.keep_worker_key(&second.fingerprint, b"of none")
            })
            .unwrap();
        let kept = |storage: &mut crate::master::storage::Storage| {
            storage
                .read(|s| {
                    let digests = s.worker_key_digests()?;
                    let key = s.worker_key(&first.fingerprint)?;
                    Ok((digests, key, s.worker_key(&second.fingerprint)?))
                })
                .unwrap()
        };
        let (digests, key, other) = kept(&mut storage);
        if engine.on_server().is_none() {
            assert_eq!((digests, key, other), (Vec::new(), None, None));
            return;
        }
        // MD5 of "key".
        let digest = "3c6e0b8a9c15224a8228b9a98ca1531d".to_owned();
        assert_eq!(digests, [(first.fingerprint, digest)]);
        assert_eq!(key.as_deref(), Some(&b"key"[..]));
        assert!(other.is_some());
        storage.write(|tx| tx.forget_worker_keys()).unwrap();
        assert_eq!(kept(&mut storage).2, None);
        storage
            .write(|tx| {
                tx.unregister_worker(&first.uuid, Timestamp(6))?;
                tx.forget_worker_keys()
            })
            .unwrap();
        assert_eq!(kept(&mut storage), (Vec::new(), None, None));
    });
}
