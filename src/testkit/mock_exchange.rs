//! spec/testkit.md · 3.1.6 Assets Data Retrieval
//!
//! A small HTTP server that answers as an assets API does, or breaks the protocol.
//!
//! Tests: `tests/suite/master/markets.rs`.

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// A request that the server received.
#[derive(Debug)]
pub struct ExchangeRequest {
    pub path: String,
    pub query: HashMap<String, String>,
    /// The headers, by their names in lower case.
    pub headers: HashMap<String, String>,
    /// The fields of a form that was posted.
    pub form: HashMap<String, String>,
}

impl ExchangeRequest {
    /// The value of a field of the form; empty without it.
    pub fn field(&self, name: &str) -> &str {
        self.form.get(name).map_or("", String::as_str)
    }

    /// The value of a query name; empty without it.
    pub fn query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// What an API answers that knows these query names alone, where the request has another.
    pub fn unknown_name(&self, known: &[&str]) -> Option<ExchangeReply> {
        let other = self.query.keys().find(|name| !known.contains(&&***name))?;
        Some(invalid("parameter", other))
    }

    /// What an API answers where the value of a query name is none of these.
    pub fn unknown_value(&self, name: &str, known: &[&str]) -> Option<ExchangeReply> {
        let value = self.query(name);
        (!known.contains(&value)).then(|| invalid(name, value))
    }
}

/// Status 400, which names what was invalid, as Alpaca does.
pub fn invalid(what: &str, value: &str) -> ExchangeReply {
    ExchangeReply::status(400, &format!("{{\"message\":\"invalid {what}: {value}\"}}"))
}

/// What the server answers.
#[derive(Debug)]
pub enum ExchangeReply {
    /// Status, further headers, body.
    Plain(u16, Vec<(&'static str, String)>, String),
    /// This many bytes, without a length in the header.
    Endless(u64),
    /// Half of the bytes that the header promises.
    Half(String),
    /// Nothing, for this long.
    Silence(Duration),
    /// Bytes that are not HTTP.
    Noise,
}

impl ExchangeReply {
    /// Status 200 with a JSON body.
    pub fn json(body: impl Into<String>) -> ExchangeReply {
        ExchangeReply::Plain(
            200,
            vec![("Content-Type", "application/json".into())],
            body.into(),
        )
    }

    /// A status with a body.
    pub fn status(status: u16, body: &str) -> ExchangeReply {
        ExchangeReply::Plain(status, Vec::new(), body.into())
    }
}

type Handler = dyn Fn(&ExchangeRequest) -> ExchangeReply + Send + Sync;

/// The server. Dropping it stops it.
#[derive(Debug)]
pub struct MockExchange {
    pub address: SocketAddr,
    tls: bool,
    calls: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl MockExchange {
    /// Starts a server without TLS.
    pub fn start(
        handler: impl Fn(&ExchangeRequest) -> ExchangeReply + Send + Sync + 'static,
    ) -> MockExchange {
        MockExchange::run(None, Arc::new(handler))
    }

    /// Starts a server with TLS.
    pub fn start_tls(
        config: Arc<ServerConfig>,
        handler: impl Fn(&ExchangeRequest) -> ExchangeReply + Send + Sync + 'static,
    ) -> MockExchange {
        MockExchange::run(Some(config), Arc::new(handler))
    }

    fn run(tls: Option<Arc<ServerConfig>>, handler: Arc<Handler>) -> MockExchange {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let exchange = MockExchange {
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
        exchange
    }

    /// Its URL, with `host` as this machine's name or address.
    pub fn url(&self, host: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.address.port())
    }

    /// The number of requests so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for MockExchange {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // A connection wakes the listener.
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

fn ask(stream: impl Read) -> Option<ExchangeRequest> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines();
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
    let length = headers.get("content-length");
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(ExchangeRequest {
        path: decoded(path),
        query: pairs(query),
        headers,
        form: pairs(&String::from_utf8_lossy(&body)),
    })
}

fn pairs(text: &str) -> HashMap<String, String> {
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn serve(mut stream: impl Read + Write, handler: &Handler, calls: &AtomicUsize) {
    let Some(asked) = ask(&mut stream) else {
        return;
    };
    calls.fetch_add(1, Ordering::SeqCst);
    // The client may have closed the connection.
    let _ = answer(&mut stream, handler(&asked));
}

fn answer(stream: &mut impl Write, reply: ExchangeReply) -> std::io::Result<()> {
    match reply {
        ExchangeReply::Plain(status, headers, body) => {
            write!(
                stream,
                "HTTP/1.1 {status} Whatever\r\nConnection: close\r\n"
            )?;
            for (name, value) in headers {
                write!(stream, "{name}: {value}\r\n")?;
            }
            write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        }
        ExchangeReply::Endless(size) => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")?;
            let block = vec![b' '; 1 << 20];
            for _ in 0..size >> 20 {
                stream.write_all(&block)?;
            }
        }
        ExchangeReply::Half(body) => {
            let half = &body[..body.len() / 2];
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{half}",
                body.len()
            )?;
        }
        ExchangeReply::Silence(time) => std::thread::sleep(time),
        ExchangeReply::Noise => stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")?,
    }
    stream.flush()
}
