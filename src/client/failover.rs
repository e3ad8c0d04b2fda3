//! spec/client/failover.md · 3.1.5 (the list given to clients) and 4.1 (sessions belong to no connection)
//!
//! The workers that are known, and the one that answers now.

use super::session::LoginResult;
use super::{Client, ClientError, ConnectOptions};
use crate::model::{Email, HashedPass, Reason, SessionId, Username};

/// Workers remembered at most.
pub const WORKERS_MAX: usize = 64;

/// The workers of one deployment. Calls go to one of them until it fails, then to the next.
#[derive(Debug)]
pub struct WorkerPool {
    options: ConnectOptions,
    workers: Vec<String>,
    master: Option<String>,
    session: Option<SessionId>,
    current: Option<Client>,
}

impl WorkerPool {
    /// Knows `workers`, best first, and the master's port 2048 as the last resort.
    pub fn new(workers: Vec<String>, master: Option<String>, options: ConnectOptions) -> WorkerPool {
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

    /// The workers known, best first.
    pub fn workers(&self) -> &[String] {
        &self.workers
    }

    /// The worker that answered last, if its connection is open.
    pub fn address(&self) -> Option<&str> {
        self.current.as_ref().map(Client::address)
    }

    /// The session in whose name calls are made.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// Makes later calls in the name of `session`.
    pub fn set_session(&mut self, session: Option<SessionId>) {
        if let Some(client) = &mut self.current {
            client.set_session(session.clone());
        }
        self.session = session;
    }

    /// Adds workers that are not known yet, at the end; those beyond [`WORKERS_MAX`] are left out.
    pub fn learn(&mut self, workers: impl IntoIterator<Item = String>) {
        for worker in workers {
            if self.workers.len() < WORKERS_MAX && !self.workers.contains(&worker) {
                self.workers.push(worker);
            }
        }
    }

    /// Makes `address` the first to be tried.
    fn prefer(&mut self, address: &str) {
        if let Some(at) = self.workers.iter().position(|w| w == address) {
            let worker = self.workers.remove(at);
            self.workers.insert(0, worker);
        }
    }

    /// Gives the connection up; the worker comes last from now on.
    pub fn leave(&mut self) {
        if let Some(client) = self.current.take()
            && let Some(at) = self.workers.iter().position(|w| w == client.address())
        {
            let worker = self.workers.remove(at);
            self.workers.push(worker);
        }
    }

    /// Does `call` on the worker that answers; where one does not, on the next, and after all of them on those
    /// that the master names. `call` is repeated, so it must be one that may happen twice.
    ///
    /// # Errors
    /// What `call` ended with, where another worker could not do better; else [`ClientError::NoWorker`] with every
    /// worker's reason.
    pub fn call<T>(
        &mut self,
        mut call: impl FnMut(&mut Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        // An open connection may have been closed over there since it was last used, which says nothing about
        // its worker: that one is tried again with a fresh one.
        if let Some(mut client) = self.current.take() {
            match call(&mut client) {
                Err(error) if error.is_about_the_worker() => self.prefer(client.address()),
                other => return self.keep(client, other),
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
                    return self.keep(client, Ok(value));
                }
                Err(error) if error.is_about_the_worker() => causes.push(error),
                Err(error) => return Err(error),
            }
        }
        // A refusal says more than that others are down.
        match causes.iter().position(|c| matches!(c, ClientError::Refused(_))) {
            Some(at) => Err(causes.swap_remove(at)),
            None => Err(ClientError::NoWorker(causes)),
        }
    }

    fn keep<T>(&mut self, client: Client, result: Result<T, ClientError>) -> Result<T, ClientError> {
        self.session = client.session().cloned();
        self.current = Some(client);
        result
    }

    /// What the master's port answers to getWorkerList; `None` where no master is known.
    fn ask_master(&mut self) -> Option<Result<Vec<String>, ClientError>> {
        let master = self.master.clone()?;
        // 2048 is plain text by the specification's design; the page says what that means.
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

    /// 3.1.5: the workers that serve now, as a worker or else the master says, and who said it.
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

    /// A new session; its worker list is learnt.
    ///
    /// # Errors
    /// As [`WorkerPool::call`].
    pub fn login(
        &mut self,
        username: &Username,
        pass: &HashedPass,
        expirable: bool,
    ) -> Result<LoginResult, ClientError> {
        // A fresh connection: the open one may be bound to another session.
        self.current = None;
        self.session = None;
        let login = self.call(|client| client.login(username, pass, expirable))?;
        self.set_session(Some(login.session.clone()));
        self.learn(login.workers.iter().cloned());
        Ok(login)
    }

    /// A new account. Where an attempt's connection broke and the next one finds the name taken, a login with
    /// the same password tells whether it was that attempt that took it.
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
                if uncertain && matches!(refusal.reason, Reason::UsernameTaken | Reason::EmailTaken) =>
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

    /// Ends the session. Where an attempt's connection broke, finding it ended is success.
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
            Err(ClientError::Refused(refusal)) if uncertain && refusal.reason == Reason::SessionExpired => {
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
