//! spec/master/assets/providers/alpaca.md, spec/master/assets/providers.md, spec/master/assets.md:
//! real APIs' providers against servers that answer in the documented form, or as badly as servers
//! do.

use super::assets::{Running, at, settings, symbol};
use crossbeam_channel::bounded;
use papertrader::config::{
    AlpacaSettings, AssetSettings, BinanceSettings, ProviderKind, SymbolSelection,
};
use papertrader::master::assets::provider::ProviderError;
use papertrader::master::assets::{AssetsConfig, FillDecision};
use papertrader::master::messages::{AssetsMessage, AssetsStatus, Update};
use papertrader::model::{ActionKind, Ratio};
use papertrader::model::{Bar, Money, Symbol, Timestamp};
use papertrader::testkit::mock_exchange::{ExchangeReply, ExchangeRequest, MockExchange, invalid};
use papertrader::testkit::until;
use papertrader::wire::Window;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(100);

/// A day of the past, the same at each mock exchange: opens at `n`, closes at `n` and a half.
fn past_day(n: i64) -> Bar {
    Bar {
        time: Timestamp::now().day().plus_days(n - 41),
        open: Money(n * 1_000_000),
        high: Money(n * 1_000_000 + 750_000),
        low: Money(n * 1_000_000 - 250_000),
        close: Money(n * 1_000_000 + 500_000),
        volume: 1000,
    }
}

/// The past: 40 days, the last of them yesterday.
fn past(from: Timestamp, to: Timestamp) -> Vec<Bar> {
    (1..=40)
        .map(past_day)
        .filter(|bar| bar.time >= from && bar.time <= to)
        .collect()
}

/// The price that a mock exchange shows now: it rises by a hundredth every ten milliseconds.
fn price_now() -> (Timestamp, Money) {
    let now = Timestamp::now();
    (now, Money(40_000_000 + now.0.rem_euclid(100_000) / 10 * 10))
}

/// What Alpaca refuses: query names, feeds and symbols that its documentation does not know.
fn refused_by_alpaca(asked: &ExchangeRequest) -> Option<ExchangeReply> {
    let (names, feeds): (&[&str], &[&str]) = match asked.path.as_str() {
        "/v2/assets" => (&["status", "asset_class", "exchange", "attributes"], &[]),
        "/v2/stocks/snapshots" => (
            &["symbols", "feed", "currency"],
            &["sip", "iex", "delayed_sip", "boats", "overnight", "otc"],
        ),
        "/v1/corporate-actions" => (
            &[
                "symbols",
                "cusips",
                "types",
                "start",
                "end",
                "ids",
                "limit",
                "page_token",
                "sort",
            ],
            &[],
        ),
        path if path.ends_with("/bars") => (
            &[
                "timeframe",
                "start",
                "end",
                "limit",
                "adjustment",
                "asof",
                "feed",
                "currency",
                "page_token",
                "sort",
            ],
            &["sip", "iex", "boats", "otc"],
        ),
        _ => return None,
    };
    let is_symbol = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'.')
    };
    let symbols = asked.query("symbols").split(',');
    let mut wrong = symbols.filter(|name| !name.is_empty() && !is_symbol(name));
    let most = match asked.path.as_str() {
        "/v1/corporate-actions" => 1_000,
        _ => 10_000,
    };
    let (start, end) = (asked.query("start"), asked.query("end"));
    let today = Timestamp::now().date().to_string();
    asked
        .unknown_name(names)
        .or_else(|| {
            let limit = asked.query.get("limit")?;
            let is_good = limit.parse().is_ok_and(|limit| (1..=most).contains(&limit));
            (!is_good).then(|| invalid("limit", limit))
        })
        .or_else(|| {
            (end < start).then(|| {
                ExchangeReply::status(400, r#"{"message":"end should not be before start"}"#)
            })
        })
        .or_else(|| {
            // The free key sees no trade of the last quarter of an hour.
            let is_recent = asked.path.ends_with("/bars") && *end >= *today;
            (is_recent && asked.query("feed") == "sip").then(|| {
                ExchangeReply::status(
                    403,
                    r#"{"message":"subscription does not permit querying recent SIP data"}"#,
                )
            })
        })
        .or_else(|| {
            asked
                .unknown_value("feed", feeds)
                .filter(|_| !feeds.is_empty())
        })
        .or_else(|| wrong.next().map(|name| invalid("symbol", name)))
}

/// What Alpaca answers, of the assets AAPL and BRK.B.
pub fn alpaca(asked: &ExchangeRequest) -> ExchangeReply {
    if let Some(refusal) = refused_by_alpaca(asked) {
        return refusal;
    }
    if asked.headers.get("apca-api-key-id").map(String::as_str) != Some("KEYID")
        || asked.headers.get("apca-api-secret-key").map(String::as_str) != Some("SECRET")
    {
        return ExchangeReply::status(401, "{\"message\": \"unauthorized.\"}");
    }
    let (now, price) = price_now();
    let query = |name: &str| asked.query.get(name).cloned().unwrap_or_default();
    match asked.path.as_str() {
        "/v2/assets" => {
            assert_eq!(
                (query("status"), query("asset_class")),
                ("active".into(), "us_equity".into())
            );
            ExchangeReply::json(
                r#"[{"id":"b0b6","class":"us_equity","exchange":"NASDAQ","symbol":"AAPL","name":"Apple","status":"active","tradable":true},
                    {"id":"b0b7","class":"us_equity","exchange":"NYSE","symbol":"BRK.B","status":"active","something_new":[1,2]},
                    {"id":"b0b8","class":"us_equity","exchange":"NYSE","symbol":"GONE","status":"inactive"}]"#,
            )
        }
        "/v2/stocks/snapshots" => {
            assert_eq!(query("currency"), "USD");
            let time = match query("feed").as_str() {
                "delayed_sip" => Timestamp(now.0 - 15 * 60_000),
                _ => now,
            };
            let one = |name: &str| {
                format!(
                    r#""{name}":{{"latestTrade":{{"t":"{time}","x":"V","p":{price},"s":7,"c":["@"],"i":1,"z":"C"}},
                    "latestQuote":{{"bp":1,"ap":2}},"minuteBar":null,"dailyBar":null,"prevDailyBar":null}}"#
                )
            };
            let names = query("symbols");
            let known = names
                .split(',')
                .filter(|name| ["AAPL", "BRK.B"].contains(name));
            ExchangeReply::json(format!(
                "{{{}}}",
                known.map(one).collect::<Vec<_>>().join(",")
            ))
        }
        "/v2/stocks/AAPL/bars" | "/v2/stocks/BRK.B/bars" => {
            assert_eq!(
                (query("timeframe"), query("adjustment"), query("feed")),
                ("1Day".into(), "raw".into(), "sip".into())
            );
            let all = past(at(&query("start")), at(&query("end")));
            // Pages of 15 days.
            let (page, rest) = all.split_at(all.len().min(15));
            let bars: Vec<String> = page
                .iter()
                .map(|bar| {
                    format!(
                        r#"{{"t":"{}T05:00:00Z","o":{},"h":{},"l":{},"c":{},"v":{},"n":3,"vw":1.5}}"#,
                        bar.time.date(),
                        bar.open,
                        bar.high,
                        bar.low,
                        bar.close,
                        bar.volume
                    )
                })
                .collect();
            let token = if rest.is_empty() {
                "null"
            } else {
                "\"QUFQTHxN\""
            };
            ExchangeReply::json(format!(
                r#"{{"bars":[{}],"symbol":"AAPL","next_page_token":{token},"currency":"USD"}}"#,
                bars.join(",")
            ))
        }
        "/v1/corporate-actions" => {
            assert_eq!((query("types"), query("limit")), ("".into(), "1000".into()));
            corporate_actions(now, &query("start"), &query("end"), &query("page_token"))
        }
        other => ExchangeReply::status(404, &format!("{{\"message\":\"{other}?\"}}")),
    }
}

/// Alpaca's corporate actions of AAPL that are processed between two days: one a page.
fn corporate_actions(now: Timestamp, start: &str, end: &str, token: &str) -> ExchangeReply {
    let day = |days: i64| now.plus_days(days).date().to_string();
    let split = |new: u32, old: u32, ex: &str| {
        format!(
            r#""id":"of-{ex}","symbol":"AAPL","cusip":"0","new_rate":{new},"old_rate":{old},"process_date":"{ex}","ex_date":"{ex}""#
        )
    };
    let dividend = |rate: &str, ex: &str, paid: &str| {
        format!(
            r#""symbol":"AAPL","rate":{rate},"special":false,"foreign":false,"process_date":"{paid}","ex_date":"{ex}","record_date":"{ex}","payable_date":"{paid}""#
        )
    };
    let long_ago = "2016-08-31".to_owned();
    // In force, announced, or over before anybody held the asset; by the day on which they are
    // processed.
    let mut all = [
        (long_ago.clone(), "forward_splits", split(4, 1, &long_ago)),
        (day(-3), "forward_splits", split(2, 1, &day(-3))),
        (
            day(1),
            "cash_dividends",
            dividend("0.2", &day(-40), &day(1)),
        ),
        (day(3), "reverse_splits", split(1, 8, &day(3))),
        (
            day(20),
            "cash_dividends",
            dividend("0.24", &day(-3), &day(20)),
        ),
        (
            day(5),
            "rights_distributions",
            format!(
                r#""id":"r","source_symbol":"AAPL","new_symbol":"AAPL.R","rate":1,"ex_date":"{0}","process_date":"{0}""#,
                day(5)
            ),
        ),
        (
            day(-3),
            "stock_dividends",
            format!(
                r#""id":"s","symbol":"AAPL","rate":0.04,"ex_date":"{}""#,
                day(-3)
            ),
        ),
    ]
    .to_vec();
    all.retain(|(processed, ..)| start <= processed.as_str() && processed.as_str() <= end);
    all.sort();
    let page: usize = token.parse().unwrap_or(0);
    let Some((_, kind, action)) = all.get(page) else {
        return ExchangeReply::json(r#"{"corporate_actions":{},"next_page_token":null}"#);
    };
    let next = match page + 1 < all.len() {
        true => format!("\"{}\"", page + 1),
        false => "null".to_owned(),
    };
    ExchangeReply::json(format!(
        r#"{{"corporate_actions":{{"{kind}":[{{{action}}}]}},"next_page_token":{next}}}"#
    ))
}

/// What Binance refuses: query names and symbols that it does not know, and more bars than it gives.
fn refused_by_binance(asked: &ExchangeRequest) -> Option<ExchangeReply> {
    let refusal = |code: i32, text: &str| {
        ExchangeReply::status(400, &format!(r#"{{"code":{code},"msg":"{text}"}}"#))
    };
    if asked.path == "/api/v3/klines" {
        if !["BTCUSDT", "ETHUSDT", "BTCEUR", "OLDUSDT"].contains(&asked.query("symbol")) {
            return Some(refusal(-1121, "Invalid symbol."));
        }
        if !asked
            .query("limit")
            .parse()
            .is_ok_and(|limit| (1..=1000).contains(&limit))
        {
            return Some(refusal(
                -1130,
                "Data sent for parameter 'limit' is not valid.",
            ));
        }
    }
    asked.unknown_name(match asked.path.as_str() {
        "/api/v3/exchangeInfo" => &[
            "symbol",
            "symbols",
            "permissions",
            "showPermissionSets",
            "symbolStatus",
        ],
        "/api/v3/ticker/24hr" => &["symbol", "symbols", "type", "symbolStatus"],
        "/api/v3/klines" => &[
            "symbol",
            "interval",
            "startTime",
            "endTime",
            "timeZone",
            "limit",
        ],
        _ => return None,
    })
}

/// What Binance answers, of the assets BTCUSDT and ETHUSDT.
pub fn binance(asked: &ExchangeRequest) -> ExchangeReply {
    if let Some(refusal) = refused_by_binance(asked) {
        return refusal;
    }
    let (now, price) = price_now();
    let query = |name: &str| asked.query.get(name).cloned().unwrap_or_default();
    match asked.path.as_str() {
        "/api/v3/exchangeInfo" => ExchangeReply::json(
            r#"{"timezone":"UTC","serverTime":1565246363776,"rateLimits":[{}],"symbols":[
                {"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","filters":[]},
                {"symbol":"ETHUSDT","status":"TRADING","baseAsset":"ETH","quoteAsset":"USDT"},
                {"symbol":"BTCEUR","status":"TRADING","baseAsset":"BTC","quoteAsset":"EUR"},
                {"symbol":"OLDUSDT","status":"BREAK","baseAsset":"OLD","quoteAsset":"USDT"}]}"#,
        ),
        "/api/v3/ticker/24hr" => {
            let one = |name: &str| {
                format!(
                    r#"{{"symbol":"{name}","priceChange":"-94.99999800","weightedAvgPrice":"0.29628482","lastPrice":"{price}",
                    "lastQty":"200.00000000","openPrice":"99.0","highPrice":"100.0","lowPrice":"0.1","volume":"8913.3",
                    "quoteVolume":"15.3","openTime":{},"closeTime":{},"firstId":28385,"lastId":{},"count":76}}"#,
                    now.0 - 86_400_000,
                    now.0,
                    now.0
                )
            };
            ExchangeReply::json(format!(
                "[{},{},{}]",
                one("BTCUSDT"),
                one("ETHUSDT"),
                one("BTCEUR")
            ))
        }
        "/api/v3/klines" => {
            assert_eq!(
                (query("interval"), query("limit")),
                ("1d".into(), "1000".into())
            );
            let number = |name: &str| Timestamp(query(name).parse().unwrap());
            let rows: Vec<String> = past(number("startTime"), number("endTime"))
                .iter()
                .map(|bar| {
                    format!(
                        r#"[{},"{}","{}","{}","{}","{}.5",{},"2434.1",308,"1756.8","28.4","0"]"#,
                        bar.time.0,
                        bar.open,
                        bar.high,
                        bar.low,
                        bar.close,
                        bar.volume,
                        bar.time.0 + 86_399_999
                    )
                })
                .collect();
            ExchangeReply::json(format!("[{}]", rows.join(",")))
        }
        other => ExchangeReply::status(404, other),
    }
}

fn config(assets: AssetSettings, symbols: SymbolSelection) -> AssetsConfig {
    AssetsConfig {
        assets: AssetSettings {
            symbols,
            stale_after: 30,
            calls_per_minute: 100_000,
            calls_per_day: 1_000_000,
            ..assets
        },
        update_interval: INTERVAL,
        extra_roots: None,
        kept_bars: None,
    }
}

fn trusting(ca: Option<PathBuf>, config: AssetsConfig) -> AssetsConfig {
    AssetsConfig {
        extra_roots: ca,
        ..config
    }
}

pub fn key(dir: &Path) -> PathBuf {
    let path = dir.join("alpaca.key");
    std::fs::write(&path, "KEYID\nSECRET\n").unwrap();
    path
}

fn alpaca_at(url: String, dir: &Path) -> AssetSettings {
    AssetSettings {
        alpaca: Some(AlpacaSettings {
            assets_url: url.clone(),
            url,
            credentials: key(dir),
            feed: "iex".into(),
            history_feed: "sip".into(),
        }),
        ..settings(&[ProviderKind::Alpaca])
    }
}

fn binance_at(url: String) -> AssetSettings {
    AssetSettings {
        binance: Some(BinanceSettings {
            url,
            quote: "USDT".into(),
        }),
        ..settings(&[ProviderKind::Binance])
    }
}

pub fn status(running: &Running) -> AssetsStatus {
    let (sender, status) = bounded(1);
    running
        .handle
        .sender()
        .send(AssetsMessage::Status { reply: sender })
        .unwrap();
    status.recv_timeout(Duration::from_secs(10)).unwrap()
}

/// TLS with a new certificate for `host`, which is written to `ca`.
fn tls(host: &str, ca: &Path) -> Arc<ServerConfig> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![host.to_owned()]).unwrap();
    std::fs::write(ca, cert.pem()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    Arc::new(config)
}

fn update_where(running: &Running, what: &str, is_so: impl Fn(&Update) -> bool) -> Update {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let update = running.update();
        if is_so(&update) {
            return update;
        }
        assert!(Instant::now() < deadline, "{what}");
    }
}

/// A day's trading: quotes, all windows, and an order that fills at a price younger than itself.
fn trade_a_day(running: &Running, name: Symbol) {
    let first = running.update();
    let entry = *first.snapshot.entry(&name).unwrap();
    assert!(entry.fresh && entry.real_time && !entry.stale);
    assert!(entry.quote.unwrap().value >= Money(40_000_000));
    // An order fills at no price that is older than itself, and at the first that is not.
    let accepted = Timestamp::now();
    assert_eq!(
        entry.fill(accepted.max(Timestamp(entry.quote.unwrap().time.0 + 1))),
        FillDecision::Wait
    );
    let filled = update_where(running, "an update after the order", |update| {
        update.began_stamp > accepted
    });
    match filled.snapshot.entry(&name).unwrap().fill(accepted) {
        FillDecision::At(quote) => assert!(quote.time >= accepted),
        other => panic!("{other:?}"),
    }
    until("the past is filled in", || status(running).unfilled == 0);
    let last = update_where(running, "five updates", |update| update.number >= 5);
    let now = last.snapshot.market_now;
    let ask = |window| running.ask(name, window, false).unwrap();
    let ticks = ask(Window::Day(now));
    assert!(ticks.len() >= 4, "{}", ticks.len());
    assert!(ticks.windows(2).all(|pair| pair[0].time < pair[1].time));
    let today = now.day();
    let mut expected: Vec<Bar> = past(today.plus_days(-6), today.plus_days(-1));
    let week = ask(Window::Week(now));
    // Days before yesterday are complete; whether yesterday is depends on the hour.
    assert_eq!(week[..5], expected[..5]);
    assert_eq!(week.last().unwrap().time, today);
    assert_eq!(week.last().unwrap().open, ticks[0].open);
    let month = ask(Window::Month(today.plus_days(-3)));
    expected = past(
        today.plus_days(-3).months_before(1).plus_days(1),
        today.plus_days(-3),
    );
    assert_eq!(month, expected);
    for bars in [ask(Window::Year(now)), ask(Window::AllTime)] {
        assert_eq!(
            bars.last().unwrap().close,
            ask(Window::Day(Timestamp::now())).last().unwrap().close
        );
        assert_eq!(bars[0].open, past_day(1).open);
    }
}

#[test]
fn stocks_from_alpaca_over_tls() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let server = MockExchange::start_tls(tls("localhost", &ca), alpaca);
    let provider = alpaca_at(server.url("localhost"), dir.path());
    let listed = SymbolSelection::Listed([symbol("AAPL"), symbol("BRK.B"), symbol("NOPE")].into());
    let running = Running::start(
        trusting(Some(ca), config(provider, listed)),
        &dir.path().join("a.db"),
    )
    .unwrap();
    let first = running.update();
    let kinds: Vec<ActionKind> = first.actions.iter().map(|action| action.kind).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(kinds.contains(&ActionKind::Split(Ratio::new(26, 25).unwrap())));
    let unapplied = status(&running).unapplied;
    assert_eq!(unapplied.len(), 1, "{unapplied:?}");
    let said = &unapplied[0];
    assert!(
        said.contains("rights_distributions") && said.contains("AAPL"),
        "{said}"
    );
    assert!(kinds.contains(&ActionKind::Dividend(Money(240_000))));
    assert!(
        matches!(kinds.iter().find(|k| matches!(k, ActionKind::Split(_))), Some(ActionKind::Split(r)) if r.to_string() == "2")
    );
    assert!(running.update().actions.is_empty(), "once");
    let nope = *first.snapshot.entry(&symbol("NOPE")).unwrap();
    assert_eq!(
        (nope.quote, nope.fresh),
        (None, false),
        "listed, and known to nobody"
    );
    trade_a_day(&running, symbol("AAPL"));
    let raw = running.ask(symbol("AAPL"), Window::AllTime, false).unwrap();
    let adjusted = running.ask(symbol("AAPL"), Window::AllTime, true).unwrap();
    assert!(adjusted[0].open.0 * 2 <= raw[0].open.0 && adjusted[0].open > Money::ZERO);
    assert_eq!(status(&running).served, ["alpaca"]);
    until("the past's actions", || {
        running.handle.prices().actions(&symbol("AAPL")).len() == 5
    });
    let known = running.handle.prices().actions(&symbol("AAPL")).to_vec();
    assert_eq!(known.len(), 5, "{known:?}");
    assert_eq!(
        known[1].kind,
        ActionKind::Dividend(Money(200_000)),
        "over long ago, though it is paid tomorrow"
    );
    assert_eq!(
        known[0].time,
        at("2016-08-31T08:00:00Z"),
        "of the past, and told to nobody"
    );
    assert!(
        running
            .updates
            .try_iter()
            .all(|update| update.actions.is_empty())
    );
}

/// An identifier that Alpaca lists as active, and refuses as a symbol in every call.
const ODD: &str = "0055512E7";

#[test]
fn a_symbol_that_the_api_refuses_costs_no_other_its_price() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockExchange::start(|asked| match asked.path.as_str() {
        "/v2/assets" => ExchangeReply::json(format!(
            r#"[{{"symbol":"AAPL","status":"active","tradable":true}},{{"status":"active"}},17,
                {{"symbol":"BRK.B","status":"active"}},{{"symbol":"{ODD}","status":"active","tradable":true}},
                {{"symbol":"HALTED","status":"active","tradable":false}}]"#
        )),
        _ => alpaca(asked),
    });
    let provider = alpaca_at(server.url("127.0.0.1"), dir.path());
    let config = config(provider, SymbolSelection::All);
    let running = Running::start(config, &dir.path().join("a.db")).unwrap();
    let listed: Vec<Symbol> = running.handle.prices().symbols().collect();
    assert_eq!(listed, [symbol(ODD), symbol("AAPL"), symbol("BRK.B")]);
    let first = running.update();
    for name in ["AAPL", "BRK.B"] {
        assert!(first.snapshot.entry(&symbol(name)).unwrap().fresh, "{name}");
    }
    assert_eq!(first.actions.len(), 3, "though the odd one was in the call");
    let status = status(&running);
    assert!(status.failures.is_empty(), "{:?}", status.failures);
    let said = status.input_warnings.join("\n");
    assert!(
        said.contains(ODD) && said.contains("invalid symbol"),
        "{said}"
    );
    // It is not asked for again, update by update.
    let (before, calls) = (running.update().number, server.calls());
    let later = update_where(&running, "ten more", |update| update.number >= before + 10);
    let past = 40;
    let most = usize::try_from(later.number - before).unwrap() + past;
    assert!(server.calls() - calls <= most, "{}", server.calls() - calls);
}

#[test]
fn one_day_that_cannot_be_read_costs_no_other_day() {
    let dir = tempfile::tempdir().unwrap();
    let spoil = |reply: ExchangeReply, what: &str, with: &str| match reply {
        ExchangeReply::Plain(status, headers, body) => {
            assert!(body.contains(what), "{body}");
            ExchangeReply::Plain(status, headers, body.replacen(what, with, 1))
        }
        other => other,
    };
    let stocks = MockExchange::start(move |asked| match asked.path.as_str() {
        "/v2/stocks/AAPL/bars" if asked.query("start") == "2016-01-01" => {
            spoil(alpaca(asked), "\"c\":3.5,", "\"c\":null,")
        }
        _ => alpaca(asked),
    });
    let coins = MockExchange::start(move |asked| match asked.path.as_str() {
        "/api/v3/klines" => spoil(binance(asked), "\"3.5\"", "\"three and a half\""),
        _ => binance(asked),
    });
    let cases = [
        (alpaca_at(stocks.url("127.0.0.1"), dir.path()), "AAPL"),
        (binance_at(coins.url("127.0.0.1")), "ETHUSDT"),
    ];
    for (provider, name) in cases {
        let listed = SymbolSelection::Listed([symbol(name)].into());
        let file = dir.path().join(format!("{name}.db"));
        let running = Running::start(config(provider, listed), &file).unwrap();
        until("the past is filled in", || status(&running).unfilled == 0);
        let last = Timestamp::now().day().plus_days(-2);
        let days = running
            .ask(symbol(name), Window::Month(last), false)
            .unwrap();
        let mut expected = past(last.months_before(1).plus_days(1), last);
        expected.retain(|bar| *bar != past_day(3));
        assert_eq!(days, expected, "{name}");
        let first = running.ask(symbol(name), Window::AllTime, false).unwrap()[0];
        assert_eq!(first.open, past_day(1).open, "{name}");
    }
}

#[test]
fn a_delayed_feed_is_as_old_as_it_says_and_no_older() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockExchange::start(alpaca);
    let mut provider = alpaca_at(server.url("127.0.0.1"), dir.path());
    if let Some(alpaca) = &mut provider.alpaca {
        alpaca.feed = "delayed_sip".to_owned();
    }
    let listed = SymbolSelection::Listed([symbol("AAPL")].into());
    let running = Running::start(config(provider, listed), &dir.path().join("a.db")).unwrap();
    let update = running.update();
    let entry = *update.snapshot.entry(&symbol("AAPL")).unwrap();
    assert!(entry.fresh && entry.real_time && !entry.stale);
    let quarter = 15 * 60_000;
    assert!(update.published.since(entry.quote.unwrap().time) >= quarter);
    // An order waits until the feed gets to it: it fills at no price older than itself.
    assert_eq!(entry.fill(update.began_stamp), FillDecision::Wait);
    let order = Timestamp(update.began_stamp.0 - quarter - 60_000);
    assert!(matches!(entry.fill(order), FillDecision::At(_)));
    // Its past comes from another feed.
    until("the past is filled in", || status(&running).unfilled == 0);
}

#[test]
fn another_currency_is_no_price() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockExchange::start(|asked| match asked.path.as_str() {
        "/v2/stocks/snapshots" => ExchangeReply::json(
            r#"{"currency":"EUR","snapshots":{"AAPL":{"latestTrade":{"t":"2024-01-02T15:00:00Z","p":1}}}}"#,
        ),
        "/v2/stocks/AAPL/bars" => {
            ExchangeReply::json(r#"{"bars":[],"currency":"EUR","next_page_token":null}"#)
        }
        _ => alpaca(asked),
    });
    let provider = alpaca_at(server.url("127.0.0.1"), dir.path());
    let listed = SymbolSelection::Listed([symbol("AAPL")].into());
    let running = Running::start(config(provider, listed), &dir.path().join("a.db")).unwrap();
    let failures = status(&running).failures;
    assert!(
        failures[0].1.contains("\"EUR\", not in USD"),
        "{failures:?}"
    );
    assert_eq!(
        running
            .handle
            .prices()
            .entry(&symbol("AAPL"))
            .unwrap()
            .quote,
        None
    );
}

#[test]
fn prices_are_not_trusted_without_word_of_splits() {
    let dir = tempfile::tempdir().unwrap();
    let silent = Arc::new(AtomicBool::new(true));
    let is_silent = Arc::clone(&silent);
    let server = MockExchange::start(move |asked| match asked.path.as_str() {
        "/v1/corporate-actions" if is_silent.load(Ordering::SeqCst) => {
            ExchangeReply::status(403, "subscription")
        }
        _ => alpaca(asked),
    });
    let provider = alpaca_at(server.url("127.0.0.1"), dir.path());
    let listed = SymbolSelection::Listed([symbol("AAPL")].into());
    let running = Running::start(config(provider, listed), &dir.path().join("a.db")).unwrap();
    assert!(status(&running).failures[0].1.contains("403"));
    assert_eq!(
        running
            .handle
            .prices()
            .entry(&symbol("AAPL"))
            .unwrap()
            .quote,
        None
    );
    silent.store(false, Ordering::SeqCst);
    let update = update_where(&running, "prices", |update| {
        update.snapshot.entries()[0].fresh
    });
    assert_eq!(update.actions.len(), 3);
}

#[test]
fn pages_without_days_are_followed_to_those_with_days() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockExchange::start(|asked| {
        if asked.path != "/v2/stocks/AAPL/bars" || asked.query("page_token") == "second" {
            return alpaca(asked);
        }
        let (bars, token) = match asked.query("page_token") {
            "" => ("null", "first"),
            _ => ("[]", "second"),
        };
        ExchangeReply::json(format!(
            r#"{{"bars":{bars},"symbol":"AAPL","next_page_token":"{token}"}}"#
        ))
    });
    let provider = alpaca_at(server.url("127.0.0.1"), dir.path());
    let listed = SymbolSelection::Listed([symbol("AAPL")].into());
    let running = Running::start(config(provider, listed), &dir.path().join("a.db")).unwrap();
    until("the past is complete", || status(&running).unfilled == 0);
    let month = Window::Month(Timestamp::now().day());
    let days = running.ask(symbol("AAPL"), month, false).unwrap();
    assert!(days.len() > 1, "{days:?}");
}

#[test]
fn an_ex_date_begins_with_its_night_where_a_feed_trades_at_night() {
    for (feed, hour) in [("iex", 8), ("sip", 8), ("overnight", 0), ("boats", 0)] {
        let dir = tempfile::tempdir().unwrap();
        let server = MockExchange::start(alpaca);
        let mut provider = alpaca_at(server.url("127.0.0.1"), dir.path());
        provider.alpaca.as_mut().unwrap().feed = feed.into();
        let listed = SymbolSelection::Listed([symbol("AAPL")].into());
        let running = Running::start(config(provider, listed), &dir.path().join("a.db")).unwrap();
        let prices = running.handle.prices();
        let actions = prices.actions(&symbol("AAPL"));
        assert!(!actions.is_empty());
        for action in actions {
            let within = action.time.since(action.time.day());
            assert_eq!(within, hour * 3_600_000, "{feed}: {action:?}");
        }
    }
}

#[test]
fn a_ticker_of_before_a_restart_is_no_new_price() {
    let dir = tempfile::tempdir().unwrap();
    // Nobody trades, and the ticker's window goes on.
    let server = MockExchange::start(|asked| match binance(asked) {
        ExchangeReply::Plain(200, headers, body) if asked.path == "/api/v3/ticker/24hr" => {
            let mut tickers: serde_json::Value = serde_json::from_str(&body).unwrap();
            for ticker in tickers.as_array_mut().unwrap() {
                ticker["lastId"] = 7.into();
                ticker["lastPrice"] = "41.5".into();
            }
            ExchangeReply::Plain(200, headers, tickers.to_string())
        }
        other => other,
    });
    let config = || {
        let listed = SymbolSelection::Listed([symbol("BTCUSDT")].into());
        config(binance_at(server.url("127.0.0.1")), listed)
    };
    let database = dir.path().join("b.db");
    let running = Running::start(config(), &database).unwrap();
    let quote = |running: &Running| running.handle.prices().entries()[0].quote.unwrap();
    let first = quote(&running);
    running.stop();
    let running = Running::start(config(), &database).unwrap();
    for _ in 0..2 {
        let update = running.update();
        assert!(!update.snapshot.entries()[0].fresh);
    }
    assert_eq!(quote(&running), first);
}

#[test]
fn coins_from_binance() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockExchange::start(binance);
    let provider = binance_at(server.url("127.0.0.1"));
    let running = Running::start(
        config(provider, SymbolSelection::All),
        &dir.path().join("b.db"),
    )
    .unwrap();
    let names: Vec<Symbol> = running.handle.prices().symbols().collect();
    assert_eq!(
        names,
        [symbol("BTCUSDT"), symbol("ETHUSDT")],
        "in the right currency, and traded"
    );
    trade_a_day(&running, symbol("ETHUSDT"));
}

/// Everything that a server can do wrong: what is said of it, and that the last good prices stay.
#[test]
fn every_bad_answer_leaves_the_last_good_prices() {
    type Bad = (&'static str, fn() -> ExchangeReply, &'static str);
    let cases: [Bad; 15] = [
        (
            "HTML",
            || ExchangeReply::status(200, "<html><body>Sign in</body></html>"),
            "a web page came",
        ),
        (
            "half a JSON",
            || ExchangeReply::json(r#"[{"symbol":"BTCUSDT","lastPr"#),
            "something else came",
        ),
        (
            "an answer cut short",
            || ExchangeReply::Half(format!("[{}]", " ".repeat(5000))),
            "",
        ),
        (
            "1 GB",
            || ExchangeReply::Endless(1 << 30),
            "more than 64 MiB",
        ),
        (
            "nothing",
            || ExchangeReply::Silence(Duration::from_secs(60)),
            "did not answer in time",
        ),
        ("not HTTP", || ExchangeReply::Noise, ""),
        (
            "401",
            || ExchangeReply::status(401, "{\"message\":\"unauthorized.\"}"),
            "does not accept the key (401), saying",
        ),
        (
            "403",
            || ExchangeReply::status(403, "forbidden"),
            "does not allow this with this key (403)",
        ),
        ("404", || ExchangeReply::status(404, ""), "answered 404"),
        (
            "429",
            || ExchangeReply::Plain(429, vec![("Retry-After", "7".into())], String::new()),
            "left alone for 7 s",
        ),
        (
            "429 with the second of its end",
            || {
                let end = Timestamp::now().0 / 1000 + 500;
                ExchangeReply::Plain(
                    429,
                    vec![("X-RateLimit-Reset", end.to_string())],
                    String::new(),
                )
            },
            "left alone for 50",
        ),
        (
            "418",
            || ExchangeReply::status(418, ""),
            "left alone for 60 s",
        ),
        (
            "500",
            || ExchangeReply::status(500, "oops"),
            "trouble of its own (500)",
        ),
        (
            "a redirect",
            || {
                ExchangeReply::Plain(
                    302,
                    vec![("Location", "http://evil.example/".into())],
                    String::new(),
                )
            },
            "redirects to",
        ),
        (
            "another form",
            || ExchangeReply::json(r#"{"code":-1121,"msg":"Invalid symbol."}"#),
            "something else came",
        ),
    ];
    for (name, reply, said) in cases {
        let dir = tempfile::tempdir().unwrap();
        let bad = Arc::new(AtomicBool::new(false));
        let is_bad = Arc::clone(&bad);
        let server = MockExchange::start(move |asked| {
            if is_bad.load(Ordering::SeqCst) {
                reply()
            } else {
                binance(asked)
            }
        });
        let provider = binance_at(server.url("127.0.0.1"));
        let running = Running::start(
            config(provider, SymbolSelection::All),
            &dir.path().join("b.db"),
        )
        .unwrap();
        running.update();
        bad.store(true, Ordering::SeqCst);
        until(name, || !status(&running).failures.is_empty());
        let now = status(&running);
        assert!(
            now.failures[0].1.contains(said),
            "{name}: {:?}",
            now.failures
        );
        assert!(now.failures[0].1.len() < 400, "{name}: {:?}", now.failures);
        let prices = running.handle.prices();
        let quote = prices.entry(&symbol("BTCUSDT")).unwrap().quote.unwrap();
        assert!(
            quote.value >= Money(40_000_000) && quote.time <= Timestamp::now(),
            "{name}: its age is visible"
        );
        assert!(
            running
                .ask(symbol("BTCUSDT"), Window::Day(Timestamp::now()), false)
                .unwrap()
                .len()
                == now.number as usize
        );
    }
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let server = MockExchange::start_tls(tls("other.example", &ca), binance);
    for trusted in [Some(ca), None] {
        let provider = binance_at(server.url("localhost"));
        let listed = SymbolSelection::Listed([symbol("BTCUSDT")].into());
        let running = Running::start(
            trusting(trusted, config(provider, listed)),
            &dir.path().join("b.db"),
        )
        .unwrap();
        let failures = status(&running).failures;
        assert!(
            failures[0].1.contains("could not prove who it is"),
            "{failures:?}"
        );
        assert_eq!(
            running
                .handle
                .prices()
                .entry(&symbol("BTCUSDT"))
                .unwrap()
                .quote,
            None
        );
    }
    assert_eq!(server.calls(), 0, "no key and no question went out");
}

#[test]
fn junk_is_refused_by_symbol_and_the_rest_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let round = Arc::new(AtomicU16::new(0));
    let rounds = Arc::clone(&round);
    let server = MockExchange::start(move |asked| {
        if asked.path == "/api/v3/exchangeInfo" {
            let names = [
                "GOOD", "NEG", "ZERO", "TEXT", "LATE", "SOON", "JUMP", "LOST", "HALF",
            ];
            let one = |name: &&str| {
                format!(r#"{{"symbol":"{name}","status":"TRADING","quoteAsset":"USDT"}}"#)
            };
            return ExchangeReply::json(format!(
                "{{\"symbols\":[{}]}}",
                names.iter().map(one).collect::<Vec<_>>().join(",")
            ));
        }
        if asked.path != "/api/v3/ticker/24hr" {
            return ExchangeReply::json("[]");
        }
        let round = rounds.fetch_add(1, Ordering::SeqCst);
        let now = Timestamp::now().0;
        let good = |name: &str, price: &str, time: i64| {
            format!(
                r#"{{"symbol":"{name}","lastPrice":"{price}","closeTime":{time},"lastId":{now}}}"#
            )
        };
        let odd = round > 0;
        let either = |a: &str, b: &str| if odd { a.to_owned() } else { b.to_owned() };
        let mut all = vec![
            good("GOOD", "100", now),
            good("NEG", &either("-3", "100"), now),
            good("ZERO", &either("0.0000001", "100"), now),
            good("TEXT", &either("lots", "100"), now),
            good("LATE", "100", if odd { now - 3_600_000 } else { now }),
            good("SOON", "100", if odd { now + 3_600_000 } else { now }),
            // It is believed with the third further price.
            good("JUMP", &either("9000", "100"), now),
        ];
        if odd {
            all.push(r#"{"symbol":"HALF","lastPrice":"100"}"#.to_owned());
        } else {
            all.push(good("HALF", "100", now));
            all.push(good("LOST", "100", now));
        }
        ExchangeReply::json(format!("[{}]", all.join(",")))
    });
    let provider = binance_at(server.url("127.0.0.1"));
    let running = Running::start(
        config(provider, SymbolSelection::All),
        &dir.path().join("b.db"),
    )
    .unwrap();
    let first = running.update();
    assert!(first.snapshot.entries().iter().all(|entry| entry.fresh));
    let second = running.update();
    for entry in second.snapshot.entries() {
        assert_eq!(
            entry.fresh,
            entry.symbol.as_str() == "GOOD",
            "{}",
            entry.symbol
        );
        assert_eq!(
            entry.quote.unwrap().value,
            Money(100_000_000),
            "{}",
            entry.symbol
        );
    }
    let jump = |update: &Update| {
        update
            .snapshot
            .entry(&symbol("JUMP"))
            .unwrap()
            .quote
            .unwrap()
            .value
    };
    for held in 2..=3 {
        let update = running.update();
        assert_eq!(jump(&update), Money(100_000_000));
        assert_eq!(update.snapshot.held()[&symbol("JUMP")].seen, held);
    }
    let fifth = running.update();
    assert_eq!(jump(&fifth), Money(9_000_000_000));
    // SOON, whose first price was good, is not believed an hour ahead however often it says so.
    assert_eq!(
        fifth
            .snapshot
            .entry(&symbol("SOON"))
            .unwrap()
            .quote
            .unwrap()
            .value,
        Money(100_000_000)
    );
    assert!(status(&running).refused >= 20);
}

#[test]
fn a_second_provider_takes_over_and_gives_back() {
    let dir = tempfile::tempdir().unwrap();
    let down = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&down);
    let first = MockExchange::start(move |asked| {
        if is_down.load(Ordering::SeqCst) {
            ExchangeReply::status(500, "")
        } else {
            binance(asked)
        }
    });
    // The same coins through another API, whose list has them as its own.
    let second = MockExchange::start(|asked| match asked.path.as_str() {
        "/v2/assets" => ExchangeReply::json(
            r#"[{"symbol":"BTCUSDT","status":"active"},{"symbol":"AAPL","status":"active"}]"#,
        ),
        "/v2/stocks/snapshots" => {
            let (now, price) = price_now();
            let names = asked.query["symbols"].clone();
            let one =
                |name: &str| format!(r#""{name}":{{"latestTrade":{{"t":"{now}","p":{price}}}}}"#);
            ExchangeReply::json(format!(
                "{{{}}}",
                names.split(',').map(one).collect::<Vec<_>>().join(",")
            ))
        }
        "/v1/corporate-actions" => {
            ExchangeReply::json(r#"{"corporate_actions":{},"next_page_token":null}"#)
        }
        _ => ExchangeReply::json(r#"{"bars":null,"next_page_token":null}"#),
    });
    let providers = AssetSettings {
        providers: vec![ProviderKind::Binance, ProviderKind::Alpaca],
        binance: binance_at(first.url("127.0.0.1")).binance,
        ..alpaca_at(second.url("127.0.0.1"), dir.path())
    };
    let listed = SymbolSelection::Listed([symbol("AAPL"), symbol("BTCUSDT")].into());
    let running = Running::start(config(providers, listed), &dir.path().join("b.db")).unwrap();
    let both = running.update();
    assert!(
        both.snapshot.entries().iter().all(|entry| entry.fresh),
        "each has what the other lacks"
    );
    assert_eq!(status(&running).served, ["binance", "alpaca"]);
    down.store(true, Ordering::SeqCst);
    until("it takes over", || status(&running).served == ["alpaca"]);
    // At the very update that the first fails, and at every one from then on.
    let update = running.handle.prices();
    assert!(
        update
            .entries()
            .iter()
            .all(|entry| entry.fresh && entry.quote.is_some())
    );
    down.store(false, Ordering::SeqCst);
    until("it gives back", || {
        status(&running).served == ["binance", "alpaca"]
    });
    // Nothing was left out meanwhile: updates have consecutive numbers, each with a fresh price.
    let mut last = both.number;
    for update in running.updates.try_iter() {
        assert_eq!(update.number, last + 1);
        assert!(
            update.snapshot.entry(&symbol("BTCUSDT")).unwrap().fresh,
            "update {}",
            update.number
        );
        last = update.number;
    }
}

#[test]
fn a_budget_is_kept_and_clients_do_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockExchange::start(binance);
    let provider = binance_at(server.url("127.0.0.1"));
    let mut config = config(provider, SymbolSelection::All);
    config.assets.calls_per_minute = 6;
    let running = Running::start(config, &dir.path().join("b.db")).unwrap();
    for _ in 0..50 {
        running
            .ask(symbol("BTCUSDT"), Window::AllTime, false)
            .unwrap();
    }
    until("the budget is spent", || {
        !status(&running).failures.is_empty()
    });
    let now = status(&running);
    assert!(now.failures[0].1.contains("budget"), "{:?}", now.failures);
    assert_eq!(now.calls[0].1.minute, 6);
    assert_eq!(server.calls(), 6);
    let budget = ProviderError::Budget(Duration::from_secs(59)).to_string();
    assert!(budget.contains("59 s"), "{budget}");
}

#[test]
fn a_restart_goes_on_filling_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let served = Arc::new(AtomicU16::new(0));
    let pages = Arc::clone(&served);
    // The second page of an asset's days never comes while the first server runs.
    let first = MockExchange::start(move |asked| {
        if asked.path.ends_with("/bars") && pages.fetch_add(1, Ordering::SeqCst) > 0 {
            return ExchangeReply::status(503, "");
        }
        alpaca(asked)
    });
    let listed = || SymbolSelection::Listed([symbol("AAPL")].into());
    let database = dir.path().join("a.db");
    let provider = alpaca_at(first.url("127.0.0.1"), dir.path());
    let running = Running::start(config(provider, listed()), &database).unwrap();
    until("a page, and a failure", || {
        served.load(Ordering::SeqCst) >= 2
    });
    assert_eq!(status(&running).unfilled, 1);
    running.stop();
    let start = Arc::new(parking_lot::Mutex::new(None));
    let seen = Arc::clone(&start);
    let second = MockExchange::start(move |asked| {
        if asked.path.ends_with("/bars") {
            seen.lock()
                .get_or_insert_with(|| asked.query["start"].clone());
        }
        alpaca(asked)
    });
    let provider = alpaca_at(second.url("127.0.0.1"), dir.path());
    let running = Running::start(config(provider, listed()), &database).unwrap();
    until("the rest", || {
        status(&running).unfilled == 0 && start.lock().is_some()
    });
    assert_eq!(
        start.lock().clone().unwrap(),
        past_day(16).time.date().to_string(),
        "not from the beginning"
    );
    let days = running.ask(symbol("AAPL"), Window::AllTime, false).unwrap();
    assert_eq!(days[0].open, past_day(1).open);
}

#[test]
fn a_key_file_is_two_lines() {
    let dir = tempfile::tempdir().unwrap();
    for (text, line) in [
        ("", 1),
        ("KEY\n", 2),
        ("KEY ID\nSECRET\n", 1),
        ("KEY\n\nSECRET\n", 2),
    ] {
        let provider = alpaca_at("https://localhost:1".into(), dir.path());
        std::fs::write(dir.path().join("alpaca.key"), text).unwrap();
        let fault = Running::start(
            config(provider, SymbolSelection::All),
            &dir.path().join("a.db"),
        )
        .err()
        .unwrap();
        let said = fault.to_string();
        assert!(said.contains(&format!("alpaca.key, line {line}")), "{said}");
    }
}
