//! The epidemic situation: which level holds where, what follows for a journey, and who may change it.
//!
//! ```text
//! area asked -> itself today (its successor, where it was merged) -> its level, or the nearest above
//! from, to   -> their levels, those of the areas between -> what arrivals need, and who come through those
//! ```

mod scale;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use truyvet_areas::{AreaIndex, Search, Tree};
use truyvet_engine::registry::{Account, LevelSet, NewLevel, RegistryError, Standing};
use truyvet_schemas::TimeMs;
use truyvet_schemas::checking::{Check, Flaw, Wrong};
use utoipa::ToSchema;

pub use scale::{Arrivals, Level, Scale, ScaleError, Words};

use super::areas::{AreaName, name};
use super::{People, act, act_with};

/// The situation of one area.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AreaSituation {
    /// The area asked about.
    #[serde(flatten)]
    pub name: AreaName,
    /// The area that took it in, whose level is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub successor: Option<AreaName>,
    /// The level's code in the scale; absent where none was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub level: Option<String>,
    /// The area above that the level was set for; absent where it is the area's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub inherited_from: Option<AreaName>,
    /// Since when the level holds, unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub since: Option<i64>,
    /// When it holds no more or another takes its place, as far as that is known; unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub until: Option<i64>,
}

/// The situation of several areas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Situation {
    /// Name of the scale.
    pub scale: String,
    /// As asked, but for unknown codes.
    pub areas: Vec<AreaSituation>,
    /// The levels that `areas` names, from the least to the gravest, with the measures that follow.
    pub levels: Vec<Level>,
    /// Codes that no area has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// The situation along a journey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct JourneySituation {
    /// Name of the scale.
    pub scale: String,
    /// Where it begins.
    pub from: AreaSituation,
    /// Where it ends.
    pub to: AreaSituation,
    /// Areas that lie between, in their order: those on the shortest way from neighbour to neighbour, where
    /// neighbours are known. A hint, not a route.
    pub between: Vec<AreaSituation>,
    /// The levels that are named, from the least to the gravest.
    pub levels: Vec<Level>,
    /// What arrivals need who begin it there.
    pub arrivals: Arrivals,
    /// What those need who come through all that lies between; absent where that is no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub arrivals_through: Option<Arrivals>,
}

/// A level to be set.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLevel {
    /// Code of the area.
    pub area: String,
    /// Code of the level in the scale.
    pub level: String,
    /// Unix milliseconds, at most 31 days ago and a year ahead; now unless given.
    #[serde(default)]
    pub from: Option<i64>,
    /// Unix milliseconds; no longer holds at it. Until it is ended, unless given.
    #[serde(default)]
    pub to: Option<i64>,
}

/// Why a level cannot be set or ended.
#[derive(Debug, thiserror::Error)]
pub enum SituationError {
    /// Correct the fields.
    #[error("some fields are not as they must be; correct those named")]
    Invalid(Vec<Flaw>),
    /// Set the level of the area that took it in.
    #[error("{said}")]
    Merged {
        /// Which area is no more, and which took it in.
        said: String,
        /// The area that took it in, where one is told.
        successor: Option<Box<AreaName>>,
    },
    /// Ask an official of that area.
    #[error("this area lies outside yours; ask an official of that area, or of one above it")]
    OutOfReach,
    /// As the inner error says.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl SituationError {
    fn merged(area: &AreaName, successor: Option<AreaName>) -> Self {
        let instead = match &successor {
            Some(by) => format!("set the level of {} ({}), which took it in", by.name, by.code),
            None => "choose an area of today".to_owned(),
        };
        let said = format!("{} ({}) is no more; {instead}", area.name, area.code);
        Self::Merged { said, successor: successor.map(Box::new) }
    }
}

impl People {
    /// The situation of these areas at an instant from now on.
    ///
    /// # Errors
    /// The store fails.
    pub fn situation(&self, codes: &[String], at: TimeMs) -> Result<Situation, RegistryError> {
        let search = self.areas.now();
        let tree = search.tree();
        let known = |code: &&String| tree.find(code).is_some();
        let (known, unknown): (Vec<_>, Vec<_>) = codes.iter().partition(known);
        let areas = known.into_iter().filter_map(|code| tree.find(code));
        self.of_areas(tree, areas, unknown.into_iter().cloned().collect(), at)
    }

    /// The situation of all areas of today that lie directly below a nation, or below nothing.
    ///
    /// # Errors
    /// The store fails.
    pub fn situation_of_tops(&self, at: TimeMs) -> Result<Situation, RegistryError> {
        let search = self.areas.now();
        let tree = search.tree();
        self.of_areas(tree, tree.tops(at.get()).take(AREAS_MAX), Vec::new(), at)
    }

    /// The situation along a journey that begins at an instant from now on; none where a code is unknown.
    ///
    /// # Errors
    /// The store fails.
    pub fn situation_of_journey(
        &self,
        from: &str,
        to: &str,
        at: TimeMs,
    ) -> Result<Option<JourneySituation>, RegistryError> {
        let search = self.areas.now();
        let tree = search.tree();
        let (Some(from), Some(to)) = (tree.find(from), tree.find(to)) else { return Ok(None) };
        let between = self.between(&search, from, to);
        let between = between.into_iter().map(|area| self.of_area(tree, area, at));
        let (from, to) = (self.of_area(tree, from, at)?, self.of_area(tree, to, at)?);
        let between: Vec<AreaSituation> = between.collect::<Result<_, _>>()?;
        let levels = self.levels_of(between.iter().chain([&from, &to]));
        let arrivals = self.arrivals_from(&from);
        let through = between.iter().map(|area| self.arrivals_from(area)).fold(arrivals, Arrivals::strictest);
        let arrivals_through = Some(through).filter(|through| *through != arrivals);
        let scale = self.scale.scale.clone();
        Ok(Some(JourneySituation { scale, from, to, between, levels, arrivals, arrivals_through }))
    }

    /// Sets a level for an area of the official's. The try, granted or refused, is in the audit log.
    ///
    /// # Errors
    /// Nothing is set then; the error says what to do.
    pub fn set_level(
        &self,
        sent: SetLevel,
        account: &Account,
        now: TimeMs,
    ) -> Result<LevelSet, SituationError> {
        let SetLevel { area, level, from, to } = sent;
        let from = from.unwrap_or(now.get());
        let flaws = self.level_flaws(&area, &level, from, to, now.get());
        if !flaws.is_empty() {
            return Err(SituationError::Invalid(flaws));
        }
        self.check_reach(&area, account, "situation.set", now)?;
        self.check_is_of_today(&area, from.max(now.get()))?;
        let act = act(now, &account.account, "situation.set", &format!("{area} {level}"));
        Ok(self.registry.set_level(NewLevel { area, level, from, to }, act)?)
    }

    /// Ends a level of an area of the official's.
    ///
    /// # Errors
    /// There is no such level, the area is another's, or the store fails.
    pub fn end_level(
        &self,
        area: &str,
        number: u64,
        account: &Account,
        now: TimeMs,
    ) -> Result<LevelSet, SituationError> {
        if self.areas.wrong(area, now.get()) == Some(Wrong::Unknown) {
            return Err(RegistryError::UnknownLevel.into());
        }
        self.check_reach(area, account, "situation.end", now)?;
        let act = act(now, &account.account, "situation.end", &format!("{area} {number}"));
        Ok(self.registry.end_level(area, number, act)?)
    }

    /// What those need who come from an area; nothing where it has no level.
    fn arrivals_from(&self, area: &AreaSituation) -> Arrivals {
        let level = area.level.as_deref().and_then(|level| self.scale.level(level));
        level.map(|level| level.arrivals).unwrap_or_default()
    }

    fn level_flaws(&self, area: &str, level: &str, from: i64, to: Option<i64>, now: i64) -> Vec<Flaw> {
        let mut check = Check::default();
        check.that(self.areas.wrong(area, now) != Some(Wrong::Unknown), "area", Wrong::Unknown);
        check.that(self.scale.level(level).is_some(), "level", Wrong::Unknown);
        let is_near = (now - BACKDATED_MS_MAX..=now + AHEAD_MS_MAX).contains(&from);
        check.that(is_near, "from", Wrong::Time);
        if let Some(to) = to.filter(|_| is_near) {
            check.that(from < to, "to", Wrong::Disagrees);
            check.that(to <= from || (now < to && to - from <= LASTS_MS_MAX), "to", Wrong::Time);
        }
        check.flaws()
    }

    fn check_reach(
        &self,
        area: &str,
        account: &Account,
        action: &str,
        now: TimeMs,
    ) -> Result<(), SituationError> {
        if self.reaches_area(area, account) {
            return Ok(());
        }
        self.registry.note(act_with(now, &account.account, action, area, "refused"))?;
        Err(SituationError::OutOfReach)
    }

    fn check_is_of_today(&self, code: &str, at_ms: i64) -> Result<(), SituationError> {
        let search = self.areas.now();
        let tree = search.tree();
        match tree.find(code) {
            Some(area) if !tree.area(area).is_valid_at(at_ms) => {
                let successor = tree.valid_at(area, at_ms).map(|successor| name(tree, successor));
                Err(SituationError::merged(&name(tree, area), successor))
            }
            _ => Ok(()),
        }
    }

    fn of_areas(
        &self,
        tree: &Tree,
        areas: impl Iterator<Item = AreaIndex>,
        unknown: Vec<String>,
        at: TimeMs,
    ) -> Result<Situation, RegistryError> {
        let areas: Vec<_> = areas.map(|area| self.of_area(tree, area, at)).collect::<Result<_, _>>()?;
        let levels = self.levels_of(areas.iter());
        Ok(Situation { scale: self.scale.scale.clone(), areas, levels, unknown })
    }

    fn of_area(&self, tree: &Tree, asked: AreaIndex, at: TimeMs) -> Result<AreaSituation, RegistryError> {
        let today = tree.valid_at(asked, at.get()).unwrap_or(asked);
        let path: Vec<&str> = [today]
            .into_iter()
            .chain(tree.ancestors(today))
            .map(|area| tree.area(area).code.as_str())
            .collect();
        let standing = self.registry.level_at(&path, at)?;
        let set_for = standing.as_ref().and_then(|standing| tree.find(&standing.set.area));
        let (level, since, until) = match standing {
            Some(Standing { set, until }) => (Some(set.level), Some(set.from), until),
            None => (None, None, None),
        };
        let is_other = |area: &AreaIndex| *area != today;
        Ok(AreaSituation {
            name: name(tree, asked),
            successor: (today != asked).then(|| name(tree, today)),
            level,
            inherited_from: set_for.filter(is_other).map(|area| name(tree, area)),
            since,
            until,
        })
    }

    /// Areas between two others: what their neighbours tell, of the nearest areas above that have some.
    fn between(&self, search: &Search, from: AreaIndex, to: AreaIndex) -> Vec<AreaIndex> {
        let tree = search.tree();
        let bordering = |area: AreaIndex| {
            let path = [area].into_iter().chain(tree.ancestors(area));
            path.map(|area| tree.area(area).code.as_str()).find(|code| self.neighbours.knows(code))
        };
        let (Some(from), Some(to)) = (bordering(from), bordering(to)) else { return Vec::new() };
        self.neighbours.between(from, to).into_iter().filter_map(|code| tree.find(code)).collect()
    }

    fn levels_of<'a>(&self, areas: impl Iterator<Item = &'a AreaSituation>) -> Vec<Level> {
        let named: BTreeSet<&str> = areas.filter_map(|area| area.level.as_deref()).collect();
        self.scale.levels.iter().filter(|level| named.contains(level.code.as_str())).cloned().collect()
    }
}

impl Arrivals {
    /// What fulfils both.
    fn strictest(self, other: Self) -> Self {
        Self {
            test_hours: self.test_hours.into_iter().chain(other.test_hours).min(),
            home_days: self.home_days.max(other.home_days),
            facility_days: self.facility_days.max(other.facility_days),
        }
    }
}

/// Areas in one answer.
pub const AREAS_MAX: usize = 100;

const DAY_MS: i64 = 86_400_000;
/// What was decided on paper is typed in later.
const BACKDATED_MS_MAX: i64 = 31 * DAY_MS;
const AHEAD_MS_MAX: i64 = 366 * DAY_MS;
const LASTS_MS_MAX: i64 = 5 * 366 * DAY_MS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_measures_the_stricter_one_holds() {
        let test = Arrivals { test_hours: Some(72), ..Arrivals::default() };
        let both = Arrivals { test_hours: Some(48), home_days: Some(7), facility_days: None };
        let strictest = Arrivals { test_hours: Some(48), home_days: Some(7), facility_days: None };
        assert_eq!(test.strictest(both), strictest);
        assert_eq!(both.strictest(test), strictest);
        assert_eq!(Arrivals::default().strictest(test), test);
    }
}
