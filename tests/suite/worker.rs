//! The worker as a daemon: when its port opens, TLS, a master that falls silent, and an end that loses no order.

use crate::harness::*;
use papertrader::client::tls::TlsMode;
use papertrader::client::{Answer, Client, ClientTls, ConnectOptions, ServerConnection, ServerMessage};
use papertrader::model::{Money, Reason, Side, Symbol};
use papertrader::wire::reply::Fill;
use papertrader::wire::{ConnectionState, Reply, Request};
use rustix::process::Signal;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn the_port_opens_with_the_first_link_and_stays_open_without_it() {
    let mut deployment = Deployment::new(1);
    deployment.spawn(1);
    eventually("the worker tries to link", || {
        deployment.log(1).contains("no link to the master").then_some(())
    });
    assert!(
        TcpStream::connect(deployment.worker(1)).is_err(),
        "open before a link stood"
    );
    deployment.start(0);
    deployment.wait_ready(1);
    let mut alice = deployment.trader(1, "alice");
    assert!(alice.quote(aapl()).is_ok());
    deployment.kill(0);
    assert!(alice.quote(aapl()).is_ok(), "answered from the cache");
    eventually("orders are refused at once", || {
        (try_to_buy(&mut alice) == Err(Reason::MasterUnavailable)).then_some(())
    });
    deployment.start(0);
    eventually("orders go through again", || try_to_buy(&mut alice).ok());
}

/// Buys one unit; the fill, or the reason of the refusal.
fn try_to_buy(client: &mut Client) -> Result<Fill, Reason> {
    client.enter(ConnectionState::Command).unwrap();
    let order = order(client, Side::Buy, "AAPL", "1", None);
    match client.connection().call(&order) {
        Ok(Answer::Message(Reply::Filled(fill))) => Ok(fill),
        Err(papertrader::client::ClientError::Refused(refusal)) => Err(refusal.reason),
        other => panic!("{other:?}"),
    }
}

fn aapl() -> Symbol {
    Symbol::parse("AAPL").unwrap()
}

/// A new certificate for localhost and 127.0.0.1.
fn certify(folder: &Path) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(folder.join("key.pem"), mode).unwrap();
}

/// Pings over TLS, believing a certificate.
fn ping(address: &str, ca: &Path) -> Result<Answer, papertrader::client::ClientError> {
    let options = ConnectOptions {
        security: ClientTls::new(TlsMode::Always, Some(ca.to_owned()), Vec::new()),
        ..ConnectOptions::default()
    };
    ServerConnection::open(address, &options)?.call(&Request::Ping)
}

#[test]
fn tls_is_all_that_is_spoken_and_certificates_change_while_it_runs() {
    let mut deployment = Deployment::new(1);
    certify(deployment.dir());
    deployment.set(1, "tls.certificate", "\"cert.pem\"");
    deployment.set(1, "tls.key", "\"key.pem\"");
    deployment.start_all();
    let (worker, ca) = (deployment.worker(1), deployment.dir().join("cert.pem"));
    let old = deployment.dir().join("old.pem");
    fs::copy(&ca, &old).unwrap();
    assert_eq!(ping(&worker, &ca).unwrap(), Answer::Message(Reply::Pong));
    let mut plain = ServerConnection::connect(&worker, PATIENCE).unwrap();
    assert!(plain.call(&Request::Ping).is_err());

    certify(deployment.dir());
    deployment.signal(1, Signal::HUP);
    eventually("the new certificate is in force", || ping(&worker, &ca).ok());
    assert!(ping(&worker, &old).is_err());

    fs::write(deployment.dir().join("key.pem"), "nonsense").unwrap();
    deployment.signal(1, Signal::HUP);
    eventually("the log says what is wrong", || {
        deployment
            .log(1)
            .contains("the old certificate stays in force")
            .then_some(())
    });
    assert!(ping(&worker, &ca).is_ok(), "the last good one stays");
}

#[test]
fn a_master_that_falls_silent_counts_as_away() {
    let deployment = Deployment::running(1);
    let mut alice = deployment.trader(1, "alice");
    deployment.signal(0, Signal::STOP);
    let stopped = Instant::now();
    // Sent into the silence: neither refused nor forgotten.
    let order = order(&alice, Side::Buy, "AAPL", "1", Some("sent-into-silence"));
    let mut waiting = deployment.connect(1);
    waiting.connection().send(&order).unwrap();
    eventually("the link is cut", || {
        deployment.log(1).contains("nothing came for 15s").then_some(())
    });
    assert!(stopped.elapsed() >= Duration::from_secs(14));
    assert_eq!(try_to_buy(&mut alice), Err(Reason::MasterUnavailable));
    deployment.signal(0, Signal::CONT);
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
    let mut deployment = Deployment::new(1);
    let taken = TcpListener::bind(deployment.worker(1)).unwrap();
    deployment.start(0);
    deployment.spawn(1);
    assert_eq!(deployment.wait_end(1).code(), Some(1));
    drop(taken);
}
