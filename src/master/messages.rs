//! spec/master/messages.md · 3.1 Master Server, 2.2.1
//!
//! What the threads of the master send each other: the message of every inbox with all that it carries,
//! the inbox's bound, and the ways into the modules. Decides nothing.

use super::assets::budget::CallBudgetStatus;
use super::assets::snapshot::PriceSnapshot;
use super::reply_to::{LinkedWorker, ReplyTo};
use super::storage::accounts::Credentials;
use super::workers::registry::{Registration, Registry};
use crate::config::MasterLimits;
use crate::link::message::WorkerReport;
use crate::model::{
    AccountId, Action, Bar, ClientOrderId, Email, HashedPass, Quantity, Session, SessionHash, Side, Symbol,
    Timestamp, Username, WorkerServer,
};
use crate::runtime::published::Published;
use crate::wire::payload::Forecast;
use crate::wire::{Instruction, Refusal, Request, Window};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;
use uuid::Uuid;

// --- router, 3.1.1 ---

/// Socket reads that may wait for the router.
pub const ROUTER_INBOX_MAX: usize = 1024;

/// What one read of a link brought, in its order.
#[derive(Debug)]
pub struct RouterMessage(pub Vec<(ReplyTo, LinkRequest)>);

/// What a worker asks or reports, by the module that it goes to.
#[derive(Debug)]
pub enum LinkRequest {
    /// Whatever comes with a session, or about one.
    Auth(AuthRequest),
    /// A client's request about an asset.
    Asset(Request),
    /// What the worker reports of itself.
    Report(WorkerReport),
}

// --- auth, 3.1.3 ---

/// Messages that may wait for auth.
pub const AUTH_INBOX_MAX: usize = 1024;

/// What auth is told and asked. Holds secrets, and so cannot be printed.
pub enum AuthMessage {
    /// What one read of a link brought.
    Requests(Vec<(ReplyTo, AuthRequest)>),
    /// From the hashing pool: whether a login's password belongs to what is stored.
    Verified(Box<PendingLogin>, bool),
    /// From the hashing pool: what is to be stored for a registration, unless the system has no random
    /// bytes.
    Hashed(Box<PendingRegistration>, Option<String>),
    /// A worker has been away for so long, or has started again so recently, that the expirable sessions
    /// of its earlier processes are over. `None`: of all its processes.
    WorkerAway(Uuid, Option<Uuid>),
    /// For the administrator: the active sessions, or those of a user.
    List(Option<String>, Sender<Vec<SessionRow>>),
    /// For the administrator: ends sessions, and answers how many.
    End(SessionFilter, Sender<usize>),
    /// For the administrator.
    Status(Sender<AuthStatus>),
    /// The configuration's limits have changed.
    Limits(MasterLimits),
}

/// What may be asked with or about a session.
#[derive(Debug)]
pub enum AuthRequest {
    /// A client's request that carries a session or credentials.
    Request(Request),
    /// A worker's: is it active?
    Session(SessionHash),
    /// A worker's: the connections that made these expirable sessions are closed.
    ConnectionClosed(Vec<SessionHash>),
}

/// A session, as administrators see it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// The first 8 characters of its hash.
    pub prefix: String,
    /// The session.
    pub session: Session,
}

/// Which sessions an administrator ends.
#[derive(Debug, Clone)]
pub enum SessionFilter {
    /// The one whose hash begins so.
    Prefix(String),
    /// An account's.
    User(String),
    /// Those made through a worker.
    Worker(Uuid),
}

/// How auth is doing.
#[derive(Debug, Clone, Copy)]
pub struct AuthStatus {
    /// Accounts registered.
    pub accounts: i64,
    /// Sessions active.
    pub sessions: usize,
    /// Requests, since the start, with a session that is not active: over, or made up.
    pub inactive: u64,
}

/// What auth needs of the rest.
#[derive(Debug)]
pub struct AuthChannels {
    /// Orders go there.
    pub transactions: Sender<TransactionsMessage>,
    /// Queries about accounts go there.
    pub account_queries: Sender<AccountQueriesMessage>,
    /// The standing links, which are told of ended sessions.
    pub peers: Arc<Published<Vec<Arc<LinkedWorker>>>>,
    /// `host:port` of each available worker.
    pub addresses: Arc<Published<Vec<String>>>,
}

// --- the hashing pool of auth, 3.1.3 ---

/// Jobs that may wait for each thread of the pool.
pub const HASH_JOBS_MAX: usize = 32;

/// What the pool is to compute.
pub enum HashJob {
    /// Does the password belong to this hash? For an unknown name the hash is one that fits nothing, so
    /// that the answer takes as long.
    Verify {
        /// What was sent.
        hashed_pass: HashedPass,
        /// What is stored.
        stored: String,
        /// The login that waits for it.
        pending: Box<PendingLogin>,
    },
    /// A hash to be stored.
    Hash {
        /// What was sent.
        hashed_pass: HashedPass,
        /// The registration that waits for it.
        pending: Box<PendingRegistration>,
    },
}

/// A login whose password is being verified.
pub struct PendingLogin {
    /// Where its answer goes.
    pub reply_to: ReplyTo,
    /// The account's; `None` where nobody has the name.
    pub credentials: Option<Credentials>,
    /// Whether the session ends with its connection.
    pub expirable: bool,
    /// The failed attempt that it counts as until it succeeds.
    pub counted: (String, IpAddr, Instant),
}

/// A registration whose password is being hashed.
pub struct PendingRegistration {
    /// Where its answer goes.
    pub reply_to: ReplyTo,
    /// As asked for.
    pub username: Username,
    /// As asked for.
    pub email: Email,
}

// --- workers, 3.1.5 ---

/// Messages that may wait for workers.
pub const WORKERS_INBOX_MAX: usize = 256;

/// What workers is told and asked.
#[derive(Debug)]
pub enum WorkersMessage {
    /// A link has proven itself. It is read from once this is answered.
    Linked(Arc<LinkedWorker>, Sender<()>),
    /// A link is over.
    Unlinked(Arc<LinkedWorker>),
    /// What a worker reports of itself.
    Report(ReplyTo, WorkerReport),
    /// New prices, for every worker.
    Update(Update),
    /// For the administrator: all of them.
    List(Sender<Vec<WorkerRow>>),
    /// For the administrator: registers a worker.
    Register(Registration, Sender<Result<WorkerServer, String>>),
    /// For the administrator: ends a worker's registration for good.
    Unregister(String, Sender<Result<WorkerServer, String>>),
    /// For the administrator: ends a worker's link and keeps it out.
    Boot(String, Sender<Result<WorkerServer, String>>),
    /// For the administrator: lets it in again.
    Admit(String, Sender<Result<WorkerServer, String>>),
}

/// A worker, as administrators see it.
#[derive(Debug, Clone)]
pub struct WorkerRow {
    /// As it was registered.
    pub worker: WorkerServer,
    /// When its link stood, and where from; `None` while it is away.
    pub linked: Option<(Timestamp, SocketAddr)>,
    /// Its last report, when it came, and how far its clock differed then, in milliseconds.
    pub report: Option<(WorkerReport, Timestamp, i64)>,
}

/// What workers publishes for the rest of the master to read.
#[derive(Debug, Clone)]
pub struct WorkersShared {
    /// Who is registered.
    pub registry: Arc<Published<Registry>>,
    /// The standing links.
    pub peers: Arc<Published<Vec<Arc<LinkedWorker>>>>,
    /// `host:port` of each available worker.
    pub addresses: Arc<Published<Vec<String>>>,
}

// --- assets, 3.1.6 ---

/// Messages that may wait for assets.
pub const ASSETS_INBOX_MAX: usize = 4096;

/// Takes an answer to where it belongs; called once, on the module's thread, so it must not wait.
pub type AssetReply<T> = Box<dyn FnOnce(Result<T, Refusal>) + Send>;

/// What assets is asked.
pub enum AssetsMessage {
    /// 4.6.9 to 4.6.13: past values, oldest first.
    Window {
        /// Of which asset.
        symbol: Symbol,
        /// Which ones.
        window: Window,
        /// Adjusted for splits and dividends.
        adjusted: bool,
        /// Takes the answer.
        reply: AssetReply<Vec<Bar>>,
    },
    /// 4.2.2: a predicted future value.
    Predict {
        /// Of which asset.
        symbol: Symbol,
        /// For when.
        date: Timestamp,
        /// Takes the answer.
        reply: AssetReply<Forecast>,
    },
    /// For the administrator.
    Status {
        /// Takes the answer.
        reply: Sender<AssetsStatus>,
    },
}

/// One update: everything that other modules need of it.
#[derive(Debug, Clone)]
pub struct Update {
    /// Its number; goes on over restarts.
    pub number: u64,
    /// When retrieval began: an order accepted after it waits for the next update.
    pub began: Instant,
    /// The same in wall time.
    pub began_stamp: Timestamp,
    /// When its prices were published, in wall time.
    pub published: Timestamp,
    /// The prices; `fresh` says which are new, `exhausted` that none will follow.
    pub snapshot: Arc<PriceSnapshot>,
    /// Splits and dividends in force from this update on, to be applied before its prices, in order.
    pub actions: Arc<[Action]>,
}

/// How assets is doing.
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
    /// When the last update was published, in wall time.
    pub published: Timestamp,
    /// When the next is due, in wall time; `None` after the last.
    pub next: Option<Timestamp>,
    /// Which providers served the last update.
    pub served: Vec<&'static str>,
    /// What is wrong with which provider.
    pub failures: Vec<(String, String)>,
    /// Bars refused as junk since the start.
    pub refused: u64,
    /// Points of the schedule that were missed since the start.
    pub missed: u64,
    /// Each API's budget of calls.
    pub calls: Vec<(&'static str, CallBudgetStatus)>,
    /// Assets of which past days are still being fetched.
    pub unfilled: usize,
}

/// The modules that are told of every update.
#[derive(Debug)]
pub struct UpdateChannels {
    /// Settles the queue at its prices.
    pub transactions: Sender<TransactionsMessage>,
    /// Pushes its prices to every worker.
    pub workers: Sender<WorkersMessage>,
}

/// How the rest of the master reaches assets, and reads what it publishes.
#[derive(Debug, Clone)]
pub struct AssetsHandle {
    pub(super) sender: Sender<AssetsMessage>,
    pub(super) prices: Arc<Published<PriceSnapshot>>,
    /// When the next update is due, in milliseconds since 1970; `i64::MAX` when none follows.
    pub(super) next: Arc<AtomicI64>,
    /// Disconnected after the first update.
    pub(super) ready: Receiver<()>,
}

impl AssetsHandle {
    /// Its inbox; send with `try_send`, and refuse as `overloaded` when it is full.
    pub fn sender(&self) -> &Sender<AssetsMessage> {
        &self.sender
    }

    /// The prices now in force: for the list, current values, and latest info, without asking the module.
    pub fn prices(&self) -> Arc<PriceSnapshot> {
        self.prices.load()
    }

    /// When the next update is due, in wall time; `None` when none follows.
    pub fn next_update(&self) -> Option<Timestamp> {
        Some(self.next.load(Ordering::Relaxed))
            .filter(|next| *next != i64::MAX)
            .map(Timestamp)
    }

    /// Waits until the first update has been published, or has failed (then what the database held is in
    /// force). Whether that was so by the deadline.
    pub fn wait_ready(&self, deadline: Instant) -> bool {
        !matches!(self.ready.recv_deadline(deadline), Err(RecvTimeoutError::Timeout))
    }
}

// --- transactions, 3.1.7 ---

/// Messages that may wait for transactions.
pub const TRANSACTIONS_INBOX_MAX: usize = 1024;

/// What transactions is told and asked.
#[derive(Debug)]
pub enum TransactionsMessage {
    /// Orders, in the order in which their worker sent them.
    Orders(Vec<Order>),
    /// New prices.
    Update(Update),
    /// For the administrator.
    Status(Sender<QueueStatus>),
    /// The configuration's limits have changed.
    Limits(MasterLimits),
}

/// An order on its way to the queue.
#[derive(Debug)]
pub struct Order {
    /// Where its answer goes, and which message it is.
    pub reply_to: ReplyTo,
    /// Whose it is, or why it is nobody's. An order that is queued already is answered all the same.
    pub account: Result<AccountId, Refusal>,
    /// Buy or sell.
    pub side: Side,
    /// Of which asset.
    pub symbol: Symbol,
    /// How many units.
    pub quantity: Quantity,
    /// The client's own name for it.
    pub client_order_id: Option<ClientOrderId>,
}

impl Order {
    /// The instruction that brought it.
    pub fn instruction(&self) -> Instruction {
        Order::instruction_for(self.side)
    }

    /// The instruction that brings orders of this side.
    pub fn instruction_for(side: Side) -> Instruction {
        if side == Side::Sell {
            Instruction::SellAsset
        } else {
            Instruction::PurchaseAsset
        }
    }
}

/// How the queue is doing.
#[derive(Debug, Clone, Copy)]
pub struct QueueStatus {
    /// Orders queued.
    pub queued: usize,
    /// The last place given.
    pub last_number: i64,
    /// Orders that the last update settled or rejected.
    pub last_settled: usize,
    /// How long that took, with its commit, in microseconds.
    pub last_micros: u64,
}

// --- account queries, 4.6.14 to 4.6.16 ---

/// Messages that may wait for account queries.
pub const ACCOUNT_QUERIES_INBOX_MAX: usize = 1024;

/// What account queries is asked: what one read of a link brought.
#[derive(Debug)]
pub struct AccountQueriesMessage(pub Vec<(ReplyTo, AccountQuery)>);

/// A query about an account, and whose session asks it.
#[derive(Debug)]
pub struct AccountQuery {
    /// Whose session.
    pub asker: AccountId,
    /// What about.
    pub kind: AccountQueryKind,
}

/// What is asked of an account.
#[derive(Debug)]
pub enum AccountQueryKind {
    /// 4.6.14
    Info(Username),
    /// 4.6.15
    Portfolio(Username),
    /// 4.6.16
    History(Username),
    /// Why a transaction of the asker's own got its price.
    Receipt(Uuid),
}

impl AccountQuery {
    /// The instruction that brought it.
    pub fn instruction(&self) -> Instruction {
        match self.kind {
            AccountQueryKind::Info(_) => Instruction::GetUserInfo,
            AccountQueryKind::Portfolio(_) => Instruction::GetUserPortfolio,
            AccountQueryKind::History(_) => Instruction::GetUserTransactionHistory,
            AccountQueryKind::Receipt(_) => Instruction::GetTransactionReceipt,
        }
    }
}

// --- whoever steers the master from outside the graph: administrators, SIGHUP ---

/// Ways into the modules of a running master.
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
    /// What workers publishes.
    pub shared: WorkersShared,
    /// Refused handshakes, and links that ended for what was said over them, by reason.
    pub refusals: Arc<Mutex<HashMap<String, u64>>>,
}
