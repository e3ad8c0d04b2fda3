//! spec/master/storage/bars.md · 3.1.6 (past values), 3.1.2
//!
//! Moves bars, slice by slice, from `bars_hot`, which is sorted by update, to `bars`, which is
//! sorted by asset.

use super::super::{StorageError, Tx};
use super::{AssetId, BarStore};
use crate::model::{Bar, Timestamp};
use std::collections::HashMap;

/// Updates that accumulate in `bars_hot` before their bars are moved.
pub const HOT_UPDATES: i64 = 64;

/// Assets whose bars are moved in one transaction. It takes some 15 ms, so that no query waits
/// long.
const SLICE_MAX: usize = 64;

/// A move that is in progress.
#[derive(Debug, Clone, Copy)]
pub(super) struct CompactionStep {
    /// The updates `first` to `last` are moved.
    first: i64,
    last: i64,
    /// Index in `ids` of the next asset.
    next: usize,
}

impl BarStore {
    /// The number of updates in `bars_hot`.
    pub fn hot_updates(&self) -> i64 {
        self.hot.1 - self.hot.0
    }

    /// The first update whose bars stay where they are.
    fn movable_end(&self) -> i64 {
        let end = self.hot.1;
        self.kept_from.map_or(end, |kept| end.min(kept))
    }

    /// Whether there are bars to move. Those of updates that may not be settled stay.
    pub fn wants_compaction(&self) -> bool {
        self.moving.is_some() || self.movable_end() - self.hot.0 >= HOT_UPDATES
    }

    /// Moves the bars of the next slice in one short transaction. Returns whether more remains.
    ///
    /// # Errors
    /// The database fails; then nothing was moved.
    pub fn compact(&mut self) -> Result<bool, StorageError> {
        if !self.wants_compaction() {
            return Ok(false);
        }
        let mut moving = self.moving.unwrap_or(CompactionStep {
            first: self.hot.0,
            last: self.movable_end() - 1,
            next: 0,
        });
        let end = self.ids.len().min(moving.next + SLICE_MAX);
        let slice = self.ids.get(moving.next..end).unwrap_or_default();
        if let (Some(first), Some(last)) = (slice.first(), slice.last()) {
            let (own_days, keep) = (&self.own_days, self.keep_ticks);
            self.storage
                .write(|tx| move_slice(tx, &moving, (*first, *last), own_days, keep))?;
        }
        moving.next = end;
        if end >= self.ids.len() {
            self.moving = None;
            self.hot.0 = moving.last + 1;
        } else {
            self.moving = Some(moving);
        }
        Ok(self.wants_compaction())
    }
}

/// Moves the bars of the assets `first` to `last` out of `bars_hot`.
fn move_slice(
    tx: &mut Tx<'_>,
    what: &CompactionStep,
    assets: (AssetId, AssetId),
    own: &HashMap<AssetId, Timestamp>,
    keep: Option<i64>,
) -> Result<(), StorageError> {
    let updates = (what.first, what.last);
    let rows = tx.hot_bars_between(updates, assets)?;
    tx.delete_hot_bars(updates, assets)?;
    for one in rows.chunk_by(|a, b| a.0 == b.0) {
        let Some(((asset, _), (_, newest))) = one.first().zip(one.last()) else {
            continue;
        };
        let bars: Vec<Bar> = one.iter().map(|(_, bar)| *bar).collect();
        tx.append_bars(*asset, &bars, own.get(asset).copied())?;
        if let Some(keep) = keep {
            tx.delete_bars_before(*asset, Timestamp(newest.time.0.saturating_sub(keep)))?;
        }
    }
    Ok(())
}
