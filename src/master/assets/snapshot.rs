//! spec/master/assets/snapshot.md · 4.6.8, 3.1.6 (in memory, thread-safe), 2.4.6
//!
//! The current prices: an immutable value with many readers, replaced as a whole at each update.

use super::hold::HeldPrice;
use crate::master::storage::bars::{PublishedBar, UnsettledUpdate};
use crate::model::{
    Action, ActionKind, AssetDescription, Bar, MarketKind, MarketState, Money, Quote, Ratio,
    Symbol, Timestamp,
};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A market is open while an asset got a price in one of this many last updates.
const OPEN_UPDATES: u32 = 3;

/// Most renames of one asset that are followed.
const RENAMES_MAX: usize = 16;

/// The current price of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetPrice {
    pub symbol: Symbol,
    /// Close and time of the latest bar, in today's units; `None` before the first bar.
    pub quote: Option<Quote>,
    /// The bar of the quote's day so far, in today's units; present if the quote is.
    pub day: Option<Bar>,
    /// Close of the last day before the quote's that has a price, in today's units; `None` if none
    /// is known.
    pub previous_close: Option<Money>,
    /// The bar that came with the update of this snapshot, in today's units: what orders are tested
    /// with. A point where its time is real time: open, high and low are its close, since the rest of
    /// a longer bar may lie before an order. `None` if no price came.
    pub bar: Option<Bar>,
    /// Close of the latest bar, and the bar of its day so far, in the units of that time. They
    /// differ from the above between a split and the first price after it.
    traded: Option<(Money, Bar)>,
    /// What `previous_close` is made from: that close in the units of its time.
    day_before: Option<Quote>,
    /// The asset that was renamed to this one, where its price is the last of that one.
    inherited: Option<Symbol>,
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

/// The splits among an asset's actions that divide a price of this time.
fn splits_after(actions: &[Action], time: Timestamp) -> impl Iterator<Item = Ratio> {
    let later = actions.iter().filter(move |action| action.time > time);
    later.filter_map(|action| match action.kind {
        ActionKind::Split(ratio) => Some(ratio),
        ActionKind::Dividend(_)
        | ActionKind::SpinOff { .. }
        | ActionKind::Rename(_)
        | ActionKind::Merge { .. }
        | ActionKind::Delist(_)
        | ActionKind::Cancel => None,
    })
}

/// A price of an asset with these actions in today's units.
fn in_later_units(actions: &[Action], quote: Quote) -> Money {
    let later = splits_after(actions, quote.time);
    later.fold(quote.value, |value, ratio| ratio.price(value))
}

/// A bar of an asset with these actions in today's units. Its last price is of `time`.
fn split_since(bar: Bar, actions: &[Action], time: Timestamp) -> Bar {
    splits_after(actions, time).fold(bar, |bar, ratio| Bar {
        time: bar.time,
        open: ratio.price(bar.open),
        high: ratio.price(bar.high),
        low: ratio.price(bar.low),
        close: ratio.price(bar.close),
        volume: ratio.volume(bar.volume),
    })
}

impl AssetPrice {
    /// An asset that has no price yet.
    pub fn none(symbol: Symbol) -> AssetPrice {
        AssetPrice {
            symbol,
            quote: None,
            day: None,
            previous_close: None,
            bar: None,
            traded: None,
            day_before: None,
            inherited: None,
            fresh: false,
            real_time: false,
            delay: 0,
            stale: false,
            halted: false,
        }
    }

    /// Brings quote, day and the close before it to today's units: splits that came after them divide
    /// them.
    fn adjust(&mut self, actions: &[Action]) {
        let (Some(quote), Some((close, day))) = (&mut self.quote, self.traded) else {
            return;
        };
        quote.value = in_later_units(
            actions,
            Quote {
                value: close,
                ..*quote
            },
        );
        self.day = Some(split_since(day, actions, quote.time));
        self.previous_close = self.day_before.map(|close| in_later_units(actions, close));
    }

    /// Sets what came with an update, which is in force already: its bar, of the time of the quote.
    fn set_bar(&mut self, bar: &Bar, real_time: bool, actions: &[Action]) {
        let bar = split_since(*bar, actions, bar.time);
        let point = Bar {
            open: bar.close,
            high: bar.close,
            low: bar.close,
            ..bar
        };
        self.bar = Some(if real_time { point } else { bar });
        self.fresh = true;
        self.real_time = real_time;
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
    /// Since when the market is paused, wall time; `None` if it is not.
    pub paused: Option<Timestamp>,
    /// Steps that follow, if their number is known.
    pub steps_left: Option<u64>,
    /// Where the prices come from, if the configuration does not say.
    pub market: Option<MarketKind>,
    /// Updates since the last one in which an asset got a price.
    without_price: u32,
    /// Sorted by symbol.
    entries: Vec<AssetPrice>,
    /// Actions in force, by asset, in order of time. Snapshots share it until another action comes
    /// into force.
    actions: Arc<HashMap<Symbol, Vec<Action>>>,
    /// Actions in force that bring units of an asset, by this asset, in order of time.
    arrivals: Arc<HashMap<Symbol, Vec<Action>>>,
    /// The last prices of assets that are not listed any more.
    unlisted: Arc<HashMap<Symbol, Quote>>,
    /// The prices that are held. Snapshots share it until one changes.
    held: Arc<BTreeMap<Symbol, HeldPrice>>,
    /// What is said of assets that have a name or are offered by the lot; shared by all snapshots.
    descriptions: Arc<HashMap<Symbol, AssetDescription>>,
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

    /// What is said of an asset; `None`: it has no name, and its unit is the market's.
    pub fn description(&self, symbol: &Symbol) -> Option<&AssetDescription> {
        self.descriptions.get(symbol)
    }

    /// Sets what is said of assets.
    pub(in crate::master) fn describe(&mut self, all: HashMap<Symbol, AssetDescription>) {
        self.descriptions = Arc::new(all);
    }

    /// All assets, sorted by symbol.
    pub fn entries(&self) -> &[AssetPrice] {
        &self.entries
    }

    /// All symbols, sorted by byte.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        self.entries.iter().map(|entry| entry.symbol)
    }

    /// The last price of an asset, also of one that is not listed any more.
    pub fn last_quote(&self, symbol: &Symbol) -> Option<Quote> {
        match self.entry(symbol) {
            Some(entry) => entry.quote,
            None => {
                let quote = self.unlisted.get(symbol).copied()?;
                let value = self.in_units_of_today(symbol, quote);
                Some(Quote { value, ..quote })
            }
        }
    }

    /// The action that ended an asset, if no price has come since, or it is not listed any more.
    pub fn end_of(&self, symbol: &Symbol) -> Option<&Action> {
        let own = self.entry(symbol).and_then(|entry| entry.quote);
        let last = own.map(|quote| quote.time);
        let ended = self.actions(symbol).iter().rev();
        let mut ended = ended.filter(|action| action.kind.is_end());
        ended.find(|action| last.is_none_or(|last| last < action.time))
    }

    /// Whether an asset of the first name has had the second since.
    pub fn is_renamed(&self, old: Symbol, new: Symbol) -> bool {
        let rename = |symbol: &Symbol| {
            let renames = self.actions(symbol).iter().rev();
            renames
                .filter(|action| matches!(action.kind, ActionKind::Rename(_)))
                .find_map(|action| action.kind.target())
        };
        let mut names = std::iter::successors(Some(old), rename).take(RENAMES_MAX);
        names.any(|name| name == new)
    }

    /// The actions in force that give another asset this name, in order of time.
    fn renames_to(&self, symbol: &Symbol) -> impl DoubleEndedIterator<Item = &Action> {
        let is_rename = |action: &&Action| matches!(action.kind, ActionKind::Rename(_));
        self.arrivals(symbol).iter().filter(is_rename)
    }

    /// The actions in force that bring units of an asset, in order of time.
    pub fn arrivals(&self, symbol: &Symbol) -> &[Action] {
        self.arrivals.get(symbol).map_or(&[], Vec::as_slice)
    }

    /// The names that an asset had before, latest first, each with the time of its end.
    pub fn earlier_names(&self, symbol: Symbol) -> Vec<(Symbol, Timestamp)> {
        let mut names: Vec<(Symbol, Timestamp)> = Vec::new();
        let (mut now, mut until) = (symbol, Timestamp(i64::MAX));
        while names.len() < RENAMES_MAX {
            let earlier = |action: &&Action| action.time < until;
            let Some(rename) = self.renames_to(&now).rfind(earlier).copied() else {
                break;
            };
            names.push((rename.symbol, rename.time));
            (now, until) = (rename.symbol, rename.time);
        }
        names
    }

    /// The first price after an action of the units that come, if it is there: of one such unit as
    /// the action leaves it.
    pub fn in_lieu_price(&self, action: &Action) -> Option<Money> {
        let gained = action.gained();
        let entry = self.entry(&gained)?;
        let is_after = |quote: &Quote| quote.time >= action.time && entry.inherited.is_none();
        let quote = entry.quote.filter(is_after)?;
        let later = self.actions(&gained).iter();
        let later = later.filter(|other| other.place() > action.place());
        Some(later.fold(quote.value, |value, other| match other.kind {
            ActionKind::Split(ratio) => ratio.inverse().price(value),
            ActionKind::Dividend(_)
            | ActionKind::SpinOff { .. }
            | ActionKind::Rename(_)
            | ActionKind::Merge { .. }
            | ActionKind::Delist(_)
            | ActionKind::Cancel => value,
        }))
    }

    /// An asset's actions in force, and those cancelled, in order of time.
    pub fn actions(&self, symbol: &Symbol) -> &[Action] {
        self.actions.get(symbol).map_or(&[], Vec::as_slice)
    }

    /// Adds actions that come into force, also in the place of earlier terms, and brings prices
    /// from before a split to its units.
    pub(super) fn add_actions(&mut self, actions: &[Action]) {
        if actions.is_empty() {
            return;
        }
        let known = Arc::make_mut(&mut self.actions);
        let mut heirs = BTreeSet::new();
        for action in actions {
            let own = known.entry(action.symbol).or_default();
            let is_other = |other: &Action| other.id.is_none() || other.id != action.id;
            let replaced = own.extract_if(.., |other| !is_other(other));
            let replaced: Vec<Action> = replaced.collect();
            own.push(*action);
            own.sort_by_key(Action::place);
            let place = self.index.get(&action.symbol);
            if let Some(entry) = place.and_then(|place| self.entries.get_mut(*place)) {
                entry.adjust(own);
            }
            for old in replaced.iter().filter_map(|old| old.kind.target()) {
                if let Some(arrivals) = Arc::make_mut(&mut self.arrivals).get_mut(&old) {
                    arrivals.retain(|other| other.symbol != action.symbol || is_other(other));
                }
                heirs.insert(old);
            }
            if let Some(new) = action.kind.target() {
                let arrivals = Arc::make_mut(&mut self.arrivals);
                let arrivals = arrivals.entry(new).or_default();
                arrivals.push(*action);
                arrivals.sort_by_key(Action::place);
                heirs.insert(new);
            }
        }
        heirs.into_iter().for_each(|symbol| self.inherit(symbol));
    }

    /// Gives an asset without a price of its own the last one of the asset that was renamed to it.
    fn inherit(&mut self, symbol: Symbol) {
        let from = self.renames_to(&symbol).last().map(|action| action.symbol);
        let price = from.and_then(|from| match self.entry(&from) {
            Some(entry) => {
                let before = entry.day_before.zip(entry.previous_close);
                let before = before.map(|(close, value)| Quote { value, ..close });
                Some((entry.quote?, entry.day?, before, entry.real_time))
            }
            None => {
                let quote = self.last_quote(&from)?;
                Some((quote, flat_day(quote), None, false))
            }
        });
        let place = self.index.get(&symbol);
        let Some(entry) = place.and_then(|place| self.entries.get_mut(*place)) else {
            return;
        };
        if entry.quote.is_some() && entry.inherited.is_none() {
            return;
        }
        entry.inherited = from.filter(|_| price.is_some());
        entry.quote = price.map(|(quote, ..)| quote);
        entry.day = price.map(|(_, day, ..)| day);
        entry.traded = price.map(|(quote, day, ..)| (quote.value, day));
        entry.day_before = price.and_then(|(_, _, before, _)| before);
        entry.previous_close = entry.day_before.map(|close| close.value);
        entry.real_time = price.is_some_and(|(.., real_time)| real_time);
    }

    /// The assets that are not listed any more and whose last price counts: accounts own them, or
    /// others have been renamed from them. In order.
    pub fn unlisted(&self) -> Vec<Symbol> {
        let mut unlisted: Vec<Symbol> = self.unlisted.keys().copied().collect();
        unlisted.sort_unstable();
        unlisted
    }

    /// Sets the last prices of assets that are not listed any more.
    pub(super) fn set_unlisted(&mut self, unlisted: HashMap<Symbol, Quote>) {
        self.unlisted = Arc::new(unlisted);
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
        in_later_units(self.actions(symbol), quote)
    }

    /// Whether the market moves.
    pub fn state(&self) -> MarketState {
        if self.exhausted {
            MarketState::Ended
        } else if self.paused.is_some() {
            MarketState::Paused
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
            entry.bar = None;
        }
        next
    }

    /// These prices with those of an earlier update in the place of newer ones: its bars, each with
    /// the actions of its asset that were in force.
    pub(super) fn of_update(
        &self,
        update: &UnsettledUpdate,
        bars: &[PublishedBar],
        actions: &HashMap<Symbol, Vec<Action>>,
    ) -> PriceSnapshot {
        let mut snapshot = self.next();
        snapshot.number = update.number;
        snapshot.published = update.published;
        snapshot.market_now = update.market_time.unwrap_or(Timestamp::MIN);
        snapshot.exhausted = update.exhausted;
        for PublishedBar { symbol, bar, stale } in bars {
            let place = snapshot.index.get(symbol);
            let Some(entry) = place.and_then(|place| snapshot.entries.get_mut(*place)) else {
                continue;
            };
            let actions = actions.get(symbol).map_or(&[][..], Vec::as_slice);
            entry.quote = Some(Quote {
                value: in_later_units(actions, bar.quote()),
                time: bar.time,
            });
            entry.set_bar(bar, update.real_time, actions);
            entry.stale = *stale;
        }
        for (symbol, held) in self.held.iter() {
            let place = snapshot.index.get(symbol);
            if let Some(entry) = place.and_then(|place| snapshot.entries.get_mut(*place)) {
                entry.halted = held.since <= snapshot.market_now;
            }
        }
        snapshot
    }

    /// The assets whose price came with this snapshot's update and is too old to fill orders.
    pub(super) fn stale_news(&self) -> impl Iterator<Item = Symbol> + '_ {
        let news = self.entries.iter().filter(|it| it.fresh && it.stale);
        news.map(|entry| entry.symbol)
    }

    /// Whether the times of the prices that came with this snapshot's update are real time.
    pub(super) fn is_real_time(&self) -> bool {
        self.entries.iter().any(|it| it.fresh && it.real_time)
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
        let own = entry.traded.filter(|_| entry.inherited.is_none());
        let day = match own {
            Some((_, mut so_far)) if so_far.time == day.time => {
                so_far.merge(&day);
                so_far
            }
            _ => day,
        };
        if let (Some(last), Some((value, _))) = (entry.quote, entry.traded)
            && last.time.day() < day.time
        {
            entry.day_before = Some(Quote { value, ..last });
        }
        entry.inherited = None;
        entry.quote = Some(bar.quote());
        entry.day = Some(day);
        entry.traded = Some((bar.close, day));
        let actions = self.actions.get(symbol).map_or(&[][..], Vec::as_slice);
        entry.adjust(actions);
        entry.set_bar(bar, real_time, actions);
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

    /// Learns days of an asset's past, oldest first: one of them may be the day before its quote's, or
    /// the provider's own bar of it. Returns whether that is so.
    pub(super) fn learn_days(&mut self, symbol: &Symbol, days: &[Bar]) -> bool {
        let place = self.index.get(symbol);
        let Some(entry) = place.and_then(|place| self.entries.get_mut(*place)) else {
            return false;
        };
        let Some((_, today)) = entry.traded.filter(|_| entry.inherited.is_none()) else {
            return false;
        };
        let Some(day) = days.iter().rfind(|day| day.time.day() < today.time) else {
            return false;
        };
        let known = entry.day_before.map(|close| close.time);
        let time = match known.map(|known| known.day().cmp(&day.time.day())) {
            Some(Ordering::Greater) => return false,
            Some(Ordering::Equal) => known.unwrap_or(day.time),
            Some(Ordering::Less) | None => day.time.end_of_day(),
        };
        let value = day.close;
        entry.day_before = Some(Quote { time, value });
        entry.adjust(self.actions.get(symbol).map_or(&[], Vec::as_slice));
        true
    }

    /// Sets the close of the day before an asset's quote's, as it was read from the database at
    /// start, in the units of its time.
    pub(super) fn restore_close(&mut self, symbol: &Symbol, close: Quote) {
        let place = self.index.get(symbol);
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(*place)) {
            entry.day_before = Some(close);
            entry.adjust(self.actions.get(symbol).map_or(&[], Vec::as_slice));
        }
    }

    /// Whether an asset has a price of its own, and none of a day before it is known.
    pub(super) fn wants_close(&self, symbol: &Symbol) -> bool {
        let entry = self.entry(symbol);
        entry.is_some_and(|entry| {
            entry.quote.is_some() && entry.inherited.is_none() && entry.day_before.is_none()
        })
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

/// A day of which one price is known.
fn flat_day(quote: Quote) -> Bar {
    Bar {
        time: quote.time.day(),
        open: quote.value,
        high: quote.value,
        low: quote.value,
        close: quote.value,
        volume: 0,
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
    fn the_bar_of_an_update_is_a_point_where_its_time_is_real() {
        let a = Symbol::parse("A").unwrap();
        let mut snapshot = PriceSnapshot::new(vec![a]);
        assert_eq!(snapshot.entry(&a).unwrap().bar, None);
        let long = Bar {
            open: Money(4),
            high: Money(9),
            low: Money(3),
            ..bar("2013-03-01T10:00:00Z", 5)
        };
        snapshot.apply(&a, &long, false);
        assert_eq!(snapshot.entry(&a).unwrap().bar, Some(long));
        let mut next = snapshot.next();
        assert_eq!(next.entry(&a).unwrap().bar, None, "no price came with it");
        let later = Bar {
            time: Timestamp::parse("2013-03-01T11:00:00Z").unwrap(),
            ..long
        };
        next.apply(&a, &later, true);
        let point = bar("2013-03-01T11:00:00Z", 5);
        assert_eq!(next.entry(&a).unwrap().bar, Some(point));
        let day = next.entry(&a).unwrap().day.unwrap();
        assert_eq!(
            (day.high, day.low),
            (Money(9), Money(3)),
            "its day is whole"
        );
    }

    #[test]
    fn the_bar_of_an_update_has_the_units_that_its_actions_leave() {
        let a = Symbol::parse("A").unwrap();
        let mut snapshot = PriceSnapshot::new(vec![a]);
        let time = Timestamp::parse("2013-03-02").unwrap();
        let kind = ActionKind::Split(Ratio::parse("2").unwrap());
        let split = Action::new(time, a, kind, ActionId::nth(kind, time, 1));
        snapshot.add_actions(&[split]);
        snapshot.apply(&a, &bar("2013-03-01", 30), false);
        let told = snapshot.entry(&a).unwrap().bar.unwrap();
        assert_eq!(
            (told.open, told.close, told.volume),
            (Money(15), Money(15), 20)
        );
        snapshot.apply(&a, &bar("2013-03-02", 16), false);
        let entry = snapshot.entry(&a).unwrap();
        assert_eq!(entry.bar.unwrap().close, Money(16));
        assert_eq!(entry.previous_close, Some(Money(15)), "in today's units");
    }

    #[test]
    fn the_close_of_the_day_before_stays_for_a_day_and_follows_splits() {
        let [a, new] = ["A", "NEW"].map(|name| Symbol::parse(name).unwrap());
        let mut snapshot = PriceSnapshot::new(vec![a, new]);
        let close = |snapshot: &PriceSnapshot, symbol: &Symbol| {
            snapshot
                .entry(symbol)
                .unwrap()
                .previous_close
                .map(|it| it.0)
        };
        let mut seen = Vec::new();
        for (time, price) in [
            ("2013-03-01T10:00:00Z", 40),
            ("2013-03-01T11:00:00Z", 50),
            ("2013-03-04T10:00:00Z", 60),
            ("2013-03-04T11:00:00Z", 70),
            ("2013-03-05", 80),
        ] {
            snapshot.apply(&a, &bar(time, price), false);
            seen.push(close(&snapshot, &a));
        }
        assert_eq!(seen, [None, None, Some(50), Some(50), Some(70)]);
        let act = |time: &str, kind| {
            let time = Timestamp::parse(time).unwrap();
            Action::new(time, a, kind, ActionId::nth(kind, time, 1))
        };
        let split = ActionKind::Split(Ratio::parse("1/2").unwrap());
        snapshot.add_actions(&[act("2013-03-05", split)]);
        assert_eq!(
            close(&snapshot, &a),
            Some(140),
            "today's price had it already"
        );
        snapshot.add_actions(&[act("2013-03-06", ActionKind::Rename(new))]);
        assert_eq!(close(&snapshot, &new), Some(140));
        snapshot.apply(&new, &bar("2013-03-06T10:00:00Z", 90), false);
        assert_eq!(close(&snapshot, &new), Some(80));
    }

    #[test]
    fn days_that_are_fetched_later_tell_the_close_before_today() {
        let a = Symbol::parse("A").unwrap();
        let mut snapshot = PriceSnapshot::new(vec![a]);
        let days = ["2013-02-27", "2013-02-28", "2013-03-01"];
        let days = days.map(|day| bar(day, i64::from(day.as_bytes()[9])));
        assert!(!snapshot.learn_days(&a, &days), "no price yet");
        snapshot.apply(&a, &bar("2013-03-01T10:00:00Z", 5), true);
        assert!(snapshot.learn_days(&a, &days));
        let close = |snapshot: &PriceSnapshot| snapshot.entry(&a).unwrap().previous_close;
        assert_eq!(close(&snapshot), Some(Money(i64::from(b'8'))));
        assert!(!snapshot.learn_days(&a, &days[..1]), "an earlier one");
        snapshot.apply(&a, &bar("2013-03-02T10:00:00Z", 6), true);
        assert_eq!(close(&snapshot), Some(Money(5)));
        assert!(snapshot.learn_days(&a, &days), "the provider's own day");
        assert_eq!(close(&snapshot), Some(Money(i64::from(b'1'))));
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

    fn action(day: &str, name: &str, kind: ActionKind) -> Action {
        let id = ActionId::parse(&format!("{name}{day}")).unwrap();
        let name = Symbol::parse(name).unwrap();
        Action::new(Timestamp::parse(day).unwrap(), name, kind, Some(id))
    }

    #[test]
    fn a_renamed_asset_goes_on_at_the_last_price_until_it_has_its_own() {
        let [a, b] = ["A", "B"].map(|name| Symbol::parse(name).unwrap());
        let mut snapshot = PriceSnapshot::new(vec![a, b]);
        snapshot.apply(&a, &bar("2013-03-01T10:00:00Z", 5), false);
        let rename = action("2013-03-02", "A", ActionKind::Rename(b));
        snapshot.add_actions(&[rename]);
        let last = snapshot.last_quote(&a);
        assert_eq!(snapshot.last_quote(&b), last);
        assert!(!snapshot.entry(&b).unwrap().fresh || last.is_none());
        assert_eq!(snapshot.end_of(&a), Some(&rename));
        assert_eq!(
            (snapshot.end_of(&b), snapshot.earlier_names(b)),
            (None, vec![(a, rename.time)])
        );
        assert!(snapshot.is_renamed(a, b) && snapshot.is_renamed(a, a));
        assert!(!snapshot.is_renamed(b, a));
        let cancel = Action {
            kind: ActionKind::Cancel,
            ..rename
        };
        let mut taken_back = snapshot.clone();
        taken_back.add_actions(&[cancel]);
        assert_eq!(taken_back.last_quote(&b), None);
        assert!(taken_back.end_of(&a).is_none() && taken_back.earlier_names(b).is_empty());
        snapshot.apply(&b, &bar("2013-03-02T10:00:00Z", 7), false);
        assert_eq!(
            snapshot.entry(&b).unwrap().day.unwrap().low,
            Money(7),
            "a day of its own"
        );
        snapshot.add_actions(&[cancel]);
        assert_eq!(snapshot.last_quote(&b).unwrap().value, Money(7));
        snapshot.add_actions(&[rename]);
        snapshot.apply(&a, &bar("2013-03-03T10:00:00Z", 6), false);
        assert_eq!(snapshot.end_of(&a), None, "it has a price again");
    }

    #[test]
    fn an_asset_that_is_not_listed_keeps_its_last_price() {
        let [a, b] = ["A", "B"].map(|name| Symbol::parse(name).unwrap());
        let mut snapshot = PriceSnapshot::new(vec![b]);
        let quote = bar("2013-03-01T10:00:00Z", 6).quote();
        snapshot.set_unlisted(HashMap::from([(a, quote)]));
        assert_eq!(snapshot.last_quote(&a), Some(quote));
        let half = ActionKind::Split(Ratio::new(2, 1).unwrap());
        snapshot.add_actions(&[action("2013-03-02", "A", half)]);
        assert_eq!(snapshot.last_quote(&a).unwrap().value, Money(3));
        snapshot.add_actions(&[action("2013-03-03", "A", ActionKind::Rename(b))]);
        assert_eq!(
            snapshot.last_quote(&b).unwrap().value,
            Money(3),
            "the one that it is now"
        );
        assert!(snapshot.entry(&a).is_none());
        let late = action("2013-02-01", "A", ActionKind::Delist(Money(1)));
        snapshot.add_actions(&[late]);
        assert!(snapshot.end_of(&a).is_some(), "whatever its last price was");
    }

    #[test]
    fn fractions_have_the_first_price_in_units_of_their_time() {
        let [a, b] = ["A", "B"].map(|name| Symbol::parse(name).unwrap());
        let mut snapshot = PriceSnapshot::new(vec![a, b]);
        let third = Ratio::new(1, 3).unwrap();
        let split = action("2013-03-02", "A", ActionKind::Split(third));
        let spin_off = action(
            "2013-03-02",
            "A",
            ActionKind::SpinOff {
                new: b,
                ratio: third,
            },
        );
        snapshot.apply(&a, &bar("2013-03-01T10:00:00Z", 5), false);
        snapshot.add_actions(&[split]);
        assert_eq!(
            snapshot.in_lieu_price(&split),
            None,
            "that price is from before"
        );
        snapshot.apply(&a, &bar("2013-03-02", 20), false);
        assert_eq!(snapshot.in_lieu_price(&split), Some(Money(20)));
        assert_eq!(snapshot.in_lieu_price(&spin_off), None, "B has no price");
        let later = ActionKind::Split(Ratio::new(4, 1).unwrap());
        snapshot.add_actions(&[action("2013-03-05", "A", later)]);
        assert_eq!(snapshot.last_quote(&a).unwrap().value, Money(5));
        assert_eq!(
            snapshot.in_lieu_price(&split),
            Some(Money(20)),
            "of a unit before the second"
        );
    }
}
