//! What is known of a person: names, documents, residences. Pure: read, tidied and checked here, kept
//! and encrypted by the registry.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use utoipa::ToSchema;

use crate::checking::{Check, Flaw, Wrong};
use crate::countries::country_code;

/// A document that identifies a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Which kind it is.
    pub kind: DocumentKind,
    /// Its number: 12 digits, 9 digits, or a passport's letters and digits.
    #[schema(min_length = 5, example = "001090012345")]
    pub number: String,
    /// Who issued it, ISO 3166 in two letters, or in three as passports have it; tidied it is always there, in
    /// two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 2, example = "VN")]
    pub country: Option<String>,
}

/// Kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A citizen's identity card, 12 digits.
    CitizenId,
    /// The older identity card, 9 digits.
    OldId,
    /// A passport.
    Passport,
}

impl DocumentKind {
    /// The word for it in files and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CitizenId => "citizen_id",
            Self::OldId => "old_id",
            Self::Passport => "passport",
        }
    }
}

impl Document {
    /// The document as it is compared: no spaces or dashes, capital letters, a country in two letters.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        self.number = compact(&self.number);
        // Told or left out, it is the same document.
        let code = |country: String| match country_code(&country) {
            Some(code) => code.to_owned(),
            None => country.trim().to_uppercase(),
        };
        self.country = Some(self.country.map_or_else(home_country, code));
        self
    }

    /// The last four characters of its number, which help to compare and tell nothing.
    pub fn last4(&self) -> String {
        let skip = self.number.chars().count().saturating_sub(4);
        self.number.chars().skip(skip).collect()
    }

    /// What is wrong with it, once it is tidied.
    pub fn check(&self, check: &mut Check) {
        let digits = self.number.bytes().all(|b| b.is_ascii_digit());
        let fits = match self.kind {
            DocumentKind::CitizenId => digits && self.number.len() == 12,
            DocumentKind::OldId => digits && self.number.len() == 9,
            DocumentKind::Passport => {
                (5..=15).contains(&self.number.len())
                    && self.number.bytes().all(|b| b.is_ascii_alphanumeric())
            }
        };
        check.that(fits, "number", Wrong::Form);
        let country = self.country.as_deref().unwrap_or(HOME_COUNTRY);
        check.that(
            country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()),
            "country",
            Wrong::Form,
        );
    }
}

/// A person's sex as documents have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// Male.
    Male,
    /// Female.
    Female,
    /// Neither, or not told.
    Other,
}

/// Where somebody lives or stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Residence {
    /// Code of the area.
    #[schema(min_length = 1, example = "VN25-00097")]
    pub area: String,
    /// House and street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "12 Hàng Bạc")]
    pub address: Option<String>,
}

impl Residence {
    /// That of somebody who has told no home in the country.
    pub fn not_told() -> Self {
        Self { area: NOT_TOLD.to_owned(), address: None }
    }

    /// Whether it is one that was told.
    pub fn is_told(&self) -> bool {
        self.area != NOT_TOLD
    }
}

/// A person as declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// The whole name.
    #[schema(min_length = 1, example = "Nguyễn Văn An")]
    pub name: String,
    /// `YYYY-MM-DD`, or `YYYY` where only the year is known.
    #[schema(min_length = 4, example = "1990-03-02")]
    pub birth_date: String,
    /// Sex.
    pub sex: Sex,
    /// ISO 3166 alpha-2.
    #[serde(default = "home_country")]
    #[schema(min_length = 2, example = "VN")]
    pub nationality: String,
    /// One or more; any of them finds the person again.
    #[schema(min_items = 1)]
    pub documents: Vec<Document>,
    /// Permanent residence (*thường trú*).
    pub permanent: Residence,
    /// Present residence (*lưu trú*), where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<Residence>,
    /// Temporary residence (*tạm trú*), where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary: Option<Residence>,
}

impl Person {
    /// The person as kept: names in one spelling, documents as they are compared.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        self.name = tidy_text(&self.name);
        self.birth_date = self.birth_date.trim().to_owned();
        self.nationality = self.nationality.trim().to_uppercase();
        self.documents = self.documents.into_iter().map(Document::tidied).collect();
        self.documents.sort();
        self.documents.dedup();
        self
    }

    /// Where the person is at home now: what is nearest to today.
    pub fn home(&self) -> &Residence {
        self.present.as_ref().or(self.temporary.as_ref()).unwrap_or(&self.permanent)
    }

    /// What is wrong with it, once it is tidied; `today` as `YYYY-MM-DD`.
    pub fn check(&self, today: &str) -> Vec<Flaw> {
        let mut check = Check::default();
        check.text("name", &self.name, 1, NAME_CHARS_MAX);
        check.birth_date("birth_date", &self.birth_date, today);
        check.that(self.nationality.len() == 2, "nationality", Wrong::Form);
        check.that((1..=DOCUMENTS_MAX).contains(&self.documents.len()), "documents", Wrong::Count);
        for (i, document) in self.documents.iter().take(DOCUMENTS_MAX).enumerate() {
            check.within(&format!("documents[{i}]"), |check| document.check(check));
        }
        let residences = [
            ("permanent", Some(&self.permanent)),
            ("present", self.present.as_ref()),
            ("temporary", self.temporary.as_ref()),
        ];
        for (name, residence) in residences {
            let Some(residence) = residence else { continue };
            check.within(name, |check| {
                check.text("area", &residence.area, 1, crate::scan::CODE_BYTES_MAX);
                check.text("address", residence.address.as_deref().unwrap_or_default(), 0, ADDRESS_CHARS_MAX);
            });
        }
        check.flaws()
    }
}

/// A telephone number as it is compared: `+` and digits; a national one gets the nation's prefix.
///
/// # Errors
/// It is none.
pub fn tidy_phone(text: &str) -> Result<String, Wrong> {
    let compact: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
    let international = match compact.strip_prefix('0') {
        Some(national) => format!("{HOME_PHONE_PREFIX}{national}"),
        None => compact,
    };
    let digits = international.strip_prefix('+').ok_or(Wrong::Form)?;
    let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if fits { Ok(international) } else { Err(Wrong::Form) }
}

/// One spelling of a text: composed letters, single spaces, none at the ends.
pub fn tidy_text(text: &str) -> String {
    let composed: String = text.nfc().collect();
    composed.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name as it is compared: no marks, no case. `Nguyễn Văn Án` and `NGUYEN VAN AN` are the same.
pub fn folded_name(name: &str) -> String {
    let folded: String =
        name.nfd().filter(|c| !LATIN_MARKS.contains(c)).flat_map(char::to_lowercase).collect();
    tidy_text(&folded.replace('đ', "d"))
}

fn compact(text: &str) -> String {
    let compact = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.'));
    compact.flat_map(char::to_uppercase).collect()
}

fn home_country() -> String {
    HOME_COUNTRY.to_owned()
}

/// The combining marks of Latin script; those of other scripts are letters to their readers.
const LATIN_MARKS: std::ops::RangeInclusive<char> = '\u{300}'..='\u{36f}';

/// Stands for the area of those who told none, and is the code of none.
const NOT_TOLD: &str = "-";

/// The nation whose documents need no country.
const HOME_COUNTRY: &str = "VN";
const HOME_PHONE_PREFIX: &str = "+84";

/// Longest name, in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Most documents of one person.
pub const DOCUMENTS_MAX: usize = 5;
/// Characters of house and street.
pub const ADDRESS_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_two_spellings_are_the_same_name() {
        assert_eq!(folded_name("  NGUYỄN  Văn Đức "), "nguyen van duc");
        assert_eq!(folded_name("Nguye\u{302}\u{303}n Van Duc"), "nguyen van duc");
        assert_ne!(folded_name("กา"), folded_name("กี"), "other scripts keep their vowels");
        assert_eq!(tidy_text("Nguye\u{302}\u{303}n \u{a0} An"), "Nguyễn An");
    }

    #[test]
    fn phones_are_compared_in_one_form() {
        assert_eq!(tidy_phone("090 123.45-67").as_deref(), Ok("+84901234567"));
        assert_eq!(tidy_phone("+1 (202) 555-0100").as_deref(), Ok("+12025550100"));
        for wrong in ["", "12", "+", "0", "abc", "+84 90 x", "090123456789012345"] {
            assert_eq!(tidy_phone(wrong), Err(Wrong::Form), "{wrong}");
        }
    }

    #[test]
    fn documents_are_checked_by_their_kind() {
        let document = |kind, number: &str| Document { kind, number: number.into(), country: None }.tidied();
        let flaws = |document: Document| {
            let mut check = Check::default();
            document.check(&mut check);
            check.flaws().len()
        };
        assert_eq!(flaws(document(DocumentKind::CitizenId, "001 090 012345")), 0);
        assert_eq!(flaws(document(DocumentKind::OldId, "023456789")), 0);
        assert_eq!(flaws(document(DocumentKind::Passport, "b1234567")), 0);
        assert_eq!(flaws(document(DocumentKind::CitizenId, "00109001234")), 1);
        assert_eq!(flaws(document(DocumentKind::CitizenId, "00109001234٣")), 1, "digits of other scripts");
        assert_eq!(flaws(document(DocumentKind::Passport, "B12/4567")), 1);
        for country in ["vn", "VNM"] {
            let told =
                Document { country: Some(country.into()), ..document(DocumentKind::OldId, "023456789") };
            assert_eq!(told.tidied(), document(DocumentKind::OldId, "023456789"));
        }
        assert_eq!(document(DocumentKind::OldId, "023456789").last4(), "6789");
    }
}
