//! Trail leaves: the scans of a group of neighbouring subjects, by subject, then in time order.
//!
//! ```text
//! subjects varint | scans varint | sites varint
//! subject | end (scans of this and all earlier subjects) | site ids, ascending
//! time | site (as its place among the ids) | flags
//! ```
//!
//! A group is the subjects that share `id >> shift`; a run chooses `shift` so that a leaf holds a few
//! hundred scans. Neighbours pass the same few sites, so a site costs a few bits.

use super::packed::{Packed, pack, pad, read_varint, write_varint};
use super::rows::TrailRow;

/// Scans that a leaf should hold on average.
const LEAF_SCANS: u64 = 256;

/// The shift that makes groups of about `LEAF_SCANS` scans, where `scans` spread over ids below
/// `ids_end`.
pub(crate) fn choose_shift(scans: u64, ids_end: u64) -> u8 {
    let ids_per_leaf = LEAF_SCANS * ids_end.max(1) / scans.max(1);
    ids_per_leaf.max(1).ilog2().min(SHIFT_MAX) as u8
}

/// Encodes a leaf; rows are by subject, then time.
pub(crate) fn encode_leaf(rows: &[(u32, TrailRow)]) -> Vec<u8> {
    debug_assert!(rows.is_sorted_by_key(|(subject, row)| (*subject, row.at_ms)));
    let mut sites: Vec<u32> = rows.iter().map(|(_, row)| row.site).collect();
    sites.sort_unstable();
    sites.dedup();
    let mut subjects: Vec<(u32, u32)> = Vec::new();
    for (i, (subject, _)) in rows.iter().enumerate() {
        match subjects.last_mut() {
            Some((last, end)) if last == subject => *end = i as u32 + 1,
            _ => subjects.push((*subject, i as u32 + 1)),
        }
    }
    let site_index = |site: u32| sites.partition_point(|s| *s < site) as u64;
    let mut out = Vec::with_capacity(32 + subjects.len() * 4 + rows.len() * 6);
    write_varint(subjects.len() as u64, &mut out);
    write_varint(rows.len() as u64, &mut out);
    write_varint(sites.len() as u64, &mut out);
    pack(subjects.iter().map(|(subject, _)| u64::from(*subject)), &mut out);
    pack(subjects.iter().map(|(_, end)| u64::from(*end)), &mut out);
    pack(sites.iter().map(|site| u64::from(*site)), &mut out);
    pack(rows.iter().map(|(_, row)| row.at_ms as u64), &mut out);
    pack(rows.iter().map(|(_, row)| site_index(row.site)), &mut out);
    pack(rows.iter().map(|(_, row)| u64::from(row.flags)), &mut out);
    pad(&mut out);
    out
}

/// A leaf, read in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'a> {
    subject: Packed<'a>,
    end: Packed<'a>,
    sites: Packed<'a>,
    time: Packed<'a>,
    site: Packed<'a>,
    flags: Packed<'a>,
}

impl<'a> Leaf<'a> {
    /// `None` when the bytes are damaged.
    pub(crate) fn parse(mut bytes: &'a [u8]) -> Option<Self> {
        let mut number = || usize::try_from(read_varint(&mut bytes)?).ok();
        let (subjects, scans, sites) = (number()?, number()?, number()?);
        Some(Self {
            subject: Packed::take(&mut bytes, subjects)?,
            end: Packed::take(&mut bytes, subjects)?,
            sites: Packed::take(&mut bytes, sites)?,
            time: Packed::take(&mut bytes, scans)?,
            site: Packed::take(&mut bytes, scans)?,
            flags: Packed::take(&mut bytes, scans)?,
        })
    }

    /// Appends the subject's scans with `from_ms <= at < to_ms`. `None` when the leaf is damaged.
    pub(crate) fn read(&self, subject: u32, from_ms: i64, to_ms: i64, out: &mut Vec<TrailRow>) -> Option<()> {
        let subjects = self.subject.len();
        let i = self.subject.partition_point(0..subjects, |s| s < u64::from(subject));
        if i == subjects || self.subject.get(i) != u64::from(subject) {
            return Some(());
        }
        let scans = self.scans_of(i)?;
        let start = self.time.partition_point(scans.clone(), |at| (at as i64) < from_ms);
        let end = self.time.partition_point(start..scans.end, |at| (at as i64) < to_ms);
        for i in start..end {
            out.push(self.row(i)?);
        }
        Some(())
    }

    /// Appends every scan with its subject. `None` when the leaf is damaged.
    pub(crate) fn read_all(&self, out: &mut Vec<(u32, TrailRow)>) -> Option<()> {
        for s in 0..self.subject.len() {
            let subject = self.subject.get(s) as u32;
            for i in self.scans_of(s)? {
                out.push((subject, self.row(i)?));
            }
        }
        Some(())
    }

    fn scans_of(&self, i: usize) -> Option<std::ops::Range<usize>> {
        let start = if i == 0 { 0 } else { self.end.get(i - 1) as usize };
        let end = self.end.get(i) as usize;
        (start <= end && end <= self.time.len()).then_some(start..end)
    }

    fn row(&self, i: usize) -> Option<TrailRow> {
        let site = self.site.get(i) as usize;
        (site < self.sites.len()).then(|| TrailRow {
            at_ms: self.time.get(i) as i64,
            site: self.sites.get(site) as u32,
            flags: self.flags.get(i) as u8,
        })
    }
}

/// Widest group: a million ids.
const SHIFT_MAX: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_read_back_by_subject_and_time() {
        let row = |at_ms, site| TrailRow { at_ms, site, flags: 1 };
        let rows = [(8, row(5, 70)), (8, row(9, 3)), (10, row(1, 70)), (10, row(1, 71)), (10, row(2, 3))];
        let bytes = encode_leaf(&rows);
        let leaf = Leaf::parse(&bytes).expect("just written");
        let read = |subject, from, to| {
            let mut out = Vec::new();
            leaf.read(subject, from, to, &mut out).expect("sound");
            out
        };
        assert_eq!(read(8, 0, 100), [row(5, 70), row(9, 3)]);
        assert_eq!(read(10, 1, 2), [row(1, 70), row(1, 71)]);
        assert_eq!(read(9, 0, 100), []);
        let mut all = Vec::new();
        leaf.read_all(&mut all).expect("sound");
        assert_eq!(all, rows);
    }

    #[test]
    fn groups_are_wider_where_scans_are_fewer() {
        assert_eq!(choose_shift(1_000_000, 700), 0);
        assert!(choose_shift(1_000, 1_000_000) > choose_shift(1_000_000, 1_000_000));
    }
}
