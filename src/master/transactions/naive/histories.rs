//! spec/master/transactions/naive.md · 3.1.7
//!
//! Random histories of orders, cancels, replacements, updates, splits, dividends and kills, told to
//! the master's module and to the naive model: the same answers, fills, cash and positions.
//!
//! Tests: `src/master/transactions/naive/histories.rs`.

use super::*;
use crate::config::{FeeSettings, Percentage};
use crate::master::assets::PriceSnapshot;
use crate::master::messages::{
    AccountCancellation, CancelOrder, Order, OrderRequest, PlaceOrder, ReplaceOrder,
    TransactionsMessage, Update,
};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::ledger::LedgerEntry;
use crate::master::storage::order_details::OrderDetails;
use crate::master::storage::testing::move_there_and_back;
use crate::master::testing::{FakeLink, MasterRig, bar, reason, symbol};
use crate::master::transactions::book::order::BookProgress;
use crate::master::transactions::reserves::LatestPrices;
use crate::model::{
    AccountId, Action, ActionId, ActionKind, InLieuPrice, Money, Quantity, Timestamp,
    TransactionStatus,
};
use crate::runtime::Module;
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
/// A quarter of a day of market time in milliseconds.
const QUARTER: i64 = DAY / 4;

/// What happens next. Orders are named by any number, taken modulo the orders that there are.
#[derive(Debug, Clone)]
enum Step {
    Ask(Asking),
    Update(NextUpdate),
    Kill,
}

/// What somebody asks for, through one of two workers.
#[derive(Debug, Clone, Copy)]
struct Asking {
    via: usize,
    what: Asked,
}

#[derive(Debug, Clone, Copy)]
enum Asked {
    Place(Placing),
    Cancel(usize),
    Replace(Replacing),
}

#[derive(Debug, Clone)]
struct NextUpdate {
    /// Four prices of each asset with a new one.
    prices: [Option<[u8; 4]>; 2],
    /// That have passed.
    quarters: u8,
    happens: Option<(usize, Happening)>,
    /// What is asked for after its retrieval began.
    late: Vec<Asking>,
    mishap: Option<Mishap>,
}

/// What comes between the publication of an update and its settlement.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    Kill,
    /// The first try to store it fails.
    Refusal,
}

#[derive(Debug, Clone, Copy)]
enum Happening {
    Split(u8, u8),
    Dividend(u8),
    /// The first asset gets a new name.
    Rename,
    /// The second asset ends.
    Delist(u8),
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
    /// By purchaseAsset or sellAsset, where the kind is market.
    is_first_edition: bool,
}

impl Placing {
    /// Limit and stop.
    fn prices(&self) -> (Option<Money>, Option<TrailDistance>) {
        let stop = price(self.stop);
        match self.kind {
            0 => (None, None),
            1 => (Some(price(self.limit)), None),
            2 => (None, Some(TrailDistance::Money(stop))),
            3 => (Some(price(self.limit)), Some(TrailDistance::Money(stop))),
            _ if self.limit.is_multiple_of(2) => {
                (None, Some(TrailDistance::Money(Money(stop.0 / 7))))
            }
            _ => (
                None,
                Some(TrailDistance::Percent(u32::from(self.stop) * 12_345)),
            ),
        }
    }

    fn time_in_force(&self, now: i64) -> TimeInForce {
        match self.force {
            0 | 1 => TimeInForce::Gtc,
            2 => TimeInForce::Day,
            // The very moment of an update, or the one after self.
            more => {
                let end = later(now, 1 + self.limit % 6);
                TimeInForce::Until(Timestamp(end + i64::from(more - 3)))
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Replacing {
    order: usize,
    amount: Option<u8>,
    limit: Option<u8>,
    stop: Option<u8>,
}

/// A price of the histories: few of them, so that bars meet limits exactly.
fn price(step: u8) -> Money {
    Money((i64::from(step % 40) + 1) * 1_000_000)
}

/// Units of the histories, whose fees have parts below a millionth.
fn units(amount: u8) -> Quantity {
    Quantity(i64::from(amount) * 433_337)
}

fn placing() -> impl Strategy<Value = Asked> {
    let who = (
        0..PEOPLE,
        0..ASSETS.len(),
        prop::bool::weighted(0.6),
        prop::bool::weighted(0.2),
        any::<bool>(),
    );
    // Market orders and stop-limits are more.
    let kind = prop_oneof![
        Just(0u8),
        Just(0),
        Just(1),
        Just(2),
        Just(3),
        Just(3),
        Just(4)
    ];
    let terms = (1..30u8, kind, 5..35u8, 5..35u8, 0..5u8);
    (who, terms).prop_map(|((who, asset, is_buy, is_cash, is_first_edition), terms)| {
        let (amount, kind, limit, stop, force) = terms;
        Asked::Place(Placing {
            who,
            asset,
            is_buy,
            is_cash,
            amount,
            kind,
            limit,
            stop,
            force,
            is_first_edition,
        })
    })
}

fn asking() -> impl Strategy<Value = Asking> {
    let change = prop::option::of(5..35u8);
    let replacing = (
        any::<usize>(),
        prop::option::of(1..30u8),
        change.clone(),
        change,
    );
    let what = prop_oneof![
        6 => placing(),
        1 => any::<usize>().prop_map(Asked::Cancel),
        2 => replacing.prop_map(|(order, amount, limit, stop)| Asked::Replace(Replacing {
            order,
            amount,
            limit,
            stop,
        })),
    ];
    (0..2usize, what).prop_map(|(via, what)| Asking { via, what })
}

fn next_update() -> impl Strategy<Value = NextUpdate> {
    let bar = || prop::option::weighted(0.8, prop::array::uniform4(5..35u8));
    let happening = prop_oneof![
        4 => (1..4u8, 1..4u8).prop_map(|(to, of)| Happening::Split(to, of)),
        2 => (1..3u8).prop_map(Happening::Dividend),
        1 => Just(Happening::Rename),
        1 => (1..30u8).prop_map(Happening::Delist),
    ];
    let happens = prop::option::weighted(0.15, (0..ASSETS.len(), happening));
    let late = prop::collection::vec(asking(), 0..3);
    let mishap = prop_oneof![Just(Mishap::Kill), Just(Mishap::Refusal)];
    let mishap = prop::option::weighted(0.15, mishap);
    // Quarters of days, so that updates meet ends exactly; and now and then so many days that orders
    // end.
    let quarters = prop_oneof![9 => 1..6u8, 1 => 50..120u8];
    (
        prop::array::uniform2(bar()),
        quarters,
        happens,
        late,
        mishap,
    )
        .prop_map(|(prices, quarters, happens, late, mishap)| NextUpdate {
            prices,
            quarters,
            happens,
            late,
            mishap,
        })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => asking().prop_map(Step::Ask),
        8 => next_update().prop_map(Step::Update),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..50)
}

/// The cash with which everybody begins: a little more than orders take, or so much that it does not
/// bind.
fn cash() -> impl Strategy<Value = i64> {
    prop_oneof![3 => 100..400i64, 1 => Just(3_000)]
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

/// Market time when so many quarters of days have begun.
fn later(now: i64, quarters: u8) -> i64 {
    (now.div_euclid(QUARTER) + i64::from(quarters)) * QUARTER
}

fn small(value: i128) -> i64 {
    i64::try_from(value).unwrap()
}

/// A bar of these four prices.
fn bar_of(time: i64, prices: [u8; 4]) -> Bar {
    let [open, one, other, close] = prices.map(price);
    let all = [open, one, other, close];
    Bar {
        time: Timestamp(time),
        open,
        high: all.into_iter().max().unwrap(),
        low: all.into_iter().min().unwrap(),
        close,
        volume: 1,
    }
}

/// What is done after a retrieval began.
#[derive(Debug, Clone)]
enum Late {
    Ask(Asking),
    /// The account is locked or deleted.
    Leave {
        who: usize,
        is_deletion: bool,
    },
}

fn late() -> impl Strategy<Value = Vec<Late>> {
    let late = prop_oneof![
        8 => asking().prop_map(Late::Ask),
        1 => (0..PEOPLE, any::<bool>())
            .prop_map(|(who, is_deletion)| Late::Leave { who, is_deletion }),
    ];
    prop::collection::vec(late, 1..12)
}

/// Both models.
struct Both {
    rig: MasterRig,
    links: [FakeLink; 2],
    people: Vec<AccountId>,
    naive: NaiveMarket,
    /// The transaction of each order of the naive model, with its account.
    ids: Vec<(AccountId, Uuid)>,
    /// Requests that are answered after the update: worker and sequence number.
    deferred: Vec<(usize, u64)>,
    /// Of purchaseAsset and sellAsset, whose outcome is still to be told: the order.
    waiters: BTreeMap<(usize, u64), usize>,
    /// What came over the links and was not looked at.
    heard: Vec<((usize, u64), Reply)>,
    now: i64,
    /// The names of the assets; `None`: it has ended.
    names: [Option<Symbol>; 2],
    asked: u64,
}

/// What the turns of the second worker are behind: its clock is late, so its orders come first.
const LATE_CLOCK: i64 = 30_000;

fn differs<T>(what: impl std::fmt::Display) -> Result<T, TestCaseError> {
    Err(TestCaseError::fail(what.to_string()))
}

impl Both {
    fn new(fees: NaiveFees, cash: i64) -> Both {
        let mut rig = MasterRig::with(|config| {
            config.starting_cash = Money(cash * 1_000_000);
            config.fees = FeeSettings {
                per_order: Money(small(fees.per_order)),
                per_unit: Money(small(fees.per_unit)),
                percent: Percentage(small(fees.percent)),
                minimum: Money(small(fees.minimum)),
                slippage: Percentage(small(fees.slippage_percent)),
            };
        });
        let links = ["eu0", "eu1"].map(|name| rig.link(name));
        let people: Vec<AccountId> = ["alice", "budi"].map(|name| rig.account(name)).to_vec();
        let first = bar(2, &FIRST.to_string());
        let update = rig.update_with(&ASSETS.map(|name| (symbol(name), first)));
        rig.tell(&update);
        let prices = ASSETS.map(|name| (symbol(name), i128::from(FIRST) * ONE));
        let cash = [i128::from(cash) * ONE; PEOPLE];
        let naive = NaiveMarket::new(fees, &prices, first.time.0, update.number, &cash);
        Both {
            rig,
            links,
            people,
            naive,
            ids: Vec::new(),
            deferred: Vec::new(),
            waiters: BTreeMap::new(),
            heard: Vec::new(),
            now: first.time.0,
            names: ASSETS.map(|name| Some(symbol(name))),
            asked: 0,
        }
    }

    /// The way back of a request through this worker, and the turn of an order that it brings.
    fn reply_to(&mut self, via: usize) -> (ReplyTo, u64) {
        self.asked += 1;
        let mut reply_to = self.links[via].reply_to();
        let is_first = via == 1;
        if is_first {
            reply_to.timestamp.0 -= LATE_CLOCK;
        }
        (reply_to, self.asked + if is_first { 0 } else { 1 << 32 })
    }

    fn hear(&mut self) {
        for (via, link) in self.links.iter_mut().enumerate() {
            let replies = link.replies().into_iter();
            self.heard
                .extend(replies.map(|(sequence, reply)| ((via, sequence), reply)));
        }
    }

    /// The first answer to a request.
    fn answer(&mut self, key: (usize, u64)) -> Result<Reply, TestCaseError> {
        let Some(at) = self.heard.iter().position(|(of, _)| *of == key) else {
            return differs(format!("no answer: {key:?}"));
        };
        Ok(self.heard.remove(at).1)
    }

    /// Asks for something; `None`: it is answered after the update.
    fn ask(
        &mut self,
        via: usize,
        request: OrderRequest,
        is_deferred: bool,
    ) -> Result<Option<Reply>, TestCaseError> {
        let key = (via, request.reply_to().sequence);
        self.rig.request_all(vec![request]);
        self.hear();
        if is_deferred {
            self.deferred.push(key);
            return Ok(None);
        }
        Ok(Some(self.answer(key)?))
    }

    fn asked(&mut self, asking: &Asking, is_late: bool) -> Result<(), TestCaseError> {
        match asking.what {
            Asked::Place(it) => self.place(asking.via, it),
            Asked::Cancel(order) => self.cancel(asking.via, order, is_late),
            Asked::Replace(it) => self.replace(asking.via, it, is_late),
        }
    }

    /// A request for a new order, and what it says to the naive model; `None` where its asset has
    /// ended.
    fn placing(&mut self, via: usize, it: &Placing) -> Option<(OrderRequest, NaivePlacement)> {
        let symbol = self.names[it.asset]?;
        let (limit, stop) = it.prices();
        let kind = OrderKind::from_number(it.kind).unwrap();
        let is_first_edition = kind == OrderKind::Market && it.is_first_edition;
        let amount = match it.is_cash && it.is_buy && !is_first_edition {
            true => OrderAmount::Cash(Money(units(it.amount).0 * 10)),
            false => OrderAmount::Units(units(it.amount)),
        };
        let force = if is_first_edition {
            TimeInForce::Gtc
        } else {
            it.time_in_force(self.now)
        };
        let side = if it.is_buy { Side::Buy } else { Side::Sell };
        let (reply_to, turn) = self.reply_to(via);
        let account = Ok(self.people[it.who]);
        let request = match amount {
            OrderAmount::Units(quantity) if is_first_edition => OrderRequest::Order(Order {
                reply_to,
                account,
                side,
                symbol,
                quantity,
                client_order_id: None,
            }),
            amount => OrderRequest::Place(PlaceOrder {
                reply_to,
                account,
                side,
                symbol,
                amount,
                kind,
                limit,
                stop,
                time_in_force: force,
                client_order_id: None,
            }),
        };
        let placement = NaivePlacement {
            account: it.who,
            side,
            symbol,
            amount,
            terms: OrderTerms::of(kind, limit, stop).unwrap(),
            time_in_force: force,
            turn,
        };
        Some((request, placement))
    }

    fn place(&mut self, via: usize, it: Placing) -> Result<(), TestCaseError> {
        let Some((request, placement)) = self.placing(via, &it) else {
            return Ok(());
        };
        let key = (via, request.reply_to().sequence);
        let waits = matches!(request, OrderRequest::Order(_));
        let reply = self.ask(via, request, false)?.unwrap();
        let expected = self.naive.place(placement);
        if waits && let Ok(at) = expected {
            self.waiters.insert(key, at);
        }
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
            (Reply::OrderPlaced { id, .. } | Reply::Queued { id, .. }, Ok(at)) => {
                prop_assert_eq!(at, self.ids.len());
                self.ids.push((account, *id));
            }
            (Reply::OrderPlaced { .. } | Reply::Queued { .. }, Err(reason)) => {
                return differs(format!("{what}: not refused: {reason}"));
            }
            (refused, expected) => {
                prop_assert_eq!(Err(reason(refused)), expected, "{}", what);
            }
        }
        Ok(())
    }

    /// A request to cancel an order; `None` where there is none.
    fn cancelling(&mut self, via: usize, order: usize) -> Option<(OrderRequest, usize)> {
        let at = order.checked_rem(self.ids.len())?;
        let (account, id) = self.ids[at];
        let cancel = CancelOrder {
            reply_to: self.reply_to(via).0,
            account: Ok(account),
            id,
        };
        Some((OrderRequest::Cancel(cancel), at))
    }

    fn cancel(&mut self, via: usize, order: usize, is_late: bool) -> Result<(), TestCaseError> {
        let Some((request, at)) = self.cancelling(via, order) else {
            return Ok(());
        };
        // What has ended is known to have ended also while an update is under way.
        let is_deferred = is_late && self.naive.orders[at].is_alive();
        let reply = self.ask(via, request, is_deferred)?;
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

    /// A request to replace an order, and what it says to the naive model; `None` where there is
    /// none.
    fn replacing(
        &mut self,
        via: usize,
        it: &Replacing,
    ) -> Option<(OrderRequest, usize, NaiveChange)> {
        let at = it.order.checked_rem(self.ids.len())?;
        let (account, id) = self.ids[at];
        let old = self.naive.orders[at].clone();
        let has_limit = matches!(old.kind, OrderKind::Limit | OrderKind::StopLimit);
        let limit = it.limit.filter(|_| has_limit).map(price);
        let has_stop = !matches!(old.kind, OrderKind::Limit | OrderKind::Market);
        let stop = it.stop.filter(|_| has_stop).map(price).map(|stop| {
            let is_trailing = old.kind == OrderKind::Trailing;
            TrailDistance::Money(Money(stop.0 / if is_trailing { 7 } else { 1 }))
        });
        let amount = it.amount.map(|amount| OrderAmount::Units(units(amount)));
        let (reply_to, turn) = self.reply_to(via);
        let replace = ReplaceOrder {
            reply_to,
            account: Ok(account),
            id,
            amount,
            limit,
            stop,
            client_order_id: None,
        };
        let change = NaiveChange {
            amount,
            limit: limit.map(|limit| i128::from(limit.0)),
            stop,
            turn,
        };
        Some((OrderRequest::Replace(replace), at, change))
    }

    fn replace(&mut self, via: usize, it: Replacing, is_late: bool) -> Result<(), TestCaseError> {
        let Some((request, at, change)) = self.replacing(via, &it) else {
            return Ok(());
        };
        let account = self.ids[at].0;
        let is_deferred = is_late && self.naive.orders[at].is_alive();
        let reply = self.ask(via, request, is_deferred)?;
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

    /// The process ends and another one begins. `settled`: the last update that it has settled.
    fn kill(mut self, settled: u64) -> Both {
        // Nobody waits for an outcome over a link that is gone.
        self.waiters.clear();
        self.deferred.clear();
        self.naive.deferred.clear();
        let mut rig = self.rig.restart();
        rig.transactions.state.seen_update = settled;
        let links = ["eu0", "eu1"].map(|name| rig.link(name));
        Both { rig, links, ..self }
    }

    /// What happens with an update, if it can.
    fn happens(&self, next: &NextUpdate) -> Option<(usize, Happening)> {
        // An asset has one new name at most, from a price of it on, and ends without one.
        match next.happens {
            Some((_, Happening::Rename)) if self.names[0] != Some(symbol(ASSETS[0])) => None,
            Some((_, Happening::Rename)) if next.prices[0].is_none() => None,
            Some((_, Happening::Delist(_))) if self.names[1].is_none() => None,
            Some((asset, Happening::Split(..) | Happening::Dividend(_)))
                if next.prices[asset].is_none() || self.names[asset].is_none() =>
            {
                None
            }
            happens => happens,
        }
    }

    /// Tells the modules of an update, whatever comes between.
    fn settle_through(
        mut self,
        update: &Update,
        mishap: Option<Mishap>,
    ) -> Result<Both, TestCaseError> {
        match mishap {
            Some(Mishap::Kill) => self = self.kill(update.number - 1),
            // The settlement alone: what is asked for behind it may be stored.
            Some(Mishap::Refusal) => {
                let settles = "NEW.update_number IS NOT NULL";
                self.rig.engine.refuse("UPDATE", "transactions", settles);
            }
            None => {}
        }
        self.rig.tell(update);
        if matches!(mishap, Some(Mishap::Refusal)) {
            self.rig.allow_changes();
            prop_assert!(self.rig.transactions.settle_pending());
            self.rig.transactions.take_deferred();
        }
        Ok(self)
    }

    fn update(mut self, next: &NextUpdate, is_last: bool) -> Result<Both, TestCaseError> {
        self.now = later(self.now, next.quarters);
        let happens = self.happens(next);
        let mut names = self.names;
        let mut prices = next.prices;
        let before = names;
        match happens {
            Some((_, Happening::Rename)) => names[0] = Some(symbol("NEW")),
            Some((_, Happening::Delist(_))) => names[1] = None,
            Some((_, Happening::Split(..) | Happening::Dividend(_))) | None => {}
        }
        let mut bars = Vec::new();
        for (name, prices) in names.iter().zip(&mut prices) {
            let (Some(name), Some(prices)) = (*name, prices.take()) else {
                continue;
            };
            bars.push((name, bar_of(self.now, prices)));
        }
        let mut update = self.rig.update_with(&bars);
        let mut acts = Vec::new();
        if let Some((asset, happening)) = happens {
            let asset = match happening {
                Happening::Rename => 0,
                Happening::Delist(_) => 1,
                Happening::Split(..) | Happening::Dividend(_) => asset,
            };
            let symbol = before[asset].unwrap();
            let new = names[asset];
            let bar = bars.iter().find(|(name, _)| Some(*name) == new);
            let bar = bar.map(|(_, bar)| *bar);
            acts.push((symbol, self.happen(&mut update, (symbol, bar), happening)));
        }
        self.names = names;
        self.naive.begin(&bars);
        for asking in &next.late {
            self.asked(asking, true)?;
        }
        if is_last {
            Arc::make_mut(&mut update.snapshot).exhausted = true;
        }
        self = self.settle_through(&update, next.mishap)?;
        let answered = self.naive.answers.len();
        self.naive.publish(&bars, &acts, is_last);
        let answers = self.naive.answers[answered..].to_vec();
        self.compare_answers(answers)?;
        Ok(self)
    }

    /// Whether the requests that waited for the update are answered.
    fn compare_answers(
        &mut self,
        answers: Vec<Result<usize, Reason>>,
    ) -> Result<(), TestCaseError> {
        self.hear();
        let deferred = std::mem::take(&mut self.deferred);
        prop_assert_eq!(deferred.len(), answers.len());
        for (key, expected) in deferred.into_iter().zip(answers) {
            match (self.answer(key)?, expected) {
                (Reply::OrderCancelled { .. }, expected) => prop_assert!(expected.is_ok()),
                (reply @ Reply::OrderPlaced { .. }, Ok(at)) => {
                    let account = self.people[self.naive.orders[at].account];
                    self.compare_placed(account, &reply, expected, "replace")?;
                }
                (reply, expected) => prop_assert_eq!(Err(reason(&reply)), expected),
            }
        }
        Ok(())
    }

    fn happen(
        &self,
        update: &mut Update,
        (symbol, bar): (Symbol, Option<Bar>),
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
            Happening::Rename => {
                let new = crate::master::testing::symbol("NEW");
                (ActionKind::Rename(new), NaiveAction::Rename(new))
            }
            Happening::Delist(each) => {
                let each = price(each);
                let naive = NaiveAction::Delist(i128::from(each.0));
                (ActionKind::Delist(each), naive)
            }
        };
        let id = ActionId::parse(&format!("u{}", update.number)).unwrap();
        let mut action = Action::new(Timestamp(self.now), symbol, kind, Some(id));
        if let Some(bar) = bar.filter(|_| action.wants_price()) {
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
    fn compare(&mut self) -> Result<(), TestCaseError> {
        self.compare_outcomes()?;
        let mut storage = self.rig.engine.storage();
        let read = storage.read(|snapshot| {
            let mut rows = Vec::new();
            for (account, id) in &self.ids {
                let entry = snapshot.transaction(*account, id)?.unwrap();
                let details = snapshot.order_details(entry.rank.number)?;
                rows.push((entry, details));
            }
            Ok(rows)
        });
        for (at, (entry, details)) in read.unwrap().iter().enumerate() {
            let row = &entry.transaction;
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
            if order.is_alive() {
                self.compare_alive(entry, details.as_ref(), order)?;
            }
        }
        for (number, account) in self.people.clone().into_iter().enumerate() {
            self.compare_account(number, account)?;
        }
        Ok(())
    }

    /// Whether each outcome of purchaseAsset and sellAsset is told once, as soon as there is one.
    fn compare_outcomes(&mut self) -> Result<(), TestCaseError> {
        for (key, reply) in std::mem::take(&mut self.heard) {
            let Some(at) = self.waiters.remove(&key) else {
                return differs(format!("nobody waits for {reply:?}"));
            };
            let state = self.naive.orders[at].state;
            match (&reply, state) {
                (Reply::Filled(fill), NaiveState::Filled { price, total, .. }) => {
                    prop_assert_eq!(i128::from(fill.price.0), price);
                    prop_assert_eq!(i128::from(fill.total.0), total);
                }
                (refused, NaiveState::Ended(why)) => {
                    prop_assert_eq!(reason(refused), why.of_version_1());
                }
                (reply, state) => return differs(format!("{reply:?} of {state:?}")),
            }
        }
        for at in self.waiters.values() {
            prop_assert!(
                self.naive.orders[*at].is_alive(),
                "the end of {} is not told",
                at
            );
        }
        Ok(())
    }

    /// Whether an order that has not ended has the same terms.
    fn compare_alive(
        &self,
        entry: &LedgerEntry,
        details: Option<&OrderDetails>,
        order: &NaiveOrder,
    ) -> Result<(), TestCaseError> {
        let wide = |money: Option<Money>| money.map_or(0, |money| i128::from(money.0));
        prop_assert_eq!(i128::from(entry.transaction.quantity.0), order.units);
        prop_assert_eq!(entry.transaction.symbol, order.symbol);
        prop_assert_eq!(wide(entry.reserve), order.reserve, "reserve of {:?}", order);
        let Some(details) = details else {
            return Ok(());
        };
        if order.kind != OrderKind::Market {
            let until = details.until.map(|until| until.0);
            prop_assert_eq!(until, order.until, "end of {:?}", order);
        }
        match details.terms {
            OrderTerms::Market => {}
            OrderTerms::Limit { limit } => prop_assert_eq!(i128::from(limit.0), order.limit),
            OrderTerms::Stop { stop } => prop_assert_eq!(i128::from(stop.0), order.stop),
            OrderTerms::StopLimit { limit, stop } => {
                prop_assert_eq!(i128::from(limit.0), order.limit);
                prop_assert_eq!(i128::from(stop.0), order.stop);
                prop_assert_eq!(details.triggered, order.triggered);
            }
            OrderTerms::Trailing { distance } => {
                prop_assert_eq!(Some(distance), order.distance);
                let book = self.rig.transactions.state.waiting.book();
                let best = BookProgress::Best(Money(small(order.best)));
                let found = book.get(entry.rank.number).map(|order| order.progress);
                prop_assert_eq!(found, Some(best), "level of {:?}", order);
            }
        }
        Ok(())
    }

    fn compare_account(&mut self, number: usize, account: AccountId) -> Result<(), TestCaseError> {
        let held = self.rig.holdings(account);
        let positions = held.positions.into_iter();
        let found = NaiveAccount {
            cash: held.cash.0.into(),
            positions: positions
                .map(|(symbol, (units, cost))| (symbol, (units.0.into(), cost.0.into())))
                .collect(),
        };
        prop_assert_eq!(&found, &self.naive.accounts[number]);
        let state = &mut self.rig.transactions.state;
        let prices = state.assets.prices();
        let latest = |symbol: &Symbol| prices.last_quote(symbol).map(|quote| quote.value);
        let latest = LatestPrices {
            number: prices.number,
            of: &latest,
            fees: &state.fees,
        };
        let reserves = state.waiting.book_mut().reserves_mut();
        for kind in [OrderKind::Limit, OrderKind::Market] {
            let power = reserves.buying_power(account, held.cash, kind, latest);
            let expected = self.naive.buying_power(number, kind == OrderKind::Market);
            prop_assert_eq!(i128::from(power.0), expected, "buying power, {}", kind);
        }
        let reserved: i128 = self.naive.alive_of(number).map(|it| it.reserve).sum();
        prop_assert_eq!(i128::from(reserves.reserved(account).0), reserved);
        for symbol in self.names.iter().flatten() {
            let sales = self.naive.alive_of(number);
            let sales = sales.filter(|it| it.side == Side::Sell && it.symbol == *symbol);
            let promised: i128 = sales.map(|it| it.units).sum();
            prop_assert_eq!(i128::from(reserves.promised(account, symbol).0), promised);
        }
        Ok(())
    }

    /// What an update made of the first orders: outcome or trigger.
    fn made(&self, orders: usize, update: u64) -> Vec<Option<String>> {
        let mut storage = self.rig.engine.storage();
        let read = storage.read(|snapshot| {
            let mut made = Vec::new();
            for (account, id) in &self.ids[..orders] {
                let entry = snapshot.transaction(*account, id)?.unwrap();
                let details = snapshot.order_details(entry.rank.number)?;
                let row = &entry.transaction;
                let outcome = (row.status, row.quantity, row.price, row.total, &row.reason);
                made.push(if entry.update == Some(update) {
                    Some(format!("{outcome:?}"))
                } else {
                    let triggered = details.and_then(|details| details.triggered);
                    triggered
                        .filter(|at| *at == update)
                        .map(|at| at.to_string())
                });
            }
            Ok(made)
        });
        read.unwrap()
    }

    /// What somebody does after a retrieval began, whatever is answered.
    fn does(&mut self, late: &Late) {
        let request = match late {
            Late::Ask(Asking { via, what }) => match what {
                Asked::Place(it) => self.placing(*via, it).map(|(request, _)| request),
                Asked::Cancel(order) => self.cancelling(*via, *order).map(|(request, _)| request),
                Asked::Replace(it) => self.replacing(*via, it).map(|(request, ..)| request),
            },
            Late::Leave { who, is_deletion } => {
                let cancellation = AccountCancellation {
                    is_deletion: *is_deletion,
                    ..AccountCancellation::of_locked(self.people[*who])
                };
                self.rig
                    .transactions
                    .on_message(TransactionsMessage::Cancel(cancellation));
                self.rig.transactions.on_turn_end();
                None
            }
        };
        self.rig.request_all(request.into_iter().collect());
        self.hear();
        self.heard.clear();
    }

    /// An update whose prices are published after some of what is done since its retrieval began.
    /// Returns what it made of the orders from before.
    fn made_by(&mut self, prices: [Option<[u8; 4]>; 2], late: &[Late]) -> Vec<Option<String>> {
        let orders = self.ids.len();
        self.now = later(self.now, 1);
        let named = self.names.iter().zip(prices);
        let bars: Vec<(Symbol, Bar)> = named
            .filter_map(|(name, prices)| Some(((*name)?, bar_of(self.now, prices?))))
            .collect();
        let before = self.rig.assets.prices();
        let update = self.rig.update_with(&bars);
        let (unseen, seen) = late.split_at(late.len() / 2);
        self.rig.assets.prices.store(PriceSnapshot::clone(&before));
        for late in unseen {
            self.does(late);
        }
        self.rig.publish(&update);
        for late in seen {
            self.does(late);
        }
        self.rig.tell(&update);
        self.made(orders, update.number)
    }

    /// Whether the ledger is in order.
    fn verify(&mut self) -> Result<(), TestCaseError> {
        let checked = crate::master::verify::check(&mut self.rig.engine.reader(), &|| false);
        prop_assert_eq!(checked.unwrap().differences, Vec::<String>::new());
        Ok(())
    }

    fn step(mut self, step: &Step) -> Result<Both, TestCaseError> {
        match step {
            Step::Ask(asking) => self.asked(asking, false)?,
            Step::Update(next) => self = self.update(next, false)?,
            Step::Kill => {
                let settled = self.naive.update;
                self = self.kill(settled);
            }
        }
        self.compare()?;
        Ok(self)
    }
}

/// Histories of a run: PROPTEST_CASES=2000 for a long one.
fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES");
    ProptestConfig {
        cases: asked.map_or(cases, |text| text.parse().unwrap()),
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn the_module_and_the_naive_model_fill_alike(
        fees in fees(),
        cash in cash(),
        steps in steps(),
        last in prop::option::weighted(0.3, next_update()),
    ) {
        let mut both = Both::new(fees, cash);
        for step in &steps {
            both = both.step(step)?;
        }
        if let Some(last) = last {
            both = both.update(&last, true)?;
            both.compare()?;
        }
        both.verify()?;
    }
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn a_deployment_that_is_moved_to_another_engine_and_back_is_the_same(
        fees in fees(),
        cash in cash(),
        steps in steps(),
    ) {
        let mut both = Both::new(fees, cash);
        for step in &steps {
            both = both.step(step)?;
        }
        move_there_and_back(&both.rig.engine);
        both.verify()?;
    }
}

proptest! {
    #![proptest_config(config(32))]

    #[test]
    fn nothing_that_is_asked_for_after_a_retrieval_began_changes_its_fills(
        fees in fees(),
        cash in cash(),
        steps in steps(),
        before in prop::collection::vec(asking(), 2..8),
        prices in prop::array::uniform2(prop::option::weighted(0.9, prop::array::uniform4(5..35u8))),
        late in late(),
    ) {
        let mut made = Vec::new();
        for late in [&[][..], &late] {
            let mut both = Both::new(fees, cash);
            for step in &steps {
                both = both.step(step)?;
            }
            // Orders that are queued when the retrieval begins.
            for asking in &before {
                both.asked(asking, false)?;
            }
            made.push(both.made_by(prices, late));
            both.verify()?;
        }
        prop_assert_eq!(&made[0], &made[1]);
    }
}
