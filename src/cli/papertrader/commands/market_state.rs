//! spec/cli/papertrader/commands.md · 4.1, 3.1.6
//!
//! `market`: how the market stands, and how old its prices are.
//!
//! Tests: below, and in `tests/suite/client/waiting_orders.rs`.

use super::account::market_lines;
use super::{CommandError, ReadySession, advise, known_servers, program, show};
use crate::cli::papertrader::age::{ReferenceTime, ended_note, has_ended};
use crate::cli::papertrader::arguments::GlobalArgs;
use crate::cli::papertrader::view::{MarketView, PriceAgesView, ServerView};
use crate::cli::table;
use crate::client::{Client, ClientError, ServerInfo, SessionFile};
use crate::model::Timestamp;
use crate::wire::payload::QuoteList;

/// How old the prices of all assets are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct PriceAges {
    assets: usize,
    /// Whose price came with the last update.
    new: usize,
    halted: usize,
    /// Times of the newest and of the oldest price.
    times: Option<(Timestamp, Timestamp)>,
}

impl PriceAges {
    fn of(list: &QuoteList) -> PriceAges {
        let times = || {
            list.rows
                .iter()
                .filter_map(|row| Some(row.quote.as_ref()?.time))
        };
        PriceAges {
            assets: list.rows.len(),
            new: list.rows.iter().filter(|row| row.is_new()).count(),
            halted: list.rows.iter().filter(|row| row.is_halted()).count(),
            times: times().max().zip(times().min()),
        }
    }

    fn lines(&self, now: &ReferenceTime) -> Vec<(&'static str, String)> {
        let mut assets = format!("{}, {} with a new price", self.assets, self.new);
        if self.halted > 0 {
            assets.push_str(&format!(", {} halted", self.halted));
        }
        let mut lines = vec![("assets", assets)];
        if let Some((newest, oldest)) = self.times {
            let told = |time| match now.age_seconds(time) {
                Some(_) => format!("{}, {} old", table::utc(time), now.age(time)),
                None => table::utc(time),
            };
            lines.push(("newest price", told(newest)));
            lines.push(("oldest price", told(oldest)));
        }
        lines
    }

    fn view(&self, now: &ReferenceTime) -> PriceAgesView {
        let (newest, oldest) = self.times.unzip();
        PriceAgesView {
            assets: self.assets,
            new: self.new,
            halted: self.halted,
            newest: newest.map(|time| time.to_string()),
            newest_age_seconds: newest.and_then(|time| now.age_seconds(time)),
            oldest: oldest.map(|time| time.to_string()),
            oldest_age_seconds: oldest.and_then(|time| now.age_seconds(time)),
        }
    }
}

/// What a worker tells of its market; prices need a session.
struct ToldMarket {
    server: String,
    info: Option<ServerInfo>,
    ages: Option<PriceAges>,
}

fn ask(client: &mut Client, has_session: bool) -> Result<ToldMarket, ClientError> {
    let info = client.server_info()?;
    let ages = if has_session && info.is_some() {
        Some(PriceAges::of(&client.quote_list()?))
    } else {
        None
    };
    Ok(ToldMarket {
        server: client.address().to_owned(),
        info,
        ages,
    })
}

/// Shows how the market stands: without a login what any server tells, with one the age of prices
/// too.
pub fn market(global: &GlobalArgs) -> Result<(), CommandError> {
    let told = match ReadySession::open(global) {
        Ok(mut session) => session.call(|client| ask(client, true))?,
        Err(failure) if failure.is_without_session() => {
            let store = SessionFile::standard()?;
            let mut pool = known_servers(global, &store)?.pool;
            let asked = pool.call(|client| ask(client, false));
            asked.map_err(|error| advise(&program(global), error))?
        }
        Err(failure) => return Err(failure),
    };
    let clock = Timestamp::now();
    let newest = told
        .ages
        .and_then(|ages| ages.times)
        .map(|(newest, _)| newest);
    let now = ReferenceTime::of(newest, clock, told.info.as_ref());
    let view = MarketView {
        told: ServerView::new(told.server.clone(), told.info.clone()).into(),
        prices: told.ages.map(|ages| ages.view(&now)),
    };
    show(global, &view, || {
        let Some(info) = &told.info else {
            return table::wrapped(
                "This server speaks the first edition of the protocol, which tells nothing of its market.\n",
            );
        };
        let mut lines = market_lines(info, clock);
        lines.extend(told.ages.iter().flat_map(|ages| ages.lines(&now)));
        let end = if has_ended(info) {
            ended_note(info.market_time)
        } else {
            String::new()
        };
        table::list(&lines) + &table::wrapped(&end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Money, Quote, Symbol};
    use crate::wire::payload::QuoteListRow;

    #[test]
    fn the_ages_of_prices_are_those_of_the_newest_and_the_oldest() {
        let row = |symbol: &str, day: Option<&str>, flags| QuoteListRow {
            symbol: Symbol::parse(symbol).unwrap(),
            name: String::new(),
            factor: 1,
            flags,
            quote: day.map(|day| Quote {
                time: Timestamp::parse(day).unwrap(),
                value: Money(1),
            }),
            previous_close: None,
            day: None,
        };
        let list = QuoteList {
            rows: vec![
                row("A", Some("2013-03-01"), QuoteListRow::flags(false, true)),
                row("B", Some("2013-03-04"), QuoteListRow::flags(true, false)),
                row("C", None, 0),
            ],
            update: 7,
        };
        let ages = PriceAges::of(&list);
        assert_eq!((ages.assets, ages.new, ages.halted), (3, 1, 1));
        let clock = Timestamp::parse("2013-03-05").unwrap();
        let now = ReferenceTime::of(None, clock, None);
        assert_eq!(
            ages.lines(&now),
            [
                ("assets", "3, 1 with a new price, 1 halted".to_owned()),
                ("newest price", "2013-03-04 UTC, 1 d old".to_owned()),
                ("oldest price", "2013-03-01 UTC, 4 d old".to_owned()),
            ]
        );
        assert_eq!(ages.view(&now).oldest_age_seconds, Some(4 * 86_400));
    }
}
