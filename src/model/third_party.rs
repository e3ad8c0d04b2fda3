//! spec/model/third_party.md · 3.1.3 Account Management & Authorization (third parties)
//!
//! Who vouches for a person instead of a password, and the sign-in that is under way.

use super::ValueError;
use super::word_list::word_list;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The longest name of a provider, in characters.
pub const PROVIDER_NAME_MAX: usize = 24;
/// The longest subject, in characters (OpenID Connect Core, section 2).
pub const SUBJECT_MAX: usize = 255;
/// The longest address of a provider, a redirect, a code and a state, in characters.
pub const WEB_TEXT_MAX: usize = 2_048;
/// The longest address that a person is sent to, in characters: it has to fit into a message.
pub const WEB_ADDRESS_MAX: usize = 6_000;
/// The longest user code, in characters.
pub const USER_CODE_MAX: usize = 64;
/// Bytes in a handle.
pub const HANDLE_BYTES: usize = 32;

/// The name of a provider of identities: 1 to 24 of `a-z 0-9 -`. None is called `password`, which
/// the configuration holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityProviderName(String);

impl IdentityProviderName {
    /// Reads a name.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<IdentityProviderName, ValueError> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=PROVIDER_NAME_MAX).contains(&text.len()) && text.bytes().all(good) {
            Ok(IdentityProviderName(text.to_owned()))
        } else {
            Err(ValueError("a provider's name is 1 to 24 of a-z 0-9 -"))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdentityProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

word_list! {
    /// How a person reaches the provider from the program that signs in.
    SignInMethod {
        /// The person types a code into a browser on any device (RFC 8628).
        Device = "device",
        /// A browser on the same machine comes back to the program (RFC 8252).
        Redirect = "redirect",
    }
}

/// Who a person is for a provider. It is the person's only as long as the provider says so: an
/// email address is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The provider's issuer identifier, as configured.
    pub issuer: String,
    /// The person's name there: 1 to 255 visible ASCII characters.
    pub subject: String,
}

/// Whether a text is 1 to `most` visible ASCII characters.
pub fn is_visible_ascii(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Reads an address to which a provider sends a browser back. Whether it may is the master's to say.
///
/// # Errors
/// It is not 1 to 2,048 visible ASCII characters.
pub fn parse_redirect_uri(text: &str) -> Result<String, ValueError> {
    if is_visible_ascii(text, WEB_TEXT_MAX) {
        Ok(text.to_owned())
    } else {
        Err(ValueError(
            "a redirect URI is 1 to 2048 visible ASCII characters",
        ))
    }
}

/// Reads a provider's address for people.
///
/// # Errors
/// It is not 1 to 6,000 visible ASCII characters.
pub fn parse_web_address(text: &str) -> Result<String, ValueError> {
    if is_visible_ascii(text, WEB_ADDRESS_MAX) {
        Ok(text.to_owned())
    } else {
        Err(ValueError(
            "an address is 1 to 6000 visible ASCII characters",
        ))
    }
}

/// Reads a user code; `None` for `-`.
///
/// # Errors
/// It is not 1 to 64 visible ASCII characters.
pub fn parse_user_code(text: &str) -> Result<Option<String>, ValueError> {
    if is_visible_ascii(text, USER_CODE_MAX) {
        Ok(Some(text.to_owned()).filter(|text| text != "-"))
    } else {
        Err(ValueError(
            "a user code is 1 to 64 visible ASCII characters, or -",
        ))
    }
}

/// Reads the seconds between two questions: 1 to 9,999, without a sign or a leading zero.
///
/// # Errors
/// The text has another form.
pub fn parse_poll_seconds(text: &str) -> Result<u16, ValueError> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    let seconds = text.parse().ok().filter(|_| is_plain && text.len() <= 4);
    seconds.ok_or(ValueError("a number of seconds is 1 to 9999"))
}

/// What a browser brings back from a provider, the code or the state: 1 to 2,048 visible ASCII
/// characters. It is wiped when dropped and `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct BrowserSecret(String);

impl BrowserSecret {
    /// Reads a code or a state.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<BrowserSecret, ValueError> {
        if is_visible_ascii(text, WEB_TEXT_MAX) {
            Ok(BrowserSecret(text.to_owned()))
        } else {
            Err(ValueError(
                "a code or state is 1 to 2048 visible ASCII characters",
            ))
        }
    }

    /// The secret as text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BrowserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSecret(…)")
    }
}

/// The secret name of one sign-in: 32 random bytes, written as 64 of `0-9 a-f`. It is wiped when
/// dropped and `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SignInHandle([u8; HANDLE_BYTES]);

impl SignInHandle {
    /// A handle with these bytes, which the caller takes from the system's random source.
    pub fn from_bytes(bytes: [u8; HANDLE_BYTES]) -> SignInHandle {
        SignInHandle(bytes)
    }

    /// Reads 64 of `0-9 a-f`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<SignInHandle, ValueError> {
        let mut bytes = [0; HANDLE_BYTES];
        if text.bytes().any(|b| b.is_ascii_uppercase())
            || hex::decode_to_slice(text, &mut bytes).is_err()
        {
            return Err(ValueError("a handle is 64 of 0-9 a-f"));
        }
        Ok(SignInHandle(bytes))
    }

    /// The secret as text, as it goes over the wire.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }

    /// The hash, under which the master keeps the sign-in.
    pub fn hash(&self) -> SignInHash {
        SignInHash(Sha256::digest(self.0).into())
    }
}

impl fmt::Debug for SignInHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInHandle(…)")
    }
}

/// SHA-256 of a handle. A map uses it as its key, so that the time of a look-up reveals nothing
/// about the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignInHash([u8; 32]);

impl fmt::Debug for SignInHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..4]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_has_a_plain_name() {
        for good in ["google", "a", "our-school-2", &"x".repeat(24)] {
            assert_eq!(
                IdentityProviderName::parse(good).map(|name| name.to_string()),
                Ok(good.to_owned())
            );
        }
        for bad in ["", "Google", "a b", "a,b", "ä", &"x".repeat(25)] {
            assert!(IdentityProviderName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_handle_is_shown_to_nobody_by_chance() {
        let handle = SignInHandle::from_bytes([0xab; 32]);
        assert_eq!(handle.expose(), "ab".repeat(32));
        assert!(SignInHandle::parse(&handle.expose()).is_ok_and(|read| read == handle));
        assert!(!format!("{handle:?} {:?}", handle.hash()).contains("abab"));
        for bad in [
            "",
            "AB",
            &"AB".repeat(32),
            &"ab".repeat(31),
            &"ab".repeat(33),
        ] {
            assert!(SignInHandle::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn visible_text_has_neither_spaces_nor_controls() {
        assert!(is_visible_ascii("a~!", 3));
        for bad in ["", "abcd", "a b", "a\n", "ä", "\u{7f}"] {
            assert!(!is_visible_ascii(bad, 3), "{bad:?}");
        }
    }
}
