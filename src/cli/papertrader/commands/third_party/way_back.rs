//! spec/cli/papertrader/commands/third_party.md · 3.1.3 (third parties)
//!
//! The browser of a redirect flow: the page on loopback that sends it to the provider, and to which
//! it comes back.
//!
//! Tests: `tests/suite/client/third_party.rs`.

use crate::cli::papertrader::commands::note;
use crate::client::ClientError;
use crate::model::BrowserSecret;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use url::Url;

/// The longest request of a browser, in bytes.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// How long a browser may take for its request, and for the answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How often to look whether a browser has come back.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Most connections that are open at once. One more takes the place of the oldest.
const VISITORS_MAX: usize = 16;

/// The path that sends a browser to the provider.
const START_PATH: &str = "/start";

/// The tables of the system's TCP connections: who has each.
const CONNECTION_TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// A port of 127.0.0.1 at which browsers are awaited.
pub(super) struct WayBack {
    listener: TcpListener,
    port: u16,
}

/// A connection whose request is not whole yet.
struct Visitor {
    stream: TcpStream,
    head: Vec<u8>,
    until: Instant,
}

/// How far a connection's request is.
enum Heard {
    /// More is to come.
    Part,
    /// It has closed, was too slow, or asked for nothing that can be read.
    Nothing,
    /// It asks for this address.
    Asked(Url),
}

/// What a provider says by a browser: a code and the state of the sign-in.
type Brought = (BrowserSecret, BrowserSecret);

impl WayBack {
    /// Listens on a free port.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn open() -> Result<WayBack, ClientError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(closed)?;
        listener.set_nonblocking(true).map_err(closed)?;
        let port = listener.local_addr().map_err(closed)?.port();
        Ok(WayBack { listener, port })
    }

    /// The address to which the provider sends the browser back.
    pub(super) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Opens a browser, where one is known. The person has the address in any case. The command line
    /// of the browser, which everybody on the machine can read, has only the address of a page here:
    /// who had the provider's could sign in there in the person's place.
    pub(super) fn open_browser(&self, url: &str) {
        // A server chooses the address: it is a page, and nothing else that a desktop opens.
        if !is_web_page(url) {
            return;
        }
        let program = std::env::var_os("BROWSER").filter(|name| !name.is_empty());
        let program = program.unwrap_or_else(|| OsString::from("xdg-open"));
        let started = Command::new(program)
            .arg(format!("http://127.0.0.1:{}{START_PATH}", self.port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if started.is_err() {
            note("(No browser could be opened from here.)");
        }
    }

    /// Waits until a browser comes back with the state of the sign-in at `url`; `None` if none does
    /// in time. Whoever else asks is told that there is nothing here, and nobody makes others wait.
    ///
    /// # Errors
    /// The provider says that it is over, or no connection can be accepted.
    pub(super) fn wait(&self, url: &str, until: Instant) -> Result<Option<Brought>, ClientError> {
        let parsed = Url::parse(url).ok();
        let state = parsed.and_then(|url| parameter(&url, "state"));
        let state = state.unwrap_or_default();
        let mut visitors = VecDeque::new();
        while Instant::now() < until {
            self.admit(&mut visitors)?;
            for mut visitor in std::mem::take(&mut visitors) {
                match visitor.hear() {
                    Heard::Part => visitors.push_back(visitor),
                    Heard::Nothing => {}
                    Heard::Asked(asked) if asked.path() == START_PATH => {
                        self.send_off(&mut visitor.stream, url);
                    }
                    Heard::Asked(asked) => {
                        if let Some(brought) = receive(&mut visitor.stream, &asked, &state)? {
                            return Ok(Some(brought));
                        }
                    }
                }
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        Ok(None)
    }

    /// Takes the connections that wait.
    fn admit(&self, visitors: &mut VecDeque<Visitor>) -> Result<(), ClientError> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The browser has closed it meanwhile, or a signal came.
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::ConnectionAborted | ErrorKind::Interrupted
                    ) =>
                {
                    continue;
                }
                Err(error) => return Err(closed(error)),
            };
            if stream.set_nonblocking(true).is_err() {
                continue;
            }
            if visitors.len() == VISITORS_MAX {
                visitors.pop_front();
            }
            visitors.push_back(Visitor {
                stream,
                head: Vec::new(),
                until: Instant::now() + REQUEST_TIMEOUT,
            });
        }
    }

    /// Sends the person's own browser to the provider.
    fn send_off(&self, stream: &mut TcpStream, url: &str) {
        if is_web_page(url) && self.is_own(stream) {
            let more = format!("Location: {url}\r\n");
            answer(stream, "302 Found", &more, "To the provider.");
        } else {
            let text = "Open the address that the terminal shows.";
            answer(stream, "404 Not Found", "", text);
        }
    }

    /// Whether the other end of a connection is a program of this user's. What cannot be told is not.
    fn is_own(&self, stream: &TcpStream) -> bool {
        let Ok(SocketAddr::V4(peer)) = stream.peer_addr() else {
            return false;
        };
        // As the system writes it: an IPv6 socket has the address at its end.
        let end = |port: u16| {
            let address = u32::from_ne_bytes(Ipv4Addr::LOCALHOST.octets());
            format!("{address:08X}:{port:04X}")
        };
        if *peer.ip() != Ipv4Addr::LOCALHOST {
            return false;
        }
        let (theirs, ours) = (end(peer.port()), end(self.port));
        let mut owners = CONNECTION_TABLES.iter().filter_map(|table| {
            let lines = BufReader::new(File::open(table).ok()?).lines();
            lines.map_while(Result::ok).find_map(|line| {
                let mut fields = line.split_ascii_whitespace().skip(1);
                let is_it = fields.next()?.ends_with(&theirs) && fields.next()?.ends_with(&ours);
                // The state, two queues, a timer and a counter stand between.
                let owner = fields.nth(4)?.parse::<u32>().ok()?;
                is_it.then_some(owner)
            })
        });
        owners.next() == Some(rustix::process::getuid().as_raw())
    }
}

impl Visitor {
    /// Reads what has come.
    fn hear(&mut self) -> Heard {
        let mut block = [0; 1_024];
        loop {
            match self.stream.read(&mut block) {
                Ok(0) => return Heard::Nothing,
                Ok(read) => self
                    .head
                    .extend_from_slice(block.get(..read).unwrap_or(&[])),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return if Instant::now() < self.until {
                        Heard::Part
                    } else {
                        Heard::Nothing
                    };
                }
                Err(_) => return Heard::Nothing,
            }
            if self.head.windows(4).any(|end| end == b"\r\n\r\n") {
                return target(&self.head).map_or(Heard::Nothing, Heard::Asked);
            }
            if self.head.len() > REQUEST_BYTES_MAX {
                return Heard::Nothing;
            }
        }
    }
}

/// The address that a request is for.
fn target(head: &[u8]) -> Option<Url> {
    let text = std::str::from_utf8(head).ok()?;
    let target = text.strip_prefix("GET ")?.split(' ').next()?;
    Url::parse("http://127.0.0.1/").ok()?.join(target).ok()
}

/// Answers who comes back: with the state of this sign-in, or with another one.
fn receive(
    stream: &mut TcpStream,
    asked: &Url,
    wanted: &str,
) -> Result<Option<Brought>, ClientError> {
    let Some(state) = parameter(asked, "state").filter(|state| state == wanted) else {
        answer(stream, "404 Not Found", "", "There is nothing here.");
        return Ok(None);
    };
    if let Some(error) = parameter(asked, "error") {
        let text = "You are not signed in. You can close this page.";
        answer(stream, "200 OK", "", text);
        return Err(ClientError::Local(format!("the provider says: {error}")));
    }
    let secret = |text: &str| BrowserSecret::parse(text).ok();
    let code = parameter(asked, "code");
    let brought = code.as_deref().and_then(secret).zip(secret(&state));
    if brought.is_some() {
        let text = "Back to the terminal: you can close this page.";
        answer(stream, "200 OK", "", text);
    } else {
        let text = "This is no answer of a provider.";
        answer(stream, "400 Bad Request", "", text);
    }
    Ok(brought)
}

fn is_web_page(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn closed(error: std::io::Error) -> ClientError {
    ClientError::Local(format!("no way back here: {error}"))
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let mut pairs = url.query_pairs();
    pairs
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// Answers with a page, and more lines of a head.
fn answer(stream: &mut TcpStream, status: &str, more: &str, text: &str) {
    let page =
        format!("<!doctype html><meta charset=utf-8><title>papertrader</title><p>{text}</p>\n");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n{more}Connection: close\r\n\r\n",
        page.len()
    );
    // The person has what they came for, whether or not the page arrives. It fits into what the
    // system holds for the connection, so that nobody waits here.
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_write_timeout(Some(REQUEST_TIMEOUT));
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(page.as_bytes());
}
