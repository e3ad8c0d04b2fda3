//! spec/master/messages.md · 3.1 Master Server, 2.2.1
//!
//! The messages between the master's threads: the message type of every inbox with its payloads,
//! the bound of every inbox, and the senders that modules hold. It contains no logic.
//!
//! Tests: `src/master/router/tests.rs`, `src/master/transactions/tests.rs`.

use super::assets::budget::CallBudgetStatus;
use super::assets::hold::{HeldPrice, PriceReview};
use super::assets::schedule::UpdateProgress;
use super::assets::snapshot::PriceSnapshot;
use super::mail::smtp::SmtpError;
use super::order_watchers::OrderWatchers;
use super::reply_to::{LinkedWorker, ReplyTo};
use super::storage::accounts::Credentials;
use super::storage::disk::DiskSpace;
use super::storage::{StorageError, Tx};
use super::third_party::ProviderNews;
use super::transactions::disk_floor::DiskLevel;
use super::workers::registry::{Registration, RegistrationChange, Registry};
use crate::admin::roster::{RosterFault, RosterPass, RosterRow};
use crate::config::MasterLimits;
use crate::link::key_watch::KeyWatchHandle;
use crate::link::message::WorkerReport;
use crate::model::word_list::word_list;
use crate::model::{
    AccountId, Action, Bar, ClientOrderId, Email, Fingerprint, HashedPass, MarketKind, MarketState,
    Money, OrderAmount, OrderKind, Quantity, ResetCode, ResetCodeHash, Session, SessionHash, Side,
    SignInHandle, Symbol, TimeInForce, Timestamp, TrailDistance, Username, WorkerServer,
};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::runtime::published::Published;
use crate::wire::payload::Forecast;
use crate::wire::{Instruction, Refusal, Request, Window};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::{Duration, Instant};
use uuid::Uuid;

// --- router, 3.1.1 ---

/// Most messages in the router's inbox. One message is one read of a link's socket.
pub const ROUTER_INBOX_MAX: usize = 1024;

/// The requests that one read of a link brought, in order of arrival.
#[derive(Debug)]
pub struct RouterMessage(pub Vec<(ReplyTo, LinkRequest)>);

/// A worker's request or report, by the module that handles it.
#[derive(Debug)]
pub enum LinkRequest {
    /// A request with credentials or a session ID, or about a session.
    Auth(AuthRequest),
    /// A client's request about an asset.
    Asset(Request),
    /// The worker's own figures.
    Report(WorkerReport),
}

// --- auth, 3.1.3 ---

/// Most messages in auth's inbox.
pub const AUTH_INBOX_MAX: usize = 1024;

/// Auth's inbox. It carries secrets, so it has no `Debug`.
pub enum AuthMessage {
    /// The requests of one read of a link, in order.
    Requests(Vec<(ReplyTo, AuthRequest)>),
    /// From the hashing pool: a login, whether its password matches the stored hash, and a new hash
    /// in place of an old one of a lower cost.
    Verified(Box<PendingLogin>, bool, Option<String>),
    /// From the hashing pool: a registration and the hash to store; `None` where hashing failed.
    Hashed(Box<PendingRegistration>, Option<String>),
    /// From the hashing pool: a change of an account, and what came of its passwords.
    Confirmed(Box<PendingChange>, HashOutcome),
    /// A provider of identities has begun a flow, or said who a person is.
    ThirdParty(ProviderNews),
    /// Ends the expirable sessions of a worker that were made by another process of it than this
    /// boot ID; `None`: by any of its processes.
    WorkerAway(Uuid, Option<Uuid>),
    /// For the administrator: all active sessions, or those of one user.
    List(Option<String>, Sender<Vec<SessionRow>>),
    /// For an administrator, who is this user: ends sessions; the answer is how many, or why that is
    /// not stored.
    End(SessionFilter, String, Sender<Result<EndedCount, String>>),
    /// For the administrator: locks an account or unlocks it; the answer is what has ended with it,
    /// or why it was not done.
    Lock(Username, bool, AdminAct, Sender<Result<AccountEnd, String>>),
    /// For the administrator: deletes an account; the answer is what has ended with it, or why it was
    /// not done.
    Delete(Username, AdminAct, Sender<Result<AccountEnd, String>>),
    /// From transactions: an account is deleted, with so many orders that were cancelled, or why not.
    Deleted(Box<PendingDeletion>, Result<usize, Refusal>),
    /// For the administrator: the counters.
    Status(Sender<AuthStatus>),
    /// For an administrator: makes a code for an account.
    PrintCode(CodePrinting, Sender<Result<PrintedCode, String>>),
    /// For the administrator: makes an account with a code for each row of a roster, or none.
    Import(RosterImport, Sender<Result<ImportedRoster, String>>),
    /// New limits, after a reload.
    Limits(MasterLimits),
    /// How long new sessions last, and the cash of new accounts, after a reload.
    Terms(Duration, Money),
}

/// Makes a code for the account with a name.
#[derive(Debug)]
pub struct CodePrinting {
    pub name: String,
    /// For how long it is valid.
    pub valid: Duration,
    /// The user who asks, as the log names one.
    pub caller: String,
}

/// Makes accounts with codes for people in a roster.
#[derive(Debug)]
pub struct RosterImport {
    pub rows: Vec<RosterRow>,
    /// For how long the codes are valid.
    pub valid: Duration,
    /// Whether the rows are only checked.
    pub is_check: bool,
    /// Whether accounts that are there, from a roster, and whose codes nobody has used get new ones.
    pub is_again: bool,
    /// The user who asks, as the log names one.
    pub caller: String,
}

/// What came of a roster.
#[derive(Debug)]
pub enum ImportedRoster {
    /// These accounts were made, or have new codes, in the roster's order; none if it was only
    /// checked. The rows after them were passed over.
    Made(Vec<PrintedCode>, Vec<RosterPass>),
    /// Nothing was made, because rows have faults, by line.
    Faults(Vec<RosterFault>),
}

/// Who changes an account, and until when. The module that makes the change logs it.
#[derive(Debug, Clone)]
pub struct AdminAct {
    /// The user who asks, as the log names one.
    pub caller: String,
    /// What has not begun by then is not done: nobody waits for it any more.
    pub until: Instant,
}

impl AdminAct {
    /// Drops an act that is too late, and logs that.
    ///
    /// # Errors
    /// It is too late; the text says so.
    pub fn in_time(&self, what: &str, username: &Username) -> Result<(), String> {
        if Instant::now() < self.until {
            return Ok(());
        }
        let caller = &self.caller;
        crate::warn!("{caller} no longer waits for {what} of {username}: it was not done");
        Err(format!("{what} came too late, and was not done"))
    }
}

/// How many sessions an administrator has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndedCount {
    pub logins: usize,
    pub tokens: usize,
}

/// What ends with an account that is locked or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEnd {
    pub account: AccountId,
    /// Spelled as at registration.
    pub username: Username,
    /// Sessions and tokens.
    pub sessions: usize,
    /// Orders that were cancelled.
    pub orders: usize,
}

/// A deletion that waits for its commit.
#[derive(Debug)]
pub struct PendingDeletion {
    pub account: AccountId,
    pub username: Username,
    pub asker: DeletionAsker,
    /// Whether its commit has found the account there; false also before the commit.
    pub is_made: Arc<AtomicBool>,
}

/// Who has an account deleted, and waits for it.
#[derive(Debug)]
pub enum DeletionAsker {
    /// Its owner.
    Owner(ReplyTo),
    /// An administrator.
    Administrator(AdminAct, Sender<Result<AccountEnd, String>>),
}

/// A request that auth handles or resolves.
#[derive(Debug)]
pub enum AuthRequest {
    /// A client's request that carries a session or credentials.
    Request(Request),
    /// A worker asks whether a session is active.
    Session(SessionHash),
    /// The same, and it wants to know of the ends of its account's orders.
    WatchOrders(SessionHash),
    /// A worker reports that the connections which made these expirable sessions have closed.
    ConnectionClosed(Vec<SessionHash>),
}

/// A session in the administrator's list.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The first 8 hexadecimal digits of its hash.
    pub prefix: String,
    pub session: Session,
}

/// Selects the sessions that an administrator ends.
#[derive(Debug, Clone)]
pub enum SessionFilter {
    /// Sessions whose hash begins with these hexadecimal digits.
    Prefix(String),
    /// All sessions of the account with this name.
    User(String),
    /// All sessions that were made through this worker or have passed through it since.
    Worker(Uuid),
    /// All sessions.
    All,
}

word_list! {
    /// What happens to accounts, as administrators count it.
    AccountEvent {
        /// Sessions that logins have made, by password and by providers of identities.
        Login = "logins",
        /// Logins and changes with a wrong password, or a name without an account.
        FailedLogin = "failed-logins",
        /// Logins, changes and codes that were refused unread, because too many had failed.
        RefusedLogin = "refused-logins",
        /// Accounts that were registered or imported.
        Registration = "registrations",
        /// Passwords that were changed by their owners.
        PasswordChange = "password-changes",
        /// Requests for a code by mail, of known and unknown accounts.
        ResetRequest = "reset-requests",
        /// Passwords that were set with a code.
        PasswordReset = "password-resets",
        /// Codes that were refused.
        RefusedCode = "refused-codes",
        /// Sessions and tokens that somebody ended: their owner, an administrator, a change of their
        /// account, the end of an expirable one's connection. Those whose time is over are none.
        SessionEnd = "ended-sessions",
        /// Tokens that were created.
        TokenCreation = "created-tokens",
        /// Accounts that were locked or unlocked.
        Lock = "locks",
        /// Cash that administrators gave or took.
        Grant = "grants",
        /// Accounts that administrators let begin anew.
        Restart = "restarts",
        /// Accounts that were deleted.
        Deletion = "deletions",
    }
}

/// Auth's counters.
#[derive(Debug, Clone)]
pub struct AuthStatus {
    pub accounts: i64,
    pub sessions: usize,
    /// Requests since the start whose session was not active.
    pub inactive: u64,
    /// What has happened to accounts since the start, and how often.
    pub events: Vec<(AccountEvent, u64)>,
}

/// A code for a new password that an administrator gives to somebody.
#[derive(Debug)]
pub struct PrintedCode {
    /// Spelled as at registration.
    pub username: Username,
    pub code: ResetCode,
    pub until: Timestamp,
}

/// What auth holds of the other modules.
#[derive(Debug)]
pub struct AuthChannels {
    pub transactions: Sender<TransactionsMessage>,
    pub account_queries: Sender<AccountQueriesMessage>,
    /// The linked workers, which get a push for each ended session.
    pub peers: Arc<Published<Vec<Arc<LinkedWorker>>>>,
    /// `host:port` of each linked worker.
    pub addresses: Arc<Published<Vec<String>>>,
    /// The registered workers, whose names owners read.
    pub registry: Arc<Published<Registry>>,
    /// Which workers want to know of the ends of whose orders.
    pub order_watchers: Arc<OrderWatchers>,
    /// The number of changes of records of accounts since the start, which auth counts: what others
    /// remember of accounts is of an earlier one.
    pub account_changes: Arc<AtomicU64>,
    /// `None`: no mail is sent.
    pub mail: Option<Sender<MailMessage>>,
    /// Its own inbox, for what transactions answers.
    pub auth: Sender<AuthMessage>,
}

// --- the hashing pool of auth, 3.1.3 ---

/// Most waiting jobs for each thread of the hashing pool. Beyond three quarters of all no name gets
/// a second place.
pub const HASH_JOBS_MAX: usize = 64;

/// A bcrypt computation for the hashing pool.
pub enum HashJob {
    /// Compares a password with a stored hash. For an unknown name the hash is a decoy that matches
    /// no password, so that both cases take the same time.
    Verify {
        hashed_pass: HashedPass,
        stored: String,
        pending: Box<PendingLogin>,
    },
    /// Hashes the password of a new account.
    Hash {
        hashed_pass: HashedPass,
        pending: Box<PendingRegistration>,
    },
    /// Verifies an account's password where it is given, with its stored hash, and hashes the new
    /// one where there is one.
    Change {
        old: Option<(HashedPass, String)>,
        new: Option<HashedPass>,
        pending: Box<PendingChange>,
    },
}

/// What came of the passwords of a change.
#[derive(PartialEq, Eq)]
pub enum HashOutcome {
    /// The password is right, or none was asked for. The hash of the new one, where there is one.
    Right(Option<String>),
    /// The password is wrong.
    Wrong,
    /// The change was sent again, and the stored password is the new one already.
    Repeated,
    /// The new password could not be hashed.
    Failed,
}

/// A change of an account whose passwords are at the pool.
pub struct PendingChange {
    pub reply_to: ReplyTo,
    /// The failed attempt that it counts as until the password is right; `None` without one.
    pub counted: Option<CountedLogin>,
    pub account: AccountId,
    pub username: Username,
    /// The session that asks. It must be active when the change is made.
    pub session: Option<SessionHash>,
    /// When it was asked for. The password must not have changed since.
    pub asked: Instant,
    pub change: AccountChange,
}

/// A client that waits for a provider of identities.
#[derive(Debug)]
pub struct PendingSignIn {
    pub reply_to: ReplyTo,
    /// The instruction that is to be answered.
    pub instruction: Instruction,
    /// The sign-in; `None` while it is begun.
    pub handle: Option<SignInHandle>,
}

/// A change of an account that a password confirms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChange {
    /// changePassword.
    Password,
    /// resetPassword with the code of this hash.
    Reset(ResetCodeHash),
    /// The same, sent again: its code may have been used by it.
    ResetAgain,
    /// changeEmail: the new address; `None` takes it away.
    Email(Option<Email>),
    /// deleteAccount.
    Deletion,
}

impl AccountChange {
    /// The instruction that asks for it.
    pub fn instruction(&self) -> Instruction {
        match self {
            AccountChange::Password => Instruction::ChangePassword,
            AccountChange::Reset(_) | AccountChange::ResetAgain => Instruction::ResetPassword,
            AccountChange::Email(_) => Instruction::ChangeEmail,
            AccountChange::Deletion => Instruction::DeleteAccount,
        }
    }
}

/// A login whose password is being verified.
pub struct PendingLogin {
    pub reply_to: ReplyTo,
    /// `None` if no account has the name.
    pub credentials: Option<Credentials>,
    /// Whether the session ends with its connection.
    pub expirable: bool,
    pub counted: CountedLogin,
    /// What it is told where the account has no password: with whom to sign in.
    pub third_party: Option<Refusal>,
}

/// The failed attempt that a login counts as until it succeeds.
#[derive(Debug, Clone)]
pub struct CountedLogin {
    /// The worker that named the client's address.
    pub worker: Uuid,
    /// The username in lower case.
    pub name: String,
    pub near: Neighbourhood,
    /// Whether it also counts for its name and worker: it does not come from where the account has
    /// logged in lately.
    pub is_stranger: bool,
    pub at: Instant,
}

/// A registration whose password is being hashed.
pub struct PendingRegistration {
    pub reply_to: ReplyTo,
    /// When it was counted.
    pub counted: Instant,
    pub username: Username,
    pub email: Email,
}

// --- mail, 3.1.3 ---

/// Most messages in mail's inbox. A request for a code that finds no room is passed over.
pub const MAIL_INBOX_MAX: usize = 256;

/// Mail's inbox.
#[derive(Debug)]
pub enum MailMessage {
    /// Somebody has forgotten a password.
    Reset(ResetRequest),
    /// From the sending thread: what became of an attempt with the mail of this number.
    Attempted(i64, Result<(), SmtpError>),
    /// For the administrator: the counters.
    Status(Sender<MailStatus>),
}

/// A request for a code, which was answered before anything was looked up.
#[derive(Debug, Clone)]
pub struct ResetRequest {
    /// A username, or an e-mail address.
    pub name_or_address: String,
    /// The worker that names the client's address.
    pub worker: Uuid,
    pub near: Neighbourhood,
}

/// Mail's counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailStatus {
    /// Mails in the outbox that wait.
    pub waiting: u64,
    /// Mails that were handed over since the start.
    pub sent: u64,
    /// Mails that were given up since the start.
    pub failed: u64,
    /// Mails since the start that found no room in the outbox.
    pub dropped: u64,
    /// What the last failed attempt met with, and when.
    pub last_error: Option<(Timestamp, String)>,
}

// --- workers, 3.1.5 ---

/// Most messages in the inbox of workers.
pub const WORKERS_INBOX_MAX: usize = 256;

/// The inbox of workers.
#[derive(Debug)]
pub enum WorkersMessage {
    /// A handshake has succeeded. The link session reads on after the answer, which is whether the
    /// worker is admitted.
    Linked(Arc<LinkedWorker>, Sender<bool>),
    /// A link has closed.
    Unlinked(Arc<LinkedWorker>),
    /// A worker's own figures.
    Report(ReplyTo, WorkerReport),
    /// New prices, to be pushed to every worker.
    Update(Update),
    /// Between two updates the market was paused, or goes on: every worker is told how it stands.
    MarketChanged,
    /// For the administrator: all registered workers.
    List(Sender<Vec<WorkerRow>>),
    /// For the administrator: keeps a worker's public key for the other masters of the database, before
    /// it is registered with that.
    KeepKey(Fingerprint, Vec<u8>, Sender<Result<(), String>>),
    /// For the administrator: registers a worker.
    Register(Registration, Sender<Result<WorkerServer, String>>),
    /// For the administrator: ends a registration. It cannot be undone.
    Unregister(String, Sender<Result<WorkerServer, String>>),
    /// For the administrator: closes a worker's link and refuses new ones.
    Boot(String, Sender<Result<WorkerServer, String>>),
    /// For the administrator: ends a `Boot`.
    Admit(String, Sender<Result<WorkerServer, String>>),
    /// For the administrator: changes a registration.
    Set(
        String,
        RegistrationChange,
        Sender<Result<WorkerServer, String>>,
    ),
    /// A look at the keys has found that this one of a worker is not fit any more: its link ends.
    Unfit {
        worker: Uuid,
        fingerprint: Fingerprint,
        /// Why, for people.
        why: String,
    },
}

/// A worker in the administrator's list.
#[derive(Debug, Clone)]
pub struct WorkerRow {
    pub worker: WorkerServer,
    /// Since when it is linked, and from which address; `None` while it is away.
    pub linked: Option<(Timestamp, SocketAddr)>,
    /// Since when it is away: its last link ended, or it was registered or admitted. `None` while it
    /// is linked or booted off, and where nothing of this has happened since the master started.
    pub left: Option<Timestamp>,
    /// Its last report, the time of arrival, and the worker's clock minus the master's in
    /// milliseconds.
    pub report: Option<(WorkerReport, Timestamp, i64)>,
}

/// Values that workers publishes and the other threads read.
#[derive(Debug, Clone)]
pub struct WorkersShared {
    pub registry: Arc<Published<Registry>>,
    /// The linked workers, by name.
    pub peers: Arc<Published<Vec<Arc<LinkedWorker>>>>,
    /// How many workers are expected to be linked. A reload changes it.
    pub expected: Arc<AtomicUsize>,
    /// `host:port` of each linked worker, by name.
    pub addresses: Arc<Published<Vec<String>>>,
}

// --- assets, 3.1.6 ---

/// Most messages in the inbox of assets.
pub const ASSETS_INBOX_MAX: usize = 4096;

/// Delivers an answer. It runs once, on the thread of assets, so it must not wait.
pub type AssetReply<T> = Box<dyn FnOnce(Result<T, Refusal>) + Send>;

/// Most queries that wait in the module. Beyond three quarters of all, who asks from one
/// neighbourhood or network gets no second place.
pub const ASSET_QUERIES_MAX: usize = 4096;

/// The inbox of assets.
pub enum AssetsMessage {
    /// A worker's query, which is answered in turn by who asks.
    Query(AssetAsker, AssetQuery),
    /// For the administrator: the counters.
    Status { reply: Sender<AssetsStatus> },
}

/// Who asks for stored bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AssetAsker {
    /// The worker that names the client's address.
    pub worker: Uuid,
    /// The neighbourhood of the client that asked first.
    pub near: Neighbourhood,
}

/// A query that needs stored bars.
pub enum AssetQuery {
    /// 4.6.9 to 4.6.13: stored bars, oldest first.
    Window {
        symbol: Symbol,
        window: Window,
        /// Whether the bars are adjusted for splits and dividends.
        adjusted: bool,
        reply: AssetReply<Vec<Bar>>,
    },
    /// 4.2.2: a predicted value.
    Predict {
        symbol: Symbol,
        date: Timestamp,
        reply: AssetReply<Forecast>,
    },
}

/// One update of prices, as transactions and workers get it.
#[derive(Debug, Clone)]
pub struct Update {
    /// Counts on over restarts.
    pub number: u64,
    /// When retrieval began. An order that was accepted later waits for the next update.
    pub began: Instant,
    /// `began` in wall time.
    pub began_stamp: Timestamp,
    /// Wall time of publication.
    pub published: Timestamp,
    /// All prices. `fresh` marks the new ones; `exhausted` says that no update follows.
    pub snapshot: Arc<PriceSnapshot>,
    /// Actions that take effect with this update, before its prices, in order; and those of earlier
    /// ones whose fractions have a price now.
    pub actions: Arc<[Action]>,
}

/// Most requests of administrators that wait for the updating thread.
pub const MARKET_REQUESTS_MAX: usize = 16;

/// What an administrator asks of the updating thread of assets, which takes it between two updates.
#[derive(Debug)]
pub enum MarketRequest {
    /// Accepts or refuses a held price.
    Review(ReviewRequest),
    /// Pauses the market, or lets it go on.
    Pause(PauseRequest),
}

/// A pause of the market, or its end.
#[derive(Debug)]
pub struct PauseRequest {
    /// Whether the market is to be paused.
    pub paused: bool,
    /// Since when the market is or was paused, wall time; or why nothing was done.
    pub reply: Sender<Result<Timestamp, String>>,
}

/// What an administrator says of a held price.
#[derive(Debug)]
pub struct ReviewRequest {
    pub symbol: Symbol,
    pub review: PriceReview,
    /// The held price after it, or why nothing was done.
    pub reply: Sender<Result<HeldPrice, String>>,
}

/// Counters of assets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsStatus {
    /// Number of the last update.
    pub number: u64,
    /// Assets on the list.
    pub assets: usize,
    /// Assets that have a price.
    pub priced: usize,
    /// Assets that got a price in the last update.
    pub fresh: usize,
    /// Wall time of the last publication.
    pub published: Timestamp,
    /// Wall time of the next update; `None` after the last one, and while the market is paused.
    pub next: Option<Timestamp>,
    /// Providers that served the last update.
    pub served: Vec<&'static str>,
    /// Failing providers, each with its error.
    pub failures: Vec<(String, String)>,
    /// Bars refused as implausible since the start.
    pub refused: u64,
    /// Scheduled updates that were missed since the start.
    pub missed: u64,
    /// Updates since the start that could not be stored.
    pub not_stored: u64,
    /// Why the latest update could not be stored; `None` if it was.
    pub store_error: Option<String>,
    /// When each provider last gave prices, wall time.
    pub served_at: Vec<(&'static str, Timestamp)>,
    /// The budget of API calls of each provider.
    pub calls: Vec<(&'static str, CallBudgetStatus)>,
    /// Assets whose past is not complete: it is being fetched, or a provider refuses it.
    pub unfilled: usize,
    /// Steps of the replay that follow.
    pub steps_left: Option<u64>,
    /// How long until the market ends; `None` if it does not.
    pub ends_in: Option<Duration>,
    /// Where prices come from now.
    pub market: Option<MarketKind>,
    /// Whether the market moves.
    pub state: MarketState,
    /// Since when the market is paused, wall time; `None` if it is not.
    pub paused: Option<Timestamp>,
    /// Market time; `None` before the first price.
    pub market_time: Option<Timestamp>,
    /// What is said of inputs that are not used, such as faulty market files.
    pub input_warnings: Vec<String>,
    /// What is said of corporate actions that are not applied.
    pub unapplied: Vec<String>,
}

/// The modules that receive every update.
#[derive(Debug)]
pub struct UpdateChannels {
    /// Settles the queue at its prices.
    pub transactions: Sender<TransactionsMessage>,
    /// Pushes its prices to every worker.
    pub workers: Sender<WorkersMessage>,
}

/// The sender to assets, and the values that assets publishes.
#[derive(Debug, Clone)]
pub struct AssetsHandle {
    pub(super) sender: Sender<AssetsMessage>,
    pub(super) requests: Sender<MarketRequest>,
    pub(super) prices: Arc<Published<PriceSnapshot>>,
    /// How far updates are.
    pub(super) progress: Arc<UpdateProgress>,
    /// Disconnects after the first update.
    pub(super) ready: Receiver<()>,
}

impl AssetsHandle {
    /// The sender to the inbox. Use `try_send`, and refuse with `overloaded` when it is full.
    pub fn sender(&self) -> &Sender<AssetsMessage> {
        &self.sender
    }

    /// The sender of administrators' requests.
    pub fn requests(&self) -> &Sender<MarketRequest> {
        &self.requests
    }

    /// The prices of the latest update, without a message to the module.
    pub fn prices(&self) -> Arc<PriceSnapshot> {
        self.prices.load()
    }

    /// Whether an update is under way of whose prices somebody may know, while a module that has
    /// handled the updates up to `handled` has not.
    pub fn is_updating(&self, handled: u64) -> bool {
        // In this order: prices are published before the flag falls.
        self.progress.is_under_way() || self.prices().number > handled
    }

    /// Wall time of the next update; `None` when none follows, or the market is paused.
    pub fn next_update(&self) -> Option<Timestamp> {
        self.progress.next()
    }

    /// The first update that an order accepted now takes part in: the next one whose retrieval has
    /// not begun. Read it after the moment of acceptance is taken: it is then never an update that
    /// began before that moment. Of an order that is accepted while a retrieval runs that fails, it
    /// is one too high.
    pub fn first_update(&self) -> u64 {
        self.progress.first()
    }

    /// Says that all updates up to this one are settled, those included that change nothing in the
    /// ledger. With the next update assets forgets them. What a kill makes of an update that was
    /// settled and not forgotten, `ledger_position` and the rows of its orders tell.
    pub fn note_settled(&self, number: u64) {
        self.progress.note_settled(number);
    }

    /// Waits until the first update has been published or has failed. After a failure the prices
    /// that the database held are in force. Returns false when `deadline` passes first.
    pub fn wait_ready(&self, deadline: Instant) -> bool {
        !matches!(
            self.ready.recv_deadline(deadline),
            Err(RecvTimeoutError::Timeout)
        )
    }
}

// --- transactions, 3.1.7 ---

/// Most messages in the inbox of transactions.
pub const TRANSACTIONS_INBOX_MAX: usize = 1024;

/// The inbox of transactions.
#[derive(Debug)]
pub enum TransactionsMessage {
    /// Orders and what is asked of them, in the order in which their worker sent them.
    Orders(Vec<OrderRequest>),
    /// New prices, to settle the queue at.
    Update(Update),
    /// For the administrator: gives an account cash, or takes some.
    Grant(Grant, AdminAct, Sender<Result<GrantOutcome, String>>),
    /// For the administrator: lets the account with this name begin anew.
    Restart(Username, AdminAct, Sender<Result<RestartOutcome, String>>),
    /// Cancels orders of an account.
    Cancel(AccountCancellation),
    /// For the administrator: the counters.
    Status(Sender<QueueStatus>),
    /// For the administrator: what the orders of an account hold back; why it cannot be read.
    Means(AccountId, Sender<Result<AccountMeans, String>>),
    /// New limits, after a reload.
    Limits(MasterLimits),
}

/// Cash that an administrator gives to an account or takes from it.
#[derive(Debug)]
pub struct Grant {
    pub username: Username,
    /// Below zero where it is taken. Not zero.
    pub amount: Money,
    /// What the account's owner reads: printable, not empty, at most
    /// [`GRANT_REASON_MAX`](crate::admin::protocol::GRANT_REASON_MAX) bytes.
    pub reason: String,
}

/// What came of a grant.
#[derive(Debug)]
pub struct GrantOutcome {
    /// Spelled as at registration.
    pub username: String,
    /// The cash after it.
    pub cash: Money,
    /// ID of its transaction.
    pub id: Uuid,
}

/// What came of a restart.
#[derive(Debug)]
pub struct RestartOutcome {
    /// Spelled as at registration.
    pub username: String,
    /// Orders that were cancelled, queued and open ones.
    pub cancelled: usize,
    /// Positions that were sold.
    pub sold: usize,
    /// Those of them that had no price, and were sold for nothing.
    pub unpriced: Vec<Symbol>,
    /// The cash of the account before its units were sold, and after all.
    pub before: Money,
    pub cash: Money,
}

/// Further writes of a commit that cancels the orders of an account, on the thread of transactions.
/// The inner error is the refusal of the whole: nothing is stored then.
pub type CancellationWrites =
    Box<dyn FnOnce(&mut Tx<'_>) -> Result<Result<(), Refusal>, StorageError> + Send>;

/// Takes the number of cancelled orders, or why nothing was done. It runs once, on the thread of
/// transactions.
pub type CancellationReply = Box<dyn FnOnce(Result<usize, Refusal>) + Send>;

/// An administrator who cancels orders of an account.
#[derive(Debug, Clone)]
pub struct AdminCancellation {
    /// The account's name, spelled as at registration.
    pub username: Username,
    pub act: AdminAct,
}

/// The end of orders of an account. Where an update is under way, it follows that.
pub struct AccountCancellation {
    pub account: AccountId,
    /// The number of the one order that ends, unless it has ended by then; `None`: all of them.
    pub order: Option<i64>,
    /// The administrator who asks for it, and for whom it is refused where it comes too late or no
    /// order ends; `None`: auth locks or deletes the account.
    pub by: Option<AdminCancellation>,
    /// Whether its transactions forget their clientOrderIDs.
    pub is_deletion: bool,
    /// What the same commit writes in other tables, before the orders are cancelled.
    pub writes: Option<CancellationWrites>,
    pub done: CancellationReply,
}

impl std::fmt::Debug for AccountCancellation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountCancellation({})", self.account.0)
    }
}

/// What a client asks of the queue and the book of orders.
#[derive(Debug)]
pub enum OrderRequest {
    /// purchaseAsset, sellAsset.
    Order(Order),
    /// placeOrder.
    Place(PlaceOrder),
    /// cancelOrder.
    Cancel(CancelOrder),
    /// replaceOrder.
    Replace(ReplaceOrder),
}

impl OrderRequest {
    /// The instruction that asks for it.
    pub fn instruction(&self) -> Instruction {
        match self {
            OrderRequest::Order(order) => order.instruction(),
            OrderRequest::Place(_) => Instruction::PlaceOrder,
            OrderRequest::Cancel(_) => Instruction::CancelOrder,
            OrderRequest::Replace(_) => Instruction::ReplaceOrder,
        }
    }

    /// The destination of the answer.
    pub fn reply_to(&self) -> &ReplyTo {
        match self {
            OrderRequest::Order(order) => &order.reply_to,
            OrderRequest::Place(order) => &order.reply_to,
            OrderRequest::Cancel(cancel) => &cancel.reply_to,
            OrderRequest::Replace(replace) => &replace.reply_to,
        }
    }
}

/// A placeOrder before its acceptance.
#[derive(Debug)]
pub struct PlaceOrder {
    /// As in [`Order`].
    pub reply_to: ReplyTo,
    /// As in [`Order`].
    pub account: Result<AccountId, Refusal>,
    /// Buy or sell.
    pub side: Side,
    pub symbol: Symbol,
    pub amount: OrderAmount,
    pub kind: OrderKind,
    /// `None`: the client said `-`.
    pub limit: Option<Money>,
    /// A price, or of a trailing order its distance. `None`: the client said `-`.
    pub stop: Option<TrailDistance>,
    pub time_in_force: TimeInForce,
    pub client_order_id: Option<ClientOrderId>,
}

/// A cancelOrder before its acceptance.
#[derive(Debug)]
pub struct CancelOrder {
    /// As in [`Order`].
    pub reply_to: ReplyTo,
    /// As in [`Order`].
    pub account: Result<AccountId, Refusal>,
    /// The transaction ID.
    pub id: Uuid,
}

/// A replaceOrder before its acceptance. `None` stays as it was.
#[derive(Debug)]
pub struct ReplaceOrder {
    /// As in [`Order`].
    pub reply_to: ReplyTo,
    /// As in [`Order`].
    pub account: Result<AccountId, Refusal>,
    /// The transaction ID of the order in whose place the new one is to be.
    pub id: Uuid,
    pub amount: Option<OrderAmount>,
    pub limit: Option<Money>,
    /// A price, or of a trailing order its distance.
    pub stop: Option<TrailDistance>,
    pub client_order_id: Option<ClientOrderId>,
}

/// A purchaseAsset or sellAsset before its acceptance.
#[derive(Debug)]
pub struct Order {
    /// The destination of the answer, and the identity of the link message.
    pub reply_to: ReplyTo,
    /// The account, or the refusal of its session. The repeat of an order that is already stored is
    /// answered in either case.
    pub account: Result<AccountId, Refusal>,
    /// Buy or sell.
    pub side: Side,
    pub symbol: Symbol,
    pub quantity: Quantity,
    pub client_order_id: Option<ClientOrderId>,
}

impl Order {
    /// `purchaseAsset` or `sellAsset`.
    pub fn instruction(&self) -> Instruction {
        Order::instruction_for(self.side)
    }

    /// The instruction of an order of this side.
    pub fn instruction_for(side: Side) -> Instruction {
        if side == Side::Sell {
            Instruction::SellAsset
        } else {
            Instruction::PurchaseAsset
        }
    }
}

/// What an account's orders hold back, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountMeans {
    /// Its orders on the queue.
    pub queued: usize,
    /// Its orders in the book.
    pub open: usize,
    /// What is held back for its purchases.
    pub reserved: Money,
    /// What a new market purchase may take; 0 where prices have fallen.
    pub buying_power: Money,
}

/// Counters of the queue.
#[derive(Debug, Clone)]
pub struct QueueStatus {
    pub queued: usize,
    /// Orders that wait in the book.
    pub open: usize,
    /// What all accounts hold back for purchases, in millionths.
    pub reserved: i128,
    /// The number of the newest order.
    pub last_number: i64,
    /// Orders that the last update settled or rejected.
    pub last_settled: usize,
    /// Duration of that settlement with its commit, in microseconds.
    pub last_micros: u64,
    /// Whether the last attempt to settle an update failed.
    pub is_failing: bool,
    /// The room on the database's disk, and how full that is; `None` where it is unknown.
    pub disk: Option<(DiskSpace, DiskLevel)>,
    /// What is said of the latest corrections that could not take all they should.
    pub written_off: Vec<String>,
    /// Grants and restarts since the start.
    pub account_events: [(AccountEvent, u64); 2],
}

// --- account queries, 4.6.14 to 4.6.16 ---

/// Most messages in the inbox of account queries.
pub const ACCOUNT_QUERIES_INBOX_MAX: usize = 1024;

/// The inbox of account queries.
#[derive(Debug)]
pub enum AccountQueriesMessage {
    /// The queries that one read of a link brought.
    Queries(Vec<(ReplyTo, AccountQuery)>),
    /// The link of this number, on which histories wait, has sent what it had or has ended.
    LinkDrained(u64),
}

/// A query about an account.
#[derive(Debug)]
pub struct AccountQuery {
    /// The account whose session the query carries.
    pub asker: AccountId,
    pub kind: AccountQueryKind,
}

/// The instruction of an account query, with its argument.
#[derive(Debug)]
pub enum AccountQueryKind {
    /// 4.6.14
    Info(Username),
    /// 4.6.15
    Portfolio(Username),
    /// 4.6.16
    History(Username),
    /// Explains the price of one of the asker's own transactions.
    Receipt(Uuid),
    /// The asker's orders that have no outcome yet.
    OpenOrders,
    /// What the asker has, may spend and has gained.
    Summary,
    /// So many transactions, older than one of them or the newest.
    HistoryPage(Username, Option<Uuid>, u16),
    /// All that the deployment has on the asker.
    Export,
}

impl AccountQuery {
    /// The instruction of this query.
    pub fn instruction(&self) -> Instruction {
        match self.kind {
            AccountQueryKind::Info(_) => Instruction::GetUserInfo,
            AccountQueryKind::Portfolio(_) => Instruction::GetUserPortfolio,
            AccountQueryKind::History(_) => Instruction::GetUserTransactionHistory,
            AccountQueryKind::Receipt(_) => Instruction::GetTransactionReceipt,
            AccountQueryKind::OpenOrders => Instruction::GetOpenOrders,
            AccountQueryKind::Summary => Instruction::GetAccountSummary,
            AccountQueryKind::HistoryPage(..) => Instruction::GetUserTransactionHistoryPage,
            AccountQueryKind::Export => Instruction::GetAccountExport,
        }
    }
}

// --- outside the graph: the control socket, SIGHUP ---

/// Senders to a running master's modules, for the control socket and SIGHUP.
#[derive(Debug, Clone)]
pub struct MasterChannels {
    /// 3.1.3
    pub auth: Sender<AuthMessage>,
    /// 3.1.5
    pub workers: Sender<WorkersMessage>,
    /// 3.1.6
    pub assets: AssetsHandle,
    /// 3.1.7
    pub transactions: Sender<TransactionsMessage>,
    pub shared: WorkersShared,
    /// `None`: no mail is sent.
    pub mail: Option<Sender<MailMessage>>,
    /// Refused handshakes and links that the master cut, counted by reason.
    pub refusals: Arc<Mutex<HashMap<String, u64>>>,
    /// Has keys looked at, and tells when they end.
    pub keys: KeyWatchHandle,
}
