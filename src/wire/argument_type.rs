//! spec/wire/argument_type.md · 4.5, 4.6 (what an argument may be)
//!
//! The types that arguments have in the table of instructions, and how each is read and written.

use super::{ConnectionState, argument};
use crate::model::{
    self, Money, ProtocolFault, Quantity, Reason, SessionId, Symbol, Timestamp, Username, ValueError,
};
use std::borrow::Cow;
use std::ops::Deref;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What an argument may be. The grammar of each stands on the page of arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgumentType {
    /// A username.
    Username,
    /// An e-mail address.
    Email,
    /// What a client makes of a password.
    HashedPass,
    /// A session's secret.
    SessionId,
    /// An asset's symbol.
    Symbol,
    /// A quantity as a person may write it: `007.50`.
    Quantity,
    /// A quantity in its one form: `7.5`.
    CanonicalQuantity,
    /// A price or total in its one form.
    CanonicalMoney,
    /// A day, or a time, as a person may write it.
    Date,
    /// A time in its one form.
    CanonicalTime,
    /// `true` or `false`.
    Flag,
    /// `raw` or `adjusted`.
    Adjustment,
    /// `command` or `data`.
    State,
    /// A client's own name for an order.
    ClientOrderId,
    /// The same, or `-` for none.
    ClientOrderIdOrDash,
    /// The UUID of a transaction.
    TransactionId,
    /// The `host:port` of a worker.
    WorkerAddress,
    /// One of [`Reason`]'s codes.
    ReasonCode,
    /// One of [`ProtocolFault`]'s codes.
    FaultCode,
    /// Why a master refuses a link: a code of the handshake.
    LinkCode,
    /// A sentence for people; may hold spaces.
    Text,
}

impl ArgumentType {
    /// The code of a request with an argument of this type that is not of its form, where the row
    /// names no other.
    pub const fn reason(self) -> Reason {
        match self {
            ArgumentType::Username => Reason::UnknownUser,
            ArgumentType::Email => Reason::EmailInvalid,
            ArgumentType::HashedPass => Reason::PasswordInvalid,
            ArgumentType::SessionId => Reason::SessionExpired,
            ArgumentType::Symbol => Reason::UnknownAsset,
            ArgumentType::Quantity | ArgumentType::CanonicalQuantity => Reason::QuantityInvalid,
            ArgumentType::Date => Reason::DateInvalid,
            ArgumentType::State => Reason::StateInvalid,
            ArgumentType::CanonicalMoney
            | ArgumentType::CanonicalTime
            | ArgumentType::Flag
            | ArgumentType::Adjustment
            | ArgumentType::ClientOrderId
            | ArgumentType::ClientOrderIdOrDash
            | ArgumentType::TransactionId
            | ArgumentType::WorkerAddress
            | ArgumentType::ReasonCode
            | ArgumentType::FaultCode
            | ArgumentType::LinkCode
            | ArgumentType::Text => Reason::ArgumentInvalid,
        }
    }
}

/// How often an argument stands in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurrence {
    /// Once.
    Once,
    /// Once or not at all; then all behind it are left out too.
    Optional,
    /// As often as fits, also not at all; the last one.
    Repeated,
}

/// One argument of an instruction, as its row of the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// As the specification writes it.
    pub name: &'static str,
    /// Its type.
    pub kind: ArgumentType,
    /// How often it stands there.
    pub occurs: Occurrence,
    /// The code of a request where it is not of its form.
    pub reason: Reason,
}

impl Argument {
    /// One that stands there once.
    pub const fn new(name: &'static str, kind: ArgumentType) -> Argument {
        Argument {
            name,
            kind,
            occurs: Occurrence::Once,
            reason: kind.reason(),
        }
    }

    /// The same, optional.
    pub const fn optional(self) -> Argument {
        Argument {
            occurs: Occurrence::Optional,
            ..self
        }
    }

    /// The same, repeated.
    pub const fn repeated(self) -> Argument {
        Argument {
            occurs: Occurrence::Repeated,
            ..self
        }
    }

    /// The same, with another code for a wrong form.
    pub const fn refused_as(self, reason: Reason) -> Argument {
        Argument { reason, ..self }
    }
}

/// The text of an argument on its way out. Empty where an optional one is left out: no argument that
/// is there is.
#[derive(Debug)]
pub enum ArgumentText<'a> {
    /// Of something that anybody may see.
    Plain(Cow<'a, str>),
    /// Of a secret: wiped when it is dropped.
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
    /// What it becomes.
    type Value;

    /// Reads an argument's text, which is empty where the argument was left out.
    ///
    /// # Errors
    /// Any other form.
    fn read(text: &str) -> Result<Self::Value, ValueError>;
}

/// Writes arguments of one type.
pub trait WriteArgument: ReadArgument {
    /// The text that [`ReadArgument::read`] makes this value of.
    fn text(value: &Self::Value) -> ArgumentText<'_>;
}

fn client_order_id(text: &str) -> Result<Option<model::ClientOrderId>, ValueError> {
    model::ClientOrderId::parse(text).map(Some)
}

fn worker_address(text: &str) -> Result<String, ValueError> {
    if argument::is_address(text) {
        Ok(text.to_owned())
    } else {
        Err(ValueError("a worker's address is host:port"))
    }
}

/// A reader, and a writer where requests have the type.
macro_rules! codecs {
    ($($kind:ident -> $value:ty: |$text:ident| $read:expr $(, |$from:ident| $write:expr)?;)*) => {
        /// One for each [`ArgumentType`] of requests and replies, of the same name.
        pub mod codec {
            $(
                #[doc = concat!("Of [`ArgumentType::", stringify!($kind), "`](super::ArgumentType).")]
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
    TransactionId -> Uuid: |text| argument::parse_uuid(text), |id| id.hyphenated().to_string().into();
    WorkerAddress -> String: |text| worker_address(text);
    ReasonCode -> Reason: |text| Reason::from_name(text).ok_or(ValueError("no such reason code"));
    FaultCode -> ProtocolFault:
        |text| ProtocolFault::from_name(text).ok_or(ValueError("no such protocolError code"));
    Text -> String: |text| Ok(text.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_form<C: WriteArgument>(spellings: &[&str], written: &str) {
        for text in spellings {
            let value = C::read(text).unwrap();
            assert_eq!(&*C::text(&value), written, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_the_one_form() {
        one_form::<codec::Quantity>(&["007.50", "7.5"], "7.5");
        one_form::<codec::Date>(
            &["2013-03-01", "2013-03-01T00:00:00Z"],
            "2013-03-01T00:00:00.000Z",
        );
        one_form::<codec::Adjustment>(&["", "raw"], "");
        one_form::<codec::Adjustment>(&["adjusted"], "adjusted");
        one_form::<codec::ClientOrderId>(&[""], "");
        one_form::<codec::ClientOrderId>(&["-"], "-");
        one_form::<codec::State>(&["data"], "data");
        one_form::<codec::Flag>(&["true"], "true");
    }

    #[test]
    fn replies_have_no_second_form() {
        assert!(codec::CanonicalQuantity::read("007.50").is_err());
        assert!(codec::CanonicalTime::read("2013-03-01").is_err());
        assert_eq!(codec::ClientOrderIdOrDash::read("-"), Ok(None));
        assert!(codec::ClientOrderIdOrDash::read("").is_err());
        assert!(codec::ReasonCode::read("no-such-code").is_err());
    }

    #[test]
    fn what_is_not_optional_is_never_empty() {
        assert!(codec::Username::read("").is_err());
        assert!(codec::SessionId::read("").is_err());
        assert!(codec::Flag::read("").is_err());
        assert!(codec::Date::read("").is_err());
    }
}
