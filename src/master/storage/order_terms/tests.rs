//! spec/master/storage/order_terms.md · 3.1.7

use super::*;
use crate::master::storage::Storage;
use crate::master::storage::ahead::{self, OrderAhead};
use crate::master::storage::ledger::{FillDetails, Settlement, WaitingStatus};
use crate::master::storage::order_details::{FillBar, OrderDetails};
use crate::master::storage::testing::{Engine, each_engine};
use crate::model::{AccountId, Quantity, Reason, SettlementRank, Side, TransactionStatus};
use std::time::Instant;
use uuid::Uuid;

fn account(engine: &Engine) -> AccountId {
    engine.execute(
        "INSERT INTO accounts VALUES (1, 'a', 'a', 'a', 'a', 0, NULL, 0, 500, zeroblob(16), 1, NULL, NULL, 0, NULL)",
    );
    AccountId(1)
}

fn ibm() -> Symbol {
    Symbol::parse("IBM").unwrap()
}

fn order<'a>(number: i64, details: Option<&'a OrderDetails>) -> NewOrder<'a> {
    NewOrder {
        rank: SettlementRank {
            timestamp: Timestamp(900 + number),
            worker: Uuid::from_u128(3),
            sequence: u64::try_from(number).unwrap(),
            number,
        },
        boot: Uuid::from_u128(4),
        id: Uuid::from_u128(100 + u128::try_from(number).unwrap()),
        account: AccountId(1),
        side: Side::Buy,
        symbol: ibm(),
        quantity: Quantity(7),
        accepted: Timestamp(1_000 + number),
        stamped: Timestamp(800 + number),
        client_order_id: None,
        waits_since: None,
        status: TransactionStatus::Open,
        reserve: Some(Money(70)),
        first_update: 6,
        details,
    }
}

fn details(terms: OrderTerms) -> OrderDetails {
    let is_trailing = terms.kind() == OrderKind::Trailing;
    OrderDetails {
        terms,
        cash: None,
        time_in_force: TimeInForce::Gtc,
        until: Some(Timestamp(5_000)),
        best: is_trailing.then_some(Money(12)),
        triggered: None,
        asked: None,
        replaces: None,
    }
}

fn all_open(storage: &mut Storage) -> Vec<StoredOrder> {
    all_of(storage, WaitingStatus::Open)
}

fn all_of(storage: &mut Storage, status: WaitingStatus) -> Vec<StoredOrder> {
    let mut found = Vec::new();
    let read = storage.read(|snapshot| {
        snapshot.waiting_orders_of(status, |order| {
            found.push(order);
            ControlFlow::Continue(())
        })
    });
    read.unwrap();
    found
}

#[test]
fn waiting_orders_are_read_with_their_terms() {
    each_engine(|engine| {
        account(engine);
        let mut storage = engine.storage();
        let mut stored = vec![
            details(OrderTerms::Market),
            details(OrderTerms::Limit { limit: Money(10) }),
            details(OrderTerms::Stop { stop: Money(11) }),
            details(OrderTerms::StopLimit {
                limit: Money(10),
                stop: Money(11),
            }),
            details(OrderTerms::Trailing {
                distance: TrailDistance::Money(Money(2)),
            }),
            details(OrderTerms::Trailing {
                distance: TrailDistance::Percent(25_000),
            }),
        ];
        stored[1].time_in_force = TimeInForce::Day;
        stored[1].until = None;
        stored[2].time_in_force = TimeInForce::Until(Timestamp(5_000));
        stored[3].triggered = Some(8);
        stored[3].cash = Some(Money(90));
        stored[4].asked = Some("placeOrder buy".to_owned());
        stored[5].replaces = Some(1);
        let write = storage.write(|tx| {
            tx.insert_order(&order(1, None))?;
            for (number, details) in (2..).zip(&stored) {
                assert!(tx.insert_order(&order(number, Some(details)))?);
            }
            assert!(
                !tx.insert_order(&order(7, Some(&stored[0])))?,
                "it is taken"
            );
            for (number, details) in [(8, None), (9, Some(&stored[0]))] {
                let queued = NewOrder {
                    status: TransactionStatus::Queued,
                    ..order(number, details)
                };
                assert!(tx.insert_order(&queued)?);
            }
            Ok(true)
        });
        assert!(write.unwrap());
        let read = all_open(&mut storage);
        assert_eq!(read.len(), 7);
        assert_eq!(read[0].details, None);
        assert_eq!(read[0].entry.reserve, Some(Money(70)));
        assert_eq!(read[0].entry.first_update, Some(6));
        for (read, stored) in read[1..].iter().zip(&stored) {
            assert_eq!(read.details.as_ref(), Some(stored));
            assert_eq!(read.entry.asked, Quantity(7));
        }
        let queued: Vec<_> = all_of(&mut storage, WaitingStatus::Queued)
            .into_iter()
            .map(|it| (it.entry.rank.number, it.details))
            .collect();
        assert_eq!(queued, [(8, None), (9, Some(stored[0].clone()))]);
        storage
            .read(|snapshot| {
                assert_eq!(snapshot.order_details(1)?, None);
                assert_eq!(snapshot.order_details(4)?.as_ref(), Some(&stored[2]));
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn a_start_does_not_read_the_whole_ledger_for_the_orders_that_wait() {
    each_engine(|engine| {
        let mut storage = engine.storage();
        for (status, index) in [
            (WaitingStatus::Queued, "transactions_queue"),
            (WaitingStatus::Open, "transactions_open"),
        ] {
            let plan = storage.read(|snapshot| Ok(snapshot.plan(&waiting_sql(snapshot, status))));
            let Some(plan) = plan.unwrap() else { return };
            assert!(
                plan.contains(&format!("SCAN transactions USING COVERING INDEX {index}")),
                "{plan}"
            );
            assert!(
                plan.contains("SEARCH transactions USING INTEGER PRIMARY KEY"),
                "{plan}"
            );
        }
    });
}

#[test]
fn an_open_order_changes_and_ends_once() {
    each_engine(|engine| {
        let account = account(engine);
        let mut storage = engine.storage();
        let terms = details(OrderTerms::Limit { limit: Money(10) });
        let limit = OrderTerms::Limit { limit: Money(5) };
        let filled = Settlement::Settled {
            price: Money(4),
            total: Money(57),
            priced: Timestamp(6),
            details: FillDetails {
                units: Some(Quantity(14)),
                quoted: Some(Money(3)),
                fee: Some(Money(1)),
                fee_schedule: None,
                bar: Some(FillBar {
                    open: Money(4),
                    high: Money(6),
                    low: Money(2),
                }),
            },
        };
        let cancelled = Settlement::Cancelled(Reason::Replaced);
        storage
            .write(|tx| {
                tx.insert_order(&order(1, Some(&terms)))?;
                tx.insert_order(&order(2, Some(&terms)))?;
                tx.insert_order(&order(3, Some(&terms)))?;
                tx.set_order_amount(1, Quantity(14), Some(Money(60)))?;
                tx.set_order_prices(1, &limit, None)?;
                tx.set_until(1, Timestamp(9))?;
                tx.set_triggered(1, 4)?;
                let mut read = Vec::new();
                tx.waiting_orders_of(WaitingStatus::Open, |order| {
                    read.push(order);
                    ControlFlow::Continue(())
                })?;
                let read = read.remove(0);
                assert_eq!(read.entry.transaction.quantity, Quantity(14));
                assert_eq!(read.entry.reserve, Some(Money(60)));
                let read = read.details.unwrap();
                assert_eq!((read.terms, read.until), (limit, Some(Timestamp(9))));
                assert_eq!(read.triggered, Some(4));
                tx.end_order(2, &cancelled, Timestamp(2_000))?;
                tx.settle_orders(
                    &[(1, filled), (3, Settlement::Expired)],
                    Timestamp(3_000),
                    7,
                )
            })
            .unwrap();
        assert!(all_open(&mut storage).is_empty());
        storage
            .read(|snapshot| {
                let mut entry = |id| snapshot.transaction(account, &Uuid::from_u128(id));
                let first = entry(101)?.unwrap();
                assert_eq!(first.transaction.quantity, Quantity(14));
                assert_eq!((first.quoted, first.fee), (Some(Money(3)), Some(Money(1))));
                assert_eq!((first.update, first.asked), (Some(7), Quantity(7)));
                let second = entry(102)?.unwrap();
                assert_eq!(second.transaction.status, TransactionStatus::Cancelled);
                assert_eq!(second.transaction.reason, Some(Reason::Replaced));
                assert_eq!(second.update, None, "it ended between two updates");
                let third = entry(103)?.unwrap();
                assert_eq!(third.transaction.status, TransactionStatus::Expired);
                assert_eq!(third.transaction.reason, Some(Reason::Expired));
                Ok(())
            })
            .unwrap();
        let again = storage.write(|tx| tx.end_order(2, &cancelled, Timestamp(4_000)));
        assert!(again.is_err(), "it has ended");
    });
}

#[test]
fn a_trailing_order_follows_closes_from_where_it_is_told() {
    each_engine(|engine| {
        account(engine);
        let mut storage = engine.storage();
        let terms = details(OrderTerms::Trailing {
            distance: TrailDistance::Percent(9),
        });
        let start = TrailStart {
            number: 1,
            first_update: 9,
            best: Money(14),
        };
        storage
            .write(|tx| {
                tx.insert_order(&order(1, Some(&terms)))?;
                tx.set_trail_start(&start)
            })
            .unwrap();
        let read = all_open(&mut storage).remove(0);
        assert_eq!(read.entry.first_update, Some(9));
        assert_eq!(read.details.unwrap().best, Some(Money(14)));
    });
}

#[test]
fn a_queued_order_opens_and_keeps_since_when_it_waits() {
    each_engine(|engine| {
        account(engine);
        let mut storage = engine.storage();
        let queued = |number, waits_since| NewOrder {
            status: TransactionStatus::Queued,
            waits_since,
            ..order(number, None)
        };
        storage
            .write(|tx| {
                tx.insert_order(&queued(1, None))?;
                tx.insert_order(&queued(2, Some(Timestamp(1))))?;
                tx.open_order(1, Timestamp(50))?;
                tx.open_order(2, Timestamp(50))
            })
            .unwrap();
        let waits: Vec<_> = all_open(&mut storage)
            .iter()
            .map(|it| it.entry.waits_since)
            .collect();
        assert_eq!(waits, [Some(Timestamp(50)), Some(Timestamp(1))]);
        assert!(storage.write(|tx| tx.open_order(1, Timestamp(60))).is_err());
    });
}

#[test]
fn closes_are_kept_by_asset_and_update() {
    each_engine(|engine| {
        let mut storage = engine.storage();
        let other = Symbol::parse("AAPL").unwrap();
        let kept = TrailClose {
            update: 4,
            for_sales: Money(9),
            for_purchases: Money(8),
        };
        storage
            .write(|tx| {
                tx.insert_trail_close(ibm(), 3, Money(10))?;
                tx.insert_trail_close(ibm(), 4, Money(12))?;
                tx.insert_trail_close(ibm(), 4, Money(11))?;
                tx.insert_trail_close(other, 3, Money(7))?;
                tx.set_trail_closes(&other, &[kept])
            })
            .unwrap();
        let read = storage.read(|snapshot| snapshot.trail_closes()).unwrap();
        let own = vec![TrailClose::new(3, Money(10)), TrailClose::new(4, Money(11))];
        assert_eq!(
            read,
            HashMap::from([(other, vec![kept]), (ibm(), own.clone())])
        );
        let read = storage.read(|snapshot| snapshot.trail_closes_of(&ibm()));
        assert_eq!(read.unwrap(), own);
    });
}

/// Measures, in a release build: `cargo test --release --lib open_orders_are_read_fast -- --ignored`.
#[test]
#[ignore = "a measurement"]
fn open_orders_are_read_fast() {
    each_engine(|engine| {
        account(engine);
        let mut storage = engine.storage();
        let terms = details(OrderTerms::Limit { limit: Money(10) });
        storage
            .write(|tx| {
                for number in 1..=100_000 {
                    tx.insert_order(&order(number, Some(&terms)))?;
                }
                Ok(())
            })
            .unwrap();
        let began = Instant::now();
        assert_eq!(all_open(&mut storage).len(), 100_000);
        println!("100,000 open orders: {:?}", began.elapsed());
    });
}

#[test]
fn an_order_that_was_not_read_ahead_and_one_that_was_are_stored_in_one_turn() {
    each_engine(|engine| {
        let account = account(engine);
        let mut storage = engine.storage();
        let limit = details(OrderTerms::Limit { limit: Money(10) });
        let stored = storage.write(|tx| {
            let placed = OrderAhead {
                message: (Uuid::from_u128(3), Uuid::from_u128(4), 2),
                account,
                client_order_id: None,
                sold: None,
            };
            ahead::orders(tx, || vec![placed])?;
            // As a replacement is, whose message is not asked for.
            assert!(tx.insert_order(&order(1, Some(&limit)))?);
            tx.insert_order(&order(2, Some(&limit)))
        });
        assert!(stored.unwrap());
        assert_eq!(all_open(&mut storage).len(), 2);
    });
}
