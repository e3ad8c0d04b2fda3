//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell

use super::due::{BookUpdate, DueOrders, OrderEnding, TrailStart, UpdateBar};
use super::order::BookProgress;
use super::testing::{bar, order, sort_fills, symbol, update};
use super::trail::{BestCloses, TrailClose};
use super::*;
use crate::config::FeeSettings;
use crate::model::timestamp::DAY;
use crate::model::{Bar, Money, OrderAmount, OrderTerms, Quantity, Ratio, Side, TrailDistance};
use std::time::{Duration, Instant};

mod random;

const FREE: FeeSettings = FeeSettings {
    per_order: Money::ZERO,
    per_unit: Money::ZERO,
    percent: crate::config::Percentage(0),
    minimum: Money::ZERO,
    slippage: crate::config::Percentage(0),
};

fn due_of(book: &OrderBook, bar: UpdateBar, update: &BookUpdate) -> DueOrders {
    let mut due = DueOrders::default();
    book.due(symbol(), bar, update, &mut due);
    sort_fills(&mut due);
    due
}

fn fills(due: &DueOrders) -> Vec<(i64, i64)> {
    let fills = due.fills.iter();
    fills.map(|due| (due.rank.number, due.quoted.0)).collect()
}

fn limit(limit: i64) -> OrderTerms {
    OrderTerms::Limit {
        limit: Money(limit),
    }
}

#[test]
fn orders_are_found_by_account_number_and_id() {
    let mut book = OrderBook::new();
    for number in [3, 1, 2] {
        book.insert(order(number, Side::Buy, limit(5)));
    }
    let mut other = order(4, Side::Buy, limit(5));
    other.account = AccountId(2);
    book.insert(other.clone());
    let numbers = |book: &OrderBook, account| -> Vec<i64> {
        let orders = book.of_account(AccountId(account));
        orders.map(BookOrder::number).collect()
    };
    assert_eq!(numbers(&book, 1), [1, 2, 3]);
    assert_eq!((book.count_of(AccountId(1)), book.len()), (3, 4));
    assert_eq!(book.number_of(AccountId(1), Uuid::from_u128(2)), Some(2));
    assert_eq!(book.number_of(AccountId(1), Uuid::from_u128(4)), None);
    assert_eq!(book.number_of(AccountId(2), Uuid::from_u128(4)), Some(4));
    assert_eq!(book.remove(4), Some(other));
    assert_eq!(book.remove(4), None);
    assert_eq!((book.count_of(AccountId(2)), book.get(4)), (0, None));
    for number in [2, 1, 3] {
        assert!(book.remove(number).is_some());
    }
    assert!(
        book.is_empty()
            && book.numbers.is_empty()
            && book.assets.is_empty()
            && book.ends.is_empty()
    );
    assert!(book.accounts.is_empty() && book.reserves().is_empty());
}

#[test]
fn an_order_takes_part_from_the_first_retrieval_after_it() {
    let mut book = OrderBook::new();
    let now = update(7, 0);
    let mut late = order(1, Side::Buy, limit(5));
    late.since = Some(now.began);
    let mut early = order(2, Side::Buy, limit(5));
    early.since = now.began.checked_sub(Duration::from_secs(1));
    early.first_update = 8;
    let mut older = order(3, Side::Buy, limit(5));
    older.first_update = 7;
    let mut newer = order(4, Side::Buy, limit(5));
    newer.first_update = 8;
    for order in [late, early, older, newer] {
        book.insert(order);
    }
    let due = due_of(&book, bar(0, [5, 5, 5, 5]), &now);
    assert_eq!(fills(&due), [(2, 5), (3, 5)]);
}

#[test]
fn a_trade_older_than_the_order_does_not_touch_it() {
    let mut book = OrderBook::new();
    let mut trailing = order(
        1,
        Side::Sell,
        OrderTerms::Trailing {
            distance: TrailDistance::Money(Money(2)),
        },
    );
    trailing.progress = BookProgress::Best(Money(10));
    trailing.accepted = Timestamp(100);
    let mut day = order(2, Side::Buy, limit(5));
    day.accepted = Timestamp(100);
    day.end = OrderEnd::DayAhead;
    book.insert(trailing);
    book.insert(day);
    let mut now = update(1, 99);
    now.began_stamp = Timestamp(200);
    let mut trade = bar(99, [4, 4, 4, 4]);
    trade.real_time = true;
    let due = due_of(&book, trade, &now);
    assert!(due.fills.is_empty() && due.days.is_empty() && due.closes.is_empty());
    let start = TrailStart {
        number: 1,
        first_update: 2,
        best: Money(10),
    };
    assert_eq!(
        due.starts,
        [start],
        "it must not follow this close after a restart"
    );
    book.advance(&due, &now);
    assert_eq!(book.get(1).unwrap().progress, BookProgress::Best(Money(10)));
    trade.bar.time = Timestamp(100);
    let due = due_of(&book, trade, &update(2, 100));
    assert_eq!(fills(&due), [(1, 4), (2, 4)]);
    assert_eq!(due.days, [(2, Timestamp(DAY))]);
}

#[test]
fn a_day_is_that_of_the_first_new_price() {
    let mut book = OrderBook::new();
    let mut day = order(1, Side::Buy, limit(5));
    day.end = OrderEnd::DayAhead;
    book.insert(day);
    // A weekend passes without a price.
    let now = update(1, 2 * DAY);
    assert_eq!(book.expired(&now, &DueOrders::default()), []);
    let monday = 3 * DAY + 5;
    let mut number = 2;
    for time in [monday, 4 * DAY - 1] {
        let now = update(number, time);
        let due = due_of(&book, bar(time, [9, 9, 6, 9]), &now);
        assert!(due.fills.is_empty());
        assert_eq!(book.expired(&now, &due), []);
        book.advance(&due, &now);
        number += 1;
    }
    let now = update(number, 4 * DAY);
    let due = due_of(&book, bar(4 * DAY, [5, 5, 5, 5]), &now);
    assert!(due.fills.is_empty(), "a later day does not test it");
    assert_eq!(book.expired(&now, &due), [OrderEnding::expired(1)]);
}

#[test]
fn a_market_order_waits_for_fourteen_days() {
    let mut book = OrderBook::new();
    let mut waiting = order(1, Side::Buy, OrderTerms::Market);
    waiting.end = OrderEnd::Gtc(Timestamp(180 * DAY));
    waiting.progress = BookProgress::WaitsSince(Timestamp(DAY));
    book.insert(waiting.clone());
    waiting.rank.number = 2;
    waiting.end = OrderEnd::Until(Timestamp(3 * DAY));
    book.insert(waiting);
    let none = DueOrders::default();
    let now = update(1, 15 * DAY);
    assert_eq!(book.expired(&now, &none), [OrderEnding::expired(2)]);
    let mut now = update(2, 15 * DAY + 1);
    let both = [OrderEnding::no_price(1), OrderEnding::expired(2)];
    assert_eq!(book.expired(&now, &none), both);
    let due = due_of(&book, bar(15 * DAY, [5, 7, 4, 6]), &now);
    assert_eq!(fills(&due), [(1, 6)], "a price has come in time");
    assert_eq!(book.expired(&now, &due), [OrderEnding::expired(2)]);
    now.market_now = Timestamp(2 * DAY);
    now.exhausted = true;
    let ended = [OrderEnding::no_price(1), OrderEnding::no_price(2)];
    assert_eq!(book.expired(&now, &none), ended, "the end of a replay");
}

#[test]
fn a_split_changes_prices_units_and_reserves() {
    let mut book = OrderBook::new();
    let with_reserve = |number, side, terms, reserve| {
        let mut order = order(number, side, terms);
        order.reserve = Money(reserve);
        order
    };
    book.insert(with_reserve(1, Side::Buy, limit(10_000_001), 10_000_001));
    book.insert(with_reserve(2, Side::Sell, limit(10_000_001), 0));
    let mut small = order(3, Side::Sell, limit(5));
    small.amount = OrderAmount::Units(Quantity(2));
    book.insert(small);
    let distance = TrailDistance::Money(Money(4));
    let mut trailing = with_reserve(4, Side::Buy, OrderTerms::Trailing { distance }, 15);
    trailing.progress = BookProgress::Best(Money(11));
    book.insert(trailing);
    let now = Instant::now();
    let mut later = order(5, Side::Buy, limit(10));
    later.since = Some(now);
    book.insert(later.clone());
    let whole: Vec<BookOrder> = book.iter().cloned().collect();
    let reserved = book.reserves().standing(AccountId(1));
    assert_eq!(reserved, Money(10_000_016));

    let third = Ratio::new(1, 3).unwrap();
    let changed = book.split(&symbol(), third, Some(now), (&FREE, Some(Money(33))));
    assert_eq!(changed.ended, [OrderEnding::cancelled(3)]);
    assert_eq!(changed.before.len(), 4);
    let units = OrderAmount::Units(Quantity(333_333));
    let first = book.get(1).unwrap();
    assert_eq!((first.terms, first.amount), (limit(30_000_003), units));
    // 0.333333 x 30.000003 are 9.999991000..., rounded up.
    assert_eq!(first.reserve, Money(9_999_991));
    assert_eq!(book.get(2).unwrap().terms, limit(30_000_003));
    assert_eq!(book.get(3), None);
    assert_eq!(book.get(5), Some(&later));
    let fourth = book.get(4).unwrap();
    assert_eq!(fourth.progress, BookProgress::Best(Money(33)));
    assert_eq!(fourth.reserve, Money(15), "never more than before");
    let double = Ratio::new(2, 1).unwrap();
    let again = book.split(&symbol(), double, Some(now), (&FREE, Some(Money(16))));
    let fourth = book.get(4).unwrap();
    assert_eq!(fourth.progress, BookProgress::Best(Money(16)), "down");
    assert_eq!(book.get(2).unwrap().terms, limit(15_000_002), "up");
    let name = Symbol::parse("NEW").unwrap();
    let renamed = book.rename(&symbol(), name, 9);
    assert_eq!(renamed.before.len(), 4);
    assert_eq!(book.get(5).unwrap().symbol, name);
    let ended = book.end_asset(&name);
    assert_eq!(ended.ended.len(), 4);
    assert!(book.is_empty() && book.reserves().is_empty());
    book.put_back(vec![changed, again, renamed, ended]);
    assert!(book.iter().eq(&whole));
    assert_eq!(book.reserves().standing(AccountId(1)), reserved);
}

#[test]
fn an_ended_asset_cancels_what_waits_for_more_than_a_price() {
    let mut book = OrderBook::new();
    book.insert(order(1, Side::Sell, OrderTerms::Market));
    book.insert(order(2, Side::Sell, limit(5)));
    let ended = book.end_asset(&symbol()).ended;
    assert_eq!(ended, [OrderEnding::no_price(1), OrderEnding::cancelled(2)]);
}

#[test]
fn the_needed_closes_are_the_best_of_each_order() {
    let mut book = OrderBook::new();
    let distance = TrailDistance::Percent(1);
    for (number, side, first) in [(1, Side::Sell, 1), (2, Side::Sell, 4), (3, Side::Buy, 3)] {
        let mut trailing = order(number, side, OrderTerms::Trailing { distance });
        trailing.progress = BookProgress::Best(Money(1));
        trailing.first_update = first;
        book.insert(trailing);
    }
    let closes = [9, 3, 5, 7, 6].into_iter().zip(1..);
    let closes: Vec<TrailClose> = closes
        .map(|(close, number)| TrailClose::new(number, Money(close)))
        .collect();
    let needed = book.needed_closes(&symbol(), &closes);
    assert_eq!(needed.into_iter().collect::<Vec<_>>(), [1, 3, 4]);
    let bests = BestCloses::of(closes.clone());
    let best = |number, accepted| {
        let order = book.get(number).unwrap();
        bests.best_of(order, Money(accepted)).0
    };
    assert_eq!((best(1, 1), best(1, 10)), (9, 10));
    assert_eq!((best(2, 1), best(3, 100), best(3, 2)), (7, 5, 2));
    book.remove(1);
    let needed = book.needed_closes(&symbol(), &closes);
    assert_eq!(needed.into_iter().collect::<Vec<_>>(), [3, 4]);
}

/// How long an account's orders take to come and go, each looked for as acceptance and cancel do.
fn coming_and_going(book: &mut OrderBook, account: AccountId) -> Duration {
    let began = Instant::now();
    for number in 1_000_000..1_002_000 {
        let limit = Money(5 + number % 7);
        let mut order = order(number, Side::Sell, OrderTerms::Limit { limit });
        order.account = account;
        let id = order.id;
        book.insert(order);
        assert_eq!(book.count_of(account), 1);
        assert_eq!(book.of_account(account).count(), 1);
        let promised = book
            .reserves()
            .units_for_sale(account, &symbol(), Quantity(0));
        assert_eq!(promised, Quantity(-1_000_000));
        assert_eq!(book.number_of(account, id), Some(number));
        assert!(book.remove(number).is_some());
    }
    began.elapsed()
}

#[test]
fn an_account_with_all_the_orders_costs_another_one_nothing() {
    const OTHERS: i64 = 100_000;
    let newcomer = AccountId(2);
    let mut full = OrderBook::new();
    for number in 1..=OTHERS {
        let limit = Money(5 + number % 1000);
        full.insert(order(number, Side::Sell, OrderTerms::Limit { limit }));
    }
    assert_eq!(full.count_of(AccountId(1)), 100_000);
    // What looked at all orders would take some hundred times as long: the machine may be busy.
    let is_as_quick = (0..20).any(|_| {
        let alone = coming_and_going(&mut OrderBook::new(), newcomer);
        coming_and_going(&mut full, newcomer) < alone * 10
    });
    assert!(is_as_quick, "orders of another account slow it");
}

/// An order and its entries: in the book's memory, at the fill that B-trees have on average; and at
/// the least fill that they can have.
#[test]
fn an_order_takes_three_hundred_bytes_at_most() {
    let order = size_of::<Option<BookOrder>>();
    // A node of 11 entries, with the pointer to its parent and its length; an inner node for 11.
    let entry = |size: usize, filled: usize| (11 * size + 16) * 10 / (9 * filled);
    let price = size_of::<index::PriceKey>();
    let end = size_of::<(i32, SlotId)>();
    // The lists by number and of the account: a vector may be half empty.
    let lists = size_of::<SlotId>() * 2 * 2;
    // What it promises: an asset's number and a sum of units.
    let promise = size_of::<u32>() + size_of::<i128>();
    let all =
        |filled| order + entry(price, filled) + entry(end, filled) + lists + entry(promise, filled);
    assert!(all(7) <= 300, "{} of which {order} are the order", all(7));
    assert!(all(5) <= 340, "{} at the least fill", all(5));
}

/// Speed and memory of a full book: `cargo test --lib a_million_orders -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn a_million_orders_and_a_bar_of_each_asset() {
    const ASSETS: i64 = 1_000;
    const ORDERS: i64 = 1_000_000;
    let names: Vec<Symbol> = (0..ASSETS)
        .map(|at| Symbol::parse(&format!("A{at}")).unwrap())
        .collect();
    let memory = || -> usize {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    };
    let before = memory();
    let began = Instant::now();
    let mut book = OrderBook::new();
    for number in 1..=ORDERS {
        let mixed = number.wrapping_mul(6_364_136_223_846_793_005) >> 20;
        let side = if mixed % 2 == 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        // Beyond the bar's 90 to 110, but for a hundredth.
        let is_due = mixed % 100 == 7;
        let far = 1_000_000 * (20 + mixed.rem_euclid(60));
        let (below, above) = (Money(far), Money(110_000_000 + far));
        let (limit, stop) = if side == Side::Buy {
            (below, above)
        } else {
            (above, below)
        };
        let distance = TrailDistance::Percent(200_000);
        let terms = match number % 10 {
            _ if is_due => OrderTerms::Limit {
                limit: Money(100_000_000),
            },
            0 => OrderTerms::Trailing { distance },
            1..=3 => OrderTerms::Stop { stop },
            4 => OrderTerms::StopLimit { limit, stop },
            _ => OrderTerms::Limit { limit },
        };
        let mut order = order(number, side, terms);
        if matches!(terms, OrderTerms::Trailing { .. }) {
            order.progress = BookProgress::Best(Money(100_000_000));
        }
        order.symbol = names[usize::try_from(mixed.rem_euclid(ASSETS)).unwrap()];
        order.account = AccountId(number % 10_000);
        order.end = OrderEnd::Gtc(Timestamp(180 * DAY + mixed.rem_euclid(DAY)));
        order.reserve = Money(if side == Side::Buy { 1 } else { 0 });
        book.insert(order);
    }
    let (filling, bytes) = (began.elapsed(), memory() - before);
    let now = update(1, DAY);
    let began = Instant::now();
    let mut due = DueOrders::default();
    for name in &names {
        let prices = [100_000_000, 110_000_000, 90_000_000, 101_000_000];
        book.due(*name, bar(DAY, prices), &now, &mut due);
    }
    sort_fills(&mut due);
    let ended = book.expired(&now, &due).len();
    let finding = began.elapsed();
    book.advance(&due, &now);
    for due in &due.fills {
        book.remove(due.rank.number);
    }
    println!(
        "{ORDERS} orders in {filling:?}, {} bytes each ({} the order itself); {} due and {ended} \
         ended found in {finding:?}, all applied after {:?}",
        i64::try_from(bytes).unwrap() / ORDERS,
        size_of::<BookOrder>(),
        due.fills.len(),
        began.elapsed()
    );
    assert!(bytes <= 300 * usize::try_from(ORDERS).unwrap());
}
