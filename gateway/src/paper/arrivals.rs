//! A row becomes an arrival, or flaws by column. Pure.
//!
//! What all who came on the same carriage have in common is told once for the table; so is where they stay in
//! quarantine and for how long, for rows that tell nothing else. A place of quarantine is a facility's code or
//! name, or an area with an address: home.

use std::collections::HashMap;

use truyvet_schemas::TimeMs;
use truyvet_schemas::arrival::{Arrival, Landing, Passport, Quarantine, Traveller};
use truyvet_schemas::checking::Flaw;
use truyvet_schemas::countries::country_code;
use truyvet_schemas::person::{Residence, Sex, folded_name, tidy_phone};
use truyvet_schemas::time::MS_PER_DAY;

use super::Why;
use super::columns::{Field, Form};
use super::places::Places;
use super::reading::{Reading, Rows, instant, local, word_of};
use super::values;
use crate::people::{Entered, OnPaper, PaperError, People};

/// Rows that are passengers of one carriage.
pub struct Passengers {
    landing: Landing,
    /// Code of the facility of those whose row names no place.
    facility: Option<String>,
    /// Days of quarantine of those whose row tells none.
    days: i64,
    facilities: Facilities,
}

/// Facilities of quarantine, by code and by name.
#[derive(Clone, Debug, Default)]
pub struct Facilities {
    names: HashMap<String, String>,
    /// Codes by folded code or name; none where two have it.
    codes: HashMap<String, Option<String>>,
}

impl Passengers {
    /// Those of one carriage, which is tidied and checked.
    pub fn new(landing: Landing, facility: Option<String>, days: i64, facilities: Facilities) -> Self {
        Self { landing, facility, days, facilities }
    }

    fn arrival(&self, reading: &mut Reading<'_>) -> Arrival {
        let quarantine = self.quarantine(reading);
        let seat = reading.optional(Field::Seat);
        let phone = reading.value(Field::Phone, |said| tidy_phone(&values::phone(said)).map_err(Why::from));
        let home = reading.place(Field::Permanent).map(|place| place.area);
        let born = reading.moment(Field::BirthDate, true);
        let passport = passport(reading);
        let nationality = reading.optional(Field::Nationality).map(values::country);
        let traveller = Traveller {
            name: name(reading),
            birth_date: born.map(|at| at.date.to_string()).unwrap_or_default(),
            sex: reading.value(Field::Sex, values::sex).unwrap_or(Sex::Other),
            nationality: nationality.unwrap_or_else(|| passport.country.clone()),
            passport,
            phone,
            home,
        };
        let crossing = self.landing.crossing(seat, quarantine);
        Arrival { traveller, crossing, test: reading.test() }.tidied()
    }

    fn quarantine(&self, reading: &mut Reading<'_>) -> Quarantine {
        let until = self.until(reading);
        let Some(said) = reading.optional(Field::Quarantine) else {
            if self.facility.is_none() {
                reading.missing(Field::Quarantine);
            }
            return Quarantine { facility: self.facility.clone(), home: None, until };
        };
        match self.facilities.find(&said) {
            Some(Some(code)) => Quarantine { facility: Some(code.to_owned()), home: None, until },
            Some(None) => {
                reading.wrong(Field::Quarantine, Why::Ambiguous);
                Quarantine { facility: None, home: None, until }
            }
            None => {
                let home = reading.place(Field::Quarantine);
                let home = home.map(|place| Residence { area: place.area, address: place.address });
                Quarantine { facility: None, home, until }
            }
        }
    }

    /// The end of the last day, or so many days from the arrival on.
    fn until(&self, reading: &mut Reading<'_>) -> i64 {
        let last_day = reading.moment(Field::QuarantineUntil, false);
        let days = reading.value(Field::QuarantineDays, values::days).unwrap_or(self.days);
        let until = last_day.and_then(|at| match at.time {
            Some(time) => instant(at.date, Some(time)),
            None => Some(instant(at.date, None)? + MS_PER_DAY),
        });
        until.unwrap_or_else(|| self.landing.arrived_at.saturating_add(days * MS_PER_DAY))
    }
}

impl Rows for Passengers {
    type Understood = Arrival;

    const FORM: Form = Form::Arrivals;
    // One passport sits on one seat.
    const EQUAL_ROWS_ARE_TWO: bool = false;
    const PREVIEW_ACT: Option<&'static str> = Some("arrivals.preview");

    fn understand(&self, reading: &mut Reading<'_>) -> Arrival {
        self.arrival(reading)
    }

    fn shown(&self, arrival: &Arrival, places: &Places) -> Vec<(Field, String)> {
        let (traveller, crossing) = (&arrival.traveller, &arrival.crossing);
        let Quarantine { facility, home, until } = &crossing.quarantine;
        let facility = facility.as_ref().map(|code| self.facilities.name(code));
        let home = home.as_ref().map(|home| match &home.address {
            Some(address) => format!("{address}, {}", places.path(&home.area)),
            None => places.path(&home.area),
        });
        let last = jiff::Timestamp::from_millisecond(until - 1).map(|at| at.to_zoned(local()));
        vec![
            (Field::Seat, crossing.seat.clone().unwrap_or_default()),
            (Field::Name, traveller.name.clone()),
            (Field::BirthDate, traveller.birth_date.clone()),
            (Field::Sex, word_of(&traveller.sex)),
            (Field::Document, format!("{} {}", traveller.passport.country, traveller.passport.number)),
            (Field::Nationality, traveller.nationality.clone()),
            (Field::Quarantine, facility.or(home).unwrap_or_default()),
            (Field::QuarantineUntil, last.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()),
        ]
    }

    fn content(&self, arrival: &Arrival) -> Vec<u8> {
        serde_json::to_vec(arrival).unwrap_or_default()
    }

    fn check(
        &self,
        arrival: &Arrival,
        people: &People,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<Vec<Flaw>, PaperError> {
        people.check_arrival(arrival, how, now)
    }

    fn enter(
        &self,
        arrival: Arrival,
        people: &People,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<Entered, PaperError> {
        people.enter_arrival(arrival, how, now)
    }
}

impl Facilities {
    /// Each by its code and its name.
    pub fn new(facilities: impl Iterator<Item = (String, Option<String>)>) -> Self {
        let mut known = Self::default();
        for (code, name) in facilities {
            let names = [Some(&code), name.as_ref()].into_iter().flatten().map(|name| folded_name(name));
            for name in names {
                let found = known.codes.entry(name).or_insert_with(|| Some(code.clone()));
                if found.as_ref() != Some(&code) {
                    *found = None;
                }
            }
            known.names.insert(code.clone(), name.unwrap_or(code));
        }
        known
    }

    /// The code of the facility that is meant; `Some(None)` where it could be several.
    fn find(&self, said: &str) -> Option<Option<&str>> {
        if self.names.contains_key(said) {
            return Some(self.names.get_key_value(said).map(|(code, _)| code.as_str()));
        }
        self.codes.get(&folded_name(said)).map(Option::as_deref)
    }

    fn name(&self, code: &str) -> String {
        self.names.get(code).map_or(code, String::as_str).to_owned()
    }
}

/// Whose country is told, in either column; a passport is its holder's country's where no other is told.
fn passport(reading: &mut Reading<'_>) -> Passport {
    let number = reading.required(Field::Document);
    let told = reading.optional(Field::DocumentCountry).or_else(|| reading.optional(Field::Nationality));
    if told.is_none() {
        reading.missing(Field::DocumentCountry);
    }
    let country = told.map(values::country).unwrap_or_default();
    let country = country_code(&country).map_or(country, str::to_owned);
    Passport { number, country }
}

fn name(reading: &mut Reading<'_>) -> String {
    let (surname, name) = (reading.optional(Field::Surname), reading.required(Field::Name));
    match surname {
        Some(surname) => format!("{surname} {name}"),
        None => values::passenger_name(&name),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use truyvet_areas::{Area, Search, Tree};
    use truyvet_schemas::arrival::{Carriage, CarriageKind};

    use super::super::RowFlaw;
    use super::super::columns::Mapping;
    use super::super::reading::Converter;
    use super::super::table::{Cell, Row};
    use super::*;

    const NOW: i64 = 1_629_400_000_000; // 2021-08-19T19:06:40Z

    fn converter(header: &[&str], facility: Option<&str>) -> Converter<'static, Passengers> {
        let names: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let mapping = Mapping::guess(Form::Arrivals, &names);
        let number = Some("VN51".to_owned());
        let carriage = Carriage { kind: CarriageKind::Flight, number, date: "2021-08-19".to_owned() };
        let (site, from) = ("SB".to_owned(), "KR".to_owned());
        let landing = Landing { site, arrived_at: NOW, carriage, from };
        let facilities = [("CL1", "Khu cách ly Một"), ("CL2", "Khách sạn Xanh"), ("CL3", "Khách sạn Xanh")];
        let facilities = facilities.map(|(code, name)| (code.to_owned(), Some(name.to_owned())));
        let passengers = Passengers::new(
            landing,
            facility.map(str::to_owned),
            14,
            Facilities::new(facilities.into_iter()),
        );
        let ward = |code: &str, name: &str| Area {
            code: code.to_owned(),
            parent: None,
            name: name.to_owned(),
            kind: String::new(),
            valid_from: None,
            valid_to: None,
            merged_into: None,
        };
        let tree = Tree::new(vec![ward("W1", "Phường Bến Nghé")]).expect("a tree");
        // As long as the test's process: a converter only borrows what its rows are.
        let passengers = Box::leak(Box::new(passengers));
        Converter::new(passengers, mapping, Places::new(Arc::new(Search::new(tree)), NOW), false)
    }

    fn row(cells: &[&str]) -> Row {
        Row { number: 7, cells: cells.iter().map(|cell| Cell::text(cell)).collect() }
    }

    fn flaws(header: &[&str], cells: &[&str]) -> Vec<(Option<Field>, Why)> {
        let found: Vec<RowFlaw> = converter(header, None).read(&row(cells)).expect_err("flaws");
        found.into_iter().map(|flaw| (flaw.field, flaw.why)).collect()
    }

    const HEADER: [&str; 8] = [
        "Seat",
        "Passenger name",
        "Date of birth",
        "Sex",
        "Passport No.",
        "Nationality",
        "Quarantine place",
        "Quarantine until",
    ];

    #[test]
    fn a_row_is_an_arrival_of_the_carriage() {
        let mut converter = converter(&HEADER, None);
        let cells =
            ["012a", "NGUYEN/VAN AN MR", "02MAR1990", "M", "c1234567", "VNM", "khu cach ly mot", "2/9/2021"];
        let arrival = converter.read(&row(&cells)).expect("an arrival");
        let (traveller, crossing) = (&arrival.traveller, &arrival.crossing);
        assert_eq!((traveller.name.as_str(), traveller.birth_date.as_str()), ("NGUYEN VAN AN", "1990-03-02"));
        assert_eq!(
            (traveller.passport.number.as_str(), traveller.passport.country.as_str()),
            ("C1234567", "VN")
        );
        assert_eq!(
            (crossing.seat.as_deref(), crossing.quarantine.facility.as_deref()),
            (Some("12A"), Some("CL1"))
        );
        let end_of_the_day = 1_630_602_000_000; // 2021-09-03T00:00+07:00
        assert_eq!(crossing.quarantine.until, end_of_the_day);
        assert_eq!(arrival.check(NOW), []);
        let shown = converter.shown(&arrival);
        assert!(shown.contains(&(Field::QuarantineUntil, "2021-09-02".to_owned())), "{shown:?}");
        assert!(shown.contains(&(Field::Quarantine, "Khu cách ly Một".to_owned())), "{shown:?}");
    }

    #[test]
    fn what_a_row_leaves_out_is_that_of_the_list() {
        let mut converter = converter(&["Họ tên", "Ngày sinh", "Hộ chiếu", "Nước cấp"], Some("CL2"));
        let arrival = converter.read(&row(&["Kim Min", "1/2/1980", "M11223344", "KOR"])).expect("an arrival");
        let Quarantine { facility, until, .. } = &arrival.crossing.quarantine;
        assert_eq!((facility.as_deref(), *until), (Some("CL2"), NOW + 14 * MS_PER_DAY));
        let Traveller { nationality, sex, .. } = &arrival.traveller;
        assert_eq!((nationality.as_str(), *sex), ("KR", Sex::Other));
    }

    #[test]
    fn quarantine_at_home_is_an_area_with_an_address() {
        let cells = ["1A", "An", "1/2/1980", "M", "C1234567", "VN", "12 Lê Lợi, Phường Bến Nghé", "2/9/2021"];
        let arrival = converter(&HEADER, None).read(&row(&cells)).expect("an arrival");
        let home = arrival.crossing.quarantine.home.expect("a home");
        assert_eq!((home.area.as_str(), home.address.as_deref()), ("W1", Some("12 Lê Lợi")));
    }

    #[test]
    fn each_flaw_is_told_at_its_field() {
        let cells = ["1A", "", "1990", "?", "", "", "Khách sạn Xanh", "x"];
        let found = flaws(&HEADER, &cells);
        for expected in [
            (Some(Field::Name), Why::Missing),
            (Some(Field::BirthDate), Why::YearAlone),
            (Some(Field::Sex), Why::Unknown),
            (Some(Field::Document), Why::Missing),
            (Some(Field::DocumentCountry), Why::Missing),
            (Some(Field::Quarantine), Why::Ambiguous),
            (Some(Field::QuarantineUntil), Why::Form),
        ] {
            assert!(found.contains(&expected), "{expected:?} is not among {found:?}");
        }
        let cells = ["1A", "An", "1/2/1980", "M", "C1234567", "VN", "", ""];
        assert_eq!(flaws(&HEADER, &cells), [(Some(Field::Quarantine), Why::Missing)]);
        let cells = ["1A", "An", "1/2/1980", "M", "C1234567", "VN", "Nơi Nào", ""];
        assert_eq!(flaws(&HEADER, &cells), [(Some(Field::Quarantine), Why::Unknown)]);
    }
}
