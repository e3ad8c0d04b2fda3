//! spec/client/failover.md · 3.1.5 (the list given to clients), 4.1 (sessions, connections)
//!
//! A pool of workers: a call goes to one of them, and to the next one when it fails.

use super::session::LoginResult;
use super::{Client, ClientError, ConnectOptions, ServerInfo};
use crate::model::printable::is_printable_text;
use crate::model::{Email, HashedPass, Reason, ResetCode, SessionId, Username, UsernameOrEmail};
use crate::net::{ClientTls, client_tls};

/// The most workers that a pool knows, and the most that it has only heard of.
pub const WORKERS_MAX: usize = 64;

/// The workers of one deployment. Calls use one worker until it fails, then the next.
#[derive(Debug)]
pub struct WorkerPool {
    options: ConnectOptions,
    /// Named by the caller, or by a worker over a protected connection.
    workers: Vec<String>,
    /// Named by the master or in plain text, so by anybody on the way. None of them is in
    /// `workers`.
    hearsay: Vec<String>,
    master: Option<String>,
    session: Option<SessionId>,
    current: Option<Client>,
}

impl WorkerPool {
    /// Makes a pool of `workers`, in order of preference. The address of the master's port 2048, if
    /// given, is the last resort for finding workers.
    pub fn new(
        workers: Vec<String>,
        master: Option<String>,
        options: ConnectOptions,
    ) -> WorkerPool {
        let mut pool = WorkerPool {
            options,
            workers: Vec::new(),
            hearsay: Vec::new(),
            master,
            session: None,
            current: None,
        };
        pool.learn(workers);
        pool
    }

    /// The options of its connections.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// The address of the master's port 2048.
    pub fn master(&self) -> Option<&str> {
        self.master.as_deref()
    }

    /// The known workers, in order of preference. None that it has only heard of is among them.
    pub fn workers(&self) -> &[String] {
        &self.workers
    }

    /// The address of the open connection's worker.
    pub fn address(&self) -> Option<&str> {
        self.current.as_ref().map(Client::address)
    }

    /// Whether the open connection uses TLS.
    pub fn is_tls(&self) -> bool {
        self.current.as_ref().is_some_and(Client::is_tls)
    }

    /// The session that calls use.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// Sets the session that later calls use.
    pub fn set_session(&mut self, session: Option<SessionId>) {
        if let Some(client) = &mut self.current {
            client.set_session(session.clone());
        }
        self.session = session;
    }

    /// Adds new workers at the end, up to [`WORKERS_MAX`]. Someone must vouch for them: the caller
    /// named them, or a worker did over a protected connection.
    pub fn learn(&mut self, workers: impl IntoIterator<Item = String>) {
        for worker in workers {
            if self.workers.len() < WORKERS_MAX
                && !self.workers.contains(&worker)
                && is_printable_text(&worker)
            {
                self.hearsay.retain(|heard| *heard != worker);
                self.workers.push(worker);
            }
        }
    }

    /// Adds names that anybody on the way may have made up.
    fn hear(&mut self, workers: &[String]) {
        for worker in workers {
            if self.hearsay.len() < WORKERS_MAX
                && !self.workers.contains(worker)
                && !self.hearsay.contains(worker)
                && is_printable_text(worker)
            {
                self.hearsay.push(worker.clone());
            }
        }
    }

    /// Takes in a worker's list: over a protected connection the worker vouches for it.
    fn take_in(&mut self, workers: &[String], is_protected: bool) {
        if is_protected {
            self.learn(workers.iter().cloned());
        } else {
            self.hear(workers);
        }
    }

    /// The TLS settings for a worker; `None` if it is not to be tried. Hearsay is tried where its
    /// host is vouched for, or where a pin or a root of the caller's tells it from an attacker's.
    fn security_for(&self, worker: &str) -> Option<ClientTls> {
        let is_known = self.workers.iter().any(|known| known == worker);
        if is_known || self.is_vouched(client_tls::host_of(worker)) {
            Some(self.options.security.clone())
        } else {
            self.options.security.for_hearsay()
        }
    }

    /// Whether the caller or a known worker has named this host, at whatever port. Of this
    /// machine's own addresses only a master of this machine can know.
    fn is_vouched(&self, host: &str) -> bool {
        let is_loopback =
            |address: &str| client_tls::is_loopback_host(client_tls::host_of(address));
        if client_tls::is_loopback_host(host) && !self.master.as_deref().is_some_and(is_loopback) {
            return false;
        }
        let mut named = self.workers.iter().chain(&self.master);
        named.any(|address| client_tls::host_of(address).eq_ignore_ascii_case(host))
    }

    /// The next worker to try, with its TLS settings: known ones first, then what was heard.
    fn next_worker(&self, tried: &[String]) -> Option<(String, ClientTls)> {
        let mut left = self.workers.iter().chain(&self.hearsay);
        left.find_map(|worker| {
            let security = self.security_for(worker)?;
            (!tried.contains(worker)).then(|| (worker.clone(), security))
        })
    }

    /// Moves a worker to the front.
    fn prefer(&mut self, address: &str) {
        for list in [&mut self.workers, &mut self.hearsay] {
            if let Some(at) = list.iter().position(|w| w == address) {
                let worker = list.remove(at);
                list.insert(0, worker);
            }
        }
    }

    /// Closes the connection and moves its worker to the end.
    pub fn leave(&mut self) {
        let Some(client) = self.current.take() else {
            return;
        };
        for list in [&mut self.workers, &mut self.hearsay] {
            if let Some(at) = list.iter().position(|w| w == client.address()) {
                let worker = list.remove(at);
                list.push(worker);
            }
        }
    }

    /// Runs `call` on the current worker; if that fails, on each other worker, and then on those
    /// that the master lists. `call` may be repeated, so it must be idempotent.
    ///
    /// # Errors
    /// The error of `call`, if another worker would not help; else [`ClientError::NoWorker`] or
    /// [`ClientError::OnlyHearsay`] with every worker's error.
    pub fn call<T>(
        &mut self,
        mut call: impl FnMut(&mut Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        // The worker may have closed an idle connection since the last call. So its failure does
        // not count against the worker, which is tried again over a new connection.
        if let Some(mut client) = self.current.take() {
            match call(&mut client) {
                Err(error) if error.is_about_the_worker() => self.prefer(client.address()),
                other => return self.set_current(client, other),
            }
        }
        let mut causes = Vec::new();
        let mut asked_master = false;
        let mut tried: Vec<String> = Vec::new();
        loop {
            let Some((address, security)) = self.next_worker(&tried) else {
                if asked_master {
                    break;
                }
                asked_master = true;
                if let Some(Err(error)) = self.ask_master() {
                    causes.push(error);
                }
                continue;
            };
            tried.push(address.clone());
            let options = ConnectOptions {
                security,
                ..self.options.clone()
            };
            let result = Client::open(&address, &options, self.session.clone())
                .and_then(|mut client| call(&mut client).map(|value| (client, value)));
            match result {
                Ok((client, value)) => {
                    self.prefer(&address);
                    return self.set_current(client, Ok(value));
                }
                Err(error) if error.is_about_the_worker() => causes.push(error),
                Err(error) => return Err(error),
            }
        }
        // A refusal is more useful than the news that other workers are down.
        match causes
            .iter()
            .position(|c| matches!(c, ClientError::Refused(_)))
        {
            Some(at) => Err(causes.swap_remove(at)),
            None => Err(self.nobody(causes, &tried)),
        }
    }

    /// The error for a call that no worker answered.
    fn nobody(&self, causes: Vec<ClientError>, tried: &[String]) -> ClientError {
        let left = self.hearsay.iter().filter(|name| !tried.contains(name));
        let names: Vec<String> = left.cloned().collect();
        if names.is_empty() {
            return ClientError::NoWorker(causes);
        }
        ClientError::OnlyHearsay {
            from: self
                .master
                .clone()
                .unwrap_or_else(|| "a worker in plain text".to_owned()),
            names,
            causes,
        }
    }

    /// Keeps a client for later calls, with the session that the call may have changed.
    fn set_current<T>(
        &mut self,
        client: Client,
        result: Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        self.session = client.session().cloned();
        self.current = Some(client);
        result
    }

    /// Asks the master's port for its worker list, which is hearsay; `None` without a master.
    fn ask_master(&mut self) -> Option<Result<Vec<String>, ClientError>> {
        let master = self.master.clone()?;
        // The specification defines port 2048 as plain text. See spec/net/client_tls.md.
        let options = ConnectOptions {
            security: ClientTls::plain(),
            ..self.options.clone()
        };
        let answer = Client::open(&master, &options, None).and_then(|mut client| client.workers());
        if let Ok(workers) = &answer {
            self.hear(workers);
        }
        Some(answer)
    }

    /// Lists the workers that serve now (3.1.5), from a worker or else from the master; and the
    /// source's address.
    ///
    /// # Errors
    /// [`ClientError::NoWorker`] or [`ClientError::OnlyHearsay`].
    pub fn list_workers(&mut self) -> Result<(Vec<String>, String), ClientError> {
        let ask = |client: &mut Client| {
            let from = client.address().to_owned();
            Ok((client.workers()?, from, client.is_protected()))
        };
        let error = match self.call(ask) {
            Ok((workers, from, is_protected)) => {
                self.take_in(&workers, is_protected);
                return Ok((workers, from));
            }
            Err(error) => error,
        };
        match (self.ask_master(), self.master.clone()) {
            (Some(Ok(workers)), Some(master)) => Ok((workers, master)),
            _ => Err(error),
        }
    }

    /// Logs in, uses the new session from then on, and takes in the workers that the reply lists. A
    /// session that was made over TLS never goes over less.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn login(
        &mut self,
        username: &Username,
        pass: &HashedPass,
        expirable: bool,
    ) -> Result<LoginResult, ClientError> {
        // The open connection may be bound to another session, so a new one is used.
        self.current = None;
        self.session = None;
        let login = self.call(|client| client.login(username, pass, expirable))?;
        self.take_login(&login);
        Ok(login)
    }

    /// Uses the session of a login from now on, and takes in its workers.
    pub(super) fn take_login(&mut self, login: &LoginResult) {
        self.set_session(Some(login.session.clone()));
        let is_protected = self.current.as_ref().is_some_and(Client::is_protected);
        self.take_in(&login.workers, is_protected);
        if self.is_tls() {
            self.options.security = self.options.security.always();
        }
    }

    /// Asks for a code for a new password. See [`Client::request_reset`].
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn request_reset(&mut self, name: &UsernameOrEmail) -> Result<(), ClientError> {
        self.call(|client| client.request_reset(name))
    }

    /// What a server of the pool tells about itself; `None` of version 1.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn server_info(&mut self) -> Result<Option<ServerInfo>, ClientError> {
        self.call(Client::server_info)
    }

    /// Sets a new password with a code. If an attempt's connection broke and a later attempt finds
    /// the code used, a login with the new password shows whether the broken attempt used it.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn reset_password(
        &mut self,
        username: &Username,
        code: &ResetCode,
        new: &HashedPass,
    ) -> Result<(), ClientError> {
        let mut uncertain = false;
        self.call(|client| match client.reset_password(username, code, new) {
            Err(error) if error.is_about_the_worker() => {
                uncertain |= error.is_ambiguous();
                Err(error)
            }
            Err(ClientError::Refused(refusal))
                if uncertain && refusal.reason == Reason::CodeInvalid =>
            {
                match client.login(username, new, false) {
                    Ok(_) => client.logout(),
                    Err(error) if error.is_about_the_worker() => Err(error),
                    Err(_) => Err(ClientError::Refused(refusal)),
                }
            }
            other => other,
        })
    }

    /// Registers an account. If an attempt's connection broke and a later attempt finds the name
    /// taken, a login with the same password shows whether the broken attempt took it.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn register(
        &mut self,
        username: &Username,
        email: &Email,
        pass: &HashedPass,
    ) -> Result<(), ClientError> {
        let mut uncertain = false;
        self.call(|client| match client.register(username, email, pass) {
            Err(error) if error.is_about_the_worker() => {
                uncertain |= error.is_ambiguous();
                Err(error)
            }
            Err(ClientError::Refused(refusal))
                if uncertain
                    && matches!(
                        refusal.reason.known(),
                        Some(Reason::UsernameTaken | Reason::EmailTaken)
                    ) =>
            {
                match client.login(username, pass, false) {
                    Ok(_) => client.logout(),
                    Err(error) if error.is_about_the_worker() => Err(error),
                    Err(_) => Err(ClientError::Refused(refusal)),
                }
            }
            other => other,
        })
    }

    /// Ends the session. If an attempt's connection broke and a later attempt finds the session
    /// ended, that is success.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn logout(&mut self) -> Result<(), ClientError> {
        let mut uncertain = false;
        self.call(|client| match client.logout() {
            Err(error) if error.is_about_the_worker() => {
                uncertain |= error.is_ambiguous();
                Err(error)
            }
            Err(ClientError::Refused(refusal))
                if uncertain && refusal.reason == Reason::SessionExpired =>
            {
                Ok(())
            }
            other => other,
        })?;
        self.set_session(None);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
