//! spec/master/storage/bars.md · 3.1.6 (validation of what an API sent)
//!
//! SQL for held prices.
//!
//! Tests: `src/master/storage/bars/tests.rs`.

use super::super::sqlite::{damaged, signed};
use super::super::{Snapshot, SqliteTransaction, StorageError, Tx};
use super::AssetId;
use super::rows::bar_of;
use crate::master::assets::hold::{HeldPrice, PriceReview};
use crate::model::{Money, Quote, Timestamp};
use rusqlite::{Row, params};

fn held(row: &Row<'_>) -> rusqlite::Result<(AssetId, HeldPrice)> {
    let review: u8 = row.get(12)?;
    let review = PriceReview::ALL.get(usize::from(review));
    let held = HeldPrice {
        bar: bar_of(row)?,
        level: Quote {
            value: Money(row.get(6)?),
            time: Timestamp(row.get(7)?),
        },
        since: Timestamp(row.get(8)?),
        seen: row.get(9)?,
        agreeing: row.get(10)?,
        review: *review.ok_or_else(|| damaged("no such review"))?,
    };
    Ok((AssetId(row.get(11)?), held))
}

impl Snapshot<'_> {
    /// The held prices of all assets.
    pub(super) fn held_prices(&mut self) -> Result<Vec<(AssetId, HeldPrice)>, StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = self;
        let mut statement = sqlite.prepare(
            "SELECT time, open, high, low, close, volume, level, level_time, since, seen, agreeing,
             asset, review FROM held_prices",
        )?;
        let rows = statement.query_map([], held)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Tx<'_> {
    /// Stores the price of an asset that is held.
    pub(super) fn set_held(
        &mut self,
        asset: AssetId,
        held: &HeldPrice,
    ) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached(
                "INSERT INTO held_prices (asset, time, open, high, low, close, volume, level,
                 level_time, since, seen, agreeing, review)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
                 ON CONFLICT (asset) DO UPDATE SET time = ?2, open = ?3, high = ?4, low = ?5,
                 close = ?6, volume = ?7, level = ?8, level_time = ?9, since = ?10, seen = ?11,
                 agreeing = ?12, review = ?13",
            )?
            .execute(params![
                asset.0,
                held.bar.time.0,
                held.bar.open.0,
                held.bar.high.0,
                held.bar.low.0,
                held.bar.close.0,
                signed(held.bar.volume),
                held.level.value.0,
                held.level.time.0,
                held.since.0,
                held.seen,
                held.agreeing,
                held.review as u8
            ])?;
        Ok(())
    }

    /// Ends the hold of an asset.
    pub(super) fn end_held(&mut self, asset: AssetId) -> Result<(), StorageError> {
        let Snapshot::Sqlite(SqliteTransaction(sqlite)) = &mut self.snapshot;
        sqlite
            .prepare_cached("DELETE FROM held_prices WHERE asset = ?1")?
            .execute([asset.0])?;
        Ok(())
    }
}
