//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! Values as PostgreSQL sends and takes them, in its binary form.

use crate::master::storage::engine::packed::{PackedColumn, PackedKind};
use crate::master::storage::engine::values::{Param, Value};
use bytes::{BufMut, BytesMut};
use postgres::types::{FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};
use std::error::Error;

/// Digits of one group of a NUMERIC.
const NUMERIC_BASE: i128 = 10_000;
/// The sign of a NUMERIC that is positive or zero, and of a negative one.
const NUMERIC_POSITIVE: u16 = 0;
const NUMERIC_NEGATIVE: u16 = 0x4000;

type Failure = Box<dyn Error + Sync + Send>;

/// A column of a row.
pub(super) struct PostgresColumn<'a>(pub Value<'a>);

impl<'a> FromSql<'a> for PostgresColumn<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<PostgresColumn<'a>, Failure> {
        Ok(PostgresColumn(match *kind {
            Type::INT8 => Value::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Value::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT2 => Value::Integer(i16::from_sql(kind, raw)?.into()),
            Type::BOOL => Value::Integer(bool::from_sql(kind, raw)?.into()),
            Type::NUMERIC => Value::Integer(whole_number(raw)?),
            Type::BYTEA => Value::Bytes(raw),
            _ => Value::Text(str::from_utf8(raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<PostgresColumn<'a>, Failure> {
        Ok(PostgresColumn(Value::Null))
    }

    fn accepts(kind: &Type) -> bool {
        matches!(
            *kind,
            Type::INT8
                | Type::INT4
                | Type::INT2
                | Type::BOOL
                | Type::NUMERIC
                | Type::BYTEA
                | Type::TEXT
                | Type::VARCHAR
                | Type::NAME
                | Type::UNKNOWN
        )
    }
}

/// Reads a NUMERIC, which a sum of BIGINT is, as the whole number that it must be.
fn whole_number(raw: &[u8]) -> Result<i64, Failure> {
    let mut words = raw
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u16::from_be_bytes(*pair));
    let mut next = || words.next().ok_or("a number ends too early");
    let (count, weight, sign, _scale) = (next()?, next()?, next()?, next()?);
    let mut number: i128 = 0;
    // Groups that are left out at the end are zeros.
    for at in 0..=i16::from_be_bytes(weight.to_be_bytes()) {
        let group = if at < i16::try_from(count)? {
            next()?
        } else {
            0
        };
        number = number
            .checked_mul(NUMERIC_BASE)
            .and_then(|it| it.checked_add(group.into()))
            .ok_or("a number is out of bounds")?;
    }
    if words.any(|group| group != 0) {
        return Err("a number has a fraction".into());
    }
    Ok(i64::try_from(match sign {
        NUMERIC_POSITIVE => number,
        NUMERIC_NEGATIVE => -number,
        _ => return Err("this is no number".into()),
    })?)
}

/// A parameter.
#[derive(Debug)]
pub(super) struct PostgresParam<'a>(pub Param<'a>);

impl ToSql for PostgresParam<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match self.0 {
            Param::Null => return Ok(IsNull::Yes),
            Param::Integer(number) => put_number(number, kind, out)?,
            Param::Text(text) => out.put_slice(text.as_bytes()),
            Param::Bytes(bytes) => out.put_slice(bytes),
            Param::List(values) => put_array(values, kind, out)?,
            Param::Packed(column) => put_packed(column, kind, out)?,
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Writes an array of one dimension.
fn put_array(values: &[Param<'_>], kind: &Type, out: &mut BytesMut) -> Result<(), Failure> {
    let has_null = values.contains(&Param::Null);
    let element = put_array_header(kind, has_null, values.len(), out)?;
    let mut bytes = BytesMut::new();
    for value in values {
        match PostgresParam(*value).to_sql(element, &mut bytes)? {
            IsNull::Yes => out.put_i32(-1),
            IsNull::No => {
                out.put_i32(i32::try_from(bytes.len())?);
                out.put_slice(&bytes);
            }
        }
        bytes.clear();
    }
    Ok(())
}

/// Writes an array whose elements stand as the server takes them.
fn put_packed(column: &PackedColumn, kind: &Type, out: &mut BytesMut) -> Result<(), Failure> {
    let element = put_array_header(kind, column.has_null(), column.count(), out)?;
    let is_right = column.kind().is_none_or(|kind| match kind {
        PackedKind::Integers => *element == Type::INT8,
        PackedKind::Texts => *element == Type::TEXT,
        PackedKind::Bytes => *element == Type::BYTEA,
    });
    if !is_right {
        return Err(format!("the server expects an array of {element}").into());
    }
    out.put_slice(column.bytes());
    Ok(())
}

/// Writes what stands before the elements of an array of one dimension. Returns their type.
fn put_array_header<'a>(
    kind: &'a Type,
    has_null: bool,
    count: usize,
    out: &mut BytesMut,
) -> Result<&'a Type, Failure> {
    let Kind::Array(element) = kind.kind() else {
        return Err(format!("an array stands where the server expects {kind}").into());
    };
    out.put_i32(1);
    out.put_i32(i32::from(has_null));
    out.put_u32(element.oid());
    out.put_i32(i32::try_from(count)?);
    // Its elements are numbered from 1 on.
    out.put_i32(1);
    Ok(element)
}

/// Writes a number as the type that the server expects where it stands.
fn put_number(number: i64, kind: &Type, out: &mut BytesMut) -> Result<(), Failure> {
    match *kind {
        Type::INT8 => out.put_i64(number),
        Type::INT4 => out.put_i32(number.try_into()?),
        Type::INT2 => out.put_i16(number.try_into()?),
        Type::BOOL => out.put_u8(u8::from(number != 0)),
        Type::NUMERIC => put_numeric(number, out),
        Type::TEXT => return Err("a number stands where the server expects a text".into()),
        _ => return Err(format!("a number stands where the server expects {kind}").into()),
    }
    Ok(())
}

fn put_numeric(number: i64, out: &mut BytesMut) {
    let mut rest = u128::from(number.unsigned_abs());
    let mut groups: Vec<u16> = Vec::new();
    let base = NUMERIC_BASE.unsigned_abs();
    while rest > 0 {
        // Less than the base.
        groups.push(u16::try_from(rest % base).unwrap_or_default());
        rest /= base;
    }
    // At most five groups.
    let count = u16::try_from(groups.len()).unwrap_or_default();
    out.put_u16(count);
    out.put_u16(count.saturating_sub(1));
    out.put_u16(if number < 0 {
        NUMERIC_NEGATIVE
    } else {
        NUMERIC_POSITIVE
    });
    out.put_u16(0);
    for group in groups.iter().rev() {
        out.put_u16(*group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_is_read_as_it_was_written() {
        for number in [0, 1, -1, 9_999, 10_000, 120_000_000, i64::MAX, i64::MIN + 1] {
            let mut out = BytesMut::new();
            put_numeric(number, &mut out);
            assert_eq!(whole_number(&out).unwrap(), number);
        }
        // 12,340,000 leaves its last groups out: 12, 3400 | 10,000^1.
        let short = [0, 1, 0, 1, 0, 0, 0, 0, 4, 210];
        assert_eq!(whole_number(&short).unwrap(), 12_340_000);
    }

    #[test]
    fn what_is_no_whole_number_of_64_bits_is_an_error() {
        let fraction = [0, 1, 255, 255, 0, 0, 0, 1, 19, 136];
        let large = [0, 1, 0, 9, 0, 0, 0, 0, 0, 1];
        let nan = [0, 0, 0, 0, 192, 0, 0, 0];
        for raw in [&fraction[..], &large, &nan, &[0, 1], &[]] {
            assert!(whole_number(raw).is_err(), "{raw:?}");
        }
    }
}
