//! Durations in fixed buckets: two atomic additions for each, written in the Prometheus text format.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets in microseconds, and as seconds for the label.
const BOUNDS: [(u32, &str); 15] = [
    (50, "0.00005"),
    (100, "0.0001"),
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
];

/// How long something took, for one label.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// One for each bound, and one for what is above them all.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    pub(super) fn record(&self, micros: u32) {
        let bucket = BOUNDS.partition_point(|(bound, _)| *bound < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(u64::from(micros), Ordering::Relaxed);
    }

    /// Appends the lines of the metric `name`, with a label where it has one.
    pub(super) fn write(&self, out: &mut String, name: &str, label: Option<&str>) {
        let mut count = 0;
        let bounds = BOUNDS.iter().map(|(_, seconds)| *seconds).chain(["+Inf"]);
        let first = label.map(|label| format!("{label},")).unwrap_or_default();
        let alone = label.map(|label| format!("{{{label}}}")).unwrap_or_default();
        for (bucket, le) in self.buckets.iter().zip(bounds) {
            count += bucket.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{{first}le=\"{le}\"}} {count}");
        }
        let sum = self.sum_us.load(Ordering::Relaxed);
        let (seconds, micros) = (sum / 1_000_000, sum % 1_000_000);
        let _ = writeln!(out, "{name}_sum{alone} {seconds}.{micros:06}");
        let _ = writeln!(out, "{name}_count{alone} {count}");
    }
}
