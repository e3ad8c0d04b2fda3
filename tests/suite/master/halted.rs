//! spec/master/assets/hold.md: prices that are far from the one before, from files and from
//! exchanges, over kills and restarts, and the orders that wait meanwhile.

use super::assets::{Running, at, settings, symbol};
use super::markets;
use crossbeam_channel::bounded;
use papertrader::client::{Answer, ServerMessage};
use papertrader::config::{
    AlpacaSettings, AssetSettings, BinanceSettings, HoldReview, ProviderKind, ReplayEnd,
    ReplaySettings, SymbolSelection,
};
use papertrader::master::assets::AssetsConfig;
use papertrader::master::assets::hold::{HeldPrice, PriceReview};
use papertrader::master::messages::{MarketRequest, ReviewRequest, Update};
use papertrader::model::{Money, Side, Symbol, Timestamp, TransactionStatus};
use papertrader::testkit::mock_exchange::{ExchangeReply, ExchangeRequest, MockExchange};
use papertrader::testkit::trader::{history, order, portfolio};
use papertrader::testkit::{Deployment, Market, TEST_TIMEOUT, eventually, until};
use papertrader::wire::{ConnectionState, Reply, Window};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MILLION: i64 = 1_000_000;

/// A market of files whose replay makes one step at each start: a restart lies between any two.
struct Steps {
    dir: tempfile::TempDir,
    config: AssetsConfig,
}

impl Steps {
    /// Assets, each with its closes of the days from 2020-01-01 on; 0 where it has none.
    fn new(assets: &[(&str, &[i64])], start: &str) -> Steps {
        let dir = tempfile::tempdir().unwrap();
        let market = dir.path().join("market");
        std::fs::create_dir(&market).unwrap();
        for (name, closes) in assets {
            let mut text = "Date,Open,High,Low,Close,Volume\n".to_owned();
            for (day, close) in (1..).zip(*closes).filter(|(_, close)| **close > 0) {
                text += &format!("2020-01-{day:02},{close},{close},{close},{close},7\n");
            }
            std::fs::write(market.join(format!("{name}.csv")), text).unwrap();
        }
        let assets = AssetSettings {
            replay: Some(ReplaySettings {
                directory: market,
                start: at(start),
                at_end: ReplayEnd::Stop,
            }),
            ..settings(&[ProviderKind::Replay])
        };
        let config = AssetsConfig {
            assets,
            update_interval: Duration::from_secs(3600),
            extra_roots: None,
            kept_bars: None,
        };
        Steps { dir, config }
    }

    fn market(&self) -> PathBuf {
        self.dir.path().join("market")
    }

    /// Starts again, and takes one step.
    fn start(&self) -> (Running, Update) {
        let database = self.dir.path().join("master.db");
        let running = Running::start(self.config.clone(), &database).unwrap();
        let update = running.update();
        (running, update)
    }

    fn step(&self) -> Update {
        self.start().1
    }

    /// So many steps; the last of them.
    fn steps(&self, count: usize) -> Update {
        (1..count).for_each(|_| drop(self.step()));
        self.step()
    }
}

/// Price in force, in whole units, whether it is new, and how many prices were held.
fn told(update: &Update, name: &str) -> (i64, bool, u32) {
    let name = symbol(name);
    let entry = *update.snapshot.entry(&name).unwrap();
    let held = update.snapshot.held().get(&name);
    assert_eq!(entry.halted, held.is_some());
    let value = entry.quote.unwrap().value.0;
    assert_eq!(value % MILLION, 0);
    (
        value / MILLION,
        entry.fresh,
        held.map_or(0, |held| held.seen),
    )
}

/// The closes of January, day by day.
fn closes(running: &Running, name: &str) -> Vec<i64> {
    let window = Window::Month(at("2020-01-31"));
    let bars = running.ask(symbol(name), window, false).unwrap();
    bars.iter().map(|bar| bar.close.0 / MILLION).collect()
}

fn review(running: &Running, name: &str, review: PriceReview) -> Result<HeldPrice, String> {
    let (reply, answer) = bounded(1);
    let request = ReviewRequest {
        symbol: symbol(name),
        review,
        reply,
    };
    let request = MarketRequest::Review(request);
    running.handle.requests().send(request).unwrap();
    answer.recv_timeout(TEST_TIMEOUT).unwrap()
}

#[test]
fn a_price_of_another_unit_never_comes_into_force_and_no_other_asset_minds() {
    let steps = Steps::new(
        &[
            ("PENCE", &[8450, 8450, 84, 84, 8400, 8450]),
            ("EVER", &[10, 11, 12, 13, 14, 15]),
        ],
        "2020-01-02",
    );
    let seen: Vec<_> = (0..5).map(|_| steps.step()).collect();
    let pence: Vec<_> = seen.iter().map(|update| told(update, "PENCE")).collect();
    assert_eq!(
        pence,
        [
            (8450, true, 0),
            (8450, false, 1),
            (8450, false, 2),
            (8400, true, 0),
            (8450, true, 0)
        ]
    );
    let ever: Vec<_> = seen.iter().map(|update| told(update, "EVER")).collect();
    assert_eq!(ever, [11, 12, 13, 14, 15].map(|price| (price, true, 0)));
    let (running, update) = steps.start();
    assert!(update.snapshot.exhausted);
    assert_eq!(closes(&running, "PENCE"), [8450, 8450, 8400, 8450]);
}

#[test]
fn a_fall_that_lasts_is_believed_with_the_third_further_price() {
    let steps = Steps::new(&[("FELL", &[100, 100, 10, 11, 9, 10, 12])], "2020-01-02");
    assert_eq!(told(&steps.step(), "FELL"), (100, true, 0));
    for seen in 1..=3 {
        let (running, update) = steps.start();
        assert_eq!(told(&update, "FELL"), (100, false, seen));
        assert_eq!(closes(&running, "FELL"), [100, 100], "no chart has it");
    }
    assert_eq!(told(&steps.step(), "FELL"), (10, true, 0));
    let (running, update) = steps.start();
    assert_eq!(told(&update, "FELL"), (12, true, 0));
    assert_eq!(closes(&running, "FELL"), [100, 100, 10, 12]);
}

#[test]
fn the_first_price_of_all_is_believed_and_that_of_a_replay_is_held_against_the_past() {
    let steps = Steps::new(
        &[
            ("NEW", &[0, 0, 3, 3]),
            ("OLD", &[100, 0, 1000, 1000]),
            // After weeks without a price.
            ("QUIET", &{
                let mut closes = [0; 30];
                (closes[0], closes[2], closes[29]) = (50, 50, 1);
                closes
            }),
        ],
        "2020-01-03",
    );
    let first = steps.step();
    assert_eq!(told(&first, "NEW"), (3, true, 0));
    assert_eq!(told(&first, "OLD"), (100, false, 1));
    let last = steps.steps(2);
    assert!(last.snapshot.exhausted);
    assert_eq!(told(&last, "QUIET"), (50, false, 1));
    assert_eq!(last.snapshot.market_now, at("2020-01-30"));
}

#[test]
fn a_split_explains_a_price_also_where_it_comes_late() {
    let steps = Steps::new(
        &[
            ("TOLD", &[1000, 1000, 50, 50, 51]),
            ("LATE", &[1000, 1000, 50, 0, 51]),
            ("EVER", &[1, 1, 1, 1, 1]),
        ],
        "2020-01-02",
    );
    let actions = |rows: &str| {
        let text = format!("Date,Symbol,Action,Value\n{rows}");
        std::fs::write(steps.market().join("actions.csv"), text).unwrap();
    };
    actions("2020-01-03,TOLD,split,20\n");
    steps.step();
    let update = steps.step();
    assert_eq!(told(&update, "TOLD"), (50, true, 0));
    assert_eq!(told(&update, "LATE"), (1000, false, 1));
    actions("2020-01-03,TOLD,split,20\n2020-01-03,LATE,split,20\n");
    // It has no price of its own in this step.
    assert_eq!(told(&steps.step(), "LATE"), (50, true, 0));
    let (running, update) = steps.start();
    assert_eq!(told(&update, "LATE"), (51, true, 0));
    assert_eq!(closes(&running, "LATE"), [1000, 1000, 50, 51]);
}

#[test]
fn a_held_price_from_before_an_action_waits_for_the_next_price() {
    let steps = Steps::new(
        &[("UP", &[10, 100, 0, 51, 50]), ("EVER", &[1, 1, 1, 1, 1])],
        "2020-01-01",
    );
    let actions = "Date,Symbol,Action,Value\n2020-01-03,UP,split,2\n";
    std::fs::write(steps.market().join("actions.csv"), actions).unwrap();
    steps.step();
    let (running, update) = steps.start();
    assert_eq!(told(&update, "UP"), (10, false, 1));
    review(&running, "UP", PriceReview::Accepted).unwrap();
    running.stop();
    // A fill at the price of the 2nd would count as one of before the split.
    assert_eq!(told(&steps.step(), "UP"), (5, false, 1));
    assert_eq!(told(&steps.step(), "UP"), (51, true, 0));
}

#[test]
fn the_hold_of_an_asset_that_ends_ends_with_it() {
    for row in ["UP,delist,3", "UP,merge,EVER 1 0", "UP,rename,EVER"] {
        let steps = Steps::new(
            &[("UP", &[10, 100]), ("EVER", &[1, 1, 1, 1, 1])],
            "2020-01-01",
        );
        let actions = format!("Date,Symbol,Action,Value\n2020-01-03,{row}\n");
        std::fs::write(steps.market().join("actions.csv"), actions).unwrap();
        assert_eq!(told(&steps.steps(2), "UP"), (10, false, 1), "{row}");
        assert_eq!(told(&steps.step(), "UP"), (10, false, 0), "{row}");
        assert_eq!(told(&steps.step(), "UP"), (10, false, 0), "{row}");
    }
}

#[test]
fn an_asset_that_has_ended_has_no_price_in_a_market_that_goes_on_as_a_simulated_one() {
    let mut steps = Steps::new(
        &[("GONE", &[10, 11]), ("EVER", &[10, 10, 10])],
        "2020-01-01",
    );
    let actions = "Date,Symbol,Action,Value\n2020-01-03,GONE,delist,3\n";
    std::fs::write(steps.market().join("actions.csv"), actions).unwrap();
    let replay = steps.config.assets.replay.as_mut().unwrap();
    replay.at_end = ReplayEnd::Simulate;
    steps.steps(3);
    for _ in 0..2 {
        let update = steps.step();
        let fresh = |name| update.snapshot.entry(&symbol(name)).unwrap().fresh;
        assert!(fresh("EVER") && !fresh("GONE"));
    }
}

#[test]
fn a_new_name_has_the_last_price_of_the_old_one_also_where_this_one_is_unlisted() {
    let mut steps = Steps::new(
        &[
            ("OLD", &[10, 11]),
            ("NEW", &[0, 0, 0, 0, 0, 5]),
            ("EVER", &[1, 1, 1, 1, 1]),
        ],
        "2020-01-01",
    );
    let actions = "Date,Symbol,Action,Value\n2020-01-03,OLD,rename,NEW\n";
    std::fs::write(steps.market().join("actions.csv"), actions).unwrap();
    assert_eq!(told(&steps.steps(3), "NEW"), (11, false, 0));
    let names = ["EVER", "NEW"].map(symbol);
    steps.config.assets.symbols = SymbolSelection::Listed(names.into());
    assert_eq!(told(&steps.step(), "NEW"), (11, false, 0));
}

#[test]
fn a_manual_review_decides_alone_and_outlives_a_restart() {
    let mut steps = Steps::new(
        &[
            ("UP", &[10, 100, 100, 100, 100, 100, 100, 110]),
            ("GONE", &[10, 100]),
            ("EVER", &[1; 8]),
        ],
        "2020-01-01",
    );
    steps.config.assets.review = HoldReview::Manual;
    let (running, update) = {
        steps.steps(5);
        steps.start()
    };
    assert_eq!(told(&update, "UP"), (10, false, 5));
    let unknown = review(&running, "NONE", PriceReview::Accepted);
    assert!(unknown.unwrap_err().contains("not on the list"));
    let good = review(&running, "EVER", PriceReview::Accepted);
    assert!(good.unwrap_err().contains("no price of EVER is held"));
    for name in ["UP", "GONE"] {
        let held = review(&running, name, PriceReview::Accepted).unwrap();
        assert_eq!(held.bar.close, Money(100 * MILLION));
        assert_eq!(held.since, at("2020-01-02"));
    }
    running.stop();
    let (running, update) = steps.start();
    assert_eq!(told(&update, "UP"), (100, true, 0));
    assert_eq!(told(&update, "GONE"), (100, true, 0), "the held one itself");
    assert_eq!(closes(&running, "GONE"), [10, 100]);
    running.stop();
    assert_eq!(told(&steps.step(), "UP"), (110, true, 0));
}

#[test]
fn what_an_administrator_refuses_waits_until_the_price_is_back() {
    let steps = Steps::new(
        &[("UP", &[10, 100, 100, 100, 100, 100, 100, 11, 12])],
        "2020-01-01",
    );
    steps.step();
    let (running, update) = steps.start();
    assert_eq!(told(&update, "UP"), (10, false, 1));
    review(&running, "UP", PriceReview::Refused).unwrap();
    running.stop();
    for seen in 2..=6 {
        assert_eq!(told(&steps.step(), "UP"), (10, false, seen));
    }
    assert_eq!(told(&steps.step(), "UP"), (11, true, 0));
}

#[test]
fn a_simulated_market_ends_a_hold_and_begins_none() {
    let steps = Steps::new(&[("UP", &[10, 10, 100])], "2020-01-01");
    let stopped = steps.steps(3);
    assert_eq!(told(&stopped, "UP"), (10, false, 1));
    let (running, update) = steps.start();
    assert!(update.snapshot.exhausted);
    let ended = review(&running, "UP", PriceReview::Accepted);
    assert!(ended.unwrap_err().contains("the market has ended"));
    running.stop();

    let mut again = Steps::new(&[("UP", &[10, 10, 100])], "2020-01-01");
    again.config.assets.max_jump = 2;
    let replay = again.config.assets.replay.as_mut().unwrap();
    replay.at_end = ReplayEnd::Simulate;
    again.steps(3);
    again.config.update_interval = Duration::from_millis(20);
    let (running, mut update) = again.start();
    while update.number < 40 {
        assert!(
            update.snapshot.held().is_empty(),
            "update {}",
            update.number
        );
        let value = update.snapshot.entry(&symbol("UP")).unwrap().quote.unwrap();
        assert!(
            (4 * MILLION..30 * MILLION).contains(&value.value.0),
            "{value:?}"
        );
        update = running.update();
    }
}

/// An exchange whose latest trade a test makes.
#[derive(Clone)]
pub struct Trades(Arc<Mutex<(Timestamp, String)>>);

impl Trades {
    pub fn new(price: &str) -> Trades {
        Trades(Arc::new(Mutex::new((Timestamp::now(), price.to_owned()))))
    }

    /// Another trade, later than the one before.
    pub fn trade(&self, price: &str) {
        let mut last = self.0.lock();
        let time = Timestamp::now().max(Timestamp(last.0.0 + 1));
        *last = (time, price.to_owned());
    }

    /// Binance, with this trade in BTCUSDT.
    pub fn binance(&self, asked: &ExchangeRequest) -> ExchangeReply {
        if asked.path != "/api/v3/ticker/24hr" {
            return markets::binance(asked);
        }
        let (time, price) = self.0.lock().clone();
        ExchangeReply::json(format!(
            r#"[{{"symbol":"BTCUSDT","lastPrice":"{price}","lastQty":"2","openTime":1,"closeTime":{},"firstId":1,"lastId":{},"count":7}}]"#,
            // That of the answer, not of the trade.
            Timestamp::now().0,
            time.0
        ))
    }

    /// Alpaca, with this trade in AAPL.
    fn alpaca(&self, asked: &ExchangeRequest) -> ExchangeReply {
        if asked.path != "/v2/stocks/snapshots" {
            return markets::alpaca(asked);
        }
        let (time, price) = self.0.lock().clone();
        ExchangeReply::json(format!(
            r#"{{"AAPL":{{"latestTrade":{{"t":"{time}","p":{price}}}}}}}"#
        ))
    }
}

pub fn real(assets: AssetSettings, name: &str) -> AssetsConfig {
    AssetsConfig {
        assets: AssetSettings {
            symbols: papertrader::config::SymbolSelection::Listed([symbol(name)].into()),
            stale_after: 1000,
            calls_per_minute: 100_000,
            calls_per_day: 1_000_000,
            ..assets
        },
        update_interval: Duration::from_millis(100),
        extra_roots: None,
        kept_bars: None,
    }
}

/// The first update of which this is told.
fn update_told(running: &Running, name: &str, wanted: (i64, u32)) -> Update {
    let deadline = Instant::now() + TEST_TIMEOUT;
    loop {
        let update = running.update();
        let (price, _, seen) = told(&update, name);
        if (price, seen) == wanted {
            return update;
        }
        assert!(
            Instant::now() < deadline,
            "{wanted:?}, and it is {price}, {seen}"
        );
    }
}

fn a_jump_at_an_exchange(trades: &Trades, config: AssetsConfig, database: &Path, name: &str) {
    let running = Running::start(config.clone(), database).unwrap();
    update_told(&running, name, (100, 0));
    trades.trade("1000");
    let held = update_told(&running, name, (100, 1));
    assert!(held.snapshot.entry(&symbol(name)).unwrap().halted);
    // The same trade again is no further price.
    for _ in 0..5 {
        assert_eq!(told(&running.update(), name), (100, false, 1));
    }
    trades.trade("1050");
    update_told(&running, name, (100, 2));
    running.stop();
    let running = Running::start(config, database).unwrap();
    for _ in 0..3 {
        assert_eq!(told(&running.update(), name), (100, false, 2));
    }
    trades.trade("950");
    update_told(&running, name, (100, 3));
    trades.trade("1001");
    let believed = update_told(&running, name, (1001, 0));
    assert!(believed.snapshot.entry(&symbol(name)).unwrap().fresh);
    trades.trade("100");
    update_told(&running, name, (1001, 1));
    trades.trade("1002");
    let back = update_told(&running, name, (1002, 0));
    let day = Window::Day(back.snapshot.market_now);
    let bars = running.ask(symbol(name), day, false).unwrap();
    let closes: Vec<_> = bars.iter().map(|bar| bar.close.0 / MILLION).collect();
    assert_eq!(closes, [100, 1001, 1002]);
    trades.trade("5");
    update_told(&running, name, (1002, 1));
    review(&running, name, PriceReview::Accepted).unwrap();
    update_told(&running, name, (5, 0));
}

#[test]
fn a_jump_at_binance_is_held_until_three_further_trades_agree() {
    let dir = tempfile::tempdir().unwrap();
    let trades = Trades::new("100");
    let asked = trades.clone();
    let server = MockExchange::start(move |request| asked.binance(request));
    let settings = AssetSettings {
        binance: Some(BinanceSettings {
            url: server.url("127.0.0.1"),
            quote: "USDT".into(),
        }),
        ..settings(&[ProviderKind::Binance])
    };
    let database = dir.path().join("b.db");
    a_jump_at_an_exchange(&trades, real(settings, "BTCUSDT"), &database, "BTCUSDT");
}

#[test]
fn a_price_of_binance_survives_an_update_that_cannot_be_stored() {
    let dir = tempfile::tempdir().unwrap();
    let trades = Trades::new("100");
    let (exchange, calls) = (trades.clone(), Arc::new(Mutex::new(0_u32)));
    let counted = Arc::clone(&calls);
    let server = MockExchange::start(move |request| {
        *counted.lock() += u32::from(request.path == "/api/v3/ticker/24hr");
        exchange.binance(request)
    });
    let settings = AssetSettings {
        binance: Some(BinanceSettings {
            url: server.url("127.0.0.1"),
            quote: "USDT".into(),
        }),
        ..settings(&[ProviderKind::Binance])
    };
    let database = dir.path().join("b.db");
    let running = Running::start(real(settings, "BTCUSDT"), &database).unwrap();
    update_told(&running, "BTCUSDT", (100, 0));
    let sql = rusqlite::Connection::open(&database).unwrap();
    sql.busy_timeout(TEST_TIMEOUT).unwrap();
    sql.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON bars_hot BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    trades.trade("101");
    // The call in progress may have begun before the trade; the next one's price is not stored, and
    // the one after that asks again.
    let begin = *calls.lock();
    until("three more calls", || *calls.lock() >= begin + 3);
    assert_eq!(
        running
            .handle
            .prices()
            .entry(&symbol("BTCUSDT"))
            .unwrap()
            .quote
            .unwrap()
            .value
            .0,
        100 * MILLION
    );
    sql.execute_batch("DROP TRIGGER full").unwrap();
    update_told(&running, "BTCUSDT", (101, 0));
    running.stop();
}

#[test]
fn a_jump_at_alpaca_is_held_until_three_further_trades_agree() {
    let dir = tempfile::tempdir().unwrap();
    let trades = Trades::new("100");
    let asked = trades.clone();
    let server = MockExchange::start(move |request| asked.alpaca(request));
    let url = server.url("127.0.0.1");
    let settings = AssetSettings {
        alpaca: Some(AlpacaSettings {
            assets_url: url.clone(),
            url,
            credentials: markets::key(dir.path()),
            feed: "iex".into(),
            history_feed: "sip".into(),
        }),
        ..settings(&[ProviderKind::Alpaca])
    };
    let database = dir.path().join("a.db");
    a_jump_at_an_exchange(&trades, real(settings, "AAPL"), &database, "AAPL");
}

#[test]
fn past_days_from_a_hold_on_are_not_fetched_while_it_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let trades = Trades::new("100");
    let asked = trades.clone();
    let server = MockExchange::start(move |request| asked.binance(request));
    let settings = AssetSettings {
        binance: Some(BinanceSettings {
            url: server.url("127.0.0.1"),
            quote: "USDT".into(),
        }),
        ..settings(&[ProviderKind::Binance])
    };
    let (config, database) = (real(settings, "BTCUSDT"), dir.path().join("b.db"));
    let name = symbol("BTCUSDT");
    let days = |running: &Running| {
        until("the past is there", || {
            markets::status(running).unfilled == 0
        });
        let window = Window::Month(running.handle.prices().market_now.day());
        let bars = running.ask(name, window, false).unwrap();
        bars.iter().map(|bar| bar.time).collect::<Vec<_>>()
    };
    let running = Running::start(config.clone(), &database).unwrap();
    update_told(&running, "BTCUSDT", (100, 0));
    let all = days(&running);
    running.stop();
    // A hold of ten days, as if the past had never been fetched.
    let today = Timestamp::now().day();
    let since = today.plus_days(-10);
    let sql = rusqlite::Connection::open(&database).unwrap();
    sql.execute_batch(&format!(
        "DELETE FROM bars_daily; DELETE FROM bars_monthly; UPDATE assets SET filled_to = NULL;
         INSERT INTO held_prices VALUES (1, {}, 9, 9, 9, 9, 1, 9, {}, {}, 1, 0, 0)",
        since.0, since.0, since.0
    ))
    .unwrap();
    let running = Running::start(config, &database).unwrap();
    let until_hold = days(&running);
    let wanted: Vec<_> = all.iter().filter(|day| **day < since).collect();
    let fetched: Vec<_> = until_hold.iter().filter(|day| **day < today).collect();
    assert_eq!(fetched, wanted);
    assert!(wanted.len() > 5, "{all:?}");
}

/// Waits for `count` more updates of a running master.
fn updates(deployment: &Deployment, count: u64) {
    let number = || deployment.json("status")["update"].as_u64().unwrap();
    let begin = number();
    until("more updates", || number() >= begin + count);
}

/// Sends an order, and takes the notice that it is queued.
fn queue(client: &mut papertrader::client::Client, side: Side, name: &str, id: &str) {
    client.enter(ConnectionState::Command).unwrap();
    let request = order(client, side, name, "2", Some(id));
    client.connection().send(&request).unwrap();
    let answer = client.connection().recv().unwrap();
    assert!(matches!(answer, ServerMessage::Notice(_)), "{answer:?}");
}

#[test]
fn an_order_waits_over_a_kill_until_an_administrator_accepts_its_price() {
    let rows: String = (0..3000_i64)
        .map(|number| {
            let day = at("2000-01-01").plus_days(number).date();
            let price = if number < 20 { 100 } else { 10 };
            format!("{day},{price},{price},{price},{price},1\n")
        })
        .collect();
    let deployment = Deployment::builder()
        .market(Market::files("2000-01-01", &[("FELL", &rows)]))
        .set("assets.review", "manual")
        .start();
    let mut alice = deployment.trader(1, "alice");
    let session = alice.session().unwrap().clone();
    assert_eq!(deployment.done("market review").trim(), "no price is held");
    let refused = deployment.refused("market review FELL accept");
    assert!(refused.contains("no price of FELL is held"), "{refused}");
    let refused = deployment.refused("market review NONE refuse");
    assert!(refused.contains("NONE is not on the list"), "{refused}");
    let held = eventually("the price is held", || {
        deployment.json("market review")["held"].get(0).cloned()
    });
    assert_eq!(held["symbol"], "FELL");
    assert_eq!(
        (&held["old_price"], &held["new_price"]),
        (&"100".into(), &"10".into())
    );
    assert_eq!(held["review"], "pending");
    assert_eq!(held["since"], "2000-01-21T00:00:00.000Z");

    queue(&mut alice, Side::Buy, "FELL", "first");
    updates(&deployment, 3);
    let mut watch = deployment.connect(1);
    watch.resume(&session).unwrap();
    let quote = watch.quote(Symbol::parse("FELL").unwrap()).unwrap();
    assert_eq!(
        quote.value,
        Money(100 * MILLION),
        "the old price, and its time"
    );
    assert_eq!(quote.time, at("2000-01-20"));
    let queued = history(&mut watch, "alice");
    assert_eq!(queued[0].status, TransactionStatus::Queued);
    let status = deployment.json("status");
    assert_eq!(status["assets"]["held"][0], "FELL");
    assert_eq!(
        (&status["queue_depth"], &status["open_orders"]),
        (&0.into(), &1.into()),
        "it waits for a price"
    );
    let text = deployment.done("status");
    assert!(
        text.contains("warning: the price of FELL is held: 10 after 100"),
        "{text}"
    );

    deployment.master().kill();
    deployment.master().start();
    deployment.await_state("worker-1", "connected");
    let seen = |list: &serde_json::Value| list["held"][0]["seen"].as_u64();
    let list = deployment.json("market review");
    assert!(seen(&list) > Some(3), "{list}");
    let table = deployment.done("market review");
    assert!(
        table.contains("FELL") && table.contains("pending"),
        "{table}"
    );
    let text = deployment.done("market review FELL refuse");
    assert!(text.contains("FELL: 10 is refused; 100 stays"), "{text}");
    updates(&deployment, 5);
    assert_eq!(
        deployment.json("market review")["held"][0]["review"],
        "refused"
    );
    let accepted = deployment.json("market review FELL accept");
    assert_eq!(accepted["review"], "accepted");

    let mut again = deployment.connect(1);
    again.resume(&session).unwrap();
    let settled = eventually("the order settles", || {
        let entries = history(&mut again, "alice");
        (entries[0].status != TransactionStatus::Queued).then_some(entries)
    });
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].status, TransactionStatus::Settled);
    let detail = settled[0].detail.as_ref().unwrap();
    assert_eq!(detail.price, Money(10 * MILLION));
    // The same order again is the same trade.
    again.enter(ConnectionState::Command).unwrap();
    let repeat = order(&again, Side::Buy, "FELL", "2", Some("first"));
    match again.connection().call(&repeat).unwrap() {
        Answer::Message(Reply::Filled(fill)) => assert_eq!(fill.id, settled[0].id),
        other => panic!("{other:?}"),
    }
    let (cash, _) = portfolio(&mut again, "alice");
    assert_eq!(cash, Money((100_000 - 20) * MILLION));
    let user = rustix::process::geteuid().as_raw();
    deployment.done("log flush");
    let log = deployment.log();
    assert!(log.contains("prices of 1 assets are held"), "{log}");
    for line in [
        "audit: market review verdict=refuse symbol=FELL price=10 ",
        "audit: market review verdict=accept symbol=FELL price=10 ",
    ] {
        let found = log.lines().find(|text| text.contains(line));
        assert!(found.unwrap().contains(&format!("{user}")), "{log}");
    }
    deployment.done("verify");
}

/// The price at which the order that was sent is filled.
fn filled(client: &mut papertrader::client::Client) -> Money {
    match client.connection().recv().unwrap() {
        ServerMessage::Reply(Answer::Message(Reply::Filled(fill))) => fill.price,
        other => panic!("{other:?}"),
    }
}

#[test]
fn orders_at_an_exchange_wait_until_its_trades_agree() {
    let trades = Trades::new("100");
    let asked = trades.clone();
    let server = MockExchange::start(move |request| asked.binance(request));
    let deployment = Deployment::builder()
        .set("assets.provider", "binance")
        .set("assets.symbols", vec!["BTCUSDT"])
        .set("assets.stale_after", 1000)
        .set("assets.calls_per_minute", 100_000)
        .set("assets.binance.url", server.url("127.0.0.1"))
        .start();
    let mut alice = deployment.trader(1, "alice");
    queue(&mut alice, Side::Buy, "BTCUSDT", "first");
    trades.trade("101");
    assert_eq!(filled(&mut alice), Money(101 * MILLION));
    let seen = |wanted: u64| {
        until("it is held", || {
            let list = deployment.json("market review");
            list["held"][0]["seen"].as_u64() == Some(wanted)
        });
    };
    trades.trade("1010");
    seen(1);
    queue(&mut alice, Side::Sell, "BTCUSDT", "second");
    for (count, price) in [(2, "1020"), (3, "1000")] {
        trades.trade(price);
        seen(count);
    }
    updates(&deployment, 2);
    let mut watch = deployment.connect(1);
    watch.resume(&alice.session().unwrap().clone()).unwrap();
    let entries = history(&mut watch, "alice");
    assert_eq!(entries[0].status, TransactionStatus::Queued);
    trades.trade("1030");
    assert_eq!(filled(&mut alice), Money(1030 * MILLION), "it is believed");
    let list = deployment.json("market review");
    assert_eq!(list["held"].as_array().unwrap().len(), 0);
    deployment.done("verify");
}
