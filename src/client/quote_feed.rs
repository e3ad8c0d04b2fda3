//! spec/client.md · 3.1.6, 4.1 (prices without asking)
//!
//! The latest prices of some assets, over and over: told by notices where the worker tells them, else
//! asked for. With them come the ends of orders.

use super::connection::SubscriptionNotice;
use super::{Client, ClientError};
use crate::model::{OpenValue, ProtocolFault, Quote, QuoteValue, Reason, Symbol, Timestamp, Topic};
use crate::wire::reply::OrderNotice;
use crate::wire::{ConnectionState, Refusal};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// The edition of the protocol that has notices.
const NOTICES_EDITION: u16 = 2;

/// How long a subscription is trusted: it ends with its session, and nobody is told.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(10);

/// Ends of orders that are kept until they are taken. Of more the oldest are dropped.
pub const ENDED_ORDERS_MAX: usize = 1024;

/// The latest prices of some assets. It goes on where the client connects to another worker.
#[derive(Debug)]
pub struct QuoteFeed {
    symbols: Vec<Symbol>,
    known: HashMap<Symbol, Quote>,
    /// Whether prices are asked for each time: the worker tells none.
    asks: bool,
    /// The assets whose next notice tells what was in force when they were subscribed to.
    awaited: HashSet<Symbol>,
    /// When prices were subscribed to last.
    renewed: Option<Instant>,
    renewal: Duration,
    /// Whether the ends of the account's orders are wanted, too.
    has_orders: bool,
    ended_orders: VecDeque<OrderNotice>,
}

impl QuoteFeed {
    /// A feed of these assets.
    pub fn new(symbols: &[Symbol]) -> QuoteFeed {
        QuoteFeed {
            symbols: symbols.to_vec(),
            known: HashMap::new(),
            asks: false,
            awaited: HashSet::new(),
            renewed: None,
            renewal: RENEWAL_INTERVAL,
            has_orders: false,
            ended_orders: VecDeque::new(),
        }
    }

    /// A feed of these assets, and of the ends of the account's orders, where the worker tells them.
    pub fn with_orders(symbols: &[Symbol]) -> QuoteFeed {
        QuoteFeed {
            has_orders: true,
            ..QuoteFeed::new(symbols)
        }
    }

    /// The orders that have ended since the last call, in their order, as far as notices have told.
    pub fn ended_orders(&mut self) -> Vec<OrderNotice> {
        self.ended_orders.drain(..).collect()
    }

    /// The latest price of each asset, in their order, or why there is none. The first call asks,
    /// and subscribes; later ones take what notices have brought, and subscribe again from time to
    /// time.
    ///
    /// # Errors
    /// As [`Client::quotes`]; the refusal of a session that has ended.
    pub fn quotes(
        &mut self,
        client: &mut Client,
    ) -> Result<Vec<Result<Quote, Refusal>>, ClientError> {
        let is_due = self
            .renewed
            .is_none_or(|renewed| renewed.elapsed() >= self.renewal);
        let has_subscribed = client.connection().has_subscribed();
        if !self.asks && has_subscribed && !self.take_notices(client)? && !is_due {
            let known = self.symbols.iter().map(|it| self.known.get(it).copied());
            if let Some(known) = known.collect::<Option<Vec<Quote>>>() {
                return Ok(known.into_iter().map(Ok).collect());
            }
        }
        let answers = client.quotes(&self.symbols)?;
        for (symbol, answer) in self.symbols.iter().zip(&answers) {
            if let Ok(quote) = answer {
                self.known.insert(*symbol, *quote);
            }
        }
        let is_subscribed = has_subscribed && !is_due;
        if !self.asks && !is_subscribed && answers.iter().all(Result::is_ok) {
            self.asks = !self.subscribe(client)?;
        }
        Ok(answers)
    }

    /// Takes what notices have brought. Whether some were missed.
    fn take_notices(&mut self, client: &mut Client) -> Result<bool, ClientError> {
        let mut is_missing = false;
        while let Some(notice) = client.connection().next_notice(Duration::ZERO)? {
            match notice {
                SubscriptionNotice::Quotes { time, quotes } => {
                    quotes.into_iter().for_each(|quote| self.learn(time, quote));
                }
                SubscriptionNotice::Dropped { topic, .. } => {
                    is_missing |= topic != Topic::Orders;
                }
                SubscriptionNotice::Order(end) => {
                    if self.ended_orders.len() == ENDED_ORDERS_MAX {
                        self.ended_orders.pop_front();
                    }
                    self.ended_orders.push_back(end);
                }
            }
        }
        Ok(is_missing)
    }

    /// A price that was in force already keeps the time at which it was new. A later one is new, also
    /// where it equals the last.
    fn learn(&mut self, time: Timestamp, QuoteValue { symbol, value }: QuoteValue) {
        let was_in_force = self.awaited.remove(&symbol);
        let is_equal = self
            .known
            .get(&symbol)
            .is_some_and(|quote| quote.value == value);
        if !(was_in_force && is_equal) {
            self.known.insert(symbol, Quote { time, value });
        }
    }

    /// Subscribes to the assets on this connection, or again. False where the worker tells no
    /// prices, or no more topics.
    fn subscribe(&mut self, client: &mut Client) -> Result<bool, ClientError> {
        let is_renewal = client.connection().has_subscribed();
        if !is_renewal {
            let info = client.server_info()?;
            let edition = info.and_then(|info| info.edition).unwrap_or_default();
            if edition < NOTICES_EDITION {
                return Ok(false);
            }
        }
        client.enter(ConnectionState::Command)?;
        let session = client.need_session()?;
        // The first goes alone on a new connection: a worker that is older than notices answers it
        // and closes, and requests behind it might cut that answer off.
        let quotes = self.symbols.iter().map(|it| Topic::QuotesOf(*it));
        let orders = self.has_orders.then_some(Topic::Orders);
        let topics: Vec<Topic> = quotes.chain(orders).collect();
        let alone = usize::from(!is_renewal).min(topics.len());
        let (alone, together) = topics.split_at(alone);
        for topics in [alone, together] {
            let answers = match client.connection().subscribe_all(&session, topics) {
                Ok(answers) => answers,
                // The next call makes another connection.
                Err(ClientError::Protocol {
                    code: OpenValue::Known(ProtocolFault::UnknownInstruction),
                    ..
                }) => return Ok(false),
                Err(other) => return Err(other),
            };
            let mut is_refused = false;
            for (topic, answer) in topics.iter().zip(answers) {
                match (topic, answer) {
                    (_, Err(refusal)) if refusal.reason == Reason::SessionExpired => {
                        return Err(ClientError::Refused(refusal));
                    }
                    (Topic::QuotesOf(symbol), Ok(())) => {
                        self.awaited.insert(*symbol);
                    }
                    // Prices go on without the ends of orders.
                    (Topic::Orders, _) | (Topic::Quotes, Ok(())) => {}
                    (Topic::Quotes | Topic::QuotesOf(_), Err(_)) => is_refused = true,
                }
            }
            if is_refused {
                // Subscribed to before, it is asked for until it is renewed.
                return Ok(is_renewal);
            }
        }
        self.renewed = Some(Instant::now());
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ServerConnection;
    use super::super::testing::MockServer;
    use super::*;
    use crate::model::{Money, NameValue, SessionId};
    use crate::wire::payload::Payload;
    use crate::wire::reply::failure_of;
    use crate::wire::{Reply, Request};

    const DEADLINE: Duration = Duration::from_secs(10);

    fn symbol() -> Symbol {
        Symbol::parse("AAPL").unwrap()
    }

    fn quote(value: i64) -> Quote {
        Quote {
            time: Timestamp(value),
            value: Money(value),
        }
    }

    fn notice(value: i64) -> Reply {
        Reply::QuoteNotice {
            time: Timestamp(100 + value),
            quotes: vec![QuoteValue {
                symbol: symbol(),
                value: Money(value),
            }],
        }
    }

    /// A worker of this edition, whose price is dearer by one at each question.
    fn worker(edition: &'static str, has_notices: bool) -> (MockServer, Client) {
        let server = MockServer::start(move |_, mut peer| {
            let mut asked = 0;
            while let Some(request) = peer.request() {
                match request {
                    Request::GetServerInfo => {
                        let fact = NameValue::new("edition", edition).unwrap();
                        peer.send(&Reply::ServerInfo(vec![fact]));
                    }
                    Request::SwitchState { state, .. } => peer.send(&Reply::StateSwitched(state)),
                    Request::AssetCurrent { .. } => {
                        asked += 1;
                        peer.payload(&quote(asked).to_bytes());
                    }
                    Request::Subscribe { topic, .. } if has_notices => {
                        peer.send(&Reply::Subscribed(topic));
                        peer.send(&notice(1));
                    }
                    Request::Ping => {
                        peer.send(&notice(7));
                        peer.send(&notice(8));
                        peer.send(&Reply::Pong);
                    }
                    Request::GetWorkerList => {
                        let (topic, count) = (Topic::QuotesOf(symbol()), 1);
                        peer.send(&Reply::NoticesDropped { topic, count });
                        peer.send(&Reply::WorkerList(Vec::new()));
                    }
                    other => {
                        let code = OpenValue::Known(ProtocolFault::UnknownInstruction);
                        peer.send(&Reply::ProtocolError(code, format!("{other:?}")));
                        return;
                    }
                }
            }
        });
        let connection = ServerConnection::connect(&server.address, DEADLINE).unwrap();
        let session = Some(SessionId::from_bytes([1; 32]));
        (server, Client::new(connection, session))
    }

    #[test]
    fn prices_are_asked_for_once_and_then_told() {
        let (_server, mut client) = worker("2", true);
        let mut feed = QuoteFeed::new(&[symbol()]);
        let mut next = |client: &mut Client| feed.quotes(client).unwrap()[0].clone().unwrap();
        assert_eq!(next(&mut client), quote(1));
        assert_eq!(next(&mut client), quote(1), "in force since before");
        client.ping().unwrap();
        let told = Quote {
            time: Timestamp(108),
            value: Money(8),
        };
        assert_eq!(next(&mut client), told);
        client.connection().call(&Request::GetWorkerList).unwrap();
        assert_eq!(next(&mut client), quote(2), "some were missed: asked again");
    }

    #[test]
    fn a_worker_that_tells_no_prices_is_asked() {
        let (_server, mut client) = worker("1", false);
        let mut feed = QuoteFeed::new(&[symbol()]);
        for value in 1..4 {
            let answers = feed.quotes(&mut client).unwrap();
            assert_eq!(answers, [Ok(quote(value))]);
        }
        // An earlier worker of this edition closes the connection.
        let (server, mut client) = worker("2", false);
        let mut feed = QuoteFeed::new(&[symbol()]);
        assert_eq!(feed.quotes(&mut client).unwrap(), [Ok(quote(1))]);
        assert!(feed.quotes(&mut client).unwrap_err().is_about_the_worker());
        let connection = ServerConnection::connect(&server.address, DEADLINE).unwrap();
        let mut client = Client::new(connection, Some(SessionId::from_bytes([1; 32])));
        for value in 1..4 {
            assert_eq!(feed.quotes(&mut client).unwrap(), [Ok(quote(value))]);
        }
    }

    /// A worker of one price, whose time it tells as 1 when asked, and whose session ends with the
    /// second subscription. A ping brings a notice.
    fn steady_worker() -> (MockServer, Client) {
        let server = MockServer::start(move |_, mut peer| {
            let mut subscribed = 0;
            while let Some(request) = peer.request() {
                match request {
                    Request::GetServerInfo => {
                        let fact = NameValue::new("edition", "2").unwrap();
                        peer.send(&Reply::ServerInfo(vec![fact]));
                    }
                    Request::SwitchState { state, .. } => peer.send(&Reply::StateSwitched(state)),
                    Request::AssetCurrent { .. } => peer.payload(&quote(1).to_bytes()),
                    Request::Subscribe { topic, .. } if subscribed == 0 => {
                        subscribed += 1;
                        peer.send(&Reply::Subscribed(topic));
                        peer.send(&notice(1));
                    }
                    Request::Ping => {
                        peer.send(&notice(1));
                        peer.send(&Reply::Pong);
                    }
                    other => {
                        let refusal = Refusal::session_expired();
                        peer.send(&Reply::Fail(failure_of(other.instruction()), refusal));
                    }
                }
            }
        });
        let connection = ServerConnection::connect(&server.address, DEADLINE).unwrap();
        let session = Some(SessionId::from_bytes([1; 32]));
        (server, Client::new(connection, session))
    }

    #[test]
    fn a_new_price_that_equals_the_last_has_its_own_time() {
        let (_server, mut client) = steady_worker();
        let mut feed = QuoteFeed::new(&[symbol()]);
        let mut next = |client: &mut Client| feed.quotes(client).unwrap()[0].clone().unwrap();
        assert_eq!(next(&mut client), quote(1));
        // The notice of the subscription comes before that of the ping, so both are here.
        client.ping().unwrap();
        let told = Quote {
            time: Timestamp(101),
            value: Money(1),
        };
        assert_eq!(next(&mut client), told);
    }

    #[test]
    fn a_feed_whose_session_has_ended_fails() {
        let (_server, mut client) = steady_worker();
        let mut feed = QuoteFeed::new(&[symbol()]);
        assert_eq!(feed.quotes(&mut client).unwrap(), [Ok(quote(1))]);
        feed.renewal = Duration::ZERO;
        let error = feed.quotes(&mut client).unwrap_err();
        assert!(
            matches!(&error, ClientError::Refused(it) if it.reason == Reason::SessionExpired),
            "{error:?}"
        );
    }

    /// A worker of one price, which tells the end of an order at a ping, if it is subscribed to.
    fn ordering_worker() -> (MockServer, Client) {
        let server = MockServer::start(move |_, mut peer| {
            let mut topics = Vec::new();
            while let Some(request) = peer.request() {
                match request {
                    Request::GetServerInfo => {
                        let fact = NameValue::new("edition", "2").unwrap();
                        peer.send(&Reply::ServerInfo(vec![fact]));
                    }
                    Request::SwitchState { state, .. } => peer.send(&Reply::StateSwitched(state)),
                    Request::AssetCurrent { .. } => peer.payload(&quote(1).to_bytes()),
                    Request::Subscribe { topic, .. } => {
                        topics.push(topic);
                        peer.send(&Reply::Subscribed(topic));
                    }
                    Request::Ping => {
                        if topics.contains(&Topic::Orders) {
                            peer.send(&Reply::OrderNotice(order_end()));
                        }
                        peer.send(&Reply::Pong);
                    }
                    _ => return,
                }
            }
        });
        let connection = ServerConnection::connect(&server.address, DEADLINE).unwrap();
        let session = Some(SessionId::from_bytes([1; 32]));
        (server, Client::new(connection, session))
    }

    fn order_end() -> OrderNotice {
        OrderNotice {
            id: uuid::Uuid::from_u128(7),
            status: crate::model::TransactionStatus::Cancelled.into(),
            symbol: symbol(),
            quantity: crate::model::Quantity(1),
            price: None,
            total: None,
            time: Timestamp(1),
            reason: Some(Reason::Cancelled.into()),
        }
    }

    #[test]
    fn the_ends_of_orders_come_with_prices_where_they_are_wanted() {
        for (mut feed, ends) in [
            (QuoteFeed::with_orders(&[symbol()]), vec![order_end(); 2]),
            (QuoteFeed::new(&[symbol()]), Vec::new()),
        ] {
            let (_server, mut client) = ordering_worker();
            feed.quotes(&mut client).unwrap();
            client.ping().unwrap();
            client.ping().unwrap();
            assert_eq!(feed.quotes(&mut client).unwrap(), [Ok(quote(1))]);
            assert_eq!(feed.ended_orders(), ends);
            assert_eq!(feed.ended_orders(), [], "each is told once");
        }
    }

    /// A worker of so many prices, which answers no subscription before all
    /// are here that go together: the first alone, the others, and all at a renewal.
    fn together_worker(symbols: usize) -> (MockServer, Client) {
        let server = MockServer::start(move |_, mut peer| {
            let mut expected = [1, symbols - 1, symbols].into_iter();
            let mut topics = Vec::new();
            let mut wanted = expected.next();
            while let Some(request) = peer.request() {
                match request {
                    Request::GetServerInfo => {
                        let fact = NameValue::new("edition", "2").unwrap();
                        peer.send(&Reply::ServerInfo(vec![fact]));
                    }
                    Request::SwitchState { state, .. } => peer.send(&Reply::StateSwitched(state)),
                    Request::AssetCurrent { .. } => peer.payload(&quote(1).to_bytes()),
                    Request::Subscribe { topic, .. } => {
                        topics.push(topic);
                        if Some(topics.len()) == wanted {
                            for topic in topics.drain(..) {
                                peer.send(&Reply::Subscribed(topic));
                            }
                            wanted = expected.next();
                        }
                    }
                    _ => return,
                }
            }
        });
        let connection = ServerConnection::connect(&server.address, DEADLINE).unwrap();
        let session = Some(SessionId::from_bytes([1; 32]));
        (server, Client::new(connection, session))
    }

    #[test]
    fn assets_are_subscribed_to_together() {
        let symbols = ["A", "B", "C", "D"].map(|it| Symbol::parse(it).unwrap());
        let (_server, mut client) = together_worker(symbols.len());
        let mut feed = QuoteFeed::new(&symbols);
        feed.quotes(&mut client).unwrap();
        assert!(feed.renewed.is_some() && feed.awaited.len() == symbols.len());
        feed.renewal = Duration::ZERO;
        feed.quotes(&mut client).unwrap();
        assert!(!feed.asks, "it is told");
    }
}
