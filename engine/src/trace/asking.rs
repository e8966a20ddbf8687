//! What a question may cost, and what it has cost.
//!
//! Every leaf of the index that a question reads is counted here, and every `LOOK_EVERY_LEAVES`
//! it looks whether it may go on. Counts are relaxed atomics, because a pass works on several threads;
//! what can be told from other counts is not counted.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::explained::{Explained, Steps, Way, micros};
use crate::error::TraceError;
use crate::store::cache::Meter;

/// Limits of one question, a meter of what it has read, and the possibility to stop it from elsewhere.
#[derive(Debug)]
pub struct Asking {
    started: Instant,
    /// After this much time the question is given up.
    time_max: Option<Duration>,
    /// Leaves of the index that it may read.
    leaves_max: Option<u64>,
    long: Option<Long>,
    is_stopped: AtomicBool,
    leaves: AtomicU64,
    trails: AtomicU64,
    rollups: AtomicU64,
    live_reads: AtomicU64,
    partitions: AtomicU64,
    runs: AtomicU64,
    meter: Meter,
    steps_told: Option<Steps>,
    steps: AtomicU64,
    steps_all: AtomicU64,
}

impl Default for Asking {
    fn default() -> Self {
        Self::limited(None, None)
    }
}

impl Asking {
    /// Without limits, until [`Asking::stop`].
    pub fn unlimited() -> Self {
        Self::default()
    }

    /// With a deadline from now on, and a limit of leaves to read; `None`: no limit.
    pub fn limited(time_max: Option<Duration>, leaves_max: Option<u64>) -> Self {
        Self {
            started: Instant::now(),
            time_max,
            leaves_max,
            long: None,
            is_stopped: AtomicBool::new(false),
            leaves: AtomicU64::new(0),
            trails: AtomicU64::new(0),
            rollups: AtomicU64::new(0),
            live_reads: AtomicU64::new(0),
            partitions: AtomicU64::new(0),
            runs: AtomicU64::new(0),
            meter: Meter::default(),
            steps_told: None,
            steps: AtomicU64::new(0),
            steps_all: AtomicU64::new(0),
        }
    }

    /// The same, with its steps and their times kept for [`Asking::explained`].
    #[must_use]
    pub fn explaining(self) -> Self {
        Self { steps_told: Some(Steps::new(self.started)), ..self }
    }

    /// The same; once it has worked for `after`, it asks `may_go_on`, once. That may wait, and the
    /// question with it; where it says no, the question ends with [`TraceError::Busy`].
    #[must_use]
    pub fn long_after(self, after: Duration, may_go_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let may_go_on = Box::new(may_go_on);
        Self { long: Some(Long { after, begun: OnceLock::new(), may_go_on, said: OnceLock::new() }), ..self }
    }

    /// Makes the question end soon, with [`TraceError::Stopped`].
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// How much time is left; none where there is no deadline.
    pub fn time_left(&self) -> Option<Duration> {
        self.time_max.map(|max| max.saturating_sub(self.started.elapsed()))
    }

    /// Leaves of the index that the question has read.
    pub fn leaves(&self) -> u64 {
        self.leaves.load(Ordering::Relaxed)
    }

    /// How far a long question has come: steps done, of how many; 0 of 0 where it is not told.
    pub fn progress(&self) -> (u64, u64) {
        (self.steps(), self.steps_all.load(Ordering::Relaxed))
    }

    /// What the question has touched so far, and how long it took. Steps and their times are only
    /// known where it was asked [`explaining`](Asking::explaining).
    pub fn explained(&self) -> Explained {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (leaves, trail_leaves, rollups) = (self.leaves(), read(&self.trails), read(&self.rollups));
        let (cache_misses, cache_passed, bytes_read) = self.meter.read();
        let (times, steps) = self.steps_told.as_ref().map(Steps::told).unwrap_or_default();
        Explained {
            partitions: read(&self.partitions),
            runs: read(&self.runs),
            posting_leaves: leaves.saturating_sub(trail_leaves + rollups),
            trail_leaves,
            rollups,
            live_reads: read(&self.live_reads),
            cache_hits: leaves.saturating_sub(cache_misses + cache_passed),
            cache_misses,
            cache_passed,
            bytes_read,
            times,
            steps,
            total_us: micros(self.started.elapsed()),
        }
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    pub(crate) fn expect_steps(&self, steps: u64) {
        self.steps_all.store(steps, Ordering::Relaxed);
    }

    pub(crate) fn reach_step(&self, step: u64) {
        self.steps.fetch_max(step, Ordering::Relaxed);
    }

    /// Work begins, after any wait for a turn.
    pub(crate) fn begin(&self) {
        if let Some(long) = &self.long {
            long.begun.get_or_init(Instant::now);
        }
        self.enter(Way::Ids);
    }

    /// What is read from now on is read in this way.
    pub(crate) fn enter(&self, way: Way) {
        if let Some(steps) = &self.steps_told {
            steps.enter(way);
        }
    }

    /// Counts what is not in the block cache.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// One more leaf is read. Looks at the clock now and then.
    #[inline]
    pub(crate) fn spend_leaf(&self) -> Result<(), TraceError> {
        self.spend_leaves(1)
    }

    /// Some more leaves are read.
    pub(crate) fn spend_leaves(&self, leaves: u64) -> Result<(), TraceError> {
        let before = self.leaves.fetch_add(leaves, Ordering::Relaxed);
        if let Some(limit) = self.leaves_max.filter(|max| before + leaves > *max) {
            return Err(TraceError::TooCostly { limit });
        }
        self.look_between(before, before + leaves)
    }

    /// The trail leaf of one more subject is read.
    pub(crate) fn spend_trail(&self) -> Result<(), TraceError> {
        self.trails.fetch_add(1, Ordering::Relaxed);
        self.spend_leaf()
    }

    /// One more rollup is read.
    pub(crate) fn spend_rollup(&self) -> Result<(), TraceError> {
        self.rollups.fetch_add(1, Ordering::Relaxed);
        self.spend_leaf()
    }

    /// Tables in memory are read: these take time, but cost no leaf.
    pub(crate) fn spend_live(&self, reads: u64) -> Result<(), TraceError> {
        let before = self.live_reads.fetch_add(reads, Ordering::Relaxed);
        self.look_between(before, before + reads)
    }

    pub(crate) fn count_touched(&self, partitions: u64, runs: u64) {
        self.partitions.fetch_add(partitions, Ordering::Relaxed);
        self.runs.fetch_add(runs, Ordering::Relaxed);
    }

    #[inline]
    fn look_between(&self, before: u64, after: u64) -> Result<(), TraceError> {
        if before / LOOK_EVERY_LEAVES != after / LOOK_EVERY_LEAVES { self.look() } else { Ok(()) }
    }

    /// Looks whether the question may go on.
    pub(crate) fn look(&self) -> Result<(), TraceError> {
        self.check()?;
        if let Some(long) = self.long.as_ref().filter(|long| long.is_due()) {
            long.pause(self)?;
            return self.check();
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TraceError> {
        if self.is_stopped() {
            return Err(TraceError::Stopped);
        }
        match self.time_max {
            Some(max) if self.started.elapsed() > max => Err(TraceError::Deadline { max }),
            _ => Ok(()),
        }
    }
}

/// What a question does when it turns out to be a long one.
struct Long {
    after: Duration,
    begun: OnceLock<Instant>,
    may_go_on: Box<dyn Fn() -> bool + Send + Sync>,
    said: OnceLock<bool>,
}

impl Long {
    fn is_due(&self) -> bool {
        self.said.get() != Some(&true) && self.begun.get().is_some_and(|begun| begun.elapsed() >= self.after)
    }

    /// One thread asks; the others that work for the question wait with it.
    fn pause(&self, asking: &Asking) -> Result<(), TraceError> {
        let may_go_on = self.said.get_or_init(|| {
            let former = asking.steps_told.as_ref().map(|steps| steps.enter(Way::Waiting));
            let said = (self.may_go_on)();
            if let Some(former) = former {
                asking.enter(former);
            }
            said
        });
        if *may_go_on { Ok(()) } else { Err(TraceError::Busy) }
    }
}

impl std::fmt::Debug for Long {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Long").field("after", &self.after).field("said", &self.said).finish_non_exhaustive()
    }
}

/// At a microsecond a leaf, a deadline is kept to a tenth of a millisecond; cold, to some.
const LOOK_EVERY_LEAVES: u64 = 64;

#[cfg(test)]
mod tests {
    use super::super::explained::Times;
    use super::*;

    fn read_on(asking: &Asking) -> Result<(), TraceError> {
        (0..=LOOK_EVERY_LEAVES).try_for_each(|_| asking.spend_leaf())
    }

    #[test]
    fn a_question_ends_at_its_limits_or_when_it_is_stopped() {
        let asking = Asking::limited(None, Some(100));
        assert!(asking.spend_leaves(100).is_ok());
        assert!(matches!(asking.spend_leaf(), Err(TraceError::TooCostly { limit: 100 })));
        let late = Asking::limited(Some(Duration::ZERO), None);
        assert!(matches!(read_on(&late), Err(TraceError::Deadline { .. })));
        assert_eq!(late.time_left(), Some(Duration::ZERO));
        let stopped = Asking::unlimited();
        stopped.stop();
        assert!(matches!(read_on(&stopped), Err(TraceError::Stopped)));
        let in_memory = Asking::limited(Some(Duration::ZERO), Some(1));
        assert!(matches!(in_memory.spend_live(LOOK_EVERY_LEAVES), Err(TraceError::Deadline { .. })));
    }

    #[test]
    fn a_long_question_asks_once_whether_it_may_go_on() {
        let asked = std::sync::Arc::new(AtomicU64::new(0));
        let count = asked.clone();
        let long = Asking::unlimited().long_after(Duration::ZERO, move || {
            count.fetch_add(1, Ordering::Relaxed);
            true
        });
        assert!(read_on(&long).is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 0, "it has not begun");
        long.begin();
        assert!(read_on(&long).and(read_on(&long)).is_ok());
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        let refused = Asking::unlimited().long_after(Duration::ZERO, || false);
        refused.begin();
        assert!(matches!(read_on(&refused), Err(TraceError::Busy)));
    }

    #[test]
    fn an_explanation_adds_up() {
        let asking = Asking::unlimited().explaining();
        asking.begin();
        asking.enter(Way::Trails);
        assert!(asking.spend_trail().and(asking.spend_rollup()).and(asking.spend_leaves(10)).is_ok());
        asking.meter().missed(700);
        asking.meter().passed(2, 900);
        asking.enter(Way::Trails);
        asking.enter(Way::Telling);
        let told = asking.explained();
        assert_eq!((told.posting_leaves, told.trail_leaves, told.rollups), (10, 1, 1));
        assert_eq!((told.cache_hits, told.cache_misses, told.cache_passed), (9, 1, 2));
        assert_eq!(told.bytes_read, 1_600);
        let ways: Vec<Way> = told.steps.iter().map(|step| step.way).collect();
        assert_eq!(ways, [Way::Waiting, Way::Ids, Way::Trails, Way::Telling]);
        let Times { waiting_us, ids_us, trails_us, postings_us, telling_us } = told.times;
        assert!(waiting_us + ids_us + trails_us + postings_us + telling_us <= told.total_us);
    }
}
