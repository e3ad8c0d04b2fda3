//! Changes the sealed stream between a worker and the master, and checks what an eavesdropper
//! learns.

use crate::rig::{IntruderRig, pass, username};
use papertrader::testkit::eventually;
use papertrader::testkit::proxy::Tamper;

pub fn try_all(rig: &mut IntruderRig) {
    for (tamper, reason) in [
        (Tamper::Flip, "record-forged"),
        (Tamper::Drop, "record-forged"),
        (Tamper::Repeat, "record-forged"),
        (Tamper::Swap, "record-forged"),
        (Tamper::Cut, "record-cut"),
    ] {
        let before = rig.deployment.proxy().connections();
        rig.deployment.proxy().tamper(tamper);
        eventually("the worker links again", || {
            rig.serves();
            (rig.deployment.proxy().connections() > before).then_some(())
        });
        rig.expect(&format!("a record of the link, {tamper:?}"), reason);
    }
    // The captured bytes hold no secret.
    let session = rig
        .client()
        .login(&username(), &pass(), false)
        .unwrap()
        .session;
    let wire = rig.deployment.proxy().captured();
    assert!(
        wire.len() > 10_000,
        "only {} bytes were captured",
        wire.len()
    );
    let holds = |secret: &[u8]| wire.windows(secret.len()).any(|window| window == secret);
    for secret in [session.expose(), pass().expose().to_owned()] {
        assert!(
            !holds(secret.as_bytes()) && !holds(&hex::decode(&secret).unwrap()),
            "a secret in clear"
        );
    }
    println!(
        "intruders: {} bytes of the link hold neither a session ID nor a hashedPass",
        wire.len()
    );
}
