//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell
//!
//! What an update does with the waiting orders: which are due and at which price, which trigger, and
//! which end. What is found is applied only after it is on disk.
//!
//! Tests: `src/master/transactions/book/tests.rs`.

use super::order::{BarOutcome, BookOrder, BookProgress, OrderEnd};
use super::slots::SlotId;
use super::{OrderBook, end_span};
use crate::model::{Bar, Money, OrderKind, SettlementRank, Symbol, Timestamp};
use std::collections::HashSet;
use std::time::Instant;

/// Milliseconds from which on two times of an order differ because the clock was set.
const CLOCK_SET_MS: i64 = 2_000;

/// An update, as far as waiting orders go by it.
#[derive(Debug, Clone, Copy)]
pub struct BookUpdate {
    /// Its number. An update that is settled again after a restart has its old one.
    pub number: u64,
    /// When its retrieval began.
    pub began: Instant,
    /// The same in wall time.
    pub began_stamp: Timestamp,
    /// Market time after it.
    pub market_now: Timestamp,
    /// No update follows.
    pub exhausted: bool,
}

/// The bar that an update brought to an asset, in today's units.
#[derive(Debug, Clone, Copy)]
pub struct UpdateBar {
    pub bar: Bar,
    /// Its time is that of a trade in real time. Orders that are not older are not touched by it.
    pub real_time: bool,
}

impl BookUpdate {
    /// Whether an order takes part: its retrieval began after the order was accepted.
    pub fn includes(&self, order: &BookOrder) -> bool {
        match order.since {
            Some(since) => since < self.began,
            None => order.first_update <= self.number,
        }
    }

    /// Whether its bar of the order's asset touches the order, wherever its prices are.
    pub fn tests(&self, order: &BookOrder, bar: &UpdateBar) -> bool {
        let is_older = bar.real_time
            && bar.bar.time
                < accepted_by_clock(order.since, order.accepted, self.began, self.began_stamp);
        self.includes(order) && !is_older && !order.is_expired(self.market_now)
    }
}

/// When an order was accepted, by the clock as it goes at an update whose retrieval began at
/// `began`. Where the clock was set since, by hours perhaps, the order must not wait for as long,
/// nor fill at a price older than itself.
pub fn accepted_by_clock(
    since: Option<Instant>,
    accepted: Timestamp,
    began: Instant,
    began_stamp: Timestamp,
) -> Timestamp {
    let age = since.and_then(|since| began.checked_duration_since(since));
    let by_age = age.map(|age| {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        Timestamp(began_stamp.0.saturating_sub(age))
    });
    match by_age {
        Some(time) if time.since(accepted).abs() > CLOCK_SET_MS => time,
        // An order of an earlier process was accepted before the retrieval began, whatever the times say.
        Some(_) | None => accepted.min(began_stamp),
    }
}

/// An order that fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueOrder {
    /// Its turn.
    pub rank: SettlementRank,
    pub kind: OrderKind,
    /// The price before slippage.
    pub quoted: Money,
    /// The bar that fills it.
    pub bar: Bar,
}

/// From where on a trailing order follows closes, to be stored in place of what is: so that a
/// restart finds the same level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrailStart {
    pub number: i64,
    /// The first update whose close it follows.
    pub first_update: u64,
    /// The best close before that, in today's units.
    pub best: Money,
}

impl TrailStart {
    /// Of a trailing order whose best close is that of before its first update; `None` of others.
    pub fn of(order: &BookOrder) -> Option<TrailStart> {
        match order.progress {
            BookProgress::Best(best) => Some(TrailStart {
                number: order.number(),
                first_update: order.first_update,
                best,
            }),
            BookProgress::AsAccepted | BookProgress::WaitsSince(_) | BookProgress::Triggered(_) => {
                None
            }
        }
    }
}

/// What an update does with waiting orders, beside ending them.
#[derive(Debug, Default)]
pub struct DueOrders {
    /// Orders that fill, if cash and units suffice.
    pub fills: Vec<DueOrder>,
    /// Stop-limits that become limit orders.
    pub triggered: Vec<i64>,
    /// Orders whose day has begun, with its end.
    pub days: Vec<(i64, Timestamp)>,
    /// Trailing orders that take part from another update on than `first_update` says.
    pub starts: Vec<TrailStart>,
    /// Assets whose close trailing orders follow from now on: to be stored in `trail_closes`.
    pub closes: Vec<(Symbol, Money)>,
    bars: Vec<(Symbol, UpdateBar)>,
}

/// How an order ends without a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndingKind {
    /// Its time in force has ended.
    Expired,
    /// A market order that gets no price.
    NoPrice,
    /// Its asset has ended, or a split left nothing of it.
    Cancelled,
}

/// An order that ends without a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderEnding {
    pub number: i64,
    pub kind: EndingKind,
}

impl OrderEnding {
    /// See [`EndingKind::Expired`].
    pub fn expired(number: i64) -> OrderEnding {
        let kind = EndingKind::Expired;
        OrderEnding { number, kind }
    }

    /// See [`EndingKind::NoPrice`].
    pub fn no_price(number: i64) -> OrderEnding {
        let kind = EndingKind::NoPrice;
        OrderEnding { number, kind }
    }

    /// See [`EndingKind::Cancelled`].
    pub fn cancelled(number: i64) -> OrderEnding {
        let kind = EndingKind::Cancelled;
        OrderEnding { number, kind }
    }
}

impl OrderBook {
    /// Adds to `due` what the bar of one asset does with its orders. Each asset with a new price that
    /// may fill orders is told once an update. Nothing changes in the book. It takes the time of the
    /// orders that the bar reaches, and of the asset's trailing ones.
    pub fn due(&self, symbol: Symbol, bar: UpdateBar, update: &BookUpdate, due: &mut DueOrders) {
        let Some(asset) = self.assets.get(&symbol) else {
            return;
        };
        due.bars.push((symbol, bar));
        for order in asset.reached(&bar.bar).filter_map(|it| self.slots.get(it)) {
            if !update.tests(order, &bar) {
                continue;
            }
            match order.test(&bar.bar, update.number) {
                BarOutcome::Untouched => {}
                BarOutcome::Triggers => due.triggered.push(order.number()),
                BarOutcome::Fills(quoted) => due.fills.push(DueOrder {
                    rank: order.rank,
                    kind: order.terms.kind(),
                    quoted,
                    bar: bar.bar,
                }),
            }
        }
        let end = bar.bar.time.day().plus_days(1);
        for slot in &asset.days_ahead {
            let order = self.slots.get(*slot);
            due.days.extend(
                order
                    .filter(|order| update.tests(order, &bar))
                    .map(|order| (order.number(), end)),
            );
        }
        self.follow(symbol, &bar, update, due);
    }

    /// Notes the close that trailing orders follow, and which of them do from this update on.
    fn follow(&self, symbol: Symbol, bar: &UpdateBar, update: &BookUpdate, due: &mut DueOrders) {
        let mut is_followed = false;
        for (_, order) in self.trailing(&symbol) {
            let BookProgress::Best(best) = order.progress else {
                continue;
            };
            let follows = update.tests(order, bar);
            is_followed |= follows;
            // What is stored has to tell the same of this update.
            let is_told = order.first_update <= update.number;
            let is_ending = update.includes(order) && order.is_expired(update.market_now);
            if follows != is_told && !is_ending {
                due.starts.push(TrailStart {
                    number: order.number(),
                    first_update: update.number + u64::from(!follows),
                    best,
                });
            }
        }
        if is_followed {
            due.closes.push((symbol, bar.bar.close));
        }
    }

    /// Applies what [`OrderBook::due`] found, once it is on disk. Orders that ended are removed by
    /// the caller, before it or after it.
    pub fn advance(&mut self, due: &DueOrders, update: &BookUpdate) {
        for (symbol, bar) in &due.bars {
            self.move_levels(symbol, bar, update);
        }
        for start in &due.starts {
            self.change_number(start.number, |order| {
                order.first_update = start.first_update;
            });
        }
        for number in &due.triggered {
            self.change_number(*number, |order| {
                order.progress = BookProgress::Triggered(update.number);
            });
        }
        for (number, end) in &due.days {
            self.change_number(*number, |order| order.end = OrderEnd::DayEnds(*end));
        }
    }

    /// Moves the levels of trailing orders by a bar that has tested them.
    fn move_levels(&mut self, symbol: &Symbol, bar: &UpdateBar, update: &BookUpdate) {
        let moved: Vec<(SlotId, Money)> = self
            .trailing(symbol)
            .filter(|(_, order)| update.tests(order, bar))
            .filter_map(|(slot, order)| match order.progress {
                BookProgress::Best(best) => {
                    let better = order.better(best, bar.bar.close);
                    (better != best).then_some((slot, better))
                }
                BookProgress::AsAccepted
                | BookProgress::WaitsSince(_)
                | BookProgress::Triggered(_) => None,
            })
            .collect();
        for (slot, best) in moved {
            // No index has the level.
            self.slots
                .change(slot, |order| order.progress = BookProgress::Best(best));
        }
    }

    /// The orders that end with this update without a fill: whose time in force has ended, and
    /// market orders that have waited too long, or to the end of a replay, and that `due` does not
    /// fill. They are in the book until the caller removes them.
    pub fn expired(&self, update: &BookUpdate, due: &DueOrders) -> Vec<OrderEnding> {
        let mut endings = Vec::new();
        let mut unfilled = Vec::new();
        let now = update.market_now;
        let ended = self.ends.range(..=(end_span(now), SlotId::MAX));
        for order in ended.filter_map(|(_, slot)| self.slots.get(*slot)) {
            // Those of the last span may end after this update.
            let has_ended = order.ends_at().is_some_and(|time| time <= now);
            if !has_ended || !update.includes(order) {
                continue;
            }
            if order.is_expired(now) {
                endings.push(OrderEnding::expired(order.number()));
            } else if !update.exhausted {
                unfilled.push(order.number());
            }
        }
        if update.exhausted {
            let waiting = self.assets.values().flat_map(|asset| &asset.waiting);
            let orders = waiting.filter_map(|slot| self.slots.get(*slot));
            let orders = orders
                .filter(|order| !(update.includes(order) && order.is_expired(update.market_now)));
            unfilled.extend(orders.map(BookOrder::number));
        }
        if !unfilled.is_empty() {
            let fills: HashSet<i64> = due.fills.iter().map(|due| due.rank.number).collect();
            unfilled.retain(|number| !fills.contains(number));
            endings.extend(unfilled.into_iter().map(OrderEnding::no_price));
        }
        endings.sort_unstable_by_key(|ending| ending.number);
        endings
    }

    fn change_number(&mut self, number: i64, change: impl FnOnce(&mut BookOrder)) {
        if let Some(slot) = self.slot_of(number) {
            self.change(slot, change);
        }
    }
}
