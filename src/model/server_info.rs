//! spec/model.md · 2.4 (what a server tells about itself)

use super::NameValue;
use super::word_list::word_list;

word_list! {
    /// The names of serverInfo. Readers pass over names that they do not know. Values of `Market`
    /// are words of [`MarketKind`], those of `State` of [`MarketState`].
    ServerFact {
        /// Version of the worker's program.
        Version = "version",
        /// Version of the wire format: `1`.
        Wire = "wire",
        /// Edition of the protocol: `2`.
        Edition = "edition",
        /// Currency of all prices and accounts, such as `USD`.
        Currency = "currency",
        /// Where the prices come from: a word of the list of markets.
        Market = "market",
        /// Whether the market moves: a word of the list of market states.
        State = "state",
        /// Market time: that of the newest price, a CanonicalTime.
        MarketTime = "market-time",
        /// Time between two updates, in milliseconds.
        UpdateInterval = "update-interval",
        /// When the next update is expected, wall time, a CanonicalTime. None after the last, and
        /// while the market is paused.
        NextUpdate = "next-update",
        /// Steps of a replay that are still to come, `0` after the last.
        StepsLeft = "steps-left",
        /// The ways to log in, joined by commas: `password`, and the names of providers of identities.
        Login = "login",
        /// Where a code for a new password comes from: `mail` or `administrator`.
        Reset = "reset",
        /// Whether trades cost fees, `yes` or `no`.
        Fees = "fees",
    }
}

impl ServerFact {
    /// The fact with this value; `None` for a value that cannot be told: see [`NameValue::new`].
    pub fn with(self, value: &str) -> Option<NameValue> {
        NameValue::new(self.as_str(), value).ok()
    }
}

word_list! {
    /// Where a market's prices come from.
    MarketKind {
        /// Files of past bars.
        Replay = "replay",
        /// A random walk.
        Simulated = "simulated",
        /// An exchange of now.
        Real = "real",
    }
}

word_list! {
    /// Whether a market moves.
    MarketState {
        /// An asset got a price in the last three updates.
        Open = "open",
        /// None did; more prices will come.
        Closed = "closed",
        /// An administrator has paused it: no price comes until it goes on. Orders are accepted, and
        /// wait.
        Paused = "paused",
        /// A replay after its last step: no price will come.
        Ended = "ended",
    }
}
