//! spec/cli/papertrader.md · 3.1.7, 4.6.17 to 4.6.28 (reasons, for people)
//!
//! How an order ended, and why a server refused, in words. Programs read codes: in `--json`, and
//! behind the text of an error.

use crate::cli::table;
use crate::client::ClientError;
use crate::model::{OpenValue, Reason, Timestamp};
use crate::wire::Refusal;

/// Why an order ended without a fill, in words.
pub fn reason_words(reason: &OpenValue<Reason>) -> String {
    let words = match reason.known() {
        Some(Reason::InsufficientFunds) => "too little cash",
        Some(Reason::InsufficientHoldings) => "too few units",
        Some(Reason::NoPrice) => "no new price",
        Some(Reason::QuantityInvalid) => "too many units",
        Some(_) | None => return plain_words(reason.as_str()),
    };
    words.to_owned()
}

/// A code as words: without its hyphens.
fn plain_words(code: &str) -> String {
    code.replace('-', " ")
}

/// An error in words. The code of a server stands behind them, for who searches for it or reports
/// it.
pub fn error_words(error: &ClientError) -> String {
    match error {
        ClientError::Refused(refusal) => refusal_words(refusal),
        ClientError::Protocol {
            address,
            code,
            text,
        } => format!("{address}: {}", with_code(text, code.as_str())),
        other @ (ClientError::Unreachable { .. }
        | ClientError::Tls { .. }
        | ClientError::Lost { .. }
        | ClientError::Nonsense { .. }
        | ClientError::NoWorker(_)
        | ClientError::OnlyHearsay { .. }
        | ClientError::NoSession
        | ClientError::Unknown { .. }
        | ClientError::Standing { .. }
        | ClientError::Local(_)) => other.to_string(),
    }
}

/// A refusal in words, with its code behind them.
pub fn refusal_words(refusal: &Refusal) -> String {
    with_code(&with_readable_times(&refusal.text), refusal.reason.as_str())
}

/// A text with the times of replies in it in the form that people read elsewhere.
fn with_readable_times(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches(['.', ',', ';', ':', ')']);
        match Timestamp::parse_canonical(bare) {
            Ok(time) => table::utc(time) + &word[bare.len()..],
            Err(_) => word.to_owned(),
        }
    };
    let words: Vec<String> = text.split(' ').map(word).collect();
    words.join(" ")
}

/// The code stands behind the first line: what follows are commands.
fn with_code(text: &str, code: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim_end_matches('.');
    if rest.is_empty() {
        format!("{first} ({code})")
    } else {
        format!("{first} ({code})\n{rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_words_and_the_code_behind_them() {
        let refusal = Refusal::new(Reason::UnknownAsset, "there is no asset APPL");
        assert_eq!(
            error_words(&ClientError::Refused(refusal)),
            "there is no asset APPL (unknown-asset)"
        );
        let funds = Refusal::new(
            Reason::InsufficientFunds,
            "ada has 5.00 in cash: at most 1 unit.\nOpen orders:\n  papertrader orders",
        );
        assert_eq!(
            refusal_words(&funds),
            "ada has 5.00 in cash: at most 1 unit (insufficient-funds)\nOpen orders:\n  papertrader orders"
        );
        let date = Refusal::new(
            Reason::DateInvalid,
            "it is 2009-10-07T00:00:00.000Z; later than 2009-10-07T14:00:00.000Z",
        );
        assert_eq!(
            refusal_words(&date),
            "it is 2009-10-07 UTC; later than 2009-10-07 14:00:00 UTC (date-invalid)"
        );
        let known = |reason: Reason| reason_words(&reason.into());
        assert_eq!(known(Reason::InsufficientHoldings), "too few units");
        assert_eq!(known(Reason::Cancelled), "cancelled");
        for reason in Reason::ALL {
            assert!(!known(*reason).contains('-'), "{reason:?}");
        }
        let later = OpenValue::Unknown("never-heard-of".to_owned());
        assert_eq!(reason_words(&later), "never heard of");
    }
}
