//! The thread that merges runs, beside the keeper, so that arriving scans never wait for a merge.
//!
//! ```text
//! state -> plan -> runs of some days -> one file -> family -> keeper: publish
//! ```
//!
//! It only adds files; the keeper puts them in the place of the former runs, in one write. Stopped or
//! crashed at any moment before that, nothing has happened; what it left behind is dropped at the next
//! start, and the same plan is made again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use truyvet_schemas::TimeMs;

use crate::error::EngineError;
use crate::keeper::Job;
use crate::pace::{self, Pace};
use crate::partition::Partition;
use crate::partition::manifest::{Merged, RunEntry};
use crate::partition::merge::merge_runs;
use crate::partition::plan::{Candidate, Merge, Span, day_of, next_merges};
use crate::partition::run::Run;
use crate::partition::write::{Plan, RunWriter, write_run};
use crate::shared::{Shared, State};
use crate::store::Kind;

/// What the sealer is asked to do.
pub(crate) enum Request {
    /// Runs have come or gone: merge what has piled up.
    Look,
    /// Merge the runs of closed days, and sparse neighbours, at this pace; tell when it is done.
    Seal(Pace, Sender<Result<(), EngineError>>),
    /// End.
    Close,
}

/// The sealer's own state.
pub(crate) struct Sealer {
    shared: Arc<Shared>,
    requests: Receiver<Request>,
    jobs: Sender<Job>,
    pace: Pace,
}

impl Sealer {
    pub(crate) fn new(shared: Arc<Shared>, requests: Receiver<Request>, jobs: Sender<Job>) -> Self {
        Self { shared, requests, jobs, pace: Pace::Behind }
    }

    /// Works until the engine closes.
    pub(crate) fn run(mut self) {
        while let Ok(request) = self.requests.recv() {
            match request {
                Request::Look => {
                    self.pace = Pace::Behind;
                    if let Err(error) = self.merge(false) {
                        self.report(&error);
                    }
                }
                Request::Seal(pace, reply) => {
                    self.pace = pace;
                    let result = self.merge(true);
                    if let Err(error) = &result {
                        self.report(error);
                    }
                    reply.send(result).ok();
                }
                Request::Close => return,
            }
        }
    }

    fn report(&self, error: &EngineError) {
        if !self.shared.counters.is_closing() {
            tracing::error!(%error, "merging runs failed; it is tried again with the next runs");
        }
    }

    fn merge(&self, seal: bool) -> Result<(), EngineError> {
        loop {
            if self.shared.counters.is_closing() {
                return Err(EngineError::Stopped);
            }
            let today = day_of(TimeMs::now().get());
            let state = self.shared.state.load_full();
            let areas = self.shared.catalog.site_areas();
            let tree = areas.have_rollups().then_some(areas.tree);
            let candidates: Vec<Candidate> = state.partitions.iter().map(|p| p.candidate(tree)).collect();
            let at_once = if self.pace == Pace::Alike { MERGES_AT_ONCE } else { 1 };
            let merges = next_merges(&candidates, today, self.shared.config.runs_max, seal, at_once);
            if merges.is_empty() {
                return Ok(());
            }
            if !self.shared.space.has_room_for_families() {
                return Err(EngineError::NoSpace);
            }
            self.perform_all(&state, merges)?;
        }
    }

    /// Each on a thread of its own.
    fn perform_all(&self, state: &State, merges: Vec<Merge>) -> Result<(), EngineError> {
        std::thread::scope(|threads| {
            let merges: Vec<_> =
                merges.into_iter().map(|merge| threads.spawn(|| self.perform(state, merge))).collect();
            merges.into_iter().try_for_each(|merge| merge.join().expect("a merge does not panic"))
        })
    }

    fn perform(&self, state: &State, merge: Merge) -> Result<(), EngineError> {
        let merged = match merge {
            Merge::Whole(range) => self.merge_whole(&state.partitions[range])?,
            Merge::Part { partition, runs } => self.merge_part(&state.partitions[partition], runs)?,
        };
        let (done, waits) = bounded(1);
        let job = Job::Replace { merged, reply: Some(done) };
        self.jobs.send(job).map_err(|_| EngineError::Stopped)?;
        waits.recv().map_err(|_| EngineError::Stopped)?
    }

    /// Neighbouring partitions become one, in a family of its own, with one run of each kind.
    fn merge_whole(&self, partitions: &[Arc<Partition>]) -> Result<Merged, EngineError> {
        let span = Span { from: partitions[0].span.from, to: partitions[partitions.len() - 1].span.to };
        let family = self.shared.start_family()?;
        let runs = || partitions.iter().flat_map(|partition| &partition.runs).map(Arc::as_ref);
        let mut merged = Vec::new();
        for imported in [false, true] {
            let of_kind: Vec<&Run> = runs().filter(|run| run.entry.imported == imported).collect();
            if !of_kind.is_empty() {
                merged.push(self.write(&of_kind, family, span.is_dense())?);
            }
        }
        let former = runs().map(|run| run.entry.number).collect();
        Ok(Merged { span, family, former, runs: merged })
    }

    /// Some runs of a partition become one, in the family where they are.
    fn merge_part(&self, partition: &Partition, former: Vec<u32>) -> Result<Merged, EngineError> {
        let runs = partition.runs.iter().map(Arc::as_ref);
        let runs: Vec<&Run> = runs.filter(|run| former.contains(&run.entry.number)).collect();
        let family = runs[runs.len() - 1].entry.family;
        let run = self.write(&runs, family, false)?;
        Ok(Merged { span: partition.span, family, former, runs: vec![run] })
    }

    fn write(&self, runs: &[&Run], family: u32, with_rollups: bool) -> Result<RunEntry, EngineError> {
        let shared = &self.shared;
        let areas = with_rollups.then(|| shared.catalog.site_areas());
        let plan = Plan {
            number: shared.next_run(),
            family,
            imported: runs[0].entry.imported,
            scans: runs.iter().map(|run| run.entry.scans).sum(),
            ids_end: shared.catalog.subjects.read().ids_end(),
            areas: areas.as_deref(),
        };
        let is_stopped = || {
            self.let_a_flush_pass();
            shared.counters.is_closing()
        };
        let merge = |writer: &mut RunWriter<'_, '_>| merge_runs(&shared.store, runs, writer, is_stopped);
        let run = pace::behind_unless(|| self.pace == Pace::Alike, || write_run(&shared.store, plan, merge))?;
        assert_eq!(run.entry.scans, plan.scans, "a merge keeps every scan");
        shared.store.ingest(&Kind::Partition.family(family), &[run.file])?;
        shared.counters.runs_written.fetch_add(1, Ordering::Relaxed);
        Ok(run.entry)
    }

    /// Threads that work behind share what is left; a full table is more urgent than a merge.
    fn let_a_flush_pass(&self) {
        let counters = &self.shared.counters;
        while self.pace == Pace::Behind && counters.is_flushing() && !counters.is_closing() {
            std::thread::sleep(FLUSH_LOOK);
        }
    }
}

/// Closed days that are sealed at once while somebody waits for it.
pub(crate) const MERGES_AT_ONCE: usize = 2;

/// How often a merge looks whether a flush is over, which takes about a second.
const FLUSH_LOOK: Duration = Duration::from_millis(5);
