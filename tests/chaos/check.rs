//! The invariants, read over the wire and recomputed here.

use crate::random::Random;
use crate::trader::Book;
use papertrader::client::connection::Answer;
use papertrader::client::{Client, ConnectOptions, ServerConnection};
use papertrader::model::money::MILLION;
use papertrader::model::{Side, TransactionStatus, Username};
use papertrader::wire::Reply;
use papertrader::wire::payload::{History, HistoryEntry, Portfolio};
use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;
use std::time::{Duration, Instant};

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
        self.lost.extend_from_slice(&other.lost);
        self.doubled.extend_from_slice(&other.doubled);
    }
}

/// Compares what a trader was told with its history and portfolio.
pub fn account(book: &Book, address: &str, starting_cash: i64) -> Counts {
    let username = Username::parse(&book.name).unwrap();
    let (history, portfolio) = read(book, &username, address);
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
        assert!(book.intents.contains_key(name), "{name} was never ordered");
        let is_queued = entry.status == TransactionStatus::Queued;
        assert!(!is_queued, "{name} is queued though it is answered");
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
    if counts.lost.is_empty() && counts.doubled.is_empty() {
        totals(&history.entries, &portfolio, starting_cash, &book.name);
    }
    counts
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

/// Reads history and portfolio. It retries, because the worker may have no link yet.
fn read(book: &Book, username: &Username, address: &str) -> (History, Portfolio) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let attempt = Client::open(
            address,
            &ConnectOptions::default(),
            Some(book.session.clone()),
        )
        .and_then(|mut client| Ok((client.history(username)?, client.portfolio(username)?)));
        match attempt {
            Ok(read) => return read,
            Err(error) => assert!(Instant::now() < until, "{address} cannot be asked: {error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
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
