//! What a run has shown, as a value; and its three faces: text, JSON, one self-contained page.

mod html;
mod number;
mod svg;
mod text;

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;

pub(crate) use number::{duration, grouped};

/// What a run has shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What kind of run it was.
    pub title: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// What it was asked to do.
    pub parameters: Vec<Parameter>,
    /// Promises, and whether they held.
    pub checks: Vec<Check>,
    /// Counts.
    pub totals: Totals,
    /// What a bare server reached, scans a second.
    pub bare_rate: Option<f64>,
    /// The most memory that the server held, in bytes.
    pub server_memory_bytes: Option<u64>,
    /// Distributions.
    pub latencies: Vec<Latency>,
    /// Second by second.
    pub timeline: Vec<Second>,
    /// What went wrong on the way, in words; the first few.
    pub problems: Vec<String>,
}

impl Report {
    /// An empty report of a run that began at this instant.
    pub fn new(title: &str, started_ms: i64) -> Self {
        Self { title: title.into(), started_at: TimeMs::new(started_ms).rfc3339(), ..Self::default() }
    }

    /// Whether every promise held.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.holds)
    }

    /// The reached rate as a part of the bare rate.
    pub fn ratio(&self) -> Option<f64> {
        self.bare_rate.filter(|bare| *bare > 0.0).map(|bare| self.totals.scans_per_second / bare)
    }

    /// The distribution with this name.
    pub fn latency(&self, name: &str) -> Option<&Latency> {
        self.latencies.iter().find(|latency| latency.name == name)
    }

    /// The report for a terminal.
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// The report as one page that needs nothing else.
    pub fn html(&self) -> String {
        html::render(self)
    }

    /// Writes `report.json` and `report.html` into a folder, made where absent.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), ReportError> {
        let failed = |path: &Path, source| ReportError { path: path.to_owned(), source };
        fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
        let json = serde_json::to_string_pretty(self).expect("texts and finite numbers are always JSON");
        for (name, content) in [("report.json", json), ("report.html", self.html())] {
            let path = folder.join(name);
            fs::write(&path, content).map_err(|e| failed(&path, e))?;
        }
        Ok(())
    }
}

/// One setting of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value, with the unit.
    pub value: String,
}

impl Parameter {
    /// A setting.
    pub fn new(name: &str, value: impl Display) -> Self {
        Self { name: name.into(), value: value.to_string() }
    }
}

/// A promise, and whether it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The promise.
    pub what: String,
    /// Whether it held.
    pub holds: bool,
    /// What was seen.
    pub detail: String,
}

impl Check {
    /// A promise and what was seen of it.
    pub fn new(what: &str, holds: bool, detail: String) -> Self {
        Self { what: what.into(), holds, detail }
    }
}

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Scans sent, not counting what was sent again.
    pub sent: u64,
    /// Scans acknowledged.
    pub acknowledged: u64,
    /// Scans kept aside by the server.
    pub refused: u64,
    /// Established streams that ended before their time.
    pub dropped_streams: u64,
    /// Attempts to connect that failed and were repeated.
    pub failed_connects: u64,
    /// Probes acknowledged, but missing from an answer asked for after.
    pub late: u64,
    /// From the start to the last acknowledgement.
    pub seconds: f64,
    /// Acknowledged scans a second.
    pub scans_per_second: f64,
}

/// A distribution, in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Of what.
    pub name: String,
    /// How many were measured.
    pub count: u64,
    /// Half are below.
    pub p50_us: u64,
    /// 90 % are below.
    pub p90_us: u64,
    /// 99 % are below.
    pub p99_us: u64,
    /// 99.9 % are below.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
    /// Quantiles from 0 to 1, closer together towards 1, with their values.
    pub curve: Vec<(f64, u64)>,
}

impl Latency {
    /// The distribution of a histogram of microseconds.
    pub fn of(name: &str, histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        // Beyond the last measured value's quantile the curve would only repeat the maximum.
        let last = 1.0 - 1.0 / (histogram.len().max(1) as f64);
        let steps = histogram.iter_quantiles(8).map(|s| (s.quantile_iterated_to(), s.value_iterated_to()));
        let curve = steps.filter(|(quantile, _)| (0.01..=last).contains(quantile));
        Self {
            name: name.into(),
            count: histogram.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max(),
            curve: curve.collect(),
        }
    }
}

/// One second of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Second {
    /// The second's end, counted from the start.
    pub at_s: u64,
    /// Scans acknowledged in it.
    pub acknowledged: u64,
    /// Half of its batches were acknowledged faster.
    pub p50_us: u64,
    /// 99 % of its batches were acknowledged faster.
    pub p99_us: u64,
    /// Devices connected at its end.
    pub connected: u64,
    /// Scans in flight at its end.
    pub in_flight: u64,
}

/// The report cannot be written: make room, or choose another folder.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct ReportError {
    path: PathBuf,
    source: std::io::Error,
}

#[cfg(test)]
mod tests;
