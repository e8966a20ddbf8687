//! The epidemic situation: which level holds in which area, from when to when, and who set it.
//!
//! ```text
//! newest set that holds at an instant:   3 |      [ orange )
//!                                        2 |                   [ red ...
//!                                        1 | [ yellow ...
//!                                             yellow orange yellow red
//! ```
//!
//! - Nothing is overwritten: a level that is set stands above those before it for as long as it holds. One
//!   that is ended keeps what it was set to.
//! - An area without a level of its own has that of the nearest area above it; which areas lie above it,
//!   the caller tells.
//! - What a level means is none of the registry's business: it is a code of a scale that the caller has.

use serde::{Deserialize, Serialize};
use truyvet_schemas::TimeMs;

use super::audit::Act;
use super::writer::Changes;
use super::{Registry, RegistryError, damaged, keys};
use crate::catalog::json;
use crate::store::Entry;

/// A level as it is to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLevel {
    /// Code of the area.
    pub area: String,
    /// Code of the level in its scale.
    pub level: String,
    /// Unix milliseconds; holds at it.
    pub from: i64,
    /// Unix milliseconds; no longer holds at it. None: until it is ended.
    pub to: Option<i64>,
}

/// A level that was set for an area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelSet {
    /// Its number among those of the area, from 1.
    pub number: u64,
    /// Code of the area.
    pub area: String,
    /// Code of the level in its scale.
    pub level: String,
    /// Unix milliseconds; holds at it.
    pub from: i64,
    /// Unix milliseconds; no longer holds at it. None: until it is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i64>,
    /// The account that set it.
    pub by: String,
    /// When it was set, unix milliseconds.
    pub at: i64,
    /// Where it was ended before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<LevelEnded>,
}

/// The end of a level before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelEnded {
    /// Unix milliseconds; it no longer holds at it.
    pub at: i64,
    /// The account that ended it.
    pub by: String,
}

/// A level that holds at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The level, and the area that it was set for.
    pub set: LevelSet,
    /// When it holds no more or another takes its place, as far as that is known now; unix milliseconds.
    pub until: Option<i64>,
}

impl LevelSet {
    /// When it holds no more, unix milliseconds.
    pub fn until(&self) -> Option<i64> {
        let ended = self.ended.as_ref().map(|ended| ended.at);
        self.to.into_iter().chain(ended).min()
    }

    /// Whether it holds at an instant, unix milliseconds.
    pub fn holds_at(&self, at_ms: i64) -> bool {
        self.from <= at_ms && !self.is_over_at(at_ms)
    }

    fn is_over_at(&self, at_ms: i64) -> bool {
        self.until().is_some_and(|until| until <= at_ms || until <= self.from)
    }
}

impl Registry {
    /// Sets a level for an area, in the name of the act's actor and at its time. Levels that are over by
    /// then can no longer be asked for as standing ones.
    ///
    /// # Errors
    /// Too many levels of the area hold now or later, or the store fails.
    pub fn set_level(&self, new: NewLevel, act: Act) -> Result<LevelSet, RegistryError> {
        let NewLevel { area, level, from, to } = new;
        let _alone = self.levels.lock();
        let open = self.open_levels(&area)?;
        let (over, open): (Vec<_>, Vec<_>) = open.into_iter().partition(|set| set.is_over_at(act.at));
        if open.len() >= OPEN_LEVELS_MAX {
            return Err(RegistryError::TooManyLevels);
        }
        let number = self.levels(&area, None, 1)?.first().map_or(0, |last| last.number) + 1;
        let set = LevelSet { number, area, level, from, to, by: act.actor.clone(), at: act.at, ended: None };
        let puts = vec![
            (keys::level(&set.area, number), json(&set)),
            (keys::level_open(&set.area, number), Vec::new()),
        ];
        let deletes = over.iter().map(|over| keys::level_open(&set.area, over.number)).collect();
        self.writer.write(Changes { puts, deletes, acts: vec![act], ..Changes::default() })?;
        Ok(set)
    }

    /// Ends a level in the name of the act's actor and at its time; once is as good as twice.
    ///
    /// # Errors
    /// The area has no level of this number, or the store fails.
    pub fn end_level(&self, area: &str, number: u64, act: Act) -> Result<LevelSet, RegistryError> {
        let _alone = self.levels.lock();
        let mut set = self.level_numbered(area, number)?.ok_or(RegistryError::UnknownLevel)?;
        let mut changes = Changes { acts: vec![act.clone()], ..Changes::default() };
        if !set.is_over_at(act.at) {
            set.ended = Some(LevelEnded { at: act.at, by: act.actor });
            changes.puts.push((keys::level(area, number), json(&set)));
        }
        self.writer.write(changes)?;
        Ok(set)
    }

    /// The level that holds at an instant from now on in the first of these areas that has one: an area
    /// and those above it, the nearest first.
    ///
    /// # Errors
    /// The store fails, or a level is damaged.
    pub fn level_at(&self, areas: &[&str], at: TimeMs) -> Result<Option<Standing>, RegistryError> {
        for area in areas {
            if let Some(standing) = standing(&self.open_levels(area)?, at.get()) {
                return Ok(Some(standing));
            }
        }
        Ok(None)
    }

    /// All levels that were ever set for an area, before the one of this number, the newest first; at most
    /// `limit`.
    ///
    /// # Errors
    /// The store fails, or a level is damaged.
    pub fn levels(
        &self,
        area: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<LevelSet>, RegistryError> {
        let prefix = keys::levels(area);
        let start = match before {
            Some(0) => return Ok(Vec::new()),
            Some(before) => keys::level(area, before - 1),
            None => prefix.clone(),
        };
        self.table.scan(&prefix, &start).take(limit).map(|entry| read(&entry?.1)).collect()
    }

    fn level_numbered(&self, area: &str, number: u64) -> Result<Option<LevelSet>, RegistryError> {
        let bytes = self.table.get(&keys::level(area, number))?;
        bytes.map(|bytes| read(&bytes)).transpose()
    }

    /// What was not over when a level was last set, the newest first.
    fn open_levels(&self, area: &str) -> Result<Vec<LevelSet>, RegistryError> {
        let prefix = keys::levels_open(area);
        let set = |entry: Result<Entry, crate::EngineError>| {
            let number = keys::level_number(&entry?.0);
            let set = number.map(|number| self.level_numbered(area, number)).transpose()?.flatten();
            set.ok_or_else(|| damaged("the levels of areas").into())
        };
        self.table.scan(&prefix, &prefix).map(set).collect()
    }
}

/// Of levels of one area, the newest first, the one that holds.
fn standing(sets: &[LevelSet], at_ms: i64) -> Option<Standing> {
    let place = sets.iter().position(|set| set.holds_at(at_ms))?;
    let set = sets[place].clone();
    let newer = sets[..place].iter().filter(|newer| newer.from > at_ms && !newer.is_over_at(newer.from));
    let until = newer.map(|newer| newer.from).chain(set.until()).min();
    Some(Standing { set, until })
}

fn read(bytes: &[u8]) -> Result<LevelSet, RegistryError> {
    Ok(serde_json::from_slice(bytes).map_err(|_| damaged("a level of an area"))?)
}

/// Levels of one area that hold now or later: nobody plans further, and so many are read for an answer.
pub const OPEN_LEVELS_MAX: usize = 100;
