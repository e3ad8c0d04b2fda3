//! spec/description.md · 4.4, 4.7.1
//!
//! Reads bytes by their layout, for test vectors. Numbers of up to four bytes become JSON numbers;
//! those of eight become texts, because many JSON readers round them. Other bytes are hexadecimal.

use crate::model::ValueError;
use crate::wire::payload::Cursor;
use crate::wire::payload::layout::{ByteLayout, Encoding, Field, FieldKind, Repetition, Scalar};
use serde_json::{Map, Value};

/// The value of bytes that have a layout.
///
/// # Errors
/// The bytes have another layout.
pub fn read(layout: &ByteLayout, bytes: &[u8]) -> Result<Value, ValueError> {
    let mut cursor = Cursor::new(bytes);
    let value = read_layout(layout, &mut cursor, None)?;
    cursor.end()?;
    Ok(value)
}

fn read_layout(
    layout: &ByteLayout,
    from: &mut Cursor<'_>,
    outer: Option<&Map<String, Value>>,
) -> Result<Value, ValueError> {
    let mut record = Map::new();
    for field in layout.fields {
        if is_there(field, &record, outer) {
            let value = read_field(field, from, &record)?;
            record.insert(field.name.to_owned(), value);
        }
    }
    Ok(Value::Object(record))
}

fn is_there(
    field: &Field,
    record: &Map<String, Value>,
    outer: Option<&Map<String, Value>>,
) -> bool {
    field.when.is_none_or(|when| {
        let value = record
            .get(when.field)
            .or_else(|| outer?.get(when.field))
            .and_then(Value::as_u64);
        value.is_some_and(|value| value & u64::from(when.mask) == u64::from(when.equals))
    })
}

fn read_field(
    field: &Field,
    from: &mut Cursor<'_>,
    record: &Map<String, Value>,
) -> Result<Value, ValueError> {
    let one = |from: &mut Cursor<'_>| match field.kind {
        FieldKind::Scalar(scalar) => read_scalar(scalar, from),
        FieldKind::Layout(layout) => read_layout(layout, from, Some(record)),
    };
    let mut items = Vec::new();
    match field.repetition {
        Repetition::Once => return one(from),
        Repetition::ToEnd => {
            while from.left() > 0 {
                items.push(one(from)?);
            }
        }
        Repetition::Counted(count) => {
            for _ in 0..record.get(count).and_then(Value::as_u64).unwrap_or(0) {
                items.push(one(from)?);
            }
        }
    }
    Ok(Value::Array(items))
}

fn read_scalar(scalar: Scalar, from: &mut Cursor<'_>) -> Result<Value, ValueError> {
    Ok(match scalar.encoding {
        Encoding::Integer {
            bytes: 8,
            signed: true,
        } => Value::from(from.i64()?.to_string()),
        Encoding::Integer { bytes: 8, .. } => Value::from(from.u64()?.to_string()),
        Encoding::Integer { bytes, .. } => {
            let bytes = from.take(usize::from(bytes))?;
            Value::from(
                bytes
                    .iter()
                    .fold(0, |value, byte| value << 8 | u32::from(*byte)),
            )
        }
        Encoding::Text { .. } => Value::from(from.text()?),
        Encoding::Bytes { bytes } => Value::from(hex::encode(from.take(usize::from(bytes))?)),
        Encoding::Rest => Value::from(hex::encode(from.take(from.left())?)),
    })
}
