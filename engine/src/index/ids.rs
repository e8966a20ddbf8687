//! Ascending distinct ids as the gaps between them, bit-packed sixteen at a time.
//!
//! ```text
//! first varint | width u8 of each stretch of 16 gaps | stretches, each padded to a whole byte
//! ```
//!
//! A stored gap is one less than the difference, so a run of consecutive ids takes no bits at all. Widths
//! follow the ids: neighbours are dense where people live, and sparse where they come from afar. A buffer
//! that holds lists ends with the padding of [`super::packed`].

use super::packed::{bits, read_varint, write_packed, write_varint};

/// Appends `ids`, which ascend without repeats and are not empty.
pub(crate) fn write_ids(ids: &[u32], out: &mut Vec<u8>) {
    debug_assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "ids ascend without repeats");
    let Some(first) = ids.first() else { return };
    write_varint(u64::from(*first), out);
    let gaps = |stretch: &'_ [u32]| -> [u64; GAPS] {
        std::array::from_fn(|i| stretch.get(i + 1).map_or(0, |id| u64::from(id - stretch[i] - 1)))
    };
    let stretches = || (0..ids.len() - 1).step_by(GAPS).map(|i| &ids[i..ids.len().min(i + GAPS + 1)]);
    let width = |stretch: &[u32]| gaps(stretch).into_iter().map(bits).max().unwrap_or(0);
    out.extend(stretches().map(|stretch| width(stretch) as u8));
    for stretch in stretches() {
        write_packed(gaps(stretch).into_iter().take(stretch.len() - 1), width(stretch), out);
    }
}

/// A list in its packed form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids<'a> {
    first: u32,
    widths: &'a [u8],
    /// The stretches and all that follows them.
    gaps: &'a [u8],
    len: usize,
}

impl<'a> Ids<'a> {
    /// Takes a list of `len` ids from the front of `bytes`; `None` when the bytes are damaged.
    pub(crate) fn take(bytes: &mut &'a [u8], len: usize) -> Option<Self> {
        if len == 0 {
            return Some(Self { first: 0, widths: &[], gaps: &[], len });
        }
        let first = u32::try_from(read_varint(bytes)?).ok()?;
        let (widths, gaps) = bytes.split_at_checked((len - 1).div_ceil(GAPS))?;
        if widths.iter().any(|width| u32::from(*width) > u32::BITS) {
            return None;
        }
        // Every stretch but the last is full, and takes two bytes for each bit of its width.
        let (last, full) =
            widths.split_last().map_or((0, &[][..]), |(last, full)| (usize::from(*last), full));
        let full_bits: usize = full.iter().map(|width| usize::from(*width)).sum();
        let last_gaps = len - 1 - full.len() * GAPS;
        let size = full_bits * (GAPS / 8) + (last_gaps * last).div_ceil(8);
        *bytes = gaps.get(size..)?;
        // An entry is read as the eight bytes around it.
        let gaps = gaps.get(..size + super::packed::PADDING_BYTES)?;
        Some(Self { first, widths, gaps, len })
    }

    /// Number of ids.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends all ids.
    pub(crate) fn read(&self, out: &mut Vec<u32>) {
        out.reserve(self.len);
        self.walk(|id| {
            out.push(id);
            true
        });
    }

    /// Appends the first `count` ids.
    pub(crate) fn read_first(&self, count: usize, out: &mut Vec<u32>) {
        self.walk(|id| {
            out.push(id);
            out.len() < count
        });
    }

    /// The place of `id` in the list.
    pub(crate) fn find(&self, id: u32) -> Option<usize> {
        let (mut place, mut found) = (0, None);
        self.walk(|next| {
            found = (next == id).then_some(place);
            place += 1;
            next < id
        });
        found
    }

    /// Hands over the ids in order for as long as `next` says so. Damaged gaps wrap around.
    #[inline]
    fn walk(&self, mut next: impl FnMut(u32) -> bool) {
        if self.len == 0 || !next(self.first) {
            return;
        }
        let (mut id, mut start, mut left) = (self.first, 0, self.len - 1);
        for width in self.widths {
            let width = u32::from(*width);
            let mask = (1u64 << width) - 1;
            let count = GAPS.min(left);
            let stretch = &self.gaps[start..];
            for i in 0..count {
                let bit = i * width as usize;
                let word = stretch[bit / 8..].first_chunk().expect("padding follows every list");
                let gap = (u64::from_le_bytes(*word) >> (bit % 8)) & mask;
                id = id.wrapping_add(gap as u32).wrapping_add(1);
                if !next(id) {
                    return;
                }
            }
            start += (count * width as usize).div_ceil(8);
            left -= count;
        }
    }
}

/// Gaps that share a width: few enough to follow the ids, enough to pay for the width's byte.
const GAPS: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::packed::pad;
    use super::*;

    fn written(ids: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_ids(ids, &mut bytes);
        pad(&mut bytes);
        bytes
    }

    proptest::proptest! {
        #[test]
        fn ids_are_read_back_and_found(ids in proptest::collection::btree_set(proptest::prop_oneof![0u32..2_000, 0u32..], 1..400), other in 0u32..) {
            let ids: Vec<u32> = ids.into_iter().collect();
            let bytes = written(&ids);
            let list = Ids::take(&mut bytes.as_slice(), ids.len()).expect("just written");
            let mut read = Vec::new();
            list.read(&mut read);
            proptest::prop_assert_eq!(&read, &ids);
            for (place, id) in ids.iter().enumerate() {
                proptest::prop_assert_eq!(list.find(*id), Some(place));
            }
            proptest::prop_assert_eq!(list.find(other), ids.binary_search(&other).ok());
        }

        #[test]
        fn damaged_bytes_are_read_without_panic(bytes in proptest::collection::vec(0u8.., 0..64), len in 0usize..100) {
            if let Some(list) = Ids::take(&mut bytes.as_slice(), len) {
                list.read(&mut Vec::new());
            }
        }
    }

    #[test]
    fn neighbours_cost_only_the_width_of_their_stretch() {
        let ids: Vec<u32> = (1_000..1_513).collect();
        assert_eq!(written(&ids).len(), 2 + 32 + 8);
    }
}
