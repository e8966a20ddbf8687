//! The scale of epidemic levels: data, not code. Which levels there are, how they look, what follows.

use std::path::Path;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The levels, from the least to the gravest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Its name for programs.
    #[schema(example = "vn-128")]
    pub scale: String,
    /// Its name for people.
    pub name: Words,
    /// From the least to the gravest.
    pub levels: Vec<Level>,
}

/// One level of the scale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EpidemicLevel)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// Its code; never changes its meaning.
    #[schema(example = "orange")]
    pub code: String,
    /// One character that tells it without its colour.
    #[schema(example = "◆")]
    pub sign: String,
    /// Colour of words on its ground.
    #[schema(example = "#241000")]
    pub ink: String,
    /// Its colour.
    #[schema(example = "#f08a24")]
    pub ground: String,
    /// What it is called, with the word for its colour.
    pub name: Words,
    /// How grave it is.
    pub about: Words,
    /// What holds in an area of this level.
    pub note: Words,
    /// What those need who come from an area of this level, or through it.
    #[serde(default)]
    pub arrivals: Arrivals,
}

/// What arrivals need; nothing unless told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Arrivals {
    /// A negative test no older than so many hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub test_hours: Option<u32>,
    /// Days of quarantine at home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub home_days: Option<u32>,
    /// Days of quarantine in a facility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub facility_days: Option<u32>,
}

/// A text in the languages of the pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
}

/// Why the scale cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScaleError {
    /// Check the path and its permissions.
    #[error("{file}: {source}; check `situation_file` in the configuration")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Correct the file.
    #[error("{file}: {why}; correct the file, or leave `situation_file` out for the built-in scale")]
    Wrong {
        /// The file.
        file: String,
        /// What is wrong, and where.
        why: String,
    },
}

impl Scale {
    /// The scale of a file; without one the built-in.
    ///
    /// # Errors
    /// The file cannot be read, or is not as it must be.
    pub(in crate::people) fn open(path: Option<&Path>) -> Result<Self, ScaleError> {
        let Some(path) = path else {
            return Ok(Self::parse(BUILTIN).expect("a test reads the built-in scale"));
        };
        let file = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|source| ScaleError::Io { file: file.clone(), source })?;
        Self::parse(&text).map_err(|why| ScaleError::Wrong { file, why })
    }

    /// The level with this code.
    pub fn level(&self, code: &str) -> Option<&Level> {
        self.levels.iter().find(|level| level.code == code)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let scale: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or(0, |span| span.start);
            let line = 1 + text.get(..before).map_or(0, |before| before.matches('\n').count());
            format!("line {line}: {}", error.message())
        })?;
        scale.check()?;
        Ok(scale)
    }

    fn check(&self) -> Result<(), String> {
        is_code(&self.scale).then_some(()).ok_or("`scale` is 1 to 32 letters, digits and dashes")?;
        check_words("name", &self.name)?;
        if !(1..=LEVELS_MAX).contains(&self.levels.len()) {
            return Err(format!("there are {} levels; a scale has 1 to {LEVELS_MAX}", self.levels.len()));
        }
        for (place, level) in self.levels.iter().enumerate() {
            level.check().map_err(|why| format!("level {} (`{}`): {why}", place + 1, level.code))?;
            let others = &self.levels[..place];
            if others.iter().any(|other| other.code == level.code || other.sign == level.sign) {
                return Err(format!("level {} (`{}`) has another's code or sign", place + 1, level.code));
            }
        }
        Ok(())
    }
}

impl Level {
    fn check(&self) -> Result<(), String> {
        is_code(&self.code).then_some(()).ok_or("`code` is 1 to 32 letters, digits and dashes")?;
        let is_sign = self.sign.chars().count() == 1 && !self.sign.trim().is_empty();
        is_sign.then_some(()).ok_or("`sign` is one character that is seen")?;
        let (ink, ground) = (luminance("ink", &self.ink)?, luminance("ground", &self.ground)?);
        let contrast = (ink.max(ground) + 0.05) / (ink.min(ground) + 0.05);
        if contrast < CONTRAST_MIN {
            return Err(format!(
                "`ink` on `ground` has a contrast of {contrast:.1}; {CONTRAST_MIN} or more can be read"
            ));
        }
        for (name, words) in [("name", &self.name), ("about", &self.about), ("note", &self.note)] {
            check_words(name, words)?;
        }
        let Arrivals { test_hours, home_days, facility_days } = self.arrivals;
        let bounds = [
            ("test_hours", test_hours, 720),
            ("home_days", home_days, 60),
            ("facility_days", facility_days, 60),
        ];
        for (name, value, most) in bounds {
            if value.is_some_and(|value| !(1..=most).contains(&value)) {
                return Err(format!("`arrivals.{name}` is 1 to {most}; leave it out where there is none"));
            }
        }
        Ok(())
    }
}

fn is_code(code: &str) -> bool {
    (1..=32).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn check_words(name: &str, words: &Words) -> Result<(), String> {
    let fits = |text: &str| {
        (1..=WORDS_CHARS_MAX).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control)
    };
    match fits(&words.vi) && fits(&words.en) {
        true => Ok(()),
        false => Err(format!("`{name}` is a text in `vi` and in `en`, of 1 to {WORDS_CHARS_MAX} characters")),
    }
}

/// How light a colour `#rrggbb` is, from 0 to 1, as WCAG has it.
fn luminance(name: &str, colour: &str) -> Result<f64, String> {
    let wrong = || format!("`{name}` is a colour like #f08a24");
    let digits = colour.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii());
    let digits = digits.ok_or_else(wrong)?;
    let channel = |at: usize| -> Result<f64, String> {
        let value = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong())?;
        let value = f64::from(value) / 255.0;
        Ok(if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) })
    };
    Ok(0.2126 * channel(0)? + 0.7152 * channel(2)? + 0.0722 * channel(4)?)
}

const BUILTIN: &str = include_str!("scale.toml");

/// More than anybody tells apart.
const LEVELS_MAX: usize = 10;
const WORDS_CHARS_MAX: usize = 300;

/// WCAG's least contrast for text (level AA).
const CONTRAST_MIN: f64 = 4.5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_scale_has_the_four_levels_of_resolution_128() {
        let scale = Scale::open(None).expect("good");
        let codes: Vec<&str> = scale.levels.iter().map(|level| level.code.as_str()).collect();
        assert_eq!((scale.scale.as_str(), codes), ("vn-128", vec!["green", "yellow", "orange", "red"]));
        assert_eq!(scale.level("red").and_then(|red| red.arrivals.home_days), Some(7));
        assert_eq!(scale.level("blue"), None);
    }

    #[test]
    fn what_is_wrong_with_a_scale_is_told_with_its_place() {
        for (found, replaced, said) in [
            ("code = \"red\"", "code = \"green\"", "level 4 (`green`) has another's code or sign"),
            ("sign = \"■\"", "sign = \"▲\"", "level 4 (`red`) has another's code or sign"),
            ("sign = \"■\"", "sign = \"\"", "level 4 (`red`): `sign`"),
            ("ground = \"#f2c230\"", "ground = \"yellow\"", "level 2 (`yellow`): `ground` is a colour"),
            ("ground = \"#f2c230\"", "ground = \"#231a10\"", "level 2 (`yellow`): `ink` on `ground`"),
            ("home_days = 7", "home_days = 0", "level 4 (`red`): `arrivals.home_days` is 1 to 60"),
            ("home_days = 7", "prison_days = 7", "line "),
            ("scale = \"vn-128\"", "scale = \"vn 128\"", "`scale` is"),
            ("vi = \"Nguy cơ cao\"", "vi = \"\"", "level 3 (`orange`): `about`"),
        ] {
            let text = BUILTIN.replacen(found, replaced, 1);
            assert_ne!(text, BUILTIN, "{found}");
            let why = Scale::parse(&text).expect_err("wrong");
            assert!(why.starts_with(said), "{why}");
        }
        assert!(Scale::parse("scale = \"x\"\nname = {vi = \"a\", en = \"b\"}\nlevels = []\n").is_err());
    }
}
