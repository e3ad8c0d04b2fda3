//! spec/cli/papertrader/commands.md · 4.6.4 and 4.6.5
//!
//! `buy` and `sell`, with a countdown to the settlement; and what `replace` sends.
//!
//! Tests: below, and in `tests/suite/client/cli.rs`.

use super::estimate::{self, Edition};
use super::order_words::words;
use super::{CommandError, ReadySession, advise, program, report, show, tell};
use crate::cli::papertrader::age::{ended_note, has_ended};
use crate::cli::papertrader::arguments::{
    BuyArgs, GlobalArgs, OrderOptions, RepeatOptions, SellArgs,
};
use crate::cli::papertrader::outcome_words::error_words;
use crate::cli::papertrader::view::orders::OrderView;
use crate::cli::terminal::{ScreenSize, cut, for_people, wrapped_for_stderr};
use crate::cli::{signals, table};
use crate::client::order::{fresh_id, leave_queue, place, submit, transaction_row};
use crate::client::{
    BookRequest, ClientError, HoldCause, OrderForm, OrderOutcome, OrderProgress, OrderTicket,
    OrderTimeouts, QueuedNotice,
};
use crate::model::money::MILLION;
use crate::model::printable::clean;
use crate::model::{
    ClientOrderId, Money, OrderAmount, OrderTerms, Quantity, Reason, Side, Symbol, Timestamp,
    TransactionStatus, Username,
};
use crate::wire::Refusal;
use crate::wire::payload::{self, PageEntry};
use crate::wire::reply::Fill;
use parking_lot::Mutex;
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Buys.
pub fn buy(global: &GlobalArgs, args: &BuyArgs) -> Result<(), CommandError> {
    trade(
        global,
        (Side::Buy, args.symbol, args.amount()),
        &args.options,
    )
}

/// Sells. Without a quantity all units that no other order has promised.
pub fn sell(global: &GlobalArgs, args: &SellArgs) -> Result<(), CommandError> {
    trade(
        global,
        (Side::Sell, args.symbol, args.amount()),
        &args.options,
    )
}

fn trade(
    global: &GlobalArgs,
    (side, symbol, amount): (Side, Symbol, Option<OrderAmount>),
    options: &OrderOptions,
) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let amount = match amount {
        Some(amount) => amount,
        None => estimate::units_for_sale(global, &mut session, symbol)?,
    };
    let form = OrderForm {
        id: Some(id_of(&options.repeat)?),
        ..options.form(side, symbol, amount)
    };
    let outlook = estimate::tell(global, &mut session, &form, options.yes)?;
    let is_plain = form.terms == OrderTerms::Market && options.tif.is_none();
    let request = match form.amount {
        // Servers of both editions know these.
        OrderAmount::Units(quantity) if is_plain => SentRequest::Ticket(quantity),
        OrderAmount::Units(_) | OrderAmount::Cash(_) => {
            SentRequest::Book(BookRequest::Place(form.clone()))
        }
    };
    let order = SentOrder {
        form,
        request,
        is_followed: !options.no_wait,
        knows_cancel: outlook.edition != Edition::First,
        is_timed: outlook.is_timed,
    };
    send(global, &mut session, order, options.repeat.patience)
}

/// The order's own ID: the one that was given, or a fresh one.
pub(super) fn id_of(options: &RepeatOptions) -> Result<ClientOrderId, ClientError> {
    options.order_id.clone().map_or_else(fresh_id, Ok)
}

/// How an order goes out.
#[derive(Debug)]
pub(super) enum SentRequest {
    /// purchaseAsset or sellAsset of so many units.
    Ticket(Quantity),
    Book(BookRequest),
}

/// An order that is sent and followed.
#[derive(Debug)]
pub(super) struct SentOrder {
    /// What it says. Has an ID.
    pub form: OrderForm,
    pub request: SentRequest,
    /// Whether its settlement is waited for.
    pub is_followed: bool,
    /// Whether the server, as far as is known, can cancel it.
    pub knows_cancel: bool,
    /// Whether the next update may fill it, as far as is known.
    pub is_timed: bool,
}

impl SentOrder {
    fn id(&self) -> String {
        self.form
            .id
            .as_ref()
            .map_or(String::new(), ToString::to_string)
    }
}

/// What became of an order, as far as it was followed.
enum SentOutcome {
    Told(OrderOutcome),
    /// The row of an order of placeOrder.
    Row(Box<PageEntry>),
}

/// Sends an order, follows it and prints what became of it.
pub(super) fn send(
    global: &GlobalArgs,
    session: &mut ReadySession,
    order: SentOrder,
    patience: u64,
) -> Result<(), CommandError> {
    let order = &Arc::new(order);
    let timeouts = OrderTimeouts {
        contact: Duration::from_secs(patience),
        ..OrderTimeouts::default()
    };
    let watched = FollowedOrder {
        global: global.clone(),
        order: Arc::clone(order),
        countdown: Countdown::new(&session.saved.username, order),
        state: FollowState::Unsent,
        held: None,
    };
    let watched = Arc::new(Mutex::new(watched));
    tell_on_signal(&watched)?;
    let on = &mut |progress: &OrderProgress| watched.lock().note(progress);
    let result = follow(session, order, &timeouts, on);
    watched.lock().finish();
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error @ ClientError::Standing { .. }) => {
            let held = watched.lock().held;
            let order = (order.as_ref(), held);
            return Err(standing(global, &session.saved.username, order, error));
        }
        Err(error) => return Err(failed_order(session, order.form.symbol, error)),
    };
    session.save_workers()?;
    match outcome {
        SentOutcome::Told(outcome) => show_outcome(global, session, order, outcome),
        SentOutcome::Row(row) => show_row(global, session, order, &row),
    }
}

fn follow(
    session: &mut ReadySession,
    order: &SentOrder,
    timeouts: &OrderTimeouts,
    on: &mut dyn FnMut(&OrderProgress),
) -> Result<SentOutcome, ClientError> {
    let name = session.saved.username.clone();
    let pool = &mut session.pool;
    let request = match &order.request {
        SentRequest::Ticket(quantity) => {
            let ticket = OrderTicket {
                side: order.form.side,
                symbol: order.form.symbol,
                quantity: *quantity,
                id: order.form.id.clone().map_or_else(fresh_id, Ok)?,
            };
            let outcome = place(pool, &ticket, timeouts, order.is_followed, on)?;
            return Ok(SentOutcome::Told(outcome));
        }
        SentRequest::Book(request) => request,
    };
    let placed = match submit(pool, request, timeouts, on)? {
        OrderOutcome::Placed(placed) => placed,
        outcome @ (OrderOutcome::Filled(_)
        | OrderOutcome::Rejected(..)
        | OrderOutcome::Queued(_)) => {
            return Ok(SentOutcome::Told(outcome));
        }
    };
    let row = match placed.status.known() {
        Some(TransactionStatus::Queued) if order.is_followed => {
            leave_queue(pool, &name, &placed, timeouts, on)?
        }
        Some(TransactionStatus::Queued | TransactionStatus::Open) | None => {
            return Ok(SentOutcome::Told(OrderOutcome::Placed(placed)));
        }
        // It is a repeat, of an order that has ended.
        Some(
            TransactionStatus::Settled
            | TransactionStatus::Rejected
            | TransactionStatus::Cancelled
            | TransactionStatus::Expired,
        ) => match pool.call(|client| transaction_row(client, &name, placed.id))? {
            Some(row) => row,
            None => return Ok(SentOutcome::Told(OrderOutcome::Placed(placed))),
        },
    };
    Ok(SentOutcome::Row(Box::new(row)))
}

/// Prints the outcome. A rejected order is a failure, with advice.
fn show_outcome(
    global: &GlobalArgs,
    session: &mut ReadySession,
    order: &SentOrder,
    outcome: OrderOutcome,
) -> Result<(), CommandError> {
    let name = session.saved.username.clone();
    match outcome {
        OrderOutcome::Filled(fill) => show_fill(global, session, order, &fill, Money::ZERO),
        OrderOutcome::Queued(notice) => {
            let view = OrderView::queued(&name, &order.form, &notice);
            tell(global, &view, || {
                let when = if order.is_timed {
                    format!("; expected to settle at {}", table::utc(notice.expected))
                } else {
                    String::new()
                };
                format!(
                    "Queued{when}.\naccount {name}\ntransaction {}\norder ID {}\n",
                    notice.id.hyphenated(),
                    order.id()
                )
            })
        }
        OrderOutcome::Placed(placed) => show_placed(
            global,
            session,
            order,
            placed.id,
            &placed.status.to_string(),
        ),
        OrderOutcome::Rejected(refusal, id) => show_rejected(
            global,
            session,
            order,
            refusal,
            (TransactionStatus::Rejected, id),
        ),
    }
}

/// Prints what the row of an order tells.
fn show_row(
    global: &GlobalArgs,
    session: &mut ReadySession,
    order: &SentOrder,
    row: &PageEntry,
) -> Result<(), CommandError> {
    let detail = row.detail.as_ref();
    let status = match row.status.known() {
        Some(TransactionStatus::Queued | TransactionStatus::Open) | None => {
            return show_placed(global, session, order, row.id, &row.status.to_string());
        }
        Some(TransactionStatus::Settled) => {
            let fill = Fill {
                side: order.form.side,
                id: row.id,
                symbol: row.symbol,
                quantity: detail.map_or(Quantity::ZERO, |it| it.entry.quantity),
                price: detail.map_or(Money::ZERO, |it| it.entry.price),
                total: detail.map_or(Money::ZERO, |it| it.entry.total),
                settled: row.settled,
            };
            let fee = detail.map_or(Money::ZERO, |it| it.fee);
            return show_fill(global, session, order, &fill, fee);
        }
        Some(
            status @ (TransactionStatus::Rejected
            | TransactionStatus::Cancelled
            | TransactionStatus::Expired),
        ) => status,
    };
    let reason = detail.and_then(|it| it.entry.reason.clone());
    let refusal = Refusal {
        reason: reason.unwrap_or(Reason::InternalError.into()),
        text: format!("the order was {status} at {}", table::utc(row.settled)),
    };
    show_rejected(global, session, order, refusal, (status, Some(row.id)))
}

fn show_fill(
    global: &GlobalArgs,
    session: &ReadySession,
    order: &SentOrder,
    fill: &Fill,
    fee: Money,
) -> Result<(), CommandError> {
    let name = &session.saved.username;
    tell(global, &OrderView::filled(name, &order.form, fill), || {
        let verb = if order.form.side == Side::Sell {
            "Sold"
        } else {
            "Bought"
        };
        let fee = match fee {
            Money::ZERO => String::new(),
            fee => format!(", with a fee of {}", table::money(fee)),
        };
        format!(
            "{verb} {} {} at {}: {} in all{fee}.\naccount {name}\ntransaction {}\n",
            table::amount(fill.quantity),
            fill.symbol,
            table::money(fill.price),
            table::money(fill.total),
            fill.id.hyphenated()
        )
    })
}

/// Prints that an order waits, and how to look at it and cancel it.
fn show_placed(
    global: &GlobalArgs,
    session: &ReadySession,
    order: &SentOrder,
    id: Uuid,
    status: &str,
) -> Result<(), CommandError> {
    let name = &session.saved.username;
    let view = OrderView::placed(name, &order.form, id, status);
    tell(global, &view, || {
        let program = &session.program;
        let id = id.hyphenated();
        let waits = match order.form.terms {
            OrderTerms::Market if status == TransactionStatus::Open.as_str() => {
                "Its asset had no new price, so that it waits for the next one.\n"
            }
            OrderTerms::Market
            | OrderTerms::Limit { .. }
            | OrderTerms::Stop { .. }
            | OrderTerms::StopLimit { .. }
            | OrderTerms::Trailing { .. } => "",
        };
        format!(
            "The order is {status}: {}.\n{waits}account {name}\ntransaction {id}\norder ID {}\n\
             How it stands, and how to cancel it:\n  {program} orders\n  {program} cancel {id}\n",
            words(&order.form),
            order.id(),
        )
    })
}

/// The failure of an order that ended without a fill, with advice.
fn show_rejected(
    global: &GlobalArgs,
    session: &mut ReadySession,
    order: &SentOrder,
    refusal: Refusal,
    (status, id): (TransactionStatus, Option<Uuid>),
) -> Result<(), CommandError> {
    let advice = rejection_advice(session, &order.form, &refusal);
    let mut told = refusal.clone();
    if !global.json
        && let Some(advice) = &advice
        && refusal.reason == Reason::InsufficientFunds
    {
        // The advice says what the server does, in the account's own figures.
        told.text.clone_from(advice);
    }
    let is_in_text = told != refusal;
    let mut failure = failed_order(session, order.form.symbol, ClientError::Refused(told));
    failure.advice = advice.filter(|_| !is_in_text).or(failure.advice);
    failure.is_told = true;
    if global.json {
        let name = session.saved.username.clone();
        let advice = failure.advice.clone();
        let view = OrderView::rejected(&name, &order.form, &refusal, (status, id), advice);
        show(global, &view, String::new)?;
    }
    Err(failure)
}

/// The failure of an order for this asset, with what a token would have to be for it.
fn failed_order(session: &mut ReadySession, symbol: Symbol, error: ClientError) -> CommandError {
    let advice = format!(
        "This token may only read. Its owner makes one that may trade:\n  {} tokens create NAME --scope trade",
        session.program
    );
    session
        .failed_about(symbol, error)
        .advised(Reason::Scope, advice)
}

/// Advice on a rejected order, such as the cash of the account; `None` if there is none or it
/// cannot be read now.
fn rejection_advice(
    session: &mut ReadySession,
    order: &OrderForm,
    refusal: &Refusal,
) -> Option<String> {
    let (program, symbol) = (session.program.clone(), order.symbol);
    match refusal.reason.known()? {
        Reason::InsufficientFunds => funds_advice(session, order),
        Reason::InsufficientHoldings => holdings_advice(session, order),
        Reason::NoPrice => {
            let told = session.pool.call(|client| client.server_info()).ok()?;
            Some(match told.filter(has_ended) {
                Some(market) => ended_note(market.market_time).trim_end().to_owned(),
                None => format!(
                    "Orders settle at a new price, and none came. How old the last one is:\n  \
                     {program} quote {symbol}"
                ),
            })
        }
        Reason::ClientOrderIdReused => Some(
            "That --order-id belongs to an order with other terms; leave it out for a fresh one."
                .to_owned(),
        ),
        Reason::PriceInvalid => Some(format!(
            "A price is above 0, with at most 12 digits before the point and 6 after it; a trailing \
             distance is below the price. The latest price:\n  {program} quote {symbol}"
        )),
        Reason::DateInvalid => Some(format!(
            "--tif is market time, and later than that of now:\n  {program} market"
        )),
        Reason::Overloaded => Some(format!(
            "Try again in a moment. Where too many orders are open, one of them may be cancelled:\n  \
             {program} orders"
        )),
        _ => None,
    }
}

fn funds_advice(session: &mut ReadySession, order: &OrderForm) -> Option<String> {
    let name = session.saved.username.clone();
    let info = session.pool.call(|client| client.user_info(&name)).ok()?;
    let (_, cash) = info.private?;
    let held_back = estimate::held_back(session).filter(|held| *held > Money::ZERO);
    let price = unit_price(session, order);
    let mut told = funds_words(order, price, &name, (cash, held_back));
    if held_back.is_some() {
        told.push_str(&format!("\nThese are:\n  {} orders", session.program));
    }
    Some(told)
}

/// What an order costs, what its account has, and for how many units that is enough.
fn funds_words(
    order: &OrderForm,
    price: Option<Money>,
    name: &Username,
    (cash, held_back): (Money, Option<Money>),
) -> String {
    let mut told = format!("{name} has {} in cash", table::money(cash));
    if let Some(held_back) = held_back {
        told.push_str(&format!(
            ", of which open orders hold {} back",
            table::money(held_back)
        ));
    }
    let spendable = cash.minus(held_back.unwrap_or(Money::ZERO)).unwrap_or(cash);
    let symbol = order.symbol;
    match (order.amount, price) {
        (OrderAmount::Units(units), Some(price)) => {
            let cost = units.cost_at(price).map_or("too much".to_owned(), |cost| {
                format!("about {}", table::money(cost))
            });
            let most = table::units(affordable(spendable, price));
            let units = table::amount(units);
            format!("{units} {symbol} cost {cost}; {told}: at most {most}.")
        }
        (OrderAmount::Cash(_) | OrderAmount::Units(_), _) => format!("{told}."),
    }
}

/// How many units this money buys: whole ones, unless it is too little for one. Fees are not
/// reckoned.
fn affordable(money: Money, price: Money) -> Quantity {
    let (money, price) = (i128::from(money.0.max(0)), i128::from(price.0.max(1)));
    let million = i128::from(MILLION);
    let whole = money / price * million;
    let units = if whole > 0 {
        whole
    } else {
        money * million / price
    };
    Quantity(i64::try_from(units).unwrap_or(i64::MAX))
}

fn holdings_advice(session: &mut ReadySession, order: &OrderForm) -> Option<String> {
    let name = session.saved.username.clone();
    let held = session.pool.call(|client| client.portfolio(&name)).ok()?;
    let payload::Portfolio::Private(_, holdings) = held else {
        return None;
    };
    let OrderAmount::Units(sold) = order.amount else {
        return None;
    };
    let held = holdings.iter().find(|h| h.symbol == order.symbol);
    let held_units = held.map_or(Quantity::ZERO, |h| h.quantity);
    let told = format!(
        "The order sells {}; {name} holds {} of {}.",
        table::units(sold),
        table::units(held_units),
        order.symbol
    );
    let is_promised = held.is_some_and(|h| h.quantity >= sold);
    Some(if is_promised {
        let program = &session.program;
        format!("{told}\nOther sales have been promised some:\n  {program} orders")
    } else {
        told
    })
}

/// The price of a unit at which a purchase settles, as far as this can be known after it: the one
/// that it says, else the latest. `None` of one that trails.
fn unit_price(session: &mut ReadySession, order: &OrderForm) -> Option<Money> {
    match order.terms {
        OrderTerms::Limit { limit } | OrderTerms::StopLimit { limit, .. } => Some(limit),
        OrderTerms::Stop { stop } => Some(stop),
        OrderTerms::Trailing { .. } => None,
        OrderTerms::Market => {
            let quote = session.pool.call(|client| client.quote(order.symbol));
            quote.ok().map(|quote| quote.value)
        }
    }
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
    order: Arc<SentOrder>,
    countdown: Countdown,
    state: FollowState,
    /// What it waits for that has no time.
    held: Option<HoldCause>,
}

impl FollowedOrder {
    fn note(&mut self, progress: &OrderProgress) {
        match (progress, &self.state) {
            (OrderProgress::Queued(notice), _) => self.state = FollowState::Queued(notice.clone()),
            (OrderProgress::Placed(placed), _) => {
                self.state = FollowState::Queued(QueuedNotice {
                    id: placed.id,
                    client_order_id: placed.client_order_id.clone(),
                    expected: Timestamp::now(),
                });
            }
            (OrderProgress::Sending, FollowState::Unsent) => self.state = FollowState::Sent,
            (
                OrderProgress::Sending
                | OrderProgress::Waiting(_)
                | OrderProgress::Held(_)
                | OrderProgress::Repeating(_),
                _,
            ) => {}
        }
        self.held = match progress {
            OrderProgress::Held(cause) => Some(*cause),
            OrderProgress::Queued(_) | OrderProgress::Placed(_) | OrderProgress::Waiting(_) => None,
            OrderProgress::Sending | OrderProgress::Repeating(_) => self.held,
        };
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
                ..advise(&program(&self.global), interrupted(&self.order)?)
            },
            FollowState::Queued(notice) => {
                let notice = notice.clone();
                self.countdown.clear();
                let error = ClientError::Standing {
                    notice,
                    cause: None,
                };
                standing(
                    &self.global,
                    &account,
                    (self.order.as_ref(), self.held),
                    error,
                )
            }
        };
        self.countdown.clear();
        report(self.global.json, &failure);
        Some(failure.exit_code())
    }
}

/// The failure of an order that may be on its way; `None` without an ID.
fn interrupted(order: &SentOrder) -> Option<ClientError> {
    Some(ClientError::Unknown {
        order: order.form.id.clone()?,
        text: "interrupted before a server said that it has it".to_owned(),
    })
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
    (order, held): (&SentOrder, Option<HoldCause>),
    error: ClientError,
) -> CommandError {
    let ClientError::Standing { notice, .. } = &error else {
        return error.into();
    };
    let user = match &global.user {
        Some(name) => format!("--user {name} "),
        None => String::new(),
    };
    let id = notice.id.hyphenated();
    let end = match held {
        Some(cause) => hold_words(cause, order.form.symbol),
        None if order.is_timed && notice.expected > Timestamp::now() => {
            format!("which is to settle at {}", table::utc(notice.expected))
        }
        None => "which waits for an update".to_owned(),
    };
    let mut advice = format!(
        "{}, {end}\norder ID    {}\ntransaction {id}\n\
         Its outcome:\n  papertrader {user}transactions",
        words(&order.form),
        order.id(),
    );
    if order.knows_cancel {
        advice.push_str(&format!("\nTo cancel it:\n  papertrader {user}cancel {id}"));
    }
    let mut is_told = false;
    if global.json {
        let view = OrderView::standing(account, &order.form, notice, &error, &advice);
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

/// What an order waits for that has no time.
fn hold_words(cause: HoldCause, symbol: Symbol) -> String {
    match cause {
        HoldCause::NoPrice => format!("open: waits for {symbol}'s next price"),
        HoldCause::Paused => "queued: waits until the market is resumed".to_owned(),
    }
}

/// The reports on standard error while an order waits.
struct Countdown {
    account: Username,
    /// What was ordered, in words.
    what: String,
    order_id: String,
    symbol: Symbol,
    /// Whether a settlement can be promised.
    is_timed: bool,
    terminal: bool,
    /// What was told last that the order waits for.
    told: Option<HoldCause>,
    /// Whether the first notice has been printed.
    announced: bool,
    /// Whether the current line of the terminal is a countdown.
    drawn: bool,
}

impl Countdown {
    fn new(account: &Username, order: &SentOrder) -> Countdown {
        Countdown {
            account: account.clone(),
            what: words(&order.form),
            order_id: order.id(),
            symbol: order.form.symbol,
            is_timed: order.is_timed,
            told: None,
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
                let when = if self.is_timed {
                    let left = table::span(left + Duration::from_millis(500));
                    format!(", settles in about {left}")
                } else {
                    String::new()
                };
                self.line(&format!(
                    "queued for {}: {} as {} (order ID {}){when}",
                    self.account,
                    self.what,
                    notice.id.hyphenated(),
                    self.order_id
                ));
            }
            OrderProgress::Queued(_) | OrderProgress::Placed(_) | OrderProgress::Sending => {}
            OrderProgress::Waiting(left) if self.terminal => {
                let text = if !self.is_timed {
                    "waiting …".to_owned()
                } else if left.is_zero() {
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
            OrderProgress::Held(cause) => {
                if self.told.replace(*cause) != Some(*cause) {
                    self.line(&hold_words(*cause, self.symbol));
                }
            }
            OrderProgress::Repeating(error) => {
                let text = clean(&error_words(error).replace('\n', ";"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TimeInForce;

    #[test]
    fn too_little_cash_is_told_in_one_sentence_with_what_it_is_enough_for() {
        let name = Username::parse("ada").unwrap();
        let order = |amount| OrderForm {
            side: Side::Buy,
            symbol: Symbol::parse("AAPL").unwrap(),
            amount,
            terms: OrderTerms::Market,
            time_in_force: TimeInForce::Gtc,
            id: None,
        };
        let many = order(OrderAmount::Units(Quantity(100_000_000_000)));
        let price = Some(Money(423_240_000));
        let cash = Money(89_218_190_000);
        assert_eq!(
            funds_words(&many, price, &name, (cash, None)),
            "100,000 AAPL cost about 42,324,000.00; ada has 89,218.19 in cash: at most 210 units."
        );
        let held = Some(Money(89_118_190_000));
        assert_eq!(
            funds_words(&many, price, &name, (cash, held)),
            "100,000 AAPL cost about 42,324,000.00; ada has 89,218.19 in cash, of which open orders \
             hold 89,118.19 back: at most 0.236272 units."
        );
        let money = order(OrderAmount::Cash(Money(90_000_000_000)));
        for (order, price) in [(&money, price), (&many, None)] {
            let told = funds_words(order, price, &name, (cash, None));
            assert_eq!(told, "ada has 89,218.19 in cash.");
        }
        assert_eq!(affordable(Money(-1), Money::ZERO), Quantity::ZERO);
        let most = affordable(Money(i64::MAX), Money(1));
        assert_eq!(most, Quantity(i64::MAX));
    }
}
