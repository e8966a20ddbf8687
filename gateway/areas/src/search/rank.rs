//! Which of the areas found is meant: how well each one's name agrees with what was typed.
//!
//! An area that was typed whole comes before one that was typed in part, and where text goes on behind
//! a name ("tân phú, đồng tháp") the name it begins with before one that happens to have more of its
//! words ("Tân Phú Đông"). Everything is compared as numbers of the vocabulary.

use std::ops::Range;

use super::Search;
use super::index::{Index, NameWord};
use super::query::{Typed, TypedWord};
use crate::tree::AreaIndex;

/// What areas are ordered by; the smallest is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// Needles whose diacritics are not those of the area.
    diacritics_missed: u8,
    /// Whether neither the text begins with the whole name, nor the name with the whole text.
    not_leading: bool,
    /// Needles that only the path has.
    not_in_name: u8,
    /// Whether words of the name were not typed.
    in_part: bool,
    /// Whether the name's words come otherwise than typed.
    out_of_order: bool,
    /// Needles that only begin a word of the name.
    only_begun: u8,
    /// Kinds typed that the area is not of; less where one above it is.
    kinds_missed: u8,
    place: u32,
}

impl Rank {
    /// Whether the whole name was typed, and nothing that is not in it or its path only begun.
    pub(super) fn is_whole(&self) -> bool {
        !self.in_part && self.only_begun == 0 && self.diacritics_missed == 0
    }

    /// Whether both agree equally well; the place among all areas says nothing of what is meant.
    pub(super) fn agrees_like(&self, other: &Self) -> bool {
        Self { place: 0, ..*self } == Self { place: 0, ..*other }
    }
}

impl Search {
    /// How well this area agrees with the text.
    pub(super) fn rank(&self, area: AreaIndex, wanted: &Wanted<'_>) -> Rank {
        let name = &self.index.names[area.get()];
        let has = |words: &Range<u32>| name.words.iter().any(|(plain, _)| words.contains(plain));
        let is_alias = |words: &Words| name.aliases.iter().any(|alias| words.whole.contains(alias));
        let in_name = |words: &Words| is_alias(words) || name.words.iter().any(|word| words.may_be(word));
        let begins = |is: fn(&Words, &NameWord) -> bool| {
            wanted.needles().next().is_some_and(is_alias)
                || name.words.iter().zip(wanted.needles()).all(|(word, words)| is(words, word))
                || name.words.iter().zip(&wanted.words).all(|(word, words)| is(words, word))
        };
        let is_whole = wanted.needles().any(is_alias)
            || name
                .words
                .iter()
                .all(|(plain, _)| wanted.words.iter().any(|words| words.whole.contains(plain)));
        let not_in_name = count(wanted.needles(), |words| !in_name(words));
        let leads = (is_whole && begins(Words::is_exactly)) || (not_in_name == 0 && begins(Words::may_be));
        Rank {
            diacritics_missed: count(wanted.needles(), |words| !self.meets_diacritics(area, words)),
            not_leading: !leads,
            not_in_name,
            in_part: !is_whole,
            out_of_order: !begins(|words, (plain, _)| words.plain.contains(plain)),
            only_begun: count(wanted.needles(), |words| has(&words.plain) && !has(&words.whole)),
            kinds_missed: wanted.kinds.iter().map(|kind| self.misses_kind(area, *kind)).sum(),
            place: self.places[area.get()],
        }
    }

    /// 0 where the area is of the kind, 1 where one above it is, 2 where none is.
    fn misses_kind(&self, area: AreaIndex, kind: usize) -> u8 {
        match self.index.names[area.get()].kind == Some(kind) {
            true => 0,
            false => 2 - u8::from(self.of_kind[kind].contains(area.get())),
        }
    }

    /// Whether the name or the path has the needle with the very diacritics typed, if any were. Initials and
    /// glued names are written without.
    fn meets_diacritics(&self, area: AreaIndex, words: &Words) -> bool {
        let has = |area: AreaIndex| {
            let name = &self.index.names[area.get()];
            let is_alias = || name.aliases.iter().any(|alias| words.whole.contains(alias));
            name.words.iter().any(|word| words.may_be(word)) || is_alias()
        };
        words.marked.is_none() || has(area) || self.tree.ancestors(area).any(has)
    }
}

/// The words of the vocabulary that each typed word stands for.
pub(super) struct Wanted<'a> {
    pub words: Vec<Words>,
    kinds: &'a [usize],
}

impl<'a> Wanted<'a> {
    pub(super) fn of(typed: &'a Typed, index: &Index) -> Self {
        let words = typed.words.iter().map(|word| Words::of(word, index)).collect();
        Self { words, kinds: &typed.kinds }
    }

    pub(super) fn needles(&self) -> impl Iterator<Item = &Words> {
        self.words.iter().filter(|words| words.is_needle)
    }
}

/// The words of the vocabulary that one typed word stands for.
pub(super) struct Words {
    pub plain: Range<u32>,
    /// Of these the typed word itself, if it is one.
    whole: Range<u32>,
    /// The same with diacritics, where the text has any.
    marked: Option<Marked>,
    is_needle: bool,
}

struct Marked {
    open: Range<u32>,
    whole: Range<u32>,
}

impl Words {
    fn of(word: &TypedWord, index: &Index) -> Self {
        Self {
            plain: index.plain.range(&word.plain, word.open),
            whole: index.plain.range(&word.plain, false),
            marked: word.marked.as_ref().map(|marked| Marked {
                open: index.marked.range(marked, word.open),
                whole: index.marked.range(marked, false),
            }),
            is_needle: word.is_needle,
        }
    }

    /// Whether it is this word of a name, or the beginning of it where more may be typed.
    fn may_be(&self, (plain, mark): &NameWord) -> bool {
        match &self.marked {
            Some(marked) => marked.open.contains(mark),
            None => self.plain.contains(plain),
        }
    }

    /// Whether it is just this word of a name.
    fn is_exactly(&self, (plain, mark): &NameWord) -> bool {
        match &self.marked {
            Some(marked) => marked.whole.contains(mark),
            None => self.whole.contains(plain),
        }
    }
}

fn count<T>(items: impl Iterator<Item = T>, is_so: impl Fn(T) -> bool) -> u8 {
    items.map(|item| u8::from(is_so(item))).sum()
}
