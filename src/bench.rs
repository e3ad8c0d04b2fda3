//! spec/bench.md · 3.1.3, 3.1.7, 3.2.6 (how fast they are)
//!
//! Measures a whole deployment from outside, beside redis and PostgreSQL on the same machine in the same run.

pub mod deployment;
pub mod driver;
pub mod fill;
pub mod growth;
pub mod idle;
pub mod load;
pub mod logins;
pub mod measure;
pub mod orders;
pub mod plot;
pub mod process;
pub mod reads;
pub mod rivals;
pub mod speech;
pub mod start;
pub mod table;

use driver::Until;
use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Turns of each comparison.
    pub alternations: usize,
    /// Before it counts.
    pub warm_up: Duration,
    /// Until when it counts.
    pub until: Until,
    /// Only to see that it runs and that answers are right: rivals that are not installed are left out.
    pub is_short: bool,
}

impl Scale {
    /// For numbers: each measurement takes `time`.
    pub fn full(alternations: usize, time: Duration) -> Scale {
        Scale {
            alternations,
            warm_up: time / 5,
            until: Until::Time(time),
            is_short: false,
        }
    }

    /// For the gate: a few hundred requests each.
    pub fn short() -> Scale {
        Scale {
            alternations: 1,
            warm_up: Duration::ZERO,
            until: Until::Requests(400),
            is_short: true,
        }
    }

    /// How long a rival with a clock of its own runs.
    pub fn time(&self) -> Duration {
        match self.until {
            Until::Time(time) => time,
            Until::Requests(_) => Duration::from_secs(1),
        }
    }

    /// A rival that is needed, unless this is short.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn rival<T>(&self, name: &str, started: Result<T, String>) -> Result<Option<T>, String> {
        match started {
            Ok(rival) => Ok(Some(rival)),
            Err(why) if self.is_short => {
                eprintln!("papertrader-bench: without {name}: {why}");
                Ok(None)
            }
            Err(why) => Err(why),
        }
    }
}
