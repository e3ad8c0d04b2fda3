//! spec/master/storage/moving.md · 3.1.2

use super::super::postgres::migrations;
use super::super::postgres::testing::PostgresDatabase;
use super::super::sqlite;
use super::super::testing::{
    Engine, contents, each_engine, execute_all, move_there_and_back, older,
};
use super::super::{Storage, StorageError};
use super::tables::{MOVED_TABLES, OWN_OF_POSTGRES, moved_tables};
use super::{MoveError, MoveSource, MoveStep, Reader, Snapshot};
use crate::config::DatabaseUrl;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Rows of every table, with and without what may be missing.
const ROWS: &str = "
    INSERT INTO accounts (account, username, username_key, email, email_key, is_password, pass_hash, created,
        starting_cash, boot, sequence, worker, email_owner, state, deleted_by)
    VALUES (1, 'Ånna', 'ånna', 'a@x.org', 'a@x.org', 1, '$2b$04$x', -7, 5, zeroblob(1), 9, NULL, NULL, 0, NULL),
        (9, 'bob', 'bob', NULL, NULL, 0, NULL, 7, 9000000000000, randomblob(16), 1, zeroblob(16), NULL, 2, zeroblob(32)),
        (3, 'c', 'c', 'A@x.org', '#3', 0, NULL, 7, 0, zeroblob(16), 2, zeroblob(16), 1, 1, NULL);
    INSERT INTO assets (id, symbol, filled_to, filled, own_days) VALUES (4, 'AAPL', NULL, 0, 1), (7, 'IBM', 5, 1, 0);
    INSERT INTO fee_schedules VALUES (2, 1, 2, 3, 4, 5);
    INSERT INTO origins VALUES (3, zeroblob(16), randomblob(16));
    INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted, settled, price,
        total, client_order_id, reason, origin, sequence, stamped, ordered, update_number, reserve, fee, note,
        fee_schedule)
    VALUES (5, zeroblob(16), 1, 1, 1, 'AAPL', 1, 1, 2, 3, 4, 5, 'mine', NULL, 3, 1, 1, 1, 1, NULL, 7, 'é', 2),
        (2, randomblob(16), 9, 2, 3, 'IBM', 1, 1, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, 1, NULL, 6, NULL, NULL, NULL);
    INSERT INTO order_terms (number, kind, limit_price, stop_price, trail, trail_percent, cash, time_in_force)
    VALUES (2, 1, 5, NULL, NULL, NULL, NULL, 0);
    INSERT INTO fill_bars VALUES (5, 1, 2, 3);
    INSERT INTO trail_closes VALUES ('IBM', 1, 2, 3);
    INSERT INTO balances VALUES (1, 4);
    INSERT INTO positions VALUES (9, 'IBM', 1, 2), (1, 'b', 1, 2), (1, 'B', 3, 4), (1, 'a', 5, 6);
    UPDATE ledger_position SET acted = 3, settled = 4, endings = 5;
    INSERT INTO actions VALUES ('AAPL', 'split 5 1', 7, 5, 3, 1, 3, NULL, 0, 0, NULL, NULL);
    INSERT INTO bars VALUES (4, 1, 1, 1, 1, 1, 9), (7, 2, 1, 1, 1, 1, 9);
    INSERT INTO bars_daily VALUES (4, 1, 1, 1, 1, 1, 9);
    INSERT INTO bars_monthly VALUES (4, 1, 1, 1, 1, 1, 9);
    INSERT INTO bars_hot VALUES (1, 4, 1, 1, 1, 1, 1, 9, 1);
    INSERT INTO held_prices VALUES (4, 1, 1, 1, 1, 1, 9, 1, 1, 1, 1, 1, 2);
    UPDATE assets_position SET number = 8, time = 9, exhausted = 1;
    INSERT INTO unsettled_updates VALUES (8, 1, 2, NULL, 0, 1);
    INSERT INTO market_pause VALUES (1, 5, NULL, 'simulated');
    INSERT INTO deployment_facts VALUES ('currency', 'USD');
    INSERT INTO sessions (hash, account, since, expiry, client, worker, boot, expirable, last_used, token)
    VALUES (zeroblob(32), 1, 1, 2, '::1', zeroblob(16), zeroblob(16), 1, 1, 'bot');
    INSERT INTO session_workers VALUES (zeroblob(32), zeroblob(16));
    INSERT INTO login_places VALUES (zeroblob(32), 1, 5);
    INSERT INTO identities VALUES ('https://x', 's', 1, 5, 'x');
    INSERT INTO reset_codes VALUES (zeroblob(32), 1, NULL, 1, 2);
    INSERT INTO used_codes VALUES (1, zeroblob(32), 1);
    INSERT INTO proven_emails VALUES (1, 'a@x.org', 1);
    INSERT INTO acts VALUES (6, 1, 1, 'lock', 'root', '');
    INSERT INTO outbox (number, account, kind, username, address, address_key, detail, created, due)
    VALUES (11, NULL, 'deleted', 'x', 'x@x', 'x@x', '', 1, 2);
    UPDATE outbox_state SET is_open = 1, dropped = 2;
    INSERT INTO workers VALUES (zeroblob(16), 'eu1', '0123456789012345678901234567890123456789', '::1', 'h:1', 1, 0, 5);
";

fn file(folder: &Path, name: &str) -> DatabaseUrl {
    DatabaseUrl::Sqlite(folder.join(name))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn move_all(from: &DatabaseUrl, to: &DatabaseUrl) -> Result<super::MovedRows, MoveError> {
    MoveSource::open(from)?.move_to(to, &mut |_| Ok(()), &mut |_| Ok(()))
}

fn refusal(from: &DatabaseUrl, to: &DatabaseUrl) -> String {
    move_all(from, to).unwrap_err().to_string()
}

#[test]
fn every_table_of_both_engines_is_moved_or_named_as_one_s_own() {
    let moved: BTreeSet<String> = MOVED_TABLES.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(moved.len(), MOVED_TABLES.len(), "one is named twice");
    let fresh = sqlite::fresh().unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = fresh.prepare(sql).unwrap();
    let found = statement.query_map([], |row| row.get(0)).unwrap();
    let found: BTreeSet<String> = found.map(Result::unwrap).collect();
    assert_eq!(moved, found, "SQLite");
    let own = OWN_OF_POSTGRES.iter().map(|&name| name.to_owned());
    let found = migrations::declared();
    let found = found.iter().filter_map(|it| it.strip_prefix("table "));
    let found: BTreeSet<String> = found.map(str::to_owned).collect();
    assert_eq!(
        moved.into_iter().chain(own).collect::<BTreeSet<_>>(),
        found,
        "PostgreSQL"
    );
}

#[test]
fn both_engines_have_the_same_columns() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    for table in moved_tables().unwrap() {
        let mut reader = engine.reader();
        let mut moment = reader.snapshot().unwrap();
        let found = moment.text(&format!(
            "SELECT string_agg(attname, ' ' ORDER BY attname) FROM pg_attribute
             WHERE attrelid = '{}'::regclass AND attnum > 0 AND NOT attisdropped",
            table.name
        ));
        let mut columns = table.columns.clone();
        columns.sort();
        assert_eq!(columns.join(" "), found, "{}", table.name);
    }
}

#[test]
fn rows_of_every_table_are_moved_there_and_back() {
    each_engine(|engine| {
        execute_all(&mut engine.storage(), ROWS);
        let rows = contents(engine.url());
        let empty: Vec<_> = rows.iter().filter(|(_, rows)| rows.is_empty()).collect();
        assert!(empty.is_empty(), "this test has no row of {empty:?}");
        move_there_and_back(engine);
    });
}

#[test]
fn a_master_of_a_moved_database_begins_anew_and_counts_on() {
    let Some(server) = PostgresDatabase::new() else {
        return;
    };
    let url = DatabaseUrl::Postgres(Box::new(server.url.clone()));
    let engine = Engine::sqlite();
    execute_all(&mut engine.storage(), ROWS);
    move_all(engine.url(), &url).unwrap();
    {
        let mut reader = Reader::open_for_check(&url).unwrap();
        let mut moment = reader.snapshot().unwrap();
        assert_eq!(moment.number("SELECT epoch FROM master_epoch"), 0);
        assert_eq!(moment.number("SELECT count(*) FROM writers"), 0);
        let mut said = Vec::new();
        moment.integrity_errors(|text| said.push(text)).unwrap();
        moment.schema_differences(|text| said.push(text)).unwrap();
        moment.dangling_rows(0, |text| said.push(text)).unwrap();
        assert_eq!(said, Vec::<String>::new());
        let start = moment.number("SELECT number FROM queue_start");
        assert_eq!(start, 6, "none of the orders is queued");
        // As in a database that a master has made: each reference and index is there again.
        let made = Engine::postgres().unwrap();
        let of = |moment: &mut Snapshot<'_>| {
            moment.text(
                "SELECT string_agg(text, E'\\n' ORDER BY text) FROM (
                     SELECT conrelid::regclass || conname || pg_get_constraintdef(oid) AS text FROM pg_constraint
                         WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
                     UNION ALL SELECT relname || reloptions::text FROM pg_class
                         WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
                     UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public') AS declared",
            )
        };
        let mut other = made.reader();
        assert_eq!(of(&mut moment), of(&mut other.snapshot().unwrap()));
    }
    let _held = Storage::lock(&url).unwrap();
    Storage::migrate(&url).unwrap();
    let mut storage = Storage::open(&url).unwrap();
    let added = "INSERT INTO acts (account, at, act, caller, detail) VALUES (1, 1, 'a', 'b', '');
         INSERT INTO assets (symbol) VALUES ('NEW');
         INSERT INTO outbox (kind, username, address, address_key, detail, created, due)
             VALUES ('k', 'x', 'x', 'x', '', 1, 2);
         INSERT INTO origins (worker, boot) VALUES (randomblob(16), zeroblob(16));
         INSERT INTO fee_schedules (per_order, per_unit, percent, minimum, slippage) VALUES (9, 9, 9, 9, 9)";
    server.add_functions();
    execute_all(&mut storage, added);
    let mut highest = |table: &str, column: &str| {
        let sql = format!("SELECT max({column}) FROM {table}");
        storage.read(|moment| Ok(moment.number(&sql))).unwrap()
    };
    assert_eq!(highest("acts", "number"), 7);
    assert_eq!(highest("assets", "id"), 8);
    assert_eq!(highest("outbox", "number"), 12);
    assert_eq!(highest("origins", "origin"), 4);
    assert_eq!(highest("fee_schedules", "id"), 3);
}

#[test]
fn a_move_that_is_broken_off_anywhere_leaves_nothing_and_begins_anew() {
    each_engine(|engine| {
        let Some(server) = PostgresDatabase::new() else {
            return;
        };
        execute_all(&mut engine.storage(), ROWS);
        let folder = tempfile::tempdir().unwrap();
        let to = match engine.url() {
            DatabaseUrl::Sqlite(_) => DatabaseUrl::Postgres(Box::new(server.url.clone())),
            DatabaseUrl::Postgres(_) => file(folder.path(), "moved.db"),
        };
        for whole in (0..).step_by(7) {
            let mut steps = 0;
            let mut source = MoveSource::open(engine.url()).unwrap();
            let mut watch = |_: MoveStep| {
                steps += 1;
                if steps > whole {
                    return Err(MoveError::Cancelled);
                }
                Ok(())
            };
            let moved = source.move_to(&to, &mut watch, &mut |_| Ok(()));
            if moved.is_ok() {
                assert!(whole > MOVED_TABLES.len(), "each table was a step");
                break;
            }
            assert!(matches!(moved, Err(MoveError::Cancelled)), "{moved:?}");
            assert_eq!(
                names(folder.path())
                    .iter()
                    .filter(|it| *it != "moved.lock")
                    .count(),
                0
            );
            if let DatabaseUrl::Postgres(url) = &to {
                assert_eq!(migrations::version(url).unwrap(), 0);
            }
        }
        // What the check refuses goes, too.
        assert_eq!(contents(&to), contents(engine.url()));
    });
}

#[test]
fn what_a_check_refuses_is_not_there() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let to = file(folder.path(), "moved.db");
    let mut source = MoveSource::open(engine.url()).unwrap();
    let mut seen = 0;
    let refused = source.move_to(&to, &mut |_| Ok(()), &mut |moment| {
        seen = moment.number("SELECT count(*) FROM ledger_position");
        Err(MoveError::Refused("no".to_owned()))
    });
    assert_eq!((refused.unwrap_err().to_string().as_str(), seen), ("no", 1));
    assert_eq!(names(folder.path()), ["moved.lock"]);
}

#[test]
fn a_file_that_is_not_whole_is_no_master_s_and_is_replaced() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (to, part) = (
        file(folder.path(), "moved.db"),
        file(folder.path(), "moved.db.moving"),
    );
    execute_all(&mut engine.storage(), ROWS);
    let mut source = MoveSource::open(engine.url()).unwrap();
    // A kill at this moment.
    let copy = folder.path().join("killed");
    source
        .move_to(
            &to,
            &mut |step| {
                if let MoveStep::Indexes { done: 3, .. } = step {
                    fs::copy(part.file().unwrap(), &copy).unwrap();
                }
                Ok(())
            },
            &mut |_| Ok(()),
        )
        .unwrap();
    drop(source);
    fs::remove_file(to.file().unwrap()).unwrap();
    fs::rename(&copy, part.file().unwrap()).unwrap();
    let started = Storage::migrate(&part).unwrap_err();
    assert!(matches!(started, StorageError::Foreign(_)), "{started}");
    move_all(engine.url(), &to).unwrap();
    assert_eq!(contents(&to), contents(engine.url()));
    assert_eq!(
        names(folder.path())
            .iter()
            .filter(|it| it.contains("moving"))
            .count(),
        0
    );
}

#[test]
fn a_target_that_is_there_is_refused_and_stays_as_it_is() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let to = file(folder.path(), "moved.db");
    Storage::migrate(&to).unwrap();
    let before = fs::read(to.file().unwrap()).unwrap();
    let why = refusal(engine.url(), &to);
    assert!(
        why.contains("this file exists") && why.contains("name another"),
        "{why}"
    );
    assert_eq!(fs::read(to.file().unwrap()).unwrap(), before);
    fs::remove_file(to.file().unwrap()).unwrap();
    let log = folder.path().join("moved.db-wal");
    fs::write(&log, "a log").unwrap();
    let why = refusal(engine.url(), &to);
    assert!(
        why.contains("moved.db-wal: this is left of another database"),
        "{why}"
    );
    // On a server: a master's, and another program's.
    let why = refusal(&file(folder.path(), "none.db"), engine.url());
    assert!(why.contains("there is no such file"), "{why}");
    let source = Engine::sqlite();
    let why = refusal(source.url(), engine.url());
    assert!(
        why.contains("not empty") && why.contains("createdb"),
        "{why}"
    );
    let other = PostgresDatabase::new().unwrap();
    other.execute("CREATE TABLE notes (text TEXT)");
    let url = DatabaseUrl::Postgres(Box::new(other.url.clone()));
    let why = refusal(source.url(), &url);
    assert!(why.contains("not empty"), "{why}");
    let why = refusal(&url, &file(folder.path(), "x.db"));
    assert!(
        why.contains("there is no PaperTrader database here"),
        "{why}"
    );
    assert!(!folder.path().join("x.db").exists());
}

#[test]
fn a_source_of_another_version_or_in_use_is_refused() {
    let Some(server) = PostgresDatabase::new() else {
        return;
    };
    let to = DatabaseUrl::Postgres(Box::new(server.url.clone()));
    let folder = tempfile::tempdir().unwrap();
    let from = file(folder.path(), "master.db");
    older(from.file().unwrap(), sqlite::known() - 1);
    let why = refusal(&from, &to);
    assert!(
        why.contains("start this version's master with it once"),
        "{why}"
    );
    Storage::migrate(&from).unwrap();
    super::super::testing::execute_in(from.file().unwrap(), "PRAGMA user_version = 1000");
    let why = refusal(&from, &to);
    assert!(why.contains("made by a newer version"), "{why}");
    fs::write(from.file().unwrap(), "x".repeat(5000)).unwrap();
    let why = refusal(&from, &to);
    assert!(
        why.contains("there is no PaperTrader database here"),
        "{why}"
    );
    // A master holds the lock of either side.
    each_engine(|engine| {
        let held = Storage::lock(engine.url()).unwrap();
        let why = refusal(engine.url(), &to);
        assert!(why.contains("in use by another master"), "{why}");
        drop(held);
    });
    // So does another move, where there is nothing yet.
    let (source, other) = (Engine::sqlite(), Engine::sqlite());
    let mut refused = 0;
    let mut watch = |step: MoveStep| {
        if step == MoveStep::Checking {
            let why = refusal(other.url(), &to);
            assert!(why.contains("in use by another master"), "{why}");
            refused += 1;
        }
        Ok(())
    };
    MoveSource::open(source.url())
        .unwrap()
        .move_to(&to, &mut watch, &mut |_| Ok(()))
        .unwrap();
    assert_eq!(refused, 1);
}

#[test]
fn nobody_writes_into_a_source_on_a_server_while_it_is_moved() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut writer = engine.storage();
    let mut refused = 0;
    let mut source = MoveSource::open(engine.url()).unwrap();
    let mut watch = |step: MoveStep| {
        if refused == 0 && matches!(step, MoveStep::Rows { .. } | MoveStep::Checking) {
            let busy = writer.write(|tx| tx.execute_batch("SELECT 1"));
            assert!(matches!(busy, Err(StorageError::Busy(_))), "{busy:?}");
            refused += 1;
        }
        Ok(())
    };
    source
        .move_to(
            &file(folder.path(), "moved.db"),
            &mut watch,
            &mut |_| Ok(()),
        )
        .unwrap();
    assert_eq!(refused, 1);
    drop(source);
    // A master of before the move has another one in its place: the next one writes.
    let mut next = engine.storage();
    next.write(|tx| tx.execute_batch("SELECT 1")).unwrap();
}
