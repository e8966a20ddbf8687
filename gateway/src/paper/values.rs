//! Single values as people write them in tables. Pure; no value is guessed that could mean two things.

use jiff::civil::{Date, Time};
use truyvet_schemas::declaration::{Exposure, Purpose, Symptom, TestKind, TestResult, VehicleKind};
use truyvet_schemas::person::{DocumentKind, Sex, folded_name};

use super::Why;
use super::table::Cell;

/// A day, and a time where one stands with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) date: Date,
    pub(super) time: Option<Time>,
}

/// A day with or without a time: `2/3/1990` and `02-03-1990` are the 2nd of March, `1990-03-02` is it too; a
/// number is a day as spreadsheets count them. A year alone is refused: in a spreadsheet `1990` would be a day
/// of 1905, and where only the year is known a person has to say so.
pub(super) fn moment(cell: &Cell, is_1904: bool) -> Result<Moment, Why> {
    match cell {
        Cell::Number(number) => serial(*number, is_1904),
        _ => written_moment(&cell.said().unwrap_or_default()),
    }
}

fn written_moment(text: &str) -> Result<Moment, Why> {
    let text = text.trim();
    if let Ok(number) = text.parse::<f64>()
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && text.matches('.').count() <= 1
    {
        return serial(number, false); // CSV of a spreadsheet whose cells have no format
    }
    if let Some(date) = named_month(text) {
        return Ok(Moment { date, time: None });
    }
    let parts: Vec<&str> = text.split([' ', 'T', ',']).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [day] => Ok(Moment { date: date(day)?, time: None }),
        [first, second] => match (date(first), date(second)) {
            (Ok(date), Err(_)) => Ok(Moment { date, time: Some(time(second)?) }),
            (Err(_), Ok(date)) => Ok(Moment { date, time: Some(time(first)?) }),
            _ => Err(Why::Form),
        },
        _ => Err(Why::Form),
    }
}

fn date(text: &str) -> Result<Date, Why> {
    let parts: Vec<&str> = text.split(['/', '-', '.']).collect();
    let [first, month, last] = parts.as_slice() else {
        let is_year = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
        return Err(if is_year { Why::YearAlone } else { Why::Form });
    };
    let (year, day) = match (first.len(), last.len()) {
        (4, 1..=2) => (first, last),
        (1..=2, 4) => (last, first),
        _ => return Err(Why::Form), // two digits of a year could be of either century
    };
    Date::new(digits(year)?, digits(month)?, digits(day)?).map_err(|_| Why::Form)
}

/// `02MAR1990`, `2 Mar 1990`, `02-Mar-1990`: as passports and airlines write days.
fn named_month(text: &str) -> Option<Date> {
    let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '/' | '.')).collect();
    let month_at = compact.find(|c: char| c.is_ascii_alphabetic())?;
    let (day, rest) = compact.split_at(month_at);
    let (month, year) = rest.split_at_checked(3)?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let is_whole_year = year.len() == 4; // two digits could be of either century
    let year = digits(year).ok().filter(|_| is_whole_year)?;
    Date::new(year, month as i8 + 1, digits(day).ok()?).ok()
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A name as airlines write it: `NGUYEN/VAN AN MR` is `NGUYEN VAN AN`; any other as it is.
pub(super) fn passenger_name(said: &str) -> String {
    let Some((family, given)) = said.split_once('/') else { return said.to_owned() };
    let mut words: Vec<&str> = family.split_whitespace().chain(given.split_whitespace()).collect();
    let is_title = |word: &&str| TITLES.iter().any(|title| title.eq_ignore_ascii_case(word));
    if words.len() > 2 && words.last().is_some_and(is_title) {
        words.pop();
    }
    words.join(" ")
}

const TITLES: [&str; 7] = ["mr", "mrs", "ms", "miss", "mstr", "dr", "inf"];

/// A whole number of days, perhaps with the word behind it.
pub(super) fn days(said: &str) -> Result<i64, Why> {
    let number: String = said.chars().take_while(char::is_ascii_digit).collect();
    let word = plain(&said[number.len()..]);
    let is_days = matches!(word.as_str(), "" | "ngay" | "day" | "days");
    number.parse().ok().filter(|_| is_days && number.len() < 4).ok_or(Why::Form)
}

/// `7:30`, `07:30`, `7h30`, `7h`, `19:05:00`.
pub(super) fn time(text: &str) -> Result<Time, Why> {
    let text = text.trim().to_lowercase().replace('h', ":");
    let parts: Vec<&str> = text.trim_end_matches(':').split(':').collect();
    let (hour, minute) = match parts.as_slice() {
        [hour] => (*hour, "0"),
        [hour, minute] | [hour, minute, _] => (*hour, *minute),
        _ => return Err(Why::Form),
    };
    Time::new(digits(hour)?, digits(minute)?, 0, 0).map_err(|_| Why::Form)
}

/// A time that stands alone in a cell; a number is a part of a day.
pub(super) fn time_of(cell: &Cell) -> Result<Time, Why> {
    match cell {
        Cell::Number(part) if (0.0..1.0).contains(part) => {
            let minutes = (part * MINUTES_A_DAY).round() as i64;
            Time::new((minutes / 60 % 24) as i8, (minutes % 60) as i8, 0, 0).map_err(|_| Why::Form)
        }
        _ => time(&cell.said().unwrap_or_default()),
    }
}

fn serial(number: f64, is_1904: bool) -> Result<Moment, Why> {
    if number.fract() == 0.0 && (1_000.0..10_000.0).contains(&number) {
        return Err(Why::YearAlone);
    }
    if !(SERIAL_MIN..SERIAL_MAX).contains(&number) {
        return Err(Why::Form);
    }
    let epoch = if is_1904 { Date::constant(1904, 1, 1) } else { Date::constant(1899, 12, 30) };
    let minutes = (number * MINUTES_A_DAY).round() as i64;
    let (days, minute) = (minutes.div_euclid(1_440), minutes.rem_euclid(1_440));
    let date = epoch.checked_add(jiff::Span::new().days(days)).map_err(|_| Why::Form)?;
    let time = Time::new((minute / 60) as i8, (minute % 60) as i8, 0, 0).map_err(|_| Why::Form)?;
    Ok(Moment { date, time: (minute > 0).then_some(time) })
}

fn digits<T: std::str::FromStr>(text: &str) -> Result<T, Why> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or(Why::Form)
}

/// The number of a document as it stands on it. A spreadsheet that took it for a number has lost the zeros at
/// its beginning: every citizen id begins with one.
pub(super) fn document_number(said: &str) -> String {
    let compact: String = said.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.')).collect();
    match compact.len() {
        10 | 11 if lost_zeros(&compact) => format!("{compact:0>12}"),
        8 if lost_zeros(&compact) => format!("{compact:0>9}"),
        _ => compact,
    }
}

/// The kind of a document by the form of its number.
pub(super) fn kind_by_number(number: &str) -> DocumentKind {
    match number.len() {
        9 if is_digits(number) => DocumentKind::OldId,
        // Digits of another number are a card's that was mistyped.
        _ if is_digits(number) => DocumentKind::CitizenId,
        _ => DocumentKind::Passport,
    }
}

/// A telephone's number; what lost its zero gets it back.
pub(super) fn phone(said: &str) -> String {
    let compact: String = said.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.')).collect();
    if compact.len() == 9 && lost_zeros(&compact) { format!("0{compact}") } else { compact }
}

fn lost_zeros(text: &str) -> bool {
    is_digits(text) && !text.starts_with('0')
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// The words for a value in both languages, folded, and what they mean.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident -> $kind:ty { $($value:expr => [$($word:literal),*];)* }) => {
        $(#[$doc])*
        pub(super) fn $name(said: &str) -> Result<$kind, Why> {
            match plain(said).as_str() {
                $($($word)|* => Ok($value),)*
                _ => Err(Why::Unknown),
            }
        }
    };
}

words! {
    sex -> Sex {
        Sex::Male => ["nam", "male", "m", "man", "trai", "ong"];
        Sex::Female => ["nu", "female", "f", "woman", "gai", "ba"];
        Sex::Other => ["khac", "other", "x"];
    }
}

words! {
    document_kind -> DocumentKind {
        DocumentKind::CitizenId => ["citizen id", "cccd", "can cuoc", "can cuoc cong dan", "the can cuoc"];
        DocumentKind::OldId => ["old id", "cmnd", "chung minh nhan dan", "chung minh"];
        DocumentKind::Passport => ["passport", "ho chieu"];
    }
}

words! {
    purpose -> Purpose {
        Purpose::Work => ["work", "cong tac", "lam viec", "di lam", "cong viec"];
        Purpose::Study => ["study", "hoc", "di hoc", "hoc tap"];
        Purpose::Medical => ["medical", "kham benh", "chua benh", "kham chua benh", "y te"];
        Purpose::Family => ["family", "gia dinh", "tham than", "viec gia dinh", "ve que"];
        Purpose::Transport => ["transport", "van tai", "van chuyen", "cho hang", "giao hang"];
        Purpose::Return => ["return", "tro ve", "ve nha", "hoi huong"];
        Purpose::Other => ["other", "khac"];
    }
}

words! {
    vehicle -> VehicleKind {
        VehicleKind::Car => ["car", "o to", "oto", "xe con", "xe hoi"];
        VehicleKind::Motorbike => ["motorbike", "motorcycle", "xe may", "mo to"];
        VehicleKind::Bus => ["bus", "coach", "xe khach", "xe buyt", "xe bus"];
        VehicleKind::Truck => ["truck", "lorry", "xe tai"];
        VehicleKind::Train => ["train", "tau hoa", "tau lua", "xe lua"];
        VehicleKind::Plane => ["plane", "may bay", "flight"];
        VehicleKind::Boat => ["boat", "ship", "tau thuy", "thuyen", "pha", "tau"];
        VehicleKind::Other => ["other", "khac"];
    }
}

words! {
    exposure -> Exposure {
        Exposure::None => ["none", "no", "khong", "khong co"];
        Exposure::Case => ["case", "f0", "ca benh", "tiep xuc f0", "ca mac"];
        Exposure::Contact => ["contact", "f1", "tiep xuc f1", "nguoi tiep xuc"];
        Exposure::Zone => ["zone", "vung dich", "o dich"];
        Exposure::Abroad => ["abroad", "nuoc ngoai", "tu nuoc ngoai ve"];
    }
}

words! {
    symptom -> Symptom {
        Symptom::Fever => ["fever", "sot"];
        Symptom::Cough => ["cough", "ho"];
        Symptom::Breathless => ["breathless", "shortness of breath", "kho tho"];
        Symptom::SoreThroat => ["sore throat", "dau hong", "viem hong"];
        Symptom::LossOfTaste => ["loss of taste", "mat vi giac", "mat khuu giac", "mat mui"];
        Symptom::Fatigue => ["fatigue", "met", "met moi"];
    }
}

words! {
    test_kind -> TestKind {
        TestKind::Pcr => ["pcr", "rt pcr", "realtime pcr"];
        TestKind::Antigen => ["antigen", "test nhanh", "khang nguyen", "nhanh"];
    }
}

words! {
    test_result -> TestResult {
        TestResult::Negative => ["negative", "am tinh", "am"];
        TestResult::Positive => ["positive", "duong tinh", "duong"];
    }
}

/// Several symptoms; none where it says so.
pub(super) fn symptoms(said: &str) -> Result<Vec<Symptom>, Why> {
    if exposure(said) == Ok(Exposure::None) {
        return Ok(Vec::new());
    }
    said.split([',', ';', '+', '/']).filter(|part| !part.trim().is_empty()).map(symptom).collect()
}

/// ISO 3166 alpha-2; the nation's own names are understood, too.
pub(super) fn country(said: String) -> String {
    match folded_name(&said).as_str() {
        "viet nam" | "vietnam" | "vn" | "viet" | "kinh" => "VN".to_owned(),
        _ => said,
    }
}

/// Without diacritics, case and signs.
fn plain(text: &str) -> String {
    let folded = folded_name(text);
    let words: Vec<&str> =
        folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The first whole number that is no year: the 18th of May 1927. Nobody older travels with a serial number.
const SERIAL_MIN: f64 = 10_000.0;
/// The year 2173.
const SERIAL_MAX: f64 = 100_000.0;
const MINUTES_A_DAY: f64 = 1_440.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Why> {
        shown(&Cell::text(text))
    }

    fn shown(cell: &Cell) -> Result<String, Why> {
        let Moment { date, time } = moment(cell, false)?;
        Ok(time.map_or_else(|| date.to_string(), |time| format!("{date}T{time}")))
    }

    #[test]
    fn three_ways_to_write_a_day_mean_the_same_day_and_the_day_comes_first() {
        for text in ["2/3/1990", "02/03/1990", "02-03-1990", "2.3.1990", "1990-03-02", "1990/3/2", " 32934 "]
        {
            assert_eq!(read(text).as_deref(), Ok("1990-03-02"), "{text}");
        }
        assert_eq!(shown(&Cell::Number(32_934.0)).as_deref(), Ok("1990-03-02"));
        assert_eq!(
            moment(&Cell::Number(31_472.0), true).map(|at| at.date.to_string()).as_deref(),
            Ok("1990-03-02")
        );
        assert_eq!(read("13/1/1990").as_deref(), Ok("1990-01-13"));
    }

    #[test]
    fn what_could_mean_two_days_or_none_is_refused() {
        assert_eq!((read("1990"), shown(&Cell::Number(1990.0))), (Err(Why::YearAlone), Err(Why::YearAlone)));
        for text in [
            "1/13/1990",
            "2/3/90",
            "30/2/1990",
            "1990-02-30",
            "x",
            "2/3",
            "2/3/1990/4",
            "1e9",
            "-5",
            "0.5",
            "12345678",
        ] {
            assert_eq!(read(text), Err(Why::Form), "{text}");
        }
    }

    #[test]
    fn days_and_names_are_read_as_airlines_write_them() {
        for text in ["02MAR1990", "2 Mar 1990", "02-mar-1990", "02/MAR/1990"] {
            assert_eq!(read(text).as_deref(), Ok("1990-03-02"), "{text}");
        }
        for text in ["02MAR90", "31FEB1990", "MAR1990", "02 MÁR 1990"] {
            assert_eq!(read(text), Err(Why::Form), "{text}");
        }
        assert_eq!(passenger_name("NGUYEN/VAN AN MR"), "NGUYEN VAN AN");
        assert_eq!(passenger_name("LE/MS"), "LE MS", "a name is left");
        assert_eq!(passenger_name("Nguyễn Văn An"), "Nguyễn Văn An");
        assert_eq!(
            (days("14"), days("14 ngày"), days("hai"), days("2021")),
            (Ok(14), Ok(14), Err(Why::Form), Err(Why::Form))
        );
    }

    #[test]
    fn a_time_may_stand_on_either_side_of_the_day_or_alone() {
        for text in ["2/3/2026 7:30", "7h30 02-03-2026", "2026-03-02T07:30", "2026-03-02 07:30:00"] {
            assert_eq!(read(text).as_deref(), Ok("2026-03-02T07:30:00"), "{text}");
        }
        assert_eq!(time("7h").map(|at| at.to_string()).as_deref(), Ok("07:00:00"));
        assert_eq!(time_of(&Cell::Number(0.3125)).map(|at| at.to_string()).as_deref(), Ok("07:30:00"));
        assert_eq!(
            (time("25:00"), time("x"), read("2/3/2026 27:00")),
            (Err(Why::Form), Err(Why::Form), Err(Why::Form))
        );
    }

    #[test]
    fn zeros_that_a_spreadsheet_ate_come_back() {
        assert_eq!(document_number("1090000001"), "001090000001");
        assert_eq!(document_number("79190000001"), "079190000001");
        assert_eq!(document_number("079 190 000 001"), "079190000001");
        assert_eq!(document_number("12345678"), "012345678");
        assert_eq!(
            document_number("00109000001"),
            "00109000001",
            "a zero is there, so another digit is missing"
        );
        assert_eq!(document_number("B1234567"), "B1234567");
        assert_eq!(
            (phone("901234567").as_str(), phone("+84901234567").as_str()),
            ("0901234567", "+84901234567")
        );
    }

    #[test]
    fn words_are_understood_in_both_languages() {
        assert_eq!((sex("Nữ"), sex("MALE"), sex("1")), (Ok(Sex::Female), Ok(Sex::Male), Err(Why::Unknown)));
        assert_eq!(purpose("Khám, chữa bệnh"), Ok(Purpose::Medical));
        assert_eq!(vehicle("xe máy"), Ok(VehicleKind::Motorbike));
        assert_eq!(symptoms("Sốt, ho"), Ok(vec![Symptom::Fever, Symptom::Cough]));
        assert_eq!((symptoms("không"), symptoms("đau")), (Ok(vec![]), Err(Why::Unknown)));
        assert_eq!(test_result("âm tính"), Ok(TestResult::Negative));
    }
}
