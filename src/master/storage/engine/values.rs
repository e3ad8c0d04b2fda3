//! spec/master/storage/engine.md · 3.1.2 Database Management
//!
//! What is bound to statements and read from columns, on every engine.

use super::packed::PackedColumn;
use crate::master::storage::StorageError;

/// What a read of a row, or a statement, gives.
pub(in crate::master::storage) type EngineResult<T> = Result<T, StorageError>;

/// An error for a value that is invalid for its column.
pub(in crate::master::storage) fn damaged(what: &str) -> StorageError {
    StorageError::Corrupt(what.to_owned())
}

/// An error for a statement that changed another number of rows than it must.
pub(in crate::master::storage) fn changed_rows(changed: usize) -> StorageError {
    StorageError::Other(format!(
        "a statement changed {changed} rows, and must change one"
    ))
}

/// Converts a number for a column. No number of this program comes near `i64::MAX`.
pub(in crate::master::storage) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Converts a number from a column. A negative one, which only a damaged database has, becomes 0.
pub(in crate::master::storage) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}

/// A value of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::master::storage) enum Value<'a> {
    Null,
    /// A number, or a truth value as 0 or 1.
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

impl Value<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Integer(_) => "a number",
            Value::Text(_) => "a text",
            Value::Bytes(_) => "bytes",
        }
    }
}

/// What a column can be read as.
pub(in crate::master::storage) trait FromColumn: Sized {
    /// What a column must have for it.
    const EXPECTED: &'static str;

    /// The value; `None` where the column has another kind, or a number out of bounds.
    fn from_column(value: Value<'_>) -> Option<Self>;
}

macro_rules! integers {
    ($($kind:ty),*) => {$(
        impl FromColumn for $kind {
            const EXPECTED: &'static str = concat!("a number (", stringify!($kind), ")");

            fn from_column(value: Value<'_>) -> Option<$kind> {
                match value {
                    Value::Integer(number) => <$kind>::try_from(number).ok(),
                    _ => None,
                }
            }
        }

        impl ToParam for $kind {
            fn to_param(&self) -> Param<'_> {
                // No number of this program comes near the bound.
                Param::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
    )*};
}

integers!(i64, u64, u32, u16, u8, usize);

impl FromColumn for bool {
    const EXPECTED: &'static str = "a truth value";

    fn from_column(value: Value<'_>) -> Option<bool> {
        match value {
            Value::Integer(number) => Some(number != 0),
            _ => None,
        }
    }
}

impl FromColumn for String {
    const EXPECTED: &'static str = "a text";

    fn from_column(value: Value<'_>) -> Option<String> {
        match value {
            Value::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl FromColumn for Vec<u8> {
    const EXPECTED: &'static str = "bytes";

    fn from_column(value: Value<'_>) -> Option<Vec<u8>> {
        match value {
            Value::Bytes(bytes) => Some(bytes.to_owned()),
            _ => None,
        }
    }
}

impl<const LENGTH: usize> FromColumn for [u8; LENGTH] {
    const EXPECTED: &'static str = "bytes of a fixed number";

    fn from_column(value: Value<'_>) -> Option<[u8; LENGTH]> {
        match value {
            Value::Bytes(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_column(value: Value<'_>) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            value => T::from_column(value).map(Some),
        }
    }
}

/// A value that is bound to a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::master::storage) enum Param<'a> {
    Null,
    /// A number, or a truth value as 0 or 1.
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// An array, for an engine that takes one.
    List(&'a [Param<'a>]),
    /// The same, as it is sent.
    Packed(&'a PackedColumn),
}

/// What can be bound to a statement.
pub(in crate::master::storage) trait ToParam {
    /// The value as it is bound.
    fn to_param(&self) -> Param<'_>;
}

impl ToParam for bool {
    fn to_param(&self) -> Param<'_> {
        Param::Integer(i64::from(*self))
    }
}

impl ToParam for str {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for String {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for [u8] {
    fn to_param(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl ToParam for Vec<u8> {
    fn to_param(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl<const LENGTH: usize> ToParam for [u8; LENGTH] {
    fn to_param(&self) -> Param<'_> {
        Param::Bytes(self)
    }
}

impl<T: ToParam> ToParam for Option<T> {
    fn to_param(&self) -> Param<'_> {
        self.as_ref().map_or(Param::Null, T::to_param)
    }
}

impl ToParam for Param<'_> {
    fn to_param(&self) -> Param<'_> {
        *self
    }
}

impl<T: ToParam + ?Sized> ToParam for &T {
    fn to_param(&self) -> Param<'_> {
        T::to_param(self)
    }
}

/// The parameters of a statement, of any types.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$(&$value as &dyn $crate::master::storage::engine::values::ToParam),*]
    };
}
pub(in crate::master::storage) use params;

/// The parameters of a statement, in the order of their numbers, from 1 on.
pub(in crate::master::storage) trait Parameters {
    /// Calls `bind` for each.
    ///
    /// # Errors
    /// Those of `bind`.
    fn each<'a>(&'a self, bind: &mut dyn FnMut(Param<'a>) -> EngineResult<()>) -> EngineResult<()>;
}

impl<const COUNT: usize> Parameters for &[&dyn ToParam; COUNT] {
    fn each<'a>(&'a self, bind: &mut dyn FnMut(Param<'a>) -> EngineResult<()>) -> EngineResult<()> {
        self.iter().try_for_each(|value| bind(value.to_param()))
    }
}

/// No parameters.
impl Parameters for [&dyn ToParam; 0] {
    fn each<'a>(&'a self, _: &mut dyn FnMut(Param<'a>) -> EngineResult<()>) -> EngineResult<()> {
        Ok(())
    }
}

macro_rules! arrays {
    ($($count:literal),*) => {$(
        impl<T: ToParam> Parameters for [T; $count] {
            fn each<'a>(&'a self, bind: &mut dyn FnMut(Param<'a>) -> EngineResult<()>) -> EngineResult<()> {
                self.iter().try_for_each(|value| bind(value.to_param()))
            }
        }
    )*};
}

// Not for 0: the type of its elements would be unknown.
arrays!(1, 2, 3, 4, 5, 6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_another_kind_or_out_of_bounds_is_no_value() {
        assert_eq!(u8::from_column(Value::Integer(255)), Some(255));
        assert_eq!(u8::from_column(Value::Integer(256)), None);
        assert_eq!(u64::from_column(Value::Integer(-1)), None);
        assert_eq!(i64::from_column(Value::Text("1")), None);
        assert_eq!(bool::from_column(Value::Integer(1)), Some(true));
        assert_eq!(String::from_column(Value::Bytes(b"a")), None);
        assert_eq!(<[u8; 2]>::from_column(Value::Bytes(b"abc")), None);
        assert_eq!(Option::<i64>::from_column(Value::Null), Some(None));
        assert_eq!(Option::<i64>::from_column(Value::Text("")), None);
        assert_eq!(i64::from_column(Value::Null), None);
    }

    #[test]
    fn parameters_keep_their_order() {
        let (name, none) = ("a".to_owned(), None::<i64>);
        let mut bound = Vec::new();
        let mut bind = |value| {
            bound.push(value);
            Ok(())
        };
        let values = params![7_u8, name, none, true];
        values.each(&mut bind).unwrap();
        let expected = [
            Param::Integer(7),
            Param::Text("a"),
            Param::Null,
            Param::Integer(1),
        ];
        assert_eq!(bound, expected);
    }
}
