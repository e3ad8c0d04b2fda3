//! spec/testkit/proxy.md · 2.4.7 MasterServer Structure
//!
//! A proxy between workers and master that cuts, delays, changes and remembers.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is done to the next bytes that a worker sends over a link that has stood for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tamper {
    /// A bit of one byte.
    Flip,
    /// They are left out.
    Drop,
    /// They come twice.
    Repeat,
    /// They come after the next ones.
    Swap,
    /// The second half is left out, and the connection ends.
    Cut,
}

/// Passes bytes on, until it is told not to.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    delay: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    tamper: Mutex<Option<Tamper>>,
    connections: AtomicUsize,
    /// What the first worker said first, and what all said.
    first: Mutex<Vec<u8>>,
    all: Mutex<Vec<u8>>,
}

/// A handshake is shorter than this; what is tampered with lies behind it.
const HANDSHAKE: usize = 2500;
/// What is remembered at most.
const CAPTURE_MAX: usize = 32 << 20;

impl Proxy {
    /// Listens on loopback, and passes on to `target`.
    pub fn start(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target,
            delay: AtomicU64::new(0),
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

    /// Where it passes bytes on to.
    pub fn target(&self) -> SocketAddr {
        self.state.target
    }

    /// Ends every connection that stands.
    pub fn cut(&self) {
        for socket in self.state.open.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Holds every read back for so long from now on.
    pub fn delay(&self, delay: Duration) {
        self.state
            .delay
            .store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    /// Touches the next sealed bytes from a worker, once.
    pub fn tamper(&self, tamper: Tamper) {
        *self.state.tamper.lock().unwrap() = Some(tamper);
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// What the first worker said, from its first byte.
    pub fn recorded(&self) -> Vec<u8> {
        self.state.first.lock().unwrap().clone()
    }

    /// What went both ways, from the first byte.
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
    {
        let mut open = state.open.lock().unwrap();
        open.push(client.try_clone().unwrap());
        open.push(server.try_clone().unwrap());
    }
    let number = state.connections.fetch_add(1, Ordering::Relaxed);
    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
    for (from, to, worker) in [(client, server, true), (back.0, back.1, false)] {
        let state = Arc::clone(state);
        thread::spawn(move || pump(&state, from, to, worker, number == 0));
    }
}

fn pump(state: &State, mut from: TcpStream, mut to: TcpStream, worker: bool, first: bool) {
    let mut chunk = vec![0; 64 * 1024];
    let mut passed = 0;
    let mut held: Vec<u8> = Vec::new();
    while let Ok(size) = from.read(&mut chunk) {
        let delay = state.delay.load(Ordering::Relaxed);
        if delay > 0 {
            // The delay is the fault that is tested here, not a wait for something.
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
