//! Files into the engine: scans, areas, sites and people, from CSV, gzipped CSV or Parquet.
//!
//! ```text
//! source    the file: format, digest of its content, progress in bytes
//! records   CSV cut into records, bounded, by physical line
//! table     columns found by their header (CSV), rows of fields
//! columns   columns of a Parquet batch
//! rows      scans as column chunks, from either (its own thread)
//! scans     chunks into the engine (the caller's thread)
//! catalog   areas, sites, people
//! event     what is told meanwhile
//! ```
//! Nothing here knows whether a terminal or an HTTP client is listening.

mod catalog;
mod columns;
mod error;
mod event;
mod records;
mod rows;
mod rows_parquet;
mod scans;
mod source;
mod table;
#[cfg(test)]
mod tests;

pub use error::{BadRow, ImportError};
pub use event::{Event, OnError, Stage, Totals, Watch};
pub use source::{Format, Source};

use truyvet_engine::{Engine, EngineConfig};
use truyvet_schemas::TimeMs;
use truyvet_schemas::limits::TIME_MS_RANGE;
use truyvet_schemas::time::MS_PER_DAY;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The administrative tree.
    Areas,
    /// Where passes are scanned.
    Sites,
    /// Homes of subjects.
    People,
    /// Observations.
    Scans,
}

impl What {
    /// The word for it in flags and addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Areas => "areas",
            Self::Sites => "sites",
            Self::People => "people",
            Self::Scans => "scans",
        }
    }

    /// What has this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Areas, Self::Sites, Self::People, Self::Scans].into_iter().find(|w| w.as_str() == word)
    }
}

/// How a file is taken in.
#[derive(Clone, Debug)]
pub struct Options {
    /// What a bad line does.
    pub on_error: OnError,
    /// Scans outside these unix milliseconds are left out; none: only the years 1970 to 2200 count.
    pub kept: Option<std::ops::Range<i64>>,
}

/// Takes a file in.
///
/// # Errors
/// Says which file, and what to do. What was taken in before the error stays.
pub fn run(
    engine: &Engine,
    what: What,
    source: &Source,
    options: &Options,
    watch: &mut Watch<'_>,
) -> Result<Totals, ImportError> {
    match what {
        What::Areas => catalog::areas(engine, source, options, watch),
        What::Sites => catalog::sites(engine, source, options, watch),
        What::People => catalog::people(engine, source, options, watch),
        What::Scans => scans::import(engine, source, options, watch),
    }
}

/// Times that the retention and the clock's allowance keep, seen from `now`.
pub fn kept(config: &EngineConfig, now: TimeMs) -> std::ops::Range<i64> {
    let oldest = match config.retention_days {
        0 => TIME_MS_RANGE.start,
        days => now.get() - i64::from(days) * MS_PER_DAY,
    };
    oldest..now.get().saturating_add_unsigned(config.clock_skew_ms) + 1
}
