//! spec/master/transactions/corrections.md · 3.1.7 (splits and dividends)
//!
//! Applies actions that came after prices of their time, corrections of those already applied, and
//! fractions whose price came later: each account gets the difference between what it was owed
//! before and what it is owed now, as transactions of its own.

use super::entitlement::{Families, InForce, corrected, moved};
use super::fill::ActionRow;
use super::{AccountChanges, OrderState, WRITTEN_OFF_SHOWN_MAX, holdings_of};
use crate::master::storage::ahead;
use crate::master::storage::ledger::{ActionEntry, FamilyTrades};
use crate::master::storage::{StorageError, Tx};
use crate::model::money::{MILLIONTHS_MAX, share};
use crate::model::{
    AccountId, Action, ActionKind, ActionName, Holdings, Money, Quantity, Side, Symbol, Timestamp,
};
use crate::runtime::StepBeats;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use uuid::Uuid;

/// Actions of one family of assets that are applied with their neighbours in time, not on top of
/// them.
#[derive(Debug)]
pub(super) struct Correction {
    /// The asset that stands for the family.
    pub first: Symbol,
    /// The last of them by market time, which names the transactions.
    time: Timestamp,
    /// All of them.
    names: HashSet<ActionName>,
}

/// The actions of one update that are to be applied, by how.
#[derive(Debug)]
pub(super) struct DividedActions {
    /// The update that brought them.
    pub number: u64,
    /// Before the others.
    pub corrections: Vec<Correction>,
    /// On top of what is held, in order.
    pub due: Vec<Action>,
    /// All that the update brought, in order: for queued orders.
    pub brought: Vec<BroughtAction>,
}

/// An action that an update brought, and the terms that it had before.
#[derive(Debug, Clone, Copy)]
pub(super) struct BroughtAction {
    pub action: Action,
    /// `None` for a new action.
    pub before: Option<Action>,
    /// The update that applied it first to orders that waited, if it was a split then and in time.
    pub split_at: Option<u64>,
}

impl DividedActions {
    fn new(number: u64) -> DividedActions {
        DividedActions {
            number,
            corrections: Vec::new(),
            due: Vec::new(),
            brought: Vec::new(),
        }
    }

    fn correct(&mut self, first: Symbol, time: Timestamp, name: ActionName) {
        let mut all = self.corrections.iter_mut();
        match all.find(|it| it.first == first) {
            Some(correction) => {
                correction.time = correction.time.max(time);
                correction.names.insert(name);
            }
            None => self.corrections.push(Correction {
                first,
                time,
                names: HashSet::from([name]),
            }),
        }
    }
}

/// Divides the actions to apply by update, and each update's by how they are applied. An action
/// that an earlier update brought is a correction of it, also where neither is applied yet; so is
/// one whose fractions an update gives a price that came with none, and one that comes in time with
/// a late one of its family.
pub(super) fn divide(
    tx: &mut Tx<'_>,
    families: &Families,
    update: u64,
    beats: &mut StepBeats<'_>,
) -> Result<Vec<DividedActions>, StorageError> {
    let mut updates: BTreeMap<u64, DividedActions> = BTreeMap::new();
    let changes = tx.actions_to_apply(update)?;
    for (number, action) in changes {
        beats.step();
        let divided = updates
            .entry(number)
            .or_insert_with(|| DividedActions::new(number));
        let revisions = tx.action_revisions(&BTreeSet::from([action.symbol]))?;
        let mut earlier = revisions
            .iter()
            .filter(|(update, other)| *update < number && other.id == action.id);
        let first = earlier.clone().next();
        let before = earlier.next_back().map(|(_, action)| *action);
        let split_at = first.filter(|(_, it)| !it.is_late && is_split(it));
        divided.brought.push(BroughtAction {
            action,
            before,
            split_at: split_at.map(|(update, _)| *update),
        });
    }
    for divided in updates.values_mut() {
        let actions: Vec<Action> = divided.brought.iter().map(|it| it.action).collect();
        let known = divided.brought.iter().filter(|it| it.before.is_some());
        let known: HashSet<ActionName> = known.map(|it| it.action.name()).collect();
        let so_far = tx.families(divided.number)?;
        let corrected = corrected(&actions, &so_far, |action| known.contains(&action.name()));
        for place in 0..divided.brought.len() {
            let BroughtAction { action, before, .. } = divided.brought[place];
            if !corrected.contains(&action.name()) {
                divided.due.push(action);
                continue;
            }
            // A correction may bring an action to another time: the terms that were applied count
            // too.
            let applied = before.filter(|before| before.kind != ActionKind::Cancel);
            let time = applied.map_or(action.time, |before| before.time.max(action.time));
            divided.correct(families.first(action.symbol), time, action.name());
        }
    }
    for (number, action) in tx.fractions_to_pay(update)? {
        beats.step();
        let divided = updates
            .entry(number)
            .or_insert_with(|| DividedActions::new(number));
        let first = families.first(action.symbol);
        divided.correct(first, action.time, action.name());
    }
    Ok(updates.into_values().collect())
}

/// Whether it is a split.
pub(super) fn is_split(action: &Action) -> bool {
    matches!(action.kind, ActionKind::Split(_))
}

/// What a settlement has changed so far, besides the database.
#[derive(Debug, Default)]
pub(super) struct ActionsDone {
    pub accounts: AccountChanges,
    /// Assets of which accounts may have got units.
    pub gained: BTreeSet<Symbol>,
    /// The new assets and quantities of queued orders, by number.
    pub orders: HashMap<i64, (Symbol, Quantity)>,
    /// Queued orders whose asset has ended, and whether a price of it in this update fills them
    /// nevertheless: where the end came late, the name may be another's.
    pub ended: BTreeMap<i64, bool>,
    pub write_offs: WriteOffs,
}

/// What is said of corrections that could not take all that they should, once they are stored.
#[derive(Debug, Default)]
pub(super) struct WriteOffs {
    /// Of the latest, oldest first.
    latest: VecDeque<String>,
    /// How many came before these.
    earlier: u64,
}

impl WriteOffs {
    fn add(&mut self, text: String) {
        if self.latest.len() == WRITTEN_OFF_SHOWN_MAX {
            self.latest.pop_front();
            self.earlier += 1;
        }
        self.latest.push_back(text);
    }
}

impl OrderState {
    /// Applies one family's late and corrected actions of update `number` to all accounts that
    /// traded an asset of it.
    pub(super) fn correct(
        &mut self,
        tx: &mut Tx<'_>,
        number: u64,
        (families, correction): (&Families, &Correction),
        family: &mut FamilyTrades,
        done: &mut ActionsDone,
        beats: &mut StepBeats<'_>,
    ) -> Result<(), StorageError> {
        let members = families.members(correction.first);
        let revisions = tx.action_revisions(&members)?;
        let in_force = InForce::of(&revisions, number, &correction.names);
        let mut changes = Vec::new();
        for (account, trades) in &family.trades {
            let change = in_force.change(trades);
            if !change.is_empty() {
                changes.push((*account, change));
            }
            beats.step();
        }
        ahead::holdings(tx, || {
            let accounts = changes.iter().map(|(account, _)| *account);
            accounts
                .filter(|it| !done.accounts.contains_key(it))
                .collect()
        })?;
        for (account, change) in &changes {
            done.gained.extend(change.keys());
            let rows = {
                let (_, holdings) = holdings_of(tx, &mut done.accounts, *account)?;
                change_holdings(holdings, change, |symbol, side| {
                    family.written_off(*account, symbol, side)
                })
            };
            for (row, left) in rows {
                let order_key = self.sequencer.give();
                let entry = ActionEntry {
                    number: order_key.number,
                    id: order_key.id,
                    accepted: order_key.accepted,
                    account: *account,
                    update: number,
                    time: correction.time,
                    row,
                    written_off: Some(left),
                };
                tx.insert_settled(&entry)?;
                family.write_off(*account, row.symbol, row.side, left);
                if left > 0 {
                    let text = write_off_text(*account, row.symbol, row.side, left, &entry.id);
                    done.write_offs.add(text);
                }
            }
            beats.step();
        }
        Ok(())
    }

    /// Logs what stored corrections could not take, and remembers it for the status.
    pub(super) fn note_write_offs(&mut self, write_offs: WriteOffs) {
        for text in write_offs.latest {
            crate::warn!("{text}");
            self.note_write_off(text);
        }
        if write_offs.earlier > 0 {
            crate::warn!(
                "and {} more transactions of corrections could not take all",
                write_offs.earlier
            );
        }
    }
}

/// Changes holdings by units and cash, in millionths, as far as they go, and returns the rows that
/// tell it, each with what it writes off. `written_off` is what earlier rows of an asset and side
/// wrote off. Where units of one asset leave and others come, their cost goes with them.
fn change_holdings(
    holdings: &mut Holdings,
    change: &BTreeMap<Symbol, (i128, i128)>,
    written_off: impl Fn(Symbol, Side) -> i128,
) -> Vec<(ActionRow, i64)> {
    let comes = |(_, (units, _)): &(&Symbol, &(i128, i128))| *units > 0;
    let new = change.iter().find(comes).map(|(symbol, _)| *symbol);
    let mut rows = Vec::new();
    let mut pool = Money::ZERO;
    // What leaves comes first, so that its cost is known.
    let (leaves, others): (Vec<_>, Vec<_>) = change.iter().partition(|(_, (units, _))| *units < 0);
    for (symbol, (units, cash)) in leaves.into_iter().chain(others) {
        let (symbol, units, cash) = (*symbol, *units, *cash);
        let (held, cost) = holdings.positions.get(&symbol).copied().unwrap_or_default();
        let (units, units_left) = moved(units, held.0, written_off(symbol, Side::Split));
        let (cash, cash_left) = moved(cash, holdings.cash.0, written_off(symbol, Side::Dividend));
        let moved_cost = if units < 0 && new.is_some() {
            let taken = Money(share(cost.0, units.saturating_neg(), held.0));
            pool = Money(pool.0.saturating_add(taken.0));
            Money(-taken.0)
        } else if units > 0 && new == Some(symbol) {
            Money(pool.0.min(MILLIONTHS_MAX - cost.0))
        } else {
            Money::ZERO
        };
        let after = Quantity(held.0.saturating_add(units));
        if after == Quantity::ZERO {
            holdings.positions.remove(&symbol);
        } else {
            let cost = Money(cost.0.saturating_add(moved_cost.0));
            holdings.positions.insert(symbol, (after, cost));
        }
        holdings.cash = Money(holdings.cash.0.saturating_add(cash));
        let row = ActionRow {
            side: Side::Split,
            symbol,
            quantity: Quantity(units),
            price: None,
            total: Money::ZERO,
            cause: None,
            source: None,
            moved_cost,
        };
        let paid = ActionRow {
            side: Side::Dividend,
            quantity: Quantity::ZERO,
            total: Money(cash),
            moved_cost: Money::ZERO,
            ..row
        };
        if units != 0 || units_left != 0 {
            rows.push((row, units_left));
        }
        if cash != 0 || cash_left != 0 {
            rows.push((paid, cash_left));
        }
    }
    rows
}

/// What is said of a row that could not take all that it should.
pub(super) fn write_off_text(
    account: AccountId,
    symbol: Symbol,
    side: Side,
    left: i64,
    id: &Uuid,
) -> String {
    let what = match side {
        Side::Split => format!("{} units", Quantity(left)),
        Side::Buy | Side::Sell | Side::Dividend => format!("{} of cash", Money(left)),
    };
    format!(
        "account {}: a correction of {symbol} could not take {what}, which are written off \
         (transaction {id})",
        account.0
    )
}

#[cfg(test)]
mod tests;
