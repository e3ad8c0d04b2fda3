//! spec/master/storage/ledger.md · 3.1.7

use super::*;
use crate::master::storage::Storage;
use crate::master::storage::testing::{Engine, each_engine};

fn account(engine: &Engine) -> AccountId {
    engine.execute(
        "INSERT INTO accounts VALUES (1, 'a', 'a', 'a', 'a', 0, NULL, 0, 500, zeroblob(16), 1, NULL, NULL, 0, NULL)",
    );
    AccountId(1)
}

fn order(number: i64, sequence: u64, name: Option<&ClientOrderId>) -> NewOrder<'_> {
    NewOrder {
        rank: SettlementRank {
            timestamp: Timestamp(900 + number),
            worker: Uuid::from_u128(3),
            sequence,
            number,
        },
        boot: Uuid::from_u128(4),
        id: Uuid::from_u128(100 + u128::try_from(number).unwrap()),
        account: AccountId(1),
        side: Side::Buy,
        symbol: Symbol::parse("IBM").unwrap(),
        quantity: Quantity(7),
        accepted: Timestamp(1_000 + number),
        stamped: Timestamp(800 + number),
        client_order_id: name,
        waits_since: None,
        status: TransactionStatus::Queued,
        reserve: None,
        first_update: 1,
        details: None,
    }
}

/// Numbers of the queued orders, in the order of their acceptance.
fn queued(storage: &mut Storage) -> Vec<i64> {
    let mut numbers = Vec::new();
    let read = storage.read(|snapshot| {
        snapshot.waiting_orders_of(WaitingStatus::Queued, |order| {
            numbers.push(order.entry.rank.number);
            ControlFlow::Continue(())
        })
    });
    read.unwrap();
    numbers
}

#[test]
fn a_queued_order_is_found_by_message_by_name_and_by_id() {
    each_engine(|engine| {
        let account = account(engine);
        let name = ClientOrderId::parse("mine").unwrap();
        let mut storage = engine.storage();
        assert_eq!(storage.read(|s| s.last_number()).unwrap(), 0);
        assert_eq!(storage.read(|s| s.last_accepted()).unwrap(), Timestamp(0));
        storage
            .write(|tx| {
                tx.insert_order(&order(1, 11, Some(&name)))?;
                let found = tx.order_by_client(account, &name)?;
                assert!(found.is_some(), "a batch sees its own orders");
                tx.insert_order(&order(2, 12, None))
            })
            .unwrap();
        let worker = Uuid::from_u128(3);
        let boot = Uuid::from_u128(4);
        let mut read = storage
            .read(|s| s.order_by_message(&worker, &boot, 11))
            .unwrap()
            .unwrap();
        assert_eq!(read.transaction.client_order_id, Some(name.clone()));
        assert_eq!(read.rank, order(1, 11, None).rank);
        assert_eq!(
            (read.stamped, read.asked, read.update),
            (Timestamp(801), Quantity(7), None)
        );
        read = storage
            .read(|s| s.order_by_client(account, &name))
            .unwrap()
            .unwrap();
        assert_eq!(read.rank.number, 1);
        let id = Uuid::from_u128(102);
        read = storage
            .read(|s| s.transaction(account, &id))
            .unwrap()
            .unwrap();
        assert_eq!(
            (read.rank.number, read.transaction.status),
            (2, TransactionStatus::Queued)
        );
        let absent = storage
            .read(|s| {
                Ok((
                    s.order_by_message(&worker, &boot, 13)?.is_none(),
                    s.order_by_message(&worker, &Uuid::nil(), 11)?.is_none(),
                    s.order_by_message(&Uuid::nil(), &boot, 11)?.is_none(),
                    s.transaction(AccountId(2), &id)?.is_none(),
                ))
            })
            .unwrap();
        assert_eq!(absent, (true, true, true, true));
        assert_eq!(queued(&mut storage), [1, 2]);
        assert_eq!(storage.read(|s| s.last_number()).unwrap(), 2);
        assert_eq!(
            storage.read(|s| s.last_accepted()).unwrap(),
            Timestamp(1_002)
        );
        assert_eq!(engine.number("SELECT count(*) FROM origins"), 1);
    });
}

#[test]
fn a_message_and_a_name_are_one_order() {
    each_engine(|engine| {
        account(engine);
        let name = ClientOrderId::parse("mine").unwrap();
        let mut storage = engine.storage();
        storage
            .write(|tx| tx.insert_order(&order(1, 11, Some(&name))))
            .unwrap();
        for again in [
            order(2, 11, None),
            order(2, 12, Some(&name)),
            order(1, 12, None),
        ] {
            let stored = storage.write(|tx| tx.insert_order(&again)).unwrap();
            assert!(!stored, "{again:?}");
        }
        assert_eq!(storage.read(|s| s.last_number()).unwrap(), 1);
    });
}

#[test]
fn orders_of_several_workers_in_one_commit_are_each_ones_own() {
    each_engine(|engine| {
        account(engine);
        let mut storage = engine.storage();
        let senders = [(3, 4), (3, 5), (3, 4), (6, 4), (6, 4), (3, 4)];
        let sent = |at: usize| {
            let (worker, boot) = senders[at];
            let number = i64::try_from(at).unwrap() + 1;
            let mut order = order(number, 10 + u64::try_from(at).unwrap(), None);
            (order.rank.worker, order.boot) = (Uuid::from_u128(worker), Uuid::from_u128(boot));
            order
        };
        storage
            .write(|tx| {
                for at in 0..senders.len() {
                    assert!(tx.insert_order(&sent(at))?);
                }
                Ok(())
            })
            .unwrap();
        for order in (0..senders.len()).map(sent) {
            let rank = order.rank;
            let read =
                |s: &mut Snapshot<'_>| s.order_by_message(&rank.worker, &order.boot, rank.sequence);
            let found = storage.read(read).unwrap().unwrap();
            assert_eq!((found.rank, found.transaction.id), (rank, order.id));
        }
        assert_eq!(engine.number("SELECT count(*) FROM origins"), 3);
    });
}

#[test]
fn an_order_settles_once() {
    each_engine(|engine| {
        let account = account(engine);
        let mut storage = engine.storage();
        let filled = Settlement::Settled {
            price: Money(5),
            total: Money(35),
            priced: Timestamp(6),
            details: FillDetails::default(),
        };
        let outcomes = [(1, filled), (2, Settlement::Rejected(Reason::NoPrice))];
        storage
            .write(|tx| {
                tx.insert_order(&order(1, 11, None))?;
                tx.insert_order(&order(2, 12, None))?;
                tx.set_order_quantity(1, Quantity(14))?;
                tx.settle_orders(&outcomes, Timestamp(2_000), 3)
            })
            .unwrap();
        let mut seen = Vec::new();
        storage
            .read(|s| {
                for id in [102, 101] {
                    seen.extend(s.transaction(account, &Uuid::from_u128(id))?);
                }
                Ok(())
            })
            .unwrap();
        let (rejected, settled) = (&seen[0], &seen[1]);
        assert_eq!(seen.len(), 2);
        assert_eq!(settled.transaction.status, TransactionStatus::Settled);
        assert_eq!(
            (settled.transaction.quantity, settled.asked),
            (Quantity(14), Quantity(7))
        );
        assert_eq!(
            (settled.transaction.price, settled.transaction.total),
            (Some(Money(5)), Some(Money(35)))
        );
        assert_eq!(
            (settled.transaction.settled, settled.update),
            (Some(Timestamp(2_000)), Some(3))
        );
        assert_eq!(rejected.transaction.status, TransactionStatus::Rejected);
        assert_eq!(rejected.transaction.reason, Some(Reason::NoPrice));
        assert_eq!(rejected.transaction.price, None);
        for outcome in [outcomes[0], (3, filled)] {
            let again = storage.write(|tx| tx.settle_orders(&[outcome], Timestamp(3_000), 4));
            assert!(again.is_err(), "{outcome:?}");
        }
        storage
            .write(|tx| tx.set_order_quantity(1, Quantity(1)))
            .unwrap();
        let id = Uuid::from_u128(101);
        let kept = storage
            .read(|s| s.transaction(account, &id))
            .unwrap()
            .unwrap();
        assert_eq!(
            kept.transaction.quantity,
            Quantity(14),
            "what is settled never changes"
        );
        assert!(queued(&mut storage).is_empty());
    });
}

#[test]
fn splits_and_dividends_are_applied_once_in_order() {
    each_engine(|engine| {
        let account = account(engine);
        engine.execute(
            "INSERT INTO actions VALUES ('IBM', 'd', 2, 20, 4, 9, 1, NULL, 0, 0, NULL, NULL), ('IBM', 's', 1, 10, 3, 2, 1, NULL, 0, 0, NULL, NULL), ('AAPL', 's', 3, 20, 3, 1, 2, NULL, 0, 0, NULL, NULL)",
        );
        let mut storage = engine.storage();
        let mut waiting = |update| {
            let actions = storage.read(|s| s.actions_to_apply(update)).unwrap();
            actions
                .iter()
                .map(|(number, action)| (*number, action.kind))
                .collect::<Vec<_>>()
        };
        let split = (1, ActionKind::Split(Ratio::new(2, 1).unwrap()));
        let dividend = (2, ActionKind::Dividend(Money(9)));
        assert_eq!(waiting(2), [split, dividend]);
        let row = Transaction {
            id: Uuid::from_u128(5),
            account,
            side: Side::Split,
            status: TransactionStatus::Settled,
            symbol: Symbol::parse("IBM").unwrap(),
            quantity: Quantity(-3),
            accepted: Timestamp(1),
            settled: Some(Timestamp(1)),
            price: None,
            total: Some(Money::ZERO),
            priced: Some(Timestamp(10)),
            client_order_id: None,
            reason: None,
        };
        let entry = ActionEntry {
            number: 1,
            id: row.id,
            accepted: Timestamp(1),
            account,
            update: 2,
            time: Timestamp(10),
            row: ActionRow {
                side: Side::Split,
                symbol: row.symbol,
                quantity: Quantity(-3),
                price: None,
                total: Money::ZERO,
                cause: Some(Cause::SpinOff),
                source: Some(Symbol::parse("AAPL").unwrap()),
                moved_cost: Money::ZERO,
            },
            written_off: None,
        };
        storage
            .write(|tx| {
                tx.insert_settled(&entry)?;
                tx.set_actions_applied(2)
            })
            .unwrap();
        let read = storage
            .read(|s| s.transaction(account, &row.id))
            .unwrap()
            .unwrap();
        assert_eq!((read.transaction, read.rank.worker), (row, Uuid::nil()));
        assert_eq!(
            (read.cause, read.source),
            (entry.row.cause, entry.row.source)
        );
        let left = storage.read(|s| s.actions_to_apply(9)).unwrap();
        assert_eq!(left.len(), 1, "{left:?}");
    });
}

#[test]
fn an_invalid_row_is_reported_as_corrupt() {
    each_engine(|engine| {
        let account = account(engine);
        let mut storage = engine.storage();
        storage
            .write(|tx| tx.insert_order(&order(1, 11, None)))
            .unwrap();
        engine.execute("UPDATE transactions SET symbol = 'no symbol'");
        let read = storage.read(|s| {
            let bound = s.history_bound(account)?.unwrap();
            s.history(account, &bound, bound.newest, 9, |_| {
                ControlFlow::Continue(())
            })
        });
        assert!(matches!(read, Err(StorageError::Corrupt(_))), "{read:?}");
    });
}

/// An account's transactions at a bound, newest first, from `from` on: number and status of each.
fn history(
    storage: &mut Storage,
    bound: &HistoryBound,
    from: u128,
    limit: usize,
) -> Vec<(u128, TransactionStatus)> {
    let mut seen = Vec::new();
    storage
        .read(|s| {
            s.history(AccountId(1), bound, Uuid::from_u128(from), limit, |row| {
                let is_bare = row.settled.is_none() && row.price.is_none() && row.reason.is_none();
                assert_eq!(is_bare, row.status == TransactionStatus::Queued);
                seen.push((row.id.as_u128() - 100, row.status));
                ControlFlow::Continue(())
            })
        })
        .unwrap();
    seen
}

#[test]
fn a_history_is_read_in_pieces_as_it_was_at_its_bound() {
    use TransactionStatus::{Queued, Rejected, Settled};
    each_engine(|engine| {
        let account = account(engine);
        let mut storage = engine.storage();
        assert_eq!(storage.read(|s| s.history_bound(account)).unwrap(), None);
        let filled = Settlement::Settled {
            price: Money(5),
            total: Money(35),
            priced: Timestamp(6),
            details: FillDetails::default(),
        };
        storage
            .write(|tx| {
                for number in 1..=4 {
                    tx.insert_order(&order(number, 10 + u64::try_from(number).unwrap(), None))?;
                }
                tx.settle_orders(&[(1, filled)], Timestamp(2_000), 3)
            })
            .unwrap();
        let bound = storage.read(|s| s.history_bound(account)).unwrap().unwrap();
        assert_eq!((bound.newest.as_u128(), bound.endings), (104, 1));
        let then = [(4, Queued), (3, Queued), (2, Queued), (1, Settled)];
        assert_eq!(history(&mut storage, &bound, 104, 9), then);
        let later = [(3, filled), (2, Settlement::Rejected(Reason::NoPrice))];
        storage
            .write(|tx| {
                tx.settle_orders(&later, Timestamp(3_000), 4)?;
                tx.insert_order(&order(5, 15, None))
            })
            .unwrap();
        assert_eq!(history(&mut storage, &bound, 104, 9), then);
        assert_eq!(history(&mut storage, &bound, 103, 2), then[1..3]);
        assert_eq!(history(&mut storage, &bound, 100, 2), []);
        let now = storage.read(|s| s.history_bound(account)).unwrap().unwrap();
        assert_eq!((now.newest.as_u128(), now.endings), (105, 2));
        let all = [
            (5, Queued),
            (4, Queued),
            (3, Settled),
            (2, Rejected),
            (1, Settled),
        ];
        assert_eq!(history(&mut storage, &now, 105, 9), all);
        // A lock or a restart, between two updates.
        storage
            .write(|tx| tx.cancel_orders(&[4, 5], Timestamp(1_000)))
            .unwrap();
        assert_eq!(history(&mut storage, &now, 105, 9), all);
        assert_eq!(history(&mut storage, &bound, 104, 9), then);
        let read = |storage: &mut Storage| {
            let entries = storage.read(|s| s.entries(account, &now, now.newest, 2));
            entries.unwrap().into_iter().map(|it| it.transaction.status)
        };
        assert_eq!(read(&mut storage).collect::<Vec<_>>(), [Queued, Queued]);
    });
}

#[test]
fn a_restart_takes_effect_after_the_orders_of_its_update() {
    each_engine(|engine| {
        let account = account(engine);
        let mut storage = engine.storage();
        let bought = NewOrder {
            rank: SettlementRank {
                timestamp: Timestamp(2_000),
                ..order(1, 11, None).rank
            },
            accepted: Timestamp(2_000),
            ..order(1, 11, None)
        };
        let filled = Settlement::Settled {
            price: Money(5),
            total: Money(35),
            priced: Timestamp(6),
            details: FillDetails::default(),
        };
        let sold = ActionEntry {
            number: 2,
            id: Uuid::from_u128(102),
            accepted: Timestamp(2_000),
            account,
            update: 3,
            time: Timestamp(6),
            row: ActionRow {
                side: Side::Sell,
                symbol: bought.symbol,
                quantity: bought.quantity,
                price: Some(Money(5)),
                total: Money(35),
                cause: Some(Cause::Restart),
                source: None,
                moved_cost: Money::ZERO,
            },
            written_off: None,
        };
        storage
            .write(|tx| {
                tx.insert_order(&bought)?;
                tx.settle_orders(&[(1, filled)], Timestamp(2_000), 3)?;
                tx.insert_settled(&sold)
            })
            .unwrap();
        let firsts = BTreeSet::from([bought.symbol]);
        let trades = storage.read(|s| s.trades(&Families::default(), &firsts));
        let sides: Vec<Side> = trades.unwrap()[&bought.symbol].trades[&account]
            .iter()
            .map(|trade| trade.side)
            .collect();
        assert_eq!(sides, [Side::Buy, Side::Sell], "of one millisecond");
    });
}

#[test]
fn the_orders_of_locked_accounts_are_found_without_reading_the_ledger() {
    each_engine(|engine| {
        let account = account(engine);
        let mut storage = engine.storage();
        let of_locked = |storage: &mut Storage| storage.read(|s| s.locked_with_orders()).unwrap();
        storage
            .write(|tx| {
                tx.insert_order(&order(1, 11, None))?;
                tx.insert_order(&order(2, 12, None))
            })
            .unwrap();
        assert_eq!(of_locked(&mut storage), []);
        engine.execute("UPDATE accounts SET state = 1");
        assert_eq!(of_locked(&mut storage), [account]);
        engine.execute("UPDATE transactions SET status = 3 WHERE number = 2");
        storage
            .write(|tx| tx.cancel_orders(&[1], Timestamp(2_000)))
            .unwrap();
        assert_eq!(of_locked(&mut storage), [account], "an open order");
        storage
            .write(|tx| tx.cancel_orders(&[2], Timestamp(2_000)))
            .unwrap();
        assert_eq!(of_locked(&mut storage), []);

        let plan = storage.read(|s| Ok(s.plan(&locked_with_orders_sql(s))));
        let Some(plan) = plan.unwrap() else { return };
        for index in ["transactions_queue", "transactions_open"] {
            assert!(plan.contains(index), "{plan}");
        }
        assert!(!plan.contains("transactions_history"), "{plan}");
    });
}
