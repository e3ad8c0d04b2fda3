//! spec/master/account_queries.md · 3.1.3 (what the deployment has on a person)
//!
//! The export of an account: a text of JSON lines, in slices like a history: first what is short,
//! of one snapshot, then the ledger, newest first. It is counted first, like a history; a count that
//! takes longer than a try goes on with the next.
//!
//! Tests: `tests/suite/master/export.rs`, `src/master/account_queries/histories/tests.rs`.

use super::QueryError;
use super::receipt::{OrderFacts, receipt};
use crate::master::storage::Snapshot;
use crate::master::storage::ledger::{HistoryBound, LedgerEntry};
use crate::model::{AccountId, Reason, SessionHash, SessionKind, SessionUse, Timestamp};
use crate::wire::payload::{Receipt, put_text};
use crate::wire::{PacketWriter, Refusal};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;
use uuid::Uuid;

/// Transactions that are read at once. Each takes a few hundred bytes.
const READ_MAX: usize = 64;
/// How many transactions of a history cost as much to count as one of an export.
pub(super) const COUNTS_AS: usize = 8;
/// Most exports whose count is kept between two tries.
pub(super) const KEPT_MAX: usize = 64;
/// How long a count is kept after the try that it was not complete for.
pub(super) const KEPT_TIMEOUT: Duration = Duration::from_secs(60);
/// The number of lines, before them.
const HEAD_BYTES: u64 = 4;

/// An export that is being answered.
pub(super) struct ExportCursor {
    currency: String,
    bound: HistoryBound,
    /// The lines that come before the transactions, as they are sent.
    begun: Vec<u8>,
    /// Lines, and their bytes, so far as they are counted.
    lines: u64,
    bytes: u64,
    /// The newest transaction that is not counted, or not sent.
    next: Uuid,
    /// Transactions that are counted and not sent.
    left: u64,
    /// `None` while it is counted.
    packets: Option<PacketWriter>,
    /// The names of the workers that its transactions came by, so far.
    workers: HashMap<Uuid, Option<String>>,
}

/// What came of a slice.
pub(super) struct ExportSlice {
    /// The packets that it fills.
    pub frames: Vec<u8>,
    pub is_whole: bool,
}

impl ExportCursor {
    /// Begins an export in a snapshot.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn new(
        snapshot: &mut Snapshot<'_>,
        account: AccountId,
        currency: String,
    ) -> Result<ExportCursor, QueryError> {
        let mut begun = Vec::new();
        let mut lines = 0;
        for line in head(snapshot, account)? {
            put_text(&mut begun, &line.to_string());
            lines += 1;
        }
        let bound = snapshot.history_bound(account)?.unwrap_or_default();
        Ok(ExportCursor {
            currency,
            bound,
            bytes: begun.len() as u64,
            begun,
            lines,
            next: bound.newest,
            left: 0,
            packets: None,
            workers: HashMap::new(),
        })
    }

    /// Whether all is counted, and what was counted is being sent.
    pub(super) fn is_sending(&self) -> bool {
        self.packets.is_some()
    }

    /// The refusal of a try whose time is over while it is counted: the next one goes on.
    pub(super) fn refusal(&self) -> QueryError {
        let text = format!(
            "the export is being made ready: {} transactions are counted; ask again, and it goes on",
            self.left
        );
        QueryError::Refused(Refusal::new(Reason::Overloaded, text))
    }

    /// Counts transactions, or sends some: at most so many, and about so many bytes.
    ///
    /// # Errors
    /// The database fails, or the account has changed meanwhile.
    pub(super) fn slice(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        account: AccountId,
        rows: &mut usize,
        bytes: &mut usize,
    ) -> Result<ExportSlice, QueryError> {
        let mut payload = Vec::new();
        while self.packets.is_none() && *rows > 0 {
            let read = self.read(snapshot, account)?;
            payload.clear();
            for line in &read {
                put_text(&mut payload, line);
            }
            *rows = rows.saturating_sub(read.len() * COUNTS_AS);
            self.left += read.len() as u64;
            self.bytes += payload.len() as u64;
            if read.len() < READ_MAX {
                self.begin_sending();
            }
        }
        let Some(packets) = &mut self.packets else {
            return Ok(ExportSlice {
                frames: Vec::new(),
                is_whole: false,
            });
        };
        let mut frames = Vec::new();
        let begun = std::mem::take(&mut self.begun);
        packets.write(&mut frames, &begun);
        *bytes = bytes.saturating_sub(begun.len());
        while self.left > 0 && *bytes > 0 {
            let mut read = self.read(snapshot, account)?;
            read.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            if read.is_empty() {
                return Err(changed());
            }
            payload.clear();
            for line in &read {
                put_text(&mut payload, line);
            }
            self.left -= read.len() as u64;
            *bytes = bytes.saturating_sub(payload.len());
            if let Some(packets) = &mut self.packets {
                packets.write(&mut frames, &payload);
            }
        }
        let is_complete = self.packets.as_ref().is_some_and(PacketWriter::is_complete);
        if is_complete != (self.left == 0) {
            return Err(changed());
        }
        Ok(ExportSlice {
            frames,
            is_whole: is_complete,
        })
    }

    /// All is counted: the transactions are read again, from the newest on.
    fn begin_sending(&mut self) {
        let count = u32::try_from(self.lines + self.left).unwrap_or(u32::MAX);
        self.begun.splice(0..0, count.to_be_bytes());
        self.next = self.bound.newest;
        self.packets = Some(PacketWriter::new(HEAD_BYTES + self.bytes));
    }

    /// The lines of the next transactions.
    fn read(
        &mut self,
        snapshot: &mut Snapshot<'_>,
        account: AccountId,
    ) -> Result<Vec<String>, QueryError> {
        let entries = snapshot.entries(account, &self.bound, self.next, READ_MAX)?;
        if let Some(last) = entries.last() {
            let before = last.transaction.id.as_u128().saturating_sub(1);
            self.next = Uuid::from_u128(before);
        }
        let mut lines = Vec::with_capacity(entries.len());
        for entry in &entries {
            let worker = match self.workers.entry(entry.rank.worker) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let name = snapshot.worker_name(unknown.key())?;
                    unknown.insert(name)
                }
            };
            let facts = OrderFacts::read(snapshot, entry)?;
            let lines_of = receipt(entry, &facts, worker.as_deref(), &self.currency);
            lines.push(transaction(entry, lines_of).to_string());
        }
        Ok(lines)
    }
}

/// The refusal where what was counted is not what is there any more.
fn changed() -> QueryError {
    let text = "the account has changed while it was read; ask again";
    QueryError::Refused(Refusal::new(Reason::Overloaded, text))
}

/// A row of the ledger with its receipt.
fn transaction(entry: &LedgerEntry, receipt: Receipt) -> Value {
    let lines = receipt.0.into_iter();
    let lines: Map<String, Value> = lines.map(|(name, text)| (name, text.into())).collect();
    json!({
        "kind": "transaction",
        "id": entry.transaction.id.hyphenated().to_string(),
        "number": entry.rank.number,
        "asked": entry.asked.to_string(),
        "receipt": lines,
    })
}

/// The workers that a session has passed through beside the one that it was made by.
fn passed(snapshot: &mut Snapshot<'_>, hash: &SessionHash) -> Result<Vec<String>, QueryError> {
    let mut names = Vec::new();
    for worker in snapshot.workers_of_session(hash)? {
        let name = snapshot.worker_name(&worker)?;
        names.push(name.unwrap_or_else(|| worker.to_string()));
    }
    Ok(names)
}

/// A moment of a session.
fn moment(snapshot: &mut Snapshot<'_>, of: &SessionUse) -> Result<Value, QueryError> {
    let worker = snapshot.worker_name(&of.worker)?;
    Ok(json!({
        "at": of.at.to_string(),
        "client": of.client.to_string(),
        "worker": worker.unwrap_or_else(|| of.worker.to_string()),
    }))
}

/// The lines before the transactions.
fn head(snapshot: &mut Snapshot<'_>, account: AccountId) -> Result<Vec<Value>, QueryError> {
    let now = Timestamp::now();
    let mut lines = vec![json!({ "kind": "export", "form": 1, "made": now.to_string() })];
    let Some(row) = snapshot.account_by_number(account)? else {
        return Err(QueryError::Refused(Refusal::session_expired()));
    };
    let holdings = snapshot.holdings(account)?;
    lines.push(json!({
        "kind": "account",
        "number": account.0,
        "username": row.username,
        "email": row.email,
        "created": row.created.to_string(),
        "state": if row.is_locked { "locked" } else { "active" },
        "password": row.is_password,
        "starting_cash": snapshot.starting_cash(account)?.to_string(),
        "cash": holdings.cash.to_string(),
    }));
    for stored in snapshot.identities(account)? {
        lines.push(json!({
            "kind": "identity",
            "issuer": stored.identity.issuer,
            "subject": stored.identity.subject,
            "provider": stored.provider,
            "linked": stored.linked.to_string(),
        }));
    }
    if let Some((address, at)) = snapshot.proven_address(account)? {
        lines.push(json!({
            "kind": "proven address",
            "address": address,
            "proven": at.to_string(),
        }));
    }
    add_sessions(snapshot, account, now, &mut lines)?;
    for (symbol, (quantity, cost)) in &holdings.positions {
        lines.push(json!({
            "kind": "position",
            "symbol": symbol.as_str(),
            "quantity": quantity.to_string(),
            "cost": cost.to_string(),
        }));
    }
    add_mails_and_codes(snapshot, account, &mut lines)?;
    for act in snapshot.acts_of(account)? {
        lines.push(json!({
            "kind": "act",
            "at": act.at.to_string(),
            "act": act.act,
            "caller": act.caller,
            "detail": act.detail,
        }));
    }
    for at in snapshot.login_places_of(account)? {
        lines.push(json!({ "kind": "login place", "last": at.to_string() }));
    }
    Ok(lines)
}

/// The lines of mails and codes.
fn add_mails_and_codes(
    snapshot: &mut Snapshot<'_>,
    account: AccountId,
    lines: &mut Vec<Value>,
) -> Result<(), QueryError> {
    for mail in snapshot.mails_of(account)? {
        lines.push(json!({
            "kind": "mail",
            "notice": mail.kind,
            "username": mail.username,
            "address": mail.address,
            "detail": mail.detail,
            "folded": mail.folded,
            "created": mail.created.to_string(),
            "attempts": mail.attempts,
            "ended": mail.ended.map(|at| at.to_string()),
            "sent": mail.is_sent,
        }));
    }
    for code in snapshot.codes_of(account)? {
        lines.push(json!({
            "kind": "code",
            "printed": code.is_printed,
            "created": code.created.to_string(),
            "expiry": code.expiry.to_string(),
        }));
    }
    if let Some(at) = snapshot.last_used_code(account)? {
        lines.push(json!({ "kind": "used code", "used": at.to_string() }));
    }
    Ok(())
}

/// The lines of sessions and tokens.
fn add_sessions(
    snapshot: &mut Snapshot<'_>,
    account: AccountId,
    now: Timestamp,
    lines: &mut Vec<Value>,
) -> Result<(), QueryError> {
    for stored in snapshot.sessions_of(account, now)? {
        let session = stored.session;
        let made = SessionUse {
            at: session.since,
            client: session.client,
            worker: session.worker,
        };
        let mut line = json!({
            "id": session.hash.short(),
            "expiry": session.expiry.to_string(),
            "made": moment(snapshot, &made)?,
            "used": moment(snapshot, &session.last_use)?,
            "passed": passed(snapshot, &session.hash)?,
        });
        match session.kind {
            SessionKind::Login(method) => {
                line["kind"] = "session".into();
                line["method"] = method.into();
                line["expirable"] = session.expirable.into();
            }
            SessionKind::Token {
                name,
                scope,
                is_elsewhere,
            } => {
                line["elsewhere"] = is_elsewhere.into();
                line["kind"] = "token".into();
                line["name"] = name.as_str().into();
                line["scope"] = scope.as_str().into();
            }
        }
        lines.push(line);
    }
    Ok(())
}
