//! spec/master/assets/providers.md · 3.1.6 (the provider of a simulated market)
//!
//! A seeded geometric random walk with a trading calendar, for classes and for load tests.

use super::super::provider::{
    AssetsError, HistoryPage, HistoryRequest, LatestRequest, MarketClock, PriceBatch, Provider,
    ProviderError,
};
use crate::config::{ProviderKind, SimulatedSettings, SymbolSelection};
use crate::model::timestamp::DAY;
use crate::model::{Bar, MarketKind, Money, Resolution, Symbol, Timestamp};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use time::Weekday;

/// Opening and close of a session in milliseconds of the day: 14:30 and 21:00 UTC.
const SESSION_OPEN: i64 = (14 * 60 + 30) * 60_000;
const SESSION_CLOSE: i64 = 21 * 60 * 60_000;
/// Days without trading (month, day).
const HOLIDAYS: [(u8, u8); 4] = [(1, 1), (7, 4), (12, 25), (12, 26)];
/// Trading days of history before the first step.
const PAST_DAYS: usize = 260;
/// Day of the first step.
const START: (i32, u8, u8) = (2024, 1, 2);

/// The provider.
pub struct SimulatedProvider {
    seed: u64,
    /// Market time between two steps, in milliseconds.
    step: i64,
    symbols: Vec<Symbol>,
}

impl SimulatedProvider {
    /// Creates a market whose clock runs as fast as the wall clock while it is open.
    ///
    /// # Errors
    /// A listed symbol does not exist in this market.
    pub fn new(
        settings: SimulatedSettings,
        wanted: &SymbolSelection,
        interval: Duration,
    ) -> Result<SimulatedProvider, AssetsError> {
        let digits = settings.symbols.to_string().len();
        let mut symbols = Vec::new();
        for number in 1..=settings.symbols {
            let name = format!("SIM{number:0digits$}");
            symbols.push(Symbol::parse(&name).map_err(|form| AssetsError::setting(form.0))?);
        }
        if let SymbolSelection::Listed(listed) = wanted {
            if let Some(unknown) = listed
                .iter()
                .find(|symbol| symbols.binary_search(symbol).is_err())
            {
                let (first, last) = (symbols.first(), symbols.last());
                return Err(AssetsError::setting(format!(
                    "assets.symbols: the simulated market has no {unknown}; its assets are {} to {}",
                    first.map_or("", Symbol::as_str),
                    last.map_or("", Symbol::as_str),
                )));
            }
            symbols.retain(|symbol| listed.contains(symbol));
        }
        Ok(SimulatedProvider {
            seed: settings.seed,
            step: step_of(interval),
            symbols,
        })
    }

    /// The time of the first step.
    fn start() -> Timestamp {
        let day = Timestamp::from_date(START.0, START.1, START.2).unwrap_or_default();
        Timestamp(day.0 + SESSION_OPEN)
    }

    /// The days of history, oldest first.
    fn past_days() -> Vec<Timestamp> {
        let mut days = Vec::with_capacity(PAST_DAYS);
        let mut day = Self::start().day();
        while days.len() < PAST_DAYS {
            day = day.plus_days(-1);
            if is_open(day) {
                days.push(day);
            }
        }
        days.reverse();
        days
    }

    /// An asset's bars at these times, beginning with its first price.
    fn past(&self, symbol: &Symbol) -> Vec<Bar> {
        let mut bars: Vec<Bar> = Vec::with_capacity(PAST_DAYS);
        let mut last = walk::first_price(self.seed, symbol);
        for day in Self::past_days() {
            let bar = walk::step(self.seed, symbol, day, last, SESSION_CLOSE - SESSION_OPEN);
            last = bar.close;
            bars.push(bar);
        }
        bars
    }
}

/// The market time between two steps, in milliseconds.
fn step_of(interval: Duration) -> i64 {
    i64::try_from(interval.as_millis())
        .unwrap_or(DAY)
        .clamp(1, SESSION_CLOSE - SESSION_OPEN)
}

/// The time of the step after this one: later in the session, or at the next opening. A time before
/// its day's session, but midnight, which stands for the whole day, is followed by its opening.
fn step_after(time: Timestamp, step: i64) -> Timestamp {
    let (day, next) = (time.day(), Timestamp(time.0.saturating_add(step)));
    let opening = Timestamp(day.0 + SESSION_OPEN);
    if is_open(day) && time != day {
        if time < opening {
            return opening;
        }
        if next.0 - day.0 <= SESSION_CLOSE {
            return next;
        }
    }
    let mut day = day.plus_days(1);
    while !is_open(day) {
        day = day.plus_days(1);
    }
    Timestamp(day.0 + SESSION_OPEN)
}

/// The market that goes on where a replay ends: each asset from its last price, with its own
/// volatility.
pub(super) struct ContinuedMarket {
    step: i64,
    /// Annual volatility of the assets that have enough bars, in millionths.
    volatilities: HashMap<Symbol, i64>,
}

impl ContinuedMarket {
    /// The continuation of these bars, which are in order of time.
    pub(super) fn of<'a>(
        bars: impl Iterator<Item = (Symbol, &'a Bar)>,
        interval: Duration,
    ) -> ContinuedMarket {
        let mut measured: HashMap<Symbol, walk::Moves> = HashMap::new();
        for (symbol, bar) in bars {
            measured.entry(symbol).or_default().add(bar);
        }
        let volatility =
            |(symbol, moves): (Symbol, walk::Moves)| Some((symbol, moves.volatility()?));
        ContinuedMarket {
            step: step_of(interval),
            volatilities: measured.into_iter().filter_map(volatility).collect(),
        }
    }

    /// The step after `after`. An asset without a price gets none, nor one that has ended.
    pub(super) fn latest(&self, ask: &LatestRequest<'_>, after: Timestamp) -> PriceBatch {
        let now = step_after(after, self.step);
        let bar = |symbol: &Symbol| {
            if ask.last.end_of(symbol).is_some() {
                return None;
            }
            let last = ask.last.entry(symbol)?.quote?.value;
            let volatility = self.volatilities.get(symbol).copied();
            let bar = walk::go_on(symbol, now, last, self.step, volatility);
            Some((*symbol, Ok(bar)))
        };
        PriceBatch {
            now,
            bars: ask.symbols.iter().filter_map(bar).collect(),
            market: Some(MarketKind::Simulated),
            ..PriceBatch::default()
        }
    }
}

/// Whether there is trading on a day.
fn is_open(time: Timestamp) -> bool {
    let date = time.date();
    let holiday = HOLIDAYS.contains(&(u8::from(date.month()), date.day()));
    !holiday && !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

impl Provider for SimulatedProvider {
    fn name(&self) -> &'static str {
        ProviderKind::Simulated.name()
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Own
    }

    fn list(&mut self, _deadline: Instant) -> Result<Vec<Symbol>, ProviderError> {
        Ok(self.symbols.clone())
    }

    fn latest(&mut self, ask: &LatestRequest<'_>) -> Result<PriceBatch, ProviderError> {
        let now = ask
            .after
            .map_or_else(Self::start, |after| step_after(after, self.step));
        let mut firsts: HashMap<Symbol, Money> = HashMap::new();
        let bars = ask.symbols.iter().map(|symbol| {
            // The walk continues from the last published price, so it needs no memory of its own.
            let last = match ask.last.entry(symbol).and_then(|entry| entry.quote) {
                Some(quote) => quote.value,
                None => *firsts
                    .entry(*symbol)
                    .or_insert_with(|| walk::first_price(self.seed, symbol)),
            };
            (
                *symbol,
                Ok(walk::step(self.seed, symbol, now, last, self.step)),
            )
        });
        Ok(PriceBatch {
            now,
            bars: bars.collect(),
            ..PriceBatch::default()
        })
    }

    fn history(&mut self, ask: &HistoryRequest) -> Result<HistoryPage, ProviderError> {
        let wanted = |bar: &Bar| ask.after.is_none_or(|after| bar.time > after);
        Ok(HistoryPage {
            bars: self.past(&ask.symbol).into_iter().filter(wanted).collect(),
            resolution: Resolution::Day,
            more: false,
            actions: Vec::new(),
        })
    }
}

/// The random walk. It uses floats; results are rounded to [`Money`].
#[allow(
    clippy::float_arithmetic,
    reason = "a random walk is made of logarithms and roots; every price that leaves is an integer again"
)]
mod walk {
    use super::{SESSION_CLOSE, SESSION_OPEN};
    use crate::model::money::MILLIONTHS_MAX;
    use crate::model::{Bar, Money, Symbol, Timestamp};

    /// Sessions in a year, for annual volatility and drift.
    const SESSIONS: f64 = 252.0;
    /// Average rise of the market in a year.
    const DRIFT: f64 = 0.05;
    /// Least step of a price, in millionths: a hundredth of a unit.
    const TICK: i64 = 10_000;
    /// Highest price: 1,000,000 units.
    const PRICE_MAX: i64 = 1_000_000_000_000;

    /// Mixes the bits of a number (SplitMix64's finaliser).
    fn mix(mut x: u64) -> u64 {
        x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// A random number determined by seed, asset, time and purpose. There is no state, so a restart
    /// changes nothing.
    fn random(seed: u64, symbol: &Symbol, time: i64, purpose: u64) -> u64 {
        let name = symbol
            .as_str()
            .bytes()
            .fold(mix(seed), |hash, byte| mix(hash ^ u64::from(byte)));
        mix(mix(name ^ time.cast_unsigned()) ^ purpose)
    }

    /// A uniform number, above 0 and up to 1.
    fn uniform(random: u64) -> f64 {
        ((random >> 11) + 1) as f64 / (1u64 << 53) as f64
    }

    /// A normally distributed number (Box and Muller).
    fn normal(seed: u64, symbol: &Symbol, time: i64, purpose: u64) -> f64 {
        let radius = uniform(random(seed, symbol, time, purpose));
        let angle = uniform(random(seed, symbol, time, purpose + 1));
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    fn money(value: f64) -> Money {
        rounded(value, TICK, PRICE_MAX)
    }

    /// A price in whole ticks, from one tick up to the highest price.
    fn rounded(value: f64, tick: i64, most: i64) -> Money {
        let ticks = (value / tick as f64)
            .round()
            .clamp(1.0, (most / tick) as f64);
        Money(ticks as i64 * tick)
    }

    /// The price before an asset's first bar: from 5 to 500, uniform in the logarithm.
    pub fn first_price(seed: u64, symbol: &Symbol) -> Money {
        let place = uniform(random(seed, symbol, 0, 1));
        money(5_000_000.0 * 100f64.powf(place))
    }

    /// How an asset's prices have moved.
    #[derive(Default)]
    pub struct Moves {
        /// Time and price of the first and of the latest bar.
        first: Option<Timestamp>,
        last: Option<(Timestamp, i64)>,
        /// Sum of the squared logarithms of the moves, and their number.
        squares: f64,
        count: u32,
    }

    impl Moves {
        /// The fewest moves that tell a volatility.
        const COUNT_MIN: u32 = 20;
        /// A greater move, as a logarithm, is a split or an error and none of the market's.
        const MOVE_MAX: f64 = 0.4;
        /// Milliseconds in a year.
        const YEAR: f64 = 365.25 * 86_400_000.0;

        /// Adds the next bar.
        pub fn add(&mut self, bar: &Bar) {
            let close = bar.close.0;
            if close <= 0 {
                return;
            }
            if let Some((_, before)) = self.last {
                let size = (close as f64 / before as f64).ln();
                if size.abs() <= Self::MOVE_MAX {
                    self.squares += size * size;
                    self.count += 1;
                }
            }
            self.first = self.first.or(Some(bar.time));
            self.last = Some((bar.time, close));
        }

        /// Annual volatility in millionths, from 1 to 200 %; `None` if there are too few moves.
        pub fn volatility(&self) -> Option<i64> {
            let years = self.last?.0.since(self.first?) as f64 / Self::YEAR;
            if self.count < Self::COUNT_MIN || years <= 0.0 {
                return None;
            }
            let volatility = (self.squares / years).sqrt().clamp(0.01, 2.0);
            Some((volatility * 1e6) as i64)
        }
    }

    /// How a walk goes.
    struct Pace {
        /// Of a year.
        volatility: f64,
        /// Least step of a price, and the highest price, in millionths.
        tick: i64,
        most: i64,
    }

    /// Annual volatility of an asset that has none of its own, from 15 to 60 %.
    fn usual_volatility(seed: u64, symbol: &Symbol) -> f64 {
        0.15 + 0.45 * uniform(random(seed, symbol, 0, 2))
    }

    /// The bar of a step with `step` milliseconds of trading, after the last price.
    pub fn step(seed: u64, symbol: &Symbol, time: Timestamp, last: Money, step: i64) -> Bar {
        let pace = Pace {
            volatility: usual_volatility(seed, symbol),
            tick: TICK,
            most: PRICE_MAX,
        };
        walk(seed, symbol, time, last, step, &pace)
    }

    /// The bar of a step after the last price of another market, whose prices may be finer and
    /// higher; `volatility` is that of its prices, in millionths.
    pub fn go_on(
        symbol: &Symbol,
        time: Timestamp,
        last: Money,
        step: i64,
        volatility: Option<i64>,
    ) -> Bar {
        /// Any number will do: market time and the assets' names tell the steps apart.
        const SEED: u64 = 1;
        let pace = Pace {
            volatility: volatility
                .map_or_else(|| usual_volatility(SEED, symbol), |v| v as f64 / 1e6),
            tick: if last.0 >= 100 * TICK && last.0 % TICK == 0 {
                TICK
            } else {
                1
            },
            most: last.0.saturating_mul(2).clamp(PRICE_MAX, MILLIONTHS_MAX),
        };
        walk(SEED, symbol, time, last, step, &pace)
    }

    fn walk(
        seed: u64,
        symbol: &Symbol,
        time: Timestamp,
        last: Money,
        step: i64,
        pace: &Pace,
    ) -> Bar {
        let money = |value| rounded(value, pace.tick, pace.most);
        let years = step as f64 / (SESSION_CLOSE - SESSION_OPEN) as f64 / SESSIONS;
        let volatility = pace.volatility;
        let spread = volatility * years.sqrt();
        let drift = (DRIFT - volatility * volatility / 2.0) * years;
        let open = last.0 as f64;
        let close = open * (drift + spread * normal(seed, symbol, time.0, 10)).exp();
        let stray = |purpose| spread * 0.5 * normal(seed, symbol, time.0, purpose).abs();
        let (open, close) = (money(open), money(close));
        let high = money(open.max(close).0 as f64 * stray(20).exp())
            .max(open)
            .max(close);
        let low = money(open.min(close).0 as f64 * (-stray(30)).exp())
            .min(open)
            .min(close);
        // A busy asset turns over some millions of units a session.
        let busy = 10_000_000.0 * uniform(random(seed, symbol, 0, 3)) * years * SESSIONS;
        let volume = (busy * uniform(random(seed, symbol, time.0, 40)) * 2.0).round() as u64;
        Bar {
            time,
            open,
            high,
            low,
            close,
            volume,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::snapshot::PriceSnapshot;
    use super::*;

    fn market(seed: u64, interval: u64) -> SimulatedProvider {
        let settings = SimulatedSettings { symbols: 12, seed };
        SimulatedProvider::new(
            settings,
            &SymbolSelection::All,
            Duration::from_secs(interval),
        )
        .unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    /// Steps through a market as the module does, from the position and the last prices alone.
    fn run(market: &mut SimulatedProvider, steps: usize) -> (PriceSnapshot, Vec<Timestamp>) {
        let symbols = market.list(soon()).unwrap();
        let mut snapshot = PriceSnapshot::new(symbols.clone());
        let mut times = Vec::new();
        for _ in 0..steps {
            let ask = LatestRequest {
                symbols: &symbols,
                after: times.last().copied(),
                last: &snapshot,
                deadline: soon(),
            };
            let batch = market.latest(&ask).unwrap();
            times.push(batch.now);
            let mut next = snapshot.next();
            for (symbol, bar) in &batch.bars {
                let bar = bar.as_ref().unwrap();
                assert!(bar.low <= bar.open && bar.low <= bar.close && bar.low > Money::ZERO);
                assert!(bar.high >= bar.open && bar.high >= bar.close);
                next.apply(symbol, bar, false);
            }
            snapshot = next;
        }
        (snapshot, times)
    }

    #[test]
    fn the_same_seed_gives_the_same_market() {
        let closes = |seed| -> Vec<Money> {
            let (snapshot, _) = run(&mut market(seed, 60), 500);
            snapshot
                .entries()
                .iter()
                .map(|entry| entry.quote.unwrap().value)
                .collect()
        };
        assert_eq!(closes(1), closes(1));
        assert_ne!(closes(1), closes(2));
    }

    #[test]
    fn the_calendar_has_nights_weekends_and_holidays() {
        let (_, times) = run(&mut market(1, 600), 400);
        assert_eq!(times[0], Timestamp::parse("2024-01-02T14:30:00Z").unwrap());
        assert_eq!(times[39], Timestamp::parse("2024-01-02T21:00:00Z").unwrap());
        assert_eq!(times[40], Timestamp::parse("2024-01-03T14:30:00Z").unwrap());
        // Friday the 5th is followed by Monday the 8th.
        assert_eq!(
            times[160],
            Timestamp::parse("2024-01-08T14:30:00Z").unwrap()
        );
        let past = SimulatedProvider::past_days();
        assert_eq!(past.len(), PAST_DAYS);
        assert_eq!(past[PAST_DAYS - 1], Timestamp::parse("2023-12-29").unwrap());
        assert!(past.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(!past.contains(&Timestamp::parse("2023-12-25").unwrap()));
    }

    #[test]
    fn the_past_leads_up_to_the_present() {
        let mut market = market(7, 60);
        let symbol = market.symbols[3];
        let mut ask = HistoryRequest {
            symbol,
            after: None,
            until: None,
            deadline: soon(),
        };
        let all = market.history(&ask).unwrap();
        assert_eq!(all.bars.len(), PAST_DAYS);
        ask.after = Some(all.bars[99].time);
        assert_eq!(market.history(&ask).unwrap().bars, all.bars[100..]);
        let first = all.bars[0].close.0;
        assert!(
            all.bars
                .iter()
                .all(|bar| bar.close.0 > first / 10 && bar.close.0 < first * 10)
        );
    }

    #[test]
    fn a_list_names_assets_of_this_market() {
        let settings = SimulatedSettings {
            symbols: 12,
            seed: 1,
        };
        let wanted = SymbolSelection::Listed([Symbol::parse("AAPL").unwrap()].into());
        let fault = SimulatedProvider::new(settings, &wanted, Duration::from_secs(1))
            .err()
            .unwrap();
        assert!(fault.to_string().contains("SIM01 to SIM12"), "{fault}");
    }

    #[test]
    fn the_calendar_goes_on_from_any_time() {
        let at = |text| Timestamp::parse(text).unwrap();
        for (time, step, next) in [
            // A Tuesday: in the session, at its end, and before it.
            ("2013-03-05T14:30:00Z", 1000, "2013-03-05T14:30:01Z"),
            ("2013-03-05T20:59:59Z", 1000, "2013-03-05T21:00:00Z"),
            ("2013-03-05T21:00:00Z", 1000, "2013-03-06T14:30:00Z"),
            ("2013-03-05T09:00:00Z", 1000, "2013-03-05T14:30:00Z"),
            // The midnight of a daily bar is its whole day.
            ("2013-03-05", 1000, "2013-03-06T14:30:00Z"),
            // Friday, Saturday, Christmas.
            ("2013-03-08", 1000, "2013-03-11T14:30:00Z"),
            ("2013-03-09T15:00:00Z", 1000, "2013-03-11T14:30:00Z"),
            ("2013-12-24T20:59:00Z", 3_600_000, "2013-12-27T14:30:00Z"),
            ("1969-12-31", 1000, "1970-01-02T14:30:00Z"),
        ] {
            assert_eq!(step_after(at(time), step), at(next), "{time}");
        }
    }
}
