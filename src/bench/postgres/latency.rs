//! spec/bench/postgres.md · 4.3.1
//!
//! A network between two programs on this machine: whatever it gets, it passes on that much later,
//! in order and without loss.
//!
//! Tests: below.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that one read takes, at most.
const READ_BYTES: usize = 64 * 1024;
/// Reads that are under way in one direction of a connection, at most.
const UNDER_WAY_MAX: usize = 1024;

/// What was read, and when it is due at the other end.
type Parcel = (Instant, Vec<u8>);

/// Listens on loopback and passes each connection on to a Unix socket, with `delay` in each
/// direction. It lives as long as the process.
///
/// # Errors
/// No port is free.
pub fn listen(socket: &Path, delay: Duration) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let socket = socket.to_owned();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Who is not passed on finds the connection closed.
            let _ = pass_on(client, &socket, delay);
        }
    });
    Ok(address)
}

fn pass_on(client: TcpStream, socket: &Path, delay: Duration) -> io::Result<()> {
    client.set_nodelay(true)?;
    let server = UnixStream::connect(socket)?;
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    let end = |stream: UnixStream| stream.shutdown(Shutdown::Write);
    carry(from, to, delay, end);
    carry(server, client, delay, |stream: TcpStream| {
        stream.shutdown(Shutdown::Write)
    });
    Ok(())
}

/// Carries one direction of a connection. Its end is passed on, too.
fn carry<W: Write + Send + 'static>(
    from: impl Read + Send + 'static,
    to: W,
    delay: Duration,
    end: impl FnOnce(W) -> io::Result<()> + Send + 'static,
) {
    let (sender, receiver) = sync_channel(UNDER_WAY_MAX);
    thread::spawn(move || take(from, &sender, delay));
    thread::spawn(move || {
        let to = deliver(to, &receiver);
        // The other end may have closed already.
        let _ = end(to);
    });
}

fn take(mut from: impl Read, sender: &SyncSender<Parcel>, delay: Duration) {
    let mut room = vec![0; READ_BYTES];
    loop {
        match from.read(&mut room) {
            Ok(size @ 1..) => {
                let due = Instant::now() + delay;
                let bytes = room.get(..size).unwrap_or_default().to_vec();
                if sender.send((due, bytes)).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return,
        }
    }
}

fn deliver<W: Write>(mut to: W, receiver: &Receiver<Parcel>) -> W {
    for (due, bytes) in receiver {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    to
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn what_is_sent_comes_whole_and_late_and_so_does_the_end() {
        const DELAY: Duration = Duration::from_millis(50);
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("echo");
        let echo = UnixListener::bind(&socket).unwrap();
        thread::spawn(move || {
            let mut stream = echo.incoming().next().unwrap().unwrap();
            io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
        });
        let mut client = TcpStream::connect(listen(&socket, DELAY).unwrap()).unwrap();
        let began = Instant::now();
        // Several parcels are under way at once.
        let sent: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let writing = client.try_clone().unwrap();
        thread::spawn({
            let sent = sent.clone();
            move || {
                (&writing).write_all(&sent).unwrap();
                writing.shutdown(Shutdown::Write).unwrap();
            }
        });
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        assert_eq!(received, sent);
        assert!(began.elapsed() >= DELAY * 2, "{:?}", began.elapsed());
    }
}
