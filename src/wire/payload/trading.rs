//! spec/wire/payload/trading.md · 3.1.7, 4.6.15, 4.6.16
//!
//! Payloads about orders and about what an account is worth, as the second edition tells them.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

use super::user::{EntryDetail, check_order, none_if_empty};
use super::{Cursor, Payload, put_count, put_i64, put_text};
use crate::model::order::PERCENT_WHOLE;
use crate::model::{
    ClientOrderId, Money, OpenValue, OrderKind, Quantity, Side, Symbol, TimeInForce, Timestamp,
    TrailDistance, TransactionStatus, ValueError,
};
use uuid::Uuid;

/// What an order says beside its quantity. All is `None` in what nobody ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderParameters {
    pub kind: Option<OpenValue<OrderKind>>,
    pub limit: Option<Money>,
    /// A price, or of a trailing order its distance.
    pub stop: Option<TrailDistance>,
    /// `None` in what purchaseAsset and sellAsset ordered.
    pub time_in_force: Option<TimeInForce>,
    /// Of an order for an amount of money: that amount.
    pub cash: Option<Money>,
}

impl OrderParameters {
    /// Least bytes: two texts, three amounts, a percentage.
    const LEAST: usize = 2 * 2 + 3 * 8 + 4;

    fn write(&self, out: &mut Vec<u8>) {
        put_text(out, self.kind.as_ref().map_or("", OpenValue::as_str));
        put_i64(out, self.limit.unwrap_or_default().0);
        let (money, percent) = match self.stop {
            None => (0, 0),
            Some(TrailDistance::Money(money)) => (money.0, 0),
            Some(TrailDistance::Percent(parts)) => (0, parts),
        };
        put_i64(out, money);
        out.extend_from_slice(&percent.to_be_bytes());
        let time = self.time_in_force.map(|time| time.to_string());
        put_text(out, time.as_deref().unwrap_or_default());
        put_i64(out, self.cash.unwrap_or_default().0);
    }

    fn read(from: &mut Cursor<'_>) -> Result<OrderParameters, ValueError> {
        Ok(OrderParameters {
            kind: none_if_empty(from.text()?, |word| {
                OpenValue::parse(word, OrderKind::from_name)
            })?,
            limit: none_if_zero(from.money()?),
            stop: match (from.money()?, from.u32()?) {
                (Money::ZERO, 0) => None,
                (money, 0) => Some(TrailDistance::Money(money)),
                (Money::ZERO, parts @ 1..PERCENT_WHOLE) => Some(TrailDistance::Percent(parts)),
                _ => return Err(ValueError("a stop is money, or less than 100 percent")),
            },
            time_in_force: none_if_empty(from.text()?, |text| {
                let time = TimeInForce::parse(text)?;
                let is_canonical = time.to_string() == text;
                is_canonical.then_some(time).ok_or(ValueError(
                    "a time in force of a payload is gtc, day or a time in its one form",
                ))
            })?,
            cash: none_if_zero(from.money()?),
        })
    }
}

fn none_if_zero(money: Money) -> Option<Money> {
    Some(money).filter(|money| *money != Money::ZERO)
}

/// The part of a row of a page that only its owner sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageDetail {
    /// What a history has too. Its quantity is 0 while an order for an amount of money is not filled,
    /// its total has the fee, and its reason says also why an order was cancelled or has expired.
    pub entry: EntryDetail,
    pub order: OrderParameters,
    /// The fee in the total.
    pub fee: Money,
    /// What made the row, for people; empty in an order.
    pub cause: String,
    /// What the administrator who made the row says; empty in others.
    pub note: String,
}

/// A row of a page of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageEntry {
    pub id: Uuid,
    pub side: OpenValue<Side, u8>,
    pub status: OpenValue<TransactionStatus, u8>,
    /// `-` where no asset is meant.
    pub symbol: Symbol,
    /// When the order was put on disk (wall time).
    pub accepted: Timestamp,
    /// When it ended (wall time). 0 before.
    pub settled: Timestamp,
    /// The rest, in the private view.
    pub detail: Option<PageDetail>,
}

/// The answer to `getUserTransactionHistoryPage`: rows, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionPage {
    /// Whether the rows have details.
    pub private: bool,
    pub entries: Vec<PageEntry>,
}

impl Payload for TransactionPage {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.private));
        put_count(out, self.entries.len());
        for entry in &self.entries {
            entry.write(out);
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<TransactionPage, ValueError> {
        /// Least bytes of a row: ID, side, status, a symbol of one character, two times.
        const LEAST: usize = 16 + 2 + 3 + 16;
        let private = from.flag()?;
        let count = from.count(LEAST)?;
        let entries = (0..count)
            .map(|_| PageEntry::read(from, private))
            .collect::<Result<_, _>>()?;
        Ok(TransactionPage { private, entries })
    }
}

impl PageEntry {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.as_bytes());
        out.push(self.side.number());
        out.push(self.status.number());
        put_text(out, self.symbol.as_str());
        put_i64(out, self.accepted.0);
        put_i64(out, self.settled.0);
        let Some(detail) = &self.detail else {
            return;
        };
        detail.entry.write(out);
        detail.order.write(out);
        put_i64(out, detail.fee.0);
        put_text(out, &detail.cause);
        put_text(out, &detail.note);
    }

    fn read(from: &mut Cursor<'_>, private: bool) -> Result<PageEntry, ValueError> {
        Ok(PageEntry {
            id: from.uuid()?,
            side: OpenValue::from_number(from.u8()?, Side::from_number),
            status: OpenValue::from_number(from.u8()?, TransactionStatus::from_number),
            symbol: from.symbol()?,
            accepted: from.timestamp()?,
            settled: from.timestamp()?,
            detail: if private {
                Some(PageDetail {
                    entry: EntryDetail::read(from)?,
                    order: OrderParameters::read(from)?,
                    fee: from.money()?,
                    cause: from.printable_text()?.to_owned(),
                    note: from.printable_text()?.to_owned(),
                })
            } else {
                None
            },
        })
    }
}

/// An order that has no outcome yet, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOrder {
    pub id: Uuid,
    pub side: OpenValue<Side, u8>,
    pub status: OpenValue<TransactionStatus, u8>,
    pub symbol: Symbol,
    /// When the order was put on disk (wall time).
    pub accepted: Timestamp,
    /// 0 where it is for an amount of money.
    pub quantity: Quantity,
    pub order: OrderParameters,
    /// Market time from which on it is not tested any more; 0 where that is not known yet.
    pub until: Timestamp,
    /// Whether its stop was reached, so that it is a limit order now.
    pub is_triggered: bool,
    /// What is held back for a purchase.
    pub reserve: Money,
    /// The client's own name for the order, if it gave one.
    pub client_order_id: Option<ClientOrderId>,
}

/// The answer to `getOpenOrders`: newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOrders(pub Vec<OpenOrder>);

impl Payload for OpenOrders {
    fn write(&self, out: &mut Vec<u8>) {
        put_count(out, self.0.len());
        for order in &self.0 {
            out.extend_from_slice(order.id.as_bytes());
            out.push(order.side.number());
            out.push(order.status.number());
            put_text(out, order.symbol.as_str());
            put_i64(out, order.accepted.0);
            put_i64(out, order.quantity.0);
            order.order.write(out);
            put_i64(out, order.until.0);
            out.push(u8::from(order.is_triggered));
            put_i64(out, order.reserve.0);
            let id = order.client_order_id.as_ref();
            put_text(out, id.map_or("", ClientOrderId::as_str));
        }
    }

    fn read(from: &mut Cursor<'_>) -> Result<OpenOrders, ValueError> {
        const LEAST: usize = 16 + 2 + 3 + 2 * 8 + OrderParameters::LEAST + 8 + 1 + 8 + 2;
        let count = from.count(LEAST)?;
        let order = |from: &mut Cursor<'_>| {
            Ok(OpenOrder {
                id: from.uuid()?,
                side: OpenValue::from_number(from.u8()?, Side::from_number),
                status: OpenValue::from_number(from.u8()?, TransactionStatus::from_number),
                symbol: from.symbol()?,
                accepted: from.timestamp()?,
                quantity: Quantity(from.i64()?),
                order: OrderParameters::read(from)?,
                until: from.timestamp()?,
                is_triggered: from.flag()?,
                reserve: from.money()?,
                client_order_id: none_if_empty(from.text()?, ClientOrderId::parse)?,
            })
        };
        let all = (0..count).map(|_| order(from));
        Ok(OpenOrders(all.collect::<Result<_, ValueError>>()?))
    }
}

/// A position with what it gained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionSummary {
    pub symbol: Symbol,
    /// Above zero.
    pub units: Quantity,
    /// Units that sales have been promised.
    pub promised: Quantity,
    /// Cost of the whole position, exact.
    pub cost: Money,
    /// Market value of the whole position. 0 if the asset has no price.
    pub value: Money,
    /// Close of the previous day for one unit, in today's units; 0 if none is known.
    pub previous_close: Money,
    /// Profit that was realised in this asset, below zero for a loss.
    pub realised: Money,
}

/// The answer to `getAccountSummary`: what an account has, may spend and has gained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSummary {
    pub cash: Money,
    /// Cash that is held back for purchases.
    pub reserved: Money,
    /// What a market purchase may cost now. Never below zero.
    pub buying_power: Money,
    /// Market value of all positions.
    pub value: Money,
    /// Cash and value.
    pub equity: Money,
    /// What the positions have gained since the previous day's close.
    pub day_change: Money,
    pub realised: Money,
    /// Value less cost.
    pub unrealised: Money,
    pub fees: Money,
    /// By symbol.
    pub positions: Vec<PositionSummary>,
    /// Number of the update whose prices these are.
    pub update: u64,
}

impl Payload for OwnSummary {
    fn write(&self, out: &mut Vec<u8>) {
        for money in [
            self.cash,
            self.reserved,
            self.buying_power,
            self.value,
            self.equity,
            self.day_change,
            self.realised,
            self.unrealised,
            self.fees,
        ] {
            put_i64(out, money.0);
        }
        put_count(out, self.positions.len());
        for position in &self.positions {
            put_text(out, position.symbol.as_str());
            for value in [
                position.units.0,
                position.promised.0,
                position.cost.0,
                position.value.0,
                position.previous_close.0,
                position.realised.0,
            ] {
                put_i64(out, value);
            }
        }
        out.extend_from_slice(&self.update.to_be_bytes());
    }

    fn read(from: &mut Cursor<'_>) -> Result<OwnSummary, ValueError> {
        /// Least bytes of a position: a symbol of one character, units and amounts.
        const LEAST: usize = 3 + 6 * 8;
        let mut summary = OwnSummary {
            cash: from.money()?,
            reserved: from.money()?,
            buying_power: from.money()?,
            value: from.money()?,
            equity: from.money()?,
            day_change: from.money()?,
            realised: from.money()?,
            unrealised: from.money()?,
            fees: from.money()?,
            positions: Vec::new(),
            update: 0,
        };
        let count = from.count(LEAST)?;
        let position = |from: &mut Cursor<'_>| {
            Ok(PositionSummary {
                symbol: from.symbol()?,
                units: Quantity(from.i64()?),
                promised: Quantity(from.i64()?),
                cost: from.money()?,
                value: from.money()?,
                previous_close: from.money()?,
                realised: from.money()?,
            })
        };
        summary.positions = (0..count)
            .map(|_| position(from))
            .collect::<Result<_, ValueError>>()?;
        check_order(summary.positions.iter().map(|position| position.symbol))?;
        let is_empty = |position: &PositionSummary| position.units <= Quantity::ZERO;
        if summary.positions.iter().any(is_empty) {
            return Err(ValueError("a position of no units"));
        }
        summary.update = from.u64()?;
        Ok(summary)
    }
}
