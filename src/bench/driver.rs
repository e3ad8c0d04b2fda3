//! spec/bench/driver.md · 4.3.2, 4.4
//!
//! The load generator: many connections on one thread, each with several requests in flight. It
//! measures the time of every reply. The same code drives every server that is compared.

use super::measure::{Measurement, Tally};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Bytes that one read takes, at most.
const READ_BYTES: usize = 256 * 1024;
/// Events that one call of `epoll` returns, at most.
const EVENTS_MAX: usize = 1024;
/// A server that sends nothing for this long, while replies are due, has failed.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long connecting and the greeting may take, each.
const GREETING_TIMEOUT: Duration = Duration::from_secs(20);
/// Time between two timer events when nothing else happens, in nanoseconds.
const TIMER_NANOS: i64 = 20_000_000;
/// The timer's number in `epoll`; connections have smaller ones.
const TIMER: u64 = u64::MAX;
/// Replies that may be due in an open loop, at most; a server further behind has failed.
const UNANSWERED_MAX: usize = 100_000;

/// What the first received bytes are. Sizes are of the whole frame or frames, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyHead {
    /// Less than a frame.
    Nothing,
    /// A frame of a reply that has further frames.
    Piece(usize),
    /// A notice, which comes before the reply, once a request.
    Notice(usize),
    /// The expected reply.
    Reply(usize),
    /// A refusal, which is counted separately.
    Refused(usize),
}

/// What the connections of a load send, and what replies they must get.
pub trait Speech {
    /// Appends the next request of this connection.
    fn write_request(&mut self, connection: usize, out: &mut Vec<u8>);
    /// Classifies the first received bytes of a connection.
    ///
    /// # Errors
    /// The reply is wrong; it ends the measurement.
    fn read_reply(&mut self, connection: usize, bytes: &[u8]) -> Result<ReplyHead, String>;
}

/// When requests are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A closed loop: each connection sends a request as soon as an earlier one is answered.
    Closed {
        /// Requests in flight on each connection.
        in_flight: usize,
    },
    /// An open loop: requests leave at a fixed rate, answered or not. A reply's time counts from
    /// when its request was due.
    Open {
        /// Requests a second, over all connections.
        per_second: u64,
    },
}

/// When a measurement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// After that time. Later replies are awaited, and not counted.
    Time(Duration),
    /// When that many requests have been answered.
    Requests(u64),
}

/// The first bytes that a connection sends, and those that it must receive.
#[derive(Debug, Clone, Default)]
pub struct Greeting {
    pub request: Vec<u8>,
    pub reply: Vec<u8>,
}

#[derive(Debug)]
struct BenchConnection {
    socket: TcpStream,
    /// The beginning of a frame, received so far.
    inbox: Vec<u8>,
    buffer: Vec<u8>,
    asked: VecDeque<Instant>,
    /// How many of `asked` have got their notice.
    noticed: usize,
}

/// Connections to one server.
#[derive(Debug)]
pub struct Driver {
    epoll: OwnedFd,
    timer: OwnedFd,
    lines: Vec<BenchConnection>,
    room: Vec<u8>,
}

/// The state of a running measurement.
struct Run {
    pace: Pace,
    until: Until,
    tally: Tally,
    made: u64,
    owed: usize,
    /// No further requests are sent.
    closing: bool,
    began: Instant,
}

impl Run {
    fn may_ask(&self) -> bool {
        !self.closing
            && match self.until {
                Until::Time(_) => true,
                Until::Requests(most) => self.made < most,
            }
    }
}

impl Driver {
    /// Makes `count` connections, each with the greeting `greeting(connection)`.
    ///
    /// # Errors
    /// A connection or a greeting fails.
    pub fn open(
        address: SocketAddr,
        connections: usize,
        greeting: impl Fn(usize) -> Greeting,
    ) -> Result<Driver, String> {
        let failed = |e: &dyn std::fmt::Display| format!("{address}: {e}");
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|e| failed(&e))?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )
        .map_err(|e| failed(&e))?;
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN)
            .map_err(|e| failed(&e))?;
        let mut lines = Vec::with_capacity(connections);
        for number in 0..connections {
            let socket = greet(address, &greeting(number)).map_err(|e| failed(&e))?;
            let data = EventData::new_u64(number as u64);
            epoll::add(&epoll, socket.as_fd(), data, EventFlags::IN).map_err(|e| failed(&e))?;
            lines.push(BenchConnection {
                socket,
                inbox: Vec::new(),
                buffer: Vec::new(),
                asked: VecDeque::new(),
                noticed: 0,
            });
        }
        Ok(Driver {
            epoll,
            timer,
            lines,
            room: vec![0; READ_BYTES],
        })
    }

    /// The number of connections.
    pub fn connections(&self) -> usize {
        self.lines.len()
    }

    /// Runs the load for `warm_up`, uncounted, then measures it. Returns after every request is
    /// answered.
    ///
    /// # Errors
    /// A reply is wrong, or none comes.
    pub fn measure(
        &mut self,
        speech: &mut impl Speech,
        pace: Pace,
        warm_up: Duration,
        until: Until,
    ) -> Result<Measurement, String> {
        if !warm_up.is_zero() {
            self.run(speech, pace, Until::Time(warm_up))?;
        }
        self.run(speech, pace, until)
    }

    fn run(
        &mut self,
        speech: &mut impl Speech,
        pace: Pace,
        until: Until,
    ) -> Result<Measurement, String> {
        let began = Instant::now();
        let mut run = Run {
            pace,
            until,
            tally: Tally::new(),
            made: 0,
            owed: 0,
            closing: false,
            began,
        };
        match pace {
            Pace::Closed { in_flight } => {
                for number in 0..self.lines.len() {
                    self.ask(speech, number, in_flight, began, &mut run);
                    self.send(number)?;
                }
            }
            Pace::Open { per_second } => self.set_timer(Some(interval(per_second)))?,
        }
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut heard = began;
        let mut elapsed = None;
        loop {
            self.wait(&mut events)?;
            for event in &events {
                if event.data.u64() == TIMER {
                    self.tick(speech, &mut run)?;
                    continue;
                }
                let number = usize::try_from(event.data.u64()).unwrap_or(0);
                let flags = event.flags;
                if flags.contains(EventFlags::OUT) {
                    self.send(number)?;
                }
                if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                    heard = Instant::now();
                    self.listen(speech, number, heard, &mut run)?;
                }
            }
            let now = Instant::now();
            if let Until::Time(time) = until
                && elapsed.is_none()
                && now.saturating_duration_since(began) >= time
            {
                elapsed = Some(now.saturating_duration_since(began));
                run.closing = true;
                run.tally.close();
                self.set_timer(None)?;
            }
            if run.owed == 0 && !run.may_ask() {
                self.set_timer(None)?;
                let elapsed = elapsed.unwrap_or_else(|| now.saturating_duration_since(began));
                return Ok(run.tally.measured(elapsed));
            }
            if run.owed > 0 && now.saturating_duration_since(heard) > SILENCE_TIMEOUT {
                return Err(format!(
                    "{} answers did not come within {SILENCE_TIMEOUT:?}",
                    run.owed
                ));
            }
        }
    }

    /// Waits for events until the timer's next tick at most, and replaces `events` by them.
    fn wait(&self, events: &mut Vec<epoll::Event>) -> Result<(), String> {
        events.clear();
        let patience = Timespec {
            tv_sec: 0,
            tv_nsec: TIMER_NANOS,
        };
        match epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(events),
            Some(&patience),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(format!("epoll: {error}")),
        }
    }

    fn set_timer(&self, every: Option<Duration>) -> Result<(), String> {
        let spec = |duration: Duration| Timespec {
            tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(duration.subsec_nanos()),
        };
        let every = spec(every.unwrap_or_default());
        let set = Itimerspec {
            it_interval: every,
            it_value: every,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &set)
            .map(|_| ())
            .map_err(|e| format!("timer: {e}"))
    }

    /// Sends the requests that are due, over the connections in turn.
    fn tick(&mut self, speech: &mut impl Speech, run: &mut Run) -> Result<(), String> {
        let mut count = [0; 8];
        // The timer was set again meanwhile, so there is nothing to read.
        let _ = rustix::io::read(&self.timer, &mut count);
        let Pace::Open { per_second } = run.pace else {
            return Ok(());
        };
        let every = interval(per_second);
        let now = Instant::now();
        loop {
            let due = run.began + mul(every, run.made + 1);
            if due > now || !run.may_ask() {
                return Ok(());
            }
            if run.owed >= UNANSWERED_MAX {
                return Err(format!(
                    "{UNANSWERED_MAX} answers are owed at {per_second} a second"
                ));
            }
            let number = usize::try_from(run.made % self.lines.len().max(1) as u64).unwrap_or(0);
            self.ask(speech, number, 1, due, run);
            self.send(number)?;
        }
    }

    fn ask(
        &mut self,
        speech: &mut impl Speech,
        number: usize,
        count: usize,
        at: Instant,
        run: &mut Run,
    ) {
        let line = &mut self.lines[number];
        for _ in 0..count {
            if !run.may_ask() {
                return;
            }
            speech.write_request(number, &mut line.buffer);
            line.asked.push_back(at);
            run.made += 1;
            run.owed += 1;
        }
    }

    fn send(&mut self, number: usize) -> Result<(), String> {
        let line = &mut self.lines[number];
        if line.buffer.is_empty() {
            return Ok(());
        }
        let waited = line.buffer.len();
        match line.socket.write(&line.buffer) {
            Ok(size) if size == waited => line.buffer.clear(),
            Ok(size) => {
                line.buffer.drain(..size);
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => return Err(format!("connection {number}: {e}")),
        }
        let flags = if line.buffer.is_empty() {
            EventFlags::IN
        } else {
            EventFlags::IN | EventFlags::OUT
        };
        // Only a full socket has to be watched for room, and no longer than it is full.
        if !line.buffer.is_empty() || waited > READ_BYTES {
            let data = EventData::new_u64(number as u64);
            epoll::modify(&self.epoll, line.socket.as_fd(), data, flags)
                .map_err(|e| format!("epoll: {e}"))?;
        }
        Ok(())
    }

    /// Reads once, handles the replies, and sends the next requests.
    fn listen(
        &mut self,
        speech: &mut impl Speech,
        number: usize,
        now: Instant,
        run: &mut Run,
    ) -> Result<(), String> {
        let line = &mut self.lines[number];
        let size = match line.socket.read(&mut self.room) {
            Ok(0) => return Err(format!("connection {number}: the server has closed it")),
            Ok(size) => size,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(e) => return Err(format!("connection {number}: {e}")),
        };
        let answered = if line.inbox.is_empty() {
            let (taken, answered) =
                line.take(speech, number, &self.room[..size], now, &mut run.tally)?;
            line.inbox.extend_from_slice(&self.room[taken..size]);
            answered
        } else {
            let mut inbox = std::mem::take(&mut line.inbox);
            inbox.extend_from_slice(&self.room[..size]);
            let (taken, answered) = line.take(speech, number, &inbox, now, &mut run.tally)?;
            inbox.drain(..taken);
            line.inbox = inbox;
            answered
        };
        run.owed -= answered;
        if matches!(run.pace, Pace::Closed { .. }) && answered > 0 {
            self.ask(speech, number, answered, now, run);
            self.send(number)?;
        }
        Ok(())
    }
}

impl BenchConnection {
    /// Handles whole frames; returns their bytes and how many requests they answered.
    fn take(
        &mut self,
        speech: &mut impl Speech,
        number: usize,
        bytes: &[u8],
        now: Instant,
        tally: &mut Tally,
    ) -> Result<(usize, usize), String> {
        let (mut taken, mut answered) = (0, 0);
        loop {
            let came = speech
                .read_reply(number, &bytes[taken..])
                .map_err(|e| format!("connection {number}: {e}"))?;
            match came {
                ReplyHead::Nothing => return Ok((taken, answered)),
                ReplyHead::Piece(size) => taken += size,
                ReplyHead::Notice(size) => {
                    taken += size;
                    if let Some(asked) = self.asked.get(self.noticed) {
                        tally.notice(now.saturating_duration_since(*asked));
                        self.noticed += 1;
                    }
                }
                ReplyHead::Reply(size) | ReplyHead::Refused(size) => {
                    taken += size;
                    answered += 1;
                    let asked = self
                        .asked
                        .pop_front()
                        .ok_or("an answer that nobody asked for")?;
                    self.noticed = self.noticed.saturating_sub(1);
                    let took = now.saturating_duration_since(asked);
                    if matches!(came, ReplyHead::Reply(_)) {
                        tally.reply(took);
                    } else {
                        tally.refused();
                    }
                }
            }
        }
    }
}

/// The time between two requests at that rate.
fn interval(per_second: u64) -> Duration {
    Duration::from_nanos(1_000_000_000 / per_second.max(1))
}

/// A multiple of a duration, bounded by the longest one.
fn mul(duration: Duration, times: u64) -> Duration {
    let nanos = duration.as_nanos().saturating_mul(u128::from(times));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn greet(address: SocketAddr, greeting: &Greeting) -> Result<TcpStream, String> {
    let words = |e: std::io::Error| e.to_string();
    let mut socket = TcpStream::connect_timeout(&address, GREETING_TIMEOUT).map_err(words)?;
    socket.set_nodelay(true).map_err(words)?;
    socket
        .set_read_timeout(Some(GREETING_TIMEOUT))
        .map_err(words)?;
    socket.write_all(&greeting.request).map_err(words)?;
    let mut heard = vec![0; greeting.reply.len()];
    socket.read_exact(&mut heard).map_err(words)?;
    if heard != greeting.reply {
        return Err(format!("the greeting was answered with {heard:02x?}"));
    }
    socket.set_nonblocking(true).map_err(words)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
