//! spec/wire/argument.md · 4.5 (string arguments separated by a space)

use super::Fault;
use crate::model::ProtocolFault;

/// The text arguments of one message: UTF-8, separated by exactly one space, none of them empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arguments<'a> {
    text: &'a str,
    count: u16,
}

impl<'a> Arguments<'a> {
    /// Splits `data` into `count` parts at its first `count - 1` spaces.
    ///
    /// # Errors
    /// `bad-frame`: no UTF-8, fewer parts, an empty part, data without arguments.
    pub fn read(count: u16, data: &'a [u8]) -> Result<Arguments<'a>, Fault> {
        const fn bad(text: &'static str) -> Fault {
            Fault::new(ProtocolFault::BadFrame, text)
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

    /// The parts, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text.splitn(usize::from(self.count), ' ')
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// The part at `index`, or an empty text beyond the last.
    pub fn get(&self, index: usize) -> &'a str {
        self.iter().nth(index).unwrap_or_default()
    }

    /// Whether the last part holds a space, which only a server's may.
    pub fn last_has_space(&self) -> bool {
        self.count > 0 && self.iter().last().is_some_and(|last| last.contains(' '))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_holds_spaces() {
        let arguments = Arguments::read(2, b"code a text of words").unwrap();
        assert_eq!(arguments.iter().collect::<Vec<_>>(), ["code", "a text of words"]);
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
}
