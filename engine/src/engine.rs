//! The engine as its users see it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use crossbeam_channel::{Sender, TrySendError, bounded, unbounded};
use truyvet_schemas::time::MS_PER_DAY;
use truyvet_schemas::{DeviceId, TimeMs};

use crate::catalog::Catalog;
use crate::catalog::records::DeadLetter;
use crate::config::EngineConfig;
use crate::data_dir::DataDir;
use crate::error::{EngineError, OpenError};
use crate::follow::Followed;
use crate::import::Import;
use crate::ingest::applier::Applier;
use crate::ingest::committer::{Committer, Request};
use crate::ingest::space::Space;
use crate::ingest::{DeviceBatch, StorageState, SubmitError};
use crate::journal::Journal;
use crate::keeper::{Job, Keeper, open_partitions};
use crate::memory::Memory;
use crate::pace::{Hurry, Pace};
use crate::partition::gaps::note_lost;
use crate::partition::manifest::Manifest;
use crate::partition::plan::{Span, day_of};
use crate::recovery;
use crate::sealer::{self, Sealer};
use crate::shared::{Numbers, Shared, State};
use crate::status::Status;
use crate::store::{Base, Kind, Store};
use crate::trace::Asking;

/// Keeps scans and answers questions. Clones are the same engine; the last one to go closes it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    asking: Arc<Asking>,
}

struct Inner {
    shared: Arc<Shared>,
    requests: Option<Sender<Request>>,
    seals: Option<Sender<sealer::Request>>,
    jobs: Option<Sender<Job>>,
    /// Keeper, sealer, applier, committer.
    threads: Vec<JoinHandle<()>>,
    /// Removes old logs until its sender goes.
    cleaner: Option<(Sender<()>, JoinHandle<()>)>,
    dir: DataDir,
}

impl Engine {
    /// Opens the data directory, or makes one; only one process at a time.
    ///
    /// # Errors
    /// It is in use, of a newer version, no data directory, damaged, or cannot be read.
    pub fn open(dir: &Path, config: EngineConfig) -> Result<Self, OpenError> {
        config.validate().map_err(OpenError::Config)?;
        let dir = DataDir::lock(dir)?;
        let memory = Memory::of(&config);
        let store = Arc::new(Store::open(&dir.store(), &dir.scratch(), &config, &memory)?);
        let mut manifest = Manifest::load(&store)?;
        note_lost(&store, &mut manifest)?;
        drop_orphans(&store, &manifest)?;
        let numbers = first_unused(&store)?;
        let catalog = Catalog::load(store.clone(), config.subjects_max)?;
        let (reaper, unread) = unbounded();
        let partitions = open_partitions(&store, &manifest, &[], &reaper);
        let gaps = Arc::new(manifest.gaps.clone());
        let shared = Arc::new(Shared {
            space: Space::new(dir.root().to_owned(), config.free_bytes_min),
            state: ArcSwap::from_pointee(State { tables: Vec::new(), partitions, gaps }),
            config,
            memory,
            store,
            catalog,
            counters: crate::shared::Counters::default(),
            numbers,
            followed: Followed::new(),
            spare_table: parking_lot::Mutex::default(),
            spare_segment: parking_lot::Mutex::default(),
        });
        shared.fit_block_cache();
        let recovered = recovery::replay(&shared, &manifest)?;
        shared.numbers.segment.store(recovered.next_segment, Ordering::Relaxed);
        let journal = Journal::start(shared.store.clone(), shared.start_segment()?);
        let mut threads = Vec::new();
        let (jobs, jobs_queue) = bounded(1);
        let (seals, seals_queue) = bounded(1);
        let keeper = Keeper::new(shared.clone(), manifest, jobs_queue, seals.clone(), (reaper, unread));
        let keeper = spawn("keeper", move || keeper.run())?;
        let hurry = Hurry::of(&keeper);
        threads.push(keeper);
        let sealer = Sealer::new(shared.clone(), seals_queue, jobs.clone());
        threads.push(spawn("sealer", move || sealer.run())?);
        let (steps, steps_queue) = bounded(STEPS_MAX);
        let applier = Applier::new(shared.clone(), steps_queue, (jobs.clone(), hurry));
        threads.push(spawn("applier", move || applier.run())?);
        let (requests, requests_queue) = bounded(REQUESTS_MAX);
        let committer = Committer::new(shared.clone(), journal, requests_queue, steps);
        threads.push(spawn("committer", move || committer.run())?);
        let (clean, until) = bounded(0);
        let store = shared.store.clone();
        let cleaner = Some((clean, spawn("cleaner", move || store.remove_old_logs(&until))?));
        if !recovered.tables.is_empty() {
            let (tables, next_segment) = (recovered.tables, recovered.next_segment);
            jobs.send(Job::Flush { tables, next_segment, reply: None }).map_err(|_| EngineError::Stopped)?;
        }
        let (requests, seals, jobs) = (Some(requests), Some(seals), Some(jobs));
        let inner = Inner { shared, requests, seals, jobs, threads, cleaner, dir };
        Ok(Self { inner: Arc::new(inner), asking: Arc::default() })
    }

    /// Stops taking scans, finishes what is queued, and lets go of the data directory. Other clones
    /// keep it open.
    pub fn close(self) {
        drop(self);
    }

    /// The same engine, with limits for the next question; they count for all that are asked of it.
    pub fn asked_within(&self, asking: Arc<Asking>) -> Self {
        Self { inner: self.inner.clone(), asking }
    }

    /// Subjects, sites, areas and devices.
    pub fn catalog(&self) -> &Catalog {
        &self.shared().catalog
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        self.inner.dir.root()
    }

    /// The settings that the engine was opened with.
    pub fn config(&self) -> &EngineConfig {
        &self.shared().config
    }

    /// Queues a batch; never waits. What becomes of it is told to its reply.
    ///
    /// # Errors
    /// There is no place for it now; the batch comes back.
    #[expect(clippy::result_large_err, reason = "the batch goes back to the caller, who tries again")]
    pub fn submit(&self, batch: DeviceBatch) -> Result<(), (SubmitError, DeviceBatch)> {
        let Some(requests) = &self.inner.requests else { return Err((SubmitError::Stopped, batch)) };
        if self.storage_state() != StorageState::Ok {
            return Err((SubmitError::StorageFull, batch));
        }
        requests.try_send(Request::Batch(batch)).map_err(|error| match error {
            TrySendError::Full(Request::Batch(batch)) => (SubmitError::QueueFull, batch),
            TrySendError::Disconnected(Request::Batch(batch)) => (SubmitError::Stopped, batch),
            TrySendError::Full(Request::Rotate(_)) | TrySendError::Disconnected(Request::Rotate(_)) => {
                unreachable!("a batch was sent")
            }
        })
    }

    /// The last seq of the device that is on disk and in every answer.
    pub fn durable_seq(&self, device: DeviceId) -> u64 {
        self.shared().durable_seq(device.get())
    }

    /// Whether scans can be stored.
    pub fn storage_state(&self) -> StorageState {
        self.shared().space.state()
    }

    /// Begins an import, or goes on with one of the same content. `name` is for the operator.
    ///
    /// # Errors
    /// The store fails.
    pub fn begin_import(&self, digest: [u8; 32], name: &str) -> Result<Import, EngineError> {
        Import::begin(self.inner.shared.clone(), self.jobs()?.clone(), digest, name)
    }

    /// How the engine is.
    pub fn status(&self) -> Status {
        Status::of(self.shared())
    }

    /// Refused scans, the newest first.
    ///
    /// # Errors
    /// The store fails, or a letter is damaged.
    pub fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, EngineError> {
        let entries = self.shared().store.scan_backward(Base::DeadLetters).take(limit);
        let read = |entry: Result<crate::store::Entry, EngineError>| {
            serde_json::from_slice(&entry?.1)
                .map_err(|_| EngineError::Corrupt { what: "a dead letter".into() })
        };
        entries.map(read).collect()
    }

    /// Writes the live table as sorted runs, and returns when that is done.
    ///
    /// # Errors
    /// The store fails; the scans stay in the journal.
    pub fn flush(&self) -> Result<(), EngineError> {
        let requests = self.inner.requests.as_ref().ok_or(EngineError::Stopped)?;
        let (done, waits) = bounded(1);
        requests.send(Request::Rotate(done)).map_err(|_| EngineError::Stopped)?;
        waits.recv().map_err(|_| EngineError::Stopped)?
    }

    /// Flushes, then merges the runs of closed days, and sparse neighbours into one partition.
    ///
    /// # Errors
    /// The store fails; what is not merged stays readable as it is.
    pub fn seal(&self) -> Result<(), EngineError> {
        self.seal_at(Pace::Alike)
    }

    /// The same with what arrivals and questions leave of the processors.
    ///
    /// # Errors
    /// As there.
    pub fn seal_behind(&self) -> Result<(), EngineError> {
        self.seal_at(Pace::Behind)
    }

    fn seal_at(&self, pace: Pace) -> Result<(), EngineError> {
        self.flush()?;
        let seals = self.inner.seals.as_ref().ok_or(EngineError::Stopped)?;
        let (done, waits) = bounded(1);
        seals.send(sealer::Request::Seal(pace, done)).map_err(|_| EngineError::Stopped)?;
        waits.recv().map_err(|_| EngineError::Stopped)?
    }

    /// Drops devices' scans that are older than the retention, whole partitions at a time.
    ///
    /// # Errors
    /// The store fails; nothing is dropped then.
    pub fn apply_retention(&self, now: TimeMs) -> Result<(), EngineError> {
        let days = i32::try_from(self.shared().config.retention_days).unwrap_or(i32::MAX);
        if days == 0 {
            return Ok(());
        }
        let devices_before = Some(day_of(now.get()).saturating_sub(days));
        self.ask(|reply| Job::Drop { devices_before, all_within: None, reply })
    }

    /// Drops all scans of the days `from..to`, given by instants of them, imported ones too; tells how
    /// many they were.
    ///
    /// # Errors
    /// A day shares its partition with days that are to stay, or the store fails; nothing is dropped
    /// then.
    pub fn drop_days(&self, from: TimeMs, to: TimeMs) -> Result<u64, EngineError> {
        self.flush()?;
        let span = Span { from: day_of(from.get()), to: day_of(to.get() + MS_PER_DAY - 1) };
        let mut scans = 0;
        for partition in &self.shared().state.load().partitions {
            let Span { from, to } = partition.span;
            if to <= span.from || span.to <= from {
                continue;
            }
            if from < span.from || span.to < to {
                return Err(EngineError::SharedPartition {
                    from: TimeMs::new(partition.span.start_ms()).rfc3339(),
                    to: TimeMs::new(partition.span.end_ms()).rfc3339(),
                });
            }
            scans += partition.scans();
        }
        self.ask(|reply| Job::Drop { devices_before: None, all_within: Some(span), reply })?;
        Ok(scans)
    }

    pub(crate) fn asking(&self) -> &Asking {
        &self.asking
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    fn jobs(&self) -> Result<&Sender<Job>, EngineError> {
        self.inner.jobs.as_ref().ok_or(EngineError::Stopped)
    }

    fn ask(&self, job: impl FnOnce(crate::keeper::Reply) -> Job) -> Result<(), EngineError> {
        let (done, waits) = bounded(1);
        self.jobs()?.send(job(Some(done))).map_err(|_| EngineError::Stopped)?;
        waits.recv().map_err(|_| EngineError::Stopped)?
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.counters.close();
        // Each ends before the one that it hands its work to: the committer with its queue, the applier
        // after it; sealer and keeper are told.
        drop(self.requests.take());
        let mut threads = std::mem::take(&mut self.threads);
        threads.drain(2.min(threads.len())..).rev().for_each(|thread| drop(thread.join()));
        if let Some(seals) = self.seals.take() {
            seals.send(sealer::Request::Close).ok();
        }
        threads.drain(1.min(threads.len())..).for_each(|sealer| drop(sealer.join()));
        if let Some(jobs) = self.jobs.take() {
            jobs.send(Job::Close).ok();
        }
        threads.into_iter().for_each(|keeper| drop(keeper.join()));
        if let Some((until, cleaner)) = self.cleaner.take() {
            drop(until);
            cleaner.join().ok();
        }
        let applied = self.shared.counters.scans_applied.load(Ordering::Relaxed);
        tracing::debug!(applied, "engine closed");
    }
}

/// Drops families and runs that the manifest does not name: what a crash left behind.
fn drop_orphans(store: &Store, manifest: &Manifest) -> Result<(), EngineError> {
    for family in store.families(Kind::Partition)? {
        let number = Kind::Partition.number(&family);
        if !number.is_some_and(|number| manifest.names_family(number)) {
            store.drop_family(&family)?;
        }
    }
    for (family, number) in store.stored_runs()? {
        if !manifest.runs().any(|run| run.number == number) {
            store.drop_run(&family, number)?;
        }
    }
    Ok(())
}

/// Numbers above all that are in the store, named or not.
fn first_unused(store: &Store) -> Result<Numbers, EngineError> {
    let families = store.families(Kind::Partition)?;
    let family = families.iter().filter_map(|family| Kind::Partition.number(family)).max();
    let run = store.stored_runs()?.into_iter().map(|(_, run)| run).max();
    let next = |last: Option<u32>| last.map_or(0, |last| last + 1).into();
    Ok(Numbers { run: next(run), family: next(family), segment: 0.into() })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, EngineError> {
    let spawned = std::thread::Builder::new().name(format!("truyvet-{name}")).spawn(work);
    spawned.map_err(|error| EngineError::Store(format!("no thread for the {name}: {error}")))
}

/// Batches waiting for the committer. The gateway bounds their bytes.
const REQUESTS_MAX: usize = 4_096;

/// Batches on disk, waiting to become visible.
const STEPS_MAX: usize = 1_024;
