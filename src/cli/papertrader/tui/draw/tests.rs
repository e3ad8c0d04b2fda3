//! spec/cli/papertrader/tui.md · 2.1.2 (what the outer world sees)
//!
//! What is on the screen, as files below `snapshots/`. With PAPERTRADER_SNAPSHOTS=write in the
//! environment the files are written anew; look at their differences then.

use super::super::layout::ListName;
use super::super::news::{ChartRange, ChartSubject, NetworkNews};
use super::super::state::ViewState;
use super::super::testing::{at, bars, press, quotes, sized, symbol, type_text};
use super::super::update::{ViewEvent, update};
use super::draw;
use crate::cli::papertrader::commands::estimate::{Edition, Foresight, OrderEstimate, PriceBasis};
use crate::model::Money;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::crossterm::event::KeyCode;
use ratatui::style::{Color, Modifier};
use std::path::Path;
use unicode_width::UnicodeWidthStr;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (40, 12)];

fn screen(state: &ViewState) -> Buffer {
    let (columns, rows) = state.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(frame, state)).unwrap();
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer, text: impl Fn(&Cell) -> String) -> String {
    let rows = buffer.content.chunks(usize::from(buffer.area.width));
    let line = |row: &[Cell]| row.iter().map(&text).collect::<String>();
    rows.map(|row| line(row).trim_end().to_owned() + "\n")
        .collect()
}

fn shown(state: &ViewState) -> String {
    lines(&screen(state), |cell| cell.symbol().to_owned())
}

/// A letter for a cell's style: reversed, green, red, bold, dim.
fn style_letter(cell: &Cell) -> String {
    let style = cell.style();
    let letter = match style.fg {
        _ if style.add_modifier.contains(Modifier::REVERSED) => 'R',
        Some(Color::Green) => 'g',
        Some(Color::Red) => 'r',
        _ if style.add_modifier.contains(Modifier::BOLD) => 'b',
        _ if style.add_modifier.contains(Modifier::DIM) => 'd',
        _ => ' ',
    };
    letter.to_string()
}

/// Compares a screen with the file of this name.
fn is_as_before(name: &str, state: &ViewState) {
    let buffer = screen(state);
    let mut text = lines(&buffer, |cell| cell.symbol().to_owned());
    if state.look.has_colour {
        text.push_str("---\n");
        text.push_str(&lines(&buffer, style_letter));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root
        .join("src/cli/papertrader/tui/draw/snapshots")
        .join(name);
    if std::env::var_os("PAPERTRADER_SNAPSHOTS").is_some_and(|it| it == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(before == text, "{name} is another one now:\n{text}");
}

/// Each list and popup, at each size: in colour, and without it in ASCII.
fn in_each_look(name: &str, prepare: impl Fn(&mut ViewState)) {
    for (columns, rows) in SIZES {
        for (look, has_colour) in [("colour", true), ("ascii", false)] {
            let mut state = sized((columns, rows), has_colour, !has_colour);
            prepare(&mut state);
            let name = format!("{name}-{columns}x{rows}-{look}.txt");
            is_as_before(&name, &state);
            let text = shown(&state);
            assert!(
                text.lines()
                    .all(|line| line.width() <= usize::from(columns))
            );
            assert!(has_colour || text.is_ascii(), "{text}");
        }
    }
}

fn foreseen(state: &mut ViewState) {
    type_text(state, ":buy IBM 400 --limit 190");
    let effects = press(state, KeyCode::Enter);
    let [super::super::update::ViewEffect::Ask(super::super::news::NetworkRequest::Foresee(form))] =
        &effects[..]
    else {
        panic!("{effects:?}");
    };
    let foresight = Foresight {
        edition: Edition::Second,
        is_paused: false,
        market_time: Some(at("2012-03-01")),
        has_price: true,
        estimate: Some(OrderEstimate {
            price: Money(190_000_000),
            basis: PriceBasis::Bound,
            total: Money(76_000_000_000),
            has_fees: false,
            cash: Money(93_650_000_000),
            is_held_back: true,
            equity: Money(100_044_700_000),
        }),
    };
    let news = NetworkNews::Foreseen(form.clone(), Box::new(foresight));
    update(state, ViewEvent::News(news));
}

fn charted(state: &mut ViewState) {
    press(state, KeyCode::Enter);
    let subject = ChartSubject {
        symbol: symbol("AAPL"),
        range: ChartRange::Month,
        is_adjusted: true,
    };
    let closes: Vec<i64> = (0..29)
        .map(|day| 50_000 + day * 150 + day % 7 * 90)
        .collect();
    let news = NetworkNews::Chart(subject, Ok(bars(&closes)));
    update(state, ViewEvent::News(news));
}

#[test]
fn the_lists_look_as_before() {
    in_each_look("assets", |_| {});
    in_each_look("portfolio", |state| drop(type_text(state, "p")));
    in_each_look("orders", |state| drop(type_text(state, "o")));
    in_each_look("history", |state| drop(type_text(state, "h")));
}

#[test]
fn charts_questions_and_help_look_as_before() {
    in_each_look("chart", charted);
    in_each_look("order", foreseen);
    in_each_look("help", |state| drop(type_text(state, "?")));
    in_each_look("filter", |state| drop(type_text(state, "/oo")));
    in_each_look("lost", |state| {
        let why = "no worker answers\n  eu1.example.org:2049: connection refused";
        update(state, ViewEvent::News(NetworkNews::Lost(why.to_owned())));
        update(state, ViewEvent::Ticked(at("2026-03-01T10:00:12Z")));
    });
}

#[test]
fn any_size_is_drawn() {
    for columns in (0..140).step_by(7) {
        for rows in (0..45).step_by(3) {
            for prepare in [|_: &mut ViewState| (), charted, foreseen] {
                let mut state = sized((80, 24), true, false);
                prepare(&mut state);
                update(&mut state, ViewEvent::Resized(columns, rows));
                for list in ListName::ALL {
                    state.list = list;
                    let buffer = screen(&state);
                    assert_eq!(
                        buffer.content.len(),
                        usize::from(columns) * usize::from(rows)
                    );
                }
            }
        }
    }
    let small = shown(&sized((39, 12), true, false));
    assert!(small.contains("40 columns"), "{small}");
}

#[test]
fn a_text_of_a_server_acts_on_no_terminal() {
    let hostile = "\u{1b}]0;t\u{7}\u{9b}31m\u{202e}\u{200b}\u{3164}x\tb\r\n價";
    let mut state = sized((120, 40), true, false);
    let mut list = quotes();
    list.rows[0].name = hostile.to_owned();
    update(&mut state, ViewEvent::News(NetworkNews::Quotes(list)));
    update(
        &mut state,
        ViewEvent::News(NetworkNews::Linked(hostile.to_owned())),
    );
    let receipt = vec![("name".to_owned(), hostile.to_owned())];
    let news = NetworkNews::Receipt(uuid::Uuid::nil(), Ok(receipt));
    for popup in [false, true] {
        if popup {
            let news = NetworkNews::Receipt(uuid::Uuid::nil(), Err(hostile.to_owned()));
            update(&mut state, ViewEvent::News(news));
        }
        let text = shown(&state);
        let acts = |c: char| c != '\n' && !crate::model::printable::is_printable(c);
        assert!(!text.contains(acts), "{text:?}");
        assert!(text.contains('x'), "{text}");
    }
    update(&mut state, ViewEvent::News(news));
    let text = shown(&state);
    assert!(
        text.contains("name") && !text.contains('\u{1b}'),
        "{text:?}"
    );
}

#[test]
fn a_question_scrolls_and_its_warning_is_always_seen() {
    let mut state = sized((40, 12), false, true);
    foreseen(&mut state);
    let text = shown(&state);
    assert!(text.contains("This is more than half"), "{text}");
    assert!(text.contains("y: send"), "{text}");
    assert!(!text.contains("which is 2012-03-01"), "{text}");
    press(&mut state, KeyCode::PageDown);
    let text = shown(&state);
    assert!(text.contains("2012-03-01 UTC"), "{text}");
}

#[test]
fn without_a_server_a_message_is_seen_for_a_while() {
    let mut state = sized((80, 24), true, false);
    update(
        &mut state,
        ViewEvent::News(NetworkNews::Lost("gone".to_owned())),
    );
    type_text(&mut state, "c");
    assert!(shown(&state).contains("in their list"));
    update(&mut state, ViewEvent::Ticked(at("2026-03-01T10:00:06Z")));
    assert!(shown(&state).contains("no server answers for 6 s"));
}

#[test]
fn what_no_row_has_takes_no_column() {
    let mut state = sized((80, 24), true, false);
    let mut list = quotes();
    list.rows.iter_mut().for_each(|row| row.name.clear());
    update(&mut state, ViewEvent::News(NetworkNews::Quotes(list)));
    let text = shown(&state);
    assert!(!text.contains("name") && text.contains("month"), "{text}");
}

#[test]
fn without_colour_nothing_is_coloured() {
    for prepare in [|_: &mut ViewState| (), charted, foreseen] {
        let mut state = sized((80, 24), false, false);
        prepare(&mut state);
        let buffer = screen(&state);
        let is_plain = |cell: &Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
        assert!(buffer.content.iter().all(is_plain));
    }
}
