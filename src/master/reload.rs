//! spec/master.md · 3.1.1 Main Module, 2.3 Global Deployment Variables
//!
//! SIGHUP: opens the log file again and reads the configuration again. Applies the keys that can
//! change while the master runs, and names the others in the log.

use super::messages::{AuthMessage, MasterChannels, TransactionsMessage};
use crate::config::{MasterConfig, MasterLimits};
use crate::runtime::log::LogHandle;
use std::path::Path;
use std::time::Duration;

/// A module must accept its new limits within this time.
const MODULE_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the configuration again and applies it to `current`. An invalid configuration is logged,
/// and nothing changes.
pub fn reload(file: &Path, current: &mut MasterConfig, log: &LogHandle, inboxes: &MasterChannels) {
    if let Err(error) = log.reopen() {
        crate::error!("the log file could not be opened again: {error}");
    }
    let new = match MasterConfig::load(file) {
        Ok((new, warnings)) => {
            for warning in warnings {
                crate::warn!("{}: {warning}", file.display());
            }
            new
        }
        Err(error) => {
            crate::error!("the configuration stays as it was: {error}");
            return;
        }
    };
    let fixed = needing_restart(current, &new);
    if !fixed.is_empty() {
        crate::warn!(
            "a restart is needed before these take effect: {}",
            fixed.join(", ")
        );
    }
    if new.log.level != current.log.level {
        log.set_level(new.log.level);
        current.log.level = new.log.level;
        crate::info!("log.level is {} now", new.log.level);
    }
    let limits = MasterLimits {
        max_connections: current.limits.max_connections,
        frame_timeout: current.limits.frame_timeout,
        ..new.limits
    };
    if limits != current.limits {
        let accepted = inboxes
            .auth
            .send_timeout(AuthMessage::Limits(limits.clone()), MODULE_TIMEOUT)
            .is_ok()
            && inboxes
                .transactions
                .send_timeout(TransactionsMessage::Limits(limits.clone()), MODULE_TIMEOUT)
                .is_ok();
        if accepted {
            crate::info!("the limits are as configured now");
            current.limits = limits;
        } else {
            crate::error!("a module did not take the new limits; send SIGHUP again");
        }
    }
}

/// The changed keys that a running master cannot apply.
fn needing_restart(old: &MasterConfig, new: &MasterConfig) -> Vec<&'static str> {
    [
        ("name", old.name != new.name),
        ("listen", old.listen != new.listen),
        ("data_dir", old.data_dir != new.data_dir),
        ("control_socket", old.control_socket != new.control_socket),
        ("control_group", old.control_group != new.control_group),
        ("currency", old.currency != new.currency),
        (
            "update_interval",
            old.update_interval != new.update_interval,
        ),
        ("starting_cash", old.starting_cash != new.starting_cash),
        (
            "session_lifetime",
            old.session_lifetime != new.session_lifetime,
        ),
        (
            "expected_workers",
            old.expected_workers != new.expected_workers,
        ),
        ("database.url", old.database != new.database),
        ("gpg", old.gpg != new.gpg),
        ("log.to", old.log.to != new.log.to),
        ("log.file", old.log.file != new.log.file),
        (
            "log.memory_entries",
            old.log.memory_entries != new.log.memory_entries,
        ),
        ("assets", old.assets != new.assets),
        ("accounts", old.accounts != new.accounts),
        ("mail", old.mail != new.mail),
        ("third_party", old.third_parties != new.third_parties),
        ("fees", old.fees != new.fees),
        (
            "limits.max_connections",
            old.limits.max_connections != new.limits.max_connections,
        ),
        (
            "limits.frame_timeout",
            old.limits.frame_timeout != new.limits.frame_timeout,
        ),
    ]
    .into_iter()
    .filter_map(|(key, changed)| changed.then_some(key))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_change_is_named() {
        let text = |more: &str| {
            format!(
                "listen = \"127.0.0.1:1\"\n{more}\n[gpg]\nkey = \"{}\"\n[assets]\nsymbols = \"all\"\nprovider = \"simulated\"\n[assets.simulated]\n",
                "A".repeat(40)
            )
        };
        let parse = |text: &str| {
            MasterConfig::parse(text, Path::new("/c/master.toml"))
                .unwrap()
                .0
        };
        let old = parse(&text(""));
        assert!(needing_restart(&old, &old).is_empty());
        let mut new = parse(&text("currency = \"EUR\"\nexpected_workers = 3"));
        assert_eq!(
            needing_restart(&old, &new),
            ["currency", "expected_workers"]
        );
        new = old.clone();
        new.limits.max_queued = 7;
        new.log.level = crate::runtime::log::LevelFilter::Trace;
        assert!(needing_restart(&old, &new).is_empty());
        new.limits.max_connections += 1;
        assert_eq!(needing_restart(&old, &new), ["limits.max_connections"]);
        new = old.clone();
        new.fees.minimum = crate::model::Money(1);
        assert_eq!(needing_restart(&old, &new), ["fees"]);
    }
}
