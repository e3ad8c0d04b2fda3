//! spec/master/transactions/entitlement.md · 3.1.7 (splits and dividends)
//!
//! What an account is owed by the actions of a family of assets, rebuilt from its trades by market
//! time. It uses no database and no clock. Settlement and verify compare two of these: with an
//! action and without it, or before a correction and after it.
//!
//! Tests: `src/master/transactions/corrections/tests.rs`.

use crate::model::money::MILLIONTHS_MAX;
use crate::model::{Action, ActionKind, ActionName, Money, Quantity, Side, Symbol, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A filled order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    pub symbol: Symbol,
    /// Buy or sell.
    pub side: Side,
    pub quantity: Quantity,
    pub price: Money,
    /// Market time of the price.
    pub priced: Timestamp,
    /// The update that filled it.
    pub update: u64,
}

/// An action that counts, and the update from which on it comes before trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionInForce {
    pub action: Action,
    /// The update that brought it in time; `None` for a late one, whose place is told by market time
    /// alone.
    since: Option<u64>,
    /// The update that brought the terms in force.
    brought: u64,
}

/// What trades and actions make of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owed {
    /// Units held in the end.
    pub units: Quantity,
    /// Cash of actions, less the proceeds of units that were sold and not there, in millionths.
    pub cash: i128,
}

/// What trades and actions make together, by asset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entitlement {
    assets: BTreeMap<Symbol, Owed>,
    /// Of each asset that was renamed: its name now, and the update that brought this.
    renamed: BTreeMap<Symbol, (Symbol, u64)>,
}

/// The actions of a family in force before and after an update, without those that came in time with
/// it, which are applied on top of what is held.
#[derive(Debug, Default)]
pub struct InForce {
    before: Vec<ActionInForce>,
    after: Vec<ActionInForce>,
}

/// Assets that exchange units by renames, mergers and spin-offs.
#[derive(Debug, Default)]
pub struct Families {
    /// Of each asset of a family but its first: another one of it, which is nearer to the first.
    towards: HashMap<Symbol, Symbol>,
}

impl Families {
    /// The families of these pairs of assets.
    pub fn of(pairs: impl IntoIterator<Item = (Symbol, Symbol)>) -> Families {
        let mut families = Families::default();
        for (one, other) in pairs {
            families.join(one, other);
        }
        families
    }

    /// Makes one family of those of two assets.
    pub fn join(&mut self, one: Symbol, other: Symbol) {
        let (one, other) = (self.first(one), self.first(other));
        if one != other {
            self.towards.insert(one.max(other), one.min(other));
        }
    }

    /// The asset that stands for the family of this one: itself, if it has none.
    pub fn first(&self, symbol: Symbol) -> Symbol {
        let mut first = symbol;
        while let Some(next) = self.towards.get(&first) {
            first = *next;
        }
        first
    }

    /// All assets of the family that this one stands for, in order.
    pub fn members(&self, first: Symbol) -> BTreeSet<Symbol> {
        let all = self.towards.keys().copied();
        let of_it = all.filter(|symbol| self.first(*symbol) == first);
        of_it.chain([first]).collect()
    }
}

impl ActionInForce {
    /// The name of the action among all.
    pub fn name(&self) -> ActionName {
        self.action.name()
    }

    fn precedes(&self, trade: &Trade) -> bool {
        self.action.time <= trade.priced || self.since.is_some_and(|since| since <= trade.update)
    }
}

impl InForce {
    /// Those of an update that corrects the actions of these names, brings them late or prices their
    /// fractions. `revisions` are as of [`in_force`].
    pub fn of(revisions: &[(u64, Action)], update: u64, names: &HashSet<ActionName>) -> InForce {
        let before = in_force(revisions, update.saturating_sub(1));
        let mut after = in_force(revisions, update);
        let earlier: HashSet<ActionName> = before.iter().map(ActionInForce::name).collect();
        after.retain(|it| names.contains(&it.name()) || earlier.contains(&it.name()));
        InForce { before, after }
    }

    /// What the update adds to the entitlement of these trades by late and corrected actions: units
    /// and cash by asset, in millionths.
    pub fn change(&self, trades: &[Trade]) -> BTreeMap<Symbol, (i128, i128)> {
        let was = Entitlement::of(trades, &self.before);
        Entitlement::of(trades, &self.after).less(&was)
    }
}

impl Entitlement {
    /// Rebuilds it. `trades` are in the order in which they took effect, `actions` in that of
    /// [`in_force`]. An action comes before the first trade of its assets at a price of its time or
    /// later, and before those of the update that brought it in time; actions that change the same
    /// asset keep their order. What was traded under an old name before the rename was told is a
    /// trade under the new one. A sale of more units than were there brings the proceeds of those
    /// that were.
    pub fn of(trades: &[Trade], actions: &[ActionInForce]) -> Entitlement {
        let mut made = Entitlement::default();
        let mut waiting: Vec<&ActionInForce> = actions.iter().collect();
        for trade in trades {
            let mut trade = *trade;
            let mut names = Vec::new();
            // Where names go round, the first that comes again is the right one.
            while !names.contains(&trade.symbol) {
                made.act_before(&trade, &mut waiting);
                match made.renamed.get(&trade.symbol) {
                    Some((new, brought)) if trade.update < *brought => {
                        names.push(trade.symbol);
                        trade.symbol = *new;
                    }
                    Some(_) | None => break,
                }
            }
            made.trade(&trade);
        }
        waiting.iter().for_each(|it| made.act(it));
        made
    }

    /// What it has of an asset.
    pub fn owed(&self, symbol: Symbol) -> Owed {
        self.assets.get(&symbol).copied().unwrap_or_default()
    }

    /// The units and cash, in millionths, by which this differs from what was before, by asset;
    /// without assets of which nothing differs.
    pub fn less(&self, before: &Entitlement) -> BTreeMap<Symbol, (i128, i128)> {
        let symbols = self.assets.keys().chain(before.assets.keys());
        let symbols: BTreeSet<Symbol> = symbols.copied().collect();
        let change = |symbol: Symbol| {
            let (is, was) = (self.owed(symbol), before.owed(symbol));
            let units = i128::from(is.units.0) - i128::from(was.units.0);
            (symbol, (units, is.cash - was.cash))
        };
        let changes = symbols.into_iter().map(change);
        changes.filter(|(_, change)| *change != (0, 0)).collect()
    }

    /// Applies the actions that come before a trade, each with those that must come before it.
    fn act_before(&mut self, trade: &Trade, waiting: &mut Vec<&ActionInForce>) {
        let own = |it: &&ActionInForce| it.action.touches(trade.symbol);
        let due = waiting.iter().copied().filter(own);
        let Some(last) = due.take_while(|it| it.precedes(trade)).last() else {
            return;
        };
        let end = waiting.iter().position(|it| std::ptr::eq(*it, last));
        let mut touched = BTreeSet::from([trade.symbol]);
        let mut due = Vec::new();
        for place in (0..=end.unwrap_or_default()).rev() {
            let action = waiting[place].action;
            if touched.iter().any(|symbol| action.touches(*symbol)) {
                touched.extend([action.symbol, action.gained()]);
                due.push(waiting.remove(place));
            }
        }
        due.iter().rev().for_each(|it| self.act(it));
    }

    fn asset(&mut self, symbol: Symbol) -> &mut Owed {
        self.assets.entry(symbol).or_default()
    }

    fn act(&mut self, in_force: &ActionInForce) {
        let action = &in_force.action;
        let held = self.owed(action.symbol).units;
        let gained = action.gained();
        let paid = |each: Money| i128::from(held.worth_at(each).unwrap_or(Money(MILLIONTHS_MAX)).0);
        match action.kind {
            ActionKind::Split(ratio) => self.asset(gained).units = ratio.units(held),
            ActionKind::Dividend(each) => {
                let paid = held.worth_at(each).unwrap_or_default();
                self.asset(action.symbol).pay(paid.0.into());
            }
            ActionKind::SpinOff { ratio, .. } => self.asset(gained).gain(ratio.units(held)),
            ActionKind::Rename(new) => {
                let name = (new, in_force.brought);
                self.renamed.insert(action.symbol, name);
                self.asset(action.symbol).units = Quantity::ZERO;
                self.asset(gained).gain(held);
            }
            ActionKind::Merge { ratio, cash, .. } => {
                let own = self.asset(action.symbol);
                own.units = Quantity::ZERO;
                own.pay(paid(cash));
                self.asset(gained).gain(ratio.units(held));
            }
            ActionKind::Delist(price) => {
                let own = self.asset(action.symbol);
                own.units = Quantity::ZERO;
                own.pay(paid(price));
            }
            ActionKind::Cancel => {}
        }
        if let (Some(ratio), Some(price)) = (action.kind.ratio(), action.in_lieu) {
            let fraction = ratio.in_lieu(held, price.value);
            self.asset(gained).pay(fraction.0.into());
        }
    }

    fn trade(&mut self, trade: &Trade) {
        let own = self.asset(trade.symbol);
        match trade.side {
            Side::Buy => own.units = Quantity(own.units.0.saturating_add(trade.quantity.0)),
            Side::Sell => {
                let sold = trade.quantity.min(own.units);
                let worth = |units: Quantity| units.worth_at(trade.price).unwrap_or_default().0;
                let missing = i128::from(worth(trade.quantity)) - i128::from(worth(sold));
                own.pay(-missing);
                own.units = Quantity(own.units.0 - sold.0);
            }
            Side::Split | Side::Dividend => {}
        }
    }
}

impl Owed {
    fn pay(&mut self, cash: i128) {
        self.cash = self.cash.saturating_add(cash);
    }

    fn gain(&mut self, units: Quantity) {
        let sum = self.units.0.saturating_add(units.0);
        self.units = Quantity(sum.min(MILLIONTHS_MAX));
    }
}

/// Of the actions that one update brings: the names of those that are applied with their neighbours
/// in time. They are the late ones and those that were known before, and with one of these all of
/// its family: on top of what it leaves, another one would find no holder, or one too many.
/// `families` are those of all actions up to this update.
pub fn corrected(
    brought: &[Action],
    families: &Families,
    is_known: impl Fn(&Action) -> bool,
) -> HashSet<ActionName> {
    let first = |action: &Action| families.first(action.symbol);
    let is_late = |action: &&Action| action.is_late || is_known(action);
    let late: BTreeSet<Symbol> = brought.iter().filter(is_late).map(first).collect();
    let of_late = |action: &&Action| late.contains(&first(action));
    let corrected = brought.iter().filter(of_late);
    corrected.map(Action::name).collect()
}

/// The actions in force after update `until`, in the order in which they take effect. `revisions`
/// are the terms of a family's actions, each with its update, in the order of the updates. A price
/// for fractions counts once its update has come.
pub fn in_force(revisions: &[(u64, Action)], until: u64) -> Vec<ActionInForce> {
    let mut latest: Vec<ActionInForce> = Vec::new();
    for (update, action) in revisions.iter().filter(|(update, _)| *update <= until) {
        let name = action.name();
        match latest.iter_mut().find(|it| it.name() == name) {
            Some(it) => {
                if it.action.time != action.time {
                    it.since = None;
                }
                it.action = *action;
                it.brought = *update;
            }
            None => latest.push(ActionInForce {
                action: *action,
                since: (!action.is_late).then_some(*update),
                brought: *update,
            }),
        }
    }
    latest.retain(|it| it.action.kind != ActionKind::Cancel);
    for it in &mut latest {
        it.action.in_lieu = it.action.in_lieu.filter(|price| price.update <= until);
    }
    latest.sort_by_key(|it| it.action.place());
    latest
}

/// What a correction by `wanted` millionths moves of somebody who has `held`, and what the row writes
/// off: what was not moved. `written_off` is the sum of what earlier rows wrote off. What could not be
/// taken then is not given now, and the row's own amount is below zero by as much; likewise the other
/// way round, where the limit of an amount kept something from being given.
pub fn moved(wanted: i128, held: i64, written_off: i128) -> (i64, i64) {
    let kept = if wanted > 0 {
        written_off.clamp(0, wanted)
    } else {
        written_off.clamp(wanted, 0)
    };
    let there = held.clamp(0, MILLIONTHS_MAX);
    let (most, least) = (MILLIONTHS_MAX - there, -there);
    let moved = (wanted - kept).clamp(i128::from(least), i128::from(most));
    let left = (moved - wanted).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    let fits = |amount: i128| i64::try_from(amount).unwrap_or_default();
    (fits(moved), fits(left))
}
