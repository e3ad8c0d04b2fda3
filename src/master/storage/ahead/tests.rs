//! spec/master/storage/ahead.md · 3.1.7, 3.1.2

use super::answers::ReadAhead;
use super::*;
use crate::master::storage::Storage;
use crate::master::storage::ledger::{FillDetails, NewOrder, Settlement};
use crate::master::storage::testing::{Engine, each_engine};
use crate::model::{Holdings, SettlementRank, Side, Timestamp, TransactionStatus};

/// The most round trips of a settlement, of whatever size: begin, what accounts hold, all that it
/// writes, commit.
const SETTLEMENT_TRIPS_MAX: u64 = 4;
/// The same for a commit of orders: begin, what is asked of them, their names, themselves, commit.
const ORDERS_TRIPS_MAX: u64 = 5;

#[test]
fn an_answer_is_taken_once_and_forgotten_with_its_account() {
    let ahead = ReadAhead::default();
    let (alice, bob) = (AccountId(1), AccountId(2));
    let asset = Symbol::parse("A").unwrap();
    let mut answers = Answers::default();
    for account in [alice, bob] {
        answers.cash.insert(account, Money(5));
        answers.units.insert((account, asset), Quantity(7));
        answers.holdings.insert(account, Holdings::default());
    }
    ahead.set(answers);
    assert_eq!(ahead.take_cash(alice), Some(Money(5)));
    assert_eq!(ahead.take_cash(alice), None);
    ahead.forget(bob);
    assert_eq!(ahead.take_cash(bob), None);
    assert_eq!(ahead.take_units(bob, &asset), None);
    assert!(ahead.take_holdings(bob).is_none());
    assert_eq!(ahead.take_units(alice, &asset), Some(Quantity(7)));
}

fn add_accounts(engine: &Engine, count: i64) {
    let row = |n: i64| format!("({n}, 'user{n}', 'user{n}', 0, 0, 100, zeroblob(16), {n})");
    let rows: Vec<String> = (1..=count).map(row).collect();
    engine.execute(&format!(
        "INSERT INTO accounts (account, username, username_key, is_password, created, starting_cash, boot,
             sequence) VALUES {}",
        rows.join(", ")
    ));
}

const WORKER: Uuid = Uuid::from_u128(1);

fn name(number: i64) -> ClientOrderId {
    ClientOrderId::parse(&format!("order-{number}")).unwrap()
}

/// Stores an order of each account, with numbers from `first` on, as a batch does. Returns which were
/// stored.
fn store_orders(storage: &mut Storage, first: i64, count: i64) -> Vec<bool> {
    let symbol = Symbol::parse("A").unwrap();
    let names: Vec<ClientOrderId> = (first..first + count).map(name).collect();
    storage
        .write(|tx| {
            orders(tx, || {
                let asked = names.iter().zip(first..).zip(1..);
                asked
                    .map(|((name, number), account)| OrderAhead {
                        message: (WORKER, WORKER, number.unsigned_abs()),
                        account: AccountId(account),
                        client_order_id: Some(name),
                        sold: None,
                    })
                    .collect()
            })?;
            let mut stored = Vec::new();
            for ((name, number), account) in names.iter().zip(first..).zip(1..) {
                let account = AccountId(account);
                assert!(tx.cash(account)? > Money(0));
                let found = tx.order_by_client(account, name)?;
                let order = NewOrder {
                    rank: SettlementRank {
                        timestamp: Timestamp(1),
                        worker: WORKER,
                        sequence: number.unsigned_abs(),
                        number,
                    },
                    boot: WORKER,
                    id: Uuid::from_u128(number.unsigned_abs().into()),
                    account,
                    side: Side::Buy,
                    symbol,
                    quantity: Quantity(1),
                    accepted: Timestamp(1),
                    stamped: Timestamp(1),
                    client_order_id: Some(name),
                    waits_since: None,
                    status: TransactionStatus::Queued,
                    reserve: Some(Money(1)),
                    first_update: 1,
                    details: None,
                };
                stored.push(found.is_none() && tx.insert_order(&order)?);
            }
            Ok(stored)
        })
        .unwrap()
}

/// Fills these orders, one of each account, as a settlement does.
fn settle(storage: &mut Storage, first: i64, count: i64) {
    let symbol = Symbol::parse("A").unwrap();
    storage
        .write(|tx| {
            holdings(tx, || (1..=count).map(AccountId).collect())?;
            let mut changed = Vec::new();
            for account in (1..=count).map(AccountId) {
                let before = tx.holdings(account)?;
                let mut after = before.clone();
                let bought = (Money(1), Money(100));
                after.trade(Side::Buy, symbol, Quantity(1), bought).unwrap();
                changed.push((account, before, after));
            }
            let filled = Settlement::Settled {
                price: Money(1),
                total: Money(1),
                priced: Timestamp(2),
                details: FillDetails::default(),
            };
            let outcomes: Vec<(i64, Settlement)> = (first..first + count)
                .map(|number| (number, filled))
                .collect();
            for piece in outcomes.chunks(100) {
                tx.settle_orders(piece, Timestamp(2), 1)?;
            }
            tx.set_settled_update(1);
            changed
                .iter()
                .try_for_each(|(account, before, after)| tx.store_holdings(*account, before, after))
        })
        .unwrap();
}

#[test]
fn orders_are_stored_and_settled_by_each_engine() {
    each_engine(|engine| {
        add_accounts(engine, 30);
        let mut storage = engine.storage();
        assert_eq!(store_orders(&mut storage, 1, 20), [true; 20]);
        assert_eq!(store_orders(&mut storage, 1, 20), [false; 20], "again");
        // The messages of the first ten are known, and their names are the accounts' already.
        assert_eq!(store_orders(&mut storage, 11, 10), [false; 10]);
        settle(&mut storage, 1, 20);
        let number = |sql: &str| engine.number(sql);
        assert_eq!(
            number("SELECT count(*) FROM transactions WHERE status = 1 AND update_number = 1"),
            20
        );
        assert_eq!(number("SELECT sum(cash) FROM balances"), 20 * 99);
        assert_eq!(
            number("SELECT count(*) FROM positions WHERE quantity = 1"),
            20
        );
        assert_eq!(number("SELECT settled FROM ledger_position"), 1);
    });
}

#[test]
fn an_order_that_has_ended_fails_its_settlement_whole() {
    each_engine(|engine| {
        add_accounts(engine, 3);
        let mut storage = engine.storage();
        store_orders(&mut storage, 1, 3);
        storage
            .write(|tx| tx.cancel_orders(&[2], Timestamp(2)))
            .unwrap();
        let outcomes = [1, 2, 3].map(|number| (number, Settlement::Expired));
        let failed = storage.write(|tx| tx.settle_orders(&outcomes, Timestamp(3), 1));
        assert!(failed.is_err(), "{failed:?}");
        let sql = "SELECT count(*) FROM transactions WHERE status = 0";
        assert_eq!(engine.number(sql), 2);
        settle(&mut storage, 3, 1);
    });
}

/// A server plans a statement once, by what it knows of the tables then: of a new database, nothing.
#[test]
fn what_was_planned_for_an_empty_database_reads_few_rows_of_a_full_one() {
    const STORED: i64 = 20_000;
    let Some(engine) = Engine::postgres() else {
        return;
    };
    add_accounts(&engine, 10);
    let mut storage = engine.storage();
    store_orders(&mut storage, 1, 10);
    engine.execute(&format!(
        "INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted, stamped,
             ordered, reason, origin, sequence)
         SELECT 1000000 + n, randomblob(16), 1, 1, 2, 'A', 1, 1, n, n, n, 'x', origin, 1000000 + n
         FROM origins, generate_series(1, {STORED}) AS n"
    ));
    let read = storage.write(|tx| {
        orders(tx, || {
            let asked = (1..=10).map(|number| OrderAhead {
                message: (WORKER, WORKER, 5_000_000 + number),
                account: AccountId(1),
                client_order_id: None,
                sold: None,
            });
            asked.collect()
        })?;
        let sql = "SELECT sum(seq_tup_read + idx_tup_fetch)::bigint FROM pg_stat_xact_user_tables
             WHERE relname = 'transactions'";
        tx.query_row(sql, params![], |row| row.get::<i64>(0))
    });
    let read = read.unwrap();
    assert!(read < STORED, "{read} rows read for 10 messages");
}

#[test]
fn round_trips_do_not_grow_with_the_number_of_orders() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    add_accounts(&engine, 2000);
    let mut storage = engine.storage();
    let mut trips = |work: &mut dyn FnMut(&mut Storage)| {
        let count = |storage: &Storage| match storage {
            Storage::Postgres(postgres) => postgres.round_trips(),
            Storage::Sqlite(_) => 0,
        };
        let before = count(&storage);
        work(&mut storage);
        count(&storage) - before
    };
    // The first ones prepare their statements.
    trips(&mut |storage| {
        store_orders(storage, 1, 5);
    });
    trips(&mut |storage| settle(storage, 1, 5));
    let few = trips(&mut |storage| {
        store_orders(storage, 10_001, 5);
    });
    let many = trips(&mut |storage| {
        store_orders(storage, 20_001, 2000);
    });
    assert_eq!(few, many);
    assert!(many <= ORDERS_TRIPS_MAX, "{many} round trips");
    let few = trips(&mut |storage| settle(storage, 10_001, 5));
    let many = trips(&mut |storage| settle(storage, 20_001, 2000));
    assert_eq!(few, many);
    assert!(many <= SETTLEMENT_TRIPS_MAX, "{many} round trips");
}
