//! spec/model.md · 3.1.6, 3.1.7 (splits and dividends)
//!
//! Corporate actions: splits, dividends, renames, delistings, mergers and spin-offs.
//!
//! Tests: `src/master/assets/news.rs`.

use super::{Cause, Money, Ratio, Symbol, Timestamp, ValueError};
use sha2::{Digest, Sha256};
use std::fmt;

/// The longest name of an action, in bytes.
pub const ACTION_ID_MAX: usize = 40;

/// The length of the name that stands for a feed's longer one.
const HASHED_LEN: u8 = 32;

/// What a corporate action does to a position. Of one time, they take effect in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActionKind {
    /// Units after the split for each unit before it.
    Split(Ratio),
    /// Cash that is paid for each unit.
    Dividend(Money),
    /// Units of another asset come with each unit, which stays.
    SpinOff {
        /// The asset whose units come.
        new: Symbol,
        /// Units of it for each unit.
        ratio: Ratio,
    },
    /// The asset has this symbol from now on.
    Rename(Symbol),
    /// Units of another asset, and cash, replace the units.
    Merge {
        /// The asset whose units come.
        new: Symbol,
        /// Units of it for each unit.
        ratio: Ratio,
        /// Cash for each unit; may be zero.
        cash: Money,
    },
    /// Cash replaces the units: this much for each, which may be zero.
    Delist(Money),
    /// Nothing: it takes back what was announced before under the same name.
    Cancel,
}

impl ActionKind {
    /// Whether both are splits, or dividends, or of another kind together.
    pub fn is_like(self, other: ActionKind) -> bool {
        self.number() == other.number()
    }

    /// The number of a cancellation.
    pub const CANCEL: u8 = 0;
    /// The number of a split.
    pub const SPLIT: u8 = 3;
    /// The number of a dividend.
    pub const DIVIDEND: u8 = 4;
    /// The number of a spin-off.
    pub const SPIN_OFF: u8 = 5;
    /// The number of a rename.
    pub const RENAME: u8 = 6;
    /// The number of a merger.
    pub const MERGE: u8 = 7;
    /// The number of a delisting.
    pub const DELIST: u8 = 8;

    /// The number of the kind in the database. Of one time, lower ones take effect first.
    pub fn number(self) -> u8 {
        match self {
            ActionKind::Cancel => ActionKind::CANCEL,
            ActionKind::Split(_) => ActionKind::SPLIT,
            ActionKind::Dividend(_) => ActionKind::DIVIDEND,
            ActionKind::SpinOff { .. } => ActionKind::SPIN_OFF,
            ActionKind::Rename(_) => ActionKind::RENAME,
            ActionKind::Merge { .. } => ActionKind::MERGE,
            ActionKind::Delist(_) => ActionKind::DELIST,
        }
    }

    /// The word of the kind in `actions.csv`.
    pub fn word(self) -> &'static str {
        match self {
            ActionKind::Split(_) => "split",
            ActionKind::Dividend(_) => "dividend",
            ActionKind::SpinOff { .. } => "spinoff",
            ActionKind::Rename(_) => "rename",
            ActionKind::Merge { .. } => "merge",
            ActionKind::Delist(_) => "delist",
            ActionKind::Cancel => "cancel",
        }
    }

    /// The asset whose units come, where it is another one.
    pub fn target(self) -> Option<Symbol> {
        match self {
            ActionKind::SpinOff { new, .. }
            | ActionKind::Rename(new)
            | ActionKind::Merge { new, .. } => Some(new),
            ActionKind::Split(_)
            | ActionKind::Dividend(_)
            | ActionKind::Delist(_)
            | ActionKind::Cancel => None,
        }
    }

    /// Whether it ends its asset: nobody holds a unit afterwards.
    pub fn is_end(self) -> bool {
        match self {
            ActionKind::Rename(_) | ActionKind::Merge { .. } | ActionKind::Delist(_) => true,
            ActionKind::Split(_)
            | ActionKind::Dividend(_)
            | ActionKind::SpinOff { .. }
            | ActionKind::Cancel => false,
        }
    }

    /// The ratio that makes the units that come; it may leave fractions of a millionth.
    pub fn ratio(self) -> Option<Ratio> {
        match self {
            ActionKind::Split(ratio)
            | ActionKind::SpinOff { ratio, .. }
            | ActionKind::Merge { ratio, .. } => Some(ratio),
            ActionKind::Rename(_)
            | ActionKind::Dividend(_)
            | ActionKind::Delist(_)
            | ActionKind::Cancel => None,
        }
    }

    /// The cause that the ledger's rows of it name; `None` for splits and dividends, which the side
    /// names.
    pub fn cause(self) -> Option<Cause> {
        match self {
            ActionKind::SpinOff { .. } => Some(Cause::SpinOff),
            ActionKind::Rename(_) => Some(Cause::Rename),
            ActionKind::Merge { .. } => Some(Cause::Merger),
            ActionKind::Delist(_) => Some(Cause::Delisting),
            ActionKind::Split(_) | ActionKind::Dividend(_) | ActionKind::Cancel => None,
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActionKind::Split(ratio) => write!(f, "split of {ratio}"),
            ActionKind::Dividend(cash) => write!(f, "dividend of {cash}"),
            ActionKind::SpinOff { new, ratio } => write!(f, "spin-off of {ratio} {new}"),
            ActionKind::Rename(new) => write!(f, "renamed to {new}"),
            ActionKind::Merge { new, ratio, cash } if *cash > Money::ZERO => {
                write!(f, "merged into {ratio} {new} and {cash} of cash")
            }
            ActionKind::Merge { new, ratio, .. } => write!(f, "merged into {ratio} {new}"),
            ActionKind::Delist(price) => write!(f, "delisted at {price}"),
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
        ActionId::stored(&format!("{} {} {n}", kind.word(), time.0)).ok()
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

/// The name of an action among all.
pub type ActionName = (Symbol, Option<ActionId>);

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
    /// Whether its asset, or the one whose units come, had a price of its time or later, or a later
    /// action, when it came.
    pub is_late: bool,
    /// The price at which its fractions are paid, once it is known.
    pub in_lieu: Option<InLieuPrice>,
}

/// The price at which fractions below a millionth are paid: the first after the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InLieuPrice {
    /// Of a unit as the action leaves it.
    pub value: Money,
    /// The update that brought it.
    pub update: u64,
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
            in_lieu: None,
        }
    }

    /// Its name among all actions.
    pub fn name(&self) -> ActionName {
        (self.symbol, self.id)
    }

    /// The asset whose units come by its ratio.
    pub fn gained(&self) -> Symbol {
        self.kind.target().unwrap_or(self.symbol)
    }

    /// Whether it may leave fractions, and their price is not known.
    pub fn wants_price(&self) -> bool {
        let may_leave = |ratio: Ratio| ratio.denominator() > 1;
        self.in_lieu.is_none() && self.kind.ratio().is_some_and(may_leave)
    }

    /// Whether it changes units of this asset.
    pub fn touches(&self, symbol: Symbol) -> bool {
        self.symbol == symbol || self.kind.target() == Some(symbol)
    }

    /// The place among the actions of one update or one family: by time; of one time by kind.
    pub fn place(&self) -> (Timestamp, u8, Symbol, Option<ActionId>) {
        (self.time, self.kind.number(), self.symbol, self.id)
    }

    /// Whether this one, which is stored, has the terms of that one. A ratio of an earlier version,
    /// in millionths, has those of the ratio that it was [made of](super::Ratio::is_stored_of).
    pub fn has_terms_of(&self, other: &Action) -> bool {
        let is_same = match (self.kind, other.kind) {
            (ActionKind::Split(stored), ActionKind::Split(ratio)) => stored.is_stored_of(ratio),
            (
                ActionKind::Split(_)
                | ActionKind::Dividend(_)
                | ActionKind::SpinOff { .. }
                | ActionKind::Rename(_)
                | ActionKind::Merge { .. }
                | ActionKind::Delist(_)
                | ActionKind::Cancel,
                _,
            ) => self.kind == other.kind,
        };
        self.time == other.time && is_same
    }
}
