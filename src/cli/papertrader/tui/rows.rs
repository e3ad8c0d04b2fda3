//! spec/cli/papertrader/tui.md · 4.6.8, 4.6.15, 4.6.16, 3.1.7
//!
//! The rows of the full-screen view's lists, as texts.
//!
//! Tests: `src/cli/papertrader/tui/draw/tests.rs`.

use super::layout::ListName;
use super::state::{ViewState, day_change};
use super::words::{price_words, status_words};
use crate::cli::papertrader::commands::order_words::in_force_words;
use crate::cli::papertrader::outcome_words::reason_words;
use crate::cli::table;
use crate::model::{Money, OpenValue, Symbol, Timestamp, TransactionStatus};
use crate::wire::payload::{OpenOrder, OwnSummary, PageEntry, PositionSummary, QuoteListRow};

/// Columns of a sparkline on a screen of 80 columns and more, and of fewer.
const SPARKLINE_COLUMNS: [usize; 2] = [20, 10];
/// The steps of a sparkline from low to high, and in ASCII.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PLAIN_STEPS: [char; 8] = ['_', '.', ',', '-', '~', '=', '+', '#'];

/// What a text says beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellTone {
    Plain,
    Gain,
    Loss,
    Quiet,
}

impl CellTone {
    /// The tone of a gain or a loss.
    pub fn of(change: Money) -> CellTone {
        match change.0 {
            0 => CellTone::Plain,
            1.. => CellTone::Gain,
            i64::MIN..=-1 => CellTone::Loss,
        }
    }
}

/// A text of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCell {
    pub text: String,
    pub tone: CellTone,
}

impl ListCell {
    fn plain(text: impl Into<String>) -> ListCell {
        let tone = CellTone::Plain;
        let text = text.into();
        ListCell { text, tone }
    }

    fn quiet(text: impl Into<String>) -> ListCell {
        let tone = CellTone::Quiet;
        ListCell {
            tone,
            ..ListCell::plain(text)
        }
    }

    fn gain(change: Money, text: String) -> ListCell {
        let tone = CellTone::of(change);
        ListCell { text, tone }
    }
}

/// A column of a list.
#[derive(Debug, Clone, Copy)]
pub struct ListColumn {
    pub heading: &'static str,
    /// Whether its texts end below each other.
    pub is_number: bool,
    /// Where the screen is too narrow, the column of the highest rank goes first. One of rank 0
    /// stays.
    pub rank: u8,
}

const fn text(heading: &'static str, rank: u8) -> ListColumn {
    ListColumn {
        heading,
        is_number: false,
        rank,
    }
}

const fn number(heading: &'static str, rank: u8) -> ListColumn {
    ListColumn {
        heading,
        is_number: true,
        rank,
    }
}

/// The columns of a list.
pub fn columns(list: ListName) -> &'static [ListColumn] {
    match list {
        ListName::Assets => {
            const {
                &[
                    text("symbol", 0),
                    number("price", 0),
                    number("day", 3),
                    number("day %", 0),
                    text("month", 1),
                    text("name", 2),
                    number("low", 5),
                    number("high", 5),
                    number("volume", 6),
                    text("at (UTC)", 4),
                ]
            }
        }
        ListName::Portfolio => {
            const {
                &[
                    text("symbol", 0),
                    number("units", 2),
                    number("value", 0),
                    number("profit", 0),
                    number("in %", 1),
                    number("cost", 3),
                    number("day", 4),
                    number("realised", 5),
                    number("promised", 6),
                ]
            }
        }
        ListName::Orders => {
            const {
                &[
                    text("side", 0),
                    number("units", 0),
                    text("symbol", 0),
                    text("price", 0),
                    text("in force", 3),
                    number("held back", 2),
                    text("state", 1),
                    text("since (UTC)", 4),
                ]
            }
        }
        ListName::History => {
            const {
                &[
                    text("side", 0),
                    number("units", 1),
                    text("symbol", 0),
                    number("price", 2),
                    number("total", 1),
                    text("status", 0),
                    text("at (UTC)", 3),
                    number("fee", 5),
                    text("ordered", 4),
                ]
            }
        }
    }
}

/// The texts of a row of the list that is shown, in the order of its columns.
pub fn cells(state: &ViewState, row: usize) -> Option<Vec<ListCell>> {
    match state.list {
        ListName::Assets => {
            let asset = state.assets.get(*state.shown.get(row)?)?;
            Some(asset_cells(state, asset))
        }
        ListName::Portfolio => {
            let position = state.summary.as_ref()?.positions.get(row)?;
            Some(position_cells(position))
        }
        ListName::Orders => state.open_orders.get(row).map(order_cells),
        ListName::History => state.history.get(row).map(history_cells),
    }
}

fn none() -> ListCell {
    ListCell::quiet(table::NONE)
}

fn money(value: Option<Money>) -> ListCell {
    value.map_or_else(none, |it| ListCell::plain(table::money(it)))
}

/// A gain, and what it is in percent of something.
fn gain(change: Option<(Money, Money)>) -> [ListCell; 2] {
    let Some((change, of)) = change else {
        return [none(), none()];
    };
    [
        ListCell::gain(change, table::profit(change)),
        ListCell::gain(change, table::signed_percent(change, of)),
    ]
}

fn asset_cells(state: &ViewState, asset: &QuoteListRow) -> Vec<ListCell> {
    let [change, percent] = gain(day_change(asset));
    let price = asset.quote.map(|quote| quote.value);
    let is_narrow = state.size.0 < 80;
    let width = SPARKLINE_COLUMNS[usize::from(is_narrow)];
    let closes = state
        .closes
        .get(&asset.symbol)
        .map_or(&[][..], Vec::as_slice);
    let tone = match (closes.first(), closes.last()) {
        (Some(first), Some(last)) => CellTone::of(Money(last.0.saturating_sub(first.0))),
        (_, _) => CellTone::Quiet,
    };
    let name = match (asset.name.as_str(), asset.is_halted()) {
        (name, false) => name.to_owned(),
        ("", true) => "halted".to_owned(),
        (name, true) => format!("{name} (halted)"),
    };
    let day = asset.day.as_ref();
    vec![
        ListCell::plain(asset.symbol.as_str()),
        money(price),
        change,
        percent,
        ListCell {
            text: sparkline(closes, width, state.look.is_plain),
            tone,
        },
        ListCell::plain(name),
        money(day.map(|day| day.low)),
        money(day.map(|day| day.high)),
        ListCell::plain(day.map_or(String::new(), |day| grouped(day.volume))),
        asset
            .quote
            .map_or_else(none, |quote| ListCell::quiet(table::moment(quote.time))),
    ]
}

/// A whole number with thousands separators.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Values as a line of steps from their lowest to their highest, at most so wide. Of more values
/// the latest of each column counts.
pub fn sparkline(values: &[Money], width: usize, is_plain: bool) -> String {
    let steps = if is_plain { PLAIN_STEPS } else { STEPS };
    let (Some(low), Some(high)) = (values.iter().min(), values.iter().max()) else {
        return String::new();
    };
    let columns = values.len().min(width);
    let at = |column: usize| ((column + 1) * values.len() / columns.max(1)).saturating_sub(1);
    let drawn = (0..columns).filter_map(|column| values.get(at(column)));
    let span = i128::from(high.0) - i128::from(low.0);
    let step = |value: &Money| {
        let rise = i128::from(value.0) - i128::from(low.0);
        // A flat line is drawn in the middle.
        let step = (rise * 7 + span / 2).checked_div(span).unwrap_or(3);
        usize::try_from(step).ok().and_then(|it| steps.get(it))
    };
    drawn.filter_map(step).collect()
}

fn position_cells(position: &PositionSummary) -> Vec<ListCell> {
    let value = Some(position.value).filter(|value| *value != Money::ZERO);
    let profit = value.map(|value| Money(value.0.saturating_sub(position.cost.0)));
    let [profit, percent] = gain(profit.map(|profit| (profit, position.cost)));
    let before = Some(position.previous_close).filter(|close| *close != Money::ZERO);
    let before = before.and_then(|close| position.units.worth_at(close));
    let day = value.zip(before);
    let day = day.map(|(value, before)| (Money(value.0.saturating_sub(before.0)), before));
    let [day, _] = gain(day);
    let realised = position.realised;
    let promised = match position.promised.0 {
        0 => none(),
        _ => ListCell::plain(table::amount(position.promised)),
    };
    vec![
        ListCell::plain(position.symbol.as_str()),
        ListCell::plain(table::amount(position.units)),
        money(value),
        profit,
        percent,
        money(Some(position.cost)),
        day,
        ListCell::gain(realised, table::profit(realised)),
        promised,
    ]
}

/// What stands above the positions: two lines of names and values.
pub fn summary_lines(summary: &OwnSummary) -> [Vec<(&'static str, ListCell)>; 2] {
    let plain = |value: Money| ListCell::plain(table::money(value));
    let signed = |value: Money| ListCell::gain(value, table::profit(value));
    [
        vec![
            ("worth", plain(summary.equity)),
            ("day", signed(summary.day_change)),
            ("positions", signed(summary.unrealised)),
            ("realised", signed(summary.realised)),
            ("fees", plain(summary.fees)),
        ],
        vec![
            ("cash", plain(summary.cash)),
            ("held back", plain(summary.reserved)),
            ("buying power", plain(summary.buying_power)),
        ],
    ]
}

fn order_cells(order: &OpenOrder) -> Vec<ListCell> {
    let units = match order.order.cash {
        Some(cash) => format!("for {}", table::money(cash)),
        None => table::amount(order.quantity),
    };
    let reserve = Some(order.reserve).filter(|reserve| *reserve != Money::ZERO);
    let state = match order.status.known() {
        Some(TransactionStatus::Queued) => "next update",
        Some(_) | None if order.is_triggered => "stop reached",
        Some(_) | None => "waits",
    };
    vec![
        ListCell::plain(order.side.to_string()),
        ListCell::plain(units),
        ListCell::plain(order.symbol.as_str()),
        ListCell::plain(price_words(&order.order, order.is_triggered)),
        order
            .order
            .time_in_force
            .map_or_else(none, |time| ListCell::plain(in_force_words(time))),
        money(reserve),
        ListCell::plain(state),
        ListCell::quiet(table::moment(order.accepted)),
    ]
}

fn history_cells(row: &PageEntry) -> Vec<ListCell> {
    let detail = row.detail.as_ref();
    let entry = detail.map(|detail| &detail.entry);
    let is_settled = row.status == TransactionStatus::Settled;
    let is_act = row.symbol == Symbol::NONE;
    let filled = entry.filter(|_| is_settled);
    let priced = filled.filter(|_| !is_act);
    let cause = detail.map_or("", |detail| detail.cause.as_str());
    let side = match (is_act, cause) {
        (true, "") => "cash".to_owned(),
        (true, cause) => cause.to_owned(),
        (false, _) => row.side.to_string(),
    };
    let cash = detail.and_then(|detail| detail.order.cash);
    let units = entry.filter(|it| it.quantity.0 != 0 && !is_act);
    let units = match (units, cash) {
        (Some(entry), _) => ListCell::plain(table::amount(entry.quantity)),
        (None, Some(cash)) => ListCell::plain(format!("for {}", table::money(cash))),
        (None, None) => none(),
    };
    let symbol = if is_act {
        none()
    } else {
        ListCell::plain(row.symbol.as_str())
    };
    // Where no row has a fee, or an order with a price, there is no column for it.
    let fee = detail.map(|detail| detail.fee);
    let fee = fee.filter(|fee| *fee != Money::ZERO);
    let terms = detail.map(|it| &it.order).filter(|it| {
        let has_price = it.limit.is_some() || it.stop.is_some();
        has_price && !is_act
    });
    let terms = terms.map(|terms| price_words(terms, false));
    let at = if row.settled == Timestamp(0) {
        row.accepted
    } else {
        row.settled
    };
    vec![
        ListCell::plain(side),
        units,
        symbol,
        money(priced.map(|entry| entry.price)),
        money(filled.map(|entry| entry.total)),
        status_cell(row),
        ListCell::quiet(table::moment(at)),
        ListCell::plain(fee.map_or(String::new(), table::money)),
        ListCell::quiet(terms.unwrap_or_default()),
    ]
}

fn status_cell(row: &PageEntry) -> ListCell {
    let reason = row.detail.as_ref().and_then(|it| it.entry.reason.as_ref());
    let status: OpenValue<TransactionStatus, u8> = row.status;
    let tone = match status.known() {
        Some(TransactionStatus::Settled) => CellTone::Plain,
        Some(TransactionStatus::Rejected) => CellTone::Loss,
        Some(
            TransactionStatus::Cancelled
            | TransactionStatus::Expired
            | TransactionStatus::Queued
            | TransactionStatus::Open,
        )
        | None => CellTone::Quiet,
    };
    let text = match status.known() {
        Some(TransactionStatus::Queued | TransactionStatus::Open) => "open".to_owned(),
        // The tone says that it was rejected, and the reason says it without colours.
        Some(TransactionStatus::Rejected) => {
            reason.map_or_else(|| "rejected".to_owned(), reason_words)
        }
        known => status_words(known, reason),
    };
    ListCell { text, tone }
}
