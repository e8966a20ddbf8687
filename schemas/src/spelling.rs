//! One name in several spellings, and in what one person's two statements really differ. Pure.
//!
//! Case, diacritics, the order of words and what stands between them tell no two people apart: `Nguyễn Văn An`,
//! `NGUYEN VAN AN`, `VAN AN NGUYEN` and a passport's `NGUYEN<<VANAN` are one name. Letters that passports
//! write with others are compared both ways: `Müller` is `MULLER` and `MUELLER`.

use crate::person::{Person, Sex, folded_name};

/// Whether both are one name.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    let forms = |name: &str| [words(name), words(&in_basic_letters(name))];
    let (one, other) = (forms(one), forms(other));
    one.iter().any(|one| other.iter().any(|other| is_same_text(one, other)))
}

impl Person {
    /// Fields in which another statement of the same person really differs: `name`, `birth_date`, `sex`. A year
    /// alone agrees with each of its days, and a sex that is not told with each.
    #[must_use]
    pub fn differs(&self, other: &Self) -> Vec<&'static str> {
        let mut fields = Vec::new();
        if !is_same_name(&self.name, &other.name) {
            fields.push("name");
        }
        let (one, two) = (self.birth_date.as_str(), other.birth_date.as_str());
        if !one.starts_with(two) && !two.starts_with(one) {
            fields.push("birth_date");
        }
        let is_told = self.sex != Sex::Other && other.sex != Sex::Other;
        if is_told && self.sex != other.sex {
            fields.push("sex");
        }
        fields
    }
}

/// Words without diacritics, case and signs, in one order.
fn words(name: &str) -> Vec<String> {
    let folded = folded_name(name);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    words.sort_unstable();
    words
}

/// Whether some order of the one's words reads as some order of the other's, whatever stands between them.
fn is_same_text(one: &[String], other: &[String]) -> bool {
    let letters = |words: &[String]| words.iter().map(String::len).sum::<usize>();
    if one == other {
        return true;
    }
    if letters(one) != letters(other) || one.len().max(other.len()) > WORDS_MAX {
        return false;
    }
    let mut left = Left { words: [one, other], used: [0, 0], steps: STEPS_MAX };
    left.goes_on(0, "")
}

/// Two names while they are laid side by side.
struct Left<'a> {
    words: [&'a [String]; 2],
    /// A bit for each word that was laid.
    used: [u32; 2],
    steps: u32,
}

impl<'a> Left<'a> {
    /// Whether the words that are left agree, where the side `ahead` has `rest` more than the other.
    fn goes_on(&mut self, ahead: usize, rest: &'a str) -> bool {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 {
            return false;
        }
        let behind = 1 - ahead;
        let words = self.words[behind];
        if rest.is_empty() && self.used[behind].count_ones() as usize == words.len() {
            return true; // as many letters on either side, so the other has none left
        }
        for (at, word) in words.iter().enumerate().filter(|(_, word)| !word.is_empty()) {
            let bit = 1 << at;
            if self.used[behind] & bit != 0 {
                continue;
            }
            self.used[behind] |= bit;
            let agrees = match (rest.strip_prefix(word.as_str()), word.strip_prefix(rest)) {
                (Some(rest), _) => self.goes_on(ahead, rest),
                (None, Some(more)) => self.goes_on(behind, more),
                (None, None) => false,
            };
            self.used[behind] &= !bit;
            if agrees {
                return true;
            }
        }
        false
    }
}

/// The letters that passports write in others (ICAO 9303, part 3).
fn in_basic_letters(name: &str) -> String {
    let mut basic = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' | 'æ' => basic.push_str("ae"),
            'å' => basic.push_str("aa"),
            'ö' | 'ø' | 'œ' => basic.push_str("oe"),
            'ü' => basic.push_str("ue"),
            'ß' => basic.push_str("ss"),
            'þ' => basic.push_str("th"),
            'ð' => basic.push('d'),
            'ł' => basic.push('l'),
            'ı' => basic.push('i'),
            'ĳ' => basic.push_str("ij"),
            other => basic.push(other),
        }
    }
    basic
}

/// More than names have; longer ones must have the same words.
const WORDS_MAX: usize = 12;

/// Orders that are tried: names of a few different words take some dozens.
const STEPS_MAX: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_one_name() {
        for other in [
            "NGUYEN VAN AN",
            "nguyễn văn an",
            "VAN AN NGUYEN",
            "An, Nguyễn Văn",
            "NGUYEN<<VAN<AN",
            "NGUYEN/VANAN",
            "Nguyen-Van An",
            "Nguye\u{302}\u{303}n Van An",
        ] {
            assert!(is_same_name("Nguyễn Văn An", other) && is_same_name(other, "Nguyễn Văn An"), "{other}");
        }
        for (one, other) in [
            ("Jürgen Müller", "MUELLER JUERGEN"),
            ("Jürgen Müller", "MULLER JURGEN"),
            ("Straße Łukasz", "LUKASZ STRASSE"),
            ("Søren Ågård", "SOEREN AAGAARD"),
            ("Seán O'Brien", "OBRIEN SEAN"),
            ("Đặng Thị Đào", "DANG THI DAO"),
            ("김 민준", "민준 김"),
        ] {
            assert!(is_same_name(one, other) && is_same_name(other, one), "{one}: {other}");
        }
    }

    #[test]
    fn other_names_are_other_names() {
        for other in ["Nguyễn Văn Anh", "Nguyễn An", "Trần Văn An", "Nguyễn Văn Na", "", "Nguyễn Văn An An"]
        {
            assert!(!is_same_name("Nguyễn Văn An", other), "{other}");
        }
        assert!(!is_same_name("กา", "กี"), "other scripts keep their vowels");
    }

    #[test]
    fn a_name_made_to_take_long_does_not() {
        // The same letters, and no order of the words in which they would be the same name.
        let one = "aa ".repeat(11) + "bb";
        let other = "a ".repeat(10) + "bab " + &"a".repeat(11);
        // Each of all orders would take years.
        assert!(!is_same_name(&one, &other));
    }

    #[test]
    fn a_year_agrees_with_its_days_and_what_is_not_told_with_all() {
        let person = |name: &str, birth_date: &str, sex: &str| -> Person {
            let json = serde_json::json!({"name": name, "birth_date": birth_date, "sex": sex,
                "documents": [], "permanent": {"area": "W1"}});
            serde_json::from_value(json).expect("as the contract has it")
        };
        let an = person("Nguyễn Văn An", "1990-03-02", "male");
        assert_eq!(an.differs(&person("VAN AN NGUYEN", "1990", "other")), [""; 0]);
        assert_eq!(an.differs(&person("NGUYEN VAN AN", "1990-02-03", "male")), ["birth_date"]);
        assert_eq!(an.differs(&person("NGUYEN VAN BE", "1991", "female")), ["name", "birth_date", "sex"]);
    }
}
