//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Finds prices of a file that are far from the price before, and splits that its prices do not
//! show.

use crate::model::{Action, ActionKind, Bar};

/// A price is far from the last one beyond this factor, once splits between them are taken into
/// account.
const JUMP_MAX: i128 = 5;
/// Prices of two days are alike within a factor of 3/2: so much a market moves beside a split.
const ALIKE: (i128, i128) = (3, 2);

/// Compares each bar of one file with the bar before it.
#[derive(Debug)]
pub(in crate::master::assets) struct JumpFinder<'a> {
    /// The asset's splits in order of time.
    splits: Vec<&'a Action>,
    last: Option<(u64, Bar)>,
}

/// Whether one price is more than `times` the other.
fn is_far(a: i128, b: i128, times: (i128, i128)) -> bool {
    a * times.1 > b * times.0 || b * times.1 > a * times.0
}

impl<'a> JumpFinder<'a> {
    /// A finder for one asset's bars, given all its actions.
    pub(in crate::master::assets) fn new(
        actions: impl Iterator<Item = &'a Action>,
    ) -> JumpFinder<'a> {
        let is_split = |action: &&Action| matches!(action.kind, ActionKind::Split(_));
        JumpFinder {
            splits: actions.filter(is_split).collect(),
            last: None,
        }
    }

    /// Takes the next bar, in order of time. Returns what is strange about it.
    pub(in crate::master::assets) fn see(&mut self, line: u64, bar: &Bar) -> Option<String> {
        let (last_line, last) = self.last.replace((line, *bar))?;
        let between = |action: &&&Action| action.time > last.time && action.time <= bar.time;
        // The last price, for a unit before the splits between them and for one after these.
        let (mut before, after) = (last.close, i128::from(bar.close.0));
        let unsplit = i128::from(before.0);
        let mut split = None;
        for action in self.splits.iter().filter(between) {
            if let ActionKind::Split(ratio) = action.kind {
                before = ratio.price(before);
                split = Some((action.time, ratio));
            }
        }
        let before = i128::from(before.0);
        let (from, to) = (last.close, bar.close);
        if let Some((time, ratio)) = split
            && is_far(before, after, ALIKE)
            && !is_far(unsplit, after, ALIKE)
        {
            let date = time.date();
            return Some(format!(
                "a split of {ratio} on {date}, but the price went from {from} (line {last_line}) \
                 to {to}: the prices seem to be adjusted for the split already"
            ));
        }
        is_far(before, after, (JUMP_MAX, 1)).then(|| {
            format!(
                "the price goes from {from} (line {last_line}) to {to}, more than {JUMP_MAX} times \
                 away: is it of another unit?"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Money, Ratio, Symbol, Timestamp};

    fn strange(prices: &[i64], split: Option<(i64, i64)>) -> Vec<(u64, String)> {
        let action = split.map(|(time, ratio)| {
            let ratio = Ratio::new(ratio.unsigned_abs(), 1_000_000).unwrap();
            let symbol = Symbol::parse("A").unwrap();
            Action::new(Timestamp(time), symbol, ActionKind::Split(ratio), None)
        });
        let mut finder = JumpFinder::new(action.iter());
        let mut found = Vec::new();
        for (line, price) in (0..).zip(prices) {
            let price = Money(*price);
            let bar = Bar {
                time: Timestamp(i64::try_from(line).unwrap()),
                open: price,
                high: price,
                low: price,
                close: price,
                volume: 0,
            };
            found.extend(finder.see(line, &bar).map(|text| (line, text)));
        }
        found
    }

    #[test]
    fn a_price_of_another_unit_is_found_both_ways() {
        let found = strange(&[8450, 8450, 84, 84, 8450], None);
        let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 4]);
        assert!(
            found[0].1.contains("0.00845 (line 1) to 0.000084"),
            "{found:?}"
        );
        assert!(
            strange(&[100, 500, 100], None).is_empty(),
            "five times is not beyond it"
        );
        assert_eq!(strange(&[100, 501], None).len(), 1);
    }

    #[test]
    fn a_split_explains_its_price_and_an_adjusted_price_is_told() {
        assert!(strange(&[3000, 300], Some((1, 10_000_000))).is_empty());
        assert!(strange(&[300, 61], Some((1, 5_000_000))).is_empty());
        assert!(strange(&[30, 300], Some((1, 100_000))).is_empty());
        let found = strange(&[60, 61], Some((1, 5_000_000)));
        assert!(
            found[0].1.contains("a split of 5 on 1970-01-01"),
            "{found:?}"
        );
        // On another day than the price's jump.
        assert_eq!(strange(&[3000, 300, 300], Some((2, 10_000_000))).len(), 2);
        // Neither fits, and no jump is left.
        assert!(strange(&[100, 40], Some((1, 5_000_000))).is_empty());
    }
}
