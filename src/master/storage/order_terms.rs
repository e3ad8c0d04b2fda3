//! spec/master/storage/order_terms.md · 3.1.7 Assets Buy & Sell
//!
//! Reads and writes the terms of orders that wait for a price, and the closes that trailing orders
//! follow.
//!
//! Tests: `src/master/storage/order_terms/tests.rs`.

mod rows;

use super::engine::{EngineResult, Row, damaged, params, signed, unsigned};
use super::ledger::{
    ENTRY_COLUMN_COUNT, ENTRY_COLUMNS, LedgerEntry, NewOrder, WaitingStatus, entry, symbol,
};
use super::order_details::{FillBar, OrderDetails};
use super::{Snapshot, StorageError, Tx};
use crate::master::transactions::book::due::TrailStart;
use crate::master::transactions::book::trail::TrailClose;
use crate::model::{
    Money, OrderKind, OrderTerms, Quantity, Symbol, TimeInForce, Timestamp, TrailDistance,
};
use rows::{
    INSERT_TERMS, SET_BEST, SET_FIRST_UPDATE, SET_PRICES, SET_TRAIL_CLOSE, SET_TRIGGERED, SET_UNTIL,
};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// An order that has not ended.
#[derive(Debug, Clone)]
pub struct StoredOrder {
    pub entry: LedgerEntry,
    /// `None`: purchaseAsset or sellAsset.
    pub details: Option<OrderDetails>,
}

/// The columns of the terms, for [`details`].
pub(super) const DETAILS: &str =
    "order_terms.kind, order_terms.limit_price, order_terms.stop_price, order_terms.trail,
    order_terms.trail_percent, order_terms.cash, order_terms.time_in_force, order_terms.until,
    order_terms.best, order_terms.triggered, order_terms.asked, order_terms.replaces";

/// The number of [`DETAILS`].
pub(super) const DETAILS_COUNT: usize = 12;

/// Reads the terms from the columns at `from`; `None` where the order has none.
pub(super) fn details(row: &Row<'_>, from: usize) -> EngineResult<Option<OrderDetails>> {
    let Some(kind) = row.get::<Option<u8>>(from)? else {
        return Ok(None);
    };
    let money = |at: usize| row.get::<Option<i64>>(from + at).map(|it| it.map(Money));
    let time =
        |at: usize| -> EngineResult<_> { Ok(row.get::<Option<i64>>(from + at)?.map(Timestamp)) };
    let need = |price: Option<Money>| price.ok_or_else(|| damaged("an order lacks a price"));
    let kind = OrderKind::from_number(kind).ok_or_else(|| damaged("no such kind of order"))?;
    let terms = match kind {
        OrderKind::Market => OrderTerms::Market,
        OrderKind::Limit => OrderTerms::Limit {
            limit: need(money(1)?)?,
        },
        OrderKind::Stop => OrderTerms::Stop {
            stop: need(money(2)?)?,
        },
        OrderKind::StopLimit => OrderTerms::StopLimit {
            limit: need(money(1)?)?,
            stop: need(money(2)?)?,
        },
        OrderKind::Trailing => OrderTerms::Trailing {
            distance: match row.get::<Option<u32>>(from + 4)? {
                Some(percent) => TrailDistance::Percent(percent),
                None => TrailDistance::Money(need(money(3)?)?),
            },
        },
    };
    let until = time(7)?;
    let time_in_force = match (row.get::<u8>(from + 6)?, until) {
        (0, _) => TimeInForce::Gtc,
        (1, _) => TimeInForce::Day,
        (2, Some(until)) => TimeInForce::Until(until),
        _ => return Err(damaged("no such time in force")),
    };
    Ok(Some(OrderDetails {
        terms,
        cash: money(5)?,
        time_in_force,
        until,
        best: money(8)?,
        triggered: row.get::<Option<i64>>(from + 9)?.map(unsigned),
        asked: row.get(from + 10)?,
        replaces: row.get(from + 11)?,
    }))
}

/// The columns `kind` to `trail_percent` of terms.
fn prices(terms: &OrderTerms) -> (u8, [Option<i64>; 4]) {
    let (money, percent) = match terms {
        OrderTerms::Trailing { distance } => match distance {
            TrailDistance::Money(money) => (Some(money.0), None),
            TrailDistance::Percent(percent) => (None, Some(i64::from(*percent))),
        },
        OrderTerms::Market
        | OrderTerms::Limit { .. }
        | OrderTerms::Stop { .. }
        | OrderTerms::StopLimit { .. } => (None, None),
    };
    let limit = terms.limit().map(|limit| limit.0);
    let stop = terms.stop().map(|stop| stop.0);
    (terms.kind() as u8, [limit, stop, money, percent])
}

fn stored_order(row: &Row<'_>) -> EngineResult<StoredOrder> {
    Ok(StoredOrder {
        entry: entry(row)?,
        details: details(row, ENTRY_COLUMN_COUNT)?,
    })
}

/// Reads all orders of a status, in the order of their acceptance. Their numbers come from its index,
/// not from the whole ledger, and are sorted before the rows are read, since rows next to each other
/// share a page. The limit keeps the engine from taking the inner order for needless.
fn waiting_sql(database: &Snapshot<'_>, status: WaitingStatus) -> String {
    let numbers = status.rows_sql(database, "number");
    format!(
        "SELECT {ENTRY_COLUMNS}, {DETAILS} FROM
             ({numbers} ORDER BY number LIMIT 9223372036854775807) AS waiting
         CROSS JOIN transactions USING (number) LEFT JOIN origins USING (origin)
         LEFT JOIN order_terms USING (number)"
    )
}

impl Snapshot<'_> {
    /// Calls `each` for the orders of this status, in the order of their acceptance, until it breaks
    /// off.
    ///
    /// # Errors
    /// The database fails.
    pub fn waiting_orders_of(
        &mut self,
        status: WaitingStatus,
        mut each: impl FnMut(StoredOrder) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let database = &*self;
        let mut statement = database.scan(&waiting_sql(database, status))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if each(stored_order(&row)?).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The terms of an order; `None` for purchaseAsset and sellAsset.
    ///
    /// # Errors
    /// The database fails.
    pub fn order_details(&mut self, number: i64) -> Result<Option<OrderDetails>, StorageError> {
        let database = &*self;
        let sql = format!("SELECT {DETAILS} FROM order_terms WHERE number = ?1");
        let mut statement = database.prepare_cached(&sql)?;
        let found = statement.query_optional([number], |row| details(row, 0))?;
        Ok(found.flatten())
    }

    /// The bar that filled an order of placeOrder or replaceOrder in the book; `None` of others.
    ///
    /// # Errors
    /// The database fails.
    pub fn fill_bar(&mut self, number: i64) -> Result<Option<FillBar>, StorageError> {
        let database = &*self;
        let mut statement =
            database.prepare_cached("SELECT open, high, low FROM fill_bars WHERE number = ?1")?;
        statement.query_optional([number], |row| {
            Ok(FillBar {
                open: Money(row.get(0)?),
                high: Money(row.get(1)?),
                low: Money(row.get(2)?),
            })
        })
    }

    /// The units that a client asked for, before any split.
    ///
    /// # Errors
    /// There is no such order, or the database fails.
    pub fn asked_units(&mut self, number: i64) -> Result<Quantity, StorageError> {
        let database = &*self;
        let mut statement =
            database.prepare_cached("SELECT asked FROM transactions WHERE number = ?1")?;
        Ok(Quantity(statement.query_row([number], |row| row.get(0))?))
    }

    /// The closes that trailing orders follow, by asset, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn trail_closes(&mut self) -> Result<HashMap<Symbol, Vec<TrailClose>>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare(
            "SELECT update_number, for_sales, for_purchases, symbol FROM trail_closes
             ORDER BY symbol, update_number",
        )?;
        let mut closes: HashMap<Symbol, Vec<TrailClose>> = HashMap::new();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let symbol = symbol(&row.get::<String>(3)?)?;
            closes.entry(symbol).or_default().push(trail_close(&row)?);
        }
        Ok(closes)
    }

    /// The same of one asset.
    ///
    /// # Errors
    /// The database fails.
    pub fn trail_closes_of(&mut self, symbol: &Symbol) -> Result<Vec<TrailClose>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT update_number, for_sales, for_purchases FROM trail_closes
             WHERE symbol = ?1 ORDER BY update_number",
        )?;
        let rows = statement.query_map([symbol.as_str()], trail_close)?;
        rows.collect()
    }
}

/// Reads a close from the first three columns.
fn trail_close(row: &Row<'_>) -> EngineResult<TrailClose> {
    Ok(TrailClose {
        update: unsigned(row.get(0)?),
        for_sales: Money(row.get(1)?),
        for_purchases: Money(row.get(2)?),
    })
}

impl Tx<'_> {
    /// Stores the terms of an order that [`Tx::insert_order`] has stored, or, where it `waits` to be
    /// written with others, after it.
    ///
    /// # Errors
    /// The order has terms, or the database fails.
    pub(super) fn insert_details(
        &mut self,
        order: &NewOrder<'_>,
        details: &OrderDetails,
        waits: bool,
    ) -> Result<(), StorageError> {
        let (kind, [limit, stop, trail, percent]) = prices(&details.terms);
        let time_in_force: u8 = match details.time_in_force {
            TimeInForce::Gtc => 0,
            TimeInForce::Day => 1,
            TimeInForce::Until(_) => 2,
        };
        let row = params![
            order.rank.number,
            kind,
            limit,
            stop,
            trail,
            percent,
            details.cash.map(|cash| cash.0),
            time_in_force,
            details.until.map(|until| until.0),
            details.best.map(|best| best.0),
            details.triggered.map(signed),
            details.asked.as_deref(),
            details.replaces,
        ];
        if waits {
            return self.snapshot.put(&INSERT_TERMS, row);
        }
        // Terms that wait without their order would be written before all orders that wait, and take
        // those orders' terms with them.
        let mut insert = self.snapshot.prepare_cached(INSERT_TERMS.one)?;
        insert.execute(row).map(|_| ())
    }

    /// Changes the prices of an open order because of a split: its terms, and the best close of a
    /// trailing order.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_order_prices(
        &mut self,
        number: i64,
        terms: &OrderTerms,
        best: Option<Money>,
    ) -> Result<(), StorageError> {
        let (_, [limit, stop, trail, _]) = prices(terms);
        let row = params![number, limit, stop, trail, best.map(|best| best.0)];
        self.snapshot.put(&SET_PRICES, row)
    }

    /// Records that a stop-limit became a limit order at this update.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_triggered(&mut self, number: i64, update: u64) -> Result<(), StorageError> {
        let row = params![number, signed(update)];
        self.snapshot.put(&SET_TRIGGERED, row)
    }

    /// Records when the day of an order ends, which has begun.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_until(&mut self, number: i64, until: Timestamp) -> Result<(), StorageError> {
        self.snapshot.put(&SET_UNTIL, params![number, until.0])
    }

    /// Records from where on a trailing order follows closes, where it is not what was expected.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_trail_start(&mut self, start: &TrailStart) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let row = params![start.number, signed(start.first_update)];
        database.put(&SET_FIRST_UPDATE, row)?;
        database.put(&SET_BEST, params![start.number, start.best.0])
    }

    /// Stores the close of an update that tested trailing orders of the asset.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_trail_close(
        &mut self,
        symbol: Symbol,
        update: u64,
        close: Money,
    ) -> Result<(), StorageError> {
        let row = params![symbol.as_str(), signed(update), close.0];
        self.snapshot.put(&SET_TRAIL_CLOSE, row)
    }

    /// Replaces the closes of an asset.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_trail_closes(
        &mut self,
        symbol: &Symbol,
        closes: &[TrailClose],
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached("DELETE FROM trail_closes WHERE symbol = ?1")?
            .execute([symbol.as_str()])?;
        let mut insert = database.prepare_cached(
            "INSERT INTO trail_closes (symbol, update_number, for_sales, for_purchases)
             VALUES (?1, ?2, ?3, ?4)",
        )?;
        for close in closes {
            insert.execute(params![
                symbol.as_str(),
                signed(close.update),
                close.for_sales.0,
                close.for_purchases.0
            ])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
