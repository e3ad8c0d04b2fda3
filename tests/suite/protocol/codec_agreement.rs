//! The description and the Rust code, side by side: both take the same bytes for the same values,
//! and refuse the same messages for the same reasons.

use crate::protocol::description_decoder::{DescribedMessage, DescriptionDecoder};
use papertrader::description::pages;
use papertrader::dialogue::peer::ConnectionBytes;
use papertrader::model::{Bar, OrderAmount, Quote, TimeInForce, TrailDistance, ValueError};
use papertrader::wire::argument_type::grammar::GRAMMARS;
use papertrader::wire::argument_type::{ArgumentType, ReadArgument, codec};
use papertrader::wire::frame::HEADER_BYTES;
use papertrader::wire::instruction::InstructionRow;
use papertrader::wire::payload::{
    AssetInfo, Forecast, History, OpenOrder, OpenOrders, OrderParameters, OwnIdentities,
    OwnIdentity, OwnSession, OwnSessions, OwnSummary, OwnToken, OwnTokens, Payload, PayloadKind,
    Portfolio, PositionSummary, QuoteList, QuoteListRow, Receipt, SessionMoment, TextList,
    TransactionPage, UserInfo,
};
use papertrader::wire::{FrameHeader, Reply, Request, frame};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::LazyLock;

/// The description as it is checked in.
pub static DESCRIPTION: LazyLock<DescriptionDecoder> = LazyLock::new(|| {
    let path = Path::new("spec").join(pages::FILE);
    DescriptionDecoder::new(&std::fs::read_to_string(path).unwrap())
});

/// Milliseconds since 1970 of a day or a time, `2013-03-01` or `2013-03-01T12:30:15[.250]Z`.
fn millis(text: &str) -> i64 {
    let part = |from: usize, to: usize| text.get(from..to).map_or(0, |d| d.parse().unwrap());
    let (year, month, day): (i64, i64, i64) = (part(0, 4), part(5, 7), part(8, 10));
    // Years and months counted from March: a leap day is the last of its year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = year * 365 + leap_days + (153 * month + 2) / 5 + day - 1;
    let hours = (days - 719_468) * 24 + part(11, 13);
    ((hours * 60 + part(14, 16)) * 60 + part(17, 19)) * 1000 + part(20, 23)
}

/// Millionths of a decimal.
fn millionths(text: &str) -> i64 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<6}").parse().unwrap()
}

fn argument_type(name: &str) -> ArgumentType {
    let mut kinds = GRAMMARS.iter().map(|(kind, _)| *kind);
    kinds.find(|kind| kind.name() == name).unwrap()
}

/// What the text of an argument stands for, by its type's description.
fn described_value(kind: ArgumentType, text: &str) -> Value {
    use ArgumentType as T;
    match kind {
        T::Quantity | T::CanonicalQuantity | T::CanonicalMoney => json!(millionths(text)),
        T::Date | T::CanonicalTime => json!(millis(text)),
        T::Flag => json!(text == "true"),
        T::Adjustment => json!(text == "adjusted"),
        T::OrderAmount | T::OrderAmountOrDash if text != "-" => {
            json!([
                text.starts_with("cash:"),
                millionths(text.trim_start_matches("cash:"))
            ])
        }
        T::PriceOrDash | T::CanonicalMoneyOrDash if text != "-" => json!(millionths(text)),
        T::QuoteValue => {
            let (symbol, value) = text.rsplit_once('=').unwrap();
            json!([symbol, millionths(value)])
        }
        T::DroppedCount => json!(text.parse::<u32>().unwrap()),
        T::StopOrDash if text != "-" => match text.strip_suffix('%') {
            // Four places of a percent.
            Some(percent) => json!(["percent", millionths(percent) / 100]),
            None => json!(millionths(text)),
        },
        T::TimeInForce if text == "day" || text == "gtc" => json!(text),
        // A date counts through its day, to the year 9999.
        T::TimeInForce if text.len() == 10 => {
            json!((millis(text) + 86_400_000).min(253_402_300_799_999))
        }
        T::TimeInForce => json!(millis(text)),
        T::TransactionIdOrDash if text == "-" => Value::Null,
        T::TransactionId | T::TransactionIdOrDash => json!(text.replace('-', "")),
        T::OrderAmount
        | T::OrderAmountOrDash
        | T::PriceOrDash
        | T::CanonicalMoneyOrDash
        | T::StopOrDash
        | T::ClientOrderIdOrDash
        | T::HashedPassOrDash
        | T::EmailOrDash
        | T::UserCode
        | T::UsernameOrDash
            if text == "-" =>
        {
            Value::Null
        }
        T::PollSeconds => json!(text.parse::<u16>().unwrap()),
        T::Days | T::PageCount => json!(text.parse::<u16>().unwrap()),
        T::Username
        | T::Email
        | T::HashedPass
        | T::HashedPassOrDash
        | T::UsernameOrEmail
        | T::ResetCode
        | T::EmailOrDash
        | T::IdentityProviderName
        | T::SignInMethod
        | T::SignInHandle
        | T::RedirectUri
        | T::BrowserSecret
        | T::UserCode
        | T::WebAddress
        | T::UsernameOrDash
        | T::SessionId
        | T::TokenName
        | T::TokenScope
        | T::SessionSelection
        | T::AccountValue
        | T::Symbol
        | T::State
        | T::ClientOrderId
        | T::ClientOrderIdOrDash
        | T::OrderSide
        | T::OrderKind
        | T::OrderAmount
        | T::OrderAmountOrDash
        | T::PriceOrDash
        | T::CanonicalMoneyOrDash
        | T::StopOrDash
        | T::StatusWord
        | T::Topic
        | T::EndReasonCode
        | T::WorkerAddress
        | T::NameValue
        | T::ReasonCode
        | T::FaultCode
        | T::LinkCode
        | T::Text => json!(text),
    }
}

fn amount_value(amount: &OrderAmount) -> Value {
    match amount {
        OrderAmount::Units(units) => json!([false, units.0]),
        OrderAmount::Cash(money) => json!([true, money.0]),
    }
}

/// What the Rust codec of a type makes of a text.
fn codec_value(kind: ArgumentType, text: &str) -> Result<Value, ValueError> {
    use codec as c;
    fn read<C: ReadArgument>(
        text: &str,
        value: impl Fn(C::Value) -> Value,
    ) -> Result<Value, ValueError> {
        C::read(text).map(value)
    }
    match kind {
        ArgumentType::Username => read::<c::Username>(text, |name| json!(name.as_str())),
        ArgumentType::Email => read::<c::Email>(text, |email| json!(email.as_str())),
        ArgumentType::HashedPass => read::<c::HashedPass>(text, |hashed| json!(hashed.expose())),
        ArgumentType::HashedPassOrDash => read::<c::HashedPassOrDash>(text, |hashed| {
            json!(hashed.as_ref().map(|hashed| hashed.expose()))
        }),
        ArgumentType::UsernameOrEmail => {
            read::<c::UsernameOrEmail>(text, |name| json!(name.as_str()))
        }
        // The codec's value has one form, the text has many.
        ArgumentType::ResetCode => read::<c::ResetCode>(text, |_| json!(text)),
        ArgumentType::EmailOrDash => read::<c::EmailOrDash>(text, |email| {
            json!(email.as_ref().map(|email| email.as_str()))
        }),
        ArgumentType::IdentityProviderName => {
            read::<c::IdentityProviderName>(text, |name| json!(name.as_str()))
        }
        ArgumentType::SignInMethod => {
            read::<c::SignInMethod>(text, |method| json!(method.as_str()))
        }
        ArgumentType::SignInHandle => {
            read::<c::SignInHandle>(text, |handle| json!(handle.expose()))
        }
        // An argument that is there is not empty.
        ArgumentType::RedirectUri if text.is_empty() => Err(ValueError("empty")),
        ArgumentType::RedirectUri => read::<c::RedirectUri>(text, |uri| json!(uri.unwrap())),
        ArgumentType::BrowserSecret => {
            read::<c::BrowserSecret>(text, |secret| json!(secret.expose()))
        }
        ArgumentType::PollSeconds => read::<c::PollSeconds>(text, |seconds| json!(seconds)),
        ArgumentType::UserCode => read::<c::UserCode>(text, |code| json!(code)),
        ArgumentType::WebAddress => read::<c::WebAddress>(text, |url| json!(url)),
        ArgumentType::UsernameOrDash => {
            read::<c::UsernameOrDash>(text, |name| json!(name.as_ref().map(|name| name.as_str())))
        }
        ArgumentType::TokenName => read::<c::TokenName>(text, |name| json!(name.as_str())),
        ArgumentType::TokenScope => read::<c::TokenScope>(text, |scope| json!(scope.as_str())),
        ArgumentType::Days => read::<c::Days>(text, |days| json!(days)),
        ArgumentType::SessionSelection => {
            read::<c::SessionSelection>(text, |selection| json!(selection.as_str()))
        }
        // An argument that is there is not empty.
        ArgumentType::AccountValue if text.is_empty() => Err(ValueError("empty")),
        ArgumentType::AccountValue => {
            read::<c::AccountValue>(text, |value| json!(*value.unwrap().expose()))
        }
        ArgumentType::SessionId => read::<c::SessionId>(text, |id| json!(id.expose())),
        ArgumentType::Symbol => read::<c::Symbol>(text, |symbol| json!(symbol.as_str())),
        ArgumentType::Quantity => read::<c::Quantity>(text, |quantity| json!(quantity.0)),
        ArgumentType::CanonicalQuantity => {
            read::<c::CanonicalQuantity>(text, |quantity| json!(quantity.0))
        }
        ArgumentType::CanonicalMoney => read::<c::CanonicalMoney>(text, |money| json!(money.0)),
        ArgumentType::Date => read::<c::Date>(text, |date| json!(date.0)),
        ArgumentType::CanonicalTime => read::<c::CanonicalTime>(text, |time| json!(time.0)),
        ArgumentType::Flag => read::<c::Flag>(text, |flag| json!(flag)),
        ArgumentType::Adjustment => read::<c::Adjustment>(text, |adjusted| json!(adjusted)),
        ArgumentType::State => read::<c::State>(text, |state| json!(state.as_str())),
        ArgumentType::ClientOrderId => {
            read::<c::ClientOrderId>(text, |id| json!(id.unwrap().as_str()))
        }
        ArgumentType::ClientOrderIdOrDash => {
            read::<c::ClientOrderIdOrDash>(text, |id| json!(id.as_ref().map(|id| id.as_str())))
        }
        ArgumentType::TransactionId => {
            read::<c::TransactionId>(text, |id| json!(hex::encode(id.as_bytes())))
        }
        ArgumentType::TransactionIdOrDash => read::<c::TransactionIdOrDash>(text, |id| {
            json!(id.map(|id| hex::encode(id.as_bytes())))
        }),
        ArgumentType::PageCount => read::<c::PageCount>(text, |count| json!(count)),
        ArgumentType::OrderSide => read::<c::OrderSide>(text, |side| json!(side.as_str())),
        ArgumentType::OrderAmount => read::<c::OrderAmount>(text, |amount| amount_value(&amount)),
        ArgumentType::OrderAmountOrDash => {
            read::<c::OrderAmountOrDash>(text, |amount| json!(amount.as_ref().map(amount_value)))
        }
        ArgumentType::OrderKind => read::<c::OrderKind>(text, |kind| json!(kind.as_str())),
        ArgumentType::PriceOrDash => {
            read::<c::PriceOrDash>(text, |price| json!(price.map(|price| price.0)))
        }
        ArgumentType::StopOrDash => read::<c::StopOrDash>(text, |stop| match stop {
            None => Value::Null,
            Some(TrailDistance::Money(money)) => json!(money.0),
            Some(TrailDistance::Percent(parts)) => json!(["percent", parts]),
        }),
        ArgumentType::TimeInForce => read::<c::TimeInForce>(text, |time| match time {
            TimeInForce::Gtc | TimeInForce::Day => json!(time.to_string()),
            TimeInForce::Until(until) => json!(until.0),
        }),
        ArgumentType::StatusWord => read::<c::StatusWord>(text, |word| json!(word.as_str())),
        ArgumentType::CanonicalMoneyOrDash => {
            read::<c::CanonicalMoneyOrDash>(text, |money| json!(money.map(|money| money.0)))
        }
        ArgumentType::Topic => read::<c::Topic>(text, |topic| json!(topic.to_string())),
        ArgumentType::QuoteValue => {
            read::<c::QuoteValue>(text, |quote| json!([quote.symbol.as_str(), quote.value.0]))
        }
        ArgumentType::DroppedCount => read::<c::DroppedCount>(text, |count| json!(count)),
        // An argument that is there is not empty.
        ArgumentType::EndReasonCode if text.is_empty() => Err(ValueError("empty")),
        ArgumentType::EndReasonCode => {
            read::<c::EndReasonCode>(text, |reason| json!(reason.unwrap().as_str()))
        }
        ArgumentType::WorkerAddress => read::<c::WorkerAddress>(text, |address| json!(address)),
        ArgumentType::NameValue => read::<c::NameValue>(text, |fact| json!(fact.to_string())),
        ArgumentType::ReasonCode => read::<c::ReasonCode>(text, |reason| json!(reason.as_str())),
        ArgumentType::FaultCode => read::<c::FaultCode>(text, |fault| json!(fault.as_str())),
        ArgumentType::LinkCode => Ok(json!(text)),
        ArgumentType::Text => read::<c::Text>(text, |text| json!(text)),
    }
}

/// Each argument stands for one value, and has its form: the first that has not, by its place.
fn check_arguments(number: u64, arguments: &[String]) -> Result<(), usize> {
    for (place, (column, text)) in DESCRIPTION.columns(number, arguments).enumerate() {
        let name = column["type"].as_str().unwrap();
        let (kind, accepted) = (argument_type(name), DESCRIPTION.accepts(name, text));
        let value = codec_value(kind, text);
        assert_eq!(
            value.is_ok(),
            accepted,
            "{number:04X}: {name} {text:?}: {value:?}"
        );
        if !accepted {
            return Err(place);
        }
        assert_eq!(value, Ok(described_value(kind, text)), "{name} {text:?}");
    }
    Ok(())
}

/// What is said of a client's message, by the description and by the Rust code alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    /// It is not complete.
    Partial,
    /// The code of the protocolError that answers it.
    Fault(String),
    /// A request's number, and the reason that refuses its arguments.
    Refused(u64, String),
    /// A request's number and its arguments.
    Good(u64, Vec<String>),
}

/// The bytes of the message that was taken off the front of `stream`.
fn taken<'a>(stream: &'a [u8], rest: &[u8]) -> (FrameHeader, &'a [u8], &'a [u8]) {
    let whole = &stream[..stream.len() - rest.len()];
    let (head, data) = whole.split_first_chunk::<HEADER_BYTES>().unwrap();
    (FrameHeader::read(head), data, whole)
}

/// Takes a client's message off the front of a stream, as both understand it.
pub fn client_message(stream: &mut &[u8]) -> ClientMessage {
    let before = *stream;
    let taken_message = DESCRIPTION.next(stream, true);
    if let Some(head) = before.first_chunk::<HEADER_BYTES>() {
        let fault = FrameHeader::read(head).check_request().err();
        let fault = fault.map(|fault| fault.code.to_string());
        assert_eq!(
            taken_message.as_ref().err(),
            fault.as_ref(),
            "{}",
            hex::encode(head)
        );
    }
    let message = match taken_message {
        Ok(Some(message)) => message,
        Ok(None) => return ClientMessage::Partial,
        Err(fault) => return ClientMessage::Fault(fault),
    };
    let (header, data, whole) = taken(before, stream);
    let read = frame::read_request(&header, data).map_err(|fault| fault.code.to_string());
    let arguments = DESCRIPTION.arguments(&message, true);
    let (arguments, (instruction, typed)) = match (arguments, read) {
        (Ok(arguments), Ok(read)) => (arguments, read),
        (described, read) => {
            assert_eq!(described.err(), read.err(), "{}", hex::encode(whole));
            return ClientMessage::Fault(DESCRIPTION.arguments(&message, true).unwrap_err());
        }
    };
    let number = message.header["instruction"];
    assert_eq!(DESCRIPTION.message(number, &arguments), whole);
    let request = Request::read(instruction, typed);
    match check_arguments(number, &arguments) {
        Ok(()) => {
            assert!(
                matches!(request, Ok(Some(_))),
                "{number:04X} {arguments:?}: {request:?}"
            );
            ClientMessage::Good(number, arguments)
        }
        Err(place) => {
            let (column, _) = DESCRIPTION.columns(number, &arguments).nth(place).unwrap();
            let reason = column["reason"].as_str().unwrap();
            let refusal = request.expect_err(&format!("{arguments:?} are read"));
            assert_eq!(refusal.reason.as_str(), reason, "{arguments:?}");
            ClientMessage::Refused(number, reason.to_owned())
        }
    }
}

/// A server's message: a packet of a set, or arguments; and all its bytes.
pub struct ServerMessage<'a> {
    pub number: u64,
    pub packet: DescribedMessage,
    pub arguments: Vec<String>,
    pub bytes: &'a [u8],
}

/// Takes a server's message off the front of a stream, as both understand it. `None` if it is not
/// complete, an error if neither accepts it.
pub fn server_message<'a>(stream: &mut &'a [u8]) -> Result<Option<ServerMessage<'a>>, String> {
    let before = *stream;
    let Some(message) = DESCRIPTION.next(stream, false)? else {
        return Ok(None);
    };
    let (header, data, whole) = taken(before, stream);
    let number = message.header["instruction"];
    let arguments = DESCRIPTION
        .arguments(&message, false)
        .and_then(|arguments| {
            let outcome = check_arguments(number, &arguments);
            outcome.map_err(|place| format!("argument {place}"))?;
            Ok(arguments)
        });
    let reply = Reply::read(&header, data);
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(why) => {
            assert!(reply.is_err(), "{why}: {reply:?}");
            return Err(why);
        }
    };
    assert!(reply.is_ok(), "{number:04X} {arguments:?}: {reply:?}");
    if DESCRIPTION.row(number).unwrap()["binary"] != true {
        assert_eq!(DESCRIPTION.message(number, &arguments), whole);
    }
    let (packet, bytes) = (message, whole);
    Ok(Some(ServerMessage {
        number,
        packet,
        arguments,
        bytes,
    }))
}

fn bar_value(bar: &Bar) -> Value {
    json!({
        "time": bar.time.0.to_string(),
        "open": bar.open.0.to_string(),
        "high": bar.high.0.to_string(),
        "low": bar.low.0.to_string(),
        "close": bar.close.0.to_string(),
        "volume": bar.volume.to_string(),
    })
}

/// A payload as the value that the description makes of its bytes.
pub trait DescribedPayload: Payload {
    fn value(&self) -> Value;
}

impl DescribedPayload for Bar {
    fn value(&self) -> Value {
        bar_value(self)
    }
}

impl DescribedPayload for Vec<Bar> {
    fn value(&self) -> Value {
        json!({ "bars": self.iter().map(bar_value).collect::<Vec<_>>() })
    }
}

impl DescribedPayload for Quote {
    fn value(&self) -> Value {
        json!({ "time": self.time.0.to_string(), "value": self.value.0.to_string() })
    }
}

impl DescribedPayload for AssetInfo {
    fn value(&self) -> Value {
        json!({ "symbol": self.symbol.as_str(), "day": bar_value(&self.bar) })
    }
}

impl DescribedPayload for Forecast {
    fn value(&self) -> Value {
        json!({
            "method": self.method,
            "time": self.time.0.to_string(),
            "value": self.value.0.to_string(),
            "low": self.low.0.to_string(),
            "high": self.high.0.to_string(),
        })
    }
}

impl DescribedPayload for UserInfo {
    fn value(&self) -> Value {
        let mut value = json!({
            "private": u8::from(self.private.is_some()),
            "username": self.username,
            "isPassword": u8::from(self.is_password),
            "created": self.created.0.to_string(),
        });
        if let Some((email, cash)) = &self.private {
            value["email"] = json!(email);
            value["cash"] = json!(cash.0.to_string());
        }
        value
    }
}

impl DescribedPayload for Portfolio {
    fn value(&self) -> Value {
        match self {
            Portfolio::Private(cash, holdings) => {
                let position = |holding: &papertrader::wire::payload::Holding| {
                    json!({
                        "symbol": holding.symbol.as_str(),
                        "quantity": holding.quantity.0.to_string(),
                        "averageCost": holding.average_cost.0.to_string(),
                        "value": holding.value.0.to_string(),
                    })
                };
                json!({
                    "private": 1,
                    "count": holdings.len(),
                    "cash": cash.0.to_string(),
                    "positions": holdings.iter().map(position).collect::<Vec<_>>(),
                })
            }
            Portfolio::Public(shares) => {
                let position = |(symbol, share): &(papertrader::model::Symbol, u16)| json!({ "symbol": symbol.as_str(), "share": share });
                json!({
                    "private": 0,
                    "count": shares.len(),
                    "positions": shares.iter().map(position).collect::<Vec<_>>(),
                })
            }
        }
    }
}

impl DescribedPayload for History {
    fn value(&self) -> Value {
        let transactions = self.entries.iter().map(|entry| {
            let mut value = json!({
                "id": hex::encode(entry.id.as_bytes()),
                "side": entry.side.number(),
                "status": entry.status.number(),
                "symbol": entry.symbol.as_str(),
                "accepted": entry.accepted.0.to_string(),
                "settled": entry.settled.0.to_string(),
            });
            if let Some(detail) = &entry.detail {
                value["quantity"] = json!(detail.quantity.0.to_string());
                value["price"] = json!(detail.price.0.to_string());
                value["total"] = json!(detail.total.0.to_string());
                value["priced"] = json!(detail.priced.0.to_string());
                value["clientOrderID"] =
                    json!(detail.client_order_id.as_ref().map_or("", |id| id.as_str()));
                value["reason"] = json!(detail.reason.as_ref().map_or("", |code| code.as_str()));
            }
            value
        });
        json!({
            "private": u8::from(self.private),
            "count": self.entries.len(),
            "transactions": transactions.collect::<Vec<_>>(),
        })
    }
}

impl DescribedPayload for TextList {
    fn value(&self) -> Value {
        json!({ "count": self.0.len(), "texts": self.0 })
    }
}

/// A value with the fields of how a session was made and last used.
fn with_moments(mut value: Value, made: &SessionMoment, used: &SessionMoment) -> Value {
    for (name, moment) in [("made", made), ("used", used)] {
        value[name] = json!(moment.at.0.to_string());
        value[format!("{name}Client")] = json!(moment.client);
        value[format!("{name}Worker")] = json!(moment.worker);
    }
    value
}

impl DescribedPayload for OwnSessions {
    fn value(&self) -> Value {
        let session = |session: &OwnSession| {
            let value = json!({
                "id": session.id,
                "current": u8::from(session.is_current),
                "expirable": u8::from(session.expirable),
                "method": session.method,
                "expiry": session.expiry.0.to_string(),
            });
            with_moments(value, &session.made, &session.used)
        };
        json!({ "count": self.0.len(), "sessions": self.0.iter().map(session).collect::<Vec<_>>() })
    }
}

impl DescribedPayload for OwnIdentities {
    fn value(&self) -> Value {
        let identity = |identity: &OwnIdentity| {
            json!({
                "providers": identity.providers,
                "issuer": identity.issuer,
                "subject": identity.subject,
                "linked": identity.linked.0.to_string(),
            })
        };
        let all: Vec<_> = self.0.iter().map(identity).collect();
        json!({ "count": self.0.len(), "identities": all })
    }
}

fn parameters_value(order: &OrderParameters) -> Value {
    let (stop, percent) = match order.stop {
        None => (0, 0),
        Some(TrailDistance::Money(money)) => (money.0, 0),
        Some(TrailDistance::Percent(parts)) => (0, parts),
    };
    json!({
        "kind": order.kind.as_ref().map_or("", |kind| kind.as_str()),
        "limit": order.limit.unwrap_or_default().0.to_string(),
        "stop": stop.to_string(),
        "stopPercent": percent,
        "timeInForce": order.time_in_force.map_or(String::new(), |time| time.to_string()),
        "cash": order.cash.unwrap_or_default().0.to_string(),
    })
}

impl DescribedPayload for TransactionPage {
    fn value(&self) -> Value {
        let transactions = self.entries.iter().map(|entry| {
            let mut value = json!({
                "id": hex::encode(entry.id.as_bytes()),
                "side": entry.side.number(),
                "status": entry.status.number(),
                "symbol": entry.symbol.as_str(),
                "accepted": entry.accepted.0.to_string(),
                "settled": entry.settled.0.to_string(),
            });
            if let Some(detail) = &entry.detail {
                let entry = &detail.entry;
                value["quantity"] = json!(entry.quantity.0.to_string());
                value["price"] = json!(entry.price.0.to_string());
                value["total"] = json!(entry.total.0.to_string());
                value["priced"] = json!(entry.priced.0.to_string());
                value["clientOrderID"] =
                    json!(entry.client_order_id.as_ref().map_or("", |id| id.as_str()));
                value["reason"] = json!(entry.reason.as_ref().map_or("", |code| code.as_str()));
                value["order"] = parameters_value(&detail.order);
                value["fee"] = json!(detail.fee.0.to_string());
                value["cause"] = json!(detail.cause);
                value["note"] = json!(detail.note);
            }
            value
        });
        json!({
            "private": u8::from(self.private),
            "count": self.entries.len(),
            "transactions": transactions.collect::<Vec<_>>(),
        })
    }
}

impl DescribedPayload for OpenOrders {
    fn value(&self) -> Value {
        let order = |order: &OpenOrder| {
            json!({
                "id": hex::encode(order.id.as_bytes()),
                "side": order.side.number(),
                "status": order.status.number(),
                "symbol": order.symbol.as_str(),
                "accepted": order.accepted.0.to_string(),
                "quantity": order.quantity.0.to_string(),
                "order": parameters_value(&order.order),
                "until": order.until.0.to_string(),
                "triggered": u8::from(order.is_triggered),
                "reserve": order.reserve.0.to_string(),
                "clientOrderID": order.client_order_id.as_ref().map_or("", |id| id.as_str()),
            })
        };
        json!({ "count": self.0.len(), "orders": self.0.iter().map(order).collect::<Vec<_>>() })
    }
}

impl DescribedPayload for OwnSummary {
    fn value(&self) -> Value {
        let position = |position: &PositionSummary| {
            json!({
                "symbol": position.symbol.as_str(),
                "units": position.units.0.to_string(),
                "promised": position.promised.0.to_string(),
                "cost": position.cost.0.to_string(),
                "value": position.value.0.to_string(),
                "previousClose": position.previous_close.0.to_string(),
                "realised": position.realised.0.to_string(),
            })
        };
        json!({
            "cash": self.cash.0.to_string(),
            "reserved": self.reserved.0.to_string(),
            "buyingPower": self.buying_power.0.to_string(),
            "value": self.value.0.to_string(),
            "equity": self.equity.0.to_string(),
            "dayChange": self.day_change.0.to_string(),
            "realised": self.realised.0.to_string(),
            "unrealised": self.unrealised.0.to_string(),
            "fees": self.fees.0.to_string(),
            "count": self.positions.len(),
            "positions": self.positions.iter().map(position).collect::<Vec<_>>(),
            "update": self.update.to_string(),
        })
    }
}

impl DescribedPayload for QuoteList {
    fn value(&self) -> Value {
        let quote = |row: &QuoteListRow| {
            let (time, value) = row
                .quote
                .map_or((0, 0), |quote| (quote.time.0, quote.value.0));
            let day = row
                .day
                .map(|day| [day.open, day.high, day.low].map(|money| money.0));
            let [open, high, low] = day.unwrap_or_default();
            json!({
                "symbol": row.symbol.as_str(),
                "name": row.name,
                "factor": row.factor.to_string(),
                "flags": row.flags,
                "time": time.to_string(),
                "value": value.to_string(),
                "previousClose": row.previous_close.unwrap_or_default().0.to_string(),
                "open": open.to_string(),
                "high": high.to_string(),
                "low": low.to_string(),
                "volume": row.day.map_or(0, |day| day.volume).to_string(),
            })
        };
        json!({
            "count": self.rows.len(),
            "quotes": self.rows.iter().map(quote).collect::<Vec<_>>(),
            "update": self.update.to_string(),
        })
    }
}

impl DescribedPayload for OwnTokens {
    fn value(&self) -> Value {
        let token = |token: &OwnToken| {
            let value = json!({
                "name": token.name.as_str(),
                "id": token.id,
                "scope": token.scope.as_str(),
                "expiry": token.expiry.0.to_string(),
            });
            with_moments(value, &token.made, &token.used)
        };
        json!({ "count": self.0.len(), "tokens": self.0.iter().map(token).collect::<Vec<_>>() })
    }
}

impl DescribedPayload for Receipt {
    fn value(&self) -> Value {
        let line = |(name, value): &(String, String)| json!({ "name": name, "value": value });
        json!({ "count": self.0.len(), "lines": self.0.iter().map(line).collect::<Vec<_>>() })
    }
}

/// The value that the Rust code reads from a payload.
pub fn payload_value(kind: PayloadKind, bytes: &[u8]) -> Result<Value, ValueError> {
    fn read<T: DescribedPayload>(bytes: &[u8]) -> Result<Value, ValueError> {
        T::from_bytes(bytes).map(|payload| payload.value())
    }
    match kind {
        PayloadKind::AssetInfo => read::<AssetInfo>(bytes),
        PayloadKind::Quote => read::<Quote>(bytes),
        PayloadKind::Bars => read::<Vec<Bar>>(bytes),
        PayloadKind::UserInfo => read::<UserInfo>(bytes),
        PayloadKind::Portfolio => read::<Portfolio>(bytes),
        PayloadKind::Transactions => read::<History>(bytes),
        PayloadKind::Forecast => read::<Forecast>(bytes),
        PayloadKind::List => read::<TextList>(bytes),
        PayloadKind::Receipt => read::<Receipt>(bytes),
        PayloadKind::Sessions => read::<OwnSessions>(bytes),
        PayloadKind::Tokens => read::<OwnTokens>(bytes),
        PayloadKind::Identities => read::<OwnIdentities>(bytes),
        PayloadKind::OpenOrders => read::<OpenOrders>(bytes),
        PayloadKind::AccountSummary => read::<OwnSummary>(bytes),
        PayloadKind::TransactionPage => read::<TransactionPage>(bytes),
        PayloadKind::QuoteList => read::<QuoteList>(bytes),
    }
}

/// Bytes have this value by the description, and the value has these bytes.
pub fn assert_described(layout: &str, bytes: &[u8], value: &Value) {
    let described = DESCRIPTION.decode(layout, bytes);
    assert_eq!(
        described.as_ref(),
        Ok(value),
        "{layout} {}",
        hex::encode(bytes)
    );
    assert_eq!(
        hex::encode(DESCRIPTION.encode(layout, value)),
        hex::encode(bytes),
        "{layout}"
    );
}

/// A payload means the same to both.
pub fn check_payload(kind: PayloadKind, bytes: &[u8]) {
    assert_described(
        kind.layout().name,
        bytes,
        &payload_value(kind, bytes).unwrap(),
    );
}

/// Why a server ends a connection whose messages may all be right.
const OTHER_FAULTS: [&str; 3] = ["timeout", "too-many-connections", "shutting-down"];

/// How many frames both have understood, and how many they have refused.
#[derive(Debug, Default, Clone, Copy)]
pub struct FrameCounts {
    pub sent: usize,
    pub refused: usize,
    pub received: usize,
    pub fails: usize,
    pub faults: usize,
}

impl FrameCounts {
    /// Reads all bytes of a connection.
    pub fn add(&mut self, bytes: &ConnectionBytes) {
        let (mut asked, fault) = self.add_sent(&bytes.sent);
        let said = self.add_received(&bytes.received, &mut asked);
        if let (Some(fault), Some(said)) = (fault, said)
            && !OTHER_FAULTS.contains(&said.as_str())
        {
            self.faults += 1;
            assert_eq!(said, fault, "{}", hex::encode(&bytes.sent));
        }
    }

    /// Reads what a client sent. The requests that a server answers, in order, and the code of the
    /// malformed message behind them.
    fn add_sent(&mut self, mut stream: &[u8]) -> (VecDeque<u64>, Option<String>) {
        let mut asked = VecDeque::new();
        while !stream.is_empty() {
            let number = match client_message(&mut stream) {
                ClientMessage::Partial => break,
                ClientMessage::Fault(code) => {
                    self.refused += 1;
                    return (asked, Some(code));
                }
                ClientMessage::Refused(number, _) => {
                    self.refused += 1;
                    number
                }
                ClientMessage::Good(number, _) => {
                    self.sent += 1;
                    number
                }
            };
            let answers = DESCRIPTION.row(number).unwrap()["answers"]
                .as_array()
                .unwrap();
            asked.extend((!answers.is_empty()).then_some(number));
        }
        (asked, None)
    }

    /// Reads what a server sent. The code of its protocolError.
    fn add_received(&mut self, mut stream: &[u8], asked: &mut VecDeque<u64>) -> Option<String> {
        let (mut set, mut fault): (Vec<ServerMessage<'_>>, Option<String>) = (Vec::new(), None);
        while !stream.is_empty() {
            let message = server_message(&mut stream)
                .unwrap()
                .expect("a whole message");
            self.received += 1;
            let row = DESCRIPTION.row(message.number).unwrap();
            if row["direction"] == "notice" {
                if row["name"] == "protocolError" {
                    fault = Some(message.arguments[0].clone());
                }
                continue;
            }
            let header = &message.packet.header;
            let is_last = header["dataMessageNumber"] == header["dataMessageMax"];
            set.push(message);
            if is_last {
                let request = asked.pop_front().expect("an answer that nobody asked for");
                self.check_answer(request, &std::mem::take(&mut set));
            }
        }
        assert!(set.is_empty(), "a set that ends too early");
        fault
    }

    /// The answer is one that the request's row lists, with a reason that it lists.
    fn check_answer(&mut self, request: u64, set: &[ServerMessage<'_>]) {
        let (number, arguments) = (set[0].number, &set[0].arguments);
        let row = DESCRIPTION.row(request).unwrap();
        let mut answers = row["answers"].as_array().unwrap().iter();
        let answer = answers.find(|answer| answer["number"] == number);
        let answer = answer.unwrap_or_else(|| panic!("{number:04X} answers {}", row["name"]));
        if let Some(reasons) = answer["reasons"].as_array() {
            self.fails += 1;
            let reason = arguments[0].as_str();
            assert!(
                reasons.iter().any(|listed| listed == reason),
                "{} fails with {reason}, which its row does not list",
                row["name"]
            );
        }
        if answer["payload"].is_null() {
            return;
        }
        let request = InstructionRow::find(u16::try_from(request).unwrap()).unwrap();
        let kind = request.payload.unwrap();
        assert_eq!(answer["payload"], kind.layout().name);
        check_set(kind, set);
    }
}

/// A set of packets is cut as described, and its payload means the same to both.
fn check_set(kind: PayloadKind, set: &[ServerMessage<'_>]) {
    let packets: Vec<DescribedMessage> = set.iter().map(|message| message.packet.clone()).collect();
    let payload = DESCRIPTION.join(&packets).unwrap();
    let bytes: Vec<u8> = set
        .iter()
        .flat_map(|message| message.bytes.to_vec())
        .collect();
    assert_eq!(
        hex::encode(DESCRIPTION.set(set[0].number, &payload)),
        hex::encode(bytes)
    );
    check_payload(kind, &payload);
}
