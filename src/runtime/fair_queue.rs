//! spec/runtime/fair_queue.md · 4.1 Design Goals
//!
//! A bounded queue that strangers fill and that is taken in turn by who fills it. It knows no time
//! and no thread, and the same calls always give the same turns.

use super::neighbourhood::AROUND_SHARES;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::Hash;

/// The node that all paths begin at.
const ROOT: usize = 0;
/// Fatness is counted in parts of an item, since it is divided by shares.
const FATNESS_BITS: u32 = 16;

/// How the keys of one level share the turns of the key above them.
#[derive(Debug, Clone, Copy)]
pub struct ShareLevel {
    /// Turns of a key, one after the other: one for each key below it that asks, at most this many.
    pub turns_max: usize,
    /// Waiting items of a key, beyond which an asker below it gets no second one.
    pub waiting_max: usize,
}

impl ShareLevel {
    /// A level with these bounds.
    pub fn new(turns_max: usize, waiting_max: usize) -> ShareLevel {
        ShareLevel {
            turns_max,
            waiting_max,
        }
    }

    /// The levels of clients' addresses in a queue of so many items: the network around a
    /// neighbourhood, and the neighbourhood. One that fills the queue leaves a quarter to others.
    pub fn of_addresses(waiting_max: usize) -> [ShareLevel; 2] {
        let filler = waiting_max * 3 / 4;
        [
            ShareLevel::new(AROUND_SHARES, filler),
            ShareLevel::new(1, filler),
        ]
    }
}

/// A queue of items `T`, each with a path of `N` keys: first the widest group that shares, last
/// the asker. At most one item of a path is in work.
///
/// Its memory is bounded by its items, waiting and in work; see its page.
#[derive(Debug)]
pub struct FairQueue<K, T, const N: usize> {
    levels: [ShareLevel; N],
    waiting_max: usize,
    nodes: Vec<Node<K, T>>,
    free: Vec<usize>,
    /// Nodes by parent and key.
    by_key: HashMap<(usize, K), usize>,
    /// Nodes that were fresh so far.
    arrivals: u64,
}

/// The right of an item that was taken. [`FairQueue::release`] ends it; until then no other item
/// of its path is taken.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a turn that is not released keeps its path in work"]
pub struct Turn(usize);

/// A key, or the root. An asker's node, on level `N`, has items; the others have nodes below.
#[derive(Debug)]
struct Node<K, T> {
    key: Option<K>,
    parent: usize,
    /// 0 is the root.
    level: usize,
    place: Place,
    /// Its number among the fresh.
    arrival: u64,
    /// Items at or below it.
    waiting: usize,
    /// Items that were taken from it and not released.
    in_work: usize,
    /// Nodes directly below that may be given a turn. Of an asker: 1 where it may be given one.
    ready: usize,
    /// Nodes directly below that have had no turn yet, by arrival. Each of them is ready.
    fresh: BTreeMap<u64, usize>,
    /// Nodes directly below that have had a turn, in the order of the next one. One that has
    /// nothing left stays until it is passed, so that asking again does not make it fresh.
    round: VecDeque<usize>,
    /// Turns that the first of `round` has left; 0 where it has not begun.
    turns_left: usize,
    is_round_next: bool,
    /// Waiting items for each share.
    fatness: u64,
    /// Nodes directly below with waiting items, by fatness.
    by_fatness: BTreeSet<(u64, usize)>,
    items: VecDeque<T>,
}

/// The list of its parent that a node is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Fresh,
    Round,
}

impl<K: Hash + Eq + Clone, T, const N: usize> FairQueue<K, T, N> {
    /// An empty queue for `waiting_max` items.
    pub fn new(waiting_max: usize, levels: [ShareLevel; N]) -> FairQueue<K, T, N> {
        FairQueue {
            levels,
            waiting_max,
            nodes: vec![Node::new(None, ROOT, 0)],
            free: Vec::new(),
            by_key: HashMap::new(),
            arrivals: 0,
        }
    }

    /// Number of waiting items.
    pub fn len(&self) -> usize {
        self.nodes[ROOT].waiting
    }

    /// Whether no item waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether [`FairQueue::take`] finds an item: one waits whose path is not in work.
    pub fn is_ready(&self) -> bool {
        self.nodes[ROOT].ready > 0
    }

    /// Puts an item behind those of its path. Returns the item that finds no room: this one, or,
    /// where the queue or a key of the path is full, the newest of the fattest that has more.
    #[must_use = "the item without room is to be refused"]
    pub fn push(&mut self, path: [K; N], item: T) -> Option<T> {
        let known = self.find(&path);
        let full = self.full_at(&known);
        let mut dropped = None;
        if let Some(full) = full {
            let Some(leaf) = self.fattest_for(&known[full..]) else {
                return Some(item);
            };
            dropped = self.nodes[leaf].items.pop_back();
            self.remove_one(leaf);
        }
        let leaf = self.find_or_add(path);
        self.nodes[leaf].items.push_back(item);
        for node in self.up_from(leaf) {
            self.nodes[node].waiting += 1;
        }
        self.weigh(leaf);
        if self.nodes[leaf].in_work == 0 && self.nodes[leaf].waiting == 1 {
            self.make_ready(leaf);
        }
        dropped
    }

    /// Takes the item whose turn it is; `None` where none waits but behind others of its path.
    pub fn take(&mut self) -> Option<(Turn, T)> {
        let mut node = ROOT;
        while self.nodes[node].level < N {
            node = self.pick(node)?;
        }
        let item = self.nodes[node].items.pop_front()?;
        for above in self.up_from(node) {
            self.nodes[above].in_work += 1;
        }
        self.make_unready(node);
        for above in self.up_from(node) {
            self.nodes[above].waiting -= 1;
        }
        self.weigh(node);
        Some((Turn(node), item))
    }

    /// Ends a piece of the work on an item, which waits for its next piece before all others of its
    /// path. It always finds room, so that the queue may hold one more than its bound for each item
    /// in work.
    pub fn put_back(&mut self, turn: Turn, item: T) {
        let Turn(leaf) = turn;
        self.nodes[leaf].items.push_front(item);
        for node in self.up_from(leaf) {
            self.nodes[node].waiting += 1;
        }
        self.weigh(leaf);
        self.release(Turn(leaf));
    }

    /// Ends the work on an item: the next one of its path may be taken.
    pub fn release(&mut self, turn: Turn) {
        let Turn(leaf) = turn;
        // While it counts as in work, it is not taken for one that asks anew.
        if self.nodes[leaf].waiting > 0 {
            self.make_ready(leaf);
        }
        for node in self.up_from(leaf) {
            self.nodes[node].in_work -= 1;
        }
        for node in self.up_from(leaf) {
            self.forget_if_idle(node);
        }
    }

    /// The known nodes of a path, from the root on.
    fn find(&self, path: &[K; N]) -> Vec<usize> {
        let mut known = vec![ROOT];
        let mut node = ROOT;
        for key in path {
            match self.by_key.get(&(node, key.clone())) {
                Some(next) => node = *next,
                None => break,
            }
            known.push(node);
        }
        known
    }

    /// Where in these nodes, from the root to an asker, the lowest one without room is. The bounds
    /// of keys hold for askers with waiting items: the first item of an asker needs room in the
    /// queue alone.
    fn full_at(&self, known: &[usize]) -> Option<usize> {
        let is_first = known
            .get(N)
            .is_none_or(|leaf| self.nodes[*leaf].waiting == 0);
        let bounds = std::iter::once(self.waiting_max)
            .chain(self.levels.iter().map(|level| level.waiting_max));
        let over = |(node, bound): (&usize, usize)| self.nodes[*node].waiting >= bound;
        let full: Vec<bool> = known.iter().zip(bounds).map(over).collect();
        let checked = if is_first { 1 } else { full.len() };
        full[..checked].iter().rposition(|full| *full)
    }

    fn find_or_add(&mut self, path: [K; N]) -> usize {
        let mut node = ROOT;
        for (at, key) in path.into_iter().enumerate() {
            node = match self.by_key.get(&(node, key.clone())) {
                Some(next) => *next,
                None => {
                    let new = Node::new(Some(key.clone()), node, at + 1);
                    let number = match self.free.pop() {
                        Some(number) => {
                            self.nodes[number] = new;
                            number
                        }
                        None => {
                            self.nodes.push(new);
                            self.nodes.len() - 1
                        }
                    };
                    self.by_key.insert((node, key), number);
                    number
                }
            };
        }
        node
    }

    /// The asker whose newest item is dropped for one more of the path that goes through these
    /// nodes, the first of which is full. `None` where no other key below that one has more than
    /// the path would have.
    fn fattest_for(&self, known: &[usize]) -> Option<usize> {
        let mut known = known.iter();
        let mut node = *known.next()?;
        while self.nodes[node].level < N {
            let (fatness, fattest) = *self.nodes[node].by_fatness.last()?;
            let own = known.next().copied();
            let (waiting, share) =
                own.map_or((0, 1), |own| (self.nodes[own].waiting, self.share(own)));
            if fatness_of(waiting + 1, share) < fatness {
                return self.fattest_below(fattest);
            }
            node = own?;
        }
        None
    }

    fn fattest_below(&self, mut node: usize) -> Option<usize> {
        while self.nodes[node].level < N {
            node = self.nodes[node].by_fatness.last()?.1;
        }
        Some(node)
    }

    /// How many shares a node has of what its parent has: one for each node below it with waiting
    /// items, up to the bound of its level.
    fn share(&self, node: usize) -> usize {
        let asking = self.nodes[node].by_fatness.len();
        asking.clamp(1, self.turns_max(node))
    }

    fn turns_max(&self, node: usize) -> usize {
        let level = self.nodes[node].level.checked_sub(1);
        let level = level.and_then(|level| self.levels.get(level));
        level.map_or(1, |level| level.turns_max.max(1))
    }

    /// Counts an item that was dropped. Who is left with nothing before a first turn is forgotten.
    fn remove_one(&mut self, leaf: usize) {
        if self.nodes[leaf].items.is_empty() && self.nodes[leaf].in_work == 0 {
            self.make_unready(leaf);
        }
        for node in self.up_from(leaf) {
            self.nodes[node].waiting -= 1;
        }
        self.weigh(leaf);
        for node in self.up_from(leaf) {
            let (parent, arrival) = (self.nodes[node].parent, self.nodes[node].arrival);
            if self.nodes[node].waiting == 0 && self.nodes[node].place == Place::Fresh {
                self.nodes[parent].fresh.remove(&arrival);
                self.nodes[node].place = Place::Outside;
                self.forget_if_idle(node);
            }
        }
    }

    /// Sorts a node and those above it by their fatness, after their items have changed.
    fn weigh(&mut self, leaf: usize) {
        for node in self.up_from(leaf) {
            if node == ROOT {
                return;
            }
            let parent = self.nodes[node].parent;
            let (old, waiting) = (self.nodes[node].fatness, self.nodes[node].waiting);
            let fatness = fatness_of(waiting, self.share(node));
            self.nodes[node].fatness = fatness;
            let sorted = &mut self.nodes[parent].by_fatness;
            sorted.remove(&(old, node));
            if waiting > 0 {
                sorted.insert((fatness, node));
            }
        }
    }

    /// A node and those above it, up to the root.
    fn up_from(&self, node: usize) -> Vec<usize> {
        let mut path = vec![node];
        let mut node = node;
        while node != ROOT {
            node = self.nodes[node].parent;
            path.push(node);
        }
        path
    }

    /// Marks that an asker may be given a turn, and so may those above it. Who is in no list yet
    /// is fresh, unless its work is not done.
    fn make_ready(&mut self, leaf: usize) {
        self.nodes[leaf].ready = 1;
        let mut node = leaf;
        while node != ROOT {
            let parent = self.nodes[node].parent;
            if self.nodes[node].place == Place::Outside {
                if self.nodes[node].in_work == 0 {
                    self.arrivals += 1;
                    self.nodes[node].place = Place::Fresh;
                    self.nodes[node].arrival = self.arrivals;
                    self.nodes[parent].fresh.insert(self.arrivals, node);
                } else {
                    self.nodes[node].place = Place::Round;
                    self.nodes[parent].round.push_back(node);
                }
            }
            self.nodes[parent].ready += 1;
            if self.nodes[parent].ready > 1 {
                return;
            }
            node = parent;
        }
    }

    /// Marks that an asker may be given no turn. It stays in its list until it is passed.
    fn make_unready(&mut self, leaf: usize) {
        self.nodes[leaf].ready = 0;
        let mut node = leaf;
        while node != ROOT {
            let parent = self.nodes[node].parent;
            self.nodes[parent].ready -= 1;
            if self.nodes[parent].ready > 0 {
                return;
            }
            node = parent;
        }
    }

    /// The node directly below whose turn it is: the first that is fresh and the first of the
    /// round alternate.
    fn pick(&mut self, node: usize) -> Option<usize> {
        self.pass_unready(node);
        let below = &mut self.nodes[node];
        let is_fresh = !below.fresh.is_empty() && (!below.is_round_next || below.round.is_empty());
        below.is_round_next = is_fresh;
        if is_fresh {
            let (_, first) = below.fresh.pop_first()?;
            below.round.push_back(first);
            self.nodes[first].place = Place::Round;
            return Some(first);
        }
        let first = *below.round.front()?;
        if below.turns_left == 0 {
            let turns = self.nodes[first].ready.clamp(1, self.turns_max(first));
            self.nodes[node].turns_left = turns;
        }
        let below = &mut self.nodes[node];
        below.turns_left -= 1;
        if below.turns_left == 0 {
            below.round.rotate_left(1);
        }
        Some(first)
    }

    /// Passes those at the head of the round that may be given no turn, and forgets who has nothing
    /// left.
    fn pass_unready(&mut self, node: usize) {
        while let Some(first) = self.nodes[node].round.front().copied() {
            if self.nodes[first].ready > 0 {
                break;
            }
            if self.nodes[node].turns_left > 0 {
                // It had a turn just now, and stays for one round more.
                self.nodes[node].turns_left = 0;
                self.nodes[node].round.rotate_left(1);
                continue;
            }
            self.nodes[node].round.pop_front();
            self.nodes[first].place = Place::Outside;
            self.forget_if_idle(first);
        }
    }

    /// Forgets a node that has nothing waiting or in work and no place in a list.
    fn forget_if_idle(&mut self, node: usize) {
        let idle = &self.nodes[node];
        if idle.waiting > 0 || idle.in_work > 0 || idle.place != Place::Outside {
            return;
        }
        let mut forgotten = vec![node];
        while let Some(node) = forgotten.pop() {
            let below = &mut self.nodes[node];
            forgotten.extend(below.round.drain(..));
            below.turns_left = 0;
            below.is_round_next = false;
            if node == ROOT {
                continue;
            }
            let parent = below.parent;
            if let Some(key) = below.key.take() {
                self.by_key.remove(&(parent, key));
                self.free.push(node);
            }
        }
    }
}

impl<K, T> Node<K, T> {
    fn new(key: Option<K>, parent: usize, level: usize) -> Node<K, T> {
        Node {
            key,
            parent,
            level,
            place: Place::Outside,
            arrival: 0,
            waiting: 0,
            in_work: 0,
            ready: 0,
            fresh: BTreeMap::new(),
            round: VecDeque::new(),
            turns_left: 0,
            is_round_next: false,
            fatness: 0,
            by_fatness: BTreeSet::new(),
            items: VecDeque::new(),
        }
    }
}

fn fatness_of(waiting: usize, share: usize) -> u64 {
    let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
    let share = u64::try_from(share).unwrap_or(u64::MAX).max(1);
    waiting.saturating_mul(1 << FATNESS_BITS) / share
}

#[cfg(test)]
mod tests;
