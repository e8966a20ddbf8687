//! Everything on disk, read and checked against everything else; each damage is named.
//!
//! ```text
//! files     logs record by record; base and journal files' sizes; each run's file against its digest
//! run       directory, posting leaves, trail leaves, rollups: parsed, in order, one against the other
//! seqs      each device's scans once, and all of them
//! journal   every record, and its signature
//! base      catalog, subjects, dead letters
//! ```
//!
//! It works beside everything else: it holds the runs of one moment as a long question does, and takes no
//! lock for longer than a leaf. Memory is bounded by one leaf, one run's directory and rollups, and
//! `seqs::SEQS_AT_ONCE` bits. What was read and found damaged is passed over, so that one flipped bit does
//! not hide another.

mod base;
mod files;
mod journal;
mod report;
mod rollups;
mod run;
mod seqs;
mod trails;

use std::ops::ControlFlow;
use std::sync::Arc;

pub use report::{Damage, VerifyProgress, VerifyReport};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::partition::Partition;
use crate::partition::plan::Span;
use crate::partition::run::Run;
use crate::shared::Shared;
use report::At;

impl Engine {
    /// Reads everything and checks it. `progress` is told now and then how far it has come, and may end it.
    ///
    /// # Errors
    /// It was ended, or the store cannot even be listed. Damage is no error: the report names it.
    pub fn verify(
        &self,
        progress: &mut dyn FnMut(VerifyProgress) -> ControlFlow<()>,
    ) -> Result<VerifyReport, EngineError> {
        let shared = self.shared();
        // Marks first: every scan up to them is in the state that is loaded after them.
        let devices = shared.catalog.devices();
        let state = shared.state.load_full();
        let partitions = state.partitions.clone();
        let census = seqs::Census::new(shared, devices, &state)?;
        drop(state); // the live tables may go; the runs stay for as long as they are read
        let mut checker = Checker::new(shared, progress);
        checker.expect(&partitions, &census);
        files::check(&mut checker, &partitions)?;
        for (partition, run) in runs(&partitions) {
            run::check(&mut checker, partition.span, run)?;
        }
        seqs::check(&mut checker, &partitions, &census)?;
        journal::check(&mut checker)?;
        base::check(&mut checker)?;
        Ok(checker.report)
    }
}

fn runs(partitions: &[Arc<Partition>]) -> impl Iterator<Item = (&Partition, &Run)> {
    partitions.iter().flat_map(|partition| partition.runs.iter().map(|run| (&**partition, &**run)))
}

/// What every check has: the engine, the report, and how far it has come.
struct Checker<'e> {
    shared: &'e Shared,
    report: VerifyReport,
    progress: &'e mut dyn FnMut(VerifyProgress) -> ControlFlow<()>,
    so_far: VerifyProgress,
    told: u64,
}

impl<'e> Checker<'e> {
    fn new(shared: &'e Shared, progress: &'e mut dyn FnMut(VerifyProgress) -> ControlFlow<()>) -> Self {
        Self { shared, report: VerifyReport::default(), progress, so_far: VerifyProgress::default(), told: 0 }
    }

    fn expect(&mut self, partitions: &[Arc<Partition>], census: &seqs::Census) {
        let passes = census.passes().len() as u64;
        for (_, run) in runs(partitions) {
            let entry = &run.entry;
            let again = if entry.imported { 0 } else { passes * entry.part_bytes.postings };
            self.so_far.bytes_all +=
                entry.file_bytes + entry.part_bytes.postings + entry.part_bytes.trails + again;
        }
    }

    /// So many bytes more are read.
    fn advance(&mut self, bytes: u64) -> Result<(), EngineError> {
        self.so_far.bytes += bytes;
        if self.so_far.bytes - self.told < TELL_EVERY_BYTES {
            return Ok(());
        }
        self.told = self.so_far.bytes;
        match (self.progress)(self.so_far) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(EngineError::Stopped),
        }
    }

    fn damage(&mut self, part: &str, at: At, what: impl ToString) {
        self.report.add(part, at, what.to_string());
    }
}

/// Where a damage in a run is.
fn at_run(span: Span, run: &Run) -> At<'static> {
    At { run: Some(run.entry.number), days: Some(span), ..At::default() }
}

const TELL_EVERY_BYTES: u64 = 4 << 20;
