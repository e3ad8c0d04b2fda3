//! spec/master/storage.md · 3.1.2 Database Management, 2.3 Global Deployment Variables
//!
//! What the rows of a database depend on: the currency of its amounts, and where its prices come from.
//! A start with another currency is refused.

use super::engine::params;
use super::{Reader, Snapshot, Storage, StorageError, Tx};
use crate::config::{MasterConfig, ProviderKind};
use std::collections::BTreeMap;
use thiserror::Error;

/// The currency of all amounts.
const CURRENCY: &str = "currency";
/// The providers of prices, best first, joined by commas.
const PROVIDERS: &str = "providers";
/// Where the replay began.
const REPLAY_START: &str = "replay-start";

/// Why a database does not serve a configuration.
#[derive(Debug, Error)]
pub enum FactsError {
    #[error(
        "currency = \"{configured}\": all amounts of the database are in {stored}: set currency = \
         \"{stored}\", or name another database with [database] url for a deployment in {configured}"
    )]
    Currency { configured: String, stored: String },
    #[error("the database: {0}")]
    Storage(#[from] StorageError),
}

/// Compares a configuration with the database that it names, and stores what is new. Returns what an
/// administrator is warned of.
///
/// # Errors
/// The amounts are in another currency; nothing is stored then. Or the database fails.
pub fn compare(storage: &mut Storage, config: &MasterConfig) -> Result<Vec<String>, FactsError> {
    let stored = storage.read(|snapshot| snapshot.deployment_facts())?;
    let warnings = differences(&stored, config)?;
    let configured = facts(config);
    // Where a replay began stays, until it is another market.
    let is_same_market = stored.get(PROVIDERS) == configured.get(PROVIDERS);
    let keeps_start = is_same_market && stored.contains_key(REPLAY_START);
    storage.write(|tx| {
        configured
            .iter()
            .filter(|(name, _)| !(keeps_start && **name == REPLAY_START))
            .try_for_each(|(name, value)| tx.set_deployment_fact(name, value))
    })?;
    Ok(warnings)
}

/// As [`compare`], and writes nothing: what the next start with this configuration would say. A
/// database that is absent, of an older version, or cannot be read by this user, contradicts
/// nothing; the last is among the warnings.
///
/// # Errors
/// The amounts are in another currency, or the file is no database that this program can serve.
pub fn look(config: &MasterConfig) -> Result<Vec<String>, FactsError> {
    let file = config.database.file();
    if file.is_some_and(|file| !file.exists()) {
        return Ok(Vec::new());
    }
    // A database on a server is made empty, for its first start.
    let first = usize::from(file.is_some());
    let read =
        Reader::open_to_look(&config.database).and_then(|mut it| it.read(|s| s.deployment_facts()));
    match read {
        Ok(stored) => differences(&stored, config),
        Err(StorageError::OtherVersion(it)) if (first..it.known).contains(&it.found) => {
            Ok(Vec::new())
        }
        Err(error @ StorageError::OtherVersion(_)) => Err(error.into()),
        Err(error) => Ok(vec![format!(
            "the database could not be compared with this configuration: {error}"
        )]),
    }
}

/// What an administrator is warned of.
fn differences(
    stored: &BTreeMap<String, String>,
    config: &MasterConfig,
) -> Result<Vec<String>, FactsError> {
    let configured = facts(config);
    if let Some(currency) = stored.get(CURRENCY).filter(|it| **it != config.currency) {
        return Err(FactsError::Currency {
            configured: config.currency.clone(),
            stored: currency.clone(),
        });
    }
    let changed = |name: &str| {
        let (old, new) = (stored.get(name)?, configured.get(name)?);
        (old != new).then_some((old, new))
    };
    let mut warnings = Vec::new();
    if let Some((old, new)) = changed(PROVIDERS) {
        warnings.push(format!(
            "assets.provider is {new} now, and was {old} at the last start: bars that {old} gave stay, \
             and prices go on as {new} has them. A market of its own needs a database of its own"
        ));
    } else if let Some((old, new)) = changed(REPLAY_START) {
        warnings.push(format!(
            "assets.replay.start = {new:?} has no effect: the replay of this database began at {old}, \
             and goes on where it stood. To begin anew, name another database with [database] url"
        ));
    }
    Ok(warnings)
}

fn facts(config: &MasterConfig) -> BTreeMap<&'static str, String> {
    let providers = &config.assets.providers;
    let words: Vec<String> = providers.iter().map(ToString::to_string).collect();
    let mut facts = BTreeMap::from([
        (CURRENCY, config.currency.clone()),
        (PROVIDERS, words.join(",")),
    ]);
    let is_replay = providers.contains(&ProviderKind::Replay);
    if let Some(replay) = config.assets.replay.as_ref().filter(|_| is_replay) {
        facts.insert(REPLAY_START, replay.start.to_string());
    }
    facts
}

impl Snapshot<'_> {
    /// The facts by name.
    ///
    /// # Errors
    /// The database fails.
    pub fn deployment_facts(&mut self) -> Result<BTreeMap<String, String>, StorageError> {
        let database = &*self;
        let mut statement = database.prepare("SELECT name, value FROM deployment_facts")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }
}

impl Storage {
    /// Stores facts in one commit.
    ///
    /// # Errors
    /// The database fails.
    pub fn store_deployment_facts(&mut self, facts: &[(&str, String)]) -> Result<(), StorageError> {
        self.write(|tx| {
            let mut facts = facts.iter();
            facts.try_for_each(|(name, value)| tx.set_deployment_fact(name, value))
        })
    }
}

impl Tx<'_> {
    /// Stores a fact in the place of the one of the same name.
    ///
    /// # Errors
    /// The database fails.
    pub fn set_deployment_fact(&mut self, name: &str, value: &str) -> Result<(), StorageError> {
        let database = &self.snapshot;
        let sql = "INSERT INTO deployment_facts (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        database.execute(sql, params![name, value])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master::storage::testing::Engine;
    use std::path::Path;

    fn config(more: &str, assets: &str) -> MasterConfig {
        let text = format!(
            "{more}\n[gpg]\nkey = \"{}\"\n[assets]\nsymbols = \"all\"\n{assets}",
            "A".repeat(40)
        );
        MasterConfig::parse(&text, Path::new("/c/master.toml"))
            .unwrap()
            .0
    }

    #[test]
    fn another_currency_is_refused_and_another_market_is_warned_of() {
        let engine = Engine::sqlite();
        let mut storage = engine.storage();
        let replay = |start: &str| {
            format!(
                "provider = \"replay\"\n[assets.replay]\ndirectory = \"m\"\nstart = \"{start}\"\n"
            )
        };
        let simulated = "provider = \"simulated\"\n[assets.simulated]\nsymbols = 3\n";
        let none: &[String] = &[];
        let first = config("", &replay("2012-01-03"));
        assert_eq!(compare(&mut storage, &first).unwrap(), none);
        assert_eq!(compare(&mut storage, &first).unwrap(), none);

        let error = compare(&mut storage, &config("currency = \"EUR\"", simulated)).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("are in USD") && text.contains("currency = \"USD\""),
            "{text}"
        );
        // At each start, as long as it has no effect.
        for _ in 0..2 {
            let warnings = compare(&mut storage, &config("", &replay("2013-01-03"))).unwrap();
            assert!(
                warnings.len() == 1 && warnings[0].contains("began at 2012-01-03"),
                "{warnings:?}"
            );
        }
        // Once: it has its effect.
        let other = config("", simulated);
        let warnings = compare(&mut storage, &other).unwrap();
        assert!(
            warnings.len() == 1 && warnings[0].contains("simulated now, and was replay"),
            "{warnings:?}"
        );
        assert_eq!(compare(&mut storage, &other).unwrap(), none);
    }
}
