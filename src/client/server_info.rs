//! spec/client.md · 4.1 (what a server tells about itself)
//!
//! The facts of serverInfo as values. It never refuses a server for what it tells: a name that this
//! library does not know is passed over, and so is a value that is not of its form.

use crate::model::{MarketKind, MarketState, NameValue, OpenValue, ServerFact, Timestamp};
use std::time::Duration;

/// What a server tells about itself. `None`: it does not tell, or not in a form that is known here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// Version of its program.
    pub version: Option<String>,
    /// Version of the wire format.
    pub wire: Option<u16>,
    /// Edition of the protocol.
    pub edition: Option<u16>,
    /// Currency of all prices and accounts.
    pub currency: Option<String>,
    /// Where its prices come from.
    pub market: Option<OpenValue<MarketKind>>,
    /// Whether its market moves.
    pub state: Option<OpenValue<MarketState>>,
    /// Market time: that of the newest price.
    pub market_time: Option<Timestamp>,
    /// Time between two updates.
    pub update_interval: Option<Duration>,
    /// When the next update is expected (wall time).
    pub next_update: Option<Timestamp>,
    /// Steps of a replay that are still to come.
    pub steps_left: Option<u64>,
    /// The ways to log in.
    pub login: Option<Vec<String>>,
    /// Where a code for a new password comes from: `mail`, `administrator`.
    pub reset: Option<String>,
    /// Whether trades cost fees.
    pub fees: Option<bool>,
}

impl ServerInfo {
    /// The values of these facts. Of facts with the same name the last counts.
    pub fn of(facts: &[NameValue]) -> ServerInfo {
        let mut info = ServerInfo::default();
        for fact in facts {
            if let Some(known) = ServerFact::from_name(fact.name()) {
                info.learn(known, fact.value());
            }
        }
        info
    }

    fn learn(&mut self, fact: ServerFact, value: &str) {
        let text = || Some(value.to_owned());
        match fact {
            ServerFact::Version => self.version = text(),
            ServerFact::Wire => self.wire = value.parse().ok(),
            ServerFact::Edition => self.edition = value.parse().ok(),
            ServerFact::Currency => self.currency = text(),
            ServerFact::Market => {
                self.market = OpenValue::parse(value, MarketKind::from_name).ok();
            }
            ServerFact::State => {
                self.state = OpenValue::parse(value, MarketState::from_name).ok();
            }
            ServerFact::MarketTime => self.market_time = Timestamp::parse(value).ok(),
            ServerFact::UpdateInterval => {
                self.update_interval = value.parse().ok().map(Duration::from_millis);
            }
            ServerFact::NextUpdate => self.next_update = Timestamp::parse(value).ok(),
            ServerFact::StepsLeft => self.steps_left = value.parse().ok(),
            ServerFact::Login => self.login = Some(value.split(',').map(str::to_owned).collect()),
            ServerFact::Reset => self.reset = text(),
            ServerFact::Fees => {
                self.fees = match value {
                    "yes" => Some(true),
                    "no" => Some(false),
                    _ => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::MockServer;
    use super::super::{Client, ClientError, ServerConnection};
    use super::*;
    use crate::model::ProtocolFault;
    use crate::wire::{Reply, Request};

    const DEADLINE: Duration = Duration::from_secs(10);

    fn facts(texts: &[&str]) -> Vec<NameValue> {
        let fact = |text: &&str| NameValue::parse(text).unwrap();
        texts.iter().map(fact).collect()
    }

    #[test]
    fn facts_come_in_any_order_and_the_last_of_a_name_counts() {
        let told = [
            "steps-left=41",
            "fees=yes",
            "reset=mail",
            "login=password,google",
            "next-update=2026-01-02T03:04:06.000Z",
            "update-interval=1500",
            "market-time=2013-03-01T00:00:00.000Z",
            "of-later=x",
            "state=open",
            "market=replay",
            "currency=USD",
            "edition=2",
            "wire=1",
            "version=0.1.0",
            "state=paused",
        ];
        let info = ServerInfo::of(&facts(&told));
        let expected = ServerInfo {
            version: Some("0.1.0".to_owned()),
            wire: Some(1),
            edition: Some(2),
            currency: Some("USD".to_owned()),
            market: Some(OpenValue::Known(MarketKind::Replay)),
            state: Some(OpenValue::Known(MarketState::Paused)),
            market_time: Some(Timestamp::parse("2013-03-01").unwrap()),
            update_interval: Some(Duration::from_millis(1500)),
            next_update: Some(Timestamp::parse("2026-01-02T03:04:06Z").unwrap()),
            steps_left: Some(41),
            login: Some(vec!["password".to_owned(), "google".to_owned()]),
            reset: Some("mail".to_owned()),
            fees: Some(true),
        };
        assert_eq!(info, expected);
        assert_eq!(ServerInfo::of(&[]), ServerInfo::default());
    }

    #[test]
    fn a_value_of_another_form_is_as_if_it_were_not_told() {
        let told = [
            "wire=one",
            "edition=99999999",
            "market-time=noon",
            "update-interval=-1",
            "next-update=soon",
            "steps-left=1.5",
            "fees=perhaps",
            "market=a/b",
            "state=1",
        ];
        assert_eq!(ServerInfo::of(&facts(&told)), ServerInfo::default());
    }

    #[test]
    fn a_server_of_version_1_is_asked_once_and_reached_again() {
        let server = MockServer::start(|connection, mut peer| {
            if connection == 0 {
                assert_eq!(peer.request(), Some(Request::GetServerInfo));
                let text = "no instruction has this number".to_owned();
                let code = OpenValue::Known(ProtocolFault::UnknownInstruction);
                peer.send(&Reply::ProtocolError(code, text));
                return;
            }
            while let Some(request) = peer.request() {
                assert_eq!(request, Request::Ping, "it is not asked again");
                peer.send(&Reply::Pong);
            }
        });
        let connection = ServerConnection::connect(&server.address, DEADLINE).unwrap();
        let mut client = Client::new(connection, None);
        for _ in 0..3 {
            assert_eq!(client.server_info(), Ok(None));
            client.ping().unwrap();
        }
        assert_eq!(server.accepted(), 2);
    }

    #[test]
    fn other_errors_are_no_sign_of_version_1() {
        let server = MockServer::start(|_, mut peer| {
            peer.request();
            let text = "a master answers getWorkerList alone".to_owned();
            let code = OpenValue::Known(ProtocolFault::NotAllowed);
            peer.send(&Reply::ProtocolError(code, text));
        });
        let connection = ServerConnection::connect(&server.address, DEADLINE).unwrap();
        let error = Client::new(connection, None).server_info().unwrap_err();
        assert!(matches!(
            error,
            ClientError::Protocol {
                code: OpenValue::Known(ProtocolFault::NotAllowed),
                ..
            }
        ));
        let server = MockServer::start(|_, mut peer| {
            while peer.request().is_some() {
                peer.send(&Reply::Pong);
            }
        });
        let connection = ServerConnection::connect(&server.address, DEADLINE).unwrap();
        let error = Client::new(connection, None).server_info().unwrap_err();
        assert!(matches!(error, ClientError::Nonsense { .. }));
    }
}
