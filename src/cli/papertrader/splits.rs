//! spec/cli/papertrader.md · 4.6.9 to 4.6.13 (splits within a window)
//!
//! Finds the splits within a window of bars. The protocol does not tell them; but a split changes how
//! many units a volume is of, so the volumes as they were traded and those in today's units do. A
//! dividend changes no volume.

use crate::model::{Bar, Timestamp};

/// The least volume that tells a ratio: of fewer units the rounding to whole ones hides it.
const VOLUME_MIN: u64 = 100;

/// The highest number on either side of a ratio that is told.
const RATIO_MAX: i128 = 1000;

/// Rounding to whole units changes the volume of a day by half a unit at most, and that of a month by
/// less than this.
const ROUNDING_MAX: i128 = 16;

/// A ratio is told if it is this near to that of the volumes: one in so many.
const RATIO_PART: i128 = 200;

/// A split within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSplit {
    /// Time of the first bar that has some of the new units.
    pub time: Timestamp,
    /// Units after it for units before it; `None` if the volumes do not tell it.
    pub ratio: Option<(i128, i128)>,
}

/// A bar's volume as it was traded, and in today's units.
struct VolumePair {
    time: Timestamp,
    raw: i128,
    adjusted: i128,
}

impl VolumePair {
    /// How many of today's units the units of this bar are, against those of a later one: a fraction.
    fn against(&self, later: &VolumePair) -> (i128, i128) {
        (
            self.adjusted.saturating_mul(later.raw),
            self.raw.saturating_mul(later.adjusted),
        )
    }

    fn is_unlike(&self, later: &VolumePair) -> bool {
        let (a, b) = self.against(later);
        let most = self
            .raw
            .saturating_add(later.raw)
            .saturating_mul(ROUNDING_MAX);
        a.abs_diff(b) > most.unsigned_abs()
    }
}

/// The splits between the first and the last bar of a window, oldest first, by its bars as they were
/// traded and the same adjusted. A split within a bar of several days is one, too.
pub fn splits(raw: &[Bar], adjusted: &[Bar]) -> Vec<WindowSplit> {
    let pair = |(raw, adjusted): (&Bar, &Bar)| {
        let is_told = raw.time == adjusted.time && raw.volume.min(adjusted.volume) >= VOLUME_MIN;
        is_told.then(|| VolumePair {
            time: raw.time,
            raw: raw.volume.into(),
            adjusted: adjusted.volume.into(),
        })
    };
    let pairs: Vec<VolumePair> = raw.iter().zip(adjusted).filter_map(pair).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at + 1 < pairs.len() {
        let before = at;
        // A bar that has units of both kinds lies between them.
        while at + 1 < pairs.len() && pairs[at].is_unlike(&pairs[at + 1]) {
            at += 1;
        }
        if at > before {
            let (after, units) = pairs[before].against(&pairs[at]);
            found.push(WindowSplit {
                time: pairs[before + 1].time,
                ratio: small_ratio(after, units),
            });
        } else {
            at += 1;
        }
    }
    found
}

/// The ratio in small whole numbers that is near to `a` for `b`.
fn small_ratio(a: i128, b: i128) -> Option<(i128, i128)> {
    let near = |before: i128| {
        let after = (a.checked_mul(before)?.checked_mul(2)?.checked_add(b)?) / b.checked_mul(2)?;
        let off = (a.checked_mul(before)? - b.checked_mul(after)?).abs();
        let is_near = off.checked_mul(RATIO_PART)? <= b.checked_mul(after)?;
        ((1..=RATIO_MAX).contains(&after) && is_near).then_some((after, before))
    };
    (1..=RATIO_MAX).find_map(near)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Money;

    fn bars(volumes: &[u64]) -> Vec<Bar> {
        let start = Timestamp::parse("2005-02-24").unwrap();
        let bar = |(day, volume): (i64, &u64)| Bar {
            time: start.plus_days(day),
            open: Money(1),
            high: Money(1),
            low: Money(1),
            close: Money(1),
            volume: *volume,
        };
        (0..).zip(volumes).map(bar).collect()
    }

    #[test]
    fn a_split_is_where_the_units_of_volumes_change() {
        let found = |raw: &[u64], adjusted: &[u64]| splits(&bars(raw), &bars(adjusted));
        let day = |day| Timestamp::parse("2005-02-24").unwrap().plus_days(day);
        assert_eq!(found(&[500, 700, 800], &[500, 700, 800]), []);
        assert_eq!(found(&[501, 703, 800], &[752, 1055, 1200]), [], "rounded");
        assert_eq!(
            found(&[500, 700, 800], &[1000, 1400, 800]),
            [WindowSplit {
                time: day(2),
                ratio: Some((2, 1))
            }]
        );
        // Three for two, and one for ten; and a month with days before and after.
        assert_eq!(found(&[501, 700], &[752, 700])[0].ratio, Some((3, 2)));
        assert_eq!(found(&[5000, 700], &[500, 700])[0].ratio, Some((1, 10)));
        assert_eq!(
            found(&[500, 700, 800], &[3500, 2100, 800]),
            [WindowSplit {
                time: day(1),
                ratio: Some((7, 1))
            }]
        );
        // A month of which one day alone has the new units.
        assert_eq!(
            found(&[50_000, 70_000, 80_000], &[100_000, 139_000, 80_000]),
            [WindowSplit {
                time: day(1),
                ratio: Some((2, 1))
            }]
        );
        // A later split changes all bars alike; few units and none tell nothing.
        assert_eq!(found(&[500, 700], &[1000, 1400]), []);
        assert_eq!(found(&[5, 0, 8], &[10, 0, 8]), []);
        assert_eq!(found(&[500], &[1000]), []);
        assert_eq!(found(&[], &[]), []);
        let two = found(&[500, 700, 800, 900], &[4000, 5600, 1600, 1800]);
        assert_eq!(two.len(), 1);
        let two = found(&[500, 500, 500, 500, 500], &[2000, 2000, 1000, 1000, 500]);
        assert_eq!(two.len(), 2);
        // Nothing overflows.
        let most = u64::MAX >> 1;
        assert_eq!(found(&[most, 500], &[500, most]).len(), 1);
    }
}
