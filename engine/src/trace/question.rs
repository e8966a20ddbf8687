//! The questions, as values. Codes are what the asker wrote; times are UTC.

use std::time::Duration;

use truyvet_schemas::TimeMs;

use super::set::SetExpression;

/// `from <= at < to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    from: TimeMs,
    to: TimeMs,
}

impl Interval {
    /// The half-open interval; empty where both are equal.
    ///
    /// # Errors
    /// `from` lies after `to`.
    pub fn new(from: TimeMs, to: TimeMs) -> Result<Self, BackwardInterval> {
        if from > to { Err(BackwardInterval) } else { Ok(Self { from, to }) }
    }

    /// The first instant.
    pub fn from(self) -> TimeMs {
        self.from
    }

    /// The first instant after.
    pub fn to(self) -> TimeMs {
        self.to
    }

    /// Whether the instant lies within.
    pub fn contains(self, at: TimeMs) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether no instant lies within.
    pub fn is_empty(self) -> bool {
        self.from == self.to
    }
}

/// Exchange the two times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`from` lies after `to`; exchange them")]
pub struct BackwardInterval;

/// Who has at least one scan at one of the sites, or at a site of one of the areas.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Codes of sites.
    pub sites: Vec<String>,
    /// Codes of areas; all sites below them count.
    pub areas: Vec<String>,
    /// When.
    pub interval: Interval,
    /// Whether to list the subjects, or only to count.
    pub list: bool,
}

/// All scans of a subject.
#[derive(Clone, Debug)]
pub struct Trail {
    /// The subject's code.
    pub subject: String,
    /// When.
    pub interval: Interval,
}

/// Everybody else with a contact event with one of the subjects.
#[derive(Clone, Debug)]
pub struct Contacts {
    /// Codes of the given subjects.
    pub subjects: Vec<String>,
    /// When both scans of an event took place.
    pub interval: Interval,
    /// Longest time between the two scans.
    pub window: Duration,
    /// Whether to tell every pair too.
    pub pairs: bool,
}

/// Who was exposed in which generation.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Codes of the seeds, each with the time from which it is exposed; `None`: from the interval's
    /// start.
    pub seeds: Vec<(String, Option<TimeMs>)>,
    /// When both scans of an event took place.
    pub interval: Interval,
    /// Longest time between the two scans.
    pub window: Duration,
    /// How many generations after the seeds.
    pub generations: u32,
    /// Whether to list the subjects, or only to count.
    pub list: bool,
}

/// The cells of site and time where most of the given subjects were.
#[derive(Clone, Debug)]
pub struct Common {
    /// Codes of the given subjects.
    pub subjects: Vec<String>,
    /// When.
    pub interval: Interval,
    /// Length of a cell's time; cells begin at whole multiples of it since 1970.
    pub cell: Duration,
    /// How many cells to tell.
    pub top: usize,
}

/// When subjects were inside sites that scan in and out, and who was inside with them.
#[derive(Clone, Debug)]
pub struct Stays {
    /// Codes of the given subjects.
    pub subjects: Vec<String>,
    /// When: stays are cut to it.
    pub interval: Interval,
    /// How long two stays must overlap at least; a millisecond at least.
    pub overlap: Duration,
    /// How long after its last `in` a stay ends that nobody scanned out; none: as the engine is set.
    pub longest: Option<Duration>,
}

/// How many were inside a site that scans in and out.
#[derive(Clone, Debug)]
pub struct Occupancy {
    /// Code of the site.
    pub site: String,
    /// When.
    pub interval: Interval,
    /// Length of a cell's time; cells begin at whole multiples of it since 1970.
    pub cell: Duration,
    /// How long after its last `in` a stay ends that nobody scanned out; none: as the engine is set.
    pub longest: Option<Duration>,
}

impl Occupancy {
    /// Number of cells that the interval has a part in, which the answer has all of.
    pub fn cells(&self) -> u64 {
        let (from, to) = (self.interval.from().get(), self.interval.to().get());
        let last = (to - 1).div_euclid(self.cell_ms());
        if from < to { (last - from.div_euclid(self.cell_ms())).unsigned_abs() + 1 } else { 0 }
    }

    pub(crate) fn cell_ms(&self) -> i64 {
        i64::try_from(self.cell.as_millis()).unwrap_or(i64::MAX).max(1)
    }
}

/// Default shortest overlap of two stays.
pub const OVERLAP_DEFAULT: Duration = Duration::from_millis(1);

/// Default time after which a stay ends that nobody scanned out.
pub const LONGEST_DEFAULT: Duration = Duration::from_secs(12 * 60 * 60);

/// Default window between the two scans of a contact event.
pub const WINDOW_DEFAULT: Duration = Duration::from_secs(15 * 60);

/// Default length of a cell.
pub const CELL_DEFAULT: Duration = Duration::from_secs(60 * 60);

/// Default number of generations.
pub const GENERATIONS_DEFAULT: u32 = 2;

/// Default number of cells.
pub const TOP_DEFAULT: usize = 20;

/// Who is in a combination of passed-sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetQuestion {
    /// The combination.
    pub expression: SetExpression,
    /// Whether to list the subjects, or only to count.
    pub list: bool,
}
