//! spec/cli/ctl.md · 3.1.5 (the administrator's side)
//!
//! Which order a part of a transaction ID means.

use crate::admin::model::OrderList;
use uuid::Uuid;

/// A part of an ID that selects an order has at least so many hexadecimal digits.
const ID_PART_MIN: usize = 8;

/// Whether a text is a transaction ID as a whole.
pub(super) fn is_whole(text: &str) -> bool {
    Uuid::try_parse(text).is_ok()
}

/// The ID of the one order that waits whose ID begins or ends with this part.
///
/// # Errors
/// No order has such an ID, or more than one, or nobody knows, since the list has not all of them;
/// or the part is too short.
pub(super) fn select<'a>(list: &'a OrderList, part: &str) -> Result<&'a str, String> {
    let part = part.to_ascii_lowercase();
    // Few digits are soon those of another order than the person means.
    if part.chars().filter(char::is_ascii_hexdigit).count() < ID_PART_MIN {
        return Err(format!(
            "a part of an ID is at least {ID_PART_MIN} hexadecimal digits of its beginning or end"
        ));
    }
    if list.more > 0 {
        let count = list.orders.len();
        return Err(format!(
            "more than {count} orders wait, and one that is not looked at may have such an ID too; \
             give it as a whole"
        ));
    }
    let ids = list.orders.iter().map(|order| order.id.as_str());
    let mut found = ids.filter(|id| id.starts_with(&part) || id.ends_with(&part));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(format!(
            "more than one order that waits has {part} in its ID"
        )),
        (None, _) => Err(format!(
            "no order that waits has an ID that begins or ends with {part}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::model::OrderSummary;

    fn order(id: &str) -> OrderSummary {
        OrderSummary {
            id: id.to_owned(),
            user: "ada".to_owned(),
            accepted: "2013-03-01T00:00:00.000Z".to_owned(),
            side: "buy".to_owned(),
            symbol: "AAPL".to_owned(),
            amount: "1".to_owned(),
            kind: "limit".to_owned(),
            limit: Some("5".to_owned()),
            stop: None,
            time_in_force: Some("gtc".to_owned()),
            until: None,
            status: "open".to_owned(),
            reserved: None,
        }
    }

    #[test]
    fn an_order_is_selected_by_a_part_of_its_id_that_no_other_has() {
        let first = "01997a3e-8a4e-7c21-9d1c-2f60c1d4b7aa";
        let second = "01997a3e-8a4e-7c21-9d1c-2f60c1d4b7bb";
        let mut list = OrderList {
            orders: vec![order(first), order(second)],
            more: 0,
        };
        assert!(is_whole(first) && !is_whole("2f60c1d4b7aa"));
        assert_eq!(select(&list, "2f60c1d4b7aa"), Ok(first));
        assert_eq!(select(&list, "60C1D4B7BB"), Ok(second));
        for (part, why) in [
            ("c1d4b7a", "at least 8"),
            ("1d4b7aa-", "at least 8"),
            ("01997a3e", "more than one"),
            ("2f60c1d4b7cc", "no order"),
        ] {
            let told = select(&list, part).unwrap_err();
            assert!(told.contains(why), "{part}: {told}");
        }
        list.more = 1;
        let told = select(&list, "2f60c1d4b7aa").unwrap_err();
        assert!(told.contains("as a whole"), "{told}");
    }
}
