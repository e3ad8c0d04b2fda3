//! Peers that are no workers, or pretend to be other workers, against a running master with real
//! GPG keys. Each is refused, logged with its reason and counted, and does not slow the real
//! worker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    missing_docs,
    reason = "a test program ends at the first thing that is not as it should be"
)]

mod inside;
mod keys;
mod messages;
mod records;
mod rig;
mod trade;

use papertrader::testkit::{Deployment, Market};
use rig::IntruderRig;

fn main() {
    let deployment = Deployment::builder()
        .market(Market::Simulated {
            symbols: 5,
            seed: 1,
        })
        .link_proxy()
        .make();
    let mut rig = IntruderRig::new(deployment);
    let cast = keys::Cast::make(&rig);
    rig.begin();
    keys::try_all(&mut rig, &cast);
    messages::try_all(&mut rig, &cast);
    inside::try_all(&mut rig, &cast);
    records::try_all(&mut rig);
    println!("intruders: all refused, and the worker beside them served throughout");
}
