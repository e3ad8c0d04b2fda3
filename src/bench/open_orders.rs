//! spec/bench/open_orders.md · 3.1.7 Assets Buy & Sell
//!
//! Measures a master with a million open orders: an update that fills some of them, beside one that
//! settles as many market orders; its memory; its start, beside a bare read of the rows.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::fill::{Filler, account};
use super::measure::{MeasuredRatio, grouped, median};
use super::table::{Figure, Goal, ResultRow};
use crate::client::book_order::OrderForm;
use crate::client::{Client, ConnectOptions};
use crate::config::FeeSettings;
use crate::master::storage::bulk::{BulkOrder, EvenAccounts, bare_select};
use crate::master::storage::order_details::OrderDetails;
use crate::master::transactions::reserves::purchase_reserve;
use crate::model::money::MILLION;
use crate::model::timestamp::DAY;
use crate::model::{
    Money, OrderAmount, OrderTerms, Quantity, SessionId, Side, Symbol, TimeInForce, Timestamp,
    TrailDistance,
};
use crate::testkit::{Deployment, Market};
use crate::wire::ConnectionState;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// An update with open orders may take this many times as long as one with market orders, in
/// thousandths.
const UPDATE_RATIO_GOAL: u64 = 5000;
/// A start may take this many times as long as a bare read of the rows, in thousandths.
const START_RATIO_GOAL: u64 = 4000;
/// An order beside all of them may take this many times as long as beside none, in thousandths.
const ORDER_RATIO_GOAL: u64 = 1500;
/// Orders that are placed and cancelled for it.
const ORDER_TRIES: usize = 200;
const SHORT_ORDER_TRIES: usize = 4;
/// Orders and cancels of an account a minute.
const PER_MINUTE_MAX: u32 = 100_000;
/// Memory that an open order may take.
const ORDER_GOAL_BYTES: u64 = 300;
/// The time of the watchdog that the master pings, four times in it.
const WATCHDOG_TIME: Duration = Duration::from_secs(6);
/// How often pings and the status are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long an update may take.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(300);
/// Orders of an asset that each update fills.
const FILLED_EACH: u64 = 10;
/// Updates whose bars fill orders.
const UPDATES_MAX: u64 = 20;
/// Days of the market before the first orders.
const DAYS_BEFORE: u64 = 2;
/// The market's first day, 2020-01-01.
const BEGIN: Timestamp = Timestamp(1_577_836_800_000);
/// The close of each asset.
const CLOSE: i64 = 100 * MILLION;
/// How much further each day's bar reaches than the last one's.
const REACH: i64 = MILLION / 10;
/// A prime, so that no two orders of an asset have the same place.
const SCATTER: u64 = 389;
/// Units of each asset that an account of a market order or of an open one has.
const UNITS: Quantity = Quantity(100 * MILLION);
/// What each order is for.
const ORDER_UNITS: Quantity = Quantity(MILLION);

/// How much there is.
#[derive(Debug, Clone, Copy)]
struct BookSize {
    assets: u64,
    accounts: u64,
    /// Assets of an account.
    assets_each: u64,
    /// Open orders of an account in each of its assets.
    orders_each: u64,
}

/// A million open orders, 500 of each account.
const SIZE: BookSize = BookSize {
    assets: 1000,
    accounts: 2000,
    assets_each: 20,
    orders_each: 25,
};
/// The same in a short run: a slow build is to ping its watchdog in time.
const SHORT_SIZE: BookSize = BookSize {
    assets: 100,
    accounts: 200,
    assets_each: 20,
    orders_each: 25,
};

impl BookSize {
    fn orders(self) -> u64 {
        self.accounts * self.assets_each * self.orders_each
    }

    /// Orders that an update settles.
    fn settled(self) -> u64 {
        self.assets * FILLED_EACH
    }

    /// The assets of an account, each with the number of the account among those that have it.
    fn assets_of(self, account: u64) -> impl Iterator<Item = (u64, u64)> {
        let first = (account - 1) * self.assets_each;
        (first..first + self.assets_each).map(move |at| (at % self.assets, at / self.assets))
    }

    /// Where the `at`-th order of an asset is among the asset's orders by price: what one update fills
    /// was given by many accounts at many times, and lies all over the tables.
    fn scattered(self, asset: u64, at: u64) -> u64 {
        (at * SCATTER + asset * 31) % (self.holders() * self.orders_each)
    }

    /// Accounts that have an asset.
    fn holders(self) -> u64 {
        self.accounts * self.assets_each / self.assets
    }

    /// Every account's orders, as accounts would give them: one after the other in turn.
    fn open_orders(self, symbols: &[Symbol]) -> impl Iterator<Item = BulkOrder> {
        let turns = (0..self.orders_each).flat_map(move |turn| {
            let accounts = 1..=self.accounts;
            accounts.flat_map(move |number| {
                let assets = self.assets_of(number);
                assets.map(move |(asset, holder)| {
                    (
                        number,
                        asset,
                        self.scattered(asset, turn * self.holders() + holder),
                    )
                })
            })
        });
        turns.filter_map(|(number, asset, at)| {
            let symbol = symbols.get(usize::try_from(asset).ok()?)?;
            Some(open_order(number, *symbol, at))
        })
    }

    /// Market orders of accounts in turn, as many as an update settles.
    fn market_orders(self, symbols: &[Symbol]) -> impl Iterator<Item = BulkOrder> {
        let orders = (0..self.settled()).map(move |at| {
            let number = at % self.accounts + 1;
            let turn = usize::try_from(at / self.accounts).unwrap_or(0);
            let asset = self
                .assets_of(number)
                .nth(turn)
                .map_or(0, |(asset, _)| asset);
            (at, number, asset)
        });
        orders.filter_map(|(at, number, asset)| {
            let side = if at.is_multiple_of(2) {
                Side::Buy
            } else {
                Side::Sell
            };
            let symbol = *symbols.get(usize::try_from(asset).ok()?)?;
            Some(BulkOrder {
                account: account(number),
                side,
                symbol,
                units: ORDER_UNITS,
                reserve: (side == Side::Buy).then_some(Money(CLOSE)),
                details: None,
            })
        })
    }
}

/// Measures all of it.
///
/// # Errors
/// A server fails, or an update does not settle what it should.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let size = if scale.is_short { SHORT_SIZE } else { SIZE };
    let symbols = symbols(size)?;
    tell("open orders: two deployments, one of market orders …");
    let mut queue = OrderMaster::make(size, &symbols)?;
    let mut book = OrderMaster::make(size, &symbols)?;
    tell(&format!(
        "open orders: writing {} orders …",
        grouped(size.orders())
    ));
    book.fill(|filler| filler.orders(size.open_orders(&symbols)))?;
    // A day of the market is left for orders afterwards.
    let most = usize::try_from(UPDATES_MAX - 1).unwrap_or(usize::MAX);
    let (mut pairs, mut memory) = (Vec::new(), Vec::new());
    let (mut starts, mut bare, mut silence) = (Vec::new(), Vec::new(), Duration::ZERO);
    for turn in 0..scale.alternations.clamp(1, most) {
        tell(&format!("open orders: turn {} …", turn + 1));
        if turn > 0 {
            book.stop();
            queue.stop();
        }
        queue.fill(|filler| filler.orders(size.market_orders(&symbols)))?;
        queue.start()?;
        let theirs = queue.await_settled(size.settled())?;
        let began = Instant::now();
        let read = bare_select(&book.kit.database_path()).map_err(|e| e.to_string())?;
        bare.push(nanos(began.elapsed()));
        if read == 0 {
            return Err("the bare read has found no open order".to_owned());
        }
        starts.push(nanos(book.start()?));
        let (ours, silent) = book.watching(|| book.await_settled(size.settled()))?;
        pairs.push((ours, theirs));
        silence = silence.max(silent);
        let resident = |master: &OrderMaster| master.kit.master().resources().resident;
        let held = resident(&book).saturating_sub(resident(&queue));
        memory.push(held / read.saturating_sub(size.settled()).max(1));
    }
    let mut rows = ratios(scale, size, &pairs, (&starts, &bare));
    rows.push(ResultRow::ours(
        "memory of the master for an open order",
        Figure::Bytes(median(&memory).unwrap_or(0)),
        goal(scale, Goal::AtMost(Figure::Bytes(ORDER_GOAL_BYTES))),
    ));
    tell("open orders: what else takes all of them …");
    rows.push(beside(scale, &book, &queue)?);
    rows.extend(others(scale, &book, size, silence)?);
    Ok(rows)
}

fn goal(scale: &Scale, goal: Goal) -> Option<Goal> {
    (!scale.is_short).then_some(goal)
}

/// The rows of updates and of starts, each beside what it is measured by.
fn ratios(
    scale: &Scale,
    size: BookSize,
    updates: &[(u64, u64)],
    (starts, bare): (&[u64], &[u64]),
) -> Vec<ResultRow> {
    let row = |what: String, pairs: &[(u64, u64)], most: u64| {
        let ratios: Vec<MeasuredRatio> = pairs
            .iter()
            .map(|(ours, theirs)| MeasuredRatio::of(*ours, *theirs))
            .collect();
        let middle = |one: fn(&(u64, u64)) -> u64| {
            let all: Vec<u64> = pairs.iter().map(one).collect();
            Figure::Nanoseconds(median(&all).unwrap_or(0))
        };
        ResultRow {
            what,
            ours: middle(|pair| pair.0),
            theirs: Some(middle(|pair| pair.1)),
            ratio: median(&ratios),
            goal: goal(scale, Goal::RatioAtMost(MeasuredRatio(most))),
        }
    };
    let starts: Vec<(u64, u64)> = starts.iter().copied().zip(bare.iter().copied()).collect();
    let (all, settled) = (grouped(size.orders()), grouped(size.settled()));
    vec![
        row(
            format!(
                "one update fills {settled} of {all} open orders, beside {settled} market orders"
            ),
            updates,
            UPDATE_RATIO_GOAL,
        ),
        row(
            format!("a start with {all} open orders, beside a bare SELECT"),
            &starts,
            START_RATIO_GOAL,
        ),
    ]
}

/// Measures how long orders of an account take that has no others, beside all of the open ones and
/// beside none. Both masters run.
fn beside(scale: &Scale, book: &OrderMaster, queue: &OrderMaster) -> Result<ResultRow, String> {
    let tries = if scale.is_short {
        SHORT_ORDER_TRIES
    } else {
        ORDER_TRIES
    };
    let (mut ours, mut theirs) = (book.newcomer()?, queue.newcomer()?);
    let mut pairs = Vec::new();
    for turn in 0..tries {
        let one = |client: &mut Client| order_and_cancel(client).map(nanos);
        pairs.push(if turn.is_multiple_of(2) {
            let first = one(&mut ours)?;
            (first, one(&mut theirs)?)
        } else {
            let second = one(&mut theirs)?;
            (one(&mut ours)?, second)
        });
    }
    queue.stop_all();
    let ours: Vec<u64> = pairs.iter().map(|pair| pair.0).collect();
    let theirs: Vec<u64> = pairs.iter().map(|pair| pair.1).collect();
    let middle = |times: &[u64]| median(times).unwrap_or(0);
    Ok(ResultRow {
        what: "placing and cancelling an order, beside all of them and beside none".to_owned(),
        ours: Figure::Nanoseconds(middle(&ours)),
        theirs: Some(Figure::Nanoseconds(middle(&theirs))),
        ratio: Some(MeasuredRatio::of(middle(&ours), middle(&theirs))),
        goal: goal(scale, Goal::RatioAtMost(MeasuredRatio(ORDER_RATIO_GOAL))),
    })
}

/// Places an order that no bar reaches, and cancels it; returns how long both took.
fn order_and_cancel(client: &mut Client) -> Result<Duration, String> {
    let order = OrderForm {
        side: Side::Buy,
        symbol: symbol(0)?,
        amount: OrderAmount::Units(ORDER_UNITS),
        terms: OrderTerms::Limit {
            limit: Money(CLOSE / 2),
        },
        time_in_force: TimeInForce::Gtc,
        id: None,
    };
    let began = Instant::now();
    let placed = client.place_order(&order).map_err(|e| e.to_string())?;
    let cancelled = client.cancel_order(placed.id);
    let took = began.elapsed();
    cancelled.map_err(|e| e.to_string())?;
    Ok(took)
}

/// Measures what else takes all orders, or an account's, on a master that runs; it is stopped.
fn others(
    scale: &Scale,
    book: &OrderMaster,
    size: BookSize,
    silence: Duration,
) -> Result<Vec<ResultRow>, String> {
    let backup = book.kit.dir().join("book.db");
    let backup = format!("backup {}", backup.display());
    let ((backed_up, verified), silent) = book.watching(|| {
        let backed_up = book.ctl(&backup)?;
        Ok((backed_up, book.ctl("verify")?))
    })?;
    let asked = book.open_orders(size)?;
    let stopped = book.stop_all();
    let time = |what: &str, time: Duration, most: Option<Duration>| {
        let most = most.map(|most| Goal::AtMost(Figure::Nanoseconds(nanos(most))));
        let most = most.and_then(|most| goal(scale, most));
        ResultRow::ours(what, Figure::Nanoseconds(nanos(time)), most)
    };
    Ok(vec![
        time("its backup", backed_up, None),
        time("its check of the ledger", verified, None),
        time(
            "the longest time between two pings meanwhile",
            silence.max(silent),
            Some(WATCHDOG_TIME),
        ),
        time("getOpenOrders of an account of up to 500", asked, None),
        time("its stop", stopped, None),
    ])
}

/// A master whose accounts trade a market of files, of which each start plays one day.
struct OrderMaster {
    kit: Deployment,
    /// Sessions of the first account, and of one without orders.
    sessions: Vec<SessionId>,
}

impl OrderMaster {
    /// A master whose accounts have units of their assets, and that has run twice, so that what only
    /// a first start does is behind it. It is stopped.
    fn make(size: BookSize, symbols: &[Symbol]) -> Result<OrderMaster, String> {
        let kit = Deployment::builder()
            .in_a_file()
            .update_interval(Duration::from_secs(3600))
            .market(market(symbols))
            .watchdog(WATCHDOG_TIME)
            .set("limits.orders_per_minute_per_account", PER_MINUTE_MAX)
            .set("limits.cancels_per_minute_per_account", PER_MINUTE_MAX)
            .try_make()
            .map_err(|e| e.to_string())?;
        let mut master = OrderMaster {
            kit,
            sessions: Vec::new(),
        };
        let assets_of = |number| -> Vec<Symbol> {
            let assets = size.assets_of(number);
            let symbol = |asset: u64| symbols.get(usize::try_from(asset).ok()?).copied();
            assets.filter_map(|(asset, _)| symbol(asset)).collect()
        };
        let mut sessions = Vec::new();
        master.fill(|filler| {
            filler.holders(size.accounts + 1, assets_of, UNITS)?;
            sessions = filler.sessions(EvenAccounts {
                first: 1,
                accounts: 2,
                step: size.accounts,
            })?;
            Ok(())
        })?;
        master.sessions = sessions.into_iter().map(|filled| filled.session).collect();
        for _ in 0..DAYS_BEFORE {
            master.start()?;
            master.stop();
        }
        Ok(master)
    }

    /// Fills the database while nothing runs.
    fn fill(&mut self, fill: impl FnOnce(&mut Filler) -> Result<(), String>) -> Result<(), String> {
        let mut filler = Filler::open(&self.kit.database_path())?;
        fill(&mut filler)?;
        filler.close()
    }

    /// Starts it; returns how long it took. The first update begins at once.
    fn start(&self) -> Result<Duration, String> {
        self.kit.master().try_start().map_err(|e| e.to_string())
    }

    fn stop(&self) {
        self.kit.master().stop();
    }

    /// Stops the worker, then the master; returns how long the master took.
    fn stop_all(&self) -> Duration {
        self.kit.worker(1).stop();
        self.kit.master().stop().1
    }

    /// Runs a command of papertraderctl; returns how long it took.
    fn ctl(&self, line: &str) -> Result<Duration, String> {
        let began = Instant::now();
        let output = self.kit.ctl(line);
        if output.status.success() {
            return Ok(began.elapsed());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout);
        Err(format!("papertraderctl {line}: {printed}{said}"))
    }

    /// Waits until an update has settled so many orders; returns its time in nanoseconds.
    fn await_settled(&self, count: u64) -> Result<u64, String> {
        let began = Instant::now();
        loop {
            let output = self.kit.ctl("--json status");
            let status: serde_json::Value =
                serde_json::from_slice(&output.stdout).unwrap_or_default();
            let told = |key: &str| status.get(key).and_then(serde_json::Value::as_u64);
            let settled = told("last_settled").unwrap_or(0);
            if settled == count {
                return Ok(told("last_settlement_us").unwrap_or(0) * 1000);
            }
            if settled > 0 || began.elapsed() > UPDATE_TIMEOUT {
                return Err(format!("an update has settled {settled} of {count} orders"));
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// Does something, and returns the longest time between two pings of the watchdog meanwhile.
    fn watching<T>(
        &self,
        work: impl FnOnce() -> Result<T, String>,
    ) -> Result<(T, Duration), String> {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                let master = self.kit.master();
                let (mut pings, mut pinged) = (master.pings(), Instant::now());
                let mut silence = Duration::ZERO;
                while !is_over.load(Ordering::Relaxed) {
                    std::thread::sleep(LOOK_INTERVAL);
                    silence = silence.max(pinged.elapsed());
                    if master.pings() != pings {
                        (pings, pinged) = (master.pings(), Instant::now());
                    }
                }
                silence
            });
            let done = work();
            is_over.store(true, Ordering::Relaxed);
            let silence = looking.join();
            let silence = silence.map_err(|_| "a watching thread panicked".to_owned())?;
            Ok((done?, silence))
        })
    }

    /// Connects with the session of one of the accounts.
    fn client(&self, session: Option<&SessionId>) -> Result<Client, String> {
        let address = self.kit.worker(1).address();
        let client = Client::open(&address, &ConnectOptions::default(), None);
        let mut client = client.map_err(|e| e.to_string())?;
        client.set_session(session.cloned());
        Ok(client)
    }

    /// Starts the worker, and connects with the account that has no orders.
    fn newcomer(&self) -> Result<Client, String> {
        let started = self.kit.worker(1).try_start();
        started.map_err(|e| e.to_string())?;
        let mut client = self.client(self.sessions.last())?;
        let state = ConnectionState::Command;
        client.enter(state).map_err(|e| e.to_string())?;
        Ok(client)
    }

    /// Asks for the open orders of the first account; returns how long the answer took.
    fn open_orders(&self, size: BookSize) -> Result<Duration, String> {
        let mut client = self.client(self.sessions.first())?;
        let state = ConnectionState::Data;
        client.enter(state).map_err(|e| e.to_string())?;
        let began = Instant::now();
        let told = client.open_orders().map_err(|e| e.to_string())?;
        let took = began.elapsed();
        let most = usize::try_from(size.assets_each * size.orders_each).unwrap_or(usize::MAX);
        if told.0.is_empty() || told.0.len() > most {
            return Err(format!("the account has {} open orders", told.0.len()));
        }
        Ok(took)
    }
}

/// The assets.
fn symbols(size: BookSize) -> Result<Vec<Symbol>, String> {
    (0..size.assets).map(symbol).collect()
}

fn symbol(number: u64) -> Result<Symbol, String> {
    Symbol::parse(&format!("B{number:04}")).map_err(|e| e.to_string())
}

/// A market whose bars reach further each day, and whose closes rise, so that trailing orders
/// follow each.
fn market(symbols: &[Symbol]) -> Market {
    let mut rows = String::new();
    for number in 0..=DAYS_BEFORE + UPDATES_MAX {
        let (low, high) = reach(number);
        let close = Money(CLOSE + i64::try_from(number).unwrap_or(0) * 1000);
        let date = day(number).date();
        // Writing to a String cannot fail.
        let _ = writeln!(rows, "{date},{close},{high},{low},{close},1000");
    }
    let file = |symbol: &Symbol| (symbol.as_str().to_owned(), rows.clone());
    Market::Files {
        start: BEGIN.date().to_string(),
        files: symbols.iter().map(file).collect(),
    }
}

fn day(number: u64) -> Timestamp {
    BEGIN.plus_days(i64::try_from(number).unwrap_or(0))
}

/// The lowest and the highest price of a day.
fn reach(number: u64) -> (Money, Money) {
    let off = MILLION + i64::try_from(number).unwrap_or(0) * REACH;
    (Money(CLOSE - off), Money(CLOSE + off))
}

/// The order of an account that is the `at`-th of its asset. The first ones fill, some with each
/// update; the others are of all kinds, and no bar reaches them.
fn open_order(number: u64, symbol: Symbol, at: u64) -> BulkOrder {
    let update = at / FILLED_EACH;
    let (side, terms) = if update < UPDATES_MAX {
        let (low, high) = reach(DAYS_BEFORE + update);
        let (low, high) = (Money(low.0 + REACH / 2), Money(high.0 - REACH / 2));
        match at % FILLED_EACH {
            0..3 => (Side::Buy, OrderTerms::Limit { limit: low }),
            3..6 => (Side::Sell, OrderTerms::Limit { limit: high }),
            6..8 => (Side::Buy, OrderTerms::Stop { stop: high }),
            _ => (Side::Sell, OrderTerms::Stop { stop: low }),
        }
    } else {
        standing(at)
    };
    let reserve = match (terms.limit(), terms.stop()) {
        (Some(price), _) | (None, Some(price)) => price,
        (None, None) => Money(CLOSE * 2),
    };
    let is_trailing = matches!(terms, OrderTerms::Trailing { .. });
    let fees = FeeSettings::default();
    let amount = OrderAmount::Units(ORDER_UNITS);
    BulkOrder {
        account: account(number),
        side,
        symbol,
        units: ORDER_UNITS,
        reserve: (side == Side::Buy)
            .then(|| purchase_reserve(&fees, terms.kind(), amount, reserve))
            .flatten(),
        details: Some(OrderDetails {
            terms,
            cash: None,
            time_in_force: TimeInForce::Gtc,
            until: Some(Timestamp(BEGIN.0 + 180 * DAY)),
            best: is_trailing.then_some(Money(CLOSE)),
            triggered: None,
            asked: None,
            replaces: None,
        }),
    }
}

/// An order of any kind that no bar of the market reaches; each eighth trails, which makes a tenth of
/// all orders.
fn standing(at: u64) -> (Side, OrderTerms) {
    // Prices of an asset's orders differ.
    let off = Money(CLOSE / 4 + i64::try_from(at).unwrap_or(0) * 10_000);
    let (below, above) = (Money(CLOSE - off.0), Money(CLOSE + off.0));
    let distance = |distance| OrderTerms::Trailing { distance };
    match at % 16 {
        0 => (Side::Sell, distance(TrailDistance::Percent(500_000))),
        8 => (Side::Buy, distance(TrailDistance::Money(off))),
        1..4 => (Side::Buy, OrderTerms::Limit { limit: below }),
        4..7 => (Side::Sell, OrderTerms::Limit { limit: above }),
        7 | 9 => (Side::Buy, OrderTerms::Stop { stop: above }),
        10..12 => (Side::Sell, OrderTerms::Stop { stop: below }),
        12..14 => (
            Side::Buy,
            OrderTerms::StopLimit {
                limit: above,
                stop: above,
            },
        ),
        _ => (
            Side::Sell,
            OrderTerms::StopLimit {
                limit: below,
                stop: below,
            },
        ),
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_update_reaches_the_orders_of_its_turn_alone() {
        let symbol = Symbol::parse("B0000").unwrap();
        for at in 0..1000 {
            let order = open_order(1, symbol, at);
            let terms = order.details.unwrap().terms;
            let reached = (0..=DAYS_BEFORE + UPDATES_MAX).find(|day| {
                let (low, high) = reach(*day);
                let falls = |price| low <= price;
                let rises = |price| high >= price;
                match (terms, order.side) {
                    (OrderTerms::Limit { limit }, Side::Buy) => falls(limit),
                    (OrderTerms::Limit { limit }, _) => rises(limit),
                    (OrderTerms::Stop { stop } | OrderTerms::StopLimit { stop, .. }, Side::Buy) => {
                        rises(stop)
                    }
                    (OrderTerms::Stop { stop } | OrderTerms::StopLimit { stop, .. }, _) => {
                        falls(stop)
                    }
                    (OrderTerms::Trailing { .. } | OrderTerms::Market, _) => false,
                }
            });
            let turn = at / FILLED_EACH;
            let expected = (turn < UPDATES_MAX).then_some(DAYS_BEFORE + turn);
            assert_eq!(reached, expected, "{at}: {terms:?}");
        }
    }

    #[test]
    fn a_million_orders_are_500_of_each_account_and_a_tenth_trails() {
        let symbols = symbols(SIZE).unwrap();
        let (mut count, mut trailing, mut own) = (0, 0, 0);
        let mut first = Vec::new();
        for order in SIZE.open_orders(&symbols) {
            let limit = order.details.as_ref().and_then(|it| it.terms.limit());
            if order.symbol == symbols[0] && limit == Some(Money(reach(2).0.0 + REACH / 2)) {
                first.push(count);
            }
            count += 1;
            own += u64::from(order.account == account(77));
            let terms = order.details.unwrap().terms;
            trailing += u64::from(matches!(terms, OrderTerms::Trailing { .. }));
        }
        assert_eq!((count, trailing, own), (1_000_000, 100_000, 500));
        assert_eq!(first.len(), 3);
        let apart = |pair: &[i32]| pair[1] - pair[0] > 10_000;
        assert!(first.windows(2).all(apart), "{first:?}");
        assert_eq!(SIZE.market_orders(&symbols).count(), 10_000);
    }
}
