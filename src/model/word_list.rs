//! spec/model.md · 2.4 Data/State Structures
//!
//! A macro for enumerations whose values have a word on the wire, and optionally a number there and
//! in the database.

/// Defines an enumeration whose values have a word each, or a word and a number (`= "word" as 1`).
/// It writes `ALL`, `as_str`, `from_name`, `about`, `Display` and `AsRef<str>`, and with numbers
/// also `from_number` and `From` for the number. The doc comment of a value is its text for people,
/// so it has no links.
macro_rules! word_list {
    ($(#[$doc:meta])* $name:ident {
        $($(#[doc = $about:literal])+ $variant:ident = $word:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $about])+ $variant,)* }

        $crate::model::word_list::word_list! {
            @words $name { $($variant = $word, concat!($($about),+);)* }
        }
    };

    ($(#[$doc:meta])* $name:ident {
        $($(#[doc = $about:literal])+ $variant:ident = $word:literal as $number:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[doc = $about])+ $variant = $number,)* }

        $crate::model::word_list::word_list! {
            @words $name { $($variant = $word, concat!($($about),+);)* }
        }

        impl $name {
            /// The value with this number on the wire and in the database.
            pub fn from_number(number: u8) -> Option<$name> {
                match number { $($number => Some($name::$variant),)* _ => None }
            }
        }

        impl From<$name> for u8 {
            fn from(value: $name) -> u8 {
                value as u8
            }
        }
    };

    (@words $name:ident { $($variant:ident = $word:literal, $about:expr;)* }) => {
        impl $name {
            /// Every value, in the order of its page.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The value with this word.
            pub fn from_name(name: &str) -> Option<$name> {
                match name { $($word => Some($name::$variant),)* _ => None }
            }

            /// What the value means: a text for people, on one line.
            pub fn about(self) -> &'static str {
                // Each line of a doc comment begins with a space.
                match self { $($name::$variant => $about.trim_ascii(),)* }
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use word_list;

#[cfg(test)]
mod tests {
    use crate::model::{ProtocolFault, Reason, Side, TransactionStatus};
    use crate::wire::ConnectionState;

    #[test]
    fn values_survive_a_round_trip_through_words_and_numbers() {
        macro_rules! words {
            ($($name:ident)*) => {
                $(for value in $name::ALL {
                    assert_eq!($name::from_name(value.as_str()), Some(*value));
                    assert_eq!(value.to_string(), value.as_str());
                })*
            };
        }
        words!(Reason ProtocolFault Side TransactionStatus ConnectionState);
        for side in Side::ALL {
            assert_eq!(Side::from_number(*side as u8), Some(*side));
        }
        for status in TransactionStatus::ALL {
            assert_eq!(TransactionStatus::from_number(*status as u8), Some(*status));
        }
        assert_eq!(Side::from_number(0), None);
        assert_eq!(TransactionStatus::from_number(6), None);
        assert_eq!(Reason::from_name(""), None);
    }

    /// The tables of pages are made of these texts.
    #[test]
    fn every_value_has_a_text_of_one_line_that_fits_into_a_table() {
        macro_rules! texts {
            ($($name:ident)*) => {
                $(for value in $name::ALL {
                    let text = value.about();
                    assert!(text.ends_with('.'), "{value}: {text}");
                    assert!(text.starts_with(char::is_uppercase), "{value}: {text}");
                    let bad = text.contains(['|', '[', '\n']) || text.contains("  ");
                    assert!(!bad, "{value}: {text}");
                })*
            };
        }
        texts!(Reason ProtocolFault Side TransactionStatus ConnectionState);
        assert_eq!(
            Reason::TooManyAttempts.about(),
            "Too many failed logins for this name and address, or from this address; too many \
             registrations from it."
        );
    }
}
