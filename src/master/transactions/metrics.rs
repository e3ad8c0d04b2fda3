//! spec/master/transactions.md · 3.1.7 Execute Transactions
//!
//! How long settlements take, and how many orders they end.

use crate::runtime::metrics::{Counter, Histogram, MetricFamily, MetricsText};

/// Settlements with their commit, by the time that they took. Updates with nothing to settle are
/// none.
pub(super) static SETTLEMENT_TIMES: Histogram = Histogram::new();
/// Orders that settlements have ended: filled, rejected, expired.
pub(super) static ENDED_ORDERS: Counter = Counter::new();
/// Settlements that could not be stored.
pub(super) static FAILED_SETTLEMENTS: Counter = Counter::new();

const SETTLEMENTS: MetricFamily = MetricFamily::times(
    "papertrader_settlement_seconds",
    "Times of settlements with their commit and answers; updates with nothing to settle are none.",
);
const ORDERS_ENDED: MetricFamily = MetricFamily::counter(
    "papertrader_orders_ended_total",
    &[],
    "Orders that settlements have ended.",
);
const SETTLEMENTS_FAILED: MetricFamily = MetricFamily::counter(
    "papertrader_settlements_failed_total",
    &[],
    "Settlements that could not be stored; they are tried again.",
);

/// Writes the families of this file.
pub fn write_metrics(out: &mut MetricsText) {
    out.times(&SETTLEMENTS, &SETTLEMENT_TIMES);
    out.one(&ORDERS_ENDED, ENDED_ORDERS.get());
    out.one(&SETTLEMENTS_FAILED, FAILED_SETTLEMENTS.get());
}
