//! What the twelve digits of a Vietnamese citizen id tell about its holder.
//!
//! ```text
//! 0 7 9 | 0 | 9 0 | 1 2 3 4 5 6
//! birth   |   |     drawn at random
//! was     |   last two digits of the year of birth
//! registered  century and sex: 0 man, 1 woman of the 20th, 2 and 3 of the 21st
//! ```
//! There is no check digit, so this is all that can be found out about a number without asking the
//! register: a number whose province does not exist is wrong, and one whose sex or year contradicts
//! the declaration belongs to someone else. The provinces are the 63 of 2021: numbers given before a
//! merger stay.

use truyvet_schemas::person::Sex;

/// What the number says. Compare it with what was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CitizenIdFacts {
    /// Code of the province where the birth was registered (79 is Ho Chi Minh City).
    pub province: u8,
    /// The holder's sex.
    pub sex: Sex,
    /// Year of birth.
    pub birth_year: u16,
}

impl CitizenIdFacts {
    /// Code of the province in the built-in tree: `VN21-79`.
    pub fn province_code(&self) -> String {
        format!("VN21-{:02}", self.province)
    }
}

/// Why a number is no citizen id. The number itself is never in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CitizenIdError {
    /// Ask for the number as it is on the card.
    #[error("a citizen id has twelve digits and nothing else; copy it from the card")]
    NotTwelveDigits,
    /// Ask for the number as it is on the card.
    #[error("the first three digits are no province's code; compare the number with the card")]
    UnknownProvince,
    /// Rare, but lawful: let an officer compare the number with the card.
    #[error(
        "the first three digits are not a province's but may be a country's, for a birth registered abroad; have the card seen"
    )]
    RegisteredAbroad,
    /// Ask for the number as it is on the card.
    #[error("the fourth digit stands for a century that has not begun; compare the number with the card")]
    FutureCentury,
}

/// Reads a citizen id: twelve digits without blanks.
///
/// # Errors
/// What is wrong with the number, the first fault from the left.
pub fn citizen_id_facts(number: &str) -> Result<CitizenIdFacts, CitizenIdError> {
    let digits: [u8; 12] = number.as_bytes().try_into().map_err(|_| CitizenIdError::NotTwelveDigits)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(CitizenIdError::NotTwelveDigits);
    }
    let digit = |place: usize| digits[place] - b'0';
    if digit(0) > 0 {
        return Err(CitizenIdError::RegisteredAbroad);
    }
    let province = digit(1) * 10 + digit(2);
    if PROVINCES.binary_search(&province).is_err() {
        return Err(CitizenIdError::UnknownProvince);
    }
    let century = u16::from(digit(3) / 2);
    if century > 1 {
        return Err(CitizenIdError::FutureCentury);
    }
    let sex = if digit(3) % 2 == 0 { Sex::Male } else { Sex::Female };
    let birth_year = 1900 + 100 * century + u16::from(digit(4)) * 10 + u16::from(digit(5));
    Ok(CitizenIdFacts { province, sex, birth_year })
}

/// Codes of the provinces of 2021, in order.
const PROVINCES: [u8; 63] = [
    1, 2, 4, 6, 8, 10, 11, 12, 14, 15, 17, 19, 20, 22, 24, 25, 26, 27, 30, 31, 33, 34, 35, 36, 37, 38, 40,
    42, 44, 45, 46, 48, 49, 51, 52, 54, 56, 58, 60, 62, 64, 66, 67, 68, 70, 72, 74, 75, 77, 79, 80, 82, 83,
    84, 86, 87, 89, 91, 92, 93, 94, 95, 96,
];

#[cfg(test)]
mod tests {
    use super::CitizenIdError::*;
    use super::*;

    #[test]
    fn a_number_tells_province_sex_and_year() {
        for (number, province, sex, birth_year) in [
            ("079090123456", 79, Sex::Male, 1990),
            ("001100000000", 1, Sex::Female, 1900),
            ("096299999999", 96, Sex::Male, 2099),
            ("046304000001", 46, Sex::Female, 2004),
        ] {
            assert_eq!(
                citizen_id_facts(number),
                Ok(CitizenIdFacts { province, sex, birth_year }),
                "{number}"
            );
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (number, reason) in [
            ("", NotTwelveDigits),
            ("07909012345", NotTwelveDigits),
            ("0790901234567", NotTwelveDigits),
            ("079 90123456", NotTwelveDigits),
            ("079090 12345", NotTwelveDigits),
            ("0790901٢345", NotTwelveDigits),
            ("000090123456", UnknownProvince),
            ("003090123456", UnknownProvince),
            ("097090123456", UnknownProvince),
            ("099990123456", UnknownProvince),
            ("101090123456", RegisteredAbroad),
            ("979090123456", RegisteredAbroad),
            ("079490123456", FutureCentury),
            ("079990123456", FutureCentury),
        ] {
            assert_eq!(citizen_id_facts(number), Err(reason), "{number}");
        }
    }

    #[test]
    fn exactly_sixty_three_provinces_exist() {
        let known = (0..1000).filter(|code| citizen_id_facts(&format!("{code:03}090123456")).is_ok()).count();
        assert_eq!(known, 63);
        assert!(PROVINCES.is_sorted());
    }
}
