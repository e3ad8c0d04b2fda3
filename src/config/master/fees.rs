//! spec/config/master/fees.md · 2.3 Global Deployment Variables, 3.1.7 Assets Buy & Sell
//!
//! The `[fees]` table: what a trade costs beside its price.
//!
//! Tests: `src/config/tests.rs`.

use super::decimal;
use crate::config::reader::{ConfigTable, IfAbsent};
use crate::config::writer::TomlValues;
use crate::model::Money;
use crate::model::money::MILLION;
use std::fmt;

/// Largest fee of an order, of a unit, and largest minimum.
const FEE_MAX: Money = Money(1_000_000 * MILLION);

/// Largest percentage.
const PERCENTAGE_MAX: Money = Money(50 * MILLION);

/// A part of a whole, in millionths of a percent; from 0 to 50 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Percentage(pub i64);

impl Percentage {
    /// Its units in the whole.
    pub const WHOLE: i64 = 100 * MILLION;
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Millionths, like those of money.
        Money(self.0).fmt(f)
    }
}

/// `[fees]`. All are 0 unless set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeeSettings {
    /// Of each order that is filled.
    pub per_order: Money,
    /// Of each unit.
    pub per_unit: Money,
    /// Of units × price.
    pub percent: Percentage,
    /// The fee of an order is at least this.
    pub minimum: Money,
    /// How far the price of market and stop orders is from that of the market, to the
    /// disadvantage of who ordered.
    pub slippage: Percentage,
}

impl FeeSettings {
    /// Whether no trade costs more than its price.
    pub fn is_free(&self) -> bool {
        *self == FeeSettings::default()
    }

    /// Whether all are what the configuration may say.
    pub fn is_within_bounds(&self) -> bool {
        let is_amount = |value: Money| (Money::ZERO..=FEE_MAX).contains(&value);
        let is_percentage =
            |value: Percentage| (Money::ZERO..=PERCENTAGE_MAX).contains(&Money(value.0));
        [self.per_order, self.per_unit, self.minimum]
            .into_iter()
            .all(is_amount)
            && [self.percent, self.slippage].into_iter().all(is_percentage)
    }

    pub(super) fn write(&self, values: &mut TomlValues) {
        values.text("fees.per_order", self.per_order);
        values.text("fees.per_unit", self.per_unit);
        values.text("fees.percent", self.percent);
        values.text("fees.minimum", self.minimum);
        values.text("fees.slippage_percent", self.slippage);
    }
}

/// Reads `[fees]`.
pub(super) fn read(root: &mut ConfigTable<'_, '_>) -> FeeSettings {
    let mut table = root.table_or_empty("fees");
    let mut amount = |key: &'static str, most: Money| {
        let absent = IfAbsent::Default(Money::ZERO);
        table.value(key, absent, |value| decimal(value, most))
    };
    let fees = FeeSettings {
        per_order: amount("per_order", FEE_MAX),
        per_unit: amount("per_unit", FEE_MAX),
        percent: Percentage(amount("percent", PERCENTAGE_MAX).0),
        minimum: amount("minimum", FEE_MAX),
        slippage: Percentage(amount("slippage_percent", PERCENTAGE_MAX).0),
    };
    table.finish();
    fees
}
