//! Ascending times in Elias-Fano form, a chunk of 128 at a time.
//!
//! ```text
//! starts | low widths | ends of the chunks' bytes          (packed columns, one entry a chunk)
//! each chunk: low bits of its times, `low width` bits each, padded to a whole byte
//!             high bits: time i sets bit (high part + i), padded to a whole byte
//! ```
//!
//! Within a chunk a time is its distance from the chunk's first. About two bits more than the logarithm
//! of the mean gap each, at most half a bit above what any code of random arrivals needs; and because a
//! chunk spans minutes or hours, it follows how busy a site is. Time i is read in a few instructions.

use super::packed::{PADDING_BYTES, Packed, bits, pack, write_packed};

/// Appends times, which ascend (repeats are fine).
pub(crate) fn write_times(times: &[i64], out: &mut Vec<u8>) {
    debug_assert!(times.is_sorted());
    let chunks = times.chunks(CHUNK);
    let low_width = |chunk: &[i64]| {
        let span = (chunk[chunk.len() - 1] - chunk[0]) as u64;
        bits(span / chunk.len() as u64).saturating_sub(1)
    };
    let mut data = Vec::with_capacity(times.len() * 3);
    let mut ends = Vec::with_capacity(times.len().div_ceil(CHUNK));
    for chunk in chunks.clone() {
        write_chunk(chunk, low_width(chunk), &mut data);
        ends.push(data.len() as u64);
    }
    pack(chunks.clone().map(|chunk| chunk[0] as u64), out);
    pack(chunks.map(|chunk| u64::from(low_width(chunk))), out);
    pack(ends.into_iter(), out);
    out.extend_from_slice(&data);
}

fn write_chunk(chunk: &[i64], low_width: u32, out: &mut Vec<u8>) {
    let distance = |at: &i64| (at - chunk[0]) as u64;
    let low_mask = (1u64 << low_width) - 1;
    write_packed(chunk.iter().map(|at| distance(at) & low_mask), low_width, out);
    let start = out.len();
    let highest = distance(&chunk[chunk.len() - 1]) >> low_width;
    out.resize(start + (chunk.len() + highest as usize).div_ceil(8), 0);
    for (i, at) in chunk.iter().enumerate() {
        let bit = (distance(at) >> low_width) as usize + i;
        out[start + bit / 8] |= 1 << (bit % 8);
    }
}

/// Times in their packed form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times<'a> {
    starts: Packed<'a>,
    low_widths: Packed<'a>,
    ends: Packed<'a>,
    /// The chunks and all that follows them.
    data: &'a [u8],
    len: usize,
}

impl<'a> Times<'a> {
    /// Takes `len` times from the front of `bytes`; `None` when the bytes are damaged.
    pub(crate) fn take(bytes: &mut &'a [u8], len: usize) -> Option<Self> {
        let chunks = len.div_ceil(CHUNK);
        let starts = Packed::take(bytes, chunks)?;
        let low_widths = Packed::take(bytes, chunks)?;
        let ends = Packed::take(bytes, chunks)?;
        let times = Self { starts, low_widths, ends, data: bytes, len };
        let mut start = 0;
        for chunk in 0..chunks {
            let (end, width) = (ends.get(chunk) as usize, low_widths.get(chunk));
            let low_bytes = (times.count(chunk) * usize::try_from(width).ok()?).div_ceil(8);
            if width > 56 || end < start + low_bytes || bytes.len() < end + PADDING_BYTES {
                return None;
            }
            start = end;
        }
        *bytes = &bytes[start..];
        Some(times)
    }

    /// Number of times.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Time `i`.
    pub(crate) fn get(&self, i: usize) -> i64 {
        let chunk = self.chunk(i / CHUNK);
        let mut ones = i % CHUNK;
        for (n, word) in chunk.high_words().enumerate() {
            let in_word = word.count_ones() as usize;
            if ones < in_word {
                let mut word = word;
                (0..ones).for_each(|_| word &= word - 1);
                let bit = n * 64 + word.trailing_zeros() as usize;
                return chunk.time(i % CHUNK, bit);
            }
            ones -= in_word;
        }
        chunk.start
    }

    /// Appends the times in `range`.
    pub(crate) fn read(&self, range: std::ops::Range<usize>, out: &mut Vec<i64>) {
        out.reserve(range.len());
        for number in range.start / CHUNK..range.end.div_ceil(CHUNK) {
            let first = number * CHUNK;
            let (skip, end) = (range.start.saturating_sub(first), range.end - first);
            self.chunk(number).walk(|i, at_ms| {
                if i >= skip && i < end {
                    out.push(at_ms);
                }
                i + 1 < end
            });
        }
    }

    /// Number of times before `at_ms`.
    pub(crate) fn count_before(&self, at_ms: i64) -> usize {
        let chunks = self.starts.len();
        let after = self.starts.partition_point(0..chunks, |start| (start as i64) < at_ms);
        let Some(number) = after.checked_sub(1) else { return 0 };
        number * CHUNK + self.chunk(number).count_before(at_ms)
    }

    fn count(&self, chunk: usize) -> usize {
        CHUNK.min(self.len - chunk * CHUNK)
    }

    fn chunk(&self, number: usize) -> Chunk<'a> {
        let start = number.checked_sub(1).map_or(0, |before| self.ends.get(before) as usize);
        let end = self.ends.get(number) as usize;
        let (count, low_width) = (self.count(number), self.low_widths.get(number) as u32);
        let high = start + (count * low_width as usize).div_ceil(8);
        Chunk {
            start: self.starts.get(number) as i64,
            count,
            low_width,
            lows: &self.data[start..high + PADDING_BYTES],
            highs: &self.data[high..end],
        }
    }
}

struct Chunk<'a> {
    start: i64,
    count: usize,
    low_width: u32,
    lows: &'a [u8],
    highs: &'a [u8],
}

impl Chunk<'_> {
    fn high_words(&self) -> impl Iterator<Item = u64> {
        let (words, rest) = self.highs.as_chunks::<8>();
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        words.iter().map(|word| u64::from_le_bytes(*word)).chain(std::iter::once(u64::from_le_bytes(last)))
    }

    /// Time `i`, whose high part is told by the bit at `bit`.
    #[inline]
    fn time(&self, i: usize, bit: usize) -> i64 {
        let at = i * self.low_width as usize;
        let word = self.lows[at / 8..].first_chunk().expect("padding follows the low bits");
        let low = (u64::from_le_bytes(*word) >> (at % 8)) & ((1 << self.low_width) - 1);
        self.start.wrapping_add((((bit - i) as u64) << self.low_width | low) as i64)
    }

    /// Number of times before `at_ms`, which is after the chunk's first. A zero among the high bits stands
    /// for a step of the high part: times are compared only from where it is that of `at_ms`.
    fn count_before(&self, at_ms: i64) -> usize {
        let mut steps = at_ms.abs_diff(self.start) >> self.low_width;
        let (mut i, mut bit) = (0, 0);
        for word in self.high_words() {
            let zeros = u64::from(word.count_zeros());
            if zeros >= steps {
                let mut zeros = !word;
                (1..steps).for_each(|_| zeros &= zeros - 1);
                let end = if steps == 0 { 0 } else { zeros.trailing_zeros() + 1 };
                i += word.checked_shl(u64::BITS - end).unwrap_or(0).count_ones() as usize;
                bit += end as usize;
                break;
            }
            steps -= zeros;
            i += word.count_ones() as usize;
            bit += 64;
        }
        let is_one = |bit: usize| self.highs.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1);
        while i < self.count && is_one(bit) && self.time(i, bit) < at_ms {
            (i, bit) = (i + 1, bit + 1);
        }
        i.min(self.count)
    }

    /// Hands over the chunk's times in order for as long as `next` says so.
    #[inline]
    fn walk(&self, mut next: impl FnMut(usize, i64) -> bool) {
        let mut i = 0;
        for (n, mut word) in self.high_words().enumerate() {
            while word != 0 {
                if i == self.count || !next(i, self.time(i, n * 64 + word.trailing_zeros() as usize)) {
                    return;
                }
                word &= word - 1;
                i += 1;
            }
        }
    }
}

/// Times of a chunk: its header is half a bit a time.
const CHUNK: usize = 128;

#[cfg(test)]
mod tests {
    use super::super::packed::pad;
    use super::*;

    proptest::proptest! {
        #[test]
        fn times_are_read_back_and_searched(
            start in 0i64..7_000_000_000_000,
            gaps in proptest::collection::vec(proptest::prop_oneof![0i64..3, 0i64..100_000, 0i64..10_000_000_000], 1..400),
            cut in (0usize..400, 0usize..400),
        ) {
            let times: Vec<i64> = gaps.iter().scan(start, |at, gap| { *at += gap; Some(*at) }).collect();
            let mut bytes = Vec::new();
            write_times(&times, &mut bytes);
            bytes.push(77);
            pad(&mut bytes);
            let mut rest = bytes.as_slice();
            let packed = Times::take(&mut rest, times.len()).expect("just written");
            proptest::prop_assert_eq!(rest[0], 77);
            for (i, at) in times.iter().enumerate() {
                proptest::prop_assert_eq!(packed.get(i), *at);
            }
            let end = cut.1.min(times.len());
            let range = cut.0.min(end)..end;
            let mut read = Vec::new();
            packed.read(range.clone(), &mut read);
            proptest::prop_assert_eq!(&read, &times[range]);
            for at in [start, times[times.len() / 2], times[times.len() / 2] + 1, i64::MAX, i64::MIN] {
                proptest::prop_assert_eq!(packed.count_before(at), times.partition_point(|t| *t < at));
            }
        }

        #[test]
        fn damaged_bytes_are_read_without_panic(bytes in proptest::collection::vec(0u8.., 0..96), len in 0usize..300) {
            if let Some(times) = Times::take(&mut bytes.as_slice(), len) {
                times.read(0..len, &mut Vec::new());
                (0..len).for_each(|i| { times.get(i); });
                times.count_before(5);
            }
        }
    }
}
