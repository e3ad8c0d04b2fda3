//! spec/master/order_watchers.md · 3.1.7, 4.1 (orderNotice)
//!
//! Which workers want to know of the ends of which accounts' orders, and with which sessions: auth
//! enters them and ends them with their sessions, transactions tells them. A worker that nobody has
//! asked hears nothing.
//!
//! Tests: `src/master/order_watchers/tests.rs`.

use super::reply_to::LinkedWorker;
use crate::model::{AccountId, OpenValue, Session, SessionHash, Timestamp, Transaction, Username};
use crate::wire::reply::OrderNotice;
use crate::wire::{Instruction, Reply, frame};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// Notices in one link message at most. Other messages come between two of them.
const NOTICES_PER_MESSAGE_MAX: usize = 256;

/// A worker that is told the ends of an account's orders.
#[derive(Debug)]
struct Watcher {
    peer: Arc<LinkedWorker>,
    /// The sessions with which it has asked, and when each expires. Without one it hears nothing.
    sessions: HashMap<SessionHash, Timestamp>,
}

impl Watcher {
    /// Whether its link stands, and a session with which it has asked lasts.
    fn listens(&self, now: Timestamp) -> bool {
        self.peer.link.is_open() && self.sessions.values().any(|expiry| *expiry > now)
    }
}

/// An account whose orders are watched.
#[derive(Debug)]
struct WatchedAccount {
    username: Username,
    /// One of each link.
    watchers: Vec<Watcher>,
}

#[derive(Debug, Default)]
struct Watchers {
    accounts: HashMap<AccountId, WatchedAccount>,
    /// The account of each session with which a worker has asked, until the session ends.
    sessions: HashMap<SessionHash, AccountId>,
    /// The number of the link over which each worker last asked.
    links: HashMap<Uuid, u64>,
}

impl Watchers {
    /// Keeps the account's watchers for which this holds.
    fn keep(&mut self, account: AccountId, is_kept: impl FnMut(&mut Watcher) -> bool) {
        if let Some(watched) = self.accounts.get_mut(&account) {
            watched.watchers.retain_mut(is_kept);
            if watched.watchers.is_empty() {
                self.accounts.remove(&account);
            }
        }
    }
}

/// The accounts whose orders are watched, as long as the sessions last and the links stand with
/// which workers asked.
#[derive(Debug, Default)]
pub struct OrderWatchers {
    watchers: Mutex<Watchers>,
}

impl OrderWatchers {
    /// Has the worker told the ends of the orders of the session's account, as long as the session
    /// lasts and the link stands.
    pub fn watch(&self, session: &Session, peer: &Arc<LinkedWorker>) {
        let mut watchers = self.watchers.lock();
        let (worker, link) = (peer.worker.uuid, peer.link.number);
        if watchers.links.insert(worker, link) != Some(link) {
            // An earlier link of this worker has ended.
            watchers.accounts.retain(|_, watched| {
                watched.watchers.retain(|it| it.peer.worker.uuid != worker);
                !watched.watchers.is_empty()
            });
        }
        watchers.sessions.insert(session.hash, session.account);
        let watched = watchers
            .accounts
            .entry(session.account)
            .or_insert_with(|| WatchedAccount {
                username: session.username.clone(),
                watchers: Vec::new(),
            });
        let asked = (session.hash, session.expiry);
        let mut of_account = watched.watchers.iter_mut();
        match of_account.find(|it| it.peer.link.number == link) {
            Some(watcher) => watcher.sessions.extend([asked]),
            None => watched.watchers.push(Watcher {
                peer: Arc::clone(peer),
                sessions: HashMap::from([asked]),
            }),
        }
    }

    /// Forgets sessions that have ended. Who has asked with no other session is told no more.
    pub fn end(&self, sessions: &[SessionHash]) {
        let mut watchers = self.watchers.lock();
        for hash in sessions {
            if let Some(account) = watchers.sessions.remove(hash) {
                watchers.keep(account, |watcher| {
                    watcher.sessions.remove(hash);
                    !watcher.sessions.is_empty()
                });
            }
        }
    }

    /// Whether somebody watches the account's orders.
    fn is_watched(&self, account: AccountId) -> bool {
        self.watchers.lock().accounts.contains_key(&account)
    }

    /// Sends the notices to who watches their accounts. Never waits for a link.
    fn send(&self, notices: BTreeMap<AccountId, Vec<OrderNotice>>) {
        let now = Timestamp::now();
        for (account, notices) in notices {
            let mut watchers = self.watchers.lock();
            watchers.keep(account, |watcher| watcher.listens(now));
            let Some(watched) = watchers.accounts.get(&account) else {
                continue;
            };
            let username = watched.username.clone();
            let peers = watched.watchers.iter().map(|it| Arc::clone(&it.peer));
            let peers: Vec<Arc<LinkedWorker>> = peers.collect();
            drop(watchers);
            for peer in peers {
                for part in notices.chunks(NOTICES_PER_MESSAGE_MAX) {
                    peer.push(|out| {
                        frame::write(out, Instruction::LinkOrders, &[username.as_str()]);
                        for notice in part {
                            Reply::OrderNotice(notice.clone()).write(out);
                        }
                    });
                }
            }
        }
    }
}

/// The ends of orders that one commit has brought, of watched accounts.
#[derive(Debug)]
pub struct EndedOrders<'a> {
    watchers: &'a OrderWatchers,
    notices: BTreeMap<AccountId, Vec<OrderNotice>>,
}

impl<'a> EndedOrders<'a> {
    /// No order has ended yet.
    pub fn new(watchers: &'a OrderWatchers) -> EndedOrders<'a> {
        EndedOrders {
            watchers,
            notices: BTreeMap::new(),
        }
    }

    /// Adds an order that has ended, if its account is watched.
    pub fn add(&mut self, transaction: &Transaction) {
        let account = transaction.account;
        if !self.notices.contains_key(&account) && !self.watchers.is_watched(account) {
            return;
        }
        self.notices
            .entry(account)
            .or_default()
            .push(notice(transaction));
    }

    /// Tells who watches.
    pub fn send(self) {
        self.watchers.send(self.notices);
    }
}

fn notice(transaction: &Transaction) -> OrderNotice {
    OrderNotice {
        id: transaction.id,
        status: OpenValue::Known(transaction.status),
        symbol: transaction.symbol,
        quantity: transaction.quantity,
        price: transaction.price,
        total: transaction.total,
        time: transaction.settled.unwrap_or(transaction.accepted),
        reason: transaction.reason.map(OpenValue::Known),
    }
}

#[cfg(test)]
mod tests;
