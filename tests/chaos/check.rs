//! The invariants, read over the wire and recomputed here.

use crate::random::Random;
use crate::standing::{CancelProgress, StandingOrder, prices};
use crate::trader::{Book, Intent};
use papertrader::client::connection::Answer;
use papertrader::client::{Client, ClientError, ConnectOptions, ServerConnection};
use papertrader::model::money::MILLION;
use papertrader::model::{
    Money, OpenValue, OrderAmount, OrderKind, Quantity, Reason, Side, TransactionStatus, Username,
};
use papertrader::wire::Reply;
use papertrader::wire::payload::{
    History, HistoryEntry, OpenOrders, OwnSummary, PageEntry, Portfolio,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::ops::AddAssign;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Orders of each finished trader that are sent again at the end.
const REPEATED_ORDERS: u64 = 5;
/// How long a reply may take.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// Counts of checked orders.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    pub orders: usize,
    pub notices: usize,
    pub fills: usize,
    /// Orders of placeOrder and replaceOrder that were placed, by how far they are.
    pub standing: StandingCounts,
    /// Orders that were announced or answered and are not in the history.
    pub lost: Vec<String>,
    /// Orders that are in the history more than once.
    pub doubled: Vec<String>,
}

impl AddAssign<&Counts> for Counts {
    fn add_assign(&mut self, other: &Counts) {
        self.orders += other.orders;
        self.notices += other.notices;
        self.fills += other.fills;
        self.standing += &other.standing;
        self.lost.extend_from_slice(&other.lost);
        self.doubled.extend_from_slice(&other.doubled);
    }
}

/// Counts of orders of placeOrder and replaceOrder.
#[derive(Debug, Default, Clone)]
pub struct StandingCounts {
    pub placed: usize,
    pub open: usize,
    pub filled: usize,
    pub cancelled: usize,
    pub replaced: usize,
    pub expired: usize,
    pub rejected: usize,
}

impl fmt::Display for StandingCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} placed: {} open, {} filled, {} cancelled, {} replaced, {} expired, {} rejected",
            self.placed,
            self.open,
            self.filled,
            self.cancelled,
            self.replaced,
            self.expired,
            self.rejected
        )
    }
}

impl AddAssign<&StandingCounts> for StandingCounts {
    fn add_assign(&mut self, other: &StandingCounts) {
        self.placed += other.placed;
        self.open += other.open;
        self.filled += other.filled;
        self.cancelled += other.cancelled;
        self.replaced += other.replaced;
        self.expired += other.expired;
        self.rejected += other.rejected;
    }
}

/// Rows of orders that had ended, as they were first read: an outcome never changes.
pub type Outcomes = HashMap<Uuid, PageEntry>;

/// What the deployment tells of an account, all at the same moment.
struct AccountView {
    history: History,
    portfolio: Portfolio,
    /// All rows, newest first.
    rows: Vec<PageEntry>,
    open: OpenOrders,
    summary: OwnSummary,
}

/// Compares what a trader was told with its history and portfolio.
pub fn account(
    book: &Book,
    address: &str,
    starting_cash: i64,
    (outcomes, random): (&mut Outcomes, &mut Random),
) -> Counts {
    let username = Username::parse(&book.name).unwrap();
    let view = read(book, &username, address);
    let AccountView {
        history, portfolio, ..
    } = &view;
    let mut counts = Counts {
        orders: book.intents.len(),
        ..Counts::default()
    };
    let mut rows: HashMap<&str, &HistoryEntry> = HashMap::new();
    for entry in &history.entries {
        let detail = entry.detail.as_ref().unwrap();
        let name = detail.client_order_id.as_ref().map_or("", |id| id.as_str());
        if rows.insert(name, entry).is_some() {
            counts.doubled.push(name.to_owned());
        }
        if book.standing.contains_key(name) {
            continue;
        }
        let intent = book.intents.get(name);
        let intent = intent.unwrap_or_else(|| panic!("{name} was never ordered"));
        let is_queued = entry.status == TransactionStatus::Queued;
        assert!(
            !is_queued || intent.is_of_the_moment(),
            "{name} is queued though it is answered"
        );
    }
    for (name, intent) in &book.intents {
        counts.notices += usize::from(intent.queued.is_some());
        let Some(row) = rows.get(name.as_str()) else {
            let lost = Some(name.clone()).filter(|_| !intent.is_of_the_moment());
            counts.lost.extend(lost);
            continue;
        };
        if let Some(id) = intent.queued {
            assert_eq!(
                row.id, id,
                "{name} has another transaction than was announced"
            );
        }
        // A copy that an ended connection left under way was taken after a later one was refused
        // for what the account had at that moment.
        if !intent.is_of_the_moment() {
            answered(name, intent, row, &mut counts);
        }
    }
    counts.standing = standing(book, &view, &mut counts.lost);
    if counts.lost.is_empty() && counts.doubled.is_empty() {
        totals(&history.entries, portfolio, starting_cash, &book.name);
        reserves(&view, &book.name);
        repeat_standing(book, &view.rows, address, random);
    }
    for row in view.rows {
        let is_over = |status: TransactionStatus| status.is_final();
        if !row.status.known().is_some_and(is_over) {
            continue;
        }
        let known = outcomes.entry(row.id).or_insert_with(|| row.clone());
        assert_eq!(*known, row, "an outcome of {} has changed", book.name);
    }
    counts
}

/// Compares the answer to a market order with its row.
fn answered(name: &str, intent: &Intent, row: &HistoryEntry, counts: &mut Counts) {
    let outcome = intent
        .outcome
        .as_ref()
        .unwrap_or_else(|| panic!("{name} never ended"));
    let detail = row.detail.as_ref().unwrap();
    match outcome {
        Reply::Filled(fill) => {
            counts.fills += 1;
            assert_eq!(
                (row.status, row.id, row.side),
                (TransactionStatus::Settled.into(), fill.id, fill.side.into()),
                "{name}"
            );
            assert_eq!(
                (detail.price, detail.total),
                (fill.price, fill.total),
                "{name}"
            );
            assert_eq!(
                (detail.quantity, row.settled),
                (intent.quantity, fill.settled),
                "{name}"
            );
        }
        Reply::Fail(_, refusal) => {
            assert_eq!(
                (row.status, detail.reason.as_ref()),
                (TransactionStatus::Rejected.into(), Some(&refusal.reason)),
                "{name}"
            );
        }
        other => panic!("{name} was answered {other:?}"),
    }
}

/// Compares what a trader was told of its orders of placeOrder and replaceOrder with their rows.
/// Adds those without a row to `lost`.
fn standing(book: &Book, view: &AccountView, lost: &mut Vec<String>) -> StandingCounts {
    let mut counts = StandingCounts::default();
    let mut rows: HashMap<&str, &PageEntry> = HashMap::new();
    for row in &view.rows {
        let name = row.detail.as_ref().unwrap().entry.client_order_id.as_ref();
        let known = rows.insert(name.map_or("", |id| id.as_str()), row);
        assert!(known.is_none(), "{name:?} is in the pages twice");
    }
    let in_place: HashMap<&str, &StandingOrder> = book
        .standing
        .values()
        .filter_map(|order| Some((order.replaces.as_deref()?, order)))
        .collect();
    for (name, order) in &book.standing {
        let row = rows.get(name.as_str()).copied();
        let Some(id) = order.placed else {
            assert!(order.refused.is_some(), "{name} was not answered");
            assert!(row.is_none(), "{name} was refused, and is in the history");
            continue;
        };
        counts.placed += 1;
        let Some(row) = row else {
            lost.push(name.clone());
            continue;
        };
        assert_eq!(row.id, id, "{name} has another transaction");
        terms(name, order, row);
        let (status, reason) = outcome(row);
        let is_over = status.is_final();
        match (status, reason) {
            (TransactionStatus::Queued | TransactionStatus::Open, None) => counts.open += 1,
            (TransactionStatus::Settled, None) => {
                counts.filled += 1;
                filled(name, order, row);
            }
            (TransactionStatus::Cancelled, Some(Reason::Cancelled)) => {
                counts.cancelled += 1;
                assert_eq!(order.cancel, CancelProgress::Cancelled, "{name}");
            }
            (TransactionStatus::Cancelled, Some(Reason::Replaced)) => counts.replaced += 1,
            (TransactionStatus::Expired, Some(Reason::Expired)) => counts.expired += 1,
            (
                TransactionStatus::Rejected,
                Some(Reason::InsufficientFunds | Reason::InsufficientHoldings),
            ) => counts.rejected += 1,
            other => panic!("{name} is {other:?}"),
        }
        let is_cancelled = reason == Some(Reason::Cancelled);
        match order.cancel {
            CancelProgress::Cancelled => assert!(is_cancelled, "{name} is {status}, {order:?}"),
            CancelProgress::TooLate => assert!(is_over && !is_cancelled, "{name} is {status}"),
            CancelProgress::NotAsked => {}
            CancelProgress::Asked => panic!("the cancelling of {name} was not answered"),
        }
        let new = in_place.get(name.as_str());
        let is_replaced = new.is_some_and(|new| new.placed.is_some());
        let is_told_so = reason == Some(Reason::Replaced);
        let row_of_new = new.and_then(|new| rows.values().find(|row| Some(row.id) == new.placed));
        assert_eq!(
            is_replaced, is_told_so,
            "{name} is {status}, {new:?}, whose row is {row_of_new:?}; lost so far: {lost:?}"
        );
        let was_over = new.is_some_and(|new| new.refused == Some(Reason::NotOpen));
        assert!(is_over || !was_over, "{name} is {status}, {new:?}");
    }
    counts
}

/// The status of a row, and why it is so.
fn outcome(row: &PageEntry) -> (TransactionStatus, Option<Reason>) {
    let reason = row.detail.as_ref().unwrap().entry.reason.as_ref();
    let known = |reason: &OpenValue<Reason>| reason.known().unwrap();
    (row.status.known().unwrap(), reason.map(known))
}

/// A row says what was asked for.
fn terms(name: &str, order: &StandingOrder, row: &PageEntry) {
    let detail = row.detail.as_ref().unwrap();
    assert_eq!(row.side, order.side, "{name}");
    assert_eq!(row.symbol, order.symbol, "{name}");
    let told = &detail.order;
    let cash = match order.amount {
        OrderAmount::Cash(cash) => Some(cash),
        OrderAmount::Units(units) => {
            assert_eq!(detail.entry.quantity, units, "{name}");
            None
        }
    };
    assert_eq!(told.cash, cash, "{name}");
    assert_eq!((told.limit, told.stop), prices(&order.terms), "{name}");
    assert_eq!(
        told.kind.as_ref().and_then(|kind| kind.known()),
        Some(order.terms.kind()),
        "{name}"
    );
    assert_eq!(told.time_in_force, Some(order.time_in_force), "{name}");
}

/// A fill keeps to its order's limit, and to its amount of money.
fn filled(name: &str, order: &StandingOrder, row: &PageEntry) {
    let detail = row.detail.as_ref().unwrap();
    if let Some(limit) = order.terms.limit() {
        let is_kept = match order.side {
            Side::Buy => detail.entry.price <= limit,
            Side::Sell => detail.entry.price >= limit,
            other => panic!("{name} is a {other}"),
        };
        assert!(is_kept, "{name}: {} for {limit}", detail.entry.price);
    }
    if let OrderAmount::Cash(cash) = order.amount {
        assert!(
            detail.entry.total <= cash,
            "{name}: {} of {cash}",
            detail.entry.total
        );
    }
}

/// Checks that the open orders are those of the history, and that what they hold back is what the
/// summary says, and no more than there is.
fn reserves(view: &AccountView, name: &str) {
    let is_open = |row: &&PageEntry| row.status.known().is_some_and(|it| !it.is_final());
    let told: BTreeSet<Uuid> = view.rows.iter().filter(is_open).map(|row| row.id).collect();
    let OpenOrders(open) = &view.open;
    let listed: BTreeSet<Uuid> = open.iter().map(|order| order.id).collect();
    assert_eq!(told, listed, "the open orders of {name}");
    assert_eq!(open.len(), listed.len(), "{name}");
    let (mut reserved, mut standing) = (0, 0);
    let mut promised: BTreeMap<String, i64> = BTreeMap::new();
    for order in open {
        if order.side == Side::Sell {
            *promised.entry(order.symbol.to_string()).or_default() += order.quantity.0;
            assert_eq!(order.reserve, Money::ZERO, "{name} {order:?}");
            continue;
        }
        reserved += order.reserve.0;
        let kind = order.order.kind.as_ref().and_then(|kind| kind.known());
        if kind != Some(OrderKind::Market) {
            standing += order.reserve.0;
        }
        let due = match (order.order.cash, order.order.limit) {
            (Some(cash), _) => cash,
            (None, Some(limit)) => value_up(order.quantity, limit),
            (None, None) => continue,
        };
        assert_eq!(order.reserve, due, "{name} {order:?}");
    }
    let summary = &view.summary;
    assert_eq!(summary.reserved.0, reserved, "the reserves of {name}");
    assert!(
        standing <= summary.cash.0,
        "{name}: {standing} of {summary:?}"
    );
    let mut positions: BTreeMap<String, i64> = BTreeMap::new();
    for position in &summary.positions {
        assert!(position.promised <= position.units, "{name} {position:?}");
        positions.insert(position.symbol.to_string(), position.promised.0);
    }
    positions.retain(|_, units| *units != 0);
    assert_eq!(positions, promised, "what {name} has promised");
    let Portfolio::Private(cash, _) = &view.portfolio else {
        panic!("{name} sees a public portfolio")
    };
    assert_eq!(summary.cash, *cash, "{name}");
}

/// What so many units cost, without a fee, rounded up.
fn value_up(units: Quantity, price: Money) -> Money {
    let product = i128::from(units.0) * i128::from(price.0);
    let value = product.div_euclid(MILLION.into());
    let is_exact = product.rem_euclid(MILLION.into()) == 0;
    Money(i64::try_from(value + i128::from(!is_exact)).unwrap())
}

/// Sends some orders that were placed again: each is the order that it was, and as far as its row
/// says, or farther.
fn repeat_standing(book: &Book, rows: &[PageEntry], address: &str, random: &mut Random) {
    let placed: Vec<(&String, &StandingOrder)> = book
        .standing
        .iter()
        .filter(|(_, order)| order.placed.is_some())
        .collect();
    if placed.is_empty() {
        return;
    }
    let mut connection = ServerConnection::connect(address, REPLY_TIMEOUT).unwrap();
    for _ in 0..REPEATED_ORDERS {
        let (name, order) = *random.pick(&placed);
        connection.send(&order.request).unwrap();
        let answer = connection.reply(|_| {}).unwrap();
        let Answer::Message(Reply::OrderPlaced { id, status, .. }) = answer else {
            panic!("{name}, placed before, is answered {answer:?}")
        };
        assert_eq!(Some(id), order.placed, "{name}");
        let row = rows.iter().find(|row| row.id == id).unwrap();
        let (told, _) = outcome(row);
        let is_same = !told.is_final() || status == told;
        assert!(
            is_same,
            "{name} is {told} by the history, {status} by a repeat"
        );
    }
}

/// Sends some finished orders again; each must get the same answer. Returns how many.
pub fn again(book: &Book, address: &str, random: &mut Random) -> u64 {
    let answered = book
        .intents
        .iter()
        .filter(|(_, intent)| !intent.is_of_the_moment());
    let names: Vec<&String> = answered.map(|(name, _)| name).collect();
    let mut connection = ServerConnection::connect(address, REPLY_TIMEOUT).unwrap();
    for _ in 0..REPEATED_ORDERS {
        let name = *random.pick(&names);
        connection.send(&book.order(name)).unwrap();
        let answer = connection.reply(|_| {}).unwrap();
        let Answer::Message(reply) = answer else {
            panic!("a payload answers an order")
        };
        assert_eq!(
            Some(&reply),
            book.intents[name].outcome.as_ref(),
            "{name} is answered differently"
        );
    }
    REPEATED_ORDERS
}

/// Reads all of an account, again until nothing happened meanwhile. It retries also because the
/// worker may have no link yet.
fn read(book: &Book, username: &Username, address: &str) -> AccountView {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let session = Some(book.session.clone());
        let attempt = Client::open(address, &ConnectOptions::default(), session)
            .and_then(|mut client| read_once(&mut client, username));
        match attempt {
            Ok(Some(view)) => return view,
            Ok(None) => assert!(Instant::now() < until, "{} never rests", book.name),
            Err(error) => assert!(Instant::now() < until, "{address} cannot be asked: {error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Rows of a page, at most.
const PAGE_ROWS: u16 = 1_000;

/// Reads all of an account; `None`: an order of it ended meanwhile. Whatever ends holds nothing back
/// any more.
fn read_once(client: &mut Client, username: &Username) -> Result<Option<AccountView>, ClientError> {
    let before = client.account_summary()?;
    let history = client.history(username)?;
    let portfolio = client.portfolio(username)?;
    let open = client.open_orders()?;
    let mut rows: Vec<PageEntry> = Vec::new();
    loop {
        let last = rows.last().map(|row| row.id);
        let page = client.history_page(username, last, PAGE_ROWS)?;
        let is_last = page.entries.len() < usize::from(PAGE_ROWS);
        rows.extend(page.entries);
        if is_last {
            break;
        }
    }
    let again = client.open_orders()?;
    let summary = client.account_summary()?;
    let is_at_rest =
        open == again && (before.cash, before.reserved) == (summary.cash, summary.reserved);
    Ok(is_at_rest.then_some(AccountView {
        history,
        portfolio,
        rows,
        open,
        summary,
    }))
}

/// Checks that cash and positions are exactly the sums of the fills.
fn totals(entries: &[HistoryEntry], portfolio: &Portfolio, starting_cash: i64, name: &str) {
    let mut cash = i128::from(starting_cash) * i128::from(MILLION);
    let mut units: BTreeMap<String, i128> = BTreeMap::new();
    for entry in entries
        .iter()
        .filter(|entry| entry.status == TransactionStatus::Settled)
    {
        let detail = entry.detail.as_ref().unwrap();
        let (quantity, total) = (i128::from(detail.quantity.0), i128::from(detail.total.0));
        let product = quantity * i128::from(detail.price.0);
        let (exact, rest) = (product / i128::from(MILLION), product % i128::from(MILLION));
        let sign = if entry.side == Side::Buy { 1 } else { -1 };
        assert_eq!(
            total,
            if entry.side == Side::Buy && rest > 0 {
                exact + 1
            } else {
                exact
            },
            "{name}"
        );
        cash -= sign * total;
        *units.entry(entry.symbol.to_string()).or_default() += sign * quantity;
    }
    units.retain(|_, quantity| *quantity != 0);
    let Portfolio::Private(has, holdings) = portfolio else {
        panic!("{name} sees a public portfolio")
    };
    assert_eq!(i128::from(has.0), cash, "the cash of {name}");
    let held: BTreeMap<String, i128> = holdings
        .iter()
        .map(|held| (held.symbol.to_string(), i128::from(held.quantity.0)))
        .collect();
    assert_eq!(held, units, "the positions of {name}");
}
