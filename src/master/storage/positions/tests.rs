//! spec/master/storage.md · 3.1.7

use super::*;
use crate::master::storage::testing::each_engine;

fn symbol(text: &str) -> Symbol {
    Symbol::parse(text).unwrap()
}

#[test]
fn changes_are_stored_and_an_empty_position_is_deleted() {
    each_engine(|engine| {
        engine.execute(
            "INSERT INTO accounts VALUES (1, 'a', 'a', 'a', 'a', 0, NULL, 0, 500, zeroblob(16), 1, NULL, NULL, 0, NULL),
             (2, 'b', 'b', 'b', 'b', 0, NULL, 0, 600, zeroblob(16), 2, NULL, NULL, 0, NULL)",
        );
        let mut storage = engine.storage();
        let (one, two) = (AccountId(1), AccountId(2));
        let before = storage.read(|s| s.holdings(one)).unwrap();
        assert_eq!(
            (before.cash, before.positions.len()),
            (Money(500), 0),
            "it has never traded"
        );
        let mut after = before.clone();
        after.cash = Money(100);
        after
            .positions
            .insert(symbol("IBM"), (Quantity(3), Money(300)));
        after
            .positions
            .insert(symbol("AAPL"), (Quantity(1), Money(100)));
        storage
            .write(|tx| tx.store_holdings(one, &before, &after))
            .unwrap();
        assert_eq!(storage.read(|s| s.holdings(one)).unwrap(), after);
        assert_eq!(storage.read(|s| s.holdings(two)).unwrap().cash, Money(600));
        assert_eq!(storage.read(|s| s.holders(symbol("IBM"))).unwrap(), [one]);

        let mut sold = after.clone();
        sold.cash = Money(450);
        sold.positions.remove(&symbol("AAPL"));
        sold.positions
            .insert(symbol("IBM"), (Quantity(2), Money(200)));
        storage
            .write(|tx| tx.store_holdings(one, &after, &sold))
            .unwrap();
        assert_eq!(storage.read(|s| s.holdings(one)).unwrap(), sold);
        assert_eq!(storage.read(|s| s.cash(one)).unwrap(), Money(450));
        assert!(
            storage
                .read(|s| s.holders(symbol("AAPL")))
                .unwrap()
                .is_empty()
        );
        assert_eq!(engine.number("SELECT count(*) FROM positions"), 1);
        let missing = storage.read(|s| s.cash(AccountId(3)));
        assert!(missing.is_err(), "there is no such account: {missing:?}");
    });
}

#[test]
fn an_unknown_account_and_negative_cash_are_refused() {
    each_engine(|engine| {
        let mut storage = engine.storage();
        let (nothing, debt) = (
            Holdings::default(),
            Holdings {
                cash: Money(-1),
                ..Holdings::default()
            },
        );
        assert!(
            storage.read(|s| s.holdings(AccountId(9))).is_err(),
            "no such account"
        );
        assert!(
            storage
                .write(|tx| tx.store_holdings(AccountId(9), &nothing, &debt))
                .is_err()
        );
        assert_eq!(engine.number("SELECT count(*) FROM balances"), 0);
    });
}
