//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell
//!
//! Random histories of a book beside a list and a loop: the same fills, ends, reserves and trailing
//! levels, also as a restart finds them.

use super::*;
use crate::model::OrderKind;
use crate::model::order::TimeInForce;
use proptest::prelude::*;
use std::collections::BTreeMap;

const ASSETS: usize = 3;
const ACCOUNTS: i64 = 3;
/// Milliseconds between two retrievals.
const INTERVAL: u64 = 10_000;

#[derive(Debug, Clone)]
struct Placed {
    side: Side,
    kind: OrderKind,
    asset: usize,
    account: i64,
    units: i64,
    prices: (i64, i64),
    is_percent: bool,
    time_in_force: u8,
    /// Of this process; and whether it came while an update was retrieved.
    is_timed: bool,
    is_late: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Place(Placed),
    Remove(usize),
    Update {
        /// For each asset: none, or open, what high and low are beyond, close as a part between.
        bars: Vec<Option<(i64, i64, i64, i64)>>,
        days: i64,
        /// How old a real-time trade is.
        age: i64,
    },
    Split(usize, u64, u64),
    Rename(usize, usize),
    /// A settlement whose commit failed.
    Undone(usize),
}

fn placed() -> impl Strategy<Value = Placed> {
    let kinds = prop::sample::select(OrderKind::ALL.to_vec());
    (
        (any::<bool>(), kinds, 0..ASSETS, 1..=ACCOUNTS),
        (1..40i64, (1..60i64, 1..60i64), any::<bool>()),
        (0..4u8, any::<bool>(), any::<bool>()),
    )
        .prop_map(|((is_buy, kind, asset, account), terms, times)| Placed {
            side: if is_buy { Side::Buy } else { Side::Sell },
            kind,
            asset,
            account,
            units: terms.0,
            prices: terms.1,
            is_percent: terms.2,
            time_in_force: times.0,
            is_timed: times.1,
            is_late: times.2,
        })
}

fn step() -> impl Strategy<Value = Step> {
    let bar = prop::option::weighted(0.7, (1..60i64, 0..15i64, 0..15i64, 0..=10i64));
    let bars = prop::collection::vec(bar, ASSETS);
    prop_oneof![
        8 => placed().prop_map(Step::Place),
        1 => any::<usize>().prop_map(Step::Remove),
        6 => (bars, prop::sample::select(vec![0, 0, 1, 1, 1, 2, 9]), 0..25_000i64)
            .prop_map(|(bars, days, age)| Step::Update { bars, days, age }),
        1 => (0..ASSETS, 1..5u64, 1..5u64).prop_map(|(asset, a, b)| Step::Split(asset, a, b)),
        1 => (0..ASSETS, 0..ASSETS).prop_map(|(old, new)| Step::Rename(old, new)),
        1 => (0..ASSETS).prop_map(Step::Undone),
    ]
}

/// The book, the list beside it, and what would be stored.
struct History {
    book: OrderBook,
    list: Vec<BookOrder>,
    /// The best close at acceptance of each trailing order, in the units of now.
    accepted: BTreeMap<i64, Money>,
    closes: BTreeMap<Symbol, Vec<TrailClose>>,
    latest: BTreeMap<Symbol, Money>,
    fees: FeeSettings,
    real_time: bool,
    start: Instant,
    number: u64,
    market_now: i64,
    last: i64,
}

fn name(asset: usize) -> Symbol {
    Symbol::parse(["AA", "BB", "CC"][asset]).unwrap()
}

fn level_of(order: &BookOrder) -> i64 {
    let (OrderTerms::Trailing { distance }, BookProgress::Best(best)) =
        (order.terms, order.progress)
    else {
        panic!("{order:?} does not trail");
    };
    let away = match distance {
        TrailDistance::Money(money) => money.0,
        TrailDistance::Percent(parts) => {
            let product = best.0 * i64::from(parts);
            product / 1_000_000 + i64::from(product % 1_000_000 > 0)
        }
    };
    match order.side {
        Side::Buy => best.0 + away,
        _ => (best.0 - away).max(1),
    }
}

/// The price of a fill as the rules say it, kind by kind.
fn plain_fill(order: &BookOrder, bar: &Bar) -> Option<i64> {
    let (open, high, low) = (bar.open.0, bar.high.0, bar.low.0);
    let limit = |limit: i64| match order.side {
        Side::Buy if low <= limit => Some(open.min(limit)),
        Side::Sell if high >= limit => Some(open.max(limit)),
        _ => None,
    };
    let stop = |stop: i64| match order.side {
        Side::Buy if high >= stop => Some(open.max(stop)),
        Side::Sell if low <= stop => Some(open.min(stop)),
        _ => None,
    };
    match order.terms {
        OrderTerms::Market => Some(bar.close.0),
        OrderTerms::Limit { limit: price } => limit(price.0),
        OrderTerms::Stop { stop: price } => stop(price.0),
        OrderTerms::StopLimit {
            limit: at,
            stop: price,
        } => match order.progress {
            BookProgress::Triggered(_) => limit(at.0),
            _ => stop(price.0),
        },
        OrderTerms::Trailing { .. } => stop(level_of(order)),
    }
}

impl History {
    fn new(real_time: bool, fees: FeeSettings) -> History {
        History {
            book: OrderBook::new(),
            list: Vec::new(),
            accepted: BTreeMap::new(),
            closes: BTreeMap::new(),
            latest: (0..ASSETS).map(|asset| (name(asset), Money(30))).collect(),
            fees,
            real_time,
            start: Instant::now(),
            number: 0,
            market_now: 0,
            last: 0,
        }
    }

    /// When the retrieval of an update began: by the monotonic clock, and in wall time.
    fn began(&self, number: u64) -> (Instant, i64) {
        let millis = number * INTERVAL;
        let began = self.start + Duration::from_millis(millis);
        (began, i64::try_from(millis).unwrap())
    }

    fn place(&mut self, placed: &Placed) {
        self.last += 1;
        let symbol = name(placed.asset);
        let (one, two) = (Money(placed.prices.0), Money(placed.prices.1));
        let latest = self.latest[&symbol];
        let terms = match placed.kind {
            OrderKind::Market => OrderTerms::Market,
            OrderKind::Limit => OrderTerms::Limit { limit: one },
            OrderKind::Stop => OrderTerms::Stop { stop: one },
            OrderKind::StopLimit => OrderTerms::StopLimit {
                limit: one,
                stop: two,
            },
            OrderKind::Trailing => OrderTerms::Trailing {
                distance: if placed.is_percent {
                    TrailDistance::Percent(u32::try_from(one.0 * 16_000).unwrap())
                } else {
                    TrailDistance::Money(one)
                },
            },
        };
        // One that came before the retrieval of the next update, or during it.
        let next = self.number + 1;
        let late = u64::from(placed.is_late);
        let (began, stamp) = self.began(next);
        let since = if placed.is_late {
            began
        } else {
            began - Duration::from_secs(5)
        };
        let now = Timestamp(self.market_now);
        let mut order = order(self.last, placed.side, terms);
        // Turns are not in the order of numbers.
        order.rank.timestamp = Timestamp(self.last * 7 % 11);
        order.account = AccountId(placed.account);
        order.symbol = symbol;
        order.amount = OrderAmount::Units(Quantity(placed.units));
        if placed.side == Side::Buy && placed.units == 7 {
            order.amount = OrderAmount::Cash(Money(400));
        }
        order.end = OrderEnd::of(
            match placed.time_in_force {
                0 => TimeInForce::Gtc,
                1 => TimeInForce::Day,
                days => TimeInForce::Until(Timestamp(now.0 + i64::from(days) * 2 * DAY)),
            },
            now,
        );
        order.progress = match placed.kind {
            OrderKind::Market => BookProgress::WaitsSince(now),
            OrderKind::Trailing => BookProgress::Best(latest),
            _ => BookProgress::AsAccepted,
        };
        order.accepted = Timestamp(stamp + if placed.is_late { 1 } else { -5_000 });
        order.since = placed.is_timed.then_some(since);
        order.first_update = next + late;
        if placed.is_timed && placed.units % 5 == 0 {
            // The retrieval that was under way failed, and its number was not used up.
            order.first_update += 1;
        }
        order.reserve = order.due_reserve(&self.fees, Some(latest)).unwrap();
        if placed.kind == OrderKind::Trailing {
            self.accepted.insert(self.last, latest);
        }
        self.list.push(order.clone());
        self.book.insert(order);
    }

    fn update(&mut self, bars: &[Option<(i64, i64, i64, i64)>], days: i64, age: i64) {
        self.number += 1;
        let (began, stamp) = self.began(self.number);
        let time = if self.real_time {
            stamp - age
        } else {
            self.market_now + days * DAY
        };
        self.market_now = self.market_now.max(time);
        let update = BookUpdate {
            number: self.number,
            began,
            began_stamp: Timestamp(stamp),
            market_now: Timestamp(self.market_now),
            exhausted: false,
        };
        let mut due = DueOrders::default();
        let mut plain = BTreeMap::new();
        for (asset, prices) in bars.iter().enumerate() {
            let Some((open, above, below, part)) = *prices else {
                continue;
            };
            let (high, low) = (open + above, (open - below).max(1));
            let close = low + (high - low) * part / 10;
            let prices = if self.real_time {
                [close; 4]
            } else {
                [open, high, low, close]
            };
            let mut bar = bar(time, prices);
            bar.real_time = self.real_time;
            self.book.due(name(asset), bar, &update, &mut due);
            plain.insert(name(asset), bar);
            self.latest.insert(name(asset), Money(close));
        }
        sort_fills(&mut due);
        let endings = self.book.expired(&update, &due);
        self.compare(&due, &endings, &plain, &update);
        // As the commit stores it.
        for (symbol, close) in &due.closes {
            let stored = self.closes.entry(*symbol).or_default();
            stored.push(TrailClose::new(self.number, *close));
        }
        for start in &due.starts {
            self.accepted.insert(start.number, start.best);
        }
        self.book.advance(&due, &update);
        for due in &due.fills {
            self.book.remove(due.rank.number);
        }
        for ending in &endings {
            self.book.remove(ending.number);
        }
    }

    /// The loop over the list, which finds the same and is then as it should be after the update.
    fn compare(
        &mut self,
        due: &DueOrders,
        endings: &[OrderEnding],
        bars: &BTreeMap<Symbol, UpdateBar>,
        update: &BookUpdate,
    ) {
        let (mut filled, mut triggered, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        let number = self.number;
        self.list.retain_mut(|order| {
            let takes_part = match order.since {
                Some(since) => since < update.began,
                None => order.first_update <= number,
            };
            if !takes_part {
                // It would follow the close after a restart.
                if bars.contains_key(&order.symbol)
                    && order.first_update <= number
                    && order.terms.kind() == OrderKind::Trailing
                {
                    order.first_update = number + 1;
                }
                return true;
            }
            let id = order.number();
            if order.end.time().is_some_and(|end| update.market_now >= end) {
                ended.push(OrderEnding::expired(id));
                return false;
            }
            let bar = bars.get(&order.symbol);
            let bar = bar.filter(|it| !it.real_time || it.bar.time >= order.accepted);
            let is_trailing = order.terms.kind() == OrderKind::Trailing;
            let Some(UpdateBar { bar, .. }) = bar else {
                if bars.contains_key(&order.symbol) && is_trailing {
                    order.first_update = order.first_update.max(number + 1);
                }
                let BookProgress::WaitsSince(since) = order.progress else {
                    return true;
                };
                let waits = update.market_now.0 - since.0 <= 14 * DAY;
                if !waits {
                    ended.push(OrderEnding::no_price(id));
                }
                return waits;
            };
            if order.end == OrderEnd::DayAhead {
                order.end = OrderEnd::DayEnds(Timestamp((bar.time.0.div_euclid(DAY) + 1) * DAY));
            }
            if is_trailing {
                order.first_update = order.first_update.min(number);
            }
            let fill = plain_fill(order, bar);
            match (order.terms, order.progress, fill) {
                (OrderTerms::StopLimit { .. }, BookProgress::AsAccepted, Some(_)) => {
                    triggered.push(id);
                    order.progress = BookProgress::Triggered(number);
                    true
                }
                (_, BookProgress::Best(best), None) => {
                    let best = match order.side {
                        Side::Buy => best.min(bar.close),
                        _ => best.max(bar.close),
                    };
                    order.progress = BookProgress::Best(best);
                    true
                }
                (_, _, Some(price)) => {
                    filled.push((order.rank.timestamp, id, price));
                    false
                }
                (_, _, None) => true,
            }
        });
        filled.sort_unstable();
        let found: Vec<(Timestamp, i64, i64)> = due
            .fills
            .iter()
            .map(|due| (due.rank.timestamp, due.rank.number, due.quoted.0))
            .collect();
        assert_eq!(found, filled, "fills of update {number}");
        let mut found = due.triggered.clone();
        found.sort_unstable();
        assert_eq!(found, triggered, "triggered by update {number}");
        ended.sort_unstable_by_key(|ending| ending.number);
        assert_eq!(endings, ended, "ended with update {number}");
    }

    fn split(&mut self, asset: usize, after: u64, before: u64) {
        let symbol = name(asset);
        let ratio = Ratio::new(after, before).unwrap();
        let latest = ratio.price(self.latest[&symbol]);
        self.latest.insert(symbol, latest);
        let terms = (&self.fees, Some(latest));
        let changed = self.book.split(&symbol, ratio, None, terms);
        let of_one = |side: Side, price: i64| {
            let (product, by) = (
                price * i64::try_from(before).unwrap(),
                i64::try_from(after).unwrap(),
            );
            let up = i64::from(side == Side::Sell && product % by != 0);
            Money((product / by + up).max(1))
        };
        let mut ended = Vec::new();
        let fees = self.fees;
        self.list.retain_mut(|order| {
            if order.symbol != symbol {
                return true;
            }
            let price = |money: Money| of_one(order.side, money.0);
            order.terms = match order.terms {
                OrderTerms::Market => OrderTerms::Market,
                OrderTerms::Limit { limit } => OrderTerms::Limit {
                    limit: price(limit),
                },
                OrderTerms::Stop { stop } => OrderTerms::Stop { stop: price(stop) },
                OrderTerms::StopLimit { limit, stop } => OrderTerms::StopLimit {
                    limit: price(limit),
                    stop: price(stop),
                },
                OrderTerms::Trailing { distance } => OrderTerms::Trailing {
                    distance: match distance {
                        TrailDistance::Money(money) => TrailDistance::Money(price(money)),
                        percent => percent,
                    },
                },
            };
            if let BookProgress::Best(best) = order.progress {
                order.progress = BookProgress::Best(price(best));
            }
            if let OrderAmount::Units(units) = order.amount {
                let units = i128::from(units.0) * i128::from(after) / i128::from(before);
                order.amount = OrderAmount::Units(Quantity(i64::try_from(units).unwrap()));
                if units == 0 {
                    ended.push(OrderEnding::cancelled(order.number()));
                    return false;
                }
            }
            let anew = order.due_reserve(&fees, Some(latest)).unwrap();
            order.reserve = order.reserve.min(anew);
            true
        });
        assert_eq!(changed.ended, ended);
        for (number, best) in &mut self.accepted {
            let order = self.list.iter().find(|order| order.number() == *number);
            if let Some(order) = order.filter(|order| order.symbol == symbol) {
                *best = of_one(order.side, best.0);
            }
        }
        for close in self.closes.entry(symbol).or_default() {
            *close = close.split(ratio);
        }
    }

    /// The new name may have orders and closes of its own.
    fn rename(&mut self, old: usize, new: usize) {
        let (old, new) = (name(old), name(new));
        let next = self.number + 1;
        self.book.rename(&old, new, next);
        for order in self.list.iter_mut().filter(|order| order.symbol == old) {
            order.symbol = new;
            if let BookProgress::Best(best) = order.progress {
                order.first_update = order.first_update.max(next);
                self.accepted.insert(order.number(), best);
            }
        }
        self.closes.remove(&old);
        self.latest.insert(new, self.latest[&old]);
    }

    /// Everything that an action may do, and its undoing.
    fn undone(&mut self, asset: usize) {
        let fees = self.fees;
        let ratio = Ratio::new(2, 7).unwrap();
        let (old, new) = (name(asset), name((asset + 1) % ASSETS));
        let split = self.book.split(&old, ratio, None, (&fees, None));
        let renamed = self.book.rename(&old, new, self.number + 1);
        let ended = self.book.end_asset(&new);
        self.book.put_back(vec![split, renamed, ended]);
    }

    fn check(&mut self) {
        assert!(
            self.book.iter().eq(&self.list),
            "{:?} is not {:?}",
            self.book,
            self.list
        );
        for account in (1..=ACCOUNTS).map(AccountId) {
            let own = self.list.iter().filter(|order| order.account == account);
            let own: Vec<&BookOrder> = own.collect();
            assert!(self.book.of_account(account).eq(own.iter().copied()));
            let is_market = |order: &BookOrder| order.terms == OrderTerms::Market;
            let all: i64 = own.iter().map(|order| order.reserve.0).sum();
            let market = own.iter().filter(|order| is_market(order));
            let market: i64 = market.map(|order| order.reserve.0).sum();
            let reserves = self.book.reserves();
            assert_eq!(reserves.reserved(account), Money(all));
            assert_eq!(reserves.standing(account), Money(all - market));
            for symbol in (0..ASSETS).map(name) {
                let sales = own
                    .iter()
                    .filter(|it| it.side == Side::Sell && it.symbol == symbol);
                let units: i64 = sales
                    .map(|order| match order.amount {
                        OrderAmount::Units(units) => units.0,
                        OrderAmount::Cash(_) => 0,
                    })
                    .sum();
                assert_eq!(reserves.promised(account, &symbol), Quantity(units));
            }
        }
        let indexed: usize = self
            .book
            .assets
            .values()
            .map(|asset| asset.all().count())
            .sum();
        assert_eq!(indexed, self.list.len());
        self.check_levels();
    }

    /// A restart, with and without the closes that are not needed any more, finds the same levels.
    fn check_levels(&mut self) {
        for asset in 0..ASSETS {
            let symbol = name(asset);
            let mut closes = self.closes.get(&symbol).cloned().unwrap_or_default();
            for is_pruned in [false, true] {
                if is_pruned {
                    let needed = self.book.needed_closes(&symbol, &closes);
                    closes.retain(|close| needed.contains(&close.update));
                }
                let bests = BestCloses::of(closes.clone());
                for (_, order) in self.book.trailing(&symbol) {
                    let accepted = self.accepted[&order.number()];
                    let best = bests.best_of(order, accepted);
                    assert_eq!(
                        BookProgress::Best(best),
                        order.progress,
                        "{is_pruned} {order:?}"
                    );
                }
            }
            if asset == 0 {
                self.closes.insert(symbol, closes);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn a_book_does_what_a_list_and_a_loop_do(
        real_time in any::<bool>(),
        fees in (0..3i64, 0..20i64),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let fees = FeeSettings {
            per_order: Money(fees.0),
            slippage: crate::config::Percentage(fees.1 * 1_000_000),
            ..FREE
        };
        let mut history = History::new(real_time, fees);
        for step in &steps {
            match step {
                Step::Place(placed) => history.place(placed),
                Step::Remove(at) if !history.list.is_empty() => {
                    let order = history.list.remove(at % history.list.len());
                    assert_eq!(history.book.remove(order.number()), Some(order));
                }
                Step::Remove(_) => {}
                Step::Update { bars, days, age } => history.update(bars, *days, *age),
                Step::Split(asset, after, before) => history.split(*asset, *after, *before),
                Step::Rename(old, new) if old != new => history.rename(*old, *new),
                Step::Rename(..) => {}
                Step::Undone(asset) => history.undone(*asset),
            }
            history.check();
        }
    }
}
