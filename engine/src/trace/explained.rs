//! What a question touched, and how long each of its steps took.
//!
//! The shared ways of reading ([`View`](super::view::View), sweep, pass) say which step they are; a step
//! lasts until another one begins, so a question needs no timers of its own. Steps are only kept where
//! an explanation was asked for: otherwise they cost the look at one flag.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use truyvet_schemas::utoipa::{self, ToSchema};

/// What a question touched, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explained {
    /// Partitions that hold scans of the times that were read.
    pub partitions: u64,
    /// Their runs of these times.
    pub runs: u64,
    /// Leaves of scans by site and time.
    pub posting_leaves: u64,
    /// Leaves of scans by subject, looked up once a subject and run.
    pub trail_leaves: u64,
    /// Rollups of an area's day that were looked for.
    pub rollups: u64,
    /// Reads from tables in memory that are in no run yet.
    pub live_reads: u64,
    /// Leaves and rollups that were in the block cache.
    pub cache_hits: u64,
    /// Leaves and rollups that were read from disk into the block cache.
    pub cache_misses: u64,
    /// Leaves that a pass read beside the cache.
    pub cache_passed: u64,
    /// Bytes of leaves and rollups that were read from disk, or from the system's cache of it.
    pub bytes_read: u64,
    /// Time by kind of work.
    pub times: Times,
    /// The steps in order: which way was taken. Of very many, the first.
    pub steps: Vec<Step>,
    /// From the question's arrival on, microseconds.
    pub total_us: u64,
}

/// Time by kind of work, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ExplainedTimes)]
pub struct Times {
    /// Waiting for a turn.
    pub waiting_us: u64,
    /// Codes became numbers.
    pub ids_us: u64,
    /// Scans of given subjects were found.
    pub trails_us: u64,
    /// Scans of places were read and worked on.
    pub postings_us: u64,
    /// Numbers became codes again, in order.
    pub telling_us: u64,
}

/// A step of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ExplainedStep)]
pub struct Step {
    /// Which way was taken.
    pub way: Way,
    /// How long it took, microseconds.
    pub us: u64,
}

/// The ways in which a step can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ExplainedWay)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// For a turn among other questions.
    Waiting,
    /// Codes become numbers.
    Ids,
    /// Trails of given subjects.
    Trails,
    /// Postings near given scans, stretch by stretch.
    Sweep,
    /// Every site's postings once, on all processors.
    Pass,
    /// Postings of given places.
    Postings,
    /// Distinct subjects from the rollups of whole days.
    Rollups,
    /// Distinct subjects from posting leaves.
    Leaves,
    /// Numbers become codes, in order.
    Telling,
}

impl Way {
    /// Its name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ids => "ids",
            Self::Trails => "trails",
            Self::Sweep => "sweep",
            Self::Pass => "pass",
            Self::Postings => "postings",
            Self::Rollups => "rollups",
            Self::Leaves => "leaves",
            Self::Telling => "telling",
        }
    }
}

/// The steps of a question so far.
#[derive(Debug)]
pub(super) struct Steps(Mutex<Log>);

#[derive(Clone, Debug)]
struct Log {
    way: Way,
    since: Instant,
    times: Times,
    done: Vec<Step>,
}

impl Steps {
    pub(super) fn new(started: Instant) -> Self {
        let times = Times::default();
        Self(Mutex::new(Log { way: Way::Waiting, since: started, times, done: Vec::new() }))
    }

    /// A step begins, if it is another one; tells the former.
    pub(super) fn enter(&self, way: Way) -> Way {
        let mut log = self.0.lock();
        let former = log.way;
        if former != way {
            log.end();
            log.way = way;
        }
        former
    }

    pub(super) fn told(&self) -> (Times, Vec<Step>) {
        let mut log = self.0.lock().clone();
        log.end();
        (log.times, log.done)
    }
}

impl Log {
    fn end(&mut self) {
        let now = Instant::now();
        let us = micros(now - self.since);
        self.since = now;
        let sum = match self.way {
            Way::Waiting => &mut self.times.waiting_us,
            Way::Ids => &mut self.times.ids_us,
            Way::Trails => &mut self.times.trails_us,
            Way::Sweep | Way::Pass | Way::Postings | Way::Rollups | Way::Leaves => {
                &mut self.times.postings_us
            }
            Way::Telling => &mut self.times.telling_us,
        };
        *sum += us;
        if self.done.len() < STEPS_MAX {
            self.done.push(Step { way: self.way, us });
        }
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Steps that are told: all but of a set of hundreds of operands.
const STEPS_MAX: usize = 256;
