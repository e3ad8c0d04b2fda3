//! A worker for the tests of the command line: real sockets, invented answers, and faults on
//! demand.

use papertrader::dialogue::message::encode;
use papertrader::model::{
    AccountValue, Bar, ClientOrderId, Money, NameValue, OpenValue, ProtocolFault, Quantity, Quote,
    Reason, SessionId, Side, SignInHandle, Symbol, Timestamp, TokenName, TokenScope,
    TransactionStatus,
};
use papertrader::wire::payload::{
    AssetInfo, EntryDetail, Forecast, History, HistoryEntry, Holding, OpenOrders, OrderParameters,
    OwnIdentities, OwnIdentity, OwnSession, OwnSessions, OwnSummary, OwnToken, OwnTokens,
    PageDetail, PageEntry, Payload, Portfolio, PositionSummary, QuoteList, Receipt, SessionMoment,
    TextList, TransactionPage, UserInfo, put_text,
};
use papertrader::wire::reply::{Fill, failure_of, write_fail};
use papertrader::wire::{FrameBuffer, FrameHeader, Refusal, Reply, Request, Window, frame, packet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// What the worker does with orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Orders {
    /// Announces and fills them.
    Fill,
    /// Announces and rejects them.
    Reject(OpenValue<Reason>),
    /// Takes them and cuts the connection, once; then fills.
    CutOnce,
    /// Announces them, and is silent.
    Queue,
    /// Announces one and cuts the connection; then cuts it at every order.
    QueueAndLeave,
    /// Cuts the connection.
    Leave,
    /// Takes them, and says nothing.
    Silence,
}

/// What a hostile worker says.
#[derive(Debug, Clone)]
pub struct Words {
    /// In every sentence, name and value.
    pub text: String,
    /// Also where the protocol has a form: usernames, order IDs, reasons, receipts, methods.
    pub everywhere: bool,
}

/// What is changed and seen from outside.
#[derive(Debug)]
pub struct Told {
    pub orders: Orders,
    /// Sessions are refused.
    pub expired: bool,
    /// Names of the orders that came, in order.
    pub order_ids: Vec<String>,
    /// What sessionID and workerList name.
    pub workers: Vec<String>,
    /// Answers every request with this and closes.
    pub fault: Option<OpenValue<ProtocolFault>>,
    /// Is of a later edition: sends a notice that nobody knows before each answer, and has a
    /// history of unknown sides and statuses.
    pub later: bool,
    /// Says this wherever it may say what it likes.
    pub words: Option<Words>,
    /// Quotes asked for.
    pub quotes: i64,
    /// What it tells about itself; `None`: it is of version 1 and knows no getServerInfo.
    pub facts: Option<Vec<NameValue>>,
}

pub struct Fake {
    pub address: String,
    pub told: Arc<Mutex<Told>>,
}

pub const SESSION: [u8; 32] = [0xAB; 32];

impl Fake {
    pub fn start() -> Fake {
        Fake::start_at("127.0.0.1")
    }

    /// As [`Fake::start`], at another address of this machine.
    pub fn start_at(host: &str) -> Fake {
        let listener = TcpListener::bind((host, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let told = Arc::new(Mutex::new(Told {
            orders: Orders::Fill,
            expired: false,
            order_ids: Vec::new(),
            workers: vec![address.clone()],
            fault: None,
            later: false,
            words: None,
            quotes: 0,
            facts: Some(Vec::new()),
        }));
        let shared = told.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = shared.clone();
                std::thread::spawn(move || serve(stream, &told));
            }
        });
        Fake { address, told }
    }

    pub fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.told.lock().unwrap());
    }
}

fn serve(mut stream: TcpStream, told: &Mutex<Told>) {
    let mut frames = FrameBuffer::new();
    let mut room = [0; 4096];
    loop {
        let request = match frames.next(FrameHeader::check_request).unwrap() {
            Some((header, data)) => {
                let (instruction, arguments) = frame::read_request(&header, data).unwrap();
                Request::read(instruction, arguments).unwrap().unwrap()
            }
            None => match stream.read(&mut room) {
                Ok(0) | Err(_) => return,
                Ok(size) => {
                    frames.extend(&room[..size]);
                    continue;
                }
            },
        };
        let mut out = Vec::new();
        let go_on = answer(&request, &mut told.lock().unwrap(), &mut out);
        if stream.write_all(&out).is_err() || !go_on {
            return;
        }
    }
}

fn bar(day: i64) -> Bar {
    Bar {
        time: Timestamp::parse("2013-03-01").unwrap().plus_days(day),
        open: Money(100_000_000 + day * 1_000_000),
        high: Money(110_000_000 + day * 1_000_000),
        low: Money(90_000_000),
        close: Money(101_500_000 + day * 1_000_000),
        volume: 1000,
    }
}

fn session(bytes: [u8; 32], told: &Told) -> Reply {
    Reply::Session {
        id: SessionId::from_bytes(bytes),
        workers: told.workers.clone(),
    }
}

fn entry(number: u128, side: Side, status: TransactionStatus, reason: &str) -> HistoryEntry {
    HistoryEntry {
        id: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number),
        side: side.into(),
        status: status.into(),
        symbol: Symbol::parse("AAPL").unwrap(),
        accepted: Timestamp::parse("2020-01-01T10:00:00Z").unwrap(),
        settled: Timestamp::parse("2020-01-01T10:01:00Z").unwrap(),
        detail: Some(EntryDetail {
            quantity: Quantity(10_000_000),
            price: Money(if status == TransactionStatus::Settled {
                100_000_000
            } else {
                0
            }),
            total: Money(if status == TransactionStatus::Settled {
                1_000_000_000
            } else {
                0
            }),
            priced: Timestamp::parse("2013-03-01").unwrap(),
            client_order_id: Some(ClientOrderId::parse("mine").unwrap()),
            reason: Reason::from_name(reason).map(OpenValue::Known),
        }),
    }
}

/// A refusal with a code of a later edition.
pub fn later_refusal(code: &str, text: &str) -> Refusal {
    Refusal {
        reason: OpenValue::parse(code, Reason::from_name).unwrap(),
        text: text.to_owned(),
    }
}

/// A history with sides and statuses of a later edition, between those of today.
pub fn later_history(private: bool) -> History {
    let numbers = [(205, 1), (1, 203), (209, 204), (0, 200), (2, 2)];
    let entries = numbers.iter().zip(1..).map(|((side, status), number)| {
        let plain = entry(number, Side::Buy, TransactionStatus::Settled, "");
        HistoryEntry {
            side: OpenValue::from_number(*side, Side::from_number),
            status: OpenValue::from_number(*status, TransactionStatus::from_number),
            settled: Timestamp(if *status == 203 { 0 } else { plain.settled.0 }),
            detail: plain.detail.filter(|_| private),
            ..plain
        }
    });
    History {
        private,
        entries: entries.collect(),
    }
}

/// Appends what answers a request; false to close.
fn answer(request: &Request, told: &mut Told, out: &mut Vec<u8>) -> bool {
    if told.later {
        out.extend(encode(&["040f", "quotes", "3"].map(str::to_owned)).unwrap());
    }
    let words = told.words.clone();
    let sentence = |text: &str| words.as_ref().map_or(text, |w| &w.text).to_owned();
    let word = |text: &str| match &words {
        Some(words) if words.everywhere => words.text.clone(),
        _ => text.to_owned(),
    };
    if let Some(code) = told.fault.clone() {
        Reply::ProtocolError(code, sentence("as told")).write(out);
        return false;
    }
    let refuse = |reason: Reason, text: &str| {
        Reply::Fail(
            failure_of(request.instruction()),
            Refusal::new(reason, sentence(text)),
        )
    };
    let refuse_later = |code: &str, text: &str| {
        Reply::Fail(failure_of(request.instruction()), later_refusal(code, text))
    };
    if told.expired
        && !matches!(
            request,
            Request::Login { .. } | Request::Ping | Request::GetWorkerList
        )
    {
        refuse(Reason::SessionExpired, "the session has ended").write(out);
        return true;
    }
    match request {
        Request::Ping => Reply::Pong.write(out),
        Request::Pong => {}
        Request::GetWorkerList => Reply::WorkerList(told.workers.clone()).write(out),
        Request::GetServerInfo => match &told.facts {
            Some(facts) => Reply::ServerInfo(facts.clone()).write(out),
            None => {
                let code = OpenValue::Known(ProtocolFault::UnknownInstruction);
                Reply::ProtocolError(code, "no instruction has this number".to_owned()).write(out);
                return false;
            }
        },
        Request::Register { username, .. } if username.as_str() == "taken" => {
            refuse(Reason::UsernameTaken, "another account has that name").write(out);
        }
        Request::Register { .. } => Reply::RegisterSuccess.write(out),
        Request::Login { username, .. } if username.as_str() == "wrong" => {
            refuse(Reason::BadCredentials, "unknown name or wrong password").write(out);
        }
        Request::Login { username, .. } if username.as_str() == "later" => {
            refuse_later("of-edition-9", "sign in with the school").write(out);
        }
        Request::Login { username, .. } if username.as_str() == "bob" => {
            session([0xB0; 32], told).write(out);
        }
        Request::Login { .. } | Request::Resume { .. } => session(SESSION, told).write(out),
        Request::Logout { .. } => Reply::LogoutSuccess.write(out),
        Request::ChangePassword { .. } | Request::RequestReset { .. } => {
            Reply::AccountSuccess(None).write(out);
        }
        Request::ResetPassword { code, .. } => {
            if code.expose().starts_with("00000") {
                let refusal = Refusal::new(Reason::CodeInvalid, "this code is not valid");
                write_fail(out, request.instruction(), &refusal);
            } else {
                Reply::AccountSuccess(None).write(out);
            }
        }
        Request::BeginThirdParty { .. } => Reply::ThirdPartyStarted {
            handle: SignInHandle::from_bytes([7; 32]),
            poll: 1,
            expiry: Timestamp(1_800_000_000_000),
            user_code: Some("WDJB-MJHT".to_owned()),
            url: "https://id.example/device".to_owned(),
        }
        .write(out),
        Request::AwaitThirdParty { .. } | Request::CompleteThirdParty { .. } => {
            Reply::ThirdPartyUnknown {
                handle: SignInHandle::from_bytes([7; 32]),
                suggestion: None,
            }
            .write(out);
        }
        Request::RegisterThirdParty { .. } => session(SESSION, told).write(out),
        Request::LinkThirdParty { .. } | Request::UnlinkThirdParty { .. } => {
            Reply::AccountSuccess(None).write(out);
        }
        Request::CreateToken { .. } => {
            let token = SessionId::from_bytes([0x70; 32]);
            Reply::AccountSuccess(Some(AccountValue::Token(token))).write(out);
        }
        Request::RevokeToken { .. }
        | Request::ChangeEmail { .. }
        | Request::DeleteAccount { .. } => {
            Reply::AccountSuccess(None).write(out);
        }
        Request::Sessions { .. } => payload(out, &own_sessions(&word("eu1"))),
        Request::Identities { .. } => payload(
            out,
            &OwnIdentities(vec![OwnIdentity {
                providers: "google".to_owned(),
                issuer: word("https://accounts.google.com"),
                subject: word("248289761001"),
                linked: Timestamp(1_577_934_245_678),
            }]),
        ),
        Request::AccountExport { .. } => payload(
            out,
            &TextList(vec![r#"{"kind":"export"}"#.to_owned(), word("{}")]),
        ),
        Request::Tokens { .. } => payload(out, &own_tokens(&word("eu1"))),
        Request::EndSessions { .. } => {
            Reply::AccountSuccess(Some(AccountValue::Count(2))).write(out);
        }
        Request::SwitchState { state, .. } => Reply::StateSwitched(*state).write(out),
        Request::Subscribe { topic, .. } => Reply::Subscribed(*topic).write(out),
        Request::Unsubscribe { topic, .. } => Reply::Unsubscribed(*topic).write(out),
        Request::Order { .. } => return order(request, told, out),
        Request::PlaceOrder { id, .. } => order_placed(id.as_ref(), out),
        Request::ReplaceOrder {
            client_order_id, ..
        } => order_placed(client_order_id.as_ref(), out),
        Request::CancelOrder { id, .. } => Reply::OrderCancelled { id: *id }.write(out),
        Request::AssetList => payload(out, &TextList(vec!["AAPL".to_owned(), "IBM".to_owned()])),
        Request::AssetCurrent { symbol } if matches!(symbol.as_str(), "NONE" | "APPL") => {
            let told = format!("there is no asset {symbol}");
            refuse(Reason::UnknownAsset, &told).write(out);
        }
        Request::AssetCurrent { symbol } if symbol.as_str() == "HALTED" => {
            refuse_later("asset-halted", "HALTED is not traded today").write(out);
        }
        Request::AssetCurrent { .. } => {
            told.quotes += 1;
            payload(
                out,
                &Quote {
                    time: Timestamp::parse("2013-03-01").unwrap(),
                    value: Money(100_000_000 + told.quotes * 500_000),
                },
            );
        }
        Request::AssetInfo { symbol } => payload(
            out,
            &AssetInfo {
                symbol: *symbol,
                bar: bar(0),
            },
        ),
        Request::AssetWindow { window, .. } => {
            let bars = match window {
                Window::Week(_) => 7,
                Window::AllTime => 240,
                _ => 22,
            };
            payload(out, &(0..bars).map(bar).collect::<Vec<Bar>>());
        }
        Request::AssetPredicted { date, .. } => payload(
            out,
            &Forecast {
                method: word("a straight line"),
                time: *date,
                value: Money(100_000_000),
                low: Money(90_000_000),
                high: Money(110_000_000),
            },
        ),
        Request::UserInfo { username, .. } => payload(
            out,
            &UserInfo {
                username: word(username.as_str()),
                is_password: true,
                created: Timestamp::parse("2020-01-01").unwrap(),
                private: (username.as_str() == "alice")
                    .then(|| (sentence("alice@example.org"), Money(1_234_500_000))),
            },
        ),
        Request::UserPortfolio { username, .. } => {
            payload(out, &portfolio(username.as_str() == "alice"))
        }
        Request::UserHistory { username, .. } if told.later => {
            payload(out, &later_history(username.as_str() == "alice"));
        }
        Request::UserHistory { .. } => history(out, words.as_ref(), &plain_history()),
        Request::QuoteList => payload(
            out,
            &QuoteList {
                rows: Vec::new(),
                update: 7,
            },
        ),
        Request::OpenOrders { .. } => payload(out, &OpenOrders(Vec::new())),
        Request::AccountSummary { .. } => payload(out, &account_summary()),
        Request::UserHistoryPage { username, .. } if told.later => {
            payload(out, &page(&later_history(username.as_str() == "alice")));
        }
        Request::UserHistoryPage { .. } => history(out, words.as_ref(), &page(&plain_history())),
        Request::Receipt { id, .. } => payload(
            out,
            &Receipt(vec![(word("transaction"), word(&id.to_string()))]),
        ),
    }
    true
}

/// What the account has ordered.
fn plain_history() -> History {
    let reason = "insufficient-holdings";
    History {
        private: true,
        entries: vec![
            entry(2, Side::Sell, TransactionStatus::Rejected, reason),
            entry(1, Side::Buy, TransactionStatus::Settled, ""),
        ],
    }
}

/// A history as the second edition has it.
fn page(history: &History) -> TransactionPage {
    let row = |entry: &HistoryEntry| PageEntry {
        id: entry.id,
        side: entry.side,
        status: entry.status,
        symbol: entry.symbol,
        accepted: entry.accepted,
        settled: entry.settled,
        detail: entry.detail.as_ref().map(|entry| PageDetail {
            entry: entry.clone(),
            order: OrderParameters::default(),
            fee: Money::ZERO,
            cause: String::new(),
            note: String::new(),
        }),
    };
    TransactionPage {
        private: history.private,
        entries: history.entries.iter().map(row).collect(),
    }
}

fn account_summary() -> OwnSummary {
    let cash = Money(1_234_500_000);
    OwnSummary {
        cash,
        reserved: Money::ZERO,
        buying_power: cash,
        value: Money(1_100_000_000),
        equity: Money(2_334_500_000),
        day_change: Money::ZERO,
        realised: Money::ZERO,
        unrealised: Money(100_000_000),
        fees: Money::ZERO,
        positions: vec![PositionSummary {
            symbol: Symbol::parse("AAPL").unwrap(),
            units: Quantity(10_000_000),
            promised: Quantity::ZERO,
            cost: Money(1_000_000_000),
            value: Money(1_100_000_000),
            previous_close: Money(100_000_000),
            realised: Money::ZERO,
        }],
        update: 7,
    }
}

/// Appends what answers an order that waits.
fn order_placed(id: Option<&ClientOrderId>, out: &mut Vec<u8>) {
    Reply::OrderPlaced {
        id: Uuid::from_bytes([7; 16]),
        client_order_id: id.cloned(),
        status: TransactionStatus::Open.into(),
    }
    .write(out);
}

/// A moment of a session, through this worker.
fn moment(day: i64, worker: &str) -> SessionMoment {
    SessionMoment {
        at: Timestamp::parse("2020-01-01").unwrap().plus_days(day),
        client: "192.0.2.1".to_owned(),
        worker: worker.to_owned(),
    }
}

fn own_sessions(worker: &str) -> OwnSessions {
    let session = |id: &str, is_current| OwnSession {
        id: id.to_owned(),
        is_current,
        expirable: false,
        method: "password".to_owned(),
        expiry: Timestamp::parse("2020-02-01").unwrap(),
        made: moment(0, worker),
        used: moment(1, worker),
    };
    OwnSessions(vec![
        session("0123456789abcdef", true),
        session("fedcba9876543210", false),
    ])
}

fn own_tokens(worker: &str) -> OwnTokens {
    let unused = SessionMoment {
        at: Timestamp(0),
        ..moment(0, worker)
    };
    let token = |name: &str, scope, used| OwnToken {
        name: TokenName::parse(name).unwrap(),
        id: "0011223344556677".to_owned(),
        scope,
        expiry: Timestamp::parse("2020-02-01").unwrap(),
        made: moment(0, worker),
        used,
    };
    let later = OpenValue::parse("of-edition-9", TokenScope::from_name).unwrap();
    OwnTokens(vec![
        token("desk", TokenScope::Trade.into(), moment(1, worker)),
        token("report", TokenScope::Read.into(), unused),
        token("later", later, moment(1, worker)),
    ])
}

/// A history; a hostile one has a symbol that begins like a formula, and words that no
/// [`EntryDetail`] can hold.
fn history(out: &mut Vec<u8>, words: Option<&Words>, history: &impl Payload) {
    let mut bytes = history.to_bytes();
    if let Some(words) = words {
        bytes = replaced(&bytes, &text_bytes("AAPL"), &text_bytes("=A1"));
        let hostile = if words.everywhere {
            &words.text
        } else {
            "-cmd"
        };
        bytes = replaced(&bytes, &text_bytes("mine"), &text_bytes(hostile));
    }
    packet::write(out, &bytes);
}

fn text_bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, text);
    out
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn portfolio(private: bool) -> Portfolio {
    let symbol = Symbol::parse("AAPL").unwrap();
    if !private {
        return Portfolio::Public(vec![(symbol, 1234)]);
    }
    Portfolio::Private(
        Money(99_000_000_000),
        vec![Holding {
            symbol,
            quantity: Quantity(10_000_000),
            average_cost: Money(100_000_000),
            value: Money(1_100_000_000),
        }],
    )
}

fn order(request: &Request, told: &mut Told, out: &mut Vec<u8>) -> bool {
    let Request::Order {
        side,
        symbol,
        quantity,
        id,
        ..
    } = request
    else {
        return false;
    };
    told.order_ids.push(id.as_ref().unwrap().to_string());
    if told.orders == Orders::CutOnce {
        told.orders = Orders::Fill;
        return false;
    }
    match told.orders {
        Orders::Leave => return false,
        Orders::Silence => return true,
        _ => {}
    }
    let transaction = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    Reply::Queued {
        id: transaction,
        client_order_id: id.clone(),
        expected: Timestamp(Timestamp::now().0 + 2000),
    }
    .write(out);
    match &told.orders {
        Orders::QueueAndLeave => {
            told.orders = Orders::Leave;
            return false;
        }
        Orders::Queue | Orders::Leave | Orders::Silence => {}
        Orders::Reject(reason) => Reply::Fail(
            failure_of(request.instruction()),
            Refusal {
                reason: reason.clone(),
                text: told
                    .words
                    .as_ref()
                    .map_or("not this time", |w| &w.text)
                    .to_owned(),
            },
        )
        .write(out),
        Orders::Fill | Orders::CutOnce => Reply::Filled(Fill {
            side: *side,
            id: transaction,
            symbol: *symbol,
            quantity: *quantity,
            price: Money(100_500_000),
            total: quantity.cost_at(Money(100_500_000)).unwrap(),
            settled: Timestamp::parse("2020-01-01T10:01:00Z").unwrap(),
        })
        .write(out),
    }
    true
}

fn payload(out: &mut Vec<u8>, payload: &impl Payload) {
    packet::write(out, &payload.to_bytes());
}
