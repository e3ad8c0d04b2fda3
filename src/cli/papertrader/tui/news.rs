//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! What the full-screen view and its network thread say to each other.
//!
//! Tests: `src/cli/papertrader/tui/update/tests.rs`.

use crate::cli::papertrader::commands::estimate::Foresight;
use crate::client::{ClientError, OrderForm, PlacedOrder, ServerInfo};
use crate::model::{Bar, Money, Symbol, Timestamp};
use crate::wire::Window;
use crate::wire::payload::{OpenOrder, OwnSummary, PageEntry, QuoteList};
use crate::wire::reply::OrderNotice;
use uuid::Uuid;

/// The five windows of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartRange {
    Day,
    Week,
    Month,
    Year,
    All,
}

impl ChartRange {
    /// All, from the shortest to the longest.
    pub const ALL: [ChartRange; 5] = [
        ChartRange::Day,
        ChartRange::Week,
        ChartRange::Month,
        ChartRange::Year,
        ChartRange::All,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            ChartRange::Day => "day",
            ChartRange::Week => "week",
            ChartRange::Month => "month",
            ChartRange::Year => "year",
            ChartRange::All => "all",
        }
    }

    /// The window of bars that ends at this market time.
    pub fn window(self, end: Timestamp) -> Window {
        match self {
            ChartRange::Day => Window::Day(end),
            ChartRange::Week => Window::Week(end),
            ChartRange::Month => Window::Month(end),
            ChartRange::Year => Window::Year(end),
            ChartRange::All => Window::AllTime,
        }
    }
}

/// Which bars a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChartSubject {
    pub symbol: Symbol,
    pub range: ChartRange,
    /// Whether splits and dividends are reckoned in.
    pub is_adjusted: bool,
}

/// What the view wants of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkRequest {
    /// The bars of a chart that ends at this market time.
    Chart(ChartSubject, Timestamp),
    /// The closes of a month that ends at this market time, for a sparkline.
    Closes(Symbol, Timestamp),
    /// Rows of the history that are older than this one.
    OlderHistory(Uuid),
    /// A receipt.
    Receipt(Uuid),
    /// What an order takes or brings.
    Foresee(OrderForm),
    /// Sends an order, which has an ID.
    Place(OrderForm),
    /// Cancels an order.
    Cancel(Uuid),
    /// Asks for all that changes by itself.
    Refresh,
}

/// What the network thread tells.
#[derive(Debug)]
pub enum NetworkNews {
    /// A worker answers, at this address.
    Linked(String),
    /// No worker answers, and why.
    Lost(String),
    /// How the market stands.
    Market(ServerInfo),
    /// All assets with their prices.
    Quotes(QuoteList),
    /// What the account has.
    Summary(Box<OwnSummary>),
    /// The orders that have no outcome yet.
    OpenOrders(Vec<OpenOrder>),
    /// The newest rows of the history; whether they are all there are.
    History(Vec<PageEntry>, bool),
    /// Older rows, behind the one with this ID; whether there are no others.
    OlderHistory(Uuid, Result<(Vec<PageEntry>, bool), String>),
    /// The bars of a chart.
    Chart(ChartSubject, Result<Vec<Bar>, String>),
    /// The closes of a sparkline, oldest first. None where they could not be read.
    Closes(Symbol, Vec<Money>),
    /// The lines of a receipt.
    Receipt(Uuid, Result<Vec<(String, String)>, String>),
    /// What an order takes or brings. It has an ID now.
    Foreseen(OrderForm, Box<Foresight>),
    /// What it takes cannot be found out, and why.
    Unforeseen(OrderForm, String),
    /// An order is on disk.
    Placed(OrderForm, PlacedOrder),
    /// An order was refused or not sent, and why.
    Refused(OrderForm, String),
    /// An order was sent, and nobody tells what became of it.
    Unknown(OrderForm, String),
    /// An order was cancelled, or why not.
    Cancelled(Result<(), String>),
    /// An order of the account has ended.
    Ended(OrderNotice),
    /// The view cannot go on, such as after the end of its session.
    Failed(ClientError),
}
