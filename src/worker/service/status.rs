//! spec/worker/service.md · 3.2.1 Main Module: running stage
//!
//! What `systemctl status` shows of a worker: what it waits for, whom it serves, and whether it has
//! its master.

use super::super::Gauges;
use crate::model::Timestamp;
use crate::model::printable::clean;
use std::net::SocketAddr;

/// A part of the status after a reload that was refused.
const RELOAD_REFUSED: &str = "the configuration of the last reload was refused, see the log";

/// What a worker's clients find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// There was no link yet.
    NeverOpen,
    Open(SocketAddr),
    /// The master has booted the worker.
    Booted,
}

/// The state of a worker as its service manager is told.
#[derive(Debug)]
pub(super) struct ServiceStatus {
    /// Its addresses.
    master: String,
    pub(super) door: Door,
    pub(super) is_reload_refused: bool,
    /// Since when there is no link, while there is none.
    away: Option<Timestamp>,
    /// Why the last attempt to link failed, since the last link.
    reason: Option<String>,
    told: String,
}

impl ServiceStatus {
    /// That of a worker without a link.
    pub(super) fn new(master: String) -> ServiceStatus {
        ServiceStatus {
            master,
            door: Door::NeverOpen,
            is_reload_refused: false,
            away: Some(Timestamp::now()),
            reason: None,
            told: String::new(),
        }
    }

    /// Notes why an attempt to link has failed.
    pub(super) fn note_failure(&mut self, why: String) {
        self.reason = Some(why);
    }

    /// Looks whether the link stands.
    pub(super) fn look(&mut self, gauges: &Gauges, now: Timestamp) {
        let link = gauges.link.lock();
        self.set_linked(link.as_ref().is_some_and(|(link, _)| link.is_open()), now);
    }

    fn set_linked(&mut self, is_linked: bool, now: Timestamp) {
        if is_linked {
            self.away = None;
            // A link that is made anew may have failed meanwhile.
            self.reason = None;
        } else if self.away.is_none() {
            self.away = Some(now);
        }
    }

    /// The status in one line.
    pub(super) fn line(&self) -> String {
        let (master, reason) = (&self.master, self.reason.as_deref());
        let mut line = match (self.door, self.away) {
            (Door::NeverOpen, _) => {
                let failed = reason.map_or(String::new(), |why| {
                    format!("; the last try failed: {}", clean(why))
                });
                format!("waiting for the first link to the master at {master}{failed}")
            }
            (Door::Booted, _) => "booted by the master: serving no clients".to_owned(),
            (Door::Open(address), None) => format!("serving clients on {address}"),
            (Door::Open(address), Some(since)) => {
                // A reason begins with the master's address where it has to do with it.
                let why = match reason {
                    Some(why) if why.starts_with(master.as_str()) => clean(why),
                    Some(why) => format!("{master}: {}", clean(why)),
                    None => format!("{master}: the link has ended"),
                };
                format!(
                    "serving clients on {address}; no master: {why}, since {since}; reads are \
                     answered from the cache"
                )
            }
        };
        if self.is_reload_refused {
            line.push_str("; ");
            line.push_str(RELOAD_REFUSED);
        }
        line
    }

    /// The status where it differs from the one that was told last, which it is from now on.
    pub(super) fn news(&mut self) -> Option<&str> {
        let line = self.line();
        (line != self.told).then(|| {
            self.told = line;
            self.told.as_str()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_says_whether_it_has_its_master_and_why_not() {
        let mut status = ServiceStatus::new("master.example.org:2048".to_owned());
        assert_eq!(
            status.news(),
            Some("waiting for the first link to the master at master.example.org:2048")
        );
        assert_eq!(status.news(), None);
        status.note_failure("master.example.org:2048: refused\u{7}".to_owned());
        let line = status.line();
        assert!(line.contains("; the last try failed: master.example.org:2048: refused"));
        assert!(!line.contains('\u{7}'), "{line}");

        status.door = Door::Open("192.0.2.1:2049".parse().unwrap());
        status.set_linked(true, Timestamp(0));
        assert_eq!(status.news(), Some("serving clients on 192.0.2.1:2049"));
        for (now, failure, why) in [
            (1_000, None, "master.example.org:2048: the link has ended"),
            (
                2_000,
                Some("master.example.org:2048: Connection refused"),
                "master.example.org:2048: Connection refused",
            ),
            (
                3_000,
                Some("the key has expired"),
                "master.example.org:2048: the key has expired",
            ),
        ] {
            status.set_linked(false, Timestamp(now));
            if let Some(failure) = failure {
                status.note_failure(failure.to_owned());
            }
            let line = format!(
                "serving clients on 192.0.2.1:2049; no master: {why}, since \
                 1970-01-01T00:00:01.000Z; reads are answered from the cache"
            );
            assert_eq!(status.news(), Some(line.as_str()));
        }
        status.set_linked(true, Timestamp(4_000));
        status.is_reload_refused = true;
        let line = format!("serving clients on 192.0.2.1:2049; {RELOAD_REFUSED}");
        assert_eq!(status.news(), Some(line.as_str()));
        status.door = Door::Booted;
        status.is_reload_refused = false;
        status.set_linked(false, Timestamp(5_000));
        assert_eq!(
            status.news(),
            Some("booted by the master: serving no clients")
        );
    }
}
