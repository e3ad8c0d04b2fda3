//! spec/dialogue/recording.md · 4.7 Communication
//!
//! Words of a recorded line that stand for themselves, and bytes of an `x` line.

use crate::dialogue::raw;
use std::fmt::Write;

/// Digits of a session ID or a hashedPass as text.
const SECRET_DIGITS: usize = 64;

/// A word that stands for this text, whether it is sent or expected.
pub(super) fn literal(text: &str) -> String {
    let mut out = String::new();
    for c in raw::escape(text).chars() {
        match c {
            '{' | '}' | '*' | '#' => {
                out.push('\\');
                out.push(c);
            }
            // Between quotes a space would belong to the word.
            '"' => out.push_str("\\x22"),
            c => out.push(c),
        }
    }
    out
}

/// The text with its letters and digits hidden: of the same form, mostly, and no secret.
pub(super) fn masked(text: &str) -> String {
    let hide = |c: char| if c.is_alphanumeric() { 'x' } else { c };
    literal(&text.chars().map(hide).collect::<String>())
}

/// The words of an `x` line for these bytes. What has the form of a session ID or a hashedPass is
/// replaced.
pub(super) fn raw_words(bytes: &[u8]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut plain = String::new();
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        let digits = rest.iter().take_while(|c| c.is_ascii_hexdigit()).count();
        if digits == SECRET_DIGITS {
            if !plain.is_empty() {
                words.push(std::mem::take(&mut plain));
            }
            words.push("\"{random}\"".to_owned());
            rest = rest.get(digits..).unwrap_or_default();
        } else {
            let taken = digits.max(1);
            for byte in rest.get(..taken).unwrap_or(std::slice::from_ref(first)) {
                let _ = write!(plain, "{byte:02x}");
            }
            rest = rest.get(taken..).unwrap_or(behind);
        }
    }
    if !plain.is_empty() {
        words.push(plain);
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::{Variables, pattern};

    #[test]
    fn a_literal_is_sent_and_expected_as_itself() {
        for text in ["a", "", "a b", "{x}", "*", "#", "\"a\" b", "\\s", "é\u{1b}"] {
            let word = literal(text);
            assert_eq!(raw::words(&format!("> {word}")).len(), 2, "{word}");
            assert_eq!(
                raw::without_comment(&format!("> {word}")),
                format!("> {word}")
            );
            let mut values = Variables::new();
            assert_eq!(values.fill(&word).unwrap(), text);
            let came = raw::escape(text);
            assert_eq!(pattern::differs(&[word], &came, &mut values), Ok(None));
        }
    }

    #[test]
    fn raw_bytes_have_no_secrets() {
        let secret = "0f".repeat(32);
        let bytes = [b"\x01ab ", secret.as_bytes(), b" z"].concat();
        assert_eq!(raw_words(&bytes), "01616220 \"{random}\" 207a");
        assert_eq!(raw_words(&[b'a'; 65]), "61".repeat(65));
        assert_eq!(masked("a@B-1"), "x@x-x");
    }
}
