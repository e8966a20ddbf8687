//! Posting leaves: up to 1,024 scans of one site in order of time; ties by device, then seq.
//!
//! ```text
//! scans varint | subjects varint
//! times                                           Elias-Fano, see `times`
//! subjects: distinct ids, ascending               gaps, see `ids`
//! places:   of each scan, its subject's place     packed, as wide as the number of subjects needs
//! kinds u8 | kinds of flags | of each scan, its kind's place, packed
//! devices varint | distinct devices, ascending | of each scan, its device's place, packed
//! has seqs u8 | of each device its first seq, varint | of each scan, how far its seq is from the
//!               device's last seq here plus one, zigzag, packed column
//! ```
//!
//! Those who pass a site pass it again, and live near those who do: so a subject is written once a leaf,
//! as a short gap, and its scans are places of a few bits. A device's seqs follow each other and take no
//! space. Rows of an import have no seqs: their order is that of the file, and leaves keep it among ties.

use super::ids::{Ids, write_ids};
use super::packed::{Packed, bits, pack, pad, read_varint, write_packed, write_varint};
use super::rows::{FullPosting, Posting};
use super::times::{Times, write_times};

/// Most scans in a leaf: a day of an ordinary site, so that its regulars are written once.
pub(crate) const LEAF_SCANS_MAX: usize = 1_024;

/// Encodes leaves; keeps its memory between them.
#[derive(Default)]
pub(crate) struct LeafEncoder {
    times: Vec<i64>,
    order: Vec<u64>,
    distinct: Vec<u32>,
    places: Vec<u32>,
}

impl LeafEncoder {
    /// Encodes a leaf of at least one scan; `postings` are in order.
    pub(crate) fn encode(&mut self, postings: &[FullPosting], has_seqs: bool) -> Vec<u8> {
        debug_assert!(postings.is_sorted_by_key(|p| p.at_ms));
        debug_assert!(!postings.is_empty() && postings.len() <= LEAF_SCANS_MAX);
        self.times.clear();
        self.times.extend(postings.iter().map(|p| p.at_ms));
        let mut out = Vec::with_capacity(64 + postings.len() * 5);
        self.rank(postings.iter().map(|p| p.subject));
        write_varint(postings.len() as u64, &mut out);
        write_varint(self.distinct.len() as u64, &mut out);
        write_times(&self.times, &mut out);
        write_ids(&self.distinct, &mut out);
        self.write_places(&mut out);
        self.rank(postings.iter().map(|p| u32::from(p.flags)));
        out.push(self.distinct.len() as u8);
        out.extend(self.distinct.iter().map(|flags| *flags as u8));
        self.write_places(&mut out);
        self.rank(postings.iter().map(|p| p.device));
        write_varint(self.distinct.len() as u64, &mut out);
        write_ids(&self.distinct, &mut out);
        self.write_places(&mut out);
        out.push(u8::from(has_seqs));
        if has_seqs {
            self.write_seqs(postings, &mut out);
        }
        pad(&mut out);
        out
    }

    /// Finds the distinct values, and of each value its place among them.
    fn rank(&mut self, values: impl Iterator<Item = u32> + Clone) {
        self.distinct.clear();
        self.places.clear();
        let mut all = values.clone();
        if let Some(first) = all.next().filter(|first| all.all(|value| value == *first)) {
            self.distinct.push(first);
            self.places.extend(values.map(|_| 0));
            return;
        }
        self.order.clear();
        self.order.extend(values.enumerate().map(|(i, value)| u64::from(value) << 32 | i as u64));
        self.order.sort_unstable();
        self.places.resize(self.order.len(), 0);
        for entry in &self.order {
            let value = (entry >> 32) as u32;
            if self.distinct.last() != Some(&value) {
                self.distinct.push(value);
            }
            self.places[*entry as u32 as usize] = self.distinct.len() as u32 - 1;
        }
    }

    fn write_places(&self, out: &mut Vec<u8>) {
        write_packed(
            self.places.iter().map(|place| u64::from(*place)),
            place_width(self.distinct.len()),
            out,
        );
    }

    /// Expects the devices' places.
    fn write_seqs(&self, postings: &[FullPosting], out: &mut Vec<u8>) {
        let mut expected = vec![None; self.distinct.len()];
        let mut firsts = vec![0; self.distinct.len()];
        let mut residuals = Vec::with_capacity(postings.len());
        for (posting, place) in postings.iter().zip(&self.places) {
            let place = *place as usize;
            let from = *expected[place].get_or_insert_with(|| {
                firsts[place] = posting.seq;
                posting.seq
            });
            residuals.push(zigzag(posting.seq.wrapping_sub(from) as i64));
            expected[place] = Some(posting.seq + 1);
        }
        firsts.into_iter().for_each(|first| write_varint(first, out));
        pack(residuals.into_iter(), out);
    }
}

/// A leaf, read in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'a> {
    times: Times<'a>,
    subjects: Ids<'a>,
    places: Packed<'a>,
    kinds: &'a [u8],
    kind_places: Packed<'a>,
    provenance: &'a [u8],
}

impl<'a> Leaf<'a> {
    /// `None` when the bytes are damaged.
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let scans = usize::try_from(read_varint(&mut bytes)?).ok()?;
        let subjects = usize::try_from(read_varint(&mut bytes)?).ok()?;
        if scans == 0 || scans > LEAF_SCANS_MAX || subjects == 0 || subjects > scans {
            return None;
        }
        let times = Times::take(&mut bytes, scans)?;
        let subjects = Ids::take(&mut bytes, subjects)?;
        let places = Packed::take_packed(&mut bytes, scans, place_width(subjects.len()))?;
        let (kinds, rest) = bytes.split_first()?;
        let (kinds, mut provenance) = rest.split_at_checked(usize::from(*kinds))?;
        let kind_places = Packed::take_packed(&mut provenance, scans, place_width(kinds.len()))?;
        Some(Self { times, subjects, places, kinds, kind_places, provenance })
    }

    /// Number of scans.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// The scans with `from_ms <= at < to_ms`, as places in the leaf.
    pub(crate) fn range(&self, from_ms: i64, to_ms: i64) -> std::ops::Range<usize> {
        let start = self.times.count_before(from_ms);
        start..self.times.count_before(to_ms).max(start)
    }

    /// Hands over time and flags of the scan at `place` and of all later ones of the same subject. `None`
    /// for a place outside.
    pub(crate) fn scans_of(&self, place: usize, mut scan: impl FnMut(i64, u8)) -> Option<()> {
        if place >= self.len() {
            return None;
        }
        self.places.equal(place, self.places.get(place), |i| scan(self.times.get(i), self.flags(i)));
        Some(())
    }

    /// Appends the scans with `from_ms <= at < to_ms`. `None` when the leaf is damaged.
    pub(crate) fn read(&self, from_ms: i64, to_ms: i64, out: &mut Vec<Posting>) -> Option<()> {
        self.read_range(self.range(from_ms, to_ms), &mut Scratch::default(), out)
    }

    /// Appends the scans at these places. `None` when the leaf is damaged.
    pub(crate) fn read_range(
        &self,
        range: std::ops::Range<usize>,
        scratch: &mut Scratch,
        out: &mut Vec<Posting>,
    ) -> Option<()> {
        if range.is_empty() {
            return Some(());
        }
        scratch.subjects.clear();
        self.subjects.read(&mut scratch.subjects);
        scratch.times.clear();
        self.times.read(range.clone(), &mut scratch.times);
        out.reserve(range.len());
        for (i, at_ms) in range.zip(&scratch.times) {
            let subject = *scratch.subjects.get(self.places.get(i) as usize)?;
            out.push(Posting { at_ms: *at_ms, subject, flags: self.flags(i) });
        }
        Some(())
    }

    /// Number of distinct subjects of the scans at these places.
    pub(crate) fn count_distinct(&self, range: std::ops::Range<usize>) -> u64 {
        let mut seen = [0u64; LEAF_SCANS_MAX / 64];
        for i in range {
            let place = self.places.get(i) as usize % LEAF_SCANS_MAX;
            seen[place / 64] |= 1 << (place % 64);
        }
        seen.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// Appends every distinct subject, in order of ids.
    pub(crate) fn subjects(&self, out: &mut Vec<u32>) {
        self.subjects.read(out);
    }

    /// Appends all scans and where they came from. `None` when the leaf is damaged.
    pub(crate) fn read_full(&self, scratch: &mut Scratch, out: &mut Vec<FullPosting>) -> Option<()> {
        scratch.postings.clear();
        let mut postings = std::mem::take(&mut scratch.postings);
        self.read_range(0..self.len(), scratch, &mut postings)?;
        let mut bytes = self.provenance;
        let count =
            usize::try_from(read_varint(&mut bytes)?).ok().filter(|n| (1..=self.len()).contains(n))?;
        let mut devices = Vec::with_capacity(count);
        Ids::take(&mut bytes, count)?.read(&mut devices);
        let places = Packed::take_packed(&mut bytes, self.len(), place_width(count))?;
        let (has_seqs, mut bytes) = bytes.split_first()?;
        let mut expected = vec![0; count];
        let mut residuals = None;
        if *has_seqs != 0 {
            for first in &mut expected {
                *first = read_varint(&mut bytes)?;
            }
            residuals = Some(Packed::take(&mut bytes, self.len())?);
        }
        out.reserve(self.len());
        for (i, Posting { at_ms, subject, flags }) in postings.iter().copied().enumerate() {
            let place = places.get(i) as usize;
            let (device, expected) = (*devices.get(place)?, expected.get_mut(place)?);
            let seq = residuals.map_or(0, |column| expected.wrapping_add(unzigzag(column.get(i)) as u64));
            *expected = seq.wrapping_add(1);
            out.push(FullPosting { at_ms, subject, flags, device, seq });
        }
        scratch.postings = postings;
        Some(())
    }

    fn flags(&self, i: usize) -> u8 {
        self.kinds.get(self.kind_places.get(i) as usize).copied().unwrap_or_default()
    }
}

/// Memory that reading leaves keeps between them.
#[derive(Default)]
pub(crate) struct Scratch {
    subjects: Vec<u32>,
    times: Vec<i64>,
    postings: Vec<Posting>,
}

fn place_width(values: usize) -> u32 {
    bits(values.saturating_sub(1) as u64)
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(at_ms: i64, subject: u32, flags: u8, device: u32, seq: u64) -> FullPosting {
        FullPosting { at_ms, subject, flags, device, seq }
    }

    proptest::proptest! {
        #[test]
        fn a_leaf_is_read_back_whole_and_in_part(
            mut postings in proptest::collection::vec(
                (0i64..200_000, 0u32..300, 0u8..12, 1u32..4, 1u64..1_000).prop_map(|(at, s, f, d, q)| posting(at, s, f, d, q)),
                1..400,
            ),
            (from, to) in (0i64..200_000, 0i64..200_000),
            has_seqs: bool,
        ) {
            postings.sort_by_key(|p| (p.at_ms, p.device));
            if !has_seqs {
                postings.iter_mut().for_each(|p| p.seq = 0);
            }
            let bytes = LeafEncoder::default().encode(&postings, has_seqs);
            let leaf = Leaf::parse(&bytes).expect("just written");
            let mut read = Vec::new();
            leaf.read_full(&mut Scratch::default(), &mut read).expect("sound");
            proptest::prop_assert_eq!(&read, &postings);
            let within: Vec<Posting> = postings.iter().filter(|p| (from..to).contains(&p.at_ms)).map(|p| Posting { at_ms: p.at_ms, subject: p.subject, flags: p.flags }).collect();
            let mut read = Vec::new();
            leaf.read(from, to, &mut read).expect("sound");
            proptest::prop_assert_eq!(read, within);
            for (i, p) in postings.iter().enumerate() {
                let later = postings[i..].iter().filter(|other| other.subject == p.subject);
                let mut read = Vec::new();
                leaf.scans_of(i, |at_ms, flags| read.push((at_ms, flags))).expect("within");
                proptest::prop_assert_eq!(read, later.map(|p| (p.at_ms, p.flags)).collect::<Vec<_>>());
            }
            proptest::prop_assert_eq!(leaf.scans_of(postings.len(), |_, _| {}), None);
            let there: std::collections::BTreeSet<u32> = postings.iter().filter(|p| (from..to).contains(&p.at_ms)).map(|p| p.subject).collect();
            proptest::prop_assert_eq!(leaf.count_distinct(leaf.range(from, to)), there.len() as u64);
            let mut subjects = Vec::new();
            leaf.subjects(&mut subjects);
            let distinct: std::collections::BTreeSet<u32> = postings.iter().map(|p| p.subject).collect();
            proptest::prop_assert!(subjects.into_iter().eq(distinct));
        }

        #[test]
        fn damaged_leaves_are_refused_without_panic(flips in proptest::collection::vec((0usize..4_000, 0u8..8), 1..6)) {
            let postings: Vec<_> = (0..300i64).map(|i| posting(i * 997, (i * 7_919 % 1_000) as u32, (i % 3) as u8, 4, i as u64)).collect();
            let mut bytes = LeafEncoder::default().encode(&postings, true);
            for (place, bit) in flips {
                let place = place % bytes.len();
                bytes[place] ^= 1 << bit;
            }
            if let Some(leaf) = Leaf::parse(&bytes) {
                leaf.read_full(&mut Scratch::default(), &mut Vec::new());
                leaf.read(1_000, 100_000, &mut Vec::new());
                (0..leaf.len()).for_each(|i| { leaf.scans_of(i, |_, _| {}); });
            }
        }
    }

    use proptest::strategy::Strategy as _;

    #[test]
    fn a_device_that_counts_on_costs_no_space() {
        let postings: Vec<_> = (0..1_000).map(|i| posting(i * 50_000, 7, 0, 3, i as u64 + 90)).collect();
        let without = LeafEncoder::default().encode(&postings, false).len();
        assert!(LeafEncoder::default().encode(&postings, true).len() <= without + 4);
    }
}
