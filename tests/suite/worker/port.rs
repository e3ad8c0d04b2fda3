//! A worker's port: when it opens, whom it serves without a master, and a master that falls silent.

use papertrader::client::{Answer, Client, ServerMessage};
use papertrader::model::{Money, Reason, Side, Symbol};
use papertrader::testkit::trader::{order, portfolio};
use papertrader::testkit::{Deployment, TEST_TIMEOUT, eventually};
use papertrader::wire::reply::Fill;
use papertrader::wire::{ConnectionState, FrameHeader, Instruction, Reply, frame};
use rustix::process::Signal;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
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
    // On a server its lease would be over.
    let deployment = Deployment::builder().in_a_file().start();
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

/// A master of the link's version 1 answers a worker that has connected; returns the version in
/// the worker's linkHello.
fn refuse_as_version_1(mut worker: TcpStream) -> [u8; 2] {
    worker.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    let mut hello = [0; frame::HEADER_BYTES + 50];
    worker.read_exact(&mut hello).unwrap();
    let header = FrameHeader::read(hello.first_chunk().unwrap());
    assert_eq!(header.instruction, Instruction::LinkHello.number());
    let mut refusal = Vec::new();
    let said = ["version", "this master speaks version 1 of the link"];
    frame::write(&mut refusal, Instruction::LinkRefused, &said);
    worker.write_all(&refusal).unwrap();
    worker.shutdown(Shutdown::Write).unwrap();
    let _ = worker.read_to_end(&mut Vec::new());
    [hello[frame::HEADER_BYTES], hello[frame::HEADER_BYTES + 1]]
}

#[test]
fn a_worker_upgraded_before_its_master_says_so_and_links_once_the_master_is() {
    let deployment = Deployment::new(1);
    let old_master = TcpListener::bind(deployment.master().address()).unwrap();
    old_master.set_nonblocking(true).unwrap();
    deployment.worker(1).spawn();
    // More often than the log repeats an error in a minute.
    for _ in 0..5 {
        let (worker, _) = eventually("the worker tries again", || old_master.accept().ok());
        assert_eq!(refuse_as_version_1(worker), [0, 2]);
    }
    let said = deployment.worker(1).log();
    assert!(
        said.contains("this master speaks version 1 of the link")
            && said.contains("Upgrade the master; this worker links by itself afterwards"),
        "{said}"
    );
    drop(old_master);
    deployment.master().start();
    deployment.worker(1).wait_ready();
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

/// Attempts to link that are answered with a forged refusal.
const FORGED: usize = 3;
/// Clients of the worker meanwhile.
const CLIENTS: usize = 20;

#[test]
fn a_refusal_that_says_booted_is_like_any_other() {
    let deployment = Deployment::running(1);
    let mut alice = deployment.trader(1, "alice");
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| deployment.connect(1)).collect();
    deployment.master().kill();
    // In the master's place: who is on the way to it, and knows no key.
    let forger = TcpListener::bind(deployment.master().address()).unwrap();
    for _ in 0..FORGED {
        let (mut socket, _) = forger.accept().unwrap();
        socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        let mut hello = [0; frame::HEADER_BYTES];
        socket.read_exact(&mut hello).unwrap();
        let mut refusal = Vec::new();
        let words = ["booted", "an administrator keeps this worker out"];
        frame::write(&mut refusal, Instruction::LinkRefused, &words);
        socket.write_all(&refusal).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        // Until the worker has read it and gone.
        let _ = socket.read_to_end(&mut Vec::new());
    }
    // The next attempt begins after the last refusal has had its effect, if any.
    drop(forger.accept().unwrap());
    for client in &mut clients {
        client.workers().unwrap();
    }
    assert!(alice.quote(aapl()).is_ok(), "answered from the cache");
    assert!(TcpStream::connect(deployment.worker(1).address()).is_ok());
    drop(forger);
    deployment.master().start();
    eventually("orders go through again", || try_to_buy(&mut alice).ok());
}
