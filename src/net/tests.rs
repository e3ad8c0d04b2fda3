//! spec/net.md · 4.3 The Connection
//!
//! Tests over real sockets.

use super::connection::{SHUTTING_DOWN, UNANSWERED_MAX};
use super::flusher::Flush;
use super::held_bytes::HELD_BYTES_MAX;
use super::limits::{LEAST_RATE_INTERVAL, LINGER_TIMEOUT};
use super::reader::BULK_MAX;
use super::*;
use crate::model::ProtocolFault;
use crate::runtime::{self, Stop, ThreadHandle, Watchdog};
use crate::wire::{FrameBuffer, FrameHeader, Instruction, ProtocolError, Reply, frame};
use crossbeam_channel::{Receiver, bounded};
use std::io::{ErrorKind, Read, Seek, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const TEST_TIMEOUT: Duration = Duration::from_secs(20);
const SHORT_TIMEOUT: Duration = Duration::from_millis(300);

/// A flusher on its thread.
struct FlusherThread {
    flusher: Arc<Flusher>,
    stop: Stop,
    thread: Option<ThreadHandle>,
}

impl FlusherThread {
    fn start() -> FlusherThread {
        FlusherThread::with_bound(HELD_BYTES_MAX)
    }

    fn with_bound(held_max: usize) -> FlusherThread {
        let (flusher, stop) = (Flusher::with_bound(held_max).unwrap(), Stop::new());
        let (runs, stopped, heartbeat) = (
            Arc::clone(&flusher),
            stop.clone(),
            Watchdog::new().register("flusher"),
        );
        let thread = runtime::spawn("flusher", move || runs.run(&stopped, &heartbeat)).unwrap();
        FlusherThread {
            flusher,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for FlusherThread {
    fn drop(&mut self) {
        self.stop.request();
        self.thread
            .take()
            .unwrap()
            .join(Instant::now() + TEST_TIMEOUT);
    }
}

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    (listener.accept().unwrap().0, client)
}

fn send_limits() -> SendLimits {
    SendLimits {
        max_unsent: 64 * 1024,
        send_timeout: TEST_TIMEOUT,
    }
}

fn reader_limits() -> ReaderLimits {
    ReaderLimits {
        frame_timeout: TEST_TIMEOUT,
        first_frame_timeout: TEST_TIMEOUT,
        idle_timeout: TEST_TIMEOUT,
        unanswered_max: UNANSWERED_MAX,
    }
}

/// As [`open`], from this address.
fn open_from(
    flusher: &FlusherThread,
    ip: [u8; 4],
    limits: SendLimits,
) -> (Arc<Connection>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    client.bind(&SocketAddr::from((ip, 0)).into()).unwrap();
    client
        .connect(&listener.local_addr().unwrap().into())
        .unwrap();
    let client = TcpStream::from(client);
    client.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    let socket = listener.accept().unwrap().0;
    let connection = Connection::new(socket, None, limits, Arc::clone(&flusher.flusher)).unwrap();
    (connection, client)
}

fn open(flusher: &FlusherThread, limits: SendLimits) -> (Arc<Connection>, TcpStream) {
    let (socket, client) = sockets();
    let connection = Connection::new(socket, None, limits, Arc::clone(&flusher.flusher)).unwrap();
    (connection, client)
}

/// Starts a thread that answers each ping with a pong until the connection ends, and sends why it
/// ended.
fn serve(connection: Arc<Connection>, limits: ReaderLimits) -> Receiver<ReadEnd> {
    let (sender, receiver) = bounded(1);
    runtime::spawn("reader", move || {
        let mut reader = ConnectionReader::new(connection, limits);
        let ended = loop {
            if let Err(ended) = pongs(&mut reader) {
                break ended;
            }
        };
        reader.finish(ended);
        sender.send(ended).unwrap();
    })
    .unwrap();
    receiver
}

fn pongs(reader: &mut ConnectionReader) -> Result<(), ReadEnd> {
    reader.fill()?;
    loop {
        match reader.buffer.next(FrameHeader::check_request) {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => {
                let number = reader.reserve_one()?;
                reader
                    .connection()
                    .reply(number, |out| Reply::Pong.write(out));
            }
            Err(fault) => return Err(ReadEnd::Fault(fault)),
        }
    }
}

fn ping() -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::write(&mut bytes, Instruction::Ping, &[]);
    bytes
}

/// All replies until the end of the stream. The reads must not fail.
fn replies(mut client: &TcpStream) -> Vec<Reply> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).unwrap();
    let mut buffer = FrameBuffer::new();
    buffer.extend(&bytes);
    let mut replies = Vec::new();
    while let Some((header, data)) = buffer.next(FrameHeader::check).unwrap() {
        replies.push(Reply::read(&header, data).unwrap());
    }
    assert!(!buffer.is_partial());
    replies
}

fn fault_of(reply: &Reply) -> ProtocolFault {
    match reply {
        Reply::ProtocolError(fault, _) => fault.known().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn read_exactly(mut client: &TcpStream, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    client.read_exact(&mut bytes).unwrap();
    bytes
}

fn until(what: &str, is: impl Fn() -> bool) {
    let deadline = Instant::now() + TEST_TIMEOUT;
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn replies_leave_in_the_order_of_requests() {
    let flusher = FlusherThread::start();
    let (connection, client) = open(&flusher, send_limits());
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    assert_eq!(reader.reserve_some(5), Ok((0, 5)));
    let put = |text: &'static [u8]| move |out: &mut Vec<u8>| out.extend_from_slice(text);
    connection.reply(3, put(b"3"));
    connection.sending().part(1, put(b"1a"));
    connection.sending().part(2, put(b"2"));
    connection.sending().notice(put(b"n"));
    assert_eq!(read_exactly(&client, 1), b"n", "a notice waits for nobody");
    connection.reply(0, put(b"0"));
    assert_eq!(
        read_exactly(&client, 3),
        b"01a",
        "a part of the next leaves too"
    );
    connection.sending().finish(2);
    connection.reply(3, put(b"twice"));
    connection.reply(1, put(b"1b"));
    assert_eq!(read_exactly(&client, 4), b"1b23");
    connection.reply(1, put(b"late"));
    connection.reply(9, put(b"never asked"));
    connection.reply(4, put(b"4"));
    assert_eq!(read_exactly(&client, 1), b"4");
    assert!(connection.sending().is_empty());
    assert_eq!(flusher.flusher.held().total(), 0);
}

#[test]
fn later_requests_wait_for_effects_and_not_for_replies() {
    let flusher = FlusherThread::start();
    let (connection, _client) = open(&flusher, send_limits());
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    reader.reserve_some(2).unwrap();
    let (sender, receiver) = bounded(1);
    let waiting = runtime::spawn("waits", move || {
        sender.send(reader.wait_applied()).unwrap();
    })
    .unwrap();
    connection.sending().applied(1);
    connection.sending().applied(1);
    assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
    connection.sending().applied(0);
    assert_eq!(receiver.recv_timeout(TEST_TIMEOUT), Ok(Ok(())));
    waiting.join(Instant::now() + TEST_TIMEOUT);
    connection.reply(0, |_| {});
    connection.reply(1, |_| {});
}

#[test]
fn unanswered_requests_are_bounded() {
    let flusher = FlusherThread::start();
    let (connection, _client) = open(&flusher, send_limits());
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    assert_eq!(
        reader.reserve_some(UNANSWERED_MAX - 1),
        Ok((0, UNANSWERED_MAX - 1))
    );
    let last = u64::try_from(UNANSWERED_MAX).unwrap() - 1;
    assert_eq!(
        reader.reserve_some(100),
        Ok((last, 1)),
        "as many as there is room for"
    );
    let (sender, receiver) = bounded(1);
    runtime::spawn("waits", move || {
        sender.send(reader.reserve_some(100)).unwrap()
    })
    .unwrap();
    assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
    connection.reply(0, |_| {});
    assert_eq!(receiver.recv_timeout(TEST_TIMEOUT), Ok(Ok((last + 1, 1))));
}

#[test]
fn bulk_requests_have_a_limit_of_their_own() {
    let flusher = FlusherThread::start();
    let (connection, _client) = open(&flusher, send_limits());
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    for number in 0..BULK_MAX {
        assert_eq!(reader.reserve_bulk(), Ok(u64::try_from(number).unwrap()));
    }
    assert_eq!(reader.reserve_one(), Ok(8), "others go on");
    let (sender, receiver) = bounded(1);
    runtime::spawn("waits", move || sender.send(reader.reserve_bulk()).unwrap()).unwrap();
    assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
    connection.reply(3, |_| {});
    assert_eq!(receiver.recv_timeout(TEST_TIMEOUT), Ok(Ok(9)));
}

#[test]
fn a_client_that_does_not_read_blocks_no_module_and_is_not_read() {
    const SIZE: usize = 16 << 20;
    let flusher = FlusherThread::start();
    let (connection, client) = open(&flusher, send_limits());
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    reader.reserve_one().unwrap();
    let began = Instant::now();
    connection.reply(0, |out| out.resize(SIZE, 7));
    assert!(began.elapsed() < Duration::from_secs(2), "a module waited");
    assert!(flusher.flusher.held().total() > SIZE / 2);
    let (sender, receiver) = bounded(1);
    runtime::spawn("waits", move || sender.send(reader.reserve_one()).unwrap()).unwrap();
    assert!(receiver.recv_timeout(Duration::from_millis(100)).is_err());
    assert!(read_exactly(&client, SIZE).iter().all(|byte| *byte == 7));
    assert_eq!(
        receiver.recv_timeout(TEST_TIMEOUT),
        Ok(Ok(1)),
        "it has read, so it is read again"
    );
    until("unsent bytes are forgotten", || {
        flusher.flusher.held().total() == 0
    });
}

#[test]
fn parked_replies_count_as_unsent() {
    let flusher = FlusherThread::start();
    let (connection, client) = open(&flusher, send_limits());
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    reader.reserve_some(2).unwrap();
    connection.reply(1, |out| out.resize(100_000, 7));
    assert_eq!(flusher.flusher.held().total(), 100_000);
    let (sender, receiver) = bounded(1);
    runtime::spawn("waits", move || sender.send(reader.reserve_one()).unwrap()).unwrap();
    assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
    connection.reply(0, |_| {});
    read_exactly(&client, 100_000);
    assert_eq!(receiver.recv_timeout(TEST_TIMEOUT), Ok(Ok(2)));
}

#[test]
fn a_stalled_client_is_cut_and_a_slow_one_is_not() {
    const SIZE: usize = 16 << 20;
    let flusher = FlusherThread::start();
    let limits = SendLimits {
        send_timeout: Duration::from_millis(1500),
        ..send_limits()
    };
    let (stuck, stuck_client) = open(&flusher, limits);
    let (slow, slow_client) = open(&flusher, limits);
    for connection in [&stuck, &slow] {
        let mut reader = ConnectionReader::new(Arc::clone(connection), reader_limits());
        reader.reserve_one().unwrap();
        connection.reply(0, |out| out.resize(SIZE, 7));
    }
    let ended = serve(Arc::clone(&stuck), reader_limits());
    let mut left = SIZE;
    for _ in 0..12 {
        let some = left.min(1 << 20);
        read_exactly(&slow_client, some);
        left -= some;
        std::thread::sleep(Duration::from_millis(250));
    }
    assert_eq!(ended.recv_timeout(TEST_TIMEOUT), Ok(ReadEnd::Broken));
    assert!(!stuck.is_open());
    read_exactly(&slow_client, left);
    until("both are forgotten", || flusher.flusher.held().total() == 0);
    drop(stuck_client);
}

/// Parks a reply of so many bytes behind one that is not answered.
fn park(connection: &Arc<Connection>, size: usize) {
    let mut reader = ConnectionReader::new(Arc::clone(connection), reader_limits());
    reader.reserve_some(2).unwrap();
    connection.reply(1, |out| out.resize(size, 7));
}

#[test]
fn who_holds_most_is_cut_when_all_hold_too_much() {
    let flusher = FlusherThread::with_bound(1_000_000);
    let held = || flusher.flusher.held().total();
    let open = |ip| open_from(&flusher, ip, send_limits()).0;
    // One network of many small ones, one with a large one, and a person.
    let many: Vec<_> = (1..=20).map(|host| open([127, 0, 70, host])).collect();
    let (large, small) = (open([127, 0, 71, 1]), open([127, 0, 71, 2]));
    let person = open([127, 0, 72, 1]);
    many.iter().for_each(|connection| park(connection, 20_000));
    park(&large, 300_000);
    park(&small, 40_000);
    park(&person, 110_000);
    assert_eq!(held(), 850_000);
    let newest = open([127, 0, 73, 1]);
    park(&newest, 100_000);
    assert_eq!(held(), 950_000, "nobody is cut below the bound");
    let last = open([127, 0, 74, 1]);
    park(&last, 60_000);
    // The network of the large one holds 170,000 for each of its two shares, that of the many
    // 50,000 for each of its eight.
    until("room is made", || held() <= 1_000_000);
    let cut = |connection: &Arc<Connection>| connection.shut_since().is_some();
    assert!(cut(&large));
    let mut others = [&small, &person, &newest, &last].into_iter().chain(&many);
    assert!(!others.any(cut));
}

#[test]
fn large_replies_are_refused_by_what_a_network_holds() {
    let flusher = FlusherThread::with_bound(1_000_000);
    let open = |ip| open_from(&flusher, ip, send_limits()).0;
    let (first, same, near, other) = (
        open([127, 0, 70, 1]),
        open([127, 0, 70, 1]),
        open([127, 0, 70, 2]),
        open([127, 0, 71, 1]),
    );
    park(&first, 499_999);
    assert!(
        [&first, &same, &near, &other]
            .iter()
            .all(|asks| asks.may_ask())
    );
    park(&same, 1);
    let may = || [&first, &same, &near, &other].map(|asks| asks.may_ask());
    assert_eq!(may(), [false, false, true, true], "half is free");
    park(&near, 250_000);
    assert_eq!(may(), [false, false, false, true], "a quarter is free");
    park(&other, 249_999);
    assert!(!other.may_ask(), "nothing to speak of is free");
    assert!(open([127, 0, 72, 1]).may_ask(), "it holds nothing");
    // What nobody holds any more is free for all.
    first.cut();
    same.cut();
    near.cut();
    assert!(other.may_ask());
}

/// The checks of a stalled peer at invented times, half a minute apart, until it is cut; `None`
/// where four of them do not cut it.
fn checks_until_cut(connection: &Arc<Connection>, began: Instant) -> Option<u32> {
    (1..=4).find(|check| {
        connection.cut_if_stalled(began + LEAST_RATE_INTERVAL * *check);
        connection.shut_since().is_some()
    })
}

#[test]
fn who_takes_less_than_the_least_rate_is_cut() {
    const SIZE: usize = 32 << 20;
    let flusher = FlusherThread::start();
    let limits = SendLimits {
        send_timeout: Duration::from_secs(3600),
        ..send_limits()
    };
    let (slow, slow_client) = open(&flusher, limits);
    let (quick, quick_client) = open(&flusher, limits);
    let (idle, idle_client) = open(&flusher, limits);
    for (connection, size) in [(&slow, SIZE), (&quick, SIZE), (&idle, 100)] {
        let mut reader = ConnectionReader::new(Arc::clone(connection), reader_limits());
        reader.reserve_one().unwrap();
        connection.reply(0, |out| out.resize(size, 7));
    }
    let began = Instant::now();
    // Beyond what the kernel takes for a client that reads nothing.
    read_exactly(&quick_client, SIZE / 2);
    quick.cut_if_stalled(began + LEAST_RATE_INTERVAL);
    assert_eq!(quick.shut_since(), None, "it took enough");
    assert!(checks_until_cut(&quick, began + LEAST_RATE_INTERVAL).is_some());
    // A byte now and then is no less than nothing, and the kernel takes some at first.
    read_exactly(&slow_client, 100);
    assert!(checks_until_cut(&slow, began).is_some());
    assert_eq!(checks_until_cut(&idle, began), None, "nothing waits for it");
    read_exactly(&idle_client, 100);
    until("nothing is held", || flusher.flusher.held().total() == 0);
}

#[test]
fn a_cut_wakes_the_reader_that_waits() {
    let flusher = FlusherThread::start();
    let (connection, client) = open(&flusher, send_limits());
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    reader.reserve_one().unwrap();
    let (sender, receiver) = bounded(1);
    runtime::spawn("waits", move || sender.send(reader.wait_applied()).unwrap()).unwrap();
    connection.cut();
    assert_eq!(
        receiver.recv_timeout(TEST_TIMEOUT),
        Ok(Err(ReadEnd::Broken))
    );
    connection.reply(0, |out| out.push(1));
    assert!(replies(&client).is_empty());
}

#[test]
fn an_idle_connection_ends_unless_a_request_is_unanswered() {
    let flusher = FlusherThread::start();
    let limits = ReaderLimits {
        idle_timeout: SHORT_TIMEOUT,
        ..reader_limits()
    };
    let (connection, client) = open(&flusher, send_limits());
    let ended = serve(connection, limits);
    let began = Instant::now();
    (&client).write_all(&ping()).unwrap();
    let received = replies(&client);
    assert!(began.elapsed() >= SHORT_TIMEOUT);
    assert_eq!(received[0], Reply::Pong);
    assert_eq!(fault_of(&received[1]), ProtocolFault::Timeout);
    drop(client);
    assert!(matches!(
        ended.recv_timeout(TEST_TIMEOUT),
        Ok(ReadEnd::Fault(_))
    ));

    let (connection, client) = open(&flusher, send_limits());
    let (answering, limits) = (Arc::clone(&connection), limits);
    let (sender, receiver) = bounded(1);
    runtime::spawn("reader", move || {
        let mut reader = ConnectionReader::new(connection, limits);
        reader.reserve_one().unwrap();
        sender.send(reader.fill()).unwrap();
    })
    .unwrap();
    assert!(
        receiver.recv_timeout(SHORT_TIMEOUT * 3).is_err(),
        "it waits for an answer"
    );
    answering.reply(0, |out| out.push(1));
    read_exactly(&client, 1);
    assert!(matches!(
        receiver.recv_timeout(TEST_TIMEOUT),
        Ok(Err(ReadEnd::Fault(_)))
    ));
}

#[test]
fn the_first_whole_frame_must_come_in_time() {
    let flusher = FlusherThread::start();
    let limits = ReaderLimits {
        first_frame_timeout: SHORT_TIMEOUT,
        ..reader_limits()
    };
    for first in [&[][..], &ping()[..5]] {
        let (connection, client) = open(&flusher, send_limits());
        let began = Instant::now();
        serve(connection, limits);
        (&client).write_all(first).unwrap();
        let received = replies(&client);
        assert!(began.elapsed() >= SHORT_TIMEOUT);
        assert_eq!(received.len(), 1);
        assert_eq!(fault_of(&received[0]), ProtocolFault::Timeout);
    }
    // Afterwards a connection may be silent, and a frame has its own time.
    let (connection, client) = open(&flusher, send_limits());
    serve(connection, limits);
    (&client).write_all(&ping()).unwrap();
    read_exactly(&client, ping().len());
    std::thread::sleep(SHORT_TIMEOUT * 2);
    (&client).write_all(&ping()[..5]).unwrap();
    std::thread::sleep(SHORT_TIMEOUT * 2);
    (&client).write_all(&ping()[5..]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(replies(&client), vec![Reply::Pong]);
}

#[test]
fn an_incomplete_frame_times_out() {
    let flusher = FlusherThread::start();
    let limits = ReaderLimits {
        frame_timeout: SHORT_TIMEOUT,
        ..reader_limits()
    };
    let (connection, client) = open(&flusher, send_limits());
    serve(connection, limits);
    let mut bytes = ping();
    bytes.extend_from_slice(&ping()[..5]);
    let began = Instant::now();
    (&client).write_all(&bytes).unwrap();
    let drip = client.try_clone().unwrap();
    std::thread::spawn(move || {
        // The frame would be complete after twice its time, and be answered.
        for byte in &ping()[5..] {
            std::thread::sleep(SHORT_TIMEOUT / 6);
            let _ = (&drip).write_all(&[*byte]);
        }
    });
    let received = replies(&client);
    assert!(began.elapsed() >= SHORT_TIMEOUT);
    assert_eq!(received.len(), 2);
    assert_eq!(fault_of(&received[1]), ProtocolFault::Timeout);
}

#[test]
fn each_frame_has_its_own_deadline() {
    /// Long enough for a busy machine.
    const FRAME_TIMEOUT: Duration = Duration::from_millis(1600);
    let flusher = FlusherThread::start();
    let limits = ReaderLimits {
        frame_timeout: FRAME_TIMEOUT,
        ..reader_limits()
    };
    let (connection, client) = open(&flusher, send_limits());
    serve(connection, limits);
    // Each write ends inside a frame, for longer than a frame may take.
    let frame = ping();
    let (head, tail) = frame.split_at(9);
    (&client).write_all(head).unwrap();
    let mut whole = Vec::new();
    whole.extend_from_slice(tail);
    whole.extend_from_slice(head);
    for _ in 0..10 {
        std::thread::sleep(FRAME_TIMEOUT / 8);
        (&client).write_all(&whole).unwrap();
    }
    (&client).write_all(tail).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(replies(&client), vec![Reply::Pong; 11]);
}

#[test]
fn a_frames_time_does_not_run_while_nothing_is_read() {
    let flusher = FlusherThread::start();
    let (connection, client) = open(&flusher, send_limits());
    pause_inside_a_frame(&connection, &client, &ping());
    let (connection, client) = websocket_pair(&flusher);
    let message = crate::testkit::websocket::frame(crate::testkit::websocket::BINARY, &ping());
    pause_inside_a_frame(&connection, &client, &message);
}

/// Lets a reader wait for longer than `frame_timeout` while the third request is incomplete.
fn pause_inside_a_frame(connection: &Arc<Connection>, mut client: &TcpStream, request: &[u8]) {
    let limits = ReaderLimits {
        frame_timeout: SHORT_TIMEOUT * 4,
        unanswered_max: 1,
        ..reader_limits()
    };
    let mut reader = ConnectionReader::new(Arc::clone(connection), limits);
    let bytes = [request, request, &request[..3]].concat();
    client.write_all(&bytes).unwrap();
    reader.fill().unwrap();
    reader
        .buffer
        .next(FrameHeader::check_request)
        .unwrap()
        .unwrap();
    reader.reserve_one().unwrap();
    let (answering, pause) = (Arc::clone(connection), SHORT_TIMEOUT * 6);
    std::thread::spawn(move || {
        std::thread::sleep(pause);
        answering.reply(0, |out| Reply::Pong.write(out));
    });
    reader
        .buffer
        .next(FrameHeader::check_request)
        .unwrap()
        .unwrap();
    assert_eq!(reader.reserve_one(), Ok(1));
    connection.reply(1, |out| Reply::Pong.write(out));
    client.write_all(&request[3..]).unwrap();
    reader.fill().unwrap();
    assert!(
        reader
            .buffer
            .next(FrameHeader::check_request)
            .unwrap()
            .is_some()
    );
}

#[test]
fn half_closed_clients_get_their_replies() {
    let flusher = FlusherThread::start();
    let (connection, client) = open(&flusher, send_limits());
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    (&client).write_all(&ping()).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    reader.fill().unwrap();
    reader.reserve_one().unwrap();
    reader.buffer.clear();
    assert_eq!(reader.fill(), Err(ReadEnd::Clean));
    let (sender, receiver) = bounded(1);
    runtime::spawn("finish", move || {
        reader.finish(ReadEnd::Clean);
        sender.send(()).unwrap();
    })
    .unwrap();
    assert!(
        receiver.recv_timeout(Duration::from_millis(50)).is_err(),
        "a request is unanswered"
    );
    connection.reply(0, |out| Reply::Pong.write(out));
    assert_eq!(replies(&client), [Reply::Pong]);
    receiver.recv_timeout(TEST_TIMEOUT).unwrap();

    let (connection, client) = open(&flusher, send_limits());
    serve(connection, reader_limits());
    let mut bytes = ping();
    bytes.extend_from_slice(&ping()[..16]);
    (&client).write_all(&bytes).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let received = replies(&client);
    assert_eq!(
        (&received[0], fault_of(&received[1])),
        (&Reply::Pong, ProtocolFault::BadFrame)
    );
}

#[test]
fn the_last_reply_reaches_a_client_that_keeps_sending() {
    let flusher = FlusherThread::start();
    let (connection, client) = open(&flusher, send_limits());
    let ended = serve(connection, reader_limits());
    let talker = client.try_clone().unwrap();
    let mut bytes = ping();
    bytes.extend_from_slice(&[9; 17]);
    bytes.resize(1 << 20, 0);
    std::thread::spawn(move || {
        let until = Instant::now() + LINGER_TIMEOUT / 2;
        let _ = (&talker).write_all(&bytes);
        while Instant::now() < until && (&talker).write_all(&bytes[..4096]).is_ok() {}
    });
    // The client reads the reply late.
    std::thread::sleep(LINGER_TIMEOUT / 3);
    let mut first = [0; 17];
    (&client).read_exact(&mut first).unwrap();
    let header = FrameHeader::read(&first);
    assert_eq!(header.instruction, Instruction::Pong.number());
    let received = replies(&client);
    assert_eq!(fault_of(&received[0]), ProtocolFault::BadFrame);
    assert!(matches!(
        ended.recv_timeout(TEST_TIMEOUT),
        Ok(ReadEnd::Fault(_))
    ));
}

#[test]
fn ending_a_connection_does_not_wait_for_a_silent_client() {
    let flusher = FlusherThread::start();
    let (connection, client) = open(&flusher, send_limits());
    let ended = serve(Arc::clone(&connection), reader_limits());
    (&client).write_all(&ping()).unwrap();
    read_exactly(&client, 17);
    let began = Instant::now();
    connection.end_at_once(SHUTTING_DOWN);
    let received = replies(&client);
    assert_eq!(fault_of(&received[0]), ProtocolFault::ShuttingDown);
    assert_eq!(ended.recv_timeout(TEST_TIMEOUT), Ok(ReadEnd::Broken));
    assert!(
        began.elapsed() >= LINGER_TIMEOUT && began.elapsed() < TEST_TIMEOUT / 2,
        "{:?}",
        began.elapsed()
    );
    // Later replies are dropped, and a second end does nothing.
    connection.end_at_once(SHUTTING_DOWN);
    connection.reply(1, |out| out.push(1));
}

#[test]
fn ending_a_connection_drops_unanswered_requests() {
    let flusher = FlusherThread::start();
    let (connection, client) = open(&flusher, send_limits());
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    reader.reserve_some(3).unwrap();
    connection.reply(1, |out| out.resize(1000, 1));
    connection.end_at_once(SHUTTING_DOWN);
    assert_eq!(fault_of(&replies(&client)[0]), ProtocolFault::ShuttingDown);
    assert_eq!(flusher.flusher.held().total(), 0);
    assert_eq!(reader.wait_applied(), Err(ReadEnd::Broken));
}

struct Port {
    listener: Arc<Listener>,
    limiter: Arc<ConnectionLimiter>,
    /// How often it was asked to make room.
    asked: Arc<AtomicUsize>,
    stop: Stop,
    threads: Vec<ThreadHandle>,
}

impl Port {
    /// Accepts connections and holds each until its peer closes.
    fn open(total: usize, per_ip: usize) -> Port {
        Port::open_at("127.0.0.1:0", total, per_ip)
    }

    fn open_at(address: &str, total: usize, per_ip: usize) -> Port {
        let listener = Arc::new(Listener::bind(address.parse().unwrap()).unwrap());
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total,
            per_neighbourhood: per_ip,
        });
        let stop = Stop::new();
        let (refusal, rejecter) = rejecter::refusal(rejecter::LINGERING_MAX);
        let asked = Arc::<AtomicUsize>::default();
        let counts = Arc::clone(&asked);
        let (accepts, permits, stopped) =
            (Arc::clone(&listener), Arc::clone(&limiter), stop.clone());
        let accepting = runtime::spawn("listener", move || {
            accepts.run(
                &permits,
                &refusal,
                &stopped,
                |_| false,
                |_| {
                    counts.fetch_add(1, Ordering::SeqCst);
                    false
                },
                |mut socket, _, permit| {
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut socket, &mut std::io::sink());
                        drop(socket);
                        drop(permit);
                    });
                },
            );
        });
        let (stopped, heartbeat) = (stop.clone(), Watchdog::new().register("rejecter"));
        let refusing = runtime::spawn("rejecter", move || rejecter.run(&stopped, &heartbeat));
        Port {
            listener,
            limiter,
            asked,
            stop,
            threads: vec![accepting.unwrap(), refusing.unwrap()],
        }
    }

    fn connect(&self) -> TcpStream {
        self.connect_from([127, 0, 0, 1])
    }

    fn connect_from(&self, ip: [u8; 4]) -> TcpStream {
        let client =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        client.bind(&SocketAddr::from((ip, 0)).into()).unwrap();
        client.connect(&self.listener.address().into()).unwrap();
        let client = TcpStream::from(client);
        client.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        client
    }

    fn close(self) {
        self.listener.close();
        self.stop.request();
        let late = runtime::join_all(self.threads, Instant::now() + TEST_TIMEOUT);
        assert!(late.is_empty(), "{late:?}");
    }
}

#[test]
fn peers_without_a_permit_get_an_error_and_permits_are_released() {
    let port = Port::open(10, 2);
    let first = port.connect();
    let _second = port.connect();
    until("both are admitted", || port.limiter.open() == 2);
    let third = port.connect();
    // The peer sends before it reads, and still gets the answer.
    (&third).write_all(&ping().repeat(1000)).unwrap();
    let received = replies(&third);
    assert_eq!(fault_of(&received[0]), ProtocolFault::TooManyConnections);
    drop(first);
    until("the permit is released", || port.limiter.open() == 1);
    let _fourth = port.connect();
    until("it is admitted", || port.limiter.open() == 2);
    port.close();
}

#[test]
fn nobody_goes_for_a_peer_whose_address_has_too_many() {
    let port = Port::open(2, 1);
    let _first = port.connect();
    let _second = port.connect_from([127, 0, 0, 2]);
    until("all places are taken", || port.limiter.open() == 2);
    let asked = || port.asked.load(Ordering::SeqCst);
    let third = port.connect();
    assert_eq!(
        fault_of(&replies(&third)[0]),
        ProtocolFault::TooManyConnections
    );
    assert_eq!(asked(), 0);
    let fourth = port.connect_from([127, 0, 0, 3]);
    assert_eq!(
        fault_of(&replies(&fourth)[0]),
        ProtocolFault::TooManyConnections
    );
    assert_eq!(asked(), 1);
    drop((third, fourth));
    port.close();
}

#[test]
fn a_closed_listener_frees_its_port_for_the_next() {
    let listener = Arc::new(Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap());
    let address: SocketAddr = listener.address();
    let limiter = ConnectionLimiter::new(ConnectionLimits {
        total: 9,
        per_neighbourhood: 9,
    });
    let accepted = Arc::new(AtomicUsize::new(0));
    let (refusal, _refuser) = rejecter::refusal(rejecter::LINGERING_MAX);
    let (accepts, counts) = (Arc::clone(&listener), Arc::clone(&accepted));
    let thread = runtime::spawn("listener", move || {
        accepts.run(
            &limiter,
            &refusal,
            &Stop::new(),
            |_| false,
            |_| false,
            |_, _, _| {
                counts.fetch_add(1, Ordering::SeqCst);
            },
        );
    })
    .unwrap();
    let client = TcpStream::connect(address).unwrap();
    until("it accepts", || accepted.load(Ordering::SeqCst) == 1);
    listener.close();
    assert!(
        thread.join(Instant::now() + TEST_TIMEOUT),
        "closing ends it without a stop"
    );
    drop(listener);
    assert!(TcpStream::connect(address).is_err());
    // The last connection may still be closing.
    Listener::bind(address).unwrap();
    drop(client);
}

/// Runs only as a child process of the test below.
///
/// The clients have their descriptors before the limit is set, so that each connects whatever the
/// listener does. No other process looks for a server at this address.
#[test]
fn child_runs_out_of_descriptors() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    const CLIENTS: usize = 32;
    if std::env::var_os("PAPERTRADER_TEST_EMFILE").is_none() {
        return;
    }
    let port = Port::open_at("127.93.0.1:0", 1000, 1000);
    let mut stat = std::fs::File::open("/proc/self/stat").unwrap();
    let stream = socket2::Type::STREAM;
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| socket2::Socket::new(socket2::Domain::IPV4, stream, None).unwrap())
        .collect();
    let highest = clients.iter().map(AsRawFd::as_raw_fd).max().unwrap();
    let limit = Some(u64::try_from(highest).unwrap() + 5);
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    setrlimit(Resource::Nofile, limit).unwrap();
    for client in &clients {
        client.connect(&port.listener.address().into()).unwrap();
    }
    until("some are accepted", || port.limiter.open() >= 4);
    let before = cpu(&mut stat);
    std::thread::sleep(Duration::from_millis(500));
    assert!(
        cpu(&mut stat) - before < Duration::from_millis(250),
        "accepting spins"
    );
    let open = port.limiter.open();
    assert!(open < CLIENTS / 2, "{open} were accepted");
    clients.drain(..CLIENTS / 2);
    until("accepting goes on", || port.limiter.open() == CLIENTS / 2);
    port.close();
}

/// The processor time that this process has used.
fn cpu(stat: &mut std::fs::File) -> Duration {
    let mut text = String::new();
    stat.rewind().unwrap();
    stat.read_to_string(&mut text).unwrap();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[test]
fn accepting_goes_on_once_a_descriptor_is_free() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "net::tests::child_runs_out_of_descriptors",
            "--nocapture",
        ])
        .env("PAPERTRADER_TEST_EMFILE", "1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

mod tls {
    use super::*;
    use crate::net::tls::ServerTls;
    use rustls::pki_types::{CertificateDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
    use std::path::Path;

    fn certificate(folder: &Path) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    fn open(
        flusher: &FlusherThread,
        tls: &ServerTls,
        limits: ReaderLimits,
    ) -> (TcpStream, Receiver<ReadEnd>) {
        let (socket, client) = sockets();
        let state = Some(tls.accept().unwrap());
        let connection =
            Connection::new(socket, state, send_limits(), Arc::clone(&flusher.flusher)).unwrap();
        (client, serve(connection, limits))
    }

    fn tls_client(
        client: TcpStream,
        root: &CertificateDer<'static>,
    ) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        StreamOwned::new(
            ClientConnection::new(Arc::new(config), name).unwrap(),
            client,
        )
    }

    #[test]
    fn tls_carries_the_same_protocol() {
        let (flusher, folder) = (FlusherThread::start(), tempfile::tempdir().unwrap());
        let root = certificate(folder.path());
        let (certificate_file, key_file) = (
            folder.path().join("cert.pem"),
            folder.path().join("key.pem"),
        );
        let tls = ServerTls::load(&certificate_file, &key_file).unwrap();
        let (client, ended) = open(&flusher, &tls, reader_limits());
        let mut client = tls_client(client, &root);
        for _ in 0..3 {
            client.write_all(&ping().repeat(500)).unwrap();
            let mut pongs = vec![0; 17 * 500];
            client.read_exact(&mut pongs).unwrap();
            let mut pong = Vec::new();
            Reply::Pong.write(&mut pong);
            assert_eq!(pongs, pong.repeat(500));
        }
        // The end of the TLS session ends the connection, and is answered with a close
        // notification.
        client.conn.send_close_notify();
        client.conn.complete_io(&mut client.sock).unwrap();
        assert_eq!(
            client.read(&mut [0; 1]).unwrap(),
            0,
            "closed with a notification"
        );
        assert_eq!(ended.recv_timeout(TEST_TIMEOUT), Ok(ReadEnd::Clean));

        // A valid new pair is loaded; an invalid one is not.
        let other = certificate(folder.path());
        tls.reload(&certificate_file, &key_file).unwrap();
        std::fs::write(&key_file, "nonsense").unwrap();
        assert!(tls.reload(&certificate_file, &key_file).is_err());
        let (client, _ended) = open(&flusher, &tls, reader_limits());
        let mut client = tls_client(client, &other);
        client.write_all(&ping()).unwrap();
        client.read_exact(&mut [0; 17]).unwrap();
    }

    #[test]
    fn a_tls_handshake_has_the_time_of_a_frame() {
        let (flusher, folder) = (FlusherThread::start(), tempfile::tempdir().unwrap());
        let root = certificate(folder.path());
        let tls = ServerTls::load(
            &folder.path().join("cert.pem"),
            &folder.path().join("key.pem"),
        )
        .unwrap();
        let limits = ReaderLimits {
            frame_timeout: SHORT_TIMEOUT * 5,
            ..reader_limits()
        };
        let (client, ended) = open(&flusher, &tls, limits);
        (&client).write_all(&[22, 3, 1]).unwrap();
        let began = Instant::now();
        let ended = ended.recv_timeout(TEST_TIMEOUT).unwrap();
        assert!(matches!(
            ended,
            ReadEnd::Fault(ProtocolError {
                code: ProtocolFault::Timeout,
                ..
            })
        ));
        assert!(began.elapsed() < TEST_TIMEOUT / 2);
        // After the handshake a client may be idle for longer.
        let (client, ended) = open(&flusher, &tls, limits);
        let mut client = tls_client(client, &root);
        client.write_all(&ping()).unwrap();
        client.read_exact(&mut [0; 17]).unwrap();
        assert!(ended.recv_timeout(SHORT_TIMEOUT * 7).is_err());
        client.write_all(&ping()).unwrap();
        client.read_exact(&mut [0; 17]).unwrap();
    }

    #[test]
    fn plaintext_gets_no_reply() {
        let (flusher, folder) = (FlusherThread::start(), tempfile::tempdir().unwrap());
        certificate(folder.path());
        let tls = ServerTls::load(
            &folder.path().join("cert.pem"),
            &folder.path().join("key.pem"),
        )
        .unwrap();
        let (client, ended) = open(&flusher, &tls, reader_limits());
        (&client).write_all(&ping()).unwrap();
        assert_eq!(ended.recv_timeout(TEST_TIMEOUT), Ok(ReadEnd::Broken));
        let mut received = Vec::new();
        match (&client).read_to_end(&mut received) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        let mut pong = Vec::new();
        Reply::Pong.write(&mut pong);
        assert!(!received.windows(pong.len()).any(|bytes| bytes == pong));
    }
}

/// Sends notices of 8,192 bytes until no more are accepted.
fn fill_with_notices(connection: &Arc<Connection>) -> usize {
    let frame = vec![7; 8 * 1024];
    let mut accepted = 0;
    while connection.notify(std::slice::from_ref(&frame)) == 1 {
        accepted += 1;
        assert!(accepted < 100_000, "notices have no bound");
    }
    accepted
}

#[test]
fn notices_have_half_the_room_and_leave_replies_theirs() {
    let flusher = FlusherThread::start();
    let (connection, mut client) = open(&flusher, send_limits());
    let before = connection
        .idle_since(Instant::now() - TEST_TIMEOUT)
        .unwrap();
    let accepted = fill_with_notices(&connection);
    // What the flusher has sent meanwhile makes room.
    assert!(flusher.flusher.held().total() <= send_limits().max_unsent / 2);
    let idle = connection.idle_since(Instant::now() - TEST_TIMEOUT);
    assert_eq!(idle, Some(before), "they make no connection busy");
    let capacity = super::connection::Capacity {
        unanswered: 2,
        bulk: 1,
    };
    let (number, _) = connection.reserve(1, false, capacity).unwrap();
    connection.reply(number, |out| out.resize(out.len() + 60 * 1024, 8));
    let (number, _) = connection.reserve(1, false, capacity).unwrap();
    assert_eq!(connection.idle_since(Instant::now()), None);
    connection.reply(number, |out| out.push(9));
    let mut came = vec![0; accepted * 8 * 1024 + 60 * 1024 + 1];
    client.read_exact(&mut came).unwrap();
    assert_eq!(came.last(), Some(&9));
    let replies = came.iter().filter(|byte| **byte == 8).count();
    assert_eq!(replies, 60 * 1024);
    let many = vec![vec![7; 16 * 1024]; 3];
    let accepted = connection.notify(&many);
    assert_eq!(accepted, 3, "what the socket takes at once needs no room");
    let beyond = connection.notify(&[vec![7; 33 * 1024]]);
    assert_eq!(beyond, 0, "it can never fit");
}

#[test]
fn a_peer_is_not_cut_for_notices_alone() {
    let flusher = Flusher::new().unwrap();
    let (socket, _client) = sockets();
    let limits = SendLimits {
        send_timeout: Duration::from_secs(10),
        ..send_limits()
    };
    let connection = Connection::new(socket, None, limits, Arc::clone(&flusher)).unwrap();
    fill_with_notices(&connection);
    let later = Instant::now() + Duration::from_secs(3600);
    connection.cut_if_stalled(later);
    assert!(!connection.has_ended());
    let capacity = super::connection::Capacity {
        unanswered: 2,
        bulk: 1,
    };
    let (number, _) = connection.reserve(1, false, capacity).unwrap();
    connection.reply(number, |out| out.push(9));
    connection.cut_if_stalled(Instant::now() + Duration::from_secs(5));
    assert!(!connection.has_ended(), "the reply waits for 5 s");
    connection.cut_if_stalled(later);
    assert!(connection.has_ended());
    assert_eq!(connection.notify(&[[7]]), 0);
}

/// A WebSocket, and its client after the handshake.
fn websocket_pair(flusher: &FlusherThread) -> (Arc<Connection>, TcpStream) {
    let (socket, client) = sockets();
    let transport = crate::net::Transport {
        tls: None,
        is_websocket: true,
    };
    let peer = socket.peer_addr().unwrap();
    let flusher = Arc::clone(&flusher.flusher);
    let connection = Connection::of(peer, socket, transport, send_limits(), flusher).unwrap();
    (connection, client)
}

/// A WebSocket of a reader that answers the protocol's pings, and its client after the handshake.
fn open_websocket(flusher: &FlusherThread) -> (Arc<Connection>, TcpStream, Receiver<ReadEnd>) {
    let (connection, client) = websocket_pair(flusher);
    let ended = serve(Arc::clone(&connection), reader_limits());
    (connection, client, ended)
}

#[test]
fn the_close_frame_has_the_code_of_the_protocol_error_before_it() {
    use super::websocket::CloseCode;
    use crate::testkit::websocket::{BINARY, CLOSE};
    let flusher = FlusherThread::start();
    let (connection, mut client) = websocket_pair(&flusher);
    let mut reader = ConnectionReader::new(Arc::clone(&connection), reader_limits());
    reader.reserve_one().unwrap();
    connection.end_with(CloseCode::UNSUPPORTED_DATA);
    connection.send_error_and_end(SHUTTING_DOWN);
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.first(), Some(&BINARY));
    assert!(bytes.ends_with(&[CLOSE, 2, 3, 233]), "{bytes:?}");
}

#[test]
fn a_flood_of_pings_costs_a_bounded_number_of_bytes() {
    use crate::testkit::websocket::{CLOSE, PING, frame as websocket_frame, take_frame};
    let flusher = FlusherThread::start();
    let (connection, client, ended) = open_websocket(&flusher);
    let buffer = 64 * 1024;
    let server = socket2::SockRef::from(connection.socket());
    server.set_send_buffer_size(buffer).unwrap();
    let receiving = socket2::SockRef::from(&client);
    receiving.set_recv_buffer_size(buffer).unwrap();
    let sending = client.try_clone().unwrap();
    // Far more than all buffers of the system take.
    let count: u32 = 20_000;
    let sender = std::thread::spawn(move || {
        let mut sending = sending;
        let mut bytes = Vec::new();
        for number in 0..count {
            let mut payload = [7; 125];
            payload[..4].copy_from_slice(&number.to_be_bytes());
            bytes.extend(websocket_frame(PING, &payload));
            if bytes.len() > 60_000 {
                sending.write_all(&bytes).unwrap();
                bytes.clear();
            }
        }
        sending.write_all(&bytes).unwrap();
    });
    // The reader is never stopped by what the client does not take.
    sender.join().unwrap();
    let most = connection.sending().unsent();
    let bound = send_limits().max_unsent / 2 + 2 * 131;
    assert!(most <= bound, "{most} bytes are held");
    let mut bytes = Vec::new();
    let (mut last, mut pongs) = (None, 0);
    let mut chunk = [0; 65_536];
    while last != Some(count - 1) {
        let size = (&client).read(&mut chunk).unwrap();
        bytes.extend_from_slice(&chunk[..size]);
        while let Some((first, payload)) = take_frame(&mut bytes) {
            assert_eq!(first, 0x8a);
            let number = u32::from_be_bytes(*payload.first_chunk().unwrap());
            assert!(last.is_none_or(|last| last < number), "in order");
            last = Some(number);
            pongs += 1;
        }
    }
    assert!(pongs < count, "{pongs} pongs");
    (&client).write_all(&websocket_frame(CLOSE, &[])).unwrap();
    (&client).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, [CLOSE, 2, 3, 232]);
    assert!(matches!(
        ended.recv_timeout(TEST_TIMEOUT),
        Ok(ReadEnd::Closed(_))
    ));
}
