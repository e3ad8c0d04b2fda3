//! spec/master/storage/schema.md · 3.1.2 Database Management
//!
//! Compares what a database file declares with what the migrations of this version declare: a
//! trigger, view, table or index that somebody added or changed is named.

use super::{Snapshot, SqliteTransaction, StorageError, sqlite};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// What SQLite's `ANALYZE` adds to a schema, with its text. It has counts and no code.
const STATISTICS: [(&str, &str); 2] = [
    ("sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
    (
        "sqlite_stat4",
        "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
    ),
];
/// Characters of a name that a difference shows.
const NAME_CHARS_MAX: usize = 64;

/// The declarations of a schema: kind and name; table and text, without comments and layout.
type Declarations = BTreeMap<(String, String), (String, Option<String>)>;

impl Snapshot<'_> {
    /// Calls `each` with a description of every trigger, view, table and index that is missing,
    /// changed or none of this version's.
    ///
    /// # Errors
    /// The database fails.
    pub fn schema_differences(&mut self, each: impl FnMut(String)) -> Result<(), StorageError> {
        match self {
            Snapshot::Sqlite(SqliteTransaction(sqlite)) => {
                Ok(differences(sqlite, &sqlite::fresh()?, each)?)
            }
            Snapshot::Postgres(postgres) => postgres.schema_differences(each),
        }
    }
}

/// Calls `each` with a description of every declaration that is missing, changed or not of `model`.
pub(super) fn differences(
    database: &Connection,
    model: &Connection,
    mut each: impl FnMut(String),
) -> rusqlite::Result<()> {
    let mut ours = declarations(model)?;
    for ((kind, name), declared) in declarations(database)? {
        let known = ours.remove(&(kind.clone(), name.clone()));
        if known.as_ref() == Some(&declared) || is_statistics(&name, &declared) {
            continue;
        }
        let (shown, table) = (short(&name), short(&declared.0));
        each(match known {
            Some(_) => format!(
                "the {} {shown} is not as this version makes it",
                short(&kind)
            ),
            None if name == declared.0 => {
                format!("the {} {shown} is none of this version's", short(&kind))
            }
            None => format!(
                "the {} {shown} on {table} is none of this version's",
                short(&kind)
            ),
        });
    }
    for (kind, name) in ours.keys() {
        each(format!("the {kind} {name} is missing"));
    }
    Ok(())
}

fn declarations(connection: &Connection) -> rusqlite::Result<Declarations> {
    let mut statement =
        connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| {
        let text: Option<String> = row.get(3)?;
        let declared = (row.get(2)?, text.map(|text| plain(&text)));
        Ok(((row.get(0)?, row.get(1)?), declared))
    })?;
    rows.collect()
}

fn is_statistics(name: &str, (_, text): &(String, Option<String>)) -> bool {
    STATISTICS
        .iter()
        .any(|(table, sql)| *table == name && Some(plain(sql)) == *text)
}

fn short(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

/// A declaration without its comments, and with its white space as it is needed: an earlier version
/// of a migration may have been laid out otherwise. Quoted names and texts stay as they are.
fn plain(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    let mut space = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest
                .get(2..)
                .and_then(|comment| comment.find("*/"))
                .map_or(rest.len(), |end| end + 4),
            '\'' | '"' | '`' => quoted(rest, first),
            '[' => quoted(rest, ']'),
            other => other.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        if first.is_ascii_whitespace() || token.starts_with("--") || token.starts_with("/*") {
            space = true;
            continue;
        }
        let is_tight = |end: char| matches!(end, '(' | ')' | ',');
        if space && !is_tight(first) && !out.ends_with(is_tight) && !out.is_empty() {
            out.push(' ');
        }
        space = false;
        out.push_str(token);
    }
    out
}

/// The length of a quoted name or text at the beginning, up to its closing character.
fn quoted(rest: &str, closing: char) -> usize {
    rest.char_indices()
        .skip(1)
        .find(|(_, it)| *it == closing)
        .map_or(rest.len(), |(at, it)| at + it.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::testing::{Engine, execute_all};

    fn differences(change: &str) -> Vec<String> {
        let engine = Engine::sqlite();
        execute_all(&mut engine.storage(), change);
        let mut found = Vec::new();
        let mut reader = engine.reader();
        let mut snapshot = reader.snapshot().unwrap();
        snapshot
            .schema_differences(|text| found.push(text))
            .unwrap();
        found
    }

    #[test]
    fn what_was_added_changed_or_removed_is_named() {
        for (change, says) in [
            (
                "CREATE TRIGGER keep BEFORE DELETE ON sessions BEGIN SELECT RAISE(IGNORE); END",
                "the trigger keep on sessions is none of this version's",
            ),
            (
                "CREATE VIEW rich AS SELECT * FROM accounts",
                "the view rich is none of this version's",
            ),
            (
                "CREATE TABLE notes (text TEXT)",
                "the table notes is none of this version's",
            ),
            (
                "CREATE UNIQUE INDEX once ON sessions (account)",
                "the index once on sessions is none of this version's",
            ),
            (
                "ALTER TABLE workers ADD COLUMN note TEXT",
                "the table workers is not as this version makes it",
            ),
            (
                "DROP INDEX workers_key; CREATE INDEX workers_key ON workers (fingerprint)",
                "the index workers_key is not as this version makes it",
            ),
            (
                "DROP INDEX transactions_queue",
                "the index transactions_queue is missing",
            ),
        ] {
            assert_eq!(differences(change), [says], "{change}");
        }
        let view =
            differences("DROP TABLE balances; CREATE VIEW balances AS SELECT 1 account, 2 cash");
        assert_eq!(
            view,
            [
                "the view balances is none of this version's",
                "the table balances is missing"
            ]
        );
    }

    #[test]
    fn layout_comments_and_statistics_are_no_difference() {
        assert_eq!(differences("ANALYZE"), [""; 0]);
        let other_layout = "DROP TABLE ledger_position;
             CREATE TABLE ledger_position (one INTEGER /* 1 */ PRIMARY KEY CHECK(one = 1), -- one row
                 acted INTEGER   NOT NULL, settled INTEGER NOT NULL DEFAULT 0,
                 endings INTEGER NOT NULL DEFAULT 0) STRICT";
        assert_eq!(differences(other_layout), [""; 0]);
        assert_eq!(
            differences(
                "DROP TABLE ledger_position; CREATE TABLE ledger_position
             (one INTEGER PRIMARY KEY, -- CHECK (one = 1)\n acted INTEGER NOT NULL) STRICT"
            )
            .len(),
            1
        );
    }

    #[test]
    fn a_declaration_keeps_all_but_comments_and_layout() {
        for (sql, expected) in [
            ("a  b\n(c ,\td )", "a b(c,d)"),
            ("a--x\nb", "a b"),
            ("a/*x*/b/*", "a b"),
            ("a '--  x' b", "a '--  x' b"),
            (
                "a 'it''s  --' \"/*\" [--] `--`",
                "a 'it''s  --' \"/*\" [--] `--`",
            ),
            ("a 'open  ", "a 'open  "),
            ("a - -b", "a - -b"),
            ("/", "/"),
            ("/*/ a", ""),
            ("", ""),
        ] {
            assert_eq!(plain(sql), expected, "{sql}");
        }
    }
}
