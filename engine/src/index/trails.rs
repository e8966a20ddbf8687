//! Trail leaves: in which posting leaves the scans of a group of neighbouring subjects lie.
//!
//! ```text
//! subjects varint | pointers varint | leaves varint
//! subjects: ids, ascending                        gaps, see `ids`
//! counts:   of each subject, its pointers         packed column
//! leaves:   numbers of posting leaves, ascending  gaps
//! of each pointer, by subject: its leaf's place   packed, as wide as the number of leaves needs
//! of each pointer, by subject: its first scan     packed column
//! ```
//!
//! A time is written once, in the postings; and of several scans in one posting leaf, as of those who pass
//! in the morning and come back in the evening, only the first is pointed at: the leaf names the same subject
//! at the others. A group is the subjects that share `id >> shift`; a run chooses `shift` so that a leaf
//! covers a few hundred scans. Neighbours pass the same places, so naming a posting leaf takes a few bits.

use super::ids::{Ids, write_ids};
use super::packed::{Packed, bits, pack, pad, read_varint, write_packed, write_varint};

/// A posting leaf with scans of a subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pointer {
    pub(crate) subject: u32,
    /// Number of the posting leaf.
    pub(crate) leaf: u32,
    /// Place of the subject's first scan in it.
    pub(crate) place: u16,
}

/// Scans that a leaf should cover on average.
const LEAF_SCANS: u64 = 320;

/// The shift that makes groups of about `LEAF_SCANS` scans, where `scans` spread over ids below
/// `ids_end`.
pub(crate) fn choose_shift(scans: u64, ids_end: u64) -> u8 {
    let ids_per_leaf = LEAF_SCANS * ids_end.max(1) / scans.max(1);
    // Half a step up: the nearest power of two instead of the next below.
    (ids_per_leaf * 14 / 10).max(1).ilog2().min(SHIFT_MAX) as u8
}

/// Encodes a leaf of at least one pointer; they are by subject, then leaf, one for both.
pub(crate) fn encode_leaf(pointers: &[Pointer]) -> Vec<u8> {
    debug_assert!(pointers.windows(2).all(|p| (p[0].subject, p[0].leaf) < (p[1].subject, p[1].leaf)));
    let mut leaves: Vec<u32> = pointers.iter().map(|pointer| pointer.leaf).collect();
    leaves.sort_unstable();
    leaves.dedup();
    let (mut subjects, mut counts) = (Vec::new(), Vec::new());
    for of_one in pointers.chunk_by(|a, b| a.subject == b.subject) {
        subjects.push(of_one[0].subject);
        counts.push(of_one.len() as u64);
    }
    let leaf_place = |leaf: u32| leaves.partition_point(|l| *l < leaf) as u64;
    let mut out = Vec::with_capacity(48 + subjects.len() + pointers.len() * 3);
    write_varint(subjects.len() as u64, &mut out);
    write_varint(pointers.len() as u64, &mut out);
    write_varint(leaves.len() as u64, &mut out);
    write_ids(&subjects, &mut out);
    pack(counts.into_iter(), &mut out);
    write_ids(&leaves, &mut out);
    let width = bits(leaves.len() as u64 - 1);
    write_packed(pointers.iter().map(|pointer| leaf_place(pointer.leaf)), width, &mut out);
    pack(pointers.iter().map(|pointer| u64::from(pointer.place)), &mut out);
    pad(&mut out);
    out
}

/// A leaf, read in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'a> {
    subjects: Ids<'a>,
    counts: Packed<'a>,
    leaves: Ids<'a>,
    leaf_places: Packed<'a>,
    places: Packed<'a>,
}

impl<'a> Leaf<'a> {
    /// `None` when the bytes are damaged.
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let mut number = || usize::try_from(read_varint(&mut bytes)?).ok();
        let (subjects, pointers, leaves) = (number()?, number()?, number()?);
        if subjects == 0 || leaves == 0 || subjects > pointers || leaves > pointers {
            return None;
        }
        Some(Self {
            subjects: Ids::take(&mut bytes, subjects)?,
            counts: Packed::take(&mut bytes, subjects)?,
            leaves: Ids::take(&mut bytes, leaves)?,
            leaf_places: Packed::take_packed(&mut bytes, pointers, bits(leaves as u64 - 1))?,
            places: Packed::take(&mut bytes, pointers)?,
        })
    }

    /// Appends the pointers of one subject, by leaf. `None` when the leaf is damaged.
    pub(crate) fn read(&self, subject: u32, out: &mut Vec<Pointer>) -> Option<()> {
        let Some(i) = self.subjects.find(subject) else { return Some(()) };
        let start: usize = (0..i).map(|i| self.counts.get(i) as usize).sum();
        let range = self.range(start, i)?;
        let last = self.leaf_places.get(range.end - 1) as usize;
        let mut leaves = Vec::with_capacity(self.leaves.len());
        self.leaves.read_first(last + 1, &mut leaves);
        self.push(subject, range, &leaves, out)
    }

    /// Appends all pointers. `None` when the leaf is damaged.
    pub(crate) fn read_all(&self, out: &mut Vec<Pointer>) -> Option<()> {
        let (mut subjects, mut leaves) = (Vec::new(), Vec::new());
        self.subjects.read(&mut subjects);
        self.leaves.read(&mut leaves);
        let mut start = 0;
        for (i, subject) in subjects.into_iter().enumerate() {
            let range = self.range(start, i)?;
            start = range.end;
            self.push(subject, range, &leaves, out)?;
        }
        (start == self.places.len()).then_some(())
    }

    fn range(&self, start: usize, i: usize) -> Option<std::ops::Range<usize>> {
        let end = start.checked_add(self.counts.get(i) as usize)?;
        (start < end && end <= self.places.len()).then_some(start..end)
    }

    fn push(
        &self,
        subject: u32,
        range: std::ops::Range<usize>,
        leaves: &[u32],
        out: &mut Vec<Pointer>,
    ) -> Option<()> {
        for i in range {
            let leaf = *leaves.get(self.leaf_places.get(i) as usize)?;
            out.push(Pointer { subject, leaf, place: u16::try_from(self.places.get(i)).ok()? });
        }
        Some(())
    }
}

/// Widest group: a million ids.
const SHIFT_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_read_back_by_subject_and_whole() {
        let at = |subject, leaf, place| Pointer { subject, leaf, place };
        let pointers = [at(8, 3, 5), at(8, 70, 9), at(10, 70, 1), at(10, 71, 1), at(12, 3, 1_023)];
        let bytes = encode_leaf(&pointers);
        let leaf = Leaf::parse(&bytes).expect("just written");
        let read = |subject| {
            let mut out = Vec::new();
            leaf.read(subject, &mut out).expect("sound");
            out
        };
        assert_eq!((read(8), read(9)), (pointers[..2].to_vec(), vec![]));
        assert_eq!((read(10), read(12)), (pointers[2..4].to_vec(), pointers[4..].to_vec()));
        let mut all = Vec::new();
        leaf.read_all(&mut all).expect("sound");
        assert_eq!(all, pointers);
    }

    #[test]
    fn groups_are_wider_where_scans_are_fewer() {
        assert_eq!(choose_shift(1_000_000, 700), 0);
        assert_eq!(choose_shift(9_200_000, 3_000_000), 7);
        assert!(choose_shift(1_000, 1_000_000) > choose_shift(1_000_000, 1_000_000));
    }

    proptest::proptest! {
        #[test]
        fn damaged_leaves_are_refused_without_panic(bytes in proptest::collection::vec(0u8.., 0..96), subject in 0u32..50) {
            if let Some(leaf) = Leaf::parse(&bytes) {
                leaf.read(subject, &mut Vec::new());
                leaf.read_all(&mut Vec::new());
            }
        }
    }
}
