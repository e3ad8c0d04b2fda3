//! spec/master/admin.md · 3.1.3, 4.1 (basic error handling)
//!
//! What an administrator does with accounts.
//!
//! Tests: `tests/suite/master/accounts.rs`, `tests/suite/master/mail.rs`.

use super::caller::AdminCaller;
use super::sessions::{failed, reader, rows};
use super::{AdminShared, SETTLEMENT_TIMEOUT, ask, ask_for_act};
use crate::admin::model::{
    AccountDetails, AccountList, AccountSummary, ActSummary, CodeSummary, DeletionSummary,
    GrantSummary, LockSummary, RestartSummary,
};
use crate::admin::protocol::{AdminAnswer, CODE_VALID_MAX, GRANT_REASON_MAX, ROWS_MAX};
use crate::admin::roster::{FAULTS_MAX, RosterRow, RosterSummary};
use crate::master::messages::{
    AccountMeans, AdminAct, AuthMessage, CodePrinting, Grant, ImportedRoster, PrintedCode,
    RosterImport, TransactionsMessage,
};
use crate::master::storage::accounts::AccountRow;
use crate::master::storage::acts::AccountAct;
use crate::model::account::USERNAME_MAX;
use crate::model::printable::is_printable_text;
use crate::model::{AccountId, Money, Quantity, SessionKind, Timestamp, Username};
use crate::runtime::log::AUDIT_VALUE_BYTES_MAX;
use crossbeam_channel::Sender;
use std::time::{Duration, Instant};

const MODULE: &str = "auth";
const TRANSACTIONS: &str = "transactions";
/// Most names in a line of the log: so many, of the greatest length and with commas, are not cut.
const NAMES_LOGGED_MAX: usize = 10;
const _: () = assert!(NAMES_LOGGED_MAX * (USERNAME_MAX + 1) <= AUDIT_VALUE_BYTES_MAX);

/// All accounts, or those with a text in their name or e-mail address.
pub(super) fn list(shared: &AdminShared, search: Option<String>) -> Result<AdminAnswer, String> {
    let text = search.unwrap_or_default();
    let (rows, all) = reader(shared)?
        .read(|snapshot| snapshot.accounts_with(&text, ROWS_MAX))
        .map_err(failed)?;
    Ok(AdminAnswer::Accounts(AccountList {
        more: all.saturating_sub(rows.len()),
        accounts: rows.into_iter().map(summary).collect(),
    }))
}

/// One account with what it has.
pub(super) fn show(shared: &AdminShared, name: &str) -> Result<AdminAnswer, String> {
    let key = name.to_ascii_lowercase();
    let found = reader(shared)?
        .read(|snapshot| {
            let Some(row) = snapshot.account_row(&key)? else {
                return Ok(None);
            };
            let holdings = snapshot.holdings(row.account)?;
            let until = snapshot.printed_code_expiry(row.account, Timestamp::now())?;
            let acts = snapshot.acts_of(row.account)?;
            Ok(Some((row, holdings, until, acts)))
        })
        .map_err(failed)?;
    let (row, holdings, until, acts) = found.ok_or_else(|| format!("there is no user {name}"))?;
    let means = means(&shared.channels.inboxes.transactions, row.account);
    let sessions = rows(shared, Some(row.username.clone()))?;
    let is_token = |kind: &SessionKind| matches!(kind, SessionKind::Token { .. });
    let tokens = sessions
        .iter()
        .filter(|it| is_token(&it.session.kind))
        .count();
    let last_used = sessions.iter().map(|it| it.session.last_use.at).max();
    Ok(AdminAnswer::Account(Box::new(AccountDetails {
        number: row.account.0,
        account: summary(row),
        sessions: sessions.len().saturating_sub(tokens),
        tokens,
        last_used: last_used.map(|at| at.to_string()),
        cash: holdings.cash.to_string(),
        positions: holdings.positions.len(),
        queued_orders: means.map(|it| it.queued),
        open_orders: means.map(|it| it.open),
        reserved: means.map(|it| it.reserved.to_string()),
        buying_power: means.map(|it| it.buying_power.to_string()),
        code_until: until.map(|until| until.to_string()),
        acts: acts.into_iter().rev().map(act_summary).collect(),
    })))
}

/// What an account's orders hold back; `None` where transactions does not tell it in time, such as
/// within a long settlement. The log says why.
fn means(inbox: &Sender<TransactionsMessage>, account: AccountId) -> Option<AccountMeans> {
    let told = ask(TRANSACTIONS, inbox, |reply| {
        TransactionsMessage::Means(account, reply)
    });
    told.flatten()
        .inspect_err(|why| {
            crate::warn!(
                "what the orders of account {} hold back is not shown: {why}",
                account.0
            );
        })
        .ok()
}

fn summary(row: AccountRow) -> AccountSummary {
    AccountSummary {
        user: row.username,
        email: row.email,
        state: state(row.is_locked).to_owned(),
        password: row.is_password,
        created: row.created.to_string(),
    }
}

fn act_summary(act: AccountAct) -> ActSummary {
    ActSummary {
        at: act.at.to_string(),
        act: act.act,
        caller: act.caller,
        detail: act.detail,
    }
}

fn state(is_locked: bool) -> &'static str {
    if is_locked { "locked" } else { "active" }
}

/// Locks an account, or unlocks it.
pub(super) fn lock(
    shared: &AdminShared,
    name: &str,
    is_locked: bool,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let username = account_name(name)?;
    let found = reader(shared)?
        .read(|snapshot| snapshot.account_row(&username.key()))
        .map_err(failed)?;
    let row = found.ok_or_else(|| format!("there is no user {name}"))?;
    let (act, auth) = (act(caller), &shared.channels.inboxes.auth);
    let ended = ask_for_act(&act, &row.username, MODULE, auth, |reply| {
        AuthMessage::Lock(username, is_locked, act.clone(), reply)
    })?;
    Ok(AdminAnswer::Locked(LockSummary {
        user: row.username,
        state: state(is_locked).to_owned(),
        ended: ended.sessions,
        cancelled: ended.orders,
    }))
}

/// Deletes an account.
pub(super) fn delete(
    shared: &AdminShared,
    name: &str,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let username = account_name(name)?;
    let (act, auth) = (act(caller), &shared.channels.inboxes.auth);
    let ended = ask_for_act(&act, &username, MODULE, auth, |reply| {
        AuthMessage::Delete(username.clone(), act.clone(), reply)
    })?;
    Ok(AdminAnswer::Deleted(DeletionSummary {
        user: ended.username.to_string(),
        number: ended.account.0,
        ended: ended.sessions,
        cancelled: ended.orders,
    }))
}

/// An act of this user that begins now.
pub(super) fn act(caller: AdminCaller) -> AdminAct {
    AdminAct {
        caller: caller.to_string(),
        until: Instant::now() + SETTLEMENT_TIMEOUT,
    }
}

/// The name of an account that an administrator gives.
pub(super) fn account_name(name: &str) -> Result<Username, String> {
    Username::parse(name).map_err(|error| error.to_string())
}

/// An amount of money of an administrator, which may be taken: with a minus before it.
fn signed_amount(text: &str) -> Result<Money, String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let parsed = Quantity::parse_quantity(digits);
    let parsed = parsed.map_err(|_| {
        "an amount is a decimal with at most 12 digits before and 6 after the point, not 0; with a \
         minus before it, it is taken"
    })?;
    Ok(Money(sign * parsed.0))
}

/// Gives an account cash, or takes some.
pub(super) fn grant(
    shared: &AdminShared,
    name: &str,
    amount: &str,
    reason: String,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let amount = signed_amount(amount)?;
    let is_said = !reason.trim().is_empty() && is_printable_text(&reason);
    if !is_said || reason.len() > GRANT_REASON_MAX {
        return Err(format!(
            "a reason is 1 to {GRANT_REASON_MAX} bytes of printable characters"
        ));
    }
    let username = account_name(name)?;
    let grant = Grant {
        username: username.clone(),
        amount,
        reason,
    };
    let (act, inbox) = (act(caller), &shared.channels.inboxes.transactions);
    let granted = ask_for_act(&act, &username, TRANSACTIONS, inbox, |reply| {
        TransactionsMessage::Grant(grant, act.clone(), reply)
    })?;
    Ok(AdminAnswer::Granted(GrantSummary {
        user: granted.username,
        amount: amount.to_string(),
        cash: granted.cash.to_string(),
        id: granted.id.hyphenated().to_string(),
    }))
}

/// Lets an account begin anew.
pub(super) fn restart(
    shared: &AdminShared,
    name: &str,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let username = account_name(name)?;
    let (act, inbox) = (act(caller), &shared.channels.inboxes.transactions);
    let done = ask_for_act(&act, &username, TRANSACTIONS, inbox, |reply| {
        TransactionsMessage::Restart(username.clone(), act.clone(), reply)
    })?;
    Ok(AdminAnswer::Restarted(RestartSummary {
        user: done.username,
        cancelled: done.cancelled,
        sold: done.sold,
        unpriced: done.unpriced.iter().map(ToString::to_string).collect(),
        cash_before: done.before.to_string(),
        cash: done.cash.to_string(),
    }))
}

/// Makes a one-time code for an account.
pub(super) fn reset(
    shared: &AdminShared,
    name: String,
    valid_ms: u64,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let valid = validity(valid_ms)?;
    let printing = CodePrinting {
        name,
        valid,
        caller: caller.to_string(),
    };
    let printed = ask(MODULE, &shared.channels.inboxes.auth, |reply| {
        AuthMessage::PrintCode(printing, reply)
    })??;
    crate::audit!("account reset", user = printed.username, by = caller);
    Ok(AdminAnswer::Code(code(&printed)))
}

/// Makes accounts with codes for the people in a roster, or only checks it.
pub(super) fn import(
    shared: &AdminShared,
    rows: Vec<RosterRow>,
    valid_ms: u64,
    (is_check, is_again): (bool, bool),
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let import = RosterImport {
        rows,
        valid: validity(valid_ms)?,
        is_check,
        is_again,
        caller: caller.to_string(),
    };
    let registry = shared.channels.inboxes.shared.registry.load();
    let mut servers: Vec<String> = registry.all().map(|it| it.address.clone()).collect();
    servers.sort();
    let mut summary = RosterSummary {
        deployment: shared.channels.deployment.clone(),
        servers,
        accounts: Vec::new(),
        passed: Vec::new(),
        faults: Vec::new(),
        more: 0,
    };
    let imported = ask(MODULE, &shared.channels.inboxes.auth, |reply| {
        AuthMessage::Import(import, reply)
    })??;
    match imported {
        ImportedRoster::Made(made, passed) => {
            for part in made.chunks(NAMES_LOGGED_MAX) {
                let names: Vec<&str> = part.iter().map(|it| it.username.as_str()).collect();
                let names = names.join(",");
                crate::audit!(
                    "accounts import",
                    by = caller,
                    again = is_again,
                    accounts = part.len(),
                    users = names,
                );
            }
            summary.accounts = made.iter().map(code).collect();
            summary.passed = passed;
        }
        ImportedRoster::Faults(mut faults) => {
            summary.more = faults.len().saturating_sub(FAULTS_MAX);
            faults.truncate(FAULTS_MAX);
            summary.faults = faults;
        }
    }
    Ok(AdminAnswer::Roster(Box::new(summary)))
}

/// For how long a code is valid.
pub(super) fn validity(millis: u64) -> Result<Duration, String> {
    let valid = Duration::from_millis(millis);
    if valid.is_zero() || valid > CODE_VALID_MAX {
        let most = CODE_VALID_MAX.as_secs() / 86_400;
        return Err(format!("a code is valid for 1 ms to {most} days"));
    }
    Ok(valid)
}

fn code(printed: &PrintedCode) -> CodeSummary {
    CodeSummary {
        user: printed.username.to_string(),
        code: printed.code.expose(),
        until: printed.until.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::bounded;
    use std::thread;

    #[test]
    fn an_account_is_shown_without_what_transactions_does_not_tell() {
        let (inbox, messages) = bounded::<TransactionsMessage>(1);
        let answers = thread::spawn(move || {
            let TransactionsMessage::Means(_, reply) = messages.recv().unwrap() else {
                panic!("another message")
            };
            reply.send(Err("the database failed".to_owned())).unwrap();
        });
        assert!(means(&inbox, AccountId(1)).is_none());
        answers.join().unwrap();
        assert!(means(&inbox, AccountId(1)).is_none(), "nobody listens");
    }
}
