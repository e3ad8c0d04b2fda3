//! spec/worker.md · 3.2 Worker Server
//!
//! A worker whose master is the test, which reads the worker's messages and answers them.

use super::master_link::connector::{ConnectError, NewLink, RENEWAL_MAX};
use super::master_link::turns::in_turn;
use super::{PortState, Worker};
use crate::config::{HostPort, WorkerConfig};
use crate::link::envelope::{EnvelopeDecoder, EnvelopeHeader as Envelope};
use crate::link::message::{self, ActiveSession, BodyFrames, PriceRow, Prices, SessionState};
use crate::link::record::{Opener, SealedChannel, Sealer, loopback};
use crate::model::{AssetDescription, Bar, Money, SessionId, Symbol, Timestamp};
use crate::runtime::Watchdog;
use crate::wire::{
    FrameBuffer, FrameHeader, Instruction, Refusal, Reply, Request, frame, packet, reply,
};
use parking_lot::Mutex;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Time-out of every wait in a test.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// A worker, and the listener for its links.
pub struct WorkerRig {
    pub worker: Option<Worker>,
    pub address: SocketAddr,
    pub config: WorkerConfig,
    listener: TcpListener,
    halves: Arc<Mutex<VecDeque<SealedChannel>>>,
    /// While set, no link can be made.
    pub unreachable: Arc<AtomicBool>,
    /// The masters that were asked for a link, in order.
    pub asked: Arc<Mutex<Vec<String>>>,
}

/// The master's end of a link.
pub struct Link {
    socket: TcpStream,
    sealer: Sealer,
    opener: Opener,
    decoder: EnvelopeDecoder,
    received: VecDeque<Received>,
    pub boot: uuid::Uuid,
    pub worker: uuid::Uuid,
    /// Milliseconds by which the master's clock is ahead.
    pub clock_ahead: i64,
}

/// A message of the worker.
#[derive(Debug, Clone)]
pub struct Received {
    pub envelope: Envelope,
    pub frames: Vec<(Instruction, Vec<u8>)>,
}

impl Received {
    pub fn instruction(&self) -> Instruction {
        self.frames.last().unwrap().0
    }

    pub fn is_again(&self) -> bool {
        self.frames[0].0 == Instruction::LinkAgain
    }

    pub fn data(&self) -> &[u8] {
        &self.frames.last().unwrap().1
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.data().to_vec()).unwrap()
    }
}

pub fn config(extra: &str) -> WorkerConfig {
    let text = format!(
        r#"
name = "test"
uuid = "01890a5d-ac96-774b-bcce-b302099a8057"
listen = "127.0.0.1:0"
advertise = "127.0.0.1:2049"
master = "127.0.0.1:2048"
data_dir = "/nonexistent"
[gpg]
home = "/nonexistent"
key = "0123456789ABCDEF0123456789ABCDEF01234567"
master_key = "0123456789ABCDEF0123456789ABCDEF01234568"
[log]
file = "worker.log"
{extra}
"#
    );
    WorkerConfig::parse(&text, std::path::Path::new("/nonexistent/worker.toml"))
        .unwrap()
        .0
}

impl WorkerRig {
    /// A worker without a link.
    pub fn new(extra: &str) -> WorkerRig {
        WorkerRig::renewing(extra, RENEWAL_MAX, || {})
    }

    /// As [`WorkerRig::new`], with the age at which a link is made anew, and what is called before
    /// each attempt to make one.
    pub fn renewing(
        extra: &str,
        renew_after: Duration,
        before: impl FnMut() + Send + 'static,
    ) -> WorkerRig {
        WorkerRig::with(config(extra), renew_after, before)
    }

    /// A worker that has these masters, without a link.
    pub fn of_masters(masters: &[&str]) -> WorkerRig {
        let mut config = config("");
        let mut masters = masters.iter().map(|it| it.parse::<HostPort>().unwrap());
        config.master = masters.next().unwrap();
        config.other_masters = masters.collect();
        WorkerRig::with(config, RENEWAL_MAX, || {})
    }

    fn with(
        config: WorkerConfig,
        renew_after: Duration,
        mut before: impl FnMut() + Send + 'static,
    ) -> WorkerRig {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let halves: Arc<Mutex<VecDeque<SealedChannel>>> = Arc::default();
        let unreachable = Arc::new(AtomicBool::new(false));
        let master = listener.local_addr().unwrap();
        let (sealed, is_unreachable) = (Arc::clone(&halves), Arc::clone(&unreachable));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = Arc::clone(&asked);
        let masters = config.masters().cloned().collect();
        let connect = in_turn(masters, move |named| {
            before();
            notes.lock().push(named.to_string());
            if is_unreachable.load(Ordering::SeqCst) {
                return Err(ConnectError("the test says so".into()));
            }
            let (ours, theirs) = loopback().unwrap();
            sealed.lock().push_back(theirs);
            let socket = TcpStream::connect(master).map_err(|e| ConnectError(e.to_string()))?;
            Ok(NewLink {
                socket,
                sealed: ours,
                early: Vec::new(),
            })
        });
        let worker = Worker::start_renewing(&config, connect, &Watchdog::new(), renew_after);
        let worker = worker.unwrap();
        WorkerRig {
            worker: Some(worker),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            config,
            listener,
            halves,
            unreachable,
            asked,
        }
    }

    /// A worker with a link and an open port. AAPL has a price, NEW has none.
    pub fn serving(extra: &str) -> (WorkerRig, Link) {
        let mut rig = WorkerRig::new(extra);
        let mut link = rig.link();
        link.welcome();
        rig.await_open();
        (rig, link)
    }

    pub fn await_open(&mut self) {
        self.address = await_serving(self.worker.as_ref().unwrap());
    }

    /// The next link that the worker makes.
    pub fn link(&mut self) -> Link {
        self.listener.set_nonblocking(true).unwrap();
        let deadline = Instant::now() + TEST_TIMEOUT;
        let socket = loop {
            match self.listener.accept() {
                Ok((socket, _)) => break socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(Instant::now() < deadline, "no link");
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(error) => panic!("{error}"),
            }
        };
        socket.set_nonblocking(false).unwrap();
        socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        let SealedChannel { sealer, opener } = self.halves.lock().pop_front().unwrap();
        let mut link = Link {
            socket,
            sealer,
            opener,
            decoder: EnvelopeDecoder::new(self.config.uuid),
            received: VecDeque::new(),
            boot: uuid::Uuid::nil(),
            worker: self.config.uuid,
            clock_ahead: 0,
        };
        // The first message has the boot ID.
        let first = link.next_message();
        link.boot = first.envelope.boot;
        link.received.push_front(first);
        link
    }

    pub fn client(&self) -> TestClient {
        TestClient::connect(self.address)
    }

    /// A client in the data state. The worker verifies its session with the master.
    pub fn data_client(&self, link: &mut Link, session: &SessionId) -> TestClient {
        let mut client = self.client();
        client.ask(&Request::SwitchState {
            session: session.clone(),
            state: crate::wire::ConnectionState::Data,
        });
        let asked = link.next();
        assert_eq!(asked.instruction(), Instruction::LinkSession);
        assert_eq!(asked.data(), session.hash().0);
        link.send_active(&asked, session, false);
        assert_eq!(
            client.reply(),
            Reply::StateSwitched(crate::wire::ConnectionState::Data)
        );
        client
    }

    pub fn stop(mut self) {
        let late = self
            .worker
            .take()
            .unwrap()
            .stop(Instant::now() + TEST_TIMEOUT);
        assert!(late.is_empty(), "{late:?}");
    }
}

impl Drop for WorkerRig {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.stop(Instant::now() + Duration::from_secs(3));
        }
    }
}

impl Link {
    /// The next message, including reports.
    pub fn next_message(&mut self) -> Received {
        self.message_within(TEST_TIMEOUT)
            .expect("the worker said nothing")
    }

    fn message_within(&mut self, timeout: Duration) -> Option<Received> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(received) = self.received.pop_front() {
                return Some(received);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.socket.set_read_timeout(Some(left)).unwrap();
            let mut chunk = [0; 65536];
            let size = match self.socket.read(&mut chunk) {
                Ok(0) => panic!("the worker closed the link"),
                Ok(size) => size,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            self.opener
                .open(&chunk[..size], self.decoder.input())
                .unwrap();
            while let Some(envelope) = self.decoder.next().unwrap() {
                let frames = BodyFrames::new(envelope.body)
                    .map(|frame| {
                        let (header, data, _) = frame.unwrap();
                        (
                            Instruction::from_number(header.instruction).unwrap(),
                            data.to_vec(),
                        )
                    })
                    .collect();
                self.received.push_back(Received {
                    envelope: envelope.header,
                    frames,
                });
            }
        }
    }

    /// The next message that is no report. Reports are answered.
    pub fn next(&mut self) -> Received {
        self.next_within(TEST_TIMEOUT)
            .expect("the worker said nothing")
    }

    pub fn next_within(&mut self, timeout: Duration) -> Option<Received> {
        let deadline = Instant::now() + timeout;
        loop {
            let received =
                self.message_within(deadline.saturating_duration_since(Instant::now()))?;
            if received.instruction() != Instruction::LinkReport {
                return Some(received);
            }
            self.answer(&received, |out| Reply::Pong.write(out));
        }
    }

    /// Waits until the worker has closed or cut the link.
    pub fn has_ended(&mut self) -> bool {
        let mut chunk = [0; 65536];
        self.socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        loop {
            match self.socket.read(&mut chunk) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == ErrorKind::ConnectionReset,
            }
        }
    }

    pub fn send(&mut self, sequence: u64, fill: impl FnOnce(&mut Vec<u8>)) {
        let header = Envelope {
            worker: self.worker,
            boot: self.boot,
            sequence,
            timestamp: Timestamp(Timestamp::now().0 + self.clock_ahead),
            client: None,
        };
        let (mut plain, mut sealed) = (Vec::new(), Vec::new());
        header.append_with(&mut plain, fill).unwrap();
        self.sealer.seal(&plain, &mut sealed).unwrap();
        self.socket.write_all(&sealed).unwrap();
    }

    pub fn answer(&mut self, received: &Received, fill: impl FnOnce(&mut Vec<u8>)) {
        self.send(received.envelope.sequence, fill);
    }

    pub fn fail(&mut self, received: &Received, refusal: &Refusal) {
        let instruction = received.instruction();
        self.answer(received, |out| reply::write_fail(out, instruction, refusal));
    }

    pub fn welcome(&mut self) {
        let welcome = message::Welcome {
            now: Timestamp::now(),
            update_interval: 1000,
            version: "test".into(),
            name: "test".into(),
            address: "127.0.0.1:2049".into(),
        };
        self.send(0, |out| {
            message::write(out, Instruction::LinkWelcome, &welcome)
        });
        self.send(0, |out| {
            frame::write(
                out,
                Instruction::LinkWorkers,
                &["127.0.0.1:2049", "[::1]:2050"],
            );
        });
        self.prices(1, 100);
    }

    /// Pushes prices: AAPL closed at `close` units, and the market's time is 2013-03-10.
    pub fn prices(&mut self, update: u64, close: i64) {
        let bar = bar(close);
        let rows = vec![
            PriceRow {
                symbol: aapl(),
                quote: Some(bar.quote()),
                day: Some(bar),
                is_new: true,
                is_halted: false,
                previous_close: None,
                description: (update == 1).then(|| AssetDescription {
                    name: "Apple".to_owned(),
                    factor: 1,
                }),
            },
            PriceRow {
                symbol: Symbol::parse("NEW").unwrap(),
                quote: None,
                day: None,
                is_new: false,
                is_halted: false,
                previous_close: None,
                description: None,
            },
        ];
        let prices = Prices {
            update,
            market_now: bar.time,
            published: Timestamp::now(),
            next: Timestamp::now(),
            rows,
        };
        self.send(0, |out| prices.write(out));
    }

    pub fn send_active(&mut self, received: &Received, session: &SessionId, expirable: bool) {
        let state = active(session, expirable);
        self.answer(received, |out| {
            message::write(out, Instruction::LinkSession, &state)
        });
    }

    /// Answers a login with a session.
    pub fn log_in(&mut self, received: &Received, session: &SessionId, expirable: bool) {
        let state = active(session, expirable);
        let reply = Reply::Session {
            id: session.clone(),
            workers: vec!["127.0.0.1:2049".into()],
        };
        self.answer(received, |out| {
            message::write(out, Instruction::LinkSession, &state);
            reply.write(out);
        });
    }

    /// Says that this master stands by, and ends the link, as a master does.
    pub fn stand_by(mut self) {
        self.boot = uuid::Uuid::nil();
        self.send(0, |out| frame::write(out, Instruction::LinkStandby, &[]));
        self.socket.shutdown(Shutdown::Write).unwrap();
        assert!(self.has_ended(), "the worker ends the link");
    }

    pub fn cut(&self) {
        self.socket.shutdown(Shutdown::Both).unwrap();
    }
}

pub fn aapl() -> Symbol {
    Symbol::parse("AAPL").unwrap()
}

pub fn bar(close: i64) -> Bar {
    Bar {
        time: Timestamp::parse("2013-03-10").unwrap(),
        open: Money(1),
        high: Money(close),
        low: Money(1),
        close: Money(close),
        volume: 5,
    }
}

pub fn session(number: u8) -> SessionId {
    SessionId::from_bytes([number; 32])
}

pub fn active(session: &SessionId, expirable: bool) -> SessionState {
    SessionState {
        hash: session.hash(),
        active: Some(ActiveSession {
            username: "alice".into(),
            expiry: Timestamp::now().plus_days(1),
            expirable,
        }),
    }
}

/// A client of the worker.
pub struct TestClient {
    pub socket: TcpStream,
    buffer: FrameBuffer,
}

impl TestClient {
    pub fn connect(address: SocketAddr) -> TestClient {
        TestClient::on(TcpStream::connect(address).unwrap())
    }

    /// A client that connects from another loopback address, and sends these bytes first.
    pub fn connect_from(from: [u8; 4], address: SocketAddr, first: &[u8]) -> TestClient {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&address.into()).unwrap();
        let mut client = TestClient::on(TcpStream::from(socket));
        client.socket.write_all(first).unwrap();
        client
    }

    fn on(socket: TcpStream) -> TestClient {
        socket.set_nodelay(true).unwrap();
        TestClient {
            socket,
            buffer: FrameBuffer::new(),
        }
    }

    pub fn ask(&mut self, request: &Request) {
        self.ask_all(std::slice::from_ref(request));
    }

    /// Sends all requests in one write.
    pub fn ask_all(&mut self, requests: &[Request]) {
        let mut bytes = Vec::new();
        for request in requests {
            request.write(&mut bytes);
        }
        self.socket.write_all(&bytes).unwrap();
    }

    pub fn reply(&mut self) -> Reply {
        self.reply_within(TEST_TIMEOUT).expect("no reply in time")
    }

    pub fn reply_within(&mut self, timeout: Duration) -> Option<Reply> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some((header, data)) = self.buffer.next(FrameHeader::check).unwrap() {
                return Some(Reply::read(&header, data).unwrap());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.socket.set_read_timeout(Some(left)).unwrap();
            let mut chunk = [0; 65536];
            match self.socket.read(&mut chunk) {
                Ok(0) => panic!("the worker closed the connection"),
                Ok(size) => self.buffer.extend(&chunk[..size]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The payload of a data transfer.
    pub fn data(&mut self) -> Vec<u8> {
        let mut reassembly = crate::wire::Reassembly::default();
        loop {
            match self.reply() {
                Reply::Data(header, data) => {
                    if let Some(payload) = reassembly.push(&header, &data).unwrap() {
                        return payload;
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// The reason of the next reply, a Fail.
    pub fn refused(&mut self) -> String {
        match self.reply() {
            Reply::Fail(_, refusal) => refusal.reason.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the end of the connection. False where more bytes come.
    pub fn is_closed(&mut self) -> bool {
        assert!(!self.buffer.is_partial(), "something was left unread");
        self.socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        let mut chunk = [0; 16];
        match self.socket.read(&mut chunk) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// The frames of a data transfer.
pub fn transfer(payload: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    packet::write(&mut frames, payload);
    frames
}

/// Waits until the port is open and returns its address.
fn await_serving(worker: &Worker) -> SocketAddr {
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        match worker
            .state()
            .recv_deadline(deadline)
            .expect("no link in time")
        {
            PortState::Open(address) => return address,
            PortState::Failed(why) => panic!("{why}"),
            PortState::Closed => {}
        }
    }
}
