//! Properties of the wire format: any value survives, and any bytes are refused or stand for one
//! value alone.

use papertrader::model::money::MILLIONTHS_MAX;
use papertrader::model::order::PERCENT_WHOLE;
use papertrader::model::printable::{is_printable, is_printable_text};
use papertrader::model::topic::DROPPED_MAX;
use papertrader::model::transaction::HISTORY_PAGE_MAX;
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
    Receipt, SessionMoment, TextList, TransactionPage, UserInfo, WHOLE,
};
use papertrader::wire::reply::{Fill, OrderNotice};
use papertrader::wire::{
    Arguments, ConnectionState, DATA_MAX, FrameBuffer, FrameHeader, Instruction, Reassembly,
    Refusal, Reply, Request, Window, frame, instruction, packet,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::fmt::Debug;
use std::ops::RangeInclusive;
use uuid::Uuid;

/// The moments that RFC 3339 can write.
fn timestamp() -> impl Strategy<Value = Timestamp> {
    (-62_167_219_200_000_i64..=253_402_300_799_999).prop_map(Timestamp)
}

pub(super) fn any_stamp() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp)
}

fn money() -> impl Strategy<Value = Money> {
    prop_oneof![0..=MILLIONTHS_MAX, 0..10_000_000_i64].prop_map(Money)
}

pub(super) fn any_money() -> impl Strategy<Value = Money> {
    any::<i64>().prop_map(Money)
}

pub(super) fn symbol() -> impl Strategy<Value = Symbol> {
    "[A-Z0-9./=-]{1,16}".prop_map(|text| Symbol::parse(&text).unwrap())
}

fn username() -> impl Strategy<Value = Username> {
    "[A-Za-z0-9][A-Za-z0-9._-]{0,23}".prop_map(|text| Username::parse(&text).unwrap())
}

fn email() -> impl Strategy<Value = Email> {
    "[^\\s@\\pC]{1,60}@[^\\s@\\pC]{1,60}"
        .prop_filter("shows something", |text| is_printable_text(text))
        .prop_map(|text| Email::parse(&text).unwrap())
}

fn provider() -> impl Strategy<Value = IdentityProviderName> {
    "[a-z0-9-]{1,24}".prop_map(|text| IdentityProviderName::parse(&text).unwrap())
}

fn method() -> impl Strategy<Value = SignInMethod> {
    prop::sample::select(SignInMethod::ALL.to_vec())
}

fn handle() -> impl Strategy<Value = SignInHandle> {
    any::<[u8; 32]>().prop_map(SignInHandle::from_bytes)
}

/// Visible ASCII characters, so many at most.
fn visible(most: usize) -> impl Strategy<Value = String> {
    vec(b'!'..=b'~', 1..=most).prop_map(|bytes| String::from_utf8(bytes).unwrap())
}

fn session() -> impl Strategy<Value = SessionId> {
    any::<[u8; 32]>().prop_map(SessionId::from_bytes)
}

fn hashed() -> impl Strategy<Value = HashedPass> {
    "[0-9a-f]{64}".prop_map(|text| HashedPass::parse(&text).unwrap())
}

fn token_name() -> impl Strategy<Value = TokenName> {
    "[A-Za-z0-9._-]{1,32}".prop_map(|text| TokenName::parse(&text).unwrap())
}

fn token_scope() -> impl Strategy<Value = TokenScope> {
    prop_oneof![Just(TokenScope::Read), Just(TokenScope::Trade)]
}

fn moment() -> impl Strategy<Value = SessionMoment> {
    (any_stamp(), printable(0..=20), printable(0..=20))
        .prop_map(|(at, client, worker)| SessionMoment { at, client, worker })
}

pub(super) fn own_sessions() -> impl Strategy<Value = OwnSessions> {
    let session = (
        "[0-9a-f]{8,16}",
        any::<bool>(),
        any::<bool>(),
        printable(0..=20),
        any_stamp(),
        moment(),
        moment(),
    )
        .prop_map(
            |(id, is_current, expirable, method, expiry, made, used)| OwnSession {
                id,
                is_current,
                expirable,
                method,
                expiry,
                made,
                used,
            },
        );
    vec(session, 0..8).prop_map(OwnSessions)
}

pub(super) fn own_tokens() -> impl Strategy<Value = OwnTokens> {
    let token = (
        token_name(),
        "[0-9a-f]{8,16}",
        code(TokenScope::ALL, TokenScope::from_name),
        any_stamp(),
        moment(),
        moment(),
    )
        .prop_map(|(name, id, scope, expiry, made, used)| OwnToken {
            name,
            id,
            scope,
            expiry,
            made,
            used,
        });
    vec(token, 0..8).prop_map(OwnTokens)
}

pub(super) fn own_identities() -> impl Strategy<Value = OwnIdentities> {
    let identity = (
        printable(0..=20),
        printable(0..=20),
        printable(0..=20),
        any_stamp(),
    )
        .prop_map(|(providers, issuer, subject, linked)| OwnIdentity {
            providers,
            issuer,
            subject,
            linked,
        });
    vec(identity, 0..8).prop_map(OwnIdentities)
}

fn order_parameters() -> impl Strategy<Value = OrderParameters> {
    let amount = || option::of(any_money().prop_filter("0 is none", |money| money.0 != 0));
    let stop = prop_oneof![
        any_money()
            .prop_filter("0 is none", |money| money.0 != 0)
            .prop_map(TrailDistance::Money),
        (1..PERCENT_WHOLE).prop_map(TrailDistance::Percent),
    ];
    let time_in_force = prop_oneof![
        Just(TimeInForce::Day),
        Just(TimeInForce::Gtc),
        timestamp().prop_map(TimeInForce::Until),
    ];
    (
        option::of(code(OrderKind::ALL, OrderKind::from_name)),
        amount(),
        option::of(stop),
        option::of(time_in_force),
        amount(),
    )
        .prop_map(|(kind, limit, stop, time_in_force, cash)| OrderParameters {
            kind,
            limit,
            stop,
            time_in_force,
            cash,
        })
}

fn page_entry(private: bool) -> impl Strategy<Value = PageEntry> {
    let more = (
        order_parameters(),
        any_money(),
        printable(0..=20),
        printable(0..=20),
    );
    (entry(true), more).prop_map(move |(entry, (order, fee, cause, note))| PageEntry {
        id: entry.id,
        side: entry.side,
        status: entry.status,
        symbol: entry.symbol,
        accepted: entry.accepted,
        settled: entry.settled,
        detail: entry.detail.filter(|_| private).map(|entry| PageDetail {
            entry,
            order,
            fee,
            cause,
            note,
        }),
    })
}

pub(super) fn transaction_page() -> impl Strategy<Value = TransactionPage> {
    any::<bool>().prop_flat_map(|private| {
        vec(page_entry(private), 0..8).prop_map(move |entries| TransactionPage { private, entries })
    })
}

pub(super) fn open_orders() -> impl Strategy<Value = OpenOrders> {
    let order = (
        page_entry(true),
        any_stamp(),
        any::<bool>(),
        any_money(),
        option::of(order_id()),
    )
        .prop_map(
            |(entry, until, is_triggered, reserve, client_order_id)| OpenOrder {
                id: entry.id,
                side: entry.side,
                status: entry.status,
                symbol: entry.symbol,
                accepted: entry.accepted,
                quantity: Quantity(until.0),
                order: entry.detail.map(|detail| detail.order).unwrap_or_default(),
                until,
                is_triggered,
                reserve,
                client_order_id,
            },
        );
    vec(order, 0..8).prop_map(OpenOrders)
}

pub(super) fn account_summary() -> impl Strategy<Value = OwnSummary> {
    let position = (
        (1..i64::MAX).prop_map(Quantity),
        any::<i64>().prop_map(Quantity),
        any_money(),
        any_money(),
        any_money(),
        any_money(),
    );
    (
        vec(any_money(), 9),
        prop::collection::btree_map(symbol(), position, 0..8),
        any::<u64>(),
    )
        .prop_map(|(sums, positions, update)| OwnSummary {
            cash: sums[0],
            reserved: sums[1],
            buying_power: sums[2],
            value: sums[3],
            equity: sums[4],
            day_change: sums[5],
            realised: sums[6],
            unrealised: sums[7],
            fees: sums[8],
            positions: positions
                .into_iter()
                .map(
                    |(symbol, (units, promised, cost, value, previous_close, realised))| {
                        PositionSummary {
                            symbol,
                            units,
                            promised,
                            cost,
                            value,
                            previous_close,
                            realised,
                        }
                    },
                )
                .collect(),
            update,
        })
}

pub(super) fn quote_list() -> impl Strategy<Value = QuoteList> {
    let price = (
        any_stamp(),
        any_money().prop_filter("0 is none", |money| money.0 != 0),
        bar(),
    )
        .prop_map(|(time, value, day)| {
            let day = Bar {
                time: time.day(),
                close: value,
                ..day
            };
            (Quote { time, value }, day)
        });
    let row = (
        printable(0..=20),
        any::<u64>(),
        any::<u8>(),
        option::of(price),
        option::of(any_money().prop_filter("0 is none", |money| money.0 != 0)),
    );
    (
        prop::collection::btree_map(symbol(), row, 0..8),
        any::<u64>(),
    )
        .prop_map(|(rows, update)| QuoteList {
            rows: rows
                .into_iter()
                .map(
                    |(symbol, (name, factor, flags, price, previous_close))| QuoteListRow {
                        symbol,
                        name,
                        factor,
                        flags,
                        quote: price.map(|(quote, _)| quote),
                        previous_close,
                        day: price.map(|(_, day)| day),
                    },
                )
                .collect(),
            update,
        })
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid::from_bytes)
}

fn order_id() -> impl Strategy<Value = ClientOrderId> {
    "[A-Za-z0-9._:-]{1,64}".prop_map(|text| ClientOrderId::parse(&text).unwrap())
}

/// A text for people, of printable characters.
pub(super) fn printable(length: RangeInclusive<usize>) -> impl Strategy<Value = String> {
    vec(
        any::<char>().prop_filter("printable", |c| is_printable(*c)),
        length,
    )
    .prop_map(String::from_iter)
}

fn reason_code() -> impl Strategy<Value = OpenValue<Reason>> {
    prop_oneof![
        prop::sample::select(Reason::ALL).prop_map(OpenValue::Known),
        "[A-Za-z][A-Za-z0-9-]{0,63}"
            .prop_map(|word| OpenValue::parse(&word, Reason::from_name).unwrap()),
    ]
}

/// A price as a request may write it: at most 12 digits before the point.
fn price() -> impl Strategy<Value = Money> {
    (1..1_000_000_000_000_000_000_i64).prop_map(Money)
}

fn trail() -> impl Strategy<Value = TrailDistance> {
    prop_oneof![
        price().prop_map(TrailDistance::Money),
        (1..PERCENT_WHOLE).prop_map(TrailDistance::Percent),
    ]
}

fn order_amount() -> impl Strategy<Value = OrderAmount> {
    prop_oneof![
        price().prop_map(|price| OrderAmount::Units(Quantity(price.0))),
        price().prop_map(OrderAmount::Cash),
    ]
}

fn order_kind() -> impl Strategy<Value = OrderKind> {
    prop::sample::select(OrderKind::ALL)
}

fn time_in_force() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        Just(TimeInForce::Day),
        Just(TimeInForce::Gtc),
        timestamp().prop_map(TimeInForce::Until),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn state() -> impl Strategy<Value = ConnectionState> {
    prop_oneof![Just(ConnectionState::Command), Just(ConnectionState::Data)]
}

fn window() -> impl Strategy<Value = Window> {
    prop_oneof![
        timestamp().prop_map(Window::Day),
        timestamp().prop_map(Window::Week),
        timestamp().prop_map(Window::Month),
        timestamp().prop_map(Window::Year),
        Just(Window::AllTime),
    ]
}

/// Every request that has no arguments, by the table.
fn without_arguments() -> Vec<Request> {
    let read = |row: &instruction::InstructionRow| {
        let nothing = Arguments::read(0, b"").unwrap();
        Request::read(row.instruction, nothing).unwrap()
    };
    let rows = instruction::TABLE.iter();
    rows.filter(|row| row.destination.is_some() && row.arguments.is_empty())
        .filter_map(read)
        .collect()
}

pub(super) fn request() -> impl Strategy<Value = Request> {
    // A request's quantity has at most 12 digits before the point.
    let quantity = (1..1_000_000_000_000_000_000_i64).prop_map(Quantity);
    prop_oneof![
        (username(), hashed(), any::<bool>()).prop_map(|(username, hashed_pass, expirable)| {
            Request::Login {
                username,
                hashed_pass,
                expirable,
            }
        }),
        session().prop_map(|session| Request::Resume { session }),
        (username(), email(), hashed()).prop_map(|(username, email, hashed_pass)| {
            Request::Register {
                username,
                email,
                hashed_pass,
            }
        }),
        (
            session(),
            side(),
            symbol(),
            quantity,
            option::of(order_id())
        )
            .prop_map(|(session, side, symbol, quantity, id)| Request::Order {
                session,
                side,
                symbol,
                quantity,
                id
            }),
        (
            (session(), side(), symbol(), order_amount(), order_kind()),
            (
                option::of(price()),
                option::of(trail()),
                time_in_force(),
                option::of(order_id())
            ),
        )
            .prop_map(
                |((session, side, symbol, amount, kind), (limit, stop, time_in_force, id))| {
                    Request::PlaceOrder {
                        session,
                        side,
                        symbol,
                        amount,
                        kind,
                        limit,
                        stop,
                        time_in_force,
                        id,
                    }
                }
            ),
        (session(), uuid()).prop_map(|(session, id)| Request::CancelOrder { session, id }),
        (
            session(),
            uuid(),
            option::of(order_amount()),
            option::of(price()),
            option::of(trail()),
            option::of(order_id())
        )
            .prop_map(|(session, id, amount, limit, stop, client_order_id)| {
                Request::ReplaceOrder {
                    session,
                    id,
                    amount,
                    limit,
                    stop,
                    client_order_id,
                }
            }),
        (session(), state()).prop_map(|(session, state)| Request::SwitchState { session, state }),
        (session(), topic()).prop_map(|(session, topic)| Request::Subscribe { session, topic }),
        (session(), topic()).prop_map(|(session, topic)| Request::Unsubscribe { session, topic }),
        session().prop_map(|session| Request::Logout { session }),
        (session(), option::of(hashed()), hashed())
            .prop_map(|(session, old, new)| { Request::ChangePassword { session, old, new } }),
        prop_oneof![
            username().prop_map(|name| name.as_str().to_owned()),
            email().prop_map(|email| email.as_str().to_owned()),
        ]
        .prop_map(|name| Request::RequestReset {
            name: UsernameOrEmail::parse(&name).unwrap(),
        }),
        (username(), any::<[u8; 20]>(), hashed()).prop_map(|(username, bytes, new)| {
            let code = ResetCode::from_bytes(&bytes);
            Request::ResetPassword {
                username,
                code,
                new,
            }
        }),
        (session(), option::of(hashed()))
            .prop_map(|(session, pass)| Request::DeleteAccount { session, pass }),
        (session(), "others|all|[0-9a-f]{8,16}").prop_map(|(session, which)| {
            let selection = SessionSelection::parse(&which).unwrap();
            Request::EndSessions { session, selection }
        }),
        (session(), token_name(), token_scope(), 1..=366_u16).prop_map(
            |(session, name, scope, days)| Request::CreateToken {
                session,
                name,
                scope,
                days,
            }
        ),
        (session(), token_name())
            .prop_map(|(session, name)| Request::RevokeToken { session, name }),
        (session(), option::of(hashed()), option::of(email())).prop_map(
            |(session, pass, email)| Request::ChangeEmail {
                session,
                pass,
                email,
            }
        ),
        session().prop_map(|session| Request::Sessions { session }),
        session().prop_map(|session| Request::Tokens { session }),
        session().prop_map(|session| Request::Identities { session }),
        session().prop_map(|session| Request::OpenOrders { session }),
        session().prop_map(|session| Request::AccountSummary { session }),
        (
            session(),
            username(),
            option::of(uuid()),
            1..=HISTORY_PAGE_MAX
        )
            .prop_map(
                |(session, username, before, count)| Request::UserHistoryPage {
                    session,
                    username,
                    before,
                    count,
                }
            ),
        session().prop_map(|session| Request::AccountExport { session }),
        (provider(), method(), option::of(visible(200))).prop_map(
            |(provider, method, redirect_uri)| Request::BeginThirdParty {
                provider,
                method,
                redirect_uri,
            }
        ),
        handle().prop_map(|handle| Request::AwaitThirdParty { handle }),
        (handle(), visible(200), visible(2048)).prop_map(|(handle, code, state)| {
            Request::CompleteThirdParty {
                handle,
                code: BrowserSecret::parse(&code).unwrap(),
                state: BrowserSecret::parse(&state).unwrap(),
            }
        }),
        (handle(), username(), option::of(email())).prop_map(|(handle, username, email)| {
            Request::RegisterThirdParty {
                handle,
                username,
                email,
            }
        }),
        (session(), handle())
            .prop_map(|(session, handle)| Request::LinkThirdParty { session, handle }),
        (session(), provider())
            .prop_map(|(session, provider)| Request::UnlinkThirdParty { session, provider }),
        symbol().prop_map(|symbol| Request::AssetInfo { symbol }),
        symbol().prop_map(|symbol| Request::AssetCurrent { symbol }),
        (symbol(), window(), any::<bool>()).prop_map(|(symbol, window, adjusted)| {
            Request::AssetWindow {
                symbol,
                window,
                adjusted,
            }
        }),
        (symbol(), timestamp()).prop_map(|(symbol, date)| Request::AssetPredicted { symbol, date }),
        (session(), username())
            .prop_map(|(session, username)| Request::UserInfo { session, username }),
        (session(), username())
            .prop_map(|(session, username)| Request::UserPortfolio { session, username }),
        (session(), username())
            .prop_map(|(session, username)| Request::UserHistory { session, username }),
        (session(), uuid()).prop_map(|(session, id)| Request::Receipt { session, id }),
        prop::sample::select(without_arguments()),
    ]
}

fn topic() -> impl Strategy<Value = Topic> {
    prop_oneof![
        Just(Topic::Orders),
        Just(Topic::Quotes),
        symbol().prop_map(Topic::QuotesOf),
    ]
}

fn order_notice() -> impl Strategy<Value = OrderNotice> {
    (
        (
            uuid(),
            code(TransactionStatus::ALL, TransactionStatus::from_name),
            symbol(),
            (0..=MILLIONTHS_MAX).prop_map(Quantity),
        ),
        (
            option::of(money()),
            option::of(money()),
            timestamp(),
            option::of(code(Reason::ALL, Reason::from_name)),
        ),
    )
        .prop_map(
            |((id, status, symbol, quantity), (price, total, time, reason))| OrderNotice {
                id,
                status,
                symbol,
                quantity,
                price,
                total,
                time,
                reason,
            },
        )
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        ("[a-z0-9.-]{1,30}", 1..=u16::MAX).prop_map(|(host, port)| format!("{host}:{port}")),
        (any::<u128>(), 1..=u16::MAX)
            .prop_map(|(host, port)| format!("[{}]:{port}", std::net::Ipv6Addr::from_bits(host))),
    ]
}

fn fact() -> impl Strategy<Value = NameValue> {
    ("[a-z][a-z0-9-]{0,31}", "[!-~]{1,256}")
        .prop_map(|(name, value)| NameValue::new(&name, &value).unwrap())
}

/// A code of the list `all`, or one of a later edition.
fn code<T: Copy + Debug + 'static>(
    all: &'static [T],
    find: fn(&str) -> Option<T>,
) -> impl Strategy<Value = OpenValue<T>> {
    prop_oneof![
        prop::sample::select(all).prop_map(OpenValue::Known),
        "[A-Za-z][A-Za-z0-9-]{0,63}"
            .prop_filter("a code of today", move |word| find(word).is_none())
            .prop_map(OpenValue::Unknown),
    ]
}

/// What stands behind a code.
fn text() -> impl Strategy<Value = String> {
    "\\PC{1,100}"
}

fn fill() -> impl Strategy<Value = Fill> {
    let amount = (0..=MILLIONTHS_MAX).prop_map(Quantity);
    (
        side(),
        uuid(),
        symbol(),
        amount,
        money(),
        money(),
        timestamp(),
    )
        .prop_map(|(side, id, symbol, quantity, price, total, settled)| Fill {
            side,
            id,
            symbol,
            quantity,
            price,
            total,
            settled,
        })
}

pub(super) fn reply() -> impl Strategy<Value = Reply> {
    use Instruction as I;
    let fails = [
        I::LoginFail,
        I::RegisterFail,
        I::PurchaseFail,
        I::SellFail,
        I::StateSwitchFail,
        I::DataFail,
        I::LogoutFail,
        I::AccountFail,
        I::OrderFail,
    ];
    prop_oneof![
        (session(), vec(address(), 0..20)).prop_map(|(id, workers)| Reply::Session { id, workers }),
        Just(Reply::RegisterSuccess),
        fill().prop_map(Reply::Filled),
        state().prop_map(Reply::StateSwitched),
        Just(Reply::LogoutSuccess),
        option::of(prop_oneof![
            any::<u32>().prop_map(AccountValue::Count),
            session().prop_map(AccountValue::Token),
        ])
        .prop_map(Reply::AccountSuccess),
        (
            handle(),
            1..=9_999_u16,
            timestamp(),
            option::of(visible(64).prop_filter("a lone - means none", |code| code != "-")),
            visible(6_000)
        )
            .prop_map(|(handle, poll, expiry, user_code, url)| {
                Reply::ThirdPartyStarted {
                    handle,
                    poll,
                    expiry,
                    user_code,
                    url,
                }
            }),
        Just(Reply::ThirdPartyPending),
        (handle(), option::of(username()))
            .prop_map(|(handle, suggestion)| Reply::ThirdPartyUnknown { handle, suggestion }),
        (
            prop::sample::select(fails.to_vec()),
            code(Reason::ALL, Reason::from_name),
            text()
        )
            .prop_map(|(name, reason, text)| Reply::Fail(name, Refusal { reason, text })),
        (
            uuid(),
            option::of(order_id().prop_filter("a lone - means none", |id| id.as_str() != "-")),
            code(TransactionStatus::ALL, TransactionStatus::from_name)
        )
            .prop_map(|(id, client_order_id, status)| Reply::OrderPlaced {
                id,
                client_order_id,
                status,
            }),
        uuid().prop_map(|id| Reply::OrderCancelled { id }),
        topic().prop_map(Reply::Subscribed),
        topic().prop_map(Reply::Unsubscribed),
        order_notice().prop_map(Reply::OrderNotice),
        (
            timestamp(),
            vec(
                (symbol(), money()).prop_map(|(symbol, value)| QuoteValue { symbol, value }),
                0..100
            )
        )
            .prop_map(|(time, quotes)| Reply::QuoteNotice { time, quotes }),
        (topic(), 0..=DROPPED_MAX)
            .prop_map(|(topic, count)| Reply::NoticesDropped { topic, count }),
        Just(Reply::Pong),
        vec(address(), 0..20).prop_map(Reply::WorkerList),
        vec(fact(), 0..20).prop_map(Reply::ServerInfo),
        (code(ProtocolFault::ALL, ProtocolFault::from_name), text())
            .prop_map(|(code, text)| Reply::ProtocolError(code, text)),
        (
            uuid(),
            option::of(order_id().prop_filter("a lone - means none", |id| id.as_str() != "-")),
            timestamp()
        )
            .prop_map(|(id, client_order_id, expected)| Reply::Queued {
                id,
                client_order_id,
                expected
            }),
    ]
}

pub(super) fn bar() -> impl Strategy<Value = Bar> {
    (
        any_stamp(),
        any_money(),
        any_money(),
        any_money(),
        any_money(),
        any::<u64>(),
    )
        .prop_map(|(time, open, high, low, close, volume)| Bar {
            time,
            open,
            high,
            low,
            close,
            volume,
        })
}

fn detail() -> impl Strategy<Value = EntryDetail> {
    (
        any::<i64>(),
        any_money(),
        any_money(),
        any_stamp(),
        option::of(order_id()),
        option::of(reason_code()),
    )
        .prop_map(
            |(quantity, price, total, priced, client_order_id, reason)| EntryDetail {
                quantity: Quantity(quantity),
                price,
                total,
                priced,
                client_order_id,
                reason,
            },
        )
}

fn entry(private: bool) -> impl Strategy<Value = HistoryEntry> {
    let number = || prop_oneof![0..6_u8, any::<u8>()];
    let side = number().prop_map(|n| OpenValue::from_number(n, Side::from_number));
    let status = number().prop_map(|n| OpenValue::from_number(n, TransactionStatus::from_number));
    (
        uuid(),
        side,
        status,
        symbol(),
        any_stamp(),
        any_stamp(),
        detail(),
    )
        .prop_map(
            move |(id, side, status, symbol, accepted, settled, detail)| HistoryEntry {
                id,
                side,
                status,
                symbol,
                accepted,
                settled,
                detail: private.then_some(detail),
            },
        )
}

pub(super) fn history() -> impl Strategy<Value = History> {
    any::<bool>().prop_flat_map(|private| {
        vec(entry(private), 0..8).prop_map(move |entries| History { private, entries })
    })
}

pub(super) fn portfolio() -> impl Strategy<Value = Portfolio> {
    let holding = (1..i64::MAX, any_money(), any_money());
    prop_oneof![
        (
            any_money(),
            prop::collection::btree_map(symbol(), holding, 0..8)
        )
            .prop_map(|(cash, held)| {
                let holding = |(symbol, (quantity, average_cost, value))| Holding {
                    symbol,
                    quantity: Quantity(quantity),
                    average_cost,
                    value,
                };
                Portfolio::Private(cash, held.into_iter().map(holding).collect())
            }),
        prop::collection::btree_map(symbol(), 0..=WHOLE, 0..8)
            .prop_map(|shares| Portfolio::Public(shares.into_iter().collect())),
    ]
}

pub(super) fn user_info() -> impl Strategy<Value = UserInfo> {
    (
        username(),
        any::<bool>(),
        any_stamp(),
        option::of(("\\PC{0,80}", any_money())),
    )
        .prop_map(|(username, is_password, created, private)| UserInfo {
            username: username.as_str().to_owned(),
            is_password,
            created,
            private,
        })
}

pub(super) fn forecast() -> impl Strategy<Value = Forecast> {
    (
        printable(0..=60),
        any_stamp(),
        any_money(),
        any_money(),
        any_money(),
    )
        .prop_map(|(method, time, value, low, high)| Forecast {
            method,
            time,
            value,
            low,
            high,
        })
}

fn frames(bytes: &[u8]) -> Vec<(FrameHeader, Vec<u8>)> {
    let mut buffer = FrameBuffer::new();
    buffer.extend(bytes);
    let mut frames = Vec::new();
    while let Ok(Some((header, data))) = buffer.next(FrameHeader::check) {
        frames.push((header, data.to_vec()));
    }
    frames
}

fn read_request(bytes: &[u8]) -> Option<Request> {
    let frames = frames(bytes);
    let [(header, data)] = &frames[..] else {
        return None;
    };
    header.check_request().ok()?;
    let (instruction, arguments) = frame::read_request(header, data).ok()?;
    Request::read(instruction, arguments).ok()?
}

fn written(request: &Request) -> Vec<u8> {
    let mut out = Vec::new();
    request.write(&mut out);
    out
}

/// A value survives; whatever else its bytes become is refused or means what its own bytes say.
fn survives<T: Payload + PartialEq + Debug>(value: &T, at: prop::sample::Index, byte: u8) {
    let mut bytes = value.to_bytes();
    assert_eq!(&T::from_bytes(&bytes).unwrap(), value);
    if !bytes.is_empty() {
        let index = at.index(bytes.len());
        bytes[index] = byte;
        one_meaning::<T>(&bytes);
        one_meaning::<T>(&bytes[..index]);
    }
    bytes.push(byte);
    one_meaning::<T>(&bytes);
}

fn one_meaning<T: Payload + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes) {
        assert_eq!(value.to_bytes(), bytes, "{value:?}");
    }
}

proptest! {
    #[test]
    fn requests_survive(request in request()) {
        prop_assert_eq!(read_request(&written(&request)), Some(request));
    }

    /// Requests have more than one spelling on purpose (`007`, a date without a time); once written
    /// by us, one.
    #[test]
    fn what_reads_as_a_request_reads_the_same_once_rewritten(
        row in prop::sample::select(instruction::TABLE),
        arguments in vec(prop_oneof![
            "0{0,5}[0-9]{0,6}(\\.[0-9]{0,6})?",
            "2013-0[1-9]-[0-3][0-9](T[0-2][0-9]:00:00(\\.[0-9]{3})?Z)?",
            "[0-9a-f]{64}",
            "[A-Z]{1,5}",
            "[a-z@]{3,10}",
            Just("true".to_owned()), Just("data".to_owned()), Just("raw".to_owned()), Just("adjusted".to_owned()),
            Just("01890a5d-ac96-774b-bcce-b302099a8057".to_owned()),
        ], 0..5),
    ) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut bytes = Vec::new();
        frame::write(&mut bytes, row.instruction, &arguments);
        if let Some(request) = read_request(&bytes) {
            let again = written(&request);
            prop_assert_eq!(read_request(&again), Some(request.clone()));
            prop_assert_eq!(written(&read_request(&again).unwrap()), again);
        }
    }

    #[test]
    fn replies_survive(reply in reply()) {
        let mut bytes = Vec::new();
        reply.write(&mut bytes);
        let frames = frames(&bytes);
        prop_assert_eq!(frames.len(), 1);
        prop_assert_eq!(Reply::read(&frames[0].0, &frames[0].1), Ok(reply));
    }

    #[test]
    fn a_changed_reply_is_refused_or_means_what_it_says(
        reply in reply(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = Vec::new();
        reply.write(&mut bytes);
        let index = at.index(bytes.len());
        bytes[index] = byte;
        for (header, data) in frames(&bytes) {
            if let Ok(reply) = Reply::read(&header, &data) {
                let mut again = Vec::new();
                reply.write(&mut again);
                prop_assert_eq!(&again, &[&header.bytes()[..], &data].concat(), "{:?}", reply);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_whole_frames(bytes in vec(any::<u8>(), 0..200)) {
        let mut rest = &bytes[..];
        for (header, data) in frames(&bytes) {
            let whole = [&header.bytes()[..], &data].concat();
            prop_assert!(rest.starts_with(&whole));
            rest = &rest[whole.len()..];
            let _ = header.check_request().and_then(|()| frame::read_request(&header, &data).map(|_| ()));
            let _ = Reply::read(&header, &data);
        }
    }

    #[test]
    fn any_header_survives(bytes in any::<[u8; 17]>()) {
        prop_assert_eq!(FrameHeader::read(&bytes).bytes(), bytes);
    }

    #[test]
    fn transfers_survive_and_are_cut_at_8192(payload in vec(any::<u8>(), 0..3 * DATA_MAX)) {
        let mut bytes = Vec::new();
        packet::write(&mut bytes, &payload);
        let frames = frames(&bytes);
        prop_assert_eq!(frames.len(), payload.len().div_ceil(DATA_MAX).max(1));
        let mut reassembly = Reassembly::default();
        let mut whole = None;
        for (header, data) in &frames {
            prop_assert_eq!(&whole, &None);
            whole = reassembly.push(header, data).unwrap();
        }
        prop_assert_eq!(whole, Some(payload));
    }

    #[test]
    fn bars_survive(bars in vec(bar(), 0..5), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&bars, at, byte);
    }

    #[test]
    fn quotes_survive(time in any_stamp(), value in any_money(), at in any::<prop::sample::Index>(), b in any::<u8>()) {
        survives(&Quote { time, value }, at, b);
    }

    #[test]
    fn asset_infos_survive(symbol in symbol(), bar in bar(), at in any::<prop::sample::Index>(), b in any::<u8>()) {
        survives(&AssetInfo { symbol, bar }, at, b);
    }

    #[test]
    fn user_infos_survive(info in user_info(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&info, at, byte);
    }

    #[test]
    fn portfolios_survive(portfolio in portfolio(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&portfolio, at, byte);
    }

    #[test]
    fn histories_survive(history in history(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&history, at, byte);
    }

    #[test]
    fn forecasts_survive(forecast in forecast(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&forecast, at, byte);
    }

    #[test]
    fn lists_survive(texts in vec("\\PC{0,20}", 0..8), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&TextList(texts), at, byte);
    }

    #[test]
    fn receipts_survive(
        lines in vec((printable(0..=20), printable(0..=20)), 0..8), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        survives(&Receipt(lines), at, byte);
    }

    #[test]
    fn sessions_survive(sessions in own_sessions(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&sessions, at, byte);
    }

    #[test]
    fn tokens_survive(tokens in own_tokens(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&tokens, at, byte);
    }

    #[test]
    fn identities_survive(identities in own_identities(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&identities, at, byte);
    }

    #[test]
    fn pages_survive(page in transaction_page(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&page, at, byte);
    }

    #[test]
    fn open_orders_survive(orders in open_orders(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&orders, at, byte);
    }

    #[test]
    fn summaries_survive(summary in account_summary(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&summary, at, byte);
    }

    #[test]
    fn quote_lists_survive(quotes in quote_list(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        survives(&quotes, at, byte);
    }

    #[test]
    fn any_bytes_mean_one_payload_at_most(bytes in vec(any::<u8>(), 0..200)) {
        one_meaning::<Vec<Bar>>(&bytes);
        one_meaning::<Quote>(&bytes);
        one_meaning::<AssetInfo>(&bytes);
        one_meaning::<UserInfo>(&bytes);
        one_meaning::<Portfolio>(&bytes);
        one_meaning::<History>(&bytes);
        one_meaning::<Forecast>(&bytes);
        one_meaning::<TextList>(&bytes);
        one_meaning::<Receipt>(&bytes);
        one_meaning::<OwnSessions>(&bytes);
        one_meaning::<OwnTokens>(&bytes);
        one_meaning::<OwnIdentities>(&bytes);
        one_meaning::<TransactionPage>(&bytes);
        one_meaning::<OpenOrders>(&bytes);
        one_meaning::<OwnSummary>(&bytes);
        one_meaning::<QuoteList>(&bytes);
    }
}

#[test]
fn facts_that_do_not_fit_into_a_message_are_left_out() {
    let fact = NameValue::new(&"n".repeat(32), &"v".repeat(256)).unwrap();
    let mut out = Vec::new();
    Reply::ServerInfo(vec![fact.clone(); 100]).write(&mut out);
    let header = FrameHeader::read(out.first_chunk().unwrap());
    assert_eq!(header.check(), Ok(()));
    // Of 289 bytes and a space each.
    let fits = vec![fact; (DATA_MAX + 1) / 290];
    let read = Reply::read(&header, &out[frame::HEADER_BYTES..]);
    assert_eq!(read, Ok(Reply::ServerInfo(fits)));
}
