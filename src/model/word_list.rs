//! spec/model.md · 2.4 Data/State Structures
//!
//! A macro for enumerations whose values have a word on the wire, and optionally a number there and
//! in the database.

/// Defines an enumeration whose values have a word each, or a word and a number (`= "word" as 1`).
/// It writes `ALL`, `as_str`, `from_name` and `Display`, and with numbers also `from_number`.
macro_rules! word_list {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        $crate::model::word_list::word_list! { @words $name { $($variant = $word,)* } }
    };

    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $word:literal as $number:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$variant_doc])* $variant = $number,)* }

        $crate::model::word_list::word_list! { @words $name { $($variant = $word,)* } }

        impl $name {
            /// The value with this number on the wire and in the database.
            pub fn from_number(number: u8) -> Option<$name> {
                match number { $($number => Some($name::$variant),)* _ => None }
            }
        }
    };

    (@words $name:ident { $($variant:ident = $word:literal,)* }) => {
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
        assert_eq!(TransactionStatus::from_number(3), None);
        assert_eq!(Reason::from_name(""), None);
    }
}
