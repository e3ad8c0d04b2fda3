//! spec/cli/papertrader/commands.md · 2.1.4 (what people mistype)
//!
//! What the person may have meant where a name is unknown: an asset's, or that of an account of
//! theirs.

use super::{CommandError, ReadySession};
use crate::client::store::SavedSession;
use crate::client::{Client, ClientError, SessionFile};
use crate::model::likeness::{did_you_mean, most_like};
use crate::model::{Reason, Symbol, Username};

/// The question for an asset that there is not, of those that there are; `None` where none is like it.
pub(super) fn meant_asset(symbol: Symbol, there: &[Symbol]) -> Option<String> {
    let names = there.iter().map(Symbol::as_str);
    did_you_mean(&most_like(symbol.as_str(), names))
}

/// The question for an account that has no session here, of those that have one; `None` where none
/// is like it.
pub(super) fn meant_account(name: &Username, store: &SessionFile) -> Option<String> {
    let saved = store.load().unwrap_or_default();
    let there = saved.iter().filter(|saved| saved.ended.is_none());
    let mut names: Vec<&str> = there.map(SavedSession::name).collect();
    names.sort_unstable();
    names.dedup();
    if names.contains(&name.as_str()) {
        return None;
    }
    did_you_mean(&most_like(name.as_str(), names))
}

impl ReadySession {
    /// As [`ReadySession::call`], of a call about an asset: where there is none of its name, the
    /// failure says what may have been meant.
    pub(super) fn call_about<T>(
        &mut self,
        symbol: Symbol,
        call: impl FnMut(&mut Client) -> Result<T, ClientError>,
    ) -> Result<T, CommandError> {
        let result = self.pool.call(call);
        match result {
            Ok(value) => {
                self.save_workers()?;
                Ok(value)
            }
            Err(error) => Err(self.failed_about(symbol, error)),
        }
    }

    /// The failure of a call about an asset, which advice names.
    pub(super) fn failed_about(&mut self, symbol: Symbol, error: ClientError) -> CommandError {
        let failure = self.failed(error);
        let failure = match self.unknown_asset_advice(symbol, &failure) {
            Some(advice) => failure.advised(Reason::UnknownAsset, advice),
            None => failure,
        };
        let named = |advice: String| advice.replace("quote SYMBOL", &format!("quote {symbol}"));
        CommandError {
            advice: failure.advice.map(named),
            ..failure
        }
    }

    fn unknown_asset_advice(&mut self, symbol: Symbol, failure: &CommandError) -> Option<String> {
        failure.is_refused_for(Reason::UnknownAsset).then_some(())?;
        let there = self.pool.call(Client::list).ok()?;
        let question = meant_asset(symbol, &there)?;
        Some(format!("{question} All assets:\n  {} assets", self.program))
    }
}
