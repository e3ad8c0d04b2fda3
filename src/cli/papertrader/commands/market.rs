//! spec/cli/papertrader/commands.md · 4.6.7 to 4.6.13, 4.2.2
//!
//! Commands for prices: latest, changing, past and forecast ones.
//!
//! Tests: below, and in `tests/suite/client/cli.rs`.

use super::suggestions::meant_asset;
use super::{CommandError, FAILED, ReadySession, print, show, write_out};
use crate::cli::output::json;
use crate::cli::papertrader::age::ReferenceTime;
use crate::cli::papertrader::arguments::{
    AssetsArgs, ChartArgs, ForecastArgs, GlobalArgs, QuoteArgs, SymbolArgs, WatchArgs,
};
use crate::cli::papertrader::chart;
use crate::cli::papertrader::outcome_words::reason_words;
use crate::cli::papertrader::splits::{WindowSplit, splits};
use crate::cli::papertrader::view::orders::EndedOrderView;
use crate::cli::papertrader::view::{
    BarView, BarsView, ForecastView, InfoView, QuoteView, bars_csv,
};
use crate::cli::signals;
use crate::cli::table::{self, Column};
use crate::cli::terminal::{ScreenSize, for_people, is_utf8, redraw, wrap};
use crate::client::ClientError;
use crate::client::quote_feed::QuoteFeed;
use crate::model::{self, Bar, Money, Reason, Symbol, Timestamp};
use crate::wire::reply::OrderNotice;
use crate::wire::{Refusal, Window};
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

type Answer = Result<model::Quote, Refusal>;

/// Lists assets with their latest values.
pub fn assets(global: &GlobalArgs, args: &AssetsArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::open(global)?;
    let mut symbols = session.call(|client| client.list())?;
    if let Some(search) = &args.search {
        let part = search.to_ascii_uppercase();
        symbols.retain(|symbol| symbol.as_str().contains(&part));
    }
    if args.symbols {
        let names: Vec<String> = symbols.iter().map(ToString::to_string).collect();
        return show(global, &names, || {
            names.iter().map(|n| format!("{n}\n")).collect()
        });
    }
    let answers = session.call(|client| client.quotes(&symbols))?;
    let now = reference(&mut session, &answers)?;
    show(global, &views(&symbols, &answers, &now), || {
        if symbols.is_empty() {
            "no asset's symbol holds that\n".to_owned()
        } else {
            quote_table(&symbols, &answers, &now)
        }
    })
}

/// Shows latest values.
pub fn quote(global: &GlobalArgs, args: &QuoteArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::open(global)?;
    let answers = session.call(|client| client.quotes(&args.symbols))?;
    let now = reference(&mut session, &answers)?;
    let meant = if global.json {
        String::new()
    } else {
        meant_lines(&mut session, &args.symbols, &answers)
    };
    show(global, &views(&args.symbols, &answers, &now), || {
        quote_table(&args.symbols, &answers, &now) + &table::wrapped(&meant)
    })?;
    if answers.iter().all(Result::is_ok) {
        Ok(())
    } else {
        Err(CommandError::already_shown(FAILED))
    }
}

/// A line for each unknown asset that has a name like another's.
fn meant_lines(session: &mut ReadySession, symbols: &[Symbol], answers: &[Answer]) -> String {
    let is_unknown =
        |answer: &Answer| matches!(answer, Err(refusal) if refusal.reason == Reason::UnknownAsset);
    let unknown = symbols.iter().zip(answers);
    let mut unknown = unknown.filter(|(_, answer)| is_unknown(answer)).peekable();
    if unknown.peek().is_none() {
        return String::new();
    }
    let there = session
        .pool
        .call(|client| client.list())
        .unwrap_or_default();
    let line = |symbol: &Symbol| Some(format!("{symbol}: {}\n", meant_asset(*symbol, &there)?));
    unknown.filter_map(|(symbol, _)| line(symbol)).collect()
}

fn views(symbols: &[Symbol], answers: &[Answer], now: &ReferenceTime) -> Vec<QuoteView> {
    symbols
        .iter()
        .zip(answers)
        .map(|(symbol, answer)| QuoteView::new(*symbol, answer, now))
        .collect()
}

/// The time to which the ages of these quotes count, by what the server tells of its market.
fn reference(
    session: &mut ReadySession,
    answers: &[Answer],
) -> Result<ReferenceTime, CommandError> {
    let market = session.call(|client| client.server_info())?;
    let times = answers
        .iter()
        .filter_map(|answer| Some(answer.as_ref().ok()?.time));
    let clock = Timestamp::now();
    Ok(ReferenceTime::of(times.max(), clock, market.as_ref()))
}

fn quote_table(symbols: &[Symbol], answers: &[Answer], now: &ReferenceTime) -> String {
    let row = |(symbol, answer): (&Symbol, &Answer)| match answer {
        Ok(quote) => vec![
            symbol.to_string(),
            table::money(quote.value),
            table::moment(quote.time),
            now.age(quote.time),
        ],
        Err(refusal) => vec![
            symbol.to_string(),
            table::NONE.to_owned(),
            // When there is one, nobody knows: the next update need not bring it.
            if refusal.reason == Reason::NoPrice {
                "no price yet".to_owned()
            } else {
                refusal.text.clone()
            },
            String::new(),
        ],
    };
    let rows: Vec<_> = symbols.iter().zip(answers).map(row).collect();
    let columns = [
        Column::text("symbol", 0),
        Column::number("value", 0),
        Column::text(now.heading(), 2),
        Column::number("age", 1),
    ];
    table::table(&columns, &rows) + &table::wrapped(now.note())
}

/// A flag that [signals that end a command](signals::ending) set.
pub fn on_signal() -> Result<Arc<AtomicBool>, ClientError> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in signals::ending() {
        signal_hook::flag::register(signal, stop.clone())
            .map_err(|e| ClientError::Local(e.to_string()))?;
    }
    Ok(stop)
}

/// The JSON of one round of `watch`.
#[derive(Serialize)]
struct WatchView {
    at: String,
    quotes: Vec<QuoteView>,
    /// Orders of the account that have ended since the last round.
    orders: Vec<EndedOrderView>,
}

/// Shows values as they change: on a terminal a table in place, else a line for each change. Orders
/// of the account that end meanwhile are told in a line each.
pub fn watch(global: &GlobalArgs, args: &WatchArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::open(global)?;
    let stop = on_signal()?;
    let mut feed = QuoteFeed::with_orders(&args.symbols);
    let mut first: HashMap<Symbol, Money> = HashMap::new();
    let mut last: HashMap<Symbol, model::Quote> = HashMap::new();
    let mut drawn = String::new();
    let mut rounds = 0;
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let answers = session.call(|client| feed.quotes(client))?;
        if let Some((symbol, refusal)) = unknown_asset(&args.symbols, &answers) {
            return Err(session.failed_about(symbol, ClientError::Refused(refusal)));
        }
        let now = reference(&mut session, &answers)?;
        let ended = feed.ended_orders();
        let text = if global.json {
            let view = WatchView {
                at: Timestamp::now().to_string(),
                quotes: views(&args.symbols, &answers, &now),
                orders: ended.iter().map(EndedOrderView::from).collect(),
            };
            json(&view).map_err(|e| ClientError::Local(e.to_string()))? + "\n"
        } else if let Some(screen) = ScreenSize::that_redraws() {
            let (table, note) = watch_table(&args.symbols, &answers, &mut first, &now);
            let (back, text) = redraw(&drawn, &table, &note, screen);
            write_out(&back)?;
            drawn.clone_from(&text);
            // They stay above the table.
            for_people(&(wrap(&end_lines(&ended), screen.columns) + &text))
        } else {
            let changes = changes(&args.symbols, &answers, &mut last, &now);
            for_people(&(changes + &end_lines(&ended)))
        };
        print(&text)?;
        rounds += 1;
        if args.count.is_some_and(|count| rounds >= count) {
            break;
        }
        // A slow answer does not delay the next round.
        due = (due + args.interval).max(Instant::now());
        while Instant::now() < due && !stop.load(Ordering::Relaxed) {
            std::thread::sleep(
                due.saturating_duration_since(Instant::now())
                    .min(Duration::from_millis(50)),
            );
        }
    }
    Ok(())
}

/// A line for each order that has ended.
fn end_lines(ended: &[OrderNotice]) -> String {
    ended.iter().map(end_line).collect()
}

fn end_line(end: &OrderNotice) -> String {
    let what = format!("{} {}", table::amount(end.quantity), end.symbol);
    let how = match (end.price, end.total) {
        (Some(price), Some(total)) => format!(
            "{what} at {}, {} in all",
            table::money(price),
            table::money(total)
        ),
        _ => what,
    };
    let reason = end.reason.as_ref().map(reason_words);
    let status = end.status.to_string();
    let status = match reason.filter(|reason| *reason != status) {
        Some(reason) => format!("{status}, {reason}"),
        None => status,
    };
    format!(
        "order {status}: {how} (transaction {})\n",
        end.id.hyphenated()
    )
}

/// The first unknown asset, and its refusal.
fn unknown_asset(symbols: &[Symbol], answers: &[Answer]) -> Option<(Symbol, Refusal)> {
    let refused = |(symbol, answer): (&Symbol, &Answer)| {
        let refusal = answer.as_ref().err()?;
        let is_unknown = refusal.reason == Reason::UnknownAsset;
        is_unknown.then(|| (*symbol, refusal.clone()))
    };
    symbols.iter().zip(answers).find_map(refused)
}

/// The table, and the note below it.
fn watch_table(
    symbols: &[Symbol],
    answers: &[Answer],
    first: &mut HashMap<Symbol, Money>,
    now: &ReferenceTime,
) -> (String, String) {
    let mut rows = Vec::with_capacity(symbols.len());
    for (symbol, answer) in symbols.iter().zip(answers) {
        rows.push(match answer {
            Ok(quote) => {
                let start = *first.entry(*symbol).or_insert(quote.value);
                let change = Money(quote.value.0.saturating_sub(start.0));
                vec![
                    symbol.to_string(),
                    table::money(quote.value),
                    table::profit(change),
                    table::signed_percent(change, start),
                    table::moment(quote.time),
                    now.age(quote.time),
                ]
            }
            Err(refusal) => vec![
                symbol.to_string(),
                table::NONE.to_owned(),
                String::new(),
                String::new(),
                refusal.text.clone(),
                String::new(),
            ],
        });
    }
    let columns = [
        Column::text("symbol", 0),
        Column::number("value", 0),
        Column::number("change", 2),
        Column::number("in %", 1),
        Column::text(now.heading(), 4),
        Column::number("age", 3),
    ];
    (table::table(&columns, &rows), now.note().to_owned())
}

/// A line for each value that differs from the one shown last.
fn changes(
    symbols: &[Symbol],
    answers: &[Answer],
    last: &mut HashMap<Symbol, model::Quote>,
    now: &ReferenceTime,
) -> String {
    let mut out = String::new();
    for (symbol, answer) in symbols.iter().zip(answers) {
        let Ok(quote) = answer else { continue };
        if last.insert(*symbol, *quote) != Some(*quote) {
            out.push_str(&format!(
                "{symbol} {} {} age {}\n",
                quote.value,
                quote.time,
                now.age(quote.time)
            ));
        }
    }
    out
}

/// Shows an asset's latest daily bar.
pub fn info(global: &GlobalArgs, args: &SymbolArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::open(global)?;
    let info = session.call_about(args.symbol, |client| client.info(args.symbol))?;
    let view = InfoView {
        symbol: info.symbol.to_string(),
        bar: BarView::from(&info.bar),
    };
    show(global, &view, || {
        let bar = &info.bar;
        table::list(&[
            ("symbol", info.symbol.to_string()),
            ("day", table::utc(bar.time)),
            ("open", table::money(bar.open)),
            ("high", table::money(bar.high)),
            ("low", table::money(bar.low)),
            ("close", table::money(bar.close)),
            (
                "volume",
                table::amount(model::Quantity(
                    i64::try_from(bar.volume)
                        .unwrap_or(i64::MAX)
                        .saturating_mul(model::money::MILLION),
                )),
            ),
        ])
    })
}

/// Draws past values as a chart.
pub fn chart(global: &GlobalArgs, args: &ChartArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::open(global)?;
    let date = match args.date {
        _ if args.all => None,
        Some(date) => Some(date),
        // The window ends at market time, which in a replay differs from the local clock.
        None => Some(
            session
                .call_about(args.symbol, |client| client.quote(args.symbol))?
                .time,
        ),
    };
    let (name, window) = match date {
        None => ("all", Window::AllTime),
        Some(date) if args.day => ("day", Window::Day(date)),
        Some(date) if args.week => ("week", Window::Week(date)),
        Some(date) if args.year => ("year", Window::Year(date)),
        Some(date) => ("month", Window::Month(date)),
    };
    let is_drawn = !args.csv && !global.json;
    let is_adjusted = args.adjusted || (is_drawn && !args.raw);
    let bars = session.call_about(args.symbol, |client| {
        client.bars(args.symbol, window, is_adjusted)
    })?;
    if args.csv {
        return print(&bars_csv(&bars).map_err(ClientError::Local)?);
    }
    let view = BarsView {
        symbol: args.symbol.to_string(),
        window: name,
        date: date.map(|d| d.to_string()),
        adjusted: is_adjusted,
        bars: bars.iter().map(BarView::from).collect(),
    };
    if global.json {
        return show(global, &view, String::new);
    }
    let others = session.call(|client| client.bars(args.symbol, window, !is_adjusted))?;
    let splits = if is_adjusted {
        splits(&others, &bars)
    } else {
        splits(&bars, &others)
    };
    show(global, &view, || {
        let mut heading = chart_heading((args.symbol, name), date, is_adjusted, &bars);
        let is_monthly = matches!(window, Window::Year(_) | Window::AllTime);
        heading.extend(split_words(args.symbol, &splits, is_adjusted, is_monthly));
        let heading = table::wrapped(&heading);
        let below = ScreenSize::of_stdout().map(|screen| screen.below(&heading));
        heading + &chart::draw(&bars, below, args.ascii || !is_utf8())
    })
}

/// What a chart is of, with the last price, and the change of what is drawn.
fn chart_heading(
    (symbol, window): (Symbol, &str),
    date: Option<Timestamp>,
    is_adjusted: bool,
    bars: &[Bar],
) -> String {
    let mut heading = format!("{symbol}, {window}");
    if let Some(date) = date {
        heading.push_str(&format!(" to {}", table::utc(date)));
    }
    if !is_adjusted {
        heading.push_str(", as quoted");
    }
    if let (Some(first), Some(last)) = (bars.first(), bars.last()) {
        // Of what is drawn: the line begins at the first close.
        let change = Money(last.close.0.saturating_sub(first.close.0));
        heading.push_str(&format!(": {}", table::money(last.close)));
        if bars.len() > 1 {
            heading.push_str(&format!(
                " ({} since {})",
                table::signed_percent(change, first.close),
                table::moment(first.time)
            ));
        }
    }
    heading + "\n"
}

/// That splits lie within a chart, and what that means for it; `None` without one.
fn split_words(
    symbol: Symbol,
    splits: &[WindowSplit],
    is_adjusted: bool,
    is_monthly: bool,
) -> Option<String> {
    let told = |split: &WindowSplit| {
        let day = table::moment(split.time.day());
        let when = match day.get(..7).filter(|_| is_monthly) {
            Some(month) => format!("in {month}"),
            None => format!("on {day}"),
        };
        match split.ratio {
            Some((after, before)) => format!("{after} for {before} {when}"),
            None => when,
        }
    };
    let told: Vec<String> = splits.iter().map(told).collect();
    if told.is_empty() {
        return None;
    }
    let told = told.join(" and ");
    Some(if is_adjusted {
        format!(
            "{symbol} was split {told}: prices before are in today's units. --raw draws them as quoted.\n"
        )
    } else {
        format!(
            "{symbol} was split {told}: the step there is no gain or loss. Without --raw prices are in \
             today's units.\n"
        )
    })
}

/// Shows a forecast.
pub fn forecast(global: &GlobalArgs, args: &ForecastArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::open(global)?;
    let forecast = session.call_about(args.symbol, |client| {
        client.predicted(args.symbol, args.date)
    })?;
    show(global, &ForecastView::new(args.symbol, &forecast), || {
        table::list(&[
            ("symbol", args.symbol.to_string()),
            ("for", table::utc(forecast.time)),
            ("value", table::estimate(forecast.value)),
            (
                "95 % between",
                format!(
                    "{} and {}",
                    table::estimate(forecast.low),
                    table::estimate(forecast.high)
                ),
            ),
            ("method", forecast.method.clone()),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_order_is_told_in_a_line() {
        let end = OrderNotice {
            id: uuid::Uuid::from_u128(7),
            status: model::TransactionStatus::Settled.into(),
            symbol: Symbol::parse("AAPL").unwrap(),
            quantity: model::Quantity(1_500_000_000),
            price: Some(Money(81_200_000)),
            total: Some(Money(121_800_000_000)),
            time: Timestamp(0),
            reason: None,
        };
        let id = "00000000-0000-0000-0000-000000000007";
        assert_eq!(
            end_line(&end),
            format!("order settled: 1,500 AAPL at 81.20, 121,800.00 in all (transaction {id})\n")
        );
        let without = |status: model::TransactionStatus, reason: Reason| {
            end_line(&OrderNotice {
                status: status.into(),
                price: None,
                total: None,
                reason: Some(reason.into()),
                ..end.clone()
            })
        };
        let rejected = without(
            model::TransactionStatus::Rejected,
            Reason::InsufficientFunds,
        );
        assert!(
            rejected.starts_with("order rejected, too little cash: 1,500 AAPL (transaction"),
            "{rejected}"
        );
        let cancelled = without(model::TransactionStatus::Cancelled, Reason::Cancelled);
        assert!(
            cancelled.starts_with("order cancelled: 1,500 AAPL"),
            "{cancelled}"
        );
    }

    #[test]
    fn a_chart_says_what_a_split_does_to_it() {
        let symbol = Symbol::parse("AAPL").unwrap();
        let split = |ratio| WindowSplit {
            time: Timestamp::parse("2005-02-28").unwrap(),
            ratio,
        };
        let told = |splits: &[WindowSplit], adjusted, monthly| {
            split_words(symbol, splits, adjusted, monthly).unwrap_or_default()
        };
        assert_eq!(told(&[], true, false), "");
        let adjusted = told(&[split(Some((2, 1)))], true, false);
        assert!(
            adjusted.starts_with("AAPL was split 2 for 1 on 2005-02-28: prices before"),
            "{adjusted}"
        );
        assert!(adjusted.contains("--raw"), "{adjusted}");
        let raw = told(&[split(None), split(Some((1, 10)))], false, true);
        assert!(
            raw.starts_with("AAPL was split in 2005-02 and 1 for 10 in 2005-02: the step"),
            "{raw}"
        );
        let heading = |adjusted| chart_heading((symbol, "all"), None, adjusted, &[]);
        assert_eq!(heading(true), "AAPL, all\n");
        assert_eq!(heading(false), "AAPL, all, as quoted\n");
    }

    #[test]
    fn an_asset_without_a_price_is_not_said_to_have_one_after_the_next_update() {
        let symbol = Symbol::parse("FB").unwrap();
        let now = ReferenceTime::of(None, Timestamp::now(), None);
        let refused = |refusal| quote_table(&[symbol], &[Err(refusal)], &now);
        let unpriced = refused(Refusal::no_price(&symbol));
        assert!(unpriced.contains("no price yet"), "{unpriced}");
        assert!(!unpriced.contains("next update"), "{unpriced}");
        let other = refused(Refusal::unknown_asset(&symbol));
        assert!(other.contains("there is no asset FB"), "{other}");
    }
}
