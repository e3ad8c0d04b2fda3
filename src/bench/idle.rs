//! spec/bench.md · 3.2.3 Client Management
//!
//! Measures ten thousand idle clients: how fast they connect, and the memory that they cost.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting};
use super::measure::{median, rate};
use super::table::{Figure, Goal, ResultRow};
use crate::wire::frame::HEADER_BYTES;
use crate::wire::{FrameHeader, Instruction, Request};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const CLIENTS: usize = 10_000;
/// Resident memory that the worker may have with all clients, in bytes.
const RESIDENT_GOAL_BYTES: u64 = 150 * 1024 * 1024;
/// Connections a second that the worker must accept.
const ACCEPT_RATE_GOAL: u64 = 4_000;
/// Clients that may be connected and unanswered, well within the listener's backlog.
const UNANSWERED_MAX: usize = 1_000;
/// How long one reply may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the clients are idle before memory is read.
const IDLE_TIME: Duration = Duration::from_secs(1);

/// Connects all clients, and pings through each.
///
/// # Errors
/// A client is not accepted, or the worker has ended.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let count = if scale.is_short { 100 } else { CLIENTS };
    let (mut rates, mut sizes) = (Vec::new(), Vec::new());
    for turn in 0..scale.alternations.min(3) {
        tell(&format!("{count} idle clients: turn {} …", turn + 1));
        let deployment = BenchDeployment::start(BenchSetting::default())?;
        let began = Instant::now();
        let mut clients = crowd(deployment.worker()?, count)?;
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        rates.push(rate(count as u64, took));
        std::thread::sleep(IDLE_TIME);
        sizes.push(deployment.worker_resident()?);
        // Every client is still served.
        for client in &mut clients {
            ping(client)
                .and_then(|()| pong(client))
                .map_err(|e| e.to_string())?;
        }
    }
    let goal = |goal| (!scale.is_short).then_some(goal);
    Ok(vec![
        ResultRow::ours(
            format!("{count} clients get in"),
            Figure::PerSecond(median(&rates).unwrap_or(0)),
            goal(Goal::AtLeast(Figure::PerSecond(ACCEPT_RATE_GOAL))),
        ),
        ResultRow::ours(
            format!("the worker's memory with {count} idle clients"),
            Figure::Bytes(median(&sizes).unwrap_or(0)),
            goal(Goal::AtMost(Figure::Bytes(RESIDENT_GOAL_BYTES))),
        ),
    ])
}

/// Connects that many clients; each has got one pong.
fn crowd(address: SocketAddr, count: usize) -> Result<Vec<TcpStream>, String> {
    let mut clients: Vec<TcpStream> = Vec::with_capacity(count);
    let failed = |number: usize| move |e: std::io::Error| format!("client {number}: {e}");
    let mut answered = 0;
    for number in 0..count {
        let mut client =
            TcpStream::connect_timeout(&address, REPLY_TIMEOUT).map_err(failed(number))?;
        client
            .set_read_timeout(Some(REPLY_TIMEOUT))
            .map_err(failed(number))?;
        ping(&mut client).map_err(failed(number))?;
        clients.push(client);
        if number >= UNANSWERED_MAX {
            pong(&mut clients[answered]).map_err(failed(answered))?;
            answered += 1;
        }
    }
    for (number, client) in clients.iter_mut().enumerate().skip(answered) {
        pong(client).map_err(failed(number))?;
    }
    Ok(clients)
}

fn ping(client: &mut TcpStream) -> std::io::Result<()> {
    let mut out = Vec::new();
    Request::Ping.write(&mut out);
    client.write_all(&out)
}

fn pong(client: &mut TcpStream) -> std::io::Result<()> {
    let mut answer = [0; HEADER_BYTES];
    client.read_exact(&mut answer)?;
    if FrameHeader::read(&answer).instruction == Instruction::Pong.number() {
        Ok(())
    } else {
        Err(std::io::Error::other(format!("not a pong: {answer:02x?}")))
    }
}
