//! spec/client/commands/trading.md · 4.6.4, 4.6.5, 4.6.15, 4.6.16
//!
//! Orders, and what came of them.

use super::{Failure, Session, advise, print, show};
use crate::client::cli::{Global, Portfolio, Trade, Transactions};
use crate::client::order::{Order, Outcome, Patience, Progress, fresh_id, place};
use crate::client::view::{
    EntryView, HistoryView, LineView, OrderView, PortfolioView, ReceiptView, Standing, Totals, basis_points,
    entries_csv, fingerprint, starting_cash,
};
use crate::client::{Error, table};
use crate::model::{Money, Reason, Side, Status, Username};
use crate::wire::Refusal;
use crate::wire::payload::{self, Entry, History};
use std::io::{IsTerminal, Write};
use std::time::Duration;
use uuid::Uuid;

/// Times that portfolio and history are read again where a trade settled between the two.
const CONSISTENT_TRIES: usize = 5;

/// Buys or sells.
pub fn trade(global: &Global, args: &Trade, side: Side) -> Result<(), Failure> {
    let mut session = Session::open(global)?;
    let order = Order {
        side,
        symbol: args.symbol,
        quantity: args.quantity,
        id: match &args.order_id {
            Some(id) => id.clone(),
            None => fresh_id()?,
        },
    };
    let patience = Patience {
        contact: Duration::from_secs(args.patience),
        ..Patience::default()
    };
    let mut countdown = Countdown::new(&order);
    let result = place(
        &mut session.pool,
        &order,
        &patience,
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
    session.remember()?;
    match outcome {
        Outcome::Filled(fill) => show(global, &OrderView::filled(&order, &fill), || {
            let verb = if side == Side::Sell { "Sold" } else { "Bought" };
            format!(
                "{verb} {} {} at {}: {} in all.\ntransaction {}\n",
                table::amount(fill.quantity),
                fill.symbol,
                table::money(fill.price),
                table::money(fill.total),
                fill.id.hyphenated()
            )
        }),
        Outcome::Queued(notice) => show(global, &OrderView::queued(&order, &notice), || {
            format!(
                "Queued; expected to settle at {} (UTC).\ntransaction {}\norder ID {}\n",
                table::moment(notice.expected),
                notice.id.hyphenated(),
                order.id
            )
        }),
        Outcome::Rejected(refusal, id) => {
            let advice = why_rejected(&mut session, &order, &refusal);
            if global.json {
                show(global, &OrderView::rejected(&order, &refusal, id), String::new)?;
            }
            let failure = session.failed(Error::Refused(refusal));
            Err(Failure {
                advice: advice.or(failure.advice),
                ..failure
            })
        }
    }
}

/// What the account has of what the order wanted; nothing where that cannot be found out now.
fn why_rejected(session: &mut Session, order: &Order, refusal: &Refusal) -> Option<String> {
    let name = session.remembered.username.clone();
    match refusal.reason {
        Reason::InsufficientFunds => {
            let info = session.pool.call(|client| client.user_info(&name)).ok()?;
            let (_, cash) = info.private?;
            Some(format!("You have {} in cash.", table::money(cash)))
        }
        Reason::InsufficientHoldings => {
            let held = session.pool.call(|client| client.portfolio(&name)).ok()?;
            let payload::Portfolio::Private(_, holdings) = held else {
                return None;
            };
            let units = holdings.iter().find(|h| h.symbol == order.symbol);
            let units = units.map_or("no".to_owned(), |h| table::amount(h.quantity));
            Some(format!("You hold {units} units of {}.", order.symbol))
        }
        Reason::ClientOrderIdReused => Some(
            "That --order-id belongs to an order with other terms; leave it out for a fresh one.".to_owned(),
        ),
        _ => None,
    }
}

/// What is said on standard error while an order waits.
struct Countdown<'a> {
    order: &'a Order,
    terminal: bool,
    announced: bool,
    drawn: bool,
}

impl Countdown<'_> {
    fn new(order: &Order) -> Countdown<'_> {
        Countdown {
            order,
            terminal: std::io::stderr().is_terminal(),
            announced: false,
            drawn: false,
        }
    }

    fn show(&mut self, progress: &Progress) {
        match progress {
            Progress::Queued(notice) if !self.announced => {
                self.announced = true;
                let left = notice.expected.since(crate::model::Stamp::now());
                let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
                self.line(&format!(
                    "queued as {} (order ID {}), settles in about {}",
                    notice.id.hyphenated(),
                    self.order.id,
                    table::span(left + Duration::from_millis(500))
                ));
            }
            Progress::Queued(_) => {}
            Progress::Waiting(left) if self.terminal => {
                let text = if left.is_zero() {
                    "due, waiting for the update …".to_owned()
                } else {
                    format!("settles in {} …", table::span(*left + Duration::from_millis(999)))
                };
                self.drawn = true;
                let mut stderr = std::io::stderr().lock();
                // What cannot be shown does not matter to the order.
                let _ = write!(stderr, "\r{text}\u{1b}[K").and_then(|()| stderr.flush());
            }
            Progress::Waiting(_) => {}
            Progress::Repeating(error) => {
                let text = table::clean(&error.to_string().replace('\n', ";"));
                self.line(&format!(
                    "{text}; asking again under the same order ID {}",
                    self.order.id
                ));
            }
        }
    }

    fn line(&mut self, text: &str) {
        self.clear();
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Takes the countdown off the screen.
    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}

/// Shows cash and positions.
pub fn portfolio(global: &Global, args: &Portfolio) -> Result<(), Failure> {
    let mut session = Session::open(global)?;
    let own = session.remembered.username.clone();
    let name = args.of.clone().unwrap_or(own);
    let (portfolio, start) = if args.realised {
        let (portfolio, start) = read_consistently(&mut session, &name)?;
        (portfolio, Some(start))
    } else {
        (session.call(|client| client.portfolio(&name))?, None)
    };
    let view = PortfolioView::new(&name, &portfolio, start);
    show(global, &view, || match &portfolio {
        payload::Portfolio::Public(shares) => {
            let rows = shares
                .iter()
                .map(|(symbol, share)| vec![symbol.to_string(), format!("{} %", basis_points(*share))])
                .collect();
            format!(
                "{name}, as others see it\n{}",
                table::table(&["symbol", "share"], &[1], rows)
            )
        }
        payload::Portfolio::Private(cash, holdings) => {
            let totals = Totals::of(*cash, holdings);
            let mut out = String::new();
            if !holdings.is_empty() {
                out.push_str(&positions_table(holdings));
                out.push('\n');
            }
            out.push_str(&summary(*cash, &totals, start));
            out
        }
    })
}

fn positions_table(holdings: &[payload::Holding]) -> String {
    let row = |holding: &payload::Holding| {
        let standing = Standing::of(holding);
        let or_none = |text: Option<String>| text.unwrap_or_else(|| table::NONE.to_owned());
        vec![
            holding.symbol.to_string(),
            table::amount(holding.quantity),
            table::money(holding.average_cost),
            table::money(standing.cost),
            or_none(standing.value.map(table::money)),
            or_none(standing.profit.map(table::profit)),
            or_none(standing.profit.map(|p| table::signed_percent(p, standing.cost))),
        ]
    };
    table::table(
        &["symbol", "units", "average cost", "cost", "value", "profit", ""],
        &[1, 2, 3, 4, 5, 6],
        holdings.iter().map(row).collect(),
    )
}

fn summary(cash: Money, totals: &Totals, start: Option<Money>) -> String {
    let mut lines = vec![
        ("cash", table::money(cash)),
        ("positions", table::money(totals.value)),
        ("total", table::money(totals.total)),
        (
            "profit of positions",
            format!(
                "{} ({})",
                table::profit(totals.profit),
                table::signed_percent(totals.profit, totals.cost)
            ),
        ),
    ];
    if let Some(start) = start {
        let gained = Money(totals.total.0.saturating_sub(start.0));
        let realised = Money(gained.0.saturating_sub(totals.profit.0));
        lines.push(("realised by sales", table::profit(realised)));
        lines.push(("began with", table::money(start)));
        lines.push((
            "profit in all",
            format!(
                "{} ({})",
                table::profit(gained),
                table::signed_percent(gained, start)
            ),
        ));
    }
    if totals.unpriced > 0 {
        lines.push((
            "not counted",
            format!("{} positions without a price", totals.unpriced),
        ));
    }
    table::list(&lines)
}

/// Portfolio and starting cash, of one moment: read until no trade settled in between.
fn read_consistently(session: &mut Session, name: &Username) -> Result<(payload::Portfolio, Money), Failure> {
    let mut before = session.call(|client| client.portfolio(name))?;
    for _ in 0..CONSISTENT_TRIES {
        let history = session.call(|client| client.history(name))?;
        let after = session.call(|client| client.portfolio(name))?;
        if let Some((cash, _)) = fingerprint(&after)
            && fingerprint(&before) == fingerprint(&after)
        {
            return Ok((after, starting_cash(cash, &history.entries)));
        }
        before = after;
    }
    Err(Failure::with(
        Error::Local("trades settle faster than the history can be read".to_owned()),
        "Leave --realised out, or try again later.",
    ))
}

/// Shows the history, or explains one transaction of it.
pub fn transactions(global: &Global, args: &Transactions) -> Result<(), Failure> {
    let mut session = Session::open(global)?;
    if let Some(which) = &args.receipt {
        return receipt(global, &mut session, which);
    }
    let own = session.remembered.username.clone();
    let name = args.of.clone().unwrap_or(own);
    let mut history = session.call(|client| client.history(&name))?;
    if let Some(limit) = args.limit {
        history.entries.truncate(limit);
    }
    if args.csv {
        return print(&entries_csv(&history.entries).map_err(Error::Local)?);
    }
    let view = HistoryView {
        username: name.to_string(),
        private: history.private,
        transactions: history.entries.iter().map(EntryView::from).collect(),
    };
    show(global, &view, || {
        if history.entries.is_empty() {
            "no transactions yet\n".to_owned()
        } else {
            history_table(&history)
        }
    })
}

fn history_table(history: &History) -> String {
    let status = |entry: &Entry| match (&entry.detail, entry.status) {
        (Some(detail), Status::Rejected) if !detail.reason.is_empty() => detail.reason.clone(),
        (_, status) => status.as_str().to_owned(),
    };
    let settled = |entry: &Entry| {
        if entry.status == Status::Queued {
            table::NONE.to_owned()
        } else {
            table::moment(entry.settled)
        }
    };
    if !history.private {
        let row = |e: &Entry| {
            vec![
                table::moment(e.accepted),
                settled(e),
                e.side.as_str().to_owned(),
                e.symbol.to_string(),
                status(e),
            ]
        };
        return table::table(
            &["accepted (UTC)", "settled", "side", "symbol", "status"],
            &[],
            history.entries.iter().map(row).collect(),
        );
    }
    let row = |e: &Entry| {
        let filled = e.detail.as_ref().filter(|_| e.status == Status::Settled);
        let money = |value: Option<Money>| value.map_or(table::NONE.to_owned(), table::money);
        vec![
            table::moment(e.accepted),
            settled(e),
            e.side.as_str().to_owned(),
            e.symbol.to_string(),
            e.detail
                .as_ref()
                .map_or(String::new(), |d| table::amount(d.quantity)),
            money(filled.map(|d| d.price)),
            money(filled.map(|d| d.total)),
            status(e),
            e.id.hyphenated().to_string(),
        ]
    };
    table::table(
        &[
            "accepted (UTC)",
            "settled",
            "side",
            "symbol",
            "units",
            "price",
            "total",
            "status",
            "ID",
        ],
        &[4, 5, 6],
        history.entries.iter().map(row).collect(),
    )
}

fn receipt(global: &Global, session: &mut Session, which: &str) -> Result<(), Failure> {
    let id = match Uuid::try_parse(which) {
        Ok(id) => id,
        Err(_) => find(session, which)?,
    };
    let receipt = match session.pool.call(|client| client.receipt(id)) {
        Ok(receipt) => receipt,
        Err(Error::Refused(refusal)) if refusal.reason == Reason::NoData => {
            return Err(Failure::with(
                Error::Refused(refusal),
                "A receipt is for one of your own transactions: papertrader transactions",
            ));
        }
        Err(error) => return Err(session.failed(error)),
    };
    let lines = receipt.0.iter();
    let view = ReceiptView {
        transaction: id.hyphenated().to_string(),
        lines: lines
            .map(|(name, value)| LineView {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
    };
    show(global, &view, || {
        let names: Vec<String> = receipt.0.iter().map(|(name, _)| table::clean(name)).collect();
        let pairs: Vec<(&str, String)> = names
            .iter()
            .zip(&receipt.0)
            .map(|(name, (_, value))| (name.as_str(), value.clone()))
            .collect();
        table::list(&pairs)
    })
}

/// The one transaction that a person means by `last`, or by the beginning or end of its ID.
fn find(session: &mut Session, which: &str) -> Result<Uuid, Failure> {
    let name = session.remembered.username.clone();
    let history = session.call(|client| client.history(&name))?;
    let wanted = which.to_ascii_lowercase();
    let suits = |entry: &&Entry| {
        let id = entry.id.hyphenated().to_string();
        id.starts_with(&wanted) || id.ends_with(&wanted)
    };
    let mut found = history.entries.iter().filter(suits);
    let newest = history.entries.first().filter(|_| wanted == "last");
    let problem = match (newest, found.next(), found.next()) {
        (Some(entry), _, _) | (None, Some(entry), None) => return Ok(entry.id),
        (None, None, _) => "no transaction of yours has such an ID",
        (None, Some(_), Some(_)) => "several transactions of yours have such an ID",
    };
    Err(advise(Error::Local(format!("{which}: {problem}"))))
}
