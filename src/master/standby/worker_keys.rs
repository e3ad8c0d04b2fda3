//! spec/master/standby.md · 3.1.5 ("ONLY allow worker servers that are registered")
//!
//! The public keys of workers. Each master has a keyring of its own, and a worker is registered at the
//! master that leads: the key goes over the database to the one that stands by.
//!
//! Tests: `tests/suite/master/standby.rs`.

use crate::config::DatabaseUrl;
use crate::link::keyring::Keyring;
use crate::master::storage::{Reader, Storage, StorageError};
use crate::master::workers::registry::Registry;
use crate::model::Fingerprint;
use std::collections::BTreeMap;

/// What of the kept keys was compared with a keyring.
#[derive(Debug)]
pub(in crate::master) struct SharedKeys {
    keyring: Keyring,
    /// Each key's digest at that time.
    compared: BTreeMap<Fingerprint, String>,
}

impl SharedKeys {
    /// Nothing compared yet.
    pub fn new(keyring: Keyring) -> SharedKeys {
        SharedKeys {
            keyring,
            compared: BTreeMap::new(),
        }
    }

    /// Takes into the keyring what is kept in the database and is another key here, or none.
    ///
    /// # Errors
    /// The database fails. A key that GPG refuses is told in the log, once.
    pub fn take(&mut self, reader: &mut Reader) -> Result<(), StorageError> {
        let kept = reader.read(|snapshot| snapshot.worker_key_digests())?;
        for (fingerprint, digest) in kept {
            if self.compared.get(&fingerprint) == Some(&digest) {
                continue;
            }
            let key = reader.read(|snapshot| snapshot.worker_key(&fingerprint))?;
            if let Some(key) = key {
                self.import(fingerprint, &key);
            }
            self.compared.insert(fingerprint, digest);
        }
        Ok(())
    }

    fn import(&self, fingerprint: Fingerprint, key: &[u8]) {
        if self.keyring.export(fingerprint).is_ok_and(|own| own == key) {
            return;
        }
        let why = match self.keyring.import(key) {
            Ok(imported) if imported == fingerprint => {
                crate::info!("the key {fingerprint} of a worker was taken from the database");
                return;
            }
            Ok(other) => format!("it is the key {other}"),
            Err(error) => error.to_string(),
        };
        crate::warn!(
            "the key {fingerprint} of a worker, in the database, is not taken into the keyring, and this \
             master refuses the worker: {why}"
        );
    }
}

/// Keeps the keys of this master's registered workers for the other one, and takes those that the
/// other one has kept. For a master that leads; does nothing where the database is a file.
///
/// # Errors
/// The database fails.
pub(in crate::master) fn share(
    database: &DatabaseUrl,
    keyring: &Keyring,
) -> Result<(), StorageError> {
    if database.file().is_some() {
        return Ok(());
    }
    let mut storage = Storage::open(database)?;
    let registry = Registry::load(&mut storage)?;
    let kept = storage.read(|snapshot| snapshot.worker_key_digests())?;
    let is_kept = |key: Fingerprint| kept.iter().any(|(fingerprint, _)| *fingerprint == key);
    let missing: Vec<(Fingerprint, Vec<u8>)> = registry
        .all()
        .filter(|worker| !is_kept(worker.fingerprint))
        // A key that is not here either is told when its worker links.
        .filter_map(|worker| {
            let key = keyring.export(worker.fingerprint).ok()?;
            Some((worker.fingerprint, key))
        })
        .collect();
    storage.keep_worker_keys(&missing)?;
    SharedKeys::new(keyring.clone()).take(&mut Reader::open(database)?)
}
