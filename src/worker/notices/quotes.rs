//! spec/worker/notices.md · 3.1.6, 4.1 (quoteNotice)
//!
//! Tells new prices to the connections that are subscribed to them, once an update. The frames of an
//! update are made once, whoever they go to.
//!
//! Tests: `src/worker/tests/notices.rs`.

use super::super::cache::snapshot::QuoteSnapshot;
use super::super::messages::{QuoteNoticesMessage, SubscriptionRequest};
use super::super::notice_sender::NewsCount;
use super::Subscription;
use crate::model::{QuoteValue, Reason, SessionHash, Symbol, Timestamp, Topic};
use crate::runtime::Module;
use crate::runtime::clock::RemoteClock;
use crate::wire::frame::HEADER_BYTES;
use crate::wire::{DATA_MAX, Refusal, Reply};
use crate::worker::client::WorkerClient;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// Sessions that the topics of a connection last with at most. Each stays in the session cache.
pub const TOPIC_SESSIONS_MAX: usize = 8;
/// The longest frame of a quoteNotice: half of the least `max_unsent`.
const FRAME_BYTES_MAX: usize = DATA_MAX;
/// Bytes of the longest `SYMBOL=value` with the space before it.
const QUOTE_BYTES_MAX: usize = 1 + 16 + 1 + 20;
/// Bytes of a market time.
const TIME_BYTES_MAX: usize = 32;
/// Quotes of one frame at most.
const FRAME_QUOTES_MAX: usize = (FRAME_BYTES_MAX - HEADER_BYTES - TIME_BYTES_MAX) / QUOTE_BYTES_MAX;

/// A connection that is subscribed to quotes.
#[derive(Debug)]
struct QuoteSubscriber {
    client: Arc<WorkerClient>,
    all: Option<Subscription>,
    assets: BTreeMap<Symbol, Subscription>,
}

impl QuoteSubscriber {
    /// How many sessions its topics last with, once it has subscribed to one with this session: all
    /// assets or one.
    fn sessions(&self, symbol: Option<Symbol>, session: SessionHash, now: Timestamp) -> usize {
        let all = self.all.iter().filter(|_| symbol.is_some());
        let assets = self.assets.iter();
        let assets = assets.filter(|(asset, _)| Some(**asset) != symbol);
        let others = all.chain(assets.map(|(_, subscription)| subscription));
        let active = others.filter(|it| it.is_active(now));
        let mut sessions: HashSet<SessionHash> = active.map(|it| it.session.hash).collect();
        sessions.insert(session);
        sessions.len()
    }

    /// Tells the new prices of single assets, together: a write for each of many topics would hold
    /// up the thread, which serves all connections.
    fn tell_assets(&mut self, frames: &mut QuoteFrames, now: Timestamp) {
        let connection = &self.client.connection;
        let (mut due, mut new) = (Vec::new(), Vec::new());
        for (symbol, subscription) in &mut self.assets {
            let frame = frames.of_asset(*symbol);
            let Some(frame) = frame.filter(|_| subscription.is_active(now)) else {
                continue;
            };
            if subscription.has_dropped() {
                subscription.send(connection, &[frame]);
            } else {
                due.push(subscription);
                new.push(frame);
            }
        }
        if !new.is_empty() {
            let accepted = connection.notify(&new);
            for subscription in due.into_iter().skip(accepted) {
                subscription.drop_notices(1);
            }
        }
    }
}

/// The frames of an update.
struct QuoteFrames<'a> {
    snapshot: &'a QuoteSnapshot,
    /// Whether prices from before this update are left out.
    is_new: bool,
    /// Of all assets, made when the first subscriber needs them.
    all: Option<Vec<Vec<u8>>>,
    /// Of one asset. `None` where it has no price that is to be told.
    assets: HashMap<Symbol, Option<Rc<[u8]>>>,
}

impl<'a> QuoteFrames<'a> {
    fn of_update(snapshot: &'a QuoteSnapshot) -> QuoteFrames<'a> {
        QuoteFrames {
            snapshot,
            is_new: true,
            all: None,
            assets: HashMap::new(),
        }
    }

    /// What is in force.
    fn in_force(snapshot: &'a QuoteSnapshot) -> QuoteFrames<'a> {
        QuoteFrames {
            is_new: false,
            ..QuoteFrames::of_update(snapshot)
        }
    }

    fn of_all(&mut self) -> &[Vec<u8>] {
        let (snapshot, is_new) = (self.snapshot, self.is_new);
        self.all
            .get_or_insert_with(|| frames_of_all(snapshot, is_new))
    }

    fn of_asset(&mut self, symbol: Symbol) -> Option<Rc<[u8]>> {
        let (snapshot, is_new) = (self.snapshot, self.is_new);
        let frame = self.assets.entry(symbol).or_insert_with(|| {
            let quotes = match snapshot.value(symbol, is_new) {
                Some(quote) => vec![quote],
                // A subscriber learns at once that there is no price yet.
                None if !is_new => Vec::new(),
                None => return None,
            };
            Some(frame(snapshot.market_now, quotes).into())
        });
        frame.clone()
    }
}

/// The frames of all prices; where `is_new`, of those alone that have come with the update.
fn frames_of_all(snapshot: &QuoteSnapshot, is_new: bool) -> Vec<Vec<u8>> {
    let quotes: Vec<QuoteValue> = snapshot.values(is_new).collect();
    let mut frames: Vec<Vec<u8>> = quotes
        .chunks(FRAME_QUOTES_MAX)
        .map(|part| frame(snapshot.market_now, part.to_vec()))
        .collect();
    if frames.is_empty() && !is_new {
        frames.push(frame(snapshot.market_now, Vec::new()));
    }
    frames
}

fn frame(time: Timestamp, quotes: Vec<QuoteValue>) -> Vec<u8> {
    let mut out = Vec::new();
    Reply::QuoteNotice { time, quotes }.write(&mut out);
    out
}

/// The module's state.
#[derive(Debug)]
pub struct QuoteNotices {
    /// `None` before the first update, when no client is connected.
    snapshot: Option<Arc<QuoteSnapshot>>,
    /// Requests that came before the first prices, one of a connection at most: they wait for them.
    early: Vec<SubscriptionRequest>,
    /// The frames of all prices in force, made for the first who subscribes after an update: so that
    /// subscribing again and again costs a copy.
    in_force: Option<Vec<Vec<u8>>>,
    /// By connection.
    subscribers: HashMap<u64, QuoteSubscriber>,
    topics_max: usize,
    clock: Arc<RemoteClock>,
    news: Arc<NewsCount>,
}

impl QuoteNotices {
    /// The module without subscribers. A connection has at most `topics_max` topics.
    pub fn new(topics_max: usize, clock: Arc<RemoteClock>, news: Arc<NewsCount>) -> QuoteNotices {
        QuoteNotices {
            snapshot: None,
            early: Vec::new(),
            in_force: None,
            subscribers: HashMap::new(),
            topics_max,
            clock,
            news,
        }
    }
}

impl Module for QuoteNotices {
    type Message = QuoteNoticesMessage;

    fn on_message(&mut self, message: QuoteNoticesMessage) {
        if self.news.was_lost() {
            for subscription in self.subscribers.values_mut().flat_map(subscriptions) {
                subscription.is_unknown = true;
            }
        }
        match message {
            QuoteNoticesMessage::Subscribe(request) => match self.snapshot.clone() {
                Some(snapshot) => self.subscribe(&request, &snapshot),
                None => self.early.push(request),
            },
            QuoteNoticesMessage::Unsubscribe(request) => self.unsubscribe(&request),
            QuoteNoticesMessage::Prices(snapshot) => {
                self.news.take();
                self.tell(&snapshot);
                self.in_force = None;
                for request in std::mem::take(&mut self.early) {
                    self.subscribe(&request, &snapshot);
                }
                self.snapshot = Some(snapshot);
            }
        }
    }

    /// Forgets subscriptions that have ended.
    fn on_tick(&mut self, _now: Instant) {
        let now = self.clock.now();
        self.subscribers.retain(|_, subscriber| {
            let is_open = subscriber.client.connection.is_open();
            let QuoteSubscriber {
                client,
                all,
                assets,
            } = subscriber;
            let keep = |subscription: &Subscription| {
                let is_kept = is_open && subscription.is_active(now);
                if !is_kept {
                    client.give_topic_back();
                }
                is_kept
            };
            if all.as_ref().is_some_and(|it| !keep(it)) {
                *all = None;
            }
            assets.retain(|_, subscription| keep(subscription));
            all.is_some() || !assets.is_empty()
        });
    }
}

fn subscriptions(subscriber: &mut QuoteSubscriber) -> impl Iterator<Item = &mut Subscription> {
    let QuoteSubscriber { all, assets, .. } = subscriber;
    all.iter_mut().chain(assets.values_mut())
}

impl QuoteNotices {
    /// Subscribes, and tells what is in force.
    fn subscribe(&mut self, request: &SubscriptionRequest, snapshot: &QuoteSnapshot) {
        let symbol = match request.topic {
            Topic::QuotesOf(symbol) => Some(symbol),
            Topic::Quotes | Topic::Orders => None,
        };
        if let Some(symbol) = symbol
            && !snapshot.knows(symbol)
        {
            request.refused(&Refusal::unknown_asset(&symbol));
            return;
        }
        let number = request.client.connection.number;
        let subscriber = self.subscribers.get(&number);
        let is_known = subscriber.is_some_and(|subscriber| match symbol {
            Some(symbol) => subscriber.assets.contains_key(&symbol),
            None => subscriber.all.is_some(),
        });
        let (session, now) = (request.session.hash, self.clock.now());
        if subscriber.is_some_and(|it| it.sessions(symbol, session, now) > TOPIC_SESSIONS_MAX) {
            let text = "topics of a connection have at most 8 sessions; subscribe with one of them";
            request.refused(&Refusal::new(Reason::Overloaded, text));
            return;
        }
        if !is_known && let Err(refusal) = request.take_topic(self.topics_max) {
            request.refused(&refusal);
            return;
        }
        let subscriber = self
            .subscribers
            .entry(number)
            .or_insert_with(|| QuoteSubscriber {
                client: Arc::clone(&request.client),
                all: None,
                assets: BTreeMap::new(),
            });
        let new = || Subscription::new(request);
        let subscription = match symbol {
            Some(symbol) => subscriber.assets.entry(symbol).or_insert_with(new),
            None => subscriber.all.get_or_insert_with(new),
        };
        // What was dropped before is told nevertheless.
        subscription.session = Arc::clone(&request.session);
        request.subscribed();
        let connection = &request.client.connection;
        match symbol {
            Some(symbol) => {
                let frame = QuoteFrames::in_force(snapshot).of_asset(symbol);
                subscription.send(connection, frame.as_slice());
            }
            None => {
                let frames = self
                    .in_force
                    .get_or_insert_with(|| frames_of_all(snapshot, false));
                subscription.send(connection, frames);
            }
        }
    }

    fn unsubscribe(&mut self, request: &SubscriptionRequest) {
        if let Some(subscriber) = self.subscribers.get_mut(&request.client.connection.number) {
            let removed = match request.topic {
                Topic::QuotesOf(symbol) => subscriber.assets.remove(&symbol),
                Topic::Quotes | Topic::Orders => subscriber.all.take(),
            };
            if removed.is_some() {
                request.client.give_topic_back();
            }
        }
        request.unsubscribed();
    }

    /// Tells the new prices of an update: each of them once, also where an asset is part of two
    /// topics.
    fn tell(&mut self, snapshot: &QuoteSnapshot) {
        let now = self.clock.now();
        let mut frames = QuoteFrames::of_update(snapshot);
        for subscriber in self.subscribers.values_mut() {
            match subscriber.all.as_mut().filter(|all| all.is_active(now)) {
                Some(all) => {
                    let new = frames.of_all();
                    if !new.is_empty() {
                        all.send(&subscriber.client.connection, new);
                    }
                }
                None => subscriber.tell_assets(&mut frames, now),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{aapl, active, bar, session};
    use super::*;
    use crate::link::message::{PriceRow, Prices};
    use crate::net::flusher::Flush;
    use crate::net::{Connection, Flusher, SendLimits};
    use crate::wire::{FrameBuffer, FrameHeader};
    use crate::worker::client::CachedSession;
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    fn snapshot(rows: Vec<PriceRow>) -> Arc<QuoteSnapshot> {
        let prices = Prices {
            update: 1,
            market_now: bar(1).time,
            published: Timestamp(0),
            next: Timestamp(0),
            rows,
        };
        Arc::new(QuoteSnapshot::new(prices, Arc::default()))
    }

    /// The module with a price, a client that has no room for notices, and its peer.
    fn module() -> (QuoteNotices, Arc<WorkerClient>, TcpStream) {
        let mut notices = QuoteNotices::new(256, Arc::default(), Arc::default());
        notices.snapshot = Some(snapshot(vec![new_row(aapl())]));
        let (client, peer) = client(1);
        (notices, client, peer)
    }

    fn new_row(symbol: Symbol) -> PriceRow {
        PriceRow {
            symbol,
            quote: Some(bar(1).quote()),
            day: None,
            is_new: true,
            is_halted: false,
            previous_close: None,
            description: None,
        }
    }

    /// A client with room for half of so many bytes of notices, and its peer.
    fn client(max_unsent: usize) -> (Arc<WorkerClient>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let limits = SendLimits {
            max_unsent,
            send_timeout: Duration::from_secs(60),
        };
        let socket = listener.accept().unwrap().0;
        let connection = Connection::new(socket, None, limits, Flusher::new().unwrap()).unwrap();
        (WorkerClient::new(connection), peer)
    }

    /// A request with a new session of this number.
    fn request(client: &Arc<WorkerClient>, topic: Topic, number: u8) -> SubscriptionRequest {
        let state = active(&session(number), false);
        SubscriptionRequest {
            client: Arc::clone(client),
            number: 0,
            session: CachedSession::new(state.hash, state.active.unwrap()),
            topic,
        }
    }

    #[test]
    fn subscribing_again_keeps_what_was_dropped_and_renews_the_session() {
        for topic in [Topic::Quotes, Topic::QuotesOf(aapl())] {
            let (mut notices, client, _peer) = module();
            let snapshot = notices.snapshot.clone().unwrap();
            for number in 1..4 {
                notices.subscribe(&request(&client, topic, number), &snapshot);
            }
            let subscriber = notices.subscribers.values_mut().next().unwrap();
            let subscription = subscriptions(subscriber).next().unwrap();
            assert_eq!(subscription.dropped, 3);
            assert_eq!(subscription.session.hash, session(3).hash());
        }
    }

    #[test]
    fn topics_of_a_connection_have_so_many_sessions() {
        let (mut notices, client, _peer) = module();
        let row = |number: u8| PriceRow {
            symbol: Symbol::parse(&format!("A{number}")).unwrap(),
            quote: None,
            day: None,
            is_new: false,
            is_halted: false,
            previous_close: None,
            description: None,
        };
        let snapshot = snapshot((0..20).map(row).collect());
        let mut subscribe = |asset: u8, number: u8| {
            let request = request(&client, Topic::QuotesOf(row(asset).symbol), number);
            notices.subscribe(&request, &snapshot);
            let subscriber = notices.subscribers.get(&client.connection.number).unwrap();
            let subscription = subscriber.assets.get(&row(asset).symbol);
            let is_subscribed =
                subscription.is_some_and(|it| it.session.hash == session(number).hash());
            (is_subscribed, request)
        };
        let mut requests: Vec<SubscriptionRequest> = Vec::new();
        for number in 0..8 {
            let (is_subscribed, request) = subscribe(number, number);
            assert!(is_subscribed);
            requests.push(request);
        }
        assert!(!subscribe(8, 8).0, "a ninth session");
        assert!(subscribe(8, 7).0, "one of the eight");
        assert!(!subscribe(7, 8).0, "the seventh has another topic");
        assert!(subscribe(0, 8).0, "it renews the only topic of a session");
        assert!(!subscribe(9, 9).0);
        requests[1].session.end();
        assert!(subscribe(9, 9).0, "one has ended");
    }

    #[test]
    fn of_topics_that_are_told_together_those_without_room_are_counted() {
        const TOPICS: usize = 200;
        let (client, mut peer) = client(2 * 2_048);
        let mut notices = QuoteNotices::new(256, Arc::default(), Arc::default());
        let symbol = |number: usize| Symbol::parse(&format!("A{number:03}")).unwrap();
        let none_yet = (0..TOPICS).map(|number| PriceRow {
            quote: None,
            is_new: false,
            ..new_row(symbol(number))
        });
        let none_yet = snapshot(none_yet.collect());
        for number in 0..TOPICS {
            let topic = Topic::QuotesOf(symbol(number));
            notices.subscribe(&request(&client, topic, 1), &none_yet);
        }
        // The peer reads nothing, until the system's buffers are full, too.
        let filler = vec![frame(Timestamp(0), Vec::new()); 16];
        let mut filled = 0;
        loop {
            let accepted = client.connection.notify(&filler);
            filled += accepted;
            if accepted < filler.len() {
                break;
            }
        }
        let new = snapshot((0..TOPICS).map(|it| new_row(symbol(it))).collect());
        notices.tell(&new);
        // Again: what has dropped some comes apart.
        notices.tell(&new);
        let (mut buffer, mut chunk) = (FrameBuffer::new(), vec![0; 65_536]);
        let (mut told, mut dropped) = (0, 0);
        let subscriber = notices.subscribers.get_mut(&client.connection.number);
        let left: usize = subscriptions(subscriber.unwrap())
            .map(|it| it.dropped as usize)
            .sum();
        peer.set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut quiet = filled + TOPICS;
        while quiet > 0 || told + dropped + left < 2 * TOPICS {
            // No flusher runs.
            client.connection.flush();
            let size = peer.read(&mut chunk).unwrap();
            assert!(size > 0, "the connection ended");
            buffer.extend(&chunk[..size]);
            while let Some((header, data)) = buffer.next(FrameHeader::check).unwrap() {
                match Reply::read(&header, data).unwrap() {
                    Reply::QuoteNotice { quotes, .. } if quotes.is_empty() => quiet -= 1,
                    Reply::QuoteNotice { quotes, .. } => told += quotes.len(),
                    Reply::NoticesDropped { count, .. } => dropped += count as usize,
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!((quiet, told + dropped + left), (0, 2 * TOPICS));
        assert!(left > 0, "all had room");
    }
}
