//! spec/master/admin.md · 3.1.3 ("be able to manage those session tokens"), 2.4.2
//!
//! Lists and ends active sessions for administrators.
//!
//! Tests: `tests/suite/master/admin.rs`.

use super::caller::AdminCaller;
use super::{AdminShared, ask};
use crate::admin::model::{EndedSessions, SessionList, SessionSummary};
use crate::admin::protocol::{AdminAnswer, ROWS_MAX, SessionSelector};
use crate::master::messages::{AuthMessage, EndedCount, SessionFilter, SessionRow};
use crate::master::storage::{Reader, StorageError};
use crate::model::SessionKind;
use crate::model::printable::clean;
use std::collections::HashMap;
use uuid::Uuid;

const MODULE: &str = "auth";
/// Most sessions that a refusal names if several match a prefix.
const NAMED_MAX: usize = 5;

/// All active sessions, or those of one user.
pub(super) fn list(shared: &AdminShared, user: Option<String>) -> Result<AdminAnswer, String> {
    if let Some(user) = &user {
        check_user(shared, user)?;
    }
    let rows = rows(shared, user)?;
    let registry = shared.channels.inboxes.shared.registry.load();
    let names: HashMap<Uuid, &str> = registry
        .all()
        .map(|worker| (worker.uuid, worker.name.as_str()))
        .collect();
    let more = rows.len().saturating_sub(ROWS_MAX);
    let sessions = rows
        .iter()
        .take(ROWS_MAX)
        .map(|row| session(row, &names))
        .collect();
    Ok(AdminAnswer::Sessions(SessionList { sessions, more }))
}

fn session(row: &SessionRow, names: &HashMap<Uuid, &str>) -> SessionSummary {
    let session = &row.session;
    let worker = names.get(&session.worker);
    SessionSummary {
        id: row.prefix.clone(),
        user: session.username.to_string(),
        kind: match session.kind {
            SessionKind::Login(_) => "login",
            SessionKind::Token { .. } => "token",
        }
        .to_owned(),
        worker: worker.map_or_else(
            || session.worker.hyphenated().to_string(),
            |name| (*name).to_owned(),
        ),
        client: session.client.to_string(),
        since: session.since.to_string(),
        until: session.expiry.to_string(),
        last_used: session.last_use.at.to_string(),
        expirable: session.expirable,
    }
}

/// Ends the selected sessions.
pub(super) fn end(
    shared: &AdminShared,
    which: SessionSelector,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let what = match &which {
        SessionSelector::Prefix(prefix) => format!("id:{}", clean(prefix)),
        SessionSelector::User(user) => format!("user:{}", clean(user)),
        SessionSelector::Worker(name) => format!("worker:{}", clean(name)),
        SessionSelector::All => "all".to_owned(),
    };
    let ended = match which {
        SessionSelector::Prefix(prefix) => end_one(shared, &prefix, &caller)?,
        SessionSelector::User(user) => {
            check_user(shared, &user)?;
            end_matching(shared, SessionFilter::User(user), &caller)?
        }
        SessionSelector::Worker(name) => {
            let mut ended = EndedCount::default();
            // Where one of them fails the others end nevertheless.
            let of_each: Vec<_> = workers_named(shared, &name)?
                .into_iter()
                .map(|worker| end_matching(shared, SessionFilter::Worker(worker), &caller))
                .collect();
            for more in of_each {
                let more = more?;
                ended.logins += more.logins;
                ended.tokens += more.tokens;
            }
            ended
        }
        SessionSelector::All => end_matching(shared, SessionFilter::All, &caller)?,
    };
    let EndedCount { logins, tokens } = ended;
    crate::audit!(
        "sessions end",
        which = what,
        by = caller,
        sessions = logins,
        tokens = tokens,
    );
    Ok(AdminAnswer::Ended(EndedSessions {
        ended: logins.saturating_add(tokens),
        tokens: Some(tokens),
    }))
}

/// Ends the session whose hash begins with `prefix`, if there is exactly one.
fn end_one(shared: &AdminShared, prefix: &str, caller: &AdminCaller) -> Result<EndedCount, String> {
    let prefix = prefix.to_ascii_lowercase();
    if prefix.is_empty()
        || prefix.len() > 64
        || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Err(format!(
            "{prefix:?} is not the beginning of a session's ID, which is of 0-9 a-f; see `papertraderctl sessions list`"
        ));
    }
    let matching: Vec<SessionRow> = rows(shared, None)?
        .into_iter()
        .filter(|row| hex::encode(row.session.hash.0).starts_with(&prefix))
        .collect();
    match matching.as_slice() {
        [one] => end_matching(
            shared,
            SessionFilter::Prefix(hex::encode(one.session.hash.0)),
            caller,
        ),
        [] => Err(format!(
            "no session's ID begins with {prefix}; see `papertraderctl sessions list`"
        )),
        several => {
            let named: Vec<String> = several
                .iter()
                .take(NAMED_MAX)
                .map(|row| {
                    format!(
                        "{} of {}",
                        hex::encode(&row.session.hash.0[..8]),
                        row.session.username
                    )
                })
                .collect();
            Err(format!(
                "{} sessions' IDs begin with {prefix}; give more of it: {}{}",
                several.len(),
                named.join(", "),
                if several.len() > NAMED_MAX {
                    " …"
                } else {
                    ""
                }
            ))
        }
    }
}

pub(super) fn rows(shared: &AdminShared, user: Option<String>) -> Result<Vec<SessionRow>, String> {
    ask(MODULE, &shared.channels.inboxes.auth, |reply| {
        AuthMessage::List(user, reply)
    })
}

fn end_matching(
    shared: &AdminShared,
    which: SessionFilter,
    caller: &AdminCaller,
) -> Result<EndedCount, String> {
    let caller = caller.to_string();
    ask(MODULE, &shared.channels.inboxes.auth, |reply| {
        AuthMessage::End(which, caller, reply)
    })?
}

pub(super) fn reader(shared: &AdminShared) -> Result<Reader, String> {
    Reader::open(&shared.channels.database).map_err(|error| error.to_string())
}

pub(super) fn failed(error: StorageError) -> String {
    format!("the database failed: {error}")
}

/// Refuses a user name that no account has.
fn check_user(shared: &AdminShared, user: &str) -> Result<(), String> {
    let found = reader(shared)?
        .read(|snapshot| snapshot.user_record(&user.to_ascii_lowercase()))
        .map_err(failed)?;
    found
        .map(drop)
        .ok_or_else(|| format!("there is no user {user}"))
}

/// The UUIDs of all workers that were ever registered under a name, or the one with this UUID.
fn workers_named(shared: &AdminShared, name: &str) -> Result<Vec<Uuid>, String> {
    let uuid = Uuid::parse_str(name).unwrap_or_default();
    let found = reader(shared)?
        .read(|snapshot| snapshot.workers_ever_named(name, &uuid))
        .map_err(failed)?;
    if found.is_empty() {
        return Err(format!(
            "no worker was ever registered as {name}; see `papertraderctl workers list`"
        ));
    }
    Ok(found)
}
