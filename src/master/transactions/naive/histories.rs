//! spec/master/transactions/naive.md · 3.1.7
//!
//! Random histories of orders, cancels, replacements, updates, splits, dividends and kills, told to
//! the master's module and to the naive model: the same answers, fills, cash and positions.

use super::*;
use crate::config::{FeeSettings, Percentage};
use crate::master::messages::{CancelOrder, OrderRequest, PlaceOrder, ReplaceOrder, Update};
use crate::master::testing::{FakeLink, MasterRig, bar, money, reason, symbol};
use crate::model::{
    AccountId, Action, ActionId, ActionKind, InLieuPrice, Money, Quantity, Timestamp,
    TransactionStatus,
};
use crate::wire::Reply;
use proptest::prelude::*;
use std::sync::Arc;
use uuid::Uuid;

/// The assets.
const ASSETS: [&str; 2] = ["AAPL", "IBM"];
/// The accounts.
const PEOPLE: usize = 2;
/// The price of both assets at first.
const FIRST: i64 = 20;
/// An hour of market time in milliseconds.
const HOUR: i64 = 3_600_000;

/// What happens next. Orders are named by any number, taken modulo the orders that there are.
#[derive(Debug, Clone)]
enum Step {
    Place(Placing),
    Cancel(usize),
    Replace(usize, Option<u8>, Option<u8>),
    /// Four prices of each asset with a new one, hours that have passed, what happens to assets, and
    /// what is asked for after its retrieval began.
    Update(
        [Option<[u8; 4]>; 2],
        u8,
        Option<(usize, Happening)>,
        Vec<Step>,
    ),
    Kill,
}

#[derive(Debug, Clone, Copy)]
enum Happening {
    Split(u8, u8),
    Dividend(u8),
}

#[derive(Debug, Clone, Copy)]
struct Placing {
    who: usize,
    asset: usize,
    is_buy: bool,
    is_cash: bool,
    amount: u8,
    kind: u8,
    limit: u8,
    stop: u8,
    force: u8,
}

/// A price of the histories: few of them, so that bars meet limits exactly.
fn price(step: u8) -> Money {
    Money((i64::from(step % 40) + 1) * 1_000_000)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..40)
}

fn request() -> impl Strategy<Value = Step> {
    let placing = (
        (
            0..PEOPLE,
            0..ASSETS.len(),
            any::<bool>(),
            prop::bool::weighted(0.2),
        ),
        (1..30u8, 0..5u8, 5..35u8, 5..35u8, 0..4u8),
    );
    let placing = placing.prop_map(|((who, asset, is_buy, is_cash), terms)| {
        let (amount, kind, limit, stop, force) = terms;
        Step::Place(Placing {
            who,
            asset,
            is_buy,
            is_cash,
            amount,
            kind,
            limit,
            stop,
            force,
        })
    });
    prop_oneof![
        6 => placing,
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => (any::<usize>(), prop::option::of(1..30u8), prop::option::of(5..35u8))
            .prop_map(|(order, amount, limit)| Step::Replace(order, amount, limit)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let bar = || prop::option::weighted(0.8, prop::array::uniform4(5..35u8));
    let happening = prop_oneof![
        (1..4u8, 1..4u8).prop_map(|(to, of)| Happening::Split(to, of)),
        (1..3u8).prop_map(Happening::Dividend),
    ];
    let happens = prop::option::weighted(0.15, (0..ASSETS.len(), happening));
    let late = prop::collection::vec(request(), 0..3);
    let update = (prop::array::uniform2(bar()), 0..30u8, happens, late)
        .prop_map(|(bars, hours, happens, late)| Step::Update(bars, hours, happens, late));
    prop_oneof![4 => request(), 3 => update, 1 => Just(Step::Kill)]
}

fn fees() -> impl Strategy<Value = NaiveFees> {
    let any_fees = (0..3i128, 0..3i128, 0..3i128, 0..3i128, 0..3i128);
    prop_oneof![
        Just(NaiveFees::default()),
        any_fees.prop_map(|(order, unit, percent, minimum, slippage)| NaiveFees {
            per_order: order * 330_000,
            per_unit: unit * 12_345,
            percent: percent * 123_456,
            minimum: minimum * 500_000,
            slippage_percent: slippage * 333_333,
        }),
    ]
}

fn small(value: i128) -> i64 {
    i64::try_from(value).unwrap()
}

/// Both models.
struct Both {
    rig: MasterRig,
    link: FakeLink,
    people: Vec<AccountId>,
    naive: NaiveMarket,
    /// The transaction of each order of the naive model, with its account.
    ids: Vec<(AccountId, Uuid)>,
    /// Sequence numbers of requests that are answered after the update.
    deferred: Vec<u64>,
    kills: usize,
    now: i64,
}

impl Both {
    fn new(fees: NaiveFees) -> Both {
        let mut rig = MasterRig::with(|config| {
            config.starting_cash = money("1000");
            config.fees = FeeSettings {
                per_order: Money(small(fees.per_order)),
                per_unit: Money(small(fees.per_unit)),
                percent: Percentage(small(fees.percent)),
                minimum: Money(small(fees.minimum)),
                slippage: Percentage(small(fees.slippage_percent)),
            };
        });
        let link = rig.link("eu0");
        let people: Vec<AccountId> = ["alice", "budi"].map(|name| rig.account(name)).to_vec();
        let first = bar(2, &FIRST.to_string());
        let update = rig.update_with(&ASSETS.map(|name| (symbol(name), first)));
        rig.tell(&update);
        let prices = ASSETS.map(|name| (symbol(name), i128::from(FIRST) * ONE));
        let cash = [1000 * ONE; PEOPLE];
        let naive = NaiveMarket::new(fees, &prices, first.time.0, update.number, &cash);
        Both {
            rig,
            link,
            people,
            naive,
            ids: Vec::new(),
            deferred: Vec::new(),
            kills: 0,
            now: first.time.0,
        }
    }

    fn ask(&mut self, request: OrderRequest, is_deferred: bool) -> Option<Reply> {
        let sequence = request.reply_to().sequence;
        self.rig.request_all(vec![request]);
        if is_deferred {
            self.deferred.push(sequence);
            return None;
        }
        Some(self.link.reply(sequence))
    }

    fn place(&mut self, it: Placing) -> Result<(), TestCaseError> {
        let stop = price(it.stop);
        let (limit, stop) = match it.kind {
            0 => (None, None),
            1 => (Some(price(it.limit)), None),
            2 => (None, Some(TrailDistance::Money(stop))),
            3 => (Some(price(it.limit)), Some(TrailDistance::Money(stop))),
            _ if it.limit.is_multiple_of(2) => {
                (None, Some(TrailDistance::Money(Money(stop.0 / 7))))
            }
            _ => (
                None,
                Some(TrailDistance::Percent(u32::from(it.stop) * 12_345)),
            ),
        };
        let kind = OrderKind::from_number(it.kind).unwrap();
        let units = i64::from(it.amount) * 500_000;
        let amount = match it.is_cash && it.is_buy {
            true => OrderAmount::Cash(Money(units * 10)),
            false => OrderAmount::Units(Quantity(units)),
        };
        let force = match it.force {
            0 | 1 => TimeInForce::Gtc,
            2 => TimeInForce::Day,
            _ => TimeInForce::Until(Timestamp(self.now + i64::from(it.limit) * HOUR)),
        };
        let side = if it.is_buy { Side::Buy } else { Side::Sell };
        let place = PlaceOrder {
            reply_to: self.link.reply_to(),
            account: Ok(self.people[it.who]),
            side,
            symbol: symbol(ASSETS[it.asset]),
            amount,
            kind,
            limit,
            stop,
            time_in_force: force,
            client_order_id: None,
        };
        let reply = self.ask(OrderRequest::Place(place), false).unwrap();
        let price_of = |stop: Option<TrailDistance>| match stop {
            Some(TrailDistance::Money(money)) => money,
            Some(TrailDistance::Percent(_)) | None => Money::ZERO,
        };
        let terms = match kind {
            OrderKind::Market => OrderTerms::Market,
            OrderKind::Limit => OrderTerms::Limit {
                limit: limit.unwrap(),
            },
            OrderKind::Stop => OrderTerms::Stop {
                stop: price_of(stop),
            },
            OrderKind::StopLimit => OrderTerms::StopLimit {
                limit: limit.unwrap(),
                stop: price_of(stop),
            },
            OrderKind::Trailing => OrderTerms::Trailing {
                distance: stop.unwrap(),
            },
        };
        let turn = self.naive.orders.iter().map(|order| order.turn + 1).max();
        let expected = self.naive.place(NaivePlacement {
            account: it.who,
            side,
            symbol: symbol(ASSETS[it.asset]),
            amount,
            terms,
            time_in_force: force,
            turn: turn.unwrap_or(0),
        });
        self.compare_placed(self.people[it.who], &reply, expected, &format!("{it:?}"))
    }

    fn compare_placed(
        &mut self,
        account: AccountId,
        reply: &Reply,
        expected: Result<usize, Reason>,
        what: &str,
    ) -> Result<(), TestCaseError> {
        match (reply, expected) {
            (Reply::OrderPlaced { id, .. }, Ok(at)) => {
                prop_assert_eq!(at, self.ids.len());
                self.ids.push((account, *id));
            }
            (Reply::OrderPlaced { .. }, Err(reason)) => {
                return Err(TestCaseError::fail(format!(
                    "{what}: not refused: {reason}"
                )));
            }
            (refused, expected) => {
                prop_assert_eq!(Err(reason(refused)), expected, "{}", what);
            }
        }
        Ok(())
    }

    fn cancel(&mut self, order: usize, is_late: bool) -> Result<(), TestCaseError> {
        let Some(at) = order.checked_rem(self.ids.len()) else {
            return Ok(());
        };
        let (account, id) = self.ids[at];
        let cancel = CancelOrder {
            reply_to: self.link.reply_to(),
            account: Ok(account),
            id,
        };
        // What has ended is known to have ended also while an update is under way.
        let is_deferred = is_late && self.naive.orders[at].is_alive();
        let reply = self.ask(OrderRequest::Cancel(cancel), is_deferred);
        let expected = if is_late && !is_deferred {
            self.naive.cancel_now(at)
        } else {
            match self.naive.cancel(at) {
                Some(expected) => expected,
                None => return Ok(()),
            }
        };
        match reply.unwrap() {
            Reply::OrderCancelled { .. } => prop_assert_eq!(expected, Ok(at)),
            refused => prop_assert_eq!(Err(reason(&refused)), expected),
        }
        Ok(())
    }

    fn replace(
        &mut self,
        order: usize,
        amount: Option<u8>,
        limit: Option<u8>,
        is_late: bool,
    ) -> Result<(), TestCaseError> {
        let Some(at) = order.checked_rem(self.ids.len()) else {
            return Ok(());
        };
        let (account, id) = self.ids[at];
        let old = self.naive.orders[at].clone();
        let has_limit = matches!(old.kind, OrderKind::Limit | OrderKind::StopLimit);
        let limit = limit.filter(|_| has_limit).map(price);
        let amount = amount.map(|amount| OrderAmount::Units(Quantity(i64::from(amount) * 500_000)));
        let replace = ReplaceOrder {
            reply_to: self.link.reply_to(),
            account: Ok(account),
            id,
            amount,
            limit,
            stop: None,
            client_order_id: None,
        };
        let is_deferred = is_late && old.is_alive();
        let reply = self.ask(OrderRequest::Replace(replace), is_deferred);
        let change = NaiveChange {
            amount,
            limit: limit.map(|limit| i128::from(limit.0)),
            stop: None,
        };
        let expected = if is_late && !is_deferred {
            self.naive.replace_now(at, change)
        } else {
            match self.naive.replace(at, change) {
                Some(expected) => expected,
                None => return Ok(()),
            }
        };
        self.compare_placed(account, &reply.unwrap(), expected, "replace")
    }

    fn kill(mut self) -> Both {
        self.kills += 1;
        let mut rig = self.rig.restart();
        let link = rig.link(&format!("eu{}", self.kills));
        Both { rig, link, ..self }
    }

    fn update(
        &mut self,
        prices: [Option<[u8; 4]>; 2],
        hours: u8,
        happens: Option<(usize, Happening)>,
        late: &[Step],
    ) -> Result<(), TestCaseError> {
        self.now += i64::from(hours) * HOUR + 1;
        let mut bars = Vec::new();
        for (name, prices) in ASSETS.iter().zip(prices) {
            let Some(prices) = prices else { continue };
            let [open, one, other, close] = prices.map(price);
            let all = [open, one, other, close];
            let bar = Bar {
                time: Timestamp(self.now),
                open,
                high: all.into_iter().max().unwrap(),
                low: all.into_iter().min().unwrap(),
                close,
                volume: 1,
            };
            bars.push((symbol(name), bar));
        }
        let mut update = self.rig.update_with(&bars);
        let mut acts = Vec::new();
        if let Some((asset, happening)) = happens
            && let Some((symbol, bar)) =
                bars.iter().find(|(name, _)| *name == symbol(ASSETS[asset]))
        {
            acts.push((*symbol, self.happen(&mut update, (*symbol, bar), happening)));
        }
        self.naive.begin(&bars);
        for step in late {
            match step {
                Step::Place(it) => self.place(*it)?,
                Step::Cancel(order) => self.cancel(*order, true)?,
                Step::Replace(order, amount, limit) => {
                    self.replace(*order, *amount, *limit, true)?;
                }
                Step::Update(..) | Step::Kill => {}
            }
        }
        self.rig.tell(&update);
        let before = self.naive.answers.len();
        self.naive.publish(&bars, &acts, false);
        let answers: Vec<_> = self.naive.answers[before..].to_vec();
        let replies = self.link.replies();
        let deferred = std::mem::take(&mut self.deferred);
        let answered: Vec<u64> = replies.iter().map(|(sequence, _)| *sequence).collect();
        prop_assert_eq!(answered, deferred);
        for ((_, reply), expected) in replies.into_iter().zip(answers) {
            match (reply, expected) {
                (Reply::OrderCancelled { .. }, expected) => prop_assert!(expected.is_ok()),
                (Reply::OrderPlaced { id, .. }, Ok(at)) => {
                    prop_assert_eq!(at, self.ids.len());
                    self.ids
                        .push((self.people[self.naive.orders[at].account], id));
                }
                (reply, expected) => prop_assert_eq!(Err(reason(&reply)), expected),
            }
        }
        Ok(())
    }

    fn happen(
        &self,
        update: &mut Update,
        (symbol, bar): (Symbol, &Bar),
        happening: Happening,
    ) -> NaiveAction {
        let (kind, naive) = match happening {
            Happening::Split(to, of) => {
                let ratio = Ratio::new(to.into(), of.into()).unwrap();
                (ActionKind::Split(ratio), NaiveAction::Split(ratio))
            }
            Happening::Dividend(each) => {
                let each = price(each);
                let naive = NaiveAction::Dividend(i128::from(each.0));
                (ActionKind::Dividend(each), naive)
            }
        };
        let id = ActionId::parse(&format!("u{}", update.number)).unwrap();
        let mut action = Action::new(bar.time, symbol, kind, Some(id));
        if action.wants_price() {
            action.in_lieu = Some(InLieuPrice {
                value: bar.close,
                update: update.number,
            });
        }
        let snapshot = Arc::make_mut(&mut update.snapshot);
        snapshot.come_into_force(&[action]);
        self.rig.publish(update);
        self.rig.act(update, &[action]);
        naive
    }

    /// Whether both have the same.
    fn compare(&self) -> Result<(), TestCaseError> {
        let mut storage = self.rig.engine.storage();
        for (at, (account, id)) in self.ids.iter().enumerate() {
            let read = storage.read(|snapshot| snapshot.transaction(*account, id));
            let row = read.unwrap().unwrap().transaction;
            let order = &self.naive.orders[at];
            let state = match row.status {
                TransactionStatus::Queued => NaiveState::Queued,
                TransactionStatus::Open => NaiveState::Open,
                TransactionStatus::Settled => NaiveState::Filled {
                    units: row.quantity.0.into(),
                    price: row.price.unwrap().0.into(),
                    total: row.total.unwrap().0.into(),
                },
                TransactionStatus::Rejected
                | TransactionStatus::Cancelled
                | TransactionStatus::Expired => NaiveState::Ended(row.reason.unwrap()),
            };
            prop_assert_eq!(state, order.state, "order {}: {:?}", at, order);
        }
        for (account, expected) in self.people.iter().zip(&self.naive.accounts) {
            let held = self.rig.holdings(*account);
            let positions = held.positions.into_iter();
            let found = NaiveAccount {
                cash: held.cash.0.into(),
                positions: positions
                    .map(|(symbol, (units, cost))| (symbol, (units.0.into(), cost.0.into())))
                    .collect(),
            };
            prop_assert_eq!(&found, expected);
        }
        Ok(())
    }
}

proptest! {
    // PROPTEST_CASES=2000 for a long run.
    #![proptest_config(ProptestConfig { cases: std::env::var("PROPTEST_CASES").map_or(64, |text| text.parse().unwrap()), max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_module_and_the_naive_model_fill_alike(fees in fees(), steps in steps()) {
        let mut both = Both::new(fees);
        for step in &steps {
            match step {
                Step::Place(it) => both.place(*it)?,
                Step::Cancel(order) => both.cancel(*order, false)?,
                Step::Replace(order, amount, limit) => {
                    both.replace(*order, *amount, *limit, false)?;
                }
                Step::Update(prices, hours, happens, late) => {
                    both.update(*prices, *hours, *happens, late)?;
                }
                Step::Kill => both = both.kill(),
            }
            both.compare()?;
        }
        let checked = crate::master::verify::check(&mut both.rig.engine.reader(), &|| false);
        prop_assert!(checked.unwrap().is_clean());
    }
}
