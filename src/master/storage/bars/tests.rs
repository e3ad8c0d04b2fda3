//! spec/master/storage/bars.md · 3.1.6

use super::read::{BarReader, BarSnapshot};
use super::*;
use crate::master::assets::hold::PriceReview;
use crate::master::storage::positions::unlisted_texts;
use crate::master::storage::testing::{Engine, each_engine};
use crate::model::Money;
use std::time::Instant;

fn bar(time: Timestamp, price: i64) -> Bar {
    Bar {
        time,
        open: Money(price),
        high: Money(price + 2),
        low: Money(price - 2),
        close: Money(price + 1),
        volume: 3,
    }
}

/// Everything that is committed, as a reader sees it.
fn committed<T>(
    engine: &Engine,
    store: &BarStore,
    look: impl Fn(&mut BarSnapshot<'_>) -> Result<T, StorageError>,
) -> T {
    let mut reader = BarReader::new(engine.reader(), store.ids());
    look(&mut reader.snapshot(u64::MAX >> 1).unwrap()).unwrap()
}

fn of_bars(bars: &[(Symbol, Bar)]) -> UpdateChanges {
    UpdateChanges {
        bars: bars.to_vec(),
        ..UpdateChanges::default()
    }
}

fn position(number: u64) -> UpdatePosition {
    UpdatePosition {
        number,
        time: None,
        exhausted: false,
    }
}

#[test]
fn a_held_price_outlives_a_restart_until_it_is_believed() {
    let engine = Engine::sqlite();
    let mut store = BarStore::open(engine.storage(), None).unwrap();
    let names = ["A", "B"].map(|name| Symbol::parse(name).unwrap());
    store.set_assets(&names).unwrap();
    let held = HeldPrice {
        level: bar(Timestamp(2), 8).quote(),
        since: Timestamp(1),
        seen: 5,
        agreeing: 2,
        review: PriceReview::Refused,
        ..HeldPrice::first(&bar(Timestamp(3), 7))
    };
    let holds = |changes: &[(usize, Option<HeldPrice>)]| UpdateChanges {
        holds: changes
            .iter()
            .map(|(at, held)| (names[*at], *held))
            .collect(),
        ..UpdateChanges::default()
    };
    let other = HeldPrice::first(&bar(Timestamp(-4), 1));
    let changes = holds(&[(0, Some(other)), (1, Some(other))]);
    store.commit(&position(1), &changes).unwrap();
    store
        .commit(&position(2), &holds(&[(0, Some(held))]))
        .unwrap();
    let mut again = BarStore::open(engine.storage(), None).unwrap();
    again.set_assets(&names).unwrap();
    let mut found = again.held().unwrap();
    found.sort_by_key(|(symbol, _)| *symbol);
    assert_eq!(found, [(names[0], held), (names[1], other)]);
    again.commit(&position(3), &holds(&[(0, None)])).unwrap();
    again.review(&names[1], &held).unwrap();
    assert_eq!(again.held().unwrap(), [(names[1], held)]);
    again.set_assets(&names[..1]).unwrap();
    assert_eq!(again.held().unwrap(), [], "it is not listed");
}

fn unsettled(number: u64) -> UnsettledUpdate {
    UnsettledUpdate {
        number,
        began: Timestamp(5),
        published: Timestamp(6),
        market_time: Some(Timestamp(-7)),
        exhausted: false,
        real_time: true,
    }
}

#[test]
fn the_bars_of_an_update_stay_where_they_are_until_it_is_settled() {
    each_engine(the_bars_of_an_update_stay_where_they_are_until_it_is_settled_on);
}

fn the_bars_of_an_update_stay_where_they_are_until_it_is_settled_on(engine: &Engine) {
    let mut store = BarStore::open(engine.storage(), None).unwrap();
    let names = ["A", "B"].map(|name| Symbol::parse(name).unwrap());
    store.set_assets(&names).unwrap();
    let step = |store: &mut BarStore, number: u64, settled: u64| {
        let time = Timestamp(i64::try_from(number).unwrap());
        let bars = names.map(|name| (name, bar(time, 100)));
        let changes = UpdateChanges {
            stale: [names[1]].into(),
            unsettled: Some(unsettled(number)),
            settled,
            ..of_bars(&bars)
        };
        store.commit(&position(number), &changes).unwrap();
    };
    let kept = |store: &mut BarStore| -> Vec<u64> {
        let kept = store.unsettled().unwrap();
        kept.iter().map(|update| update.number).collect()
    };
    for number in 1..=100 {
        step(&mut store, number, 0);
    }
    assert!(!store.wants_compaction(), "none is settled");
    assert_eq!(kept(&mut store), (1..=100).collect::<Vec<_>>());
    assert_eq!(store.unsettled().unwrap()[41], unsettled(42));
    let mut storage = engine.storage();
    let mut bars = |number| storage.read(|it| it.published_bars(number)).unwrap();
    let published = |number: u64| {
        let time = Timestamp(i64::try_from(number).unwrap());
        let told = |symbol, stale| PublishedBar {
            symbol,
            bar: bar(time, 100),
            stale,
        };
        [told(names[0], false), told(names[1], true)]
    };
    assert_eq!(bars(42), published(42));
    // The ledger has the outcomes of some, which it tells by itself until they are forgotten.
    engine.execute("UPDATE ledger_position SET settled = 80");
    assert_eq!(kept(&mut store), (81..=100).collect::<Vec<_>>());
    step(&mut store, 101, 90);
    assert_eq!(kept(&mut store), (91..=101).collect::<Vec<_>>());
    while store.compact().unwrap() {}
    assert_eq!(bars(90), [], "moved");
    assert_eq!(bars(91), published(91));
    assert_eq!(store.hot_updates(), 11);
    for number in 102..=180 {
        step(&mut store, number, 90);
    }
    store = BarStore::open(engine.storage(), None).unwrap();
    store.set_assets(&names).unwrap();
    assert!(!store.wants_compaction(), "a start knows of them");
}

#[test]
fn what_is_owned_and_not_listed_is_named() {
    each_engine(|engine| {
        engine.execute(
            "INSERT INTO accounts (account, username, username_key, email, email_key, is_password,
                 created, starting_cash, boot, sequence)
             VALUES (1, 'a', 'a', 'a', 'a', 0, 0, 5, zeroblob(16), 1),
                 (2, 'b', 'b', 'b', 'b', 0, 0, 5, zeroblob(16), 2)",
        );
        engine.execute(
            "INSERT INTO positions VALUES (1, 'OLD', 6000000, 5), (2, 'OLD', 1, 1),
                 (1, 'NEW', 9, 9), (2, 'GONE', 2500000, 1)",
        );
        let mut store = BarStore::open(engine.storage(), None).unwrap();
        let owned = store.owned().unwrap();
        let said = unlisted_texts(&owned, &[Symbol::parse("NEW").unwrap()]);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("GONE is not on the list"), "{said:?}");
        assert!(said[0].contains("1 account holds 2.5 units"), "{said:?}");
        assert!(
            said[1].contains("2 accounts hold 6.000001 units"),
            "{said:?}"
        );
    });
}

#[test]
fn moving_bars_changes_no_answer_wherever_it_stops() {
    each_engine(moving_bars_changes_no_answer_wherever_it_stops_on);
}

fn moving_bars_changes_no_answer_wherever_it_stops_on(engine: &Engine) {
    let mut store = BarStore::open(engine.storage(), None).unwrap();
    let symbols: Vec<Symbol> = (0..150)
        .map(|n| Symbol::parse(&format!("S{n}")).unwrap())
        .collect();
    store.set_assets(&symbols).unwrap();
    let start = Timestamp::parse("2012-02-28T20:00:00Z").unwrap();
    let updates = HOT_UPDATES + 10;
    for number in 1..=updates {
        let time = Timestamp(start.0 + number * 3_600_000);
        let bars: Vec<(Symbol, Bar)> = symbols
            .iter()
            .enumerate()
            // Some assets have no bar in some updates.
            .filter(|(at, _)| (*at as i64 + number) % 3 != 0)
            .map(|(at, symbol)| (*symbol, bar(time, 100 + number + at as i64)))
            .collect();
        store
            .commit(&position(number as u64), &of_bars(&bars))
            .unwrap();
    }
    let (low, high) = (Timestamp(0), Timestamp(i64::MAX));
    let answers = |store: &BarStore| -> Vec<_> {
        symbols
            .iter()
            .map(|symbol| {
                let id = store.id(symbol).unwrap();
                committed(engine, store, |view| {
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
    // A restart in the middle of a move: the state in memory is lost.
    let mut store = BarStore::open(engine.storage(), None).unwrap();
    store.set_assets(&symbols).unwrap();
    assert_eq!(answers(&store), before);
    while store.compact().unwrap() {
        assert_eq!(answers(&store), before);
    }
    assert_eq!(answers(&store), before);
    assert_eq!(store.hot_updates(), 0);
    assert_eq!(engine.number("SELECT count(*) FROM bars_hot"), 0);
    // The store continues after it.
    let time = Timestamp(start.0 + (updates + 1) * 3_600_000);
    store
        .commit(
            &position(updates as u64 + 1),
            &of_bars(&[(symbols[0], bar(time, 7))]),
        )
        .unwrap();
    assert_eq!(
        committed(engine, &store, |view| view
            .newest(store.id(&symbols[0]).unwrap()))
        .unwrap()
        .0,
        bar(time, 7)
    );
    assert_eq!(store.position().unwrap().number, updates as u64 + 1);
}

#[test]
fn old_ticks_are_deleted_and_their_days_stay() {
    each_engine(old_ticks_are_deleted_and_their_days_stay_on);
}

fn old_ticks_are_deleted_and_their_days_stay_on(engine: &Engine) {
    let mut store = BarStore::open(engine.storage(), Some(86_400_000)).unwrap();
    let symbol = Symbol::parse("A").unwrap();
    store.set_assets(&[symbol]).unwrap();
    let id = store.id(&symbol).unwrap();
    let start = Timestamp::parse("2012-02-28").unwrap();
    for number in 1..=HOT_UPDATES {
        let time = Timestamp(start.0 + number * 3_600_000);
        store
            .commit(
                &position(number as u64),
                &of_bars(&[(symbol, bar(time, 50))]),
            )
            .unwrap();
    }
    while store.compact().unwrap() {}
    assert_eq!(
        committed(engine, &store, |view| view.ticks(
            id,
            Timestamp(0),
            Timestamp(i64::MAX)
        ))
        .len(),
        25
    );
    assert_eq!(
        committed(engine, &store, |view| view.days(
            id,
            Timestamp(0),
            Timestamp(i64::MAX)
        ))
        .len(),
        3
    );
}

#[test]
fn days_from_a_provider_replace_ours_and_their_months_follow() {
    each_engine(days_from_a_provider_replace_ours_and_their_months_follow_on);
}

fn days_from_a_provider_replace_ours_and_their_months_follow_on(engine: &Engine) {
    let mut store = BarStore::open(engine.storage(), None).unwrap();
    let symbol = Symbol::parse("A").unwrap();
    store.set_assets(&[symbol]).unwrap();
    let id = store.id(&symbol).unwrap();
    let day = |text| Timestamp::parse(text).unwrap();
    let first = [bar(day("2012-01-31"), 10), bar(day("2012-02-01"), 20)];
    let page = |bars: &[Bar], whole| BarPage {
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
        BackfillProgress {
            to: Some(day("2012-02-01")),
            whole: false
        }
    );
    let second = [bar(day("2012-02-01"), 30), bar(day("2012-02-02"), 5)];
    store.fill(&[page(&second, true)]).unwrap();
    let months = committed(engine, &store, |view| {
        view.months(id, Timestamp(0), Timestamp(i64::MAX))
    });
    assert_eq!(months.len(), 2);
    assert_eq!((months[1].open, months[1].high), (Money(30), Money(32)));
    assert_eq!(
        (months[1].low, months[1].close, months[1].volume),
        (Money(3), Money(6), 6)
    );
    assert_eq!(
        committed(engine, &store, |view| view.newest(id))
            .unwrap()
            .0
            .time,
        day("2012-02-02")
    );
    store.fill(&[page(&[], true)]).unwrap();
    assert_eq!(
        store.filled(id).unwrap(),
        BackfillProgress {
            to: Some(day("2012-02-02")),
            whole: true
        }
    );
}

#[test]
fn our_bars_do_not_change_a_provider_s_own_days() {
    each_engine(our_bars_do_not_change_a_provider_s_own_days_on);
}

fn our_bars_do_not_change_a_provider_s_own_days_on(engine: &Engine) {
    let mut store = BarStore::open(engine.storage(), None).unwrap();
    let symbol = Symbol::parse("A").unwrap();
    store.set_assets(&[symbol]).unwrap();
    let id = store.id(&symbol).unwrap();
    let start = Timestamp::parse("2012-02-28").unwrap();
    for number in 0..60 {
        let time = Timestamp(start.0 + number * 3_600_000);
        store
            .commit(
                &position(number as u64 + 1),
                &of_bars(&[(symbol, bar(time, 50))]),
            )
            .unwrap();
    }
    let days = |store: &BarStore| {
        committed(engine, store, |view| {
            view.days(id, Timestamp(0), Timestamp(i64::MAX))
        })
    };
    assert_eq!(
        days(&store)
            .iter()
            .map(|day| day.volume)
            .collect::<Vec<_>>(),
        [72, 72, 36]
    );
    let own = BarPage {
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
        days(&store)
            .iter()
            .map(|day| day.volume)
            .collect::<Vec<_>>(),
        expected
    );
    let months = committed(engine, &store, |view| {
        view.months(id, Timestamp(0), Timestamp(i64::MAX))
    });
    assert_eq!((months[0].volume, months[1].volume), (3 + 72, 36));
    // The answers are the same for moved and unmoved bars, before and after a restart.
    for number in 60..64 {
        let time = Timestamp(start.0 + number * 3_600_000);
        store
            .commit(
                &position(number as u64 + 1),
                &of_bars(&[(symbol, bar(time, 50))]),
            )
            .unwrap();
    }
    let before = (
        days(&store),
        committed(engine, &store, |view| {
            view.months(id, Timestamp(0), Timestamp(i64::MAX))
        }),
    );
    let mut store = BarStore::open(engine.storage(), None).unwrap();
    store.set_assets(&[symbol]).unwrap();
    while store.compact().unwrap() {}
    assert_eq!(
        (
            days(&store),
            committed(engine, &store, |view| view.months(
                id,
                Timestamp(0),
                Timestamp(i64::MAX)
            ))
        ),
        before
    );
}

/// Stores, moves and reads updates of 10,000 assets, and prints the times.
#[test]
fn ten_thousand_assets_are_stored() {
    each_engine(ten_thousand_assets_are_stored_on);
}

fn ten_thousand_assets_are_stored_on(engine: &Engine) {
    let mut store = BarStore::open(engine.storage(), None).unwrap();
    let symbols: Vec<Symbol> = (0..10_000)
        .map(|n| Symbol::parse(&format!("S{n}")).unwrap())
        .collect();
    store.set_assets(&symbols).unwrap();
    let mut slowest = std::time::Duration::ZERO;
    // Without what is kept until an update is settled, and with it, in turns.
    let mut totals = [std::time::Duration::ZERO; 2];
    for number in 1..=HOT_UPDATES {
        let bars: Vec<(Symbol, Bar)> = symbols
            .iter()
            .map(|symbol| (*symbol, bar(Timestamp(number * 1000), 100 + number)))
            .collect();
        let mut changes = of_bars(&bars);
        if number % 2 == 1 {
            changes.unsettled = Some(unsettled(number as u64));
            changes.settled = number as u64 - 1;
        }
        let begun = Instant::now();
        store.commit(&position(number as u64), &changes).unwrap();
        slowest = slowest.max(begun.elapsed());
        totals[(number % 2) as usize] += begun.elapsed();
    }
    let asked = Instant::now();
    let id = store.id(&symbols[5000]).unwrap();
    assert_eq!(
        committed(engine, &store, |view| view.ticks(
            id,
            Timestamp(0),
            Timestamp(i64::MAX)
        ))
        .len(),
        64
    );
    println!(
        "update: {:?} on average, {:?} with what is kept of it, {slowest:?} at most; hot day: {:?}",
        totals[0] / 32,
        totals[1] / 32,
        asked.elapsed()
    );
    let settled = UpdateChanges {
        settled: HOT_UPDATES as u64,
        ..UpdateChanges::default()
    };
    store.commit(&position(65), &settled).unwrap();
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
        committed(engine, &store, |view| view.ticks(
            id,
            Timestamp(0),
            Timestamp(i64::MAX)
        ))
        .len(),
        64
    );
    println!("moved day: {:?}", asked.elapsed());
}
