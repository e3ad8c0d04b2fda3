//! spec/client.md · its tests
//!
//! A mock server for the client's tests: a real socket on loopback, and a script for each
//! connection.

use crate::wire::{FrameBuffer, FrameHeader, Reply, Request, frame, packet};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

trait ByteStream: Read + Write + Send {}
impl<T: Read + Write + Send> ByteStream for T {}

/// The server's end of one connection.
pub struct MockPeer {
    stream: Box<dyn ByteStream>,
    frames: FrameBuffer,
    /// A second handle of the socket, for `cut`.
    tcp: TcpStream,
}

impl MockPeer {
    /// The next request; `None` when the client has closed.
    pub fn request(&mut self) -> Option<Request> {
        loop {
            let next = self.frames.next(FrameHeader::check_request).unwrap();
            if let Some((header, data)) = next {
                let (instruction, arguments) = frame::read_request(&header, data).unwrap();
                return Request::read(instruction, arguments).unwrap();
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(size) => self.frames.extend(&buffer[..size]),
            }
        }
    }

    pub fn send(&mut self, reply: &Reply) {
        let mut out = Vec::new();
        reply.write(&mut out);
        self.raw(&out);
    }

    pub fn payload(&mut self, payload: &[u8]) {
        let mut out = Vec::new();
        packet::write(&mut out, payload);
        self.raw(&out);
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        // The client may have closed; its own assertions check whether it should have.
        self.try_raw(bytes);
    }

    /// Sends bytes; false where the client has closed.
    pub fn try_raw(&mut self, bytes: &[u8]) -> bool {
        self.stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush())
            .is_ok()
    }

    /// Reads and drops all bytes until the client closes.
    pub fn discard_until_closed(&mut self) {
        let mut buffer = [0; 4096];
        while matches!(self.stream.read(&mut buffer), Ok(size) if size > 0) {}
    }

    /// Cuts the connection without a message.
    pub fn cut(self) {
        let _ = self.tcp.shutdown(std::net::Shutdown::Both);
    }
}

/// A listening server; its connections are numbered from 0.
pub struct MockServer {
    pub address: String,
    accepted: Arc<AtomicUsize>,
}

impl MockServer {
    /// Runs `script` for every connection, on a thread of its own.
    pub fn start(script: impl Fn(usize, MockPeer) + Send + Sync + 'static) -> MockServer {
        MockServer::listen("127.0.0.1", None, script)
    }

    /// As [`MockServer::start`], at another address of this machine.
    pub fn start_at(
        host: &str,
        script: impl Fn(usize, MockPeer) + Send + Sync + 'static,
    ) -> MockServer {
        MockServer::listen(host, None, script)
    }

    /// As [`MockServer::start`], over TLS.
    pub fn start_tls(
        identity: &TestCertificate,
        script: impl Fn(usize, MockPeer) + Send + Sync + 'static,
    ) -> MockServer {
        MockServer::start_tls_at("127.0.0.1", identity, script)
    }

    /// As [`MockServer::start_tls`], at another address of this machine.
    pub fn start_tls_at(
        host: &str,
        identity: &TestCertificate,
        script: impl Fn(usize, MockPeer) + Send + Sync + 'static,
    ) -> MockServer {
        MockServer::listen(host, Some(identity.server_config()), script)
    }

    fn listen(
        host: &str,
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(usize, MockPeer) + Send + Sync + 'static,
    ) -> MockServer {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = accepted.clone();
        let script = Arc::new(script);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(tcp) = stream else { return };
                tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let (script, tls) = (script.clone(), tls.clone());
                std::thread::spawn(move || {
                    let handle = tcp.try_clone().unwrap();
                    let stream: Box<dyn ByteStream> = match tls {
                        None => Box::new(tcp),
                        Some(config) => {
                            let session = rustls::ServerConnection::new(config).unwrap();
                            Box::new(rustls::StreamOwned::new(session, tcp))
                        }
                    };
                    let peer = MockPeer {
                        stream,
                        frames: FrameBuffer::new(),
                        tcp: handle,
                    };
                    script(number, peer);
                });
            }
        });
        MockServer { address, accepted }
    }

    /// An address at which no server listens.
    pub fn nowhere() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    }

    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

/// A self-signed certificate and its key.
pub struct TestCertificate {
    pub certificate: CertificateDer<'static>,
    key: Vec<u8>,
    pub pem: String,
}

impl TestCertificate {
    /// Makes a certificate for `names`.
    pub fn new(names: &[&str]) -> TestCertificate {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        TestCertificate {
            certificate: made.cert.der().clone(),
            key: made.signing_key.serialize_der(),
            pem: made.cert.pem(),
        }
    }

    fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)
            .unwrap();
        Arc::new(config)
    }
}
