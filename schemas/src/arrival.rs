//! What is stated of somebody who crosses the border: who it is, what they came on, and where they stay in
//! quarantine. Pure: tidied and checked here, kept by the registry together with a declaration of the way from
//! the border to that place.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::checking::{Check, Flaw, Wrong};
use crate::countries::country_code;
use crate::declaration::{
    Declaration, Exposure, Health, Journey, Purpose, Test, Vehicle, VehicleKind, check_plate, day,
};
use crate::person::{
    Document, DocumentKind, NAME_CHARS_MAX, Person, Residence, Sex, folded_name, tidy_phone, tidy_text,
};
use crate::scan::CODE_BYTES_MAX;
use crate::time::MS_PER_DAY;
use crate::vehicle::{plate_key, tidy_plate};

/// An arrival as it is stated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BorderArrival)]
pub struct Arrival {
    /// Who arrives.
    pub traveller: Traveller,
    /// Where and on what they came, and where they stay now.
    pub crossing: Crossing,
    /// The last test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub test: Option<Test>,
}

/// Who arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Traveller {
    /// The whole name, as the passport has it.
    #[schema(min_length = 1, example = "NGUYEN VAN AN")]
    pub name: String,
    /// `YYYY-MM-DD`, or `YYYY` where only the year is known.
    #[schema(min_length = 4, example = "1990-03-02")]
    pub birth_date: String,
    /// Sex.
    pub sex: Sex,
    /// ISO 3166 in two letters or three; tidied it is two, `XX` for none.
    #[schema(min_length = 1, example = "VN")]
    pub nationality: String,
    /// The passport, by which the person is known again.
    pub passport: Passport,
    /// A telephone; tidied it is `+` and digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 8, example = "+84901234567", nullable = false)]
    pub phone: Option<String>,
    /// Code of the area where they live, where that is in the country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, example = "VN25-00097", nullable = false)]
    pub home: Option<String>,
}

/// A passport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Passport {
    /// Its number, 5 to 15 letters and digits.
    #[schema(min_length = 5, example = "C1234567")]
    pub number: String,
    /// Who issued it, ISO 3166 in two letters or three; tidied it is two.
    #[schema(min_length = 1, example = "VN")]
    pub country: String,
}

/// Where and on what somebody came, and where they stay now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Crossing {
    /// Code of the site at the border: of the kind `airport`, `border_gate` or `port`.
    #[schema(min_length = 1, example = "SB-NB")]
    pub site: String,
    /// Unix milliseconds.
    pub arrived_at: i64,
    /// What they came on.
    pub carriage: Carriage,
    /// Seat or cabin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "12A", nullable = false)]
    pub seat: Option<String>,
    /// Country that they came from, ISO 3166 in two letters or three; tidied it is two.
    #[schema(min_length = 1, example = "KR")]
    pub from: String,
    /// Where they stay, and how long.
    pub quarantine: Quarantine,
}

/// What all who came on the same carriage have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// As in a [`Crossing`].
    pub site: String,
    /// As in a [`Crossing`].
    pub arrived_at: i64,
    /// As in a [`Crossing`].
    pub carriage: Carriage,
    /// As in a [`Crossing`].
    pub from: String,
}

/// What somebody came on: a flight, a vehicle or a ship of a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Carriage {
    /// Which kind it is.
    pub kind: CarriageKind,
    /// A flight's number, a vehicle's plate, a ship's name; none on foot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "VN51", nullable = false)]
    pub number: Option<String>,
    /// Its day as the timetable has it, or else that of the arrival, `YYYY-MM-DD`.
    #[schema(min_length = 10, example = "2021-08-20")]
    pub date: String,
}

/// Kinds of carriage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each word says all there is to say")]
pub enum CarriageKind {
    Flight,
    Vehicle,
    Ship,
    OnFoot,
}

/// Where somebody stays in quarantine: in a facility, or at home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// Code of a facility: a site of the kind `facility`, `quarantine` or `hospital`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, example = "CL-01", nullable = false)]
    pub facility: Option<String>,
    /// A home; either it or a facility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub home: Option<Residence>,
    /// Until when, unix milliseconds.
    pub until: i64,
}

impl Arrival {
    /// The arrival as kept: texts in one spelling, countries in two letters.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        let Traveller { name, birth_date, nationality, passport, phone, home, .. } = &mut self.traveller;
        *name = tidy_text(name);
        *birth_date = birth_date.trim().to_owned();
        *nationality = tidy_country(nationality);
        let Document { number, .. } = document(passport).tidied();
        *passport = Passport { number, country: tidy_country(&passport.country) };
        let said = phone.take().map(|phone| tidy_text(&phone)).filter(|phone| !phone.is_empty());
        *phone = said.map(|phone| tidy_phone(&phone).unwrap_or(phone));
        *home = home.take().filter(|home| !home.is_empty());
        self.crossing = self.crossing.tidied();
        self
    }

    /// What is wrong with it, once it is tidied; whether sites and areas are known is not asked here.
    pub fn check(&self, now_ms: i64) -> Vec<Flaw> {
        let mut check = Check::default();
        check.within("traveller", |check| self.traveller.check(check, &day(now_ms)));
        check.within("crossing", |check| self.crossing.check(check, now_ms));
        self.health().check(&mut check, now_ms);
        check.flaws()
    }

    /// The person as the registry keeps those of whom it knows no more. Where they stay in quarantine is no home.
    pub fn person(&self) -> Person {
        let Traveller { name, birth_date, sex, nationality, passport, home, .. } = &self.traveller;
        let home = home.clone().map(|area| Residence { area, address: None });
        Person {
            name: name.clone(),
            birth_date: birth_date.clone(),
            sex: *sex,
            nationality: nationality.clone(),
            documents: vec![document(passport)],
            permanent: home.unwrap_or_else(Residence::not_told),
            present: None,
            temporary: None,
        }
    }

    /// The passport.
    pub fn document(&self) -> Document {
        document(&self.traveller.passport)
    }

    /// The way from the border to the place of quarantine, as a declaration: `from` is the area of the one, `to`
    /// that of the other.
    pub fn declaration(&self, from: &str, to: &str) -> Declaration {
        let Crossing { arrived_at, carriage, quarantine, .. } = &self.crossing;
        let (from, to) = (from.to_owned(), to.to_owned());
        let is_home = quarantine.home.is_some();
        Declaration {
            person: self.person(),
            journey: Journey {
                from,
                to,
                departs_at: *arrived_at,
                route: carriage.number.clone(),
                purpose: if is_home { Purpose::Return } else { Purpose::Other },
                purpose_note: None,
                vehicle: carriage.vehicle(),
            },
            health: self.health(),
            companions: Vec::new(),
        }
    }

    fn health(&self) -> Health {
        Health { symptoms: Vec::new(), exposure: Exposure::Abroad, vaccine_doses: 0, test: self.test }
    }
}

impl Traveller {
    fn check(&self, check: &mut Check, today: &str) {
        check.text("name", &self.name, 1, NAME_CHARS_MAX);
        check.birth_date("birth_date", &self.birth_date, today);
        check_country(check, "nationality", &self.nationality);
        check.within("passport", |check| {
            Document { country: None, ..document(&self.passport) }.check(check);
            check_country(check, "country", &self.passport.country);
        });
        let phone = self.phone.as_deref();
        check.that(phone.is_none_or(|phone| tidy_phone(phone).is_ok()), "phone", Wrong::Form);
        check.text("home", self.home.as_deref().unwrap_or_default(), 0, CODE_BYTES_MAX);
    }
}

impl Landing {
    /// What is common to all as it is kept.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        self.carriage = self.carriage.tidied();
        self.from = tidy_country(&self.from);
        self
    }

    /// What is wrong with it, once it is tidied; whether the site is known is not asked here.
    pub fn check(&self, check: &mut Check, now_ms: i64) {
        check.text("site", &self.site, 1, CODE_BYTES_MAX);
        let lately = now_ms.saturating_sub(ARRIVED_WITHIN_MS)..=now_ms.saturating_add(ARRIVES_WITHIN_MS);
        check.that(lately.contains(&self.arrived_at), "arrived_at", Wrong::Time);
        check.within("carriage", |check| self.carriage.check(check, self.arrived_at));
        check_country(check, "from", &self.from);
    }

    /// That of one of them.
    pub fn crossing(&self, seat: Option<String>, quarantine: Quarantine) -> Crossing {
        let Self { site, arrived_at, carriage, from } = self.clone();
        Crossing { site, arrived_at, carriage, seat, from, quarantine }
    }
}

impl Crossing {
    /// What all have in common who came on the same carriage.
    pub fn landing(&self) -> Landing {
        let Self { site, arrived_at, carriage, from, .. } = self.clone();
        Landing { site, arrived_at, carriage, from }
    }

    fn tidied(mut self) -> Self {
        self.seat = self.seat.as_deref().map(tidy_seat).filter(|seat| !seat.is_empty());
        let Landing { carriage, from, .. } = self.landing().tidied();
        (self.carriage, self.from) = (carriage, from);
        let home = self.quarantine.home.take();
        self.quarantine.home = home.map(|Residence { area, address }| {
            let address = address.map(|address| tidy_text(&address)).filter(|address| !address.is_empty());
            Residence { area, address }
        });
        self
    }

    fn check(&self, check: &mut Check, now_ms: i64) {
        self.landing().check(check, now_ms);
        let seat = self.seat.as_deref().unwrap_or_default();
        check.text("seat", seat, 0, SEAT_CHARS_MAX);
        check.that(seat.chars().all(|c| c.is_alphanumeric() || c == '-'), "seat", Wrong::Characters);
        check.within("quarantine", |check| self.quarantine.check(check, self.arrived_at));
    }
}

impl Carriage {
    /// The carriage as it is compared: `vn 0051` is `VN51`, a plate as plates are.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        let number = self.number.take().map(|number| tidy_text(&number));
        let number = number.filter(|number| !number.is_empty());
        self.number = number.map(|number| match self.kind {
            CarriageKind::Flight => tidy_flight(&number),
            CarriageKind::Vehicle => tidy_plate(&number),
            CarriageKind::Ship | CarriageKind::OnFoot => number,
        });
        self.date = self.date.trim().to_owned();
        self
    }

    /// What is wrong with it, once it is tidied, where it arrived at this instant.
    pub fn check(&self, check: &mut Check, arrived_at: i64) {
        let number = self.number.as_deref().unwrap_or_default();
        match self.kind {
            CarriageKind::Flight => {
                check.that(!number.is_empty(), "number", Wrong::Missing);
                check.that(number.is_empty() || is_flight(number), "number", Wrong::Form);
            }
            CarriageKind::Vehicle => {
                let mut plate = Check::default();
                check_plate(&mut plate, number);
                plate.flaws().into_iter().for_each(|flaw| check.that(false, "number", flaw.code));
            }
            CarriageKind::Ship => check.text("number", number, 1, SHIP_CHARS_MAX),
            CarriageKind::OnFoot => check.that(number.is_empty(), "number", Wrong::Disagrees),
        }
        let is_date = self.date.len() == 10 && self.date.parse::<jiff::civil::Date>().is_ok();
        check.that(is_date, "date", if self.date.is_empty() { Wrong::Missing } else { Wrong::Form });
        // A timetable's day lies at most two before the day on which it arrives, wherever that is told.
        let near =
            day(arrived_at.saturating_sub(3 * MS_PER_DAY))..=day(arrived_at.saturating_add(MS_PER_DAY));
        check.that(!is_date || near.contains(&self.date), "date", Wrong::Time);
    }

    /// By which those who came on it are found; none on foot, where nobody sat beside anybody.
    pub fn key(&self) -> Option<String> {
        let number = self.number.as_deref().unwrap_or_default();
        let (kind, number) = match self.kind {
            CarriageKind::Flight => ("flight", number.to_owned()),
            CarriageKind::Vehicle => ("vehicle", plate_key(number)),
            CarriageKind::Ship => ("ship", folded_name(number)),
            CarriageKind::OnFoot => return None,
        };
        Some(format!("{kind}|{number}|{}", self.date))
    }

    fn vehicle(&self) -> Option<Vehicle> {
        let kind = match self.kind {
            CarriageKind::Flight => VehicleKind::Plane,
            CarriageKind::Vehicle => VehicleKind::Other,
            CarriageKind::Ship => VehicleKind::Boat,
            CarriageKind::OnFoot => return None,
        };
        let plate = self.number.clone().filter(|_| self.kind == CarriageKind::Vehicle);
        Some(Vehicle { kind, plate })
    }
}

impl Quarantine {
    fn check(&self, check: &mut Check, arrived_at: i64) {
        match (&self.facility, &self.home) {
            (Some(facility), None) => check.text("facility", facility, 1, CODE_BYTES_MAX),
            (None, Some(home)) => check.within("home", |check| {
                check.text("area", &home.area, 1, CODE_BYTES_MAX);
                check.text("address", home.address.as_deref().unwrap_or_default(), 0, ADDRESS_CHARS_MAX);
            }),
            (None, None) => check.that(false, "facility", Wrong::Missing),
            (Some(_), Some(_)) => check.that(false, "home", Wrong::Disagrees),
        }
        let lasts = self.until.saturating_sub(arrived_at);
        check.that((1..=QUARANTINE_DAYS_MAX * MS_PER_DAY).contains(&lasts), "until", Wrong::Time);
    }
}

/// Seats as they lie: by row, then by letter; who has none comes last.
pub fn by_seat(one: Option<&str>, other: Option<&str>) -> Ordering {
    let place = |seat: Option<&str>| {
        let seat = seat.unwrap_or_default();
        let digits: String = seat.chars().filter(char::is_ascii_digit).take(9).collect();
        let letters: String = seat.chars().filter(|c| !c.is_ascii_digit()).collect();
        (seat.is_empty(), digits.parse::<u32>().unwrap_or(u32::MAX), letters)
    };
    place(one).cmp(&place(other))
}

fn document(passport: &Passport) -> Document {
    let Passport { number, country } = passport;
    Document { kind: DocumentKind::Passport, number: number.clone(), country: Some(country.clone()) }
}

/// In two letters where it is known; as it was said, in capitals, otherwise.
fn tidy_country(said: &str) -> String {
    country_code(said).map_or_else(|| said.trim().to_uppercase(), str::to_owned)
}

fn check_country(check: &mut Check, field: &str, code: &str) {
    let is_known = country_code(code).is_some_and(|known| known == code);
    check.that(is_known, field, if code.is_empty() { Wrong::Missing } else { Wrong::Unknown });
}

/// `012 a` is `12A`.
fn tidy_seat(said: &str) -> String {
    let compact = said.chars().filter(|c| !c.is_whitespace() && *c != '.').flat_map(char::to_uppercase);
    let compact: String = compact.collect();
    let significant = compact.trim_start_matches('0');
    if significant.starts_with(|c: char| c.is_ascii_digit()) { significant.to_owned() } else { compact }
}

/// `vn-0051` is `VN51`.
fn tidy_flight(said: &str) -> String {
    let compact = said.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase);
    let compact: String = compact.collect();
    match airline_and_number(&compact) {
        Some((airline, number)) => format!("{airline}{}", number.trim_start_matches('0')),
        None => compact,
    }
}

/// An airline in IATA's two characters or ICAO's three letters, and a number of up to four digits with perhaps a
/// letter behind it.
fn is_flight(tidied: &str) -> bool {
    let Some((airline, number)) = airline_and_number(tidied) else { return false };
    let is_letter = |c: char| c.is_ascii_uppercase();
    let is_airline = match airline.len() {
        2 => airline.chars().any(is_letter) && airline.bytes().all(|b| b.is_ascii_alphanumeric()),
        _ => airline.chars().all(is_letter),
    };
    let digits = number.strip_suffix(is_letter).unwrap_or(number);
    is_airline && (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn airline_and_number(compact: &str) -> Option<(&str, &str)> {
    let is_letters = |chars: usize| compact.bytes().take(chars).all(|b| b.is_ascii_alphabetic());
    let chars = if compact.len() > 3 && is_letters(3) { 3 } else { 2 };
    compact.is_ascii().then(|| compact.split_at_checked(chars)).flatten()
}

/// Lists that are typed in late: a month.
const ARRIVED_WITHIN_MS: i64 = 31 * MS_PER_DAY;
/// Passenger lists are known before a flight lands.
const ARRIVES_WITHIN_MS: i64 = 2 * MS_PER_DAY;
/// Longest quarantine, in days.
pub const QUARANTINE_DAYS_MAX: i64 = 60;
/// Longest seat or cabin, in characters.
pub const SEAT_CHARS_MAX: usize = 12;
const SHIP_CHARS_MAX: usize = 60;
const ADDRESS_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_629_400_000_000; // 2021-08-19

    fn sent() -> Arrival {
        let json = serde_json::json!({
            "traveller": {
                "name": " NGUYEN  VAN AN ", "birth_date": "1990-03-02", "sex": "male", "nationality": "vnm",
                "passport": {"number": "c 123-4567", "country": "VNM"}, "phone": "0901 234 567",
            },
            "crossing": {
                "site": "SB-NB", "arrived_at": NOW, "from": "KOR", "seat": " 012 a",
                "carriage": {"kind": "flight", "number": "vn 0051", "date": "2021-08-19"},
                "quarantine": {"facility": "CL-01", "until": NOW + 14 * MS_PER_DAY},
            },
        });
        serde_json::from_value(json).expect("as the contract has it")
    }

    #[test]
    fn what_is_sent_is_tidied() {
        let tidied = sent().tidied();
        let Traveller { name, nationality, passport, phone, .. } = &tidied.traveller;
        assert_eq!((name.as_str(), nationality.as_str()), ("NGUYEN VAN AN", "VN"));
        assert_eq!((passport.number.as_str(), passport.country.as_str()), ("C1234567", "VN"));
        assert_eq!(phone.as_deref(), Some("+84901234567"));
        let Crossing { carriage, seat, from, .. } = &tidied.crossing;
        assert_eq!((carriage.number.as_deref(), seat.as_deref()), (Some("VN51"), Some("12A")));
        assert_eq!(from, "KR");
        assert_eq!(tidied.check(NOW), []);
        assert_eq!(tidied.clone().tidied(), tidied, "once is enough");
        assert_eq!(tidied.document().tidied(), tidied.document(), "the passport is found as it is kept");
    }

    #[test]
    fn each_flaw_names_its_field() {
        let mut wrong = sent().tidied();
        wrong.traveller.passport = Passport { number: "1".to_owned(), country: "ZZZ".to_owned() };
        wrong.traveller.nationality = String::new();
        wrong.crossing.arrived_at = NOW + 3 * MS_PER_DAY;
        wrong.crossing.carriage.number = Some("51".to_owned());
        wrong.crossing.carriage.date = "2021-08-32".to_owned();
        wrong.crossing.seat = Some("12A\u{7}".to_owned());
        wrong.crossing.quarantine.facility = None;
        wrong.crossing.quarantine.until = NOW;
        let flaws: Vec<(String, Wrong)> =
            wrong.check(NOW).into_iter().map(|flaw| (flaw.field, flaw.code)).collect();
        for (field, code) in [
            ("traveller.passport.number", Wrong::Form),
            ("traveller.passport.country", Wrong::Unknown),
            ("traveller.nationality", Wrong::Missing),
            ("crossing.arrived_at", Wrong::Time),
            ("crossing.carriage.number", Wrong::Form),
            ("crossing.carriage.date", Wrong::Form),
            ("crossing.seat", Wrong::Characters),
            ("crossing.quarantine.facility", Wrong::Missing),
            ("crossing.quarantine.until", Wrong::Time),
        ] {
            assert!(flaws.contains(&(field.to_owned(), code)), "{field} is not among {flaws:?}");
        }
    }

    #[test]
    fn a_flight_has_one_number_however_it_is_written() {
        let flight = |number: &str| {
            let number = Some(number.to_owned());
            Carriage { kind: CarriageKind::Flight, number, date: "2021-08-19".to_owned() }.tidied()
        };
        for (said, tidied) in [
            ("vn51", "VN51"),
            ("VN 0051", "VN51"),
            ("hvn-051", "HVN51"),
            ("7C2803", "7C2803"),
            ("BA15a", "BA15A"),
        ] {
            let carriage = flight(said);
            assert_eq!(carriage.number.as_deref(), Some(tidied), "{said}");
            assert!(is_flight(tidied), "{said}");
            assert_eq!(carriage.key(), Some(format!("flight|{tidied}|2021-08-19")));
        }
        for said in ["VN", "51", "12345", "VN12345", "VN0", "V-N-X", "Việt51"] {
            assert!(!is_flight(flight(said).number.as_deref().unwrap_or_default()), "{said}");
        }
        let on_foot = Carriage { kind: CarriageKind::OnFoot, ..flight("") };
        assert_eq!((on_foot.number.clone(), on_foot.key()), (None, None));
    }

    #[test]
    fn seats_lie_by_row_then_by_letter_and_who_has_none_comes_last() {
        let mut seats = [None, Some("10A"), Some("2C"), Some("2A"), Some("B"), Some("CABIN-7")];
        seats.sort_by(|one, other| by_seat(*one, *other));
        assert_eq!(seats, [Some("2A"), Some("2C"), Some("CABIN-7"), Some("10A"), Some("B"), None]);
    }

    #[test]
    fn an_arrival_is_a_declared_way_from_the_border_to_the_place_of_quarantine() {
        let declaration = sent().tidied().declaration("W1", "W2");
        let Declaration { person, journey, health, .. } = &declaration;
        assert_eq!((journey.from.as_str(), journey.to.as_str()), ("W1", "W2"));
        assert_eq!((journey.departs_at, journey.route.as_deref()), (NOW, Some("VN51")));
        assert_eq!(health.exposure, Exposure::Abroad);
        assert!(!person.permanent.is_told(), "where one stays in quarantine is no home");
        assert_eq!(declaration.check(NOW), []);
        assert_eq!(declaration.clone().tidied(), declaration);
    }
}
