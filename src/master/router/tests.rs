//! spec/master.md · 3.1.1 Main Module ("route the commands to the correct thread")

use super::*;
use crate::link::message::{WorkerAbout, WorkerReport};
use crate::master::assets::PriceSnapshot;
use crate::master::messages::{AssetQuery, AssetsMessage};
use crate::master::testing::{
    FakeLink, MasterRig, bar, link_request, login, money, reason, symbol,
};
use crate::model::{Quote, Reason, SessionHash, Timestamp};
use crate::wire::payload::{AssetInfo, Forecast, Payload, TextList};
use crate::wire::{Instruction, Reply, Window};
use crossbeam_channel::bounded;

fn rig() -> (MasterRig, FakeLink) {
    let mut rig = MasterRig::new();
    let link = rig.link("eu1");
    (rig, link)
}

fn window(name: &str) -> Request {
    Request::AssetWindow {
        symbol: symbol(name),
        window: Window::AllTime,
        adjusted: true,
    }
}

fn predicted(name: &str) -> Request {
    Request::AssetPredicted {
        symbol: symbol(name),
        date: Timestamp(5),
    }
}

fn info(name: &str) -> Request {
    Request::AssetInfo {
        symbol: symbol(name),
    }
}

fn current(name: &str) -> Request {
    Request::AssetCurrent {
        symbol: symbol(name),
    }
}

/// A router none of whose modules has any room.
fn stuffed(rig: &MasterRig) -> MasterRouter {
    let mut assets = rig.assets.clone();
    let (auth, auth_inbox) = bounded(0);
    let (workers, workers_inbox) = bounded(0);
    let (questions, assets_inbox) = bounded(0);
    assets.sender = questions;
    // Alive, and never read.
    std::mem::forget((auth_inbox, workers_inbox, assets_inbox));
    MasterRouter::new(auth, workers, assets)
}

#[test]
fn a_full_inbox_refuses_what_a_client_waits_for_and_drops_what_a_worker_asks_again() {
    let (rig, mut link) = rig();
    let mut router = stuffed(&rig);
    let report = WorkerReport {
        version: String::new(),
        uptime: 0,
        connections: 0,
        sessions: 0,
        cached: 0,
        cached_bytes: 0,
        parked: 0,
        about: WorkerAbout::default(),
    };
    let hash = SessionHash([1; 32]);
    let requests = [
        link_request(login("alice", false)),
        LinkRequest::Auth(AuthRequest::Session(hash)),
        LinkRequest::Auth(AuthRequest::ConnectionClosed(vec![hash])),
        LinkRequest::Report(report),
        link_request(window("AAPL")),
    ];
    let requests = requests.map(|request| (link.reply_to(), request));
    router.on_message(RouterMessage(requests.into()));
    let replies = link.replies();
    let told: Vec<(u64, Reason)> = replies
        .iter()
        .map(|(sequence, reply)| (*sequence, reason(reply)))
        .collect();
    assert_eq!(told, [(5, Reason::Overloaded), (1, Reason::Overloaded)]);
    assert!(matches!(
        replies[1].1,
        Reply::Fail(Instruction::LoginFail, _)
    ));
}

#[test]
fn what_one_read_brings_for_auth_goes_there_in_one_message() {
    let (mut rig, mut link) = rig();
    let requests = [
        link_request(login("alice", false)),
        link_request(Request::AssetList),
        LinkRequest::Auth(AuthRequest::Session(SessionHash([1; 32]))),
    ];
    let requests = requests.map(|request| (link.reply_to(), request));
    rig.router.on_message(RouterMessage(requests.into()));
    let Ok(AuthMessage::Requests(passed)) = rig.of_auth.receiver.try_recv() else {
        panic!("nothing for auth")
    };
    let numbers: Vec<u64> = passed
        .iter()
        .map(|(reply_to, _)| reply_to.sequence)
        .collect();
    assert_eq!(numbers, [1, 3]);
    assert!(rig.of_auth.receiver.is_empty());
    let list: TextList = link.payload(2);
    assert_eq!(list.0, ["AAPL", "IBM", "NEW"]);
}

#[test]
fn prices_are_answered_from_what_is_in_force() {
    let (mut rig, mut link) = rig();
    let quote: Quote = rig.payload(&mut link, current("AAPL"));
    assert_eq!(quote, bar(1, "100").quote());
    let day: AssetInfo = rig.payload(&mut link, info("AAPL"));
    assert_eq!((day.symbol, day.bar.close), (symbol("AAPL"), money("100")));
    rig.update(&[("AAPL", "7")]);
    let quote: Quote = rig.payload(&mut link, current("AAPL"));
    assert_eq!(quote.value, money("7"));
    assert!(rig.of_assets.receiver.is_empty(), "the module is not asked");
    let day: AssetInfo = rig.payload(&mut link, info("AAPL"));
    assert_eq!((day.bar.high, day.bar.low), (money("100"), money("7")));
    // A list of no assets is a list.
    rig.assets.prices.store(PriceSnapshot::new(vec![]));
    let list: TextList = rig.payload(&mut link, Request::AssetList);
    assert!(list.0.is_empty());
}

#[test]
fn an_asset_that_is_unknown_or_has_no_price_yet_is_refused() {
    let (mut rig, mut link) = rig();
    assert_eq!(
        rig.refused(&mut link, current("NONE")),
        Reason::UnknownAsset
    );
    assert_eq!(rig.refused(&mut link, info("NONE")), Reason::UnknownAsset);
    assert_eq!(rig.refused(&mut link, current("NEW")), Reason::NoPrice);
    assert_eq!(rig.refused(&mut link, info("NEW")), Reason::NoData);
}

#[test]
fn past_values_and_predictions_are_asked_of_the_module_and_answered_when_it_answers() {
    let (mut rig, mut link) = rig();
    let asked = [
        window("AAPL"),
        predicted("IBM"),
        window("NONE"),
        predicted("NONE"),
    ]
    .map(|request| (link.reply_to(), link_request(request)));
    rig.handle(asked.into());
    assert!(link.answers().is_empty());
    let refusal = Refusal::new(Reason::UnknownAsset, "the test says so");
    let forecast = Forecast {
        method: "none".into(),
        time: Timestamp(5),
        value: money("1"),
        low: money("1"),
        high: money("1"),
    };
    for message in rig.of_assets.receiver.try_iter() {
        let AssetsMessage::Query(_, query) = message else {
            panic!("nobody asks for the status");
        };
        match query {
            AssetQuery::Window {
                symbol: asked,
                window,
                adjusted,
                reply,
            } => {
                assert_eq!((window, adjusted), (Window::AllTime, true));
                let is_known = asked == symbol("AAPL");
                reply(if is_known {
                    Ok(vec![bar(1, "1")])
                } else {
                    Err(refusal.clone())
                });
            }
            AssetQuery::Predict {
                symbol: asked,
                reply,
                ..
            } => {
                let is_known = asked == symbol("IBM");
                reply(if is_known {
                    Ok(forecast.clone())
                } else {
                    Err(refusal.clone())
                });
            }
        }
    }
    let replies = link.replies();
    let Reply::Data(_, bars) = &replies[0].1 else {
        panic!("{replies:?}")
    };
    assert_eq!(Vec::from_bytes(bars).unwrap(), [bar(1, "1")]);
    let Reply::Data(_, predicted) = &replies[1].1 else {
        panic!("{replies:?}")
    };
    assert_eq!(Forecast::from_bytes(predicted).unwrap(), forecast);
    for (_, reply) in &replies[2..] {
        assert_eq!(reason(reply), Reason::UnknownAsset);
    }
}
