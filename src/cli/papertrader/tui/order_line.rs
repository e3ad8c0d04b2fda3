//! spec/cli/papertrader/tui.md · 4.6.4, 4.6.5, 3.1.7
//!
//! Reads a line that orders: the words of `papertrader buy` and `papertrader sell`.

use super::state::ViewState;
use crate::cli::papertrader::arguments::{BuyArgs, SellArgs};
use crate::client::OrderForm;
use crate::model::{OrderAmount, Quantity, Side, Symbol};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

/// What a line may say.
#[derive(Debug, Parser)]
#[command(
    no_binary_name = true,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
struct OrderLine {
    #[command(subcommand)]
    words: OrderWords,
}

#[derive(Debug, Subcommand)]
#[command(disable_help_flag = true)]
enum OrderWords {
    Buy(BuyArgs),
    Sell(SellArgs),
}

/// The order that a line says, of an account that the view knows. It has an ID if the line gives one.
///
/// # Errors
/// Why it is none, for people: words that do not go together, an asset that is not there, nothing
/// that could be sold.
pub fn parse_order(line: &str, state: &ViewState) -> Result<OrderForm, String> {
    let words = split(line)?;
    let line = OrderLine::try_parse_from(words).map_err(|error| told(&error))?;
    let (side, symbol, amount, options) = match &line.words {
        OrderWords::Buy(args) => (Side::Buy, args.symbol, args.amount(), &args.options),
        OrderWords::Sell(args) => (Side::Sell, args.symbol, args.amount(), &args.options),
    };
    if !state.assets.is_empty() && state.asset(symbol).is_none() {
        return Err(format!("there is no asset {symbol}"));
    }
    let amount = match amount {
        Some(amount) => amount,
        None => units_for_sale(state, symbol)?,
    };
    Ok(options.form(side, symbol, amount))
}

/// All units of an asset that no open order has promised.
fn units_for_sale(state: &ViewState, symbol: Symbol) -> Result<OrderAmount, String> {
    let summary = state.summary.as_ref();
    let summary = summary.ok_or("what the account has is not known yet; try again")?;
    let position = summary.positions.iter().find(|it| it.symbol == symbol);
    let free = position.map_or(0, |it| it.units.0.saturating_sub(it.promised.0));
    if free > 0 {
        Ok(OrderAmount::Units(Quantity(free)))
    } else {
        let name = &state.account;
        Err(format!("{name} has no units of {symbol} to sell"))
    }
}

/// The words of a line. What stands between quotation marks is one word.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let (mut word, mut quote): (Option<String>, Option<char>) = (None, None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(end)) if c == end => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quotation mark is missing".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// What is wrong with the words of a line, in a line.
fn told(error: &clap::Error) -> String {
    match error.kind() {
        ErrorKind::InvalidSubcommand
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "an order begins with buy or sell: buy AAPL 10".to_owned()
        }
        _ => {
            let text = error.render().to_string();
            let lines = text
                .lines()
                .map(str::trim)
                .take_while(|line| !line.starts_with("Usage:"))
                .filter(|line| !line.is_empty() && !line.starts_with("For more information"));
            let text = lines.collect::<Vec<_>>().join(" ");
            text.strip_prefix("error: ").unwrap_or(&text).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use crate::model::{Money, OrderTerms, TimeInForce};

    #[test]
    fn a_line_is_read_as_the_command_line_is() {
        let state = testing::state();
        let form = |line: &str| parse_order(line, &state).unwrap();
        let buy = form("buy aapl 1,000 --limit 95.50 --tif day");
        assert_eq!(buy.side, Side::Buy);
        assert_eq!(buy.symbol.as_str(), "AAPL");
        assert_eq!(buy.amount, OrderAmount::Units(Quantity(1_000_000_000)));
        let limit = Money(95_500_000);
        assert_eq!(buy.terms, OrderTerms::Limit { limit });
        assert_eq!(buy.time_in_force, TimeInForce::Day);
        assert_eq!(buy.id, None);
        let cash = form("buy AAPL --for 500").amount;
        assert_eq!(cash, OrderAmount::Cash(Money(500_000_000)));
        let until = form("sell AAPL 1 --stop 90 --tif '2030-06-28 14:00'");
        assert!(matches!(until.time_in_force, TimeInForce::Until(_)));
        assert_eq!(
            form("sell AAPL 1 --order-id desk-1").id.unwrap().as_str(),
            "desk-1"
        );
    }

    #[test]
    fn all_of_a_sale_is_what_no_order_has_been_promised() {
        let state = testing::state();
        let all = parse_order("sell AAPL --all", &state).unwrap();
        assert_eq!(all.amount, OrderAmount::Units(Quantity(8_000_000)));
        let none = parse_order("sell IBM --all", &state).unwrap_err();
        assert_eq!(none, "ada has no units of IBM to sell");
    }

    #[test]
    fn what_is_wrong_is_told_in_a_line() {
        let state = testing::state();
        for (line, why) in [
            ("", "an order begins with buy or sell"),
            ("by AAPL 10", "an order begins with buy or sell"),
            ("help", "an order begins with buy or sell"),
            ("buy AAPL", "required"),
            ("buy 10 AAPL", "the symbol comes first"),
            ("buy AAPL -5", "-5"),
            ("buy AAPL 10 --limt 5", "--limt"),
            ("buy AAPL 1 --trail 5% --limit 3", "cannot be used with"),
            ("buy NONE 1", "there is no asset NONE"),
            ("buy AAPL '1", "a quotation mark is missing"),
        ] {
            let told = parse_order(line, &state).unwrap_err();
            assert!(told.contains(why), "{line}: {told}");
            assert!(!told.contains('\n') && !told.contains("Usage"), "{told}");
        }
    }
}
