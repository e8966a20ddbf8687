//! Search for areas as one types: words in any order, with or without diacritics, the path too.
//!
//! ```text
//! typed -> needles -> each: words of the vocabulary it stands for -> areas that have one, and
//!          everything below those -> intersection over the needles -> filters -> rank -> the first
//! ```
//! An area is found when every needle is in its name or in the name of an area above it (below the
//! nation), and at least one is in its own. With nothing typed every area is found.

mod index;
mod query;
mod rank;

use fixedbitset::FixedBitSet;

use crate::text::KINDS;
use crate::tree::{AreaIndex, Tree, name_order};
use index::Index;
use query::{Typed, TypedWord};
use rank::{Rank, Wanted};

/// What to search for, and where.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// As typed; the first 200 characters and 16 words count.
    pub text: &'a str,
    /// Only areas of one of these kinds; empty: of any.
    pub kinds: &'a [&'a str],
    /// Only areas below this one.
    pub within: Option<AreaIndex>,
    /// Only areas valid at this instant (unix ms).
    pub at_ms: Option<i64>,
    /// At most so many areas, and never more than [`LIMIT_MAX`].
    pub limit: usize,
}

impl<'a> Query<'a> {
    /// This text everywhere, and the ten best.
    pub fn new(text: &'a str) -> Self {
        Self { text, kinds: &[], within: None, at_ms: None, limit: 10 }
    }
}

/// Longer answers are nobody's reading.
pub const LIMIT_MAX: usize = 1_000;

/// A tree with an index of its names.
#[derive(Clone, Debug)]
pub struct Search {
    tree: Tree,
    index: Index,
    /// By kind of [`KINDS`]: the areas whose names begin with it, and everything below.
    of_kind: Vec<FixedBitSet>,
    /// By area: its place among all by level and name.
    places: Vec<u32>,
}

impl Search {
    /// An index of this tree.
    pub fn new(tree: Tree) -> Self {
        let index = Index::of(&tree);
        let of_kind = (0..KINDS.len())
            .map(|kind| {
                let has = |area: &AreaIndex| index.names[area.get()].kind == Some(kind);
                with_all_below(&tree, tree.areas().map(|(area, _)| area).filter(has))
            })
            .collect();
        let places = places(&tree);
        Self { tree, index, of_kind, places }
    }

    /// The tree that is searched.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The areas that are meant, best first: typed diacritics met, then the whole name, then its
    /// beginning, then higher levels, then by name.
    pub fn find(&self, query: &Query<'_>) -> Vec<AreaIndex> {
        self.ranked(query).into_iter().map(|(_, area)| area).collect()
    }

    /// The one area that a text written by somebody must mean, without anybody to choose: its whole name
    /// stands there, and none agrees equally well.
    ///
    /// # Errors
    /// It could mean several, or only begins a name: those that it could mean, best first; none is found.
    pub fn meant(&self, query: &Query<'_>) -> Result<AreaIndex, Vec<AreaIndex>> {
        let found = self.ranked(&Query { limit: query.limit.max(2), ..*query });
        match found.as_slice() {
            [(rank, area)] if rank.is_whole() => Ok(*area),
            [(rank, area), (next, _), ..] if rank.is_whole() && !rank.agrees_like(next) => Ok(*area),
            _ => Err(found.into_iter().map(|(_, area)| area).collect()),
        }
    }

    fn ranked(&self, query: &Query<'_>) -> Vec<(Rank, AreaIndex)> {
        let typed = Typed::parse(query.text);
        let wanted = Wanted::of(&typed, &self.index);
        let mut found: Vec<(Rank, AreaIndex)> = self
            .candidates(&typed, &wanted)
            .ones()
            .map(AreaIndex::new)
            .filter(|area| self.passes(*area, query))
            .map(|area| (self.rank(area, &wanted), area))
            .collect();
        let limit = query.limit.min(LIMIT_MAX);
        if limit < found.len() {
            found.select_nth_unstable(limit);
            found.truncate(limit);
        }
        found.sort_unstable();
        found
    }

    fn candidates(&self, typed: &Typed, wanted: &Wanted<'_>) -> FixedBitSet {
        let mut own = FixedBitSet::with_capacity(self.tree.len());
        let mut all = FixedBitSet::with_capacity(self.tree.len());
        all.insert_range(..);
        for (needle, words) in typed.needles().zip(wanted.needles()) {
            let named = self.index.areas(&words.plain).iter().map(|place| AreaIndex::new(*place as usize));
            named.clone().for_each(|area| own.insert(area.get()));
            let mut met = with_all_below(&self.tree, named);
            KINDS
                .iter()
                .zip(&self.of_kind)
                .filter(|(kind, _)| kind.plain.iter().any(|word| stands_for(needle, word)))
                .for_each(|(_, areas)| met.union_with(areas));
            all.intersect_with(&met);
        }
        if !wanted.words.is_empty() {
            all.intersect_with(&own);
        }
        all
    }

    fn passes(&self, area: AreaIndex, query: &Query<'_>) -> bool {
        let record = self.tree.area(area);
        query.within.is_none_or(|within| area != within && self.tree.is_within(area, within))
            && query.at_ms.is_none_or(|at_ms| record.is_valid_at(at_ms))
            && (query.kinds.is_empty() || query.kinds.contains(&record.kind.as_str()))
    }
}

fn stands_for(needle: &TypedWord, word: &str) -> bool {
    if needle.open { word.starts_with(&needle.plain) } else { word == needle.plain }
}

/// The areas with everything below them; what is below the nation is not meant by its name.
fn with_all_below(tree: &Tree, areas: impl Iterator<Item = AreaIndex>) -> FixedBitSet {
    let mut set = FixedBitSet::with_capacity(tree.len());
    for area in areas {
        if tree.is_nation(area) {
            set.insert(area.get());
        } else {
            set.insert_range(tree.range(area));
        }
    }
    set
}

/// Each area's place by level, then name; of the same name the one that is still valid first.
fn places(tree: &Tree) -> Vec<u32> {
    let mut order: Vec<(u8, String, bool, AreaIndex)> = tree
        .areas()
        .map(|(area, record)| (tree.depth(area), name_order(&record.name), record.valid_to.is_some(), area))
        .collect();
    order.sort_unstable();
    let mut places = vec![0; order.len()];
    for (place, (.., area)) in order.into_iter().enumerate() {
        places[area.get()] = place as u32;
    }
    places
}

#[cfg(test)]
mod tests;
