//! spec/master/storage/ledger.md · 3.1.7
//!
//! The statements that write rows of the ledger, for one row and for many.
//!
//! Tests: `src/master/storage/ledger/tests.rs`.

use crate::master::storage::engine::RowsSql;

/// Stores an order. Arrays in a list of columns are read row by row; as a table they would be copied first.
pub(in crate::master::storage) static INSERT_ORDER: RowsSql = RowsSql {
    table: "transactions",
    key: 1,
    one: "INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted,
              client_order_id, origin, sequence, stamped, ordered, waits_since, reserve, first_update)
          VALUES (?1, ?2, ?3, ?4, ?14, ?5, ?6, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?15, ?16)
          ON CONFLICT DO NOTHING",
    all: "INSERT INTO transactions (number, id, account, side, symbol, quantity, accepted, client_order_id,
              origin, sequence, stamped, ordered, waits_since, status, reserve, first_update, asked)
          SELECT r.*, r.quantity FROM (SELECT unnest(?1::bigint[]) AS number, unnest(?2::bytea[]) AS id,
              unnest(?3::bigint[]) AS account, unnest(?4::bigint[]) AS side,
              unnest(?5::text[]) AS symbol, unnest(?6::bigint[]) AS quantity,
              unnest(?7::bigint[]) AS accepted, unnest(?8::text[]) AS client_order_id,
              unnest(?9::bigint[]) AS origin, unnest(?10::bigint[]) AS sequence,
              unnest(?11::bigint[]) AS stamped, unnest(?12::bigint[]) AS ordered,
              unnest(?13::bigint[]) AS waits_since, unnest(?14::bigint[]) AS status,
              unnest(?15::bigint[]) AS reserve, unnest(?16::bigint[]) AS first_update) AS r",
    changes_each: false,
};

/// Stores the transaction of an action.
pub(in crate::master::storage) static INSERT_SETTLED: RowsSql = RowsSql {
    table: "transactions",
    key: 1,
    one: "INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted, settled,
              price, total, priced, stamped, ordered, update_number, written_off, cause, source, moved_cost)
          VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?6, ?7, ?7, ?8, ?9, ?10, ?7, ?7, ?11, ?12, ?13, ?14, ?15)",
    all: "INSERT INTO transactions (number, id, account, side, symbol, quantity, accepted, price, total,
              priced, update_number, written_off, cause, source, moved_cost, status, asked, settled,
              stamped, ordered)
          SELECT r.*, 1, r.quantity, r.accepted, r.accepted, r.accepted FROM unnest(?1::bigint[],
              ?2::bytea[], ?3::bigint[], ?4::bigint[], ?5::text[], ?6::bigint[], ?7::bigint[],
              ?8::bigint[], ?9::bigint[], ?10::bigint[], ?11::bigint[], ?12::bigint[], ?13::bigint[],
              ?14::text[], ?15::bigint[])
              AS r (number, id, account, side, symbol, quantity, accepted, price, total, priced,
              update_number, written_off, cause, source, moved_cost)",
    changes_each: false,
};

/// Stores the outcome of an order.
pub(in crate::master::storage) static END_ORDER: RowsSql = RowsSql {
    table: "transactions",
    key: 1,
    one: "UPDATE transactions SET status = ?2, settled = CASE WHEN accepted > ?3 THEN accepted ELSE ?3 END,
              price = ?4, total = ?5, priced = ?6, reason = ?7, update_number = ?8,
              quantity = coalesce(?9, quantity), quoted = ?10, fee = ?11, ending = ?12, fee_schedule = ?13
          WHERE number = ?1 AND status IN (0, 3)",
    all: "UPDATE transactions AS t SET status = r.status, settled = greatest(t.accepted, r.settled),
              price = r.price, total = r.total, priced = r.priced, reason = r.reason,
              update_number = r.update_number, quantity = coalesce(r.units, t.quantity),
              quoted = r.quoted, fee = r.fee, ending = r.ending, fee_schedule = r.fee_schedule
          FROM (SELECT unnest(?1::bigint[]) AS number, unnest(?2::bigint[]) AS status,
              unnest(?3::bigint[]) AS settled, unnest(?4::bigint[]) AS price,
              unnest(?5::bigint[]) AS total, unnest(?6::bigint[]) AS priced,
              unnest(?7::text[]) AS reason, unnest(?8::bigint[]) AS update_number,
              unnest(?9::bigint[]) AS units, unnest(?10::bigint[]) AS quoted,
              unnest(?11::bigint[]) AS fee, unnest(?12::bigint[]) AS ending,
              unnest(?13::bigint[]) AS fee_schedule) AS r
          WHERE t.number = r.number AND t.status IN (0, 3)",
    changes_each: true,
};

/// Stores the bar that filled an order.
pub(in crate::master::storage) static INSERT_FILL_BAR: RowsSql = RowsSql {
    table: "fill_bars",
    key: 1,
    one: "INSERT INTO fill_bars (number, open, high, low) VALUES (?1, ?2, ?3, ?4)",
    all: "INSERT INTO fill_bars (number, open, high, low)
          SELECT * FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::bigint[])",
    changes_each: false,
};

/// Opens a queued order.
pub(in crate::master::storage) static OPEN_ORDER: RowsSql = RowsSql {
    table: "transactions",
    key: 1,
    one: "UPDATE transactions SET status = 3, waits_since = coalesce(waits_since, ?2)
          WHERE number = ?1 AND status = 0",
    all: "UPDATE transactions AS t SET status = 3, waits_since = coalesce(t.waits_since, r.since)
          FROM unnest(?1::bigint[], ?2::bigint[]) AS r (number, since)
          WHERE t.number = r.number AND t.status = 0",
    changes_each: true,
};

/// Changes quantity and reserve of an order.
pub(in crate::master::storage) static SET_AMOUNT: RowsSql = RowsSql {
    table: "transactions",
    key: 1,
    one: "UPDATE transactions SET quantity = ?2, reserve = ?3 WHERE number = ?1 AND status IN (0, 3)",
    all: "UPDATE transactions AS t SET quantity = r.quantity, reserve = r.reserve
          FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[]) AS r (number, quantity, reserve)
          WHERE t.number = r.number AND t.status IN (0, 3)",
    changes_each: false,
};

/// Changes the quantity of an order.
pub(in crate::master::storage) static SET_QUANTITY: RowsSql = RowsSql {
    table: "transactions",
    key: 1,
    one: "UPDATE transactions SET quantity = ?2 WHERE number = ?1 AND status IN (0, 3)",
    all: "UPDATE transactions AS t SET quantity = r.quantity
          FROM unnest(?1::bigint[], ?2::bigint[]) AS r (number, quantity)
          WHERE t.number = r.number AND t.status IN (0, 3)",
    changes_each: false,
};

/// Changes the asset of an order.
pub(in crate::master::storage) static SET_SYMBOL: RowsSql = RowsSql {
    table: "transactions",
    key: 1,
    one: "UPDATE transactions SET symbol = ?2 WHERE number = ?1 AND status IN (0, 3)",
    all: "UPDATE transactions AS t SET symbol = r.symbol
          FROM unnest(?1::bigint[], ?2::text[]) AS r (number, symbol)
          WHERE t.number = r.number AND t.status IN (0, 3)",
    changes_each: false,
};

/// Brings the ledger's position forward.
pub(in crate::master::storage) static SET_LEDGER_POSITION: RowsSql = RowsSql {
    table: "ledger_position",
    key: 0,
    one: "UPDATE ledger_position SET settled = CASE WHEN settled > ?1 THEN settled ELSE ?1 END,
              endings = coalesce(?2, endings)",
    all: "UPDATE ledger_position AS p SET settled = greatest(p.settled, r.settled),
              endings = coalesce(r.endings, p.endings)
          FROM unnest(?1::bigint[], ?2::bigint[]) AS r (settled, endings)",
    changes_each: true,
};
