//! spec/wire/argument_type.md · 4.5, 4.6 (what an argument may be)
//!
//! The types of arguments in the table of instructions, and how each is read and written.

pub mod grammar;

use super::argument;
use super::state::ConnectionState;
use crate::model::{
    self, Money, OpenValue, OrderAmount, OrderKind, ProtocolFault, Quantity, Reason, SessionId,
    Side, Symbol, TimeInForce, Timestamp, TrailDistance, TransactionStatus, Username, ValueError,
};
use std::borrow::Cow;
use std::ops::Deref;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The type of an argument. The page of arguments has the grammar of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgumentType {
    Username,
    Email,
    /// A hashedPass: what a client makes of a password.
    HashedPass,
    /// A hashedPass, or `-` if the account has no password.
    HashedPassOrDash,
    /// Which account it is, for who has forgotten its password.
    UsernameOrEmail,
    /// A one-time code for a new password, as people type it.
    ResetCode,
    SessionId,
    /// An email address, or `-` for none.
    EmailOrDash,
    /// The name of a token.
    TokenName,
    /// `read` or `trade`.
    TokenScope,
    /// The life of a token in days.
    Days,
    /// Which of an account's sessions are to end.
    SessionSelection,
    /// What a change of an account is answered with.
    AccountValue,
    /// The name of a provider of identities.
    IdentityProviderName,
    /// `device` or `redirect`.
    SignInMethod,
    /// The secret name of a sign-in.
    SignInHandle,
    /// An address to which a provider sends a browser back.
    RedirectUri,
    /// A code or state that a browser brings back.
    BrowserSecret,
    /// Seconds between two questions.
    PollSeconds,
    /// What a person types at a provider, or `-` for nothing.
    UserCode,
    /// A provider's address for people.
    WebAddress,
    /// A username, or `-` for none.
    UsernameOrDash,
    /// An asset's symbol.
    Symbol,
    /// A quantity as requests may write it: `007.50`.
    Quantity,
    /// A quantity in its one form: `7.5`.
    CanonicalQuantity,
    /// A price or total in its one form.
    CanonicalMoney,
    /// A day or a time, as requests may write it.
    Date,
    /// A time in its one form.
    CanonicalTime,
    /// `true` or `false`.
    Flag,
    /// `raw` or `adjusted`.
    Adjustment,
    /// `command` or `data`.
    State,
    /// A client's name for an order.
    ClientOrderId,
    /// A client's name for an order, or `-` if it gave none.
    ClientOrderIdOrDash,
    /// UUID of a transaction.
    TransactionId,
    /// UUID of a transaction, or `-` for none.
    TransactionIdOrDash,
    /// The number of rows of a page.
    PageCount,
    /// `buy` or `sell`.
    OrderSide,
    /// A quantity, or `cash:` and an amount of money.
    OrderAmount,
    /// The same, or `-` for "as it was".
    OrderAmountOrDash,
    /// When an order fills.
    OrderKind,
    /// A price, or `-` for none.
    PriceOrDash,
    /// A price, a distance in money or percent, or `-` for none.
    StopOrDash,
    /// How long an order stands.
    TimeInForce,
    /// A word of the statuses of transactions, or of a later edition.
    StatusWord,
    /// A price or total in its one form, or `-` for none.
    CanonicalMoneyOrDash,
    /// What a client subscribes to.
    Topic,
    /// `SYMBOL=value`: an asset's new price.
    QuoteValue,
    /// A number of dropped notices.
    DroppedCount,
    /// A code of [`Reason`], or of a later edition: why an order was not filled. Always optional.
    EndReasonCode,
    /// `host:port` of a worker.
    WorkerAddress,
    /// `name=value`: a fact that a server tells about itself.
    NameValue,
    /// A code of [`Reason`], or of a later edition.
    ReasonCode,
    /// A code of [`ProtocolFault`], or of a later edition.
    FaultCode,
    /// A code of the handshake: why a master refuses a link.
    LinkCode,
    /// A sentence for people. It may contain spaces.
    Text,
}

impl ArgumentType {
    /// Its name in the description of the protocol.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// Whether its text gives access to something: programs that show messages abbreviate it. Of
    /// `AccountValue` only a token does.
    pub const fn is_secret(self) -> bool {
        matches!(
            self,
            ArgumentType::HashedPass
                | ArgumentType::HashedPassOrDash
                | ArgumentType::ResetCode
                | ArgumentType::SignInHandle
                | ArgumentType::BrowserSecret
                | ArgumentType::SessionId
                | ArgumentType::AccountValue
        )
    }

    /// The reason code of a request whose argument of this type does not have its form, unless the
    /// row of the table names another.
    pub const fn reason(self) -> Reason {
        match self {
            ArgumentType::Username => Reason::UnknownUser,
            ArgumentType::Email | ArgumentType::EmailOrDash => Reason::EmailInvalid,
            ArgumentType::IdentityProviderName => Reason::ProviderUnknown,
            ArgumentType::SignInHandle => Reason::CodeInvalid,
            ArgumentType::TokenName => Reason::NameInvalid,
            ArgumentType::HashedPass | ArgumentType::HashedPassOrDash => Reason::PasswordInvalid,
            ArgumentType::ResetCode => Reason::CodeInvalid,
            ArgumentType::SessionId => Reason::SessionExpired,
            ArgumentType::Symbol => Reason::UnknownAsset,
            ArgumentType::Quantity | ArgumentType::CanonicalQuantity => Reason::QuantityInvalid,
            ArgumentType::OrderAmount | ArgumentType::OrderAmountOrDash => Reason::QuantityInvalid,
            ArgumentType::OrderKind => Reason::KindInvalid,
            ArgumentType::PriceOrDash | ArgumentType::StopOrDash => Reason::PriceInvalid,
            ArgumentType::Date | ArgumentType::TimeInForce => Reason::DateInvalid,
            ArgumentType::State => Reason::StateInvalid,
            ArgumentType::UsernameOrEmail
            | ArgumentType::SignInMethod
            | ArgumentType::RedirectUri
            | ArgumentType::BrowserSecret
            | ArgumentType::PollSeconds
            | ArgumentType::UserCode
            | ArgumentType::WebAddress
            | ArgumentType::UsernameOrDash
            | ArgumentType::TokenScope
            | ArgumentType::Days
            | ArgumentType::SessionSelection
            | ArgumentType::AccountValue
            | ArgumentType::CanonicalMoney
            | ArgumentType::CanonicalTime
            | ArgumentType::Flag
            | ArgumentType::Adjustment
            | ArgumentType::ClientOrderId
            | ArgumentType::ClientOrderIdOrDash
            | ArgumentType::TransactionId
            | ArgumentType::TransactionIdOrDash
            | ArgumentType::PageCount
            | ArgumentType::OrderSide
            | ArgumentType::StatusWord
            | ArgumentType::CanonicalMoneyOrDash
            | ArgumentType::Topic
            | ArgumentType::QuoteValue
            | ArgumentType::DroppedCount
            | ArgumentType::EndReasonCode
            | ArgumentType::WorkerAddress
            | ArgumentType::NameValue
            | ArgumentType::ReasonCode
            | ArgumentType::FaultCode
            | ArgumentType::LinkCode
            | ArgumentType::Text => Reason::ArgumentInvalid,
        }
    }
}

/// How many times a message has an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrence {
    Once,
    /// Once or not at all. If it is left out, all arguments behind it are left out too.
    Optional,
    /// Any number of times, including none. Only the last argument of a row.
    Repeated,
}

/// An argument of an instruction: a column of its row in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// The specification's name.
    pub name: &'static str,
    pub kind: ArgumentType,
    pub occurs: Occurrence,
    /// The code of a request in which it does not have its form.
    pub reason: Reason,
}

impl Argument {
    /// An argument that a message has once.
    pub const fn new(name: &'static str, kind: ArgumentType) -> Argument {
        Argument {
            name,
            kind,
            occurs: Occurrence::Once,
            reason: kind.reason(),
        }
    }

    /// The same argument, optional.
    pub const fn optional(self) -> Argument {
        Argument {
            occurs: Occurrence::Optional,
            ..self
        }
    }

    /// The same argument, repeated.
    pub const fn repeated(self) -> Argument {
        Argument {
            occurs: Occurrence::Repeated,
            ..self
        }
    }

    /// The same argument with another reason code.
    pub const fn refused_as(self, reason: Reason) -> Argument {
        Argument { reason, ..self }
    }
}

/// The text of an argument to be written. An empty text stands for an optional argument that is
/// left out: no argument is empty.
#[derive(Debug)]
pub enum ArgumentText<'a> {
    /// Text that is no secret.
    Plain(Cow<'a, str>),
    /// A secret, which is wiped when dropped.
    Secret(Zeroizing<String>),
}

impl Deref for ArgumentText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            ArgumentText::Plain(text) => text,
            ArgumentText::Secret(text) => text,
        }
    }
}

impl<'a> From<&'a str> for ArgumentText<'a> {
    fn from(text: &'a str) -> ArgumentText<'a> {
        ArgumentText::Plain(Cow::Borrowed(text))
    }
}

impl From<String> for ArgumentText<'_> {
    fn from(text: String) -> ArgumentText<'static> {
        ArgumentText::Plain(Cow::Owned(text))
    }
}

/// Reads arguments of one type.
pub trait ReadArgument {
    type Value;

    /// Reads the text of an argument. It is empty if the argument was left out.
    ///
    /// # Errors
    /// The text has another form.
    fn read(text: &str) -> Result<Self::Value, ValueError>;
}

/// Writes arguments of one type.
pub trait WriteArgument: ReadArgument {
    /// The text from which [`ReadArgument::read`] makes this value.
    fn text(value: &Self::Value) -> ArgumentText<'_>;
}

fn client_order_id(text: &str) -> Result<Option<model::ClientOrderId>, ValueError> {
    model::ClientOrderId::parse(text).map(Some)
}

/// `None` for `-`.
fn dash_or<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, ValueError>,
) -> Result<Option<T>, ValueError> {
    if text == "-" {
        Ok(None)
    } else {
        parse(text).map(Some)
    }
}

fn text_or_dash<T: ToString>(value: Option<&T>) -> ArgumentText<'static> {
    value.map_or("-".into(), |value| value.to_string().into())
}

fn worker_address(text: &str) -> Result<String, ValueError> {
    if argument::is_address(text) {
        Ok(text.to_owned())
    } else {
        Err(ValueError("a worker's address is host:port"))
    }
}

/// Defines a codec for each type: a reader, and a writer if requests have the type.
macro_rules! codecs {
    ($($kind:ident -> $value:ty: |$text:ident| $read:expr $(, |$from:ident| $write:expr)?;)*) => {
        /// A codec for each [`ArgumentType`] of requests and replies, with the same name.
        pub mod codec {
            $(
                #[doc = concat!("Codec of [`ArgumentType::", stringify!($kind), "`](super::ArgumentType).")]
                #[derive(Debug)]
                pub enum $kind {}
            )*
        }

        $(
            impl ReadArgument for codec::$kind {
                type Value = $value;

                fn read($text: &str) -> Result<$value, ValueError> {
                    $read
                }
            }

            $(impl WriteArgument for codec::$kind {
                fn text($from: &$value) -> ArgumentText<'_> {
                    $write
                }
            })?
        )*
    };
}

codecs! {
    Username -> Username: |text| Username::parse(text), |name| name.as_str().into();
    Email -> model::Email: |text| model::Email::parse(text), |email| email.as_str().into();
    HashedPass -> model::HashedPass: |text| model::HashedPass::parse(text), |hash| hash.expose().into();
    HashedPassOrDash -> Option<model::HashedPass>:
        |text| if text == "-" { Ok(None) } else { model::HashedPass::parse(text).map(Some) },
        |hash| hash.as_ref().map_or("-", model::HashedPass::expose).into();
    UsernameOrEmail -> model::UsernameOrEmail:
        |text| model::UsernameOrEmail::parse(text), |name| name.as_str().into();
    ResetCode -> model::ResetCode: |text| model::ResetCode::parse(text),
        |code| ArgumentText::Secret(Zeroizing::new(code.expose()));
    EmailOrDash -> Option<model::Email>:
        |text| if text == "-" { Ok(None) } else { model::Email::parse(text).map(Some) },
        |email| email.as_ref().map_or("-", model::Email::as_str).into();
    TokenName -> model::TokenName: |text| model::TokenName::parse(text), |name| name.as_str().into();
    TokenScope -> model::TokenScope:
        |text| model::TokenScope::from_name(text).ok_or(ValueError("a scope is read or trade")),
        |scope| scope.as_str().into();
    Days -> u16: |text| model::token::parse_days(text), |days| days.to_string().into();
    SessionSelection -> model::SessionSelection:
        |text| model::SessionSelection::parse(text), |selection| selection.as_str().into();
    AccountValue -> Option<model::AccountValue>: |text| if text.is_empty() {
        Ok(None)
    } else {
        model::AccountValue::parse(text).map(Some)
    };
    IdentityProviderName -> model::IdentityProviderName:
        |text| model::IdentityProviderName::parse(text), |name| name.as_str().into();
    SignInMethod -> model::SignInMethod:
        |text| model::SignInMethod::from_name(text).ok_or(ValueError("a method is device or redirect")),
        |method| method.as_str().into();
    SignInHandle -> model::SignInHandle: |text| model::SignInHandle::parse(text),
        |handle| ArgumentText::Secret(Zeroizing::new(handle.expose()));
    RedirectUri -> Option<String>: |text| if text.is_empty() {
        Ok(None)
    } else {
        model::third_party::parse_redirect_uri(text).map(Some)
    }, |uri| uri.as_deref().unwrap_or_default().into();
    BrowserSecret -> model::BrowserSecret: |text| model::BrowserSecret::parse(text),
        |secret| ArgumentText::Secret(Zeroizing::new(secret.expose().to_owned()));
    PollSeconds -> u16: |text| model::third_party::parse_poll_seconds(text);
    UserCode -> Option<String>: |text| model::third_party::parse_user_code(text);
    WebAddress -> String: |text| model::third_party::parse_web_address(text);
    UsernameOrDash -> Option<Username>:
        |text| if text == "-" { Ok(None) } else { Username::parse(text).map(Some) };
    SessionId -> SessionId: |text| SessionId::parse(text),
        |id| ArgumentText::Secret(Zeroizing::new(id.expose()));
    Symbol -> Symbol: |text| Symbol::parse(text), |symbol| symbol.as_str().into();
    Quantity -> Quantity: |text| Quantity::parse_quantity(text), |quantity| quantity.to_string().into();
    CanonicalQuantity -> Quantity: |text| Quantity::parse_canonical(text);
    CanonicalMoney -> Money: |text| Money::parse_canonical(text);
    Date -> Timestamp: |text| Timestamp::parse(text), |date| date.to_string().into();
    CanonicalTime -> Timestamp: |text| Timestamp::parse_canonical(text);
    Flag -> bool: |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ValueError("isExpirable is true or false")),
    }, |flag| if *flag { "true" } else { "false" }.into();
    Adjustment -> bool: |text| match text {
        "" | "raw" => Ok(false),
        "adjusted" => Ok(true),
        _ => Err(ValueError("an adjustment is raw or adjusted")),
    }, |adjusted| if *adjusted { "adjusted" } else { "" }.into();
    State -> ConnectionState:
        |text| ConnectionState::from_name(text).ok_or(ValueError("a state is command or data")),
        |state| state.as_str().into();
    ClientOrderId -> Option<model::ClientOrderId>:
        |text| if text.is_empty() { Ok(None) } else { client_order_id(text) },
        |id| id.as_ref().map_or("", model::ClientOrderId::as_str).into();
    ClientOrderIdOrDash -> Option<model::ClientOrderId>:
        |text| if text == "-" { Ok(None) } else { client_order_id(text) };
    OrderSide -> Side: |text| match Side::from_name(text) {
        Some(side @ (Side::Buy | Side::Sell)) => Ok(side),
        Some(Side::Split | Side::Dividend) | None => Err(ValueError("a side is buy or sell")),
    }, |side| side.as_str().into();
    OrderAmount -> OrderAmount:
        |text| OrderAmount::parse(text), |amount| amount.to_string().into();
    OrderAmountOrDash -> Option<OrderAmount>: |text| dash_or(text, OrderAmount::parse),
        |amount| text_or_dash(amount.as_ref());
    OrderKind -> OrderKind: |text| OrderKind::from_name(text).ok_or(ValueError(
        "a kind is market, limit, stop, stop-limit or trailing",
    )), |kind| kind.as_str().into();
    PriceOrDash -> Option<Money>: |text| dash_or(text, model::order::parse_price),
        |price| text_or_dash(price.as_ref());
    StopOrDash -> Option<TrailDistance>: |text| dash_or(text, TrailDistance::parse),
        |stop| text_or_dash(stop.as_ref());
    TimeInForce -> TimeInForce: |text| TimeInForce::parse(text), |time| time.to_string().into();
    StatusWord -> OpenValue<TransactionStatus>:
        |text| OpenValue::parse(text, TransactionStatus::from_name);
    TransactionId -> Uuid: |text| argument::parse_uuid(text), |id| id.hyphenated().to_string().into();
    TransactionIdOrDash -> Option<Uuid>:
        |text| dash_or(text, argument::parse_uuid),
        |id| text_or_dash(id.as_ref());
    PageCount -> u16: |text| model::transaction::parse_page_count(text),
        |count| count.to_string().into();
    CanonicalMoneyOrDash -> Option<Money>: |text| dash_or(text, Money::parse_canonical);
    Topic -> model::Topic: |text| model::Topic::parse(text), |topic| topic.to_string().into();
    QuoteValue -> model::QuoteValue: |text| model::QuoteValue::parse(text);
    DroppedCount -> u32: |text| model::topic::parse_dropped(text);
    EndReasonCode -> Option<OpenValue<Reason>>: |text| if text.is_empty() {
        Ok(None)
    } else {
        OpenValue::parse(text, Reason::from_name).map(Some)
    };
    WorkerAddress -> String: |text| worker_address(text);
    NameValue -> model::NameValue: |text| model::NameValue::parse(text);
    ReasonCode -> OpenValue<Reason>: |text| OpenValue::parse(text, Reason::from_name);
    FaultCode -> OpenValue<ProtocolFault>: |text| OpenValue::parse(text, ProtocolFault::from_name);
    Text -> String: |text| Ok(text.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_written<C: WriteArgument>(spellings: &[&str], written: &str) {
        for text in spellings {
            let value = C::read(text).unwrap();
            assert_eq!(&*C::text(&value), written, "{text}");
        }
    }

    #[test]
    fn values_are_written_in_their_canonical_form() {
        assert_written::<codec::Quantity>(&["007.50", "7.5"], "7.5");
        assert_written::<codec::Date>(
            &["2013-03-01", "2013-03-01T00:00:00Z"],
            "2013-03-01T00:00:00.000Z",
        );
        assert_written::<codec::Adjustment>(&["", "raw"], "");
        assert_written::<codec::Adjustment>(&["adjusted"], "adjusted");
        assert_written::<codec::ClientOrderId>(&[""], "");
        assert_written::<codec::ClientOrderId>(&["-"], "-");
        assert_written::<codec::State>(&["data"], "data");
        assert_written::<codec::Flag>(&["true"], "true");
    }

    #[test]
    fn codecs_of_replies_accept_only_the_canonical_form() {
        assert!(codec::CanonicalQuantity::read("007.50").is_err());
        assert!(codec::CanonicalTime::read("2013-03-01").is_err());
        assert_eq!(codec::ClientOrderIdOrDash::read("-"), Ok(None));
        assert!(codec::ClientOrderIdOrDash::read("").is_err());
        assert!(codec::ReasonCode::read("no_code").is_err());
        assert!(codec::FaultCode::read("").is_err());
    }

    #[test]
    fn required_arguments_are_never_empty() {
        assert!(codec::Username::read("").is_err());
        assert!(codec::SessionId::read("").is_err());
        assert!(codec::Flag::read("").is_err());
        assert!(codec::Date::read("").is_err());
    }
}
