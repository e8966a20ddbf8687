//! What a quarantine order says, and what is written in its diary. Pure: tidied and checked here, kept by the
//! registry; what breaks an order is found in the trail.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::checking::{Check, Flaw, Wrong};
use crate::declaration::{Symptom, Test};
use crate::person::{ADDRESS_CHARS_MAX, tidy_text};
use crate::time::MS_PER_DAY;

/// Where somebody is to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaceKind {
    /// At home.
    Home,
    /// In a quarantine facility.
    Facility,
}

/// Why somebody is to stay there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderReason {
    /// Contact of a case.
    Contact,
    /// Came from an area of a grave level.
    RedArea,
    /// Came from abroad.
    Abroad,
    /// A case.
    Case,
}

/// What is ordered, whoever it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderTerms {
    /// At home, or in a facility.
    pub kind: PlaceKind,
    /// Code of the facility's site; of a facility alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, example = "KCL-01")]
    pub site: Option<String>,
    /// Code of the area of another home than the one that is known; of one person's home alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, example = "VN25-00097")]
    pub area: Option<String>,
    /// House and street there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, example = "12 Hàng Bạc")]
    pub address: Option<String>,
    /// Why.
    pub reason: OrderReason,
    /// Scans elsewhere break it from here on, unix milliseconds; 7 days ago at most, or 3 days ahead, so that
    /// one may get there. Now unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// It ends here, unix milliseconds.
    pub until: i64,
    /// Codes of sites that one may be seen at all the same: a hospital, a place for tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permitted: Vec<String>,
    /// The question that led to it, by codes alone; no text about a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, example = "contacts of 3ZK7Q2VHB0A1M4XD, 15m")]
    pub origin: Option<String>,
}

/// Where somebody under an order is to stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlace {
    /// At home, or in a facility.
    pub kind: PlaceKind,
    /// Code of the area that it lies in.
    pub area: String,
    /// House and street of a home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Code of a facility's site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// How somebody under an order is, at an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiaryEntry {
    /// When it was so, unix milliseconds; now unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// Degrees Celsius, 30 to 45; kept to a tenth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 36.8, minimum = 30, maximum = 45)]
    pub temperature_c: Option<f64>,
    /// Symptoms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symptoms: Vec<Symptom>,
    /// A test, and what came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Test>,
    /// What else is to be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, example = "Đã phát thuốc")]
    pub note: Option<String>,
}

/// Why an order ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// All that it asks was done: tests, days.
    Completed,
    /// It is no longer needed, or should never have been.
    Lifted,
}

impl OrderTerms {
    /// The terms as kept: texts in one spelling, empty ones left out.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        self.address = tidy_optional(self.address);
        self.origin = tidy_optional(self.origin);
        self.permitted.sort_unstable();
        self.permitted.dedup();
        self
    }

    /// What is wrong with them, once they are tidied; whether sites and areas are known is not asked here.
    pub fn check(&self, now_ms: i64, days_max: u32) -> Vec<Flaw> {
        let mut check = Check::default();
        let is_home = self.kind == PlaceKind::Home;
        check.that(is_home || self.site.is_some(), "site", Wrong::Missing);
        check.that(!is_home || self.site.is_none(), "site", Wrong::Disagrees);
        check.that(is_home || self.area.is_none(), "area", Wrong::Disagrees);
        check.that(self.address.is_none() || self.area.is_some(), "address", Wrong::Disagrees);
        check.text("address", self.address.as_deref().unwrap_or_default(), 0, ADDRESS_CHARS_MAX);
        for (field, code) in [("site", &self.site), ("area", &self.area)] {
            let code = code.as_deref();
            check.that(code.is_none_or(|code| crate::check_code(code).is_ok()), field, Wrong::Form);
        }
        let from = self.from.unwrap_or(now_ms);
        let near = now_ms.saturating_sub(BACKDATED_MS_MAX)..=now_ms.saturating_add(AHEAD_MS_MAX);
        check.that(near.contains(&from), "from", Wrong::Time);
        let lasts = self.until.saturating_sub(from);
        let is_fit = (1..=i64::from(days_max) * MS_PER_DAY).contains(&lasts) && self.until > now_ms;
        check.that(is_fit, "until", Wrong::Time);
        check.that(self.permitted.len() <= PERMITTED_MAX, "permitted", Wrong::Count);
        for (i, site) in self.permitted.iter().take(PERMITTED_MAX).enumerate() {
            check.that(crate::check_code(site).is_ok(), &format!("permitted[{i}]"), Wrong::Form);
        }
        check.text("origin", self.origin.as_deref().unwrap_or_default(), 0, NOTE_CHARS_MAX);
        check.flaws()
    }
}

impl DiaryEntry {
    /// The entry as kept.
    #[must_use]
    pub fn tidied(mut self, now_ms: i64) -> Self {
        self.at.get_or_insert(now_ms);
        self.temperature_c = self.temperature_c.map(|degrees| (degrees * 10.0).round() / 10.0);
        self.symptoms.sort_unstable();
        self.symptoms.dedup();
        self.note = tidy_optional(self.note);
        self
    }

    /// What is wrong with it, once it is tidied. One that says nothing says that one is well.
    pub fn check(&self, now_ms: i64) -> Vec<Flaw> {
        let mut check = Check::default();
        let past = now_ms.saturating_sub(WRITTEN_WITHIN_MS)..=now_ms.saturating_add(CLOCK_AHEAD_MS);
        check.that(self.at.is_none_or(|at| past.contains(&at)), "at", Wrong::Time);
        let degrees = self.temperature_c;
        check.that(
            degrees.is_none_or(|degrees| TEMPERATURES.contains(&degrees)),
            "temperature_c",
            Wrong::Form,
        );
        check.that(self.test.is_none_or(|test| past.contains(&test.taken_at)), "test.taken_at", Wrong::Time);
        check.text("note", self.note.as_deref().unwrap_or_default(), 0, NOTE_CHARS_MAX);
        check.flaws()
    }
}

fn tidy_optional(text: Option<String>) -> Option<String> {
    text.map(|text| tidy_text(&text)).filter(|text| !text.is_empty())
}

/// Sites that one may be seen at all the same: more are no quarantine.
pub const PERMITTED_MAX: usize = 10;
/// Characters of a note, and of an order's origin.
pub const NOTE_CHARS_MAX: usize = 300;
const TEMPERATURES: std::ops::RangeInclusive<f64> = 30.0..=45.0;
/// What was ordered on paper is typed in later.
const BACKDATED_MS_MAX: i64 = 7 * MS_PER_DAY;
/// From a border to a home at the other end of the country.
const AHEAD_MS_MAX: i64 = 3 * MS_PER_DAY;
/// A diary on paper is typed in later.
pub const WRITTEN_WITHIN_MS: i64 = 14 * MS_PER_DAY;
/// A telephone's clock that was set by hand may be so much ahead; what is not yet is in no diary.
const CLOCK_AHEAD_MS: i64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_629_400_000_000;

    fn home() -> OrderTerms {
        OrderTerms {
            kind: PlaceKind::Home,
            site: None,
            area: None,
            address: None,
            reason: OrderReason::Contact,
            from: None,
            until: NOW + 14 * MS_PER_DAY,
            permitted: Vec::new(),
            origin: Some(" contacts  of X ".to_owned()),
        }
    }

    fn flaws(terms: &OrderTerms) -> Vec<(String, Wrong)> {
        terms.check(NOW, 60).into_iter().map(|flaw| (flaw.field, flaw.code)).collect()
    }

    fn flaw(change: impl FnOnce(&mut OrderTerms)) -> Vec<(String, Wrong)> {
        let mut terms = home().tidied();
        change(&mut terms);
        flaws(&terms)
    }

    fn one(field: &str, code: Wrong) -> Vec<(String, Wrong)> {
        vec![(field.to_owned(), code)]
    }

    #[test]
    fn terms_are_tidied_and_each_flaw_names_its_field() {
        let tidied = home().tidied();
        assert_eq!(tidied.origin.as_deref(), Some("contacts of X"));
        assert_eq!(flaws(&tidied), []);
        assert_eq!(flaw(|terms| terms.site = Some("F1".to_owned())), one("site", Wrong::Disagrees));
        assert_eq!(flaw(|terms| terms.kind = PlaceKind::Facility), one("site", Wrong::Missing));
        assert_eq!(flaw(|terms| terms.address = Some("12".to_owned())), one("address", Wrong::Disagrees));
        assert_eq!(flaw(|terms| terms.until = NOW), one("until", Wrong::Time));
        assert_eq!(flaw(|terms| terms.until = NOW + 60 * MS_PER_DAY), []);
        assert_eq!(flaw(|terms| terms.until = NOW + 60 * MS_PER_DAY + 1), one("until", Wrong::Time));
        assert_eq!(flaw(|terms| terms.from = Some(NOW - 8 * MS_PER_DAY)), one("from", Wrong::Time));
        let many = (0..=PERMITTED_MAX).map(|i| format!("S{i}")).collect();
        assert_eq!(flaw(|terms| terms.permitted = many), one("permitted", Wrong::Count));
        assert_eq!(flaw(|terms| terms.origin = Some("x".repeat(301))), one("origin", Wrong::TooLong));
    }

    #[test]
    fn what_is_still_to_come_is_in_no_diary() {
        let entry = |json: serde_json::Value| {
            let entry: DiaryEntry = serde_json::from_value(json).expect("as the contract has it");
            entry.tidied(NOW).check(NOW).into_iter().map(|flaw| flaw.field).collect::<Vec<_>>()
        };
        let (soon, tomorrow) = (NOW + CLOCK_AHEAD_MS, NOW + MS_PER_DAY - 1);
        let test = |at: i64| serde_json::json!({"kind": "pcr", "result": "negative", "taken_at": at});
        assert!(entry(serde_json::json!({"at": soon, "test": test(soon)})).is_empty());
        assert_eq!(entry(serde_json::json!({"at": tomorrow})), ["at"]);
        assert_eq!(entry(serde_json::json!({"test": test(tomorrow)})), ["test.taken_at"]);
    }

    #[test]
    fn temperatures_of_the_living_are_kept_to_a_tenth() {
        let entry = |temperature_c| {
            let entry = DiaryEntry { at: None, temperature_c, symptoms: vec![], test: None, note: None };
            entry.tidied(NOW)
        };
        assert_eq!(entry(Some(36.84)).temperature_c, Some(36.8));
        assert_eq!((entry(None).check(NOW), entry(Some(45.0)).check(NOW)), (vec![], vec![]));
        for wrong in [29.9, 45.1, f64::NAN, f64::INFINITY, 368.0] {
            assert_eq!(entry(Some(wrong)).check(NOW)[0].field, "temperature_c", "{wrong}");
        }
    }
}
