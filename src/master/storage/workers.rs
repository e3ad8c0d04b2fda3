//! spec/master/storage.md · 3.1.5 Worker Management, 2.4.5 WorkerServer Structure
//!
//! Reads and writes registered and formerly registered workers.

use super::engine::{EngineResult, Row, damaged, params};
use super::{Snapshot, Storage, StorageError, Tx};
use crate::model::{Fingerprint, Timestamp, WorkerServer};
use uuid::Uuid;

impl Snapshot<'_> {
    /// All registered workers, by name.
    ///
    /// # Errors
    /// The database fails.
    pub fn workers(&mut self) -> Result<Vec<WorkerServer>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare(
            "SELECT name, uuid, fingerprint, ip, address, booted FROM workers
             WHERE unregistered IS NULL ORDER BY name",
        )?;
        let read = |row: &Row<'_>| -> EngineResult<WorkerServer> {
            Ok(WorkerServer {
                name: row.get(0)?,
                uuid: Uuid::from_bytes(row.get(1)?),
                fingerprint: Fingerprint::parse(&row.get::<String>(2)?)
                    .map_err(|_| damaged("no such worker"))?,
                ip: row
                    .get::<String>(3)?
                    .parse()
                    .map_err(|_| damaged("no such worker"))?,
                address: row.get(4)?,
                booted: row.get(5)?,
            })
        };
        let rows = statement.query_map([], read)?;
        rows.collect()
    }

    /// The name of a worker that is or was registered.
    ///
    /// # Errors
    /// The database fails.
    pub fn worker_name(&mut self, uuid: &Uuid) -> Result<Option<String>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare_cached("SELECT name FROM workers WHERE uuid = ?1")?;
        statement.query_optional([uuid.as_bytes()], |row| row.get(0))
    }

    /// All workers that were ever registered under `name`, and the one with `uuid`.
    ///
    /// # Errors
    /// The database fails.
    pub fn workers_ever_named(
        &mut self,
        name: &str,
        uuid: &Uuid,
    ) -> Result<Vec<Uuid>, StorageError> {
        let database = &*self;
        let mut statement =
            database.prepare("SELECT uuid FROM workers WHERE name = ?1 OR uuid = ?2")?;
        let read = |row: &Row<'_>| row.get(0).map(Uuid::from_bytes);
        let rows = statement.query_map(params![name, uuid.as_bytes()], read)?;
        rows.collect()
    }

    /// The keys of registered workers that masters of one database share: fingerprint and digest. There
    /// are none where the database is a file, whose one master has all in its keyring.
    ///
    /// # Errors
    /// The database fails.
    pub fn worker_key_digests(&mut self) -> Result<Vec<(Fingerprint, String)>, StorageError> {
        let database = &*self;
        if matches!(database, Snapshot::Sqlite(_)) {
            return Ok(Vec::new());
        }
        let mut statement = database.prepare(
            "SELECT fingerprint, md5(key) FROM worker_keys JOIN workers USING (fingerprint)
             WHERE unregistered IS NULL",
        )?;
        let read = |row: &Row<'_>| -> EngineResult<(Fingerprint, String)> {
            let fingerprint = Fingerprint::parse(&row.get::<String>(0)?)
                .map_err(|_| damaged("no such worker"))?;
            Ok((fingerprint, row.get(1)?))
        };
        let rows = statement.query_map([], read)?;
        rows.collect()
    }

    /// A worker's public key that masters of one database share.
    ///
    /// # Errors
    /// The database fails.
    pub fn worker_key(
        &mut self,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let database = &*self;
        if matches!(database, Snapshot::Sqlite(_)) {
            return Ok(None);
        }
        let sql = "SELECT key FROM worker_keys WHERE fingerprint = ?1";
        let mut statement = database.prepare(sql)?;
        statement.query_optional(params![fingerprint.to_string()], |row| row.get(0))
    }
}

impl Storage {
    /// Keeps workers' public keys for the other masters of a database on a server, and forgets those that
    /// no registered worker has, but the new ones. Does nothing in a file.
    ///
    /// # Errors
    /// The database fails.
    pub fn keep_worker_keys(
        &mut self,
        keys: &[(Fingerprint, Vec<u8>)],
    ) -> Result<(), StorageError> {
        self.write(|tx| {
            tx.forget_worker_keys()?;
            keys.iter()
                .try_for_each(|(fingerprint, key)| tx.keep_worker_key(fingerprint, key))
        })
    }
}

impl Tx<'_> {
    /// Keeps a worker's public key for the other masters of a database on a server. Does nothing in a file.
    ///
    /// # Errors
    /// The database fails.
    pub fn keep_worker_key(
        &mut self,
        fingerprint: &Fingerprint,
        key: &[u8],
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        if matches!(database, Snapshot::Sqlite(_)) {
            return Ok(());
        }
        database.execute(
            "INSERT INTO worker_keys (fingerprint, key) VALUES (?1, ?2)
             ON CONFLICT (fingerprint) DO UPDATE SET key = excluded.key",
            params![fingerprint.to_string(), key],
        )?;
        Ok(())
    }

    /// Forgets the kept keys that no registered worker has.
    ///
    /// # Errors
    /// The database fails.
    pub fn forget_worker_keys(&mut self) -> Result<(), StorageError> {
        let database = &self.snapshot;
        if matches!(database, Snapshot::Sqlite(_)) {
            return Ok(());
        }
        database.execute(
            "DELETE FROM worker_keys WHERE NOT EXISTS (
                 SELECT 1 FROM workers WHERE workers.fingerprint = worker_keys.fingerprint AND unregistered IS NULL)",
            [],
        )?;
        Ok(())
    }

    /// Registers a worker.
    ///
    /// # Errors
    /// A registered worker has the same name or key, or the database fails.
    pub fn insert_worker(
        &mut self,
        worker: &WorkerServer,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database.execute(
            "INSERT INTO workers (uuid, name, fingerprint, ip, address, registered, booted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                worker.uuid.as_bytes(),
                worker.name,
                worker.fingerprint.to_string(),
                worker.ip.to_string(),
                worker.address,
                now.0,
                worker.booted,
            ],
        )?;
        Ok(())
    }

    /// Ends a registration. The row stays, so that its UUID is never used again.
    ///
    /// # Errors
    /// The database fails.
    pub fn unregister_worker(&mut self, uuid: &Uuid, now: Timestamp) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database.execute(
            "UPDATE workers SET unregistered = ?2 WHERE uuid = ?1",
            params![uuid.as_bytes(), now.0],
        )?;
        Ok(())
    }

    /// Marks a worker as booted, or admits it again.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_worker_booted(&mut self, uuid: &Uuid, booted: bool) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database.execute(
            "UPDATE workers SET booted = ?2 WHERE uuid = ?1",
            params![uuid.as_bytes(), booted],
        )?;
        Ok(())
    }

    /// Replaces key, addresses and name of a registered worker.
    ///
    /// # Errors
    /// A registered worker has the same name or key, or the database fails.
    pub fn update_worker(&mut self, worker: &WorkerServer) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database.execute(
            "UPDATE workers SET name = ?2, fingerprint = ?3, ip = ?4, address = ?5
             WHERE uuid = ?1 AND unregistered IS NULL",
            params![
                worker.uuid.as_bytes(),
                worker.name,
                worker.fingerprint.to_string(),
                worker.ip.to_string(),
                worker.address,
            ],
        )?;
        Ok(())
    }

    /// Sets the address of a worker that clients get.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_worker_address(&mut self, uuid: &Uuid, address: &str) -> Result<(), StorageError> {
        let database = &self.snapshot;
        database.execute(
            "UPDATE workers SET address = ?2 WHERE uuid = ?1",
            params![uuid.as_bytes(), address],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
