//! spec/worker/cache.md · 3.2.6 Cache Management, 4.6.7 to 4.6.13
//!
//! Answers requests for asset data: current values from the snapshot of the last update, windows
//! and forecasts from the window cache or the master. Concurrent equal requests cause one query to
//! the master. Never answers from a window that lacks the bars of an update.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

pub mod misses;
pub mod snapshot;
pub mod windows;

use super::Gauges;
use super::messages::{
    CacheFill, CacheMessage, CacheMiss, MasterLinkMessage, MasterQuery, QueryKind,
    QuoteNoticesMessage, RequestBatch,
};
use super::notice_sender::NoticeSender;
use crate::model::{Symbol, Timestamp};
use crate::net::ReplyWriter;
use crate::runtime::Module;
use crate::runtime::fair_queue::Turn;
use crate::wire::request::requests_to;
use crate::wire::{Destination, Refusal, Request, reply};
use crossbeam_channel::{Sender, TrySendError};
use misses::{BulkQueue, Misses, WaitingClient};
use snapshot::QuoteSnapshot;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use windows::{WindowCache, WindowKey};

/// Messages that are handled before the next bulk request at most.
const SMALL_FIRST_MAX: usize = 64;
/// What the cache has for a request about a window or forecast.
struct Found {
    miss: CacheMiss,
    /// The stored reply.
    frames: Option<Arc<[u8]>>,
    /// Of a forecast, the time that the client asked for.
    time: Option<Timestamp>,
}

impl Found {
    /// The stored reply with the time that the client asked for.
    fn frames(&self) -> Option<Cow<'_, [u8]>> {
        let frames = self.frames.as_deref()?;
        Some(frames_at(frames, self.time))
    }
}

/// Frames for a client that asked for this time, if it did.
fn frames_at(frames: &[u8], time: Option<Timestamp>) -> Cow<'_, [u8]> {
    match time {
        Some(time) => windows::forecast_at(frames, time).into(),
        None => frames.into(),
    }
}

/// The module's state.
#[derive(Debug)]
pub struct Cache {
    master_link: Sender<MasterLinkMessage>,
    /// `None` before the first update, when no client is connected.
    snapshot: Option<Arc<QuoteSnapshot>>,
    /// The reply to `getAssetList`, made for the first request after an update.
    list: Option<Arc<[u8]>>,
    /// The reply to `getQuoteList`, made for the first request after an update.
    quotes: Option<Arc<[u8]>>,
    windows: WindowCache,
    /// Bulk requests that wait, so that thousands of them do not delay a quote.
    bulk: BulkQueue,
    misses: Misses,
    /// Learns the prices of each update.
    quote_notices: NoticeSender<QuoteNoticesMessage>,
    gauges: Arc<Gauges>,
}

impl Cache {
    /// An empty cache.
    pub fn new(
        master_link: Sender<MasterLinkMessage>,
        quote_notices: NoticeSender<QuoteNoticesMessage>,
        gauges: Arc<Gauges>,
    ) -> Cache {
        Cache {
            master_link,
            snapshot: None,
            list: None,
            quotes: None,
            windows: WindowCache::new(windows::CACHE_BYTES_MAX),
            bulk: BulkQueue::default(),
            misses: Misses::default(),
            quote_notices,
            gauges,
        }
    }
}

impl Module for Cache {
    type Message = CacheMessage;
    const BATCH_MAX: usize = SMALL_FIRST_MAX;

    fn on_message(&mut self, message: CacheMessage) {
        match message {
            CacheMessage::Batch(batch) => self.on_batch(batch),
            CacheMessage::Prices(snapshot) => self.on_prices(snapshot),
            CacheMessage::Fill(miss, fill) => self.on_fill(miss, fill),
        }
    }

    /// Serves one bulk request.
    fn on_turn_end(&mut self) {
        if let Some(batch) = self.bulk.take() {
            self.serve(batch);
        }
    }

    fn on_tick(&mut self, _now: Instant) {
        self.ask_master();
    }

    fn has_work(&self) -> bool {
        !self.bulk.is_empty()
    }
}

impl Cache {
    /// Serves small requests at once, and queues bulk requests.
    fn on_batch(&mut self, batch: RequestBatch) {
        if !batch.bulk {
            self.serve(batch);
        } else if let Some(without_room) = self.bulk.push(batch) {
            without_room.refuse(&Refusal::worker_overloaded());
        }
    }

    fn on_prices(&mut self, snapshot: Arc<QuoteSnapshot>) {
        self.quote_notices
            .send(QuoteNoticesMessage::Prices(Arc::clone(&snapshot)));
        self.snapshot = Some(snapshot);
        self.list = None;
        self.quotes = None;
        self.windows.drop_changeable();
        self.update_gauges();
    }

    /// Answers a batch. All replies that need no query leave in one write.
    fn serve(&mut self, batch: RequestBatch) {
        let client = Arc::clone(&batch.client);
        let timestamp = batch.timestamp;
        let mut missed = Vec::new();
        let mut writer = client.connection.sending();
        for (number, request) in batch.into_numbered() {
            let instruction = request.instruction();
            let served = match request {
                Request::AssetCurrent { symbol } => self.current(&mut writer, number, symbol),
                Request::AssetInfo { symbol } => self.info(&mut writer, number, symbol),
                Request::AssetList => {
                    self.list(&mut writer, number);
                    Ok(())
                }
                Request::QuoteList => {
                    self.quotes(&mut writer, number);
                    Ok(())
                }
                Request::AssetWindow { .. } | Request::AssetPredicted { .. } => {
                    self.find(&request).map(|found| match found.frames() {
                        Some(frames) => writer.reply(number, |out| out.extend_from_slice(&frames)),
                        None => missed.push((number, request, found)),
                    })
                }
                // The router sends no others here.
                requests_to!(Orders)
                | requests_to!(AccountQueries)
                | requests_to!(Tunnel)
                | requests_to!(State)
                | requests_to!(Local) => Err(Refusal::worker_overloaded()),
            };
            if let Err(refusal) = served {
                writer.reply(number, |out| reply::write_fail(out, instruction, &refusal));
            }
        }
        // What follows may write to any client.
        drop(writer);
        for (number, request, found) in missed {
            let waiting = WaitingClient {
                client: Arc::clone(&client),
                number,
                instruction: request.instruction(),
                time: found.time,
            };
            if self.misses.is_asked(&found.miss) {
                self.misses.join(&found.miss, waiting);
                continue;
            }
            self.queue_miss(RequestBatch {
                client: Arc::clone(&client),
                timestamp,
                destination: Destination::Cache,
                bulk: true,
                first: number,
                requests: vec![request],
            });
        }
    }

    /// The last update's values. Before the first update no asset is known.
    fn prices(&self, symbol: Symbol) -> Result<&QuoteSnapshot, Refusal> {
        let snapshot = self.snapshot.as_deref();
        snapshot.ok_or_else(|| Refusal::unknown_asset(&symbol))
    }

    fn current(
        &self,
        writer: &mut ReplyWriter<'_>,
        number: u64,
        symbol: Symbol,
    ) -> Result<(), Refusal> {
        let prices = self.prices(symbol)?;
        writer.transfer(number, |out| prices.current(symbol, out))
    }

    fn info(
        &self,
        writer: &mut ReplyWriter<'_>,
        number: u64,
        symbol: Symbol,
    ) -> Result<(), Refusal> {
        let prices = self.prices(symbol)?;
        writer.transfer(number, |out| prices.info(symbol, out))
    }

    fn list(&mut self, writer: &mut ReplyWriter<'_>, number: u64) {
        if let Some(snapshot) = &self.snapshot {
            let list = self.list.get_or_insert_with(|| snapshot.list().into());
            writer.reply(number, |out| out.extend_from_slice(list));
        }
    }

    fn quotes(&mut self, writer: &mut ReplyWriter<'_>, number: u64) {
        if let Some(snapshot) = &self.snapshot {
            let quotes = self.quotes.get_or_insert_with(|| snapshot.quotes().into());
            writer.reply(number, |out| out.extend_from_slice(quotes));
        }
    }

    /// The last update's values, where they have the asset.
    fn prices_of(&self, symbol: Symbol) -> Result<&QuoteSnapshot, Refusal> {
        let prices = self.prices(symbol)?;
        if prices.knows(symbol) {
            Ok(prices)
        } else {
            Err(Refusal::unknown_asset(&symbol))
        }
    }

    /// What the cache has for a request about a window or forecast.
    fn find(&mut self, request: &Request) -> Result<Found, Refusal> {
        let (update, key, time) = match request {
            Request::AssetWindow {
                symbol,
                window,
                adjusted,
            } => {
                let key = WindowKey::of_window(*symbol, *window, *adjusted);
                (self.prices_of(*symbol)?.update, key, None)
            }
            Request::AssetPredicted { symbol, date } => {
                let prices = self.prices_of(*symbol)?;
                let key = WindowKey::of_forecast(*symbol, *date, prices.last(*symbol));
                (prices.update, key, Some(*date))
            }
            // The master is asked for nothing else.
            Request::AssetCurrent { .. }
            | Request::AssetInfo { .. }
            | Request::AssetList
            | Request::QuoteList
            | requests_to!(Orders)
            | requests_to!(AccountQueries)
            | requests_to!(Tunnel)
            | requests_to!(State)
            | requests_to!(Local) => return Err(Refusal::worker_overloaded()),
        };
        Ok(Found {
            miss: CacheMiss { key, update },
            frames: self.windows.get(&key, Instant::now()),
            time,
        })
    }

    /// Adds a request to the misses that wait for a turn.
    fn queue_miss(&mut self, batch: RequestBatch) {
        if let Some(without_room) = self.misses.push(batch) {
            without_room.refuse(&Refusal::worker_overloaded());
        }
        self.ask_master();
    }

    /// Asks the master as many questions as it may have, in turn by who asks.
    fn ask_master(&mut self) {
        // While the inbox is full they wait for a tick, and none is refused for it.
        while !self.master_link.is_full()
            && let Some((turn, batch)) = self.misses.take()
        {
            if let Some(unused) = self.ask(turn, batch) {
                self.misses.release(unused);
            }
        }
    }

    /// Asks the master for the reply to a batch of one request. Returns the turn where no question
    /// is needed: the reply is here by now, or the master has the question.
    fn ask(&mut self, turn: Turn, batch: RequestBatch) -> Option<Turn> {
        let (client, timestamp) = (Arc::clone(&batch.client), batch.timestamp);
        let Some((number, request)) = batch.into_numbered().next() else {
            return Some(turn);
        };
        let instruction = request.instruction();
        let found = match self.find(&request) {
            Ok(found) => found,
            Err(refusal) => {
                client.fail(number, instruction, &refusal);
                return Some(turn);
            }
        };
        if let Some(frames) = found.frames() {
            client.pass(number, &frames);
            return Some(turn);
        }
        let peer = client.connection.peer;
        let waiting = WaitingClient {
            client,
            number,
            instruction,
            time: found.time,
        };
        if self.misses.is_asked(&found.miss) {
            self.misses.join(&found.miss, waiting);
            return Some(turn);
        }
        let query = MasterQuery {
            timestamp,
            client: Some(peer),
            kind: QueryKind::Cache(found.miss),
        };
        match self.master_link.try_send(MasterLinkMessage::Query(query)) {
            Ok(()) => {
                self.misses.asked(found.miss, turn, waiting);
                None
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                waiting.fail(&Refusal::worker_overloaded());
                Some(turn)
            }
        }
    }

    /// Answers the clients that wait for a miss, stores the reply, and asks the next question.
    fn on_fill(&mut self, miss: CacheMiss, fill: CacheFill) {
        let waiting = self.misses.answered(&miss);
        match fill {
            CacheFill::Data(frames) => {
                let frames = Arc::from(frames);
                for client in waiting {
                    client.pass(&frames_at(&frames, client.time));
                }
                self.store(miss, frames);
            }
            CacheFill::Fail(frame) => {
                for client in waiting {
                    client.pass(&frame);
                }
            }
            CacheFill::Unavailable => {
                for client in waiting {
                    client.fail(&Refusal::master_unavailable());
                }
            }
        }
        self.ask_master();
    }

    /// Stores a reply, unless it is from before the last update: it may lack that one's bars.
    fn store(&mut self, miss: CacheMiss, frames: Arc<[u8]>) {
        let Some(snapshot) = &self.snapshot else {
            return;
        };
        if miss.update == snapshot.update {
            let is_final = miss.key.is_final(snapshot.market_now);
            self.windows
                .insert(miss.key, frames, is_final, Instant::now());
            self.update_gauges();
        }
    }

    fn update_gauges(&self) {
        let count = u32::try_from(self.windows.len()).unwrap_or(u32::MAX);
        self.gauges.cached.store(count, Ordering::Relaxed);
        let bytes = u64::try_from(self.windows.bytes()).unwrap_or(u64::MAX);
        self.gauges.cached_bytes.store(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
