//! spec/master/storage/bars.md · 3.1.6, 3.1.7 ("process queued transactions per update interval")
//!
//! SQL for the updates whose outcomes the ledger does not have yet.
//!
//! Tests: `src/master/storage/bars/tests.rs`.

use super::super::engine::{EngineResult, Row, damaged, params, signed, unsigned};
use super::super::{Snapshot, StorageError, Tx};
use super::rows::bar_of;
use super::tables::{DELETE_SETTLED, INSERT_UNSETTLED};
use crate::model::{Bar, Symbol, Timestamp};

/// What is kept of an update, beside its bars, until it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsettledUpdate {
    /// Number of the update.
    pub number: u64,
    /// Wall time at which its retrieval began.
    pub began: Timestamp,
    /// Wall time of its publication.
    pub published: Timestamp,
    /// Market time after it; `None` before the first price.
    pub market_time: Option<Timestamp>,
    /// Whether no update followed.
    pub exhausted: bool,
    /// Whether the times of its bars are real time.
    pub real_time: bool,
}

/// A bar that came into force with an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedBar {
    pub symbol: Symbol,
    /// In the units of its time.
    pub bar: Bar,
    /// Whether it was too old to fill orders when it was published.
    pub stale: bool,
}

fn update_of(row: &Row<'_>) -> EngineResult<UnsettledUpdate> {
    Ok(UnsettledUpdate {
        number: unsigned(row.get(0)?),
        began: Timestamp(row.get(1)?),
        published: Timestamp(row.get(2)?),
        market_time: row.get::<Option<i64>>(3)?.map(Timestamp),
        exhausted: row.get(4)?,
        real_time: row.get(5)?,
    })
}

fn published(row: &Row<'_>) -> EngineResult<PublishedBar> {
    let symbol: String = row.get(7)?;
    Ok(PublishedBar {
        symbol: Symbol::parse(&symbol).map_err(|error| damaged(error.0))?,
        bar: bar_of(row)?,
        stale: row.get(6)?,
    })
}

impl Snapshot<'_> {
    /// The updates whose outcomes the ledger does not have, oldest first. Some of them may have none.
    ///
    /// # Errors
    /// The database fails.
    pub fn unsettled_updates(&mut self) -> Result<Vec<UnsettledUpdate>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare(
            "SELECT number, began, published, market_time, exhausted, real_time
             FROM unsettled_updates
             WHERE number > (SELECT settled FROM ledger_position) ORDER BY number",
        )?;
        let rows = statement.query_map([], update_of)?;
        rows.collect()
    }

    /// The first update that is kept, settled or not.
    pub(super) fn first_kept_update(&mut self) -> Result<Option<i64>, StorageError> {
        let database = &*self;
        let sql = "SELECT min(number) FROM unsettled_updates";
        database.query_row(sql, [], |row| row.get(0))
    }

    /// The bars that came into force with an update that is kept.
    ///
    /// # Errors
    /// The database fails.
    pub fn published_bars(&mut self, number: u64) -> Result<Vec<PublishedBar>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT time, open, high, low, close, volume, stale, symbol
             FROM bars_hot JOIN assets ON id = asset WHERE number = ?1 ORDER BY asset",
        )?;
        let rows = statement.query_map([signed(number)], published)?;
        rows.collect()
    }
}

impl Tx<'_> {
    /// Keeps an update until it is settled.
    pub(super) fn insert_unsettled(
        &mut self,
        update: &UnsettledUpdate,
    ) -> Result<(), StorageError> {
        self.snapshot.put(
            &INSERT_UNSETTLED,
            params![
                signed(update.number),
                update.began.0,
                update.published.0,
                update.market_time.map(|time| time.0),
                update.exhausted,
                update.real_time
            ],
        )
    }

    /// Forgets the updates up to and including this one: they are settled.
    pub(super) fn delete_settled(&mut self, number: u64) -> Result<(), StorageError> {
        self.snapshot.put(&DELETE_SETTLED, [signed(number)])
    }
}
