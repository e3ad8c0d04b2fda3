//! spec/worker/master_link.md · 3.2.2 Master Server Communication, 4.1, 4.7.5 Purchase
//!
//! All that is asked of the master goes through here, parked under its sequence number until it is answered;
//! all that the master says comes through here.

pub mod connector;
pub mod pending;
mod replies;
pub mod reply_batch;

use super::Gauges;
use super::messages::{
    CacheFill, CacheMessage, ClientsMessage, LinkEvent, MasterLinkChannels, MasterLinkMessage, PortCommand,
    QueryKind, RequestBatch, SessionUpdate, TunnelMessage, TunnelReply,
};
use super::router::{Destination, overloaded};
use crate::link::connection::{LinkConnection, LinkWriter};
use crate::link::envelope::{EnvelopeDecoder, EnvelopeHeader};
use crate::link::message::{self, SessionHashes, WorkerReport};
use crate::model::{Reason, Timestamp};
use crate::runtime::{self, Heartbeat, Stop};
use crate::wire::{Instruction, Reassembly, Refusal, frame, wipe};
use crossbeam_channel::{Receiver, select};
use pending::{PendingRequest, PendingRequests, Requester};
use reply_batch::ClientReplyBatch;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Messages that leave in one write at most.
const TOGETHER: usize = 256;
/// How often the worker reports of itself.
const REPORT: Duration = Duration::from_secs(1);
/// How often deadlines are looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A push of prices on its way: its fixed part, and its rows as far as they are here.
type Prices = Option<(Vec<u8>, Reassembly)>;

/// The module's state.
#[derive(Debug)]
pub struct MasterLink {
    inbox: Receiver<MasterLinkMessage>,
    events: Receiver<LinkEvent>,
    channels: MasterLinkChannels,
    worker: Uuid,
    /// Drawn when the process started (4.1).
    boot: Uuid,
    line: Option<Arc<LinkConnection>>,
    decoder: EnvelopeDecoder,
    /// The last stamp that was sent over this line: stamps never go back.
    last_stamp: Timestamp,
    park: PendingRequests,
    outgoing: ClientReplyBatch,
    prices: Prices,
    /// Whether it was said that this link's prices are here.
    serving: bool,
    began: Instant,
    report_due: Instant,
    gauges: Arc<Gauges>,
}

impl MasterLink {
    /// Without a link yet.
    pub fn new(
        worker: Uuid,
        inbox: Receiver<MasterLinkMessage>,
        events: Receiver<LinkEvent>,
        channels: MasterLinkChannels,
        gauges: Arc<Gauges>,
    ) -> MasterLink {
        MasterLink {
            inbox,
            events,
            channels,
            worker,
            boot: Uuid::new_v4(),
            line: None,
            decoder: EnvelopeDecoder::new(worker),
            last_stamp: Timestamp(i64::MIN),
            park: PendingRequests::default(),
            outgoing: ClientReplyBatch::default(),
            prices: None,
            serving: false,
            began: Instant::now(),
            report_due: Instant::now(),
            gauges,
        }
    }

    /// Until stopped; then the link is closed in form.
    pub fn run(mut self, stop: &Stop, heartbeat: &Heartbeat) {
        let mut glance_due = Instant::now();
        loop {
            heartbeat.beat();
            runtime::yield_once(|| self.events.is_empty() && self.inbox.is_empty());
            select! {
                recv(self.events) -> event => match event {
                    Ok(event) => self.on_event(event),
                    Err(_) => break,
                },
                recv(self.inbox) -> message => match message {
                    Ok(message) => self.on_message(message),
                    Err(_) => break,
                },
                recv(stop.receiver()) -> _ => break,
                default(POLL_INTERVAL) => {}
            }
            let now = Instant::now();
            if now >= glance_due {
                glance_due = now + POLL_INTERVAL;
                self.on_tick(now);
            }
        }
        if let Some(line) = &self.line {
            line.end();
        }
    }

    /// This message and those that wait behind it, in one write.
    fn on_message(&mut self, first: MasterLinkMessage) {
        let line = self.line.clone();
        let mut sending = line.as_ref().map(|line| line.sending());
        let now = Instant::now();
        self.dispatch(first, sending.as_mut(), now);
        for _ in 1..TOGETHER {
            match self.inbox.try_recv() {
                Ok(message) => self.dispatch(message, sending.as_mut(), now),
                Err(_) => break,
            }
        }
    }

    fn dispatch(&mut self, message: MasterLinkMessage, sending: Option<&mut LinkWriter<'_>>, now: Instant) {
        match (message, sending) {
            (MasterLinkMessage::Batch(batch), None) => batch.refuse(&unavailable()),
            (MasterLinkMessage::Batch(batch), Some(sending)) => self.batch(batch, sending, now),
            (MasterLinkMessage::Query(query), None) => self.fail_request(origin(query.kind).0),
            (MasterLinkMessage::Query(query), Some(sending)) => {
                let (origin, body) = origin(query.kind);
                self.send(sending, origin, query.timestamp, query.client, &body, now);
            }
        }
    }

    /// Orders and views of one client.
    fn batch(&mut self, batch: RequestBatch, sending: &mut LinkWriter<'_>, now: Instant) {
        let client = Arc::clone(&batch.client);
        let (timestamp, lane, peer) = (batch.timestamp, batch.destination, client.connection.peer);
        for (number, request) in batch.into_numbered() {
            if !self.park.has_room() {
                client.fail(number, request.instruction(), &overloaded());
                continue;
            }
            let mut body = zeroize::Zeroizing::new(Vec::new());
            request.write(&mut body);
            let client = Arc::clone(&client);
            let origin = if lane == Destination::Orders {
                Requester::Order {
                    client,
                    number,
                    request,
                    told: false,
                    queued: false,
                }
            } else {
                Requester::View {
                    client,
                    number,
                    request,
                }
            };
            self.send(sending, origin, timestamp, Some(peer), &body, now);
        }
    }

    fn send(
        &mut self,
        sending: &mut LinkWriter<'_>,
        origin: Requester,
        timestamp: Timestamp,
        client: Option<SocketAddr>,
        body: &[u8],
        now: Instant,
    ) {
        let sequence = self.park.add(origin, timestamp, client, now);
        let header = self.header(sequence, timestamp, client);
        sending.message(&header, |out| out.extend_from_slice(body));
    }

    fn header(&mut self, sequence: u64, timestamp: Timestamp, client: Option<SocketAddr>) -> EnvelopeHeader {
        self.last_stamp = self.last_stamp.max(timestamp);
        EnvelopeHeader {
            worker: self.worker,
            boot: self.boot,
            sequence,
            timestamp: self.last_stamp,
            client,
        }
    }

    fn on_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Linked(line) => self.link(line),
            LinkEvent::Read(number, mut plain) => {
                if self.line.as_ref().is_some_and(|line| line.number == number) {
                    self.read(&mut plain);
                }
                wipe::clear(&mut plain);
            }
            LinkEvent::Unlinked(number) => {
                if self.line.as_ref().is_some_and(|line| line.number == number) {
                    self.unlink();
                }
            }
            LinkEvent::KeptOut => self.close_port(),
        }
    }

    /// A worker that is kept out serves nobody.
    fn close_port(&mut self) {
        let _ = self.channels.port.send(PortCommand::Withdraw);
        self.unlink();
    }

    fn link(&mut self, line: Arc<LinkConnection>) {
        self.unlink();
        self.decoder = EnvelopeDecoder::new(self.worker);
        self.prices = None;
        self.last_stamp = Timestamp(i64::MIN);
        let kept = self.park.resend();
        if !kept.is_empty() {
            crate::info!(
                "{} requests whose answers are not known are sent again",
                kept.len()
            );
        }
        self.serving = false;
        self.line = Some(line);
        self.send_again(&kept);
        // The master says nothing before it has heard who we are. A report bears a newer stamp than what is
        // sent again, so it comes after.
        self.report(Instant::now());
        self.tell_clients(ClientsMessage::Linked);
    }

    fn unlink(&mut self) {
        let Some(line) = self.line.take() else {
            return;
        };
        line.cut();
        for parked in self.park.lose(Instant::now()) {
            self.fail_request(parked.origin);
        }
        self.tell_clients(ClientsMessage::Unlinked);
    }

    /// Sends what is kept again, under its identity.
    fn send_again(&mut self, sequences: &[u64]) {
        let Some(line) = self.line.clone() else {
            return;
        };
        let mut sending = line.sending();
        for sequence in sequences {
            let Some((timestamp, client)) = self.park.get_mut(*sequence).map(|p| (p.timestamp, p.client))
            else {
                continue;
            };
            let header = self.header(*sequence, timestamp, client);
            if let Some(request) = self.park.get_mut(*sequence).and_then(|p| p.origin.request()) {
                sending.message(&header, |out| {
                    frame::write(out, Instruction::LinkAgain, &[]);
                    request.write(out);
                });
            }
        }
    }

    /// Nobody will answer this: whoever waits is told.
    fn fail_request(&self, origin: Requester) {
        match origin {
            Requester::Order {
                client,
                number,
                request,
                ..
            }
            | Requester::View {
                client,
                number,
                request,
            } => client.fail(number, request.instruction(), &unavailable()),
            Requester::Tunnel(errand, _) => {
                let answer = TunnelReply::Unavailable;
                let _ = self.channels.tunnel.send(TunnelMessage::Reply(errand, answer));
            }
            Requester::Cache(question, _) => {
                let answer = CacheFill::Unavailable;
                let _ = self.channels.cache.send(CacheMessage::Fill(question, answer));
            }
            Requester::Session(hash) => {
                self.tell_clients(ClientsMessage::Session(hash, SessionUpdate::Unavailable));
            }
            Requester::Closed(hashes) => {
                self.tell_clients(ClientsMessage::Closed { hashes, told: false });
            }
            Requester::Report => {}
        }
    }

    /// Every module but this one only ever tries to send, so that none of them keeps this one waiting.
    fn tell_clients(&self, message: ClientsMessage) {
        let _ = self.channels.clients.send(message);
    }

    fn on_tick(&mut self, now: Instant) {
        for PendingRequest { origin, .. } in self.park.reads_overdue(now) {
            self.fail_request(origin);
        }
        for client in self.park.kept_overdue(now) {
            crate::warn!(
                "{:?} is cut off: nobody knows what became of its request",
                client.connection
            );
            client.connection.cut();
        }
        if self.park.is_retrying() {
            let due = self.park.retries_due(now);
            self.send_again(&due);
        }
        if now >= self.report_due {
            self.report_due = now + REPORT;
            self.park.forget_gone();
            self.report(now);
        }
    }

    fn report(&mut self, now: Instant) {
        let Some(line) = self.line.clone() else {
            return;
        };
        let report = WorkerReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime: i64::try_from(now.duration_since(self.began).as_millis()).unwrap_or(i64::MAX),
            connections: self.gauges.connections(),
            sessions: self.gauges.sessions.load(Ordering::Relaxed),
            cached: self.gauges.cached.load(Ordering::Relaxed),
            cached_bytes: self.gauges.cached_bytes.load(Ordering::Relaxed),
            parked: u32::try_from(self.park.len()).unwrap_or(u32::MAX),
        };
        let mut body = Vec::new();
        message::write(&mut body, Instruction::LinkReport, &report);
        self.send(
            &mut line.sending(),
            Requester::Report,
            Timestamp::now(),
            None,
            &body,
            now,
        );
    }
}

/// Who waits for what is asked, and the frames that ask it.
fn origin(kind: QueryKind) -> (Requester, zeroize::Zeroizing<Vec<u8>>) {
    let mut body = zeroize::Zeroizing::new(Vec::new());
    let origin = match kind {
        QueryKind::Tunnel(errand) => {
            errand.request.write(&mut body);
            Requester::Tunnel(errand, zeroize::Zeroizing::default())
        }
        QueryKind::Cache(miss) => {
            miss.key.request().write(&mut body);
            Requester::Cache(miss, Vec::new())
        }
        QueryKind::Session(hash) => {
            frame::write_binary(&mut body, Instruction::LinkSession, &hash.0);
            Requester::Session(hash)
        }
        QueryKind::Closed(hashes) => {
            let hashes = SessionHashes(hashes);
            message::write(&mut body, Instruction::LinkConnectionClosed, &hashes);
            Requester::Closed(hashes.0)
        }
    };
    (origin, body)
}

/// The refusal of what only the master could answer.
pub fn unavailable() -> Refusal {
    Refusal::new(
        Reason::MasterUnavailable,
        "the worker has no link to the master now; nothing was sent to it",
    )
}
