//! Lists of trips: of a depot, an area, a plate, a driver; each with what was seen of it.

use truyvet_engine::registry::{Account, RegistryError, TripPlace, TripRecord, WholeTrip};
use truyvet_engine::{Interval, Trail, TrailScan};
use truyvet_schemas::TimeMs;
use truyvet_schemas::person::Document;
use truyvet_schemas::vehicle::tidy_plate;

use super::super::{Caller, People, act};
use super::{TRIPS_LOOKED_AT, TripError, TripRow, TripsAsked, TripsFound};

impl People {
    /// Trips at a depot, or that touch an area. The look is in the audit log before it is answered.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn trips_at(
        &self,
        place: TripPlace<'_>,
        asked: &TripsAsked,
        account: &Account,
        now: TimeMs,
    ) -> Result<TripsFound, TripError> {
        let (TripPlace::Depot(object) | TripPlace::Area(object)) = place;
        self.registry.note(act(now, &account.account, "trips.read", object))?;
        let areas = match place {
            TripPlace::Depot(_) => Vec::new(),
            // A route that names a province leads through its wards.
            TripPlace::Area(area) => [self.areas.all_within(area), self.areas.all_above(area)].concat(),
        };
        let places: Vec<TripPlace<'_>> = match place {
            TripPlace::Depot(_) => vec![place],
            TripPlace::Area(_) => areas.iter().map(|area| TripPlace::Area(area)).collect(),
        };
        self.page(asked, now, |before, limit| self.registry.trips_at(&places, before, limit))
    }

    /// Trips of the vehicle with this plate that the official reaches. The look is in the audit log.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn trips_of_plate(
        &self,
        plate: &str,
        account: &Account,
        now: TimeMs,
    ) -> Result<Vec<TripRow>, TripError> {
        let vehicle = self.registry.vehicle(&tidy_plate(plate))?;
        let object = vehicle.map_or_else(|| "-".to_owned(), |vehicle| vehicle.to_string());
        self.registry.note(act(now, &account.account, "trips.read", &object))?;
        let (by, mut rows) = (Caller::Official(Box::new(account.clone())), Vec::new());
        let Some(vehicle) = vehicle else { return Ok(rows) };
        for number in self.registry.trips_of(vehicle, None, TRIPS_LOOKED_AT)? {
            let Some(whole) = self.registry.whole_trip(number)? else { continue };
            if self.is_trip_in_reach(&whole, &by, now)? {
                rows.push(self.row(&whole, now)?);
            }
        }
        Ok(rows)
    }

    /// The trips that a driver has declared with this document and this phone, the newest first. The look is in
    /// the audit log.
    ///
    /// # Errors
    /// The store fails, or what it has is damaged.
    pub fn own_trips(
        &self,
        document: &Document,
        phone: &str,
        asked: &TripsAsked,
        now: TimeMs,
    ) -> Result<TripsFound, TripError> {
        self.registry.note(act(now, "citizen", "trips.read", "-"))?;
        let Some(holder) = self.registry.holder(document)? else { return Ok(TripsFound::default()) };
        let phone = self.registry.phone_index(phone);
        let is_own = |record: &TripRecord| record.driver == holder && record.phone.as_ref() == Some(&phone);
        self.page_of(asked, now, is_own, |before, limit| self.registry.trips_of(holder, before, limit))
    }

    fn page(
        &self,
        asked: &TripsAsked,
        now: TimeMs,
        newest: impl Fn(Option<u64>, usize) -> Result<Vec<u64>, RegistryError>,
    ) -> Result<TripsFound, TripError> {
        self.page_of(asked, now, |_| true, newest)
    }

    /// Trips that are not wanted are passed over, and so many that the answer comes soon.
    fn page_of(
        &self,
        asked: &TripsAsked,
        now: TimeMs,
        is_theirs: impl Fn(&TripRecord) -> bool,
        newest: impl Fn(Option<u64>, usize) -> Result<Vec<u64>, RegistryError>,
    ) -> Result<TripsFound, TripError> {
        let (mut found, mut before) = (TripsFound::default(), asked.before);
        for _ in 0..PAGES_MAX {
            let numbers = newest(before, PAGE)?;
            let is_last = numbers.len() < PAGE;
            for number in numbers {
                if found.trips.len() == asked.limit {
                    found.next = before;
                    return Ok(found);
                }
                before = Some(number);
                let Some(whole) = self.registry.whole_trip(number)? else { continue };
                let is_in_state = asked.state.is_none_or(|state| state == whole.record.state(now));
                if !is_in_state || !is_theirs(&whole.record) {
                    continue;
                }
                let row = self.row(&whole, now)?;
                if !asked.is_off_route || !row.off_route.is_empty() {
                    found.trips.push(row);
                }
            }
            if is_last {
                return Ok(found);
            }
        }
        found.next = before;
        Ok(found)
    }

    fn row(&self, whole: &WholeTrip, now: TimeMs) -> Result<TripRow, TripError> {
        let (record, trip, manifest) = (&whole.record, &whole.trip, whole.manifest_at(now));
        let scans = self.scans_of(record)?;
        let off_route = scans.iter().filter(|scan| self.is_off_route(trip, &scan.site));
        let off_route = off_route.take(OFF_ROUTE_MAX).map(|scan| self.last_passage(scan.clone())).collect();
        Ok(TripRow {
            trip: record.trip.to_string(),
            state: record.state(now),
            vehicle: trip.vehicle.clone(),
            depot: trip.depot.clone(),
            depot_name: self.site_name(&trip.depot),
            route: trip.route.iter().map(|area| self.areas.name(area)).collect(),
            departs_at: trip.departs_at,
            until: trip.until,
            aboard: manifest.subjects().len(),
            changes: manifest.number - 1,
            passages: scans.len(),
            off_route,
            last: scans.into_iter().next_back().map(|scan| self.last_passage(scan)),
        })
    }

    /// The vehicle's scans on this trip: up to its end, or to that of its pass where it was taken back.
    fn scans_of(&self, record: &TripRecord) -> Result<Vec<TrailScan>, TripError> {
        let pass = self.registry.pass(record.pass)?;
        let taken_back = pass.and_then(|pass| pass.revoked).map(|revoked| revoked.at);
        let end = taken_back.map_or(record.until, |at| at.min(record.until)).max(record.made_at);
        let interval = Interval::new(TimeMs::new(record.made_at), TimeMs::new(end));
        let interval = interval.expect("no trip ends before it was declared");
        Ok(self.engine.trail(&Trail { subject: record.vehicle.to_string(), interval })?.scans)
    }
}

/// Passages off the route that are told of one trip.
const OFF_ROUTE_MAX: usize = 100;
/// Trips that are read at once, and how often for one answer.
const PAGE: usize = 50;
const PAGES_MAX: usize = 20;
