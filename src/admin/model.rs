//! spec/admin.md · 3.1.5 (print, retrieve, boot), 3.1.3, 3.1.4
//!
//! The data in the master's answers, as JSON shows it. Texts and numbers only, so that both ends
//! and every script read the same values.
//!
//! Tests: `tests/suite/master/admin.rs`.

use super::warning::StatusWarning;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The state of the master. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterStatus {
    pub version: String,
    pub pid: u32,
    /// When the master began to serve.
    pub since: String,
    pub uptime_ms: u64,
    /// The `address:port` that the master listens on.
    pub listen: String,
    /// Orders that wait for the next update.
    pub queue_depth: u64,
    /// Orders that wait for a price; `None` from a master that does not tell it.
    #[serde(default)]
    pub open_orders: Option<u64>,
    /// What all accounts hold back for purchases, as a decimal; `None` likewise.
    #[serde(default)]
    pub reserved: Option<String>,
    /// The number of the newest order.
    pub last_place: i64,
    /// Orders that the last settlement filled or rejected.
    pub last_settled: u64,
    /// The duration of the last settlement in microseconds.
    pub last_settlement_us: u64,
    /// The number of the last update.
    pub update: u64,
    /// When the last update was published.
    pub last_update: String,
    /// When the next update is due; `None` after a replay's last one.
    pub next_update: Option<String>,
    /// Workers with an established link.
    pub workers_connected: usize,
    pub workers_registered: usize,
    /// Workers that the configuration expects.
    pub workers_expected: usize,
    pub accounts: i64,
    /// Active sessions.
    pub sessions: usize,
    /// Requests since the start whose session had ended or never existed.
    pub inactive_sessions: u64,
    /// What has happened to accounts since the start, such as failed logins.
    #[serde(default)]
    pub account_events: Vec<EventCount>,
    pub assets: PricesStatus,
    /// Refused links since the start, by reason.
    pub refused_links: Vec<EventCount>,
    /// The disk of the database; `None` where the system does not say.
    #[serde(default)]
    pub disk: Option<DiskStatus>,
    /// The mails; `None` where no mail is configured.
    #[serde(default)]
    pub mail: Option<MailSummary>,
    /// Log entries that were lost because the log's file could not be written.
    pub log_lost: u64,
    /// Conditions that an administrator should look at, as sentences.
    pub warnings: Vec<String>,
    /// The same with their kinds and levels; empty from a master that does not tell them.
    #[serde(default)]
    pub conditions: Vec<StatusWarning>,
    /// The database's file and its write-ahead log in bytes; `None` where the system does not say.
    #[serde(default)]
    pub database_bytes: Option<u64>,
    #[serde(default)]
    pub wal_bytes: Option<u64>,
    /// When the newest backup was begun that is written; `None` before the first.
    #[serde(default)]
    pub last_backup: Option<String>,
    /// The masters that stand by; `None` where none can, since the database is a file.
    #[serde(default)]
    pub standbys: Option<Vec<StandbySummary>>,
}

/// A master that stands by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandbySummary {
    /// Its machine, and what it listens on.
    pub name: String,
    pub version: String,
}

/// The state of a master that stands by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandbyStatus {
    pub version: String,
    pub pid: u32,
    /// Since when it stands by, in RFC 3339 and UTC.
    pub since: String,
    /// The `address:port` that it listens on.
    pub listen: String,
    /// Machine and address of the master that leads, or led last.
    pub leader: String,
    /// Why it is not known who leads; `None` where it is.
    pub problem: Option<String>,
}

/// The room on the disk of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskStatus {
    /// Bytes that are free for the master.
    pub free_bytes: u64,
    /// Bytes of the file system.
    pub total_bytes: u64,
    /// `ample`, `low`, or `full` while orders are refused.
    pub state: String,
}

/// The state of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailSummary {
    /// Mails that wait.
    pub waiting: u64,
    /// Mails that were handed to the mail server since the start.
    pub sent: u64,
    /// Mails that were given up since the start.
    pub failed: u64,
    /// Mails since the start that found no room in the outbox, and are not sent.
    #[serde(default)]
    pub dropped: u64,
    /// What the last failed attempt met with.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<String>,
}

/// A list of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountList {
    /// By name, at most [`ROWS_MAX`](super::protocol::ROWS_MAX). Deleted ones are none.
    pub accounts: Vec<AccountSummary>,
    /// Accounts beyond those listed.
    pub more: usize,
}

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountSummary {
    /// Spelled as at registration.
    pub user: String,
    /// `None`: it has none.
    pub email: Option<String>,
    /// `active` or `locked`.
    pub state: String,
    /// Whether it has a password.
    pub password: bool,
    pub created: String,
}

/// An account with what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDetails {
    #[serde(flatten)]
    pub account: AccountSummary,
    /// Its number in the database.
    pub number: i64,
    /// Active sessions of logins.
    pub sessions: usize,
    /// Active tokens.
    pub tokens: usize,
    /// When one of them was last used; `None` where there is none.
    pub last_used: Option<String>,
    pub cash: String,
    /// Assets that it holds.
    pub positions: usize,
    /// Its orders that wait for the next update; `None` from a master that does not tell it, or not in
    /// time.
    #[serde(default)]
    pub queued_orders: Option<usize>,
    /// Its orders that wait for a price; `None` likewise.
    #[serde(default)]
    pub open_orders: Option<usize>,
    /// What is held back for its purchases; `None` likewise.
    #[serde(default)]
    pub reserved: Option<String>,
    /// What a new market purchase may take; `None` likewise.
    #[serde(default)]
    pub buying_power: Option<String>,
    /// Until when the newest printed code is valid; `None` where there is none.
    pub code_until: Option<String>,
    /// What administrators did with it, newest first.
    #[serde(default)]
    pub acts: Vec<ActSummary>,
}

/// An act of an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActSummary {
    pub at: String,
    /// What was done, as a word.
    pub act: String,
    /// The user of the master's machine who asked.
    pub caller: String,
    /// What came of it; may be empty.
    pub detail: String,
}

/// An account that was locked or unlocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockSummary {
    pub user: String,
    /// `active` or `locked`.
    pub state: String,
    /// Sessions and tokens that ended.
    pub ended: usize,
    /// Orders that were cancelled.
    #[serde(default)]
    pub cancelled: usize,
}

/// An account that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionSummary {
    /// The name that it had.
    pub user: String,
    /// Its number in the database, by which the ledger knows it.
    pub number: i64,
    /// Sessions and tokens that ended.
    pub ended: usize,
    /// Orders that were cancelled.
    pub cancelled: usize,
}

/// An account that was given cash, or from which some was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantSummary {
    pub user: String,
    /// Below zero where it was taken.
    pub amount: String,
    /// The cash after it.
    pub cash: String,
    /// The ID of its transaction.
    pub id: String,
}

/// An account that begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartSummary {
    pub user: String,
    /// Orders that were cancelled, queued and open ones.
    pub cancelled: usize,
    /// Assets whose units were sold.
    pub sold: usize,
    /// Those of them that had no price, and were sold for nothing.
    pub unpriced: Vec<String>,
    /// The cash before its units were sold.
    pub cash_before: String,
    /// The cash with which it begins anew.
    pub cash: String,
}

/// A list of orders that have no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderList {
    /// Newest first, at most [`ROWS_MAX`](super::protocol::ROWS_MAX).
    pub orders: Vec<OrderSummary>,
    /// Orders beyond those listed, all of them older.
    pub more: usize,
}

/// An order that has no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSummary {
    /// The transaction ID.
    pub id: String,
    pub user: String,
    pub accepted: String,
    /// `buy` or `sell`.
    pub side: String,
    pub symbol: String,
    /// Units, or `cash:` and an amount of money.
    pub amount: String,
    /// `market`, `limit`, `stop`, `stop-limit` or `trailing`.
    pub kind: String,
    pub limit: Option<String>,
    /// A price, or of a trailing order its distance: a price, or a percentage with `%`.
    pub stop: Option<String>,
    /// `gtc`, `day` or a time; `None` of purchaseAsset and sellAsset, which say none.
    pub time_in_force: Option<String>,
    /// Market time from which on it is not tested any more; `None`: not known yet.
    pub until: Option<String>,
    /// `queued` or `open`.
    pub status: String,
    /// Of a purchase: what is held back for it.
    pub reserved: Option<String>,
}

/// Orders that were cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderCancelSummary {
    /// Whose they were.
    pub user: String,
    /// How many.
    pub cancelled: usize,
}

/// A one-time code for an account. Whoever has it can set the account's password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSummary {
    pub user: String,
    pub code: String,
    /// Until when it is valid.
    pub until: String,
}

/// The state of price retrieval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricesStatus {
    /// Assets on the list.
    pub listed: usize,
    /// Listed assets with a price.
    pub priced: usize,
    /// Listed assets with a new price in the last update.
    pub fresh: usize,
    /// Providers of the prices in the last update.
    pub served_by: Vec<String>,
    /// Providers that fail at present.
    pub failures: Vec<ProviderFailure>,
    /// Prices refused by the checks since the start.
    pub refused: u64,
    /// Updates skipped since the start.
    pub missed: u64,
    /// Updates since the start that could not be stored.
    #[serde(default)]
    pub not_stored: u64,
    /// Why the latest update could not be stored; `None` if it was.
    #[serde(default)]
    pub store_error: Option<String>,
    /// The newest prices of each provider since the start.
    #[serde(default)]
    pub served_at: Vec<ProviderPrices>,
    /// Spent calls of each provider's budget.
    #[serde(default)]
    pub calls: Vec<CallsStatus>,
    /// Assets whose past is not complete: it is being fetched, or a provider refuses it.
    #[serde(default)]
    pub unfilled: usize,
    /// Steps of the replay that follow; `None` of a market that is none.
    #[serde(default)]
    pub steps_left: Option<u64>,
    /// Milliseconds until the market ends; `None` if it does not, or not as far as is known.
    #[serde(default)]
    pub ends_in_ms: Option<u64>,
    /// Where prices come from now: `replay`, `simulated` or `real`.
    #[serde(default)]
    pub market: Option<String>,
    /// Whether the market moves: `open`, `closed`, `paused` or `ended`.
    #[serde(default)]
    pub state: Option<String>,
    /// Since when the market is paused; `None` if it is not.
    #[serde(default)]
    pub paused_since: Option<String>,
    /// Market time: that of the newest price.
    #[serde(default)]
    pub market_time: Option<String>,
    /// What is said of market files that are not used.
    #[serde(default)]
    pub input_warnings: Vec<String>,
    /// Assets whose latest price is held.
    #[serde(default)]
    pub held: Vec<String>,
}

/// A list of assets whose latest price is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldList {
    /// By symbol, at most [`ROWS_MAX`](super::protocol::ROWS_MAX).
    pub held: Vec<HeldAsset>,
    /// Assets beyond those listed.
    pub more: usize,
}

/// An asset whose latest price is held: it is far from the one before, and not believed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldAsset {
    pub symbol: String,
    /// The price in force.
    pub old_price: String,
    /// The market time of the price in force.
    pub old_time: String,
    /// The latest price that is held.
    pub new_price: String,
    /// The market time of the latest price that is held.
    pub new_time: String,
    /// The market time of the first price that was held.
    pub since: String,
    /// Prices that were held since then.
    pub seen: u32,
    /// `pending`, `accepted` or `refused`.
    pub review: String,
}

/// A market that was paused, or goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseSummary {
    /// Whether it is paused now.
    pub paused: bool,
    /// Since when it is paused, or was.
    pub since: String,
}

/// A provider's budget of API calls, and what is spent of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallsStatus {
    pub provider: String,
    /// Calls in the last minute.
    pub minute: usize,
    /// The most calls in a minute.
    pub per_minute: usize,
    /// Calls in the current period of 24 hours.
    pub day: u64,
    /// The most calls in 24 hours.
    pub per_day: u64,
}

/// When a provider last gave prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderPrices {
    pub provider: String,
    pub at: String,
}

/// The failure of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFailure {
    pub provider: String,
    /// The provider's error.
    pub reason: String,
}

/// The number of events with the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCount {
    pub reason: String,
    pub count: u64,
}

/// A registered worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    pub name: String,
    pub uuid: String,
    /// `connected`, `away`, `booted` or `unregistered`.
    pub state: String,
    /// The one address that the worker may connect from.
    pub ip: String,
    /// `host:port` that clients are given.
    pub address: String,
    /// The full fingerprint of the worker's key.
    pub fingerprint: String,
    /// When the link was established; `None` without a link.
    pub linked_since: Option<String>,
    /// The address that the link comes from; `None` without a link.
    pub linked_from: Option<String>,
    /// The worker's last report; `None` before the first.
    pub report: Option<WorkerFigures>,
}

/// The key by which workers know their master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterKey {
    /// Its full fingerprint.
    pub fingerprint: String,
    /// The public key, ASCII-armoured.
    pub key: String,
}

/// A worker's report about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerFigures {
    /// When the master received the report.
    pub at: String,
    pub version: String,
    pub uptime_ms: i64,
    /// Connected clients.
    pub connections: u32,
    /// Sessions in the worker's memory.
    pub sessions: u32,
    /// Windows of bars in the worker's cache.
    pub cached: u32,
    /// The size of these windows in bytes.
    pub cached_bytes: u64,
    /// Requests that wait for the master's answer.
    pub parked: u32,
    /// The worker's clock minus the master's in milliseconds, the link's delay included.
    pub clock_difference_ms: i64,
}

/// A list of active sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// Oldest first, at most [`ROWS_MAX`](super::protocol::ROWS_MAX).
    pub sessions: Vec<SessionSummary>,
    /// Sessions beyond those listed.
    pub more: usize,
}

/// An active session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// The first 8 hexadecimal digits of the SHA-256 of the session's ID. The master does not store
    /// the ID itself.
    pub id: String,
    /// The account's name.
    pub user: String,
    /// `login` or `token`; empty from a master that does not tell it.
    #[serde(default)]
    pub kind: String,
    /// The worker that the session was made through: its name, or its UUID once it is unregistered.
    pub worker: String,
    /// The address of the client that logged in.
    pub client: String,
    /// When the session began.
    pub since: String,
    /// When the session ends.
    pub until: String,
    pub last_used: String,
    /// Whether the session ends with the connection that logged in (4.6.1).
    pub expirable: bool,
}

/// The number of sessions and tokens that a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedSessions {
    /// Both together.
    pub ended: usize,
    /// How many of them were tokens; `None` from a master that does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
}

/// The result of rebuilding all accounts from the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Verification {
    /// Accounts compared.
    pub accounts: u64,
    /// Transactions read.
    pub transactions: u64,
    /// Settled ones of the transactions.
    pub settled: u64,
    /// Rejected ones of the transactions.
    pub rejected: u64,
    /// Queued ones of the transactions.
    pub queued: u64,
    /// Open ones of the transactions.
    #[serde(default)]
    pub open: u64,
    /// Cancelled and expired ones of the transactions.
    #[serde(default)]
    pub ended: u64,
    /// Positions compared.
    pub positions: u64,
    /// The sum of all accounts' cash.
    pub cash: String,
    /// When the newest transaction was accepted; `None` where there is none.
    #[serde(default)]
    pub newest_transaction: Option<String>,
    /// The number of the last update of prices, 0 before the first.
    #[serde(default)]
    pub update: u64,
    /// The market time of the last update.
    #[serde(default)]
    pub update_time: Option<String>,
    /// Whether the file expects a write-ahead log, and none stands beside it: it is whole only if
    /// its master was stopped when it was copied.
    #[serde(default)]
    pub lacks_log: bool,
    /// Bytes of the database, its write-ahead log aside.
    #[serde(default)]
    pub database_bytes: u64,
    /// Bytes that are free on its disk; `None` where the system does not say.
    #[serde(default)]
    pub free_bytes: Option<u64>,
    pub took_ms: u64,
    /// Stored values that differ from the ledger, at most
    /// [`DIFFERENCES_MAX`](super::protocol::DIFFERENCES_MAX).
    pub differences: Vec<String>,
    /// Differences beyond those listed.
    pub more: u64,
    /// The number of migrations that the database has had; `None`: the master does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u64>,
    /// What an administrator should know and is no difference, as many as of these at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Verification {
    /// Whether every stored balance and position follows from the ledger.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}

/// What a backup that was sent must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupDigest {
    pub bytes: u64,
    /// Of all bytes, in hexadecimal.
    pub sha256: String,
}

/// A backup that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSummary {
    pub file: PathBuf,
    pub bytes: u64,
    /// Of all bytes, in hexadecimal.
    pub sha256: String,
    /// Older backups that were deleted, where a number to keep was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<PathBuf>,
}

/// The result of restoring a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreSummary {
    /// The path of the restored database.
    pub database: PathBuf,
    /// The path to which the previous database was moved, if there was one.
    pub replaced: Option<PathBuf>,
    /// Sessions of the backup that were ended.
    pub ended: usize,
    /// The number of the backup's migrations, where an older version made it and the restored copy
    /// was brought forward.
    pub older: Option<usize>,
    /// The result of verifying the backup.
    pub verification: Verification,
}

/// The newest entries of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTail {
    /// Oldest first.
    pub entries: Vec<LogLine>,
}

/// An entry of the log (2.4.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Date and time.
    pub at: String,
    pub level: String,
    pub filename: String,
    pub funcname: String,
    pub linenum: u32,
    pub message: String,
    /// The entry as a line of the log's file.
    pub line: String,
}

/// The result of writing the log to its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlushSummary {
    /// Entries lost since the start because the file could not be written.
    pub lost: u64,
}
