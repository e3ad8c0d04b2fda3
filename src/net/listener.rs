//! spec/net/listener.md · 4.3 The Connection
//!
//! Accepts connections on a thread of its own, with a backlog that survives a burst, and goes on when
//! descriptors ran out and some are free again.

use super::connection_limiter::{ConnectionLimiter, ConnectionPermit};
use super::rejecter::RejectSender;
use crate::runtime::Stop;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Connections that may wait to be accepted. The usual 128 overflows under a burst.
pub const BACKLOG: i32 = 4096;
/// How long accepting rests when the system has no descriptor, unless a connection ends sooner.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    closed: AtomicBool,
}

impl Listener {
    /// Binds an address, which may be in use by connections of a process that has just ended.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind(address: SocketAddr) -> io::Result<Listener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Listener {
            socket,
            address,
            closed: AtomicBool::new(false),
        })
    }

    /// Where it listens; the port that the system chose where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until [`Listener::close`] or a stop. `serve` gets each admitted socket with its place, and must not
    /// wait; who is not admitted is refused.
    pub fn run(
        &self,
        limiter: &Arc<ConnectionLimiter>,
        refusal: &RejectSender,
        stop: &Stop,
        serve: impl Fn(TcpStream, SocketAddr, ConnectionPermit),
    ) {
        let mut out_of_descriptors = false;
        let over = || stop.is_requested() || self.closed.load(Ordering::SeqCst);
        while !over() {
            match self.socket.accept() {
                Ok((socket, peer)) => {
                    out_of_descriptors = false;
                    match limiter.admit(peer.ip()) {
                        Some(permit) => serve(socket, peer, permit),
                        None => refusal.refuse(socket),
                    }
                }
                Err(_) if over() => return,
                Err(error) => {
                    use rustix::io::Errno;
                    let full = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM]
                        .iter()
                        .any(|e| error.raw_os_error() == Some(e.raw_os_error()));
                    if full {
                        if !out_of_descriptors {
                            crate::warn!("no connection can be accepted until another ends: {error}");
                        }
                        out_of_descriptors = true;
                        limiter.wait_for_room(ACCEPT_PAUSE);
                    }
                }
            }
        }
    }

    /// Stops accepting, and ends [`Listener::run`].
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let _ = SockRef::from(&self.socket).shutdown(Shutdown::Both);
    }
}
