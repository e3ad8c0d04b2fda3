//! spec/worker/notices.md · 3.2, 4.1 (what clients are told without asking)
//!
//! What the two threads of notices have in common: a subscription, and how its notices are sent. They
//! never wait for a client: what it has no room for is dropped and counted.
//!
//! Tests: `src/worker/tests/notices.rs`.

pub mod orders;
pub mod quotes;

use super::client::CachedSession;
use super::messages::SubscriptionRequest;
use crate::model::topic::DROPPED_MAX;
use crate::model::{Reason, Timestamp, Topic};
use crate::net::Connection;
use crate::wire::{Instruction, Refusal, Reply};
use std::sync::Arc;

/// A topic that a connection is subscribed to.
#[derive(Debug)]
struct Subscription {
    topic: Topic,
    /// It ends with this session.
    session: Arc<CachedSession>,
    /// Notices that were dropped since the last one that was sent.
    dropped: u32,
    /// Whether notices were dropped whose number is not known.
    is_unknown: bool,
}

impl Subscription {
    fn new(request: &SubscriptionRequest) -> Subscription {
        Subscription {
            topic: request.topic,
            session: Arc::clone(&request.session),
            dropped: 0,
            is_unknown: false,
        }
    }

    fn is_active(&self, now: Timestamp) -> bool {
        self.session.is_active(now)
    }

    /// Sends notices of the topic, behind the number of those that were dropped before. What has no
    /// room is dropped.
    fn send(&mut self, connection: &Arc<Connection>, frames: &[impl AsRef<[u8]>]) {
        if !self.tell_dropped(connection) {
            self.drop_notices(frames.len());
            return;
        }
        let accepted = connection.notify(frames);
        self.drop_notices(frames.len().saturating_sub(accepted));
    }

    /// Whether notices were dropped of which the client has not been told.
    fn has_dropped(&self) -> bool {
        self.dropped > 0 || self.is_unknown
    }

    /// Tells how many notices were dropped. False where there is no room for it.
    fn tell_dropped(&mut self, connection: &Arc<Connection>) -> bool {
        if !self.has_dropped() {
            return true;
        }
        let count = if self.is_unknown { 0 } else { self.dropped };
        let topic = self.topic;
        let mut frame = Vec::new();
        Reply::NoticesDropped { topic, count }.write(&mut frame);
        let is_told = connection.notify(&[frame]) == 1;
        if is_told {
            (self.dropped, self.is_unknown) = (0, false);
        }
        is_told
    }

    fn drop_notices(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or(DROPPED_MAX);
        self.dropped = self.dropped.saturating_add(count).min(DROPPED_MAX);
    }
}

impl SubscriptionRequest {
    /// Takes a topic of the connection's, for a subscription that is new.
    fn take_topic(&self, topics_max: usize) -> Result<(), Refusal> {
        if self.client.take_topic(topics_max) {
            return Ok(());
        }
        let text = format!("a connection has at most {topics_max} topics; unsubscribe from some");
        Err(Refusal::new(Reason::Overloaded, text))
    }

    fn subscribed(&self) {
        let topic = self.topic;
        let connection = &self.client.connection;
        connection.reply(self.number, |out| Reply::Subscribed(topic).write(out));
    }

    fn refused(&self, refusal: &Refusal) {
        self.client
            .fail(self.number, Instruction::Subscribe, refusal);
    }

    fn unsubscribed(&self) {
        let topic = self.topic;
        let connection = &self.client.connection;
        connection.reply(self.number, |out| Reply::Unsubscribed(topic).write(out));
    }
}
