//! spec/worker/cache.md · 3.2.6 Cache Management, 4.6.7 to 4.6.13
//!
//! Answers requests for asset data: current values from the snapshot of the last update, windows
//! and forecasts from the window cache or the master. Concurrent equal requests cause one query to
//! the master. Never answers from a window that lacks the bars of an update.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

pub mod snapshot;
pub mod windows;

use super::Gauges;
use super::client::WorkerClient;
use super::messages::{
    CacheFill, CacheMessage, CacheMiss, MasterLinkMessage, MasterQuery, QueryKind, RequestBatch,
};
use crate::model::{Symbol, Timestamp};
use crate::net::ReplyWriter;
use crate::runtime::Module;
use crate::wire::request::requests_to;
use crate::wire::{Instruction, Refusal, Request, reply};
use crossbeam_channel::{Sender, TrySendError};
use snapshot::QuoteSnapshot;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use windows::{WindowCache, WindowKey};

/// Bulk requests that wait at most.
const BULK_QUEUE_MAX: usize = 16_384;
/// Messages that are handled before the next bulk request at most.
const SMALL_FIRST_MAX: usize = 64;
/// Clients that wait for the master's answers at most.
const WAITING_MAX: usize = 131_072;

/// A client that waits for the master's answer to a miss.
#[derive(Debug)]
struct WaitingClient {
    client: Arc<WorkerClient>,
    number: u64,
    instruction: Instruction,
}

/// The module's state.
#[derive(Debug)]
pub struct Cache {
    master_link: Sender<MasterLinkMessage>,
    /// `None` before the first update, when no client is connected.
    snapshot: Option<Box<QuoteSnapshot>>,
    /// The reply to `getAssetList`, made for the first request after an update.
    list: Option<Arc<[u8]>>,
    windows: WindowCache,
    /// Bulk requests that wait, so that thousands of them do not delay a quote.
    bulk: VecDeque<RequestBatch>,
    /// Clients that wait for the master; `waiting_count` is their number.
    waiting: HashMap<CacheMiss, Vec<WaitingClient>>,
    waiting_count: usize,
    gauges: Arc<Gauges>,
}

impl Cache {
    /// An empty cache.
    pub fn new(master_link: Sender<MasterLinkMessage>, gauges: Arc<Gauges>) -> Cache {
        Cache {
            master_link,
            snapshot: None,
            list: None,
            windows: WindowCache::new(windows::CACHE_BYTES_MAX),
            bulk: VecDeque::new(),
            waiting: HashMap::new(),
            waiting_count: 0,
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
        if let Some(batch) = self.bulk.pop_front() {
            self.serve(batch);
        }
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
        } else if self.bulk.len() < BULK_QUEUE_MAX {
            self.bulk.push_back(batch);
        } else {
            batch.refuse(&Refusal::worker_overloaded());
        }
    }

    fn on_prices(&mut self, snapshot: Box<QuoteSnapshot>) {
        self.snapshot = Some(snapshot);
        self.list = None;
        self.windows.drop_changeable();
        self.update_gauges();
    }

    /// Answers a batch. All replies that need no query leave in one write.
    fn serve(&mut self, batch: RequestBatch) {
        let client = Arc::clone(&batch.client);
        let timestamp = batch.timestamp;
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
                Request::AssetWindow {
                    symbol,
                    window,
                    adjusted,
                } => {
                    let key = WindowKey::of_window(symbol, window, adjusted);
                    self.window(&mut writer, &client, timestamp, number, symbol, key)
                }
                Request::AssetPredicted { symbol, date } => {
                    let key = WindowKey::of_forecast(symbol, date);
                    self.window(&mut writer, &client, timestamp, number, symbol, key)
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

    /// Answers a request for a window or forecast, or asks the master.
    fn window(
        &mut self,
        writer: &mut ReplyWriter<'_>,
        client: &Arc<WorkerClient>,
        timestamp: Timestamp,
        number: u64,
        symbol: Symbol,
        key: WindowKey,
    ) -> Result<(), Refusal> {
        let prices = self.prices(symbol)?;
        if !prices.knows(symbol) {
            return Err(Refusal::unknown_asset(&symbol));
        }
        let update = prices.update;
        if let Some(frames) = self.windows.get(&key, Instant::now()) {
            writer.reply(number, |out| out.extend_from_slice(&frames));
            return Ok(());
        }
        let miss = CacheMiss { key, update };
        self.ask_master(client, timestamp, number, miss)
    }

    /// Adds a client to those that wait for a miss. The first of them causes a query to the master.
    fn ask_master(
        &mut self,
        client: &Arc<WorkerClient>,
        timestamp: Timestamp,
        number: u64,
        miss: CacheMiss,
    ) -> Result<(), Refusal> {
        if self.waiting_count >= WAITING_MAX {
            return Err(Refusal::worker_overloaded());
        }
        let request = miss.key.request();
        let instruction = request.instruction();
        if !self.waiting.contains_key(&miss) {
            let query = MasterQuery {
                timestamp,
                client: Some(client.connection.peer),
                kind: QueryKind::Cache(miss),
            };
            match self.master_link.try_send(MasterLinkMessage::Query(query)) {
                Ok(()) => {}
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                    return Err(Refusal::worker_overloaded());
                }
            }
        }
        self.waiting_count += 1;
        self.waiting.entry(miss).or_default().push(WaitingClient {
            client: Arc::clone(client),
            number,
            instruction,
        });
        Ok(())
    }

    /// Answers the clients that wait for a miss, and stores the reply.
    fn on_fill(&mut self, miss: CacheMiss, fill: CacheFill) {
        let waiting = self.waiting.remove(&miss).unwrap_or_default();
        self.waiting_count -= waiting.len();
        let (frames, is_data): (Arc<[u8]>, bool) = match fill {
            CacheFill::Data(frames) => (frames.into(), true),
            CacheFill::Fail(frame) => (frame.into(), false),
            CacheFill::Unavailable => {
                let refusal = Refusal::master_unavailable();
                for WaitingClient {
                    client,
                    number,
                    instruction,
                } in waiting
                {
                    client.fail(number, instruction, &refusal);
                }
                return;
            }
        };
        for WaitingClient { client, number, .. } in waiting {
            client.pass(number, &frames);
        }
        let Some(snapshot) = &self.snapshot else {
            return;
        };
        // A reply from before the last update may lack its bars.
        if is_data && miss.update == snapshot.update {
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
mod tests {
    use super::super::testing::aapl;
    use super::*;
    use crate::link::message::{PriceRow, Prices};
    use crate::net::{Connection, ConnectionLimiter, ConnectionLimits, Flusher, SendLimits};
    use crate::runtime::{Stop, Watchdog, module};
    use crate::wire::Window;
    use crossbeam_channel::bounded;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    fn prices(update: u64) -> CacheMessage {
        let row = PriceRow {
            symbol: aapl(),
            quote: None,
            day: None,
        };
        CacheMessage::Prices(Box::new(QuoteSnapshot::new(&Prices {
            update,
            market_now: Timestamp(0),
            published: Timestamp(0),
            next: Timestamp(0),
            rows: vec![row],
        })))
    }

    /// The update at which the cache serves a bulk request that came between updates 1 and 2, with
    /// `between` messages between it and update 2.
    fn update_when_served(between: usize) -> u64 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let limits = SendLimits {
            max_unsent: 1,
            send_timeout: Duration::from_secs(1),
        };
        let socket = listener.accept().unwrap().0;
        let connection = Connection::new(socket, None, limits, Flusher::new().unwrap()).unwrap();
        let batch = RequestBatch {
            client: WorkerClient::new(connection),
            timestamp: Timestamp(0),
            destination: crate::wire::Destination::Cache,
            bulk: true,
            first: 0,
            requests: vec![Request::AssetWindow {
                symbol: aapl(),
                window: Window::AllTime,
                adjusted: false,
            }],
        };
        let (sender, inbox) = bounded(between + 3);
        let (master_link, asked) = bounded(1);
        let limiter = ConnectionLimiter::new(ConnectionLimits {
            total: 1,
            per_neighbourhood: 1,
        });
        let mut cache = Cache::new(master_link, Gauges::new(limiter));
        sender.send(prices(1)).unwrap();
        sender.send(CacheMessage::Batch(batch)).unwrap();
        for _ in 0..between {
            sender.send(prices(1)).unwrap();
        }
        sender.send(prices(2)).unwrap();
        drop(sender);
        let heartbeat = Watchdog::new().register("cache");
        module::run("cache", &mut cache, &inbox, &Stop::new(), &heartbeat);
        match asked.try_recv() {
            Ok(MasterLinkMessage::Query(MasterQuery {
                kind: QueryKind::Cache(miss),
                ..
            })) => miss.update,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bulk_requests_wait_for_a_bounded_number_of_messages() {
        assert_eq!(
            update_when_served(0),
            2,
            "a bulk request waits for a few messages"
        );
        assert_eq!(
            update_when_served(2 * SMALL_FIRST_MAX),
            1,
            "it waited for too many messages"
        );
    }
}
