//! spec/cli/papertrader/view.md · 4.6.15
//!
//! Profit and loss, computed from cash, cost, value and history.
//!
//! Tests: `src/cli/papertrader/view/tests.rs`.

use crate::cli::table;
use crate::model::{Money, Quantity, Side, Symbol, TransactionStatus, Username};
use crate::wire::payload::{HistoryEntry, Holding, Portfolio};
use serde::Serialize;

use super::text;

/// The cost, value and profit of a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionStanding {
    /// Average cost × quantity, rounded down.
    pub cost: Money,
    /// The market value; `None` without a price.
    pub value: Option<Money>,
    /// Value − cost; `None` without a price.
    pub profit: Option<Money>,
}

impl PositionStanding {
    /// Computes the standing of a position.
    pub fn of(holding: &Holding) -> PositionStanding {
        let cost = holding
            .quantity
            .worth_at(holding.average_cost)
            .unwrap_or(Money::ZERO);
        let value = Some(holding.value).filter(|v| *v != Money::ZERO);
        PositionStanding {
            cost,
            value,
            profit: value.and_then(|v| v.minus(cost)),
        }
    }
}

/// The sums of a portfolio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// The value of the positions that have a price.
    pub value: Money,
    /// The cost of the same positions.
    pub cost: Money,
    /// Value − cost: the unrealised profit.
    pub profit: Money,
    /// Cash + value.
    pub total: Money,
    /// Positions without a price, which the other fields leave out.
    pub unpriced: usize,
}

impl Totals {
    /// Adds the positions up.
    pub fn of(cash: Money, holdings: &[Holding]) -> Totals {
        let mut totals = Totals::default();
        for holding in holdings {
            let standing = PositionStanding::of(holding);
            match standing.value {
                Some(value) => {
                    totals.value = Money(totals.value.0.saturating_add(value.0));
                    totals.cost = Money(totals.cost.0.saturating_add(standing.cost.0));
                }
                None => totals.unpriced += 1,
            }
        }
        totals.profit = Money(totals.value.0.saturating_sub(totals.cost.0));
        totals.total = Money(totals.value.0.saturating_add(cash.0));
        totals
    }
}

/// Which act of an administrator a row of a history is: [`GRANT`] or [`RESTART`], or [`SOME_ACT`] of
/// somebody else's; `None` of other rows. Such a row is about no asset, and that of a restart has the
/// quantity 1.
pub fn act_of_administrator(entry: &HistoryEntry) -> Option<&'static str> {
    let is_act = entry.side == Side::Dividend && entry.symbol == Symbol::NONE;
    is_act.then_some(match &entry.detail {
        None => SOME_ACT,
        Some(detail) if detail.quantity == Quantity::ZERO => GRANT,
        Some(_) => RESTART,
    })
}

/// The word for cash that an administrator gave or took.
pub const GRANT: &str = "grant";
/// The word for the cash of an account that began anew.
pub const RESTART: &str = "restart";
/// The word for either, where the server does not tell which.
pub const SOME_ACT: &str = "grant or restart";

/// The cash that an account began with, and what it was granted: its cash now, with every trade and
/// dividend of its history, newest first, reversed back to the latest restart. `None` if a settled
/// transaction has a side of a later edition.
pub fn starting_cash(cash: Money, entries: &[HistoryEntry]) -> Option<Money> {
    let mut start = i128::from(cash.0);
    for entry in entries
        .iter()
        .filter(|e| e.status == TransactionStatus::Settled)
    {
        match act_of_administrator(entry) {
            Some(RESTART) => break,
            Some(_) => continue,
            None => {}
        }
        let total = entry.detail.as_ref().map_or(0, |d| i128::from(d.total.0));
        match entry.side.known()? {
            Side::Buy => start += total,
            Side::Sell | Side::Dividend => start -= total,
            Side::Split => {}
        }
    }
    Some(Money(i64::try_from(start).unwrap_or(0)))
}

/// A position as its owner or as another user sees it.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct PositionView {
    pub symbol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub average_cost: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profit_percent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_percent: Option<String>,
}

/// A portfolio.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(missing_docs, reason = "the page's table says what each field is")]
pub struct PortfolioView {
    pub account: String,
    pub username: String,
    pub private: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_cash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realised_profit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_profit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buying_power: Option<String>,
    pub positions: Vec<PositionView>,
}

impl PortfolioView {
    /// Converts the payload, which the session of `account` asked for. `start` is the starting cash,
    /// if the history was read.
    pub fn new(
        account: &Username,
        username: &Username,
        portfolio: &Portfolio,
        start: Option<Money>,
    ) -> PortfolioView {
        match portfolio {
            Portfolio::Public(shares) => PortfolioView {
                account: text(account),
                username: text(username),
                positions: shares
                    .iter()
                    .map(|(symbol, share)| PositionView {
                        symbol: text(symbol),
                        share_percent: Some(basis_points(*share)),
                        ..PositionView::default()
                    })
                    .collect(),
                ..PortfolioView::default()
            },
            Portfolio::Private(cash, holdings) => {
                let totals = Totals::of(*cash, holdings);
                let total_profit = start.map(|s| Money(totals.total.0.saturating_sub(s.0)));
                PortfolioView {
                    account: text(account),
                    username: text(username),
                    private: true,
                    cash: Some(text(cash)),
                    value: Some(text(totals.value)),
                    cost: Some(text(totals.cost)),
                    profit: Some(text(totals.profit)),
                    total: Some(text(totals.total)),
                    starting_cash: start.map(text),
                    realised_profit: total_profit
                        .map(|p| text(Money(p.0.saturating_sub(totals.profit.0)))),
                    total_profit: total_profit.map(text),
                    reserved: None,
                    buying_power: None,
                    positions: holdings.iter().map(position).collect(),
                }
            }
        }
    }
}

/// What an account's open orders hold back, and what it may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpendableCash {
    /// Cash that purchases hold back.
    pub reserved: Money,
    /// What a market purchase may cost now.
    pub buying_power: Money,
}

impl PortfolioView {
    /// The same with what may be spent, where the server tells it.
    pub fn with_spendable(self, spendable: Option<SpendableCash>) -> PortfolioView {
        PortfolioView {
            reserved: spendable.map(|it| text(it.reserved)),
            buying_power: spendable.map(|it| text(it.buying_power)),
            ..self
        }
    }
}

fn position(holding: &Holding) -> PositionView {
    let standing = PositionStanding::of(holding);
    PositionView {
        symbol: text(holding.symbol),
        quantity: Some(text(holding.quantity)),
        average_cost: Some(text(holding.average_cost)),
        cost: Some(text(standing.cost)),
        value: standing.value.map(text),
        profit: standing.profit.map(text),
        profit_percent: standing
            .profit
            .and_then(|p| table::percent(p, standing.cost)),
        share_percent: None,
    }
}

/// Basis points as a percentage: `12.34`.
pub fn basis_points(share: u16) -> String {
    format!("{}.{:02}", share / 100, share % 100)
}

/// Cash and the units of each position: the values by which two readings of a portfolio are
/// compared. `None` for another user's portfolio.
pub fn fingerprint(portfolio: &Portfolio) -> Option<(Money, Vec<(Symbol, Quantity)>)> {
    match portfolio {
        Portfolio::Private(cash, holdings) => Some((
            *cash,
            holdings.iter().map(|h| (h.symbol, h.quantity)).collect(),
        )),
        Portfolio::Public(_) => None,
    }
}
