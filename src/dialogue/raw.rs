//! spec/dialogue/raw.md · 4.4 Message Structure
//!
//! Bytes as text, such as `01 0101 "alice"  # a name`: for golden frames, and for malformed frames
//! that cannot be written as an instruction.

use crate::model::printable::is_printable;

/// The most bytes that one line may produce.
pub const BYTES_MAX: usize = 1 << 24;

/// Hexadecimal digits of a character's code point behind `\u`.
const CODE_POINT_DIGITS: usize = 6;

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedWord {
    pub text: String,
    /// The column of its first character, from 1.
    pub column: usize,
}

/// Whether each character of a line stands inside quotes, the quotes themselves included. A quote
/// behind a backslash is none.
fn quoted(line: &str) -> impl Iterator<Item = (char, bool)> + '_ {
    let (mut inside, mut escaped) = (false, false);
    line.chars().map(move |c| {
        let is_quote = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        inside ^= is_quote;
        (c, inside || is_quote)
    })
}

/// Removes a comment: from a `#` outside quotes, at the start or after white space, to the end of
/// the line.
pub fn without_comment(line: &str) -> &str {
    let (mut at, mut before) = (0, ' ');
    for (c, quoted) in quoted(line) {
        if c == '#' && !quoted && before.is_whitespace() {
            return &line[..at];
        }
        at += c.len_utf8();
        before = c;
    }
    line
}

/// Splits a line at white space outside quotes.
pub fn words(line: &str) -> Vec<String> {
    placed_words(line)
        .into_iter()
        .map(|word| word.text)
        .collect()
}

/// Splits a line as [`words`] does, and tells where each word begins.
pub fn placed_words(line: &str) -> Vec<PlacedWord> {
    let mut words: Vec<PlacedWord> = Vec::new();
    let mut inside = false;
    for (index, (c, quoted)) in quoted(line).enumerate() {
        if c.is_whitespace() && !quoted {
            inside = false;
            continue;
        }
        match words.last_mut().filter(|_| inside) {
            Some(word) => word.text.push(c),
            None => words.push(PlacedWord {
                text: c.to_string(),
                column: index + 1,
            }),
        }
        inside = true;
    }
    words
}

/// The column of the quote that a line does not close.
pub fn open_quote(line: &str) -> Option<usize> {
    let (mut open, mut escaped) = (None, false);
    for (index, c) in line.chars().enumerate() {
        if c == '"' && !escaped {
            open = match open {
                None => Some(index + 1),
                Some(_) => None,
            };
        }
        escaped = c == '\\' && !escaped;
    }
    open
}

/// The bytes of words: pairs of hexadecimal digits, or `"text"`; either of them repeated with `*N`.
///
/// # Errors
/// The first invalid word, or more than [`BYTES_MAX`] bytes.
pub fn bytes(words: &[String]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for word in words {
        let (unit, times) = match word.rsplit_once('*') {
            Some((unit, times)) if !times.contains('"') => (
                unit,
                times
                    .parse::<usize>()
                    .map_err(|_| format!("{word}: no such number of times"))?,
            ),
            _ => (word.as_str(), 1),
        };
        let unit = match unit.strip_prefix('"').and_then(|u| u.strip_suffix('"')) {
            Some(text) => unescape(text)?.into_bytes(),
            None => hex::decode(unit)
                .map_err(|_| format!("{word}: neither hexadecimal digits in pairs nor \"text\""))?,
        };
        if unit.len().saturating_mul(times).saturating_add(out.len()) > BYTES_MAX {
            return Err(format!("{word}: more than {BYTES_MAX} bytes"));
        }
        out.extend(unit.repeat(times));
    }
    Ok(out)
}

/// The bytes of a whole file.
///
/// # Errors
/// The first invalid word, with its line number.
pub fn read(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let bytes =
            bytes(&words(without_comment(line))).map_err(|e| format!("line {}: {e}", index + 1))?;
        out.extend(bytes);
    }
    Ok(out)
}

/// Resolves the escapes of [`escape`]; `\e` is the empty text.
///
/// # Errors
/// An unknown escape.
pub fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('s') => out.push(' '),
            Some('e') => {}
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                let code = u8::from_str_radix(&digits, 16).ok().filter(u8::is_ascii);
                out.push(char::from(code.ok_or(format!(
                    "\\x{digits}: two hexadecimal digits up to 7f"
                ))?));
            }
            Some('u') => {
                let digits: String = chars.by_ref().take(CODE_POINT_DIGITS).collect();
                let code = u32::from_str_radix(&digits, 16)
                    .ok()
                    .filter(|_| digits.len() == CODE_POINT_DIGITS)
                    .and_then(char::from_u32);
                out.push(code.ok_or(format!(
                    "\\u{digits}: the six hexadecimal digits of a character"
                ))?);
            }
            Some(c @ ('\\' | '"' | '#' | '{' | '}' | '*')) => out.push(c),
            other => return Err(format!("\\{}: no such escape", other.unwrap_or(' '))),
        }
    }
    Ok(out)
}

/// Escapes a text to one word of printable characters without spaces: `\s` is a space, `\xHH` an
/// ASCII control character, `\uHHHHHH` another character that is not printable, `\\` a backslash,
/// and `\e` the empty text.
pub fn escape(text: &str) -> String {
    if text.is_empty() {
        return "\\e".to_owned();
    }
    text.split(' ')
        .map(escape_controls)
        .collect::<Vec<_>>()
        .join("\\s")
}

/// Escapes as [`escape`] does, but keeps spaces: for the one argument that may contain them.
pub fn escape_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            c if is_printable(c) => out.push(c),
            c if c.is_ascii() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push_str(&format!("\\u{:06x}", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::printable::is_printable_text;

    #[test]
    fn bytes_are_hexadecimal_quoted_or_repeated() {
        let text = "01 0101 # a header\n\"a b\" 00ff*2 \"x\"*3\n# nothing\n";
        assert_eq!(read(text).unwrap(), b"\x01\x01\x01a b\x00\xff\x00\xffxxx");
        assert_eq!(read("\"# no comment\\x00\"").unwrap(), b"# no comment\0");
        for bad in ["1", "0g", "\"open", "00*x", "00*99999999999", "\"\\q\""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words_have_columns_and_quotes_an_end() {
        let placed = |line| {
            let words = placed_words(line);
            words
                .into_iter()
                .map(|word| (word.column, word.text))
                .collect::<Vec<_>>()
        };
        let expected = [(3, "é".to_owned()), (5, "\"a  b\"*2".to_owned())];
        assert_eq!(placed("  é \"a  b\"*2\t"), expected);
        // A quote behind a backslash neither opens nor closes.
        assert_eq!(words("a\\\" b"), ["a\\\"", "b"]);
        assert_eq!(words("\"a\\\" b\" c"), ["\"a\\\" b\"", "c"]);
        assert_eq!(without_comment("\"a\\\" # b\" # c"), "\"a\\\" # b\" ");
        assert_eq!(without_comment("é# # c"), "é# ");
        assert_eq!(open_quote("x \"a\" \"b"), Some(7));
        assert_eq!(open_quote("x \"a\" \\\"b"), None);
    }

    #[test]
    fn unescape_reverses_escape() {
        for text in [
            "",
            "a",
            "a b",
            "\\s",
            "a\nb\t",
            "é {x} * #",
            "a\u{9b}b\u{202e}",
            "\u{e0041}\u{7f}",
        ] {
            let word = escape(text);
            assert!(!word.contains(char::is_whitespace), "{word}");
            assert!(is_printable_text(&word), "{word:?}");
            assert_eq!(unescape(&word).unwrap(), text);
        }
    }
}
