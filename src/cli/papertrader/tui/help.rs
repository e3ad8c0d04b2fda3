//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! The keys of the full-screen view, as its help tells them.

/// What each key does; an empty key begins a part.
const KEYS: &[(&str, &str)] = &[
    ("", "Everywhere"),
    (
        "a p o h",
        "assets, portfolio, orders, history; Tab: the next",
    ),
    ("b s :", "buy, sell, or any order; see below"),
    ("?  m", "this help; the messages so far"),
    ("F5", "ask the server again"),
    ("Ctrl-L", "draw the screen again"),
    ("Ctrl-Z", "suspend; fg comes back"),
    ("q Ctrl-C", "leave; orders stand"),
    ("", "Lists"),
    ("arrows j k", "choose; PgUp, PgDn, Home, End, wheel"),
    ("Enter", "the chart; in the history the receipt"),
    ("/", "filter the assets; Esc: all again"),
    ("t r", "sort the assets; the other way round"),
    ("c", "cancel the order that is chosen"),
    ("", "Charts"),
    ("1 to 5", "day, week, month, year, all; arrows too"),
    ("d", "with or without splits and dividends"),
    ("up down", "the next asset; Esc: back"),
    (
        "",
        "An order line has the words of papertrader buy and sell:",
    ),
    ("", "  buy AAPL 10"),
    ("", "  buy AAPL --for 500 --limit 95.50 --tif day"),
    ("", "  sell AAPL --all --trail 5%"),
    ("", "What it takes is told before it is sent."),
];

/// The lines of the help.
pub fn help_lines() -> Vec<String> {
    let line = |(key, does): &(&str, &str)| match *key {
        "" => (*does).to_owned(),
        key => format!("  {key:<10} {does}"),
    };
    KEYS.iter().map(line).collect()
}
