//! spec/bench.md · 4.3.2 Client-Worker Server Connection
//!
//! Measures the worker's processor time for a quote by WebSocket, beside the same by TCP.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting};
use super::driver::Until;
use super::measure::{MeasuredRatio, median};
use super::speech::{into_data, quote};
use super::table::{Figure, Goal, ResultRow};
use crate::testkit::websocket::{BINARY, WebSocketClient, frame, take_frame};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Connections, and requests in flight on each.
const CASES: [(usize, usize); 2] = [(50, 1), (50, 16)];
/// Turns of the comparison, at least.
const TURNS_MIN: usize = 7;
/// What a quote by WebSocket may cost of one by TCP, in thousandths.
const RATIO_GOAL: u64 = 1150;
/// How long a reply may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of one read.
const CHUNK_BYTES: usize = 64 * 1024;

/// A connection in the data state.
struct QuoteClient {
    socket: TcpStream,
    is_websocket: bool,
    /// Bytes of WebSocket that are no whole frame yet.
    received: Vec<u8>,
    chunk: Vec<u8>,
}

impl QuoteClient {
    fn open(address: &str, is_websocket: bool) -> Result<QuoteClient, String> {
        let failed = |e: std::io::Error| format!("{address}: {e}");
        let socket = if is_websocket {
            WebSocketClient::connect(address).map_err(failed)?.socket
        } else {
            TcpStream::connect(address).map_err(failed)?
        };
        socket.set_nodelay(true).map_err(failed)?;
        socket
            .set_read_timeout(Some(REPLY_TIMEOUT))
            .map_err(failed)?;
        Ok(QuoteClient {
            socket,
            is_websocket,
            received: Vec::new(),
            chunk: vec![0; CHUNK_BYTES],
        })
    }

    /// Requests as they are sent: in one message, or as they are.
    fn sent(&self, requests: &[u8]) -> Vec<u8> {
        if self.is_websocket {
            frame(BINARY, requests)
        } else {
            requests.to_vec()
        }
    }

    /// Reads until these bytes of the stream have come.
    fn expect(&mut self, replies: &[u8]) -> Result<(), String> {
        let mut stream = Vec::with_capacity(replies.len());
        while stream.len() < replies.len() {
            let size = self
                .socket
                .read(&mut self.chunk)
                .map_err(|e| e.to_string())?;
            let bytes = self.chunk.get(..size).unwrap_or_default();
            if bytes.is_empty() {
                return Err("the worker has closed a connection".to_owned());
            }
            if !self.is_websocket {
                stream.extend_from_slice(bytes);
                continue;
            }
            self.received.extend_from_slice(bytes);
            while let Some((first, payload)) = take_frame(&mut self.received) {
                if first != BINARY {
                    return Err(format!("a frame of the worker begins with {first:#04x}"));
                }
                stream.extend_from_slice(&payload);
            }
        }
        if stream != replies {
            return Err("the worker sent another reply".to_owned());
        }
        Ok(())
    }
}

/// The connections of one kind, and what is sent on each.
struct Crowd {
    clients: Vec<QuoteClient>,
    sent: Vec<u8>,
    replies: Vec<u8>,
    in_flight: usize,
}

impl Crowd {
    /// Sends on all connections, then reads on all, until the end. Returns how many quotes came.
    fn run(&mut self, until: Until) -> Result<u64, String> {
        let (began, mut quotes) = (Instant::now(), 0);
        loop {
            let is_over = match until {
                Until::Time(time) => began.elapsed() >= time,
                Until::Requests(count) => quotes >= count,
            };
            if is_over {
                return Ok(quotes);
            }
            for client in &mut self.clients {
                client
                    .socket
                    .write_all(&self.sent)
                    .map_err(|e| e.to_string())?;
            }
            for client in &mut self.clients {
                client.expect(&self.replies)?;
                quotes += self.in_flight as u64;
            }
        }
    }

    /// Nanoseconds of the worker's processor time for a quote.
    fn cost(&mut self, deployment: &BenchDeployment, scale: &Scale) -> Result<u64, String> {
        self.run(match scale.until {
            Until::Time(_) => Until::Time(scale.warm_up),
            Until::Requests(_) => Until::Requests(0),
        })?;
        let before = deployment.worker_processor_time()?;
        let quotes = self.run(scale.until)?;
        let taken = deployment.worker_processor_time()? - before;
        Ok(taken / quotes.max(1))
    }
}

/// Measures all cases.
///
/// # Errors
/// The worker fails, or sends a wrong reply.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let deployment = BenchDeployment::start(BenchSetting::default())?;
    let player = deployment.player("reader")?;
    let quotes = deployment.quotes(&player)?;
    let greeting = into_data(&player.session);
    let (tcp, page) = (deployment.worker()?.to_string(), deployment.page()?);
    let turns = if scale.is_short {
        scale.alternations
    } else {
        scale.alternations.max(TURNS_MIN)
    };
    let mut rows = Vec::new();
    for (connections, in_flight) in CASES {
        tell(&format!(
            "quotes by WebSocket and TCP: {connections} connections, {in_flight} in flight on each …"
        ));
        let (mut requests, mut replies) = (Vec::new(), Vec::new());
        for (symbol, value) in quotes.iter().cycle().take(in_flight) {
            let (ask, answer) = quote(*symbol, *value);
            requests.extend(ask);
            replies.extend(answer);
        }
        let crowd = |address: &str, is_websocket: bool| -> Result<Crowd, String> {
            let mut clients = Vec::new();
            for _ in 0..connections {
                let mut client = QuoteClient::open(address, is_websocket)?;
                let greeted = client.sent(&greeting.request);
                client
                    .socket
                    .write_all(&greeted)
                    .map_err(|e| e.to_string())?;
                client.expect(&greeting.reply)?;
                clients.push(client);
            }
            let sent = clients.first().map(|client| client.sent(&requests));
            Ok(Crowd {
                sent: sent.unwrap_or_default(),
                replies: replies.clone(),
                in_flight,
                clients,
            })
        };
        let mut by_websocket = crowd(&page, true)?;
        let mut by_tcp = crowd(&tcp, false)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for turn in 0..turns {
            // Each is first in every other turn.
            if turn.is_multiple_of(2) {
                ours.push(by_websocket.cost(&deployment, scale)?);
                theirs.push(by_tcp.cost(&deployment, scale)?);
            } else {
                theirs.push(by_tcp.cost(&deployment, scale)?);
                ours.push(by_websocket.cost(&deployment, scale)?);
            }
        }
        let ratios: Vec<MeasuredRatio> = ours
            .iter()
            .zip(&theirs)
            .map(|(ours, theirs)| MeasuredRatio::of(*ours, *theirs))
            .collect();
        rows.push(ResultRow {
            what: format!(
                "the worker's processor time for a quote by WebSocket, beside TCP, {connections} × {in_flight}"
            ),
            ours: Figure::Nanoseconds(median(&ours).unwrap_or(0)),
            theirs: median(&theirs).map(Figure::Nanoseconds),
            ratio: median(&ratios),
            goal: (!scale.is_short).then_some(Goal::RatioAtMost(MeasuredRatio(RATIO_GOAL))),
        });
    }
    Ok(rows)
}
