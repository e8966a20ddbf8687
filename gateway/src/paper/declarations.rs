//! A row becomes a declaration, or flaws by column. Pure.
//!
//! What a table may leave out: sex, where a citizen id tells it; the kind of a document, by its number's form;
//! where the journey begins (at home), why (`other`), and what is asked of health (nothing known). Everything
//! else must stand in the row: what is filled in by the hour of upload would make the same row another one
//! tomorrow.

use truyvet_areas::citizen_id::citizen_id_facts;
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::Flaw;
use truyvet_schemas::declaration::{Declaration, Exposure, Health, Journey, Purpose, Vehicle, VehicleKind};
use truyvet_schemas::person::{Document, DocumentKind, Person, Residence, Sex, folded_name, tidy_phone};

use super::Why;
use super::columns::{Field, Form};
use super::places::{Place, Places};
use super::reading::{Reading, Rows, instant, local, word_of};
use super::values::{self, Moment};
use crate::people::{Entered, OnPaper, PaperError, People};

/// Rows that are declarations of citizens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declarations;

/// A row that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    /// What it declares, tidied; whether it is whole is not asked here.
    pub declaration: Declaration,
    /// The telephone, in the form in which it is compared.
    pub phone: Option<String>,
}

impl Rows for Declarations {
    type Understood = Understood;

    const FORM: Form = Form::Declarations;
    const EQUAL_ROWS_ARE_TWO: bool = true;
    // A document's own number contradicts it, or nothing does.
    const PREVIEW_ACT: Option<&'static str> = None;

    fn understand(&self, reading: &mut Reading<'_>) -> Understood {
        reading.declaration()
    }

    fn shown(&self, understood: &Understood, places: &Places) -> Vec<(Field, String)> {
        let Understood { declaration: Declaration { person, journey, .. }, phone } = understood;
        let document = person.documents.first();
        let time = jiff::Timestamp::from_millisecond(journey.departs_at).map(|at| at.to_zoned(local()));
        let mut shown = vec![
            (Field::Name, person.name.clone()),
            (Field::BirthDate, person.birth_date.clone()),
            (Field::Sex, word_of(&person.sex)),
            (Field::Document, document.map(|document| document.number.clone()).unwrap_or_default()),
            (Field::Permanent, places.path(&person.permanent.area)),
            (Field::From, places.path(&journey.from)),
            (Field::To, places.path(&journey.to)),
            (Field::DepartsAt, time.map(|at| at.strftime("%Y-%m-%dT%H:%M").to_string()).unwrap_or_default()),
        ];
        shown.extend(phone.iter().map(|phone| (Field::Phone, phone.clone())));
        shown
    }

    fn content(&self, Understood { declaration, phone }: &Understood) -> Vec<u8> {
        let declared = serde_json::to_vec(declaration).unwrap_or_default();
        let phone = phone.as_deref().unwrap_or_default().as_bytes();
        [&(declared.len() as u64).to_le_bytes(), declared.as_slice(), phone].concat()
    }

    fn check(
        &self,
        understood: &Understood,
        people: &People,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<Vec<Flaw>, PaperError> {
        people.check_paper(&understood.declaration, how.account, how.accept_mismatches, now)
    }

    fn enter(
        &self,
        Understood { declaration, phone }: Understood,
        people: &People,
        how: &OnPaper<'_>,
        now: TimeMs,
    ) -> Result<Entered, PaperError> {
        people.declare_on_paper(declaration, &OnPaper { phone: phone.as_deref(), ..*how }, now)
    }
}

impl Reading<'_> {
    fn declaration(&mut self) -> Understood {
        let document = self.document();
        let facts = citizen_id_facts(&document.number).ok();
        let permanent = self.residence(Field::Permanent, Field::PermanentAddress);
        let present = self.optional_residence(Field::Present);
        let home = present.as_ref().unwrap_or(&permanent).area.clone();
        let from = self.place(Field::From).map_or(home, |place| place.area);
        let to = self.required_place(Field::To).area;
        let sex = self.value(Field::Sex, values::sex).or(facts.map(|facts| facts.sex));
        if sex.is_none() {
            self.missing(Field::Sex);
        }
        let person = Person {
            name: self.required(Field::Name),
            birth_date: self.moment(Field::BirthDate, true).map(|at| at.date.to_string()).unwrap_or_default(),
            sex: sex.unwrap_or(Sex::Other),
            nationality: self.optional(Field::Nationality).map_or_else(|| "VN".to_owned(), values::country),
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
        let is_passport = kind == DocumentKind::Passport;
        Document { kind, number, country: told.filter(|_| is_passport).map(values::country) }
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
}

fn doses(said: &str) -> Result<u8, Why> {
    let digits: String = said.chars().take_while(char::is_ascii_digit).collect();
    let rest = said[digits.len()..].trim();
    let is_number = matches!(folded_name(rest).as_str(), "" | "mui" | "doses" | "dose");
    digits.parse().ok().filter(|_| is_number).ok_or(Why::Form)
}

#[cfg(test)]
mod tests;
