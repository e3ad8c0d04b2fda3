//! spec/model.md · 2.4.5 WorkerServer Structure (gpgkey)
//!
//! The fingerprint of a GPG key.

use super::ValueError;
use std::fmt;

/// Bytes in a fingerprint.
pub const FINGERPRINT_BYTES: usize = 20;

/// The full fingerprint of a GPG primary key. It is written as 40 of `0-9 A-F`, as GnuPG does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; FINGERPRINT_BYTES]);

impl Fingerprint {
    /// A fingerprint with these bytes.
    pub const fn from_bytes(bytes: [u8; FINGERPRINT_BYTES]) -> Fingerprint {
        Fingerprint(bytes)
    }

    /// Reads 40 hexadecimal digits, in either case.
    ///
    /// # Errors
    /// The text has another form: a short or long key ID, `0x` in front, spaces.
    pub fn parse(text: &str) -> Result<Fingerprint, ValueError> {
        let mut bytes = [0; FINGERPRINT_BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| {
            ValueError("a fingerprint is 40 hexadecimal digits; key IDs are not accepted")
        })?;
        Ok(Fingerprint(bytes))
    }

    /// The 20 bytes.
    pub fn as_bytes(&self) -> &[u8; FINGERPRINT_BYTES] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex::encode_upper(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_has_40_digits_and_nothing_else() {
        let text = "0123456789ABCDEF0123456789ABCDEF01234567";
        let fingerprint = Fingerprint::parse(text).unwrap();
        assert_eq!(fingerprint.to_string(), text);
        assert_eq!(Fingerprint::parse(&text.to_lowercase()), Ok(fingerprint));
        assert_eq!(
            Fingerprint::from_bytes(*fingerprint.as_bytes()),
            fingerprint
        );
        assert_eq!(format!("{fingerprint:?}"), format!("Fingerprint({text})"));
        let others = [
            &text[32..],
            &text[24..],
            "",
            "worker",
            &format!("0x{text}"),
            &format!("{text}!"),
            &text[..39],
        ];
        for other in others {
            assert!(Fingerprint::parse(other).is_err(), "{other}");
        }
    }
}
