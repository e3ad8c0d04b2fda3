//! spec/master/order_watchers.md · 3.1.7, 4.1

use super::*;
use crate::master::messages::{AuthRequest, LinkRequest};
use crate::master::testing::{FakeLink, MasterRig, TestUser, link_request, money, order};
use crate::model::{Reason, Side, TransactionStatus};
use crate::wire::Request;

fn watch(rig: &mut MasterRig, link: &mut FakeLink, user: &TestUser) {
    let reply_to = link.reply_to();
    let sequence = reply_to.sequence;
    let asked = AuthRequest::WatchOrders(user.session.hash());
    rig.handle(vec![(reply_to, LinkRequest::Auth(asked))]);
    assert!(link.answer(sequence).session().active.is_some());
}

/// The notices that a link has brought: whose, and how the orders ended.
fn told(link: &mut FakeLink) -> Vec<(String, OrderNotice)> {
    let mut told = Vec::new();
    for heard in link.heard() {
        if heard.instruction() != Instruction::LinkOrders {
            continue;
        }
        assert_eq!(heard.sequence, 0);
        let name = String::from_utf8(heard.data().to_vec()).unwrap();
        for (header, data) in &heard.frames[1..] {
            match Reply::read(header, data).unwrap() {
                Reply::OrderNotice(notice) => told.push((name.clone(), notice)),
                other => panic!("{other:?}"),
            }
        }
    }
    told
}

#[test]
fn the_workers_that_asked_are_told_the_ends_of_an_accounts_orders() {
    let mut rig = MasterRig::with(|config| config.starting_cash = money("1000"));
    let (mut link, mut other) = (rig.link("eu1"), rig.link("eu2"));
    let alice = rig.user(&mut link, "Alice");
    let bob = rig.user(&mut link, "bob");
    watch(&mut rig, &mut link, &alice);
    rig.settle(&[("AAPL", "10")]);
    let orders = [(&alice, "2"), (&bob, "3"), (&alice, "1000")];
    for (user, units) in orders {
        let order = order(link.reply_to(), user.account, Side::Buy, "AAPL", units);
        rig.order_all(vec![order]);
    }
    rig.settle(&[("AAPL", "11")]);
    let notices = told(&mut link);
    let names: Vec<&str> = notices.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Alice"], "the other order was refused at once");
    let notice = &notices[0].1;
    assert_eq!(notice.status, TransactionStatus::Settled);
    assert_eq!(notice.price, Some(money("11")));
    assert_eq!((notice.total, &notice.reason), (Some(money("22")), &None));
    assert!(told(&mut other).is_empty(), "nobody there has asked");
    // An order that its owner withdraws.
    let placed = Request::PlaceOrder {
        session: alice.session.clone(),
        side: Side::Buy,
        symbol: notice.symbol,
        amount: crate::model::OrderAmount::parse("cash:50").unwrap(),
        kind: crate::model::OrderKind::Limit,
        limit: Some(money("1")),
        stop: None,
        time_in_force: crate::model::TimeInForce::Gtc,
        id: None,
    };
    let Reply::OrderPlaced { id, .. } = rig.ask(&mut link, placed) else {
        panic!()
    };
    let session = alice.session.clone();
    let cancel = link_request(Request::CancelOrder { session, id });
    rig.handle(vec![(link.reply_to(), cancel)]);
    let [(_, notice)] = &told(&mut link)[..] else {
        panic!()
    };
    assert_eq!(notice.status, TransactionStatus::Cancelled);
    assert_eq!(notice.reason, Some(OpenValue::Known(Reason::Cancelled)));
    assert_eq!((notice.id, notice.price, notice.quantity.0), (id, None, 0));
}

#[test]
fn a_watch_ends_with_the_link_that_brought_it() {
    let mut rig = MasterRig::with(|config| config.starting_cash = money("1000"));
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    watch(&mut rig, &mut link, &alice);
    assert!(rig.order_watchers.is_watched(alice.account));
    link.peer.link.cut();
    rig.order_watchers
        .send(BTreeMap::from([(alice.account, Vec::new())]));
    assert!(!rig.order_watchers.is_watched(alice.account));
    // A newer link of the same worker takes the place of what an older one asked for.
    let mut link = rig.link("eu2");
    watch(&mut rig, &mut link, &alice);
    let bob = rig.user(&mut link, "bob");
    let mut again = rig.link("eu2");
    watch(&mut rig, &mut again, &bob);
    assert!(!rig.order_watchers.is_watched(alice.account));
    assert!(rig.order_watchers.is_watched(bob.account));
}

#[test]
fn a_watch_ends_with_the_last_session_that_brought_it() {
    let mut rig = MasterRig::with(|config| config.starting_cash = money("1000"));
    let (mut link, mut other) = (rig.link("eu1"), rig.link("eu2"));
    let alice = rig.user(&mut link, "alice");
    let again = TestUser {
        account: alice.account,
        session: rig.user_again(&mut link, "alice"),
    };
    watch(&mut rig, &mut link, &alice);
    watch(&mut rig, &mut link, &again);
    watch(&mut rig, &mut other, &alice);
    let log_out = |rig: &mut MasterRig, link: &mut FakeLink, user: &TestUser| {
        let session = user.session.clone();
        let reply = rig.ask(link, Request::Logout { session });
        assert_eq!(reply, Reply::LogoutSuccess);
    };
    let buy = |rig: &mut MasterRig, link: &mut FakeLink| {
        let order = order(link.reply_to(), alice.account, Side::Buy, "AAPL", "1");
        rig.order_all(vec![order]);
        rig.settle(&[("AAPL", "10")]);
    };
    rig.settle(&[("AAPL", "10")]);
    log_out(&mut rig, &mut link, &alice);
    buy(&mut rig, &mut link);
    assert_eq!(told(&mut link).len(), 1, "another session lasts there");
    assert!(told(&mut other).is_empty(), "none lasts there");
    log_out(&mut rig, &mut link, &again);
    buy(&mut rig, &mut link);
    assert!(told(&mut link).is_empty());
    assert!(!rig.order_watchers.is_watched(alice.account));
    assert!(rig.order_watchers.watchers.lock().sessions.is_empty());
}

#[test]
fn an_expired_session_hears_nothing_before_auth_ends_it() {
    let mut rig = MasterRig::with(|config| config.starting_cash = money("1000"));
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    watch(&mut rig, &mut link, &alice);
    let mut watchers = rig.order_watchers.watchers.lock();
    let watched = watchers.accounts.get_mut(&alice.account).unwrap();
    for expiry in watched.watchers[0].sessions.values_mut() {
        *expiry = Timestamp::now();
    }
    drop(watchers);
    rig.order_watchers
        .send(BTreeMap::from([(alice.account, Vec::new())]));
    assert!(!rig.order_watchers.is_watched(alice.account));
}
