//! Areas as a tree: what lies above and below each, and what became of it.
//!
//! The areas stand in the order of a walk from the roots, siblings by name, so that everything below
//! an area is the range behind it:
//! ```text
//! Việt Nam | An Giang | Châu Đốc | ... | Bà Rịa | ...
//!            ^----- end of An Giang ---^
//! ```

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::area::Area;
use crate::text::{Word, leading_kind, words};

/// The kind of a root that is a whole nation; paths leave it out, since it is the same for all.
pub const NATION: &str = "nation";

/// An area's place in its tree, in the order of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AreaIndex(u32);

impl AreaIndex {
    pub(crate) fn new(place: usize) -> Self {
        Self(place as u32)
    }

    pub(crate) fn get(self) -> usize {
        self.0 as usize
    }
}

/// Areas with their relations; never changes, so that an import makes a new one.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    areas: Vec<Area>,
    nodes: Vec<Node>,
    by_code: HashMap<String, AreaIndex>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    parent: Option<AreaIndex>,
    /// Behind the last area below this one.
    end: AreaIndex,
    depth: u8,
    successor: Option<AreaIndex>,
}

impl Tree {
    /// The tree of these areas, in whatever order they come. A successor that is not among them counts
    /// as none told.
    ///
    /// # Errors
    /// Two areas have one code, a parent is missing, an area lies below itself, or too deep.
    pub fn new(areas: Vec<Area>) -> Result<Self, TreeError> {
        let walk = Walk::of(&areas)?;
        let mut slots: Vec<Option<Area>> = areas.into_iter().map(Some).collect();
        let areas: Vec<Area> = walk.order.iter().filter_map(|given| slots[*given].take()).collect();
        let by_code: HashMap<String, AreaIndex> = areas
            .iter()
            .enumerate()
            .map(|(place, area)| (area.code.clone(), AreaIndex::new(place)))
            .collect();
        let mut nodes = walk.nodes;
        for (node, area) in nodes.iter_mut().zip(&areas) {
            node.successor = area.merged_into.as_ref().and_then(|code| by_code.get(code).copied());
        }
        Ok(Self { areas, nodes, by_code })
    }

    /// Number of areas.
    pub fn len(&self) -> usize {
        self.areas.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.areas.is_empty()
    }

    /// The area with this code.
    pub fn find(&self, code: &str) -> Option<AreaIndex> {
        self.by_code.get(code).copied()
    }

    /// The area itself.
    pub fn area(&self, area: AreaIndex) -> &Area {
        &self.areas[area.get()]
    }

    /// All areas in the order of the walk.
    pub fn areas(&self) -> impl ExactSizeIterator<Item = (AreaIndex, &Area)> {
        self.areas.iter().enumerate().map(|(place, area)| (AreaIndex::new(place), area))
    }

    /// The areas above it, the nearest first.
    pub fn ancestors(&self, area: AreaIndex) -> impl Iterator<Item = AreaIndex> {
        std::iter::successors(self.nodes[area.get()].parent, |above| self.nodes[above.get()].parent)
    }

    /// The names of the areas above it, the nearest first, without the nation:
    /// `Quận 1, Thành phố Hồ Chí Minh`.
    pub fn path(&self, area: AreaIndex) -> String {
        let names: Vec<&str> = self
            .ancestors(area)
            .filter(|above| !self.is_nation(*above))
            .map(|above| self.area(above).name.as_str())
            .collect();
        names.join(", ")
    }

    /// Whether the area is the other one or lies below it.
    pub fn is_within(&self, area: AreaIndex, within: AreaIndex) -> bool {
        within <= area && area < self.nodes[within.get()].end
    }

    /// The areas directly below it, by name.
    pub fn children(&self, area: AreaIndex) -> impl Iterator<Item = AreaIndex> {
        let end = self.nodes[area.get()].end;
        let below = move |place: AreaIndex| (place < end).then_some(place);
        std::iter::successors(below(AreaIndex(area.0 + 1)), move |child| below(self.nodes[child.get()].end))
    }

    /// The areas that are valid at an instant (unix ms) and lie directly below a nation, or below nothing;
    /// in the order of the walk.
    pub fn tops(&self, at_ms: i64) -> impl Iterator<Item = AreaIndex> {
        let is_top = |area: AreaIndex| match self.nodes[area.get()].parent {
            Some(above) => self.is_nation(above),
            None => !self.is_nation(area),
        };
        self.areas()
            .filter(move |(_, area)| area.is_valid_at(at_ms))
            .map(|(area, _)| area)
            .filter(move |area| is_top(*area))
    }

    /// The area that took it in, where one is told.
    pub fn successor(&self, area: AreaIndex) -> Option<AreaIndex> {
        self.nodes[area.get()].successor
    }

    /// The areas that were merged into it.
    pub fn predecessors(&self, area: AreaIndex) -> impl Iterator<Item = AreaIndex> {
        (0..self.nodes.len())
            .filter(move |place| self.nodes[*place].successor == Some(area))
            .map(AreaIndex::new)
    }

    /// The area that stands for this one at an instant (unix ms): itself, or the first of its successors
    /// that is valid then. None where none is told; of an instant before the area there may be many.
    pub fn valid_at(&self, area: AreaIndex, at_ms: i64) -> Option<AreaIndex> {
        std::iter::successors(Some(area), |area| self.successor(*area))
            .take(MERGERS_MAX)
            .find(|area| self.area(*area).is_valid_at(at_ms))
    }

    /// The area and everything below it, as places of the walk.
    pub(crate) fn range(&self, area: AreaIndex) -> std::ops::Range<usize> {
        area.get()..self.nodes[area.get()].end.get()
    }

    /// How many areas lie above it.
    pub(crate) fn depth(&self, area: AreaIndex) -> u8 {
        self.nodes[area.get()].depth
    }

    /// Whether it is the nation, in which all others lie.
    pub fn is_nation(&self, area: AreaIndex) -> bool {
        self.nodes[area.get()].parent.is_none() && self.area(area).kind == NATION
    }
}

/// What an area is ordered by: its name without the word for its kind, numbers as numbers.
pub(crate) fn name_order(name: &str) -> String {
    let words = words(name);
    let (_, bare) = split_name(&words);
    let keys: Vec<String> = bare
        .iter()
        .map(|word| if word.is_number() { format!("{:0>9}", word.plain) } else { word.plain.clone() })
        .collect();
    keys.join(" ")
}

/// The kind that a name begins with, and the words behind it. A word for a kind alone is a name.
pub(crate) fn split_name(words: &[Word]) -> (Option<usize>, &[Word]) {
    match leading_kind(words, false) {
        Some((kind, length)) if length < words.len() => (Some(kind), &words[length..]),
        _ => (None, words),
    }
}

/// Why areas make no tree; each names an area to correct.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Give each area a code of its own.
    #[error("two areas have the code {0}; give each its own")]
    Duplicate(String),
    /// Add the parent, or correct its code.
    #[error("the parent {parent} of area {area} is not there; add it or correct the code")]
    UnknownParent {
        /// The area.
        area: String,
        /// Its parent's code.
        parent: String,
    },
    /// Correct the parents.
    #[error("area {0} lies below itself; correct its parent")]
    Cycle(String),
    /// Leave levels out.
    #[error("area {0} has more than {DEPTH_MAX} areas above it; leave some levels out")]
    TooDeep(String),
}

/// The order of the walk, as places of the areas as given, and its nodes.
struct Walk {
    order: Vec<usize>,
    nodes: Vec<Node>,
}

impl Walk {
    fn of(areas: &[Area]) -> Result<Self, TreeError> {
        let children = Children::of(areas)?;
        let mut walk =
            Self { order: Vec::with_capacity(areas.len()), nodes: Vec::with_capacity(areas.len()) };
        for root in &children.roots {
            walk.enter(areas, &children, *root, None, 0)?;
        }
        walk.require_all(areas)?;
        Ok(walk)
    }

    fn enter(
        &mut self,
        areas: &[Area],
        children: &Children,
        given: usize,
        parent: Option<AreaIndex>,
        depth: u8,
    ) -> Result<(), TreeError> {
        if depth > DEPTH_MAX {
            return Err(TreeError::TooDeep(areas[given].code.clone()));
        }
        let place = AreaIndex::new(self.nodes.len());
        self.order.push(given);
        self.nodes.push(Node { parent, end: place, depth, successor: None });
        for child in &children.of[given] {
            self.enter(areas, children, *child, Some(place), depth + 1)?;
        }
        self.nodes[place.get()].end = AreaIndex::new(self.nodes.len());
        Ok(())
    }

    /// An area that no walk from a root reaches lies below itself.
    fn require_all(&self, areas: &[Area]) -> Result<(), TreeError> {
        let mut reached = vec![false; areas.len()];
        self.order.iter().for_each(|given| reached[*given] = true);
        match reached.iter().position(|reached| !reached) {
            Some(given) => Err(TreeError::Cycle(areas[given].code.clone())),
            None => Ok(()),
        }
    }
}

/// The places, as given, of the roots and of each area's children, by name.
struct Children {
    roots: Vec<usize>,
    of: Vec<Vec<usize>>,
}

impl Children {
    fn of(areas: &[Area]) -> Result<Self, TreeError> {
        let mut places = HashMap::with_capacity(areas.len());
        for (given, area) in areas.iter().enumerate() {
            if places.insert(area.code.as_str(), given).is_some() {
                return Err(TreeError::Duplicate(area.code.clone()));
            }
        }
        let mut children = Self { roots: Vec::new(), of: vec![Vec::new(); areas.len()] };
        for (given, area) in areas.iter().enumerate() {
            let Some(parent) = &area.parent else {
                children.roots.push(given);
                continue;
            };
            let unknown = || TreeError::UnknownParent { area: area.code.clone(), parent: parent.clone() };
            children.of[*places.get(parent.as_str()).ok_or_else(unknown)?].push(given);
        }
        let names: Vec<String> = areas.iter().map(|area| name_order(&area.name)).collect();
        let by_name = |a: &usize, b: &usize| -> Ordering {
            names[*a].cmp(&names[*b]).then_with(|| areas[*a].code.cmp(&areas[*b].code))
        };
        children.roots.sort_unstable_by(by_name);
        children.of.iter_mut().for_each(|list| list.sort_unstable_by(by_name));
        Ok(children)
    }
}

/// Deeper than any country's administration; bounds the walk's recursion.
const DEPTH_MAX: u8 = 32;
/// More mergers than one area goes through; ends the search where successors go in a circle.
const MERGERS_MAX: usize = 16;

#[cfg(test)]
mod tests;
