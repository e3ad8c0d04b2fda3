//! spec/link/handshake/budget.md · 3.1.5 Worker Management
//!
//! Limits what unproven peers can cost the master: GPG operations per second, and handshakes in
//! progress.

use super::HandshakeError;
use crate::runtime::rate_limiter::TokenBucket;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Limits for unproven peers.
#[derive(Debug, Clone, Copy)]
pub struct BudgetLimits {
    /// Tokens of each registered worker: proofs that are checked for it whatever other peers do.
    pub own_burst: u32,
    /// Time in which a worker gets another token of its own.
    pub own_every: Duration,
    /// Shared tokens: proofs that are checked for all workers together beyond their own tokens.
    pub shared_burst: u32,
    /// Time in which another shared token is added.
    pub shared_every: Duration,
    /// The most handshakes of one worker in progress. The first does not count as shared.
    pub own_under_way: usize,
    /// The most handshakes in progress beyond the first of each worker, all together.
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
struct WorkerBudget {
    bucket: TokenBucket,
    under_way: usize,
}

#[derive(Debug)]
struct State {
    /// Registered workers with spent tokens or a handshake in progress; no larger than the list of
    /// workers.
    own: HashMap<Uuid, WorkerBudget>,
    shared: TokenBucket,
    shared_under_way: usize,
}

/// A master's budget, shared by its handshake threads.
#[derive(Debug)]
pub struct GpgBudget {
    limits: BudgetLimits,
    state: Mutex<State>,
}

impl GpgBudget {
    /// A budget that is not used yet.
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

    /// A permit for a handshake of `worker`, which must be registered. Dropping it ends the
    /// handshake.
    ///
    /// # Errors
    /// [`HandshakeError::UnderWay`] if too many are in progress.
    pub fn enter(
        self: &Arc<Self>,
        worker: Uuid,
        now: Instant,
    ) -> Result<HandshakePermit, HandshakeError> {
        let limits = &self.limits;
        let mut state = self.state.lock();
        let state = &mut *state;
        let own = state.own.entry(worker).or_insert_with(|| WorkerBudget {
            bucket: TokenBucket::full(limits.own_burst, limits.own_every, now),
            under_way: 0,
        });
        if own.under_way > 0 {
            if own.under_way >= limits.own_under_way
                || state.shared_under_way >= limits.shared_under_way
            {
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

    /// The number of handshakes in progress.
    pub fn under_way(&self) -> usize {
        self.state
            .lock()
            .own
            .values()
            .map(|own| own.under_way)
            .sum()
    }
}

/// The bucket from which a token was taken.
#[derive(Debug, Clone, Copy)]
enum SpentToken {
    Own,
    Shared,
}

/// The permit of a handshake in progress.
#[derive(Debug)]
pub struct HandshakePermit {
    budget: Arc<GpgBudget>,
    worker: Uuid,
    spent: Option<SpentToken>,
}

impl HandshakePermit {
    /// Takes a token for the check of a proof: one of the worker's own, or else a shared one.
    ///
    /// # Errors
    /// [`HandshakeError::Budget`] if both buckets are empty.
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

    /// Gives the token back: the worker has authenticated itself. A genuine worker can link as
    /// often as necessary.
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
    fn a_worker_cannot_spend_the_tokens_of_another() {
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
        // A shared token is added after 100 seconds, and not before.
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
    fn the_long_term_rate_is_bounded() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        let spent = (0..20_000u64)
            .filter(|second| {
                let now = now + Duration::from_secs(*second);
                budget.enter(A, now).unwrap().spend(now).is_ok()
            })
            .count();
        // 5 at once, then one per 1,000 and one per 100 seconds.
        assert!((222..=226).contains(&spent), "{spent}");
    }

    #[test]
    fn a_proven_worker_gets_its_token_back() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        for _ in 0..100 {
            let mut permit = budget.enter(A, now).unwrap();
            permit.spend(now).unwrap();
            permit.proven();
        }
        assert!(budget.state.lock().own.is_empty());
    }

    #[test]
    fn every_worker_can_have_one_handshake() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        let mut permits: Vec<HandshakePermit> =
            (0..3).map(|_| budget.enter(A, now).unwrap()).collect();
        assert_eq!(budget.enter(A, now).unwrap_err(), HandshakeError::UnderWay);
        permits.extend((0..2).map(|_| budget.enter(B, now).unwrap()));
        // All shared permits are taken, and every other worker still gets its own.
        assert_eq!(budget.enter(B, now).unwrap_err(), HandshakeError::UnderWay);
        for worker in 3..100 {
            permits.push(budget.enter(Uuid::from_u128(worker), now).unwrap());
        }
        assert_eq!(budget.under_way(), 102);
        permits.clear();
        assert_eq!(budget.under_way(), 0);
        assert_eq!(budget.state.lock().shared_under_way, 0);
        assert!((0..3).all(|_| budget.enter(A, now).is_ok()));
    }
}
