//! spec/master/auth/tokens.md · 3.1.3, 2.4.2

use crate::master::reply_to::ReplyTo;
use crate::master::testing::{FakeLink, MasterRig, pass, quantity, reason, symbol};
use crate::model::token::TOKENS_MAX;
use crate::model::{
    AccountValue, Reason, SessionId, SessionSelection, Side, Timestamp, TokenName, TokenScope,
    Username,
};
use crate::wire::payload::{OwnSessions, OwnTokens, UserInfo};
use crate::wire::{Reply, Request};

fn create(session: &SessionId, name: &str, scope: TokenScope) -> Request {
    Request::CreateToken {
        session: session.clone(),
        name: TokenName::parse(name).unwrap(),
        scope,
        days: 30,
    }
}

fn revoke(session: &SessionId, name: &str) -> Request {
    Request::RevokeToken {
        session: session.clone(),
        name: TokenName::parse(name).unwrap(),
    }
}

fn token(reply: Reply) -> SessionId {
    match reply {
        Reply::AccountSuccess(Some(AccountValue::Token(token))) => token,
        other => panic!("{other:?}"),
    }
}

fn order(session: &SessionId) -> Request {
    Request::Order {
        session: session.clone(),
        side: Side::Buy,
        symbol: symbol("AAPL"),
        quantity: quantity("1"),
        id: None,
    }
}

fn resume(session: &SessionId) -> Request {
    let session = session.clone();
    Request::Resume { session }
}

fn sessions(rig: &mut MasterRig, link: &mut FakeLink, session: &SessionId) -> OwnSessions {
    let session = session.clone();
    rig.payload(link, Request::Sessions { session })
}

fn tokens(rig: &mut MasterRig, link: &mut FakeLink, session: &SessionId) -> OwnTokens {
    let session = session.clone();
    rig.payload(link, Request::Tokens { session })
}

/// The way back to a client at this address.
fn at(link: &mut FakeLink, client: &str) -> ReplyTo {
    ReplyTo {
        client: Some(client.parse().unwrap()),
        ..link.reply_to()
    }
}

#[test]
fn a_token_does_what_its_scope_allows() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let read = token(rig.ask(&mut link, create(&alice.session, "read", TokenScope::Read)));
    let trade = token(rig.ask(&mut link, create(&alice.session, "desk", TokenScope::Trade)));
    for (token, may_trade) in [(&read, false), (&trade, true)] {
        assert!(matches!(
            rig.ask(&mut link, resume(token)),
            Reply::Session { .. }
        ));
        let info = Request::UserInfo {
            session: token.clone(),
            username: Username::parse("alice").unwrap(),
        };
        let info: UserInfo = rig.payload(&mut link, info);
        assert!(info.private.is_some());
        let reply = rig.ask(&mut link, order(token));
        assert_eq!(
            matches!(reply, Reply::Queued { .. }),
            may_trade,
            "{reply:?}"
        );
        if !may_trade {
            assert_eq!(reason(&reply), Reason::Scope);
        }
        for request in [
            Request::ChangePassword {
                session: token.clone(),
                old: Some(pass("alice")),
                new: pass("new"),
            },
            Request::ChangeEmail {
                session: token.clone(),
                pass: Some(pass("alice")),
                email: None,
            },
            Request::EndSessions {
                session: token.clone(),
                selection: SessionSelection::All,
            },
            create(token, "more", TokenScope::Read),
            revoke(token, "desk"),
            Request::Sessions {
                session: token.clone(),
            },
            Request::Tokens {
                session: token.clone(),
            },
        ] {
            assert_eq!(rig.refused(&mut link, request), Reason::Scope);
        }
    }
}

#[test]
fn tokens_survive_a_restart_and_end_with_their_account_s_password() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let desk = token(rig.ask(&mut link, create(&alice.session, "desk", TokenScope::Read)));
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    assert_eq!(rig.refused(&mut link, order(&desk)), Reason::Scope);
    // They are no sessions that end with the others.
    let others = Request::EndSessions {
        session: alice.session.clone(),
        selection: SessionSelection::All,
    };
    let count = rig.ask(&mut link, others);
    assert_eq!(count, Reply::AccountSuccess(Some(AccountValue::Count(1))));
    assert_eq!(rig.refused(&mut link, order(&desk)), Reason::Scope);
    let alice = rig.user_again(&mut link, "alice");
    let change = Request::ChangePassword {
        session: alice,
        old: Some(pass("alice")),
        new: pass("new"),
    };
    assert_eq!(rig.ask(&mut link, change), Reply::AccountSuccess(None));
    assert_eq!(rig.refused(&mut link, order(&desk)), Reason::SessionExpired);
}

#[test]
fn a_token_s_name_is_its_account_s_alone_and_its_maker_has_logged_in_lately() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let bob = rig.user(&mut link, "bob");
    let new = |session: &SessionId, name: &str| create(session, name, TokenScope::Read);
    let first = token(rig.ask(&mut link, new(&alice.session, "desk")));
    token(rig.ask(&mut link, new(&bob.session, "desk")));
    let taken = rig.refused(&mut link, new(&alice.session, "desk"));
    assert_eq!(taken, Reason::NameInvalid);
    assert_eq!(
        rig.refused(&mut link, revoke(&alice.session, "other")),
        Reason::NoData
    );
    let done = Reply::AccountSuccess(None);
    assert_eq!(rig.ask(&mut link, revoke(&alice.session, "desk")), done);
    assert_eq!(
        rig.refused(&mut link, resume(&first)),
        Reason::SessionExpired
    );
    for number in 0..TOKENS_MAX {
        token(rig.ask(&mut link, new(&alice.session, &format!("t{number}"))));
    }
    let one_more = rig.refused(&mut link, new(&alice.session, "more"));
    assert_eq!(one_more, Reason::ArgumentInvalid);
    rig.engine
        .execute("UPDATE sessions SET since = since - 900001 WHERE token IS NULL");
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    let late = rig.refused(&mut link, new(&bob.session, "late"));
    assert_eq!(late, Reason::LoginAgain);
    // Revoking needs no fresh login.
    assert_eq!(rig.ask(&mut link, revoke(&alice.session, "t0")), done);
}

#[test]
fn a_request_that_is_sent_again_makes_its_token_once() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let request = create(&alice.session, "desk", TokenScope::Read);
    let lost = token(rig.ask(&mut link, request.clone()));
    let again = ReplyTo {
        again: true,
        ..link.reply_to()
    };
    let told = token(rig.ask_as(&mut link, again.clone(), request.clone()));
    assert_eq!(
        rig.refused(&mut link, resume(&lost)),
        Reason::SessionExpired
    );
    assert!(matches!(
        rig.ask(&mut link, resume(&told)),
        Reply::Session { .. }
    ));
    // It was used: somebody has heard of it.
    let reply = rig.ask_as(&mut link, again.clone(), request);
    assert_eq!(reason(&reply), Reason::NameInvalid);
    let revoke = revoke(&alice.session, "desk");
    let done = Reply::AccountSuccess(None);
    assert_eq!(rig.ask(&mut link, revoke.clone()), done);
    assert_eq!(rig.ask_as(&mut link, again, revoke), done);
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 1);
}

#[test]
fn owners_see_where_sessions_and_tokens_were_made_and_used() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let mut other = rig.link("us1");
    let alice = rig.user(&mut link, "alice");
    rig.user(&mut link, "bob");
    let second = rig.user_again(&mut other, "alice");
    token(rig.ask(&mut link, create(&alice.session, "desk", TokenScope::Trade)));
    let reply_to = at(&mut other, "[2001:db8::7]:40001");
    rig.ask_as(&mut other, reply_to, resume(&alice.session));
    let OwnSessions(seen) = sessions(&mut rig, &mut other, &second);
    let [newest, oldest] = &seen[..] else {
        panic!("{seen:?}")
    };
    assert_eq!(newest.id, second.hash().short());
    assert!(newest.is_current && !oldest.is_current);
    assert_eq!(
        (oldest.made.worker.as_str(), oldest.made.client.as_str()),
        ("eu1", "192.0.2.1")
    );
    assert_eq!(
        (oldest.used.worker.as_str(), oldest.used.client.as_str()),
        ("us1", "2001:db8::7")
    );
    assert!(oldest.used.at >= oldest.made.at && oldest.method == "password");
    let OwnTokens(seen) = tokens(&mut rig, &mut other, &second);
    let [desk] = &seen[..] else {
        panic!("{seen:?}")
    };
    assert_eq!((desk.name.as_str(), desk.used.at), ("desk", Timestamp(0)));
    assert!(desk.scope == TokenScope::Trade);
    assert_eq!(desk.expiry.since(desk.made.at), 30 * 86_400_000);
    // Also after a restart, and where the worker is registered no more.
    rig.auth.touched = std::time::Instant::now() - std::time::Duration::from_secs(61);
    rig.ask(&mut link, resume(&second));
    let mut rig = rig.restart();
    let mut link = rig.link("eu1");
    let OwnSessions(seen) = sessions(&mut rig, &mut link, &second);
    assert_eq!(seen[1].used.client, "2001:db8::7");
}

#[test]
fn the_first_use_of_a_token_elsewhere_is_noted_once() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let desk = token(rig.ask(&mut link, create(&alice.session, "desk", TokenScope::Read)));
    let noted = |rig: &MasterRig| rig.engine.number("SELECT sum(elsewhere) FROM sessions");
    // The same neighbourhood; a session of a login, from elsewhere.
    rig.ask(&mut link, resume(&desk));
    let reply_to = at(&mut link, "198.51.100.1:9");
    rig.ask_as(&mut link, reply_to, resume(&alice.session));
    assert_eq!(noted(&rig), 0);
    let reply_to = at(&mut link, "198.51.100.1:9");
    rig.ask_as(&mut link, reply_to, resume(&desk));
    assert_eq!(noted(&rig), 1);
    rig.engine.execute("UPDATE sessions SET elsewhere = 0");
    let reply_to = at(&mut link, "203.0.113.1:9");
    rig.ask_as(&mut link, reply_to, resume(&desk));
    assert_eq!(noted(&rig), 0, "it is not noted again");
}
