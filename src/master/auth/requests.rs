//! spec/master/auth/requests.md · 3.1.3, 4.6.2, 4.7.3
//!
//! What comes with a session, or about one: each request leaves with its account, or is refused here.

use super::commit::{AuthSuccess, PendingReply};
use super::{Auth, AuthRequest, active};
use crate::link::message::{self, SessionState};
use crate::master::account_queries;
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::master::transactions::{self, Order};
use crate::model::{AccountId, SessionHash, SessionId, Timestamp};
use crate::wire::{Instruction, Refusal, Reply, Request};
use crossbeam_channel::TrySendError;

impl Auth {
    /// One read's requests, in their order. Orders and questions leave together.
    pub(super) fn asks(&mut self, asks: Vec<(ReplyTo, AuthRequest)>) {
        let mut orders = Vec::new();
        let mut questions = Vec::new();
        for (reply_to, ask) in asks {
            match ask {
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
                    id,
                }) => {
                    let account = self.account(&reply_to, transactions::instruction(side), &session);
                    let client_order_id = id;
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
                    if let Some(question) = self.question(&reply_to, request) {
                        questions.push((reply_to, question));
                    }
                }
            }
        }
        if !orders.is_empty()
            && let Err(TrySendError::Full(transactions::TransactionsMessage::Orders(orders))) = self
                .neighbours
                .transactions
                .try_send(transactions::TransactionsMessage::Orders(orders))
        {
            let mut replies = ReplyBatch::new();
            for order in orders {
                let instruction = order.instruction();
                replies.fail(order.reply_to, instruction, &Refusal::master_overloaded());
            }
            replies.send();
        }
        if !questions.is_empty()
            && let Err(TrySendError::Full(account_queries::AccountQueriesMessage::Questions(questions))) =
                self.neighbours
                    .views
                    .try_send(account_queries::AccountQueriesMessage::Questions(questions))
        {
            let mut replies = ReplyBatch::new();
            for (reply_to, question) in questions {
                replies.fail(reply_to, question.instruction(), &Refusal::master_overloaded());
            }
            replies.send();
        }
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

    fn question(&mut self, reply_to: &ReplyTo, request: Request) -> Option<account_queries::AccountQuery> {
        let instruction = request.instruction();
        let (session, about) = match request {
            Request::UserInfo { session, username } => {
                (session, account_queries::AccountQueryKind::Info(username))
            }
            Request::UserPortfolio { session, username } => {
                (session, account_queries::AccountQueryKind::Portfolio(username))
            }
            Request::UserHistory { session, username } => {
                (session, account_queries::AccountQueryKind::History(username))
            }
            Request::Receipt { session, id } => (session, account_queries::AccountQueryKind::Receipt(id)),
            // The router sends no other request here.
            _ => return None,
        };
        match self.account(reply_to, instruction, &session) {
            Ok(asker) => Some(account_queries::AccountQuery { asker, about }),
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
                let workers = self.neighbours.addresses.load().to_vec();
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
