//! spec/link/keyring.md · 3.1.5 Worker Management
//!
//! GPG homes for tests. Each process generates its keys once and copies their homes, because
//! generating a key is slow.

use super::Keyring;
use crate::model::Fingerprint;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

/// A temporary home. Dropping it stops its agent and deletes it.
pub(crate) struct TempHome {
    pub(crate) keyring: Keyring,
    _folder: TempDir,
}

impl TempHome {
    /// An empty home.
    pub(crate) fn new() -> TempHome {
        let folder = tempfile::Builder::new().prefix("pt").tempdir().unwrap();
        let keyring = Keyring::create(&folder.path().join("g")).unwrap();
        TempHome {
            keyring,
            _folder: folder,
        }
    }

    fn files(&self) -> Arc<Files> {
        let mut files = Vec::new();
        read(self.keyring.home(), Path::new(""), &mut files);
        Arc::new(files)
    }

    fn write(&self, files: &Files) {
        for (name, bytes) in files {
            let path = self.keyring.home().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// Runs `gpg` in this home and gives it `input`.
    pub(crate) fn gpg(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut command = Command::new("gpg");
        command
            .arg("--homedir")
            .arg(self.keyring.home())
            .args(["--batch", "--no-tty", "--quiet"])
            .args(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    /// Sets the clock of `gpg` in this home to a time such as `20300101T000000`.
    pub(crate) fn set_clock(&self, time: &str) {
        let conf = self.keyring.home().join("gpg.conf");
        let text = fs::read_to_string(&conf).unwrap();
        fs::write(conf, format!("{text}faked-system-time {time}\n")).unwrap();
    }
}

impl Drop for TempHome {
    fn drop(&mut self) {
        let _ = self.keyring.stop();
    }
}

/// Reads the files of a folder. Sockets and lock files are left out.
fn read(folder: &Path, under: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (kind, name) = (entry.file_type().unwrap(), under.join(entry.file_name()));
        if kind.is_dir() {
            read(&entry.path(), &name, files);
        } else if kind.is_file() && name.extension().is_none_or(|e| e != "lock") {
            files.push((name, fs::read(entry.path()).unwrap()));
        }
    }
}

/// Paths in a home, with contents.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// One party: its key, and its home in memory, so that tests leave no folder behind.
pub(crate) struct Party {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) public: Vec<u8>,
    /// Files of the home, by the other keys that are imported.
    homes: Mutex<HashMap<Vec<Fingerprint>, Arc<Files>>>,
}

impl Party {
    fn new(name: &str) -> Party {
        let home = TempHome::new();
        let fingerprint = home.keyring.generate(name).unwrap();
        let public = home.keyring.export(fingerprint).unwrap();
        Party {
            fingerprint,
            public,
            homes: Mutex::new(HashMap::from([(Vec::new(), home.files())])),
        }
    }

    /// A home of this party that has the keys of `others`.
    pub(crate) fn home(&self, others: &[&Party]) -> TempHome {
        let home = TempHome::new();
        let names: Vec<Fingerprint> = others.iter().map(|other| other.fingerprint).collect();
        let mut homes = self.homes.lock();
        if let Some(files) = homes.get(&names) {
            home.write(files);
            return home;
        }
        home.write(&homes[&Vec::new()]);
        for other in others {
            home.keyring.import(&other.public).unwrap();
        }
        homes.insert(names, home.files());
        home
    }
}

/// The parties of all tests.
pub(crate) struct Parties {
    pub(crate) master: Party,
    pub(crate) worker: Party,
    pub(crate) stranger: Party,
}

/// The parties. Their keys are generated at the first call.
pub(crate) fn parties() -> &'static Parties {
    static PARTIES: OnceLock<Parties> = OnceLock::new();
    PARTIES.get_or_init(|| Parties {
        master: Party::new("master"),
        worker: Party::new("worker"),
        stranger: Party::new("stranger"),
    })
}
