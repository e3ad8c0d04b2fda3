//! spec/cli/papertrader/tui.md · 4.1, 4.6, 4.7
//!
//! The network thread of the full-screen view. It has the only connection, does what the view asks
//! for in turn, and tells what changes by itself. The view never waits for it.
//!
//! Tests: `tests/suite/client/tui.rs`.

use super::news::{NetworkNews, NetworkRequest};
use crate::cli::papertrader::commands::estimate::foresee;
use crate::cli::papertrader::outcome_words::{error_words, refusal_words};
use crate::client::connection::SubscriptionNotice;
use crate::client::order::{fresh_id, submit};
use crate::client::{
    BookRequest, Client, ClientError, OrderForm, OrderOutcome, OrderTimeouts, ServerInfo,
    WorkerPool,
};
use crate::model::{Money, ProtocolFault, QuoteValue, Reason, Symbol, Timestamp, Topic, Username};
use crate::runtime::backoff::{self, Backoff};
use crate::wire::payload::PageEntry;
use crate::wire::{ConnectionState, Window};
use crossbeam_channel::{Receiver, RecvTimeoutError, SendError, Sender, TryRecvError};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The longest wait for a notice before the view's next request is looked for.
const NOTICE_WAIT_INTERVAL: Duration = Duration::from_millis(50);
/// What changes by itself is asked for so often where nothing tells of a change: a subscription
/// ends with its session, and nobody is told.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(10);
/// It is asked for so often at most, however often prices change.
const REFRESH_MIN_INTERVAL: Duration = Duration::from_secs(1);
/// The first wait after all workers failed, and the longest.
const RETRY_FIRST_INTERVAL: Duration = Duration::from_millis(200);
const RETRY_MAX_INTERVAL: Duration = Duration::from_secs(5);
/// How long an order is repeated that was sent and not answered.
const ORDER_CONTACT_TIMEOUT: Duration = Duration::from_secs(60);
/// An order that could not go out for so long does not go out any more: the person looks at other
/// prices now.
const ORDER_AGE_MAX: Duration = Duration::from_secs(15);
/// Rows of the history that are asked for at once.
const HISTORY_PAGE_ROWS: u16 = 200;

/// What the network thread shares with the view.
pub struct NetworkEnds {
    /// What the view asks for, and when it did.
    pub requests: Receiver<(Instant, NetworkRequest)>,
    pub news: Sender<NetworkNews>,
}

/// Why the thread ends.
enum NetworkStop {
    /// The view is gone.
    Left,
    /// No worker would answer otherwise.
    Failed(ClientError),
}

impl<T> From<SendError<T>> for NetworkStop {
    fn from(_: SendError<T>) -> NetworkStop {
        NetworkStop::Left
    }
}

/// What a server tells of its market.
///
/// # Errors
/// Those of [`Client::server_info`]; [`ClientError::Protocol`] of a server of the first edition,
/// which knows too little for the view.
pub fn market(client: &mut Client) -> Result<(String, ServerInfo), ClientError> {
    let address = client.address().to_owned();
    match client.server_info()? {
        Some(info) => Ok((address, info)),
        None => Err(ClientError::Protocol {
            address,
            code: ProtocolFault::UnknownInstruction.into(),
            text: "the server does not tell what the full-screen view shows".to_owned(),
        }),
    }
}

/// Runs until the view is gone or its session has ended.
pub fn run(pool: WorkerPool, account: Username, ends: NetworkEnds) {
    let news = ends.news.clone();
    let mut thread = NetworkThread {
        pool,
        account,
        ends,
        linked: None,
        refreshed: None,
        is_due: true,
        is_list_due: true,
        update: None,
        market_time: None,
        prices: HashMap::new(),
        renewed: None,
        retries: Backoff::new(RETRY_FIRST_INTERVAL, RETRY_MAX_INTERVAL),
    };
    match thread.work() {
        NetworkStop::Left => {}
        // If the view is gone, nobody wants to know.
        NetworkStop::Failed(error) => drop(news.send(NetworkNews::Failed(error))),
    }
}

/// What came of waiting for a notice.
enum HeardNotice {
    /// A notice, or none in time.
    One(Option<SubscriptionNotice>),
    /// It is a new connection, and notices of before may be lost.
    Anew,
}

struct NetworkThread {
    pool: WorkerPool,
    account: Username,
    ends: NetworkEnds,
    /// The worker that answered last; none after a failure.
    linked: Option<String>,
    /// When what changes by itself was asked for last.
    refreshed: Option<Instant>,
    /// Whether something of it has changed since.
    is_due: bool,
    /// Whether prices have changed since the list of assets was read.
    is_list_due: bool,
    /// The update whose prices the list has, market time then, and these prices.
    update: Option<u64>,
    market_time: Option<Timestamp>,
    prices: HashMap<Symbol, Money>,
    /// When the subscriptions were made or renewed last.
    renewed: Option<Instant>,
    retries: Backoff,
}

impl NetworkThread {
    fn work(&mut self) -> NetworkStop {
        loop {
            if let Err(stop) = self.turn() {
                return stop;
            }
        }
    }

    /// Does what is asked for, then what is due, then waits for a notice or a request.
    fn turn(&mut self) -> Result<(), NetworkStop> {
        loop {
            match self.ends.requests.try_recv() {
                Ok((asked, request)) => self.serve(asked, request)?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Err(NetworkStop::Left),
            }
        }
        let least = if self.is_due {
            REFRESH_MIN_INTERVAL
        } else {
            RENEWAL_INTERVAL
        };
        let is_time = self.refreshed.is_none_or(|at| at.elapsed() >= least);
        let done = if is_time || self.linked.is_none() {
            self.refresh()?
        } else {
            self.listen()?
        };
        if done {
            return Ok(());
        }
        // No worker answers: the next try waits, unless the person asks for something.
        let wait = backoff::about(self.retries.next_wait());
        match self.ends.requests.recv_timeout(wait) {
            Ok((asked, request)) => self.serve(asked, request),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(NetworkStop::Left),
        }
    }

    fn tell(&self, news: NetworkNews) -> Result<(), NetworkStop> {
        Ok(self.ends.news.send(news)?)
    }

    /// Takes the result of a call in: whether a worker answered, and which. A refusal is an answer.
    fn heed<T>(&mut self, result: &Result<T, ClientError>) -> Result<(), NetworkStop> {
        match result {
            Err(error) if is_end_of_session(error) => Err(NetworkStop::Failed(error.clone())),
            Err(error) if error.is_about_the_worker() => {
                self.linked = None;
                self.tell(NetworkNews::Lost(error_words(error)))
            }
            Ok(_) | Err(_) => {
                self.retries.reset();
                let address = self.pool.address().map(str::to_owned);
                if let Some(address) = address.filter(|it| Some(it) != self.linked.as_ref()) {
                    self.linked = Some(address.clone());
                    self.is_due = true;
                    self.is_list_due = true;
                    self.tell(NetworkNews::Linked(address))?;
                }
                Ok(())
            }
        }
    }

    /// Waits a moment for notices. Whether a worker is there.
    fn listen(&mut self) -> Result<bool, NetworkStop> {
        let listened = self.pool.call(|client| {
            if client.connection().has_subscribed() {
                let notice = client.connection().next_notice(NOTICE_WAIT_INTERVAL);
                return notice.map(HeardNotice::One);
            }
            subscribe(client).map(|()| HeardNotice::Anew)
        });
        self.heed(&listened)?;
        let heard = match listened {
            Ok(HeardNotice::One(notice)) => notice,
            Ok(HeardNotice::Anew) => {
                self.renewed = Some(Instant::now());
                self.is_due = true;
                self.is_list_due = true;
                return Ok(true);
            }
            Err(error) if error.is_about_the_worker() => return Ok(false),
            Err(error) => return Err(NetworkStop::Failed(error)),
        };
        match heard {
            Some(SubscriptionNotice::Order(notice)) => {
                self.is_due = true;
                // What the account has is told at once.
                self.refreshed = None;
                self.tell(NetworkNews::Ended(notice))?;
            }
            Some(SubscriptionNotice::Quotes { time, quotes }) => {
                // What was in force follows each subscription, and is no news.
                let is_other = |it: &QuoteValue| self.prices.get(&it.symbol) != Some(&it.value);
                if Some(time) > self.market_time || quotes.iter().any(is_other) {
                    self.is_due = true;
                    self.is_list_due = true;
                }
            }
            Some(SubscriptionNotice::Dropped { .. }) => {
                self.is_due = true;
                self.is_list_due = true;
            }
            None => {}
        }
        Ok(true)
    }

    /// Asks for what changes by itself, and tells it. Whether a worker is there.
    fn refresh(&mut self) -> Result<bool, NetworkStop> {
        let (name, update) = (self.account.clone(), self.update);
        let is_list_due = self.is_list_due;
        let is_renewal = self
            .renewed
            .is_none_or(|at| at.elapsed() >= RENEWAL_INTERVAL);
        let asked = self.pool.call(|client| {
            if is_renewal || !client.connection().has_subscribed() {
                subscribe(client)?;
            }
            let (_, market) = market(client)?;
            let summary = client.account_summary()?;
            let is_old = is_list_due || Some(summary.update) != update;
            let quotes = is_old.then(|| client.quote_list()).transpose()?;
            let orders = client.open_orders()?.0;
            let page = history(client, &name, None)?;
            Ok((market, quotes, summary, orders, page))
        });
        self.heed(&asked)?;
        self.refreshed = Some(Instant::now());
        let (market, quotes, summary, orders, (rows, is_whole)) = match asked {
            Ok(told) => told,
            Err(error) if error.is_about_the_worker() => return Ok(false),
            Err(error) if is_for_now(&error) => {
                self.tell(NetworkNews::Lost(error_words(&error)))?;
                self.linked = None;
                return Ok(false);
            }
            Err(error) => return Err(NetworkStop::Failed(error)),
        };
        self.is_due = false;
        if is_renewal {
            self.renewed = Some(Instant::now());
            // Others may serve since; that they cannot be listed is no failure.
            drop(self.pool.list_workers());
        }
        self.market_time = market.market_time;
        self.tell(NetworkNews::Market(market))?;
        if let Some(quotes) = quotes {
            self.update = Some(quotes.update);
            self.is_list_due = false;
            let prices = quotes.rows.iter();
            let prices = prices.filter_map(|row| Some((row.symbol, row.quote?.value)));
            self.prices = prices.collect();
            self.tell(NetworkNews::Quotes(quotes))?;
        }
        self.tell(NetworkNews::Summary(Box::new(summary)))?;
        self.tell(NetworkNews::OpenOrders(orders))?;
        self.tell(NetworkNews::History(rows, is_whole))?;
        Ok(true)
    }

    /// Does what the view asks for, and tells what came of it.
    fn serve(&mut self, asked: Instant, request: NetworkRequest) -> Result<(), NetworkStop> {
        let news = match request {
            NetworkRequest::Chart(subject, end) => {
                let window = subject.range.window(end);
                let bars = self
                    .pool
                    .call(|client| client.bars(subject.symbol, window, subject.is_adjusted));
                self.heed(&bars)?;
                NetworkNews::Chart(subject, bars.map_err(|error| error_words(&error)))
            }
            NetworkRequest::Closes(symbol, end) => match self.closes(symbol, end)? {
                Some(news) => news,
                None => return Ok(()),
            },
            NetworkRequest::OlderHistory(before) => {
                let name = self.account.clone();
                let rows = self
                    .pool
                    .call(|client| history(client, &name, Some(before)));
                self.heed(&rows)?;
                NetworkNews::OlderHistory(before, rows.map_err(|error| error_words(&error)))
            }
            NetworkRequest::Receipt(id) => {
                let receipt = self.pool.call(|client| client.receipt(id));
                self.heed(&receipt)?;
                let lines = receipt.map(|receipt| receipt.0);
                NetworkNews::Receipt(id, lines.map_err(|error| error_words(&error)))
            }
            NetworkRequest::Foresee(form) => self.foresee(form)?,
            NetworkRequest::Place(form) => self.place(asked, form)?,
            NetworkRequest::Cancel(id) => {
                let cancelled = self.pool.call(|client| client.cancel_order(id));
                self.heed(&cancelled)?;
                self.is_due = true;
                self.refreshed = None;
                NetworkNews::Cancelled(cancelled.map_err(|error| error_words(&error)))
            }
            NetworkRequest::Refresh => {
                self.is_due = true;
                self.is_list_due = true;
                self.refreshed = None;
                return Ok(());
            }
        };
        self.tell(news)
    }

    /// A month's closes. After a loss they are asked for again by the view.
    fn closes(
        &mut self,
        symbol: Symbol,
        end: Timestamp,
    ) -> Result<Option<NetworkNews>, NetworkStop> {
        let window = Window::Month(end);
        let bars = self.pool.call(|client| client.bars(symbol, window, true));
        self.heed(&bars)?;
        Ok(match bars {
            Ok(bars) => {
                let closes = bars.iter().map(|bar| bar.close).collect();
                Some(NetworkNews::Closes(symbol, closes))
            }
            Err(error) if error.is_about_the_worker() => None,
            Err(_) => Some(NetworkNews::Closes(symbol, Vec::new())),
        })
    }

    /// Gives an order its ID, and finds out what it takes.
    fn foresee(&mut self, form: OrderForm) -> Result<NetworkNews, NetworkStop> {
        let id = match &form.id {
            Some(id) => id.clone(),
            None => match fresh_id() {
                Ok(id) => id,
                Err(error) => return Ok(NetworkNews::Unforeseen(form, error_words(&error))),
            },
        };
        let name = self.account.clone();
        let told = self.pool.call(|client| foresee(client, &name, &form));
        self.heed(&told)?;
        Ok(match told {
            Ok(told) => {
                let form = OrderForm {
                    id: Some(id),
                    ..form
                };
                NetworkNews::Foreseen(form, Box::new(told))
            }
            Err(error) => NetworkNews::Unforeseen(form, error_words(&error)),
        })
    }

    fn place(&mut self, asked: Instant, form: OrderForm) -> Result<NetworkNews, NetworkStop> {
        if asked.elapsed() > ORDER_AGE_MAX {
            let why = "the server did not answer for too long; order again".to_owned();
            return Ok(NetworkNews::Refused(form, why));
        }
        let timeouts = OrderTimeouts {
            contact: ORDER_CONTACT_TIMEOUT,
            ..OrderTimeouts::default()
        };
        let request = BookRequest::Place(form.clone());
        let placed = submit(&mut self.pool, &request, &timeouts, &mut |_| {});
        self.heed(&placed)?;
        self.is_due = true;
        self.refreshed = None;
        Ok(match placed {
            Ok(OrderOutcome::Placed(placed)) => NetworkNews::Placed(form, placed),
            Ok(OrderOutcome::Rejected(refusal, _)) => {
                let why = match refusal.reason.known() {
                    Some(Reason::Scope) => "this token may only read".to_owned(),
                    Some(_) | None => refusal_words(&refusal),
                };
                NetworkNews::Refused(form, why)
            }
            Ok(OrderOutcome::Filled(_) | OrderOutcome::Queued(_)) => {
                NetworkNews::Unknown(form, "an answer of another kind".to_owned())
            }
            Err(error @ (ClientError::Unknown { .. } | ClientError::Standing { .. })) => {
                NetworkNews::Unknown(form, error_words(&error))
            }
            Err(error) => NetworkNews::Refused(form, error_words(&error)),
        })
    }
}

/// Has the connection's worker tell of ends of orders and of new prices.
fn subscribe(client: &mut Client) -> Result<(), ClientError> {
    client.enter(ConnectionState::Command)?;
    let session = client.session().cloned().ok_or(ClientError::NoSession)?;
    client.connection().subscribe(&session, Topic::Orders)?;
    client.connection().subscribe(&session, Topic::Quotes)
}

/// A page of the history, and whether there is nothing older.
fn history(
    client: &mut Client,
    name: &Username,
    before: Option<Uuid>,
) -> Result<(Vec<PageEntry>, bool), ClientError> {
    let page = client.history_page(name, before, HISTORY_PAGE_ROWS)?;
    let is_whole = page.entries.len() < usize::from(HISTORY_PAGE_ROWS);
    Ok((page.entries, is_whole))
}

/// Whether the view's session has ended.
fn is_end_of_session(error: &ClientError) -> bool {
    match error {
        ClientError::NoSession => true,
        ClientError::Refused(refusal) => refusal.reason == Reason::SessionExpired,
        _ => false,
    }
}

/// Whether a refusal is of the moment alone.
fn is_for_now(error: &ClientError) -> bool {
    let ClientError::Refused(refusal) = error else {
        return false;
    };
    matches!(
        refusal.reason.known(),
        Some(Reason::Overloaded | Reason::InternalError | Reason::MasterUnavailable)
    )
}
