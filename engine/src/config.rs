//! What an operator may set, with the cost of each choice.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::memory::Memory;
use crate::trace::{Asking, LONGEST_DEFAULT};

/// Settings of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Scans kept in memory before they are written as a sorted run. Default 4,000,000, which is
    /// about 70 MB, twice that while a run is being written. More means fewer runs to read in a
    /// question about today; less means less memory and a faster restart after a crash.
    pub live_scans_max: usize,
    /// Days after which a device's scans are dropped. Default 0: never. A whole partition goes at
    /// once, when its last day has passed. Imported scans stay.
    pub retention_days: u32,
    /// Milliseconds by which a scan's time may be ahead of the gateway's clock. Default 300,000.
    /// Scans further ahead become dead letters.
    pub clock_skew_ms: u64,
    /// Bytes of memory that the engine may take. Default 2 GiB. What live tables, writing, the journal,
    /// subjects, and imports while they go on leave is for blocks read from disk: more makes repeated
    /// questions about the same days faster, and the steps of an import larger (5 GiB for a nation's
    /// day). Too little for `live_scans_max` is refused at the start. What a question holds while it is
    /// answered comes on top.
    pub memory_bytes: u64,
    /// Bytes that must stay free on the data directory's file system; below, no scans are taken.
    /// Default 512 MiB: room for one run, the journal, and the operator's own tools.
    pub free_bytes_min: u64,
    /// Most subjects. Default 200,000,000; each takes about 30 bytes of memory with a code of 12
    /// bytes. Scans of further subjects become dead letters.
    pub subjects_max: u32,
    /// Runs of one partition that are merged into one when there are more. Default 12. A question
    /// reads every run of its days.
    pub runs_max: usize,
    /// Bytes of the store's own log before it is flushed and started anew. Default 512 MiB.
    pub wal_bytes_max: u64,
    /// Milliseconds after which a question is given up, if it does not allow itself another time.
    /// Default 30,000.
    pub query_timeout_ms: u64,
    /// Most milliseconds that a question may allow itself. Default 600,000. Longer suits chains of
    /// many generations over a nation.
    pub query_timeout_max_ms: u64,
    /// Milliseconds after its last `in` at which a stay ends that nobody scanned out, where a question does not say
    /// otherwise. Default 43,200,000: twelve hours. Less suits places that nobody stays at for long.
    pub stay_longest_ms: u64,
    /// Leaves of the index that a question may read; beyond, it is given up. Default 50,000,000, at
    /// about a microsecond each. A leaf holds up to 1,024 scans: a generation of a chain that passes
    /// over a billion scans reads a million or more.
    pub query_leaves_max: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            live_scans_max: 4_000_000,
            retention_days: 0,
            clock_skew_ms: 300_000,
            memory_bytes: 2 << 30,
            free_bytes_min: 512 << 20,
            subjects_max: 200_000_000,
            runs_max: 12,
            wal_bytes_max: 512 << 20,
            query_timeout_ms: 30_000,
            query_timeout_max_ms: 600_000,
            stay_longest_ms: LONGEST_DEFAULT.as_millis() as u64,
            query_leaves_max: 50_000_000,
        }
    }
}

impl EngineConfig {
    /// Whether the settings can work.
    ///
    /// # Errors
    /// Names the first setting that cannot, and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        let bounds = [
            ("live_scans_max", self.live_scans_max as u64, 10_000, 1 << 30),
            ("retention_days", u64::from(self.retention_days), 0, 36_500),
            ("clock_skew_ms", self.clock_skew_ms, 0, 86_400_000),
            ("memory_bytes", self.memory_bytes, 32 << 20, 1 << 44),
            ("free_bytes_min", self.free_bytes_min, 0, 1 << 50),
            ("subjects_max", u64::from(self.subjects_max), 1_000, u64::from(u32::MAX) - 1),
            ("runs_max", self.runs_max as u64, 2, 1_000),
            ("wal_bytes_max", self.wal_bytes_max, 16 << 20, 1 << 40),
            ("query_timeout_max_ms", self.query_timeout_max_ms, 1, 86_400_000),
            ("query_timeout_ms", self.query_timeout_ms, 1, self.query_timeout_max_ms),
            ("stay_longest_ms", self.stay_longest_ms, 60_000, 30 * 86_400_000),
            ("query_leaves_max", self.query_leaves_max, 1, 1 << 50),
        ];
        for (name, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return Err(format!("{name} = {value} must lie between {min} and {max}"));
            }
        }
        Memory::of(self).check(self.live_scans_max)
    }

    /// The limits of a question that begins now, and allows itself this time or the usual one.
    pub fn asking(&self, timeout: Option<Duration>) -> Asking {
        let timeout = timeout.unwrap_or(Duration::from_millis(self.query_timeout_ms));
        let timeout = timeout.min(Duration::from_millis(self.query_timeout_max_ms));
        Asking::limited(Some(timeout), Some(self.query_leaves_max))
    }
}
