//! What the store holds, as one value.

use serde::{Deserialize, Serialize};
use truyvet_schemas::utoipa::{self, ToSchema};

use crate::error::EngineError;
use crate::index::keys;
use crate::partition::gaps::Gaps;
use crate::partition::plan::Span;
use crate::store::{Base, Store};

/// Every partition and run that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// First segment of the journal that is not in runs; earlier ones are obsolete.
    pub(crate) first_segment: u32,
    /// In order of days.
    pub(crate) partitions: Vec<PartitionEntry>,
    /// Days of which scans are gone.
    #[serde(default)]
    pub(crate) gaps: Gaps,
}

/// A partition's place in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartitionEntry {
    /// First UTC day, since 1970.
    pub(crate) from_day: i32,
    /// First UTC day after.
    pub(crate) to_day: i32,
    /// Number of the family that new runs go to.
    pub(crate) family: u32,
    /// Of each kind in the order in which they were made.
    pub(crate) runs: Vec<RunEntry>,
}

/// A run's place in the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunEntry {
    pub(crate) number: u32,
    /// Number of its family.
    pub(crate) family: u32,
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
    /// Sizes of its parts.
    pub(crate) part_bytes: PartBytes,
    /// Size of its file.
    pub(crate) file_bytes: u64,
    /// BLAKE3 of its file, hexadecimal.
    pub(crate) file_digest: String,
}

/// What the parts of a run take on disk, without keys and what the file itself needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartBytes {
    /// Posting leaves.
    pub postings: u64,
    /// Trail leaves.
    pub trails: u64,
    /// Rollups.
    pub rollups: u64,
}

impl std::ops::AddAssign for PartBytes {
    fn add_assign(&mut self, other: Self) {
        self.postings += other.postings;
        self.trails += other.trails;
        self.rollups += other.rollups;
    }
}

/// Runs that take the place of others.
#[derive(Clone, Debug)]
pub(crate) struct Merged {
    /// Days of the partitions that the former runs are in.
    pub(crate) span: Span,
    /// Family for further runs of these days.
    pub(crate) family: u32,
    /// Numbers of the former runs.
    pub(crate) former: Vec<u32>,
    /// The runs that hold the same scans.
    pub(crate) runs: Vec<RunEntry>,
}

impl PartitionEntry {
    pub(crate) fn span(&self) -> Span {
        Span { from: self.from_day, to: self.to_day }
    }
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

    /// Every run.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &RunEntry> {
        self.partitions.iter().flat_map(|partition| &partition.runs)
    }

    /// Whether a family holds a run or waits for one.
    pub(crate) fn names_family(&self, family: u32) -> bool {
        self.partitions.iter().any(|p| p.family == family || p.runs.iter().any(|run| run.family == family))
    }

    /// Adds a run to its partition, which is added where it is new.
    pub(crate) fn add(&mut self, span: Span, run: RunEntry) {
        match self.partitions.iter_mut().find(|entry| entry.span() == span) {
            Some(entry) => entry.runs.push(run),
            None => self.add_partition(PartitionEntry {
                from_day: span.from,
                to_day: span.to,
                family: run.family,
                runs: vec![run],
            }),
        }
    }

    /// Puts merged runs in the place of the former ones, and makes the partitions of their days one.
    /// `None`, and no change, when a former run is gone.
    pub(crate) fn replace(&mut self, merged: Merged) -> Option<()> {
        let Merged { span, family, former, runs } = merged;
        let within = |entry: &PartitionEntry| span.from <= entry.from_day && entry.to_day <= span.to;
        let (replaced, kept): (Vec<_>, Vec<_>) = self.partitions.iter().cloned().partition(within);
        let before: Vec<RunEntry> = replaced.into_iter().flat_map(|entry| entry.runs).collect();
        let place = before.iter().position(|run| former.contains(&run.number))?;
        let found = before.iter().filter(|run| former.contains(&run.number)).count();
        if found != former.len() {
            return None;
        }
        let mut after = before;
        after.splice(place..place, runs);
        after.retain(|run| !former.contains(&run.number));
        self.partitions = kept;
        let entry = PartitionEntry { from_day: span.from, to_day: span.to, family, runs: after };
        self.add_partition(entry);
        Some(())
    }

    fn add_partition(&mut self, entry: PartitionEntry) {
        self.partitions.push(entry);
        self.partitions.sort_by_key(|entry| entry.from_day);
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and flags are always JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u32, imported: bool) -> RunEntry {
        RunEntry {
            number,
            family: 1,
            scans: 1,
            min_ms: 0,
            max_ms: 0,
            group_shift: 0,
            imported,
            rollup_tree: None,
            part_bytes: PartBytes::default(),
            file_bytes: 0,
            file_digest: String::new(),
        }
    }

    fn numbers(manifest: &Manifest) -> Vec<Vec<u32>> {
        manifest.partitions.iter().map(|p| p.runs.iter().map(|run| run.number).collect()).collect()
    }

    #[test]
    fn merged_runs_stand_before_those_that_came_meanwhile() {
        let mut manifest = Manifest::default();
        let (a, b) = (Span { from: 1, to: 2 }, Span { from: 2, to: 3 });
        for (span, number) in [(a, 1), (a, 2), (b, 3), (a, 4), (b, 5)] {
            manifest.add(span, run(number, false));
        }
        let both = Span { from: 1, to: 3 };
        let merged = |former: &[u32], span, n| Merged {
            span,
            family: 1,
            former: former.to_vec(),
            runs: vec![run(n, false)],
        };
        assert_eq!(manifest.replace(merged(&[1, 2], a, 6)), Some(()));
        assert_eq!(numbers(&manifest), [vec![6, 4], vec![3, 5]]);
        assert_eq!(manifest.replace(merged(&[6, 3], both, 7)), Some(()));
        assert_eq!(numbers(&manifest), [vec![7, 4, 5]]);
        let before = manifest.clone();
        assert_eq!(manifest.replace(merged(&[7, 99], both, 8)), None, "a run that is gone");
        assert_eq!(manifest, before);
    }
}
