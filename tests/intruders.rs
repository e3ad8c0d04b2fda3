//! Peers that are no workers, or not the workers they say they are, against a running master with real GPG
//! keys: each is refused, logged with its reason, counted, and costs the worker beside them nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a test program ends at the first thing that is not as it should be"
)]

#[path = "chaos/deployment.rs"]
#[allow(dead_code, reason = "shared with other programs")]
mod deployment;
#[path = "chaos/disk.rs"]
#[allow(dead_code, reason = "shared with other programs")]
mod disk;
#[path = "intruders/inside.rs"]
mod inside;
#[path = "intruders/keys.rs"]
mod keys;
#[path = "intruders/messages.rs"]
mod messages;
#[path = "chaos/proxy.rs"]
mod proxy;
#[path = "intruders/records.rs"]
mod records;
#[path = "intruders/stage.rs"]
mod stage;
#[path = "intruders/trade.rs"]
mod trade;

use deployment::Deployment;
use stage::Stage;

fn main() {
    let folder = tempfile::Builder::new().prefix("pt").tempdir_in("/tmp").unwrap();
    let deployment = Deployment::make(folder.path(), 1, "200ms");
    let mut stage = Stage::new(folder.path(), deployment);
    let cast = keys::Cast::make(&stage);
    stage.begin();
    keys::try_all(&mut stage, &cast);
    messages::try_all(&mut stage, &cast);
    inside::try_all(&mut stage, &cast);
    records::try_all(&mut stage);
    println!("intruders: all refused, and the worker beside them served throughout");
}
