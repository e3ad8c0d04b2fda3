//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! The whole state of the full-screen view. It holds what the server told and what the person looks
//! at; nothing in it reads a clock, a terminal or the network.
//!
//! Tests: `src/cli/papertrader/tui/update/tests.rs`.

use super::layout::{ListName, ScreenParts};
use super::news::ChartSubject;
use crate::cli::papertrader::commands::estimate::Foresight;
use crate::client::{OrderForm, ServerInfo};
use crate::model::{Bar, Money, OpenValue, Side, Symbol, Timestamp, Username};
use crate::wire::payload::{OpenOrder, OwnSummary, PageEntry, QuoteListRow};
use std::collections::{HashMap, HashSet, VecDeque};
use uuid::Uuid;

/// The most messages that are kept.
pub const MESSAGES_KEPT_MAX: usize = 50;
/// The most rows of the history that are kept.
pub const HISTORY_KEPT_MAX: usize = 10_000;
/// The most characters that can be typed in a line.
pub const INPUT_CHARACTERS_MAX: usize = 200;
/// The most ends of orders that are remembered, so that none is told twice.
pub const ENDS_REMEMBERED_MAX: usize = 1000;

/// Which row of a list is chosen, and the first one on the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListPlace {
    pub chosen: usize,
    pub first: usize,
}

/// What the assets are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssetOrder {
    Symbol,
    Price,
    Change,
}

impl AssetOrder {
    /// What it is called.
    pub fn as_str(self) -> &'static str {
        match self {
            AssetOrder::Symbol => "symbol",
            AssetOrder::Price => "price",
            AssetOrder::Change => "day's change",
        }
    }

    /// The one after it.
    pub fn next(self) -> AssetOrder {
        match self {
            AssetOrder::Symbol => AssetOrder::Price,
            AssetOrder::Price => AssetOrder::Change,
            AssetOrder::Change => AssetOrder::Symbol,
        }
    }
}

/// The bars of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartBars {
    /// The first ones are on their way.
    Awaited,
    Known(Vec<Bar>),
    /// Why there are none.
    Refused(String),
}

/// The chart of an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetChart {
    pub subject: ChartSubject,
    pub bars: ChartBars,
    /// The market time up to which its bars were asked for last.
    pub asked: Timestamp,
    /// Whether the answer to that is on its way.
    pub is_awaited: bool,
}

/// What a line is typed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    Filter,
    Order,
}

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputLine {
    pub kind: InputKind,
    pub text: Vec<char>,
    /// The character before which the cursor stands.
    pub cursor: usize,
}

impl InputLine {
    /// A line with a text, and the cursor at its end.
    pub fn new(kind: InputKind, text: &str) -> InputLine {
        let text: Vec<char> = text.chars().collect();
        InputLine {
            kind,
            cursor: text.len(),
            text,
        }
    }

    /// Its text.
    pub fn text(&self) -> String {
        self.text.iter().collect()
    }
}

/// What stands above a list or a chart until it is closed.
#[derive(Debug, Clone, PartialEq)]
pub enum ScreenPopup {
    /// A text, and the first of its lines that is shown.
    Text {
        title: String,
        lines: Vec<String>,
        first: usize,
    },
    /// Whether an order is to be sent. `None`: what it takes is not known yet. And the first line that
    /// is shown.
    Order {
        form: OrderForm,
        told: Option<Box<Foresight>>,
        first: usize,
    },
    /// Whether an order is to be cancelled.
    Cancel { id: Uuid, what: String },
}

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageTone {
    Plain,
    Good,
    Bad,
}

/// A message to the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenMessage {
    pub at: Timestamp,
    pub tone: MessageTone,
    pub text: String,
}

/// Whether a worker answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkStanding {
    /// At this address.
    Linked(String),
    /// Since this time none does, and why.
    Lost(Timestamp, String),
}

/// What the screen can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenLook {
    pub has_colour: bool,
    /// ASCII alone.
    pub is_plain: bool,
}

/// The state of the view.
#[derive(Debug, Clone)]
pub struct ViewState {
    pub account: Username,
    pub look: ScreenLook,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// The time by the local clock.
    pub now: Timestamp,
    pub link: LinkStanding,
    pub market: ServerInfo,
    pub list: ListName,
    /// The place in each list, in the order of [`ListName::ALL`].
    pub places: [ListPlace; 4],
    /// The chart that stands in place of the list.
    pub chart: Option<AssetChart>,
    pub assets: Vec<QuoteListRow>,
    /// The assets that the filter leaves, as indexes of `assets`, in their order on the screen.
    pub shown: Vec<usize>,
    pub filter: String,
    pub order: AssetOrder,
    pub is_descending: bool,
    /// A month's closes of assets, oldest first.
    pub closes: HashMap<Symbol, Vec<Money>>,
    /// The assets whose closes are on their way.
    pub closes_awaited: HashSet<Symbol>,
    pub summary: Option<OwnSummary>,
    pub open_orders: Vec<OpenOrder>,
    pub history: Vec<PageEntry>,
    pub is_history_whole: bool,
    pub is_history_awaited: bool,
    pub input: Option<InputLine>,
    pub popup: Option<ScreenPopup>,
    /// Oldest first.
    pub messages: VecDeque<ScreenMessage>,
    /// The order that is on its way to the server.
    pub sending: Option<OrderForm>,
    /// The orders whose end is to be told, with what is known of their side.
    pub awaited_ends: HashMap<Uuid, OpenValue<Side, u8>>,
    /// The orders whose end was told, oldest first.
    pub told_ends: VecDeque<Uuid>,
}

impl ViewState {
    /// A view of an account on a screen of this size, before anything but the market is known.
    pub fn new(
        account: Username,
        look: ScreenLook,
        size: (u16, u16),
        now: Timestamp,
        (address, market): (String, ServerInfo),
    ) -> ViewState {
        ViewState {
            account,
            look,
            size,
            now,
            link: LinkStanding::Linked(address),
            market,
            list: ListName::Assets,
            places: [ListPlace::default(); 4],
            chart: None,
            assets: Vec::new(),
            shown: Vec::new(),
            filter: String::new(),
            order: AssetOrder::Symbol,
            is_descending: false,
            closes: HashMap::new(),
            closes_awaited: HashSet::new(),
            summary: None,
            open_orders: Vec::new(),
            history: Vec::new(),
            is_history_whole: false,
            is_history_awaited: false,
            input: None,
            popup: None,
            messages: VecDeque::new(),
            sending: None,
            awaited_ends: HashMap::new(),
            told_ends: VecDeque::new(),
        }
    }

    /// The place in the list that is shown.
    pub fn place(&self) -> ListPlace {
        self.places[self.list as usize]
    }

    /// Moves to a row of the list that is shown, or to its nearest, and scrolls to it.
    pub fn choose(&mut self, row: usize) {
        let (count, rows) = (self.row_count(), self.visible_rows().max(1));
        let place = &mut self.places[self.list as usize];
        place.chosen = row.min(count.saturating_sub(1));
        place.first = place
            .first
            .clamp((place.chosen + 1).saturating_sub(rows), place.chosen)
            .min(count.saturating_sub(rows));
    }

    /// How many rows of the list there is room for on the screen.
    pub fn visible_rows(&self) -> usize {
        let parts = ScreenParts::of(self.size);
        parts.map_or(0, |parts| parts.list_rows(self.list.head_rows()))
    }

    /// How many rows the list that is shown has.
    pub fn row_count(&self) -> usize {
        match self.list {
            ListName::Assets => self.shown.len(),
            ListName::Portfolio => self.summary.as_ref().map_or(0, |it| it.positions.len()),
            ListName::Orders => self.open_orders.len(),
            ListName::History => self.history.len(),
        }
    }

    /// The asset of this symbol.
    pub fn asset(&self, symbol: Symbol) -> Option<&QuoteListRow> {
        let at = self.assets.binary_search_by(|row| row.symbol.cmp(&symbol));
        at.ok().and_then(|at| self.assets.get(at))
    }

    /// The asset of the row that is chosen, or of the chart.
    pub fn chosen_symbol(&self) -> Option<Symbol> {
        if let Some(chart) = &self.chart {
            return Some(chart.subject.symbol);
        }
        let row = self.place().chosen;
        match self.list {
            ListName::Assets => self
                .shown
                .get(row)
                .and_then(|at| self.assets.get(*at))
                .map(|asset| asset.symbol),
            ListName::Portfolio => {
                let positions = self.summary.as_ref().map(|it| &it.positions);
                positions.and_then(|it| it.get(row)).map(|it| it.symbol)
            }
            ListName::Orders => self.open_orders.get(row).map(|it| it.symbol),
            ListName::History => self
                .history
                .get(row)
                .map(|it| it.symbol)
                .filter(|symbol| *symbol != Symbol::NONE),
        }
    }

    /// Says something to the person.
    pub fn say(&mut self, tone: MessageTone, text: impl Into<String>) {
        self.messages.push_back(ScreenMessage {
            at: self.now,
            tone,
            text: text.into(),
        });
        while self.messages.len() > MESSAGES_KEPT_MAX {
            self.messages.pop_front();
        }
    }

    /// Filters and sorts the assets anew. The asset that is chosen stays so, if it is still there.
    pub fn arrange_assets(&mut self) {
        let chosen = self.places[ListName::Assets as usize].chosen;
        let chosen = self.shown.get(chosen).and_then(|at| self.assets.get(*at));
        let chosen = chosen.map(|asset| asset.symbol);
        self.arrange_assets_around(chosen);
    }

    /// As [`ViewState::arrange_assets`], where this asset is the one that is chosen.
    pub fn arrange_assets_around(&mut self, chosen: Option<Symbol>) {
        let part = self.filter.to_lowercase();
        let fits = |asset: &QuoteListRow| {
            part.is_empty()
                || asset.symbol.as_str().to_lowercase().contains(&part)
                || asset.name.to_lowercase().contains(&part)
        };
        let assets = &self.assets;
        let mut shown: Vec<usize> = (0..assets.len()).filter(|at| fits(&assets[*at])).collect();
        match self.order {
            AssetOrder::Symbol => {}
            AssetOrder::Price => {
                shown.sort_by_key(|at| assets[*at].quote.map(|quote| quote.value));
            }
            AssetOrder::Change => shown.sort_by_key(|at| change_points(&assets[*at])),
        }
        if self.is_descending {
            shown.reverse();
        }
        self.shown = shown;
        let is_chosen = |at: &usize| Some(self.assets[*at].symbol) == chosen;
        let row = self.shown.iter().position(is_chosen).unwrap_or(0);
        let list = std::mem::replace(&mut self.list, ListName::Assets);
        self.choose(row);
        self.list = list;
    }
}

/// The day's change of an asset: the price less the previous day's close.
pub fn day_change(asset: &QuoteListRow) -> Option<(Money, Money)> {
    let (quote, close) = (asset.quote?, asset.previous_close?);
    Some((Money(quote.value.0.saturating_sub(close.0)), close))
}

/// The day's change in millionths of the previous day's close.
fn change_points(asset: &QuoteListRow) -> Option<i128> {
    let (change, close) = day_change(asset)?;
    (close != Money::ZERO).then(|| i128::from(change.0) * 1_000_000 / i128::from(close.0))
}
