//! A proxy between workers and master that cuts and delays.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Passes bytes on, until it is told not to.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: SocketAddr,
    delay: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub fn start(target: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target,
            delay: AtomicU64::new(0),
            open: Mutex::new(Vec::new()),
        });
        let serving = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                serve(&serving, client);
            }
        });
        Proxy { address, state }
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
    for (from, to) in [
        (client.try_clone().unwrap(), server.try_clone().unwrap()),
        (server, client),
    ] {
        let state = Arc::clone(state);
        thread::spawn(move || pump(&state, from, to));
    }
}

fn pump(state: &State, mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(size) = from.read(&mut chunk) {
        let delay = state.delay.load(Ordering::Relaxed);
        if delay > 0 {
            // The delay is the fault that is tested here, not a wait for something.
            thread::sleep(Duration::from_millis(delay));
        }
        if size == 0 || to.write_all(&chunk[..size]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
