//! spec/cli/papertrader/view.md · 4.6.15
//!
//! Profit and loss, computed from cash, cost, value and history.
//!
//! Tests: `src/cli/papertrader/view/tests.rs`.

use crate::cli::table;
use crate::model::money::MILLION;
use crate::model::{Money, Quantity, Side, Symbol, TransactionStatus, Username};
use crate::wire::payload::{HistoryEntry, Holding, OwnSummary, Portfolio, PositionSummary};
use serde::Serialize;

use super::text;

/// A position with its cost, value and profit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionStanding {
    pub symbol: Symbol,
    pub units: Quantity,
    /// Units that no open sale has been promised.
    pub free: Quantity,
    /// Cost of a unit, rounded down to a millionth.
    pub average_cost: Money,
    /// Of the whole position: exact where the server tells it.
    pub cost: Money,
    /// The market value; `None` without a price.
    pub value: Option<Money>,
    /// Value − cost; `None` without a price.
    pub profit: Option<Money>,
}

impl PositionStanding {
    /// The standing of a position of which the server tells the average alone: the cost is that ×
    /// units, rounded down.
    pub fn of(holding: &Holding) -> PositionStanding {
        let units = holding.quantity;
        let cost = units.worth_at(holding.average_cost);
        PositionStanding {
            average_cost: holding.average_cost,
            ..PositionStanding::at(
                (holding.symbol, units, units),
                cost.unwrap_or(Money::ZERO),
                holding.value,
            )
        }
    }

    /// The standing of a position of which the server tells the exact cost.
    pub fn of_summary(position: &PositionSummary) -> PositionStanding {
        let free = position.units.0.saturating_sub(position.promised.0).max(0);
        PositionStanding::at(
            (position.symbol, position.units, Quantity(free)),
            position.cost,
            position.value,
        )
    }

    fn at(
        (symbol, units, free): (Symbol, Quantity, Quantity),
        cost: Money,
        value: Money,
    ) -> PositionStanding {
        let value = Some(value).filter(|value| *value != Money::ZERO);
        let average = i128::from(cost.0) * i128::from(MILLION);
        let average = average.checked_div_euclid(i128::from(units.0));
        PositionStanding {
            symbol,
            units,
            free,
            average_cost: Money::clamped(average.unwrap_or_default()),
            cost,
            value,
            profit: value.and_then(|value| value.minus(cost)),
        }
    }
}

/// What a server of the second edition tells of an account's money beside its cash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountFigures {
    /// Cash that open orders hold back.
    pub reserved: Money,
    /// What a market purchase may cost now.
    pub buying_power: Money,
    /// What the positions have gained since the previous day's close.
    pub day_change: Money,
    /// All fees that were paid.
    pub fees: Money,
}

/// One's own portfolio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPortfolio {
    pub cash: Money,
    pub positions: Vec<PositionStanding>,
    /// `None` of a server of the first edition.
    pub figures: Option<AccountFigures>,
}

impl OwnPortfolio {
    /// The portfolio that a server of the first edition tells.
    pub fn of(cash: Money, holdings: &[Holding]) -> OwnPortfolio {
        OwnPortfolio {
            cash,
            positions: holdings.iter().map(PositionStanding::of).collect(),
            figures: None,
        }
    }

    /// The portfolio of a summary, whose figures are exact.
    pub fn of_summary(summary: &OwnSummary) -> OwnPortfolio {
        let positions = summary.positions.iter().map(PositionStanding::of_summary);
        OwnPortfolio {
            cash: summary.cash,
            positions: positions.collect(),
            figures: Some(AccountFigures {
                reserved: summary.reserved,
                buying_power: summary.buying_power,
                day_change: summary.day_change,
                fees: summary.fees,
            }),
        }
    }

    /// Cash and the units of each position: the values by which two readings are compared.
    pub fn fingerprint(&self) -> (Money, Vec<(Symbol, Quantity)>) {
        let units = self.positions.iter().map(|it| (it.symbol, it.units));
        (self.cash, units.collect())
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
    pub fn of(cash: Money, positions: &[PositionStanding]) -> Totals {
        let mut totals = Totals::default();
        for standing in positions {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_change: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fees: Option<String>,
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
                let own = OwnPortfolio::of(*cash, holdings);
                PortfolioView::of_own(account, username, &own, start)
            }
        }
    }

    /// Converts one's own portfolio, as [`PortfolioView::new`].
    pub fn of_own(
        account: &Username,
        username: &Username,
        own: &OwnPortfolio,
        start: Option<Money>,
    ) -> PortfolioView {
        let totals = Totals::of(own.cash, &own.positions);
        let total_profit = start.map(|s| Money(totals.total.0.saturating_sub(s.0)));
        let figure = |of: fn(&AccountFigures) -> Money| own.figures.as_ref().map(of).map(text);
        PortfolioView {
            account: text(account),
            username: text(username),
            private: true,
            cash: Some(text(own.cash)),
            value: Some(text(totals.value)),
            cost: Some(text(totals.cost)),
            profit: Some(text(totals.profit)),
            total: Some(text(totals.total)),
            starting_cash: start.map(text),
            realised_profit: total_profit.map(|p| text(Money(p.0.saturating_sub(totals.profit.0)))),
            total_profit: total_profit.map(text),
            reserved: figure(|it| it.reserved),
            buying_power: figure(|it| it.buying_power),
            day_change: figure(|it| it.day_change),
            fees: figure(|it| it.fees),
            positions: own.positions.iter().map(position).collect(),
        }
    }
}

fn position(standing: &PositionStanding) -> PositionView {
    PositionView {
        symbol: text(standing.symbol),
        quantity: Some(text(standing.units)),
        average_cost: Some(text(standing.average_cost)),
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
