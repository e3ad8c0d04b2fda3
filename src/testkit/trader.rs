//! spec/testkit.md · 4.6.3 to 4.6.5
//!
//! Traders of a test: their names, passwords and orders.

use crate::client::{self, Answer, Client};
use crate::model::{ClientOrderId, Email, HashedPass, Money, Quantity, Side, Symbol, Username};
use crate::wire::payload::{HistoryEntry, Holding, Portfolio};
use crate::wire::reply::Fill;
use crate::wire::{self, Reply, Request};

/// A username.
pub fn username(name: &str) -> Username {
    Username::parse(name).unwrap()
}

/// A made-up hashedPass. The servers cannot tell the difference, and 600,000 rounds of PBKDF2 take
/// long.
pub fn hashed(name: &str) -> HashedPass {
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    HashedPass::parse(&format!("{digits:0<64}")[..64]).unwrap()
}

/// Registers an account of this name, with its made-up hashedPass.
pub fn register(client: &mut Client, name: &str) {
    let email = Email::parse(&format!("{name}@example.org")).unwrap();
    client
        .register(&username(name), &email, &hashed(name))
        .unwrap();
}

/// The code of a refusal. Panics for any other result.
pub fn reason<T: std::fmt::Debug>(result: Result<T, client::ClientError>) -> String {
    result.expect_err("it was to be refused").code().to_owned()
}

/// An order in this client's session.
pub fn order(
    client: &Client,
    side: Side,
    symbol: &str,
    quantity: &str,
    id: Option<&str>,
) -> Request {
    Request::Order {
        session: client.session().expect("logged in").clone(),
        side,
        symbol: Symbol::parse(symbol).unwrap(),
        quantity: Quantity::parse_quantity(quantity).unwrap(),
        id: id.map(|id| ClientOrderId::parse(id).unwrap()),
    }
}

/// Sends an order and waits for its fill.
///
/// # Errors
/// The order is refused, or the connection fails.
pub fn trade(
    client: &mut Client,
    side: Side,
    symbol: &str,
    quantity: &str,
) -> Result<Fill, client::ClientError> {
    client.enter(wire::ConnectionState::Command)?;
    let order = order(client, side, symbol, quantity, None);
    match client.connection().call(&order)? {
        Answer::Message(Reply::Filled(fill)) => Ok(fill),
        other => panic!("{other:?} answers an order"),
    }
}

/// Buys, and waits for the fill.
pub fn buy(client: &mut Client, symbol: &str, quantity: &str) -> Fill {
    trade(client, Side::Buy, symbol, quantity).unwrap()
}

/// Sells, and waits for the fill.
pub fn sell(client: &mut Client, symbol: &str, quantity: &str) -> Fill {
    trade(client, Side::Sell, symbol, quantity).unwrap()
}

/// A client's own cash and positions.
pub fn portfolio(client: &mut Client, name: &str) -> (Money, Vec<Holding>) {
    match client.portfolio(&username(name)).unwrap() {
        Portfolio::Private(cash, holdings) => (cash, holdings),
        Portfolio::Public(_) => panic!("{name} sees an own portfolio as others do"),
    }
}

/// A client's own history.
pub fn history(client: &mut Client, name: &str) -> Vec<HistoryEntry> {
    let history = client.history(&username(name)).unwrap();
    assert!(history.private);
    history.entries
}
