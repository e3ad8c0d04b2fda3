//! spec/master/order_watchers.md · 3.1.7, 4.1 (orderNotice)
//!
//! Which workers want to know of the ends of which accounts' orders: auth enters them, transactions
//! tells them. A worker that nobody has asked hears nothing.
//!
//! Tests: `src/master/order_watchers/tests.rs`.

use super::reply_to::LinkedWorker;
use crate::model::{AccountId, OpenValue, Transaction, Username};
use crate::wire::reply::OrderNotice;
use crate::wire::{Instruction, Reply, frame};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// Notices in one link message at most. Other messages come between two of them.
const NOTICES_PER_MESSAGE_MAX: usize = 256;

/// An account whose orders are watched.
#[derive(Debug)]
struct WatchedAccount {
    username: Username,
    links: Vec<Arc<LinkedWorker>>,
}

#[derive(Debug, Default)]
struct Watchers {
    accounts: HashMap<AccountId, WatchedAccount>,
    /// The number of the link over which each worker last asked.
    links: HashMap<Uuid, u64>,
}

/// The accounts whose orders are watched, as long as the links stand over which workers asked.
#[derive(Debug, Default)]
pub struct OrderWatchers {
    watchers: Mutex<Watchers>,
}

impl OrderWatchers {
    /// Has the worker told the ends of the account's orders as long as its link stands.
    pub fn watch(&self, account: AccountId, username: &Username, peer: &Arc<LinkedWorker>) {
        let mut watchers = self.watchers.lock();
        let (worker, link) = (peer.worker.uuid, peer.link.number);
        if watchers.links.insert(worker, link) != Some(link) {
            // An earlier link of this worker has ended.
            watchers.accounts.retain(|_, watched| {
                watched.links.retain(|it| it.worker.uuid != worker);
                !watched.links.is_empty()
            });
        }
        let watched = watchers
            .accounts
            .entry(account)
            .or_insert_with(|| WatchedAccount {
                username: username.clone(),
                links: Vec::new(),
            });
        if !watched.links.iter().any(|it| it.link.number == link) {
            watched.links.push(Arc::clone(peer));
        }
    }

    /// Whether somebody watches the account's orders.
    fn is_watched(&self, account: AccountId) -> bool {
        self.watchers.lock().accounts.contains_key(&account)
    }

    /// Sends the notices to who watches their accounts. Never waits for a link.
    fn send(&self, notices: BTreeMap<AccountId, Vec<OrderNotice>>) {
        for (account, notices) in notices {
            let mut watchers = self.watchers.lock();
            let Some(watched) = watchers.accounts.get_mut(&account) else {
                continue;
            };
            watched.links.retain(|it| it.link.is_open());
            let (username, links) = (watched.username.clone(), watched.links.clone());
            if links.is_empty() {
                watchers.accounts.remove(&account);
            }
            drop(watchers);
            for link in links {
                for part in notices.chunks(NOTICES_PER_MESSAGE_MAX) {
                    link.push(|out| {
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
