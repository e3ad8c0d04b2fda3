//! spec/master/standby.md · 2.3 Global Deployment Variables
//!
//! What two masters of one database must have alike: the GPG key, the secrets, the market's files. The
//! one that leads stores fingerprints of its own, and one that stands by is compared with them.

use crate::config::{MasterConfig, ProviderKind};
use crate::daemon::StartError;
use crate::master::storage::files::read_file;
use crate::master::storage::{LeaseHolder, Reader, Storage, StorageError};
use crate::runtime::ThreadGroup;
use crate::runtime::log::Throttle;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The fingerprint of the master's key.
const KEY: &str = "master-key";
/// A digest of the names, sizes and ends of the market's files.
const MARKET: &str = "market-files";
/// A slow hash of what stands in files of secrets, which nobody finds them out from.
const SECRETS: &str = "secrets";

/// How often the master that leads looks at its files.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);
/// Bytes at the end of each file of the market that count, beside its size: files grow there.
const END_BYTES: u64 = 4_096;
/// Largest file of a secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// The cost of the hash of secrets, as bcrypt's.
const SECRETS_COST: u32 = 10;

/// Looks at them again every minute, as long as the group runs: files may be changed, or grow, on both
/// machines while this master leads.
///
/// # Errors
/// The system has no thread left.
pub(in crate::master) fn keep_stored(
    config: &MasterConfig,
    group: &mut ThreadGroup,
) -> std::io::Result<()> {
    if config.database.file().is_some() {
        return Ok(());
    }
    let (config, failures) = (config.clone(), Throttle::new(1, Duration::from_secs(3600)));
    group.unwatched("fingerprints", move |stop| {
        while !stop.wait(LOOK_INTERVAL) {
            if let Err(error) = store(&config)
                && let Some(more) = failures.allow("fingerprints")
            {
                crate::warn!(
                    "what both masters must have alike could not be stored{more}: {error}"
                );
            }
        }
    })
}

/// Stores the fingerprints of this master, which leads.
///
/// # Errors
/// A file cannot be read, or the database fails.
pub(in crate::master) fn store(config: &MasterConfig) -> Result<(), StartError> {
    if config.database.file().is_some() {
        return Ok(());
    }
    let stored = Reader::open(&config.database)?.read(|snapshot| snapshot.deployment_facts())?;
    let secrets = secrets(config).map_err(StartError::failed)?;
    let is_known = stored
        .get(SECRETS)
        .is_some_and(|hash| bcrypt::verify(&secrets, hash).unwrap_or(false));
    let mut facts = vec![
        (KEY, config.gpg.key.to_string()),
        (MARKET, market(config).map_err(StartError::failed)?),
    ];
    if !is_known {
        let hash = bcrypt::hash(&secrets, SECRETS_COST).map_err(StartError::failed)?;
        facts.push((SECRETS, hash));
    }
    facts.retain(|(name, value)| stored.get(*name) != Some(value));
    if facts.is_empty() {
        return Ok(());
    }
    for (name, _) in facts.iter().filter(|(name, _)| stored.contains_key(*name)) {
        crate::warn!(
            "{name} of this master, which leads, is not what it was: a master that stands by must have the same"
        );
    }
    Storage::open(&config.database)?.store_deployment_facts(&facts)?;
    Ok(())
}

/// Compares this master, which is to stand by, with the one that leads.
///
/// # Errors
/// They differ: the text says where. Or a file cannot be read.
pub(in crate::master) fn compare(
    config: &MasterConfig,
    leader: &LeaseHolder,
) -> Result<(), StartError> {
    let found = differing(&stored(config)?, config).map_err(StartError::failed)?;
    // Files are changed on two machines one after the other, and the leader looks at its own every
    // minute: a next start may find them alike. A key is not changed so.
    let is_passing = found.key.is_none();
    let texts = found.texts();
    if texts.is_empty() {
        return Ok(());
    }
    let name = &leader.name;
    let text = format!(
        "this master cannot stand by for the one at {name}: {}. Copy them from there",
        texts.join("; ")
    );
    Err(StartError::passing_or_not(is_passing, text))
}

/// What `--check-config` warns of.
///
/// # Errors
/// A file cannot be read.
pub(in crate::master) fn check(config: &MasterConfig) -> Result<Vec<String>, StartError> {
    // A database that has nothing yet, or is not reached, is said elsewhere.
    let stored = stored(config).unwrap_or_default();
    let found = differing(&stored, config).map_err(StartError::failed)?;
    let text =
        |found: String| format!("{found}; of two masters with one database they must be alike");
    Ok(found.texts().into_iter().map(text).collect())
}

/// What the master that led last has stored. Each version of the database has that: one that is newer
/// than the leader must be as the leader, too.
fn stored(config: &MasterConfig) -> Result<BTreeMap<String, String>, StorageError> {
    if config.database.file().is_some() {
        return Ok(BTreeMap::new());
    }
    Reader::open(&config.database)?.read(|snapshot| snapshot.deployment_facts())
}

/// In what a master differs from another one, for people.
#[derive(Debug, Default)]
struct Differences {
    key: Option<String>,
    files: Vec<String>,
}

impl Differences {
    fn texts(self) -> Vec<String> {
        self.key.into_iter().chain(self.files).collect()
    }
}

fn differing(
    stored: &BTreeMap<String, String>,
    config: &MasterConfig,
) -> Result<Differences, String> {
    let mut found = Differences::default();
    if let Some(key) = stored
        .get(KEY)
        .filter(|it| **it != config.gpg.key.to_string())
    {
        found.key = Some(format!(
            "gpg.key is {}, and the other master's is {key}",
            config.gpg.key
        ));
    }
    if let Some(hash) = stored.get(SECRETS)
        && !bcrypt::verify(secrets(config)?, hash).unwrap_or(false)
    {
        found.files.push(
            "the files of secrets (mail.credentials, third_party.client_secret_file, assets.alpaca.credentials) \
             differ from the other master's"
                .to_owned(),
        );
    }
    let files = stored.get(MARKET).filter(|it| !it.is_empty());
    if let Some(files) = files
        && *files != market(config)?
    {
        let folder = market_folder(config).map_or_else(String::new, |it| it.display().to_string());
        found.files.push(format!(
            "the market's files in {folder:?} (assets.replay.directory) differ from the other master's"
        ));
    }
    Ok(found)
}

fn market_folder(config: &MasterConfig) -> Option<&Path> {
    let is_replay = config.assets.providers.contains(&ProviderKind::Replay);
    let replay = config.assets.replay.as_ref().filter(|_| is_replay)?;
    Some(&replay.directory)
}

/// A digest of the files in the market's folder; empty where there is none.
fn market(config: &MasterConfig) -> Result<String, String> {
    let Some(folder) = market_folder(config) else {
        return Ok(String::new());
    };
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error: std::io::Error| format!("{path}: {error}")
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for path in files {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        hash.update(name.len().to_be_bytes());
        hash.update(name);
        hash_end(&path, &mut hash).map_err(at(&path))?;
    }
    Ok(hex::encode(hash.finalize()))
}

fn hash_end(path: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    hash.update(size.to_be_bytes());
    file.seek(SeekFrom::Start(size.saturating_sub(END_BYTES)))?;
    let mut end = Vec::new();
    file.take(END_BYTES).read_to_end(&mut end)?;
    hash.update(&end);
    Ok(())
}

/// A digest of all secrets, in base 16.
fn secrets(config: &MasterConfig) -> Result<String, String> {
    let mut files: Vec<(&str, &PathBuf)> = Vec::new();
    let mail = config.mail.as_ref().and_then(|it| it.credentials.as_ref());
    files.extend(mail.map(|file| ("mail", file)));
    for provider in &config.third_parties {
        let file = provider.client_secret_file.as_ref();
        files.extend(file.map(|file| (provider.name.as_str(), file)));
    }
    let is_alpaca = config.assets.providers.contains(&ProviderKind::Alpaca);
    let alpaca = config.assets.alpaca.as_ref().filter(|_| is_alpaca);
    files.extend(alpaca.map(|it| ("alpaca", &it.credentials)));
    files.sort();
    let mut hash = Sha256::new();
    for (of, file) in files {
        let secret = read_file(file, SECRET_BYTES_MAX)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        for part in [of.as_bytes(), secret.trim_ascii_end()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
    }
    Ok(hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path, key: char) -> MasterConfig {
        let text = format!(
            "[gpg]\nkey = \"{}\"\n[database]\nurl = \"postgres://pt@127.0.0.1:1/pt\"\n[mail]\nurl = \"smtps://m.example.org\"\n\
             from = \"a@example.org\"\ncredentials = \"{folder}/mail.key\"\n[assets]\nsymbols = \"all\"\nprovider = \"replay\"\n\
             [assets.replay]\ndirectory = \"{folder}/market\"\nstart = \"2012-01-03\"\n",
            key.to_string().repeat(40),
            folder = folder.display(),
        );
        MasterConfig::parse(&text, &folder.join("master.toml"))
            .unwrap()
            .0
    }

    #[test]
    fn what_differs_is_named_and_what_is_alike_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        fs::create_dir(here.join("market")).unwrap();
        fs::write(here.join("market/A.csv"), "1\n").unwrap();
        fs::write(here.join("mail.key"), "ada\nsecret\n").unwrap();
        let first = config(here, 'A');
        let stored = BTreeMap::from([
            (KEY.to_owned(), first.gpg.key.to_string()),
            (MARKET.to_owned(), market(&first).unwrap()),
            (
                SECRETS.to_owned(),
                bcrypt::hash(secrets(&first).unwrap(), 4).unwrap(),
            ),
        ]);
        let differing = |config: &MasterConfig| super::differing(&stored, config).unwrap();
        assert_eq!(differing(&first).texts(), [""; 0]);
        let other = differing(&config(here, 'B'));
        assert!(other.key.is_some() && other.files.is_empty());
        let found = other.texts();
        assert!(
            found.len() == 1 && found[0].starts_with("gpg.key is BBBB"),
            "{found:?}"
        );
        fs::write(here.join("market/A.csv"), "2\n").unwrap();
        fs::write(here.join("mail.key"), "ada\nother\n").unwrap();
        let other = differing(&first);
        assert!(other.key.is_none(), "a next start may find them alike");
        let found = other.texts().join("; ");
        assert!(
            found.contains("mail.credentials") && found.contains("assets.replay.directory"),
            "{found}"
        );
        assert!(!found.contains("secret\n"), "{found}");
    }
}
