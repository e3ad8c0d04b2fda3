//! The golden frames: bytes that were written from the page by hand, and the values that they stand
//! for. Each is read and written.

use papertrader::dialogue::raw;
use papertrader::model::{
    AccountValue, Bar, BrowserSecret, ClientOrderId, Email, HashedPass, IdentityProviderName,
    Money, NameValue, OpenValue, OrderAmount, OrderKind, ProtocolFault, Quantity, Quote,
    QuoteValue, Reason, ResetCode, SessionId, SessionSelection, Side, SignInHandle, SignInMethod,
    Symbol, TimeInForce, Timestamp, TokenName, TokenScope, Topic, TrailDistance, TransactionStatus,
    Username, UsernameOrEmail,
};
use papertrader::wire::payload::{
    AssetInfo, EntryDetail, Forecast, History, HistoryEntry, Holding, OpenOrder, OpenOrders,
    OrderParameters, OwnIdentities, OwnIdentity, OwnSession, OwnSessions, OwnSummary, OwnToken,
    OwnTokens, PageDetail, PageEntry, Payload, Portfolio, PositionSummary, QuoteList, QuoteListRow,
    Receipt, SessionMoment, TextList, TransactionPage, UserInfo,
};
use papertrader::wire::reply::{Fill, OrderNotice};
use papertrader::wire::{
    ConnectionState, Direction, FrameBuffer, FrameHeader, Instruction, Reassembly, Refusal, Reply,
    Request, Window, frame, instruction, packet,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::PathBuf;
use uuid::Uuid;

const SESSION: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const HASHED: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";
const TRANSACTION: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const SETTLED: &str = "2026-01-02T03:04:05.678Z";
const EXPECTED: &str = "2026-01-02T03:04:06.000Z";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/frames")
}

/// Every golden file, by its name without the ending.
fn files() -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let bytes = raw::read(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, bytes)
        })
        .collect()
}

fn session() -> SessionId {
    SessionId::parse(SESSION).unwrap()
}

fn symbol(text: &str) -> Symbol {
    Symbol::parse(text).unwrap()
}

fn timestamp(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn user(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn hashed() -> HashedPass {
    HashedPass::parse(HASHED).unwrap()
}

fn handle() -> SignInHandle {
    SignInHandle::parse(HASHED).unwrap()
}

fn provider() -> IdentityProviderName {
    IdentityProviderName::parse("google").unwrap()
}

fn uuid(last: u8) -> Uuid {
    let mut bytes = *Uuid::parse_str(TRANSACTION).unwrap().as_bytes();
    bytes[15] = last;
    Uuid::from_bytes(bytes)
}

fn money(text: &str) -> Money {
    Money::parse_canonical(text).unwrap()
}

fn amount(text: &str) -> Quantity {
    Quantity::parse_canonical(text).unwrap()
}

fn order(side: Side, name: &str, quantity: &str, id: Option<&str>) -> Request {
    Request::Order {
        session: session(),
        side,
        symbol: symbol(name),
        quantity: Quantity::parse_quantity(quantity).unwrap(),
        id: id.map(|id| ClientOrderId::parse(id).unwrap()),
    }
}

/// The requests about orders that wait, by file.
fn order_requests() -> Vec<(&'static str, Request)> {
    let id = |id: &str| Some(ClientOrderId::parse(id).unwrap());
    let place = |side, amount: &str, kind, limit: Option<&str>, stop: Option<&str>, time: &str| {
        Request::PlaceOrder {
            session: session(),
            side,
            symbol: symbol("AAPL"),
            amount: OrderAmount::parse(amount).unwrap(),
            kind,
            limit: limit.map(money),
            stop: stop.map(|stop| TrailDistance::parse(stop).unwrap()),
            time_in_force: TimeInForce::parse(time).unwrap(),
            id: None,
        }
    };
    let mut named = place(
        Side::Buy,
        "cash:500",
        OrderKind::StopLimit,
        Some("101.5"),
        Some("100"),
        "2026-01-02T03:04:05.678Z",
    );
    if let Request::PlaceOrder { id: name, .. } = &mut named {
        *name = id("desk-1");
    }
    let replace =
        |amount: Option<&str>, limit: Option<&str>, client_order_id| Request::ReplaceOrder {
            session: session(),
            id: uuid(0x57),
            amount: amount.map(|amount| OrderAmount::parse(amount).unwrap()),
            limit: limit.map(money),
            stop: None,
            client_order_id,
        };
    vec![
        (
            "0115-placeOrder",
            place(Side::Buy, "10", OrderKind::Limit, Some("99.5"), None, "gtc"),
        ),
        (
            "0115-placeOrder-market",
            place(Side::Sell, "0.5", OrderKind::Market, None, None, "day"),
        ),
        (
            "0115-placeOrder-trailing",
            place(
                Side::Sell,
                "10",
                OrderKind::Trailing,
                None,
                Some("2.5%"),
                "gtc",
            ),
        ),
        ("0115-placeOrder-stop-limit", named),
        (
            "0116-cancelOrder",
            Request::CancelOrder {
                session: session(),
                id: uuid(0x57),
            },
        ),
        (
            "0118-subscribe",
            Request::Subscribe {
                session: session(),
                topic: Topic::Orders,
            },
        ),
        (
            "0118-subscribe-asset",
            Request::Subscribe {
                session: session(),
                topic: Topic::QuotesOf(symbol("AAPL")),
            },
        ),
        (
            "0119-unsubscribe",
            Request::Unsubscribe {
                session: session(),
                topic: Topic::Quotes,
            },
        ),
        ("0117-replaceOrder", replace(None, Some("98"), None)),
        (
            "0117-replaceOrder-clientOrderID",
            replace(Some("7.5"), None, id("desk-2")),
        ),
    ]
}

fn order_notice(status: TransactionStatus, price: Option<&str>, reason: Option<Reason>) -> Reply {
    Reply::OrderNotice(OrderNotice {
        id: uuid(0x57),
        status: status.into(),
        symbol: symbol("AAPL"),
        quantity: amount("10"),
        price: price.map(money),
        total: price.map(|_| money("4304.7")),
        time: timestamp(SETTLED),
        reason: reason.map(OpenValue::Known),
    })
}

/// The requests, by file.
fn requests() -> Vec<(String, Request)> {
    let login = |name, expirable| Request::Login {
        username: user(name),
        hashed_pass: hashed(),
        expirable,
    };
    let switch = |state| Request::SwitchState {
        session: session(),
        state,
    };
    let window = |window, adjusted| Request::AssetWindow {
        symbol: symbol("AAPL"),
        window,
        adjusted,
    };
    let end_sessions = |which| Request::EndSessions {
        session: session(),
        selection: SessionSelection::parse(which).unwrap(),
    };
    let email = Email::parse("älice@example.org").unwrap();
    let alice = || user("alice");
    let mut all: Vec<(&str, Request)> = vec![
        ("0101-login", login("alice", false)),
        ("0101-login-expirable", login("Alice.B_c-9", true)),
        ("0102-login", Request::Resume { session: session() }),
        (
            "0103-register",
            Request::Register {
                username: alice(),
                email,
                hashed_pass: hashed(),
            },
        ),
        ("0104-purchaseAsset", order(Side::Buy, "AAPL", "10", None)),
        (
            "0104-purchaseAsset-clientOrderID",
            order(Side::Buy, "BRK.B", "0.000001", Some("desk-1:2013.03_01")),
        ),
        ("0105-sellAsset", order(Side::Sell, "BTC/USDT", "2.5", None)),
        (
            "0105-sellAsset-clientOrderID",
            order(Side::Sell, "AAPL", "999999999999.999999", Some("z")),
        ),
        ("0106-switchState", switch(ConnectionState::Data)),
        ("0106-switchState-command", switch(ConnectionState::Command)),
        ("0107-logout", Request::Logout { session: session() }),
        (
            "0108-changePassword",
            Request::ChangePassword {
                session: session(),
                old: Some(hashed()),
                new: HashedPass::parse(&"9".repeat(64)).unwrap(),
            },
        ),
        (
            "0108-changePassword-first",
            Request::ChangePassword {
                session: session(),
                old: None,
                new: hashed(),
            },
        ),
        (
            "0109-requestReset",
            Request::RequestReset {
                name: UsernameOrEmail::parse("älice@example.org").unwrap(),
            },
        ),
        (
            "010A-resetPassword",
            Request::ResetPassword {
                username: Username::parse("alice").unwrap(),
                code: ResetCode::parse("ABCDE-01FGH-JKMNP-QRSTV").unwrap(),
                new: hashed(),
            },
        ),
        (
            "010B-deleteAccount",
            Request::DeleteAccount {
                session: session(),
                pass: Some(hashed()),
            },
        ),
        (
            "010B-deleteAccount-none",
            Request::DeleteAccount {
                session: session(),
                pass: None,
            },
        ),
        (
            "010D-createToken",
            Request::CreateToken {
                session: session(),
                name: TokenName::parse("Nightly.report_2-b").unwrap(),
                scope: TokenScope::Read,
                days: 366,
            },
        ),
        (
            "010E-revokeToken",
            Request::RevokeToken {
                session: session(),
                name: TokenName::parse("desk").unwrap(),
            },
        ),
        (
            "011A-changeEmail",
            Request::ChangeEmail {
                session: session(),
                pass: Some(hashed()),
                email: Some(Email::parse("älice@example.org").unwrap()),
            },
        ),
        (
            "011A-changeEmail-none",
            Request::ChangeEmail {
                session: session(),
                pass: None,
                email: None,
            },
        ),
        ("020E-getSessions", Request::Sessions { session: session() }),
        ("020F-getTokens", Request::Tokens { session: session() }),
        (
            "0211-getOpenOrders",
            Request::OpenOrders { session: session() },
        ),
        (
            "0212-getAccountSummary",
            Request::AccountSummary { session: session() },
        ),
        (
            "0213-getUserTransactionHistoryPage",
            Request::UserHistoryPage {
                session: session(),
                username: alice(),
                before: None,
                count: 100,
            },
        ),
        (
            "0213-getUserTransactionHistoryPage-before",
            Request::UserHistoryPage {
                session: session(),
                username: alice(),
                before: Some(uuid(0x57)),
                count: 1000,
            },
        ),
        ("0214-getQuoteList", Request::QuoteList),
        (
            "0210-getIdentities",
            Request::Identities { session: session() },
        ),
        (
            "0215-getAccountExport",
            Request::AccountExport { session: session() },
        ),
        ("010C-endSessions", end_sessions("0123456789abcdef")),
        ("010C-endSessions-others", end_sessions("others")),
        (
            "010F-beginThirdParty",
            Request::BeginThirdParty {
                provider: provider(),
                method: SignInMethod::Device,
                redirect_uri: None,
            },
        ),
        (
            "010F-beginThirdParty-redirect",
            Request::BeginThirdParty {
                provider: provider(),
                method: SignInMethod::Redirect,
                redirect_uri: Some("http://127.0.0.1:4711/".to_owned()),
            },
        ),
        (
            "0110-awaitThirdParty",
            Request::AwaitThirdParty { handle: handle() },
        ),
        (
            "0111-completeThirdParty",
            Request::CompleteThirdParty {
                handle: handle(),
                code: BrowserSecret::parse("4/0AX4XfWi").unwrap(),
                state: BrowserSecret::parse("af0ifjsldkj").unwrap(),
            },
        ),
        (
            "0112-registerThirdParty",
            Request::RegisterThirdParty {
                handle: handle(),
                username: user("alice"),
                email: Some(Email::parse("älice@example.org").unwrap()),
            },
        ),
        (
            "0112-registerThirdParty-no-email",
            Request::RegisterThirdParty {
                handle: handle(),
                username: user("alice"),
                email: None,
            },
        ),
        (
            "0113-linkThirdParty",
            Request::LinkThirdParty {
                session: session(),
                handle: handle(),
            },
        ),
        (
            "0114-unlinkThirdParty",
            Request::UnlinkThirdParty {
                session: session(),
                provider: provider(),
            },
        ),
        (
            "0201-getAssetInfo",
            Request::AssetInfo {
                symbol: symbol("AAPL"),
            },
        ),
        (
            "0202-getAssetValueCurrent",
            Request::AssetCurrent {
                symbol: symbol("EURUSD=X"),
            },
        ),
        ("0207-getAssetValueAllTime", window(Window::AllTime, false)),
        (
            "0207-getAssetValueAllTime-adjusted",
            window(Window::AllTime, true),
        ),
        (
            "0208-getUserInfo",
            Request::UserInfo {
                session: session(),
                username: alice(),
            },
        ),
        (
            "0209-getUserPortfolio",
            Request::UserPortfolio {
                session: session(),
                username: alice(),
            },
        ),
        (
            "020A-getUserTransactionHistory",
            Request::UserHistory {
                session: session(),
                username: alice(),
            },
        ),
        (
            "020B-getAssetValuePredicted",
            Request::AssetPredicted {
                symbol: symbol("AAPL"),
                date: timestamp("2013-06-01"),
            },
        ),
        ("020C-getAssetList", Request::AssetList),
        (
            "020D-getTransactionReceipt",
            Request::Receipt {
                session: session(),
                id: uuid(0x57),
            },
        ),
        ("0401-ping", Request::Ping),
        ("0403-getWorkerList", Request::GetWorkerList),
        ("0407-getServerInfo", Request::GetServerInfo),
    ];
    all.extend(order_requests());
    let mut windows = |plain, adjusted, kind: fn(Timestamp) -> Window| {
        all.push((
            plain,
            window(kind(timestamp("2013-03-01T12:30:15.250Z")), false),
        ));
        all.push((adjusted, window(kind(timestamp("2012-02-29")), true)));
    };
    windows(
        "0203-getAssetValueDay",
        "0203-getAssetValueDay-adjusted",
        Window::Day,
    );
    windows(
        "0204-getAssetValueWeek",
        "0204-getAssetValueWeek-adjusted",
        Window::Week,
    );
    windows(
        "0205-getAssetValueMonth",
        "0205-getAssetValueMonth-adjusted",
        Window::Month,
    );
    windows(
        "0206-getAssetValueYear",
        "0206-getAssetValueYear-adjusted",
        Window::Year,
    );
    all.into_iter()
        .map(|(name, request)| (name.to_owned(), request))
        .collect()
}

/// The replies with arguments, by file.
fn replies() -> Vec<(String, Reply)> {
    use Instruction as I;
    let fail = |name, reason, text: &str| Reply::Fail(name, Refusal::new(reason, text));
    let facts = ["version=0.1.0", "wire=1", "edition=2", "steps-left=41"]
        .map(|fact| NameValue::parse(fact).unwrap())
        .to_vec();
    let list = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let fill = |side, quantity, price, total, settled| {
        Reply::Filled(Fill {
            side,
            id: uuid(0x57),
            symbol: symbol("AAPL"),
            quantity: amount(quantity),
            price: money(price),
            total: money(total),
            settled: timestamp(settled),
        })
    };
    let queued = |id: Option<&str>| Reply::Queued {
        id: uuid(0x57),
        client_order_id: id.map(|id| ClientOrderId::parse(id).unwrap()),
        expected: timestamp(EXPECTED),
    };
    let workers = list(&[
        "127.0.0.1:2049",
        "eu1.example.org:2049",
        "[2001:db8::1]:2049",
    ]);
    let all = [
        (
            "0301-loginFail",
            fail(
                I::LoginFail,
                Reason::BadCredentials,
                "unknown username or wrong password",
            ),
        ),
        (
            "0302-sessionID",
            Reply::Session {
                id: session(),
                workers,
            },
        ),
        (
            "0302-sessionID-alone",
            Reply::Session {
                id: session(),
                workers: vec![],
            },
        ),
        ("0303-registerSuccess", Reply::RegisterSuccess),
        (
            "0304-registerFail",
            fail(
                I::RegisterFail,
                Reason::UsernameTaken,
                "another account has this username",
            ),
        ),
        (
            "0314-orderPlaced",
            Reply::OrderPlaced {
                id: uuid(0x57),
                client_order_id: Some(ClientOrderId::parse("desk-1").unwrap()),
                status: OpenValue::Known(TransactionStatus::Open),
            },
        ),
        (
            "0314-orderPlaced-unnamed",
            Reply::OrderPlaced {
                id: uuid(0x57),
                client_order_id: None,
                status: OpenValue::Known(TransactionStatus::Queued),
            },
        ),
        (
            "0315-orderCancelled",
            Reply::OrderCancelled { id: uuid(0x57) },
        ),
        (
            "0316-orderFail",
            fail(I::OrderFail, Reason::NotOpen, "the order was filled"),
        ),
        ("0317-subscribed", Reply::Subscribed(Topic::Orders)),
        (
            "0318-unsubscribed",
            Reply::Unsubscribed(Topic::QuotesOf(symbol("AAPL"))),
        ),
        (
            "0409-orderNotice",
            order_notice(TransactionStatus::Settled, Some("430.47"), None),
        ),
        (
            "0409-orderNotice-reason",
            order_notice(
                TransactionStatus::Rejected,
                None,
                Some(Reason::InsufficientFunds),
            ),
        ),
        (
            "040A-quoteNotice",
            Reply::QuoteNotice {
                time: timestamp(SETTLED),
                quotes: [("AAPL", "430.47"), ("BTC/USDT", "0.000001")]
                    .map(|(name, value)| QuoteValue {
                        symbol: symbol(name),
                        value: money(value),
                    })
                    .to_vec(),
            },
        ),
        (
            "040A-quoteNotice-none",
            Reply::QuoteNotice {
                time: timestamp(SETTLED),
                quotes: Vec::new(),
            },
        ),
        (
            "040B-noticesDropped",
            Reply::NoticesDropped {
                topic: Topic::Quotes,
                count: 12,
            },
        ),
        (
            "0305-purchaseSuccess",
            fill(Side::Buy, "10", "430.47", "4304.7", SETTLED),
        ),
        (
            "0306-purchaseFail",
            fail(
                I::PurchaseFail,
                Reason::InsufficientFunds,
                "4304.7 is needed and 12 is there",
            ),
        ),
        (
            "0307-sellSuccess",
            fill(Side::Sell, "0.1", "0.000001", "0", "2026-01-02T03:04:05Z"),
        ),
        (
            "0308-sellFail",
            fail(
                I::SellFail,
                Reason::InsufficientHoldings,
                "10 are to be sold and 9.5 are held",
            ),
        ),
        (
            "0309-stateSwitchSuccess",
            Reply::StateSwitched(ConnectionState::Data),
        ),
        (
            "0309-stateSwitchSuccess-command",
            Reply::StateSwitched(ConnectionState::Command),
        ),
        (
            "030A-stateSwitchFail",
            fail(
                I::StateSwitchFail,
                Reason::StateInvalid,
                "a state is command or data",
            ),
        ),
        (
            "030C-dataFail",
            fail(I::DataFail, Reason::UnknownAsset, "nobody knows ABC here"),
        ),
        ("030D-logoutSuccess", Reply::LogoutSuccess),
        (
            "030E-logoutFail",
            fail(
                I::LogoutFail,
                Reason::SessionExpired,
                "the session has ended",
            ),
        ),
        ("030F-accountSuccess", Reply::AccountSuccess(None)),
        (
            "030F-accountSuccess-count",
            Reply::AccountSuccess(Some(AccountValue::Count(12))),
        ),
        (
            "030F-accountSuccess-token",
            Reply::AccountSuccess(Some(AccountValue::Token(session()))),
        ),
        (
            "0310-accountFail",
            fail(
                I::AccountFail,
                Reason::LoginAgain,
                "log in anew and try again",
            ),
        ),
        (
            "0311-thirdPartyStarted",
            Reply::ThirdPartyStarted {
                handle: handle(),
                poll: 5,
                expiry: timestamp(EXPECTED),
                user_code: Some("WDJB-MJHT".to_owned()),
                url: "https://id.example/device".to_owned(),
            },
        ),
        (
            "0311-thirdPartyStarted-redirect",
            Reply::ThirdPartyStarted {
                handle: handle(),
                poll: 5,
                expiry: timestamp(EXPECTED),
                user_code: None,
                url: "https://id.example/auth?state=af0ifjsldkj".to_owned(),
            },
        ),
        ("0312-thirdPartyPending", Reply::ThirdPartyPending),
        (
            "0313-thirdPartyUnknown",
            Reply::ThirdPartyUnknown {
                handle: handle(),
                suggestion: Some(user("alice")),
            },
        ),
        (
            "0313-thirdPartyUnknown-no-name",
            Reply::ThirdPartyUnknown {
                handle: handle(),
                suggestion: None,
            },
        ),
        ("0402-pong", Reply::Pong),
        (
            "0404-workerList",
            Reply::WorkerList(list(&["127.0.0.1:2049", "127.0.0.1:2050"])),
        ),
        ("0404-workerList-empty", Reply::WorkerList(vec![])),
        (
            "0405-protocolError",
            Reply::ProtocolError(ProtocolFault::BadFrame.into(), "an empty argument".into()),
        ),
        ("0406-transactionQueued", queued(Some("desk-1:2013.03_01"))),
        ("0406-transactionQueued-unnamed", queued(None)),
        ("0408-serverInfo", Reply::ServerInfo(facts)),
        ("0408-serverInfo-empty", Reply::ServerInfo(vec![])),
    ];
    all.into_iter()
        .map(|(name, reply)| (name.to_owned(), reply))
        .collect()
}

fn bar(time: &str, prices: [&str; 4], volume: u64) -> Bar {
    let [open, high, low, close] = prices.map(money);
    Bar {
        time: timestamp(time),
        open,
        high,
        low,
        close,
        volume,
    }
}

fn bars() -> Vec<Bar> {
    vec![
        bar(
            "2013-02-28",
            ["444.05", "447.87", "441.4", "441.4"],
            11_518_400,
        ),
        bar(
            "2013-03-01",
            ["438", "438.18", "429.98", "430.47"],
            19_730_300,
        ),
    ]
}

fn history(private: bool) -> History {
    let entry =
        |last, side: Side, status: TransactionStatus, name: &str, accepted, settled| HistoryEntry {
            id: uuid(last),
            side: side.into(),
            status: status.into(),
            symbol: symbol(name),
            accepted: Timestamp(accepted),
            settled: Timestamp(settled),
            detail: None,
        };
    let detail = |quantity: &str, price: &str, total: &str, priced, id: &str, reason: &str| {
        Some(EntryDetail {
            quantity: amount(quantity),
            price: money(price),
            total: money(total),
            priced: Timestamp(priced),
            client_order_id: ClientOrderId::parse(id).ok(),
            reason: Reason::from_name(reason).map(OpenValue::Known),
        })
    };
    let mut entries = vec![
        entry(
            0x58,
            Side::Sell,
            TransactionStatus::Queued,
            "AAPL",
            1_577_934_246_000,
            0,
        ),
        entry(
            0x57,
            Side::Buy,
            TransactionStatus::Settled,
            "AAPL",
            1_577_934_245_000,
            1_577_934_245_678,
        ),
        entry(
            0x56,
            Side::Buy,
            TransactionStatus::Rejected,
            "IBM",
            1_577_934_244_000,
            1_577_934_244_500,
        ),
    ];
    if private {
        entries[0].detail = detail("2.5", "0", "0", 0, "desk-1", "");
        entries[1].detail = detail("10", "430.47", "4304.7", timestamp("2013-03-01").0, "", "");
        entries[2].detail = detail("1", "0", "0", 0, "", "no-price");
    } else {
        entries.push(entry(
            0x55,
            Side::Dividend,
            TransactionStatus::Settled,
            "IBM",
            1_577_934_243_000,
            1_577_934_243_000,
        ));
        entries.push(entry(
            0x54,
            Side::Split,
            TransactionStatus::Settled,
            "IBM",
            1_577_934_242_000,
            1_577_934_242_000,
        ));
    }
    History { private, entries }
}

/// Checks one payload in both directions.
fn payload<T: Payload + PartialEq + Debug>(seen: &mut BTreeSet<String>, name: &str, value: &T) {
    let name = format!("payload-{name}");
    let bytes = files()
        .remove(&name)
        .unwrap_or_else(|| panic!("{name}.hex is missing"));
    assert_eq!(&T::from_bytes(&bytes).unwrap(), value, "{name}");
    assert_eq!(value.to_bytes(), bytes, "{name}");
    seen.insert(name);
}

/// Checks every payload; the names of their files.
fn payloads() -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let see = &mut seen;
    let quote = Quote {
        time: timestamp("2013-03-01"),
        value: money("430.47"),
    };
    payload(see, "Quote", &quote);
    payload(
        see,
        "AssetInfo",
        &AssetInfo {
            symbol: symbol("AAPL"),
            bar: bars()[1],
        },
    );
    payload(see, "Bars", &bars());
    payload(see, "Bars-empty", &Vec::<Bar>::new());
    let info = |is_password, private| UserInfo {
        username: "Alice".into(),
        is_password,
        created: timestamp("2020-01-02T03:04:05.678Z"),
        private,
    };
    payload(
        see,
        "UserInfo-private",
        &info(true, Some(("älice@example.org".into(), money("95695.3")))),
    );
    payload(see, "UserInfo-public", &info(false, None));
    let holding = |name, quantity, average, value| Holding {
        symbol: symbol(name),
        quantity: amount(quantity),
        average_cost: money(average),
        value: money(value),
    };
    let holdings = vec![
        holding("AAPL", "10", "430.47", "4304.7"),
        holding("ZZZ", "0.000001", "0", "0"),
    ];
    payload(
        see,
        "Portfolio-private",
        &Portfolio::Private(money("95695.3"), holdings),
    );
    payload(
        see,
        "Portfolio-public",
        &Portfolio::Public(vec![(symbol("AAPL"), 430), (symbol("ZZZ"), 0)]),
    );
    payload(see, "Portfolio-empty", &Portfolio::Public(vec![]));
    payload(see, "Transactions-public", &history(false));
    payload(see, "Transactions-private", &history(true));
    let forecast = Forecast {
        method: "random walk".into(),
        time: timestamp("2013-06-01"),
        value: money("440.5"),
        low: money("380.25"),
        high: money("500.75"),
    };
    payload(see, "Forecast", &forecast);
    payload(
        see,
        "List",
        &TextList(["AAPL", "BTC/USDT", "IBM"].map(str::to_owned).to_vec()),
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    payload(
        see,
        "Receipt",
        &Receipt(vec![
            pair("worker", "eu1"),
            pair("rule", "latest bar's close"),
        ]),
    );
    let moment = |at, client: &str, worker: &str| SessionMoment {
        at: Timestamp(at),
        client: client.to_owned(),
        worker: worker.to_owned(),
    };
    let id = "0123456789abcdef".to_owned();
    let sessions = OwnSessions(vec![OwnSession {
        id: id.clone(),
        is_current: true,
        expirable: false,
        method: "password".into(),
        expiry: Timestamp(1_580_526_245_678),
        made: moment(1_577_934_245_678, "192.0.2.1", "eu1"),
        used: moment(1_577_934_246_000, "2001:db8::1", "us1"),
    }]);
    payload(see, "Sessions", &sessions);
    let tokens = OwnTokens(vec![OwnToken {
        name: TokenName::parse("desk").unwrap(),
        id,
        scope: TokenScope::Trade.into(),
        expiry: Timestamp(1_580_526_245_678),
        made: moment(1_577_934_245_678, "192.0.2.1", "eu1"),
        used: moment(0, "192.0.2.1", "eu1"),
    }]);
    payload(see, "Tokens", &tokens);
    payload(see, "Tokens-empty", &OwnTokens(vec![]));
    let identities = OwnIdentities(vec![OwnIdentity {
        providers: "google,tv".to_owned(),
        issuer: "https://accounts.google.com".to_owned(),
        subject: "248289761001".to_owned(),
        linked: timestamp("2020-01-02T03:04:05.678Z"),
    }]);
    payload(see, "Identities", &identities);
    trading_payloads(see);
    seen
}

/// Checks the payloads about orders and what an account is worth.
fn trading_payloads(see: &mut BTreeSet<String>) {
    let limit = OrderParameters {
        kind: Some(OpenValue::Known(OrderKind::StopLimit)),
        limit: Some(money("101.5")),
        stop: Some(TrailDistance::Money(money("100"))),
        time_in_force: Some(TimeInForce::Gtc),
        cash: Some(money("500")),
    };
    let trailing = OrderParameters {
        kind: Some(OpenValue::Known(OrderKind::Trailing)),
        stop: Some(TrailDistance::Percent(25_000)),
        time_in_force: Some(TimeInForce::Until(timestamp(SETTLED))),
        ..OrderParameters::default()
    };
    let orders = OpenOrders(vec![OpenOrder {
        id: uuid(0x57),
        side: Side::Buy.into(),
        status: TransactionStatus::Open.into(),
        symbol: symbol("AAPL"),
        accepted: timestamp(SETTLED),
        quantity: Quantity::ZERO,
        order: limit,
        until: timestamp(EXPECTED),
        is_triggered: true,
        reserve: money("500"),
        client_order_id: Some(ClientOrderId::parse("desk-1").unwrap()),
    }]);
    payload(see, "OpenOrders", &orders);
    payload(see, "OpenOrders-empty", &OpenOrders(vec![]));
    let entry = |last, side: Side, status: TransactionStatus, name, detail| PageEntry {
        id: uuid(last),
        side: side.into(),
        status: status.into(),
        symbol: symbol(name),
        accepted: timestamp(SETTLED),
        settled: timestamp(EXPECTED),
        detail,
    };
    let detail = PageDetail {
        entry: EntryDetail {
            quantity: amount("10"),
            price: Money::ZERO,
            total: Money::ZERO,
            priced: Timestamp(0),
            client_order_id: None,
            reason: Some(OpenValue::Known(Reason::Expired)),
        },
        order: trailing,
        fee: Money::ZERO,
        cause: String::new(),
        note: String::new(),
    };
    let grant = PageDetail {
        entry: EntryDetail {
            quantity: Quantity::ZERO,
            price: money("1"),
            total: Money(-5_500_000),
            priced: timestamp("2013-03-01"),
            client_order_id: None,
            reason: None,
        },
        order: OrderParameters::default(),
        fee: money("0.25"),
        cause: "grant".to_owned(),
        note: "entry fee".to_owned(),
    };
    let entries = vec![
        entry(
            0x58,
            Side::Sell,
            TransactionStatus::Expired,
            "AAPL",
            Some(detail),
        ),
        entry(
            0x57,
            Side::Dividend,
            TransactionStatus::Settled,
            "-",
            Some(grant),
        ),
    ];
    let public = entries.iter().map(|entry| PageEntry {
        detail: None,
        ..entry.clone()
    });
    let public = TransactionPage {
        private: false,
        entries: public.take(1).collect(),
    };
    payload(see, "TransactionPage-public", &public);
    let private = TransactionPage {
        private: true,
        entries,
    };
    payload(see, "TransactionPage-private", &private);
    let summary = OwnSummary {
        cash: money("95695.3"),
        reserved: money("500"),
        buying_power: money("95195.3"),
        value: money("4304.7"),
        equity: money("100000"),
        day_change: Money(-1_500_000),
        realised: money("12.5"),
        unrealised: Money(-2_000_000),
        fees: money("0.25"),
        positions: vec![PositionSummary {
            symbol: symbol("AAPL"),
            units: amount("10"),
            promised: amount("2.5"),
            cost: money("4306.7"),
            value: money("4304.7"),
            previous_close: money("430.62"),
            realised: money("12.5"),
        }],
        update: 4711,
    };
    payload(see, "AccountSummary", &summary);
    let row = |name, text: &str, quote: Option<Quote>| QuoteListRow {
        symbol: symbol(name),
        name: text.to_owned(),
        factor: if text.is_empty() { 1 } else { 1000 },
        flags: QuoteListRow::flags(quote.is_some(), quote.is_none()),
        quote,
        previous_close: quote.map(|_| money("0.0075")),
        day: quote.map(|quote| Bar {
            time: quote.time.day(),
            open: money("0.0074"),
            high: money("0.0081"),
            low: money("0.0073"),
            close: quote.value,
            volume: 12_345,
        }),
    };
    let quote = Quote {
        time: timestamp("2013-03-01T10:00:00Z"),
        value: money("0.008"),
    };
    let quotes = QuoteList {
        rows: vec![
            row("NEW", "", None),
            row("SHIB", "Shiba Inu, 1,000", Some(quote)),
        ],
        update: 4711,
    };
    payload(see, "QuoteList", &quotes);
}

fn split(bytes: &[u8]) -> Vec<(FrameHeader, Vec<u8>)> {
    let mut buffer = FrameBuffer::new();
    buffer.extend(bytes);
    let mut frames = Vec::new();
    while let Some((header, data)) = buffer.next(FrameHeader::check).unwrap() {
        frames.push((header, data.to_vec()));
    }
    assert!(buffer.is_empty());
    frames
}

#[test]
fn requests_are_their_golden_frames() {
    let files = files();
    for (name, request) in requests() {
        let bytes = files
            .get(&name)
            .unwrap_or_else(|| panic!("{name}.hex is missing"));
        let [(header, data)] = &split(bytes)[..] else {
            panic!("{name} is one frame");
        };
        header.check_request().unwrap();
        let (instruction, arguments) = frame::read_request(header, data).unwrap();
        assert_eq!(format!("{:04X}", instruction.number()), name[..4], "{name}");
        assert_eq!(
            Request::read(instruction, arguments).unwrap().unwrap(),
            request,
            "{name}"
        );
        let mut out = Vec::new();
        request.write(&mut out);
        assert_eq!(hex::encode(out), hex::encode(bytes), "{name}");
    }
}

#[test]
fn replies_are_their_golden_frames() {
    let files = files();
    for (name, reply) in replies() {
        let bytes = files
            .get(&name)
            .unwrap_or_else(|| panic!("{name}.hex is missing"));
        let [(header, data)] = &split(bytes)[..] else {
            panic!("{name} is one frame");
        };
        assert_eq!(Reply::read(header, data).unwrap(), reply, "{name}");
        let mut out = Vec::new();
        reply.write(&mut out);
        assert_eq!(hex::encode(out), hex::encode(bytes), "{name}");
    }
}

#[test]
fn a_clients_pong_is_the_servers() {
    let files = files();
    let [(header, data)] = &split(&files["0402-pong"])[..] else {
        panic!("one frame");
    };
    let (instruction, arguments) = frame::read_request(header, data).unwrap();
    assert_eq!(
        Request::read(instruction, arguments),
        Ok(Some(Request::Pong))
    );
}

#[test]
fn transfers_are_their_golden_frames() {
    let files = files();
    let quote = files["payload-Quote"].clone();
    for (name, payload) in [
        ("030B-data", quote),
        ("030B-data-empty", Vec::new()),
        ("030B-data-packets", vec![0xab; 8200]),
    ] {
        let mut out = Vec::new();
        packet::write(&mut out, &payload);
        assert_eq!(hex::encode(out), hex::encode(&files[name]), "{name}");
        let mut reassembly = Reassembly::default();
        let mut whole = None;
        for (header, data) in split(&files[name]) {
            assert_eq!(whole, None, "{name}");
            assert_eq!(
                Reply::read(&header, &data),
                Ok(Reply::Data(header, data.clone()))
            );
            whole = reassembly.push(&header, &data).unwrap();
        }
        assert_eq!(whole, Some(payload), "{name}");
    }
}

#[test]
fn every_instruction_and_payload_has_a_golden_file_and_every_file_is_checked() {
    let mut checked = payloads();
    checked.extend(requests().into_iter().map(|(name, _)| name));
    checked.extend(replies().into_iter().map(|(name, _)| name));
    checked.extend(["030B-data", "030B-data-empty", "030B-data-packets"].map(str::to_owned));
    let there: BTreeSet<String> = files().into_keys().collect();
    assert_eq!(there, checked);
    for row in instruction::TABLE
        .iter()
        .filter(|row| row.direction != Direction::Link)
    {
        let name = format!("{:04X}-{}", row.number, row.name);
        assert!(there.contains(&name), "{name}.hex is missing");
    }
}
