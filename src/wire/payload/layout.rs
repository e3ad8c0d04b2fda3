//! spec/wire/payload.md · 4.4 (big-endian), 4.6.7 to 4.6.16, 4.7.1
//!
//! The layout of each payload, as data: for the description of the protocol and for programs that
//! are made from it. The payloads' own files read and write by hand, and tests compare the two.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use super::PayloadKind;
use super::user::WHOLE;
use crate::wire::argument_type::ArgumentType;
use crate::wire::instruction::option;
use serde::Serialize;

/// How the bytes of a scalar are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "encoding")]
pub enum Encoding {
    /// A big-endian integer of so many bytes.
    Integer { bytes: u8, signed: bool },
    /// So many bytes of length, big-endian, then UTF-8.
    #[serde(rename_all = "camelCase")]
    Text { length_bytes: u8 },
    /// So many bytes.
    Bytes { bytes: u16 },
    /// All bytes that are left.
    Rest,
}

/// A value that a payload is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalar {
    pub name: &'static str,
    pub encoding: Encoding,
    /// What it is, with its unit.
    pub about: &'static str,
    /// The largest value, where the encoding allows larger ones.
    pub maximum: Option<u16>,
    /// The list that has the numbers.
    pub list: Option<&'static str>,
    /// The number of decimal places, where it is a decimal number.
    pub scale: Option<u8>,
    /// The type of arguments whose form a text has.
    pub kind: Option<ArgumentType>,
}

const fn unsigned(bytes: u8) -> Encoding {
    Encoding::Integer {
        bytes,
        signed: false,
    }
}

const SIGNED: Encoding = Encoding::Integer {
    bytes: 8,
    signed: true,
};

const TEXT: Encoding = Encoding::Text { length_bytes: 2 };

const fn bytes(bytes: u16) -> Encoding {
    Encoding::Bytes { bytes }
}

/// Defines the scalars: constant, name, encoding, what it is, and optionally the largest value, the
/// list of the numbers, the number of decimal places, or the type whose form the text has.
macro_rules! scalars {
    ($($constant:ident $name:literal $encoding:expr, $about:literal
        $(, maximum $maximum:expr)? $(, list $list:literal)? $(, scale $scale:literal)?
        $(, form $form:ident)?;)*) => {
        impl Scalar {
            $(
                #[doc = $about]
                pub const $constant: Scalar = Scalar {
                    name: $name,
                    encoding: $encoding,
                    about: $about,
                    maximum: option!($($maximum)?),
                    list: option!($($list)?),
                    scale: option!($($scale)?),
                    kind: option!($(ArgumentType::$form)?),
                };
            )*

            /// Every scalar.
            pub const ALL: &'static [Scalar] = &[$(Scalar::$constant,)*];
        }
    };
}

scalars! {
    U8 "u8" unsigned(1), "a number";
    U16 "u16" unsigned(2), "a number";
    U32 "u32" unsigned(4), "a number";
    U64 "u64" unsigned(8), "a number";
    COUNT "count" unsigned(4), "a number of items that follow";
    FLAG "flag" unsigned(1), "0 or 1", maximum 1;
    TIME "time" SIGNED, "milliseconds since 1970-01-01T00:00:00Z";
    DURATION "duration" SIGNED, "milliseconds";
    MONEY "money" SIGNED, "millionths of the account currency", scale 6;
    PERCENT "percent" unsigned(4), "ten-thousandths of a percent", scale 4;
    QUANTITY "quantity" SIGNED, "millionths of a unit of the asset", scale 6;
    SHARE "share" unsigned(2), "basis points, from 0 to 10,000", maximum WHOLE;
    SIDE "side" unsigned(1), "a number of the list of sides; a reader accepts others", list "sides";
    STATUS "status" unsigned(1), "a number of the list of statuses; a reader accepts others",
        list "statuses";
    TEXT "text" TEXT, "length in bytes, then UTF-8";
    SYMBOL "symbol" TEXT, "a text with the form of an asset's symbol", form Symbol;
    UUID "uuid" bytes(16), "the bytes of a UUID; its text is their digits in lower case, with hyphens as in TransactionId";
    SESSION_HASH "sessionHash" bytes(32), "the SHA-256 of a session ID's 32 bytes";
    NONCE "nonce" bytes(32), "random bytes";
    NOISE_MESSAGE "noiseMessage" bytes(48), "a message of the Noise handshake";
    REST "rest" Encoding::Rest, "all bytes that are left";
}

/// A sequence of fields.
#[derive(Debug, Clone, Copy)]
pub struct ByteLayout {
    pub name: &'static str,
    /// What the bytes are, and the order of a list.
    pub about: &'static str,
    pub fields: &'static [Field],
}

/// What a field is made of.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the names say all")]
pub enum FieldKind {
    Scalar(Scalar),
    Layout(&'static ByteLayout),
}

/// How many times a field stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    Once,
    /// As many times as the count with this name says. The count stands before it.
    Counted(&'static str),
    /// As many times as bytes are left for. It is the last field.
    ToEnd,
}

/// A condition on a field before: the field is there if `value & mask == equals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// The name of the field before, in the same layout or in the one around it.
    pub field: &'static str,
    pub mask: u8,
    pub equals: u8,
}

/// A field of a layout.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
    pub repetition: Repetition,
    /// When the field is there. `None`: always.
    pub when: Option<Condition>,
    /// What it is. Empty if the name says all.
    pub about: &'static str,
}

/// A scalar, once.
pub const fn scalar(name: &'static str, scalar: Scalar, about: &'static str) -> Field {
    Field {
        name,
        kind: FieldKind::Scalar(scalar),
        repetition: Repetition::Once,
        when: None,
        about,
    }
}

impl Field {
    /// The same field, as many times as the count with this name says.
    pub const fn counted(self, count: &'static str) -> Field {
        Field {
            repetition: Repetition::Counted(count),
            ..self
        }
    }

    /// The same field, as many times as bytes are left for.
    pub const fn to_end(self) -> Field {
        Field {
            repetition: Repetition::ToEnd,
            ..self
        }
    }

    /// The same field, there only if the masked bits of a field before are `equals`.
    pub const fn when(self, field: &'static str, mask: u8, equals: u8) -> Field {
        Field {
            when: Some(Condition {
                field,
                mask,
                equals,
            }),
            ..self
        }
    }

    /// The same field, in the private view only.
    const fn private(self) -> Field {
        self.when("private", ALL_BITS, 1)
    }

    /// The same field, in the public view only.
    const fn public(self) -> Field {
        self.when("private", ALL_BITS, 0)
    }
}

/// A field that is a layout, once.
pub const fn layout(name: &'static str, layout: &'static ByteLayout, about: &'static str) -> Field {
    Field {
        name,
        kind: FieldKind::Layout(layout),
        repetition: Repetition::Once,
        when: None,
        about,
    }
}

/// The mask of a condition on the whole value of a byte.
pub const ALL_BITS: u8 = u8::MAX;

const PRIVATE: Field = scalar(
    "private",
    Scalar::FLAG,
    "1 if the session belongs to the requested username",
);

/// A bar, 48 bytes.
pub const BAR: ByteLayout = ByteLayout {
    name: "Bar",
    about: "A bar, 48 bytes.",
    fields: &[
        scalar("time", Scalar::TIME, "the start"),
        scalar("open", Scalar::MONEY, ""),
        scalar("high", Scalar::MONEY, ""),
        scalar("low", Scalar::MONEY, ""),
        scalar("close", Scalar::MONEY, ""),
        scalar("volume", Scalar::U64, "in whole units"),
    ],
};

/// A quote, 16 bytes.
pub const QUOTE: ByteLayout = ByteLayout {
    name: "Quote",
    about: "A price, 16 bytes.",
    fields: &[
        scalar("time", Scalar::TIME, "market time of the price"),
        scalar("value", Scalar::MONEY, ""),
    ],
};

const BARS: ByteLayout = ByteLayout {
    name: "Bars",
    about: "Bars, oldest first, without a count. An empty payload is an empty list.",
    fields: &[layout("bars", &BAR, "").to_end()],
};

const ASSET_INFO: ByteLayout = ByteLayout {
    name: "AssetInfo",
    about: "An asset with the bar of its latest day.",
    fields: &[
        scalar("symbol", Scalar::SYMBOL, ""),
        layout("day", &BAR, "the bar of the latest day"),
    ],
};

const FORECAST: ByteLayout = ByteLayout {
    name: "Forecast",
    about: "A predicted value, and the bounds of its 95 % interval.",
    fields: &[
        scalar("method", Scalar::TEXT, "the name of the method"),
        scalar("time", Scalar::TIME, "the time that it is predicted for"),
        scalar("value", Scalar::MONEY, ""),
        scalar("low", Scalar::MONEY, "the lower bound"),
        scalar("high", Scalar::MONEY, "the upper bound"),
    ],
};

const USER_INFO: ByteLayout = ByteLayout {
    name: "UserInfo",
    about: "An account.",
    fields: &[
        PRIVATE,
        scalar("username", Scalar::TEXT, "in the registered spelling"),
        scalar("isPassword", Scalar::FLAG, "1 if it has a password"),
        scalar("created", Scalar::TIME, "the time of registration"),
        scalar("email", Scalar::TEXT, "empty if it has none").private(),
        scalar("cash", Scalar::MONEY, "").private(),
    ],
};

const POSITION: ByteLayout = ByteLayout {
    name: "Position",
    about: "A position, as its owner sees it.",
    fields: &[
        scalar("symbol", Scalar::SYMBOL, ""),
        scalar("quantity", Scalar::QUANTITY, "above 0"),
        scalar(
            "averageCost",
            Scalar::MONEY,
            "for a unit: cost ÷ quantity, rounded down",
        ),
        scalar("value", Scalar::MONEY, "of all units; 0 without a price"),
    ],
};

const POSITION_SHARE: ByteLayout = ByteLayout {
    name: "PositionShare",
    about: "A position, as others see it.",
    fields: &[
        scalar("symbol", Scalar::SYMBOL, ""),
        scalar(
            "share",
            Scalar::SHARE,
            "of cash and positions together, rounded down; 0 if these add up to 0",
        ),
    ],
};

const PORTFOLIO: ByteLayout = ByteLayout {
    name: "Portfolio",
    about: "Positions, sorted by the bytes of their symbol.",
    fields: &[
        PRIVATE,
        scalar("count", Scalar::COUNT, "of positions"),
        scalar("cash", Scalar::MONEY, "").private(),
        layout("positions", &POSITION, "")
            .counted("count")
            .private(),
        layout("positions", &POSITION_SHARE, "")
            .counted("count")
            .public(),
    ],
};

const TRANSACTION: ByteLayout = ByteLayout {
    name: "Transaction",
    about: "An order, or what a corporate action did.",
    fields: &[
        scalar("id", Scalar::UUID, ""),
        scalar("side", Scalar::SIDE, ""),
        scalar("status", Scalar::STATUS, ""),
        scalar("symbol", Scalar::SYMBOL, ""),
        scalar("accepted", Scalar::TIME, ""),
        scalar(
            "settled",
            Scalar::TIME,
            "0 while queued; the time of the rejection if rejected",
        ),
        scalar("quantity", Scalar::QUANTITY, "").private(),
        scalar("price", Scalar::MONEY, "0 unless settled").private(),
        scalar("total", Scalar::MONEY, "0 unless settled").private(),
        scalar(
            "priced",
            Scalar::TIME,
            "market time of the price; 0 unless settled",
        )
        .private(),
        scalar("clientOrderID", Scalar::TEXT, "empty if none").private(),
        scalar(
            "reason",
            Scalar::TEXT,
            "a code of the list of reasons; empty if none",
        )
        .private(),
    ],
};

const TRANSACTIONS: ByteLayout = ByteLayout {
    name: "Transactions",
    about: "Transactions, newest first, by time of acceptance and then by order number. Queued and rejected orders are among them, orders that were refused before they were queued are not.",
    fields: &[
        PRIVATE,
        scalar("count", Scalar::COUNT, "of transactions"),
        layout("transactions", &TRANSACTION, "").counted("count"),
    ],
};

const LIST: ByteLayout = ByteLayout {
    name: "List",
    about: "Texts.",
    fields: &[
        scalar("count", Scalar::COUNT, "of texts"),
        scalar("texts", Scalar::TEXT, "").counted("count"),
    ],
};

const RECEIPT_LINE: ByteLayout = ByteLayout {
    name: "ReceiptLine",
    about: "A line of a receipt, for people.",
    fields: &[
        scalar("name", Scalar::TEXT, ""),
        scalar("value", Scalar::TEXT, ""),
    ],
};

const RECEIPT: ByteLayout = ByteLayout {
    name: "Receipt",
    about: "The explanation of a fill, in reading order.",
    fields: &[
        scalar("count", Scalar::COUNT, "of lines"),
        layout("lines", &RECEIPT_LINE, "").counted("count"),
    ],
};

/// The fields of a moment of a session.
macro_rules! moment {
    ($at:literal, $client:literal, $worker:literal, $about:literal) => {
        [
            scalar($at, Scalar::TIME, $about),
            scalar($client, Scalar::TEXT, "the IP address of the client"),
            scalar(
                $worker,
                Scalar::TEXT,
                "the name of the worker, or its UUID if it is registered no more",
            ),
        ]
    };
}

const MADE: [Field; 3] = moment!("made", "madeClient", "madeWorker", "when it was made");
const USED: [Field; 3] = moment!(
    "used",
    "usedClient",
    "usedWorker",
    "when it was last used, as far as the master knows; 0 for a token that was not"
);

const OWN_SESSION: ByteLayout = ByteLayout {
    name: "Session",
    about: "A session of a login, as its owner sees it.",
    fields: &[
        scalar(
            "id",
            Scalar::TEXT,
            "the first 16 digits of its ID's SHA-256",
        ),
        scalar("current", Scalar::FLAG, "1 if it is the session that asks"),
        scalar(
            "expirable",
            Scalar::FLAG,
            "1 if it ends with the connection that logged in",
        ),
        scalar(
            "method",
            Scalar::TEXT,
            "how the login was made: `password`, or the name of a provider",
        ),
        scalar("expiry", Scalar::TIME, "the latest end"),
        MADE[0],
        MADE[1],
        MADE[2],
        USED[0],
        USED[1],
        USED[2],
    ],
};

const OWN_SESSIONS: ByteLayout = ByteLayout {
    name: "Sessions",
    about: "The sessions of an account's logins, newest first.",
    fields: &[
        scalar("count", Scalar::COUNT, "of sessions"),
        layout("sessions", &OWN_SESSION, "").counted("count"),
    ],
};

const OWN_TOKEN: ByteLayout = ByteLayout {
    name: "Token",
    about: "A token, as its owner sees it.",
    fields: &[
        scalar("name", Scalar::TEXT, ""),
        scalar("id", Scalar::TEXT, "the first 16 digits of its SHA-256"),
        scalar(
            "scope",
            Scalar::TEXT,
            "a word of the list of token scopes; a reader accepts others",
        ),
        scalar("expiry", Scalar::TIME, "the latest end"),
        MADE[0],
        MADE[1],
        MADE[2],
        USED[0],
        USED[1],
        USED[2],
    ],
};

const OWN_TOKENS: ByteLayout = ByteLayout {
    name: "Tokens",
    about: "The tokens of an account, newest first.",
    fields: &[
        scalar("count", Scalar::COUNT, "of tokens"),
        layout("tokens", &OWN_TOKEN, "").counted("count"),
    ],
};

const OWN_IDENTITY: ByteLayout = ByteLayout {
    name: "Identity",
    about: "An identity of an account, as its owner sees it.",
    fields: &[
        scalar(
            "providers",
            Scalar::TEXT,
            "the names of the providers that speak for it, joined by commas; if none does now, the name under which \
             the account got it, or nothing",
        ),
        scalar("issuer", Scalar::TEXT, "the provider's issuer identifier"),
        scalar("subject", Scalar::TEXT, "the person's name there"),
        scalar("linked", Scalar::TIME, "when the account got it"),
    ],
};

const OWN_IDENTITIES: ByteLayout = ByteLayout {
    name: "Identities",
    about: "The identities of an account, oldest first.",
    fields: &[
        scalar("count", Scalar::COUNT, "of identities"),
        layout("identities", &OWN_IDENTITY, "").counted("count"),
    ],
};

const QUOTE_LIST_ROW: ByteLayout = ByteLayout {
    name: "QuoteListRow",
    about: "An asset with its price, its day so far and what it is called. Without a price all values are 0.",
    fields: &[
        scalar("symbol", Scalar::SYMBOL, ""),
        scalar("name", Scalar::TEXT, "the full name; empty if it has none"),
        scalar(
            "factor",
            Scalar::U64,
            "how many units of the market make one: 1, or more where it is offered by the lot",
        ),
        scalar(
            "flags",
            Scalar::U8,
            "1 if the price came with the last update, plus 2 if a later price is held; others may come",
        ),
        scalar("time", Scalar::TIME, "market time of the price"),
        scalar("value", Scalar::MONEY, "0: it has no price"),
        scalar(
            "previousClose",
            Scalar::MONEY,
            "close of the previous day, in today's units; 0 if none is known",
        ),
        scalar("open", Scalar::MONEY, "of the price's day so far"),
        scalar("high", Scalar::MONEY, ""),
        scalar("low", Scalar::MONEY, ""),
        scalar("volume", Scalar::U64, "in whole units"),
    ],
};

const QUOTE_LIST: ByteLayout = ByteLayout {
    name: "QuoteList",
    about: "All assets, sorted by the bytes of their symbol.",
    fields: &[
        scalar("count", Scalar::COUNT, "of assets"),
        layout("quotes", &QUOTE_LIST_ROW, "").counted("count"),
        scalar(
            "update",
            Scalar::U64,
            "number of the update whose prices these are",
        ),
    ],
};

const ORDER_PARAMETERS: ByteLayout = ByteLayout {
    name: "OrderParameters",
    about: "What an order says beside its quantity, in the units of now.",
    fields: &[
        scalar(
            "kind",
            Scalar::TEXT,
            "a word of the list of order kinds, a reader accepts others; empty for what nobody ordered",
        ),
        scalar("limit", Scalar::MONEY, "0 for none"),
        scalar(
            "stop",
            Scalar::MONEY,
            "a price, of a trailing order the distance; 0 for none",
        ),
        scalar(
            "stopPercent",
            Scalar::PERCENT,
            "the distance of a trailing order where it is a percentage, below 100; else 0",
        ),
        scalar(
            "timeInForce",
            Scalar::TEXT,
            "`gtc`, `day`, or the time until which it stands; empty where none was said",
        ),
        scalar(
            "cash",
            Scalar::MONEY,
            "of an order for an amount of money that amount; else 0",
        ),
    ],
};

const PAGE_ENTRY: ByteLayout = ByteLayout {
    name: "PageEntry",
    about: "A transaction of a page.",
    fields: &[
        scalar("id", Scalar::UUID, ""),
        scalar("side", Scalar::SIDE, ""),
        scalar("status", Scalar::STATUS, ""),
        scalar("symbol", Scalar::SYMBOL, "`-` where no asset is meant"),
        scalar("accepted", Scalar::TIME, ""),
        scalar("settled", Scalar::TIME, "when it ended; 0 before"),
        scalar(
            "quantity",
            Scalar::QUANTITY,
            "0 while an order for an amount of money is not filled",
        )
        .private(),
        scalar("price", Scalar::MONEY, "0 unless settled").private(),
        scalar("total", Scalar::MONEY, "0 unless settled").private(),
        scalar(
            "priced",
            Scalar::TIME,
            "market time of the price; 0 unless settled",
        )
        .private(),
        scalar("clientOrderID", Scalar::TEXT, "empty if none").private(),
        scalar(
            "reason",
            Scalar::TEXT,
            "why it was rejected, cancelled or expired: a code of the list of reasons; else empty",
        )
        .private(),
        layout("order", &ORDER_PARAMETERS, "").private(),
        scalar("fee", Scalar::MONEY, "the fee in the total").private(),
        scalar(
            "cause",
            Scalar::TEXT,
            "what made the row, for people; empty in an order",
        )
        .private(),
        scalar(
            "note",
            Scalar::TEXT,
            "what the administrator who made the row says; else empty",
        )
        .private(),
    ],
};

const TRANSACTION_PAGE: ByteLayout = ByteLayout {
    name: "TransactionPage",
    about: "Transactions, newest first, of all statuses. Fewer than were asked for: there are no older ones.",
    fields: &[
        PRIVATE,
        scalar("count", Scalar::COUNT, "of transactions"),
        layout("transactions", &PAGE_ENTRY, "").counted("count"),
    ],
};

const OPEN_ORDER: ByteLayout = ByteLayout {
    name: "OpenOrder",
    about: "An order that has no outcome yet.",
    fields: &[
        scalar("id", Scalar::UUID, ""),
        scalar("side", Scalar::SIDE, ""),
        scalar("status", Scalar::STATUS, ""),
        scalar("symbol", Scalar::SYMBOL, ""),
        scalar("accepted", Scalar::TIME, ""),
        scalar(
            "quantity",
            Scalar::QUANTITY,
            "0 where it is for an amount of money",
        ),
        layout("order", &ORDER_PARAMETERS, ""),
        scalar(
            "until",
            Scalar::TIME,
            "market time from which on it is not tested any more; 0 where that is not known yet",
        ),
        scalar(
            "triggered",
            Scalar::FLAG,
            "1 if its stop was reached, so that it is a limit order now",
        ),
        scalar("reserve", Scalar::MONEY, "what is held back for a purchase"),
        scalar("clientOrderID", Scalar::TEXT, "empty if none"),
    ],
};

const OPEN_ORDERS: ByteLayout = ByteLayout {
    name: "OpenOrders",
    about: "The orders of an account that have no outcome yet, newest first.",
    fields: &[
        scalar("count", Scalar::COUNT, "of orders"),
        layout("orders", &OPEN_ORDER, "").counted("count"),
    ],
};

const POSITION_SUMMARY: ByteLayout = ByteLayout {
    name: "PositionSummary",
    about: "A position with what it gained.",
    fields: &[
        scalar("symbol", Scalar::SYMBOL, ""),
        scalar("units", Scalar::QUANTITY, "above 0"),
        scalar("promised", Scalar::QUANTITY, "units promised to sales"),
        scalar("cost", Scalar::MONEY, "of the whole position, exact"),
        scalar(
            "value",
            Scalar::MONEY,
            "of the whole position; 0 without a price",
        ),
        scalar(
            "previousClose",
            Scalar::MONEY,
            "close of the previous day for one unit, in today's units; 0 if none is known",
        ),
        scalar("realised", Scalar::MONEY, "profit realised in this asset"),
    ],
};

const ACCOUNT_SUMMARY: ByteLayout = ByteLayout {
    name: "AccountSummary",
    about: "What an account has, may spend and has gained; positions sorted by the bytes of their symbol. Losses are below 0.",
    fields: &[
        scalar("cash", Scalar::MONEY, ""),
        scalar("reserved", Scalar::MONEY, "cash held back for purchases"),
        scalar(
            "buyingPower",
            Scalar::MONEY,
            "what a market purchase may cost now; never below 0",
        ),
        scalar("value", Scalar::MONEY, "of all positions"),
        scalar("equity", Scalar::MONEY, "cash and value"),
        scalar(
            "dayChange",
            Scalar::MONEY,
            "what the positions have gained since the previous day's close",
        ),
        scalar("realised", Scalar::MONEY, "profit realised in all assets"),
        scalar("unrealised", Scalar::MONEY, "value less cost"),
        scalar("fees", Scalar::MONEY, "fees paid"),
        scalar("count", Scalar::COUNT, "of positions"),
        layout("positions", &POSITION_SUMMARY, "").counted("count"),
        scalar(
            "update",
            Scalar::U64,
            "number of the update whose prices these are",
        ),
    ],
};

impl PayloadKind {
    /// Every kind, in the order of the instructions that ask for it.
    pub const ALL: &'static [PayloadKind] = &[
        PayloadKind::AssetInfo,
        PayloadKind::Quote,
        PayloadKind::Bars,
        PayloadKind::UserInfo,
        PayloadKind::Portfolio,
        PayloadKind::Transactions,
        PayloadKind::Forecast,
        PayloadKind::List,
        PayloadKind::Receipt,
        PayloadKind::Sessions,
        PayloadKind::Tokens,
        PayloadKind::Identities,
        PayloadKind::OpenOrders,
        PayloadKind::AccountSummary,
        PayloadKind::TransactionPage,
        PayloadKind::QuoteList,
    ];

    /// The layout of its bytes.
    pub const fn layout(self) -> &'static ByteLayout {
        match self {
            PayloadKind::AssetInfo => &ASSET_INFO,
            PayloadKind::Quote => &QUOTE,
            PayloadKind::Bars => &BARS,
            PayloadKind::UserInfo => &USER_INFO,
            PayloadKind::Portfolio => &PORTFOLIO,
            PayloadKind::Transactions => &TRANSACTIONS,
            PayloadKind::Forecast => &FORECAST,
            PayloadKind::List => &LIST,
            PayloadKind::Receipt => &RECEIPT,
            PayloadKind::Sessions => &OWN_SESSIONS,
            PayloadKind::Tokens => &OWN_TOKENS,
            PayloadKind::Identities => &OWN_IDENTITIES,
            PayloadKind::OpenOrders => &OPEN_ORDERS,
            PayloadKind::AccountSummary => &ACCOUNT_SUMMARY,
            PayloadKind::TransactionPage => &TRANSACTION_PAGE,
            PayloadKind::QuoteList => &QUOTE_LIST,
        }
    }
}
