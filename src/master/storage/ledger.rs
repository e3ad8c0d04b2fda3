//! spec/master/storage/ledger.md · 3.1.7 ("log transactions to users profiles")
//!
//! Reads and writes the ledger: queued and settled orders, and what corporate actions made.

mod rows;

use super::ahead::answers::ReadAhead;
use super::engine::{EngineResult, Parameters, Row, Sql, damaged, params, signed, unsigned};
use super::order_details::{FillBar, OrderDetails};
use super::{Snapshot, StorageError, Tx};
use crate::master::transactions::entitlement::{Families, Trade};
use crate::master::transactions::fill::ActionRow;
use crate::model::{
    AccountId, Action, ActionId, ActionKind, Cause, ClientOrderId, InLieuPrice, Money, Quantity,
    Ratio, Reason, SettlementRank, Side, Symbol, Timestamp, Transaction, TransactionStatus,
};
use rows::{
    END_ORDER, INSERT_FILL_BAR, INSERT_ORDER, INSERT_SETTLED, OPEN_ORDER, SET_AMOUNT,
    SET_LEDGER_POSITION, SET_QUANTITY, SET_SYMBOL,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use uuid::Uuid;

/// A stored transaction with the fields that explain it.
#[derive(Debug, Clone)]
pub struct LedgerEntry {
    pub transaction: Transaction,
    /// Rank of the order at settlement.
    pub rank: SettlementRank,
    /// The worker's timestamp, before it was clamped.
    pub stamped: Timestamp,
    /// Number of the update that settled it.
    pub update: Option<u64>,
    /// The quantity that the client asked for, before any split.
    pub asked: Quantity,
    /// Of a late or corrected split or dividend: the millionths that could not be taken; below zero
    /// those that were not given, because they could not be taken before. `None` in other rows.
    pub written_off: Option<i64>,
    /// What made a row that no client ordered; `None` for splits, dividends and corrections.
    pub cause: Option<Cause>,
    /// The asset of the action that made it, where it is another one.
    pub source: Option<Symbol>,
    /// Market time from which on the order waits for a price of its asset that is believed.
    pub waits_since: Option<Timestamp>,
    /// What is held back for a purchase until it ends; `None` for sales and in old rows.
    pub reserve: Option<Money>,
    /// The first update that the order takes part in; `None` in old rows.
    pub first_update: Option<u64>,
    /// Price of the fill before slippage; `None` where it is the same.
    pub quoted: Option<Money>,
    /// Part of the total, or taken from it; `None` for none.
    pub fee: Option<Money>,
    /// ID of the schedule of a fill's fee and slippage; `None` for none, and in old rows.
    pub fee_schedule: Option<i64>,
    /// What an administrator said of a grant.
    pub note: Option<String>,
}

/// A row that no client ordered, which is settled at once.
#[derive(Debug, Clone, Copy)]
pub struct ActionEntry {
    /// Number and ID of the transaction.
    pub number: i64,
    pub id: Uuid,
    /// Wall time.
    pub accepted: Timestamp,
    pub account: AccountId,
    /// The update that brought the action.
    pub update: u64,
    /// The action's market time.
    pub time: Timestamp,
    pub row: ActionRow,
    /// Of a correction: what it could not take, and below zero what it did not give.
    pub written_off: Option<i64>,
}

/// An order to be stored in the durable queue.
#[derive(Debug, Clone, Copy)]
pub struct NewOrder<'a> {
    /// Rank at settlement. It contains the worker and the sequence number of the link message.
    pub rank: SettlementRank,
    /// Boot ID of the worker's process.
    pub boot: Uuid,
    /// ID of the transaction.
    pub id: Uuid,
    pub account: AccountId,
    pub side: Side,
    pub symbol: Symbol,
    pub quantity: Quantity,
    /// Time of acceptance.
    pub accepted: Timestamp,
    /// The worker's timestamp, before it was clamped.
    pub stamped: Timestamp,
    /// The client's own name for the order.
    pub client_order_id: Option<&'a ClientOrderId>,
    /// Market time from which on it waits; `None` if its asset's price is not held.
    pub waits_since: Option<Timestamp>,
    /// Queued or open.
    pub status: TransactionStatus,
    /// Of a purchase: what is held back until it ends.
    pub reserve: Option<Money>,
    /// The first update that it takes part in.
    pub first_update: u64,
    /// `None`: purchaseAsset or sellAsset.
    pub details: Option<&'a OrderDetails>,
}

/// The status of an order that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingStatus {
    /// Its turn comes with an update.
    Queued,
    /// It waits for a price.
    Open,
}

impl WaitingStatus {
    /// What finds these orders of all accounts, in no order: words behind the name of the table, and
    /// a condition. The words tell SQLite the index that has them alone: left to itself it reads all
    /// transactions. What PostgreSQL has in its place stands in `sql/postgres`.
    pub(super) fn found_by(self, database: &Snapshot<'_>) -> (&'static str, &'static str) {
        let (index, condition) = match self {
            WaitingStatus::Queued => (
                "INDEXED BY transactions_queue",
                Sql {
                    sqlite: "status = 0",
                    postgres: "status = 0
                        AND number BETWEEN coalesce((SELECT number FROM queue_start), 0)
                            AND (SELECT max(number) FROM transactions)",
                },
            ),
            WaitingStatus::Open => (
                "INDEXED BY transactions_open",
                Sql {
                    sqlite: "status = 3",
                    postgres: "status = 3
                        AND number = ANY(ARRAY(SELECT number FROM open_orders))",
                },
            ),
        };
        (index, database.either(condition))
    }

    /// SQL that finds these orders of all accounts, in no order.
    pub(super) fn rows_sql(self, database: &Snapshot<'_>, columns: &str) -> String {
        let (by, condition) = self.found_by(database);
        format!("SELECT {columns} FROM transactions {by} WHERE {condition}")
    }
}

/// What a commit changes of the ledger's position: it is written once, at its end.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LedgerPosition {
    /// The update whose outcomes the ledger has then.
    settled: Option<u64>,
    /// The number of this commit among those that end orders.
    ending: Option<i64>,
}

impl LedgerPosition {
    /// Writes it, where there is anything to write.
    ///
    /// # Errors
    /// The database fails.
    pub fn store(&self, database: &Snapshot<'_>) -> EngineResult<()> {
        if self.settled.is_none() && self.ending.is_none() {
            return Ok(());
        }
        let settled = self.settled.map_or(0, signed);
        database.put(&SET_LEDGER_POSITION, params![settled, self.ending])
    }
}

/// What the ledger says of a fill beyond its price and total.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FillDetails {
    /// The units, where the order was for an amount of money.
    pub units: Option<Quantity>,
    /// The price before slippage, where there was some.
    pub quoted: Option<Money>,
    /// Part of the total, or taken from it, where there was one.
    pub fee: Option<Money>,
    /// ID of the schedule of fee and slippage; `None` where the configuration has none.
    pub fee_schedule: Option<i64>,
    /// The bar that filled an order that waited in the book; `None` where it came from the queue.
    pub bar: Option<FillBar>,
}

/// The outcome of an order at settlement.
#[derive(Debug, Clone, Copy)]
pub enum Settlement {
    /// The order was filled.
    Settled {
        /// Price of one unit.
        price: Money,
        /// Amount that left or entered the cash.
        total: Money,
        /// Market time of the price.
        priced: Timestamp,
        details: FillDetails,
    },
    /// The order was rejected.
    Rejected(Reason),
    /// The order was cancelled, by whom the reason says.
    Cancelled(Reason),
    /// The order's time in force ended.
    Expired,
}

impl Settlement {
    /// The status of the order.
    pub fn status(&self) -> TransactionStatus {
        match self {
            Settlement::Settled { .. } => TransactionStatus::Settled,
            Settlement::Rejected(_) => TransactionStatus::Rejected,
            Settlement::Cancelled(_) => TransactionStatus::Cancelled,
            Settlement::Expired => TransactionStatus::Expired,
        }
    }

    /// Why it was not filled.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Settlement::Settled { .. } => None,
            Settlement::Rejected(reason) | Settlement::Cancelled(reason) => Some(*reason),
            Settlement::Expired => Some(Reason::Expired),
        }
    }
}

/// Where a history ends that is read in several snapshots: what it was in the first of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryBound {
    /// ID of the account's newest transaction.
    pub newest: Uuid,
    /// Number of the last commit that had ended orders. What a later one ended was queued then.
    pub endings: u64,
}

/// What the ledger has of a family of assets for a correction.
#[derive(Debug, Default)]
pub struct FamilyTrades {
    /// The filled orders by account, each account's in the order in which they took effect.
    pub trades: BTreeMap<AccountId, Vec<Trade>>,
    /// By account, asset and side, the sum of what corrections wrote off, in millionths. Below zero
    /// where they could not give all.
    written_off: HashMap<(AccountId, Symbol, Side), i128>,
}

impl FamilyTrades {
    /// What corrections wrote off so far: units of side split, cash of side dividend.
    pub fn written_off(&self, account: AccountId, symbol: Symbol, side: Side) -> i128 {
        let sum = self.written_off.get(&(account, symbol, side));
        sum.copied().unwrap_or_default()
    }

    /// Adds what another row wrote off.
    pub fn write_off(&mut self, account: AccountId, symbol: Symbol, side: Side, left: i64) {
        let sum = self.written_off.entry((account, symbol, side));
        *sum.or_default() += i128::from(left);
    }
}

/// The order in which the rows of an account took effect, as the words after `ORDER BY`: by update,
/// what its actions made, then the orders that it settled, then what administrators did.
pub(super) const TAKING_EFFECT: &str = "update_number NULLS FIRST,
    CASE WHEN transactions.origin IS NOT NULL THEN 1 WHEN cause IN (6, 7) THEN 2 ELSE 0 END,
    CASE WHEN transactions.origin IS NULL THEN number END NULLS FIRST,
    ordered, worker NULLS FIRST, sequence NULLS FIRST, number";

/// SQL that finds the orders that have not ended, in no order, by the indexes that have them alone.
/// `filter` is empty, or begins with `AND` and says which of them.
pub(super) fn waiting_rows_sql(database: &Snapshot<'_>, columns: &str, filter: &str) -> String {
    let [queued, open] = [WaitingStatus::Queued, WaitingStatus::Open]
        .map(|status| status.rows_sql(database, columns));
    format!("{queued} {filter} UNION ALL {open} {filter}")
}

/// Finds locked accounts with orders that have not ended.
fn locked_with_orders_sql(database: &Snapshot<'_>) -> String {
    let waiting = waiting_rows_sql(database, "account", "");
    format!(
        "SELECT DISTINCT account FROM ({waiting}) AS waiting JOIN accounts USING (account)
         WHERE state = 1 ORDER BY account"
    )
}

/// The columns of [`entry`], and the commit that ended it. The terms, which may be joined, have an
/// `asked` of their own.
pub(super) const ENTRY_COLUMNS: &str =
    "number, id, account, side, status, symbol, quantity, accepted, settled, price, total, priced,
    client_order_id, reason, stamped, ordered, update_number, coalesce(sequence, 0), worker,
    transactions.asked, written_off, cause, source, waits_since, reserve, first_update, quoted, fee,
    fee_schedule, note, ending";

/// The number of [`ENTRY_COLUMNS`].
pub(super) const ENTRY_COLUMN_COUNT: usize = 31;

/// The columns of a transaction without what explains it, and the commit that ended it.
const HISTORY_COLUMNS: &str =
    "number, id, account, side, status, symbol, quantity, accepted, settled, price, total, priced,
    client_order_id, reason, ending";

/// Reads a transaction from the columns `id` to `reason`, of which `id` is the second.
pub(super) fn transaction(row: &Row<'_>) -> EngineResult<Transaction> {
    let client_order_id: Option<String> = row.get(12)?;
    let reason: Option<String> = row.get(13)?;
    Ok(Transaction {
        id: Uuid::from_bytes(row.get(1)?),
        account: AccountId(row.get(2)?),
        side: Side::from_number(row.get(3)?).ok_or_else(|| damaged("no such side"))?,
        status: TransactionStatus::from_number(row.get(4)?)
            .ok_or_else(|| damaged("no such status"))?,
        symbol: symbol(&row.get::<String>(5)?)?,
        quantity: Quantity(row.get(6)?),
        accepted: Timestamp(row.get(7)?),
        settled: row.get::<Option<i64>>(8)?.map(Timestamp),
        price: row.get::<Option<i64>>(9)?.map(Money),
        total: row.get::<Option<i64>>(10)?.map(Money),
        priced: row.get::<Option<i64>>(11)?.map(Timestamp),
        client_order_id: client_order_id.and_then(|id| ClientOrderId::parse(&id).ok()),
        reason: reason.and_then(|code| Reason::from_name(&code)),
    })
}

/// Reads an entry from [`ENTRY_COLUMNS`].
pub(super) fn entry(row: &Row<'_>) -> EngineResult<LedgerEntry> {
    let number: i64 = row.get(0)?;
    let transaction = transaction(row)?;
    let rank = SettlementRank {
        timestamp: Timestamp(row.get(15)?),
        worker: row
            .get::<Option<[u8; 16]>>(18)?
            .map_or(Uuid::nil(), Uuid::from_bytes),
        sequence: u64::try_from(row.get::<i64>(17)?).unwrap_or(0),
        number,
    };
    let update = row
        .get::<Option<i64>>(16)?
        .and_then(|number| u64::try_from(number).ok());
    Ok(LedgerEntry {
        transaction,
        rank,
        stamped: Timestamp(row.get(14)?),
        update,
        asked: Quantity(row.get(19)?),
        written_off: row.get(20)?,
        cause: row.get::<Option<u8>>(21)?.and_then(Cause::from_number),
        source: row
            .get::<Option<String>>(22)?
            .map(|text| symbol(&text))
            .transpose()?,
        waits_since: row.get::<Option<i64>>(23)?.map(Timestamp),
        reserve: row.get::<Option<i64>>(24)?.map(Money),
        first_update: row.get::<Option<i64>>(25)?.map(unsigned),
        quoted: row.get::<Option<i64>>(26)?.map(Money),
        fee: row.get::<Option<i64>>(27)?.map(Money),
        fee_schedule: row.get(28)?,
        note: row.get(29)?,
    })
}

/// Whether the commit of this number has ended an order after a bound. `None`: it ended before such
/// numbers were stored, has not ended, or is no order.
fn has_ended_since(bound: &HistoryBound, ending: Option<i64>) -> bool {
    ending.is_some_and(|ending| unsigned(ending) > bound.endings)
}

/// An order as it was before it ended: open where it waited for a price, else queued.
fn as_before_its_end(
    database: &Snapshot<'_>,
    number: i64,
    transaction: Transaction,
) -> EngineResult<Transaction> {
    let waited: bool = database
        .prepare_cached(
            "SELECT waits_since IS NOT NULL
                 OR EXISTS (SELECT 1 FROM order_terms AS t WHERE t.number = transactions.number AND kind > 0)
             FROM transactions WHERE number = ?1",
        )?
        .query_row([number], |row| row.get(0))?;
    Ok(Transaction {
        status: if waited {
            TransactionStatus::Open
        } else {
            TransactionStatus::Queued
        },
        settled: None,
        price: None,
        total: None,
        priced: None,
        reason: None,
        ..transaction
    })
}

/// Parses the symbol of a row.
pub(super) fn symbol(text: &str) -> EngineResult<Symbol> {
    Symbol::parse(text).map_err(|_| damaged("no symbol"))
}

/// The columns of an action for [`action`].
pub(super) const ACTION_COLUMNS: &str =
    "symbol, time, kind, numerator, denominator, number, id, late, target, cash, in_lieu,
    in_lieu_update";

/// Reads an action, with the number of its update.
pub(super) fn action(row: &Row<'_>) -> EngineResult<(u64, Action)> {
    let (kind, numerator, denominator): (u8, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let ratio = Ratio::new(unsigned(numerator), unsigned(denominator));
    let ratio = ratio.ok_or_else(|| damaged("no ratio"))?;
    let cash = Money(row.get(9)?);
    let target = || symbol(&row.get::<String>(8)?);
    let kind = match kind {
        ActionKind::CANCEL => ActionKind::Cancel,
        ActionKind::SPLIT => ActionKind::Split(ratio),
        ActionKind::DIVIDEND => ActionKind::Dividend(Money(numerator)),
        ActionKind::SPIN_OFF => ActionKind::SpinOff {
            new: target()?,
            ratio,
        },
        ActionKind::RENAME => ActionKind::Rename(target()?),
        ActionKind::MERGE => ActionKind::Merge {
            new: target()?,
            ratio,
            cash,
        },
        ActionKind::DELIST => ActionKind::Delist(cash),
        _ => return Err(damaged("no such kind of action")),
    };
    let in_lieu = row.get::<Option<i64>>(10)?;
    let in_lieu_update = row.get::<Option<i64>>(11)?;
    let id = ActionId::stored(&row.get::<String>(6)?);
    let action = Action {
        time: Timestamp(row.get(1)?),
        symbol: symbol(&row.get::<String>(0)?)?,
        kind,
        id: Some(id.map_err(|_| damaged("no name of an action"))?),
        is_late: row.get(7)?,
        in_lieu: in_lieu
            .zip(in_lieu_update)
            .map(|(value, update)| InLieuPrice {
                value: Money(value),
                update: unsigned(update),
            }),
    };
    Ok((unsigned(row.get(5)?), action))
}

/// The columns `numerator, denominator, cash` of an action.
pub(in crate::master) fn action_terms(kind: ActionKind) -> (i64, i64, i64) {
    let terms = |ratio: Ratio| (signed(ratio.numerator()), signed(ratio.denominator()));
    let ((numerator, denominator), cash) = match kind {
        ActionKind::Split(ratio) | ActionKind::SpinOff { ratio, .. } => (terms(ratio), 0),
        ActionKind::Merge { ratio, cash, .. } => (terms(ratio), cash.0),
        ActionKind::Dividend(cash) => ((cash.0, 1), 0),
        ActionKind::Delist(price) => ((1, 1), price.0),
        ActionKind::Rename(_) | ActionKind::Cancel => ((1, 1), 0),
    };
    (numerator, denominator, cash)
}

fn find(
    database: &Snapshot<'_>,
    filter: &str,
    values: impl Parameters,
) -> Result<Option<LedgerEntry>, StorageError> {
    let sql = format!(
        "SELECT {ENTRY_COLUMNS} FROM transactions LEFT JOIN origins USING (origin) WHERE {filter}"
    );
    database.prepare_cached(&sql)?.query_optional(values, entry)
}

/// The key of a worker's process that has sent an order before.
fn find_origin(database: &Snapshot<'_>, worker: &Uuid, boot: &Uuid) -> EngineResult<Option<i64>> {
    database
        .prepare_cached("SELECT origin FROM origins WHERE worker = ?1 AND boot = ?2")?
        .query_optional([worker.as_bytes(), boot.as_bytes()], |row| row.get(0))
}

/// The key of a worker's process; inserts it if it is new.
fn origin(database: &Snapshot<'_>, worker: &Uuid, boot: &Uuid) -> EngineResult<i64> {
    if let Some(origin) = find_origin(database, worker, boot)? {
        return Ok(origin);
    }
    database
        .prepare_cached("INSERT INTO origins (worker, boot) VALUES (?1, ?2) RETURNING origin")?
        .query_row(params![worker.as_bytes(), boot.as_bytes()], |row| {
            row.get(0)
        })
}

/// The number of a commit among those that end orders, from 1 on.
fn ending_of(tx: &mut Tx<'_>) -> Result<i64, StorageError> {
    if let Some(ending) = tx.position.ending {
        return Ok(ending);
    }
    let before = match tx.ahead().and_then(ReadAhead::endings) {
        Some(endings) => endings,
        None => tx
            .prepare_cached("SELECT endings FROM ledger_position")?
            .query_row([], |row| row.get(0))?,
    };
    let ending = before + 1;
    tx.position.ending = Some(ending);
    Ok(ending)
}

/// Stores the outcomes of orders that have not ended, given by number, with the bars that filled
/// them. `update` is none where they end between two updates.
fn end_all<'a>(
    tx: &mut Tx<'_>,
    outcomes: impl IntoIterator<Item = (i64, &'a Settlement)>,
    settled: Timestamp,
    update: Option<u64>,
) -> Result<(), StorageError> {
    let mut outcomes = outcomes.into_iter().peekable();
    if outcomes.peek().is_none() {
        return Ok(());
    }
    let ending = ending_of(tx)?;
    // One look into the cache of statements for all.
    let mut ends = tx.snapshot.writer(&END_ORDER)?;
    for (number, outcome) in outcomes {
        let (filled, details) = match outcome {
            Settlement::Settled {
                price,
                total,
                priced,
                details,
            } => (Some((price.0, total.0, priced.0)), *details),
            Settlement::Rejected(_) | Settlement::Cancelled(_) | Settlement::Expired => {
                (None, FillDetails::default())
            }
        };
        ends.put(params![
            number,
            outcome.status() as u8,
            settled.0,
            filled.map(|filled| filled.0),
            filled.map(|filled| filled.1),
            filled.map(|filled| filled.2),
            outcome.reason().map(Reason::as_str),
            update.map(signed),
            details.units.map(|units| units.0),
            details.quoted.map(|price| price.0),
            details.fee.map(|fee| fee.0),
            ending,
            details.fee_schedule,
        ])?;
        if let Some(bar) = details.bar {
            let row = params![number, bar.open.0, bar.high.0, bar.low.0];
            tx.snapshot.put(&INSERT_FILL_BAR, row)?;
        }
    }
    Ok(())
}

impl Snapshot<'_> {
    /// The highest number that an order has had.
    ///
    /// # Errors
    /// The database fails.
    pub fn last_number(&mut self) -> Result<i64, StorageError> {
        let database = &*self;
        let sql = "SELECT coalesce(max(number), 0) FROM transactions";
        database.query_row(sql, [], |row| row.get(0))
    }

    /// The latest time of acceptance.
    ///
    /// # Errors
    /// The database fails.
    pub fn last_accepted(&mut self) -> Result<Timestamp, StorageError> {
        let database = &*self;
        let sql = "SELECT accepted FROM transactions ORDER BY number DESC LIMIT 1";
        let last = database.query_optional(sql, [], |row| row.get(0))?;
        Ok(Timestamp(last.unwrap_or(0)))
    }

    /// The last update whose outcomes the ledger has.
    ///
    /// # Errors
    /// The database fails.
    pub fn settled_update(&mut self) -> Result<u64, StorageError> {
        let database = &*self;
        let sql = "SELECT settled FROM ledger_position";
        database.query_row(sql, [], |row| row.get(0).map(unsigned))
    }

    /// Finds the order that a link message brought, by worker, boot ID and sequence number.
    ///
    /// # Errors
    /// The database fails.
    pub fn order_by_message(
        &mut self,
        worker: &Uuid,
        boot: &Uuid,
        sequence: u64,
    ) -> Result<Option<LedgerEntry>, StorageError> {
        let database = &*self;
        if let Some(ahead) = database.ahead()
            && ahead.is_new_message(worker, boot, signed(sequence))
        {
            return Ok(None);
        }
        let Some(origin) = find_origin(database, worker, boot)? else {
            return Ok(None);
        };
        let filter = "transactions.origin = ?1 AND sequence = ?2";
        find(database, filter, params![origin, signed(sequence)])
    }

    /// Finds an account's order by its client order ID.
    ///
    /// # Errors
    /// The database fails.
    pub fn order_by_client(
        &mut self,
        account: AccountId,
        id: &ClientOrderId,
    ) -> Result<Option<LedgerEntry>, StorageError> {
        let database = &*self;
        if let Some(ahead) = database.ahead()
            && ahead.is_new_name(account, id)
        {
            return Ok(None);
        }
        let filter = "account = ?1 AND client_order_id = ?2";
        find(database, filter, params![account.0, id.as_str()])
    }

    /// Finds an account's transaction by its ID.
    ///
    /// # Errors
    /// The database fails.
    pub fn transaction(
        &mut self,
        account: AccountId,
        id: &Uuid,
    ) -> Result<Option<LedgerEntry>, StorageError> {
        let database = &*self;
        let filter = "account = ?1 AND id = ?2";
        find(database, filter, params![account.0, id.as_bytes()])
    }

    /// The bound of an account's history as it is now; `None` while it has no transaction.
    ///
    /// # Errors
    /// The database fails.
    pub fn history_bound(
        &mut self,
        account: AccountId,
    ) -> Result<Option<HistoryBound>, StorageError> {
        let database = &*self;
        let sql = "SELECT id, (SELECT endings FROM ledger_position) FROM transactions
             WHERE account = ?1 ORDER BY id DESC LIMIT 1";
        let read = |row: &Row<'_>| -> EngineResult<HistoryBound> {
            Ok(HistoryBound {
                newest: Uuid::from_bytes(row.get(0)?),
                endings: unsigned(row.get(1)?),
            })
        };
        let mut statement = database.prepare_cached(sql)?;
        statement.query_optional([account.0], read)
    }

    /// Calls `each` for an account's transactions from the ID `from` on, newest first, as they were
    /// at the bound: an order that has ended since is queued. Its quantity alone is today's,
    /// which a split since may have changed. Ends after `limit` transactions, where none is left,
    /// or where `each` breaks off.
    ///
    /// # Errors
    /// The database fails.
    pub fn history(
        &mut self,
        account: AccountId,
        bound: &HistoryBound,
        from: Uuid,
        limit: usize,
        mut each: impl FnMut(Transaction) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let database = &*self;
        let sql = format!(
            "SELECT {HISTORY_COLUMNS} FROM transactions WHERE account = ?1 AND id <= ?2 ORDER BY id DESC LIMIT ?3"
        );
        let mut statement = database.prepare_cached(&sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![account.0, from.as_bytes(), limit])?;
        while let Some(row) = rows.next()? {
            let mut transaction = transaction(&row)?;
            if has_ended_since(bound, row.get(14)?) {
                transaction = as_before_its_end(database, row.get(0)?, transaction)?;
            }
            if each(transaction).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// An account's transactions with what explains them, as [`Snapshot::history`] has them: from
    /// the ID `from` on, newest first, as they were at the bound, at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    pub fn entries(
        &mut self,
        account: AccountId,
        bound: &HistoryBound,
        from: Uuid,
        limit: usize,
    ) -> Result<Vec<LedgerEntry>, StorageError> {
        let database = &*self;
        let sql = format!(
            "SELECT {ENTRY_COLUMNS} FROM transactions LEFT JOIN origins USING (origin)
             WHERE account = ?1 AND id <= ?2 ORDER BY id DESC LIMIT ?3"
        );
        let mut statement = database.prepare_cached(&sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let at_bound = |row: &Row<'_>| {
            let mut entry = entry(row)?;
            if has_ended_since(bound, row.get(ENTRY_COLUMN_COUNT - 1)?) {
                let number = entry.rank.number;
                entry.transaction = as_before_its_end(database, number, entry.transaction)?;
                entry.update = None;
                entry.quoted = None;
                entry.fee = None;
                entry.fee_schedule = None;
            }
            Ok(entry)
        };
        let rows = statement.query_map(params![account.0, from.as_bytes(), limit], at_bound)?;
        rows.collect()
    }

    /// The accounts that are locked and have orders that are not settled.
    ///
    /// # Errors
    /// The database fails.
    pub fn locked_with_orders(&mut self) -> Result<Vec<AccountId>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare(&locked_with_orders_sql(database))?;
        let rows = statement.query_map([], |row| row.get(0).map(AccountId))?;
        rows.collect()
    }

    /// The actions of updates up to `update` that the ledger does not have yet, and corrections, in
    /// order, each with the number of its update.
    ///
    /// # Errors
    /// The database fails.
    pub fn actions_to_apply(&mut self, update: u64) -> Result<Vec<(u64, Action)>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(&format!(
            "SELECT {ACTION_COLUMNS} FROM actions
             WHERE number > (SELECT acted FROM ledger_position) AND number <= ?1
             ORDER BY number, time, kind, symbol, id"
        ))?;
        let rows = statement.query_map([signed(update)], action)?;
        rows.collect()
    }

    /// The actions whose fractions got their price after they came, with an update up to `update`
    /// that the ledger does not have yet, each with the number of that update, in order.
    ///
    /// # Errors
    /// The database fails.
    pub fn fractions_to_pay(&mut self, update: u64) -> Result<Vec<(u64, Action)>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(&format!(
            "SELECT {ACTION_COLUMNS} FROM actions
             WHERE in_lieu_update > number AND number > 0
                AND in_lieu_update > (SELECT acted FROM ledger_position) AND in_lieu_update <= ?1
             ORDER BY in_lieu_update, time, kind, symbol, id"
        ))?;
        let mut actions = Vec::new();
        for row in statement.query_map([signed(update)], action)? {
            let (number, action) = row?;
            actions.push((action.in_lieu.map_or(number, |price| price.update), action));
        }
        Ok(actions)
    }

    /// The families of assets that the actions up to update `until` have made.
    ///
    /// # Errors
    /// The database fails.
    pub fn families(&mut self, until: u64) -> Result<Families, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(
            "SELECT DISTINCT symbol, target FROM actions WHERE target IS NOT NULL AND number <= ?1",
        )?;
        let rows = statement.query_map([signed(until)], |row| {
            let read = |column| symbol(&row.get::<String>(column)?);
            Ok((read(0)?, read(1)?))
        })?;
        let pairs: Vec<(Symbol, Symbol)> = rows.collect::<EngineResult<_>>()?;
        Ok(Families::of(pairs))
    }

    /// The terms that actions of these assets have had, in the order of their updates, without those
    /// that were in force before the asset was listed.
    ///
    /// # Errors
    /// The database fails.
    pub fn action_revisions(
        &mut self,
        symbols: &BTreeSet<Symbol>,
    ) -> Result<Vec<(u64, Action)>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached(&format!(
            "SELECT {ACTION_COLUMNS} FROM actions WHERE symbol = ?1 AND number > 0"
        ))?;
        let mut revisions: Vec<(u64, Action)> = Vec::new();
        for symbol in symbols {
            for row in statement.query_map([symbol.as_str()], action)? {
                revisions.push(row?);
            }
        }
        revisions.sort_by_key(|(update, action)| (*update, action.place()));
        Ok(revisions)
    }

    /// What the ledger has of these families for a correction, each named by the asset that stands
    /// for it; nothing of those that nobody traded. Reads the whole ledger, once for all of them.
    ///
    /// # Errors
    /// The database fails.
    pub fn trades(
        &mut self,
        families: &Families,
        firsts: &BTreeSet<Symbol>,
    ) -> Result<BTreeMap<Symbol, FamilyTrades>, StorageError> {
        let database = &*self;
        let listed = database.either(Sql {
            sqlite: "SELECT value FROM json_each(?1)",
            postgres: "SELECT json_array_elements_text(CAST(?1 AS json))",
        });
        let mut statement = database.scan(&format!(
            "SELECT symbol, account, side, quantity, price, priced, update_number, written_off
             FROM transactions LEFT JOIN origins USING (origin)
             WHERE symbol IN ({listed}) AND status = 1
                 AND (side IN (1, 2) AND (cause IS NULL OR cause = ?2) OR written_off <> 0)
             ORDER BY {TAKING_EFFECT}"
        ))?;
        let symbols: BTreeSet<Symbol> = firsts
            .iter()
            .flat_map(|first| families.members(*first))
            .collect();
        let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
        let names = serde_json::json!(names).to_string();
        let mut rows = statement.query(params![names, Cause::Restart as u8])?;
        let mut all: BTreeMap<Symbol, FamilyTrades> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let symbol = symbol(&row.get::<String>(0)?)?;
            let family = all.entry(families.first(symbol)).or_default();
            let account = AccountId(row.get(1)?);
            let side = Side::from_number(row.get(2)?).ok_or_else(|| damaged("no such side"))?;
            match side {
                Side::Buy | Side::Sell => family.trades.entry(account).or_default().push(Trade {
                    symbol,
                    side,
                    quantity: Quantity(row.get(3)?),
                    price: Money(row.get::<Option<i64>>(4)?.unwrap_or(0)),
                    priced: Timestamp(row.get::<Option<i64>>(5)?.unwrap_or(0)),
                    update: unsigned(row.get::<Option<i64>>(6)?.unwrap_or(0)),
                }),
                Side::Split | Side::Dividend => {
                    let left: Option<i64> = row.get(7)?;
                    family.write_off(account, symbol, side, left.unwrap_or(0));
                }
            }
        }
        Ok(all)
    }

    /// The latest rows that could not take all that they should, newest first, with the amount.
    ///
    /// # Errors
    /// The database fails.
    pub fn written_off(&mut self, most: usize) -> Result<Vec<(Transaction, i64)>, StorageError> {
        let database = &*self;
        let sql = format!(
            "SELECT {ENTRY_COLUMNS} FROM transactions LEFT JOIN origins USING (origin)
             WHERE written_off > 0 ORDER BY number DESC LIMIT ?1"
        );
        let mut statement = database.prepare(&sql)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = statement.query_map([most], entry)?;
        let rows = rows.map(|row| row.map(|row| (row.transaction, row.written_off.unwrap_or(0))));
        rows.collect()
    }
}

impl Tx<'_> {
    /// Stores an order in the durable queue. False if its number, ID, link message or client order
    /// ID is taken; then nothing has changed, and the database transaction goes on.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_order(&mut self, order: &NewOrder<'_>) -> Result<bool, StorageError> {
        let database = &self.snapshot;
        let (worker, boot) = (order.rank.worker, order.boot);
        // A worker's orders mostly come together.
        let last = self
            .origin
            .filter(|(of, at, _)| *of == worker && *at == boot);
        let origin = match last {
            Some((_, _, origin)) => origin,
            None => match database.ahead().and_then(|it| it.origin(&worker, &boot)) {
                Some(origin) => origin,
                None => origin(database, &worker, &boot)?,
            },
        };
        self.origin = Some((worker, boot, origin));
        let is_new = database.ahead().is_some_and(|ahead| {
            let message = (worker, boot, signed(order.rank.sequence));
            ahead.is_new(message, order.account, order.client_order_id)
        });
        let row = params![
            order.rank.number,
            order.id.as_bytes(),
            order.account.0,
            order.side as u8,
            order.symbol.as_str(),
            order.quantity.0,
            order.accepted.0,
            order.client_order_id.map(ClientOrderId::as_str),
            origin,
            signed(order.rank.sequence),
            order.stamped.0,
            order.rank.timestamp.0,
            order.waits_since.map(|since| since.0),
            order.status as u8,
            order.reserve.map(|reserve| reserve.0),
            signed(order.first_update),
        ];
        let is_inserted = if is_new {
            database.put(&INSERT_ORDER, row)?;
            true
        } else {
            database.prepare_cached(INSERT_ORDER.one)?.execute(row)? == 1
        };
        if is_inserted && let Some(details) = order.details {
            self.insert_details(order, details, is_new)?;
        }
        Ok(is_inserted)
    }

    /// Stores the outcomes of orders that have not ended, given by number, all at one time and with
    /// one update.
    ///
    /// # Errors
    /// An order has ended, or the database fails.
    pub fn settle_orders(
        &mut self,
        outcomes: &[(i64, Settlement)],
        settled: Timestamp,
        update: u64,
    ) -> Result<(), StorageError> {
        let outcomes = outcomes.iter().map(|(number, outcome)| (*number, outcome));
        end_all(self, outcomes, settled, Some(update))
    }

    /// Notes that the ledger has what this update did, be it that no order ended: so that no bar is
    /// tested twice.
    pub fn set_settled_update(&mut self, update: u64) {
        self.position.settled = self.position.settled.max(Some(update));
    }

    /// Stores the outcome of an order that has not ended; without an update it ends between two.
    ///
    /// # Errors
    /// The order has ended, or the database fails.
    pub fn end_order(
        &mut self,
        number: i64,
        outcome: &Settlement,
        settled: Timestamp,
    ) -> Result<(), StorageError> {
        end_all(self, [(number, outcome)], settled, None)
    }

    /// Cancels orders that have not ended, given by number, in one commit between two updates.
    ///
    /// # Errors
    /// An order has ended, or the database fails.
    pub fn cancel_orders(&mut self, numbers: &[i64], now: Timestamp) -> Result<(), StorageError> {
        let outcome = Settlement::Cancelled(Reason::Cancelled);
        let outcomes = numbers.iter().map(|number| (*number, &outcome));
        end_all(self, outcomes, now, None)
    }

    /// Takes the texts of people from all transactions of an account: its owner's clientOrderIDs,
    /// and the reasons of grants, which become `-`.
    ///
    /// # Errors
    /// The database fails.
    pub fn forget_texts(&mut self, account: AccountId) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached(
                "UPDATE transactions
                 SET client_order_id = NULL, note = CASE WHEN note IS NOT NULL THEN '-' END
                 WHERE account = ?1 AND (client_order_id IS NOT NULL OR note IS NOT NULL)",
            )?
            .execute([account.0])?;
        database
            .prepare_cached(
                "UPDATE order_terms SET asked = NULL WHERE asked IS NOT NULL
                 AND number IN (SELECT number FROM transactions WHERE account = ?1)",
            )?
            .execute([account.0])?;
        Ok(())
    }

    /// Opens a queued order: it waits for a price of its asset from this market time on.
    ///
    /// # Errors
    /// The order is not queued, or the database fails.
    pub fn open_order(&mut self, number: i64, since: Timestamp) -> Result<(), StorageError> {
        self.snapshot.put(&OPEN_ORDER, params![number, since.0])
    }

    /// Changes quantity and reserve of an order that has not ended, because of a split.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_order_amount(
        &mut self,
        number: i64,
        quantity: Quantity,
        reserve: Option<Money>,
    ) -> Result<(), StorageError> {
        let row = params![number, quantity.0, reserve.map(|reserve| reserve.0)];
        self.snapshot.put(&SET_AMOUNT, row)
    }

    /// Changes the quantity of an order that has not ended, because of a split.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_order_quantity(
        &mut self,
        number: i64,
        quantity: Quantity,
    ) -> Result<(), StorageError> {
        self.snapshot
            .put(&SET_QUANTITY, params![number, quantity.0])
    }

    /// Changes the asset of an order that has not ended, because of a rename.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_order_symbol(&mut self, number: i64, symbol: Symbol) -> Result<(), StorageError> {
        self.snapshot
            .put(&SET_SYMBOL, params![number, symbol.as_str()])
    }

    /// Stores the transaction of an action, which is settled at once.
    ///
    /// # Errors
    /// The database fails.
    pub fn insert_settled(&mut self, entry: &ActionEntry) -> Result<(), StorageError> {
        let row = &entry.row;
        self.snapshot.put(
            &INSERT_SETTLED,
            params![
                entry.number,
                entry.id.as_bytes(),
                entry.account.0,
                row.side as u8,
                row.symbol.as_str(),
                row.quantity.0,
                entry.accepted.0,
                row.price.map(|price| price.0),
                row.total.0,
                entry.time.0,
                signed(entry.update),
                entry.written_off,
                row.cause.map(|cause| cause as u8),
                row.source.as_ref().map(Symbol::as_str),
                Some(row.moved_cost.0).filter(|cost| *cost != 0),
            ],
        )
    }

    /// Stores what an administrator says of a grant, given by its number.
    ///
    /// # Errors
    /// The row is no grant, or the database fails.
    pub fn set_note(&mut self, number: i64, note: &str) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached("UPDATE transactions SET note = ?2 WHERE number = ?1")?
            .execute(params![number, note])?;
        Ok(())
    }

    /// Records that the ledger has the actions of all updates up to this one.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_actions_applied(&mut self, update: u64) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database
            .prepare_cached("UPDATE ledger_position SET acted = ?1, settled = CASE WHEN settled > ?1 THEN settled ELSE ?1 END")?
            .execute([signed(update)])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
