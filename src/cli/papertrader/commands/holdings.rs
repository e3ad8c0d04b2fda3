//! spec/cli/papertrader/commands.md · 4.6.15 and 4.6.16
//!
//! Commands for the portfolio, the history and receipts.
//!
//! Tests: `tests/suite/client/cli.rs`.

use super::{CommandError, ReadySession, advise, note, print, show};
use crate::cli::papertrader::age::market_words;
use crate::cli::papertrader::arguments::{GlobalArgs, PortfolioArgs, TransactionsArgs};
use crate::cli::papertrader::view::portfolio::{
    PortfolioView, PositionStanding, Totals, act_of_administrator, basis_points, fingerprint,
    starting_cash,
};
use crate::cli::papertrader::view::{EntryView, HistoryView, LineView, ReceiptView, entries_csv};
use crate::cli::table::{self, Column};
use crate::client::ClientError;
use crate::model::printable::clean;
use crate::model::{Money, OpenValue, Reason, TransactionStatus, Username};
use crate::wire::payload::{self, History, HistoryEntry};
use uuid::Uuid;

/// The most attempts to read portfolio and history without a settlement between the two.
const CONSISTENT_READS_MAX: usize = 5;

/// Shows cash and positions.
pub fn portfolio(global: &GlobalArgs, args: &PortfolioArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let own = session.saved.username.clone();
    let name = args.of.clone().unwrap_or_else(|| own.clone());
    let (portfolio, start) = if args.realised {
        let (portfolio, start) = read_consistently(&mut session, &name)?;
        (portfolio, Some(start))
    } else {
        (session.call(|client| client.portfolio(&name))?, None)
    };
    let market = session.call(|client| client.server_info())?;
    let market = market.as_ref().and_then(market_words);
    let view = PortfolioView::new(&own, &name, &portfolio, start);
    show(global, &view, || match &portfolio {
        payload::Portfolio::Public(shares) => {
            let rows = shares
                .iter()
                .map(|(symbol, share)| {
                    vec![symbol.to_string(), format!("{} %", basis_points(*share))]
                })
                .collect::<Vec<_>>();
            format!(
                "{name}, as others see it\n{}",
                table::table(
                    &[Column::text("symbol", 0), Column::number("share", 0)],
                    &rows
                )
            )
        }
        payload::Portfolio::Private(cash, holdings) => {
            let totals = Totals::of(*cash, holdings);
            let mut out = format!("portfolio of {name}\n\n");
            if !holdings.is_empty() {
                out.push_str(&positions_table(holdings));
                out.push('\n');
            }
            out.push_str(&summary(*cash, &totals, start, market));
            out
        }
    })
}

fn positions_table(holdings: &[payload::Holding]) -> String {
    let row = |holding: &payload::Holding| {
        let standing = PositionStanding::of(holding);
        let or_none = |text: Option<String>| text.unwrap_or_else(|| table::NONE.to_owned());
        vec![
            holding.symbol.to_string(),
            table::amount(holding.quantity),
            table::money(holding.average_cost),
            table::money(standing.cost),
            or_none(standing.value.map(table::money)),
            or_none(standing.profit.map(table::profit)),
            or_none(
                standing
                    .profit
                    .map(|p| table::signed_percent(p, standing.cost)),
            ),
        ]
    };
    table::table(
        &[
            Column::text("symbol", 0),
            Column::number("units", 0),
            Column::number("average cost", 3),
            Column::number("cost", 4),
            Column::number("value", 1),
            Column::number("profit", 2),
            Column::number("in %", 5),
        ],
        &holdings.iter().map(row).collect::<Vec<_>>(),
    )
}

fn summary(cash: Money, totals: &Totals, start: Option<Money>, market: Option<String>) -> String {
    let mut lines = vec![
        ("cash", table::money(cash)),
        ("positions", table::money(totals.value)),
        ("total", table::money(totals.total)),
        (
            "profit of positions",
            format!(
                "{} ({})",
                table::profit(totals.profit),
                table::signed_percent(totals.profit, totals.cost)
            ),
        ),
    ];
    if let Some(start) = start {
        let profit = Money(totals.total.0.saturating_sub(start.0));
        let realised = Money(profit.0.saturating_sub(totals.profit.0));
        lines.push(("realised by sales", table::profit(realised)));
        lines.push(("began with", table::money(start)));
        lines.push((
            "profit in all",
            format!(
                "{} ({})",
                table::profit(profit),
                table::signed_percent(profit, start)
            ),
        ));
    }
    if totals.unpriced > 0 {
        lines.push((
            "not counted",
            format!("{} positions without a price", totals.unpriced),
        ));
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
) -> Result<(payload::Portfolio, Money), CommandError> {
    let mut before = session.call(|client| client.portfolio(name))?;
    for _ in 0..CONSISTENT_READS_MAX {
        let history = session.call(|client| client.history(name))?;
        let after = session.call(|client| client.portfolio(name))?;
        if let Some((cash, _)) = fingerprint(&after)
            && fingerprint(&before) == fingerprint(&after)
        {
            let start = starting_cash(cash, &history.entries).ok_or_else(unknown_side)?;
            return Ok((after, start));
        }
        before = after;
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
    let mut history = session.call(|client| client.history(&name))?;
    if let Some(limit) = args.limit {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        history.entries.truncate(limit);
    }
    if args.csv {
        // The columns are a contract, so the account stands beside the file.
        note(&format!("transactions of {name}"));
        return print(&entries_csv(&history.entries).map_err(ClientError::Local)?);
    }
    let view = HistoryView {
        account: own.to_string(),
        username: name.to_string(),
        private: history.private,
        transactions: history.entries.iter().map(EntryView::from).collect(),
    };
    show(global, &view, || {
        if history.entries.is_empty() {
            format!("no transactions of {name} yet\n")
        } else {
            // Programs read rows after the first two lines, so the account stands behind them.
            format!("{}transactions of {name}\n", history_table(&history))
        }
    })
}

fn history_table(history: &History) -> String {
    if history.private {
        own_history_table(&history.entries)
    } else {
        public_history_table(&history.entries)
    }
}

/// The status, or the reason of a rejection.
fn status_text(entry: &HistoryEntry) -> String {
    let reason = entry.detail.as_ref().and_then(|d| d.reason.as_ref());
    match (reason, entry.status) {
        (Some(reason), OpenValue::Known(TransactionStatus::Rejected)) => reason.to_string(),
        (_, status) => status.to_string(),
    }
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
            e.side.to_string(),
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

fn own_history_table(entries: &[HistoryEntry]) -> String {
    let row = |e: &HistoryEntry| {
        let filled = e
            .detail
            .as_ref()
            .filter(|_| e.status == TransactionStatus::Settled);
        let money = |value: Option<Money>| value.map_or(table::NONE.to_owned(), table::money);
        vec![
            table::moment(e.accepted),
            settled_text(e),
            act_of_administrator(e).map_or_else(|| e.side.to_string(), str::to_owned),
            e.symbol.to_string(),
            e.detail
                .as_ref()
                .map_or(String::new(), |d| table::amount(d.quantity)),
            money(filled.map(|d| d.price)),
            money(filled.map(|d| d.total)),
            status_text(e),
            e.id.hyphenated().to_string(),
        ]
    };
    table::table(
        &[
            Column::text("accepted (UTC)", 2),
            Column::text("settled (UTC)", 5),
            Column::text("side", 0),
            Column::text("symbol", 0),
            Column::number("units", 0),
            Column::number("price", 1),
            Column::number("total", 3),
            Column::text("status", 0),
            Column::text("ID", 4),
        ],
        &entries.iter().map(row).collect::<Vec<_>>(),
    )
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
                "A receipt is for one of your own transactions: papertrader transactions",
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
        let names: Vec<String> = receipt.0.iter().map(|(name, _)| clean(name)).collect();
        let mut pairs = vec![("account", name)];
        let lines = names.iter().zip(&receipt.0);
        pairs.extend(lines.map(|(name, (_, value))| (name.as_str(), value.clone())));
        table::list(&pairs)
    })
}

/// Finds the one transaction that `last`, or the beginning or end of an ID, selects.
fn find(session: &mut ReadySession, which: &str) -> Result<Uuid, CommandError> {
    let name = session.saved.username.clone();
    let history = session.call(|client| client.history(&name))?;
    let part = which.to_ascii_lowercase();
    let matches = |entry: &&HistoryEntry| {
        let id = entry.id.hyphenated().to_string();
        id.starts_with(&part) || id.ends_with(&part)
    };
    let mut found = history.entries.iter().filter(matches);
    let newest = history.entries.first().filter(|_| part == "last");
    let problem = match (newest, found.next(), found.next()) {
        (Some(entry), _, _) | (None, Some(entry), None) => return Ok(entry.id),
        (None, None, _) => "no transaction of yours has such an ID",
        (None, Some(_), Some(_)) => "several transactions of yours have such an ID",
    };
    Err(advise(ClientError::Local(format!("{which}: {problem}"))))
}
