//! spec/master/assets/providers.md, spec/master/assets/adjust.md: a person's trading day through
//! each provider, and over a split, with a master and a worker as real processes.

use super::assets::{at, symbol};
use super::markets;
use crate::protocol::fixture_needs::{FixtureRig, need};
use papertrader::client::order::{self, fresh_id};
use papertrader::client::{
    Client, ConnectOptions, OrderOutcome, OrderTicket, OrderTimeouts, WorkerPool,
};
use papertrader::dialogue::script::Need;
use papertrader::master::storage::Reader;
use papertrader::master::verify;
use papertrader::model::{Email, HashedPass, Money, Quantity, Side, Symbol, Timestamp, Username};
use papertrader::testkit::mock_exchange::MockExchange;
use papertrader::testkit::until;
use papertrader::wire::Window;
use papertrader::wire::payload::{Holding, Portfolio};
use std::os::unix::fs::PermissionsExt;

fn needs(lines: &[String]) -> Vec<Need> {
    lines.iter().map(|line| need(line)).collect()
}

/// Somebody with an account and a session.
struct Trader {
    pool: WorkerPool,
    name: Username,
}

impl Trader {
    fn new(deployment: &FixtureRig, name: &str) -> Trader {
        let workers = deployment.servers.workers.clone();
        let mut pool = WorkerPool::new(workers, None, ConnectOptions::default());
        let name = Username::parse(name).unwrap();
        // The derivation is tested elsewhere, and slow.
        let pass = HashedPass::parse(&"5a".repeat(32)).unwrap();
        let email = Email::parse(&format!("{name}@example.org")).unwrap();
        pool.register(&name, &email, &pass).unwrap();
        pool.login(&name, &pass, false).unwrap();
        Trader { pool, name }
    }

    fn trade(
        &mut self,
        side: Side,
        symbol: Symbol,
        quantity: &str,
    ) -> papertrader::wire::reply::Fill {
        let order = OrderTicket {
            side,
            symbol,
            quantity: Quantity::parse_quantity(quantity).unwrap(),
            id: fresh_id().unwrap(),
        };
        match order::place(
            &mut self.pool,
            &order,
            &OrderTimeouts::default(),
            true,
            &mut |_| {},
        )
        .unwrap()
        {
            OrderOutcome::Filled(fill) => fill,
            other => panic!("{other:?}"),
        }
    }

    fn ask<T>(
        &mut self,
        ask: impl Fn(&mut Client) -> Result<T, papertrader::client::ClientError>,
    ) -> T {
        self.pool.call(|client| ask(client)).unwrap()
    }

    fn holdings(&mut self) -> (Money, Vec<Holding>) {
        let name = self.name.clone();
        match self.ask(|client| client.portfolio(&name)) {
            Portfolio::Private(cash, holdings) => (cash, holdings),
            Portfolio::Public(_) => panic!("one's own portfolio is private"),
        }
    }
}

/// Quotes, all five windows, a purchase and a sale; everything adds up.
fn trade_a_day(provider: &str, mut lines: Vec<String>, name: Symbol) {
    lines.push(format!("master assets.provider=\"{provider}\""));
    let deployment = FixtureRig::start(&needs(&lines));
    let mut trader = Trader::new(&deployment, "alice");
    assert!(
        trader.ask(|client| client.list()).contains(&name),
        "{provider}"
    );
    let quote = trader.ask(|client| client.quote(name));
    let info = trader.ask(|client| client.info(name));
    assert!(
        info.bar.high >= quote.value || info.bar.time != quote.time.day(),
        "{provider}"
    );
    let bought = trader.trade(Side::Buy, name, "2.5");
    assert_eq!(
        Some(bought.total),
        bought.quantity.cost_at(bought.price),
        "{provider}"
    );
    let history = trader.name.clone();
    let history = trader.ask(|client| client.history(&history));
    let entry = &history.entries[0];
    let priced = entry.detail.as_ref().unwrap().priced;
    if ["alpaca", "binance"].contains(&provider) {
        assert!(
            priced >= entry.accepted,
            "{provider}: no price older than the order"
        );
    }
    let now = trader.ask(|client| client.quote(name)).time;
    // The past of real markets comes in beside the updates.
    until(&format!("{provider}: the past"), || {
        trader
            .ask(|client| client.bars(name, Window::Week(now), false))
            .len()
            >= 3
    });
    for window in [
        Window::Day(now),
        Window::Week(now),
        Window::Month(now),
        Window::Year(now),
        Window::AllTime,
    ] {
        for adjusted in [false, true] {
            let bars = trader.ask(|client| client.bars(name, window, adjusted));
            assert!(!bars.is_empty(), "{provider} {window:?}");
            assert!(
                bars.windows(2).all(|pair| pair[0].time < pair[1].time),
                "{provider} {window:?}"
            );
            assert!(
                bars.iter()
                    .all(|bar| bar.low <= bar.close && bar.close <= bar.high)
            );
        }
    }
    let sold = trader.trade(Side::Sell, name, "1");
    let (cash, holdings) = trader.holdings();
    assert_eq!(
        cash,
        Money(100_000_000_000 - bought.total.0 + sold.total.0),
        "{provider}"
    );
    assert_eq!(holdings.len(), 1);
    assert_eq!(
        (holdings[0].symbol, holdings[0].quantity),
        (name, Quantity(1_500_000))
    );
    let mut database = Reader::open_for_check(&deployment.database()).unwrap();
    let verified = verify::check(&mut database, &|| false).unwrap();
    assert!(
        verified.differences.is_empty(),
        "{provider}: {:?}",
        verified.differences
    );
}

#[test]
fn the_same_trading_day_through_each_provider() {
    trade_a_day("replay", vec![], symbol("IBM"));
    trade_a_day(
        "simulated",
        vec![
            "master assets.simulated.symbols=20".into(),
            "master assets.simulated.seed=3".into(),
        ],
        symbol("SIM07"),
    );
    let dir = tempfile::tempdir().unwrap();
    let key = markets::key(dir.path());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = MockExchange::start(markets::alpaca);
    trade_a_day(
        "alpaca",
        vec![
            format!("master assets.alpaca.url=\"{}\"", server.url("127.0.0.1")),
            format!(
                "master assets.alpaca.assets_url=\"{}\"",
                server.url("127.0.0.1")
            ),
            format!("master assets.alpaca.credentials=\"{}\"", key.display()),
        ],
        symbol("AAPL"),
    );
    let server = MockExchange::start(markets::binance);
    trade_a_day(
        "binance",
        vec![format!(
            "master assets.binance.url=\"{}\"",
            server.url("127.0.0.1")
        )],
        symbol("BTCUSDT"),
    );
}

#[test]
fn a_position_keeps_its_value_over_a_split() {
    let aapl = symbol("AAPL");
    // 7 days before the split, or as many as a busy machine needs to buy before it.
    let before_the_split = ["2005-02-16", "2005-01-18", "2004-10-18"]
        .iter()
        .find_map(|start| {
            let lines = [format!("start {start}"), "interval 1s".to_owned()];
            let deployment = FixtureRig::start(&needs(&lines));
            let mut trader = Trader::new(&deployment, "bob");
            let bought = trader.trade(Side::Buy, aapl, "10.5");
            // Before, a unit costs more than 47; for months afterwards, less.
            (bought.price > Money(47_000_000)).then_some((deployment, trader, bought))
        });
    let Some((deployment, mut trader, bought)) = before_the_split else {
        panic!("the split was always over before the purchase settled");
    };
    assert_eq!(
        bought.quantity,
        Quantity(10_500_000),
        "bought before the split"
    );
    // Of each day the latest, where there are two: prices come out before their update is settled.
    let mut seen: Vec<(Timestamp, Quantity, Money, Money)> = Vec::new();
    let mut latest = None;
    until("two days after the split", || {
        let before = trader.ask(|client| client.quote(aapl));
        let (_, holdings) = trader.holdings();
        let after = trader.ask(|client| client.quote(aapl));
        let held = &holdings[0];
        // Between two equal quotes nothing was published, and the worker has what the master has.
        if before == after && held.quantity.worth_at(before.value) == Some(held.value) {
            let day = (before.time, held.quantity, held.average_cost, held.value);
            if latest == Some(before.time) {
                seen.retain(|known| known.0 != before.time);
                seen.push(day);
            }
            latest = Some(before.time);
        }
        seen.last().is_some_and(|last| last.0 >= at("2005-03-02"))
    });
    for (time, quantity, cost, _) in &seen {
        let split = *time >= at("2005-02-28");
        let expected = if split {
            Quantity(21_000_000)
        } else {
            Quantity(10_500_000)
        };
        assert_eq!(*quantity, expected, "{time}");
        let cost_then = if split {
            Money(bought.price.0 / 2)
        } else {
            bought.price
        };
        assert_eq!(*cost, cost_then, "{time}");
    }
    assert!(seen.iter().any(|(time, ..)| *time >= at("2005-02-28")));
    // A day's move, and no cliff.
    for pair in seen.windows(2) {
        let (a, b) = (pair[0].3.0, pair[1].3.0);
        assert!(
            (a - b).abs() * 20 < a,
            "{} to {}: {a} to {b}",
            pair[0].0,
            pair[1].0
        );
    }
    let name = trader.name.clone();
    let history = trader.ask(|client| client.history(&name));
    let split = history
        .entries
        .iter()
        .find(|entry| entry.side == Side::Split)
        .unwrap();
    let detail = split.detail.as_ref().unwrap();
    assert_eq!(
        (split.symbol, detail.quantity),
        (aapl, Quantity(10_500_000)),
        "units added"
    );
    let adjusted = trader.ask(|client| client.bars(aapl, Window::Week(at("2005-03-02")), true));
    let raw = trader.ask(|client| client.bars(aapl, Window::Week(at("2005-03-02")), false));
    assert_eq!(adjusted.len(), raw.len());
    assert_eq!(raw[0].close.0, adjusted[0].close.0 * 2);
    let mut database = Reader::open_for_check(&deployment.database()).unwrap();
    let verified = verify::check(&mut database, &|| false).unwrap();
    assert!(
        verified.differences.is_empty(),
        "{:?}",
        verified.differences
    );
}
