//! spec/cli/papertrader/commands.md · 3.1.7 (orders that wait)
//!
//! `orders`, `cancel` and `replace`.
//!
//! Tests: below, and in `tests/suite/client/waiting_orders.rs`.

use super::estimate;
use super::order_words::{in_force_words, stop_words, terms_words};
use super::trading::{SentOrder, SentRequest, id_of, send};
use super::{CommandError, OUTCOME_UNKNOWN, ReadySession, note, show, tell};
use crate::cli::papertrader::arguments::{CancelArgs, GlobalArgs, ReplaceArgs};
use crate::cli::papertrader::view::orders::{
    CancelView, OpenOrderView, OpenOrdersView, RefusalView,
};
use crate::cli::table::{self, Column};
use crate::cli::terminal::ScreenSize;
use crate::client::order::transaction_row;
use crate::client::{BookRequest, ClientError, OrderChange, OrderForm};
use crate::model::{
    Money, OpenValue, OrderAmount, OrderKind, OrderTerms, Quantity, Reason, Side, Symbol,
    TimeInForce, Timestamp, TrailDistance, Username,
};
use crate::wire::payload::{OpenOrder, OrderParameters};
use std::time::Duration;
use uuid::Uuid;

/// A table of at least so many columns has whole IDs.
const WHOLE_ID_WIDTH: usize = 120;
/// How much of an ID's end a narrower one has: the digits that are random.
const SHORT_ID: usize = 12;
/// A part of an ID that selects an order has at least so many hexadecimal digits.
const ID_PART_MIN: usize = 8;

/// Between two tries of a cancellation for which the server has no room.
const OVERLOADED_RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// So many tries: more than the minute for which the server counts cancellations.
const OVERLOADED_TRIES_MAX: u32 = 25;

/// Lists the orders that have no outcome yet.
pub fn orders(global: &GlobalArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let orders = session.call(|client| client.open_orders())?.0;
    let name = &session.saved.username;
    let view = OpenOrdersView {
        account: name.to_string(),
        orders: orders.iter().map(OpenOrderView::from).collect(),
    };
    show(global, &view, || {
        if orders.is_empty() {
            return format!("no open orders of {name}\n");
        }
        let width = ScreenSize::of_stdout().map(|screen| screen.columns);
        format!("{}open orders of {name}\n", orders_table(&orders, width))
    })
}

fn orders_table(orders: &[OpenOrder], width: Option<usize>) -> String {
    let is_short = width.is_some_and(|width| width < WHOLE_ID_WIDTH);
    let row = |order: &OpenOrder| {
        let id = order.id.hyphenated().to_string();
        let from = if is_short { id.len() - SHORT_ID } else { 0 };
        let or_none = |text: Option<String>| text.unwrap_or_else(|| table::NONE.to_owned());
        let until = Some(order.until).filter(|until| *until != Timestamp(0));
        let held_back = Some(order.reserve).filter(|money| *money != Money::ZERO);
        vec![
            id[from..].to_owned(),
            order.side.to_string(),
            order.symbol.to_string(),
            match order.order.cash {
                Some(cash) => format!("for {}", table::money(cash)),
                None => table::amount(order.quantity),
            },
            order_words(order),
            or_none(order.order.time_in_force.map(in_force_words)),
            or_none(held_back.map(table::money)),
            table::moment(order.accepted),
            or_none(until.map(table::moment)),
            or_none(order.client_order_id.as_ref().map(ToString::to_string)),
        ]
    };
    table::table_within(
        width,
        &[
            Column::text(if is_short { "end of ID" } else { "ID" }, 3),
            Column::text("side", 2),
            Column::text("symbol", 0),
            Column::number("units", 1),
            Column::text("price", 0),
            Column::text("in force", 4),
            Column::number("held back", 5),
            Column::text("since (UTC)", 6),
            Column::text("market end (UTC)", 7),
            Column::text("order ID", 8),
        ],
        &orders.iter().map(row).collect::<Vec<_>>(),
    )
}

/// At which price an order fills, in words.
fn order_words(order: &OpenOrder) -> String {
    let said = &order.order;
    let trails = said.kind == Some(OrderKind::Trailing.into());
    let stop = said.stop.map(|stop| (trails, stop));
    if order.is_triggered {
        let stop = stop_words(stop).unwrap_or_default();
        return format!("{}, {stop} was reached", terms_words(said.limit, None));
    }
    let words = terms_words(said.limit, stop);
    match &said.kind {
        _ if !words.is_empty() => words,
        Some(kind) => kind.as_str().to_owned(),
        None => table::NONE.to_owned(),
    }
}

/// Cancels an order, or all.
pub fn cancel(global: &GlobalArgs, args: &CancelArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let name = session.saved.username.clone();
    let ids = match &args.id {
        None => {
            let orders = session.call(|client| client.open_orders())?.0;
            orders.iter().map(|order| order.id).collect()
        }
        Some(which) => match Uuid::try_parse(which) {
            Ok(id) => vec![transaction(&mut session, id)?],
            Err(_) => vec![find(&mut session, which)?.id],
        },
    };
    let mut try_one = |id| cancel_one(&mut session, id);
    let mut told = if args.all {
        cancel_each(&ids, &mut try_one, &mut |done| {
            note(&format!(
                "{done} of {} are done; the server takes no more for the moment, waiting …",
                ids.len()
            ));
            std::thread::sleep(OVERLOADED_RETRY_INTERVAL);
        })
    } else {
        let [id] = ids[..] else { return Ok(()) };
        try_one(id).map_err(|error| cancel_failed(&session, id, error))?;
        CancelledOrders {
            cancelled: ids,
            ..CancelledOrders::default()
        }
    };
    let failure = told.failure.take();
    let failure = failure.map(|(id, error)| cancel_failed(&session, id, error));
    let view = told.view(&name, failure.as_ref());
    session.save_workers()?;
    tell(global, &view, || cancel_words(&view))?;
    failure.map_or(Ok(()), |failure| {
        Err(CommandError {
            is_told: true,
            ..failure
        })
    })
}

/// What became of the orders that were to be cancelled.
#[derive(Debug, Default)]
struct CancelledOrders {
    cancelled: Vec<Uuid>,
    /// They had ended before.
    ended: Vec<Uuid>,
    /// Nobody has tried, or the last try has failed.
    left: Vec<Uuid>,
    failure: Option<(Uuid, ClientError)>,
}

/// Cancels orders in turn, up to the first failure. Where the server has no room for more it waits,
/// with the number of those done, and goes on.
fn cancel_each(
    ids: &[Uuid],
    cancel_one: &mut dyn FnMut(Uuid) -> Result<(), ClientError>,
    wait: &mut dyn FnMut(usize),
) -> CancelledOrders {
    let mut told = CancelledOrders::default();
    for (done, id) in ids.iter().enumerate() {
        let mut tries = 1;
        let result = loop {
            match cancel_one(*id) {
                Err(error)
                    if is_refused_for(&error, Reason::Overloaded)
                        && tries < OVERLOADED_TRIES_MAX =>
                {
                    tries += 1;
                    wait(done);
                }
                result => break result,
            }
        };
        match result {
            Ok(()) => told.cancelled.push(*id),
            Err(error) if is_refused_for(&error, Reason::NotOpen) => told.ended.push(*id),
            Err(error) => {
                told.left = ids.iter().skip(done).copied().collect();
                told.failure = Some((*id, error));
                break;
            }
        }
    }
    told
}

impl CancelledOrders {
    fn view(&self, name: &Username, failure: Option<&CommandError>) -> CancelView {
        let texts = |ids: &[Uuid]| ids.iter().map(|id| id.hyphenated().to_string()).collect();
        CancelView {
            account: name.to_string(),
            cancelled: texts(&self.cancelled),
            ended: texts(&self.ended),
            left: texts(&self.left),
            error: failure.and_then(|failure| {
                let error = failure.error.as_deref()?;
                Some(RefusalView {
                    code: error.code().to_owned(),
                    text: error.to_string(),
                    advice: failure.advice.clone(),
                })
            }),
        }
    }
}

fn cancel_words(view: &CancelView) -> String {
    let mut told = String::new();
    for id in &view.cancelled {
        told.push_str(&format!("Cancelled {id}.\n"));
    }
    for id in &view.ended {
        told.push_str(&format!("{id} had ended already.\n"));
    }
    match view.left.len() {
        0 if told.is_empty() => return format!("no open orders of {}\n", view.account),
        0 => {}
        1 => told.push_str("1 order is left.\n"),
        left => told.push_str(&format!("{left} orders are left.\n")),
    }
    told + &format!("account {}\n", view.account)
}

fn cancel_one(session: &mut ReadySession, id: Uuid) -> Result<(), ClientError> {
    session.pool.call(|client| client.cancel_order(id))
}

fn is_refused_for(error: &ClientError, reason: Reason) -> bool {
    matches!(error, ClientError::Refused(refusal) if refusal.reason == reason)
}

/// The failure of a cancellation. Where no answer came, it may have been made.
fn cancel_failed(session: &ReadySession, id: Uuid, error: ClientError) -> CommandError {
    let (program, id) = (&session.program, id.hyphenated());
    // A server of the first edition has refused, and nothing was done.
    let is_open = error.is_ambiguous() && !matches!(error, ClientError::Protocol { .. });
    let failure = session.failed(error);
    if is_open {
        return CommandError {
            code: Some(OUTCOME_UNKNOWN),
            advice: Some(format!(
                "It may have been cancelled. To cancel it for sure:\n  {program} cancel {id}"
            )),
            ..failure
        };
    }
    failure
        .advised(
            Reason::NotOpen,
            format!("How it ended:\n  {program} transactions --receipt {id}"),
        )
        .advised(
            Reason::NoData,
            format!("The orders that can be cancelled:\n  {program} orders"),
        )
}

/// Places an order in the place of one that waits.
pub fn replace(global: &GlobalArgs, args: &ReplaceArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let old = match Uuid::try_parse(&args.id) {
        Ok(id) => {
            let id = transaction(&mut session, id)?;
            known(&mut session, id)?
        }
        Err(_) => find(&mut session, &args.id)?,
    };
    let change = OrderChange {
        amount: match (args.quantity, args.money) {
            (Some(units), _) => Some(OrderAmount::Units(units)),
            (None, money) => money.map(OrderAmount::Cash),
        },
        limit: args.limit,
        stop: args.trail.or(args.stop.map(TrailDistance::Money)),
        id: Some(id_of(&args.repeat)?),
    };
    let form = changed(&old, &change, args.trail.is_some())?;
    let outlook = estimate::tell(global, &mut session, &form, args.yes)?;
    let order = SentOrder {
        form,
        request: SentRequest::Book(BookRequest::Replace(old.id, change)),
        is_followed: !args.no_wait,
        knows_cancel: true,
        is_timed: outlook.is_timed,
    };
    send(global, &mut session, order, args.repeat.patience)
}

/// An order of the account as it stands.
struct KnownOrder {
    id: Uuid,
    side: OpenValue<Side, u8>,
    symbol: Symbol,
    quantity: Quantity,
    said: OrderParameters,
}

impl From<OpenOrder> for KnownOrder {
    fn from(order: OpenOrder) -> KnownOrder {
        KnownOrder {
            id: order.id,
            side: order.side,
            symbol: order.symbol,
            quantity: order.quantity,
            said: order.order,
        }
    }
}

/// The order as it will be. `trails`: the stop of the change is a distance, and no price.
fn changed(
    old: &KnownOrder,
    change: &OrderChange,
    trails: bool,
) -> Result<OrderForm, CommandError> {
    let later = || ClientError::Local("that order is of a kind unknown here".to_owned());
    let side = old.side.known().ok_or_else(later)?;
    let kind = old.said.kind.as_ref().and_then(OpenValue::known);
    let kind = kind.ok_or_else(later)?;
    let limit = change.limit.or(old.said.limit);
    let stop = change.stop.or(old.said.stop);
    // A distance in money has the form of a price.
    let is_other = change.stop.is_some() && trails != (kind == OrderKind::Trailing);
    let terms = OrderTerms::of(kind, limit, stop).filter(|_| !is_other);
    let terms = terms.ok_or_else(|| {
        let has = match kind {
            OrderKind::Market => "no price",
            OrderKind::Limit => "a limit alone: --limit",
            OrderKind::Stop => "a stop alone: --stop",
            OrderKind::StopLimit => "a stop and a limit: --stop, --limit",
            OrderKind::Trailing => "a distance alone: --trail",
        };
        CommandError::bad_usage(
            &format!("this is a {} order, which has {has}", kind.as_str()),
            "Another kind of order is a new one; cancel this one first.",
        )
    })?;
    let units = OrderAmount::Units(old.quantity);
    let amount = old.said.cash.map_or(units, OrderAmount::Cash);
    Ok(OrderForm {
        side,
        symbol: old.symbol,
        amount: change.amount.unwrap_or(amount),
        terms,
        time_in_force: old.said.time_in_force.unwrap_or(TimeInForce::Gtc),
        id: change.id.clone(),
    })
}

/// The transaction that a UUID names: its own ID, or the `--order-id` of an open order, which is a
/// UUID unless the person gave another.
fn transaction(session: &mut ReadySession, id: Uuid) -> Result<Uuid, CommandError> {
    let orders = session.call(|client| client.open_orders())?.0;
    Ok(named(&orders, id))
}

fn named(orders: &[OpenOrder], id: Uuid) -> Uuid {
    let is_own = |order: &&OpenOrder| {
        let own = order.client_order_id.as_ref();
        own.is_some_and(|own| Uuid::try_parse(own.as_str()) == Ok(id))
    };
    if orders.iter().any(|order| order.id == id) {
        return id;
    }
    orders.iter().find(is_own).map_or(id, |order| order.id)
}

/// The order with this ID, whether it is open or not: one that was replaced before is replaced again
/// by a repeat.
fn known(session: &mut ReadySession, id: Uuid) -> Result<KnownOrder, CommandError> {
    let name = session.saved.username.clone();
    let row = session.call(|client| transaction_row(client, &name, id))?;
    let known = row.and_then(|row| {
        let detail = row.detail?;
        Some(KnownOrder {
            id: row.id,
            side: row.side,
            symbol: row.symbol,
            quantity: detail.entry.quantity,
            said: detail.order,
        })
    });
    known.ok_or_else(|| nothing(session, &id.hyphenated().to_string(), NO_ORDER))
}

/// The one open order that an ID, its beginning or end, or its own ID selects.
fn find(session: &mut ReadySession, which: &str) -> Result<KnownOrder, CommandError> {
    let orders = session.call(|client| client.open_orders())?.0;
    match select(orders, which) {
        Ok(order) => Ok(order.into()),
        Err(problem) => Err(nothing(session, which, problem)),
    }
}

fn nothing(session: &ReadySession, which: &str, problem: &str) -> CommandError {
    CommandError::with_advice(
        ClientError::Local(format!("{which}: {problem}")),
        format!("Your open orders:\n  {} orders", session.program),
    )
}

const NO_ORDER: &str = "no order of yours has such an ID";
const NO_OPEN_ORDER: &str = "no open order of yours has such an ID";
const MANY_OPEN_ORDERS: &str = "more than one open order of yours has such an ID";
const SHORT_PART: &str = "no open order of yours has that --order-id, and a part of an ID is at \
                          least 8 hexadecimal digits";

fn select(orders: Vec<OpenOrder>, which: &str) -> Result<OpenOrder, &'static str> {
    let own = |order: &OpenOrder| {
        let id = order.client_order_id.as_ref();
        id.is_some_and(|id| id.as_str() == which)
    };
    let part = which.to_ascii_lowercase();
    let is_part = |order: &OpenOrder| {
        let id = order.id.hyphenated().to_string();
        id.starts_with(&part) || id.ends_with(&part)
    };
    // An own ID is given once.
    let at = orders.iter().position(own);
    let mut orders = orders;
    if let Some(at) = at {
        return Ok(orders.swap_remove(at));
    }
    // Few digits are soon those of another order than the person means.
    if part.chars().filter(char::is_ascii_hexdigit).count() < ID_PART_MIN {
        return Err(SHORT_PART);
    }
    let mut found = orders.into_iter().filter(is_part);
    match (found.next(), found.next()) {
        (Some(order), None) => Ok(order),
        (Some(_), Some(_)) => Err(MANY_OPEN_ORDERS),
        (None, _) => Err(NO_OPEN_ORDER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientOrderId, TransactionStatus};
    use crate::wire::Refusal;

    fn order(id: u128, own: &str) -> OpenOrder {
        OpenOrder {
            id: Uuid::from_u128(0x0199_7a3e_8a4e_7000_8000_0000_0000_0000 + id),
            side: Side::Sell.into(),
            status: TransactionStatus::Open.into(),
            symbol: Symbol::parse("AAPL").unwrap(),
            accepted: Timestamp(1_577_934_245_678),
            quantity: Quantity(10_000_000),
            order: OrderParameters {
                kind: Some(OrderKind::StopLimit.into()),
                limit: Some(Money(89_000_000)),
                stop: Some(TrailDistance::Money(Money(90_000_000))),
                time_in_force: Some(TimeInForce::Gtc),
                cash: None,
            },
            until: Timestamp(0),
            is_triggered: false,
            reserve: Money::ZERO,
            client_order_id: ClientOrderId::parse(own).ok(),
        }
    }

    #[test]
    fn an_order_is_selected_by_a_part_of_its_id_that_no_other_has() {
        let orders = || vec![order(0x1a, "one"), order(0x2b, "2b"), order(0x3a, "")];
        let selected = |which| select(orders(), which).map(|it| it.id.as_u128() & 0xff);
        assert_eq!(selected("0000001a"), Ok(0x1a));
        assert_eq!(selected("0000001A"), Ok(0x1a));
        assert_eq!(selected("2b"), Ok(0x2b), "its own ID");
        assert_eq!(selected("one"), Ok(0x1a));
        assert_eq!(selected("01997a3e-8a4e-7000-8000-00000000003a"), Ok(0x3a));
        assert_eq!(selected("01997a3e"), Err(MANY_OPEN_ORDERS));
        assert_eq!(selected("01997a3e-8a4e-7000-9"), Err(NO_OPEN_ORDER));
        for short in ["", "0", "1a", "000001a", "-00001a", "ONE"] {
            assert_eq!(selected(short), Err(SHORT_PART), "{short}");
        }
        let one = select(vec![order(0x1a, "")], "0").map(|it| it.id);
        assert_eq!(one, Err(SHORT_PART), "also where one order is open");
    }

    #[test]
    fn a_uuid_is_that_of_a_transaction_or_the_own_id_of_an_open_order() {
        let own = "3f0c5f2e-9a0b-4d3c-8b1a-0c2d4e6f8091";
        let first = order(0x1a, own);
        let second = order(0x2b, &first.id.hyphenated().to_string());
        let orders = [first, second];
        let named = |text: &str| named(&orders, Uuid::parse_str(text).unwrap()).as_u128() & 0xff;
        assert_eq!(named(own), 0x1a);
        assert_eq!(named(&own.to_ascii_uppercase()), 0x1a);
        assert_eq!(named("01997a3e-8a4e-7000-8000-00000000002b"), 0x2b);
        let both = "01997a3e-8a4e-7000-8000-00000000001a";
        assert_eq!(named(both), 0x1a, "the transaction's comes first");
        let neither = "01997a3e-8a4e-7000-8000-0000000000ff";
        assert_eq!(named(neither), 0xff, "it may have ended");
    }

    fn refused(reason: Reason) -> Result<(), ClientError> {
        Err(ClientError::Refused(Refusal::new(reason, "")))
    }

    #[test]
    fn what_was_cancelled_is_told_also_where_another_fails() {
        let ids: Vec<Uuid> = (0..5).map(Uuid::from_u128).collect();
        let mut answers = vec![
            Ok(()),
            refused(Reason::Overloaded),
            refused(Reason::Overloaded),
            Ok(()),
            refused(Reason::NotOpen),
            refused(Reason::InternalError),
        ]
        .into_iter();
        let mut waits = Vec::new();
        let told = cancel_each(&ids, &mut |_| answers.next().unwrap(), &mut |done| {
            waits.push(done);
        });
        assert_eq!(waits, [1, 1]);
        assert_eq!(told.cancelled, ids[..2]);
        assert_eq!(told.ended, ids[2..3]);
        assert_eq!(told.left, ids[3..]);
        assert_eq!(told.failure.as_ref().map(|it| it.0), Some(ids[3]));
        let name = Username::parse("alice").unwrap();
        let words = cancel_words(&told.view(&name, None));
        assert!(words.contains("2 orders are left."), "{words}");
        assert!(words.contains(&format!("Cancelled {}.", ids[1])), "{words}");
    }

    #[test]
    fn a_server_that_has_no_room_is_not_waited_for_without_end() {
        let mut waits = 0;
        let mut full = |_| refused(Reason::Overloaded);
        let told = cancel_each(&[Uuid::nil()], &mut full, &mut |_| waits += 1);
        assert_eq!(waits + 1, OVERLOADED_TRIES_MAX);
        assert_eq!((told.left.len(), told.failure.is_some()), (1, true));
    }

    #[test]
    fn a_table_of_orders_fits_the_terminal() {
        let mut triggered = order(0x2b, "mine");
        triggered.is_triggered = true;
        let orders = [order(0x1a, "one"), triggered];
        let whole = orders_table(&orders, None);
        for part in [
            "01997a3e-8a4e-7000-8000-00000000001a",
            "stop 90.00, limit 89.00",
            "limit 89.00, stop 90.00 was reached",
            "mine",
        ] {
            assert!(whole.contains(part), "{part}: {whole}");
        }
        let narrow = orders_table(&orders, Some(80));
        assert!(
            narrow.contains("00000000001a") && !narrow.contains("01997a3e"),
            "{narrow}"
        );
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 80),
            "{narrow}"
        );
        let narrower = orders_table(&orders[..1], Some(40));
        assert!(narrower.contains("stop 90.00, limit 89.00\n"), "{narrower}");
        let words: Vec<&str> = narrower.split_whitespace().collect();
        assert!(
            words.join(" ").contains("Left out: end of ID,"),
            "{narrower}"
        );
    }

    #[test]
    fn a_change_that_the_kind_does_not_have_is_a_bad_command_line() {
        let old = KnownOrder::from(order(1, "one"));
        let form = changed(
            &old,
            &OrderChange {
                limit: Some(Money(88_000_000)),
                ..OrderChange::default()
            },
            false,
        )
        .unwrap();
        assert_eq!(form.terms.limit(), Some(Money(88_000_000)));
        assert_eq!(form.terms.stop(), Some(Money(90_000_000)));
        assert_eq!(form.amount, OrderAmount::Units(Quantity(10_000_000)));
        let trail = OrderChange {
            stop: Some(TrailDistance::Percent(9)),
            ..OrderChange::default()
        };
        assert_eq!(changed(&old, &trail, true).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_distance_does_not_take_the_place_of_a_price_nor_a_price_that_of_a_distance() {
        let mut stop = KnownOrder::from(order(1, "one"));
        stop.said.kind = Some(OrderKind::Stop.into());
        stop.said.limit = None;
        let mut trailing = KnownOrder::from(order(2, "two"));
        trailing.said.kind = Some(OrderKind::Trailing.into());
        trailing.said.limit = None;
        let change = OrderChange {
            stop: Some(TrailDistance::Money(Money(5_000_000))),
            ..OrderChange::default()
        };
        for (old, trails, has) in [(&stop, true, "--stop"), (&trailing, false, "--trail")] {
            let refused = changed(old, &change, trails).unwrap_err();
            assert_eq!(refused.exit_code(), 2);
            let text = refused.error.map(|error| error.to_string());
            assert!(text.is_some_and(|text| text.ends_with(has)), "{has}");
            assert!(changed(old, &change, !trails).is_ok(), "{has}");
        }
        // Neither is named.
        let fewer = OrderChange {
            amount: Some(OrderAmount::Units(Quantity(1))),
            ..OrderChange::default()
        };
        assert!(changed(&stop, &fewer, false).is_ok() && changed(&trailing, &fewer, false).is_ok());
    }
}
