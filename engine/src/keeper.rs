//! The one thread that changes the manifest: it writes runs, publishes merged ones, and drops what is
//! old.
//!
//! A flush that fails is tried again until it succeeds or the engine closes: nothing is lost by waiting,
//! because the scans stay in the journal. Imports and merges report their error and change nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use truyvet_schemas::TimeMs;

use crate::error::EngineError;
use crate::index::keys::{self, MetaTag};
use crate::index::rows::Rows;
use crate::journal;
use crate::live::LiveTable;
use crate::pace;
use crate::partition::Partition;
use crate::partition::gaps::Why;
use crate::partition::manifest::{Manifest, Merged, PartitionEntry, RunEntry};
use crate::partition::plan::{Span, day_of, new_spans};
use crate::partition::run::Run;
use crate::partition::write::{self, RunWriter, write_run};
use crate::sealer;
use crate::shared::Shared;
use crate::store::{Base, Family, Kind, Reaper, Store, Unread};

/// What the keeper is asked to do. A reply comes when it is done.
pub(crate) enum Job {
    /// Write live tables as runs and forget the journal before `next_segment`.
    Flush { tables: Vec<Arc<LiveTable>>, next_segment: u32, reply: Reply },
    /// Write imported rows as runs; `mark` is the last row that they stand for.
    Import { rows: Rows, device: u32, mark: u64, reply: Reply },
    /// Put merged runs, whose files are in their family, in the place of the former ones. Where one of
    /// these is gone meanwhile, nothing changes and the merged ones go.
    Replace { merged: Merged, reply: Reply },
    /// Drop runs: those of devices whose partition ends before `devices_before`, and all whose
    /// partition lies within `all_within`.
    Drop { devices_before: Option<i32>, all_within: Option<Span>, reply: Reply },
    /// Only tell that all before is done.
    Settle(Reply),
    /// Nothing; end when asked to close.
    Close,
}

impl Job {
    /// Whether somebody waits until it is done.
    fn is_waited_for(&self) -> bool {
        match self {
            Self::Flush { reply, .. }
            | Self::Import { reply, .. }
            | Self::Replace { reply, .. }
            | Self::Drop { reply, .. }
            | Self::Settle(reply) => reply.is_some(),
            Self::Close => true,
        }
    }
}

pub(crate) type Reply = Option<Sender<Result<(), EngineError>>>;

/// The keeper's own state.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    manifest: Manifest,
    jobs: Receiver<Job>,
    sealer: Sender<sealer::Request>,
    reaper: Reaper,
    unread: Receiver<Unread>,
    /// Whether somebody waits for the job at hand.
    is_waited_for: bool,
}

/// A run and the days that it belongs to.
struct Placed {
    span: Span,
    run: RunEntry,
}

impl Keeper {
    pub(crate) fn new(
        shared: Arc<Shared>,
        manifest: Manifest,
        jobs: Receiver<Job>,
        sealer: Sender<sealer::Request>,
        (reaper, unread): (Reaper, Receiver<Unread>),
    ) -> Self {
        Self { shared, manifest, jobs, sealer, reaper, unread, is_waited_for: false }
    }

    /// Works until the engine closes.
    pub(crate) fn run(mut self) {
        self.shared.prepare_segment();
        self.prepare_table();
        loop {
            match self.jobs.recv_timeout(IDLE) {
                Ok(Job::Close) | Err(RecvTimeoutError::Disconnected) => return self.drop_unread(),
                Ok(job) => {
                    self.is_waited_for = job.is_waited_for();
                    let is_flush = matches!(job, Job::Flush { .. });
                    if is_flush {
                        // The one at hand was just taken.
                        self.shared.prepare_segment();
                    }
                    self.shared.counters.set_flushing(is_flush);
                    self.perform(job);
                    self.shared.counters.set_flushing(false);
                    if is_flush {
                        self.prepare_table();
                    }
                    // A full queue means that the sealer will look anyway.
                    self.sealer.try_send(sealer::Request::Look).ok();
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.drop_unread();
            self.shared.fit_block_cache();
        }
    }

    /// Not before the former table is written: memory is for two.
    fn prepare_table(&self) {
        self.behind(|| self.shared.prepare_table());
    }

    /// Behind others, unless somebody waits.
    fn behind<T>(&self, work: impl FnOnce() -> T) -> T {
        pace::behind_unless(|| self.is_waited_for || !self.jobs.is_empty(), work)
    }

    fn perform(&mut self, job: Job) {
        let is_retried = matches!(job, Job::Flush { .. });
        let (result, reply) = loop {
            let (result, reply) = self.attempt(&job);
            let Err(error) = &result else { break (result, reply) };
            tracing::error!(%error, "writing runs failed");
            if !is_retried || self.shared.counters.is_closing() {
                break (result, reply);
            }
            self.shared.space.failed(&error.to_string());
            std::thread::sleep(RETRY_AFTER);
        };
        if let Some(reply) = reply {
            reply.send(result).ok();
        }
    }

    fn attempt<'j>(&mut self, job: &'j Job) -> (Result<(), EngineError>, &'j Reply) {
        let has_room = self.shared.space.has_room_for_families();
        match job {
            Job::Flush { reply, .. } | Job::Import { reply, .. } if !has_room => {
                (Err(EngineError::NoSpace), reply)
            }
            Job::Flush { tables, next_segment, reply } => (self.flush(tables, *next_segment), reply),
            Job::Import { rows, device, mark, reply } => (self.import(rows, *device, *mark), reply),
            Job::Replace { merged, reply } => (self.replace(merged), reply),
            Job::Drop { devices_before, all_within, reply } => {
                (self.drop_runs(*devices_before, *all_within), reply)
            }
            Job::Settle(reply) => (Ok(()), reply),
            Job::Close => (Ok(()), &None),
        }
    }

    fn flush(&mut self, tables: &[Arc<LiveTable>], next_segment: u32) -> Result<(), EngineError> {
        let mut placed = Vec::new();
        for table in tables {
            let rows = self.behind(|| table.rows());
            placed.extend(self.write_rows(&rows, false, &placed)?);
        }
        let mut next = self.manifest.clone();
        next.first_segment = next_segment;
        self.publish(next, placed, None, tables)?;
        self.forget_segments(next_segment);
        Ok(())
    }

    /// Drops segments that are in runs, and ends the log that they are in. What cannot be done now is done
    /// after the next flush: were the job to fail for it, it would be done again, and the scans twice.
    fn forget_segments(&self, before: u32) {
        let store = &self.shared.store;
        let warn = |error| tracing::warn!(%error, "the journal could not be cut; the next flush tries again");
        let segments = journal::segments(store).unwrap_or_else(|error| {
            warn(error);
            Vec::new()
        });
        for (_, family) in segments.iter().filter(|(number, _)| *number < before) {
            store.drop_family(family).unwrap_or_else(warn);
        }
        store.begin_log().unwrap_or_else(warn);
    }

    fn import(&mut self, rows: &Rows, device: u32, mark: u64) -> Result<(), EngineError> {
        let placed = self.write_rows(rows, true, &[])?;
        self.publish(self.manifest.clone(), placed, Some((device, mark)), &[])?;
        self.shared.counters.scans_imported.fetch_add(rows.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Writes the rows as one run a partition, and moves the files into the partitions' families.
    fn write_rows(
        &mut self,
        rows: &Rows,
        imported: bool,
        placed: &[Placed],
    ) -> Result<Vec<Placed>, EngineError> {
        let today = day_of(TimeMs::now().get());
        let spans = self.spans_for(rows, placed, today);
        let picks = self.behind(|| pick(rows, &spans));
        let ids_end = self.shared.catalog.subjects.read().ids_end();
        let areas = imported.then(|| self.shared.catalog.site_areas());
        let mut written = Vec::new();
        for ((span, family), picked) in spans.into_iter().zip(picks) {
            if picked.is_empty() {
                continue;
            }
            let family = match family {
                Some(family) => family,
                None => self.shared.start_family()?,
            };
            let number = self.shared.next_run();
            let scans = picked.len() as u64;
            // A day that is over and comes at once is as good as sealed.
            let areas = areas.as_deref().filter(|_| span.is_dense() && span.to <= today);
            let plan = write::Plan { number, family, imported, scans, ids_end, areas };
            let write = |writer: &mut RunWriter<'_, '_>| write::write_rows(writer, rows, &picked);
            let run = self.behind(|| write_run(&self.shared.store, plan, write))?;
            self.shared.store.ingest(&Kind::Partition.family(family), &[run.file])?;
            written.push(Placed { span, run: run.entry });
        }
        self.shared.counters.runs_written.fetch_add(written.len() as u64, Ordering::Relaxed);
        Ok(written)
    }

    /// The spans of days that there are or should be, each with its family if it has one.
    fn spans_for(&self, rows: &Rows, placed: &[Placed], today: i32) -> Vec<(Span, Option<u32>)> {
        let known = self.manifest.partitions.iter().map(|p| (p.span(), p.family));
        let mut spans: Vec<(Span, Option<u32>)> = known
            .chain(placed.iter().map(|placed| (placed.span, placed.run.family)))
            .map(|(span, family)| (span, Some(family)))
            .collect();
        spans.sort_unstable_by_key(|(span, _)| *span);
        spans.dedup_by_key(|(span, _)| *span);
        let existing: Vec<Span> = spans.iter().map(|(span, _)| *span).collect();
        let new = new_spans(&existing, &scans_by_day(rows), today);
        spans.extend(new.into_iter().map(|span| (span, None)));
        spans.sort_unstable_by_key(|(span, _)| *span);
        spans
    }

    /// Makes runs part of the manifest, in one write with the subjects that they name and with the
    /// mark of their import; then visible, in one step with the tables that they replace.
    fn publish(
        &mut self,
        mut next: Manifest,
        placed: Vec<Placed>,
        mark: Option<(u32, u64)>,
        replaced: &[Arc<LiveTable>],
    ) -> Result<(), EngineError> {
        for Placed { span, run } in placed {
            next.add(span, run);
        }
        let mut changes = self.shared.store.changes();
        if let Some((device, row)) = mark {
            changes.put(Base::Meta, &keys::meta(MetaTag::Mark, device), &row.to_be_bytes());
        }
        changes.put(Base::Meta, &keys::MANIFEST, &next.to_bytes());
        let shared = self.shared.clone();
        let storing = shared.catalog.store_subjects(&mut changes);
        storing.end(changes.commit())?;
        self.show(next, replaced);
        Ok(())
    }

    /// Makes the manifest's partitions the visible ones. Open runs are carried over; those that are no
    /// longer named, and families without a name, go with their last reader.
    fn show(&mut self, next: Manifest, replaced: &[Arc<LiveTable>]) {
        let former = self.shared.state.load_full();
        let partitions = open_partitions(&self.shared.store, &next, &former.partitions, &self.reaper);
        let gaps = Arc::new(next.gaps.clone());
        self.shared.change_state(|state| {
            state.partitions.clone_from(&partitions);
            state.gaps.clone_from(&gaps);
            state.tables.retain(|table| !replaced.iter().any(|gone| Arc::ptr_eq(gone, table)));
        });
        for partition in &former.partitions {
            for run in partition.runs.iter().filter(|run| !next.runs().any(|r| r.number == run.entry.number))
            {
                match next.names_family(run.entry.family) {
                    true => run.doom(),
                    false => run.family.doom(),
                }
            }
        }
        self.manifest = next;
    }

    fn replace(&mut self, merged: &Merged) -> Result<(), EngineError> {
        let mut next = self.manifest.clone();
        if next.replace(merged.clone()).is_some() {
            return self.publish(next, Vec::new(), None, &[]);
        }
        tracing::info!(runs = merged.runs.len(), "days were dropped while they were merged");
        self.abandon(merged)
    }

    fn abandon(&self, merged: &Merged) -> Result<(), EngineError> {
        let family = Kind::Partition.family(merged.family);
        if !self.manifest.names_family(merged.family) {
            return self.shared.store.drop_family(&family);
        }
        merged.runs.iter().try_for_each(|run| self.shared.store.drop_run(&family, run.number))
    }

    fn drop_runs(
        &mut self,
        devices_before: Option<i32>,
        all_within: Option<Span>,
    ) -> Result<(), EngineError> {
        let mut next = self.manifest.clone();
        let before = next.runs().count();
        for partition in &mut next.partitions {
            let span = partition.span();
            let within = all_within.is_some_and(|s| s.from <= span.from && span.to <= s.to);
            let past = devices_before.is_some_and(|day| span.to <= day);
            for run in partition.runs.extract_if(.., |run| within || (past && !run.imported)) {
                next.gaps.note(span, Why::Dropped, &run);
            }
        }
        next.partitions.retain(|partition| !partition.runs.is_empty());
        let dropped = before - next.runs().count();
        if dropped == 0 {
            return Ok(());
        }
        tracing::info!(runs = dropped, "dropping runs by retention or by request");
        self.publish(next, Vec::new(), None, &[])
    }

    /// Drops what lost its last reader.
    fn drop_unread(&self) {
        for unread in self.unread.try_iter() {
            let dropped = match &unread {
                Unread::Family { name, .. } => self.shared.store.drop_family(name),
                Unread::Run { family, run } => self.shared.store.drop_run(family, *run),
            };
            if let Err(error) = dropped {
                tracing::warn!(%error, "old runs could not be dropped; the next start tries again");
            }
        }
    }
}

/// The manifest's partitions, opened; families and runs that are open already are shared.
pub(crate) fn open_partitions(
    store: &Store,
    manifest: &Manifest,
    former: &[Arc<Partition>],
    reaper: &Reaper,
) -> Vec<Arc<Partition>> {
    let mut families: BTreeMap<u32, Arc<Family>> = BTreeMap::new();
    let mut runs: BTreeMap<u32, Arc<Run>> = BTreeMap::new();
    for run in former.iter().flat_map(|partition| &partition.runs) {
        families.insert(run.entry.family, run.family.clone());
        runs.insert(run.entry.number, run.clone());
    }
    let mut family = |number: u32| {
        let open = || Arc::new(Family::open(store, Kind::Partition.family(number), reaper.clone()));
        families.entry(number).or_insert_with(open).clone()
    };
    let mut open = |entry: &PartitionEntry| {
        let runs = entry.runs.iter().map(|run| {
            let known = runs.get(&run.number).cloned();
            known.unwrap_or_else(|| Arc::new(Run::new(run.clone(), family(run.family))))
        });
        Arc::new(Partition { span: entry.span(), runs: runs.collect() })
    };
    manifest.partitions.iter().map(&mut open).collect()
}

fn scans_by_day(rows: &Rows) -> Vec<(i32, u64)> {
    let mut days: BTreeMap<i32, u64> = BTreeMap::new();
    for stretch in rows.at_ms.chunk_by(|a, b| day_of(*a) == day_of(*b)) {
        *days.entry(day_of(stretch[0])).or_default() += stretch.len() as u64;
    }
    days.into_iter().collect()
}

/// For each span the rows that lie in it.
fn pick(rows: &Rows, spans: &[(Span, Option<u32>)]) -> Vec<Vec<u32>> {
    let mut picks = vec![Vec::new(); spans.len()];
    let mut last = 0;
    for (i, at_ms) in (0u32..).zip(&rows.at_ms) {
        let day = day_of(*at_ms);
        if !spans[last].0.contains(day) {
            last = spans.partition_point(|(span, _)| span.to <= day);
            debug_assert!(spans[last].0.contains(day), "every row's day has a span");
        }
        picks[last].push(i);
    }
    picks
}

/// How often an idle keeper drops what lost its last reader, and looks at what has grown.
const IDLE: Duration = Duration::from_millis(500);

const RETRY_AFTER: Duration = Duration::from_millis(500);
