//! spec/client/order.md · 4.6.4, 4.6.5 and 4.7.5
//!
//! An order is seen through to its outcome: it has a name of its own, and is repeated under that name, on
//! this worker or the next, until what became of it is known. The servers trade once for a name.

use super::connection::{Answer, QueuedNotice, ServerMessage};
use super::{Client, ClientError, WorkerPool};
use crate::model::{ClientOrderId, Quantity, Reason, Side, Symbol, Timestamp};
use crate::runtime::backoff::{self, Backoff};
use crate::wire::reply::Fill;
use crate::wire::{ConnectionState, Refusal, Reply, Request};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often a waiting order looks up, to show the time that is left.
const TICK: Duration = Duration::from_millis(200);

/// The first wait between two rounds over all workers, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What an order is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderTicket {
    /// Buy or sell.
    pub side: Side,
    /// Of which asset.
    pub symbol: Symbol,
    /// How many units.
    pub quantity: Quantity,
    /// Its own name, never used for another order of the account.
    pub id: ClientOrderId,
}

/// A name that no order has had.
///
/// # Errors
/// The system gives no random numbers.
pub fn fresh_id() -> Result<ClientOrderId, ClientError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|e| ClientError::Local(format!("no random numbers: {e}")))?;
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    ClientOrderId::parse(&id.hyphenated().to_string()).map_err(|e| ClientError::Local(e.0.to_owned()))
}

/// How long an order is seen through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderTimeouts {
    /// For a notice or a reply on one connection. A worker may take 60 s to find out, so more than that.
    pub answer: Duration,
    /// Past the expected settlement, before the order is repeated to see how it stands.
    pub grace: Duration,
    /// Without a word from any worker about the order, before it is given up as unknown.
    pub contact: Duration,
    /// In all; an order that is still queued then is left to the history.
    pub settlement: Duration,
}

impl Default for OrderTimeouts {
    fn default() -> OrderTimeouts {
        OrderTimeouts {
            answer: Duration::from_secs(75),
            grace: Duration::from_secs(30),
            contact: Duration::from_secs(300),
            settlement: Duration::from_secs(24 * 3600),
        }
    }
}

/// What happens while an order is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderProgress {
    /// It is on the durable queue.
    Queued(QueuedNotice),
    /// It is on the queue, and expected to settle after so long (zero when that is over).
    Waiting(Duration),
    /// An attempt ended without an answer, and it will be repeated under the same name.
    Repeating(ClientError),
}

/// How an order ended, as far as it was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderOutcome {
    /// It was filled.
    Filled(Fill),
    /// It was refused, and nothing was traded. With the transaction's ID, where it had been queued.
    Rejected(Refusal, Option<Uuid>),
    /// It is on the durable queue, and was not waited for any longer.
    Queued(QueuedNotice),
}

/// Sends `order` and follows it: to its end, or with `wait` false until it is on the queue.
///
/// # Errors
/// [`ClientError::Unknown`] where it was sent and nothing could be found out within `patience`; anything else means
/// that it was not queued.
pub fn place(
    pool: &mut WorkerPool,
    order: &OrderTicket,
    patience: &OrderTimeouts,
    wait: bool,
    on: &mut dyn FnMut(&OrderProgress),
) -> Result<OrderOutcome, ClientError> {
    let mut follow = OrderFollower {
        order,
        patience,
        wait,
        begun: Instant::now(),
        trouble: None,
        queued: None,
        uncertain: false,
    };
    let mut rounds = Backoff::new(PAUSE_FIRST, PAUSE_MAX);
    loop {
        // One round over the workers; an attempt that broke counts as that worker's failure.
        let error = match pool.call(|client| follow.attempt(client, on)) {
            Ok(outcome) => return Ok(outcome),
            Err(error) => error,
        };
        if let Some(outcome) = follow.settle_for(&error) {
            return outcome;
        }
        let trouble = *follow.trouble.get_or_insert_with(Instant::now);
        // By chance, so that many clients that lost the same worker do not come back in step.
        let wait = backoff::about(rounds.next_wait());
        if trouble.elapsed() + wait >= patience.contact {
            return follow.give_up(&error);
        }
        if !error.is_ambiguous() {
            on(&OrderProgress::Repeating(error));
        }
        std::thread::sleep(wait);
    }
}

/// An order on its way.
struct OrderFollower<'a> {
    order: &'a OrderTicket,
    patience: &'a OrderTimeouts,
    wait: bool,
    begun: Instant,
    /// Since when no worker has said anything about it, where one should have.
    trouble: Option<Instant>,
    queued: Option<QueuedNotice>,
    /// An attempt was sent whose answer never came, so that a later refusal need not be the whole truth.
    uncertain: bool,
}

impl OrderFollower<'_> {
    /// Sends the order on one connection and listens there.
    fn attempt(
        &mut self,
        client: &mut Client,
        on: &mut dyn FnMut(&OrderProgress),
    ) -> Result<OrderOutcome, ClientError> {
        client.enter(ConnectionState::Command)?;
        let request = Request::Order {
            session: client.session().cloned().ok_or(ClientError::NoSession)?,
            side: self.order.side,
            symbol: self.order.symbol,
            quantity: self.order.quantity,
            id: Some(self.order.id.clone()),
        };
        let result = client
            .connection()
            .send(&request)
            .and_then(|()| self.listen(client, &request, on));
        match result {
            Err(error) if error.is_ambiguous() => {
                self.uncertain = true;
                on(&OrderProgress::Repeating(error.clone()));
                Err(error)
            }
            // After an attempt whose end was not seen, "not here, not now" says nothing about that attempt.
            Ok((OrderOutcome::Rejected(refusal, _), false))
                if self.uncertain && is_passing(refusal.reason) =>
            {
                match refusal.reason {
                    // Every worker would say so.
                    Reason::SessionExpired => Err(ClientError::Unknown {
                        order: self.order.id.clone(),
                        text: refusal.to_string(),
                    }),
                    _ => Err(ClientError::Lost {
                        address: client.address().to_owned(),
                        text: refusal.to_string(),
                    }),
                }
            }
            Ok((OrderOutcome::Rejected(refusal, None), _)) if refusal.reason == Reason::MasterUnavailable => {
                Err(ClientError::Refused(refusal))
            }
            Ok((outcome, _)) => Ok(outcome),
            Err(error) => Err(error),
        }
    }

    /// The outcome, and whether this connection had announced the order before.
    fn listen(
        &mut self,
        client: &mut Client,
        request: &Request,
        on: &mut dyn FnMut(&OrderProgress),
    ) -> Result<(OrderOutcome, bool), ClientError> {
        let connection = client.connection();
        let mut until = Instant::now() + self.patience.answer;
        let mut announced = None;
        loop {
            match connection.recv_within(TICK)? {
                Some(ServerMessage::Notice(notice))
                    if notice.client_order_id.as_ref() == Some(&self.order.id) =>
                {
                    self.trouble = None;
                    until = Instant::now() + remaining(notice.expected) + self.patience.grace;
                    on(&OrderProgress::Queued(notice.clone()));
                    if !self.wait {
                        return Ok((OrderOutcome::Queued(notice), true));
                    }
                    announced = Some(notice.expected);
                    self.queued = Some(notice);
                }
                Some(ServerMessage::Notice(_)) => {}
                Some(ServerMessage::Reply(answer)) => {
                    return match connection.accept(request.instruction(), answer) {
                        Ok(Answer::Message(Reply::Filled(fill))) => {
                            Ok((OrderOutcome::Filled(fill), announced.is_some()))
                        }
                        Ok(_) => Err(connection.broken("an answer of another kind")),
                        Err(ClientError::Refused(refusal)) => {
                            let id = self.queued.as_ref().map(|notice| notice.id);
                            Ok((OrderOutcome::Rejected(refusal, id), announced.is_some()))
                        }
                        Err(other) => Err(other),
                    };
                }
                Some(ServerMessage::Fault(code, text)) => {
                    return Err(ClientError::Protocol {
                        address: connection.address().to_owned(),
                        code,
                        text,
                    });
                }
                Some(ServerMessage::Closed) => {
                    return Err(connection.broken("the connection was closed before the order's answer"));
                }
                None => {
                    if let Some(expected) = announced {
                        on(&OrderProgress::Waiting(remaining(expected)));
                    }
                }
            }
            if let Some(notice) = &self.queued
                && self.begun.elapsed() >= self.patience.settlement
            {
                return Ok((OrderOutcome::Queued(notice.clone()), true));
            }
            if Instant::now() >= until {
                return Err(connection.broken("no answer to the order in time"));
            }
        }
    }

    /// What to make of a round that ended in `error`: an outcome, or `None` to go on.
    fn settle_for(&self, error: &ClientError) -> Option<Result<OrderOutcome, ClientError>> {
        match error {
            ClientError::Refused(refusal) if refusal.reason == Reason::MasterUnavailable => {
                // It was never sent by that worker, and by no other either.
                (!self.uncertain).then(|| Ok(OrderOutcome::Rejected(refusal.clone(), None)))
            }
            error if error.is_about_the_worker() => {
                // Nothing was ever sent: the caller may as well hear so at once.
                (!self.uncertain && !error.is_ambiguous()).then(|| Err(error.clone()))
            }
            ClientError::Unknown { .. } => Some(self.give_up(error)),
            error if self.uncertain => Some(self.give_up(error)),
            error => Some(Err(error.clone())),
        }
    }

    /// The end of the search: what is known for certain, or that nothing is.
    fn give_up(&self, error: &ClientError) -> Result<OrderOutcome, ClientError> {
        match (&self.queued, error) {
            (Some(notice), _) => Ok(OrderOutcome::Queued(notice.clone())),
            (None, ClientError::Unknown { .. }) => Err(error.clone()),
            (None, _) => Err(ClientError::Unknown {
                order: self.order.id.clone(),
                text: error.to_string(),
            }),
        }
    }
}

/// Refusals that concern the moment or the session, not the order: the same order may still be accepted from
/// an earlier attempt.
fn is_passing(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Overloaded
            | Reason::MasterUnavailable
            | Reason::InternalError
            | Reason::SessionExpired
            | Reason::TooManyAttempts
            | Reason::WrongState
    )
}

/// How long until `expected` by this machine's clock; zero when it is over.
fn remaining(expected: Timestamp) -> Duration {
    /// A clock that is off, there or here, must not make anybody wait for ever.
    const MOST: Duration = Duration::from_secs(24 * 3600);
    let left = expected.since(Timestamp::now());
    Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(MOST)
}

#[cfg(test)]
mod tests;
