//! spec/master/assets.md: the module in its own thread, on a real database and real files.

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use papertrader::config::{
    AssetSettings, DatabaseUrl, ProviderKind, ReplaySettings, SimulatedSettings, SymbolSelection,
};
use papertrader::master::assets::providers::PreparedProviders;
use papertrader::master::assets::{self, AssetsConfig, AssetsError, FillDecision};
use papertrader::master::messages::{
    AssetAsker, AssetQuery, AssetsHandle, AssetsMessage, TransactionsMessage, Update,
    UpdateChannels, WorkersMessage,
};
use papertrader::master::storage::{Reader, Storage};
use papertrader::model::timestamp::DAY;
use papertrader::model::{ActionKind, Bar, Money, Reason, Symbol, Timestamp};
use papertrader::runtime::neighbourhood::Neighbourhood;
use papertrader::runtime::{self, Stop, Watchdog};
use papertrader::testkit::Resources;
use papertrader::wire::{Refusal, Window};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

/// The updates that transactions is told of.
#[derive(Clone)]
pub struct Updates(Receiver<TransactionsMessage>);

impl Updates {
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Update, RecvTimeoutError> {
        self.0.recv_timeout(timeout).map(update_of)
    }

    pub fn try_iter(&self) -> impl Iterator<Item = Update> {
        self.0.try_iter().map(update_of)
    }
}

fn update_of(message: TransactionsMessage) -> Update {
    let TransactionsMessage::Update(update) = message else {
        panic!("assets tells transactions of updates alone")
    };
    update
}

/// A running module with what it tells others.
pub struct Running {
    pub handle: AssetsHandle,
    pub updates: Updates,
    /// What the process before it left unsettled.
    pub unsettled: Vec<Update>,
    workers: Receiver<WorkersMessage>,
    stop: Stop,
    thread: Option<runtime::ThreadHandle>,
}

impl Running {
    pub fn start(config: AssetsConfig, database: &Path) -> Result<Running, AssetsError> {
        Running::start_telling(config, database, unbounded())
    }

    /// The same with this inbox of transactions.
    fn start_telling(
        config: AssetsConfig,
        database: &Path,
        (transactions, updates): (Sender<TransactionsMessage>, Receiver<TransactionsMessage>),
    ) -> Result<Running, AssetsError> {
        let (workers, pushed) = unbounded();
        let channels = UpdateChannels {
            transactions,
            workers,
        };
        let url = DatabaseUrl::Sqlite(database.to_owned());
        Storage::migrate(&url).unwrap();
        let (storage, reader) = (Storage::open(&url).unwrap(), Reader::open(&url).unwrap());
        let prepared = PreparedProviders::open(&config)?;
        let mut opened = assets::open(config, prepared, storage, reader, channels)?;
        let mut ledger = Storage::open(&url).unwrap();
        let unsettled = std::iter::from_fn(|| opened.unsettled.next(&mut ledger).unwrap());
        let unsettled = unsettled.collect();
        let (mut module, handle, inbox) = (opened.assets, opened.handle, opened.inbox);
        let stop = Stop::new();
        module.start_updates(opened.updater, &stop).unwrap();
        let (stopping, heartbeat) = (stop.clone(), Watchdog::new().register("assets"));
        let run =
            move || runtime::module::run("assets", &mut module, &inbox, &stopping, &heartbeat);
        let thread = runtime::spawn("assets", run).unwrap();
        assert!(handle.wait_ready(Instant::now() + PATIENCE));
        Ok(Running {
            handle,
            updates: Updates(updates),
            unsettled,
            workers: pushed,
            stop,
            thread: Some(thread),
        })
    }

    /// The next update, which is settled then.
    pub fn update(&self) -> Update {
        let update = self.unsettled_update();
        self.handle.note_settled(update.number);
        update
    }

    /// The next update, which transactions does not settle.
    pub fn unsettled_update(&self) -> Update {
        self.updates.recv_timeout(PATIENCE).unwrap()
    }

    pub fn ask(&self, symbol: Symbol, window: Window, adjusted: bool) -> Result<Vec<Bar>, Refusal> {
        let (sender, answer) = bounded(1);
        let query = AssetQuery::Window {
            symbol,
            window,
            adjusted,
            reply: Box::new(move |result| sender.send(result).unwrap()),
        };
        let message = AssetsMessage::Query(asker(), query);
        self.handle
            .sender()
            .send_timeout(message, PATIENCE)
            .unwrap();
        answer.recv_timeout(PATIENCE).unwrap()
    }

    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.request();
        if let Some(thread) = self.thread.take() {
            assert!(thread.join(Instant::now() + PATIENCE));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whoever asks.
pub fn asker() -> AssetAsker {
    AssetAsker {
        worker: Uuid::nil(),
        near: Neighbourhood::of(Ipv4Addr::LOCALHOST.into()),
    }
}

pub fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub fn symbol(text: &str) -> Symbol {
    Symbol::parse(text).unwrap()
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/market")
}

/// `[assets]` with these providers, and without any provider's table.
pub fn settings(providers: &[ProviderKind]) -> AssetSettings {
    AssetSettings {
        symbols: SymbolSelection::All,
        symbols_file: None,
        providers: providers.to_vec(),
        stale_after: 3,
        max_jump: 5,
        review: papertrader::config::HoldReview::Automatic,
        calls_per_minute: 100,
        calls_per_day: 1000,
        keep_ticks: None,
        alpaca: None,
        binance: None,
        simulated: None,
        replay: None,
    }
}

fn config(assets: AssetSettings, update_interval: Duration) -> AssetsConfig {
    AssetsConfig {
        assets,
        update_interval,
        extra_roots: None,
        kept_bars: None,
    }
}

fn replay(directory: &Path, start: &str, interval: Duration) -> AssetsConfig {
    let assets = AssetSettings {
        replay: Some(ReplaySettings {
            at_end: papertrader::config::ReplayEnd::Stop,
            directory: directory.to_owned(),
            start: at(start),
        }),
        ..settings(&[ProviderKind::Replay])
    };
    config(assets, interval)
}

fn simulated(symbols: u32, seed: u64, interval: Duration) -> AssetsConfig {
    let assets = AssetSettings {
        simulated: Some(SimulatedSettings { symbols, seed }),
        ..settings(&[ProviderKind::Simulated])
    };
    config(assets, interval)
}

/// The sample market from a date on, with one update for as long as a test lasts.
pub fn sample_config(start: &str) -> AssetsConfig {
    replay(&sample(), start, Duration::from_secs(3600))
}

/// A row of a sample file, as text; nothing of the program's own reading is used.
#[derive(Clone)]
struct Row {
    date: String,
    prices: [i64; 4],
    volume: u64,
}

/// `438.1799` as millionths; the sample has at most six digits after the point.
fn millionths(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let padded = format!("{fraction:0<6}");
    assert_eq!(padded.len(), 6, "{text}");
    whole.parse::<i64>().unwrap() * 1_000_000 + padded.parse::<i64>().unwrap()
}

fn sample_rows() -> BTreeMap<String, Vec<Row>> {
    let mut all = BTreeMap::new();
    for name in ["AAPL", "FB", "GOOG", "IBM", "MSFT"] {
        let text = std::fs::read_to_string(sample().join(format!("{name}.csv"))).unwrap();
        let rows = text.lines().skip(1).map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            Row {
                date: cells[0].to_owned(),
                prices: [1, 2, 3, 4].map(|at| millionths(cells[at])),
                volume: cells[5].parse().unwrap(),
            }
        });
        all.insert(name.to_owned(), rows.collect());
    }
    all
}

/// One bar of several rows: first open, extremes, last close, sum; stamped with the date given.
fn joined(date: &str, rows: &[&Row]) -> Bar {
    Bar {
        time: at(date),
        open: Money(rows[0].prices[0]),
        high: Money(rows.iter().map(|row| row.prices[1]).max().unwrap()),
        low: Money(rows.iter().map(|row| row.prices[2]).min().unwrap()),
        close: Money(rows.last().unwrap().prices[3]),
        volume: rows.iter().map(|row| row.volume).sum(),
    }
}

/// Days of the calendar, counted by hand.
fn previous(date: &str) -> String {
    let (year, month, day) = parts(date);
    match (month, day) {
        (1, 1) => format!("{:04}-12-31", year - 1),
        (_, 1) => format!("{year:04}-{:02}-{:02}", month - 1, length(year, month - 1)),
        _ => format!("{year:04}-{month:02}-{:02}", day - 1),
    }
}

fn parts(date: &str) -> (i32, u32, u32) {
    (
        date[0..4].parse().unwrap(),
        date[5..7].parse().unwrap(),
        date[8..10].parse().unwrap(),
    )
}

fn length(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// What a window must hold of the rows up to `now`, by the words of the protocol, with dates as
/// text.
fn expected(rows: &[Row], now: &str, window: &str, date: &str) -> Vec<Bar> {
    let day = &date[0..10];
    let known: Vec<&Row> = rows.iter().filter(|row| row.date.as_str() <= now).collect();
    let days = |wanted: &dyn Fn(&str) -> bool| -> Vec<Bar> {
        let hits = known.iter().filter(|row| wanted(&row.date));
        hits.map(|row| joined(&row.date, &[row])).collect()
    };
    let months = |wanted: &dyn Fn(&str) -> bool| -> Vec<Bar> {
        let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        for row in &known {
            if wanted(&row.date[0..7]) {
                groups
                    .entry(row.date[0..7].to_owned())
                    .or_default()
                    .push(row);
            }
        }
        groups
            .iter()
            .map(|(month, rows)| joined(&format!("{month}-01"), rows))
            .collect()
    };
    match window {
        // Bars stand at midnight: that of the date itself, unless the window begins after it.
        "day" => days(&|d| d == day),
        "week" => {
            let mut week = vec![day.to_owned()];
            for _ in 0..6 {
                week.push(previous(week.last().unwrap()));
            }
            days(&|d| week.iter().any(|w| w == d))
        }
        "month" => {
            let (year, month, number) = parts(day);
            let (year, month) = if month == 1 {
                (year - 1, 12)
            } else {
                (year, month - 1)
            };
            let before = format!(
                "{year:04}-{month:02}-{:02}",
                number.min(length(year, month))
            );
            days(&|d| d > before.as_str() && d <= day)
        }
        "year" => {
            let (year, month, _) = parts(day);
            let mut list = Vec::new();
            for back in 0..12 {
                let index = year * 12 + i32::try_from(month).unwrap() - 1 - back;
                list.push(format!(
                    "{:04}-{:02}",
                    index.div_euclid(12),
                    index.rem_euclid(12) + 1
                ));
            }
            months(&|m| list.iter().any(|l| l == m))
        }
        _ => months(&|_| true),
    }
}

fn window_of(name: &str, date: Timestamp) -> Window {
    match name {
        "day" => Window::Day(date),
        "week" => Window::Week(date),
        "month" => Window::Month(date),
        "year" => Window::Year(date),
        _ => Window::AllTime,
    }
}

fn compare(
    running: &Running,
    rows: &BTreeMap<String, Vec<Row>>,
    now: &str,
    dates: &[String],
) -> usize {
    let mut compared = 0;
    for (name, rows) in rows {
        for window in ["day", "week", "month", "year", "all"] {
            for date in dates {
                let got = running
                    .ask(symbol(name), window_of(window, at(date)), false)
                    .unwrap();
                assert_eq!(
                    got,
                    expected(rows, now, window, date),
                    "{name} {window} {date}, now {now}"
                );
                compared += 1;
                if window == "all" {
                    break;
                }
            }
        }
    }
    compared
}

#[test]
fn windows_equal_what_the_files_give_by_hand() {
    let rows = sample_rows();
    let dir = tempfile::tempdir().unwrap();
    let config = replay(&sample(), "2012-03-01", Duration::from_millis(1));
    let running = Running::start(config, &dir.path().join("master.db")).unwrap();
    let mut dates: Vec<String> = [
        "1969-12-31",
        "1999-12-31",
        "2000-02-29",
        "2000-03-01",
        "2000-03-31",
        "2001-01-01",
        "2003-05-29",
        "2004-02-29",
        "2004-08-19",
        "2005-02-28",
        "2005-03-30",
        "2008-02-29",
        "2008-03-29",
        "2009-12-31",
        "2010-01-31",
        "2011-05-31",
        "2012-02-29",
        "2012-03-31",
        "2012-05-18",
        "2012-05-31",
        "2012-06-17",
        "2012-07-31",
        "2012-12-31",
        "2013-01-31",
        "2013-02-28",
        "2013-03-01",
        "2013-03-31",
        "2014-02-28",
        "9999-12-31",
        "0000-01-01",
    ]
    .map(str::to_owned)
    .to_vec();
    for clock in ["T00:00:00.001Z", "T12:34:56Z", "T23:59:59.999Z"] {
        dates.extend(["2005-02-28", "2012-02-29", "2012-07-31"].map(|day| format!("{day}{clock}")));
    }
    // Half-way, so that some of the past is history, some moved, and some still hot.
    let mut last = running.update();
    while last.number < 100 {
        last = running.update();
    }
    while !last.snapshot.exhausted {
        last = running.update();
    }
    assert_eq!(running.handle.next_update(), None);
    assert_eq!(last.snapshot.market_now, at("2013-03-01"));
    // Everything published: 251 steps from March 2012 to March 2013.
    assert!(compare(&running, &rows, "2013-03-01", &dates) > 600);
    for entry in last.snapshot.entries() {
        let day = rows[entry.symbol.as_str()].last().unwrap();
        assert_eq!(entry.day.unwrap(), joined(&day.date, &[day]));
        assert_eq!(entry.quote.unwrap().value, Money(day.prices[3]));
        assert!(entry.fresh);
    }
    let unknown = running
        .ask(symbol("XYZ"), Window::AllTime, false)
        .unwrap_err();
    assert_eq!(unknown.reason, Reason::UnknownAsset);
}

#[test]
fn no_window_holds_what_is_not_published() {
    let rows = sample_rows();
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("master.db");
    let dates: Vec<String> = [
        "2012-05-16",
        "2012-05-17",
        "2012-05-18",
        "2012-05-31",
        "2013-01-31",
    ]
    .map(str::to_owned)
    .to_vec();
    let config = replay(&sample(), "2012-05-17", Duration::from_secs(3600));
    let running = Running::start(config.clone(), &database).unwrap();
    let first = running.update();
    assert_eq!(first.snapshot.market_now, at("2012-05-17"));
    let fb = *first.snapshot.entry(&symbol("FB")).unwrap();
    assert_eq!(
        (fb.quote, fb.fresh),
        (None, false),
        "FB went public a day later"
    );
    compare(&running, &rows, "2012-05-17", &dates);
    running.stop();
    // A restart goes on with the next step, at once.
    let running = Running::start(config, &database).unwrap();
    let second = running.update();
    assert_eq!(
        (second.number, second.snapshot.market_now),
        (2, at("2012-05-18"))
    );
    assert!(second.snapshot.entry(&symbol("FB")).unwrap().fresh);
    compare(&running, &rows, "2012-05-18", &dates);
}

#[test]
fn a_step_is_committed_before_it_is_published() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("master.db");
    let config = replay(&sample(), "2012-01-03", Duration::from_millis(2));
    let running = Running::start(config, &database).unwrap();
    let mut reader = Reader::open(&DatabaseUrl::Sqlite(database)).unwrap();
    for _ in 0..50 {
        let update = running.update();
        let stored = reader.read(|snapshot| snapshot.update_position()).unwrap();
        assert!(stored.number >= update.number);
        assert!(stored.time >= Some(update.snapshot.market_now));
        assert!(running.handle.prices().number >= update.number);
    }
}

#[test]
fn restarts_step_through_every_day_once() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("master.db");
    let rows = sample_rows();
    let days: Vec<Timestamp> = rows["IBM"].iter().map(|row| at(&row.date)).collect();
    let start = days.len() - 100;
    let date = rows["IBM"][start].date.clone();
    let mut seen = Vec::new();
    let mut done = false;
    while !done {
        let config = replay(&sample(), &date, Duration::from_millis(1));
        let running = Running::start(config, &database).unwrap();
        for _ in 0..13 {
            let update = running.update();
            if update.snapshot.entries().iter().any(|entry| entry.fresh) {
                seen.push(update.snapshot.market_now);
            }
            done = update.snapshot.exhausted;
            if done {
                break;
            }
        }
        let Running { updates, .. } = &running;
        let late = updates.clone();
        running.stop();
        for update in late.try_iter() {
            seen.push(update.snapshot.market_now);
            done |= update.snapshot.exhausted;
        }
    }
    assert_eq!(seen, days[start..]);
    // At its end it says so again, once, so that leftover orders can be rejected.
    let running = Running::start(
        replay(&sample(), &date, Duration::from_millis(1)),
        &database,
    )
    .unwrap();
    let again = running.update();
    assert!(again.snapshot.exhausted && again.snapshot.entries().iter().all(|entry| !entry.fresh));
    assert!(
        again
            .snapshot
            .entries()
            .iter()
            .all(|entry| entry.quote.is_some())
    );
    assert!(
        running
            .updates
            .recv_timeout(Duration::from_millis(100))
            .is_err()
    );
    compare(&running, &rows, "2013-03-01", &["2013-03-01".to_owned()]);
}

#[test]
fn a_broken_market_file_is_a_fault_of_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let market = dir.path().join("market");
    std::fs::create_dir(&market).unwrap();
    std::fs::write(
        market.join("A.csv"),
        "Date,Open,High,Low,Close,Volume\n2012-01-03,1,1,2,1,5\n",
    )
    .unwrap();
    let config = replay(&market, "2012-01-03", Duration::from_millis(10));
    match Running::start(config, &dir.path().join("master.db")) {
        Err(AssetsError::Config(text)) => {
            assert!(text.contains("A.csv, line 2: High is below Low"), "{text}");
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    }
}

#[test]
fn updates_keep_to_their_grid() {
    let dir = tempfile::tempdir().unwrap();
    let interval = Duration::from_millis(50);
    let config = replay(&sample(), "2012-01-03", interval);
    let running = Running::start(config, &dir.path().join("master.db")).unwrap();
    let first = running.update();
    let mut last = first.began;
    for _ in 0..40 {
        let update = running.update();
        // Never two closer than half an interval, whatever the machine does.
        assert!(update.began.duration_since(last) >= interval / 2);
        assert!(update.began_stamp <= update.published);
        last = update.began;
    }
    // On the grid: every interval since the first had its update, or was counted as missed.
    let (sender, status) = bounded(1);
    let passed = || first.began.elapsed().as_millis() / interval.as_millis();
    // However late the question is heard and the answer read: it was given between the two.
    let before = passed();
    running
        .handle
        .sender()
        .send(AssetsMessage::Status { reply: sender })
        .unwrap();
    let status = status.recv_timeout(PATIENCE).unwrap();
    let after = passed();
    let begun = u128::from(status.number) + u128::from(status.missed);
    assert!(
        (before.saturating_sub(3)..=after + 3).contains(&begun),
        "{before} to {after} intervals, {begun} updates and misses"
    );
    let next = running.handle.next_update().unwrap();
    assert!(next.since(Timestamp::now()).abs() < DAY);
}

/// What the sample's splits make of a row's prices and volume, in whole numbers.
fn adjusted(name: &str, row: &Row) -> Row {
    let splits: &[&str] = match name {
        "AAPL" => &["2000-06-21", "2005-02-28"],
        "MSFT" => &["2003-02-18"],
        _ => &[],
    };
    let times = splits
        .iter()
        .filter(|split| row.date.as_str() < **split)
        .count();
    let divisor = 1i64 << times;
    let half_even = |value: i64| {
        let (whole, rest) = (value / divisor, value % divisor);
        whole + i64::from(rest * 2 > divisor || (rest * 2 == divisor && whole % 2 == 1))
    };
    Row {
        date: row.date.clone(),
        prices: row.prices.map(half_even),
        volume: row.volume << times,
    }
}

#[test]
fn adjusted_windows_are_continuous_over_splits() {
    let rows: BTreeMap<String, Vec<Row>> = sample_rows()
        .into_iter()
        .map(|(name, rows)| {
            let rows = rows.iter().map(|row| adjusted(&name, row)).collect();
            (name, rows)
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let config = replay(&sample(), "2005-02-25", Duration::from_secs(3600));
    let running = Running::start(config.clone(), &dir.path().join("master.db")).unwrap();
    let first = running.update();
    // What lies before the start is in force from the first update on.
    assert_eq!(first.actions.len(), 2);
    let aapl = running
        .ask(symbol("AAPL"), Window::Week(at("2000-06-22")), true)
        .unwrap();
    assert_eq!(aapl[2].close, Money(50_625_000), "101.25 before the split");
    assert_eq!(aapl[3].open, Money(50_500_000));
    running.stop();
    let running = Running::start(config, &dir.path().join("master.db")).unwrap();
    let second = running.update();
    let split = second.actions[0];
    assert_eq!(second.actions.len(), 1);
    assert_eq!(
        (split.symbol, split.time),
        (symbol("AAPL"), at("2005-02-28"))
    );
    assert!(matches!(split.kind, ActionKind::Split(ratio) if ratio.to_string() == "2"));
    for (name, rows) in &rows {
        for window in ["day", "week", "month", "year", "all"] {
            for date in [
                "2000-03-31",
                "2000-06-22",
                "2001-02-28",
                "2003-02-28",
                "2005-02-25",
                "2005-02-28",
            ] {
                let got = running
                    .ask(symbol(name), window_of(window, at(date)), true)
                    .unwrap();
                assert_eq!(
                    got,
                    expected(rows, "2005-02-28", window, date),
                    "{name} {window} {date}"
                );
            }
        }
    }
}

#[test]
fn a_renamed_asset_goes_on_under_its_new_symbol_with_its_past() {
    let rows = |days: &[(&str, u32)]| {
        let row = |(day, price): &(&str, u32)| format!("{day},{0},{0},{0},{0},7\n", price);
        let rows: String = days.iter().map(row).collect();
        format!("Date,Open,High,Low,Close,Volume\n{rows}")
    };
    let (market, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| std::fs::write(market.path().join(name), text).unwrap();
    write(
        "OLD.csv",
        &rows(&[("2013-01-02", 10), ("2013-01-03", 11), ("2013-01-04", 12)]),
    );
    write("NEW.csv", &rows(&[("2013-01-07", 13), ("2013-01-08", 14)]));
    write(
        "STAY.csv",
        &rows(&[
            ("2013-01-04", 1),
            ("2013-01-06", 1),
            ("2013-01-07", 1),
            ("2013-01-08", 1),
        ]),
    );
    write(
        "actions.csv",
        "Date,Symbol,Action,Value\n2013-01-03,OLD,split,2\n2013-01-05,OLD,rename,NEW\n",
    );
    let config = replay(market.path(), "2013-01-04", Duration::from_millis(20));
    let database = dir.path().join("master.db");
    let running = Running::start(config.clone(), &database).unwrap();
    let (old, new) = (symbol("OLD"), symbol("NEW"));
    assert_eq!(running.update().snapshot.last_quote(&new), None);
    let renamed = running.update();
    assert_eq!(renamed.actions[0].kind, ActionKind::Rename(new));
    assert!(!renamed.actions[0].is_late);
    let entry = *renamed.snapshot.entry(&new).unwrap();
    assert_eq!(
        (entry.quote.unwrap().value, entry.fresh),
        (Money(12_000_000), false)
    );
    running.update();
    running.update();
    let closes = |window, adjusted| -> Vec<i64> {
        let bars = running.ask(new, window, adjusted).unwrap();
        bars.iter().map(|bar| bar.close.0).collect()
    };
    let millions = |closes: &[i64]| closes.iter().map(|it| it * 1_000_000).collect::<Vec<_>>();
    let week = Window::Week(at("2013-01-08"));
    assert_eq!(closes(week, false), millions(&[10, 11, 12, 13, 14]));
    let adjusted = closes(week, true);
    assert_eq!(
        (adjusted[0], adjusted[4]),
        (5_000_000, 14_000_000),
        "its split, too"
    );
    assert_eq!(closes(Window::AllTime, false), millions(&[14]));
    let all = running.ask(new, Window::AllTime, false).unwrap();
    assert_eq!((all[0].open, all[0].volume), (Money(10_000_000), 35));
    assert_eq!(
        running.ask(old, week, false).unwrap().len(),
        3,
        "its own past stays"
    );
    running.stop();
    // The file of the old name goes, as people replace one by the other.
    std::fs::remove_file(market.path().join("OLD.csv")).unwrap();
    let running = Running::start(config, &database).unwrap();
    let week = running.ask(new, week, false).unwrap();
    assert_eq!(week.len(), 5);
}

#[test]
fn a_start_restores_the_close_of_the_day_before() {
    let (market, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| std::fs::write(market.path().join(name), text).unwrap();
    let rows = |days: &[(&str, u32)]| {
        let row = |(day, price): &(&str, u32)| format!("2013-01-{day},{0},{0},{0},{0},7\n", price);
        let rows: String = days.iter().map(row).collect();
        format!("Date,Open,High,Low,Close,Volume\n{rows}")
    };
    let noon = "07T12:00:00Z";
    write(
        "SPLIT.csv",
        &rows(&[("02", 10), ("04", 12), ("07", 7), (noon, 9), ("08", 8)]),
    );
    write("OLD.csv", &rows(&[("02", 10), ("03", 11), ("04", 12)]));
    write("NEW.csv", &rows(&[("07", 5), (noon, 4), ("08", 5)]));
    let stay = [
        ("02", 1),
        ("03", 2),
        ("04", 3),
        ("07", 5),
        (noon, 4),
        ("08", 5),
    ];
    write("STAY.csv", &rows(&stay));
    write(
        "actions.csv",
        "Date,Symbol,Action,Value\n2013-01-05,SPLIT,split,2\n\
         2013-01-07,OLD,split,3\n2013-01-07,OLD,rename,NEW\n",
    );
    let closes = |prices: &papertrader::master::assets::PriceSnapshot| {
        let entries = prices.entries().iter();
        let told = entries.map(|it| (it.symbol, it.previous_close.map(|close| close.0)));
        told.collect::<Vec<_>>()
    };
    let steps = 5;
    let config = |interval| replay(market.path(), "2013-01-03", interval);
    let running = Running::start(
        config(Duration::from_millis(5)),
        &dir.path().join("without.db"),
    );
    let running = running.unwrap();
    let expected: Vec<_> = (0..steps)
        .map(|_| closes(&running.update().snapshot))
        .collect();
    running.stop();
    let database = dir.path().join("with.db");
    for (step, expected) in expected.iter().enumerate() {
        let config = config(Duration::from_secs(3600));
        let running = Running::start(config, &database).unwrap();
        assert_eq!(&closes(&running.update().snapshot), expected, "step {step}");
    }
    let last = &expected[steps - 1];
    let million = 1_000_000;
    assert_eq!(
        last.iter().map(|(_, close)| *close).collect::<Vec<_>>(),
        [
            Some(4 * million),
            Some(3_666_667),
            Some(9 * million),
            Some(4 * million)
        ]
    );
}

/// What an order can be tested with at an update.
fn tested_with(update: &Update, name: &str) -> (Option<Bar>, bool, FillDecision) {
    let entry = *update.snapshot.entry(&symbol(name)).unwrap();
    let decision = entry.fill(update.began_stamp);
    assert_eq!(entry.fresh, entry.bar.is_some());
    (entry.bar, entry.halted, decision)
}

#[test]
fn updates_that_a_kill_left_unsettled_come_back_as_they_were_published() {
    let (market, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| std::fs::write(market.path().join(name), text).unwrap();
    let head = "Date,Open,High,Low,Close,Volume\n";
    // Split on the last day; the price of the day before is ten times too high, and held.
    write(
        "A.csv",
        &format!("{head}2013-01-02,5,9,4,8,7\n2013-01-03,6,6,6,6,7\n2013-01-05,3,4,2,3,7\n"),
    );
    write(
        "FAR.csv",
        &format!("{head}2013-01-02,5,5,5,5,7\n2013-01-03,60,60,60,60,7\n2013-01-04,5,6,5,6,7\n"),
    );
    write(
        "STAY.csv",
        &format!(
            "{head}2013-01-02,1,1,1,1,1\n2013-01-03,1,1,1,1,1\n2013-01-04,1,1,1,1,1\n2013-01-05,1,1,1,1,1\n"
        ),
    );
    write(
        "actions.csv",
        "Date,Symbol,Action,Value\n2013-01-05,A,split,2\n",
    );
    let config = || replay(market.path(), "2013-01-02", Duration::from_secs(3600));
    let database = dir.path().join("master.db");
    let mut published = Vec::new();
    for step in 0..4 {
        let running = Running::start(config(), &database).unwrap();
        let numbers: Vec<u64> = running
            .unsettled
            .iter()
            .map(|update| update.number)
            .collect();
        assert_eq!(numbers, (1..=step).collect::<Vec<_>>(), "in order");
        published.push(running.unsettled_update());
    }
    let running = Running::start(config(), &database).unwrap();
    for (was, now) in published.iter().zip(&running.unsettled) {
        assert_eq!(was.number, now.number);
        assert_eq!(
            (was.began_stamp, was.published),
            (now.began_stamp, now.published)
        );
        assert_eq!(was.snapshot.market_now, now.snapshot.market_now);
        assert_eq!(was.snapshot.exhausted, now.snapshot.exhausted);
        for name in ["A", "STAY"] {
            assert_eq!(tested_with(was, name), tested_with(now, name), "{name}");
        }
        assert_eq!(tested_with(was, "FAR").0, tested_with(now, "FAR").0);
    }
    let bar = tested_with(&published[0], "A").0.unwrap();
    let millions = [bar.open, bar.high, bar.low, bar.close].map(|price| price.0 / 1_000_000);
    assert_eq!(
        millions,
        [5, 9, 4, 8],
        "the step's own bar, before the split"
    );
    assert!(published[3].snapshot.exhausted);
}

#[test]
fn an_update_that_transactions_has_no_room_for_comes_before_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let (inbox, updates) = bounded(1);
    let question = TransactionsMessage::Status(bounded(1).0);
    inbox.send(question).unwrap();
    let simulated = simulated(2, 1, Duration::from_millis(100));
    let database = dir.path().join("master.db");
    let running = Running::start_telling(simulated, &database, (inbox, updates)).unwrap();
    // Workers are told after transactions, whose inbox has been full for long enough.
    let told = running.workers.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(told, WorkersMessage::Update(update) if update.number == 1));
    let before = running.updates.0.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(before, TransactionsMessage::Status(_)));
    let numbers: [u64; 3] = std::array::from_fn(|_| running.update().number);
    assert_eq!(numbers, [1, 2, 3]);
    running.stop();
}

#[test]
fn settled_updates_are_forgotten_with_the_update_after() {
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("master.db");
    let config = || replay(&sample(), "2012-01-03", Duration::from_millis(5));
    let running = Running::start(config(), &database).unwrap();
    (0..19).for_each(|_| drop(running.update()));
    let settled = running.update().number;
    let made = running.handle.prices().number;
    // The one after it was perhaps being stored.
    while running.unsettled_update().number < made + 2 {}
    running.stop();
    let running = Running::start(config(), &database).unwrap();
    assert_eq!(running.unsettled[0].number, settled + 1);
}

#[test]
fn what_became_of_an_asset_that_left_the_list_is_still_applied() {
    let row = "2013-01-02,5,5,5,5,7\n2013-01-03,6,6,6,6,7\n2013-01-04,7,7,7,7,7\n";
    let text = format!("Date,Open,High,Low,Close,Volume\n{row}");
    let (market, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |name: &str, text: &str| std::fs::write(market.path().join(name), text).unwrap();
    write("OLD.csv", &text);
    write("STAY.csv", &text);
    let config = replay(market.path(), "2013-01-02", Duration::from_millis(20));
    let database = dir.path().join("master.db");
    let running = Running::start(config.clone(), &database).unwrap();
    running.update();
    running.stop();
    std::fs::rename(market.path().join("OLD.csv"), market.path().join("NEW.csv")).unwrap();
    write(
        "actions.csv",
        "Date,Symbol,Action,Value\n2013-01-03,OLD,rename,NEW\n2013-01-03,NEVER,delist,1\n\
         2013-01-03,OLD,spinoff,GONE 2\n",
    );
    let running = Running::start(config, &database).unwrap();
    let mut told = Vec::new();
    while told.is_empty() {
        told = running.update().actions.to_vec();
    }
    assert_eq!(told.len(), 1, "{told:?}: nobody ever held the others");
    assert_eq!(told[0].kind, ActionKind::Rename(symbol("NEW")));
}

/// The days of a market that begins before 1970 and ends after it, one of them 1970-01-01.
const OLD_DAYS: [&str; 5] = [
    "1963-05-01",
    "1969-12-31",
    "1970-01-01",
    "1970-01-02",
    "1971-02-01",
];

fn old_market() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = (OLD_DAYS.iter().enumerate())
        .map(|(at, day)| format!("{day},1,9,1,{},10\n", at + 2))
        .collect();
    let text = format!("Date,Open,High,Low,Close,Volume\n{}", rows.concat());
    std::fs::write(folder.path().join("OLD.csv"), text).unwrap();
    folder
}

#[test]
fn a_replay_crosses_1970_day_by_day() {
    let market = old_market();
    let database = tempfile::tempdir().unwrap();
    let file = database.path().join("master.db");
    let config = replay(market.path(), OLD_DAYS[0], Duration::from_millis(20));
    let running = Running::start(config, &file).unwrap();
    for (step, day) in OLD_DAYS.iter().enumerate() {
        let update = running.update();
        assert_eq!(update.snapshot.market_now, at(day));
        let quote = update.snapshot.entry(&symbol("OLD")).unwrap().quote;
        assert_eq!(quote.unwrap().time, at(day));
        assert_eq!(update.snapshot.exhausted, step + 1 == OLD_DAYS.len());
    }
    let year = Window::Year(at("1970-01-31"));
    let months = running.ask(symbol("OLD"), year, false).unwrap();
    let times: Vec<Timestamp> = months.iter().map(|bar| bar.time).collect();
    assert_eq!(times, [at("1969-12-01"), at("1970-01-01")]);
    running.stop();
}

#[test]
fn a_replay_that_once_passed_over_the_years_before_1970_goes_on_there() {
    let market = old_market();
    let database = tempfile::tempdir().unwrap();
    let file = database.path().join("master.db");
    // One update an hour: the first step, and no other.
    let hourly = replay(market.path(), OLD_DAYS[0], Duration::from_secs(3600));
    let running = Running::start(hourly, &file).unwrap();
    assert_eq!(running.update().snapshot.market_now, at(OLD_DAYS[0]));
    running.stop();
    let left = "UPDATE assets_position SET time = 0, exhausted = 1";
    rusqlite::Connection::open(&file)
        .unwrap()
        .execute(left, [])
        .unwrap();
    let config = replay(market.path(), OLD_DAYS[0], Duration::from_millis(20));
    let running = Running::start(config, &file).unwrap();
    for day in &OLD_DAYS[1..] {
        assert_eq!(running.update().snapshot.market_now, at(day));
    }
    running.stop();
}

#[test]
fn a_simulated_market_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let config = simulated(20, 5, Duration::from_millis(5));
    let database = dir.path().join("master.db");
    let mut last: Option<Update> = None;
    for _ in 0..3 {
        let running = Running::start(config.clone(), &database).unwrap();
        for _ in 0..50 {
            let update = running.update();
            assert!(update.snapshot.entries().iter().all(|entry| entry.fresh));
            if let Some(last) = last {
                assert!(update.snapshot.market_now > last.snapshot.market_now);
                assert_eq!(update.number, last.number + 1);
            }
            last = Some(update);
        }
        let name = symbol("SIM07");
        let now = last.as_ref().unwrap().snapshot.market_now;
        let day = running.ask(name, Window::Day(now), false).unwrap();
        assert!(day.len() >= 50 && day.windows(2).all(|pair| pair[0].close == pair[1].open));
        assert!(running.ask(name, Window::Year(now), false).unwrap().len() == 12);
        let updates = running.updates.clone();
        running.stop();
        last = updates.try_iter().last().or(last);
    }
}

/// `make market-load`: no update late, memory flat, a day's window of any asset within 5 ms.
#[test]
#[ignore = "takes minutes: make market-load"]
fn ten_thousand_assets_a_second() {
    let minutes: u64 = std::env::var("MINUTES").map_or(5, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let config = simulated(10_000, 1, Duration::from_secs(1));
    let begun = Instant::now();
    let running = Running::start(config, &dir.path().join("master.db")).unwrap();
    println!(
        "first start, with 260 past days of each: {:?}",
        begun.elapsed()
    );
    let mut last = running.update();
    let (mut took, mut asked, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..minutes * 60 {
        let update = running.update();
        assert_eq!(update.number, last.number + 1);
        assert!(update.snapshot.entries().iter().all(|entry| entry.fresh));
        took.push(update.began.elapsed());
        for spread in 0..5 {
            let name = symbol(&format!(
                "SIM{:05}",
                (round * 1237 + spread * 2001) % 10_000 + 1
            ));
            let asking = Instant::now();
            let day = running
                .ask(name, Window::Day(update.snapshot.market_now), false)
                .unwrap();
            asked.push(asking.elapsed());
            assert!(day.len() as u64 > round);
        }
        if round % 30 == 0 {
            memory.push(Resources::own().unwrap().resident >> 20);
        }
        last = update;
    }
    let (sender, status) = bounded(1);
    running
        .handle
        .sender()
        .send(AssetsMessage::Status { reply: sender })
        .unwrap();
    let missed = status.recv_timeout(PATIENCE).unwrap().missed;
    took.sort_unstable();
    asked.sort_unstable();
    let place = |all: &[Duration], part: usize| all[(all.len() - 1) * part / 100];
    println!(
        "{} updates, {missed} missed; began to published: median {:?}, 99 % {:?}, longest {:?}",
        took.len(),
        place(&took, 50),
        place(&took, 99),
        place(&took, 100)
    );
    println!(
        "a day's window: median {:?}, 99 % {:?}, longest {:?}",
        place(&asked, 50),
        place(&asked, 99),
        place(&asked, 100)
    );
    println!("resident MiB every 30 s: {memory:?}");
    assert_eq!(missed, 0, "updates were late");
    assert!(place(&asked, 50) < Duration::from_millis(5));
    let settled = memory[memory.len() / 2];
    assert!(
        *memory.last().unwrap() < settled + settled / 4 + 32,
        "memory grows: {memory:?}"
    );
}
