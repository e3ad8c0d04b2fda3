//! spec/master/account_queries.md · 4.6.15, 3.1.7
//!
//! What an account has, may spend and has gained. Profit is a sum over the whole ledger of the
//! account: it is counted in slices, and what was counted is kept.

use crate::config::FeeSettings;
use crate::master::assets::PriceSnapshot;
use crate::master::storage::account_orders::{OwnTransaction, ProfitRow};
use crate::master::storage::{Snapshot, StorageError};
use crate::master::transactions::reserves::{LatestPrices, OrderPromise, PromiseKind, Reserves};
use crate::model::money::MILLION;
use crate::model::{
    AccountId, Cause, Holdings, Money, OrderKind, Quantity, Side, Symbol, TransactionStatus,
};
use crate::wire::payload::{OwnSummary, PositionSummary};
use hashlink::LruCache;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Accounts whose rows stay counted.
const ACCOUNTS_MAX: usize = 4096;
/// Most sums of assets that stay counted, of all accounts together. Each takes some 80 bytes.
const SUMS_MAX: usize = 262_144;
/// Most orders without an outcome of an account that are remembered between two questions. What is
/// younger than the next one is counted anew.
const UNENDED_MAX: usize = 256;

/// What an account's rows of an asset add up to, in millionths.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct ProfitSum {
    /// Cash that came: sales, dividends and the like.
    came: i128,
    /// What the position has cost: purchases, and costs that moved here from other assets.
    cost: i128,
}

/// The rows of an account that are counted: from the oldest up to one, without those that had no
/// outcome.
#[derive(Debug, Clone, Default)]
pub(super) struct ProfitCount {
    /// ID of the newest row that is counted.
    newest: Uuid,
    by_asset: BTreeMap<Symbol, ProfitSum>,
    fees: i128,
    /// Counted rows that had no outcome, oldest first.
    unended: Vec<Uuid>,
    /// The same as it was before it had more of them than are remembered.
    kept: Option<Box<ProfitCount>>,
}

/// The counts that are kept, of the accounts that asked last.
#[derive(Debug)]
pub(super) struct ProfitCounts {
    of_accounts: LruCache<AccountId, ProfitCount>,
    /// Number of sums in all of them.
    sums: usize,
}

impl ProfitCounts {
    pub(super) fn new() -> ProfitCounts {
        ProfitCounts {
            of_accounts: LruCache::new(ACCOUNTS_MAX),
            sums: 0,
        }
    }

    /// What is counted of an account; it is not kept meanwhile.
    pub(super) fn take(&mut self, account: AccountId) -> ProfitCount {
        let count = self.of_accounts.remove(&account).unwrap_or_default();
        self.sums -= count.by_asset.len();
        count
    }

    /// Keeps what was counted, as far as there is room.
    pub(super) fn keep(&mut self, account: AccountId, count: ProfitCount) {
        let count = match count.kept {
            Some(kept) => *kept,
            None => count,
        };
        self.take(account);
        self.sums += count.by_asset.len();
        if self.of_accounts.len() >= ACCOUNTS_MAX {
            self.forget_oldest();
        }
        self.of_accounts.insert(account, count);
        while self.sums > SUMS_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.of_accounts.remove_lru() {
            self.sums -= oldest.by_asset.len();
        }
    }
}

impl ProfitCount {
    /// Counts at most `rows` further rows. Returns how many it counted; fewer if there are no more.
    pub(super) fn count(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        account: AccountId,
        rows: usize,
    ) -> Result<usize, StorageError> {
        let more = snapshot.profit_rows(account, self.newest, rows)?;
        for row in &more {
            if row.cause == Some(Cause::Restart) {
                *self = ProfitCount::default();
            } else if row.status.is_final() {
                self.add(row);
            } else {
                if self.unended.len() == UNENDED_MAX && self.kept.is_none() {
                    self.kept = Some(Box::new(self.clone()));
                }
                self.unended.push(row.id);
            }
            self.newest = row.id;
        }
        Ok(more.len())
    }

    /// How many of the counted rows had no outcome: [`add_ended`](ProfitCount::add_ended) reads each.
    pub(super) fn unended(&self) -> usize {
        self.unended.len()
    }

    /// Adds those that have got their outcome meanwhile.
    pub(super) fn add_ended(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        account: AccountId,
    ) -> Result<(), StorageError> {
        let mut left = Vec::with_capacity(self.unended.len());
        for id in std::mem::take(&mut self.unended) {
            match snapshot.profit_row(account, id)? {
                Some(row) if row.status.is_final() => self.add(&row),
                Some(_) => left.push(id),
                None => {}
            }
        }
        self.unended = left;
        Ok(())
    }

    fn add(&mut self, row: &ProfitRow) {
        // A grant is neither profit nor loss.
        if row.status != TransactionStatus::Settled || row.cause == Some(Cause::Grant) {
            return;
        }
        self.fees += i128::from(row.fee.0);
        let sum = self.by_asset.entry(row.symbol).or_default();
        let total = i128::from(row.total.0);
        sum.cost += i128::from(row.moved_cost.0);
        match row.side {
            Side::Buy => sum.cost += total,
            Side::Sell | Side::Dividend => sum.came += total,
            Side::Split => {}
        }
    }

    /// The profit that was realised in an asset whose position has this cost: what came, less the
    /// cost of what is not there any more.
    fn realised(&self, symbol: &Symbol, cost: Money) -> i128 {
        let sum = self.by_asset.get(symbol).copied().unwrap_or_default();
        sum.came - (sum.cost - i128::from(cost.0))
    }
}

/// What an account's waiting orders hold back and promise, as transactions counts it when it accepts
/// orders.
fn reserves(account: AccountId, orders: &[OwnTransaction]) -> Reserves {
    let mut reserves = Reserves::default();
    for (number, order) in (0..).zip(orders) {
        let transaction = &order.transaction;
        let kind = order
            .details
            .as_ref()
            .map_or(OrderKind::Market, |details| details.terms.kind());
        reserves.hold(&OrderPromise {
            // One of its own is enough for a sum.
            number,
            account,
            side: transaction.side,
            symbol: transaction.symbol,
            units: transaction.quantity,
            reserve: order.reserve.unwrap_or_default(),
            kind: match (transaction.status == TransactionStatus::Queued, kind) {
                (true, _) => PromiseKind::Queued,
                (false, OrderKind::Market) => PromiseKind::Waiting,
                (
                    false,
                    OrderKind::Limit | OrderKind::Stop | OrderKind::StopLimit | OrderKind::Trailing,
                ) => PromiseKind::Standing,
            },
        });
    }
    reserves
}

/// The market value of so many units, rounded down.
fn worth(units: Quantity, price: Money) -> i128 {
    (i128::from(units.0) * i128::from(price.0)).div_euclid(i128::from(MILLION))
}

/// Puts a summary together from what one snapshot has.
pub(super) fn summary(
    account: AccountId,
    (holdings, orders): (&Holdings, &[OwnTransaction]),
    profit: &ProfitCount,
    (prices, fees): (&PriceSnapshot, &FeeSettings),
) -> OwnSummary {
    let mut reserves = reserves(account, orders);
    let of = |symbol: &Symbol| prices.last_quote(symbol).map(|quote| quote.value);
    let latest = LatestPrices {
        number: prices.number,
        of: &of,
        fees,
    };
    let (mut value, mut day_change, mut cost_of_all) = (0, 0, 0);
    let mut realised: i128 = profit
        .by_asset
        .keys()
        .filter(|symbol| !holdings.positions.contains_key(symbol))
        .map(|symbol| profit.realised(symbol, Money::ZERO))
        .sum();
    let mut positions = Vec::with_capacity(holdings.positions.len());
    for (symbol, (units, cost)) in &holdings.positions {
        let price = of(symbol);
        let now = price.map_or(0, |price| worth(*units, price));
        let previous = prices.entry(symbol).and_then(|entry| entry.previous_close);
        if let (Some(_), Some(previous)) = (price, previous) {
            day_change += now - worth(*units, previous);
        }
        let own = profit.realised(symbol, *cost);
        value += now;
        cost_of_all += i128::from(cost.0);
        realised += own;
        positions.push(PositionSummary {
            symbol: *symbol,
            units: *units,
            promised: reserves.promised(account, symbol),
            cost: *cost,
            value: Money::clamped(now),
            previous_close: previous.unwrap_or_default(),
            realised: Money::clamped(own),
        });
    }
    let cash = i128::from(holdings.cash.0);
    let buying_power = reserves.buying_power(account, holdings.cash, OrderKind::Market, latest);
    OwnSummary {
        cash: holdings.cash,
        reserved: reserves.reserved(account),
        buying_power: buying_power.max(Money::ZERO),
        value: Money::clamped(value),
        equity: Money::clamped(cash + value),
        day_change: Money::clamped(day_change),
        realised: Money::clamped(realised),
        unrealised: Money::clamped(value - cost_of_all),
        fees: Money::clamped(profit.fees),
        positions,
        update: prices.number,
    }
}

#[cfg(test)]
mod tests;
