//! spec/master/workers.md · 3.1.5 ("ONLY allow worker servers that are registered"), 4.1, 2.4.6
//!
//! The list of registered workers, found by name (administrators) and by UUID (handshakes).

use crate::master::storage::{Reader, Storage, StorageError};
use crate::model::{Fingerprint, Timestamp, WorkerServer};
use crate::wire::argument;
use std::net::IpAddr;
use uuid::Uuid;

/// Most characters of a worker's name.
pub const NAME_MAX: usize = 64;

/// The data of a new worker, from the administrator.
#[derive(Debug, Clone)]
pub struct Registration {
    pub name: String,
    /// The fingerprint of its GPG key.
    pub fingerprint: Fingerprint,
    /// The only address that it may connect from.
    pub ip: IpAddr,
    /// `host:port` for clients.
    pub address: String,
}

/// What an administrator changes of a registration; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct RegistrationChange {
    /// The fingerprint of its GPG key.
    pub fingerprint: Option<Fingerprint>,
    /// The only address that it may connect from.
    pub ip: Option<IpAddr>,
    /// `host:port` for clients.
    pub address: Option<String>,
}

/// All registered workers.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    workers: Vec<WorkerServer>,
}

impl Registry {
    /// Reads the registrations.
    ///
    /// # Errors
    /// The database fails.
    pub fn load(storage: &mut Storage) -> Result<Registry, StorageError> {
        let workers = storage.read(|snapshot| snapshot.workers())?;
        Ok(Registry { workers })
    }

    /// Reads the registrations through a reader.
    ///
    /// # Errors
    /// The database fails.
    pub fn read(reader: &mut Reader) -> Result<Registry, StorageError> {
        let workers = reader.read(|snapshot| snapshot.workers())?;
        Ok(Registry { workers })
    }

    /// All registered workers, by name.
    pub fn all(&self) -> impl Iterator<Item = &WorkerServer> {
        self.workers.iter()
    }

    /// The worker of this name.
    pub fn by_name(&self, name: &str) -> Option<&WorkerServer> {
        self.workers.iter().find(|worker| worker.name == name)
    }

    /// The worker with this UUID.
    pub fn by_uuid(&self, uuid: &Uuid) -> Option<&WorkerServer> {
        self.workers.iter().find(|worker| worker.uuid == *uuid)
    }

    /// The worker with this UUID, unless it is booted.
    pub fn admitted(&self, uuid: &Uuid) -> Option<&WorkerServer> {
        self.by_uuid(uuid).filter(|worker| !worker.booted)
    }
}

/// Registers a worker under a new UUID.
///
/// # Errors
/// The name or address is invalid, another worker has the name or key, or the database fails.
pub fn register(storage: &mut Storage, new: &Registration) -> Result<WorkerServer, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if new.name.is_empty() || new.name.len() > NAME_MAX || !new.name.chars().all(good) {
        return Err(format!(
            "{:?}: a worker's name is 1 to {NAME_MAX} of A-Z a-z 0-9 . _ -",
            new.name
        ));
    }
    check_address(&new.address)?;
    let registry = Registry::load(storage).map_err(|error| failed(&error))?;
    if registry.by_name(&new.name).is_some() {
        return Err(format!("a worker is registered as {} already", new.name));
    }
    check_key(&registry, new.fingerprint, None)?;
    let worker = WorkerServer {
        name: new.name.clone(),
        uuid: Uuid::new_v4(),
        fingerprint: new.fingerprint,
        ip: new.ip.to_canonical(),
        address: new.address.clone(),
        booted: false,
    };
    storage
        .write(|tx| tx.insert_worker(&worker, Timestamp::now()))
        .map_err(|error| failed(&error))?;
    Ok(worker)
}

/// Changes a registration, in one commit. Returns it as it is then.
///
/// # Errors
/// The address is invalid, another worker has the key, or the database fails.
pub fn set(
    storage: &mut Storage,
    worker: &WorkerServer,
    change: &RegistrationChange,
) -> Result<WorkerServer, String> {
    let mut changed = worker.clone();
    if let Some(address) = &change.address {
        check_address(address)?;
        changed.address.clone_from(address);
    }
    if let Some(fingerprint) = change.fingerprint {
        let registry = Registry::load(storage).map_err(|error| failed(&error))?;
        check_key(&registry, fingerprint, Some(worker.uuid))?;
        changed.fingerprint = fingerprint;
    }
    if let Some(ip) = change.ip {
        changed.ip = ip.to_canonical();
    }
    storage
        .write(|tx| tx.update_worker(&changed))
        .map_err(|error| failed(&error))?;
    Ok(changed)
}

fn check_address(address: &str) -> Result<(), String> {
    if argument::is_address(address) {
        Ok(())
    } else {
        Err(format!("{address}: an address is HOST:PORT"))
    }
}

/// Refuses a key that a worker other than `own` is registered with.
fn check_key(registry: &Registry, key: Fingerprint, own: Option<Uuid>) -> Result<(), String> {
    let has_key = |worker: &&WorkerServer| worker.fingerprint == key && Some(worker.uuid) != own;
    match registry.all().find(has_key) {
        Some(other) => Err(format!("worker {} has this key already", other.name)),
        None => Ok(()),
    }
}

/// Ends a registration. The row stays, so that its UUID is never given again.
///
/// # Errors
/// The database fails.
pub fn unregister(storage: &mut Storage, worker: &WorkerServer) -> Result<(), String> {
    storage
        .write(|tx| tx.unregister_worker(&worker.uuid, Timestamp::now()))
        .map_err(|error| failed(&error))
}

/// Boots a worker, or admits it again.
///
/// # Errors
/// The database fails.
pub fn set_booted(
    storage: &mut Storage,
    worker: &WorkerServer,
    booted: bool,
) -> Result<(), String> {
    storage
        .write(|tx| tx.set_worker_booted(&worker.uuid, booted))
        .map_err(|error| failed(&error))
}

/// Changes a worker's `host:port` for clients.
///
/// # Errors
/// The database fails.
pub fn set_address(storage: &mut Storage, uuid: &Uuid, address: &str) -> Result<(), String> {
    storage
        .write(|tx| tx.set_worker_address(uuid, address))
        .map_err(|error| failed(&error))
}

fn failed(error: &StorageError) -> String {
    format!("the database failed: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::testing::Engine;

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
        let engine = Engine::chosen();
        let mut storage = engine.storage();
        let first = register(&mut storage, &registration("eu1", 'A')).unwrap();
        assert!(
            register(&mut storage, &registration("eu1", 'B'))
                .unwrap_err()
                .contains("already")
        );
        assert!(
            register(&mut storage, &registration("eu2", 'A'))
                .unwrap_err()
                .contains("eu1")
        );
        assert!(register(&mut storage, &registration("e u", 'B')).is_err());
        set_booted(&mut storage, &first, true).unwrap();
        assert!(
            Registry::load(&mut storage)
                .unwrap()
                .admitted(&first.uuid)
                .is_none()
        );
        unregister(&mut storage, &first).unwrap();
        let second = register(&mut storage, &registration("eu1", 'A')).unwrap();
        let change = RegistrationChange {
            fingerprint: Some(registration("", 'C').fingerprint),
            ip: Some("::ffff:192.0.2.7".parse().unwrap()),
            address: None,
        };
        let third = register(&mut storage, &registration("eu2", 'B')).unwrap();
        let taken = RegistrationChange {
            fingerprint: Some(third.fingerprint),
            ..change.clone()
        };
        assert!(
            set(&mut storage, &second, &taken)
                .unwrap_err()
                .contains("eu2")
        );
        let wrong = RegistrationChange {
            address: Some("nowhere".into()),
            ..change.clone()
        };
        assert!(
            set(&mut storage, &second, &wrong)
                .unwrap_err()
                .contains("HOST:PORT")
        );
        let second = set(&mut storage, &second, &change).unwrap();
        assert_eq!(second.ip.to_string(), "192.0.2.7");
        assert_eq!(second.address, "127.0.0.1:2049");
        assert_ne!(first.uuid, second.uuid);
        let registry = Registry::load(&mut storage).unwrap();
        assert!(registry.by_uuid(&first.uuid).is_none());
        assert_eq!(registry.admitted(&second.uuid), Some(&second));
    }
}
