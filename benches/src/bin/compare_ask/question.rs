//! The questions as `benches/compare` writes them: codes for subjects, sites and areas, times in unix
//! milliseconds.

use serde::Deserialize;

/// Questions of one kind and size.
#[derive(Debug, Deserialize)]
pub(crate) struct QuestionSet {
    /// What the results call it.
    pub(crate) name: String,
    /// In the order in which they are asked.
    pub(crate) questions: Vec<Question>,
}

/// One question.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Question {
    /// Who passed a site: listed with first and last time and number of scans.
    Passed(Visit),
    /// How many distinct subjects passed the sites of an area.
    Distinct { area: String, from_ms: i64, to_ms: i64 },
    /// The scans of a subject.
    Trail { subject: String, from_ms: i64, to_ms: i64 },
    /// Whom a subject met.
    Contacts { subject: String, from_ms: i64, to_ms: i64, window_ms: u64 },
    /// Who met the seeds, and who met those.
    Chain { seeds: Vec<Seed>, from_ms: i64, to_ms: i64, window_ms: u64, generations: u32 },
    /// Who was at both.
    Both { first: Visit, second: Visit },
    /// Where and when most of the subjects were together.
    Common { subjects: Vec<String>, from_ms: i64, to_ms: i64, cell_ms: u64, top: usize },
}

/// A site and a time.
#[derive(Debug, Deserialize)]
pub(crate) struct Visit {
    pub(crate) site: String,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

/// A subject that is exposed from an instant on.
#[derive(Debug, Deserialize)]
pub(crate) struct Seed {
    pub(crate) subject: String,
    pub(crate) exposed_at_ms: i64,
}
