//! spec/bench/load.md · 4.5, 4.6
//!
//! One load that the command line describes: connections, requests in flight or a rate, and a mix
//! of requests.

use super::deployment::{BenchDeployment, BenchSetting, BenchTrader, password};
use super::driver::{Driver, Greeting, Pace, Until};
use super::measure::Measurement;
use super::speech::{KnownInstructions, into_data};
use crate::client::{Client, ConnectOptions};
use crate::model::{Quantity, Side, Symbol, Timestamp, Username};
use crate::wire::{ConnectionState, Request, Window};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

/// Different requests of a connection, which it repeats in turn.
const ROUND_REQUESTS: usize = 600;
/// The largest sum of a mix's weights.
const WEIGHTS_MAX: usize = 200;
/// The quantity that is bought and sold again.
const QUANTITY: Quantity = Quantity(10_000);

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestKind {
    /// `getAssetValueCurrent`
    Current,
    /// `getAssetInfo`
    Info,
    /// `getAssetValueDay`
    Day,
    /// `getAssetValueWeek`
    Week,
    /// `getAssetValueMonth`
    Month,
    /// `getAssetValueYear`
    Year,
    /// `getAssetValueAllTime`
    AllTime,
    /// `getAssetValuePredicted`
    Predicted,
    /// `getAssetList`
    List,
    /// `getUserInfo`
    User,
    /// `getUserPortfolio`
    Portfolio,
    /// `getUserTransactionHistory`
    History,
    /// `purchaseAsset`
    Buy,
    /// `purchaseAsset`, then `sellAsset` of the same asset.
    Trade,
    /// `login` with a session ID.
    Resume,
    /// `login` with a password.
    Login,
}

/// Every kind and its word on the command line.
const KINDS: [(&str, RequestKind); 16] = [
    ("current", RequestKind::Current),
    ("info", RequestKind::Info),
    ("day", RequestKind::Day),
    ("week", RequestKind::Week),
    ("month", RequestKind::Month),
    ("year", RequestKind::Year),
    ("alltime", RequestKind::AllTime),
    ("predicted", RequestKind::Predicted),
    ("list", RequestKind::List),
    ("user", RequestKind::User),
    ("portfolio", RequestKind::Portfolio),
    ("history", RequestKind::History),
    ("buy", RequestKind::Buy),
    ("trade", RequestKind::Trade),
    ("resume", RequestKind::Resume),
    ("login", RequestKind::Login),
];

impl RequestKind {
    /// Whether it belongs to the data state.
    fn is_data(self) -> bool {
        !matches!(
            self,
            RequestKind::Buy | RequestKind::Trade | RequestKind::Resume | RequestKind::Login
        )
    }
}

/// Kinds with their weights: `current=8,info=1`. All kinds belong to the same state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(RequestKind, usize)>);

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Mix, String> {
        let mut mix = Vec::new();
        for part in text.split(',') {
            let (word, weight) = part.split_once('=').unwrap_or((part, "1"));
            let kind = KINDS
                .iter()
                .find(|(name, _)| *name == word)
                .map(|(_, kind)| *kind);
            let kind = kind.ok_or_else(|| {
                let words: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
                format!("{word:?} is none of {}", words.join(", "))
            })?;
            let weight = weight
                .parse()
                .map_err(|_| format!("{weight:?} is no weight"))?;
            mix.push((kind, weight));
        }
        let sum = mix
            .iter()
            .fold(0usize, |sum, (_, weight)| sum.saturating_add(*weight));
        if !(1..=WEIGHTS_MAX).contains(&sum) {
            return Err(format!(
                "the weights add up to {sum}, and must to 1 to {WEIGHTS_MAX}"
            ));
        }
        let data = mix.iter().filter(|(kind, _)| kind.is_data()).count();
        if data != 0 && data != mix.len() {
            return Err(
                "commands and data instructions are said in different states: mix one or the other"
                    .into(),
            );
        }
        Ok(Mix(mix))
    }
}

impl Mix {
    fn is_data(&self) -> bool {
        self.0.iter().all(|(kind, _)| kind.is_data())
    }

    /// The kinds in turn, each as often as its weight, spread evenly.
    fn turns(&self) -> Vec<RequestKind> {
        let sum: usize = self.0.iter().map(|(_, weight)| weight).sum();
        let mut credit: Vec<usize> = vec![0; self.0.len()];
        let mut turns = Vec::with_capacity(sum);
        for _ in 0..sum {
            for (credit, (_, weight)) in credit.iter_mut().zip(&self.0) {
                *credit += weight;
            }
            let next = (0..credit.len())
                .max_by_key(|at| (credit[*at], usize::MAX - at))
                .unwrap_or(0);
            credit[next] = credit[next].saturating_sub(sum);
            turns.push(self.0[next].0);
        }
        turns
    }
}

/// A load.
#[derive(Debug, Clone)]
pub struct Load {
    /// A running worker; `None`: a deployment is made.
    pub worker: Option<SocketAddr>,
    pub connections: usize,
    pub pace: Pace,
    pub mix: Mix,
    /// Time before measuring begins.
    pub warm_up: Duration,
    /// When measuring ends.
    pub until: Until,
    /// Whether a Fail is counted; otherwise it ends the measurement.
    pub may_fail: bool,
}

/// The account, assets and dates that requests are made of.
struct RequestSource<'a> {
    player: &'a BenchTrader,
    /// The account that logs in with a password. It is another one, because logins beyond the limit
    /// of sessions end an account's oldest session.
    login: &'a Username,
    symbols: &'a [Symbol],
    now: Timestamp,
}

impl RequestSource<'_> {
    fn requests(&self, kind: RequestKind, symbol: Symbol) -> Result<Vec<Request>, String> {
        let (session, username) = (self.player.session.clone(), self.player.username.clone());
        let window = |window| Request::AssetWindow {
            symbol,
            window,
            adjusted: false,
        };
        let order = |side| Request::Order {
            session: session.clone(),
            side,
            symbol,
            quantity: QUANTITY,
            id: None,
        };
        Ok(vec![match kind {
            RequestKind::Current => Request::AssetCurrent { symbol },
            RequestKind::Info => Request::AssetInfo { symbol },
            RequestKind::Day => window(Window::Day(self.now)),
            RequestKind::Week => window(Window::Week(self.now)),
            RequestKind::Month => window(Window::Month(self.now)),
            RequestKind::Year => window(Window::Year(self.now)),
            RequestKind::AllTime => window(Window::AllTime),
            RequestKind::Predicted => Request::AssetPredicted {
                symbol,
                date: Timestamp(self.now.0 + 7 * crate::model::timestamp::DAY),
            },
            RequestKind::List => Request::AssetList,
            RequestKind::User => Request::UserInfo { session, username },
            RequestKind::Portfolio => Request::UserPortfolio { session, username },
            RequestKind::History => Request::UserHistory { session, username },
            RequestKind::Buy => order(Side::Buy),
            RequestKind::Trade => return Ok(vec![order(Side::Buy), order(Side::Sell)]),
            RequestKind::Resume => Request::Resume { session },
            RequestKind::Login => Request::Login {
                username: self.login.clone(),
                hashed_pass: password()?,
                expirable: false,
            },
        }])
    }

    /// The requests of a connection; each connection begins at another asset.
    fn round(&self, mix: &Mix, connection: usize) -> Result<Vec<Request>, String> {
        let turns = mix.turns();
        let mut round = Vec::new();
        for (at, kind) in turns
            .iter()
            .cycle()
            .enumerate()
            .take(ROUND_REQUESTS.max(turns.len()))
        {
            let at = (connection + at / turns.len()) % self.symbols.len().max(1);
            let symbol = self.symbols.get(at).ok_or("no assets")?;
            round.extend(self.requests(*kind, *symbol)?);
        }
        Ok(round)
    }
}

/// Runs the load.
///
/// # Errors
/// A server fails, or sends a wrong reply.
pub fn run(load: &Load) -> Result<Measurement, String> {
    let deployment = match load.worker {
        Some(_) => None,
        None => Some(BenchDeployment::start(BenchSetting {
            update_interval: Duration::from_millis(100),
            ..BenchSetting::default()
        })?),
    };
    let address = match (&deployment, load.worker) {
        (Some(deployment), _) => deployment.worker()?,
        (None, Some(worker)) => worker,
        (None, None) => return Err("no worker".to_owned()),
    };
    let player = newcomer(address)?;
    let mut client = Client::open(
        &address.to_string(),
        &ConnectOptions::default(),
        Some(player.session.clone()),
    )
    .map_err(|e| e.to_string())?;
    client
        .enter(ConnectionState::Data)
        .map_err(|e| e.to_string())?;
    let symbols = client.list().map_err(|e| e.to_string())?;
    let first = *symbols.first().ok_or("the worker has no assets")?;
    let now = client.quote(first).map_err(|e| e.to_string())?.time;
    let other = newcomer(address)?;
    let stuff = RequestSource {
        player: &player,
        login: &other.username,
        symbols: &symbols,
        now,
    };
    let rounds: Result<Vec<Vec<Request>>, String> = (0..load.connections)
        .map(|n| stuff.round(&load.mix, n))
        .collect();
    let mut speech = KnownInstructions::new(rounds?, load.may_fail);
    let greeting = if load.mix.is_data() {
        into_data(&player.session)
    } else {
        Greeting::default()
    };
    let mut driver = Driver::open(address, load.connections, |_| greeting.clone())?;
    driver.measure(&mut speech, load.pace, load.warm_up, load.until)
}

/// Registers an account with an unused name.
fn newcomer(address: SocketAddr) -> Result<BenchTrader, String> {
    let name = format!("b{}", &uuid::Uuid::new_v4().simple().to_string()[..20]);
    let client = Client::open(&address.to_string(), &ConnectOptions::default(), None);
    BenchTrader::register(client.map_err(|e| e.to_string())?, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_spreads_its_kinds_by_weight() {
        let mix: Mix = "current=3,info".parse().unwrap();
        let turns = mix.turns();
        let count = |wanted: RequestKind| turns.iter().filter(|kind| **kind == wanted).count();
        assert_eq!(
            (
                turns.len(),
                count(RequestKind::Current),
                count(RequestKind::Info)
            ),
            (4, 3, 1)
        );
        assert!(mix.is_data());
        assert!(!"trade=9,resume".parse::<Mix>().unwrap().is_data());
        for wrong in [
            "",
            "current=x",
            "current=0",
            "dance",
            "current,buy",
            "current=201",
        ] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }
}
