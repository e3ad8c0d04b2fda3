//! spec/model/reset_code.md · 2.4.1 Account Structure, 4.1 (basic error handling: forgotten passwords)
//!
//! The one-time code with which somebody sets a new password.

use super::ValueError;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Characters of a code, without hyphens: 100 bits.
pub const RESET_CODE_CHARS: usize = 20;

/// The longest text of a code, with hyphens.
pub const RESET_CODE_TEXT_MAX: usize = 40;

/// Characters between two hyphens.
const GROUP_CHARS: usize = 5;

/// Crockford's base32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A one-time code: 20 of Crockford's base32. It works like a password until it is used, so it is
/// wiped when dropped and `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ResetCode(String);

impl ResetCode {
    /// A code of these bytes, which the caller takes from the system's random source. Each byte
    /// counts with its low five bits.
    pub fn from_bytes(bytes: &[u8; RESET_CODE_CHARS]) -> ResetCode {
        let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte & 31)]);
        ResetCode(bytes.iter().map(letter).collect())
    }

    /// Reads a code as people type it: a hyphen behind a character and case count for nothing, I and
    /// L are 1, O is 0.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<ResetCode, ValueError> {
        const FORM: ValueError = ValueError(
            "a code is 20 letters and digits such as ABCDE-FGHJK-MNPQR-STVWX, without U",
        );
        if text.len() > RESET_CODE_TEXT_MAX {
            return Err(FORM);
        }
        let mut code = String::with_capacity(RESET_CODE_CHARS);
        let mut is_behind = false;
        for typed in text.chars() {
            if typed == '-' && std::mem::take(&mut is_behind) {
                continue;
            }
            is_behind = true;
            let letter = match typed.to_ascii_uppercase() {
                'I' | 'L' => '1',
                'O' => '0',
                other => other,
            };
            let is_known = u8::try_from(letter).is_ok_and(|byte| ALPHABET.contains(&byte));
            if !is_known || code.len() == RESET_CODE_CHARS {
                code.zeroize();
                break;
            }
            code.push(letter);
        }
        let code = ResetCode(code);
        if code.0.len() == RESET_CODE_CHARS {
            Ok(code)
        } else {
            Err(FORM)
        }
    }

    /// The secret in groups of five, as it is sent and printed.
    pub fn expose(&self) -> String {
        let mut text = String::with_capacity(RESET_CODE_CHARS + RESET_CODE_CHARS / GROUP_CHARS);
        for (at, letter) in self.0.chars().enumerate() {
            if at > 0 && at % GROUP_CHARS == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }

    /// The hash, which may be stored.
    pub fn hash(&self) -> ResetCodeHash {
        ResetCodeHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for ResetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResetCode(…)")
    }
}

/// SHA-256 of a code. The database has the hash alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResetCodeHash(pub [u8; 32]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyphens_case_and_look_alikes_count_for_nothing() {
        let code = ResetCode::parse("ABCDE-01FGH-JKMNP-QRSTV").unwrap();
        assert_eq!(code.expose(), "ABCDE-01FGH-JKMNP-QRSTV");
        for typed in [
            "abcde01fghjkmnpqrstv",
            "abcdeolfghjkmnpqrstv",
            "ABCDE-OIFGH-JKMNP-QRSTV",
            "a-b-c-d-e01fghjkmnpqrstv-",
        ] {
            let read = ResetCode::parse(typed).unwrap();
            assert_eq!(read.hash(), code.hash(), "{typed}");
        }
    }

    #[test]
    fn other_forms_are_no_codes() {
        for typed in [
            "",
            "-",
            "ABCDE-01FGH-JKMNP-QRST",
            "ABCDE-01FGH-JKMNP-QRSTVW",
            "ABCDE-01FGH-JKMNP-QRSTU",
            "ABCDE-01FGH-JKMNP-QRST ",
            "-ABCDE01FGHJKMNPQRSTV",
            "ABCDE--01FGHJKMNPQRSTV",
            "ABCDE01FGHJKMNPQRSTV--",
            "--------------------",
            "ÀBCDE-01FGH-JKMNP-QRSTV",
        ] {
            assert!(ResetCode::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn every_letter_is_drawn_and_read_again() {
        let mut drawn = String::new();
        for start in [0_u8, 20] {
            let bytes = std::array::from_fn(|at| start + u8::try_from(at).unwrap());
            let code = ResetCode::from_bytes(&bytes);
            assert_eq!(ResetCode::parse(&code.expose()).unwrap(), code);
            drawn.push_str(&code.expose().replace('-', ""));
        }
        assert!(
            ALPHABET
                .iter()
                .all(|letter| drawn.contains(char::from(*letter)))
        );
        assert_eq!(
            format!("{:?}", ResetCode::from_bytes(&[0; 20])),
            "ResetCode(…)"
        );
    }
}
