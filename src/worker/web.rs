//! spec/worker/web.md · 4.3.2 Client-Worker Server Connection
//!
//! Answers browsers: the page's files, the list of its WebSockets, and the upgrade to one. Reads
//! nothing that a client sends behind the upgrade.
//!
//! Tests: `src/worker/web/tests.rs`.

use crate::config::{WebConfig, WebOrigin};
use crate::model::Timestamp;
use crate::net::Transport;
use crate::net::http::{
    FIELDS_MAX, HEAD_BYTES_MAX, HEAD_TIMEOUT, HeadError, HttpAnswer, HttpStatus, HttpStream,
    RequestHead,
};
use crate::net::limits::LINGER_TIMEOUT;
use crate::net::websocket;
use crate::page::{PAGE_FILES, PageFile};
use crate::runtime::Stop;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// The path of the WebSocket.
pub const WEBSOCKET_PATH: &str = "/ws";
/// The path of the list of WebSockets.
pub const WORKERS_PATH: &str = "/workers.json";
/// The subprotocol of the WebSocket.
pub const SUBPROTOCOL: &str = "papertrader.1";
/// The version of WebSocket.
const WEBSOCKET_VERSION: &str = "13";
/// The field of [`POLICY`].
const POLICY_FIELD: &str = "Content-Security-Policy";
/// What a page may load. Where it may connect to follows.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Requests of one connection, at most. The last answer closes it.
pub const HTTP_REQUESTS_MAX: usize = 100;
/// How long a connection waits for its next request.
pub const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A file, ready to be sent.
struct ServedFile {
    file: &'static PageFile,
    etag: String,
    /// Compressed, where that is shorter.
    gzip: Option<Vec<u8>>,
}

impl ServedFile {
    fn new(file: &'static PageFile) -> io::Result<ServedFile> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(file.bytes)?;
        let gzip = encoder.finish()?;
        let digest = hex::encode(Sha256::digest(file.bytes));
        Ok(ServedFile {
            file,
            etag: digest.get(..32).unwrap_or_default().to_owned(),
            gzip: (gzip.len() < file.bytes.len()).then_some(gzip),
        })
    }
}

/// What the worker serves to browsers.
pub(super) struct WebDoor {
    files: Vec<ServedFile>,
    config: WebConfig,
    has_tls: bool,
    /// How long the first head of a connection may take.
    head_timeout: Duration,
    stop: Stop,
}

/// What becomes of a request.
enum WebOutcome<'a> {
    Answer(HttpAnswer<'a>),
    /// The connection becomes a WebSocket behind this answer.
    Upgrade(HttpAnswer<'a>),
}

impl WebDoor {
    /// What the configuration says.
    ///
    /// # Errors
    /// A file cannot be compressed.
    pub(super) fn new(config: WebConfig, has_tls: bool, stop: &Stop) -> io::Result<WebDoor> {
        let files = PAGE_FILES.iter().map(ServedFile::new);
        Ok(WebDoor {
            files: files.collect::<io::Result<_>>()?,
            config,
            has_tls,
            head_timeout: HEAD_TIMEOUT,
            stop: stop.clone(),
        })
    }

    /// Where it is to listen.
    pub(super) fn listen(&self) -> SocketAddr {
        self.config.listen
    }

    /// What a person types into a browser, for a listener at `address`.
    pub(super) fn url(&self, address: SocketAddr) -> String {
        page_url(self.has_tls, address)
    }

    /// Answers requests until the connection ends, or becomes a WebSocket: then returns its parts,
    /// and the bytes that came behind the handshake. `send_timeout`: how long the browser may take no
    /// byte of an answer.
    pub(super) fn serve(
        &self,
        mut stream: HttpStream,
        send_timeout: Duration,
    ) -> Option<(TcpStream, Transport, Vec<u8>)> {
        let own = self.origins(stream.socket().local_addr().ok()?);
        for number in 1..=HTTP_REQUESTS_MAX {
            let is_first = number == 1;
            let timeout = if is_first {
                self.head_timeout
            } else {
                KEEP_ALIVE_TIMEOUT
            };
            let head = stream.head(timeout, &self.stop);
            let outcome = match &head {
                Ok(head) => self.outcome(head, &own),
                Err(error) => WebOutcome::Answer(headless(error, is_first)?),
            };
            let (mut answer, is_upgrade) = match outcome {
                WebOutcome::Answer(answer) => (answer, false),
                WebOutcome::Upgrade(answer) => (answer, true),
            };
            let is_last = number == HTTP_REQUESTS_MAX || self.stop.is_requested();
            answer.closes |= is_last && !is_upgrade;
            let mut bytes = Vec::new();
            answer.write(Timestamp::now(), &mut bytes);
            stream.write(&bytes, send_timeout).ok()?;
            if is_upgrade {
                return Some(stream.into_websocket());
            }
            if answer.closes {
                stream.finish(LINGER_TIMEOUT);
                return None;
            }
        }
        None
    }

    /// The origins that a browser may use for a connection to `local`: that address and those of
    /// the configuration, each with its `localhost` form on loopback.
    fn origins(&self, local: SocketAddr) -> Vec<WebOrigin> {
        let local = SocketAddr::new(local.ip().to_canonical(), local.port());
        let address = WebOrigin::of(self.has_tls, local);
        std::iter::once(&address)
            .chain(&self.config.origins)
            .flat_map(|origin| std::iter::once(origin.clone()).chain(origin.localhost()))
            .collect()
    }

    fn outcome(&self, head: &RequestHead, own: &[WebOrigin]) -> WebOutcome<'_> {
        match self.checked(head, own) {
            Ok(outcome) => outcome,
            Err(answer) => WebOutcome::Answer(answer),
        }
    }

    /// What becomes of a request, or the answer of the first check that refuses it.
    fn checked(
        &self,
        head: &RequestHead,
        own: &[WebOrigin],
    ) -> Result<WebOutcome<'_>, HttpAnswer<'static>> {
        let Some(host) = head.only("host").map_err(malformed)? else {
            return Err(refusal(HttpStatus::BadRequest, "the field Host is missing"));
        };
        let Some(origin) = own.iter().find(|origin| origin.is_host(host)) else {
            let text = "this is not the host of this page; [web] origins lists further ones";
            return Err(refusal(HttpStatus::Forbidden, text));
        };
        if let Some(from) = head.only("origin").map_err(malformed)? {
            let is_own = WebOrigin::parse(from).is_some_and(|from| own.contains(&from));
            if !is_own {
                let text = "this origin is none of this deployment's; [web] origins lists them";
                return Err(refusal(HttpStatus::Forbidden, text));
            }
        }
        if head.method != "GET" {
            let mut answer = refusal(HttpStatus::MethodNotAllowed, "the only method is GET");
            answer.fields.push(("Allow", "GET".to_owned()));
            if head.method == "HEAD" {
                // RFC 9110 9.3.2.
                answer.body = Cow::Borrowed(&[]);
            }
            return Err(answer);
        }
        if head.target == WEBSOCKET_PATH {
            return upgrade(head).map(WebOutcome::Upgrade);
        }
        let websockets = self.websockets(origin);
        let mut answer = self.resource(head, &websockets)?;
        let policy = format!("{POLICY}; connect-src 'self' {}", websockets.join(" "));
        answer.fields.push((POLICY_FIELD, policy));
        answer.fields.push(("Cache-Control", "no-cache".to_owned()));
        answer.closes = !head.is_http11 || head.lists("connection", "close");
        Ok(WebOutcome::Answer(answer))
    }

    /// The origins of the WebSockets that a page of `origin` may use: its own first.
    fn websockets(&self, origin: &WebOrigin) -> Vec<String> {
        let others = self.config.origins.iter().filter(|other| *other != origin);
        std::iter::once(origin)
            .chain(others)
            .map(WebOrigin::websocket)
            .collect()
    }

    fn resource(
        &self,
        head: &RequestHead,
        websockets: &[String],
    ) -> Result<HttpAnswer<'_>, HttpAnswer<'static>> {
        let target = head.target.as_str();
        if target == WORKERS_PATH {
            return Ok(workers(websockets));
        }
        // A sign-in comes back to the page with a query, which its code reads.
        let path = match target.split_once('?') {
            Some(("/", _)) => "/",
            Some(_) | None => target,
        };
        match self.files.iter().find(|served| served.file.path == path) {
            Some(served) => Ok(served.answer(head)),
            None => Err(refusal(HttpStatus::NotFound, "there is nothing here")),
        }
    }
}

impl ServedFile {
    fn answer(&self, head: &RequestHead) -> HttpAnswer<'_> {
        let takes_gzip = head.list("accept-encoding").any(is_gzip);
        let gzip = self.gzip.as_ref().filter(|_| takes_gzip);
        // A strong tag names bytes as they are sent.
        let etag = match gzip {
            Some(_) => format!("\"{}-gzip\"", self.etag),
            None => format!("\"{}\"", self.etag),
        };
        let is_known = head.list("if-none-match").any(|known| {
            let strong = known.strip_prefix("W/").unwrap_or(known);
            strong == "*" || strong == etag
        });
        let mut fields = security_fields();
        fields.push(("ETag", etag));
        fields.push(("Vary", "Accept-Encoding".to_owned()));
        if is_known {
            return HttpAnswer {
                status: HttpStatus::NotModified,
                fields,
                body: Cow::Borrowed(&[]),
                closes: false,
            };
        }
        fields.push(("Content-Type", self.file.content_type.to_owned()));
        if gzip.is_some() {
            fields.push(("Content-Encoding", "gzip".to_owned()));
        }
        HttpAnswer {
            status: HttpStatus::Ok,
            fields,
            body: Cow::Borrowed(gzip.map_or(self.file.bytes, Vec::as_slice)),
            closes: false,
        }
    }
}

/// Whether an element of Accept-Encoding takes gzip. A weight of 0 refuses it.
fn is_gzip(element: &str) -> bool {
    let mut parts = element.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let is_refused = parts.any(|part| {
        let weight = part.strip_prefix("q=").or(part.strip_prefix("Q="));
        weight.is_some_and(|weight| weight.trim_matches(['0', '.']).is_empty())
    });
    name.eq_ignore_ascii_case("gzip") && !is_refused
}

/// The list of WebSockets, as JSON.
fn workers(websockets: &[String]) -> HttpAnswer<'static> {
    let urls: Vec<String> = websockets
        .iter()
        .map(|origin| format!("{origin}{WEBSOCKET_PATH}"))
        .collect();
    let body = serde_json::json!({ "workers": urls }).to_string();
    let mut fields = security_fields();
    fields.push(("Content-Type", "application/json".to_owned()));
    HttpAnswer {
        status: HttpStatus::Ok,
        fields,
        body: Cow::Owned(body.into_bytes()),
        closes: false,
    }
}

/// The fields of every answer but an upgrade.
fn security_fields() -> Vec<(&'static str, String)> {
    [
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into()
}

/// A refusal with a text for people. It ends the connection.
fn refusal(status: HttpStatus, text: &str) -> HttpAnswer<'static> {
    let mut fields = security_fields();
    fields.push((POLICY_FIELD, POLICY.to_owned()));
    fields.push(("Content-Type", "text/plain; charset=utf-8".to_owned()));
    HttpAnswer {
        status,
        fields,
        body: Cow::Owned(format!("{text}\n").into_bytes()),
        closes: true,
    }
}

fn malformed(error: HeadError) -> HttpAnswer<'static> {
    let text = match error {
        HeadError::Malformed(text) => text,
        HeadError::TooLarge | HeadError::Timeout { .. } | HeadError::Closed => "a bad request",
    };
    refusal(HttpStatus::BadRequest, text)
}

/// The answer where no head came; `None` where nobody waits for one.
fn headless(error: &HeadError, is_first: bool) -> Option<HttpAnswer<'static>> {
    match error {
        HeadError::Closed => None,
        HeadError::Timeout { begun } if !begun && !is_first => None,
        HeadError::Timeout { .. } => {
            let text = "the request was not whole in time";
            Some(refusal(HttpStatus::RequestTimeout, text))
        }
        HeadError::TooLarge => {
            let text =
                format!("a request has at most {HEAD_BYTES_MAX} bytes and {FIELDS_MAX} fields");
            Some(refusal(HttpStatus::HeadTooLarge, &text))
        }
        HeadError::Malformed(text) => Some(refusal(HttpStatus::BadRequest, text)),
    }
}

/// Accepts the upgrade to a WebSocket.
///
/// # Errors
/// The answer that refuses it.
fn upgrade(head: &RequestHead) -> Result<HttpAnswer<'static>, HttpAnswer<'static>> {
    let wants =
        head.is_http11 && head.lists("connection", "upgrade") && head.lists("upgrade", "websocket");
    let version = head.only("sec-websocket-version").map_err(malformed)?;
    if !wants || version != Some(WEBSOCKET_VERSION) {
        let text = "this is a WebSocket of version 13";
        let mut answer = refusal(HttpStatus::UpgradeRequired, text);
        answer.fields.push(("Upgrade", "websocket".to_owned()));
        let version = WEBSOCKET_VERSION.to_owned();
        answer.fields.push(("Sec-WebSocket-Version", version));
        return Err(answer);
    }
    let key = head.only("sec-websocket-key").map_err(malformed)?;
    let Some(accept) = key.and_then(websocket::accept_key) else {
        let text = "Sec-WebSocket-Key is not 16 bytes in base64";
        return Err(refusal(HttpStatus::BadRequest, text));
    };
    if !head
        .list("sec-websocket-protocol")
        .any(|name| name == SUBPROTOCOL)
    {
        let text = format!("the subprotocol {SUBPROTOCOL} is not among those offered");
        return Err(refusal(HttpStatus::BadRequest, &text));
    }
    Ok(HttpAnswer {
        status: HttpStatus::SwitchingProtocols,
        fields: vec![
            ("Upgrade", "websocket".to_owned()),
            ("Connection", "Upgrade".to_owned()),
            ("Sec-WebSocket-Accept", accept),
            ("Sec-WebSocket-Protocol", SUBPROTOCOL.to_owned()),
        ],
        body: Cow::Borrowed(&[]),
        closes: false,
    })
}

/// The address of a page, for a listener at `address`.
fn page_url(is_https: bool, address: SocketAddr) -> String {
    // Nobody can go to "all addresses", and no browser may name it as the host.
    let ip = match address.ip().to_canonical() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, address.port());
    format!("{}/", WebOrigin::of(is_https, address))
}

#[cfg(test)]
mod tests;
