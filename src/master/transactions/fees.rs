//! spec/master/transactions/fees.md · 3.1.7 Assets Buy & Sell
//!
//! The arithmetic of fees and slippage. It uses no database and no clock. All that is rounded is
//! rounded against the person.

use crate::config::{FeeSettings, Percentage};
use crate::model::money::{MILLION, MILLIONTHS_MAX};
use crate::model::{Money, OrderKind, Quantity, Side};
use std::fmt;

/// Units of the products in which fees are exact: millionths of units × millionths of a price ×
/// millionths of a percent, in a millionth of the currency.
const PRODUCT_PARTS: i128 = MILLION as i128 * Percentage::WHOLE as i128;

/// What a fill takes from an account, or gives to it, in millionths of the account currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeTotal {
    /// Units × price; of a purchase rounded up, of a sale down.
    pub value: Money,
    /// Rounded up; of a sale at most its value.
    pub fee: Money,
    /// Of a purchase value + fee, of a sale value − fee.
    pub total: Money,
}

/// An amount of money that is not rounded to millionths: so many parts, of which the number of
/// `places` says how many are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactAmount {
    /// Zero or more.
    parts: i128,
    /// Digits after the point; at most [`EXACT_PLACES_MAX`].
    places: usize,
}

/// The places of units × price × percentage, each of which has millionths.
const EXACT_PLACES_MAX: usize = 20;
/// The places of units × a rate.
const UNIT_PLACES: usize = 12;
/// The places of money.
const MONEY_PLACES: usize = 6;

impl ExactAmount {
    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.parts == 0
    }

    /// An amount in millionths.
    fn of_millionths(parts: i128) -> ExactAmount {
        ExactAmount {
            parts,
            places: MONEY_PLACES,
        }
    }
}

/// A decimal without needless zeros.
impl fmt::Display for ExactAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:0width$}", self.parts, width = self.places + 1);
        let (whole, rest) = digits.split_at(digits.len() - self.places);
        match rest.trim_end_matches('0') {
            "" => f.write_str(whole),
            rest => write!(f, "{whole}.{rest}"),
        }
    }
}

/// What a fee is made of. The first three, added and rounded up to a millionth, with what the minimum
/// added and without what was cut, are the fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeParts {
    /// Of the order.
    pub per_order: ExactAmount,
    /// Units × rate.
    pub per_unit: ExactAmount,
    /// Units × price × percentage.
    pub percent: ExactAmount,
    /// What the minimum added.
    pub added: ExactAmount,
    /// What a sale did not bring, so that it could not be taken.
    pub cut: ExactAmount,
}

/// Whether an order of this kind fills at the market's price after slippage. The others have a limit,
/// which is never passed.
fn slips(kind: OrderKind) -> bool {
    match kind {
        OrderKind::Market | OrderKind::Stop | OrderKind::Trailing => true,
        OrderKind::Limit | OrderKind::StopLimit => false,
    }
}

impl FeeSettings {
    /// The price of a fill where the market's is `quoted`: after slippage, if the kind of the order
    /// [slips]; at least a millionth. `None` beyond [`MILLIONTHS_MAX`].
    pub fn fill_price(&self, side: Side, kind: OrderKind, quoted: Money) -> Option<Money> {
        if !slips(kind) {
            return Some(quoted);
        }
        let whole = i128::from(Percentage::WHOLE);
        let slippage = i128::from(self.slippage.0);
        let quoted = i128::from(quoted.0);
        let price = match (side, slippage) {
            // As by default: each order asks several times, and a division of these is dear.
            (_, 0) => quoted,
            (Side::Sell, _) => (quoted * (whole - slippage)).div_euclid(whole),
            (Side::Buy | Side::Split | Side::Dividend, _) => up(quoted * (whole + slippage), whole),
        };
        Money::within(if side == Side::Sell {
            price.max(1)
        } else {
            price
        })
    }

    /// What a purchase takes. `None` if an amount is beyond [`MILLIONTHS_MAX`].
    pub fn purchase(&self, units: Quantity, price: Money) -> Option<TradeTotal> {
        let value = units.cost_at(price)?;
        let fee = Money::within(self.fee(units, price))?;
        Some(TradeTotal {
            value,
            fee,
            total: value.plus(fee)?,
        })
    }

    /// What a sale gives. `None` if its value is beyond [`MILLIONTHS_MAX`].
    pub fn sale(&self, units: Quantity, price: Money) -> Option<TradeTotal> {
        let value = units.worth_at(price)?;
        // More than all amounts is more than this one.
        let fee = Money::within(self.fee(units, price)).map_or(value, |fee| fee.min(value));
        Some(TradeTotal {
            value,
            fee,
            total: value.minus(fee)?,
        })
    }

    /// What a market sale would bring where the market's price is `quoted`: after slippage, less its
    /// fee. Zero beyond [`MILLIONTHS_MAX`].
    pub fn market_proceeds(&self, units: Quantity, quoted: Money) -> Money {
        let price = self.fill_price(Side::Sell, OrderKind::Market, quoted);
        let trade = price.and_then(|price| self.sale(units, price));
        trade.map_or(Money::ZERO, |trade| trade.total)
    }

    /// The most units whose purchase takes at most `cash`. `None` if there are none.
    pub fn most_units(&self, cash: Money, price: Money) -> Option<Quantity> {
        let is_enough = |units: i64| {
            let trade = self.purchase(Quantity(units), price);
            trade.is_some_and(|trade| trade.total <= cash)
        };
        // No total falls as units grow.
        let (mut enough, mut beyond) = (0, MILLIONTHS_MAX + 1);
        while beyond - enough > 1 {
            let middle = enough + (beyond - enough) / 2;
            if is_enough(middle) {
                enough = middle;
            } else {
                beyond = middle;
            }
        }
        (enough > 0).then_some(Quantity(enough))
    }

    /// What a fill takes or gives. `None` where [`FeeSettings::purchase`] or [`FeeSettings::sale`]
    /// has none.
    pub fn fill(&self, side: Side, units: Quantity, price: Money) -> Option<TradeTotal> {
        match side {
            Side::Buy => self.purchase(units, price),
            Side::Sell | Side::Split | Side::Dividend => self.sale(units, price),
        }
    }

    /// What the fee of a fill is made of. `None` where [`FeeSettings::fill`] has none.
    pub fn parts(&self, side: Side, units: Quantity, price: Money) -> Option<FeeParts> {
        let taken = i128::from(self.fill(side, units, price)?.fee.0);
        let sum = self.sum(units, price);
        let due = sum.max(i128::from(self.minimum.0));
        let units = i128::from(units.0);
        Some(FeeParts {
            per_order: ExactAmount::of_millionths(i128::from(self.per_order.0)),
            per_unit: ExactAmount {
                parts: i128::from(self.per_unit.0) * units,
                places: UNIT_PLACES,
            },
            percent: ExactAmount {
                parts: units * i128::from(price.0) * i128::from(self.percent.0),
                places: EXACT_PLACES_MAX,
            },
            added: ExactAmount::of_millionths(due - sum),
            cut: ExactAmount::of_millionths(due - taken),
        })
    }

    /// The fee in millionths.
    fn fee(&self, units: Quantity, price: Money) -> i128 {
        self.sum(units, price).max(i128::from(self.minimum.0))
    }

    /// The sum of what a fee is made of in millionths, rounded up. Units × price is at most
    /// [`MILLIONTHS_MAX`], which the products rely on.
    fn sum(&self, units: Quantity, price: Money) -> i128 {
        if self.per_unit == Money::ZERO && self.percent.0 == 0 {
            return i128::from(self.per_order.0);
        }
        let units = i128::from(units.0);
        let million = i128::from(MILLION);
        let of_units = i128::from(self.per_unit.0) * units;
        let of_value = units * i128::from(price.0) * i128::from(self.percent.0);
        // Parts below a millionth are added before they are rounded; the whole products in these
        // parts could be beyond an i128.
        let parts = of_units % million * i128::from(Percentage::WHOLE) + of_value % PRODUCT_PARTS;
        i128::from(self.per_order.0)
            + of_units / million
            + of_value / PRODUCT_PARTS
            + up(parts, PRODUCT_PARTS)
    }
}

fn up(numerator: i128, denominator: i128) -> i128 {
    numerator.div_euclid(denominator) + i128::from(numerator.rem_euclid(denominator) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fees(per_order: i64, per_unit: i64, percent: i64, minimum: i64) -> FeeSettings {
        FeeSettings {
            per_order: Money(per_order),
            per_unit: Money(per_unit),
            percent: Percentage(percent),
            minimum: Money(minimum),
            slippage: Percentage(0),
        }
    }

    #[test]
    fn slippage_is_against_the_person_and_limits_are_kept() {
        let fees = FeeSettings {
            slippage: Percentage(100_000),
            ..FeeSettings::default()
        };
        let price = |side, kind, quoted| fees.fill_price(side, kind, Money(quoted)).unwrap().0;
        let (buy, sell) = (Side::Buy, Side::Sell);
        // 0.1 % of 10.000001 is 0.010000001.
        assert_eq!(price(buy, OrderKind::Market, 10_000_001), 10_010_002);
        assert_eq!(price(sell, OrderKind::Stop, 10_000_001), 9_990_000);
        assert_eq!(
            price(sell, OrderKind::Trailing, 1),
            1,
            "at least a millionth"
        );
        for kind in [OrderKind::Limit, OrderKind::StopLimit] {
            assert_eq!(price(buy, kind, 10_000_001), 10_000_001);
            assert_eq!(price(sell, kind, 10_000_001), 10_000_001);
        }
        assert_eq!(
            fees.fill_price(buy, OrderKind::Market, Money(MILLIONTHS_MAX)),
            None
        );
    }

    #[test]
    fn without_slippage_the_price_is_the_markets_within_its_bounds() {
        let free = FeeSettings::default();
        for side in [Side::Buy, Side::Sell] {
            let price = |quoted| free.fill_price(side, OrderKind::Market, Money(quoted));
            for quoted in [1, 10_000_001, MILLIONTHS_MAX] {
                assert_eq!(price(quoted), Some(Money(quoted)));
            }
            assert_eq!(price(MILLIONTHS_MAX + 1), None);
        }
        let sale = free.fill_price(Side::Sell, OrderKind::Market, Money(0));
        assert_eq!(sale, Some(Money(1)), "at least a millionth");
    }

    #[test]
    fn a_fee_is_rounded_up_once() {
        // 1.5 + 0.25 x 3 + 0.1 % of 3 x 100 = 1.5 + 0.75 + 0.3.
        let some = fees(1_500_000, 250_000, 100_000, 0);
        let (units, price) = (Quantity(3_000_000), Money(100_000_000));
        let trade = some.purchase(units, price).unwrap();
        assert_eq!((trade.value.0, trade.fee.0), (300_000_000, 2_550_000));
        assert_eq!(trade.total, Money(302_550_000));
        assert_eq!(some.sale(units, price).unwrap().total, Money(297_450_000));
        let least = fees(1, 0, 0, 5_000_000);
        assert_eq!(least.purchase(units, price).unwrap().fee, Money(5_000_000));
        // Half a millionth of the units and half of the value are one.
        let parts = fees(0, 500_000, 50 * MILLION, 0);
        let trade = parts.purchase(Quantity(1), Money(MILLION)).unwrap();
        assert_eq!(trade.fee, Money(1));
        let trade = parts.purchase(Quantity(1), Money(MILLION + 1)).unwrap();
        assert_eq!(trade.fee, Money(2));
    }

    #[test]
    fn a_sale_gives_nothing_at_least() {
        let some = fees(1_000_000, 0, 0, 0);
        let trade = some.sale(Quantity(1_000_000), Money(300_000)).unwrap();
        assert_eq!((trade.fee, trade.total), (Money(300_000), Money::ZERO));
        let most = fees(0, 1_000_000_000_000, 0, 0);
        let trade = most.sale(Quantity(MILLIONTHS_MAX), Money(1)).unwrap();
        assert_eq!(trade.total, Money::ZERO);
        assert_eq!(most.purchase(Quantity(MILLIONTHS_MAX), Money(1)), None);
    }

    /// Per order, per unit, percent, added by the minimum, cut.
    fn parts(fees: &FeeSettings, side: Side, units: i64, price: i64) -> [String; 5] {
        let parts = fees.parts(side, Quantity(units), Money(price)).unwrap();
        let FeeParts {
            per_order,
            per_unit,
            percent,
            added,
            cut,
        } = parts;
        [per_order, per_unit, percent, added, cut].map(|part| part.to_string())
    }

    #[test]
    fn a_fee_is_told_part_by_part_without_rounding() {
        let some = fees(1_500_000, 250_000, 100_000, 0);
        let told = parts(&some, Side::Buy, 3_000_000, 100_000_000);
        assert_eq!(told, ["1.5", "0.75", "0.3", "0", "0"]);
        // A millionth of a unit at a millionth: 0.25 and 0.1 % of a millionth of these.
        let told = parts(&some, Side::Buy, 1, 1);
        assert_eq!(told, ["1.5", "0.00000025", "0.000000000000001", "0", "0"]);
        let least = fees(1, 0, 0, 5_000_000);
        let told = parts(&least, Side::Sell, 3_000_000, 100_000_000);
        assert_eq!(told, ["0.000001", "0", "0", "4.999999", "0"]);
        // The minimum of 5 is more than the 0.3 that the sale brings.
        let told = parts(&least, Side::Sell, 1_000_000, 300_000);
        assert_eq!(told, ["0.000001", "0", "0", "4.999999", "4.7"]);
        let most = fees(0, 1_000_000_000_000, 0, 0);
        let told = parts(&most, Side::Sell, MILLIONTHS_MAX, 1);
        let (of_units, cut) = ("9000000000000000000", "8999999999991000000");
        let cut_exactly = [of_units, cut];
        assert_eq!([told[1].as_str(), told[4].as_str()], cut_exactly);
        assert_eq!(
            most.parts(Side::Buy, Quantity(MILLIONTHS_MAX), Money(1)),
            None
        );
    }

    #[test]
    fn the_largest_amounts_are_exact() {
        let most = fees(
            1_000_000_000_000,
            1_000_000_000_000,
            50 * MILLION,
            1_000_000_000_000,
        );
        let units = Quantity(MILLIONTHS_MAX);
        // A million of each unit, half of the value of one unit of money each, and a million.
        let whole = i128::from(MILLIONTHS_MAX);
        let fee = most.fee(units, Money(MILLION));
        assert_eq!(fee, whole * 1_000_000 + whole / 2 + 1_000_000_000_000);
        let cash = Money(MILLIONTHS_MAX);
        let units_of = |units| most.purchase(Quantity(units), cash);
        let some = most.most_units(cash, cash).unwrap().0;
        assert!(units_of(some).unwrap().total <= cash);
        assert!(units_of(some + 1).is_none_or(|trade| trade.total > cash));
        let units = Quantity(MILLIONTHS_MAX);
        let free = FeeSettings::default();
        assert_eq!(
            free.most_units(Money(MILLIONTHS_MAX), Money(MILLION)),
            Some(units)
        );
        assert_eq!(
            free.most_units(Money(MILLIONTHS_MAX), Money(1)),
            Some(units)
        );
    }

    proptest! {
        #[test]
        fn a_fee_is_the_sum_of_its_parts(
            (per_order, per_unit, percent, minimum) in
                (0..4_000_000i64, 0..3_000_000i64, 0..=50 * MILLION, 0..60_000_000i64),
            is_sale in any::<bool>(),
            units in 1..9_000_000i64,
            price in 1..5_000_000i64,
        ) {
            let fees = fees(per_order, per_unit, percent, minimum);
            let side = if is_sale { Side::Sell } else { Side::Buy };
            let (units, price) = (Quantity(units), Money(price));
            let parts = fees.parts(side, units, price).unwrap();
            let exact = |amount: ExactAmount| {
                amount.parts * 10i128.pow(u32::try_from(EXACT_PLACES_MAX - amount.places).unwrap())
            };
            let sum = exact(parts.per_order) + exact(parts.per_unit) + exact(parts.percent);
            let fee = up(sum, PRODUCT_PARTS) + parts.added.parts - parts.cut.parts;
            let taken = fees.fill(side, units, price).unwrap().fee;
            prop_assert_eq!(fee, i128::from(taken.0));
            prop_assert!(parts.added.parts >= 0 && parts.cut.parts >= 0);
        }

        #[test]
        fn an_amount_of_cash_buys_the_most_units(
            (per_order, per_unit, percent, minimum) in
                (0..40i64, 0..3_000_000i64, 0..=50 * MILLION, 0..60i64),
            cash in 1..300i64,
            price in 1..5_000_000i64,
        ) {
            let fees = fees(per_order, per_unit, percent, minimum);
            let is_enough = |units: &i64| {
                fees.purchase(Quantity(*units), Money(price)).unwrap().total.0 <= cash
            };
            // A loop, to the end of what this cash could buy at the price alone and some more.
            let last = cash * MILLION / price + 3;
            let most = (1..=last.min(200_000)).take_while(is_enough).last();
            prop_assume!(last <= 200_000 || most != Some(200_000));
            prop_assert_eq!(fees.most_units(Money(cash), Money(price)), most.map(Quantity));
        }
    }
}
