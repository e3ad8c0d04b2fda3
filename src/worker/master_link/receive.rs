//! spec/worker/master_link.md · 3.2.2 "parse commands", 4.5.3
//!
//! Handles messages of the master: passes replies to their requesters and pushes to their modules.
//!
//! Tests: `src/worker/tests.rs`.

use super::super::cache::snapshot::QuoteSnapshot;
use super::super::messages::{
    CacheFill, CacheMessage, CacheMiss, ClientsMessage, OrderNoticesMessage, PortCommand,
    SessionUpdate, TunnelMessage, TunnelReply, TunnelRequest,
};
use super::pending::Requester;
use super::{MasterLink, PendingRequest};
use crate::link::message::{BodyFrames, Prices, SessionHashes, SessionState, Welcome};
use crate::model::{NameValue, Reason, Timestamp, ValueError};
use crate::wire::payload::Payload;
use crate::wire::{FrameHeader, Instruction, Reassembly, Refusal, frame};
use std::sync::Arc;
use std::time::Instant;

/// A frame of a body: header, data, and the whole frame.
type Frame<'a> = (FrameHeader, &'a [u8], &'a [u8]);

/// Milliseconds by which the clocks of worker and master may differ without a warning.
const CLOCK_DIFFERENCE_MAX: i64 = 2_000;

/// Whether a master says with this message that it stands by.
fn is_standby(body: &[u8]) -> bool {
    let first = BodyFrames::new(body).next();
    matches!(first, Some(Ok((header, ..))) if header.instruction == Instruction::LinkStandby.number())
}

impl MasterLink {
    /// Handles the decrypted bytes of one read.
    pub(super) fn on_read(&mut self, plain: &mut Vec<u8>) {
        let mut decoder = std::mem::replace(
            &mut self.decoder,
            crate::link::envelope::EnvelopeDecoder::new(self.worker),
        );
        decoder.take(plain);
        let result = loop {
            match decoder.next() {
                Ok(Some(envelope)) => {
                    let (boot, sequence) = (envelope.header.boot, envelope.header.sequence);
                    // The time of sessions is that of the master which leads.
                    if !is_standby(envelope.body) {
                        self.clock.learn(envelope.header.timestamp);
                    }
                    let handled = if sequence == 0 {
                        self.on_push(envelope.body)
                    } else if boot == self.boot {
                        self.on_reply(sequence, envelope.body)
                    } else {
                        Err(ValueError("a reply to another boot of this worker"))
                    };
                    if let Err(malformed) = handled {
                        break Err(malformed);
                    }
                }
                Ok(None) => break Ok(()),
                Err(malformed) => break Err(malformed),
            }
        };
        self.decoder = decoder;
        self.replies.flush();
        if let Err(malformed) = result {
            crate::error!(
                "the link is cut, because the master sent a malformed message: {malformed}"
            );
            self.unlink();
        }
    }

    fn on_reply(&mut self, sequence: u64, body: &[u8]) -> Result<(), ValueError> {
        let now = Instant::now();
        for frame in BodyFrames::new(body) {
            self.on_reply_frame(sequence, frame?, now)?;
        }
        Ok(())
    }

    fn on_reply_frame(
        &mut self,
        sequence: u64,
        frame: Frame<'_>,
        now: Instant,
    ) -> Result<(), ValueError> {
        let (header, data, whole) = frame;
        let instruction = Instruction::from_number(header.instruction)
            .ok_or(ValueError("a reply of an unknown instruction"))?;
        // The request has timed out, or was answered: a late reply is dropped.
        let Some(pending) = self.pending.get_mut(sequence) else {
            return Ok(());
        };
        let resent = pending.resent;
        if !pending.requester.is_retained() {
            pending.renew(now);
        }
        let last = match (&mut pending.requester, instruction) {
            (
                Requester::Order {
                    client,
                    number,
                    notified,
                    queued,
                    ..
                },
                Instruction::TransactionQueued,
            ) => {
                self.replies.queued(client, *number, whole, *notified);
                (*notified, *queued) = (true, true);
                false
            }
            (Requester::Order { .. }, _) if resent && is_overloaded(instruction, &header, data) => {
                self.pending.retry(sequence, now);
                return Ok(());
            }
            (Requester::Order { client, number, .. }, _) => {
                self.replies.reply(client, *number, whole, true);
                true
            }
            (Requester::AccountQuery { client, number, .. }, _) => {
                let last = is_last(instruction, &header);
                self.replies.reply(client, *number, whole, last);
                last
            }
            (Requester::Tunnel(_, frames), _) => {
                frames.extend_from_slice(whole);
                instruction != Instruction::LinkSession
            }
            (Requester::Cache(_, frames), _) => {
                frames.extend_from_slice(whole);
                is_last(instruction, &header)
            }
            (
                Requester::Session(_)
                | Requester::Watch(_)
                | Requester::Closed(_)
                | Requester::Report(_),
                _,
            ) => true,
        };
        if last && let Some(pending) = self.pending.remove(sequence) {
            self.finish_request(pending, instruction, data)?;
        }
        Ok(())
    }

    /// Passes a whole reply to the module that waits for it.
    fn finish_request(
        &mut self,
        pending: PendingRequest,
        last: Instruction,
        data: &[u8],
    ) -> Result<(), ValueError> {
        match pending.requester {
            // `replies` has their frames already.
            Requester::Order { .. } | Requester::AccountQuery { .. } | Requester::Report(_) => {}
            Requester::Tunnel(asked, frames) => {
                self.tell_tunnel(asked, TunnelReply::Frames(frames))
            }
            Requester::Cache(miss, frames) if last == Instruction::Data => {
                self.tell_cache(miss, CacheFill::Data(frames));
            }
            Requester::Cache(miss, frames) => self.tell_cache(miss, CacheFill::Fail(frames)),
            Requester::Session(hash) => {
                let update = session_update(last, data)?;
                self.tell_clients(ClientsMessage::Session(hash, update));
            }
            Requester::Watch(hash) => {
                let update = session_update(last, data)?;
                self.tell_clients(ClientsMessage::Watched(hash, update));
            }
            Requester::Closed(hashes) => {
                let confirmed = last == Instruction::Pong;
                let hashes = hashes.0;
                self.tell_clients(ClientsMessage::Closed { hashes, confirmed });
            }
        }
        Ok(())
    }

    /// Fails a request that will never be answered, and notifies its requester.
    pub(super) fn fail_request(&self, requester: Requester) {
        match requester {
            Requester::Order {
                client,
                number,
                request,
                ..
            }
            | Requester::AccountQuery {
                client,
                number,
                request,
            } => client.fail(
                number,
                request.instruction(),
                &Refusal::master_unavailable(),
            ),
            Requester::Tunnel(asked, _) => self.tell_tunnel(asked, TunnelReply::Unavailable),
            Requester::Cache(miss, _) => self.tell_cache(miss, CacheFill::Unavailable),
            Requester::Session(hash) => {
                self.tell_clients(ClientsMessage::Session(hash, SessionUpdate::Unavailable));
            }
            Requester::Watch(hash) => {
                self.tell_clients(ClientsMessage::Watched(hash, SessionUpdate::Unavailable));
            }
            Requester::Closed(hashes) => {
                let hashes = hashes.0;
                self.tell_clients(ClientsMessage::Closed {
                    hashes,
                    confirmed: false,
                });
            }
            Requester::Report(_) => {}
        }
    }

    fn tell_tunnel(&self, asked: TunnelRequest, reply: TunnelReply) {
        let _ = self
            .channels
            .tunnel
            .send(TunnelMessage::Reply(asked, reply));
    }

    fn tell_cache(&self, miss: CacheMiss, fill: CacheFill) {
        let _ = self.channels.cache.send(CacheMessage::Fill(miss, fill));
    }

    /// Handles a push.
    fn on_push(&mut self, body: &[u8]) -> Result<(), ValueError> {
        let mut frames = BodyFrames::new(body);
        while let Some(frame) = frames.next().transpose()? {
            if frame.0.instruction == Instruction::LinkOrders.number() {
                return self.on_orders(&frame, frames);
            }
            self.on_push_frame(frame)?;
        }
        Ok(())
    }

    /// Passes on the ends of an account's orders: the rest of the body is a notice for each.
    fn on_orders(
        &mut self,
        (header, data, _): &Frame<'_>,
        rest: BodyFrames<'_>,
    ) -> Result<(), ValueError> {
        let (_, arguments) =
            frame::read_return(header, data).map_err(|fault| ValueError(fault.text))?;
        let username = arguments.get(0).to_owned();
        let mut frames = Vec::new();
        for frame in rest {
            let (header, _, whole) = frame?;
            if header.instruction != Instruction::OrderNotice.number() {
                return Err(ValueError("what follows linkOrders is no orderNotice"));
            }
            frames.push(whole.to_vec());
        }
        let news = OrderNoticesMessage::Ended { username, frames };
        self.channels.order_notices.send(news);
        Ok(())
    }

    fn on_push_frame(&mut self, (header, data, _): Frame<'_>) -> Result<(), ValueError> {
        match Instruction::from_number(header.instruction) {
            Some(Instruction::LinkWelcome) => {
                let welcome = Welcome::from_bytes(data)?;
                on_welcome(&welcome);
                // What is printed is the master's, which has proven itself; the log escapes it.
                self.registered = Some((welcome.name, welcome.address));
                self.tell_clients(ClientsMessage::Welcomed);
            }
            Some(Instruction::LinkWorkers) => {
                let (_, arguments) =
                    frame::read_return(&header, data).map_err(|fault| ValueError(fault.text))?;
                let workers = arguments.iter().take(arguments.count()).map(str::to_owned);
                self.tell_clients(ClientsMessage::Workers(workers.collect()));
            }
            Some(Instruction::LinkServerInfo) => {
                let (_, arguments) =
                    frame::read_return(&header, data).map_err(|fault| ValueError(fault.text))?;
                let facts = arguments.iter().take(arguments.count());
                let facts = facts.map(NameValue::parse).collect::<Result<_, _>>()?;
                self.tell_clients(ClientsMessage::ServerInfo(facts));
            }
            Some(Instruction::LinkPrices) => {
                self.prices = Some((data.to_vec(), Reassembly::default()))
            }
            Some(Instruction::Data) => self.on_price_rows(&header, data)?,
            Some(Instruction::LinkSessionsEnded) => {
                let hashes = SessionHashes::from_bytes(data)?.0;
                self.tell_clients(ClientsMessage::Ended(hashes));
            }
            Some(Instruction::LinkBooted) => {
                self.close_port(&String::from_utf8_lossy(data));
            }
            Some(Instruction::LinkStandby) => self.on_standby(),
            Some(Instruction::Pong) => {}
            _ => return Err(ValueError("a push of an instruction that is none")),
        }
        Ok(())
    }

    fn on_price_rows(&mut self, header: &FrameHeader, data: &[u8]) -> Result<(), ValueError> {
        let (fixed, rows) = self
            .prices
            .as_mut()
            .ok_or(ValueError("rows of prices without their beginning"))?;
        let Some(rows) = rows
            .push(header, data)
            .map_err(|fault| ValueError(fault.text))?
        else {
            return Ok(());
        };
        let mut prices = Prices::read(fixed, &rows)?;
        self.prices = None;
        let named = prices.rows.iter_mut();
        let named: Vec<_> = named
            .filter_map(|row| Some((row.symbol, row.description.take()?)))
            .collect();
        if !named.is_empty() {
            self.descriptions = Arc::new(named.into_iter().collect());
        }
        let snapshot = QuoteSnapshot::new(prices, Arc::clone(&self.descriptions));
        let snapshot = Arc::new(snapshot);
        let _ = self.channels.cache.send(CacheMessage::Prices(snapshot));
        if !self.serving {
            self.serving = true;
            self.booted = false;
            let _ = self.channels.port.send(PortCommand::Open);
        }
        Ok(())
    }
}

/// Logs the master's version, and a difference of the clocks.
fn on_welcome(welcome: &Welcome) {
    let difference = Timestamp::now().since(welcome.now);
    crate::info!(
        "linked to a master of version {}, an update every {} ms",
        welcome.version,
        welcome.update_interval
    );
    if difference.abs() > CLOCK_DIFFERENCE_MAX {
        crate::warn!("the clocks of worker and master differ by {difference} ms");
    }
}

/// What the last frame of an answer about a session says.
fn session_update(last: Instruction, data: &[u8]) -> Result<SessionUpdate, ValueError> {
    if last != Instruction::LinkSession {
        return Ok(SessionUpdate::Unavailable);
    }
    Ok(match SessionState::from_bytes(data)?.active {
        Some(session) => SessionUpdate::Active(session),
        None => SessionUpdate::Ended,
    })
}

/// Whether a frame is the last of its reply.
fn is_last(instruction: Instruction, header: &FrameHeader) -> bool {
    instruction != Instruction::Data || header.number >= header.max
}

/// Whether a frame refuses an order as `overloaded`.
fn is_overloaded(instruction: Instruction, header: &FrameHeader, data: &[u8]) -> bool {
    matches!(
        instruction,
        Instruction::PurchaseFail | Instruction::SellFail | Instruction::OrderFail
    ) && frame::read_return(header, data)
        .is_ok_and(|(_, arguments)| arguments.get(0) == Reason::Overloaded.as_str())
}
