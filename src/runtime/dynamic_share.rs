//! spec/runtime/dynamic_share.md · 4.1 Design Goals
//!
//! Who may take one of a bounded number of places that are held for long: the fuller they are, the
//! less one holder gets of what is left. It knows no time, and takes no place away again.

use super::neighbourhood::{AROUND_SHARES, Neighbourhood};
use std::collections::HashMap;
use std::hash::Hash;

/// Shares bind once less than one part in this number of the places is free.
const CONTENDED_PARTS: usize = 4;
/// A source has at most this many times the places that it leaves free.
const SOURCE_SHARES: usize = 15;

/// Who holds a place: an asker, in a neighbourhood that a source names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PlaceHolder<A, S> {
    pub asker: A,
    /// The asker's neighbourhood; `None` where nobody knows it any more.
    pub near: Option<Neighbourhood>,
    /// Who names the neighbourhood, where that is not ourselves. It has a share of its own.
    pub source: Option<S>,
}

/// Why a place is refused: whose share is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// All places are held.
    #[error("no place is free")]
    Full,
    /// The asker's.
    #[error("the asker holds its share")]
    Asker,
    /// That of the asker's neighbourhood.
    #[error("the neighbourhood holds its share")]
    Neighbourhood,
    /// That of the network around the neighbourhood.
    #[error("the network around holds its share")]
    Around,
    /// That of the source.
    #[error("the source holds its share")]
    Source,
}

/// The places and who holds them. Its memory is bounded by the places that are held.
#[derive(Debug)]
pub struct DynamicShare<A, S> {
    places: usize,
    held: usize,
    askers: HashMap<A, usize>,
    sources: HashMap<Option<S>, SourceHeld>,
}

/// What the holders of one source hold.
#[derive(Debug, Default)]
struct SourceHeld {
    held: usize,
    /// Neighbourhoods and networks around them.
    networks: HashMap<Neighbourhood, usize>,
}

impl<A: Hash + Eq + Copy, S: Hash + Eq + Copy> DynamicShare<A, S> {
    /// So many places, all of them free.
    pub fn new(places: usize) -> DynamicShare<A, S> {
        DynamicShare {
            places,
            held: 0,
            askers: HashMap::new(),
            sources: HashMap::new(),
        }
    }

    /// Sets the number of places. Who holds one keeps it, also where there are fewer now.
    pub fn set_places(&mut self, places: usize) {
        self.places = places;
    }

    /// Places that are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Places that an asker holds.
    pub fn held_by(&self, asker: &A) -> usize {
        self.askers.get(asker).copied().unwrap_or(0)
    }

    /// Whether this holder may take one more place.
    ///
    /// # Errors
    /// Whose share is full.
    pub fn check(&self, holder: &PlaceHolder<A, S>) -> Result<(), ShareError> {
        let free = self.places.saturating_sub(self.held);
        if free == 0 {
            return Err(ShareError::Full);
        }
        let source = self.sources.get(&holder.source);
        // What a source may still take, and what it would hold then. Its askers share that as if
        // there were no others, so that a newcomer finds a place.
        let (left, reach) = match (holder.source, source.map_or(0, |source| source.held)) {
            (None, _) => (free, self.places),
            (Some(_), held) => {
                let left = free.saturating_mul(SOURCE_SHARES).saturating_sub(held);
                let left = left.div_ceil(SOURCE_SHARES + 1);
                (left, left + held)
            }
        };
        if left == 0 {
            return Err(ShareError::Source);
        }
        let own = self.held_by(&holder.asker);
        if own == 0 || free.saturating_mul(CONTENDED_PARTS) > self.places {
            return Ok(());
        }
        let share = share_of(left, reach);
        if own >= share {
            return Err(ShareError::Asker);
        }
        let (Some(near), Some(source)) = (holder.near, source) else {
            return Ok(());
        };
        let held = |network| source.networks.get(&network).copied().unwrap_or(0);
        if held(near) >= share {
            return Err(ShareError::Neighbourhood);
        }
        if held(near.around()) >= share.saturating_mul(AROUND_SHARES) {
            return Err(ShareError::Around);
        }
        Ok(())
    }

    /// Takes a place, whether or not there is room for it.
    pub fn take(&mut self, holder: &PlaceHolder<A, S>) {
        self.held += 1;
        *self.askers.entry(holder.asker).or_default() += 1;
        let source = self.sources.entry(holder.source).or_default();
        source.held += 1;
        if let Some(near) = holder.near {
            for network in [near, near.around()] {
                *source.networks.entry(network).or_default() += 1;
            }
        }
    }

    /// Frees a place that this holder took.
    pub fn free(&mut self, holder: &PlaceHolder<A, S>) {
        self.held = self.held.saturating_sub(1);
        remove_one(&mut self.askers, &holder.asker);
        let Some(source) = self.sources.get_mut(&holder.source) else {
            return;
        };
        source.held -= 1;
        if let Some(near) = holder.near {
            for network in [near, near.around()] {
                remove_one(&mut source.networks, &network);
            }
        }
        if source.held == 0 {
            self.sources.remove(&holder.source);
        }
    }
}

/// The share of one asker or neighbourhood: the cube of the free part of the places. Its page says
/// why the cube.
fn share_of(free: usize, places: usize) -> usize {
    let wide = |count: usize| u128::try_from(count).unwrap_or(u128::MAX);
    let (free, places) = (wide(free), wide(places.max(1)));
    // Two steps, so that no product of three exceeds the type.
    let share = free.saturating_mul(free) / places;
    usize::try_from(share.saturating_mul(free) / places).unwrap_or(usize::MAX)
}

fn remove_one<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
