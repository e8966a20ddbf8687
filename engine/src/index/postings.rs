//! Posting leaves: the scans of one site over a stretch of time, in time order.
//!
//! ```text
//! count varint | time | subject | flags | device | seq      (packed columns; times as unix ms)
//! ```
//!
//! A run's directory tells for every leaf its site, first and last time and count, so that a question
//! reads only the leaves that it needs.

use super::packed::{Packed, pack, pad, read_varint, write_varint};
use super::rows::{FullPosting, Posting};

/// Most scans in a leaf.
pub(crate) const LEAF_SCANS_MAX: usize = 512;

/// Encodes a leaf; `postings` are in time order.
pub(crate) fn encode_leaf(postings: &[FullPosting]) -> Vec<u8> {
    debug_assert!(postings.is_sorted_by_key(|p| p.at_ms));
    let mut out = Vec::with_capacity(32 + postings.len() * 8);
    write_varint(postings.len() as u64, &mut out);
    pack(postings.iter().map(|p| p.at_ms as u64), &mut out);
    pack(postings.iter().map(|p| u64::from(p.subject)), &mut out);
    pack(postings.iter().map(|p| u64::from(p.flags)), &mut out);
    pack(postings.iter().map(|p| u64::from(p.device)), &mut out);
    pack(postings.iter().map(|p| p.seq), &mut out);
    pad(&mut out);
    out
}

/// A leaf, read in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'a> {
    time: Packed<'a>,
    subject: Packed<'a>,
    flags: Packed<'a>,
    device: Packed<'a>,
    seq: Packed<'a>,
}

impl<'a> Leaf<'a> {
    /// `None` when the bytes are damaged.
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let count = usize::try_from(read_varint(&mut bytes)?).ok()?;
        if count > LEAF_SCANS_MAX {
            return None;
        }
        Some(Self {
            time: Packed::take(&mut bytes, count)?,
            subject: Packed::take(&mut bytes, count)?,
            flags: Packed::take(&mut bytes, count)?,
            device: Packed::take(&mut bytes, count)?,
            seq: Packed::take(&mut bytes, count)?,
        })
    }

    /// Appends the scans with `from_ms <= at < to_ms`.
    pub(crate) fn read(&self, from_ms: i64, to_ms: i64, out: &mut Vec<Posting>) {
        let range = self.range(from_ms, to_ms);
        out.extend(range.map(|i| Posting {
            at_ms: self.time.get(i) as i64,
            subject: self.subject.get(i) as u32,
            flags: self.flags.get(i) as u8,
        }));
    }

    /// Appends the scans with `from_ms <= at < to_ms`, and where they came from.
    pub(crate) fn read_full(&self, from_ms: i64, to_ms: i64, out: &mut Vec<FullPosting>) {
        let range = self.range(from_ms, to_ms);
        out.extend(range.map(|i| FullPosting {
            at_ms: self.time.get(i) as i64,
            subject: self.subject.get(i) as u32,
            flags: self.flags.get(i) as u8,
            device: self.device.get(i) as u32,
            seq: self.seq.get(i),
        }));
    }

    fn range(&self, from_ms: i64, to_ms: i64) -> std::ops::Range<usize> {
        let count = self.time.len();
        let start = self.time.partition_point(0..count, |at| (at as i64) < from_ms);
        let end = self.time.partition_point(start..count, |at| (at as i64) < to_ms);
        start..end
    }
}

/// What a run's postings hold: for every site its leaves in time order.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    sites: Vec<u32>,
    /// `first_leaf[i]..first_leaf[i + 1]` are the leaves of `sites[i]`.
    first_leaf: Vec<u32>,
    first_ms: Vec<i64>,
    last_ms: Vec<i64>,
    counts: Vec<u32>,
}

impl Directory {
    /// Notes the next leaf; sites ascend, and within a site times do.
    pub(crate) fn push(&mut self, site: u32, leaf: &[FullPosting]) {
        let (Some(first), Some(last)) = (leaf.first(), leaf.last()) else { return };
        if self.sites.last() != Some(&site) {
            debug_assert!(self.sites.last().is_none_or(|before| *before < site));
            self.sites.push(site);
            self.first_leaf.push(self.counts.len() as u32);
        }
        self.first_ms.push(first.at_ms);
        self.last_ms.push(last.at_ms);
        self.counts.push(leaf.len() as u32);
    }

    /// The leaves of `site` that may hold scans with `from_ms <= at < to_ms`, as numbers within the
    /// site, from 0.
    pub(crate) fn leaves(&self, site: u32, from_ms: i64, to_ms: i64) -> std::ops::Range<u32> {
        let Ok(i) = self.sites.binary_search(&site) else { return 0..0 };
        let leaves = self.leaves_of(i);
        let start = self.last_ms[leaves.clone()].partition_point(|last| *last < from_ms);
        let end = self.first_ms[leaves].partition_point(|first| *first < to_ms);
        start as u32..end.max(start) as u32
    }

    /// The sites in order, each with its number of leaves.
    pub(crate) fn sites(&self) -> impl Iterator<Item = (u32, u32)> {
        self.sites.iter().enumerate().map(|(i, site)| (*site, self.leaves_of(i).len() as u32))
    }

    /// Number of scans.
    pub(crate) fn scans(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    fn leaves_of(&self, i: usize) -> std::ops::Range<usize> {
        let end = self.first_leaf.get(i + 1).map_or(self.counts.len(), |end| *end as usize);
        self.first_leaf[i] as usize..end
    }

    /// `sites varint | leaves varint | sites | first leaves | first times | last times | counts`
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.counts.len() * 12);
        write_varint(self.sites.len() as u64, &mut out);
        write_varint(self.counts.len() as u64, &mut out);
        pack(self.sites.iter().map(|v| u64::from(*v)), &mut out);
        pack(self.first_leaf.iter().map(|v| u64::from(*v)), &mut out);
        pack(self.first_ms.iter().map(|v| *v as u64), &mut out);
        pack(self.last_ms.iter().map(|v| *v as u64), &mut out);
        pack(self.counts.iter().map(|v| u64::from(*v)), &mut out);
        pad(&mut out);
        out
    }

    /// `None` when the bytes are damaged.
    pub(crate) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let sites = usize::try_from(read_varint(&mut bytes)?).ok()?;
        let leaves = usize::try_from(read_varint(&mut bytes)?).ok()?;
        let mut column = |len| {
            let packed = Packed::take(&mut bytes, len)?;
            Some((0..len).map(move |i| packed.get(i)))
        };
        let directory = Self {
            sites: column(sites)?.map(|v| v as u32).collect(),
            first_leaf: column(sites)?.map(|v| v as u32).collect(),
            first_ms: column(leaves)?.map(|v| v as i64).collect(),
            last_ms: column(leaves)?.map(|v| v as i64).collect(),
            counts: column(leaves)?.map(|v| v as u32).collect(),
        };
        let in_order = directory.sites.is_sorted() && directory.first_leaf.is_sorted();
        let within = directory.first_leaf.last().is_none_or(|last| (*last as usize) < leaves);
        (in_order && within).then_some(directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postings(n: u64) -> Vec<FullPosting> {
        (0..n)
            .map(|i| FullPosting {
                at_ms: 1_600_000_000_000 + (i / 2) as i64 * 1_000,
                subject: (i * 7_919 % 1_000) as u32,
                flags: (i % 3) as u8,
                device: 4,
                seq: i + 1,
            })
            .collect()
    }

    #[test]
    fn a_leaf_is_read_back_and_searched_by_time() {
        let all = postings(100);
        let bytes = encode_leaf(&all);
        let leaf = Leaf::parse(&bytes).expect("just written");
        let (from, to) = (1_600_000_010_000, 1_600_000_020_000);
        let mut read = Vec::new();
        leaf.read_full(from, to, &mut read);
        let expected: Vec<_> = all.iter().copied().filter(|p| (from..to).contains(&p.at_ms)).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn a_directory_finds_the_leaves_of_a_stretch_of_time() {
        let mut directory = Directory::default();
        for (site, chunk) in [(3, 0..40), (3, 40..80), (9, 0..100)] {
            directory.push(site, &postings(100)[chunk]);
        }
        let read = Directory::parse(&directory.encode()).expect("just written");
        assert_eq!(read.leaves(3, 0, i64::MAX), 0..2);
        assert_eq!(read.leaves(3, 1_600_000_025_000, i64::MAX), 1..2);
        assert_eq!(read.leaves(3, 0, 1_600_000_000_001), 0..1);
        assert_eq!(read.leaves(4, 0, i64::MAX), 0..0);
        assert_eq!(read.sites().collect::<Vec<_>>(), [(3, 2), (9, 1)]);
        assert_eq!(read.scans(), 180);
    }
}
