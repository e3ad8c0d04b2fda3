//! The invariants, read over the wire and recomputed here.

use crate::trader::Book;
use papertrader::client::{Client, Options};
use papertrader::model::money::MILLION;
use papertrader::model::{Side, Status, Username};
use papertrader::wire::Reply;
use papertrader::wire::payload::{Entry, History, Portfolio};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// Counts of what was checked.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub orders: usize,
    pub notices: usize,
    pub fills: usize,
}

/// Compares what a trader was told with what the deployment holds.
pub fn account(book: &Book, address: &str, starting_cash: i64) -> Counts {
    let username = Username::parse(&book.name).unwrap();
    let (history, portfolio) = read(book, &username, address);
    let mut rows: HashMap<&str, &Entry> = HashMap::new();
    for entry in &history.entries {
        let name = entry.detail.as_ref().unwrap().client_order_id.as_str();
        assert!(rows.insert(name, entry).is_none(), "{name} traded twice");
        assert!(book.intents.contains_key(name), "{name} was never ordered");
        assert_ne!(
            entry.status,
            Status::Queued,
            "{name} is queued though it is answered"
        );
    }
    let mut counts = Counts {
        orders: book.intents.len(),
        ..Counts::default()
    };
    for (name, intent) in &book.intents {
        let row = rows.get(name.as_str());
        if let Some(id) = intent.queued {
            counts.notices += 1;
            let row = row.unwrap_or_else(|| panic!("{name} was acknowledged and is lost"));
            assert_eq!(row.id, id, "{name} has another transaction than was announced");
        }
        let outcome = intent
            .outcome
            .as_ref()
            .unwrap_or_else(|| panic!("{name} never ended"));
        let row = row.unwrap_or_else(|| panic!("{name} was answered {outcome:?} and is not in the history"));
        let detail = row.detail.as_ref().unwrap();
        match outcome {
            Reply::Filled(fill) => {
                counts.fills += 1;
                assert_eq!(
                    (row.status, row.id, row.side),
                    (Status::Settled, fill.id, fill.side),
                    "{name}"
                );
                assert_eq!((detail.price, detail.total), (fill.price, fill.total), "{name}");
                assert_eq!(
                    (detail.quantity, row.settled),
                    (intent.quantity, fill.settled),
                    "{name}"
                );
            }
            Reply::Fail(_, refusal) => {
                assert_eq!(
                    (row.status, detail.reason.as_str()),
                    (Status::Rejected, refusal.reason.as_str()),
                    "{name}"
                );
            }
            other => panic!("{name} was answered {other:?}"),
        }
    }
    totals(&history.entries, &portfolio, starting_cash, &book.name);
    counts
}

/// The worker may still be looking for its master.
fn read(book: &Book, username: &Username, address: &str) -> (History, Portfolio) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let attempt = Client::open(address, &Options::default(), Some(book.session.clone()))
            .and_then(|mut client| Ok((client.history(username)?, client.portfolio(username)?)));
        match attempt {
            Ok(read) => return read,
            Err(error) => assert!(Instant::now() < until, "{address} cannot be asked: {error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Cash and positions are exactly what the fills add up to.
fn totals(entries: &[Entry], portfolio: &Portfolio, starting_cash: i64, name: &str) {
    let mut cash = i128::from(starting_cash) * i128::from(MILLION);
    let mut units: BTreeMap<String, i128> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.status == Status::Settled) {
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
