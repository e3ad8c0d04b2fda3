//! spec/worker/master_link/pending.md · 3.2.2 Master Server Communication, 4.7.5 ("stores the message in its cache")
//!
//! What was sent to the master and is not answered yet: who waits for it, and until when.

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

/// Requests that may be pending at once.
pub const PENDING_MAX: usize = 262_144;
/// How long an answer that can be asked for again is waited for.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the fate of what must not be lost may stay unknown.
pub const RETAINED_TIMEOUT: Duration = Duration::from_secs(60);
/// Pending requests past which those that nobody waits for are looked for.
const MANY: usize = 10_000;
/// The first and the longest wait before an order that found the master overloaded is sent again.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Who waits for a reply, and what was asked.
#[derive(Debug)]
pub enum Requester {
    /// A client's purchase or sale.
    Order {
        /// Who.
        client: Arc<WorkerClient>,
        /// Under which number of its connection.
        number: u64,
        /// What, to be sent again after a broken link.
        request: Request,
        /// The client has been told that it is on the master's queue.
        told: bool,
        /// The master said so over the link that stands.
        queued: bool,
    },
    /// A client's question about accounts.
    View {
        /// Who.
        client: Arc<WorkerClient>,
        /// Under which number of its connection.
        number: u64,
        /// What.
        request: Request,
    },
    /// The tunnel; what came of the reply so far.
    Tunnel(TunnelRequest, Zeroizing<Vec<u8>>),
    /// The cache; what came of the reply so far.
    Cache(CacheMiss, Vec<u8>),
    /// `clients`: is this session active?
    Session(SessionHash),
    /// `clients`: the connections of these sessions closed.
    Closed(SessionHashes),
    /// Nobody: the worker reports of itself.
    Report(WorkerReport),
}

impl Requester {
    /// Appends the frames that ask.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Requester::Order { request, .. } | Requester::View { request, .. } => request.write(out),
            Requester::Tunnel(asked, _) => asked.request.write(out),
            Requester::Cache(miss, _) => miss.key.request().write(out),
            Requester::Session(hash) => frame::write_binary(out, Instruction::LinkSession, &hash.0),
            Requester::Closed(hashes) => message::write(out, Instruction::LinkConnectionClosed, hashes),
            Requester::Report(report) => message::write(out, Instruction::LinkReport, report),
        }
    }

    /// Whether it takes effect on the master, so that it is kept and sent again.
    pub fn is_kept(&self) -> bool {
        self.request().is_some()
    }

    /// What is kept, to be sent again.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Requester::Order { request, .. } => Some(request),
            Requester::Tunnel(asked, _) => Some(&asked.request),
            Requester::View { .. }
            | Requester::Cache(..)
            | Requester::Session(_)
            | Requester::Closed(_)
            | Requester::Report(_) => None,
        }
    }

    /// The client that waits for what is kept.
    fn kept_for(&self) -> Option<&Arc<WorkerClient>> {
        match self {
            Requester::Order { client, .. } => Some(client),
            Requester::Tunnel(asked, _) => Some(&asked.client),
            Requester::View { .. }
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

/// A request that was sent.
#[derive(Debug)]
pub struct PendingRequest {
    /// Who waits.
    pub requester: Requester,
    /// The worker's timestamp.
    pub timestamp: Timestamp,
    /// The client's address, as it was sent.
    pub client: Option<SocketAddr>,
    /// It was sent again, over another link than the first.
    pub resent: bool,
    /// How often the master was too busy for it since.
    retries: u32,
}

/// All of them, by sequence number.
#[derive(Debug, Default)]
pub struct PendingRequests {
    requests: HashMap<u64, PendingRequest>,
    sequence: u64,
    /// In the order in which they fall due; those that were answered are still here.
    reads_due: VecDeque<(Instant, u64)>,
    kept_due: VecDeque<(Instant, u64)>,
    retries: BinaryHeap<Reverse<(Instant, u64)>>,
    away_since: Option<Instant>,
}

impl PendingRequests {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether another has room.
    pub fn has_room(&self) -> bool {
        self.requests.len() < PENDING_MAX
    }

    /// The sequence number that the next request gets.
    pub fn next_sequence(&self) -> u64 {
        self.sequence + 1
    }

    /// Adds a request that is being sent, and gives its sequence number.
    pub fn add(
        &mut self,
        requester: Requester,
        timestamp: Timestamp,
        client: Option<SocketAddr>,
        now: Instant,
    ) -> u64 {
        self.sequence += 1;
        if requester.is_kept() {
            self.kept_due.push_back((now + RETAINED_TIMEOUT, self.sequence));
        } else {
            self.reads_due.push_back((now + READ_TIMEOUT, self.sequence));
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

    /// Takes out what is answered.
    pub fn remove(&mut self, sequence: u64) -> Option<PendingRequest> {
        self.requests.remove(&sequence)
    }

    /// The link broke: takes out what is not kept, and starts the time of what is.
    pub fn lose(&mut self, now: Instant) -> Vec<PendingRequest> {
        self.away_since = Some(now);
        self.reads_due.clear();
        self.retries.clear();
        let mut reads: Vec<u64> = self
            .requests
            .iter()
            .filter(|(_, pending)| !pending.requester.is_kept())
            .map(|(sequence, _)| *sequence)
            .collect();
        reads.sort_unstable();
        reads
            .into_iter()
            .filter_map(|sequence| self.requests.remove(&sequence))
            .collect()
    }

    /// A new link stands: what is kept, in the order in which it was first sent, to be sent again.
    pub fn resend(&mut self) -> Vec<u64> {
        let mut kept: Vec<u64> = self.requests.keys().copied().collect();
        kept.sort_unstable();
        for pending in self.requests.values_mut() {
            pending.resent = true;
            pending.retries = 0;
            if let Requester::Order { queued, .. } = &mut pending.requester {
                *queued = false;
            }
        }
        if let Some(since) = self.away_since.take() {
            let due = since + RETAINED_TIMEOUT;
            self.kept_due = kept.iter().map(|sequence| (due, *sequence)).collect();
        }
        kept
    }

    /// Forgets orders that are on the master's queue and whose clients have gone: the master settles them, and
    /// nobody here waits for it. Called every second.
    pub fn forget_gone(&mut self) {
        if self.requests.len() > MANY {
            self.requests.retain(|_, pending| {
                !matches!(&pending.requester, Requester::Order { client, queued: true, .. }
                    if !client.connection.is_open())
            });
        }
    }

    /// The master had no room for an order that was sent again: it will be sent once more.
    pub fn retry(&mut self, sequence: u64, now: Instant) {
        if let Some(pending) = self.requests.get_mut(&sequence) {
            let (first, longest) = RETRY;
            let wait = first.saturating_mul(1 << pending.retries.min(10)).min(longest);
            pending.retries += 1;
            self.retries.push(Reverse((now + wait, sequence)));
        }
    }

    /// Orders that are to be sent once more now.
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

    /// Whether orders wait to be sent once more.
    pub fn is_retrying(&self) -> bool {
        !self.retries.is_empty()
    }

    /// Takes out the questions that were not answered in time.
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

    /// Gives up what is kept and whose fate has been unknown for too long; the clients that waited for it.
    pub fn kept_overdue(&mut self, now: Instant) -> Vec<Arc<WorkerClient>> {
        if self
            .away_since
            .is_some_and(|since| now >= since + RETAINED_TIMEOUT)
        {
            self.kept_due.clear();
            let pending = self.requests.drain();
            return pending
                .filter_map(|(_, pending)| pending.requester.kept_for().map(Arc::clone))
                .collect();
        }
        let mut overdue = Vec::new();
        while let Some((due, sequence)) = self.kept_due.front().copied()
            && due <= now
        {
            self.kept_due.pop_front();
            let Some(pending) = self.requests.get(&sequence) else {
                continue;
            };
            // What is on the master's queue is answered at its settlement, whenever that is.
            if matches!(pending.requester, Requester::Order { queued: true, .. }) {
                continue;
            }
            if let Some(pending) = self.requests.remove(&sequence) {
                overdue.extend(pending.requester.kept_for().map(Arc::clone));
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

    /// A client, and the socket at its other end.
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
            told: false,
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
    fn what_can_be_asked_again_is_given_up_after_30_seconds() {
        let (mut pending, now) = (PendingRequests::default(), Instant::now());
        let first = pending.add(Requester::Session(session(1).hash()), Timestamp(0), None, now);
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
    fn an_order_of_unknown_fate_is_given_up_after_60_seconds() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        let queued = pending.add(order(&client, 0), Timestamp(0), None, now);
        let unknown = pending.add(order(&client, 1), Timestamp(0), None, now);
        queue(&mut pending, queued);
        assert!(pending.kept_overdue(now + RETAINED_TIMEOUT - SOON).is_empty());
        assert_eq!(pending.kept_overdue(now + RETAINED_TIMEOUT).len(), 1);
        assert!(pending.get_mut(unknown).is_none());
        assert!(
            pending.kept_overdue(now + RETAINED_TIMEOUT * 100).is_empty(),
            "it settles some day"
        );
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn a_link_that_stays_away_ends_what_is_kept() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        let queued = pending.add(order(&client, 0), Timestamp(0), None, now);
        pending.add(read(), Timestamp(0), None, now);
        queue(&mut pending, queued);
        let lost = now + RETAINED_TIMEOUT * 5;
        assert_eq!(pending.lose(lost).len(), 1, "a read is not kept");
        assert!(pending.kept_overdue(lost + RETAINED_TIMEOUT - SOON).is_empty());
        assert_eq!(pending.kept_overdue(lost + RETAINED_TIMEOUT).len(), 1);
        assert!(pending.is_empty());
    }

    #[test]
    fn what_is_sent_again_must_be_confirmed_within_the_same_60_seconds() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        let confirmed = pending.add(order(&client, 0), Timestamp(0), None, now);
        let silent = pending.add(order(&client, 1), Timestamp(0), None, now);
        queue(&mut pending, confirmed);
        queue(&mut pending, silent);
        let lost = now + Duration::from_secs(10);
        pending.lose(lost);
        assert_eq!(pending.resend(), [confirmed, silent]);
        assert!(pending.get_mut(silent).unwrap().resent);
        queue(&mut pending, confirmed);
        assert!(pending.kept_overdue(lost + RETAINED_TIMEOUT - SOON).is_empty());
        assert_eq!(pending.kept_overdue(lost + RETAINED_TIMEOUT).len(), 1);
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
    fn queued_orders_of_clients_that_have_gone_are_forgotten_when_there_are_many() {
        let ((client, _peer), now) = (client(), Instant::now());
        let mut pending = PendingRequests::default();
        for number in 0..=u64::try_from(MANY).unwrap() {
            let sequence = pending.add(order(&client, number), Timestamp(0), None, now);
            queue(&mut pending, sequence);
        }
        pending.forget_gone();
        assert_eq!(pending.len(), MANY + 1);
        let (other, _other_peer) = self::client();
        pending.add(order(&other, 0), Timestamp(0), None, now);
        let reader = crate::net::ConnectionReader::new(
            Arc::clone(&client.connection),
            crate::net::ReaderLimits {
                frame_timeout: RETAINED_TIMEOUT,
                idle_timeout: RETAINED_TIMEOUT,
                unanswered_max: 1,
            },
        );
        client.connection.cut();
        reader.finish(crate::net::ReadEnd::Broken);
        pending.forget_gone();
        assert_eq!(pending.len(), 1);
    }
}
