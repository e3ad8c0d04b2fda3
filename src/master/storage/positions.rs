//! spec/master/storage.md · 3.1.7 ("store into portfolios")
//!
//! Reads and writes cash and positions, which are the sums of an account's transactions.

use super::engine::{EngineResult, Row, RowsSql, Sql, damaged, params, unsigned};
use super::ledger::symbol;
use super::{Snapshot, StorageError, Tx};
use crate::model::{AccountId, Holdings, Money, Quantity, Symbol};

/// An asset that accounts own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedAsset {
    pub symbol: Symbol,
    /// How many own it.
    pub accounts: u64,
    /// The units of all together; people read them.
    pub units: Quantity,
}

impl OwnedAsset {
    /// What is said of one that is not listed any more.
    fn unlisted_text(&self) -> String {
        let OwnedAsset {
            symbol,
            accounts,
            units,
        } = self;
        let s = if *accounts == 1 { " holds" } else { "s hold" };
        format!(
            "{symbol} is not on the list of assets any more; {accounts} account{s} {units} units of \
             it, which count at its last price and cannot be sold until it is back, or an action says \
             what became of it (rename, merge, delist)"
        )
    }
}

/// What is said of each of these assets that is not listed any more. `listed` is sorted.
pub fn unlisted_texts(owned: &[OwnedAsset], listed: &[Symbol]) -> Vec<String> {
    let is_gone = |asset: &&OwnedAsset| listed.binary_search(&asset.symbol).is_err();
    let gone = owned.iter().filter(is_gone);
    gone.map(OwnedAsset::unlisted_text).collect()
}

fn cash(database: &Snapshot<'_>, account: AccountId) -> EngineResult<Money> {
    // An account that has traded is found by its balance alone.
    let cash: Option<i64> = database
        .prepare_cached(
            "SELECT coalesce((SELECT cash FROM balances WHERE account = ?1),
                 (SELECT starting_cash FROM accounts WHERE account = ?1))",
        )?
        .query_row([account.0], |row| row.get(0))?;
    cash.map(Money).ok_or(damaged("a row is not there"))
}

/// Stores an account's cash.
static SET_BALANCE: RowsSql = RowsSql {
    table: "balances",
    key: 1,
    one: "INSERT INTO balances (account, cash) VALUES (?1, ?2)
          ON CONFLICT (account) DO UPDATE SET cash = excluded.cash",
    all: "INSERT INTO balances (account, cash) SELECT * FROM unnest(?1::bigint[], ?2::bigint[])
          ON CONFLICT (account) DO UPDATE SET cash = excluded.cash",
    changes_each: false,
};

/// Stores a position.
static SET_POSITION: RowsSql = RowsSql {
    table: "positions",
    key: 2,
    one: "INSERT INTO positions (account, symbol, quantity, cost) VALUES (?1, ?2, ?3, ?4)
          ON CONFLICT (account, symbol) DO UPDATE SET quantity = excluded.quantity, cost = excluded.cost",
    all: "INSERT INTO positions (account, symbol, quantity, cost)
          SELECT * FROM unnest(?1::bigint[], ?2::text[], ?3::bigint[], ?4::bigint[])
          ON CONFLICT (account, symbol) DO UPDATE SET quantity = excluded.quantity, cost = excluded.cost",
    changes_each: false,
};

/// Deletes a position.
static DELETE_POSITION: RowsSql = RowsSql {
    table: "positions",
    key: 2,
    one: "DELETE FROM positions WHERE account = ?1 AND symbol = ?2",
    all: "DELETE FROM positions AS p USING unnest(?1::bigint[], ?2::text[]) AS r (account, symbol)
          WHERE p.account = r.account AND p.symbol = r.symbol",
    changes_each: false,
};

impl Snapshot<'_> {
    /// The cash with which an account's ledger begins, and to which a restart brings it.
    ///
    /// # Errors
    /// There is no such account, or the database fails.
    pub fn starting_cash(&mut self, account: AccountId) -> Result<Money, StorageError> {
        let database = &*self;
        let sql = "SELECT starting_cash FROM accounts WHERE account = ?1";
        let mut statement = database.prepare_cached(sql)?;
        statement.query_row([account.0], |row| row.get(0).map(Money))
    }

    /// An account's cash.
    ///
    /// # Errors
    /// There is no such account, or the database fails.
    pub fn cash(&mut self, account: AccountId) -> Result<Money, StorageError> {
        let database = &*self;
        let ahead = database.ahead().and_then(|it| it.take_cash(account));
        ahead.map_or_else(|| cash(database, account), Ok)
    }

    /// The units that an account holds of an asset.
    ///
    /// # Errors
    /// The database fails.
    pub fn units(&mut self, account: AccountId, symbol: &Symbol) -> Result<Quantity, StorageError> {
        let database = &*self;
        let ahead = database.ahead();
        if let Some(units) = ahead.and_then(|it| it.take_units(account, symbol)) {
            return Ok(units);
        }
        let sql = "SELECT quantity FROM positions WHERE account = ?1 AND symbol = ?2";
        let mut statement = database.prepare_cached(sql)?;
        let found =
            statement.query_optional(params![account.0, symbol.as_str()], |row| row.get(0))?;
        Ok(Quantity(found.unwrap_or(0)))
    }

    /// An account's cash and positions.
    ///
    /// # Errors
    /// There is no such account, or the database fails.
    pub fn holdings(&mut self, account: AccountId) -> Result<Holdings, StorageError> {
        let database = &*self;
        if let Some(holdings) = database.ahead().and_then(|it| it.take_holdings(account)) {
            return Ok(holdings);
        }
        let cash = cash(database, account)?;
        let sql = "SELECT symbol, quantity, cost FROM positions WHERE account = ?1";
        let mut statement = database.prepare_cached(sql)?;
        let position = |row: &Row<'_>| -> EngineResult<(Symbol, (Quantity, Money))> {
            let symbol = symbol(&row.get::<String>(0)?)?;
            Ok((symbol, (Quantity(row.get(1)?), Money(row.get(2)?))))
        };
        let rows = statement.query_map([account.0], position)?;
        let positions = rows.collect::<EngineResult<_>>()?;
        Ok(Holdings { cash, positions })
    }

    /// Each asset that accounts own, sorted.
    ///
    /// # Errors
    /// The database fails.
    pub fn owned(&mut self) -> Result<Vec<OwnedAsset>, StorageError> {
        let database = &*self;
        // `total` adds in floating point, which no number of positions overflows; people read it.
        let units = database.either(Sql {
            sqlite: "CAST(min(total(quantity), 9e18) AS INTEGER)",
            postgres: "CAST(least(sum(quantity), 9e18) AS BIGINT)",
        });
        let sql = format!(
            "SELECT symbol, count(*), {units} FROM positions GROUP BY symbol ORDER BY symbol"
        );
        let mut statement = database.prepare(&sql)?;
        let rows = statement.query_map([], |row| {
            Ok(OwnedAsset {
                symbol: symbol(&row.get::<String>(0)?)?,
                accounts: unsigned(row.get(1)?),
                units: Quantity(row.get(2)?),
            })
        })?;
        rows.collect()
    }

    /// The accounts that hold an asset.
    ///
    /// # Errors
    /// The database fails.
    pub fn holders(&mut self, symbol: Symbol) -> Result<Vec<AccountId>, StorageError> {
        let database = &*self;
        let sql = "SELECT account FROM positions WHERE symbol = ?1 ORDER BY account";
        let mut statement = database.prepare(sql)?;
        let rows = statement.query_map([symbol.as_str()], |row| row.get(0).map(AccountId))?;
        rows.collect()
    }
}

impl Tx<'_> {
    /// Stores the differences between `before`, which is stored, and `after`.
    ///
    /// # Errors
    /// A value is invalid for its column, or the database fails.
    pub fn store_holdings(
        &mut self,
        account: AccountId,
        before: &Holdings,
        after: &Holdings,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        if let Some(ahead) = database.ahead() {
            ahead.forget(account);
        }
        if before.cash != after.cash {
            database.put(&SET_BALANCE, params![account.0, after.cash.0])?;
        }
        for (symbol, (quantity, cost)) in &after.positions {
            if before.positions.get(symbol) != Some(&(*quantity, *cost)) {
                let row = params![account.0, symbol.as_str(), quantity.0, cost.0];
                database.put(&SET_POSITION, row)?;
            }
        }
        for symbol in before
            .positions
            .keys()
            .filter(|symbol| !after.positions.contains_key(symbol))
        {
            database.put(&DELETE_POSITION, params![account.0, symbol.as_str()])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
