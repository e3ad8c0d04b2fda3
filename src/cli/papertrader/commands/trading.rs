//! spec/cli/papertrader/commands.md · 4.6.4 and 4.6.5
//!
//! `buy` and `sell`, with a countdown to the settlement.
//!
//! Tests: `tests/suite/client/cli.rs`.

use super::{CommandError, ReadySession, show};
use crate::cli::papertrader::arguments::{GlobalArgs, TradeArgs};
use crate::cli::papertrader::view::OrderView;
use crate::cli::table;
use crate::cli::terminal::{ScreenSize, cut, for_people};
use crate::client::ClientError;
use crate::client::order::{
    OrderOutcome, OrderProgress, OrderTicket, OrderTimeouts, fresh_id, place,
};
use crate::model::printable::clean;
use crate::model::{ClientOrderId, Reason, Side, Username};
use crate::wire::Refusal;
use crate::wire::payload;
use std::io::{IsTerminal, Write};
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
    let mut countdown = Countdown::new(&session.saved.username, &order);
    let result = place(
        &mut session.pool,
        &order,
        &timeouts,
        !args.no_wait,
        &mut |progress| {
            countdown.show(progress);
        },
    );
    countdown.clear();
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => return Err(session.failed(error)),
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
                    "Queued; expected to settle at {} (UTC).\naccount {name}\ntransaction {}\norder ID {}\n",
                    table::moment(notice.expected),
                    notice.id.hyphenated(),
                    order.id
                )
            })
        }
        OrderOutcome::Rejected(refusal, id) => {
            let advice = rejection_advice(session, order, &refusal);
            if global.json {
                let view = OrderView::rejected(&name, order, &refusal, id);
                show(global, &view, String::new)?;
            }
            let failure = session.failed(ClientError::Refused(refusal));
            Err(CommandError {
                advice: advice.or(failure.advice),
                is_told: true,
                ..failure
            })
        }
    }
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
            Some(format!("{name} has {} in cash.", table::money(cash)))
        }
        Reason::InsufficientHoldings => {
            let held = session.pool.call(|client| client.portfolio(&name)).ok()?;
            let payload::Portfolio::Private(_, holdings) = held else {
                return None;
            };
            let units = holdings.iter().find(|h| h.symbol == order.symbol);
            let units = units.map_or("no".to_owned(), |h| table::amount(h.quantity));
            Some(format!("{name} holds {units} units of {}.", order.symbol))
        }
        Reason::ClientOrderIdReused => Some(
            "That --order-id belongs to an order with other terms; leave it out for a fresh one."
                .to_owned(),
        ),
        _ => None,
    }
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
            what: format!(
                "{} {} {}",
                order.side.as_str(),
                table::amount(order.quantity),
                order.symbol
            ),
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
                let left = notice.expected.since(crate::model::Timestamp::now());
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
            OrderProgress::Queued(_) => {}
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
        let _ = writeln!(std::io::stderr().lock(), "{}", for_people(text));
    }

    /// Removes the countdown from the terminal.
    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}
