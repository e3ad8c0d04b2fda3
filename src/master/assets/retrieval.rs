//! spec/master/assets/retrieval.md · 3.1.6 (communicate with the assets API)
//!
//! The thread beside the module that waits for providers, so that a slow API delays no question. It holds
//! them in order of preference: an asset is asked of the first that has it and is well.

use super::provider::{LatestRequest, MarketClock, PriceBatch, Provider, ProviderError};
use super::snapshot::PriceSnapshot;
use crate::model::Action;
use crate::model::{Bar, Symbol, Timestamp};
use crossbeam_channel::{Receiver, Sender};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest back-off after failures, in update intervals.
const BACK_OFF_MAX: u32 = 16;

/// A list of assets that could not be had is asked for again after this.
const LIST_AGAIN: Duration = Duration::from_secs(600);

/// One update is to be retrieved.
pub struct RetrievalTask {
    /// The assets wanted.
    pub symbols: Arc<[Symbol]>,
    /// Market time of the last step.
    pub after: Option<Timestamp>,
    /// Actions after this are wanted; `None`: all.
    pub actions_after: Option<Timestamp>,
    /// The prices in force.
    pub last: Arc<PriceSnapshot>,
    /// When the answer must be there.
    pub deadline: Instant,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct RetrievalResult {
    /// The market's time now.
    pub now: Timestamp,
    /// What came for each symbol, and whose time it is stamped with.
    pub bars: Vec<(Symbol, MarketClock, Result<Bar, String>)>,
    /// Splits and dividends up to now.
    pub actions: Vec<Action>,
    /// No step follows.
    pub exhausted: bool,
    /// Which provider failed, and why.
    pub failures: Vec<(&'static str, ProviderError)>,
    /// Which provider answered.
    pub served: Vec<&'static str>,
}

/// A provider with its health.
struct ProviderHealth {
    provider: Box<dyn Provider>,
    /// What it has; `None` until it has told, and then it is asked for anything.
    has: Option<Arc<HashSet<Symbol>>>,
    /// When it was asked for its list last.
    listed: Instant,
    /// Not to be asked before this.
    rests_until: Option<Instant>,
    /// Failures in a row.
    failures: u32,
}

/// The providers, best first.
pub struct Retrieval {
    sources: Vec<ProviderHealth>,
    interval: Duration,
}

impl Retrieval {
    /// The providers, best first, for updates at this interval.
    pub fn new(providers: Vec<Box<dyn Provider>>, interval: Duration) -> Retrieval {
        let source = |provider| ProviderHealth {
            provider,
            has: None,
            listed: Instant::now(),
            rests_until: None,
            failures: 0,
        };
        Retrieval {
            sources: providers.into_iter().map(source).collect(),
            interval,
        }
    }

    /// Every asset that any provider has, and which providers could not tell.
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

    /// The best provider, for what is done before there are threads.
    pub fn first(&mut self) -> Option<&mut dyn Provider> {
        match self.sources.first_mut() {
            Some(source) => Some(source.provider.as_mut()),
            None => None,
        }
    }

    /// What each provider has, best first; `None` where it has not told.
    pub fn lists(&self) -> Vec<Option<Arc<HashSet<Symbol>>>> {
        self.sources.iter().map(|source| source.has.clone()).collect()
    }

    /// Answers tasks until the module is gone. At most one task is ever under way, and the channel back has
    /// room for its answer: so the two channels between the module and this thread cannot block each other.
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
            if source.rests_until.is_some_and(|until| Instant::now() < until) {
                continue;
            }
            source.list_again(task.deadline);
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
                    source.rests_until = None;
                    let clock = source.provider.clock();
                    answer.now = answer.now.max(batch.now);
                    answer.exhausted = batch.exhausted;
                    let stamped = batch.bars.into_iter().map(|(symbol, bar)| (symbol, clock, bar));
                    answer.bars.extend(stamped);
                    answer.actions.extend(actions);
                    answer.served.push(source.provider.name());
                    left = others;
                    left.extend(batch.unknown);
                }
                Err(failure) => {
                    source.rest(&failure, self.interval);
                    answer.failures.push((source.provider.name(), failure));
                }
            }
        }
        // What the last one asked did not know, nobody knows.
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
    /// Asks for the list again where it has not come yet.
    fn list_again(&mut self, deadline: Instant) {
        if self.has.is_none() && self.listed.elapsed() >= LIST_AGAIN {
            self.listed = Instant::now();
            match self.provider.list(deadline) {
                Ok(symbols) => self.has = Some(Arc::new(symbols.into_iter().collect())),
                Err(failure) => {
                    crate::warn!(
                        "provider {} did not tell its list of assets: {failure}",
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

    /// After a failure: twice as long as the last time, and at least as long as it asks for.
    fn rest(&mut self, failure: &ProviderError, interval: Duration) {
        let asked = match failure {
            ProviderError::Limited(wait) | ProviderError::Budget(wait) => *wait,
            ProviderError::Refused(_) | ProviderError::Unreachable(_) | ProviderError::Broken(_) => {
                Duration::ZERO
            }
        };
        // The first failure is followed by a try at the very next update.
        let intervals = match self.failures {
            0 => 0,
            n => 2u32.saturating_pow(n).min(BACK_OFF_MAX),
        };
        self.failures = self.failures.saturating_add(1);
        // Half an interval less, so that the update it is due at does not miss it by a hair.
        let pause = (interval * intervals).saturating_sub(interval / 2).max(asked);
        self.rests_until = Some(Instant::now() + pause);
    }
}
