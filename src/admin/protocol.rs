//! spec/admin.md · 3.1.5 (print, retrieve, boot), 3.1.3, 3.1.4
//!
//! Requests and responses of the control socket: one line of JSON each way.

use super::model::{
    AccountDetails, AccountList, BackupDigest, CodeSummary, DeletionSummary, EndedSessions,
    FlushSummary, GrantSummary, HeldAsset, HeldList, LockSummary, LogTail, MasterKey, MasterStatus,
    OrderCancelSummary, OrderList, PauseSummary, RestartSummary, SessionList, StandbyStatus,
    Verification, WorkerStatus,
};
use super::roster::{RosterRow, RosterSummary};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The control socket of a packaged master.
pub const DEFAULT_SOCKET: &str = "/run/papertrader/master.sock";
/// How a client names its end of the connection, in the abstract namespace: this, its user's number,
/// and what makes the name its own. The master believes it only where the kernel does not say who
/// connected.
pub const CALLER_NAME: &str = "papertraderctl/";
/// The longest request line in bytes, line feed included. A public key is the largest part of one.
pub const REQUEST_MAX: usize = 512 * 1024;
/// The longest response line in bytes.
pub const RESPONSE_MAX: usize = 64 * 1024 * 1024;
/// How long the master waits for a whole request, counted from the connect or the last response.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the master sends [`AdminResponse::Working`] while a request is under way.
pub const WORKING_INTERVAL: Duration = Duration::from_secs(2);
/// How long a client waits for the next line before it takes the master for hung.
pub const SILENCE_MAX: Duration = Duration::from_secs(20);
/// The longest time for which a code is valid.
pub const CODE_VALID_MAX: Duration = Duration::from_secs(366 * 86_400);
/// The longest reason of a grant, in bytes.
pub const GRANT_REASON_MAX: usize = 200;
/// The most rows of a list in an answer. The answer counts the others.
pub const ROWS_MAX: usize = 50_000;
/// The most bytes of a backup in one piece.
pub const PIECE_BYTES_MAX: usize = 256 * 1024;
/// The most differences that `verify` names. The answer counts the others.
pub const DIFFERENCES_MAX: usize = 200;

/// A request of an administrator. Unknown variants and fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum AdminRequest {
    /// Shows the state of the master.
    Status,
    /// Reads the master's metrics, as Prometheus does.
    Metrics,
    /// Lists the registered workers.
    WorkersList,
    /// Shows one worker.
    WorkersShow { name: String },
    /// Registers a worker.
    WorkersRegister {
        name: String,
        /// The worker's public key, ASCII-armoured.
        key: String,
        /// The one address that the worker may connect from.
        ip: IpAddr,
        /// `host:port` that clients are given.
        address: String,
    },
    /// Changes a registration; what is absent stays.
    WorkersSet {
        name: String,
        /// The worker's new public key, ASCII-armoured.
        key: Option<String>,
        /// The one address that the worker may connect from.
        ip: Option<IpAddr>,
        /// `host:port` that clients are given.
        address: Option<String>,
    },
    /// Shows the master's public key, for workers that are set up.
    MasterKey,
    /// Removes a registration. Its UUID is never used again.
    WorkersUnregister { name: String },
    /// Closes a worker's link and refuses the worker until it is admitted.
    WorkersBoot { name: String },
    /// Admits a booted worker.
    WorkersAdmit { name: String },
    /// Lists the active sessions.
    SessionsList {
        /// Lists only this account's sessions.
        user: Option<String>,
    },
    /// Ends sessions.
    SessionsEnd(SessionSelector),
    /// Lists accounts, by name.
    AccountsList {
        /// Lists only accounts with this text in their name or e-mail address, in any case.
        search: Option<String>,
    },
    /// Shows one account.
    AccountsShow { name: String },
    /// Locks an account, which ends its sessions and tokens, or unlocks it.
    AccountsLock { name: String, locked: bool },
    /// Deletes an account. Nobody can undo it.
    AccountsDelete { name: String },
    /// Makes an account with a one-time code for each row of a roster, or none.
    AccountsImport {
        /// At most [`ROSTER_MAX`](super::roster::ROSTER_MAX).
        rows: Vec<RosterRow>,
        /// For how long the codes are valid, in milliseconds, at most [`CODE_VALID_MAX`].
        valid_ms: u64,
        /// Whether the rows are only checked.
        check: bool,
        /// Whether accounts that are there, from a roster, and whose codes nobody has used get new
        /// ones.
        #[serde(default)]
        again: bool,
    },
    /// Makes a one-time code with which an account's owner sets a new password.
    AccountsReset {
        name: String,
        /// For how long the code is valid, in milliseconds, at most [`CODE_VALID_MAX`].
        valid_ms: u64,
    },
    /// Gives an account cash, or takes some.
    AccountsGrant {
        name: String,
        /// A decimal above zero; with a minus before it, the cash is taken.
        amount: String,
        /// What the account's owner reads: printable, not empty, at most [`GRANT_REASON_MAX`].
        reason: String,
    },
    /// Lets an account begin anew: its orders are cancelled, all units sold at their last price, and
    /// the cash is what it began with.
    AccountsRestart { name: String },
    /// Lists the newest orders that have no outcome yet.
    OrdersList {
        /// Lists only this account's.
        account: Option<String>,
        /// Lists only those of this asset.
        symbol: Option<String>,
        /// The most orders to return, at most [`ROWS_MAX`].
        most: usize,
    },
    /// Cancels orders, once an update that is under way is settled.
    OrdersCancel(OrderSelector),
    /// Rebuilds every balance and position from the ledger and compares them with the stored ones.
    Verify,
    /// Copies the database while it is in use, and sends the copy in pieces.
    BackupSend,
    /// Says that the backup that was sent last is written whole, where its caller wanted it.
    BackupWritten(BackupDigest),
    /// The request for a backup of earlier clients. It is refused: the master writes no file
    /// for those who ask it.
    Backup { file: PathBuf },
    /// Lists the assets whose latest price is held.
    MarketHeld,
    /// Accepts or refuses the held price of an asset.
    MarketReview {
        symbol: String,
        verdict: ReviewVerdict,
    },
    /// Pauses the market, or lets it go on.
    MarketPause { paused: bool },
    /// Reads the newest log entries that are in memory.
    LogTail {
        /// The most entries to return.
        entries: usize,
    },
    /// Writes the log entries in memory to the log's file.
    LogFlush,
    /// Gives the lead to a master that stands by.
    StepDown,
}

/// What an administrator says of a held price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewVerdict {
    /// It is right: it comes into force with the next update.
    Accept,
    /// It is wrong: prices that agree with it are not believed by themselves.
    Refuse,
}

/// The sessions that a request ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionSelector {
    /// The one session whose ID, as lists show it, has this prefix.
    Prefix(String),
    /// All sessions of an account.
    User(String),
    /// All sessions that were made through a worker or have passed through it, which may have been
    /// unregistered since.
    Worker(String),
    /// All sessions.
    All,
}

/// The orders that a request cancels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderSelector {
    /// The one with this transaction ID.
    Id(String),
    /// All of an account.
    Account(String),
}

/// A line of the master. Any number of [`AdminResponse::Working`] may come before one of the
/// others, and the pieces of a backup before its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminResponse {
    /// The request is under way.
    Working,
    /// The next bytes of a backup.
    Piece(BackupPiece),
    /// The request succeeded.
    Done(AdminAnswer),
    /// The request failed or was refused, with the reason.
    Refused(String),
}

/// A piece of a backup. The pieces come in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupPiece {
    /// At least one byte and at most [`PIECE_BYTES_MAX`], in base64.
    pub data: String,
    /// Bytes of the whole backup.
    pub of: u64,
}

/// The answer to a request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminAnswer {
    /// Answers `Status`.
    Status(Box<MasterStatus>),
    /// Answers `Metrics`: the text that Prometheus gets.
    Metrics(String),
    /// Answers `WorkersList`.
    Workers(Vec<WorkerStatus>),
    /// Answers the other requests about workers: the worker's state after the request.
    Worker(Box<WorkerStatus>),
    /// Answers `MasterKey`.
    MasterKey(MasterKey),
    /// Answers `SessionsList`.
    Sessions(SessionList),
    /// Answers `SessionsEnd`.
    Ended(EndedSessions),
    /// Answers `AccountsList`.
    Accounts(AccountList),
    /// Answers `AccountsShow`.
    Account(Box<AccountDetails>),
    /// Answers `AccountsLock`.
    Locked(LockSummary),
    /// Answers `AccountsDelete`.
    Deleted(DeletionSummary),
    /// Answers `AccountsImport`.
    Roster(Box<RosterSummary>),
    /// Answers `AccountsReset`.
    Code(CodeSummary),
    /// Answers `AccountsGrant`.
    Granted(GrantSummary),
    /// Answers `AccountsRestart`.
    Restarted(RestartSummary),
    /// Answers `OrdersList`.
    Orders(OrderList),
    /// Answers `OrdersCancel`.
    OrdersCancelled(OrderCancelSummary),
    /// Answers `Verify`.
    Verification(Box<Verification>),
    /// Answers `BackupSend`, after the last piece.
    BackupSent(BackupDigest),
    /// Answers `BackupWritten`.
    BackupNoted(BackupDigest),
    /// Answers `MarketHeld`.
    Held(HeldList),
    /// Answers `MarketReview`: the asset after the request.
    Reviewed(HeldAsset),
    /// Answers `MarketPause`.
    Pause(PauseSummary),
    /// Answers `LogTail`.
    Log(LogTail),
    /// Answers `LogFlush`.
    Flushed(FlushSummary),
    /// Answers `Status` where the master stands by.
    StandingBy(StandbyStatus),
    /// Answers `StepDown`, before the master stops.
    SteppingDown {
        /// Machine and address of the master that leads next.
        successor: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_parse_as_documented() {
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
        assert_eq!(
            request(r#"{"market-review":{"symbol":"A","verdict":"accept"}}"#).unwrap(),
            AdminRequest::MarketReview {
                symbol: "A".into(),
                verdict: ReviewVerdict::Accept
            }
        );
        for wrong in [
            r#"{"market-review":{"symbol":"A","verdict":"pending"}}"#,
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
    fn a_response_is_one_line() {
        let text = serde_json::to_string(&AdminResponse::Refused("two\nlines".into())).unwrap();
        assert_eq!(text, r#"{"refused":"two\nlines"}"#);
        let done = AdminResponse::Done(AdminAnswer::Ended(EndedSessions {
            ended: 2,
            tokens: None,
        }));
        let text = serde_json::to_string(&done).unwrap();
        assert_eq!(text, r#"{"done":{"ended":{"ended":2}}}"#);
        assert_eq!(serde_json::from_str::<AdminResponse>(&text).unwrap(), done);
    }
}
