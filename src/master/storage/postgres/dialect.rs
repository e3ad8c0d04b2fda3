//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! Writes a statement as PostgreSQL reads it: parameters are `$1` there, and nobody tells it an index or
//! the order of a join.

/// The words before the name of an index, which is for SQLite alone.
const INDEXED_BY: &str = "INDEXED BY ";
/// A join whose tables SQLite is to read in this order, and the same for PostgreSQL.
const ORDERED_JOIN: &str = "CROSS JOIN ";
const JOIN: &str = "JOIN ";

/// Replaces `?1` by `$1`, `CROSS JOIN` by `JOIN`, and leaves out `INDEXED BY name`, outside of quotes.
pub(super) fn translate(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(INDEXED_BY) {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            rest = after.trim_start_matches(is_name);
            continue;
        }
        if let Some(after) = rest.strip_prefix(ORDERED_JOIN) {
            out.push_str(JOIN);
            rest = after;
            continue;
        }
        let length = match first {
            '\'' | '"' => quoted(rest, first),
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        out.push_str(if first == '?' { "$" } else { token });
        rest = after;
    }
    out
}

/// The length of a quoted text at the beginning, up to its closing character.
fn quoted(rest: &str, closing: char) -> usize {
    rest.char_indices()
        .skip(1)
        .find(|(_, it)| *it == closing)
        .map_or(rest.len(), |(at, it)| at + it.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_renamed_and_quotes_left_alone() {
        for (sql, expected) in [
            ("SELECT ?1, ?12", "SELECT $1, $12"),
            (
                "SELECT '?1' || \"?\" || 'it''s ?' = ?2",
                "SELECT '?1' || \"?\" || 'it''s ?' = $2",
            ),
            ("FROM t INDEXED BY t_a WHERE a = ?1", "FROM t  WHERE a = $1"),
            ("a CROSS JOIN b USING (c)", "a JOIN b USING (c)"),
            ("'open ?1", "'open ?1"),
            ("", ""),
        ] {
            assert_eq!(translate(sql), expected, "{sql}");
        }
    }
}
