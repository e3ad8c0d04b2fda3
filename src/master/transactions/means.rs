//! spec/master/transactions.md · 3.1.7, 3.1.3 (what an account may spend)
//!
//! `impl Transactions`: tells administrators what an account's orders hold back, by the same numbers
//! by which orders are accepted. It changes nothing.

use super::Transactions;
use super::book::order::BookOrder;
use super::reserves::LatestPrices;
use crate::master::messages::AccountMeans;
use crate::model::{AccountId, Money, OrderKind, Symbol};

impl Transactions {
    /// What the orders of an account hold back, and what it may spend.
    ///
    /// # Errors
    /// The database fails; the text says so.
    pub(super) fn means(&mut self, account: AccountId) -> Result<AccountMeans, String> {
        let cash = self.storage.read(|snapshot| snapshot.cash(account));
        let cash = cash.map_err(|error| format!("the database failed: {error}"))?;
        let state = &mut self.state;
        let prices = state.assets.prices();
        let of = |symbol: &Symbol| prices.last_quote(symbol).map(|quote| quote.value);
        let latest = LatestPrices {
            number: prices.number,
            of: &of,
            fees: &state.fees,
        };
        let queued = state.queue.numbers_of(account).len();
        let open = state.waiting.book().count_of(account);
        let reserves = state.waiting.book_mut().reserves_mut();
        let left = reserves.buying_power(account, cash, OrderKind::Market, latest);
        Ok(AccountMeans {
            queued,
            open,
            reserved: reserves.reserved(account),
            buying_power: left.max(Money::ZERO),
        })
    }

    /// The numbers of an account's orders that have not ended.
    pub(super) fn numbers_of(&self, account: AccountId) -> Vec<i64> {
        let mut numbers = self.state.queue.numbers_of(account);
        let open = self.state.waiting.book().of_account(account);
        numbers.extend(open.map(BookOrder::number));
        numbers
    }
}
