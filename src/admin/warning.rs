//! spec/admin.md · 3.1.1, 3.1.5, 3.1.6
//!
//! What an administrator should act on, as `status`, `check` and the metrics tell it alike.
//!
//! Tests: `tests/suite/master/admin.rs`, `tests/suite/reload.rs`.

use crate::model::word_list::word_list;
use serde::{Deserialize, Serialize};

word_list! {
    /// What a warning is about.
    WarningKind {
        /// A module's thread has said nothing for too long, or does not answer.
        ModuleStalled = "module-stalled",
        /// A registered worker is not linked, or fewer are than `expected_workers`.
        WorkersAway = "workers-away",
        /// A reload was refused: what the file says is not in force.
        ReloadRefused = "reload-refused",
        /// The next start would be refused by what the file says.
        StartRefused = "next-start-refused",
        /// A worker's configuration contradicts its registration.
        RegistrationDiffers = "registration-differs",
        /// A worker's clock, or the master's, is off.
        ClockOff = "clock-off",
        /// A certificate or a key ends soon, or has ended.
        Expiry = "expiry",
        /// A provider of prices fails.
        ProviderFailing = "provider-failing",
        /// An update could not be stored.
        UpdateNotStored = "update-not-stored",
        /// The next update is overdue.
        UpdateOverdue = "update-overdue",
        /// An update could not be settled, and orders wait or are refused.
        NotSettled = "not-settled",
        /// The market has ended.
        MarketEnded = "market-ended",
        /// The market ends soon.
        MarketEnding = "market-ending",
        /// The market is paused.
        MarketPaused = "market-paused",
        /// Market files or prices are not used.
        MarketInput = "market-input",
        /// A corporate action is not applied.
        ActionNotApplied = "action-not-applied",
        /// The price of an asset is held.
        PriceHeld = "price-held",
        /// A correction could not take all that it should.
        CorrectionShort = "correction-short",
        /// Less than a tenth of the database's disk is free.
        DiskLow = "disk-low",
        /// The database's disk is almost full, and orders are refused.
        DiskFull = "disk-full",
        /// The write-ahead log of the database is not folded into it.
        LogNotFolded = "wal-not-folded",
        /// The database's server may lose what it has acknowledged.
        DatabaseUnsafe = "database-unsafe",
        /// The newest backup is old, or was not written.
        BackupMissing = "backup-missing",
        /// Mails wait, and the last attempt failed.
        MailWaiting = "mail-waiting",
        /// Entries of the log were lost.
        LogLost = "log-lost",
    }
}

word_list! {
    /// How soon an administrator should act.
    WarningLevel {
        /// Today.
        Warning = "warning",
        /// Now: people are refused something, or soon will be.
        Critical = "critical",
    }
}

/// One warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusWarning {
    /// A word of [`WarningKind`].
    pub kind: String,
    /// A word of [`WarningLevel`].
    pub level: String,
    /// A sentence for people.
    pub text: String,
}

impl StatusWarning {
    /// A warning that is looked at today.
    pub fn new(kind: WarningKind, text: impl Into<String>) -> StatusWarning {
        StatusWarning::of(kind, WarningLevel::Warning, text)
    }

    /// A warning that is looked at now.
    pub fn critical(kind: WarningKind, text: impl Into<String>) -> StatusWarning {
        StatusWarning::of(kind, WarningLevel::Critical, text)
    }

    fn of(kind: WarningKind, level: WarningLevel, text: impl Into<String>) -> StatusWarning {
        StatusWarning {
            kind: kind.as_str().to_owned(),
            level: level.as_str().to_owned(),
            text: text.into(),
        }
    }

    /// Whether it is to be looked at now.
    pub fn is_critical(&self) -> bool {
        self.level == WarningLevel::Critical.as_str()
    }
}
