//! spec/master/storage/postgres.md · 3.1.2 Database Management

mod faults;

use super::testing::PostgresDatabase;
use super::*;
use crate::config::DatabaseUrl;
use crate::master::storage::ledger::WaitingStatus;
use crate::master::storage::testing::Engine;
use crate::master::storage::{Reader, Snapshot, Storage};
use crate::testkit::small_disk::SmallDisk;
use std::net::TcpListener;

/// A migrated database; `None`, and the test is skipped, where `tests/with-postgres` has not started a
/// server.
fn engine() -> Option<Engine> {
    Engine::postgres()
}

fn url(engine: &Engine) -> PostgresUrl {
    engine.on_server().unwrap().url.clone()
}

fn assets(storage: &mut PostgresStorage) -> Vec<String> {
    let snapshot = storage.snapshot().unwrap();
    snapshot
        .run(|session| session.texts("SELECT symbol FROM assets ORDER BY symbol"))
        .unwrap()
}

fn insert(symbol: &str) -> String {
    format!("INSERT INTO assets (symbol) VALUES ('{symbol}')")
}

#[test]
fn a_transaction_is_stored_whole_or_not_at_all() {
    let Some(engine) = engine() else { return };
    let mut one = PostgresStorage::open(&url(&engine)).unwrap();
    let mut two = PostgresStorage::open(&url(&engine)).unwrap();
    let tx = one.begin().unwrap();
    tx.batch(&insert("A")).unwrap();
    assert!(assets(&mut two).is_empty(), "not before the commit");
    tx.commit().unwrap();
    assert_eq!(assets(&mut two), ["A"]);
    let tx = one.begin().unwrap();
    tx.batch(&insert("B")).unwrap();
    drop(tx);
    assert_eq!(assets(&mut two), ["A"]);
    // An error that nobody heeds stores nothing of its transaction.
    let tx = one.begin().unwrap();
    tx.batch(&insert("C")).unwrap();
    assert!(tx.batch(&insert("A")).is_err());
    assert!(tx.batch(&insert("D")).is_err());
    assert!(tx.commit().is_err());
    assert_eq!(assets(&mut two), ["A"]);
}

#[test]
fn a_snapshot_sees_no_later_writes_and_writes_nothing() {
    let Some(engine) = engine() else { return };
    let mut writer = PostgresStorage::open(&url(&engine)).unwrap();
    let mut reader = PostgresStorage::open_reader(&url(&engine)).unwrap();
    let snapshot = reader.snapshot().unwrap();
    assert_eq!(snapshot.text("SELECT count(*) FROM assets"), "0");
    let tx = writer.begin().unwrap();
    tx.batch(&insert("A")).unwrap();
    tx.commit().unwrap();
    assert_eq!(snapshot.text("SELECT count(*) FROM assets"), "0");
    assert!(matches!(
        snapshot.batch(&insert("B")),
        Err(StorageError::Full(_))
    ));
    drop(snapshot);
    assert_eq!(assets(&mut reader), ["A"]);
    assert!(matches!(reader.begin(), Err(StorageError::Other(_))));
}

#[test]
fn a_master_in_whose_place_another_came_stores_nothing() {
    let Some(engine) = engine() else { return };
    let mut old = PostgresStorage::open(&url(&engine)).unwrap();
    drop(Storage::lock(engine.url()).unwrap());
    let mut new = PostgresStorage::open(&url(&engine)).unwrap();
    let refused = old.begin().unwrap_err();
    assert!(
        matches!(refused, StorageError::Superseded(_)),
        "{refused:?}"
    );
    let tx = new.begin().unwrap();
    tx.batch(&insert("A")).unwrap();
    tx.commit().unwrap();
    // Also on a connection that it has made since.
    engine.on_server().unwrap().end_sessions();
    let refused = old.begin().unwrap_err();
    assert!(
        matches!(refused, StorageError::Superseded(_)),
        "{refused:?}"
    );
    assert_eq!(assets(&mut old), ["A"], "it reads on");
}

#[test]
fn writers_come_one_after_the_other() {
    const THREADS: usize = 4;
    const TURNS: usize = 25;
    let Some(engine) = engine() else { return };
    let add = "UPDATE assets_position SET number = number + 1";
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let mut storage = PostgresStorage::open(&url(&engine)).unwrap();
            scope.spawn(move || {
                for _ in 0..TURNS {
                    let tx = storage.begin().unwrap();
                    let before: usize = tx
                        .text("SELECT number FROM assets_position")
                        .parse()
                        .unwrap();
                    tx.batch(add).unwrap();
                    let after = tx.text("SELECT number FROM assets_position");
                    assert_eq!(after, (before + 1).to_string());
                    tx.commit().unwrap();
                }
            });
        }
    });
    assert_eq!(
        engine.number("SELECT number FROM assets_position"),
        i64::try_from(THREADS * TURNS).unwrap()
    );
}

#[test]
fn a_connection_that_was_lost_between_transactions_comes_back() {
    let Some(engine) = engine() else { return };
    let mut storage = PostgresStorage::open(&url(&engine)).unwrap();
    engine.on_server().unwrap().end_sessions();
    let tx = storage.begin().unwrap();
    tx.batch(&insert("A")).unwrap();
    // Within one, nothing of it is stored.
    engine.on_server().unwrap().end_sessions();
    let lost = tx.batch(&insert("B")).unwrap_err();
    assert!(matches!(lost, StorageError::Busy(_)), "{lost:?}");
    assert!(tx.commit().is_err());
    assert!(assets(&mut storage).is_empty());
    engine.on_server().unwrap().end_sessions();
    assert!(assets(&mut storage).is_empty(), "so does a reader's");
}

#[test]
fn a_host_that_is_gone_without_a_word_is_waited_for_once() {
    let Some(engine) = engine() else { return };
    // It takes connections, and answers none.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let url = url(&engine);
    let (user, rest) = url.text().split_once('@').unwrap();
    let sign = if rest.contains('?') { '&' } else { '?' };
    let text =
        format!("{user}@{address},{rest}{sign}connect_timeout=1&target_session_attrs=read-write");
    let url = PostgresUrl::parse(&text).unwrap();
    let connected_in = || {
        let began = Instant::now();
        ServerSession::connect(&url).unwrap();
        began.elapsed()
    };
    let (first, second) = (connected_in(), connected_in());
    assert!(first > Duration::from_secs(1), "{first:?}");
    assert!(second < first / 2, "{second:?} after {first:?}");
}

#[test]
fn what_a_role_has_for_statements_of_people_is_no_bound_of_a_master_s() {
    let Some(engine) = engine() else { return };
    let database = engine.on_server().unwrap();
    let name = database.url.text().rsplit_once('/').unwrap().1.to_owned();
    database.execute_on_server(&format!(
        "ALTER DATABASE {name} SET statement_timeout = '1ms'"
    ));
    let mut session = ServerSession::connect(&database.url).unwrap();
    let told = session.texts("SHOW statement_timeout").unwrap();
    assert_eq!(told, ["0"]);
}

#[test]
fn a_commit_whose_answer_was_lost_is_looked_up() {
    let Some(engine) = engine() else { return };
    let mut storage = PostgresStorage::open(&url(&engine)).unwrap();
    for stored in [true, false, true] {
        let tx = storage.begin().unwrap();
        let number = tx.number.unwrap();
        tx.batch(&insert(&format!("A{number}"))).unwrap();
        if stored {
            tx.run(ServerSession::commit).unwrap();
        }
        tx.is_open.set(false);
        drop(tx);
        // What `commit` does when the connection goes.
        engine.on_server().unwrap().end_sessions();
        let found = storage.look_up(number);
        assert_eq!(found.is_ok(), stored, "{found:?}");
        if !stored {
            assert!(matches!(found, Err(StorageError::Busy(_))), "{found:?}");
        }
    }
    assert_eq!(assets(&mut storage).len(), 2);
}

#[test]
fn a_server_that_has_lost_acknowledged_commits_is_noticed() {
    let Some(engine) = engine() else { return };
    let mut storage = PostgresStorage::open(&url(&engine)).unwrap();
    let before = engine.on_server().unwrap();
    storage.begin().unwrap().commit().unwrap();
    storage.begin().unwrap().commit().unwrap();
    // As a standby has it that never received the last commit.
    before.execute("UPDATE writers SET number = number - 1 WHERE number > 0");
    let refused = storage.begin().unwrap_err().to_string();
    assert!(refused.contains("a standby without them"), "{refused}");
}

#[test]
fn a_read_is_cancelled_from_another_thread() {
    let Some(engine) = engine() else { return };
    let mut reader = PostgresStorage::open_reader(&url(&engine)).unwrap();
    let interrupter = reader.interrupter();
    let (done, ends) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let snapshot = reader.snapshot().unwrap();
        // A request that comes between two statements cancels none.
        scope.spawn(move || {
            while ends.recv_timeout(Duration::from_millis(20)).is_err() {
                interrupter.interrupt();
            }
        });
        let cancelled = snapshot.batch("SELECT pg_sleep(600)").unwrap_err();
        done.send(()).unwrap();
        assert!(
            matches!(cancelled, StorageError::Interrupted(_)),
            "{cancelled:?}"
        );
    });
    assert!(assets(&mut reader).is_empty(), "the next one reads again");
}

#[test]
fn a_second_master_is_refused_and_other_databases_untouched() {
    let Some(engine) = engine() else { return };
    let at = engine.url();
    let held = Storage::lock(at).unwrap();
    let refused = Storage::lock(at).unwrap_err();
    assert!(matches!(refused, StorageError::InUse(_)), "{refused:?}");
    engine.on_server().unwrap().end_sessions();
    let refused = Storage::lock(at).unwrap_err();
    assert!(
        matches!(refused, StorageError::InUse(_)),
        "it does not go with a session"
    );
    drop(held);
    drop(Storage::lock(at).unwrap());

    engine.execute("UPDATE schema_version SET number = 1000");
    let newer = Storage::migrate(at).unwrap_err();
    assert!(
        matches!(newer, StorageError::NewerVersion { found: 1000, .. }),
        "{newer:?}"
    );
    let other = Reader::open_for_check(at).unwrap_err();
    assert!(matches!(other, StorageError::OtherVersion(_)), "{other:?}");

    let foreign = PostgresDatabase::new().unwrap();
    foreign.execute("CREATE TABLE notes (text TEXT)");
    let refused = migrations::migrate(&foreign.url).unwrap_err();
    assert!(matches!(refused, StorageError::Foreign(_)), "{refused:?}");
}

#[test]
fn errors_of_connecting_name_the_url_and_what_to_do() {
    let Some(engine) = engine() else { return };
    let text = url(&engine).text().to_owned();
    let (server, name) = text.rsplit_once('/').unwrap();
    for (url, says) in [
        (
            format!("{server}/nowhere"),
            "createdb --owner=papertrader --encoding=UTF8 --template=template0 nowhere",
        ),
        (text.replace("papertrader@", "nobody@"), "pg_hba.conf"),
        (
            "postgres://pt@127.0.0.1:1/x".to_owned(),
            "does the server run",
        ),
        (format!("{text}?target_session_attrs=read-only"), "primary"),
    ] {
        let failed = PostgresStorage::open(&PostgresUrl::parse(&url).unwrap()).unwrap_err();
        let failed = failed.to_string();
        assert!(failed.contains(&url) && failed.contains(says), "{failed}");
    }
    engine.on_server().unwrap().execute(&format!(
        "ALTER DATABASE {name} SET default_transaction_read_only = on"
    ));
    let database = DatabaseUrl::Postgres(Box::new(url(&engine)));
    let failed = Storage::lock(&database).unwrap_err();
    assert!(matches!(failed, StorageError::Full(_)), "{failed:?}");
}

#[test]
fn what_was_added_or_removed_is_named() {
    let Some(engine) = engine() else { return };
    let differences = || {
        let mut found = Vec::new();
        let mut reader = engine.reader();
        let mut snapshot = reader.snapshot().unwrap();
        snapshot
            .schema_differences(|text| found.push(text))
            .unwrap();
        if let Snapshot::Postgres(postgres) = &snapshot {
            postgres.integrity_errors(|text| found.push(text)).unwrap();
        }
        found
    };
    assert_eq!(differences(), [""; 0]);
    engine.on_server().unwrap().execute(
        "ALTER TABLE transactions DISABLE TRIGGER transactions_open_ends; CREATE TABLE notes (text TEXT); DROP TRIGGER transactions_opens ON transactions; DROP INDEX transactions_written_off; CREATE VIEW rich AS SELECT 1 AS one;
         ALTER TABLE assets ADD CONSTRAINT odd CHECK (id > 0) NOT VALID; ALTER TABLE sessions DISABLE TRIGGER ALL",
    );
    let found = differences().join("\n");
    for says in [
        "the table notes is none",
        "the view rich is none",
        "the trigger transactions_opens is missing",
        "the trigger transactions_open_ends of transactions is off",
        "the index transactions_written_off is missing",
        "the constraint odd on assets is not validated",
        "references are not checked",
    ] {
        assert!(found.contains(says), "{says}: {found}");
    }
}

/// What PostgreSQL has in the place of two indexes of SQLite's.
#[test]
fn queued_and_open_orders_are_found_from_where_the_queue_starts() {
    let Some(engine) = engine() else { return };
    engine.execute(
        "INSERT INTO accounts (account, username, username_key, is_password, created, starting_cash, boot,
             sequence) VALUES (1, 'ada', 'ada', 0, 0, 100, zeroblob(16), 1)",
    );
    let order = |number: i64, status: u8| {
        format!(
            "INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted,
                 stamped, ordered) VALUES ({number}, randomblob(16), 1, 1, {status}, 'A', 1, 1, 1, 1, 1)"
        )
    };
    let set = |number: i64, status: u8| {
        let sql = format!("UPDATE transactions SET status = {status} WHERE number = {number}");
        engine.execute(&sql);
    };
    let start = || engine.number("SELECT number FROM queue_start");
    let found = || {
        let numbers = |status: WaitingStatus| {
            let mut reader = engine.reader();
            let mut snapshot = reader.snapshot().unwrap();
            let mut numbers = Vec::new();
            snapshot
                .waiting_orders_of(status, |order| {
                    numbers.push(order.entry.rank.number);
                    std::ops::ControlFlow::Continue(())
                })
                .unwrap();
            numbers
        };
        [WaitingStatus::Queued, WaitingStatus::Open].map(numbers)
    };
    let dangling = || {
        let mut said = Vec::new();
        let mut reader = engine.reader();
        let mut snapshot = reader.snapshot().unwrap();
        let mut from = Some(0);
        while let Some(number) = from {
            let next = snapshot.dangling_rows(number, |text| said.push(text));
            from = next.unwrap();
        }
        said
    };
    for number in [1, 2, 3] {
        engine.execute(&order(number, 0));
    }
    engine.execute(&order(4, 3));
    assert_eq!(found(), [vec![1, 2, 3], vec![4]]);
    set(2, 1);
    assert_eq!(
        (start(), found()),
        (1, [vec![1, 3], vec![4]]),
        "the first one waits"
    );
    set(1, 3);
    assert_eq!((start(), found()), (3, [vec![3], vec![1, 4]]));
    set(3, 2);
    set(4, 4);
    assert_eq!(
        (start(), found()),
        (5, [vec![], vec![1]]),
        "the queue is empty"
    );
    engine.execute(&order(5, 0));
    assert_eq!(found(), [vec![5], vec![1]]);
    assert_eq!(dangling(), [""; 0]);
    engine.execute("UPDATE queue_start SET number = 6");
    engine.execute("DELETE FROM open_orders");
    engine.execute("INSERT INTO open_orders VALUES (1, 3), (9, 4), (1, 3000000)");
    engine.execute(
        "UPDATE transactions SET account = 7, fee_schedule = 3, origin = 8 WHERE number = 2",
    );
    engine.execute("UPDATE transactions SET origin = 8 WHERE number = 4");
    let said = dangling().join("\n");
    for says in [
        "the transaction 5 is queued, and stands before the queue",
        "the transaction 1 is open, and open_orders has it not",
        "the transaction 3 is not open, and open_orders has it",
        "open_orders has the transaction 3000000 of account 1, which there is not",
        "the transaction 2 is of account 7, which there is not",
        "the transaction 4 has no origin",
    ] {
        assert!(said.contains(says), "{says}: {said}");
    }
    engine.execute("DELETE FROM queue_start");
    assert_eq!(found()[0], [5], "also where the row was lost");
    assert!(dangling().contains(&"queue_start has no row".to_owned()));
    engine.execute("INSERT INTO queue_start VALUES (1, 6)");
    engine.execute("DELETE FROM open_orders");
    set(3, 3);
    engine.execute("DELETE FROM transactions");
    let left = engine.number("SELECT count(*) FROM open_orders");
    assert_eq!((start(), left), (0, 0), "as a reset leaves it");
}
