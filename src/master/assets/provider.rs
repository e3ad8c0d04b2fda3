//! spec/master/assets/provider.md · 3.1.6 (communicate with the assets API), 2.3.1
//!
//! What a source of prices must be able to do. Each provider is one file beside this one.

use super::snapshot::PriceSnapshot;
pub use crate::model::{Action, ActionKind, Resolution};
use crate::model::{Bar, Symbol, Timestamp};
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

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

/// Why a provider could not answer. Each becomes a message that a sysadmin can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderError {
    /// It will not work until a person changes something: a key, a URL, a file.
    Refused(String),
    /// Called too often; not before this long.
    Limited(Duration),
    /// Our own budget of calls is spent until this long from now.
    Budget(Duration),
    /// Nobody answered, or not in time.
    Unreachable(String),
    /// The answer makes no sense.
    Broken(String),
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProviderError::Refused(text) | ProviderError::Unreachable(text) | ProviderError::Broken(text) => {
                f.write_str(text)
            }
            ProviderError::Limited(wait) => write!(f, "it asks to be left alone for {} s", wait.as_secs()),
            ProviderError::Budget(wait) => {
                write!(f, "our budget of calls is spent for another {} s", wait.as_secs())
            }
        }
    }
}

impl std::error::Error for ProviderError {}

/// A market file or setting that is wrong, with the place: the daemon ends with exit code 78.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetsConfigError {
    /// The file, where it is a file's fault.
    pub file: Option<PathBuf>,
    /// Its line, from 1.
    pub line: Option<u64>,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl AssetsConfigError {
    /// A fault of a file as a whole.
    pub fn in_file(file: impl Into<PathBuf>, reason: impl Into<String>) -> AssetsConfigError {
        AssetsConfigError {
            file: Some(file.into()),
            line: None,
            reason: reason.into(),
        }
    }

    /// A fault in one line of a file.
    pub fn at_line(file: impl Into<PathBuf>, line: u64, reason: impl Into<String>) -> AssetsConfigError {
        AssetsConfigError {
            file: Some(file.into()),
            line: Some(line),
            reason: reason.into(),
        }
    }

    /// A fault of a setting.
    pub fn setting(reason: impl Into<String>) -> AssetsConfigError {
        AssetsConfigError {
            file: None,
            line: None,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for AssetsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ", line {line}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for AssetsConfigError {}
