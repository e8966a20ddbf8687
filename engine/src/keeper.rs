//! The one thread that changes partitions: it writes runs, merges them, and drops what is old.
//!
//! A job that fails is tried again until it succeeds or the engine closes: nothing is lost by waiting,
//! because the scans stay in the journal, or with the import that handed them over.

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
use crate::partition::Partition;
use crate::partition::manifest::{Manifest, RunEntry};
use crate::partition::merge::merge_runs;
use crate::partition::plan::{self, Candidate, Span, day_of, new_spans, next_merge};
use crate::partition::run::Run;
use crate::partition::write::{NewRun, write_run};
use crate::shared::Shared;
use crate::store::{Base, Family, Kind, Reaper};

/// What the keeper is asked to do. A reply comes when it is done.
pub(crate) enum Job {
    /// Write live tables as runs and forget the journal before `next_segment`.
    Flush { tables: Vec<Arc<LiveTable>>, next_segment: u32, reply: Reply },
    /// Write imported rows as runs; `mark` is the last row that they stand for.
    Import { rows: Rows, device: u32, mark: u64, reply: Reply },
    /// Merge what should be merged; with `seal`, all closed days.
    Merge { seal: bool, reply: Reply },
    /// Drop runs: those of devices whose partition ends before `devices_before`, and all whose
    /// partition lies within `all_within`.
    Drop { devices_before: Option<i32>, all_within: Option<Span>, reply: Reply },
    /// Only tell that all before is done.
    Settle(Reply),
    /// Nothing; end when asked to close.
    Close,
}

pub(crate) type Reply = Option<Sender<Result<(), EngineError>>>;

/// The keeper's own state.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    manifest: Manifest,
    jobs: Receiver<Job>,
    reaper: Reaper,
    reaped: Receiver<String>,
}

/// A run and the partition that it goes to.
struct Placed {
    partition: u32,
    span: Span,
    run: NewRun,
}

impl Keeper {
    pub(crate) fn new(
        shared: Arc<Shared>,
        manifest: Manifest,
        jobs: Receiver<Job>,
        reaper: Reaper,
        reaped: Receiver<String>,
    ) -> Self {
        Self { shared, manifest, jobs, reaper, reaped }
    }

    /// Works until the engine closes.
    pub(crate) fn run(mut self) {
        loop {
            match self.jobs.recv_timeout(IDLE) {
                Ok(Job::Close) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(job) => {
                    self.perform(job);
                    self.perform(Job::Merge { seal: false, reply: None });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.drop_unread();
        }
    }

    fn perform(&mut self, job: Job) {
        let is_retried = matches!(job, Job::Flush { .. });
        let (result, reply) = loop {
            let (result, reply) = self.attempt(&job);
            let Err(error) = &result else { break (result, reply) };
            tracing::error!(%error, "writing runs failed");
            if !is_retried || self.is_closing() {
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
            Job::Flush { reply, .. } | Job::Import { reply, .. } | Job::Merge { reply, .. } if !has_room => {
                (Err(EngineError::NoSpace), reply)
            }
            Job::Flush { tables, next_segment, reply } => (self.flush(tables, *next_segment), reply),
            Job::Import { rows, device, mark, reply } => (self.import(rows, *device, *mark), reply),
            Job::Merge { seal, reply } => (self.merge(*seal), reply),
            Job::Drop { devices_before, all_within, reply } => {
                (self.drop_runs(*devices_before, *all_within), reply)
            }
            Job::Settle(reply) => (Ok(()), reply),
            Job::Close => (Ok(()), &None),
        }
    }

    fn is_closing(&self) -> bool {
        // `Close` is the last job and goes behind at most one other.
        self.shared.counters.is_closing()
    }

    fn flush(&mut self, tables: &[Arc<LiveTable>], next_segment: u32) -> Result<(), EngineError> {
        let mut placed = Vec::new();
        for table in tables {
            let rows = table.rows();
            placed.extend(self.write_rows(&rows, false, &placed)?);
        }
        let mut next = self.manifest.clone();
        next.first_segment = next_segment;
        self.publish(next, placed, None, tables)?;
        for (number, family) in journal::segments(&self.shared.store, 0)? {
            if number < next_segment {
                self.shared.store.drop_family(&family)?;
            }
        }
        Ok(())
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
        let known =
            self.manifest.partitions.iter().map(|p| (Span { from: p.from_day, to: p.to_day }, p.number));
        let mut spans: Vec<(Span, Option<u32>)> = known
            .chain(placed.iter().map(|p| (p.span, p.partition)))
            .map(|(span, number)| (span, Some(number)))
            .collect();
        spans.sort_unstable_by_key(|(span, _)| *span);
        spans.dedup_by_key(|(span, _)| *span);
        let existing: Vec<Span> = spans.iter().map(|(span, _)| *span).collect();
        let today = day_of(TimeMs::now().get());
        let new = new_spans(&existing, &scans_by_day(rows), today);
        spans.extend(new.into_iter().map(|span| (span, None)));
        spans.sort_unstable_by_key(|(span, _)| *span);
        let picks = pick(rows, &spans);
        let mut written = Vec::new();
        for ((span, partition), picked) in spans.into_iter().zip(picks) {
            if picked.is_empty() {
                continue;
            }
            let partition = match partition {
                Some(partition) => partition,
                None => self.start_partition()?,
            };
            let number = self.next_run();
            let run = write_run(&self.shared.store, number, rows, &picked, imported)?;
            self.shared.store.ingest(&Kind::Partition.family(partition), std::slice::from_ref(&run.file))?;
            written.push(Placed { partition, span, run });
        }
        self.shared.counters.runs_written.fetch_add(written.len() as u64, Ordering::Relaxed);
        Ok(written)
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
        for Placed { partition, span, run } in placed {
            next.add(partition, span, run.entry);
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

    /// Makes the manifest's partitions the visible ones. Open runs are carried over.
    fn show(&mut self, next: Manifest, replaced: &[Arc<LiveTable>]) {
        let former = self.shared.state.load_full();
        let partitions = open_partitions(&next, &former.partitions, &self.reaper);
        self.shared.change_state(|state| {
            state.partitions.clone_from(&partitions);
            state.tables.retain(|table| !replaced.iter().any(|gone| Arc::ptr_eq(gone, table)));
        });
        for gone in &former.partitions {
            if !next.partitions.iter().any(|entry| entry.number == gone.number) {
                gone.family.doom();
            }
        }
        self.manifest = Manifest {
            next_partition: self.manifest.next_partition.max(next.next_partition),
            next_run: self.manifest.next_run.max(next.next_run),
            ..next
        };
    }

    fn merge(&mut self, seal: bool) -> Result<(), EngineError> {
        let today = day_of(TimeMs::now().get());
        loop {
            let candidates: Vec<Candidate> =
                self.shared.state.load().partitions.iter().map(candidate).collect();
            let runs_max = self.shared.config.runs_max;
            let Some(range) = next_merge(&candidates, today, runs_max, seal) else { return Ok(()) };
            self.merge_partitions(range)?;
            self.drop_unread();
        }
    }

    fn merge_partitions(&mut self, range: std::ops::Range<usize>) -> Result<(), EngineError> {
        let state = self.shared.state.load_full();
        let merged = &state.partitions[range];
        let span = Span { from: merged[0].span.from, to: merged[merged.len() - 1].span.to };
        let areas = span.is_dense().then(|| self.shared.catalog.areas_above_sites());
        let partition = self.start_partition()?;
        let mut entries: Vec<RunEntry> = Vec::new();
        for imported in [false, true] {
            let runs: Vec<&Run> = merged
                .iter()
                .flat_map(|partition| &partition.runs)
                .map(Arc::as_ref)
                .filter(|run| run.entry.imported == imported)
                .collect();
            if runs.is_empty() {
                continue;
            }
            let ids_end = self.shared.catalog.subjects.read().ids_end();
            let number = self.next_run();
            let run = merge_runs(&self.shared.store, number, &runs, ids_end, areas.as_ref(), imported)?;
            self.shared.store.ingest(&Kind::Partition.family(partition), std::slice::from_ref(&run.file))?;
            entries.push(run.entry);
        }
        let mut next = self.manifest.clone();
        next.partitions.retain(|entry| !merged.iter().any(|gone| gone.number == entry.number));
        entries.into_iter().for_each(|entry| next.add(partition, span, entry));
        self.publish(next, Vec::new(), None, &[])
    }

    fn drop_runs(
        &mut self,
        devices_before: Option<i32>,
        all_within: Option<Span>,
    ) -> Result<(), EngineError> {
        let mut next = self.manifest.clone();
        let mut discarded = Vec::new();
        for partition in &mut next.partitions {
            let within = all_within.is_some_and(|s| s.from <= partition.from_day && partition.to_day <= s.to);
            let past = devices_before.is_some_and(|day| partition.to_day <= day);
            let family = Kind::Partition.family(partition.number);
            partition.runs.retain(|run| {
                let stays = !within && (run.imported || !past);
                if !stays {
                    discarded.push((family.clone(), run.number));
                }
                stays
            });
        }
        next.partitions.retain(|partition| !partition.runs.is_empty());
        if discarded.is_empty() {
            return Ok(());
        }
        tracing::info!(runs = discarded.len(), "dropping runs by retention or by request");
        self.publish(next, Vec::new(), None, &[])
    }

    fn start_partition(&mut self) -> Result<u32, EngineError> {
        let number = self.manifest.next_partition;
        self.manifest.next_partition += 1;
        self.shared.store.create_family(Kind::Partition, number)?;
        Ok(number)
    }

    fn next_run(&mut self) -> u32 {
        let number = self.manifest.next_run;
        self.manifest.next_run += 1;
        number
    }

    /// Drops the families whose last reader is gone.
    fn drop_unread(&self) {
        for family in self.reaped.try_iter() {
            if let Err(error) = self.shared.store.drop_family(&family) {
                tracing::warn!(%error, family, "a partition could not be dropped; the next start tries again");
            }
        }
    }
}

/// The manifest's partitions, opened; runs that are open already are shared.
pub(crate) fn open_partitions(
    manifest: &Manifest,
    former: &[Arc<Partition>],
    reaper: &Reaper,
) -> Vec<Arc<Partition>> {
    let open = |entry: &crate::partition::manifest::PartitionEntry| {
        let before = former.iter().find(|partition| partition.number == entry.number);
        let family = before.map_or_else(
            || Arc::new(Family::new(Kind::Partition.family(entry.number), reaper.clone())),
            |before| before.family.clone(),
        );
        let runs = entry.runs.iter().map(|run| {
            let known = before.and_then(|before| before.runs.iter().find(|r| r.entry.number == run.number));
            known.cloned().unwrap_or_else(|| Arc::new(Run::new(run.clone(), family.clone())))
        });
        let runs = runs.collect();
        let span = Span { from: entry.from_day, to: entry.to_day };
        Arc::new(Partition { number: entry.number, span, family, runs })
    };
    manifest.partitions.iter().map(open).collect()
}

fn candidate(partition: &Arc<Partition>) -> Candidate {
    let imported = partition.runs.iter().filter(|run| run.entry.imported).count();
    let from_devices = partition.runs.len() - imported;
    // One run of each kind is as merged as it gets.
    let runs = imported.max(from_devices);
    Candidate { span: partition.span, scans: partition.scans(), runs }
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

/// How often an idle keeper drops families whose last reader is gone.
const IDLE: Duration = Duration::from_millis(500);

const RETRY_AFTER: Duration = Duration::from_millis(500);

const _: () = assert!(plan::SPANS_MAX < 60);
