//! spec/master/transactions/naive.md · 3.1.7 Assets Buy & Sell
//!
//! A second model of trading, for the tests: a list of orders and a loop over it. It is written
//! from the contract alone and shares no code with the book, so that a rule which one of the two has
//! wrong makes them differ. It has no index, no cache and no database.

use crate::model::{
    Bar, OrderAmount, OrderKind, OrderTerms, Ratio, Reason, Side, Symbol, TimeInForce,
    TrailDistance,
};
use std::collections::BTreeMap;

/// Millionths in one.
const ONE: i128 = 1_000_000;
/// The largest amount: 9,000,000,000,000 in millionths.
const MOST: i128 = 9_000_000_000_000 * ONE;
/// A day of market time in milliseconds.
const DAY: i64 = 86_400_000;

/// Division that rounds down, and one that rounds up.
fn down(numerator: i128, denominator: i128) -> i128 {
    numerator.div_euclid(denominator)
}
fn up(numerator: i128, denominator: i128) -> i128 {
    -(-numerator).div_euclid(denominator)
}

/// What trading costs. Money in millionths, percentages in millionths of a percent.
#[derive(Debug, Clone, Copy, Default)]
pub struct NaiveFees {
    pub per_order: i128,
    pub per_unit: i128,
    pub percent: i128,
    pub minimum: i128,
    pub slippage_percent: i128,
}

impl NaiveFees {
    /// The price of a market or stop fill.
    fn slipped(&self, side: Side, price: i128) -> i128 {
        let whole = 100 * ONE;
        match side {
            Side::Buy => up(price * (whole + self.slippage_percent), whole),
            _ => down(price * (whole - self.slippage_percent), whole).max(1),
        }
    }

    fn fee(&self, units: i128, price: i128) -> i128 {
        // All of it over one denominator, so that it is rounded once.
        let denominator = ONE * ONE * 100 * ONE;
        let exact = self.per_order * denominator
            + self.per_unit * units * (denominator / ONE)
            + units * price * self.percent * (denominator / (ONE * 100 * ONE));
        up(exact, denominator).max(self.minimum)
    }

    /// What leaves the cash for a purchase, and enters it for a sale.
    fn total(&self, side: Side, units: i128, price: i128) -> i128 {
        match side {
            Side::Buy => up(units * price, ONE) + self.fee(units, price),
            _ => {
                let value = down(units * price, ONE);
                value - self.fee(units, price).min(value)
            }
        }
    }

    /// The most units whose total is within the amount; 0 if not even a millionth of one is.
    fn units_for(&self, amount: i128, price: i128) -> i128 {
        let (mut least, mut most) = (0, MOST);
        while least < most {
            let middle = (least + most + 1) / 2;
            if self.total(Side::Buy, middle, price) <= amount {
                least = middle;
            } else {
                most = middle - 1;
            }
        }
        least
    }
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NaiveState {
    Queued,
    Open,
    Filled {
        units: i128,
        price: i128,
        total: i128,
    },
    Ended(Reason),
}

/// An order of the list.
#[derive(Debug, Clone)]
pub struct NaiveOrder {
    pub account: usize,
    pub side: Side,
    pub symbol: Symbol,
    pub state: NaiveState,
    /// Units, or 0 for an amount of money.
    units: i128,
    /// Money of a `cash:` order.
    cash: Option<i128>,
    kind: OrderKind,
    limit: i128,
    stop: i128,
    distance: Option<TrailDistance>,
    time_in_force: TimeInForce,
    /// Market time from which on it is not tested.
    until: Option<i64>,
    /// The best close that a trailing order has seen.
    best: i128,
    /// The update that made a limit order of a stop-limit.
    triggered: Option<u64>,
    reserve: i128,
    first_update: u64,
    /// Its turn.
    turn: u64,
    /// Market time from which on it waits for a price.
    waits_since: Option<i64>,
}

impl NaiveOrder {
    fn is_alive(&self) -> bool {
        matches!(self.state, NaiveState::Queued | NaiveState::Open)
    }

    /// A purchase that waits for its price, and not just for any.
    fn is_reserved_at_settlement(&self) -> bool {
        self.is_alive() && self.side == Side::Buy && self.kind != OrderKind::Market
    }

    /// Where a trailing order triggers.
    fn level(&self) -> i128 {
        let distance = match self.distance {
            Some(TrailDistance::Money(money)) => i128::from(money.0),
            Some(TrailDistance::Percent(parts)) => up(self.best * i128::from(parts), ONE),
            None => 0,
        };
        if self.side == Side::Buy {
            self.best + distance
        } else {
            (self.best - distance).max(1)
        }
    }

    /// The price that its reserve counts with, before slippage; the latest price of its asset for
    /// a market order.
    fn reserve_price(&self, latest: i128) -> (i128, bool) {
        match self.kind {
            OrderKind::Limit | OrderKind::StopLimit => (self.limit, false),
            // Where the latest price is beyond it already, it would trigger there.
            OrderKind::Stop => (self.stop.max(latest), true),
            OrderKind::Trailing => (self.level(), true),
            OrderKind::Market => (latest, true),
        }
    }

    fn needed(&self, fees: &NaiveFees, latest: i128) -> i128 {
        if self.side != Side::Buy {
            return 0;
        }
        if let Some(cash) = self.cash {
            return cash;
        }
        let (price, slips) = self.reserve_price(latest);
        let price = if slips {
            fees.slipped(Side::Buy, price)
        } else {
            price
        };
        fees.total(Side::Buy, self.units, price)
    }

    /// Where a bar fills it: the price before slippage, and whether that applies. `None` if the bar
    /// does not. Notes that a stop-limit has triggered.
    fn touched(&mut self, bar: &Bar, update: u64) -> Option<(i128, bool)> {
        let [open, high, low, close] =
            [bar.open, bar.high, bar.low, bar.close].map(|price| i128::from(price.0));
        let buys = self.side == Side::Buy;
        let at_stop = |stop: i128| match buys {
            true => (high >= stop).then_some((open.max(stop), true)),
            false => (low <= stop).then_some((open.min(stop), true)),
        };
        let at_limit = |limit: i128| match buys {
            true => (low <= limit).then_some((open.min(limit), false)),
            false => (high >= limit).then_some((open.max(limit), false)),
        };
        match self.kind {
            OrderKind::Market => Some((close, true)),
            OrderKind::Limit => at_limit(self.limit),
            OrderKind::Stop => at_stop(self.stop),
            OrderKind::Trailing => at_stop(self.level()),
            OrderKind::StopLimit => match self.triggered {
                Some(at) if at < update => at_limit(self.limit),
                Some(_) => None,
                None => {
                    if at_stop(self.stop).is_some() {
                        self.triggered = Some(update);
                    }
                    None
                }
            },
        }
    }
}

/// An account: cash, and units with their cost by asset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NaiveAccount {
    pub cash: i128,
    pub positions: BTreeMap<Symbol, (i128, i128)>,
}

/// What happened to an asset with an update.
#[derive(Debug, Clone, Copy)]
pub enum NaiveAction {
    Split(Ratio),
    Dividend(i128),
    /// The asset has this name from now on.
    Rename(Symbol),
    /// The asset ends, and this much is paid for a unit.
    Delist(i128),
}

/// What somebody asks for while a retrieval is under way, which its update does not see.
#[derive(Debug, Clone)]
enum Deferred {
    Cancel(usize),
    Replace(usize, NaiveChange),
}

/// What replaceOrder says; `None` leaves it as it was.
#[derive(Debug, Clone, Copy)]
pub struct NaiveChange {
    pub amount: Option<OrderAmount>,
    pub limit: Option<i128>,
    pub stop: Option<TrailDistance>,
    /// The turn of the new order, as in [`NaivePlacement`].
    pub turn: u64,
}

/// What placeOrder says.
#[derive(Debug, Clone, Copy)]
pub struct NaivePlacement {
    pub account: usize,
    pub side: Side,
    pub symbol: Symbol,
    pub amount: OrderAmount,
    pub terms: OrderTerms,
    pub time_in_force: TimeInForce,
    /// Its turn, unless another order has the same: then the one before.
    pub turn: u64,
}

/// The whole market.
#[derive(Debug, Clone)]
pub struct NaiveMarket {
    pub fees: NaiveFees,
    pub accounts: Vec<NaiveAccount>,
    /// All orders that were accepted, in this order.
    pub orders: Vec<NaiveOrder>,
    latest: BTreeMap<Symbol, i128>,
    now: i64,
    update: u64,
    retrieving: bool,
    deferred: Vec<Deferred>,
    /// How each deferred request ended, in order.
    pub answers: Vec<Result<usize, Reason>>,
}

impl NaiveMarket {
    /// A market whose update `number` has brought these prices.
    pub fn new(
        fees: NaiveFees,
        prices: &[(Symbol, i128)],
        now: i64,
        number: u64,
        cash: &[i128],
    ) -> NaiveMarket {
        let account = |cash: &i128| NaiveAccount {
            cash: *cash,
            ..NaiveAccount::default()
        };
        NaiveMarket {
            fees,
            accounts: cash.iter().map(account).collect(),
            orders: Vec::new(),
            latest: prices.iter().copied().collect(),
            now,
            update: number,
            retrieving: false,
            deferred: Vec::new(),
            answers: Vec::new(),
        }
    }

    fn alive_of(&self, account: usize) -> impl Iterator<Item = &NaiveOrder> {
        let of_it = move |order: &&NaiveOrder| order.account == account && order.is_alive();
        self.orders.iter().filter(of_it)
    }

    fn latest(&self, symbol: Symbol) -> i128 {
        self.latest.get(&symbol).copied().unwrap_or_default()
    }

    /// What a new purchase of this account may take; more for a market order.
    pub fn buying_power(&self, account: usize, for_market: bool) -> i128 {
        let mut power = self.accounts[account].cash;
        for order in self.alive_of(account) {
            power -= order.reserve;
            let is_proceeds = order.side == Side::Sell && order.state == NaiveState::Queued;
            if for_market && is_proceeds {
                let price = self.fees.slipped(Side::Sell, self.latest(order.symbol));
                power += self.fees.total(Side::Sell, order.units, price);
            }
        }
        power
    }

    /// The units that a new sale of this account may promise.
    pub fn units_for_sale(&self, account: usize, symbol: Symbol) -> i128 {
        let held = self.accounts[account].positions.get(&symbol);
        let mut units = held.map_or(0, |(units, _)| *units);
        for order in self
            .alive_of(account)
            .filter(|order| order.symbol == symbol)
        {
            match order.side {
                Side::Buy if order.state == NaiveState::Queued => units += order.units,
                Side::Buy => {}
                _ => units -= order.units,
            }
        }
        units
    }

    /// Accepts an order, or says why not.
    pub fn place(&mut self, placement: NaivePlacement) -> Result<usize, Reason> {
        let order = self.made(placement)?;
        self.admit(&order)?;
        self.orders.push(order);
        Ok(self.orders.len() - 1)
    }

    fn made(&self, placement: NaivePlacement) -> Result<NaiveOrder, Reason> {
        let latest = self.latest(placement.symbol);
        let (units, cash) = match placement.amount {
            OrderAmount::Units(units) => (i128::from(units.0), None),
            OrderAmount::Cash(cash) => (0, Some(i128::from(cash.0))),
        };
        if cash.is_some() && placement.side != Side::Buy {
            return Err(Reason::QuantityInvalid);
        }
        let distance = match placement.terms {
            OrderTerms::Trailing { distance } => Some(distance),
            _ => None,
        };
        if let Some(TrailDistance::Money(money)) = distance
            && i128::from(money.0) >= latest
        {
            return Err(Reason::PriceInvalid);
        }
        let until = match placement.time_in_force {
            TimeInForce::Gtc => Some(self.now + 180 * DAY),
            TimeInForce::Day => None,
            TimeInForce::Until(until) if until.0 <= self.now => return Err(Reason::DateInvalid),
            TimeInForce::Until(until) => Some(until.0),
        };
        let price =
            |price: Option<crate::model::Money>| price.map_or(0, |price| i128::from(price.0));
        let kind = placement.terms.kind();
        let mut order = NaiveOrder {
            account: placement.account,
            side: placement.side,
            symbol: placement.symbol,
            state: if kind == OrderKind::Market {
                NaiveState::Queued
            } else {
                NaiveState::Open
            },
            units,
            cash,
            kind,
            limit: price(placement.terms.limit()),
            stop: price(placement.terms.stop()),
            distance,
            time_in_force: placement.time_in_force,
            until,
            best: latest,
            triggered: None,
            reserve: 0,
            first_update: self.update + 1 + u64::from(self.retrieving),
            turn: placement.turn,
            waits_since: None,
        };
        if let Some(cash) = order.cash {
            let (price, slips) = order.reserve_price(latest);
            let price = if slips {
                self.fees.slipped(Side::Buy, price)
            } else {
                price
            };
            if self.fees.units_for(cash, price) == 0 {
                return Err(Reason::QuantityInvalid);
            }
        }
        order.reserve = order.needed(&self.fees, latest);
        if order.reserve > MOST {
            return Err(Reason::QuantityInvalid);
        }
        Ok(order)
    }

    fn admit(&self, order: &NaiveOrder) -> Result<(), Reason> {
        let is_market = order.kind == OrderKind::Market;
        match order.side {
            Side::Buy if order.reserve > self.buying_power(order.account, is_market) => {
                Err(Reason::InsufficientFunds)
            }
            Side::Sell if order.units > self.units_for_sale(order.account, order.symbol) => {
                Err(Reason::InsufficientHoldings)
            }
            _ => Ok(()),
        }
    }

    /// Cancels an order: at once between two updates, and else after the one under way, with an
    /// entry in `answers`. `None`: later.
    pub fn cancel(&mut self, at: usize) -> Option<Result<usize, Reason>> {
        if self.retrieving {
            self.deferred.push(Deferred::Cancel(at));
            return None;
        }
        Some(self.cancel_now(at))
    }

    fn cancel_now(&mut self, at: usize) -> Result<usize, Reason> {
        match self.orders[at].state {
            NaiveState::Queued | NaiveState::Open => {
                self.orders[at].state = NaiveState::Ended(Reason::Cancelled);
                Ok(at)
            }
            NaiveState::Ended(Reason::Cancelled | Reason::Replaced) => Ok(at),
            NaiveState::Filled { .. } | NaiveState::Ended(_) => Err(Reason::NotOpen),
        }
    }

    /// Puts another order in the place of one; as with [`NaiveMarket::cancel`].
    pub fn replace(&mut self, at: usize, change: NaiveChange) -> Option<Result<usize, Reason>> {
        if self.retrieving {
            self.deferred.push(Deferred::Replace(at, change));
            return None;
        }
        Some(self.replace_now(at, change))
    }

    fn replace_now(&mut self, at: usize, change: NaiveChange) -> Result<usize, Reason> {
        let old = self.orders[at].clone();
        if !old.is_alive() {
            return Err(Reason::NotOpen);
        }
        let money = |value: i128| crate::model::Money(i64::try_from(value).unwrap_or(i64::MAX));
        let stop_price = match change.stop {
            Some(TrailDistance::Money(price)) => Some(i128::from(price.0)),
            Some(TrailDistance::Percent(_)) | None => None,
        };
        let limit = money(change.limit.unwrap_or(old.limit));
        let stop = money(stop_price.unwrap_or(old.stop));
        let terms = match old.kind {
            OrderKind::Market => OrderTerms::Market,
            OrderKind::Limit => OrderTerms::Limit { limit },
            OrderKind::Stop => OrderTerms::Stop { stop },
            OrderKind::StopLimit => OrderTerms::StopLimit { limit, stop },
            OrderKind::Trailing => OrderTerms::Trailing {
                distance: change.stop.or(old.distance).ok_or(Reason::PriceInvalid)?,
            },
        };
        let amount = change.amount.unwrap_or(match old.cash {
            Some(cash) => OrderAmount::Cash(money(cash)),
            None => OrderAmount::Units(crate::model::Quantity(money(old.units).0)),
        });
        let mut order = self.made(NaivePlacement {
            account: old.account,
            side: old.side,
            symbol: old.symbol,
            amount,
            terms,
            // Its end stays, and is not in the past while it is open.
            time_in_force: TimeInForce::Gtc,
            turn: change.turn,
        })?;
        (order.time_in_force, order.until) = (old.time_in_force, old.until);
        self.orders[at].state = NaiveState::Ended(Reason::Replaced);
        if let Err(reason) = self.admit(&order) {
            self.orders[at].state = old.state;
            return Err(reason);
        }
        self.orders.push(order);
        Ok(self.orders.len() - 1)
    }

    /// These bars are published: what is asked for from now on, their update does not see.
    pub fn begin(&mut self, bars: &[(Symbol, Bar)]) {
        self.retrieving = true;
        for (symbol, bar) in bars {
            self.now = self.now.max(bar.time.0);
            self.latest.insert(*symbol, i128::from(bar.close.0));
        }
    }

    /// The update of the bars that are published settles.
    pub fn publish(
        &mut self,
        bars: &[(Symbol, Bar)],
        actions: &[(Symbol, NaiveAction)],
        is_last: bool,
    ) {
        self.update += 1;
        self.retrieving = false;
        for (symbol, action) in actions {
            self.act(*symbol, *action);
        }
        self.expire(bars);
        self.test(bars, is_last);
        self.cover();
        for request in std::mem::take(&mut self.deferred) {
            let answer = match request {
                Deferred::Cancel(at) => self.cancel_now(at),
                Deferred::Replace(at, change) => self.replace_now(at, change),
            };
            self.answers.push(answer);
        }
    }

    /// What was accepted after the retrieval began may hold back what the update's fills took: then it
    /// is rejected, the last turn first.
    fn cover(&mut self) {
        for account in 0..self.accounts.len() {
            loop {
                let orders = self
                    .orders
                    .iter_mut()
                    .filter(|order| order.account == account && order.is_reserved_at_settlement());
                let mut standing: Vec<&mut NaiveOrder> = orders.collect();
                let sum: i128 = standing.iter().map(|order| order.reserve).sum();
                if sum <= self.accounts[account].cash {
                    break;
                }
                let update = self.update;
                standing.sort_by_key(|order| (order.first_update > update, order.turn));
                if let Some(last) = standing.pop() {
                    last.state = NaiveState::Ended(Reason::InsufficientFunds);
                }
            }
        }
    }

    fn act(&mut self, symbol: Symbol, action: NaiveAction) {
        let latest = self.latest(symbol);
        for account in &mut self.accounts {
            let Some((units, cost)) = account.positions.get(&symbol).copied() else {
                continue;
            };
            match action {
                NaiveAction::Dividend(each) => account.cash += down(units * each, ONE),
                NaiveAction::Rename(new) => {
                    account.positions.remove(&symbol);
                    let (held, paid) = account.positions.get(&new).copied().unwrap_or_default();
                    account.positions.insert(new, (held + units, paid + cost));
                }
                NaiveAction::Delist(each) => {
                    account.positions.remove(&symbol);
                    account.cash += down(units * each, ONE);
                }
                NaiveAction::Split(ratio) => {
                    let (to, of) = terms(ratio);
                    let after = down(units * to, of);
                    // What is left below a millionth is paid at the first price after.
                    account.cash += (units * to).rem_euclid(of) * latest / (of * ONE);
                    account.positions.remove(&symbol);
                    if after > 0 {
                        account.positions.insert(symbol, (after, cost));
                    }
                }
            }
        }
        let orders = self.orders.iter_mut();
        let orders = orders.filter(|order| order.is_alive() && order.symbol == symbol);
        let ratio = match action {
            NaiveAction::Split(ratio) => ratio,
            NaiveAction::Dividend(_) => return,
            NaiveAction::Rename(new) => return orders.for_each(|order| order.symbol = new),
            NaiveAction::Delist(_) => {
                return orders.for_each(|order| {
                    order.state = NaiveState::Ended(match order.kind {
                        OrderKind::Market => Reason::NoPrice,
                        _ => Reason::Cancelled,
                    });
                });
            }
        };
        let (to, of) = terms(ratio);
        for order in orders {
            let price = |value: i128| match order.side {
                Side::Buy => down(value * of, to).max(1),
                _ => up(value * of, to),
            };
            (order.limit, order.stop, order.best) =
                (price(order.limit), price(order.stop), price(order.best));
            if let Some(TrailDistance::Money(money)) = &mut order.distance {
                money.0 = i64::try_from(price(i128::from(money.0))).unwrap_or(i64::MAX);
            }
            if order.cash.is_none() {
                order.units = down(order.units * to, of);
                if order.units == 0 {
                    order.state = NaiveState::Ended(Reason::Cancelled);
                    continue;
                }
            }
            // That of a queued order is of the moment, and ends with the next update.
            if order.state == NaiveState::Open {
                order.reserve = order.reserve.min(order.needed(&self.fees, latest));
            }
        }
    }

    /// Ends what is not tested any more.
    fn expire(&mut self, bars: &[(Symbol, Bar)]) {
        let (now, update) = (self.now, self.update);
        for order in &mut self.orders {
            if !order.is_alive() || order.first_update > update {
                continue;
            }
            let has_bar = bars.iter().find(|(symbol, _)| *symbol == order.symbol);
            if order.time_in_force == TimeInForce::Day
                && order.until.is_none()
                && let Some((_, bar)) = has_bar
            {
                order.until = Some(bar.time.0.div_euclid(DAY) * DAY + DAY);
            }
            if order.until.is_some_and(|until| now >= until) {
                order.state = NaiveState::Ended(Reason::Expired);
            }
        }
    }

    /// Tests the others, and settles those that are due by turn.
    fn test(&mut self, bars: &[(Symbol, Bar)], is_last: bool) {
        let update = self.update;
        let mut turns: Vec<usize> = (0..self.orders.len()).collect();
        turns.sort_by_key(|at| (self.orders[*at].turn, *at));
        let mut due = Vec::new();
        for at in turns {
            let order = &mut self.orders[at];
            // No update follows the last one, so it settles what came too late for it.
            let is_too_late = order.first_update > update;
            if !order.is_alive() || is_too_late && !is_last {
                continue;
            }
            let bar = bars.iter().find(|(symbol, _)| *symbol == order.symbol);
            match bar.filter(|_| !is_too_late) {
                Some((_, bar)) => due.extend(order.touched(bar, update).map(|fill| (at, fill))),
                None if order.kind == OrderKind::Market => {
                    let since = *order.waits_since.get_or_insert(self.now);
                    order.state = NaiveState::Open;
                    if is_last || self.now - since > 14 * DAY {
                        order.state = NaiveState::Ended(Reason::NoPrice);
                    }
                }
                None => {}
            }
        }
        for (at, (price, slips)) in due {
            self.settle(at, price, slips);
        }
        for order in &mut self.orders {
            let bar = bars.iter().find(|(symbol, _)| *symbol == order.symbol);
            if let Some((_, bar)) = bar
                && order.first_update <= update
            {
                let close = i128::from(bar.close.0);
                order.best = match order.side {
                    Side::Buy => order.best.min(close),
                    _ => order.best.max(close),
                };
            }
        }
    }

    fn settle(&mut self, at: usize, price: i128, slips: bool) {
        let order = self.orders[at].clone();
        let price = if slips {
            self.fees.slipped(order.side, price)
        } else {
            price
        };
        let units = match order.cash {
            Some(cash) => self.fees.units_for(cash, price),
            None => order.units,
        };
        let total = self.fees.total(order.side, units, price);
        let held_back: i128 = self
            .orders
            .iter()
            .enumerate()
            .filter(|(other, held)| {
                // One that came after the retrieval began binds nothing of this update.
                *other != at
                    && held.account == order.account
                    && held.first_update <= self.update
                    && held.is_reserved_at_settlement()
            })
            .map(|(_, held)| held.reserve)
            .sum();
        let account = &mut self.accounts[order.account];
        let (held, cost) = account
            .positions
            .get(&order.symbol)
            .copied()
            .unwrap_or_default();
        let refused = match order.side {
            _ if units == 0 => Some(Reason::QuantityInvalid),
            Side::Buy if total > MOST || held + units > MOST || cost + total > MOST => {
                Some(Reason::QuantityInvalid)
            }
            Side::Buy if total > account.cash - held_back => Some(Reason::InsufficientFunds),
            Side::Sell if units > held => Some(Reason::InsufficientHoldings),
            _ => None,
        };
        if let Some(reason) = refused {
            self.orders[at].state = NaiveState::Ended(reason);
            return;
        }
        if order.side == Side::Buy {
            account.cash -= total;
            account
                .positions
                .insert(order.symbol, (held + units, cost + total));
        } else {
            account.cash += total;
            account.positions.remove(&order.symbol);
            if held > units {
                let left = cost - down(cost * units, held);
                account.positions.insert(order.symbol, (held - units, left));
            }
        }
        self.orders[at].state = NaiveState::Filled {
            units,
            price,
            total,
        };
    }
}

fn terms(ratio: Ratio) -> (i128, i128) {
    (
        i128::from(ratio.numerator()),
        i128::from(ratio.denominator()),
    )
}

#[cfg(test)]
mod histories;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Money, Quantity, Timestamp};

    fn symbol() -> Symbol {
        Symbol::parse("AAPL").unwrap()
    }

    fn bar(day: i64, [open, high, low, close]: [i64; 4]) -> [(Symbol, Bar); 1] {
        let money = |value: i64| Money(value * 1_000_000);
        [(
            symbol(),
            Bar {
                time: Timestamp(day * DAY),
                open: money(open),
                high: money(high),
                low: money(low),
                close: money(close),
                volume: 1,
            },
        )]
    }

    /// A market at a price of 100, and an account with 1,000 and ten units.
    fn market(fees: NaiveFees) -> NaiveMarket {
        let mut market = NaiveMarket::new(fees, &[(symbol(), 100 * ONE)], 0, 1, &[1000 * ONE]);
        let position = (10 * ONE, 500 * ONE);
        market.accounts[0].positions.insert(symbol(), position);
        market
    }

    fn money(units: i64) -> Money {
        Money(units * 1_000_000)
    }

    fn place(
        market: &mut NaiveMarket,
        side: Side,
        units: i64,
        terms: OrderTerms,
        time_in_force: TimeInForce,
    ) -> Result<usize, Reason> {
        let turn = market.orders.len() as u64;
        market.place(NaivePlacement {
            account: 0,
            side,
            symbol: symbol(),
            amount: OrderAmount::Units(Quantity(units * 1_000_000)),
            terms,
            time_in_force,
            turn,
        })
    }

    fn filled(market: &NaiveMarket, at: usize) -> Option<i128> {
        match market.orders[at].state {
            NaiveState::Filled { price, .. } => Some(price / ONE),
            NaiveState::Queued | NaiveState::Open | NaiveState::Ended(_) => None,
        }
    }

    #[test]
    fn each_kind_fills_where_the_contract_says() {
        let limit = |value| OrderTerms::Limit {
            limit: money(value),
        };
        let stop = |value| OrderTerms::Stop { stop: money(value) };
        for (side, terms, prices, expected) in [
            (Side::Buy, limit(95), [97, 99, 95, 98], Some(95)),
            (Side::Buy, limit(95), [90, 99, 89, 98], Some(90)),
            (Side::Buy, limit(95), [97, 99, 96, 98], None),
            (Side::Sell, limit(105), [100, 105, 99, 101], Some(105)),
            (Side::Sell, limit(105), [110, 112, 99, 101], Some(110)),
            (Side::Sell, limit(105), [100, 104, 99, 101], None),
            (Side::Buy, stop(105), [100, 106, 99, 101], Some(105)),
            (Side::Buy, stop(105), [110, 111, 109, 110], Some(110)),
            (Side::Buy, stop(105), [100, 104, 99, 101], None),
            (Side::Sell, stop(95), [100, 101, 94, 96], Some(95)),
            (Side::Sell, stop(95), [90, 91, 89, 90], Some(90)),
            (Side::Sell, stop(95), [100, 101, 96, 99], None),
        ] {
            let mut market = market(NaiveFees::default());
            let at = place(&mut market, side, 1, terms, TimeInForce::Gtc).unwrap();
            market.begin(&bar(1, prices));
            market.publish(&bar(1, prices), &[], false);
            assert_eq!(
                filled(&market, at),
                expected,
                "{side:?} {terms:?} {prices:?}"
            );
        }
    }

    #[test]
    fn a_stop_limit_is_a_limit_from_the_next_update_on() {
        let mut market = market(NaiveFees::default());
        let terms = OrderTerms::StopLimit {
            limit: money(104),
            stop: money(105),
        };
        let at = place(&mut market, Side::Buy, 1, terms, TimeInForce::Gtc).unwrap();
        for (day, prices, expected) in [
            (1, [100, 106, 99, 101], None),
            (2, [105, 106, 105, 106], None),
            (3, [105, 106, 103, 104], Some(104)),
        ] {
            market.begin(&bar(day, prices));
            market.publish(&bar(day, prices), &[], false);
            assert_eq!(filled(&market, at), expected, "day {day}");
        }
    }

    #[test]
    fn a_trailing_sale_follows_the_best_close_and_not_the_high() {
        let mut market = market(NaiveFees::default());
        let distance = TrailDistance::Percent(100_000);
        let terms = OrderTerms::Trailing { distance };
        let at = place(&mut market, Side::Sell, 1, terms, TimeInForce::Gtc).unwrap();
        for (day, prices, expected) in [
            // The level is 90 of the close of 100; the high of 150 is none of its business.
            (1, [100, 150, 91, 120], None),
            // Now it is 108.
            (2, [119, 120, 109, 110], None),
            (3, [110, 112, 107, 109], Some(108)),
        ] {
            market.begin(&bar(day, prices));
            market.publish(&bar(day, prices), &[], false);
            assert_eq!(filled(&market, at), expected, "day {day}");
        }
    }

    #[test]
    fn days_and_dates_end_untested() {
        let mut market = market(NaiveFees::default());
        let limit = OrderTerms::Limit { limit: money(50) };
        let day = place(&mut market, Side::Buy, 1, limit, TimeInForce::Day).unwrap();
        let until = TimeInForce::parse("1970-01-03").unwrap();
        let date = place(&mut market, Side::Buy, 1, limit, until).unwrap();
        let past = TimeInForce::Until(Timestamp(0));
        assert_eq!(
            place(&mut market, Side::Buy, 1, limit, past),
            Err(Reason::DateInvalid)
        );
        for (at_day, prices) in [(1, [100; 4]), (2, [49; 4]), (3, [40; 4])] {
            market.begin(&bar(at_day, prices));
            market.publish(&bar(at_day, prices), &[], false);
        }
        assert_eq!(market.orders[day].state, NaiveState::Ended(Reason::Expired));
        assert_eq!(filled(&market, date), Some(49), "through that day");
    }

    #[test]
    fn what_waits_is_held_back_from_what_comes_before_it() {
        let mut market = market(NaiveFees::default());
        let limit = OrderTerms::Limit { limit: money(90) };
        let waits = place(&mut market, Side::Buy, 10, limit, TimeInForce::Gtc).unwrap();
        assert_eq!(market.buying_power(0, false), 100 * ONE);
        let market_order = OrderTerms::Market;
        assert_eq!(
            place(&mut market, Side::Buy, 2, market_order, TimeInForce::Gtc),
            Err(Reason::InsufficientFunds)
        );
        let buys = place(&mut market, Side::Buy, 1, market_order, TimeInForce::Gtc).unwrap();
        market.begin(&bar(1, [101; 4]));
        market.publish(&bar(1, [101; 4]), &[], false);
        assert_eq!(
            market.orders[buys].state,
            NaiveState::Ended(Reason::InsufficientFunds),
            "101 of 100 that are free"
        );
        market.begin(&bar(2, [80; 4]));
        market.publish(&bar(2, [80; 4]), &[], false);
        assert_eq!(filled(&market, waits), Some(80));
        assert_eq!(market.accounts[0].cash, 200 * ONE);
    }

    #[test]
    fn nobody_withdraws_from_a_price_that_could_be_seen() {
        let mut market = market(NaiveFees::default());
        let limit = OrderTerms::Limit { limit: money(95) };
        let first = place(&mut market, Side::Buy, 1, limit, TimeInForce::Gtc).unwrap();
        market.begin(&bar(1, [90; 4]));
        assert_eq!(market.cancel(first), None);
        let late = place(&mut market, Side::Buy, 1, limit, TimeInForce::Gtc).unwrap();
        market.publish(&bar(1, [90; 4]), &[], false);
        assert_eq!(filled(&market, first), Some(90));
        assert_eq!(market.answers, [Err(Reason::NotOpen)]);
        assert_eq!(market.orders[late].state, NaiveState::Open);
        assert_eq!(market.cancel(late), Some(Ok(late)));
        assert_eq!(market.cancel(late), Some(Ok(late)), "twice is once");
    }

    #[test]
    fn fees_and_slippage_are_against_the_person() {
        let fees = NaiveFees {
            per_order: ONE,
            per_unit: 10_000,
            percent: ONE / 10,
            minimum: 2 * ONE,
            slippage_percent: ONE,
        };
        assert_eq!(fees.slipped(Side::Buy, 100 * ONE), 101 * ONE);
        assert_eq!(fees.slipped(Side::Sell, 1), 1);
        // 1 + 3 × 0.01 + 0.1 % of 300 is 1.33: the least is 2.
        assert_eq!(fees.total(Side::Buy, 3 * ONE, 100 * ONE), 302 * ONE);
        // 1 + 0.3 + 3 = 4.3.
        assert_eq!(fees.total(Side::Sell, 30 * ONE, 100 * ONE), 2_995_700_000);
        assert_eq!(fees.total(Side::Sell, 1, ONE), 0, "no less than nothing");
        let units = fees.units_for(1000 * ONE, 100 * ONE);
        assert!(fees.total(Side::Buy, units, 100 * ONE) <= 1000 * ONE);
        assert!(fees.total(Side::Buy, units + 1, 100 * ONE) > 1000 * ONE);
    }

    #[test]
    fn a_split_keeps_an_order_what_it_was() {
        let mut market = market(NaiveFees::default());
        let limit = OrderTerms::Limit { limit: money(90) };
        let at = place(&mut market, Side::Buy, 3, limit, TimeInForce::Gtc).unwrap();
        let split = NaiveAction::Split(Ratio::new(3, 1).unwrap());
        market.begin(&bar(1, [33; 4]));
        market.publish(&bar(1, [33; 4]), &[(symbol(), split)], false);
        let order = &market.orders[at];
        assert_eq!((order.units, order.limit), (9 * ONE, 30 * ONE));
        assert_eq!(order.reserve, 270 * ONE);
        market.begin(&bar(2, [29; 4]));
        market.publish(&bar(2, [29; 4]), &[], false);
        assert_eq!(filled(&market, at), Some(29));
        assert_eq!(market.accounts[0].positions[&symbol()].0, 39 * ONE);
    }
}
