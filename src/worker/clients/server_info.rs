//! spec/worker/clients.md · 4.1 (what a server tells about itself)
//!
//! The answer to getServerInfo: this program's own facts. It is laid out once, not for each
//! request.

use crate::model::{NameValue, ServerFact};
use crate::wire::{EDITION, Reply, WIRE_VERSION};

/// What this worker answers to getServerInfo.
#[derive(Debug)]
pub struct ServerInfoHolder {
    /// The frame of the reply.
    frame: Vec<u8>,
}

impl ServerInfoHolder {
    /// The facts that the worker knows by itself.
    pub fn new() -> ServerInfoHolder {
        let mut frame = Vec::new();
        Reply::ServerInfo(own_facts()).write(&mut frame);
        ServerInfoHolder { frame }
    }

    /// The frame that answers getServerInfo.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }
}

/// What the worker knows by itself: the version of its program and of what it speaks.
fn own_facts() -> Vec<NameValue> {
    [
        (ServerFact::Version, env!("CARGO_PKG_VERSION").to_owned()),
        (ServerFact::Wire, WIRE_VERSION.to_string()),
        (ServerFact::Edition, EDITION.to_string()),
    ]
    .iter()
    .filter_map(|(fact, value)| fact.with(value))
    .collect()
}
