//! A trace question from its parameters, whichever way they came in, and its answer.
//!
//! ```text
//! command line ---+
//! query string ---+--> Params --> Question --> Engine --> Answer
//! JSON body ------+
//! ```

mod params;
mod terms;
#[cfg(test)]
mod tests;
mod usage;

use std::io;
use std::time::Duration;

use serde::Serialize;
use truyvet_engine::{
    CELL_DEFAULT, Chain, ChainAnswer, Common, CommonAnswer, Contacts, ContactsAnswer, Explained,
    GENERATIONS_DEFAULT, Interval, OVERLAP_DEFAULT, Occupancy, OccupancyAnswer, Passed, PassedAnswer,
    PassedFound, SetAnswer, SetExpression, SetFound, SetQuestion, Stays, StaysAnswer, TOP_DEFAULT, Trail,
    TrailAnswer, UtcOffset, WINDOW_DEFAULT,
};
use truyvet_engine::{Engine, TraceError};
use truyvet_schemas::TimeMs;
use truyvet_schemas::time::parse_duration;

pub use params::Params;
pub use terms::Terms;
pub use usage::Usage;

/// Which question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Who passed.
    Passed,
    /// Where one was.
    Trail,
    /// Whom they met.
    Contacts,
    /// Who met those, and so on.
    Chain,
    /// Where several were together.
    Common,
    /// Who is in a combination of passed-sets.
    Set,
    /// When they were inside, and who was inside with them.
    Stays,
    /// How many were inside.
    Occupancy,
}

impl Kind {
    /// The word for it on the command line and in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Trail => "trail",
            Self::Contacts => "contacts",
            Self::Chain => "chain",
            Self::Common => "common",
            Self::Set => "set",
            Self::Stays => "stays",
            Self::Occupancy => "occupancy",
        }
    }

    /// The question with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Passed,
        Self::Trail,
        Self::Contacts,
        Self::Chain,
        Self::Common,
        Self::Set,
        Self::Stays,
        Self::Occupancy,
    ];

    /// Whether the answer may be a list too long to be held in memory.
    pub const fn is_listed(self) -> bool {
        matches!(self, Self::Passed | Self::Set)
    }

    /// The parameters that it takes.
    pub(crate) const fn takes(self) -> &'static str {
        match self {
            Self::Passed => "site, area, from, to, count, timeout, explain, format",
            Self::Trail => "subject, from, to, timeout, explain, format",
            Self::Contacts => "subject, from, to, window, pairs, timeout, explain, format",
            Self::Chain => "seed, from, to, window, generations, count, timeout, explain, format",
            Self::Common => "subjects, from, to, cell, top, timeout, explain, format",
            Self::Set => "expr, offset, count, timeout, explain, format",
            Self::Stays => "subject, from, to, overlap, longest, timeout, explain, format",
            Self::Occupancy => "site, from, to, cell, longest, timeout, explain, format",
        }
    }
}

/// A question that can be asked.
#[derive(Clone, Debug)]
pub enum Question {
    /// Who passed.
    Passed(Passed),
    /// Where one was.
    Trail(Trail),
    /// Whom they met.
    Contacts(Contacts),
    /// Who met those, and so on.
    Chain(Chain),
    /// Where several were together.
    Common(Common),
    /// Who is in a combination of passed-sets.
    Set(SetQuestion),
    /// When they were inside, and who was inside with them.
    Stays(Stays),
    /// How many were inside.
    Occupancy(Occupancy),
}

impl Question {
    /// Judges the parameters.
    ///
    /// # Errors
    /// Wrong usage: a parameter is missing, unknown, or says nothing that can be asked.
    pub fn parse(kind: Kind, mut params: Params) -> Result<Self, Usage> {
        let question = match kind {
            Kind::Passed => Self::Passed(passed(&mut params)?),
            Kind::Trail => Self::Trail(trail(&mut params)?),
            Kind::Contacts => Self::Contacts(contacts(&mut params)?),
            Kind::Chain => Self::Chain(chain(&mut params)?),
            Kind::Common => Self::Common(common(&mut params)?),
            Kind::Set => Self::Set(set(&mut params)?),
            Kind::Stays => Self::Stays(stays(&mut params)?),
            Kind::Occupancy => Self::Occupancy(occupancy(&mut params)?),
        };
        match params.left() {
            Some(name) => Err(Usage::Unknown { name: name.to_owned(), takes: kind.takes() }),
            None => Ok(question),
        }
    }

    /// Asks the engine.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn ask(&self, engine: &Engine) -> Result<Reply, TraceError> {
        Ok(Reply::Whole(match self {
            Self::Passed(q) => {
                let found = engine.passed_found(q)?;
                if found.listed() > WHOLE_LIST_MAX {
                    return Ok(Reply::PassedList(found));
                }
                Answer::Passed(found.into_answer())
            }
            Self::Trail(q) => Answer::Trail(engine.trail(q)?),
            Self::Contacts(q) => Answer::Contacts(engine.contacts(q)?),
            Self::Chain(q) => Answer::Chain(engine.chain(q)?),
            Self::Common(q) => Answer::Common(engine.common(q)?),
            Self::Stays(q) => Answer::Stays(engine.stays(q)?),
            Self::Occupancy(q) => Answer::Occupancy(engine.occupancy(q)?),
            Self::Set(q) => {
                let found = engine.set(q)?;
                if found.listed() > WHOLE_LIST_MAX {
                    return Ok(Reply::SetList(found));
                }
                Answer::Set(found.into_answer())
            }
        }))
    }
}

/// What the engine says to a question.
pub enum Reply {
    /// All of it.
    Whole(Answer),
    /// A long list of who passed, which is written while it is read.
    PassedList(PassedFound),
    /// The same of who is in a combination of passed-sets.
    SetList(SetFound),
}

/// The answer to a question of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Who passed.
    Passed(PassedAnswer),
    /// Where one was.
    Trail(TrailAnswer),
    /// Whom they met.
    Contacts(ContactsAnswer),
    /// Who met those, and so on.
    Chain(ChainAnswer),
    /// Where several were together.
    Common(CommonAnswer),
    /// Who is in a combination of passed-sets.
    Set(SetAnswer),
    /// When they were inside, and who was inside with them.
    Stays(StaysAnswer),
    /// How many were inside.
    Occupancy(OccupancyAnswer),
}

impl Answer {
    /// Reads the JSON of an answer to such a question.
    ///
    /// # Errors
    /// It is none.
    pub fn from_json(kind: Kind, json: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Passed => Self::Passed(serde_json::from_slice(json)?),
            Kind::Trail => Self::Trail(serde_json::from_slice(json)?),
            Kind::Contacts => Self::Contacts(serde_json::from_slice(json)?),
            Kind::Chain => Self::Chain(serde_json::from_slice(json)?),
            Kind::Common => Self::Common(serde_json::from_slice(json)?),
            Kind::Set => Self::Set(serde_json::from_slice(json)?),
            Kind::Stays => Self::Stays(serde_json::from_slice(json)?),
            Kind::Occupancy => Self::Occupancy(serde_json::from_slice(json)?),
        })
    }

    /// Writes it as JSON, with what it took where that was asked.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, explain: Option<&Explained>, out: &mut dyn io::Write) -> serde_json::Result<()> {
        match explain {
            None => serde_json::to_writer(out, self),
            Some(explain) => serde_json::to_writer(out, &WithExplained { answer: self, explain }),
        }
    }
}

/// What it took stands behind the answer's own members.
#[derive(Serialize)]
struct WithExplained<'a> {
    #[serde(flatten)]
    answer: &'a Answer,
    explain: &'a Explained,
}

/// Reads what an answer's JSON says that it took, if it does.
///
/// # Errors
/// It is none of an answer.
pub fn explained_from_json(json: &[u8]) -> Result<Option<Explained>, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Told {
        explain: Option<Explained>,
    }
    Ok(serde_json::from_slice::<Told>(json)?.explain)
}

fn passed(params: &mut Params) -> Result<Passed, Usage> {
    let sites = codes(params, "site")?;
    let areas = codes(params, "area")?;
    if sites.is_empty() && areas.is_empty() {
        return Err(Usage::NeitherSiteNorArea);
    }
    let list = !truth(params, "count")?;
    Ok(Passed { sites, areas, interval: interval(params)?, list })
}

fn trail(params: &mut Params) -> Result<Trail, Usage> {
    let subject = params.take_one("subject")?.ok_or(Usage::Missing("subject"))?;
    Ok(Trail { subject: non_empty("subject", subject)?, interval: interval(params)? })
}

fn contacts(params: &mut Params) -> Result<Contacts, Usage> {
    Ok(Contacts {
        subjects: required_codes(params, "subject")?,
        interval: interval(params)?,
        window: duration(params, "window", WINDOW_DEFAULT)?,
        pairs: truth(params, "pairs")?,
    })
}

fn chain(params: &mut Params) -> Result<Chain, Usage> {
    let seeds: Result<Vec<_>, _> = required_codes(params, "seed")?.into_iter().map(seed).collect();
    Ok(Chain {
        seeds: seeds?,
        interval: interval(params)?,
        window: duration(params, "window", WINDOW_DEFAULT)?,
        generations: number(params, "generations", u64::from(GENERATIONS_DEFAULT), 0..=GENERATIONS_MAX)?
            as u32,
        list: !truth(params, "count")?,
    })
}

fn common(params: &mut Params) -> Result<Common, Usage> {
    let cell = duration(params, "cell", CELL_DEFAULT)?;
    if cell.is_zero() {
        return Err(Usage::EmptyCell);
    }
    Ok(Common {
        subjects: required_codes(params, "subjects")?,
        interval: interval(params)?,
        cell,
        top: number(params, "top", TOP_DEFAULT as u64, 0..=TOP_MAX)? as usize,
    })
}

fn stays(params: &mut Params) -> Result<Stays, Usage> {
    Ok(Stays {
        subjects: required_codes(params, "subject")?,
        interval: interval(params)?,
        overlap: duration(params, "overlap", OVERLAP_DEFAULT)?,
        longest: longest(params)?,
    })
}

/// None: as the engine is set.
fn longest(params: &mut Params) -> Result<Option<Duration>, Usage> {
    let read = |text: String| parse_duration(&text).map_err(|source| Usage::Time { name: "longest", source });
    params.take_one("longest")?.map(read).transpose()
}

fn occupancy(params: &mut Params) -> Result<Occupancy, Usage> {
    let cell = duration(params, "cell", CELL_DEFAULT)?;
    if cell.is_zero() {
        return Err(Usage::EmptyCell);
    }
    let interval = interval(params)?;
    let site = params.take_one("site")?.ok_or(Usage::Missing("site"))?;
    let longest = longest(params)?;
    let question = Occupancy { site: non_empty("site", site)?, interval, cell, longest };
    if question.cells() > OCCUPANCY_CELLS_MAX {
        return Err(Usage::TooManyCells { most: OCCUPANCY_CELLS_MAX });
    }
    Ok(question)
}

fn set(params: &mut Params) -> Result<SetQuestion, Usage> {
    let text = params.take_one("expr")?.ok_or(Usage::Missing("expr"))?;
    let offset = match params.take_one("offset")? {
        Some(offset) => UtcOffset::parse(&offset).ok_or(Usage::Offset)?,
        None => UtcOffset::default(),
    };
    Ok(SetQuestion { expression: SetExpression::parse(&text, offset)?, list: !truth(params, "count")? })
}

fn interval(params: &mut Params) -> Result<Interval, Usage> {
    let from = instant(params, "from")?;
    let to = instant(params, "to")?;
    Interval::new(from, to).map_err(|_| Usage::Backward)
}

fn instant(params: &mut Params, name: &'static str) -> Result<TimeMs, Usage> {
    let text = params.take_one(name)?.ok_or(Usage::Missing(name))?;
    TimeMs::parse(&text).map_err(|source| Usage::Time { name, source })
}

fn duration(params: &mut Params, name: &'static str, default: Duration) -> Result<Duration, Usage> {
    let Some(text) = params.take_one(name)? else {
        return Ok(default);
    };
    parse_duration(&text).map_err(|source| Usage::Time { name, source })
}

fn number(
    params: &mut Params,
    name: &'static str,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, Usage> {
    let Some(text) = params.take_one(name)? else {
        return Ok(default);
    };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or(Usage::Number { name, min: *range.start(), max: *range.end() })
}

fn truth(params: &mut Params, name: &'static str) -> Result<bool, Usage> {
    match params.take_one(name)?.as_deref() {
        None | Some("false" | "0") => Ok(false),
        Some("" | "true" | "1") => Ok(true),
        Some(_) => Err(Usage::Truth(name)),
    }
}

fn required_codes(params: &mut Params, name: &'static str) -> Result<Vec<String>, Usage> {
    let codes = codes(params, name)?;
    if codes.is_empty() { Err(Usage::Missing(name)) } else { Ok(codes) }
}

fn codes(params: &mut Params, name: &'static str) -> Result<Vec<String>, Usage> {
    let codes = params.take_all(name);
    if codes.len() > CODES_MAX {
        return Err(Usage::TooManyCodes { name, max: CODES_MAX });
    }
    codes.into_iter().map(|code| non_empty(name, code)).collect()
}

fn non_empty(name: &'static str, code: String) -> Result<String, Usage> {
    if code.is_empty() { Err(Usage::EmptyCode(name)) } else { Ok(code) }
}

/// `CODE` or `CODE@T`: a code may hold an `@` itself, so the last one counts.
fn seed(text: String) -> Result<(String, Option<TimeMs>), Usage> {
    let Some((code, time)) = text.rsplit_once('@') else {
        return Ok((text, None));
    };
    let at = TimeMs::parse(time).map_err(|source| Usage::Time { name: "seed", source })?;
    Ok((non_empty("seed", code.to_owned())?, Some(at)))
}

/// Codes that an answer holds in memory: so few are written as quickly as they are found.
const WHOLE_LIST_MAX: usize = 4_096;

/// Ten generations of contacts are everybody.
const GENERATIONS_MAX: u64 = 10;

/// Cells that anybody will read.
const TOP_MAX: u64 = 100_000;

/// Cells of an answer of how many were inside: a year of hours.
const OCCUPANCY_CELLS_MAX: u64 = 10_000;

/// A million codes of 32 bytes are 32 MB, what one question may cost before it begins.
const CODES_MAX: usize = 1_000_000;
