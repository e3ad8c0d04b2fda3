//! spec/master/admin.md · 3.1.1, 3.1.5, 3.1.6
//!
//! The state of the master, put together of what the modules say. `status`, `check` and the metrics
//! read it alike.
//!
//! Tests: `tests/suite/master/admin.rs`, `tests/suite/master/full_disk.rs`.

use super::market;
use super::warnings::{INPUT_WARNINGS_SHOWN_MAX, ModuleReports, warnings};
use super::{AdminChannels, ask_until};
use crate::admin::model::{
    CallsStatus, DiskStatus, EventCount, MailSummary, MasterStatus, PricesStatus, ProviderFailure,
    ProviderPrices, StandbySummary,
};
use crate::admin::protocol::ROWS_MAX;
use crate::admin::warning::{StatusWarning, WarningKind};
use crate::master::assets::budget::CallBudgetStatus;
use crate::master::messages::{
    AccountEvent, AssetsMessage, AssetsStatus, AuthMessage, MailMessage, MailStatus,
    TransactionsMessage, WorkersMessage,
};
use crate::master::storage::StandbyMaster;
use crate::master::storage::metrics::file_sizes;
use crate::model::{Money, Timestamp};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What puts the state together.
pub(super) struct StatusSource {
    pub(super) channels: AdminChannels,
    since: Timestamp,
    began: Instant,
}

impl StatusSource {
    /// The source of a master that serves from now on.
    pub(super) fn new(channels: AdminChannels) -> StatusSource {
        StatusSource {
            channels,
            since: Timestamp::now(),
            began: Instant::now(),
        }
    }

    /// The state now. The modules have `timeout` to answer, all together.
    ///
    /// # Errors
    /// A module does not answer; the text names it.
    pub(super) fn read(&self, timeout: Duration) -> Result<MasterStatus, String> {
        let reports = self.reports(timeout)?;
        let inboxes = &self.channels.inboxes;
        let latest = inboxes.assets.prices();
        let mut conditions = warnings(&self.channels, &reports, self.began.elapsed());
        let unapplied = reports.prices.unapplied.iter();
        conditions.extend(
            unapplied
                .take(INPUT_WARNINGS_SHOWN_MAX)
                .map(|text| StatusWarning::new(WarningKind::ActionNotApplied, text)),
        );
        let held = market::warnings(&latest, INPUT_WARNINGS_SHOWN_MAX);
        let held = held.into_iter();
        conditions.extend(held.map(|text| StatusWarning::new(WarningKind::PriceHeld, text)));
        let written_off = reports.queue.written_off.iter();
        conditions
            .extend(written_off.map(|text| StatusWarning::new(WarningKind::CorrectionShort, text)));
        let held = latest.held().keys().take(ROWS_MAX);
        let held = held.map(ToString::to_string).collect();
        let (database_bytes, wal_bytes) = file_sizes(&self.channels.database);
        let ModuleReports {
            queue,
            accounts,
            prices,
            mail,
            ..
        } = reports;
        Ok(MasterStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            since: self.since.to_string(),
            uptime_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            listen: self.channels.listen.to_string(),
            queue_depth: count(queue.queued),
            open_orders: Some(count(queue.open)),
            reserved: Some(decimal(queue.reserved)),
            last_place: queue.last_number,
            last_settled: count(queue.last_settled),
            last_settlement_us: queue.last_micros,
            update: prices.number,
            last_update: prices.published.to_string(),
            next_update: prices.next.map(|next| next.to_string()),
            workers_connected: inboxes.shared.peers.load().len(),
            workers_registered: inboxes.shared.registry.load().all().count(),
            workers_expected: inboxes.shared.expected.load(Ordering::Relaxed),
            accounts: accounts.accounts,
            sessions: accounts.sessions,
            inactive_sessions: accounts.inactive,
            account_events: event_counts(&accounts.events, &queue.account_events),
            assets: PricesStatus {
                held,
                ..prices_status(prices)
            },
            refused_links: self.refused_links(),
            disk: queue.disk.map(|(space, level)| DiskStatus {
                free_bytes: space.free,
                total_bytes: space.total,
                state: level.as_str().to_owned(),
            }),
            mail: mail.map(mail_summary),
            last_backup: self.channels.backups.newest().map(|it| it.to_string()),
            log_lost: self.channels.log.lost(),
            warnings: conditions.iter().map(|it| it.text.clone()).collect(),
            conditions,
            database_bytes,
            wal_bytes,
            standbys: self.standbys(),
        })
    }

    /// Why orders are refused, if they are. The modules have `timeout` to answer, all together.
    ///
    /// # Errors
    /// As [`StatusSource::read`].
    pub(super) fn refusal(&self, timeout: Duration) -> Result<Option<String>, String> {
        let refusing = [
            WarningKind::NotSettled,
            WarningKind::DiskFull,
            WarningKind::MarketEnded,
        ];
        let conditions = self.read(timeout)?.conditions;
        let found = conditions
            .into_iter()
            .find(|it| it.is_critical() && refusing.iter().any(|kind| kind.as_str() == it.kind));
        Ok(found.map(|it| it.text))
    }

    /// Asks the modules one after another, each for what the ones before have left of `timeout`.
    fn reports(&self, timeout: Duration) -> Result<ModuleReports, String> {
        let until = Instant::now() + timeout;
        let inboxes = &self.channels.inboxes;
        let queue = ask_until(
            until,
            "transactions",
            &inboxes.transactions,
            TransactionsMessage::Status,
        )?;
        let accounts = ask_until(until, "auth", &inboxes.auth, AuthMessage::Status)?;
        let prices = ask_until(until, "assets", inboxes.assets.sender(), |reply| {
            AssetsMessage::Status { reply }
        })?;
        let mail = match &inboxes.mail {
            Some(mail) => Some(ask_until(until, "mail", mail, MailMessage::Status)?),
            None => None,
        };
        let workers = ask_until(until, "workers", &inboxes.workers, WorkersMessage::List)?;
        Ok(ModuleReports {
            queue,
            accounts,
            prices,
            mail,
            workers,
        })
    }

    /// The masters that stand by, where one may.
    fn standbys(&self) -> Option<Vec<StandbySummary>> {
        let lease = self.channels.lease.as_ref()?;
        let summary = |standby: StandbyMaster| StandbySummary {
            name: standby.name,
            version: standby.version,
        };
        Some(lease.standbys().into_iter().map(summary).collect())
    }

    /// Refused links since the start, by reason.
    pub(super) fn refused_links(&self) -> Vec<EventCount> {
        let refusals = self.channels.inboxes.refusals.lock();
        let counts = refusals.iter().map(|(reason, count)| EventCount {
            reason: reason.clone(),
            count: *count,
        });
        let mut counts: Vec<EventCount> = counts.collect();
        counts.sort_by(|a, b| a.reason.cmp(&b.reason));
        counts
    }
}

/// The assets module's part of the status.
fn prices_status(prices: AssetsStatus) -> PricesStatus {
    PricesStatus {
        listed: prices.assets,
        priced: prices.priced,
        fresh: prices.fresh,
        served_by: prices
            .served
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        failures: prices
            .failures
            .into_iter()
            .map(|(provider, reason)| ProviderFailure { provider, reason })
            .collect(),
        refused: prices.refused,
        missed: prices.missed,
        not_stored: prices.not_stored,
        store_error: prices.store_error,
        served_at: prices
            .served_at
            .into_iter()
            .map(|(provider, at)| ProviderPrices {
                provider: provider.to_owned(),
                at: at.to_string(),
            })
            .collect(),
        calls: prices.calls.into_iter().map(calls).collect(),
        unfilled: prices.unfilled,
        steps_left: prices.steps_left,
        ends_in_ms: prices
            .ends_in
            .map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        market: prices.market.map(|market| market.to_string()),
        state: Some(prices.state.to_string()),
        paused_since: prices.paused.map(|since| since.to_string()),
        market_time: prices.market_time.map(|time| time.to_string()),
        input_warnings: prices.input_warnings,
        held: Vec::new(),
    }
}

fn mail_summary(mail: MailStatus) -> MailSummary {
    let (at, text) = mail.last_error.unzip();
    MailSummary {
        waiting: mail.waiting,
        sent: mail.sent,
        failed: mail.failed,
        dropped: mail.dropped,
        last_error: text,
        last_error_at: at.map(|at| at.to_string()),
    }
}

/// An amount in millionths; beyond the range of money in whole units.
fn decimal(millionths: i128) -> String {
    match i64::try_from(millionths) {
        Ok(within) => Money(within).to_string(),
        Err(_) => (millionths / 1_000_000).to_string(),
    }
}

fn count(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// The budget of API calls of one provider.
fn calls((provider, budget): (&'static str, CallBudgetStatus)) -> CallsStatus {
    CallsStatus {
        provider: provider.to_owned(),
        minute: budget.minute,
        per_minute: budget.per_minute,
        day: budget.day,
        per_day: budget.per_day,
    }
}

/// What auth has counted, and what transactions have, so far as it has happened.
fn event_counts(
    events: &[(AccountEvent, u64)],
    further: &[(AccountEvent, u64)],
) -> Vec<EventCount> {
    let count = |(event, count): &(AccountEvent, u64)| EventCount {
        reason: event.to_string(),
        count: *count,
    };
    let further = further.iter().filter(|(_, count)| *count > 0);
    events.iter().chain(further).map(count).collect()
}
