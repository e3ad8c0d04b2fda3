//! spec/master/assets/pause.md · 3.1.6, 2.3.4
//!
//! A market that an administrator pauses and resumes.
//!
//! Tests: `tests/suite/master/pause.rs`.

use super::schedule::UpdateSchedule;
use super::update::{SEND_TIMEOUT, Updater};
use crate::master::messages::WorkersMessage;
use crate::master::storage::bars::MarketPause;
use crate::model::Timestamp;
use std::sync::Arc;
use std::time::Instant;

impl Updater {
    /// Pauses the market. An update that is being retrieved is not made: nobody has seen its prices.
    ///
    /// # Errors
    /// It is paused already or has ended, or the database fails.
    pub(super) fn pause(&mut self) -> Result<Timestamp, String> {
        if let Some(since) = self.paused {
            return Err(format!("the market is paused already, since {since}"));
        }
        if self.position.exhausted {
            return Err("the market has ended: no update follows".to_owned());
        }
        let now = Timestamp::now();
        self.set_paused(Some(now), None)?;
        if self.in_progress.take().is_some() {
            self.is_abandoned = true;
            self.progress.set_under_way(false);
            self.progress.set_first(self.position.number + 1);
        }
        self.starting = None;
        self.tell_workers();
        Ok(now)
    }

    /// Lets a paused market go on: the next update begins at once.
    ///
    /// # Errors
    /// It is not paused, or the database fails.
    pub(super) fn resume(&mut self) -> Result<Timestamp, String> {
        let Some(since) = self.paused else {
            return Err("the market is not paused".to_owned());
        };
        self.set_paused(None, Some(Timestamp::now()))?;
        self.schedule = UpdateSchedule::new(self.config.update_interval, Instant::now());
        self.tell_workers();
        Ok(since)
    }

    /// Stores and publishes a pause or its end, and when the next update is due.
    fn set_paused(
        &mut self,
        since: Option<Timestamp>,
        next: Option<Timestamp>,
    ) -> Result<(), String> {
        let prices = self.prices.load();
        let pause = since.map(|since| MarketPause {
            since,
            steps_left: prices.steps_left,
            market: prices.market,
        });
        self.store
            .set_paused(pause.as_ref())
            .map_err(|error| format!("the database: {error}; nothing has changed"))?;
        self.paused = since;
        self.progress.set_next(next);
        let mut snapshot = (*prices).clone();
        snapshot.paused = since;
        self.prices.store(Arc::new(snapshot));
        Ok(())
    }

    /// Tells clients, through the workers, how the market stands.
    fn tell_workers(&self) {
        let workers = &self.channels.workers;
        if workers
            .send_timeout(WorkersMessage::MarketChanged, SEND_TIMEOUT)
            .is_err()
        {
            crate::error!("workers could not be told how the market stands: the inbox is full");
        }
    }
}
