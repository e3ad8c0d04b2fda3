//! spec/master/assets/news.md · 3.1.6, 3.1.7 (splits and dividends)
//!
//! Compares the actions that a feed tells of with those known: what is new, what is corrected.

use crate::model::{Action, ActionId, ActionKind, Symbol, Timestamp};
use std::collections::{BTreeMap, HashSet};

/// The new actions and the corrections among those that a feed tells of, each with its name.
/// `known` has the latest terms of each action of an asset that is or was in force. An action that
/// the feed does not tell of any more stays as it is.
pub fn of_feed<'a>(told: &[Action], known: impl Fn(&Symbol) -> &'a [Action]) -> Vec<Action> {
    let mut by_asset: BTreeMap<Symbol, Vec<Action>> = BTreeMap::new();
    for action in told {
        by_asset.entry(action.symbol).or_default().push(*action);
    }
    let mut news: Vec<Action> = by_asset
        .iter()
        .flat_map(|(symbol, told)| of_asset(told, known(symbol)))
        .collect();
    news.sort_by_key(|action| (action.time, action.symbol));
    news
}

/// Whether an action of an asset comes late: the asset had a price of its time or later, or has an
/// action that takes effect after it. `priced` is the time of its last price.
pub fn is_late(action: &Action, known: &[Action], priced: Option<Timestamp>) -> bool {
    priced.is_some_and(|priced| priced >= action.time)
        || known.iter().any(|other| other.place() > action.place())
}

/// Whether an action comes late for its asset, or for the one whose units come. `touching` are the
/// actions in force that change an asset's units, `priced` the time of its last price.
pub fn is_late_for_any(
    action: &Action,
    touching: impl Fn(&Symbol) -> Vec<Action>,
    priced: impl Fn(&Symbol) -> Option<Timestamp>,
) -> bool {
    let assets = [Some(action.symbol), action.kind.target()];
    let mut assets = assets.into_iter().flatten();
    assets.any(|symbol| is_late(action, &touching(&symbol), priced(&symbol)))
}

fn of_asset(told: &[Action], known: &[Action]) -> Vec<Action> {
    let mut open: Vec<Action> = known.to_vec();
    let (mut news, mut left) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for action in told {
        // A feed's name that comes twice in one answer is one action.
        if action.id.is_some_and(|id| !seen.insert(id)) {
            continue;
        }
        let named = |other: &Action| action.id.is_some() && other.id == action.id;
        match take(&mut open, named) {
            Some(before) if before.has_terms_of(action) => {}
            Some(before) => news.push(correction(action, &before)),
            None => left.push(*action),
        }
    }
    // A cancellation without a name is of all that have no other news at its time.
    for cancel in left.extract_if(.., |action| action.kind == ActionKind::Cancel) {
        while let Some(before) = take(&mut open, |other| other.time == cancel.time) {
            if cancel.id.is_none() && before.kind != ActionKind::Cancel {
                news.push(correction(&cancel, &before));
            }
        }
    }
    left.retain(|action| take(&mut open, |other| other.has_terms_of(action)).is_none());
    for action in left {
        let before = take(&mut open, |other| {
            let is_nameless = |id: Option<ActionId>| id.is_none_or(|id| !id.is_of_feed());
            let is_like = other.kind.is_like(action.kind) || other.kind == ActionKind::Cancel;
            other.time == action.time
                && is_like
                && (is_nameless(action.id) || is_nameless(other.id))
        });
        match before {
            Some(before) => news.push(correction(&action, &before)),
            None => news.extend(named(&action, known, &news)),
        }
    }
    news
}

/// Removes and returns the first action that fits.
fn take(actions: &mut Vec<Action>, fits: impl Fn(&Action) -> bool) -> Option<Action> {
    let place = actions.iter().position(fits)?;
    Some(actions.remove(place))
}

/// New terms under the old name.
fn correction(action: &Action, before: &Action) -> Action {
    Action {
        id: before.id,
        ..*action
    }
}

/// A new action with a name; with the next number where its feed has none.
fn named(action: &Action, known: &[Action], news: &[Action]) -> Option<Action> {
    let is_taken = |id: &ActionId| {
        let mut all = known.iter().chain(news);
        all.any(|other| other.id.as_ref() == Some(id))
    };
    let mut numbers = 1..=known.len() + news.len() + 1;
    let id = match action.id {
        Some(id) => Some(id),
        None => numbers
            .find_map(|n| ActionId::nth(action.kind, action.time, n).filter(|id| !is_taken(id))),
    };
    Some(Action {
        id: Some(id?),
        ..*action
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Money, Ratio};

    fn action(time: i64, kind: ActionKind, id: Option<&str>) -> Action {
        Action::new(
            Timestamp(time),
            Symbol::parse("A").unwrap(),
            kind,
            id.map(|id| ActionId::stored(id).unwrap()),
        )
    }

    fn dividend(time: i64, cash: i64, id: Option<&str>) -> Action {
        action(time, ActionKind::Dividend(Money(cash)), id)
    }

    fn split(time: i64, ratio: &str, id: Option<&str>) -> Action {
        action(time, ActionKind::Split(Ratio::parse(ratio).unwrap()), id)
    }

    fn cancel(time: i64, id: Option<&str>) -> Action {
        action(time, ActionKind::Cancel, id)
    }

    fn news(told: &[Action], known: &[Action]) -> Vec<Action> {
        of_feed(told, |_| known)
    }

    #[test]
    fn equal_actions_without_names_are_told_apart_by_their_number() {
        let twice = [dividend(5, 4, None), dividend(5, 4, None)];
        let first = news(&twice, &[]);
        let (one, two) = (Some("dividend 5 1"), Some("dividend 5 2"));
        assert_eq!(first, [dividend(5, 4, one), dividend(5, 4, two)]);
        assert_eq!(news(&twice, &first), []);
        assert_eq!(news(&twice, &first[1..]), [dividend(5, 4, one)]);
        assert_eq!(news(&twice[..1], &first), [], "absence cancels nothing");
        assert_eq!(news(&[], &first), []);
    }

    #[test]
    fn other_terms_of_the_same_action_correct_it() {
        let known = [split(5, "3", Some("split 5 1")), dividend(5, 4, Some("d1"))];
        assert_eq!(
            news(&[split(5, "30", None), dividend(5, 4, Some("d1"))], &known),
            [split(5, "30", Some("split 5 1"))]
        );
        assert_eq!(
            news(&[dividend(9, 7, Some("d1"))], &known),
            [dividend(9, 7, Some("d1"))],
            "also at another time"
        );
        assert_eq!(
            news(&[split(9, "3", None)], &known),
            [split(9, "3", Some("split 9 1"))],
            "without a name, another time is another action"
        );
        let both = [dividend(5, 4, None), dividend(5, 6, None)];
        assert_eq!(
            news(&both, &known),
            [dividend(5, 6, Some("dividend 5 1"))],
            "what is the same is found first"
        );
    }

    #[test]
    fn a_ratio_that_was_stored_in_millionths_is_no_correction() {
        let known = [split(5, "333333/1000000", Some("split 5 1"))];
        assert_eq!(news(&[split(5, "1/3", None)], &known), []);
        assert_eq!(news(&[split(5, "1/3", Some("x"))], &known), []);
        assert_eq!(
            news(&[split(5, "1/4", None)], &known),
            [split(5, "1/4", Some("split 5 1"))]
        );
    }

    #[test]
    fn a_feed_that_gets_names_tells_nothing_new() {
        let known = [dividend(5, 4, Some("dividend 5 1"))];
        assert_eq!(news(&[dividend(5, 4, Some("x"))], &known), []);
        assert_eq!(
            news(&[dividend(5, 6, Some("x"))], &known),
            [dividend(5, 6, Some("dividend 5 1"))]
        );
        let equal = [dividend(5, 4, Some("x")), dividend(5, 4, Some("y"))];
        assert_eq!(news(&equal, &known), [dividend(5, 4, Some("y"))]);
        assert_eq!(news(&[equal[0], equal[0]], &[]), [equal[0]], "told twice");
        assert_eq!(
            news(&equal[1..], &equal[..1]),
            [],
            "another name, and the same"
        );
        let other = dividend(5, 5, Some("y"));
        assert_eq!(
            news(&[other], &equal[..1]),
            [other],
            "another name, and not the same"
        );
    }

    #[test]
    fn a_cancellation_takes_back_and_can_be_taken_back() {
        let known = [split(5, "3", Some("split 5 1")), dividend(5, 4, Some("d1"))];
        assert_eq!(
            news(&[cancel(5, None)], &known),
            [cancel(5, Some("split 5 1")), cancel(5, Some("d1"))]
        );
        assert_eq!(
            news(&[cancel(5, None), dividend(5, 4, Some("d1"))], &known),
            [cancel(5, Some("split 5 1"))]
        );
        assert_eq!(
            news(&[cancel(5, Some("d1"))], &known),
            [cancel(5, Some("d1"))]
        );
        assert_eq!(news(&[cancel(5, Some("d2")), cancel(6, None)], &known), []);
        let cancelled = [cancel(5, Some("split 5 1"))];
        assert_eq!(news(&[cancel(5, None)], &cancelled), []);
        assert_eq!(
            news(&[split(5, "2", None)], &cancelled),
            [split(5, "2", Some("split 5 1"))]
        );
    }
}
