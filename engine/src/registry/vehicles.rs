//! Vehicles on the green lane: trips as they were declared, what was decided at the depot, and who was aboard
//! from when on.
//!
//! ```text
//! declared --sealed--> under way --its time, or an officer--> over
//!    |                    |
//!    +--refused           +-- those aboard change: another manifest, which holds from the instant at which it
//!                             is written
//! ```
//! - A vehicle is a subject of its own, found by its plate; everyone aboard is a person like any other.
//! - No manifest is changed or begins before it is written: who was aboard at an instant of the past stays
//!   so, however late a scan of that instant comes in.
//! - A manifest changes nothing of a known person: nobody verified what it says of them.
//! - Names, plates, depots and routes are sealed with the vehicle's key, and found by blind indexes.

mod look;
mod records;

use std::collections::BTreeSet;

use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{SubjectCode, UnixSeconds};
use truyvet_schemas::vehicle::{Aboard, Checklist, Trip};

use super::audit::Act;
use super::people::{Found, Holder, Request, lock_of};
use super::records::{PassRecord, Revoked, join, join_person};
use super::vault::{Blind, Secret, random, random_key, seal};
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};
use crate::catalog::json;
use look::Opened;
use records::{Kept, ManifestRecord};

pub use records::{Decided, Manifest, TripPlace, TripRecord, TripState, WholeTrip};

/// How a trip is to be kept, and the vehicle's pass.
#[derive(Clone, Copy, Debug)]
pub struct DeclaringTrip<'a> {
    /// The pass is valid from here on.
    pub issued: UnixSeconds,
    /// The phone that it is made with, where a citizen does.
    pub phone: Option<&'a str>,
    /// Code of the area in which those are looked for who tell no home: the depot's.
    pub elsewhere: &'a str,
    /// Names the request: the same one, sent again, makes nothing new.
    pub request: Option<&'a str>,
}

/// A trip that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TripDeclared {
    /// The trip.
    pub record: TripRecord,
    /// The vehicle's pass, to be signed.
    pub pass: PassRecord,
    /// Those who were not known before; the vehicle among them.
    pub newcomers: Vec<Newcomer>,
}

/// A subject that was not known before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Its code.
    pub subject: SubjectCode,
    /// Code of the area where it is at home.
    pub home: String,
}

impl Registry {
    /// Keeps a trip, which is tidied and checked, with the vehicle and everyone aboard, and issues the number
    /// of the vehicle's pass. Returns when all, and the act, are on disk. The same trip of the same request is
    /// kept once.
    ///
    /// # Errors
    /// The key was used for another trip, or the store fails; nothing is kept then.
    pub fn declare_trip(
        &self,
        trip: &Trip,
        how: DeclaringTrip<'_>,
        mut act: Act,
    ) -> Result<TripDeclared, RegistryError> {
        let plate = self.plate_index(&trip.vehicle.plate);
        let documents = trip.aboard.iter().map(|one| self.blind(&one.document));
        let _finding = self.finding(&documents.chain([plate]).collect::<Vec<_>>());
        let request = how.request.map(|key| self.trip_request(key, plate, trip));
        if let Some(before) = request.map_or(Ok(None), |request| self.trip_made(request))? {
            return Ok(before);
        }
        let (mut changes, mut newcomers) = (Changes::default(), Vec::new());
        let vehicle = self.find_or_make_vehicle(plate)?;
        self.put_vehicle(trip, &vehicle, plate, &mut changes);
        if vehicle.is_new {
            newcomers.push(Newcomer { subject: vehicle.subject, home: how.elsewhere.to_owned() });
        }
        let people = self.put_aboard(&trip.aboard, how.elsewhere, &mut newcomers, &mut changes)?;
        let number = self.declaration_number(TimeMs::new(act.at));
        let record = TripRecord {
            trip: number,
            vehicle: vehicle.subject,
            driver: people[0], // one at least, or it was not checked
            pass: self.unused_pass()?,
            made_at: act.at,
            until: trip.until,
            decided: TripState::Declared,
            phone: how.phone.map(|phone| self.phone_index(phone)),
        };
        let pass = pass_of(&record, how.issued);
        put_trip(&record, &Kept { trip: trip.clone(), decided: None }, &vehicle.key, &mut changes);
        let first = ManifestRecord { number: 1, from: act.at, by: act.actor.clone(), subjects: people };
        put_manifest(&record, &first, &trip.aboard, &vehicle.key, &mut changes);
        changes.puts.push((keys::trip_of(vehicle.subject, number), Vec::new()));
        for place in self.places_of(trip, how.elsewhere) {
            changes.puts.push((keys::trip_at(place, number), Vec::new()));
        }
        changes.puts.push((keys::pass(record.pass), json(&pass)));
        changes.puts.extend(request.map(|request| request.made(number)));
        act.object = record.pass.to_string();
        changes.acts.push(act);
        self.writer.write(changes)?;
        Ok(TripDeclared { record, pass, newcomers })
    }

    /// What the same request made before, if it was made: see [`DeclaringTrip::request`].
    ///
    /// # Errors
    /// The key was used for another trip, or the store fails.
    pub fn trip_declared_before(
        &self,
        trip: &Trip,
        request: &str,
    ) -> Result<Option<TripDeclared>, RegistryError> {
        self.trip_made(self.trip_request(request, self.plate_index(&trip.vehicle.plate), trip))
    }

    /// Seals a trip in the name of the act's actor and at its time: from now on its pass is good.
    ///
    /// # Errors
    /// There is no such trip, somebody has decided already, its time is over, or the store fails.
    pub fn seal_trip(&self, trip: u64, checklist: &Checklist, act: Act) -> Result<TripRecord, RegistryError> {
        self.decide(trip, TripState::Sealed, Some(checklist), act)
    }

    /// Does not let a trip go; its pass is taken back.
    ///
    /// # Errors
    /// As for sealing.
    pub fn refuse_trip(
        &self,
        trip: u64,
        checklist: &Checklist,
        act: Act,
    ) -> Result<TripRecord, RegistryError> {
        self.decide(trip, TripState::Refused, Some(checklist), act)
    }

    /// Ends a sealed trip before its time; its pass is taken back.
    ///
    /// # Errors
    /// There is no such trip, it is not under way, or the store fails.
    pub fn end_trip(&self, trip: u64, act: Act) -> Result<TripRecord, RegistryError> {
        self.decide(trip, TripState::Over, None, act)
    }

    fn decide(
        &self,
        trip: u64,
        decision: TripState,
        checklist: Option<&Checklist>,
        act: Act,
    ) -> Result<TripRecord, RegistryError> {
        let pass = self.trip_record(trip)?.ok_or(RegistryError::UnknownTrip)?.pass;
        let _alone = self.hold([lock_of(trip), pass.get() as usize].into_iter());
        let Opened { mut record, mut kept, own } =
            self.opened_trip(trip)?.ok_or(RegistryError::UnknownTrip)?;
        let before = if decision == TripState::Over { TripState::Sealed } else { TripState::Declared };
        if record.state(TimeMs::new(act.at)) != before {
            return Err(RegistryError::TripState);
        }
        record.decided = decision;
        let decided = |checklist: &Checklist| {
            let (at, by) = (act.at, act.actor.clone());
            Decided { at, by, checklist: checklist.clone() }
        };
        kept.decided = checklist.map(decided).or(kept.decided);
        let mut changes = Changes::default();
        put_trip(&record, &kept, &own, &mut changes);
        let mut pass = self.pass(record.pass)?.ok_or_else(|| damaged("a trip"))?;
        let open = keys::trip_open(pass.valid_until_s, trip);
        match decision {
            TripState::Sealed => {
                pass.is_registered = true;
                changes.puts.push((open, Vec::new()));
            }
            _ => {
                let reason = if decision == TripState::Over { "trip_over" } else { "depot_refused" };
                pass.revoked.get_or_insert(Revoked { at: act.at, reason: reason.to_owned() });
                changes.puts.push((keys::revoked(pass.valid_until_s, pass.pass), Vec::new()));
                changes.deletes.push(open);
            }
        }
        changes.puts.push((keys::pass(record.pass), json(&pass)));
        changes.acts.push(act);
        self.writer.write(changes)?;
        if decision != TripState::Sealed {
            self.lists_changed();
        }
        Ok(record)
    }

    /// Writes down who is aboard from now on, tidied and checked; those before stay as they were. In the name
    /// of the act's actor; it holds from the act's time on, or else from the end of the one before.
    ///
    /// # Errors
    /// There is no such trip, it was refused or is over, they changed too often, or the store fails.
    pub fn change_aboard(
        &self,
        trip: u64,
        aboard: &[Aboard],
        elsewhere: &str,
        act: Act,
    ) -> Result<(TripRecord, Manifest, Vec<Newcomer>), RegistryError> {
        let documents = aboard.iter().map(|one| usize::from(self.blind(&one.document).bytes()[0]));
        let _alone = self.hold(documents.chain([lock_of(trip)]));
        let Opened { record, own, .. } = self.opened_trip(trip)?.ok_or(RegistryError::UnknownTrip)?;
        if !matches!(record.state(TimeMs::new(act.at)), TripState::Declared | TripState::Sealed) {
            return Err(RegistryError::TripState);
        }
        let last = self.manifests(trip, &own)?.pop().ok_or_else(|| damaged("a trip"))?;
        if last.number >= MANIFESTS_MAX {
            return Err(RegistryError::TooManyManifests);
        }
        let (mut changes, mut newcomers) = (Changes::default(), Vec::new());
        let subjects = self.put_aboard(aboard, elsewhere, &mut newcomers, &mut changes)?;
        // A clock that was set back rewrites nothing of the past.
        let from = act.at.max(last.from + 1);
        let next = ManifestRecord { number: last.number + 1, from, by: act.actor.clone(), subjects };
        put_manifest(&record, &next, aboard, &own, &mut changes);
        changes.acts.push(act);
        self.writer.write(changes)?;
        let aboard = next.subjects.into_iter().zip(aboard.iter().cloned()).collect();
        let manifest = Manifest { number: next.number, from, by: next.by, aboard };
        Ok((record, manifest, newcomers))
    }

    /// Finds everyone aboard among the people, or makes them; their codes in the same order.
    fn put_aboard(
        &self,
        aboard: &[Aboard],
        elsewhere: &str,
        newcomers: &mut Vec<Newcomer>,
        changes: &mut Changes,
    ) -> Result<Vec<SubjectCode>, RegistryError> {
        let mut subjects = Vec::with_capacity(aboard.len());
        for one in aboard {
            let document = [self.blind(&one.document)];
            let found = self.find_or_make(&document)?;
            if found.is_new {
                let person = one.person(elsewhere);
                self.put_person(&person, &found, changes);
                let holder = Holder { subject: found.subject, is_verified: false };
                self.put_documents(&document, holder, changes)?;
                newcomers.push(Newcomer { subject: found.subject, home: person.permanent.area });
            }
            subjects.push(found.subject);
        }
        Ok(subjects)
    }

    fn find_or_make_vehicle(&self, plate: Blind) -> Result<Found, RegistryError> {
        let Some(subject) = self.vehicle_of(plate)? else {
            return Ok(Found { subject: SubjectCode::new(random()), key: random_key(), is_new: true });
        };
        let key = self.key_of_vehicle(subject)?.ok_or_else(|| damaged("a vehicle"))?;
        Ok(Found { subject, key, is_new: false })
    }

    /// Keeps the vehicle as declared now.
    fn put_vehicle(&self, trip: &Trip, found: &Found, plate: Blind, changes: &mut Changes) {
        let place = keys::vehicle(found.subject);
        let wrapped = self.vault.read().wrap(&found.key, &place);
        let sealed = seal(&found.key, &json(&trip.vehicle), &place);
        changes.puts.push((place, join_person(&wrapped, &sealed)));
        changes.puts.push((keys::plate(plate), found.subject.bytes().to_vec()));
    }

    /// Where it is looked for: its depot, the area of that, and all of the route.
    fn places_of(&self, trip: &Trip, depot_area: &str) -> BTreeSet<Blind> {
        let areas = trip.route.iter().map(String::as_str).chain([depot_area]).map(TripPlace::Area);
        areas.chain([TripPlace::Depot(&trip.depot)]).map(|place| self.place_index(place)).collect()
    }

    fn trip_request(&self, key: &str, plate: Blind, trip: &Trip) -> Request {
        let (vault, plate) = (self.vault.read(), data_encoding::HEXLOWER.encode(&plate.bytes()));
        let content = String::from_utf8(json(trip)).expect("JSON is text");
        Request {
            key: vault.blind("trip-request", &format!("{plate}|{key}")),
            content: vault.blind("trip-content", &content),
        }
    }

    /// What the same request made before.
    fn trip_made(&self, request: Request) -> Result<Option<TripDeclared>, RegistryError> {
        let Some(number) = self.made_before(request)? else { return Ok(None) };
        let damage = || damaged("a request");
        let record = self.trip_record(number)?.ok_or_else(damage)?;
        let pass = self.pass(record.pass)?.ok_or_else(damage)?;
        Ok(Some(TripDeclared { record, pass, newcomers: Vec::new() }))
    }
}

fn pass_of(record: &TripRecord, issued: UnixSeconds) -> PassRecord {
    let until = UnixSeconds::of(TimeMs::new(record.until)).unwrap_or(UnixSeconds::new(u32::MAX));
    PassRecord {
        pass: record.pass,
        subject: record.vehicle,
        declaration: record.trip,
        is_vehicle: true,
        issued_s: issued.get(),
        valid_until_s: until.get(),
        is_registered: false,
        revoked: None,
    }
}

fn put_trip(record: &TripRecord, kept: &Kept, own: &Secret, changes: &mut Changes) {
    let place = keys::trip(record.trip);
    let sealed = seal(own, &json(kept), &place);
    changes.puts.push((place, join(record, &sealed)));
}

fn put_manifest(
    record: &TripRecord,
    manifest: &ManifestRecord,
    aboard: &[Aboard],
    own: &Secret,
    changes: &mut Changes,
) {
    let place = keys::manifest(record.trip, manifest.number);
    let sealed = seal(own, &json(&aboard), &place);
    for subject in &manifest.subjects {
        changes.puts.push((keys::trip_of(*subject, record.trip), Vec::new()));
    }
    changes.puts.push((place, join(manifest, &sealed)));
}

/// Manifests of one trip: those aboard change at a stop, and three days have few of those.
pub const MANIFESTS_MAX: u32 = 50;
