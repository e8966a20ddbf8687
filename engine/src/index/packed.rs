//! Columns of whole numbers, bit-packed over their smallest value, each entry readable in place.
//!
//! ```text
//! base varint | width u8 | entries, `width` bits each, little-endian, padded to a whole byte
//! ```
//!
//! Entry i is read without touching the others, so a sorted column is searched in its packed form
//! and only the wanted stretch is unpacked. A buffer that holds columns ends with `PADDING_BYTES` of
//! zeros: an entry is read as the eight bytes around it.

/// Appends a column to `out`.
pub(crate) fn pack(values: impl Iterator<Item = u64> + Clone, out: &mut Vec<u8>) {
    let (mut min, mut max, mut count) = (u64::MAX, 0, 0usize);
    for value in values.clone() {
        min = min.min(value);
        max = max.max(value);
        count += 1;
    }
    let base = if count == 0 { 0 } else { min };
    let width = bits(max.saturating_sub(base));
    write_varint(base, out);
    out.push(width as u8);
    write_packed(values.map(|value| value - base), width, out);
}

/// Appends values of `width` bits each, padded to a whole byte, without telling the width.
pub(crate) fn write_packed(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    assert!(width <= WIDTH_MAX, "a column spans 2^56 or more");
    let (mut pending, mut pending_bits) = (0u64, 0u32);
    for value in values {
        debug_assert!(bits(value) <= width);
        pending |= value << pending_bits;
        pending_bits += width;
        while pending_bits >= 8 {
            out.push(pending as u8);
            pending >>= 8;
            pending_bits -= 8;
        }
    }
    if pending_bits > 0 {
        out.push(pending as u8);
    }
}

/// Ends a buffer of columns.
pub(crate) fn pad(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; PADDING_BYTES]);
}

/// A column in its packed form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    bytes: &'a [u8],
    base: u64,
    width: u32,
    mask: u64,
    len: usize,
}

impl<'a> Packed<'a> {
    /// Takes a column of `len` entries from the front of `bytes`; `None` when the bytes are damaged.
    pub(crate) fn take(bytes: &mut &'a [u8], len: usize) -> Option<Self> {
        let base = read_varint(bytes)?;
        let (width, rest) = bytes.split_first()?;
        *bytes = rest;
        Self::take_packed(bytes, len, u32::from(*width)).map(|packed| Self { base, ..packed })
    }

    /// Takes `len` values of `width` bits each from the front of `bytes`; `None` when the bytes are damaged.
    pub(crate) fn take_packed(bytes: &mut &'a [u8], len: usize, width: u32) -> Option<Self> {
        let size = len.checked_mul(width as usize)?.div_ceil(8);
        if width > WIDTH_MAX {
            return None;
        }
        let packed = bytes.get(..size + PADDING_BYTES)?;
        *bytes = &bytes[size..];
        let mask = (1u64 << width) - 1;
        Some(Self { bytes: packed, base: 0, width, mask, len })
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Entry `i`.
    #[inline]
    pub(crate) fn get(&self, i: usize) -> u64 {
        debug_assert!(i < self.len);
        self.base.wrapping_add(self.word(i) & self.mask)
    }

    /// Hands over the places from `start` on whose entry is `value`; several entries are compared at once.
    #[inline]
    pub(crate) fn equal(&self, start: usize, value: u64, mut found: impl FnMut(usize)) {
        let wanted = value.wrapping_sub(self.base);
        if wanted > self.mask {
            return;
        }
        if self.width == 0 {
            return (start..self.len).for_each(found);
        }
        let lanes = Lanes::new(self.width);
        let pattern = lanes.ones.wrapping_mul(wanted);
        for first in (start..self.len).step_by(lanes.count) {
            let mut equal = lanes.zeros(self.word(first) ^ pattern);
            while equal != 0 {
                let place = first + (equal.trailing_zeros() / self.width) as usize;
                if place < self.len {
                    found(place);
                }
                equal &= equal - 1;
            }
        }
    }

    /// The bits from entry `i` on, 57 or more of them.
    #[inline]
    fn word(&self, i: usize) -> u64 {
        let bit = i * self.width as usize;
        let word = self.bytes[bit / 8..].first_chunk().expect("padding follows every column");
        u64::from_le_bytes(*word) >> (bit % 8)
    }

    /// The first entry in `range` for which `before` is false; the column is sorted by it.
    pub(crate) fn partition_point(
        &self,
        range: std::ops::Range<usize>,
        before: impl Fn(u64) -> bool,
    ) -> usize {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low.midpoint(high);
            if before(self.get(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The entries that lie side by side in a word, as lanes of `width` bits.
struct Lanes {
    count: usize,
    /// The lowest bit of each lane, and the highest.
    ones: u64,
    highs: u64,
}

impl Lanes {
    fn new(width: u32) -> Self {
        let count = (WORD_BITS / width).max(1);
        let ones = (0..count).fold(0, |ones, lane| ones | 1 << (lane * width));
        Self { count: count as usize, ones, highs: ones << (width - 1) }
    }

    /// The highest bit of each lane that is zero: adding all but the highest carries into the highest from
    /// any bit that is set, and never beyond it.
    #[inline]
    fn zeros(&self, word: u64) -> u64 {
        let lows = self.highs - self.ones;
        !(((word & lows) + lows) | word) & self.highs
    }
}

/// Appends a number in groups of seven bits, the lowest first.
pub(crate) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a number from the front of `bytes`; `None` when the bytes are damaged.
pub(crate) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Bits that `value` needs; none for 0.
pub(crate) fn bits(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// Widest entry in bits: with up to seven bits of shift it still lies within eight bytes.
const WIDTH_MAX: u32 = 56;

/// Bits that are there of any word, whatever entry it begins with.
const WORD_BITS: u32 = 57;

/// Zeros after the last column.
pub(crate) const PADDING_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn columns_are_read_back_as_written(
            base in 0u64..1 << 60,
            offsets in proptest::collection::vec(0u64..1 << 55, 0..300),
            shift in 0u32..55,
        ) {
            let values: Vec<u64> = offsets.iter().map(|offset| base + (offset >> shift)).collect();
            let mut bytes = Vec::new();
            pack(values.iter().copied(), &mut bytes);
            pack(std::iter::repeat_n(7, 3), &mut bytes);
            pad(&mut bytes);
            let mut rest = bytes.as_slice();
            let column = Packed::take(&mut rest, values.len()).expect("just written");
            let read: Vec<u64> = (0..column.len()).map(|i| column.get(i)).collect();
            proptest::prop_assert_eq!(read, values);
            let second = Packed::take(&mut rest, 3).expect("just written");
            proptest::prop_assert_eq!(second.get(2), 7);
        }

        #[test]
        fn damaged_bytes_are_read_without_panic(bytes in proptest::collection::vec(0u8.., 0..64), len in 0usize..100) {
            let mut rest = bytes.as_slice();
            if let Some(column) = Packed::take(&mut rest, len) {
                (0..len).for_each(|i| { column.get(i); });
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn equal_entries_are_all_found(
            base in 0u64..1 << 40,
            width in 0u32..=WIDTH_MAX,
            picks in proptest::collection::vec((0u64.., proptest::bool::ANY), 1..200),
            start in 0usize..200,
        ) {
            let mask = (1u64 << width) - 1;
            let values: Vec<u64> = picks.iter().map(|(value, same)| base + (if *same { picks[0].0 } else { *value } & mask)).collect();
            let mut bytes = Vec::new();
            pack(values.iter().copied(), &mut bytes);
            pad(&mut bytes);
            let column = Packed::take(&mut bytes.as_slice(), values.len()).expect("just written");
            for value in [values[0], values[values.len() - 1], base, base + mask, u64::MAX] {
                let mut found = Vec::new();
                column.equal(start, value, |place| found.push(place));
                let expected: Vec<usize> = (start..values.len()).filter(|i| values[*i] == value).collect();
                proptest::prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn a_sorted_column_is_searched_in_place() {
        let mut bytes = Vec::new();
        pack([5u64, 5, 9, 100].into_iter(), &mut bytes);
        pad(&mut bytes);
        let column = Packed::take(&mut bytes.as_slice(), 4).expect("just written");
        assert_eq!(column.partition_point(0..4, |v| v < 9), 2);
        assert_eq!(column.partition_point(0..4, |v| v < 1000), 4);
        let mut fives = Vec::new();
        column.equal(1, 5, |place| fives.push(place));
        column.equal(0, 4, |place| fives.push(place));
        assert_eq!(fives, [1]);
    }
}
