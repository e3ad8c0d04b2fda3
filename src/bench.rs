//! spec/bench.md · 3.1.3, 3.1.7, 3.2.6 (how fast they are)
//!
//! Measures a whole deployment from outside, beside redis and PostgreSQL on the same machine in the
//! same run.

pub mod account_times;
pub mod deployment;
pub mod driver;
pub mod fill;
pub mod growth;
pub mod histories;
pub mod idle;
pub mod load;
pub mod logins;
pub mod market;
pub mod measure;
pub mod moving;
pub mod notices;
pub mod open_orders;
pub mod orders;
pub mod plot;
pub mod postgres;
pub mod process;
pub mod reads;
pub mod rivals;
pub mod sizes;
pub mod speech;
pub mod start;
pub mod table;
pub mod websocket;

use driver::Until;
use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Turns that each comparison takes.
    pub alternations: usize,
    /// Time before measuring begins.
    pub warm_up: Duration,
    /// When measuring ends.
    pub until: Until,
    /// A short run checks that everything works and that answers are right. It leaves out rivals
    /// that are not installed.
    pub is_short: bool,
}

impl Scale {
    /// A full run: each measurement takes `time`.
    pub fn full(alternations: usize, time: Duration) -> Scale {
        Scale {
            alternations,
            warm_up: time / 5,
            until: Until::Time(time),
            is_short: false,
        }
    }

    /// A short run for the gate: a few hundred requests for each measurement.
    pub fn short() -> Scale {
        Scale {
            alternations: 1,
            warm_up: Duration::ZERO,
            until: Until::Requests(400),
            is_short: true,
        }
    }

    /// How long a rival runs that measures its time itself.
    pub fn time(&self) -> Duration {
        match self.until {
            Until::Time(time) => time,
            Until::Requests(_) => Duration::from_secs(1),
        }
    }

    /// The started rival; `None` where it could not be started and the run is short.
    ///
    /// # Errors
    /// The run is not short, and the rival cannot be started.
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
