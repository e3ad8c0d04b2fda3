//! spec/master/admin.md · 3.1.7, 3.1.5
//!
//! Lists the orders that have no outcome yet for administrators, and cancels some.
//!
//! Tests: `tests/suite/master/orders.rs`.

use super::accounts::{account_name, act};
use super::caller::AdminCaller;
use super::sessions::{failed, reader};
use super::{AdminShared, ask_for_act};
use crate::admin::model::{OrderCancelSummary, OrderList, OrderSummary};
use crate::admin::protocol::{AdminAnswer, OrderSelector, ROWS_MAX};
use crate::master::messages::{
    AccountCancellation, AdminAct, AdminCancellation, TransactionsMessage,
};
use crate::master::storage::account_orders::OwnTransaction;
use crate::master::storage::order_details::OrderDetails;
use crate::master::storage::order_list::{ListedOrder, OrderFilter};
use crate::model::{AccountId, OrderAmount, OrderTerms, Symbol, Username};
use crossbeam_channel::Sender;
use std::fmt;
use uuid::Uuid;

const MODULE: &str = "transactions";

/// The newest orders that wait: of all accounts and assets, or of one.
pub(super) fn list(
    shared: &AdminShared,
    account: Option<&str>,
    symbol: Option<&str>,
    most: usize,
) -> Result<AdminAnswer, String> {
    let symbol = symbol.map(symbol_named).transpose()?;
    let found = reader(shared)?.read(|snapshot| {
        let account = match account {
            Some(name) => match snapshot.account_row(&name.to_ascii_lowercase())? {
                Some(row) => Some(row.account),
                None => return Ok(None),
            },
            None => None,
        };
        let filter = OrderFilter {
            account,
            symbol: symbol.as_ref(),
        };
        snapshot.listed_orders(filter, most.min(ROWS_MAX)).map(Some)
    });
    let Some((orders, all)) = found.map_err(failed)? else {
        return Err(no_user(account.unwrap_or_default()));
    };
    Ok(AdminAnswer::Orders(OrderList {
        more: all.saturating_sub(orders.len()),
        orders: orders.into_iter().map(summary).collect(),
    }))
}

fn symbol_named(text: &str) -> Result<Symbol, String> {
    Symbol::parse(text).map_err(|why| format!("{text:?}: {why}"))
}

fn no_user(name: &str) -> String {
    format!("there is no user {name}")
}

fn summary(listed: ListedOrder) -> OrderSummary {
    let OwnTransaction {
        transaction,
        details,
        reserve,
        ..
    } = listed.order;
    let text = |value: Option<&dyn fmt::Display>| value.map(ToString::to_string);
    let of = |read: fn(&OrderDetails) -> Option<String>| details.as_ref().and_then(read);
    let cash = details.as_ref().and_then(|it| it.cash);
    let amount = cash.map_or(OrderAmount::Units(transaction.quantity), OrderAmount::Cash);
    let terms = details.as_ref().map_or(OrderTerms::Market, |it| it.terms);
    OrderSummary {
        id: transaction.id.hyphenated().to_string(),
        user: listed.username,
        accepted: transaction.accepted.to_string(),
        side: transaction.side.to_string(),
        symbol: transaction.symbol.to_string(),
        amount: amount.to_string(),
        kind: terms.kind().to_string(),
        limit: terms.limit().map(|limit| limit.to_string()),
        stop: terms.stated_stop().map(|stop| stop.to_string()),
        time_in_force: of(|it| Some(it.time_in_force.to_string())),
        until: of(|it| it.until.map(|until| until.to_string())),
        status: transaction.status.to_string(),
        reserved: text(reserve.as_ref().map(|it| it as &dyn fmt::Display)),
    }
}

/// Cancels one order, or all of an account.
pub(super) fn cancel(
    shared: &AdminShared,
    which: OrderSelector,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let target = match which {
        OrderSelector::Account(name) => all_of(shared, &name)?,
        OrderSelector::Id(text) => one(shared, &text)?,
    };
    let act = act(caller);
    let (user, account) = (target.username.clone(), target.account);
    let id = target.order.map(|(_, id)| id);
    let inbox = &shared.channels.inboxes.transactions;
    let cancelled = ask_for_act(&act, &user, MODULE, inbox, |reply| {
        TransactionsMessage::Cancel(target.cancellation(act.clone(), reply))
    })?;
    let id = id.map_or_else(|| "-".to_owned(), |id| id.hyphenated().to_string());
    crate::audit!(
        "orders cancel",
        user = user,
        account = account.0,
        order = id,
        cancelled = cancelled,
        by = act.caller,
    );
    Ok(AdminAnswer::OrdersCancelled(OrderCancelSummary {
        user: user.to_string(),
        cancelled,
    }))
}

/// The orders that an administrator cancels.
struct CancelTarget {
    account: AccountId,
    username: Username,
    /// The number and ID of the one order; `None`: all.
    order: Option<(i64, Uuid)>,
}

fn all_of(shared: &AdminShared, name: &str) -> Result<CancelTarget, String> {
    let key = account_name(name)?.key();
    let found = reader(shared)?.read(|snapshot| snapshot.account_row(&key));
    let row = found.map_err(failed)?.ok_or_else(|| no_user(name))?;
    Ok(CancelTarget {
        account: row.account,
        username: account_name(&row.username)?,
        order: None,
    })
}

fn one(shared: &AdminShared, text: &str) -> Result<CancelTarget, String> {
    let id = Uuid::try_parse(text).map_err(|_| {
        format!("{text:?} is no transaction ID, as `papertraderctl orders list` has")
    })?;
    let found = reader(shared)?.read(|snapshot| snapshot.waiting_order(&id));
    let listed = found.map_err(failed)?.ok_or_else(|| {
        format!("no order with the ID {id} waits; `papertraderctl orders list` has those that do")
    })?;
    Ok(CancelTarget {
        account: listed.order.transaction.account,
        username: account_name(&listed.username)?,
        order: Some((listed.number, id)),
    })
}

impl CancelTarget {
    /// The message to transactions. It is bound as a cancelOrder is: after an update under way.
    fn cancellation(
        self,
        act: AdminAct,
        reply: Sender<Result<usize, String>>,
    ) -> AccountCancellation {
        AccountCancellation {
            account: self.account,
            order: self.order.map(|(number, _)| number),
            by: Some(AdminCancellation {
                username: self.username,
                act,
            }),
            is_deletion: false,
            writes: None,
            done: Box::new(move |outcome| {
                let _ = reply.try_send(outcome.map_err(|refusal| refusal.text));
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Quantity, Side, TimeInForce, Timestamp, Transaction, TransactionStatus};
    use uuid::Uuid;

    fn listed(details: Option<OrderDetails>) -> OrderSummary {
        summary(ListedOrder {
            username: "Alice".to_owned(),
            number: 1,
            order: OwnTransaction {
                transaction: Transaction {
                    id: Uuid::nil(),
                    account: AccountId(1),
                    side: Side::Buy,
                    status: TransactionStatus::Queued,
                    symbol: Symbol::parse("AAPL").unwrap(),
                    quantity: Quantity(2_000_000),
                    accepted: Timestamp(0),
                    settled: None,
                    price: None,
                    total: None,
                    priced: None,
                    client_order_id: None,
                    reason: None,
                },
                cause: None,
                source: None,
                is_correction: false,
                fee: None,
                reserve: None,
                note: None,
                details,
            },
        })
    }

    #[test]
    fn only_an_order_that_said_a_time_in_force_has_one() {
        let first_edition = listed(None);
        assert_eq!(first_edition.kind, "market");
        assert_eq!(first_edition.time_in_force, None);
        let second_edition = listed(Some(OrderDetails {
            terms: OrderTerms::Market,
            cash: None,
            time_in_force: TimeInForce::Gtc,
            until: None,
            best: None,
            triggered: None,
            asked: None,
            replaces: None,
        }));
        assert_eq!(second_edition.time_in_force.as_deref(), Some("gtc"));
    }
}
