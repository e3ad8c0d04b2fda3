//! spec/client/failover.md · 3.1.5 (the list given to clients), 4.1 (sessions, connections)
//!
//! A pool of workers: a call goes to one of them, and to the next one when it fails.

use super::session::LoginResult;
use super::{Client, ClientError, ConnectOptions};
use crate::model::{Email, HashedPass, Reason, SessionId, Username};

/// The most workers that a pool knows.
pub const WORKERS_MAX: usize = 64;

/// The workers of one deployment. Calls use one worker until it fails, then the next.
#[derive(Debug)]
pub struct WorkerPool {
    options: ConnectOptions,
    workers: Vec<String>,
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
            master,
            session: None,
            current: None,
        };
        pool.learn(workers);
        pool
    }

    /// The known workers, in order of preference.
    pub fn workers(&self) -> &[String] {
        &self.workers
    }

    /// The address of the open connection's worker.
    pub fn address(&self) -> Option<&str> {
        self.current.as_ref().map(Client::address)
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

    /// Adds new workers at the end, up to [`WORKERS_MAX`].
    pub fn learn(&mut self, workers: impl IntoIterator<Item = String>) {
        for worker in workers {
            if self.workers.len() < WORKERS_MAX && !self.workers.contains(&worker) {
                self.workers.push(worker);
            }
        }
    }

    /// Moves a worker to the front.
    fn prefer(&mut self, address: &str) {
        if let Some(at) = self.workers.iter().position(|w| w == address) {
            let worker = self.workers.remove(at);
            self.workers.insert(0, worker);
        }
    }

    /// Closes the connection and moves its worker to the end.
    pub fn leave(&mut self) {
        if let Some(client) = self.current.take()
            && let Some(at) = self.workers.iter().position(|w| w == client.address())
        {
            let worker = self.workers.remove(at);
            self.workers.push(worker);
        }
    }

    /// Runs `call` on the current worker; if that fails, on each other worker, and then on those
    /// that the master lists. `call` may be repeated, so it must be idempotent.
    ///
    /// # Errors
    /// The error of `call`, if another worker would not help; else [`ClientError::NoWorker`] with
    /// every worker's error.
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
            let Some(address) = self.workers.iter().find(|w| !tried.contains(w)).cloned() else {
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
            let result = Client::open(&address, &self.options, self.session.clone())
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
            None => Err(ClientError::NoWorker(causes)),
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

    /// Asks the master's port for its worker list; `None` without a master.
    fn ask_master(&mut self) -> Option<Result<Vec<String>, ClientError>> {
        let master = self.master.clone()?;
        // The specification defines port 2048 as plain text. See spec/client/tls.md.
        let options = ConnectOptions {
            security: super::ClientTls::plain(),
            ..self.options.clone()
        };
        let answer = Client::open(&master, &options, None).and_then(|mut client| client.workers());
        if let Ok(workers) = &answer {
            self.learn(workers.iter().cloned());
        }
        Some(answer)
    }

    /// Lists the workers that serve now (3.1.5), from a worker or else from the master; and the
    /// source's address.
    ///
    /// # Errors
    /// [`ClientError::NoWorker`].
    pub fn list_workers(&mut self) -> Result<(Vec<String>, String), ClientError> {
        let error = match self.call(|client| Ok((client.workers()?, client.address().to_owned()))) {
            Ok((workers, from)) => {
                self.learn(workers.iter().cloned());
                return Ok((workers, from));
            }
            Err(error) => error,
        };
        match (self.ask_master(), self.master.clone()) {
            (Some(Ok(workers)), Some(master)) => Ok((workers, master)),
            _ => Err(error),
        }
    }

    /// Logs in, uses the new session from then on, and adds the workers that the reply lists.
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
        self.set_session(Some(login.session.clone()));
        self.learn(login.workers.iter().cloned());
        Ok(login)
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
