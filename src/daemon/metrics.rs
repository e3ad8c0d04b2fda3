//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module (running stage)
//!
//! Serves a daemon's metrics to Prometheus: `GET /metrics` by HTTP/1.1, one request a connection.
//! It knows neither master nor worker.
//!
//! Tests: below, and in `tests/suite/programs/metrics.rs`.

use super::StartError;
use crate::model::Timestamp;
use crate::net::http::{HEAD_TIMEOUT, HeadError, HttpAnswer, HttpStatus, HttpStream, RequestHead};
use crate::net::rejecter::{RejectedPeer, refusal};
use crate::net::{ConnectionLimiter, ConnectionLimits, Listener};
use crate::runtime::metrics::{MetricFamily, MetricsText, instructions, process, text};
use crate::runtime::{self, Stop, ThreadHandle, Watchdog};
use std::borrow::Cow;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The path of the metrics.
pub const METRICS_PATH: &str = "/metrics";
/// Connections at once. A further one is answered with 503.
pub const METRICS_CONNECTIONS_MAX: usize = 8;
/// How long a scraper may take no byte of an answer.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// The thread has this time to end after the signal to stop.
pub const METRICS_STOP_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a connection waits for the scraper to close it.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

const BUILD: MetricFamily = MetricFamily::gauge(
    "papertrader_build_info",
    &["daemon", "version"],
    "1, with the version of the program.",
);
const LOG_LOST: MetricFamily = MetricFamily::counter(
    "papertrader_log_entries_lost_total",
    &[],
    "Entries of the log that were lost because it could not be written.",
);

/// Sessions, which both daemons have.
pub const SESSIONS: MetricFamily = MetricFamily::gauge(
    "papertrader_sessions",
    &[],
    "Active sessions and tokens; at a worker those that it remembers.",
);

/// Writes what the daemon's own part knows.
pub type WriteMetrics = Arc<dyn Fn(&mut MetricsText) + Send + Sync>;

/// Writes the families that both daemons have; `lost` is the number of entries that the log lost.
pub fn write_common(daemon: &str, watchdog: &Watchdog, lost: u64, out: &mut MetricsText) {
    out.family(&BUILD)
        .sample(&[daemon, env!("CARGO_PKG_VERSION")], true);
    process::write_metrics(out);
    watchdog.write_metrics(out);
    out.one(&LOG_LOST, lost);
    instructions::write_metrics(out);
    crate::net::metrics::write_metrics(out);
    crate::link::metrics::write_metrics(out);
}

/// The thread that serves metrics.
#[derive(Debug)]
pub struct MetricsServer {
    listener: Arc<Listener>,
    thread: ThreadHandle,
}

impl MetricsServer {
    /// Serves what `write` writes at this address, until the signal to stop.
    ///
    /// # Errors
    /// The address cannot be listened on, or the system cannot start another thread.
    pub fn start(
        listen: SocketAddr,
        write: WriteMetrics,
        stop: &Stop,
    ) -> Result<MetricsServer, StartError> {
        let listener = Listener::bind_patiently(listen, stop)
            .map_err(|e| StartError::failed(format!("metrics.listen = \"{listen}\": {e}")))?;
        let listener = Arc::new(listener);
        crate::info!(
            "metrics are served at http://{}{METRICS_PATH}",
            listener.address()
        );
        let (accepting, stop) = (Arc::clone(&listener), stop.clone());
        let thread = runtime::spawn("metrics", move || accept(&accepting, &write, &stop))?;
        Ok(MetricsServer { listener, thread })
    }

    /// The address, with the port that the system chose for port 0.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Ends the thread. Call it after the stop signal. False where it has not ended by `deadline`.
    pub fn stop(self, deadline: Instant) -> bool {
        self.listener.close();
        self.thread.join(deadline)
    }
}

fn accept(listener: &Listener, write: &WriteMetrics, stop: &Stop) {
    let limiter = ConnectionLimiter::new(ConnectionLimits {
        total: METRICS_CONNECTIONS_MAX,
        per_neighbourhood: METRICS_CONNECTIONS_MAX,
    });
    // No thread takes what is sent here, so a further one is answered at once.
    let (refusal, _) = refusal(1);
    let refusal = refusal.for_peers(RejectedPeer::Scraper);
    let serve = |socket: TcpStream, _: SocketAddr, permit| {
        let (write, stop) = (Arc::clone(write), stop.clone());
        let started = runtime::spawn("scraper", move || {
            answer(HttpStream::new(socket, None), &write, &stop);
            drop(permit);
        });
        if let Err(error) = started {
            crate::error!("no thread to answer with metrics: {error}");
        }
    };
    listener.run(&limiter, &refusal, stop, |_| false, |_| false, serve);
}

/// Answers one request, and ends the connection.
fn answer(mut stream: HttpStream, write: &WriteMetrics, stop: &Stop) {
    let head = stream.head(HEAD_TIMEOUT, stop);
    let Some(answer) = answer_to(&head, write) else {
        return;
    };
    let mut bytes = Vec::new();
    answer.write(Timestamp::now(), &mut bytes);
    if head.is_ok_and(|head| head.method == "HEAD") {
        // The length of the body is told, and the body is not.
        bytes.truncate(bytes.len().saturating_sub(answer.body.len()));
    }
    if stream.write(&bytes, SEND_TIMEOUT).is_ok() {
        stream.finish(LINGER_TIMEOUT);
    }
}

/// The answer to a request; `None` where nobody waits for one.
fn answer_to(
    head: &Result<RequestHead, HeadError>,
    write: &WriteMetrics,
) -> Option<HttpAnswer<'static>> {
    let head = match head {
        Ok(head) => head,
        Err(HeadError::Closed) => return None,
        Err(HeadError::Timeout { .. }) => {
            return Some(refused(
                HttpStatus::RequestTimeout,
                "the request was not whole in time",
            ));
        }
        Err(HeadError::TooLarge) => {
            return Some(refused(HttpStatus::HeadTooLarge, "the request is too long"));
        }
        Err(HeadError::Malformed(why)) => return Some(refused(HttpStatus::BadRequest, why)),
    };
    let path = head.target.split('?').next().unwrap_or_default();
    if path != METRICS_PATH {
        return Some(refused(HttpStatus::NotFound, "metrics are at /metrics"));
    }
    if head.method != "GET" && head.method != "HEAD" {
        let mut answer = refused(HttpStatus::MethodNotAllowed, "the methods are GET and HEAD");
        answer.fields.push(("Allow", "GET, HEAD".to_owned()));
        return Some(answer);
    }
    let mut text = MetricsText::new();
    write(&mut text);
    Some(HttpAnswer {
        status: HttpStatus::Ok,
        fields: vec![("Content-Type", text::CONTENT_TYPE.to_owned())],
        body: Cow::Owned(text.into_string().into_bytes()),
        closes: true,
    })
}

fn refused(status: HttpStatus, text: &str) -> HttpAnswer<'static> {
    HttpAnswer {
        status,
        fields: vec![("Content-Type", "text/plain; charset=utf-8".to_owned())],
        body: Cow::Owned(format!("{text}\n").into_bytes()),
        closes: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    const B: MetricFamily = MetricFamily::gauge("b", &[], "Of b.");

    fn served() -> (MetricsServer, Stop) {
        let stop = Stop::new();
        let write: WriteMetrics = Arc::new(|out: &mut MetricsText| out.one(&B, 7_u64));
        let listen = "127.0.0.1:0".parse().unwrap();
        (MetricsServer::start(listen, write, &stop).unwrap(), stop)
    }

    fn ask(server: &MetricsServer, request: &str) -> String {
        let mut socket = TcpStream::connect(server.address()).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn metrics_are_answered_and_nothing_else_is() {
        let (server, stop) = served();
        let got = ask(&server, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
        assert!(got.contains("text/plain; version=0.0.4"), "{got}");
        assert!(
            got.ends_with("\r\n\r\n# HELP b Of b.\n# TYPE b gauge\nb 7\n"),
            "{got}"
        );
        let head = ask(&server, "HEAD /metrics?x=1 HTTP/1.0\r\n\r\n");
        assert!(
            head.contains("Content-Length: 34\r\n") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
        for (request, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("login\r\n\r\n", "400"),
            (
                &format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(9000)),
                "431",
            ),
        ] {
            let got = ask(&server, request);
            assert!(
                got.starts_with(&format!("HTTP/1.1 {status} ")),
                "{request}: {got}"
            );
        }
        stop.request();
        assert!(server.stop(Instant::now() + Duration::from_secs(10)));
    }

    #[test]
    fn silent_connections_keep_nobody_out_for_long_and_are_bounded() {
        let (server, stop) = served();
        let silent: Vec<TcpStream> = (0..METRICS_CONNECTIONS_MAX)
            .map(|_| TcpStream::connect(server.address()).unwrap())
            .collect();
        let request = "GET /metrics HTTP/1.1\r\n\r\n";
        // The places are taken.
        let mut further = TcpStream::connect(server.address()).unwrap();
        let mut refused = String::new();
        further.read_to_string(&mut refused).unwrap();
        assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
        drop(silent);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let mut socket = TcpStream::connect(server.address()).unwrap();
            let mut answer = String::new();
            let asked = socket.write_all(request.as_bytes());
            if asked.is_ok()
                && socket.read_to_string(&mut answer).is_ok()
                && answer.contains(" 200 OK\r\n")
            {
                break;
            }
            assert!(Instant::now() < deadline);
        }
        stop.request();
        assert!(server.stop(Instant::now() + Duration::from_secs(10)));
    }
}
