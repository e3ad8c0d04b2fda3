//! spec/master/storage.md · 3.1.7, 4.6.16
//!
//! Reads what the owner of an account is told of its rows: whole rows with what their orders say,
//! those that wait, and what its profit is the sum of.

use super::engine::{EngineResult, Row, Sql, damaged, params};
use super::ledger::{WaitingStatus, symbol, transaction};
use super::order_details::OrderDetails;
use super::order_terms::{DETAILS, details};
use super::{Snapshot, StorageError};
use crate::model::{AccountId, Cause, Money, Side, Symbol, Transaction, TransactionStatus};
use uuid::Uuid;

/// A row of the ledger as its owner is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTransaction {
    pub transaction: Transaction,
    /// What made a row that no client ordered; `None` for splits, dividends and their corrections.
    pub cause: Option<Cause>,
    /// The asset of the action that made it, where it is another one.
    pub source: Option<Symbol>,
    /// Whether it is of a late or corrected split or dividend.
    pub is_correction: bool,
    pub fee: Option<Money>,
    /// What is held back for a purchase.
    pub reserve: Option<Money>,
    /// What the administrator who made the row says.
    pub note: Option<String>,
    /// `None` for purchaseAsset, sellAsset, and what nobody ordered.
    pub details: Option<OrderDetails>,
}

/// What a row adds to an account's profit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProfitRow {
    pub id: Uuid,
    pub side: Side,
    pub status: TransactionStatus,
    pub symbol: Symbol,
    /// Cash paid or received. 0 unless settled.
    pub total: Money,
    /// What the cost of its position grew by beside purchases.
    pub moved_cost: Money,
    /// 0 unless settled.
    pub fee: Money,
    pub cause: Option<Cause>,
}

/// The columns of [`own_transaction`], after which [`DETAILS`] follow. The first fourteen are those of
/// a transaction.
pub(super) const OWN_COLUMNS: &str =
    "t.number, t.id, t.account, t.side, t.status, t.symbol, t.quantity,
    t.accepted, t.settled, t.price, t.total, t.priced, t.client_order_id, t.reason,
    t.cause, t.source, t.written_off, t.fee, t.reserve, t.note";

/// The number of [`OWN_COLUMNS`].
pub(super) const OWN_COLUMN_COUNT: usize = 20;

/// The columns of [`profit_row`].
const PROFIT_COLUMNS: &str = "id, side, status, symbol, total, moved_cost, fee, cause";

fn money(row: &Row<'_>, column: usize) -> EngineResult<Option<Money>> {
    Ok(row.get::<Option<i64>>(column)?.map(Money))
}

fn cause(row: &Row<'_>, column: usize) -> EngineResult<Option<Cause>> {
    Ok(row.get::<Option<u8>>(column)?.and_then(Cause::from_number))
}

pub(super) fn own_transaction(row: &Row<'_>) -> EngineResult<OwnTransaction> {
    let source: Option<String> = row.get(15)?;
    Ok(OwnTransaction {
        transaction: transaction(row)?,
        cause: cause(row, 14)?,
        source: source.map(|text| symbol(&text)).transpose()?,
        is_correction: row.get::<Option<i64>>(16)?.is_some(),
        fee: money(row, 17)?,
        reserve: money(row, 18)?,
        note: row.get(19)?,
        details: details(row, OWN_COLUMN_COUNT)?,
    })
}

fn profit_row(row: &Row<'_>) -> EngineResult<ProfitRow> {
    Ok(ProfitRow {
        id: Uuid::from_bytes(row.get(0)?),
        side: Side::from_number(row.get(1)?).ok_or_else(|| damaged("no such side"))?,
        status: TransactionStatus::from_number(row.get(2)?)
            .ok_or_else(|| damaged("no such status"))?,
        symbol: symbol(&row.get::<String>(3)?)?,
        total: money(row, 4)?.unwrap_or_default(),
        moved_cost: money(row, 5)?.unwrap_or_default(),
        fee: money(row, 6)?.unwrap_or_default(),
        cause: cause(row, 7)?,
    })
}

impl Snapshot<'_> {
    /// The newest rows of an account, or the newest that are older than `before`, newest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn history_page(
        &mut self,
        account: AccountId,
        before: Option<Uuid>,
        most: u16,
    ) -> Result<Vec<OwnTransaction>, StorageError> {
        let database = &*self;
        let sql = format!(
            "SELECT {OWN_COLUMNS}, {DETAILS} FROM transactions AS t LEFT JOIN order_terms USING (number)
             WHERE t.account = ?1 AND t.id < ?2 ORDER BY t.id DESC LIMIT ?3"
        );
        let before = before.unwrap_or(Uuid::max());
        let mut statement = database.prepare_cached(&sql)?;
        let rows =
            statement.query_map(params![account.0, before.as_bytes(), most], own_transaction)?;
        rows.collect()
    }

    /// The orders of an account that have no outcome yet, newest first. Reads those that are open,
    /// and the account's rows since the oldest order that is queued.
    ///
    /// # Errors
    /// The database fails.
    pub fn waiting_orders(
        &mut self,
        account: AccountId,
    ) -> Result<Vec<OwnTransaction>, StorageError> {
        let database = &*self;
        let are_open = database.either(Sql {
            sqlite: "t.status = 3",
            postgres: "t.status = 3
                 AND number = ANY(ARRAY(SELECT number FROM open_orders WHERE account = ?1))",
        });
        let open = format!(
            "SELECT {OWN_COLUMNS}, {DETAILS} FROM transactions AS t INDEXED BY transactions_open
             LEFT JOIN order_terms USING (number) WHERE t.account = ?1 AND {are_open}"
        );
        let (by, are_queued) = WaitingStatus::Queued.found_by(database);
        let queued = format!(
            "SELECT {OWN_COLUMNS}, {DETAILS} FROM transactions AS t INDEXED BY transactions_history
             LEFT JOIN order_terms USING (number)
             WHERE t.account = ?1 AND t.status = 0 AND t.id >=
                (SELECT id FROM transactions {by} WHERE {are_queued} ORDER BY number LIMIT 1)"
        );
        let mut orders = Vec::new();
        for sql in [open, queued] {
            let mut statement = database.prepare_cached(&sql)?;
            for row in statement.query_map([account.0], own_transaction)? {
                orders.push(row?);
            }
        }
        orders.sort_unstable_by_key(|order: &OwnTransaction| order.transaction.id);
        orders.reverse();
        Ok(orders)
    }

    /// What an account's rows after this ID add to its profit, oldest first, at most so many.
    ///
    /// # Errors
    /// The database fails.
    pub fn profit_rows(
        &mut self,
        account: AccountId,
        after: Uuid,
        most: usize,
    ) -> Result<Vec<ProfitRow>, StorageError> {
        let database = &*self;
        let sql = format!(
            "SELECT {PROFIT_COLUMNS} FROM transactions WHERE account = ?1 AND id > ?2
             ORDER BY id LIMIT ?3"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let mut statement = database.prepare_cached(&sql)?;
        let rows = statement.query_map(params![account.0, after.as_bytes(), most], profit_row)?;
        rows.collect()
    }

    /// What the row of this ID adds to its account's profit.
    ///
    /// # Errors
    /// The database fails.
    pub fn profit_row(
        &mut self,
        account: AccountId,
        id: Uuid,
    ) -> Result<Option<ProfitRow>, StorageError> {
        let database = &*self;
        let sql =
            format!("SELECT {PROFIT_COLUMNS} FROM transactions WHERE account = ?1 AND id = ?2");
        database
            .prepare_cached(&sql)?
            .query_optional(params![account.0, id.as_bytes()], profit_row)
    }
}

#[cfg(test)]
mod tests;
