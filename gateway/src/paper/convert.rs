//! A row becomes a declaration, or flaws by column. Pure.
//!
//! What a table may leave out: sex, where a citizen id tells it; the kind of a document, by its number's form;
//! where the journey begins (at home), why (`other`), and what is asked of health (nothing known). Everything
//! else must stand in the row: what is filled in by the hour of upload would make the same row another one
//! tomorrow.

use std::sync::Arc;

use jiff::civil::Time;
use jiff::tz::{Offset, TimeZone};
use truyvet_areas::citizen_id::citizen_id_facts;
use truyvet_schemas::checking::Flaw;
use truyvet_schemas::declaration::{
    Declaration, Exposure, Health, Journey, Purpose, Test, Vehicle, VehicleKind,
};
use truyvet_schemas::person::{Document, Person, Residence, Sex, tidy_phone};

use super::columns::{Field, Mapping};
use super::places::{Place, Places, Unclear};
use super::table::{Cell, Row};
use super::values::{self, Moment};
use super::{RowFlaw, Why};
use crate::people::AreaName;

/// Turns rows of one table into declarations.
pub struct Converter {
    pub(super) mapping: Mapping,
    places: Places,
    is_1904: bool,
}

/// A row that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// What it declares, tidied; whether it is whole is not asked here.
    pub declaration: Declaration,
    /// The telephone, in the form in which it is compared.
    pub phone: Option<String>,
}

/// One row while it is read.
struct Reading<'a> {
    converter: &'a mut Converter,
    row: &'a Row,
    flaws: Vec<RowFlaw>,
}

impl Converter {
    /// For a table with these columns, whose days may be counted from 1904.
    pub(crate) fn new(mapping: Mapping, places: Places, is_1904: bool) -> Self {
        Self { mapping, places, is_1904 }
    }

    /// What the row says.
    ///
    /// # Errors
    /// Every cell that is not as it must be.
    pub fn read(&mut self, row: &Row) -> Result<Understood, Vec<RowFlaw>> {
        let mut reading = Reading { converter: self, row, flaws: Vec::new() };
        let understood = reading.understood();
        if reading.flaws.is_empty() { Ok(understood) } else { Err(reading.flaws) }
    }

    /// How the most important fields of a row were understood, to be shown beside it.
    pub fn shown(&self, understood: &Understood) -> Vec<(Field, String)> {
        let Understood { declaration: Declaration { person, journey, .. }, phone } = understood;
        let document = person.documents.first();
        let time = jiff::Timestamp::from_millisecond(journey.departs_at).map(|at| at.to_zoned(local()));
        let mut shown = vec![
            (Field::Name, person.name.clone()),
            (Field::BirthDate, person.birth_date.clone()),
            (Field::Sex, word_of(&person.sex)),
            (Field::Document, document.map(|document| document.number.clone()).unwrap_or_default()),
            (Field::Permanent, self.places.path(&person.permanent.area)),
            (Field::From, self.places.path(&journey.from)),
            (Field::To, self.places.path(&journey.to)),
            (Field::DepartsAt, time.map(|at| at.strftime("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()),
        ];
        shown.extend(phone.iter().map(|phone| (Field::Phone, phone.clone())));
        shown
    }
}

impl Mapping {
    /// A flaw of a field of a row; of the row itself where no field is named.
    pub(super) fn flaw(&self, row: u32, field: Option<Field>, why: Why) -> RowFlaw {
        let column = field.and_then(|field| self.column(field));
        RowFlaw { row, column, field, why, candidates: None }
    }

    /// The flaws of a declaration as those of the row that it came from.
    pub(super) fn flaws(&self, row: u32, flaws: &[Flaw]) -> Vec<RowFlaw> {
        flaws.iter().map(|flaw| self.flaw(row, field_of(&flaw.field), flaw.code.into())).collect()
    }
}

impl Reading<'_> {
    fn understood(&mut self) -> Understood {
        let document = self.document();
        let facts = citizen_id_facts(&document.number).ok();
        let permanent = self.residence(Field::Permanent, Field::PermanentAddress);
        let present = self.optional_residence(Field::Present);
        let home = present.as_ref().unwrap_or(&permanent).area.clone();
        let from = self.place(Field::From).map_or(home, |place| place.area);
        let to = self.required_place(Field::To).area;
        let sex = self.value(Field::Sex, values::sex).or(facts.map(|facts| facts.sex));
        if sex.is_none() && !self.flaws.iter().any(|flaw| flaw.field == Some(Field::Sex)) {
            self.wrong(Field::Sex, Why::Missing);
        }
        let person = Person {
            name: self.required(Field::Name),
            birth_date: self.moment(Field::BirthDate, true).map(|at| at.date.to_string()).unwrap_or_default(),
            sex: sex.unwrap_or(Sex::Other),
            nationality: self.optional(Field::Nationality).map_or_else(|| "VN".to_owned(), country),
            documents: vec![document],
            permanent,
            present,
            temporary: None,
        };
        let journey = Journey {
            from,
            to,
            departs_at: self.departs_at(),
            route: self.optional(Field::Route),
            purpose: self.value(Field::Purpose, values::purpose).unwrap_or(Purpose::Other),
            purpose_note: None,
            vehicle: self.vehicle(),
        };
        let health = Health {
            symptoms: self.value(Field::Symptoms, values::symptoms).unwrap_or_default(),
            exposure: self.value(Field::Exposure, values::exposure).unwrap_or(Exposure::None),
            vaccine_doses: self.value(Field::VaccineDoses, doses).unwrap_or(0),
            test: self.test(),
        };
        let declaration = Declaration { person, journey, health, companions: Vec::new() };
        let phone = self.value(Field::Phone, |said| tidy_phone(&values::phone(said)).map_err(Why::from));
        Understood { declaration: declaration.tidied(), phone }
    }

    fn document(&mut self) -> Document {
        let number = values::document_number(&self.required(Field::Document));
        let kind = self.value(Field::DocumentKind, values::document_kind);
        let kind = kind.unwrap_or_else(|| values::kind_by_number(&number));
        let told = self.optional(Field::DocumentCountry).or_else(|| self.optional(Field::Nationality));
        // A card is this nation's; a passport that of the person's, where no other is told.
        let is_passport = kind == truyvet_schemas::person::DocumentKind::Passport;
        Document { kind, number, country: told.filter(|_| is_passport).map(country) }
    }

    fn residence(&mut self, field: Field, address: Field) -> Residence {
        let Place { area, address: before } = self.required_place(field);
        Residence { area, address: self.optional(address).or(before) }
    }

    fn optional_residence(&mut self, field: Field) -> Option<Residence> {
        self.place(field).map(|Place { area, address }| Residence { area, address })
    }

    fn departs_at(&mut self) -> i64 {
        let Some(Moment { date, time }) = self.moment(Field::DepartsAt, true) else { return 0 };
        let apart = self.cell(Field::DepartsTime).map(|cell| values::time_of(&cell));
        let apart = apart.and_then(|time| self.judged(Field::DepartsTime, time));
        instant(date, apart.or(time)).unwrap_or_default()
    }

    fn vehicle(&mut self) -> Option<Vehicle> {
        let (kind, plate) = (self.value(Field::Vehicle, values::vehicle), self.optional(Field::Plate));
        let kind = kind.or(plate.as_ref().map(|_| VehicleKind::Other))?;
        Some(Vehicle { kind, plate })
    }

    /// A test is told whole or not at all.
    fn test(&mut self) -> Option<Test> {
        let result = self.value(Field::TestResult, values::test_result)?;
        let kind = self.value(Field::TestKind, values::test_kind);
        let taken_at = self.moment(Field::TestAt, true).and_then(|at| instant(at.date, at.time));
        if kind.is_none() && !self.flaws.iter().any(|flaw| flaw.field == Some(Field::TestKind)) {
            self.wrong(Field::TestKind, Why::Missing);
        }
        Some(Test { kind: kind?, result, taken_at: taken_at? })
    }

    // ---- cells -------------------------------------------------------------------------------------------

    /// The field's cell, where it has something.
    fn cell(&mut self, field: Field) -> Option<Cell> {
        let column = self.converter.mapping.column(field)?;
        match self.row.cell(column) {
            Cell::Empty => None,
            Cell::Formula => self.judged(field, Err(Why::Formula)),
            Cell::Merged => self.judged(field, Err(Why::Merged)),
            cell => Some(cell.clone()),
        }
    }

    fn optional(&mut self, field: Field) -> Option<String> {
        self.cell(field)?.said().map(|said| said.into_owned())
    }

    fn required(&mut self, field: Field) -> String {
        let said = self.optional(field);
        if said.is_none() {
            self.missing(field);
        }
        said.unwrap_or_default()
    }

    fn value<T>(&mut self, field: Field, read: impl FnOnce(&str) -> Result<T, Why>) -> Option<T> {
        let said = self.optional(field)?;
        self.judged(field, read(&said))
    }

    fn moment(&mut self, field: Field, is_required: bool) -> Option<Moment> {
        let Some(cell) = self.cell(field) else {
            if is_required {
                self.missing(field);
            }
            return None;
        };
        let is_1904 = self.converter.is_1904;
        self.judged(field, values::moment(&cell, is_1904))
    }

    fn required_place(&mut self, field: Field) -> Place {
        let place = self.place(field);
        if place.is_none() {
            self.missing(field);
        }
        place.unwrap_or(Place { area: String::new(), address: None })
    }

    fn place(&mut self, field: Field) -> Option<Place> {
        let said = self.optional(field)?;
        match self.converter.places.find(&said) {
            Ok(place) => Some(place),
            Err(Unclear { why, candidates }) => {
                self.wrong(field, why);
                self.tell(candidates);
                None
            }
        }
    }

    // ---- flaws -------------------------------------------------------------------------------------------

    fn judged<T>(&mut self, field: Field, value: Result<T, Why>) -> Option<T> {
        value.map_err(|why| self.wrong(field, why)).ok()
    }

    fn wrong(&mut self, field: Field, why: Why) {
        let flaw = self.converter.mapping.flaw(self.row.number, Some(field), why);
        self.flaws.push(flaw);
    }

    /// Not told a second time where the cell is wrong otherwise.
    fn missing(&mut self, field: Field) {
        if !self.flaws.iter().any(|flaw| flaw.field == Some(field)) {
            self.wrong(field, Why::Missing);
        }
    }

    fn tell(&mut self, candidates: Arc<[AreaName]>) {
        if let Some(last) = self.flaws.last_mut().filter(|_| !candidates.is_empty()) {
            last.candidates = Some(candidates);
        }
    }
}

/// The field that a path of a declaration comes from: the longest that it begins with, of equal ones the first.
fn field_of(path: &str) -> Option<Field> {
    let begins = |field: &&Field| {
        path.strip_prefix(field.path()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    Field::ALL.iter().rev().filter(begins).max_by_key(|field| field.path().len()).copied()
}

fn doses(said: &str) -> Result<u8, Why> {
    let digits: String = said.chars().take_while(char::is_ascii_digit).collect();
    let rest = said[digits.len()..].trim();
    let is_number =
        matches!(truyvet_schemas::person::folded_name(rest).as_str(), "" | "mui" | "doses" | "dose");
    digits.parse().ok().filter(|_| is_number).ok_or(Why::Form)
}

/// ISO 3166 alpha-2; the nation's own names are understood, too.
fn country(said: String) -> String {
    match truyvet_schemas::person::folded_name(&said).as_str() {
        "viet nam" | "vietnam" | "vn" | "viet" | "kinh" => "VN".to_owned(),
        _ => said,
    }
}

/// A local day and time; midnight where no time is told: a day is a day until it is over.
fn instant(date: jiff::civil::Date, time: Option<Time>) -> Option<i64> {
    let at = date.to_datetime(time.unwrap_or(Time::midnight())).to_zoned(local());
    at.ok().map(|at| at.timestamp().as_millisecond())
}

/// The nation's clock.
fn local() -> TimeZone {
    TimeZone::fixed(Offset::constant(7))
}

fn word_of<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
