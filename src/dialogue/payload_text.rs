//! spec/dialogue/payload_text.md · 4.7.1 Data Transfer Mechanism
//!
//! Payloads as words: the kind, then `name=value` in the order of the bytes, and one word for each
//! bar, position or transaction of a list.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::raw;
use crate::model::{Bar, ClientOrderId, Money, OpenValue, Quote, Timestamp, ValueError};
use crate::wire::payload::{
    AssetInfo, EntryDetail, Forecast, History, HistoryEntry, OpenOrders, OrderParameters,
    OwnIdentities, OwnSessions, OwnSummary, OwnTokens, PageEntry, Payload, PayloadKind, Portfolio,
    QuoteList, Receipt, SessionMoment, TextList, TransactionPage, UserInfo,
};

/// The payload's words.
///
/// # Errors
/// Bytes that are no payload of this kind.
pub fn text(kind: PayloadKind, bytes: &[u8]) -> Result<String, ValueError> {
    let words = match kind {
        PayloadKind::AssetInfo => asset_info(&AssetInfo::from_bytes(bytes)?),
        PayloadKind::Quote => quote(&Quote::from_bytes(bytes)?),
        PayloadKind::Bars => bars(&Vec::<Bar>::from_bytes(bytes)?),
        PayloadKind::UserInfo => user_info(&UserInfo::from_bytes(bytes)?),
        PayloadKind::Portfolio => portfolio(&Portfolio::from_bytes(bytes)?),
        PayloadKind::Transactions => transactions(&History::from_bytes(bytes)?),
        PayloadKind::Forecast => forecast(&Forecast::from_bytes(bytes)?),
        PayloadKind::List => list(&TextList::from_bytes(bytes)?),
        PayloadKind::Receipt => receipt(&Receipt::from_bytes(bytes)?),
        PayloadKind::Sessions => sessions(&OwnSessions::from_bytes(bytes)?),
        PayloadKind::Tokens => tokens(&OwnTokens::from_bytes(bytes)?),
        PayloadKind::Identities => identities(&OwnIdentities::from_bytes(bytes)?),
        PayloadKind::OpenOrders => open_orders(&OpenOrders::from_bytes(bytes)?),
        PayloadKind::AccountSummary => account_summary(&OwnSummary::from_bytes(bytes)?),
        PayloadKind::TransactionPage => page(&TransactionPage::from_bytes(bytes)?),
        PayloadKind::QuoteList => quote_list(&QuoteList::from_bytes(bytes)?),
    };
    Ok(words.join(" "))
}

/// What follows the kind in a payload's words: the beginnings of the words that every payload of
/// the kind has, in order. An empty one is a word without a name. In a list, rows follow.
pub const HEADS: &[(PayloadKind, &[&str])] = &[
    (
        PayloadKind::AssetInfo,
        &["", "time=", "open=", "high=", "low=", "close=", "volume="],
    ),
    (PayloadKind::Quote, &["time=", "value="]),
    (PayloadKind::Bars, &["count="]),
    (
        PayloadKind::UserInfo,
        &[
            "private=",
            "username=",
            "isPassword=",
            "created=",
            "email=",
            "cash=",
        ],
    ),
    (PayloadKind::Portfolio, &["private=", "count="]),
    (PayloadKind::Transactions, &["private=", "count="]),
    (
        PayloadKind::Forecast,
        &["method=", "time=", "value=", "low=", "high="],
    ),
    (PayloadKind::List, &["count="]),
    (PayloadKind::Receipt, &["count="]),
    (PayloadKind::Sessions, &["count="]),
    (PayloadKind::Tokens, &["count="]),
    (PayloadKind::Identities, &["count="]),
    (PayloadKind::OpenOrders, &["count="]),
    (
        PayloadKind::AccountSummary,
        &[
            "cash=",
            "reserved=",
            "buyingPower=",
            "value=",
            "equity=",
            "dayChange=",
            "realised=",
            "unrealised=",
            "fees=",
            "count=",
        ],
    ),
    (PayloadKind::TransactionPage, &["private=", "count="]),
    (PayloadKind::QuoteList, &["count="]),
];

/// The fewest words that follow the kind of a payload without rows: `UserInfo` leaves its last two
/// out where it is not private. `None` for lists.
pub fn least_words(kind: PayloadKind) -> Option<usize> {
    let (_, head) = HEADS.iter().find(|(known, _)| *known == kind)?;
    match kind {
        _ if head.contains(&"count=") => None,
        PayloadKind::UserInfo => head.len().checked_sub(2),
        _ => Some(head.len()),
    }
}

/// The rows of a `data` message's text: a word for each bar, position, transaction and so on.
///
/// # Errors
/// The message is no list.
pub fn rows(message: &str) -> Result<Vec<&str>, String> {
    let mut words = message.split(' ').peekable();
    let (first, kind) = (words.next(), words.next());
    let count = words
        .by_ref()
        .find_map(|word| word.strip_prefix("count=")?.parse::<usize>().ok())
        .filter(|_| first == Some("data"))
        .ok_or_else(|| format!("`{message}` has no rows"))?;
    if kind == Some("Portfolio") {
        let _ = words.next_if(|word| word.starts_with("cash="));
    }
    Ok(words.take(count).collect())
}

/// Escapes a text after `name=`. The empty text needs no `\e` there.
fn inline(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        raw::escape(text)
    }
}

fn asset_info(info: &AssetInfo) -> Vec<String> {
    let b = &info.bar;
    vec![
        "AssetInfo".to_owned(),
        info.symbol.to_string(),
        format!("time={}", b.time),
        format!("open={}", b.open),
        format!("high={}", b.high),
        format!("low={}", b.low),
        format!("close={}", b.close),
        format!("volume={}", b.volume),
    ]
}

fn quote(quote: &Quote) -> Vec<String> {
    vec![
        "Quote".to_owned(),
        format!("time={}", quote.time),
        format!("value={}", quote.value),
    ]
}

/// One word for each bar: time, open, high, low, close, volume.
fn bars(bars: &[Bar]) -> Vec<String> {
    let mut words = vec!["Bars".to_owned(), format!("count={}", bars.len())];
    words.extend(bars.iter().map(|b| {
        format!(
            "{},{},{},{},{},{}",
            b.time, b.open, b.high, b.low, b.close, b.volume
        )
    }));
    words
}

fn user_info(info: &UserInfo) -> Vec<String> {
    let mut words = vec![
        "UserInfo".to_owned(),
        format!("private={}", info.private.is_some()),
        format!("username={}", inline(&info.username)),
        format!("isPassword={}", info.is_password),
        format!("created={}", info.created),
    ];
    if let Some((email, cash)) = &info.private {
        words.push(format!("email={}", inline(email)));
        words.push(format!("cash={cash}"));
    }
    words
}

fn portfolio(portfolio: &Portfolio) -> Vec<String> {
    let head = |private: bool, count: usize| {
        vec![
            "Portfolio".to_owned(),
            format!("private={private}"),
            format!("count={count}"),
        ]
    };
    match portfolio {
        Portfolio::Private(cash, holdings) => {
            let mut words = head(true, holdings.len());
            words.push(format!("cash={cash}"));
            words.extend(holdings.iter().map(|h| {
                let (symbol, quantity) = (h.symbol, h.quantity);
                format!(
                    "{symbol},quantity={quantity},average={},value={}",
                    h.average_cost, h.value
                )
            }));
            words
        }
        Portfolio::Public(shares) => {
            let mut words = head(false, shares.len());
            words.extend(
                shares
                    .iter()
                    .map(|(symbol, share)| format!("{symbol},share={share}")),
            );
            words
        }
    }
}

fn transactions(history: &History) -> Vec<String> {
    let mut words = vec![
        "Transactions".to_owned(),
        format!("private={}", history.private),
        format!("count={}", history.entries.len()),
    ];
    words.extend(history.entries.iter().map(entry));
    words
}

fn entry(entry: &HistoryEntry) -> String {
    let settled = time_or_zero(entry.settled);
    let mut word = format!(
        "{},{},{},{},accepted={},settled={settled}",
        entry.id, entry.side, entry.status, entry.symbol, entry.accepted
    );
    if let Some(detail) = &entry.detail {
        word.push_str(&entry_detail(detail));
    }
    word
}

/// What only the owner of a transaction sees of it.
fn entry_detail(detail: &EntryDetail) -> String {
    let priced = if detail.price == Money::ZERO {
        "0".to_owned()
    } else {
        detail.priced.to_string()
    };
    let id = detail.client_order_id.as_ref();
    format!(
        ",quantity={},price={},total={},priced={priced},order={},reason={}",
        detail.quantity,
        detail.price,
        detail.total,
        inline(id.map_or("", ClientOrderId::as_str)),
        inline(detail.reason.as_ref().map_or("", OpenValue::as_str)),
    )
}

fn forecast(forecast: &Forecast) -> Vec<String> {
    vec![
        "Forecast".to_owned(),
        format!("method={}", inline(&forecast.method)),
        format!("time={}", forecast.time),
        format!("value={}", forecast.value),
        format!("low={}", forecast.low),
        format!("high={}", forecast.high),
    ]
}

fn list(list: &TextList) -> Vec<String> {
    let mut words = vec!["List".to_owned(), format!("count={}", list.0.len())];
    words.extend(list.0.iter().map(|text| raw::escape(text)));
    words
}

fn sessions(sessions: &OwnSessions) -> Vec<String> {
    let mut words = vec!["Sessions".to_owned(), format!("count={}", sessions.0.len())];
    words.extend(sessions.0.iter().map(|session| {
        format!(
            "{},current={},expirable={},method={},expiry={},made={},used={}",
            session.id,
            session.is_current,
            session.expirable,
            inline(&session.method),
            session.expiry,
            moment(&session.made),
            moment(&session.used),
        )
    }));
    words
}

fn tokens(tokens: &OwnTokens) -> Vec<String> {
    let mut words = vec!["Tokens".to_owned(), format!("count={}", tokens.0.len())];
    words.extend(tokens.0.iter().map(|token| {
        format!(
            "{},{},scope={},expiry={},made={},used={}",
            token.name,
            token.id,
            token.scope,
            token.expiry,
            moment(&token.made),
            moment(&token.used),
        )
    }));
    words
}

fn identities(identities: &OwnIdentities) -> Vec<String> {
    let count = format!("count={}", identities.0.len());
    let mut words = vec!["Identities".to_owned(), count];
    words.extend(identities.0.iter().map(|identity| {
        format!(
            "{},{},providers={},linked={}",
            inline(&identity.issuer),
            inline(&identity.subject),
            inline(&identity.providers),
            identity.linked,
        )
    }));
    words
}

/// What an order says: kind, prices, time in force, amount of money; empty where it says nothing.
fn parameters(order: &OrderParameters) -> String {
    fn text<T: ToString>(value: Option<&T>) -> String {
        value.map(T::to_string).unwrap_or_default()
    }
    format!(
        "kind={},limit={},stop={},time={},cash={}",
        inline(order.kind.as_ref().map_or("", OpenValue::as_str)),
        text(order.limit.as_ref()),
        text(order.stop.as_ref()),
        text(order.time_in_force.as_ref()),
        text(order.cash.as_ref()),
    )
}

/// A time; 0 where there is none.
fn time_or_zero(time: Timestamp) -> String {
    if time.0 == 0 {
        "0".to_owned()
    } else {
        time.to_string()
    }
}

fn page(page: &TransactionPage) -> Vec<String> {
    let mut words = vec![
        "TransactionPage".to_owned(),
        format!("private={}", page.private),
        format!("count={}", page.entries.len()),
    ];
    words.extend(page.entries.iter().map(page_entry));
    words
}

fn page_entry(entry: &PageEntry) -> String {
    let settled = time_or_zero(entry.settled);
    let mut word = format!(
        "{},{},{},{},accepted={},settled={settled}",
        entry.id, entry.side, entry.status, entry.symbol, entry.accepted
    );
    if let Some(detail) = &entry.detail {
        word.push_str(&format!(
            "{},{},fee={},cause={},note={}",
            entry_detail(&detail.entry),
            parameters(&detail.order),
            detail.fee,
            inline(&detail.cause),
            inline(&detail.note),
        ));
    }
    word
}

fn open_orders(orders: &OpenOrders) -> Vec<String> {
    let mut words = vec!["OpenOrders".to_owned(), format!("count={}", orders.0.len())];
    words.extend(orders.0.iter().map(|order| {
        let id = order.client_order_id.as_ref();
        format!(
            "{},{},{},{},accepted={},quantity={},{},until={},triggered={},reserve={},order={}",
            order.id,
            order.side,
            order.status,
            order.symbol,
            order.accepted,
            order.quantity,
            parameters(&order.order),
            time_or_zero(order.until),
            order.is_triggered,
            order.reserve,
            inline(id.map_or("", ClientOrderId::as_str)),
        )
    }));
    words
}

fn account_summary(summary: &OwnSummary) -> Vec<String> {
    let mut words = vec![
        "AccountSummary".to_owned(),
        format!("cash={}", summary.cash),
        format!("reserved={}", summary.reserved),
        format!("buyingPower={}", summary.buying_power),
        format!("value={}", summary.value),
        format!("equity={}", summary.equity),
        format!("dayChange={}", summary.day_change),
        format!("realised={}", summary.realised),
        format!("unrealised={}", summary.unrealised),
        format!("fees={}", summary.fees),
        format!("count={}", summary.positions.len()),
    ];
    words.extend(summary.positions.iter().map(|position| {
        format!(
            "{},units={},promised={},cost={},value={},previousClose={},realised={}",
            position.symbol,
            position.units,
            position.promised,
            position.cost,
            position.value,
            position.previous_close,
            position.realised,
        )
    }));
    words.push(format!("update={}", summary.update));
    words
}

/// One word for each asset: symbol, name, factor, flags, price with its time, previous close, day.
fn quote_list(list: &QuoteList) -> Vec<String> {
    let mut words = vec!["QuoteList".to_owned(), format!("count={}", list.rows.len())];
    words.extend(list.rows.iter().map(|row| {
        let price = row.quote.map_or("0,value=0".to_owned(), |quote| {
            format!("{},value={}", quote.time, quote.value)
        });
        let day = row.day.map_or("0,0,0,0".to_owned(), |day| {
            format!("{},{},{},{}", day.open, day.high, day.low, day.volume)
        });
        format!(
            "{},name={},factor={},new={},halted={},time={price},previousClose={},day={day}",
            row.symbol,
            inline(&row.name),
            row.factor,
            row.is_new(),
            row.is_halted(),
            row.previous_close.unwrap_or_default(),
        )
    }));
    words.push(format!("update={}", list.update));
    words
}

/// Time, address and worker; the time is 0 if there was none.
fn moment(moment: &SessionMoment) -> String {
    let at = time_or_zero(moment.at);
    format!("{at},{},{}", inline(&moment.client), inline(&moment.worker))
}

fn receipt(receipt: &Receipt) -> Vec<String> {
    let mut words = vec!["Receipt".to_owned(), format!("count={}", receipt.0.len())];
    words.extend(
        receipt
            .0
            .iter()
            .map(|(name, value)| format!("{}={}", inline(name), inline(value))),
    );
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_between_the_count_and_what_follows_them() {
        for (message, expected) in [
            ("data List count=2 AAPL count=3", "AAPL count=3"),
            ("data Bars count=0", ""),
            (
                "data Portfolio private=true count=1 cash=5 AAPL,quantity=1",
                "AAPL,quantity=1",
            ),
            (
                "data Portfolio private=false count=1 A,share=3",
                "A,share=3",
            ),
            (
                "data QuoteList count=2 A,name= B,name= update=7",
                "A,name= B,name=",
            ),
            ("data Receipt count=1 cash=5", "cash=5"),
        ] {
            assert_eq!(rows(message).unwrap().join(" "), expected, "{message}");
        }
        for none in [
            "pong",
            "data Quote time=x value=1",
            "data",
            "list count=1 a",
        ] {
            assert!(rows(none).unwrap_err().contains("has no rows"), "{none}");
        }
    }

    #[test]
    fn every_kind_has_its_head() {
        let kinds = crate::wire::instruction::TABLE
            .iter()
            .filter_map(|row| row.payload);
        for kind in kinds {
            assert!(HEADS.iter().any(|(known, _)| *known == kind), "{kind:?}");
        }
        assert_eq!(least_words(PayloadKind::UserInfo), Some(4));
        assert_eq!(least_words(PayloadKind::Quote), Some(2));
        assert_eq!(least_words(PayloadKind::Bars), None);
    }
}
