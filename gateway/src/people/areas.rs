//! Areas with their names, as the catalog has them now.

use std::sync::Arc;

use parking_lot::Mutex;
use truyvet_areas::{Area, AreaIndex, Query, Search, Tree, parse_date};
use truyvet_engine::{AreaRecord, Engine};
use truyvet_schemas::checking::Wrong;

/// Areas with their names; made anew when the catalog's have changed.
pub struct Areas {
    engine: Engine,
    made: Mutex<Option<(u64, Arc<Search>)>>,
}

/// An area as people read it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct AreaName {
    /// Its code.
    pub code: String,
    /// Its name; the code where none is known.
    pub name: String,
    /// The names of the areas above it, the nearest first.
    pub path: String,
}

impl Areas {
    pub(super) fn of(engine: Engine) -> Self {
        Self { engine, made: Mutex::default() }
    }

    /// The areas as they are now.
    pub fn now(&self) -> Arc<Search> {
        let revision = self.engine.catalog().areas_revision();
        let mut made = self.made.lock();
        if let Some((of, search)) = &*made
            && *of == revision
        {
            return Arc::clone(search);
        }
        let areas = self.engine.catalog().areas().into_iter().map(area).collect();
        // The catalog has checked all that a tree could find wrong.
        let search = Arc::new(Search::new(Tree::new(areas).unwrap_or_default()));
        *made = Some((revision, Arc::clone(&search)));
        search
    }

    /// What is wrong with this code as a place of today, if anything.
    pub fn wrong(&self, code: &str, at_ms: i64) -> Option<Wrong> {
        let search = self.now();
        let tree = search.tree();
        match tree.find(code) {
            None => Some(Wrong::Unknown),
            Some(area) if tree.area(area).is_valid_at(at_ms) => None,
            Some(_) => Some(Wrong::NoLongerValid),
        }
    }

    /// The area's name and where it lies.
    pub fn name(&self, code: &str) -> AreaName {
        let search = self.now();
        let tree = search.tree();
        match tree.find(code) {
            Some(area) => name(tree, area),
            None => AreaName { code: code.to_owned(), name: code.to_owned(), path: String::new() },
        }
    }

    /// Whether one area is the other or lies below it.
    pub fn is_within(&self, code: &str, within: &str) -> bool {
        let search = self.now();
        let tree = search.tree();
        match (tree.find(code), tree.find(within)) {
            (Some(area), Some(within)) => tree.is_within(area, within),
            _ => code == within,
        }
    }

    /// Whether it is the nation, in which all others lie.
    pub fn is_nation(&self, code: &str) -> bool {
        let search = self.now();
        let tree = search.tree();
        tree.find(code).is_some_and(|area| tree.is_nation(area))
    }

    /// Codes of an area and of all below it; the code alone where it is not known.
    pub fn all_within(&self, code: &str) -> Vec<String> {
        let search = self.now();
        let tree = search.tree();
        let Some(within) = tree.find(code) else { return vec![code.to_owned()] };
        let areas = tree.areas().filter(|(area, _)| tree.is_within(*area, within));
        areas.map(|(_, area)| area.code.clone()).collect()
    }

    /// Codes of an area and of all above it; the code alone where it is not known.
    pub fn all_above(&self, code: &str) -> Vec<String> {
        let search = self.now();
        let tree = search.tree();
        let Some(area) = tree.find(code) else { return vec![code.to_owned()] };
        let areas = std::iter::once(area).chain(tree.ancestors(area));
        areas.map(|area| tree.area(area).code.clone()).collect()
    }

    /// The areas meant by a text, a code or as one types names, the best first, with the area that took each
    /// in, where it ended.
    pub fn find(&self, query: &Query<'_>, now_ms: i64) -> Vec<Found> {
        let search = self.now();
        let tree = search.tree();
        let found = |area: AreaIndex| Found {
            name: name(tree, area),
            kind: tree.area(area).kind.clone(),
            is_current: tree.area(area).is_valid_at(now_ms),
            successor: tree
                .valid_at(area, now_ms)
                .filter(|successor| *successor != area)
                .map(|successor| name(tree, successor)),
        };
        match tree.find(query.text.trim()) {
            Some(area) => vec![found(area)],
            None => search.find(query).into_iter().map(found).collect(),
        }
    }
}

/// An area that was found.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Found {
    /// Code, name and path.
    #[serde(flatten)]
    pub name: AreaName,
    /// `ward`, `district`, ...; empty where it was not told.
    pub kind: String,
    /// Whether it exists today.
    pub is_current: bool,
    /// The area that took it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<AreaName>,
}

pub(super) fn name(tree: &Tree, area: AreaIndex) -> AreaName {
    let known = tree.area(area);
    AreaName { code: known.code.clone(), name: known.name.clone(), path: tree.path(area) }
}

/// Dates that cannot be read count as none.
fn area(record: AreaRecord) -> Area {
    let date = |text: Option<String>| text.and_then(|text| parse_date(&text).ok());
    Area {
        code: record.area,
        parent: record.parent,
        name: record.name,
        kind: record.kind.unwrap_or_default(),
        valid_from: date(record.valid_from),
        valid_to: date(record.valid_to),
        merged_into: record.merged_into,
    }
}
