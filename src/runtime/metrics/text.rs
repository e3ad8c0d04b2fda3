//! spec/runtime/metrics.md · 3.1.5 ("print information")
//!
//! Writes metrics in the text format of Prometheus, version 0.0.4.

use super::{Histogram, TIME_BOUNDS};
use std::fmt::{self, Write};
use std::time::Duration;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of numbers a family has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// They only grow while the process lives. The name ends in `_total`.
    Counter,
    /// They rise and fall.
    Gauge,
    /// Times, in buckets.
    Histogram,
}

impl MetricKind {
    fn as_str(self) -> &'static str {
        match self {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }
}

/// A family of metrics: numbers of one meaning, told apart by labels.
#[derive(Debug, Clone, Copy)]
pub struct MetricFamily {
    /// With its unit at the end, as the conventions of Prometheus have it.
    pub name: &'static str,
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// One line that says what it is.
    pub help: &'static str,
}

impl MetricFamily {
    /// A counter.
    pub const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> MetricFamily {
        MetricFamily {
            name,
            kind: MetricKind::Counter,
            labels,
            help,
        }
    }

    /// A gauge.
    pub const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> MetricFamily {
        MetricFamily {
            name,
            kind: MetricKind::Gauge,
            labels,
            help,
        }
    }

    /// A histogram of times in seconds, without labels.
    pub const fn times(name: &'static str, help: &'static str) -> MetricFamily {
        MetricFamily {
            name,
            kind: MetricKind::Histogram,
            labels: &[],
            help,
        }
    }
}

/// The value of a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricValue {
    Whole(i128),
    /// Milliseconds, which are written as seconds.
    Millis(i64),
    Float(f64),
}

impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetricValue::Whole(value) => write!(f, "{value}"),
            MetricValue::Millis(millis) => {
                let sign = if *millis < 0 { "-" } else { "" };
                let millis = millis.unsigned_abs();
                write!(f, "{sign}{}.{:03}", millis / 1000, millis % 1000)
            }
            MetricValue::Float(value) => write!(f, "{value}"),
        }
    }
}

macro_rules! whole {
    ($($kind:ty)+) => {
        $(impl From<$kind> for MetricValue {
            fn from(value: $kind) -> MetricValue {
                MetricValue::Whole(value.into())
            }
        })+
    };
}

whole!(bool u32 i64 u64);

impl From<usize> for MetricValue {
    fn from(value: usize) -> MetricValue {
        MetricValue::Whole(i128::try_from(value).unwrap_or(i128::MAX))
    }
}

impl From<f64> for MetricValue {
    fn from(value: f64) -> MetricValue {
        MetricValue::Float(value)
    }
}

impl From<Duration> for MetricValue {
    fn from(value: Duration) -> MetricValue {
        MetricValue::Float(value.as_secs_f64())
    }
}

/// The text of an answer.
#[derive(Debug, Default)]
pub struct MetricsText(String);

impl MetricsText {
    /// An empty text.
    pub fn new() -> MetricsText {
        MetricsText::default()
    }

    /// Begins a family. All its samples follow at once.
    pub fn family<'a>(&'a mut self, family: &'a MetricFamily) -> FamilyWriter<'a> {
        let (name, help) = (family.name, family.help);
        let kind = family.kind.as_str();
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        FamilyWriter {
            family,
            out: &mut self.0,
        }
    }

    /// A family with one sample and no label.
    pub fn one(&mut self, family: &MetricFamily, value: impl Into<MetricValue>) {
        self.family(family).sample(&[], value);
    }

    /// A family of times.
    pub fn times(&mut self, family: &MetricFamily, times: &Histogram) {
        self.family(family).times(times);
    }

    /// The text.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Writes the samples of one family.
#[derive(Debug)]
pub struct FamilyWriter<'a> {
    family: &'a MetricFamily,
    out: &'a mut String,
}

impl FamilyWriter<'_> {
    /// Adds a sample; `labels` are the values of the family's labels, in their order.
    pub fn sample(&mut self, labels: &[&str], value: impl Into<MetricValue>) {
        self.out.push_str(self.family.name);
        let named = self.family.labels.iter().zip(labels);
        for (index, (name, value)) in named.enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let _ = write!(self.out, "{open}{name}=\"");
            escape(value, self.out);
            self.out.push('"');
        }
        let close = if self.family.labels.is_empty() {
            ""
        } else {
            "}"
        };
        let value = value.into();
        let _ = writeln!(self.out, "{close} {value}");
    }

    /// Adds a sample where there is a value.
    pub fn sample_if(&mut self, labels: &[&str], value: Option<impl Into<MetricValue>>) {
        if let Some(value) = value {
            self.sample(labels, value);
        }
    }

    fn times(&mut self, times: &Histogram) {
        let name = self.family.name;
        let (counts, sum) = times.read();
        let mut total = 0;
        for (bound, count) in TIME_BOUNDS.iter().zip(counts) {
            total += count;
            let bound = Duration::from_micros(*bound).as_secs_f64();
            let _ = writeln!(self.out, "{name}_bucket{{le=\"{bound}\"}} {total}");
        }
        let total: u64 = counts.iter().sum();
        let sum = sum.as_secs_f64();
        let _ = write!(
            self.out,
            "{name}_bucket{{le=\"+Inf\"}} {total}\n{name}_sum {sum}\n{name}_count {total}\n"
        );
    }
}

/// Appends a label's value, as the format wishes it.
fn escape(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_written_as_prometheus_reads_it() {
        let family = MetricFamily::counter("a_total", &["x", "y"], "Of a.");
        let mut text = MetricsText::new();
        let mut samples = text.family(&family);
        samples.sample(&["1", "a\"b\\c\n1"], 3_u64);
        samples.sample(&["2", ""], 0.25);
        samples.sample_if(&["3", ""], None::<u64>);
        samples.sample(&["4", ""], MetricValue::Millis(-70));
        text.one(&MetricFamily::gauge("b", &[], "Of b."), true);
        assert_eq!(
            text.into_string(),
            "# HELP a_total Of a.\n# TYPE a_total counter\n\
             a_total{x=\"1\",y=\"a\\\"b\\\\c\\n1\"} 3\na_total{x=\"2\",y=\"\"} 0.25\n\
             a_total{x=\"4\",y=\"\"} -0.070\n\
             # HELP b Of b.\n# TYPE b gauge\nb 1\n"
        );
    }

    #[test]
    fn the_buckets_of_a_histogram_add_up() {
        let times = Histogram::new();
        for millis in [0, 1, 2, 60_000] {
            times.record(Duration::from_millis(millis));
        }
        let mut text = MetricsText::new();
        text.times(&MetricFamily::times("t_seconds", "Of t."), &times);
        let text = text.into_string();
        for line in [
            "t_seconds_bucket{le=\"0.0001\"} 1\n",
            "t_seconds_bucket{le=\"0.001\"} 2\n",
            "t_seconds_bucket{le=\"30\"} 3\n",
            "t_seconds_bucket{le=\"+Inf\"} 4\n",
            "t_seconds_sum 60.003\n",
            "t_seconds_count 4\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}
