//! spec/link/handshake/budget.md · 3.1.5 Worker Management
//!
//! Limits what peers can cost the master: GPG operations for unproven ones per second and at once,
//! handshakes in progress, and links that a proven worker makes.

use super::HandshakeError;
use crate::runtime::rate_limiter::TokenBucket;
use parking_lot::{Condvar, Mutex};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Limits for handshakes.
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
    /// Links that a worker makes at once: handshakes in which it proves itself.
    pub link_burst: u32,
    /// Time in which a worker may make another link.
    pub link_every: Duration,
    /// How long a proof waits while another one in the same worker's name is checked.
    pub check_wait: Duration,
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
            link_burst: 10,
            link_every: Duration::from_secs(2),
            check_wait: Duration::from_secs(5),
            own_under_way: 4,
            shared_under_way: 32,
        }
    }
}

#[derive(Debug)]
struct WorkerBudget {
    bucket: TokenBucket,
    links: TokenBucket,
    /// Whether a proof in its name is being checked.
    is_checking: bool,
    under_way: usize,
}

#[derive(Debug)]
struct State {
    /// Registered workers with spent tokens, links made lately, or a handshake in progress; no
    /// larger than the list of workers.
    own: HashMap<Uuid, WorkerBudget>,
    shared: TokenBucket,
    shared_under_way: usize,
}

/// A master's budget, shared by its handshake threads.
#[derive(Debug)]
pub struct GpgBudget {
    limits: BudgetLimits,
    state: Mutex<State>,
    /// Signalled when the check of a proof ends.
    checked: Condvar,
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
            checked: Condvar::new(),
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
            links: TokenBucket::full(limits.link_burst, limits.link_every, now),
            is_checking: false,
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
            is_checking: false,
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
    /// Whether the proof of this handshake is being checked.
    is_checking: bool,
}

impl HandshakePermit {
    /// Waits for its turn, and takes a token for the check of a proof: one of the worker's own, or
    /// else a shared one. Of the proofs in one worker's name, one is checked at a time.
    ///
    /// # Errors
    /// [`HandshakeError::UnderWay`] if the turn does not come in time; [`HandshakeError::Budget`] if
    /// both buckets are empty, or the worker has made too many links.
    pub fn spend(&mut self, now: Instant) -> Result<(), HandshakeError> {
        let (budget, began) = (Arc::clone(&self.budget), Instant::now());
        let mut state = budget.state.lock();
        let deadline = began + budget.limits.check_wait;
        while state.is_checking(&self.worker) {
            let timed_out = budget.checked.wait_until(&mut state, deadline).timed_out();
            if timed_out && state.is_checking(&self.worker) {
                return Err(HandshakeError::UnderWay);
            }
        }
        self.spent = Some(state.spend(&self.worker, now + began.elapsed())?);
        self.is_checking = true;
        Ok(())
    }

    /// Gives the token back, and takes one for the link: the worker has authenticated itself.
    pub fn proven(&mut self, now: Instant) {
        let budget = Arc::clone(&self.budget);
        let mut state = budget.state.lock();
        self.end_check(&mut state);
        let spent = self.spent.take();
        if matches!(spent, Some(SpentToken::Shared)) {
            state.shared.give(1);
        }
        if let Some(own) = state.own.get_mut(&self.worker) {
            own.links.take(now);
            if matches!(spent, Some(SpentToken::Own)) {
                own.bucket.give(1);
            }
        }
    }

    /// Lets the next proof in the worker's name be checked, if this one was.
    fn end_check(&mut self, state: &mut State) {
        if std::mem::take(&mut self.is_checking) {
            if let Some(own) = state.own.get_mut(&self.worker) {
                own.is_checking = false;
            }
            // Others may wait for another worker's check: each looks for itself.
            self.budget.checked.notify_all();
        }
    }
}

impl State {
    fn is_checking(&self, worker: &Uuid) -> bool {
        self.own.get(worker).is_some_and(|own| own.is_checking)
    }

    /// Takes a token for the check of a proof, which begins.
    fn spend(&mut self, worker: &Uuid, now: Instant) -> Result<SpentToken, HandshakeError> {
        let own = self.own.get_mut(worker).ok_or(HandshakeError::Budget)?;
        if own.links.is_empty(now) {
            return Err(HandshakeError::Budget);
        }
        let spent = if own.bucket.take(now) {
            SpentToken::Own
        } else if self.shared.take(now) {
            SpentToken::Shared
        } else {
            return Err(HandshakeError::Budget);
        };
        own.is_checking = true;
        Ok(spent)
    }
}

impl Drop for HandshakePermit {
    fn drop(&mut self) {
        let budget = Arc::clone(&self.budget);
        let mut state = budget.state.lock();
        let state = &mut *state;
        self.end_check(state);
        let Some(own) = state.own.get_mut(&self.worker) else {
            return;
        };
        own.under_way = own.under_way.saturating_sub(1);
        if own.under_way > 0 {
            state.shared_under_way = state.shared_under_way.saturating_sub(1);
        }
        let now = Instant::now();
        state.own.retain(|_, own| {
            own.under_way > 0 || !own.bucket.is_full(now) || !own.links.is_full(now)
        });
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
            link_burst: 10,
            link_every: Duration::from_secs(10),
            check_wait: Duration::from_secs(20),
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

    fn link(budget: &Arc<GpgBudget>, worker: Uuid, now: Instant) -> Result<(), HandshakeError> {
        let mut permit = budget.enter(worker, now)?;
        permit.spend(now)?;
        permit.proven(now);
        Ok(())
    }

    #[test]
    fn a_proven_worker_links_so_often_at_once_and_then_now_and_then() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        let links = |from: u64, to: u64| {
            (from..to)
                .filter(|second| link(&budget, A, now + Duration::from_secs(*second)).is_ok())
                .count()
        };
        let at_once = (0..100).filter(|_| link(&budget, A, now).is_ok()).count();
        assert_eq!(at_once, 10);
        assert_eq!(link(&budget, A, now), Err(HandshakeError::Budget));
        assert_eq!(links(1, 1001), 100, "one in 10 s");
        // It has spent no token of its own, none of those that are shared, and nobody else's link.
        let later = now + Duration::from_secs(1001);
        assert_eq!(link(&budget, B, later), Ok(()));
        let mut state = budget.state.lock();
        assert!(state.shared.is_full(later));
        assert!(state.own.get_mut(&A).unwrap().bucket.is_full(later));
    }

    #[test]
    fn who_does_not_prove_itself_spends_no_links() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        while budget.enter(A, now).unwrap().spend(now).is_ok() {}
        let later = now + Duration::from_secs(10_000);
        for _ in 0..10 {
            assert_eq!(link(&budget, A, later), Ok(()));
        }
    }

    #[test]
    fn one_proof_in_a_workers_name_is_checked_at_a_time() {
        let budget = GpgBudget::new(limits());
        let now = Instant::now();
        let mut first = budget.enter(A, now).unwrap();
        first.spend(now).unwrap();
        let mut other = budget.enter(B, now).unwrap();
        other.spend(now).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| {
                let mut second = budget.enter(A, now).unwrap();
                second.spend(now).map(|()| second)
            });
            while budget.under_way() < 3 {
                std::thread::yield_now();
            }
            assert!(!waits.is_finished());
            drop(other);
            assert!(!waits.is_finished(), "another worker's is none of its own");
            first.proven(now);
            let second = waits.join().unwrap().unwrap();
            assert!(budget.state.lock().is_checking(&A));
            drop(second);
        });
        assert!(!budget.state.lock().is_checking(&A));
    }

    #[test]
    fn a_proof_does_not_wait_for_ever() {
        let budget = GpgBudget::new(BudgetLimits {
            check_wait: Duration::from_millis(1),
            ..limits()
        });
        let now = Instant::now();
        let mut first = budget.enter(A, now).unwrap();
        first.spend(now).unwrap();
        let mut second = budget.enter(A, now).unwrap();
        assert_eq!(second.spend(now), Err(HandshakeError::UnderWay));
        drop(second);
        assert!(budget.state.lock().is_checking(&A), "the first one's");
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
