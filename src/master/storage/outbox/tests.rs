//! spec/master/storage/outbox.md · 3.1.3, 4.1

use super::*;
use crate::master::storage::Storage;
use crate::master::storage::accounts::NewAccount;
use crate::master::storage::reset_codes::MAILED_CODES_MAX;
use crate::master::storage::testing::{Engine, each_engine};
use crate::model::{Money, ResetCode, ResetCodeHash};
use crate::runtime::neighbourhood::Neighbourhood;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000);

fn at(millis: i64) -> Timestamp {
    Timestamp(NOW.0 + millis)
}

/// A database of a master that sends mails.
fn open(engine: &Engine) -> Storage {
    let mut storage = engine.storage();
    storage.write(|tx| tx.set_outbox_open(true)).unwrap();
    storage
}

fn account(storage: &mut Storage, name: &str, sequence: u64) -> AccountId {
    let new = NewAccount {
        username: Username::parse(name).unwrap(),
        email: Some(Email::parse(&format!("{name}@example.org")).unwrap()),
        pass_hash: Some("hash".to_owned()),
        created: NOW,
        starting_cash: Money(0),
        worker: Uuid::from_u128(6),
        boot: Uuid::from_u128(7),
        sequence,
        near: Neighbourhood::of(std::net::Ipv4Addr::LOCALHOST.into()),
    };
    storage.write(|tx| tx.insert_account(&new)).unwrap()
}

fn recipient(storage: &mut Storage, name: &str) -> MailRecipient {
    let found = storage.read(|s| s.mail_recipient(name)).unwrap();
    found.unwrap()
}

fn hash(byte: u8) -> ResetCodeHash {
    ResetCode::from_bytes(&[byte; 20]).hash()
}

#[test]
fn a_mail_waits_until_it_is_due_and_is_remembered_when_it_has_ended() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        let alice = account(&mut storage, "Alice", 1);
        let due = |storage: &mut Storage, now| storage.read(|s| s.due_mail(now)).unwrap();
        assert_eq!(due(&mut storage, at(9)), None);
        let kind = OwnerNotice::TokenCreated;
        let queued = storage.write(|tx| tx.insert_notice(alice, kind, "bot", NOW));
        assert!(queued.unwrap());
        assert_eq!(due(&mut storage, at(-1)), None);
        let mail = due(&mut storage, NOW).unwrap();
        let expected = QueuedMail {
            number: 1,
            account: Some(alice),
            kind,
            username: Username::parse("Alice").unwrap(),
            address: Email::parse("Alice@example.org").unwrap(),
            detail: "bot".to_owned(),
            created: NOW,
            attempts: 0,
            folded: 0,
        };
        assert_eq!(mail, expected);
        storage
            .write(|tx| tx.begin_mail_attempt(1, at(500)))
            .unwrap();
        assert_eq!(due(&mut storage, at(499)), None);
        assert_eq!(due(&mut storage, at(500)).unwrap().attempts, 1);
        storage.write(|tx| tx.postpone_mail(1, at(600))).unwrap();
        assert_eq!(due(&mut storage, at(599)), None);
        assert_eq!(storage.read(|s| s.waiting_mails()).unwrap(), 1);
        storage.write(|tx| tx.end_mail(1, true, at(700))).unwrap();
        // What has ended stays so.
        storage.write(|tx| tx.postpone_mail(1, at(701))).unwrap();
        storage.write(|tx| tx.end_mail(1, false, at(702))).unwrap();
        assert_eq!(due(&mut storage, at(9_000)), None);
        assert_eq!(storage.read(|s| s.waiting_mails()).unwrap(), 0);
        assert_eq!(
            engine.number("SELECT sent * 10000 + ended - 1000000 FROM outbox"),
            10_700
        );
        storage.write(|tx| tx.delete_ended_mails(at(700))).unwrap();
        assert_eq!(engine.number("SELECT count(*) FROM outbox"), 1);
        storage.write(|tx| tx.delete_ended_mails(at(701))).unwrap();
        assert_eq!(engine.number("SELECT count(*) FROM outbox"), 0);
    });
}

/// Counts the mails that tell whose they were.
const NAMED: &str = "SELECT count(*) FROM outbox WHERE account IS NOT NULL OR username <> ''
    OR address <> '' OR detail <> '' OR address_key LIKE '%@%'";

#[test]
fn mails_to_an_address_are_counted_beyond_the_deletion_of_its_account() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        let old = account(&mut storage, "alice", 1);
        let to = recipient(&mut storage, "alice");
        let kinds = [
            OwnerNotice::PasswordChanged,
            OwnerNotice::EmailChanged,
            OwnerNotice::PasswordReset,
        ];
        for kind in kinds {
            storage.write(|tx| tx.insert_reset_mail(&to, NOW)).unwrap();
            storage
                .write(|tx| tx.insert_notice(old, kind, "", NOW))
                .unwrap();
        }
        let erased = storage.write(|tx| tx.erase_account(old, None, at(1)));
        assert!(erased.unwrap());
        assert_eq!(engine.number(NAMED), 0);
        assert_eq!(storage.read(|s| s.waiting_mails()).unwrap(), 0);
        // Its result comes late.
        storage.write(|tx| tx.end_mail(1, true, at(2))).unwrap();

        let new = account(&mut storage, "alice", 2);
        let to = recipient(&mut storage, "alice");
        let sent = |storage: &mut Storage, since| {
            storage.read(|s| s.reset_mails_since(&to, since)).unwrap()
        };
        assert_eq!(sent(&mut storage, at(-1)), 3);
        assert_eq!(sent(&mut storage, NOW), 0);
        let kind = OwnerNotice::PasswordChanged;
        storage
            .write(|tx| tx.insert_notice(new, kind, "", at(3)))
            .unwrap();
        let due = "SELECT due - created FROM outbox WHERE account IS NOT NULL";
        assert_eq!(engine.number(due), NOTICE_HOUR);

        let count = "SELECT count(*) FROM outbox WHERE account IS NULL";
        for (now, left) in [(at(NOTICE_HOUR - 1), 6), (at(NOTICE_HOUR), 0)] {
            storage.write(|tx| tx.delete_erased_mails(now)).unwrap();
            assert_eq!(engine.number(count), left);
        }
    });
}

#[test]
fn each_deletion_is_told_by_its_own_name() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        for (sequence, name) in [(1, "alice"), (2, "Alice")] {
            let of = account(&mut storage, name, sequence);
            let kind = OwnerNotice::AccountDeleted;
            storage
                .write(|tx| tx.insert_notice(of, kind, "", NOW))
                .unwrap();
            storage.write(|tx| tx.erase_account(of, None, NOW)).unwrap();
        }
        let names = "SELECT count(*) FROM outbox WHERE ended IS NULL AND folded = 0
            AND username IN ('alice', 'Alice')";
        assert_eq!(engine.number(names), 2);
    });
}

#[test]
fn nothing_stays_of_the_mail_of_a_deleted_account_and_none_is_written_without_an_address() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        let alice = account(&mut storage, "alice", 1);
        let notice = |storage: &mut Storage, kind| {
            storage
                .write(|tx| tx.insert_notice(alice, kind, "", NOW))
                .unwrap()
        };
        assert!(notice(&mut storage, OwnerNotice::AccountDeleted));
        let mail = storage.read(|s| s.due_mail(NOW)).unwrap().unwrap();
        assert_eq!((mail.account, mail.username.as_str()), (None, "alice"));
        storage
            .write(|tx| tx.end_mail(mail.number, true, NOW))
            .unwrap();
        assert_eq!(engine.number(NAMED), 0);
        let hour_later = at(NOTICE_HOUR);
        storage
            .write(|tx| tx.delete_erased_mails(hour_later))
            .unwrap();
        assert_eq!(engine.number("SELECT count(*) FROM outbox"), 0);
        storage.write(|tx| tx.set_outbox_open(false)).unwrap();
        assert!(
            !notice(&mut storage, OwnerNotice::PasswordChanged),
            "no mails are sent"
        );
        storage.write(|tx| tx.set_outbox_open(true)).unwrap();
        engine.execute("UPDATE accounts SET email = NULL, email_key = NULL");
        assert!(!notice(&mut storage, OwnerNotice::PasswordChanged));
        assert_eq!(storage.read(|s| s.mail_recipient("alice")).unwrap(), None);
    });
}

/// Whether a notice is queued, or told in one that waits.
fn notice(storage: &mut Storage, account: AccountId, kind: OwnerNotice, now: Timestamp) -> bool {
    let queued = storage.write(|tx| tx.insert_notice(account, kind, "x", now));
    queued.unwrap()
}

fn end_all(engine: &Engine) {
    engine.execute("UPDATE outbox SET ended = created, sent = 1, attempts = 1 WHERE ended IS NULL");
}

#[test]
fn the_outbox_is_bounded_and_a_part_is_kept_for_codes_and_a_part_for_what_is_grave() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        let alice = account(&mut storage, "alice", 1);
        let to = recipient(&mut storage, "alice");
        let fill = |to: i64| {
            engine.execute("DELETE FROM outbox");
            engine.execute(&format!(
                "INSERT INTO outbox (kind, username, address, address_key, detail, created, due)
                 SELECT 'password-changed', 'x', 'x@y', 'x@y', '', 0, 0 FROM
                 (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {to})
                  SELECT i FROM n) AS numbers"
            ));
        };
        let notices = OUTBOX_WAITING_MAX - OUTBOX_CODES_KEPT;
        let (token, grave) = (OwnerNotice::TokenCreated, OwnerNotice::PasswordChanged);
        fill(notices - OUTBOX_NOTICES_KEPT);
        assert!(!notice(&mut storage, alice, token, NOW));
        assert!(notice(&mut storage, alice, grave, NOW));
        fill(notices);
        assert!(!notice(&mut storage, alice, grave, NOW));
        let code = |storage: &mut Storage| storage.write(|tx| tx.insert_reset_mail(&to, NOW));
        assert!(code(&mut storage).unwrap());
        fill(OUTBOX_WAITING_MAX);
        assert!(!code(&mut storage).unwrap());
        assert_eq!(storage.read(|s| s.dropped_mails()).unwrap(), 3);
        // A long detail is cut, not refused.
        engine.execute("DELETE FROM outbox");
        let long = "ä".repeat(MAIL_DETAIL_MAX + 1);
        let kind = OwnerNotice::IdentityLinked;
        let queued = storage.write(|tx| tx.insert_notice(alice, kind, &long, NOW));
        assert!(queued.unwrap());
    });
}

#[test]
fn many_tokens_are_told_in_one_mail_and_silence_nothing_else() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        let alice = account(&mut storage, "alice", 1);
        let created = OwnerNotice::TokenCreated;
        for number in 0..22 {
            assert!(notice(&mut storage, alice, created, at(number)));
        }
        let mail = storage.read(|s| s.due_mail(at(30))).unwrap().unwrap();
        assert_eq!((mail.folded, mail.created), (21, at(21)));
        assert!(notice(
            &mut storage,
            alice,
            OwnerNotice::EmailChanged,
            at(22)
        ));
        assert_eq!(storage.read(|s| s.waiting_mails()).unwrap(), 2);
        // A mail that is under way tells what it told.
        storage
            .write(|tx| tx.begin_mail_attempt(1, at(99)))
            .unwrap();
        assert!(notice(&mut storage, alice, created, at(23)));
        assert_eq!(
            engine.number("SELECT folded FROM outbox WHERE number = 1"),
            21
        );
    });
}

#[test]
fn what_exceeds_the_count_of_an_hour_is_told_an_hour_later_in_one_mail() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        let alice = account(&mut storage, "alice", 1);
        let (created, grave) = (OwnerNotice::TokenCreated, OwnerNotice::PasswordChanged);
        // Each is sent at once; the mailbox may be a stranger's.
        let leave_at_once = |storage: &mut Storage, kind, from: i64| {
            let mut left = 0;
            for number in from..from + 100 {
                assert!(notice(storage, alice, kind, at(number)));
                if storage.read(|s| s.due_mail(at(number))).unwrap().is_some() {
                    left += 1;
                    engine.execute(&format!(
                        "UPDATE outbox SET ended = created, attempts = 1 WHERE due <= {}",
                        at(number).0
                    ));
                }
            }
            left
        };
        let few = UNPROVEN_NOTICES_PER_HOUR_MAX;
        assert_eq!(leave_at_once(&mut storage, created, 0), few);
        assert_eq!(storage.read(|s| s.waiting_mails()).unwrap(), 1);
        assert_eq!(
            leave_at_once(&mut storage, grave, 100),
            few,
            "room of its own"
        );
        assert_eq!(storage.read(|s| s.waiting_mails()).unwrap(), 2);
        let later = storage.read(|s| s.due_mail(at(NOTICE_HOUR + 200))).unwrap();
        assert_eq!(later.unwrap().folded, 96);
        // A proven address is its owner's.
        engine.execute("DELETE FROM outbox");
        engine.execute("INSERT INTO proven_emails SELECT account, email_key, 1 FROM accounts");
        assert_eq!(
            leave_at_once(&mut storage, grave, 200),
            NOTICES_PER_HOUR_MAX
        );
        assert_eq!(storage.read(|s| s.dropped_mails()).unwrap(), 0);
    });
}

#[test]
fn an_address_that_nobody_has_proven_gets_few_mails_whatever_accounts_have_it() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        let mut told = 0;
        for number in 0..30 {
            let each = account(&mut storage, &format!("a{number}"), number);
            engine.execute(
                "UPDATE accounts SET email = NULL, email_key = NULL WHERE email IS NOT NULL",
            );
            engine.execute(&format!(
                "UPDATE accounts SET email = 'v@x.org', email_key = 'v@x.org' WHERE account = {}",
                each.0
            ));
            told += i64::from(notice(&mut storage, each, OwnerNotice::EmailChanged, NOW));
            end_all(engine);
        }
        assert_eq!(told, UNPROVEN_ADDRESS_PER_HOUR_MAX);
        assert_eq!(storage.read(|s| s.dropped_mails()).unwrap(), 10);
    });
}

#[test]
fn the_younger_of_two_accounts_with_one_address_is_given_codes_too() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        let twin = account(&mut storage, "twin", 1);
        // As migration 0006 leaves it.
        engine.execute("UPDATE accounts SET email_key = '#1'");
        let to = recipient(&mut storage, "twin").address;
        let times = (NOW, at(100));
        let stored = storage.write(|tx| tx.store_mailed_code(twin, &hash(1), &to, times));
        stored.unwrap();
        let name = Username::parse("twin").unwrap();
        let found = |storage: &mut Storage| {
            let found = storage.read(|s| s.account_of_code(&name, &hash(1), at(1)));
            found.unwrap()
        };
        assert_eq!(found(&mut storage), Some(twin));
        let used = storage.write(|tx| tx.use_reset_code(twin, &hash(1), at(2)));
        used.unwrap();
        assert_eq!(found(&mut storage), None);
        let proven = "SELECT count(*) FROM proven_emails WHERE address_key = '#1'";
        assert_eq!(engine.number(proven), 1);
        // Where the address has changed meanwhile, the code is of no use.
        let old = Email::parse("old@example.org").unwrap();
        let stored = storage.write(|tx| tx.store_mailed_code(twin, &hash(1), &old, times));
        stored.unwrap();
        assert_eq!(found(&mut storage), None);
    });
}

#[test]
fn mails_with_codes_are_counted_by_account_and_by_address() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        account(&mut storage, "alice", 1);
        account(&mut storage, "bob", 2);
        let by_name = recipient(&mut storage, "ALICE");
        assert_eq!(recipient(&mut storage, "Alice@EXAMPLE.org"), by_name);
        assert_eq!(storage.read(|s| s.mail_recipient("carol")).unwrap(), None);
        assert_eq!(
            storage.read(|s| s.mail_recipient("\0; DROP")).unwrap(),
            None
        );
        let count = |storage: &mut Storage, to: &MailRecipient, since| {
            storage.read(|s| s.reset_mails_since(to, since)).unwrap()
        };
        storage
            .write(|tx| tx.insert_reset_mail(&by_name, NOW))
            .unwrap();
        storage
            .write(|tx| tx.insert_notice(by_name.account, OwnerNotice::PasswordChanged, "", NOW))
            .unwrap();
        storage.write(|tx| tx.end_mail(1, true, at(1))).unwrap();
        assert_eq!(count(&mut storage, &by_name, at(-1)), 1);
        assert_eq!(count(&mut storage, &by_name, NOW), 0);
        let bob = recipient(&mut storage, "bob");
        assert_eq!(count(&mut storage, &bob, at(-1)), 0);
        // The same mailbox, another account.
        let shared = MailRecipient {
            address: Email::parse("alice@example.org").unwrap(),
            ..bob
        };
        assert_eq!(count(&mut storage, &shared, at(-1)), 1);
    });
}

#[test]
fn a_code_is_its_account_s_for_its_time_and_its_address() {
    each_engine(|engine: &Engine| {
        let mut storage = open(engine);
        let alice = account(&mut storage, "alice", 1);
        account(&mut storage, "bob", 2);
        let to = recipient(&mut storage, "alice").address;
        let found = |storage: &mut Storage, name: &str, code: u8, now| {
            let name = Username::parse(name).unwrap();
            storage
                .read(|s| s.account_of_code(&name, &hash(code), now))
                .unwrap()
        };
        let mail = |storage: &mut Storage, code: u8, now: Timestamp| {
            let times = (now, Timestamp(now.0 + 100));
            storage
                .write(|tx| tx.store_mailed_code(alice, &hash(code), &to, times))
                .unwrap();
        };
        mail(&mut storage, 1, NOW);
        assert_eq!(found(&mut storage, "ALICE", 1, at(99)), Some(alice));
        assert_eq!(found(&mut storage, "alice", 1, at(100)), None, "expired");
        assert_eq!(found(&mut storage, "bob", 1, NOW), None, "another's");
        assert_eq!(found(&mut storage, "alice", 2, NOW), None, "another");
        let printed = |storage: &mut Storage, code: u8| {
            storage
                .write(|tx| tx.store_printed_code(alice, &hash(code), (NOW, at(9_999))))
                .unwrap();
        };
        printed(&mut storage, 10);
        printed(&mut storage, 11);
        assert_eq!(found(&mut storage, "alice", 10, NOW), None, "printed again");
        for code in 2..=4 {
            mail(&mut storage, code, at(i64::from(code)));
        }
        let valid: Vec<u8> = (1..=11)
            .filter(|code| found(&mut storage, "alice", *code, at(5)).is_some())
            .collect();
        assert_eq!(valid, [2, 3, 4, 11], "three by mail, and the printed one");
        assert_eq!(
            engine.number("SELECT count(*) FROM reset_codes"),
            MAILED_CODES_MAX + 1
        );
        engine
            .execute("UPDATE accounts SET email_key = 'new@example.org' WHERE username = 'alice'");
        assert_eq!(
            found(&mut storage, "alice", 4, at(5)),
            None,
            "sent to an old address"
        );
        assert_eq!(found(&mut storage, "alice", 11, at(5)), Some(alice));
        mail(&mut storage, 5, at(1_000));
        assert_eq!(
            engine.number("SELECT count(*) FROM reset_codes"),
            2,
            "the expired are gone"
        );
    });
}
