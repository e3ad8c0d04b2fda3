//! spec/master/assets.md · 4.6.9 to 4.6.13, 4.2.2
//!
//! The queries that wait for stored bars, in turn by who asks.

use crate::master::messages::{ASSET_QUERIES_MAX, AssetAsker, AssetQuery};
use crate::runtime::fair_queue::{FairQueue, ShareLevel};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::Refusal;
use uuid::Uuid;

/// A key of the queue: who shares the module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum QueryShare {
    /// The worker that names the client's address.
    Worker(Uuid),
    /// The network around the client's neighbourhood, or the neighbourhood.
    Network(Neighbourhood),
}

/// Queries that wait for their turn.
pub struct QueryQueue(FairQueue<QueryShare, AssetQuery, 3>);

impl Default for QueryQueue {
    fn default() -> QueryQueue {
        let [around, near] = ShareLevel::of_addresses(ASSET_QUERIES_MAX);
        let worker = ShareLevel::new(1, ASSET_QUERIES_MAX);
        QueryQueue(FairQueue::new(ASSET_QUERIES_MAX, [worker, around, near]))
    }
}

impl QueryQueue {
    /// Whether no query waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a query. The one that finds no room, this one or the newest of whoever has most, is
    /// refused.
    pub fn push(&mut self, asker: AssetAsker, query: AssetQuery) {
        let path = [
            QueryShare::Worker(asker.worker),
            QueryShare::Network(asker.near.around()),
            QueryShare::Network(asker.near),
        ];
        if let Some(without_room) = self.0.push(path, query) {
            refuse(without_room);
        }
    }

    /// Takes the query whose turn it is.
    pub fn take(&mut self) -> Option<AssetQuery> {
        let (turn, query) = self.0.take()?;
        // One thread answers, so nobody has two in work.
        self.0.release(turn);
        Some(query)
    }
}

fn refuse(query: AssetQuery) {
    let refusal = Refusal::master_overloaded();
    match query {
        AssetQuery::Window { reply, .. } => reply(Err(refusal)),
        AssetQuery::Predict { reply, .. } => reply(Err(refusal)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Reason, Symbol, Timestamp};
    use crossbeam_channel::{Receiver, unbounded};
    use std::net::IpAddr;

    fn asker(ip: &str) -> AssetAsker {
        AssetAsker {
            worker: Uuid::nil(),
            near: Neighbourhood::of(ip.parse::<IpAddr>().unwrap()),
        }
    }

    /// A query for a forecast of this date, and what it is refused with.
    fn query(date: i64) -> (AssetQuery, Receiver<Refusal>) {
        let (sender, refused) = unbounded();
        let query = AssetQuery::Predict {
            symbol: Symbol::parse("AAPL").unwrap(),
            date: Timestamp(date),
            reply: Box::new(move |result| sender.send(result.unwrap_err()).unwrap()),
        };
        (query, refused)
    }

    fn date(query: &AssetQuery) -> i64 {
        match query {
            AssetQuery::Predict { date, .. } => date.0,
            AssetQuery::Window { .. } => panic!("nobody asks for a window"),
        }
    }

    #[test]
    fn who_asks_much_delays_nobody_else() {
        let mut queue = QueryQueue::default();
        for number in 0..2000 {
            queue.push(asker("192.0.2.1"), query(number).0);
        }
        queue.take().unwrap();
        queue.push(asker("198.51.100.1"), query(-1).0);
        let turns: Vec<i64> = (0..2).map(|_| date(&queue.take().unwrap())).collect();
        assert!(
            turns.contains(&-1),
            "a question behind 2,000 of another: {turns:?}"
        );
    }

    #[test]
    fn a_full_queue_refuses_who_has_most() {
        let mut queue = QueryQueue::default();
        let most = ASSET_QUERIES_MAX * 3 / 4;
        let asked: Vec<Receiver<Refusal>> = (0..=most)
            .map(|number| {
                let (query, refused) = query(i64::try_from(number).unwrap());
                queue.push(asker("192.0.2.1"), query);
                refused
            })
            .collect();
        let overloaded = |refused: &Receiver<Refusal>| {
            refused
                .try_recv()
                .is_ok_and(|refusal| refusal.reason.known() == Some(Reason::Overloaded))
        };
        assert_eq!(
            asked.iter().filter(|refused| overloaded(refused)).count(),
            1
        );
        let (person, refused) = query(-1);
        queue.push(asker("198.51.100.1"), person);
        assert!(!overloaded(&refused));
    }
}
