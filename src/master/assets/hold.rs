//! spec/master/assets/hold.md · 3.1.6 (validation of what an API sent)
//!
//! Prices that are far from the one before them. They are held until they are believed, or until
//! the price is back where it was.

use crate::config::{AssetSettings, HoldReview};
use crate::model::{Bar, Money, Quote, Timestamp};

/// Further prices after the first one with which a new price is believed by itself.
pub const AGREEING_PRICES: u32 = 3;

/// Prices agree that are at most this part of one of them apart.
const AGREEING_SHARE: i128 = 10;

/// What an administrator has said of a held price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceReview {
    /// Nothing yet.
    Pending,
    /// It is right, and comes into force with the next update.
    Accepted,
    /// It is wrong. Prices that agree with it are not believed by themselves.
    Refused,
}

impl PriceReview {
    /// All, in the order of their numbers in the database.
    pub const ALL: [PriceReview; 3] = [
        PriceReview::Pending,
        PriceReview::Accepted,
        PriceReview::Refused,
    ];

    /// The word in answers to administrators.
    pub fn as_str(self) -> &'static str {
        match self {
            PriceReview::Pending => "pending",
            PriceReview::Accepted => "accepted",
            PriceReview::Refused => "refused",
        }
    }
}

/// A price that is not believed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldPrice {
    /// The latest bar that was held, in the units of its time.
    pub bar: Bar,
    /// The price that further ones are compared with, in the units of its time.
    pub level: Quote,
    /// Market time of the first price that was held.
    pub since: Timestamp,
    /// Prices that were held since then.
    pub seen: u32,
    /// Prices in a row that agreed with the level, itself aside.
    pub agreeing: u32,
    pub review: PriceReview,
}

impl HeldPrice {
    /// The first price of a hold.
    pub fn first(bar: &Bar) -> HeldPrice {
        HeldPrice {
            bar: *bar,
            level: bar.quote(),
            since: bar.time,
            seen: 1,
            agreeing: 0,
            review: PriceReview::Pending,
        }
    }
}

/// What is done with a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldDecision {
    /// It comes into force. A hold ends.
    Believe,
    /// It is held, or still held.
    Hold(HeldPrice),
    /// The price that was held before it comes into force, and this one is held.
    BelieveBefore(HeldPrice),
}

/// When a price is held, and when it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldRules {
    /// A price is far from another if one is more than this many times the other.
    pub max_jump: u32,
    /// Whether prices that agree make one believed without an administrator.
    pub is_automatic: bool,
}

impl HoldRules {
    /// The rules that are configured.
    pub fn of(settings: &AssetSettings) -> HoldRules {
        HoldRules {
            max_jump: settings.max_jump,
            is_automatic: settings.review == HoldReview::Automatic,
        }
    }

    /// Whether one price is so far from another that it is held.
    pub fn is_far(&self, a: Money, b: Money) -> bool {
        let (a, b, times) = (i128::from(a.0), i128::from(b.0), i128::from(self.max_jump));
        a > b * times || b > a * times
    }

    /// Decides about a bar after the price in force, `last`. `close` is the bar's, and the second
    /// part of `held` the level of what is held; both are in the units of `last`.
    pub fn decide(
        &self,
        last: Money,
        held: Option<(&HeldPrice, Money)>,
        bar: &Bar,
        close: Money,
    ) -> HoldDecision {
        if !self.is_far(last, close) {
            return HoldDecision::Believe;
        }
        let Some((held, level)) = held else {
            return HoldDecision::Hold(HeldPrice::first(bar));
        };
        if held.review == PriceReview::Accepted {
            return if self.is_far(level, close) {
                HoldDecision::BelieveBefore(HeldPrice::first(bar))
            } else {
                HoldDecision::Believe
            };
        }
        let seen = held.seen.saturating_add(1);
        if !agree(level, close) {
            return HoldDecision::Hold(HeldPrice {
                since: held.since,
                seen,
                ..HeldPrice::first(bar)
            });
        }
        let agreeing = held.agreeing.saturating_add(1);
        let may_pass = self.is_automatic && held.review == PriceReview::Pending;
        if may_pass && agreeing >= AGREEING_PRICES {
            return HoldDecision::Believe;
        }
        HoldDecision::Hold(HeldPrice {
            bar: *bar,
            seen,
            agreeing,
            ..*held
        })
    }
}

/// Whether a price agrees with a level.
fn agree(level: Money, close: Money) -> bool {
    let (level, close) = (i128::from(level.0), i128::from(close.0));
    (close - level).abs() * AGREEING_SHARE <= level
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: HoldRules = HoldRules {
        max_jump: 5,
        is_automatic: true,
    };

    fn bar(time: i64, price: i64) -> Bar {
        let price = Money(price);
        Bar {
            time: Timestamp(time),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
        }
    }

    /// What becomes of these prices one after the other: the last price, the held one, and those
    /// that came into force.
    fn run(rules: HoldRules, first: i64, prices: &[i64]) -> (Option<HeldPrice>, Vec<i64>) {
        let (mut last, mut held, mut believed) = (Money(first), None::<HeldPrice>, Vec::new());
        for (time, price) in (1..).zip(prices) {
            let bar = bar(time, *price);
            let before = held.as_ref().map(|held| (held, held.level.value));
            match rules.decide(last, before, &bar, bar.close) {
                HoldDecision::Believe => {
                    (last, held) = (bar.close, None);
                    believed.push(*price);
                }
                HoldDecision::Hold(now) => held = Some(now),
                HoldDecision::BelieveBefore(now) => {
                    last = held.unwrap().bar.close;
                    believed.push(last.0);
                    held = Some(now);
                }
            }
        }
        (held, believed)
    }

    #[test]
    fn a_price_beyond_the_jump_is_held_both_ways_and_dropped_when_it_is_back() {
        assert_eq!(run(RULES, 100, &[500, 100, 20, 100]).1, [500, 100, 20, 100]);
        let (held, believed) = run(RULES, 100, &[501, 99]);
        assert_eq!((held, believed), (None, vec![99]));
        let (held, believed) = run(RULES, 100, &[19]);
        let held = held.unwrap();
        assert_eq!((held.bar, held.seen, held.agreeing), (bar(1, 19), 1, 0));
        assert!(believed.is_empty());
    }

    #[test]
    fn three_further_prices_within_a_tenth_make_it_believed() {
        let (held, believed) = run(RULES, 100, &[1000, 1100, 900]);
        assert!(believed.is_empty());
        let held = held.unwrap();
        assert_eq!((held.seen, held.agreeing, held.bar), (3, 2, bar(3, 900)));
        assert_eq!(held.level.value, Money(1000), "the first is the measure");
        assert_eq!(
            run(RULES, 100, &[1000, 1100, 900, 1000]),
            (None, vec![1000])
        );
        // One that does not agree begins the count anew, as the same hold.
        let (held, believed) = run(RULES, 100, &[1000, 1000, 1000, 1101, 1101, 1101]);
        let held = held.unwrap();
        assert!(believed.is_empty());
        assert_eq!((held.since, held.seen, held.agreeing), (Timestamp(1), 6, 2));
    }

    #[test]
    fn a_manual_review_waits_for_ever() {
        let manual = HoldRules {
            is_automatic: false,
            ..RULES
        };
        let (held, believed) = run(manual, 100, &[1000; 50]);
        assert_eq!((held.unwrap().seen, believed), (50, vec![]));
    }

    #[test]
    fn what_an_administrator_refuses_is_not_believed_by_itself() {
        let refused = HeldPrice {
            review: PriceReview::Refused,
            ..HeldPrice::first(&bar(1, 1000))
        };
        let mut held = refused;
        for time in 2..20 {
            let next = bar(time, 1000);
            match RULES.decide(Money(100), Some((&held, Money(1000))), &next, next.close) {
                HoldDecision::Hold(now) => held = now,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(held.review, PriceReview::Refused);
        // A third price was not refused.
        let third = bar(20, 5000);
        let decision = RULES.decide(Money(100), Some((&held, Money(1000))), &third, third.close);
        let HoldDecision::Hold(now) = decision else {
            panic!("{decision:?}")
        };
        assert_eq!((now.review, now.agreeing), (PriceReview::Pending, 0));
        let back = bar(21, 100);
        let decision = RULES.decide(Money(100), Some((&held, Money(1000))), &back, back.close);
        assert_eq!(decision, HoldDecision::Believe);
    }

    #[test]
    fn an_accepted_price_is_what_the_next_is_compared_with() {
        let accepted = HeldPrice {
            review: PriceReview::Accepted,
            ..HeldPrice::first(&bar(1, 1000))
        };
        let decide = |price| {
            let next = bar(2, price);
            RULES.decide(
                Money(100),
                Some((&accepted, Money(1000))),
                &next,
                next.close,
            )
        };
        assert_eq!(decide(4000), HoldDecision::Believe);
        assert_eq!(decide(100), HoldDecision::Believe);
        let far = HeldPrice::first(&bar(2, 9000));
        assert_eq!(decide(9000), HoldDecision::BelieveBefore(far));
    }

    #[test]
    fn the_highest_prices_do_not_overflow() {
        let all = HoldRules {
            max_jump: u32::MAX,
            is_automatic: true,
        };
        assert!(!all.is_far(Money(i64::MAX), Money(i64::MAX)));
        assert!(all.is_far(Money(i64::MAX), Money(1)));
        assert!(agree(Money(i64::MAX), Money(i64::MAX)));
    }
}
