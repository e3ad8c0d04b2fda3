//! spec/description.md · 2.3, 4.1, 4.3 (limits)
//!
//! The limits that a client meets. Each is a constant or a setting of the module that keeps it.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use crate::config::{MasterLimits, SESSION_LIFETIME, WorkerLimits};
use crate::master::acceptor;
use crate::master::account_queries::histories::HISTORIES_OF_ASKER_MAX;
use crate::master::auth::sessions;
use crate::master::mail;
use crate::master::transactions::book::order;
use crate::master::transactions::queue;
use crate::model::money::{MILLION, MILLIONTHS_MAX};
use crate::model::token::NEW_TOKENS_PER_HOUR_MAX;
use crate::net::connection::UNANSWERED_MAX;
use crate::net::held_bytes::HELD_BYTES_MAX;
use crate::net::http::{HEAD_BYTES_MAX, HEAD_TIMEOUT};
use crate::net::limits::{LEAST_RATE_BYTES, LINGER_TIMEOUT};
use crate::net::reader::BULK_MAX;
use crate::net::websocket::FRAME_PAYLOAD_MAX;
use crate::wire::reply::TEXT_MAX;
use crate::wire::{DATA_MAX, packet};
use crate::worker::notices::orders::ORDER_SUBSCRIBERS_MAX;
use crate::worker::notices::quotes::TOPIC_SESSIONS_MAX;
use crate::worker::tunnel::EXPIRABLE_MAX;
use serde::Serialize;
use std::time::Duration;

/// A limit.
#[derive(Debug, Serialize)]
pub struct LimitEntry {
    pub name: &'static str,
    pub value: u64,
    pub unit: Unit,
    /// The time that it counts for, in milliseconds. Absent: at any one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<u64>,
    /// The key of master.toml or worker.toml that sets it. Its value is the default then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<&'static str>,
    /// What is limited, and what happens beyond it.
    pub about: &'static str,
}

/// The unit of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say all")]
pub enum Unit {
    Bytes,
    Milliseconds,
    Count,
    /// Whole units of the account currency or of an asset.
    Units,
}

const fn limit(name: &'static str, value: u64, unit: Unit, about: &'static str) -> LimitEntry {
    LimitEntry {
        name,
        value,
        unit,
        per: None,
        setting: None,
        about,
    }
}

impl LimitEntry {
    const fn a_second(self) -> LimitEntry {
        LimitEntry {
            per: Some(1_000),
            ..self
        }
    }

    const fn a_minute(self) -> LimitEntry {
        LimitEntry {
            per: Some(60_000),
            ..self
        }
    }

    const fn an_hour(self) -> LimitEntry {
        LimitEntry {
            per: Some(3_600_000),
            ..self
        }
    }

    const fn set_by(self, setting: &'static str) -> LimitEntry {
        LimitEntry {
            setting: Some(setting),
            ..self
        }
    }
}

fn time(name: &'static str, value: Duration, about: &'static str) -> LimitEntry {
    let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    limit(name, millis, Unit::Milliseconds, about)
}

/// The limits, in the order of their page.
pub fn all() -> Vec<LimitEntry> {
    let mut all = of_messages();
    all.extend(of_connections(&WorkerLimits::default()));
    all.extend(of_web());
    all.extend(of_unread_replies(&WorkerLimits::default()));
    all.extend(of_master_port(&MasterLimits::default()));
    all.extend(of_accounts(&MasterLimits::default()));
    all.extend(of_codes());
    all.extend(of_orders(&MasterLimits::default()));
    all
}

fn of_messages() -> Vec<LimitEntry> {
    vec![
        limit(
            "data",
            DATA_MAX as u64,
            Unit::Bytes,
            "data of a message; more is `protocolError too-large`",
        ),
        limit(
            "sentence",
            TEXT_MAX as u64,
            Unit::Bytes,
            "the sentence behind a code; it is cut",
        ),
        limit(
            "payload",
            packet::PAYLOAD_MAX as u64,
            Unit::Bytes,
            "a payload; the client library ends the connection beyond it",
        ),
        limit(
            "value",
            (MILLIONTHS_MAX / MILLION).unsigned_abs(),
            Unit::Units,
            "cash, a total, a quantity, a value; an order beyond it is `quantity-invalid`",
        ),
    ]
}

fn of_connections(worker: &WorkerLimits) -> Vec<LimitEntry> {
    vec![
        limit(
            "connections",
            worker.max_connections as u64,
            Unit::Count,
            "of a worker; one more is `protocolError too-many-connections`",
        )
        .set_by("worker limits.max_connections"),
        limit(
            "connectionsPerAddress",
            worker.max_connections_per_ip as u64,
            Unit::Count,
            "of an IP address (IPv6: its /64) to a worker, and eight times as many of its /24 (IPv6: /48); one more is `protocolError too-many-connections`",
        )
        .set_by("worker limits.max_connections_per_ip"),
        time(
            "frameTime",
            worker.frame_timeout,
            "from a message's first byte to its last; then `protocolError timeout`",
        )
        .set_by("worker limits.frame_timeout"),
        time(
            "firstFrameTime",
            worker.first_frame_timeout,
            "from the connection to the end of its first whole message, with TLS's handshake; then `protocolError timeout`",
        )
        .set_by("worker limits.first_frame_timeout"),
        time(
            "idleTime",
            worker.idle_timeout,
            "without a byte and without an unanswered request; then `protocolError timeout`. Send `ping`",
        )
        .set_by("worker limits.idle_timeout"),
        limit(
            "topics",
            worker.max_subscriptions_per_connection as u64,
            Unit::Count,
            "that a connection is subscribed to; one more is `overloaded`",
        )
        .set_by("worker limits.max_subscriptions_per_connection"),
        limit(
            "topicSessions",
            TOPIC_SESSIONS_MAX as u64,
            Unit::Count,
            "sessions that the topics of a connection last with, but `orders`; one more is `overloaded`",
        ),
        limit(
            "orderSubscribers",
            ORDER_SUBSCRIBERS_MAX as u64,
            Unit::Count,
            "connections of an account to a worker that are subscribed to `orders`; one more is `overloaded`",
        ),
        limit(
            "unanswered",
            UNANSWERED_MAX as u64,
            Unit::Count,
            "requests of a connection without an answer; the worker stops reading until some are answered",
        ),
        limit(
            "bulk",
            BULK_MAX as u64,
            Unit::Count,
            "unanswered requests of a connection that are bulk; the worker stops reading until some are answered",
        ),
    ]
}

fn of_web() -> Vec<LimitEntry> {
    vec![
        limit(
            "webSocketFrame",
            FRAME_PAYLOAD_MAX as u64,
            Unit::Bytes,
            "payload of a client's frame of WebSocket; more is close 1009. A message may have any number of frames",
        ),
        limit(
            "httpHead",
            HEAD_BYTES_MAX as u64,
            Unit::Bytes,
            "head of an HTTP request, such as the upgrade to WebSocket; more is 431",
        ),
        time(
            "httpHeadTime",
            HEAD_TIMEOUT,
            "from the connection, or the end of TLS's handshake, to the end of the first HTTP head; then 408",
        ),
    ]
}

fn of_unread_replies(worker: &WorkerLimits) -> Vec<LimitEntry> {
    vec![
        limit(
            "unread",
            worker.max_unsent as u64,
            Unit::Bytes,
            "replies that a client has not read; the worker stops reading until it has",
        )
        .set_by("worker limits.max_unsent"),
        limit(
            "unreadNotices",
            (worker.max_unsent / 2) as u64,
            Unit::Bytes,
            "notices that a client has not read, half of unread; beyond it they are dropped, and counted in `noticesDropped`",
        ),
        limit(
            "unreadOfAll",
            HELD_BYTES_MAX as u64,
            Unit::Bytes,
            "replies that all clients of a worker have not read; beyond it whoever holds most is cut. Before, bulk requests are `overloaded` for whose network holds much of it",
        ),
        time(
            "sendTime",
            worker.send_timeout,
            "if a client reads nothing for this long while replies wait, the connection is cut",
        )
        .set_by("worker limits.send_timeout"),
        limit(
            "leastRate",
            LEAST_RATE_BYTES,
            Unit::Bytes,
            "that a client reads at least while replies wait, on average over 30 s; below it the connection is cut",
        )
        .a_second(),
        time(
            "lingerTime",
            LINGER_TIMEOUT,
            "after `protocolError` the server discards input for this long, and closes",
        ),
    ]
}

fn of_master_port(master: &MasterLimits) -> Vec<LimitEntry> {
    vec![
        limit(
            "masterConnections",
            master.max_connections as u64,
            Unit::Count,
            "of a master's port; one more is `protocolError too-many-connections`",
        )
        .set_by("master limits.max_connections"),
        limit(
            "masterConnectionsPerAddress",
            acceptor::places_of_neighbourhood(master.max_connections) as u64,
            Unit::Count,
            "of an IP address (IPv6: its /64) to a master's port, an eighth of masterConnections; one more is `protocolError too-many-connections`",
        ),
        limit(
            "masterLists",
            acceptor::LISTS_MAX as u64,
            Unit::Count,
            "answers to getWorkerList on a connection to a master's port; one more is `protocolError not-allowed`",
        ),
        time(
            "masterIdleTime",
            acceptor::ANSWERED_IDLE_TIMEOUT,
            "without a byte on a master's port, after a list; then `protocolError timeout`",
        ),
    ]
}

fn of_accounts(master: &MasterLimits) -> Vec<LimitEntry> {
    vec![
        time(
            "sessionLifetime",
            SESSION_LIFETIME,
            "of a session; using it does not extend it",
        )
        .set_by("master session_lifetime"),
        limit(
            "sessions",
            sessions::PER_ACCOUNT_MAX as u64,
            Unit::Count,
            "of an account; one more ends the oldest",
        ),
        limit(
            "expirableSessions",
            EXPIRABLE_MAX as u64,
            Unit::Count,
            "of a connection; one more login with isExpirable is `overloaded`",
        ),
        limit(
            "histories",
            HISTORIES_OF_ASKER_MAX as u64,
            Unit::Count,
            "answers to getUserTransactionHistory, getUserTransactionHistoryPage, getOpenOrders and getAccountSummary that an account waits for at one IP address (IPv6: its /64) of one worker; one more is `overloaded`",
        ),
        limit(
            "failedLogins",
            u64::from(master.failed_logins_per_minute),
            Unit::Count,
            "for a username and an IP address (IPv6: its /64) at one worker; more are `too-many-attempts`",
        )
        .a_minute()
        .set_by("master limits.failed_logins_per_minute"),
        limit(
            "failedLoginsPerAddress",
            u64::from(master.failed_logins_per_minute_per_address),
            Unit::Count,
            "for an IP address (IPv6: its /64) at one worker, and eight times as many for its /24 (IPv6: /48); more are `too-many-attempts`",
        )
        .a_minute()
        .set_by("master limits.failed_logins_per_minute_per_address"),
        limit(
            "failedLoginsPerName",
            u64::from(master.failed_logins_per_hour_per_name),
            Unit::Count,
            "for a username over all addresses and workers, except from where its account has logged in within 30 days: an IP address (IPv6: its /64) at one worker; more are `too-many-attempts`",
        )
        .an_hour()
        .set_by("master limits.failed_logins_per_hour_per_name"),
        limit(
            "failedLoginsPerWorker",
            u64::from(master.failed_logins_per_minute_per_worker),
            Unit::Count,
            "through a worker, with the same exception; more are `too-many-attempts` there",
        )
        .a_minute()
        .set_by("master limits.failed_logins_per_minute_per_worker"),
        limit(
            "registrations",
            u64::from(master.registrations_per_minute_per_address),
            Unit::Count,
            "for an IP address (IPv6: its /64) at one worker, and eight times as many for its /24 (IPv6: /48), with those whose name or e-mail address is taken; more are `too-many-attempts`",
        )
        .a_minute()
        .set_by("master limits.registrations_per_minute_per_address"),
    ]
}

fn of_codes() -> Vec<LimitEntry> {
    vec![
        limit(
            "resetRequests",
            u64::from(mail::RESET_REQUESTS_PER_HOUR_MAX),
            Unit::Count,
            "requestReset from an IP address (IPv6: its /64) at one worker; more are answered the same, and no mail is sent",
        )
        .an_hour(),
        limit(
            "resetMails",
            mail::RESET_MAILS_PER_HOUR_MAX,
            Unit::Count,
            "mails with a code for an account, and to an e-mail address; more are not sent",
        )
        .an_hour(),
        limit(
            "newTokens",
            u64::from(NEW_TOKENS_PER_HOUR_MAX),
            Unit::Count,
            "createToken of an account; more are `too-many-attempts`",
        )
        .an_hour(),
        time(
            "codeLifetime",
            mail::CODE_LIFETIME,
            "of a code that was sent by mail; then `code-invalid`",
        ),
    ]
}

fn of_orders(master: &MasterLimits) -> Vec<LimitEntry> {
    vec![
        limit(
            "orders",
            u64::from(master.orders_per_minute_per_account),
            Unit::Count,
            "of an account; more are `overloaded`",
        )
        .a_minute()
        .set_by("master limits.orders_per_minute_per_account"),
        limit(
            "rejectedOrders",
            u64::from(master.rejected_orders_per_hour_per_account),
            Unit::Count,
            "of an account, rejected at settlement; beyond that its orders are `overloaded` until an hour's worth is left again, a day at most",
        )
        .an_hour()
        .set_by("master limits.rejected_orders_per_hour_per_account"),
        limit(
            "queuedOrdersPerAccount",
            u64::from(master.max_queued_per_account),
            Unit::Count,
            "market orders of an account that have no outcome yet; more are `overloaded`",
        )
        .set_by("master limits.max_queued_per_account"),
        limit(
            "queuedOrders",
            u64::from(master.max_queued),
            Unit::Count,
            "market orders of all accounts that have no outcome yet, and three quarters of them of one; in the last quarter an account's and an address's share shrinks; more are `overloaded`",
        )
        .set_by("master limits.max_queued"),
        limit(
            "openOrdersPerAccount",
            u64::from(master.max_open_per_account),
            Unit::Count,
            "limit, stop, stop-limit and trailing orders of an account that wait; more are `overloaded`",
        )
        .set_by("master limits.max_open_per_account"),
        limit(
            "openOrders",
            u64::from(master.max_open),
            Unit::Count,
            "limit, stop, stop-limit and trailing orders of all accounts that wait, shared as queuedOrders are; more are `overloaded`",
        )
        .set_by("master limits.max_open"),
        limit(
            "cancels",
            u64::from(master.cancels_per_minute_per_account),
            Unit::Count,
            "of an account, cancelOrder and replaceOrder together; more are `overloaded`",
        )
        .a_minute()
        .set_by("master limits.cancels_per_minute_per_account"),
        limit(
            "waitingOrder",
            order::WAITING_MAX.unsigned_abs(),
            Unit::Milliseconds,
            "market time for which a market order waits for a new price of its asset; then it is rejected with `no-price`",
        ),
        limit(
            "waiters",
            queue::WAITERS_MAX as u64,
            Unit::Count,
            "repeats of a queued order that wait for its outcome; one more takes the place of the oldest",
        ),
    ]
}
