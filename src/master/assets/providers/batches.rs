//! spec/master/assets/providers.md · 3.1.6 (communicate with the assets API)
//!
//! Calls for many symbols: a symbol that an API refuses costs no other its price.

use super::super::provider::ProviderError;
use crate::model::{Bar, Symbol};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::time::{Duration, Instant};

/// Symbols in one call. The APIs accept many; a URL of this length passes every proxy.
pub(super) const CALL_SYMBOLS_MAX: usize = 500;
/// Refused calls of one task. Halving a call of [`CALL_SYMBOLS_MAX`] finds a symbol with ten.
const REFUSED_CALLS_MAX: u32 = 24;
/// A symbol that was refused is asked for again after this time.
const REFUSED_RETRY_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);
/// Symbols that a line of the log names.
const NAMED_MAX: usize = 10;

/// Symbols that an API refuses, each with the reason.
#[derive(Debug, Default)]
pub(super) struct RefusedSymbols(HashMap<Symbol, (Instant, String)>);

impl RefusedSymbols {
    /// The symbols of `all` that are to be asked for.
    pub(super) fn without(&mut self, all: &[Symbol]) -> Vec<Symbol> {
        self.0
            .retain(|_, (since, _)| since.elapsed() < REFUSED_RETRY_INTERVAL);
        let asked = all.iter().filter(|symbol| !self.contains(symbol));
        asked.copied().collect()
    }

    pub(super) fn contains(&self, symbol: &Symbol) -> bool {
        self.0.contains_key(symbol)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is said of the refused ones of `asked`.
    pub(super) fn reasons(
        &self,
        asked: &[Symbol],
    ) -> impl Iterator<Item = (Symbol, Result<Bar, String>)> {
        let said = |symbol: &Symbol| Some((*symbol, Err(self.0.get(symbol)?.1.clone())));
        asked.iter().filter_map(said)
    }

    fn refuse(&mut self, symbol: Symbol, reason: &str) {
        if let Entry::Vacant(place) = self.0.entry(symbol) {
            place.insert((Instant::now(), reason.to_owned()));
        }
    }
}

impl fmt::Display for RefusedSymbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut symbols: Vec<&Symbol> = self.0.keys().collect();
        symbols.sort_unstable();
        for (at, symbol) in symbols.iter().take(NAMED_MAX).enumerate() {
            let (comma, reason) = (if at > 0 { "; " } else { "" }, &self.0[*symbol].1);
            write!(f, "{comma}{symbol}: {reason}")?;
        }
        match symbols.len().saturating_sub(NAMED_MAX) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Calls `ask` for all symbols, in as few batches as possible. Where the API refuses a batch, it is
/// asked again without the symbols that the refusal names, or in halves where it names none.
/// Returns the symbols that were answered, and the failure that ended it early.
pub(super) fn in_batches(
    symbols: &[Symbol],
    refused: &mut RefusedSymbols,
    mut ask: impl FnMut(&[Symbol]) -> Result<(), ProviderError>,
) -> (Vec<Symbol>, Option<ProviderError>) {
    let mut answered = Vec::with_capacity(symbols.len());
    let mut waiting: Vec<Vec<Symbol>> = symbols
        .chunks(CALL_SYMBOLS_MAX)
        .rev()
        .map(<[Symbol]>::to_vec)
        .collect();
    let mut calls_left = REFUSED_CALLS_MAX;
    while let Some(mut batch) = waiting.pop() {
        let why = match ask(&batch) {
            Ok(()) => {
                answered.append(&mut batch);
                continue;
            }
            Err(ProviderError::BadRequest(why)) if calls_left > 0 => why,
            Err(failure) => return (answered, Some(failure)),
        };
        calls_left -= 1;
        let all = batch.len();
        batch.retain(|symbol| {
            let named = all == 1 || names(&why, symbol);
            if named {
                refused.refuse(*symbol, &why);
            }
            !named
        });
        if batch.len() == all {
            waiting.push(batch.split_off(all / 2));
        }
        if !batch.is_empty() {
            waiting.push(batch);
        }
    }
    (answered, None)
}

/// Whether an API's text names a symbol, as a word of its own.
fn names(text: &str, symbol: &Symbol) -> bool {
    let of_symbol = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '/' | '_');
    text.split(|c: char| !of_symbol(c))
        .any(|word| word == symbol.as_str() || word.trim_end_matches('.') == symbol.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn symbols(count: usize) -> Vec<Symbol> {
        let one = |n: usize| Symbol::parse(&format!("S{n:04}")).unwrap();
        (0..count).map(one).collect()
    }

    /// An API that refuses a call with one of `bad`, and names the first of them if it `names` any.
    fn run(
        count: usize,
        bad: &[usize],
        names: bool,
    ) -> (usize, RefusedSymbols, Option<ProviderError>, usize) {
        let all = symbols(count);
        let bad: BTreeSet<Symbol> = bad.iter().map(|at| all[*at]).collect();
        let (mut refused, mut calls) = (RefusedSymbols::default(), 0);
        let (answered, failure) = in_batches(&all, &mut refused, |batch| {
            calls += 1;
            assert!(!batch.is_empty() && batch.len() <= CALL_SYMBOLS_MAX);
            match batch.iter().find(|symbol| bad.contains(symbol)) {
                None => Ok(()),
                Some(symbol) if names => Err(ProviderError::BadRequest(format!(
                    "it answered 400, saying \"{{\\\"message\\\":\\\"invalid symbol: {symbol}\\\"}}\""
                ))),
                Some(_) => Err(ProviderError::BadRequest("no".into())),
            }
        });
        (answered.len(), refused, failure, calls)
    }

    #[test]
    fn a_refused_symbol_costs_no_other_its_price() {
        let (answered, refused, failure, calls) = run(1200, &[7, 8, 1199], true);
        assert_eq!(
            (answered, refused.len(), failure, calls),
            (1197, 3, None, 6)
        );
        assert!(refused.to_string().contains("S1199"), "{refused}");
        let (answered, refused, failure, _) = run(500, &[321], false);
        assert_eq!((answered, refused.len(), failure), (499, 1, None));
        assert!(refused.contains(&symbols(322)[321]));
        let (answered, refused, failure, _) = run(1, &[0], false);
        assert_eq!((answered, refused.len(), failure), (0, 1, None));
        assert_eq!(run(0, &[], true).3, 0);
    }

    #[test]
    fn a_refusal_of_everything_ends_after_some_calls() {
        let everything: Vec<usize> = (0..500).collect();
        let (answered, _, failure, calls) = run(500, &everything, false);
        assert_eq!((answered, calls), (0, 25));
        assert!(failure.is_some());
        let refused = |failure: ProviderError| {
            in_batches(&symbols(2), &mut RefusedSymbols::default(), |_| {
                Err(failure.clone())
            })
            .1
        };
        let late = ProviderError::Unreachable("late".into());
        assert_eq!(refused(late.clone()), Some(late));
    }

    #[test]
    fn a_text_names_whole_symbols() {
        let is_named = |text: &str, symbol: &str| names(text, &Symbol::parse(symbol).unwrap());
        assert!(is_named("invalid symbol: BRK.B", "BRK.B"));
        assert!(is_named(
            "code=400, message=invalid symbol(s): AA, BB.",
            "BB"
        ));
        assert!(!is_named("invalid symbol: AAPL", "A"));
        assert!(!is_named("invalid symbol: BRK.B", "BRK"));
    }
}
