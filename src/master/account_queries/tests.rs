//! spec/master/account_queries.md · 4.6.14 to 4.6.16 (public and private)

use super::receipt::rule;
use super::*;
use crate::config::MasterConfig;
use crate::link::envelope::BODY_MAX;
use crate::master::testing::{
    FakeLink, MasterRig, TestUser, email, link_request, money, order, quantity, reason, symbol,
};
use crate::model::{Quantity, Side, Timestamp, TransactionStatus};
use crate::wire::payload::{History, Receipt};
use crate::wire::{Reply, Request};

struct Desk {
    rig: MasterRig,
    link: FakeLink,
    alice: TestUser,
    bob: TestUser,
}

impl Desk {
    fn new() -> Desk {
        Desk::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut MasterConfig)) -> Desk {
        let mut rig = MasterRig::with(|config| {
            config.starting_cash = money("1000");
            change(config);
        });
        let mut link = rig.link("eu1");
        let alice = rig.user(&mut link, "Alice");
        let bob = rig.user(&mut link, "bob");
        Desk {
            rig,
            link,
            alice,
            bob,
        }
    }

    fn buy(&mut self, name: &str, units: &str) {
        let order = order(
            self.link.reply_to(),
            self.alice.account,
            Side::Buy,
            name,
            units,
        );
        self.rig.order_all(vec![order]);
        self.link.heard();
    }

    fn refused(&mut self, request: Request) -> Reason {
        self.rig.refused(&mut self.link, request)
    }
}

fn info_of(asker: &TestUser, name: &str) -> Request {
    Request::UserInfo {
        session: asker.session.clone(),
        username: Username::parse(name).unwrap(),
    }
}

fn portfolio_of(asker: &TestUser, name: &str) -> Request {
    Request::UserPortfolio {
        session: asker.session.clone(),
        username: Username::parse(name).unwrap(),
    }
}

fn history_of(asker: &TestUser, name: &str) -> Request {
    Request::UserHistory {
        session: asker.session.clone(),
        username: Username::parse(name).unwrap(),
    }
}

fn receipt_of(asker: &TestUser, id: Uuid) -> Request {
    Request::Receipt {
        session: asker.session.clone(),
        id,
    }
}

#[test]
fn an_account_is_seen_whole_by_itself_and_in_part_by_others() {
    let mut desk = Desk::new();
    let own: UserInfo = desk
        .rig
        .payload(&mut desk.link, info_of(&desk.alice, "ALICE"));
    assert_eq!(own.username, "Alice");
    assert_eq!(own.private, Some((email("Alice"), money("1000"))));
    assert_eq!((own.is_password, own.created), (true, Timestamp(1_000)));
    let others: UserInfo = desk
        .rig
        .payload(&mut desk.link, info_of(&desk.bob, "alice"));
    assert_eq!(
        others,
        UserInfo {
            private: None,
            ..own
        }
    );
}

#[test]
fn nobody_is_found_under_a_name_that_nobody_has() {
    let mut desk = Desk::new();
    for request in [
        info_of(&desk.alice, "carol"),
        portfolio_of(&desk.alice, "carol"),
        history_of(&desk.alice, "carol"),
    ] {
        assert_eq!(desk.refused(request), Reason::UnknownUser);
    }
    // Who registers meanwhile is found: only those who are there are remembered.
    desk.rig.account("carol");
    let carol: UserInfo = desk
        .rig
        .payload(&mut desk.link, info_of(&desk.alice, "carol"));
    assert_eq!(carol.username, "carol");
}

#[test]
fn a_portfolio_shows_its_owner_values_and_others_shares() {
    let mut desk = Desk::new();
    let account = desk.alice.account;
    let held = [("AAPL", "2", "150"), ("IBM", "3", "100"), ("NEW", "1", "5")];
    desk.rig.give(account, "50", &held);
    let own: Portfolio = desk
        .rig
        .payload(&mut desk.link, portfolio_of(&desk.alice, "alice"));
    let holding = |name: &str, units: &str, average_cost: &str, value: &str| Holding {
        symbol: symbol(name),
        quantity: quantity(units),
        average_cost: money(average_cost),
        value: money(value),
    };
    let expected = vec![
        holding("AAPL", "2", "75", "200"),
        holding("IBM", "3", "33.333333", "150"),
        holding("NEW", "1", "5", "0"),
    ];
    assert_eq!(
        own,
        Portfolio::Private(money("50"), expected),
        "what has no price is worth 0"
    );
    let others: Portfolio = desk
        .rig
        .payload(&mut desk.link, portfolio_of(&desk.bob, "alice"));
    let shares = vec![
        (symbol("AAPL"), 5_000),
        (symbol("IBM"), 3_750),
        (symbol("NEW"), 0),
    ];
    assert_eq!(
        others,
        Portfolio::Public(shares),
        "of cash and positions together"
    );
}

#[test]
fn an_empty_portfolio_has_no_shares() {
    let mut desk = Desk::new();
    let account = desk.alice.account;
    desk.rig.give(account, "0", &[("NEW", "1", "5")]);
    let others: Portfolio = desk
        .rig
        .payload(&mut desk.link, portfolio_of(&desk.bob, "alice"));
    assert_eq!(
        others,
        Portfolio::Public(vec![(symbol("NEW"), 0)]),
        "of nothing"
    );
}

#[test]
fn a_history_shows_its_owner_prices_and_others_what_was_traded() {
    let mut desk = Desk::new();
    desk.rig.settle(&[("AAPL", "1")]);
    desk.buy("AAPL", "1");
    desk.buy("AAPL", "100");
    desk.rig.settle(&[("AAPL", "20")]);
    desk.link.heard();
    desk.buy("IBM", "2");
    let own: History = desk
        .rig
        .payload(&mut desk.link, history_of(&desk.alice, "alice"));
    assert!(own.private);
    let told: Vec<(TransactionStatus, Quantity, Money, Money, &str)> = own
        .entries
        .iter()
        .map(|entry| {
            let detail = entry.detail.as_ref().unwrap();
            (
                entry.status.known().unwrap(),
                detail.quantity,
                detail.price,
                detail.total,
                detail.reason.as_ref().map_or("", OpenValue::as_str),
            )
        })
        .collect();
    let zero = Money::ZERO;
    assert_eq!(
        told,
        [
            (TransactionStatus::Queued, quantity("2"), zero, zero, ""),
            (
                TransactionStatus::Rejected,
                quantity("100"),
                zero,
                zero,
                "insufficient-funds"
            ),
            (
                TransactionStatus::Settled,
                quantity("1"),
                money("20"),
                money("20"),
                ""
            ),
        ],
        "the newest first"
    );
    assert_eq!(own.entries[0].settled, Timestamp(0));
    let others: History = desk
        .rig
        .payload(&mut desk.link, history_of(&desk.bob, "alice"));
    assert!(!others.private);
    assert_eq!(others.entries.len(), 3);
    for (shown, whole) in others.entries.iter().zip(&own.entries) {
        assert_eq!((shown.id, shown.detail.is_some()), (whole.id, false));
    }
}

#[test]
fn a_receipt_explains_ones_own_transaction_and_no_other() {
    let mut desk = Desk::new();
    desk.buy("AAPL", "2");
    let update = desk.rig.settle(&[("AAPL", "20")]);
    desk.link.heard();
    let history: History = desk
        .rig
        .payload(&mut desk.link, history_of(&desk.alice, "alice"));
    let id = history.entries[0].id;
    let Receipt(rows) = desk
        .rig
        .payload(&mut desk.link, receipt_of(&desk.alice, id));
    let row = |name: &str| {
        let found = rows.iter().find(|(row, _)| row == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(row("transaction"), Some(id.to_string().as_str()));
    assert_eq!(
        (row("worker"), row("price"), row("total")),
        (Some("eu1"), Some("20 USD"), Some("40 USD"))
    );
    assert_eq!(row("update"), Some(update.number.to_string().as_str()));
    assert_eq!((row("queue position"), row("reason")), (Some("1"), None));
    assert!(row("rule").unwrap().contains("rounded up"));
    assert_eq!(desk.refused(receipt_of(&desk.bob, id)), Reason::NoData);
    assert_eq!(
        desk.refused(receipt_of(&desk.alice, Uuid::nil())),
        Reason::NoData
    );
}

#[test]
fn an_order_of_the_first_edition_that_waited_is_explained_by_its_bar() {
    let mut desk = Desk::new();
    desk.buy("AAPL", "2");
    desk.rig.settle(&[("AAPL", "20")]);
    desk.link.heard();
    let history = history_of(&desk.alice, "alice");
    let history: History = desk.rig.payload(&mut desk.link, history);
    let id = history.entries[0].id;
    let told = |desk: &mut Desk| {
        let asked = receipt_of(&desk.alice, id);
        let Receipt(rows) = desk.rig.payload(&mut desk.link, asked);
        rows
    };
    let has = |rows: &[(String, String)], name: &str, part: &str| {
        rows.iter()
            .any(|(key, value)| key == name && value.contains(part))
    };
    let rows = told(&mut desk);
    assert!(has(&rows, "rule", "first update"), "{rows:?}");
    assert!(!has(&rows, "open", ""), "{rows:?}");
    // The same as an open order, which a later bar filled.
    desk.rig.engine.execute(
        "INSERT INTO fill_bars (number, open, high, low)
         SELECT number, 19000000, 21000000, 18000000 FROM transactions",
    );
    let rows = told(&mut desk);
    assert!(has(&rows, "rule", "waited, and filled"), "{rows:?}");
    for (name, value) in [("open", "19 USD"), ("high", "21 USD"), ("low", "18 USD")] {
        assert!(has(&rows, name, value), "{name}: {rows:?}");
    }
}

#[test]
fn a_receipt_tells_what_the_fee_was_made_of_when_the_order_filled() {
    let mut desk = Desk::with(|config| {
        config.fees.per_order = money("1");
        config.fees.per_unit = money("0.25");
    });
    desk.buy("AAPL", "2");
    desk.rig.settle(&[("AAPL", "20")]);
    desk.link.heard();
    let history = history_of(&desk.alice, "alice");
    let history: History = desk.rig.payload(&mut desk.link, history);
    let id = history.entries[0].id;
    let told = |desk: &mut Desk| {
        let asked = receipt_of(&desk.alice, id);
        let Receipt(rows) = desk.rig.payload(&mut desk.link, asked);
        let rows = rows.into_iter();
        rows.map(|(name, value)| format!("{name}: {value}"))
            .collect::<Vec<_>>()
    };
    let rows = told(&mut desk);
    let at = rows.iter().position(|row| row == "value: 40 USD").unwrap();
    let expected = [
        "fee: 1.5 USD",
        "fee per order: 1 USD",
        "fee per unit: 0.5 USD",
        "total: 41.5 USD",
    ];
    assert_eq!(rows[at + 1..][..expected.len()], expected);
    let rule = rows.last().unwrap();
    assert!(rule.ends_with("; fee = 1 USD + quantity × 0.25 USD, rounded up"));
    // As a fill that is older than the schedules.
    desk.rig
        .engine
        .execute("UPDATE transactions SET fee_schedule = NULL");
    let rows = told(&mut desk);
    assert_eq!(rows[at + 1..][..2], ["fee: 1.5 USD", "total: 41.5 USD"]);
    assert!(rows.last().unwrap().ends_with("and the fee"), "{rows:?}");
}

#[test]
fn each_kind_and_end_of_a_transaction_has_its_rule() {
    use TransactionStatus::{Queued, Rejected, Settled};
    let rules = [
        rule(Side::Buy, Queued, None),
        rule(Side::Buy, Settled, None),
        rule(Side::Split, Settled, None),
        rule(Side::Dividend, Settled, None),
        rule(Side::Sell, Rejected, Some(Reason::InsufficientHoldings)),
        rule(Side::Sell, Rejected, Some(Reason::NoPrice)),
    ];
    let different: std::collections::BTreeSet<&str> = rules.into_iter().collect();
    assert_eq!(different.len(), rules.len());
    assert_eq!(rule(Side::Sell, Queued, None), rules[0]);
}

#[test]
fn a_database_that_cannot_be_read_is_said_to_be_so() {
    let mut desk = Desk::new();
    desk.rig.break_table("transactions");
    desk.rig.break_table("positions");
    let requests = [
        portfolio_of(&desk.alice, "alice"),
        history_of(&desk.alice, "alice"),
        receipt_of(&desk.alice, Uuid::nil()),
    ];
    let asked = requests.map(|request| (desk.link.reply_to(), link_request(request)));
    desk.rig.handle(asked.into());
    let replies = desk.link.replies();
    assert_eq!(replies.len(), 3);
    assert!(
        replies
            .iter()
            .all(|(_, reply)| reason(reply) == Reason::InternalError)
    );
    // What needs none of it is answered all the same.
    let own: UserInfo = desk
        .rig
        .payload(&mut desk.link, info_of(&desk.alice, "alice"));
    assert_eq!(own.username, "Alice");
}

#[test]
fn answers_keep_the_order_of_their_questions() {
    let mut desk = Desk::new();
    let requests = [
        info_of(&desk.bob, "alice"),
        info_of(&desk.bob, "carol"),
        info_of(&desk.bob, "bob"),
    ];
    let asked = requests.map(|request| (desk.link.reply_to(), link_request(request)));
    desk.rig.handle(asked.into());
    let replies = desk.link.replies();
    let first = replies[0].0;
    let numbers: Vec<u64> = replies
        .iter()
        .map(|(sequence, _)| sequence - first)
        .collect();
    assert_eq!(numbers, [0, 1, 2]);
    assert!(matches!(replies[0].1, Reply::Data(..)));
    assert_eq!(reason(&replies[1].1), Reason::UnknownUser);
}

#[test]
fn an_answer_beyond_what_a_message_holds_travels_in_several() {
    const ROWS: usize = 16_000;
    let mut desk = Desk::new();
    // As a trader who has traded for years.
    desk.rig.engine.execute(&format!(
        "WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS})
         INSERT INTO transactions (number, id, account, side, status, symbol, quantity, asked, accepted, settled,
         price, total, priced, stamped, ordered, update_number)
         SELECT n, CAST(printf('%016d', n) AS BLOB), {}, 1, 1, 'AAPL', 1, 1, n, n, 1, 1, n, n, n, 1 FROM numbers",
        desk.alice.account.0
    ));
    let reply_to = desk.link.reply_to();
    let sequence = reply_to.sequence;
    let after = desk.link.reply_to();
    let after_sequence = after.sequence;
    let asked = vec![
        (reply_to, link_request(history_of(&desk.alice, "alice"))),
        (after, link_request(info_of(&desk.alice, "carol"))),
    ];
    desk.rig.handle(asked);
    let mut answers = desk.link.answers();
    // Short answers do not wait for it.
    let first = answers.remove(0);
    assert_eq!(
        (first.sequence, reason(&first.reply())),
        (after_sequence, Reason::UnknownUser)
    );
    assert!(answers.len() > 1, "{} messages", answers.len());
    let mut reassembly = crate::wire::Reassembly::default();
    let mut payload = None;
    for heard in &answers {
        assert_eq!(heard.sequence, sequence);
        let size: usize = heard.frames.iter().map(|(_, data)| data.len()).sum();
        assert!(size <= BODY_MAX);
        for (header, data) in &heard.frames {
            payload = payload.or(reassembly.push(header, data).unwrap());
        }
    }
    let history = History::from_bytes(&payload.unwrap()).unwrap();
    assert_eq!(history.entries.len(), ROWS);
}
