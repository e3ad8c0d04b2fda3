//! spec/master/transactions.md · 3.1.7 ("process queued transactions per update interval")
//!
//! The arithmetic of fills and corporate actions. It uses no database and no clock, so that the
//! same queue and the same update always give the same result.

use crate::model::money::{MILLION, MILLIONTHS_MAX, share};
use crate::model::{
    Action, ActionKind, Cause, Holdings, Money, Quantity, Ratio, Reason, Side, Symbol,
};

/// A row that an action makes in an account's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionRow {
    pub side: Side,
    pub symbol: Symbol,
    /// Units added, below zero where they leave; of a payment, the units that it is for.
    pub quantity: Quantity,
    /// Of a payment: cash for one unit.
    pub price: Option<Money>,
    /// Cash added.
    pub total: Money,
    /// `None` for a split or dividend.
    pub cause: Option<Cause>,
    /// The action's asset, where it is another one than the row's.
    pub source: Option<Symbol>,
    /// What the cost of the row's position grows by; below zero where its cost goes elsewhere.
    pub moved_cost: Money,
}

impl ActionRow {
    fn of(action: &Action, side: Side, quantity: Quantity) -> ActionRow {
        ActionRow {
            side,
            symbol: action.symbol,
            quantity,
            price: None,
            total: Money::ZERO,
            cause: action.kind.cause(),
            source: None,
            moved_cost: Money::ZERO,
        }
    }

    /// A row of an administrator that moves cash alone.
    fn of_cash(cause: Cause, price: Option<Money>, total: Money) -> ActionRow {
        ActionRow {
            side: Side::Dividend,
            symbol: Symbol::NONE,
            quantity: Quantity::ZERO,
            price,
            total,
            cause: Some(cause),
            source: None,
            moved_cost: Money::ZERO,
        }
    }

    /// The same in the asset whose units come.
    fn gained(self, action: &Action) -> ActionRow {
        let gained = action.gained();
        ActionRow {
            symbol: gained,
            source: (gained != action.symbol).then_some(action.symbol),
            ..self
        }
    }

    fn paid(self, price: Money, total: Money) -> ActionRow {
        ActionRow {
            price: Some(price),
            total,
            ..self
        }
    }
}

impl Holdings {
    /// Applies an action to what is held, and returns the rows that tell it; none without a
    /// position. `in_lieu` is the price of a unit that comes, where fractions are paid at once.
    /// Nothing exceeds the limit of an amount: what does is not given.
    pub fn act(&mut self, action: &Action, in_lieu: Option<Money>) -> Vec<ActionRow> {
        let symbol = action.symbol;
        let Some((held, cost)) = self.positions.get(&symbol).copied() else {
            return Vec::new();
        };
        let row = |side, quantity| ActionRow::of(action, side, quantity);
        let leaves = row(Side::Split, Quantity(-held.0));
        let mut rows = Vec::new();
        match action.kind {
            ActionKind::Split(ratio) => {
                if let Some(added) = self.split(symbol, ratio) {
                    rows.push(row(Side::Split, added));
                }
            }
            ActionKind::Dividend(each) => {
                if let Some(paid) = self.dividend(symbol, each) {
                    rows.push(row(Side::Dividend, held).paid(each, paid));
                }
            }
            ActionKind::SpinOff { new, ratio } => {
                let came = self.gain(new, ratio.units(held), Money::ZERO);
                rows.push(row(Side::Split, came.0).gained(action));
            }
            ActionKind::Rename(new) => {
                self.positions.remove(&symbol);
                rows.extend(self.replace(action, leaves, cost, (new, held)));
            }
            ActionKind::Merge { new, ratio, cash } => {
                self.positions.remove(&symbol);
                rows.extend(self.replace(action, leaves, cost, (new, ratio.units(held))));
                let paid = self.pay(held.worth_at(cash).unwrap_or(Money(MILLIONTHS_MAX)));
                rows.push(row(Side::Dividend, held).paid(cash, paid));
            }
            ActionKind::Delist(price) => {
                self.positions.remove(&symbol);
                let paid = self.pay(held.worth_at(price).unwrap_or(Money(MILLIONTHS_MAX)));
                rows.push(row(Side::Sell, held).paid(price, paid));
            }
            ActionKind::Cancel => {}
        }
        if let (Some(ratio), Some(price)) = (action.kind.ratio(), in_lieu) {
            let paid = self.pay(ratio.in_lieu(held, price));
            let row = row(Side::Dividend, Quantity::ZERO).gained(action);
            rows.push(ActionRow {
                cause: Some(Cause::InLieu),
                ..row.paid(price, paid)
            });
        }
        // What an action makes of nothing is told, unless it comes beside other rows.
        let is_told = |row: &ActionRow| {
            let is_nothing = row.total == Money::ZERO && row.moved_cost == Money::ZERO;
            let is_payment = row.side == Side::Dividend || row.quantity == Quantity::ZERO;
            let is_kept = matches!(row.cause, None | Some(Cause::SpinOff | Cause::Delisting));
            is_kept || !(is_nothing && is_payment)
        };
        rows.retain(is_told);
        rows
    }

    /// The rows of units that replace others, with their cost.
    fn replace(
        &mut self,
        action: &Action,
        leaves: ActionRow,
        cost: Money,
        (new, units): (Symbol, Quantity),
    ) -> [ActionRow; 2] {
        let (came, cost) = self.gain(new, units, cost);
        let comes = ActionRow::of(action, Side::Split, came).gained(action);
        [
            ActionRow {
                moved_cost: Money(-cost.0),
                ..leaves
            },
            ActionRow {
                moved_cost: cost,
                ..comes
            },
        ]
    }

    /// Adds units with their cost, as far as the limit allows. Returns what was added; without
    /// units, there is no cost.
    fn gain(&mut self, symbol: Symbol, units: Quantity, cost: Money) -> (Quantity, Money) {
        let (held, before) = self.positions.get(&symbol).copied().unwrap_or_default();
        let units = Quantity(units.0.min(MILLIONTHS_MAX - held.0));
        if units == Quantity::ZERO {
            return (Quantity::ZERO, Money::ZERO);
        }
        let cost = Money(cost.0.min(MILLIONTHS_MAX - before.0));
        let after = (Quantity(held.0 + units.0), Money(before.0 + cost.0));
        self.positions.insert(symbol, after);
        (units, cost)
    }

    /// Adds cash, as far as the limit allows. Returns what was added.
    fn pay(&mut self, cash: Money) -> Money {
        let paid = Money(cash.0.min(MILLIONTHS_MAX - self.cash.0));
        self.cash = Money(self.cash.0 + paid.0);
        paid
    }

    /// Gives cash, or takes some where `amount` is below zero, and returns the row that tells it;
    /// `None` if the cash would be below zero or beyond its limit.
    pub fn grant(&mut self, amount: Money) -> Option<ActionRow> {
        let cash = self.cash.plus(amount)?;
        if cash < Money::ZERO {
            return None;
        }
        self.cash = cash;
        Some(ActionRow::of_cash(Cause::Grant, None, amount))
    }

    /// Sells a whole position in a restart, and returns the row that tells it; `None` without a
    /// position. Cash beyond its limit is not given.
    pub fn sell_for_restart(&mut self, symbol: Symbol, price: Money) -> Option<ActionRow> {
        let (held, _) = self.positions.remove(&symbol)?;
        let paid = self.pay(held.worth_at(price).unwrap_or(Money(MILLIONTHS_MAX)));
        Some(ActionRow {
            side: Side::Sell,
            symbol,
            quantity: held,
            price: Some(price),
            ..ActionRow::of_cash(Cause::Restart, None, paid)
        })
    }

    /// Sets the cash with which an account begins anew, and returns the row that tells it.
    pub fn restart_cash(&mut self, starting_cash: Money) -> ActionRow {
        let total = Money(starting_cash.0 - self.cash.0);
        self.cash = starting_cash;
        ActionRow {
            // A reader without the cause tells it by this from a grant, also where the cash is 0.
            quantity: Quantity(MILLION),
            ..ActionRow::of_cash(Cause::Restart, Some(starting_cash), total)
        }
    }

    /// Buys units for a total, fees included, that is at most `spendable`; or sells them for one.
    ///
    /// # Errors
    /// `insufficient-funds`, `insufficient-holdings`, or `quantity-invalid` if a value would exceed
    /// its limit. The holdings do not change then.
    pub fn trade(
        &mut self,
        side: Side,
        symbol: Symbol,
        units: Quantity,
        (total, spendable): (Money, Money),
    ) -> Result<(), Reason> {
        match side {
            Side::Buy => self.buy(symbol, units, total, spendable),
            Side::Sell => self.sell(symbol, units, total),
            Side::Split | Side::Dividend => Err(Reason::ArgumentInvalid),
        }
    }

    fn buy(
        &mut self,
        symbol: Symbol,
        quantity: Quantity,
        total: Money,
        spendable: Money,
    ) -> Result<(), Reason> {
        let (held, cost) = self.positions.get(&symbol).copied().unwrap_or_default();
        let units = held.plus(quantity).ok_or(Reason::QuantityInvalid)?;
        let cost = cost.plus(total).ok_or(Reason::QuantityInvalid)?;
        if total > spendable.min(self.cash) {
            return Err(Reason::InsufficientFunds);
        }
        self.cash = self.cash.minus(total).ok_or(Reason::InsufficientFunds)?;
        self.positions.insert(symbol, (units, cost));
        Ok(())
    }

    fn sell(&mut self, symbol: Symbol, quantity: Quantity, total: Money) -> Result<(), Reason> {
        let (held, cost) = self.positions.get(&symbol).copied().unwrap_or_default();
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
        Ok(())
    }

    /// Splits a position: `ratio` units for each one before. Returns the units
    /// added, negative for a reverse split, or `None` without a position. The cost does not change.
    fn split(&mut self, symbol: Symbol, ratio: Ratio) -> Option<Quantity> {
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
    fn dividend(&mut self, symbol: Symbol, per_unit: Money) -> Option<Money> {
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
        Reason::Cancelled => "the order was cancelled before it was filled",
        Reason::Replaced => "another order is in the place of this one",
        _ => "the order was rejected when it settled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::testing::fill_at;
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
            fill_at(&mut account, Side::Buy, (symbol(), Quantity(3)), price),
            Ok(Money(1))
        );
        assert_eq!(account.positions[&symbol()], (Quantity(3), Money(1)));
        assert_eq!(
            fill_at(&mut account, Side::Sell, (symbol(), Quantity(4)), price),
            Err(Reason::InsufficientHoldings)
        );
        assert_eq!(
            fill_at(&mut account, Side::Sell, (symbol(), Quantity(3)), price),
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
            fill_at(&mut account, Side::Buy, (symbol(), all), Money(1)),
            Err(Reason::InsufficientFunds)
        );
        assert_eq!(
            fill_at(
                &mut account,
                Side::Buy,
                (symbol(), all),
                Money(MILLIONTHS_MAX)
            ),
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
                let outcome = fill_at(&mut account, side, (symbol(), Quantity(quantity)), Money(price));
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
