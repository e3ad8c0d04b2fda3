//! spec/master/transactions.md · 3.1.7 (validate transactions)
//!
//! Accepts orders of placeOrder, and tells of every order whether its account can pay for it.

use super::acceptance::{
    Acceptance, AcceptedAt, StatedOrder, already_stored, book_share_text, holder_of, stored_by,
};
use super::book::order::{BookOrder, BookProgress, OrderEnd};
use super::changes::Change;
use super::queue::{OrderHolder, QueuedOrder};
use super::reserves::LatestPrices;
use super::{OrderState, fill};
use crate::master::messages::PlaceOrder;
use crate::master::reply_to::ReplyTo;
use crate::master::storage::ledger::{LedgerEntry, NewOrder};
use crate::master::storage::order_details::OrderDetails;
use crate::master::storage::{StorageError, Tx};
use crate::model::{
    AccountId, Money, OrderAmount, OrderTerms, Quantity, Reason, SettlementRank, Side, Symbol,
    TimeInForce, Timestamp, TrailDistance, TransactionStatus,
};
use crate::wire::{Instruction, Refusal};
use std::time::Instant;
use uuid::Uuid;

impl OrderState {
    /// Checks a placeOrder and stores a new order. The checks come in the order of the page.
    pub(super) fn check_place(
        &mut self,
        tx: &mut Tx<'_>,
        order: PlaceOrder,
    ) -> Result<Acceptance, StorageError> {
        const INSTRUCTION: Instruction = Instruction::PlaceOrder;
        let refused = |refusal, reply_to| Ok(Acceptance::Refused(INSTRUCTION, refusal, reply_to));
        if order.reply_to.again
            && let Some(entry) = stored_by(tx, &order.reply_to)?
        {
            return Ok(Acceptance::placed(&entry, order.reply_to));
        }
        let account = match self.acting(&order.account) {
            Ok(account) => account,
            Err(refusal) => return refused(refusal, order.reply_to),
        };
        let asked = asked_text(&order);
        if let Some(id) = &order.client_order_id
            && let Some(entry) = tx.order_by_client(account, id)?
        {
            return same_terms(tx, &entry, &asked, (INSTRUCTION, order.reply_to));
        }
        // An unknown name comes before what the order says of prices and times.
        if let Err(refusal) = self.check_asset(&order.symbol, None) {
            return refused(refusal, order.reply_to);
        }
        let now = self.assets.prices().market_now;
        let Some(terms) = OrderTerms::of(order.kind, order.limit, order.stop) else {
            return refused(prices_refusal(), order.reply_to);
        };
        let stated = StatedOrder {
            side: order.side,
            symbol: order.symbol,
            amount: order.amount,
            terms,
            time_in_force: order.time_in_force,
            end: end_from(order.time_in_force, now),
            client_order_id: order.client_order_id,
            asked: Some(asked),
            replaces: None,
        };
        if matches!(order.time_in_force, TimeInForce::Until(until) if until <= now) {
            let text = format!("the order would have ended: it is {now} in the market");
            return refused(Refusal::new(Reason::DateInvalid, text), order.reply_to);
        }
        let holder = holder_of(account, &order.reply_to);
        let moment = self.moment();
        match self.draft(tx, &stated, &holder, moment)? {
            Ok(draft) => self.insert(tx, stated, draft, &holder, INSTRUCTION, order.reply_to),
            Err(refusal) => refused(refusal, order.reply_to),
        }
    }

    /// When an order is accepted that comes now.
    pub(super) fn moment(&self) -> AcceptedAt {
        let since = Instant::now();
        AcceptedAt {
            since,
            // Read after the moment: it is then no update that began before it.
            first_update: self.assets.first_update(),
        }
    }

    /// The order of this account with what it holds back, without number and turn, or why it is
    /// refused.
    pub(super) fn draft(
        &mut self,
        tx: &mut Tx<'_>,
        stated: &StatedOrder,
        holder: &OrderHolder,
        moment: AcceptedAt,
    ) -> Result<Result<BookOrder, Refusal>, StorageError> {
        let units = match stated.amount {
            OrderAmount::Units(units) => Some(units),
            OrderAmount::Cash(_) => None,
        };
        let checked = self
            .check_asset(&stated.symbol, units)
            .and_then(|()| self.form(stated, holder.asker, moment))
            .and_then(|draft| self.check_amount(&draft).map(|()| draft));
        let draft = match checked {
            Ok(draft) => draft,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(refusal) = self.check_value(tx, &draft)? {
            return Ok(Err(refusal));
        }
        match self.check_room(stated, holder) {
            Ok(()) => Ok(self.check_means(tx, &draft)?.map(|()| draft)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// The order with its reserve.
    fn form(
        &self,
        stated: &StatedOrder,
        account: AccountId,
        moment: AcceptedAt,
    ) -> Result<BookOrder, Refusal> {
        let latest = self.latest(&stated.symbol);
        let progress = match stated.terms {
            OrderTerms::Trailing { distance } => {
                let Some(latest) = latest else {
                    let text = "the asset has no price yet that the order could follow";
                    return Err(Refusal::new(Reason::NoPrice, text));
                };
                if matches!(distance, TrailDistance::Money(distance) if distance >= latest) {
                    let text = format!("the distance is not below the price, {latest}");
                    return Err(Refusal::new(Reason::PriceInvalid, text));
                }
                BookProgress::Best(latest)
            }
            OrderTerms::Market
            | OrderTerms::Limit { .. }
            | OrderTerms::Stop { .. }
            | OrderTerms::StopLimit { .. } => BookProgress::AsAccepted,
        };
        if stated.side == Side::Sell && matches!(stated.amount, OrderAmount::Cash(_)) {
            let text = "an amount of cash is for purchases alone; a sale is of units";
            return Err(Refusal::new(Reason::QuantityInvalid, text));
        }
        let mut draft = BookOrder {
            rank: SettlementRank {
                timestamp: Timestamp(0),
                worker: Uuid::nil(),
                sequence: 0,
                number: 0,
            },
            id: Uuid::nil(),
            account,
            side: stated.side,
            symbol: stated.symbol,
            amount: stated.amount,
            terms: stated.terms,
            end: stated.end,
            progress,
            reserve: Money::ZERO,
            accepted: Timestamp(0),
            since: Some(moment.since),
            first_update: moment.first_update,
        };
        // What an order without any price takes is not known before it fills.
        let reserve = draft.due_reserve(&self.fees, latest);
        let is_unknown = latest.is_none() && draft.terms == OrderTerms::Market;
        draft.reserve = match reserve {
            Some(reserve) => reserve,
            None if is_unknown => Money::ZERO,
            None => {
                let text = fill::text(Reason::QuantityInvalid);
                return Err(Refusal::new(Reason::QuantityInvalid, text));
            }
        };
        Ok(draft)
    }

    /// Whether the order buys something.
    fn check_amount(&self, draft: &BookOrder) -> Result<(), Refusal> {
        let OrderAmount::Cash(cash) = draft.amount else {
            return Ok(());
        };
        let price = draft.reserve_price(self.latest(&draft.symbol));
        let kind = draft.terms.kind();
        let price = price.and_then(|price| self.fees.fill_price(draft.side, kind, price));
        if price.is_some_and(|price| self.fees.most_units(cash, price).is_none()) {
            let text = format!("{cash} buys nothing of {} now", draft.symbol);
            return Err(Refusal::new(Reason::QuantityInvalid, text));
        }
        Ok(())
    }

    /// Whether the order is for as much as an order must be for. All units that are left of an asset
    /// may be sold, however little they are worth.
    fn check_value(
        &mut self,
        tx: &mut Tx<'_>,
        draft: &BookOrder,
    ) -> Result<Result<(), Refusal>, StorageError> {
        let least = self.limits.min_order_value;
        if least == Money::ZERO {
            return Ok(Ok(()));
        }
        let price = draft.reserve_price(self.latest(&draft.symbol));
        let value = match draft.amount {
            OrderAmount::Cash(cash) => Some(cash),
            OrderAmount::Units(units) => price.and_then(|price| units.cost_at(price)),
        };
        let Some(value) = value.filter(|value| *value < least) else {
            return Ok(Ok(()));
        };
        if draft.side == Side::Sell {
            let held = self.held.units(tx, draft.account, &draft.symbol)?;
            let reserves = self.waiting.book().reserves();
            let left = reserves.units_for_sale(draft.account, &draft.symbol, held);
            if left > Quantity::ZERO && draft.amount == OrderAmount::Units(left) {
                return Ok(Ok(()));
            }
        }
        let text = format!("the order is for {value}; an order is for {least} at least");
        Ok(Err(Refusal::new(Reason::QuantityInvalid, text)))
    }

    /// Whether there is room for the order, on the queue or in the book.
    fn check_room(&mut self, stated: &StatedOrder, holder: &OrderHolder) -> Result<(), Refusal> {
        let is_queued = stated.terms == OrderTerms::Market;
        if !is_queued && stated.replaces.is_none() {
            let overloaded = |text: &str| Err(Refusal::new(Reason::Overloaded, text));
            if self.waiting.of_account(holder.asker) >= self.limits.open_per_account {
                return overloaded(
                    "as many orders of this account are open as one may have; cancel one",
                );
            }
            if let Err(full) = self.waiting.check_share(holder) {
                return overloaded(book_share_text(full));
            }
        }
        self.check_limits(holder, is_queued)
    }

    /// Whether the account has the cash or the units for an order.
    pub(super) fn check_means(
        &mut self,
        tx: &mut Tx<'_>,
        draft: &BookOrder,
    ) -> Result<Result<(), Refusal>, StorageError> {
        if draft.side == Side::Sell {
            let held = self.held.units(tx, draft.account, &draft.symbol)?;
            let reserves = self.waiting.book().reserves();
            let left = reserves.units_for_sale(draft.account, &draft.symbol, held);
            let OrderAmount::Units(units) = draft.amount else {
                return Ok(Ok(()));
            };
            if units <= left {
                return Ok(Ok(()));
            }
            let left = left.max(Quantity::ZERO);
            let text = format!(
                "the account has {left} units of {} to sell beside its other orders",
                draft.symbol
            );
            return Ok(Err(Refusal::new(Reason::InsufficientHoldings, text)));
        }
        let cash = self.held.cash(tx, draft.account)?;
        let prices = self.assets.prices();
        let latest = |symbol: &Symbol| prices.last_quote(symbol).map(|quote| quote.value);
        let latest = LatestPrices {
            number: prices.number,
            of: &latest,
            fees: &self.fees,
        };
        let reserves = self.waiting.book_mut().reserves_mut();
        let left = reserves.buying_power(draft.account, cash, draft.terms.kind(), latest);
        if draft.reserve <= left {
            return Ok(Ok(()));
        }
        let text = format!(
            "the order takes {}, and the account has {} to buy with beside its other orders",
            draft.reserve,
            left.max(Money::ZERO)
        );
        Ok(Err(Refusal::new(Reason::InsufficientFunds, text)))
    }

    /// Gives an order its number and its turn, and stores it: on the queue, or in the book.
    pub(super) fn insert(
        &mut self,
        tx: &mut Tx<'_>,
        stated: StatedOrder,
        draft: BookOrder,
        holder: &OrderHolder,
        instruction: Instruction,
        reply_to: ReplyTo,
    ) -> Result<Acceptance, StorageError> {
        let key = self.sequencer.give();
        let order = BookOrder {
            rank: SettlementRank {
                timestamp: self.effective_timestamp(&reply_to, &key),
                worker: reply_to.peer.worker.uuid,
                sequence: reply_to.sequence,
                number: key.number,
            },
            id: key.id,
            accepted: key.accepted,
            ..draft
        };
        let is_queued = order.terms == OrderTerms::Market;
        let status = if is_queued {
            TransactionStatus::Queued
        } else {
            TransactionStatus::Open
        };
        let details = details(&stated, &order);
        let waits_since = self.assets.prices().waiting_from(&order.symbol);
        let row = NewOrder {
            rank: order.rank,
            boot: reply_to.peer.boot,
            id: order.id,
            account: order.account,
            side: order.side,
            symbol: order.symbol,
            quantity: order.promise().units,
            accepted: order.accepted,
            stamped: reply_to.timestamp,
            client_order_id: stated.client_order_id.as_ref(),
            waits_since: waits_since.filter(|_| is_queued),
            status,
            reserve: (order.side == Side::Buy).then_some(order.reserve),
            first_update: order.first_update,
            details: details.as_ref(),
        };
        if !tx.insert_order(&row)? {
            // Its link session lets no number pass twice, but where an older link of the same process
            // is still read. An order that cannot be stored is the error of nobody else's.
            return Ok(match stored_by(tx, &reply_to)? {
                Some(entry) if stated.asked.is_some() => Acceptance::placed(&entry, reply_to),
                Some(entry) => already_stored(entry, reply_to),
                None => Acceptance::Refused(instruction, Refusal::not_stored(), reply_to),
            });
        }
        let waits_since = row.waits_since;
        Ok(self.enter(stated, order, details, holder, waits_since, reply_to))
    }

    /// Adds a stored order to the queue or to the book.
    fn enter(
        &mut self,
        stated: StatedOrder,
        order: BookOrder,
        details: Option<OrderDetails>,
        holder: &OrderHolder,
        waits_since: Option<Timestamp>,
        reply_to: ReplyTo,
    ) -> Acceptance {
        let (number, id) = (order.number(), order.id);
        let mut name = stated.client_order_id;
        self.undo.push(Change::Added(number));
        let status = if order.terms == OrderTerms::Market {
            self.queue_order(QueuedOrder {
                rank: order.rank,
                id,
                account: order.account,
                side: order.side,
                symbol: order.symbol,
                quantity: order.promise().units,
                asked: order.promise().units,
                accepted: order.accepted,
                since: order.since,
                near: holder.near,
                client_order_id: match &details {
                    Some(_) => name.clone(),
                    None => name.take(),
                },
                waits_since,
                reserve: (order.side == Side::Buy).then_some(order.reserve),
                first_update: order.first_update,
                waiters: match &details {
                    Some(_) => Vec::new(),
                    None => vec![reply_to.clone()],
                },
                details: details.map(Box::new),
            });
            TransactionStatus::Queued
        } else {
            self.waiting.insert(order, holder.near, Vec::new());
            self.newcomers.push(number);
            TransactionStatus::Open
        };
        if stated.asked.is_none() {
            return Acceptance::Queued(number);
        }
        Acceptance::Placed {
            id,
            client_order_id: name,
            status,
            replaced: None,
            reply_to,
        }
    }

    /// The latest price of an asset, in today's units.
    pub(super) fn latest(&self, symbol: &Symbol) -> Option<Money> {
        let quote = self.assets.prices().last_quote(symbol);
        quote.map(|quote| quote.value)
    }
}

/// When an order ends that is accepted at this market time. Before the first price nobody knows
/// which it is.
fn end_from(time_in_force: TimeInForce, now: Timestamp) -> OrderEnd {
    if now == Timestamp::MIN && time_in_force == TimeInForce::Gtc {
        OrderEnd::UNKNOWN
    } else {
        OrderEnd::of(time_in_force, now)
    }
}

/// The row of its terms; `None`: purchaseAsset or sellAsset.
fn details(stated: &StatedOrder, order: &BookOrder) -> Option<OrderDetails> {
    let asked = stated.asked.as_ref()?;
    Some(OrderDetails {
        terms: order.terms,
        cash: match order.amount {
            OrderAmount::Cash(cash) => Some(cash),
            OrderAmount::Units(_) => None,
        },
        time_in_force: stated.time_in_force,
        until: order.end.time().filter(|_| order.end != OrderEnd::UNKNOWN),
        best: order.progress.best(),
        triggered: None,
        asked: stated.client_order_id.as_ref().map(|_| asked.clone()),
        replaces: stated.replaces,
    })
}

/// A placeOrder with all its arguments by value but the clientOrderID.
fn asked_text(order: &PlaceOrder) -> String {
    format!(
        "placeOrder {} {} {} {} {} {} {}",
        order.side,
        order.symbol,
        order.amount,
        order.kind,
        or_none(order.limit),
        or_none(order.stop),
        order.time_in_force
    )
}

/// An argument, or `-` for none.
pub(super) fn or_none(value: Option<impl std::fmt::Display>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

/// The answer to a clientOrderID that the account has used: that of the stored order, if all was
/// asked by the same values.
pub(super) fn same_terms(
    tx: &mut Tx<'_>,
    entry: &LedgerEntry,
    asked: &str,
    (instruction, reply_to): (Instruction, ReplyTo),
) -> Result<Acceptance, StorageError> {
    let stored = tx.order_details(entry.rank.number)?;
    let is_same = stored.and_then(|details| details.asked).as_deref() == Some(asked);
    if is_same {
        return Ok(Acceptance::placed(entry, reply_to));
    }
    Ok(Acceptance::reused(instruction, reply_to))
}

/// A kind with prices that are not its own.
pub(super) fn prices_refusal() -> Refusal {
    let text = "limit has a limit, stop and trailing have a stop, stop-limit has both, market neither; \
                a percentage is for trailing";
    Refusal::new(Reason::PriceInvalid, text)
}

#[cfg(test)]
mod tests;
