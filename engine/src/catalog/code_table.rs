//! Codes by hash: open-addressed tables of 8-byte slots, shared out by hash, beside one arena of codes.
//!
//! ```text
//! table   by the hash's upper bits; the slot by its lower ones
//! slot    hash u32 | place in the arena u32                  0: free
//! arena   id u32 LE | length u8 | code | id | length | code ...
//! ```
//!
//! A look-up among millions of subjects waits for memory twice: for the slot and for the code. So many
//! codes are looked up together, in rounds: all slots, then all codes, then the comparisons. The waits of
//! a round overlap, which makes it several times faster than one code after the other
//! (`cargo bench -p truyvet-benches --bench import`). Tables grow one at a time, because whoever adds a
//! code waits for it: one table of 25 million codes would take a third of a second.

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

/// Stands for a code that is not in the table.
pub(crate) const NO_ID: u32 = u32::MAX;

/// Codes and their ids. Nothing is ever removed.
pub(crate) struct CodeTable {
    hasher: DefaultHashBuilder,
    tables: [Slots; TABLES],
    arena: Vec<u8>,
    len: usize,
}

/// The slots of the codes whose hash begins alike.
struct Slots {
    slots: Vec<u64>,
    len: usize,
}

impl CodeTable {
    pub(crate) fn new() -> Self {
        let tables = std::array::from_fn(|_| Slots::for_codes(0));
        // The first byte stays unused: place 0 says that a slot is free.
        Self { hasher: DefaultHashBuilder::default(), tables, arena: vec![0], len: 0 }
    }

    /// Number of codes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of the arena.
    pub(crate) fn code_bytes(&self) -> usize {
        self.arena.len()
    }

    /// Bytes of memory: of slots and arena.
    pub(crate) fn memory_bytes(&self) -> usize {
        let slots: usize = self.tables.iter().map(|table| table.slots.capacity()).sum();
        slots * size_of::<u64>() + self.arena.capacity()
    }

    pub(crate) fn find(&self, code: &[u8]) -> u32 {
        let hash = self.hash(code);
        self.compare(hash, code)
    }

    /// Appends the id of every code to `out`, `NO_ID` for those that are not there.
    pub(crate) fn find_all<'c>(&self, mut codes: impl Iterator<Item = &'c [u8]>, out: &mut Vec<u32>) {
        let mut round: [&[u8]; ROUND] = [&[]; ROUND];
        loop {
            let mut count = 0;
            for (place, code) in round.iter_mut().zip(&mut codes) {
                *place = code;
                count += 1;
            }
            self.find_round(&round[..count], out);
            if count < ROUND {
                return;
            }
        }
    }

    fn find_round(&self, codes: &[&[u8]], out: &mut Vec<u32>) {
        let (mut hashes, mut slots, mut touched) = ([0; ROUND], [0; ROUND], 0);
        for (hash, code) in hashes.iter_mut().zip(codes) {
            *hash = self.hash(code);
        }
        for (slot, hash) in slots.iter_mut().zip(&hashes[..codes.len()]) {
            *slot = self.table(*hash).first(*hash);
        }
        for slot in &slots[..codes.len()] {
            touched ^= self.arena[place_of(*slot)];
        }
        std::hint::black_box(touched);
        out.extend(codes.iter().zip(hashes).map(|(code, hash)| self.compare(hash, code)));
    }

    /// Adds a code that is not there, and tells its place.
    pub(crate) fn insert(&mut self, code: &[u8], id: u32) -> u32 {
        let place = self.append(code, id);
        let hash = self.hash(code);
        self.tables[table_of(hash)].insert(u64::from(hash) << 32 | u64::from(place));
        place
    }

    /// Appends a code that is not there, and tells its place; it is found once [`CodeTable::index`] was called.
    pub(crate) fn append(&mut self, code: &[u8], id: u32) -> u32 {
        let place = self.arena.len() as u32;
        self.arena.extend_from_slice(&id.to_le_bytes());
        self.arena.push(code.len() as u8);
        self.arena.extend_from_slice(code);
        self.len += 1;
        place
    }

    /// Makes all slots anew, in rounds: what one waits for memory, the others of its round wait too.
    pub(crate) fn index(&mut self) {
        for table in &mut self.tables {
            *table = Slots::for_codes(self.len / TABLES);
        }
        let (mut round, mut place) = (Vec::with_capacity(ROUND), 1);
        while place < self.arena.len() {
            round.clear();
            while place < self.arena.len() && round.len() < ROUND {
                let (_, code) = self.entry(place);
                round.push(u64::from(self.hash(code)) << 32 | place as u64);
                place += ENTRY_HEAD + code.len();
            }
            let touched =
                round.iter().fold(0, |all, new| all ^ self.table(hash_of(*new)).first(hash_of(*new)));
            std::hint::black_box(touched);
            round.iter().for_each(|new| self.tables[table_of(hash_of(*new))].insert(*new));
        }
    }

    /// The code at a place that [`CodeTable::insert`] told.
    pub(crate) fn code_at(&self, place: u32) -> &[u8] {
        self.entry(place as usize).1
    }

    /// Brings the entry at a place near, so that reading it soon after does not wait.
    #[inline]
    pub(crate) fn touch(&self, place: u32) -> u8 {
        self.arena[place as usize]
    }

    #[inline]
    fn compare(&self, hash: u32, code: &[u8]) -> u32 {
        let Slots { slots, .. } = self.table(hash);
        let mask = slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let found = slots[slot];
            if found == 0 {
                return NO_ID;
            }
            if hash_of(found) == hash {
                let (id, known) = self.entry(place_of(found));
                if known == code {
                    return id;
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    #[inline]
    fn entry(&self, place: usize) -> (u32, &[u8]) {
        let head = self.arena[place..].first_chunk::<4>().expect("a place is where an entry begins");
        let length = usize::from(self.arena[place + 4]);
        (u32::from_le_bytes(*head), &self.arena[place + ENTRY_HEAD..][..length])
    }

    #[inline]
    fn hash(&self, code: &[u8]) -> u32 {
        self.hasher.hash_one(code) as u32
    }

    #[inline]
    fn table(&self, hash: u32) -> &Slots {
        &self.tables[table_of(hash)]
    }
}

impl Slots {
    fn for_codes(count: usize) -> Self {
        let slots = (count * 4 / 3 + 1).next_power_of_two().max(SLOTS_MIN);
        Self { slots: vec![0; slots], len: 0 }
    }

    /// The slot in which a code with this hash is looked for first.
    #[inline]
    fn first(&self, hash: u32) -> u64 {
        self.slots[hash as usize & (self.slots.len() - 1)]
    }

    fn insert(&mut self, new: u64) {
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            let mut slots = vec![0; self.slots.len() * 2];
            self.slots.iter().filter(|slot| **slot != 0).for_each(|slot| put(&mut slots, *slot));
            self.slots = slots;
        }
        put(&mut self.slots, new);
        self.len += 1;
    }
}

fn put(slots: &mut [u64], new: u64) {
    let mask = slots.len() - 1;
    let mut slot = hash_of(new) as usize & mask;
    while slots[slot] != 0 {
        slot = (slot + 1) & mask;
    }
    slots[slot] = new;
}

fn hash_of(slot: u64) -> u32 {
    (slot >> 32) as u32
}

fn place_of(slot: u64) -> usize {
    slot as u32 as usize
}

fn table_of(hash: u32) -> usize {
    (hash >> (u32::BITS - TABLES.ilog2())) as usize
}

/// A power of two. Each table is then at most some megabytes.
const TABLES: usize = 64;

/// Codes of one round: as many as a core has loads under way, and a bit.
pub(crate) const ROUND: usize = 32;

/// Bytes of an entry before its code.
const ENTRY_HEAD: usize = 5;

/// A power of two, as always.
const SLOTS_MIN: usize = 1 << 4;

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn codes_are_found_one_by_one_and_all_at_once(codes in proptest::collection::btree_set(".{1,6}", 0..3_000)) {
            let mut table = CodeTable::new();
            let places: Vec<u32> = (0u32..).zip(&codes).map(|(id, code)| table.insert(code.as_bytes(), id)).collect();
            let mut ids = Vec::new();
            table.find_all(codes.iter().map(|code| code.as_bytes()), &mut ids);
            proptest::prop_assert!(ids.iter().copied().eq(0..codes.len() as u32));
            for (id, code) in (0u32..).zip(&codes) {
                proptest::prop_assert_eq!(table.find(code.as_bytes()), id);
                proptest::prop_assert_eq!(table.code_at(places[id as usize]), code.as_bytes());
            }
            proptest::prop_assert_eq!(table.find(b"not one of them"), NO_ID);
            let mut restored = CodeTable::new();
            let again: Vec<u32> = (0u32..).zip(&codes).map(|(id, code)| restored.append(code.as_bytes(), id)).collect();
            restored.index();
            proptest::prop_assert_eq!(&again, &places);
            let next = codes.len() as u32;
            restored.insert("one more, longer than all".as_bytes(), next);
            for (id, code) in (0u32..).zip(&codes) {
                proptest::prop_assert_eq!(restored.find(code.as_bytes()), id);
            }
            proptest::prop_assert_eq!(restored.find("one more, longer than all".as_bytes()), next);
        }
    }
}
