//! spec/cli/papertrader/commands.md · 4.6.4 and 4.6.5
//!
//! `buy` and `sell`, with a countdown to the settlement.
//!
//! Tests: `tests/suite/client/cli.rs`.

use super::{CommandError, ReadySession, advise, program, report, show};
use crate::cli::papertrader::age::{ended_note, has_ended};
use crate::cli::papertrader::arguments::{GlobalArgs, TradeArgs};
use crate::cli::papertrader::view::OrderView;
use crate::cli::terminal::{ScreenSize, cut, for_people, wrapped_for_stderr};
use crate::cli::{signals, table};
use crate::client::order::{
    OrderOutcome, OrderProgress, OrderTicket, OrderTimeouts, fresh_id, place,
};
use crate::client::{ClientError, QueuedNotice};
use crate::model::printable::clean;
use crate::model::{ClientOrderId, Reason, Side, Timestamp, Username};
use crate::wire::Refusal;
use crate::wire::payload;
use parking_lot::Mutex;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

/// Buys or sells.
pub fn trade(global: &GlobalArgs, args: &TradeArgs, side: Side) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let order = OrderTicket {
        side,
        symbol: args.symbol,
        quantity: args.quantity,
        id: match &args.order_id {
            Some(id) => id.clone(),
            None => fresh_id()?,
        },
    };
    let timeouts = OrderTimeouts {
        contact: Duration::from_secs(args.patience),
        ..OrderTimeouts::default()
    };
    let countdown = Countdown::new(&session.saved.username, &order);
    let watched = FollowedOrder {
        global: global.clone(),
        order: order.clone(),
        countdown,
        state: FollowState::Unsent,
    };
    let watched = Arc::new(Mutex::new(watched));
    tell_on_signal(&watched)?;
    let on = &mut |progress: &OrderProgress| watched.lock().note(progress);
    let result = place(&mut session.pool, &order, &timeouts, !args.no_wait, on);
    watched.lock().finish();
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error @ ClientError::Standing { .. }) => {
            return Err(standing(global, &session.saved.username, &order, error));
        }
        Err(error) => return Err(failed(&session, error)),
    };
    session.save_workers()?;
    show_outcome(global, &mut session, &order, outcome)
}

/// Prints the outcome. A rejected order is a failure, with advice.
fn show_outcome(
    global: &GlobalArgs,
    session: &mut ReadySession,
    order: &OrderTicket,
    outcome: OrderOutcome,
) -> Result<(), CommandError> {
    let name = session.saved.username.clone();
    match outcome {
        OrderOutcome::Filled(fill) => show(global, &OrderView::filled(&name, order, &fill), || {
            let verb = if order.side == Side::Sell {
                "Sold"
            } else {
                "Bought"
            };
            format!(
                "{verb} {} {} at {}: {} in all.\naccount {name}\ntransaction {}\n",
                table::amount(fill.quantity),
                fill.symbol,
                table::money(fill.price),
                table::money(fill.total),
                fill.id.hyphenated()
            )
        }),
        OrderOutcome::Queued(notice) => {
            let view = OrderView::queued(&name, order, &notice);
            show(global, &view, || {
                format!(
                    "Queued; expected to settle at {}.\naccount {name}\ntransaction {}\norder ID {}\n",
                    table::utc(notice.expected),
                    notice.id.hyphenated(),
                    order.id
                )
            })
        }
        OrderOutcome::Rejected(refusal, id) => {
            let advice = rejection_advice(session, order, &refusal);
            let mut failure = failed(session, ClientError::Refused(refusal.clone()));
            failure.advice = advice.or(failure.advice);
            failure.is_told = true;
            if global.json {
                let advice = failure.advice.clone();
                let view = OrderView::rejected(&name, order, &refusal, id, advice);
                show(global, &view, String::new)?;
            }
            Err(failure)
        }
    }
}

/// The failure of an order, with what a token would have to be for it.
fn failed(session: &ReadySession, error: ClientError) -> CommandError {
    let advice = format!(
        "This token may only read. Its owner makes one that may trade: {} tokens create NAME --scope trade",
        session.program
    );
    session.failed(error).advised(Reason::Scope, advice)
}

/// Advice on a rejected order, such as the cash of the account; `None` if there is none or it
/// cannot be read now.
fn rejection_advice(
    session: &mut ReadySession,
    order: &OrderTicket,
    refusal: &Refusal,
) -> Option<String> {
    let name = session.saved.username.clone();
    match refusal.reason.known()? {
        Reason::InsufficientFunds => {
            let info = session.pool.call(|client| client.user_info(&name)).ok()?;
            let (_, cash) = info.private?;
            let cash = format!("{name} has {} in cash.", table::money(cash));
            Some(match needed(session, order) {
                Some(needed) => format!("{needed}; {cash}"),
                None => cash,
            })
        }
        Reason::InsufficientHoldings => {
            let held = session.pool.call(|client| client.portfolio(&name)).ok()?;
            let payload::Portfolio::Private(_, holdings) = held else {
                return None;
            };
            let units = holdings.iter().find(|h| h.symbol == order.symbol);
            let units = units.map_or("no".to_owned(), |h| table::amount(h.quantity));
            Some(format!(
                "The order sells {} units; {name} holds {units} units of {}.",
                table::amount(order.quantity),
                order.symbol
            ))
        }
        Reason::NoPrice => {
            let told = session.pool.call(|client| client.server_info()).ok()?;
            Some(match told.filter(has_ended) {
                Some(market) => ended_note(market.market_time).trim_end().to_owned(),
                None => format!(
                    "Orders settle at a new price, and none came. How old the last one is: \
                     {} quote {}",
                    session.program, order.symbol
                ),
            })
        }
        Reason::ClientOrderIdReused => Some(
            "That --order-id belongs to an order with other terms; leave it out for a fresh one."
                .to_owned(),
        ),
        _ => None,
    }
}

/// What a purchase costs at the price that it would have settled at, as far as this can be known
/// after it: the latest one.
fn needed(session: &mut ReadySession, order: &OrderTicket) -> Option<String> {
    let quote = session
        .pool
        .call(|client| client.quote(order.symbol))
        .ok()?;
    let cost = order.quantity.cost_at(quote.value)?;
    Some(format!(
        "{} {} at {}, the price of {}, cost {}",
        table::amount(order.quantity),
        order.symbol,
        table::money(quote.value),
        table::utc(quote.time),
        table::money(cost)
    ))
}

/// How far an order has come that is followed.
enum FollowState {
    /// Nothing was sent.
    Unsent,
    /// It may be traded.
    Sent,
    /// It is in the durable queue.
    Queued(QueuedNotice),
    /// It is not followed any more.
    Done,
}

/// An order that is followed, as a signal finds it.
struct FollowedOrder {
    global: GlobalArgs,
    order: OrderTicket,
    countdown: Countdown,
    state: FollowState,
}

impl FollowedOrder {
    fn note(&mut self, progress: &OrderProgress) {
        match (progress, &self.state) {
            (OrderProgress::Queued(notice), _) => self.state = FollowState::Queued(notice.clone()),
            (OrderProgress::Sending, FollowState::Unsent) => self.state = FollowState::Sent,
            (
                OrderProgress::Sending | OrderProgress::Waiting(_) | OrderProgress::Repeating(_),
                _,
            ) => {}
        }
        self.countdown.show(progress);
    }

    fn finish(&mut self) {
        self.countdown.clear();
        self.state = FollowState::Done;
    }

    /// Tells how the order stands, and returns the exit code; `None` if there is nothing to tell.
    fn interrupt(&mut self) -> Option<u8> {
        let account = self.countdown.account.clone();
        let failure = match &self.state {
            FollowState::Unsent | FollowState::Done => return None,
            FollowState::Sent => CommandError {
                account: Some(account),
                ..advise(
                    &program(&self.global),
                    ClientError::Unknown {
                        order: self.order.id.clone(),
                        text: "interrupted before a server said that it has it".to_owned(),
                    },
                )
            },
            FollowState::Queued(notice) => {
                let notice = notice.clone();
                self.countdown.clear();
                let error = ClientError::Standing {
                    notice,
                    cause: None,
                };
                standing(&self.global, &account, &self.order, error)
            }
        };
        self.countdown.clear();
        report(self.global.json, &failure);
        Some(failure.exit_code())
    }
}

/// Ends the process on [signals that end a command](signals::ending), at once, whatever the calls
/// wait for. An order that was sent is not lost with it, so the person reads how it stands.
fn tell_on_signal(watched: &Arc<Mutex<FollowedOrder>>) -> Result<(), ClientError> {
    let failed = |e: std::io::Error| ClientError::Local(e.to_string());
    let mut ending = Signals::new(signals::ending()).map_err(failed)?;
    let watched = Arc::clone(watched);
    // The thread ends with the process.
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in ending.forever() {
                // Held to the end, so that no outcome is printed beside it.
                let mut watched = watched.lock();
                if let Some(code) = watched.interrupt() {
                    std::process::exit(i32::from(code));
                }
                // It ends the process as it would have without this thread.
                let _ = emulate_default_handler(signal);
            }
        })
        .map_err(failed)?;
    Ok(())
}

/// The failure of an order that is queued and was not followed to its outcome, with the place where
/// that will be seen. With `--json` the order is printed.
fn standing(
    global: &GlobalArgs,
    account: &Username,
    order: &OrderTicket,
    error: ClientError,
) -> CommandError {
    let ClientError::Standing { notice, .. } = &error else {
        return error.into();
    };
    let is_due = notice.expected < Timestamp::now();
    let user = match &global.user {
        Some(name) => format!("--user {name} "),
        None => String::new(),
    };
    let advice = format!(
        "{}, which {} to settle at {}\norder ID    {}\ntransaction {}\n\
         Its outcome: papertrader {user}transactions",
        terms(order),
        if is_due { "was" } else { "is" },
        table::utc(notice.expected),
        order.id,
        notice.id.hyphenated(),
    );
    let mut is_told = false;
    if global.json {
        let view = OrderView::standing(account, order, notice, &error, &advice);
        if let Err(failure) = show(global, &view, String::new) {
            return failure;
        }
        is_told = true;
    }
    CommandError {
        account: Some(account.clone()),
        is_told,
        ..CommandError::with_advice(error, advice)
    }
}

/// What is ordered, in words.
fn terms(order: &OrderTicket) -> String {
    format!(
        "{} {} {}",
        order.side.as_str(),
        table::amount(order.quantity),
        order.symbol
    )
}

/// The reports on standard error while an order waits.
struct Countdown {
    account: Username,
    /// What was ordered, in words.
    what: String,
    order_id: ClientOrderId,
    terminal: bool,
    /// Whether the first notice has been printed.
    announced: bool,
    /// Whether the current line of the terminal is a countdown.
    drawn: bool,
}

impl Countdown {
    fn new(account: &Username, order: &OrderTicket) -> Countdown {
        Countdown {
            account: account.clone(),
            what: terms(order),
            order_id: order.id.clone(),
            terminal: std::io::stderr().is_terminal(),
            announced: false,
            drawn: false,
        }
    }

    fn show(&mut self, progress: &OrderProgress) {
        match progress {
            OrderProgress::Queued(notice) if !self.announced => {
                self.announced = true;
                let left = notice.expected.since(Timestamp::now());
                let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
                self.line(&format!(
                    "queued for {}: {} as {} (order ID {}), settles in about {}",
                    self.account,
                    self.what,
                    notice.id.hyphenated(),
                    self.order_id,
                    table::span(left + Duration::from_millis(500))
                ));
            }
            OrderProgress::Queued(_) | OrderProgress::Sending => {}
            OrderProgress::Waiting(left) if self.terminal => {
                let text = if left.is_zero() {
                    "due, waiting for the update …".to_owned()
                } else {
                    format!(
                        "settles in {} …",
                        table::span(*left + Duration::from_millis(999))
                    )
                };
                self.drawn = true;
                // One row: what is wider could not be taken back.
                let width = ScreenSize::of_stderr().map_or(usize::MAX, |screen| screen.columns);
                let text = for_people(&cut(&text, width - 1));
                let mut stderr = std::io::stderr().lock();
                // A failed write does not affect the order.
                let _ = write!(stderr, "\r{text}\u{1b}[K").and_then(|()| stderr.flush());
            }
            OrderProgress::Waiting(_) => {}
            OrderProgress::Repeating(error) => {
                let text = clean(&error.to_string().replace('\n', ";"));
                self.line(&format!(
                    "{text}; asking again under the same order ID {}",
                    self.order_id
                ));
            }
        }
    }

    fn line(&mut self, text: &str) {
        self.clear();
        let text = wrapped_for_stderr(&for_people(text));
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Removes the countdown from the terminal.
    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}
