//! What the engine's threads and its readers have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use truyvet_schemas::limits::BATCH_SCANS_MAX;

use crate::catalog::Catalog;
use crate::config::EngineConfig;
use crate::error::EngineError;
use crate::follow::Followed;
use crate::ingest::space::Space;
use crate::journal::Segment;
use crate::live::{Appender, LiveTable};
use crate::memory::Memory;
use crate::partition::Partition;
use crate::partition::gaps::Gaps;
use crate::store::{Kind, Store};

/// Shared by the committer, the applier, the keeper and every reader.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) memory: Memory,
    pub(crate) store: Arc<Store>,
    pub(crate) catalog: Catalog,
    /// Where every visible scan is, exactly once. Readers load it once a question.
    pub(crate) state: ArcSwap<State>,
    pub(crate) space: Space,
    pub(crate) counters: Counters,
    pub(crate) numbers: Numbers,
    pub(crate) followed: Followed,
    pub(crate) spare_table: Mutex<Option<(Arc<LiveTable>, Appender)>>,
    pub(crate) spare_segment: Mutex<Option<Segment>>,
}

/// Numbers for what is made next. None is used twice while anything of that number may be there.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) run: AtomicU32,
    pub(crate) family: AtomicU32,
    pub(crate) segment: AtomicU32,
}

/// Where every visible scan is, exactly once.
#[derive(Clone, Default)]
pub(crate) struct State {
    /// In memory, the oldest first.
    pub(crate) tables: Vec<Arc<LiveTable>>,
    /// In runs, in order of days.
    pub(crate) partitions: Vec<Arc<Partition>>,
    /// Nowhere: days of which scans are gone.
    pub(crate) gaps: Arc<Gaps>,
}

/// Counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) scans_applied: AtomicU64,
    pub(crate) scans_refused: AtomicU64,
    pub(crate) scans_imported: AtomicU64,
    pub(crate) runs_written: AtomicU64,
    flushing: AtomicBool,
    closing: AtomicBool,
}

impl Counters {
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Whether a full live table is being written.
    pub(crate) fn is_flushing(&self) -> bool {
        self.flushing.load(Ordering::Relaxed)
    }

    pub(crate) fn set_flushing(&self, is_flushing: bool) {
        self.flushing.store(is_flushing, Ordering::Relaxed);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn count_applied(&self, scans: usize, refused: usize) {
        self.scans_applied.fetch_add((scans - refused) as u64, Ordering::Relaxed);
        self.scans_refused.fetch_add(refused as u64, Ordering::Relaxed);
    }
}

impl Shared {
    /// A new live table, visible to readers from now on.
    pub(crate) fn start_table(&self) -> (Arc<LiveTable>, Appender) {
        let spare = self.spare_table.lock().take();
        let (table, appender) = spare.unwrap_or_else(|| self.new_table());
        self.change_state(|state| state.tables.push(table.clone()));
        (table, appender)
    }

    /// A new segment of the journal, behind all others.
    pub(crate) fn start_segment(&self) -> Result<Segment, EngineError> {
        let spare = self.spare_segment.lock().take();
        spare.filter(|spare| self.is_last(spare)).map_or_else(|| self.new_segment(), Ok)
    }

    /// Sees to it that the next table is at hand: making its columns takes tens of milliseconds, which
    /// arrivals would wait for.
    pub(crate) fn prepare_table(&self) {
        if self.spare_table.lock().is_none() {
            let table = self.new_table();
            self.spare_table.lock().replace(table);
        }
    }

    /// The same with the next segment. One that cannot be begun is begun again when it is needed, which
    /// tells why not.
    pub(crate) fn prepare_segment(&self) {
        let is_at_hand = self.spare_segment.lock().as_ref().is_some_and(|spare| self.is_last(spare));
        if !is_at_hand
            && self.space.has_room_for_families()
            && let Ok(segment) = self.new_segment()
        {
            let former = self.spare_segment.lock().replace(segment);
            drop(former);
        }
    }

    /// Whether no segment was begun after this one. One that is behind no more goes with what is written next.
    fn is_last(&self, segment: &Segment) -> bool {
        segment.number + 1 == self.numbers.segment.load(Ordering::Relaxed)
    }

    fn new_segment(&self) -> Result<Segment, EngineError> {
        // Counted up first: a failed attempt may leave its family behind, and then its number is taken.
        let number = self.numbers.segment.fetch_add(1, Ordering::Relaxed);
        Segment::create(&self.store, number)
    }

    fn new_table(&self) -> (Arc<LiveTable>, Appender) {
        let scans_max = self.config.live_scans_max + SCANS_PAST_LIMIT_MAX;
        LiveTable::new(scans_max, self.blocks_max() + BLOCKS_PAST_LIMIT_MAX)
    }

    /// Blocks after which a segment ends: batches of 16 scans fill it evenly.
    pub(crate) fn blocks_max(&self) -> usize {
        self.config.live_scans_max / 16
    }

    pub(crate) fn durable_seq(&self, device: u32) -> u64 {
        self.catalog.devices.state(device).map_or(0, |state| state.durable_seq())
    }

    /// A number for a run.
    pub(crate) fn next_run(&self) -> u32 {
        self.numbers.run.fetch_add(1, Ordering::Relaxed)
    }

    /// A new family for runs, and its number.
    pub(crate) fn start_family(&self) -> Result<u32, EngineError> {
        let number = self.numbers.family.fetch_add(1, Ordering::Relaxed);
        self.store.create_family(Kind::Partition, number)?;
        Ok(number)
    }

    /// Replaces the state. Readers that hold the former one finish with it.
    pub(crate) fn change_state(&self, change: impl Fn(&mut State)) {
        self.state.rcu(|state| {
            let mut next = State::clone(state);
            change(&mut next);
            next
        });
    }
}

/// A segment ends with the batch that reaches its limit.
const SCANS_PAST_LIMIT_MAX: usize = BATCH_SCANS_MAX;
const BLOCKS_PAST_LIMIT_MAX: usize = 1_024 * 4;
