//! spec/master/storage/bars.md · 3.1.6
//!
//! SQL for the pause of a market.
//!
//! Tests: `tests/suite/master/pause.rs`.

use super::super::engine::{EngineResult, Row, damaged, params, signed, unsigned};
use super::super::{Snapshot, StorageError, Tx};
use crate::model::{MarketKind, Timestamp};

/// A pause of the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketPause {
    /// Wall time of its beginning.
    pub since: Timestamp,
    /// Steps of a replay that follow, if their number is known.
    pub steps_left: Option<u64>,
    /// Where prices come from, if the configuration does not say.
    pub market: Option<MarketKind>,
}

fn pause(row: &Row<'_>) -> EngineResult<MarketPause> {
    let market: Option<String> = row.get(2)?;
    let known = |name: String| {
        MarketKind::from_name(&name).ok_or_else(|| damaged("no such kind of market"))
    };
    Ok(MarketPause {
        since: Timestamp(row.get(0)?),
        steps_left: row.get::<Option<i64>>(1)?.map(unsigned),
        market: market.map(known).transpose()?,
    })
}

impl Snapshot<'_> {
    /// The pause of the market; `None` if it is not paused.
    pub(super) fn market_pause(&mut self) -> Result<Option<MarketPause>, StorageError> {
        let database = &*self;
        let sql = "SELECT since, steps_left, market FROM market_pause";
        database.query_optional(sql, [], pause)
    }
}

impl Tx<'_> {
    /// Begins a pause of the market, which is not paused.
    pub(super) fn begin_market_pause(&mut self, pause: &MarketPause) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database.execute(
            "INSERT INTO market_pause (one, since, steps_left, market) VALUES (1, ?1, ?2, ?3)",
            params![
                pause.since.0,
                pause.steps_left.map(signed),
                pause.market.map(MarketKind::as_str)
            ],
        )?;
        Ok(())
    }

    /// Ends the pause of the market.
    pub(super) fn end_market_pause(&mut self) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database.execute("DELETE FROM market_pause", [])?;
        Ok(())
    }
}
