//! spec/master/storage.md · 3.1.7 Assets Buy & Sell
//!
//! Reads and writes what trades cost, as it was when they were filled.

use super::engine::{EngineResult, Row, params};
use super::{Snapshot, StorageError, Tx};
use crate::config::{FeeSettings, Percentage};
use crate::model::Money;
use std::collections::BTreeMap;

/// The columns of a schedule, for [`schedule`].
const COLUMNS: &str = "id, per_order, per_unit, percent, minimum, slippage";

/// Reads a schedule with its ID; `None` where a value is none of a configuration's, which only a
/// damaged database has.
fn schedule(row: &Row<'_>) -> EngineResult<Option<(i64, FeeSettings)>> {
    let fees = FeeSettings {
        per_order: Money(row.get(1)?),
        per_unit: Money(row.get(2)?),
        percent: Percentage(row.get(3)?),
        minimum: Money(row.get(4)?),
        slippage: Percentage(row.get(5)?),
    };
    let id = row.get(0)?;
    Ok(fees.is_within_bounds().then_some((id, fees)))
}

fn find(database: &Snapshot<'_>, fees: &FeeSettings) -> EngineResult<Option<i64>> {
    let sql = "SELECT id FROM fee_schedules WHERE per_order = ?1 AND per_unit = ?2 AND percent = ?3
         AND minimum = ?4 AND slippage = ?5";
    database.query_optional(sql, values(fees), |row| row.get(0))
}

fn values(fees: &FeeSettings) -> [i64; 5] {
    [
        fees.per_order.0,
        fees.per_unit.0,
        fees.percent.0,
        fees.minimum.0,
        fees.slippage.0,
    ]
}

impl Snapshot<'_> {
    /// The schedule of this ID; `None` where there is none that a configuration can have.
    ///
    /// # Errors
    /// The database fails.
    pub fn fee_schedule(&mut self, id: i64) -> Result<Option<FeeSettings>, StorageError> {
        let database = &*self;
        let sql = format!("SELECT {COLUMNS} FROM fee_schedules WHERE id = ?1");
        let mut statement = database.prepare_cached(&sql)?;
        let found = statement.query_optional([id], schedule)?.flatten();
        Ok(found.map(|(_, fees)| fees))
    }

    /// All schedules by ID: one for each configuration of fees that there was. Those that no
    /// configuration can have are left out.
    ///
    /// # Errors
    /// The database fails.
    pub fn fee_schedules(&mut self) -> Result<BTreeMap<i64, FeeSettings>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare(&format!("SELECT {COLUMNS} FROM fee_schedules"))?;
        let rows = statement.query_map([], schedule)?;
        let rows: Vec<_> = rows.collect::<EngineResult<_>>()?;
        Ok(rows.into_iter().flatten().collect())
    }
}

impl Tx<'_> {
    /// Stores a schedule unless it is there. Returns its ID.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_fee_schedule(&mut self, fees: &FeeSettings) -> Result<i64, StorageError> {
        let database = &self.snapshot;
        if let Some(id) = find(database, fees)? {
            return Ok(id);
        }
        let [per_order, per_unit, percent, minimum, slippage] = values(fees);
        database.query_row(
            "INSERT INTO fee_schedules (per_order, per_unit, percent, minimum, slippage)
             VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
            params![per_order, per_unit, percent, minimum, slippage],
            |row| row.get(0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::sqlite;
    use crate::config::{FeeSettings, Percentage};
    use crate::master::storage::testing::{each_engine, execute_all};
    use crate::model::Money;

    fn fees(per_order: i64) -> FeeSettings {
        FeeSettings {
            per_order: Money(per_order),
            per_unit: Money(2),
            percent: Percentage(3),
            minimum: Money(4),
            slippage: Percentage(5),
        }
    }

    #[test]
    fn a_schedule_is_stored_once() {
        each_engine(|engine| {
            let mut storage = engine.storage();
            let mut stored = |fees| storage.write(|tx| tx.insert_fee_schedule(&fees)).unwrap();
            let (one, other) = (stored(fees(1)), stored(fees(9)));
            assert_ne!(one, other);
            assert_eq!((stored(fees(1)), stored(fees(9))), (one, other));
            let read = storage.read(|snapshot| {
                assert_eq!(snapshot.fee_schedule(other)?, Some(fees(9)));
                assert_eq!(snapshot.fee_schedule(other + 1)?, None);
                snapshot.fee_schedules()
            });
            assert_eq!(read.unwrap(), [(one, fees(1)), (other, fees(9))].into());
        });
    }

    #[test]
    fn a_schedule_beyond_all_configurations_is_none() {
        each_engine(|engine| {
            let mut storage = engine.storage();
            let id = storage
                .write(|tx| tx.insert_fee_schedule(&fees(1)))
                .unwrap();
            execute_all(
                &mut storage,
                "UPDATE fee_schedules SET percent = 9223372036854775807",
            );
            let read = storage.read(|snapshot| {
                assert_eq!(snapshot.fee_schedule(id)?, None);
                snapshot.fee_schedules()
            });
            assert!(read.unwrap().is_empty());
        });
    }

    #[test]
    fn orders_that_filled_before_the_migration_have_no_schedule() {
        let mut database = sqlite::fresh_of(21).unwrap();
        database
            .execute_batch(
                "INSERT INTO accounts (account, username, username_key, is_password, created, starting_cash,
                     boot, sequence) VALUES (1, 'a', 'a', 0, 0, 0, x'00', 1);
                 INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked,
                     accepted, settled, price, total, priced, stamped, ordered, update_number, fee)
                     VALUES (7, zeroblob(16), 1, 1, 1, 'AAPL', 1, 1, 0, 1, 1, 3, 1, 0, 0, 1, 2);",
            )
            .unwrap();
        sqlite::apply_missing(&mut database, 21).unwrap();
        let row = database.query_row(
            "SELECT number, fee, fee_schedule, (SELECT count(*) FROM fee_schedules) FROM transactions",
            [],
            |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, Option<i64>>(2)?,
                    row.get::<_, i64>(3)?,
                ))
            },
        );
        assert_eq!(row.unwrap(), (7, 2, None, 0));
    }
}
