//! spec/master/assets/snapshot.md · 4.6.8, 3.1.6 (in memory, thread-safe), 2.4.6
//!
//! The current prices: an immutable value with many readers, replaced as a whole at each update.

use super::hold::HeldPrice;
use crate::model::{
    Action, ActionKind, Bar, MarketKind, MarketState, Money, Quote, Symbol, Timestamp,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A market is open while an asset got a price in one of this many last updates.
const OPEN_UPDATES: u32 = 3;

/// The current price of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetPrice {
    pub symbol: Symbol,
    /// Close and time of the latest bar, in today's units; `None` before the first bar.
    pub quote: Option<Quote>,
    /// The bar of the quote's day so far, in today's units; present if the quote is.
    pub day: Option<Bar>,
    /// Close of the latest bar, and the bar of its day so far, in the units of that time. They
    /// differ from the above between a split and the first price after it.
    traded: Option<(Money, Bar)>,
    /// Whether the price came with the update of this snapshot.
    pub fresh: bool,
    /// Whether the quote's time is real time, comparable with the wall clock.
    pub real_time: bool,
    /// How much older than real time its feed is, in milliseconds; it comes with the price.
    pub delay: i64,
    /// Whether the quote is real time and was too old to fill orders when it was published.
    pub stale: bool,
    /// Whether a later price is held, because it is far from this one.
    pub halted: bool,
}

/// What an update does with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FillDecision {
    /// Fill it at this price.
    At(Quote),
    /// Keep it for the next update: the price is older than the order.
    Wait,
    /// Keep it for a later update: the asset's latest price is held.
    Halted,
    /// Reject it with `no-price`.
    NoPrice,
}

impl AssetPrice {
    /// An asset that has no price yet.
    pub fn none(symbol: Symbol) -> AssetPrice {
        AssetPrice {
            symbol,
            quote: None,
            day: None,
            traded: None,
            fresh: false,
            real_time: false,
            delay: 0,
            stale: false,
            halted: false,
        }
    }

    /// Brings quote and day to today's units: splits that came after them divide them.
    fn adjust(&mut self, actions: &[Action]) {
        let (Some(quote), Some((close, day))) = (&mut self.quote, self.traded) else {
            return;
        };
        let mut value = close;
        let mut today = day;
        for action in actions {
            match action.kind {
                ActionKind::Split(ratio) if action.time > quote.time => {
                    value = ratio.price(value);
                    today = Bar {
                        time: today.time,
                        open: ratio.price(today.open),
                        high: ratio.price(today.high),
                        low: ratio.price(today.low),
                        close: ratio.price(today.close),
                        volume: ratio.volume(today.volume),
                    };
                }
                ActionKind::Split(_) | ActionKind::Dividend(_) | ActionKind::Cancel => {}
            }
        }
        quote.value = value;
        self.day = Some(today);
    }

    /// Decides what the update of this snapshot does with an order accepted at `accepted` (wall
    /// time), before the update's retrieval began.
    pub fn fill(&self, accepted: Timestamp) -> FillDecision {
        match self.quote {
            _ if self.halted => FillDecision::Halted,
            Some(quote) if self.fresh && !self.stale => {
                if self.real_time && quote.time < accepted {
                    FillDecision::Wait
                } else {
                    FillDecision::At(quote)
                }
            }
            Some(_) | None => FillDecision::NoPrice,
        }
    }
}

/// All current prices, as of one update.
#[derive(Debug, Clone, Default)]
pub struct PriceSnapshot {
    /// Number of the update, 0 before the first. It continues after a restart.
    pub number: u64,
    /// Market time: the newest price's time, also where that is held; [`Timestamp::MIN`] before the
    /// first.
    pub market_now: Timestamp,
    /// Wall time of the publication.
    pub published: Timestamp,
    /// No update follows: prices stay, and no order can fill.
    pub exhausted: bool,
    /// Steps that follow, if their number is known.
    pub steps_left: Option<u64>,
    /// Where the prices come from, if the configuration does not say.
    pub market: Option<MarketKind>,
    /// Updates since the last one in which an asset got a price.
    without_price: u32,
    /// Sorted by symbol.
    entries: Vec<AssetPrice>,
    /// Splits and dividends in force, by asset, in order of time. Snapshots share it until another
    /// action comes into force.
    actions: Arc<HashMap<Symbol, Vec<Action>>>,
    /// The prices that are held. Snapshots share it until one changes.
    held: Arc<BTreeMap<Symbol, HeldPrice>>,
    /// Index in `entries` of each symbol; shared by all snapshots of one list of assets.
    index: Arc<HashMap<Symbol, usize>>,
}

impl PriceSnapshot {
    /// A snapshot of these assets without prices.
    pub fn new(mut symbols: Vec<Symbol>) -> PriceSnapshot {
        symbols.sort_unstable();
        symbols.dedup();
        let index = symbols
            .iter()
            .enumerate()
            .map(|(at, symbol)| (*symbol, at))
            .collect();
        let entries = symbols.into_iter().map(AssetPrice::none).collect();
        PriceSnapshot {
            entries,
            index: Arc::new(index),
            // Nothing is known of earlier updates: closed until a price comes.
            without_price: OPEN_UPDATES,
            market_now: Timestamp::MIN,
            ..PriceSnapshot::default()
        }
    }

    /// The price of an asset; `None` if it is not listed.
    pub fn entry(&self, symbol: &Symbol) -> Option<&AssetPrice> {
        self.entries.get(*self.index.get(symbol)?)
    }

    /// All assets, sorted by symbol.
    pub fn entries(&self) -> &[AssetPrice] {
        &self.entries
    }

    /// All symbols, sorted by byte.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.entries.iter().map(|entry| entry.symbol)
    }

    /// An asset's splits and dividends in force, and those cancelled, in order of time.
    pub fn actions(&self, symbol: &Symbol) -> &[Action] {
        self.actions.get(symbol).map_or(&[], Vec::as_slice)
    }

    /// Adds actions that come into force, also in the place of earlier terms, and brings prices from before a split to its units.
    pub(super) fn add_actions(&mut self, actions: &[Action]) {
        if actions.is_empty() {
            return;
        }
        let known = Arc::make_mut(&mut self.actions);
        for action in actions {
            let own = known.entry(action.symbol).or_default();
            own.retain(|other| other.id.is_none() || other.id != action.id);
            own.push(*action);
            own.sort_by_key(|action| action.time);
            let place = self.index.get(&action.symbol);
            if let Some(entry) = place.and_then(|place| self.entries.get_mut(*place)) {
                entry.adjust(own);
            }
        }
    }

    /// The prices that are held, by asset.
    pub fn held(&self) -> &BTreeMap<Symbol, HeldPrice> {
        &self.held
    }

    /// Whether the latest price of this asset is held.
    pub fn is_held(&self, symbol: &Symbol) -> bool {
        self.held.contains_key(symbol)
    }

    /// Market time now if orders for this asset wait, because its latest price is held.
    pub fn waiting_from(&self, symbol: &Symbol) -> Option<Timestamp> {
        self.is_held(symbol).then_some(self.market_now)
    }

    /// Holds a price of an asset, or ends its hold.
    pub(super) fn hold(&mut self, symbol: &Symbol, held: Option<HeldPrice>) {
        let place = self.index.get(symbol);
        let Some(entry) = place.and_then(|place| self.entries.get_mut(*place)) else {
            return;
        };
        entry.halted = held.is_some();
        let all = Arc::make_mut(&mut self.held);
        match held {
            Some(held) => {
                self.market_now = self.market_now.max(held.bar.time);
                all.insert(*symbol, held);
            }
            None => {
                all.remove(symbol);
            }
        }
    }

    /// A price of an asset in units of today: splits after its time divide it.
    pub fn in_units_of_today(&self, symbol: &Symbol, quote: Quote) -> Money {
        let value = |value, action: &Action| match action.kind {
            ActionKind::Split(ratio) if action.time > quote.time => ratio.price(value),
            ActionKind::Split(_) | ActionKind::Dividend(_) | ActionKind::Cancel => value,
        };
        self.actions(symbol).iter().fold(quote.value, value)
    }

    /// Whether the market moves.
    pub fn state(&self) -> MarketState {
        if self.exhausted {
            MarketState::Ended
        } else if self.without_price < OPEN_UPDATES {
            MarketState::Open
        } else {
            MarketState::Closed
        }
    }

    /// The number of assets.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no asset.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A copy for the next update, in which no price is fresh.
    pub(super) fn next(&self) -> PriceSnapshot {
        let mut next = self.clone();
        next.without_price = next.without_price.saturating_add(1);
        for entry in &mut next.entries {
            entry.fresh = false;
        }
        next
    }

    /// Marks each real-time price that is older than `limit` milliseconds at publication, beyond what
    /// its feed is delayed, as stale.
    pub(super) fn mark_stale(&mut self, limit: i64) {
        for entry in &mut self.entries {
            let age = entry
                .quote
                .map_or(0, |quote| self.published.since(quote.time));
            entry.stale = entry.real_time && age.saturating_sub(entry.delay) > limit;
        }
    }

    /// Applies a bar, which is later than the current one.
    pub(super) fn apply(&mut self, symbol: &Symbol, bar: &Bar, real_time: bool) {
        let Some(entry) = self
            .index
            .get(symbol)
            .and_then(|at| self.entries.get_mut(*at))
        else {
            return;
        };
        let day = Bar {
            time: bar.time.day(),
            ..*bar
        };
        let day = match entry.traded {
            Some((_, mut so_far)) if so_far.time == day.time => {
                so_far.merge(&day);
                so_far
            }
            _ => day,
        };
        entry.quote = Some(bar.quote());
        entry.day = Some(day);
        entry.traded = Some((bar.close, day));
        entry.adjust(self.actions.get(symbol).map_or(&[], Vec::as_slice));
        entry.fresh = true;
        entry.real_time = real_time;
        self.without_price = 0;
        self.market_now = self.market_now.max(bar.time);
    }

    /// Sets how much older than real time an asset's feed is, in milliseconds.
    pub(super) fn set_delay(&mut self, symbol: &Symbol, delay: i64) {
        if let Some(entry) = self
            .index
            .get(symbol)
            .and_then(|at| self.entries.get_mut(*at))
        {
            entry.delay = delay;
        }
    }

    /// Sets a price that was read from the database at start.
    pub(super) fn restore(&mut self, symbol: &Symbol, quote: Quote, day: Bar, real_time: bool) {
        if let Some(entry) = self
            .index
            .get(symbol)
            .and_then(|at| self.entries.get_mut(*at))
        {
            entry.quote = Some(quote);
            entry.day = Some(day);
            entry.traded = Some((quote.value, day));
            entry.real_time = real_time;
            self.market_now = self.market_now.max(quote.time);
        }
    }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ActionId, Ratio};

    fn bar(time: &str, price: i64) -> Bar {
        let price = Money(price);
        Bar {
            time: Timestamp::parse(time).unwrap(),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 10,
        }
    }

    #[test]
    fn a_day_grows_and_a_new_one_begins() {
        let a = Symbol::parse("A").unwrap();
        let mut snapshot = PriceSnapshot::new(vec![Symbol::parse("B").unwrap(), a, a]);
        assert_eq!(snapshot.len(), 2);
        snapshot.apply(&a, &bar("2013-03-01T10:00:00Z", 5), false);
        snapshot.apply(&a, &bar("2013-03-01T11:00:00Z", 3), false);
        let entry = *snapshot.entry(&a).unwrap();
        let day = entry.day.unwrap();
        assert!(entry.fresh);
        assert_eq!(
            (day.open, day.high, day.low, day.close),
            (Money(5), Money(5), Money(3), Money(3))
        );
        assert_eq!(
            (day.volume, day.time),
            (20, Timestamp::parse("2013-03-01").unwrap())
        );
        let mut next = snapshot.next();
        assert!(!next.entry(&a).unwrap().fresh);
        next.apply(&a, &bar("2013-03-02T00:00:00Z", 9), false);
        assert_eq!(next.entry(&a).unwrap().day.unwrap().open, Money(9));
        assert_eq!(next.market_now, Timestamp::parse("2013-03-02").unwrap());
        assert!(next.entry(&Symbol::parse("C").unwrap()).is_none());
        assert!(
            next.entry(&Symbol::parse("B").unwrap())
                .unwrap()
                .quote
                .is_none()
        );
    }

    #[test]
    fn a_market_may_be_older_than_1970() {
        let a = Symbol::parse("A").unwrap();
        let mut snapshot = PriceSnapshot::new(vec![a]);
        assert_eq!(snapshot.market_now, Timestamp::MIN);
        for day in ["1963-05-01", "1963-05-02", "1970-01-01", "1970-01-02"] {
            snapshot.apply(&a, &bar(day, 5), false);
            assert_eq!(snapshot.market_now, Timestamp::parse(day).unwrap());
        }
        let mut restored = PriceSnapshot::new(vec![a]);
        let bar = bar("1963-05-01", 5);
        restored.restore(&a, bar.quote(), bar, false);
        assert_eq!(restored.market_now, bar.time);
    }

    #[test]
    fn a_price_from_before_a_split_is_told_in_its_units_until_the_next() {
        let a = Symbol::parse("A").unwrap();
        let mut snapshot = PriceSnapshot::new(vec![a]);
        let friday = bar("2023-09-29T20:00:00Z", 900);
        snapshot.apply(&a, &friday, false);
        let split = |time: &str, ratio: &str| {
            let time = Timestamp::parse(time).unwrap();
            let kind = ActionKind::Split(Ratio::parse(ratio).unwrap());
            Action::new(time, a, kind, ActionId::nth(kind, time, 1))
        };
        let told = |snapshot: &PriceSnapshot| {
            let entry = snapshot.entry(&a).unwrap();
            let (quote, day) = (entry.quote.unwrap(), entry.day.unwrap());
            assert_eq!((quote.value, day.time), (day.close, friday.time.day()));
            assert_eq!(quote.time, friday.time, "it is as old as it was");
            (quote.value.0, day.volume, entry.fresh)
        };
        snapshot = snapshot.next();
        snapshot.add_actions(&[split("2023-10-02", "3"), split("2023-09-01", "7")]);
        assert_eq!(told(&snapshot), (300, 30, false));
        snapshot = snapshot.next();
        snapshot.add_actions(&[split("2023-10-01", "1/2")]);
        assert_eq!(told(&snapshot), (600, 15, false));
        let mut restored = PriceSnapshot::new(vec![a]);
        restored.restore(
            &a,
            friday.quote(),
            Bar {
                time: friday.time.day(),
                ..friday
            },
            false,
        );
        restored.add_actions(snapshot.actions(&a));
        assert_eq!(told(&restored), (600, 15, false));
        snapshot.add_actions(&[split("2023-10-02", "30")]);
        assert_eq!(told(&snapshot), (60, 150, false), "it is corrected");
        snapshot.add_actions(&[Action {
            kind: ActionKind::Cancel,
            ..split("2023-10-02", "30")
        }]);
        assert_eq!(told(&snapshot), (1800, 5, false), "it is cancelled");
        let monday = bar("2023-10-02T13:00:00Z", 610);
        snapshot.apply(&a, &monday, false);
        let entry = *snapshot.entry(&a).unwrap();
        assert_eq!(entry.quote, Some(monday.quote()));
        assert_eq!(entry.day.unwrap().volume, 10);
    }

    #[test]
    fn a_market_closes_after_three_updates_without_a_price_and_ends_with_its_replay() {
        let a = Symbol::parse("A").unwrap();
        let mut snapshot = PriceSnapshot::new(vec![a, Symbol::parse("B").unwrap()]);
        assert_eq!(snapshot.state(), MarketState::Closed, "nothing is known");
        for round in 1..=2 {
            snapshot = snapshot.next();
            snapshot.apply(&a, &bar("2013-03-01T10:00:00Z", 5), true);
            assert_eq!(
                snapshot.state(),
                MarketState::Open,
                "a price, round {round}"
            );
            for without in 1..=2 {
                snapshot = snapshot.next();
                assert_eq!(snapshot.state(), MarketState::Open, "{without} without");
            }
            for without in 3..=5 {
                snapshot = snapshot.next();
                assert_eq!(snapshot.state(), MarketState::Closed, "{without} without");
            }
        }
        snapshot = snapshot.next();
        snapshot.apply(&a, &bar("2013-03-01T11:00:00Z", 5), false);
        snapshot.exhausted = true;
        assert_eq!(snapshot.state(), MarketState::Ended, "with its last price");
        snapshot.exhausted = false;
        assert_eq!(snapshot.state(), MarketState::Open, "the files have grown");
    }

    #[test]
    fn a_held_price_halts_its_asset_and_market_time_goes_on() {
        let [a, b] = ["A", "B"].map(|name| Symbol::parse(name).unwrap());
        let mut snapshot = PriceSnapshot::new(vec![a, b]);
        let old = bar("2013-03-01", 5);
        for symbol in [a, b] {
            snapshot.apply(&symbol, &old, false);
        }
        let far = bar("2013-03-04", 500);
        let mut next = snapshot.next();
        next.apply(&b, &bar("2013-03-02", 5), false);
        next.hold(&a, Some(HeldPrice::first(&far)));
        let entry = *next.entry(&a).unwrap();
        assert_eq!((entry.quote, entry.fresh), (Some(old.quote()), false));
        assert_eq!(entry.fill(Timestamp(0)), FillDecision::Halted);
        assert_eq!(next.market_now, far.time);
        assert_eq!(next.waiting_from(&a), Some(far.time));
        assert_eq!(next.waiting_from(&b), None);
        assert!(matches!(
            next.entry(&b).unwrap().fill(Timestamp(0)),
            FillDecision::At(_)
        ));
        assert!(!snapshot.is_held(&a), "snapshots are values");
        let mut next = next.next();
        next.apply(&a, &far, false);
        next.hold(&a, None);
        let entry = *next.entry(&a).unwrap();
        assert_eq!(entry.fill(Timestamp(0)), FillDecision::At(far.quote()));
        next.hold(&Symbol::parse("C").unwrap(), Some(HeldPrice::first(&far)));
        assert!(next.held().is_empty(), "an asset that is not listed");
    }

    #[test]
    fn an_order_fills_at_no_price_older_than_itself() {
        let a = Symbol::parse("A").unwrap();
        let mut snapshot = PriceSnapshot::new(vec![a]);
        assert_eq!(
            snapshot.entry(&a).unwrap().fill(Timestamp(0)),
            FillDecision::NoPrice
        );
        let bar = bar("2013-03-01T10:00:00Z", 5);
        snapshot.apply(&a, &bar, true);
        snapshot.published = Timestamp(bar.time.0 + 60_000);
        snapshot.mark_stale(60_000);
        let entry = *snapshot.entry(&a).unwrap();
        assert_eq!(entry.fill(bar.time), FillDecision::At(bar.quote()));
        assert_eq!(entry.fill(Timestamp(bar.time.0 + 1)), FillDecision::Wait);
        snapshot.mark_stale(59_999);
        assert_eq!(
            snapshot.entry(&a).unwrap().fill(bar.time),
            FillDecision::NoPrice,
            "stale"
        );
        snapshot.set_delay(&a, 1);
        snapshot.mark_stale(59_999);
        assert_eq!(
            snapshot.entry(&a).unwrap().fill(bar.time),
            FillDecision::At(bar.quote()),
            "as old as its feed makes it"
        );
        let mut own = PriceSnapshot::new(vec![a]);
        own.apply(&a, &bar, false);
        own.published = Timestamp(i64::MAX);
        own.mark_stale(1);
        let entry = *own.entry(&a).unwrap();
        assert_eq!(
            entry.fill(Timestamp(i64::MAX)),
            FillDecision::At(bar.quote()),
            "a replay's time is its own"
        );
        assert_eq!(
            own.next().entry(&a).unwrap().fill(Timestamp(0)),
            FillDecision::NoPrice,
            "not fresh"
        );
    }
}
