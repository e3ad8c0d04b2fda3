//! spec/dialogue/runner.md · 4.7 Communication
//!
//! `await`: repeats a request until its answer is the expected one.

use super::super::peer::Arrival;
use super::super::script::ConnectionNumber;
use super::{Runner, STEP_TIMEOUT};
use std::time::{Duration, Instant};

/// The pause between two requests.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

impl Runner<'_> {
    /// Sends the request again until the answer matches or `within` has passed.
    ///
    /// # Errors
    /// The last answer that did not match; or at once, that no message was received.
    pub(super) fn retry(
        &mut self,
        number: ConnectionNumber,
        words: &[String],
        answer: &[String],
        within: Duration,
    ) -> Result<(), String> {
        // What it waits for may be an order of any connection, or an update of prices.
        let settled = self
            .connections
            .values()
            .filter_map(|c| c.announced())
            .max();
        let now = Instant::now();
        let until = settled.map_or(now, |settled| settled.max(now)) + within + self.update_interval;
        loop {
            self.send_message(number, words)?;
            let received = self.receive(number, STEP_TIMEOUT.max(within))?;
            let is_message = received
                .as_ref()
                .is_some_and(|received| matches!(received.arrival, Arrival::Message(_)));
            let outcome = self.expect(number, answer, None, received, within);
            if !is_message {
                return outcome;
            }
            if outcome.is_ok() || Instant::now() >= until {
                return outcome;
            }
            std::thread::sleep(RETRY_INTERVAL);
        }
    }
}
