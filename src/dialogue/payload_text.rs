//! spec/dialogue/payload_text.md · 4.7.1 Data Transfer Mechanism
//!
//! Payloads as words: the kind, then `name=value` in the order of the bytes, and one word for each
//! bar, position or transaction of a list.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::raw;
use crate::model::{Bar, ClientOrderId, Money, OpenValue, Quote, ValueError};
use crate::wire::payload::{
    AssetInfo, Forecast, History, HistoryEntry, OwnIdentities, OwnSessions, OwnTokens, Payload,
    PayloadKind, Portfolio, Receipt, SessionMoment, TextList, UserInfo,
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
    };
    Ok(words.join(" "))
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
    let HistoryEntry {
        id,
        side,
        status,
        symbol,
        accepted,
        settled,
        ..
    } = entry;
    let settled = if settled.0 == 0 {
        "0".to_owned()
    } else {
        settled.to_string()
    };
    let mut word = format!("{id},{side},{status},{symbol},accepted={accepted},settled={settled}");
    if let Some(detail) = &entry.detail {
        let priced = if detail.price == Money::ZERO {
            "0".to_owned()
        } else {
            detail.priced.to_string()
        };
        word.push_str(&format!(
            ",quantity={},price={},total={},priced={priced},order={},reason={}",
            detail.quantity,
            detail.price,
            detail.total,
            inline(
                detail
                    .client_order_id
                    .as_ref()
                    .map_or("", ClientOrderId::as_str)
            ),
            inline(detail.reason.as_ref().map_or("", OpenValue::as_str)),
        ));
    }
    word
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

/// Time, address and worker; the time is 0 if there was none.
fn moment(moment: &SessionMoment) -> String {
    let at = if moment.at.0 == 0 {
        "0".to_owned()
    } else {
        moment.at.to_string()
    };
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
