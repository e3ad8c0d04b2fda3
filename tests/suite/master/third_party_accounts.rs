//! spec/master/auth/third_parties.md · 3.1.3 (third parties)
//!
//! Accounts of third parties, with real daemons and a provider that a test makes do what it likes.

use papertrader::client::third_party::{ThirdPartyProgress, ThirdPartyStart};
use papertrader::client::{Answer, Client, ClientError};
use papertrader::model::{
    IdentityProviderName, ResetCode, SessionId, SessionSelection, Side, SignInHandle, SignInMethod,
};
use papertrader::testkit::eventually::until;
use papertrader::testkit::mock_exchange::ExchangeReply;
use papertrader::testkit::mock_provider::{CLIENT_ID, CLIENT_SECRET, MockProvider};
use papertrader::testkit::trader::{hashed, portfolio, reason, trade, username};
use papertrader::testkit::{Deployment, eventually};
use papertrader::wire::{ConnectionState, Reply, Request};
use std::time::Duration;

/// A running deployment whose people can sign in with this provider, called `mock`.
pub fn deployment_with(provider: &MockProvider) -> Deployment {
    let deployment = unstarted_with(provider);
    deployment.start_all();
    deployment
}

/// The same before its start.
pub fn unstarted_with(provider: &MockProvider) -> Deployment {
    let deployment = Deployment::builder()
        // Some of these tests look into the file.
        .in_a_file()
        .update_interval(Duration::from_millis(500))
        .make();
    deployment.set_provider("mock", &provider.issuer(), (CLIENT_ID, CLIENT_SECRET));
    deployment
}

pub fn mock() -> IdentityProviderName {
    IdentityProviderName::parse("mock").unwrap()
}

/// Begins a device flow, whose person agrees, and waits for the provider's word.
fn sign_in(client: &mut Client) -> (SignInHandle, ThirdPartyProgress) {
    let start: ThirdPartyStart = client
        .begin_third_party(&mock(), SignInMethod::Device, None)
        .unwrap();
    let progress = eventually("the provider's word", || {
        match client.await_third_party(&start.handle).unwrap() {
            ThirdPartyProgress::Pending => None,
            progress => Some(progress),
        }
    });
    (start.handle, progress)
}

/// Signs in as a person who has no account yet. Returns the handle.
pub fn stranger(client: &mut Client) -> SignInHandle {
    match sign_in(client) {
        (handle, ThirdPartyProgress::Unknown(_)) => handle,
        other => panic!("{other:?}"),
    }
}

fn is_active(deployment: &Deployment, session: &SessionId) -> bool {
    deployment.connect(1).resume(session).is_ok()
}

/// Changes the password of the client's account.
fn change_password(client: &mut Client, old: Option<&str>, new: &str) -> Result<(), ClientError> {
    let session = client.session().unwrap().clone();
    let request = Request::ChangePassword {
        session,
        old: old.map(hashed),
        new: hashed(new),
    };
    client.enter(ConnectionState::Command)?;
    match client.connection().call(&request)? {
        Answer::Message(Reply::AccountSuccess(None)) => Ok(()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_makes_an_account_trades_and_adds_a_password() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let mut ada = deployment.connect(1);
    let (handle, progress) = sign_in(&mut ada);
    assert_eq!(progress, ThirdPartyProgress::Unknown(Some(username("ada"))));
    // Nothing is used up by asking.
    let again = ada.await_third_party(&handle).unwrap();
    assert_eq!(again, progress);
    let first = ada
        .register_third_party(&handle, &username("ada"), None)
        .unwrap()
        .session;
    assert!(is_active(&deployment, &first));

    // A lost answer is asked for again: another session, and the first ends.
    let second = ada
        .register_third_party(&handle, &username("Ada"), None)
        .unwrap()
        .session;
    eventually("the first ends", || {
        (!is_active(&deployment, &first)).then_some(())
    });
    let ThirdPartyProgress::LoggedIn(third) = ada.await_third_party(&handle).unwrap() else {
        panic!("not logged in");
    };
    eventually("the second ends", || {
        (!is_active(&deployment, &second)).then_some(())
    });
    assert!(is_active(&deployment, &third.session));
    assert_eq!(
        reason(ada.register_third_party(&handle, &username("eve"), None)),
        "identity-taken"
    );

    trade(&mut ada, Side::Buy, "AAPL", "1").unwrap();
    let info = ada.user_info(&username("ada")).unwrap();
    assert!(!info.is_password);

    // By password the person is told where to go.
    let mut other = deployment.connect(1);
    let refused = other
        .login(&username("ada"), &hashed("ada"), false)
        .unwrap_err();
    assert_eq!(refused.code(), "third-party-login");
    assert!(refused.to_string().contains("mock"), "{refused}");
    assert_eq!(reason(ada.unlink_third_party(&mock())), "third-party-login");
    let identities = ada.identities().unwrap();
    assert_eq!(identities.len(), 1);
    assert_eq!(
        (
            identities[0].providers.as_str(),
            identities[0].subject.as_str()
        ),
        ("mock", "ada")
    );

    // The same person again is the same account.
    let (_, progress) = sign_in(&mut other);
    assert!(
        matches!(progress, ThirdPartyProgress::LoggedIn(_)),
        "{progress:?}"
    );
    assert_eq!(portfolio(&mut other, "ada").1.len(), 1);

    change_password(&mut other, None, "ada").unwrap();
    assert!(other.user_info(&username("ada")).unwrap().is_password);
    let mut third = deployment.connect(1);
    third
        .login(&username("ada"), &hashed("ada"), false)
        .unwrap();
    third.unlink_third_party(&mock()).unwrap();
    assert_eq!(reason(third.unlink_third_party(&mock())), "no-data");
    stranger(&mut deployment.connect(1));
}

#[test]
fn an_identity_is_linked_to_one_account() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let mut bob = deployment.trader(1, "bob");
    let mut eve = deployment.trader(1, "eve");
    let handle = stranger(&mut bob);
    bob.link_third_party(&handle).unwrap();
    bob.link_third_party(&handle).expect("a repeat");
    assert_eq!(
        reason(deployment.connect(1).await_third_party(&handle)),
        "code-invalid"
    );
    // The same person in another account, and another handle of the same person.
    assert_eq!(reason(eve.link_third_party(&handle)), "identity-taken");
    let mut visitor = deployment.connect(1);
    let (_, progress) = sign_in(&mut visitor);
    assert!(matches!(progress, ThirdPartyProgress::LoggedIn(_)));
    assert!(
        visitor
            .user_info(&username("bob"))
            .unwrap()
            .private
            .is_some()
    );
    // Bob's password still is one.
    deployment
        .connect(1)
        .login(&username("bob"), &hashed("bob"), false)
        .unwrap();
    // Another person of the provider is another identity.
    provider.set_subject("eve");
    let handle = stranger(&mut eve);
    eve.link_third_party(&handle).unwrap();
    eve.unlink_third_party(&mock()).unwrap();
}

#[test]
fn of_two_who_claim_an_identity_at_once_one_gets_it() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    for round in 0..5 {
        provider.set_subject(&format!("twin-{round}"));
        let claims: Vec<_> = ["a", "b"]
            .iter()
            .map(|which| {
                let mut client = deployment.connect(1);
                let handle = stranger(&mut client);
                let name = username(&format!("{which}-{round}"));
                (client, handle, name)
            })
            .collect();
        let results: Vec<Result<(), String>> = std::thread::scope(|scope| {
            let running: Vec<_> = claims
                .into_iter()
                .map(|(mut client, handle, name)| {
                    scope.spawn(move || {
                        let made = client.register_third_party(&handle, &name, None);
                        made.map(|_| ()).map_err(|error| error.code().to_owned())
                    })
                })
                .collect();
            running.into_iter().map(|it| it.join().unwrap()).collect()
        });
        let taken = Err("identity-taken".to_owned());
        assert!(
            results == [Ok(()), taken.clone()] || results == [taken, Ok(())],
            "{results:?}"
        );
    }
}

#[test]
fn a_sign_in_is_lost_with_the_master_and_a_provider_that_is_down_holds_nobody_up() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    deployment.trader(1, "bob");
    let handle = stranger(&mut deployment.connect(1));
    deployment.master().kill();
    deployment.master().start();
    let mut client = eventually("the worker is linked", || {
        let mut client = deployment.connect(1);
        let known = client.await_third_party(&handle).err()?;
        (known.code() != "master-unavailable").then_some(client)
    });
    assert_eq!(reason(client.await_third_party(&handle)), "code-invalid");
    drop(provider);
    assert_eq!(
        reason(client.begin_third_party(&mock(), SignInMethod::Device, None)),
        "provider-unavailable"
    );
    client
        .login(&username("bob"), &hashed("bob"), false)
        .unwrap();
}

/// A deployment with the account `bob`, which the provider's person can log in to.
fn linked() -> (MockProvider, Deployment, Client) {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let mut bob = deployment.trader(1, "bob");
    let handle = stranger(&mut bob);
    bob.link_third_party(&handle).unwrap();
    (provider, deployment, bob)
}

#[test]
fn a_reset_takes_away_the_identities_of_whoever_had_the_account() {
    let (_provider, deployment, mut thief) = linked();
    change_password(&mut thief, Some("bob"), "thief").unwrap();
    assert_eq!(thief.identities().unwrap().len(), 1, "a change keeps them");
    let code = ResetCode::parse(deployment.done("accounts reset bob").trim()).unwrap();
    let mut owner = deployment.connect(1);
    owner
        .reset_password(&username("bob"), &code, &hashed("owner"))
        .unwrap();
    // Nobody whom the deployment knows.
    stranger(&mut deployment.connect(1));
    owner
        .login(&username("bob"), &hashed("owner"), false)
        .unwrap();
    assert_eq!(owner.identities().unwrap(), []);
}

#[test]
fn what_ends_sessions_ends_the_sign_ins_that_were_begun_before() {
    let (_provider, deployment, _) = linked();
    type End = fn(&Deployment, &mut Client);
    let ends: [(&str, End); 4] = [
        ("a change of the password", |_, bob| {
            change_password(bob, Some("bob"), "bob").unwrap();
        }),
        ("the end of the other sessions", |_, bob| {
            bob.end_sessions(&SessionSelection::Others).unwrap();
        }),
        ("a logout", |_, bob| bob.logout().unwrap()),
        ("an administrator", |deployment, _| {
            deployment.done("sessions end --user bob");
        }),
    ];
    for (what, end) in ends {
        let mut bob = deployment.connect(1);
        bob.login(&username("bob"), &hashed("bob"), false).unwrap();
        let mut thief = deployment.connect(1);
        let start = thief
            .begin_third_party(&mock(), SignInMethod::Device, None)
            .unwrap();
        end(&deployment, &mut bob);
        let refused = eventually("the provider's word", || {
            match thief.await_third_party(&start.handle) {
                Ok(ThirdPartyProgress::Pending) => None,
                other => Some(reason(other)),
            }
        });
        assert_eq!(refused, "code-invalid", "{what}");
        // What is begun after it is as good as ever.
        let (_, progress) = sign_in(&mut thief);
        assert!(
            matches!(progress, ThirdPartyProgress::LoggedIn(_)),
            "{what}"
        );
    }
}

#[test]
fn a_repeat_after_a_logout_makes_no_session() {
    let (_provider, deployment, _) = linked();
    let mut bob = deployment.connect(1);
    let (handle, _) = sign_in(&mut bob);
    bob.logout().unwrap();
    let repeat = deployment.connect(1).await_third_party(&handle);
    assert_eq!(reason(repeat), "code-invalid");
}

#[test]
fn of_many_who_ask_with_one_handle_at_once_one_has_a_session() {
    const ASKERS: usize = 8;
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let mut bob = deployment.trader(1, "bob");
    // The person is known before there is an account, so that no question uses the handle up.
    let handle = stranger(&mut bob);
    let second = stranger(&mut bob);
    bob.link_third_party(&second).unwrap();
    let clients: Vec<Client> = (0..ASKERS).map(|_| deployment.connect(1)).collect();
    let at_once = std::sync::Barrier::new(ASKERS);
    let (at_once, handle) = (&at_once, &handle);
    let sessions: Vec<SessionId> = std::thread::scope(|scope| {
        let ask = |mut client: Client| {
            scope.spawn(move || {
                at_once.wait();
                match client.await_third_party(handle) {
                    Ok(ThirdPartyProgress::LoggedIn(login)) => login.session,
                    other => panic!("{other:?}"),
                }
            })
        };
        let asked: Vec<_> = clients.into_iter().map(ask).collect();
        asked.into_iter().map(|it| it.join().unwrap()).collect()
    });
    assert_eq!(sessions.len(), ASKERS);
    until("one is left", || {
        let mut left = sessions.iter();
        left.by_ref().any(|it| is_active(&deployment, it))
            && !left.any(|it| is_active(&deployment, it))
    });
}

#[test]
fn unlinking_ends_the_sessions_that_the_provider_led_to() {
    let (_provider, deployment, mut bob) = linked();
    let mut thief = deployment.connect(1);
    let (_, progress) = sign_in(&mut thief);
    let ThirdPartyProgress::LoggedIn(login) = progress else {
        panic!("not logged in");
    };
    bob.unlink_third_party(&mock()).unwrap();
    until("the thief is out", || {
        !is_active(&deployment, &login.session)
    });
    let own = bob.session().unwrap().clone();
    assert!(is_active(&deployment, &own));
}

#[test]
fn an_identity_of_a_provider_that_is_gone_is_unlinked_but_not_the_last_way_in() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let mut bob = deployment.trader(1, "bob");
    let handle = stranger(&mut bob);
    bob.link_third_party(&handle).unwrap();
    let mut by_mock = deployment.connect(1);
    let (_, progress) = sign_in(&mut by_mock);
    assert!(matches!(progress, ThirdPartyProgress::LoggedIn(_)));
    provider.set_subject("ada-2");
    let mut ada = deployment.connect(1);
    let handle = stranger(&mut ada);
    ada.register_third_party(&handle, &username("ada"), None)
        .unwrap();
    deployment.master().stop();
    // The name is another provider's now.
    let second = MockProvider::start();
    deployment.set_provider("mock", &second.issuer(), (CLIENT_ID, CLIENT_SECRET));
    deployment.master().start();
    let identities = eventually("the worker is linked", || bob.identities().ok());
    assert_eq!(identities[0].providers, "mock");
    assert_eq!(identities[0].issuer, provider.issuer());
    let other = IdentityProviderName::parse("other").unwrap();
    assert_eq!(reason(bob.unlink_third_party(&other)), "provider-unknown");
    assert_eq!(reason(ada.unlink_third_party(&mock())), "third-party-login");
    let session = by_mock.session().unwrap().clone();
    bob.unlink_third_party(&mock()).unwrap();
    assert_eq!(bob.identities().unwrap(), []);
    until("the session that it led to has ended", || {
        !is_active(&deployment, &session)
    });
    assert_eq!(reason(bob.unlink_third_party(&mock())), "no-data");
}

#[test]
fn no_token_and_no_code_of_a_provider_is_in_a_log() {
    const SECRET: &str = "very-secret";
    type Answer = fn() -> ExchangeReply;
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let mut client = deployment.connect(1);
    let answers: [(&str, &str, Answer); 4] = [
        ("/device", "line 1, column", || {
            ExchangeReply::json("{\"expires_in\": \"very-secret\"}")
        }),
        ("/device", "503", || {
            ExchangeReply::status(503, "{\"device_code\": \"very-secret\"}")
        }),
        ("/token", "a value is missing or another", || {
            ExchangeReply::json("\"very-secret\"")
        }),
        ("/token", "invalid_grant", || {
            ExchangeReply::status(
                400,
                "{\"error\": \"invalid_grant\", \"error_description\": \"very-secret\"}",
            )
        }),
    ];
    for (path, says, answer) in answers {
        provider.answer_with(move |request| (request.path == path).then(answer));
        // Whether it begins is seen in the log.
        let _ = client.begin_third_party(&mock(), SignInMethod::Device, None);
        until(says, || {
            deployment.done("log flush");
            deployment.log().contains(says)
        });
    }
    let log = deployment.log();
    assert!(!log.contains(SECRET), "{log}");
}
