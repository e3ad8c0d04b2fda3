//! spec/master/transactions.md · 3.1.7, 3.1.3 (what an administrator changes of an account)
//!
//! `impl Transactions`: grants of cash, and accounts that begin anew: their orders end, all units
//! are sold, and the cash is set. Both are rows of the ledger like any other.

use super::Transactions;
use super::book::order::BookOrder;
use super::sequence::Sequencer;
use crate::master::messages::{AdminAct, Grant, GrantOutcome, RestartOutcome};
use crate::master::storage::acts::{AccountAct, ActKind};
use crate::master::storage::ledger::ActionEntry;
use crate::master::storage::{StorageError, Tx};
use crate::master::transactions::fill::ActionRow;
use crate::model::{AccountId, Money, Timestamp, Username};
use crate::runtime::{StepBeats, failpoint};

/// What a row of an administrator has from the moment at which it is made.
struct GrantMoment {
    account: AccountId,
    /// The last update whose outcomes the ledger has: the row comes after them.
    update: u64,
    /// Market time.
    time: Timestamp,
}

impl GrantMoment {
    /// Stores a row, and returns its number and ID.
    fn store(
        &self,
        tx: &mut Tx<'_>,
        sequencer: &mut Sequencer,
        time: Timestamp,
        row: ActionRow,
    ) -> Result<ActionEntry, StorageError> {
        let order_key = sequencer.give();
        let entry = ActionEntry {
            number: order_key.number,
            id: order_key.id,
            accepted: order_key.accepted,
            account: self.account,
            update: self.update,
            time,
            row,
            written_off: None,
        };
        tx.insert_settled(&entry)?;
        Ok(entry)
    }
}

/// What is said where a change could not be stored.
fn not_stored(error: &StorageError) -> String {
    crate::error!("an administrator's change of an account could not be stored: {error}");
    format!("nothing was changed: the database failed: {error}")
}

impl Transactions {
    /// Gives an account cash, or takes some, in one commit, and logs it.
    ///
    /// # Errors
    /// It is too late, there is no such account, the cash would fall below zero or exceed its limit,
    /// or the database fails; the text says so. Nothing has changed then.
    pub(super) fn grant(&mut self, grant: &Grant, act: &AdminAct) -> Result<GrantOutcome, String> {
        act.in_time("a grant", &grant.username)?;
        let time = self.state.assets.prices().market_now;
        let sequencer = &mut self.state.sequencer;
        let reserves = self.state.waiting.book().reserves();
        let stored = self.storage.write(|tx| {
            let Some(found) = tx.account_row(&grant.username.key())? else {
                return Ok(Err(no_user(&grant.username)));
            };
            let before = tx.holdings(found.account)?;
            let mut after = before.clone();
            let row = after.grant(grant.amount).filter(|_| {
                // What orders hold back is not to be taken.
                grant.amount > Money::ZERO || after.cash >= reserves.standing(found.account)
            });
            let Some(row) = row else {
                return Ok(Err(beyond_limits(&found.username, before.cash)));
            };
            let moment = GrantMoment {
                account: found.account,
                update: tx.settled_update()?,
                time,
            };
            let entry = moment.store(tx, sequencer, time, row)?;
            tx.set_note(entry.number, &grant.reason)?;
            let detail = format!("{}: {}", grant.amount, grant.reason);
            let told = AccountAct::now(ActKind::Grant, &act.caller, detail);
            tx.insert_grant_act(found.account, &told)?;
            tx.store_holdings(found.account, &before, &after)?;
            failpoint::point("grant-stored");
            Ok(Ok(GrantOutcome {
                username: found.username,
                cash: after.cash,
                id: entry.id,
            }))
        });
        let granted = stored.map_err(|error| not_stored(&error))??;
        failpoint::point("grant-committed");
        self.granted += 1;
        crate::audit!(
            "account grant",
            user = granted.username,
            amount = grant.amount,
            cash = granted.cash,
            reason = grant.reason,
            by = act.caller,
        );
        Ok(granted)
    }

    /// Lets an account begin anew, in one commit: its queued and open orders are cancelled, its
    /// units sold at their last price, or for nothing without one, and its cash is what it began
    /// with. Logs it.
    ///
    /// # Errors
    /// It is too late, there is no such account, the ledger lacks actions that the prices have, or
    /// the database fails; the text says so. Nothing has changed then.
    pub(super) fn restart(
        &mut self,
        username: &Username,
        act: &AdminAct,
    ) -> Result<RestartOutcome, String> {
        act.in_time("a restart", username)?;
        let prices = self.state.assets.prices();
        let (queue, sequencer) = (&self.state.queue, &mut self.state.sequencer);
        let ended = sequencer.end_time();
        let waiting = &self.state.waiting;
        let mut beats = StepBeats::new(&self.heartbeat);
        let stored = self.storage.write_beating(&self.heartbeat, |tx| {
            let Some(found) = tx.account_row(&username.key())? else {
                return Ok(Err(no_user(username)));
            };
            // Units and prices are to be those of the same moment.
            let number = prices.number;
            let is_behind = !tx.actions_to_apply(number)?.is_empty()
                || !tx.fractions_to_pay(number)?.is_empty();
            if is_behind {
                return Ok(Err(
                    "an update is being settled; try again when it is done".to_owned()
                ));
            }
            let account = found.account;
            let moment = GrantMoment {
                account,
                update: tx.settled_update()?,
                time: prices.market_now,
            };
            let mut orders = queue.numbers_of(account);
            orders.extend(waiting.book().of_account(account).map(BookOrder::number));
            tx.cancel_orders(&orders, ended)?;
            let before = tx.holdings(account)?;
            let mut after = before.clone();
            let mut done = RestartOutcome {
                username: found.username,
                cancelled: orders.len(),
                sold: before.positions.len(),
                unpriced: Vec::new(),
                before: before.cash,
                cash: tx.starting_cash(account)?,
            };
            for symbol in before.positions.keys() {
                beats.step();
                let quote = prices.last_quote(symbol);
                let price = quote.map_or(Money::ZERO, |quote| quote.value);
                let time = quote.map_or(moment.time, |quote| quote.time);
                if quote.is_none() {
                    done.unpriced.push(*symbol);
                }
                if let Some(row) = after.sell_for_restart(*symbol, price) {
                    moment.store(tx, sequencer, time, row)?;
                }
            }
            let row = after.restart_cash(done.cash);
            moment.store(tx, sequencer, moment.time, row)?;
            tx.store_holdings(account, &before, &after)?;
            tx.insert_grant_act(account, &restart_act(act, &done))?;
            failpoint::point("grant-stored");
            Ok(Ok((done, orders)))
        });
        let (done, orders) = stored.map_err(|error| not_stored(&error))??;
        failpoint::point("grant-committed");
        self.restarted += 1;
        log_restart(act, &done);
        self.tell_cancelled(&orders, ended);
        Ok(done)
    }
}

/// What an account keeps of its restart.
fn restart_act(act: &AdminAct, done: &RestartOutcome) -> AccountAct {
    let detail = format!(
        "orders cancelled: {}; positions sold: {}; cash {} before and {} now",
        done.cancelled, done.sold, done.before, done.cash
    );
    AccountAct::now(ActKind::Restart, &act.caller, detail)
}

fn log_restart(act: &AdminAct, done: &RestartOutcome) {
    crate::audit!(
        "account restart",
        user = done.username,
        orders = done.cancelled,
        sold = done.sold,
        cash_before = done.before,
        cash = done.cash,
        by = act.caller,
    );
}

fn no_user(username: &Username) -> String {
    format!("there is no user {username}")
}

fn beyond_limits(username: &str, cash: Money) -> String {
    format!(
        "{username} has {cash} of cash; it cannot fall below 0, nor below what open orders hold back, \
         nor exceed {}",
        Money(crate::model::money::MILLIONTHS_MAX)
    )
}

#[cfg(test)]
mod tests;
