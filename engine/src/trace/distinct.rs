//! Distinct subjects in the making.
//!
//! Few are kept as a list; from one in 64 of all ids on, as one bit an id, which takes any number of
//! further ones at a memory access each. Rollups come as bitmaps and are united as such.

use roaring::RoaringBitmap;

use super::bits::Bits;
use crate::index::postings::Leaf;
use crate::index::rollups::Rollup;
use crate::index::rows::Posting;

/// Distinct subjects and their number of scans.
pub(crate) struct Distinct {
    pub(crate) scans: u64,
    ids_end: u32,
    list: Vec<u32>,
    bits: Bits,
    rollups: RoaringBitmap,
}

impl Distinct {
    /// Nobody yet, of ids below `ids_end`.
    pub(crate) fn new(ids_end: u32) -> Self {
        Self { scans: 0, ids_end, list: Vec::new(), bits: Bits::default(), rollups: RoaringBitmap::new() }
    }

    /// Adds all scans of a leaf.
    pub(crate) fn add_leaf(&mut self, leaf: &Leaf<'_>) {
        self.scans += leaf.len() as u64;
        leaf.subjects(&mut self.list);
        self.settle();
    }

    /// Adds scans.
    pub(crate) fn add_postings(&mut self, postings: &[Posting]) {
        self.scans += postings.len() as u64;
        self.list.extend(postings.iter().map(|posting| posting.subject));
        self.settle();
    }

    /// Adds an area's day.
    pub(crate) fn add_rollup(&mut self, rollup: &Rollup) {
        self.scans += rollup.scans;
        self.rollups |= &rollup.subjects;
    }

    /// The subjects.
    pub(crate) fn into_bitmap(mut self) -> RoaringBitmap {
        let others = if self.bits.has_no_room() {
            self.list.sort_unstable();
            self.list.dedup();
            RoaringBitmap::from_sorted_iter(self.list).expect("sorted and without repeats")
        } else {
            self.spread();
            RoaringBitmap::from_lsb0_bytes(0, self.bits.as_bytes())
        };
        self.rollups | others
    }

    fn settle(&mut self) {
        if !self.bits.has_no_room() || self.list.len() > LIST_MIN.max(self.ids_end as usize / 64) {
            self.spread();
        }
    }

    fn spread(&mut self) {
        if self.bits.has_no_room() {
            self.bits = Bits::new(self.ids_end);
        }
        self.list.drain(..).for_each(|id| self.bits.insert(id));
    }
}

/// Below this many a list is sorted faster than bits are made.
const LIST_MIN: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn whatever_way_they_come_each_counts_once(
            parts in proptest::collection::vec(proptest::collection::vec(0u32..20_000, 0..3_000), 0..8),
            rolled in proptest::collection::btree_set(0u32..20_000, 0..500),
        ) {
            let mut distinct = Distinct::new(10_000);
            let mut expected: std::collections::BTreeSet<u32> = rolled.clone();
            distinct.add_rollup(&Rollup { scans: 5, subjects: rolled.into_iter().collect() });
            for part in &parts {
                expected.extend(part);
                let posting = |subject: &u32| Posting { at_ms: 0, subject: *subject, flags: 0 };
                distinct.add_postings(&part.iter().map(posting).collect::<Vec<_>>());
            }
            proptest::prop_assert_eq!(distinct.scans, 5 + parts.iter().map(Vec::len).sum::<usize>() as u64);
            proptest::prop_assert!(distinct.into_bitmap().into_iter().eq(expected));
        }
    }
}
