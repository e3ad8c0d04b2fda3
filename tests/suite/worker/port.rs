//! A worker's port: when it opens, whom it serves without a master, and a master that falls silent.

use papertrader::client::{Answer, Client, ServerMessage};
use papertrader::model::{Money, Reason, Side, Symbol};
use papertrader::testkit::trader::{order, portfolio};
use papertrader::testkit::{Deployment, TEST_TIMEOUT, eventually};
use papertrader::wire::reply::Fill;
use papertrader::wire::{ConnectionState, Reply};
use rustix::process::Signal;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

#[test]
fn the_port_opens_with_the_first_link_and_stays_open_without_it() {
    let deployment = Deployment::new(1);
    deployment.worker(1).spawn();
    eventually("the worker tries to link", || {
        deployment
            .worker(1)
            .log()
            .contains("no link to the master")
            .then_some(())
    });
    assert!(
        TcpStream::connect(deployment.worker(1).address()).is_err(),
        "open before a link stood"
    );
    deployment.master().start();
    deployment.worker(1).wait_ready();
    let mut alice = deployment.trader(1, "alice");
    assert!(alice.quote(aapl()).is_ok());
    deployment.master().kill();
    assert!(alice.quote(aapl()).is_ok(), "answered from the cache");
    eventually("orders are refused at once", || {
        (try_to_buy(&mut alice) == Err(Reason::MasterUnavailable)).then_some(())
    });
    deployment.master().start();
    eventually("orders go through again", || try_to_buy(&mut alice).ok());
}

/// Buys one unit; the fill, or the reason of the refusal.
fn try_to_buy(client: &mut Client) -> Result<Fill, Reason> {
    client.enter(ConnectionState::Command).unwrap();
    let order = order(client, Side::Buy, "AAPL", "1", None);
    match client.connection().call(&order) {
        Ok(Answer::Message(Reply::Filled(fill))) => Ok(fill),
        Err(papertrader::client::ClientError::Refused(refusal)) => {
            Err(refusal.reason.known().unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn aapl() -> Symbol {
    Symbol::parse("AAPL").unwrap()
}

#[test]
fn a_master_that_falls_silent_counts_as_away() {
    let deployment = Deployment::running(1);
    let mut alice = deployment.trader(1, "alice");
    deployment.master().signal(Signal::STOP);
    let stopped = Instant::now();
    // Sent into the silence: neither refused nor forgotten.
    let order = order(&alice, Side::Buy, "AAPL", "1", Some("sent-into-silence"));
    let mut waiting = deployment.connect(1);
    waiting.connection().send(&order).unwrap();
    eventually("the link is cut", || {
        deployment
            .worker(1)
            .log()
            .contains("nothing came for 15s")
            .then_some(())
    });
    assert!(stopped.elapsed() >= Duration::from_secs(14));
    assert_eq!(try_to_buy(&mut alice), Err(Reason::MasterUnavailable));
    deployment.master().signal(Signal::CONT);
    let fill = loop {
        match waiting.connection().recv().unwrap() {
            ServerMessage::Notice(_) => {}
            ServerMessage::Reply(Answer::Message(Reply::Filled(fill))) => break fill,
            other => panic!("{other:?}"),
        }
    };
    eventually("once", || {
        let (cash, _) = portfolio(&mut alice, "alice");
        (cash == Money(100_000_000_000 - fill.total.0)).then_some(())
    });
}

#[test]
fn a_port_that_is_taken_ends_the_start() {
    let deployment = Deployment::new(1);
    let taken = TcpListener::bind(deployment.worker(1).address()).unwrap();
    deployment.master().start();
    deployment.worker(1).spawn();
    assert_eq!(
        deployment.worker(1).wait_exit(TEST_TIMEOUT).unwrap().code(),
        Some(1)
    );
    drop(taken);
}
