//! spec/master/assets/providers/http.md: a small HTTP server that answers as an assets API does, or as badly as it can.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What was asked.
pub struct Asked {
    pub path: String,
    pub query: HashMap<String, String>,
    pub headers: HashMap<String, String>,
}

/// What is answered.
pub enum Reply {
    /// Status, further headers, body.
    Plain(u16, Vec<(&'static str, String)>, String),
    /// As many bytes as these, without end in sight.
    Endless(u64),
    /// The length of the whole is promised, and the half comes.
    Half(String),
    /// Nothing at all, for this long.
    Silence(Duration),
    /// Not HTTP.
    Noise,
}

impl Reply {
    pub fn json(body: impl Into<String>) -> Reply {
        Reply::Plain(
            200,
            vec![("Content-Type", "application/json".into())],
            body.into(),
        )
    }

    pub fn status(status: u16, body: &str) -> Reply {
        Reply::Plain(status, Vec::new(), body.into())
    }
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// The server; it ends when it is dropped.
pub struct StandIn {
    pub address: SocketAddr,
    tls: bool,
    calls: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl StandIn {
    /// In plain text.
    pub fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> StandIn {
        StandIn::run(None, Arc::new(handler))
    }

    /// Over TLS, with a certificate for `host`, which is written to `ca`.
    pub fn start_tls(
        host: &str,
        ca: &Path,
        handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> StandIn {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![host.to_owned()]).unwrap();
        std::fs::write(ca, cert.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        StandIn::run(Some(Arc::new(config)), Arc::new(handler))
    }

    fn run(tls: Option<Arc<ServerConfig>>, handler: Arc<Handler>) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let stand_in = StandIn {
            address,
            tls: tls.is_some(),
            calls: Arc::clone(&calls),
            stop: Arc::clone(&stop),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (handler, tls, calls) = (Arc::clone(&handler), tls.clone(), Arc::clone(&calls));
                std::thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
                    let _ = stream.set_write_timeout(Some(Duration::from_secs(10)));
                    match tls {
                        None => serve(stream, &*handler, &calls),
                        Some(config) => {
                            let connection = ServerConnection::new(config).unwrap();
                            serve(StreamOwned::new(connection, stream), &*handler, &calls);
                        }
                    }
                });
            }
        });
        stand_in
    }

    /// Its URL, with a name or an address of this machine.
    pub fn url(&self, host: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.address.port())
    }

    /// How often it was called.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
            at += 1;
        }
    }
    String::from_utf8(out).unwrap()
}

fn ask(stream: impl Read) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next()?.ok()?;
    let target = first.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    for line in lines {
        let line = line.ok()?;
        match line.split_once(": ") {
            Some((name, value)) => headers.insert(name.to_ascii_lowercase(), value.to_owned()),
            None => break,
        };
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Some(Asked {
        path: decoded(path),
        query: pairs
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect(),
        headers,
    })
}

fn serve(mut stream: impl Read + Write, handler: &Handler, calls: &AtomicUsize) {
    let Some(asked) = ask(&mut stream) else { return };
    calls.fetch_add(1, Ordering::SeqCst);
    // The client may have gone; that is its affair.
    let _ = answer(&mut stream, handler(&asked));
}

fn answer(stream: &mut impl Write, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Plain(status, headers, body) => {
            write!(stream, "HTTP/1.1 {status} Whatever\r\nConnection: close\r\n")?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        }
        Reply::Endless(size) => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")?;
            let block = vec![b' '; 1 << 20];
            for _ in 0..size >> 20 {
                stream.write_all(&block)?;
            }
        }
        Reply::Half(body) => {
            let half = &body[..body.len() / 2];
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{half}",
                body.len()
            )?;
        }
        Reply::Silence(time) => std::thread::sleep(time),
        Reply::Noise => stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")?,
    }
    stream.flush()
}
