//! Partitions: spans of days with sorted runs.
//!
//! ```text
//! rows -> split (which partition) -> write (one sorted file a partition) -> manifest, one write
//! ```
//!
//! The manifest names every run there is; a file that it does not name is not there. So a run becomes
//! visible, together with the marks that say whose scans it holds, in one atomic write, and whatever a
//! crash leaves behind is dropped at the next start.

pub(crate) mod gaps;
pub(crate) mod manifest;
pub(crate) mod merge;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod write;

use std::sync::Arc;

use run::Run;

/// A span of days, open for reading.
pub(crate) struct Partition {
    pub(crate) span: plan::Span,
    /// Of each kind in the order in which they were made.
    pub(crate) runs: Vec<Arc<Run>>,
}

impl Partition {
    pub(crate) fn scans(&self) -> u64 {
        self.runs.iter().map(|run| run.entry.scans).sum()
    }

    pub(crate) fn candidate(&self, tree: Option<u64>) -> plan::Candidate {
        let is_of_tree = |run: &Run| tree.is_none() || run.entry.rollup_tree == tree;
        let size = |run: &Arc<Run>| plan::RunSize {
            number: run.entry.number,
            scans: run.entry.scans,
            imported: run.entry.imported,
            lacks_rollups: self.span.is_dense() && !is_of_tree(run),
        };
        plan::Candidate { span: self.span, runs: self.runs.iter().map(size).collect() }
    }
}
