//! spec/worker/clients.md · 4.1 (what a server tells about itself)
//!
//! The answer to getServerInfo: this program's own facts, and those that the master told last. It
//! is laid out once for each time that the master tells, not for each request.

use crate::model::printable::clean;
use crate::model::{MarketState, NameValue, ServerFact};
use crate::wire::{EDITION, Reply, WIRE_VERSION};

/// What this worker answers to getServerInfo.
#[derive(Debug)]
pub(super) struct ServerInfoHolder {
    /// The frame of the reply.
    frame: Vec<u8>,
    /// Which market the master told last, and whether it moves.
    market: [Option<String>; 2],
}

impl ServerInfoHolder {
    /// The worker's own facts alone: no master has told anything yet.
    pub(super) fn new() -> ServerInfoHolder {
        let mut holder = ServerInfoHolder {
            frame: Vec::new(),
            market: [None, None],
        };
        holder.learn(Vec::new());
        holder
    }

    /// Replaces what the master told before. The worker's own facts come first, so that a long list
    /// of the master's cannot displace them.
    pub(super) fn learn(&mut self, of_master: Vec<NameValue>) {
        self.note_market(&of_master);
        let own = own_facts();
        let is_own = |fact: &NameValue| own.iter().any(|known| known.name() == fact.name());
        let others = of_master.into_iter().filter(|fact| !is_own(fact));
        let facts = own.iter().cloned().chain(others).collect();
        self.frame.clear();
        Reply::ServerInfo(facts).write(&mut self.frame);
    }

    /// Logs which market it is when that changes, such as at the end of a replay or at a pause.
    fn note_market(&mut self, facts: &[NameValue]) {
        let value = |fact: ServerFact| {
            let found = facts.iter().find(|told| told.name() == fact.as_str());
            found.map(|told| told.value().to_owned())
        };
        let market = [value(ServerFact::Market), value(ServerFact::State)];
        // Whether it is open changes each day; that is no news.
        let news = [MarketState::Ended, MarketState::Paused].map(MarketState::as_str);
        let key = |market: &[Option<String>; 2]| {
            let state = market[1].clone();
            (
                market[0].clone(),
                state.filter(|it| news.contains(&it.as_str())),
            )
        };
        if market[0].is_some() && key(&market) != key(&self.market) {
            let words = market.iter().flatten();
            let words = words.map(|word| clean(word)).collect::<Vec<_>>().join(", ");
            let time = value(ServerFact::MarketTime).unwrap_or_default();
            crate::info!("the market: {words}; market time {}", clean(&time));
        }
        self.market = market;
    }

    /// The frame that answers getServerInfo.
    pub(super) fn frame(&self) -> &[u8] {
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
