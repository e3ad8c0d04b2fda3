//! spec/master/transactions.md · 3.1.7 Assets Buy & Sell
//!
//! Cancels and replaces orders. Both are bound as an order is: what is accepted after the retrieval
//! of an update began takes effect after that update, so that nobody withdraws an order from a price
//! that could be seen.
//!
//! Tests: `src/master/transactions/place/tests.rs`.

use super::acceptance::{Acceptance, AcceptedAt, EndedOrder, StatedOrder, holder_of, stored_by};
use super::place::{or_none, prices_refusal, same_terms};
use super::settle::ended;
use super::waiting::order_end;
use super::{OrderState, PendingRequest};
use crate::master::messages::{CancelOrder, OrderRequest, ReplaceOrder};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::ledger::{LedgerEntry, Settlement};
use crate::master::storage::order_details::OrderDetails;
use crate::master::storage::{StorageError, Tx};
use crate::model::{
    AccountId, OrderAmount, OrderKind, OrderTerms, Reason, TimeInForce, Timestamp,
    TransactionStatus,
};
use crate::wire::{Instruction, Refusal};
use std::time::Instant;
use uuid::Uuid;

/// Most cancels and replacements that wait for the end of an update.
pub const DEFERRED_MAX: usize = 65_536;

impl OrderState {
    /// Checks a cancelOrder, and cancels the order or lets it wait for the update under way. `moment`
    /// is when it was accepted, if it has waited.
    pub(super) fn check_cancel(
        &mut self,
        tx: &mut Tx<'_>,
        cancel: CancelOrder,
        moment: Option<AcceptedAt>,
    ) -> Result<Acceptance, StorageError> {
        const INSTRUCTION: Instruction = Instruction::CancelOrder;
        let account = match self.acting(&cancel.account) {
            Ok(account) => account,
            Err(refusal) => {
                return Ok(Acceptance::Refused(INSTRUCTION, refusal, cancel.reply_to));
            }
        };
        let entry = match self.find_open(tx, account, &cancel.id)? {
            Ok(entry) => entry,
            Err((Some(TransactionStatus::Cancelled), _)) => {
                return Ok(Acceptance::Cancelled {
                    id: cancel.id,
                    ended: None,
                    reply_to: cancel.reply_to,
                });
            }
            Err((_, refusal)) => {
                return Ok(Acceptance::Refused(INSTRUCTION, refusal, cancel.reply_to));
            }
        };
        if moment.is_none() {
            if let Err(refusal) = self.check_cancels(account) {
                return Ok(Acceptance::Refused(INSTRUCTION, refusal, cancel.reply_to));
            }
            if self.is_behind() {
                return Ok(self.defer(OrderRequest::Cancel(cancel)));
            }
        }
        let ended = self.cancel(tx, entry, Reason::Cancelled)?;
        Ok(Acceptance::Cancelled {
            id: cancel.id,
            ended: Some(ended),
            reply_to: cancel.reply_to,
        })
    }

    /// Checks a replaceOrder, and replaces the order or lets it wait for the update under way.
    pub(super) fn check_replace(
        &mut self,
        tx: &mut Tx<'_>,
        replace: ReplaceOrder,
        moment: Option<AcceptedAt>,
    ) -> Result<Acceptance, StorageError> {
        const INSTRUCTION: Instruction = Instruction::ReplaceOrder;
        // Its message names the new order: an older link of its process may have brought it.
        if let Some(entry) = stored_by(tx, &replace.reply_to)? {
            return Ok(Acceptance::placed(&entry, replace.reply_to));
        }
        let account = match self.acting(&replace.account) {
            Ok(account) => account,
            Err(refusal) => {
                return Ok(Acceptance::Refused(INSTRUCTION, refusal, replace.reply_to));
            }
        };
        let asked = asked_text(&replace);
        if let Some(id) = &replace.client_order_id
            && let Some(entry) = tx.order_by_client(account, id)?
        {
            return same_terms(tx, &entry, &asked, (INSTRUCTION, replace.reply_to));
        }
        let entry = match self.find_open(tx, account, &replace.id)? {
            Ok(entry) => entry,
            Err((_, refusal)) => {
                return Ok(Acceptance::Refused(INSTRUCTION, refusal, replace.reply_to));
            }
        };
        if moment.is_none() {
            if let Err(refusal) = self.check_cancels(account) {
                return Ok(Acceptance::Refused(INSTRUCTION, refusal, replace.reply_to));
            }
            if self.is_behind() {
                return Ok(self.defer(OrderRequest::Replace(replace)));
            }
        }
        let details = tx.order_details(entry.rank.number)?;
        let Some(stated) = restated(&entry, details, &replace, asked) else {
            let refusal = prices_refusal();
            return Ok(Acceptance::Refused(INSTRUCTION, refusal, replace.reply_to));
        };
        self.put_in_place(tx, entry, stated, replace, moment)
    }

    /// Puts an order in the place of another one, or leaves that one as it is.
    fn put_in_place(
        &mut self,
        tx: &mut Tx<'_>,
        entry: LedgerEntry,
        stated: StatedOrder,
        replace: ReplaceOrder,
        moment: Option<AcceptedAt>,
    ) -> Result<Acceptance, StorageError> {
        const INSTRUCTION: Instruction = Instruction::ReplaceOrder;
        let holder = holder_of(entry.transaction.account, &replace.reply_to);
        let moment = moment.unwrap_or_else(|| self.moment());
        let (number, before) = (entry.rank.number, self.undo.len());
        // What the old one holds back is free for the new one.
        let waiters = self.take_out(number);
        let draft = match self.draft(tx, &stated, &holder, moment)? {
            Ok(draft) => draft,
            Err(refusal) => {
                self.roll_back_to(before);
                return Ok(Acceptance::Refused(INSTRUCTION, refusal, replace.reply_to));
            }
        };
        let mut placed = self.insert(tx, stated, draft, &holder, INSTRUCTION, replace.reply_to)?;
        match &mut placed {
            Acceptance::Placed { replaced, .. } if self.undo.len() > before + 1 => {
                *replaced = Some(self.end(tx, entry, Reason::Replaced, waiters)?);
            }
            _ => self.roll_back_to(before),
        }
        Ok(placed)
    }

    /// The account's order of this ID, if it has not ended; else its status and why nothing can be
    /// done.
    #[allow(
        clippy::type_complexity,
        reason = "two kinds of failure, one of them the database's"
    )]
    fn find_open(
        &self,
        tx: &mut Tx<'_>,
        account: AccountId,
        id: &Uuid,
    ) -> Result<Result<LedgerEntry, (Option<TransactionStatus>, Refusal)>, StorageError> {
        let Some(entry) = tx.transaction(account, id)? else {
            let text = "no order of this account has this transaction ID";
            return Ok(Err((None, Refusal::new(Reason::NoData, text))));
        };
        let status = entry.transaction.status;
        if !status.is_final() {
            return Ok(Ok(entry));
        }
        let text = format!("the order is {status} already");
        Ok(Err((Some(status), Refusal::new(Reason::NotOpen, text))))
    }

    /// Counts a cancel or replacement against those that the account has a minute.
    fn check_cancels(&mut self, account: AccountId) -> Result<(), Refusal> {
        let now = Instant::now();
        if self.deferred.len() >= DEFERRED_MAX {
            let text = "too many orders are being cancelled; try again after the update";
            return Err(Refusal::new(Reason::Overloaded, text));
        }
        if !self.cancels.allows(&account, now) {
            let text = "this account cancelled too many orders within a minute; wait a minute";
            return Err(Refusal::new(Reason::Overloaded, text));
        }
        self.cancels.count(&account, now);
        Ok(())
    }

    /// Whether an update is under way whose prices nobody here has settled at.
    pub(super) fn is_behind(&self) -> bool {
        self.assets.is_updating(self.seen_update)
            || self.assets.first_update() > self.seen_update + 1
    }

    fn defer(&mut self, request: OrderRequest) -> Acceptance {
        let moment = self.moment();
        self.deferred.push(PendingRequest {
            request,
            moment: Some(moment),
        });
        Acceptance::Deferred
    }

    /// What waited for an update that is over by now.
    pub(super) fn take_deferred(&mut self) -> Vec<PendingRequest> {
        let next = self.seen_update + 1;
        let is_none_under_way = !self.is_behind();
        let is_due = |it: &mut PendingRequest| {
            is_none_under_way || it.moment.is_none_or(|moment| moment.first_update <= next)
        };
        self.deferred.extract_if(.., is_due).collect()
    }

    /// Ends an order that is queued or open between two updates.
    fn cancel(
        &mut self,
        tx: &mut Tx<'_>,
        entry: LedgerEntry,
        reason: Reason,
    ) -> Result<EndedOrder, StorageError> {
        let waiters = self.take_out(entry.rank.number);
        self.end(tx, entry, reason, waiters)
    }

    /// Stores that an order was cancelled.
    fn end(
        &self,
        tx: &mut Tx<'_>,
        entry: LedgerEntry,
        reason: Reason,
        waiters: Vec<ReplyTo>,
    ) -> Result<EndedOrder, StorageError> {
        let outcome = Settlement::Cancelled(reason);
        let at = self.sequencer.end_time();
        tx.end_order(entry.rank.number, &outcome, at)?;
        Ok(EndedOrder {
            transaction: Box::new(ended(entry.transaction, &outcome, at)),
            waiters,
        })
    }
}

/// What the new order says: `None` of a replaceOrder is as it was. `None` where the prices are not
/// those of the order's kind.
fn restated(
    entry: &LedgerEntry,
    details: Option<OrderDetails>,
    replace: &ReplaceOrder,
    asked: String,
) -> Option<StatedOrder> {
    let transaction = &entry.transaction;
    let terms = details.as_ref().map_or(OrderTerms::Market, |it| it.terms);
    let stop = replace.stop.or(terms.stated_stop());
    let kind: OrderKind = terms.kind();
    let limit = replace.limit.or(terms.limit());
    let terms = OrderTerms::of(kind, limit, stop)?;
    let cash = details.as_ref().and_then(|it| it.cash);
    let before = cash.map_or(OrderAmount::Units(transaction.quantity), OrderAmount::Cash);
    let since = entry.waits_since.unwrap_or(Timestamp::MIN);
    Some(StatedOrder {
        side: transaction.side,
        symbol: transaction.symbol,
        amount: replace.amount.unwrap_or(before),
        terms,
        time_in_force: details
            .as_ref()
            .map_or(TimeInForce::Gtc, |it| it.time_in_force),
        end: order_end(details.as_ref(), since),
        client_order_id: replace.client_order_id.clone(),
        asked: Some(asked),
        replaces: Some(entry.rank.number),
    })
}

/// A replaceOrder with all its arguments by value but the clientOrderID.
fn asked_text(replace: &ReplaceOrder) -> String {
    format!(
        "replaceOrder {} {} {} {}",
        replace.id,
        or_none(replace.amount),
        or_none(replace.limit),
        or_none(replace.stop)
    )
}
