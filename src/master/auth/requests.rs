//! spec/master/auth.md · 3.1.3, 4.6.2, 4.7.3
//!
//! `impl Auth`: requests that carry a session ID or ask about a session. Each is answered here, or
//! leaves for its module with the account of its session.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

use super::commit::{AuthSuccess, AuthWrite, PendingReply};
use super::{Auth, active_session};
use crate::link::message::{self, SessionState};
use crate::master::messages::{
    AccountQueriesMessage, AccountQuery, AccountQueryKind, AuthRequest, CancelOrder, Order,
    OrderRequest, PlaceOrder, ReplaceOrder, TransactionsMessage,
};
use crate::master::reply_to::{ReplyBatch, ReplyTo};
use crate::model::{
    AccountId, SessionHash, SessionId, SessionKind, SessionUse, Timestamp, TokenScope,
};
use crate::wire::request::requests_to;
use crate::wire::{Instruction, Refusal, Reply, Request, Scope};
use crossbeam_channel::TrySendError;

impl Auth {
    /// Handles the requests of one read of a link, in order. Its orders leave in one message, and
    /// so do its queries.
    pub(super) fn on_requests(&mut self, requests: Vec<(ReplyTo, AuthRequest)>) {
        let mut orders = Vec::new();
        let mut queries = Vec::new();
        for (reply_to, request) in requests {
            match request {
                AuthRequest::Session(hash) => self.send_session_state(&reply_to, hash),
                AuthRequest::WatchOrders(hash) => {
                    // Before the answer, so that no end of an order that follows it is missed.
                    if let Some(found) = self.sessions.get(&hash, Timestamp::now()) {
                        let watchers = &self.channels.order_watchers;
                        watchers.watch(&found.session, &reply_to.peer);
                    }
                    self.send_session_state(&reply_to, hash);
                }
                AuthRequest::ConnectionClosed(hashes) => self.connection_closed(&reply_to, &hashes),
                AuthRequest::Request(
                    request @ (requests_to!(Tunnel)
                    | Request::Sessions { .. }
                    | Request::Tokens { .. }
                    | Request::Identities { .. }),
                ) => self.on_own_request(reply_to, request),
                AuthRequest::Request(Request::Order {
                    session,
                    side,
                    symbol,
                    quantity,
                    id: client_order_id,
                }) => {
                    let account =
                        self.account(&reply_to, Order::instruction_for(side), &session.hash());
                    orders.push(OrderRequest::Order(Order {
                        reply_to,
                        account,
                        side,
                        symbol,
                        quantity,
                        client_order_id,
                    }));
                }
                AuthRequest::Request(
                    request @ (Request::PlaceOrder { .. }
                    | Request::CancelOrder { .. }
                    | Request::ReplaceOrder { .. }),
                ) => orders.extend(self.order_request(reply_to, request)),
                AuthRequest::Request(request) => {
                    if let Some(query) = self.query(&reply_to, request) {
                        queries.push((reply_to, query));
                    }
                }
            }
        }
        self.forward(orders, queries);
    }

    /// Handles a request that auth answers by itself.
    #[allow(clippy::too_many_lines, reason = "an arm for each instruction")]
    fn on_own_request(&mut self, reply_to: ReplyTo, request: Request) {
        match request {
            Request::Login {
                username,
                hashed_pass,
                expirable,
            } => self.login(reply_to, username, hashed_pass, expirable),
            Request::Register {
                username,
                email,
                hashed_pass,
            } => self.register(reply_to, username, email, hashed_pass),
            Request::Resume { session } => self.resume(&reply_to, &session),
            Request::Logout { session } => self.logout(reply_to, &session),
            Request::ChangePassword { session, old, new } => {
                self.change_password(reply_to, &session, old, new)
            }
            Request::RequestReset { name } => self.request_reset(&reply_to, &name),
            Request::ResetPassword {
                username,
                code,
                new,
            } => self.reset_password(reply_to, &username, &code, new),
            Request::DeleteAccount { session, pass } => {
                self.delete_account(reply_to, &session, pass)
            }
            Request::EndSessions { session, selection } => {
                self.end_own_sessions(reply_to, &session, &selection)
            }
            Request::CreateToken {
                session,
                name,
                scope,
                days,
            } => self.create_token(&reply_to, &session, &name, (scope, days)),
            Request::RevokeToken { session, name } => self.revoke_token(&reply_to, &session, &name),
            Request::ChangeEmail {
                session,
                pass,
                email,
            } => self.change_email(reply_to, &session, pass, email),
            Request::BeginThirdParty {
                provider,
                method,
                redirect_uri,
            } => self.begin_third_party(reply_to, &provider, method, redirect_uri.as_deref()),
            Request::AwaitThirdParty { handle } => self.await_third_party(reply_to, handle),
            Request::CompleteThirdParty {
                handle,
                code,
                state,
            } => self.complete_third_party(reply_to, handle, &code, &state),
            Request::RegisterThirdParty {
                handle,
                username,
                email,
            } => self.register_third_party(reply_to, handle, username, email),
            Request::LinkThirdParty { session, handle } => {
                self.link_third_party(&reply_to, &session, &handle)
            }
            Request::UnlinkThirdParty { session, provider } => {
                self.unlink_third_party(&reply_to, &session, &provider)
            }
            Request::Sessions { session } => self.send_own_sessions(&reply_to, &session),
            Request::Tokens { session } => self.send_own_tokens(&reply_to, &session),
            Request::Identities { session } => self.send_own_identities(&reply_to, &session),
            // The others leave for their modules.
            Request::UserInfo { .. }
            | Request::UserPortfolio { .. }
            | Request::UserHistory { .. }
            | Request::Receipt { .. }
            | Request::OpenOrders { .. }
            | Request::AccountSummary { .. }
            | Request::UserHistoryPage { .. }
            | Request::AccountExport { .. }
            | requests_to!(Cache)
            | requests_to!(Orders)
            | requests_to!(State)
            | requests_to!(Local) => {}
        }
    }

    /// What placeOrder, cancelOrder or replaceOrder asks, with the account of its session.
    fn order_request(&mut self, reply_to: ReplyTo, request: Request) -> Option<OrderRequest> {
        let instruction = request.instruction();
        Some(match request {
            Request::PlaceOrder {
                session,
                side,
                symbol,
                amount,
                kind,
                limit,
                stop,
                time_in_force,
                id: client_order_id,
            } => OrderRequest::Place(PlaceOrder {
                account: self.account(&reply_to, instruction, &session.hash()),
                reply_to,
                side,
                symbol,
                amount,
                kind,
                limit,
                stop,
                time_in_force,
                client_order_id,
            }),
            Request::CancelOrder { session, id } => OrderRequest::Cancel(CancelOrder {
                account: self.account(&reply_to, instruction, &session.hash()),
                reply_to,
                id,
            }),
            Request::ReplaceOrder {
                session,
                id,
                amount,
                limit,
                stop,
                client_order_id,
            } => OrderRequest::Replace(ReplaceOrder {
                account: self.account(&reply_to, instruction, &session.hash()),
                reply_to,
                id,
                amount,
                limit,
                stop,
                client_order_id,
            }),
            Request::Order { .. }
            | requests_to!(Cache)
            | requests_to!(AccountQueries)
            | requests_to!(Tunnel)
            | requests_to!(State)
            | requests_to!(Local) => return None,
        })
    }

    /// Sends the orders and the queries to their modules; refuses those whose module has a full
    /// inbox.
    fn forward(&self, orders: Vec<OrderRequest>, queries: Vec<(ReplyTo, AccountQuery)>) {
        let mut replies = ReplyBatch::new();
        if !orders.is_empty()
            && let Err(TrySendError::Full(TransactionsMessage::Orders(orders))) = self
                .channels
                .transactions
                .try_send(TransactionsMessage::Orders(orders))
        {
            for order in orders {
                let (instruction, reply_to) = (order.instruction(), order.reply_to().clone());
                replies.fail(reply_to, instruction, &Refusal::master_overloaded());
            }
        }
        if !queries.is_empty()
            && let Err(TrySendError::Full(AccountQueriesMessage::Queries(queries))) = self
                .channels
                .account_queries
                .try_send(AccountQueriesMessage::Queries(queries))
        {
            for (reply_to, query) in queries {
                replies.fail(reply_to, query.instruction(), &Refusal::master_overloaded());
            }
        }
        replies.send();
    }

    /// The account of a session that allows the instruction. The session's last use becomes this
    /// one.
    pub(super) fn account(
        &mut self,
        reply_to: &ReplyTo,
        instruction: Instruction,
        hash: &SessionHash,
    ) -> Result<AccountId, Refusal> {
        let scope = instruction.row().scope;
        let found = self
            .sessions
            .touch(hash, use_by(reply_to))
            .map(|stored| (stored.session.account, allows(&stored.session.kind, scope)));
        let Some((account, allowed)) = found else {
            self.count_inactive(reply_to, instruction);
            return Err(Refusal::session_expired());
        };
        self.note_worker(reply_to, *hash);
        self.note_elsewhere(reply_to, hash);
        if allowed {
            Ok(account)
        } else {
            Err(Refusal::scope())
        }
    }

    /// Notes that the worker of a request knows an active session.
    fn note_worker(&mut self, reply_to: &ReplyTo, hash: SessionHash) {
        if let Some(noted) = self.sessions.pass(&hash, reply_to.peer.worker.uuid) {
            self.writes.push(AuthWrite::Passed(hash, noted));
        }
    }

    /// Counts a request with an inactive session, which has ended or is a guess. Logs at most
    /// [`ATTEMPTS_LOGGED_MAX`](super::ATTEMPTS_LOGGED_MAX) a minute.
    fn count_inactive(&mut self, reply_to: &ReplyTo, instruction: Instruction) {
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
            Request::UserPortfolio { session, username } => {
                (session, AccountQueryKind::Portfolio(username))
            }
            Request::UserHistory { session, username } => {
                (session, AccountQueryKind::History(username))
            }
            Request::Receipt { session, id } => (session, AccountQueryKind::Receipt(id)),
            Request::OpenOrders { session } => (session, AccountQueryKind::OpenOrders),
            Request::AccountSummary { session } => (session, AccountQueryKind::Summary),
            Request::UserHistoryPage {
                session,
                username,
                before,
                count,
            } => (
                session,
                AccountQueryKind::HistoryPage(username, before, count),
            ),
            Request::AccountExport { session } => (session, AccountQueryKind::Export),
            // No other request with a session comes here.
            Request::Sessions { .. }
            | Request::Tokens { .. }
            | Request::Identities { .. }
            | requests_to!(Cache)
            | requests_to!(Orders)
            | requests_to!(Tunnel)
            | requests_to!(State)
            | requests_to!(Local) => return None,
        };
        match self.account(reply_to, instruction, &session.hash()) {
            Ok(asker) => Some(AccountQuery { asker, kind }),
            Err(refusal) => {
                reply_to.fail(instruction, &refusal);
                None
            }
        }
    }

    /// Tells a worker whether a session is active, and whose it is.
    fn send_session_state(&mut self, reply_to: &ReplyTo, hash: SessionHash) {
        // A worker that names a client asks because that one uses the session.
        let found = if reply_to.client.is_some() {
            self.sessions.touch(&hash, use_by(reply_to))
        } else {
            self.sessions.get(&hash, Timestamp::now())
        };
        let active = found.map(active_session);
        match active {
            Some(_) => {
                self.note_worker(reply_to, hash);
                self.note_elsewhere(reply_to, &hash);
            }
            None => self.count_inactive(reply_to, Instruction::LinkSession),
        }
        let state = SessionState { hash, active };
        reply_to.send(|out| message::write(out, Instruction::LinkSession, &state));
    }

    fn connection_closed(&mut self, reply_to: &ReplyTo, hashes: &[SessionHash]) {
        for hash in hashes {
            let made_here = self
                .sessions
                .get(hash, Timestamp::now())
                .is_some_and(|stored| {
                    stored.session.expirable && stored.session.worker == reply_to.peer.worker.uuid
                });
            if made_here {
                self.end(hash, "connection-closed");
            }
        }
        reply_to.send(|out| Reply::Pong.write(out));
    }

    fn resume(&mut self, reply_to: &ReplyTo, session: &SessionId) {
        match self.sessions.touch(&session.hash(), use_by(reply_to)) {
            Some(stored) => {
                let state = SessionState {
                    hash: stored.session.hash,
                    active: Some(active_session(stored)),
                };
                self.note_worker(reply_to, state.hash);
                self.note_elsewhere(reply_to, &state.hash);
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
                self.count_inactive(reply_to, Instruction::Resume);
                reply_to.fail(Instruction::Resume, &Refusal::session_expired());
            }
        }
    }

    fn logout(&mut self, reply_to: ReplyTo, session: &SessionId) {
        let hash = session.hash();
        // A repeat after a broken link succeeds: the first one may have ended the session.
        if self.sessions.get(&hash, Timestamp::now()).is_none() && !reply_to.again {
            // With nobody's session a client asks whether the master answers.
            if hash != SessionId::NOBODYS.hash() {
                self.count_inactive(&reply_to, Instruction::Logout);
            }
            reply_to.fail(Instruction::Logout, &Refusal::session_expired());
            return;
        }
        self.shut_out_of(&[hash]);
        self.end(&hash, "logout");
        self.answers.push(PendingReply {
            reply_to,
            instruction: Instruction::Logout,
            success: AuthSuccess::LoggedOut,
        });
    }
}

/// This use of a session.
fn use_by(reply_to: &ReplyTo) -> SessionUse {
    SessionUse {
        at: Timestamp::now(),
        client: reply_to.client_ip(),
        worker: reply_to.peer.worker.uuid,
    }
}

/// Whether a session of this kind allows what needs this scope.
fn allows(kind: &SessionKind, scope: Option<Scope>) -> bool {
    match (kind, scope) {
        (SessionKind::Login(_), _) | (_, None | Some(Scope::Read)) => true,
        (SessionKind::Token { scope, .. }, Some(Scope::Trade)) => *scope == TokenScope::Trade,
        (SessionKind::Token { .. }, Some(Scope::Account)) => false,
    }
}

#[cfg(test)]
mod tests;
