//! Accounts and sessions: how many sessions an account may have, and what a session is good for.

use papertrader::master::auth::sessions::PER_ACCOUNT_MAX;
use papertrader::testkit::trader::{hashed, reason, username};
use papertrader::testkit::{Deployment, eventually};

/// As many logins as the limit allows, and one more: a fixed number, however fast the machine is.
#[test]
fn one_login_too_many_ends_the_oldest_session_and_no_other() {
    let deployment = Deployment::running(1);
    let mut alice = deployment.trader(1, "alice");
    let mut bob = deployment.trader(1, "bob");
    let oldest = alice.session().unwrap().clone();
    let mut login = || {
        let login = alice.login(&username("alice"), &hashed("alice"), false);
        login.unwrap().session
    };
    let second = login();
    for _ in 2..PER_ACCOUNT_MAX {
        login();
    }
    deployment
        .connect(1)
        .resume(&oldest)
        .expect("not one too many yet");
    login();
    eventually("the oldest session ends", || {
        deployment.connect(1).resume(&oldest).err()
    });
    assert_eq!(
        reason(deployment.connect(1).resume(&oldest)),
        "session-expired"
    );
    deployment
        .connect(1)
        .resume(&second)
        .expect("the next one stays");
    let bobs = bob.session().unwrap().clone();
    bob.resume(&bobs).expect("another account's stays");
}
