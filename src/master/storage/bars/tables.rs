//! spec/master/storage/bars.md · 3.1.6 (past values)
//!
//! The statements that write assets and bars, for one row and for many.
//!
//! Tests: `src/master/storage/bars/tests.rs`.

use super::super::engine::RowsSql;

/// Stores a bar that is later than those of its asset.
pub(super) static INSERT_BAR: RowsSql = RowsSql {
    table: "bars",
    key: 2,
    one: "INSERT INTO bars (asset, time, open, high, low, close, volume)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    all: "INSERT INTO bars (asset, time, open, high, low, close, volume)
          SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[],
              ?6::bigint[], ?7::bigint[])",
    changes_each: false,
};

/// Adds a bar to its day's.
pub(super) static MERGE_DAY: RowsSql = RowsSql {
    table: "bars_daily",
    key: 2,
    one: "INSERT INTO bars_daily (asset, time, open, high, low, close, volume)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
          ON CONFLICT (asset, time) DO UPDATE SET
              high = CASE WHEN excluded.high > bars_daily.high THEN excluded.high ELSE bars_daily.high END,
              low = CASE WHEN excluded.low < bars_daily.low THEN excluded.low ELSE bars_daily.low END,
              close = excluded.close,
              volume = CASE WHEN bars_daily.volume > 9223372036854775807 - excluded.volume
                  THEN 9223372036854775807 ELSE bars_daily.volume + excluded.volume END",
    all: "INSERT INTO bars_daily (asset, time, open, high, low, close, volume)
          SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[],
              ?6::bigint[], ?7::bigint[])
          ON CONFLICT (asset, time) DO UPDATE SET
              high = CASE WHEN excluded.high > bars_daily.high THEN excluded.high ELSE bars_daily.high END,
              low = CASE WHEN excluded.low < bars_daily.low THEN excluded.low ELSE bars_daily.low END,
              close = excluded.close,
              volume = CASE WHEN bars_daily.volume > 9223372036854775807 - excluded.volume
                  THEN 9223372036854775807 ELSE bars_daily.volume + excluded.volume END",
    changes_each: false,
};

/// Adds a bar to its month's.
pub(super) static MERGE_MONTH: RowsSql = RowsSql {
    table: "bars_monthly",
    key: 2,
    one: "INSERT INTO bars_monthly (asset, time, open, high, low, close, volume)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
          ON CONFLICT (asset, time) DO UPDATE SET
              high = CASE WHEN excluded.high > bars_monthly.high THEN excluded.high ELSE bars_monthly.high END,
              low = CASE WHEN excluded.low < bars_monthly.low THEN excluded.low ELSE bars_monthly.low END,
              close = excluded.close,
              volume = CASE WHEN bars_monthly.volume > 9223372036854775807 - excluded.volume
                  THEN 9223372036854775807 ELSE bars_monthly.volume + excluded.volume END",
    all: "INSERT INTO bars_monthly (asset, time, open, high, low, close, volume)
          SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[],
              ?6::bigint[], ?7::bigint[])
          ON CONFLICT (asset, time) DO UPDATE SET
              high = CASE WHEN excluded.high > bars_monthly.high THEN excluded.high ELSE bars_monthly.high END,
              low = CASE WHEN excluded.low < bars_monthly.low THEN excluded.low ELSE bars_monthly.low END,
              close = excluded.close,
              volume = CASE WHEN bars_monthly.volume > 9223372036854775807 - excluded.volume
                  THEN 9223372036854775807 ELSE bars_monthly.volume + excluded.volume END",
    changes_each: false,
};

/// Stores a day in place of what is there.
pub(super) static SET_DAY: RowsSql = RowsSql {
    table: "bars_daily",
    key: 2,
    one: "INSERT INTO bars_daily (asset, time, open, high, low, close, volume)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
          ON CONFLICT (asset, time) DO UPDATE SET open = excluded.open, high = excluded.high,
              low = excluded.low, close = excluded.close, volume = excluded.volume",
    all: "INSERT INTO bars_daily (asset, time, open, high, low, close, volume)
          SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[],
              ?6::bigint[], ?7::bigint[])
          ON CONFLICT (asset, time) DO UPDATE SET open = excluded.open, high = excluded.high,
              low = excluded.low, close = excluded.close, volume = excluded.volume",
    changes_each: false,
};

/// Stores a month in place of what is there.
pub(super) static SET_MONTH: RowsSql = RowsSql {
    table: "bars_monthly",
    key: 2,
    one: "INSERT INTO bars_monthly (asset, time, open, high, low, close, volume)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
          ON CONFLICT (asset, time) DO UPDATE SET open = excluded.open, high = excluded.high,
              low = excluded.low, close = excluded.close, volume = excluded.volume",
    all: "INSERT INTO bars_monthly (asset, time, open, high, low, close, volume)
          SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[],
              ?6::bigint[], ?7::bigint[])
          ON CONFLICT (asset, time) DO UPDATE SET open = excluded.open, high = excluded.high,
              low = excluded.low, close = excluded.close, volume = excluded.volume",
    changes_each: false,
};

/// Deletes the bars of an asset before a time.
pub(super) static DELETE_BEFORE: RowsSql = RowsSql {
    table: "bars",
    key: 1,
    one: "DELETE FROM bars WHERE asset = ?1 AND time < ?2",
    all: "DELETE FROM bars AS b USING unnest(?1::bigint[], ?2::bigint[]) AS r (asset, time)
          WHERE b.asset = r.asset AND b.time < r.time",
    changes_each: false,
};

/// Stores a bar of an update.
pub(super) static INSERT_HOT: RowsSql = RowsSql {
    table: "bars_hot",
    key: 2,
    one: "INSERT INTO bars_hot (asset, number, time, open, high, low, close, volume, stale)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    all: "INSERT INTO bars_hot (asset, number, time, open, high, low, close, volume, stale)
          SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[],
              ?6::bigint[], ?7::bigint[], ?8::bigint[], ?9::bigint[])",
    changes_each: false,
};

/// Lists an asset.
pub(super) static INSERT_ASSET: RowsSql = RowsSql {
    table: "assets",
    key: 1,
    one: "INSERT INTO assets (symbol) VALUES (?1) ON CONFLICT (symbol) DO NOTHING",
    all: "INSERT INTO assets (symbol) SELECT * FROM unnest(?1::text[])
          ON CONFLICT (symbol) DO NOTHING",
    changes_each: false,
};

/// Stores the assets module's position.
pub(super) static SET_ASSETS_POSITION: RowsSql = RowsSql {
    table: "assets_position",
    key: 0,
    one: "UPDATE assets_position SET number = ?1, time = ?2, exhausted = ?3",
    all: "UPDATE assets_position SET number = r.number, time = r.time, exhausted = r.exhausted
          FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[]) AS r (number, time, exhausted)",
    changes_each: true,
};

/// Keeps an update until it is settled.
pub(super) static INSERT_UNSETTLED: RowsSql = RowsSql {
    table: "unsettled_updates",
    key: 1,
    one:
        "INSERT INTO unsettled_updates (number, began, published, market_time, exhausted, real_time)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    all:
        "INSERT INTO unsettled_updates (number, began, published, market_time, exhausted, real_time)
          SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[],
              ?6::bigint[])",
    changes_each: false,
};

/// Forgets updates that are settled, which are before any that is stored with it.
pub(super) static DELETE_SETTLED: RowsSql = RowsSql {
    table: "unsettled_updates",
    key: 1,
    one: "DELETE FROM unsettled_updates WHERE number <= ?1",
    all: "DELETE FROM unsettled_updates AS u USING unnest(?1::bigint[]) AS r (number)
          WHERE u.number <= r.number",
    changes_each: false,
};
