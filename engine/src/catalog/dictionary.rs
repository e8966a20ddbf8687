//! Codes of subjects and their dense ids.
//!
//! ```text
//! table     code -> id, and every code once
//! places    id -> where its code lies in the table; 0: the id is not in use
//! extents   home -> the ids that it is handing out
//! ```
//!
//! Ids come in extents of `EXTENT_IDS` by home area, or by the site where a subject without a known
//! home is first seen, so that those who pass the same places have near numbers. What is new is kept
//! in a list until [`Dictionary::take_new`] hands it over to be stored.

use std::collections::HashMap;

use super::code_table::{CodeTable, NO_ID, ROUND};

/// Whose extent a new subject's id comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Home {
    Area(u32),
    Site(u32),
}

impl Home {
    pub(crate) fn to_bytes(self) -> [u8; 5] {
        let (tag, number) = match self {
            Self::Area(area) => (0, area),
            Self::Site(site) => (1, site),
        };
        let [a, b, c, d] = number.to_be_bytes();
        [tag, a, b, c, d]
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, number) = bytes.split_first()?;
        let number = u32::from_be_bytes(number.try_into().ok()?);
        match tag {
            0 => Some(Self::Area(number)),
            1 => Some(Self::Site(number)),
            _ => None,
        }
    }
}

/// Codes of subjects and their ids, in memory.
pub(crate) struct Dictionary {
    table: CodeTable,
    places: Vec<u32>,
    extents: HashMap<Home, Extent>,
    owners: Vec<Home>,
    subjects_max: u32,
    new: New,
}

/// What was added since it was last handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct New {
    pub(crate) ids: Vec<u32>,
    pub(crate) extents: Vec<(u32, Home)>,
}

#[derive(Clone, Copy)]
struct Extent {
    next: u32,
    end: u32,
}

/// The configured number of subjects, or the room for their codes, is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Dictionary {
    pub(crate) fn new(subjects_max: u32) -> Self {
        Self {
            table: CodeTable::new(),
            places: Vec::new(),
            extents: HashMap::new(),
            owners: Vec::new(),
            subjects_max,
            new: New::default(),
        }
    }

    /// Number of subjects.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Bytes of memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let owners = self.owners.len() * (size_of::<Home>() + size_of::<(Home, Extent)>());
        self.table.memory_bytes() + self.places.capacity() * size_of::<u32>() + owners
    }

    /// The configured limit.
    pub(crate) fn subjects_max(&self) -> u32 {
        self.subjects_max
    }

    /// Whether this many more subjects surely fit.
    pub(crate) fn has_room(&self, subjects: usize) -> bool {
        let codes = self.table.code_bytes() + subjects * ENTRY_BYTES_MAX;
        self.len() + subjects <= self.subjects_max as usize && codes <= ARENA_BYTES_MAX
    }

    /// One above the highest id.
    pub(crate) fn ids_end(&self) -> u32 {
        self.places.len() as u32
    }

    pub(crate) fn find(&self, code: &[u8]) -> Option<u32> {
        Some(self.table.find(code)).filter(|id| *id != NO_ID)
    }

    /// Appends the id of every code to `out`, `NO_ID` for those that have none. Much faster than one by
    /// one.
    pub(crate) fn find_all<'c>(&self, codes: impl Iterator<Item = &'c [u8]>, out: &mut Vec<u32>) {
        self.table.find_all(codes, out);
    }

    /// The id's code; empty for an id that is not in use.
    pub(crate) fn code(&self, id: u32) -> &str {
        self.text_at(self.places.get(id as usize).copied().unwrap_or_default())
    }

    /// Hands over the codes of many ids, in their order. In rounds, as look-ups are: what one code waits
    /// for memory, the others of its round wait at the same time.
    pub(crate) fn read_codes(&self, ids: &[u32], mut code: impl FnMut(&str)) {
        for round in ids.chunks(ROUND) {
            let mut places = [0; ROUND];
            for (place, id) in places.iter_mut().zip(round) {
                *place = self.places.get(*id as usize).copied().unwrap_or_default();
            }
            let places = &places[..round.len()];
            std::hint::black_box(places.iter().fold(0, |all, place| all ^ self.table.touch(*place)));
            for place in places {
                code(self.text_at(*place));
            }
        }
    }

    /// The code's id, given out now if it has none.
    pub(crate) fn find_or_insert(&mut self, code: &str, home: Home) -> Result<u32, Full> {
        if let Some(id) = self.find(code.as_bytes()) {
            return Ok(id);
        }
        if self.len() >= self.subjects_max as usize || self.table.code_bytes() > ARENA_BYTES_MAX {
            return Err(Full);
        }
        let id = self.next_id(home)?;
        let place = self.table.insert(code.as_bytes(), id);
        self.set_place(id, place);
        self.new.ids.push(id);
        Ok(id)
    }

    /// Puts back a stored code; to be followed by [`Dictionary::finish_restore`].
    pub(crate) fn restore(&mut self, id: u32, code: &str) {
        let place = self.table.append(code.as_bytes(), id);
        self.set_place(id, place);
    }

    /// Ends putting back: codes are found, and open extents go on behind their last id.
    pub(crate) fn finish_restore(&mut self) {
        self.table.index();
        for extent in self.extents.values_mut() {
            let first = extent.end - EXTENT_IDS;
            let end = self.places.len().min(extent.end as usize);
            let places = self.places.get(first as usize..end).unwrap_or_default();
            let used = places.iter().rposition(|place| *place != 0).map_or(0, |last| last as u32 + 1);
            extent.next = first + used;
        }
    }

    /// Puts back a stored extent; in ascending order, all of them before the codes.
    pub(crate) fn restore_extent(&mut self, first: u32, home: Home) {
        debug_assert_eq!(first, self.owners.len() as u32 * EXTENT_IDS);
        self.owners.push(home);
        self.extents.insert(home, Extent { next: first, end: first + EXTENT_IDS });
    }

    /// Hands over what was added. If it cannot be stored, give it to [`Dictionary::put_back`].
    pub(crate) fn take_new(&mut self) -> New {
        std::mem::take(&mut self.new)
    }

    pub(crate) fn put_back(&mut self, mut new: New) {
        new.ids.append(&mut self.new.ids);
        new.extents.append(&mut self.new.extents);
        self.new = new;
    }

    fn next_id(&mut self, home: Home) -> Result<u32, Full> {
        if let Some(extent) = self.extents.get_mut(&home)
            && extent.next < extent.end
        {
            extent.next += 1;
            return Ok(extent.next - 1);
        }
        let first =
            u32::try_from(self.owners.len()).ok().and_then(|n| n.checked_mul(EXTENT_IDS)).ok_or(Full)?;
        let end = first.checked_add(EXTENT_IDS).ok_or(Full)?;
        self.owners.push(home);
        self.extents.insert(home, Extent { next: first + 1, end });
        self.new.extents.push((first, home));
        Ok(first)
    }

    fn set_place(&mut self, id: u32, place: u32) {
        if self.places.len() <= id as usize {
            self.places.resize(id as usize + 1, 0);
        }
        self.places[id as usize] = place;
    }

    fn text_at(&self, place: u32) -> &str {
        let bytes = if place == 0 { &[] } else { self.table.code_at(place) };
        str::from_utf8(bytes).expect("only text is inserted")
    }
}

/// Ids in an extent: a small site's visitors of a day fit in, and ten thousand sites that each leave
/// one half empty waste 2.5 million of four thousand million ids.
const EXTENT_IDS: u32 = 512;

/// The longest code with its id and its length.
const ENTRY_BYTES_MAX: usize = 5 + u8::MAX as usize;

/// A place in the table's arena is a u32.
const ARENA_BYTES_MAX: usize = u32::MAX as usize - ENTRY_BYTES_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_again_and_ids_lie_together_by_home() {
        let mut dictionary = Dictionary::new(10_000);
        let mut ids = Vec::new();
        for i in 0..1_500 {
            let home = Home::Area(i % 2);
            ids.push(dictionary.find_or_insert(&format!("c{i}"), home).expect("has room"));
        }
        for (i, id) in ids.iter().enumerate() {
            assert_eq!(dictionary.find(format!("c{i}").as_bytes()), Some(*id));
            assert_eq!(dictionary.code(*id), format!("c{i}"));
        }
        let mut codes = Vec::new();
        dictionary.read_codes(&ids, |code| codes.push(code.to_owned()));
        assert!(codes.into_iter().eq((0..1_500).map(|i| format!("c{i}"))));
        assert_eq!((ids[0], ids[2], ids[1], ids[3]), (0, 1, 512, 513));
        assert_eq!(dictionary.find(b"c"), None);
    }

    #[test]
    fn what_was_handed_over_restores_the_same_ids() {
        let mut first = Dictionary::new(10_000);
        for i in 0..700 {
            first.find_or_insert(&format!("c{i}"), Home::Site(i % 3)).expect("has room");
        }
        let new = first.take_new();
        let mut second = Dictionary::new(10_000);
        new.extents.iter().for_each(|(extent, home)| second.restore_extent(*extent, *home));
        let mut ids = new.ids;
        ids.sort_unstable();
        ids.iter().for_each(|id| second.restore(*id, first.code(*id)));
        second.finish_restore();
        for (code, home) in [("c5", Home::Site(0)), ("new", Home::Site(1)), ("newer", Home::Area(1))] {
            assert_eq!(first.find_or_insert(code, home), second.find_or_insert(code, home), "{code}");
        }
    }

    #[test]
    fn the_number_of_subjects_is_bounded() {
        let mut dictionary = Dictionary::new(1);
        dictionary.find_or_insert("a", Home::Site(0)).expect("has room");
        assert_eq!(dictionary.find_or_insert("b", Home::Site(0)), Err(Full));
        assert_eq!(dictionary.find_or_insert("a", Home::Site(0)), Ok(0));
    }
}
