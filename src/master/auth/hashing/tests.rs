//! spec/master/auth.md · 3.1.3 ("all passwords should be hashed and salted")

use super::*;
use crate::master::messages::{CountedLogin, PendingLogin, PendingRegistration};
use crate::master::testing::{MasterRig, email, pass};
use crate::model::{Email, Username};
use crossbeam_channel::{Receiver, bounded};
use std::time::{Duration, Instant};

/// bcrypt's least.
const COST: u32 = 4;

const COSTS: HashCosts = HashCosts {
    new: COST,
    highest_stored: 0,
};

fn verify(rig: &mut MasterRig, name: &str, stored: &str) -> HashJob {
    let mut link = rig.link("eu1");
    HashJob::Verify {
        hashed_pass: pass(name),
        stored: stored.to_owned(),
        pending: Box::new(PendingLogin {
            reply_to: link.reply_to(),
            credentials: None,
            expirable: false,
            third_party: None,
            counted: CountedLogin {
                worker: link.peer.worker.uuid,
                name: name.to_owned(),
                near: Neighbourhood::of([192, 0, 2, 1].into()),
                is_stranger: true,
                at: Instant::now(),
            },
        }),
    }
}

fn next(inbox: &Receiver<AuthMessage>) -> AuthMessage {
    inbox.recv_timeout(Duration::from_secs(30)).unwrap()
}

#[test]
fn a_hash_fits_its_password_and_no_other_and_the_decoy_fits_none() {
    let mut rig = MasterRig::new();
    let (auth, inbox) = bounded(8);
    let (pool, threads) = HashingPool::start(COSTS, &auth).unwrap();
    let mut link = rig.link("eu1");
    let pending = Box::new(PendingRegistration {
        reply_to: link.reply_to(),
        counted: Instant::now(),
        username: Username::parse("alice").unwrap(),
        email: Email::parse(&email("alice")).unwrap(),
    });
    let hashed_pass = pass("alice");
    assert!(
        pool.submit(HashJob::Hash {
            hashed_pass,
            pending
        })
        .is_none()
    );
    let AuthMessage::Hashed(_, Some(stored)) = next(&inbox) else {
        panic!("no hash")
    };
    assert!(!stored.contains(pass("alice").expose()));
    let decoy = pool.decoy();
    for (name, stored, expected) in [
        ("alice", stored.as_str(), true),
        ("bob", stored.as_str(), false),
        ("alice", decoy.as_str(), false),
        ("alice", "no hash at all", false),
    ] {
        let job = verify(&mut rig, name, stored);
        assert!(pool.submit(job).is_none());
        let AuthMessage::Verified(_, fits, None) = next(&inbox) else {
            panic!("no verdict")
        };
        assert_eq!(fits, expected, "{name}, {stored}");
    }
    drop(pool);
    let deadline = Instant::now() + Duration::from_secs(30);
    assert!(
        runtime::join_all(threads, deadline).is_empty(),
        "they end with the pool"
    );
}

#[test]
fn what_finds_no_room_comes_back() {
    let mut rig = MasterRig::new();
    let (pool, jobs) = HashingPool::scripted();
    let filler = HASH_JOBS_MAX * 3 / 4;
    for _ in 0..filler {
        let job = verify(&mut rig, "alice", "");
        assert!(pool.submit(job).is_none());
    }
    let job = verify(&mut rig, "alice", "this one");
    let Some(HashJob::Verify { stored, .. }) = pool.submit(job) else {
        panic!("there is room for it")
    };
    assert_eq!(stored, "this one");
    // Another name of the neighbourhood has less.
    let job = verify(&mut rig, "bob", "another's");
    assert!(pool.submit(job).is_none());
    let job = verify(&mut rig, "bob", "another's");
    let Some(HashJob::Verify { stored, .. }) = pool.submit(job) else {
        panic!("nothing came back")
    };
    assert_eq!(stored, "");
    assert_eq!(jobs.waiting(), filler + 1);
}

#[test]
fn a_hash_of_a_lower_cost_is_made_anew_for_the_right_password_alone() {
    let mut rig = MasterRig::new();
    let (auth, inbox) = bounded(8);
    let costs = HashCosts {
        new: COST + 1,
        highest_stored: COST + 2,
    };
    let (pool, threads) = HashingPool::start(costs, &auth).unwrap();
    let hash = |cost| bcrypt::hash(pass("alice").expose(), cost).unwrap();
    let mut renewed = |name: &str, stored: &str| {
        let job = verify(&mut rig, name, stored);
        assert!(pool.submit(job).is_none());
        let AuthMessage::Verified(_, fits, renewed) = next(&inbox) else {
            panic!("no verdict")
        };
        assert_eq!(fits, name == "alice");
        renewed
    };
    let new = renewed("alice", &hash(COST)).unwrap();
    assert_eq!(cost_of(&new), Some(COST + 1));
    assert!(bcrypt::verify(pass("alice").expose(), &new).unwrap());
    assert_eq!(renewed("bob", &hash(COST)), None);
    // What cost more stays as it is.
    assert_eq!(renewed("alice", &hash(COST + 1)), None);
    assert_eq!(renewed("alice", &hash(COST + 2)), None);
    drop(pool);
    let deadline = Instant::now() + Duration::from_secs(30);
    assert!(runtime::join_all(threads, deadline).is_empty());
}

#[test]
fn every_verification_is_as_much_work() {
    for (new, highest_stored) in [(12, 0), (12, 12), (12, 10), (10, 12), (4, 15)] {
        let costs = HashCosts {
            new,
            highest_stored,
        };
        let most = new.max(highest_stored);
        for cost in 4..=most {
            let work: u64 = missing(cost, costs).map(|cost| 1 << cost).sum();
            assert_eq!(work + (1 << cost), 1 << most, "{cost} of {costs:?}");
        }
    }
    assert_eq!(cost_of("$2b$09$abc"), Some(9));
    assert_eq!(cost_of("decoy"), None);
}
