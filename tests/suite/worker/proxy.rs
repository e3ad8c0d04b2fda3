//! A worker behind a TCP proxy that sends headers of the PROXY protocol.

use papertrader::client::{Answer, ConnectOptions, ServerConnection};
use papertrader::net::ClientTls;
use papertrader::net::client_tls::TlsMode;
use papertrader::testkit::{Deployment, TEST_TIMEOUT, eventually};
use papertrader::wire::{Reply, Request};
use socket2::{Domain, Protocol, Socket, Type};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::thread;

/// The proxy's address, from which it connects to the worker.
const PROXY: [u8; 4] = [127, 0, 0, 3];
/// A header of version 2 for a client at 192.0.2.7, with a field of no meaning behind it.
const HEADER: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xc0\0\x02\x07\xc6\x33\x64\x01\x9c\x40\x08\x01\x04\0\x01\0";
const TEXT_HEADER: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 2049\r\n";

/// Forwards connections to `worker`, each behind `header`. Returns where it listens.
fn forward(worker: SocketAddr, header: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(mut server) = connect(worker) else {
                return;
            };
            if server.write_all(header).is_ok() {
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || copy(from, to));
                thread::spawn(move || copy(server, client));
            }
        }
    });
    address
}

fn connect(worker: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((PROXY, 0)).into())?;
    socket.connect(&worker.into())?;
    Ok(socket.into())
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = [0; 4096];
    while let Ok(size @ 1..) = from.read(&mut chunk) {
        if to.write_all(&chunk[..size]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

fn ping(address: &str, options: &ConnectOptions) -> Option<Answer> {
    ServerConnection::open(address, options)
        .and_then(|mut server| server.call(&Request::Ping))
        .ok()
}

#[test]
fn a_proxys_header_comes_before_tls_and_version_1_is_told() {
    let deployment = Deployment::new(1);
    let (folder, worker) = (deployment.dir(), deployment.worker(1));
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(folder.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    worker.set("tls.certificate", "cert.pem");
    worker.set("tls.key", "key.pem");
    worker.set("limits.proxy_from", vec!["127.0.0.3"]);
    deployment.start_all();

    let options = ConnectOptions {
        security: ClientTls::new(TlsMode::Always, Some(folder.join("cert.pem")), Vec::new()),
        ..ConnectOptions::default()
    };
    let address: SocketAddr = worker.address().parse().unwrap();
    let pong = Some(Answer::Message(Reply::Pong));
    let proxy = forward(address, HEADER).to_string();
    assert_eq!(ping(&proxy, &options), pong);
    assert_eq!(ping(&worker.address(), &options), pong, "from elsewhere");

    let old = forward(address, TEXT_HEADER).to_string();
    assert_eq!(ping(&old, &options), None);
    eventually("the log says what to set", || {
        worker.log().contains("send-proxy-v2").then_some(())
    });
    let silent = connect(address).unwrap();
    silent.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    let closed = (&silent).read(&mut [0; 16]);
    assert!(
        matches!(closed, Ok(0)),
        "cut after frame_timeout: {closed:?}"
    );
}
