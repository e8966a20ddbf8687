//! Partitions: spans of days with sorted runs.
//!
//! ```text
//! rows -> split (which partition) -> write (one sorted file a partition) -> manifest, one write
//! ```
//!
//! The manifest names every run there is; a file that it does not name is not there. So a run becomes
//! visible, together with the marks that say whose scans it holds, in one atomic write, and whatever a
//! crash leaves behind is dropped at the next start.

pub(crate) mod manifest;
pub(crate) mod merge;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod write;

use std::sync::Arc;

use crate::store::Family;
use run::Run;

/// A span of days, open for reading.
pub(crate) struct Partition {
    pub(crate) number: u32,
    pub(crate) span: plan::Span,
    pub(crate) family: Arc<Family>,
    pub(crate) runs: Vec<Arc<Run>>,
}

impl Partition {
    pub(crate) fn scans(&self) -> u64 {
        self.runs.iter().map(|run| run.entry.scans).sum()
    }
}
