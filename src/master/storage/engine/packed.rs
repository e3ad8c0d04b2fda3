//! spec/master/storage/engine.md · 3.1.2 Database Management
//!
//! The values of a column that are written together, in the form in which PostgreSQL takes the
//! elements of an array: so each value is copied once, and nothing is allocated for it.

/// In the place of the length of a value that is NULL.
const NULL: i32 = -1;

/// What the values of a column are, which are not NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master::storage) enum PackedKind {
    /// Numbers of 64 bits.
    Integers,
    Texts,
    Bytes,
}

/// Values of one kind, each behind its length: 4 bytes, big-endian, and -1 for NULL.
#[derive(Debug, Default, PartialEq)]
pub(in crate::master::storage) struct PackedColumn {
    kind: Option<PackedKind>,
    has_null: bool,
    count: usize,
    bytes: Vec<u8>,
}

impl PackedColumn {
    /// Adds NULL.
    pub fn add_null(&mut self) {
        self.has_null = true;
        self.count += 1;
        self.bytes.extend(NULL.to_be_bytes());
    }

    /// Adds a number. Returns false where the values before it are none: then nothing was added.
    pub fn add_integer(&mut self, number: i64) -> bool {
        self.add(PackedKind::Integers, &number.to_be_bytes())
    }

    /// The same for a text.
    pub fn add_text(&mut self, text: &str) -> bool {
        self.add(PackedKind::Texts, text.as_bytes())
    }

    /// The same for bytes.
    pub fn add_bytes(&mut self, bytes: &[u8]) -> bool {
        self.add(PackedKind::Bytes, bytes)
    }

    fn add(&mut self, kind: PackedKind, bytes: &[u8]) -> bool {
        let Ok(length) = i32::try_from(bytes.len()) else {
            return false;
        };
        if *self.kind.get_or_insert(kind) != kind {
            return false;
        }
        self.bytes.extend(length.to_be_bytes());
        self.bytes.extend_from_slice(bytes);
        self.count += 1;
        true
    }

    /// The kind of its values. `None`: all are NULL.
    pub fn kind(&self) -> Option<PackedKind> {
        self.kind
    }

    /// Whether a value is NULL.
    pub fn has_null(&self) -> bool {
        self.has_null
    }

    /// The number of its values.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The values, each behind its length.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_behind_their_lengths() {
        let mut column = PackedColumn::default();
        column.add_null();
        assert_eq!((column.kind(), column.has_null()), (None, true));
        assert!(column.add_text("ab") && column.add_text(""));
        let expected = [255, 255, 255, 255, 0, 0, 0, 2, b'a', b'b', 0, 0, 0, 0];
        assert_eq!(column.bytes(), expected);
        assert_eq!(
            (column.kind(), column.count()),
            (Some(PackedKind::Texts), 3)
        );
        let mut numbers = PackedColumn::default();
        assert!(numbers.add_integer(-2));
        let expected = [0, 0, 0, 8, 255, 255, 255, 255, 255, 255, 255, 254];
        assert_eq!(
            (numbers.bytes(), numbers.has_null()),
            (&expected[..], false)
        );
    }

    #[test]
    fn a_column_has_one_kind() {
        let mut column = PackedColumn::default();
        assert!(column.add_bytes(&[1]));
        assert!(!column.add_text("a") && !column.add_integer(1));
        assert_eq!((column.count(), column.bytes().len()), (1, 5));
    }
}
