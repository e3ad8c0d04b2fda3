//! spec/runtime/fair_queue.md · 4.1 Design Goals

use super::*;
use proptest::prelude::*;

/// Network, address, name.
type Path = [u8; 3];
type Queue = FairQueue<u8, u32, 3>;

const ALL: usize = usize::MAX;

fn queue(waiting_max: usize, network_turns: usize, filler: usize) -> Queue {
    let level = |turns_max| ShareLevel {
        turns_max,
        waiting_max: filler,
    };
    FairQueue::new(waiting_max, [level(network_turns), level(1), level(1)])
}

/// Items that are taken, with their turns, in order.
fn served(queue: &mut Queue, count: usize) -> Vec<u32> {
    (0..count).map_while(|_| serve(queue)).collect()
}

fn serve(queue: &mut Queue) -> Option<u32> {
    let (turn, item) = queue.take()?;
    queue.release(turn);
    Some(item)
}

fn put(queue: &mut Queue, path: Path, items: impl IntoIterator<Item = u32>) {
    for item in items {
        assert_eq!(queue.push(path, item), None);
    }
}

#[test]
fn askers_alternate_and_each_is_served_in_order() {
    let mut queue = queue(100, 8, ALL);
    put(&mut queue, [1, 1, 1], 10..14);
    put(&mut queue, [2, 2, 2], 20..22);
    put(&mut queue, [3, 3, 3], 30..31);
    // Who has had no turn yet alternates with who has.
    assert_eq!(served(&mut queue, 9), [10, 11, 20, 12, 30, 21, 13]);
    assert!(queue.is_empty());
}

#[test]
fn who_asks_beside_a_filler_waits_for_one_turn_under_another_address_or_name() {
    for quiet in [[2, 1, 1], [1, 2, 1], [1, 1, 2]] {
        let mut queue = queue(100, 8, ALL);
        put(&mut queue, [1, 1, 1], 0..50);
        assert_eq!(served(&mut queue, 3), [0, 1, 2]);
        for round in 0..5 {
            put(&mut queue, quiet, [100 + round]);
            let turns = served(&mut queue, 2);
            assert!(turns.contains(&(100 + round)), "{quiet:?}: {turns:?}");
        }
    }
}

#[test]
fn a_network_has_a_turn_for_each_address_that_asks_up_to_its_share() {
    let mut queue = queue(1000, 8, ALL);
    for address in 0..20 {
        put(&mut queue, [1, address, 1], (0..10).map(|_| 1));
    }
    put(&mut queue, [2, 1, 1], (0..40).map(|_| 2));
    put(&mut queue, [2, 2, 1], (0..40).map(|_| 2));
    served(&mut queue, 20);
    let turns = served(&mut queue, 100);
    let of = |network| turns.iter().filter(|turn| **turn == network).count();
    assert_eq!((of(1), of(2)), (80, 20));
}

#[test]
fn asking_again_makes_nobody_fresh() {
    let mut queue = queue(100, 1, ALL);
    for network in 1..5 {
        put(&mut queue, [network, 1, 1], (0..20).map(|_| 0));
    }
    served(&mut queue, 8);
    // This one asks again as soon as it is served, and always seems to have nothing waiting.
    let (mut own, mut others) = (0, 0);
    put(&mut queue, [9, 1, 1], [9]);
    for _ in 0..50 {
        if serve(&mut queue) == Some(9) {
            own += 1;
            put(&mut queue, [9, 1, 1], [9]);
        } else {
            others += 1;
        }
    }
    assert!(own <= others / 4 + 2, "{own} turns beside {others}");
}

#[test]
fn one_item_of_a_path_is_in_work() {
    let mut queue = queue(100, 8, ALL);
    put(&mut queue, [1, 1, 1], 10..12);
    put(&mut queue, [1, 1, 2], 20..21);
    let (first, item) = queue.take().unwrap();
    assert_eq!(item, 10);
    let (second, item) = queue.take().unwrap();
    assert_eq!(item, 20);
    assert_eq!(queue.take(), None, "the other one of its path is in work");
    assert_eq!(queue.len(), 1);
    queue.release(second);
    assert_eq!(queue.take(), None);
    queue.release(first);
    assert_eq!(serve(&mut queue), Some(11));
}

#[test]
fn an_item_in_pieces_keeps_its_place_in_its_path_and_takes_turns_with_others() {
    let mut queue = queue(3, 8, ALL);
    put(&mut queue, [1, 1, 1], 10..12);
    put(&mut queue, [2, 2, 2], [20]);
    let mut pieces = Vec::new();
    for _ in 0..6 {
        let (turn, item) = queue.take().unwrap();
        pieces.push(item);
        queue.put_back(turn, item);
    }
    assert_eq!(pieces, [10, 10, 20, 10, 20, 10]);
    assert_eq!(queue.len(), 3);
    let (turn, item) = queue.take().unwrap();
    assert_eq!(queue.push([3, 3, 3], 30), None);
    queue.put_back(turn, item);
    assert_eq!(queue.len(), 4, "what comes back finds room");
    assert_eq!(queue.push([4, 4, 4], 40), Some(11));
    assert_eq!(served(&mut queue, 9), [30, 10, 40, 20]);
    assert!(queue.by_key.is_empty());
}

#[test]
fn a_filler_alone_may_have_its_bound_and_is_served_without_a_pause() {
    let mut queue = queue(16, 8, 12);
    put(&mut queue, [1, 1, 1], 0..12);
    assert_eq!(queue.push([1, 1, 1], 12), Some(12));
    // The first of another name finds room; its second takes that of who has more.
    put(&mut queue, [1, 1, 2], [13]);
    assert_eq!(queue.push([1, 1, 2], 14), Some(11));
    put(&mut queue, [2, 1, 1], [15]);
    let turns = served(&mut queue, 20);
    assert_eq!(turns.len(), 14);
    assert!(turns[..5].contains(&15), "{turns:?}");
}

#[test]
fn a_full_queue_drops_the_newest_of_the_fattest_for_one_with_less() {
    let mut queue = queue(6, 8, ALL);
    put(&mut queue, [1, 1, 1], 10..13);
    put(&mut queue, [1, 1, 2], 20..21);
    put(&mut queue, [2, 1, 1], 30..32);
    assert_eq!(queue.push([1, 1, 1], 13), Some(13), "it is the fattest");
    assert_eq!(queue.push([3, 1, 1], 40), Some(12));
    // Its own name has less than the other one there.
    assert_eq!(queue.push([1, 1, 3], 50), Some(11));
    assert_eq!(queue.push([2, 1, 1], 33), Some(33));
    assert_eq!(queue.push([4, 1, 1], 60), Some(50));
    assert_eq!(queue.push([5, 1, 1], 70), Some(31));
    assert_eq!(queue.push([6, 1, 1], 80), Some(20));
    // All have as much: nobody's is dropped.
    assert_eq!(queue.push([7, 1, 1], 90), Some(90));
    assert_eq!(queue.len(), 6);
}

#[test]
fn a_network_of_many_addresses_is_as_fat_as_each_of_them() {
    let mut queue = queue(10, 8, ALL);
    for address in 0..6 {
        put(&mut queue, [1, address, 1], [u32::from(address)]);
    }
    put(&mut queue, [2, 1, 1], 20..24);
    // Six items of six addresses are less than four of one.
    assert_eq!(queue.push([3, 1, 1], 30), Some(23));
}

#[test]
fn keys_without_items_are_forgotten() {
    let mut queue = queue(100, 8, ALL);
    for key in 0..50 {
        put(&mut queue, [key, key, key], [0]);
    }
    served(&mut queue, 100);
    assert!(queue.by_key.is_empty());
    assert_eq!(queue.free.len() + 1, queue.nodes.len());
    // Beside one who waits, ever new ones come and go.
    put(&mut queue, [99, 1, 1], (0..50).map(|_| 0));
    for turn in 0..10_000_u32 {
        let [a, b, ..] = turn.to_be_bytes().map(|byte| byte % 90);
        put(&mut queue, [a, b, turn.to_be_bytes()[3] % 90], [0]);
        serve(&mut queue);
        if turn % 2 == 0 {
            let _ = queue.push([99, 1, 1], 0);
            serve(&mut queue);
        }
        let kept = queue.nodes.len() - queue.free.len();
        assert!(
            kept < 3 * (queue.len() + 100),
            "{kept} beside {}",
            queue.len()
        );
    }
    // Dropped before a first turn, too.
    let mut queue = self::queue(2, 8, ALL);
    put(&mut queue, [1, 1, 1], [1]);
    put(&mut queue, [1, 1, 2], [2]);
    assert_eq!(queue.push([2, 1, 1], 3), Some(2));
    assert_eq!(queue.by_key.len(), 3 + 3);
}

/// What the queue must agree with: lists of items by path, and nothing about turns.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<Path, VecDeque<u32>>,
    in_work: BTreeSet<Path>,
}

impl Model {
    fn len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    fn under(&self, prefix: &[u8]) -> usize {
        let below = self
            .waiting
            .iter()
            .filter(|(path, _)| path.starts_with(prefix));
        below.map(|(_, items)| items.len()).sum()
    }

    /// How many shares what begins with this has of the turns.
    fn share(&self, prefix: &[u8]) -> usize {
        if prefix.len() > 1 {
            return 1;
        }
        let waiting = self.waiting.iter().filter(|(_, items)| !items.is_empty());
        let below = waiting.filter(|(path, _)| path.starts_with(prefix));
        let keys: BTreeSet<u8> = below.map(|(path, _)| path[1]).collect();
        keys.len().clamp(1, 8)
    }

    fn may_serve(&self) -> bool {
        self.waiting
            .iter()
            .any(|(path, items)| !items.is_empty() && !self.in_work.contains(path))
    }

    fn path_of(&self, item: u32) -> Path {
        *self
            .waiting
            .iter()
            .find(|(_, items)| items.contains(&item))
            .unwrap()
            .0
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push(Path),
    Take,
    /// Ends the work on one of the items that are in work.
    Release(usize),
    /// Ends a piece of it.
    PutBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let path = (0..4u8, 0..4u8, 0..4u8).prop_map(|(a, b, c)| [a, b, c]);
    let step = prop_oneof![
        4 => path.prop_map(Step::Push),
        3 => Just(Step::Take),
        2 => (0..8usize).prop_map(Step::Release),
        2 => (0..8usize).prop_map(Step::PutBack),
    ];
    prop::collection::vec(step, 1..300)
}

proptest! {
    /// Nothing is lost, invented or served twice; each path is served in order and one at a time;
    /// service is not withheld; bounds hold; who has nothing is forgotten.
    #[test]
    fn the_queue_agrees_with_lists(steps in steps(), waiting_max in 1..20usize) {
        let filler = (waiting_max * 3 / 4).max(1);
        let mut queue = queue(waiting_max, 8, filler);
        let (mut model, mut turns) = (Model::default(), Vec::new());
        let mut in_work_max = 0;
        for (at, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push(path) => {
                    let item = u32::try_from(at).unwrap();
                    let before = model.len();
                    let is_full = |level: &usize| model.under(&path[..*level]) >= filler;
                    let is_first = model.under(&path) == 0;
                    let over = (1..=3).rfind(is_full).filter(|_| !is_first);
                    let dropped = queue.push(path, item);
                    prop_assert_eq!(dropped.is_some(), over.is_some() || before >= waiting_max);
                    if let Some(dropped) = dropped.filter(|dropped| *dropped != item) {
                        let of = model.path_of(dropped);
                        // Where the paths part, the other has more for each of its shares.
                        let part = (1..=3).find(|n| path[..*n] != of[..*n]).unwrap();
                        prop_assert!(over.is_none_or(|over| over < part));
                        let (own, other) = (&path[..part], &of[..part]);
                        prop_assert!(
                            (model.under(own) + 1) * model.share(other)
                                < model.under(other) * model.share(own)
                        );
                        let items = model.waiting.get_mut(&of).unwrap();
                        prop_assert_eq!(items.pop_back(), Some(dropped), "the newest of its path");
                    }
                    if dropped != Some(item) {
                        model.waiting.entry(path).or_default().push_back(item);
                    }
                }
                Step::Take => match queue.take() {
                    Some((turn, item)) => {
                        let path = model.path_of(item);
                        let items = model.waiting.get_mut(&path).unwrap();
                        prop_assert_eq!(items.pop_front(), Some(item));
                        prop_assert!(model.in_work.insert(path), "one at a time");
                        turns.push((turn, path, item));
                        in_work_max = in_work_max.max(turns.len());
                    }
                    None => prop_assert!(!model.may_serve(), "service is withheld"),
                },
                Step::Release(number) => {
                    if number < turns.len() {
                        let (turn, path, _) = turns.swap_remove(number);
                        queue.release(turn);
                        model.in_work.remove(&path);
                    }
                }
                Step::PutBack(number) => {
                    if number < turns.len() {
                        let (turn, path, item) = turns.swap_remove(number);
                        queue.put_back(turn, item);
                        model.in_work.remove(&path);
                        model.waiting.entry(path).or_default().push_front(item);
                    }
                }
            }
            prop_assert_eq!(queue.len(), model.len());
            prop_assert_eq!(queue.is_ready(), model.may_serve());
            prop_assert!(queue.len() + turns.len() <= waiting_max + in_work_max);
            let kept = queue.nodes.len() - queue.free.len();
            prop_assert_eq!(kept, queue.by_key.len() + 1);
        }
        for (turn, path, _) in turns.drain(..) {
            queue.release(turn);
            model.in_work.remove(&path);
        }
        let left = model.len();
        let rest: BTreeSet<u32> = served(&mut queue, left + 1).into_iter().collect();
        prop_assert_eq!(rest.len(), left);
        prop_assert!(queue.by_key.is_empty());
    }

    /// However many keys a filler has below one key, and however fast it asks: who asks beside it
    /// waits for the turns on the page, and is never dropped.
    #[test]
    fn a_quiet_asker_beside_a_filler_waits_for_a_few_turns_at_most(
        quiet in prop_oneof![Just([9, 1, 1]), Just([1, 9, 1])],
        flood in prop::collection::vec((1..8u8, 0..30usize, 0..4usize), 1..60),
    ) {
        // In the filler's own network, its address is the one key that asks.
        let address = |name: u8| if quiet[0] == 1 { 1 } else { name };
        let mut queue = queue(32, 8, 24);
        let shares = if quiet[0] == 1 { 1 } else { 8 };
        let (mut wait, mut is_first) = (None, true);
        for (name, pushes, takes) in flood {
            for extra in 0..pushes {
                let name = name + u8::try_from(extra % 3).unwrap();
                let _ = queue.push([1, address(name), name], 0);
            }
            if wait.is_none() {
                prop_assert_ne!(queue.push(quiet, 1), Some(1), "there is room for it");
                wait = Some(0);
            }
            for _ in 0..takes {
                match (serve(&mut queue), wait) {
                    (Some(1), Some(_)) => (wait, is_first) = (None, false),
                    (Some(1), None) => prop_assert!(false, "served twice"),
                    (Some(_), Some(turns)) => {
                        let bound = if is_first { 2 } else { 2 * shares + 1 };
                        prop_assert!(turns < bound, "{} turns before its own", turns + 1);
                        wait = Some(turns + 1);
                    }
                    (_, _) => {}
                }
            }
        }
    }

    /// Whichever the first level is on which a path is fresh, its wait is within the product on the
    /// page.
    #[test]
    fn the_wait_over_all_levels_is_within_the_product(
        keys in [1..5_u8, 1..10_u8, 1..5_u8],
        fresh in 0..3_usize,
        before in 0..200_usize,
        skipped in any::<u64>(),
    ) {
        let mut queue = queue(ALL, 8, ALL);
        let mut quiet = [0; 3];
        quiet[fresh..].fill(200);
        let fill = |queue: &mut Queue| {
            for path in (0..keys[0]).flat_map(|a| {
                (0..keys[1]).flat_map(move |b| (0..keys[2]).map(move |c| [a, b, c]))
            }) {
                let number = (u64::from(path[0]) * 10 + u64::from(path[1])) * 5 + u64::from(path[2]);
                // Some ask once in a while alone.
                if path == [0; 3] || skipped.rotate_left(u32::try_from(number % 64).unwrap()) & 1 == 0 {
                    put(queue, path, [0]);
                }
            }
        };
        fill(&mut queue);
        served(&mut queue, before);
        fill(&mut queue);
        put(&mut queue, quiet, [1]);
        let mut wait = 0;
        while serve(&mut queue) == Some(0) {
            wait += 1;
            if wait % 3 == 0 {
                fill(&mut queue);
            }
        }
        let others = |level: usize| usize::from(keys[level]) - usize::from(level < fresh);
        let above: usize = (0..fresh)
            .filter(|level| others(*level) > 0)
            .map(|level| 2 * [8, 1, 1][level] * others(level) + 2)
            .product();
        let bound = (2 * others(fresh) + 1) * above - 1;
        prop_assert!(wait <= bound, "{wait} turns, the bound is {bound}");
    }

    /// Who asks anew where `others` ask waits for two turns of each at most; who had a turn before,
    /// for two turns of each share and one.
    #[test]
    fn among_others_the_wait_is_two_turns_for_each(
        others in 1..12u8,
        weights in prop::collection::vec(1..12u8, 12),
        before in 0..40usize,
        again in any::<bool>(),
    ) {
        let mut queue = queue(10_000, 8, ALL);
        let quiet = [200, 1, 1];
        if again {
            put(&mut queue, quiet, [1]);
        }
        let fill = |queue: &mut Queue| {
            for other in 0..others {
                for address in 0..weights[usize::from(other)] {
                    put(queue, [other, address, 1], [0, 0]);
                }
            }
        };
        fill(&mut queue);
        served(&mut queue, before);
        fill(&mut queue);
        let seen = again && before > 0;
        if again && before == 0 {
            return Ok(());
        }
        put(&mut queue, quiet, [2]);
        let mut wait = 0;
        loop {
            match serve(&mut queue) {
                Some(2) => break,
                Some(_) => wait += 1,
                None => prop_assert!(false, "it was lost"),
            }
            fill(&mut queue);
        }
        let others = usize::from(others);
        let bound = if seen { 2 * 8 * others + 1 } else { 2 * others };
        prop_assert!(wait <= bound, "{wait} turns, the bound is {bound}");
    }
}
