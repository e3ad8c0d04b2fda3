//! spec/admin.md · 3.1.5 Worker Management (print, retrieve, boot), 3.1.3, 3.1.4, as an administrator reaches them
//!
//! What `papertraderctl` and a running master say to each other: one line of JSON each way. Texts and
//! numbers only, so that both ends and every script read the same.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where a packaged master listens.
pub const DEFAULT_SOCKET: &str = "/run/papertrader/master.sock";
/// Bytes of a request's line, its end included. The largest carries a public key.
pub const REQUEST_MAX: usize = 512 * 1024;
/// Bytes of a response's line.
pub const RESPONSE_MAX: usize = 64 * 1024 * 1024;
/// A request must be whole this long after the connection stands, or after the last response.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// While a command takes its time, a line says so this often.
pub const WORKING_EVERY: Duration = Duration::from_secs(2);
/// A master that has said nothing for this long hangs.
pub const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Rows of a list that are sent; what there is beyond them is counted.
pub const ROWS_MAX: usize = 50_000;
/// Differences that `verify` names; what there is beyond them is counted.
pub const DIFFERENCES_MAX: usize = 200;

/// What an administrator asks of the master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum AdminRequest {
    /// How everything is doing.
    Status,
    /// The registered workers.
    WorkersList,
    /// One of them.
    WorkersShow {
        /// Its name.
        name: String,
    },
    /// Registers a worker.
    WorkersRegister {
        /// What it will be called.
        name: String,
        /// Its public key, armoured.
        key: String,
        /// The one address it may connect from.
        ip: IpAddr,
        /// `host:port` that clients are told.
        address: String,
    },
    /// Ends a registration for good.
    WorkersUnregister {
        /// Whose.
        name: String,
    },
    /// Ends a worker's link and keeps it out.
    WorkersBoot {
        /// Whose.
        name: String,
    },
    /// Lets a worker in again.
    WorkersAdmit {
        /// Which.
        name: String,
    },
    /// The active sessions.
    SessionsList {
        /// Of this account alone.
        user: Option<String>,
    },
    /// Ends sessions.
    SessionsEnd(SessionSelector),
    /// Rebuilds all that accounts have from the ledger, and compares.
    Verify,
    /// Copies the database.
    Backup {
        /// Absolute, and not there yet.
        file: PathBuf,
    },
    /// The newest entries of the log's memory.
    LogTail {
        /// How many at most.
        entries: usize,
    },
    /// Writes the log's memory out.
    LogFlush,
}

/// Which sessions are ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionSelector {
    /// The one whose ID, as lists show it, begins so.
    Prefix(String),
    /// An account's.
    User(String),
    /// Those made through a worker, registered or not any more.
    Worker(String),
}

/// What the master says, one line each; [`AdminResponse::Working`] any number of times before one of the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminResponse {
    /// Still at it.
    Working,
    /// Done, and what came of it.
    Done(AdminAnswer),
    /// Not done, and why.
    Refused(String),
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminAnswer {
    /// To `Status`.
    Status(Box<MasterStatus>),
    /// To `WorkersList`.
    Workers(Vec<WorkerStatus>),
    /// To the other requests about one worker: as it is afterwards.
    Worker(Box<WorkerStatus>),
    /// To `SessionsList`.
    Sessions(SessionList),
    /// To `SessionsEnd`.
    Ended(EndedSessions),
    /// To `Verify`.
    Verification(Box<Verification>),
    /// To `Backup`.
    Backup(BackupSummary),
    /// To `LogTail`.
    Log(LogTail),
    /// To `LogFlush`.
    Flushed(FlushSummary),
}

/// How the master is doing. Times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterStatus {
    /// The master's version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Since when it serves.
    pub since: String,
    /// For how long, in milliseconds.
    pub uptime_ms: u64,
    /// Where it listens.
    pub listen: String,
    /// Orders that wait for an update.
    pub queue_depth: u64,
    /// The last place in the queue that was given.
    pub last_place: i64,
    /// Orders that the last settlement ended.
    pub last_settled: u64,
    /// How long it took, in microseconds.
    pub last_settlement_us: u64,
    /// Number of the last update.
    pub update: u64,
    /// When it was published.
    pub last_update: String,
    /// When the next is due; none after a replay's last.
    pub next_update: Option<String>,
    /// Workers whose link stands.
    pub workers_connected: usize,
    /// Workers registered.
    pub workers_registered: usize,
    /// Workers that the configuration expects.
    pub workers_expected: usize,
    /// Accounts.
    pub accounts: i64,
    /// Active sessions.
    pub sessions: usize,
    /// Requests, since the start, with a session that was not active: over, or made up.
    pub inactive_sessions: u64,
    /// Prices.
    pub assets: PricesStatus,
    /// Links refused since the start, by reason.
    pub refused_links: Vec<EventCount>,
    /// Entries of the log that were lost because its file could not be written.
    pub log_lost: u64,
    /// What somebody should look at.
    pub warnings: Vec<String>,
}

/// How prices are doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricesStatus {
    /// On the list.
    pub listed: usize,
    /// Of them, with a price.
    pub priced: usize,
    /// Of them, with a new price in the last update.
    pub fresh: usize,
    /// Who served the last update.
    pub served_by: Vec<String>,
    /// What is wrong with which provider.
    pub failures: Vec<ProviderFailure>,
    /// Prices refused as junk since the start.
    pub refused: u64,
    /// Updates left out since the start.
    pub missed: u64,
    /// What is spent of each API's budget of calls.
    #[serde(default)]
    pub calls: Vec<CallsStatus>,
    /// Assets of which past days are still being fetched.
    #[serde(default)]
    pub unfilled: usize,
}

/// An API's budget of calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallsStatus {
    /// Which provider's.
    pub provider: String,
    /// Made in the last minute.
    pub minute: usize,
    /// Of how many.
    pub per_minute: usize,
    /// Made in this period of 24 hours.
    pub day: u64,
    /// Of how many.
    pub per_day: u64,
}

/// A provider's trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderFailure {
    /// Which provider.
    pub provider: String,
    /// What it said.
    pub reason: String,
}

/// How often something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCount {
    /// What.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// A registered worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
    /// `connected`, `away`, `booted` or `unregistered`.
    pub state: String,
    /// The one address it may connect from.
    pub ip: String,
    /// What clients are told.
    pub address: String,
    /// Full fingerprint of its key.
    pub fingerprint: String,
    /// Since when its link stands.
    pub linked_since: Option<String>,
    /// Where the link comes from.
    pub linked_from: Option<String>,
    /// What it says of itself.
    pub report: Option<WorkerFigures>,
}

/// What a worker reports of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerFigures {
    /// When the report came.
    pub at: String,
    /// The worker's version.
    pub version: String,
    /// Since its start, in milliseconds.
    pub uptime_ms: i64,
    /// Clients connected.
    pub connections: u32,
    /// Sessions it knows.
    pub sessions: u32,
    /// Windows of past prices that it keeps.
    pub cached: u32,
    /// Bytes that they take.
    pub cached_bytes: u64,
    /// Requests that wait for the master.
    pub parked: u32,
    /// Its clock minus the master's, in milliseconds, with what the link delays.
    pub clock_difference_ms: i64,
}

/// Active sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// Oldest first, at most [`ROWS_MAX`].
    pub sessions: Vec<SessionSummary>,
    /// How many more there are.
    pub more: usize,
}

/// An active session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSummary {
    /// The first 8 characters of its ID's hash; the ID itself the master does not know.
    pub id: String,
    /// Whose.
    pub user: String,
    /// Name of the worker it was made through; its UUID once that is unregistered.
    pub worker: String,
    /// Where it was made from.
    pub client: String,
    /// When.
    pub since: String,
    /// When it ends.
    pub until: String,
    /// When it was last used.
    pub last_used: String,
    /// Whether it ends with the connection that made it.
    pub expirable: bool,
}

/// Sessions that were ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedSessions {
    /// How many.
    pub ended: usize,
}

/// What rebuilding the accounts from the ledger showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Verification {
    /// Accounts compared.
    pub accounts: u64,
    /// Transactions read.
    pub transactions: u64,
    /// Of them, settled.
    pub settled: u64,
    /// Of them, rejected.
    pub rejected: u64,
    /// Of them, still queued.
    pub queued: u64,
    /// Positions compared.
    pub positions: u64,
    /// Cash of all accounts.
    pub cash: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What does not add up, at most [`DIFFERENCES_MAX`].
    pub differences: Vec<String>,
    /// How many more differences there are.
    pub more: u64,
}

impl Verification {
    /// Whether everything adds up.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSummary {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// A database that was put in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreSummary {
    /// Where the copy stands now.
    pub database: PathBuf,
    /// Where what stood there before is now.
    pub replaced: Option<PathBuf>,
    /// Sessions of the copy that were ended.
    pub ended: usize,
    /// What the check of the copy showed.
    pub verification: Verification,
}

/// Entries of the log.
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
    /// How severe.
    pub level: String,
    /// Source file.
    pub filename: String,
    /// Function.
    pub funcname: String,
    /// Line.
    pub linenum: u32,
    /// What was said.
    pub message: String,
    /// The entry as it stands in the file.
    pub line: String,
}

/// The log was written out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlushSummary {
    /// Entries lost since the start because the file could not be written.
    pub lost: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_read_as_they_are_documented() {
        let request = |text: &str| serde_json::from_str::<AdminRequest>(text);
        assert_eq!(request("\"status\"").unwrap(), AdminRequest::Status);
        assert_eq!(
            request(r#"{"workers-show":{"name":"eu1"}}"#).unwrap(),
            AdminRequest::WorkersShow { name: "eu1".into() }
        );
        assert_eq!(
            request(r#"{"sessions-end":{"prefix":"0a1b"}}"#).unwrap(),
            AdminRequest::SessionsEnd(SessionSelector::Prefix("0a1b".into()))
        );
        for wrong in [
            "",
            "{}",
            "[]",
            "\"reboot\"",
            r#"{"status":1}"#,
            r#"{"workers-show":{}}"#,
            r#"{"workers-show":{"name":"eu1","force":true}}"#,
            r#"{"sessions-end":{}}"#,
            r#"{"log-tail":{"entries":-1}}"#,
        ] {
            assert!(request(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn responses_are_one_line() {
        let text = serde_json::to_string(&AdminResponse::Refused("two\nlines".into())).unwrap();
        assert_eq!(text, r#"{"refused":"two\nlines"}"#);
        let done = AdminResponse::Done(AdminAnswer::Ended(EndedSessions { ended: 2 }));
        let text = serde_json::to_string(&done).unwrap();
        assert_eq!(text, r#"{"done":{"ended":{"ended":2}}}"#);
        assert_eq!(serde_json::from_str::<AdminResponse>(&text).unwrap(), done);
    }
}
