//! spec/bench/notices.md · 3.1.6, 4.1 (quoteNotice)
//!
//! Measures how soon the last of thousands of subscribers has a new price, beside a bare loop of as
//! many sends and reads, and what the others notice.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting, BenchTrader, password};
use super::driver::{Driver, Greeting, Pace, Until};
use super::measure::{MeasuredRatio, Measurement, median};
use super::speech::{KnownInstructions, into_data};
use super::table::{Figure, Goal, ResultRow};
use crate::model::{QuoteValue, Symbol, Timestamp, Topic};
use crate::wire::frame::HEADER_BYTES;
use crate::wire::{FrameHeader, Instruction, Reply, Request};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::time::Timespec;
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Connections that are subscribed to one asset.
const SUBSCRIBERS: usize = 5_000;
/// Time between two updates.
const UPDATE_INTERVAL: Duration = Duration::from_millis(500);
/// Rounds of the bare loop, and updates, in each turn.
const ROUNDS: usize = 10;
/// How long updates are waited for.
const ROUNDS_TIMEOUT: Duration = Duration::from_secs(60);
/// Time between two rounds of the bare loop.
const ROUND_PAUSE: Duration = Duration::from_millis(100);
/// The last subscriber may have an update so much later than the last of the bare loop, in
/// thousandths.
const LAST_RATIO_GOAL: u64 = 2000;
/// Medians of other requests may be this much of those without subscribers, in thousandths.
const MEDIAN_RATIO_GOAL: u64 = 1500;
/// Quotes a second.
const QUOTE_RATE: u64 = 1000;
/// Logins a second.
const LOGIN_RATE: u64 = 20;
const CONNECTIONS: usize = 8;
/// Events that one call of `epoll` returns, at most.
const EVENTS_MAX: usize = 1024;

/// A round: how many have its notice, and when the first and the last had it.
#[derive(Debug, Clone, Copy)]
struct RoundTimes {
    count: usize,
    first: Instant,
    last: Instant,
}

/// Connections on which notices come.
struct Receivers {
    epoll: OwnedFd,
    sockets: Vec<(TcpStream, Vec<u8>)>,
    /// By market time, as its text.
    rounds: HashMap<Vec<u8>, RoundTimes>,
}

impl Receivers {
    fn new(sockets: Vec<TcpStream>) -> Result<Receivers, String> {
        let failed = |e: &dyn std::fmt::Display| e.to_string();
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|e| failed(&e))?;
        for (number, socket) in sockets.iter().enumerate() {
            socket.set_nonblocking(true).map_err(|e| failed(&e))?;
            let data = EventData::new_u64(number as u64);
            epoll::add(&epoll, socket.as_fd(), data, EventFlags::IN).map_err(|e| failed(&e))?;
        }
        Ok(Receivers {
            epoll,
            sockets: sockets.into_iter().map(|it| (it, Vec::new())).collect(),
            rounds: HashMap::new(),
        })
    }

    /// Reads what has come, for a moment at most.
    fn receive(&mut self, events: &mut Vec<epoll::Event>) -> Result<(), String> {
        let moment = Timespec {
            tv_sec: 0,
            tv_nsec: 20_000_000,
        };
        events.clear();
        let buffer = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.epoll, buffer, Some(&moment)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.to_string()),
        }
        let mut chunk = [0; 16 * 1024];
        for event in events.iter() {
            let number = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            let Some((socket, bytes)) = self.sockets.get_mut(number) else {
                continue;
            };
            match socket.read(&mut chunk) {
                Ok(0) => return Err("a subscriber was cut off".to_owned()),
                Ok(size) => bytes.extend_from_slice(&chunk[..size]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.to_string()),
            }
            note(bytes, &mut self.rounds)?;
        }
        Ok(())
    }

    /// Reads until `is_over`.
    fn receive_until(&mut self, is_over: &AtomicBool) -> Result<(), String> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        while !is_over.load(Ordering::Relaxed) {
            self.receive(&mut events)?;
        }
        Ok(())
    }

    /// Takes the rounds that all have: how long it took from the first to the last.
    fn spreads(&mut self) -> Vec<u64> {
        let all = self.sockets.len();
        let rounds = std::mem::take(&mut self.rounds);
        let whole = rounds.values().filter(|round| round.count == all);
        whole
            .map(|round| {
                let spread = round.last.saturating_duration_since(round.first);
                u64::try_from(spread.as_nanos()).unwrap_or(u64::MAX)
            })
            .collect()
    }
}

/// Counts the whole frames at the front of `bytes`, and takes them off.
fn note(bytes: &mut Vec<u8>, rounds: &mut HashMap<Vec<u8>, RoundTimes>) -> Result<(), String> {
    let mut at = 0;
    while let Some(head) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let header = FrameHeader::read(head);
        let size = usize::try_from(header.data_size).unwrap_or(usize::MAX);
        let start = at + HEADER_BYTES;
        let Some(data) = bytes.get(start..start.saturating_add(size)) else {
            break;
        };
        at = start + size;
        match Instruction::from_number(header.instruction) {
            Some(Instruction::QuoteNotice) => {
                let time = data.split(|byte| *byte == b' ').next().unwrap_or_default();
                let now = Instant::now();
                let round = rounds.entry(time.to_vec()).or_insert(RoundTimes {
                    count: 0,
                    first: now,
                    last: now,
                });
                (round.count, round.last) = (round.count + 1, now);
            }
            Some(Instruction::Subscribed) => {}
            Some(Instruction::NoticesDropped) => {
                return Err("a subscriber that reads missed notices".to_owned());
            }
            other => return Err(format!("{other:?} came to a subscriber")),
        }
    }
    bytes.drain(..at);
    Ok(())
}

/// The requests of others.
struct Others {
    quotes: (Driver, KnownInstructions),
    logins: (Driver, KnownInstructions),
}

impl Others {
    fn open(
        deployment: &BenchDeployment,
        player: &BenchTrader,
        symbol: Symbol,
    ) -> Result<Others, String> {
        let address = deployment.worker()?;
        let data = into_data(&player.session);
        let quote = Request::AssetCurrent { symbol };
        let login = Request::Login {
            username: player.username.clone(),
            hashed_pass: password()?,
            expirable: true,
        };
        let many = |request: Request| vec![vec![request]; CONNECTIONS];
        Ok(Others {
            quotes: (
                Driver::open(address, CONNECTIONS, |_| data.clone())?,
                KnownInstructions::new(many(quote), false),
            ),
            logins: (
                Driver::open(address, CONNECTIONS, |_| Greeting::default())?,
                KnownInstructions::new(many(login), false),
            ),
        })
    }

    /// The medians of quotes and of logins, which run at the same time.
    fn measure(&mut self, until: Until) -> Result<[Measurement; 2], String> {
        let run = |(driver, speech): &mut (Driver, KnownInstructions), per_second| {
            driver.measure(speech, Pace::Open { per_second }, Duration::ZERO, until)
        };
        thread::scope(|scope| {
            let logins = scope.spawn(|| run(&mut self.logins, LOGIN_RATE));
            let quotes = run(&mut self.quotes, QUOTE_RATE);
            let logins = logins
                .join()
                .map_err(|_| "a load's thread panicked".to_owned())?;
            Ok([quotes?, logins?])
        })
    }
}

/// Measures the bare loop, others without subscribers, the subscribers, and others beside them.
///
/// # Errors
/// A server fails, sends a wrong reply, or drops a notice.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let (subscribers, rounds, until) = if scale.is_short {
        (40, 2, Until::Requests(20))
    } else {
        (SUBSCRIBERS, ROUNDS, scale.until)
    };
    let deployment = BenchDeployment::start(BenchSetting {
        update_interval: UPDATE_INTERVAL,
        ..BenchSetting::default()
    })?;
    let player = deployment.player("watcher")?;
    let quotes = deployment.quotes(&player)?;
    let (symbol, quote) = *quotes.first().ok_or("no asset")?;
    let frame = |time| {
        let value = quote.value;
        let quotes = vec![QuoteValue { symbol, value }];
        let mut out = Vec::new();
        Reply::QuoteNotice { time, quotes }.write(&mut out);
        out
    };
    let mut others = Others::open(&deployment, &player, symbol)?;
    let (mut ours, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut beside: [Vec<(u64, u64)>; 2] = Default::default();
    for turn in 0..scale.alternations {
        tell(&format!(
            "notices: turn {} of {} …",
            turn + 1,
            scale.alternations
        ));
        let alone = others.measure(until)?;
        let loop_times = bare_loop(subscribers, rounds, frame)?;
        let mut receivers = subscribe(deployment.worker()?, subscribers, &player, symbol)?;
        let (busy, times) = with_subscribers(&mut receivers, rounds, &mut others, until)?;
        let medians = (
            median(&times).unwrap_or(0),
            median(&loop_times).unwrap_or(0),
        );
        ratios.push(MeasuredRatio::of(medians.0, medians.1));
        ours.extend(times);
        bare.extend(loop_times);
        for (beside, (busy, alone)) in beside.iter_mut().zip(busy.iter().zip(&alone)) {
            beside.push((busy.replies.p50, alone.replies.p50));
        }
    }
    let goal = |most| {
        let goal = Goal::RatioAtMost(MeasuredRatio(most));
        (!scale.is_short).then_some(goal)
    };
    let mut rows = vec![ResultRow {
        what: format!("{subscribers} subscribers, from the first to the last; theirs: a bare loop"),
        ours: Figure::Nanoseconds(median(&ours).unwrap_or(0)),
        theirs: median(&bare).map(Figure::Nanoseconds),
        ratio: median(&ratios),
        goal: goal(LAST_RATIO_GOAL),
    }];
    for (what, medians) in ["quotes", "logins"].iter().zip(&beside) {
        let of = |value: fn(&(u64, u64)) -> u64| {
            median(&medians.iter().map(value).collect::<Vec<u64>>())
        };
        let ratios: Vec<MeasuredRatio> = medians
            .iter()
            .map(|(busy, alone)| MeasuredRatio::of(*busy, *alone))
            .collect();
        rows.push(ResultRow {
            what: format!("{what} beside subscribers, p50; theirs: without"),
            ours: Figure::Nanoseconds(of(|it| it.0).unwrap_or(0)),
            theirs: of(|it| it.1).map(Figure::Nanoseconds),
            ratio: median(&ratios),
            goal: goal(MEDIAN_RATIO_GOAL),
        });
    }
    Ok(rows)
}

/// Subscribes so many connections to an asset.
fn subscribe(
    worker: SocketAddr,
    count: usize,
    player: &BenchTrader,
    symbol: Symbol,
) -> Result<Receivers, String> {
    let mut request = Vec::new();
    Request::Subscribe {
        session: player.session.clone(),
        topic: Topic::QuotesOf(symbol),
    }
    .write(&mut request);
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let mut socket = TcpStream::connect(worker).map_err(|e| format!("{worker}: {e}"))?;
        socket.write_all(&request).map_err(|e| e.to_string())?;
        sockets.push(socket);
    }
    Receivers::new(sockets)
}

/// Waits for so many updates that all have, first alone, and then measures others beside them.
fn with_subscribers(
    receivers: &mut Receivers,
    rounds: usize,
    others: &mut Others,
    until: Until,
) -> Result<([Measurement; 2], Vec<u64>), String> {
    let mut events = Vec::with_capacity(EVENTS_MAX);
    let deadline = Instant::now() + ROUNDS_TIMEOUT;
    let mut times = Vec::new();
    while times.len() < rounds {
        if Instant::now() > deadline {
            return Err("not every subscriber has every update".to_owned());
        }
        // A round that is whole is over.
        let until = Instant::now() + UPDATE_INTERVAL * 2;
        while Instant::now() < until {
            receivers.receive(&mut events)?;
        }
        times.extend(receivers.spreads());
    }
    let is_over = AtomicBool::new(false);
    let busy = thread::scope(|scope| {
        let receiving = scope.spawn(|| receivers.receive_until(&is_over));
        let busy = others.measure(until);
        is_over.store(true, Ordering::Relaxed);
        receiving
            .join()
            .map_err(|_| "the subscribers' thread panicked".to_owned())??;
        busy
    })?;
    Ok((busy, times))
}

/// Sends a frame over so many connections, one after the other, and reads it from each: so many
/// rounds, from the first to the last.
fn bare_loop(
    connections: usize,
    rounds: usize,
    frame: impl Fn(Timestamp) -> Vec<u8> + Sync,
) -> Result<Vec<u64>, String> {
    let failed = |e: std::io::Error| format!("the bare loop: {e}");
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (mut senders, mut sockets) = (Vec::new(), Vec::new());
    for _ in 0..connections {
        sockets.push(TcpStream::connect(address).map_err(failed)?);
        let (sender, _) = listener.accept().map_err(failed)?;
        sender.set_nodelay(true).map_err(failed)?;
        senders.push(sender);
    }
    let mut receivers = Receivers::new(sockets)?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let receiving = scope.spawn(|| receivers.receive_until(&is_over));
        let sent = send_rounds(&mut senders, rounds, frame);
        is_over.store(true, Ordering::Relaxed);
        receiving
            .join()
            .map_err(|_| "the bare loop's thread panicked".to_owned())??;
        sent.map_err(failed)
    })?;
    let times = receivers.spreads();
    if times.len() == rounds {
        Ok(times)
    } else {
        Err("the bare loop's frames did not come in time".to_owned())
    }
}

fn send_rounds(
    senders: &mut [TcpStream],
    rounds: usize,
    frame: impl Fn(Timestamp) -> Vec<u8>,
) -> std::io::Result<()> {
    for round in 0..rounds {
        let bytes = frame(Timestamp(i64::try_from(round).unwrap_or(0)));
        for sender in &mut *senders {
            sender.write_all(&bytes)?;
        }
        thread::sleep(ROUND_PAUSE);
    }
    Ok(())
}
