//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! What keys, the mouse and news make of the view's state.

use super::super::layout::{ListName, popup_room};
use super::super::news::{ChartRange, ChartSubject, NetworkNews, NetworkRequest};
use super::super::state::{
    AssetOrder, ChartBars, INPUT_CHARACTERS_MAX, LinkStanding, MESSAGES_KEPT_MAX, ScreenPopup,
    ViewState,
};
use super::super::testing::{
    at, bars, open_order, press, quotes, row, state, summary, symbol, type_text,
};
use super::super::words::popup_lines;
use super::{ViewEffect, ViewEvent, update};
use crate::cli::papertrader::commands::estimate::{Edition, Foresight};
use crate::client::{OrderForm, PlacedOrder};
use crate::model::{ClientOrderId, Money, OrderTerms, Quantity, Side, TransactionStatus};
use crate::wire::reply::OrderNotice;
use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use uuid::Uuid;

fn learn(state: &mut ViewState, news: NetworkNews) -> Vec<ViewEffect> {
    update(state, ViewEvent::News(news))
}

fn shown(state: &ViewState) -> Vec<&str> {
    let symbol = |at: &usize| state.assets[*at].symbol.as_str();
    state.shown.iter().map(symbol).collect()
}

fn last(state: &ViewState) -> &str {
    state.messages.back().map_or("", |it| it.text.as_str())
}

fn click(state: &mut ViewState, column: u16, row: u16) -> Vec<ViewEffect> {
    mouse(state, MouseEventKind::Down(MouseButton::Left), column, row)
}

fn mouse(state: &mut ViewState, kind: MouseEventKind, column: u16, row: u16) -> Vec<ViewEffect> {
    let modifiers = KeyModifiers::NONE;
    let event = MouseEvent {
        kind,
        column,
        row,
        modifiers,
    };
    update(state, ViewEvent::Mouse(event))
}

fn foresight() -> Box<Foresight> {
    Box::new(Foresight {
        edition: Edition::Second,
        is_paused: false,
        market_time: None,
        has_price: true,
        estimate: None,
    })
}

fn asked(effects: &[ViewEffect]) -> &NetworkRequest {
    match effects {
        [ViewEffect::Ask(request), ..] => request,
        other => panic!("{other:?}"),
    }
}

/// Types an order line up to its question. The order with its ID.
fn question(state: &mut ViewState, line: &str) -> OrderForm {
    type_text(state, line);
    let effects = press(state, KeyCode::Enter);
    let NetworkRequest::Foresee(form) = asked(&effects) else {
        panic!("{effects:?}");
    };
    let form = OrderForm {
        id: ClientOrderId::parse("desk-1").ok(),
        ..form.clone()
    };
    learn(state, NetworkNews::Foreseen(form.clone(), foresight()));
    form
}

#[test]
fn the_filter_holds_as_it_is_typed_and_escape_takes_it_away() {
    let mut state = state();
    type_text(&mut state, "/oo");
    assert_eq!(shown(&state), ["GOOG"], "a symbol");
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::Backspace);
    type_text(&mut state, "apple");
    assert_eq!(shown(&state), ["AAPL"], "a name");
    press(&mut state, KeyCode::Enter);
    assert!(state.input.is_none());
    assert_eq!(shown(&state), ["AAPL"]);
    press(&mut state, KeyCode::Esc);
    assert_eq!(shown(&state).len(), 4);
    let at_once = KeyEvent::new(KeyCode::Char('p'), KeyModifiers::ALT);
    type_text(&mut state, "/zzz");
    update(&mut state, ViewEvent::Key(at_once));
    assert_eq!(
        (state.filter.as_str(), state.list),
        ("", ListName::Portfolio)
    );
    type_text(&mut state, "/zzz");
    assert!(shown(&state).is_empty());
    assert!(press(&mut state, KeyCode::Enter).is_empty());
    assert!(
        press(&mut state, KeyCode::Enter).is_empty(),
        "nothing to open"
    );
    press(&mut state, KeyCode::Esc);
    assert_eq!(state.filter, "");
}

#[test]
fn assets_are_sorted_and_the_chosen_one_stays_chosen() {
    let mut state = state();
    press(&mut state, KeyCode::Down);
    press(&mut state, KeyCode::Down);
    assert_eq!(state.chosen_symbol(), Some(symbol("GOOG")));
    press(&mut state, KeyCode::Char('t'));
    assert_eq!(state.order, AssetOrder::Price);
    assert_eq!(shown(&state), ["FB", "IBM", "AAPL", "GOOG"]);
    press(&mut state, KeyCode::Char('r'));
    assert_eq!(shown(&state), ["GOOG", "AAPL", "IBM", "FB"]);
    press(&mut state, KeyCode::Char('t'));
    assert_eq!(
        shown(&state),
        ["AAPL", "IBM", "GOOG", "FB"],
        "the day's change"
    );
    assert_eq!(state.chosen_symbol(), Some(symbol("GOOG")));
    let mut list = quotes();
    list.rows.remove(0);
    learn(&mut state, NetworkNews::Quotes(list));
    assert_eq!(
        state.chosen_symbol(),
        Some(symbol("GOOG")),
        "after news too"
    );
}

#[test]
fn lists_scroll_to_what_is_chosen() {
    let mut state = state();
    let orders = (1..=100).map(|id| open_order(id, "IBM")).collect();
    learn(&mut state, NetworkNews::OpenOrders(orders));
    press(&mut state, KeyCode::Char('o'));
    press(&mut state, KeyCode::End);
    let rows = state.visible_rows();
    assert_eq!(
        (state.place().chosen, state.place().first),
        (99, 100 - rows)
    );
    press(&mut state, KeyCode::Up);
    assert_eq!(
        (state.place().chosen, state.place().first),
        (98, 100 - rows)
    );
    press(&mut state, KeyCode::Home);
    press(&mut state, KeyCode::PageDown);
    assert!(state.place().chosen > 10 && state.place().first == 0);
    mouse(&mut state, MouseEventKind::ScrollDown, 3, 3);
    let chosen = state.place().chosen;
    update(&mut state, ViewEvent::Resized(80, 12));
    assert_eq!(state.place().chosen, chosen);
    assert!(state.place().first > 0, "it is on the smaller screen too");
    learn(
        &mut state,
        NetworkNews::OpenOrders(vec![open_order(1, "IBM")]),
    );
    assert_eq!((state.place().chosen, state.place().first), (0, 0));
    learn(&mut state, NetworkNews::OpenOrders(Vec::new()));
    assert!(press(&mut state, KeyCode::Down).is_empty());
    press(&mut state, KeyCode::Char('c'));
    assert!(state.popup.is_none(), "there is nothing to cancel");
}

#[test]
fn a_chart_has_five_ranges_and_follows_the_price() {
    let mut state = state();
    let effects = press(&mut state, KeyCode::Enter);
    let month = ChartSubject {
        symbol: symbol("AAPL"),
        range: ChartRange::Month,
        is_adjusted: true,
    };
    let end = at("2012-03-01");
    assert_eq!(asked(&effects), &NetworkRequest::Chart(month, end));
    let told = NetworkNews::Chart(month, Ok(bars(&[1, 2])));
    learn(&mut state, told);
    for (key, range) in [
        (KeyCode::Char('1'), ChartRange::Day),
        (KeyCode::Right, ChartRange::Week),
        (KeyCode::Char('5'), ChartRange::All),
        (KeyCode::Left, ChartRange::Year),
    ] {
        let effects = press(&mut state, key);
        let subject = ChartSubject { range, ..month };
        assert_eq!(asked(&effects), &NetworkRequest::Chart(subject, end));
    }
    let raw = ChartSubject {
        range: ChartRange::Year,
        is_adjusted: false,
        ..month
    };
    let effects = press(&mut state, KeyCode::Char('d'));
    assert_eq!(asked(&effects), &NetworkRequest::Chart(raw, end));
    // An answer to an earlier question comes late.
    learn(&mut state, NetworkNews::Chart(month, Ok(bars(&[1]))));
    let chart = |state: &ViewState| state.chart.clone().unwrap();
    assert_eq!(chart(&state).bars, ChartBars::Awaited);
    learn(&mut state, NetworkNews::Chart(raw, Ok(bars(&[3]))));
    let mut list = quotes();
    list.rows[0].quote.as_mut().unwrap().time = at("2012-03-02");
    let effects = learn(&mut state, NetworkNews::Quotes(list));
    let next = NetworkRequest::Chart(raw, at("2012-03-02"));
    assert_eq!(asked(&effects), &next);
    assert_eq!(
        chart(&state).bars,
        ChartBars::Known(bars(&[3])),
        "it stays meanwhile"
    );
    learn(&mut state, NetworkNews::Chart(raw, Err("busy".to_owned())));
    assert_eq!(chart(&state).bars, ChartBars::Known(bars(&[3])));
    // The next asset has had no price.
    assert!(press(&mut state, KeyCode::Down).is_empty());
    assert!(matches!(chart(&state).bars, ChartBars::Refused(_)));
    press(&mut state, KeyCode::Esc);
    assert!(state.chart.is_none());
}

#[test]
fn the_mouse_chooses_opens_and_scrolls_and_answers_no_question() {
    let mut state = state();
    assert!(click(&mut state, 5, 5).is_empty());
    assert_eq!(state.chosen_symbol(), Some(symbol("GOOG")));
    let effects = click(&mut state, 5, 5);
    assert!(matches!(asked(&effects), NetworkRequest::Chart(..)));
    let effects = click(&mut state, 1, 3);
    let NetworkRequest::Chart(subject, _) = asked(&effects) else {
        panic!("{effects:?}")
    };
    assert_eq!(subject.range, ChartRange::Day);
    click(&mut state, 10, 1);
    assert_eq!(
        (state.list, state.chart.is_none()),
        (ListName::Portfolio, true)
    );
    assert!(click(&mut state, 3, 2).is_empty(), "above the positions");
    assert!(click(&mut state, 3, 15).is_empty(), "below them");
    let effects = click(&mut state, 3, 5);
    assert!(matches!(asked(&effects), NetworkRequest::Chart(..)));
    question(&mut state, ":buy AAPL 1");
    for row in 0..24 {
        assert!(click(&mut state, 40, row).is_empty());
    }
    assert!(matches!(state.popup, Some(ScreenPopup::Order { .. })));
}

#[test]
fn an_order_is_sent_after_its_estimate_and_a_yes_alone() {
    let mut state = state();
    assert!(type_text(&mut state, "b").is_empty());
    assert_eq!(state.input.as_ref().unwrap().text(), "buy AAPL ");
    type_text(&mut state, "10 --limit 540");
    let effects = press(&mut state, KeyCode::Enter);
    let NetworkRequest::Foresee(form) = asked(&effects).clone() else {
        panic!("{effects:?}")
    };
    let limit = Money(540_000_000);
    assert_eq!(form.terms, OrderTerms::Limit { limit });
    assert!(
        press(&mut state, KeyCode::Char('y')).is_empty(),
        "before the estimate"
    );
    let form = OrderForm {
        id: ClientOrderId::parse("desk-1").ok(),
        ..form
    };
    let other = OrderForm {
        side: Side::Sell,
        ..form.clone()
    };
    learn(&mut state, NetworkNews::Foreseen(other, foresight()));
    assert!(
        press(&mut state, KeyCode::Char('y')).is_empty(),
        "of another order"
    );
    learn(&mut state, NetworkNews::Foreseen(form.clone(), foresight()));
    assert!(
        press(&mut state, KeyCode::Enter).is_empty(),
        "Enter is no yes"
    );
    let effects = press(&mut state, KeyCode::Char('y'));
    assert_eq!(
        effects,
        [ViewEffect::Ask(NetworkRequest::Place(form.clone()))]
    );
    assert_eq!(state.sending, Some(form.clone()));
    assert!(press(&mut state, KeyCode::Char('y')).is_empty());
    // One order at a time.
    type_text(&mut state, ":sell AAPL 1");
    assert!(press(&mut state, KeyCode::Enter).is_empty());
    assert!(
        last(&state).contains("still on its way"),
        "{}",
        last(&state)
    );
    press(&mut state, KeyCode::Esc);
    let placed = PlacedOrder {
        id: Uuid::from_u128(77),
        client_order_id: form.id.clone(),
        status: TransactionStatus::Open.into(),
    };
    learn(&mut state, NetworkNews::Placed(form, placed));
    assert_eq!(state.sending, None);
    assert!(
        last(&state).contains("waits for its price"),
        "{}",
        last(&state)
    );
}

#[test]
fn no_order_is_sent_without_a_connection_or_after_a_no() {
    let mut state = state();
    question(&mut state, ":buy AAPL 1");
    press(&mut state, KeyCode::Char('n'));
    assert_eq!(last(&state), "no order was sent");
    question(&mut state, ":buy AAPL 1");
    learn(&mut state, NetworkNews::Lost("gone".to_owned()));
    assert!(press(&mut state, KeyCode::Char('y')).is_empty());
    assert_eq!(state.sending, None);
    assert!(last(&state).contains("no order was sent"));
    learn(&mut state, NetworkNews::Linked("eu2:2049".to_owned()));
    type_text(&mut state, ":buy AAPL 1");
    let effects = press(&mut state, KeyCode::Enter);
    let NetworkRequest::Foresee(form) = asked(&effects).clone() else {
        panic!("{effects:?}")
    };
    learn(&mut state, NetworkNews::Unforeseen(form, "busy".to_owned()));
    assert_eq!(last(&state), "no order was sent: busy");
    type_text(&mut state, ":buy NOPE 1");
    assert!(press(&mut state, KeyCode::Enter).is_empty());
    assert_eq!(last(&state), "there is no asset NOPE");
    assert!(state.input.is_some(), "the line can be mended");
    press(&mut state, KeyCode::Esc);
    let form = question(&mut state, ":buy AAPL 1");
    press(&mut state, KeyCode::Char('y'));
    let request = NetworkRequest::Place(form);
    assert!(update(&mut state, ViewEvent::Dropped(request)).is_empty());
    assert_eq!(state.sending, None);
}

fn notice(id: u128) -> OrderNotice {
    OrderNotice {
        id: Uuid::from_u128(id),
        status: TransactionStatus::Settled.into(),
        symbol: symbol("IBM"),
        quantity: Quantity(5_000_000),
        price: Some(Money(190_000_000)),
        total: Some(Money(950_000_000)),
        time: at("2026-03-01T10:00:09Z"),
        reason: None,
    }
}

#[test]
fn the_end_of_an_order_is_told_once() {
    let mut state = state();
    learn(&mut state, NetworkNews::Ended(notice(9)));
    assert_eq!(last(&state), "Bought 5 IBM at 190.00: 950.00 in all");
    assert_eq!(state.history[0].status, TransactionStatus::Settled);
    let told = state.messages.len();
    let rows = vec![row(9, TransactionStatus::Settled)];
    learn(&mut state, NetworkNews::History(rows, true));
    learn(&mut state, NetworkNews::Ended(notice(9)));
    assert_eq!(state.messages.len(), told);
    // The notice of another was lost with its connection; the history tells it.
    learn(
        &mut state,
        NetworkNews::OpenOrders(vec![open_order(10, "IBM")]),
    );
    let rows = vec![
        row(10, TransactionStatus::Rejected),
        row(9, TransactionStatus::Settled),
    ];
    learn(&mut state, NetworkNews::History(rows, true));
    assert_eq!(last(&state), "buy 10 AAPL: rejected: too little cash");
    // What had ended before the view began is nothing new.
    assert_eq!(state.messages.len(), told + 1);
}

#[test]
fn older_history_comes_when_the_last_row_is_reached() {
    let mut state = state();
    let page = |from: u128, to: u128| -> Vec<_> {
        let ids = (from..=to).rev();
        ids.map(|id| row(id, TransactionStatus::Settled)).collect()
    };
    learn(&mut state, NetworkNews::History(page(101, 200), false));
    state.is_history_whole = false;
    press(&mut state, KeyCode::Char('h'));
    let effects = press(&mut state, KeyCode::End);
    let oldest = state.history.last().unwrap().id;
    assert_eq!(asked(&effects), &NetworkRequest::OlderHistory(oldest));
    assert!(
        press(&mut state, KeyCode::Down).is_empty(),
        "asked for already"
    );
    let told = NetworkNews::OlderHistory(oldest, Ok((Vec::new(), true)));
    learn(&mut state, told);
    assert!(
        press(&mut state, KeyCode::Down).is_empty(),
        "there is no more"
    );
    let chosen = state.history[state.place().chosen].id;
    let mut newest = page(102, 201);
    newest.truncate(100);
    learn(&mut state, NetworkNews::History(newest, false));
    assert_eq!(state.history[state.place().chosen].id, chosen);
    assert_eq!(state.history[0].id, Uuid::from_u128(201));
    let sorted = state.history.windows(2).all(|two| two[0].id > two[1].id);
    assert!(sorted, "no row is there twice");
    let effects = press(&mut state, KeyCode::Enter);
    assert_eq!(asked(&effects), &NetworkRequest::Receipt(chosen));
}

#[test]
fn rows_that_do_not_join_those_before_take_their_place() {
    let mut state = state();
    let page = |from: u128, to: u128| -> Vec<_> {
        let ids = (from..=to).rev();
        ids.map(|id| row(id, TransactionStatus::Settled)).collect()
    };
    learn(&mut state, NetworkNews::History(page(300, 499), false));
    assert_eq!(state.history.len(), 200, "what lies between is not known");
    learn(&mut state, NetworkNews::History(page(301, 500), false));
    assert_eq!((state.history.len(), state.is_history_whole), (201, false));
}

#[test]
fn an_order_is_cancelled_after_a_yes() {
    let mut state = state();
    press(&mut state, KeyCode::Char('c'));
    assert!(state.popup.is_none() && last(&state).contains("in their list"));
    press(&mut state, KeyCode::Char('o'));
    press(&mut state, KeyCode::Char('c'));
    let Some(ScreenPopup::Cancel { what, .. }) = &state.popup else {
        panic!("no question")
    };
    assert_eq!(what, "buy 5 IBM, limit 190.00");
    press(&mut state, KeyCode::Esc);
    assert_eq!(last(&state), "the order stands");
    press(&mut state, KeyCode::Delete);
    let effects = press(&mut state, KeyCode::Char('y'));
    let id = Uuid::from_u128(9);
    assert_eq!(asked(&effects), &NetworkRequest::Cancel(id));
    learn(&mut state, NetworkNews::Cancelled(Ok(())));
    assert_eq!(last(&state), "the order is cancelled");
}

#[test]
fn a_loss_is_told_and_what_was_awaited_is_asked_for_again() {
    let mut state = state();
    press(&mut state, KeyCode::Enter);
    learn(&mut state, NetworkNews::Lost("one".to_owned()));
    let LinkStanding::Lost(since, _) = state.link.clone() else {
        panic!("linked")
    };
    update(&mut state, ViewEvent::Ticked(at("2026-03-01T10:00:30Z")));
    learn(&mut state, NetworkNews::Lost("two".to_owned()));
    let LinkStanding::Lost(still, _) = state.link.clone() else {
        panic!("linked")
    };
    assert_eq!(since, still);
    let effects = learn(&mut state, NetworkNews::Linked("eu2:2049".to_owned()));
    assert!(matches!(asked(&effects), NetworkRequest::Chart(..)));
    assert_eq!(last(&state), "connected to eu2:2049");
}

#[test]
fn sparklines_are_asked_for_as_they_come_on_the_screen() {
    let mut state = state();
    assert!(
        state.closes_awaited.contains(&symbol("IBM")),
        "it is visible"
    );
    assert!(
        !state.closes_awaited.contains(&symbol("FB")),
        "it has no price"
    );
    learn(&mut state, NetworkNews::Closes(symbol("IBM"), Vec::new()));
    assert!(state.closes_awaited.is_empty());
    let now = state.now;
    let effects = update(&mut state, ViewEvent::Ticked(now));
    assert!(effects.is_empty(), "once");
    let mut list = quotes();
    let quote = list.rows[0].quote.as_mut().unwrap();
    (quote.time, quote.value) = (at("2012-03-01T15:00:00Z"), Money(1));
    learn(&mut state, NetworkNews::Quotes(list.clone()));
    let closes = state.closes[&symbol("AAPL")].clone();
    assert_eq!(
        (closes.len(), closes.last()),
        (5, Some(&Money(1))),
        "the same day"
    );
    list.rows[0].quote.as_mut().unwrap().time = at("2012-03-02");
    learn(&mut state, NetworkNews::Quotes(list));
    assert_eq!(state.closes[&symbol("AAPL")].len(), 6, "a new day");
}

#[test]
fn ten_thousand_assets_are_filtered_and_asked_for_a_few_at_a_time() {
    let mut state = state();
    let mut list = quotes();
    let model = list.rows[0].clone();
    list.rows = (0..10_000)
        .map(|number| {
            let mut row = model.clone();
            row.symbol = symbol(&format!("S{number:05}"));
            row
        })
        .collect();
    state.closes_awaited.clear();
    let effects = learn(&mut state, NetworkNews::Quotes(list));
    assert_eq!(effects.len(), super::CLOSES_AWAITED_MAX);
    let request = NetworkRequest::Closes(symbol("S00000"), at("2012-03-01"));
    assert!(update(&mut state, ViewEvent::Dropped(request)).is_empty());
    type_text(&mut state, "/s0999");
    assert_eq!(shown(&state).len(), 10);
    press(&mut state, KeyCode::Enter);
    press(&mut state, KeyCode::End);
    assert_eq!(state.chosen_symbol(), Some(symbol("S09999")));
}

#[test]
fn what_is_typed_is_bounded_and_printable() {
    let mut state = state();
    press(&mut state, KeyCode::Char(':'));
    update(
        &mut state,
        ViewEvent::Pasted("buy\u{1b}[31m\n AAPL".to_owned()),
    );
    assert_eq!(state.input.as_ref().unwrap().text(), "buy[31m AAPL");
    press(&mut state, KeyCode::Home);
    press(&mut state, KeyCode::Delete);
    press(&mut state, KeyCode::Right);
    press(&mut state, KeyCode::Char('\u{202e}'));
    assert_eq!(state.input.as_ref().unwrap().text(), "uy[31m AAPL");
    update(&mut state, ViewEvent::Pasted("x".repeat(10_000)));
    assert_eq!(
        state.input.as_ref().unwrap().text.len(),
        INPUT_CHARACTERS_MAX
    );
    let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    update(&mut state, ViewEvent::Key(control('u')));
    assert!(state.input.as_ref().unwrap().text().starts_with("y[31m"));
    for number in 0..200 {
        learn(
            &mut state,
            NetworkNews::Receipt(Uuid::nil(), Err(number.to_string())),
        );
    }
    assert_eq!(state.messages.len(), MESSAGES_KEPT_MAX);
}

#[test]
fn a_text_scrolls_to_its_end_on_the_smallest_screen() {
    let mut state = state();
    update(&mut state, ViewEvent::Resized(40, 12));
    type_text(&mut state, "?");
    let first = |state: &ViewState| match &state.popup {
        Some(ScreenPopup::Text { lines, first, .. }) => {
            let lines = popup_lines(lines, popup_room(40)).len();
            (*first, lines)
        }
        other => panic!("{other:?}"),
    };
    for _ in 0..20 {
        press(&mut state, KeyCode::PageDown);
    }
    let (at, lines) = first(&state);
    assert_eq!(at + 9, lines, "the last of its nine rows is the last line");
    mouse(&mut state, MouseEventKind::ScrollUp, 0, 0);
    assert_eq!(first(&state).0, at - 3);
    update(&mut state, ViewEvent::Resized(80, 24));
    press(&mut state, KeyCode::Down);
    assert!(first(&state).0 < at);
}

#[test]
fn keys_leave_suspend_and_redraw_wherever_one_is() {
    let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    let with_popup = |state: &mut ViewState| drop(type_text(state, "?"));
    let with_line = |state: &mut ViewState| drop(type_text(state, ":buy"));
    for prepare in [|_: &mut ViewState| (), with_popup, with_line] {
        let mut state = state();
        prepare(&mut state);
        for (key, effect) in [
            ('c', ViewEffect::Leave),
            ('z', ViewEffect::Suspend),
            ('l', ViewEffect::Redraw),
        ] {
            let effects = update(&mut state, ViewEvent::Key(control(key)));
            assert!(effects.contains(&effect), "{effects:?}");
        }
    }
    let mut state = state();
    assert!(press(&mut state, KeyCode::Char('q')).contains(&ViewEffect::Leave));
    type_text(&mut state, "m");
    assert!(!press(&mut state, KeyCode::Char('q')).contains(&ViewEffect::Leave));
    assert!(state.popup.is_none(), "q closes it");
    let mut lists = vec![state.list];
    for _ in 0..4 {
        press(&mut state, KeyCode::Tab);
        lists.push(state.list);
    }
    assert_eq!(lists[1..4], ListName::ALL[1..]);
    assert_eq!(lists[4], ListName::Assets);
    press(&mut state, KeyCode::BackTab);
    assert_eq!(state.list, ListName::History);
    let poor = crate::wire::payload::OwnSummary {
        positions: Vec::new(),
        ..summary()
    };
    learn(&mut state, NetworkNews::Summary(Box::new(poor)));
    press(&mut state, KeyCode::Char('p'));
    assert!(press(&mut state, KeyCode::Enter).is_empty());
}
