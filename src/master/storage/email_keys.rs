//! spec/master/storage/email_keys.md · 2.4.1 Account Structure (email)
//!
//! Brings the keys of email addresses to this version's rules, with a migration.

use crate::model::email_key::email_key;
use rusqlite::{OptionalExtension, Transaction, params};

/// Most accounts of which the log says that an older one has their address.
const LOGGED_MAX: usize = 100;

/// The key of an account whose address an older account has, too. It has no `@`, so no address has
/// it.
pub(super) fn twin_key(account: i64) -> String {
    format!("#{account}")
}

/// Computes all keys anew. Where two addresses are one now, the older account owns the address, and
/// the younger one is noted in its row and in the log.
pub(super) fn renew(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let changed = changed(transaction)?;
    let mut set = transaction.prepare("UPDATE accounts SET email_key = ?2 WHERE account = ?1")?;
    // An old key may be another account's new one.
    for (account, _) in &changed {
        set.execute(params![account, twin_key(*account)])?;
    }
    let mut twins = 0;
    // From the oldest account on.
    for (account, key) in changed {
        let holder: Option<i64> = transaction
            .prepare_cached("SELECT account FROM accounts WHERE email_key = ?1")?
            .query_row([&key], |row| row.get(0))
            .optional()?;
        let (owner, twin) = match holder {
            None => (account, None),
            Some(holder) if holder > account => (account, Some(holder)),
            Some(holder) => (holder, Some(account)),
        };
        if let Some(twin) = twin {
            note(transaction, twin, owner, twins)?;
            twins += 1;
        }
        if owner == account {
            set.execute(params![account, key])?;
        }
    }
    if twins > LOGGED_MAX {
        let more = twins - LOGGED_MAX;
        crate::warn!("{more} more accounts have the email address of an older one");
    }
    Ok(())
}

/// The accounts whose key is another now, from the oldest on.
fn changed(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut changed = Vec::new();
    let mut statement =
        transaction.prepare("SELECT account, email, email_key FROM accounts ORDER BY account")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (email, stored): (String, String) = (row.get(1)?, row.get(2)?);
        let key = email_key(&email);
        if key != stored {
            changed.push((row.get(0)?, key));
        }
    }
    Ok(changed)
}

/// Notes a twin, in its row and in the log.
fn note(
    transaction: &Transaction<'_>,
    twin: i64,
    owner: i64,
    logged: usize,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE accounts SET email_key = ?2, email_owner = ?3 WHERE account = ?1")?
        .execute(params![twin, twin_key(twin), owner])?;
    if logged < LOGGED_MAX {
        let name = |account: i64| -> rusqlite::Result<String> {
            let sql = "SELECT username FROM accounts WHERE account = ?1";
            transaction
                .prepare_cached(sql)?
                .query_row([account], |row| row.get(0))
        };
        crate::warn!(
            "the email address of {} is that of the older account {}, as addresses are compared now: both \
             accounts go on, and the older one owns the address",
            name(twin)?,
            name(owner)?
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// A database before the migration, with accounts of these addresses, of which the first is the
    /// oldest.
    fn database(emails: &[&str]) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for sql in [
            include_str!("../../../sql/sqlite/0001_accounts.sql"),
            include_str!("../../../sql/sqlite/0006_email_keys.sql"),
        ] {
            connection.execute_batch(sql).unwrap();
        }
        for (number, email) in (1..).zip(emails) {
            connection
                .execute(
                    "INSERT INTO accounts (account, username, username_key, email, email_key, is_password, pass_hash,
                     created, starting_cash, boot, sequence) VALUES (?1, ?2, ?2, ?3, ?4, 1, 'h', 0, 0, x'00', ?1)",
                    params![number, format!("user{number}"), email, email.to_lowercase()],
                )
                .unwrap();
        }
        connection
    }

    fn renewed(emails: &[&str]) -> (Vec<String>, Vec<(i64, i64)>) {
        let mut connection = database(emails);
        let transaction = connection.transaction().unwrap();
        renew(&transaction).unwrap();
        let mut keys = transaction
            .prepare("SELECT email_key FROM accounts ORDER BY account")
            .unwrap();
        let keys = keys.query_map([], |row| row.get(0)).unwrap();
        let mut twins = transaction
            .prepare("SELECT account, email_owner FROM accounts WHERE email_owner IS NOT NULL ORDER BY account")
            .unwrap();
        let twins = twins
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        (
            keys.map(Result::unwrap).collect(),
            twins.map(Result::unwrap).collect(),
        )
    }

    #[test]
    fn the_oldest_account_owns_an_address_that_several_have() {
        let (keys, twins) = renewed(&["Alice@x.org", "bob@x.org"]);
        assert_eq!(keys, ["alice@x.org", "bob@x.org"]);
        assert_eq!(twins, []);
        // Whose key changes is younger, older, or both change.
        let (keys, twins) = renewed(&["strasse@x.org", "straße@x.org"]);
        assert_eq!(keys, ["strasse@x.org", "#2"]);
        assert_eq!(twins, [(2, 1)]);
        let (keys, twins) = renewed(&["ὈΔΌΣ@x.org", "straße@x.org", "strasse@x.org"]);
        assert_eq!(keys[1..], ["strasse@x.org", "#3"]);
        assert_eq!(twins, [(3, 2)]);
        let (keys, twins) = renewed(&["ﬁn@x.org", "ｆin@x.org", "fin@x.org", "ﬁn@X.org."]);
        assert_eq!(keys, ["fin@x.org", "#2", "#3", "#4"]);
        assert_eq!(twins, [(2, 1), (3, 1), (4, 1)]);
    }
}
