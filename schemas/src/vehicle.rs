//! What a vehicle, its driver and those aboard state before a trip on the green lane, and what is checked at
//! the depot. Pure: tidied and checked here, kept by the registry.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::checking::{Check, Flaw, Wrong};
use crate::declaration::{VehicleKind, day};
use crate::person::{Document, NAME_CHARS_MAX, Person, Residence, Sex, tidy_phone, tidy_text};
use crate::time::MS_PER_DAY;

/// A trip as it is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trip {
    /// The vehicle.
    pub vehicle: GreenVehicle,
    /// Code of the site where it is checked before it leaves.
    #[schema(min_length = 1, example = "BX-GB")]
    pub depot: String,
    /// Codes of the areas that it goes through, in their order: provinces or wards; all below one is on the
    /// route.
    #[schema(min_items = 1)]
    pub route: Vec<String>,
    /// When it leaves, unix milliseconds.
    pub departs_at: i64,
    /// When it is over at the latest, unix milliseconds; 72 hours after it leaves at most.
    pub until: i64,
    /// What it carries.
    pub cargo: Cargo,
    /// Who is aboard: the driver first.
    #[schema(min_items = 1)]
    pub aboard: Vec<Aboard>,
}

/// A vehicle as it is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GreenVehicle {
    /// Its number plate; tidied it is `51F-123.45` or, of another form, letters and digits in groups.
    #[schema(min_length = 2, example = "51F-123.45")]
    pub plate: String,
    /// Which kind it is.
    pub kind: VehicleKind,
    /// Who runs it: a company or a person.
    #[schema(min_length = 1, example = "Vận tải Hà Sơn")]
    pub operator: String,
    /// Seats, the driver's too.
    #[schema(minimum = 1, maximum = 60, example = 3)]
    pub seats: u8,
}

/// What a vehicle carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cargo {
    /// Which kind it is.
    pub kind: CargoKind,
    /// What it is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Rau, 8 tấn")]
    pub note: Option<String>,
}

/// Kinds of cargo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each word says all there is to say")]
pub enum CargoKind {
    Food,
    Medical,
    Fuel,
    Goods,
    Livestock,
    Passengers,
    Empty,
    Other,
}

/// What somebody does aboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each word says all there is to say")]
pub enum Duty {
    Driver,
    Crew,
    Passenger,
}

/// Somebody aboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Aboard {
    /// What they do there.
    pub duty: Duty,
    /// The whole name.
    #[schema(min_length = 1, example = "Nguyễn Văn An")]
    pub name: String,
    /// `YYYY-MM-DD`, or `YYYY` where only the year is known.
    #[schema(min_length = 4, example = "1990-03-02")]
    pub birth_date: String,
    /// Sex.
    pub sex: Sex,
    /// A document, by which the person is known again.
    pub document: Document,
    /// A telephone; tidied it is `+` and digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 8, example = "+84901234567")]
    pub phone: Option<String>,
    /// Code of the area where they live; where it is not told they are found by that of the depot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, example = "VN25-00097")]
    pub home: Option<String>,
}

/// What an officer checks at the depot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DepotCheck {
    /// Plate and kind are as declared.
    Vehicle,
    /// Those aboard were counted, and compared with their documents.
    People,
    /// Health and temperature of those aboard.
    Health,
    /// Tests of those aboard are good for the trip.
    Tests,
    /// The cargo is as declared.
    Cargo,
    /// The vehicle was disinfected.
    Disinfected,
}

impl DepotCheck {
    /// All that must have been checked before a vehicle is sealed.
    pub const ALL: [Self; 6] =
        [Self::Vehicle, Self::People, Self::Health, Self::Tests, Self::Cargo, Self::Disinfected];
}

/// What an officer writes at the depot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Checklist {
    /// What was checked and found right.
    pub checks: Vec<DepotCheck>,
    /// What else is to be said; why, where it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Niêm phong số 0123")]
    pub remark: Option<String>,
}

impl Trip {
    /// The trip as kept: texts in one spelling, the plate as it is compared.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        self.vehicle.plate = tidy_plate(&self.vehicle.plate);
        self.vehicle.operator = tidy_text(&self.vehicle.operator);
        self.cargo.note = tidy_optional(self.cargo.note);
        self.route.dedup();
        self.aboard = self.aboard.into_iter().map(Aboard::tidied).collect();
        self
    }

    /// What is wrong with it, once it is tidied; whether depot and areas are known is not asked here.
    pub fn check(&self, now_ms: i64) -> Vec<Flaw> {
        let mut check = Check::default();
        check.within("vehicle", |check| self.vehicle.check(check));
        check.text("depot", &self.depot, 1, crate::scan::CODE_BYTES_MAX);
        check.that((1..=ROUTE_AREAS_MAX).contains(&self.route.len()), "route", Wrong::Count);
        for (i, area) in self.route.iter().take(ROUTE_AREAS_MAX).enumerate() {
            check.text(&format!("route[{i}]"), area, 1, crate::scan::CODE_BYTES_MAX);
        }
        let soon = now_ms.saturating_sub(MS_PER_DAY)..=now_ms.saturating_add(LEAVES_WITHIN_MS);
        check.that(soon.contains(&self.departs_at), "departs_at", Wrong::Time);
        let lasts = self.until.saturating_sub(self.departs_at);
        check.that((1..=LASTS_MS_MAX).contains(&lasts) && self.until > now_ms, "until", Wrong::Time);
        check.text("cargo.note", self.cargo.note.as_deref().unwrap_or_default(), 0, NOTE_CHARS_MAX);
        check_aboard(&self.aboard, self.vehicle.seats, now_ms, &mut check);
        check.flaws()
    }
}

impl GreenVehicle {
    fn check(&self, check: &mut Check) {
        crate::declaration::check_plate(check, &self.plate);
        check.text("operator", &self.operator, 1, NAME_CHARS_MAX);
        check.that((1..=ABOARD_MAX).contains(&usize::from(self.seats)), "seats", Wrong::Count);
    }
}

impl Aboard {
    fn tidied(mut self) -> Self {
        self.name = tidy_text(&self.name);
        self.birth_date = self.birth_date.trim().to_owned();
        self.document = self.document.tidied();
        let phone = tidy_optional(self.phone);
        self.phone = phone.map(|phone| tidy_phone(&phone).unwrap_or(phone));
        self.home = self.home.filter(|home| !home.is_empty());
        self
    }

    fn check(&self, check: &mut Check, today: &str) {
        check.text("name", &self.name, 1, NAME_CHARS_MAX);
        check.birth_date("birth_date", &self.birth_date, today);
        check.within("document", |check| self.document.check(check));
        let phone = self.phone.as_deref();
        check.that(phone.is_none_or(|phone| tidy_phone(phone).is_ok()), "phone", Wrong::Form);
        check.text("home", self.home.as_deref().unwrap_or_default(), 0, crate::scan::CODE_BYTES_MAX);
    }

    /// The person as the registry keeps those of whom it knows no more; `elsewhere` is where somebody without
    /// a home is looked for.
    pub fn person(&self, elsewhere: &str) -> Person {
        let area = self.home.clone().unwrap_or_else(|| elsewhere.to_owned());
        Person {
            name: self.name.clone(),
            birth_date: self.birth_date.clone(),
            sex: self.sex,
            nationality: self.document.country.clone().unwrap_or_else(|| "VN".to_owned()),
            documents: vec![self.document.clone()],
            permanent: Residence { area, address: None },
            present: None,
            temporary: None,
        }
    }
}

impl Checklist {
    /// The list as kept.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        self.checks.sort_unstable();
        self.checks.dedup();
        self.remark = tidy_optional(self.remark);
        self
    }

    /// What keeps a vehicle from being sealed, once the list is tidied.
    pub fn check_sealing(&self) -> Vec<Flaw> {
        let mut check = Check::default();
        check.that(self.checks == DepotCheck::ALL, "checks", Wrong::Missing);
        self.check_remark(0, &mut check);
        check.flaws()
    }

    /// What is missing where a vehicle is refused: why.
    pub fn check_refusing(&self) -> Vec<Flaw> {
        let mut check = Check::default();
        self.check_remark(1, &mut check);
        check.flaws()
    }

    fn check_remark(&self, chars_min: usize, check: &mut Check) {
        check.text("remark", self.remark.as_deref().unwrap_or_default(), chars_min, NOTE_CHARS_MAX);
    }
}

/// Those aboard as kept.
pub fn tidy_aboard(aboard: Vec<Aboard>) -> Vec<Aboard> {
    aboard.into_iter().map(Aboard::tidied).collect()
}

/// What is wrong with those aboard, once they are tidied: the driver comes first, nobody comes twice, and
/// there are no more than seats.
pub fn check_aboard(aboard: &[Aboard], seats: u8, now_ms: i64, check: &mut Check) {
    let (today, room) = (day(now_ms), ABOARD_MAX.min(usize::from(seats).max(1)));
    check.that((1..=room).contains(&aboard.len()), "aboard", Wrong::Count);
    let mut known = BTreeSet::new();
    for (i, one) in aboard.iter().take(ABOARD_MAX).enumerate() {
        check.within(&format!("aboard[{i}]"), |check| {
            one.check(check, &today);
            check.that(known.insert(&one.document), "document.number", Wrong::Repeated);
            check.that(i > 0 || one.duty == Duty::Driver, "duty", Wrong::Missing);
        });
    }
}

/// A number plate in one form: `51f12345` and `51F 123.45` are both `51F-123.45`. Plates of other forms keep
/// their letters and digits, in capitals, in groups of what was written together.
pub fn tidy_plate(plate: &str) -> String {
    let capitals: String = tidy_text(plate).chars().flat_map(char::to_uppercase).collect();
    let compact: String = capitals.chars().filter(|c| !SEPARATORS.contains(c)).collect();
    if let Some(home) = home_plate(&compact) {
        return home;
    }
    capitals.split(SEPARATORS).filter(|group| !group.is_empty()).collect::<Vec<_>>().join("-")
}

/// A plate of Vietnam without separators as it is written: province, series, and four or five digits.
fn home_plate(compact: &str) -> Option<String> {
    let compact = compact.replace('Đ', "D");
    if !compact.bytes().all(|b| b.is_ascii_alphanumeric()) || compact.get(..2)?.parse::<u8>().ok()? < 11 {
        return None;
    }
    let letters = compact[2..].bytes().take_while(u8::is_ascii_uppercase).count();
    let digits = &compact[2 + letters..];
    if !(1..=2).contains(&letters) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // One more digit than a number has is the series' own, as on motorbikes: 29X1-123.45.
    let (series, number) = match (letters, digits.len()) {
        (_, 4 | 5) => digits.split_at(0),
        (1, 6) => digits.split_at(1),
        _ => return None,
    };
    let number = match number.len() {
        5 => format!("{}.{}", &number[..3], &number[3..]),
        _ => number.to_owned(),
    };
    Some(format!("{}{series}-{number}", &compact[..2 + letters]))
}

/// What a plate is found by: its letters and digits alone.
pub fn plate_key(plate: &str) -> String {
    tidy_plate(plate).chars().filter(|c| !SEPARATORS.contains(c)).collect()
}

fn tidy_optional(text: Option<String>) -> Option<String> {
    text.map(|text| tidy_text(&text)).filter(|text| !text.is_empty())
}

const SEPARATORS: [char; 4] = [' ', '-', '.', '_'];

/// Most people aboard: a coach has no more seats, and each of them is a scan at every checkpoint.
pub const ABOARD_MAX: usize = 60;
/// Most areas of a route: all provinces of the country, before July 2025.
pub const ROUTE_AREAS_MAX: usize = 64;
/// Nothing within the country is further away; for more days a trip is declared and checked anew.
const LASTS_MS_MAX: i64 = 3 * MS_PER_DAY;
/// Who plans further ahead declares again.
const LEAVES_WITHIN_MS: i64 = 3 * MS_PER_DAY;
const NOTE_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_629_400_000_000; // 2021-08-19

    fn aboard(number: usize) -> serde_json::Value {
        serde_json::json!({"duty": if number == 0 { "driver" } else { "passenger" }, "name": "Lê  Văn Lái",
            "birth_date": "1985", "sex": "male",
            "document": {"kind": "citizen_id", "number": format!("001085{number:06}")}})
    }

    fn trip(people: usize) -> Trip {
        let json = serde_json::json!({
            "vehicle": {"plate": "51b12345", "kind": "bus", "operator": " Xe  khách Một ", "seats": 60},
            "depot": "BX1", "route": ["P1", "P1", "P2"], "departs_at": NOW, "until": NOW + MS_PER_DAY,
            "cargo": {"kind": "passengers", "note": "  "},
            "aboard": (0..people).map(aboard).collect::<Vec<_>>(),
        });
        serde_json::from_value::<Trip>(json).expect("as the contract has it").tidied()
    }

    fn fields(trip: &Trip) -> Vec<(String, Wrong)> {
        trip.check(NOW).into_iter().map(|flaw| (flaw.field, flaw.code)).collect()
    }

    fn flaw(field: &str, code: Wrong) -> Vec<(String, Wrong)> {
        vec![(field.to_owned(), code)]
    }

    #[test]
    fn sixty_aboard_are_a_coach_and_sixty_one_are_a_flaw() {
        assert_eq!(fields(&trip(60)), []);
        assert_eq!(fields(&trip(61)), flaw("aboard", Wrong::Count));
        assert_eq!(fields(&trip(0)), flaw("aboard", Wrong::Count), "nobody drives");
        let mut lorry = trip(4);
        lorry.vehicle.seats = 3;
        assert_eq!(fields(&lorry), flaw("aboard", Wrong::Count), "more than seats");
        lorry.vehicle.seats = 61;
        assert_eq!(fields(&lorry), flaw("vehicle.seats", Wrong::Count));
    }

    #[test]
    fn each_flaw_of_a_trip_names_its_field() {
        let wrong = |change: &dyn Fn(&mut Trip)| {
            let mut trip = trip(3);
            change(&mut trip);
            fields(&trip)
        };
        assert_eq!(wrong(&|trip| trip.route.clear()), flaw("route", Wrong::Count));
        assert_eq!(wrong(&|trip| trip.route = vec!["P".to_owned(); 65]), flaw("route", Wrong::Count));
        assert_eq!(wrong(&|trip| trip.until = trip.departs_at), flaw("until", Wrong::Time));
        assert_eq!(wrong(&|trip| trip.until += 3 * MS_PER_DAY), flaw("until", Wrong::Time));
        assert_eq!(wrong(&|trip| trip.depot.clear()), flaw("depot", Wrong::Missing));
        assert_eq!(
            wrong(&|trip| trip.aboard[2].document = trip.aboard[1].document.clone()),
            flaw("aboard[2].document.number", Wrong::Repeated)
        );
        assert_eq!(wrong(&|trip| trip.aboard[0].duty = Duty::Crew), flaw("aboard[0].duty", Wrong::Missing));
        assert_eq!(
            wrong(&|trip| trip.aboard[1].phone = Some("12".to_owned())),
            flaw("aboard[1].phone", Wrong::Form)
        );
        assert_eq!(
            wrong(&|trip| trip.vehicle.plate = "51?".to_owned()),
            flaw("vehicle.plate", Wrong::Characters)
        );
    }

    #[test]
    fn a_trip_is_tidied_once_for_all() {
        let trip = trip(2);
        assert_eq!((trip.vehicle.operator.as_str(), &trip.cargo.note), ("Xe khách Một", &None));
        assert_eq!(trip.route, ["P1", "P2"]);
        assert_eq!(trip.aboard[0].name, "Lê Văn Lái");
        assert_eq!(trip.clone().tidied(), trip);
    }

    #[test]
    fn plates_are_compared_in_one_form() {
        for (written, expected) in [
            ("51f12345", "51F-123.45"),
            (" 51F - 123.45 ", "51F-123.45"),
            ("29C 1234", "29C-1234"),
            ("29x1-123.45", "29X1-123.45"),
            ("80NG12345", "80NG-123.45"),
            ("60LĐ-012.34", "60LD-012.34"),
            ("ກຂ 1234", "ກຂ-1234"),
            ("2A-1234", "2A-1234"),
            ("กข 12.34", "กข-12-34"),
            ("AB 123 CD", "AB-123-CD"),
        ] {
            assert_eq!(tidy_plate(written), expected, "{written}");
            assert_eq!(tidy_plate(expected), expected, "{expected} stays");
        }
        assert_eq!(plate_key("51f 123-45"), plate_key("51F-123.45"));
        assert_ne!(plate_key("51F-123.45"), plate_key("51F-123.46"));
    }

    #[test]
    fn a_vehicle_is_sealed_when_all_was_checked_and_refused_with_a_reason() {
        let all = DepotCheck::ALL.into_iter().rev().chain([DepotCheck::Cargo]).collect();
        let list = Checklist { checks: all, remark: Some(" ".to_owned()) }.tidied();
        assert_eq!(list.check_sealing(), []);
        assert_eq!(list.check_refusing().len(), 1, "it says not why");
        let some = Checklist { checks: vec![DepotCheck::Cargo], remark: Some("x".to_owned()) }.tidied();
        assert_eq!(some.check_sealing().len(), 1);
        assert_eq!(some.check_refusing(), []);
    }
}
