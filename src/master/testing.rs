//! spec/master.md · 3.1 Master Server, 2.1.7
//!
//! A master whose workers and whose market are the test. All its modules run on the test's own
//! thread, over a database in memory: [`MasterRig::run`] lets each handle what waits for it until
//! nothing does. No process, no GPG, no thread, no sleep; of sockets only the pair that a link is.

use super::account_queries::AccountQueries;
use super::assets::PriceSnapshot;
use super::assets::schedule::UpdateProgress;
use super::auth::Auth;
use super::auth::hashing::HashingPool;
use super::auth::hashing::testing::{self as hashing, ScriptedHasher};
use super::messages::{
    ACCOUNT_QUERIES_INBOX_MAX, ASSETS_INBOX_MAX, AUTH_INBOX_MAX, AccountQueriesMessage, AdminAct,
    AssetsHandle, AssetsMessage, AuthChannels, AuthMessage, AuthRequest, LinkRequest,
    MAIL_INBOX_MAX, MailMessage, Order, OrderRequest, QueueStatus, RouterMessage,
    TRANSACTIONS_INBOX_MAX, TransactionsMessage, Update, WORKERS_INBOX_MAX, WorkersMessage,
    WorkersShared,
};
use super::order_watchers::OrderWatchers;
use super::reply_to::{LinkedWorker, ReplyTo};
use super::router::MasterRouter;
use super::storage::accounts::NewAccount;
use super::storage::ledger::{HistoryBound, LedgerEntry, action_terms};
use super::storage::testing::Engine;
use super::third_party::ThirdParties;
use super::transactions::Transactions;
use super::workers::Workers;
use super::workers::registry::{Registration, Registry};
use crate::config::MasterConfig;
use crate::link::connection::LinkConnection;
use crate::link::envelope::{EnvelopeDecoder, EnvelopeHeader};
use crate::link::message::{BodyFrames, SessionHashes, SessionState};
use crate::link::record::{Opener, SealedChannel, Sealer, loopback};
use crate::model::{
    AccountId, Action, ActionId, Bar, ClientOrderId, Email, Fingerprint, HashedPass, Holdings,
    Money, Quantity, Reason, SessionId, Side, Symbol, Timestamp, Username, WorkerServer,
};
use crate::net::Flusher;
use crate::net::flusher::Flush;
use crate::runtime::published::Published;
use crate::runtime::{Module, Watchdog};
use crate::wire::payload::Payload;
use crate::wire::{FrameHeader, Instruction, Reassembly, Reply, Request};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long anything may take.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);
/// The number of the message behind which nothing waits any more.
const LAST: u64 = u64::MAX;
/// The client that a [`FakeLink`] asks for.
pub(crate) const CLIENT: &str = "192.0.2.1:40000";

/// A channel's both ends: the master keeps clones of the first.
pub(crate) struct Inbox<T> {
    pub(crate) sender: Sender<T>,
    pub(crate) receiver: Receiver<T>,
}

impl<T> Inbox<T> {
    fn new(bound: usize) -> Inbox<T> {
        let (sender, receiver) = bounded(bound);
        Inbox { sender, receiver }
    }
}

/// A master's modules, with the ends of their channels that a test looks at.
pub(crate) struct MasterRig {
    pub(crate) engine: Engine,
    pub(crate) config: MasterConfig,
    pub(crate) router: MasterRouter,
    pub(crate) auth: Auth,
    pub(crate) workers: Workers,
    pub(crate) transactions: Transactions,
    pub(crate) order_watchers: Arc<OrderWatchers>,
    pub(crate) account_queries: AccountQueries,
    pub(crate) shared: WorkersShared,
    pub(crate) of_auth: Inbox<AuthMessage>,
    pub(crate) of_workers: Inbox<WorkersMessage>,
    pub(crate) of_transactions: Inbox<TransactionsMessage>,
    pub(crate) of_account_queries: Inbox<AccountQueriesMessage>,
    /// What mail is asked; nobody handles it.
    pub(crate) of_mail: Inbox<MailMessage>,
    /// What the assets module is asked: the test answers it.
    pub(crate) of_assets: Inbox<AssetsMessage>,
    /// What is to be hashed; [`MasterRig::run`] does it.
    pub(crate) hash_jobs: ScriptedHasher,
    pub(crate) assets: AssetsHandle,
    flusher: Arc<Flusher>,
}

/// A user with a session.
#[derive(Debug, Clone)]
pub(crate) struct TestUser {
    pub(crate) account: AccountId,
    pub(crate) session: SessionId,
}

/// The configuration that a rig begins with.
pub(crate) fn config() -> MasterConfig {
    let key = "0123456789ABCDEF0123456789ABCDEF01234567";
    let text = format!("[gpg]\nkey = \"{key}\"\n[assets]\nsymbols = \"all\"\n[assets.replay]\n");
    MasterConfig::parse(&text, Path::new("/nonexistent/master.toml"))
        .unwrap()
        .0
}

impl MasterRig {
    /// A master of the default configuration, with AAPL and IBM, which have a price, and NEW, which
    /// has none.
    pub(crate) fn new() -> MasterRig {
        MasterRig::with(|_| {})
    }

    /// The same with a configuration that the test changes.
    pub(crate) fn with(change: impl FnOnce(&mut MasterConfig)) -> MasterRig {
        let mut config = config();
        change(&mut config);
        MasterRig::on(Engine::chosen(), config)
    }

    /// What a master finds that is started on this database.
    pub(crate) fn on(engine: Engine, config: MasterConfig) -> MasterRig {
        let prices = PriceSnapshot::new(["AAPL", "IBM", "NEW"].map(symbol).to_vec());
        let first = [
            (symbol("AAPL"), bar(1, "100")),
            (symbol("IBM"), bar(1, "50")),
        ];
        let prices = Arc::new(Published::new(prices.after(Timestamp::now(), &first)));
        let (of_assets, of_auth) = (Inbox::new(ASSETS_INBOX_MAX), Inbox::new(AUTH_INBOX_MAX));
        let of_workers = Inbox::new(WORKERS_INBOX_MAX);
        let of_transactions = Inbox::new(TRANSACTIONS_INBOX_MAX);
        let of_account_queries = Inbox::new(ACCOUNT_QUERIES_INBOX_MAX);
        let of_mail = Inbox::new(MAIL_INBOX_MAX);
        let assets = AssetsHandle {
            sender: of_assets.sender.clone(),
            requests: bounded(0).0,
            prices,
            progress: Arc::new(UpdateProgress::after(1, 1, Some(Timestamp::now()))),
            ready: bounded(0).1,
        };
        let shared = WorkersShared {
            registry: Arc::new(Published::new(
                Registry::load(&mut engine.storage()).unwrap(),
            )),
            peers: Arc::default(),
            addresses: Arc::default(),
            expected: Arc::new(config.expected_workers.into()),
        };
        let (pool, hash_jobs) = HashingPool::scripted();
        let changes = Arc::new(AtomicU64::new(0));
        let order_watchers = Arc::<OrderWatchers>::default();
        let channels = AuthChannels {
            transactions: of_transactions.sender.clone(),
            account_queries: of_account_queries.sender.clone(),
            peers: Arc::clone(&shared.peers),
            addresses: Arc::clone(&shared.addresses),
            registry: Arc::clone(&shared.registry),
            order_watchers: Arc::clone(&order_watchers),
            account_changes: Arc::clone(&changes),
            mail: Some(of_mail.sender.clone()),
            auth: of_auth.sender.clone(),
        };
        let heartbeat = Watchdog::new().register("account_queries");
        MasterRig {
            router: MasterRouter::new(
                of_auth.sender.clone(),
                of_workers.sender.clone(),
                assets.clone(),
            ),
            auth: Auth::new(
                engine.storage(),
                pool,
                &config,
                channels,
                ThirdParties::default(),
            )
            .unwrap(),
            workers: Workers::new(
                engine.storage(),
                &shared,
                of_auth.sender.clone(),
                assets.clone(),
                &config,
            ),
            transactions: Transactions::new(engine.storage(), assets.clone(), &config)
                .unwrap()
                .telling(Arc::clone(&order_watchers)),
            order_watchers,
            account_queries: AccountQueries::new(
                (engine.reader(), engine.scanner()),
                assets.clone(),
                (config.currency.clone(), config.fees),
                heartbeat,
                of_account_queries.sender.clone(),
                changes,
            ),
            engine,
            config,
            shared,
            of_auth,
            of_workers,
            of_transactions,
            of_account_queries,
            of_mail,
            of_assets,
            hash_jobs,
            assets,
            flusher: Flusher::new().unwrap(),
        }
    }

    /// The master that is started where this one was killed.
    pub(crate) fn restart(self) -> MasterRig {
        let (prices, next) = (self.assets.prices.load(), self.assets.next_update());
        let mut rig = MasterRig::on(self.engine, self.config);
        rig.assets.prices.store(PriceSnapshot::clone(&prices));
        rig.assets.progress.set_next(next);
        rig.assets.progress.set_first(prices.number + 1);
        // It finds the last prices, as in a master.
        let (storage, assets) = (rig.engine.storage(), rig.assets.clone());
        rig.transactions = Transactions::new(storage, assets, &rig.config)
            .unwrap()
            .telling(Arc::clone(&rig.order_watchers));
        rig
    }

    // --- running
    // -----------------------------------------------------------------------------------------

    /// Lets every module handle what waits for it, and the passwords be hashed, until nothing
    /// waits.
    pub(crate) fn run(&mut self) {
        loop {
            self.run_modules();
            let Some(job) = self.hash_jobs.take_done() else {
                return;
            };
            self.of_auth.sender.send(hashing::done(job)).unwrap();
        }
    }

    /// The same without hashing.
    pub(crate) fn run_modules(&mut self) {
        while turn(&mut self.workers, &self.of_workers.receiver)
            || turn(&mut self.auth, &self.of_auth.receiver)
            || turn(&mut self.transactions, &self.of_transactions.receiver)
            || turn(&mut self.account_queries, &self.of_account_queries.receiver)
            || work(&mut self.account_queries)
        {}
    }

    /// Hands the router what one read of a link brings, and lets all be handled.
    pub(crate) fn handle(&mut self, requests: Vec<(ReplyTo, LinkRequest)>) {
        self.router.on_message(RouterMessage(requests));
        self.run();
    }

    /// What a client is answered.
    pub(crate) fn ask(&mut self, link: &mut FakeLink, request: Request) -> Reply {
        let reply_to = link.reply_to();
        self.ask_as(link, reply_to, request)
    }

    /// What a client is answered whose request comes as `reply_to` says.
    pub(crate) fn ask_as(
        &mut self,
        link: &mut FakeLink,
        reply_to: ReplyTo,
        request: Request,
    ) -> Reply {
        let sequence = reply_to.sequence;
        self.handle(vec![(reply_to, link_request(request))]);
        link.reply(sequence)
    }

    /// The reason for which a client is refused.
    pub(crate) fn refused(&mut self, link: &mut FakeLink, request: Request) -> Reason {
        reason(&self.ask(link, request))
    }

    /// The payload that answers a client.
    pub(crate) fn payload<P: Payload>(&mut self, link: &mut FakeLink, request: Request) -> P {
        let reply_to = link.reply_to();
        let sequence = reply_to.sequence;
        self.handle(vec![(reply_to, link_request(request))]);
        link.payload(sequence)
    }

    // --- workers
    // -----------------------------------------------------------------------------------------

    /// Registers a worker.
    pub(crate) fn register_worker(&mut self, name: &str) -> WorkerServer {
        let number = self.shared.registry.load().all().count();
        let registration = Registration {
            name: name.to_owned(),
            fingerprint: Fingerprint::parse(&format!("{number:040}")).unwrap(),
            ip: [127, 0, 0, 1].into(),
            address: format!("127.0.0.1:{}", 2049 + number),
        };
        let (sender, answer) = bounded(1);
        self.workers
            .on_message(WorkersMessage::Register(registration, sender));
        answer.recv().unwrap().unwrap()
    }

    /// A link of a process of this worker that no module has been told of.
    pub(crate) fn open_link(&self, worker: &WorkerServer, boot: Uuid) -> FakeLink {
        FakeLink::open(worker.clone(), boot, &self.flusher)
    }

    /// A link that stands, of a worker that is registered if need be. What the master says first is
    /// read.
    pub(crate) fn link(&mut self, name: &str) -> FakeLink {
        let found = self.shared.registry.load().by_name(name).cloned();
        let worker = found.unwrap_or_else(|| self.register_worker(name));
        let mut link = self.open_link(&worker, Uuid::new_v4());
        self.tell_linked(&link);
        link.heard();
        link
    }

    /// Tells the master that a link stands.
    /// Whether the master admits its worker.
    pub(crate) fn tell_linked(&mut self, link: &FakeLink) -> bool {
        let (done, answer) = bounded(1);
        self.workers
            .on_message(WorkersMessage::Linked(Arc::clone(&link.peer), done));
        let is_admitted = answer.try_recv().unwrap();
        self.run();
        is_admitted
    }

    // --- users
    // -------------------------------------------------------------------------------------------

    /// A user who has registered and has logged in over this link.
    pub(crate) fn user(&mut self, link: &mut FakeLink, name: &str) -> TestUser {
        let account = self.account(name);
        let session = match self.ask(link, login(name, false)) {
            Reply::Session { id, .. } => id,
            other => panic!("{other:?}"),
        };
        TestUser { account, session }
    }

    /// Another session of a user.
    pub(crate) fn user_again(&mut self, link: &mut FakeLink, name: &str) -> SessionId {
        match self.ask(link, login(name, false)) {
            Reply::Session { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    /// An account, put straight into the database.
    pub(crate) fn account(&mut self, name: &str) -> AccountId {
        let username = Username::parse(name).unwrap();
        let new = NewAccount {
            username: username.clone(),
            email: Some(Email::parse(&email(name)).unwrap()),
            pass_hash: Some(hashing::hash(&pass(name))),
            created: Timestamp(1_000),
            starting_cash: self.config.starting_cash,
            worker: Uuid::nil(),
            boot: Uuid::nil(),
            sequence: 1,
            near: crate::runtime::neighbourhood::Neighbourhood::of(
                std::net::Ipv4Addr::LOCALHOST.into(),
            ),
        };
        let mut storage = self.engine.storage();
        storage.write(|tx| tx.insert_account(&new)).unwrap();
        let found = storage.read(|snapshot| snapshot.credentials(&username));
        found.unwrap().unwrap().account
    }

    /// Gives an account cash and positions, with what they cost.
    pub(crate) fn give(
        &mut self,
        account: AccountId,
        cash: &str,
        positions: &[(&str, &str, &str)],
    ) {
        let mut after = self.holdings(account);
        let before = after.clone();
        after.cash = money(cash);
        for (name, units, cost) in positions {
            after
                .positions
                .insert(symbol(name), (quantity(units), money(cost)));
        }
        let mut storage = self.engine.storage();
        storage
            .write(|tx| tx.store_holdings(account, &before, &after))
            .unwrap();
    }

    /// What an account has.
    pub(crate) fn holdings(&self, account: AccountId) -> Holdings {
        let mut storage = self.engine.storage();
        storage.read(|snapshot| snapshot.holdings(account)).unwrap()
    }

    // --- the market
    // --------------------------------------------------------------------------------------

    /// Publishes prices, whose retrieval begins now, and tells nobody of them yet.
    pub(crate) fn update(&mut self, closes: &[(&str, &str)]) -> Update {
        let before = self.assets.prices();
        let number = i64::try_from(before.number).unwrap() + 1;
        let bars: Vec<(Symbol, Bar)> = closes
            .iter()
            .map(|(name, close)| (symbol(name), bar(number, close)))
            .collect();
        self.update_with(&bars)
    }

    /// The same with these bars.
    pub(crate) fn update_with(&mut self, bars: &[(Symbol, Bar)]) -> Update {
        let before = self.assets.prices();
        let published = Timestamp::now();
        let update = Update {
            number: before.number + 1,
            began: Instant::now(),
            began_stamp: published,
            published,
            snapshot: Arc::new(before.after(published, bars)),
            actions: Arc::new([]),
        };
        self.publish(&update);
        update
    }

    /// Puts prices in force with which the market has begun, the same of all assets.
    pub(crate) fn begin_at(&mut self, close: &str) {
        let symbols: Vec<Symbol> = self.assets.prices().symbols().collect();
        let bars: Vec<(Symbol, Bar)> = symbols.iter().map(|it| (*it, bar(1, close))).collect();
        let prices = PriceSnapshot::new(symbols);
        let prices = prices.after(Timestamp::now(), &bars);
        self.assets.prices.store(prices);
    }

    /// Puts an update's prices in force.
    pub(crate) fn publish(&self, update: &Update) {
        self.assets
            .prices
            .store(PriceSnapshot::clone(&update.snapshot));
        self.assets.progress.set_first(update.number + 1);
    }

    /// Tells the modules of an update.
    pub(crate) fn tell(&mut self, update: &Update) {
        self.workers
            .on_message(WorkersMessage::Update(update.clone()));
        self.transactions
            .on_message(TransactionsMessage::Update(update.clone()));
        self.transactions.on_turn_end();
        self.run();
    }

    /// An update: new prices are published, and all is settled that can be.
    pub(crate) fn settle(&mut self, closes: &[(&str, &str)]) -> Update {
        let update = self.update(closes);
        self.tell(&update);
        update
    }

    /// What transactions tell the administrator.
    pub(crate) fn transactions_status(&mut self) -> QueueStatus {
        let (reply, answer) = crossbeam_channel::bounded(1);
        self.transactions
            .on_message(TransactionsMessage::Status(reply));
        answer.recv().unwrap()
    }

    /// Stores splits and dividends that come with an update, as the assets module does.
    pub(crate) fn act(&self, update: &mut Update, actions: &[Action]) {
        for action in actions {
            let (value, of, cash) = action_terms(action.kind);
            let target = action.kind.target();
            let target = target.map_or("NULL".to_owned(), |target| format!("'{target}'"));
            let price = |number: Option<i64>| number.map_or("NULL".to_owned(), |it| it.to_string());
            let in_lieu = action.in_lieu;
            let made = ActionId::nth(action.kind, action.time, 1);
            let id = action.id.or(made).unwrap();
            self.engine.execute(&format!(
                "INSERT INTO actions VALUES ('{}', '{}', {}, {}, {}, {value}, {of}, {target}, {cash},
                 {}, {}, {})",
                action.symbol,
                id.as_str(),
                update.number,
                action.time.0,
                action.kind.number(),
                u8::from(action.is_late),
                price(in_lieu.map(|price| price.value.0)),
                price(in_lieu.map(|price| price.update.cast_signed())),
            ));
        }
        update.actions = actions.into();
    }

    // --- orders
    // ------------------------------------------------------------------------------------------

    /// Hands over orders that came with one read, as auth does, and lets them be handled.
    pub(crate) fn order_all(&mut self, orders: Vec<Order>) {
        self.transactions.on_message(TransactionsMessage::Orders(
            orders.into_iter().map(OrderRequest::Order).collect(),
        ));
        self.transactions.on_turn_end();
    }

    /// Hands over what came with one read, as auth does, and lets it be handled.
    pub(crate) fn request_all(&mut self, requests: Vec<OrderRequest>) {
        self.transactions
            .on_message(TransactionsMessage::Orders(requests));
        self.transactions.on_turn_end();
    }

    /// The ledger's entry of the order that a message brought.
    pub(crate) fn entry(&self, link: &FakeLink, sequence: u64) -> Option<LedgerEntry> {
        let (worker, boot) = (link.peer.worker.uuid, link.peer.boot);
        let mut storage = self.engine.storage();
        storage
            .read(|snapshot| snapshot.order_by_message(&worker, &boot, sequence))
            .unwrap()
    }

    /// All entries of an account, oldest first.
    pub(crate) fn entries(&self, account: AccountId) -> Vec<LedgerEntry> {
        let mut storage = self.engine.storage();
        let entries = storage.read(|snapshot| {
            let mut ids = Vec::new();
            let bound = HistoryBound {
                newest: Uuid::max(),
                endings: u64::MAX,
            };
            snapshot.history(account, &bound, Uuid::max(), usize::MAX, |row| {
                ids.insert(0, row.id);
                std::ops::ControlFlow::Continue(())
            })?;
            let entry = |id: &Uuid| Ok(snapshot.transaction(account, id)?.unwrap());
            ids.iter().map(entry).collect()
        });
        entries.unwrap()
    }

    // --- a database that fails
    // ---------------------------------------------------------------------------

    /// From now on nothing can be read of this table or written to it.
    pub(crate) fn break_table(&self, table: &str) {
        self.engine
            .execute(&format!("ALTER TABLE {table} RENAME TO broken_{table}"));
    }

    /// The table is there again.
    pub(crate) fn mend_table(&self, table: &str) {
        self.engine
            .execute(&format!("ALTER TABLE broken_{table} RENAME TO {table}"));
    }

    /// From now on a change of this kind (`INSERT`, `UPDATE`, `DELETE`) of this table fails.
    pub(crate) fn refuse_changes(&self, change: &str, table: &str) {
        self.engine.refuse(change, table, "");
    }

    /// Changes succeed again.
    pub(crate) fn allow_changes(&self) {
        self.engine.allow();
    }
}

/// Lets a module take one turn as its loop does; false where nothing waits for it.
fn turn<M: Module>(module: &mut M, inbox: &Receiver<M::Message>) -> bool {
    let Ok(message) = inbox.try_recv() else {
        return false;
    };
    module.on_message(message);
    let mut taken = 1;
    while taken < M::BATCH_MAX
        && !module.is_turn_full()
        && let Ok(message) = inbox.try_recv()
    {
        module.on_message(message);
        taken += 1;
    }
    module.on_turn_end();
    true
}

/// Lets a module do what needs no message; false where nothing is left.
fn work<M: Module>(module: &mut M) -> bool {
    let has_work = module.has_work();
    if has_work {
        module.on_turn_end();
    }
    has_work
}

/// A client's request as its worker passes it on.
pub(crate) fn link_request(request: Request) -> LinkRequest {
    match request {
        Request::AssetInfo { .. }
        | Request::AssetCurrent { .. }
        | Request::AssetWindow { .. }
        | Request::AssetPredicted { .. }
        | Request::QuoteList
        | Request::AssetList => LinkRequest::Asset(request),
        _ => LinkRequest::Auth(AuthRequest::Request(request)),
    }
}

// --- the worker's end of a link
// --------------------------------------------------------------------------

/// A link whose worker is the test.
pub(crate) struct FakeLink {
    /// What the master knows of it.
    pub(crate) peer: Arc<LinkedWorker>,
    /// Whether the master has ended it.
    pub(crate) is_over: bool,
    socket: TcpStream,
    sealer: Sealer,
    opener: Opener,
    /// The master's half that opens what the worker says, for whoever reads the link.
    pub(crate) masters_opener: Option<Opener>,
    decoder: EnvelopeDecoder,
    sequence: u64,
    heard: VecDeque<HeardMessage>,
}

/// What the master said in one message.
#[derive(Debug, Clone)]
pub(crate) struct HeardMessage {
    /// Of the request that it answers; 0 for a push.
    pub(crate) sequence: u64,
    /// Its frames.
    pub(crate) frames: Vec<(FrameHeader, Vec<u8>)>,
}

impl HeardMessage {
    /// The instruction of its first frame.
    pub(crate) fn instruction(&self) -> Instruction {
        Instruction::from_number(self.frames[0].0.instruction).unwrap()
    }

    /// The data of its first frame.
    pub(crate) fn data(&self) -> &[u8] {
        &self.frames[0].1
    }

    /// What its last frame tells a client.
    pub(crate) fn reply(&self) -> Reply {
        let (header, data) = self.frames.last().unwrap();
        Reply::read(header, data).unwrap()
    }

    /// What it says of a session first of all.
    pub(crate) fn session(&self) -> SessionState {
        assert_eq!(self.instruction(), Instruction::LinkSession);
        SessionState::from_bytes(self.data()).unwrap()
    }
}

impl FakeLink {
    fn open(worker: WorkerServer, boot: Uuid, flusher: &Arc<Flusher>) -> FakeLink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (masters, _) = listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.set_nodelay(true).unwrap();
        let (ours, theirs) = loopback().unwrap();
        let link = LinkConnection::new(masters, theirs.sealer, Arc::clone(flusher)).unwrap();
        let SealedChannel { sealer, opener } = ours;
        FakeLink {
            decoder: EnvelopeDecoder::new(worker.uuid),
            peer: Arc::new(LinkedWorker {
                worker,
                boot,
                link,
                since: Timestamp::now(),
            }),
            is_over: false,
            socket,
            sealer,
            opener,
            masters_opener: Some(theirs.opener),
            sequence: 0,
            heard: VecDeque::new(),
        }
    }

    /// The way back for the next request, of a client.
    pub(crate) fn reply_to(&mut self) -> ReplyTo {
        self.sequence += 1;
        self.message(self.sequence)
    }

    /// The way back for a request of this number.
    pub(crate) fn message(&self, sequence: u64) -> ReplyTo {
        ReplyTo {
            peer: Arc::clone(&self.peer),
            sequence,
            timestamp: Timestamp::now(),
            client: Some(CLIENT.parse().unwrap()),
            again: false,
        }
    }

    /// Says something over the link itself, for whoever reads it.
    pub(crate) fn say(&mut self, header: &EnvelopeHeader, fill: impl FnOnce(&mut Vec<u8>)) {
        let (mut plain, mut sealed) = (Vec::new(), Vec::new());
        header.append_with(&mut plain, fill).unwrap();
        self.sealer.seal(&plain, &mut sealed).unwrap();
        self.socket.write_all(&sealed).unwrap();
    }

    /// The header of a message of this number.
    pub(crate) fn header(&self, sequence: u64) -> EnvelopeHeader {
        EnvelopeHeader {
            worker: self.peer.worker.uuid,
            boot: self.peer.boot,
            sequence,
            timestamp: Timestamp::now(),
            client: Some(CLIENT.parse().unwrap()),
        }
    }

    /// Ends the stream behind what was said, as a worker's death does.
    pub(crate) fn cut_sending(&self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// All that the master has said, in order, since this was last asked.
    pub(crate) fn heard(&mut self) -> Vec<HeardMessage> {
        self.message(LAST).send(|out| Reply::Pong.write(out));
        let deadline = Instant::now() + TEST_TIMEOUT;
        let mut chunk = vec![0; 65_536];
        while !self.is_over && self.heard.back().is_none_or(|heard| heard.sequence != LAST) {
            match self.socket.read(&mut chunk) {
                Ok(0) => self.is_over = true,
                Ok(size) => self.take(&chunk[..size]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    // What the socket did not take at once.
                    self.peer.link.flush();
                    assert!(
                        Instant::now() < deadline,
                        "the master's words do not arrive"
                    );
                    std::thread::yield_now();
                }
                Err(_) => self.is_over = true,
            }
        }
        self.heard
            .drain(..)
            .filter(|heard| heard.sequence != LAST)
            .collect()
    }

    fn take(&mut self, bytes: &[u8]) {
        self.opener.open(bytes, self.decoder.input()).unwrap();
        while let Some(envelope) = self.decoder.next().unwrap() {
            let frame = |frame: Result<(FrameHeader, &[u8], &[u8]), _>| {
                let (header, data, _) = frame.unwrap();
                (header, data.to_vec())
            };
            self.heard.push_back(HeardMessage {
                sequence: envelope.header.sequence,
                frames: BodyFrames::new(envelope.body).map(frame).collect(),
            });
        }
    }

    /// What was pushed, and nothing else.
    pub(crate) fn pushes(&mut self) -> Vec<Instruction> {
        let heard = self.heard();
        assert!(heard.iter().all(|heard| heard.sequence == 0), "{heard:?}");
        heard.iter().map(HeardMessage::instruction).collect()
    }

    /// The sessions that the master has said have ended.
    pub(crate) fn ended_sessions(&mut self) -> SessionHashes {
        let all = self.heard();
        let ended = all
            .iter()
            .filter(|heard| heard.instruction() == Instruction::LinkSessionsEnded);
        SessionHashes(
            ended
                .flat_map(|heard| SessionHashes::from_bytes(heard.data()).unwrap().0)
                .collect(),
        )
    }

    /// The one answer to a request, of which nothing is heard but pushes beside it.
    pub(crate) fn answer(&mut self, sequence: u64) -> HeardMessage {
        let mut answers: Vec<HeardMessage> = self.answers();
        assert_eq!(answers.len(), 1, "{answers:?}");
        let answer = answers.remove(0);
        assert_eq!(answer.sequence, sequence);
        answer
    }

    /// All answers that have come.
    pub(crate) fn answers(&mut self) -> Vec<HeardMessage> {
        let mut heard = self.heard();
        heard.retain(|heard| heard.sequence != 0);
        heard
    }

    /// The same as a client hears them.
    pub(crate) fn replies(&mut self) -> Vec<(u64, Reply)> {
        let answers = self.answers();
        answers
            .iter()
            .map(|heard| (heard.sequence, heard.reply()))
            .collect()
    }

    /// The one answer to a request, as its client hears it.
    pub(crate) fn reply(&mut self, sequence: u64) -> Reply {
        self.answer(sequence).reply()
    }

    /// The payload that answers a request, over however many messages.
    pub(crate) fn payload<P: Payload>(&mut self, sequence: u64) -> P {
        let mut reassembly = Reassembly::default();
        for heard in self.answers() {
            assert_eq!(heard.sequence, sequence);
            for (header, data) in &heard.frames {
                assert_eq!(
                    header.instruction,
                    Instruction::Data.number(),
                    "{:?}",
                    heard.reply()
                );
                if let Some(payload) = reassembly.push(header, data).unwrap() {
                    return P::from_bytes(&payload).unwrap();
                }
            }
        }
        panic!("no whole payload answers it")
    }
}

// --- values
// ----------------------------------------------------------------------------------------------

/// An act of root that need not begin for so long: no time at all is too late.
pub(crate) fn act_within(wait: Duration) -> AdminAct {
    AdminAct {
        caller: "user root (0)".to_owned(),
        until: Instant::now() + wait,
    }
}

/// An act of root that is in time.
pub(crate) fn act() -> AdminAct {
    act_within(TEST_TIMEOUT * 10)
}

pub(crate) fn symbol(name: &str) -> Symbol {
    Symbol::parse(name).unwrap()
}

pub(crate) fn money(text: &str) -> Money {
    Money::parse_rounded(text).unwrap()
}

pub(crate) fn quantity(text: &str) -> Quantity {
    Quantity::parse_quantity(text).unwrap()
}

pub(crate) fn order_id(text: &str) -> Option<ClientOrderId> {
    Some(ClientOrderId::parse(text).unwrap())
}

/// The bar of minute `minute` of the market's first day.
pub(crate) fn bar(minute: i64, close: &str) -> Bar {
    let start = Timestamp::parse("2013-03-01").unwrap();
    let price = money(close);
    Bar {
        time: Timestamp(start.0 + minute * 60_000),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 10,
    }
}

/// A user's password, as clients send it.
pub(crate) fn pass(name: &str) -> HashedPass {
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    HashedPass::parse(&format!("{digits:0>64}")).unwrap()
}

pub(crate) fn email(name: &str) -> String {
    format!("{name}@example.org")
}

pub(crate) fn login(name: &str, expirable: bool) -> Request {
    Request::Login {
        username: Username::parse(name).unwrap(),
        hashed_pass: pass(name),
        expirable,
    }
}

pub(crate) fn register(name: &str) -> Request {
    Request::Register {
        username: Username::parse(name).unwrap(),
        email: Email::parse(&email(name)).unwrap(),
        hashed_pass: pass(name),
    }
}

/// Why a client was refused.
pub(crate) fn reason(reply: &Reply) -> Reason {
    match reply {
        Reply::Fail(_, refusal) => refusal.reason.known().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Fills an order for so many units of an asset at `price`, without a fee. Returns the total.
pub(crate) fn fill_at(
    holdings: &mut Holdings,
    side: Side,
    (symbol, units): (Symbol, Quantity),
    price: Money,
) -> Result<Money, Reason> {
    let total = match side {
        Side::Buy => units.cost_at(price),
        Side::Sell => units.worth_at(price),
        Side::Split | Side::Dividend => return Err(Reason::ArgumentInvalid),
    };
    let total = total.ok_or(Reason::QuantityInvalid)?;
    holdings.trade(side, symbol, units, (total, holdings.cash))?;
    Ok(total)
}

/// An order as auth passes it on.
pub(crate) fn order(
    reply_to: ReplyTo,
    account: AccountId,
    side: Side,
    name: &str,
    units: &str,
) -> Order {
    Order {
        reply_to,
        account: Ok(account),
        side,
        symbol: symbol(name),
        quantity: quantity(units),
        client_order_id: None,
    }
}
