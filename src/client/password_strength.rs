//! spec/client.md · 3.1.3, 4.6.3 (a password that is chosen)
//!
//! How easily a chosen password is guessed: an advice to who chooses it. The server never sees a
//! password, so nobody else can give it.

use crate::model::Username;
use crate::model::account::normal_password;
use std::fmt;
use zxcvbn::feedback::Warning;

/// The score from which on a password withstands who tries lists and patterns.
const GOOD_MIN: u8 = 3;

/// How easily a password is guessed by who tries lists and patterns first. It is no reason to refuse
/// one. Its text is one line without a line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordStrength {
    /// 0, the weakest, to 4.
    score: u8,
    /// What makes it easy to guess, where that is known.
    weakness: Option<&'static str>,
}

impl PasswordStrength {
    /// The strength of a password for this account: its name and e-mail address are the first that
    /// somebody tries. Of a longer password the first 100 characters count.
    pub fn of(password: &str, username: &Username, email: Option<&str>) -> PasswordStrength {
        let password = normal_password(password);
        let name = username.as_str();
        let known = [name, email.unwrap_or(name), "papertrader"];
        let estimate = zxcvbn::zxcvbn(&password, &known);
        let weakness = estimate.feedback().and_then(|told| told.warning());
        let has_name = || {
            let has = password.to_lowercase().contains(&name.to_lowercase());
            has.then_some("it holds the username")
        };
        PasswordStrength {
            score: estimate.score().into(),
            weakness: weakness.map(weakness_text).or_else(has_name),
        }
    }

    /// Whether another password would be better.
    pub fn is_weak(&self) -> bool {
        self.score < GOOD_MIN
    }
}

impl fmt::Display for PasswordStrength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.score {
            0 => "very weak",
            1 => "weak",
            2 => "fair",
            GOOD_MIN => "good",
            _ => "strong",
        };
        write!(f, "Strength of the password: {} of 4, {word}", self.score)?;
        if !self.is_weak() {
            return f.write_str(".");
        }
        let why = self.weakness.unwrap_or("programs guess it soon");
        write!(
            f,
            "; {why}. Better: three or four words that have nothing to do with each other."
        )
    }
}

fn weakness_text(warning: Warning) -> &'static str {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess
        | Warning::ShortKeyboardPatternsAreEasyToGuess => "it is a row of keys",
        Warning::RepeatsLikeAaaAreEasyToGuess
        | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => "it repeats itself",
        Warning::ThisIsATop10Password
        | Warning::ThisIsATop100Password
        | Warning::ThisIsACommonPassword => "it is one of the passwords that are used most",
        Warning::ThisIsSimilarToACommonlyUsedPassword => "it is close to a password that many use",
        Warning::SequencesLikeAbcAreEasyToGuess => "it is a sequence, as abc or 6543 are",
        Warning::RecentYearsAreEasyToGuess => "it has a year",
        Warning::DatesAreOftenEasyToGuess => "it has a date",
        Warning::AWordByItselfIsEasyToGuess => "it is one word",
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => "it has somebody's name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strength(password: &str) -> PasswordStrength {
        let name = Username::parse("Alice.Long").unwrap();
        PasswordStrength::of(password, &name, Some("alice@example.org"))
    }

    #[test]
    fn a_password_is_told_what_makes_it_weak() {
        for (password, told) in [
            ("password", "used most"),
            ("P4ssw0rd1", "many use"),
            ("zxcvbnm,./", "row of keys"),
            ("aaaaaaaaaa", "repeats itself"),
            ("abcdefgh", "sequence"),
            ("elizabeth", "name"),
            ("alice.long1", "holds the username"),
            ("1987-03-14", "date"),
        ] {
            let strength = strength(password);
            assert!(strength.is_weak(), "{password}: {strength}");
            assert!(
                strength.to_string().contains(told),
                "{password}: {strength}"
            );
        }
        for password in ["correct horse battery staple", "müde Zebras falten Papier"] {
            let strength = strength(password);
            assert!(!strength.is_weak(), "{password}: {strength}");
            assert_eq!(strength.to_string().lines().count(), 1);
        }
        // However its characters are composed.
        assert_eq!(strength("mu\u{308}de Ze"), strength("m\u{fc}de Ze"));
        // For another account the same password is better.
        let other = Username::parse("bob").unwrap();
        let of_other = PasswordStrength::of("alice.long1", &other, None);
        assert!(of_other.score > strength("alice.long1").score);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]
        #[test]
        fn any_password_has_a_strength(
            any in "(?s).{0,300}",
            few in "[a-cA-Cİßŉǰΐẞﬀ0-9\u{308}\u{323}@!/. ]{0,300}",
            repeated in "[ab]{0,120}",
        ) {
            for password in [any, few, repeated] {
                let strength = strength(&password);
                prop_assert!(strength.score <= 4);
                prop_assert_eq!(strength.to_string().lines().count(), 1);
            }
        }
    }
}
