//! spec/master/storage/order_terms.md · 3.1.7
//!
//! The statements that write the terms of orders, for one row and for many.
//!
//! Tests: `src/master/storage/order_terms/tests.rs`.

use crate::master::storage::engine::RowsSql;

/// Stores the terms of an order.
pub(in crate::master::storage) static INSERT_TERMS: RowsSql = RowsSql {
    table: "order_terms",
    key: 1,
    one: "INSERT INTO order_terms (number, kind, limit_price, stop_price, trail, trail_percent,
              cash, time_in_force, until, best, triggered, asked, replaces)
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    all: "INSERT INTO order_terms (number, kind, limit_price, stop_price, trail, trail_percent,
              cash, time_in_force, until, best, triggered, asked, replaces)
          SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[],
              ?6::bigint[], ?7::bigint[], ?8::bigint[], ?9::bigint[], ?10::bigint[], ?11::bigint[],
              ?12::text[], ?13::bigint[])",
    changes_each: false,
};

/// Changes the prices of an order.
pub(in crate::master::storage) static SET_PRICES: RowsSql = RowsSql {
    table: "order_terms",
    key: 1,
    one: "UPDATE order_terms SET limit_price = ?2, stop_price = ?3, trail = ?4, best = ?5
          WHERE number = ?1",
    all: "UPDATE order_terms AS t SET limit_price = r.limit_price, stop_price = r.stop_price,
              trail = r.trail, best = r.best
          FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[], ?5::bigint[])
              AS r (number, limit_price, stop_price, trail, best)
          WHERE t.number = r.number",
    changes_each: false,
};

/// Records at which update a stop-limit became a limit order.
pub(in crate::master::storage) static SET_TRIGGERED: RowsSql = RowsSql {
    table: "order_terms",
    key: 1,
    one: "UPDATE order_terms SET triggered = ?2 WHERE number = ?1",
    all: "UPDATE order_terms AS t SET triggered = r.value
          FROM unnest(?1::bigint[], ?2::bigint[]) AS r (number, value) WHERE t.number = r.number",
    changes_each: false,
};

/// Records when the day of an order ends.
pub(in crate::master::storage) static SET_UNTIL: RowsSql = RowsSql {
    table: "order_terms",
    key: 1,
    one: "UPDATE order_terms SET until = ?2 WHERE number = ?1",
    all: "UPDATE order_terms AS t SET until = r.value
          FROM unnest(?1::bigint[], ?2::bigint[]) AS r (number, value) WHERE t.number = r.number",
    changes_each: false,
};

/// Changes the close from which a trailing order starts.
pub(in crate::master::storage) static SET_BEST: RowsSql = RowsSql {
    table: "order_terms",
    key: 1,
    one: "UPDATE order_terms SET best = ?2 WHERE number = ?1",
    all: "UPDATE order_terms AS t SET best = r.value
          FROM unnest(?1::bigint[], ?2::bigint[]) AS r (number, value) WHERE t.number = r.number",
    changes_each: false,
};

/// Changes the first update of an order.
pub(in crate::master::storage) static SET_FIRST_UPDATE: RowsSql = RowsSql {
    table: "transactions",
    key: 1,
    one: "UPDATE transactions SET first_update = ?2 WHERE number = ?1",
    all: "UPDATE transactions AS t SET first_update = r.value
          FROM unnest(?1::bigint[], ?2::bigint[]) AS r (number, value) WHERE t.number = r.number",
    changes_each: false,
};

/// Stores the close of an update for trailing orders.
pub(in crate::master::storage) static SET_TRAIL_CLOSE: RowsSql = RowsSql {
    table: "trail_closes",
    key: 2,
    one: "INSERT INTO trail_closes (symbol, update_number, for_sales, for_purchases)
          VALUES (?1, ?2, ?3, ?3)
          ON CONFLICT (symbol, update_number) DO UPDATE SET for_sales = ?3, for_purchases = ?3",
    all: "INSERT INTO trail_closes (symbol, update_number, for_sales, for_purchases)
          SELECT r.*, r.for_sales FROM unnest(?1::text[], ?2::bigint[], ?3::bigint[])
              AS r (symbol, update_number, for_sales)
          ON CONFLICT (symbol, update_number)
          DO UPDATE SET for_sales = excluded.for_sales, for_purchases = excluded.for_purchases",
    changes_each: false,
};
