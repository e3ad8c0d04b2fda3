//! spec/wire/payload/user.md · 2.4.1, 4.6.14 to 4.6.16
//!
//! Payloads about accounts. The owner gets the private view; everybody else gets the public one.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

use super::{Cursor, Payload, put_count, put_i64, put_text};
use crate::model::{
    ClientOrderId, Money, OpenValue, Quantity, Reason, Side, Symbol, Timestamp, TransactionStatus,
    Username, ValueError,
};
use uuid::Uuid;

/// Basis points in a whole: the largest share in a public portfolio.
pub const WHOLE: u16 = 10_000;

/// The answer to `getUserInfo` (4.6.14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// The registered spelling: a reader accepts no other form than that of a [`Username`].
    pub username: String,
    /// Whether the account has a password (2.4.1 isPassword).
    pub is_password: bool,
    /// Time of registration (wall time).
    pub created: Timestamp,
    /// Email address and cash, in the private view.
    pub private: Option<(String, Money)>,
}

impl Payload for UserInfo {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.private.is_some()));
        put_text(out, &self.username);
        out.push(u8::from(self.is_password));
        put_i64(out, self.created.0);
        if let Some((email, cash)) = &self.private {
            put_text(out, email);
            put_i64(out, cash.0);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<UserInfo, ValueError> {
        let private = from.flag()?;
        Ok(UserInfo {
            username: Username::parse(from.text()?)?.as_str().to_owned(),
            is_password: from.flag()?,
            created: from.timestamp()?,
            private: if private {
                Some((from.text()?.to_owned(), from.money()?))
            } else {
                None
            },
        })
    }
}

/// A position in the private view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub symbol: Symbol,
    pub quantity: Quantity,
    /// Average cost of one unit, rounded down.
    pub average_cost: Money,
    /// Market value of all units. 0 if the asset has no price.
    pub value: Money,
}

/// The answer to `getUserPortfolio` (4.6.15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Portfolio {
    /// The private view: cash, and positions by symbol.
    Private(Money, Vec<Holding>),
    /// The public view: each position's share of cash and positions, in basis points.
    Public(Vec<(Symbol, u16)>),
}

impl Payload for Portfolio {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Portfolio::Private(cash, holdings) => {
                out.push(1);
                put_count(out, holdings.len());
                put_i64(out, cash.0);
                for holding in holdings {
                    put_text(out, holding.symbol.as_str());
                    put_i64(out, holding.quantity.0);
                    put_i64(out, holding.average_cost.0);
                    put_i64(out, holding.value.0);
                }
            }
            Portfolio::Public(shares) => {
                out.push(0);
                put_count(out, shares.len());
                for (symbol, share) in shares {
                    put_text(out, symbol.as_str());
                    out.extend_from_slice(&share.to_be_bytes());
                }
            }
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<Portfolio, ValueError> {
        /// Least bytes of a position: a symbol of one character and its share.
        const LEAST: usize = 5;
        let private = from.flag()?;
        let count = from.count(LEAST)?;
        if private {
            let cash = from.money()?;
            let holding = |from: &mut Cursor<'_>| {
                Ok(Holding {
                    symbol: from.symbol()?,
                    quantity: Quantity(from.i64()?),
                    average_cost: from.money()?,
                    value: from.money()?,
                })
            };
            let holdings = (0..count)
                .map(|_| holding(from))
                .collect::<Result<Vec<_>, ValueError>>()?;
            check_order(holdings.iter().map(|h| h.symbol))?;
            if holdings.iter().any(|h| h.quantity <= Quantity::ZERO) {
                return Err(ValueError("a position of no units"));
            }
            return Ok(Portfolio::Private(cash, holdings));
        }
        let share = |from: &mut Cursor<'_>| Ok((from.symbol()?, from.u16()?));
        let shares = (0..count)
            .map(|_| share(from))
            .collect::<Result<Vec<_>, ValueError>>()?;
        check_order(shares.iter().map(|s| s.0))?;
        if shares.iter().any(|s| s.1 > WHOLE) {
            return Err(ValueError("a share beyond 10,000 basis points"));
        }
        Ok(Portfolio::Public(shares))
    }
}

/// Checks that a portfolio lists each symbol once, sorted by its bytes.
pub(super) fn check_order(symbols: impl Iterator<Item = Symbol>) -> Result<(), ValueError> {
    if symbols.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(ValueError("positions out of order"))
    }
}

/// Reads a text that is empty if there is none.
pub(super) fn none_if_empty<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, ValueError>,
) -> Result<Option<T>, ValueError> {
    if text.is_empty() {
        Ok(None)
    } else {
        parse(text).map(Some)
    }
}

/// The part of a transaction that only the private view has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryDetail {
    pub quantity: Quantity,
    /// Price of one unit. 0 unless settled.
    pub price: Money,
    /// Cash paid or received. 0 unless settled.
    pub total: Money,
    /// Market time of the price; 0 unless settled.
    pub priced: Timestamp,
    /// The client's own name for the order, if it gave one.
    pub client_order_id: Option<ClientOrderId>,
    /// Why the order was rejected. `None` unless rejected.
    pub reason: Option<OpenValue<Reason>>,
}

impl EntryDetail {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for value in [self.quantity.0, self.price.0, self.total.0, self.priced.0] {
            put_i64(out, value);
        }
        let id = self.client_order_id.as_ref();
        put_text(out, id.map_or("", ClientOrderId::as_str));
        put_text(out, self.reason.as_ref().map_or("", OpenValue::as_str));
    }

    pub(super) fn read(from: &mut Cursor<'_>) -> Result<EntryDetail, ValueError> {
        Ok(EntryDetail {
            quantity: Quantity(from.i64()?),
            price: from.money()?,
            total: from.money()?,
            priced: from.timestamp()?,
            client_order_id: none_if_empty(from.text()?, ClientOrderId::parse)?,
            reason: none_if_empty(from.text()?, |word| {
                OpenValue::parse(word, Reason::from_name)
            })?,
        })
    }
}

/// A transaction of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    pub id: Uuid,
    pub side: OpenValue<Side, u8>,
    pub status: OpenValue<TransactionStatus, u8>,
    pub symbol: Symbol,
    /// When the order was put on the durable queue (wall time).
    pub accepted: Timestamp,
    /// When the order settled or was rejected (wall time). 0 while queued.
    pub settled: Timestamp,
    /// The rest, in the private view.
    pub detail: Option<EntryDetail>,
}

/// The answer to `getUserTransactionHistory` (4.6.16): transactions, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Whether the entries have details.
    pub private: bool,
    pub entries: Vec<HistoryEntry>,
}

impl Payload for History {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.private));
        put_count(out, self.entries.len());
        for entry in &self.entries {
            entry.write(out);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<History, ValueError> {
        /// Least bytes of an entry: ID, side, status, a symbol of one character, two times.
        const LEAST: usize = 16 + 2 + 3 + 16;
        let private = from.flag()?;
        let count = from.count(LEAST)?;
        let entries = (0..count)
            .map(|_| HistoryEntry::read(from, private))
            .collect::<Result<_, _>>()?;
        Ok(History { private, entries })
    }
}

impl HistoryEntry {
    /// When the order settled or was rejected (wall time); `None` while it is queued, and where a
    /// status of a later edition comes with 0, which is a moment for the statuses of this one.
    pub fn ended(&self) -> Option<Timestamp> {
        match self.status {
            OpenValue::Known(status) => status.is_final().then_some(self.settled),
            OpenValue::Unknown(_) => (self.settled != Timestamp(0)).then_some(self.settled),
        }
    }

    /// Appends the entry, with its details if it has them.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.as_bytes());
        out.push(self.side.number());
        out.push(self.status.number());
        put_text(out, self.symbol.as_str());
        put_i64(out, self.accepted.0);
        put_i64(out, self.settled.0);
        if let Some(detail) = &self.detail {
            detail.write(out);
        }
    }

    fn read(from: &mut Cursor<'_>, private: bool) -> Result<HistoryEntry, ValueError> {
        Ok(HistoryEntry {
            id: from.uuid()?,
            side: OpenValue::from_number(from.u8()?, Side::from_number),
            status: OpenValue::from_number(from.u8()?, TransactionStatus::from_number),
            symbol: from.symbol()?,
            accepted: from.timestamp()?,
            settled: from.timestamp()?,
            detail: if private {
                Some(EntryDetail::read(from)?)
            } else {
                None
            },
        })
    }
}
