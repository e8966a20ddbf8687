//! How the engine is, for operators.

use std::sync::atomic::Ordering;

use serde::Serialize;
use truyvet_schemas::TimeMs;
use truyvet_schemas::utoipa::{self, ToSchema};

use crate::ingest::StorageState;
use crate::memory::MemoryStatus;
use crate::partition::manifest::PartBytes;
use crate::shared::Shared;
use crate::store::Base;

/// How the engine is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EngineStatus)]
pub struct Status {
    /// Scans that answers include.
    pub scans: u64,
    /// Of these, scans in memory that are in no run yet.
    pub live_scans: u64,
    /// Subjects.
    pub subjects: u64,
    /// Sites.
    pub sites: u64,
    /// Enrolled devices.
    pub devices: u64,
    /// Refused scans, about.
    pub dead_letters: u64,
    /// Scans that were acknowledged and are gone: a backup that was restored did not have them, nor did
    /// their devices. Each device's record tells which.
    pub lost_scans: u64,
    /// Scans taken from devices since the start.
    pub scans_taken: u64,
    /// Scans refused since the start.
    pub scans_refused: u64,
    /// Scans imported since the start.
    pub scans_imported: u64,
    /// Runs written since the start.
    pub runs_written: u64,
    /// Bytes of all runs.
    pub run_bytes: u64,
    /// Of these, those of the runs' parts.
    pub part_bytes: PartBytes,
    /// Where the memory goes.
    pub memory: MemoryStatus,
    /// Whether scans can be stored.
    pub storage: StorageState,
    /// In order of days.
    pub partitions: Vec<PartitionStatus>,
}

/// How a partition is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PartitionStatus {
    /// First instant, RFC 3339.
    pub from: String,
    /// First instant after, RFC 3339.
    pub to: String,
    /// Scans.
    pub scans: u64,
    /// Sorted runs; a question reads each of them.
    pub runs: usize,
    /// Bytes of its files.
    pub bytes: u64,
}

impl Status {
    pub(crate) fn of(shared: &Shared) -> Self {
        let state = shared.state.load_full();
        let partitions: Vec<PartitionStatus> = state
            .partitions
            .iter()
            .map(|partition| PartitionStatus {
                from: TimeMs::new(partition.span.start_ms()).rfc3339(),
                to: TimeMs::new(partition.span.end_ms()).rfc3339(),
                scans: partition.scans(),
                runs: partition.runs.len(),
                bytes: partition.runs.iter().map(|run| run.entry.file_bytes).sum(),
            })
            .collect();
        let mut part_bytes = PartBytes::default();
        for run in state.partitions.iter().flat_map(|partition| &partition.runs) {
            part_bytes += run.entry.part_bytes;
        }
        let live_scans: u64 = state.tables.iter().map(|table| table.len() as u64).sum();
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            scans: live_scans + partitions.iter().map(|partition| partition.scans).sum::<u64>(),
            live_scans,
            subjects: shared.catalog.subjects(),
            sites: shared.catalog.sites.read().len() as u64,
            devices: shared.catalog.devices.enrolled(),
            dead_letters: shared.store.entries(Base::DeadLetters),
            lost_scans: shared.catalog.devices.lost_scans(),
            scans_taken: count(&shared.counters.scans_applied),
            scans_refused: count(&shared.counters.scans_refused),
            scans_imported: count(&shared.counters.scans_imported),
            runs_written: count(&shared.counters.runs_written),
            run_bytes: partitions.iter().map(|partition| partition.bytes).sum(),
            part_bytes,
            memory: shared.memory_status(),
            storage: shared.space.state(),
            partitions,
        }
    }
}
