//! spec/master/assets/store.md · 3.1.6 (past values), 3.1.2
//!
//! The stored bars, as they are written; `reader` reads them. New ones come in by update (`bars_hot`), are moved in slices to where one asset's bars lie
//! together (`bars`), and are rolled up by day and month on the way.

use super::provider::{Action, ActionKind, Resolution};
use crate::model::{Amount, Bar, Money, Side, Stamp, Symbol};
use rusqlite::{CachedStatement, Connection, Row, Transaction, TransactionBehavior, params};
use std::collections::HashMap;
use std::sync::Arc;

/// Updates that gather in `bars_hot` before their bars are moved.
pub const HOT_UPDATES: i64 = 64;

/// Assets whose bars are moved in one transaction: some 15 ms, so that a question does not wait long.
const SLICE: usize = 64;

/// What the database says went wrong.
pub type Result<T> = rusqlite::Result<T>;

/// An asset's number in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetId(pub(super) i64);

/// Where the module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Number of the last update.
    pub number: u64,
    /// Market time of its step.
    pub time: Option<Stamp>,
    /// No step follows.
    pub exhausted: bool,
}

/// How far an asset's past is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Up to and with this time.
    pub to: Option<Stamp>,
    /// Nothing is missing.
    pub whole: bool,
}

/// A page of one asset's past.
#[derive(Debug, Clone)]
pub struct Page {
    /// Whose.
    pub asset: AssetId,
    /// In order of time, all later than what was filled in before.
    pub bars: Vec<Bar>,
    /// What they are.
    pub resolution: Resolution,
    /// The past is complete up to and with this time; `None`: no further than before.
    pub to: Option<Stamp>,
    /// Nothing is missing.
    pub whole: bool,
    /// Splits and dividends that were in force before anybody held the asset.
    pub actions: Vec<Action>,
}

/// What is being moved out of `bars_hot`.
#[derive(Debug, Clone, Copy)]
struct Move {
    /// The updates `first` to `last` are moved.
    first: i64,
    last: i64,
    /// The next asset, as a place in `ids`.
    next: usize,
}

/// The stored bars.
pub struct Store {
    database: Connection,
    assets: Arc<HashMap<Symbol, AssetId>>,
    /// Sorted; those of the list.
    ids: Vec<AssetId>,
    /// Updates in `bars_hot`: from `hot.0` up to and without `hot.1`.
    hot: (i64, i64),
    moving: Option<Move>,
    /// Up to which day the days are a provider's own, and ours do not count.
    own_days: HashMap<AssetId, Stamp>,
    /// Bars of `bars` older than this, in milliseconds before the newest, are deleted; `None`: kept.
    keep_ticks: Option<i64>,
}

/// Numbers of updates and volumes fit; what cannot is a damaged database, read as 0.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads `time, open, high, low, close, volume`.
pub(super) fn bar_of(row: &Row<'_>) -> Result<Bar> {
    Ok(Bar {
        time: Stamp(row.get(0)?),
        open: Money(row.get(1)?),
        high: Money(row.get(2)?),
        low: Money(row.get(3)?),
        close: Money(row.get(4)?),
        volume: unsigned(row.get(5)?),
    })
}

/// Fills `?1` with a key and the rest with a bar.
fn put(statement: &mut CachedStatement<'_>, key: i64, bar: &Bar) -> Result<usize> {
    statement.execute(params![
        key,
        bar.time.0,
        bar.open.0,
        bar.high.0,
        bar.low.0,
        bar.close.0,
        signed(bar.volume)
    ])
}

/// What a bar's time becomes in a roll-up: the start of its period.
pub(super) type Period = fn(Stamp) -> Stamp;

/// The two roll-ups.
pub(super) const ROLL_UPS: [(&str, Period); 2] = [("bars_daily", Stamp::day), ("bars_monthly", Stamp::month)];

/// Puts bars together that fall into one period; they come in order of time.
pub(super) fn roll_up(bars: impl IntoIterator<Item = Bar>, period: Period) -> Vec<Bar> {
    let mut rolled: Vec<Bar> = Vec::new();
    for mut bar in bars {
        bar.time = period(bar.time);
        match rolled.last_mut() {
            Some(last) if last.time == bar.time => last.merge(&bar),
            _ => rolled.push(bar),
        }
    }
    rolled
}

/// Whether a bar is rolled up: the provider's own day does not need it.
pub(super) fn counts(bar: &Bar, own: Option<Stamp>) -> bool {
    own.is_none_or(|own| bar.time.day() > own)
}

/// Stores one asset's bars, which are all later than what `bars` holds of it, and rolls up those of days
/// after `own`.
fn absorb(tx: &Transaction<'_>, asset: AssetId, bars: &[Bar], own: Option<Stamp>) -> Result<()> {
    let mut insert = tx.prepare_cached("INSERT INTO bars VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for bar in bars {
        put(&mut insert, asset.0, bar)?;
    }
    for (table, period) in ROLL_UPS {
        let mut merge = tx.prepare_cached(&format!(
            "INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (asset, time) DO UPDATE SET high = max(high, excluded.high),
             low = min(low, excluded.low), close = excluded.close,
             volume = min(volume, 9223372036854775807 - excluded.volume) + excluded.volume"
        ))?;
        let ours = bars.iter().copied().filter(|bar| counts(bar, own));
        for bar in roll_up(ours, period) {
            put(&mut merge, asset.0, &bar)?;
        }
    }
    Ok(())
}

/// Stores actions that are in force from the update of this number on; those that are known stay as they are.
fn insert_actions(tx: &Transaction<'_>, actions: &[Action], number: i64) -> Result<()> {
    let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO actions VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for action in actions {
        let (kind, value) = match action.kind {
            ActionKind::Split(ratio) => (Side::Split, ratio.0),
            ActionKind::Dividend(cash) => (Side::Dividend, cash.0),
        };
        insert.execute(params![
            action.symbol.as_str(),
            action.time.0,
            kind as u8,
            value,
            number
        ])?;
    }
    Ok(())
}

/// Stores whole days as they were, whatever was there, and rolls the months they lie in up again.
fn set_days(tx: &Transaction<'_>, asset: AssetId, days: &[Bar]) -> Result<()> {
    let mut replace =
        tx.prepare_cached("INSERT OR REPLACE INTO bars_daily VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for bar in days {
        let day = Bar {
            time: bar.time.day(),
            ..*bar
        };
        put(&mut replace, asset.0, &day)?;
    }
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Ok(());
    };
    let mut read = tx.prepare_cached(
        "SELECT time, open, high, low, close, volume FROM bars_daily
         WHERE asset = ?1 AND time >= ?2 AND time < ?3 ORDER BY time",
    )?;
    let end = last.time.month().plus_days(31).plus_days(1).month();
    let all: Vec<Bar> = read
        .query_map(params![asset.0, first.time.month().0, end.0], bar_of)?
        .collect::<Result<_>>()?;
    let mut month =
        tx.prepare_cached("INSERT OR REPLACE INTO bars_monthly VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for bar in roll_up(all, Stamp::month) {
        put(&mut month, asset.0, &bar)?;
    }
    Ok(())
}

impl Store {
    /// On a database whose migrations have been applied. `keep_ticks`: milliseconds before the newest bar
    /// for which an asset's bars are kept at the update interval's frequency; `None` for ever.
    ///
    /// # Errors
    /// The database.
    pub fn open(database: Connection, keep_ticks: Option<i64>) -> Result<Store> {
        database.set_prepared_statement_cache_capacity(64);
        let hot = database.query_row(
            "SELECT coalesce((SELECT min(number) FROM bars_hot), 0), coalesce((SELECT max(number) + 1 FROM bars_hot), 0)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(Store {
            database,
            assets: Arc::default(),
            ids: Vec::new(),
            hot,
            moving: None,
            own_days: HashMap::new(),
            keep_ticks,
        })
    }

    /// Makes these the assets that the store knows; each gets a number that it keeps for good.
    ///
    /// # Errors
    /// The database.
    pub fn set_assets(&mut self, symbols: &[Symbol]) -> Result<()> {
        let tx = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut assets = HashMap::with_capacity(symbols.len());
        {
            let mut add = tx.prepare_cached("INSERT OR IGNORE INTO assets (symbol) VALUES (?1)")?;
            let mut find = tx.prepare_cached("SELECT id FROM assets WHERE symbol = ?1")?;
            for symbol in symbols {
                add.execute([symbol.as_str()])?;
                let id = find.query_row([symbol.as_str()], |row| row.get(0))?;
                assets.insert(*symbol, AssetId(id));
            }
        }
        tx.commit()?;
        self.ids = assets.values().copied().collect();
        // Bars of assets that left the list are moved all the same.
        let mut left = self.database.prepare("SELECT DISTINCT asset FROM bars_hot")?;
        let left = left.query_map([], |row| row.get(0).map(AssetId))?;
        self.ids.extend(left.collect::<Result<Vec<_>>>()?);
        self.ids.sort_unstable();
        self.ids.dedup();
        let mut own = self
            .database
            .prepare("SELECT id, filled_to FROM assets WHERE own_days = 1 AND filled_to IS NOT NULL")?;
        let own = own.query_map([], |row| Ok((AssetId(row.get(0)?), Stamp(row.get(1)?))))?;
        self.own_days = own.collect::<Result<_>>()?;
        self.assets = Arc::new(assets);
        self.moving = None;
        Ok(())
    }

    /// Every asset that was ever listed, sorted.
    ///
    /// # Errors
    /// The database.
    pub fn known(&self) -> Result<Vec<Symbol>> {
        let mut read = self.database.prepare("SELECT symbol FROM assets")?;
        let rows = read.query_map([], |row| row.get::<_, String>(0))?;
        let names = rows.collect::<Result<Vec<_>>>()?;
        let mut symbols: Vec<Symbol> = names.iter().filter_map(|name| Symbol::parse(name).ok()).collect();
        symbols.sort_unstable();
        Ok(symbols)
    }

    /// The numbers of the listed assets.
    pub fn ids(&self) -> Arc<HashMap<Symbol, AssetId>> {
        Arc::clone(&self.assets)
    }

    /// Where the database is, for a connection that reads.
    pub fn path(&self) -> Option<&str> {
        self.database.path()
    }

    /// The number of a listed asset.
    pub fn id(&self, symbol: &Symbol) -> Option<AssetId> {
        self.assets.get(symbol).copied()
    }

    /// Where the module is.
    ///
    /// # Errors
    /// The database.
    pub fn position(&self) -> Result<Position> {
        let sql = "SELECT number, time, exhausted FROM assets_position";
        self.database.query_row(sql, [], |row| {
            Ok(Position {
                number: unsigned(row.get(0)?),
                time: row.get::<_, Option<i64>>(1)?.map(Stamp),
                exhausted: row.get(2)?,
            })
        })
    }

    /// Commits one update: its bars, the actions that came into force with it, and the position, all or
    /// nothing. Each bar is later than every stored bar of its asset.
    ///
    /// # Errors
    /// The database; then nothing is stored.
    pub fn commit(&mut self, position: &Position, bars: &[(Symbol, Bar)], actions: &[Action]) -> Result<()> {
        let number = signed(position.number);
        let tx = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut insert =
                tx.prepare_cached("INSERT INTO bars_hot VALUES (?8, ?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
            let mut sorted: Vec<(AssetId, &Bar)> = bars
                .iter()
                .filter_map(|(symbol, bar)| Some((*self.assets.get(symbol)?, bar)))
                .collect();
            sorted.sort_unstable_by_key(|(id, _)| *id);
            for (id, bar) in sorted {
                insert.execute(params![
                    id.0,
                    bar.time.0,
                    bar.open.0,
                    bar.high.0,
                    bar.low.0,
                    bar.close.0,
                    signed(bar.volume),
                    number
                ])?;
            }
            insert_actions(&tx, actions, number)?;
            tx.prepare_cached("UPDATE assets_position SET number = ?1, time = ?2, exhausted = ?3")?
                .execute(params![
                    number,
                    position.time.map(|time| time.0),
                    position.exhausted
                ])?;
        }
        tx.commit()?;
        if !bars.is_empty() {
            if self.hot.0 == self.hot.1 {
                self.hot.0 = number;
            }
            self.hot.1 = number + 1;
        }
        Ok(())
    }

    /// The actions that have come into force, of all assets, by time; with the update they came with.
    ///
    /// # Errors
    /// The database.
    pub fn actions(&self) -> Result<Vec<(Action, u64)>> {
        let mut read = self.database.prepare(
            "SELECT symbol, time, kind, value, number FROM actions ORDER BY time, symbol, kind, value",
        )?;
        let rows = read.query_map([], |row| {
            let symbol: String = row.get(0)?;
            let kind: u8 = row.get(2)?;
            let value: i64 = row.get(3)?;
            let kind = if kind == Side::Split as u8 {
                ActionKind::Split(Amount(value))
            } else {
                ActionKind::Dividend(Money(value))
            };
            let time = Stamp(row.get(1)?);
            Ok(Symbol::parse(&symbol)
                .ok()
                .map(|symbol| (Action { time, symbol, kind }, row.get(4).map(unsigned))))
        })?;
        let mut actions = Vec::new();
        for row in rows {
            if let Some((action, number)) = row? {
                actions.push((action, number?));
            }
        }
        Ok(actions)
    }

    /// Stores pages of the past, of several assets, in one transaction, and how far they reach now.
    ///
    /// # Errors
    /// The database; then nothing is stored.
    pub fn fill(&mut self, pages: &[Page]) -> Result<()> {
        let tx = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for page in pages {
            let days = page.resolution == Resolution::Day;
            if days {
                set_days(&tx, page.asset, &page.bars)?;
            } else {
                absorb(&tx, page.asset, &page.bars, None)?;
            }
            insert_actions(&tx, &page.actions, 0)?;
            tx.prepare_cached(
                "UPDATE assets SET filled_to = coalesce(?2, filled_to), filled = ?3, own_days = ?4 WHERE id = ?1",
            )?
            .execute(params![page.asset.0, page.to.map(|to| to.0), page.whole, days])?;
        }
        tx.commit()?;
        for page in pages.iter().filter(|page| page.resolution == Resolution::Day) {
            if let Some(to) = page.to {
                self.own_days.insert(page.asset, to);
            }
        }
        Ok(())
    }

    /// How far an asset's past is filled in.
    ///
    /// # Errors
    /// The database.
    pub fn filled(&self, asset: AssetId) -> Result<Filled> {
        let mut read = self
            .database
            .prepare_cached("SELECT filled_to, filled FROM assets WHERE id = ?1")?;
        read.query_row([asset.0], |row| {
            Ok(Filled {
                to: row.get::<_, Option<i64>>(0)?.map(Stamp),
                whole: row.get(1)?,
            })
        })
    }

    /// How many updates wait in `bars_hot`.
    pub fn hot_updates(&self) -> i64 {
        self.hot.1 - self.hot.0
    }

    /// Whether there are bars to be moved.
    pub fn wants_compaction(&self) -> bool {
        self.moving.is_some() || self.hot_updates() >= HOT_UPDATES
    }

    /// Moves the bars of the next few assets; one short transaction. Whether there is more to do.
    ///
    /// # Errors
    /// The database; then nothing was moved.
    pub fn compact(&mut self) -> Result<bool> {
        if !self.wants_compaction() {
            return Ok(false);
        }
        let mut moving = self.moving.unwrap_or(Move {
            first: self.hot.0,
            last: self.hot.1 - 1,
            next: 0,
        });
        let end = self.ids.len().min(moving.next + SLICE);
        let slice = self.ids.get(moving.next..end).unwrap_or_default();
        if let (Some(first), Some(last)) = (slice.first(), slice.last()) {
            let tx = self
                .database
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            move_slice(&tx, &moving, (*first, *last), &self.own_days, self.keep_ticks)?;
            tx.commit()?;
        }
        moving.next = end;
        if end >= self.ids.len() {
            self.moving = None;
            self.hot.0 = moving.last + 1;
        } else {
            self.moving = Some(moving);
        }
        Ok(self.wants_compaction())
    }
}

/// Moves the bars of the assets `first` to `last` out of `bars_hot`.
fn move_slice(
    tx: &Transaction<'_>,
    what: &Move,
    (first, last): (AssetId, AssetId),
    own: &HashMap<AssetId, Stamp>,
    keep: Option<i64>,
) -> Result<()> {
    let mut read = tx.prepare_cached(
        "SELECT time, open, high, low, close, volume, asset FROM bars_hot
         WHERE number = ?1 AND asset BETWEEN ?2 AND ?3",
    )?;
    let mut delete =
        tx.prepare_cached("DELETE FROM bars_hot WHERE number = ?1 AND asset BETWEEN ?2 AND ?3")?;
    let mut rows: Vec<(AssetId, Bar)> = Vec::new();
    for number in what.first..=what.last {
        let key = params![number, first.0, last.0];
        let some = read.query_map(key, |row| Ok((AssetId(row.get(6)?), bar_of(row)?)))?;
        rows.extend(some.collect::<Result<Vec<_>>>()?);
        delete.execute(key)?;
    }
    // Stable: an asset's bars stay in order of their updates, which is that of time.
    rows.sort_by_key(|(asset, _)| *asset);
    for one in rows.chunk_by(|a, b| a.0 == b.0) {
        let Some(((asset, _), (_, newest))) = one.first().zip(one.last()) else {
            continue;
        };
        let bars: Vec<Bar> = one.iter().map(|(_, bar)| *bar).collect();
        absorb(tx, *asset, &bars, own.get(asset).copied())?;
        if let Some(keep) = keep {
            tx.prepare_cached("DELETE FROM bars WHERE asset = ?1 AND time < ?2")?
                .execute(params![asset.0, newest.time.0.saturating_sub(keep)])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::reader::{Reader, View};
    use super::*;
    use std::time::Instant;

    fn database() -> (tempfile::TempDir, Connection) {
        let dir = tempfile::tempdir().unwrap();
        let database = Connection::open(dir.path().join("t.db")).unwrap();
        database.pragma_update(None, "journal_mode", "WAL").unwrap();
        database.pragma_update(None, "synchronous", "FULL").unwrap();
        database
            .execute_batch(include_str!("../../../sql/0002_assets.sql"))
            .unwrap();
        (dir, database)
    }

    fn bar(time: Stamp, price: i64) -> Bar {
        Bar {
            time,
            open: Money(price),
            high: Money(price + 2),
            low: Money(price - 2),
            close: Money(price + 1),
            volume: 3,
        }
    }

    /// What a reader sees of everything that is committed.
    fn seen<T>(store: &Store, look: impl Fn(&View<'_>) -> Result<T>) -> T {
        let reader = Reader::open(store.path().unwrap(), store.ids()).unwrap();
        let view = reader.view(u64::MAX >> 1).unwrap();
        look(&view).unwrap()
    }

    fn position(number: u64) -> Position {
        Position {
            number,
            time: None,
            exhausted: false,
        }
    }

    #[test]
    fn moving_bars_changes_no_answer_wherever_it_stops() {
        let (_dir, database) = database();
        let mut store = Store::open(database, None).unwrap();
        let symbols: Vec<Symbol> = (0..150)
            .map(|n| Symbol::parse(&format!("S{n}")).unwrap())
            .collect();
        store.set_assets(&symbols).unwrap();
        let start = Stamp::parse("2012-02-28T20:00:00Z").unwrap();
        let updates = HOT_UPDATES + 10;
        for number in 1..=updates {
            let time = Stamp(start.0 + number * 3_600_000);
            let bars: Vec<(Symbol, Bar)> = symbols
                .iter()
                .enumerate()
                // Not every asset has a bar in every update.
                .filter(|(at, _)| (*at as i64 + number) % 3 != 0)
                .map(|(at, symbol)| (*symbol, bar(time, 100 + number + at as i64)))
                .collect();
            store.commit(&position(number as u64), &bars, &[]).unwrap();
        }
        let (low, high) = (Stamp(0), Stamp(i64::MAX));
        let answers = |store: &Store| -> Vec<_> {
            symbols
                .iter()
                .map(|symbol| {
                    let id = store.id(symbol).unwrap();
                    seen(store, |view| {
                        Ok((
                            view.ticks(id, low, high)?,
                            view.days(id, low, high)?,
                            view.months(id, low, high)?,
                            view.newest(id)?,
                        ))
                    })
                })
                .collect()
        };
        let before = answers(&store);
        assert!(before.iter().all(|(ticks, days, months, newest)| {
            ticks.len() >= 48 && days.len() >= 4 && months.len() == 2 && newest.is_some()
        }));
        assert!(store.compact().unwrap());
        assert_eq!(answers(&store), before);
        // As after a kill in the middle: what was under way is forgotten.
        let mut store = Store::open(store.database, None).unwrap();
        store.set_assets(&symbols).unwrap();
        assert_eq!(answers(&store), before);
        while store.compact().unwrap() {
            assert_eq!(answers(&store), before);
        }
        assert_eq!(answers(&store), before);
        assert_eq!(store.hot_updates(), 0);
        let left = "SELECT count(*) FROM bars_hot";
        assert_eq!(
            store
                .database
                .query_row(left, [], |row| row.get::<_, i64>(0))
                .unwrap(),
            0
        );
        // And it goes on from there.
        let time = Stamp(start.0 + (updates + 1) * 3_600_000);
        store
            .commit(&position(updates as u64 + 1), &[(symbols[0], bar(time, 7))], &[])
            .unwrap();
        assert_eq!(
            seen(&store, |view| view.newest(store.id(&symbols[0]).unwrap()))
                .unwrap()
                .0,
            bar(time, 7)
        );
        assert_eq!(store.position().unwrap().number, updates as u64 + 1);
    }

    #[test]
    fn old_ticks_go_and_their_days_stay() {
        let (_dir, database) = database();
        let mut store = Store::open(database, Some(86_400_000)).unwrap();
        let symbol = Symbol::parse("A").unwrap();
        store.set_assets(&[symbol]).unwrap();
        let id = store.id(&symbol).unwrap();
        let start = Stamp::parse("2012-02-28").unwrap();
        for number in 1..=HOT_UPDATES {
            let time = Stamp(start.0 + number * 3_600_000);
            store
                .commit(&position(number as u64), &[(symbol, bar(time, 50))], &[])
                .unwrap();
        }
        while store.compact().unwrap() {}
        assert_eq!(
            seen(&store, |view| view.ticks(id, Stamp(0), Stamp(i64::MAX))).len(),
            25
        );
        assert_eq!(
            seen(&store, |view| view.days(id, Stamp(0), Stamp(i64::MAX))).len(),
            3
        );
    }

    #[test]
    fn days_from_a_provider_replace_ours_and_their_months_follow() {
        let (_dir, database) = database();
        let mut store = Store::open(database, None).unwrap();
        let symbol = Symbol::parse("A").unwrap();
        store.set_assets(&[symbol]).unwrap();
        let id = store.id(&symbol).unwrap();
        let day = |text| Stamp::parse(text).unwrap();
        let first = [bar(day("2012-01-31"), 10), bar(day("2012-02-01"), 20)];
        let page = |bars: &[Bar], whole| Page {
            asset: id,
            bars: bars.to_vec(),
            resolution: Resolution::Day,
            to: bars.last().map(|bar| bar.time),
            whole,
            actions: Vec::new(),
        };
        store.fill(&[page(&first, false)]).unwrap();
        assert_eq!(
            store.filled(id).unwrap(),
            Filled {
                to: Some(day("2012-02-01")),
                whole: false
            }
        );
        let second = [bar(day("2012-02-01"), 30), bar(day("2012-02-02"), 5)];
        store.fill(&[page(&second, true)]).unwrap();
        let months = seen(&store, |view| view.months(id, Stamp(0), Stamp(i64::MAX)));
        assert_eq!(months.len(), 2);
        assert_eq!((months[1].open, months[1].high), (Money(30), Money(32)));
        assert_eq!(
            (months[1].low, months[1].close, months[1].volume),
            (Money(3), Money(6), 6)
        );
        assert_eq!(
            seen(&store, |view| view.newest(id)).unwrap().0.time,
            day("2012-02-02")
        );
        store.fill(&[page(&[], true)]).unwrap();
        assert_eq!(
            store.filled(id).unwrap(),
            Filled {
                to: Some(day("2012-02-02")),
                whole: true
            }
        );
    }

    #[test]
    fn ours_do_not_count_in_a_provider_s_own_days() {
        let (_dir, database) = database();
        let mut store = Store::open(database, None).unwrap();
        let symbol = Symbol::parse("A").unwrap();
        store.set_assets(&[symbol]).unwrap();
        let id = store.id(&symbol).unwrap();
        let start = Stamp::parse("2012-02-28").unwrap();
        for number in 0..60 {
            let time = Stamp(start.0 + number * 3_600_000);
            store
                .commit(&position(number as u64 + 1), &[(symbol, bar(time, 50))], &[])
                .unwrap();
        }
        let days = |store: &Store| seen(store, |view| view.days(id, Stamp(0), Stamp(i64::MAX)));
        assert_eq!(
            days(&store).iter().map(|day| day.volume).collect::<Vec<_>>(),
            [72, 72, 36]
        );
        let own = Page {
            asset: id,
            bars: vec![bar(start, 70)],
            resolution: Resolution::Day,
            to: Some(start),
            whole: true,
            actions: Vec::new(),
        };
        store.fill(&[own]).unwrap();
        let expected = [bar(start, 70).volume, 72, 36];
        assert_eq!(
            days(&store).iter().map(|day| day.volume).collect::<Vec<_>>(),
            expected
        );
        let months = seen(&store, |view| view.months(id, Stamp(0), Stamp(i64::MAX)));
        assert_eq!((months[0].volume, months[1].volume), (3 + 72, 36));
        // Moved or not, before or after a restart.
        for number in 60..64 {
            let time = Stamp(start.0 + number * 3_600_000);
            store
                .commit(&position(number as u64 + 1), &[(symbol, bar(time, 50))], &[])
                .unwrap();
        }
        let before = (
            days(&store),
            seen(&store, |view| view.months(id, Stamp(0), Stamp(i64::MAX))),
        );
        let mut store = Store::open(store.database, None).unwrap();
        store.set_assets(&[symbol]).unwrap();
        while store.compact().unwrap() {}
        assert_eq!(
            (
                days(&store),
                seen(&store, |view| view.months(id, Stamp(0), Stamp(i64::MAX)))
            ),
            before
        );
    }

    /// 10,000 assets an update: taken in, moved, and asked for, with the times printed.
    #[test]
    fn ten_thousand_assets_are_taken_in() {
        let (_dir, database) = database();
        let mut store = Store::open(database, None).unwrap();
        let symbols: Vec<Symbol> = (0..10_000)
            .map(|n| Symbol::parse(&format!("S{n}")).unwrap())
            .collect();
        store.set_assets(&symbols).unwrap();
        let mut slowest = std::time::Duration::ZERO;
        let mut total = std::time::Duration::ZERO;
        for number in 1..=HOT_UPDATES {
            let bars: Vec<(Symbol, Bar)> = symbols
                .iter()
                .map(|symbol| (*symbol, bar(Stamp(number * 1000), 100 + number)))
                .collect();
            let begun = Instant::now();
            store.commit(&position(number as u64), &bars, &[]).unwrap();
            slowest = slowest.max(begun.elapsed());
            total += begun.elapsed();
        }
        let asked = Instant::now();
        let id = store.id(&symbols[5000]).unwrap();
        assert_eq!(
            seen(&store, |view| view.ticks(id, Stamp(0), Stamp(i64::MAX))).len(),
            64
        );
        println!(
            "update: {:?} on average, {slowest:?} at most; hot day: {:?}",
            total / 64,
            asked.elapsed()
        );
        let begun = Instant::now();
        let mut slices = 0;
        while store.compact().unwrap() {
            slices += 1;
        }
        println!(
            "moved {} updates in {:?}, {slices} slices",
            HOT_UPDATES,
            begun.elapsed()
        );
        let asked = Instant::now();
        assert_eq!(
            seen(&store, |view| view.ticks(id, Stamp(0), Stamp(i64::MAX))).len(),
            64
        );
        println!("moved day: {:?}", asked.elapsed());
    }
}
