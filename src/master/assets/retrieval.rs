//! spec/master/assets.md · 3.1.6 (communicate with the assets API)
//!
//! The thread that waits for providers, so that a slow API delays no query. Providers are ordered
//! by preference: an asset is requested from the first healthy provider that has it.
//!
//! Tests: `tests/suite/master/markets.rs`.

use super::provider::{LatestRequest, MarketClock, PriceBatch, Provider, ProviderError};
use super::snapshot::PriceSnapshot;
use crate::model::Action;
use crate::model::{Bar, MarketKind, Symbol, Timestamp};
use crossbeam_channel::{Receiver, Sender};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest back-off after failures, in update intervals.
const BACK_OFF_MAX: u32 = 16;

/// Time after which a missing list of assets is requested again.
const LIST_RETRY_INTERVAL: Duration = Duration::from_secs(600);

/// A request for one update.
pub struct RetrievalTask {
    /// Assets to retrieve.
    pub symbols: Arc<[Symbol]>,
    /// Market time of the last step.
    pub after: Option<Timestamp>,
    /// Actions after this time are wanted; `None`: all.
    pub actions_after: Option<Timestamp>,
    /// The current prices.
    pub last: Arc<PriceSnapshot>,
    /// Time limit for the answer.
    pub deadline: Instant,
}

/// The result of a retrieval.
#[derive(Debug, Default)]
pub struct RetrievalResult {
    /// Market time now: the latest that a provider has said; `None` if none has.
    pub now: Option<Timestamp>,
    /// Bar or error of each symbol, with the clock of its provider.
    pub bars: Vec<(Symbol, MarketClock, Result<Bar, String>)>,
    /// How much older than real time the prices of assets with a delayed feed are, in milliseconds.
    pub delays: HashMap<Symbol, i64>,
    /// Actions up to now.
    pub actions: Vec<Action>,
    /// What is said of actions that are not applied.
    pub unapplied: Vec<String>,
    /// No step follows.
    pub exhausted: bool,
    /// Steps that follow, if their number is known.
    pub steps_left: Option<u64>,
    /// Where the prices come from, if the providers' names do not say.
    pub market: Option<MarketKind>,
    /// Providers that failed, with the error.
    pub failures: Vec<(&'static str, ProviderError)>,
    /// Providers that answered.
    pub served: Vec<&'static str>,
}

/// A provider with its state of health.
struct ProviderHealth {
    provider: Box<dyn Provider>,
    /// Its assets; `None` until it has returned its list: then it is asked for every asset.
    has: Option<Arc<HashSet<Symbol>>>,
    /// Time of the last request for its list.
    listed: Instant,
    /// No request before this time.
    back_off_until: Option<Instant>,
    /// Consecutive failures.
    failures: u32,
}

/// The providers, best first.
pub struct Retrieval {
    sources: Vec<ProviderHealth>,
    interval: Duration,
}

impl Retrieval {
    /// Takes the providers, best first, and the update interval, which scales the back-off.
    pub fn new(providers: Vec<Box<dyn Provider>>, interval: Duration) -> Retrieval {
        let source = |provider| ProviderHealth {
            provider,
            has: None,
            listed: Instant::now(),
            back_off_until: None,
            failures: 0,
        };
        Retrieval {
            sources: providers.into_iter().map(source).collect(),
            interval,
        }
    }

    /// The assets of all providers, and the errors of those whose list is unavailable.
    pub fn list(&mut self, deadline: Instant) -> (Vec<Symbol>, Vec<(&'static str, ProviderError)>) {
        let mut all = Vec::new();
        let mut failures = Vec::new();
        for source in &mut self.sources {
            match source.provider.list(deadline) {
                Ok(symbols) => {
                    all.extend_from_slice(&symbols);
                    source.has = Some(Arc::new(symbols.into_iter().collect()));
                }
                Err(failure) => failures.push((source.provider.name(), failure)),
            }
        }
        all.sort_unstable();
        all.dedup();
        (all, failures)
    }

    /// The best provider, for use before the threads start.
    pub fn first(&mut self) -> Option<&mut dyn Provider> {
        match self.sources.first_mut() {
            Some(source) => Some(source.provider.as_mut()),
            None => None,
        }
    }

    /// The assets of each provider, best first; `None` if its list is unavailable.
    pub fn lists(&self) -> Vec<Option<Arc<HashSet<Symbol>>>> {
        self.sources
            .iter()
            .map(|source| source.has.clone())
            .collect()
    }

    /// Answers tasks until the channel closes. At most one task is in progress, and the answer
    /// channel has space for its result, so the two channels cannot block each other.
    pub fn run(mut self, tasks: &Receiver<RetrievalTask>, answers: &Sender<RetrievalResult>) {
        for task in tasks {
            let answer = self.update(&task);
            if answers.send(answer).is_err() {
                return;
            }
        }
    }

    /// Retrieves one update.
    pub fn update(&mut self, task: &RetrievalTask) -> RetrievalResult {
        let mut answer = RetrievalResult::default();
        let mut left: Vec<Symbol> = task.symbols.to_vec();
        let mut unknown = Vec::new();
        for source in &mut self.sources {
            if source
                .back_off_until
                .is_some_and(|until| Instant::now() < until)
            {
                continue;
            }
            source.retry_lists(task.deadline);
            let (asked, others): (Vec<Symbol>, Vec<Symbol>) = left
                .iter()
                .partition(|symbol| source.has.as_ref().is_none_or(|has| has.contains(symbol)));
            if asked.is_empty() {
                continue;
            }
            match source.ask(task, &asked) {
                Ok((batch, actions)) => {
                    unknown.extend_from_slice(&batch.unknown);
                    source.failures = 0;
                    source.back_off_until = None;
                    let clock = source.provider.clock();
                    answer.now = answer.now.max(Some(batch.now));
                    answer.exhausted = batch.exhausted;
                    answer.steps_left = batch.steps_left;
                    let delay = source.provider.delay().as_millis();
                    let delay = i64::try_from(delay).unwrap_or(i64::MAX);
                    if delay > 0 {
                        let delayed = batch.bars.iter().map(|(symbol, _)| (*symbol, delay));
                        answer.delays.extend(delayed);
                    }
                    answer.market = batch.market;
                    let stamped = batch
                        .bars
                        .into_iter()
                        .map(|(symbol, bar)| (symbol, clock, bar));
                    answer.bars.extend(stamped);
                    answer.actions.extend(actions);
                    answer
                        .unapplied
                        .extend_from_slice(source.provider.unapplied());
                    let market = batch.market.map(MarketKind::as_str);
                    answer.served.push(market.unwrap_or(source.provider.name()));
                    left = others;
                    left.extend(batch.unknown);
                }
                Err(failure) => {
                    source.back_off(&failure, self.interval);
                    answer.failures.push((source.provider.name(), failure));
                }
            }
        }
        // A symbol is unknown if no provider has it.
        unknown.retain(|symbol| left.contains(symbol));
        let nobody = "no provider knows such a symbol any more".to_owned();
        let unknown = unknown
            .into_iter()
            .map(|symbol| (symbol, MarketClock::Real, Err(nobody.clone())));
        answer.bars.extend(unknown);
        answer
    }
}

impl ProviderHealth {
    /// Requests missing lists of assets again.
    fn retry_lists(&mut self, deadline: Instant) {
        if self.has.is_none() && self.listed.elapsed() >= LIST_RETRY_INTERVAL {
            self.listed = Instant::now();
            match self.provider.list(deadline) {
                Ok(symbols) => self.has = Some(Arc::new(symbols.into_iter().collect())),
                Err(failure) => {
                    crate::warn!(
                        "provider {} did not return its list of assets: {failure}",
                        self.provider.name()
                    );
                }
            }
        }
    }

    fn ask(
        &mut self,
        task: &RetrievalTask,
        symbols: &[Symbol],
    ) -> Result<(PriceBatch, Vec<Action>), ProviderError> {
        let batch = self.provider.latest(&LatestRequest {
            symbols,
            after: task.after,
            last: &task.last,
            deadline: task.deadline,
        })?;
        let actions = self
            .provider
            .actions(task.actions_after, batch.now, task.deadline)?;
        Ok((batch, actions))
    }

    /// Sets the back-off after a failure: it doubles each time, and is at least as long as the API
    /// asks for.
    fn back_off(&mut self, failure: &ProviderError, interval: Duration) {
        let asked = match failure {
            ProviderError::Limited(wait) | ProviderError::Budget(wait) => *wait,
            ProviderError::Refused(_)
            | ProviderError::BadRequest(_)
            | ProviderError::Unreachable(_)
            | ProviderError::Broken(_) => Duration::ZERO,
        };
        // After the first failure, the next update tries again.
        let intervals = match self.failures {
            0 => 0,
            n => 2u32.saturating_pow(n).min(BACK_OFF_MAX),
        };
        self.failures = self.failures.saturating_add(1);
        // Shortened by half an interval, so that the update at its end is not missed by a few
        // milliseconds.
        let pause = (interval * intervals)
            .saturating_sub(interval / 2)
            .max(asked);
        self.back_off_until = Some(Instant::now() + pause);
    }
}
