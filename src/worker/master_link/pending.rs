//! spec/worker/master_link/pending.md · 3.2.2 Master Server Communication, 4.7.5 Purchase
//!
//! Requests that were sent to the master and are not answered: who waits for each, and until when.

use super::super::client::WorkerClient;
use super::super::messages::{CacheMiss, QueryKind, TunnelRequest};
use crate::link::message::{self, SessionHashes, WorkerReport};
use crate::model::{SessionHash, Timestamp};
use crate::wire::{Instruction, Request, frame};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// While as many requests are pending, further orders and account queries are refused. The bound
/// does not hold for what modules ask, nor for the worker's report.
pub const PENDING_MAX: usize = 262_144;
/// Time-out of requests without an effect, which the requester may repeat.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Time-out of retained requests, whose outcome is unknown: orders until they are queued, and
/// tunnel requests.
pub const RETAINED_TIMEOUT: Duration = Duration::from_secs(60);
/// While more requests are pending, queued orders of closed connections are dropped.
const FORGET_THRESHOLD: usize = 10_000;
/// The first wait before an order that the master refused as overloaded is sent again.
const RETRY_WAIT_FIRST: Duration = Duration::from_millis(50);
/// The longest wait before it is sent again.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(2);

/// A request with the client or module that waits for the reply.
#[derive(Debug)]
pub enum Requester {
    /// A client's purchase or sale.
    Order {
        client: Arc<WorkerClient>,
        /// The request's number on its connection.
        number: u64,
        request: Request,
        /// Whether the client got `transactionQueued`.
        notified: bool,
        /// Whether the master announced it over the current link.
        queued: bool,
    },
    /// A client's account query.
    AccountQuery {
        client: Arc<WorkerClient>,
        /// The request's number on its connection.
        number: u64,
        request: Request,
    },
    /// A request of the tunnel, and the reply's frames so far.
    Tunnel(TunnelRequest, Zeroizing<Vec<u8>>),
    /// A miss of the cache, and the reply's frames so far.
    Cache(CacheMiss, Vec<u8>),
    /// `clients`: is this session active?
    Session(SessionHash),
    /// `clients`: the connections of these sessions closed.
    Closed(SessionHashes),
    /// The worker's report. No module waits for its reply.
    Report(WorkerReport),
}

impl Requester {
    /// Appends the request's frames.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Requester::Order { request, .. } | Requester::AccountQuery { request, .. } => {
                request.write(out)
            }
            Requester::Tunnel(asked, _) => asked.request.write(out),
            Requester::Cache(miss, _) => miss.key.request().write(out),
            Requester::Session(hash) => frame::write_binary(out, Instruction::LinkSession, &hash.0),
            Requester::Closed(hashes) => {
                message::write(out, Instruction::LinkConnectionClosed, hashes)
            }
            Requester::Report(report) => message::write(out, Instruction::LinkReport, report),
        }
    }

    /// Whether the request has an effect on the master, so that it is retained and sent again after
    /// a broken link.
    pub fn is_retained(&self) -> bool {
        self.request().is_some()
    }

    /// The retained request, to be sent again.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Requester::Order { request, .. } => Some(request),
            Requester::Tunnel(asked, _) => Some(&asked.request),
            Requester::AccountQuery { .. }
            | Requester::Cache(..)
            | Requester::Session(_)
            | Requester::Closed(_)
            | Requester::Report(_) => None,
        }
    }

    /// The client that waits for a retained request.
    fn retained_for(&self) -> Option<&Arc<WorkerClient>> {
        match self {
            Requester::Order { client, .. } => Some(client),
            Requester::Tunnel(asked, _) => Some(&asked.client),
            Requester::AccountQuery { .. }
            | Requester::Cache(..)
            | Requester::Session(_)
            | Requester::Closed(_)
            | Requester::Report(_) => None,
        }
    }
}

impl From<QueryKind> for Requester {
    fn from(kind: QueryKind) -> Requester {
        match kind {
            QueryKind::Tunnel(asked) => Requester::Tunnel(asked, Zeroizing::default()),
            QueryKind::Cache(miss) => Requester::Cache(miss, Vec::new()),
            QueryKind::Session(hash) => Requester::Session(hash),
            QueryKind::Closed(hashes) => Requester::Closed(SessionHashes(hashes)),
        }
    }
}

/// A request that was sent and is not answered.
#[derive(Debug)]
pub struct PendingRequest {
    pub requester: Requester,
    /// The worker's timestamp.
    pub timestamp: Timestamp,
    /// The client's address.
    pub client: Option<SocketAddr>,
    /// Whether it was sent again over another link.
    pub resent: bool,
    /// How often the master refused it as overloaded over the current link.
    retries: u32,
}

/// All pending requests, by sequence number.
#[derive(Debug, Default)]
pub struct PendingRequests {
    requests: HashMap<u64, PendingRequest>,
    sequence: u64,
    /// Time-outs in order. Those of answered requests are still here.
    reads_due: VecDeque<(Instant, u64)>,
    retained_due: VecDeque<(Instant, u64)>,
    retries: BinaryHeap<Reverse<(Instant, u64)>>,
    unlinked_since: Option<Instant>,
}

impl PendingRequests {
    /// Number of pending requests.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether no request is pending.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether another order or account query may be added.
    pub fn has_room(&self) -> bool {
        self.requests.len() < PENDING_MAX
    }

    /// The sequence number of the next request.
    pub fn next_sequence(&self) -> u64 {
        self.sequence + 1
    }

    /// Adds a request and returns its sequence number.
    pub fn add(
        &mut self,
        requester: Requester,
        timestamp: Timestamp,
        client: Option<SocketAddr>,
        now: Instant,
    ) -> u64 {
        self.sequence += 1;
        if requester.is_retained() {
            self.retained_due
                .push_back((now + RETAINED_TIMEOUT, self.sequence));
        } else {
            self.reads_due
                .push_back((now + READ_TIMEOUT, self.sequence));
        }
        let pending = PendingRequest {
            requester,
            timestamp,
            client,
            resent: false,
            retries: 0,
        };
        self.requests.insert(self.sequence, pending);
        self.sequence
    }

    /// The request of a sequence number.
    pub fn get_mut(&mut self, sequence: u64) -> Option<&mut PendingRequest> {
        self.requests.get_mut(&sequence)
    }

    /// Removes a request that is answered.
    pub fn remove(&mut self, sequence: u64) -> Option<PendingRequest> {
        self.requests.remove(&sequence)
    }

    /// Records that the link broke: removes and returns the requests that are not retained, and
    /// starts the time-out of the others.
    pub fn link_lost(&mut self, now: Instant) -> Vec<PendingRequest> {
        self.unlinked_since = Some(now);
        self.reads_due.clear();
        self.retries.clear();
        let mut reads: Vec<u64> = self
            .requests
            .iter()
            .filter(|(_, pending)| !pending.requester.is_retained())
            .map(|(sequence, _)| *sequence)
            .collect();
        reads.sort_unstable();
        reads
            .into_iter()
            .filter_map(|sequence| self.requests.remove(&sequence))
            .collect()
    }

    /// The retained requests to send over a new link, in the order in which they were first sent.
    pub fn resend(&mut self) -> Vec<u64> {
        let mut retained: Vec<u64> = self.requests.keys().copied().collect();
        retained.sort_unstable();
        for pending in self.requests.values_mut() {
            pending.resent = true;
            pending.retries = 0;
            if let Requester::Order { queued, .. } = &mut pending.requester {
                *queued = false;
            }
        }
        if let Some(since) = self.unlinked_since.take() {
            let due = since + RETAINED_TIMEOUT;
            self.retained_due = retained.iter().map(|sequence| (due, *sequence)).collect();
        }
        retained
    }

    /// Drops queued orders of closed connections, where many requests are pending: the master
    /// settles them, and no client waits. Called every second.
    pub fn forget_disconnected(&mut self) {
        if self.requests.len() > FORGET_THRESHOLD {
            self.requests.retain(|_, pending| {
                !matches!(&pending.requester, Requester::Order { client, queued: true, .. }
                    if !client.connection.is_open())
            });
        }
    }

    /// Schedules an order to be sent again, because the master refused its repetition as
    /// overloaded.
    pub fn retry(&mut self, sequence: u64, now: Instant) {
        if let Some(pending) = self.requests.get_mut(&sequence) {
            let wait = RETRY_WAIT_FIRST
                .saturating_mul(1 << pending.retries.min(10))
                .min(RETRY_WAIT_MAX);
            pending.retries += 1;
            self.retries.push(Reverse((now + wait, sequence)));
        }
    }

    /// Orders to send again now.
    pub fn retries_due(&mut self, now: Instant) -> Vec<u64> {
        let mut due = Vec::new();
        while let Some(Reverse((when, sequence))) = self.retries.peek().copied()
            && when <= now
        {
            self.retries.pop();
            if self.requests.contains_key(&sequence) {
                due.push(sequence);
            }
        }
        due
    }

    /// Whether orders wait to be sent again.
    pub fn is_retrying(&self) -> bool {
        !self.retries.is_empty()
    }

    /// Removes and returns requests without an effect whose time-out has passed.
    pub fn reads_overdue(&mut self, now: Instant) -> Vec<PendingRequest> {
        let mut overdue = Vec::new();
        while let Some((due, sequence)) = self.reads_due.front().copied()
            && due <= now
        {
            self.reads_due.pop_front();
            overdue.extend(self.requests.remove(&sequence));
        }
        overdue
    }

    /// Removes retained requests whose outcome has been unknown for too long, and returns their
    /// clients.
    pub fn retained_overdue(&mut self, now: Instant) -> Vec<Arc<WorkerClient>> {
        if self
            .unlinked_since
            .is_some_and(|since| now >= since + RETAINED_TIMEOUT)
        {
            self.retained_due.clear();
            let pending = self.requests.drain();
            return pending
                .filter_map(|(_, pending)| pending.requester.retained_for().map(Arc::clone))
                .collect();
        }
        let mut overdue = Vec::new();
        while let Some((due, sequence)) = self.retained_due.front().copied()
            && due <= now
        {
            self.retained_due.pop_front();
            let Some(pending) = self.requests.get(&sequence) else {
                continue;
            };
            // A queued order is answered at its settlement, however long that takes.
            if matches!(pending.requester, Requester::Order { queued: true, .. }) {
                continue;
            }
            if let Some(pending) = self.requests.remove(&sequence) {
                overdue.extend(pending.requester.retained_for().map(Arc::clone));
            }
        }
        overdue
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{aapl, session};
    use super::*;
    use crate::model::{Quantity, Side};
    use crate::net::{Connection, Flusher, SendLimits};
    use std::net::{TcpListener, TcpStream};

    /// A client, and the peer's socket.
    fn client() -> (Arc<WorkerClient>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let limits = SendLimits {
            max_unsent: 1,
            send_timeout: Duration::from_secs(1),
        };
        let socket = listener.accept().unwrap().0;
        let connection = Connection::new(socket, None, limits, Flusher::new().unwrap()).unwrap();
        (WorkerClient::new(connection), peer)
    }

    fn read() -> Requester {
        Requester::Session(session(1).hash())
    }

    fn order(client: &Arc<WorkerClient>, number: u64) -> Requester {
        Requester::Order {
            client: Arc::clone(client),
            number,
            request: Request::Order {
                session: session(1),
                side: Side::Buy,
                symbol: aapl(),
                quantity: Quantity(1),
                id: None,
            },
            notified: false,
            queued: false,
        }
    }

    fn queue(pending: &mut PendingRequests, sequence: u64) {
        if let Requester::Order { queued, .. } = &mut pending.get_mut(sequence).unwrap().requester {
            *queued = true;
        }
    }

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn a_request_without_effect_times_out_after_30_seconds() {
        let (mut pending, now) = (PendingRequests::default(), Instant::now());
        let first = pending.add(
            Requester::Session(session(1).hash()),
            Timestamp(0),
            None,
            now,
        );
        pending.add(read(), Timestamp(0), None, now + SOON);
        assert!(pending.reads_overdue(now + READ_TIMEOUT - SOON).is_empty());
        let overdue = pending.reads_overdue(now + READ_TIMEOUT);
        assert!(matches!(
            overdue[..],
            [PendingRequest {
                requester: Requester::Session(_),
                ..
            }]
        ));
        assert!(pending.get_mut(first).is_none());
        assert_eq!(pending.reads_overdue(now + READ_TIMEOUT + SOON).len(), 1);
        assert!(pending.is_empty());
    }

    #[test]
    fn an_order_with_an_unknown_outcome_times_out_after_60_seconds() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        let queued = pending.add(order(&client, 0), Timestamp(0), None, now);
        let unknown = pending.add(order(&client, 1), Timestamp(0), None, now);
        queue(&mut pending, queued);
        assert!(
            pending
                .retained_overdue(now + RETAINED_TIMEOUT - SOON)
                .is_empty()
        );
        assert_eq!(pending.retained_overdue(now + RETAINED_TIMEOUT).len(), 1);
        assert!(pending.get_mut(unknown).is_none());
        assert!(
            pending
                .retained_overdue(now + RETAINED_TIMEOUT * 100)
                .is_empty(),
            "a queued order has no time-out"
        );
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn retained_requests_end_60_seconds_after_the_link() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        let queued = pending.add(order(&client, 0), Timestamp(0), None, now);
        pending.add(read(), Timestamp(0), None, now);
        queue(&mut pending, queued);
        let lost = now + RETAINED_TIMEOUT * 5;
        assert_eq!(pending.link_lost(lost).len(), 1, "a query is not retained");
        assert!(
            pending
                .retained_overdue(lost + RETAINED_TIMEOUT - SOON)
                .is_empty()
        );
        assert_eq!(pending.retained_overdue(lost + RETAINED_TIMEOUT).len(), 1);
        assert!(pending.is_empty());
    }

    #[test]
    fn a_repeated_order_must_be_queued_within_the_same_60_seconds() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        let confirmed = pending.add(order(&client, 0), Timestamp(0), None, now);
        let silent = pending.add(order(&client, 1), Timestamp(0), None, now);
        queue(&mut pending, confirmed);
        queue(&mut pending, silent);
        let lost = now + Duration::from_secs(10);
        pending.link_lost(lost);
        assert_eq!(pending.resend(), [confirmed, silent]);
        assert!(pending.get_mut(silent).unwrap().resent);
        queue(&mut pending, confirmed);
        assert!(
            pending
                .retained_overdue(lost + RETAINED_TIMEOUT - SOON)
                .is_empty()
        );
        assert_eq!(pending.retained_overdue(lost + RETAINED_TIMEOUT).len(), 1);
        assert!(pending.get_mut(confirmed).is_some() && pending.get_mut(silent).is_none());
    }

    #[test]
    fn retries_back_off() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        let sequence = pending.add(order(&client, 0), Timestamp(0), None, now);
        let mut waits = Vec::new();
        let mut at = now;
        for _ in 0..8 {
            pending.retry(sequence, at);
            assert!(pending.is_retrying() && pending.retries_due(at).is_empty());
            let begin = at;
            while pending.retries_due(at).is_empty() {
                at += SOON;
            }
            waits.push((at - begin).as_millis());
        }
        assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        assert!(!pending.is_retrying());
    }

    #[test]
    fn queued_orders_of_closed_connections_are_dropped_when_many_are_pending() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        for number in 0..=u64::try_from(FORGET_THRESHOLD).unwrap() {
            let sequence = pending.add(order(&client, number), Timestamp(0), None, now);
            queue(&mut pending, sequence);
        }
        pending.forget_disconnected();
        assert_eq!(pending.len(), FORGET_THRESHOLD + 1);
        let (other, _other_peer) = self::client();
        pending.add(order(&other, 0), Timestamp(0), None, now);
        let reader = crate::net::ConnectionReader::new(
            Arc::clone(&client.connection),
            crate::net::ReaderLimits {
                frame_timeout: RETAINED_TIMEOUT,
                first_frame_timeout: RETAINED_TIMEOUT,
                idle_timeout: RETAINED_TIMEOUT,
                unanswered_max: 1,
            },
        );
        client.connection.cut();
        reader.finish(crate::net::ReadEnd::Broken);
        pending.forget_disconnected();
        assert_eq!(pending.len(), 1);
    }
}
