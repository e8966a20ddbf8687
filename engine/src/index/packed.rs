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
        let bit = i * self.width as usize;
        let word = self.bytes[bit / 8..].first_chunk().expect("padding follows every column");
        self.base.wrapping_add((u64::from_le_bytes(*word) >> (bit % 8)) & self.mask)
    }

    /// Hands over the entries from `start` on that are `value`, by their places.
    #[inline]
    pub(crate) fn equal(&self, start: usize, value: u64, mut found: impl FnMut(usize)) {
        let wanted = value.wrapping_sub(self.base);
        let width = self.width as usize;
        for i in start..self.len {
            let bit = i * width;
            let word = self.bytes[bit / 8..].first_chunk().expect("padding follows every column");
            if (u64::from_le_bytes(*word) >> (bit % 8)) & self.mask == wanted {
                found(i);
            }
        }
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
