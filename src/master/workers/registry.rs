//! spec/master/workers/registry.md · 3.1.5 ("ONLY allow worker servers that are registered"), 4.1
//!
//! The list of registered workers: by name for administrators, by UUID for the handshake.

use crate::master::database;
use crate::model::{Fingerprint, Timestamp, WorkerServer};
use crate::wire::argument;
use rusqlite::{Connection, Row, params};
use std::net::IpAddr;
use uuid::Uuid;

/// The longest name of a worker, in characters.
pub const NAME_MAX: usize = 64;

/// What an administrator gives to register a worker.
#[derive(Debug, Clone)]
pub struct Registration {
    /// What it will be called.
    pub name: String,
    /// Of its GPG key.
    pub fingerprint: Fingerprint,
    /// The one address it may connect from.
    pub ip: IpAddr,
    /// `host:port` that clients are told.
    pub address: String,
}

/// Everyone who is registered.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    workers: Vec<WorkerServer>,
}

impl Registry {
    /// As the database has it.
    ///
    /// # Errors
    /// The database fails.
    pub fn load(database: &Connection) -> rusqlite::Result<Registry> {
        let mut statement = database.prepare(
            "SELECT name, uuid, fingerprint, ip, address, booted FROM workers
             WHERE unregistered IS NULL ORDER BY name",
        )?;
        let read = |row: &Row<'_>| -> rusqlite::Result<WorkerServer> {
            Ok(WorkerServer {
                name: row.get(0)?,
                uuid: Uuid::from_bytes(row.get(1)?),
                fingerprint: Fingerprint::parse(row.get_ref(2)?.as_str()?)
                    .map_err(|_| rusqlite::Error::InvalidQuery)?,
                ip: row
                    .get::<_, String>(3)?
                    .parse()
                    .map_err(|_| rusqlite::Error::InvalidQuery)?,
                address: row.get(4)?,
                booted: row.get(5)?,
            })
        };
        let workers = statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
        Ok(Registry { workers })
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &WorkerServer> {
        self.workers.iter()
    }

    /// One by its name.
    pub fn by_name(&self, name: &str) -> Option<&WorkerServer> {
        self.workers.iter().find(|worker| worker.name == name)
    }

    /// One by its UUID.
    pub fn by_uuid(&self, uuid: &Uuid) -> Option<&WorkerServer> {
        self.workers.iter().find(|worker| worker.uuid == *uuid)
    }

    /// One by its UUID, if it is not kept out.
    pub fn admitted(&self, uuid: &Uuid) -> Option<&WorkerServer> {
        self.by_uuid(uuid).filter(|worker| !worker.booted)
    }
}

/// Registers a worker under a new UUID.
///
/// # Errors
/// What is wrong with it, or which other worker has its name or key.
pub fn register(database: &mut Connection, new: &Registration) -> Result<WorkerServer, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if new.name.is_empty() || new.name.len() > NAME_MAX || !new.name.chars().all(good) {
        return Err(format!(
            "{:?}: a worker's name is 1 to {NAME_MAX} of A-Z a-z 0-9 . _ -",
            new.name
        ));
    }
    if !argument::is_address(&new.address) {
        return Err(format!("{}: an address is HOST:PORT", new.address));
    }
    let failed = |e: rusqlite::Error| format!("the database failed: {e}");
    let registry = Registry::load(database).map_err(failed)?;
    if registry.by_name(&new.name).is_some() {
        return Err(format!("a worker is registered as {} already", new.name));
    }
    if let Some(other) = registry
        .all()
        .find(|worker| worker.fingerprint == new.fingerprint)
    {
        return Err(format!("worker {} has this key already", other.name));
    }
    let worker = WorkerServer {
        name: new.name.clone(),
        uuid: Uuid::new_v4(),
        fingerprint: new.fingerprint,
        ip: new.ip.to_canonical(),
        address: new.address.clone(),
        booted: false,
    };
    let store = |database: &mut Connection| -> rusqlite::Result<()> {
        let transaction = database::begin(database)?;
        transaction.execute(
            "INSERT INTO workers (uuid, name, fingerprint, ip, address, registered)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                worker.uuid.as_bytes(),
                worker.name,
                worker.fingerprint.to_string(),
                worker.ip.to_string(),
                worker.address,
                Timestamp::now().0
            ],
        )?;
        database::commit(transaction)
    };
    store(database).map_err(failed)?;
    Ok(worker)
}

/// Ends a registration. Its row stays, so that its UUID is never given out again.
///
/// # Errors
/// The database fails.
pub fn unregister(database: &mut Connection, worker: &WorkerServer) -> Result<(), String> {
    write(
        database,
        "UPDATE workers SET unregistered = ?2 WHERE uuid = ?1",
        worker,
        Timestamp::now().0,
    )
}

/// Keeps a worker out, or lets it in again.
///
/// # Errors
/// The database fails.
pub fn set_booted(database: &mut Connection, worker: &WorkerServer, booted: bool) -> Result<(), String> {
    write(
        database,
        "UPDATE workers SET booted = ?2 WHERE uuid = ?1",
        worker,
        i64::from(booted),
    )
}

/// Sets the address that clients are told of a worker.
///
/// # Errors
/// The database fails.
pub fn set_address(database: &mut Connection, uuid: &Uuid, address: &str) -> Result<(), String> {
    let store = |database: &mut Connection| -> rusqlite::Result<()> {
        let transaction = database::begin(database)?;
        transaction.execute(
            "UPDATE workers SET address = ?2 WHERE uuid = ?1",
            params![uuid.as_bytes(), address],
        )?;
        database::commit(transaction)
    };
    store(database).map_err(|e| format!("the database failed: {e}"))
}

fn write(database: &mut Connection, sql: &str, worker: &WorkerServer, value: i64) -> Result<(), String> {
    let store = |database: &mut Connection| -> rusqlite::Result<()> {
        let transaction = database::begin(database)?;
        transaction.execute(sql, params![worker.uuid.as_bytes(), value])?;
        database::commit(transaction)
    };
    store(database).map_err(|e| format!("the database failed: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(name: &str, digit: char) -> Registration {
        Registration {
            name: name.into(),
            fingerprint: Fingerprint::parse(&digit.to_string().repeat(40)).unwrap(),
            ip: IpAddr::from([127, 0, 0, 1]),
            address: "127.0.0.1:2049".into(),
        }
    }

    #[test]
    fn names_and_keys_come_free_again_and_uuids_never_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.db");
        database::migrate(&path).unwrap();
        let mut connection = database::open(&path).unwrap();
        let first = register(&mut connection, &registration("eu1", 'A')).unwrap();
        assert!(
            register(&mut connection, &registration("eu1", 'B'))
                .unwrap_err()
                .contains("already")
        );
        assert!(
            register(&mut connection, &registration("eu2", 'A'))
                .unwrap_err()
                .contains("eu1")
        );
        assert!(register(&mut connection, &registration("e u", 'B')).is_err());
        set_booted(&mut connection, &first, true).unwrap();
        assert!(
            Registry::load(&connection)
                .unwrap()
                .admitted(&first.uuid)
                .is_none()
        );
        unregister(&mut connection, &first).unwrap();
        let second = register(&mut connection, &registration("eu1", 'A')).unwrap();
        assert_ne!(first.uuid, second.uuid);
        let registry = Registry::load(&connection).unwrap();
        assert!(registry.by_uuid(&first.uuid).is_none());
        assert_eq!(registry.admitted(&second.uuid), Some(&second));
    }
}
