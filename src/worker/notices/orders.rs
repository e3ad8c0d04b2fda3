//! spec/worker/notices.md · 3.1.7, 4.1 (orderNotice)
//!
//! Tells the ends of orders to the connections that are subscribed to them. Never asks the master:
//! `clients` has done so before a subscription comes here.
//!
//! Tests: `src/worker/tests/notices.rs`.

use super::super::messages::{OrderNoticesMessage, SubscriptionRequest};
use super::super::notice_sender::NewsCount;
use super::Subscription;
use crate::model::{Reason, SessionHash};
use crate::net::Connection;
use crate::runtime::Module;
use crate::runtime::clock::RemoteClock;
use crate::wire::Refusal;
use crate::worker::client::WorkerClient;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Connections of an account that are subscribed to `orders` at most, at one worker.
pub const ORDER_SUBSCRIBERS_MAX: usize = 64;

/// A connection that is subscribed to `orders`.
#[derive(Debug)]
struct OrderSubscriber {
    client: Arc<WorkerClient>,
    subscription: Subscription,
}

impl OrderSubscriber {
    fn connection(&self) -> &Arc<Connection> {
        &self.client.connection
    }
}

/// The module's state.
#[derive(Debug)]
pub struct OrderNotices {
    /// The subscribers of each account, by its name.
    accounts: HashMap<String, Vec<OrderSubscriber>>,
    /// The name of the account that a connection is subscribed to.
    connections: HashMap<u64, String>,
    topics_max: usize,
    clock: Arc<RemoteClock>,
    news: Arc<NewsCount>,
}

impl OrderNotices {
    /// The module without subscribers. A connection has at most `topics_max` topics.
    pub fn new(topics_max: usize, clock: Arc<RemoteClock>, news: Arc<NewsCount>) -> OrderNotices {
        OrderNotices {
            accounts: HashMap::new(),
            connections: HashMap::new(),
            topics_max,
            clock,
            news,
        }
    }
}

impl Module for OrderNotices {
    type Message = OrderNoticesMessage;

    fn on_message(&mut self, message: OrderNoticesMessage) {
        if self.news.was_lost() {
            self.resume(|_| true);
        }
        match message {
            OrderNoticesMessage::Subscribe(request) => self.subscribe(request),
            OrderNoticesMessage::Unsubscribe(request) => {
                self.remove(request.client.connection.number);
                request.unsubscribed();
            }
            OrderNoticesMessage::Ended { username, frames } => {
                self.news.take();
                self.tell(&username, &frames);
            }
            OrderNoticesMessage::Resumed(session) => self.resume(|it| it == session),
        }
    }

    /// Forgets subscriptions that have ended.
    fn on_tick(&mut self, _now: Instant) {
        let now = self.clock.now();
        let is_over =
            |it: &&OrderSubscriber| !it.connection().is_open() || !it.subscription.is_active(now);
        let over = self.accounts.values().flatten().filter(is_over);
        let over: Vec<u64> = over.map(|it| it.connection().number).collect();
        for number in over {
            self.remove(number);
        }
    }
}

impl OrderNotices {
    fn subscribe(&mut self, request: SubscriptionRequest) {
        let number = request.client.connection.number;
        let username = &request.session.session.username;
        let now = self.clock.now();
        let of_account = self.accounts.get(username).map_or(&[][..], Vec::as_slice);
        let is_known = of_account.iter().any(|it| it.connection().number == number);
        let others = of_account.iter().filter(|it| {
            let is_live = it.connection().is_open() && it.subscription.is_active(now);
            is_live && it.connection().number != number
        });
        if !is_known && others.count() >= ORDER_SUBSCRIBERS_MAX {
            let text = "64 connections of this account are subscribed to orders here";
            request.refused(&Refusal::new(Reason::Overloaded, text));
            return;
        }
        // It may belong to another account.
        let before = self.remove(number);
        if let Err(refusal) = request.take_topic(self.topics_max) {
            request.refused(&refusal);
            return;
        }
        let mut subscription = Subscription::new(&request);
        if let Some(before) = before.filter(|_| is_known) {
            subscription.dropped = before.dropped;
            subscription.is_unknown = before.is_unknown;
        }
        self.connections.insert(number, username.clone());
        let of_account = self.accounts.entry(username.clone()).or_default();
        of_account.push(OrderSubscriber {
            client: Arc::clone(&request.client),
            subscription,
        });
        request.subscribed();
    }

    /// Sends notices to the subscribers of an account.
    fn tell(&mut self, username: &str, frames: &[Vec<u8>]) {
        let now = self.clock.now();
        for subscriber in self.accounts.get_mut(username).into_iter().flatten() {
            if subscriber.subscription.is_active(now) {
                subscriber
                    .subscription
                    .send(&subscriber.client.connection, frames);
            }
        }
    }

    /// Tells subscribers that they may have missed notices: the link to the master broke, or this
    /// module was too far behind.
    fn resume(&mut self, is_concerned: impl Fn(SessionHash) -> bool) {
        let now = self.clock.now();
        for subscriber in self.accounts.values_mut().flatten() {
            let subscription = &subscriber.subscription;
            if subscription.is_active(now) && is_concerned(subscription.session.hash) {
                subscriber.subscription.is_unknown = true;
                let _ = subscriber
                    .subscription
                    .tell_dropped(&subscriber.client.connection);
            }
        }
    }

    /// Ends the subscription of a connection, and returns it.
    fn remove(&mut self, number: u64) -> Option<Subscription> {
        let username = self.connections.remove(&number)?;
        let subscribers = self.accounts.get_mut(&username)?;
        let place = subscribers
            .iter()
            .position(|it| it.connection().number == number)?;
        let removed = subscribers.swap_remove(place);
        if subscribers.is_empty() {
            self.accounts.remove(&username);
        }
        removed.client.give_topic_back();
        Some(removed.subscription)
    }
}
