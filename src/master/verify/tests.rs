//! spec/master/verify.md · 3.1.7

use super::*;
use crate::config::DatabaseUrl;
use crate::master::storage::ledger::{ActionEntry, FillDetails, NewOrder, Settlement};
use crate::master::storage::testing::{Engine, each_engine, execute, execute_all};
use crate::master::storage::{Storage, backup};
use crate::master::testing::fill_at;
use crate::master::transactions::queue::QueuedOrder;
use crate::master::transactions::sequence::Sequencer;

use crate::model::{
    AccountId, Holdings, Money, Quantity, Reason, SettlementRank, Side, Symbol, Timestamp,
    TransactionStatus,
};
use std::cell::{Cell, RefCell};
use std::collections::HashMap as Map;
use uuid::Uuid;

const CASH: i64 = 1_000_000_000;

fn symbol(text: &str) -> Symbol {
    Symbol::parse(text).unwrap()
}

/// A small market whose ledger the production functions write.
struct Market {
    engine: Engine,
    storage: Storage,
    places: Sequencer,
    held: Map<i64, Holdings>,
    workers: [Uuid; 2],
    sequence: u64,
}

impl Market {
    fn new(engine: Engine, accounts: i64) -> Market {
        let mut storage = engine.storage();
        let mut held = Map::new();
        for account in 1..=accounts {
            execute(
                &mut storage,
                &format!(
                    "INSERT INTO accounts VALUES ({account}, 'user{account}', 'user{account}', 'user{account}', 'user{account}',
                     0, NULL, 0, {CASH}, zeroblob(16), {account}, NULL, NULL, 0, NULL)"
                ),
            );
            let cash = Money(CASH);
            held.insert(
                account,
                Holdings {
                    cash,
                    ..Holdings::default()
                },
            );
        }
        Market {
            engine,
            storage,
            places: Sequencer::after(0, Timestamp(0)),
            held,
            workers: [Uuid::from_u128(9), Uuid::from_u128(2)],
            sequence: 0,
        }
    }

    fn order(
        &mut self,
        account: i64,
        side: Side,
        asset: &str,
        quantity: i64,
        early: i64,
    ) -> QueuedOrder {
        self.sequence += 1;
        let worker = self.workers[usize::try_from(self.sequence % 2).unwrap()];
        let place = self.places.give();
        let order = QueuedOrder {
            rank: SettlementRank {
                timestamp: Timestamp(place.accepted.0 - early),
                worker,
                sequence: self.sequence,
                number: place.number,
            },
            id: place.id,
            account: AccountId(account),
            side,
            symbol: symbol(asset),
            quantity: Quantity(quantity),
            asked: Quantity(quantity),
            accepted: place.accepted,
            since: None,
            near: None,
            client_order_id: None,
            waits_since: None,
            reserve: None,
            first_update: 1,
            details: None,
            waiters: Vec::new(),
        };
        let row = NewOrder {
            rank: order.rank,
            boot: worker,
            id: order.id,
            account: order.account,
            side: order.side,
            symbol: order.symbol,
            quantity: order.quantity,
            accepted: order.accepted,
            stamped: place.accepted,
            client_order_id: None,
            waits_since: None,
            status: TransactionStatus::Queued,
            reserve: None,
            first_update: order.first_update,
            details: None,
        };
        self.storage.write(|tx| tx.insert_order(&row)).unwrap();
        order
    }

    /// Settles orders by rank, all at one price.
    fn settle(&mut self, mut orders: Vec<QueuedOrder>, price: i64, update: u64) {
        orders.sort_by_key(|order| order.rank);
        for order in orders {
            let held = self.held.get_mut(&order.account.0).unwrap();
            let before = held.clone();
            let units = (order.symbol, order.quantity);
            let outcome = match fill_at(held, order.side, units, Money(price)) {
                Ok(total) => Settlement::Settled {
                    price: Money(price),
                    total,
                    priced: Timestamp(7),
                    details: FillDetails::default(),
                },
                Err(reason) => Settlement::Rejected(reason),
            };
            let now = Timestamp::now();
            let outcomes = [(order.rank.number, outcome)];
            self.storage
                .write(|tx| {
                    tx.settle_orders(&outcomes, now, update)?;
                    tx.store_holdings(order.account, &before, held)
                })
                .unwrap();
        }
    }

    /// Brings a split or dividend into force; `apply` says whether the ledger gets it.
    fn act(&mut self, side: Side, asset: &str, value: i64, update: u64, apply: bool) {
        let time = Timestamp(i64::try_from(update).unwrap() * 1000);
        let number = i64::try_from(update).unwrap();
        let side_number = side as u8;
        let of = if side == Side::Split { 1_000_000 } else { 1 };
        // A price of fractions that pays none: 0.
        let price = if side == Side::Split { "0" } else { "NULL" };
        let priced = if side == Side::Split {
            update.to_string()
        } else {
            "NULL".to_owned()
        };
        let sql = format!(
            "INSERT INTO actions VALUES ('{asset}', 'x{number}', {number}, {}, {side_number}, {value}, {of},
             NULL, 0, 0, {price}, {priced})",
            time.0
        );
        execute(&mut self.storage, &sql);
        let (action, holders) = self
            .storage
            .write(|tx| {
                let due = tx.actions_to_apply(update)?;
                tx.set_actions_applied(update)?;
                Ok((due.last().unwrap().1, tx.holders(symbol(asset))?))
            })
            .unwrap();
        for account in holders {
            if !apply {
                continue;
            }
            let held = self.held.get_mut(&account.0).unwrap();
            let before = held.clone();
            let rows = held.act(&action, None);
            assert_eq!(rows.len(), 1);
            let place = self.places.give();
            let entry = ActionEntry {
                number: place.number,
                id: place.id,
                accepted: place.accepted,
                account,
                update,
                time,
                row: rows[0],
                written_off: None,
            };
            self.storage
                .write(|tx| {
                    tx.insert_settled(&entry)?;
                    tx.store_holdings(account, &before, held)
                })
                .unwrap();
        }
    }

    fn check(&mut self) -> Verification {
        let mut reader = Reader::open_for_check(self.engine.url()).unwrap();
        check(&mut reader, &|| false).unwrap()
    }

    /// The differences after a change without the master's methods.
    fn after(&mut self, sql: &str) -> Vec<String> {
        let changed = execute(&mut self.storage, sql);
        assert!(changed > 0, "{sql}");
        if matches!(self.storage, Storage::Postgres(_)) {
            // An order that this puts back into the queue is found as one that never left it.
            execute(&mut self.storage, "UPDATE queue_start SET number = 0");
        }
        self.check().differences
    }
}

/// Three accounts and four updates that contain every kind of transaction.
fn busy() -> Market {
    busy_on(Engine::chosen())
}

fn busy_on(engine: Engine) -> Market {
    let mut market = Market::new(engine, 3);
    let first = vec![
        market.order(1, Side::Buy, "AAPL", 30_000_000, 0),
        market.order(2, Side::Buy, "AAPL", 1_234_567, 0),
        market.order(1, Side::Buy, "IBM", 5_000_000, 0),
        market.order(2, Side::Buy, "IBM", 900_000_000_000, 0),
    ];
    market.settle(first, 3_333_333, 1);
    market.act(Side::Split, "AAPL", 2_000_000, 2, true);
    let second = vec![
        // The sale's rank is before that of the purchase that was accepted earlier. Both fill in
        // this order only.
        market.order(1, Side::Buy, "IBM", 270_000_000, 0),
        market.order(1, Side::Sell, "AAPL", 59_999_999, 5_000),
        market.order(3, Side::Sell, "AAPL", 1, 0),
    ];
    market.settle(second, 3_500_001, 2);
    market.act(Side::Dividend, "IBM", 123_457, 3, true);
    let third = vec![
        market.order(1, Side::Sell, "IBM", 275_000_000, 0),
        market.order(2, Side::Sell, "AAPL", 1_000_000, 0),
    ];
    market.settle(third, 3_000_000, 3);
    market.order(2, Side::Buy, "IBM", 1, 0);
    market
}

#[test]
fn a_correct_ledger_passes() {
    let mut market = busy();
    let report = market.check();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.accounts, report.queued, report.rejected), (3, 1, 2));
    assert_eq!(report.settled, 7 + 3, "{report:#?}");
    assert_eq!(report.positions, 2);
    let cash: i64 = market.held.values().map(|held| held.cash.0).sum();
    assert_eq!(report.cash, Money(cash).to_string());
}

/// On a server no snapshot lasts long. Each account is checked by what its own snapshot has.
#[test]
fn a_check_in_slices_finds_the_same_while_a_master_writes() {
    let mut market = busy();
    let whole = market.check();
    let mut reader = Reader::open_for_check(market.engine.url()).unwrap();
    let slice = Some(Duration::ZERO);
    let sliced = check_in_slices(&mut reader, slice, &|| false).unwrap();
    let sliced = Verification {
        took_ms: whole.took_ms,
        free_bytes: whole.free_bytes,
        ..sliced
    };
    assert_eq!(sliced, whole);
    let (market, asked) = (RefCell::new(market), Cell::new(0));
    let meanwhile = || {
        asked.set(asked.get() + 1);
        if asked.get() == 1 {
            // The account that is being checked has read what it needs; the next one gets a dividend.
            market
                .borrow_mut()
                .act(Side::Dividend, "AAPL", 250_000, 4, true);
        }
        false
    };
    let report = check_in_slices(&mut reader, slice, &meanwhile).unwrap();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!(report.settled, whole.settled + 1, "of the account after it");
    let report = market.into_inner().check();
    assert_eq!(report.settled, whole.settled + 2, "{report:#?}");
}

/// A server cannot clear up behind a snapshot. A file's log is checkpointed after it.
#[test]
fn a_check_on_a_server_has_no_snapshot_for_longer_than_ten_seconds() {
    each_engine(|engine| {
        let reader = Reader::open_for_check(engine.url()).unwrap();
        match engine.url() {
            DatabaseUrl::Sqlite(_) => assert_eq!(reader.snapshot_time(), None),
            DatabaseUrl::Postgres(_) => {
                assert!(reader.snapshot_time().unwrap() <= Duration::from_secs(10));
            }
        }
    });
}

/// Changes of the database, each with a part of the difference that it causes.
const TAMPERING: &[(&str, &str)] = &[
    (
        "UPDATE balances SET cash = cash + 1 WHERE account = 2",
        "user2 (account 2): the cash stored",
    ),
    (
        "DELETE FROM balances WHERE account = 1",
        "user1 (account 1): the cash stored",
    ),
    (
        "INSERT INTO balances VALUES (3, 5)",
        "user3 (account 3): the cash stored is 0.000005",
    ),
    (
        "UPDATE accounts SET starting_cash = starting_cash + 1 WHERE account = 1",
        "together have",
    ),
    (
        "UPDATE positions SET quantity = quantity + 1",
        "the position stored in AAPL",
    ),
    (
        "UPDATE positions SET cost = cost - 1",
        "the position stored in AAPL",
    ),
    ("DELETE FROM positions", "no position is stored in AAPL"),
    (
        "INSERT INTO positions VALUES (3, 'GOOG', 1, 0)",
        "in GOOG is 0.000001 units that cost 0, and the ledger makes none",
    ),
    (
        "UPDATE transactions SET status = 2 WHERE number = 1",
        "rejected without a reason",
    ),
    (
        "UPDATE transactions SET status = 0 WHERE number = 1",
        "not ended and has an outcome",
    ),
    (
        "UPDATE transactions SET status = 1 WHERE status = 0",
        "lacks its outcome",
    ),
    (
        "UPDATE transactions SET status = 1 WHERE status = 2",
        "lacks its outcome",
    ),
    (
        "UPDATE transactions SET status = 2, reason = 'no-price' WHERE status = 0",
        "lacks the time",
    ),
    (
        "UPDATE transactions SET total = total - 1 WHERE number = 2",
        "its total is",
    ),
    (
        "UPDATE transactions SET price = price + 1 WHERE number = 2",
        "its total is",
    ),
    (
        "UPDATE transactions SET quantity = quantity * 2 WHERE number = 2",
        "its total is",
    ),
    (
        "UPDATE transactions SET side = 2 WHERE number = 3",
        "it cannot have settled: insufficient-holdings",
    ),
    (
        "UPDATE transactions SET account = 3 WHERE number = 3",
        "the cash stored",
    ),
    (
        "UPDATE transactions SET quantity = 1 WHERE side = 3",
        "the position stored",
    ),
    (
        "UPDATE transactions SET total = 1 WHERE side = 3",
        "a split moved cash",
    ),
    (
        "UPDATE transactions SET quantity = quantity + 1 WHERE side = 4",
        "a dividend was paid on",
    ),
    (
        "UPDATE transactions SET total = total + 1 WHERE side = 4",
        "a dividend of",
    ),
    (
        "DELETE FROM transactions WHERE side = 3 AND account = 1",
        "the split of AAPL",
    ),
    (
        "DELETE FROM transactions WHERE side = 4",
        "the dividend of IBM",
    ),
    (
        "DELETE FROM transactions WHERE number = 1",
        "user1 (account 1)",
    ),
    (
        "UPDATE transactions SET symbol = 'aapl' WHERE number = 1",
        "its asset is none",
    ),
    (
        "UPDATE transactions SET reason = 'no-price' WHERE number = 1",
        "has a reason of rejection",
    ),
    (
        "UPDATE transactions SET reason = 'bad mood' WHERE status = 2",
        "rejected without a reason",
    ),
    (
        "UPDATE transactions SET update_number = NULL WHERE number = 1",
        "lacks its outcome",
    ),
    (
        "UPDATE transactions SET update_number = 9 WHERE number = 1",
        "cannot have settled",
    ),
    (
        "UPDATE transactions SET origin = NULL WHERE number = 1",
        "no message brought",
    ),
    (
        "UPDATE transactions SET accepted = accepted + 1 WHERE number = 1",
        "not of the time",
    ),
    (
        "UPDATE transactions SET ordered = accepted + 1 WHERE number = 1",
        "its turn is after",
    ),
    // The rank by which the sale came before the purchase.
    (
        "UPDATE transactions SET ordered = accepted WHERE ordered < accepted",
        "cannot have settled: insufficient-funds",
    ),
];

#[test]
fn every_kind_of_tampering_is_found() {
    for (sql, says) in TAMPERING {
        let found = busy().after(sql);
        assert!(
            found.iter().any(|text| text.contains(says)),
            "{sql}: {found:#?}"
        );
    }
}

/// Orders that wait: a limit purchase that replaced another one, a stop sale, a stop-limit and one for
/// money.
fn waiting() -> Market {
    let mut market = Market::new(Engine::chosen(), 2);
    let held = market.order(1, Side::Buy, "AAPL", 30_000_000, 0);
    market.settle(vec![held], 3_000_000, 1);
    let kinds = [
        ("1, 2000000, NULL, NULL, NULL, NULL", Side::Buy, 9_000_000),
        ("1, 2000000, NULL, NULL, NULL, NULL", Side::Buy, 9_000_000),
        ("2, NULL, 1000000, NULL, NULL, NULL", Side::Sell, 30_000_000),
        (
            "3, 3000000, 2000000, NULL, NULL, NULL",
            Side::Buy,
            1_000_000,
        ),
        ("1, 1000000, NULL, NULL, NULL, 5000000", Side::Buy, 0),
    ];
    for (terms, side, units) in kinds {
        let number = market.order(1, side, "AAPL", units.max(1), 0).rank.number;
        let reserve = match (side, units) {
            (Side::Buy, 0) => "5000000",
            (Side::Buy, 1_000_000) => "3000000",
            (Side::Buy, _) => "18000000",
            _ => "NULL",
        };
        execute_all(
            &mut market.storage,
            &format!(
                "UPDATE transactions SET status = 3, reserve = {reserve}, quantity = {units},
                 asked = {units}, first_update = 2 WHERE number = {number};
                 INSERT INTO order_terms VALUES ({number}, {terms}, 0, 7, NULL, NULL, NULL, NULL)"
            ),
        );
    }
    execute_all(
        &mut market.storage,
        "UPDATE transactions SET status = 4, settled = accepted, reason = 'replaced' WHERE number = 2;
         UPDATE order_terms SET replaces = 2 WHERE number = 3",
    );
    market
}

/// Changes of orders that wait, each with a part of the difference that it causes.
const BROKEN_ORDERS: &[(&str, &str)] = &[
    (
        "UPDATE transactions SET reserve = NULL WHERE number = 3",
        "transaction 3: a purchase that holds nothing back",
    ),
    (
        "UPDATE transactions SET reserve = reserve - 1 WHERE number = 3",
        "it holds less back than its units take",
    ),
    (
        "UPDATE transactions SET reserve = 4999999 WHERE number = 6",
        "it holds back other than its amount",
    ),
    (
        "UPDATE transactions SET reserve = 2000000000 WHERE number = 5",
        "open orders hold 2023000000 millionths back, and the cash is 910",
    ),
    (
        "UPDATE transactions SET reserve = 1 WHERE number = 4",
        "a sale that holds cash back",
    ),
    (
        "UPDATE transactions SET quantity = quantity + 1 WHERE number = 4",
        "open sales of AAPL promise 30000001 millionths of units, and 30 units are held",
    ),
    (
        "UPDATE transactions SET status = 0 WHERE number = 3",
        "an order that waits for its price is on the queue",
    ),
    (
        "UPDATE order_terms SET triggered = 1 WHERE number = 3",
        "an order has triggered that is no stop-limit",
    ),
    (
        "UPDATE order_terms SET kind = 0, limit_price = NULL WHERE number = 3",
        "nothing says since when it waits",
    ),
    (
        "UPDATE transactions SET first_update = NULL WHERE number = 3",
        "nothing says from which update on it takes part",
    ),
    (
        "UPDATE order_terms SET time_in_force = 2, until = NULL WHERE number = 3",
        "it ends at a time, and has none",
    ),
    (
        "UPDATE order_terms SET cash = 1 WHERE number = 4",
        "a sale for an amount of money",
    ),
    (
        "DELETE FROM order_terms WHERE number = 4",
        "nothing says what it waits for",
    ),
    (
        "UPDATE order_terms SET replaces = NULL WHERE number = 3",
        "transaction 2: it was replaced, and no order is in its place",
    ),
    (
        "UPDATE order_terms SET replaces = 2 WHERE number = 5",
        "transaction 5: another order is in the same place",
    ),
    (
        "UPDATE order_terms SET replaces = 4 WHERE number = 5",
        "transaction 5: the order in whose place it is was not replaced",
    ),
    (
        "UPDATE transactions SET reason = 'no-price' WHERE number = 2",
        "it is cancelled for another reason",
    ),
    (
        "UPDATE transactions SET status = 5, update_number = 1 WHERE number = 2",
        "it is expired for another reason",
    ),
    (
        "UPDATE transactions SET quantity = 0 WHERE number = 3",
        "an order of nothing",
    ),
];

#[test]
fn orders_that_wait_are_checked() {
    let report = waiting().check();
    assert!(report.is_clean(), "{report:#?}");
    assert_eq!((report.open, report.ended), (4, 1));
    for (sql, says) in BROKEN_ORDERS {
        let found = waiting().after(sql);
        assert!(
            found.iter().any(|text| text.contains(says)),
            "{sql}: {found:#?}"
        );
    }
}

/// Of a market purchase, transaction 7 of [`waiting`], and an open sale of the same units: what the
/// check finds where the purchase is so, and they were accepted in this order.
fn sold_before_it_came(is_sale_first: bool, purchase: &str) -> Vec<String> {
    let mut market = waiting();
    let sides = [Side::Buy, Side::Sell];
    let mut numbers = [0; 2];
    for at in if is_sale_first { [1, 0] } else { [0, 1] } {
        let order = market.order(1, sides[at], "AAPL", 5_000_000, 0);
        numbers[at] = order.rank.number;
    }
    let [bought, sold] = numbers;
    let terms = format!(
        "UPDATE transactions SET status = 3, first_update = 2 WHERE number = {sold};
         INSERT INTO order_terms VALUES ({sold}, 2, NULL, 1000000, NULL, NULL, NULL, 0, 7, NULL, NULL, NULL, NULL)"
    );
    execute_all(&mut market.storage, &terms);
    market.after(&format!(
        "UPDATE transactions SET {purchase} WHERE number = {bought}"
    ))
}

#[test]
fn a_sale_may_promise_what_a_purchase_was_to_bring() {
    let rejected = "status = 2, reason = 'insufficient-funds', update_number";
    let cancelled = "status = 4, reason = 'cancelled', settled";
    let (during, before) = ("accepted + 60000", "accepted - 1");
    for (is_sale_first, purchase, is_right) in [
        (false, "status = 0".to_owned(), true),
        (false, "status = 3, waits_since = 1".to_owned(), true),
        (false, format!("{rejected} = 2, settled = accepted"), true),
        // The sale takes part in update 2: it may have come while 1 was under way.
        (false, format!("{rejected} = 1, settled = accepted"), true),
        (false, format!("{rejected} = 0, settled = {during}"), true),
        (false, format!("{rejected} = 0, settled = {before}"), false),
        (false, format!("{cancelled} = {during}"), true),
        (false, format!("{cancelled} = {before}"), false),
        // Nothing was to come when the sale was accepted.
        (true, "status = 0".to_owned(), false),
        (true, format!("{rejected} = 2, settled = accepted"), false),
        (true, format!("{cancelled} = accepted"), false),
    ] {
        let found = sold_before_it_came(is_sale_first, &purchase);
        let says = "open sales of AAPL promise 35000000 millionths of units, and 30 units are held";
        let is_found = found.iter().any(|text| text.contains(says));
        assert_eq!(
            (found.len(), is_found),
            (usize::from(!is_right), !is_right),
            "{purchase}: {found:#?}"
        );
    }
}

/// SQLite lets a connection evade them.
#[test]
fn constraints_that_were_evaded_are_found() {
    let mut market = busy_on(Engine::sqlite());
    execute_all(
        &mut market.storage,
        "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON",
    );
    let found = market.after("DELETE FROM accounts WHERE account = 3");
    assert!(
        found.iter().any(|text| text.contains("transactions: row")),
        "{found:#?}"
    );
    // Other connections enforce the constraints.
    let found = market.after("UPDATE balances SET cash = -1");
    assert!(
        found.iter().any(|text| text.contains("SQLite: CHECK")),
        "{found:#?}"
    );
}

#[test]
fn another_schema_is_found_and_its_rows_are_not_believed() {
    let mut market = busy_on(Engine::sqlite());
    execute_all(
        &mut market.storage,
        "ALTER TABLE balances RENAME TO hidden;
         CREATE VIEW balances AS SELECT account, 0 AS cash FROM hidden;
         CREATE TRIGGER keep BEFORE DELETE ON sessions BEGIN SELECT RAISE(IGNORE); END",
    );
    let report = market.check();
    assert_eq!(
        report.differences,
        [
            "the table hidden is none of this version's",
            "the trigger keep on sessions is none of this version's",
            "the view balances is none of this version's",
            "the table balances is missing",
        ]
    );
    assert_eq!(report.accounts, 0);
}

#[test]
fn a_split_missing_in_the_ledger_is_found() {
    let mut market = busy();
    market.act(Side::Split, "AAPL", 3_000_000, 4, false);
    market.act(Side::Split, "MSFT", 3_000_000, 5, false);
    let found = market.check().differences;
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().all(|text| text.contains("the split of AAPL")));
}

#[test]
fn findings_are_bounded_and_a_check_can_be_cancelled() {
    let mut market = Market::new(Engine::chosen(), 500);
    let sql = "INSERT INTO balances SELECT account, 1 FROM accounts";
    execute(&mut market.storage, sql);
    let report = market.check();
    assert_eq!(report.differences.len(), DIFFERENCES_MAX);
    assert_eq!(report.more, 501 - DIFFERENCES_MAX as u64);
    assert!(matches!(
        check(&mut market.engine.reader(), &|| true),
        Err(VerifyError::Cancelled)
    ));
}

#[test]
fn files_are_read_and_not_changed() {
    let market = busy_on(Engine::sqlite());
    let path = market.engine.folder().join("master.db");
    let copy = market.engine.folder().join("copy.db");
    backup::copy(market.engine.url(), &copy, &|| false).unwrap();
    let before = std::fs::read(&copy).unwrap();
    assert!(
        check(&mut open(&copy).unwrap(), &|| false)
            .unwrap()
            .is_clean()
    );
    assert_eq!(std::fs::read(&copy).unwrap(), before);
    // A live database is read while its master runs.
    assert!(
        check(&mut open(&path).unwrap(), &|| false)
            .unwrap()
            .is_clean()
    );

    let other = market.engine.folder().join("other.db");
    assert!(matches!(open(&other), Err(VerifyError::Storage(_))));
    std::fs::write(
        &other,
        "no database at all, and longer than a header".repeat(9),
    )
    .unwrap();
    let refused = |file: &std::path::Path| match open(file) {
        Err(error @ VerifyError::OtherVersion(_)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(refused(&other).contains("not a PaperTrader database"));
    // The version of a file of SQLite stands at byte 60.
    for (version, told) in [
        (1, "made by an older version (migration 1,"),
        (250, "made by a newer"),
    ] {
        let mut of_other = before.clone();
        of_other[60..64].copy_from_slice(&u32::to_be_bytes(version));
        std::fs::write(&other, of_other).unwrap();
        assert!(refused(&other).contains(told), "{}", refused(&other));
    }
    // Overwrites a page of rows: with one of the schema it would not be opened.
    let mut damaged = before.clone();
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'transactions'";
    let page = usize::try_from(market.engine.number(root)).unwrap();
    damaged[(page - 1) * 4096..page * 4096].fill(0);
    std::fs::write(&other, damaged).unwrap();
    let report = check(&mut open(&other).unwrap(), &|| false).unwrap();
    assert!(!report.is_clean());
    assert_eq!(Reason::from_name("no-price"), Some(Reason::NoPrice));
}

#[test]
fn keys_of_email_addresses_are_checked_and_twins_are_noted() {
    let mut market = busy();
    let found = market.check();
    assert!(found.is_clean() && found.notes.is_empty());
    let mut names = Vec::new();
    let accounts = market.engine.reader().snapshot().unwrap().accounts_after(0);
    for account in accounts.unwrap() {
        names.push((account.account, account.username));
    }
    let [(older, owner), (younger, twin), ..] = &names[..] else {
        panic!("too few accounts")
    };
    let sql = format!("UPDATE accounts SET email_key = '#{younger}' WHERE account = {younger}");
    execute(&mut market.storage, &sql);
    let found = market.check();
    assert_eq!(
        found.differences,
        [format!(
            "{twin}: the key of the email address is not its own"
        )]
    );
    let sql = format!("UPDATE accounts SET email_owner = {older} WHERE account = {younger}");
    execute(&mut market.storage, &sql);
    let found = market.check();
    assert!(found.is_clean(), "{:?}", found.differences);
    let note =
        format!("{twin} has the email address of {owner}, whose account is older and owns it");
    assert_eq!(found.notes, [note]);
}
