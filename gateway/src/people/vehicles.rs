//! Vehicles on the green lane: declared by their drivers, sealed by an officer of the depot, one pass for
//! everyone aboard.
//!
//! ```text
//! driver, or officer of the depot -> checked, areas known? -> registry: trip, vehicle, people, pass
//! officer of the depot            -> checklist whole?      -> sealed, or refused
//! officer who has it before them  -> who is aboard now     -> another manifest
//! registry: route  +  engine: passages                     -> which were off the route, whenever asked
//! ```
//! What is off a route is computed when somebody asks, so that no passage, however late, is left out.

mod listed;
mod shown;

use truyvet_engine::registry::{
    Account, DeclaringTrip, Newcomer, PassRecord, RegistryError, TripState, WholeTrip,
};
use truyvet_engine::{TraceError, TrailScan};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::{Check, Flaw, Wrong};
use truyvet_schemas::pass::{Pass, PassFlags, PassId, SubjectCode, UnixSeconds};
use truyvet_schemas::vehicle::{Aboard, Checklist, Trip, check_aboard, tidy_aboard};

use super::declaring::PassView;
use super::homes::Traveller;
use super::quota::TooMany;
use super::{Caller, People, act, act_with};

use shown::AboardShown;
pub use shown::{TripRow, TripShown, TripsAsked, TripsFound};

/// Why something about a trip was not done.
#[derive(Debug, thiserror::Error)]
pub enum TripError {
    /// Correct the fields.
    #[error("some fields are not as they must be; correct those named")]
    Invalid(Vec<Flaw>),
    /// Sign in with the driver's document.
    #[error("the driver declares for everyone aboard; sign in with the driver's document")]
    NotTheDriver,
    /// Have an officer of the depot do it.
    #[error("this is done by an officer of the trip's own depot")]
    NotTheDepot,
    /// Scan the vehicle's pass first.
    #[error("scan the vehicle's pass first; then write down who is aboard")]
    NotBeforeYou,
    /// Look at the number again.
    #[error("there is no such trip among those that you may see; look at its number again")]
    Unknown,
    /// Come back tomorrow.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// As the inner error says.
    #[error(transparent)]
    Trace(#[from] TraceError),
}

impl People {
    /// Keeps a trip and issues the vehicle's pass, which is good once an officer has sealed it. A driver
    /// declares for everyone aboard, or an officer of the depot does. The same request again gives the same
    /// answer.
    ///
    /// # Errors
    /// Nothing is kept then; the error says what to do.
    pub fn declare_trip(
        &self,
        by: &Caller,
        trip: Trip,
        request: Option<&str>,
        now: TimeMs,
    ) -> Result<TripShown, TripError> {
        let trip = trip.tidied();
        // Sent again it is neither checked nor counted anew: its time may have come meanwhile.
        let request_of_own = request.filter(|_| may_declare(by, &trip).is_ok());
        let before = request_of_own.map(|request| self.registry.trip_declared_before(&trip, request));
        if let Some(before) = before.transpose()?.flatten() {
            return self.shown_again(before.record.trip, now);
        }
        let mut flaws = trip.check(now.get());
        flaws.extend(self.check_places(&trip, now));
        if !flaws.is_empty() {
            return Err(TripError::Invalid(flaws));
        }
        let phone = may_declare(by, &trip)?;
        if let Some(phone) = phone {
            self.quota.take(&format!("declare|{phone}"), self.config.declarations_a_day, now)?;
        }
        let issued = UnixSeconds::of(now).unwrap_or(UnixSeconds::new(u32::MAX));
        let elsewhere = self.elsewhere(&trip);
        let how = DeclaringTrip { issued, phone, elsewhere: &elsewhere, request };
        let declared = self.registry.declare_trip(&trip, how, act(now, by.actor(), "trip.declare", "-"))?;
        self.tell_homes(&declared.newcomers);
        let whole = self.registry.whole_trip(declared.record.trip)?.ok_or(TripError::Unknown)?;
        Ok(self.show_trip(&whole, &declared.pass, now))
    }

    /// A trip as the caller may see it: its driver, officers of its depot or who have scanned its pass a moment
    /// ago, and officials of the areas that it touches. The look, granted or refused, is in the audit log
    /// before it is answered.
    ///
    /// # Errors
    /// It is not within the caller's reach, or the store fails.
    pub fn find_trip(&self, number: u64, by: &Caller, now: TimeMs) -> Result<TripShown, TripError> {
        let object = number.to_string();
        let whole = self.registry.whole_trip(number)?;
        let Some(whole) =
            whole.map(|whole| self.is_trip_in_reach(&whole, by, now).map(|is| is.then_some(whole)))
        else {
            return Err(TripError::Unknown);
        };
        let Some(whole) = whole? else {
            self.registry.note(act_with(now, by.actor(), "trip.read", &object, "refused"))?;
            return Err(TripError::Unknown);
        };
        self.registry.note(act(now, by.actor(), "trip.read", &object))?;
        self.shown(&whole, now)
    }

    /// Seals a trip, or refuses it: for officers of its depot.
    ///
    /// # Errors
    /// Something was not checked, somebody has decided already, or the store fails.
    pub fn decide_trip(
        &self,
        number: u64,
        is_good: bool,
        checklist: Checklist,
        officer: &Account,
        now: TimeMs,
    ) -> Result<TripShown, TripError> {
        let checklist = checklist.tidied();
        let flaws = if is_good { checklist.check_sealing() } else { checklist.check_refusing() };
        let whole = self.registry.whole_trip(number)?.ok_or(TripError::Unknown)?;
        if officer.site.as_ref() != Some(&whole.trip.depot) {
            return Err(TripError::NotTheDepot);
        }
        if !flaws.is_empty() {
            return Err(TripError::Invalid(flaws));
        }
        let action = if is_good { "trip.seal" } else { "trip.refuse" };
        let act = act(now, &officer.account, action, &number.to_string());
        match is_good {
            true => self.registry.seal_trip(number, &checklist, act)?,
            false => self.registry.refuse_trip(number, &checklist, act)?,
        };
        self.shown_again(number, now)
    }

    /// Writes down who is aboard from now on: for officers of the depot, and those who have scanned the
    /// vehicle's pass a moment ago.
    ///
    /// # Errors
    /// Some fields are wrong, the trip is over, or the store fails.
    pub fn change_aboard(
        &self,
        number: u64,
        aboard: Vec<Aboard>,
        officer: &Account,
        now: TimeMs,
    ) -> Result<TripShown, TripError> {
        let whole = self.registry.whole_trip(number)?.ok_or(TripError::Unknown)?;
        self.check_before(&whole, officer, now)?;
        let (aboard, mut check) = (tidy_aboard(aboard), Check::default());
        check_aboard(&aboard, whole.trip.vehicle.seats, now.get(), &mut check);
        let mut flaws = check.flaws();
        flaws.extend(self.check_homes(&aboard, now));
        if !flaws.is_empty() {
            return Err(TripError::Invalid(flaws));
        }
        let act = act(now, &officer.account, "trip.aboard", &number.to_string());
        let elsewhere = self.elsewhere(&whole.trip);
        let (.., newcomers) = self.registry.change_aboard(number, &aboard, &elsewhere, act)?;
        self.tell_homes(&newcomers);
        self.shown_again(number, now)
    }

    /// Ends a trip before its time, in the same officers' hands.
    ///
    /// # Errors
    /// It is not under way, or the store fails.
    pub fn end_trip(&self, number: u64, officer: &Account, now: TimeMs) -> Result<TripShown, TripError> {
        let whole = self.registry.whole_trip(number)?.ok_or(TripError::Unknown)?;
        self.check_before(&whole, officer, now)?;
        self.registry.end_trip(number, act(now, &officer.account, "trip.end", &number.to_string()))?;
        self.shown_again(number, now)
    }

    /// Codes of those who were aboard at an instant, by the vehicle's pass. The look is in the audit log.
    ///
    /// # Errors
    /// There is no such pass of a vehicle, or the store fails.
    pub fn aboard_at(
        &self,
        pass: PassId,
        at: TimeMs,
        officer: &str,
        now: TimeMs,
    ) -> Result<Vec<SubjectCode>, TripError> {
        self.registry.note(act(now, officer, "trip.check", &pass.to_string()))?;
        let pass = self.registry.pass(pass)?.filter(|pass| pass.is_vehicle);
        Ok(self.registry.aboard_at(pass.ok_or(TripError::Unknown)?.declaration, at)?)
    }

    /// The vehicle's pass as its driver sees it. Its token changes once: when it is sealed.
    pub fn view_vehicle(&self, whole: &WholeTrip, pass: &PassRecord) -> PassView {
        let destination = whole.trip.route.last().and_then(|area| self.area_number(area));
        let token = self.issuer.issue(&Pass {
            key_id: 0, // the issuer puts in that of the pass's time
            id: pass.pass,
            subject: pass.subject,
            issued: UnixSeconds::new(pass.issued_s),
            valid_until: UnixSeconds::new(pass.valid_until_s),
            flags: PassFlags {
                registered: pass.is_registered,
                vehicle: true,
                companions: whole.trip.aboard.len() > 1,
            },
            home: None,
            destination,
        });
        PassView {
            pass: pass.pass.to_string(),
            token,
            issued_at: i64::from(pass.issued_s) * 1_000,
            valid_until: i64::from(pass.valid_until_s) * 1_000,
            revoked: pass.revoked.is_some(),
            registered: pass.is_registered,
        }
    }

    /// Whether a site lies where the trip's route does not lead. Of a site without an area nobody can say so.
    pub fn is_off_route(&self, trip: &Trip, site: &str) -> bool {
        let area = self.engine.catalog().site(site).and_then(|site| site.area);
        let leads_to = |area: &str| trip.route.iter().any(|route| self.areas.is_within(area, route));
        site != trip.depot && area.is_some_and(|area| !leads_to(&area))
    }

    /// How many of a person's scans are of a vehicle off its route, with the person aboard.
    pub(super) fn off_route_aboard(
        &self,
        subject: SubjectCode,
        scans: &[TrailScan],
    ) -> Result<usize, RegistryError> {
        let mut off_route = 0;
        if scans.is_empty() {
            return Ok(off_route);
        }
        for number in self.registry.trips_of(subject, None, TRIPS_LOOKED_AT)? {
            let Some(whole) = self.registry.whole_trip(number)? else { continue };
            let span = whole.record.made_at..whole.record.until;
            let is_aboard = |at: i64| whole.manifest_at(TimeMs::new(at)).subjects().contains(&subject);
            let is_off = |scan: &&TrailScan| {
                span.contains(&scan.at) && self.is_off_route(&whole.trip, &scan.site) && is_aboard(scan.at)
            };
            off_route += scans.iter().filter(is_off).count();
        }
        Ok(off_route)
    }

    /// Areas that a subject's sealed trips name and begin in, to decide whether this account may look at the
    /// subject: what it sealed or wrote itself is left out.
    pub(super) fn trip_areas_of(
        &self,
        subject: SubjectCode,
        asking: &str,
    ) -> Result<Vec<String>, RegistryError> {
        let (mut areas, mut left) = (Vec::new(), TRIPS_LOOKED_AT);
        for number in self.registry.trips_of(subject, None, TRIPS_LOOKED_THROUGH)? {
            let decided = self.registry.trip_record(number)?.map(|record| record.decided);
            if left == 0 || !matches!(decided, Some(TripState::Sealed | TripState::Over)) {
                continue;
            }
            left -= 1;
            let Some(whole) = self.registry.whole_trip(number)? else { continue };
            if whole.is_vouched_for(subject, asking) {
                areas.extend(self.depot_area(&whole.trip));
                areas.extend(whole.trip.route);
            }
        }
        Ok(areas)
    }

    pub(super) fn show_trip(&self, whole: &WholeTrip, pass: &PassRecord, now: TimeMs) -> TripShown {
        let (record, trip) = (&whole.record, &whole.trip);
        let manifest = whole.manifest_at(now);
        let aboard = |(subject, one): &(SubjectCode, Aboard)| AboardShown {
            subject: subject.to_string(),
            duty: one.duty,
            name: one.name.clone(),
            birth_date: one.birth_date.clone(),
            sex: one.sex,
            document: one.document.clone(),
            phone: one.phone.clone(),
        };
        TripShown {
            trip: record.trip.to_string(),
            state: record.state(now),
            vehicle: trip.vehicle.clone(),
            subject: record.vehicle.to_string(),
            depot: trip.depot.clone(),
            depot_name: self.site_name(&trip.depot),
            route: trip.route.iter().map(|area| self.areas.name(area)).collect(),
            departs_at: trip.departs_at,
            until: trip.until,
            made_at: record.made_at,
            cargo: trip.cargo.clone(),
            aboard: manifest.aboard.iter().map(aboard).collect(),
            aboard_since: manifest.from,
            changes: manifest.number - 1,
            decided: whole.decided.clone(),
            pass: self.view_vehicle(whole, pass),
        }
    }

    fn shown(&self, whole: &WholeTrip, now: TimeMs) -> Result<TripShown, TripError> {
        let pass = self.registry.pass(whole.record.pass)?.ok_or(TripError::Unknown)?;
        Ok(self.show_trip(whole, &pass, now))
    }

    fn shown_again(&self, number: u64, now: TimeMs) -> Result<TripShown, TripError> {
        self.shown(&self.registry.whole_trip(number)?.ok_or(TripError::Unknown)?, now)
    }

    fn is_trip_in_reach(&self, whole: &WholeTrip, by: &Caller, now: TimeMs) -> Result<bool, RegistryError> {
        let (record, trip) = (&whole.record, &whole.trip);
        Ok(match by {
            Caller::Citizen { document, phone } => {
                let phone = self.registry.phone_index(phone);
                let is_driver = self.registry.holder(document)? == Some(record.driver);
                is_driver && record.phone.as_ref() == Some(&phone)
            }
            Caller::Official(account) if account.site.is_some() => self.has_before(whole, account, now),
            Caller::Official(account) => {
                let touches = |area: &str| {
                    account
                        .area
                        .as_deref()
                        .is_none_or(|own| self.areas.is_within(area, own) || self.areas.is_within(own, area))
                };
                let depot = self.depot_area(trip);
                trip.route.iter().any(|area| touches(area)) || depot.is_some_and(|area| touches(&area))
            }
            Caller::Nobody | Caller::Local | Caller::Operator => false,
        })
    }

    fn check_before(&self, whole: &WholeTrip, officer: &Account, now: TimeMs) -> Result<(), TripError> {
        self.has_before(whole, officer, now).then_some(()).ok_or(TripError::NotBeforeYou)
    }

    /// Whether an officer has the vehicle before them: at its depot, or since its pass was just scanned.
    fn has_before(&self, whole: &WholeTrip, officer: &Account, now: TimeMs) -> bool {
        officer.site.as_ref() == Some(&whole.trip.depot) || self.recent.has(officer, whole.record.trip, now)
    }

    fn check_places(&self, trip: &Trip, now: TimeMs) -> Vec<Flaw> {
        let mut flaws = self.check_homes(&trip.aboard, now);
        if !trip.depot.is_empty() && self.engine.catalog().site(&trip.depot).is_none() {
            flaws.push(Flaw { field: "depot".to_owned(), code: Wrong::Unknown });
        }
        let route = trip.route.iter().enumerate().filter(|(_, area)| !area.is_empty());
        let wrong = |(i, area): (usize, &String)| {
            let code = self.areas.wrong(area, now.get())?;
            Some(Flaw { field: format!("route[{i}]"), code })
        };
        flaws.extend(route.filter_map(wrong));
        flaws
    }

    fn check_homes(&self, aboard: &[Aboard], now: TimeMs) -> Vec<Flaw> {
        let wrong = |(i, one): (usize, &Aboard)| {
            let code = self.areas.wrong(one.home.as_deref()?, now.get())?;
            Some(Flaw { field: format!("aboard[{i}].home"), code })
        };
        aboard.iter().enumerate().filter_map(wrong).collect()
    }

    fn depot_area(&self, trip: &Trip) -> Option<String> {
        self.engine.catalog().site(&trip.depot)?.area
    }

    /// Where those aboard are looked for who tell no home.
    fn elsewhere(&self, trip: &Trip) -> String {
        self.depot_area(trip).unwrap_or_else(|| trip.route[0].clone())
    }

    fn tell_homes(&self, newcomers: &[Newcomer]) {
        for Newcomer { subject, home } in newcomers {
            let (subject, home) = (subject.to_string(), home.clone());
            self.homes.tell(Traveller { subject, home, is_followed: false });
        }
    }
}

/// The phone that a driver declares with; none where an officer of the depot does.
fn may_declare<'a>(by: &'a Caller, trip: &Trip) -> Result<Option<&'a str>, TripError> {
    let driver = trip.aboard.first().map(|driver| &driver.document);
    match by {
        Caller::Citizen { document, phone } if driver == Some(document) => Ok(Some(phone)),
        Caller::Official(account) if account.site.as_ref() == Some(&trip.depot) => Ok(None),
        Caller::Official(_) => Err(TripError::NotTheDepot),
        _ => Err(TripError::NotTheDriver),
    }
}

/// Newest trips of one subject that are looked at.
const TRIPS_LOOKED_AT: usize = 20;

/// Newest trips of one subject among which sealed ones are looked for: anybody may declare a few others a day.
const TRIPS_LOOKED_THROUGH: usize = 500;
