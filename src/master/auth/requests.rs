//! spec/master/auth/requests.md · 3.1.3, 4.6.2, 4.7.3
//!
//! `impl Auth`, what comes with a session, or about one: each request leaves with its account, or is refused here.

use super::commit::{AuthSuccess, PendingReply};
use super::{Auth, active};
use crate::link::message::{self, SessionState};
use crate::master::messages::{
    AccountQueriesMessage, AccountQuery, AccountQueryKind, AuthRequest, Order, TransactionsMessage,
};
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::model::{AccountId, SessionHash, SessionId, Timestamp};
use crate::wire::{Instruction, Refusal, Reply, Request};
use crossbeam_channel::TrySendError;

impl Auth {
    /// One read's requests, in their order. Orders and queries leave together.
    pub(super) fn requests(&mut self, requests: Vec<(ReplyTo, AuthRequest)>) {
        let mut orders = Vec::new();
        let mut queries = Vec::new();
        for (reply_to, request) in requests {
            match request {
                AuthRequest::Session(hash) => self.describe(&reply_to, hash),
                AuthRequest::ConnectionClosed(hashes) => self.connection_closed(&reply_to, &hashes),
                AuthRequest::Request(Request::Login {
                    username,
                    hashed_pass,
                    expirable,
                }) => {
                    self.login(reply_to, username, hashed_pass, expirable);
                }
                AuthRequest::Request(Request::Register {
                    username,
                    email,
                    hashed_pass,
                }) => {
                    self.register(reply_to, username, email, hashed_pass);
                }
                AuthRequest::Request(Request::Resume { session }) => self.resume(&reply_to, &session),
                AuthRequest::Request(Request::Logout { session }) => self.logout(reply_to, &session),
                AuthRequest::Request(Request::Order {
                    session,
                    side,
                    symbol,
                    quantity,
                    id: client_order_id,
                }) => {
                    let account = self.account(&reply_to, Order::instruction_for(side), &session);
                    orders.push(Order {
                        reply_to,
                        account,
                        side,
                        symbol,
                        quantity,
                        client_order_id,
                    });
                }
                AuthRequest::Request(request) => {
                    if let Some(query) = self.query(&reply_to, request) {
                        queries.push((reply_to, query));
                    }
                }
            }
        }
        self.pass_on(orders, queries);
    }

    /// Sends each module its share, and refuses what it has no room for.
    fn pass_on(&self, orders: Vec<Order>, queries: Vec<(ReplyTo, AccountQuery)>) {
        let mut replies = ReplyBatch::new();
        if !orders.is_empty()
            && let Err(TrySendError::Full(TransactionsMessage::Orders(orders))) = self
                .channels
                .transactions
                .try_send(TransactionsMessage::Orders(orders))
        {
            for order in orders {
                let instruction = order.instruction();
                replies.fail(order.reply_to, instruction, &Refusal::master_overloaded());
            }
        }
        if !queries.is_empty()
            && let Err(TrySendError::Full(AccountQueriesMessage(queries))) = self
                .channels
                .account_queries
                .try_send(AccountQueriesMessage(queries))
        {
            for (reply_to, query) in queries {
                replies.fail(reply_to, query.instruction(), &Refusal::master_overloaded());
            }
        }
        replies.send();
    }

    /// The account that a session stands for, and that the session was used.
    fn account(
        &mut self,
        reply_to: &ReplyTo,
        instruction: Instruction,
        session: &SessionId,
    ) -> Result<AccountId, Refusal> {
        let account = self
            .sessions
            .use_it(&session.hash(), Timestamp::now())
            .map(|kept| kept.session.account);
        if account.is_none() {
            self.inactive(reply_to, instruction);
        }
        account.ok_or_else(Refusal::session_expired)
    }

    /// Somebody used a session that is over, or guesses: it is counted, and said now and then.
    fn inactive(&mut self, reply_to: &ReplyTo, instruction: Instruction) {
        self.inactive += 1;
        if let Some(more) = self.throttle.allow("session") {
            let client = reply_to
                .client
                .map_or("no client".to_owned(), |client| client.to_string());
            crate::info!(
                "worker {} passed on {instruction} of {client} with a session that is not active{more}",
                reply_to.peer.worker.name
            );
        }
    }

    fn query(&mut self, reply_to: &ReplyTo, request: Request) -> Option<AccountQuery> {
        let instruction = request.instruction();
        let (session, kind) = match request {
            Request::UserInfo { session, username } => (session, AccountQueryKind::Info(username)),
            Request::UserPortfolio { session, username } => (session, AccountQueryKind::Portfolio(username)),
            Request::UserHistory { session, username } => (session, AccountQueryKind::History(username)),
            Request::Receipt { session, id } => (session, AccountQueryKind::Receipt(id)),
            // No other request carries a session.
            _ => return None,
        };
        match self.account(reply_to, instruction, &session) {
            Ok(asker) => Some(AccountQuery { asker, kind }),
            Err(refusal) => {
                reply_to.fail(instruction, &refusal);
                None
            }
        }
    }

    /// Tells a worker what is known of a session.
    fn describe(&mut self, reply_to: &ReplyTo, hash: SessionHash) {
        let active = self.sessions.get(&hash, Timestamp::now()).map(active);
        if active.is_none() {
            self.inactive(reply_to, Instruction::LinkSession);
        }
        let state = SessionState { hash, active };
        reply_to.send(|out| message::write(out, Instruction::LinkSession, &state));
    }

    fn connection_closed(&mut self, reply_to: &ReplyTo, hashes: &[SessionHash]) {
        for hash in hashes {
            let own = self.sessions.get(hash, Timestamp::now()).is_some_and(|kept| {
                kept.session.expirable && kept.session.worker == reply_to.peer.worker.uuid
            });
            if own {
                self.end(hash);
            }
        }
        reply_to.send(|out| Reply::Pong.write(out));
    }

    fn resume(&mut self, reply_to: &ReplyTo, session: &SessionId) {
        match self.sessions.use_it(&session.hash(), Timestamp::now()) {
            Some(kept) => {
                let state = SessionState {
                    hash: kept.session.hash,
                    active: Some(active(kept)),
                };
                let workers = self.channels.addresses.load().to_vec();
                reply_to.send(|out| {
                    message::write(out, Instruction::LinkSession, &state);
                    Reply::Session {
                        id: session.clone(),
                        workers,
                    }
                    .write(out);
                });
            }
            None => {
                self.inactive(reply_to, Instruction::Resume);
                reply_to.fail(Instruction::Resume, &Refusal::session_expired());
            }
        }
    }

    fn logout(&mut self, reply_to: ReplyTo, session: &SessionId) {
        let hash = session.hash();
        // Sent again after a broken link, it may have been done already.
        if self.sessions.get(&hash, Timestamp::now()).is_none() && !reply_to.again {
            self.inactive(&reply_to, Instruction::Logout);
            reply_to.fail(Instruction::Logout, &Refusal::session_expired());
            return;
        }
        self.end(&hash);
        self.answers.push(PendingReply {
            reply_to,
            instruction: Instruction::Logout,
            success: AuthSuccess::LoggedOut,
        });
    }
}

#[cfg(test)]
mod tests;
