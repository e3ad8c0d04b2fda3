//! spec/cli/ctl.md · 3.1.5 ("print information about worker servers")
//!
//! The master's answers as tables and lists for people.
//!
//! Tests: below, and in `tests/suite/master/admin.rs`.

use crate::admin::model::{
    AccountDetails, AccountList, AccountSummary, ActSummary, BackupSummary, DeletionSummary,
    DiskStatus, EndedSessions, GrantSummary, HeldAsset, HeldList, LockSummary, LogTail,
    MailSummary, MasterStatus, OrderCancelSummary, OrderList, OrderSummary, PauseSummary,
    PricesStatus, RestartSummary, RestoreSummary, SessionList, StandbyStatus, Verification,
    WorkerStatus,
};
use crate::admin::roster::RosterSummary;
use crate::cli::table::{self, Column, NONE, list, span, table, table_within};
use crate::cli::terminal::ScreenSize;
use crate::master::restore::LACKS_LOG;
use crate::model::printable::clean;
use crate::model::{Money, Timestamp};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// Most acts of administrators that an account is shown with.
const ACTS_SHOWN_MAX: usize = 10;

/// An RFC 3339 time as other programs show it.
fn moment(text: &str) -> String {
    match Timestamp::parse(text) {
        Ok(time) => table::moment(time),
        Err(_) => text.to_owned(),
    }
}

/// [`moment`] with its zone, for lists.
fn utc(text: &str) -> String {
    moment(text) + " UTC"
}

/// A time, or [`NONE`].
fn optional_moment(text: Option<&str>) -> String {
    text.map_or_else(|| NONE.to_owned(), moment)
}

/// A time with its zone, or [`NONE`].
fn optional_utc(text: Option<&str>) -> String {
    text.map_or_else(|| NONE.to_owned(), utc)
}

/// A duration in milliseconds, as [`span`] writes it.
fn millis(millis: u64) -> String {
    span(Duration::from_millis(millis))
}

/// The state of a master that stands by.
pub(super) fn standby(status: &StandbyStatus) -> String {
    let mut out = list(&[
        ("state", "standing by".to_owned()),
        ("leader", clean(&status.leader)),
        ("version", clean(&status.version)),
        ("process", status.pid.to_string()),
        ("since", utc(&status.since)),
        ("address", clean(&status.listen)),
    ]);
    if let Some(why) = &status.problem {
        let _ = writeln!(out, "warning: it cannot be seen who leads: {}", clean(why));
    }
    out
}

/// The state of the master: a list of values, then a line for each condition that needs attention.
pub(super) fn status(status: &MasterStatus) -> String {
    let mut values = status_values(status).to_vec();
    // Where the database is a file there is no other.
    if status.standbys.is_some() {
        values.insert(0, ("state", "leads".to_owned()));
    }
    let mut out = list(&values);
    for standby in status.standbys.iter().flatten() {
        let (name, version) = (clean(&standby.name), clean(&standby.version));
        let _ = writeln!(out, "standing by: {name}, version {version}");
    }
    for calls in &status.assets.calls {
        let _ = writeln!(
            out,
            "calls of {}: {} of {} in the last minute, {} of {} in 24 hours",
            clean(&calls.provider),
            calls.minute,
            calls.per_minute,
            calls.day,
            calls.per_day
        );
    }
    if status.assets.not_stored > 0 {
        let count = status.assets.not_stored;
        let _ = writeln!(out, "updates that could not be stored: {count}");
    }
    if status.assets.unfilled > 0 {
        let _ = writeln!(
            out,
            "past days not complete: of {} assets",
            status.assets.unfilled
        );
    }
    if status.inactive_sessions > 0 {
        let _ = writeln!(
            out,
            "requests with a session that was not active: {}",
            status.inactive_sessions
        );
    }
    out.push_str(&status.mail.as_ref().map(mails).unwrap_or_default());
    for event in &status.account_events {
        let what = clean(&event.reason).replace('-', " ");
        let _ = writeln!(out, "accounts, {what}: {}", event.count);
    }
    for count in &status.refused_links {
        let _ = writeln!(
            out,
            "links refused, {}: {}",
            clean(&count.reason),
            count.count
        );
    }
    for warning in &status.warnings {
        let _ = writeln!(out, "warning: {}", clean(warning));
    }
    out
}

/// The state of the mails: a line, and one for each trouble.
fn mails(mail: &MailSummary) -> String {
    let MailSummary {
        waiting,
        sent,
        failed,
        dropped,
        ..
    } = mail;
    let mut out = format!("mails: {waiting} wait, {sent} sent, {failed} given up\n");
    if *dropped > 0 {
        let _ = writeln!(out, "mails that found no room: {dropped}");
    }
    if let (Some(text), Some(at)) = (&mail.last_error, &mail.last_error_at) {
        let _ = writeln!(
            out,
            "last error of mail, at {}: {}",
            moment(at),
            clean(text)
        );
    }
    out
}

fn status_values(status: &MasterStatus) -> [(&'static str, String); 22] {
    let assets = &status.assets;
    let settled = format!(
        "{} orders in {}.{:03} ms",
        status.last_settled,
        status.last_settlement_us / 1000,
        status.last_settlement_us % 1000
    );
    let updated = format!("{} at {}", status.update, utc(&status.last_update));
    let workers = format!(
        "{} of {} registered, {} expected",
        status.workers_connected, status.workers_registered, status.workers_expected
    );
    let priced = format!(
        "{} listed, {} with a price, {} new in the last update",
        assets.listed, assets.priced, assets.fresh
    );
    [
        ("version", status.version.clone()),
        ("process", status.pid.to_string()),
        ("uptime", millis(status.uptime_ms)),
        ("listens at", status.listen.clone()),
        ("queue depth", status.queue_depth.to_string()),
        (
            "open orders",
            counted(status.open_orders.map(|count| count.to_string())),
        ),
        ("reserved", counted(status.reserved.as_deref().map(cash))),
        ("last settlement", settled),
        ("last update", updated),
        ("next update", optional_utc(status.next_update.as_deref())),
        ("workers connected", workers),
        ("accounts", status.accounts.to_string()),
        ("sessions", status.sessions.to_string()),
        ("assets", priced),
        ("market", market(assets)),
        (
            "market time",
            told(assets, assets.market_time.as_deref().map(utc)),
        ),
        ("prices from", assets.served_by.join(", ")),
        ("prices refused", assets.refused.to_string()),
        ("updates left out", assets.missed.to_string()),
        ("market ends", market_end(status)),
        (
            "newest backup",
            told(assets, status.last_backup.as_deref().map(utc)),
        ),
        ("free disk", told(assets, status.disk.as_ref().map(disk))),
    ]
}

/// What an earlier master does not know to tell. It is no fact that there is none.
const NOT_TOLD: &str = "not told by this master";

/// A value; without one [`NONE`], or [`NOT_TOLD`] of a master that tells less. One that tells its
/// market tells all that this program shows.
fn told(assets: &PricesStatus, value: Option<String>) -> String {
    let absent = if assets.market.is_some() {
        NONE
    } else {
        NOT_TOLD
    };
    value.unwrap_or_else(|| absent.to_owned())
}

/// A value that a master of today tells, unless it is busy.
fn counted(value: Option<String>) -> String {
    value.unwrap_or_else(|| NOT_TOLD.to_owned())
}

/// Which market it is now, and whether it moves.
fn market(assets: &PricesStatus) -> String {
    let words: Vec<&str> = [&assets.market, &assets.state]
        .into_iter()
        .filter_map(Option::as_deref)
        .collect();
    let since = match assets.paused_since.as_deref() {
        Some(since) => format!(" since {}", utc(since)),
        None => String::new(),
    };
    let words = words.join(", ") + &since;
    told(assets, Some(words).filter(|words| !words.is_empty()))
}

/// The room on the database's disk.
fn disk(disk: &DiskStatus) -> String {
    format!(
        "{} of {}",
        mebibytes(disk.free_bytes),
        mebibytes(disk.total_bytes)
    )
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// When a market that ends does.
fn market_end(status: &MasterStatus) -> String {
    let assets = &status.assets;
    match (assets.steps_left, assets.ends_in_ms) {
        _ if status.next_update.is_none() && assets.paused_since.is_none() => {
            "it has ended".to_owned()
        }
        (None, None) if assets.market.is_none() => NOT_TOLD.to_owned(),
        (Some(steps), Some(left)) => format!("in {}, after {steps} more updates", millis(left)),
        (Some(steps), None) => format!("no; it is simulated after {steps} more updates"),
        (None, _) => "no".to_owned(),
    }
}

/// The answer to a pause of the market, or its end.
pub(super) fn pause(summary: &PauseSummary) -> String {
    if summary.paused {
        "the market is paused: no update is made, and orders wait, until `papertraderctl market \
         resume`\n"
            .to_owned()
    } else {
        format!(
            "the market goes on with an update at once; it was paused since {}\n",
            utc(&summary.since)
        )
    }
}

/// The table of registered workers.
pub(super) fn workers(workers: &[WorkerStatus]) -> String {
    if workers.is_empty() {
        return "no worker is registered; see `papertraderctl workers register --help`\n"
            .to_owned();
    }
    let row = |worker: &WorkerStatus| {
        let report = worker.report.as_ref();
        vec![
            worker.name.clone(),
            worker.state.clone(),
            worker.address.clone(),
            worker.ip.clone(),
            optional_moment(worker.linked_since.as_deref()),
            report.map_or_else(|| NONE.to_owned(), |report| report.connections.to_string()),
            worker.uuid.clone(),
        ]
    };
    let columns = [
        Column::text("worker", 0),
        Column::text("state", 0),
        Column::text("address", 2),
        Column::text("from", 4),
        Column::text("connected since (UTC)", 3),
        Column::number("clients", 1),
        Column::text("UUID", 5),
    ];
    table(&columns, &workers.iter().map(row).collect::<Vec<_>>())
}

/// One worker with its last report, as a list.
pub(super) fn worker(worker: &WorkerStatus) -> String {
    let mut pairs = vec![
        ("worker", worker.name.clone()),
        ("state", worker.state.clone()),
        ("UUID", worker.uuid.clone()),
        ("key", worker.fingerprint.clone()),
        ("may connect from", worker.ip.clone()),
        ("clients are told", worker.address.clone()),
    ];
    if let Some(since) = &worker.linked_since {
        pairs.push(("connected since", utc(since)));
    }
    if let Some(from) = &worker.linked_from {
        pairs.push(("connected from", from.clone()));
    }
    if let Some(report) = &worker.report {
        pairs.extend([
            ("reported", utc(&report.at)),
            ("version", report.version.clone()),
            (
                "uptime",
                millis(u64::try_from(report.uptime_ms).unwrap_or(0)),
            ),
            ("clients connected", report.connections.to_string()),
            ("sessions known", report.sessions.to_string()),
            (
                "cache",
                format!("{} windows, {} bytes", report.cached, report.cached_bytes),
            ),
            ("waiting for master", report.parked.to_string()),
            (
                "clock difference",
                format!("{} ms", report.clock_difference_ms),
            ),
        ]);
    }
    list(&pairs)
}

/// The table of active sessions.
pub(super) fn sessions(sessions: &SessionList) -> String {
    if sessions.sessions.is_empty() {
        return "no session is active\n".to_owned();
    }
    let rows: Vec<Vec<String>> = sessions
        .sessions
        .iter()
        .map(|session| {
            vec![
                session.id.clone(),
                session.user.clone(),
                match session.kind.as_str() {
                    "" => NONE.to_owned(),
                    kind => kind.to_owned(),
                },
                session.worker.clone(),
                session.client.clone(),
                moment(&session.since),
                moment(&session.until),
                moment(&session.last_used),
                if session.expirable { "yes" } else { "no" }.to_owned(),
            ]
        })
        .collect();
    let columns = [
        Column::text("ID", 0),
        Column::text("account", 0),
        Column::text("kind", 0),
        Column::text("worker", 1),
        Column::text("client", 2),
        Column::text("since (UTC)", 4),
        Column::text("until (UTC)", 5),
        Column::text("last used (UTC)", 3),
        Column::text("ends with connection", 6),
    ];
    let mut out = table(&columns, &rows);
    if sessions.more > 0 {
        let _ = writeln!(
            out,
            "and {} more; --user shows those of one account",
            sessions.more
        );
    }
    out
}

/// How many sessions and tokens have ended.
pub(super) fn ended_sessions(ended: &EndedSessions) -> String {
    let count = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    let tokens = ended.tokens.unwrap_or(0);
    let logins = ended.ended.saturating_sub(tokens);
    match (logins, tokens) {
        (_, 0) => format!("{} ended\n", count(logins, "session")),
        (0, _) => format!("{} ended\n", count(tokens, "token")),
        _ => format!(
            "{} and {} ended\n",
            count(logins, "session"),
            count(tokens, "token")
        ),
    }
}

/// The table of accounts.
pub(super) fn accounts(list: &AccountList) -> String {
    if list.accounts.is_empty() {
        return "no account is found\n".to_owned();
    }
    let row = |account: &AccountSummary| {
        vec![
            clean(&account.user),
            clean(account.email.as_deref().unwrap_or(NONE)),
            clean(&account.state),
            yes_or_no(account.password),
            moment(&account.created),
        ]
    };
    let columns = [
        Column::text("account", 0),
        Column::text("e-mail", 2),
        Column::text("state", 0),
        Column::text("password", 1),
        Column::text("since (UTC)", 3),
    ];
    let rows: Vec<Vec<String>> = list.accounts.iter().map(row).collect();
    let mut out = table(&columns, &rows);
    if list.more > 0 {
        let _ = writeln!(out, "and {} more; --search finds some of them", list.more);
    }
    out
}

/// One account, as a list, with the latest acts of administrators below.
pub(super) fn account(details: &AccountDetails) -> String {
    let mut out = account_values(details);
    if !details.acts.is_empty() {
        out.push('\n');
        out.push_str(&acts(&details.acts));
    }
    out
}

fn acts(acts: &[ActSummary]) -> String {
    let row = |act: &ActSummary| {
        vec![
            moment(&act.at),
            clean(&act.act),
            clean(&act.caller),
            clean(&act.detail),
        ]
    };
    let columns = [
        Column::text("done at (UTC)", 0),
        Column::text("act", 0),
        Column::text("by", 0),
        Column::text("detail", 1),
    ];
    let latest = acts.iter().take(ACTS_SHOWN_MAX);
    let mut out = table(&columns, &latest.map(row).collect::<Vec<_>>());
    if let Some(more @ 1..) = acts.len().checked_sub(ACTS_SHOWN_MAX) {
        let _ = writeln!(out, "and {more} earlier ones; --json has them");
    }
    out
}

fn account_values(details: &AccountDetails) -> String {
    let account = &details.account;
    list(&[
        ("account", clean(&account.user)),
        ("number", details.number.to_string()),
        ("e-mail", clean(account.email.as_deref().unwrap_or(NONE))),
        ("state", clean(&account.state)),
        ("password", yes_or_no(account.password)),
        ("since", utc(&account.created)),
        ("sessions", details.sessions.to_string()),
        ("tokens", details.tokens.to_string()),
        ("last used", optional_utc(details.last_used.as_deref())),
        ("cash", cash(&details.cash)),
        ("reserved", counted(details.reserved.as_deref().map(cash))),
        (
            "buying power",
            counted(details.buying_power.as_deref().map(cash)),
        ),
        ("assets held", details.positions.to_string()),
        ("queued orders", counted(number(details.queued_orders))),
        ("open orders", counted(number(details.open_orders))),
        (
            "code valid until",
            optional_utc(details.code_until.as_deref()),
        ),
    ])
}

fn number(count: Option<usize>) -> Option<String> {
    count.map(|count| count.to_string())
}

fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

/// What has become of an account. Where it is unlocked, nothing of it can have ended.
pub(super) fn locked(locked: &LockSummary) -> String {
    let (user, state) = (clean(&locked.user), clean(&locked.state));
    if state != super::LOCKED {
        return format!("{user} is {state}\n");
    }
    let ended = ended(locked.ended, locked.cancelled);
    format!("{user} is {state}; {ended}\n")
}

/// What has become of an account that was deleted.
pub(super) fn deleted(deleted: &DeletionSummary) -> String {
    let (user, number) = (clean(&deleted.user), deleted.number);
    let ended = ended(deleted.ended, deleted.cancelled);
    format!("{user} is deleted, and ~{number} in the ledger; {ended}\n")
}

/// What has ended with an account.
fn ended(sessions: usize, orders: usize) -> String {
    let sessions = match sessions {
        1 => "1 session or token ended".to_owned(),
        count => format!("{count} sessions and tokens ended"),
    };
    match orders {
        0 => sessions,
        1 => format!("{sessions}, and 1 order was cancelled"),
        count => format!("{sessions}, and {count} orders were cancelled"),
    }
}

/// What has become of a grant.
pub(super) fn granted(granted: &GrantSummary) -> String {
    let (user, cash) = (clean(&granted.user), clean(&granted.cash));
    let amount = clean(&granted.amount);
    match amount.strip_prefix('-') {
        Some(taken) => format!("{taken} taken from {user}, who has {cash} of cash now\n"),
        None => format!("{amount} given to {user}, who has {cash} of cash now\n"),
    }
}

/// What has become of a restart.
pub(super) fn restarted(restarted: &RestartSummary) -> String {
    let count = |count: usize, noun: &str| match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    };
    let mut text = format!(
        "{} begins anew with {} of cash: {} cancelled, units of {} sold\n",
        clean(&restarted.user),
        clean(&restarted.cash),
        count(restarted.cancelled, "order"),
        count(restarted.sold, "asset"),
    );
    if !restarted.unpriced.is_empty() {
        let names = clean(&restarted.unpriced.join(", "));
        text += &format!("without a price, sold for nothing: {names}\n");
    }
    text
}

/// A table of orders with at least so many columns has whole IDs.
const WHOLE_ID_WIDTH: usize = 120;
/// How much of an order's ID a narrower one has: the digits at its end, which are random.
const SHORT_ID: usize = 12;

/// The table of orders that have no outcome yet.
pub(super) fn orders(list: &OrderList) -> String {
    let width = ScreenSize::of_stdout().map(|screen| screen.columns);
    orders_within(list, width)
}

fn orders_within(list: &OrderList, width: Option<usize>) -> String {
    let is_short = width.is_some_and(|width| width < WHOLE_ID_WIDTH);
    let shown_id = |id: &str| {
        let left_out = id.chars().count().saturating_sub(SHORT_ID);
        let end: String = id
            .chars()
            .skip(if is_short { left_out } else { 0 })
            .collect();
        clean(&end)
    };
    if list.orders.is_empty() {
        return "no order waits\n".to_owned();
    }
    let row = |order: &OrderSummary| {
        vec![
            shown_id(&order.id),
            clean(&order.user),
            clean(&order.side),
            clean(&order.amount),
            clean(&order.symbol),
            clean(&terms(order)),
            clean(&order.status),
            moment(&clean(&order.accepted)),
            order
                .reserved
                .as_deref()
                .map_or_else(|| NONE.to_owned(), cash),
            until(order),
        ]
    };
    let columns = [
        Column::text(if is_short { "end of ID" } else { "ID" }, 0),
        Column::text("account", 0),
        Column::text("side", 0),
        Column::number("amount", 0),
        Column::text("asset", 0),
        Column::text("terms", 1),
        Column::text("status", 2),
        Column::text("since (UTC)", 3),
        Column::number("reserved", 4),
        Column::text("until (UTC)", 5),
    ];
    let rows: Vec<_> = list.orders.iter().map(row).collect();
    let mut out = table_within(width, &columns, &rows);
    if list.more > 0 {
        let _ = writeln!(
            out,
            "and {} older ones; --account, --symbol and --newest show others",
            list.more
        );
    }
    out
}

/// The kind of an order with its prices, such as `stop-limit 90 limit 88`.
fn terms(order: &OrderSummary) -> String {
    match (&order.stop, &order.limit) {
        (Some(stop), Some(limit)) => format!("{} {stop} limit {limit}", order.kind),
        (Some(price), None) | (None, Some(price)) => format!("{} {price}", order.kind),
        (None, None) => order.kind.clone(),
    }
}

/// Until when an order waits.
fn until(order: &OrderSummary) -> String {
    match (&order.until, order.time_in_force.as_deref()) {
        (Some(until), _) => moment(&clean(until)),
        (None, None | Some("gtc")) => NONE.to_owned(),
        (None, Some(time)) => clean(time),
    }
}

/// What has become of orders that were to be cancelled.
pub(super) fn orders_cancelled(done: &OrderCancelSummary) -> String {
    let user = clean(&done.user);
    match done.cancelled {
        1 => format!("1 order of {user} is cancelled\n"),
        count => format!("{count} orders of {user} are cancelled\n"),
    }
}

/// What has become of a roster whose cards are at this place; `again`: accounts that were there have
/// new codes.
pub(super) fn roster(roster: &RosterSummary, again: bool, place: &str) -> String {
    let place = clean(place);
    let of = |noun: &str| match roster.accounts.len() {
        1 => format!("1 {noun} made, with the card in {place}"),
        count => format!("{count} {noun}s made, with the cards in {place}"),
    };
    if again {
        format!("{}; earlier cards of these people are void\n", of("code"))
    } else {
        of("account") + "\n"
    }
}

/// The table of held prices.
pub(super) fn held(list: &HeldList) -> String {
    if list.held.is_empty() {
        return "no price is held\n".to_owned();
    }
    let row = |asset: &HeldAsset| {
        vec![
            clean(&asset.symbol),
            clean(&asset.old_price),
            clean(&asset.new_price),
            moment(&clean(&asset.since)),
            asset.seen.to_string(),
            clean(&asset.review),
        ]
    };
    let columns = [
        Column::text("asset", 0),
        Column::number("old price", 0),
        Column::number("new price", 0),
        Column::text("since (UTC)", 1),
        Column::number("prices seen", 2),
        Column::text("review", 0),
    ];
    let mut out = table(&columns, &list.held.iter().map(row).collect::<Vec<_>>());
    if list.more > 0 {
        let _ = writeln!(out, "and {} more", list.more);
    }
    out
}

/// What has become of a held price.
pub(super) fn reviewed(asset: &HeldAsset) -> String {
    let (symbol, old, new) = (
        clean(&asset.symbol),
        clean(&asset.old_price),
        clean(&asset.new_price),
    );
    if asset.review == "accepted" {
        format!("{symbol}: {new} comes into force with the next update\n")
    } else {
        format!(
            "{symbol}: {new} is refused; {old} stays, and orders wait, until the price is back\n"
        )
    }
}

/// A time that another user's process may have written.
fn dated(text: Option<&str>) -> String {
    text.map_or_else(|| NONE.to_owned(), |text| utc(&clean(text)))
}

/// A sum of money as other programs show it.
fn cash(text: &str) -> String {
    match Money::parse_canonical(text) {
        Ok(sum) => table::money(sum),
        Err(_) => clean(text),
    }
}

/// What is told of the database's file; [`NOT_TOLD`] by a master that does not know its size, which
/// is never 0.
fn from_file(report: &Verification, value: String) -> String {
    if report.database_bytes == 0 {
        NOT_TOLD.to_owned()
    } else {
        value
    }
}

/// The last update of the verified database.
fn last_update(report: &Verification) -> String {
    match report.update {
        0 => NONE.to_owned(),
        number => {
            let time = dated(report.update_time.as_deref());
            format!("number {number}, market time {time}")
        }
    }
}

/// The result of a verification, with each difference.
pub(super) fn verification(report: &Verification) -> String {
    let mut out = list(&[
        ("accounts", report.accounts.to_string()),
        (
            "transactions",
            format!(
                "{}: {} settled, {} rejected, {} queued, {} open, {} cancelled or expired",
                report.transactions,
                report.settled,
                report.rejected,
                report.queued,
                report.open,
                report.ended
            ),
        ),
        ("positions", report.positions.to_string()),
        ("cash", cash(&report.cash)),
        (
            "newest transaction",
            from_file(report, dated(report.newest_transaction.as_deref())),
        ),
        ("last update", from_file(report, last_update(report))),
        (
            "schema",
            report.schema.map_or_else(
                || NOT_TOLD.to_owned(),
                |number| format!("migration {number}"),
            ),
        ),
        (
            "database",
            from_file(
                report,
                format!(
                    "{}, {} free beside it",
                    mebibytes(report.database_bytes),
                    report.free_bytes.map_or_else(|| NONE.to_owned(), mebibytes)
                ),
            ),
        ),
        ("took", millis(report.took_ms)),
    ]);
    if report.lacks_log {
        let _ = writeln!(out, "note: {LACKS_LOG}");
    }
    if report.is_clean() {
        out.push_str("every balance and position is what its transactions make\n");
    }
    for difference in &report.differences {
        let _ = writeln!(out, "difference: {}", clean(difference));
    }
    if report.more > 0 {
        let _ = writeln!(out, "and {} more", report.more);
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {}", clean(note));
    }
    out
}

/// The result of a backup.
pub(super) fn backup(written: &BackupSummary) -> String {
    // For root, another user's process may have written this summary.
    let shown = |path: &Path| clean(&path.display().to_string());
    let mut out = format!(
        "{}: {} bytes, SHA-256 {}\n",
        shown(&written.file),
        written.bytes,
        clean(&written.sha256)
    );
    for path in &written.deleted {
        let _ = writeln!(out, "{} is deleted", shown(path));
    }
    out
}

/// The result of a restore.
pub(super) fn restored(restored: &RestoreSummary) -> String {
    let mut out = verification(&restored.verification);
    // For root, another user's process may have written this summary.
    let shown = |path: &Path| clean(&path.display().to_string());
    let _ = writeln!(out, "{} is in place", shown(&restored.database));
    if let Some(replaced) = &restored.replaced {
        let _ = writeln!(out, "what was there is kept as {}", shown(replaced));
    }
    if let Some(older) = restored.older {
        let _ = writeln!(
            out,
            "an older version made the backup (migration {older}); the copy was brought forward"
        );
    }
    let _ = writeln!(out, "{} sessions of the backup were ended", restored.ended);
    out
}

/// Log entries, one a line.
pub(super) fn log(log: &LogTail) -> String {
    let mut out = String::new();
    for entry in &log.entries {
        let _ = writeln!(out, "{}", clean(&entry.line));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The status of a master of version 0.1.0, which knows less.
    fn earlier() -> serde_json::Value {
        json!({
            "version": "0.1.0", "pid": 1, "since": "2026-01-01T00:00:00.000Z", "uptime_ms": 1,
            "listen": "x", "queue_depth": 0, "last_place": 0, "last_settled": 0,
            "last_settlement_us": 0, "update": 1, "last_update": "2026-01-01T00:00:01.000Z",
            "next_update": "2026-01-01T00:00:02.000Z", "workers_connected": 0,
            "workers_registered": 0, "workers_expected": 0, "accounts": 0, "sessions": 0,
            "inactive_sessions": 0, "refused_links": [], "log_lost": 0, "warnings": [],
            "assets": {
                "listed": 1, "priced": 1, "fresh": 1, "served_by": [], "failures": [],
                "refused": 0, "missed": 0
            }
        })
    }

    #[test]
    fn what_an_earlier_master_does_not_tell_is_no_fact() {
        let mut told = earlier();
        let shown = status(&serde_json::from_value(told.clone()).unwrap());
        for name in [
            "open orders",
            "reserved",
            "market",
            "market time",
            "market ends",
            "free disk",
        ] {
            let line = format!("{name:<17}  {NOT_TOLD}\n");
            assert!(shown.contains(&line), "{name}: {shown}");
        }
        assert!(!shown.contains("accounts,"), "{shown}");
        let events = json!([{"reason": "failed-logins", "count": 3}]);
        told["account_events"] = events;
        told["open_orders"] = 3.into();
        told["reserved"] = "1234.5".into();
        told["assets"]["market"] = "replay".into();
        told["assets"]["state"] = "open".into();
        told["assets"]["market_time"] = "2013-03-01T00:00:00.000Z".into();
        let shown = status(&serde_json::from_value(told).unwrap());
        assert!(!shown.contains(NOT_TOLD), "{shown}");
        for line in [
            "open orders        3\n",
            "reserved           1,234.50\n",
            "market             replay, open\n",
            "2013-03-01 UTC\n",
            "accounts, failed logins: 3\n",
        ] {
            assert!(shown.contains(line), "{shown}");
        }

        let mut found = Verification {
            transactions: 3,
            cash: "100000.5".to_owned(),
            ..Verification::default()
        };
        let shown = verification(&found);
        assert_eq!(shown.matches(NOT_TOLD).count(), 4, "{shown}");
        assert!(shown.contains("100,000.50\n"), "{shown}");
        found.schema = Some(23);
        found.database_bytes = 1 << 20;
        let shown = verification(&found);
        assert!(!shown.contains(NOT_TOLD), "{shown}");
    }

    #[test]
    fn a_narrow_list_of_orders_has_the_ends_of_their_ids_and_their_terms() {
        let orders = OrderList {
            orders: vec![OrderSummary {
                id: "01997a3e-8a4e-7c21-9d1c-2f60c1d4b7aa".to_owned(),
                user: "ada".to_owned(),
                accepted: "2013-03-01T00:00:00.000Z".to_owned(),
                side: "sell".to_owned(),
                symbol: "AAPL".to_owned(),
                amount: "10".to_owned(),
                kind: "stop-limit".to_owned(),
                limit: Some("700".to_owned()),
                stop: Some("710.5".to_owned()),
                time_in_force: Some("gtc".to_owned()),
                until: None,
                status: "open".to_owned(),
                reserved: None,
            }],
            more: 0,
        };
        let narrow = orders_within(&orders, Some(80));
        for part in ["end of ID", " 2f60c1d4b7aa ", "stop-limit 710.5 limit 700"] {
            assert!(narrow.contains(part), "{part}: {narrow}");
        }
        assert!(!narrow.contains("01997a3e"), "{narrow}");
        let whole = orders_within(&orders, None);
        assert!(whole.contains(&orders.orders[0].id), "{whole}");
    }
}
