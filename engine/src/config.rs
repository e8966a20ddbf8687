//! What an operator may set, with the cost of each choice.

use serde::{Deserialize, Serialize};

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
    /// Bytes of memory for blocks read from disk. Default 512 MiB. More makes repeated questions
    /// about the same days faster.
    pub block_cache_bytes: usize,
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
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            live_scans_max: 4_000_000,
            retention_days: 0,
            clock_skew_ms: 300_000,
            block_cache_bytes: 512 << 20,
            free_bytes_min: 512 << 20,
            subjects_max: 200_000_000,
            runs_max: 12,
            wal_bytes_max: 512 << 20,
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
            ("block_cache_bytes", self.block_cache_bytes as u64, 1 << 20, 1 << 40),
            ("free_bytes_min", self.free_bytes_min, 0, 1 << 50),
            ("subjects_max", u64::from(self.subjects_max), 1_000, u64::from(u32::MAX) - 1),
            ("runs_max", self.runs_max as u64, 2, 1_000),
            ("wal_bytes_max", self.wal_bytes_max, 16 << 20, 1 << 40),
        ];
        for (name, value, min, max) in bounds {
            if !(min..=max).contains(&value) {
                return Err(format!("{name} = {value} must lie between {min} and {max}"));
            }
        }
        Ok(())
    }
}
