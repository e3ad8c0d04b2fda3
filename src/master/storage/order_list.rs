//! spec/master/storage.md · 3.1.7, 3.1.5 (administrators)
//!
//! Reads for administrators the orders of all accounts that have no outcome yet.

use super::account_orders::{OWN_COLUMN_COUNT, OWN_COLUMNS, OwnTransaction, own_transaction};
use super::engine::{EngineResult, params};
use super::ledger::waiting_rows_sql;
use super::order_terms::{DETAILS, DETAILS_COUNT};
use super::{Snapshot, StorageError};
use crate::model::{AccountId, Symbol};
use uuid::Uuid;

/// An order without an outcome, as an administrator is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedOrder {
    /// Its account's name, spelled as at registration.
    pub username: String,
    /// Its number in the ledger.
    pub number: i64,
    pub order: OwnTransaction,
}

/// The orders that a list has.
#[derive(Debug, Clone, Copy)]
pub struct OrderFilter<'a> {
    /// `None`: of all accounts.
    pub account: Option<AccountId>,
    /// `None`: of all assets.
    pub symbol: Option<&'a Symbol>,
}

/// Finds the numbers of the queued and open orders of account ?1, of asset ?2, with ID ?3; NULL
/// stands for all.
fn waiting_sql(database: &Snapshot<'_>) -> String {
    waiting_rows_sql(
        database,
        "number",
        "AND coalesce(?1, account) = account AND coalesce(?2, symbol) = symbol
         AND coalesce(?3, id) = id",
    )
}

impl Snapshot<'_> {
    /// The newest queued and open orders, newest first, and the number of all of them. Reads all
    /// that wait, and no row that has ended.
    ///
    /// # Errors
    /// The database fails.
    pub fn listed_orders(
        &mut self,
        filter: OrderFilter<'_>,
        most: usize,
    ) -> Result<(Vec<ListedOrder>, usize), StorageError> {
        let database = &*self;
        let account = filter.account.map(|account| account.0);
        let symbol = filter.symbol.map(Symbol::as_str);
        let waiting = waiting_sql(database);
        let sql = format!("SELECT count(*) FROM ({waiting}) AS waiting");
        let filter = params![account, symbol, None::<&[u8]>];
        let all: i64 = database.query_row(&sql, filter, |row| row.get(0))?;
        let sql = format!("{waiting} ORDER BY number DESC LIMIT ?4");
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut statement = database.prepare(&sql)?;
        let numbers = statement
            .query_map(params![account, symbol, None::<&[u8]>, most], |row| {
                row.get(0)
            })?
            .collect::<EngineResult<Vec<i64>>>()?;
        let mut orders = Vec::with_capacity(numbers.len());
        for number in numbers {
            orders.extend(listed_order(database, number)?);
        }
        Ok((orders, usize::try_from(all).unwrap_or(usize::MAX)))
    }

    /// The queued or open order with this transaction ID, of whatever account. Reads all that wait.
    ///
    /// # Errors
    /// The database fails.
    pub fn waiting_order(&mut self, id: &Uuid) -> Result<Option<ListedOrder>, StorageError> {
        let database = &*self;
        let filter = params![None::<i64>, None::<&str>, id.as_bytes()];
        let number: Option<i64> =
            database.query_optional(&waiting_sql(database), filter, |row| row.get(0))?;
        match number {
            Some(number) => listed_order(database, number),
            None => Ok(None),
        }
    }
}

fn listed_order(database: &Snapshot<'_>, number: i64) -> Result<Option<ListedOrder>, StorageError> {
    let sql = format!(
        "SELECT {OWN_COLUMNS}, {DETAILS}, a.username FROM transactions AS t
         LEFT JOIN order_terms USING (number) JOIN accounts AS a ON a.account = t.account
         WHERE t.number = ?1"
    );
    let mut statement = database.prepare_cached(&sql)?;
    statement.query_optional([number], |row| {
        Ok(ListedOrder {
            username: row.get(OWN_COLUMN_COUNT + DETAILS_COUNT)?,
            number,
            order: own_transaction(row)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::testing::{MasterRig, order};
    use crate::model::Side;

    #[test]
    fn the_newest_orders_are_listed_and_all_are_counted() {
        let mut rig = MasterRig::new();
        let mut link = rig.link("eu1");
        let (alice, bob) = (rig.account("alice"), rig.account("bob"));
        for (account, symbol) in [
            (alice, "AAPL"),
            (bob, "AAPL"),
            (alice, "IBM"),
            (alice, "AAPL"),
        ] {
            let order = order(link.reply_to(), account, Side::Buy, symbol, "1");
            rig.order_all(vec![order]);
        }
        let mut storage = rig.engine.storage();
        let ibm = Symbol::parse("IBM").unwrap();
        let mut list = |account, symbol, most| {
            let filter = OrderFilter { account, symbol };
            let (orders, all) = storage
                .read(|snapshot| snapshot.listed_orders(filter, most))
                .unwrap();
            let numbers: Vec<i64> = orders.iter().map(|it| it.number).collect();
            (numbers, all)
        };
        assert_eq!(list(None, None, 10), (vec![4, 3, 2, 1], 4));
        assert_eq!(list(None, None, 2), (vec![4, 3], 4));
        assert_eq!(list(Some(alice), None, 1), (vec![4], 3));
        assert_eq!(list(Some(alice), Some(&ibm), 9), (vec![3], 1));
        assert_eq!(list(Some(bob), Some(&ibm), 9), (vec![], 0));
        // One waits for a price that does not come, the others have ended.
        rig.settle(&[("AAPL", "1")]);
        let mut storage = rig.engine.storage();
        let all = OrderFilter {
            account: None,
            symbol: None,
        };
        let (left, count) = storage
            .read(|snapshot| snapshot.listed_orders(all, 9))
            .unwrap();
        let names: Vec<(&str, i64)> = left
            .iter()
            .map(|it| (it.username.as_str(), it.number))
            .collect();
        assert_eq!((names, count), (vec![("alice", 3)], 1));
        let id = left[0].order.transaction.id;
        let mut find = |id| {
            storage
                .read(|snapshot| snapshot.waiting_order(&id))
                .unwrap()
        };
        assert_eq!(find(id).map(|it| it.number), Some(3));
        assert_eq!(find(Uuid::nil()), None);
    }
}
