//! spec/config.md · 2.3 Global Deployment Variables
//!
//! How two configurations differ, key by key, as a reload tells it. The values are those that
//! `to_toml` writes, so a new key needs no line here.

use super::writer::TomlValues;
use std::fmt;

/// The most characters of a value that are shown.
const SHOWN_CHARS_MAX: usize = 80;

/// A key whose value differs between two configurations. No key holds a secret: secrets stand in
/// files of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// Dotted name of the key.
    pub key: String,
    /// As TOML, of at most 80 characters; `None`: the key was absent.
    pub old: Option<String>,
    /// As `old`.
    pub new: Option<String>,
}

impl ConfigChange {
    /// The new value in words.
    pub fn new_text(&self) -> &str {
        self.new.as_deref().unwrap_or("absent")
    }

    /// The old value in words.
    pub fn old_text(&self) -> &str {
        self.old.as_deref().unwrap_or("absent")
    }
}

impl fmt::Display for ConfigChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, old, new) = (&self.key, self.old_text(), self.new_text());
        write!(f, "{key} (was {old}, is {new} in the file)")
    }
}

/// A configuration whose values can be compared with those of another one.
pub trait Comparable {
    /// The values, by key.
    fn values(&self) -> ConfigValues;

    /// The keys in which `new` differs from this configuration, sorted.
    fn changes_to(&self, new: &Self) -> Vec<ConfigChange> {
        differences(&self.values(), &new.values())
    }
}

/// All values of a configuration.
pub struct ConfigValues(pub(super) TomlValues);

fn differences(old: &ConfigValues, new: &ConfigValues) -> Vec<ConfigChange> {
    let (old, new) = (old.0.all(), new.0.all());
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    let changed = keys
        .into_iter()
        .filter(|key| old.get(*key) != new.get(*key));
    changed
        .map(|key| ConfigChange {
            key: key.clone(),
            old: old.get(key).map(|value| shown(value)),
            new: new.get(key).map(|value| shown(value)),
        })
        .collect()
}

/// A value, cut where it is long, as a list of symbols may be.
fn shown(value: &str) -> String {
    if value.chars().count() <= SHOWN_CHARS_MAX {
        return value.to_owned();
    }
    let kept: String = value.chars().take(SHOWN_CHARS_MAX - 3).collect();
    format!("{kept}...")
}

#[cfg(test)]
mod tests {
    use crate::config::{Comparable, MasterConfig, WorkerConfig};
    use std::path::Path;

    fn master(more: &str) -> MasterConfig {
        let text = format!(
            "listen = \"127.0.0.1:1\"\n{more}\n[gpg]\nkey = \"{}\"\n[assets]\nsymbols = \"all\"\nprovider = \"simulated\"\n[assets.simulated]\n",
            "A".repeat(40)
        );
        MasterConfig::parse(&text, Path::new("/c/master.toml"))
            .unwrap()
            .0
    }

    #[test]
    fn what_differs_is_named_with_both_values() {
        let old = master("");
        assert_eq!(old.changes_to(&old), []);
        let new = master("currency = \"EUR\"\nexpected_workers = 3");
        let told: Vec<String> = old
            .changes_to(&new)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "currency (was \"USD\", is \"EUR\" in the file)",
                "expected_workers (was 1, is 3 in the file)"
            ]
        );
        let mut new = old.clone();
        new.fees.minimum = crate::model::Money(1);
        let changes = old.changes_to(&new);
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].key, "fees.minimum");
        let long = master(&format!("name = \"{}\"", "x".repeat(64)));
        let long = MasterConfig {
            name: long.name.repeat(4),
            ..long
        };
        let cut = old.changes_to(&long)[0].new_text().to_owned();
        assert!(cut.chars().count() == 80 && cut.ends_with("..."), "{cut}");
    }

    #[test]
    fn a_table_that_comes_is_a_change_of_each_of_its_keys() {
        let worker = |more: &str| {
            let text = format!(
                "name = \"w\"\nuuid = \"01890a5d-ac96-774b-bcce-b302099a8057\"\nadvertise = \"h:1\"\n[gpg]\nkey = \"{}\"\nmaster_key = \"{}\"\n{more}",
                "A".repeat(40),
                "B".repeat(40)
            );
            WorkerConfig::parse(&text, Path::new("/c/worker.toml"))
                .unwrap()
                .0
        };
        let old = worker("");
        let new = worker("[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n");
        let told: Vec<String> = old
            .changes_to(&new)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "tls.certificate (was absent, is \"/c/c.pem\" in the file)",
                "tls.key (was absent, is \"/c/k.pem\" in the file)"
            ]
        );
    }
}
