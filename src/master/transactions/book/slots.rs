//! spec/master/transactions/book.md · 3.1.7 Assets Buy & Sell
//!
//! Where the orders of the book lie in memory: in pieces, so that a book that grows is not copied,
//! and holds no more room than a piece beyond its orders.

use super::order::BookOrder;

/// Orders in a piece.
const PIECE: usize = 1024;

/// A place in [`Slots`]. A removed order's is given to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(u32);

impl SlotId {
    /// The first place.
    pub const MIN: SlotId = SlotId(0);
    /// Behind the last place.
    pub const MAX: SlotId = SlotId(u32::MAX);

    fn place(self) -> (usize, usize) {
        let at = usize::try_from(self.0).unwrap_or(usize::MAX);
        (at / PIECE, at % PIECE)
    }
}

/// The orders by place.
#[derive(Debug, Default)]
pub struct Slots {
    pieces: Vec<Vec<Option<BookOrder>>>,
    free: Vec<SlotId>,
    held: usize,
}

impl Slots {
    /// Takes an order in. The configuration keeps its number far below 2^32.
    pub fn insert(&mut self, order: BookOrder) -> SlotId {
        self.held += 1;
        if let Some(slot) = self.free.pop() {
            if let Some(place) = self.place_mut(slot) {
                *place = Some(order);
            }
            return slot;
        }
        if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        let full = (self.pieces.len() - 1) * PIECE;
        let piece = self.pieces.last_mut();
        let at = full + piece.as_ref().map_or(0, |piece| piece.len());
        if let Some(piece) = piece {
            piece.push(Some(order));
        }
        SlotId(u32::try_from(at).unwrap_or(u32::MAX))
    }

    /// The number of orders.
    pub fn len(&self) -> usize {
        self.held
    }

    /// The order at this place.
    pub fn get(&self, slot: SlotId) -> Option<&BookOrder> {
        let (piece, at) = slot.place();
        self.pieces.get(piece)?.get(at)?.as_ref()
    }

    /// Takes the order at this place out.
    pub fn remove(&mut self, slot: SlotId) -> Option<BookOrder> {
        let order = self.place_mut(slot)?.take()?;
        self.held -= 1;
        if self.held == 0 {
            *self = Slots::default();
        } else {
            self.free.push(slot);
        }
        Some(order)
    }

    /// Changes the order at this place.
    pub fn change(&mut self, slot: SlotId, change: impl FnOnce(&mut BookOrder)) {
        if let Some(Some(order)) = self.place_mut(slot) {
            change(order);
        }
    }

    fn place_mut(&mut self, slot: SlotId) -> Option<&mut Option<BookOrder>> {
        let (piece, at) = slot.place();
        self.pieces.get_mut(piece)?.get_mut(at)
    }
}
