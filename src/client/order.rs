//! spec/client/order.md · 4.6.4, 4.6.5 and 4.7.5
//!
//! Follows an order to its outcome. Every order has a client order ID and is repeated under it, on
//! the same or another worker, until its outcome is known. The servers execute at most one order
//! for an ID. An order of placeOrder is followed until it is on disk; [`leave_queue`] looks at it
//! afterwards.

use super::connection::{Answer, QueuedNotice, ServerConnection, ServerMessage};
use super::server_info::ServerInfo;
use super::{Client, ClientError, OrderChange, OrderForm, PlacedOrder, WorkerPool};
use crate::model::{
    ClientOrderId, MarketState, OpenValue, ProtocolFault, Quantity, Reason, SessionId, Side,
    Symbol, Timestamp, TransactionStatus, Username,
};
use crate::runtime::backoff::{self, Backoff};
use crate::wire::payload::PageEntry;
use crate::wire::reply::Fill;
use crate::wire::{ConnectionState, Refusal, Reply, Request};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How often [`OrderProgress::Waiting`] is reported.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

/// The first wait between two rounds over all workers, and the longest.
const BACKOFF_FIRST_INTERVAL: Duration = Duration::from_millis(200);
const BACKOFF_MAX_INTERVAL: Duration = Duration::from_secs(5);

/// How often an order that is due is looked at, and one that is not due yet at least.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
const LOOK_MAX_INTERVAL: Duration = Duration::from_secs(30);
/// How often an order of purchaseAsset or sellAsset is looked at that is overdue.
const LOOK_OVERDUE_INTERVAL: Duration = Duration::from_secs(10);

/// The terms of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderTicket {
    pub side: Side,
    pub symbol: Symbol,
    pub quantity: Quantity,
    /// The client order ID. No other order of the account may have it.
    pub id: ClientOrderId,
}

/// An order of the second edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookRequest {
    Place(OrderForm),
    /// In the place of the order with this ID.
    Replace(Uuid, OrderChange),
}

impl BookRequest {
    /// The order's own ID; `None`: it cannot be repeated.
    pub fn id(&self) -> Option<&ClientOrderId> {
        match self {
            BookRequest::Place(form) => form.id.as_ref(),
            BookRequest::Replace(_, change) => change.id.as_ref(),
        }
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
enum Submission<'a> {
    /// purchaseAsset or sellAsset, which servers of both editions know.
    Ticket(&'a OrderTicket),
    Book(&'a BookRequest),
}

impl Submission<'_> {
    fn request(self, session: SessionId) -> Request {
        match self {
            Submission::Ticket(ticket) => Request::Order {
                session,
                side: ticket.side,
                symbol: ticket.symbol,
                quantity: ticket.quantity,
                id: Some(ticket.id.clone()),
            },
            Submission::Book(BookRequest::Place(form)) => form.request(session),
            Submission::Book(BookRequest::Replace(id, change)) => change.request(session, *id),
        }
    }
}

/// Makes a new client order ID: a random UUID.
///
/// # Errors
/// The system provides no random numbers.
pub fn fresh_id() -> Result<ClientOrderId, ClientError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| ClientError::Local(format!("no random numbers: {e}")))?;
    let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
    ClientOrderId::parse(&id.hyphenated().to_string())
        .map_err(|e| ClientError::Local(e.0.to_owned()))
}

/// The time limits of following an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderTimeouts {
    /// For a notice or a reply on one connection. It exceeds the 60 s after which a worker gives up
    /// on the master.
    pub answer: Duration,
    /// After the expected settlement, before the order is repeated to learn its state.
    pub grace: Duration,
    /// After the expected settlement, before another connection looks why there is none.
    pub look: Duration,
    /// Without a message about the order from any worker, before its outcome counts as unknown.
    pub contact: Duration,
    /// In total. An order that is still queued then is reported as queued.
    pub settlement: Duration,
}

impl Default for OrderTimeouts {
    fn default() -> OrderTimeouts {
        OrderTimeouts {
            answer: Duration::from_secs(75),
            grace: Duration::from_secs(30),
            look: Duration::from_secs(3),
            contact: Duration::from_secs(300),
            settlement: Duration::from_secs(24 * 3600),
        }
    }
}

/// Why an order is not settled although its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldCause {
    /// It has left the queue and is open: its asset had no new price.
    NoPrice,
    /// The market is paused.
    Paused,
}

/// A report about an order that has no outcome yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderProgress {
    /// The order goes out on a connection. From now on it may be traded.
    Sending,
    /// The order of placeOrder or replaceOrder is on disk.
    Placed(PlacedOrder),
    /// The order is in the durable queue.
    Queued(QueuedNotice),
    /// The order is queued and expected to settle after this time; zero when the time has passed.
    Waiting(Duration),
    /// The order waits for something that has no time.
    Held(HoldCause),
    /// An attempt ended without an answer. The order will be repeated under the same ID.
    Repeating(ClientError),
}

/// The outcome of an order, as far as it was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderOutcome {
    /// The order was executed.
    Filled(Fill),
    /// The order was refused, or rejected at settlement. The transaction's ID is known if it had
    /// been queued.
    Rejected(Refusal, Option<Uuid>),
    /// The order is in the durable queue and was not followed further.
    Queued(QueuedNotice),
    /// The order of placeOrder or replaceOrder is on disk.
    Placed(PlacedOrder),
}

/// Sends `order` and follows it to its outcome; if `wait` is false, until it is queued.
///
/// # Errors
/// [`ClientError::Unknown`] if the order was sent and its outcome could not be determined in time;
/// [`ClientError::Standing`] if it is known to be queued, and no worker told more in time. Any other
/// error means that the order was not queued.
pub fn place(
    pool: &mut WorkerPool,
    order: &OrderTicket,
    timeouts: &OrderTimeouts,
    wait: bool,
    on: &mut dyn FnMut(&OrderProgress),
) -> Result<OrderOutcome, ClientError> {
    follow(
        pool,
        (Submission::Ticket(order), &order.id),
        (timeouts, wait),
        on,
    )
}

/// Sends an order of the second edition, and follows it until it is on disk: [`OrderOutcome::Placed`]
/// or [`OrderOutcome::Rejected`].
///
/// # Errors
/// As [`place`]; [`ClientError::Local`] without a client order ID, and [`ClientError::Protocol`]
/// where the server is of the first edition.
pub fn submit(
    pool: &mut WorkerPool,
    order: &BookRequest,
    timeouts: &OrderTimeouts,
    on: &mut dyn FnMut(&OrderProgress),
) -> Result<OrderOutcome, ClientError> {
    let id = order.id().ok_or_else(|| {
        ClientError::Local("an order that may be repeated has a client order ID".to_owned())
    })?;
    follow(pool, (Submission::Book(order), id), (timeouts, true), on)
}

fn follow(
    pool: &mut WorkerPool,
    (order, id): (Submission<'_>, &ClientOrderId),
    (timeouts, wait): (&OrderTimeouts, bool),
    on: &mut dyn FnMut(&OrderProgress),
) -> Result<OrderOutcome, ClientError> {
    let mut follower = OrderFollower {
        order,
        id,
        timeouts,
        wait,
        begun: Instant::now(),
        failing_since: None,
        queued: None,
        look_at: None,
        held: None,
        uncertain: false,
    };
    let mut rounds = Backoff::new(BACKOFF_FIRST_INTERVAL, BACKOFF_MAX_INTERVAL);
    loop {
        // One round over the workers. A broken attempt counts as a failure of its worker.
        let error = match pool.call(|client| follower.attempt(client, on)) {
            Ok(outcome) => return Ok(outcome),
            Err(error) => error,
        };
        if let Some(outcome) = follower.conclude(&error) {
            return outcome;
        }
        let failing_since = *follower.failing_since.get_or_insert_with(Instant::now);
        // Random, so that many clients that lost the same worker do not return at the same moment.
        let wait = backoff::about(rounds.next_wait());
        if failing_since.elapsed() + wait >= timeouts.contact {
            return follower.give_up(&error);
        }
        if !error.is_ambiguous() {
            on(&OrderProgress::Repeating(error));
        }
        std::thread::sleep(wait);
    }
}

/// An order that is being followed.
struct OrderFollower<'a> {
    order: Submission<'a>,
    id: &'a ClientOrderId,
    timeouts: &'a OrderTimeouts,
    wait: bool,
    begun: Instant,
    /// When the first failed round since the last notice ended.
    failing_since: Option<Instant>,
    queued: Option<QueuedNotice>,
    /// When the order is overdue, and is looked at.
    look_at: Option<Instant>,
    held: Option<HoldCause>,
    /// Whether an attempt was sent and not answered. It may still be queued, so a later refusal may
    /// not be the outcome.
    uncertain: bool,
}

impl OrderFollower<'_> {
    /// Sends the order on one connection and waits there for its outcome.
    fn attempt(
        &mut self,
        client: &mut Client,
        on: &mut dyn FnMut(&OrderProgress),
    ) -> Result<OrderOutcome, ClientError> {
        if matches!(self.order, Submission::Book(_)) {
            check_edition(client)?;
        }
        client.enter(ConnectionState::Command)?;
        let session = client.session().cloned().ok_or(ClientError::NoSession)?;
        let request = self.order.request(session);
        on(&OrderProgress::Sending);
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
            // After an unanswered attempt, a refusal that concerns the moment says nothing about
            // that attempt.
            Ok((OrderOutcome::Rejected(refusal, _), false))
                if self.uncertain && !is_outcome(&refusal.reason, self.queued.is_some()) =>
            {
                match refusal.reason.known() {
                    // Every worker would reply the same; what an unknown code is about, nobody here
                    // can tell.
                    Some(Reason::SessionExpired) | None => Err(ClientError::Unknown {
                        order: self.id.clone(),
                        text: refusal.to_string(),
                    }),
                    Some(_) => Err(ClientError::Lost {
                        address: client.address().to_owned(),
                        text: refusal.to_string(),
                    }),
                }
            }
            Ok((OrderOutcome::Rejected(refusal, None), _))
                if refusal.reason == Reason::MasterUnavailable =>
            {
                Err(ClientError::Refused(refusal))
            }
            Ok((outcome, _)) => Ok(outcome),
            Err(error) => Err(error),
        }
    }

    /// Waits for the outcome. Also returns whether a notice about the order came on this connection
    /// before it.
    fn listen(
        &mut self,
        client: &mut Client,
        request: &Request,
        on: &mut dyn FnMut(&OrderProgress),
    ) -> Result<(OrderOutcome, bool), ClientError> {
        let session = client.session().cloned();
        let connection = client.connection();
        let mut until = Instant::now() + self.timeouts.answer;
        let mut announced = None;
        loop {
            match connection.recv_within(PROGRESS_INTERVAL)? {
                Some(ServerMessage::Notice(notice))
                    if notice.client_order_id.as_ref() == Some(self.id) =>
                {
                    self.failing_since = None;
                    let due = Instant::now() + remaining(notice.expected);
                    until = due + self.timeouts.grace;
                    self.look_at = Some(due + self.timeouts.look);
                    self.held = None;
                    on(&OrderProgress::Queued(notice.clone()));
                    if !self.wait {
                        return Ok((OrderOutcome::Queued(notice), true));
                    }
                    announced = Some(notice.expected);
                    self.queued = Some(notice);
                }
                Some(ServerMessage::Notice(_)) => {}
                Some(ServerMessage::Reply(answer)) => {
                    let outcome = self.outcome(connection, request, answer, on)?;
                    return Ok((outcome, announced.is_some()));
                }
                Some(ServerMessage::Fault(code, text)) => {
                    return Err(ClientError::Protocol {
                        address: connection.address().to_owned(),
                        code,
                        text,
                    });
                }
                Some(ServerMessage::Closed) => {
                    return Err(
                        connection.broken("the connection was closed before the order's answer")
                    );
                }
                None => {
                    if let (Some(expected), Some(session)) = (announced, &session) {
                        until = self
                            .look_if_overdue(connection, session, on)
                            .unwrap_or(until);
                        if self.held.is_none() {
                            on(&OrderProgress::Waiting(remaining(expected)));
                        }
                    }
                }
            }
            if let Some(notice) = &self.queued
                && self.begun.elapsed() >= self.timeouts.settlement
            {
                return Ok((OrderOutcome::Queued(notice.clone()), true));
            }
            if Instant::now() >= until {
                return Err(connection.broken("no answer to the order in time"));
            }
        }
    }

    /// Looks why an overdue order is not settled. Until when its answer is awaited, where that is
    /// another time now.
    fn look_if_overdue(
        &mut self,
        connection: &ServerConnection,
        session: &SessionId,
        on: &mut dyn FnMut(&OrderProgress),
    ) -> Option<Instant> {
        self.look_at.filter(|at| Instant::now() >= *at)?;
        let was_held = self.held.is_some();
        self.held = self.look(connection, session).unwrap_or_default();
        let again = Instant::now() + LOOK_OVERDUE_INTERVAL;
        self.look_at = Some(again);
        if let Some(cause) = self.held {
            on(&OrderProgress::Held(cause));
            return Some(again + self.timeouts.grace);
        }
        was_held.then(|| Instant::now() + self.timeouts.grace)
    }

    /// What the queued order waits for; `None` where nothing is known to hold it. The connection on
    /// which its answer is awaited answers nothing before that.
    fn look(
        &self,
        connection: &ServerConnection,
        session: &SessionId,
    ) -> Result<Option<HoldCause>, ClientError> {
        let Some(notice) = &self.queued else {
            return Ok(None);
        };
        let mut client = Client::new(connection.again()?, Some(session.clone()));
        let Some(info) = client.server_info()? else {
            return Ok(None);
        };
        let orders = client.open_orders()?.0;
        let order = orders.iter().find(|order| order.id == notice.id);
        Ok(order.and_then(|order| {
            if order.status == TransactionStatus::Open {
                return Some(HoldCause::NoPrice);
            }
            is_paused(&info).then_some(HoldCause::Paused)
        }))
    }

    /// The outcome that the order's reply states.
    fn outcome(
        &self,
        connection: &ServerConnection,
        request: &Request,
        answer: Answer,
        on: &mut dyn FnMut(&OrderProgress),
    ) -> Result<OrderOutcome, ClientError> {
        match connection.accept(request.instruction(), answer) {
            Ok(Answer::Message(Reply::Filled(fill))) => Ok(OrderOutcome::Filled(fill)),
            Ok(Answer::Message(Reply::OrderPlaced {
                id,
                client_order_id,
                status,
            })) => {
                let placed = PlacedOrder {
                    id,
                    client_order_id,
                    status,
                };
                on(&OrderProgress::Placed(placed.clone()));
                Ok(OrderOutcome::Placed(placed))
            }
            Ok(_) => Err(connection.broken("an answer of another kind")),
            Err(ClientError::Refused(refusal)) => {
                let id = self.queued.as_ref().map(|notice| notice.id);
                Ok(OrderOutcome::Rejected(refusal, id))
            }
            Err(other) => Err(other),
        }
    }

    /// Decides after a round that ended in `error`: the result, or `None` to repeat the order.
    fn conclude(&self, error: &ClientError) -> Option<Result<OrderOutcome, ClientError>> {
        match error {
            ClientError::Refused(refusal) if refusal.reason == Reason::MasterUnavailable => {
                // That worker did not send the order to the master, and no other worker received
                // it.
                (!self.uncertain).then(|| Ok(OrderOutcome::Rejected(refusal.clone(), None)))
            }
            error if error.is_about_the_worker() => {
                // The order was never sent, so the caller gets the error at once.
                (!self.uncertain && !error.is_ambiguous()).then(|| Err(error.clone()))
            }
            ClientError::Unknown { .. } => Some(self.give_up(error)),
            error if self.uncertain => Some(self.give_up(error)),
            error => Some(Err(error.clone())),
        }
    }

    /// The failure when time has run out: the order stands, if a notice was received; else its
    /// outcome is unknown.
    fn give_up(&self, error: &ClientError) -> Result<OrderOutcome, ClientError> {
        Err(match (&self.queued, error) {
            (Some(notice), _) => ClientError::Standing {
                notice: notice.clone(),
                cause: Some(Box::new(error.clone())),
            },
            (None, ClientError::Unknown { .. }) => error.clone(),
            (None, _) => ClientError::Unknown {
                order: self.id.clone(),
                text: error.to_string(),
            },
        })
    }
}

/// Whether a refusal is known to concern the order, and not the moment or the session. After any
/// other one an earlier attempt of the same order may still be accepted. What the account has
/// decides at the settlement of an order that was queued; before that it is of the moment.
fn is_outcome(reason: &OpenValue<Reason>, was_queued: bool) -> bool {
    reason.known().is_some_and(|reason| {
        let is_of_means = matches!(
            reason,
            Reason::InsufficientFunds | Reason::InsufficientHoldings | Reason::NoPrice
        );
        let is_of_the_moment = matches!(
            reason,
            Reason::Overloaded
                | Reason::MasterUnavailable
                | Reason::InternalError
                | Reason::SessionExpired
                | Reason::TooManyAttempts
                | Reason::WrongState
        );
        !is_of_the_moment && (was_queued || !is_of_means)
    })
}

/// Refuses a server of the first edition, which would end the connection with the same fault: here
/// it is known that nothing was sent.
fn check_edition(client: &mut Client) -> Result<(), ClientError> {
    match client.server_info()? {
        Some(_) => Ok(()),
        None => Err(ClientError::Protocol {
            address: client.address().to_owned(),
            code: ProtocolFault::UnknownInstruction.into(),
            text: "the server knows no orders that wait for a price".to_owned(),
        }),
    }
}

/// Whether the market is paused, by what a server tells of it.
pub fn is_paused(info: &ServerInfo) -> bool {
    info.state.as_ref().and_then(OpenValue::known) == Some(MarketState::Paused)
}

/// The row of a transaction of one's own history; `None`: the account has none of this ID. A server
/// of the first edition closes the connection with [`ClientError::Protocol`].
///
/// # Errors
/// [`ClientError::NoSession`], a refusal, or a broken connection.
pub fn transaction_row(
    client: &mut Client,
    username: &Username,
    id: Uuid,
) -> Result<Option<PageEntry>, ClientError> {
    let after = Uuid::from_u128(id.as_u128().saturating_add(1));
    let page = client.history_page(username, Some(after), 1)?;
    Ok(page.entries.into_iter().next().filter(|row| row.id == id))
}

/// Looks at an order of placeOrder until it has left the queue: it has its outcome, or waits for a
/// price. Reports that the market is paused, or when the order is expected to settle, and the time
/// that is left. After `settlement` it returns the row of an order that is still queued.
///
/// # Errors
/// [`ClientError::Standing`] alone, with its cause: no worker told more for the time of `contact`,
/// or it refused.
pub fn leave_queue(
    pool: &mut WorkerPool,
    username: &Username,
    placed: &PlacedOrder,
    timeouts: &OrderTimeouts,
    on: &mut dyn FnMut(&OrderProgress),
) -> Result<PageEntry, ClientError> {
    let begun = Instant::now();
    let mut heard = begun;
    let mut is_held = false;
    let mut notice = QueuedNotice {
        id: placed.id,
        client_order_id: placed.client_order_id.clone(),
        expected: Timestamp::now(),
    };
    loop {
        let looked = pool.call(|client| {
            let info = client.server_info()?;
            let row = transaction_row(client, username, placed.id)?;
            let row = row.ok_or_else(|| client.unexpected_answer())?;
            Ok((row, info))
        });
        match looked {
            Ok((row, info)) => {
                let is_queued = row.status == TransactionStatus::Queued;
                if !is_queued || begun.elapsed() >= timeouts.settlement {
                    return Ok(row);
                }
                heard = Instant::now();
                is_held = info.as_ref().is_some_and(is_paused);
                let next_update = info.and_then(|info| info.next_update);
                notice.expected = next_update.unwrap_or(notice.expected);
                on(&if is_held {
                    OrderProgress::Held(HoldCause::Paused)
                } else {
                    OrderProgress::Queued(notice.clone())
                });
            }
            Err(error) if error.is_about_the_worker() && heard.elapsed() < timeouts.contact => {
                on(&OrderProgress::Repeating(error));
            }
            Err(error) => {
                return Err(ClientError::Standing {
                    notice,
                    cause: Some(Box::new(error)),
                });
            }
        }
        let wait = remaining(notice.expected).clamp(LOOK_INTERVAL, LOOK_MAX_INTERVAL);
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if !is_held {
                on(&OrderProgress::Waiting(remaining(notice.expected)));
            }
            std::thread::sleep(left.min(PROGRESS_INTERVAL));
        }
    }
}

/// The time until `expected` by the local clock; zero if it has passed.
fn remaining(expected: Timestamp) -> Duration {
    /// A wrong clock on either side must not make the client wait without end.
    const REMAINING_MAX: Duration = Duration::from_secs(24 * 3600);
    let left = expected.since(Timestamp::now());
    Duration::from_millis(u64::try_from(left).unwrap_or(0)).min(REMAINING_MAX)
}

#[cfg(test)]
mod tests;
