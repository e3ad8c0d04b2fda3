//! spec/master/admin.md · 3.1.2 Database Management
//!
//! What the database's server may lose of what it has acknowledged. Its settings are others' to change,
//! also while the master leads.
//!
//! Tests: `tests/suite/master/postgres_server.rs`.

use crate::admin::warning::{StatusWarning, WarningKind};
use crate::config::DatabaseUrl;
use crate::master::storage::server_warnings;
use crate::runtime::ThreadGroup;
use crate::runtime::published::Published;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How often the server is asked.
const ASK_INTERVAL: Duration = Duration::from_secs(10);

/// What the server's settings let it lose, as it was told last.
#[derive(Debug, Default)]
pub struct ServerWatch(Published<Vec<String>>);

impl ServerWatch {
    /// Asks the server now and as long as the group runs. A file has no server.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn begin(database: &DatabaseUrl, group: &mut ThreadGroup) -> io::Result<Arc<ServerWatch>> {
        let watch = Arc::new(ServerWatch::default());
        if database.file().is_some() {
            return Ok(watch);
        }
        let (asks, database) = (Arc::clone(&watch), database.clone());
        group.unwatched("server-watch", move |stop| {
            loop {
                // One that is not reached is said elsewhere, and may still be what it was.
                if let Ok(told) = server_warnings(&database) {
                    asks.take(told);
                }
                if stop.wait(ASK_INTERVAL) {
                    return;
                }
            }
        })?;
        Ok(watch)
    }

    /// Logs what is new, and what is over.
    fn take(&self, told: Vec<String>) {
        let before = self.0.load();
        for warning in told.iter().filter(|it| !before.contains(it)) {
            crate::warn!("{warning}");
        }
        for warning in before.iter().filter(|it| !told.contains(it)) {
            crate::info!("no longer: {warning}");
        }
        self.0.store(told);
    }

    /// What an administrator is warned of.
    pub(super) fn warnings(&self) -> Vec<StatusWarning> {
        let told = self.0.load();
        let warning = |text: &String| StatusWarning::new(WarningKind::DatabaseUnsafe, text);
        told.iter().map(warning).collect()
    }
}
