//! spec/master/mail.md · 3.1.3, 4.1

use super::*;
use crate::master::storage::accounts::NewAccount;
use crate::master::storage::outbox::OUTBOX_PAUSE_MAX;
use crate::master::storage::testing::Engine;
use crate::model::{AccountId, Email, Money, Username};
use crossbeam_channel::bounded;

const NOW: Timestamp = Timestamp(1_795_000_000_000);
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

fn at(millis: i64) -> Timestamp {
    Timestamp(NOW.0 + millis)
}

/// The module with what it sends, over a database with `alice`.
struct Rig {
    engine: Engine,
    mail: Mail,
    jobs: Receiver<OutgoingMail>,
    alice: AccountId,
    /// What the clock that nobody sets shows at [`NOW`].
    started: Instant,
}

impl Rig {
    fn new() -> Rig {
        let engine = Engine::chosen();
        let mut storage = engine.storage();
        storage.write(|tx| tx.set_outbox_open(true)).unwrap();
        let alice = NewAccount {
            username: Username::parse("alice").unwrap(),
            email: Some(Email::parse("alice@example.org").unwrap()),
            pass_hash: Some("hash".to_owned()),
            created: NOW,
            starting_cash: Money(0),
            worker: Uuid::from_u128(6),
            boot: Uuid::from_u128(7),
            sequence: 1,
            near: near(1),
        };
        let alice = storage.write(|tx| tx.insert_account(&alice)).unwrap();
        let (jobs_in, jobs) = bounded(SENDER_INBOX_MAX);
        let identity = MailIdentity {
            deployment: "PaperTrader".to_owned(),
            from: "no-reply@example.org".parse().unwrap(),
        };
        let templates = Templates::open(None).unwrap();
        Rig {
            mail: Mail::new(storage, identity, templates, jobs_in),
            engine,
            jobs,
            alice,
            started: Instant::now(),
        }
    }

    fn ask(&mut self, name: &str, from: u8, now: Timestamp) {
        let request = ResetRequest {
            name_or_address: name.to_owned(),
            worker: Uuid::from_u128(1),
            near: near(from),
        };
        self.mail.on_reset_request(&request, now);
    }

    fn notice(&mut self, now: Timestamp) {
        self.notice_of(OwnerNotice::PasswordChanged, now);
    }

    fn notice_of(&mut self, kind: OwnerNotice, now: Timestamp) {
        let alice = self.alice;
        let mut storage = self.engine.storage();
        assert!(
            storage
                .write(|tx| tx.insert_notice(alice, kind, "", now))
                .unwrap()
        );
    }

    /// The mail that leaves now, as text.
    fn leaves(&mut self, now: Timestamp) -> Option<(i64, String)> {
        self.mail.send_next(self.moment(now));
        let mail = self.jobs.try_recv().ok()?;
        Some((mail.number, String::from_utf8(mail.bytes.to_vec()).unwrap()))
    }

    /// The moment at which both clocks have gone on as far.
    fn moment(&self, now: Timestamp) -> MailMoment {
        let passed = u64::try_from(now.since(NOW)).unwrap();
        MailMoment {
            wall: now,
            steady: self.started + Duration::from_millis(passed),
        }
    }

    fn attempted(&mut self, number: i64, result: Result<(), SmtpError>, now: Timestamp) {
        let moment = self.moment(now);
        self.mail.on_attempted(number, result, moment);
    }

    fn waiting(&mut self) -> u64 {
        self.mail.status().waiting
    }
}

fn near(host: u8) -> Neighbourhood {
    Neighbourhood::of([192, 0, 2, host].into())
}

/// The code in the text of a mail.
fn code(text: &str) -> ResetCode {
    let line = text
        .lines()
        .find(|line| line.starts_with("    ") && line.trim().len() == 23);
    ResetCode::parse(line.unwrap_or_else(|| panic!("{text}")).trim()).unwrap()
}

fn is_valid(rig: &Rig, code: &ResetCode, now: Timestamp) -> bool {
    let name = Username::parse("alice").unwrap();
    let mut storage = rig.engine.storage();
    let found = storage.read(|s| s.account_of_code(&name, &code.hash(), now));
    found.unwrap().is_some()
}

#[test]
fn a_code_is_drawn_when_its_mail_leaves_and_lives_from_then_on() {
    let mut rig = Rig::new();
    rig.ask("alice", 1, NOW);
    assert_eq!(rig.engine.number("SELECT count(*) FROM reset_codes"), 0);
    let (number, text) = rig.leaves(at(30 * MINUTE)).unwrap();
    let first = code(&text);
    assert!(is_valid(&rig, &first, at(49 * MINUTE)));
    assert!(!is_valid(&rig, &first, at(50 * MINUTE)));
    assert_eq!(rig.leaves(at(30 * MINUTE)), None, "one at a time");
    rig.attempted(number, Ok(()), at(31 * MINUTE));
    assert_eq!((rig.waiting(), rig.mail.sent), (0, 1));
    assert_eq!(rig.leaves(at(40 * MINUTE)), None);
    // A code that nobody may know any more does not stand in the database.
    let hex = hex::encode(first.hash().0).to_uppercase();
    let found = rig.engine.number(&format!(
        "SELECT count(*) FROM reset_codes WHERE hex(hash) = '{hex}'"
    ));
    assert_eq!(found, 1, "only its hash does");
}

#[test]
fn each_attempt_has_a_code_of_its_own_and_the_earlier_ones_stay_valid() {
    let mut rig = Rig::new();
    rig.ask("ALICE@example.org", 1, NOW);
    let mut codes = Vec::new();
    let mut now = NOW;
    for _ in 0..4 {
        let (number, text) = rig.leaves(now).unwrap();
        codes.push(code(&text));
        rig.attempted(
            number,
            Err(SmtpError::Deferred("450 later".to_owned())),
            now,
        );
        now.0 += 2 * MINUTE;
    }
    let valid: Vec<bool> = codes.iter().map(|code| is_valid(&rig, code, now)).collect();
    assert_eq!(valid, [false, true, true, true]);
}

#[test]
fn pauses_grow_and_end() {
    let mut rig = Rig::new();
    rig.notice(NOW);
    let mut now = NOW;
    let mut attempts = 0;
    let mut last = NOW;
    while rig.waiting() > 0 {
        if let Some((number, _)) = rig.leaves(now) {
            attempts += 1;
            last = now;
            rig.attempted(number, Err(SmtpError::Deferred("450".to_owned())), now);
        }
        now.0 += 5 * SECOND;
    }
    assert!(
        (180..280).contains(&attempts),
        "{attempts} attempts in two days"
    );
    assert!(last.0 <= NOW.0 + 48 * 60 * MINUTE && now.0 > last.0);
    assert_eq!((rig.mail.sent, rig.mail.failed), (0, 1));
    let (_, text) = rig.mail.status().last_error.unwrap();
    assert_eq!(text, "it could not be sent in time");
    assert_eq!(pause(1), RETRY_INTERVAL);
    assert_eq!(pause(3), RETRY_INTERVAL * 4);
    assert_eq!(pause(u32::MAX), RETRY_INTERVAL_MAX);
    // Nobody waits for an old code.
    rig.ask("alice", 1, now);
    now.0 += 61 * MINUTE;
    assert_eq!(rig.leaves(now), None);
    assert_eq!((rig.waiting(), rig.mail.failed), (0, 2));
}

#[test]
fn a_mail_that_is_refused_for_good_ends_and_the_next_one_leaves() {
    let mut rig = Rig::new();
    rig.notice(NOW);
    rig.notice_of(OwnerNotice::EmailChanged, at(1));
    let (number, _) = rig.leaves(at(2)).unwrap();
    let text = "RCPT: 550 (an address) unknown".to_owned();
    rig.attempted(number, Err(SmtpError::Refused(text)), at(3));
    let (_, shown) = rig.mail.status().last_error.unwrap();
    assert_eq!(shown, "RCPT: 550 (an address) unknown");
    let (next, _) = rig.leaves(at(4)).unwrap();
    assert_ne!(next, number);
    rig.attempted(number, Ok(()), at(5));
    assert_eq!(
        rig.mail.sent, 0,
        "an attempt that is not under way counts for nothing"
    );
}

#[test]
fn a_server_that_cannot_be_used_pauses_all_mails() {
    let mut rig = Rig::new();
    rig.notice(NOW);
    rig.notice_of(OwnerNotice::EmailChanged, at(1));
    let (number, _) = rig.leaves(at(2)).unwrap();
    let refused = || Err(SmtpError::Server("connection refused".to_owned()));
    rig.attempted(number, refused(), at(3));
    assert_eq!(rig.leaves(at(3 * SECOND)), None, "the other one waits, too");
    let (number, _) = rig.leaves(at(7 * SECOND)).unwrap();
    rig.attempted(number, refused(), at(7 * SECOND));
    assert_eq!(rig.leaves(at(14 * SECOND)), None, "twice as long");
    let (number, _) = rig.leaves(at(20 * SECOND)).unwrap();
    rig.attempted(number, Ok(()), at(20 * SECOND));
    let (number, _) = rig.leaves(at(21 * SECOND)).unwrap();
    // Nobody knows whether it was taken: a repetition waits for longer.
    let unknown = Err(SmtpError::Unknown("silence".to_owned()));
    rig.attempted(number, unknown, at(21 * SECOND));
    assert_eq!(rig.leaves(at(14 * MINUTE)), None);
    assert!(rig.leaves(at(26 * MINUTE)).is_some());
}

#[test]
fn a_clock_that_is_set_back_holds_no_mail_up() {
    let mut rig = Rig::new();
    rig.notice(NOW);
    let (number, _) = rig.leaves(NOW).unwrap();
    let refused = Err(SmtpError::Server("connection refused".to_owned()));
    rig.attempted(number, refused, NOW);
    let back = |seconds: u64| MailMoment {
        wall: at(-25 * 60 * MINUTE),
        steady: rig.started + Duration::from_secs(seconds),
    };
    let (soon, later) = (back(2), back(10));
    rig.mail.send_next(soon);
    assert!(rig.jobs.is_empty(), "the pause of all mails goes on");
    rig.mail.send_next(later);
    assert_eq!(rig.jobs.try_recv().unwrap().number, number);
    // No pause that is kept is longer than what counts as set back.
    for pause in [UNKNOWN_RETRY_INTERVAL, RETRY_INTERVAL_MAX] {
        assert!(NOW.after(pause * 5 / 4) <= at(OUTBOX_PAUSE_MAX));
    }
}

#[test]
fn requests_are_bounded_by_account_address_and_neighbourhood() {
    let mut rig = Rig::new();
    for (from, now) in [(1, 0), (2, 1), (3, 2), (4, 3)] {
        rig.ask(
            if from % 2 == 0 {
                "alice"
            } else {
                "alice@example.org"
            },
            from,
            at(now),
        );
    }
    assert_eq!(rig.waiting(), 3);
    rig.ask("alice", 5, at(59 * MINUTE));
    assert_eq!(rig.waiting(), 3);
    rig.ask("alice", 6, at(61 * MINUTE));
    assert_eq!(rig.waiting(), 4, "an hour later");
    for name in ["nobody", "nobody@example.org", "", "\r\nRCPT TO:<a@b>"] {
        rig.ask(name, 7, at(62 * MINUTE));
    }
    assert_eq!(rig.waiting(), 4);
    for _ in 0..RESET_REQUESTS_PER_HOUR_MAX {
        rig.ask("nobody", 8, at(200 * MINUTE));
    }
    rig.ask("alice", 8, at(200 * MINUTE));
    assert_eq!(rig.waiting(), 4, "its neighbourhood has asked twenty times");
    rig.ask("alice", 9, at(200 * MINUTE));
    assert_eq!(rig.waiting(), 5);
}

#[test]
fn what_was_under_way_at_a_kill_leaves_again() {
    let mut rig = Rig::new();
    rig.ask("alice", 1, NOW);
    let (_, text) = rig.leaves(NOW).unwrap();
    let first = code(&text);
    // The process dies: the new one has the database alone.
    let (jobs_in, jobs) = bounded(SENDER_INBOX_MAX);
    let identity = MailIdentity {
        deployment: "PaperTrader".to_owned(),
        from: "no-reply@example.org".parse().unwrap(),
    };
    let templates = Templates::open(None).unwrap();
    rig.mail = Mail::new(rig.engine.storage(), identity, templates, jobs_in);
    rig.jobs = jobs;
    let (_, text) = rig.leaves(at(10 * SECOND)).unwrap();
    assert!(
        is_valid(&rig, &first, at(11 * SECOND)) && is_valid(&rig, &code(&text), at(11 * SECOND))
    );
}

#[test]
fn the_code_of_a_mail_that_is_refused_for_good_ends_with_it() {
    let mut rig = Rig::new();
    rig.ask("alice", 1, NOW);
    let (number, text) = rig.leaves(NOW).unwrap();
    assert!(is_valid(&rig, &code(&text), at(1)));
    let refused = Err(SmtpError::Refused("the mail: 554".to_owned()));
    rig.attempted(number, refused, at(1));
    assert!(!is_valid(&rig, &code(&text), at(1)));
}

#[test]
fn mails_that_find_no_room_are_counted_in_the_status() {
    let mut rig = Rig::new();
    rig.engine.execute("UPDATE outbox_state SET dropped = 3");
    assert_eq!(rig.mail.status().dropped, 3);
}
