//! spec/master/assets/provider.md · 3.1.6 (communicate with the assets API), 2.3.1
//!
//! The interface of a source of prices. Each provider is a file in `providers`.
//!
//! Tests: `tests/suite/master/assets.rs`.

use super::snapshot::PriceSnapshot;
use crate::master::storage::StorageError;
use crate::model::{Action, AssetDescription, Resolution};
use crate::model::{Bar, MarketKind, Symbol, Timestamp};
use crate::runtime::is_passing;
use std::fmt;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use thiserror::Error;

/// The clock that a provider's bars are stamped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketClock {
    /// Real time: a bar's time can be compared with the wall clock.
    Real,
    /// The provider's own clock, as in a replay, unrelated to the wall clock.
    Own,
}

/// A source of prices. Its methods may block on a network, so they are called on the retrieval and
/// back-fill threads only.
pub trait Provider: Send {
    /// The name in the configuration and in messages.
    fn name(&self) -> &'static str;

    /// The clock of its bars.
    fn clock(&self) -> MarketClock;

    /// All its assets, sorted.
    ///
    /// # Errors
    /// The list is unavailable; the error says why.
    fn list(&mut self, deadline: Instant) -> Result<Vec<Symbol>, ProviderError>;

    /// How much older than real time its prices are at least: zero for a feed that is not delayed.
    fn delay(&self) -> Duration {
        Duration::ZERO
    }

    /// What its assets are called and what their units are; nothing of those without a name whose
    /// unit is the market's. Known from the start on.
    fn descriptions(&self) -> Vec<(Symbol, AssetDescription)> {
        Vec::new()
    }

    /// What is said of each input that could not be used, such as a faulty file. Known from the
    /// start on.
    fn input_warnings(&self) -> &[String] {
        &[]
    }

    /// What is said of each corporate action of the last answer that is of a kind which is not
    /// applied.
    fn unapplied(&self) -> &[String] {
        &[]
    }

    /// The latest bar of every symbol in `ask`, with as few calls as possible.
    ///
    /// # Errors
    /// Nothing could be retrieved. An error of a single symbol is in the batch.
    fn latest(&mut self, ask: &LatestRequest<'_>) -> Result<PriceBatch, ProviderError>;

    /// A page of one symbol's past, oldest first. A provider without a past returns an empty last
    /// page.
    ///
    /// # Errors
    /// The page is unavailable.
    fn history(&mut self, ask: &HistoryRequest) -> Result<HistoryPage, ProviderError>;

    /// Actions with `from < time <= to`, ordered by time.
    ///
    /// # Errors
    /// The actions are unavailable.
    fn actions(
        &mut self,
        from: Option<Timestamp>,
        to: Timestamp,
        deadline: Instant,
    ) -> Result<Vec<Action>, ProviderError> {
        let _ = (from, to, deadline);
        Ok(Vec::new())
    }
}

/// A request for one update's prices.
#[derive(Debug, Clone, Copy)]
pub struct LatestRequest<'a> {
    /// Assets to retrieve, sorted.
    pub symbols: &'a [Symbol],
    /// Market time of the last committed step; `None` before the first. A provider with its own
    /// clock returns the step after it, and so needs no memory of its position.
    pub after: Option<Timestamp>,
    /// The current prices.
    pub last: &'a PriceSnapshot,
    /// Time limit for the answer.
    pub deadline: Instant,
}

/// A provider's answer for one update.
#[derive(Debug, Clone, Default)]
pub struct PriceBatch {
    /// Market time now: the step's time, or the time of the answer.
    pub now: Timestamp,
    /// Bar or error of each symbol, with the reason. A symbol without a new bar may be absent.
    pub bars: Vec<(Symbol, Result<Bar, String>)>,
    /// Symbols that this provider does not have.
    pub unknown: Vec<Symbol>,
    /// No step follows this one. Without bars: the previous step was the last.
    pub exhausted: bool,
    /// Steps behind this one, if their number is known.
    pub steps_left: Option<u64>,
    /// Where the prices come from, if it is not what the provider's name says.
    pub market: Option<MarketKind>,
}

/// A request for one page of a symbol's past.
#[derive(Debug, Clone, Copy)]
pub struct HistoryRequest {
    pub symbol: Symbol,
    /// Bars after this time; `None`: from the beginning.
    pub after: Option<Timestamp>,
    /// Bars up to and including this time; `None`: up to the provider's first step.
    pub until: Option<Timestamp>,
    /// Time limit for the answer.
    pub deadline: Instant,
}

/// A page of one symbol's past.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// In order of time, without duplicates.
    pub bars: Vec<Bar>,
    pub resolution: Resolution,
    /// Whether more pages may follow.
    pub more: bool,
    /// Splits and dividends of the past, for adjusting it. They came into force before any account
    /// held the asset.
    pub actions: Vec<Action>,
}

impl HistoryPage {
    /// A last page without bars or actions.
    pub fn empty(resolution: Resolution) -> HistoryPage {
        HistoryPage {
            bars: Vec::new(),
            resolution,
            more: false,
            actions: Vec::new(),
        }
    }
}

/// Why a provider failed. Its text tells an administrator what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProviderError {
    /// A person must change something: a key, a URL, a file.
    #[error("{0}")]
    Refused(String),
    /// The API refuses what was asked, perhaps for one element of it alone.
    #[error("{0}")]
    BadRequest(String),
    /// The API limits the rate of calls; try again after this time.
    #[error("it asks to be left alone for {} s", .0.as_secs())]
    Limited(Duration),
    /// Our own budget of calls is spent for this long.
    #[error("our budget of calls is spent for another {} s", .0.as_secs())]
    Budget(Duration),
    /// No answer, or none within the deadline.
    #[error("{0}")]
    Unreachable(String),
    /// The answer is malformed.
    #[error("{0}")]
    Broken(String),
}

/// Why the module cannot start. The text says what is wrong, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AssetsError {
    /// A market file, a key file or a setting is wrong: exit code 78.
    #[error("{0}")]
    Config(String),
    /// Anything else: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl AssetsError {
    /// Whether it may pass although nobody mends anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, AssetsError::Failed(_))
    }

    /// An error about a whole file.
    pub fn in_file(file: &Path, reason: impl fmt::Display) -> AssetsError {
        AssetsError::Config(format!("{}: {reason}", file.display()))
    }

    /// The system does not read a file, now or at all.
    pub fn unreadable(file: &Path, why: &io::Error) -> AssetsError {
        let text = format!("{}: cannot be read: {why}", file.display());
        if is_passing(why) {
            AssetsError::Failed(text)
        } else {
            AssetsError::Config(text)
        }
    }

    /// An error about one line of a file, counted from 1.
    pub fn at_line(file: &Path, line: u64, reason: impl fmt::Display) -> AssetsError {
        AssetsError::Config(format!("{}, line {line}: {reason}", file.display()))
    }

    /// An error about a setting.
    pub fn setting(reason: impl Into<String>) -> AssetsError {
        AssetsError::Config(reason.into())
    }
}

impl From<StorageError> for AssetsError {
    fn from(error: StorageError) -> Self {
        AssetsError::Failed(format!("the assets module's database: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn a_busy_disk_is_no_fault_of_a_file() {
        let unreadable = |errno: Errno| {
            let why = io::Error::from_raw_os_error(errno.raw_os_error());
            AssetsError::unreadable(Path::new("A.csv"), &why)
        };
        for errno in [Errno::IO, Errno::MFILE, Errno::STALE] {
            assert!(unreadable(errno).is_passing(), "{errno}");
        }
        for errno in [Errno::NOENT, Errno::ACCESS] {
            assert!(!unreadable(errno).is_passing(), "{errno}");
        }
    }
}
