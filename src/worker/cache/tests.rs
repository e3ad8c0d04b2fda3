//! spec/worker/cache.md · 3.2.6 Cache Management
//!
//! The module with clients of chosen addresses and accounts, and a master that the test plays.

use super::super::client::{CachedSession, WorkerClient};
use super::super::testing::aapl;
use super::misses::{ASKED_MAX, ASKED_PER_ACCOUNT_MAX};
use super::*;
use crate::link::message::{ActiveSession, PriceRow, Prices};
use crate::model::timestamp::DAY;
use crate::model::{Money, Quote, SessionHash};
use crate::net::{
    Connection, ConnectionLimiter, ConnectionLimits, ConnectionReader, Flusher, ReaderLimits,
    SendLimits,
};
use crate::runtime::{Stop, Watchdog, module};
use crate::wire::payload::{Forecast, Payload};
use crate::wire::{Reply, Window, frame, packet};
use crossbeam_channel::{Receiver, bounded};
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// The time of the last quote.
const LAST: Timestamp = Timestamp(1_000 * DAY);

fn prices(update: u64) -> CacheMessage {
    let quote = Quote {
        time: LAST,
        value: Money(1),
    };
    let row = PriceRow {
        symbol: aapl(),
        quote: Some(quote),
        day: None,
        is_new: true,
        is_halted: false,
        previous_close: None,
        description: None,
    };
    let prices = Prices {
        update,
        market_now: Timestamp(0),
        published: Timestamp(0),
        next: Timestamp(0),
        rows: vec![row],
    };
    CacheMessage::Prices(Arc::new(QuoteSnapshot::new(prices, Arc::default())))
}

fn cache(asked_max: usize) -> (Cache, Receiver<MasterLinkMessage>) {
    let (master_link, asked) = bounded(asked_max);
    let limiter = ConnectionLimiter::new(ConnectionLimits {
        total: 1,
        per_neighbourhood: 1,
    });
    // Nobody is told.
    let notices = NoticeSender::new(bounded(1).0, Arc::default(), 0);
    (
        Cache::new(master_link, notices, Gauges::new(limiter)),
        asked,
    )
}

/// A logged-in client.
struct TestClient {
    client: Arc<WorkerClient>,
    reader: ConnectionReader,
    socket: TcpStream,
}

impl TestClient {
    fn new(ip: [u8; 4], account: &str) -> TestClient {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (domain, stream) = (socket2::Domain::IPV4, socket2::Type::STREAM);
        let socket = socket2::Socket::new(domain, stream, None).unwrap();
        socket.bind(&SocketAddr::from((ip, 0)).into()).unwrap();
        let address = listener.local_addr().unwrap();
        socket.connect(&address.into()).unwrap();
        let socket = TcpStream::from(socket);
        socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        let limits = SendLimits {
            max_unsent: 1 << 20,
            send_timeout: TEST_TIMEOUT,
        };
        let accepted = listener.accept().unwrap().0;
        let connection = Connection::new(accepted, None, limits, Flusher::new().unwrap()).unwrap();
        let limits = ReaderLimits {
            frame_timeout: TEST_TIMEOUT,
            first_frame_timeout: Duration::from_secs(60),
            idle_timeout: TEST_TIMEOUT,
            unanswered_max: 4096,
        };
        let reader = ConnectionReader::new(Arc::clone(&connection), limits);
        let client = WorkerClient::new(connection);
        let session = ActiveSession {
            username: account.to_owned(),
            expiry: Timestamp(i64::MAX),
            expirable: false,
        };
        client.enter(Some(CachedSession::new(SessionHash([0; 32]), session)));
        TestClient {
            client,
            reader,
            socket,
        }
    }

    /// A bulk request of this client, as the router passes it on.
    fn ask(&mut self, request: Request) -> CacheMessage {
        CacheMessage::Batch(RequestBatch {
            client: Arc::clone(&self.client),
            timestamp: Timestamp(0),
            destination: Destination::Cache,
            bulk: true,
            first: self.reader.reserve_one().unwrap(),
            requests: vec![request],
        })
    }

    /// The next reply that has come to the client.
    fn reply(&mut self) -> Reply {
        let mut head = [0; frame::HEADER_BYTES];
        self.socket.read_exact(&mut head).unwrap();
        let header = crate::wire::FrameHeader::read(&head);
        let mut data = vec![0; usize::try_from(header.data_size).unwrap()];
        self.socket.read_exact(&mut data).unwrap();
        Reply::read(&header, &data).unwrap()
    }
}

fn forecast_in(days: i64) -> Request {
    Request::AssetPredicted {
        symbol: aapl(),
        date: LAST.plus_days(days),
    }
}

fn chart() -> Request {
    Request::AssetWindow {
        symbol: aapl(),
        window: Window::AllTime,
        adjusted: false,
    }
}

/// Handles one message in a turn of its own.
fn turn(cache: &mut Cache, message: CacheMessage) {
    cache.on_message(message);
    while cache.has_work() {
        cache.on_turn_end();
    }
}

/// The next question that the master was asked.
fn question(asked: &Receiver<MasterLinkMessage>) -> Option<CacheMiss> {
    match asked.try_recv() {
        Ok(MasterLinkMessage::Query(MasterQuery {
            kind: QueryKind::Cache(miss),
            ..
        })) => Some(miss),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

/// The update at which the cache serves a bulk request that came between updates 1 and 2, with
/// `between` messages between it and update 2.
fn update_when_served(between: usize) -> u64 {
    let mut client = TestClient::new([127, 0, 0, 1], "alice");
    let (sender, inbox) = bounded(between + 3);
    let (mut cache, asked) = cache(1);
    sender.send(prices(1)).unwrap();
    sender.send(client.ask(chart())).unwrap();
    for _ in 0..between {
        sender.send(prices(1)).unwrap();
    }
    sender.send(prices(2)).unwrap();
    drop(sender);
    let heartbeat = Watchdog::new().register("cache");
    module::run("cache", &mut cache, &inbox, &Stop::new(), &heartbeat);
    question(&asked).unwrap().update
}

#[test]
fn bulk_requests_wait_for_a_bounded_number_of_messages() {
    assert_eq!(
        update_when_served(0),
        2,
        "a bulk request waits for a few messages"
    );
    assert_eq!(
        update_when_served(2 * SMALL_FIRST_MAX),
        1,
        "it waited for too many messages"
    );
}

#[test]
fn ones_many_questions_do_not_stand_before_anothers_chart() {
    let (mut cache, asked) = cache(4096);
    turn(&mut cache, prices(1));
    let mut flooder = TestClient::new([127, 0, 0, 1], "mallory");
    // As many connections have them; here one is enough.
    for days in 1..=1000 {
        turn(&mut cache, flooder.ask(forecast_in(days)));
    }
    let most = usize::try_from(ASKED_PER_ACCOUNT_MAX).unwrap();
    assert_eq!(asked.len(), most);
    // From the same address, too.
    let mut person = TestClient::new([127, 0, 0, 1], "alice");
    turn(&mut cache, person.ask(chart()));
    let questions: Vec<CacheMiss> = std::iter::from_fn(|| question(&asked)).collect();
    assert_eq!(questions.len(), most + 1);
    assert_eq!(questions.last().unwrap().key.request(), chart());
    // Each answer lets the master have the flooder's next question.
    turn(
        &mut cache,
        CacheMessage::Fill(questions[0], CacheFill::Unavailable),
    );
    assert!(question(&asked).is_some() && question(&asked).is_none());
}

#[test]
fn many_accounts_questions_do_not_stand_before_anothers_chart() {
    let (mut cache, asked) = cache(4096);
    turn(&mut cache, prices(1));
    let mut flooders: Vec<TestClient> = (0..20)
        .map(|number| TestClient::new([127, 0, 70, number / 2 + 1], &format!("m{number}")))
        .collect();
    for days in 1..=1000 {
        let at = usize::try_from(days).unwrap() % flooders.len();
        turn(&mut cache, flooders[at].ask(forecast_in(days)));
    }
    let mut person = TestClient::new([127, 0, 71, 1], "alice");
    turn(&mut cache, person.ask(chart()));
    let questions: Vec<CacheMiss> = std::iter::from_fn(|| question(&asked)).collect();
    assert_eq!(questions.len(), ASKED_MAX);
    assert!(questions.iter().all(|miss| miss.key.request() != chart()));
    turn(
        &mut cache,
        CacheMessage::Fill(questions[0], CacheFill::Unavailable),
    );
    assert_eq!(question(&asked).unwrap().key.request(), chart());
}

#[test]
fn forecasts_of_one_day_are_one_question_and_each_has_its_own_time() {
    let (mut cache, asked) = cache(4096);
    turn(&mut cache, prices(1));
    let mut client = TestClient::new([127, 0, 0, 1], "alice");
    let dates = [LAST.plus_days(29).0 + 1, LAST.plus_days(29).0 + 77];
    let request = |date| Request::AssetPredicted {
        symbol: aapl(),
        date: Timestamp(date),
    };
    for date in dates {
        turn(&mut cache, client.ask(request(date)));
    }
    let miss = question(&asked).unwrap();
    assert_eq!(miss.key.request(), forecast_in(30));
    assert_eq!(question(&asked), None);
    let forecast = |date| Forecast {
        method: "a method".to_owned(),
        time: Timestamp(date),
        value: Money(2),
        low: Money(1),
        high: Money(3),
    };
    let mut frames = Vec::new();
    packet::write(&mut frames, &forecast(LAST.plus_days(30).0).to_bytes());
    turn(
        &mut cache,
        CacheMessage::Fill(miss, CacheFill::Data(frames)),
    );
    // From the cache, now.
    turn(&mut cache, client.ask(request(dates[0] + 5)));
    assert_eq!(question(&asked), None);
    for date in [dates[0], dates[1], dates[0] + 5] {
        let Reply::Data(_, payload) = client.reply() else {
            panic!("no data");
        };
        assert_eq!(Forecast::from_bytes(&payload).unwrap(), forecast(date));
    }
}

#[test]
fn bulk_requests_that_wait_are_served_in_turn() {
    let (mut cache, _asked) = cache(4096);
    turn(&mut cache, prices(1));
    let mut flooder = TestClient::new([127, 0, 0, 1], "mallory");
    let mut person = TestClient::new([127, 0, 0, 2], "alice");
    for _ in 0..1000 {
        let message = flooder.ask(Request::AssetList);
        cache.on_message(message);
    }
    cache.on_turn_end();
    let message = person.ask(Request::AssetList);
    cache.on_message(message);
    for _ in 0..3 {
        cache.on_turn_end();
    }
    person.socket.set_nonblocking(true).unwrap();
    let mut first = [0];
    assert!(
        person.socket.peek(&mut first).is_ok(),
        "it waits behind a thousand of another"
    );
}
