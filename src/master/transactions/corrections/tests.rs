//! spec/master/transactions/corrections.md · 3.1.7 (splits and dividends)

mod families;

use super::super::entitlement::moved;
use crate::master::assets::news;
use crate::master::messages::{Grant, TransactionsMessage, Update};
use crate::master::testing::{FakeLink, MasterRig, bar, money, order, symbol};
use crate::master::verify;
use crate::model::money::MILLIONTHS_MAX;
use crate::model::{
    AccountId, Action, ActionId, ActionKind, Money, Quantity, Ratio, Side, Timestamp, Username,
};
use crate::runtime::Module;
use crate::wire::Reply;
use crossbeam_channel::bounded;
use proptest::prelude::*;

/// A master with an account, and a feed of actions of one asset.
struct Market {
    rig: MasterRig,
    link: FakeLink,
    account: AccountId,
    known: Vec<Action>,
    /// Updates so far.
    now: i64,
}

impl Market {
    fn new(cash: &str) -> Market {
        let mut rig = MasterRig::with(|config| config.starting_cash = money(cash));
        let link = rig.link("eu1");
        let account = rig.account("alice");
        Market {
            rig,
            link,
            account,
            known: Vec::new(),
            now: 0,
        }
    }

    /// An update at this price, in which an order settles and the feed tells these actions. Whether
    /// the order was filled.
    fn update(&mut self, close: &str, traded: Option<(Side, &str)>, told: &[Action]) -> bool {
        if let Some((side, units)) = traded {
            let order = order(self.link.reply_to(), self.account, side, "AAPL", units);
            self.rig.order_all(vec![order]);
            self.link.replies();
        }
        let mut update: Update = self.rig.update(&[("AAPL", close)]);
        let mut news = news::of_feed(told, |_| &self.known);
        let before = (self.now > 0).then_some(moment(self.now));
        for action in &mut news {
            action.is_late = news::is_late(action, &self.known, before);
        }
        self.known
            .retain(|known| news.iter().all(|action| action.id != known.id));
        self.known.extend(&news);
        self.now += 1;
        let quote = update.snapshot.entry(&symbol("AAPL")).unwrap().quote;
        assert_eq!(quote.unwrap().time, moment(self.now));
        self.rig.act(&mut update, &news);
        self.rig.tell(&update);
        let report = verify::check(&mut self.rig.engine.reader(), &|| false).unwrap();
        assert!(report.is_clean(), "{:#?}", report.differences);
        let filled = |(_, reply): &(u64, Reply)| matches!(reply, Reply::Filled(_));
        self.link.replies().iter().any(filled)
    }

    /// An administrator gives the account cash.
    fn grant(&mut self, amount: Money) {
        let (reply, answer) = bounded(1);
        let grant = Grant {
            username: Username::parse("alice").unwrap(),
            amount,
            reason: "a test".to_owned(),
        };
        let message = TransactionsMessage::Grant(grant, reply);
        self.rig.transactions.on_message(message);
        answer.try_recv().unwrap().unwrap();
    }

    /// An administrator lets the account begin anew.
    fn restart(&mut self) {
        let (reply, answer) = bounded(1);
        let username = Username::parse("alice").unwrap();
        let message = TransactionsMessage::Restart(username, reply);
        self.rig.transactions.on_message(message);
        answer.try_recv().unwrap().unwrap();
    }

    fn has(&self) -> (Quantity, Money) {
        let holdings = self.rig.holdings(self.account);
        let held = holdings.positions.get(&symbol("AAPL"));
        (held.map_or(Quantity::ZERO, |held| held.0), holdings.cash)
    }

    /// Rows of late and corrected actions.
    fn corrections(&self) -> i64 {
        self.rig
            .engine
            .number("SELECT count(*) FROM transactions WHERE written_off IS NOT NULL")
    }
}

/// The market time of the n-th update.
fn moment(n: i64) -> Timestamp {
    bar(n + 1, "1").time
}

/// An action of the time of the n-th update.
fn action(n: i64, kind: ActionKind, id: Option<&str>) -> Action {
    let id = id.map(|id| ActionId::parse(id).unwrap());
    Action::new(moment(n), symbol("AAPL"), kind, id)
}

fn split(time: i64, ratio: &str) -> Action {
    action(time, ActionKind::Split(Ratio::parse(ratio).unwrap()), None)
}

fn dividend(time: i64, cash: &str) -> Action {
    action(time, ActionKind::Dividend(money(cash)), None)
}

fn has(units: &str, cash: &str) -> (Quantity, Money) {
    let units = Quantity::parse_quantity(units).unwrap_or_default();
    (units, Money::parse_rounded(cash).unwrap())
}

#[test]
fn a_corrected_split_and_a_corrected_dividend_count_once() {
    let mut market = Market::new("1000");
    market.update("10", Some((Side::Buy, "12")), &[]);
    let wrong = [split(2, "3"), dividend(2, "0.5")];
    market.update("1", None, &wrong);
    assert_eq!(market.has(), has("36", "898"), "880 + 36 × 0.5");
    let right = [split(2, "30"), dividend(2, "0.5")];
    market.update("1", None, &right);
    assert_eq!(market.has(), has("360", "1060"), "880 + 360 × 0.5");
    assert_eq!(market.corrections(), 2, "one of units and one of cash");
    market.update("1", None, &right);
    market.update("1", None, &[]);
    assert_eq!(market.corrections(), 2, "told again, or not at all");
    let cancelled = action(2, ActionKind::Cancel, None);
    market.update("1", None, &[cancelled]);
    assert_eq!(market.has(), has("12", "880"));
    market.update("1", None, &[cancelled]);
    market.update("1", None, &right[..1]);
    assert_eq!(market.has(), has("360", "880"), "it is announced again");
}

#[test]
fn verify_finds_a_correction_that_moved_too_much() {
    let mut market = Market::new("1000");
    market.update("10", Some((Side::Buy, "12")), &[]);
    market.update("1", None, &[split(2, "3")]);
    market.update("1", None, &[split(2, "30")]);
    let more = "UPDATE transactions SET quantity = quantity + 1 WHERE written_off IS NOT NULL";
    market.rig.engine.execute(more);
    let held = "UPDATE positions SET quantity = quantity + 1";
    market.rig.engine.execute(held);
    let report = verify::check(&mut market.rig.engine.reader(), &|| false).unwrap();
    assert_eq!(report.differences.len(), 1, "{:#?}", report.differences);
    assert!(report.differences[0].contains("should have moved 324000000 millionths"));
}

#[test]
fn two_equal_dividends_of_one_day_are_two() {
    let mut market = Market::new("1000");
    market.update("10", Some((Side::Buy, "50")), &[]);
    let twice = [dividend(2, "0.4"), dividend(2, "0.4")];
    market.update("10", None, &twice);
    market.update("10", None, &twice);
    assert_eq!(market.has(), has("50", "540"));
    let named = |id| action(4, ActionKind::Dividend(money("0.25")), Some(id));
    market.update("10", None, &[named("d1"), named("d2")]);
    assert_eq!(market.has(), has("50", "565"));
    assert_eq!(market.corrections(), 0);
}

#[test]
fn who_buys_after_the_day_of_a_late_action_gets_nothing_of_it() {
    let mut market = Market::new("1000");
    market.update("10", None, &[]);
    market.update("10", Some((Side::Buy, "5")), &[]);
    market.update("10", Some((Side::Buy, "40")), &[]);
    let late = [dividend(2, "2"), split(3, "5")];
    market.update("10", None, &late);
    assert_eq!(market.has(), has("65", "550"), "5 × 5 + 40 and no dividend");
    market.update("10", None, &[dividend(3, "1")]);
    assert_eq!(market.has(), has("65", "575"), "of the 25 held then");
}

#[test]
fn units_sold_since_are_settled_at_what_they_fetched() {
    let mut market = Market::new("1000");
    market.update("10", Some((Side::Buy, "10")), &[]);
    market.update("1", None, &[split(2, "30")]);
    assert!(market.update("2", Some((Side::Sell, "290")), &[]));
    assert_eq!(market.has(), has("10", "1480"));
    market.update("2", None, &[split(2, "3")]);
    assert_eq!(
        market.has(),
        has("", "960"),
        "30 were there to be sold at 2"
    );
    assert_eq!(market.rig.transactions_status().written_off, [""; 0]);
}

#[test]
fn a_correction_takes_no_more_than_is_there_and_says_so() {
    let mut market = Market::new("100");
    market.update("10", Some((Side::Buy, "10")), &[]);
    market.update("1", None, &[split(2, "30")]);
    market.update("2", Some((Side::Sell, "300")), &[]);
    market.update("2", Some((Side::Buy, "290")), &[]);
    assert_eq!(market.has(), has("290", "20"));
    market.update("2", None, &[split(2, "3")]);
    assert_eq!(market.has(), has("290", "0"), "540 were taken too much");
    let told = market.rig.transactions_status().written_off;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("520 of cash"), "{told:?}");
    let sql = "SELECT written_off FROM transactions WHERE written_off > 0";
    assert_eq!(market.rig.engine.number(sql), 520_000_000);
    market.rig = market.rig.restart();
    let again = market.rig.transactions_status().written_off;
    assert_eq!(again, told, "also after a start");
    market.update("2", None, &[split(2, "30")]);
    assert_eq!(market.has(), has("290", "20"), "only what was taken");
    market.update("2", None, &[split(2, "3")]);
    assert_eq!(market.has(), has("290", "0"));
    market.update("2", None, &[split(2, "4")]);
    assert_eq!(market.has(), has("290", "0"), "20 of 520 written off");
    assert_eq!(market.corrections(), 4, "which is a row, too");
}

#[test]
fn what_was_not_moved_is_not_moved_back() {
    assert_eq!(moved(-540, 20, 0), (-20, 520));
    assert_eq!(moved(540, 0, 520), (20, -520));
    assert_eq!(moved(-5, 0, 520), (0, 5), "not asked for again");
    assert_eq!(moved(100, 7, 520), (0, -100));
    assert_eq!(moved(10, MILLIONTHS_MAX - 4, 0), (4, -6), "up to the limit");
    assert_eq!(moved(-10, MILLIONTHS_MAX, -6), (-4, 6));
    assert_eq!(moved(0, 5, 520), (0, 0));
}

#[test]
fn actions_of_updates_that_were_not_settled_come_one_after_the_other() {
    let mut market = Market::new("1000");
    market.update("10", Some((Side::Buy, "12")), &[]);
    let queued = order(
        market.link.reply_to(),
        market.account,
        Side::Buy,
        "AAPL",
        "5",
    );
    market.rig.order_all(vec![queued]);
    let mut first = market.rig.update(&[("AAPL", "1")]);
    market.rig.act(&mut first, &[split(2, "3")]);
    market.rig = market.rig.restart();
    let mut second = market.rig.update(&[("AAPL", "1")]);
    let late = Action {
        is_late: true,
        ..dividend(2, "0.5")
    };
    market.rig.act(&mut second, &[split(2, "30"), late]);
    market.rig.tell(&second);
    let report = verify::check(&mut market.rig.engine.reader(), &|| false).unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);
    assert_eq!(
        market.has(),
        has("510", "910"),
        "880 + 360 × 0.5 - 150: the order came before the split"
    );
}

#[test]
fn who_holds_units_by_a_correction_gets_the_dividend_of_the_same_update() {
    let mut market = Market::new("1000");
    market.update("10", Some((Side::Buy, "10")), &[]);
    market.update("1", None, &[split(2, "3")]);
    assert!(market.update("2", Some((Side::Sell, "30")), &[]));
    assert_eq!(market.has(), has("", "960"));
    market.update("2", None, &[split(2, "30"), dividend(4, "0.5")]);
    assert_eq!(market.has(), has("270", "1095"));
}

/// A fraction, not reduced.
#[derive(Debug, Clone, Copy)]
struct Exact(i128, i128);

impl Exact {
    fn times(self, numerator: u64, denominator: u64) -> Exact {
        Exact(
            self.0 * i128::from(numerator),
            self.1 * i128::from(denominator),
        )
    }

    fn plus(self, millionths: i128) -> Exact {
        Exact(self.0 + millionths * self.1, self.1)
    }

    fn whole(self) -> i128 {
        assert_eq!(self.0 % self.1, 0, "the test's units divide by all ratios");
        self.0 / self.1
    }
}

/// Units and cash of an account that traded and was owed these actions, without any rounding.
fn exact(cash: Money, trades: &[(i64, Side, i64, i64)], actions: &[Action]) -> (i128, i128) {
    let mut actions = actions.to_vec();
    actions.sort_by_key(|action| (action.time, action.kind));
    let (mut units, mut cash) = (Exact(0, 1), i128::from(cash.0));
    let mut at = 0;
    let ends = trades.iter().map(|trade| trade.0).chain([i64::MAX]);
    for (end, trade) in ends.zip(trades.iter().map(Some).chain([None])) {
        while let Some(action) = actions.get(at).filter(|action| action.time.0 <= end) {
            match action.kind {
                ActionKind::Split(ratio) => {
                    units = units.times(ratio.numerator(), ratio.denominator());
                }
                ActionKind::Dividend(each) => {
                    cash += units.whole() * i128::from(each.0) / 1_000_000;
                }
                ActionKind::Cancel => {}
                other => panic!("{other} is for the model of several assets"),
            }
            at += 1;
        }
        match trade {
            Some((_, Side::Buy, amount, price)) => {
                units = units.plus(i128::from(*amount));
                cash -= i128::from(*amount) * i128::from(*price);
            }
            Some((_, _, amount, price)) => {
                let sold = i128::from(*amount).min(units.whole());
                units = units.plus(-sold);
                cash += sold * i128::from(*price);
            }
            None => {}
        }
    }
    (units.whole(), cash)
}

/// Units that all ratios of a history divide: each has a denominator up to 4, and at most 5 split.
const LOT: u32 = 12 * 12 * 12 * 12 * 12;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Splits, dividends, corrections and late arrivals, between them grants and restarts, make what
    /// an exact model makes of the history as it is known in the end.
    #[test]
    fn histories_make_what_an_exact_model_makes(
        steps in prop::collection::vec(
            (0..10u8, 1..=4u64, 1..=4u64, 0..12i64, 0..3usize),
            4..16,
        )
    ) {
        let start = Money::parse_rounded("900000000000").unwrap();
        let mut market = Market::new("900000000000");
        let mut told: Vec<Action> = Vec::new();
        let mut trades: Vec<(i64, Side, i64, i64)> = Vec::new();
        // What administrators gave and took, and the latest price.
        let (mut given, mut last) = (0i128, 0);
        for (step, first, second, back, which) in steps {
            let now = market.now + 1;
            let price = i64::try_from(first).unwrap();
            if step == 8 {
                market.grant(Money(back + 1));
                given += i128::from(back + 1);
            }
            if step == 9 {
                let (units, cash) = market.has();
                let sold = i128::from(units.0) * i128::from(last);
                market.restart();
                trades.push((moment(now - 1).0, Side::Sell, units.0, last));
                given += i128::from(start.0) - i128::from(cash.0) - sold;
                prop_assert_eq!(market.has(), (Quantity::ZERO, start));
            }
            last = price;
            let time = if step % 2 == 0 { now } else { (now - back).max(1) };
            let kind = if second > 2 || told.len() > 4 {
                ActionKind::Dividend(Money(price * 1_000_000))
            } else {
                ActionKind::Split(Ratio::new(first, second).unwrap())
            };
            let mut traded = None;
            match step {
                0..=2 if told.len() < 5 => {
                    let id = format!("a{}", told.len());
                    told.push(action(time, kind, Some(&id)));
                }
                3 if which < told.len() => told[which].kind = kind,
                4 if which < told.len() => told[which].kind = ActionKind::Cancel,
                5 if which < told.len() => told[which].time = moment(time),
                6 => traded = Some(Side::Sell),
                _ => traded = Some(Side::Buy),
            }
            let units = i64::from(LOT) * i64::try_from(second).unwrap();
            let order = traded.map(|side| (side, units.to_string()));
            let order = order.as_ref().map(|(side, units)| (*side, units.as_str()));
            let filled = market.update(&price.to_string(), order, &told);
            if let (Some(side), true) = (traded, filled) {
                trades.push((moment(now).0, side, units * 1_000_000, price));
            }
            let (units, cash) = market.has();
            let (owed, kept) = exact(start, &trades, &told);
            prop_assert_eq!((i128::from(units.0), i128::from(cash.0)), (owed, kept + given));
        }
    }

    /// Whatever corrections come in between: once the first terms are back, so is all that was there.
    #[test]
    fn terms_that_come_back_leave_what_was_before(
        again in 1..=400_u32,
        terms in prop::collection::vec((1..=40_u64, 1..=400_i64), 1..6),
    ) {
        let mut market = Market::new("100");
        let told = |(ratio, cents): (u64, i64)| {
            let cash = Money(cents * 10_000);
            [
                action(2, ActionKind::Split(Ratio::new(ratio, 1).unwrap()), None),
                action(2, ActionKind::Dividend(cash), None),
            ]
        };
        market.update("10", Some((Side::Buy, "10")), &[]);
        market.update("1", None, &told((30, 100)));
        market.update("2", Some((Side::Sell, "300")), &[]);
        market.update("2", Some((Side::Buy, &again.to_string())), &[]);
        let before = market.has();
        for terms in terms {
            market.update("2", None, &told(terms));
        }
        market.update("2", None, &told((30, 100)));
        prop_assert_eq!(market.has(), before);
    }

    /// Nobody gains or loses by a split: units × price stay, wherever both have no fraction.
    #[test]
    fn wealth_is_continuous_over_every_split(
        ratios in prop::collection::vec((1..=12u64, 1..=12u64), 1..4),
        lots in 1..=9i64,
    ) {
        let lot: i64 = ratios.iter().map(|(_, d)| i64::try_from(*d).unwrap()).product();
        let parts: i64 = ratios.iter().map(|(n, _)| i64::try_from(*n).unwrap()).product();
        let (mut units, mut price) = (Quantity(lots * lot * 1_000_000), Money(parts * 1_000_000));
        let wealth = units.worth_at(price);
        for (numerator, denominator) in ratios {
            let ratio = Ratio::new(numerator, denominator).unwrap();
            (units, price) = (ratio.units(units), ratio.price(price));
            prop_assert_eq!(units.worth_at(price), wealth);
        }
    }
}
