//! spec/master/assets.md · 2.3.4 (the interval is planned with the API's calls in mind), 4.1
//!
//! Limits calls of a provider's API: a number in any minute, and a number in a period of 24 hours.

use super::provider::ProviderError;
use crate::runtime::rate_limiter::{FixedWindow, MINUTE, SlidingWindow};
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Period of the daily limit.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The purpose of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An update waits for it.
    Update,
    /// Back-fill, which can wait: it uses at most half of the budget.
    Past,
}

/// The budget of one API, shared by all its callers.
#[derive(Debug)]
pub struct CallBudget {
    per_minute: usize,
    per_day: u64,
    spent: Mutex<CallCounts>,
}

#[derive(Debug)]
struct CallCounts {
    minute: SlidingWindow,
    day: FixedWindow,
}

/// Use of a budget, for `papertraderctl status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallBudgetStatus {
    /// Calls in the last minute.
    pub minute: usize,
    pub per_minute: usize,
    /// Calls in the current period of 24 hours.
    pub day: u64,
    pub per_day: u64,
}

impl CallBudget {
    /// Creates an unused budget.
    pub fn new(per_minute: u32, per_day: u64) -> CallBudget {
        CallBudget {
            per_minute: usize::try_from(per_minute).unwrap_or(usize::MAX).max(1),
            per_day: per_day.max(1),
            spent: Mutex::new(CallCounts {
                minute: SlidingWindow::new(MINUTE),
                day: FixedWindow::new(DAY, Instant::now()),
            }),
        }
    }

    /// Takes one call from the budget.
    ///
    /// # Errors
    /// The budget is spent; the error says for how long.
    pub fn take(&self, purpose: Purpose, now: Instant) -> Result<(), ProviderError> {
        let mut spent = self.spent.lock();
        let (minute, day) = match purpose {
            Purpose::Update => (self.per_minute, self.per_day),
            Purpose::Past => ((self.per_minute / 2).max(1), self.per_day / 2),
        };
        if spent.day.count(now) >= day {
            return Err(ProviderError::Budget(spent.day.rest(now)));
        }
        if spent.minute.count(now) >= minute {
            let wait = match spent.minute.room_at(minute) {
                Some(room) => room.saturating_duration_since(now),
                None => MINUTE,
            };
            return Err(ProviderError::Budget(wait + Duration::from_millis(1)));
        }
        spent.minute.add(now);
        spent.day.add();
        Ok(())
    }

    /// The calls made and allowed.
    pub fn account(&self, now: Instant) -> CallBudgetStatus {
        let mut spent = self.spent.lock();
        CallBudgetStatus {
            minute: spent.minute.count(now),
            per_minute: self.per_minute,
            day: spent.day.count(now),
            per_day: self.per_day,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_limited_by_minute_and_day_and_updates_come_first() {
        let budget = CallBudget::new(4, 7);
        let start = Instant::now();
        let second = Duration::from_secs;
        assert_eq!(budget.take(Purpose::Past, start), Ok(()));
        assert_eq!(budget.take(Purpose::Past, start + second(10)), Ok(()));
        match budget.take(Purpose::Past, start + second(20)) {
            Err(ProviderError::Budget(wait)) => {
                assert_eq!(wait, second(40) + Duration::from_millis(1))
            }
            other => panic!("{other:?}"),
        }
        for n in 0..2 {
            assert_eq!(budget.take(Purpose::Update, start + second(20 + n)), Ok(()));
        }
        assert!(budget.take(Purpose::Update, start + second(30)).is_err());
        assert_eq!(budget.take(Purpose::Update, start + second(60)), Ok(()));
        assert_eq!(budget.account(start + second(60)).minute, 4);
        assert_eq!(budget.take(Purpose::Update, start + second(200)), Ok(()));
        assert_eq!(budget.take(Purpose::Update, start + second(300)), Ok(()));
        match budget.take(Purpose::Update, start + second(400)) {
            Err(ProviderError::Budget(wait)) => assert!(wait > second(86_000 - 400)),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            budget.take(Purpose::Update, start + DAY + second(1)),
            Ok(())
        );
    }
}
