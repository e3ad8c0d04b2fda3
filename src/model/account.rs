//! spec/model/account.md · 2.4.1 Account Structure, 2.1.9 User Accounts

use super::email_key::email_key;
use super::printable::is_printable;
use super::{Timestamp, ValueError};
use icu_normalizer::ComposingNormalizer;
use ring::pbkdf2;
use std::fmt;
use std::num::NonZeroU32;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The longest username, in characters (2.4.1).
pub const USERNAME_MAX: usize = 24;
/// The shortest email address, in Unicode characters (2.4.1).
pub const EMAIL_MIN: usize = 3;
/// The longest email address, in Unicode characters (2.4.1).
pub const EMAIL_MAX: usize = 321;
/// Hexadecimal digits in a hashedPass.
pub const HASHED_PASS_DIGITS: usize = 64;
/// Rounds of PBKDF2 that turn a password into its hashedPass.
pub const HASHED_PASS_ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(599_999);

/// What stands before the username in the salt of a hashedPass.
pub const HASHED_PASS_SALT: &str = "papertrader/1/";

/// Primary key of an account in the database. It never goes over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

/// A username: 1 to 24 of `A-Z a-z 0-9 . _ -`, the first a letter or digit. It keeps the spelling
/// that was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Reads a username.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Username, ValueError> {
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let first = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        if first && text.len() <= USERNAME_MAX && text.bytes().all(good) {
            Ok(Username(text.to_owned()))
        } else {
            Err(ValueError(
                "a username is 1 to 24 of A-Z a-z 0-9 . _ - and begins with a letter or digit",
            ))
        }
    }

    /// The username in the spelling that was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The lower-case spelling. Two usernames are the same if their keys are equal.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An email address: 3 to 321 Unicode characters, exactly one `@`, no Unicode white space, and no
/// control or invisible character or one for private use below U+10000. A new account's may have no
/// [hidden character](super::email_key::hidden_character) at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an email address.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Email, ValueError> {
        let length = text.chars().count();
        let ats = text.chars().filter(|c| *c == '@').count();
        if (EMAIL_MIN..=EMAIL_MAX).contains(&length)
            && ats == 1
            && !text.chars().any(|c| c.is_whitespace() || is_hidden(c))
        {
            Ok(Email(text.to_owned()))
        } else {
            Err(ValueError(
                "an email is 3 to 321 characters with one @, and no white space or invisible character",
            ))
        }
    }

    /// The address in the spelling that was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Two addresses are the same if their keys are equal.
    pub fn key(&self) -> String {
        email_key(&self.0)
    }
}

/// Who has forgotten a password says which account it is: a username, or an email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsernameOrEmail(String);

impl UsernameOrEmail {
    /// Reads either.
    ///
    /// # Errors
    /// The text has the form of neither.
    pub fn parse(text: &str) -> Result<UsernameOrEmail, ValueError> {
        if Username::parse(text).is_ok() || Email::parse(text).is_ok() {
            Ok(UsernameOrEmail(text.to_owned()))
        } else {
            Err(ValueError(
                "this is neither a username nor an email address",
            ))
        }
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the wire's form of an email address excludes a character. It names those of the first
/// 65,536 alone, because one pattern is to mean the same in all languages.
fn is_hidden(c: char) -> bool {
    let is_first = c <= '\u{ffff}';
    is_first && (!is_printable(c) || matches!(c, '\u{e000}'..='\u{f8ff}'))
}

/// The fewest characters of a new password, in its normal form.
pub const NEW_PASSWORD_MIN: usize = 8;

/// The normal form of a password: NFC, and nothing else. What people see as one word is one
/// password then, whichever way their keyboard composes its characters.
pub fn normal_password(password: &str) -> Zeroizing<String> {
    let normal = ComposingNormalizer::new_nfc().normalize(password);
    Zeroizing::new(normal.into_owned())
}

/// What a client sends in place of the password. It works like a password, so it is wiped when
/// dropped and `Debug` hides it.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct HashedPass(String);

impl HashedPass {
    /// Reads a hashedPass: exactly 64 of `0-9 a-f`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<HashedPass, ValueError> {
        let good = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == HASHED_PASS_DIGITS && text.bytes().all(good) {
            Ok(HashedPass(text.to_owned()))
        } else {
            Err(ValueError("a hashedPass is 64 of 0-9 a-f"))
        }
    }

    /// Computes a hashedPass from a password in its [normal form](normal_password), on the client:
    /// PBKDF2-HMAC-SHA256 with [`HASHED_PASS_ROUNDS`] rounds, salted with the username in lower
    /// case. It takes a good part of a second, on purpose.
    pub fn derive(username: &Username, password: &str) -> HashedPass {
        HashedPass::derive_as_typed(username, &normal_password(password))
    }

    /// Computes a hashedPass from a password as it was typed, for accounts whose client did not
    /// know the normal form.
    pub fn derive_as_typed(username: &Username, password: &str) -> HashedPass {
        let salt = format!("{HASHED_PASS_SALT}{}", username.key());
        let mut bytes = Zeroizing::new([0; HASHED_PASS_DIGITS / 2]);
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            HASHED_PASS_ROUNDS,
            salt.as_bytes(),
            password.as_bytes(),
            bytes.as_mut_slice(),
        );
        HashedPass(hex::encode(bytes.as_slice()))
    }

    /// The secret digits.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PartialEq for HashedPass {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for HashedPass {}

impl fmt::Debug for HashedPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPass(…)")
    }
}

/// A person's account. The portfolio and the transactions refer to its ID from tables of their own.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: AccountId,
    pub username: Username,
    pub email: Email,
    /// False for an account that signs in through a third party alone (2.4.1 isPassword).
    pub is_password: bool,
    /// Time of registration (wall time).
    pub created: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_keep_their_spelling_and_compare_without_case() {
        let name = Username::parse("Alice.B_c-9").unwrap();
        assert_eq!(
            (name.as_str(), name.key().as_str()),
            ("Alice.B_c-9", "alice.b_c-9")
        );
        assert!(Username::parse(&"a".repeat(24)).is_ok());
        for text in ["", ".a", "-a", "_a", "a b", "é", "a@b", &"a".repeat(25)] {
            assert!(Username::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn email_limits_count_unicode_characters() {
        let longest = format!("{}@x", "é".repeat(319));
        assert!(Email::parse(&longest).is_ok());
        assert!(Email::parse(&format!("é{longest}")).is_err());
        for text in [
            "a@",
            "aa",
            "a@b@c",
            "a\u{a0}@b",
            "a\u{2003}@b",
            "a\n@b",
            "",
            "a\0@b",
            "a\u{1b}@b",
            "a\u{9b}@b",
            "a\u{200b}@b",
            "a\u{202e}@b",
            "a@b\u{feff}",
            "a@\u{e000}",
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
        assert!(Email::parse("a@b").is_ok());
    }

    #[test]
    fn a_hashed_pass_matches_the_documented_derivation() {
        // Computed with Python's hashlib.pbkdf2_hmac.
        let derived = HashedPass::derive(&Username::parse("Alice").unwrap(), "password of alice");
        assert_eq!(
            derived.expose(),
            "43065a2069777dfb258964e513b8385f1211b535546876a93fc3936cb575e33d"
        );
        assert_eq!(HashedPass::parse(derived.expose()), Ok(derived.clone()));
        assert_eq!(format!("{derived:?}"), "HashedPass(…)");
        assert!(HashedPass::parse(&derived.expose().to_uppercase()).is_err());
        assert!(HashedPass::parse(&derived.expose()[1..]).is_err());
    }

    #[test]
    fn a_password_is_hashed_in_one_form() {
        for (typed, normal) in [
            ("fac\u{327}ade-bank-77", "fa\u{e7}ade-bank-77"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("\u{212b}", "\u{e5}".to_uppercase().as_str()),
            // Nothing is folded, trimmed or taken apart; unassigned characters stay.
            (" \u{a0}Ab\u{fb01} ", " \u{a0}Ab\u{fb01} "),
            ("\u{1f469}\u{200d}\u{1f680}", "\u{1f469}\u{200d}\u{1f680}"),
            ("\u{378}\u{10ffff}", "\u{378}\u{10ffff}"),
        ] {
            assert_eq!(&**normal_password(typed), normal, "{typed:?}");
        }
        let name = Username::parse("alice").unwrap();
        let [composed, apart] = ["fa\u{e7}ade-bank-77", "fac\u{327}ade-bank-77"];
        assert_eq!(
            HashedPass::derive(&name, composed),
            HashedPass::derive(&name, apart)
        );
        assert_ne!(
            HashedPass::derive(&name, apart),
            HashedPass::derive_as_typed(&name, apart)
        );
    }
}
