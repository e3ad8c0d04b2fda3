//! spec/model.md · 3.1.6, 3.1.7 (splits and dividends)
//!
//! Corporate actions: splits and dividends.
//!
//! Tests: `src/master/assets/news.rs`.

use super::{Money, Ratio, Symbol, Timestamp, ValueError};
use sha2::{Digest, Sha256};
use std::fmt;

/// The longest name of an action, in bytes.
pub const ACTION_ID_MAX: usize = 40;

/// The length of the name that stands for a feed's longer one.
const HASHED_LEN: u8 = 32;

/// What a corporate action does to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActionKind {
    /// Units after the split for each unit before it.
    Split(Ratio),
    /// Cash that is paid for each unit.
    Dividend(Money),
    /// Nothing: it takes back what was announced before under the same name.
    Cancel,
}

impl ActionKind {
    /// Whether both are splits, or dividends, or cancellations.
    pub fn is_like(self, other: ActionKind) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActionKind::Split(ratio) => write!(f, "split of {ratio}"),
            ActionKind::Dividend(cash) => write!(f, "dividend of {cash}"),
            ActionKind::Cancel => f.write_str("cancelled"),
        }
    }
}

/// The name of an action among those of its asset: the feed's, or one that was made for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionId {
    bytes: [u8; ACTION_ID_MAX],
    len: u8,
}

impl ActionId {
    /// Reads a feed's name: 1 to 40 visible ASCII characters.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<ActionId, ValueError> {
        if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            ActionId::stored(text)
        } else {
            Err(ActionId::FORM)
        }
    }

    /// The name for a feed's name of another form: half of its SHA-256, in hexadecimal digits.
    pub fn hashed(text: &str) -> ActionId {
        let mut bytes = [0; ACTION_ID_MAX];
        let digest = Sha256::digest(text.as_bytes());
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for (place, digit) in bytes.iter_mut().take(usize::from(HASHED_LEN)).zip(digits) {
            *place = if digit < 10 {
                b'0' + digit
            } else {
                b'a' + digit - 10
            };
        }
        ActionId {
            bytes,
            len: HASHED_LEN,
        }
    }

    const FORM: ValueError = ValueError("an Id is 1 to 40 visible ASCII characters");

    /// Reads a name as it is stored: a feed's, or that of [`ActionId::nth`].
    ///
    /// # Errors
    /// The text is neither.
    pub fn stored(text: &str) -> Result<ActionId, ValueError> {
        let is_short = (1..=ACTION_ID_MAX).contains(&text.len());
        if !is_short || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(ActionId::FORM);
        }
        let mut bytes = [0; ACTION_ID_MAX];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).map_err(|_| ActionId::FORM)?;
        Ok(ActionId { bytes, len })
    }

    /// The name of the n-th action of this kind and time, where the feed has none. No feed's name
    /// has a space.
    pub fn nth(kind: ActionKind, time: Timestamp, n: usize) -> Option<ActionId> {
        let word = match kind {
            ActionKind::Split(_) => "split",
            ActionKind::Dividend(_) => "dividend",
            ActionKind::Cancel => "cancel",
        };
        ActionId::stored(&format!("{word} {} {n}", time.0)).ok()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// Whether the feed gave it.
    pub fn is_of_feed(&self) -> bool {
        !self.as_str().contains(' ')
    }
}

impl fmt::Debug for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A corporate action. It takes effect at the market's first step on or after its time, before that
/// step's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Action {
    /// The ex-date (market time).
    pub time: Timestamp,
    pub symbol: Symbol,
    pub kind: ActionKind,
    /// `None` where a feed that has no names told of it, until it is in force.
    pub id: Option<ActionId>,
    /// Whether its asset had a price of its time or later, or a later action, when it came.
    pub is_late: bool,
}

impl Action {
    /// An action as a feed tells of it.
    pub fn new(time: Timestamp, symbol: Symbol, kind: ActionKind, id: Option<ActionId>) -> Action {
        Action {
            time,
            symbol,
            kind,
            id,
            is_late: false,
        }
    }

    /// Whether this one, which is stored, has the terms of that one. A ratio of an earlier version,
    /// in millionths, has those of the ratio that it was [made of](super::Ratio::is_stored_of).
    pub fn has_terms_of(&self, other: &Action) -> bool {
        let is_same = match (self.kind, other.kind) {
            (ActionKind::Split(stored), ActionKind::Split(ratio)) => stored.is_stored_of(ratio),
            (ActionKind::Split(_) | ActionKind::Dividend(_) | ActionKind::Cancel, _) => {
                self.kind == other.kind
            }
        };
        self.time == other.time && is_same
    }
}
