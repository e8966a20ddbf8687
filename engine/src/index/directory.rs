//! What a run's postings hold: for every site its leaves in order of time.
//!
//! ```text
//! sites varint | leaves varint | sites | first leaves | first times | last times | counts    (packed)
//! ```
//!
//! Leaves are numbered through the whole run, in order of sites. A question looks here which leaves it
//! needs; a trail, at which site a leaf is.

use super::packed::{Packed, pack, pad, read_varint, write_varint};
use super::rows::FullPosting;

/// The leaves of a run.
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
    /// Notes the next leaf and tells its number; sites ascend, and within a site times do.
    pub(crate) fn push(&mut self, site: u32, leaf: &[FullPosting]) -> u32 {
        let number = self.counts.len() as u32;
        let (Some(first), Some(last)) = (leaf.first(), leaf.last()) else { return number };
        if self.sites.last() != Some(&site) {
            debug_assert!(self.sites.last().is_none_or(|before| *before < site));
            self.sites.push(site);
            self.first_leaf.push(number);
        }
        self.first_ms.push(first.at_ms);
        self.last_ms.push(last.at_ms);
        self.counts.push(leaf.len() as u32);
        number
    }

    /// The leaves of `site` that may hold scans with `from_ms <= at < to_ms`.
    pub(crate) fn leaves(&self, site: u32, from_ms: i64, to_ms: i64) -> std::ops::Range<u32> {
        let Ok(i) = self.sites.binary_search(&site) else { return 0..0 };
        let leaves = self.leaves_of(i);
        let start = leaves.start + self.last_ms[leaves.clone()].partition_point(|last| *last < from_ms);
        let end = leaves.start + self.first_ms[leaves].partition_point(|first| *first < to_ms);
        start as u32..end.max(start) as u32
    }

    /// The site of a leaf.
    pub(crate) fn site_of(&self, leaf: u32) -> Option<u32> {
        let i = self.first_leaf.partition_point(|first| *first <= leaf).checked_sub(1)?;
        Some(self.sites[i])
    }

    /// Times of the first and last scan of a leaf.
    pub(crate) fn times_of(&self, leaf: u32) -> Option<(i64, i64)> {
        Some((*self.first_ms.get(leaf as usize)?, self.last_ms[leaf as usize]))
    }

    /// Number of scans of a leaf.
    pub(crate) fn scans_of(&self, leaf: u32) -> u64 {
        self.counts.get(leaf as usize).map_or(0, |count| u64::from(*count))
    }

    /// The sites in order, each with its leaves.
    pub(crate) fn sites(&self) -> impl Iterator<Item = (u32, std::ops::Range<u32>)> {
        self.sites.iter().enumerate().map(|(i, site)| {
            let leaves = self.leaves_of(i);
            (*site, leaves.start as u32..leaves.end as u32)
        })
    }

    /// Numbers of scans of the leaves, in order.
    pub(crate) fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Number of leaves.
    pub(crate) fn len(&self) -> u32 {
        self.counts.len() as u32
    }

    /// Number of scans.
    pub(crate) fn scans(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// Bytes that it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.sites.len() * 8 + self.counts.len() * 20
    }

    fn leaves_of(&self, i: usize) -> std::ops::Range<usize> {
        let end = self.first_leaf.get(i + 1).map_or(self.counts.len(), |end| *end as usize);
        self.first_leaf[i] as usize..end
    }

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

    fn leaf(first_ms: i64, last_ms: i64) -> [FullPosting; 2] {
        [first_ms, last_ms].map(|at_ms| FullPosting { at_ms, subject: 1, flags: 0, device: 1, seq: 1 })
    }

    #[test]
    fn a_directory_finds_the_leaves_of_a_stretch_of_time() {
        let mut directory = Directory::default();
        for (site, first_ms, last_ms) in [(3, 0, 19), (3, 20, 40), (9, 0, 50)] {
            directory.push(site, &leaf(first_ms, last_ms));
        }
        let read = Directory::parse(&directory.encode()).expect("just written");
        assert_eq!(read.leaves(3, 0, i64::MAX), 0..2);
        assert_eq!(read.leaves(3, 25, i64::MAX), 1..2);
        assert_eq!(read.leaves(3, 0, 20), 0..1);
        assert!(read.leaves(4, 0, i64::MAX).is_empty());
        assert_eq!(read.sites().collect::<Vec<_>>(), [(3, 0..2), (9, 2..3)]);
        assert_eq!((read.site_of(1), read.site_of(2)), (Some(3), Some(9)));
        assert_eq!((read.scans(), read.len(), read.times_of(1)), (6, 3, Some((20, 40))));
    }
}
