//! What a citizen states before travelling. Pure: tidied and checked here, verified by the register,
//! kept by the registry.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::checking::{Check, Flaw, Wrong};
use crate::person::{Document, NAME_CHARS_MAX, Person, tidy_text};
use crate::time::MS_PER_DAY;

/// A declaration as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Who travels.
    pub person: Person,
    /// Where, when and why.
    pub journey: Journey,
    /// Symptoms, exposure, vaccination, test.
    pub health: Health,
    /// Who travels along on the same pass.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<Companion>,
}

/// Where, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Journey {
    /// Code of the area that is left.
    #[schema(min_length = 1, example = "VN25-00097")]
    pub from: String,
    /// Code of the area that is gone to.
    #[schema(min_length = 1, example = "VN25-26740")]
    pub to: String,
    /// Unix milliseconds.
    pub departs_at: i64,
    /// Roads, or the number of a flight or train.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "QL1A")]
    pub route: Option<String>,
    /// Why.
    pub purpose: Purpose,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose_note: Option<String>,
    /// With what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vehicle: Option<Vehicle>,
}

/// Why somebody travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each word says all there is to say")]
pub enum Purpose {
    Work,
    Study,
    Medical,
    Family,
    Transport,
    Return,
    Other,
}

/// With what somebody travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Vehicle {
    /// Which kind it is.
    pub kind: VehicleKind,
    /// Its number plate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "29X1-123.45")]
    pub plate: Option<String>,
}

/// Kinds of vehicles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each word says all there is to say")]
pub enum VehicleKind {
    Car,
    Motorbike,
    Bus,
    Truck,
    Train,
    Plane,
    Boat,
    Other,
}

/// Symptoms, exposure, vaccination, test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Those of the last 14 days.
    #[serde(default)]
    pub symptoms: Vec<Symptom>,
    /// To what the person was exposed in the last 14 days.
    pub exposure: Exposure,
    /// Doses of a vaccine.
    #[schema(maximum = 9, example = 2)]
    pub vaccine_doses: u8,
    /// The last test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
}

/// What somebody suffers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each word says all there is to say")]
pub enum Symptom {
    Fever,
    Cough,
    Breathless,
    SoreThroat,
    LossOfTaste,
    Fatigue,
}

/// To what somebody was exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exposure {
    /// Nothing known.
    None,
    /// A confirmed case.
    Case,
    /// A contact of a case.
    Contact,
    /// An epidemic zone.
    Zone,
    /// Came from abroad.
    Abroad,
}

/// A test for the disease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// How it was tested.
    pub kind: TestKind,
    /// What came out.
    pub result: TestResult,
    /// Unix milliseconds.
    pub taken_at: i64,
}

/// How it was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each word says all there is to say")]
pub enum TestKind {
    Pcr,
    Antigen,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each word says all there is to say")]
pub enum TestResult {
    Negative,
    Positive,
}

/// Who travels along; children have no document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Companion {
    /// The whole name.
    #[schema(min_length = 1, example = "Nguyễn Thị Bé")]
    pub name: String,
    /// `YYYY-MM-DD`, or `YYYY`.
    #[schema(min_length = 4, example = "2019")]
    pub birth_date: String,
    /// Where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
}

impl Declaration {
    /// The declaration as kept: texts in one spelling, empty ones left out.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        self.person = self.person.tidied();
        let tidy = |text: Option<String>| text.map(|text| tidy_text(&text)).filter(|text| !text.is_empty());
        self.journey.route = tidy(self.journey.route);
        self.journey.purpose_note = tidy(self.journey.purpose_note);
        if let Some(vehicle) = &mut self.journey.vehicle {
            vehicle.plate = tidy(vehicle.plate.take()).map(|plate| plate.to_uppercase());
        }
        self.health.symptoms.sort_unstable();
        self.health.symptoms.dedup();
        for companion in &mut self.companions {
            companion.name = tidy_text(&companion.name);
            companion.document = companion.document.take().map(Document::tidied);
        }
        self
    }

    /// What is wrong with it, once it is tidied; whether areas are known is not asked here.
    pub fn check(&self, now_ms: i64) -> Vec<Flaw> {
        let today = day(now_ms);
        let mut check = Check::default();
        check.take("person", self.person.check(&today));
        check.within("journey", |check| self.journey.check(check, now_ms));
        check.within("health", |check| self.health.check(check, now_ms));
        check.that(self.companions.len() <= COMPANIONS_MAX, "companions", Wrong::Count);
        for (i, companion) in self.companions.iter().take(COMPANIONS_MAX).enumerate() {
            check.within(&format!("companions[{i}]"), |check| {
                check.text("name", &companion.name, 1, NAME_CHARS_MAX);
                check.birth_date("birth_date", &companion.birth_date, &today);
                if let Some(document) = &companion.document {
                    check.within("document", |check| document.check(check));
                }
            });
        }
        check.flaws()
    }
}

impl Journey {
    fn check(&self, check: &mut Check, now_ms: i64) {
        check.text("from", &self.from, 1, crate::scan::CODE_BYTES_MAX);
        check.text("to", &self.to, 1, crate::scan::CODE_BYTES_MAX);
        let soon =
            now_ms.saturating_sub(MS_PER_DAY)..=now_ms.saturating_add(DEPARTS_WITHIN_DAYS * MS_PER_DAY);
        check.that(soon.contains(&self.departs_at), "departs_at", Wrong::Time);
        check.text("route", self.route.as_deref().unwrap_or_default(), 0, 200);
        check.text("purpose_note", self.purpose_note.as_deref().unwrap_or_default(), 0, 300);
        if let Some(plate) = self.vehicle.as_ref().and_then(|vehicle| vehicle.plate.as_deref()) {
            check.within("vehicle", |check| check_plate(check, plate));
        }
    }
}

/// A number plate of any country: letters, digits, and what stands between them.
pub fn check_plate(check: &mut Check, plate: &str) {
    check.text("plate", plate, 2, 20);
    check.that(plate.chars().all(|c| c.is_alphanumeric() || " -.".contains(c)), "plate", Wrong::Characters);
}

impl Health {
    pub(crate) fn check(&self, check: &mut Check, now_ms: i64) {
        check.that(self.vaccine_doses <= 9, "vaccine_doses", Wrong::Count);
        if let Some(test) = self.test {
            // A telephone's clock may be ahead.
            let past =
                now_ms.saturating_sub(TEST_WITHIN_DAYS * MS_PER_DAY)..=now_ms.saturating_add(MS_PER_DAY);
            check.within("test", |check| check.that(past.contains(&test.taken_at), "taken_at", Wrong::Time));
        }
    }
}

/// The day of an instant where it is latest on earth, `YYYY-MM-DD`.
pub(crate) fn day(unix_ms: i64) -> String {
    const HOURS_EAST: i64 = 14;
    let local = unix_ms.saturating_add(HOURS_EAST * 3_600_000);
    let known = jiff::Timestamp::from_millisecond(local);
    known.map_or_else(|_| "9999-12-31".to_owned(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// Most companions on one pass: a bus declares itself.
pub const COMPANIONS_MAX: usize = 20;
/// A journey is declared so long before it begins at most.
pub const DEPARTS_WITHIN_DAYS: i64 = 30;
const TEST_WITHIN_DAYS: i64 = 90;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_629_400_000_000; // 2021-08-19

    fn sent() -> Declaration {
        let json = serde_json::json!({
            "person": {
                "name": " Nguyễn  Văn An ", "birth_date": "1990-03-02", "sex": "male",
                "documents": [{"kind": "citizen_id", "number": "001 090 012 345"}],
                "permanent": {"area": "VN21-26740"},
            },
            "journey": {"from": "VN21-26740", "to": "VN21-00001", "departs_at": NOW, "purpose": "work",
                "vehicle": {"kind": "car", "plate": "51f-123.45"}, "route": "  "},
            "health": {"symptoms": ["cough", "fever", "cough"], "exposure": "none", "vaccine_doses": 2},
            "companions": [{"name": "Bé Na", "birth_date": "2019"}],
        });
        serde_json::from_value(json).expect("as the contract has it")
    }

    #[test]
    fn what_is_sent_is_tidied() {
        let tidied = sent().tidied();
        assert_eq!(tidied.person.name, "Nguyễn Văn An");
        assert_eq!(tidied.person.documents[0].number, "001090012345");
        assert_eq!(tidied.journey.vehicle.as_ref().and_then(|v| v.plate.as_deref()), Some("51F-123.45"));
        assert_eq!(tidied.journey.route, None);
        assert_eq!(tidied.health.symptoms, [Symptom::Fever, Symptom::Cough]);
        assert_eq!(tidied.check(NOW), []);
        assert_eq!(tidied.clone().tidied(), tidied, "once is enough");
    }

    #[test]
    fn each_flaw_names_its_field() {
        let mut wrong = sent().tidied();
        wrong.person.name = "\u{202e}x".to_owned();
        wrong.person.documents[0].number = "12".to_owned();
        wrong.journey.departs_at = 0;
        wrong.companions[0].birth_date = "2022-13-01".to_owned();
        wrong.companions.resize(COMPANIONS_MAX + 1, wrong.companions[0].clone());
        let flaws = wrong.check(NOW);
        let fields: Vec<&str> = flaws.iter().map(|flaw| flaw.field.as_str()).collect();
        for field in [
            "person.name",
            "person.documents[0].number",
            "journey.departs_at",
            "companions",
            "companions[0].birth_date",
        ] {
            assert!(fields.contains(&field), "{field} is not among {fields:?}");
        }
        assert!(!format!("{flaws:?}").contains("12\""), "what stood there is not repeated");
    }
}
