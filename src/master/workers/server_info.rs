//! spec/master/workers.md · 4.1 (what a server tells about itself)
//!
//! Composes linkServerInfo: what clients may know of this deployment and of its market.

use crate::config::MasterConfig;
use crate::master::assets::PriceSnapshot;
use crate::model::session::PASSWORD_METHOD;
use crate::model::{MarketKind, ServerFact, Timestamp};
use crate::wire::{Instruction, frame};

/// What clients may know that does not change while the master runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentFacts {
    currency: String,
    market: Option<MarketKind>,
    /// The ways to log in, joined by commas.
    login: String,
    /// Milliseconds between two updates.
    pub(super) update_interval: i64,
    /// Where codes for new passwords come from.
    reset: &'static str,
    /// Whether trades cost fees.
    fees: &'static str,
}

impl DeploymentFacts {
    /// The facts of a master with this configuration.
    pub fn of(config: &MasterConfig) -> DeploymentFacts {
        let interval = config.update_interval.as_millis();
        DeploymentFacts {
            currency: config.currency.clone(),
            login: std::iter::once(PASSWORD_METHOD)
                .chain(config.third_parties.iter().map(|it| it.name.as_str()))
                .collect::<Vec<_>>()
                .join(","),
            // Only real markets can be combined.
            market: config.assets.providers.first().map(|kind| kind.market()),
            update_interval: i64::try_from(interval).unwrap_or(i64::MAX),
            reset: if config.mail.is_some() {
                "mail"
            } else {
                "administrator"
            },
            fees: if config.fees.is_free() { "no" } else { "yes" },
        }
    }

    /// Appends linkServerInfo as of these prices. The update that follows them is expected at
    /// `next`; `None`: none follows.
    pub fn write(&self, prices: &PriceSnapshot, next: Option<Timestamp>, out: &mut Vec<u8>) {
        let has_price = prices.entries().iter().any(|entry| entry.quote.is_some());
        let market_time = Some(prices.market_now).filter(|_| has_price);
        let text = |value: &dyn ToString| Some(value.to_string());
        let facts = [
            (ServerFact::Currency, text(&self.currency)),
            (
                ServerFact::Market,
                prices.market.or(self.market).and_then(|m| text(&m)),
            ),
            (ServerFact::State, text(&prices.state())),
            (ServerFact::MarketTime, market_time.and_then(|t| text(&t))),
            (ServerFact::UpdateInterval, text(&self.update_interval)),
            (ServerFact::NextUpdate, next.and_then(|t| text(&t))),
            (
                ServerFact::StepsLeft,
                prices.steps_left.and_then(|n| text(&n)),
            ),
            (ServerFact::Login, text(&self.login)),
            (ServerFact::Reset, text(&self.reset)),
            (ServerFact::Fees, text(&self.fees)),
        ];
        let facts: Vec<String> = facts
            .iter()
            .filter_map(|(fact, value)| fact.with(value.as_deref()?))
            .map(|fact| fact.to_string())
            .collect();
        let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
        frame::write(out, Instruction::LinkServerInfo, &facts);
    }
}
