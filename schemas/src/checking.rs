//! Flaws of what people fill in: which field, and what is wrong with it, never what stood there.

use serde::Serialize;
use utoipa::ToSchema;

/// A field that must be corrected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Flaw {
    /// Path of the field, such as `person.documents[0].number`.
    pub field: String,
    /// What is wrong.
    pub code: Wrong,
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// It is missing.
    Missing,
    /// It is too long.
    TooLong,
    /// It is not written as such a thing is.
    Form,
    /// It has characters that no such text has.
    Characters,
    /// There are too few or too many.
    Count,
    /// It lies outside the times that make sense.
    Time,
    /// Nothing is known by this code.
    Unknown,
    /// It does not agree with another field.
    Disagrees,
    /// It was valid once, and is no more.
    NoLongerValid,
    /// It stands there twice.
    Repeated,
}

/// Collects flaws.
#[derive(Debug, Default)]
pub struct Check {
    path: String,
    flaws: Vec<Flaw>,
}

impl Check {
    /// Notes a flaw of the field unless `fits`.
    pub fn that(&mut self, fits: bool, field: &str, wrong: Wrong) {
        if !fits {
            self.flaws.push(Flaw { field: format!("{}{field}", self.path), code: wrong });
        }
    }

    /// A text of so many characters, without control characters.
    pub fn text(&mut self, field: &str, text: &str, chars_min: usize, chars_max: usize) {
        let chars = text.chars().count();
        self.that(chars >= chars_min, field, Wrong::Missing);
        self.that(chars <= chars_max, field, Wrong::TooLong);
        self.that(!text.chars().any(is_odd), field, Wrong::Characters);
    }

    /// `YYYY-MM-DD` or `YYYY`, from 1900 to today.
    pub fn birth_date(&mut self, field: &str, date: &str, today: &str) {
        let year_only = date.len() == 4 && date.bytes().all(|b| b.is_ascii_digit());
        let is_date = year_only || (date.len() == 10 && date.parse::<jiff::civil::Date>().is_ok());
        self.that(is_date, field, if date.is_empty() { Wrong::Missing } else { Wrong::Form });
        if is_date {
            self.that("1900" <= date && date <= &today[..date.len()], field, Wrong::Time);
        }
    }

    /// Checks the fields of a thing within.
    pub fn within(&mut self, name: &str, check: impl FnOnce(&mut Self)) {
        let outer = self.path.len();
        self.path.push_str(name);
        self.path.push('.');
        check(self);
        self.path.truncate(outer);
    }

    /// Takes flaws that were found elsewhere in the thing `name`.
    pub fn take(&mut self, name: &str, flaws: Vec<Flaw>) {
        let path = &self.path;
        let within = |flaw: Flaw| Flaw { field: format!("{path}{name}.{}", flaw.field), ..flaw };
        self.flaws.extend(flaws.into_iter().map(within));
    }

    /// All flaws, in the order in which they were found.
    pub fn flaws(self) -> Vec<Flaw> {
        self.flaws
    }
}

/// Controls, and marks that turn the direction of what is written around them.
fn is_odd(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaws(check: impl FnOnce(&mut Check)) -> Vec<(String, Wrong)> {
        let mut all = Check::default();
        check(&mut all);
        all.flaws().into_iter().map(|flaw| (flaw.field, flaw.code)).collect()
    }

    #[test]
    fn paths_name_the_field_within_its_things() {
        let found = flaws(|check| {
            check.within("a", |check| check.within("b[1]", |check| check.text("c", "", 1, 3)));
            check.text("d", "\u{202e}abcd", 0, 3);
        });
        let expected = [("a.b[1].c", Wrong::Missing), ("d", Wrong::TooLong), ("d", Wrong::Characters)];
        assert_eq!(found, expected.map(|(field, wrong)| (field.to_owned(), wrong)));
    }

    #[test]
    fn birth_dates_are_real_days_of_the_past() {
        let wrong = |date: &str| flaws(|check| check.birth_date("d", date, "2021-08-20")).pop().map(|f| f.1);
        for fine in ["1990-02-28", "2021-08-20", "1900", "2021", "2000-02-29"] {
            assert_eq!(wrong(fine), None, "{fine}");
        }
        for (date, expected) in [
            ("", Wrong::Missing),
            ("1990-02-30", Wrong::Form),
            ("2/3/1990", Wrong::Form),
            ("٢٠٢١", Wrong::Form),
            ("1899-12-31", Wrong::Time),
            ("2021-08-21", Wrong::Time),
            ("2022", Wrong::Time),
        ] {
            assert_eq!(wrong(date), Some(expected), "{date}");
        }
    }
}
