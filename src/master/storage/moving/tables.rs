//! spec/master/storage/moving.md · 3.1.2 Database Management
//!
//! The tables that a move takes along. A test compares the list with what both engines have.

use super::types::MovedTable;
use crate::master::storage::StorageError;
use crate::master::storage::sqlite::moving::declared_tables;

/// All tables with a deployment's data; one that others refer to comes before them.
pub(in crate::master::storage) const MOVED_TABLES: &[&str] = &[
    "accounts",
    "assets",
    "fee_schedules",
    "origins",
    "transactions",
    "order_terms",
    "fill_bars",
    "trail_closes",
    "balances",
    "positions",
    "ledger_position",
    "actions",
    "bars",
    "bars_daily",
    "bars_monthly",
    "bars_hot",
    "held_prices",
    "assets_position",
    "unsettled_updates",
    "market_pause",
    "deployment_facts",
    "sessions",
    "session_workers",
    "login_places",
    "identities",
    "reset_codes",
    "used_codes",
    "proven_emails",
    "acts",
    "outbox",
    "outbox_state",
    "workers",
];

/// The tables of PostgreSQL's that say which master has the database, and of which version it is,
/// what its masters share, and what stands in the place of an index. A moved database begins anew with them.
#[cfg(test)]
pub(in crate::master::storage) const OWN_OF_POSTGRES: &[&str] = &[
    "schema_version",
    "master_epoch",
    "writers",
    "master_lease",
    "master_standbys",
    "worker_keys",
    "queue_start",
    "open_orders",
];

/// The tables that are moved, with their columns as the migrations declare them.
///
/// # Errors
/// Never, unless the list names a table that there is not.
pub(in crate::master::storage) fn moved_tables() -> Result<Vec<MovedTable>, StorageError> {
    declared_tables(MOVED_TABLES)
}
