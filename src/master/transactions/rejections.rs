//! spec/master/transactions.md · 3.1.7 ("log transactions to users' profiles")
//!
//! The budget of rejected orders. The ledger keeps each of them for ever, and they cost their
//! account nothing: no cash, no holdings.

use crate::model::AccountId;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);
/// The longest time for which an account's orders are refused.
const REFUSED_MAX: Duration = Duration::from_secs(24 * 3600);
/// Most accounts whose rejected orders are remembered. Beyond it the one whose budget is full again
/// first is forgotten.
const ACCOUNTS_MAX: usize = 100_000;

/// What is left of each account's budget. A rejected order takes one from it; it grows by its whole
/// an hour, and is full at most. It goes below zero where many orders that are queued together are
/// rejected.
#[derive(Debug)]
pub struct RejectionBudget {
    /// Time in which the budget grows by one.
    interval: Duration,
    /// When an account's budget is full again.
    full_at: HashMap<AccountId, Instant>,
    by_time: BTreeSet<(Instant, AccountId)>,
}

impl RejectionBudget {
    /// A full budget of so many rejected orders for every account.
    pub fn per_hour(budget: u32) -> RejectionBudget {
        RejectionBudget {
            interval: HOUR / budget.max(1),
            full_at: HashMap::new(),
            by_time: BTreeSet::new(),
        }
    }

    /// Sets the budget. Earlier rejected orders count as they did.
    pub fn set(&mut self, budget: u32) {
        self.interval = HOUR / budget.max(1);
    }

    /// Counts a rejected order.
    pub fn count(&mut self, account: AccountId, now: Instant) {
        let was = self.full_at.get(&account).copied();
        let full_at = was.map_or(now, |at| at.max(now)) + self.interval;
        let latest = now + (HOUR + REFUSED_MAX).saturating_sub(self.interval);
        let full_at = full_at.min(latest);
        if let Some(was) = was {
            self.by_time.remove(&(was, account));
        } else if self.full_at.len() >= ACCOUNTS_MAX
            && let Some((_, first)) = self.by_time.pop_first()
        {
            self.full_at.remove(&first);
        }
        self.full_at.insert(account, full_at);
        self.by_time.insert((full_at, account));
    }

    /// For how long the account's orders are refused from `now` on; `None` while something is left.
    pub fn refused_for(&self, account: AccountId, now: Instant) -> Option<Duration> {
        let missing = self.full_at.get(&account)?.saturating_duration_since(now);
        let left = (missing + self.interval).saturating_sub(HOUR);
        (!left.is_zero()).then_some(left)
    }

    /// Forgets accounts whose budget is full again.
    pub fn tidy(&mut self, now: Instant) {
        while let Some((at, account)) = self.by_time.first().copied()
            && at <= now
        {
            self.by_time.pop_first();
            self.full_at.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: AccountId = AccountId(1);

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    #[test]
    fn past_the_budget_an_account_waits_until_it_has_grown() {
        let (mut budget, now) = (RejectionBudget::per_hour(60), Instant::now());
        for _ in 0..59 {
            budget.count(ALICE, now);
            assert_eq!(budget.refused_for(ALICE, now), None);
        }
        budget.count(ALICE, now);
        assert_eq!(budget.refused_for(ALICE, now), Some(minutes(1)));
        assert_eq!(budget.refused_for(AccountId(2), now), None);
        assert_eq!(budget.refused_for(ALICE, now + minutes(1)), None);
        budget.count(ALICE, now + minutes(1));
        assert_eq!(
            budget.refused_for(ALICE, now + minutes(1)),
            Some(minutes(1))
        );
        // A higher budget holds at once.
        budget.set(120);
        assert_eq!(budget.refused_for(ALICE, now + minutes(2)), None);
    }

    #[test]
    fn what_exceeds_it_is_made_up_for_but_for_a_day_at_most() {
        let (mut budget, now) = (RejectionBudget::per_hour(60), Instant::now());
        for _ in 0..600 {
            budget.count(ALICE, now);
        }
        assert_eq!(budget.refused_for(ALICE, now), Some(minutes(9 * 60 + 1)));
        for _ in 0..1_000_000 {
            budget.count(ALICE, now);
        }
        assert_eq!(budget.refused_for(ALICE, now), Some(REFUSED_MAX));
    }

    #[test]
    fn a_budget_of_one_is_full_again_after_an_hour() {
        let (mut budget, now) = (RejectionBudget::per_hour(1), Instant::now());
        budget.count(ALICE, now);
        assert_eq!(budget.refused_for(ALICE, now), Some(HOUR));
        assert_eq!(budget.refused_for(ALICE, now + HOUR), None);
        budget.tidy(now + HOUR);
        assert!(budget.full_at.is_empty() && budget.by_time.is_empty());
    }

    #[test]
    fn its_memory_is_bounded() {
        let (mut budget, now) = (RejectionBudget::per_hour(1000), Instant::now());
        for _ in 0..2_000 {
            budget.count(ALICE, now);
        }
        for account in 2..i64::try_from(ACCOUNTS_MAX).unwrap() + 1_000 {
            budget.count(AccountId(account), now);
        }
        assert_eq!(budget.full_at.len(), ACCOUNTS_MAX);
        assert_eq!(budget.by_time.len(), ACCOUNTS_MAX);
        assert!(
            budget.refused_for(ALICE, now).is_some(),
            "who owes most is kept"
        );
    }
}
