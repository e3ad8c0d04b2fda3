//! spec/model/account.md · 2.4.1 Account Structure

use super::{Malformed, Stamp};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The longest username, in characters (2.4.1).
pub const USERNAME_MAX: usize = 24;
/// The shortest and longest email, in Unicode characters (2.4.1).
pub const EMAIL_MIN: usize = 3;
/// See [`EMAIL_MIN`].
pub const EMAIL_MAX: usize = 321;
/// Digits of a hashedPass.
pub const HASHED_PASS_DIGITS: usize = 64;

/// The key under which the database knows an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

/// 1 to 24 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit, in the spelling it was given in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// Reads a username.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse(text: &str) -> Result<Username, Malformed> {
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if first && text.len() <= USERNAME_MAX && text.bytes().all(good) {
            Ok(Username(text.to_owned()))
        } else {
            Err(Malformed(
                "a username is 1 to 24 of A-Z a-z 0-9 . _ - and begins with a letter or digit",
            ))
        }
    }

    /// The spelling that was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What names are compared by: the spelling in lower case.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// 3 to 321 Unicode characters, one `@`, no Unicode white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an email address.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse(text: &str) -> Result<Email, Malformed> {
        let length = text.chars().count();
        let ats = text.chars().filter(|c| *c == '@').count();
        if (EMAIL_MIN..=EMAIL_MAX).contains(&length) && ats == 1 && !text.chars().any(char::is_whitespace) {
            Ok(Email(text.to_owned()))
        } else {
            Err(Malformed(
                "an email is 3 to 321 characters with one @ and no white space",
            ))
        }
    }

    /// The spelling that was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What addresses are compared by: the spelling in lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// What a client sends in place of the password; as good as the password to whoever sees it, so it is
/// wiped when dropped and never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct HashedPass(String);

impl HashedPass {
    /// Reads exactly 64 of `0-9 a-f`.
    ///
    /// # Errors
    /// Any other form.
    pub fn parse(text: &str) -> Result<HashedPass, Malformed> {
        let good = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == HASHED_PASS_DIGITS && text.bytes().all(good) {
            Ok(HashedPass(text.to_owned()))
        } else {
            Err(Malformed("a hashedPass is 64 of 0-9 a-f"))
        }
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HashedPass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedPass(…)")
    }
}

/// A person's account. Portfolio and transactions hang on its key, in tables of their own.
#[derive(Debug, Clone)]
pub struct Account {
    /// The database's key.
    pub id: AccountId,
    /// As registered.
    pub username: Username,
    /// As registered.
    pub email: Email,
    /// False for an account that signs in through a third party only (2.4.1 isPassword).
    pub is_password: bool,
    /// When it was registered.
    pub created: Stamp,
}
