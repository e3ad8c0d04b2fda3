//! spec/master/storage/bars.md · 3.1.6 (validation of what an API sent)
//!
//! SQL for held prices.
//!
//! Tests: `src/master/storage/bars/tests.rs`.

use super::super::engine::{EngineResult, Row, damaged, params, signed};
use super::super::{Snapshot, StorageError, Tx};
use super::AssetId;
use super::rows::bar_of;
use crate::master::assets::hold::{HeldPrice, PriceReview};
use crate::model::{Money, Quote, Timestamp};

fn held(row: &Row<'_>) -> EngineResult<(AssetId, HeldPrice)> {
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
        let database = &*self;
        let mut statement = database.prepare(
            "SELECT time, open, high, low, close, volume, level, level_time, since, seen, agreeing,
             asset, review FROM held_prices",
        )?;
        let rows = statement.query_map([], held)?;
        rows.collect()
    }
}

impl Tx<'_> {
    /// Stores the price of an asset that is held.
    pub(super) fn set_held(
        &mut self,
        asset: AssetId,
        held: &HeldPrice,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
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
        let database = &self.snapshot;
        database
            .prepare_cached("DELETE FROM held_prices WHERE asset = ?1")?
            .execute([asset.0])?;
        Ok(())
    }
}
