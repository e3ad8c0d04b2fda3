//! A hundred accounts that fill the queue of orders, or the book of open ones, and a person beside
//! them.

use super::orders::{place, placed};
use papertrader::client::{Answer, Client};
use papertrader::model::{OrderKind, Side};
use papertrader::testkit::trader::{order, reason};
use papertrader::testkit::{Deployment, Market, until};
use papertrader::wire::{Reply, Request};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

const ACCOUNTS: u8 = 100;

/// A member of the crowd: its orders, and the connection that they go over.
struct Member {
    orders: Vec<u8>,
    stream: TcpStream,
}

/// A connection to a worker from this address of loopback.
fn connect_from(source: Ipv4Addr, worker: &str) -> TcpStream {
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&fd, &SocketAddrV4::new(source, 0)).unwrap();
    connect(&fd, &worker.parse::<SocketAddr>().unwrap()).unwrap();
    TcpStream::from(fd)
}

/// Half as many orders again as an account may have queued, as bytes.
fn too_many(trader: &Client) -> Vec<u8> {
    let request = order(trader, Side::Buy, "UP", "1", None);
    let mut bytes = Vec::new();
    (0..15).for_each(|_| request.write(&mut bytes));
    bytes
}

fn queued(deployment: &Deployment) -> u64 {
    count(deployment, "queue_depth")
}

/// A number of the status.
fn count(deployment: &Deployment, field: &str) -> u64 {
    let output = deployment.run(
        "papertraderctl",
        &["--socket", "master.sock", "--json", "status"],
    );
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    status[field].as_u64().unwrap()
}

/// An order of the person, whose outcome is waited for: it fails where it is not queued.
fn one_is_queued(person: &mut Client) {
    let request: Request = order(person, Side::Buy, "UP", "1", None);
    person.connection().send(&request).unwrap();
    let mut was_queued = false;
    let answer = person.connection().reply(|_| was_queued = true).unwrap();
    assert!(
        was_queued && matches!(answer, Answer::Message(Reply::Filled(_))),
        "{answer:?}"
    );
}

/// The crowd sends until the queue has what shares leave it, and a person orders.
fn crowd_beside(deployment: &Deployment, crowd: &mut [Member], least: u64, person: &mut Client) {
    until("the crowd fills the queue", || {
        for member in crowd.iter_mut() {
            member.stream.write_all(&member.orders).unwrap();
        }
        queued(deployment) >= least
    });
    one_is_queued(person);
}

#[test]
fn beside_a_hundred_accounts_at_their_limits_an_order_is_queued_at_once() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 10, 3600))
        .update_interval(Duration::from_secs(6))
        .set("limits.max_queued", 1_000)
        .set("limits.max_queued_per_account", 10)
        .start();
    let address = deployment.worker(1).address();
    let mut person = deployment.trader(1, "alice");
    let traders: Vec<Client> = (0..ACCOUNTS)
        .map(|number| deployment.trader(1, &format!("crowd{number}")))
        .collect();
    let members = |source: fn(u8) -> Ipv4Addr| -> Vec<Member> {
        let member = |number: u8| Member {
            orders: too_many(&traders[usize::from(number)]),
            stream: connect_from(source(number), &address),
        };
        (0..ACCOUNTS).map(member).collect()
    };
    // Three quarters, and one place for each of the other accounts: all are the person's address.
    let mut near = members(|_| Ipv4Addr::LOCALHOST);
    crowd_beside(&deployment, &mut near, 775, &mut person);
    // After an update, and with a crowd that is spread over a hundred networks.
    let mut spread = members(|number| Ipv4Addr::new(127, 1, number, 1));
    crowd_beside(&deployment, &mut spread, 800, &mut person);
    crowd_beside(&deployment, &mut near, 775, &mut person);
    deployment.stop_all();
}

#[test]
fn beside_a_hundred_accounts_that_fill_the_book_an_order_is_open_at_once() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 10, 3600))
        .update_interval(Duration::from_secs(1))
        .set("limits.max_open", 1_000)
        .set("limits.max_open_per_account", 10)
        .start();
    let address = deployment.worker(1).address();
    let low = (OrderKind::Limit, Some("5"), None);
    let mut traders: Vec<Client> = (0..ACCOUNTS)
        .map(|number| deployment.trader(1, &format!("crowd{number}")))
        .collect();
    // Three quarters, and one place for each of the other accounts. None of them is ever filled.
    until("the crowd fills the book", || {
        for trader in &traders {
            let mut orders = Vec::new();
            (0..15).for_each(|_| place(trader, Side::Buy, "1", low).write(&mut orders));
            let mut stream = connect_from(Ipv4Addr::LOCALHOST, &address);
            stream.write_all(&orders).unwrap();
            // All of them are answered before the connection is closed.
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        }
        count(&deployment, "open_orders") >= 775
    });
    let mut people: Vec<Client> = (0..10)
        .map(|number| deployment.trader(1, &format!("person{number}")))
        .collect();
    for person in &mut people {
        placed(person, Side::Buy, "1", low);
        // The queue is another place.
        one_is_queued(person);
    }
    // Who has places already gets no more of them.
    let more = place(&traders[0], Side::Buy, "1", low);
    assert_eq!(reason(traders[0].connection().call(&more)), "overloaded");
    deployment.stop_all();
}
