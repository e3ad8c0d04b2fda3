//! spec/fuzzing.md
//!
//! What a worker may say to a client: the client library reads it from a socket, and what the
//! program `papertrader` makes of it is shown.

use super::{byte, golden};
use papertrader::cli::output::{cell, clean_lines, json};
use papertrader::cli::papertrader::age::ReferenceTime;
use papertrader::cli::papertrader::chart;
use papertrader::cli::papertrader::view::portfolio::PortfolioView;
use papertrader::cli::papertrader::view::{
    BarView, EntryView, ForecastView, QuoteView, ServerView, UserView, WorkersView, bars_csv,
    entries_csv,
};
use papertrader::client::connection::ServerConnection;
use papertrader::client::{Client, ClientError};
use papertrader::model::printable::is_printable;
use papertrader::model::{Email, HashedPass, SessionId, Symbol, Timestamp, Username};
use papertrader::wire::{Window, packet};
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;
use uuid::Uuid;

/// Bytes of a server's stream at most: what a socket takes before anybody reads.
const STREAM_MAX: usize = 60_000;
/// How long the client may wait for what does not come. The stream ends, so it never does.
const DEADLINE: Duration = Duration::from_secs(5);
/// Calls of the client library that are made here.
const CALLS: u8 = 14;

/// A client whose server has said all that it says.
fn client(stream: &[u8]) -> (Client, TcpStream) {
    static SERVER: OnceLock<TcpListener> = OnceLock::new();
    let server = SERVER.get_or_init(|| TcpListener::bind("127.0.0.1:0").unwrap());
    let address = server.local_addr().unwrap().to_string();
    let connection = ServerConnection::connect(&address, DEADLINE).unwrap();
    let mut worker = server.accept().unwrap().0;
    worker
        .write_all(&stream[..stream.len().min(STREAM_MAX)])
        .unwrap();
    worker.shutdown(Shutdown::Write).unwrap();
    let session = SessionId::from_bytes([7; 32]);
    (Client::new(connection, Some(session)), worker)
}

/// Each character for a terminal is printable, or ends a line.
fn shown(text: &str) {
    let acts = text.chars().find(|c| !is_printable(*c) && *c != '\n');
    assert_eq!(acts, None, "{text:?}");
}

/// The same, of a value as JSON, which also reads back.
fn shown_json(text: serde_json::Result<String>) {
    let text = text.unwrap();
    shown(&text);
    let _: serde_json::Value = serde_json::from_str(&text).unwrap();
}

/// An error's text, and a cell that has it.
fn shown_error(error: &ClientError) {
    let text = clean_lines(&error.to_string());
    shown(&text);
    shown_json(json(&text));
    assert!(
        !cell(&text).starts_with(['=', '+', '@', '\t', '\r']),
        "{text:?}"
    );
}

/// What one call of the client library brings, as the program shows it.
fn call(number: u8, client: &mut Client) -> Result<(), ClientError> {
    let symbol = Symbol::parse("AAPL").unwrap();
    let name = Username::parse("alice").unwrap();
    let pass = HashedPass::parse(&"a".repeat(64)).unwrap();
    let time = Timestamp(1_000_000_000_000);
    match number {
        0 => shown_json(json(&QuoteView::new(
            symbol,
            &Ok(client.quote(symbol)?),
            &ReferenceTime::of(None, time, None),
        ))),
        1 => {
            let symbols: Vec<String> = client.list()?.iter().map(Symbol::to_string).collect();
            shown_json(json(&symbols));
        }
        2 => shown_json(json(&BarView::from(&client.info(symbol)?.bar))),
        3 => {
            let bars = client.bars(symbol, Window::AllTime, false)?;
            shown(&bars_csv(&bars).unwrap());
            shown(&chart::draw(&bars, None, true));
        }
        4 => shown_json(json(&ForecastView::new(
            symbol,
            &client.predicted(symbol, time)?,
        ))),
        5 => shown_json(json(&UserView::new(&name, &client.user_info(&name)?))),
        6 => shown_json(json(&PortfolioView::new(
            &name,
            &name,
            &client.portfolio(&name)?,
            None,
        ))),
        7 => {
            let entries = client.history(&name)?.entries;
            entries
                .iter()
                .for_each(|entry| shown_json(json(&EntryView::from(entry))));
            let views = entries.iter().map(EntryView::from).collect();
            shown(&entries_csv(views).unwrap());
        }
        8 => {
            for (name, value) in client.receipt(Uuid::nil())?.0 {
                shown_json(json(&[name, value]));
            }
        }
        9 => shown_json(json(&WorkersView {
            from: client.address().to_owned(),
            workers: client.workers()?,
        })),
        10 => shown_json(json(&ServerView::new(
            "here".to_owned(),
            client.server_info()?,
        ))),
        11 => drop(client.login(&name, &pass, false)?),
        12 => {
            let email = Email::parse("alice@example.org").unwrap();
            client.register(&name, &email, &pass)?;
        }
        _ => {
            for answer in client.quotes(&[symbol, symbol])? {
                shown_json(json(&QuoteView::new(
                    symbol,
                    &answer,
                    &ReferenceTime::of(None, time, None),
                )));
            }
        }
    }
    Ok(())
}

/// The first byte says which calls; the rest is what the server says. Nothing of it panics, waits
/// or acts on a terminal.
pub fn answers(mut data: &[u8]) {
    let first = byte(&mut data);
    let (mut client, worker) = client(data);
    // Two calls, so that what is left of one answer meets the next.
    for number in [first % CALLS, first / CALLS % CALLS] {
        if let Err(error) = call(number, &mut client) {
            shown_error(&error);
        }
    }
    drop((client, worker));
}

/// For each call, what a worker answers to it, and all that any worker says.
pub fn answer_seeds() -> Vec<Vec<u8>> {
    let switched = golden("0309-stateSwitchSuccess.hex").concat();
    let payload = |name: &str| {
        let mut frames = switched.clone();
        packet::write(&mut frames, &golden(name).concat());
        frames
    };
    let fitting = [
        payload("payload-Quote"),
        payload("payload-List"),
        payload("payload-AssetInfo"),
        payload("payload-Bars.hex"),
        payload("payload-Forecast"),
        payload("payload-UserInfo-private"),
        payload("payload-Portfolio-private"),
        payload("payload-Transactions-private"),
        payload("payload-Receipt"),
        golden("0404-workerList.hex").concat(),
        golden("0408-serverInfo.hex").concat(),
        golden("0302-sessionID.hex").concat(),
        golden("0303-registerSuccess").concat(),
        payload("payload-Quote"),
    ];
    let mut seeds: Vec<Vec<u8>> = (0..CALLS)
        .zip(&fitting)
        .map(|(call, stream)| [&[call], stream.as_slice()].concat())
        .collect();
    let all = [golden("03"), golden("04")].concat();
    for said in all {
        seeds.extend((0..CALLS).map(|call| [&[call], said.as_slice()].concat()));
        let after_switch = [switched.as_slice(), &said].concat();
        seeds.push([&[7], after_switch.as_slice()].concat());
    }
    seeds
}
