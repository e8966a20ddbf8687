//! What the store holds, as one value.

use serde::{Deserialize, Serialize};

use crate::error::EngineError;
use crate::index::keys;
use crate::partition::plan::Span;
use crate::store::{Base, Store};

/// Every partition and run that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Number for the next partition.
    pub(crate) next_partition: u32,
    /// Number for the next run.
    pub(crate) next_run: u32,
    /// First segment of the journal that is not in runs; earlier ones are obsolete.
    pub(crate) first_segment: u32,
    /// In order of days.
    pub(crate) partitions: Vec<PartitionEntry>,
}

/// A partition's place in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartitionEntry {
    pub(crate) number: u32,
    /// First UTC day, since 1970.
    pub(crate) from_day: i32,
    /// First UTC day after.
    pub(crate) to_day: i32,
    pub(crate) runs: Vec<RunEntry>,
}

/// A run's place in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunEntry {
    pub(crate) number: u32,
    pub(crate) scans: u64,
    /// Time of the first scan.
    pub(crate) min_ms: i64,
    /// Time of the last scan.
    pub(crate) max_ms: i64,
    /// A trail leaf holds the subjects that share `id >> group_shift`.
    pub(crate) group_shift: u8,
    /// From an import: retention leaves it alone.
    pub(crate) imported: bool,
    /// Whether whole days of areas have rollups, and by which state of the tree.
    pub(crate) rollup_tree: Option<u64>,
}

impl Manifest {
    /// The stored manifest, or an empty one.
    pub(crate) fn load(store: &Store) -> Result<Self, EngineError> {
        match store.get(Base::Meta, &keys::MANIFEST)? {
            None => Ok(Self::default()),
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|_| EngineError::Corrupt { what: "the manifest".into() }),
        }
    }

    /// Adds a run to its partition, which is added where it is new.
    pub(crate) fn add(&mut self, partition: u32, span: Span, run: RunEntry) {
        match self.partitions.iter_mut().find(|entry| entry.number == partition) {
            Some(entry) => entry.runs.push(run),
            None => {
                let runs = vec![run];
                let entry = PartitionEntry { number: partition, from_day: span.from, to_day: span.to, runs };
                self.partitions.push(entry);
                self.partitions.sort_by_key(|entry| entry.from_day);
            }
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and flags are always JSON")
    }
}
