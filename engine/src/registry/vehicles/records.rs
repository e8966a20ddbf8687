//! What is kept of trips, and how it is told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{PassId, SubjectCode};
use truyvet_schemas::utoipa::{self, ToSchema};
use truyvet_schemas::vehicle::{Aboard, Checklist, Trip};

use super::super::records::{text, texts};

/// What has become of a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TripState {
    /// Not checked at its depot yet.
    Declared,
    /// Checked and sealed at its depot.
    Sealed,
    /// Checked, and not let go.
    Refused,
    /// Its time is over, or an officer said so.
    Over,
}

/// A trip without what is personal in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TripRecord {
    /// Its number, of the same row as those of declarations.
    pub trip: u64,
    /// Code of the vehicle.
    #[serde(with = "text")]
    pub vehicle: SubjectCode,
    /// Code of who drives as it was declared.
    #[serde(with = "text")]
    pub driver: SubjectCode,
    /// The vehicle's pass.
    #[serde(with = "text")]
    pub pass: PassId,
    /// When it was declared, unix milliseconds.
    pub made_at: i64,
    /// When it is over at the latest, unix milliseconds.
    pub until: i64,
    /// What was decided last; its time may be over since: see [`TripRecord::state`].
    pub decided: TripState,
    /// Blind index of the phone that it was made with, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

impl TripRecord {
    /// What has become of it by `now`.
    pub fn state(&self, now: TimeMs) -> TripState {
        match self.decided {
            TripState::Refused => TripState::Refused,
            _ if self.until <= now.get() => TripState::Over,
            decided => decided,
        }
    }
}

/// What an officer decided at the depot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// When, unix milliseconds.
    pub at: i64,
    /// The officer's account.
    pub by: String,
    /// What was checked, and remarks.
    pub checklist: Checklist,
}

/// Who is aboard from an instant on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its number among those of the trip, from 1.
    pub number: u32,
    /// It holds from here on, unix milliseconds, until the next does.
    pub from: i64,
    /// Who wrote it: an account, or `citizen`.
    pub by: String,
    /// Who is aboard, with their codes; the driver first. A person with two documents may stand there twice.
    pub aboard: Vec<(SubjectCode, Aboard)>,
}

impl Manifest {
    /// Codes of those aboard, each once.
    pub fn subjects(&self) -> Vec<SubjectCode> {
        distinct(self.aboard.iter().map(|(subject, _)| *subject))
    }
}

/// A trip with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeTrip {
    /// What is open.
    pub record: TripRecord,
    /// What was declared; who was aboard then is in the first manifest.
    pub trip: Trip,
    /// What was decided at the depot.
    pub decided: Option<Decided>,
    /// Who was aboard when, the first first; never empty.
    pub manifests: Vec<Manifest>,
}

impl WholeTrip {
    /// The manifest that holds at an instant; before the first, the first.
    pub fn manifest_at(&self, at: TimeMs) -> &Manifest {
        manifest_at(&self.manifests, at)
    }

    /// Whether the vehicle was sealed with this subject aboard (or is it), or somebody wrote since that the
    /// subject joined; by the word of others than the account that asks. Of what nobody sealed anybody may
    /// have named anybody.
    pub fn is_vouched_for(&self, subject: SubjectCode, asking: &str) -> bool {
        let was_sealed = matches!(self.record.decided, TripState::Sealed | TripState::Over);
        let Some(sealed) = self.decided.as_ref().filter(|decided| was_sealed && decided.by != asking) else {
            return false;
        };
        let before = self.manifests.partition_point(|manifest| manifest.from <= sealed.at).saturating_sub(1);
        let mut since = self.manifests[before..].iter().filter(|manifest| manifest.by != asking);
        subject == self.record.vehicle || since.any(|manifest| manifest.subjects().contains(&subject))
    }
}

/// Where a trip is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TripPlace<'a> {
    /// Its depot.
    Depot(&'a str),
    /// An area in which it begins or that its route names.
    Area(&'a str),
}

/// The sealed part of a trip.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) trip: Trip,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) decided: Option<Decided>,
}

/// The open part of a manifest.
#[derive(Serialize, Deserialize)]
pub(super) struct ManifestRecord {
    pub(super) number: u32,
    pub(super) from: i64,
    pub(super) by: String,
    #[serde(with = "texts")]
    pub(super) subjects: Vec<SubjectCode>,
}

/// Each once, in their order.
pub(super) fn distinct(subjects: impl Iterator<Item = SubjectCode>) -> Vec<SubjectCode> {
    let mut known = BTreeSet::new();
    subjects.filter(|subject| known.insert(subject.bytes())).collect()
}

pub(super) fn manifest_at(manifests: &[Manifest], at: TimeMs) -> &Manifest {
    let behind = manifests.partition_point(|manifest| manifest.from <= at.get());
    &manifests[behind.saturating_sub(1)]
}
