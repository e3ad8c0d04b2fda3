//! spec/master/auth.md · 3.1.3, 4.6.1, 4.6.3, 4.7.2, 4.7.4

use super::*;
use crate::link::message::ActiveSession;
use crate::master::auth::hashing::testing as hashing;
use crate::master::auth::sessions::PER_ACCOUNT_MAX;
use crate::master::messages::{AuthMessage, AuthRequest, HASH_JOBS_MAX};
use crate::master::testing::{
    FakeLink, HeardMessage, MasterRig, email, link_request, login, money, pass, reason, register,
};
use crate::model::{SessionHash, Timestamp};
use crate::runtime::Module;
use crate::wire::Request;
use std::net::SocketAddr;

fn rig() -> (MasterRig, FakeLink) {
    let mut rig = MasterRig::new();
    let link = rig.link("eu1");
    (rig, link)
}

/// A login with a password that is not the account's.
fn wrong(name: &str) -> Request {
    Request::Login {
        username: Username::parse(name).unwrap(),
        hashed_pass: pass("nobody"),
        expirable: false,
    }
}

/// A request of a client at this address.
fn from(link: &mut FakeLink, client: &str) -> ReplyTo {
    let client: SocketAddr = client.parse().unwrap();
    ReplyTo {
        client: Some(client),
        ..link.reply_to()
    }
}

fn sessions(rig: &MasterRig) -> i64 {
    rig.engine.number("SELECT count(*) FROM sessions")
}

// --- logging in
// ------------------------------------------------------------------------------------------

#[test]
fn a_login_makes_a_session_that_its_worker_hears_of_first() {
    let (mut rig, mut link) = rig();
    let account = rig.account("Alice");
    let before = Timestamp::now();
    let reply_to = link.reply_to();
    let asked = (reply_to, link_request(login("Alice", true)));
    rig.handle(vec![asked]);
    let answer = link.answer(1);
    let Reply::Session { id, workers } = answer.reply() else {
        panic!("{answer:?}")
    };
    assert_eq!(workers, [link.peer.worker.address.clone()]);
    let state = answer.session();
    assert_eq!(state.hash, id.hash());
    let Some(ActiveSession {
        username,
        expiry,
        expirable,
    }) = state.active
    else {
        panic!("it is not active")
    };
    assert_eq!((username.as_str(), expirable), ("Alice", true));
    let lifetime = i64::try_from(rig.config.session_lifetime.as_millis()).unwrap();
    assert!((before.0..=Timestamp::now().0).contains(&(expiry.0 - lifetime)));
    let kept = rig.auth.sessions.get(&id.hash(), before).unwrap();
    assert_eq!(
        (kept.session.account, kept.session.worker, kept.boot),
        (account, link.peer.worker.uuid, link.peer.boot)
    );
    assert_eq!(kept.session.client.to_string(), "192.0.2.1");
    assert_eq!(sessions(&rig), 1);
}

#[test]
fn names_are_found_without_regard_to_case() {
    let (mut rig, mut link) = rig();
    rig.account("Alice");
    let shouted = Request::Login {
        username: Username::parse("ALICE").unwrap(),
        hashed_pass: pass("Alice"),
        expirable: false,
    };
    assert!(matches!(rig.ask(&mut link, shouted), Reply::Session { .. }));
}

#[test]
fn nobody_is_told_whether_the_name_or_the_password_is_wrong() {
    let (mut rig, mut link) = rig();
    rig.account("alice");
    rig.account("third");
    // Signs in through a third party only.
    rig.engine
        .execute("UPDATE accounts SET is_password = 0, pass_hash = NULL WHERE username = 'third'");
    let replies = [
        wrong("alice"),
        login("nobody", false),
        login("third", false),
    ]
    .map(|request| rig.ask(&mut link, request));
    assert_eq!(reason(&replies[0]), Reason::BadCredentials);
    assert!(
        replies.iter().all(|reply| *reply == replies[0]),
        "{replies:?}"
    );
    assert_eq!(sessions(&rig), 0);
}

#[test]
fn a_name_and_address_fail_so_often_within_a_minute() {
    let (mut rig, mut link) = rig();
    rig.account("alice");
    let limit = rig.config.limits.failed_logins_per_minute;
    for _ in 0..limit {
        assert_eq!(
            rig.refused(&mut link, wrong("alice")),
            Reason::BadCredentials
        );
    }
    assert_eq!(
        rig.refused(&mut link, login("ALICE", false)),
        Reason::TooManyAttempts,
        "whether it is right is not even looked at"
    );
    assert_eq!(rig.hash_jobs.waiting(), 0);
    // From elsewhere it goes on, and other names do.
    let elsewhere = from(&mut link, "192.0.2.2:1");
    let reply = rig.ask_as(&mut link, elsewhere, login("alice", false));
    assert!(matches!(reply, Reply::Session { .. }), "{reply:?}");
    assert_eq!(
        rig.refused(&mut link, login("nobody", false)),
        Reason::BadCredentials
    );
}

#[test]
fn an_address_fails_so_often_within_a_minute_whatever_the_names() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_minute_per_address = 3);
    let mut link = rig.link("eu1");
    rig.account("alice");
    // The addresses of one site are one address.
    for (name, client) in [
        ("a", "[2001:db8::1]:1"),
        ("b", "[2001:db8::2]:1"),
        ("c", "[2001:db8::3]:1"),
    ] {
        let reply_to = from(&mut link, client);
        let reply = rig.ask_as(&mut link, reply_to, login(name, false));
        assert_eq!(reason(&reply), Reason::BadCredentials);
    }
    let reply_to = from(&mut link, "[2001:db8::4]:1");
    let reply = rig.ask_as(&mut link, reply_to, login("alice", false));
    assert_eq!(reason(&reply), Reason::TooManyAttempts);
    assert!(matches!(
        rig.ask(&mut link, login("alice", false)),
        Reply::Session { .. }
    ));
}

/// Asks as a client at this address, and returns the answer's reason; `None` for a session.
fn reason_from(
    rig: &mut MasterRig,
    link: &mut FakeLink,
    client: &str,
    request: Request,
) -> Option<Reason> {
    let reply_to = from(link, client);
    match rig.ask_as(link, reply_to, request) {
        Reply::Session { .. } | Reply::RegisterSuccess => None,
        other => Some(reason(&other)),
    }
}

#[test]
fn a_name_fails_so_often_an_hour_over_all_addresses_but_not_where_its_owner_is() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_hour_per_name = 6);
    let mut links = [rig.link("eu1"), rig.link("eu2")];
    rig.account("alice");
    let [eu1, eu2] = &mut links;
    let right = || login("alice", false);
    let home = "[2001:db8:0:1::1]:1";
    assert_eq!(reason_from(&mut rig, eu1, home, right()), None);
    // A known name and an unknown one are guessed under ever new addresses, through both workers.
    for name in ["alice", "nobody"] {
        for turn in 0..3 {
            let client = format!("192.0.2.{turn}:1");
            for link in [&mut *eu1, &mut *eu2] {
                let failed = reason_from(&mut rig, link, &client, wrong(name));
                assert_eq!(failed, Some(Reason::BadCredentials), "{name} {turn}");
            }
        }
    }
    let refused = ["alice", "nobody"].map(|name| {
        let reply_to = from(eu1, "198.51.100.1:1");
        rig.ask_as(eu1, reply_to, login(name, false))
    });
    assert_eq!(reason(&refused[0]), Reason::TooManyAttempts);
    assert_eq!(
        refused[0], refused[1],
        "nobody is told which of them exists"
    );
    // The owner gets in from the same site through the same worker, and may be wrong first.
    let other = "[2001:db8:0:1::2]:7";
    for _ in 0..3 {
        let failed = reason_from(&mut rig, eu1, other, wrong("alice"));
        assert_eq!(failed, Some(Reason::BadCredentials));
        assert_eq!(reason_from(&mut rig, eu1, other, right()), None);
    }
    // Another worker may say any address.
    let elsewhere = reason_from(&mut rig, eu2, home, right());
    assert_eq!(elsewhere, Some(Reason::TooManyAttempts));
    // Others are untouched.
    rig.account("bob");
    let bob = login("bob", false);
    assert_eq!(reason_from(&mut rig, eu2, "192.0.2.1:1", bob), None);
}

#[test]
fn a_place_counts_as_the_owners_over_restarts_and_for_thirty_days() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_hour_per_name = 1);
    let mut link = rig.link("eu1");
    rig.account("alice");
    let right = || login("alice", false);
    assert_eq!(
        reason_from(&mut rig, &mut link, "192.0.2.1:1", right()),
        None
    );
    assert_eq!(rig.engine.number("SELECT count(*) FROM login_places"), 1);
    let mut rig = rig.restart();
    let mut link = rig.open_link(&link.peer.worker, link.peer.boot);
    let stranger = "198.51.100.1:1";
    let failed = reason_from(&mut rig, &mut link, stranger, wrong("alice"));
    assert_eq!(failed, Some(Reason::BadCredentials));
    let refused = reason_from(&mut rig, &mut link, stranger, right());
    assert_eq!(refused, Some(Reason::TooManyAttempts));
    assert_eq!(
        reason_from(&mut rig, &mut link, "192.0.2.1:1", right()),
        None
    );
    rig.engine
        .execute("UPDATE login_places SET last = last - 2592060000");
    let refused = reason_from(&mut rig, &mut link, "192.0.2.1:1", right());
    assert_eq!(refused, Some(Reason::TooManyAttempts));
    // Nobody has logged in from there for 30 days: the hourly look forgets it.
    rig.auth.forgot = None;
    rig.auth.touched -= super::super::TOUCH_INTERVAL;
    rig.auth.on_tick(Instant::now());
    assert_eq!(rig.engine.number("SELECT count(*) FROM login_places"), 0);
}

#[test]
fn who_registered_somewhere_is_no_stranger_there() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_hour_per_name = 1);
    let mut link = rig.link("eu1");
    let home = "192.0.2.1:1";
    assert_eq!(
        reason_from(&mut rig, &mut link, home, register("alice")),
        None
    );
    let stranger = "198.51.100.1:1";
    let failed = reason_from(&mut rig, &mut link, stranger, wrong("alice"));
    assert_eq!(failed, Some(Reason::BadCredentials));
    let refused = reason_from(&mut rig, &mut link, stranger, login("alice", false));
    assert_eq!(refused, Some(Reason::TooManyAttempts));
    assert_eq!(
        reason_from(&mut rig, &mut link, home, login("alice", false)),
        None
    );
}

#[test]
fn a_worker_through_which_too_many_fail_is_slowed_alone_and_not_for_owners() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_minute_per_worker = 3);
    let mut links = [rig.link("eu1"), rig.link("eu2")];
    let [eu1, eu2] = &mut links;
    for name in ["alice", "bob"] {
        rig.account(name);
    }
    let right = |name| login(name, false);
    let home = "203.0.113.1:1";
    assert_eq!(reason_from(&mut rig, eu1, home, right("alice")), None);
    for number in 0..3 {
        let client = format!("192.0.2.{number}:1");
        let guess = wrong(&format!("name{number}"));
        let failed = reason_from(&mut rig, eu1, &client, guess);
        assert_eq!(failed, Some(Reason::BadCredentials));
    }
    let refused = reason_from(&mut rig, eu1, "198.51.100.1:1", right("bob"));
    assert_eq!(refused, Some(Reason::TooManyAttempts));
    assert_eq!(reason_from(&mut rig, eu1, home, right("alice")), None);
    assert_eq!(
        reason_from(&mut rig, eu2, "198.51.100.1:1", right("bob")),
        None
    );
}

#[test]
fn what_a_names_limit_refuses_counts_for_its_address() {
    let mut rig = MasterRig::with(|config| {
        config.limits.failed_logins_per_hour_per_name = 1;
        config.limits.failed_logins_per_minute_per_address = 2;
    });
    let mut link = rig.link("eu1");
    rig.account("bob");
    let failed = [wrong("alice"), wrong("alice"), login("bob", false)]
        .map(|request| rig.refused(&mut link, request));
    assert_eq!(failed[0], Reason::BadCredentials);
    assert_eq!(failed[1..], [Reason::TooManyAttempts; 2]);
    assert_eq!(rig.hash_jobs.waiting(), 0, "bob's is not even looked at");
}

#[test]
fn who_is_right_has_failed_nothing() {
    let mut rig = MasterRig::with(|config| {
        config.limits.failed_logins_per_minute = 2;
        config.limits.failed_logins_per_hour_per_name = 2;
        config.limits.failed_logins_per_minute_per_worker = 2;
    });
    let mut link = rig.link("eu1");
    rig.account("alice");
    for number in 0..4 {
        let client = format!("198.51.100.{number}:1");
        let answer = reason_from(&mut rig, &mut link, &client, login("alice", false));
        assert_eq!(answer, None, "from ever new places");
    }
    for _ in 0..4 {
        assert!(matches!(
            rig.ask(&mut link, login("alice", false)),
            Reply::Session { .. }
        ));
    }
    assert_eq!(
        rig.refused(&mut link, wrong("alice")),
        Reason::BadCredentials
    );
    assert!(matches!(
        rig.ask(&mut link, login("alice", false)),
        Reply::Session { .. }
    ));
}

#[test]
fn attempts_count_before_they_are_hashed() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_minute = 2);
    let mut link = rig.link("eu1");
    let asked = (0..3)
        .map(|_| (link.reply_to(), link_request(wrong("alice"))))
        .collect();
    rig.handle(asked);
    let mut replies = link.replies();
    replies.sort_by_key(|(sequence, _)| *sequence);
    let reasons: Vec<Reason> = replies.iter().map(|(_, reply)| reason(reply)).collect();
    assert_eq!(
        reasons,
        [
            Reason::BadCredentials,
            Reason::BadCredentials,
            Reason::TooManyAttempts
        ]
    );
}

/// Asks without letting anything be hashed.
fn submit(rig: &mut MasterRig, reply_to: ReplyTo, request: Request) {
    let asked = vec![(reply_to, AuthRequest::Request(request))];
    rig.auth.on_message(AuthMessage::Requests(asked));
    rig.auth.on_turn_end();
}

/// What one neighbourhood may have waiting of the pool of one thread.
const FILLER_MAX: usize = HASH_JOBS_MAX * 3 / 4;

#[test]
fn a_full_hashing_pool_refuses_and_counts_no_attempt() {
    let mut rig = MasterRig::with(|config| {
        config.limits.failed_logins_per_minute = u32::try_from(FILLER_MAX).unwrap() + 1;
        config.limits.registrations_per_minute_per_address = 1;
    });
    let mut link = rig.link("eu1");
    rig.account("alice");
    let full = FILLER_MAX + 2;
    let asked = (0..full)
        .map(|_| (link.reply_to(), AuthRequest::Request(login("alice", false))))
        .collect();
    rig.auth.on_message(AuthMessage::Requests(asked));
    rig.auth.on_turn_end();
    let refused = link.replies();
    assert_eq!(refused.len(), 2);
    assert!(
        refused
            .iter()
            .all(|(_, reply)| reason(reply) == Reason::Overloaded)
    );
    // One more attempt is left of this minute's: those that were refused did not count.
    rig.run();
    assert_eq!(link.replies().len(), FILLER_MAX);
    assert_eq!(
        rig.refused(&mut link, wrong("alice")),
        Reason::BadCredentials
    );
}

#[test]
fn a_class_behind_one_address_finds_room_beside_a_flood() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    // Four names, each as often as it may fail.
    for number in 0..40 {
        let reply_to = from(&mut link, "198.51.100.1:1");
        submit(
            &mut rig,
            reply_to,
            login(&format!("flood{}", number % 4), false),
        );
    }
    for number in 0..30 {
        let reply_to = from(&mut link, "203.0.113.1:1");
        submit(&mut rig, reply_to, login(&format!("pupil{number}"), false));
        let refused = link.replies();
        // One of the flood's is refused in its place, if any is.
        assert!(
            refused.iter().all(|(sequence, _)| *sequence <= 40),
            "{refused:?}"
        );
    }
}

#[test]
fn a_registration_that_finds_no_room_is_not_counted() {
    let mut rig = MasterRig::with(|config| config.limits.registrations_per_minute_per_address = 1);
    let mut link = rig.link("eu1");
    // As many addresses as there is room for, each with one login under way.
    for host in 0..HASH_JOBS_MAX {
        let reply_to = from(&mut link, &format!("198.{host}.1.1:1"));
        submit(&mut rig, reply_to, login("nobody", false));
    }
    for _ in 0..3 {
        let reply_to = link.reply_to();
        submit(&mut rig, reply_to, register("bob"));
        assert_eq!(reason(&link.replies()[0].1), Reason::Overloaded);
    }
    rig.run();
    link.replies();
    assert_eq!(rig.ask(&mut link, register("bob")), Reply::RegisterSuccess);
    assert_eq!(
        rig.refused(&mut link, register("carol")),
        Reason::TooManyAttempts
    );
}

/// A flood that never ends: four accounts from every address of one network, ten logins of each
/// name and address, and again as soon as there is room.
fn flood(rig: &mut MasterRig, link: &mut FakeLink, addresses: u8) {
    for address in 1..=addresses {
        for name in ["f1", "f2", "f3", "f4"] {
            for _ in 0..10 {
                let reply_to = from(link, &format!("198.51.100.{address}:1"));
                submit(rig, reply_to, login(name, false));
            }
        }
    }
    link.heard();
}

/// Hashes beside an endless flood until a job under this name is taken; their number, with the one
/// that was in work when the person asked.
fn hashes_before(rig: &mut MasterRig, link: &mut FakeLink, addresses: u8, name: &str) -> usize {
    for hashes in 1..100 {
        let (turn, job) = rig.hash_jobs.take().expect("service is withheld");
        let is_persons = match &job {
            HashJob::Verify { pending, .. } => pending.counted.name == name,
            HashJob::Change { pending, .. } => pending.username.key() == name,
            HashJob::Hash { pending, .. } => pending.username.key() == name,
        };
        if !is_persons {
            flood(rig, link, addresses);
        }
        rig.hash_jobs.release(turn);
        rig.auth.on_message(hashing::done(job));
        rig.auth.on_turn_end();
        if is_persons {
            return hashes;
        }
    }
    panic!("100 hashes, and none of them the person's");
}

#[test]
fn a_login_or_registration_beside_a_flood_waits_for_two_hashes_before_its_own() {
    // From another network, from another address of the flooder's, and from the flooder's own.
    let cases = [
        ("203.0.113.9:1", 9),
        ("198.51.100.200:1", 1),
        ("198.51.100.1:1", 1),
    ];
    for (client, addresses) in cases {
        for new in [false, true] {
            let mut rig = MasterRig::new();
            let mut link = rig.link("eu1");
            for name in ["f1", "f2", "f3", "f4", "person"] {
                rig.account(name);
            }
            flood(&mut rig, &mut link, addresses);
            // The flood has had its first turns, and a hash of it is in work.
            for _ in 0..20 {
                let (turn, job) = rig.hash_jobs.take().unwrap();
                rig.hash_jobs.release(turn);
                rig.auth.on_message(hashing::done(job));
                rig.auth.on_turn_end();
                flood(&mut rig, &mut link, addresses);
            }
            let (in_work, job) = rig.hash_jobs.take().unwrap();
            flood(&mut rig, &mut link, addresses);
            let reply_to = from(&mut link, client);
            let sequence = reply_to.sequence;
            let (name, request) = if new {
                ("newcomer", register("newcomer"))
            } else {
                ("person", login("person", false))
            };
            submit(&mut rig, reply_to, request);
            rig.hash_jobs.release(in_work);
            rig.auth.on_message(hashing::done(job));
            let before = hashes_before(&mut rig, &mut link, addresses, name);
            assert!(before <= 2, "{client}, {name}: {before} hashes");
            let replies = link.replies();
            let reply = replies.iter().find(|(number, _)| *number == sequence);
            let reply = reply.map(|(_, reply)| reply).unwrap();
            assert!(
                matches!(reply, Reply::Session { .. } | Reply::RegisterSuccess),
                "{client}, {name}: {reply:?}"
            );
        }
    }
}

#[test]
fn a_name_has_one_hash_in_work() {
    let (mut rig, mut link) = rig();
    for _ in 0..2 {
        let reply_to = link.reply_to();
        submit(&mut rig, reply_to, login("alice", false));
    }
    let (turn, _) = rig.hash_jobs.take().unwrap();
    assert!(rig.hash_jobs.take().is_none());
    let elsewhere = from(&mut link, "192.0.2.2:1");
    submit(&mut rig, elsewhere, login("alice", false));
    assert!(rig.hash_jobs.take().is_some(), "another's is not held up");
    rig.hash_jobs.release(turn);
    assert!(rig.hash_jobs.take().is_some());
}

#[test]
fn what_a_worker_says_of_addresses_limits_its_own_clients_alone() {
    let mut rig = MasterRig::with(|config| {
        config.limits.failed_logins_per_minute_per_address = 2;
        config.limits.registrations_per_minute_per_address = 2;
    });
    let (mut liar, mut honest) = (rig.link("eu1"), rig.link("eu2"));
    rig.account("alice");
    for _ in 0..3 {
        rig.ask(&mut liar, login("nobody", false));
        rig.ask(&mut liar, register("alice"));
    }
    assert_eq!(
        rig.refused(&mut liar, login("alice", false)),
        Reason::TooManyAttempts
    );
    assert_eq!(
        rig.refused(&mut liar, register("bob")),
        Reason::TooManyAttempts
    );
    let reply = rig.ask(&mut honest, login("alice", false));
    assert!(matches!(reply, Reply::Session { .. }), "{reply:?}");
    assert_eq!(
        rig.ask(&mut honest, register("bob")),
        Reply::RegisterSuccess
    );
}

#[test]
fn a_login_without_a_database_is_refused_and_counts_no_attempt() {
    let mut rig = MasterRig::with(|config| config.limits.failed_logins_per_minute = 1);
    let mut link = rig.link("eu1");
    rig.account("alice");
    rig.break_table("accounts");
    for _ in 0..3 {
        assert_eq!(
            rig.refused(&mut link, login("alice", false)),
            Reason::InternalError
        );
    }
    rig.mend_table("accounts");
    assert!(matches!(
        rig.ask(&mut link, login("alice", false)),
        Reply::Session { .. }
    ));
}

#[test]
fn a_session_that_cannot_be_stored_is_none() {
    let (mut rig, mut link) = rig();
    rig.account("alice");
    rig.refuse_changes("INSERT", "sessions");
    assert_eq!(
        rig.refused(&mut link, login("alice", false)),
        Reason::InternalError
    );
    assert_eq!((rig.auth.sessions.len(), sessions(&rig)), (0, 0));
    rig.allow_changes();
    assert!(matches!(
        rig.ask(&mut link, login("alice", false)),
        Reply::Session { .. }
    ));
}

#[test]
fn one_session_too_many_ends_the_accounts_oldest() {
    let (mut rig, mut link) = rig();
    let alice = rig.user(&mut link, "alice");
    let first = alice.session.hash();
    let like = rig.auth.sessions.get(&first, Timestamp(0)).unwrap().clone();
    for number in 1..PER_ACCOUNT_MAX {
        let mut kept = like.clone();
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        kept.session.hash = SessionHash(hash);
        rig.auth.sessions.insert(kept);
    }
    let bob = rig.user(&mut link, "bob").session.hash();
    link.heard();
    let reply_to = link.reply_to();
    let sequence = reply_to.sequence;
    rig.handle(vec![(reply_to, link_request(login("alice", false)))]);
    let heard = link.heard();
    let said: Vec<Instruction> = heard.iter().map(HeardMessage::instruction).collect();
    assert_eq!(
        said,
        [Instruction::LinkSessionsEnded, Instruction::LinkSession],
        "who hears of the new one finds the old one gone"
    );
    assert_eq!(heard[0].data(), first.0);
    assert_eq!(heard[1].sequence, sequence);
    assert!(rig.auth.sessions.get(&first, Timestamp(0)).is_none());
    assert!(
        rig.auth.sessions.get(&bob, Timestamp(0)).is_some(),
        "another's"
    );
    assert_eq!(rig.auth.sessions.len(), PER_ACCOUNT_MAX + 1);
}

/// A registration of this name with this address.
fn register_with(name: &str, email: &str) -> Request {
    Request::Register {
        username: Username::parse(name).unwrap(),
        email: Email::parse(email).unwrap(),
        hashed_pass: pass(name),
    }
}

// --- registering
// -----------------------------------------------------------------------------------------

#[test]
fn who_registers_has_the_starting_cash_and_can_log_in() {
    let (mut rig, mut link) = rig();
    assert_eq!(
        rig.ask(&mut link, register("alice")),
        Reply::RegisterSuccess
    );
    let name = Username::parse("alice").unwrap();
    let mut storage = rig.engine.storage();
    let account = storage
        .read(|snapshot| snapshot.credentials(&name))
        .unwrap();
    assert_eq!(rig.holdings(account.unwrap().account).cash, money("100000"));
    assert!(matches!(
        rig.ask(&mut link, login("alice", false)),
        Reply::Session { .. }
    ));
}

#[test]
fn names_and_emails_are_taken_once_without_regard_to_case() {
    let (mut rig, mut link) = rig();
    rig.account("alice");
    assert_eq!(
        rig.refused(&mut link, register("ALICE")),
        Reason::UsernameTaken
    );
    let same_email = Request::Register {
        username: Username::parse("bob").unwrap(),
        email: Email::parse(&email("ALICE")).unwrap(),
        hashed_pass: pass("bob"),
    };
    assert_eq!(rig.refused(&mut link, same_email), Reason::EmailTaken);
    assert_eq!(rig.hash_jobs.waiting(), 0, "nothing is hashed in vain");
}

#[test]
fn of_two_registrations_at_once_one_succeeds() {
    let (mut rig, mut link) = rig();
    let same_email = Request::Register {
        username: Username::parse("bob").unwrap(),
        email: Email::parse(&email("alice")).unwrap(),
        hashed_pass: pass("bob"),
    };
    let asked = [register("alice"), register("Alice"), same_email.clone()]
        .map(|request| (link.reply_to(), AuthRequest::Request(request)));
    rig.auth.on_message(AuthMessage::Requests(asked.into()));
    // All are hashed before any is committed.
    let jobs: Vec<HashJob> = std::iter::from_fn(|| rig.hash_jobs.take_done()).collect();
    assert_eq!(jobs.len(), 3);
    for job in jobs {
        rig.auth.on_message(hashing::done(job));
    }
    rig.auth.on_turn_end();
    let mut replies = link.replies();
    replies.sort_by_key(|(sequence, _)| *sequence);
    assert_eq!(replies[0].1, Reply::RegisterSuccess);
    assert_eq!(reason(&replies[1].1), Reason::UsernameTaken);
    assert_eq!(reason(&replies[2].1), Reason::EmailTaken);
    assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 1);
}

#[test]
fn a_name_that_was_taken_while_the_password_was_hashed_is_refused() {
    let (mut rig, mut link) = rig();
    let asked = vec![(link.reply_to(), AuthRequest::Request(register("alice")))];
    rig.auth.on_message(AuthMessage::Requests(asked));
    rig.account("alice");
    rig.run();
    assert_eq!(reason(&link.reply(1)), Reason::UsernameTaken);
}

#[test]
fn an_address_registers_or_asks_what_is_taken_so_often_within_a_minute() {
    let mut rig = MasterRig::with(|config| config.limits.registrations_per_minute_per_address = 3);
    let mut link = rig.link("eu1");
    rig.account("taken");
    let same_email = Request::Register {
        username: Username::parse("bob").unwrap(),
        email: Email::parse(&email("taken")).unwrap(),
        hashed_pass: pass("bob"),
    };
    assert_eq!(
        rig.refused(&mut link, register("taken")),
        Reason::UsernameTaken
    );
    assert_eq!(
        rig.refused(&mut link, same_email.clone()),
        Reason::EmailTaken
    );
    assert_eq!(rig.ask(&mut link, register("a1")), Reply::RegisterSuccess);
    for request in [register("a2"), register("taken"), same_email] {
        assert_eq!(rig.refused(&mut link, request), Reason::TooManyAttempts);
    }
    let elsewhere = from(&mut link, "192.0.2.2:1");
    assert_eq!(
        rig.ask_as(&mut link, elsewhere, register("a2")),
        Reply::RegisterSuccess
    );
}

#[test]
fn a_registration_that_comes_again_has_succeeded() {
    let mut rig = MasterRig::with(|config| config.limits.registrations_per_minute_per_address = 1);
    let mut link = rig.link("eu1");
    let first = link.reply_to();
    let again = ReplyTo {
        again: true,
        ..first.clone()
    };
    assert_eq!(
        rig.ask_as(&mut link, first, register("alice")),
        Reply::RegisterSuccess
    );
    assert_eq!(
        rig.ask_as(&mut link, again.clone(), register("alice")),
        Reply::RegisterSuccess,
        "though this minute has no more room"
    );
    assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 1);
    // The message is its worker, its process and its number: others are another's.
    let stranger = rig.register_worker("us1");
    let mut strangers = rig.open_link(&stranger, link.peer.boot);
    let of_stranger = ReplyTo {
        peer: std::sync::Arc::clone(&strangers.peer),
        client: Some("192.0.2.8:1".parse().unwrap()),
        ..again.clone()
    };
    let reply = rig.ask_as(&mut strangers, of_stranger, register("alice"));
    assert_eq!(reason(&reply), Reason::UsernameTaken);
    let other = ReplyTo {
        sequence: again.sequence + 7,
        ..again
    };
    let elsewhere = Some("192.0.2.9:1".parse().unwrap());
    let other = ReplyTo {
        client: elsewhere,
        ..other
    };
    let reply = rig.ask_as(&mut link, other, register("alice"));
    assert_eq!(reason(&reply), Reason::UsernameTaken);
}

#[test]
fn a_registration_without_a_database_is_refused() {
    let mut rig = MasterRig::with(|config| config.limits.registrations_per_minute_per_address = 3);
    let mut link = rig.link("eu1");
    rig.break_table("accounts");
    // Whether the name is free cannot be read ...
    assert_eq!(
        rig.refused(&mut link, register("alice")),
        Reason::InternalError
    );
    // ... nor whether the message registered it already ...
    let mut again = link.reply_to();
    again.again = true;
    let reply = rig.ask_as(&mut link, again, register("alice"));
    assert_eq!(reason(&reply), Reason::InternalError);
    rig.mend_table("accounts");
    // ... nor, behind the hash, whether it still is free.
    let reply_to = link.reply_to();
    let sequence = reply_to.sequence;
    let asked = vec![(reply_to, AuthRequest::Request(register("alice")))];
    rig.auth.on_message(AuthMessage::Requests(asked));
    rig.break_table("accounts");
    rig.run();
    assert_eq!(reason(&link.reply(sequence)), Reason::InternalError);
    rig.mend_table("accounts");
    // Nothing of it is left.
    assert_eq!(
        rig.ask(&mut link, register("alice")),
        Reply::RegisterSuccess
    );
}

#[test]
fn an_account_that_cannot_be_stored_is_none() {
    let (mut rig, mut link) = rig();
    rig.refuse_changes("INSERT", "accounts");
    assert_eq!(
        rig.refused(&mut link, register("alice")),
        Reason::InternalError
    );
    assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 0);
    rig.allow_changes();
    assert_eq!(
        rig.ask(&mut link, register("alice")),
        Reply::RegisterSuccess
    );
}

#[test]
fn a_password_that_cannot_be_hashed_registers_nobody() {
    let (mut rig, mut link) = rig();
    let asked = vec![(link.reply_to(), AuthRequest::Request(register("alice")))];
    rig.auth.on_message(AuthMessage::Requests(asked));
    let Some(HashJob::Hash { pending, .. }) = rig.hash_jobs.take_done() else {
        panic!("nothing is hashed")
    };
    rig.auth.on_message(AuthMessage::Hashed(pending, None));
    rig.auth.on_turn_end();
    assert_eq!(reason(&link.reply(1)), Reason::InternalError);
    assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 0);
}

#[test]
fn one_address_in_two_spellings_of_unicode_is_taken_once() {
    let (mut rig, mut link) = rig();
    for (number, pair) in [
        ["ΟΔΟΣ@x.org", "οδοσ@x.org"],
        ["STRASSE@x.org", "straße@x.org"],
        ["é@x.org", "e\u{301}@x.org"],
        ["a@bücher.example", "a@XN--BCHER-KVA.example."],
    ]
    .into_iter()
    .enumerate()
    {
        let [first, second] = pair;
        let (one, two) = (format!("one{number}"), format!("two{number}"));
        let answer = rig.ask(&mut link, register_with(&one, first));
        assert_eq!(answer, Reply::RegisterSuccess, "{first}");
        let refused = rig.refused(&mut link, register_with(&two, second));
        assert_eq!(refused, Reason::EmailTaken, "{second}");
    }
    let sql = "SELECT count(*) FROM accounts WHERE email = 'STRASSE@x.org'";
    assert_eq!(rig.engine.number(sql), 1, "it is shown as it was given");
}

#[test]
fn an_address_with_a_character_that_nobody_sees_makes_no_account() {
    let (mut rig, mut link) = rig();
    // Not assigned, private, invisible beyond the first 65,536: the wire's form allows them.
    for hidden in ['\u{378}', '\u{f0000}', '\u{e0041}', '\u{600}', '\u{fdd0}'] {
        let asked = register_with("alice", &format!("a{hidden}@x.org"));
        assert_eq!(
            rig.refused(&mut link, asked),
            Reason::EmailInvalid,
            "{hidden:?}"
        );
    }
    assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 0);
    assert_eq!(rig.hash_jobs.waiting(), 0);
}
