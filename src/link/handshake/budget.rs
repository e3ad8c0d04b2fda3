//! spec/link/handshake/budget.md · 3.1.5 Worker Management
//!
//! What peers that have proven nothing may cost the master: GPG operations a second, and handshakes under way.

use super::HandshakeError;
use crate::runtime::rate_limiter::TokenBucket;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How much unproven peers may cost.
#[derive(Debug, Clone, Copy)]
pub struct BudgetLimits {
    /// Proofs checked for each registered worker before others can get in its way.
    pub own_burst: u32,
    /// The time in which a worker's own allowance grows by one.
    pub own_every: Duration,
    /// Proofs checked beyond the workers' own allowances, all together.
    pub shared_burst: u32,
    /// The time in which that grows by one.
    pub shared_every: Duration,
    /// Handshakes of one worker under way at once. The first has a place of its own.
    pub own_under_way: usize,
    /// Handshakes under way beyond those places, all together.
    pub shared_under_way: usize,
}

impl Default for BudgetLimits {
    fn default() -> BudgetLimits {
        BudgetLimits {
            own_burst: 4,
            own_every: Duration::from_secs(1),
            shared_burst: 8,
            shared_every: Duration::from_millis(250),
            own_under_way: 4,
            shared_under_way: 32,
        }
    }
}

#[derive(Debug)]
struct Own {
    bucket: TokenBucket,
    under_way: usize,
}

#[derive(Debug)]
struct State {
    /// Of registered workers only, so no larger than their list; those at rest are left out.
    own: HashMap<Uuid, Own>,
    shared: TokenBucket,
    shared_under_way: usize,
}

/// The budget of one master, shared by its handshake threads.
#[derive(Debug)]
pub struct GpgBudget {
    limits: BudgetLimits,
    state: Mutex<State>,
}

impl GpgBudget {
    /// A budget of which nothing is spent.
    pub fn new(limits: BudgetLimits) -> Arc<GpgBudget> {
        let shared = TokenBucket::full(limits.shared_burst, limits.shared_every, Instant::now());
        let state = State {
            own: HashMap::new(),
            shared,
            shared_under_way: 0,
        };
        Arc::new(GpgBudget {
            limits,
            state: Mutex::new(state),
        })
    }

    /// A place for a handshake in the name of `worker`, which must be registered. It is free again when dropped.
    ///
    /// # Errors
    /// [`HandshakeError::UnderWay`].
    pub fn enter(self: &Arc<Self>, worker: Uuid, now: Instant) -> Result<HandshakePermit, HandshakeError> {
        let limits = &self.limits;
        let mut state = self.state.lock();
        let state = &mut *state;
        let own = state.own.entry(worker).or_insert_with(|| Own {
            bucket: TokenBucket::full(limits.own_burst, limits.own_every, now),
            under_way: 0,
        });
        if own.under_way > 0 {
            if own.under_way >= limits.own_under_way || state.shared_under_way >= limits.shared_under_way {
                return Err(HandshakeError::UnderWay);
            }
            state.shared_under_way += 1;
        }
        own.under_way += 1;
        Ok(HandshakePermit {
            budget: Arc::clone(self),
            worker,
            spent: None,
        })
    }

    /// Handshakes under way.
    pub fn under_way(&self) -> usize {
        self.state.lock().own.values().map(|own| own.under_way).sum()
    }
}

/// From which allowance a token came.
#[derive(Debug, Clone, Copy)]
enum SpentToken {
    Own,
    Shared,
}

/// One handshake under way.
#[derive(Debug)]
pub struct HandshakePermit {
    budget: Arc<GpgBudget>,
    worker: Uuid,
    spent: Option<SpentToken>,
}

impl HandshakePermit {
    /// Pays for the check of a proof: from the worker's own allowance, else from the shared one.
    ///
    /// # Errors
    /// [`HandshakeError::Budget`] where both are spent.
    pub fn spend(&mut self, now: Instant) -> Result<(), HandshakeError> {
        let mut state = self.budget.state.lock();
        let own = state
            .own
            .get_mut(&self.worker)
            .is_some_and(|own| own.bucket.take(now));
        if own {
            self.spent = Some(SpentToken::Own);
        } else if state.shared.take(now) {
            self.spent = Some(SpentToken::Shared);
        } else {
            return Err(HandshakeError::Budget);
        }
        Ok(())
    }

    /// Gives back what was paid: the worker has proven itself, and an honest one may link as often as it must.
    pub fn proven(&mut self) {
        let mut state = self.budget.state.lock();
        match self.spent.take() {
            Some(SpentToken::Own) => {
                if let Some(own) = state.own.get_mut(&self.worker) {
                    own.bucket.give(1);
                }
            }
            Some(SpentToken::Shared) => state.shared.give(1),
            None => {}
        }
    }
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        let mut state = self.budget.state.lock();
        let state = &mut *state;
        let Some(own) = state.own.get_mut(&self.worker) else {
            return;
        };
        own.under_way = own.under_way.saturating_sub(1);
        if own.under_way > 0 {
            state.shared_under_way = state.shared_under_way.saturating_sub(1);
        }
        let now = Instant::now();
        state
            .own
            .retain(|_, own| own.under_way > 0 || !own.bucket.is_full(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn limits() -> BudgetLimits {
        BudgetLimits {
            own_burst: 2,
            own_every: Duration::from_secs(1000),
            shared_burst: 3,
            shared_every: Duration::from_secs(100),
            own_under_way: 3,
            shared_under_way: 3,
        }
    }

    #[test]
    fn one_worker_cannot_spend_another_ones_allowance() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        let spend = |worker, now| budget.enter(worker, now).unwrap().spend(now);
        for _ in 0..5 {
            assert_eq!(spend(A, now), Ok(()));
        }
        assert_eq!(spend(A, now), Err(HandshakeError::Budget));
        assert_eq!(spend(B, now), Ok(()));
        assert_eq!(spend(B, now), Ok(()));
        assert_eq!(spend(B, now), Err(HandshakeError::Budget));
        // One more of the shared ones a hundred seconds later, and not a moment earlier.
        assert_eq!(
            spend(A, now + Duration::from_secs(99)),
            Err(HandshakeError::Budget)
        );
        assert_eq!(spend(A, now + Duration::from_secs(101)), Ok(()));
        assert_eq!(
            spend(B, now + Duration::from_secs(102)),
            Err(HandshakeError::Budget)
        );
    }

    #[test]
    fn a_rate_holds_over_time() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        let spent = (0..20_000u64)
            .filter(|second| {
                let now = now + Duration::from_secs(*second);
                budget.enter(A, now).unwrap().spend(now).is_ok()
            })
            .count();
        // 2 + 3 at once, then one a thousand and one a hundred seconds.
        assert!((222..=226).contains(&spent), "{spent}");
    }

    #[test]
    fn who_proves_itself_pays_nothing() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        for _ in 0..100 {
            let mut place = budget.enter(A, now).unwrap();
            place.spend(now).unwrap();
            place.proven();
        }
        assert!(budget.state.lock().own.is_empty());
    }

    #[test]
    fn every_worker_has_a_place() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        let mut places: Vec<HandshakePermit> = (0..3).map(|_| budget.enter(A, now).unwrap()).collect();
        assert_eq!(budget.enter(A, now).unwrap_err(), HandshakeError::UnderWay);
        places.extend((0..2).map(|_| budget.enter(B, now).unwrap()));
        // Now all the shared places are taken, and each other worker still gets its own.
        assert_eq!(budget.enter(B, now).unwrap_err(), HandshakeError::UnderWay);
        for worker in 3..100 {
            places.push(budget.enter(Uuid::from_u128(worker), now).unwrap());
        }
        assert_eq!(budget.under_way(), 102);
        places.clear();
        assert_eq!(budget.under_way(), 0);
        assert_eq!(budget.state.lock().shared_under_way, 0);
        assert!((0..3).all(|_| budget.enter(A, now).is_ok()));
    }
}
