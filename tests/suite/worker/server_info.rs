//! What any worker tells about the server: a replay from its first step to its end, a market that
//! never ends, and a worker without its master.

use papertrader::client::{Client, ServerInfo};
use papertrader::model::{MarketKind, MarketState, OpenValue, Timestamp};
use papertrader::testkit::{Deployment, Market, eventually};
use std::time::Duration;

/// Bars of the replay, a step each.
const STEPS: u32 = 40;

fn state(state: MarketState) -> Option<OpenValue<MarketState>> {
    Some(OpenValue::Known(state))
}

fn info(client: &mut Client) -> ServerInfo {
    let info = client.server_info().unwrap();
    info.expect("the server is of the second edition")
}

#[test]
fn a_replays_steps_count_down_to_its_end() {
    let deployment = Deployment::builder()
        .market(Market::seconds("UP", 1000, STEPS))
        .update_interval(Duration::from_millis(250))
        .set("currency", "EUR")
        .start();
    let mut client = deployment.connect(1);
    let first = info(&mut client);
    let told = |info: &ServerInfo| {
        (
            info.version.clone(),
            info.wire,
            info.edition,
            info.currency.clone(),
            info.market.clone(),
            info.update_interval,
            (info.login.clone(), info.reset.clone()),
            info.fees,
        )
    };
    let expected = (
        Some(env!("CARGO_PKG_VERSION").to_owned()),
        Some(1),
        Some(2),
        Some("EUR".to_owned()),
        Some(OpenValue::Known(MarketKind::Replay)),
        Some(Duration::from_millis(250)),
        (
            Some(vec!["password".to_owned()]),
            Some("administrator".to_owned()),
        ),
        Some(false),
    );
    assert_eq!(told(&first), expected);
    let mut seen = vec![first];
    let last = eventually("the replay ends", || {
        let now = info(&mut client);
        let is_over = now.state == state(MarketState::Ended);
        if seen.last() != Some(&now) {
            seen.push(now.clone());
        }
        is_over.then_some(now)
    });
    // A step takes a second of market time.
    let end = |info: &ServerInfo| {
        let left = i64::try_from(info.steps_left.unwrap()).unwrap();
        info.market_time.unwrap().0 + left * 1000
    };
    for pair in seen.windows(2) {
        assert!(pair[1].steps_left < pair[0].steps_left, "{pair:?}");
        assert_eq!(end(&pair[1]), end(&pair[0]), "{pair:?}");
    }
    for step in &seen[..seen.len() - 1] {
        assert_eq!(step.state, state(MarketState::Open));
        assert!(step.steps_left > Some(0), "{step:?}");
        let next = step.next_update.expect("an update is to come");
        assert!(next.since(Timestamp::now()).abs() < 60_000, "{step:?}");
    }
    assert_eq!((last.steps_left, last.next_update), (Some(0), None));
    assert_eq!(told(&last), expected);

    // Without its master, and with a new one that finds the replay at its end.
    deployment.master().kill();
    assert_eq!(info(&mut deployment.connect(1)), last);
    deployment.master().start();
    eventually("the worker is linked again", || {
        (deployment.master().log().matches("is linked").count() >= 2).then_some(())
    });
    assert_eq!(info(&mut client), last);
}

#[test]
fn a_market_that_never_ends_has_no_steps_to_count() {
    let market = Market::Simulated {
        symbols: 2,
        seed: 7,
    };
    let deployment = Deployment::builder().market(market).start();
    let mut client = deployment.connect(1);
    // The first link may be older than the first price.
    let info = eventually("the market is open", || {
        Some(info(&mut client)).filter(|info| info.state == state(MarketState::Open))
    });
    assert_eq!(info.market, Some(OpenValue::Known(MarketKind::Simulated)));
    assert_eq!(info.steps_left, None);
    assert!(info.next_update.is_some() && info.market_time.is_some());
}
