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

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;
use truyvet_schemas::pass::{PassId, SubjectCode, UnixSeconds};
use truyvet_schemas::utoipa::{self, ToSchema};
use truyvet_schemas::vehicle::{Aboard, Checklist, Trip, plate_key};

use super::audit::Act;
use super::people::{Found, Holder, Request, opened};
use super::records::{PassRecord, Revoked, join, join_person, split, split_person, text, texts};
use super::vault::{Blind, Secret, random, random_key, seal};
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};
use crate::catalog::json;

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
struct Kept {
    trip: Trip,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decided: Option<Decided>,
}

/// The open part of a manifest.
#[derive(Serialize, Deserialize)]
struct ManifestRecord {
    number: u32,
    from: i64,
    by: String,
    #[serde(with = "texts")]
    subjects: Vec<SubjectCode>,
}

/// A trip in the store, its vehicle's key at hand.
struct Opened {
    record: TripRecord,
    kept: Kept,
    own: Secret,
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
        self.newest(&keys::trips_of(subject), &keys::trip_of(subject, last), limit)
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
        let (last, mut trips) = (before.map_or(u64::MAX, |before| before.saturating_sub(1)), BTreeSet::new());
        for place in places {
            let place = self.place_index(*place);
            trips.extend(self.newest(&keys::trips_at(place), &keys::trip_at(place, last), limit)?);
        }
        Ok(trips.into_iter().rev().take(limit).collect())
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

    fn newest(&self, prefix: &[u8], start: &[u8], limit: usize) -> Result<Vec<u64>, RegistryError> {
        let number = |entry: Result<crate::store::Entry, crate::EngineError>| {
            Ok(keys::newest_first(&entry?.0).ok_or_else(|| damaged("a list of trips"))?)
        };
        self.table.scan(prefix, start).take(limit).map(number).collect()
    }

    fn opened_trip(&self, trip: u64) -> Result<Option<Opened>, RegistryError> {
        let place = keys::trip(trip);
        let Some(bytes) = self.table.get(&place)? else { return Ok(None) };
        let (record, sealed) = split::<TripRecord>(&bytes).ok_or_else(|| damaged("a trip"))?;
        let own = self.key_of_vehicle(record.vehicle)?.ok_or_else(|| damaged("a vehicle"))?;
        let kept = opened(&own, sealed, &place, "a trip")?;
        Ok(Some(Opened { record, kept, own }))
    }

    /// All of a trip, the first first.
    fn manifests(&self, trip: u64, own: &Secret) -> Result<Vec<Manifest>, RegistryError> {
        let prefix = keys::manifests(trip);
        let read = |entry: Result<crate::store::Entry, crate::EngineError>| {
            let (place, bytes) = entry?;
            let (record, sealed) = split::<ManifestRecord>(&bytes).ok_or_else(|| damaged("a manifest"))?;
            let aboard: Vec<Aboard> = opened(own, sealed, &place, "a manifest")?;
            let ManifestRecord { number, from, by, subjects } = record;
            Ok(Manifest { number, from, by, aboard: subjects.into_iter().zip(aboard).collect() })
        };
        self.table.scan(&prefix, &prefix).map(read).collect()
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

    fn vehicle_of(&self, plate: Blind) -> Result<Option<SubjectCode>, RegistryError> {
        let Some(bytes) = self.table.get(&keys::plate(plate))? else { return Ok(None) };
        let subject = bytes.as_slice().try_into().map_err(|_| damaged("a plate"))?;
        Ok(Some(SubjectCode::new(subject)))
    }

    fn key_of_vehicle(&self, vehicle: SubjectCode) -> Result<Option<Secret>, RegistryError> {
        let place = keys::vehicle(vehicle);
        let Some(bytes) = self.table.get(&place)? else { return Ok(None) };
        let (wrapped, _) = split_person(&bytes).ok_or_else(|| damaged("a vehicle"))?;
        let key = self.vault.read().unwrap(&wrapped, &place);
        Ok(Some(key.map_err(|_| damaged("a vehicle's key"))?))
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

    fn place_index(&self, place: TripPlace<'_>) -> Blind {
        match place {
            TripPlace::Area(area) => self.area_index(area),
            TripPlace::Depot(site) => self.vault.read().blind("site", site),
        }
    }

    fn plate_index(&self, plate: &str) -> Blind {
        self.vault.read().blind("plate", &plate_key(plate))
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

/// The lower bits of nearly all trips' numbers are the same.
fn lock_of(trip: u64) -> usize {
    (trip ^ (trip >> 20)) as usize
}

/// Each once, in their order.
fn distinct(subjects: impl Iterator<Item = SubjectCode>) -> Vec<SubjectCode> {
    let mut known = BTreeSet::new();
    subjects.filter(|subject| known.insert(subject.bytes())).collect()
}

fn manifest_at(manifests: &[Manifest], at: TimeMs) -> &Manifest {
    let behind = manifests.partition_point(|manifest| manifest.from <= at.get());
    &manifests[behind.saturating_sub(1)]
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
