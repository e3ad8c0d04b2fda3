//! spec/master/assets/providers/alpaca.md · 3.1.6 (the provider for stocks)
//!
//! Reads Alpaca's renames, mergers, spin-offs and removals, as far as their meaning is sure.

use super::super::http::{price, ratio};
use super::{action_id, ex_time};
use crate::model::{Action, ActionId, ActionKind, Money, Symbol, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An action of one of the kinds that this file reads. Which fields there are depends on the kind.
#[derive(Deserialize)]
struct Answer<'a> {
    id: Option<String>,
    currency: Option<String>,
    symbol: Option<String>,
    old_symbol: Option<String>,
    source_symbol: Option<String>,
    acquiree_symbol: Option<String>,
    new_symbol: Option<String>,
    acquirer_symbol: Option<String>,
    alternate_symbol: Option<String>,
    ex_date: Option<String>,
    effective_date: Option<String>,
    process_date: Option<String>,
    #[serde(borrow)]
    rate: Option<&'a RawValue>,
    #[serde(borrow)]
    cash_rate: Option<&'a RawValue>,
    #[serde(borrow)]
    old_rate: Option<&'a RawValue>,
    #[serde(borrow)]
    source_rate: Option<&'a RawValue>,
    #[serde(borrow)]
    acquiree_rate: Option<&'a RawValue>,
    #[serde(borrow)]
    new_rate: Option<&'a RawValue>,
    #[serde(borrow)]
    acquirer_rate: Option<&'a RawValue>,
    #[serde(borrow)]
    alternate_rate: Option<&'a RawValue>,
}

/// What an action of a kind does; nothing where it changes no position. `None` where the kind or
/// its form is not known, or its cash is in another currency than USD.
pub fn actions_of(kind: &str, raw: &RawValue) -> Option<Vec<Action>> {
    let answer: Answer<'_> = serde_json::from_str(raw.get()).ok()?;
    match kind {
        "name_changes" => answer.rename(),
        "reverse_splits" => answer.rename_of_split(),
        "spin_offs" => answer.spin_off(),
        "stock_mergers" => answer.merger(Money::ZERO),
        "stock_and_cash_mergers" => answer.stock_and_cash(),
        "cash_mergers" | "redemptions" => answer.delisting(),
        "worthless_removals" => answer.removal(),
        "unit_splits" => answer.unit_split(),
        _ => None,
    }
}

/// Whether cash of this kind is in the account's currency.
pub fn is_in_dollars(raw: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Currency {
        currency: Option<String>,
    }
    let answer = serde_json::from_str::<Currency>(raw.get()).ok();
    let currency = answer.and_then(|answer| answer.currency);
    is_dollar(currency.as_deref())
}

/// Whether a currency is USD, which it also is where none is named.
fn is_dollar(currency: Option<&str>) -> bool {
    currency.is_none_or(|it| it.is_empty() || it == "USD")
}

fn symbol(text: Option<&String>) -> Option<Symbol> {
    Symbol::parse(text?).ok()
}

impl Answer<'_> {
    fn action(&self, time: Timestamp, symbol: Symbol, kind: ActionKind) -> Action {
        let id = self.id.as_deref().map(action_id);
        Action::new(time, symbol, kind, id)
    }

    /// The name of a second action that the answer has beside its own.
    fn second_id(&self, word: &str) -> Option<ActionId> {
        let id = self.id.as_deref();
        id.map(|id| ActionId::hashed(&format!("{id} {word}")))
    }

    /// What is said to be a rename to the same symbol changes the company's name alone.
    fn rename(&self) -> Option<Vec<Action>> {
        let time = ex_time(self.process_date.as_deref()?)?;
        let (old, new) = (
            symbol(self.old_symbol.as_ref())?,
            symbol(self.new_symbol.as_ref())?,
        );
        let rename = self.action(time, old, ActionKind::Rename(new));
        Some([rename].into_iter().filter(|_| old != new).collect())
    }

    /// The rename that comes with a reverse split, where there is one.
    fn rename_of_split(&self) -> Option<Vec<Action>> {
        let old = symbol(self.symbol.as_ref())?;
        let new = self.new_symbol.as_ref().filter(|new| !new.is_empty());
        let Some(new) = new.filter(|new| *new != old.as_str()) else {
            return Some(Vec::new());
        };
        let time = ex_time(self.ex_date.as_deref()?)?;
        let kind = ActionKind::Rename(Symbol::parse(new).ok()?);
        Some(vec![Action::new(time, old, kind, self.second_id("rename"))])
    }

    fn spin_off(&self) -> Option<Vec<Action>> {
        let time = ex_time(self.ex_date.as_deref()?)?;
        let source = symbol(self.source_symbol.as_ref())?;
        let new = symbol(self.new_symbol.as_ref()).filter(|new| *new != source)?;
        let ratio = ratio(self.new_rate?, self.source_rate?)?;
        Some(vec![self.action(
            time,
            source,
            ActionKind::SpinOff { new, ratio },
        )])
    }

    fn merger(&self, cash: Money) -> Option<Vec<Action>> {
        let time = ex_time(self.effective_date.as_deref()?)?;
        let old = symbol(self.acquiree_symbol.as_ref())?;
        let new = symbol(self.acquirer_symbol.as_ref()).filter(|new| *new != old)?;
        let ratio = ratio(self.acquirer_rate?, self.acquiree_rate?)?;
        Some(vec![self.action(
            time,
            old,
            ActionKind::Merge { new, ratio, cash },
        )])
    }

    /// For how many units the cash is, the documentation does not say: where it is one, that is sure.
    fn stock_and_cash(&self) -> Option<Vec<Action>> {
        let is_of_one = price(self.acquiree_rate?).is_ok_and(|rate| rate == Money(1_000_000));
        let cash = price(self.cash_rate?).ok()?;
        self.dollars().filter(|()| is_of_one)?;
        self.merger(cash)
    }

    fn delisting(&self) -> Option<Vec<Action>> {
        let date = self.effective_date.as_ref().or(self.process_date.as_ref());
        let time = ex_time(date?)?;
        let old = symbol(self.acquiree_symbol.as_ref().or(self.symbol.as_ref()))?;
        let each = price(self.rate?).ok()?;
        self.dollars()?;
        Some(vec![self.action(time, old, ActionKind::Delist(each))])
    }

    fn removal(&self) -> Option<Vec<Action>> {
        let time = ex_time(self.process_date.as_deref()?)?;
        let kind = ActionKind::Delist(Money::ZERO);
        Some(vec![self.action(time, symbol(self.symbol.as_ref())?, kind)])
    }

    /// A unit falls into a share and a part of a warrant or right.
    fn unit_split(&self) -> Option<Vec<Action>> {
        let time = ex_time(self.effective_date.as_deref()?)?;
        let old = symbol(self.old_symbol.as_ref())?;
        let new = symbol(self.new_symbol.as_ref()).filter(|new| *new != old)?;
        let part = symbol(self.alternate_symbol.as_ref()).filter(|part| *part != old)?;
        let merger = ActionKind::Merge {
            new,
            ratio: ratio(self.new_rate?, self.old_rate?)?,
            cash: Money::ZERO,
        };
        let parts = ActionKind::SpinOff {
            new: part,
            ratio: ratio(self.alternate_rate?, self.old_rate?)?,
        };
        let parts = Action::new(time, old, parts, self.second_id("alternate"));
        Some(vec![parts, self.action(time, old, merger)])
    }

    fn dollars(&self) -> Option<()> {
        is_dollar(self.currency.as_deref()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, json: &str) -> Option<Vec<String>> {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        let actions = actions_of(kind, &raw)?;
        let text = |it: &Action| format!("{} {} {}", it.time.date(), it.symbol, it.kind);
        Some(actions.iter().map(text).collect())
    }

    #[test]
    fn the_documented_forms_are_understood() {
        for (kind, json, expected) in [
            (
                "name_changes",
                r#"{"id":"1","old_symbol":"OLDN","old_cusip":"0","new_symbol":"NEWN","new_cusip":"1","process_date":"2023-08-15"}"#,
                &["2023-08-15 OLDN renamed to NEWN"][..],
            ),
            (
                "name_changes",
                r#"{"id":"1","old_symbol":"SAME","new_symbol":"SAME","process_date":"2023-08-15"}"#,
                &[],
            ),
            (
                "reverse_splits",
                r#"{"id":"1","symbol":"MNT","new_symbol":"MNTX","new_rate":1,"old_rate":50,"ex_date":"2023-08-24"}"#,
                &["2023-08-24 MNT renamed to MNTX"],
            ),
            (
                "reverse_splits",
                r#"{"id":"1","symbol":"MNT","new_rate":1,"old_rate":50,"ex_date":"2023-08-24"}"#,
                &[],
            ),
            (
                "spin_offs",
                r#"{"id":"1","source_symbol":"JUP","source_rate":19.35,"new_symbol":"SRM","new_rate":1,"ex_date":"2023-08-15","process_date":"2023-08-16"}"#,
                &["2023-08-15 JUP spin-off of 20/387 SRM"],
            ),
            (
                "stock_mergers",
                r#"{"id":"1","acquirer_symbol":"EXR","acquirer_rate":0.895,"acquiree_symbol":"LSI","acquiree_rate":1,"effective_date":"2023-07-20"}"#,
                &["2023-07-20 LSI merged into 179/200 EXR"],
            ),
            (
                "stock_and_cash_mergers",
                r#"{"id":"1","acquirer_symbol":"FRBA","acquirer_rate":0.5,"acquiree_symbol":"MLVF","acquiree_rate":1,"cash_rate":7.8,"effective_date":"2023-07-18"}"#,
                &["2023-07-18 MLVF merged into 1/2 FRBA and 7.8 of cash"],
            ),
            (
                "cash_mergers",
                r#"{"id":"1","acquirer_symbol":"B","acquiree_symbol":"A","rate":21.5,"effective_date":"2023-07-18","process_date":"2023-07-19","currency":"USD"}"#,
                &["2023-07-18 A delisted at 21.5"],
            ),
            (
                "redemptions",
                r#"{"id":"1","symbol":"ORP","rate":0.141134,"process_date":"2023-06-13"}"#,
                &["2023-06-13 ORP delisted at 0.141134"],
            ),
            (
                "worthless_removals",
                r#"{"id":"1","symbol":"BLP","process_date":"2024-12-19"}"#,
                &["2024-12-19 BLP delisted at 0"],
            ),
            (
                "unit_splits",
                r#"{"id":"1","old_symbol":"TPBAU","old_rate":1,"new_symbol":"LVRO","new_rate":1,"alternate_symbol":"LVROW","alternate_rate":0.5,"effective_date":"2023-03-01"}"#,
                &[
                    "2023-03-01 TPBAU spin-off of 1/2 LVROW",
                    "2023-03-01 TPBAU merged into 1 LVRO",
                ],
            ),
        ] {
            assert_eq!(read(kind, json).unwrap(), expected, "{kind}");
        }
    }

    #[test]
    fn what_is_not_sure_is_not_read() {
        for (kind, json) in [
            (
                "rights_distributions",
                r#"{"id":"1","source_symbol":"IFN","new_symbol":"IFN.R","rate":1,"ex_date":"2024-04-17"}"#,
            ),
            ("name_changes", r#"{"old_symbol":"A","new_symbol":"B"}"#),
            (
                "cash_mergers",
                r#"{"acquiree_symbol":"A","rate":21.5,"effective_date":"2023-07-18","currency":"EUR"}"#,
            ),
            (
                "cash_mergers",
                r#"{"acquiree_symbol":"A","rate":-1,"effective_date":"2023-07-18"}"#,
            ),
            (
                "stock_and_cash_mergers",
                r#"{"acquirer_symbol":"B","acquirer_rate":1,"acquiree_symbol":"A","acquiree_rate":2,"cash_rate":1,"effective_date":"2023-07-18"}"#,
            ),
            (
                "spin_offs",
                r#"{"source_symbol":"A","source_rate":0,"new_symbol":"B","new_rate":1,"ex_date":"2023-08-15"}"#,
            ),
        ] {
            assert_eq!(read(kind, json), None, "{kind} {json}");
        }
    }

    #[test]
    fn the_two_actions_of_one_answer_have_two_names() {
        let json = r#"{"id":"1","old_symbol":"A","old_rate":1,"new_symbol":"B","new_rate":1,"alternate_symbol":"C","alternate_rate":1,"effective_date":"2023-03-01"}"#;
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        let actions = actions_of("unit_splits", &raw).unwrap();
        assert!(actions[0].id.is_some() && actions[0].id != actions[1].id);
        assert!(is_in_dollars(&raw));
    }
}
