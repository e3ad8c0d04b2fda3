//! spec/master/transactions/corrections.md · 3.1.7 (splits and dividends)
//!
//! Renames, mergers, delistings, spin-offs and fractions, with corrections and late arrivals.

use super::moment;
use crate::master::assets::news;
use crate::master::testing::{FakeLink, MasterRig, money, order, reason, symbol};
use crate::master::verify;
use crate::model::{
    AccountId, Action, ActionId, ActionKind, ActionName, Cause, InLieuPrice, Money, Quantity,
    Ratio, Reason, Side, Symbol, Timestamp,
};
use crate::wire::Reply;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// The assets. Some have no price in some updates.
const ASSETS: [&str; 3] = ["AAPL", "IBM", "NEW"];
const CASH: &str = "1000000";

/// A master with an account, and a feed of actions of several assets.
struct Street {
    rig: MasterRig,
    link: FakeLink,
    account: AccountId,
    /// The latest terms of each action.
    known: Vec<Action>,
    /// Of each action whose fractions have a price: the price.
    prices: HashMap<ActionName, Money>,
    /// The market time of each asset's last price.
    priced: HashMap<Symbol, Timestamp>,
    /// The update that brought the latest terms of each action.
    brought: HashMap<ActionName, i64>,
    /// Updates so far.
    now: i64,
}

impl Street {
    fn new() -> Street {
        let mut rig = MasterRig::with(|config| config.starting_cash = money(CASH));
        let link = rig.link("eu1");
        let account = rig.account("alice");
        Street {
            rig,
            link,
            account,
            known: Vec::new(),
            prices: HashMap::new(),
            priced: HashMap::new(),
            brought: HashMap::new(),
            now: 0,
        }
    }

    /// An update at these prices, an empty one of which is none, in which an order settles and the
    /// feed tells these actions. `waits`: fractions of what is new get their price with the next
    /// update. What was answered.
    fn update(
        &mut self,
        closes: [&str; 3],
        traded: Option<(Side, &str, &str)>,
        told: &[Action],
        waits: bool,
    ) -> Vec<Reply> {
        if let Some((side, asset, units)) = traded {
            let order = order(self.link.reply_to(), self.account, side, asset, units);
            self.rig.order_all(vec![order]);
            self.link.replies();
        }
        let closes = ASSETS.into_iter().zip(closes);
        let closes: Vec<(&str, &str)> = closes.filter(|(_, close)| !close.is_empty()).collect();
        let mut update = self.rig.update(&closes);
        let of_asset = |symbol: &Symbol| {
            let own = self.known.iter().filter(|action| action.symbol == *symbol);
            own.copied().collect::<Vec<_>>()
        };
        let known: HashMap<Symbol, Vec<Action>> = ASSETS
            .map(|asset| (symbol(asset), of_asset(&symbol(asset))))
            .into();
        let mut news = news::of_feed(told, |symbol| &known[symbol]);
        for action in &mut news {
            let touching = |symbol: &Symbol| {
                let touching = self.known.iter().filter(|it| it.touches(*symbol));
                touching.copied().collect()
            };
            let priced = |symbol: &Symbol| self.priced.get(symbol).copied();
            action.is_late = news::is_late_for_any(action, touching, priced);
        }
        let price = |action: &Action| {
            let gained = action.gained();
            let close = closes.iter().find(|(asset, _)| symbol(asset) == gained);
            close.map(|(_, close)| money(close))
        };
        let number = update.number;
        for action in self.known.iter_mut().filter(|action| action.wants_price()) {
            let Some(value) = price(action) else { continue };
            action.in_lieu = Some(InLieuPrice {
                value,
                update: number,
            });
            self.prices.insert(action.name(), value);
            self.rig.engine.execute(&format!(
                "UPDATE actions SET in_lieu = {}, in_lieu_update = {number}
                 WHERE symbol = '{}' AND id = '{}' AND number =
                    (SELECT max(number) FROM actions WHERE symbol = '{1}' AND id = '{2}')",
                value.0,
                action.symbol,
                action.id.unwrap().as_str()
            ));
        }
        for action in &mut news {
            self.prices.remove(&action.name());
            self.brought.insert(action.name(), self.now + 1);
            let value = price(action).filter(|_| action.wants_price() && !waits);
            if let Some(value) = value {
                action.in_lieu = Some(InLieuPrice {
                    value,
                    update: number,
                });
                self.prices.insert(action.name(), value);
            }
        }
        self.known
            .retain(|known| news.iter().all(|action| action.name() != known.name()));
        self.known.extend(&news);
        self.now += 1;
        let time = moment(self.now);
        let priced = closes.iter().map(|(asset, _)| (symbol(asset), time));
        self.priced.extend(priced);
        self.rig.act(&mut update, &news);
        // What is told beside the new ones: that fractions have a price.
        update.actions = self.known.clone().into();
        self.rig.tell(&update);
        let report = verify::check(&mut self.rig.engine.reader(), &|| false).unwrap();
        assert!(report.is_clean(), "{:#?}", report.differences);
        let replies = self.link.replies();
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    fn units(&self, asset: &str) -> Quantity {
        let holdings = self.rig.holdings(self.account);
        let held = holdings.positions.get(&symbol(asset));
        held.map_or(Quantity::ZERO, |held| held.0)
    }

    fn cost(&self, asset: &str) -> Money {
        self.rig.holdings(self.account).positions[&symbol(asset)].1
    }

    fn cash(&self) -> Money {
        self.rig.holdings(self.account).cash
    }

    /// Side, asset, units, total and cause of the rows that no client ordered.
    fn rows(&self) -> Vec<(Side, String, Quantity, Money, Option<Cause>)> {
        let history = self.rig.entries(self.account);
        let made = history
            .into_iter()
            .filter(|entry| entry.rank.worker.is_nil());
        let row = |entry: crate::master::storage::ledger::LedgerEntry| {
            let it = entry.transaction;
            let total = it.total.unwrap_or_default();
            (
                it.side,
                it.symbol.to_string(),
                it.quantity,
                total,
                entry.cause,
            )
        };
        made.map(row).collect()
    }
}

fn ratio(text: &str) -> Ratio {
    Ratio::parse(text).unwrap()
}

fn action(asset: &str, time: i64, kind: ActionKind) -> Action {
    let id = ActionId::parse("a").unwrap();
    Action::new(moment(time), symbol(asset), kind, Some(id))
}

fn cancel(action: &Action) -> Action {
    Action {
        kind: ActionKind::Cancel,
        ..*action
    }
}

const ONE: [&str; 3] = ["10", "10", "10"];

fn units(text: &str) -> Quantity {
    Quantity::parse_quantity(text).unwrap_or_default()
}

#[test]
fn a_rename_moves_units_with_their_cost_and_is_told_as_two_rows() {
    let mut street = Street::new();
    street.update(ONE, Some((Side::Buy, "AAPL", "6")), &[], false);
    let rename = action("AAPL", 2, ActionKind::Rename(symbol("NEW")));
    street.update(ONE, None, &[rename], false);
    assert_eq!(
        (street.units("AAPL"), street.units("NEW")),
        (units(""), units("6"))
    );
    assert_eq!(street.cost("NEW"), money("60"));
    let (out, into) = (Quantity(-6_000_000), units("6"));
    let cause = Some(Cause::Rename);
    assert_eq!(
        street.rows(),
        [
            (Side::Split, "AAPL".to_owned(), out, Money::ZERO, cause),
            (Side::Split, "NEW".to_owned(), into, Money::ZERO, cause),
        ]
    );
    street.update(ONE, None, &[cancel(&rename)], false);
    assert_eq!(
        (street.units("AAPL"), street.units("NEW")),
        (units("6"), units(""))
    );
    assert_eq!(street.cost("AAPL"), money("60"), "it goes back, too");
    street.update(ONE, None, &[rename], false);
    assert_eq!(street.cost("NEW"), money("60"), "announced again, late now");
}

#[test]
fn a_late_rename_moves_what_was_held_then() {
    let mut street = Street::new();
    street.update(ONE, Some((Side::Buy, "AAPL", "6")), &[], false);
    street.update(ONE, Some((Side::Buy, "NEW", "1")), &[], false);
    let rename = action("AAPL", 2, ActionKind::Rename(symbol("NEW")));
    street.update(ONE, None, &[rename], false);
    assert_eq!(
        (street.units("AAPL"), street.units("NEW")),
        (units(""), units("7"))
    );
    assert_eq!(street.cost("NEW"), money("70"));
}

#[test]
fn what_was_bought_under_an_old_name_before_its_rename_was_told_moves_too() {
    let mut street = Street::new();
    street.update(ONE, Some((Side::Buy, "AAPL", "6")), &[], false);
    street.update(ONE, None, &[], false);
    street.update(ONE, Some((Side::Buy, "AAPL", "2")), &[], false);
    street.update(ONE, Some((Side::Sell, "AAPL", "1")), &[], false);
    let rename = action("AAPL", 2, ActionKind::Rename(symbol("NEW")));
    street.update(ONE, None, &[rename], false);
    assert_eq!(
        (street.units("AAPL"), street.units("NEW")),
        (units(""), units("7"))
    );
    assert_eq!(street.cost("NEW"), money("70"));
    street.update(ONE, Some((Side::Buy, "AAPL", "1")), &[], false);
    assert_eq!(
        street.units("AAPL"),
        units("1"),
        "the name is another's now"
    );
}

/// An action of AAPL of the second update.
fn named(id: &str, kind: ActionKind) -> Action {
    let id = ActionId::parse(id).unwrap();
    Action::new(moment(2), symbol("AAPL"), kind, Some(id))
}

#[test]
fn a_split_told_with_a_late_rename_is_of_what_was_held_under_the_old_name() {
    for told_in_time in [false, true] {
        let mut street = Street::new();
        let told = [
            named("s", ActionKind::Split(ratio("1/50"))),
            named("r", ActionKind::Rename(symbol("NEW"))),
        ];
        street.update(["10", "", ""], Some((Side::Buy, "AAPL", "100")), &[], false);
        let first: &[Action] = if told_in_time { &told } else { &[] };
        street.update(["", "", "500"], None, first, false);
        let order = Some((Side::Buy, "AAPL", "50"));
        let replies = street.update(
            ["", "", "500"],
            order.filter(|_| !told_in_time),
            &told,
            false,
        );
        if told_in_time {
            assert_eq!(street.units("NEW"), units("2"));
            assert_eq!(street.cash(), money("999000"));
            continue;
        }
        assert!(matches!(&replies[..], [Reply::Filled(fill)] if fill.symbol == symbol("NEW")));
        assert_eq!(street.units("AAPL"), units(""));
        assert_eq!(
            street.units("NEW"),
            units("3"),
            "with the one that was ordered"
        );
        assert_eq!(street.cash(), money("998500"));
    }
}

#[test]
fn a_dividend_and_a_spin_off_told_with_a_late_merger_are_paid() {
    let mut street = Street::new();
    let (one, new) = (ratio("1"), symbol("NEW"));
    let told = [
        named("d", ActionKind::Dividend(money("4"))),
        named(
            "s",
            ActionKind::SpinOff {
                new: symbol("IBM"),
                ratio: one,
            },
        ),
        named(
            "m",
            ActionKind::Merge {
                new,
                ratio: one,
                cash: Money::ZERO,
            },
        ),
    ];
    street.update(["10", "", ""], Some((Side::Buy, "AAPL", "100")), &[], false);
    street.update(["", "", "10"], None, &[], false);
    street.update(["", "", "10"], None, &told, false);
    let held = ASSETS.map(|asset| street.units(asset));
    assert_eq!(held, [units(""), units("100"), units("100")]);
    assert_eq!(street.cash(), money("999400"));
}

#[test]
fn a_rename_told_after_the_delisting_of_the_new_name_on_its_day_is_late() {
    let mut street = Street::new();
    street.update(["10", "", ""], Some((Side::Buy, "AAPL", "7")), &[], false);
    let delist = action("NEW", 2, ActionKind::Delist(money("3")));
    street.update(["", "", ""], None, &[delist], false);
    let rename = named("r", ActionKind::Rename(symbol("NEW")));
    street.update(["", "", ""], None, &[rename], false);
    assert_eq!(
        (street.units("AAPL"), street.units("NEW")),
        (units(""), units(""))
    );
    assert_eq!(street.cash(), money("999951"));
}

#[test]
fn a_delisting_pays_all_units_as_a_sale() {
    let mut street = Street::new();
    street.update(ONE, Some((Side::Buy, "AAPL", "6")), &[], false);
    let delist = action("AAPL", 2, ActionKind::Delist(money("2.5")));
    street.update(ONE, None, &[delist], false);
    assert_eq!(
        (street.units("AAPL"), street.cash()),
        (units(""), money("999955"))
    );
    let row = (
        Side::Sell,
        "AAPL".to_owned(),
        units("6"),
        money("15"),
        Some(Cause::Delisting),
    );
    assert_eq!(street.rows(), [row]);
    let dearer = action("AAPL", 2, ActionKind::Delist(money("3")));
    street.update(ONE, None, &[dearer], false);
    assert_eq!(street.cash(), money("999958"), "a correction pays the rest");
    let worthless = action("AAPL", 2, ActionKind::Delist(Money::ZERO));
    street.update(ONE, None, &[worthless], false);
    assert_eq!(
        (street.units("AAPL"), street.cash()),
        (units(""), money("999940"))
    );
}

#[test]
fn a_merger_pays_units_and_cash_and_the_fraction_at_the_first_price() {
    let mut street = Street::new();
    street.update(ONE, Some((Side::Buy, "AAPL", "0.000005")), &[], false);
    let before = street.cash();
    let kind = ActionKind::Merge {
        new: symbol("IBM"),
        ratio: ratio("1/3"),
        cash: money("2"),
    };
    street.update(ONE, None, &[action("AAPL", 2, kind)], true);
    assert_eq!(
        (street.units("AAPL"), street.units("IBM")),
        (units(""), Quantity(1))
    );
    assert_eq!(street.cash().0 - before.0, 10, "5 millionths × 2");
    street.update(["1", "30", "1"], None, &[], false);
    assert_eq!(
        street.cash().0 - before.0,
        30,
        "two thirds of a millionth × 30"
    );
    assert_eq!(street.cost("IBM"), Money(50));
}

#[test]
fn a_spin_off_brings_units_that_cost_nothing() {
    let mut street = Street::new();
    street.update(ONE, Some((Side::Buy, "AAPL", "7")), &[], false);
    let kind = |text| ActionKind::SpinOff {
        new: symbol("NEW"),
        ratio: ratio(text),
    };
    street.update(ONE, None, &[action("AAPL", 2, kind("1/5"))], false);
    assert_eq!(
        (street.units("AAPL"), street.units("NEW")),
        (units("7"), units("1.4"))
    );
    assert_eq!(
        (street.cost("AAPL"), street.cost("NEW")),
        (money("70"), Money::ZERO)
    );
    street.update(ONE, Some((Side::Sell, "NEW", "1")), &[], false);
    street.update(ONE, None, &[action("AAPL", 2, kind("1/10"))], false);
    let cash = street.cash();
    assert_eq!((street.units("NEW"), cash), (units(""), money("999937")));
}

#[test]
fn orders_follow_a_rename_and_end_with_their_asset() {
    for (kind, filled) in [
        (ActionKind::Rename(symbol("NEW")), true),
        (ActionKind::Delist(money("1")), false),
        (
            ActionKind::Merge {
                new: symbol("NEW"),
                ratio: ratio("1"),
                cash: Money::ZERO,
            },
            false,
        ),
    ] {
        let mut street = Street::new();
        street.update(ONE, None, &[], false);
        let told = [action("AAPL", 2, kind)];
        let order = Some((Side::Buy, "AAPL", "2"));
        let replies = street.update(ONE, order, &told, false);
        if filled {
            assert_eq!(street.units("NEW"), units("2"));
            assert!(matches!(&replies[0], Reply::Filled(fill) if fill.symbol == symbol("NEW")));
        } else {
            assert_eq!(reason(&replies[0]), Reason::NoPrice);
            assert_eq!(street.cash(), money(CASH));
        }
    }
}

#[test]
fn what_a_correction_takes_the_youngest_orders_lack() {
    let mut street = Street::new();
    street.update(ONE, Some((Side::Buy, "AAPL", "10")), &[], false);
    let split = |text| action("AAPL", 2, ActionKind::Split(ratio(text)));
    street.update(ONE, None, &[split("3")], false);
    for _ in 0..3 {
        let sale = order(
            street.link.reply_to(),
            street.account,
            Side::Sell,
            "AAPL",
            "10",
        );
        street.rig.order_all(vec![sale]);
    }
    street.link.replies();
    let replies = street.update(ONE, None, &[split("2")], false);
    assert!(
        matches!(replies[..2], [Reply::Filled(_), Reply::Filled(_)]),
        "{replies:?}"
    );
    assert_eq!(reason(&replies[2]), Reason::InsufficientHoldings);
}

#[test]
fn fractions_are_paid_once_and_whatever_comes_between() {
    let mut street = Street::new();
    street.update(ONE, Some((Side::Buy, "AAPL", "0.000002")), &[], false);
    let before = street.cash();
    let split = |text| action("AAPL", 2, ActionKind::Split(ratio(text)));
    street.update(["30", "1", "1"], None, &[split("1/3")], false);
    assert_eq!(street.units("AAPL"), Quantity::ZERO);
    assert_eq!(
        street.cash().0 - before.0,
        20,
        "two thirds of a millionth × 30"
    );
    let row = street.rows().pop().unwrap();
    assert_eq!(
        (row.0, row.2, row.4),
        (Side::Dividend, Quantity::ZERO, Some(Cause::InLieu))
    );
    street.update(["30", "1", "1"], None, &[split("3/4")], true);
    assert_eq!(street.units("AAPL"), Quantity(1));
    assert_eq!(street.cash(), before, "the new terms have no price yet");
    street.update(["16", "1", "1"], None, &[], false);
    assert_eq!(street.cash().0 - before.0, 8, "half of a millionth × 16");
}

#[test]
fn verify_finds_rows_that_no_action_makes() {
    for sql in [
        "UPDATE transactions SET quantity = quantity - 1 WHERE cause = 1 AND symbol = 'AAPL'",
        "UPDATE transactions SET quantity = quantity + 1 WHERE cause = 1 AND symbol = 'NEW'",
        "UPDATE transactions SET moved_cost = moved_cost - 1 WHERE cause = 1 AND symbol = 'NEW'",
        "DELETE FROM transactions WHERE cause = 1 AND symbol = 'NEW'",
        "DELETE FROM transactions WHERE cause = 1",
        "DELETE FROM transactions WHERE cause = 5",
        "UPDATE transactions SET total = total + 1 WHERE cause = 5",
        "UPDATE actions SET target = 'IBM' WHERE kind = 6",
    ] {
        let mut street = Street::new();
        street.update(ONE, Some((Side::Buy, "AAPL", "0.000002")), &[], false);
        street.update(ONE, Some((Side::Buy, "IBM", "0.000001")), &[], false);
        let told = [
            action("AAPL", 3, ActionKind::Rename(symbol("NEW"))),
            action("IBM", 3, ActionKind::Split(ratio("1/3"))),
        ];
        street.update(ONE, None, &told, false);
        street.rig.engine.execute(sql);
        let report = verify::check(&mut street.rig.engine.reader(), &|| false).unwrap();
        assert!(!report.is_clean(), "{sql}");
    }
}

/// Units and cash that trades and actions make, by a model of its own: one line of events by market
/// time, with exact fractions, which are paid at the price of each.
fn exact(
    trades: &[(i64, Side, Symbol, i128, i128)],
    told: &[Action],
    street: &Street,
) -> (BTreeMap<Symbol, i128>, i128) {
    const MILLION: i128 = 1_000_000;
    let mut units: BTreeMap<Symbol, i128> = ASSETS.map(|asset| (symbol(asset), 0)).into();
    let mut cash = i128::from(money(CASH).0);
    let mut actions = told.to_vec();
    actions.sort_by_key(Action::place);
    let mut actions = actions.into_iter().peekable();
    let mut names: HashMap<Symbol, (Symbol, i64)> = HashMap::new();
    let end = (i64::MAX, Side::Buy, symbol("AAPL"), 0, 0);
    for (update, side, mut asset, amount, price) in trades.iter().copied().chain([end]) {
        while let Some(action) =
            actions.next_if(|action| update == i64::MAX || action.time <= moment(update))
        {
            let held = units[&action.symbol];
            let mut comes = None;
            match action.kind {
                ActionKind::Split(ratio) => comes = Some((action.symbol, ratio)),
                ActionKind::Dividend(each) => cash += held * i128::from(each.0) / MILLION,
                ActionKind::SpinOff { new, ratio } => comes = Some((new, ratio)),
                ActionKind::Rename(new) => {
                    names.insert(action.symbol, (new, street.brought[&action.name()]));
                    comes = Some((new, Ratio::new(1, 1).unwrap()));
                }
                ActionKind::Merge {
                    new,
                    ratio,
                    cash: each,
                } => {
                    comes = Some((new, ratio));
                    cash += held * i128::from(each.0) / MILLION;
                }
                ActionKind::Delist(each) => cash += held * i128::from(each.0) / MILLION,
                ActionKind::Cancel => {}
            }
            let is_left = matches!(
                action.kind,
                ActionKind::SpinOff { .. } | ActionKind::Dividend(_) | ActionKind::Cancel
            );
            if !is_left {
                units.insert(action.symbol, 0);
            }
            if let Some((gained, ratio)) = comes {
                let (up, down) = (
                    i128::from(ratio.numerator()),
                    i128::from(ratio.denominator()),
                );
                *units.get_mut(&gained).unwrap() += held * up / down;
                let price = street
                    .prices
                    .get(&action.name())
                    .map_or(0, |price| i128::from(price.0));
                cash += held * up % down * price / (down * MILLION);
            }
        }
        let mut earlier = Vec::new();
        while let Some((new, brought)) = names.get(&asset)
            && update < *brought
            && !earlier.contains(&asset)
        {
            earlier.push(asset);
            asset = *new;
        }
        let held = units.get_mut(&asset).unwrap();
        if side == Side::Buy {
            *held += amount;
            cash -= (amount * price + MILLION - 1) / MILLION;
        } else {
            let sold = amount.min(*held);
            *held -= sold;
            cash += sold * price / MILLION;
        }
    }
    (units, cash)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// All kinds of actions, corrected, cancelled and told late, make what an exact model makes of
    /// the history as it is known in the end.
    #[test]
    fn histories_of_families_make_what_an_exact_model_makes(
        steps in prop::collection::vec(
            (0..12u8, 0..6u8, 0..3usize, 0..3usize, (1..=7u64, 1..=7u64), 0..8i64, any::<u32>()),
            4..16,
        )
    ) {
        let mut street = Street::new();
        let mut told: Vec<Action> = Vec::new();
        let mut trades = Vec::new();
        for (step, kind, from, to, (up, down), back, random) in steps {
            let now = street.now + 1;
            let (from, to) = (ASSETS[from], ASSETS[if to == from { (to + 1) % 3 } else { to }]);
            let time = if step % 2 == 0 { now } else { (now - back).max(1) };
            let (new, ratio) = (symbol(to), Ratio::new(up, down).unwrap());
            let cash = Money(i64::from(random % 3_000_000));
            let kind = match kind {
                0 => ActionKind::Split(ratio),
                1 => ActionKind::Dividend(Money(cash.0 + 1)),
                2 => ActionKind::SpinOff { new, ratio },
                3 => ActionKind::Rename(new),
                4 => ActionKind::Merge { new, ratio, cash },
                _ => ActionKind::Delist(cash),
            };
            let which = usize::try_from(random >> 8).unwrap() % told.len().max(1);
            let mut traded = None;
            match step {
                0..=4 if told.len() < 6 => {
                    let id = Some(ActionId::parse(&format!("a{}", told.len())).unwrap());
                    told.push(Action::new(moment(time), symbol(from), kind, id));
                    // Another one of the day, which may be late where the first is not.
                    if step % 2 == 1 {
                        let id = Some(ActionId::parse(&format!("a{}", told.len())).unwrap());
                        let kind = match random % 3 {
                            0 => ActionKind::Rename(new),
                            1 => ActionKind::Merge { new, ratio, cash },
                            _ => ActionKind::SpinOff { new, ratio },
                        };
                        told.push(Action::new(moment(time), symbol(from), kind, id));
                    }
                }
                5 if !told.is_empty() && kind.target() != Some(told[which].symbol) => {
                    told[which].kind = kind;
                }
                6 if !told.is_empty() => told[which].kind = ActionKind::Cancel,
                7 if !told.is_empty() => told[which].time = moment(time),
                8 => traded = Some(Side::Sell),
                _ => traded = Some(Side::Buy),
            }
            let amount = Quantity(i64::from(random % 100_000_000) + 1);
            let text = amount.to_string();
            let prices = [1, 3, 5].map(|factor| Money(i64::from(random % 7 + 1) * factor * 1_010_101));
            let texts = prices.map(|price| price.to_string());
            let closes = [0, 1, 2].map(|asset| {
                let has_price = !(random >> (16 + 2 * asset)).is_multiple_of(2);
                if has_price { &*texts[asset] } else { "" }
            });
            let order = traded.map(|side| (side, from, &*text));
            let replies = street.update(closes, order, &told, random % 2 == 0);
            for reply in &replies {
                // One that waited for a price is of an earlier step.
                if let Reply::Filled(fill) = reply {
                    let (units, price) = (fill.quantity.0.into(), fill.price.0.into());
                    trades.push((now, fill.side, fill.symbol, units, price));
                }
            }
            let (units, cash) = exact(&trades, &told, &street);
            for asset in ASSETS {
                prop_assert_eq!(i128::from(street.units(asset).0), units[&symbol(asset)]);
            }
            prop_assert_eq!(i128::from(street.cash().0), cash);
        }
    }
}
