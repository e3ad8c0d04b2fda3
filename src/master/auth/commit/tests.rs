//! spec/master/auth.md · 3.1.3, 3.1.2

use super::*;
use crate::master::messages::{AuthMessage, SessionFilter};
use crate::master::testing::{MasterRig, link_request, login, reason};
use crate::model::{Reason, Timestamp};
use crate::runtime::Module;
use crate::wire::Request;
use crossbeam_channel::bounded;

fn logout(session: &SessionId) -> Request {
    Request::Logout {
        session: session.clone(),
    }
}

#[test]
fn nothing_is_said_before_it_is_committed() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let asked = vec![(
        link.reply_to(),
        crate::master::messages::AuthRequest::Request(logout(&alice.session)),
    )];
    rig.auth.on_message(AuthMessage::Requests(asked));
    assert!(link.heard().is_empty());
    rig.auth.on_turn_end();
    let said: Vec<Instruction> = link
        .heard()
        .iter()
        .map(|heard| heard.instruction())
        .collect();
    assert_eq!(
        said,
        [Instruction::LinkSessionsEnded, Instruction::LogoutSuccess]
    );
}

#[test]
fn a_session_that_cannot_be_deleted_has_ended_all_the_same_and_goes_with_the_next_commit() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let mut other = rig.link("eu2");
    let alice = rig.user(&mut link, "alice");
    link.heard();
    rig.refuse_changes("DELETE", "sessions");
    assert_eq!(
        rig.refused(&mut link, logout(&alice.session)),
        Reason::InternalError
    );
    assert_eq!(other.ended_sessions().0, [alice.session.hash()]);
    assert_eq!(
        rig.refused(&mut link, logout(&alice.session)),
        Reason::SessionExpired
    );
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 1);
    rig.allow_changes();
    rig.auth.on_tick(Instant::now());
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 0);
    assert_eq!(other.ended_sessions().0, [], "it was told of");
}

#[test]
fn one_commit_that_fails_refuses_all_that_it_held() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    rig.account("bob");
    rig.refuse_changes("INSERT", "sessions");
    let asked = [login("bob", false), logout(&alice.session)].map(|request| {
        let reply_to = link.reply_to();
        (reply_to, link_request(request))
    });
    rig.handle(asked.into());
    let replies = link.replies();
    assert_eq!(replies.len(), 2);
    // The logout was committed by itself: the password is hashed meanwhile.
    assert_eq!(replies[0].1, Reply::LogoutSuccess);
    assert_eq!(reason(&replies[1].1), Reason::InternalError);
}

#[test]
fn the_use_of_sessions_is_noted_on_disk_once_a_minute() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    rig.engine.execute("UPDATE sessions SET last_used = 0");
    let hash = alice.session.hash();
    let mut kept = rig.auth.sessions.remove(&hash).unwrap();
    kept.session.last_use.at = Timestamp(0);
    rig.auth.sessions.insert(kept);
    let resume = Request::Resume {
        session: alice.session.clone(),
    };
    rig.ask(&mut link, resume);
    let stored = |rig: &MasterRig| rig.engine.number("SELECT last_used FROM sessions");
    assert_eq!(stored(&rig), 0);
    let Some(earlier) = Instant::now().checked_sub(TOUCH_INTERVAL) else {
        return;
    };
    rig.auth.touched = earlier;
    rig.auth.on_tick(Instant::now());
    let kept = rig.auth.sessions.get(&hash, Timestamp(0)).unwrap();
    assert_eq!(stored(&rig), kept.session.last_use.at.0);
    assert!(stored(&rig) > 0);
}

#[test]
fn workers_are_told_of_many_ended_sessions_in_as_few_messages_as_hold_them() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let like = rig
        .auth
        .sessions
        .get(&alice.session.hash(), Timestamp(0))
        .unwrap()
        .clone();
    for number in 1..=HASHES_MAX {
        let mut kept = like.clone();
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        kept.session.hash = SessionHash(bytes);
        rig.auth.sessions.insert(kept);
    }
    let (sender, count) = bounded(1);
    rig.auth.on_message(AuthMessage::End(
        SessionFilter::User("Alice".into()),
        "user root (0)".into(),
        sender,
    ));
    assert_eq!(count.try_recv().unwrap().unwrap().logins, HASHES_MAX + 1);
    rig.auth.on_turn_end();
    let sizes: Vec<usize> = link
        .heard()
        .iter()
        .map(|heard| heard.data().len() / 32)
        .collect();
    assert_eq!(sizes, [HASHES_MAX, 1]);
}
