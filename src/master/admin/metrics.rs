//! spec/master/admin.md · 3.1.1, 3.1.5, 3.1.6
//!
//! The master's metrics, for Prometheus and for `papertraderctl metrics`.
//!
//! Tests: `tests/suite/programs/metrics.rs`.

use super::status::StatusSource;
use crate::admin::model::{EventCount, MasterStatus, PricesStatus};
use crate::admin::warning::WarningKind;
use crate::daemon::metrics::{SESSIONS, write_common};
use crate::link::metrics::{write_expiries, write_links};
use crate::master::storage;
use crate::master::transactions;
use crate::model::{MarketState, Timestamp};
use crate::net::metrics::write_places;
use crate::runtime::Watchdog;
use crate::runtime::metrics::process::seconds;
use crate::runtime::metrics::{MetricFamily, MetricValue, MetricsText};
use std::time::Duration;

/// How long the modules have to answer, all together. Prometheus waits for 10 s unless configured
/// otherwise, and so still gets what needs no module.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// A gauge without labels.
const fn gauge(name: &'static str, help: &'static str) -> MetricFamily {
    MetricFamily::gauge(name, &[], help)
}

/// A counter without labels.
const fn counter(name: &'static str, help: &'static str) -> MetricFamily {
    MetricFamily::counter(name, &[], help)
}

const LEADS: MetricFamily = gauge(
    "papertrader_leads",
    "Whether this master leads; one that stands by tells little else.",
);
const ANSWERED: MetricFamily = gauge(
    "papertrader_status_answered",
    "Whether all modules answered; where one did not, what only they know is left out.",
);
const WARNING: MetricFamily = MetricFamily::gauge(
    "papertrader_warning",
    &["kind"],
    "Whether `papertraderctl status` warns of this.",
);
const QUEUED: MetricFamily = gauge(
    "papertrader_queued_orders",
    "Orders that wait for the next update.",
);
const OPEN: MetricFamily = gauge("papertrader_open_orders", "Orders that wait for a price.");
const ACCEPTED: MetricFamily = counter(
    "papertrader_orders_accepted_total",
    "Orders that were ever stored; the number goes on over restarts.",
);
const UPDATES: MetricFamily = counter(
    "papertrader_updates_total",
    "Updates of prices that were ever published; the number goes on over restarts.",
);
const UPDATES_SKIPPED: MetricFamily = counter(
    "papertrader_updates_skipped_total",
    "Updates that were left out because the one before took too long.",
);
const UPDATES_NOT_STORED: MetricFamily = counter(
    "papertrader_updates_not_stored_total",
    "Updates that could not be stored, and so were not published.",
);
const LAST_UPDATE: MetricFamily = gauge(
    "papertrader_last_update_timestamp_seconds",
    "Time of the last update, since 1970.",
);
const NEXT_UPDATE: MetricFamily = gauge(
    "papertrader_next_update_timestamp_seconds",
    "Time at which the next update is due, since 1970; none while the market is paused or has ended.",
);
const MARKET_TIME: MetricFamily = gauge(
    "papertrader_market_timestamp_seconds",
    "Market time of the newest price, since 1970.",
);
const MARKET_STATE: MetricFamily = MetricFamily::gauge(
    "papertrader_market_state",
    &["state"],
    "1 for the state in which the market is.",
);
const STEPS_LEFT: MetricFamily = gauge(
    "papertrader_replay_steps_left",
    "Steps of the replay that follow; none of a market that is no replay.",
);
const ASSETS: MetricFamily = MetricFamily::gauge(
    "papertrader_assets",
    &["state"],
    "Assets: listed, with a price, with a new price in the last update, held, with an incomplete past.",
);
const PRICES_REFUSED: MetricFamily = counter(
    "papertrader_prices_refused_total",
    "Prices that the checks refused.",
);
const PROVIDER_FAILING: MetricFamily = MetricFamily::gauge(
    "papertrader_provider_failing",
    &["provider"],
    "1 for each provider that fails now.",
);
const PROVIDER_SERVED: MetricFamily = MetricFamily::gauge(
    "papertrader_provider_prices_timestamp_seconds",
    &["provider"],
    "Time at which a provider last gave prices, since 1970.",
);
const PROVIDER_CALLS: MetricFamily = MetricFamily::gauge(
    "papertrader_provider_calls",
    &["provider", "period"],
    "Calls of a provider in the last minute, and in the current 24 hours.",
);
const PROVIDER_CALLS_MAX: MetricFamily = MetricFamily::gauge(
    "papertrader_provider_calls_max",
    &["provider", "period"],
    "The budget of these calls.",
);
const WORKERS: MetricFamily = MetricFamily::gauge(
    "papertrader_workers",
    &["state"],
    "Workers that are registered, linked, and expected by the configuration.",
);
const LINKS_REFUSED: MetricFamily = MetricFamily::counter(
    "papertrader_links_refused_total",
    &["reason"],
    "Handshakes that were refused, and links that the master cut.",
);
const ACCOUNTS: MetricFamily = gauge("papertrader_accounts", "Accounts.");
const INACTIVE: MetricFamily = counter(
    "papertrader_inactive_session_requests_total",
    "Requests whose session had ended or never existed.",
);
const ACCOUNT_EVENTS: MetricFamily = MetricFamily::counter(
    "papertrader_account_events_total",
    &["event"],
    "What happened to accounts: logins, failed-logins, refused-logins and others.",
);
const MAILS_WAITING: MetricFamily = gauge(
    "papertrader_mails_waiting",
    "Mails that wait; none where no mail is configured.",
);
const MAILS: MetricFamily = MetricFamily::counter(
    "papertrader_mails_total",
    &["outcome"],
    "Mails that were sent, given up, or found no room.",
);
const BACKUP: MetricFamily = gauge(
    "papertrader_backup_timestamp_seconds",
    "Time of the newest backup that was written, since 1970; none before the first.",
);
const DISK_FREE: MetricFamily = gauge(
    "papertrader_disk_free_bytes",
    "Free bytes on the disk of the database.",
);
const DISK_SIZE: MetricFamily = gauge(
    "papertrader_disk_size_bytes",
    "Size of the disk of the database.",
);
const DATABASE: MetricFamily = gauge("papertrader_database_bytes", "Size of the database.");
const WAL: MetricFamily = gauge(
    "papertrader_database_wal_bytes",
    "Size of the database's write-ahead log.",
);

/// The metrics as a text.
pub(super) fn text(source: &StatusSource) -> String {
    let mut out = MetricsText::new();
    write(source, &mut out);
    out.into_string()
}

/// Writes all metrics of the master.
pub(super) fn write(source: &StatusSource, out: &mut MetricsText) {
    let channels = &source.channels;
    write_common("master", &channels.watchdog, channels.log.lost(), out);
    out.one(&LEADS, true);
    write_places(&channels.limiter, &channels.flusher, out);
    storage::metrics::write_metrics(out);
    transactions::metrics::write_metrics(out);
    let peers = channels.inboxes.shared.peers.load();
    let unsent: usize = peers.iter().map(|peer| peer.link.unsent()).sum();
    write_links(peers.iter().map(|peer| peer.since).max(), unsent, out);
    write_expiries(&channels.inboxes.keys.expiries(), out);
    events(&LINKS_REFUSED, &source.refused_links(), out);
    let status = source.read(STATUS_TIMEOUT);
    out.one(&ANSWERED, status.is_ok());
    // What only modules know is absent where one of them hangs, which its heartbeat tells.
    if let Ok(status) = &status {
        write_status(status, out);
        write_prices(&status.assets, out);
    }
}

/// Writes what a master tells that stands by: nothing of it depends on the database.
pub(super) fn write_standby(watchdog: &Watchdog, lost: u64, out: &mut MetricsText) {
    write_common("master", watchdog, lost, out);
    out.one(&LEADS, false);
}

fn events(family: &MetricFamily, counts: &[EventCount], out: &mut MetricsText) {
    let mut samples = out.family(family);
    for event in counts {
        samples.sample(&[&event.reason], event.count);
    }
}

fn write_status(status: &MasterStatus, out: &mut MetricsText) {
    let mut samples = out.family(&WARNING);
    for kind in WarningKind::ALL {
        let is_on = status.conditions.iter().any(|it| it.kind == kind.as_str());
        samples.sample(&[kind.as_str()], is_on);
    }
    out.one(&QUEUED, status.queue_depth);
    out.family(&OPEN).sample_if(&[], status.open_orders);
    out.one(&ACCEPTED, status.last_place);
    out.one(&UPDATES, status.update);
    out.family(&LAST_UPDATE)
        .sample_if(&[], time(Some(&status.last_update)));
    out.family(&NEXT_UPDATE)
        .sample_if(&[], time(status.next_update.as_ref()));
    let mut samples = out.family(&WORKERS);
    samples.sample(&["registered"], status.workers_registered);
    samples.sample(&["linked"], status.workers_connected);
    samples.sample(&["expected"], status.workers_expected);
    out.one(&ACCOUNTS, status.accounts);
    out.one(&SESSIONS, status.sessions);
    out.one(&INACTIVE, status.inactive_sessions);
    events(&ACCOUNT_EVENTS, &status.account_events, out);
    let mail = status.mail.as_ref();
    out.family(&MAILS_WAITING)
        .sample_if(&[], mail.map(|mail| mail.waiting));
    let mut samples = out.family(&MAILS);
    if let Some(mail) = mail {
        samples.sample(&["sent"], mail.sent);
        samples.sample(&["given-up"], mail.failed);
        samples.sample(&["no-room"], mail.dropped);
    }
    out.family(&BACKUP)
        .sample_if(&[], time(status.last_backup.as_ref()));
    let disk = status.disk.as_ref();
    out.family(&DISK_FREE)
        .sample_if(&[], disk.map(|disk| disk.free_bytes));
    out.family(&DISK_SIZE)
        .sample_if(&[], disk.map(|disk| disk.total_bytes));
    out.family(&DATABASE).sample_if(&[], status.database_bytes);
    out.family(&WAL).sample_if(&[], status.wal_bytes);
}

fn write_prices(prices: &PricesStatus, out: &mut MetricsText) {
    out.one(&UPDATES_SKIPPED, prices.missed);
    out.one(&UPDATES_NOT_STORED, prices.not_stored);
    out.family(&MARKET_TIME)
        .sample_if(&[], time(prices.market_time.as_ref()));
    let mut samples = out.family(&MARKET_STATE);
    for state in MarketState::ALL {
        let word = state.as_str();
        samples.sample(&[word], prices.state.as_deref() == Some(word));
    }
    out.family(&STEPS_LEFT).sample_if(&[], prices.steps_left);
    let mut samples = out.family(&ASSETS);
    for (state, count) in [
        ("listed", prices.listed),
        ("priced", prices.priced),
        ("fresh", prices.fresh),
        ("held", prices.held.len()),
        ("unfilled", prices.unfilled),
    ] {
        samples.sample(&[state], count);
    }
    out.one(&PRICES_REFUSED, prices.refused);
    let mut samples = out.family(&PROVIDER_FAILING);
    for failure in &prices.failures {
        samples.sample(&[&failure.provider], true);
    }
    let mut samples = out.family(&PROVIDER_SERVED);
    for served in &prices.served_at {
        samples.sample_if(&[&served.provider], time(Some(&served.at)));
    }
    let mut samples = out.family(&PROVIDER_CALLS);
    for calls in &prices.calls {
        samples.sample(&[&calls.provider, "minute"], calls.minute);
        samples.sample(&[&calls.provider, "day"], calls.day);
    }
    let mut samples = out.family(&PROVIDER_CALLS_MAX);
    for calls in &prices.calls {
        samples.sample(&[&calls.provider, "minute"], calls.per_minute);
        samples.sample(&[&calls.provider, "day"], calls.per_day);
    }
}

/// A time of the status in seconds since 1970.
fn time(text: Option<&String>) -> Option<MetricValue> {
    let time = Timestamp::parse(text?).ok()?;
    Some(seconds(time))
}
