//! spec/master/storage.md · 3.1.2 Database Management, 2.4.1
//!
//! Lets a market begin anew: all prices and all trading are deleted, in one transaction.

use super::engine::Sql;
use super::{Storage, StorageError, Tx};
use crate::config::DatabaseUrl;

/// What a market and its trading have left; deleted in this order.
const MARKET: &[&str] = &[
    "fill_bars",
    "order_terms",
    "trail_closes",
    "unsettled_updates",
    "transactions",
    "fee_schedules",
    "origins",
    "positions",
    // An account without a balance has the cash that it began with.
    "balances",
    "actions",
    "bars_hot",
    "bars",
    "bars_daily",
    "bars_monthly",
    "held_prices",
    "market_pause",
    "deployment_facts",
];
/// What people have left; deleted in this order.
const PEOPLE: &[&str] = &[
    "session_workers",
    "sessions",
    "identities",
    "login_places",
    "outbox",
    "reset_codes",
    "used_codes",
    "proven_emails",
    "acts",
    "accounts",
];
/// What stays. The numbers of updates go on, so that no number is of two of them. Of `assets` and
/// `assets_position` only [`FORGOTTEN`] changes.
#[cfg(test)]
const STAYS: &[&str] = &[
    "assets",
    "assets_position",
    "ledger_position",
    "outbox_state",
    "workers",
];
/// How far the market was.
const FORGOTTEN: &str = "UPDATE assets SET filled_to = NULL, filled = 0, own_days = 0;
     UPDATE assets_position SET time = NULL, exhausted = 0;";

/// Lets the market of a database that no master uses begin anew: its prices, actions and orders, the
/// ledger, portfolios and balances go, so that each account has its first cash. With `people`, the
/// accounts go too. A kill at any moment leaves all or nothing of it done. A database of an older
/// version is brought forward before.
///
/// # Errors
/// A master holds the lock, or the database fails.
pub fn reset_offline(database: &DatabaseUrl, people: bool) -> Result<(), StorageError> {
    let _held = Storage::lock(database)?;
    Storage::migrate(database)?;
    Storage::open(database)?.write(|tx| tx.delete_market(people))
}

impl Tx<'_> {
    /// Deletes what a market and its trading have left, and with `people` the accounts.
    fn delete_market(&mut self, people: bool) -> Result<(), StorageError> {
        let database = &self.snapshot;
        // An order may name an account, and a login place another one's.
        database.execute_batch(database.either(Sql {
            sqlite: "PRAGMA defer_foreign_keys = ON",
            postgres: "SET CONSTRAINTS ALL DEFERRED",
        }))?;
        let people = if people { PEOPLE } else { &[] };
        for table in MARKET.iter().chain(people) {
            database.execute_batch(&format!("DELETE FROM {table}"))?;
        }
        database.execute_batch(FORGOTTEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::testing::Engine;

    #[test]
    fn each_table_goes_or_stays_on_purpose() {
        let engine = Engine::sqlite();
        let all = engine.reader().snapshot().unwrap().text(
            "SELECT group_concat(name, ' ' ORDER BY name) FROM sqlite_schema WHERE type = 'table'",
        );
        let mut known: Vec<&str> = [MARKET, PEOPLE, STAYS].concat();
        known.sort_unstable();
        assert_eq!(all, known.join(" "), "a new table: does a reset take it?");
    }

    #[test]
    fn the_page_names_the_tables_that_a_reset_changes() {
        let page = include_str!("../../../spec/master/storage.md");
        let row = page.lines().find(|line| line.contains("`delete_market`"));
        let tables = row.unwrap().split('|').nth(1).unwrap();
        let on_page: Vec<&str> = tables
            .split(',')
            .map(|it| it.trim().trim_matches('`'))
            .collect();
        let forgotten = FORGOTTEN.split("UPDATE ").skip(1);
        let forgotten = forgotten.map(|rest| rest.split_whitespace().next().unwrap());
        let mut changed = [MARKET, PEOPLE].concat();
        changed.extend(forgotten);
        changed.sort_unstable();
        let mut sorted = on_page.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, changed);
    }

    #[test]
    fn accounts_begin_anew_or_go() {
        let engine = Engine::sqlite();
        engine.execute(
            "INSERT INTO accounts (account, username, username_key, email, email_key, is_password,
                 created, starting_cash, boot, sequence)
             VALUES (1, 'a', 'a', 'a', 'a', 0, 0, 5, zeroblob(16), 1)",
        );
        for sql in [
            "INSERT INTO sessions (hash, account, since, expiry, client, worker, boot, expirable, last_used)
             VALUES (zeroblob(32), 1, 0, 9, '::1', zeroblob(16), zeroblob(16), 0, 0)",
            "INSERT INTO identities VALUES ('https://id.example', 'ada', 1, 0, 'school')",
            "INSERT INTO balances VALUES (1, 4)",
            "INSERT INTO positions VALUES (1, 'A', 5, 5)",
            "INSERT INTO assets (symbol, filled_to, filled) VALUES ('A', 7, 1)",
            "INSERT INTO bars VALUES (1, 5, 1, 1, 1, 1, 1)",
            "INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked,
                 accepted, stamped, ordered)
             VALUES (1, zeroblob(16), 1, 1, 0, 'A', 1, 1, 0, 0, 0)",
            "INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked,
                 accepted, stamped, ordered, reserve, first_update)
             VALUES (2, randomblob(16), 1, 1, 3, 'A', 1, 1, 0, 0, 0, 5, 1)",
            "INSERT INTO order_terms (number, kind, limit_price, time_in_force) VALUES (2, 1, 5, 0)",
            "INSERT INTO trail_closes VALUES ('A', 1, 1, 1)",
            "UPDATE assets_position SET number = 9, time = 5, exhausted = 1",
        ] {
            engine.execute(sql);
        }
        let number = |sql: &str| engine.reader().snapshot().unwrap().number(sql);
        let held = Storage::lock(engine.url()).unwrap();
        let refused = reset_offline(engine.url(), false);
        assert!(
            matches!(refused, Err(StorageError::InUse(_))),
            "{refused:?}"
        );
        drop(held);
        assert_eq!(number("SELECT count(*) FROM transactions"), 2);

        reset_offline(engine.url(), false).unwrap();
        for table in MARKET {
            assert_eq!(
                number(&format!("SELECT count(*) FROM {table}")),
                0,
                "{table}"
            );
        }
        assert_eq!(
            number("SELECT count(*) FROM accounts JOIN sessions USING (account)"),
            1
        );
        assert_eq!(
            number("SELECT number FROM assets_position WHERE time IS NULL AND NOT exhausted"),
            9
        );
        assert_eq!(
            number("SELECT count(*) FROM assets WHERE filled OR filled_to"),
            0
        );

        reset_offline(engine.url(), true).unwrap();
        for table in PEOPLE {
            assert_eq!(
                number(&format!("SELECT count(*) FROM {table}")),
                0,
                "{table}"
            );
        }
    }
}
