//! The answers, in the shape that they have as JSON. Times are unix milliseconds.
//!
//! Fields are added, never renamed. `unknown` lists, in code order, the asked codes with neither a
//! scan nor an entry; `incomplete` the days that the answer does not cover.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use truyvet_schemas::utoipa::{self, ToSchema};

use crate::partition::gaps::Why;

/// A code in a long list: up to 23 bytes lie in the row itself, and a longer one is shared by its clones.
pub type Code = SmolStr;

/// Answer to [`Passed`](super::Passed).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "Who passed.")]
pub struct PassedAnswer {
    /// Number of subjects.
    pub subjects: u64,
    /// Number of their scans.
    pub scans: u64,
    /// The subjects in code order; empty when only counts were asked.
    pub list: Vec<PassedSubject>,
    /// Asked codes that are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
}

impl PassedAnswer {
    pub(super) fn new(head: PassedHead, list: Vec<PassedSubject>) -> Self {
        let PassedHead { subjects, scans, unknown, incomplete } = head;
        Self { subjects, scans, list, unknown, incomplete }
    }
}

/// What stands before the list in a [`PassedAnswer`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedHead {
    /// Number of subjects.
    pub subjects: u64,
    /// Number of their scans.
    pub scans: u64,
    /// Asked codes that are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
}

/// A subject that passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PassedSubject {
    /// Its code.
    #[schema(value_type = String)]
    pub subject: Code,
    /// Time of its first scan there.
    pub first: i64,
    /// Time of its last scan there.
    pub last: i64,
    /// Number of its scans there.
    pub scans: u64,
}

/// Answer to [`Trail`](super::Trail).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "Where a subject was.")]
pub struct TrailAnswer {
    /// The scans in time order; ties by site, then device, then seq.
    pub scans: Vec<TrailScan>,
    /// The asked code, if it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
}

/// A scan of a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrailScan {
    /// When.
    pub at: i64,
    /// Where.
    #[schema(value_type = String)]
    pub site: Code,
    /// `pass`, `in` or `out`.
    #[schema(value_type = String)]
    pub direction: SmolStr,
    /// `passed`, `refused` or `corrected`.
    #[schema(value_type = String)]
    pub verdict: SmolStr,
}

/// Answer to [`Contacts`](super::Contacts).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "Whom subjects met.")]
pub struct ContactsAnswer {
    /// By number of events downwards, then smallest gap, then code.
    pub contacts: Vec<Contact>,
    /// Everybody else who was inside a site at the same time as one of the given, by overlap downwards, then code:
    /// contacts too, though their scans may lie hours apart. Of some it stands above as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<MetInside>,
    /// Every pair, in order of event time, where asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pairs: Option<Vec<ContactPair>>,
    /// What was left out because it passed a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// Asked codes that are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
}

/// A subject that had contact with the given ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// Its code.
    #[schema(value_type = String)]
    pub subject: Code,
    /// Number of contact events.
    pub events: u64,
    /// Smallest time between the two scans of an event.
    pub min_gap_ms: i64,
    /// Time of the first event.
    pub first: i64,
    /// Time of the last event.
    pub last: i64,
}

/// One contact event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactPair {
    /// The given subject.
    #[schema(value_type = String)]
    pub given: Code,
    /// The other subject.
    #[schema(value_type = String)]
    pub subject: Code,
    /// Where.
    #[schema(value_type = String)]
    pub site: Code,
    /// Scan of the given subject.
    pub given_at: i64,
    /// Scan of the other subject.
    pub at: i64,
}

/// Answer to [`Chain`](super::Chain).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "Who met whom, generation by generation.")]
pub struct ChainAnswer {
    /// From generation 0, the seeds, to the last asked.
    pub generations: Vec<Generation>,
    /// Asked codes that are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
}

/// The subjects of one generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Generation {
    /// Its number; 0 are the seeds.
    pub generation: u32,
    /// Number of subjects.
    pub subjects: u64,
    /// By exposure time, then code.
    pub list: Vec<Exposure>,
}

/// A subject's exposure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ChainExposure)]
pub struct Exposure {
    /// Its code.
    #[schema(value_type = String)]
    pub subject: Code,
    /// When it was exposed.
    pub exposed_at: i64,
    /// By whom; none for a seed.
    #[schema(value_type = Option<String>)]
    pub from: Option<Code>,
    /// Where; none for a seed.
    #[schema(value_type = Option<String>)]
    pub site: Option<Code>,
}

/// Answer to [`Common`](super::Common).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "Where and when several subjects were.")]
pub struct CommonAnswer {
    /// By `given` downwards, then `all` upwards, then start, then site.
    pub cells: Vec<Cell>,
    /// Asked codes that are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
}

/// A cell of site and time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cell {
    /// The site's code.
    #[schema(value_type = String)]
    pub site: Code,
    /// Start of the whole cell.
    pub from: i64,
    /// End of the whole cell.
    pub to: i64,
    /// Number of distinct given subjects there.
    pub given: u64,
    /// Number of all distinct subjects there.
    pub all: u64,
}

/// Answer to [`Stays`](super::Stays).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "When subjects were inside, and who was inside with them.")]
pub struct StaysAnswer {
    /// The given subjects' stays by begin, then site, then code.
    pub stays: Vec<StayTold>,
    /// Everybody else who was inside with one of them, by overlap downwards, then code.
    pub met: Vec<MetInside>,
    /// Asked codes that are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
}

/// A stay, as far as it lies in the question's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Stay)]
pub struct StayTold {
    /// Whose.
    #[schema(value_type = String)]
    pub subject: Code,
    /// Where.
    #[schema(value_type = String)]
    pub site: Code,
    /// Begin.
    pub from: i64,
    /// End.
    pub to: i64,
}

/// A subject that was inside with the given ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetInside {
    /// Its code.
    #[schema(value_type = String)]
    pub subject: Code,
    /// Number of pairs of stays that overlap.
    pub overlaps: u64,
    /// Their overlaps together.
    pub overlap_ms: i64,
    /// The longest of them.
    pub longest_ms: i64,
    /// When the first began.
    pub first: i64,
    /// When the last ended.
    pub last: i64,
}

/// Answer to [`Occupancy`](super::Occupancy).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "How many were inside a site.")]
pub struct OccupancyAnswer {
    /// Most people at once, where the site has such a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// In order of time, one behind the other.
    pub cells: Vec<OccupancyCell>,
    /// The asked code, if it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
}

/// How many were inside within a cell of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OccupancyCell {
    /// Start of the cell, within the question's time.
    pub from: i64,
    /// End of the cell, within the question's time.
    pub to: i64,
    /// Stays that began.
    pub entered: u64,
    /// Stays that ended.
    pub left: u64,
    /// Most inside at once.
    pub most: u64,
    /// Inside at the cell's end.
    pub inside: u64,
}

/// What an answer leaves out because it passed a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cut {
    /// Which limit, and what to do.
    pub reason: String,
    /// How many entries are not told.
    pub left_out: u64,
}

/// Answer to [`SetQuestion`](super::SetQuestion).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "Who is in a combination of sets of those who passed.")]
pub struct SetAnswer {
    /// All but the list.
    #[serde(flatten)]
    pub head: SetHead,
    /// The codes of the subjects in code order; empty when only the count was asked.
    #[schema(value_type = Vec<String>)]
    pub list: Vec<Code>,
}

/// What stands before the list in a [`SetAnswer`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(description = "What stands before the list.")]
pub struct SetHead {
    /// Number of subjects.
    pub subjects: u64,
    /// The operands in the order of the expression, equal ones once.
    pub operands: Vec<SetOperandSize>,
    /// Asked codes that are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
    /// Days in question of which scans are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<Incomplete>,
}

/// An operand of a set's expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetOperandSize {
    /// As it was understood.
    pub expression: String,
    /// The first instant that counts.
    pub from: i64,
    /// The first instant after.
    pub to: i64,
    /// Number of its subjects; none where it was not needed, because what stood before it was empty.
    pub subjects: Option<u64>,
}

/// Days of which scans are gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Incomplete {
    /// The first instant.
    pub from: i64,
    /// The first instant after.
    pub to: i64,
    /// Why they are gone.
    pub why: Why,
}
