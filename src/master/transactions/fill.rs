//! spec/master/transactions.md · 3.1.7 ("process queued transactions per update interval")
//!
//! The arithmetic of fills, splits and dividends. It uses no database and no clock, so that the
//! same queue and the same update always give the same result.

use crate::model::money::share;
use crate::model::{Holdings, Money, Quantity, Ratio, Reason, Side, Symbol};

impl Holdings {
    /// Fills an order at `price`. Returns the total that was paid or received.
    ///
    /// # Errors
    /// `insufficient-funds`, `insufficient-holdings`, or `quantity-invalid` if a value would exceed
    /// its limit. The holdings do not change then.
    pub fn fill(
        &mut self,
        side: Side,
        symbol: Symbol,
        quantity: Quantity,
        price: Money,
    ) -> Result<Money, Reason> {
        match side {
            Side::Buy => self.buy(symbol, quantity, price),
            Side::Sell => self.sell(symbol, quantity, price),
            Side::Split | Side::Dividend => Err(Reason::ArgumentInvalid),
        }
    }

    fn buy(&mut self, symbol: Symbol, quantity: Quantity, price: Money) -> Result<Money, Reason> {
        let total = quantity.cost_at(price).ok_or(Reason::QuantityInvalid)?;
        let (held, cost) = self.positions.get(&symbol).copied().unwrap_or_default();
        let units = held.plus(quantity).ok_or(Reason::QuantityInvalid)?;
        let cost = cost.plus(total).ok_or(Reason::QuantityInvalid)?;
        if total > self.cash {
            return Err(Reason::InsufficientFunds);
        }
        self.cash = self.cash.minus(total).ok_or(Reason::InsufficientFunds)?;
        self.positions.insert(symbol, (units, cost));
        Ok(total)
    }

    fn sell(&mut self, symbol: Symbol, quantity: Quantity, price: Money) -> Result<Money, Reason> {
        let (held, cost) = self.positions.get(&symbol).copied().unwrap_or_default();
        let total = quantity.worth_at(price).ok_or(Reason::QuantityInvalid)?;
        if quantity > held {
            return Err(Reason::InsufficientHoldings);
        }
        self.cash = self.cash.plus(total).ok_or(Reason::QuantityInvalid)?;
        // A sale removes its share of the cost; selling the whole position removes the rest.
        let taken = share(cost.0, quantity.0, held.0);
        let left = Quantity(held.0 - quantity.0);
        if left == Quantity::ZERO {
            self.positions.remove(&symbol);
        } else {
            self.positions.insert(symbol, (left, Money(cost.0 - taken)));
        }
        Ok(total)
    }

    /// Splits a position: `ratio` units for each one before. Returns the units
    /// added, negative for a reverse split, or `None` without a position. A fraction of a millionth
    /// is lost; the cost does not change.
    pub fn split(&mut self, symbol: Symbol, ratio: Ratio) -> Option<Quantity> {
        let (held, cost) = self.positions.get(&symbol).copied()?;
        let after = ratio.units(held);
        if after == Quantity::ZERO {
            self.positions.remove(&symbol);
        } else {
            self.positions.insert(symbol, (after, cost));
        }
        Some(Quantity(after.0 - held.0))
    }

    /// Pays a dividend of `per_unit` on a position. Returns the cash added, rounded down to a
    /// millionth. `None` without a position or beyond a limit.
    pub fn dividend(&mut self, symbol: Symbol, per_unit: Money) -> Option<Money> {
        let (held, _) = self.positions.get(&symbol).copied()?;
        let paid = held.worth_at(per_unit)?;
        self.cash = self.cash.plus(paid)?;
        Some(paid)
    }
}

/// The text of a rejection. It depends on the reason alone, so that a repeated answer has the same
/// bytes.
pub fn text(reason: Reason) -> &'static str {
    match reason {
        Reason::InsufficientFunds => {
            "the account had less cash than the total when the order settled"
        }
        Reason::InsufficientHoldings => {
            "the account held fewer units than were to be sold when the order settled"
        }
        Reason::QuantityInvalid => "the order would have taken a value beyond 9000000000000 units",
        Reason::NoPrice => "the asset had no new price to settle at",
        _ => "the order was rejected when it settled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::MILLIONTHS_MAX;
    use proptest::prelude::*;

    fn symbol() -> Symbol {
        Symbol::parse("AAPL").unwrap()
    }

    #[test]
    fn a_round_trip_costs_the_rounding_at_most() {
        let mut account = Holdings {
            cash: Money(1_000_000_000),
            ..Holdings::default()
        };
        let price = Money(333_333);
        assert_eq!(
            account.fill(Side::Buy, symbol(), Quantity(3), price),
            Ok(Money(1))
        );
        assert_eq!(account.positions[&symbol()], (Quantity(3), Money(1)));
        assert_eq!(
            account.fill(Side::Sell, symbol(), Quantity(4), price),
            Err(Reason::InsufficientHoldings)
        );
        assert_eq!(
            account.fill(Side::Sell, symbol(), Quantity(3), price),
            Ok(Money(0))
        );
        assert_eq!(
            account,
            Holdings {
                cash: Money(999_999_999),
                ..Holdings::default()
            }
        );
        let all = Quantity::parse_quantity("999999999999").unwrap();
        assert_eq!(
            account.fill(Side::Buy, symbol(), all, Money(1)),
            Err(Reason::InsufficientFunds)
        );
        assert_eq!(
            account.fill(Side::Buy, symbol(), all, Money(MILLIONTHS_MAX)),
            Err(Reason::QuantityInvalid)
        );
    }

    #[test]
    fn a_split_keeps_the_cost() {
        let mut account = Holdings::default();
        account
            .positions
            .insert(symbol(), (Quantity(3_000_000), Money(90)));
        assert_eq!(
            account.split(symbol(), Ratio::new(2, 1).unwrap()),
            Some(Quantity(3_000_000))
        );
        assert_eq!(
            account.positions[&symbol()],
            (Quantity(6_000_000), Money(90))
        );
        assert_eq!(
            account.split(symbol(), Ratio::new(1, 10).unwrap()),
            Some(Quantity(-5_400_000))
        );
        assert_eq!(
            account.dividend(symbol(), Money(1_500_000)),
            Some(Money(900_000))
        );
        assert_eq!(account.cash, Money(900_000));
    }

    proptest! {
        #[test]
        fn nothing_goes_below_zero_and_nothing_is_made_of_air(
            orders in prop::collection::vec((any::<bool>(), 1..=5_000_000i64, 1..=9_000_000i64), 1..60)
        ) {
            let mut account = Holdings { cash: Money(20_000_000), ..Holdings::default() };
            for (is_buy, quantity, price) in orders {
                let before = account.clone();
                let side = if is_buy { Side::Buy } else { Side::Sell };
                let outcome = account.fill(side, symbol(), Quantity(quantity), Money(price));
                prop_assert!(account.cash >= Money::ZERO);
                prop_assert!(account.positions.values().all(|(units, cost)| units.0 > 0 && cost.0 >= 0));
                match outcome {
                    Ok(total) if is_buy => prop_assert_eq!(account.cash.0, before.cash.0 - total.0),
                    Ok(total) => prop_assert_eq!(account.cash.0, before.cash.0 + total.0),
                    Err(_) => prop_assert_eq!(&account, &before),
                }
            }
        }
    }
}
