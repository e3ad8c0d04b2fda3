//! spec/link.md · 4.1, 4.3.1, 3.1.5 (messages between worker and master)
//!
//! The layout of the link's binary messages, as data, for the description of the protocol.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use crate::wire::Instruction;
use crate::wire::payload::layout::{ALL_BITS, BAR, ByteLayout, QUOTE, Scalar, layout, scalar};

/// The data of a binary message of the link.
#[derive(Debug, Clone, Copy)]
pub struct LinkLayout {
    pub instruction: Instruction,
    /// The side that sends it.
    pub from: LinkSide,
    pub layout: &'static ByteLayout,
    /// The layout of the data transfer that follows it.
    pub then: Option<&'static ByteLayout>,
}

/// A side of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say all")]
pub enum LinkSide {
    Worker,
    Master,
}

const HELLO: ByteLayout = ByteLayout {
    name: "LinkHello",
    about: "Opens the handshake.",
    fields: &[
        scalar("version", Scalar::U16, "version of the link"),
        scalar("worker", Scalar::UUID, "UUID of the worker"),
        scalar("nonce", Scalar::NONCE, ""),
    ],
};

const CHALLENGE: ByteLayout = ByteLayout {
    name: "LinkChallenge",
    about: "Answers linkHello.",
    fields: &[scalar("nonce", Scalar::NONCE, "")],
};

const PROOF: ByteLayout = ByteLayout {
    name: "LinkProof",
    about: "A GPG message, signed by the worker and encrypted to the master: its statement.",
    fields: &[scalar("message", Scalar::REST, "")],
};

const NOISE_1: ByteLayout = ByteLayout {
    name: "LinkNoise1",
    about: "A GPG message, signed by the master and encrypted to the worker: its statement. Then the first message of Noise.",
    fields: &[
        scalar("length", Scalar::U16, "bytes of the GPG message"),
        scalar("message", Scalar::U8, "").counted("length"),
        scalar("noise", Scalar::NOISE_MESSAGE, ""),
    ],
};

const NOISE_2: ByteLayout = ByteLayout {
    name: "LinkNoise2",
    about: "The second message of Noise.",
    fields: &[scalar("noise", Scalar::NOISE_MESSAGE, "")],
};

const WELCOME: ByteLayout = ByteLayout {
    name: "LinkWelcome",
    about: "What a worker must know of its master.",
    fields: &[
        scalar("now", Scalar::TIME, "the master's clock"),
        scalar("updateInterval", Scalar::DURATION, "between two updates"),
        scalar("version", Scalar::TEXT, "of the master's program"),
        scalar("name", Scalar::TEXT, "under which the worker is registered"),
        scalar(
            "address",
            Scalar::TEXT,
            "that clients are told for the worker",
        ),
    ],
};

const REPORT: ByteLayout = ByteLayout {
    name: "LinkReport",
    about: "The state of a worker.",
    fields: &[
        scalar("version", Scalar::TEXT, "of the worker's program"),
        scalar("uptime", Scalar::DURATION, "since the worker started"),
        scalar("connections", Scalar::U32, "of clients"),
        scalar("sessions", Scalar::U32, "in the worker's cache"),
        scalar("windows", Scalar::U32, "in the worker's cache"),
        scalar("bytes", Scalar::U64, "of these windows"),
        scalar("waiting", Scalar::U32, "requests that wait for the master"),
        scalar(
            "name",
            Scalar::TEXT,
            "in the worker's configuration, or empty",
        ),
        scalar(
            "advertise",
            Scalar::TEXT,
            "host:port for clients, in the worker's configuration, or empty",
        ),
        scalar(
            "certificate",
            Scalar::TIME,
            "when the worker's certificate ends; 0: it has none",
        ),
    ],
};

const PRICES: ByteLayout = ByteLayout {
    name: "LinkPrices",
    about: "An update.",
    fields: &[
        scalar("update", Scalar::U64, "number of the update"),
        scalar(
            "marketTime",
            Scalar::TIME,
            "market time of the newest quote",
        ),
        scalar("published", Scalar::TIME, "when the update was published"),
        scalar("next", Scalar::TIME, "when the next update is expected"),
    ],
};

const PRICE_ROW: ByteLayout = ByteLayout {
    name: "PriceRow",
    about: "An asset of an update.",
    fields: &[
        scalar("symbol", Scalar::SYMBOL, ""),
        scalar(
            "has",
            Scalar::U8,
            "1 if a quote follows, plus 2 if a daily bar follows, 4 if the price came with this update, 8 if a later price is held, 16 if the close of the day before follows, 32 if name and factor follow",
        ),
        layout("quote", &QUOTE, "").when("has", 1, 1),
        layout("day", &BAR, "").when("has", 2, 2),
        scalar("previousClose", Scalar::MONEY, "in today's units").when("has", 16, 16),
        scalar("name", Scalar::TEXT, "on a new link, where it has one").when("has", 32, 32),
        scalar(
            "factor",
            Scalar::U64,
            "how many units of the market make one",
        )
        .when("has", 32, 32),
    ],
};

const PRICE_ROWS: ByteLayout = ByteLayout {
    name: "PriceRows",
    about: "All assets, sorted by symbol.",
    fields: &[layout("rows", &PRICE_ROW, "").to_end()],
};

const SESSION_QUESTION: ByteLayout = ByteLayout {
    name: "LinkSessionQuestion",
    about: "Asks whether a session is active.",
    fields: &[scalar("hash", Scalar::SESSION_HASH, "")],
};

const WATCH_ORDERS: ByteLayout = ByteLayout {
    name: "LinkWatchOrders",
    about: "Asks whether a session is active, and for the ends of its account's orders.",
    fields: &[scalar("hash", Scalar::SESSION_HASH, "")],
};

const SESSION: ByteLayout = ByteLayout {
    name: "LinkSession",
    about: "Whether a session is active.",
    fields: &[
        scalar("hash", Scalar::SESSION_HASH, ""),
        scalar("active", Scalar::FLAG, ""),
        scalar("username", Scalar::TEXT, "in the registered spelling").when("active", ALL_BITS, 1),
        scalar("expiry", Scalar::TIME, "the latest end").when("active", ALL_BITS, 1),
        scalar("expirable", Scalar::FLAG, "").when("active", ALL_BITS, 1),
    ],
};

const HASHES: ByteLayout = ByteLayout {
    name: "SessionHashes",
    about: "At most 250 sessions.",
    fields: &[scalar("hashes", Scalar::SESSION_HASH, "").to_end()],
};

/// The layout of every binary message of the link.
pub const LINK_LAYOUTS: &[LinkLayout] = &[
    from(LinkSide::Worker, Instruction::LinkHello, &HELLO),
    from(LinkSide::Master, Instruction::LinkChallenge, &CHALLENGE),
    from(LinkSide::Worker, Instruction::LinkProof, &PROOF),
    from(LinkSide::Master, Instruction::LinkNoise1, &NOISE_1),
    from(LinkSide::Worker, Instruction::LinkNoise2, &NOISE_2),
    from(LinkSide::Master, Instruction::LinkWelcome, &WELCOME),
    from(LinkSide::Worker, Instruction::LinkReport, &REPORT),
    LinkLayout {
        then: Some(&PRICE_ROWS),
        ..from(LinkSide::Master, Instruction::LinkPrices, &PRICES)
    },
    from(
        LinkSide::Worker,
        Instruction::LinkSession,
        &SESSION_QUESTION,
    ),
    from(LinkSide::Master, Instruction::LinkSession, &SESSION),
    from(
        LinkSide::Worker,
        Instruction::LinkWatchOrders,
        &WATCH_ORDERS,
    ),
    from(LinkSide::Master, Instruction::LinkSessionsEnded, &HASHES),
    from(LinkSide::Worker, Instruction::LinkConnectionClosed, &HASHES),
];

const fn from(from: LinkSide, instruction: Instruction, layout: &'static ByteLayout) -> LinkLayout {
    LinkLayout {
        instruction,
        from,
        layout,
        then: None,
    }
}
