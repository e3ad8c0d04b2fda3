//! spec/master/assets/pause.md: a market that an administrator pauses and resumes, over restarts and
//! while a price is being retrieved, and the orders that wait meanwhile.

use super::assets::{Running, at, sample_config, settings, symbol};
use super::halted::{Trades, real};
use crossbeam_channel::{Receiver, bounded, unbounded};
use papertrader::client::ServerMessage;
use papertrader::config::{BinanceSettings, ProviderKind};
use papertrader::master::messages::{MarketRequest, PauseRequest};
use papertrader::model::{MarketState, Money, Side, Timestamp, TransactionStatus};
use papertrader::testkit::mock_exchange::MockExchange;
use papertrader::testkit::trader::{history, order, username};
use papertrader::testkit::{Deployment, Market, TEST_TIMEOUT, eventually};
use papertrader::wire::ConnectionState;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn pause(running: &Running, paused: bool) -> Result<Timestamp, String> {
    let (reply, answer) = bounded(1);
    let request = MarketRequest::Pause(PauseRequest { paused, reply });
    running.handle.requests().send(request).unwrap();
    answer.recv_timeout(TEST_TIMEOUT).unwrap()
}

#[test]
fn a_paused_market_stands_still_also_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("master.db");
    let config = || {
        let mut config = sample_config("2012-01-03");
        config.update_interval = Duration::from_millis(5);
        config
    };
    let running = Running::start(config(), &database).unwrap();
    running.update();
    assert!(pause(&running, false).unwrap_err().contains("not paused"));
    let since = pause(&running, true).unwrap();
    let stands = running.handle.prices();
    assert_eq!(stands.state(), MarketState::Paused);
    assert_eq!(stands.paused, Some(since));
    assert_eq!(running.handle.next_update(), None);
    assert_eq!(running.handle.first_update(), stands.number + 1);
    let again = pause(&running, true).unwrap_err();
    assert!(again.contains("paused already"), "{again}");
    let is_seen = |running: &Running| {
        let numbers = running.updates.try_iter().map(|update| update.number);
        numbers.max().unwrap_or(0)
    };
    assert!(is_seen(&running) <= stands.number);
    running.stop();

    // It starts at the prices that it had, and makes no update.
    let running = Running::start(config(), &database).unwrap();
    let restored = running.handle.prices();
    assert_eq!(
        (restored.number, restored.market_now, restored.paused),
        (stands.number, stands.market_now, Some(since))
    );
    assert_eq!(running.handle.next_update(), None);
    assert_eq!(pause(&running, false), Ok(since));
    let next = running.update();
    assert_eq!(next.number, stands.number + 1);
    let days =
        next.snapshot.market_now.since(stands.market_now) / papertrader::model::timestamp::DAY;
    assert!((1..=4).contains(&days), "the next trading day: {days}");
    assert_ne!(next.snapshot.state(), MarketState::Paused);
    assert!(running.handle.next_update().is_some());
    running.stop();
    let running = Running::start(config(), &database).unwrap();
    assert_eq!(running.handle.prices().paused, None, "it goes on");
    running.update();
}

#[test]
fn a_market_that_has_ended_is_not_paused() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = sample_config("2013-03-01");
    config.update_interval = Duration::from_millis(5);
    let running = Running::start(config, &dir.path().join("master.db")).unwrap();
    assert!(running.update().snapshot.exhausted);
    let refused = pause(&running, true).unwrap_err();
    assert!(refused.contains("has ended"), "{refused}");
}

#[test]
fn a_price_that_is_being_retrieved_at_a_pause_is_asked_for_again() {
    let dir = tempfile::tempdir().unwrap();
    let trades = Trades::new("100");
    let (exchange, gate) = (
        trades.clone(),
        Arc::<Mutex<Option<Receiver<()>>>>::default(),
    );
    let (is_asked, asked) = unbounded();
    let held = Arc::clone(&gate);
    let server = MockExchange::start(move |request| {
        let gate = held.lock().clone();
        let answer = exchange.binance(request);
        if let Some(gate) = gate.filter(|_| request.path == "/api/v3/ticker/24hr") {
            is_asked.send(()).unwrap();
            let _ = gate.recv_timeout(TEST_TIMEOUT);
        }
        answer
    });
    let settings = papertrader::config::AssetSettings {
        binance: Some(BinanceSettings {
            url: server.url("127.0.0.1"),
            quote: "USDT".into(),
        }),
        ..settings(&[ProviderKind::Binance])
    };
    let config = real(settings, "BTCUSDT");
    let running = Running::start(config, &dir.path().join("master.db")).unwrap();
    let value = |price: i64| Some(Money(price * 1_000_000));
    let price = |running: &Running| {
        let prices = running.handle.prices();
        let quote = prices.entry(&symbol("BTCUSDT")).unwrap().quote;
        quote.map(|quote| quote.value)
    };
    eventually("the first price", || {
        (price(&running) == value(100)).then_some(())
    });
    let (open, closed) = bounded::<()>(0);
    *gate.lock() = Some(closed);
    trades.trade("101");
    asked.recv_timeout(TEST_TIMEOUT).unwrap();
    let number = running.handle.prices().number;
    assert_eq!(running.handle.first_update(), number + 2, "it is under way");
    pause(&running, true).unwrap();
    assert_eq!(running.handle.first_update(), number + 1);
    // An order that is accepted now must not fill at the price that is on its way.
    let accepted = Instant::now();
    pause(&running, false).unwrap();
    trades.trade("102");
    *gate.lock() = None;
    drop(open);
    let deadline = Instant::now() + TEST_TIMEOUT;
    let next = loop {
        let update = running.update();
        if update.number > number {
            break update;
        }
        assert!(Instant::now() < deadline);
    };
    assert_eq!(next.number, number + 1);
    assert!(next.began > accepted);
    assert_eq!(price(&running), value(102), "101 was never in force");
}

#[test]
fn orders_wait_until_an_administrator_lets_the_market_go_on() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 10, 6000))
        .start();
    let mut alice = deployment.trader(1, "alice");
    let session = alice.session().unwrap().clone();
    let state = |expected: MarketState| {
        eventually("clients are told", || {
            let info = deployment.connect(1).server_info().unwrap().unwrap();
            (info.state == Some(expected.into())).then_some(info)
        })
    };
    state(MarketState::Open);
    let said = deployment.done("market pause");
    assert!(said.contains("market resume"), "{said}");
    let refused = deployment.refused("market pause");
    assert!(refused.contains("paused already"), "{refused}");
    let log = deployment.done("log tail 500");
    assert!(log.contains("audit: market pause by=\"user "), "{log}");
    let info = state(MarketState::Paused);
    assert_eq!(info.next_update, None);
    assert!(info.steps_left > Some(0) && info.market_time > Some(at("1990-01-01")));
    let status = deployment.done("status");
    assert!(status.contains("paused since"), "{status}");
    assert!(status.contains("market resume` lets it go on"), "{status}");
    assert!(!status.contains("has ended"), "{status}");

    alice.enter(ConnectionState::Command).unwrap();
    let request = order(&alice, Side::Buy, "UP", "2", Some("waits"));
    alice.connection().send(&request).unwrap();
    let answer = alice.connection().recv().unwrap();
    let ServerMessage::Notice(notice) = answer else {
        panic!("{answer:?}");
    };
    deployment.master().kill();
    deployment.master().start();
    let mut again = deployment.connect(1);
    again.resume(&session).unwrap();
    let entries = eventually("the worker is linked again", || {
        let history = again.history(&username("alice"));
        history.ok().map(|history| history.entries)
    });
    assert_eq!(state(MarketState::Paused), info, "as before the kill");
    assert_eq!(entries[0].id, notice.id);
    assert_eq!(entries[0].status, TransactionStatus::Queued);
    deployment.done("market resume");
    state(MarketState::Open);
    eventually("the order settles", || {
        let entries = history(&mut again, "alice");
        (entries[0].status == TransactionStatus::Settled).then_some(())
    });
    let log = deployment.done("log tail 500");
    assert!(log.contains("audit: market resume since="), "{log}");
}
