//! spec/client.md · 3.1.7 (orders that wait)
//!
//! The calls of orders that wait for a price: place, cancel, replace. Each is one request. Whoever
//! gives a client order ID may repeat it after a broken connection.

use super::{Client, ClientError};
use crate::model::{
    ClientOrderId, Money, OpenValue, OrderAmount, OrderTerms, SessionId, Side, Symbol, TimeInForce,
    TrailDistance, TransactionStatus,
};
use crate::wire::{Reply, Request};
use uuid::Uuid;

/// An order to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderForm {
    /// Buy or sell.
    pub side: Side,
    pub symbol: Symbol,
    pub amount: OrderAmount,
    pub terms: OrderTerms,
    pub time_in_force: TimeInForce,
    /// The client order ID. No other order of the account may have it. Without one the order cannot
    /// be repeated.
    pub id: Option<ClientOrderId>,
}

/// What is to be another in an order that waits. What is `None` stays as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderChange {
    pub amount: Option<OrderAmount>,
    pub limit: Option<Money>,
    /// A price, or of a trailing order its distance.
    pub stop: Option<TrailDistance>,
    /// The client order ID of the new order.
    pub id: Option<ClientOrderId>,
}

/// An order that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedOrder {
    /// UUID of its transaction.
    pub id: Uuid,
    /// The client's own name for it.
    pub client_order_id: Option<ClientOrderId>,
    /// How far it is now: of a repeat perhaps at its end.
    pub status: OpenValue<TransactionStatus>,
}

impl OrderForm {
    /// The placeOrder of this session.
    pub(super) fn request(&self, session: SessionId) -> Request {
        Request::PlaceOrder {
            session,
            side: self.side,
            symbol: self.symbol,
            amount: self.amount,
            kind: self.terms.kind(),
            limit: self.terms.limit(),
            stop: self.terms.stated_stop(),
            time_in_force: self.time_in_force,
            id: self.id.clone(),
        }
    }
}

impl OrderChange {
    /// The replaceOrder of this session, for the order with this ID.
    pub(super) fn request(&self, session: SessionId, id: Uuid) -> Request {
        Request::ReplaceOrder {
            session,
            id,
            amount: self.amount,
            limit: self.limit,
            stop: self.stop,
            client_order_id: self.id.clone(),
        }
    }
}

impl Client {
    /// Places an order. It is on disk when this returns; how it ends, its history tells. A server
    /// of an earlier edition closes the connection with [`ClientError::Protocol`].
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a refusal, or a broken connection: then the order may be placed,
    /// and a repeat with the same client order ID and terms tells.
    pub fn place_order(&mut self, order: &OrderForm) -> Result<PlacedOrder, ClientError> {
        let session = self.need_session()?;
        let reply = self.command(&order.request(session))?;
        self.placed(reply)
    }

    /// Places an order in the place of one that waits, which is cancelled with it.
    ///
    /// # Errors
    /// As [`Client::place_order`]; `not-open` where the order has ended.
    pub fn replace_order(
        &mut self,
        id: Uuid,
        change: &OrderChange,
    ) -> Result<PlacedOrder, ClientError> {
        let session = self.need_session()?;
        let reply = self.command(&change.request(session, id))?;
        self.placed(reply)
    }

    /// Cancels an order that waits. One that is cancelled already is a success.
    ///
    /// # Errors
    /// [`ClientError::NoSession`], a broken connection, or a refusal: `not-open` where the order has
    /// ended otherwise, `no-data` where the account has none of this ID.
    pub fn cancel_order(&mut self, id: Uuid) -> Result<(), ClientError> {
        let session = self.need_session()?;
        match self.command(&Request::CancelOrder { session, id })? {
            Reply::OrderCancelled { id: cancelled } if cancelled == id => Ok(()),
            _ => Err(self.unexpected_answer()),
        }
    }

    fn placed(&self, reply: Reply) -> Result<PlacedOrder, ClientError> {
        match reply {
            Reply::OrderPlaced {
                id,
                client_order_id,
                status,
            } => Ok(PlacedOrder {
                id,
                client_order_id,
                status,
            }),
            _ => Err(self.unexpected_answer()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ServerConnection;
    use super::super::testing::MockServer;
    use super::*;
    use crate::model::{OrderKind, Quantity, Reason};
    use crate::wire::{Instruction, Refusal};
    use std::time::Duration;

    const DEADLINE: Duration = Duration::from_secs(60);

    fn client(server: &MockServer) -> Client {
        let connection = ServerConnection::connect(&server.address, DEADLINE).unwrap();
        Client::new(connection, Some(SessionId::from_bytes([1; 32])))
    }

    fn form(terms: OrderTerms) -> OrderForm {
        OrderForm {
            side: Side::Sell,
            symbol: Symbol::parse("AAPL").unwrap(),
            amount: OrderAmount::Units(Quantity(5)),
            terms,
            time_in_force: TimeInForce::Gtc,
            id: ClientOrderId::parse("desk-1").ok(),
        }
    }

    #[test]
    fn each_kind_is_placed_with_its_prices() {
        let (limit, stop) = (Money(7), Money(8));
        let distance = TrailDistance::Percent(25_000);
        let all = [
            OrderTerms::Market,
            OrderTerms::Limit { limit },
            OrderTerms::Stop { stop },
            OrderTerms::StopLimit { limit, stop },
            OrderTerms::Trailing { distance },
        ];
        let server = MockServer::start(move |_, mut peer| {
            for kind in OrderKind::ALL {
                let Some(Request::PlaceOrder {
                    kind: asked,
                    limit,
                    stop,
                    id,
                    ..
                }) = peer.request()
                else {
                    panic!("no order")
                };
                assert_eq!(asked, *kind);
                assert_eq!(
                    OrderTerms::of(asked, limit, stop),
                    Some(all[asked as usize])
                );
                peer.send(&Reply::OrderPlaced {
                    id: Uuid::from_u128(7),
                    client_order_id: id,
                    status: TransactionStatus::Open.into(),
                });
            }
        });
        let mut client = client(&server);
        for terms in all {
            let placed = client.place_order(&form(terms)).unwrap();
            assert_eq!(placed.id, Uuid::from_u128(7));
            assert_eq!(placed.client_order_id, form(terms).id);
            assert_eq!(placed.status, TransactionStatus::Open);
        }
    }

    #[test]
    fn an_order_is_replaced_and_cancelled_by_its_id() {
        let id = Uuid::from_u128(7);
        let server = MockServer::start(move |_, mut peer| {
            let Some(Request::ReplaceOrder {
                id: old,
                amount: None,
                limit: Some(Money(9)),
                stop: None,
                client_order_id: None,
                ..
            }) = peer.request()
            else {
                panic!("no change")
            };
            peer.send(&Reply::OrderPlaced {
                id: Uuid::from_u128(old.as_u128() + 1),
                client_order_id: None,
                status: TransactionStatus::Open.into(),
            });
            while let Some(Request::CancelOrder { id: asked, .. }) = peer.request() {
                if asked == id {
                    let refusal = Refusal::new(Reason::NotOpen, "it was replaced");
                    peer.send(&Reply::Fail(Instruction::OrderFail, refusal));
                } else {
                    peer.send(&Reply::OrderCancelled { id: asked });
                }
            }
        });
        let mut client = client(&server);
        let change = OrderChange {
            limit: Some(Money(9)),
            ..OrderChange::default()
        };
        let placed = client.replace_order(id, &change).unwrap();
        assert_eq!(client.cancel_order(placed.id), Ok(()));
        let refused = client.cancel_order(id).unwrap_err();
        assert!(
            matches!(&refused, ClientError::Refused(refusal) if refusal.reason == Reason::NotOpen),
            "{refused}"
        );
    }
}
