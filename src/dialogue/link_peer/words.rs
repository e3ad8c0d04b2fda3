//! spec/dialogue/link_peer.md · 4.1, 4.3.1
//!
//! The link's own messages as words.

use crate::dialogue::raw::escape;
use crate::link::message::{Prices, SessionHashes, SessionState, Welcome};
use crate::model::SessionHash;
use crate::wire::Instruction;
use crate::wire::payload::Payload;
use std::fmt::Write;
use std::time::Duration;

/// The words of a binary message from the master; `None` for other messages.
pub(super) fn link_message(
    instruction: Instruction,
    data: &[u8],
) -> Option<Result<String, String>> {
    Some(match instruction {
        Instruction::LinkWelcome => Welcome::from_bytes(data).map(|welcome| {
            let millis = u64::try_from(welcome.update_interval).unwrap_or_default();
            format!(
                "linkWelcome now={} updateInterval={} version={} name={} address={}",
                welcome.now,
                humantime::format_duration(Duration::from_millis(millis))
                    .to_string()
                    .replace(' ', ""),
                escape(&welcome.version),
                escape(&welcome.name),
                escape(&welcome.address)
            )
        }),
        Instruction::LinkSession => SessionState::from_bytes(data).map(|session| {
            let hash = digits(&session.hash);
            match session.active {
                Some(active) => format!(
                    "linkSession {hash} active=true username={} expiry={} expirable={}",
                    escape(&active.username),
                    active.expiry,
                    active.expirable
                ),
                None => format!("linkSession {hash} active=false"),
            }
        }),
        Instruction::LinkSessionsEnded => SessionHashes::from_bytes(data).map(|ended| {
            let hashes: Vec<String> = ended.0.iter().map(digits).collect();
            format!("linkSessionsEnded {}", hashes.join(" "))
        }),
        _ => return None,
    })
    .map(|text| text.map_err(|error| format!("{}: {error}", instruction.name())))
}

/// The words of prices: a word for each asset.
pub(super) fn prices(fixed: &[u8], rows: &[u8]) -> Result<String, String> {
    let prices = Prices::read(fixed, rows).map_err(|e| format!("linkPrices: {e}"))?;
    let mut text = format!(
        "linkPrices update={} marketTime={} published={} next={} count={}",
        prices.update,
        prices.market_now,
        prices.published,
        prices.next,
        prices.rows.len()
    );
    for row in &prices.rows {
        let value = row.quote.map(|quote| quote.value.to_string());
        let _ = write!(
            text,
            " {},value={},new={},halted={}",
            row.symbol,
            value.unwrap_or_default(),
            row.is_new,
            row.is_halted
        );
    }
    Ok(text)
}

fn digits(hash: &SessionHash) -> String {
    hex::encode(hash.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn messages_have_a_word_for_each_field() {
        let welcome = Welcome {
            now: Timestamp(0),
            update_interval: 61_000,
            version: "1 a".into(),
            name: "eu1".into(),
            address: "h:1".into(),
        };
        let words = |instruction, data: &[u8]| link_message(instruction, data).unwrap();
        assert_eq!(
            words(Instruction::LinkWelcome, &welcome.to_bytes()).unwrap(),
            "linkWelcome now=1970-01-01T00:00:00.000Z updateInterval=1m1s version=1\\sa name=eu1 address=h:1"
        );
        let ended = SessionHashes(vec![SessionHash([1; 32])]);
        assert_eq!(
            words(Instruction::LinkSessionsEnded, &ended.to_bytes()).unwrap(),
            format!("linkSessionsEnded {}", "01".repeat(32))
        );
        assert!(words(Instruction::LinkSession, &[1]).is_err());
        assert!(link_message(Instruction::Pong, &[]).is_none());
        assert!(prices(&[0; 31], &[]).is_err());
        assert!(prices(&[0; 32], &[]).unwrap().ends_with(" count=0"));
    }
}
