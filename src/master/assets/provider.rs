//! spec/master/assets/provider.md · 3.1.6 (communicate with the assets API), 2.3.1
//!
//! What a source of prices must be able to do. Each provider is one file beside this one.

use super::snapshot::PriceSnapshot;
use crate::master::storage::StorageError;
use crate::model::{Action, Resolution};
use crate::model::{Bar, Symbol, Timestamp};
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Whose time the bars are stamped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketClock {
    /// The world's: a bar's time can be compared with the wall clock.
    Real,
    /// The provider's own, as in a replay: it says nothing about the wall clock.
    Own,
}

/// A source of prices. Its methods may take long (a network): they are called on the retrieval thread,
/// never on the module's own.
pub trait Provider: Send {
    /// Its name in the configuration and in messages.
    fn name(&self) -> &'static str;

    /// Whose time its bars are stamped with.
    fn clock(&self) -> MarketClock;

    /// Every asset that it has, sorted.
    ///
    /// # Errors
    /// Why the list could not be had.
    fn list(&mut self, deadline: Instant) -> Result<Vec<Symbol>, ProviderError>;

    /// The latest bar of every symbol asked for, in as few calls as it takes.
    ///
    /// # Errors
    /// Why nothing could be had. What is wrong with one symbol alone stands in the batch.
    fn latest(&mut self, ask: &LatestRequest<'_>) -> Result<PriceBatch, ProviderError>;

    /// A page of one symbol's past, oldest first. A provider without any answers an empty last page.
    ///
    /// # Errors
    /// Why the page could not be had.
    fn history(&mut self, ask: &HistoryRequest) -> Result<HistoryPage, ProviderError>;

    /// What changed for holders, ordered by time: actions with `from < time <= to`.
    ///
    /// # Errors
    /// Why it could not be found out.
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

/// What is asked of a provider for one update.
#[derive(Debug, Clone, Copy)]
pub struct LatestRequest<'a> {
    /// The assets wanted, sorted.
    pub symbols: &'a [Symbol],
    /// Market time of the step that was committed last; `None` before the first. A provider with a clock
    /// of its own answers the step after it, so that it needs no memory of where it is.
    pub after: Option<Timestamp>,
    /// The prices now in force.
    pub last: &'a PriceSnapshot,
    /// When the answer must be there.
    pub deadline: Instant,
}

/// What a provider answers for one update.
#[derive(Debug, Clone, Default)]
pub struct PriceBatch {
    /// The market's time now: the step's own, or the time of the answer.
    pub now: Timestamp,
    /// What came for each symbol; a symbol without anything new may be absent.
    pub bars: Vec<(Symbol, Result<Bar, String>)>,
    /// Symbols that this provider does not have.
    pub unknown: Vec<Symbol>,
    /// No step follows this one. With no bars: none followed the last.
    pub exhausted: bool,
}

/// What is asked of a provider to fill in the past of one symbol.
#[derive(Debug, Clone, Copy)]
pub struct HistoryRequest {
    /// Whose past.
    pub symbol: Symbol,
    /// Bars after this time; `None` from the beginning.
    pub after: Option<Timestamp>,
    /// Bars up to and with this time; `None`: up to where the provider's first step begins.
    pub until: Option<Timestamp>,
    /// When the answer must be there.
    pub deadline: Instant,
}

/// One page of the past.
#[derive(Debug, Clone)]
pub struct HistoryPage {
    /// Bars in order of time, without duplicates.
    pub bars: Vec<Bar>,
    /// What they are.
    pub resolution: Resolution,
    /// There may be more after the last of them.
    pub more: bool,
    /// Splits and dividends of the past, for adjusting it; they were in force before anybody held the asset.
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

/// Why a provider could not answer. Each becomes a message that a sysadmin can act on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProviderError {
    /// It will not work until a person changes something: a key, a URL, a file.
    #[error("{0}")]
    Refused(String),
    /// Called too often; not before this long.
    #[error("it asks to be left alone for {} s", .0.as_secs())]
    Limited(Duration),
    /// Our own budget of calls is spent until this long from now.
    #[error("our budget of calls is spent for another {} s", .0.as_secs())]
    Budget(Duration),
    /// Nobody answered, or not in time.
    #[error("{0}")]
    Unreachable(String),
    /// The answer makes no sense.
    #[error("{0}")]
    Broken(String),
}

/// Why the module cannot start. The text says what is wrong, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AssetsError {
    /// A market file, a key file or a setting is wrong: exit code 78.
    #[error("{0}")]
    Config(String),
    /// Something else failed: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl AssetsError {
    /// A fault of a file as a whole.
    pub fn in_file(file: &Path, reason: impl fmt::Display) -> AssetsError {
        AssetsError::Config(format!("{}: {reason}", file.display()))
    }

    /// A fault in one line of a file, counted from 1.
    pub fn at_line(file: &Path, line: u64, reason: impl fmt::Display) -> AssetsError {
        AssetsError::Config(format!("{}, line {line}: {reason}", file.display()))
    }

    /// A fault of a setting.
    pub fn setting(reason: impl Into<String>) -> AssetsError {
        AssetsError::Config(reason.into())
    }
}

impl From<StorageError> for AssetsError {
    fn from(error: StorageError) -> Self {
        AssetsError::Failed(format!("the assets module's database: {error}"))
    }
}
