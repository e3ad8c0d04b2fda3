//! spec/runtime/metrics.md · 3.1.1 and 3.2.1 Main Module (running stage)
//!
//! What the system says of this process, under the names that all programs use for Prometheus. It
//! reads /proc/self alone, which a unit with `ProcSubset=pid` sees, too.

use super::{MetricFamily, MetricValue, MetricsText};
use crate::model::Timestamp;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;
use std::time::Duration;

static START: OnceLock<Timestamp> = OnceLock::new();

const START_TIME: MetricFamily = MetricFamily::gauge(
    "process_start_time_seconds",
    &[],
    "Time of the start, since 1970.",
);
const CPU: MetricFamily = MetricFamily::counter(
    "process_cpu_seconds_total",
    &[],
    "Processor time of user and system.",
);
const RESIDENT: MetricFamily = MetricFamily::gauge(
    "process_resident_memory_bytes",
    &[],
    "Memory that is in use.",
);
const VIRTUAL: MetricFamily = MetricFamily::gauge(
    "process_virtual_memory_bytes",
    &[],
    "Memory that is addressed.",
);
const OPEN_FDS: MetricFamily =
    MetricFamily::gauge("process_open_fds", &[], "Open file descriptors.");
const MAX_FDS: MetricFamily = MetricFamily::gauge(
    "process_max_fds",
    &[],
    "File descriptors that may be open at once.",
);
const THREADS: MetricFamily = MetricFamily::gauge("process_threads", &[], "Threads.");

/// Notes the time of the start, unless it is noted.
pub fn note_start() -> Timestamp {
    *START.get_or_init(Timestamp::now)
}

/// A time as metrics have it, or a difference of two.
pub fn seconds(time: Timestamp) -> MetricValue {
    MetricValue::Millis(time.0)
}

/// Writes the families of this file. What the system does not say is left out.
pub fn write_metrics(out: &mut MetricsText) {
    out.one(&START_TIME, seconds(note_start()));
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    out.one(&CPU, Duration::try_from(cpu).unwrap_or_default());
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kibibytes = |key| of_status(&status, key).map(|kib| kib.saturating_mul(1024));
    out.family(&RESIDENT).sample_if(&[], kibibytes("VmRSS:"));
    out.family(&VIRTUAL).sample_if(&[], kibibytes("VmSize:"));
    out.family(&OPEN_FDS).sample_if(&[], descriptors());
    let most = getrlimit(Resource::Nofile).current;
    out.family(&MAX_FDS).sample_if(&[], most);
    out.family(&THREADS)
        .sample_if(&[], of_status(&status, "Threads:"));
}

/// A number of /proc/self/status.
fn of_status(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Open descriptors. Linux 6.2 tells their number as the folder's size; before it they are counted.
fn descriptors() -> Option<u64> {
    let folder = "/proc/self/fd";
    match fs::metadata(folder).ok()?.size() {
        0 => u64::try_from(fs::read_dir(folder).ok()?.count()).ok(),
        told => Some(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_what_this_process_uses() {
        let mut text = MetricsText::new();
        write_metrics(&mut text);
        let text = text.into_string();
        let value = |name: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("{name} ")));
            let (_, value) = line
                .unwrap_or_else(|| panic!("{name}: {text}"))
                .split_once(' ')
                .unwrap();
            value.parse::<f64>().unwrap()
        };
        assert!(value("process_start_time_seconds") > 1.6e9);
        assert!(value("process_cpu_seconds_total") > 0.0);
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"));
        let open = value("process_open_fds");
        assert!(open > 2.0 && open <= value("process_max_fds"), "{text}");
        assert!(value("process_threads") >= 1.0);
    }
}
