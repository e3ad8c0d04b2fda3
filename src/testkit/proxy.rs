//! spec/testkit.md · 4.3.1 Master-Worker Server Connection
//!
//! A proxy between workers and master that cuts, delays, changes and records their links. It also
//! stands between a master and its database's server.
//!
//! Tests: `tests/intruders/records.rs`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A change to the next sealed bytes that a worker sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tamper {
    /// Flips a bit.
    Flip,
    /// Drops the bytes.
    Drop,
    /// Sends them twice.
    Repeat,
    /// Sends them after the next ones.
    Swap,
    /// Drops their second half, and ends the connection.
    Cut,
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    delay: AtomicU64,
    /// Whether new connections are ended at once.
    refuses: AtomicBool,
    /// Both ends of each open connection, by its number.
    open: Mutex<BTreeMap<usize, [TcpStream; 2]>>,
    tamper: Mutex<Option<Tamper>>,
    connections: AtomicUsize,
    /// The bytes of the first worker, and those of all connections.
    first: Mutex<Vec<u8>>,
    all: Mutex<Vec<u8>>,
}

/// Bytes of a handshake, at most. Only later bytes are changed.
const HANDSHAKE: usize = 2500;
/// Bytes that are recorded, at most.
const CAPTURE_MAX: usize = 32 << 20;

impl Proxy {
    /// Listens on loopback, and forwards to `target`.
    pub fn start(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target,
            delay: AtomicU64::new(0),
            refuses: AtomicBool::new(false),
            open: Mutex::default(),
            tamper: Mutex::default(),
            connections: AtomicUsize::new(0),
            first: Mutex::default(),
            all: Mutex::default(),
        });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                serve(&serving, client);
            }
        });
        Proxy { address, state }
    }

    /// The address to which it forwards.
    pub fn target(&self) -> SocketAddr {
        self.state.target
    }

    /// Ends every open connection.
    pub fn cut(&self) {
        let open = std::mem::take(&mut *self.state.open.lock().unwrap());
        for socket in open.values().flatten() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Ends every open connection and each new one, until it is told otherwise.
    pub fn refuse(&self, refuses: bool) {
        self.state.refuses.store(refuses, Ordering::SeqCst);
        if refuses {
            self.cut();
        }
    }

    /// Delays every read by this much from now on.
    pub fn delay(&self, delay: Duration) {
        self.state
            .delay
            .store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    /// Changes the next sealed bytes from a worker, once.
    pub fn tamper(&self, tamper: Tamper) {
        *self.state.tamper.lock().unwrap() = Some(tamper);
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// The bytes that the first worker sent, from the first on.
    pub fn recorded(&self) -> Vec<u8> {
        self.state.first.lock().unwrap().clone()
    }

    /// The bytes of all connections, both ways, from the first on.
    pub fn captured(&self) -> Vec<u8> {
        self.state.all.lock().unwrap().clone()
    }
}

fn serve(state: &Arc<State>, client: TcpStream) {
    let Ok(server) = TcpStream::connect(state.target) else {
        return;
    };
    for socket in [&client, &server] {
        let _ = socket.set_nodelay(true);
    }
    let number = state.connections.fetch_add(1, Ordering::Relaxed);
    let ends = [client.try_clone().unwrap(), server.try_clone().unwrap()];
    {
        // Looked at below the lock, so that who refuses cuts this one or is seen here.
        let mut open = state.open.lock().unwrap();
        if state.refuses.load(Ordering::SeqCst) {
            return;
        }
        open.insert(number, ends);
    }
    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
    for (from, to, worker) in [(client, server, true), (back.0, back.1, false)] {
        let state = Arc::clone(state);
        thread::spawn(move || {
            pump(&state, from, to, worker, number == 0);
            // The other way has ended with it.
            state.open.lock().unwrap().remove(&number);
        });
    }
}

fn pump(state: &State, mut from: TcpStream, mut to: TcpStream, worker: bool, first: bool) {
    let mut chunk = vec![0; 64 * 1024];
    let mut passed = 0;
    let mut held: Vec<u8> = Vec::new();
    while let Ok(size) = from.read(&mut chunk) {
        let delay = state.delay.load(Ordering::Relaxed);
        if delay > 0 {
            // The delay is the fault that is tested, not a wait for something.
            thread::sleep(Duration::from_millis(delay));
        }
        let mut bytes = chunk[..size].to_vec();
        remember(state, &bytes, worker && first);
        let mut end = size == 0;
        if worker && passed > HANDSHAKE && size > 0 {
            match state.tamper.lock().unwrap().take() {
                Some(Tamper::Flip) => bytes[size / 2] ^= 1,
                Some(Tamper::Drop) => bytes.clear(),
                Some(Tamper::Repeat) => bytes.extend_from_within(..),
                Some(Tamper::Swap) => held = std::mem::take(&mut bytes),
                Some(Tamper::Cut) => {
                    bytes.truncate(size / 2);
                    end = true;
                }
                None => bytes.append(&mut held),
            }
        }
        passed += size;
        if to.write_all(&bytes).is_err() || end {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn remember(state: &State, bytes: &[u8], first: bool) {
    let mut all = state.all.lock().unwrap();
    if all.len() < CAPTURE_MAX {
        all.extend_from_slice(bytes);
    }
    let mut recorded = state.first.lock().unwrap();
    if first && recorded.len() < CAPTURE_MAX {
        recorded.extend_from_slice(bytes);
    }
}
