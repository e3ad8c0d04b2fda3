//! spec/master/transactions.md · 3.1.7
//!
//! Gives each order its number, its time of acceptance and its transaction ID. All three only
//! increase.

use crate::model::Timestamp;
use crate::runtime::clock::SteadyClock;
use uuid::{Builder, Uuid};

/// Random bytes of an ID.
const RANDOM_BYTES: usize = 6;
/// IDs whose random bytes are drawn at once. The kernel gives as many without a wait.
const DRAWN_MAX: usize = 42;

/// Gives out [`OrderKey`]s.
#[derive(Debug)]
pub struct Sequencer {
    number: i64,
    clock: SteadyClock,
    accepted: Timestamp,
    /// IDs given since the millisecond changed.
    within: u32,
    /// The random bytes of IDs to come. A system call for each order is dear.
    drawn: Vec<[u8; RANDOM_BYTES]>,
}

/// The identity of an order.
#[derive(Debug, Clone, Copy)]
pub struct OrderKey {
    /// The order number.
    pub number: i64,
    /// Wall time of acceptance, by a clock that never goes back.
    pub accepted: Timestamp,
    /// Milliseconds by which `accepted` is ahead of the machine's clock, which was set back.
    pub ahead: i64,
    /// UUID version 7 of `accepted`, with a counter within a millisecond (RFC 9562, 6.2 method 1).
    pub id: Uuid,
}

impl Sequencer {
    /// Continues after the last number and time of acceptance in the ledger.
    pub fn after(number: i64, accepted: Timestamp) -> Sequencer {
        Sequencer {
            number,
            clock: SteadyClock::after(accepted),
            accepted,
            within: 0,
            drawn: Vec::new(),
        }
    }

    /// The last number given.
    pub fn last(&self) -> i64 {
        self.number
    }

    /// The time at which an order ends now: the machine's, but no earlier than the last acceptance.
    /// So the times tell that an order came before another one ended, though the clock was set back
    /// between the two.
    pub fn end_time(&self) -> Timestamp {
        Timestamp::now().max(self.accepted)
    }

    /// The next key.
    pub fn give(&mut self) -> OrderKey {
        /// Most IDs of one millisecond. One more takes the next millisecond.
        const WITHIN_MAX: u32 = 1 << 26;
        let wall = Timestamp::now();
        let now = self.clock.at(wall);
        self.within += 1;
        if now > self.accepted {
            // An ID holds no time before 1970.
            if now > Timestamp(0) {
                self.within = 0;
            }
            self.accepted = now;
        } else if self.within >= WITHIN_MAX {
            self.accepted = Timestamp(self.accepted.0 + 1);
            self.within = 0;
        }
        self.number += 1;
        let [r0, r1, r2, r3, r4, r5] = self.draw();
        let byte = |shift: u32, mask: u32| u8::try_from((self.within >> shift) & mask).unwrap_or(0);
        let [high, low, mid, end] = [byte(22, 0x0F), byte(14, 0xFF), byte(8, 0x3F), byte(0, 0xFF)];
        let rest = [high, low, mid, end, r0, r1, r2, r3, r4, r5];
        let millis = u64::try_from(self.accepted.0).unwrap_or(0);
        let id = Builder::from_unix_timestamp_millis(millis, &rest).into_uuid();
        OrderKey {
            number: self.number,
            accepted: self.accepted,
            ahead: self.accepted.since(wall),
            id,
        }
    }

    /// The random bytes of the next ID.
    fn draw(&mut self) -> [u8; RANDOM_BYTES] {
        if let Some(bytes) = self.drawn.pop() {
            return bytes;
        }
        let mut bytes = [0u8; DRAWN_MAX * RANDOM_BYTES];
        // Without random bytes the ID is still unique, but easier to guess.
        if getrandom::fill(&mut bytes).is_ok() {
            self.drawn.extend(bytes.as_chunks().0);
        }
        self.drawn.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::HashSet;

    #[test]
    fn ids_are_version_7_and_sort_like_order_numbers() {
        let mut sequencer = Sequencer::after(41, Timestamp(0));
        let all: Vec<OrderKey> = (0..20_000).map(|_| sequencer.give()).collect();
        assert_eq!(all[0].number, 42);
        for pair in all.windows(2) {
            assert!(pair[0].id < pair[1].id && pair[0].accepted <= pair[1].accepted);
            assert_eq!(pair[1].id.get_version_num(), 7);
        }
        // No two have the same random bytes, by which nobody guesses the next one.
        let random = |key: &OrderKey| key.id.as_u128() & 0xFFFF_FFFF_FFFF;
        let different: HashSet<u128> = all.iter().map(random).collect();
        assert!(different.len() > all.len() - 10, "{}", different.len());
    }

    #[test]
    fn a_clock_set_back_goes_on_from_the_last_time() {
        let ahead = Timestamp(Timestamp::now().0 + 3_600_000);
        let mut sequencer = Sequencer::after(0, ahead);
        let (one, two) = (sequencer.give(), sequencer.give());
        assert!(ahead <= one.accepted && one.accepted <= two.accepted);
        assert!(two.accepted.since(ahead) < 60_000);
        assert!(
            (3_540_000..=3_600_000).contains(&one.ahead),
            "{}",
            one.ahead
        );
        assert!(one.id < two.id);
        // No order ends before it.
        let ended = sequencer.end_time();
        assert!(ended >= two.accepted && ended.since(ahead) < 60_000);
        let before = Timestamp::now();
        assert!(Sequencer::after(0, Timestamp(0)).end_time() >= before);
    }
}
