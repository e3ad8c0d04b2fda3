//! spec/net.md · 4.3 The Connection
//!
//! Accepts connections on a thread of its own, with a backlog for a burst of them. Pauses while no
//! descriptor is left.
//!
//! Tests: `src/net/tests.rs`.

use super::connection_limiter::{ConnectionLimiter, ConnectionPermit};
use super::rejecter::RejectSender;
use crate::runtime::{Stop, is_passing};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Connections that may wait to be accepted. The usual 128 overflows in a burst.
pub const BACKLOG_MAX: i32 = 4096;
/// How long accepting pauses when no descriptor is left, unless a connection ends sooner.
const ACCEPT_RETRY_TIMEOUT: Duration = Duration::from_millis(100);

/// How long a newcomer's place is waited for that another's connection was ended for.
const PLACE_TIMEOUT: Duration = Duration::from_millis(100);

/// What is missing for another connection.
#[derive(Debug)]
pub enum Shortage {
    /// All connections together have reached their limit: so many must end for another, at least 1.
    Places(usize),
    /// The system has none of what a connection takes: this is what it said.
    System(io::Error),
}

/// How long a start waits for an address that is in use, or that the machine does not have yet.
pub const BIND_TIMEOUT: Duration = Duration::from_secs(5);
/// The time between two attempts.
const BIND_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    closed: AtomicBool,
}

impl Listener {
    /// Listens on an address. Connections of an earlier process may still use it.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind(address: SocketAddr) -> io::Result<Listener> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG_MAX)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Listener {
            socket,
            address,
            closed: AtomicBool::new(false),
        })
    }

    /// As [`Listener::bind`], and tries again for [`BIND_TIMEOUT`] where the address is in use or
    /// not there yet, or until the signal to stop.
    ///
    /// # Errors
    /// As [`Listener::bind`]: the last reason.
    pub fn bind_patiently(address: SocketAddr, stop: &Stop) -> io::Result<Listener> {
        let deadline = Instant::now() + BIND_TIMEOUT;
        let mut told = false;
        loop {
            match Listener::bind(address) {
                Err(error) if is_passing(&error) && Instant::now() < deadline => {
                    if !told {
                        crate::warn!("{address}: {error}; trying again for {BIND_TIMEOUT:?}");
                    }
                    told = true;
                    if stop.wait(BIND_RETRY_INTERVAL) {
                        return Err(error);
                    }
                }
                bound => return bound,
            }
        }
    }

    /// The address, with the port that the system chose where port 0 was requested.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until [`Listener::close`] or the signal to stop. `serve` gets each admitted socket
    /// with its permit, and must not block. Other sockets go to the rejecter. `is_known` says which
    /// addresses are bounded by the total alone. `make_room` may end other connections, and says
    /// whether it has.
    pub fn run(
        &self,
        limiter: &Arc<ConnectionLimiter>,
        refusal: &RejectSender,
        stop: &Stop,
        is_known: impl Fn(IpAddr) -> bool,
        make_room: impl Fn(Shortage) -> bool,
        serve: impl Fn(TcpStream, SocketAddr, ConnectionPermit),
    ) {
        let mut out_of_descriptors = false;
        let ended = || stop.is_requested() || self.closed.load(Ordering::SeqCst);
        while !ended() {
            match self.socket.accept() {
                Ok((socket, peer)) => {
                    out_of_descriptors = false;
                    match admit(limiter, peer.ip(), is_known(peer.ip()), &make_room) {
                        Some(permit) => serve(socket, peer, permit),
                        None => refusal.refuse(socket),
                    }
                }
                Err(_) if ended() => return,
                Err(error) => {
                    use rustix::io::Errno;
                    let full = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM]
                        .iter()
                        .any(|e| error.raw_os_error() == Some(e.raw_os_error()));
                    if full {
                        if !out_of_descriptors {
                            crate::warn!(
                                "no connection can be accepted until another ends: {error}"
                            );
                        }
                        out_of_descriptors = true;
                        make_room(Shortage::System(error));
                        limiter.wait_for_room(ACCEPT_RETRY_TIMEOUT);
                    }
                }
            }
        }
    }

    /// Stops accepting, which ends [`Listener::run`].
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let _ = SockRef::from(&self.socket).shutdown(Shutdown::Both);
    }
}

/// A permit for a peer, for which connections of others may end; `None` if there is no room.
fn admit(
    limiter: &Arc<ConnectionLimiter>,
    ip: IpAddr,
    is_known: bool,
    make_room: impl Fn(Shortage) -> bool,
) -> Option<ConnectionPermit> {
    let try_admit = || {
        if is_known {
            limiter.admit_known(ip)
        } else {
            limiter.admit(ip)
        }
    };
    try_admit().or_else(|| {
        // Nobody else's connection ends for a peer whose own neighbourhood has too many.
        let missing = limiter.places_missing(ip, is_known)?;
        let is_made = missing == 0 || make_room(Shortage::Places(missing));
        (is_made && limiter.wait_for_places(1, PLACE_TIMEOUT)).then(try_admit)?
    })
}
