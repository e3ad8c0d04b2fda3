//! spec/master/assets/forecast.md: how often the 95 % interval holds on the sample market, and how
//! far off the middle is. `make forecast-check` shows the table.

use super::assets::{Running, asker, at, sample_config, symbol};
use crossbeam_channel::{bounded, unbounded};
use papertrader::master::assets::forecast::{BARS_MAX, BARS_MIN, estimate};
use papertrader::master::messages::{AssetAsker, AssetQuery, AssetsMessage};
use papertrader::model::{Money, Reason, Timestamp};
use papertrader::runtime::neighbourhood::Neighbourhood;
use papertrader::wire::payload::Forecast;
use papertrader::wire::{Refusal, Window};
use std::path::Path;
use std::time::Duration;

/// Bars ahead.
const AHEAD: usize = 20;
/// An origin every so many bars.
const EVERY: usize = 5;

/// Closes of a sample file, adjusted for the sample's splits by hand.
fn closes(name: &str) -> Vec<Money> {
    let splits: &[&str] = match name {
        "AAPL" => &["2000-06-21", "2005-02-28"],
        "MSFT" => &["2003-02-18"],
        _ => &[],
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("etc/market/{name}.csv"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let close = Money::parse_rounded(cells[4]).unwrap();
            let before = splits.iter().filter(|split| cells[0] < **split).count();
            Money(close.0 >> before)
        })
        .collect()
}

/// What rolling origins gave.
#[derive(Default)]
struct Tally {
    origins: usize,
    held: usize,
    /// Sums of errors, in parts of the outcome.
    error: f64,
    naive: f64,
    width: f64,
}

impl Tally {
    #[allow(clippy::float_arithmetic, reason = "a share in per cent, for people")]
    fn line(&self, name: &str) -> String {
        let share = |sum: f64| 100.0 * sum / self.origins as f64;
        format!(
            "{name:<8}{:>9}{:>11.2}{:>13.3}{:>13.3}{:>13.1}",
            self.origins,
            share(self.held as f64),
            share(self.error),
            share(self.naive),
            share(self.width)
        )
    }

    #[allow(
        clippy::float_arithmetic,
        reason = "a sum of relative errors, for people"
    )]
    fn add(&mut self, closes: &[Money], origin: usize) {
        let seen = &closes[(origin + 1).saturating_sub(BARS_MAX)..=origin];
        let made = estimate(seen, AHEAD).unwrap();
        let outcome = closes[origin + AHEAD];
        let part = |a: Money, b: Money| (a.0 - b.0).abs() as f64 / outcome.0 as f64;
        self.origins += 1;
        self.held += usize::from(made.low <= outcome && outcome <= made.high);
        self.error += part(made.value, outcome);
        self.naive += part(closes[origin], outcome);
        self.width += part(made.high, made.low);
    }
}

#[test]
fn forecast_check() {
    let mut pool = Tally::default();
    println!("symbol    origins   held in %   error in %   naive in %   width in %");
    for name in ["AAPL", "FB", "GOOG", "IBM", "MSFT"] {
        let closes = closes(name);
        let mut own = Tally::default();
        for origin in (BARS_MIN - 1..closes.len() - AHEAD).step_by(EVERY) {
            own.add(&closes, origin);
            pool.add(&closes, origin);
        }
        println!("{}", own.line(name));
    }
    println!("{}", pool.line("pooled"));
    let held = pool.held * 10_000 / pool.origins;
    assert!(
        (9200..=9800).contains(&held),
        "{held} of 10,000 outcomes were in the interval"
    );
}

fn predict(running: &Running, name: &str, date: Timestamp) -> Result<Forecast, Refusal> {
    let (sender, answer) = bounded(1);
    let query = AssetQuery::Predict {
        symbol: symbol(name),
        date,
        reply: Box::new(move |result| sender.send(result).unwrap()),
    };
    let message = AssetsMessage::Query(asker(), query);
    running.handle.sender().send(message).unwrap();
    answer.recv_timeout(Duration::from_secs(30)).unwrap()
}

/// Forecasts that one client asks for at once.
const FLOOD: i64 = 1000;

#[test]
fn a_chart_does_not_wait_behind_anothers_forecasts() {
    let dir = tempfile::tempdir().unwrap();
    let config = sample_config("2013-03-01");
    let running = Running::start(config, &dir.path().join("master.sqlite")).unwrap();
    running.update();
    let ask = |asker, query| {
        let message = AssetsMessage::Query(asker, query);
        running.handle.sender().send(message).unwrap();
    };
    let (sender, forecasts) = unbounded();
    for number in 0..FLOOD {
        let sender = sender.clone();
        let query = AssetQuery::Predict {
            symbol: symbol("AAPL"),
            date: at("2013-04-01").plus_days(number),
            reply: Box::new(move |result| sender.send(result.unwrap()).unwrap()),
        };
        ask(asker(), query);
    }
    let person = AssetAsker {
        near: Neighbourhood::of([198, 51, 100, 1].into()),
        ..asker()
    };
    let (sender, chart) = bounded(1);
    let beside = forecasts.clone();
    let query = AssetQuery::Window {
        symbol: symbol("AAPL"),
        window: Window::AllTime,
        adjusted: true,
        reply: Box::new(move |result| sender.send((result.unwrap(), beside.len())).unwrap()),
    };
    ask(person, query);
    let (bars, before) = chart.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(!bars.is_empty());
    println!("{before} of {FLOOD} forecasts were made before the chart");
    assert!(
        i64::try_from(before).unwrap() < FLOOD,
        "the chart came last"
    );
    running.stop();
}

#[test]
fn a_prediction_is_made_of_adjusted_days_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let start = |date: &str, file: &str| {
        let running = Running::start(sample_config(date), &dir.path().join(file)).unwrap();
        running.update();
        running
    };
    let running = start("2005-03-01", "a.db");
    let made = predict(&running, "AAPL", at("2005-03-29")).unwrap();
    assert_eq!(made.time, at("2005-03-29"));
    // A day after the split, which the interval must not take for a fall by half.
    assert!(
        made.low > Money(30_000_000) && made.high < Money(66_000_000),
        "{made:?}"
    );
    let reason = |name, date| predict(&running, name, at(date)).unwrap_err().reason;
    assert_eq!(reason("AAPL", "2005-03-01"), Reason::DateInvalid);
    assert_eq!(reason("AAPL", "1999-01-01"), Reason::DateInvalid);
    assert_eq!(reason("FB", "2020-01-01"), Reason::NoData);
    assert_eq!(reason("NONE", "2020-01-01"), Reason::UnknownAsset);
    predict(&running, "IBM", at("9999-12-31")).unwrap();
    let young = start("2012-06-01", "b.db");
    assert_eq!(
        predict(&young, "FB", at("2012-07-01")).unwrap_err().reason,
        Reason::NoData
    );
}
