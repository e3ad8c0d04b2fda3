//! spec/wire/argument.md · 4.5 (string arguments separated by a space)

use super::ProtocolError;
use crate::model::{ProtocolFault, ValueError};
use uuid::Uuid;

/// A message's text arguments: UTF-8, separated by exactly one space, none of them empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arguments<'a> {
    text: &'a str,
    count: u16,
}

impl<'a> Arguments<'a> {
    /// Splits `data` into `count` arguments at its first `count - 1` spaces.
    ///
    /// # Errors
    /// `bad-frame`: the data is not UTF-8, has fewer arguments, an empty argument, or data although
    /// `count` is 0.
    pub fn read(count: u16, data: &'a [u8]) -> Result<Arguments<'a>, ProtocolError> {
        const fn bad(text: &'static str) -> ProtocolError {
            ProtocolError::new(ProtocolFault::BadFrame, text)
        }
        if count == 0 {
            return if data.is_empty() {
                Ok(Arguments { text: "", count })
            } else {
                Err(bad("data without arguments"))
            };
        }
        let text = std::str::from_utf8(data).map_err(|_| bad("arguments are not UTF-8"))?;
        let arguments = Arguments { text, count };
        let mut parts = 0;
        for part in arguments.iter() {
            if part.is_empty() {
                return Err(bad("an empty argument"));
            }
            parts += 1;
        }
        if parts == count {
            Ok(arguments)
        } else {
            Err(bad("fewer arguments than argumentCount"))
        }
    }

    /// The arguments, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text.splitn(usize::from(self.count), ' ')
    }

    /// The number of arguments.
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// The argument at `index`, or an empty text beyond the last.
    pub fn get(&self, index: usize) -> &'a str {
        self.iter().nth(index).unwrap_or_default()
    }

    /// Whether the last argument contains a space. Only servers may send one.
    pub fn last_has_space(&self) -> bool {
        self.count > 0 && self.iter().last().is_some_and(|last| last.contains(' '))
    }
}

/// The longest prefix of `text` that has at most `most` bytes and ends between two characters.
pub fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Reads a transaction ID: a UUID in lower case with hyphens.
///
/// # Errors
/// The text has another form.
pub fn parse_uuid(text: &str) -> Result<Uuid, ValueError> {
    Uuid::try_parse(text)
        .ok()
        .filter(|id| id.hyphenated().to_string() == text)
        .ok_or(ValueError(
            "a transaction ID is a lower-case, hyphenated UUID",
        ))
}

/// Whether a text is a worker's `host:port`: a host without white space (an IPv6 address in
/// brackets) and a port from 1 to 65535 without needless zeros.
pub fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let good_port = port
        .parse::<u16>()
        .is_ok_and(|p| p > 0 && p.to_string() == port);
    let good_host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '[', ']']),
    };
    good_port && good_host && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_argument_may_contain_spaces() {
        let arguments = Arguments::read(2, b"code a text of words").unwrap();
        assert_eq!(
            arguments.iter().collect::<Vec<_>>(),
            ["code", "a text of words"]
        );
        assert!(arguments.last_has_space());
        assert_eq!(arguments.get(5), "");
        for (count, data) in [
            (2, &b"one"[..]),
            (2, b" x"),
            (2, b"x "),
            (1, b""),
            (3, b"a  b"),
            (0, b"x"),
            (1, b"\xC0"),
        ] {
            assert!(Arguments::read(count, data).is_err(), "{count} {data:?}");
        }
    }

    #[test]
    fn addresses_and_transaction_ids_have_one_form() {
        for text in ["127.0.0.1:2049", "eu1.example.org:1", "[::1]:65535"] {
            assert!(is_address(text), "{text}");
        }
        for text in [
            "", "host", "host:", ":1", "h:0", "h:65536", "h:01", "h:+1", "::1:5", "[x]:1", "a b:1",
        ] {
            assert!(!is_address(text), "{text}");
        }
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(parse_uuid(id).unwrap().to_string(), id);
        for text in [
            &id.to_uppercase(),
            &id.replace('-', ""),
            "",
            &format!("{{{id}}}"),
        ] {
            assert!(parse_uuid(text).is_err(), "{text}");
        }
    }
}
