//! spec/cli/papertrader/commands.md · 4.6.15 and 4.6.16
//!
//! Commands for the portfolio, the history and receipts.
//!
//! Tests: below, and in `tests/suite/client/cli.rs`.

use super::order_words::terms_words;
use super::{CommandError, ReadySession, note, print, show};
use crate::cli::papertrader::age::market_words;
use crate::cli::papertrader::arguments::{GlobalArgs, PortfolioArgs, TransactionsArgs};
use crate::cli::papertrader::outcome_words::reason_words;
use crate::cli::papertrader::view::orders::EntryOrderView;
use crate::cli::papertrader::view::portfolio::{
    GRANT, OwnPortfolio, PortfolioView, PositionStanding, Totals, act_of_administrator,
    basis_points, starting_cash,
};
use crate::cli::papertrader::view::{EntryView, HistoryView, LineView, ReceiptView, entries_csv};
use crate::cli::table::{self, Column};
use crate::cli::terminal::ScreenSize;
use crate::client::ClientError;
use crate::model::printable::clean;
use crate::model::{
    Money, OpenValue, OrderKind, Quantity, Reason, Symbol, Timestamp, TransactionStatus, Username,
};
use crate::wire::payload::{self, EntryDetail, History, HistoryEntry, PageDetail, PageEntry};
use unicode_width::UnicodeWidthStr;
use uuid::Uuid;

/// The most grants whose reasons are added to a history, each with a request for its receipt.
const GRANT_REASONS_MAX: usize = 100;
/// Rows of a history that are asked for at once: as many as a page may have.
const PAGE_ROWS: u16 = 1000;
/// The most transactions that are shown: a server that never ends must not fill the memory.
const HISTORY_ROWS_MAX: usize = 1_000_000;
/// The most attempts to read portfolio and history without a settlement between the two.
const CONSISTENT_READS_MAX: usize = 5;

/// A portfolio as the person may see it.
enum ShownPortfolio {
    Own(OwnPortfolio),
    /// Each asset's share in basis points.
    Public(Vec<(Symbol, u16)>),
}

/// Shows cash and positions.
pub fn portfolio(global: &GlobalArgs, args: &PortfolioArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let own = session.saved.username.clone();
    let name = args.of.clone().unwrap_or_else(|| own.clone());
    let (shown, start) = if args.realised {
        let (portfolio, start) = read_consistently(&mut session, &name)?;
        (ShownPortfolio::Own(portfolio), Some(start))
    } else {
        (read_portfolio(&mut session, &name)?, None)
    };
    let market = session.call(|client| client.server_info())?;
    match shown {
        ShownPortfolio::Public(shares) => show_public(global, &own, &name, shares),
        ShownPortfolio::Own(portfolio) => {
            let market = market.as_ref().and_then(market_words);
            let view = PortfolioView::of_own(&own, &name, &portfolio, start);
            show(global, &view, || {
                let mut out = format!("portfolio of {name}\n\n");
                if !portfolio.positions.is_empty() {
                    out.push_str(&positions_table(&portfolio.positions));
                    out.push('\n');
                }
                out.push_str(&summary(&portfolio, start, market));
                out
            })
        }
    }
}

/// Reads a portfolio: one's own, where the server has one, from its summary.
fn read_portfolio(
    session: &mut ReadySession,
    name: &Username,
) -> Result<ShownPortfolio, CommandError> {
    let (cash, holdings) = match session.call(|client| client.portfolio(name))? {
        payload::Portfolio::Public(shares) => return Ok(ShownPortfolio::Public(shares)),
        payload::Portfolio::Private(cash, holdings) => (cash, holdings),
    };
    let summary = session.call(|client| match client.server_info()? {
        Some(_) => client.account_summary().map(Some),
        None => Ok(None),
    })?;
    Ok(ShownPortfolio::Own(match summary {
        Some(summary) => OwnPortfolio::of_summary(&summary),
        None => OwnPortfolio::of(cash, &holdings),
    }))
}

fn show_public(
    global: &GlobalArgs,
    own: &Username,
    name: &Username,
    shares: Vec<(Symbol, u16)>,
) -> Result<(), CommandError> {
    let row = |(symbol, share): &(Symbol, u16)| {
        vec![symbol.to_string(), format!("{} %", basis_points(*share))]
    };
    let rows: Vec<_> = shares.iter().map(row).collect();
    let view = PortfolioView::new(own, name, &payload::Portfolio::Public(shares), None);
    show(global, &view, || {
        let columns = [Column::text("symbol", 0), Column::number("weight", 0)];
        format!(
            "portfolio of {name}, as others see it\n\n{}",
            table::table(&columns, &rows)
        )
    })
}

/// The table of positions; where some units are promised, with those that can be sold.
fn positions_table(positions: &[PositionStanding]) -> String {
    let has_promised = positions.iter().any(|it| it.free != it.units);
    let row = |standing: &PositionStanding| {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| table::NONE.to_owned());
        let mut cells = vec![
            standing.symbol.to_string(),
            table::amount(standing.units),
            table::money(standing.average_cost),
            table::money(standing.cost),
            or_none(standing.value.map(table::money)),
            or_none(standing.profit.map(table::profit)),
            or_none(
                standing
                    .profit
                    .map(|p| table::signed_percent(p, standing.cost)),
            ),
        ];
        if has_promised {
            cells.insert(2, table::amount(standing.free));
        }
        cells
    };
    let mut columns = vec![
        Column::text("symbol", 0),
        Column::number("units", 0),
        Column::number("average cost", 4),
        Column::number("cost", 5),
        Column::number("value", 1),
        Column::number("profit", 2),
        Column::number("in %", 6),
    ];
    if has_promised {
        columns.insert(2, Column::number("free", 3));
    }
    table::table(&columns, &positions.iter().map(row).collect::<Vec<_>>())
}

fn summary(portfolio: &OwnPortfolio, start: Option<Money>, market: Option<String>) -> String {
    let totals = &Totals::of(portfolio.cash, &portfolio.positions);
    let with_percent = |profit: Money, of: Money| {
        let percent = table::signed_percent(profit, of);
        format!("{} ({percent})", table::profit(profit))
    };
    let mut lines = vec![("cash", table::money(portfolio.cash))];
    if let Some(figures) = portfolio.figures {
        lines.push(("held back for orders", table::money(figures.reserved)));
        lines.push(("buying power", table::money(figures.buying_power)));
    }
    lines.push(("positions", table::money(totals.value)));
    lines.push(("total", table::money(totals.total)));
    lines.push((
        "profit of positions",
        with_percent(totals.profit, totals.cost),
    ));
    if let Some(figures) = portfolio.figures {
        lines.push(("day's change", table::profit(figures.day_change)));
        if figures.fees != Money::ZERO {
            lines.push(("fees paid", table::money(figures.fees)));
        }
    }
    if let Some(start) = start {
        let profit = Money(totals.total.0.saturating_sub(start.0));
        let realised = Money(profit.0.saturating_sub(totals.profit.0));
        lines.push(("realised by sales", table::profit(realised)));
        lines.push(("began with", table::money(start)));
        lines.push(("profit in all", with_percent(profit, start)));
    }
    if totals.unpriced > 0 {
        let what = if totals.unpriced == 1 {
            "position"
        } else {
            "positions"
        };
        let told = format!("{} {what} without a price", totals.unpriced);
        lines.push(("not counted", told));
    }
    if let Some(market) = market {
        lines.push(("market", market));
    }
    table::list(&lines)
}

/// The portfolio and the starting cash at the same moment. Reads again if a trade settled between
/// the readings.
fn read_consistently(
    session: &mut ReadySession,
    name: &Username,
) -> Result<(OwnPortfolio, Money), CommandError> {
    let mut before = None;
    // The first reading is compared with nothing, and needs no history.
    for reading in 0..=CONSISTENT_READS_MAX {
        let history = match reading {
            0 => None,
            _ => Some(session.call(|client| client.history(name))?),
        };
        let after = match read_portfolio(session, name)? {
            ShownPortfolio::Own(own) => own,
            ShownPortfolio::Public(_) => break,
        };
        let fingerprint = after.fingerprint();
        if let Some(history) = history.filter(|_| before.as_ref() == Some(&fingerprint)) {
            let start = starting_cash(after.cash, &history.entries).ok_or_else(unknown_side)?;
            return Ok((after, start));
        }
        before = Some(fingerprint);
    }
    Err(CommandError::with_advice(
        ClientError::Local("trades settle faster than the history can be read".to_owned()),
        "Leave --realised out, or try again later.",
    ))
}

/// The failure of a sum over a history with a transaction of a later edition.
fn unknown_side() -> CommandError {
    CommandError::with_advice(
        ClientError::Local("the history has a transaction of a side unknown here".to_owned()),
        "Leave --realised out, or use a newer papertrader.",
    )
}

/// Shows the history, or explains one transaction of it.
pub fn transactions(global: &GlobalArgs, args: &TransactionsArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    if let Some(which) = &args.receipt {
        return receipt(global, &mut session, which);
    }
    let own = session.saved.username.clone();
    let name = args.of.clone().unwrap_or_else(|| own.clone());
    let limit = args.limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let (history, orders) = read_history(&mut session, &name, limit)?;
    let mut transactions: Vec<EntryView> = history.entries.iter().map(EntryView::from).collect();
    if args.csv || global.json {
        add_reasons(&mut session, &history, &mut transactions)?;
    }
    for (view, order) in transactions.iter_mut().zip(&orders) {
        view.order = order.as_ref().map(EntryOrderView::from);
    }
    if args.csv {
        // The columns are a contract, so the account stands beside the file.
        note(&format!("transactions of {name}"));
        return print(&entries_csv(transactions).map_err(ClientError::Local)?);
    }
    let view = HistoryView {
        account: own.to_string(),
        username: name.to_string(),
        private: history.private,
        transactions,
    };
    show(global, &view, || {
        if history.entries.is_empty() {
            format!("no transactions of {name} yet\n")
        } else {
            // Programs read rows after the first two lines, so the account stands behind them.
            let table = history_table(&history, &orders);
            format!("{table}transactions of {name}\n")
        }
    })
}

/// The newest transactions of an account, at most so many, and what a server of the second edition
/// tells of one's own beyond the first one's history; empty where it does not.
fn read_history(
    session: &mut ReadySession,
    name: &Username,
    limit: usize,
) -> Result<(History, Vec<Option<PageDetail>>), CommandError> {
    if session.call(|client| client.server_info())?.is_none() {
        let mut history = session.call(|client| client.history(name))?;
        history.entries.truncate(limit);
        return Ok((history, Vec::new()));
    }
    let limit = limit.min(HISTORY_ROWS_MAX);
    let mut rows: Vec<PageEntry> = Vec::new();
    let mut private = false;
    while rows.len() < limit {
        let count = (limit - rows.len()).min(PAGE_ROWS.into());
        let count = u16::try_from(count).unwrap_or(PAGE_ROWS);
        let before = rows.last().map(|row| row.id);
        let page = session.call(|client| client.history_page(name, before, count))?;
        private = page.private;
        let is_last = page.entries.len() < usize::from(count);
        rows.extend(page.entries);
        if is_last {
            break;
        }
    }
    rows.truncate(limit);
    if limit == HISTORY_ROWS_MAX && rows.len() == limit {
        note("the newest 1,000,000 transactions; older ones are left out");
    }
    let entries = rows.iter().map(entry_of).collect();
    let orders = rows.into_iter().map(|row| row.detail).collect();
    Ok((History { private, entries }, orders))
}

/// The part of a page's row that a history of the first edition has too.
fn entry_of(row: &PageEntry) -> HistoryEntry {
    HistoryEntry {
        id: row.id,
        side: row.side,
        status: row.status,
        symbol: row.symbol,
        accepted: row.accepted,
        settled: row.settled,
        detail: row.detail.as_ref().map(|detail| detail.entry.clone()),
    }
}

/// Adds the reasons of the newest grants, which are in their receipts alone.
fn add_reasons(
    session: &mut ReadySession,
    history: &History,
    views: &mut [EntryView],
) -> Result<(), CommandError> {
    let rows = history.entries.iter().zip(views);
    let grants = rows.filter(|(entry, _)| act_of_administrator(entry) == Some(GRANT));
    let mut left_out = 0_usize;
    for (at, (entry, view)) in grants.enumerate() {
        if at >= GRANT_REASONS_MAX {
            left_out += 1;
            continue;
        }
        let receipt = session.call(|client| client.receipt(entry.id))?;
        let reason = receipt.0.into_iter().find(|(name, _)| name == "reason");
        view.reason = reason.map(|(_, reason)| reason);
    }
    if left_out > 0 {
        note(&format!(
            "the reasons of {left_out} older grants are left out; --receipt ID shows one"
        ));
    }
    Ok(())
}

fn history_table(history: &History, orders: &[Option<PageDetail>]) -> String {
    if history.private {
        let screen = ScreenSize::of_stdout();
        let width = screen.map(|screen| screen.columns);
        own_history_table(&history.entries, orders, width)
    } else {
        public_history_table(&history.entries)
    }
}

/// The status, with the reason of a rejection.
fn status_text(entry: &HistoryEntry) -> String {
    let reason = entry.detail.as_ref().and_then(|d| d.reason.as_ref());
    match (reason, entry.status) {
        (Some(reason), OpenValue::Known(TransactionStatus::Rejected)) => {
            format!("rejected: {}", reason_words(reason))
        }
        // Who replaced an order has not given it up.
        (Some(reason), _) if *reason == Reason::Replaced => reason_words(reason),
        (_, status) => status.to_string(),
    }
}

/// [`status_text`] in a word that leaves room for the total.
fn short_status_text(entry: &HistoryEntry) -> String {
    let reason = entry.detail.as_ref().and_then(|d| d.reason.as_ref());
    let known = reason.and_then(|reason| reason.known());
    match known.filter(|_| entry.status == TransactionStatus::Rejected) {
        Some(Reason::InsufficientFunds) => "no cash".to_owned(),
        Some(Reason::InsufficientHoldings) => "no units".to_owned(),
        Some(Reason::NoPrice) => "no price".to_owned(),
        Some(_) | None => entry.status.to_string(),
    }
}

/// The side of an order, or which act of an administrator it was.
fn side_text(entry: &HistoryEntry) -> String {
    act_of_administrator(entry).map_or_else(|| entry.side.to_string(), str::to_owned)
}

/// The time of settlement, or [`table::NONE`] where there was none yet.
fn settled_text(entry: &HistoryEntry) -> String {
    entry
        .ended()
        .map_or_else(|| table::NONE.to_owned(), table::moment)
}

fn public_history_table(entries: &[HistoryEntry]) -> String {
    let row = |e: &HistoryEntry| {
        vec![
            table::moment(e.accepted),
            settled_text(e),
            side_text(e),
            e.symbol.to_string(),
            status_text(e),
        ]
    };
    table::table(
        &[
            Column::text("accepted (UTC)", 1),
            Column::text("settled (UTC)", 2),
            Column::text("side", 0),
            Column::text("symbol", 0),
            Column::text("status", 0),
        ],
        &entries.iter().map(row).collect::<Vec<_>>(),
    )
}

/// The table of an own history. Where the terminal is too narrow for all of it, the status is a
/// shorter word.
fn own_history_table(
    entries: &[HistoryEntry],
    orders: &[Option<PageDetail>],
    width: Option<usize>,
) -> String {
    let whole = own_history_within(entries, orders, None, status_text);
    match width {
        Some(width) if whole.lines().any(|line| line.width() > width) => {
            own_history_within(entries, orders, Some(width), short_status_text)
        }
        Some(_) | None => whole,
    }
}

/// The prices that an order of the second edition waits or waited for; empty for others.
fn waited_for(order: Option<&PageDetail>) -> String {
    let Some(order) = order.map(|detail| &detail.order) else {
        return String::new();
    };
    let trails = order.kind == Some(OrderKind::Trailing.into());
    terms_words(order.limit, order.stop.map(|stop| (trails, stop)))
}

/// How much a transaction is of: units, or of an order for money that has none yet the money.
fn amount_text(entry: &HistoryEntry, order: Option<&PageDetail>) -> String {
    // An administrator's act is about no units.
    if act_of_administrator(entry).is_some() {
        return table::NONE.to_owned();
    }
    let units = entry.detail.as_ref().map(|detail| detail.quantity);
    let cash = order.and_then(|detail| detail.order.cash);
    match (units, cash) {
        (Some(Quantity::ZERO), Some(cash)) => format!("for {}", table::money(cash)),
        (Some(units), _) => table::amount(units),
        (None, _) => table::NONE.to_owned(),
    }
}

fn own_history_within(
    entries: &[HistoryEntry],
    orders: &[Option<PageDetail>],
    width: Option<usize>,
    status_text: fn(&HistoryEntry) -> String,
) -> String {
    // A server of the first edition tells nothing of the orders.
    let orders = orders.iter().map(Option::as_ref);
    let orders = orders.chain(std::iter::repeat(None));
    let entries: Vec<_> = entries.iter().zip(orders).collect();
    let terms: Vec<String> = entries
        .iter()
        .map(|(_, order)| waited_for(*order))
        .collect();
    let has_terms = terms.iter().any(|terms| !terms.is_empty());
    let row = |((e, order), terms): (&(&HistoryEntry, Option<&PageDetail>), &String)| {
        let filled = e
            .detail
            .as_ref()
            .filter(|_| e.status == TransactionStatus::Settled);
        let money = |value: Option<Money>| value.map_or(table::NONE.to_owned(), table::money);
        // An administrator's act is about no units.
        let of_units = |_: &&EntryDetail| act_of_administrator(e).is_none();
        let mut cells = vec![
            table::moment(e.accepted),
            settled_text(e),
            side_text(e),
            e.symbol.to_string(),
            amount_text(e, *order),
            money(filled.filter(of_units).map(|d| d.price)),
            money(filled.map(|d| d.total)),
            status_text(e),
            e.id.hyphenated().to_string(),
        ];
        if has_terms {
            cells.push(terms.clone());
        }
        cells
    };
    let mut columns = vec![
        Column::text("accepted (UTC)", 2),
        Column::text("settled (UTC)", 4),
        Column::text("side", 0),
        Column::text("symbol", 0),
        Column::number("units", 0),
        Column::number("price", 3),
        Column::number("total", 0),
        Column::text("status", 1),
        Column::text("ID", 5),
    ];
    if has_terms {
        columns.push(Column::text("waited for", 6));
    }
    let rows: Vec<_> = entries.iter().zip(&terms).map(row).collect();
    table::table_within(width, &columns, &rows)
}

/// Shows the receipt of one transaction.
fn receipt(
    global: &GlobalArgs,
    session: &mut ReadySession,
    which: &str,
) -> Result<(), CommandError> {
    let id = match Uuid::try_parse(which) {
        Ok(id) => id,
        Err(_) => find(session, which)?,
    };
    let receipt = match session.pool.call(|client| client.receipt(id)) {
        Ok(receipt) => receipt,
        Err(ClientError::Refused(refusal)) if refusal.reason == Reason::NoData => {
            return Err(CommandError::with_advice(
                ClientError::Refused(refusal),
                format!(
                    "A receipt is for one of your own transactions:\n  {} transactions",
                    session.program
                ),
            ));
        }
        Err(error) => return Err(session.failed(error)),
    };
    let lines = receipt.0.iter();
    let name = session.saved.username.to_string();
    let view = ReceiptView {
        account: name.clone(),
        transaction: id.hyphenated().to_string(),
        lines: lines
            .map(|(name, value)| LineView {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
    };
    show(global, &view, || {
        let lines: Vec<(String, String)> = shown_lines(&receipt.0)
            .into_iter()
            .map(|(name, value)| (clean(name), receipt_value(name, value)))
            .collect();
        let lines = lines
            .iter()
            .map(|(name, value)| (receipt_name(name), value.clone()));
        let pairs: Vec<(&str, String)> = [("account", name)].into_iter().chain(lines).collect();
        table::list(&pairs)
    })
}

/// The name of a receipt's line, by the word that this program has for it elsewhere.
fn receipt_name(name: &str) -> &str {
    match name {
        "client order ID" => "order ID",
        "asset" => "symbol",
        "quantity" => "units",
        other => other,
    }
}

/// A value of a receipt: times and figures as other commands show them, all else as it is.
fn receipt_value(name: &str, value: &str) -> String {
    if let Ok(time) = Timestamp::parse_canonical(value) {
        return table::utc(time);
    }
    let (figure, currency) = value.split_once(' ').unwrap_or((value, ""));
    let is_currency = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
    match (Money::parse_rounded(figure), is_currency, name) {
        // A part of a fee may have more digits than money.
        (Ok(money), true, _) if money.to_string() == figure => {
            format!("{} {currency}", table::money(money))
        }
        (Ok(units), false, "quantity") => table::amount(Quantity(units.0)),
        _ => value.to_owned(),
    }
}

/// The lines of a receipt but the quantity of an order for money that has no units yet: 0 would be
/// taken for what was ordered.
fn shown_lines(lines: &[(String, String)]) -> Vec<&(String, String)> {
    let is_for_money = lines.iter().any(|(name, _)| name == "for");
    let is_none = |name: &str, value: &str| is_for_money && name == "quantity" && value == "0";
    let shown = lines.iter().filter(|(name, value)| !is_none(name, value));
    shown.collect()
}

/// Finds the one transaction that `last`, or the beginning or end of an ID, selects.
fn find(session: &mut ReadySession, which: &str) -> Result<Uuid, CommandError> {
    let name = session.saved.username.clone();
    let history = session.call(|client| client.history(&name))?;
    select(&history.entries, which)
        .map_err(|problem| ClientError::Local(format!("{which}: {problem}")).into())
}

/// `last` is the newest that has an outcome; without one the newest.
fn select(entries: &[HistoryEntry], which: &str) -> Result<Uuid, &'static str> {
    let part = which.to_ascii_lowercase();
    let matches = |entry: &&HistoryEntry| {
        let id = entry.id.hyphenated().to_string();
        id.starts_with(&part) || id.ends_with(&part)
    };
    let mut found = entries.iter().filter(matches);
    let ended = entries.iter().find(|entry| entry.ended().is_some());
    let last = ended.or(entries.first()).filter(|_| part == "last");
    match (last, found.next(), found.next()) {
        (Some(entry), _, _) | (None, Some(entry), None) => Ok(entry.id),
        (None, None, _) => Err("no transaction of yours has such an ID"),
        (None, Some(_), Some(_)) => Err("several transactions of yours have such an ID"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Side;
    use crate::wire::payload::OrderParameters;

    fn entry(side: Side, symbol: Symbol, reason: Option<Reason>) -> HistoryEntry {
        let status = match reason {
            Some(_) => TransactionStatus::Rejected,
            None => TransactionStatus::Settled,
        };
        HistoryEntry {
            id: Uuid::from_u128(7),
            side: side.into(),
            status: status.into(),
            symbol,
            accepted: Timestamp(1_000),
            settled: Timestamp(2_000),
            detail: Some(EntryDetail {
                quantity: Quantity(if symbol == Symbol::NONE {
                    0
                } else {
                    10_000_000
                }),
                price: Money(1_234_560_000),
                total: Money(12_345_600_000),
                priced: Timestamp(0),
                client_order_id: None,
                reason: reason.map(OpenValue::Known),
            }),
        }
    }

    #[test]
    fn the_last_transaction_is_the_newest_that_has_an_outcome() {
        let asset = Symbol::parse("AAPL").unwrap();
        let row = |id, status: TransactionStatus| HistoryEntry {
            id: Uuid::from_u128(id),
            status: status.into(),
            ..entry(Side::Buy, asset, None)
        };
        let open = row(0x3c, TransactionStatus::Open);
        let rows = [open.clone(), row(0x2b, TransactionStatus::Settled)];
        assert_eq!(select(&rows, "last"), Ok(Uuid::from_u128(0x2b)));
        assert_eq!(select(&rows, "LAST"), Ok(Uuid::from_u128(0x2b)));
        assert_eq!(select(&[open], "last"), Ok(Uuid::from_u128(0x3c)));
        assert_eq!(select(&rows, "3c"), Ok(Uuid::from_u128(0x3c)));
        assert!(select(&rows, "0000").is_err() && select(&[], "last").is_err());
    }

    #[test]
    fn a_position_shows_the_units_that_can_be_sold_where_some_are_promised() {
        let position = |symbol: &str, promised| {
            PositionStanding::of_summary(&payload::PositionSummary {
                symbol: Symbol::parse(symbol).unwrap(),
                units: Quantity(10_000_000),
                promised: Quantity(promised),
                cost: Money(10_000_000),
                value: Money(20_000_000),
                previous_close: Money::ZERO,
                realised: Money::ZERO,
            })
        };
        let table = positions_table(&[position("AAPL", 6_000_000), position("IBM", 0)]);
        let cells = |at| table.lines().nth(at).unwrap().split_whitespace().take(3);
        assert!(cells(0).eq(["symbol", "units", "free"]), "{table}");
        assert!(cells(2).eq(["AAPL", "10", "4"]), "{table}");
        assert!(cells(3).eq(["IBM", "10", "10"]), "{table}");
        let usual = positions_table(&[position("AAPL", 0)]);
        assert!(!usual.contains("free"), "{usual}");
    }

    #[test]
    fn the_cost_of_a_position_is_the_one_that_the_server_tells() {
        let position = payload::PositionSummary {
            symbol: Symbol::parse("AAPL").unwrap(),
            units: Quantity(143_700_000),
            promised: Quantity::ZERO,
            cost: Money(60_732_215_000),
            value: Money(60_000_000_000),
            previous_close: Money::ZERO,
            realised: Money::ZERO,
        };
        let standing = PositionStanding::of_summary(&position);
        let table = positions_table(std::slice::from_ref(&standing));
        assert!(table.contains(" 60,732.215 "), "{table}");
        assert!(table.contains(" -732.215 "), "{table}");
        // The average alone would not have told it.
        let holding = payload::Holding {
            symbol: standing.symbol,
            quantity: standing.units,
            average_cost: standing.average_cost,
            value: position.value,
        };
        let of_average = PositionStanding::of(&holding);
        assert_ne!(of_average.cost, standing.cost);
        assert_eq!(of_average.average_cost, standing.average_cost);
        let nothing = payload::PositionSummary {
            units: Quantity::ZERO,
            value: Money::ZERO,
            ..position
        };
        let standing = PositionStanding::of_summary(&nothing);
        assert_eq!((standing.average_cost, standing.value), (Money::ZERO, None));
    }

    #[test]
    fn an_order_for_money_shows_the_money_until_it_has_units() {
        let asset = Symbol::parse("AAPL").unwrap();
        let detail = PageDetail {
            entry: payload::EntryDetail {
                quantity: Quantity::ZERO,
                price: Money::ZERO,
                total: Money::ZERO,
                priced: Timestamp(0),
                client_order_id: None,
                reason: None,
            },
            fee: Money::ZERO,
            order: OrderParameters {
                kind: Some(OrderKind::Market.into()),
                cash: Some(Money(500_000_000)),
                ..OrderParameters::default()
            },
            cause: String::new(),
            note: String::new(),
        };
        let mut row = entry(Side::Buy, asset, None);
        assert_eq!(amount_text(&row, Some(&detail)), "10");
        assert_eq!(amount_text(&row, None), "10");
        row.detail.as_mut().unwrap().quantity = Quantity::ZERO;
        assert_eq!(amount_text(&row, Some(&detail)), "for 500.00");
        assert_eq!(amount_text(&row, None), "0");
        let table = own_history_table(&[row], &[Some(detail)], None);
        assert!(table.contains("for 500.00"), "{table}");

        let lines = |lines: &[(&str, &str)]| {
            let line = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            shown_lines(&lines.iter().map(line).collect::<Vec<_>>()).len()
        };
        assert_eq!(lines(&[("quantity", "0"), ("for", "500 USD")]), 1);
        assert_eq!(lines(&[("quantity", "2"), ("for", "500 USD")]), 2);
        assert_eq!(lines(&[("quantity", "0"), ("kind", "limit")]), 2);
    }

    #[test]
    fn a_receipt_has_the_forms_of_other_commands() {
        for (value, shown) in [
            ("2026-11-26T14:31:42.793Z", "2026-11-26 14:31:42 UTC"),
            ("2005-02-03T00:00:00.000Z", "2005-02-03 UTC"),
            ("1234.5 USD", "1,234.50 USD"),
            ("-0.000001 EUR", "-0.000001 EUR"),
            ("0.1900019 USD", "0.1900019 USD"),
            ("0.000000000001 USD", "0.000000000001 USD"),
            ("7", "7"),
            ("worker-1", "worker-1"),
            ("5 of a kind", "5 of a kind"),
            ("day", "day"),
        ] {
            assert_eq!(receipt_value("price", value), shown);
        }
        assert_eq!(receipt_value("quantity", "2500"), "2,500");
        assert_eq!(receipt_value("update", "2500"), "2500");
        assert_eq!(receipt_name("client order ID"), "order ID");
        assert_eq!(receipt_name("rule"), "rule");
    }

    #[test]
    fn a_narrow_terminal_shows_the_total_and_a_short_status() {
        let asset = Symbol::parse("AAPL").unwrap();
        let rows = [
            entry(Side::Buy, asset, Some(Reason::InsufficientHoldings)),
            entry(Side::Sell, asset, None),
            entry(Side::Dividend, Symbol::NONE, None),
        ];
        let narrow = own_history_table(&rows, &[], Some(80));
        let grant: Vec<&str> = narrow.lines().nth(4).unwrap().split_whitespace().collect();
        let shown = ["grant", "-", "–", "–", "12,345.60", "settled"];
        assert_eq!(grant[2..], shown, "{narrow}");
        assert!(narrow.contains("no units"), "{narrow}");
        assert!(
            narrow.lines().take(5).all(|line| line.width() <= 80),
            "{narrow}"
        );
        let narrower = own_history_table(&rows, &[], Some(60));
        assert!(
            narrower.contains("12,345.60") && narrower.contains("1,234.56"),
            "{narrower}"
        );
        let narrowest = own_history_table(&rows, &[], Some(40));
        assert!(narrowest.contains("12,345.60\n"), "{narrowest}");
        assert!(!narrowest.contains("Cut"), "{narrowest}");
        for width in [None, Some(200)] {
            let whole = own_history_table(&rows, &[], width);
            assert!(whole.contains("rejected: too few units"), "{whole}");
        }
    }
}
