//! spec/cli/papertrader/tui.md · 4.1, 3.1.7
//!
//! What the full-screen view learns from its network thread.
//!
//! Tests: `src/cli/papertrader/tui/update/tests.rs`.

use super::{ViewEffect, ask_chart};
use crate::cli::papertrader::commands::estimate::Foresight;
use crate::cli::papertrader::tui::layout::ListName;
use crate::cli::papertrader::tui::news::{ChartSubject, NetworkNews};
use crate::cli::papertrader::tui::state::{
    ChartBars, ENDS_REMEMBERED_MAX, HISTORY_KEPT_MAX, LinkStanding, MessageTone, ScreenPopup,
    ViewState,
};
use crate::cli::papertrader::tui::words::{
    form_words, has_ended, link_words, notice_words, placed_words, receipt_lines, row_end_words,
};
use crate::client::{OrderForm, PlacedOrder};
use crate::model::{Bar, Money, TransactionStatus};
use crate::wire::payload::{OpenOrder, OwnSummary, PageEntry, PositionSummary, QuoteListRow};
use crate::wire::reply::OrderNotice;
use std::collections::HashMap;
use uuid::Uuid;

/// Where the ends of more orders than this are awaited, those of orders that are not open any more
/// are forgotten: the newest rows of the history do not tell them.
const AWAITED_ENDS_MAX: usize = 20_000;
/// The most closes of a sparkline.
const CLOSES_MAX: usize = 31;

/// Takes news in.
pub fn learn(state: &mut ViewState, news: NetworkNews) -> Vec<ViewEffect> {
    match news {
        NetworkNews::Linked(address) => return linked(state, address),
        NetworkNews::Lost(why) => {
            if let LinkStanding::Linked(_) = state.link {
                state.link = LinkStanding::Lost(state.now, why);
            }
        }
        NetworkNews::Market(market) => state.market = market,
        NetworkNews::Quotes(list) => return learn_quotes(state, list.rows),
        NetworkNews::Summary(summary) => learn_summary(state, *summary),
        NetworkNews::OpenOrders(orders) => learn_open_orders(state, orders),
        NetworkNews::History(rows, is_whole) => learn_history(state, rows, is_whole),
        NetworkNews::OlderHistory(before, rows) => learn_older(state, before, rows),
        NetworkNews::Chart(subject, bars) => learn_chart(state, subject, bars),
        NetworkNews::Closes(symbol, closes) => {
            state.closes_awaited.remove(&symbol);
            state.closes.insert(symbol, closes);
        }
        NetworkNews::Receipt(id, lines) => learn_receipt(state, id, lines),
        NetworkNews::Foreseen(form, told) => learn_foresight(state, form, Ok(told)),
        NetworkNews::Unforeseen(form, why) => learn_foresight(state, form, Err(why)),
        NetworkNews::Placed(form, placed) => learn_placed(state, &form, &placed),
        NetworkNews::Refused(form, why) => {
            state.sending = None;
            let told = format!("not sent or refused: {}: {why}", form_words(&form));
            state.say(MessageTone::Bad, told);
        }
        NetworkNews::Unknown(form, why) => {
            state.sending = None;
            let order = form_words(&form);
            let told = format!("{order}: whether it was traded the history tells: {why}");
            state.say(MessageTone::Bad, told);
        }
        NetworkNews::Cancelled(Ok(())) => state.say(MessageTone::Plain, "the order is cancelled"),
        NetworkNews::Cancelled(Err(why)) => {
            state.say(MessageTone::Bad, format!("not cancelled: {why}"));
        }
        NetworkNews::Ended(notice) => learn_end(state, &notice),
        // The loop leaves.
        NetworkNews::Failed(_) => return vec![ViewEffect::Leave],
    }
    Vec::new()
}

fn learn_summary(state: &mut ViewState, summary: OwnSummary) {
    let chosen = state.places[ListName::Portfolio as usize].chosen;
    let before = state.summary.as_ref().map(|it| &it.positions);
    let chosen = before.and_then(|it| it.get(chosen)).map(|it| it.symbol);
    let is_chosen = |it: &PositionSummary| Some(it.symbol) == chosen;
    let at = summary.positions.iter().position(is_chosen);
    state.summary = Some(summary);
    keep_chosen(state, ListName::Portfolio, at);
}

fn learn_open_orders(state: &mut ViewState, orders: Vec<OpenOrder>) {
    let chosen = state.places[ListName::Orders as usize].chosen;
    let chosen = state.open_orders.get(chosen).map(|it| it.id);
    let at = orders.iter().position(|it| Some(it.id) == chosen);
    if state.awaited_ends.len() > AWAITED_ENDS_MAX {
        state.awaited_ends.clear();
    }
    for order in &orders {
        state.awaited_ends.insert(order.id, order.side);
    }
    state.open_orders = orders;
    keep_chosen(state, ListName::Orders, at);
}

fn learn_receipt(state: &mut ViewState, id: Uuid, lines: Result<Vec<(String, String)>, String>) {
    match lines {
        Ok(lines) => {
            state.popup = Some(ScreenPopup::Text {
                title: format!("Receipt of {}", id.hyphenated()),
                lines: receipt_lines(&lines),
                first: 0,
            });
        }
        Err(why) => state.say(MessageTone::Bad, why),
    }
}

fn learn_foresight(state: &mut ViewState, form: OrderForm, told: Result<Box<Foresight>, String>) {
    if !is_asked_about(state, &form) {
        return;
    }
    match told {
        Ok(told) => {
            state.popup = Some(ScreenPopup::Order {
                form,
                told: Some(told),
                first: 0,
            });
        }
        Err(why) => {
            state.popup = None;
            state.say(MessageTone::Bad, format!("no order was sent: {why}"));
        }
    }
}

fn learn_placed(state: &mut ViewState, form: &OrderForm, placed: &PlacedOrder) {
    state.sending = None;
    if !has_ended(placed.status.known()) {
        state.awaited_ends.insert(placed.id, form.side.into());
    }
    let told = placed_words(form, placed, &state.market);
    state.say(MessageTone::Good, told);
}

/// Chooses a row of a list that is here anew.
fn keep_chosen(state: &mut ViewState, of: ListName, at: Option<usize>) {
    let row = at.unwrap_or(state.places[of as usize].chosen);
    let shown = std::mem::replace(&mut state.list, of);
    state.choose(row);
    state.list = shown;
}

/// Whether the person is being asked about this order, whose ID may be new.
fn is_asked_about(state: &ViewState, form: &OrderForm) -> bool {
    let Some(ScreenPopup::Order {
        form: asked,
        told: None,
        ..
    }) = &state.popup
    else {
        return false;
    };
    let id = form.id.clone();
    OrderForm {
        id,
        ..asked.clone()
    } == *form
}

/// After a loss, what was on its way does not come any more, and is asked for again.
fn linked(state: &mut ViewState, address: String) -> Vec<ViewEffect> {
    let before = std::mem::replace(&mut state.link, LinkStanding::Linked(address));
    if let LinkStanding::Linked(_) = before {
        return Vec::new();
    }
    let told = link_words(&state.link, state.now);
    state.say(MessageTone::Good, told);
    state.closes_awaited.clear();
    state.is_history_awaited = false;
    match state.chart.take() {
        Some(chart) => ask_chart(state, chart.subject, chart.bars),
        None => Vec::new(),
    }
}

fn learn_quotes(state: &mut ViewState, assets: Vec<QuoteListRow>) -> Vec<ViewEffect> {
    let place = state.places[ListName::Assets as usize];
    let chosen = state.shown.get(place.chosen);
    let chosen = chosen
        .and_then(|at| state.assets.get(*at))
        .map(|it| it.symbol);
    let before: HashMap<_, _> = state
        .assets
        .iter()
        .filter_map(|asset| Some((asset.symbol, asset.quote?)))
        .collect();
    for asset in &assets {
        let (Some(closes), Some(quote)) = (state.closes.get_mut(&asset.symbol), asset.quote) else {
            continue;
        };
        let is_new_day = before
            .get(&asset.symbol)
            .is_some_and(|earlier| earlier.time.day() < quote.time.day());
        extend_closes(closes, quote.value, is_new_day);
    }
    state.assets = assets;
    state.arrange_assets_around(chosen);
    let Some(chart) = &state.chart else {
        return Vec::new();
    };
    let quote = state.asset(chart.subject.symbol).and_then(|it| it.quote);
    let is_newer = quote.is_some_and(|quote| quote.time > chart.asked);
    if !is_newer || chart.is_awaited {
        return Vec::new();
    }
    let (subject, bars) = (chart.subject, chart.bars.clone());
    ask_chart(state, subject, bars)
}

/// Takes the latest price into a month's closes: it is that of the last day, or of a new one.
fn extend_closes(closes: &mut Vec<Money>, price: Money, is_new_day: bool) {
    match closes.last_mut() {
        Some(last) if !is_new_day => *last = price,
        Some(_) | None => closes.push(price),
    }
    if closes.len() > CLOSES_MAX {
        closes.remove(0);
    }
}

fn learn_chart(state: &mut ViewState, subject: ChartSubject, bars: Result<Vec<Bar>, String>) {
    let Some(chart) = &mut state.chart else {
        return;
    };
    if chart.subject != subject {
        return;
    }
    chart.is_awaited = false;
    match (bars, &chart.bars) {
        (Ok(bars), _) => chart.bars = ChartBars::Known(bars),
        // What is there stays.
        (Err(_), ChartBars::Known(_)) => {}
        (Err(why), ChartBars::Awaited | ChartBars::Refused(_)) => {
            chart.bars = ChartBars::Refused(why);
        }
    }
}

/// Takes the newest rows in, and tells of orders among them that have ended meanwhile.
fn learn_history(state: &mut ViewState, rows: Vec<PageEntry>, is_whole: bool) {
    let chosen = state.places[ListName::History as usize].chosen;
    // Who stands at the newest row stays there.
    let chosen = Some(chosen).filter(|at| *at > 0);
    let chosen = chosen
        .and_then(|at| state.history.get(at))
        .map(|row| row.id);
    for row in &rows {
        if has_ended(row.status.known()) && state.awaited_ends.remove(&row.id).is_some() {
            tell_end(
                state,
                row.id,
                tone_of(row.status.known()),
                row_end_words(row),
            );
        }
    }
    let oldest = rows.last().map(|row| row.id);
    let newest_before = state.history.first().map(|row| row.id);
    if is_whole || newest_before < oldest {
        // These are all, or others lie between them and those that were here.
        state.history = rows;
        state.is_history_whole = is_whole;
    } else {
        let kept = state.history.drain(..).filter(|row| Some(row.id) < oldest);
        state.history = rows.into_iter().chain(kept).collect();
    }
    let at = state.history.iter().position(|row| Some(row.id) == chosen);
    keep_chosen(state, ListName::History, at.or(Some(0)));
}

fn learn_older(state: &mut ViewState, before: Uuid, rows: Result<(Vec<PageEntry>, bool), String>) {
    state.is_history_awaited = false;
    let (rows, is_whole) = match rows {
        Ok(told) => told,
        Err(why) => return state.say(MessageTone::Bad, why),
    };
    if state.history.last().map(|row| row.id) != Some(before) {
        return;
    }
    state.history.extend(rows);
    state.history.truncate(HISTORY_KEPT_MAX);
    state.is_history_whole = is_whole || state.history.len() >= HISTORY_KEPT_MAX;
    keep_chosen(state, ListName::History, None);
}

/// An order has ended: its row is as the notice says, and the person is told.
fn learn_end(state: &mut ViewState, notice: &OrderNotice) {
    let side = state.awaited_ends.remove(&notice.id);
    if let (Some(row), Some(status)) = (
        state.history.iter_mut().find(|row| row.id == notice.id),
        notice.status.known(),
    ) {
        row.status = status.into();
        row.settled = notice.time;
        if let Some(detail) = &mut row.detail {
            detail.entry.quantity = notice.quantity;
            detail.entry.price = notice.price.unwrap_or_default();
            detail.entry.total = notice.total.unwrap_or_default();
            detail.entry.reason.clone_from(&notice.reason);
        }
    }
    let told = notice_words(notice, side);
    tell_end(state, notice.id, tone_of(notice.status.known()), told);
}

fn tone_of(status: Option<TransactionStatus>) -> MessageTone {
    match status {
        Some(TransactionStatus::Settled) => MessageTone::Good,
        Some(TransactionStatus::Rejected) => MessageTone::Bad,
        Some(
            TransactionStatus::Cancelled
            | TransactionStatus::Expired
            | TransactionStatus::Queued
            | TransactionStatus::Open,
        )
        | None => MessageTone::Plain,
    }
}

/// Tells the end of an order, once.
fn tell_end(state: &mut ViewState, id: Uuid, tone: MessageTone, text: String) {
    if state.told_ends.contains(&id) {
        return;
    }
    state.told_ends.push_back(id);
    while state.told_ends.len() > ENDS_REMEMBERED_MAX {
        state.told_ends.pop_front();
    }
    state.say(tone, text);
}
