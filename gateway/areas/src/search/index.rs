//! The words of all names as sorted lists, and which areas have each.
//!
//! ```text
//! vocabulary   an | ben | benghe.. | binh | ...      sorted, so that what begins alike is a range
//! starts       0    311   ...                        where a word's areas begin
//! areas        4 9 17 ... | ...                      places of the walk, ascending
//! ```
//! A word is its number in the vocabulary: names are compared with what was typed as numbers, never as
//! text.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::text::{KINDS, Word, words};
use crate::tree::{AreaIndex, Tree, split_name};

/// A word of a name, as its numbers without and with diacritics.
pub(super) type NameWord = (u32, u32);

/// The words of one area's name.
#[derive(Clone, Debug)]
pub(super) struct Name {
    /// The words behind the kind's.
    pub words: Box<[NameWord]>,
    /// Other single words for the whole name: `quan1`, `bennghe`, `hcm`.
    pub aliases: Box<[u32]>,
    /// The kind it begins with, as a place in [`KINDS`].
    pub kind: Option<usize>,
}

/// A sorted list of distinct words.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary(Vec<Box<str>>);

impl Vocabulary {
    /// The numbers of the words that are this one or, where it is open, begin with it.
    pub(super) fn range(&self, word: &str, open: bool) -> Range<u32> {
        let start = self.0.partition_point(|known| known.as_ref() < word);
        let behind = &self.0[start..];
        let length = match open {
            true => behind.partition_point(|known| known.starts_with(word)),
            false => usize::from(behind.first().is_some_and(|known| known.as_ref() == word)),
        };
        start as u32..(start + length) as u32
    }
}

/// Which areas have which words.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub plain: Vocabulary,
    pub marked: Vocabulary,
    pub names: Vec<Name>,
    starts: Vec<u32>,
    areas: Vec<u32>,
}

impl Index {
    pub(super) fn of(tree: &Tree) -> Self {
        let read: Vec<Read> = tree.areas().map(|(area, _)| Read::of(tree, area)).collect();
        let mut plain: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        let mut marked: BTreeMap<&str, u32> = BTreeMap::new();
        for (place, name) in read.iter().enumerate() {
            for word in name.plain_words() {
                let areas = plain.entry(word).or_default();
                if areas.last() != Some(&(place as u32)) {
                    areas.push(place as u32);
                }
            }
            name.bare.iter().for_each(|word| _ = marked.insert(&word.marked, 0));
        }
        marked.values_mut().zip(0..).for_each(|(number, next)| *number = next);
        let numbers: BTreeMap<&str, u32> = plain.keys().copied().zip(0..).collect();
        let names = read.iter().map(|name| name.numbered(&numbers, &marked)).collect();
        let mut starts = vec![0];
        let mut areas = Vec::new();
        for list in plain.values() {
            areas.extend_from_slice(list);
            starts.push(areas.len() as u32);
        }
        let vocabulary = |words: Vec<&str>| Vocabulary(words.into_iter().map(Into::into).collect());
        Self {
            plain: vocabulary(plain.into_keys().collect()),
            marked: vocabulary(marked.into_keys().collect()),
            names,
            starts,
            areas,
        }
    }

    /// The areas whose names have one of these words, some more than once.
    pub(super) fn areas(&self, words: &Range<u32>) -> &[u32] {
        &self.areas[self.starts[words.start as usize] as usize..self.starts[words.end as usize] as usize]
    }
}

/// `quan1`: how a number is found together with the kind before it.
pub(super) fn numbered(kind: usize, number: &Word) -> String {
    KINDS[kind].plain.concat() + &number.plain
}

/// Whether it is of the highest level below the nation, whose names people shorten to initials.
fn is_province(tree: &Tree, area: AreaIndex) -> bool {
    let below_nation = |above: Option<AreaIndex>| above.is_none_or(|above| tree.is_nation(above));
    !tree.is_nation(area) && below_nation(tree.ancestors(area).next())
}

/// One name, read.
struct Read {
    bare: Vec<Word>,
    aliases: Vec<String>,
    kind: Option<usize>,
}

impl Read {
    fn of(tree: &Tree, area: AreaIndex) -> Self {
        let words = words(&tree.area(area).name);
        let (kind, bare) = split_name(&words);
        let glued = |words: &[Word]| words.iter().map(|word| word.plain.as_str()).collect::<String>();
        let mut aliases = Vec::new();
        if let (Some(kind), Some(number)) = (kind, bare.first().filter(|word| word.is_number())) {
            aliases.push(numbered(kind, number));
        }
        if bare.len() > 1 {
            aliases.push(glued(bare));
        }
        if bare.len() > 1 && is_province(tree, area) {
            let initials: String = bare.iter().filter_map(|word| word.plain.chars().next()).collect();
            aliases.extend(kind.map(|kind| KINDS[kind].abbreviation.to_owned() + &initials));
            aliases.push(initials);
        }
        Self { bare: bare.to_vec(), aliases, kind }
    }

    fn plain_words(&self) -> impl Iterator<Item = &str> {
        self.bare.iter().map(|word| word.plain.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    fn numbered(&self, plain: &BTreeMap<&str, u32>, marked: &BTreeMap<&str, u32>) -> Name {
        Name {
            words: self
                .bare
                .iter()
                .map(|word| (plain[word.plain.as_str()], marked[word.marked.as_str()]))
                .collect(),
            aliases: self.aliases.iter().map(|alias| plain[alias.as_str()]).collect(),
            kind: self.kind,
        }
    }
}
