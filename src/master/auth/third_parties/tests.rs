//! spec/master/auth/third_parties.md · 3.1.3 (third parties)
//!
//! Sign-ins without a provider: the test says what one would.

use super::*;
use crate::master::testing::{FakeLink, MasterRig, link_request, reason};
use crate::master::third_party::BegunFlow;
use crate::master::third_party::thread::SecretText;
use crate::wire::Request;
use std::time::Duration;
use uuid::Uuid;

fn ada() -> VouchedPerson {
    VouchedPerson {
        identity: Identity {
            issuer: "https://id.example".to_owned(),
            subject: "ada".to_owned(),
        },
        suggestion: None,
    }
}

/// The handle of a sign-in whose provider has said that the person is Ada.
fn vouched(rig: &mut MasterRig, link: &mut FakeLink, number: u8) -> SignInHandle {
    let now = Instant::now();
    let handle = SignInHandle::from_bytes([number; 32]);
    let waiting = PendingSignIn {
        reply_to: link.reply_to(),
        instruction: Instruction::BeginThirdParty,
        handle: None,
    };
    let origin = SignInOrigin {
        worker: Uuid::nil(),
        near: Neighbourhood::of([10, 0, 0, 1].into()),
    };
    let secrets = (handle.clone(), SecretText("state".to_owned()));
    let sign_ins = rig.auth.third_parties.sign_ins();
    let new = sign_ins.begin(waiting, (0, SignInMethod::Device), origin, secrets, now);
    let flow = BegunFlow {
        user_code: None,
        url: "https://id.example/".to_owned(),
        poll: Duration::from_secs(5),
        expires: now + Duration::from_secs(600),
    };
    assert!(sign_ins.begun(new.number, Ok(flow)).is_some());
    assert!(sign_ins.ended(new.number, Ok(ada()), now).is_none());
    handle
}

fn identify(rig: &MasterRig, account: AccountId) {
    let mut storage = rig.engine.storage();
    storage
        .write(|tx| tx.insert_identity(account, &ada().identity, "mock", Timestamp::now()))
        .unwrap();
}

fn awaiting(handle: &SignInHandle) -> Request {
    Request::AwaitThirdParty {
        handle: handle.clone(),
    }
}

fn linking(session: &SessionId, handle: &SignInHandle) -> Request {
    Request::LinkThirdParty {
        session: session.clone(),
        handle: handle.clone(),
    }
}

#[test]
fn a_sign_in_whose_session_could_not_be_stored_is_not_used_up() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.account("alice");
    identify(&rig, alice);
    let handle = vouched(&mut rig, &mut link, 1);
    rig.refuse_changes("INSERT", "sessions");
    let refused = rig.refused(&mut link, awaiting(&handle));
    assert_eq!(refused, Reason::InternalError);
    rig.allow_changes();
    let session = match rig.ask(&mut link, awaiting(&handle)) {
        Reply::Session { id, .. } => id,
        reply => panic!("{reply:?}"),
    };
    // It is used up now: a repeat makes another in its place.
    let again = rig.ask(&mut link, awaiting(&handle));
    assert!(matches!(&again, Reply::Session { id, .. } if *id != session));
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 1);
}

#[test]
fn of_many_questions_in_one_turn_the_last_has_a_session_and_no_other() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.account("alice");
    identify(&rig, alice);
    let handle = vouched(&mut rig, &mut link, 1);
    let asked: Vec<_> = (0..3)
        .map(|_| (link.reply_to(), link_request(awaiting(&handle))))
        .collect();
    rig.handle(asked);
    let ids: Vec<SessionId> = link
        .replies()
        .into_iter()
        .map(|(_, reply)| match reply {
            Reply::Session { id, .. } => id,
            reply => panic!("{reply:?}"),
        })
        .collect();
    assert_eq!(ids.len(), 3);
    let active: Vec<bool> = ids
        .iter()
        .map(|id| {
            let found = rig.auth.sessions.get(&id.hash(), Timestamp::now());
            found.is_some()
        })
        .collect();
    assert_eq!(active, [false, false, true]);
    assert_eq!(rig.engine.number("SELECT count(*) FROM sessions"), 1);
}

#[test]
fn a_handle_that_was_linked_and_unlinked_leads_into_no_other_account() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.user(&mut link, "alice");
    let mallory = rig.user(&mut link, "mallory");
    let handle = vouched(&mut rig, &mut link, 1);
    for _ in 0..2 {
        let reply = rig.ask(&mut link, linking(&alice.session, &handle));
        assert_eq!(reply, Reply::AccountSuccess(None));
    }
    rig.engine.execute("DELETE FROM identities");
    for session in [&mallory.session, &alice.session] {
        let reply = rig.ask(&mut link, linking(session, &handle));
        assert_eq!(reason(&reply), Reason::CodeInvalid);
    }
    assert_eq!(rig.engine.number("SELECT count(*) FROM identities"), 0);
}

#[test]
fn a_person_is_refused_what_others_have_and_told_that_the_account_is_locked() {
    let mut rig = MasterRig::new();
    let mut link = rig.link("eu1");
    let alice = rig.account("alice");
    let handle = vouched(&mut rig, &mut link, 1);
    let registering = |name: &str, email: Option<&str>| Request::RegisterThirdParty {
        handle: handle.clone(),
        username: Username::parse(name).unwrap(),
        email: email.map(|email| Email::parse(email).unwrap()),
    };
    let refused = rig.refused(&mut link, registering("Alice", None));
    assert_eq!(refused, Reason::UsernameTaken);
    let refused = rig.refused(&mut link, registering("ada", Some("alice@example.org")));
    assert_eq!(refused, Reason::EmailTaken);
    let secret = |text: &str| BrowserSecret::parse(text).unwrap();
    let completing = Request::CompleteThirdParty {
        handle: handle.clone(),
        code: secret("code"),
        state: secret("state"),
    };
    let unknown = rig.ask(&mut link, completing.clone());
    assert!(
        matches!(unknown, Reply::ThirdPartyUnknown { .. }),
        "{unknown:?}"
    );

    identify(&rig, alice);
    rig.engine.execute("UPDATE accounts SET state = 1");
    for request in [completing, awaiting(&handle), registering("Alice", None)] {
        assert_eq!(rig.refused(&mut link, request), Reason::AccountLocked);
    }
}
