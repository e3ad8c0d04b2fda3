//! spec/worker/master_link/pending.md · 3.2.2 Master Server Communication, 4.7.5 Purchase
//!
//! Requests that were sent to the master and are not answered: who waits for each, and until when.

use super::super::client::WorkerClient;
use super::super::messages::{CacheMiss, QueryKind, TunnelRequest};
use crate::link::message::{self, SessionHashes, WorkerReport};
use crate::model::{SessionHash, Timestamp};
use crate::runtime::dynamic_share::{DynamicShare, PlaceHolder, ShareError};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::{Instruction, Request, frame};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Most pending orders of all clients: those that wait for their settlement, and those on their
/// way.
pub const PENDING_ORDERS_MAX: usize = 262_144;
/// Most pending account queries of all clients. Their room is their own, so that orders that wait
/// for an update never stand in their way.
pub const PENDING_QUERIES_MAX: usize = 65_536;
/// Time-out of requests without an effect, which the requester may repeat. It begins anew with each
/// piece of the answer.
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

/// Who holds room for a pending request: a connection, at its peer's neighbourhood.
type RequestHolder = PlaceHolder<u64, Infallible>;

/// A request with the client or module that waits for the reply.
#[derive(Debug)]
pub enum Requester {
    /// A client's purchase or sale, or what it asks of an order that waits.
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
    /// `clients`: is this session active? Its account's orders are watched if it is.
    Watch(SessionHash),
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
            Requester::Watch(hash) => {
                frame::write_binary(out, Instruction::LinkWatchOrders, &hash.0);
            }
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

    /// Whether it is answered soon. An order may wait for an update, or longer.
    fn is_moving(&self) -> bool {
        !matches!(self, Requester::Order { .. })
    }

    /// The retained request, to be sent again.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Requester::Order { request, .. } => Some(request),
            Requester::Tunnel(asked, _) => Some(&asked.request),
            Requester::AccountQuery { .. }
            | Requester::Cache(..)
            | Requester::Session(_)
            | Requester::Watch(_)
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
            | Requester::Watch(_)
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
            QueryKind::Watch(hash) => Requester::Watch(hash),
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
    /// When it, or the last piece of its answer, was sent or received.
    moved: Instant,
}

/// All pending requests, by sequence number.
#[derive(Debug)]
pub struct PendingRequests {
    requests: HashMap<u64, PendingRequest>,
    /// The room of clients' orders.
    orders: DynamicShare<u64, Infallible>,
    /// The room of clients' account queries.
    queries: DynamicShare<u64, Infallible>,
    sequence: u64,
    /// Time-outs of requests without an effect, the first on top. Those of answered requests are
    /// still here.
    reads_due: BinaryHeap<Reverse<(Instant, u64)>>,
    /// The others' time-outs, in order, also with those of answered requests.
    retained_due: VecDeque<(Instant, u64)>,
    retries: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Pending requests other than orders, which may wait for an update.
    moving: usize,
    unlinked_since: Option<Instant>,
    /// The same of the link before the current one.
    unlinked_before: Option<Instant>,
}

impl PendingRequest {
    /// Begins the time-out anew, because a piece of the answer came at `now`.
    pub fn renew(&mut self, now: Instant) {
        self.moved = now;
    }
}

impl Default for PendingRequests {
    fn default() -> PendingRequests {
        PendingRequests::with_room(PENDING_ORDERS_MAX, PENDING_QUERIES_MAX)
    }
}

impl PendingRequests {
    /// None pending, with room for so many orders and account queries.
    pub fn with_room(orders: usize, queries: usize) -> PendingRequests {
        PendingRequests {
            requests: HashMap::new(),
            orders: DynamicShare::new(orders),
            queries: DynamicShare::new(queries),
            sequence: 0,
            reads_due: BinaryHeap::new(),
            retained_due: VecDeque::new(),
            retries: BinaryHeap::new(),
            moving: 0,
            unlinked_since: None,
            unlinked_before: None,
        }
    }

    /// Number of pending requests.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether a request is pending that is answered soon: any but an order.
    pub fn has_moving(&self) -> bool {
        self.moving > 0
    }

    /// Whether no request is pending.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether another order of this client may be added.
    ///
    /// # Errors
    /// Whose share is full.
    pub fn room_for_order(&self, client: &WorkerClient) -> Result<(), ShareError> {
        self.orders.check(&holder(client))
    }

    /// Whether another account query of this client may be added.
    ///
    /// # Errors
    /// Whose share is full.
    pub fn room_for_query(&self, client: &WorkerClient) -> Result<(), ShareError> {
        self.queries.check(&holder(client))
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
        self.moving += usize::from(requester.is_moving());
        match &requester {
            Requester::Order { client, .. } => self.orders.take(&holder(client)),
            Requester::AccountQuery { client, .. } => self.queries.take(&holder(client)),
            Requester::Tunnel(..)
            | Requester::Cache(..)
            | Requester::Session(_)
            | Requester::Watch(_)
            | Requester::Closed(_)
            | Requester::Report(_) => {}
        }
        if requester.is_retained() {
            self.retained_due
                .push_back((now + RETAINED_TIMEOUT, self.sequence));
        } else {
            self.reads_due
                .push(Reverse((now + READ_TIMEOUT, self.sequence)));
        }
        let pending = PendingRequest {
            requester,
            timestamp,
            client,
            resent: false,
            retries: 0,
            moved: now,
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
        let removed = self.requests.remove(&sequence)?;
        self.moving -= usize::from(removed.requester.is_moving());
        match &removed.requester {
            Requester::Order { client, .. } => self.orders.free(&holder(client)),
            Requester::AccountQuery { client, .. } => self.queries.free(&holder(client)),
            Requester::Tunnel(..)
            | Requester::Cache(..)
            | Requester::Session(_)
            | Requester::Watch(_)
            | Requester::Closed(_)
            | Requester::Report(_) => {}
        }
        Some(removed)
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
            .filter_map(|sequence| self.remove(sequence))
            .collect()
    }

    /// Records that the link that was lost last led to a master that stands by, which answers nothing:
    /// the others' time-out goes on from the link before it.
    pub fn lost_link_stood_by(&mut self) {
        self.unlinked_since = self.unlinked_before.take().or(self.unlinked_since);
    }

    /// Removes and returns the retained requests that were sent over the last link alone. Where its
    /// master stood by, nothing became of them.
    pub fn take_new(&mut self) -> Vec<PendingRequest> {
        let new = self.requests.iter().filter(|(_, pending)| !pending.resent);
        let new: Vec<u64> = new.map(|(sequence, _)| *sequence).collect();
        new.into_iter()
            .filter_map(|sequence| self.remove(sequence))
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
        self.unlinked_before = self.unlinked_since.take();
        if let Some(since) = self.unlinked_before {
            let due = since + RETAINED_TIMEOUT;
            self.retained_due = retained.iter().map(|sequence| (due, *sequence)).collect();
        }
        retained
    }

    /// Drops queued orders of closed connections, where many requests are pending: the master
    /// settles them, and no client waits. Called every second.
    pub fn forget_disconnected(&mut self) {
        if self.requests.len() <= FORGET_THRESHOLD {
            return;
        }
        let is_forgotten = |pending: &PendingRequest| {
            matches!(&pending.requester, Requester::Order { client, queued: true, .. }
                if !client.connection.is_open())
        };
        let forgotten: Vec<u64> = self
            .requests
            .iter()
            .filter(|(_, pending)| is_forgotten(pending))
            .map(|(sequence, _)| *sequence)
            .collect();
        for sequence in forgotten {
            self.remove(sequence);
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
        while let Some(Reverse((due, sequence))) = self.reads_due.peek().copied()
            && due <= now
        {
            self.reads_due.pop();
            let due = self
                .requests
                .get(&sequence)
                .map(|pending| pending.moved + READ_TIMEOUT);
            match due {
                // A piece of its answer has come meanwhile.
                Some(due) if due > now => self.reads_due.push(Reverse((due, sequence))),
                Some(_) => overdue.extend(self.remove(sequence)),
                None => {}
            }
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
            let all: Vec<u64> = self.requests.keys().copied().collect();
            return all
                .into_iter()
                .filter_map(|sequence| self.remove(sequence))
                .filter_map(|pending| pending.requester.retained_for().map(Arc::clone))
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
            if let Some(pending) = self.remove(sequence) {
                overdue.extend(pending.requester.retained_for().map(Arc::clone));
            }
        }
        overdue
    }
}

/// Who holds the room of a client's request. The connection is the asker: neither a session, which
/// a client may invent, nor an account, which the worker does not know.
fn holder(client: &WorkerClient) -> RequestHolder {
    RequestHolder {
        asker: client.connection.number,
        near: Some(Neighbourhood::of(client.connection.peer.ip())),
        source: None,
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
    fn a_piece_of_an_answer_begins_its_time_out_anew() {
        let (mut pending, began) = (PendingRequests::default(), Instant::now());
        let (mut now, end, mut overdue) = (began, began + READ_TIMEOUT * 4, 0);
        let silent = pending.add(read(), Timestamp(0), None, began + READ_TIMEOUT / 2);
        let sequence = pending.add(read(), Timestamp(0), None, began);
        while now < end {
            assert!(pending.get_mut(sequence).is_some());
            pending.get_mut(sequence).unwrap().renew(now);
            now += READ_TIMEOUT - SOON;
            overdue += pending.reads_overdue(now).len();
        }
        assert!(overdue == 1 && pending.get_mut(silent).is_none());
        assert_eq!(pending.reads_overdue(now + SOON).len(), 1);
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
    fn masters_that_stand_by_put_the_end_of_retained_requests_off_no_further() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        pending.add(order(&client, 0), Timestamp(0), None, now);
        pending.link_lost(now);
        let mut at = now;
        while at < now + RETAINED_TIMEOUT {
            assert!(pending.retained_overdue(at).is_empty());
            assert_eq!(pending.resend().len(), 1);
            pending.link_lost(at + SOON);
            pending.lost_link_stood_by();
            at += RETAINED_TIMEOUT / 7;
        }
        assert_eq!(pending.retained_overdue(now + RETAINED_TIMEOUT).len(), 1);
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

    /// Clients that take all the room that they get for orders.
    fn fill(pending: &mut PendingRequests, clients: &[(Arc<WorkerClient>, TcpStream)]) {
        for (client, _) in clients {
            let mut number = 0;
            while pending.room_for_order(client).is_ok() {
                let sequence =
                    pending.add(order(client, number), Timestamp(0), None, Instant::now());
                queue(pending, sequence);
                number += 1;
            }
        }
    }

    fn query(client: &Arc<WorkerClient>) -> Requester {
        Requester::AccountQuery {
            client: Arc::clone(client),
            number: 0,
            request: Request::Ping,
        }
    }

    #[test]
    fn orders_of_27_that_fill_their_room_leave_queries_and_a_stranger_theirs() {
        let mut pending = PendingRequests::with_room(2_000, 100);
        let crowd: Vec<_> = (0..27).map(|_| client()).collect();
        fill(&mut pending, &crowd);
        let parked = pending.len();
        assert!(parked > 1_500, "{parked}");
        // The stranger has the crowd's address.
        let (stranger, _peer) = client();
        assert_eq!(pending.room_for_order(&stranger), Ok(()));
        for (client, _) in &crowd {
            assert!(pending.room_for_order(client).is_err());
            assert_eq!(pending.room_for_query(client), Ok(()));
            pending.add(query(client), Timestamp(0), None, Instant::now());
        }
        assert_eq!(pending.room_for_query(&stranger), Ok(()));
        // Queries do not stand in the way of orders either.
        pending.add(order(&stranger, 0), Timestamp(0), None, Instant::now());
        assert_eq!(pending.len(), parked + 28);
    }

    #[test]
    fn room_is_free_again_however_a_request_ends() {
        let now = Instant::now();
        let mut pending = PendingRequests::with_room(4, 4);
        let (client, _peer) = client();
        let held = |pending: &PendingRequests| (pending.orders.held(), pending.queries.held());
        let answered = pending.add(order(&client, 0), Timestamp(0), None, now);
        let asked = pending.add(query(&client), Timestamp(0), None, now);
        assert_eq!(held(&pending), (1, 1));
        pending.remove(answered);
        pending.remove(asked);
        assert_eq!(held(&pending), (0, 0));
        pending.add(query(&client), Timestamp(0), None, now);
        assert_eq!(pending.reads_overdue(now + READ_TIMEOUT).len(), 1);
        pending.add(order(&client, 1), Timestamp(0), None, now);
        assert_eq!(pending.retained_overdue(now + RETAINED_TIMEOUT).len(), 1);
        assert_eq!(held(&pending), (0, 0));
        pending.add(query(&client), Timestamp(0), None, now);
        pending.add(order(&client, 2), Timestamp(0), None, now);
        assert_eq!(pending.link_lost(now).len(), 1);
        assert_eq!(held(&pending), (1, 0));
        assert_eq!(pending.retained_overdue(now + RETAINED_TIMEOUT).len(), 1);
        assert_eq!(held(&pending), (0, 0));
    }
}
