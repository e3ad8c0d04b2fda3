//! spec/master/transactions/reserves.md · 3.1.7 Assets Buy & Sell (validate transactions)
//!
//! What an account's orders hold back: cash for purchases, units for sales. It uses no database and
//! no clock.

use crate::config::FeeSettings;
use crate::model::{AccountId, Money, OrderAmount, OrderKind, Quantity, Side, Symbol};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where an order waits, as far as its reserve goes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromiseKind {
    /// A market order on the queue: the next update settles it.
    Queued,
    /// A market order that waits for a price of its asset.
    Waiting,
    /// An order of another kind: nobody else may use its reserve.
    Standing,
}

/// What an order holds back until it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderPromise {
    /// Number of the order.
    pub number: i64,
    pub account: AccountId,
    /// Buy or sell.
    pub side: Side,
    pub symbol: Symbol,
    /// Zero in an order for an amount of cash.
    pub units: Quantity,
    /// Zero in a sale.
    pub reserve: Money,
    pub kind: PromiseKind,
}

/// Number of an asset within [`Reserves`], a quarter as long as its symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct AssetNumber(u32);

/// What one account's orders hold back. Sums of 10,000 orders and more can be beyond an `i64`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct AccountReserves {
    /// Of purchases by limit, stop, stop-limit and trailing orders.
    standing: i128,
    /// Of market purchases.
    market: i128,
    /// Units in sales of all kinds.
    promised: BTreeMap<AssetNumber, i128>,
    /// Units that queued market purchases bring.
    coming: BTreeMap<AssetNumber, i128>,
    /// Queued market sales, by number.
    sales: BTreeMap<i64, QueuedSale>,
    /// Number of the update at whose prices the proceeds of sales were counted, and their sum.
    proceeds: (u64, i128),
    /// Those whose proceeds are not counted yet. A sale whose cancel is undone is held again.
    uncounted: BTreeSet<i64>,
}

/// A queued market sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct QueuedSale {
    symbol: Symbol,
    units: Quantity,
    /// What it counts for among the proceeds.
    brings: Money,
}

/// What the orders of all accounts hold back. Its memory is bounded by the orders and the assets: an
/// account without any order has no entry.
#[derive(Debug, Default)]
pub struct Reserves {
    accounts: HashMap<AccountId, AccountReserves>,
    /// Each asset that was ever ordered.
    assets: HashMap<Symbol, AssetNumber>,
}

/// The latest prices, and what trades at them cost.
#[derive(Clone, Copy)]
pub struct LatestPrices<'a> {
    /// Number of the update that they came with.
    pub number: u64,
    /// The latest price of an asset, in today's units.
    pub of: &'a dyn Fn(&Symbol) -> Option<Money>,
    pub fees: &'a FeeSettings,
}

impl Reserves {
    /// Holds back what this order promises.
    pub fn hold(&mut self, promise: &OrderPromise) {
        let asset = self.number_of(promise.symbol);
        let account = self.accounts.entry(promise.account).or_default();
        account.hold(promise, asset);
    }

    /// Releases what this order held back. It must say what it said when it was held.
    pub fn release(&mut self, promise: &OrderPromise) {
        let asset = self.number_of(promise.symbol);
        let Some(account) = self.accounts.get_mut(&promise.account) else {
            return;
        };
        account.release(promise, asset);
        if account.is_empty() {
            self.accounts.remove(&promise.account);
        }
    }

    /// The sum of all reserves of an account.
    pub fn reserved(&self, account: AccountId) -> Money {
        let reserves = self.accounts.get(&account);
        Money::clamped(reserves.map_or(0, |it| it.standing + it.market))
    }

    /// The sum of all reserves of all accounts, in millionths. Reads them all.
    pub fn total(&self) -> i128 {
        let reserves = self.accounts.values();
        reserves.map(|it| it.standing + it.market).sum()
    }

    /// The sum of the reserves that no other order of the account may use: those of limit, stop,
    /// stop-limit and trailing purchases.
    pub fn standing(&self, account: AccountId) -> Money {
        Money::clamped(self.accounts.get(&account).map_or(0, |it| it.standing))
    }

    /// Units of the asset that the account's sales have promised.
    #[cfg(test)]
    pub fn promised(&self, account: AccountId, symbol: &Symbol) -> Quantity {
        let reserves = self.accounts.get(&account);
        let asset = self.assets.get(symbol);
        let units = reserves
            .zip(asset)
            .and_then(|(it, asset)| it.promised.get(asset));
        Quantity(Money::clamped(units.copied().unwrap_or(0)).0)
    }

    /// What a new sale may sell where the account holds so many units: with what queued market
    /// purchases bring, without what other sales have promised. Below 0 where that is more.
    pub fn units_for_sale(&self, account: AccountId, symbol: &Symbol, held: Quantity) -> Quantity {
        let reserves = self.accounts.get(&account);
        let Some((reserves, asset)) = reserves.zip(self.assets.get(symbol)) else {
            return held;
        };
        let of = |units: &BTreeMap<AssetNumber, i128>| units.get(asset).copied().unwrap_or(0);
        let units = i128::from(held.0) + of(&reserves.coming) - of(&reserves.promised);
        Quantity(Money::clamped(units).0)
    }

    /// What a new purchase of this kind may take where the account has so much cash: without all
    /// reserves; for a market order with what the account's queued market sales would bring at the
    /// latest prices, after slippage and less fees. Below 0 where prices have fallen.
    pub fn buying_power(
        &mut self,
        account: AccountId,
        cash: Money,
        kind: OrderKind,
        latest: LatestPrices<'_>,
    ) -> Money {
        let Some(reserves) = self.accounts.get_mut(&account) else {
            return cash;
        };
        let left = i128::from(cash.0) - reserves.standing - reserves.market;
        Money::clamped(match kind {
            OrderKind::Market => left + reserves.proceeds(latest),
            OrderKind::Limit | OrderKind::Stop | OrderKind::StopLimit | OrderKind::Trailing => left,
        })
    }

    /// What the account's queued market sales would bring at the latest prices: after slippage, less
    /// fees.
    #[cfg(test)]
    pub fn proceeds(&mut self, account: AccountId, latest: LatestPrices<'_>) -> Money {
        let reserves = self.accounts.get_mut(&account);
        Money::clamped(reserves.map_or(0, |it| it.proceeds(latest)))
    }

    fn number_of(&mut self, symbol: Symbol) -> AssetNumber {
        let next = AssetNumber(u32::try_from(self.assets.len()).unwrap_or(u32::MAX));
        *self.assets.entry(symbol).or_insert(next)
    }

    /// Whether no account holds anything back.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }
}

impl AccountReserves {
    fn hold(&mut self, promise: &OrderPromise, asset: AssetNumber) {
        self.add(promise, asset, 1);
        if promise.side == Side::Sell && promise.kind == PromiseKind::Queued {
            let sale = QueuedSale {
                symbol: promise.symbol,
                units: promise.units,
                brings: Money::ZERO,
            };
            self.sales.insert(promise.number, sale);
            self.uncounted.insert(promise.number);
        }
    }

    fn release(&mut self, promise: &OrderPromise, asset: AssetNumber) {
        self.add(promise, asset, -1);
        if let Some(sale) = self.sales.remove(&promise.number) {
            self.proceeds.1 -= i128::from(sale.brings.0);
        }
        self.uncounted.remove(&promise.number);
    }

    fn add(&mut self, promise: &OrderPromise, asset: AssetNumber, sign: i128) {
        let reserve = i128::from(promise.reserve.0) * sign;
        match promise.kind {
            PromiseKind::Queued | PromiseKind::Waiting => self.market += reserve,
            PromiseKind::Standing => self.standing += reserve,
        }
        let units = match (promise.side, promise.kind) {
            (Side::Sell, _) => &mut self.promised,
            (Side::Buy, PromiseKind::Queued) => &mut self.coming,
            (Side::Buy, PromiseKind::Waiting | PromiseKind::Standing)
            | (Side::Split | Side::Dividend, _) => return,
        };
        let sum = units.entry(asset).or_default();
        *sum += i128::from(promise.units.0) * sign;
        if *sum == 0 {
            units.remove(&asset);
        }
    }

    /// A sale is counted once at the prices of an update.
    fn proceeds(&mut self, latest: LatestPrices<'_>) -> i128 {
        if self.proceeds.0 != latest.number {
            self.proceeds = (latest.number, 0);
            self.uncounted = self.sales.keys().copied().collect();
        }
        for number in std::mem::take(&mut self.uncounted) {
            if let Some(sale) = self.sales.get_mut(&number) {
                sale.brings = sale_proceeds(sale.units, &sale.symbol, latest);
                self.proceeds.1 += i128::from(sale.brings.0);
            }
        }
        self.proceeds.1
    }

    fn is_empty(&self) -> bool {
        self.standing == 0
            && self.market == 0
            && self.promised.is_empty()
            && self.coming.is_empty()
            && self.sales.is_empty()
    }
}

/// What a market sale would bring; nothing without a price.
fn sale_proceeds(units: Quantity, symbol: &Symbol, latest: LatestPrices<'_>) -> Money {
    (latest.of)(symbol).map_or(Money::ZERO, |quoted| {
        latest.fees.market_proceeds(units, quoted)
    })
}

/// What a purchase holds back: the total of its units at `price` with slippage and fee, or its
/// amount of cash. `price` is the limit where the kind has one, else the price at which it would
/// fill now. `None` if the total is beyond the limit of values.
pub fn purchase_reserve(
    fees: &FeeSettings,
    kind: OrderKind,
    amount: OrderAmount,
    price: Money,
) -> Option<Money> {
    match amount {
        OrderAmount::Cash(cash) => Some(cash),
        OrderAmount::Units(units) => {
            let price = fees.fill_price(Side::Buy, kind, price)?;
            Some(fees.purchase(units, price)?.total)
        }
    }
}

/// What may be spent within a settlement, in which one order after the other ends.
#[derive(Debug)]
pub struct SettlementReserves<'a> {
    reserves: &'a Reserves,
    /// What ended orders of this settlement no longer hold back.
    freed: HashMap<AccountId, i128>,
    /// What orders hold back that came too late for it.
    aside: HashMap<AccountId, i128>,
}

impl<'a> SettlementReserves<'a> {
    /// Nothing has ended yet.
    pub fn new(reserves: &'a Reserves) -> SettlementReserves<'a> {
        SettlementReserves {
            reserves,
            freed: HashMap::new(),
            aside: HashMap::new(),
        }
    }

    /// An order came after the update's retrieval began: what it holds back does not bind those that
    /// settle with it.
    pub fn set_aside(&mut self, promise: &OrderPromise) {
        if promise.kind == PromiseKind::Standing && promise.reserve > Money::ZERO {
            *self.aside.entry(promise.account).or_default() += i128::from(promise.reserve.0);
        }
    }

    /// An order ends, or its turn has come: it does not hold its reserve back any more.
    pub fn free(&mut self, promise: &OrderPromise) {
        if promise.kind == PromiseKind::Standing && promise.reserve > Money::ZERO {
            *self.freed.entry(promise.account).or_default() += i128::from(promise.reserve.0);
        }
    }

    /// The part of an account's cash that the order may use whose turn has come: all but the
    /// reserves of limit, stop, stop-limit and trailing purchases that stay or come after it.
    pub fn spendable(&self, account: AccountId, cash: Money) -> Money {
        let aside = self.aside.get(&account).copied().unwrap_or(0);
        Money::clamped(aside - self.uncovered(account, cash))
    }

    /// By how much the reserves of limit, stop, stop-limit and trailing purchases that have not ended
    /// exceed the cash, in millionths; below 0 where they do not.
    pub fn uncovered(&self, account: AccountId, cash: Money) -> i128 {
        let reserves = self.reserves.accounts.get(&account);
        let standing = reserves.map_or(0, |it| it.standing);
        let freed = self.freed.get(&account).copied().unwrap_or(0);
        standing - freed - i128::from(cash.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Percentage;

    const ACCOUNT: AccountId = AccountId(1);

    fn symbol() -> Symbol {
        Symbol::parse("IBM").unwrap()
    }

    fn promise(number: i64, side: Side, kind: PromiseKind, units: i64) -> OrderPromise {
        OrderPromise {
            number,
            account: ACCOUNT,
            side,
            symbol: symbol(),
            units: Quantity(units * 1_000_000),
            reserve: Money(if side == Side::Buy { units * 10 } else { 0 }),
            kind,
        }
    }

    fn latest<'a>(
        number: u64,
        of: &'a dyn Fn(&Symbol) -> Option<Money>,
        fees: &'a FeeSettings,
    ) -> LatestPrices<'a> {
        LatestPrices { number, of, fees }
    }

    #[test]
    fn proceeds_count_for_market_purchases_alone() {
        let fees = FeeSettings {
            per_order: Money(2),
            slippage: Percentage(10_000_000),
            ..FeeSettings::default()
        };
        let price = |_: &Symbol| Some(Money(20));
        let now = latest(1, &price, &fees);
        let mut reserves = Reserves::default();
        reserves.hold(&promise(1, Side::Buy, PromiseKind::Standing, 3));
        reserves.hold(&promise(2, Side::Buy, PromiseKind::Queued, 2));
        reserves.hold(&promise(3, Side::Sell, PromiseKind::Queued, 5));
        reserves.hold(&promise(4, Side::Sell, PromiseKind::Standing, 7));
        reserves.hold(&promise(5, Side::Sell, PromiseKind::Waiting, 1));
        let mut power = |kind, cash, latest| {
            let power = reserves.buying_power(ACCOUNT, Money(cash), kind, latest);
            power.0
        };
        assert_eq!(power(OrderKind::Limit, 100, now), 50);
        // Five at 20 less 10 %, less 2.
        assert_eq!(power(OrderKind::Market, 100, now), 50 + 88);
        assert_eq!(power(OrderKind::Trailing, 10, now), -40, "told as 0");
        let half = |_: &Symbol| Some(Money(10));
        let none = |_: &Symbol| None;
        assert_eq!(
            power(OrderKind::Market, 100, latest(2, &half, &fees)),
            50 + 43
        );
        assert_eq!(power(OrderKind::Market, 100, latest(3, &none, &fees)), 50);
        assert_eq!(power(OrderKind::Market, 100, now), 50 + 88);
        // One more, and one less, of the same update.
        reserves.hold(&promise(6, Side::Sell, PromiseKind::Queued, 1));
        assert_eq!(reserves.proceeds(ACCOUNT, now), Money(88 + 16));
        reserves.release(&promise(3, Side::Sell, PromiseKind::Queued, 5));
        assert_eq!(reserves.proceeds(ACCOUNT, now), Money(16));
        assert_eq!(reserves.proceeds(AccountId(2), now), Money::ZERO);
        let nobody = reserves.buying_power(AccountId(2), Money(7), OrderKind::Market, now);
        assert_eq!(nobody, Money(7));
    }

    #[test]
    fn a_sale_whose_cancel_is_undone_counts_once() {
        let fees = FeeSettings::default();
        let price = |_: &Symbol| Some(Money(20));
        let now = latest(1, &price, &fees);
        let mut reserves = Reserves::default();
        let sales = [(1, 7), (2, 5), (3, 1)];
        let [counted, first, second] =
            sales.map(|(number, units)| promise(number, Side::Sell, PromiseKind::Queued, units));
        reserves.hold(&counted);
        assert_eq!(reserves.proceeds(ACCOUNT, now), Money(140));
        reserves.hold(&first);
        reserves.hold(&second);
        // Its cancel fails twice.
        for _ in 0..2 {
            reserves.release(&first);
            reserves.hold(&first);
        }
        assert_eq!(reserves.proceeds(ACCOUNT, now), Money(140 + 100 + 20));
        reserves.release(&counted);
        reserves.hold(&counted);
        assert_eq!(reserves.proceeds(ACCOUNT, now), Money(140 + 100 + 20));
        for sale in [&first, &second, &counted] {
            reserves.release(sale);
        }
        assert!(reserves.is_empty(), "{reserves:?}");
    }

    #[test]
    fn units_are_promised_once() {
        let mut reserves = Reserves::default();
        let all = [
            promise(1, Side::Buy, PromiseKind::Queued, 4),
            promise(2, Side::Buy, PromiseKind::Standing, 100),
            promise(3, Side::Buy, PromiseKind::Waiting, 100),
            promise(4, Side::Sell, PromiseKind::Queued, 3),
            promise(5, Side::Sell, PromiseKind::Standing, 5),
        ];
        for promise in &all {
            reserves.hold(promise);
        }
        let held = Quantity(10_000_000);
        let left = reserves.units_for_sale(ACCOUNT, &symbol(), held);
        assert_eq!(left, Quantity(6_000_000));
        assert_eq!(reserves.promised(ACCOUNT, &symbol()), Quantity(8_000_000));
        let other = Symbol::parse("OTHER").unwrap();
        assert_eq!(reserves.units_for_sale(ACCOUNT, &other, held), held);
        assert_eq!(reserves.reserved(ACCOUNT), Money(2_040));
        assert_eq!(reserves.total(), 2_040);
        assert_eq!(reserves.standing(ACCOUNT), Money(1_000));
        for promise in &all {
            reserves.release(promise);
        }
        assert!(reserves.is_empty(), "{reserves:?}");
    }

    #[test]
    fn a_settlement_keeps_what_later_orders_hold_back() {
        let mut reserves = Reserves::default();
        let standing = promise(1, Side::Buy, PromiseKind::Standing, 3);
        let market = promise(2, Side::Buy, PromiseKind::Queued, 5);
        let last = promise(3, Side::Buy, PromiseKind::Standing, 4);
        for promise in [&standing, &market, &last] {
            reserves.hold(promise);
        }
        let mut settlement = SettlementReserves::new(&reserves);
        let spendable =
            |settlement: &SettlementReserves<'_>| settlement.spendable(ACCOUNT, Money(100)).0;
        assert_eq!(spendable(&settlement), 30);
        settlement.free(&market);
        assert_eq!(spendable(&settlement), 30);
        settlement.free(&standing);
        assert_eq!(spendable(&settlement), 60);
        settlement.free(&last);
        assert_eq!(spendable(&settlement), 100);
        assert_eq!(settlement.spendable(AccountId(2), Money(7)), Money(7));
    }

    #[test]
    fn a_reserve_has_slippage_and_fee() {
        let fees = FeeSettings {
            per_order: Money(3),
            slippage: Percentage(10_000_000),
            ..FeeSettings::default()
        };
        let units = OrderAmount::Units(Quantity(2_000_000));
        let reserve = |kind, amount, price| {
            purchase_reserve(&fees, kind, amount, Money(price)).map(|it| it.0)
        };
        assert_eq!(reserve(OrderKind::Market, units, 10), Some(25));
        assert_eq!(reserve(OrderKind::Limit, units, 10), Some(23));
        let cash = OrderAmount::Cash(Money(77));
        assert_eq!(reserve(OrderKind::Stop, cash, 10), Some(77));
        assert_eq!(reserve(OrderKind::Market, units, i64::MAX), None);
    }
}
