//! Trips looked up: by number, by plate, by who was aboard, by place, and those under way.

use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::SubjectCode;
use truyvet_schemas::vehicle::{Aboard, plate_key};

use super::super::audit::Act;
use super::super::people::opened;
use super::super::records::{split, split_person};
use super::super::vault::{Blind, Secret};
use super::super::{Registry, RegistryError, damaged, keys};
use super::records::{Kept, Manifest, ManifestRecord, TripPlace, TripRecord, TripState, WholeTrip, distinct};
use crate::error::EngineError;
use crate::store::Entry;

/// A trip in the store, its vehicle's key at hand.
pub(super) struct Opened {
    pub(super) record: TripRecord,
    pub(super) kept: Kept,
    pub(super) own: Secret,
}

impl Registry {
    /// A trip without what is personal in it.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn trip_record(&self, trip: u64) -> Result<Option<TripRecord>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::trip(trip))? else { return Ok(None) };
        let (record, _) = split(&bytes).ok_or_else(|| damaged("a trip"))?;
        Ok(Some(record))
    }

    /// A trip; the act is on disk before it is handed out.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn trip(&self, trip: u64, act: Act) -> Result<Option<WholeTrip>, RegistryError> {
        self.note(act)?;
        self.whole_trip(trip)
    }

    /// A trip, to decide who may look at it or to tell what names nobody: no act goes with it.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn whole_trip(&self, trip: u64) -> Result<Option<WholeTrip>, RegistryError> {
        let Some(Opened { record, kept, own }) = self.opened_trip(trip)? else { return Ok(None) };
        let manifests = self.manifests(trip, &own)?;
        if manifests.is_empty() {
            return Err(damaged("a trip").into());
        }
        Ok(Some(WholeTrip { record, trip: kept.trip, decided: kept.decided, manifests }))
    }

    /// Codes of those aboard at an instant, each once; before the first manifest, those of the first.
    ///
    /// # Errors
    /// There is no such trip, the store fails, or what it has is damaged.
    pub fn aboard_at(&self, trip: u64, at: TimeMs) -> Result<Vec<SubjectCode>, RegistryError> {
        let (prefix, mut holds) = (keys::manifests(trip), None);
        for entry in self.table.scan(&prefix, &prefix) {
            let (_, bytes) = entry?;
            let (record, _) = split::<ManifestRecord>(&bytes).ok_or_else(|| damaged("a manifest"))?;
            if holds.is_none() || record.from <= at.get() {
                holds = Some(record.subjects);
            }
        }
        Ok(distinct(holds.ok_or(RegistryError::UnknownTrip)?.into_iter()))
    }

    /// Which vehicle has this plate.
    ///
    /// # Errors
    /// The store fails.
    pub fn vehicle(&self, plate: &str) -> Result<Option<SubjectCode>, RegistryError> {
        self.vehicle_of(self.plate_index(plate))
    }

    /// Numbers of the trips of a vehicle, or of somebody who was aboard, before the one of this number, the
    /// newest first; at most `limit`.
    ///
    /// # Errors
    /// The store fails.
    pub fn trips_of(
        &self,
        subject: SubjectCode,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, RegistryError> {
        let last = before.map_or(u64::MAX, |before| before.saturating_sub(1));
        self.newest_numbers([(keys::trips_of(subject), keys::trip_of(subject, last))], limit)
    }

    /// Numbers of the trips that touch any of these places, before the one of this number, the newest first;
    /// at most `limit`.
    ///
    /// # Errors
    /// The store fails.
    pub fn trips_at(
        &self,
        places: &[TripPlace<'_>],
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<u64>, RegistryError> {
        let last = before.map_or(u64::MAX, |before| before.saturating_sub(1));
        let places = places.iter().map(|place| self.place_index(*place));
        self.newest_numbers(places.map(|place| (keys::trips_at(place), keys::trip_at(place, last))), limit)
    }

    /// Trips that are under way at `now`, the first to be over first, until `each` has enough.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn trips_under_way(
        &self,
        now: TimeMs,
        mut each: impl FnMut(&TripRecord, Vec<SubjectCode>) -> bool,
    ) -> Result<(), RegistryError> {
        let now_s = u32::try_from(now.get() / 1_000).unwrap_or_default();
        let (tag, start) = ([keys::Tag::TripOpen as u8], keys::trips_open_from(now_s));
        for entry in self.table.scan(&tag, &start) {
            let (key, _) = entry?;
            let number = key.last_chunk().ok_or_else(|| damaged("the list of trips"))?;
            let number = u64::from_be_bytes(*number);
            let record = self.trip_record(number)?.ok_or_else(|| damaged("the list of trips"))?;
            let is_under_way = record.state(now) == TripState::Sealed;
            if is_under_way && !each(&record, self.aboard_at(number, now)?) {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn opened_trip(&self, trip: u64) -> Result<Option<Opened>, RegistryError> {
        let place = keys::trip(trip);
        let Some(bytes) = self.table.get(&place)? else { return Ok(None) };
        let (record, sealed) = split::<TripRecord>(&bytes).ok_or_else(|| damaged("a trip"))?;
        let own = self.key_of_vehicle(record.vehicle)?.ok_or_else(|| damaged("a vehicle"))?;
        let kept = opened(&own, sealed, &place, "a trip")?;
        Ok(Some(Opened { record, kept, own }))
    }

    /// All of a trip, the first first.
    pub(super) fn manifests(&self, trip: u64, own: &Secret) -> Result<Vec<Manifest>, RegistryError> {
        let prefix = keys::manifests(trip);
        let read = |entry: Result<Entry, EngineError>| {
            let (place, bytes) = entry?;
            let (record, sealed) = split::<ManifestRecord>(&bytes).ok_or_else(|| damaged("a manifest"))?;
            let aboard: Vec<Aboard> = opened(own, sealed, &place, "a manifest")?;
            let ManifestRecord { number, from, by, subjects } = record;
            Ok(Manifest { number, from, by, aboard: subjects.into_iter().zip(aboard).collect() })
        };
        self.table.scan(&prefix, &prefix).map(read).collect()
    }

    pub(super) fn vehicle_of(&self, plate: Blind) -> Result<Option<SubjectCode>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::plate(plate))? else { return Ok(None) };
        let subject = bytes.as_slice().try_into().map_err(|_| damaged("a plate"))?;
        Ok(Some(SubjectCode::new(subject)))
    }

    pub(super) fn key_of_vehicle(&self, vehicle: SubjectCode) -> Result<Option<Secret>, RegistryError> {
        let place = keys::vehicle(vehicle);
        let Some(bytes) = self.table.get(&place)? else { return Ok(None) };
        let (wrapped, _) = split_person(&bytes).ok_or_else(|| damaged("a vehicle"))?;
        let key = self.vault.read().unwrap(&wrapped, &place);
        Ok(Some(key.map_err(|_| damaged("a vehicle's key"))?))
    }

    pub(super) fn place_index(&self, place: TripPlace<'_>) -> Blind {
        match place {
            TripPlace::Area(area) => self.area_index(area),
            TripPlace::Depot(site) => self.vault.read().blind("site", site),
        }
    }

    pub(super) fn plate_index(&self, plate: &str) -> Blind {
        self.vault.read().blind("plate", &plate_key(plate))
    }
}
